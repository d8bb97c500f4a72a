//! The point table: every point's sample, with one writer.
//!
//! Reports of devices come in, orders by hand, and time; what leaves is the set of points whose value or quality
//! changed. Ages count on the monotonic clock only. A value survives its source: it stays in the table, with the
//! reasons why it must not be used any more. Points made of others are made again when an input was read or changed.

mod carry;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use site::{DeviceIx, ReadingIx};
use telemetry::{Mono, Now, Origin, PointId, Quality, Reasons, Value};

use super::checks::{CheckSpec, Checked};
use super::derive::Derived;
use super::devices::{DeviceChange, Devices};
use super::field::{FieldOutcome, FieldReport, Reading};
use super::operate::Hand;
use super::points::{LastReading, PointIx, PointSpec, Row, Source};

/// The alarms of a point: what its checks and its making find now.
pub(super) type PointAlarms = BTreeMap<&'static str, String>;

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
    by_id: BTreeMap<PointId, PointIx>,
    by_reading: BTreeMap<(DeviceIx, ReadingIx), Vec<PointIx>>,
    by_device: BTreeMap<DeviceIx, Vec<PointIx>>,
    /// Points made of others; no one before what it is made of.
    derived: Vec<Derived>,
    /// For each point, which of `derived` it is an input of.
    users: Vec<Vec<usize>>,
    /// Which of `derived` have to be made again.
    dirty: BTreeSet<usize>,
    /// Fresh points by the time at which they become stale.
    stale_next: BTreeSet<(Mono, PointIx)>,
    /// What was done by hand, by the time at which it ends.
    hands: BTreeSet<(Mono, PointIx)>,
    changed: BTreeSet<PointIx>,
    /// Points whose alarms may have changed.
    doubted: BTreeSet<PointIx>,
    /// Alarms of points that are made here, beside those of checks.
    made_alarms: BTreeMap<PointIx, PointAlarms>,
    devices: Devices,
    boot: u64,
    sequence: u64,
}

impl Table {
    /// A table in which nothing was ever read. `devices` are the names, in the order of their indexes.
    pub(crate) fn new(specs: Vec<PointSpec>, devices: Vec<Arc<str>>, boot: u64) -> Self {
        let mut table = Self {
            rows: Vec::with_capacity(specs.len()),
            by_id: BTreeMap::new(),
            by_reading: BTreeMap::new(),
            by_device: BTreeMap::new(),
            derived: Vec::new(),
            users: vec![Vec::new(); specs.len()],
            dirty: BTreeSet::new(),
            stale_next: BTreeSet::new(),
            hands: BTreeSet::new(),
            changed: BTreeSet::new(),
            doubted: BTreeSet::new(),
            made_alarms: BTreeMap::new(),
            devices: Devices::new(devices),
            boot,
            sequence: 0,
        };
        for spec in specs {
            let at = PointIx(table.rows.len());
            // What is told of it before it was ever read is a sample, too.
            table.sequence += 1;
            table.by_id.insert(spec.id.clone(), at);
            if let Source::Field { device, reading, .. } = spec.source {
                table.by_reading.entry((device, reading)).or_default().push(at);
                table.by_device.entry(device).or_default().push(at);
            }
            // A master that reads before the first poll must find the point, not good, rather than miss it.
            table.changed.insert(at);
            table.rows.push(Row::new(at, spec, Origin { boot, sequence: table.sequence }));
        }
        table
    }

    /// Gives the table the points that are made of others, in any order.
    pub(super) fn derive(&mut self, derived: Vec<Derived>) {
        self.derived = in_order(derived);
        for (at, one) in self.derived.iter().enumerate() {
            for input in &one.inputs {
                if let Some(users) = self.users.get_mut(input.at.0) {
                    users.push(at);
                }
            }
        }
        self.dirty = (0..self.derived.len()).collect();
    }

    /// Has a point's values checked.
    pub(super) fn check(&mut self, point: PointIx, spec: CheckSpec) {
        if let Some(row) = self.rows.get_mut(point.0) {
            row.checked = Some(Box::new(Checked::new(spec)));
        }
    }

    /// The start that its samples are of.
    pub(super) const fn boot(&self) -> u64 {
        self.boot
    }

    pub(crate) fn devices(&self) -> &Devices {
        &self.devices
    }

    pub(crate) fn find(&self, id: &str) -> Option<PointIx> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn row(&self, at: PointIx) -> Option<&Row> {
        self.rows.get(at.0)
    }

    pub(crate) fn row_mut(&mut self, at: PointIx) -> Option<&mut Row> {
        self.rows.get_mut(at.0)
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }

    /// How a point is made of others, where it is.
    pub(super) fn derivation(&self, at: PointIx) -> Option<&Derived> {
        self.derived.iter().find(|derived| derived.point == at)
    }

    /// A point's physical range, where it has one.
    pub(super) fn range(&self, at: PointIx) -> Option<(f64, f64)> {
        let read = match &self.row(at)?.spec.source {
            Source::Field { rule, .. } => rule.range(),
            Source::Made | Source::Unmapped => None,
        };
        read.or_else(|| self.derivation(at)?.range())
    }

    /// Takes the points that changed since it was last asked, in their order.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<PointIx> {
        std::mem::take(&mut self.changed)
    }

    /// Has the alarms of all points looked at.
    pub(super) fn doubt_all(&mut self) {
        self.doubted = self.rows.iter().map(|row| row.at).collect();
    }

    /// Raises an alarm of a point that is made in this program, or clears it.
    pub(super) fn tell_alarm(&mut self, point: PointIx, kind: &'static str, text: Option<String>) {
        let Some(text) = text else {
            let alarms = self.made_alarms.get_mut(&point);
            if alarms.and_then(|alarms| alarms.remove(kind)).is_some() {
                self.doubted.insert(point);
            }
            return;
        };
        let alarms = self.made_alarms.entry(point).or_default();
        if alarms.insert(kind, text.clone()) != Some(text) {
            self.doubted.insert(point);
        }
    }

    /// Takes the points whose alarms may have changed since it was last asked.
    pub(super) fn take_doubted(&mut self) -> BTreeSet<PointIx> {
        std::mem::take(&mut self.doubted)
    }

    /// The alarms of a point as they are now.
    pub(super) fn alarms(&self, at: PointIx) -> PointAlarms {
        let mut alarms = self.made_alarms.get(&at).cloned().unwrap_or_default();
        let checked = self.row(at).and_then(|row| row.checked.as_ref());
        for (kind, text) in checked.iter().flat_map(|checked| checked.raised()) {
            alarms.insert(kind, text.to_owned());
        }
        alarms
    }

    /// When something happens to a point by itself next: it becomes stale, or what was done by hand ends.
    pub(crate) fn due(&self) -> Option<Mono> {
        let stale = self.stale_next.first().map(|(at, _)| *at);
        let hand = self.hands.first().map(|(at, _)| *at);
        stale.into_iter().chain(hand).min()
    }

    /// Lets time pass: what is older than its limit is stale from now on. Returns what was done by hand and is over.
    pub(super) fn age(&mut self, now: Mono) -> Vec<(PointIx, Hand)> {
        while let Some((at, point)) = self.stale_next.first().copied().filter(|(at, _)| *at <= now) {
            self.stale_next.remove(&(at, point));
            if let Some(row) = self.rows.get_mut(point.0) {
                (row.stale, row.stale_at) = (true, None);
                if let Some(checked) = &mut row.checked {
                    checked.forget();
                    row.doubts = Reasons::none();
                    self.doubted.insert(point);
                }
            }
            self.judge_again(point);
        }
        let mut over = Vec::new();
        while let Some((_, point)) = self.hands.first().copied().filter(|(at, _)| *at <= now) {
            match self.release(point) {
                Some(hand) => over.push((point, hand)),
                None => break,
            }
        }
        over
    }

    /// Does something to a point by hand, in place of what was done to it before.
    pub(super) fn hand(&mut self, point: PointIx, hand: Hand) {
        self.release(point);
        let Some(row) = self.rows.get_mut(point.0) else { return };
        self.hands.insert((hand.until, point));
        if let Some(value) = hand.value {
            row.sample.source_time = Some((hand.since.wall, hand.since.wall_trust));
            row.sample.received = hand.since.mono;
            if row.sample.value.replace(value) != Some(value) {
                self.changed.insert(point);
            }
        }
        row.hand = Some(hand);
        self.judge_again(point);
    }

    /// Ends what was done to a point by hand: it shows what its source says, as old as that is.
    pub(super) fn release(&mut self, point: PointIx) -> Option<Hand> {
        let row = self.rows.get_mut(point.0)?;
        let hand = row.hand.take()?;
        self.hands.remove(&(hand.until, point));
        row.sample.source_time = row.under.source_time;
        row.sample.received = row.under.received;
        if row.sample.value != row.under.value {
            row.sample.value = row.under.value;
            self.changed.insert(point);
        }
        self.judge_again(point);
        Some(hand)
    }

    /// Takes a poll's outcome. A report older than one already taken of the same device is ignored: it would put an
    /// older value over a newer one. Returns what became of the device, where that changed.
    pub(crate) fn report(&mut self, report: &FieldReport) -> Option<DeviceChange> {
        if !self.devices.is_news(report) {
            return None;
        }
        let change = self.devices.report(report);
        if change.is_some() {
            for point in self.by_device.get(&report.device).cloned().unwrap_or_default() {
                self.judge_again(point);
            }
        }
        if let FieldOutcome::Readings(readings) = &report.outcome {
            for (reading, value) in readings {
                for point in self.by_reading.get(&(report.device, *reading)).cloned().unwrap_or_default() {
                    self.read(point, value, report);
                }
            }
        }
        change
    }

    fn read(&mut self, point: PointIx, reading: &Reading, report: &FieldReport) {
        let Some(row) = self.rows.get_mut(point.0) else { return };
        let Source::Field { rule, age_max, .. } = &row.spec.source else { return };
        let mut taken = report.received;
        if let Reading::Reported(reported) = reading {
            if !row.heard.takes(reported) {
                return;
            }
            if let Some((time, trust)) = reported.time {
                (taken.wall, taken.wall_trust) = (time, trust);
            }
        }
        let judged = rule.judge(reading);
        row.under.judged = judged.reasons;
        row.last =
            Some(LastReading { reading: reading.clone(), sent: report.sent, received: report.received });
        // Older than the limit begins a microsecond after it.
        let stale_at = report.received.mono.plus(*age_max).plus(Duration::from_micros(1));
        if let Some(before) = row.stale_at.replace(stale_at) {
            self.stale_next.remove(&(before, point));
        }
        self.stale_next.insert((stale_at, point));
        row.stale = false;
        self.put(point, judged.value, taken);
    }

    /// Sets a point made in this program. Without a value the last one is kept.
    pub(crate) fn make(&mut self, point: PointIx, value: Option<Value>, reasons: Reasons, now: Now) {
        // Whatever is made of it looks again even where it is the same as before: time has passed.
        self.soil(point);
        let Some(row) = self.rows.get_mut(point.0) else { return };
        let same = value.is_none_or(|value| row.under.value == Some(value)) && row.under.judged == reasons;
        row.under.received = now.mono;
        if row.hand.is_none() {
            row.sample.received = now.mono;
        }
        if !same || row.checked.is_some() {
            row.under.judged = reasons;
            self.put(point, value, now);
        }
    }

    /// Makes all points that have to be made again.
    pub(super) fn settle(&mut self, now: Now) {
        while let Some(at) = self.dirty.pop_first() {
            let Some(derived) = self.derived.get_mut(at) else { continue };
            let point = derived.point;
            let last = self.rows.get(point.0).and_then(|row| row.under.value);
            let made = derived.evaluate(&self.rows, last, now.mono);
            let alarms: PointAlarms = made.raised.into_iter().collect();
            if alarms.is_empty() {
                if self.made_alarms.remove(&point).is_some() {
                    self.doubted.insert(point);
                }
            } else if self.made_alarms.insert(point, alarms.clone()) != Some(alarms) {
                self.doubted.insert(point);
            }
            self.make(point, made.value, made.reasons, now);
        }
    }

    /// When the oldest of what a point says now was read: of one that is made of others, of all that it takes.
    pub(crate) fn read_at(&self, point: PointIx) -> Mono {
        self.read_before(point, self.derived.len())
    }

    /// None of `derived` is made of a later one, so that this comes to an end.
    fn read_before(&self, point: PointIx, end: usize) -> Mono {
        let before = self.derived.get(..end).unwrap_or_default();
        let Some((at, derived)) = before.iter().enumerate().find(|(_, derived)| derived.point == point)
        else {
            return self.rows.get(point.0).map_or(Mono::ZERO, |row| row.sample.received);
        };
        let takes = |input: &PointIx| derived.taken.is_none_or(|taken| taken == *input);
        let inputs = || derived.inputs.iter().map(|input| input.at).filter(takes);
        // What is good without one of them does not wait for that.
        let is_good = |input: &PointIx| {
            self.rows.get(input.0).is_some_and(|row| row.sample.reasons.quality() == Quality::Good)
        };
        let good = inputs().filter(is_good).map(|input| self.read_before(input, at)).min();
        let all = || inputs().map(|input| self.read_before(input, at)).min();
        good.or_else(all).unwrap_or(Mono::ZERO)
    }

    /// Has what is made of a point made again.
    fn soil(&mut self, point: PointIx) {
        self.dirty.extend(self.users.get(point.0).into_iter().flatten());
    }

    fn put(&mut self, point: PointIx, value: Option<Value>, taken: Now) {
        self.soil(point);
        let Some(row) = self.rows.get_mut(point.0) else { return };
        self.sequence += 1;
        row.sample.origin = Origin { boot: self.boot, sequence: self.sequence };
        row.under.received = taken.mono;
        if let Some(value) = value {
            row.under.value = Some(value);
            row.under.source_time = Some((taken.wall, taken.wall_trust));
        }
        if row.hand.is_none() {
            row.sample.received = taken.mono;
            row.sample.source_time = row.under.source_time;
            if row.sample.value != row.under.value {
                row.sample.value = row.under.value;
                self.changed.insert(point);
            }
        }
        self.doubt(point, value);
        self.judge_again(point);
    }

    /// Has the checks look at a value that was just taken.
    fn doubt(&mut self, point: PointIx, value: Option<Value>) {
        let Some(mut checked) = self.rows.get_mut(point.0).and_then(|row| row.checked.take()) else { return };
        let dead = self.is_dead(point);
        let doubts = self.rows.get(point.0).map(|row| {
            let good = value.is_some() && row.under.judged.is_empty() && !dead;
            let value = value.map_or(f64::NAN, Value::as_f64);
            checked.take(value, good, row.under.received, &self.rows)
        });
        if let Some(row) = self.rows.get_mut(point.0) {
            row.doubts = doubts.unwrap_or_default();
            row.checked = Some(checked);
            self.doubted.insert(point);
        }
    }

    fn is_dead(&self, point: PointIx) -> bool {
        match self.rows.get(point.0).map(|row| &row.spec.source) {
            Some(Source::Field { device, .. }) => self.devices.is_dead(*device),
            _ => false,
        }
    }

    fn judge_again(&mut self, point: PointIx) {
        let dead = self.is_dead(point);
        let Some(row) = self.rows.get_mut(point.0) else { return };
        let reasons = row.reasons(dead);
        if reasons != row.sample.reasons {
            row.sample.reasons = reasons;
            // A value that is judged otherwise is another sample.
            self.sequence += 1;
            row.sample.origin = Origin { boot: self.boot, sequence: self.sequence };
            self.changed.insert(point);
        }
        if self.changed.contains(&point) {
            self.soil(point);
        }
    }
}

/// Points made of others, each behind what it is made of. The site has no circles; were there one, what is on it
/// stays where it is.
fn in_order(derived: Vec<Derived>) -> Vec<Derived> {
    let by_point: BTreeMap<PointIx, usize> =
        derived.iter().enumerate().map(|(at, one)| (one.point, at)).collect();
    let inner = |one: &Derived| -> Vec<usize> {
        one.inputs.iter().filter_map(|input| by_point.get(&input.at).copied()).collect()
    };
    let mut waits: Vec<usize> = derived.iter().map(|one| inner(one).len()).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); derived.len()];
    for (at, one) in derived.iter().enumerate() {
        for input in inner(one) {
            if let Some(users) = users.get_mut(input) {
                users.push(at);
            }
        }
    }
    let mut free: BTreeSet<usize> =
        waits.iter().enumerate().filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
    let mut order = Vec::with_capacity(derived.len());
    while let Some(at) = free.pop_first() {
        order.push(at);
        for user in users.get(at).into_iter().flatten() {
            if let Some(count) = waits.get_mut(*user) {
                *count -= 1;
                if *count == 0 {
                    free.insert(*user);
                }
            }
        }
    }
    let mut slots: Vec<Option<Derived>> = derived.into_iter().map(Some).collect();
    let mut sorted: Vec<Derived> =
        order.into_iter().filter_map(|at| slots.get_mut(at).and_then(Option::take)).collect();
    sorted.extend(slots.into_iter().flatten());
    sorted
}
