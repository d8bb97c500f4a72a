//! Masters that others wrote against our outstation: the example `outstation` with all types, over TCP and mutual TLS,
//! and the device under test, over TCP.

use std::collections::BTreeMap;
use std::path::Path;

use ieee1815::Iin;
use serde_json::{Value, json};

use crate::ours::{Due, Ours, What};
use crate::peer::{Peer, python, skip};
use crate::pki::{OURS, Pki};
use crate::recorder::{SERVER, relay};
use crate::row::{Check, Miss, Row, failed, require};
use crate::{breaks, wire};

/// A peer that writes masters.
pub(crate) struct Library {
    pub(crate) name: &'static str,
    pub(crate) module: &'static str,
    /// It stops at groups that the plain types do not have.
    pub(crate) basic: bool,
    /// It tells its user of frozen analog inputs.
    pub(crate) frozen_analogs: bool,
}

pub(crate) const YADNP3: Library =
    Library { name: "yadnp3", module: "opendnp3", basic: false, frozen_analogs: true };
pub(crate) const PY1815: Library =
    Library { name: "py1815", module: "py1815", basic: true, frozen_analogs: false };
pub(crate) const DNP3PY: Library =
    Library { name: "dnp3py", module: "dnp3", basic: false, frozen_analogs: false };

/// Silence that is waited for: long enough for whoever would not be silent.
const SILENCE_S: f64 = 1.5;
const LISTEN_S: f64 = 20.0;
/// The master's clock and ours are one.
const CLOCK_MS_MAX: u64 = 2000;

/// Both ends of a row.
pub(crate) struct Ends {
    pub(crate) theirs: Peer,
    pub(crate) ours: Ours,
}

pub(crate) fn points(heard: &[Value]) -> impl Iterator<Item = &Value> {
    heard.iter().filter(|line| line["event"] == "point")
}

fn is_event(point: &Value) -> bool {
    point["group"].as_u64().is_some_and(|group| [2, 4, 11, 13, 22, 23, 32, 33, 42, 43, 111].contains(&group))
}

/// The counts of a group by index. A master may have polled of its own accord in between, and told that too.
fn statics(heard: &[Value], group: u64) -> BTreeMap<u64, Option<u64>> {
    let of = points(heard).filter(|point| point["group"] == group);
    of.map(|point| (point["index"].as_u64().unwrap_or(u64::MAX), point["value"].as_u64())).collect()
}

fn has(heard: &[Value], due: &Due) -> Check {
    require(points(heard).any(|point| due.is(point)), || format!("no {due:?} in {heard:?}"))
}

fn has_no(heard: &[Value], due: &Due) -> Check {
    require(!points(heard).any(|point| due.is(point)), || format!("{due:?} once more in {heard:?}"))
}

fn indications(heard: &[Value]) -> Iin {
    let bits = heard.last().and_then(|done| done["iin"].as_u64()).unwrap_or_default();
    Iin::from_bits(u16::try_from(bits).unwrap_or_default())
}

impl Ends {
    pub(crate) fn ask(&mut self, request: &Value) -> Check<Vec<Value>> {
        self.theirs.ask(request)
    }

    pub(crate) fn events(&mut self, classes: &[u8]) -> Check<Vec<Value>> {
        self.ask(&json!({ "do": "classes", "classes": classes }))
    }

    fn read(&mut self, group: u8) -> Check<Vec<Value>> {
        self.ask(&json!({ "do": "read", "group": group, "variation": 0 }))
    }

    /// Polls until nothing more comes.
    pub(crate) fn drain(&mut self) -> Check {
        for _ in 0..10 {
            if !points(&self.events(&[1, 2, 3])?).any(is_event) {
                return Ok(());
            }
        }
        failed("there is no end of events")
    }

    fn start_up(&mut self, said: &[Value]) -> Check {
        // What a master does of its own accord when it connects, it has done.
        let tasks = said.iter().filter(|line| line["event"] == "task");
        // The device under test does not know of unsolicited responses until its bench says so.
        let refused = |line: &&Value| {
            let of = line["type"].as_str().is_some_and(|kind| kind.contains("UNSOLICITED"));
            line["result"] != "SUCCESS" && !(self.ours.dut && of)
        };
        let bad: Vec<_> = tasks.filter(refused).collect();
        require(bad.is_empty(), || format!("{bad:?}"))?;
        self.ask(&json!({ "do": "unsolicited", "enable": false })).map(drop).or_else(|miss| match miss {
            // A device that never reports unasked says so.
            Miss::Failed(_) if self.ours.dut => Ok(()),
            other => Err(other),
        })
    }

    fn integrity(&mut self, library: &Library) -> Check {
        let mut due = Vec::new();
        for what in [What::Binary, What::Counter, What::Analog] {
            due.push(self.ours.stir(what)?);
        }
        let heard = self.ask(&json!({ "do": "integrity" }))?;
        for event in &mut due {
            has(&heard, event)?;
            // The statics after them have the same values.
            event.group -= 1 + u64::from(event.group > 4);
            has(&heard, event)?;
        }
        let count = |group: u64| points(&heard).filter(|point| point["group"] == group).count();
        for group in [1, 3, 10, 20, 21, 30, 31, 40] {
            let wanted = match group {
                3 if library.basic => 0,
                31 if !library.frozen_analogs => 0,
                10 | 40 if self.ours.dut => 20,
                // The device under test leaves these out of class 0, and has none of these.
                3 | 31 if self.ours.dut => 0,
                _ => 4,
            };
            require(count(group) == wanted, || format!("{} of group {group}: {heard:?}", count(group)))?;
        }
        self.drain()
    }

    fn class_polls(&mut self) -> Check {
        let due =
            [self.ours.stir(What::Binary)?, self.ours.stir(What::Counter)?, self.ours.stir(What::Analog)?];
        for (class, due) in (1..=3).zip(&due) {
            let heard = self.events(&[class])?;
            has(&heard, due)?;
            let other = points(&heard).find(|point| point["group"] != due.group);
            require(other.is_none(), || format!("{other:?} in class {class}"))?;
        }
        self.drain()
    }

    fn confirmed(&mut self) -> Check {
        let due = self.ours.stir(What::Analog)?;
        has(&self.events(&[1, 2, 3])?, &due)?;
        has_no(&self.events(&[1, 2, 3])?, &due)
    }

    fn unsolicited(&mut self) -> Check {
        if self.ours.dut {
            self.ours.act("unsolicited-on", None)?;
            self.ours.act("power-cycle", None)?;
            // A master that does things of its own accord after a restart has done them then.
            self.ask(&json!({ "do": "integrity" }))?;
            self.ask(&json!({ "do": "again" }))?;
        }
        self.ask(&json!({ "do": "unsolicited", "enable": true }))?;
        let due = self.ours.stir(What::Binary)?;
        let heard = self.ask(&json!({ "do": "listen", "seconds": LISTEN_S }))?;
        let mut unsolicited = points(&heard).filter(|point| point["unsolicited"] == true);
        // More than one change may come in more than one response.
        if !unsolicited.any(|point| due.is(point)) {
            let more = self.ask(&json!({ "do": "listen", "seconds": LISTEN_S }))?;
            has(&more, &due)?;
        }
        self.ask(&json!({ "do": "unsolicited", "enable": false }))?;
        // It was confirmed.
        has_no(&self.events(&[1, 2, 3])?, &due)?;
        let due = self.ours.stir(What::Binary)?;
        let heard = self.theirs.answer(&json!({ "do": "listen", "seconds": SILENCE_S }))?;
        require(points(&heard).next().is_none(), || format!("still unsolicited: {heard:?}"))?;
        has(&self.events(&[1, 2, 3])?, &due)
    }

    fn of_type(&mut self, group: u8, what: What, turns: usize) -> Check {
        self.read(group)?;
        for _ in 0..turns {
            let mut due = self.ours.stir(what)?;
            has(&self.events(&[1, 2, 3])?, &due)?;
            due.group = group.into();
            has(&self.read(group)?, &due)?;
        }
        Ok(())
    }

    fn freeze(&mut self) -> Check {
        let frozen = |ends: &mut Self, clear: bool, no_ack: bool| -> Check {
            ends.ours.stir(What::Counter)?;
            let counters = statics(&ends.read(20)?, 20);
            ends.ask(&json!({ "do": "freeze", "clear": clear, "no_ack": no_ack }))?;
            let found = statics(&ends.read(21)?, 21);
            require(counters.len() == 4 && found == counters, || format!("{counters:?} became {found:?}"))?;
            if clear {
                let left = statics(&ends.read(20)?, 20);
                require(left.values().all(|count| *count == Some(0)), || format!("not cleared: {left:?}"))?;
            }
            ends.drain()
        };
        frozen(self, false, false)?;
        frozen(self, true, false)?;
        match frozen(self, false, true) {
            // What it cannot ask for is no fault of the rest.
            Err(Miss::NotOffered(_)) => Ok(()),
            other => other,
        }
    }

    fn assign(&mut self) -> Check {
        self.ask(&json!({ "do": "assign", "class": 3, "group": 1 }))?;
        let due = self.ours.stir(What::Binary)?;
        has_no(&self.events(&[1])?, &due)?;
        has(&self.events(&[3])?, &due)?;
        self.ask(&json!({ "do": "assign", "class": 1, "group": 1 }))?;
        let due = self.ours.stir(What::Binary)?;
        has_no(&self.events(&[3])?, &due)?;
        has(&self.events(&[1])?, &due)
    }

    fn double(&mut self) -> Check {
        self.of_type(3, What::Double, 4)
    }

    fn texts(&mut self) -> Check {
        self.read(110)?;
        if self.ours.dut {
            return Err(Miss::NotOffered("the recorded database has no octet strings".to_owned()));
        }
        self.of_type(110, What::Text, 2)
    }

    fn deadband(&mut self) -> Check {
        let index = if self.ours.dut { 41 } else { 1 };
        let write = |value: f64| json!({ "do": "deadband", "index": index, "value": value });
        self.ask(&write(1_000_000.0))?;
        if !self.ours.dut {
            // Index 1 is stirred every fourth time.
            self.drain()?;
            for _ in 0..4 {
                self.ours.stir(What::Analog)?;
            }
            let heard = self.events(&[1, 2, 3])?;
            let indexes: Vec<_> = points(&heard).filter_map(|one| one["index"].as_u64()).collect();
            require(indexes.len() == 3 && !indexes.contains(&1), || format!("{heard:?}"))?;
        }
        self.ask(&write(0.0)).map(drop)
    }

    fn time(&mut self, procedure: &str) -> Check {
        self.ours.need_time()?;
        let heard = self.ask(&json!({ "do": "integrity" }))?;
        require(indications(&heard).contains(Iin::NEED_TIME), || format!("no need of time: {heard:?}"))?;
        let heard = self.ask(&json!({ "do": "time", "procedure": procedure }))?;
        if let Some(told) = self.ours.until("time")?.last() {
            // A master without a clock writes the delay alone.
            let now = if heard.last().unwrap()["clock"] == "none" { Some(0) } else { told["now"].as_u64() };
            let off = told["ms"].as_u64().zip(now).map(|(ms, now)| ms.abs_diff(now));
            require(off.is_some_and(|off| off < CLOCK_MS_MAX), || format!("{told}"))?;
        }
        let heard = self.ask(&json!({ "do": "integrity" }))?;
        require(!indications(&heard).contains(Iin::NEED_TIME), || {
            format!("time is still needed: {heard:?}")
        })?;
        self.ask(&json!({ "do": "unsolicited", "enable": false })).or_else(|_| Ok(Vec::new()))?;
        self.drain()
    }

    fn operate(&mut self, mut request: Value) -> Check<Vec<Value>> {
        request["do"] = json!("operate");
        self.ask(&request)
    }

    /// A control that is accepted, and shows in the status of its output.
    fn control(&mut self, request: Value, status: (u8, Value)) -> Check {
        let index = request["index"].clone();
        let no_ack = request["mode"] == "direct_no_ack";
        let heard = self.operate(request)?;
        let statuses = &heard.last().unwrap()["statuses"];
        require(no_ack || *statuses == json!([0]), || format!("{heard:?}"))?;
        let due = Due { group: status.0.into(), at: Some((index.as_u64().unwrap(), status.1)) };
        // It is shown once the device has acted.
        for _ in 0..20 {
            if has(&self.read(status.0)?, &due).is_ok() {
                return self.drain();
            }
        }
        failed(format!("{due:?} never showed"))
    }

    fn crob(&mut self, mode: &str) -> Check {
        for (index, value, on) in [
            (1, json!(true), true),
            (1, json!(false), false),
            (2, json!("close"), true),
            (2, json!("trip"), false),
        ] {
            let request = json!({ "type": "crob", "index": index, "value": value, "mode": mode });
            self.control(request, (10, json!(on)))?;
        }
        Ok(())
    }

    fn analog(&mut self, width: &str) -> Check {
        let values = match width {
            // The device under test shows outputs in 16 bits.
            _ if self.ours.dut => [json!(8), json!(-3)],
            "i16" => [json!(1234), json!(-1234)],
            "i32" => [json!(70_000), json!(-70_000)],
            _ => [json!(1.5), json!(-2.25)],
        };
        for (mode, value) in ["sbo", "direct"].into_iter().zip(values) {
            let request =
                json!({ "type": "analog", "index": 3, "width": width, "value": value.clone(), "mode": mode });
            self.control(request, (40, value))?;
        }
        Ok(())
    }

    fn refused(&mut self) -> Check {
        for mode in ["sbo", "direct"] {
            let mut cases = vec![(json!({ "type": "crob", "index": 99, "value": true }), 4)];
            if !self.ours.dut {
                let far = json!({ "type": "analog", "index": 1, "value": 2_000_000, "width": "i32" });
                cases.push((far, 12));
            }
            for (mut request, status) in cases {
                request["do"] = json!("operate");
                request["mode"] = json!(mode);
                let heard = self.theirs.answer(&request)?;
                require(heard.last().unwrap()["statuses"] == json!([status]), || format!("{heard:?}"))?;
            }
        }
        Ok(())
    }

    fn restart_bit(&mut self, said: &[Value]) -> Check {
        let heard = self.ask(&json!({ "do": "integrity" }))?;
        let cleared = said.iter().any(|line| line["type"] == "CLEAR_RESTART" && line["result"] == "SUCCESS");
        let set = indications(&heard).contains(Iin::DEVICE_RESTART);
        require(set != cleared, || format!("{said:?} {heard:?}"))?;
        self.ask(&json!({ "do": "clear_restart" }))?;
        let heard = self.ask(&json!({ "do": "integrity" }))?;
        require(!indications(&heard).contains(Iin::DEVICE_RESTART), || format!("{heard:?}"))
    }

    fn cold_restart(&mut self) -> Check {
        let heard = self.ask(&json!({ "do": "restart" }))?;
        let delay = heard.last().unwrap()["delay_ms"].to_string();
        require(delay.contains("1000"), || format!("the delay is {delay}"))?;
        self.ours.until("restart")?;
        self.ours.until("listening")?;
        if self.ours.dut {
            // Its connection stays.
            return self.restarted("integrity");
        }
        self.restarted("again")
    }

    /// The restart is told; who does not clear it at once still sees it.
    fn restarted(&mut self, read: &str) -> Check {
        let heard = self.ask(&json!({ "do": read }))?;
        let cleared = heard.iter().any(|line| line["type"] == "CLEAR_RESTART" && line["result"] == "SUCCESS");
        let set = indications(&heard).contains(Iin::DEVICE_RESTART);
        require(set || cleared, || format!("no restart was told: {heard:?}"))
    }

    fn attributes(&mut self) -> Check {
        let heard = self.ask(&json!({ "do": "attributes" }))?;
        let found: Vec<_> = heard.iter().filter(|line| line["event"] == "attribute").collect();
        let has = |variation: u64| found.iter().any(|one| one["variation"] == variation);
        require(has(242) && has(250) && has(252), || format!("{heard:?}"))
    }
}

/// Where the files of a row are, and the two ends.
pub(crate) fn start(library: &Library, tls: bool, dut: bool, folder: &Path) -> Option<Ends> {
    let python = python(library.module)?;
    if !wire::is_here() {
        skip("tshark: apt-get install --no-install-recommends tshark");
        return None;
    }
    let pki = tls.then(|| Pki::new(folder));
    let keys = folder.join("keys.log");
    let ours = if dut {
        Ours::dut()
    } else {
        Ours::outstation(library.basic, pki.as_ref().map(|pki| (pki, keys.as_path())))
    };
    let port = relay(ours.address, &folder.join("row.pcap")).to_string();
    let [outstation, master] = ours.addresses.map(|address| address.to_string());
    let mut arguments = vec!["127.0.0.1", &port, "--local", &master, "--remote", &outstation];
    if let Some(pki) = &pki {
        arguments.extend(["--name", OURS, "--tls", &pki.ca, &pki.theirs[0], &pki.theirs[1]]);
    }
    let theirs = Peer::script(&python, &format!("master_{}.py", library.name), &arguments);
    Some(Ends { theirs, ours })
}

fn run(library: &Library, tls: bool, dut: bool) {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut ends) = start(library, tls, dut, folder.path()) else { return };
    let transport = if tls { "mutual TLS" } else { "TCP" };
    let mut row = Row::new(library.name, "master", transport, if dut { "dut" } else { "outstation" });
    let said = match ends.theirs.until("ready") {
        Ok(said) => said,
        Err(miss) => {
            row.cell("start-up", Err(miss));
            return row.finish();
        }
    };
    row.cell("start-up", ends.start_up(&said));
    row.cell("restart bit", ends.restart_bit(&said));
    row.cell("integrity", ends.integrity(library));
    row.cell("class polls", ends.class_polls());
    row.cell("events, confirmed", ends.confirmed());
    row.cell("counters", ends.of_type(20, What::Counter, 2));
    row.cell("freeze", ends.freeze());
    row.cell("assign class", ends.assign());
    row.cell("deadbands", ends.deadband());
    row.cell("attributes", ends.attributes());
    row.cell("CROB select", ends.crob("sbo"));
    row.cell("CROB direct", ends.crob("direct"));
    row.cell("CROB no ack", ends.crob("direct_no_ack"));
    for width in ["i16", "i32", "f32", "f64"] {
        row.cell(&format!("analog {width}"), ends.analog(width));
    }
    row.cell("refused controls", ends.refused());
    row.cell("time LAN", ends.time("lan"));
    row.cell("time non-LAN", ends.time("nonlan"));
    row.cell("link status", ends.ask(&json!({ "do": "link_status" })).map(drop));
    row.cell("unsolicited", ends.unsolicited());
    // These make events that a master may stop at, so they come late.
    row.cell("double-bit", ends.double());
    row.cell("octet strings", ends.texts());
    row.cell("cold restart", ends.cold_restart());
    let keys = folder.path().join("keys.log");
    wire::judge(&mut row, &folder.path().join("row.pcap"), tls.then_some(keys.as_path()), SERVER);
    row.finish();
}

#[test]
fn yadnp3_over_tcp() {
    run(&YADNP3, false, false);
}

#[test]
fn yadnp3_over_mutual_tls() {
    run(&YADNP3, true, false);
}

#[test]
fn yadnp3_with_the_device_under_test() {
    run(&YADNP3, false, true);
}

#[test]
fn py1815_over_tcp() {
    run(&PY1815, false, false);
}

#[test]
fn py1815_over_mutual_tls() {
    run(&PY1815, true, false);
}

#[test]
fn py1815_with_the_device_under_test() {
    run(&PY1815, false, true);
}

#[test]
fn dnp3py_over_tcp() {
    run(&DNP3PY, false, false);
}

#[test]
fn dnp3py_with_the_device_under_test() {
    run(&DNP3PY, false, true);
}

#[test]
fn py1815_that_breaks_rules_over_tcp() {
    breaks::run(false);
}

#[test]
fn py1815_that_breaks_rules_over_mutual_tls() {
    breaks::run(true);
}
