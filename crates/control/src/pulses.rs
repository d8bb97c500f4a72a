//! Raise and lower pulses: the older way to say where to go.
//!
//! A pulse moves the set point by a fixed amount, or by an amount for each second that it lasts. What comes out is a
//! set point like any other, so that limits, ramp and ownership are the same.

use std::time::Duration;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// More generation.
    Raise,
    /// Less.
    Lower,
}

/// How a pulse is understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pulses {
    /// Units a pulse, however long; 0: by time alone.
    pub each: f64,
    /// Units for each second of a pulse.
    pub per_second: f64,
    /// A longer pulse counts as one of this length.
    pub longest: Duration,
}

impl Pulses {
    /// How much more `count` pulses of a length ask for; less, where they lower.
    #[must_use]
    pub fn by(&self, way: Way, count: u8, length: Duration) -> f64 {
        let one = self.each + self.per_second * length.min(self.longest).as_secs_f64();
        let all = one * f64::from(count);
        match way {
            Way::Raise => all,
            Way::Lower => -all,
        }
    }

    /// How long `count` pulses of a length run, with a pause after each but the last. A pause is no longer than a
    /// pulse may be.
    #[must_use]
    pub fn lasts(&self, count: u8, length: Duration, pause: Duration) -> Duration {
        let pauses = pause.min(self.longest).saturating_mul(u32::from(count.saturating_sub(1)));
        length.min(self.longest).saturating_mul(u32::from(count)).saturating_add(pauses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulses_count_and_last() {
        let pulses = Pulses { each: 0.5, per_second: 0.25, longest: Duration::from_secs(2) };
        assert_eq!(pulses.by(Way::Raise, 2, Duration::ZERO), 1.0);
        assert_eq!(pulses.by(Way::Lower, 1, Duration::from_secs(1)), -0.75);
        assert_eq!(pulses.by(Way::Raise, 1, Duration::from_secs(60)), 1.0, "no longer than it may be");
        assert_eq!(pulses.by(Way::Raise, 0, Duration::from_secs(60)), 0.0);
        let second = Duration::from_secs(1);
        assert_eq!(pulses.lasts(3, second, second), Duration::from_secs(5));
        assert_eq!(pulses.lasts(1, Duration::from_secs(60), second), Duration::from_secs(2));
        assert_eq!(pulses.lasts(0, second, second), Duration::ZERO, "none is none");
        let longest = Duration::from_millis(u64::from(u32::MAX));
        assert_eq!(pulses.lasts(255, longest, longest), Duration::from_secs(2 * 509));
    }
}
