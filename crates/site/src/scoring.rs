//! How well a set point is followed: what the score of it is made with.
//!
//! What of these the ISO uses is not confirmed, so all of it is the site's to say.

use std::time::Duration;

use crate::model::Point;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// Both values are looked at so often, on the grid of the wall clock.
    pub step: Duration,
    /// What is scored as one; a whole number of steps, and a day is a whole number of them.
    pub window: Duration,
    /// A delay is looked for up to so many steps.
    pub delay_max: usize,
    /// A complete window with less accuracy is told apart; `None`: none is judged. Above 0, at most 1.
    pub accuracy_below: Option<f64>,
    /// The number of the step in its window, from 1 on, as a point; below 0 while the ISO's session is away. It proves
    /// in the history that the device looked.
    pub point: Point,
}

impl Score {
    /// Steps of a window.
    #[must_use]
    pub fn steps(&self) -> usize {
        usize::try_from(self.window.as_millis() / self.step.as_millis().max(1)).unwrap_or(usize::MAX)
    }
}
