//! Our master against outstations that others wrote, over TCP and mutual TLS.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ieee1815::master::{DeadbandWidth, MasterConfig, MasterEvent, Objects, Outcome, Request, TimeProcedure};
use ieee1815::{
    AnalogWidth, Classes, Command, CommandStatus, Crob, DoubleBit, Iin, OperateMode, PointType, Value,
};
use ieee1815_tokio::{DriverConfig, DriverEvent, MasterDriver, MasterHandle};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use crate::peer::{PATIENCE, Peer, python, skip};
use crate::pki::{OURS, Pki};
use crate::recorder::{CLIENT, SERVER, relay};
use crate::row::{Check, Miss, Row, failed, require};
use crate::wire;

/// Points of each type that the peers hold.
const POINTS: usize = 4;
/// The peer's clock and ours are one.
const CLOCK_MS_MAX: u64 = 2000;
/// Our master asks for the link status after so long a silence, and the test is silent for longer.
const KEEP_ALIVE: Duration = Duration::from_millis(500);
const IDLE: Duration = Duration::from_millis(1500);
const LATCH_ON: u8 = 3;
const LATCH_OFF: u8 = 4;
const CLOSE: u8 = 0x41;

/// A peer that writes outstations.
struct Library {
    name: &'static str,
    module: &'static str,
    /// The types it holds.
    types: &'static [PointType],
    /// Its event classes are 1, 2 and 3 for binaries, counters and analogs; else they have to be assigned.
    classes: bool,
}

const BASIC: [PointType; 6] = [
    PointType::BinaryInput,
    PointType::BinaryOutputStatus,
    PointType::Counter,
    PointType::FrozenCounter,
    PointType::AnalogInput,
    PointType::AnalogOutputStatus,
];

const YADNP3: Library = Library {
    name: "yadnp3",
    module: "opendnp3",
    types: &[
        PointType::BinaryInput,
        PointType::DoubleBitInput,
        PointType::BinaryOutputStatus,
        PointType::Counter,
        PointType::FrozenCounter,
        PointType::AnalogInput,
        PointType::AnalogOutputStatus,
        PointType::OctetString,
    ],
    classes: false,
};

const PY1815: Library = Library { name: "py1815", module: "py1815", types: &BASIC, classes: true };

const DNP3PY: Library = Library { name: "dnp3py", module: "dnp3", types: &BASIC, classes: true };

struct Ends {
    library: &'static Library,
    theirs: Peer,
    master: MasterHandle,
    events: mpsc::Receiver<DriverEvent>,
    runtime: Runtime,
    turn: u32,
    // Dropped last: that ends the driver.
    _stop: watch::Sender<bool>,
}

/// What is due to come: type, index, value.
#[derive(Debug, Clone, Copy)]
struct Due(PointType, u16, Value);

fn wall_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn found(heard: &[MasterEvent], due: Due, as_event: bool) -> bool {
    heard.iter().any(|one| {
        matches!(one, MasterEvent::Point { point, index, measured, event, .. }
            if (*point, *index, measured.value) == (due.0, due.1, due.2) && *event == as_event)
    })
}

fn has(heard: &[MasterEvent], due: Due, as_event: bool) -> Check {
    require(found(heard, due, as_event), || format!("no {due:?} in {heard:?}"))
}

fn has_no(heard: &[MasterEvent], due: Due) -> Check {
    require(!found(heard, due, true), || format!("{due:?} once more in {heard:?}"))
}

/// Indications of the last response.
fn indications(heard: &[MasterEvent]) -> Iin {
    let of = |one: &MasterEvent| if let MasterEvent::Response { iin, .. } = one { Some(*iin) } else { None };
    heard.iter().rev().find_map(of).unwrap_or(Iin::NONE)
}

impl Ends {
    fn start(library: &'static Library, tls: bool, folder: &Path) -> Option<Self> {
        let python = python(library.module)?;
        if !wire::is_here() {
            skip("tshark: apt-get install --no-install-recommends tshark");
            return None;
        }
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let relayed = relay(SocketAddr::from(([127, 0, 0, 1], port)), &folder.join("row.pcap"));
        let port = port.to_string();
        let pki = tls.then(|| Pki::new(folder));
        let mut arguments = vec!["127.0.0.1", &port, "--local", "10", "--remote", "1"];
        if let Some(pki) = &pki {
            arguments.extend(["--name", OURS, "--tls", &pki.ca, &pki.theirs[0], &pki.theirs[1]]);
        }
        let theirs = Peer::script(&python, &format!("outstation_{}.py", library.name), &arguments);
        theirs.until("listening").unwrap();
        let mut master = MasterConfig::new(1, 10);
        PointType::ALL.into_iter().for_each(|point| master.accept.insert(point, 0..=99));
        master.keep_alive = Some(KEEP_ALIVE);
        master.retry_delay = Duration::from_millis(500);
        let config = DriverConfig {
            address: format!("127.0.0.1:{relayed}"),
            tls: pki.map(|pki| Arc::new(pki.policy(folder.join("keys.log")).client().unwrap())),
            master,
            connect_timeout: PATIENCE,
            reconnect_delay: Duration::from_millis(200),
        };
        let runtime = Runtime::new().unwrap();
        let (stop, shutdown) = watch::channel(false);
        let (master, events) = runtime.block_on(async { MasterDriver::spawn(config, shutdown) });
        Some(Self { library, theirs, master, events, runtime, turn: 0, _stop: stop })
    }

    /// What the master says up to the first that is `wanted`.
    fn hear(&mut self, wanted: impl Fn(&MasterEvent) -> bool) -> Check<Vec<MasterEvent>> {
        let mut heard = Vec::new();
        loop {
            let next = async { tokio::time::timeout(PATIENCE, self.events.recv()).await };
            match self.runtime.block_on(next) {
                Ok(Some(DriverEvent::Master { event, .. })) => {
                    let is_it = wanted(&event);
                    heard.push(event);
                    if is_it {
                        return Ok(heard);
                    }
                }
                Ok(Some(DriverEvent::Down { why })) => return failed(format!("{why}, after {heard:?}")),
                Ok(Some(DriverEvent::Up { .. })) => {}
                _ => return failed(format!("what was waited for never came, only {heard:?}")),
            }
        }
    }

    /// A request: its outcome and what came up to it.
    fn request(&mut self, request: Request) -> Check<(Outcome, Vec<MasterEvent>)> {
        let told = format!("{request:?}");
        let ticket = self.runtime.block_on(self.master.submit(request));
        let id = ticket.map_err(|error| Miss::Failed(format!("{told}: {error}")))?.id();
        let heard = self.hear(|event| matches!(event, MasterEvent::Done { id: done, .. } if *done == id))?;
        let Some(MasterEvent::Done { outcome, .. }) = heard.last() else { return failed("no end") };
        if matches!(outcome, Outcome::Refused(iin) if iin.contains(Iin::NO_FUNC_CODE_SUPPORT)) {
            return Err(Miss::NotOffered("it answers that it does not know the function".to_owned()));
        }
        Ok((outcome.clone(), heard))
    }

    /// A request with this outcome.
    fn done(&mut self, request: Request, wanted: &Outcome) -> Check<Vec<MasterEvent>> {
        let told = format!("{request:?}");
        let (outcome, heard) = self.request(request)?;
        require(outcome == *wanted, || format!("{told}: {outcome}"))?;
        Ok(heard)
    }

    /// The same, of objects that not every outstation has.
    fn offered(&mut self, request: Request, wanted: &Outcome) -> Check<Vec<MasterEvent>> {
        match self.request(request.clone())?.0 {
            Outcome::Refused(iin) if iin.contains(Iin::OBJECT_UNKNOWN) => {
                Err(Miss::NotOffered("it answers that it does not know the object".to_owned()))
            }
            _ => self.done(request, wanted),
        }
    }

    fn read(&mut self, classes: Classes) -> Check<Vec<MasterEvent>> {
        self.done(Request::Read(classes), &Outcome::ReadDone)
    }

    fn group(&mut self, group: u8) -> Check<Vec<MasterEvent>> {
        self.done(Request::ReadObjects(vec![Objects::all(group, 0)]), &Outcome::ReadDone)
    }

    fn drain(&mut self) -> Check {
        for _ in 0..10 {
            let heard = self.read(Classes::EVENTS)?;
            if !heard.iter().any(|one| matches!(one, MasterEvent::Point { event: true, .. })) {
                return Ok(());
            }
        }
        failed("there is no end of events")
    }

    fn tell(&mut self, kind: &str, index: u16, value: &serde_json::Value) -> Check {
        self.theirs.ask(&json!({ "do": "update", "type": kind, "index": index, "value": value })).map(drop)
    }

    /// Has the peer measure something that was not so before.
    fn stir(&mut self, point: PointType) -> Check<Due> {
        self.turn += 1;
        let (turn, index) = (self.turn, u16::try_from(self.turn % 4).unwrap());
        let value = match point {
            PointType::BinaryInput => {
                self.tell("binary_input", index, &json!(false))?;
                self.tell("binary_input", index, &json!(true))?;
                Value::Binary(true)
            }
            PointType::DoubleBitInput => {
                let (name, state) = [
                    ("on", DoubleBit::On),
                    ("between", DoubleBit::Intermediate),
                    ("wrong", DoubleBit::Indeterminate),
                    ("off", DoubleBit::Off),
                ][usize::try_from(turn % 4).unwrap()];
                // Index and state go round together: another state first.
                self.tell("double_bit_input", index, &json!(if name == "on" { "off" } else { "on" }))?;
                self.tell("double_bit_input", index, &json!(name))?;
                Value::DoubleBit(state)
            }
            PointType::Counter => {
                self.tell("counter", index, &json!(turn + 1000))?;
                Value::Counter(turn + 1000)
            }
            _ => {
                self.tell("analog_input", index, &json!(turn + 50))?;
                Value::Analog(f64::from(turn + 50))
            }
        };
        Ok(Due(point, index, value))
    }

    fn start_up(&mut self) -> Check {
        let heard = self.hear(|event| *event == MasterEvent::StartUpDone)?;
        let bad = heard
            .iter()
            .find(|one| matches!(one, MasterEvent::StartUpFailed { .. } | MasterEvent::FellBack { .. }));
        require(bad.is_none(), || format!("{bad:?}"))?;
        // It had restarted, and was told that this was seen.
        require(heard.contains(&MasterEvent::Restart), || format!("no restart in {heard:?}"))
    }

    fn restart_bit(&mut self) -> Check {
        let heard = self.read(Classes::ALL)?;
        require(!indications(&heard).contains(Iin::DEVICE_RESTART), || format!("{heard:?}"))?;
        match self.theirs.ask(&json!({ "do": "restart_bit" })) {
            // At the start-up it was there and went, and more cannot be had.
            Err(Miss::NotOffered(_)) => return Ok(()),
            other => other.map(drop)?,
        }
        let (_, mut heard) = self.request(Request::Read(Classes::EVENTS))?;
        if !heard.contains(&MasterEvent::Restart) {
            heard = self.hear(|event| *event == MasterEvent::Restart)?;
        }
        require(heard.contains(&MasterEvent::Restart), || format!("{heard:?}"))?;
        self.hear(|event| *event == MasterEvent::StartUpDone)?;
        let heard = self.read(Classes::ALL)?;
        require(!indications(&heard).contains(Iin::DEVICE_RESTART), || format!("{heard:?}"))
    }

    fn integrity(&mut self) -> Check {
        let due = [
            self.stir(PointType::BinaryInput)?,
            self.stir(PointType::Counter)?,
            self.stir(PointType::AnalogInput)?,
        ];
        let heard = self.read(Classes::ALL)?;
        due.iter().try_for_each(|due| has(&heard, *due, false))?;
        for of in self.library.types {
            let count = heard
                .iter()
                .filter(|one| match one {
                    MasterEvent::Point { point, event: false, .. } => point == of,
                    MasterEvent::Octets { event: false, .. } => *of == PointType::OctetString,
                    _ => false,
                })
                .count();
            require(count == POINTS, || format!("{count} of {of:?} in {heard:?}"))?;
        }
        self.drain()
    }

    fn class_polls(&mut self) -> Check {
        if !self.library.classes {
            let of = |class, group| (class, Objects::all(group, 0));
            let assign = Request::AssignClass(vec![of(1, 1), of(2, 20), of(3, 30)]);
            self.done(assign, &Outcome::Accepted)?;
        }
        for (class, point) in [
            (Classes::ONE, PointType::BinaryInput),
            (Classes::TWO, PointType::Counter),
            (Classes::THREE, PointType::AnalogInput),
        ] {
            let due = self.stir(point)?;
            if point == PointType::Counter && self.library.name == "py1815" {
                // It buffers none of these; a freeze makes events of this class.
                let all = vec![Objects::all(20, 0)];
                self.done(Request::Freeze { clear: false, no_ack: false, objects: all }, &Outcome::Accepted)?;
            }
            for other in [Classes::ONE, Classes::TWO, Classes::THREE] {
                let heard = self.read(other)?;
                let events =
                    heard.iter().filter(|one| matches!(one, MasterEvent::Point { event: true, .. })).count();
                require((events > 0) == (other == class), || format!("{due:?}: {heard:?} in {other:?}"))?;
            }
        }
        self.drain()
    }

    fn confirmed(&mut self) -> Check {
        let due = self.stir(PointType::AnalogInput)?;
        has(&self.read(Classes::EVENTS)?, due, true)?;
        has_no(&self.read(Classes::EVENTS)?, due)?;
        match self.library.name {
            "yadnp3" => self.theirs.until("confirmed").map(drop),
            "dnp3py" => {
                Err(Miss::NotOffered("it asks for no confirm: its events are gone once sent".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn unsolicited(&mut self) -> Check {
        let all = |enable| Request::Unsolicited { enable, classes: Classes::EVENTS };
        self.done(all(true), &Outcome::Accepted)?;
        if self.library.name == "dnp3py" {
            self.done(all(false), &Outcome::Accepted)?;
            return Err(Miss::NotOffered(
                "its runner never sends what its outstation would report".to_owned(),
            ));
        }
        let due = self.stir(PointType::BinaryInput)?;
        let mut heard = Vec::new();
        while !found(&heard, due, true) {
            heard.extend(self.hear(|one| matches!(one, MasterEvent::Response { unsolicited: true, .. }))?);
        }
        self.done(all(false), &Outcome::Accepted)?;
        has_no(&self.read(Classes::EVENTS)?, due)?;
        let due = self.stir(PointType::BinaryInput)?;
        let heard = self.read(Classes::EVENTS)?;
        let unasked = |one: &MasterEvent| matches!(one, MasterEvent::Response { unsolicited: true, .. });
        require(!heard.iter().any(unasked), || format!("still unsolicited: {heard:?}"))?;
        has(&heard, due, true)
    }

    fn double(&mut self) -> Check {
        for _ in 0..4 {
            let due = self.stir(PointType::DoubleBitInput)?;
            has(&self.read(Classes::EVENTS)?, due, true)?;
            has(&self.group(3)?, due, false)?;
        }
        Ok(())
    }

    fn counters(&mut self) -> Check {
        for _ in 0..2 {
            let due = self.stir(PointType::Counter)?;
            if self.library.name != "py1815" {
                has(&self.read(Classes::EVENTS)?, due, true)?;
            }
            has(&self.group(20)?, due, false)?;
        }
        Ok(())
    }

    /// The counts of a group, in order.
    fn counts(&mut self, group: u8) -> Check<Vec<(u16, Value)>> {
        let heard = self.group(group)?;
        let of = |one: &MasterEvent| match one {
            MasterEvent::Point { index, measured, event: false, .. } => Some((*index, measured.value)),
            _ => None,
        };
        Ok(heard.iter().filter_map(of).collect())
    }

    fn freeze(&mut self) -> Check {
        for (clear, no_ack) in [(false, false), (true, false), (false, true), (true, true)] {
            self.stir(PointType::Counter)?;
            let counters = self.counts(20)?;
            let freeze = Request::Freeze { clear, no_ack, objects: vec![Objects::all(20, 0)] };
            self.done(freeze, if no_ack { &Outcome::Sent } else { &Outcome::Accepted })?;
            let frozen = self.counts(21)?;
            require(frozen == counters, || format!("{counters:?} became {frozen:?}"))?;
            if clear {
                let left = self.counts(20)?;
                require(left.iter().all(|(_, count)| *count == Value::Counter(0)), || format!("{left:?}"))?;
            }
        }
        self.drain()
    }

    fn assign(&mut self) -> Check {
        for (class, elsewhere) in [(3, Classes::ONE), (1, Classes::THREE)] {
            self.done(Request::AssignClass(vec![(class, Objects::all(1, 0))]), &Outcome::Accepted)?;
            let due = self.stir(PointType::BinaryInput)?;
            has_no(&self.read(elsewhere)?, due)?;
            has(&self.read(Classes::EVENTS)?, due, true)?;
        }
        Ok(())
    }

    fn texts(&mut self) -> Check {
        let read = Request::ReadObjects(vec![Objects::all(110, 0)]);
        let heard = self.offered(read, &Outcome::ReadDone)?;
        let strings =
            heard.iter().filter(|one| matches!(one, MasterEvent::Octets { event: false, .. })).count();
        require(strings == POINTS, || format!("{heard:?}"))?;
        match self.tell("octet_string", 1, &json!("text")) {
            Err(Miss::NotOffered(reason)) => Err(Miss::NotOffered(format!("statics are read; {reason}"))),
            other => other,
        }
    }

    fn deadband(&mut self) -> Check {
        let write = |value| Request::WriteDeadbands {
            width: DeadbandWidth::F32,
            deadbands: (0..4).map(|index| (index, value)).collect(),
        };
        self.offered(write(1e6), &Outcome::Accepted)?;
        self.drain()?;
        let due = self.stir(PointType::AnalogInput)?;
        has_no(&self.read(Classes::EVENTS)?, due)?;
        self.done(write(0.0), &Outcome::Accepted).map(drop)
    }

    fn time(&mut self, procedure: TimeProcedure) -> Check {
        self.theirs.ask(&json!({ "do": "need_time" }))?;
        let heard = self.read(Classes::EVENTS)?;
        require(indications(&heard).contains(Iin::NEED_TIME), || format!("no need of time: {heard:?}"))?;
        self.done(Request::SyncTime { procedure, millis: wall_ms() }, &Outcome::TimeWritten)?;
        let told = self.theirs.until("time")?;
        let off = told.last().and_then(|told| told["ms"].as_u64()).map(|ms| ms.abs_diff(wall_ms()));
        require(off.is_some_and(|off| off < CLOCK_MS_MAX), || format!("{told:?}"))?;
        let heard = self.read(Classes::EVENTS)?;
        require(!indications(&heard).contains(Iin::NEED_TIME), || format!("{heard:?}"))
    }

    /// A control that is accepted, and shows in the status of its output.
    fn control(&mut self, mode: OperateMode, index: u16, command: Command, shown: Due) -> Check {
        let accepted = Outcome::Status(CommandStatus::Success);
        let wanted = if mode == OperateMode::DirectNoAck { &Outcome::Sent } else { &accepted };
        self.done(Request::Operate { mode, index, command }, wanted)?;
        let told = self.theirs.hear(|line| line["event"] == "command" && line["step"] == "operate")?;
        let one = told.last().unwrap();
        require(one["index"] == index && one["status"] == 0, || format!("{one}"))?;
        if let Command::Analog { value, .. } = command {
            require(one["value"].as_f64() == Some(value), || format!("{one}"))?;
        }
        let group = if shown.0 == PointType::BinaryOutputStatus { 10 } else { 40 };
        has(&self.group(group)?, shown, false)?;
        self.drain()
    }

    fn crob(&mut self, mode: OperateMode) -> Check {
        for (index, op, on) in
            [(1, LATCH_ON, true), (1, LATCH_OFF, false), (2, CLOSE, true), (2, LATCH_OFF, false)]
        {
            let command = Command::Crob(Crob { op, count: 1, on_ms: 100, off_ms: 100 });
            let shown = Due(PointType::BinaryOutputStatus, index, Value::Binary(on));
            self.control(mode, index, command, shown)?;
        }
        Ok(())
    }

    fn analog(&mut self, width: AnalogWidth) -> Check {
        let values: [f64; 2] = match width {
            AnalogWidth::I16 => [1234.0, -1234.0],
            AnalogWidth::I32 => [70_000.0, -70_000.0],
            // Shown as an integer.
            AnalogWidth::F32 | AnalogWidth::F64 => [250.0, -125.0],
        };
        for (mode, value) in [OperateMode::SelectBeforeOperate, OperateMode::Direct].into_iter().zip(values) {
            // Statuses of 16 bits show no more than they hold.
            let fits = self.library.name != "dnp3py" || value.abs() < 32_768.0;
            let value = if fits { value } else { value / 100.0 };
            let shown = Due(PointType::AnalogOutputStatus, 3, Value::Analog(value));
            self.control(mode, 3, Command::Analog { value, width }, shown)?;
        }
        Ok(())
    }

    fn refused(&mut self) -> Check {
        let crob = Command::Crob(Crob { op: LATCH_ON, count: 1, on_ms: 0, off_ms: 0 });
        let far = Command::Analog { value: 2e6, width: AnalogWidth::I32 };
        for mode in [OperateMode::SelectBeforeOperate, OperateMode::Direct] {
            for (index, command, status) in
                [(99, crob, CommandStatus::NotSupported), (1, far, CommandStatus::OutOfRange)]
            {
                self.done(Request::Operate { mode, index, command }, &Outcome::Status(status))?;
            }
        }
        Ok(())
    }

    fn attributes(&mut self) -> Check {
        let read = Request::ReadObjects(vec![Objects::range(0, 254, 0, 0)]);
        let heard = self.offered(read, &Outcome::ReadDone)?;
        require(heard.iter().any(|one| matches!(one, MasterEvent::Attribute(_))), || format!("{heard:?}"))
    }

    fn cold_restart(&mut self) -> Check {
        self.done(Request::Restart { cold: true }, &Outcome::Restarting(Duration::from_secs(1)))?;
        self.theirs.until("restart").map(drop)
    }

    fn link(&mut self, capture: &Path, keys: Option<&Path>) -> Check {
        std::thread::sleep(IDLE);
        self.read(Classes::EVENTS)?;
        let replies = wire::link_replies(capture, keys, SERVER)?;
        require(replies > 0, || "no link status was answered".to_owned())
    }
}

fn run(library: &'static Library, tls: bool) {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut ends) = Ends::start(library, tls, folder.path()) else { return };
    let (capture, keys) = (folder.path().join("row.pcap"), folder.path().join("keys.log"));
    let keys = tls.then_some(keys.as_path());
    let transport = if tls { "mutual TLS" } else { "TCP" };
    let mut row = Row::new(library.name, "outstation", transport, "master");
    row.cell("start-up", ends.start_up());
    row.cell("restart bit", ends.restart_bit());
    row.cell("integrity", ends.integrity());
    row.cell("class polls", ends.class_polls());
    row.cell("events, confirmed", ends.confirmed());
    row.cell("double-bit", ends.double());
    row.cell("counters", ends.counters());
    row.cell("freeze", ends.freeze());
    row.cell("assign class", ends.assign());
    row.cell("octet strings", ends.texts());
    row.cell("deadbands", ends.deadband());
    row.cell("attributes", ends.attributes());
    row.cell("CROB select", ends.crob(OperateMode::SelectBeforeOperate));
    row.cell("CROB direct", ends.crob(OperateMode::Direct));
    row.cell("CROB no ack", ends.crob(OperateMode::DirectNoAck));
    row.cell("analog i16", ends.analog(AnalogWidth::I16));
    row.cell("analog i32", ends.analog(AnalogWidth::I32));
    row.cell("analog f32", ends.analog(AnalogWidth::F32));
    row.cell("analog f64", ends.analog(AnalogWidth::F64));
    row.cell("refused controls", ends.refused());
    row.cell("time LAN", ends.time(TimeProcedure::Lan));
    row.cell("time non-LAN", ends.time(TimeProcedure::NonLan));
    row.cell("unsolicited", ends.unsolicited());
    row.cell("link status", ends.link(&capture, keys));
    row.cell("cold restart", ends.cold_restart());
    wire::judge(&mut row, &capture, keys, CLIENT);
    row.finish();
}

#[test]
fn yadnp3_over_tcp() {
    run(&YADNP3, false);
}

#[test]
fn yadnp3_over_mutual_tls() {
    run(&YADNP3, true);
}

#[test]
fn py1815_over_tcp() {
    run(&PY1815, false);
}

#[test]
fn py1815_over_mutual_tls() {
    run(&PY1815, true);
}

#[test]
fn dnp3py_over_tcp() {
    run(&DNP3PY, false);
}
