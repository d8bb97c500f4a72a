//! The point table: every point's sample, with one writer.
//!
//! Reports of devices come in, and time; what leaves is the set of points whose value or quality changed. Ages
//! count on the monotonic clock only. A value survives its source: it stays in the table, with the reasons why it
//! must not be used any more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ieee1815::{Flags, PointType};
use site::{DeviceIx, ReadingIx};
use telemetry::{Mono, Now, Origin, PointId, Reason, ReasonKind, Reasons, Sample, Scale, Unit, Value, Wall};

use super::devices::{DeviceChange, Devices};
use super::field::{FieldOutcome, FieldReport, Reading};
use super::flags::flags;
use super::judge::Rule;
use super::reported::Heard;

/// Events remembered for each point, for whoever asks for its story.
const EVENTS_KEPT_MAX: usize = 8;

/// A point's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PointIx(usize);

/// What is fixed about a point.
#[derive(Clone, Debug)]
pub(crate) struct PointSpec {
    pub(crate) id: PointId,
    pub(crate) name: Arc<str>,
    pub(crate) point: PointType,
    /// DNP3 index; `None` where the point is not served.
    pub(crate) index: Option<u16>,
    /// `None` for states.
    pub(crate) unit: Option<Unit>,
    /// `None` for states.
    pub(crate) scale: Option<Scale>,
    /// Full scale in words, the cause of a saturation.
    pub(crate) full_scale: Arc<str>,
    pub(crate) source: Source,
}

/// Where a point's values come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// From a device.
    Field {
        device: DeviceIx,
        reading: ReadingIx,
        rule: Rule,
        /// Older than this is stale.
        age_max: Duration,
    },
    /// Made in this program.
    Made,
    /// From nowhere: the site says what the point is, and not yet where it comes from. It stays as never read.
    Unmapped,
}

/// A reading as it came, kept for the point's story.
#[derive(Clone, Debug)]
pub(crate) struct LastReading {
    pub(crate) reading: Reading,
    pub(crate) sent: Now,
    pub(crate) received: Now,
}

/// An event that was put into the masters' buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PastEvent {
    pub(crate) time: Wall,
    pub(crate) wire: f64,
    pub(crate) flags: Flags,
}

/// One point.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) spec: PointSpec,
    pub(crate) sample: Sample,
    pub(crate) last: Option<LastReading>,
    pub(crate) events: VecDeque<PastEvent>,
    /// What the last reading itself gave reason for.
    judged: Reasons,
    /// What its outstation told, where it comes from one.
    heard: Heard,
    stale: bool,
    /// When it becomes stale; `None` while it is, or where it cannot.
    stale_at: Option<Mono>,
}

impl Row {
    fn new(spec: PointSpec, origin: Origin) -> Self {
        let cause = match &spec.source {
            Source::Field { rule, .. } => Arc::clone(&rule.device),
            Source::Made => Arc::from(""),
            Source::Unmapped => Arc::from("the site gives it no source"),
        };
        let never = Reasons::of(Reason::new(ReasonKind::NeverRead, cause));
        let sample =
            Sample { value: None, reasons: never.clone(), source_time: None, received: Mono::ZERO, origin };
        Self {
            spec,
            sample,
            last: None,
            events: VecDeque::new(),
            judged: never,
            heard: Heard::default(),
            stale: false,
            stale_at: None,
        }
    }

    /// The value as it goes onto the wire; zero while there is none.
    pub(crate) fn wire(&self) -> f64 {
        let value = self.sample.value.map_or(0.0, Value::as_f64);
        self.spec.scale.map_or(value, |scale| scale.to_wire(value).0)
    }

    /// The DNP3 flags.
    pub(crate) fn flags(&self) -> Flags {
        flags(&self.sample.reasons)
    }

    /// Whether a state is known to be so: true and Good, or false and Good.
    pub(crate) fn good_state(&self) -> Option<bool> {
        self.sample.reasons.is_empty().then(|| self.sample.value.and_then(Value::as_bool)).flatten()
    }

    /// Remembers an event.
    pub(crate) fn remember(&mut self, event: PastEvent) {
        if self.events.len() == EVENTS_KEPT_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn reasons(&self, dead: bool) -> Reasons {
        let mut reasons = self.judged.clone();
        if let Source::Field { rule, .. } = &self.spec.source {
            if self.stale {
                reasons.insert(Reason::new(ReasonKind::Stale, Arc::clone(&rule.device)));
            }
            if dead {
                reasons.insert(Reason::new(ReasonKind::SourceDead, Arc::clone(&rule.device)));
            }
        }
        if let (Some(scale), Some(value)) = (self.spec.scale, self.sample.value)
            && scale.to_wire(value.as_f64()).1
        {
            reasons.insert(Reason::new(ReasonKind::Saturated, Arc::clone(&self.spec.full_scale)));
        }
        reasons
    }
}

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
    by_id: BTreeMap<PointId, PointIx>,
    by_reading: BTreeMap<(DeviceIx, ReadingIx), Vec<PointIx>>,
    by_device: BTreeMap<DeviceIx, Vec<PointIx>>,
    /// Fresh points by the time at which they become stale.
    stale_next: BTreeSet<(Mono, PointIx)>,
    changed: BTreeSet<PointIx>,
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
            stale_next: BTreeSet::new(),
            changed: BTreeSet::new(),
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
            table.rows.push(Row::new(spec, Origin { boot, sequence: table.sequence }));
        }
        table
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

    /// Takes the points that changed since it was last asked, in their order.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<PointIx> {
        std::mem::take(&mut self.changed)
    }

    /// When the next point becomes stale.
    pub(crate) fn stale_next(&self) -> Option<Mono> {
        self.stale_next.first().map(|(at, _)| *at)
    }

    /// Lets time pass: what is older than its limit is stale from now on.
    pub(crate) fn age(&mut self, now: Mono) {
        while let Some((at, point)) = self.stale_next.first().copied().filter(|(at, _)| *at <= now) {
            self.stale_next.remove(&(at, point));
            if let Some(row) = self.rows.get_mut(point.0) {
                (row.stale, row.stale_at) = (true, None);
            }
            self.judge_again(point);
        }
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
        row.judged = judged.reasons;
        row.last =
            Some(LastReading { reading: reading.clone(), sent: report.sent, received: report.received });
        // Older than the limit begins a microsecond after it.
        let stale_at = report.received.mono.plus(*age_max).plus(Duration::from_micros(1));
        if let Some(before) = row.stale_at.replace(stale_at) {
            self.stale_next.remove(&(before, point));
        }
        self.stale_next.insert((stale_at, point));
        row.stale = false;
        row.sample.received = report.received.mono;
        self.put(point, judged.value, taken);
    }

    /// Sets a point made in this program. Without a value the last one is kept.
    pub(crate) fn make(&mut self, point: PointIx, value: Option<Value>, reasons: Reasons, now: Now) {
        let Some(row) = self.rows.get_mut(point.0) else { return };
        let same = value.is_none_or(|value| row.sample.value == Some(value)) && row.judged == reasons;
        row.sample.received = now.mono;
        if !same {
            row.judged = reasons;
            self.put(point, value, now);
        }
    }

    fn put(&mut self, point: PointIx, value: Option<Value>, taken: Now) {
        let Some(row) = self.rows.get_mut(point.0) else { return };
        self.sequence += 1;
        row.sample.origin = Origin { boot: self.boot, sequence: self.sequence };
        if let Some(value) = value {
            row.sample.source_time = Some((taken.wall, taken.wall_trust));
            if row.sample.value.replace(value) != Some(value) {
                self.changed.insert(point);
            }
        }
        self.judge_again(point);
    }

    fn judge_again(&mut self, point: PointIx) {
        let Some(row) = self.rows.get_mut(point.0) else { return };
        let dead = match row.spec.source {
            Source::Field { device, .. } => self.devices.is_dead(device),
            Source::Made | Source::Unmapped => false,
        };
        let reasons = row.reasons(dead);
        if reasons != row.sample.reasons {
            row.sample.reasons = reasons;
            // A value that is judged otherwise is another sample.
            self.sequence += 1;
            row.sample.origin = Origin { boot: self.boot, sequence: self.sequence };
            self.changed.insert(point);
        }
    }
}
