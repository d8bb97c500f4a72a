//! The driver against a Modbus server of the test's own, with the faults that real devices have.

mod dnp3;
mod registers;
mod replaced;
mod rtu;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use site::{
    Access, Device, DeviceIx, Form, Modbus, Place, Protocol, ReadingSpec, RegisterTable, RegisterType,
    WordOrder,
};
use telemetry::clock::SystemClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::driver::{Wiring, drive};
use crate::core::{DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading};

/// What the server does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// Takes requests and never answers.
    Silent,
    /// Holds each answer back and sends it in front of the next one.
    Late,
    /// Answers with a transaction id off by one.
    Transaction,
    /// Answers with one register too few.
    Short,
    /// Answers with octets that are no Modbus.
    Garbage,
    /// Takes its time for each answer.
    Slow,
    /// Refuses writes to register 300 until register 400 was written.
    Switched,
}

#[derive(Debug, Default)]
struct State {
    registers: BTreeMap<u16, u16>,
    fault: Fault,
    /// Address and words of each write.
    writes: Vec<(u16, Vec<u16>)>,
    /// Start and count of each read.
    reads: Vec<(u16, u16)>,
    connections: usize,
}

#[derive(Clone)]
struct Server {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = Self { state: Arc::default(), address: listener.local_addr().unwrap() };
        let state = Arc::clone(&server.state);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                state.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
        });
        server
    }

    /// A SunSpec map at `base`.
    async fn sunspec(base: u16, models: &[(u16, Vec<u16>)]) -> Self {
        let server = Self::start().await;
        server.put(base, &[0x5375, 0x6E53]);
        server.map(base + 2, models);
        server
    }

    fn map(&self, mut at: u16, models: &[(u16, Vec<u16>)]) {
        for (number, words) in models {
            self.put(at, &[*number, u16::try_from(words.len()).unwrap()]);
            self.put(at + 2, words);
            at += 2 + u16::try_from(words.len()).unwrap();
        }
        self.put(at, &[0xFFFF, 0]);
    }

    fn put(&self, at: u16, words: &[u16]) {
        let mut state = self.state.lock().unwrap();
        for (address, word) in (at..).zip(words) {
            state.registers.insert(address, *word);
        }
    }

    fn fault(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    fn state<T>(&self, see: impl FnOnce(&State) -> T) -> T {
        see(&self.state.lock().unwrap())
    }

    fn device(&self, protocol: Protocol, timeout_ms: u64, readings: Vec<ReadingSpec>) -> Device {
        Device {
            id: "dut".into(),
            protocol,
            access: Access::Modbus(Modbus::tcp(self.address)),
            poll: Duration::from_millis(20),
            timeout: Duration::from_millis(timeout_ms),
            readings,
        }
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut held: Vec<u8> = Vec::new();
    loop {
        let mut head = [0; 7];
        if stream.read_exact(&mut head).await.is_err() {
            return;
        }
        let mut pdu = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
        if stream.read_exact(&mut pdu).await.is_err() {
            return;
        }
        let (mut answer, fault) = {
            let mut state = state.lock().unwrap();
            (answer(&pdu, &mut state), state.fault)
        };
        let mut transaction = u16::from_be_bytes([head[0], head[1]]);
        match fault {
            Fault::Silent => continue,
            Fault::Slow => tokio::time::sleep(SLOW).await,
            Fault::Transaction => transaction = transaction.wrapping_add(1),
            Fault::Short if answer[0] < 0x80 => {
                answer.truncate(answer.len() - 2);
                answer[1] -= 2;
            }
            _ => {}
        }
        let mut frame = transaction.to_be_bytes().to_vec();
        frame.extend(if fault == Fault::Garbage { [9, 9] } else { [0, 0] });
        frame.extend(u16::try_from(answer.len() + 1).unwrap().to_be_bytes());
        frame.push(head[6]);
        frame.extend(answer);
        if fault == Fault::Late {
            std::mem::swap(&mut held, &mut frame);
        }
        if stream.write_all(&frame).await.is_err() {
            return;
        }
    }
}

fn answer(pdu: &[u8], state: &mut State) -> Vec<u8> {
    let word = |at: usize| u16::from_be_bytes([pdu[at], pdu[at + 1]]);
    let (start, count) = (word(1), word(3));
    let span = u32::from(start)..u32::from(start) + u32::from(count);
    let words: Option<Vec<u16>> =
        span.map(|at| u16::try_from(at).ok().and_then(|at| state.registers.get(&at).copied())).collect();
    match (pdu[0], words) {
        (3, Some(words)) => {
            state.reads.push((start, count));
            let mut answer = vec![3, u8::try_from(words.len() * 2).unwrap()];
            answer.extend(words.into_iter().flat_map(u16::to_be_bytes));
            answer
        }
        (16, Some(_)) if start == 300 && state.fault == Fault::Switched && state.registers[&400] == 0 => {
            vec![0x90, 4]
        }
        (16, Some(_)) => {
            let words: Vec<u16> = (0..usize::from(count)).map(|at| word(6 + at * 2)).collect();
            for (address, word) in (start..).zip(&words) {
                state.registers.insert(address, *word);
            }
            state.writes.push((start, words));
            pdu[..5].to_vec()
        }
        (function, None) => vec![function | 0x80, 2],
        (function, _) => vec![function | 0x80, 1],
    }
}

/// A driver under test.
struct Driven {
    writes: mpsc::Sender<(u64, FieldWrite)>,
    events: mpsc::Receiver<FieldEvent>,
    clock: SystemClock,
    task: tokio::task::JoinHandle<()>,
}

impl Driven {
    fn start(device: Device) -> Self {
        Self::start_wired(device, Wiring::default())
    }

    fn start_wired(device: Device, wiring: Wiring) -> Self {
        let (writes, asked) = mpsc::channel(8);
        let (out, events) = mpsc::channel(8);
        let clock = SystemClock::start();
        let task = tokio::spawn(drive(device, DeviceIx::new(0), asked, out, clock, wiring));
        Self { writes, events, clock, task }
    }

    async fn report(&mut self) -> FieldReport {
        loop {
            if let FieldEvent::Report(report) = self.events.recv().await.unwrap() {
                assert!(report.received.mono >= report.sent.mono);
                return report;
            }
        }
    }

    /// The next readings, whatever fails until then.
    async fn readings(&mut self) -> Vec<Reading> {
        loop {
            if let FieldOutcome::Readings(mut readings) = self.report().await.outcome {
                readings.sort_by_key(|(at, _)| *at);
                return readings.into_iter().map(|(_, reading)| reading).collect();
            }
        }
    }

    /// Readings until they are `wanted`.
    async fn until(&mut self, wanted: &[Reading]) {
        while self.readings().await != wanted {}
    }

    async fn failure(&mut self) -> DeviceFailure {
        loop {
            if let FieldOutcome::Failed(failure) = self.report().await.outcome {
                return failure;
            }
        }
    }

    async fn written(&mut self, request: u64, write: FieldWrite) -> Result<(), String> {
        self.writes.send((request, write)).await.unwrap();
        loop {
            if let FieldEvent::Written { device, request: answered, result } =
                self.events.recv().await.unwrap()
            {
                assert_eq!((device, answered), (DeviceIx::new(0), request));
                return result;
            }
        }
    }
}

fn sun(name: &str) -> ReadingSpec {
    let place = Place::SunSpec(site::sunspec::find(name).unwrap());
    ReadingSpec { place, form: Form::Number { scale: 1.0 } }
}

fn raw(register: u16) -> ReadingSpec {
    let place = Place::Register {
        table: RegisterTable::Holding,
        register,
        kind: RegisterType::U16,
        word_order: WordOrder::Big,
    };
    ReadingSpec { place, form: Form::Number { scale: 1.0 } }
}

/// Model 203 with active power.
fn meter(watts: u16, factor: i16) -> Vec<u16> {
    let mut words = vec![0; 105];
    (words[16], words[20]) = (watts, factor.cast_unsigned());
    words
}

const SLOW: Duration = Duration::from_millis(40);
const PATIENT_MS: u64 = 20_000;
const HASTY_MS: u64 = 60;

#[tokio::test]
async fn finds_the_models_wherever_the_map_begins() {
    for base in [40_000, 0, 50_000] {
        let server = Server::sunspec(base, &[(1, vec![0; 66]), (203, meter(4_567, 3))]).await;
        let device = server.device(Protocol::SunSpec, PATIENT_MS, vec![sun("203.W"), sun("103.W")]);
        let mut driven = Driven::start(device);
        let readings = driven.readings().await;
        assert_eq!(readings[0], Reading::Number(4_567_000.0));
        assert_eq!(readings[1], Reading::Invalid("the device has no SunSpec model 103".to_owned()));
        let model = base + 2 + 68 + 2;
        assert!(
            server.state(|state| state.reads.contains(&(model + 16, 5))),
            "value and factor in one request"
        );
    }
}

#[tokio::test]
async fn a_changed_scale_factor_comes_with_its_value() {
    let server = Server::sunspec(40_000, &[(203, meter(4_000, 3))]).await;
    let mut driven = Driven::start(server.device(Protocol::SunSpec, PATIENT_MS, vec![sun("203.W")]));
    assert_eq!(driven.readings().await, [Reading::Number(4e6)]);
    server.map(40_002, &[(203, meter(400, 4))]);
    for _ in 0..5 {
        assert_eq!(driven.readings().await, [Reading::Number(4e6)]);
    }
}

#[tokio::test]
async fn raw_registers_and_one_that_is_not_there() {
    let server = Server::start().await;
    server.put(0, &[1, 0, 5_999]);
    let device = server.device(Protocol::Modbus, PATIENT_MS, vec![raw(2), raw(0), raw(77)]);
    let mut driven = Driven::start(device);
    let readings = driven.readings().await;
    assert_eq!(readings[..2], [Reading::Number(5_999.0), Reading::Number(1.0)]);
    assert!(
        matches!(&readings[2], Reading::Invalid(words) if words.contains("registers 77 to 77")),
        "{readings:?}"
    );
    driven.readings().await;
    assert_eq!(server.state(|state| state.connections), 1, "an exception costs no connection");
}

#[tokio::test]
async fn a_poll_is_as_old_as_its_first_answer() {
    let server = Server::start().await;
    server.put(0, &[1]);
    server.put(300, &[2]);
    let mut driven = Driven::start(server.device(Protocol::Modbus, PATIENT_MS, vec![raw(0), raw(300)]));
    driven.until(&[Reading::Number(1.0), Reading::Number(2.0)]).await;
    server.fault(Fault::Slow);
    driven.report().await;
    let report = driven.report().await;
    assert!(matches!(&report.outcome, FieldOutcome::Readings(readings) if readings.len() == 2));
    let (first, both) = (report.received.mono.since(report.sent.mono), driven.clock.now().mono);
    assert!(both.since(report.sent.mono) >= 2 * SLOW, "each block takes its time");
    assert!(first >= SLOW && both.since(report.received.mono) >= SLOW, "{first:?}");
    let by_wall = report.received.wall.as_millis() - report.sent.wall.as_millis();
    assert!(u128::from(by_wall).abs_diff(first.as_millis()) <= 2, "{by_wall}");
}

#[tokio::test]
async fn a_device_that_only_refuses_is_told_as_such() {
    let server = Server::start().await;
    let mut driven = Driven::start(server.device(Protocol::Modbus, PATIENT_MS, vec![raw(7)]));
    assert_eq!(driven.failure().await.kind, FailureKind::Exception);
}

/// Each fault costs the connection, is told by its kind, and is over without a restart.
async fn fault_and_recovery(fault: Fault, timeout_ms: u64, kind: FailureKind) {
    let server = Server::start().await;
    server.put(0, &[1]);
    let mut driven = Driven::start(server.device(Protocol::Modbus, timeout_ms, vec![raw(0)]));
    driven.until(&[Reading::Number(1.0)]).await;
    let before = server.state(|state| state.connections);
    server.fault(fault);
    let failure = driven.failure().await;
    assert_eq!(failure.kind, kind, "{failure:?}");
    server.put(0, &[2]);
    server.fault(Fault::None);
    // No value but the new one may come now.
    driven.until(&[Reading::Number(2.0)]).await;
    assert!(server.state(|state| state.connections) > before, "the connection was dropped");
}

#[tokio::test]
async fn silence() {
    fault_and_recovery(Fault::Silent, HASTY_MS, FailureKind::TimedOut).await;
}

#[tokio::test]
async fn a_wrong_transaction() {
    fault_and_recovery(Fault::Transaction, PATIENT_MS, FailureKind::Protocol).await;
}

#[tokio::test]
async fn an_answer_of_the_wrong_length() {
    fault_and_recovery(Fault::Short, PATIENT_MS, FailureKind::Protocol).await;
}

#[tokio::test]
async fn garbage() {
    fault_and_recovery(Fault::Garbage, PATIENT_MS, FailureKind::Protocol).await;
}

#[tokio::test]
async fn a_late_reply_is_never_taken() {
    let server = Server::start().await;
    server.put(0, &[1]);
    let mut driven = Driven::start(server.device(Protocol::Modbus, HASTY_MS, vec![raw(0)]));
    driven.until(&[Reading::Number(1.0)]).await;
    server.fault(Fault::Late);
    assert_eq!(driven.failure().await.kind, FailureKind::TimedOut);
    server.put(0, &[2]);
    // Had a connection been kept, its next answer would be the one held back.
    assert_eq!(driven.failure().await.kind, FailureKind::TimedOut);
    server.fault(Fault::None);
    driven.until(&[Reading::Number(2.0)]).await;
}

#[tokio::test]
async fn the_map_is_walked_again_after_a_reconnect() {
    let server = Server::sunspec(40_000, &[(203, meter(1, 0))]).await;
    let mut driven = Driven::start(server.device(Protocol::SunSpec, PATIENT_MS, vec![sun("203.W")]));
    driven.until(&[Reading::Number(1.0)]).await;
    server.fault(Fault::Transaction);
    driven.failure().await;
    server.map(40_002, &[(1, vec![0; 66]), (203, meter(2, 0))]);
    server.fault(Fault::None);
    driven.until(&[Reading::Number(2.0)]).await;
}

#[tokio::test]
async fn nobody_there() {
    let server = Server::start().await;
    let mut device = server.device(Protocol::Modbus, PATIENT_MS, vec![raw(0)]);
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    device.access = Access::Modbus(Modbus::tcp(free.local_addr().unwrap()));
    drop(free);
    let mut driven = Driven::start(device);
    for _ in 0..4 {
        assert_eq!(driven.failure().await.kind, FailureKind::Unreachable);
    }
    let write = FieldWrite::Release704;
    assert!(driven.written(1, write).await.is_err(), "answered in the back-off too");
}

#[tokio::test]
async fn not_sunspec_at_all() {
    let server = Server::start().await;
    let mut driven = Driven::start(server.device(Protocol::SunSpec, PATIENT_MS, vec![sun("203.W")]));
    let failure = driven.failure().await;
    assert_eq!(failure.kind, FailureKind::Protocol);
    assert!(failure.words.contains("no SunSpec map"), "{failure:?}");
}

#[tokio::test]
async fn set_points_reach_704_between_polls() {
    let mut controls = vec![0; 65];
    (controls[53], controls[52]) = (2, 0);
    let server = Server::sunspec(40_000, &[(203, meter(1, 0)), (704, controls)]).await;
    let mut driven = Driven::start(server.device(Protocol::SunSpec, PATIENT_MS, vec![sun("203.W")]));
    driven.readings().await;
    let write = FieldWrite::SunSpec704 { watts: -2_500_000.0, revert_s: 60 };
    assert_eq!(driven.written(7, write).await, Ok(()));
    let at = 40_002 + 107 + 2;
    let value = (-25_000_i32).cast_unsigned().to_be_bytes();
    let value = vec![u16::from_be_bytes([value[0], value[1]]), u16::from_be_bytes([value[2], value[3]])];
    let wanted = [(at + 21, vec![1]), (at + 29, vec![0, 60]), (at + 22, value), (at + 20, vec![1])];
    assert_eq!(server.state(|state| state.writes.clone()), wanted);
    assert_eq!(driven.written(8, FieldWrite::Release704).await, Ok(()));
    assert_eq!(server.state(|state| state.writes.last().cloned()), Some((at + 20, vec![0])));
    driven.readings().await;
    let refused = driven.written(9, FieldWrite::Release123).await.unwrap_err();
    assert_eq!(refused, "the device has no SunSpec model 123");
    assert_eq!(server.state(|state| state.connections), 1);
}

#[tokio::test]
async fn set_points_reach_123() {
    let mut controls = vec![0; 24];
    controls[21] = (-1_i16).cast_unsigned();
    let server = Server::sunspec(0, &[(123, controls)]).await;
    let mut driven = Driven::start(server.device(Protocol::SunSpec, PATIENT_MS, Vec::new()));
    let write = FieldWrite::SunSpec123 { percent: 40.0, revert_s: 0 };
    assert_eq!(driven.written(1, write).await, Ok(()));
    assert_eq!(server.state(|state| state.writes.clone()), [(9, vec![0]), (7, vec![400]), (11, vec![1])]);
    assert_eq!(driven.written(2, FieldWrite::Release123).await, Ok(()));
    assert_eq!(server.state(|state| state.registers[&11]), 0);
}

#[tokio::test]
async fn ends_when_nobody_listens() {
    let server = Server::start().await;
    let Driven { events, task, writes, .. } =
        Driven::start(server.device(Protocol::Modbus, PATIENT_MS, vec![raw(0)]));
    drop(writes);
    drop(events);
    task.await.unwrap();
}
