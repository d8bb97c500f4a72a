//! What points made of others have to be: each operation in the plainest words of `docs/site.md`.

use std::collections::VecDeque;

use site::{AnalogDerive, DigitalDerive};
use telemetry::Unit;

use crate::oracle::{Against, From, Point, factor};

/// What an operation remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// The energy so far.
    pub(crate) total: f64,
    /// The last good power, and when.
    last: Option<(u64, f64)>,
    /// The mean as it was last worked out.
    mean: Option<f64>,
    /// What held since when, newest last; `None`: not good.
    held: VecDeque<(u64, Option<f64>)>,
    state: Option<bool>,
}

/// A result.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made {
    pub(crate) value: Option<f64>,
    pub(crate) against: Against,
}

/// What an input hands on to the result: it is lost with it, or forced with it.
fn hands_on<'a>(inputs: impl IntoIterator<Item = &'a Point>) -> Against {
    let mut against = Against::default();
    for input in inputs {
        let theirs = input.shown.against;
        against.bad |= !theirs.is_usable();
        against.forced |= theirs.forced;
    }
    against
}

fn bad() -> Against {
    Against { bad: true, ..Against::default() }
}

/// An input's value in a unit.
fn value(input: &Point, unit: Unit) -> Option<f64> {
    let value = input.shown.value?;
    Some(input.unit.map_or(value, |from| value * factor(from, unit)))
}

fn is_good(input: &Point) -> bool {
    input.shown.against.is_usable() && input.shown.value.is_some()
}

fn state_of(input: &Point) -> Option<bool> {
    input.shown.value.map(|value| value == 1.0)
}

/// All inputs are needed.
fn of_all(inputs: &[&Point], unit: Option<Unit>, make: impl Fn(&[f64]) -> f64) -> Made {
    let values: Option<Vec<f64>> =
        inputs.iter().map(|input| unit.map_or(input.shown.value, |unit| value(input, unit))).collect();
    let against = hands_on(inputs.iter().copied());
    match values {
        Some(values) => Made { value: Some(make(&values)), against },
        None => Made { value: None, against: bad() },
    }
}

pub(crate) fn quantity(
    derive: &AnalogDerive,
    inputs: &[&Point],
    unit: Unit,
    memory: &mut Memory,
    now: u64,
) -> Made {
    let own = Some(unit);
    match derive {
        AnalogDerive::Sum(_) => of_all(inputs, own, |values| values.iter().sum()),
        AnalogDerive::Difference(_) => {
            of_all(inputs, own, |values| values[0] - values[1..].iter().sum::<f64>())
        }
        AnalogDerive::Minimum(_) => {
            of_all(inputs, own, |values| values.iter().copied().fold(f64::MAX, f64::min))
        }
        AnalogDerive::Maximum(_) => {
            of_all(inputs, own, |values| values.iter().copied().fold(f64::MIN, f64::max))
        }
        AnalogDerive::Product { factor, .. } => {
            of_all(inputs, None, |values| values.iter().product::<f64>() * factor)
        }
        AnalogDerive::Scale { factor, offset, .. } => {
            of_all(inputs, None, |values| values[0] * factor + offset)
        }
        AnalogDerive::Limit { low, high, .. } => {
            of_all(inputs, own, |values| values[0].max(low.unwrap_or(f64::MIN)).min(high.unwrap_or(f64::MAX)))
        }
        AnalogDerive::Count(_) => of_all(inputs, None, |values| values.iter().sum()),
        AnalogDerive::Average { quorum, .. } => {
            let good: Vec<&Point> = inputs.iter().copied().filter(|input| is_good(input)).collect();
            let sum: f64 = good.iter().filter_map(|input| value(input, unit)).sum();
            let mut against = hands_on(good.iter().copied());
            against.bad |= good.len() < *quorum;
            Made { value: (!good.is_empty()).then(|| sum / good.len() as f64), against }
        }
        AnalogDerive::Select { .. } => {
            let [when, yes, no] = inputs else { unreachable!() };
            match state_of(when) {
                Some(state) => {
                    let taken = if state { yes } else { no };
                    let mut against = hands_on([*when, *taken]);
                    against.bad |= taken.shown.value.is_none();
                    Made { value: value(taken, unit), against }
                }
                None => Made { value: None, against: bad() },
            }
        }
        AnalogDerive::FirstGood { .. } => match inputs.iter().find(|input| is_good(input)) {
            Some(taken) => Made { value: value(taken, unit), against: hands_on([*taken]) },
            None => Made { value: None, against: bad() },
        },
        AnalogDerive::Integrate { .. } => energy(inputs[0], memory),
        AnalogDerive::Mean { window, .. } => {
            mean(inputs[0], unit, u64::try_from(window.as_millis()).unwrap(), memory, now)
        }
        // They have a property test of their own beside their code.
        AnalogDerive::Hsl(_) | AnalogDerive::EnergyLimit(_) => unreachable!("no world has one"),
    }
}

/// Good, and not by hand: what somebody typed is no measurement.
fn measured(input: &Point) -> bool {
    is_good(input) && !input.shown.against.forced
}

fn energy(input: &Point, memory: &mut Memory) -> Made {
    if input.touched {
        let read = input.shown.own;
        let power = value(input, Unit::Megawatt).filter(|_| measured(input));
        match (memory.last, power) {
            (Some((then, before)), Some(power)) => {
                if read > then {
                    memory.total += (before + power) / 2.0 * ((read - then) as f64 / 3.6e6);
                    memory.last = Some((read, power));
                }
            }
            (_, power) => memory.last = power.map(|power| (read, power)),
        }
    }
    let mut against = hands_on([input]);
    against.bad |= input.shown.value.is_none();
    Made { value: input.shown.value.map(|_| memory.total), against }
}

fn mean(input: &Point, unit: Unit, window: u64, memory: &mut Memory, now: u64) -> Made {
    let present = value(input, unit).filter(|_| measured(input));
    if input.touched {
        memory.held.push_back((now, present));
        let (begin, mut sum, mut weight) = (now.saturating_sub(window), 0.0, 0.0);
        while memory.held.get(1).is_some_and(|next| next.0 < begin) {
            memory.held.pop_front();
        }
        for (at, (from, value)) in memory.held.iter().enumerate() {
            let end = memory.held.get(at + 1).map_or(now, |next| next.0);
            if let Some(value) = value
                && end > begin
            {
                let time = (end - (*from).max(begin)) as f64;
                sum += value * time;
                weight += time;
            }
        }
        memory.mean = if weight > 0.0 { Some(sum / weight) } else { present };
    }
    let mut against = hands_on([input]);
    against.bad |= memory.mean.is_none() && !against.forced;
    Made { value: memory.mean, against }
}

pub(crate) fn state(derive: &DigitalDerive, inputs: &[&Point], memory: &mut Memory) -> Made {
    let is = |input: &&&Point, state: bool| is_good(input) && state_of(input) == Some(state);
    // One good input that is `decides` settles it; one that is not forced is better than one that is.
    let one_decides = |decides: bool| {
        let mut deciding: Vec<&&Point> = inputs.iter().filter(|input| is(input, decides)).collect();
        deciding.sort_by_key(|input| input.shown.against.forced);
        match deciding.first() {
            Some(input) => Made { value: Some(f64::from(u8::from(decides))), against: hands_on([**input]) },
            None => of_all(inputs, None, |values| {
                let any = values.iter().any(|value| (*value == 1.0) == decides);
                f64::from(u8::from(any == decides))
            }),
        }
    };
    match derive {
        DigitalDerive::Any(_) => one_decides(true),
        DigitalDerive::All(_) => one_decides(false),
        DigitalDerive::Not(_) => of_all(inputs, None, |values| 1.0 - values[0]),
        DigitalDerive::Quorum { quorum, .. } => {
            let on = inputs.iter().filter(|input| is(input, true)).count();
            let off = inputs.iter().filter(|input| is(input, false)).count();
            let good = inputs.iter().copied().filter(|input| is_good(input));
            if on >= *quorum {
                Made { value: Some(1.0), against: hands_on(good) }
            } else if off > inputs.len() - quorum {
                Made { value: Some(0.0), against: hands_on(good) }
            } else {
                Made { value: None, against: bad() }
            }
        }
        DigitalDerive::Above(threshold) | DigitalDerive::Below(threshold) => {
            let turned = if matches!(derive, DigitalDerive::Below(_)) { -1.0 } else { 1.0 };
            let made = of_all(inputs, None, |values| values[0]);
            if let Some(value) = made.value {
                let (value, limit) = (value * turned, threshold.limit * turned);
                let back = memory.state == Some(true) && value >= limit - threshold.hysteresis;
                memory.state = Some(value > limit || back);
            }
            Made { value: memory.state.map(|state| f64::from(u8::from(state))), ..made }
        }
    }
}

/// Whether a result may be told from its inputs to the last count: what adds up over time may not.
pub(crate) fn is_exact(point: &Point) -> bool {
    !matches!(&point.from, From::Quantity(AnalogDerive::Integrate { .. } | AnalogDerive::Mean { .. }, _))
}
