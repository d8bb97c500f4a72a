//! The machine as numbers, for whoever watches it from outside: small, and made without a text in between, since it is
//! asked for again and again.

use std::sync::Arc;
use std::time::Duration;

use control::score::{Scored, Totals};
use ieee1815::outstation::Counters;
use serde_json::{Value as Json, json};
use telemetry::{Mono, Now, PointId, Quality, Unit};

use super::devices::DeviceState;
use super::points::Source;
use super::{Core, flags, since_origin, story};

/// A point now.
#[derive(Clone, Debug)]
pub(crate) struct PointNow {
    pub(crate) id: PointId,
    pub(crate) kind: &'static str,
    pub(crate) unit: Option<Unit>,
    /// The last one, good or not; a state is 0 or 1.
    pub(crate) value: Option<f64>,
    pub(crate) quality: Quality,
    /// `None` while there was no value, and while it is forced or inhibited.
    pub(crate) age: Option<Duration>,
    /// `None` where it has no source of its own.
    pub(crate) age_max: Option<Duration>,
}

/// A device now.
#[derive(Clone, Debug)]
pub(crate) struct DeviceNow {
    pub(crate) id: Arc<str>,
    pub(crate) asked: bool,
    pub(crate) up: bool,
    pub(crate) polls: u64,
    pub(crate) polls_failed: u64,
    pub(crate) answer_age: Option<Duration>,
}

/// A master's session now.
#[derive(Clone, Debug)]
pub(crate) struct SessionNow {
    pub(crate) master: Arc<str>,
    pub(crate) up: bool,
    pub(crate) reads: u64,
    pub(crate) events_waiting: usize,
    pub(crate) counters: Counters,
}

/// A set point's score now.
#[derive(Clone, Debug)]
pub(crate) struct ScoreNow {
    pub(crate) point: PointId,
    pub(crate) step: Duration,
    /// The last window that is over.
    pub(crate) last: Option<Scored>,
    pub(crate) totals: Totals,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) points: Vec<PointNow>,
    pub(crate) devices: Vec<DeviceNow>,
    pub(crate) sessions: Vec<SessionNow>,
    /// Alarms of points that are raised, by kind.
    pub(crate) alarms: Vec<(&'static str, PointId)>,
    /// Of the set points that are scored.
    pub(crate) scores: Vec<ScoreNow>,
}

impl Core {
    /// The machine as numbers.
    pub(crate) fn watch(&self, now: Now) -> Watched {
        let age = |then: Mono| now.mono.since(then);
        let points = self.brain.table.rows().map(|row| PointNow {
            id: row.spec.id.clone(),
            kind: story::kind(row.spec.point),
            unit: row.spec.unit,
            value: row.sample.value.map(telemetry::Value::as_f64),
            quality: row.sample.quality(),
            // Set by hand it is as old as that, whatever its source does: no age of it can be too high.
            age: row.sample.value.filter(|_| row.hand.is_none()).map(|_| age(row.sample.received)),
            age_max: match row.spec.source {
                Source::Field { age_max, .. } => Some(age_max),
                _ => None,
            },
        });
        let devices = self.brain.table.devices().iter().map(|device| DeviceNow {
            id: Arc::clone(&device.id),
            asked: device.state != DeviceState::Unknown || device.polls > 0,
            up: device.state == DeviceState::Up,
            polls: device.polls,
            polls_failed: device.polls_failed,
            answer_age: device.last_answer.map(|then| age(then.mono)),
        });
        let sessions = self.sessions.iter().zip(self.brain.masters()).enumerate();
        let sessions = sessions.map(|(at, (session, master))| SessionNow {
            master: Arc::clone(master),
            up: session.up,
            reads: session.reads,
            events_waiting: self.outstation.events_waiting(at),
            counters: self.outstation.counters(at),
        });
        let id = |at| self.brain.table.row(at).map(|row| row.spec.id.clone());
        let alarms = self.brain.alarms.keys().filter_map(|(at, kind)| Some((*kind, id(*at)?)));
        let scores = self.brain.setpoints.iter().filter_map(|commanded| {
            let scorer = commanded.score.as_ref()?.scorer();
            Some(ScoreNow {
                point: commanded.setpoint.spec.id.clone(),
                step: Duration::from_millis(scorer.rules().step_ms),
                last: scorer.last().copied(),
                totals: scorer.totals().clone(),
            })
        });
        Watched {
            points: points.collect(),
            devices: devices.collect(),
            sessions: sessions.collect(),
            alarms: alarms.collect(),
            scores: scores.collect(),
        }
    }

    /// What each master was last sent of a point; empty where there is no such point or it is not served.
    pub(crate) fn told(&self, id: &str, now: Now) -> Vec<Json> {
        let row = self.brain.table.find(id).and_then(|at| self.brain.table.row(at));
        let Some((row, index)) = row.and_then(|row| Some((row, row.spec.index?))) else { return Vec::new() };
        let sessions = self.sessions.iter().zip(self.brain.masters()).enumerate();
        let told = sessions.map(|(at, (session, master))| {
            let told = self.outstation.last_told(at, row.spec.point, index).map(|told| {
                let ago = since_origin(now.mono).saturating_sub(told.at);
                let ago_ms = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
                json!({
                    "wire": told.value,
                    "value": row.spec.scale.map_or(told.value, |scale| scale.to_units(told.value)),
                    "flags": flags::names(told.flags),
                    "as": if told.event { "event" } else { "static" },
                    "ago_ms": ago_ms,
                    "time": telemetry::Wall::from_millis(now.wall.as_millis().saturating_sub(ago_ms)),
                })
            });
            json!({ "master": master, "up": session.up, "last_sent": told })
        });
        told.collect()
    }
}
