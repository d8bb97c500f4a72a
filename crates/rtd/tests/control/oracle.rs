//! What has to be, in the plainest words of `docs/control.md`: who commands, what a master is answered, where the
//! output may go, and what may be said to be in force. It knows the script and what went over the wire, not the core.

use control::Cause;
use control::authority::EDGES;
use rtd::core::FieldWrite;

use crate::counts::{Counts, STATUSES};
use crate::sites::{
    ASKED, CAN, CHARGE, DEVICES, Drives, FOLLOWS, HOLD_MS, HORIZON_H, Loss, METER, MW, PLC, PULSE, RATED,
    Rules, SWITCHGEAR, TRIM, UNITS,
};

/// Rounding of floats, in megawatts.
const NEAR: f64 = 1e-6;
/// A device's answer is waited for so long.
const ANSWER_MAX_MS: u64 = 15_000;
/// The output moves once a second; what is called a little later moves for as much longer.
const STEP_MS: u64 = 1_001;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Local,
    Iso(usize),
    Schedule,
    Fallback,
}

impl Owner {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Iso(_) => "iso",
            Self::Schedule => "schedule",
            Self::Fallback => "fallback",
        }
    }

    pub(crate) fn code(self) -> f64 {
        match self {
            Self::Local => 0.0,
            Self::Iso(_) => 1.0,
            Self::Schedule => 2.0,
            Self::Fallback => 3.0,
        }
    }
}

/// What a device said last; `None`: nothing that can be used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) units: Option<f64>,
    pub(crate) poi: Option<f64>,
    pub(crate) breaker: Option<bool>,
    pub(crate) remote: Option<bool>,
    pub(crate) units_remote: Option<bool>,
    pub(crate) hard: [Option<f64>; 2],
    pub(crate) soft: [Option<f64>; 2],
    pub(crate) charge: Option<f64>,
    pub(crate) schedule: Option<f64>,
    pub(crate) sun: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Band(f64, f64);

const ALL: Band = Band(f64::NEG_INFINITY, f64::INFINITY);

impl Band {
    fn hold(self, value: f64) -> f64 {
        value.max(self.0).min(self.1)
    }

    fn has(self, value: f64, near: f64) -> bool {
        value >= self.0 - near && value <= self.1 + near
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bounds {
    hard: Band,
    energy: Band,
    /// What may be charged from.
    source: Band,
    soft: Band,
    /// What the units that are there can do together.
    can: Band,
}

impl Bounds {
    /// What must never be left, not for a moment.
    fn hold(&self, value: f64) -> f64 {
        self.can.hold(self.held(value))
    }

    /// What holds the output itself at once.
    fn held(&self, value: f64) -> f64 {
        self.hard.hold(self.energy.hold(self.source.hold(value)))
    }

    /// Whether a value stands where something is held back, or as near as that.
    fn is_edge(&self, value: f64, near: f64) -> bool {
        let edges = [self.hard, self.energy, self.source].map(|band| [band.0, band.1]);
        edges.as_flattened().iter().any(|edge| (value - edge).abs() <= NEAR + near)
    }

    fn goal(&self, target: f64) -> f64 {
        self.hold(self.soft.hold(target))
    }
}

/// A device that carries it out.
#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    told: Option<f64>,
    /// The write that is not answered yet, and when it was asked for.
    open: Option<u64>,
    asked: f64,
    asked_turn: usize,
    confirmed: Option<f64>,
    /// The last of the totals that it has confirmed.
    done: usize,
    failed: bool,
    /// It holds something that it was told, as far as anybody knows.
    holds: bool,
    /// It was asked to take its own control back, and has not said that it did.
    giving: Option<Giving>,
}

#[derive(Clone, Copy, Debug)]
struct Giving {
    request: u64,
    at: u64,
    refused: bool,
}

impl Giving {
    /// When it is asked again.
    fn again(self) -> u64 {
        self.at + if self.refused { 2_000 } else { 15_000 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Up {
    Unknown,
    Yes,
    No,
}

/// Since when the output has to come nearer to its goal, and from where.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Way {
    goal: f64,
    bounds: Bounds,
    since: u64,
    from: f64,
}

/// What the handle that is under way brought.
#[derive(Clone, Debug, Default)]
struct Handle {
    expected: Vec<(&'static str, Option<Cause>)>,
    received: Vec<(&'static str, Option<Cause>)>,
    /// It went to local: for this.
    left: Option<Option<Cause>>,
    /// The devices that another configuration asks once more to take their own control back.
    asked_back: Vec<bool>,
    /// The output starts anew from what the plant does.
    anew: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub(crate) rules: Rules,
    pub(crate) owner: Owner,
    pub(crate) held_here: bool,
    pub(crate) inhibited_until: Option<u64>,
    pub(crate) up: [Up; DEVICES],
    timed_out: [u32; DEVICES],
    said: Said,
    pub(crate) sessions: [bool; 2],
    away: Option<u64>,
    heard: u64,
    counted: (u64, u32),
    /// What the owner asks for; `None`: not known exactly.
    pub(crate) target: Option<f64>,
    /// Where the output was last known to be, and when it was moved last; `None`: nobody drives.
    at: Option<f64>,
    moved: u64,
    /// It may have moved on since without anybody being told.
    loose: bool,
    /// It stands at a bound, where the correction may have been cut off.
    edge: bool,
    /// The devices were away, and what the plant has done since is not known yet.
    astray: bool,
    /// Until when a device that nobody refreshes any more may fall back by itself.
    reverts_until: u64,
    /// Taken over then: nothing is told before the plant was read again.
    pub(crate) unread: Option<u64>,
    /// When it was read last.
    read: u64,
    units: Vec<Unit>,
    totals: Vec<f64>,
    /// Nothing was confirmed since somebody took over: what the plant did then is in force.
    began: Option<f64>,
    way: Option<Way>,
    /// Since when the plant is near to all that may be in force, or far from it.
    near_since: Option<u64>,
    far_since: Option<u64>,
    handle: Handle,
    now: u64,
    pub(crate) counts: Counts,
    pub(crate) wrong: Option<String>,
}

impl Oracle {
    pub(crate) fn new(rules: Rules, now: u64) -> Self {
        let mut this = Self {
            rules,
            owner: Owner::Local,
            held_here: false,
            inhibited_until: None,
            up: [Up::Unknown; DEVICES],
            timed_out: [0; DEVICES],
            said: Said::default(),
            sessions: [false; 2],
            away: None,
            heard: now,
            counted: (now, 0),
            target: None,
            at: None,
            moved: now,
            loose: false,
            edge: false,
            astray: false,
            reverts_until: now,
            unread: None,
            read: 0,
            units: vec![Unit::default(); rules.drives()],
            totals: Vec::new(),
            began: None,
            way: None,
            near_since: None,
            far_since: None,
            handle: Handle::default(),
            now,
            counts: Counts::default(),
            wrong: None,
        };
        // Who refreshed the devices before this start may have done so until now.
        this.leave_alone();
        this
    }

    /// Nobody refreshes the devices from now on.
    fn leave_alone(&mut self) {
        let revert = u64::from(self.rules.revert_s);
        self.reverts_until = if revert > 0 { self.now + revert * 1_000 + ANSWER_MAX_MS } else { self.now };
        self.unread = None;
    }

    pub(crate) fn fail(&mut self, mut words: String) {
        if self.wrong.is_none() {
            words += &format!("; at {} ms", self.now);
            self.wrong = Some(words);
        }
    }

    // What is seen of the plant.

    fn of<T>(&self, device: usize, value: Option<T>) -> Option<T> {
        value.filter(|_| self.up[device] == Up::Yes)
    }

    fn remote(&self) -> Option<bool> {
        self.of(SWITCHGEAR, self.said.remote)
    }

    fn breaker(&self) -> Option<bool> {
        self.of(SWITCHGEAR, self.said.breaker)
    }

    fn schedule(&self) -> Option<f64> {
        self.of(PLC, self.said.schedule)
    }

    pub(crate) fn actual(&self) -> Option<f64> {
        self.of(METER, if self.rules.trim { self.said.poi } else { self.said.units })
    }

    fn is_inhibited(&self) -> bool {
        self.inhibited_until.is_some()
    }

    /// What the units do, from where a hand-over has to begin; `None`: not known.
    fn base(&self) -> Option<f64> {
        let actual = self.actual()?;
        if !self.rules.trim {
            return Some(actual);
        }
        let units = self.of(METER, self.said.units).unwrap_or(actual);
        Some(actual + (units - actual).max(-TRIM.1).min(TRIM.1))
    }

    fn bounds(&self) -> Option<Bounds> {
        let band = |there: bool, [low, high]: [Option<f64>; 2]| {
            if !there {
                return Some(ALL);
            }
            let (low, high) = (self.of(PLC, low)?, self.of(PLC, high)?);
            (low <= high).then_some(Band(low, high))
        };
        let energy = if self.rules.energy {
            let charge = self.of(PLC, self.said.charge)?;
            Band(-(CHARGE.1 - charge).max(0.0) / HORIZON_H, (charge - CHARGE.0).max(0.0) / HORIZON_H)
        } else {
            ALL
        };
        // Where it is not good nothing is charged.
        let sun = self.of(PLC, self.said.sun).unwrap_or(0.0).max(0.0);
        let source = if self.rules.source { Band(-sun, f64::INFINITY) } else { ALL };
        let can = match self.rules.drives {
            Drives::Dispatch(_) => {
                let there = (0..3).filter(|at| self.up[UNITS + at] == Up::Yes).map(|at| CAN[at]);
                there.fold(Band(0.0, 0.0), |sum, (low, high)| Band(sum.0 + low, sum.1 + high))
            }
            Drives::Limited => Band(0.0, RATED),
            Drives::Battery | Drives::Shares => ALL,
        };
        Some(Bounds {
            hard: band(self.rules.hard, self.said.hard)?,
            energy,
            source,
            soft: band(self.rules.soft, self.said.soft)?,
            can,
        })
    }

    /// The devices are there: `None`, one of them is not known.
    fn devices(&self) -> Option<bool> {
        let ups: Vec<Up> = (0..self.units.len()).map(|at| self.up[UNITS + at]).collect();
        if self.rules.is_dispatch() {
            return Some(ups.contains(&Up::Yes));
        }
        if ups.contains(&Up::No) {
            return Some(false);
        }
        (!ups.contains(&Up::Unknown)).then_some(true)
    }

    pub(crate) fn is_local(&self) -> bool {
        self.held_here || self.remote() == Some(false)
    }

    // What happens.

    pub(crate) fn begin(&mut self, now: u64) {
        self.now = now;
        if self.inhibited_until.is_some_and(|until| until <= now) {
            self.inhibited_until = None;
        }
    }

    /// A device answered, with this; `None`: with what it said before.
    pub(crate) fn answered(&mut self, device: usize, said: Said) {
        let came = self.up[device] != Up::Yes;
        (self.up[device], self.timed_out[device]) = (Up::Yes, 0);
        match device {
            METER => (self.said.units, self.said.poi, self.read) = (said.units, said.poi, self.now),
            SWITCHGEAR => (self.said.breaker, self.said.remote) = (said.breaker, said.remote),
            PLC => {
                let (units, poi, breaker, remote) =
                    (self.said.units, self.said.poi, self.said.breaker, self.said.remote);
                self.said = Said { units, poi, breaker, remote, ..said };
            }
            _ => {}
        }
        if came && let Some(unit) = device.checked_sub(UNITS).and_then(|at| self.units.get_mut(at)) {
            // It may have restarted: whatever it confirmed before counts for nothing.
            *unit = Unit { holds: unit.holds, giving: unit.giving, ..Unit::default() };
        }
    }

    pub(crate) fn silent(&mut self, device: usize, at_once: bool) {
        self.timed_out[device] = if at_once { 0 } else { self.timed_out[device] + 1 };
        if at_once || self.timed_out[device] >= 2 {
            self.up[device] = Up::No;
        }
    }

    pub(crate) fn session(&mut self, master: usize, up: bool) {
        self.sessions[master] = up;
        if self.owner == Owner::Iso(master) {
            self.away = if up { None } else { self.away.or(Some(self.now)) };
        }
    }

    /// It changes hands.
    fn give(&mut self, to: Owner, cause: Cause) {
        let from = self.owner.kind();
        match EDGES.iter().position(|edge| *edge == (from, cause, to.kind())) {
            Some(at) => self.counts.edges[at] += 1,
            None => self.fail(format!("{from} {cause:?} {} is no edge", to.kind())),
        }
        self.handle.expected.push((to.kind(), Some(cause)));
        let was_local = self.owner == Owner::Local;
        (self.owner, self.away, self.way) = (to, None, None);
        match to {
            Owner::Local => self.leave(Some(cause)),
            Owner::Iso(_) => self.start(),
            Owner::Schedule | Owner::Fallback if self.at.is_none() => self.start(),
            Owner::Schedule => {}
            Owner::Fallback => self.target = self.at.filter(|_| !self.loose),
        }
        if was_local {
            self.began = self.actual();
            self.unread = Some(self.now).filter(|now| *now < self.reverts_until);
            self.totals.clear();
        }
    }

    /// Whoever begins to drive begins with what the plant does.
    fn start(&mut self) {
        let Some(base) = self.base() else {
            return self.fail("taken over without knowing what the plant does".to_owned());
        };
        (self.at, self.moved, self.loose, self.astray) = (Some(base), self.now, false, false);
        self.target = Some(base);
        self.handle.anew = true;
    }

    fn leave(&mut self, cause: Option<Cause>) {
        (self.at, self.target, self.astray, self.loose, self.began) = (None, None, false, false, None);
        // Whoever took over and has not read yet has told nobody anything.
        if self.unread.take().is_none() {
            self.leave_alone();
        }
        self.handle.left = Some(cause);
    }

    /// A master's command was judged; the record of it.
    pub(crate) fn command(
        &mut self,
        master: usize,
        asked: Option<f64>,
        told: Option<f64>,
        mode: &str,
        status: &str,
        effect: &str,
    ) {
        let expected = match asked {
            Some(value) => self.judge(master, value),
            None => Err("NOT_SUPPORTED"),
        };
        let wanted = expected.err().unwrap_or("SUCCESS");
        if status != wanted {
            self.fail(format!("master {master} asks for {asked:?}: answered {status}, not {wanted}"));
        }
        if let Some(at) = STATUSES.iter().position(|known| *known == status) {
            self.counts.statuses[at] += 1;
        }
        let same = |told: f64, asked: f64| (told - asked).abs() <= NEAR || told == asked;
        if let (Some(told), Some(asked)) = (told, asked)
            && asked.is_finite()
            && asked.abs() < 1e6
            && !same(told, asked)
        {
            self.fail(format!("asked for {asked}, understood as {told}"));
        }
        let Ok(value) = expected else {
            if effect != "none" {
                self.fail(format!("refused with {status}, and yet {effect}"));
            }
            return;
        };
        if mode == "select" {
            if effect != "selected" {
                self.fail(format!("a select is {effect}"));
            }
            return;
        }
        let repeats = self.owner == Owner::Iso(master) && self.target == Some(value);
        if let Some((_, within)) = self.rules.commands_max
            && !repeats
        {
            let (since, count) = self.counted;
            self.counted = if self.now - since < within { (since, count + 1) } else { (self.now, 1) };
        }
        self.heard = self.now;
        let wanted = if self.owner != Owner::Iso(master) {
            self.give(Owner::Iso(master), Cause::Command);
            "taken-over"
        } else if repeats {
            "repeated"
        } else {
            "changed"
        };
        self.target = Some(value);
        if effect != wanted {
            self.fail(format!("{value} of master {master} is {effect}, not {wanted}"));
        }
    }

    /// What a pulse asks for.
    pub(crate) fn pulsed(&self, master: usize, raise: bool, count: u8) -> f64 {
        let owned = self.owner == Owner::Iso(master);
        let from = if owned { self.target } else { self.actual() };
        let more = PULSE * f64::from(count);
        from.map_or(-ASKED, |from| (if raise { from + more } else { from - more }).clamp(-ASKED, ASKED))
    }

    fn judge(&self, master: usize, value: f64) -> Result<f64, &'static str> {
        if !self.rules.rights[master] {
            return Err("NOT_AUTHORIZED");
        }
        if value.is_nan() || value.abs() > ASKED + 0.5 / MW + 1e-12 {
            return Err("OUT_OF_RANGE");
        }
        let value = value.clamp(-ASKED, ASKED);
        if let Some((most, within)) = self.rules.commands_max {
            let repeats = self.owner == Owner::Iso(master) && self.target == Some(value);
            let (since, count) = self.counted;
            if !repeats && self.now - since < within && count >= most {
                return Err("TOO_MANY_OPS");
            }
        }
        if matches!(self.owner, Owner::Iso(owner) if owner != master && self.sessions[owner]) {
            return Err("BLOCKED_OTHER_MASTER");
        }
        if self.is_inhibited() {
            return Err("AUTOMATION_INHIBIT");
        }
        if self.is_local() {
            return Err("LOCAL");
        }
        let units_remote =
            if self.rules.units_remote { self.of(PLC, self.said.units_remote) } else { Some(true) };
        if units_remote == Some(false) {
            return Err("DOWNSTREAM_LOCAL");
        }
        if self.breaker() == Some(false) {
            return Err("BLOCKED");
        }
        let known = self.remote().and(self.breaker()).and(units_remote).and(self.actual()).is_some();
        if !known || self.devices() != Some(true) || self.bounds().is_none() {
            return Err("DOWNSTREAM_FAIL");
        }
        Ok(value)
    }

    pub(crate) fn take(&mut self) {
        self.held_here = true;
        self.end_here();
    }

    pub(crate) fn give_back(&mut self) {
        self.held_here = false;
    }

    pub(crate) fn end_here(&mut self) {
        if self.owner != Owner::Local {
            self.give(Owner::Local, Cause::Taken);
        }
    }

    pub(crate) fn put_schedule(&mut self) {
        let may = !self.is_inhibited()
            && !self.is_local()
            && self.breaker() != Some(false)
            && self.schedule().is_some()
            && self.bounds().is_some()
            && (self.at.is_some() || self.actual().is_some());
        if may && self.owner != Owner::Schedule {
            self.give(Owner::Schedule, Cause::Scheduled);
        }
    }

    pub(crate) fn authority(&mut self, owner: &'static str, cause: Option<Cause>) {
        self.handle.received.push((owner, cause));
    }

    /// Another configuration is run.
    pub(crate) fn reload(&mut self, rules: Rules, is_like: bool) {
        let may = match self.owner {
            Owner::Iso(master) => rules.rights[master],
            _ => true,
        };
        self.rules = rules;
        if is_like && may {
            return;
        }
        if self.owner != Owner::Local {
            self.handle.expected.push(("local", None));
            self.owner = Owner::Local;
            self.counts.withdrawn += 1;
            self.leave(None);
        }
        (self.counted, self.heard, self.away, self.way) = ((self.now, 0), self.now, None, None);
        self.leave_alone();
        self.handle.asked_back = self.units.iter().map(|unit| unit.giving.is_some()).collect();
        if self.handle.left.is_none() {
            self.units.fill(Unit::default());
        }
        self.units.iter_mut().for_each(|unit| unit.giving = None);
        self.forget();
    }

    fn forget(&mut self) {
        for unit in &mut self.units {
            *unit = Unit { holds: unit.holds, giving: unit.giving, ..Unit::default() };
        }
    }

    /// Who loses it now.
    fn settle_owner(&mut self) {
        if self.owner == Owner::Local {
            return;
        }
        if self.remote() == Some(false) {
            self.give(Owner::Local, Cause::Local);
        } else if self.breaker() == Some(false) {
            self.give(Owner::Local, Cause::Tripped);
        } else if self.is_inhibited() {
            self.give(Owner::Local, Cause::Inhibited);
        } else if let Owner::Iso(_) = self.owner {
            let lost = self.away.is_some_and(|since| since + HOLD_MS <= self.now);
            let silent = self.rules.silence_ms.is_some_and(|most| self.heard + most <= self.now);
            let cause = if lost { Cause::LinkLost } else { Cause::Silence };
            if lost || silent {
                let to = match self.rules.loss {
                    Loss::Release => Owner::Local,
                    Loss::Schedule if self.schedule().is_some() => Owner::Schedule,
                    Loss::Schedule | Loss::Hold => Owner::Fallback,
                };
                self.give(to, cause);
            }
        } else if self.owner == Owner::Schedule && self.schedule().is_none() {
            self.give(Owner::Fallback, Cause::NoSchedule);
        }
        if self.owner == Owner::Schedule {
            self.target = self.schedule();
        }
    }

    /// The handle is over: all that it brought has to be what it had to be.
    pub(crate) fn end(&mut self, writes: &[(usize, u64, FieldWrite)]) {
        self.read_again();
        self.settle_owner();
        if self.handle.expected != self.handle.received {
            let Handle { expected, received, .. } = &self.handle;
            let words = format!("changes of hands {received:?}, not {expected:?}");
            self.fail(words);
        }
        self.counts.writes += writes.len() as u64;
        self.released(writes);
        if self.owner == Owner::Local {
            if let Some((device, _, write)) = writes.iter().find(|(_, _, write)| value(*write).is_some()) {
                self.fail(format!("nobody drives, and yet device {device} is told {write:?}"));
            }
        } else {
            self.driven(writes);
        }
        self.handle = Handle::default();
    }

    /// What the plant does was read since it was taken over: the output goes on from there.
    fn read_again(&mut self) {
        let read = self.unread.is_some_and(|since| self.read >= since || self.now >= self.reverts_until);
        if let Some(base) = self.base().filter(|_| read) {
            (self.unread, self.began) = (None, self.actual());
            (self.at, self.moved, self.loose) = (Some(base), self.now, false);
            (self.way, self.handle.anew) = (None, true);
        }
    }

    /// Devices get their own control back exactly when they have to.
    fn released(&mut self, writes: &[(usize, u64, FieldWrite)]) {
        let gives = match self.handle.left {
            None => false,
            Some(Some(Cause::Local | Cause::Taken)) => self.rules.disables,
            Some(_) => true,
        };
        for at in 0..self.units.len() {
            let device = UNITS + at;
            let written = writes.iter().find(|(to, _, write)| *to == device && value(*write).is_none());
            let is = written.is_some();
            let due = self.units[at].giving.is_some_and(|giving| giving.again() <= self.now);
            let again = due && self.owner == Owner::Local && self.remote() != Some(false);
            let back = self.handle.asked_back.get(at).copied().unwrap_or_default();
            if is && !gives && !again && !back {
                self.fail(format!("device {device} is released without a reason"));
            }
            if !is && again && !gives {
                self.fail(format!(
                    "device {device} did not take its own control back, and is not asked again"
                ));
            }
            if !is && gives && self.units[at].holds && self.up[device] == Up::Yes {
                let why = self.handle.left;
                self.fail(format!("device {device} keeps what it was told, released for {why:?}"));
            }
            self.units[at].holds &= !is;
            if let Some((_, request, _)) = written.filter(|_| self.handle.asked_back.is_empty()) {
                self.units[at].giving = Some(Giving { request: *request, at: self.now, refused: false });
            }
            if self.owner == Owner::Local && self.remote() == Some(false) {
                self.units[at].giving = None;
            }
            self.counts.released += u64::from(is);
        }
        if self.handle.left.is_some() {
            self.forget();
        }
    }

    /// Somebody drives: what was told, and where that leaves the output.
    fn driven(&mut self, writes: &[(usize, u64, FieldWrite)]) {
        let devices = self.devices() == Some(true);
        if devices
            && self.astray
            && let Some(base) = self.base()
        {
            (self.at, self.moved, self.loose, self.astray) = (Some(base), self.now, false, false);
            (self.way, self.handle.anew) = (None, true);
        } else if !devices {
            self.astray = true;
        }
        if self.rules.is_dispatch() {
            for at in 0..self.units.len() {
                if self.up[UNITS + at] != Up::Yes {
                    let Unit { holds, giving, .. } = self.units[at];
                    self.units[at] = Unit { holds, giving, ..Unit::default() };
                }
            }
        }
        // Who is still waited for is told nothing new yet.
        let waits = self.units.iter().any(|unit| unit.open.is_some());
        for (device, request, write) in writes {
            let Some(told) = value(*write) else { continue };
            let revert = match write {
                FieldWrite::SunSpec704 { revert_s, .. } | FieldWrite::SunSpec123 { revert_s, .. } => {
                    *revert_s
                }
                _ => 0,
            };
            if revert != self.rules.revert_s {
                self.fail(format!("told to fall back after {revert} s"));
            }
            if self.astray && devices || self.unread.is_some() {
                self.fail(format!("device {device} is told {told} before it is known where it stands"));
            }
            if self.up[*device] != Up::Yes {
                self.fail(format!("device {device} is told {told} while it does not answer"));
            }
            let turn = self.totals.len();
            if let Some(unit) = device.checked_sub(UNITS).and_then(|at| self.units.get_mut(at)) {
                *unit = Unit {
                    told: Some(told),
                    open: Some(*request),
                    asked: told,
                    asked_turn: turn,
                    holds: true,
                    giving: None,
                    ..*unit
                };
            } else {
                self.fail(format!("device {device} carries out nothing"));
            }
        }
        if self.wrong.is_none() {
            self.judge_output(waits, devices);
        }
        self.note_total();
        self.watch();
    }

    /// Whether each unit that has a part was told one; what that comes to.
    fn total(&self) -> Option<f64> {
        let there = |at: &usize| !self.rules.is_dispatch() || self.up[UNITS + at] == Up::Yes;
        let mut units = (0..self.units.len()).filter(there).peekable();
        units.peek()?;
        units.map(|at| self.units[at].told).sum()
    }

    fn note_total(&mut self) {
        if let Some(total) = self.total()
            && self.totals.last() != Some(&total)
        {
            self.totals.push(total);
        }
        let last = self.totals.len().saturating_sub(1);
        for unit in &mut self.units {
            // The same as before is done already.
            if unit.open.is_none() && unit.told.is_some() && unit.confirmed == unit.told {
                unit.done = last;
            }
        }
    }

    fn judge_output(&mut self, waits: bool, devices: bool) {
        let Some(before) = self.at else { return self.fail("driven from nowhere".to_owned()) };
        let bounds = self.bounds();
        let Some(total) = self.total() else {
            // Nothing has to be told while it is not known where the devices stand.
            self.loose = true;
            if devices && !self.astray && !waits && self.unread.is_none() {
                self.fail("a device is told nothing".to_owned());
            }
            self.way = None;
            return;
        };
        // Nor is one that does not answer told what a limit takes back.
        let away =
            !self.rules.is_dispatch() && (0..self.units.len()).any(|at| self.up[UNITS + at] != Up::Yes);
        if waits || away || (self.astray && devices) {
            (self.loose, self.way) = (true, None);
            return;
        }
        self.counts.outputs += 1;
        self.counts.first_outputs += u64::from(self.handle.anew);
        let trims = if self.rules.trim { 1.0 } else { 0.0 };
        // Within a second (two, where it was between two looks) the correction moves by so much.
        let meter = self.of(METER, self.said.poi).unwrap_or(total);
        let corrected = trims * (TRIM.0 * 2.0 * ((total - meter).abs() + TRIM.1) + 1e-3);
        let most = trims * TRIM.1;
        let Some(bounds) = bounds.filter(|_| devices) else {
            // It stays where it is, a limit apart.
            let known = bounds.unwrap_or(Bounds { hard: ALL, energy: ALL, source: ALL, soft: ALL, can: ALL });
            let from = known.hold(before);
            let goal = known.goal(before);
            let (up, down) = self.reach();
            let to = Band(from.min(goal).max(from - down), from.max(goal).min(from + up));
            let slack = match (self.loose, from == before && !self.edge && !known.is_edge(before, most)) {
                (true, _) => f64::INFINITY,
                (false, true) => corrected,
                (false, false) => most,
            };
            self.edge = known.is_edge(total, most);
            let dispatched = self.rules.is_dispatch() || self.rules.drives == Drives::Limited;
            if !to.has(total, slack + NEAR) && !dispatched {
                self.fail(format!("{before} became {total} while it had to stay"));
            }
            if !self.loose && !dispatched {
                if (total - before).abs() > NEAR {
                    self.at = Some(total);
                    self.moved = if self.rules.trim { self.moved } else { self.now };
                }
            } else {
                self.loose = true;
            }
            self.way = None;
            return;
        };
        let bands = [bounds.hard, bounds.energy, bounds.source, bounds.can];
        let inside = bands.iter().all(|band| band.has(total, NEAR));
        // A charge that is used up and a hard limit that forbids to stand still: the hard one wins.
        let other = bounds.source.hold(bounds.energy.hold(bounds.hard.hold(bounds.can.hold(total))));
        let crossed = bounds.hold(total) != other;
        if !inside && !crossed {
            self.fail(format!("{total} lies outside of {bounds:?}"));
        }
        let from = bounds.hold(before);
        let passed = self.passed();
        let (up, down) = self.reach();
        // What a limit takes back it takes from the output, and the correction comes on top, as far as it may.
        let edge = self.edge || bounds.is_edge(before, most);
        let corrected = if from == before && !edge { corrected } else { corrected.max(most) };
        self.edge = bounds.is_edge(total, most);
        let moved = total - from;
        if moved > up + corrected + NEAR || moved < -down - corrected - NEAR {
            let first = if self.handle.anew { "the first output after a hand-over: " } else { "" };
            self.fail(format!("{first}{before} ({from} within its bounds) became {total} in {passed} ms"));
        }
        let goal = self.target.map(|target| bounds.goal(target));
        if let Some(goal) = goal {
            let (low, high) = (from.min(goal) - most, from.max(goal) + most);
            let unseen = self.loose && passed > 0;
            if !unseen && !(low - NEAR..=high + NEAR).contains(&total) {
                self.fail(format!("{from} became {total} on the way to {goal}"));
            }
        }
        // What the units cannot do together is not seen of the output.
        let short = self.rules.is_dispatch() || self.rules.drives == Drives::Limited;
        let short = short
            && ((total - bounds.can.0).abs() <= NEAR + most || (total - bounds.can.1).abs() <= NEAR + most);
        self.judge_way(goal.filter(|_| !short), bounds, total, most);
        if short {
            // What holds the output at once holds it all the same.
            self.at = Some(bounds.held(before));
            self.loose = true;
        } else if (total - before).abs() > NEAR {
            // Beside the correction, or after devices were waited for, it is not seen when the output moved last.
            if !self.rules.trim {
                self.moved = if self.loose { self.now.saturating_sub(STEP_MS) } else { self.now };
            }
            (self.at, self.loose) = (Some(total), false);
        } else {
            self.loose = false;
        }
    }

    /// For so long it may have moved since it was last seen.
    fn passed(&self) -> u64 {
        let passed = self.now - self.moved;
        if self.loose { passed } else { passed.min(STEP_MS) }
    }

    /// So far it may have gone since, up and down.
    fn reach(&self) -> (f64, f64) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
        let seconds = self.passed() as f64 / 1_000.0;
        let most = |rate: Option<f64>| rate.map_or(f64::INFINITY, |rate| rate * seconds);
        (most(self.rules.up), most(self.rules.down))
    }

    /// It comes nearer to its goal, by its ramp.
    fn judge_way(&mut self, goal: Option<f64>, bounds: Bounds, total: f64, most: f64) {
        let Some(goal) = goal else {
            self.way = None;
            return;
        };
        let way = self.way.filter(|way| way.goal == goal && way.bounds == bounds);
        let way = way.unwrap_or(Way { goal, bounds, since: self.now, from: total });
        self.way = Some(way);
        let rate = if goal > way.from { self.rules.up } else { self.rules.down };
        let left = (total - goal).abs();
        let slack = NEAR + most + self.rules.deadband;
        let passed = self.now - way.since;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
        let may = match rate {
            None => 0.0,
            Some(rate) => {
                let gone = rate * passed.saturating_sub(STEP_MS) as f64 / 1_000.0;
                ((way.from - goal).abs() - gone).max(0.0)
            }
        };
        self.counts.progress += 1;
        if left > may + slack {
            let Way { from, .. } = way;
            self.fail(format!("{total} after {passed} ms on the way from {from} to {goal}"));
        }
    }

    /// A device answered a write.
    pub(crate) fn written(&mut self, device: usize, request: u64, good: bool) {
        let Some(unit) = device.checked_sub(UNITS).and_then(|at| self.units.get_mut(at)) else { return };
        if let Some(giving) = unit.giving.as_mut().filter(|giving| giving.request == request) {
            giving.refused = !good;
            if good {
                unit.giving = None;
            }
            return;
        }
        if unit.open != Some(request) {
            return;
        }
        unit.open = None;
        if good {
            (unit.confirmed, unit.failed) = (Some(unit.asked), false);
            unit.done = unit.asked_turn;
        } else {
            unit.failed = true;
        }
    }

    /// Whether what the plant does is near to what may be in force.
    fn watch(&mut self) {
        let fits = |total: f64| self.actual().map(|actual| (actual - total).abs());
        let most = if self.rules.trim { TRIM.1 } else { 0.0 };
        let all = self.in_force();
        let near = all.iter().all(|total| fits(*total).is_some_and(|off| off + most < FOLLOWS.0 - 1e-3));
        let far = all.iter().all(|total| fits(*total).is_none_or(|off| off - most > FOLLOWS.0 + 1e-3));
        self.near_since = near.then(|| self.near_since.unwrap_or(self.now));
        self.far_since = (far && !all.is_empty()).then(|| self.far_since.unwrap_or(self.now));
    }

    /// What may be said to be in force.
    fn in_force(&self) -> Vec<f64> {
        let there = |at: &usize| !self.rules.is_dispatch() || self.up[UNITS + at] == Up::Yes;
        let units = (0..self.units.len()).filter(there).map(|at| &self.units[at]);
        let (mut behind, mut none, mut all) = (self.totals.len(), true, true);
        for unit in units {
            none &= unit.confirmed.is_none();
            all &= unit.confirmed.is_some();
            behind = behind.min(unit.done);
        }
        // What one that was away does now is not known, whatever the others have confirmed.
        let mut may: Vec<f64> =
            if all { self.totals.get(behind..).unwrap_or_default().to_vec() } else { Vec::new() };
        if none {
            may.extend(self.began);
        }
        may
    }

    // What masters see.

    /// The value held: in megawatts, and whether it is good. `None`: not told here.
    pub(crate) fn held(&self) -> Option<(Option<f64>, bool)> {
        if self.is_inhibited() {
            return None;
        }
        match self.owner {
            Owner::Iso(_) => Some((self.target, true)),
            _ => Some((self.actual(), self.actual().is_some())),
        }
    }

    /// Whether a value in force may be told, good or not; `near` is the rounding of counts.
    pub(crate) fn judge_feedback(&mut self, told: f64, good: bool, near: f64) {
        if self.owner == Owner::Local {
            match self.actual() {
                Some(actual) if !good || (actual - told).abs() > near => {
                    self.fail(format!(
                        "nobody drives, the plant does {actual}, in force is {told}, good: {good}"
                    ));
                }
                None if good => {
                    self.fail(format!("nobody knows what the plant does, in force is a good {told}"));
                }
                _ => {}
            }
            return;
        }
        if good {
            self.counts.feedback_good += 1;
        } else {
            self.counts.feedback_bad += 1;
        }
        let there = |at: &usize| !self.rules.is_dispatch() || self.up[UNITS + at] == Up::Yes;
        let units: Vec<usize> = (0..self.units.len()).filter(there).collect();
        // In a dispatch the others make up for one; where there are none the value is of before.
        let dead = match self.rules.is_dispatch() {
            true => units.is_empty(),
            false => units.iter().any(|at| self.up[UNITS + at] != Up::Yes),
        };
        let failed = units.iter().any(|at| self.units[*at].failed);
        let open = units.iter().any(|at| self.units[*at].open.is_some());
        let confirmed = units.iter().all(|at| self.units[*at].confirmed.is_some());
        let strays = self.far_since.is_some_and(|since| since + FOLLOWS.1 < self.now);
        let most = if self.rules.trim { TRIM.1 + 1e-3 } else { 0.0 };
        if good {
            let may = self.in_force();
            let words = if dead {
                Some("a device is dead".to_owned())
            } else if failed {
                Some("a device has refused".to_owned())
            } else if strays {
                Some("the plant does not follow".to_owned())
            } else if !may.iter().any(|total| (total - told).abs() <= near + most) {
                Some(format!("confirmed is {may:?}"))
            } else {
                None
            };
            if let Some(words) = words {
                self.fail(format!("in force is a good {told}: {words}: {:?}", self.units));
            }
            return;
        }
        let near_all = self.near_since.is_some();
        if !dead && !failed && !open && confirmed && near_all && !units.is_empty() && !self.astray {
            self.fail(format!("in force is {told}, not good, and nothing is the matter: {:?}", self.units));
        }
    }

    /// Whether a code of what holds the output fits.
    pub(crate) fn judge_clamp(&mut self, code: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a code")]
        let at = code.max(0.0) as usize;
        let Some(count) = self.counts.clamps.get_mut(at) else {
            return self.fail(format!("clamp {code} is no code"));
        };
        *count += 1;
        let driven = self.owner != Owner::Local;
        if !driven && code != 0.0 {
            return self.fail(format!("nobody drives, and the clamp is {code}"));
        }
        let (Some(target), Some(bounds), Some(total)) = (self.target, self.bounds(), self.total()) else {
            return;
        };
        // It is told with the next step.
        let steady = self.way.is_some_and(|way| way.since + STEP_MS <= self.now);
        let settled = driven && !self.loose && !self.astray && !self.rules.trim && steady;
        if !settled || self.rules.is_dispatch() || self.rules.drives == Drives::Limited {
            return;
        }
        let soft = bounds.soft.hold(target);
        let source = bounds.source.hold(soft);
        let energy = bounds.energy.hold(source);
        let hard = bounds.hard.hold(energy);
        let off = (total - hard).abs();
        let wanted: &[f64] = if hard != energy {
            &[1.0]
        } else if energy != source {
            &[2.0]
        } else if source != soft {
            &[6.0]
        } else if soft != target {
            &[3.0]
        } else if off > NEAR {
            // On its way, or at rest beside it; what a limit takes back on the way comes first.
            &[1.0, 2.0, 4.0, 5.0, 6.0]
        } else {
            &[0.0, 1.0, 2.0, 6.0]
        };
        if !wanted.contains(&code) {
            self.fail(format!("the clamp is {code}: {total} on the way to {target} within {bounds:?}"));
        }
    }
}

/// What a write tells, in megawatts; `None`: it is a release.
fn value(write: FieldWrite) -> Option<f64> {
    match write {
        FieldWrite::SunSpec704 { watts, .. } => Some(watts / 1e6),
        FieldWrite::SunSpec123 { percent, .. } => Some(percent / 100.0 * RATED),
        _ => None,
    }
}
