//! States made of states, and of quantities against limits.

use site::{DigitalDerive, Threshold};
use telemetry::{Reasons, Value};

use super::{Made, inherited, is_usable};
use crate::core::points::Row;

/// Makes a state. `last` is what it was.
pub(super) fn evaluate(derive: &DigitalDerive, rows: &[&Row], last: Option<bool>) -> Made {
    match derive {
        DigitalDerive::Any(_) => decided(rows, true),
        DigitalDerive::All(_) => decided(rows, false),
        DigitalDerive::Quorum { quorum, .. } => at_least(rows, *quorum),
        DigitalDerive::Not(_) => {
            let value = rows.first().and_then(|row| state(row)).map(|state| !state);
            made(value, rows)
        }
        DigitalDerive::Above(threshold) => against(threshold, rows, last, true),
        DigitalDerive::Below(threshold) => against(threshold, rows, last, false),
    }
}

fn state(row: &Row) -> Option<bool> {
    row.sample.value.and_then(Value::as_bool)
}

fn made(value: Option<bool>, rows: &[&Row]) -> Made {
    let reasons = rows.iter().flat_map(|row| inherited(row)).collect();
    Made { value: value.map(Value::Binary), reasons, ..Made::default() }
}

/// One input that is good and `decides` settles it, whatever the others are; otherwise the result is as good as the
/// inputs.
fn decided(rows: &[&Row], decides: bool) -> Made {
    let deciding = rows.iter().filter(|row| is_usable(row) && state(row) == Some(decides));
    // One that is not forced decides better than one that is.
    let fewest = deciding.min_by_key(|row| row.sample.reasons.iter().count());
    if let Some(row) = fewest {
        return Made {
            value: Some(Value::Binary(decides)),
            reasons: inherited(row).into_iter().collect(),
            ..Made::default()
        };
    }
    let states: Option<Vec<bool>> = rows.iter().map(|row| state(row)).collect();
    let value = states.map(|states| if states.contains(&decides) { decides } else { !decides });
    made(value, rows)
}

/// True where at least so many are. Good as soon as the good ones settle it, one way or the other.
fn at_least(rows: &[&Row], quorum: usize) -> Made {
    let good = |wanted: bool| rows.iter().filter(|row| is_usable(row) && state(row) == Some(wanted)).count();
    let (on, off) = (good(true), good(false));
    let settled = if on >= quorum {
        Some(true)
    } else if off > rows.len().saturating_sub(quorum) {
        Some(false)
    } else {
        None
    };
    match settled {
        Some(state) => Made {
            value: Some(Value::Binary(state)),
            reasons: rows
                .iter()
                .filter(|row| is_usable(row))
                .flat_map(|row| inherited(row))
                .collect::<Reasons>(),
            ..Made::default()
        },
        None => {
            let on = rows.iter().filter(|row| state(row) == Some(true)).count();
            let known = rows.iter().all(|row| state(row).is_some());
            made(known.then_some(on >= quorum), rows)
        }
    }
}

/// A quantity against its limit; between limit and hysteresis it stays what it was.
fn against(threshold: &Threshold, rows: &[&Row], last: Option<bool>, above: bool) -> Made {
    let value = rows.first().and_then(|row| row.sample.value).map(Value::as_f64);
    let state = value.map(|value| {
        // Below is above with everything turned round.
        let (value, limit) = if above { (value, threshold.limit) } else { (-value, -threshold.limit) };
        value > limit || (last == Some(true) && value >= limit - threshold.hysteresis)
    });
    made(state, rows)
}
