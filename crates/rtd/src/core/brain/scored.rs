//! The score of a set point while it runs.
//!
//! At each step of the wall clock's grid, before anything else of that turn, it is looked at what was asked, what was
//! done, who owned it and what held it back: the points as the history has them by then. That it was looked, and
//! whether the ISO's session was there, is a point itself. So the report of a day, which knows nothing but the
//! history, comes to the same.

use std::time::Duration;

use control::score::{Rules, Scorer, Seen, Verdict};
use serde_json::{Value as Json, json};
use telemetry::{Mono, Now, Reasons, Value};

use super::{Brain, Commanded};
use crate::core::points::PointIx;

/// See the module.
#[derive(Debug)]
pub(in crate::core) struct Live {
    scorer: Scorer,
    /// The step that has begun.
    begun: u64,
    /// The mark of each step.
    pub(in crate::core) point: PointIx,
    owner: PointIx,
    clamp: PointIx,
    /// What is wrong with the last window that was judged.
    below: Option<String>,
}

impl Live {
    /// Before the first step. The places are those of the mark, of the owner's code and of the clamp's.
    pub(in crate::core) fn new(
        rules: Rules,
        (point, owner, clamp): (PointIx, PointIx, PointIx),
        now: Now,
    ) -> Self {
        Self { scorer: Scorer::new(rules), begun: rules.step(now.wall), point, owner, clamp, below: None }
    }

    pub(in crate::core) const fn scorer(&self) -> &Scorer {
        &self.scorer
    }

    /// When the step that has begun is over, by the clock as it is now.
    pub(in crate::core) fn due(&self, now: Now) -> Mono {
        let rules = self.scorer.rules();
        if rules.step(now.wall) != self.begun {
            return now.mono;
        }
        let left = rules.next(now.wall).as_millis().saturating_sub(now.wall.as_millis());
        now.mono.plus(Duration::from_millis(left))
    }

    /// Goes on over a change of the site, where the score is made as it was.
    pub(in crate::core) fn carry(&mut self, was: &Self) {
        if self.scorer.rules() == was.scorer.rules() {
            (self.scorer, self.begun, self.below) = (was.scorer.clone(), was.begun, was.below.clone());
        }
    }

    /// As JSON.
    pub(in crate::core) fn told(&self) -> Json {
        let rules = self.scorer.rules();
        json!({
            "step_ms": rules.step_ms,
            "window_s": rules.step_ms.saturating_mul(u64::try_from(rules.steps).unwrap_or(u64::MAX)) / 1_000,
            "accuracy_below": rules.accuracy_below,
            "confirmed": false,
            "open": self.scorer.open(),
            "last": self.scorer.last(),
            "since_start": self.scorer.totals(),
        })
    }

    /// Takes a step; what the alarm is from now on.
    fn take(&mut self, begun: u64, seen: Seen) -> Option<String> {
        self.begun = begun;
        for window in self.scorer.take(begun, seen) {
            match (window.verdict, window.score.accuracy, self.scorer.rules().accuracy_below) {
                (Some(Verdict::Below), Some(accuracy), Some(below)) => {
                    let (from, below) = (window.from, below * 100.0);
                    let accuracy = accuracy * 100.0;
                    self.below = Some(format!(
                        "the window from {from} was followed with {accuracy:.1} %, the site wants {below} %"
                    ));
                }
                (Some(Verdict::Good), ..) => self.below = None,
                _ => {}
            }
        }
        self.below.clone()
    }
}

impl Brain {
    /// Looks at every set point whose step is over. What it sees is what the last turn left.
    pub(in crate::core) fn score(&mut self, now: Now) {
        for at in 0..self.setpoints.len() {
            let Some((begun, away, seen)) = self.setpoints.get(at).and_then(|one| self.seen(one, now)) else {
                continue;
            };
            let Some(commanded) = self.setpoints.get_mut(at) else { continue };
            let (feedback, Some(live)) = (commanded.feedback, &mut commanded.score) else { continue };
            let (point, mark) = (live.point, live.scorer.rules().mark(begun, away));
            let below = live.take(begun, seen);
            self.table.make(point, Some(Value::Analog(mark)), Reasons::none(), now);
            self.table.tell_alarm(feedback, "score", below);
        }
    }

    /// The step that begins, whether the owner's session is away, and what the step before came to.
    fn seen(&self, commanded: &Commanded, now: Now) -> Option<(u64, bool, Seen)> {
        let live = commanded.score.as_ref()?;
        let begun = live.scorer.rules().step(now.wall);
        if begun == live.begun {
            return None;
        }
        let master = commanded.setpoint.master().and_then(|master| self.masters.get(master.get()));
        let away = master.is_some_and(|master| !master.up);
        // What the frequency asked for is no error of the one who follows.
        let response = commanded.around.primary.and_then(|primary| primary.response);
        let response = response.map_or(Some(0.0), |at| self.good(at));
        let done = self.good(commanded.actual).zip(response).map(|(actual, response)| actual - response);
        let values = self.good(commanded.held).zip(done);
        Some((begun, away, Seen::of(self.good(live.owner), away, self.good(live.clamp), values)))
    }
}
