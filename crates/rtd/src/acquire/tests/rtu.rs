//! The same over a serial line: a pseudo-terminal with several units behind it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use ieee1815_tokio::SerialConfig;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use site::Reach;

use super::*;
use crate::acquire::line::Line;

/// Units on a line, each with what it holds and does wrong.
struct Units {
    states: Arc<Mutex<BTreeMap<u8, State>>>,
    port: PathBuf,
    line: Arc<Line>,
    /// Kept open: without any end a pseudo-terminal hangs up.
    _end: serial2_tokio::SerialPort,
}

impl Units {
    fn start(units: &[u8]) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let port = PathBuf::from(ptsname(&controller, Vec::new()).unwrap().into_string().unwrap());
        let end = serial2_tokio::SerialPort::open(&port, 9_600).unwrap();
        let states = units.iter().map(|unit| (*unit, State::default())).collect();
        let states = Arc::new(Mutex::new(states));
        let served = Arc::clone(&states);
        std::thread::spawn(move || serve_line(File::from(controller), &served));
        let line = Arc::new(Line::new(Self::config(&port)));
        Self { states, port, line, _end: end }
    }

    fn config(port: &PathBuf) -> SerialConfig {
        SerialConfig { baud: 115_200, ..SerialConfig::new(port) }
    }

    fn unit<T>(&self, unit: u8, change: impl FnOnce(&mut State) -> T) -> T {
        change(self.states.lock().unwrap().get_mut(&unit).unwrap())
    }

    fn put(&self, unit: u8, at: u16, word: u16) {
        self.unit(unit, |state| state.registers.insert(at, word));
    }

    fn fault(&self, unit: u8, fault: Fault) {
        self.unit(unit, |state| state.fault = fault);
    }

    fn drive(&self, unit: u8, timeout_ms: u64, readings: Vec<ReadingSpec>) -> Driven {
        self.drive_as(Protocol::Modbus, unit, timeout_ms, readings)
    }

    fn drive_as(&self, protocol: Protocol, unit: u8, timeout_ms: u64, readings: Vec<ReadingSpec>) -> Driven {
        let reach = Reach::Serial(Self::config(&self.port));
        let device = Device {
            id: format!("unit{unit}").into(),
            protocol,
            access: Access::Modbus(Modbus { reach, unit_id: unit, gap_max: 0 }),
            poll: Duration::from_millis(20),
            timeout: Duration::from_millis(timeout_ms),
            readings,
        };
        Driven::start_wired(device, Wiring { line: Some(Arc::clone(&self.line)), ..Wiring::default() })
    }
}

fn crc(octets: &[u8]) -> [u8; 2] {
    let crc = octets.iter().fold(0xFFFF_u16, |crc, octet| {
        (0..8).fold(crc ^ u16::from(*octet), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    });
    crc.to_le_bytes()
}

fn serve_line(mut port: File, states: &Mutex<BTreeMap<u8, State>>) {
    let mut held: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    loop {
        let mut request = vec![0; 7];
        if port.read_exact(&mut request).is_err() {
            return;
        }
        // A write carries its registers and their length; a read ends after one octet more.
        let more = if request[1] == 16 { usize::from(request[6]) + 2 } else { 1 };
        request.resize(7 + more, 0);
        if port.read_exact(&mut request[7..]).is_err() {
            return;
        }
        let end = request.len() - 2;
        assert_eq!(crc(&request[..end]), request[end..], "{request:?}");
        let unit = request[0];
        let mut states = states.lock().unwrap();
        let Some(state) = states.get_mut(&unit) else { continue };
        let mut frame = vec![if state.fault == Fault::Transaction { unit + 100 } else { unit }];
        frame.extend(answer(&request[1..end], state));
        frame.extend(crc(&frame));
        match state.fault {
            Fault::Silent => continue,
            Fault::Late => std::mem::swap(&mut frame, held.entry(unit).or_default()),
            Fault::Garbage => frame = vec![0x55; 40],
            Fault::Short => frame.truncate(frame.len() - 2),
            Fault::None | Fault::Transaction | Fault::Slow | Fault::Switched => {}
        }
        drop(states);
        if port.write_all(&frame).is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn two_units_on_one_line() {
    let units = Units::start(&[1, 2]);
    units.put(1, 0, 11);
    units.put(2, 0, 22);
    let mut one = units.drive(1, PATIENT_MS, vec![raw(0), raw(7)]);
    let mut two = units.drive(2, PATIENT_MS, vec![raw(0)]);
    assert_eq!(two.readings().await, [Reading::Number(22.0)]);
    let readings = one.readings().await;
    assert_eq!(readings[0], Reading::Number(11.0));
    assert!(
        matches!(&readings[1], Reading::Invalid(words) if words.contains("registers 7 to 7")),
        "{readings:?}"
    );
}

#[tokio::test]
async fn a_dead_unit_leaves_the_line_to_the_others() {
    let units = Units::start(&[1, 2]);
    units.put(1, 0, 11);
    units.put(2, 0, 22);
    let mut good = units.drive(1, HASTY_MS, vec![raw(0)]);
    let mut dead = units.drive(2, HASTY_MS, vec![raw(0)]);
    dead.until(&[Reading::Number(22.0)]).await;
    units.fault(2, Fault::Silent);
    assert_eq!(dead.failure().await.kind, FailureKind::TimedOut);
    let asked = |unit| units.unit(unit, |state| state.reads.len());
    let (of_good, of_dead) = (asked(1), asked(2));
    for _ in 0..20 {
        assert_eq!(good.readings().await, [Reading::Number(11.0)]);
    }
    // Each in its turn, and the dead one less and less often.
    assert!(asked(1) - of_good >= 10 && asked(2) - of_dead < 10, "{} {}", asked(1), asked(2));
    units.fault(2, Fault::None);
    dead.until(&[Reading::Number(22.0)]).await;
}

/// No value but the new one may come after the fault.
async fn over_and_done(fault: Fault, kind: FailureKind) {
    let units = Units::start(&[1]);
    for at in 0..8 {
        units.put(1, at, 1);
    }
    let mut driven = units.drive(1, HASTY_MS, vec![raw(0)]);
    driven.until(&[Reading::Number(1.0)]).await;
    units.fault(1, fault);
    let failure = driven.failure().await;
    assert_eq!(failure.kind, kind, "{failure:?}");
    units.put(1, 0, 2);
    // What was read before the change may be in the first report only.
    for _ in 0..3 {
        driven.failure().await;
    }
    units.fault(1, Fault::None);
    assert_eq!(driven.readings().await, [Reading::Number(2.0)]);
}

#[tokio::test]
async fn silence() {
    over_and_done(Fault::Silent, FailureKind::TimedOut).await;
}

#[tokio::test]
async fn a_late_reply_is_never_taken() {
    over_and_done(Fault::Late, FailureKind::TimedOut).await;
}

#[tokio::test]
async fn the_answer_of_another_unit() {
    over_and_done(Fault::Transaction, FailureKind::Protocol).await;
}

#[tokio::test]
async fn sunspec_and_set_points_over_a_line() {
    let units = Units::start(&[5]);
    let mut controls = vec![704, 65];
    controls.extend([0; 65]);
    let words = [vec![0x5375, 0x6E53, 203, 105], meter(4_567, 3), controls, vec![0xFFFF, 0]].concat();
    for (at, word) in (40_000..).zip(words) {
        units.put(5, at, word);
    }
    let mut driven = units.drive_as(Protocol::SunSpec, 5, 500, vec![sun("203.W")]);
    driven.until(&[Reading::Number(4_567_000.0)]).await;
    let at = 40_002 + 2 + 105 + 2;
    assert_eq!(driven.written(7, FieldWrite::Release704).await, Ok(()));
    assert_eq!(units.unit(5, |state| state.writes.last().cloned()), Some((at + 20, vec![0])));
    // Its answer lost: that is told, and nobody takes it for another one's later.
    units.fault(5, Fault::Silent);
    assert!(driven.written(8, FieldWrite::Release704).await.is_err());
    units.fault(5, Fault::None);
    driven.until(&[Reading::Number(4_567_000.0)]).await;
    assert_eq!(driven.written(9, FieldWrite::Release704).await, Ok(()));
}

#[tokio::test]
async fn nothing_at_the_port() {
    let folder = tempfile::tempdir().unwrap();
    let units = Units::start(&[1]);
    let nowhere = SerialConfig::new(folder.path().join("ttyNone"));
    let line = Some(Arc::new(Line::new(nowhere.clone())));
    let modbus = Modbus { reach: Reach::Serial(nowhere), unit_id: 1, gap_max: 0 };
    let device = Device {
        id: "lost".into(),
        protocol: Protocol::Modbus,
        access: Access::Modbus(modbus),
        poll: Duration::from_millis(20),
        timeout: Duration::from_millis(PATIENT_MS),
        readings: vec![raw(0)],
    };
    let mut driven = Driven::start_wired(device, Wiring { line, ..Wiring::default() });
    let failure = driven.failure().await;
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(failure.words.contains("ttyNone"), "{failure:?}");
    drop(units);
}
