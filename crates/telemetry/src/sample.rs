//! The sample: a value that cannot be separated from its quality, its age and its origin.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::{Mono, Now, Wall, WallTrust};
use crate::quality::{Quality, Reasons};

/// A typed value in the unit of its point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A measured or computed quantity.
    Analog(f64),
    /// A two-state quantity.
    Binary(bool),
}

impl Value {
    /// The value as a number; a binary is 0 or 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Analog(value) => value,
            Self::Binary(state) => f64::from(u8::from(state)),
        }
    }

    /// The value as a state, where it is one.
    #[must_use]
    pub const fn as_bool(self) -> Option<bool> {
        match self {
            Self::Binary(state) => Some(state),
            Self::Analog(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Analog(value) => value.fmt(f),
            Self::Binary(state) => u8::from(*state).fmt(f),
        }
    }
}

/// What makes a sample unique in all history: which start of the program took it, and as which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Origin {
    /// Chosen anew at each start of the program.
    pub boot: u64,
    /// Counts up within a boot.
    pub sequence: u64,
}

/// A value with all that is needed to believe it or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The value; `None` only while nothing was ever read.
    pub value: Option<Value>,
    /// Why it is not simply Good.
    pub reasons: Reasons,
    /// When the source gave the value, and how far that stamp can be believed.
    pub source_time: Option<(Wall, WallTrust)>,
    /// When we received the value; ages count from here.
    pub received: Mono,
    /// Boot and sequence.
    pub origin: Origin,
}

impl Sample {
    /// A sample without any reason against it, received and stamped `now`.
    #[must_use]
    pub fn good(value: Value, now: Now, origin: Origin) -> Self {
        Self {
            value: Some(value),
            reasons: Reasons::none(),
            source_time: Some((now.wall, now.wall_trust)),
            received: now.mono,
            origin,
        }
    }

    /// The summary of the reasons.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.reasons.quality()
    }
}
