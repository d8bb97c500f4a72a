//! The slow correction that brings the meter at the point of interconnection to the set point.
//!
//! Units follow their own set points; what the ISO sees is behind transformers, lines and auxiliary load. A small,
//! slow, bounded integral takes the rest away. It never winds up: while something else holds the output back it
//! waits, and a hand-over sets it so that the output stays where it is.

use std::time::Duration;

use crate::limits::Band;

/// What is fixed about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The share of the difference that is taken away in a second; small against the plant's own speed.
    pub gain: f64,
    /// The largest correction, either way, in units.
    pub most: f64,
}

/// The correction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trim {
    rules: Rules,
    now: f64,
}

impl Trim {
    /// None yet.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self { rules, now: 0.0 }
    }

    /// The correction now, in units.
    #[must_use]
    pub const fn now(&self) -> f64 {
        self.now
    }

    /// Starts so that `goal` plus the correction is what the units do now: nothing moves at the hand-over.
    pub fn take_over(&mut self, units: f64, goal: f64) {
        self.now = self.bound().hold(units - goal);
    }

    /// Moves it on. `meter` is `None` while it is not good, `free` tells that nothing else holds the output back.
    pub fn advance(&mut self, goal: f64, meter: Option<f64>, free: bool, by: Duration) -> f64 {
        if let (Some(meter), true) = (meter.filter(|meter| meter.is_finite()), free) {
            let more = (goal - meter) * (self.rules.gain * by.as_secs_f64()).min(1.0);
            self.now = self.bound().hold(self.now + more);
        }
        self.now
    }

    fn bound(&self) -> Band {
        Band::new(-self.rules.most, self.rules.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { gain: 0.1, most: 2.0 };
    const SECOND: Duration = Duration::from_secs(1);

    /// A plant that loses 3 % and has 0.2 MW of auxiliary load; the units are where they were told a second ago.
    fn run(trim: &mut Trim, goal: f64, seconds: u32, free: bool) -> f64 {
        let mut meter = goal * 0.97 - 0.2;
        for _ in 0..seconds {
            let units = goal + trim.advance(goal, Some(meter), free, SECOND);
            meter = units * 0.97 - 0.2;
        }
        meter
    }

    #[test]
    fn the_meter_comes_to_the_set_point() {
        let mut trim = Trim::new(RULES);
        assert!((run(&mut trim, 20.0, 200, true) - 20.0).abs() < 1e-3);
    }

    #[test]
    fn it_is_bounded_and_does_not_wind_up() {
        let mut trim = Trim::new(RULES);
        run(&mut trim, 20.0, 1_000, false);
        assert_eq!(trim.now(), 0.0, "something else holds the output back");
        run(&mut trim, 100.0, 1_000, true);
        assert_eq!(trim.now(), 2.0);
        assert_eq!(trim.advance(10.0, None, true, SECOND), 2.0, "a meter that is not good moves nothing");
        assert_eq!(trim.advance(10.0, Some(f64::NAN), true, SECOND), 2.0);
    }

    #[test]
    fn a_hand_over_moves_nothing() {
        let mut trim = Trim::new(RULES);
        trim.take_over(20.8, 20.0);
        assert!((20.0 + trim.now() - 20.8).abs() < 1e-12);
    }
}
