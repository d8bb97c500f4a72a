//! The plant's set point over its units.
//!
//! Each unit gets a part that it can carry now; the parts sum up to the set point, or to as much of it as all units
//! together can do, and what is missing is said. A unit that is lost is simply not there in the next cycle; what one
//! counts for of which nothing is heard is [`crate::silent`]'s.

use serde::Serialize;

use crate::limits::Band;

/// Parts smaller than this, of the whole, are rounding.
const NEAR: f64 = 1e-9;

/// How the parts are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// By what each can do in that direction.
    Capability,
    /// By what each has stored (discharging), or has room for (charging).
    Charge,
    /// One after the other, by priority.
    Priority,
}

/// A unit as it is now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// It answers, is connected, and takes set points.
    pub available: bool,
    /// What it can do now; 0 lies within for a unit that can stand still.
    pub can: Band,
    /// It does this much or nothing, either way, as far as it can do nothing; 0: anything.
    pub least: f64,
    /// What it has stored; `None` for a unit without a store.
    pub stored: Option<f64>,
    /// What it has room for.
    pub room: Option<f64>,
    /// The lower comes first.
    pub priority: u32,
    /// What it can do costs nothing: it does all of it, and is held back only where no other can take it.
    pub free: bool,
}

/// What a cycle came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parts {
    /// The part of each unit, in their order; 0 for one that is not available.
    pub units: Vec<f64>,
    /// What is missing: the set point less the sum of the parts.
    pub short: f64,
}

/// Gives each unit its part of `target`. No unit runs at its least where that would take the sum out of `within`: it
/// rests, and that is missing.
#[must_use]
pub fn dispatch(target: f64, units: &[Unit], method: Method, within: Band) -> Parts {
    // Some units do something whatever is asked: only the rest is dispatched.
    let begins = |unit: &Unit| match (unit.available, unit.free) {
        (false, _) => 0.0,
        (true, true) => unit.can.high,
        (true, false) => unit.can.hold(0.0),
    };
    let mut parts: Vec<f64> = units.iter().map(begins).collect();
    for free in [false, true] {
        let open = units.iter().enumerate().filter(|(_, unit)| unit.available && unit.free == free);
        let mut open: Vec<usize> = open.map(|(at, _)| at).collect();
        let left = target - parts.iter().sum::<f64>();
        if method == Method::Priority {
            open.sort_by_key(|at| units.get(*at).map_or(u32::MAX, |unit| unit.priority));
            if free {
                // They are held back only: the first to be used is the last.
                open.reverse();
            }
            one_after_the_other(left, units, &mut parts, &open);
        } else {
            together(left, target, units, &mut parts, open, method);
        }
    }
    run_or_rest(&mut parts, units, target, within);
    let short = target - parts.iter().sum::<f64>();
    Parts { units: parts, short: if short.abs() <= NEAR * target.abs().max(1.0) { 0.0 } else { short } }
}

fn one_after_the_other(mut left: f64, units: &[Unit], parts: &mut [f64], open: &[usize]) {
    for at in open.iter().copied() {
        left -= add(units, parts, at, left);
    }
}

/// Whoever is full drops out, and what it could not take goes over the others.
fn together(
    mut left: f64,
    target: f64,
    units: &[Unit],
    parts: &mut [f64],
    mut open: Vec<usize>,
    method: Method,
) {
    while left.abs() > NEAR * target.abs().max(1.0) && !open.is_empty() {
        let up = left > 0.0;
        let weights: Vec<f64> = open.iter().map(|at| weight(units, parts, *at, up, method)).collect();
        let sum: f64 = weights.iter().sum();
        if sum <= 0.0 {
            break;
        }
        let share = left;
        let before = left;
        for (at, weight) in open.iter().zip(&weights) {
            left -= add(units, parts, *at, share * weight / sum);
        }
        open.retain(|at| room(units, parts, *at, up) > NEAR);
        if (before - left).abs() <= NEAR {
            break;
        }
    }
}

/// How much further a unit can go in a direction.
fn room(units: &[Unit], parts: &[f64], at: usize, up: bool) -> f64 {
    let (Some(unit), Some(part)) = (units.get(at), parts.get(at)) else { return 0.0 };
    if up { (unit.can.high - part).max(0.0) } else { (part - unit.can.low).max(0.0) }
}

fn weight(units: &[Unit], parts: &[f64], at: usize, up: bool, method: Method) -> f64 {
    let room = room(units, parts, at, up);
    let Some(unit) = units.get(at).filter(|_| room > NEAR) else { return 0.0 };
    let charge = if up { unit.stored } else { unit.room };
    match (method, charge) {
        (Method::Charge, Some(charge)) => Band { low: 0.0, high: 1e12 }.hold(charge) + NEAR,
        _ => room,
    }
}

/// Adds to a part as far as the unit can; how much.
fn add(units: &[Unit], parts: &mut [f64], at: usize, more: f64) -> f64 {
    let (Some(unit), Some(part)) = (units.get(at), parts.get_mut(at)) else { return 0.0 };
    let before = *part;
    *part = unit.can.hold(before + more);
    *part - before
}

/// Brings units below their least to it, or to rest, and moves what that leaves to the others. Where the sum would be
/// beyond what it may, or nearer to the target with one of them at rest, that one rests.
fn run_or_rest(parts: &mut Vec<f64>, units: &[Unit], target: f64, within: Band) {
    let even = std::mem::take(parts);
    let near = NEAR * target.abs().max(1.0);
    let mut rests = vec![false; units.len()];
    *parts = settled(&even, units, target, &rests);
    loop {
        let sum = parts.iter().sum::<f64>();
        let (missing, beyond) = (target - sum, within.hold(sum) - sum);
        let may = beyond.abs() <= near;
        let back = if may { missing } else { beyond };
        let runs_on = |at: &usize| {
            let (Some(unit), Some(part)) = (units.get(*at), parts.get(*at)) else { return false };
            unit.available && unit.least > 0.0 && unit.can.contains(0.0) && part * back < 0.0
        };
        let wanted = |at: usize| even.get(at).map_or(0.0, |part| part.abs());
        let lightest =
            (0..units.len()).filter(runs_on).min_by(|one, other| wanted(*one).total_cmp(&wanted(*other)));
        let Some(rest) = lightest.filter(|_| back.abs() > near).and_then(|at| rests.get_mut(at)) else {
            return;
        };
        *rest = true;
        let without = settled(&even, units, target, &rests);
        if may && (target - without.iter().sum::<f64>()).abs() >= missing.abs() {
            return;
        }
        *parts = without;
    }
}

/// The parts with some units at rest: each other one at its least or more, or at rest, and what that leaves done by
/// those that run.
fn settled(even: &[f64], units: &[Unit], target: f64, rests: &[bool]) -> Vec<f64> {
    let least = |(at, (unit, part)): (usize, (&Unit, &f64))| {
        if !unit.available || unit.least <= 0.0 || *part == 0.0 {
            return *part;
        }
        let (runs, may_rest) = (runs(unit, *part > 0.0), unit.can.contains(0.0));
        match runs {
            _ if may_rest && rests.get(at).copied().unwrap_or(false) => 0.0,
            // Nearer to rest than to running.
            Some(_) if may_rest && part.abs() * 2.0 < unit.least => 0.0,
            Some(runs) => runs.hold(*part),
            None if may_rest => 0.0,
            None => *part,
        }
    };
    let mut parts: Vec<f64> = units.iter().zip(even).enumerate().map(least).collect();
    let mut left = target - parts.iter().sum::<f64>();
    for (unit, part) in units.iter().zip(&mut parts) {
        if !unit.available || (unit.least > 0.0 && *part == 0.0) || left.abs() <= NEAR {
            continue;
        }
        let may = match unit.least > 0.0 {
            true => runs(unit, *part > 0.0).unwrap_or(Band { low: *part, high: *part }),
            false => unit.can,
        };
        let moved = may.hold(*part + left);
        left -= moved - *part;
        *part = moved;
    }
    parts
}

/// What a unit with a least can do while it runs, in one direction; `None` where it cannot run that way.
fn runs(unit: &Unit, up: bool) -> Option<Band> {
    let Band { low, high } = unit.can;
    let (low, high) = if up { (low.max(unit.least), high) } else { (low, high.min(-unit.least)) };
    (low <= high).then_some(Band { low, high })
}

#[cfg(test)]
mod tests;
