//! The most (or the least) energy that a battery can hold now: what it holds when whole, less what is out of service,
//! lost by age or kept back.

use std::ops::RangeInclusive;

use site::EnergyLimit;
use telemetry::{Reason, ReasonKind, Unit, Value};

use super::quantity::{Term, reasons_of};
use super::{Made, number};

/// Per cent. New cells may be told to be a little better than their rating; the limit never is.
const HEALTH: RangeInclusive<f64> = 0.0..=110.0;

/// Makes the limit in `unit`.
pub(super) fn evaluate(limit: &EnergyLimit, rows: &[Term<'_>], unit: Unit) -> Made {
    let mut reasons = reasons_of(rows);
    let Some((racks, health)) = rows.split_first() else { return Made::default() };
    let available = number(racks.0, racks.1, Unit::Count);
    let health = match health.first() {
        Some((row, from)) => number(row, *from, Unit::Percent),
        None => Some(100.0),
    };
    let (Some(available), Some(health)) = (available, health) else {
        return Made { reasons, ..Made::default() };
    };
    let units = limit.available.units;
    let mut refuse = |words: String| reasons.insert(Reason::new(ReasonKind::Implausible, words));
    if !(0.0..=units).contains(&available) {
        refuse(format!("{available} of {units} racks"));
        return Made { reasons, ..Made::default() };
    }
    if !HEALTH.contains(&health) {
        refuse(format!("{health} % of health"));
        return Made { reasons, ..Made::default() };
    }
    let whole = limit.full_mwh * available / units * health.min(100.0) / 100.0;
    let left = (whole - limit.reserve_mwh).max(limit.low_mwh.unwrap_or(0.0)).max(0.0);
    let left = limit.high_mwh.map_or(left, |high| left.min(high));
    let value = Unit::MegawattHour.convert(left, unit).map(Value::Analog);
    Made { value, reasons, ..Made::default() }
}
