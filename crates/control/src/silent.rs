//! What the units of a dispatch count for of which nothing is heard.
//!
//! Silence says nothing of what a unit does, and least of all that it does nothing: it counts for what it was told last,
//! and the others do the rest. The meter is the judge. Where it says for three readings in a row that a unit's part is
//! not there, the unit counts for nothing and the others make up for it; where it says the same way that the part is
//! there after all, it counts again.
//!
//! A plant that still walks to where it was told misses something, too. So a reading is held against everything that was
//! in force lately, and after the others were told something else the meter is left alone for as long. And what the meter
//! was off before, by losses or by a unit that does not follow, no unit misses that fell silent later.

use std::collections::VecDeque;
use std::time::Duration;

use telemetry::Mono;

use crate::limits::Band;

/// So many readings in a row are enough.
const READINGS: u8 = 3;
/// What the meter is off is looked at for so long, twice: a unit may have stopped some time before it was missed.
const OFF: Duration = Duration::from_secs(30);
/// No more of what was in force is kept apart.
const KEPT: usize = 128;

/// What is fixed about the judgement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// What is smaller cannot be seen at the meter, in units.
    pub least: f64,
    /// For so long the plant may still be on its way to where it was told.
    pub walks: Duration,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// What the plant does, in units; `None` where it is not good.
    pub actual: Option<f64>,
    /// When that was read.
    pub read: Mono,
    /// What the plant is to do by now, all units together; `None` where that is not known.
    pub in_force: Option<f64>,
}

/// A unit of which nothing is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unit {
    part: f64,
    since: Mono,
    /// It counts for its part; else for nothing.
    counts: bool,
    /// So many readings in a row said the other thing.
    against: u8,
}

impl Unit {
    /// By how much the plant does more where the other thing is true.
    const fn other(&self) -> f64 {
        if self.counts { -self.part } else { self.part }
    }
}

/// What the meter was off at the least, with the plant at rest: in the present time, and in the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Off {
    since: Mono,
    now: Option<f64>,
    before: Option<f64>,
}

impl Off {
    /// The nearer to nothing; nothing lies between them where they point to different sides.
    fn least(one: f64, other: f64) -> f64 {
        match one * other > 0.0 {
            true if one.abs() < other.abs() => one,
            true => other,
            false => 0.0,
        }
    }

    fn was(&self) -> f64 {
        match (self.now, self.before) {
            (Some(now), Some(before)) => Self::least(now, before),
            (one, other) => one.or(other).unwrap_or(0.0),
        }
    }

    /// The meter is off so much. While units are silent that is no more than it was.
    fn saw(&mut self, off: f64, silent: bool, now: Mono) {
        if silent {
            self.now = self.now.map(|was| Self::least(was, off));
            self.before = self.before.map(|was| Self::least(was, off));
            return;
        }
        if now.since(self.since) >= OFF {
            (self.since, self.before) = (now, self.now.take());
        }
        self.now = Some(self.now.map_or(off, |was| Self::least(was, off)));
    }

    /// The first unit fell silent. It may have stopped before: what was seen only now says nothing.
    fn first(&mut self, now: Mono) {
        if now.since(self.since) < OFF {
            self.now = None;
        }
    }
}

/// The units of which nothing is heard, and what they count for.
#[derive(Clone, Debug, PartialEq)]
pub struct Silent {
    rules: Rules,
    units: Vec<Option<Unit>>,
    /// What was in force lately, each with the time from which on it was.
    lately: VecDeque<(Mono, Band)>,
    off: Off,
    /// The reading that was looked at last.
    read: Mono,
    /// Nothing is judged before.
    waits: Mono,
}

impl Silent {
    /// All of `units` units are there.
    #[must_use]
    pub fn new(rules: Rules, units: usize) -> Self {
        let (units, lately, off) = (vec![None; units], VecDeque::new(), Off::default());
        Self { rules, units, lately, off, read: Mono::ZERO, waits: Mono::ZERO }
    }

    /// Nothing is heard of a unit (any more), which was told `part` last. Nothing changes where that is so already.
    pub fn lost(&mut self, at: usize, part: f64, now: Mono) {
        if self.units.iter().all(Option::is_none) {
            self.off.first(now);
        }
        let Some(unit) = self.units.get_mut(at) else { return };
        if unit.is_none_or(|unit| unit.part != part) {
            *unit = Some(Unit { part, since: now, counts: true, against: 0 });
        }
    }

    /// What a unit does is known: it is there, or known to be off. Whether that is new.
    pub fn known(&mut self, at: usize, now: Mono) -> bool {
        let new = self.units.get_mut(at).and_then(Option::take).is_some();
        if new {
            self.disturbed(now);
        }
        new
    }

    /// What a unit counts for; `None` for one that is there, or known to be off.
    #[must_use]
    pub fn part(&self, at: usize) -> Option<f64> {
        let unit = self.units.get(at)?.as_ref()?;
        Some(if unit.counts { unit.part } else { 0.0 })
    }

    /// What they all count for.
    #[must_use]
    pub fn parts(&self) -> f64 {
        (0..self.units.len()).filter_map(|at| self.part(at)).sum()
    }

    /// Whether the meter began to speak against what a unit counts for.
    #[must_use]
    pub fn doubts(&self) -> bool {
        self.units.iter().flatten().any(|unit| unit.against > 0)
    }

    /// Nobody drives the units any more: what was in force is no matter of what comes then.
    pub fn rest(&mut self) {
        self.lately.clear();
        self.off = Off::default();
        self.no_evidence();
    }

    /// The units were told something else than the meter can show yet.
    fn disturbed(&mut self, now: Mono) {
        self.waits = self.waits.max(now.plus(self.rules.walks));
        self.no_evidence();
    }

    fn no_evidence(&mut self) {
        self.units.iter_mut().flatten().for_each(|unit| unit.against = 0);
    }

    /// Looks at the meter. Whether units count for something else from now on.
    pub fn look(&mut self, look: &Look, now: Mono) -> bool {
        let Some(force) = look.in_force.filter(|force| force.is_finite()) else {
            self.no_evidence();
            return false;
        };
        self.remember(force, now);
        let Some(actual) = look.actual.filter(|actual| actual.is_finite()) else {
            self.no_evidence();
            return false;
        };
        if look.read <= self.read {
            return false;
        }
        self.read = look.read;
        if now < self.waits {
            return false;
        }
        let more = self.more(actual);
        if self.lately.iter().all(|(_, band)| band.low == force && band.high == force) {
            self.off.saw(more, self.units.iter().any(Option::is_some), now);
        }
        let was = self.off.was();
        let other = self.nearer(more - Off::least(more, was));
        for (unit, other) in self.units.iter_mut().zip(other) {
            let Some(unit) = unit else { continue };
            unit.against = if other { unit.against.saturating_add(1) } else { 0 };
        }
        let judged = self.units.iter_mut().flatten().filter(|unit| unit.against >= READINGS);
        if judged.map(|unit| unit.counts = !unit.counts).count() == 0 {
            return false;
        }
        self.disturbed(now);
        true
    }

    fn remember(&mut self, force: f64, now: Mono) {
        if self.lately.back().is_none_or(|(_, band)| band.low != force || band.high != force) {
            self.lately.push_back((now, Band::new(force, force)));
        }
        // The first of them ended where the second began.
        let ended = |lately: &VecDeque<(Mono, Band)>| lately.get(1).map(|(since, _)| *since);
        while ended(&self.lately).is_some_and(|end| end.plus(self.rules.walks) < now) {
            self.lately.pop_front();
        }
        if self.lately.len() > KEPT
            && let Some((since, first)) = self.lately.pop_front()
            && let Some(second) = self.lately.front_mut()
        {
            *second = (since, Band { low: first.low.min(second.1.low), high: first.high.max(second.1.high) });
        }
    }

    /// How much more the plant does than anything that was in force lately.
    fn more(&self, actual: f64) -> f64 {
        let low = self.lately.iter().map(|(_, band)| band.low).fold(f64::INFINITY, f64::min);
        let high = self.lately.iter().map(|(_, band)| band.high).fold(f64::NEG_INFINITY, f64::max);
        actual - if actual < low { low } else { actual.min(high) }
    }

    /// Those of which the other thing together explains best that the plant does so much more: that is nearer to it than
    /// nothing is. Of those that explain it as well, the first.
    fn nearer(&self, mut more: f64) -> Vec<bool> {
        let mut other = vec![false; self.units.len()];
        loop {
            let best = self
                .units
                .iter()
                .zip(&other)
                .enumerate()
                .filter_map(|(at, (unit, taken))| Some((at, unit.as_ref().filter(|_| !taken)?)))
                .filter(|(_, unit)| unit.part.abs() >= self.rules.least && self.read > unit.since)
                .map(|(at, unit)| (at, more - unit.other()))
                .min_by(|(_, one), (_, other)| one.abs().total_cmp(&other.abs()))
                .filter(|(_, left)| left.abs() < more.abs());
            let Some((at, left)) = best else { return other };
            more = left;
            if let Some(taken) = other.get_mut(at) {
                *taken = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: Rules = Rules { least: 0.01, walks: Duration::from_secs(10) };

    fn at(seconds: u64) -> Mono {
        Mono::from_millis(seconds * 1_000)
    }

    /// A second is a reading.
    fn look(silent: &mut Silent, second: u64, actual: f64, force: f64) -> bool {
        let look = Look { actual: Some(actual), read: at(second), in_force: Some(force) };
        silent.look(&look, at(second))
    }

    fn one(part: f64) -> Silent {
        let mut silent = Silent::new(RULES, 1);
        silent.lost(0, part, at(100));
        silent
    }

    #[test]
    fn a_unit_counts_for_what_it_was_told_last() {
        let mut silent = Silent::new(RULES, 3);
        assert_eq!((silent.part(1), silent.parts()), (None, 0.0));
        silent.lost(1, 2.5, at(1));
        silent.lost(1, 2.5, at(2));
        silent.lost(2, -1.0, at(2));
        silent.lost(3, 1.0, at(2));
        assert_eq!((silent.part(1), silent.part(2), silent.part(3)), (Some(2.5), Some(-1.0), None));
        assert_eq!(silent.parts(), 1.5);
        // It was given back, and nobody heard of it since.
        silent.lost(2, 0.0, at(3));
        assert_eq!(silent.part(2), Some(0.0));
        silent.lost(2, -1.0, at(3));
        assert!(silent.known(1, at(3)) && !silent.known(1, at(3)) && !silent.known(9, at(3)));
        assert_eq!((silent.part(1), silent.parts()), (None, -1.0));
    }

    #[test]
    fn the_meter_says_that_it_makes_nothing_and_that_it_does_again() {
        for part in [4.0, -4.0] {
            let mut silent = one(part);
            for second in 101..200 {
                assert!(!look(&mut silent, second, 10.0, 10.0));
                assert!(!look(&mut silent, second, 10.0 - part * 0.49, 10.0), "nearer to what is in force");
            }
            assert!(!look(&mut silent, 200, 10.0 - part, 10.0));
            assert!(!look(&mut silent, 201, 10.0 - part, 10.0));
            assert!(silent.part(0) == Some(part) && silent.doubts());
            assert!(look(&mut silent, 202, 10.0 - part * 0.51, 10.0));
            assert_eq!((silent.part(0), silent.parts(), silent.doubts()), (Some(0.0), 0.0, false));
            // The others are on their way: nothing speaks for the unit.
            for second in 203..300 {
                assert!(!look(&mut silent, second, 10.0 - part * 50.0 / second as f64, 10.0));
            }
            assert!(!look(&mut silent, 300, 10.0 + part, 10.0) && !look(&mut silent, 301, 10.0 + part, 10.0));
            assert!(look(&mut silent, 302, 10.0 + part, 10.0));
            assert_eq!(silent.part(0), Some(part));
        }
    }

    #[test]
    fn three_in_a_row_that_were_read_after_it_went_silent() {
        let mut silent = one(4.0);
        let gone = |read: u64| Look { actual: Some(6.0), read: at(read), in_force: Some(10.0) };
        // Of before, and the same one again.
        for (read, now) in [(98, 101), (99, 102), (100, 103), (101, 104), (101, 105), (101, 106)] {
            assert!(!silent.look(&gone(read), at(now)), "{read}");
        }
        assert!(!look(&mut silent, 107, 6.0, 10.0), "the second");
        assert!(!look(&mut silent, 108, 10.0, 10.0));
        assert!(!look(&mut silent, 109, 6.0, 10.0) && !look(&mut silent, 110, 6.0, 10.0));
        // Not good, or nobody knows what it ought to be: begun anew.
        for broken in [Look { actual: None, ..gone(111) }, Look { in_force: None, ..gone(112) }] {
            assert!(!silent.look(&broken, at(112)));
            assert!(!look(&mut silent, 113, 6.0, 10.0) && !look(&mut silent, 114, 6.0, 10.0));
        }
        assert_eq!(silent.part(0), Some(4.0));
    }

    #[test]
    fn what_cannot_be_seen_is_not_judged() {
        let mut silent = one(0.009);
        assert!((101..300).all(|second| !look(&mut silent, second, -50.0, 10.0)));
        let mut silent = one(0.0);
        silent.rules.least = 0.0;
        assert!((101..300).all(|second| !look(&mut silent, second, -50.0, 10.0)));
    }

    #[test]
    fn a_plant_that_is_on_its_way_misses_nothing() {
        let mut silent = one(4.0);
        let force = |second: u64| 10.0 + 3.0 * second.min(200).saturating_sub(150) as f64;
        // It is five seconds behind, which is much more than the part.
        assert!((101..300).all(|second| !look(&mut silent, second, force(second - 5), force(second))));
        // And then, on another way, without the unit: that is seen once it is clear.
        let force = |second: u64| 160.0 - 3.0 * second.min(350).saturating_sub(300) as f64;
        let judged =
            (300..400).find(|second| look(&mut silent, *second, force(second - 5) - 4.0, force(*second)));
        assert!(judged.is_some_and(|second| (350..365).contains(&second)), "{judged:?}");
    }

    #[test]
    fn of_several_as_many_as_are_missing() {
        for (missing, wanted) in [(4.0, [0.0, 4.0, 20.0]), (8.0, [0.0, 0.0, 20.0]), (20.0, [4.0, 4.0, 0.0])] {
            let mut silent = Silent::new(RULES, 3);
            for (unit, part) in [4.0, 4.0, 20.0].into_iter().enumerate() {
                silent.lost(unit, part, at(1));
            }
            assert!((2..5).any(|second| look(&mut silent, second, 30.0 - missing, 30.0)));
            assert_eq!([0, 1, 2].map(|at| silent.part(at).unwrap()), wanted, "{missing}");
            // The others make up for it, five seconds later.
            for second in 5..100 {
                let actual = if second < 10 { 30.0 - missing } else { 30.0 };
                assert!(!look(&mut silent, second, actual, 30.0), "{second}");
            }
        }
    }

    #[test]
    fn what_the_meter_was_off_before_no_unit_misses() {
        // Losses of 3 MW that nothing makes up for, and units of 4.
        let run = |silent: &mut Silent, seconds: std::ops::Range<u64>, off: f64| {
            seconds.into_iter().filter(|second| look(silent, *second, 70.0 + off, 70.0)).collect::<Vec<_>>()
        };
        let mut silent = Silent::new(RULES, 1);
        assert!(run(&mut silent, 1..100, -3.0).is_empty());
        silent.lost(0, 4.0, at(99));
        assert!(run(&mut silent, 100..200, -3.0).is_empty());
        assert_eq!(run(&mut silent, 200..300, -7.0), [202], "then it stops");
        // It was missed 20 s after it had stopped.
        let mut silent = Silent::new(RULES, 1);
        assert!(run(&mut silent, 1..100, -3.0).is_empty() && run(&mut silent, 100..120, -7.0).is_empty());
        silent.lost(0, 4.0, at(119));
        assert_eq!(run(&mut silent, 120..200, -7.0), [122]);
        // The correction has taken the losses away since.
        let mut silent = Silent::new(RULES, 1);
        assert!(run(&mut silent, 1..100, -3.0).is_empty());
        silent.lost(0, 4.0, at(99));
        assert!(run(&mut silent, 100..200, 0.0).is_empty());
        assert_eq!(run(&mut silent, 200..300, -3.0), [202]);
        // Nothing is known of before.
        let mut silent = Silent::new(RULES, 1);
        assert!(run(&mut silent, 1..10, -3.0).is_empty());
        silent.lost(0, 4.0, at(9));
        assert_eq!(run(&mut silent, 10..100, -3.0), [12]);
    }

    proptest! {
        /// Units that are lost or go on, a plant that does the sum of what it was told and what they do.
        #[test]
        fn the_plant_ends_where_it_is_to_be(
            parts in prop::collection::vec((-10.0..10.0_f64, any::<bool>()), 1..5), force in -50.0..50.0_f64,
        ) {
            let mut silent = Silent::new(RULES, parts.len());
            for (unit, (part, _)) in parts.iter().enumerate() {
                silent.lost(unit, *part, at(1));
            }
            let done: f64 = parts.iter().filter(|(_, makes)| *makes).map(|(part, _)| part).sum();
            let most = parts.iter().map(|(part, _)| part.abs()).fold(0.0, f64::max);
            let mut last = 0;
            for second in 2..400 {
                let others = force - silent.parts();
                let before = (others + done - force).abs();
                if look(&mut silent, second, others + done, force) {
                    last = second;
                    let after = (done - silent.parts()).abs();
                    prop_assert!(after < before, "it is nearer than before: {before} {after}");
                }
                for (unit, (part, _)) in parts.iter().enumerate() {
                    let counted = silent.part(unit).unwrap();
                    prop_assert!(counted == 0.0 || counted == *part);
                }
            }
            prop_assert!(last < 300, "it comes to rest");
            prop_assert!((done - silent.parts()).abs() <= most / 2.0 + 0.01, "{silent:?}");
        }

        /// Whatever is looked at: nothing panics, and nothing counts for anything but its part or nothing.
        #[test]
        fn whatever_is_looked_at(
            steps in prop::collection::vec((0..4_usize, 0..6_u8, any::<f64>(), any::<f64>()), 0..300),
        ) {
            let mut silent = Silent::new(RULES, 3);
            for (second, (unit, what, one, other)) in (1..).zip(steps) {
                match what {
                    0 => silent.lost(unit, one, at(second)),
                    1 => drop(silent.known(unit, at(second))),
                    2 => silent.rest(),
                    _ => {
                        let actual = (what < 5).then_some(one);
                        silent.look(&Look { actual, read: at(second), in_force: Some(other) }, at(second));
                    }
                }
            }
        }
    }
}
