//! What a master that others wrote is asked to do, and what has to come of it.

use std::collections::BTreeMap;

use ieee1815::Iin;
use serde_json::{Value, json};

use crate::masters::{Ends, Library};
use crate::ours::{Due, What};
use crate::row::{Check, Miss, failed, require};

/// Silence that is waited for: long enough for whoever would not be silent.
const SILENCE_S: f64 = 1.5;
const LISTEN_S: f64 = 20.0;
/// The master's clock and ours are one.
const CLOCK_MS_MAX: u64 = 2000;

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

    pub(crate) fn read(&mut self, group: u8) -> Check<Vec<Value>> {
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

    pub(crate) fn start_up(&mut self, said: &[Value]) -> Check {
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

    pub(crate) fn integrity(&mut self, library: &Library) -> Check {
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

    pub(crate) fn class_polls(&mut self) -> Check {
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

    pub(crate) fn confirmed(&mut self) -> Check {
        let due = self.ours.stir(What::Analog)?;
        has(&self.events(&[1, 2, 3])?, &due)?;
        has_no(&self.events(&[1, 2, 3])?, &due)
    }

    /// More events than one fragment holds.
    pub(crate) fn fragments(&mut self) -> Check {
        self.ask(&json!({ "do": "unsolicited", "enable": false }))?;
        self.drain()?;
        let wanted = self.ours.flood()?;
        let heard = self.events(&[1, 2, 3])?;
        let events = points(&heard).filter(|point| is_event(point)).count();
        require(events == wanted, || format!("{events} events in place of {wanted}"))?;
        self.drain()
    }

    pub(crate) fn unsolicited(&mut self) -> Check {
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

    pub(crate) fn of_type(&mut self, group: u8, what: What, turns: usize) -> Check {
        self.read(group)?;
        for _ in 0..turns {
            let mut due = self.ours.stir(what)?;
            has(&self.events(&[1, 2, 3])?, &due)?;
            due.group = group.into();
            has(&self.read(group)?, &due)?;
        }
        Ok(())
    }

    pub(crate) fn freeze(&mut self) -> Check {
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

    /// A freeze by broadcast is done, a control by broadcast is not; the next response tells of either.
    pub(crate) fn broadcast(&mut self) -> Check {
        for how in ["no_confirm", "shall_confirm", "optional_confirm"] {
            self.ours.stir(What::Counter)?;
            let counters = statics(&self.read(20)?, 20);
            self.ask(&json!({ "do": "broadcast", "what": "freeze", "how": how }))?;
            let heard = self.read(21)?;
            require(indications(&heard).contains(Iin::BROADCAST), || {
                format!("{how} is not told: {heard:?}")
            })?;
            let found = statics(&heard, 21);
            require(counters.len() == 4 && found == counters, || format!("{counters:?} became {found:?}"))?;
            self.drain()?;
            let heard = self.read(20)?;
            require(!indications(&heard).contains(Iin::BROADCAST), || {
                format!("{how} is still told: {heard:?}")
            })?;
        }
        self.ask(&json!({ "do": "broadcast", "what": "latch", "how": "no_confirm", "index": 0 }))?;
        let heard = self.read(10)?;
        require(indications(&heard).contains(Iin::BROADCAST), || format!("it is not told: {heard:?}"))?;
        has(&heard, &Due { group: 10, at: Some((0, json!(false))) })
    }

    pub(crate) fn assign(&mut self) -> Check {
        self.ask(&json!({ "do": "assign", "class": 3, "group": 1 }))?;
        let due = self.ours.stir(What::Binary)?;
        has_no(&self.events(&[1])?, &due)?;
        has(&self.events(&[3])?, &due)?;
        self.ask(&json!({ "do": "assign", "class": 1, "group": 1 }))?;
        let due = self.ours.stir(What::Binary)?;
        has_no(&self.events(&[3])?, &due)?;
        has(&self.events(&[1])?, &due)
    }

    pub(crate) fn double(&mut self) -> Check {
        self.of_type(3, What::Double, 4)
    }

    pub(crate) fn texts(&mut self) -> Check {
        self.read(110)?;
        if self.ours.dut {
            return Err(Miss::NotOffered(
                "our device under test has no octet strings either in the recordings".to_owned(),
            ));
        }
        self.of_type(110, What::Text, 2)
    }

    pub(crate) fn deadband(&mut self) -> Check {
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

    pub(crate) fn time(&mut self, procedure: &str) -> Check {
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

    pub(crate) fn operate(&mut self, mut request: Value) -> Check<Vec<Value>> {
        request["do"] = json!("operate");
        self.ask(&request)
    }

    /// A control that is accepted, and shows in the status of its output.
    pub(crate) fn control(&mut self, request: Value, status: (u8, Value)) -> Check {
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

    pub(crate) fn crob(&mut self, mode: &str) -> Check {
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

    pub(crate) fn analog(&mut self, width: &str) -> Check {
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

    pub(crate) fn refused(&mut self) -> Check {
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

    pub(crate) fn restart_bit(&mut self, said: &[Value]) -> Check {
        let heard = self.ask(&json!({ "do": "integrity" }))?;
        let cleared = said.iter().any(|line| line["type"] == "CLEAR_RESTART" && line["result"] == "SUCCESS");
        let set = indications(&heard).contains(Iin::DEVICE_RESTART);
        require(set != cleared, || format!("{said:?} {heard:?}"))?;
        self.ask(&json!({ "do": "clear_restart" }))?;
        let heard = self.ask(&json!({ "do": "integrity" }))?;
        require(!indications(&heard).contains(Iin::DEVICE_RESTART), || format!("{heard:?}"))
    }

    pub(crate) fn cold_restart(&mut self) -> Check {
        let mut heard = self.ask(&json!({ "do": "restart" }))?;
        let delay = heard.last().unwrap()["delay_ms"].to_string();
        require(delay.contains("1000"), || format!("the delay is {delay}"))?;
        self.ours.until("restart")?;
        self.ours.until("listening")?;
        if self.ours.dut {
            // Its connection stays.
            heard.extend(self.ask(&json!({ "do": "integrity" }))?);
        } else {
            heard.extend(self.ask(&json!({ "do": "again" }))?);
        }
        // Who does not clear it at once still sees it.
        let cleared = heard.iter().any(|line| line["type"] == "CLEAR_RESTART" && line["result"] == "SUCCESS");
        let set = indications(&heard).contains(Iin::DEVICE_RESTART);
        require(set || cleared, || format!("no restart was told: {heard:?}"))
    }

    pub(crate) fn attributes(&mut self) -> Check {
        let heard = self.ask(&json!({ "do": "attributes" }))?;
        let found: Vec<_> = heard.iter().filter(|line| line["event"] == "attribute").collect();
        let has = |variation: u64| found.iter().any(|one| one["variation"] == variation);
        require(has(242) && has(250) && has(252), || format!("{heard:?}"))
    }
}
