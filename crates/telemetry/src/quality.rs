//! Quality, and always the reason for it.
//!
//! DNP3 has a handful of flag bits; a plant engineer at three in the morning needs to know *which* device died.
//! So quality is carried as a set of [`Reason`]s, each naming its cause, and [`Quality`] is only their summary.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

/// The summary of a sample's reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// Fresh, plausible and from its real source.
    Good,
    /// Usable with care: forced, or saturated on the wire.
    Questionable,
    /// Not to be used: never read, dead, stale or implausible.
    #[default]
    Bad,
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Questionable => "questionable",
            Self::Bad => "bad",
        })
    }
}

/// Why a sample is not simply Good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonKind {
    /// No value has been read since this program started.
    NeverRead,
    /// The source does not answer.
    SourceDead,
    /// The last value is older than the point's age limit.
    Stale,
    /// The source itself says it has no value here (SunSpec 'not implemented').
    NotImplemented,
    /// The source gave something that is not a number.
    NotANumber,
    /// The value lies outside the point's physical range.
    Implausible,
    /// The value does not fit the counts of the wire and was saturated.
    Saturated,
    /// Forced by hand in this device.
    Forced,
    /// Forced in a downstream device.
    RemoteForced,
    /// A downstream device reports that it has just restarted.
    RemoteRestart,
    /// An input of a computed point is not Good.
    Input,
    /// The value's flags, as received, leave it off line without saying why.
    Offline,
    /// The session with the device that reports the point is down (the ISO's view).
    LinkDown,
    /// The heartbeat of the device that reports the point is stuck (the ISO's view).
    HeartbeatStuck,
    /// The source itself doubts its value: a chattering contact, a bad analog reference.
    Doubtful,
    /// Taken out of service by hand in this device; the value is the last one before.
    Inhibited,
    /// Changed faster than the point allows.
    RateOfChange,
    /// Did not move for longer than the point allows.
    FlatLine,
    /// Differs from the point that should say the same.
    Disagrees,
}

impl ReasonKind {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::NeverRead,
        Self::SourceDead,
        Self::Stale,
        Self::NotImplemented,
        Self::NotANumber,
        Self::Implausible,
        Self::Saturated,
        Self::Forced,
        Self::RemoteForced,
        Self::RemoteRestart,
        Self::Input,
        Self::Offline,
        Self::LinkDown,
        Self::HeartbeatStuck,
        Self::Doubtful,
        Self::Inhibited,
        Self::RateOfChange,
        Self::FlatLine,
        Self::Disagrees,
    ];

    /// The reason as records and command lines spell it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NeverRead => "never-read",
            Self::SourceDead => "source-dead",
            Self::Stale => "stale",
            Self::NotImplemented => "not-implemented",
            Self::NotANumber => "not-a-number",
            Self::Implausible => "implausible",
            Self::Saturated => "saturated",
            Self::Forced => "forced",
            Self::RemoteForced => "remote-forced",
            Self::RemoteRestart => "remote-restart",
            Self::Input => "input",
            Self::Offline => "offline",
            Self::LinkDown => "link-down",
            Self::HeartbeatStuck => "heartbeat-stuck",
            Self::Doubtful => "doubtful",
            Self::Inhibited => "inhibited",
            Self::RateOfChange => "rate-of-change",
            Self::FlatLine => "flat-line",
            Self::Disagrees => "disagrees",
        }
    }

    /// The quality that a sample with this reason can have at best.
    #[must_use]
    pub const fn quality(self) -> Quality {
        match self {
            Self::Saturated | Self::Forced | Self::RemoteForced | Self::HeartbeatStuck | Self::Doubtful => {
                Quality::Questionable
            }
            _ => Quality::Bad,
        }
    }

    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NeverRead => "never read since start",
            Self::SourceDead => "source does not answer",
            Self::Stale => "older than its age limit",
            Self::NotImplemented => "source says not implemented",
            Self::NotANumber => "not a number",
            Self::Implausible => "outside its physical range",
            Self::Saturated => "saturated on the wire",
            Self::Forced => "forced here",
            Self::RemoteForced => "forced downstream",
            Self::RemoteRestart => "downstream device restarted",
            Self::Input => "an input is not good",
            Self::Offline => "off line",
            Self::LinkDown => "link down",
            Self::HeartbeatStuck => "heartbeat stuck",
            Self::Doubtful => "doubted by its source",
            Self::Inhibited => "out of service",
            Self::RateOfChange => "changed too fast",
            Self::FlatLine => "does not move",
            Self::Disagrees => "differs from its cross-check",
        }
    }
}

/// One reason, with its cause: a device, a point or a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason {
    /// What is wrong.
    pub kind: ReasonKind,
    /// Who or what causes it; cloning is a count, not a copy.
    pub cause: Arc<str>,
}

impl Reason {
    /// A reason with its cause.
    #[must_use]
    pub fn new(kind: ReasonKind, cause: impl Into<Arc<str>>) -> Self {
        Self { kind, cause: cause.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cause.is_empty() {
            f.write_str(self.kind.words())
        } else {
            write!(f, "{}: {}", self.kind.words(), self.cause)
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A set of reasons in a fixed order. An empty set allocates nothing and means Good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Reasons(Vec<Reason>);

impl Reasons {
    /// No reason: Good.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// A single reason.
    #[must_use]
    pub fn of(reason: Reason) -> Self {
        Self(vec![reason])
    }

    /// Adds a reason; adding it twice changes nothing.
    pub fn insert(&mut self, reason: Reason) {
        if let Err(at) = self.0.binary_search(&reason) {
            self.0.insert(at, reason);
        }
    }

    /// Whether a reason of this kind is in the set.
    #[must_use]
    pub fn has(&self, kind: ReasonKind) -> bool {
        self.0.iter().any(|reason| reason.kind == kind)
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The reasons in order.
    pub fn iter(&self) -> impl Iterator<Item = &Reason> {
        self.0.iter()
    }

    /// The summary: the worst quality among the reasons, Good where there is none.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.0.iter().map(|reason| reason.kind.quality()).max().unwrap_or(Quality::Good)
    }
}

impl FromIterator<Reason> for Reasons {
    fn from_iter<T: IntoIterator<Item = Reason>>(iter: T) -> Self {
        let mut set = Self::none();
        for reason in iter {
            set.insert(reason);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_reason_wins() {
        let mut reasons = Reasons::none();
        assert_eq!(reasons.quality(), Quality::Good);
        reasons.insert(Reason::new(ReasonKind::Forced, "operator"));
        assert_eq!(reasons.quality(), Quality::Questionable);
        reasons.insert(Reason::new(ReasonKind::Stale, "inv1"));
        assert_eq!(reasons.quality(), Quality::Bad);
    }

    #[test]
    fn every_reason_is_listed_once_and_spelt_as_it_is_written() {
        for (at, kind) in ReasonKind::ALL.into_iter().enumerate() {
            // `ALL` has as many as there are: each stands where its number says.
            assert_eq!(kind as usize, at);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.text());
        }
        assert_eq!(ReasonKind::Disagrees as usize + 1, ReasonKind::ALL.len());
    }

    #[test]
    fn it_is_a_set() {
        let twice = ["meter", "meter", "inv1"].map(|device| Reason::new(ReasonKind::SourceDead, device));
        let reasons: Reasons = twice.into_iter().collect();
        assert_eq!(reasons.iter().count(), 2);
        assert!(reasons.has(ReasonKind::SourceDead) && !reasons.has(ReasonKind::Stale));
        assert_eq!(
            reasons.iter().next().map(ToString::to_string).as_deref(),
            Some("source does not answer: inv1")
        );
    }
}
