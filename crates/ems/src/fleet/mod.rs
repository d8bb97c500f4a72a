//! All that the ISO knows of its devices: a deterministic machine. What came in and when it came in go in, records
//! come out; it reads no clock and no socket.
//!
//! Three failures look alike on a screen and mean different things to an operator. A *dead link* is a session that
//! is down: every point carries `link down` until it is reported again. A *restarted device* says so itself
//! (IIN1.7): its points are bad until it reports them anew. A *stuck heartbeat* is a device that answers every scan
//! with a heartbeat that no longer moves: a machine whose front lives on while its inside is dead.

mod judge;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use ieee1815::{Flags, Measured, PointType};
use telemetry::{Now, Quality, Reason, ReasonKind, Reasons, Value, Wall};

use crate::model::{Config, Device, Point};
use crate::record::{DeviceView, PointRecord, PointView, Record, Standing, flag_names, type_name};

use scan::Beat;
pub use scan::ScanKind;

/// The devices and all that they reported.
#[derive(Debug)]
pub struct Fleet {
    devices: Vec<DeviceState>,
    records: Vec<Record>,
}

#[derive(Debug)]
struct DeviceState {
    config: Device,
    places: BTreeMap<(PointType, u16), usize>,
    points: Vec<PointState>,
    link: Link,
    beat: Beat,
    heartbeat: HeartbeatState,
    last_scan: Option<Wall>,
    restarts: u64,
    setpoints_sent: u64,
    setpoints_accepted: u64,
}

#[derive(Debug, Default)]
struct Link {
    up: bool,
    why: String,
    since: Option<Wall>,
}

#[derive(Debug, Default)]
struct HeartbeatState {
    /// The value as last reported, to the bit.
    last: Option<u64>,
    /// Answered scans since it changed.
    unchanged: u32,
    stuck: bool,
}

#[derive(Debug, Default)]
struct PointState {
    reported: Option<Reported>,
    /// Reported since the link came up.
    since_up: bool,
    /// Reported since the device restarted.
    since_restart: bool,
    /// What the last record said.
    told: Option<(Option<Value>, Option<Flags>, Reasons)>,
}

#[derive(Clone, Copy, Debug)]
struct Reported {
    value: Value,
    /// As it came, before scaling; 0 for states.
    wire: f64,
    flags: Option<Flags>,
    received: Now,
}

impl Fleet {
    /// Devices of which nothing is known yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let devices = config.devices.iter().map(DeviceState::new).collect();
        Self { devices, records: Vec::new() }
    }

    /// Takes the records made since this was last called.
    #[must_use]
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// The session with a device came up; `peer` is who was met.
    pub fn link_up(&mut self, device: usize, peer: &str, now: Now) {
        self.with(device, |state, records| state.link_up(peer, now, records));
    }

    /// The session went down, or did not come up.
    pub fn link_down(&mut self, device: usize, why: &str, now: Now) {
        self.with(device, |state, records| state.link_down(why, now, records));
    }

    /// A device reported a point.
    pub fn reported(
        &mut self,
        device: usize,
        point_type: PointType,
        index: u16,
        measured: &Measured,
        now: Now,
    ) {
        self.with(device, |state, records| state.reported((point_type, index), measured, now, records));
    }

    /// A device said that it had restarted.
    pub fn restarted(&mut self, device: usize, now: Now) {
        self.with(device, |state, records| state.restarted(now, records));
    }

    /// A scan is due: what to ask for, if it can be asked for now.
    pub fn scan_due(&mut self, device: usize, now: Now) -> Option<ScanKind> {
        self.with(device, |state, records| state.scan_due(now, records)).flatten()
    }

    /// The read on its way, or the session's start-up, was answered in full.
    pub fn scan_answered(&mut self, device: usize, now: Now) {
        self.with(device, |state, records| state.scan_answered(now, records));
    }

    /// The read on its way came to nothing. (A start-up is tried again by the session itself.)
    pub fn scan_failed(&mut self, device: usize) {
        self.with(device, |state, _| state.beat.failed());
    }

    /// Whether the session's start-up is still under way.
    #[must_use]
    pub fn is_starting(&self, device: usize) -> bool {
        self.devices.get(device).is_some_and(|state| state.beat.is_starting())
    }

    /// A set point was answered with `status`, or came to nothing for the reason it names.
    pub fn setpoint_sent(
        &mut self,
        device: usize,
        point: usize,
        value: f64,
        mode: &'static str,
        status: String,
        now: Now,
    ) {
        self.with(device, |state, records| {
            state.setpoints_sent += 1;
            state.setpoints_accepted += u64::from(status == "SUCCESS");
            if let Some(point) = state.config.points.get(point) {
                let (device, id) = (Arc::clone(&state.config.name), point.id.clone());
                records.push(Record::Setpoint { time: now.wall, device, id, value, mode, status });
            }
        });
    }

    /// Every point as it stands, devices and points in the order of the configuration.
    #[must_use]
    pub fn points(&self, now: Now) -> Vec<PointView> {
        self.devices.iter().flat_map(|state| state.views(now)).collect()
    }

    /// Every device as it stands.
    #[must_use]
    pub fn status(&self, now: Now) -> Vec<DeviceView> {
        self.devices.iter().map(|state| state.status(now)).collect()
    }

    fn with<R>(
        &mut self,
        device: usize,
        change: impl FnOnce(&mut DeviceState, &mut Vec<Record>) -> R,
    ) -> Option<R> {
        let state = self.devices.get_mut(device)?;
        Some(change(state, &mut self.records))
    }
}

impl DeviceState {
    fn new(config: &Device) -> Self {
        let places = (config.points.iter().enumerate())
            .map(|(place, point)| ((point.point_type, point.index), place))
            .collect();
        Self {
            places,
            points: config.points.iter().map(|_| PointState::default()).collect(),
            link: Link::default(),
            beat: Beat::new(config),
            heartbeat: HeartbeatState::default(),
            last_scan: None,
            restarts: 0,
            setpoints_sent: 0,
            setpoints_accepted: 0,
            config: config.clone(),
        }
    }

    fn name(&self) -> Arc<str> {
        Arc::clone(&self.config.name)
    }

    fn link_up(&mut self, peer: &str, now: Now, records: &mut Vec<Record>) {
        self.link = Link { up: true, why: peer.to_owned(), since: Some(now.wall) };
        self.beat.up(now.mono);
        for point in &mut self.points {
            point.since_up = false;
        }
        records.push(Record::Link { time: now.wall, device: self.name(), state: "up", why: peer.to_owned() });
    }

    fn link_down(&mut self, why: &str, now: Now, records: &mut Vec<Record>) {
        self.beat.down();
        // An attempt that fails like the one before is no news.
        if !self.link.up && self.link.since.is_some() && self.link.why == why {
            return;
        }
        let since = if self.link.up { None } else { self.link.since };
        self.link = Link { up: false, why: why.to_owned(), since: since.or(Some(now.wall)) };
        records.push(Record::Link {
            time: now.wall,
            device: self.name(),
            state: "down",
            why: why.to_owned(),
        });
        self.tell_all(now, records);
    }

    fn restarted(&mut self, now: Now, records: &mut Vec<Record>) {
        self.restarts += 1;
        // What a new session brought before the restart was noticed came from the restarted device already: its
        // very first response says so. In an old session nothing is known of what came before.
        let starting = self.beat.is_starting();
        for point in &mut self.points {
            point.since_restart &= starting && point.since_up;
        }
        // A heartbeat that begins anew may well begin with the value it had.
        self.heartbeat.last = None;
        self.heartbeat.unchanged = 0;
        records.push(Record::Restart { time: now.wall, device: self.name() });
        self.tell_all(now, records);
    }

    fn reported(&mut self, key: (PointType, u16), measured: &Measured, now: Now, records: &mut Vec<Record>) {
        let Some(&place) = self.places.get(&key) else { return };
        let (Some(point), Some(config)) = (self.points.get_mut(place), self.config.points.get(place)) else {
            return;
        };
        let (value, wire) = match measured.value {
            ieee1815::Value::Analog(wire) => {
                // Adding zero turns -0 into 0, which is what a reader of a screen expects to see.
                (Value::Analog(config.wire.to_units(wire) + 0.0), wire)
            }
            ieee1815::Value::Binary(state) => (Value::Binary(state), 0.0),
            // Of types that no configuration names.
            ieee1815::Value::DoubleBit(_) | ieee1815::Value::Counter(_) => return,
        };
        point.reported = Some(Reported { value, wire, flags: measured.flags, received: now });
        point.since_up = true;
        point.since_restart = true;
        self.beat.points += 1;
        let is_heartbeat = self.config.heartbeat.is_some_and(|heartbeat| heartbeat.point == place);
        if is_heartbeat && self.heartbeat.last.replace(wire.to_bits()) != Some(wire.to_bits()) {
            self.heartbeat.unchanged = 0;
            self.set_stuck(false, now, records);
        }
        self.tell(place, now, records);
    }

    fn scan_due(&mut self, now: Now, records: &mut Vec<Record>) -> Option<ScanKind> {
        let (missed, ask) = self.beat.due(now.mono);
        if let Some(missed) = missed {
            records.push(Record::Scan {
                time: now.wall,
                device: self.name(),
                kind: missed.kind.name(),
                points: 0,
                duration_ms: millis(missed.waited),
                missed: true,
            });
        }
        // Ages pass their limits between reports; here they are noticed.
        self.tell_all(now, records);
        ask
    }

    fn scan_answered(&mut self, now: Now, records: &mut Vec<Record>) {
        let Some((kind, took)) = self.beat.answered(now.mono) else { return };
        self.last_scan = Some(now.wall);
        records.push(Record::Scan {
            time: now.wall,
            device: self.name(),
            kind: kind.name(),
            points: self.beat.points,
            duration_ms: millis(took),
            missed: false,
        });
        if let Some(heartbeat) = self.config.heartbeat {
            self.heartbeat.unchanged = self.heartbeat.unchanged.saturating_add(1);
            // The scan that brought a change counts from zero, so the limit is one more.
            if self.heartbeat.unchanged > heartbeat.scans {
                self.set_stuck(true, now, records);
            }
        }
    }

    fn set_stuck(&mut self, stuck: bool, now: Now, records: &mut Vec<Record>) {
        if self.heartbeat.stuck != stuck {
            self.heartbeat.stuck = stuck;
            records.push(Record::Heartbeat { time: now.wall, device: self.name(), stuck });
            self.tell_all(now, records);
        }
    }

    fn reasons(&self, place: usize, now: Now) -> Reasons {
        let (Some(point), Some(config)) = (self.points.get(place), self.config.points.get(place)) else {
            return Reasons::none();
        };
        let because = |kind| Reason::new(kind, self.name());
        let mut reasons = match &point.reported {
            None => Reasons::of(because(ReasonKind::NeverRead)),
            Some(reported) => {
                let mut reasons = judge::of_flags(config.point_type, reported.flags, &self.config.name);
                if !reported.value.as_f64().is_finite() {
                    reasons.insert(because(ReasonKind::NotANumber));
                }
                if let Some(reason) = judge::of_counts(config.wire, reported.wire, &self.config.name) {
                    reasons.insert(reason);
                }
                if now.mono.since(reported.received.mono) > self.config.age_max {
                    reasons.insert(because(ReasonKind::Stale));
                }
                if !point.since_restart && self.restarts > 0 {
                    reasons.insert(because(ReasonKind::RemoteRestart));
                }
                reasons
            }
        };
        if !self.link.up {
            reasons.insert(because(ReasonKind::LinkDown));
        } else if !point.since_up && point.reported.is_some() {
            let cause = format!("{}, not reported since it came up", self.config.name);
            reasons.insert(Reason::new(ReasonKind::LinkDown, cause));
        }
        if self.heartbeat.stuck {
            reasons.insert(because(ReasonKind::HeartbeatStuck));
        }
        reasons
    }

    fn tell_all(&mut self, now: Now, records: &mut Vec<Record>) {
        for place in 0..self.points.len() {
            self.tell(place, now, records);
        }
    }

    /// Records a point where it differs from what the last record said.
    fn tell(&mut self, place: usize, now: Now, records: &mut Vec<Record>) {
        let reasons = self.reasons(place, now);
        let (Some(point), Some(config)) = (self.points.get_mut(place), self.config.points.get(place)) else {
            return;
        };
        let reported = point.reported;
        let known = (
            reported.map(|reported| reported.value),
            reported.and_then(|reported| reported.flags),
            reasons.clone(),
        );
        if point.told.as_ref().is_some_and(|told| same(told, &known)) {
            return;
        }
        point.told = Some(known);
        records.push(Record::Point(Box::new(PointRecord {
            time: now.wall,
            device: Arc::clone(&self.config.name),
            id: config.id.clone(),
            standing: standing(config, reported, reasons),
        })));
    }

    fn views(&self, now: Now) -> impl Iterator<Item = PointView> {
        self.config.points.iter().zip(&self.points).enumerate().map(move |(place, (config, point))| {
            PointView {
                device: self.name(),
                point: config.id.clone(),
                standing: standing(config, point.reported, self.reasons(place, now)),
                age_ms: point.reported.map(|reported| millis(now.mono.since(reported.received.mono))),
                time: point.reported.map(|reported| reported.received.wall),
            }
        })
    }

    fn status(&self, now: Now) -> DeviceView {
        let good = |place: &usize| self.reasons(*place, now).quality() == Quality::Good;
        DeviceView {
            device: self.name(),
            link: if self.link.up { "up" } else { "down" },
            why: self.link.why.clone(),
            since: self.link.since,
            scans: self.beat.scans,
            scans_missed: self.beat.missed,
            last_scan: self.last_scan,
            restarts: self.restarts,
            heartbeat_stuck: self.config.heartbeat.map(|_| self.heartbeat.stuck),
            points: self.points.len(),
            points_good: (0..self.points.len()).filter(good).count(),
            setpoints_sent: self.setpoints_sent,
            setpoints_accepted: self.setpoints_accepted,
        }
    }
}

/// Whether two states of a point are the same; values to the bit, so that "not a number" equals itself.
fn same(
    one: &(Option<Value>, Option<Flags>, Reasons),
    other: &(Option<Value>, Option<Flags>, Reasons),
) -> bool {
    let bits = |value: Option<Value>| value.map(|value| value.as_f64().to_bits());
    bits(one.0) == bits(other.0) && one.1 == other.1 && one.2 == other.2
}

fn standing(config: &Point, reported: Option<Reported>, reasons: Reasons) -> Standing {
    Standing {
        kind: type_name(config.point_type),
        index: config.index,
        value: reported.map(|reported| reported.value),
        unit: config.unit,
        quality: reasons.quality(),
        reasons,
        // A variation without flags says that all is well.
        flags: reported.map_or_else(Vec::new, |reported| {
            flag_names(config.point_type, reported.flags.unwrap_or(Flags::ONLINE))
        }),
        counts: reported.and_then(|reported| match reported.value {
            Value::Analog(_) => config.wire.counts(reported.wire),
            Value::Binary(_) => None,
        }),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
