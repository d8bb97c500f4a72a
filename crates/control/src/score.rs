//! How well a signal was followed, over a window.
//!
//! *Mileage* is how far the signal went, up and down together. *Accuracy* is one less the mean deviation as a share
//! of the mean size of what is asked for; *delay* is by how much the response is behind, the shift at which the two
//! agree best; *precision* is how near they are once that delay is taken away. These are the definitions of this
//! program: what the ISO's own are is not confirmed.
//!
//! Steps that do not count leave a hole: nothing is compared or added up across one.

use serde::Serialize;

mod window;

pub use window::{Counts, Rules, STEPS_MAX, Scored, Scorer, Seen, Totals, Verdict};

/// What some steps came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// Steps that were looked at.
    pub steps: usize,
    /// Of them, those in which the unit was held back by a limit, and which accuracy leaves out.
    pub clamped: usize,
    /// How far the signal went, in units.
    pub mileage: f64,
    /// How far the response went, in units.
    pub response_mileage: f64,
    /// 1: followed exactly; 0: as far off as the signal is large; never below 0. `None` without a signal.
    pub accuracy: Option<f64>,
    /// As accuracy, with the steps in which a limit held the unit back.
    pub accuracy_all: Option<f64>,
    /// By how many steps the response is behind.
    pub delay_steps: Option<usize>,
    /// As accuracy, with the delay taken away.
    pub precision: Option<f64>,
    /// How far off the response was, all steps of `accuracy` together.
    pub off: f64,
    /// How much was asked for, all steps of `accuracy` together, whichever way.
    pub asked: f64,
}

/// One step: what was asked for, what was done, in units, and whether a limit held the unit back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// What was asked for.
    pub asked: f64,
    /// What was done at the end of the step.
    pub done: f64,
    /// A limit held it back.
    pub clamped: bool,
}

/// How far a series goes, up and down together.
#[must_use]
pub fn mileage(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut last = None;
    let mut sum = 0.0;
    for value in values {
        if let Some(last) = last.replace(value) {
            sum += f64::abs(value - last);
        }
    }
    sum
}

/// Scores a window without a hole; a delay is looked for up to `delay_max` steps.
#[must_use]
pub fn score(steps: &[Step], delay_max: usize) -> Score {
    let steps: Vec<Option<Step>> = steps.iter().copied().map(Some).collect();
    score_after(None, &steps, delay_max)
}

/// Scores a window. Its first move begins at `before`, the step that ended when it began.
fn score_after(before: Option<Step>, steps: &[Option<Step>], delay_max: usize) -> Score {
    let counted = || steps.iter().flatten();
    let direct = agreement(steps, 0, false);
    let accuracy = direct.and_then(share);
    // The shortest delay of those that agree best.
    let best = (0..=delay_max)
        .filter_map(|delay| Some((delay, agreement(steps, delay, false).and_then(share)?)))
        .reduce(|best, next| if next.1 > best.1 + 1e-9 { next } else { best });
    let (off, asked) = direct.unwrap_or_default();
    let moves = |of: fn(&Step) -> f64| {
        let mut last = before.as_ref().map(of);
        let mut sum = 0.0;
        for step in steps {
            let now = step.as_ref().map(of);
            if let (Some(last), Some(now)) = (last, now) {
                sum += f64::abs(now - last);
            }
            last = now;
        }
        sum
    };
    Score {
        steps: counted().count(),
        clamped: counted().filter(|step| step.clamped).count(),
        mileage: moves(|step| step.asked),
        response_mileage: moves(|step| step.done),
        accuracy,
        accuracy_all: agreement(steps, 0, true).and_then(share),
        delay_steps: best.map(|(delay, _)| delay),
        precision: best.map(|(_, precision)| precision),
        off,
        asked,
    }
}

/// How far off the response was, `delay` steps later, and how much was asked for; without the steps in which the unit
/// was held back, unless `all` are wanted.
fn agreement(steps: &[Option<Step>], delay: usize, all: bool) -> Option<(f64, f64)> {
    let pairs = steps.iter().zip(steps.get(delay..)?);
    let (mut off, mut size) = (0.0, 0.0);
    for (asked, done) in pairs.filter_map(|(asked, done)| asked.as_ref().zip(done.as_ref())) {
        if all || !(asked.clamped || done.clamped) {
            off += (asked.asked - done.done).abs();
            size += asked.asked.abs();
        }
    }
    Some((off, size))
}

/// One less the deviation as a share of what was asked for.
fn share((off, asked): (f64, f64)) -> Option<f64> {
    (asked > 0.0).then(|| (1.0 - off / asked).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(asked: &[f64], done: &[f64]) -> Vec<Step> {
        asked
            .iter()
            .zip(done)
            .map(|(asked, done)| Step { asked: *asked, done: *done, clamped: false })
            .collect()
    }

    #[test]
    fn mileage_goes_up_and_down() {
        assert_eq!(mileage([1.0, 4.0, 2.0, 2.0]), 5.0);
        assert_eq!((mileage([7.0]), mileage([])), (0.0, 0.0));
    }

    #[test]
    fn followed_exactly_and_one_step_late() {
        let asked = [1.0, 4.0, 2.0, 6.0, 3.0];
        let exact = score(&steps(&asked, &asked), 3);
        assert_eq!((exact.accuracy, exact.delay_steps, exact.mileage), (Some(1.0), Some(0), 12.0));
        let late = score(&steps(&asked, &[1.0, 1.0, 4.0, 2.0, 6.0]), 3);
        assert_eq!((late.delay_steps, late.precision), (Some(1), Some(1.0)));
        assert!((late.accuracy.unwrap() - (1.0 - 12.0 / 16.0)).abs() < 1e-12, "{late:?}");
    }

    #[test]
    fn what_was_held_back_is_counted_apart_and_nothing_asked_has_no_score() {
        let mut held = steps(&[1.0, 9.0, 1.0], &[1.0, 4.0, 1.0]);
        held[1].clamped = true;
        let score_of = score(&held, 0);
        assert_eq!((score_of.accuracy, score_of.clamped), (Some(1.0), 1));
        assert_eq!(score_of.accuracy_all, Some(1.0 - 5.0 / 11.0));
        assert_eq!(score(&steps(&[0.0, 0.0], &[1.0, 1.0]), 2).accuracy, None);
        assert_eq!(score(&[], 2).accuracy, None);
        assert_eq!(score(&steps(&[1.0], &[-9.0]), 0).accuracy, Some(0.0));
    }
}
