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
//!
//! What nobody here has told a unit, or told it before the plant had it, is a guess. There the meter is asked for more: what
//! it is off, once the others have done what they were told, is what the guess is wrong by.

use std::collections::VecDeque;
use std::time::Duration;

use telemetry::Mono;

use crate::limits::Band;

/// So many readings in a row are enough.
const READINGS: u8 = 3;
/// What the plant still walks within three readings, of what it is off, is no matter.
const WALKED: f64 = 0.02;
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
    /// The others have taken what they were told, since it began.
    pub taken: bool,
}

/// A unit of which nothing is heard.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unit {
    part: f64,
    /// What it was known to do when it was lost, and whether nobody else had it since.
    lost: (f64, bool),
    since: Mono,
    /// It counts for its part; else for nothing.
    counts: bool,
    /// Nobody knows what it does: its part is as good a guess as there is.
    guess: bool,
    /// What it does together with others is known, and how much of it is its own is not.
    together: bool,
    /// So many readings in a row said the other thing.
    against: u8,
}

impl Unit {
    const fn new(part: f64, sure: bool, since: Mono) -> Self {
        Self { part, lost: (part, sure), since, counts: true, guess: !sure, together: false, against: 0 }
    }

    const fn now(&self) -> f64 {
        if self.counts { self.part } else { 0.0 }
    }

    /// It does this, as far as anybody knows.
    const fn does(&mut self, part: f64, guess: bool) {
        (self.part, self.counts, self.guess, self.against) = (part, true, guess, 0);
    }

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
    /// What the meter was off in the last readings in a row, where units are guessed; and whether nothing moved.
    guessed: Vec<(f64, bool)>,
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
        Self { rules, units, lately, off, guessed: Vec::new(), read: Mono::ZERO, waits: Mono::ZERO }
    }

    /// Nothing is heard of a unit (any more), which was known to do `part` last; `sure`, where nobody else had it since.
    /// Nothing changes where that is so already.
    pub fn lost(&mut self, at: usize, part: f64, sure: bool, now: Mono) {
        if self.units.iter().all(Option::is_none) {
            self.off.first(now);
        }
        let Some(unit) = self.units.get_mut(at) else { return };
        match unit {
            Some(unit) if unit.lost == (part, sure) => return,
            // What it counted for is the best guess that there is.
            Some(unit) if unit.lost == (part, true) => {
                unit.lost = (part, false);
                unit.does(unit.now(), true);
            }
            unit => *unit = Some(Unit::new(part, sure, now)),
        }
        if !sure {
            self.disturbed(now);
        }
    }

    /// Somebody begins to drive, from what the plant does: `own` is what each unit is read to do, where that is known,
    /// and `together` what all of them do of which nothing is heard, where the others are read.
    pub fn begin(&mut self, own: &[Option<f64>], together: Option<f64>, now: Mono) {
        for (unit, own) in self.units.iter_mut().zip(own) {
            if let Some((unit, own)) = unit.as_mut().zip(*own) {
                unit.together = false;
                unit.does(own, false);
            }
        }
        if let Some(together) = together {
            // Of several the sum is known, and what differs from it is of those that are guessed.
            let more = together - self.parts();
            let guesses = self.guesses().count();
            let all = self.units.iter().flatten().count();
            let open = if guesses > 0 { guesses } else { all };
            for unit in self.units.iter_mut().flatten().filter(|unit| unit.guess || guesses == 0) {
                unit.together = open > 1;
                unit.does(unit.now() + more / open as f64, false);
            }
        }
        self.no_evidence();
        if self.guesses().count() > 0 {
            self.disturbed(now);
        }
    }

    /// Of what is guessed there is no more than this share: somebody else may have moved all of them alike.
    pub fn shrink(&mut self, share: f64) {
        for unit in self.units.iter_mut().flatten().filter(|unit| unit.guess) {
            unit.does(unit.now() * share, true);
        }
    }

    /// One of which nothing was heard says what it does, and has not taken anything yet. Where what it does together with
    /// others was known, the others do the rest of that.
    pub fn says(&mut self, at: usize, does: f64) {
        let Some(unit) = self.units.get_mut(at).and_then(Option::as_mut) else { return };
        let rest = unit.now() - does;
        let together = std::mem::take(&mut unit.together);
        unit.does(does, false);
        let count = self.units.iter().flatten().filter(|unit| unit.together && together).count();
        for unit in self.units.iter_mut().flatten().filter(|unit| unit.together && together) {
            unit.together = count > 1;
            unit.does(unit.now() + rest / count as f64, unit.guess);
        }
    }

    /// The units of which it is only guessed what they do.
    pub fn guesses(&self) -> impl Iterator<Item = usize> {
        self.units.iter().enumerate().filter_map(|(at, unit)| unit.filter(|unit| unit.guess).map(|_| at))
    }

    /// What a unit does from now on is known: it is there, or known to be off. Whether that is new. Where it is what it
    /// counted for nothing moves, and what the meter has said of others holds.
    pub fn known(&mut self, at: usize, does: f64, now: Mono) -> bool {
        let Some(unit) = self.units.get_mut(at).and_then(Option::take) else { return false };
        let by = (does - unit.now()).abs();
        if unit.guess || (by > 0.0 && by >= self.rules.least) {
            self.disturbed(now);
        }
        true
    }

    /// What a unit counts for; `None` for one that is there, or known to be off.
    #[must_use]
    pub fn part(&self, at: usize) -> Option<f64> {
        self.units.get(at)?.as_ref().map(Unit::now)
    }

    /// What they all count for.
    #[must_use]
    pub fn parts(&self) -> f64 {
        (0..self.units.len()).filter_map(|at| self.part(at)).sum()
    }

    /// Whether the meter began to speak against what a unit counts for, or has not been asked yet: what it is off may be
    /// that unit.
    #[must_use]
    pub fn doubts(&self) -> bool {
        let asked = self.read >= self.waits;
        self.units.iter().flatten().any(|unit| !asked || unit.against > 0 || unit.guess)
    }

    /// Nobody drives the units any more: what was in force is no matter of what comes then, and who has them may move
    /// them.
    pub fn rest(&mut self) {
        self.lately.clear();
        self.off = Off::default();
        self.units.iter_mut().flatten().for_each(|unit| unit.does(unit.now(), true));
        self.no_evidence();
    }

    /// The units were told something else than the meter can show yet.
    pub fn disturbed(&mut self, now: Mono) {
        self.waits = self.waits.max(now.plus(self.rules.walks));
        self.no_evidence();
    }

    fn no_evidence(&mut self) {
        self.units.iter_mut().flatten().for_each(|unit| unit.against = 0);
        self.guessed.clear();
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
        let guesses = self.guesses().count() > 0;
        if guesses && !look.taken {
            self.disturbed(now);
        }
        if now < self.waits {
            return false;
        }
        let more = self.more(actual);
        let rests = self.lately.iter().all(|(_, band)| band.low == force && band.high == force);
        if rests {
            self.off.saw(more, self.units.iter().any(Option::is_some), now);
        }
        let was = self.off.was();
        let more = more - Off::least(more, was);
        if guesses {
            // Of the others nothing can be said before.
            return self.measure(more, rests, now);
        }
        let other = self.nearer(more);
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

    /// What the meter is off is what the guesses are wrong by. Where the plant moves that is the least that they are, and
    /// they stay guesses. Whether units count for something else from now on.
    fn measure(&mut self, more: f64, rests: bool, now: Mono) -> bool {
        self.guessed.push((more, rests));
        if self.guessed.len() < usize::from(READINGS) {
            return false;
        }
        let seen = std::mem::take(&mut self.guessed);
        let more = || seen.iter().map(|(more, _)| *more);
        let mean = more().sum::<f64>() / f64::from(READINGS);
        // Slower than the site says, or the others would be there.
        let walked = more().next_back().zip(more().next()).map_or(0.0, |(last, first)| (last - first).abs());
        let one_way = more().is_sorted() || more().rev().is_sorted();
        let walks = one_way && walked > self.rules.least.max(mean.abs() * WALKED);
        let still = seen.iter().all(|(_, rests)| *rests) && !walks;
        let off = if still { mean } else { more().reduce(Off::least).unwrap_or(0.0) };
        let off = if off.abs() >= self.rules.least { off } else { 0.0 };
        let each = off / self.guesses().count().max(1) as f64;
        for unit in self.units.iter_mut().flatten().filter(|unit| unit.guess) {
            unit.does(unit.now() + each, !still);
        }
        if off != 0.0 {
            self.disturbed(now);
        }
        off != 0.0
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
mod tests;
