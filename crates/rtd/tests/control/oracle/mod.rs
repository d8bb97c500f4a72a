//! What has to be, in the plainest words of `docs/control.md`: who commands, what a master is answered, where the
//! output may go, and what may be said to be in force. It knows the script and what went over the wire, not the core.

mod beside;
mod feedback;
mod output;
mod owner;
mod silent;
mod told;

use control::Cause;
use rtd::core::FieldWrite;

use crate::counts::Counts;
use crate::sites::{
    CAN, CHARGE, DEVICES, Drives, HORIZON_H, METER, PLC, RATED, Rules, SWITCHGEAR, TRIM, UNITS,
};
use beside::Beside;
use silent::Silent;
use told::value;

/// Rounding of floats, in megawatts.
const NEAR: f64 = 1e-6;
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
    pub(crate) hz: Option<f64>,
    pub(crate) enable: Option<bool>,
    pub(crate) aux: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Band(f64, f64);

const ALL: Band = Band(f64::NEG_INFINITY, f64::INFINITY);

impl Band {
    fn hold(self, value: f64) -> f64 {
        value.max(self.0).min(self.1)
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }

    fn size(self) -> f64 {
        self.0.abs().max(self.1.abs())
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
    asked_at: u64,
    /// One of another life, that it may still do.
    under_way: Option<UnderWay>,
    asked: f64,
    asked_turn: usize,
    confirmed: Option<f64>,
    /// The last of the totals that it has confirmed.
    done: usize,
    failed: bool,
    /// It did not take what it was told last.
    refuses: bool,
    /// It holds something that it was told, as far as anybody knows.
    holds: bool,
    /// It was asked to take its own control back, and has not said that it did.
    giving: Option<Giving>,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    request: u64,
    at: u64,
    asked: f64,
    /// Nobody else had the device since.
    sure: bool,
}

#[derive(Clone, Copy, Debug)]
struct Giving {
    request: u64,
    at: u64,
    refused: bool,
    /// Whoever is at the plant has it: it is not asked again, and may still say that it has taken it.
    left: bool,
}

impl Unit {
    /// Nobody asks any more for what it was asked for.
    fn fresh(&self) -> Self {
        let (at, asked) = (self.asked_at, self.asked);
        let open = self.open.map(|request| UnderWay { request, at, asked, sure: true });
        let under_way = open.or(self.under_way);
        Self { holds: self.holds, giving: self.giving, under_way, ..Self::default() }
    }
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
    target: Option<f64>,
    bounds: Bounds,
    since: u64,
    from: f64,
    /// What is beside it.
    beside: f64,
    /// So much of the way limits may have hidden.
    hidden: f64,
}

/// What units were told together may be behind the output: what they could not do comes back by the ramp.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Behind {
    /// More was missing (1), less (-1), or it is not seen which (0).
    sign: f64,
    /// What they were told last in all; when that was seen, and since when it is so.
    total: f64,
    seen: u64,
    since: u64,
}

/// What the handle that is under way brought.
#[derive(Clone, Debug, Default)]
struct Handle {
    expected: Vec<(&'static str, Option<Cause>)>,
    received: Vec<(&'static str, Option<Cause>)>,
    /// It went to local: for this.
    left: Option<Option<Cause>>,
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
    /// It is not known where it is.
    lost: bool,
    /// It stands at a bound, where the correction may have been cut off.
    edge: bool,
    /// Taken over then, or its devices could not be told anything until then: nothing is told before the plant was
    /// read again.
    pub(crate) unread: Option<u64>,
    /// The devices cannot be told anything: they do not answer, or are in their own local.
    apart: bool,
    /// What pulses ask for beside the reading that is waited for.
    more: Option<f64>,
    /// The target is about what it says.
    rough: bool,
    beside: Beside,
    silent: Silent,
    /// When it was read last, and what is beside it.
    read: u64,
    read_beside: u64,
    units: Vec<Unit>,
    /// What they were told in all; and whether that was while one of them was still waited for: then it is not seen of what
    /// output it was.
    totals: Vec<(f64, bool)>,
    /// From which of the totals on others do it than before, and what may have been in force until then.
    others_since: usize,
    was: Vec<f64>,
    /// From where the output went on when the plant was read last: in force until all have confirmed something newer.
    began: Option<f64>,
    way: Option<Way>,
    behind: Option<Behind>,
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
        Self {
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
            lost: false,
            edge: false,
            unread: None,
            apart: false,
            more: None,
            rough: false,
            beside: Beside::new(),
            silent: Silent::new(rules.drives()),
            read: 0,
            read_beside: 0,
            units: vec![Unit::default(); rules.drives()],
            totals: Vec::new(),
            others_since: 0,
            was: Vec::new(),
            began: None,
            way: None,
            behind: None,
            near_since: None,
            far_since: None,
            handle: Handle::default(),
            now,
            counts: Counts::default(),
            wrong: None,
        }
    }

    pub(crate) fn fail(&mut self, mut words: String) {
        if self.wrong.is_none() {
            words += &format!("; at {} ms", self.now);
            self.wrong = Some(words);
        }
    }

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
        self.of(METER, if self.rules.trim || self.rules.aux { self.said.poi } else { self.said.units })
    }

    /// What the units do, from where a hand-over has to begin; `None`: not known.
    fn base(&self) -> Option<f64> {
        let actual = self.actual()?;
        if !self.rules.trim {
            return Some(actual + self.aux());
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
        // What the devices make beside it has to be known where one begins.
        if self.rules.aux && self.at.is_none() {
            self.aux_good()?;
        }
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
                let there = (0..3).filter(|at| self.takes(*at)).map(|at| CAN[at]);
                let others = self.counted();
                there.fold(Band(others, others), |sum, (low, high)| Band(sum.0 + low, sum.1 + high))
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

    /// None of the devices is in its own local.
    pub(crate) fn units_remote(&self) -> Option<bool> {
        if self.rules.units_remote { self.of(PLC, self.said.units_remote) } else { Some(true) }
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
            SWITCHGEAR => {
                self.read_beside = self.now;
                (self.said.breaker, self.said.remote) = (said.breaker, said.remote);
                (self.said.hz, self.said.enable, self.said.aux) = (said.hz, said.enable, said.aux);
            }
            PLC => {
                let Said { units, poi, breaker, remote, hz, enable, aux, .. } = self.said;
                self.said = Said { units, poi, breaker, remote, hz, enable, aux, ..said };
            }
            _ => {}
        }
        if came && let Some(unit) = device.checked_sub(UNITS).and_then(|at| self.units.get_mut(at)) {
            // It may have restarted: whatever it confirmed before counts for nothing.
            let refuses = unit.refuses && self.rules.is_dispatch();
            let Unit { holds, giving, under_way, .. } = *unit;
            *unit = Unit { refuses, holds, giving, under_way, ..Unit::default() };
        }
    }

    /// From now on others do it: what they have confirmed says nothing without the one that is lost.
    fn others(&mut self) {
        let mut was = self.in_force();
        was.dedup();
        (self.was, self.others_since) = (was, self.totals.len());
    }

    pub(crate) fn silent(&mut self, device: usize, at_once: bool) {
        self.timed_out[device] = if at_once { 0 } else { self.timed_out[device] + 1 };
        if at_once || self.timed_out[device] >= 2 {
            if device >= UNITS && self.up[device] == Up::Yes {
                self.others();
            }
            self.up[device] = Up::No;
        }
    }

    /// The handle is over: all that it brought has to be what it had to be.
    pub(crate) fn end(&mut self, writes: &[(usize, u64, FieldWrite)]) {
        self.settle_owner();
        self.read_again();
        self.move_beside();
        self.listen();
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
}
