//! Quantities that remember: an energy from a power, a mean over the time just past.
//!
//! A forced input is not remembered: the result says that it is forced while the input is, and nothing of what
//! somebody typed in may be in a result that is good again.

use std::collections::VecDeque;
use std::time::Duration;

use telemetry::{Mono, Unit, Value};

use super::{Made, angle, inherited, is_measured, is_usable, number};
use crate::core::points::Row;

/// Samples that a mean keeps; where more come within its window the oldest are dropped.
const SAMPLES_MAX: usize = 4_096;

/// The energy that a power has brought. Between two good samples the power is taken to go in a straight line; what
/// flows while the input is not good is not counted.
#[derive(Debug)]
pub(super) struct Energy {
    unit: Unit,
    /// In `unit`.
    total: f64,
    /// The last good sample, in megawatts.
    last: Option<(Mono, f64)>,
}

impl Energy {
    pub(super) fn new(initial: f64, unit: Unit) -> Self {
        Self { unit, total: initial, last: None }
    }

    /// Takes the input as it was read.
    pub(super) fn evaluate(&mut self, rows: &[(&Row, Option<Unit>)]) -> Made {
        let Some((row, from)) = rows.first() else { return Made::default() };
        let read = row.sample.received;
        let good = is_measured(row).then(|| number(row, *from, Unit::Megawatt)).flatten();
        match (self.last, good) {
            (Some((then, before)), Some(power)) if read > then => {
                let hours = read.since(then).as_secs_f64() / 3_600.0;
                let energy = Unit::MegawattHour.convert(f64::midpoint(before, power) * hours, self.unit);
                self.total += energy.unwrap_or(0.0);
                self.last = Some((read, power));
            }
            (None, Some(power)) => self.last = Some((read, power)),
            (Some(_), Some(_)) => {}
            (_, None) => self.last = None,
        }
        Made {
            value: row.sample.value.map(|_| Value::Analog(self.total)),
            reasons: inherited(row).into_iter().collect(),
            ..Made::default()
        }
    }
}

/// The mean over a window, each sample weighing as long as it held. Without a good sample in the window there is none.
#[derive(Debug)]
pub(super) struct Mean {
    window: Duration,
    /// Since when a value held; `None` while the input was not good.
    samples: VecDeque<(Mono, Option<f64>)>,
}

impl Mean {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, samples: VecDeque::new() }
    }

    /// Takes the input as it is at `now`.
    pub(super) fn evaluate(&mut self, rows: &[(&Row, Option<Unit>)], unit: Unit, now: Mono) -> Made {
        let Some((row, from)) = rows.first() else { return Made::default() };
        let good = is_measured(row).then(|| number(row, *from, unit)).flatten();
        if self.samples.back().is_none_or(|(_, value)| *value != good) {
            self.samples.push_back((now, good));
        }
        let begin = Mono::from_micros(now.as_micros().saturating_sub(micros(self.window)));
        // What began before the window still holds at its begin, until the next.
        while self.samples.len() > SAMPLES_MAX || self.samples.get(1).is_some_and(|(next, _)| *next <= begin)
        {
            self.samples.pop_front();
        }
        let mean = self
            .mean(unit, begin, now)
            .or_else(|| is_usable(row).then(|| number(row, *from, unit)).flatten());
        Made {
            value: mean.map(Value::Analog),
            // The present input decides: a mean of what was before says nothing of now.
            reasons: inherited(row).into_iter().collect(),
            ..Made::default()
        }
    }

    fn mean(&self, unit: Unit, begin: Mono, now: Mono) -> Option<f64> {
        let ends = self.samples.iter().skip(1).map(|(at, _)| *at).chain([now]);
        let held =
            self.samples.iter().zip(ends).filter_map(|((at, value), end)| {
                Some(((*value)?, end.since((*at).max(begin)).as_secs_f64()))
            });
        let weight: f64 = held.clone().map(|(_, held)| held).sum();
        (weight > 0.0).then(|| {
            if unit == Unit::Degree {
                return angle::mean(held);
            }
            held.map(|(value, held)| value * held).sum::<f64>() / weight
        })
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
