//! Quantities of quantities: what is made in one go from the inputs as they are now.

use site::AnalogDerive;
use telemetry::{Reasons, Unit, Value};

use super::{Made, angle, energy, inherited, is_usable, number};
use crate::core::points::Row;

/// An input and its unit.
pub(super) type Term<'a> = (&'a Row, Option<Unit>);

/// Makes a quantity in `unit`.
pub(super) fn evaluate(derive: &AnalogDerive, rows: &[Term<'_>], unit: Unit) -> Made {
    match derive {
        AnalogDerive::Sum(_) => all(rows, unit, |values| values.iter().sum()),
        AnalogDerive::Difference(_) => all(rows, unit, |values| match values.split_first() {
            Some((first, others)) => first - others.iter().sum::<f64>(),
            None => f64::NAN,
        }),
        AnalogDerive::Minimum(_) => all(rows, unit, |values| values.iter().copied().fold(f64::NAN, f64::min)),
        AnalogDerive::Maximum(_) => all(rows, unit, |values| values.iter().copied().fold(f64::NAN, f64::max)),
        AnalogDerive::Average { quorum, .. } => average(rows, unit, *quorum),
        AnalogDerive::Product { factor, .. } => raw(rows, |values| values.iter().product::<f64>() * factor),
        AnalogDerive::Scale { factor, offset, .. } => {
            raw(rows, |values| values.first().map_or(f64::NAN, |value| value * factor + offset))
        }
        AnalogDerive::Limit { low, high, .. } => all(rows, unit, |values| {
            let value = values.first().copied().unwrap_or(f64::NAN);
            let value = low.map_or(value, |low| value.max(low));
            high.map_or(value, |high| value.min(high))
        }),
        AnalogDerive::Select { .. } => select(rows, unit),
        AnalogDerive::FirstGood { differ_max, .. } => first_good(rows, unit, *differ_max),
        AnalogDerive::Count(_) => count(rows),
        AnalogDerive::EnergyLimit(limit) => energy::evaluate(limit, rows, unit),
        // They remember, and are made elsewhere.
        AnalogDerive::Integrate { .. } | AnalogDerive::Mean { .. } | AnalogDerive::Hsl(_) => Made::default(),
    }
}

/// The reasons of all inputs together.
pub(super) fn reasons_of(rows: &[Term<'_>]) -> Reasons {
    rows.iter().flat_map(|(row, _)| inherited(row)).collect()
}

/// A result that needs every input. Without a value of each the last result is kept.
fn all(rows: &[Term<'_>], unit: Unit, make: impl FnOnce(&[f64]) -> f64) -> Made {
    let values: Option<Vec<f64>> = rows.iter().map(|(row, from)| number(row, *from, unit)).collect();
    let value = values.map(|values| Value::Analog(make(&values)));
    Made { value, reasons: reasons_of(rows), ..Made::default() }
}

/// As [`all`], of the inputs as plain numbers in their own units.
fn raw(rows: &[Term<'_>], make: impl FnOnce(&[f64]) -> f64) -> Made {
    let values: Option<Vec<f64>> = rows.iter().map(|(row, _)| row.sample.value.map(Value::as_f64)).collect();
    let value = values.map(|values| Value::Analog(make(&values)));
    Made { value, reasons: reasons_of(rows), ..Made::default() }
}

/// The mean of the good ones. With fewer than wanted it is the mean of what there is, and not good.
fn average(rows: &[Term<'_>], unit: Unit, quorum: usize) -> Made {
    let good: Vec<&Term<'_>> = rows.iter().filter(|(row, _)| is_usable(row)).collect();
    let values: Vec<f64> = good.iter().filter_map(|(row, from)| number(row, *from, unit)).collect();
    let mean = (!values.is_empty()).then(|| {
        if unit == Unit::Degree {
            return angle::mean(values.iter().map(|value| (*value, 1.0)));
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of points")]
        let count = values.len() as f64;
        values.iter().sum::<f64>() / count
    });
    let enough = values.len() >= quorum;
    // Forced inputs show; those left out do where too few are left.
    let reasons = rows.iter().filter(|(row, _)| !enough || is_usable(row));
    Made {
        value: mean.map(Value::Analog),
        reasons: reasons.flat_map(|(row, _)| inherited(row)).collect(),
        ..Made::default()
    }
}

/// One of two, by a state. The one that is not taken does not matter.
fn select(rows: &[Term<'_>], unit: Unit) -> Made {
    let [(when, _), yes, no] = rows else { return Made::default() };
    let Some(state) = when.sample.value.and_then(Value::as_bool) else {
        return Made { reasons: inherited(when).into_iter().collect(), ..Made::default() };
    };
    let (row, from) = if state { yes } else { no };
    Made {
        value: number(row, *from, unit).map(Value::Analog),
        reasons: inherited(when).into_iter().chain(inherited(row)).collect(),
        raised: Vec::new(),
        taken: Some(row.at),
    }
}

/// The first good one. Where none is, the first that has a value, with the reasons of all.
fn first_good(rows: &[Term<'_>], unit: Unit, differ_max: Option<f64>) -> Made {
    let value = |(row, from): &Term<'_>| number(row, *from, unit);
    let Some((at, taken)) = rows.iter().enumerate().find(|(_, (row, _))| is_usable(row)) else {
        let known = rows.iter().find_map(|term| Some((term.0.at, value(term)?)));
        return Made {
            value: known.map(|(_, value)| Value::Analog(value)),
            reasons: reasons_of(rows),
            raised: Vec::new(),
            taken: known.map(|(at, _)| at),
        };
    };
    let mut raised = Vec::new();
    if at > 0 {
        let wanted = rows.first().map_or("", |(row, _)| row.spec.id.as_str());
        raised.push(("fallback", format!("{} stands in for {wanted}", taken.0.spec.id)));
    }
    if let (Some(most), Some(value_taken)) = (differ_max, value(taken)) {
        let others = rows.iter().filter(|(row, _)| row.at != taken.0.at && is_usable(row));
        for other in others {
            if let Some(value) = value(other).filter(|value| (value - value_taken).abs() > most) {
                let (a, b) = (&taken.0.spec.id, &other.0.spec.id);
                raised.push((
                    "differ",
                    format!("{a} {value_taken} and {b} {value} differ by more than {most} {unit}"),
                ));
                break;
            }
        }
    }
    Made {
        value: value(taken).map(Value::Analog),
        reasons: inherited(taken.0).into_iter().collect(),
        raised,
        taken: Some(taken.0.at),
    }
}

/// How many states are true; all must be known.
fn count(rows: &[Term<'_>]) -> Made {
    let states: Option<Vec<bool>> =
        rows.iter().map(|(row, _)| row.sample.value.and_then(Value::as_bool)).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of points")]
    let value = states.map(|states| Value::Analog(states.into_iter().filter(|state| *state).count() as f64));
    Made { value, reasons: reasons_of(rows), ..Made::default() }
}
