//! The plant's set point over its units.
//!
//! Each unit gets a part that it can carry now; the parts sum up to the set point, or to as much of it as all units
//! together can do, and what is missing is said. A unit that is lost is simply not there in the next cycle.

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
    /// It does this much or nothing, either way; 0: anything.
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

/// Gives each unit its part of `target`.
#[must_use]
pub fn dispatch(target: f64, units: &[Unit], method: Method) -> Parts {
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
    run_or_rest(&mut parts, units, target);
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

/// Brings units below their least to it, or to rest, and moves what that leaves to the others.
fn run_or_rest(parts: &mut [f64], units: &[Unit], target: f64) {
    for (at, unit) in units.iter().enumerate() {
        let Some(part) = parts.get(at).copied() else { continue };
        if !unit.available || unit.least <= 0.0 || part == 0.0 || part.abs() >= unit.least {
            continue;
        }
        let runs = unit.least.copysign(part);
        // Nearer to running than to rest, and able to; the others make up for the rest.
        let to = if part.abs() * 2.0 >= unit.least && unit.can.contains(runs) { runs } else { 0.0 };
        if !unit.can.contains(to) {
            continue;
        }
        if let Some(part) = parts.get_mut(at) {
            *part = to;
        }
    }
    let mut left = target - parts.iter().sum::<f64>();
    for (at, unit) in units.iter().enumerate() {
        let Some(part) = parts.get(at).copied() else { continue };
        let rests = unit.least > 0.0 && part == 0.0;
        if !unit.available || rests || left.abs() <= NEAR {
            continue;
        }
        let floor = if unit.least > 0.0 {
            Band::new(unit.least.copysign(part), if part > 0.0 { unit.can.high } else { unit.can.low })
        } else {
            unit.can
        };
        let moved = floor.hold(part + left);
        left -= moved - part;
        if let Some(part) = parts.get_mut(at) {
            *part = moved;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(low: f64, high: f64) -> Unit {
        let can = Band::new(low, high);
        Unit { available: true, can, least: 0.0, stored: None, room: None, priority: 0, free: false }
    }

    #[test]
    fn by_capability_each_goes_as_far_of_its_way() {
        let parts = dispatch(30.0, &[unit(0.0, 10.0), unit(0.0, 20.0), unit(0.0, 30.0)], Method::Capability);
        let expected = [5.0, 10.0, 15.0];
        assert!(
            parts.units.iter().zip(expected).all(|(part, wanted)| (part - wanted).abs() < 1e-9),
            "{parts:?}"
        );
        assert_eq!(parts.short, 0.0);
    }

    #[test]
    fn a_lost_unit_is_made_up_for_and_a_shortfall_is_said() {
        let mut four = [unit(0.0, 25.0); 4];
        assert_eq!(dispatch(70.0, &four, Method::Capability).units, [17.5; 4]);
        four[1].available = false;
        let parts = dispatch(70.0, &four, Method::Capability);
        assert!((parts.units.iter().sum::<f64>() - 70.0).abs() < 1e-9 && parts.units[1] == 0.0);
        let parts = dispatch(100.0, &four, Method::Capability);
        assert_eq!((parts.units, parts.short), (vec![25.0, 0.0, 25.0, 25.0], 25.0));
        assert_eq!(dispatch(5.0, &[], Method::Priority), Parts { units: Vec::new(), short: 5.0 });
    }

    #[test]
    fn by_charge_the_fuller_discharges_more_and_the_emptier_charges_more() {
        let mut two = [unit(-10.0, 10.0); 2];
        (two[0].stored, two[0].room) = (Some(30.0), Some(10.0));
        (two[1].stored, two[1].room) = (Some(10.0), Some(30.0));
        let parts = dispatch(8.0, &two, Method::Charge);
        assert!((parts.units[0] - 6.0).abs() < 1e-6 && (parts.units[1] - 2.0).abs() < 1e-6, "{parts:?}");
        let parts = dispatch(-8.0, &two, Method::Charge);
        assert!((parts.units[0] + 2.0).abs() < 1e-6 && (parts.units[1] + 6.0).abs() < 1e-6, "{parts:?}");
        let parts = dispatch(18.0, &two, Method::Charge);
        assert!((parts.units[0] - 10.0).abs() < 1e-6 && (parts.units[1] - 8.0).abs() < 1e-6, "{parts:?}");
    }

    #[test]
    fn by_priority_one_after_the_other() {
        let mut two = [unit(0.0, 10.0); 2];
        two[0].priority = 2;
        assert_eq!(dispatch(12.0, &two, Method::Priority).units, [2.0, 10.0]);
    }

    #[test]
    fn what_is_free_is_held_back_only_where_nobody_takes_it() {
        let sun = Unit { free: true, ..unit(0.0, 5.0) };
        let battery = Unit { priority: 1, ..unit(-3.0, 3.0) };
        for method in [Method::Priority, Method::Capability, Method::Charge] {
            let parts = |target: f64| dispatch(target, &[sun, battery], method);
            assert_eq!(parts(7.0).units, [5.0, 2.0], "{method:?}: the battery gives what the sun lacks");
            assert_eq!(parts(3.0).units, [5.0, -2.0], "{method:?}: and takes what is over");
            assert_eq!(parts(1.0).units, [4.0, -3.0], "{method:?}: what it cannot take is held back");
            assert_eq!(parts(9.0).short, 1.0);
        }
        let second = Unit { priority: 1, ..sun };
        let parts = dispatch(6.0, &[sun, second], Method::Priority);
        assert_eq!(parts.units, [5.0, 1.0], "the first to be used is the last to be held back");
        let bought = Unit { free: false, ..sun };
        assert_eq!(dispatch(3.0, &[bought, battery], Method::Priority).units, [3.0, 0.0]);
    }

    #[test]
    fn a_unit_runs_at_its_least_or_rests() {
        let mut two = [unit(0.0, 10.0); 2];
        two[0].least = 4.0;
        let parts = dispatch(6.0, &two, Method::Capability);
        assert_eq!(parts, Parts { units: vec![4.0, 2.0], short: 0.0 });
        let parts = dispatch(2.0, &two, Method::Capability);
        assert_eq!(parts, Parts { units: vec![0.0, 2.0], short: 0.0 });
    }

    prop_compose! {
        fn any_unit()(available in prop::bool::weighted(0.8), low in -20.0..0.0_f64, high in 0.0..20.0_f64,
                      stored in prop::option::of(0.0..50.0_f64), priority in 0..4_u32,
                      free in prop::bool::weighted(0.3)) -> Unit {
            Unit { available, can: Band::new(low, high), least: 0.0, stored, room: stored, priority, free }
        }
    }

    proptest! {
        #[test]
        fn the_parts_are_possible_and_sum_up(
            target in -80.0..80.0_f64, units in prop::collection::vec(any_unit(), 0..8), method in 0..3_u8,
        ) {
            let method = [Method::Capability, Method::Charge, Method::Priority][usize::from(method)];
            let parts = dispatch(target, &units, method);
            for (part, unit) in parts.units.iter().zip(&units) {
                let possible = if unit.available { unit.can.contains(*part) } else { *part == 0.0 };
                prop_assert!(possible, "{parts:?}");
            }
            let sum: f64 = parts.units.iter().sum();
            prop_assert!((target - sum - parts.short).abs() < 1e-6);
            let most: f64 = units.iter().filter(|unit| unit.available).map(|unit| unit.can.high).sum();
            let least: f64 = units.iter().filter(|unit| unit.available).map(|unit| unit.can.low).sum();
            let missing = target - target.clamp(least, most);
            prop_assert!((parts.short - missing).abs() < 1e-6, "{parts:?} {missing}");
        }
    }
}
