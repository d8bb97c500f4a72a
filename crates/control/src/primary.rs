//! Primary frequency response: so much more when the grid is slow, so much less when it is fast, at once.
//!
//! Droop says how far the frequency must go for all of the capacity; within the dead band nothing is done, and beyond
//! it only what is beyond counts, so that the edge is no step. The response is added to what the set point came to.
//! It follows a good frequency at once; whatever else would make it jump (a frequency that is lost or comes back, a
//! switch, another hand) makes it come and go by the ramp.

use std::time::Duration;

use crate::limits::Band;

/// A frequency that is nearer to the edge of the dead band lies on it: a meter's digits are not exact in a float.
const EDGE_HZ: f64 = 1e-9;

/// What is fixed about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The frequency at which nothing is to be done, in Hz; above 0.
    pub nominal: f64,
    /// The share of the nominal frequency that asks for all of the capacity; above 0.
    pub droop: f64,
    /// So far off nothing is done, in Hz; 0 or above.
    pub deadband: f64,
    /// What the droop is of, in units; above 0.
    pub capacity: f64,
    /// The largest response, either way, in units; above 0.
    pub most: f64,
    /// The fastest way up where it comes or goes, in units a second; above 0.
    pub up: f64,
    /// The fastest way down.
    pub down: f64,
}

impl Rules {
    /// What a frequency asks for, in units.
    #[must_use]
    pub fn response(&self, hz: f64) -> f64 {
        let off = hz - self.nominal;
        let beyond = off.abs() - self.deadband;
        // What is no number asks for nothing.
        if beyond.is_nan() || beyond <= EDGE_HZ {
            return 0.0;
        }
        let size = (beyond / (self.droop * self.nominal) * self.capacity).min(self.most);
        if off > 0.0 { -size } else { size }
    }
}

/// Whether it is with the frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It stands still; what rested has no time to make up for.
    Rests,
    /// It comes or goes by the ramp.
    Moves,
    /// It is what the frequency asks for.
    Follows,
}

/// The response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Primary {
    rules: Rules,
    now: f64,
    way: Way,
}

impl Primary {
    /// None yet.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self { rules, now: 0.0, way: Way::Rests }
    }

    /// What is fixed about it.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The response now, in units.
    #[must_use]
    pub const fn now(&self) -> f64 {
        self.now
    }

    /// Whether it follows the frequency: a change of that is answered at once.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.way == Way::Follows
    }

    /// Whether it comes or goes by the ramp.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.way == Way::Moves
    }

    /// Nobody here drives any more: there is none.
    pub fn reset(&mut self) {
        self.begin(0.0);
    }

    /// It is so much now, whatever it was: what the plant does is shared out anew.
    pub fn begin(&mut self, now: f64) {
        let most = self.rules.most;
        (self.now, self.way) = (now.max(-most).min(most), Way::Rests);
    }

    /// It may not move: a limit is not known, or the devices are away.
    pub fn hold(&mut self) {
        self.way = Way::Rests;
    }

    /// Lets so much time pass. `hz` is `None` while the frequency is not good, or the response is switched off.
    pub fn advance(&mut self, hz: Option<f64>, by: Duration) -> f64 {
        let hz = hz.filter(|hz| hz.is_finite());
        let wanted = hz.map_or(0.0, |hz| self.rules.response(hz));
        match (self.way, hz) {
            (Way::Follows, Some(_)) => self.now = wanted,
            // Nothing moves in the moment in which it changes its way.
            (Way::Follows | Way::Rests, _) => {}
            (Way::Moves, _) => {
                let seconds = by.as_secs_f64();
                let band = Band { low: -self.rules.down * seconds, high: self.rules.up * seconds };
                let way = wanted - self.now;
                self.now = if band.contains(way) { wanted } else { self.now + band.hold(way) };
            }
        }
        self.way = match hz {
            Some(_) if self.now == wanted => Way::Follows,
            None if self.now == wanted => Way::Rests,
            _ => Way::Moves,
        };
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        nominal: 60.0,
        droop: 0.05,
        deadband: 0.036,
        capacity: 100.0,
        most: 10.0,
        up: 0.5,
        down: 0.25,
    };
    const SECOND: Duration = Duration::from_secs(1);

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn droop_by_hand() {
        let all = Rules { most: f64::INFINITY, ..RULES };
        assert_eq!(all.response(60.0), 0.0);
        // 5 per cent of 60 Hz are 3 Hz: 0.3 Hz beyond the dead band is a tenth of the capacity.
        assert!(near(all.response(60.0 - 0.036 - 0.3), 10.0));
        assert!(near(all.response(60.0 + 0.036 + 0.03), -1.0));
        assert!(near(all.response(60.0 - 0.036 - 3.0), 100.0));
        assert_eq!(RULES.response(57.0), 10.0, "no more than the most");
        assert_eq!(RULES.response(0.0), 10.0);
        assert_eq!(RULES.response(f64::NAN), 0.0);
    }

    #[test]
    fn the_edge_of_the_dead_band_belongs_to_it_and_is_no_step() {
        for hz in [60.036, 59.964, 60.0 + 0.036, 60.0 - 0.036] {
            assert_eq!(RULES.response(hz), 0.0, "{hz}");
        }
        let (above, below) = (RULES.response(60.037), RULES.response(59.963));
        assert!(above < 0.0 && above > -0.04 && below > 0.0 && below < 0.04, "{above} {below}");
    }

    #[test]
    fn it_comes_and_goes_by_the_ramp_and_is_quick_between() {
        let mut primary = Primary::new(RULES);
        assert_eq!(primary.advance(Some(60.0), SECOND), 0.0);
        assert!(primary.follows());
        assert!(near(primary.advance(Some(59.934), Duration::ZERO), 1.0), "at once");
        assert!(near(primary.advance(None, SECOND), 1.0), "nothing moves when the frequency is lost");
        assert!(near(primary.advance(None, SECOND), 0.75));
        assert!(!primary.follows() && primary.is_moving());
        assert!(near(primary.advance(Some(59.934), SECOND), 1.0), "back by the ramp");
        assert!(primary.follows());
        primary.reset();
        assert_eq!(primary.advance(Some(59.934), SECOND), 0.0, "what begins has no time to make up for");
        assert!(near(primary.advance(Some(59.934), SECOND), 0.5));
        primary.hold();
        assert!(near(primary.now(), 0.5));
        assert!(near(primary.advance(None, SECOND), 0.5));
        for _ in 0..2 {
            primary.advance(None, SECOND);
        }
        assert_eq!((primary.now(), primary.is_moving(), primary.follows()), (0.0, false, false));
    }

    /// Any rules that a site can have.
    fn rules() -> impl Strategy<Value = Rules> {
        let figures =
            (0.01..0.2_f64, 0.0..0.5_f64, 1.0..1e3_f64, 0.01..1.0_f64, 0.01..10.0_f64, 0.01..10.0_f64);
        figures.prop_map(|(droop, deadband, capacity, most, up, down)| Rules {
            nominal: 60.0,
            droop,
            deadband,
            capacity,
            most: most * capacity,
            up,
            down,
        })
    }

    /// What is seen: a frequency in mHz off the nominal one, or none.
    fn seen() -> impl Strategy<Value = Vec<(Option<i32>, u16)>> {
        let off = prop_oneof![3 => (-3_000..3_000_i32).prop_map(Some), 1 => Just(None)];
        prop::collection::vec((off, 0..3_000_u16), 1..80)
    }

    proptest! {
        #[test]
        fn symmetric_within_its_bounds_and_falling_with_the_frequency(
            rules in rules(), off in 0.0..5.0_f64, more in 0.0..5.0_f64,
        ) {
            let (low, high) = (rules.response(60.0 - off), rules.response(60.0 + off));
            prop_assert!((low + high).abs() <= 1e-9 * rules.capacity / rules.droop, "{low} {high}");
            prop_assert!(low >= 0.0 && high <= 0.0 && low <= rules.most && high >= -rules.most);
            prop_assert!(rules.response(60.0 - off - more) >= low);
            prop_assert!(rules.response(60.0 + off + more) <= high);
        }

        #[test]
        fn within_the_dead_band_nothing_and_just_beyond_it_little(rules in rules(), part in -1.0..=1.0_f64) {
            prop_assert_eq!(rules.response(60.0 + part * rules.deadband), 0.0);
            let slope = rules.capacity / (rules.droop * 60.0);
            let beyond = rules.response(60.0 + rules.deadband + 0.001);
            prop_assert!((beyond + (slope * 0.001).min(rules.most)).abs() <= 1e-6 * slope, "{beyond}");
        }

        #[test]
        fn it_never_jumps_but_with_a_good_frequency(rules in rules(), seen in seen()) {
            let mut primary = Primary::new(rules);
            for (off, millis) in seen {
                let hz = off.map(|off| 60.0 + f64::from(off) / 1e3);
                let (before, followed) = (primary.now(), primary.follows());
                let now = primary.advance(hz, Duration::from_millis(millis.into()));
                prop_assert!(now.abs() <= rules.most);
                let (up, down) = (rules.up * f64::from(millis) / 1e3, rules.down * f64::from(millis) / 1e3);
                match hz {
                    Some(hz) if followed => prop_assert_eq!(now, rules.response(hz)),
                    None if followed => prop_assert_eq!(now, before, "lost: nothing moves in that moment"),
                    _ => prop_assert!((-down - 1e-9..=up + 1e-9).contains(&(now - before))),
                }
                // It may only be with the frequency where it is what that asks for.
                prop_assert!(!primary.follows() || hz.is_some_and(|hz| now == rules.response(hz)));
            }
            // Whatever it was, without a frequency it is gone in the end.
            for _ in 0..2 {
                primary.advance(None, Duration::from_secs(1_000_000));
            }
            prop_assert_eq!(primary.now(), 0.0);
            prop_assert!(!primary.is_moving());
        }
    }
}
