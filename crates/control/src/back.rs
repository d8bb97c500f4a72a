//! What units can do again comes back by the ramp.
//!
//! While units together cannot do all that is asked for, the output goes on to its set point without them, and what is
//! missing is told. So there is nothing left of the ramp when a derate is lifted or a unit is there again: all that was
//! missing would come in one leap. What they can do less, and what others make up for, is at once. And what one of them
//! is found to do nobody has to tell it: it is there already, and takes nothing from what the others do.

use std::time::Duration;

use telemetry::Mono;

use crate::limits::{Band, Rules};

/// Differences smaller than this, of the whole, are rounding.
const NEAR: f64 = 1e-9;

/// They could not do all of it.
#[derive(Clone, Copy, Debug)]
struct Short {
    /// More was asked for than they could do; else less.
    up: bool,
    /// What they did at last.
    done: f64,
    /// What they did at the beginning of this step, or less (where less is asked for than they can do: or more).
    base: f64,
    /// Since when this step lasts.
    since: Mono,
    /// They could do more than the ramp lets them.
    held: bool,
    /// What had no ramp asked for so much more of it since, and so much of that they could not do.
    beside: f64,
    owed: f64,
}

/// What is known of the units now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    /// What they could do of the whole.
    pub reach: f64,
    /// Where the whole goes: they go no further, only to come back.
    pub goal: f64,
    /// What they do by what they were told, and what those count for that cannot be told.
    pub does: f64,
    /// What of the whole is more or less than a moment ago and has no ramp.
    pub by: f64,
}

/// The way back of what units can do again.
#[derive(Clone, Copy, Debug)]
pub struct Back {
    rules: Rules,
    step: Duration,
    short: Option<Short>,
}

impl Short {
    const fn sign(&self) -> f64 {
        if self.up { 1.0 } else { -1.0 }
    }

    /// They do more of it than they were asked for, or more is asked for that has no ramp: the way goes on from there.
    /// Of that, less takes away what it brought; less of what they do not do yet moves nothing.
    fn found(mut self, units: Units, near: f64) -> Self {
        let sign = self.sign();
        let found = sign * (units.does - self.done);
        let before = self.beside;
        self.beside += sign * units.by;
        let brought = self.beside.max(self.owed) - before.max(self.owed);
        let by = sign * (if found > near { found } else { 0.0 } + brought);
        (self.done, self.base) = (self.done + by, self.base + by);
        self
    }
}

impl Back {
    /// Nothing is missing. On the way back they go on once in a step.
    #[must_use]
    pub const fn new(rules: Rules, step: Duration) -> Self {
        Self { rules, step, short: None }
    }

    /// Somebody begins, or nobody drives: what was missing before is over.
    pub const fn reset(&mut self) {
        self.short = None;
    }

    /// When they are to go on.
    #[must_use]
    pub fn due(&self) -> Option<Mono> {
        self.short.filter(|short| short.held).map(|short| short.since.plus(self.step))
    }

    /// What is to be asked for of `whole`. What is held at once is held on the way back, too: each of `bands`, as far as
    /// what they could do is within it.
    pub fn ask(&mut self, whole: f64, units: Units, bands: &[Band], now: Mono) -> f64 {
        let near = NEAR * whole.abs().max(1.0);
        let reach = units.reach;
        let (ask, mut short) = match self.short {
            Some(short) => self.back(short.found(units, near), units, near, now),
            None => (reach, None),
        };
        let hold = |ask, band: &Band| Band { low: band.low.min(reach), high: band.high.max(reach) }.hold(ask);
        let ask = bands.iter().fold(ask, hold);
        let (missing, up) = (whole - ask, whole > ask);
        if let Some(short) = &mut short {
            short.done = ask;
        }
        let anew = Short { up, done: ask, base: ask, since: now, held: false, beside: 0.0, owed: 0.0 };
        self.short = (missing.abs() > near).then(|| short.filter(|short| short.up == up).unwrap_or(anew));
        ask
    }

    /// As far as the ramp lets them go in a step, from where they were at its beginning.
    fn back(&self, mut short: Short, units: Units, near: f64, now: Mono) -> (f64, Option<Short>) {
        let Units { reach, goal, .. } = units;
        // Downwards is upwards, seen from below.
        let (sign, rate) = (short.sign(), if short.up { self.rules.up } else { self.rules.down });
        if now >= short.since.plus(self.step) {
            (short.base, short.since) = (short.done, now);
        }
        short.base = sign * (sign * short.base).min(sign * short.done);
        // What a limit took them to at once they do not leave again.
        let most = sign * short.base + rate * self.step.as_secs_f64();
        let most = most.min(sign * goal).max(sign * short.done);
        short.held = sign * reach > most + near;
        if !short.held {
            // They do all that they can: what more is asked for beside is not brought.
            short.owed = short.beside.max(0.0);
            return (reach, Some(short));
        }
        if most > sign * short.done + near {
            // The next step is a whole one after this.
            short.since = now;
        }
        (sign * most, Some(short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { up: 1.0, down: 2.0, deadband: 0.0 };

    /// The way back, and what they do.
    struct Bench(Back, f64);

    impl Bench {
        fn new() -> Self {
            Self::of(RULES)
        }

        fn of(rules: Rules) -> Self {
            Self(Back::new(rules, Duration::from_secs(1)), 0.0)
        }

        /// What is asked for of a whole, with units that can do so much either way.
        fn ask(&mut self, whole: f64, can: f64, millis: u64) -> f64 {
            let can = Band { low: -can, high: can };
            self.within(whole, can, &[can], 0.0, millis)
        }

        fn within(&mut self, whole: f64, can: Band, bands: &[Band], by: f64, millis: u64) -> f64 {
            let units = Units { reach: can.hold(whole), goal: whole, does: self.1, by };
            self.1 = self.0.ask(whole, units, bands, Mono::from_millis(millis));
            self.1
        }

        fn due(&self) -> Option<u64> {
            self.0.due().map(|due| due.as_micros() / 1_000)
        }
    }

    #[test]
    fn what_was_missing_comes_back_by_the_ramp_once_in_a_step() {
        for (sign, rate) in [(1.0, 1.0), (-1.0, 2.0)] {
            let mut bench = Bench::new();
            assert_eq!(bench.ask(sign * 12.0, 20.0, 0), sign * 12.0);
            assert_eq!((bench.ask(sign * 12.0, 8.5, 500), bench.due()), (sign * 8.5, None), "less: at once");
            assert_eq!(bench.ask(sign * 12.0, 8.5, 9_000), sign * 8.5);
            let mut done = 8.5;
            for second in 9_u64.. {
                let now = second * 1_000 + 300;
                done = f64::min(done + rate, 12.0);
                assert_eq!(bench.ask(sign * 12.0, 20.0, now), sign * done, "{second}");
                if done >= 12.0 {
                    break;
                }
                assert_eq!(bench.due(), Some(now + 1_000));
                for early in [1, 400, 999] {
                    assert_eq!(
                        bench.ask(sign * 12.0, 20.0, now + early),
                        sign * done,
                        "not with every event"
                    );
                }
            }
            assert_eq!(bench.due(), None);
            assert_eq!(bench.ask(sign * 15.0, 20.0, 90_000), sign * 15.0, "nothing is missing any more");
        }
    }

    #[test]
    fn on_the_way_back_less_is_at_once_and_a_lower_set_point_ends_it() {
        let mut bench = Bench::new();
        bench.ask(12.0, 6.0, 0);
        assert_eq!(bench.ask(12.0, 20.0, 5_000), 7.0);
        assert_eq!(bench.ask(12.0, 3.0, 5_100), 3.0);
        assert_eq!(bench.ask(12.0, 20.0, 5_200), 4.0, "from there on");
        assert_eq!(bench.ask(12.0, 20.0, 6_200), 5.0);
        assert_eq!((bench.ask(4.0, 20.0, 6_300), bench.due()), (4.0, None));
        assert_eq!(bench.ask(12.0, 20.0, 6_400), 12.0, "the output has a ramp of its own");
        bench.ask(12.0, 6.0, 7_000);
        bench.0.reset();
        assert_eq!(bench.ask(12.0, 20.0, 8_000), 12.0, "who begins begins anew");
    }

    #[test]
    fn what_comes_and_goes_by_less_than_the_ramp_is_followed_at_once() {
        let mut bench = Bench::new();
        bench.ask(12.0, 8.0, 0);
        for (at, more) in (1..400).zip([0.3, -0.2, 0.4, 0.0].into_iter().cycle()) {
            let can = 8.0 + more;
            assert_eq!((bench.ask(12.0, can, at * 130), bench.due()), (can, None), "{at}");
        }
    }

    #[test]
    fn a_limit_that_holds_at_once_does_so_on_the_way_back() {
        let mut bench = Bench::new();
        let can = Band { low: -20.0, high: 20.0 };
        bench.ask(-12.0, 4.0, 0);
        let mut ask = |limit: Band, millis| bench.within(-12.0, limit, &[can, limit], 0.0, millis);
        assert_eq!(ask(Band::ALL, 5_000), -6.0);
        assert_eq!(ask(Band { low: -20.0, high: -7.0 }, 5_100), -7.0, "what may be no more is no more");
        assert_eq!(ask(Band { low: -7.5, high: -7.0 }, 6_500), -7.5);
        assert_eq!(ask(Band { low: -6.0, high: 20.0 }, 6_600), -6.0, "nor is it beyond what they could do");
        assert_eq!(ask(Band { low: -20.0, high: -10.0 }, 6_700), -10.0);
        assert_eq!(ask(Band::ALL, 6_800), -10.0, "no way back from there");
    }

    #[test]
    fn without_a_ramp_it_is_at_once_and_what_they_must_do_they_do() {
        let rules = Rules { up: f64::INFINITY, down: f64::INFINITY, deadband: 0.0 };
        let mut bench = Bench::of(rules);
        bench.ask(12.0, 6.0, 0);
        assert_eq!(bench.ask(12.0, 20.0, 10), 12.0);
        let mut bench = Bench::new();
        bench.ask(12.0, 6.0, 0);
        let can = Band { low: 9.0, high: 20.0 };
        assert_eq!(bench.within(12.0, can, &[can], 0.0, 2_000), 9.0);
    }

    #[test]
    fn what_one_is_found_to_do_takes_nothing_from_the_others() {
        for sign in [1.0, -1.0] {
            let mut bench = Bench::new();
            bench.ask(sign * 12.0, 8.0, 0);
            // One of them does 3 of it by itself.
            bench.1 += sign * 3.0;
            assert_eq!((bench.ask(sign * 12.0, 11.0, 5_300), bench.due()), (sign * 11.0, None));
            assert_eq!(bench.ask(sign * 12.0, 20.0, 5_400), sign * 12.0, "a step after that");
            // It does more than is missing: the others do that less.
            bench.ask(sign * 12.0, 8.0, 9_000);
            bench.1 += sign * 6.0;
            assert_eq!(bench.ask(sign * 12.0, 20.0, 9_100), sign * 12.0);
            // One is lost: the others make up for it at once.
            bench.ask(sign * 12.0, 8.0, 20_000);
            bench.1 -= sign * 3.0;
            assert_eq!(bench.ask(sign * 12.0, 8.5, 20_100), sign * 8.5);
        }
    }

    #[test]
    fn they_go_no_further_than_where_the_whole_goes() {
        for sign in [1.0, -1.0] {
            let mut bench = Bench::new();
            bench.ask(sign * 12.0, 8.0, 0);
            let mut ask = |whole: f64, goal: f64, millis| {
                let whole = sign * whole;
                let units = Units { reach: whole, goal: sign * goal, does: bench.1, by: 0.0 };
                bench.1 = bench.0.ask(whole, units, &[], Mono::from_millis(millis));
                sign * bench.1
            };
            // The whole is on its way down by a ramp of its own, and they stand below it already.
            assert_eq!([ask(11.0, 7.0, 2_000), ask(9.0, 7.0, 4_000), ask(7.0, 7.0, 6_000)], [8.0, 8.0, 7.0]);
        }
    }

    #[test]
    fn what_has_no_ramp_is_at_once_on_the_way_back_too() {
        let mut bench = Bench::new();
        let can = Band { low: -20.0, high: 20.0 };
        bench.ask(12.0, 6.0, 0);
        assert_eq!(bench.ask(12.0, 20.0, 5_000), 7.0);
        assert_eq!(bench.within(12.5, can, &[can], 0.5, 5_100), 7.5);
        assert_eq!(bench.within(11.0, can, &[can], -1.5, 5_200), 7.0, "what it brought goes, and no more");
        assert_eq!(bench.within(12.0, can, &[can], 1.0, 5_300), 7.0, "nor does it come twice");
        assert_eq!(bench.within(12.3, can, &[can], 0.3, 5_400), 7.3);
        assert_eq!(bench.within(12.0, can, &[can], -0.3, 5_999), 7.0);
        assert_eq!(bench.within(12.0, can, &[can], 0.0, 6_000), 8.0);
        let least = Band { low: -6.0, high: 6.0 };
        assert_eq!(bench.within(12.5, least, &[least], 0.5, 7_000), 6.0);
        assert_eq!(bench.within(9.0, least, &[least], -3.5, 8_000), 6.0, "they do all that they can");
        assert_eq!(bench.within(5.0, least, &[least], -4.0, 8_500), 5.0);
        // What swung while they did all that they could is no matter.
        let mut bench = Bench::new();
        bench.ask(12.0, 6.0, 0);
        for (whole, by) in [(16.0, 4.0), (12.0, -4.0), (9.0, -3.0), (12.0, 3.0)] {
            assert_eq!(bench.within(whole, least, &[least], by, 1_000), 6.0);
        }
        assert_eq!(bench.within(12.0, can, &[can], 0.0, 2_000), 7.0);
        assert_eq!(bench.within(15.0, can, &[can], 3.0, 2_100), 10.0);
        assert_eq!(bench.within(12.0, can, &[can], -3.0, 2_200), 7.0);
    }
}
