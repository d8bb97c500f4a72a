//! What the truth is, worked out from the script alone.
//!
//! The oracle knows a site's text and what was given to the core, and nothing of how the core does its work: for
//! each point when its source was last read and with what, its range and age limit, whether its device is dead by
//! the settled rule, and what was done to it by hand. After every step it says what each point is.

use std::collections::BTreeMap;

use ieee1815::{Flags, PointType};
use site::{AnalogDerive, CheckKind, Checks, DigitalDerive, Dnp3Type, Holds, Site};
use telemetry::{PointId, Scale, Sign, Unit};

use crate::made;

/// What can be said against a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Against {
    /// It must not be used.
    pub(crate) bad: bool,
    /// Forced here.
    pub(crate) forced: bool,
    /// Forced further down.
    pub(crate) forced_below: bool,
    /// Its source says that it is out of its range.
    pub(crate) clipped_below: bool,
    /// Its source doubts it. The wire has nothing for that.
    pub(crate) doubted: bool,
    /// It does not fit the counts of the wire.
    pub(crate) saturated: bool,
}

impl Against {
    /// May a master see it as good?
    pub(crate) fn is_good(self) -> bool {
        Self { doubted: false, ..self } == Self::default()
    }

    /// May something be made of it? A value that only the wire cannot hold is right, a forced one makes the result
    /// forced.
    pub(crate) fn is_usable(self) -> bool {
        Self { saturated: false, forced: false, ..self } == Self::default()
    }
}

/// A point as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shown {
    /// In the point's unit; states are 0 and 1.
    pub(crate) value: Option<f64>,
    pub(crate) against: Against,
    /// When that was so, by the monotonic clock in milliseconds.
    pub(crate) own: u64,
}

/// How a point comes about.
#[derive(Clone, Debug)]
pub(crate) enum From {
    Field {
        device: usize,
        reading: usize,
        unit: Option<Unit>,
        sign: Sign,
        age_max: u64,
    },
    Quantity(AnalogDerive, Vec<usize>),
    State(DigitalDerive, Vec<usize>),
    Nothing,
    /// Heartbeat, set point, feedback: judged by rules of their own.
    Own(Own),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Heartbeat,
    Held,
    Feedback,
}

/// Something done by hand.
#[derive(Clone, Copy, Debug)]
struct Hand {
    /// `None`: out of service, with the value that it had before.
    value: Option<f64>,
    kept: Option<f64>,
    until: u64,
    since: u64,
}

/// What a reading came to.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    value: Option<f64>,
    /// When it was received; `None`: never.
    at: Option<u64>,
    against: Against,
}

/// What the checks of a point remember.
#[derive(Clone, Copy, Debug, Default)]
struct Checked {
    last: Option<(f64, u64)>,
    still: Option<(f64, u64)>,
    bad: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) id: PointId,
    pub(crate) kind: PointType,
    pub(crate) index: u16,
    pub(crate) class: u8,
    pub(crate) unit: Option<Unit>,
    pub(crate) scale: Option<Scale>,
    range: Option<(f64, f64)>,
    pub(crate) deadband: f64,
    pub(crate) from: From,
    checks: Checks,
    gates: Vec<usize>,
    with: Option<usize>,
    // From here on it changes.
    read: Read,
    /// Newest event of its outstation, and whether a static came after it.
    heard: Option<(u64, bool)>,
    hand: Option<Hand>,
    checked: Checked,
    made: made::Memory,
    pub(crate) shown: Shown,
    /// It was read, or is otherwise than before: whatever is made of it looks again.
    pub(crate) touched: bool,
    /// When it was good, and with what, where its events carry their times.
    pub(crate) good_at: Option<Vec<(u64, f64)>>,
}

/// A device by the settled rule: one refusal or two time-outs in a row and it is dead.
#[derive(Clone, Copy, Debug, Default)]
struct Device {
    dead: bool,
    timed_out: u32,
    received: u64,
}

/// One reading as the script has it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given {
    Number(f64),
    State(bool),
    /// Not implemented, no number, without meaning, or of the wrong kind.
    Nothing,
}

/// What an outstation says beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) kind: Dnp3Type,
    pub(crate) flags: Option<Flags>,
    pub(crate) event: bool,
    pub(crate) time: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    pub(crate) points: Vec<Point>,
    by_id: BTreeMap<(PointType, u16), usize>,
    devices: Vec<Device>,
    /// A report was judged since the start.
    judged: bool,
    /// Set points that a master was told were taken, in the set point's unit, since the start.
    pub(crate) commanded: Vec<f64>,
    /// Those that a device confirmed.
    pub(crate) confirmed: Vec<f64>,
    /// What the plant did, each time that was known: what is in force when a master takes over.
    acted: Vec<f64>,
    actual: usize,
    driven: usize,
}

/// How long a change is looked at, at least.
const RATE_OVER: u64 = 1_000;

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

impl Oracle {
    pub(crate) fn new(site: &Site) -> Self {
        let mut points = Vec::new();
        let blank = |point: &site::Point, kind: PointType, unit: Option<Unit>, scale: Option<Scale>| {
            let timed = match kind {
                PointType::AnalogInput => matches!(point.served.event_variation, 3 | 4 | 7 | 8),
                PointType::BinaryInput => matches!(point.served.event_variation, 2 | 3),
                _ => false,
            };
            Point {
                id: point.id.clone(),
                kind,
                index: point.served.index.expect("every point here is served"),
                class: point.served.class,
                unit,
                scale,
                range: None,
                deadband: 0.0,
                from: From::Nothing,
                checks: Checks::default(),
                gates: Vec::new(),
                with: None,
                read: Read::default(),
                heard: None,
                hand: None,
                checked: Checked::default(),
                made: made::Memory::default(),
                shown: Shown { against: Against { bad: true, ..Against::default() }, ..Shown::default() },
                touched: false,
                good_at: timed.then(Vec::new),
            }
        };
        for analog in &site.analogs {
            let mut point =
                blank(&analog.point, PointType::AnalogInput, Some(analog.unit), Some(analog.wire));
            (point.range, point.checks) = (analog.range, analog.checks.clone());
            point.deadband = analog.wire.in_counts(analog.deadband);
            point.from = match (&analog.source, &analog.derive) {
                (Some(source), _) => From::Field {
                    device: source.device.get(),
                    reading: source.reading.get(),
                    unit: Some(source.unit),
                    sign: source.sign,
                    age_max: millis(source.age_max),
                },
                (None, Some(derive)) => From::Quantity(derive.clone(), Vec::new()),
                (None, None) => From::Nothing,
            };
            points.push(point);
        }
        for digital in &site.digitals {
            let mut point = blank(&digital.point, PointType::BinaryInput, None, None);
            point.from = match (&digital.source, &digital.derive) {
                (Some(source), _) => From::Field {
                    device: source.device.get(),
                    reading: source.reading.get(),
                    unit: None,
                    sign: Sign::AsSource,
                    age_max: millis(source.age_max),
                },
                (None, Some(derive)) => From::State(derive.clone(), Vec::new()),
                (None, None) => From::Nothing,
            };
            points.push(point);
        }
        if let Some(unit) = &site.connection {
            let mut point = blank(&unit.point, PointType::BinaryInput, None, None);
            point.from = From::State(unit.derive.clone(), Vec::new());
            points.push(point);
        }
        if let Some(beat) = &site.heartbeat {
            let mut point = blank(&beat.point, PointType::AnalogInput, Some(Unit::Count), None);
            point.from = From::Own(Own::Heartbeat);
            points.push(point);
        }
        let setpoint = &site.setpoints[0];
        let held = Some(setpoint.wire);
        let mut point = blank(&setpoint.point, PointType::AnalogOutputStatus, Some(setpoint.unit), held);
        point.from = From::Own(Own::Held);
        points.push(point);
        let mut point = blank(&setpoint.feedback.point, PointType::AnalogInput, Some(setpoint.unit), held);
        point.from = From::Own(Own::Feedback);
        points.push(point);
        Self::linked(points, site)
    }

    /// Finds the points that points are made of.
    fn linked(mut points: Vec<Point>, site: &Site) -> Self {
        let names: BTreeMap<PointId, usize> =
            points.iter().enumerate().map(|(at, point)| (point.id.clone(), at)).collect();
        for point in &mut points {
            let inputs = match &point.from {
                From::Quantity(derive, _) => derive.inputs(),
                From::State(derive, _) => derive.inputs(),
                _ => Vec::new(),
            };
            let found: Vec<usize> = inputs.into_iter().map(|id| names[id]).collect();
            match &mut point.from {
                From::Quantity(_, inputs) | From::State(_, inputs) => *inputs = found,
                _ => {}
            }
            if let From::Quantity(AnalogDerive::Integrate { initial, .. }, _) = &point.from {
                point.made.total = *initial;
            }
            let gates = point.checks.flat.iter().flat_map(|flat| &flat.gates);
            point.gates = gates.map(|gate| names[&gate.point]).collect();
            point.with = point.checks.cross.as_ref().map(|cross| names[&cross.with.point]);
        }
        let by_id = points.iter().enumerate().map(|(at, point)| ((point.kind, point.index), at)).collect();
        let setpoint = &site.setpoints[0];
        Self {
            by_id,
            devices: vec![Device::default(); site.devices.len()],
            judged: false,
            commanded: Vec::new(),
            confirmed: Vec::new(),
            acted: Vec::new(),
            actual: names[&setpoint.actual],
            driven: setpoint.drives[0].device.get(),
            points,
        }
    }

    pub(crate) fn find(&self, kind: PointType, index: u16) -> Option<usize> {
        self.by_id.get(&(kind, index)).copied()
    }

    /// Which points a reading of a device belongs to, and their unit: `None` for states.
    pub(crate) fn readings(&self, of: usize) -> Vec<(usize, usize)> {
        let one = |(at, point): (usize, &Point)| match point.from {
            From::Field { device, reading, .. } if device == of => Some((reading, at)),
            _ => None,
        };
        self.points.iter().enumerate().filter_map(one).collect()
    }

    /// Received time of the last report that was taken of a device.
    pub(crate) fn last_received(&self, device: usize) -> u64 {
        self.devices[device].received
    }

    /// Time passes; must be called before anything that happens at `now`.
    pub(crate) fn begin(&mut self, now: u64) {
        for point in &mut self.points {
            point.touched = false;
            point.hand = point.hand.filter(|hand| now < hand.until);
            if let (From::Field { age_max, .. }, Some(at)) = (&point.from, point.read.at)
                && now > at + age_max
            {
                point.checked = Checked::default();
            }
        }
    }

    /// A report; what it holds is given by [`Self::read`] if this says that it is taken.
    pub(crate) fn report(&mut self, device: usize, received: u64, outcome: Option<Fault>) -> bool {
        self.judged = true;
        let device = &mut self.devices[device];
        if received < device.received {
            return false;
        }
        device.received = received;
        match outcome {
            None => (device.dead, device.timed_out) = (false, 0),
            Some(Fault::Unreachable) => (device.dead, device.timed_out) = (true, 0),
            Some(Fault::TimedOut) => {
                device.timed_out += 1;
                device.dead |= device.timed_out >= 2;
            }
            Some(Fault::Other) => device.timed_out = 0,
        }
        true
    }

    /// A reading of a report that was taken.
    pub(crate) fn read(&mut self, at: usize, given: Given, told: Option<Told>, received: u64) {
        let point = &mut self.points[at];
        if told.is_some_and(|told| !point.hears(told)) {
            return;
        }
        let From::Field { unit, sign, .. } = &point.from else { unreachable!() };
        let value = match (given, unit, point.unit) {
            (Given::Number(number), Some(from), Some(to)) => Some(sign.apply(number) * factor(*from, to)),
            (Given::State(state), None, None) => Some(f64::from(u8::from(state))),
            _ => None,
        };
        let mut against = told.map_or_else(Against::default, told_against);
        against.bad |= value.is_none();
        if let (Some(value), Some((low, high))) = (value, point.range) {
            against.bad |= value < low || value > high;
        }
        point.read = Read { value: value.or(point.read.value), at: Some(received), against };
        point.touched = true;
        let checks = point.checks.clone();
        if !checks.is_empty() {
            // Good as far as its own reading goes: `against` says nothing of hands and age.
            let good = value.filter(|_| against == Against::default());
            let found = good.map(|value| self.check(at, &checks, value, received));
            let checked = &mut self.points[at].checked;
            match found {
                Some(bad) => checked.bad = bad,
                None => *checked = Checked::default(),
            }
        }
    }

    /// Whether a check that takes quality finds something.
    fn check(&mut self, at: usize, checks: &Checks, value: f64, read: u64) -> bool {
        let good = |at: usize| {
            let shown = &self.points[at].shown;
            shown.value.filter(|_| shown.against == Against::default())
        };
        let open = checks.flat.as_ref().is_some_and(|flat| {
            flat.gates.iter().zip(&self.points[at].gates).all(|(gate, at)| {
                good(*at).is_some_and(|value| match gate.holds {
                    Holds::Above(limit) => value > limit,
                    Holds::Below(limit) => value < limit,
                    Holds::Is(state) => (value == 1.0) == state,
                })
            })
        });
        let crossed = checks.cross.as_ref().is_some_and(|cross| {
            let theirs = self.points[at].with.and_then(good);
            let from = self.points[self.points[at].with.unwrap()].unit.unwrap();
            let to = self.points[at].unit.unwrap();
            theirs.is_some_and(|theirs| (value - theirs * factor(from, to)).abs() > cross.differ_max)
        });
        let checked = &mut self.points[at].checked;
        let too_fast = checks.rate_max.is_some_and(|most| {
            checked.last.is_some_and(|(last, then)| {
                let seconds = read.saturating_sub(then).max(RATE_OVER) as f64 / 1e3;
                (value - last).abs() > most * seconds
            })
        });
        if checked.last.is_none_or(|(_, then)| read.saturating_sub(then) >= RATE_OVER) {
            checked.last = Some((value, read));
        }
        let mut flat_line = false;
        if let Some(flat) = &checks.flat {
            let stays = open && checked.still.is_some_and(|(anchor, _)| (value - anchor).abs() <= flat.band);
            if !stays {
                checked.still = Some((value, read));
            }
            flat_line = read.saturating_sub(checked.still.unwrap().1) >= millis(flat.after);
        }
        let bad = |kind: CheckKind, found: bool| found && checks.bad_on.contains(&kind);
        bad(CheckKind::Rate, too_fast) || bad(CheckKind::Flat, flat_line) || bad(CheckKind::Cross, crossed)
    }

    pub(crate) fn hand(&mut self, at: usize, value: Option<f64>, now: u64, millis: u64) {
        let kept = self.points[at].read.value;
        self.points[at].hand = Some(Hand { value, kept, since: now, until: now + millis });
    }

    /// What lies outside a point's range is refused.
    pub(crate) fn may_be_forced(&self, at: usize, value: f64) -> bool {
        self.points[at].range.is_none_or(|(low, high)| (low..=high).contains(&value))
    }

    pub(crate) fn release(&mut self, at: usize) {
        self.points[at].hand = None;
    }

    /// Whether a point is not as its source has it.
    pub(crate) fn is_by_hand(&self, at: usize) -> bool {
        self.points[at].hand.is_some()
    }

    /// Works out what every point is after what happened at `now`.
    pub(crate) fn settle(&mut self, now: u64) {
        self.settle_fields(now);
        for at in 0..self.points.len() {
            if !matches!(self.points[at].from, From::Field { .. }) {
                self.settle_point(at, now);
            }
        }
        let actual = self.points[self.actual].shown;
        if let Some(value) = actual.value.filter(|_| actual.against.is_good())
            && self.acted.last() != Some(&value)
        {
            self.acted.push(value);
        }
    }

    /// As [`Self::settle`], of what is read alone.
    pub(crate) fn settle_fields(&mut self, now: u64) {
        for at in 0..self.points.len() {
            if matches!(self.points[at].from, From::Field { .. }) {
                self.settle_point(at, now);
            }
        }
    }

    /// What is read is settled before anything is made of it: a check of the next reading looks at it.
    pub(crate) fn settle_point(&mut self, at: usize, now: u64) {
        // What is made remembers; nothing else reads that meanwhile.
        let mut memory = std::mem::take(&mut self.points[at].made);
        let point = &self.points[at];
        let before = point.shown;
        let (value, against, own) = match &point.from {
            From::Nothing => (None, Against { bad: true, ..Against::default() }, 0),
            // It keeps nothing.
            From::Own(_) => return,
            From::Field { device, age_max, .. } => {
                let read = &point.read;
                let mut against = read.against;
                let fresh = read.at.is_some_and(|at| now <= at + age_max);
                against.bad |= !fresh || self.devices[*device].dead || point.checked.bad;
                (read.value, against, read.at.unwrap_or(0))
            }
            From::Quantity(derive, inputs) => {
                let inputs: Vec<&Point> = inputs.iter().map(|at| &self.points[*at]).collect();
                let mut made = made::quantity(derive, &inputs, point.unit.unwrap(), &mut memory, now);
                if let (Some(value), Some((low, high))) = (made.value, point.range) {
                    made.against.bad |= value < low || value > high;
                }
                (made.value.or(point.read.value), made.against, now)
            }
            From::State(derive, inputs) => {
                let inputs: Vec<&Point> = inputs.iter().map(|at| &self.points[*at]).collect();
                let made = made::state(derive, &inputs, &mut memory);
                (made.value.or(point.read.value), made.against, now)
            }
        };
        let point = &mut self.points[at];
        point.made = memory;
        let is_made = matches!(point.from, From::Quantity(..) | From::State(..));
        if is_made {
            point.read.value = value;
        }
        let mut shown = Shown { value, against, own };
        if is_made
            && against.is_good()
            && let (Some(good_at), Some(value)) = (&mut point.good_at, value)
        {
            // When somebody's hand is taken off it shows again what it was made of, then.
            good_at.push((own, value));
        }
        match point.hand {
            Some(Hand { value: Some(value), since, .. }) => {
                let against = Against { forced: true, ..Against::default() };
                shown = Shown { value: Some(value), against, own: since };
            }
            Some(Hand { kept, .. }) => (shown.value, shown.against.bad) = (kept, true),
            None => {}
        }
        if let (Some(Scale::Counts { max_units, max_counts }), Some(value)) = (point.scale, shown.value) {
            shown.against.saturated = (value * max_counts / max_units).round().abs() > max_counts;
        }
        point.shown = shown;
        point.touched |= before.value != shown.value || before.against != shown.against;
        if let (Some(good_at), Some(value)) = (&mut point.good_at, shown.value)
            && shown.against.is_good()
        {
            let entry = (own, value);
            if good_at.last() != Some(&entry) {
                good_at.push(entry);
            }
        }
    }

    /// What a point looks like on the wire.
    pub(crate) fn wire(&self, at: usize, value: f64) -> f64 {
        match self.points[at].scale {
            Some(Scale::Counts { max_units, max_counts }) => {
                (value * max_counts / max_units).round().clamp(-max_counts, max_counts)
            }
            _ => value,
        }
    }

    /// Whether a point of its own kind may be good, with this value on the wire.
    pub(crate) fn may_be_good(&self, at: usize, own: Own, wire: f64) -> bool {
        if own == Own::Heartbeat {
            return self.judged;
        }
        if self.is_by_hand(at) {
            return false;
        }
        let is = |value: f64| (self.wire(at, value) - wire).abs() <= 1.0;
        let actual = &self.points[self.actual].shown;
        let followed = actual.against.is_usable() && !actual.against.forced && actual.value.is_some_and(is);
        let ordered = match own {
            Own::Held => self.commanded.iter().any(|value| is(*value)),
            _ => {
                let known = self.confirmed.iter().rev().take(2).chain(&self.acted);
                !self.devices[self.driven].dead && known.copied().any(is)
            }
        };
        followed || ordered
    }
}

/// How a poll failed, as far as the settled rule sees a difference.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    TimedOut,
    Unreachable,
    Other,
}

impl Point {
    /// Whether what an outstation tells is newer than what it told before.
    fn hears(&mut self, told: Told) -> bool {
        match (told.event, told.time) {
            (false, _) => {
                self.heard = self.heard.map(|(time, _)| (time, true));
                true
            }
            (true, None) => true,
            (true, Some(time)) => {
                let old =
                    self.heard.is_some_and(|(newest, after)| time < newest || (time == newest && after));
                if !old {
                    self.heard = Some((time, false));
                }
                !old
            }
        }
    }
}

/// The flags of an outstation of the plant.
fn told_against(told: Told) -> Against {
    let Some(flags) = told.flags else { return Against::default() };
    let has = |bit: Flags| flags.contains(bit);
    let doubt = match told.kind {
        Dnp3Type::Analog => has(Flags::REFERENCE_ERR),
        Dnp3Type::Binary => has(Flags::CHATTER_FILTER),
        Dnp3Type::Counter => false,
    };
    Against {
        bad: !has(Flags::ONLINE) || has(Flags::RESTART) || has(Flags::COMM_LOST),
        forced: false,
        forced_below: has(Flags::REMOTE_FORCED) || has(Flags::LOCAL_FORCED),
        clipped_below: told.kind == Dnp3Type::Analog && has(Flags::OVER_RANGE),
        doubted: doubt,
        saturated: false,
    }
}

/// What one of a unit is in another.
pub(crate) fn factor(from: Unit, to: Unit) -> f64 {
    let of_base = |unit: Unit| match unit {
        Unit::Kilowatt | Unit::Kilovar | Unit::KilowattHour | Unit::Kilovolt => 1e3,
        Unit::Megawatt | Unit::Megavar | Unit::MegawattHour => 1e6,
        _ => 1.0,
    };
    of_base(from) / of_base(to)
}
