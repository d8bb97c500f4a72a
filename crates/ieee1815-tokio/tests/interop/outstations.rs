//! Our master against outstations that others wrote, over TCP and mutual TLS.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ieee1815::master::{MasterConfig, MasterEvent, Objects, Outcome, Request, TimeProcedure};
use ieee1815::{AnalogWidth, Classes, DoubleBit, Iin, OperateMode, PointType, Value};
use ieee1815_tokio::{DriverConfig, DriverEvent, MasterDriver, MasterHandle};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use crate::asking::Due;
use crate::peer::{PATIENCE, Peer, python, skip};
use crate::pki::{OURS, Pki};
use crate::recorder::{CLIENT, relay};
use crate::row::{Check, Miss, Over, Row, failed, require};
use crate::wire;

/// Our master asks for the link status after so long a silence, and the test is silent for longer.
const KEEP_ALIVE: Duration = Duration::from_millis(500);

/// A peer that writes outstations.
pub(crate) struct Library {
    pub(crate) name: &'static str,
    module: &'static str,
    /// The types it holds.
    pub(crate) types: &'static [PointType],
    /// Its event classes are 1, 2 and 3 for binaries, counters and analogs; else they have to be assigned.
    pub(crate) classes: bool,
    pub(crate) tells_confirms: bool,
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
    tells_confirms: true,
};

const PY1815: Library =
    Library { name: "py1815", module: "py1815", types: &BASIC, classes: true, tells_confirms: false };

const DNP3PY: Library =
    Library { name: "dnp3py", module: "dnp3", types: &BASIC, classes: true, tells_confirms: false };

pub(crate) struct Ends {
    pub(crate) library: &'static Library,
    pub(crate) theirs: Peer,
    master: MasterHandle,
    events: mpsc::Receiver<DriverEvent>,
    runtime: Runtime,
    /// Over what it is connected.
    protocol: String,
    turn: u32,
    // Dropped last: that ends the driver.
    _stop: watch::Sender<bool>,
}

impl Ends {
    pub(crate) fn start(library: &'static Library, over: Over, folder: &Path) -> Option<Self> {
        let python = python(library.module)?;
        if !wire::is_here() {
            skip("tshark: apt-get install --no-install-recommends tshark");
            return None;
        }
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let relayed = relay(SocketAddr::from(([127, 0, 0, 1], port)), &folder.join("row.pcap"));
        let port = port.to_string();
        let pki = over.is_tls().then(|| Pki::new(folder, over == Over::Tls12));
        let mut arguments = vec!["127.0.0.1", &port, "--local", "10", "--remote", "1"];
        if let Some(pki) = &pki {
            arguments.extend(["--name", OURS, "--tls", &pki.ca, &pki.theirs[0], &pki.theirs[1]]);
            arguments.extend((over == Over::Tls12).then_some("--tls12"));
        }
        let theirs = Peer::script(&python, &format!("outstation_{}.py", library.name), &arguments);
        theirs.until("listening").unwrap();
        let mut master = MasterConfig::new(1, 10);
        PointType::ALL.into_iter().for_each(|point| master.accept.insert(point, 0..=99));
        master.keep_alive = Some(KEEP_ALIVE);
        // Longer than a peer waits for a confirm that it has lost, see `read`.
        master.response_timeout = Duration::from_secs(10);
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
        Some(Self { library, theirs, master, events, runtime, protocol: String::new(), turn: 0, _stop: stop })
    }

    /// What the master says up to the first that is `wanted`.
    pub(crate) fn hear(&mut self, wanted: impl Fn(&MasterEvent) -> bool) -> Check<Vec<MasterEvent>> {
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
                Ok(Some(DriverEvent::Up { peer })) => {
                    self.protocol = peer.rsplit(" over ").next().unwrap_or_default().to_owned();
                }
                _ => return failed(format!("what was waited for never came, only {heard:?}")),
            }
        }
    }

    /// A request: its outcome and what came up to it.
    pub(crate) fn request(&mut self, request: Request) -> Check<(Outcome, Vec<MasterEvent>)> {
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
    pub(crate) fn done(&mut self, request: Request, wanted: &Outcome) -> Check<Vec<MasterEvent>> {
        let told = format!("{request:?}");
        let (outcome, heard) = self.request(request)?;
        require(outcome == *wanted, || format!("{told}: {outcome}"))?;
        Ok(heard)
    }

    /// The same, of objects that not every outstation has.
    pub(crate) fn offered(&mut self, request: Request, wanted: &Outcome) -> Check<Vec<MasterEvent>> {
        match self.request(request.clone())?.0 {
            Outcome::Refused(iin) if iin.contains(Iin::OBJECT_UNKNOWN) => {
                Err(Miss::NotOffered("it answers that it does not know the object".to_owned()))
            }
            _ => self.done(request, wanted),
        }
    }

    /// Reads classes. Where the peer tells of confirms, that of events is waited for: it loses one that comes in one
    /// segment with the next request while its own write is under way, and sends the events again.
    pub(crate) fn read(&mut self, classes: Classes) -> Check<Vec<MasterEvent>> {
        self.theirs.forget();
        let heard = self.done(Request::Read(classes), &Outcome::ReadDone)?;
        let events = heard.iter().any(|one| matches!(one, MasterEvent::Point { event: true, .. }));
        if events && self.library.tells_confirms {
            self.theirs.hear(|line| line["event"] == "confirmed" && line["unsolicited"] == false)?;
        }
        Ok(heard)
    }

    pub(crate) fn group(&mut self, group: u8) -> Check<Vec<MasterEvent>> {
        self.done(Request::ReadObjects(vec![Objects::all(group, 0)]), &Outcome::ReadDone)
    }

    pub(crate) fn drain(&mut self) -> Check {
        for _ in 0..10 {
            let heard = self.read(Classes::EVENTS)?;
            if !heard.iter().any(|one| matches!(one, MasterEvent::Point { event: true, .. })) {
                return Ok(());
            }
        }
        failed("there is no end of events")
    }

    pub(crate) fn tell(&mut self, kind: &str, index: u16, value: &serde_json::Value) -> Check {
        self.theirs.ask(&json!({ "do": "update", "type": kind, "index": index, "value": value })).map(drop)
    }

    /// Has the peer measure something that was not so before.
    pub(crate) fn stir(&mut self, point: PointType) -> Check<Due> {
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
}

fn run(library: &'static Library, over: Over) {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut ends) = Ends::start(library, over, folder.path()) else { return };
    let (capture, keys) = (folder.path().join("row.pcap"), folder.path().join("keys.log"));
    let keys = over.is_tls().then_some(keys.as_path());
    let mut row = Row::new(library.name, "outstation", over, "master");
    let start_up = ends.start_up().and_then(|()| over.check(&ends.protocol));
    row.cell("start-up", start_up);
    row.cell("restart bit", ends.restart_bit());
    row.cell("integrity", ends.integrity());
    row.cell("class polls", ends.class_polls());
    row.cell("events, confirmed", ends.confirmed());
    row.cell("many fragments", ends.fragments());
    row.cell("double-bit", ends.double());
    row.cell("counters", ends.counters());
    row.cell("freeze", ends.freeze());
    row.cell("broadcast", ends.broadcast());
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
    run(&YADNP3, Over::Tcp);
}

#[test]
fn yadnp3_over_mutual_tls() {
    run(&YADNP3, Over::Tls13);
}

#[test]
fn yadnp3_over_mutual_tls_1_2() {
    run(&YADNP3, Over::Tls12);
}

#[test]
fn py1815_over_mutual_tls_1_2() {
    run(&PY1815, Over::Tls12);
}

#[test]
fn py1815_over_tcp() {
    run(&PY1815, Over::Tcp);
}

#[test]
fn py1815_over_mutual_tls() {
    run(&PY1815, Over::Tls13);
}

#[test]
fn dnp3py_over_tcp() {
    run(&DNP3PY, Over::Tcp);
}
