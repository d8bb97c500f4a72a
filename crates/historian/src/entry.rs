//! What history keeps of a sample.

use telemetry::{Origin, Quality, Reasons, Value, Wall};

/// A point's value at a change, as it was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What makes it unique: no two entries of a store share it.
    pub origin: Origin,
    /// When it was judged.
    pub time: Wall,
    /// When the source gave the value.
    pub source_time: Option<Wall>,
    /// In the point's unit; `None` while nothing was ever read.
    pub value: Option<Value>,
    /// Why it is not simply good.
    pub reasons: Reasons,
}

impl Entry {
    /// The summary of the reasons.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.reasons.quality()
    }

    /// Whether the two are the same, octet for octet: a NaN is itself, and 0 is not -0.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let bits = |value: Option<Value>| match value {
            Some(Value::Analog(value)) => (1, value.to_bits()),
            Some(Value::Binary(state)) => (2, u64::from(state)),
            None => (0, 0),
        };
        (self.origin, self.time, self.source_time, bits(self.value), &self.reasons)
            == (other.origin, other.time, other.source_time, bits(other.value), &other.reasons)
    }
}
