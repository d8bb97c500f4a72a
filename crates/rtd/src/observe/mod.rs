//! The device watched from outside: metrics, health, and what the system's service manager is told.
//!
//! Nothing here may slow the machine. A scrape asks it once for its numbers and waits a while; all text is made outside
//! of it, scrapes within a second share one answer, and there are only so many at a time.
//!
//! | module | what lives there |
//! |---|---|
//! | `about` | what the site says of each point, in words, for its story |
//! | `tally` | what is counted of the records that the device tells |
//! | `metrics` | the families of metrics, and their text |
//! | `health` | is it alive, is it ready |
//! | `http` | the server |
//! | `notify` | systemd |
//! | `observed` | what the loop keeps for all of these |

mod about;
mod health;
mod http;
mod metrics;
mod notify;
mod observed;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use historian::Health;
use serde_json::Value as Json;
use site::Site;
use telemetry::{PointId, Wall, WallTrust};
use tokio::sync::oneshot;

pub(crate) use about::About;
pub(crate) use http::serve;
pub(crate) use notify::Notify;
pub(crate) use observed::{Observed, status_line};
pub(crate) use tally::Tally;

use crate::core::watch::Watched;

/// What does not change while the program runs.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) site: Arc<str>,
    pub(crate) profile: Option<Arc<str>>,
    pub(crate) heartbeat: Option<PointId>,
    /// The masters that may send set points.
    pub(crate) controls: BTreeSet<Arc<str>>,
    pub(crate) started: Wall,
}

impl Facts {
    pub(crate) fn new(site: &Site, started: Wall) -> Self {
        Self {
            site: Arc::clone(&site.name),
            profile: site.profile.clone(),
            heartbeat: site.heartbeat.as_ref().map(|beat| beat.point.id.clone()),
            controls: site
                .masters
                .iter()
                .filter(|master| master.control)
                .map(|master| Arc::clone(&master.name))
                .collect(),
            started,
        }
    }
}

/// The clock, as it is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockNow {
    /// How far it is ahead of the time servers, in seconds, and how long ago they said so.
    pub(crate) offset: Option<(f64, Duration)>,
    pub(crate) watched: bool,
    pub(crate) trust: WallTrust,
    pub(crate) unanswered: u32,
    pub(crate) steps: u64,
}

/// All that is told of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) facts: Arc<Facts>,
    pub(crate) watched: Watched,
    /// What the drivers counted, in the order of the devices.
    pub(crate) links: Vec<Json>,
    /// Octets received and sent, by master.
    pub(crate) octets: BTreeMap<Arc<str>, (u64, u64)>,
    pub(crate) tally: Tally,
    pub(crate) history: Option<Health>,
    pub(crate) clock: ClockNow,
    /// How often the machine has turned.
    pub(crate) turns: u64,
}

/// Where a snapshot is sent to.
pub(crate) type Wanted = oneshot::Sender<Snapshot>;
