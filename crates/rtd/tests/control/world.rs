//! A core, its masters and its plant on a virtual clock, with the oracle beside them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ieee1815::master::{Master, MasterEvent, Outcome, Request};
use ieee1815::{AnalogWidth, Classes, Command, Crob, Iin, Measured, OperateMode, PointType};
use rtd::core::{
    Action, Core, DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Input,
    MasterIx, Operate, Output, Reading, Record, Way,
};
use site::{DeviceIx, ReadingIx};
use telemetry::{Now, WallTrust};

use crate::oracle::{Oracle, Owner, Said, Up};
use crate::proof::world::{self, EPOCH, is_good, master, next_due, number};
use crate::script::{Answers, Order, Step, Weird};
use crate::sites::{DEVICES, Drives, Kind, METER, MW, PLC, RATED, SWITCHGEAR, TWISTS, UNITS};
use crate::wire::{self, Asked};

const MASTERS: usize = 2;
const NAMES: [&str; MASTERS] = ["ems", "observer"];
const POINT: &str = "plant.setpoint";
/// What stands for what is no number until it is on the wire.
const STANDS: i32 = 12_345;
const HELD: (PointType, u16) = (PointType::AnalogOutputStatus, 1);
const FEEDBACK: (PointType, u16) = (PointType::AnalogInput, 40);
const CLAMP: (PointType, u16) = (PointType::AnalogInput, 41);
const OWNER: (PointType, u16) = (PointType::AnalogInput, 42);

struct End {
    master: Master,
    up: bool,
    seen: BTreeMap<(PointType, u16), Measured>,
    complete: bool,
    overflow: bool,
    lose: bool,
    asked: BTreeMap<u64, bool>,
    /// What was written and comes later.
    late: VecDeque<(u64, Vec<u8>)>,
    delay: u64,
    last: Vec<u8>,
    last_answer: Vec<u8>,
    /// The number that is put in place of what stands for it.
    weird: Option<f32>,
    set: Option<(i32, usize)>,
    /// The status of its last command by the record.
    recorded: Option<String>,
}

impl End {
    fn new(at: usize, kind: &Kind) -> Self {
        Self {
            master: master(&kind.sites[0].0, at),
            up: false,
            seen: BTreeMap::new(),
            complete: false,
            overflow: false,
            lose: false,
            asked: BTreeMap::new(),
            late: VecDeque::new(),
            delay: 0,
            last: Vec::new(),
            last_answer: Vec::new(),
            weird: None,
            set: None,
            recorded: None,
        }
    }

    /// Its session is over, and all that was under way with it.
    fn over(&mut self) {
        self.master.disconnected();
        self.asked.clear();
        self.late.clear();
        self.last.clear();
        self.last_answer.clear();
        (self.up, self.delay, self.lose, self.weird, self.recorded) = (false, 0, false, None, None);
    }
}

/// How the plant is.
#[derive(Clone, Debug)]
struct Truth {
    said: Said,
    dead: [bool; DEVICES],
    mw: Vec<f64>,
    follows: Vec<bool>,
    blind: bool,
    /// What the plant itself takes, told or not.
    load: f64,
}

pub(crate) struct World<'a> {
    kind: &'a Kind,
    running: usize,
    core: Core,
    pub(crate) oracle: Oracle,
    ends: Vec<End>,
    now: u64,
    offset: i64,
    boot: u64,
    truth: Truth,
    /// The meter has something new to say.
    moved: bool,
    read_at: u64,
    answers: Answers,
    owed: VecDeque<(usize, u64, FieldWrite)>,
    /// What came for a master whose octets were sent again.
    retried: Option<usize>,
    delivering: Option<Asked>,
}

impl<'a> World<'a> {
    pub(crate) fn new(kind: &'a Kind) -> Self {
        let (site, rules) = &kind.sites[0];
        let now = now_of(0, EPOCH);
        let units = rules.drives();
        let said = Said {
            units: None,
            poi: None,
            breaker: Some(true),
            remote: Some(true),
            units_remote: Some(true),
            hard: [Some(-4.0), Some(4.0)],
            soft: [Some(-3.5), Some(3.5)],
            charge: Some(5.0),
            schedule: Some(0.5),
            sun: Some(2.0),
            hz: Some(60.0),
            enable: Some(true),
            aux: Some(0.2),
        };
        Self {
            kind,
            running: 0,
            core: Core::new(site, 1, now).unwrap(),
            oracle: Oracle::new(*rules, 0),
            ends: (0..MASTERS).map(|at| End::new(at, kind)).collect(),
            now: 0,
            offset: EPOCH,
            boot: 1,
            truth: Truth {
                said,
                dead: [false; DEVICES],
                mw: vec![if rules.drives == Drives::Limited { 1.0 } else { 0.4 }; units],
                follows: vec![true; units],
                blind: false,
                load: 0.2,
            },
            moved: true,
            read_at: 0,
            answers: Answers::Prompt,
            owed: VecDeque::new(),
            retried: None,
            delivering: None,
        }
    }

    fn time(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    fn fail(&mut self, words: String) {
        self.oracle.fail(words);
    }

    // Octets and time.

    fn input(&mut self, input: Input) {
        self.oracle.begin(self.now);
        let outputs = self.core.handle(input, now_of(self.now, self.offset));
        self.outputs(outputs);
    }

    fn outputs(&mut self, outputs: Vec<Output>) {
        let mut writes = Vec::new();
        let mut octets = Vec::new();
        for output in outputs {
            match output {
                Output::Record(Record::Command { master, value, mode, status, effect, .. }) => {
                    let at = usize::from(&*master == NAMES[1]);
                    if self.retried == Some(at) {
                        self.fail(format!("the same octets again acted again: {status} {effect}"));
                    }
                    let (asked, by) = match self.delivering {
                        Some(Asked::Value { index: 1, counts }) => (Some(counts / MW), None),
                        Some(Asked::Control { index: index @ (5 | 6), op: 1 | 3, count }) => {
                            let (asked, by) = self.oracle.pulsed(at, index == 5, count);
                            (Some(asked), Some(by))
                        }
                        Some(_) => (None, None),
                        None => {
                            self.fail("a command that nobody sent".to_owned());
                            (None, None)
                        }
                    };
                    self.oracle.command(at, (asked, by), value, mode, &status, effect);
                    self.ends[at].recorded = Some(status);
                }
                Output::Record(Record::Authority { owner, cause, .. }) => self.oracle.authority(owner, cause),
                Output::Record(_) => {}
                Output::Write { device, request, write } => writes.push((device.get(), request, write)),
                Output::Octets { master, octets: more } => octets.push((master.get(), more)),
            }
        }
        self.oracle.end(&writes);
        self.owed.extend(writes);
        for (at, octets) in octets {
            self.downwards(at, &octets);
        }
    }

    fn downwards(&mut self, at: usize, octets: &[u8]) {
        let time = self.time();
        let end = &mut self.ends[at];
        if self.retried == Some(at) && !end.last_answer.is_empty() {
            let (before, again) = (wire::answer(&end.last_answer), wire::answer(octets));
            if before != again {
                self.fail(format!("the answer {before:02x?} became {again:02x?}"));
                return;
            }
            self.oracle.counts.retries += 1;
        }
        let end = &mut self.ends[at];
        // A frame that only asks whether the link is there answers nothing.
        if !wire::answer(octets).is_empty() {
            end.last_answer = octets.to_vec();
        }
        if std::mem::take(&mut end.lose) {
            return;
        }
        if end.up {
            end.master.receive(octets, time);
            self.hear(at);
        }
    }

    fn upwards(&mut self, at: usize, octets: Vec<u8>) {
        self.delivering = wire::asked(&octets);
        self.ends[at].last_answer.clear();
        self.ends[at].last.clone_from(&octets);
        self.input(Input::Octets { master: MasterIx::new(at), octets });
        self.delivering = None;
    }

    /// Carries octets and answers until nobody has anything to say.
    fn exchange(&mut self) {
        loop {
            let mut quiet = true;
            for at in 0..MASTERS {
                let mut octets = Vec::new();
                while self.ends[at].up && self.ends[at].master.poll_transmit(&mut octets) {
                    quiet = false;
                    let mut octets = std::mem::take(&mut octets);
                    let end = &mut self.ends[at];
                    if let Some(weird) = end.weird {
                        #[expect(clippy::cast_precision_loss, reason = "small")]
                        let stands = (STANDS as f32).to_le_bytes();
                        if matches!(wire::asked(&octets), Some(Asked::Value { counts, .. }) if counts == f64::from(STANDS))
                        {
                            octets = wire::replaced(&octets, stands, weird.to_le_bytes());
                        }
                    }
                    if end.delay > self.now || !end.late.is_empty() {
                        let when = end.delay.max(self.now);
                        end.late.push_back((when, octets));
                    } else {
                        self.upwards(at, octets);
                    }
                }
                while self.ends[at].late.front().is_some_and(|(when, _)| *when <= self.now) {
                    quiet = false;
                    if let Some((_, octets)) = self.ends[at].late.pop_front() {
                        self.upwards(at, octets);
                    }
                }
                self.hear(at);
            }
            if self.answers == Answers::Prompt || self.answers == Answers::Refused {
                while let Some(owed) = self.owed.pop_front() {
                    quiet = false;
                    self.answer(owed, self.answers == Answers::Prompt);
                }
            }
            if quiet || self.oracle.wrong.is_some() {
                return;
            }
        }
    }

    fn answer(&mut self, (device, request, write): (usize, u64, FieldWrite), good: bool) {
        let good = good && !self.truth.dead[device];
        let result = if good { Ok(()) } else { Err("no".to_owned()) };
        let watts = match write {
            FieldWrite::SunSpec704 { watts, .. } => Some(watts / 1e6),
            FieldWrite::SunSpec123 { percent, .. } => Some(percent / 100.0 * RATED),
            _ => None,
        };
        let unit = device.saturating_sub(UNITS);
        if let Some(mw) = watts.filter(|_| good && self.truth.follows[unit]) {
            self.moved |= self.truth.mw[unit] != mw;
            self.truth.mw[unit] = mw;
        }
        self.oracle.written(device, request, good);
        self.input(Input::Field(FieldEvent::Written { device: DeviceIx::new(device), request, result }));
    }

    /// Takes what a master has to say.
    fn hear(&mut self, at: usize) {
        while let Some(event) = self.ends[at].master.poll_event() {
            match event {
                MasterEvent::Point { point, index, measured, .. } => {
                    self.ends[at].seen.insert((point, index), measured);
                }
                MasterEvent::Response { iin, .. } => {
                    self.ends[at].overflow |= iin.contains(Iin::EVENT_BUFFER_OVERFLOW);
                    let (told, is) = (iin.contains(Iin::LOCAL_CONTROL), self.oracle.is_local());
                    if self.retried != Some(at) && told != is {
                        self.fail(format!("IIN1.5 is {told} while outputs are local: {is}"));
                    }
                }
                MasterEvent::StartUpDone => self.all_read(at, true),
                MasterEvent::Done { id, outcome } => {
                    let all = self.ends[at].asked.remove(&id);
                    match (outcome, all) {
                        (Outcome::ReadDone, Some(all)) => self.all_read(at, all),
                        (Outcome::Status(status), _) => {
                            let recorded = self.ends[at].recorded.take();
                            if recorded.as_ref().is_some_and(|recorded| *recorded != status.to_string()) {
                                self.fail(format!(
                                    "the master was told {status}, the record says {recorded:?}"
                                ));
                            }
                        }
                        _ => {}
                    }
                    if all.is_none() {
                        self.ends[at].weird = None;
                    }
                }
                _ => {}
            }
        }
    }

    fn number(&self, at: usize, point: (PointType, u16)) -> Option<(f64, bool)> {
        let measured = *self.ends[at].seen.get(&point)?;
        Some((number(measured), is_good(measured)))
    }

    /// A poll came through: what the master knows has to be what is.
    fn all_read(&mut self, at: usize, all: bool) {
        if all {
            (self.ends[at].complete, self.ends[at].overflow) = (true, false);
        }
        if !self.ends[at].complete || self.ends[at].overflow || self.oracle.wrong.is_some() {
            return;
        }
        self.oracle.counts.compared += 1;
        let seen = [OWNER, CLAMP, FEEDBACK, HELD].map(|point| self.number(at, point));
        let [Some((owner, owner_good)), Some((clamp, _)), Some((force, force_good)), Some((held, held_good))] =
            seen
        else {
            return self.fail("a point of the set point was never reported".to_owned());
        };
        if owner != self.oracle.owner.code() || !owner_good {
            let is = self.oracle.owner;
            return self.fail(format!("the master sees owner {owner}, good: {owner_good}; it is {is:?}"));
        }
        let near = 2.5 / MW;
        if let Some((is, good)) = self.oracle.held()
            && (good != held_good || is.is_some_and(|is| (is - held / MW).abs() > near))
        {
            return self.fail(format!(
                "the master sees held {}, good: {held_good}; it is {is:?}, good: {good}",
                held / MW
            ));
        }
        self.oracle.judge_feedback(force / MW, force_good, near);
        self.oracle.judge_clamp(clamp);
    }

    fn advance(&mut self, to: u64) {
        while self.now < to && self.oracle.wrong.is_none() {
            let masters = self.ends.iter().filter(|end| end.up).map(|end| &end.master);
            let late = self.ends.iter().filter_map(|end| end.late.front().map(|(when, _)| *when));
            let next = next_due(&self.core, masters).into_iter().chain(late).min().unwrap_or(to);
            // What is due now and stays so is looked at again a little later.
            self.now = next.clamp(self.now + 1, to);
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.input(Input::Time);
        let time = self.time();
        for at in 0..MASTERS {
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

    /// Time passes; the meter is read each second where it has something new.
    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while self.now < end && self.oracle.wrong.is_none() {
            let to = end.min((self.read_at + 1_000).max(self.now + 1));
            self.advance(to);
            if self.now >= self.read_at + 1_000 {
                self.read_at = self.now;
                let silent = self.truth.dead.iter().skip(UNITS).any(|dead| *dead);
                if (self.moved || silent || self.oracle.unread.is_some()) && !self.truth.dead[METER] {
                    self.report(METER);
                }
            }
        }
    }

    // The plant.

    fn report(&mut self, device: usize) {
        let number = |value: Option<f64>| value.map_or(Reading::NotANumber, Reading::Number);
        let state = |value: Option<bool>| value.map_or(Reading::NotImplemented, Reading::State);
        let aux = self.kind.sites[self.running].1.aux;
        let truth = &mut self.truth;
        let readings: Vec<Reading> = match device {
            METER => {
                self.moved = false;
                let units: f64 = truth.mw.iter().sum();
                // Lines take their part, and so does what the plant itself needs.
                let poi = if aux { units - truth.load } else { units * 0.98 - 0.05 };
                (truth.said.units, truth.said.poi) =
                    if truth.blind { (None, None) } else { (Some(units), Some(poi)) };
                vec![number(truth.said.units), number(truth.said.poi)]
            }
            SWITCHGEAR => {
                let Said { hz, aux, breaker, remote, enable, .. } = truth.said;
                let numbers = [hz, aux].map(number).into_iter();
                numbers.chain([breaker, remote, enable].map(state)).collect()
            }
            PLC => {
                let Said { hard, soft, charge, schedule, units_remote, sun, .. } = truth.said;
                let numbers = [hard[0], hard[1], soft[0], soft[1], charge, schedule, sun].map(number);
                numbers.into_iter().chain([state(units_remote)]).collect()
            }
            _ => Vec::new(),
        };
        let readings = readings.into_iter().enumerate().map(|(at, one)| (ReadingIx::new(at), one)).collect();
        let said = truth.said;
        self.oracle.begin(self.now);
        self.oracle.answered(device, said);
        self.field(device, FieldOutcome::Readings(readings));
    }

    fn field(&mut self, device: usize, outcome: FieldOutcome) {
        let now = now_of(self.now, self.offset);
        let report = FieldReport { device: DeviceIx::new(device), outcome, sent: now, received: now };
        self.input(Input::Field(FieldEvent::Report(report)));
        self.exchange();
    }

    /// A device tells what has changed, where it can.
    fn changed(&mut self, device: usize) {
        if !self.truth.dead[device] {
            self.report(device);
        }
    }

    // Masters.

    fn connect(&mut self, at: usize) {
        let time = self.time();
        self.ends[at].over();
        self.hear(at);
        self.ends[at].up = true;
        if self.oracle.sessions[at] {
            self.oracle.session(at, false);
        }
        self.oracle.begin(self.now);
        self.oracle.session(at, true);
        let (peer, address) = (String::new(), String::new());
        self.input(Input::Connected { master: MasterIx::new(at), peer, address });
        self.ends[at].master.connected(time);
        self.exchange();
    }

    fn disconnect(&mut self, at: usize) {
        if !self.ends[at].up {
            return;
        }
        self.ends[at].over();
        self.hear(at);
        self.oracle.begin(self.now);
        self.oracle.session(at, false);
        self.input(Input::Disconnected { master: MasterIx::new(at), why: String::new() });
        self.exchange();
    }

    fn request(&mut self, at: usize, request: Request) -> Option<u64> {
        if !self.ends[at].up {
            return None;
        }
        let time = self.time();
        self.ends[at].master.request(request, time).ok()
    }

    fn set(&mut self, at: usize, counts: i32, width: usize, select: bool) {
        let width = [AnalogWidth::I32, AnalogWidth::I16, AnalogWidth::F32, AnalogWidth::F64][width];
        let command = Command::Analog { value: counts.into(), width };
        self.operate(at, 1, command, select);
    }

    fn operate(&mut self, at: usize, index: u16, command: Command, select: bool) {
        let mode = if select { OperateMode::SelectBeforeOperate } else { OperateMode::Direct };
        self.request(at, Request::Operate { mode, index, command });
        self.exchange();
    }

    // Steps.

    /// Does one step.
    pub(crate) fn step(&mut self, step: Step) {
        self.oracle.counts.kinds[step.kind()] += 1;
        let mw = |hundredths: i32| f64::from(hundredths) / 100.0;
        match step {
            Step::Time { millis } => self.pass(millis),
            Step::SetPoint { master, counts, width, select } => {
                self.ends[master].set = Some((counts, width));
                self.set(master, counts, width, select);
            }
            Step::Again { master } => {
                if let Some((counts, width)) = self.ends[master].set {
                    self.set(master, counts, width, false);
                }
            }
            Step::Retry { master } => self.retry(master),
            Step::NoNumber { master, what, select } => {
                self.ends[master].weird = Some(match what {
                    Weird::Nan => f32::NAN,
                    Weird::Infinite => f32::INFINITY,
                    Weird::MinusInfinite => f32::NEG_INFINITY,
                    Weird::Huge => 1e30,
                });
                self.set(master, STANDS, 2, select);
            }
            Step::OutOfRange { master, counts } => self.set(master, counts, 0, false),
            Step::Pulse { master, raise, count, latch } => {
                let crob = Crob { op: if latch { 3 } else { 1 }, count, on_ms: 100, off_ms: 100 };
                self.operate(master, if raise { 5 } else { 6 }, Command::Crob(crob), latch);
            }
            Step::NoSuchControl { master, index } => {
                // An analog where there is none, and a close where only pulses are known.
                let crob = Command::Crob(Crob { op: 0x41, count: 1, on_ms: 0, off_ms: 0 });
                let analog = Command::Analog { value: 1.0, width: AnalogWidth::I32 };
                self.operate(master, index, if index % 2 == 0 { analog } else { crob }, false);
            }
            Step::Connect { master } => self.connect(master),
            Step::Disconnect { master } => self.disconnect(master),
            Step::Delay { master, millis } => self.ends[master].delay = self.now + millis,
            Step::Lose { master } => self.ends[master].lose = true,
            Step::Read { master, all } => self.read(master, all),
            Step::Remote(told) => {
                self.truth.said.remote = told;
                self.changed(SWITCHGEAR);
            }
            Step::Breaker(told) => {
                self.truth.said.breaker = told;
                self.changed(SWITCHGEAR);
            }
            Step::UnitsRemote(told) => {
                self.truth.said.units_remote = told;
                self.changed(PLC);
            }
            Step::Hard { low, high } => {
                self.truth.said.hard = [low.map(mw), high.map(mw)];
                self.changed(PLC);
            }
            Step::Soft { low, high } => {
                self.truth.said.soft = [low.map(mw), high.map(mw)];
                self.changed(PLC);
            }
            Step::Charge(charge) => {
                self.truth.said.charge = charge.map(mw);
                self.changed(PLC);
            }
            Step::Schedule(schedule) => {
                self.truth.said.schedule = schedule.map(mw);
                self.changed(PLC);
            }
            Step::Source(sun) => {
                self.truth.said.sun = sun.map(mw);
                self.changed(PLC);
            }
            Step::Frequency(off) => {
                self.truth.said.hz = off.map(|off| 60.0 + f64::from(off) / 1_000.0);
                self.changed(SWITCHGEAR);
            }
            Step::Falls { unit } => {
                if self.truth.dead[UNITS + unit] {
                    self.go(unit, 0.0);
                }
            }
            Step::Enable(told) => {
                self.truth.said.enable = told;
                self.changed(SWITCHGEAR);
            }
            Step::Load(load) => {
                self.truth.said.aux = load.map(mw);
                self.truth.load = load.map_or(self.truth.load, mw);
                self.moved = true;
                self.changed(SWITCHGEAR);
            }
            Step::Dead { device, at_once } => {
                self.truth.dead[device] = true;
                let kind = if at_once { FailureKind::Unreachable } else { FailureKind::TimedOut };
                self.oracle.begin(self.now);
                self.oracle.silent(device, at_once);
                self.field(device, FieldOutcome::Failed(DeviceFailure { kind, words: String::new() }));
            }
            Step::Alive { device, at } => {
                self.truth.dead[device] = false;
                if let (Some(at), Some(unit)) = (at, device.checked_sub(UNITS))
                    && self.oracle.up[device] != Up::Yes
                {
                    self.go(unit, mw(at));
                }
                self.report(device);
            }
            Step::Blind(blind) => {
                self.truth.blind = blind;
                self.changed(METER);
            }
            Step::Answers(answers) => {
                self.answers = answers;
                self.exchange();
            }
            Step::Answered { good } => {
                for owed in std::mem::take(&mut self.owed) {
                    self.answer(owed, good);
                }
                self.exchange();
            }
            Step::Follows { unit, follows } => self.truth.follows[unit] = follows,
            Step::Drift { unit, at, read } => {
                // What its own control, or somebody at the device, does with it is not seen before it is read.
                let kept = self.oracle.units_remote() == Some(false);
                if self.oracle.owner == Owner::Local || kept {
                    self.go(unit, mw(at));
                    if read {
                        self.changed(METER);
                    }
                }
            }
            Step::Order(order) => self.order(order),
            Step::Reload { to } => self.reload(to),
            Step::Restart { told } => self.restart(told),
            Step::Clock { millis } => {
                self.offset = (self.offset + millis).max(EPOCH - 36_000_000);
                self.input(Input::Time);
                self.exchange();
            }
        }
    }

    fn go(&mut self, unit: usize, mw: f64) {
        self.truth.mw[unit] = mw;
        self.moved = true;
    }

    fn retry(&mut self, at: usize) {
        let end = &self.ends[at];
        if !end.up || !end.late.is_empty() || end.delay > self.now || wire::asked(&end.last).is_none() {
            return;
        }
        self.retried = Some(at);
        let octets = end.last.clone();
        self.input(Input::Octets { master: MasterIx::new(at), octets });
        self.retried = None;
        self.exchange();
    }

    fn read(&mut self, at: usize, all: bool) {
        let classes = if all { Classes::ALL } else { Classes::EVENTS };
        if let Some(id) = self.request(at, Request::Read(classes)) {
            self.ends[at].asked.insert(id, all);
        }
        self.exchange();
    }

    fn order(&mut self, order: Order) {
        let action = match order {
            Order::Take => Action::Control(Way::Take),
            Order::GiveBack => Action::Control(Way::GiveBack),
            Order::Local => Action::Control(Way::Local),
            Order::Schedule => Action::Control(Way::Schedule),
            Order::Inhibit { seconds } => Action::Inhibit { lasts: Duration::from_secs(seconds) },
            Order::Release => Action::Release,
        };
        self.oracle.begin(self.now);
        match order {
            Order::Take => self.oracle.take(),
            Order::GiveBack => self.oracle.give_back(),
            Order::Local => self.oracle.end_here(),
            Order::Schedule => self.oracle.put_schedule(),
            Order::Inhibit { seconds } => self.oracle.inhibited_until = Some(self.now + seconds * 1_000),
            Order::Release => self.oracle.inhibited_until = None,
        }
        let (who, why) = ("ann".into(), "proof".into());
        self.input(Input::Operate(Operate { point: POINT.into(), action, who, why }));
        self.exchange();
    }

    fn reload(&mut self, to: usize) {
        let (old, new) = (&self.kind.sites[self.running].0, &self.kind.sites[to]);
        let is_like = TWISTS[self.running].is_like(TWISTS[to]);
        self.oracle.begin(self.now);
        self.oracle.reload(new.1, is_like);
        let outputs = self.core.reconfigure(old, &new.0, now_of(self.now, self.offset)).unwrap();
        self.running = to;
        self.outputs(outputs);
        self.exchange();
    }

    fn restart(&mut self, told: bool) {
        for at in 0..MASTERS {
            let end = &mut self.ends[at];
            end.over();
            while end.master.poll_event().is_some() {}
            (end.complete, end.overflow) = (false, false);
        }
        self.boot += 1;
        let (site, rules) = &self.kind.sites[self.running];
        self.core = Core::new(site, self.boot, now_of(self.now, self.offset)).unwrap();
        let mut fresh = Oracle::new(*rules, self.now);
        fresh.counts = std::mem::take(&mut self.oracle.counts);
        self.oracle = fresh;
        self.owed.clear();
        self.input(Input::Time);
        if told {
            for device in 0..UNITS + self.truth.mw.len() {
                if !self.truth.dead[device] {
                    self.report(device);
                }
            }
        }
    }

    /// In the end both masters have to see all as it is.
    pub(crate) fn close(&mut self) {
        for at in 0..MASTERS {
            if self.oracle.wrong.is_none() {
                self.connect(at);
                self.read(at, true);
            }
        }
    }
}

fn now_of(mono: u64, offset: i64) -> Now {
    world::now_of(mono, offset, WallTrust::Synchronised)
}
