//! What people at the plant do by hand: force a point to a value, or take it out of service.
//!
//! Who, why and until when are part of it: a force that nobody remembers is a lie told for ever. It ends by itself,
//! it is told when it begins and when it ends, and it never outlives this program.

use std::sync::Arc;
use std::time::Duration;

use telemetry::{Mono, Now, PointId, Value, Wall};

use super::record::Record;

/// The longest that something done by hand may last: a week.
pub const LASTS_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Somebody's order, from the local socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Operate {
    /// The point.
    pub point: PointId,
    /// What is to be done with it.
    pub action: Action,
    /// Who wants it; not empty.
    pub who: Arc<str>,
    /// Why; not empty.
    pub why: Arc<str>,
}

/// What can be done with a point by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// It has this value from now on, whatever its source says.
    Force {
        /// In the point's unit; of the point's kind.
        value: Value,
        /// For how long; at most [`LASTS_MAX`].
        lasts: Duration,
    },
    /// It is out of service: an input keeps its value and is not good, a set point takes no commands.
    Inhibit {
        /// For how long; at most [`LASTS_MAX`].
        lasts: Duration,
    },
    /// Whatever was done by hand ends.
    Release,
    /// The operator has a say about who commands a set point.
    Control(Way),
}

/// What the operator wants with a set point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The operator holds it: the plant's own control has it, and no master may command it.
    Take,
    /// The operator gives it back: the next command may come.
    GiveBack,
    /// Whoever owns it loses it; the next command may come.
    Local,
    /// The site's schedule has it.
    Schedule,
}

impl Way {
    /// What it is, for records.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Take => "taken",
            Self::GiveBack => "given-back",
            Self::Local => "local",
            Self::Schedule => "schedule",
        }
    }
}

/// Something done by hand that holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hand {
    /// The value forced; `None`: it is out of service.
    pub(super) value: Option<Value>,
    pub(super) who: Arc<str>,
    pub(super) why: Arc<str>,
    pub(super) since: Now,
    pub(super) until: Mono,
}

impl Hand {
    /// Who and why, as the cause of a reason.
    pub(super) fn cause(&self) -> Arc<str> {
        format!("by {}: {}", self.who, self.why).into()
    }

    /// When it ends, by the wall clock as it is now.
    pub(super) fn ends(&self, now: Now) -> Wall {
        let left = u64::try_from(self.until.since(now.mono).as_millis()).unwrap_or(u64::MAX);
        Wall::from_millis(now.wall.as_millis().saturating_add(left))
    }

    /// What it is, for records.
    pub(super) const fn words(&self) -> &'static str {
        match self.value {
            Some(_) => "forced",
            None => "inhibited",
        }
    }
}

/// The record of a change by hand. `until` is told where one begins.
pub(super) fn record(
    point: &PointId,
    state: &'static str,
    hand: &Hand,
    until: Option<Wall>,
    now: Now,
) -> Record {
    Record::Hand {
        time: now.wall,
        point: point.clone(),
        state,
        value: hand.value,
        who: Arc::clone(&hand.who),
        why: Arc::clone(&hand.why),
        until,
    }
}
