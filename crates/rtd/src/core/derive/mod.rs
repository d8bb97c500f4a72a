//! Points made of other points: sums and means of quantities, states made of states, a backup behind a primary.
//!
//! What is made is as good as what it is made of. An input that is not good takes the quality away, is named in the
//! reasons, and passes its own reasons on, so that a lost source shows as a lost source; a forced one shows as
//! forced. Only operations that are meant to do without some of their inputs (`average`, `first-good`, `any`, `all`,
//! `quorum`) may stay good when one is not.

mod angle;
mod energy;
mod hsl;
mod over_time;
mod quantity;
mod state;

use std::sync::Arc;

use site::{AnalogDerive, DigitalDerive};
use telemetry::{Mono, Reason, ReasonKind, Reasons, Unit, Value};

use super::points::{PointIx, Row};
use hsl::Hsl;
use over_time::{Energy, Mean};

/// An alarm that goes with a derived point: its kind, and in words what is the matter while it is raised.
pub(super) type Raised = (&'static str, String);

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// `None`: the last value is kept.
    pub(super) value: Option<Value>,
    pub(super) reasons: Reasons,
    pub(super) raised: Vec<Raised>,
    /// Which input was taken, where only one was.
    pub(super) taken: Option<PointIx>,
}

/// An input with its unit; states have none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    pub(super) at: PointIx,
    pub(super) unit: Option<Unit>,
}

/// How it is made, with what it remembers.
#[derive(Debug)]
enum How {
    Quantity(AnalogDerive),
    Energy(Energy),
    Mean(Mean),
    Hsl(Box<Hsl>),
    State(DigitalDerive),
}

/// A point that is made of others.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) point: PointIx,
    pub(super) inputs: Vec<Input>,
    pub(super) op: &'static str,
    /// The input that was taken last, of an operation that takes one.
    pub(super) taken: Option<PointIx>,
    /// Unit of the result, of a quantity.
    unit: Unit,
    range: Option<(f64, f64, Arc<str>)>,
    how: How,
}

impl Derived {
    /// A quantity. `inputs` are the operation's, in its order.
    pub(super) fn quantity(
        point: PointIx,
        derive: &AnalogDerive,
        inputs: Vec<Input>,
        unit: Unit,
        range: Option<(f64, f64, Arc<str>)>,
    ) -> Self {
        let how = match derive {
            AnalogDerive::Integrate { initial, .. } => How::Energy(Energy::new(*initial, unit)),
            AnalogDerive::Mean { window, .. } => How::Mean(Mean::new(*window)),
            AnalogDerive::Hsl(hsl) => How::Hsl(Box::new(Hsl::new((**hsl).clone()))),
            other => How::Quantity(other.clone()),
        };
        Self { point, inputs, op: derive.op(), taken: None, unit, range, how }
    }

    /// A state.
    pub(super) fn state(point: PointIx, derive: &DigitalDerive, inputs: Vec<Input>) -> Self {
        let how = How::State(derive.clone());
        Self { point, inputs, op: derive.op(), taken: None, unit: Unit::Count, range: None, how }
    }

    /// Goes on as another did that is made in the same way, with what that remembers.
    pub(super) fn carry(&mut self, old: Self) {
        (self.how, self.taken) = (old.how, None);
    }

    /// The physical range of what is made, where there is one.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        self.range.as_ref().map(|(low, high, _)| (*low, *high))
    }

    /// Makes it anew from its inputs; `last` is what it was.
    pub(super) fn evaluate(&mut self, rows: &[Row], last: Option<Value>, now: Mono) -> Made {
        let rows: Vec<(&Row, Option<Unit>)> =
            self.inputs.iter().filter_map(|input| Some((rows.get(input.at.get())?, input.unit))).collect();
        let mut made = match &mut self.how {
            How::Quantity(derive) => quantity::evaluate(derive, &rows, self.unit),
            How::Energy(energy) => energy.evaluate(&rows),
            How::Mean(mean) => mean.evaluate(&rows, self.unit, now),
            How::Hsl(hsl) => hsl.evaluate(&rows, self.unit, now),
            How::State(derive) => {
                let rows: Vec<&Row> = rows.iter().map(|(row, _)| *row).collect();
                state::evaluate(derive, &rows, last.and_then(Value::as_bool))
            }
        };
        if let Some(Value::Analog(value)) = made.value {
            self.plausible(value, &mut made);
        }
        self.taken = made.taken;
        made
    }

    /// A result that is no number, or outside its range.
    fn plausible(&self, value: f64, made: &mut Made) {
        if !value.is_finite() {
            made.value = None;
            made.reasons.insert(Reason::new(ReasonKind::NotANumber, self.op));
        } else if let Some((low, high, text)) = &self.range
            && !(*low..=*high).contains(&value)
        {
            made.reasons.insert(Reason::new(ReasonKind::Implausible, Arc::clone(text)));
        }
    }
}

/// The reasons that a point made of `input` inherits. Saturation on our own wire is left out: it is the input's counts
/// that do not fit, not its value. One that is only forced can be used, and says so in the result.
pub(super) fn inherited(input: &Row) -> Vec<Reason> {
    let clipped = is_clipped(input);
    let counts = |reason: &Reason| reason.kind == ReasonKind::Saturated && !clipped;
    let mut reasons: Vec<Reason> =
        input.sample.reasons.iter().filter(|reason| !counts(reason)).cloned().collect();
    if !reasons.is_empty() {
        let forced = reasons.iter().all(|reason| reason.kind == ReasonKind::Forced);
        if forced {
            for reason in &mut reasons {
                reason.cause = format!("{} {}", input.spec.id, reason.cause).into();
            }
        } else {
            reasons.push(Reason::new(ReasonKind::Input, input.spec.id.shared()));
        }
    }
    reasons
}

/// Whether the source itself says that its value is beyond what it can measure: then the value is wrong, not only its
/// counts.
fn is_clipped(row: &Row) -> bool {
    let forced = row.hand.as_ref().is_some_and(|hand| hand.value.is_some());
    !forced && row.under.judged.has(ReasonKind::Saturated)
}

/// Whether an input can be used as it is: good, saturated on our wire, or forced.
fn is_usable(row: &Row) -> bool {
    let usable = |reason: &Reason| matches!(reason.kind, ReasonKind::Saturated | ReasonKind::Forced);
    row.sample.reasons.iter().all(usable) && !is_clipped(row)
}

/// Whether an input can be used and was measured: what somebody typed in is not.
fn is_measured(row: &Row) -> bool {
    is_usable(row) && !row.sample.reasons.has(ReasonKind::Forced)
}

/// What an input is, in the unit wanted; `None` while it was never read.
fn number(row: &Row, from: Option<Unit>, to: Unit) -> Option<f64> {
    let value = row.sample.value?.as_f64();
    match from {
        Some(from) => from.convert(value, to),
        None => Some(value),
    }
}

#[cfg(test)]
mod tests;
