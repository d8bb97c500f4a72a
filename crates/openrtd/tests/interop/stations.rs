//! Our master itself, with all that it can ask, against outstations that others wrote. Each knows other things: what
//! one lacks, the master has to do without.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ieee1815::master::{
    Fallback, MasterConfig, MasterEvent, Objects, Outcome, PointSet, Request, Scan, Task, TimeProcedure,
};
use ieee1815::{
    AnalogWidth, Classes, Command, CommandStatus, Crob, DoubleBit, Flags, Iin, Measured, OperateMode,
    PointType, Value,
};
use ieee1815_tokio::{
    ClientTls, DriverConfig, DriverEvent, MasterDriver, MasterHandle, TlsPolicy, TlsVersion,
};
use serde_json::json;
use tokio::sync::{mpsc, watch};

use crate::peer::{PATIENCE, Peer, python};
use crate::pki::Authority;
use crate::support::Folder;

const FAR: i32 = 2099;

/// A session, and all that it told.
struct Session {
    handle: MasterHandle,
    events: mpsc::Receiver<DriverEvent>,
    _stop: watch::Sender<bool>,
    seen: BTreeMap<(PointType, u16), Measured>,
    log: Vec<MasterEvent>,
}

impl Session {
    fn start(port: &str, tls: Option<Arc<ClientTls>>, change: impl FnOnce(&mut MasterConfig)) -> Self {
        let mut master = MasterConfig::new(1, 10);
        master.accept = PointType::ALL.into_iter().fold(PointSet::new(), |set, point| set.with(point, 0..=9));
        master.time_sync = true;
        change(&mut master);
        let config = DriverConfig {
            address: format!("127.0.0.1:{port}"),
            tls,
            master,
            connect_timeout: PATIENCE,
            reconnect_delay: Duration::from_millis(100),
        };
        let (stop, stopped) = watch::channel(false);
        let (handle, events) = MasterDriver::spawn(config, stopped);
        Self { handle, events, _stop: stop, seen: BTreeMap::new(), log: Vec::new() }
    }

    /// Listens until `is` holds.
    async fn until(&mut self, what: &str, is: impl Fn(&Self) -> bool) {
        while !is(self) {
            let Ok(Some(event)) = tokio::time::timeout(PATIENCE, self.events.recv()).await else {
                panic!("{what}: not seen in {:?} and {:#?}", self.seen, self.log);
            };
            let DriverEvent::Master { event, .. } = event else { continue };
            if let MasterEvent::Point { point, index, measured, .. } = &event {
                self.seen.insert((*point, *index), *measured);
            }
            self.log.push(event);
        }
    }

    async fn started(&mut self) {
        self.until("the start-up", |session| session.log.contains(&MasterEvent::StartUpDone)).await;
    }

    /// What became of a request, once all that it brought was seen.
    async fn ask(&mut self, request: Request) -> Outcome {
        let ticket = self.handle.submit(request).await.unwrap();
        let wanted = ticket.id();
        let is_done = |session: &Self| {
            session.log.iter().any(|event| matches!(event, MasterEvent::Done { id, .. } if *id == wanted))
        };
        self.until("an answer", is_done).await;
        ticket.outcome().await.unwrap()
    }

    /// The value of a point, where it is on line.
    fn value(&self, point: PointType, index: u16) -> Option<Value> {
        let measured = self.seen.get(&(point, index))?;
        measured.flags.is_none_or(|flags| flags.contains(Flags::ONLINE)).then_some(measured.value)
    }

    async fn until_value(&mut self, point: PointType, index: u16, value: Value) {
        self.until(&format!("{point:?} {index} = {value:?}"), |session| {
            session.value(point, index) == Some(value)
        })
        .await;
    }

    fn fell_back(&self, task: Task, to: Fallback) -> bool {
        self.log.iter().any(
            |event| matches!(event, MasterEvent::FellBack { task: t, to: f, .. } if (*t, *f) == (task, to)),
        )
    }
}

/// The peer at a free port, and our end of TLS where it is wanted.
fn start(
    python: &std::path::Path,
    folder: &Folder,
    script: &str,
    tls: bool,
    more: &[&str],
) -> (Peer, String, Option<Arc<ClientTls>>) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut arguments = vec!["127.0.0.1".to_owned(), port.clone()];
    arguments.extend(more.iter().map(ToString::to_string));
    let mut ours = None;
    if tls {
        let authority = Authority::new("Peers");
        let ca = folder.path("pki/peers.pem");
        fs::write(&ca, authority.pem()).unwrap();
        let [certificate, key] = authority.issue(folder, "outstation", "outstation.example", FAR);
        arguments.extend(["--tls".to_owned(), ca.clone(), certificate, key]);
        let [certificate, key] = authority.issue(folder, "master", "master.example", FAR).map(Into::into);
        let policy = TlsPolicy {
            certificate,
            key,
            trust_anchors: vec![ca.into()],
            min_version: TlsVersion::V1_2,
            max_version: TlsVersion::V1_3,
            admitted: vec!["name:outstation.example".parse().unwrap()],
            debug_keylog: None,
            cipher_suites: Vec::new(),
            crls: Vec::new(),
        };
        ours = Some(Arc::new(policy.client().unwrap()));
    }
    let peer = Peer::start(python, script, &arguments);
    peer.until("listening");
    (peer, port, ours)
}

const fn short(value: f64) -> Command {
    Command::Analog { value, width: AnalogWidth::I16 }
}

const LATCH_ON: Command = Command::Crob(Crob { op: 3, count: 1, on_ms: 0, off_ms: 0 });

/// Every way to operate, for an outstation that takes up to 1,000.
async fn operates(session: &mut Session) {
    let accepted = Outcome::Status(CommandStatus::Success);
    let out_of_range = Outcome::Status(CommandStatus::OutOfRange);
    for mode in [OperateMode::SelectBeforeOperate, OperateMode::Direct] {
        for width in [AnalogWidth::I16, AnalogWidth::I32, AnalogWidth::F32] {
            for (value, outcome) in [(12.0, &accepted), (1500.0, &out_of_range)] {
                let command = Command::Analog { value, width };
                let told = session.ask(Request::Operate { mode, index: 1, command }).await;
                assert_eq!(told, *outcome, "{mode:?} {command:?}");
            }
        }
        let told = session.ask(Request::Operate { mode, index: 1, command: LATCH_ON }).await;
        assert_eq!(told, accepted, "{mode:?}");
        let commands = vec![(0, short(1.0)), (1, short(2.0)), (2, LATCH_ON)];
        let told = session.ask(Request::OperateAll { mode, commands }).await;
        assert_eq!(told, Outcome::Statuses(vec![CommandStatus::Success; 3]), "{mode:?}");
    }
    let no_ack = Request::Operate { mode: OperateMode::DirectNoAck, index: 1, command: short(3.0) };
    assert_eq!(session.ask(no_ack).await, Outcome::Sent);
}

async fn against_yadnp3(tls: bool) {
    let Some(python) = python("opendnp3") else { return };
    let folder = Folder::new();
    let (mut peer, port, tls) = start(&python, &folder, "dnp3_outstation_yadnp3.py", tls, &["--unsolicited"]);
    let update = |peer: &mut Peer, kind: &str, index: u64, value: serde_json::Value| {
        let request = json!({"do": "update", "type": kind, "index": index, "value": value});
        assert_eq!(peer.ask(&request).pop().unwrap()["error"], serde_json::Value::Null);
    };
    update(&mut peer, "double_bit_input", 1, json!("DETERMINED_ON"));
    update(&mut peer, "counter", 2, json!(4_000_000_000_u32));
    peer.ask(&json!({"do": "indications", "need_time": true}));
    let mut session = Session::start(&port, tls, |config| config.unsolicited = Classes::EVENTS);
    session.started().await;
    assert_eq!(session.value(PointType::DoubleBitInput, 1), Some(Value::DoubleBit(DoubleBit::On)));
    assert_eq!(session.value(PointType::Counter, 2), Some(Value::Counter(4_000_000_000)));
    peer.until("time");

    // Unasked: nothing is read from here on but what the test reads.
    update(&mut peer, "double_bit_input", 1, json!("INTERMEDIATE"));
    session.until_value(PointType::DoubleBitInput, 1, Value::DoubleBit(DoubleBit::Intermediate)).await;
    update(&mut peer, "counter", 2, json!(5));
    session.until_value(PointType::Counter, 2, Value::Counter(5)).await;
    update(&mut peer, "analog_input", 3, json!(-77));
    session.until_value(PointType::AnalogInput, 3, Value::Analog(-77.0)).await;
    update(&mut peer, "binary_input", 0, json!(true));
    session.until_value(PointType::BinaryInput, 0, Value::Binary(true)).await;
    let unasked = |event: &&MasterEvent| matches!(event, MasterEvent::Response { unsolicited: true, .. });
    assert!(session.log.iter().filter(unasked).count() >= 4);
    // Those of before the session may be told again until they are confirmed: how often, is the peer's affair.
    let new = [
        (PointType::DoubleBitInput, 1, Value::DoubleBit(DoubleBit::Intermediate)),
        (PointType::Counter, 2, Value::Counter(5)),
        (PointType::AnalogInput, 3, Value::Analog(-77.0)),
        (PointType::BinaryInput, 0, Value::Binary(true)),
    ];
    let told = session.log.iter().filter_map(|event| match event {
        MasterEvent::Point { point, index, measured, event: true, .. } => {
            Some((*point, *index, measured.value))
        }
        _ => None,
    });
    let told: Vec<_> = told.filter(|told| new.contains(told)).collect();
    assert_eq!(told, new, "each once");

    let disable = Request::Unsolicited { enable: false, classes: Classes::EVENTS };
    assert_eq!(session.ask(disable).await, Outcome::Accepted);
    let analogs = Request::AssignClass(vec![(3, Objects::range(30, 0, 1, 2)), (0, Objects::all(1, 0))]);
    assert_eq!(session.ask(analogs).await, Outcome::Accepted);
    let assigned = peer.until("assigned").pop().unwrap();
    assert_eq!(
        (&assigned["to"], &assigned["start"], &assigned["stop"]),
        (&json!("Class3"), &json!(1), &json!(2))
    );
    assert_eq!(peer.until("assigned").pop().unwrap()["to"], "Class0");
    update(&mut peer, "analog_input", 1, json!(11));
    assert_eq!(session.ask(Request::Read(Classes::ONE | Classes::TWO)).await, Outcome::ReadDone);
    assert_ne!(session.value(PointType::AnalogInput, 1), Some(Value::Analog(11.0)));
    assert_eq!(session.ask(Request::Read(Classes::THREE)).await, Outcome::ReadDone);
    assert_eq!(session.value(PointType::AnalogInput, 1), Some(Value::Analog(11.0)));

    for (clear, left) in [(false, 5), (true, 0)] {
        let objects = vec![Objects::all(20, 0)];
        assert_eq!(session.ask(Request::Freeze { clear, no_ack: false, objects }).await, Outcome::Accepted);
        let read = vec![Objects::all(20, 1), Objects::all(21, 1)];
        assert_eq!(session.ask(Request::ReadObjects(read)).await, Outcome::ReadDone);
        assert_eq!(session.value(PointType::FrozenCounter, 2), Some(Value::Counter(5)));
        assert_eq!(session.value(PointType::Counter, 2), Some(Value::Counter(left)));
    }
    let objects = vec![Objects::all(20, 0)];
    assert_eq!(session.ask(Request::Freeze { clear: false, no_ack: true, objects }).await, Outcome::Sent);
    operates(&mut session).await;
    for procedure in [TimeProcedure::Lan, TimeProcedure::NonLan, TimeProcedure::Plain] {
        let told = session.ask(Request::SyncTime { procedure, millis: 1_700_000_000_000 }).await;
        assert_eq!(told, Outcome::TimeWritten, "{procedure:?}");
        let written = peer.until("time").pop().unwrap()["ms"].as_u64().unwrap();
        assert!((1_700_000_000_000..1_700_000_040_000).contains(&written), "{written}");
    }
    let told = session.ask(Request::Restart { cold: true }).await;
    assert_eq!(told, Outcome::Restarting(Duration::from_secs(7)));
    peer.until("cold_restart");
    assert!(matches!(session.ask(Request::Restart { cold: false }).await, Outcome::Refused(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_ours_can_ask_of_yadnp3_over_tcp() {
    against_yadnp3(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_ours_can_ask_of_yadnp3_over_tls() {
    against_yadnp3(true).await;
}

/// A response that does not want the time.
fn is_timed(event: &MasterEvent) -> bool {
    matches!(event, MasterEvent::Response { iin, .. } if !iin.contains(Iin::NEED_TIME))
}

/// `without`: functions that it is not to know.
async fn against_py1815(tls: bool, without: &[&str]) {
    let Some(python) = python("py1815") else { return };
    let folder = Folder::new();
    let more = [&["--unsolicited", "--without"], without].concat();
    let (mut peer, port, tls) = start(&python, &folder, "dnp3_outstation_py1815.py", tls, &more);
    let mut session = Session::start(&port, tls, |config| config.unsolicited = Classes::EVENTS);
    session.started().await;
    // By the delay measured, where it does not know how to note an arrival.
    peer.until("time");
    session.until("the time", |session| session.log.iter().any(is_timed)).await;
    for (function, task, to) in [
        ("21", Task::DisableUnsolicited, Fallback::Skipped),
        ("24", Task::SyncTime, Fallback::Procedure(TimeProcedure::NonLan)),
    ] {
        assert_eq!(session.fell_back(task, to), without.contains(&function), "{task:?}");
    }
    peer.ask(&json!({"do": "update", "type": "analog_input", "index": 2, "value": 25}));
    session.until_value(PointType::AnalogInput, 2, Value::Analog(25.0)).await;
    peer.ask(&json!({"do": "update", "type": "binary_input", "index": 3, "value": true}));
    session.until_value(PointType::BinaryInput, 3, Value::Binary(true)).await;
    assert_eq!(session.ask(Request::Read(Classes::ALL)).await, Outcome::ReadDone);
    operates(&mut session).await;
    let objects = vec![Objects::all(20, 0)];
    assert_eq!(session.ask(Request::Freeze { clear: true, no_ack: false, objects }).await, Outcome::Accepted);
    assert_eq!(peer.until("frozen").pop().unwrap()["clear"], true);
    let assign = Request::AssignClass(vec![(1, Objects::all(30, 0))]);
    assert!(matches!(session.ask(assign).await, Outcome::Refused(_)));
    assert_eq!(
        session.ask(Request::Restart { cold: true }).await,
        Outcome::Restarting(Duration::from_secs(9))
    );
    // Its next word says that it has restarted: the start-up begins anew.
    let starts =
        |session: &Session| session.log.iter().filter(|event| **event == MasterEvent::StartUpDone).count();
    session.until("the start-up after the restart", |session| starts(session) == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_ours_can_ask_of_py1815_over_tcp() {
    against_py1815(false, &["21", "24"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_ours_can_ask_of_py1815_over_tls() {
    against_py1815(true, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_ours_can_ask_of_dnp3py() {
    let Some(python) = python("dnp3") else { return };
    let folder = Folder::new();
    let (mut peer, port, _) = start(&python, &folder, "dnp3_outstation_dnp3py.py", false, &[]);
    let mut session = Session::start(&port, None, |config| {
        config.scans = vec![Scan::classes(Classes::EVENTS, Duration::from_millis(100))];
    });
    session.started().await;
    peer.until("time");
    for (kind, value) in [("analog_input", json!(42)), ("binary_input", json!(true)), ("counter", json!(7))] {
        let request = json!({"do": "update", "type": kind, "index": 1, "value": value});
        assert_eq!(peer.ask(&request).pop().unwrap()["error"], serde_json::Value::Null);
    }
    session.until_value(PointType::AnalogInput, 1, Value::Analog(42.0)).await;
    session.until_value(PointType::BinaryInput, 1, Value::Binary(true)).await;
    session.until_value(PointType::Counter, 1, Value::Counter(7)).await;
    let scanned =
        |event: &MasterEvent| matches!(event, MasterEvent::Scanned { outcome: Outcome::ReadDone, .. });
    session.until("a scan", |session| session.log.iter().any(scanned)).await;
    operates(&mut session).await;
    for procedure in [TimeProcedure::Lan, TimeProcedure::NonLan] {
        let told = session.ask(Request::SyncTime { procedure, millis: 1_700_000_000_000 }).await;
        assert_eq!(told, Outcome::TimeWritten, "{procedure:?}");
    }
    let objects = vec![Objects::all(20, 0)];
    assert_eq!(
        session.ask(Request::Freeze { clear: false, no_ack: false, objects }).await,
        Outcome::Accepted
    );
    peer.until("frozen");
    let assign = Request::AssignClass(vec![(1, Objects::all(30, 0))]);
    assert!(matches!(session.ask(assign).await, Outcome::Refused(_)));
    assert_eq!(
        session.ask(Request::Restart { cold: true }).await,
        Outcome::Restarting(Duration::from_secs(9))
    );
}
