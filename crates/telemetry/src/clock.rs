//! Two clocks, never one: a step of the wall clock must change no age.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// Monotonic time in microseconds since an origin fixed for the life of a process. Ages and time-outs use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(u64);

impl Mono {
    /// The origin.
    pub const ZERO: Self = Self(0);

    /// The instant `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This instant moved on by `by`, at most to the end of the representable range.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Wall-clock time: milliseconds since 1970-01-01 00:00 UTC. Stamps use it; ages never do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(u64);

impl Wall {
    /// The moment `millis` milliseconds after 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

/// RFC 3339 in UTC with milliseconds.
impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(millis) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{millis} ms"),
        }
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How far a wall-clock stamp can be believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WallTrust {
    /// The clock is known to follow a reference.
    Synchronised,
    /// Nobody has said whether the clock follows a reference.
    #[default]
    Unknown,
    /// The clock is known to have lost its reference.
    Unsynchronised,
}

/// The present, as every state machine of OpenRTD is told it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For ages and time-outs.
    pub mono: Mono,
    /// For stamps.
    pub wall: Wall,
    /// How far `wall` can be believed.
    pub wall_trust: WallTrust,
}

impl Now {
    /// A virtual present for tests and replays: both clocks `millis` milliseconds after their origins.
    #[must_use]
    pub const fn virtual_millis(millis: u64) -> Self {
        Self {
            mono: Mono::from_millis(millis),
            wall: Wall::from_millis(millis),
            wall_trust: WallTrust::Synchronised,
        }
    }
}

/// Reads the machine's clocks. The only place that does: everything below is told the time.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic origin is now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: std::time::Instant::now() }
    }

    /// The wall clock in microseconds since 1970-01-01 00:00 UTC, for whoever measures it.
    #[must_use]
    pub fn wall_micros(&self) -> u64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(wall.as_micros()).unwrap_or(u64::MAX)
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now {
            mono: Mono::from_micros(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)),
            wall: Wall::from_millis(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)),
            wall_trust: WallTrust::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_prints_rfc_3339_with_milliseconds() {
        assert_eq!(Wall::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Wall::from_millis(1_539_889_201_042).to_string(), "2018-10-18T19:00:01.042Z");
    }

    #[test]
    fn an_age_is_never_negative() {
        let (early, late) = (Mono::from_millis(5), Mono::from_millis(9));
        assert_eq!(late.since(early), Duration::from_millis(4));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.plus(Duration::MAX), Mono::from_micros(u64::MAX));
    }
}
