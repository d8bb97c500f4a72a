//! A core, its masters and its devices on a virtual clock, with the oracle beside them.
//!
//! Every object that a master decodes is held against the oracle at the moment at which it was sent. Octets are
//! lost where the script says so, never changed: what a bad line does is shown elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use ieee1815::master::{Master, MasterEvent, Outcome, Request};
use ieee1815::{AnalogWidth, Classes, Command, Iin, Measured, OperateMode, PointType};
use rtd::core::{
    Action, Core, DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Input,
    MasterIx, Operate, Output,
};
use site::{DeviceIx, Site};
use telemetry::{Now, Value, WallTrust};

use crate::counts::Counts;
use crate::made;
use crate::oracle::{self, From, Oracle};
use crate::proof::Dice;
use crate::proof::world::{EPOCH, is_good, master, next_due, now_of, number};
use crate::readings::{Memory, readings};
use crate::script::{Fault, MASTERS, Step, What, When};

/// One master's end.
struct End {
    master: Master,
    up: bool,
    seen: BTreeMap<(PointType, u16), Measured>,
    /// An integrity poll came through since the device started.
    complete: bool,
    /// It was told that events were lost, and has not read all since.
    overflow: bool,
    /// So many writes pass before one is lost.
    lose_up: Option<u8>,
    lose_down: Option<u8>,
    asked: BTreeMap<u64, What>,
}

pub(crate) struct World<'a> {
    site: &'a Site,
    fresh: &'a Oracle,
    core: Core,
    oracle: Oracle,
    ends: Vec<End>,
    now: u64,
    offset: i64,
    /// All that the wall clock ever was ahead of the monotonic one.
    offsets: Vec<i64>,
    trust: WallTrust,
    boot: u64,
    writes: Vec<(DeviceIx, u64, Option<f64>)>,
    memory: Memory,
    settled: Option<u64>,
    pub(crate) counts: Counts,
    /// What was wrong, first.
    pub(crate) wrong: Option<String>,
}

impl<'a> World<'a> {
    pub(crate) fn new(site: &'a Site, fresh: &'a Oracle) -> Self {
        let end = |at: usize| End {
            master: master(site, at),
            up: false,
            seen: BTreeMap::new(),
            complete: false,
            overflow: false,
            lose_up: None,
            lose_down: None,
            asked: BTreeMap::new(),
        };
        let now = now_of(0, EPOCH, WallTrust::Synchronised);
        Self {
            site,
            fresh,
            core: Core::new(site, 1, now).unwrap(),
            oracle: fresh.clone(),
            ends: (0..MASTERS).map(end).collect(),
            now: 0,
            offset: EPOCH,
            offsets: vec![EPOCH],
            trust: WallTrust::Synchronised,
            boot: 1,
            writes: Vec::new(),
            memory: Memory::default(),
            settled: None,
            counts: Counts::default(),
            wrong: None,
        }
    }

    fn time(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    fn present(&self) -> Now {
        now_of(self.now, self.offset, self.trust)
    }

    fn fail(&mut self, words: String) {
        self.wrong.get_or_insert(words);
    }

    /// Brings the oracle to the present.
    fn begin(&mut self) {
        if self.settled != Some(self.now) {
            self.oracle.begin(self.now);
            self.oracle.settle(self.now);
            self.settled = Some(self.now);
        }
    }

    /// As [`Self::begin`], before something that changes points.
    fn begin_change(&mut self) {
        self.begin();
        self.oracle.begin(self.now);
    }

    fn input(&mut self, input: Input) {
        self.begin();
        let now = self.present();
        for output in self.core.handle(input, now) {
            match output {
                Output::Octets { master, octets } => self.downwards(master.get(), &octets),
                Output::Write { device, request, write } => {
                    let watts = match write {
                        FieldWrite::SunSpec704 { watts, .. } => Some(watts),
                        _ => None,
                    };
                    self.writes.push((device, request, watts));
                }
                Output::Record(_) => self.counts.records += 1,
            }
        }
        self.exchange();
    }

    fn downwards(&mut self, at: usize, octets: &[u8]) {
        let time = self.time();
        let end = &mut self.ends[at];
        if let Some(after) = end.lose_down {
            end.lose_down = after.checked_sub(1);
            if after == 0 {
                return;
            }
        }
        if end.up {
            end.master.receive(octets, time);
        }
    }

    /// Carries octets until nobody has anything to say.
    fn exchange(&mut self) {
        for at in 0..self.ends.len() {
            if !self.ends[at].up {
                continue;
            }
            self.hear(at);
            let mut octets = Vec::new();
            while self.ends[at].master.poll_transmit(&mut octets) {
                let end = &mut self.ends[at];
                let octets = std::mem::take(&mut octets);
                if let Some(after) = end.lose_up {
                    end.lose_up = after.checked_sub(1);
                    if after == 0 {
                        continue;
                    }
                }
                self.input(Input::Octets { master: MasterIx::new(at), octets });
            }
            self.hear(at);
        }
    }

    /// Takes what a master has to say.
    fn hear(&mut self, at: usize) {
        while let Some(event) = self.ends[at].master.poll_event() {
            match event {
                MasterEvent::Point { point, index, measured, event, .. } => {
                    self.judge(point, index, measured, event);
                    self.note(at, point, index, measured);
                }
                MasterEvent::Response { iin, .. } => {
                    self.ends[at].overflow |= iin.contains(Iin::EVENT_BUFFER_OVERFLOW);
                }
                MasterEvent::StartUpDone => self.all_read(at, true),
                MasterEvent::Done { id, outcome } => {
                    let what = self.ends[at].asked.remove(&id);
                    if outcome == Outcome::ReadDone {
                        match what {
                            Some(What::All) => self.all_read(at, true),
                            Some(What::Events) => self.all_read(at, false),
                            _ => {}
                        }
                    } else {
                        self.counts.requests_failed += 1;
                    }
                }
                MasterEvent::Restart => self.counts.restarts_told += 1,
                _ => {}
            }
        }
    }

    fn note(&mut self, at: usize, point: PointType, index: u16, measured: Measured) {
        let before = self.ends[at].seen.insert((point, index), measured);
        match (before.map(is_good), is_good(measured)) {
            (Some(true), false) => self.counts.left_good += 1,
            (Some(false), true) => self.counts.came_back += 1,
            _ => {}
        }
    }

    /// An object was received; may it say what it says?
    fn judge(&mut self, kind: PointType, index: u16, measured: Measured, event: bool) {
        self.counts.objects += 1;
        let Some(at) = self.oracle.find(kind, index) else {
            return self.fail(format!("{kind:?} {index} is not of this site"));
        };
        let good = is_good(measured);
        let wire = number(measured);
        let point = &self.oracle.points[at];
        let shown = point.shown;
        let told = |why: &str, oracle: &Oracle| {
            let shown = &oracle.points[at].shown;
            Some(format!("{} at {} ms: {why}: received {measured:?}, it is {shown:?}", point.id, self.now))
        };
        if let From::Own(own) = point.from {
            self.counts.good_objects += u64::from(good);
            if good && !self.oracle.may_be_good(at, own, wire) {
                self.wrong = self.wrong.take().or_else(|| told("not good", &self.oracle));
            }
            return;
        }
        if let Some(good_at) = point.good_at.as_ref().filter(|_| event) {
            if !good {
                return;
            }
            (self.counts.good_objects, self.counts.good_timed) =
                (self.counts.good_objects + 1, self.counts.good_timed + 1);
            let Some(time) = measured.time else {
                self.wrong = self.wrong.take().or_else(|| told("an event without its time", &self.oracle));
                return;
            };
            let time = i64::try_from(time).unwrap();
            let then =
                |own: u64| self.offsets.iter().any(|offset| i64::try_from(own).unwrap() + offset == time);
            let was = good_at.iter().any(|(own, value)| self.is_same(at, *value, wire) && then(*own));
            if !was {
                let why = "never good with that value at its own time";
                self.wrong = self.wrong.take().or_else(|| told(why, &self.oracle));
            }
            return;
        }
        self.counts.good_objects += u64::from(good);
        let same = shown.value.is_some_and(|value| self.is_same(at, value, wire));
        if good && !shown.against.is_good() {
            self.wrong = self.wrong.take().or_else(|| told("received as good", &self.oracle));
        } else if good && !same {
            self.wrong = self.wrong.take().or_else(|| told("another value", &self.oracle));
        } else if !good && !same && shown.value.is_some() && matches!(point.from, From::Field { .. }) {
            self.wrong = self.wrong.take().or_else(|| told("the last value is not kept", &self.oracle));
        }
    }

    fn is_same(&self, at: usize, value: f64, wire: f64) -> bool {
        let expected = self.oracle.wire(at, value);
        let near = if made::is_exact(&self.oracle.points[at]) { 1.0 } else { 2.0 };
        match self.oracle.points[at].scale {
            Some(telemetry::Scale::Engineering) => (expected - wire).abs() <= expected.abs() * 1e-6,
            _ => (expected - wire).abs() <= near,
        }
    }

    /// A poll came through: what the master knows has to be what is, and what is good again has to be seen as good.
    fn all_read(&mut self, at: usize, all: bool) {
        if all {
            (self.ends[at].complete, self.ends[at].overflow) = (true, false);
        }
        if !self.ends[at].complete || self.ends[at].overflow {
            return;
        }
        self.counts.compared += 1;
        for (place, point) in self.oracle.points.iter().enumerate() {
            if matches!(point.from, From::Own(_)) || (!all && point.class == 0) {
                continue;
            }
            let seen = self.ends[at].seen.get(&(point.kind, point.index)).copied();
            let is = point.shown.against.is_good();
            let Some(seen) = seen else {
                self.wrong.get_or_insert(format!("{} was never reported", point.id));
                return;
            };
            let expected = point.shown.value.map(|value| self.oracle.wire(place, value));
            let near = expected.is_some_and(|value| {
                (value - number(seen)).abs() <= point.deadband + 2.0 + value.abs() * 1e-6
            });
            if is != is_good(seen) || (is && !near) {
                let words = format!(
                    "{} at {} ms: after a poll (all: {all}) the master has {seen:?}, it is {:?}",
                    point.id, self.now, point.shown
                );
                self.wrong.get_or_insert(words);
                return;
            }
        }
    }

    /// Lets time pass, stopping wherever anybody wants to be called.
    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        loop {
            let masters = self.ends.iter().filter(|end| end.up).map(|end| &end.master);
            let next = next_due(&self.core, masters);
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = next.max(self.now);
            self.tick();
            if self.core.due().is_some_and(|due| due.as_micros() <= self.now * 1_000) {
                self.now += 1;
            }
        }
        self.now = end.max(self.now);
        self.tick();
    }

    fn tick(&mut self) {
        self.counts.times += 1;
        self.input(Input::Time);
        let time = self.time();
        for at in 0..self.ends.len() {
            if !self.ends[at].up {
                continue;
            }
            self.ends[at].master.handle_timeout(time);
            self.hear(at);
            if self.ends[at].master.is_silent() {
                self.connect(at);
            }
        }
        self.exchange();
    }

    fn connect(&mut self, at: usize) {
        let time = self.time();
        if self.ends[at].up {
            self.ends[at].master.disconnected();
        }
        self.ends[at].asked.clear();
        self.ends[at].up = true;
        let (peer, address) = (String::new(), String::new());
        self.input(Input::Connected { master: MasterIx::new(at), peer, address });
        self.ends[at].master.connected(time);
        self.exchange();
    }

    fn disconnect(&mut self, at: usize) {
        if !self.ends[at].up {
            return;
        }
        self.ends[at].up = false;
        self.ends[at].master.disconnected();
        self.ends[at].asked.clear();
        self.input(Input::Disconnected { master: MasterIx::new(at), why: String::new() });
    }

    fn report(&mut self, device: usize, received: u64, outcome: FieldOutcome) {
        let then = now_of(received, self.offset, self.trust);
        let sent = now_of(received.saturating_sub(40), self.offset, self.trust);
        let report = FieldReport { device: DeviceIx::new(device), outcome, sent, received: then };
        self.input(Input::Field(FieldEvent::Report(report)));
    }

    fn received(&self, device: usize, when: When) -> u64 {
        let last = self.oracle.last_received(device);
        match when {
            When::Now => self.now,
            When::Waited(millis) => self.now.saturating_sub(millis).max(last),
            When::Late(millis) => last.saturating_sub(millis),
        }
    }

    /// Does one step.
    pub(crate) fn step(&mut self, step: Step) {
        self.counts.kinds[step.kind()] += 1;
        match step {
            Step::Answered { device, answer, when, seed } => {
                let received = self.received(device, when);
                let given = readings(&self.oracle, device, answer, received, &mut self.memory, seed);
                self.begin_change();
                let taken = self.oracle.report(device, received, None);
                if taken {
                    self.oracle.settle_fields(self.now);
                    for one in &given {
                        for at in &one.points {
                            self.oracle.read(*at, one.given, one.told, received);
                            self.oracle.settle_point(*at, self.now);
                        }
                    }
                }
                self.oracle.settle(self.now);
                let outcome = FieldOutcome::Readings(given.into_iter().map(|one| one.reading).collect());
                self.report(device, received, outcome);
            }
            Step::Failed { device, fault, when } => {
                let received = self.received(device, when);
                self.begin_change();
                let (kind, known) = match fault {
                    Fault::TimedOut => (FailureKind::TimedOut, oracle::Fault::TimedOut),
                    Fault::Unreachable => (FailureKind::Unreachable, oracle::Fault::Unreachable),
                    Fault::Protocol => (FailureKind::Protocol, oracle::Fault::Other),
                    Fault::Exception => (FailureKind::Exception, oracle::Fault::Other),
                };
                self.oracle.report(device, received, Some(known));
                self.oracle.settle(self.now);
                let failure = DeviceFailure { kind, words: String::new() };
                self.report(device, received, FieldOutcome::Failed(failure));
            }
            Step::Connect { master } => self.connect(master),
            Step::Disconnect { master } => self.disconnect(master),
            Step::Read { master, what } => self.read(master, what),
            Step::Lose { master, after, upwards } => {
                let end = &mut self.ends[master];
                *(if upwards { &mut end.lose_up } else { &mut end.lose_down }) = Some(after);
            }
            Step::Command { master, seed } => self.command(master, seed),
            Step::Written { good } => self.written(good),
            Step::Force { point, seed, seconds } => self.force(point, seed, seconds),
            Step::Inhibit { point, seconds } => {
                let lasts = Duration::from_secs(seconds);
                self.operate(point, Action::Inhibit { lasts });
            }
            Step::Release { point } => self.operate(point, Action::Release),
            Step::Wall { millis } => {
                self.offset = (self.offset + millis).max(EPOCH - 36_000_000);
                if !self.offsets.contains(&self.offset) {
                    self.offsets.push(self.offset);
                }
                self.input(Input::Time);
            }
            Step::Trust { seed } => {
                self.trust = [WallTrust::Synchronised, WallTrust::Unknown, WallTrust::Unsynchronised]
                    [Dice::new(seed).index(3)];
            }
            Step::Time { millis } => self.pass(millis),
            Step::Restart => self.restart(),
        }
    }

    fn restart(&mut self) {
        for end in &mut self.ends {
            end.master.disconnected();
            end.asked.clear();
            while end.master.poll_event().is_some() {}
            (end.up, end.complete, end.overflow) = (false, false, false);
        }
        self.boot += 1;
        self.core = Core::new(self.site, self.boot, self.present()).unwrap();
        self.oracle = self.fresh.clone();
        (self.settled, self.writes) = (None, Vec::new());
        self.input(Input::Time);
    }

    fn read(&mut self, at: usize, what: What) {
        if !self.ends[at].up {
            return;
        }
        let classes = match what {
            What::All => Classes::ALL,
            What::Events => Classes::EVENTS,
            What::One => Classes::ONE,
            What::Two => Classes::TWO,
            What::Zero => Classes::ZERO,
        };
        let time = self.time();
        if let Ok(id) = self.ends[at].master.request(Request::Read(classes), time) {
            self.ends[at].asked.insert(id, what);
        }
        self.exchange();
    }

    fn command(&mut self, at: usize, seed: u64) {
        if !self.ends[at].up {
            return;
        }
        let mut dice = Dice::new(seed);
        let megawatts = (dice.below(801) as f64 - 400.0) / 100.0;
        let setpoint = &self.site.setpoints[0];
        let command = Command::Analog { value: setpoint.wire.to_wire(megawatts).0, width: AnalogWidth::F32 };
        let mode = if dice.percent(50) { OperateMode::Direct } else { OperateMode::SelectBeforeOperate };
        let time = self.time();
        // Whether it was taken or not: what is held is this, or what the plant does.
        self.oracle.commanded.push(megawatts);
        let _ = self.ends[at].master.request(Request::Operate { mode, index: 1, command }, time);
        self.exchange();
    }

    fn written(&mut self, good: bool) {
        for (device, request, watts) in std::mem::take(&mut self.writes) {
            let result = if good { Ok(()) } else { Err(String::new()) };
            if let Some(watts) = watts.filter(|_| good) {
                self.oracle.confirmed.push(watts / 1e6);
            }
            self.input(Input::Field(FieldEvent::Written { device, request, result }));
        }
    }

    fn force(&mut self, point: u64, seed: u64, seconds: u64) {
        let at = self.pick(point);
        let mut dice = Dice::new(seed);
        let value = match self.oracle.points[at].unit {
            Some(_) => Value::Analog(dice.below(1_200) as f64 / 100.0),
            None => Value::Binary(dice.percent(50)),
        };
        self.operate(point, Action::Force { value, lasts: Duration::from_secs(seconds) });
    }

    fn pick(&self, point: u64) -> usize {
        usize::try_from(point % self.oracle.points.len() as u64).unwrap()
    }

    fn operate(&mut self, point: u64, action: Action) {
        let at = self.pick(point);
        let known = &self.oracle.points[at];
        let is_beat = matches!(known.from, From::Own(oracle::Own::Heartbeat));
        let is_output = known.kind == PointType::AnalogOutputStatus;
        let (who, why) = ("ann".into(), "proof".into());
        let operate = Operate { point: known.id.clone(), action, who, why };
        self.begin_change();
        match action {
            Action::Force { value, lasts }
                if !is_beat && !is_output && self.oracle.may_be_forced(at, value.as_f64()) =>
            {
                let millis = u64::try_from(lasts.as_millis()).unwrap();
                self.oracle.hand(at, Some(value.as_f64()), self.now, millis);
            }
            Action::Inhibit { lasts } if !is_beat => {
                let millis = u64::try_from(lasts.as_millis()).unwrap();
                self.oracle.hand(at, None, self.now, millis);
            }
            Action::Release => self.oracle.release(at),
            _ => {}
        }
        self.oracle.settle(self.now);
        self.input(Input::Operate(operate));
    }

    /// All is well in the end: every device is read, the wall clock stands, and both masters have to see it so.
    pub(crate) fn close(&mut self) {
        for at in 0..MASTERS {
            (self.ends[at].lose_up, self.ends[at].lose_down) = (None, None);
            self.connect(at);
            self.pass(100);
            self.read(at, What::Events);
            self.read(at, What::All);
        }
        self.pass(1);
    }
}
