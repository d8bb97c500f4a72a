//! From when the age of history is counted.
//!
//! A machine without a battery begins in 1970, one whose clock chip is broken may begin in 2099, and a wrong time server
//! moves the clock by a year. Were the wall clock simply believed, one such leap ahead would make all history too old
//! and remove it, for good. So nothing is removed for its age until the clock has been confirmed:
//!
//! - by a reference: it is known to be synchronised; or
//! - where nobody says whether it is, by six hours of monotonic time in which it ran without a step.
//!
//! A step, ahead or back, begins the six hours anew, and so does a start. A clock that is known to be wrong confirms
//! nothing. Meanwhile history grows: the limit in octets holds all the time, and goes by order, not by time.

use telemetry::{Mono, Now, WallTrust};

/// How long an unwatched clock must have run without a step.
const CONFIRMED_AFTER_S: u64 = 6 * 3_600;
/// Moved by more than this against monotonic time, it was set; by less, it was trimmed.
const STEP_MS: i64 = 60_000;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Present {
    /// The wall clock less the monotonic one, in milliseconds, and since when there was no step.
    steady: Option<(i64, Mono)>,
    confirmed: bool,
}

impl Present {
    /// Looks at the clocks.
    pub(crate) fn see(&mut self, now: Now) {
        let wall = i64::try_from(now.wall.as_millis()).unwrap_or(i64::MAX);
        let mono = i64::try_from(now.mono.as_micros() / 1_000).unwrap_or(i64::MAX);
        let apart = wall.saturating_sub(mono);
        let since = match self.steady {
            Some((before, since)) if before.abs_diff(apart) <= STEP_MS.unsigned_abs() => since,
            _ => now.mono,
        };
        self.steady = Some((apart, since));
        self.confirmed = match now.wall_trust {
            WallTrust::Synchronised => true,
            WallTrust::Unknown => now.mono.since(since).as_secs() >= CONFIRMED_AFTER_S,
            WallTrust::Unsynchronised => false,
        };
    }

    /// Whether what is too old by the wall clock may be removed.
    pub(crate) const fn is_confirmed(&self) -> bool {
        self.confirmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Wall;

    const HOUR_S: u64 = 3_600;
    const YEAR_S: i64 = 31_536_000;

    fn at(hours: u64, ahead_s: i64, wall_trust: WallTrust) -> Now {
        let wall = (1_800_000_000 + hours * HOUR_S).saturating_add_signed(ahead_s);
        Now {
            mono: Mono::from_millis(hours * HOUR_S * 1_000),
            wall: Wall::from_millis(wall * 1_000),
            wall_trust,
        }
    }

    fn confirmed(present: &mut Present, now: Now) -> bool {
        present.see(now);
        present.is_confirmed()
    }

    #[test]
    fn six_hours_without_a_step_confirm_and_each_step_begins_anew() {
        let mut present = Present::default();
        let unknown = WallTrust::Unknown;
        assert!(!confirmed(&mut present, at(1, 0, unknown)));
        assert!(!confirmed(&mut present, at(6, 0, unknown)));
        assert!(confirmed(&mut present, at(7, 0, unknown)));
        assert!(!confirmed(&mut present, at(8, YEAR_S, unknown)), "a leap ahead");
        assert!(!confirmed(&mut present, at(13, YEAR_S, unknown)));
        assert!(!confirmed(&mut present, at(14, 0, unknown)), "and back");
        assert!(!confirmed(&mut present, at(19, 30, unknown)));
        assert!(confirmed(&mut present, at(20, 60, unknown)), "trimmed, not set");
    }

    #[test]
    fn a_reference_says_at_once_and_its_loss_says_no() {
        let mut present = Present::default();
        assert!(confirmed(&mut present, at(0, 0, WallTrust::Synchronised)));
        assert!(confirmed(&mut present, at(1, YEAR_S, WallTrust::Synchronised)), "it was wrong before");
        assert!(!confirmed(&mut present, at(50, YEAR_S, WallTrust::Unsynchronised)));
    }
}
