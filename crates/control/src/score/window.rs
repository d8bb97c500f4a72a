//! Steps on the grid of the wall clock, window by window.
//!
//! The live score and the report of a day both feed this machine. Every step of a window's grid is accounted for: it
//! counts, or it is told why it does not. A window in which something is not known is never called good, however well
//! the rest of it was followed.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use serde::Serialize;
use telemetry::Wall;

use super::{Score, Step, score_after};

/// Steps that a window has at most: what bounds the memory of a score.
pub const STEPS_MAX: usize = 3_600;

/// So often the clock may be set, and what was told before each time is still known.
const RUNS_MAX: usize = 64;

/// The owner's code of the ISO.
const ISO: f64 = 1.0;
/// Codes of clamps that are no doing of the one who follows: hard, energy, soft, source. A ramp and a deadband are.
const HELD_BACK: [f64; 4] = [1.0, 2.0, 3.0, 6.0];

/// How it is scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// How long a step is, in milliseconds; above 0.
    pub step_ms: u64,
    /// Steps of a window; 1 to [`STEPS_MAX`].
    pub steps: usize,
    /// A delay is looked for up to so many steps.
    pub delay_max: usize,
    /// A complete window with less accuracy is told apart; `None`: none is judged.
    pub accuracy_below: Option<f64>,
}

impl Rules {
    /// The step of the grid in which a moment lies, counted from 1970 on.
    #[must_use]
    pub const fn step(&self, wall: Wall) -> u64 {
        match wall.as_millis().checked_div(self.step_ms) {
            Some(step) => step,
            None => 0,
        }
    }

    /// When the step after that of a moment begins.
    #[must_use]
    pub const fn next(&self, wall: Wall) -> Wall {
        Wall::from_millis(self.step(wall).saturating_add(1).saturating_mul(self.step_ms))
    }

    /// The window of a step of the grid, and the step's place in it.
    #[must_use]
    pub fn place(&self, step: u64) -> (u64, usize) {
        let steps = self.per_window();
        (step / steps, usize::try_from(step % steps).unwrap_or(0))
    }

    /// When a window begins.
    #[must_use]
    pub fn begins(&self, window: u64) -> Wall {
        Wall::from_millis(window.saturating_mul(self.per_window()).saturating_mul(self.step_ms))
    }

    /// What a record of a step says: its number in the window, from 1 on; below 0 while the ISO's session was `away`.
    /// `begun` is the step that begins as it ends.
    #[must_use]
    pub fn mark(&self, begun: u64, away: bool) -> f64 {
        let number =
            u32::try_from(self.place(begun.saturating_sub(1)).1).map_or(0.0, |at| f64::from(at) + 1.0);
        if away { -number } else { number }
    }

    /// Whether the ISO's session was away, as such a record says; `None` where it is none of this step.
    #[must_use]
    pub fn is_away(&self, begun: u64, mark: f64) -> Option<bool> {
        [false, true].into_iter().find(|away| self.mark(begun, *away) == mark)
    }

    fn per_window(&self) -> u64 {
        u64::try_from(self.steps).unwrap_or(u64::MAX).max(1)
    }
}

/// A step, as it was seen at its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    /// The ISO owned it, its session was there, and both values were good.
    Counts(Step),
    /// Somebody else than the ISO owned it.
    NotIso,
    /// The ISO owned it and its session was away.
    Away,
    /// What was asked, what was done or who owned it had no good value.
    Unknown,
}

impl Seen {
    /// From what is good of what was seen: the codes of owner and clamp, what was asked and what was done.
    #[must_use]
    pub fn of(owner: Option<f64>, away: bool, clamp: Option<f64>, values: Option<(f64, f64)>) -> Self {
        match (owner, clamp, values) {
            (Some(owner), ..) if owner != ISO => Self::NotIso,
            (Some(_), ..) if away => Self::Away,
            (Some(_), Some(clamp), Some((asked, done))) => {
                Self::Counts(Step { asked, done, clamped: HELD_BACK.contains(&clamp) })
            }
            _ => Self::Unknown,
        }
    }
}

/// Steps that do not count, by why not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Somebody else than the ISO owned it.
    pub not_iso: usize,
    /// The ISO's session was away.
    pub away: usize,
    /// A value was not good.
    pub unknown: usize,
    /// The device did not run.
    pub restart: usize,
    /// There is no record of it: the device was too late, the clock was set, or the history lost it.
    pub missing: usize,
    /// Seen again after the clock was set back, and left out.
    pub repeated: usize,
}

impl Counts {
    /// Whether all that should be known is.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.unknown == 0 && self.restart == 0 && self.missing == 0 && self.repeated == 0
    }

    fn add(&mut self, other: &Self) {
        let Self { not_iso, away, unknown, restart, missing, repeated } = other;
        self.not_iso += not_iso;
        self.away += away;
        self.unknown += unknown;
        self.restart += restart;
        self.missing += missing;
        self.repeated += repeated;
    }
}

/// What is said of a window that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Complete, and as accurate as the site wants it.
    Good,
    /// Complete, and less accurate than that.
    Below,
    /// Complete; the site says of no accuracy that it is too low.
    Complete,
    /// Complete, and no step of it could be scored: nothing was asked for, or a limit held it all the time.
    Nothing,
    /// Something of it is not known.
    Incomplete,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Good, Self::Below, Self::Complete, Self::Nothing, Self::Incomplete];

    /// In one word.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Below => "below",
            Self::Complete => "complete",
            Self::Nothing => "nothing",
            Self::Incomplete => "incomplete",
        }
    }
}

/// What a window came to, or has come to so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Scored {
    /// When it begins.
    pub from: Wall,
    /// Steps of it that are over.
    pub over: usize,
    /// `None` while it is not over.
    pub verdict: Option<Verdict>,
    /// What was left out.
    #[serde(flatten)]
    pub left_out: Counts,
    /// The rest.
    #[serde(flatten)]
    pub score: Score,
}

/// Windows that are over, together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Windows of each verdict, as in [`Verdict::ALL`].
    #[serde(serialize_with = "by_verdict")]
    pub windows: [u64; Verdict::ALL.len()],
    /// Steps that counted.
    pub steps: usize,
    /// Of them, those in which a limit held the unit back.
    pub clamped: usize,
    /// Steps that did not.
    #[serde(flatten)]
    pub left_out: Counts,
    /// How far the signal went, as far as it is known.
    pub mileage: f64,
    /// How far the response went.
    pub response_mileage: f64,
    /// Of the complete windows together.
    pub accuracy: Option<f64>,
    #[serde(skip)]
    off: f64,
    #[serde(skip)]
    asked: f64,
}

fn by_verdict<S: serde::Serializer>(counts: &[u64; 5], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Verdict::ALL.iter().map(|verdict| verdict.text()).zip(counts))
}

impl Totals {
    /// Takes a window in.
    pub fn add(&mut self, window: &Scored) {
        let score = &window.score;
        for (one, count) in Verdict::ALL.iter().zip(&mut self.windows) {
            *count += u64::from(window.verdict == Some(*one));
        }
        self.left_out.add(&window.left_out);
        self.steps += score.steps;
        self.clamped += score.clamped;
        self.mileage += score.mileage;
        self.response_mileage += score.response_mileage;
        if window.verdict != Some(Verdict::Incomplete) {
            self.off += score.off;
            self.asked += score.asked;
            self.accuracy = super::share((self.off, self.asked));
        }
    }

    /// How many windows there were of a verdict.
    #[must_use]
    pub fn of(&self, verdict: Verdict) -> u64 {
        Verdict::ALL
            .iter()
            .zip(self.windows)
            .find_map(|(one, count)| (*one == verdict).then_some(count))
            .unwrap_or(0)
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Window {
    number: u64,
    /// The step that ended when it began.
    before: Option<Step>,
    /// From its beginning to the last that was seen; a hole is a step that does not count.
    steps: Vec<Option<Step>>,
    left_out: Counts,
}

impl Window {
    fn scored(&self, rules: &Rules, over: bool) -> Scored {
        let score = score_after(self.before, &self.steps, rules.delay_max);
        let verdict = match (self.left_out.is_complete(), score.accuracy, rules.accuracy_below) {
            (false, ..) => Verdict::Incomplete,
            (true, None, _) => Verdict::Nothing,
            (true, Some(_), None) => Verdict::Complete,
            (true, Some(accuracy), Some(below)) if accuracy < below => Verdict::Below,
            (true, Some(_), Some(_)) => Verdict::Good,
        };
        Scored {
            from: rules.begins(self.number),
            over: self.steps.len(),
            verdict: over.then_some(verdict),
            left_out: self.left_out,
            score,
        }
    }

    fn take(&mut self, seen: Seen) {
        let (step, count) = match seen {
            Seen::Counts(step) => (Some(step), None),
            Seen::NotIso => (None, Some(&mut self.left_out.not_iso)),
            Seen::Away => (None, Some(&mut self.left_out.away)),
            Seen::Unknown => (None, Some(&mut self.left_out.unknown)),
        };
        self.steps.push(step);
        if let Some(count) = count {
            *count += 1;
        }
    }

    /// Nothing was seen up to `to`.
    fn skip(&mut self, to: usize, restart: bool) {
        let gap = to.saturating_sub(self.steps.len());
        let count = if restart { &mut self.left_out.restart } else { &mut self.left_out.missing };
        *count += gap;
        self.steps.resize(self.steps.len() + gap, None);
    }
}

/// The windows that are told, as runs from one to another: none is told twice, however often the clock is set.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told(VecDeque<RangeInclusive<u64>>);

impl Told {
    fn contains(&self, number: u64) -> bool {
        self.0.iter().any(|run| run.contains(&number))
    }

    fn add(&mut self, number: u64) {
        if let Some(run) = self.0.back_mut()
            && run.end().checked_add(1) == Some(number)
        {
            *run = *run.start()..=number;
            return;
        }
        if self.0.len() >= RUNS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(number..=number);
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Scorer {
    rules: Rules,
    window: Option<Window>,
    /// The last window that was over, and its last step where that counted.
    ended: Option<(u64, Option<Step>)>,
    told: Told,
    /// What was not seen before the next step, was not because the device did not run.
    restarted: bool,
    last: Option<Scored>,
    totals: Totals,
}

impl Scorer {
    /// A device that has just started.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let totals = Totals::default();
        Self { rules, window: None, ended: None, told: Told::default(), restarted: true, last: None, totals }
    }

    /// How it is scored.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The device ran before the first step: what is missing is not because it did not.
    pub fn goes_on(&mut self) {
        self.restarted = false;
    }

    /// The device has started again.
    pub fn restart(&mut self) {
        self.restarted = true;
    }

    /// Takes the step of the grid that ends as `begun` begins. What comes back are windows that are over by it.
    pub fn take(&mut self, begun: u64, seen: Seen) -> Vec<Scored> {
        let (number, at) = self.rules.place(begun.saturating_sub(1));
        let mut over = Vec::new();
        if self.window.as_ref().is_some_and(|window| window.number != number) {
            over.extend(self.close());
        }
        let before =
            self.ended.filter(|(was, _)| was.saturating_add(1) == number && at == 0 && !self.restarted);
        if self.window.is_none() && self.told.contains(number) {
            // The clock was set back over the end of a window that is told already, or of several.
            self.totals.left_out.repeated += 1;
            return over;
        }
        let window = self.window.get_or_insert_with(|| Window {
            number,
            before: before.and_then(|(_, step)| step),
            steps: Vec::new(),
            left_out: Counts::default(),
        });
        if at < window.steps.len() {
            window.left_out.repeated += 1;
            return over;
        }
        window.skip(at, self.restarted);
        self.restarted = false;
        window.take(seen);
        if window.steps.len() >= self.rules.steps {
            over.extend(self.close());
        }
        over
    }

    /// Ends the window that is under way where it is over as the step `begun` begins: no more of it was recorded.
    pub fn finish(&mut self, begun: u64) -> Option<Scored> {
        let (number, _) = self.rules.place(begun);
        self.window.as_ref().filter(|window| window.number < number)?;
        self.close()
    }

    fn close(&mut self) -> Option<Scored> {
        let mut window = self.window.take()?;
        window.skip(self.rules.steps, self.restarted);
        let scored = window.scored(&self.rules, true);
        self.totals.add(&scored);
        self.told.add(window.number);
        self.ended = Some((window.number, window.steps.last().copied().flatten()));
        self.last = Some(scored);
        Some(scored)
    }

    /// The window that is under way, so far.
    #[must_use]
    pub fn open(&self) -> Option<Scored> {
        self.window.as_ref().map(|window| window.scored(&self.rules, false))
    }

    /// The last window that is over.
    #[must_use]
    pub const fn last(&self) -> Option<&Scored> {
        self.last.as_ref()
    }

    /// All windows that are over.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }
}

#[cfg(test)]
mod tests;
