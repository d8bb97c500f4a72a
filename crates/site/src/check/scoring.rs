//! How a set point is scored, and the points that its history is made of.

use std::time::Duration;

use config::Spanned;

use super::Check;
use crate::model::Point;
use crate::raw::{RawFeedback, RawSetPoint};
use crate::scoring::Score;

/// A step and a window, unless the file says otherwise.
const STEP_MS: u64 = 4_000;
const WINDOW_S: u64 = 900;
/// A delay is looked for up to so many steps, unless the file says otherwise.
const DELAY_MAX: u64 = 5;
/// Steps of a window at most: they are all in memory.
const STEPS_MAX: u128 = 3_600;
const DAY: Duration = Duration::from_secs(86_400);

impl Check<'_> {
    pub(crate) fn score(&mut self, field: &str, raw: &RawSetPoint, setpoint: &Point) -> Option<Score> {
        let score = raw.score.as_ref()?;
        let (at, score) = (score.span(), score.get_ref());
        let field = format!("{field}.score");
        let of = |name: &str| format!("{field}.{name}");
        let step = score
            .step_ms
            .as_ref()
            .map_or(Duration::from_millis(STEP_MS), |step| self.millis(of("step_ms"), step, (100, 600_000)));
        let window = score.window_s.as_ref().map_or(Duration::from_secs(WINDOW_S), |window| {
            self.seconds(of("window_s"), window, (1, 86_400))
        });
        let steps = window.as_millis() / step.as_millis().max(1);
        if step * u32::try_from(steps).unwrap_or(u32::MAX) != window || !(1..=STEPS_MAX).contains(&steps) {
            let message = format!(
                "{} s, must be 1 to {STEPS_MAX} whole steps of {} ms",
                window.as_secs(),
                step.as_millis()
            );
            self.problem(at.clone(), of("window_s"), message);
        }
        if !DAY.as_millis().is_multiple_of(window.as_millis().max(1)) {
            let message = format!("{} s, must fit into a day a whole number of times", window.as_secs());
            self.problem(at.clone(), of("window_s"), message);
        }
        let delay = score.delay_max_steps.as_ref();
        let delay_max = delay.map_or(DELAY_MAX, |delay| *delay.get_ref());
        if let Some(delay) = delay.filter(|_| delay_max > 60) {
            self.problem(delay.span(), of("delay_max_steps"), format!("{delay_max}, allowed: 0 to 60"));
        }
        let accuracy_below = score.accuracy_below.as_ref().map(|text| {
            let number = self.above_zero(of("accuracy_below"), text);
            if number > 1.0 {
                self.problem(text.span(), of("accuracy_below"), format!("{number}, must be at most 1"));
            }
            number
        });
        let point = self.unserved(&field, "score", raw, setpoint);
        Some(Score {
            step,
            window,
            delay_max: usize::try_from(delay_max).unwrap_or_default(),
            accuracy_below,
            point,
        })
    }

    /// A code that the file does not name, where the score needs it: the history has it, no master is served it.
    pub(crate) fn unserved(&mut self, field: &str, what: &str, raw: &RawSetPoint, setpoint: &Point) -> Point {
        let at = raw.score.as_ref().map_or_else(|| raw.id.span(), Spanned::span);
        let id = Spanned::new(at, format!("{}.{what}", raw.id.get_ref()));
        let code = RawFeedback::unserved(id);
        self.code(field, &code, setpoint)
    }
}
