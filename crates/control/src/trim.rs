//! The slow correction that brings the meter at the point of interconnection to the set point.
//!
//! Units follow their own set points; what the ISO sees is behind transformers, lines and auxiliary load. A small,
//! slow, bounded integral takes the rest away. It never winds up: while something else holds the output back it goes
//! no further that way, after a unit was lost it waits until the others have come to rest, and a hand-over sets it so
//! that the output stays where it is. What the meter said before the units can have done what they were told is no error
//! either; and of what one reading was off no more is taken away than that, however long the next takes.
//!
//! Losses come slowly. A meter that jumps, with the output at rest, tells of a unit before the unit does: that is waited
//! for.

use std::time::Duration;

use telemetry::Mono;

use crate::limits::Band;

/// What is fixed about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The share of the difference that is taken away in a second; small against the plant's own speed.
    pub gain: f64,
    /// The largest correction, either way, in units.
    pub most: f64,
}

/// The meter rests where it moves by less than this part of the largest correction from one reading to the next.
const STILL: f64 = 0.01;
/// For so long it must rest before what is missing is taken for an error.
const REST: Duration = Duration::from_secs(10);
/// A meter that does not come to rest is waited for so long.
const LONGEST: Duration = Duration::from_secs(120);
/// So long after the units were told something else the meter shows it.
const SHOWS: Duration = Duration::from_secs(2);
/// What moves by less than this part of the largest correction rests.
const MOVES: f64 = 0.02;
/// What the meter is off jumps where it is another by more than this part of the largest correction.
const JUMPS: f64 = 0.5;
/// So long after a jump a unit is known to be lost, or back.
const KNOWN: Duration = Duration::from_secs(5);

/// What the meter says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meter {
    /// In units.
    pub value: f64,
    /// When that was read.
    pub read: Mono,
}

/// Which way the correction may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Free {
    /// Up.
    pub up: bool,
    /// Down.
    pub down: bool,
}

impl Free {
    /// Both ways.
    pub const BOTH: Self = Self { up: true, down: true };
    /// It stays.
    pub const NONE: Self = Self { up: false, down: false };

    /// While so much of what is asked for cannot be done (or, negative, cannot be left undone), no further that way:
    /// back from there it may, or it would stay beyond for ever.
    #[must_use]
    pub fn but(self, missing: f64) -> Self {
        Self { up: self.up && missing <= 0.0, down: self.down && missing >= 0.0 }
    }
}

/// Units walk to new parts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Wait {
    rests: Duration,
    lasts: Duration,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Where the meter is to be, in units.
    pub value: f64,
    /// What of it is told to the units, as far as they can do it.
    pub told: f64,
}

/// The correction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trim {
    rules: Rules,
    now: f64,
    wait: Option<Wait>,
    /// What the units were told, before the correction.
    told: Option<f64>,
    /// What was read before then is of before.
    shows: Mono,
    /// The last reading, and what that was off where it was not of before.
    seen: Option<(Meter, Option<f64>)>,
    /// What it was off and is not taken away yet.
    left: f64,
}

impl Trim {
    /// None yet.
    #[must_use]
    pub const fn new(rules: Rules) -> Self {
        Self { rules, now: 0.0, wait: None, told: None, shows: Mono::ZERO, seen: None, left: 0.0 }
    }

    /// The correction now, in units.
    #[must_use]
    pub const fn now(&self) -> f64 {
        self.now
    }

    /// Starts so that `goal` plus the correction is what the units do now: nothing moves at the hand-over.
    pub fn take_over(&mut self, units: f64, goal: f64) {
        *self = Self { now: self.bound().hold(units - goal), ..Self::new(self.rules) };
    }

    /// Something else makes up for so much less of it, or (negative) more: what the units do stays.
    pub fn shift(&mut self, by: f64) {
        self.now = self.bound().hold(self.now + by);
        self.left = 0.0;
    }

    /// A unit was lost, or is back: what is missing until the others are where they were told is no error.
    pub const fn disturbed(&mut self) {
        self.wait = Some(Wait { rests: Duration::ZERO, lasts: Duration::ZERO });
        self.left = 0.0;
    }

    /// Moves it on by a step that is `by` long. `meter` is `None` while it is not good, `free` tells what does not hold the
    /// output back.
    pub fn advance(&mut self, goal: Goal, meter: Option<Meter>, free: Free, by: Duration, now: Mono) -> f64 {
        if self.told.is_none_or(|told| (goal.told - told).abs() > self.rules.most * MOVES) {
            self.told = Some(goal.told);
            self.not_before(now.plus(SHOWS));
        }
        let Some(meter) = meter.filter(|meter| meter.value.is_finite()) else { return self.now };
        if self.seen.is_none_or(|(last, _)| meter.read > last.read) {
            self.read(goal.value - meter.value, meter, now);
        }
        if self.waits(by) {
            return self.now;
        }
        let more = self.left * (self.rules.gain * by.as_secs_f64()).min(1.0);
        if (more > 0.0 && free.up) || (more < 0.0 && free.down) {
            let before = self.now;
            self.now = self.bound().hold(before + more);
            self.left -= self.now - before;
        }
        self.now
    }

    /// Only what is read from then on says anything.
    fn not_before(&mut self, shows: Mono) {
        self.shows = self.shows.max(shows);
        self.left = 0.0;
    }

    /// The meter was read, and is so much off.
    fn read(&mut self, off: f64, meter: Meter, now: Mono) {
        let last = self.seen.replace((meter, (meter.read >= self.shows).then_some(off)));
        if let (Some(wait), Some((last, _))) = (&mut self.wait, last) {
            let still = (meter.value - last.value).abs() <= self.rules.most * STILL;
            let by = meter.read.since(last.read);
            wait.rests = if still { wait.rests.saturating_add(by) } else { Duration::ZERO };
        }
        if meter.read < self.shows {
            return;
        }
        self.left = off;
        if last.and_then(|(_, was)| was).is_some_and(|was| (off - was).abs() > self.rules.most * JUMPS) {
            self.not_before(now.plus(KNOWN));
        }
    }

    fn waits(&mut self, by: Duration) -> bool {
        let Some(wait) = &mut self.wait else { return false };
        wait.lasts = wait.lasts.saturating_add(by);
        if wait.rests >= REST || wait.lasts >= LONGEST {
            self.wait = None;
        }
        self.wait.is_some()
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

    /// A correction, and the time.
    struct Bench {
        trim: Trim,
        now: Mono,
    }

    impl Bench {
        fn new() -> Self {
            Self { trim: Trim::new(RULES), now: Mono::from_millis(100_000) }
        }

        /// A second later, with a meter that was read `old` seconds before.
        fn step(&mut self, goal: f64, meter: Option<f64>, free: Free, old: u64) -> f64 {
            self.now = self.now.plus(SECOND);
            let read = Mono::from_millis(self.now.as_micros() / 1_000 - old * 1_000);
            let meter = meter.map(|value| Meter { value, read });
            self.trim.advance(Goal { value: goal, told: goal }, meter, free, SECOND, self.now)
        }

        /// A plant that loses 3 % and has 0.2 MW of auxiliary load; the units are where they were told a second ago.
        fn run(&mut self, goal: f64, seconds: u32, free: Free) -> f64 {
            let mut meter = goal * 0.97 - 0.2;
            for _ in 0..seconds {
                let units = goal + self.step(goal, Some(meter), free, 0);
                meter = units * 0.97 - 0.2;
            }
            meter
        }
    }

    #[test]
    fn the_meter_comes_to_the_set_point() {
        assert!((Bench::new().run(20.0, 200, Free::BOTH) - 20.0).abs() < 1e-3);
    }

    #[test]
    fn it_is_bounded_and_does_not_wind_up() {
        let mut bench = Bench::new();
        bench.run(20.0, 1_000, Free::NONE);
        assert_eq!(bench.trim.now(), 0.0, "something else holds the output back");
        bench.run(100.0, 1_000, Free::BOTH);
        assert_eq!(bench.trim.now(), 2.0);
        let mute = (0..5).all(|_| bench.step(10.0, None, Free::BOTH, 0) == 2.0);
        assert!(mute, "a meter that is not good moves nothing");
        assert_eq!(bench.step(10.0, Some(f64::NAN), Free::BOTH, 0), 2.0);
    }

    #[test]
    fn from_what_cannot_be_done_it_comes_back() {
        let mut bench = Bench::new();
        bench.run(100.0, 1_000, Free::BOTH);
        let free = Free::BOTH.but(0.5);
        for meter in [98.8, 99.6] {
            assert_eq!(bench.step(100.0, Some(meter), free, 0), 2.0, "not further up");
        }
        assert!(bench.step(100.0, Some(100.4), free, 0) < 2.0);
        assert_eq!((Free::BOTH.but(0.0), Free::NONE.but(0.5)), (Free::BOTH, Free::NONE));
    }

    #[test]
    fn what_units_on_their_way_lack_is_no_error() {
        let mut bench = Bench::new();
        let step = |bench: &mut Bench, meter: f64| bench.step(20.0, Some(meter), Free::BOTH, 0);
        bench.trim.disturbed();
        for second in 0..40_u32 {
            assert_eq!(step(&mut bench, 10.0 + f64::from(second) * 0.25), 0.0, "they walk");
        }
        let still = (0..40).take_while(|_| step(&mut bench, 19.75) == 0.0).count();
        assert_eq!(still, 9, "they rest");
        // One that never rests is not waited for for ever.
        bench.trim.disturbed();
        let before = bench.trim.now();
        let moved = (0..400_u32).position(|second| step(&mut bench, f64::from(second % 2)) != before);
        assert_eq!(moved, Some(119));
    }

    #[test]
    fn what_the_meter_said_before_the_units_were_there_is_no_error() {
        let mut bench = Bench::new();
        let step = |bench: &mut Bench, goal: f64, old: u64| bench.step(goal, Some(19.0), Free::BOTH, old);
        let rests =
            |bench: &mut Bench, goal: f64| (0..20).take_while(|_| step(bench, goal, 0) == 0.0).count();
        assert_eq!(rests(&mut bench, 20.0), 2, "it begins");
        let before = bench.trim.now();
        assert!(before > 0.0);
        // The output goes a step on: a reading of before, or of a second later, says nothing of it.
        assert_eq!(step(&mut bench, 21.0, 0), before);
        assert_eq!(step(&mut bench, 21.0, 0), before);
        for old in 1..5 {
            assert_eq!(step(&mut bench, 21.0, old), before, "read a second after it, {old} s ago");
        }
        assert!(step(&mut bench, 21.0, 0) > before);
    }

    #[test]
    fn what_the_meter_tells_of_a_unit_before_the_unit_does_is_no_error() {
        let mut bench = Bench::new();
        bench.run(20.0, 200, Free::BOTH);
        let before = bench.trim.now();
        for _ in 0..5 {
            assert_eq!(bench.step(20.0, Some(15.0), Free::BOTH, 0), before);
        }
        // Nobody says anything: then it is one.
        assert!(bench.step(20.0, Some(15.0), Free::BOTH, 0) > before);
        // Honest corrections are kept where a unit comes and goes.
        let before = bench.trim.now();
        bench.trim.disturbed();
        assert_eq!(bench.step(20.0, Some(15.0), Free::BOTH, 0), before);
    }

    #[test]
    fn what_the_units_can_do_again_moves_them() {
        let mut bench = Bench::new();
        bench.run(20.0, 200, Free::BOTH);
        let before = bench.trim.now();
        let step = |bench: &mut Bench, told: f64, meter: f64, free: Free| {
            bench.now = bench.now.plus(SECOND);
            let meter = Some(Meter { value: meter, read: bench.now });
            bench.trim.advance(Goal { value: 20.0, told }, meter, free, SECOND, bench.now)
        };
        for _ in 0..10 {
            assert_eq!(step(&mut bench, 18.0, 18.0, Free::BOTH.but(2.0)), before);
        }
        // The limit is gone: the meter says what it said with it.
        assert_eq!(step(&mut bench, 20.0, 18.0, Free::BOTH), before);
        assert_eq!(step(&mut bench, 20.0, 20.0, Free::BOTH), before);
        assert!((step(&mut bench, 20.0, 20.0, Free::BOTH) - before).abs() < 1e-9);
    }

    #[test]
    fn of_a_reading_no_more_is_taken_away_than_it_was_off() {
        // The meter is read every half a minute.
        let mut bench = Bench::new();
        let (mut meter, mut read) = (19.0, 0);
        for second in 0..600_u64 {
            let old = second % 30;
            if old == 0 {
                (meter, read) = (19.0 + bench.trim.now(), second);
            }
            bench.step(20.0, Some(meter), Free::BOTH, second - read);
            assert!((-1e-9..=1.0 + 1e-9).contains(&bench.trim.now()), "{second}: {}", bench.trim.now());
        }
        assert!((bench.trim.now() - 1.0).abs() < 1e-3, "{}", bench.trim.now());
    }

    #[test]
    fn a_goal_that_trembles_rests() {
        let mut bench = Bench::new();
        let mut off = 1.0;
        for second in 0..200 {
            let goal = if second % 2 == 0 { 20.0 } else { 20.005 };
            let units = bench.step(goal, Some(goal - off), Free::BOTH, 0);
            off = 1.0 - units;
        }
        assert!(off.abs() < 1e-3, "{off}");
    }

    #[test]
    fn a_hand_over_moves_nothing() {
        let mut trim = Trim::new(RULES);
        trim.take_over(20.8, 20.0);
        assert!((20.0 + trim.now() - 20.8).abs() < 1e-12);
    }
}
