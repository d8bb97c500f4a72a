use super::*;
use proptest::prelude::*;

fn unit(low: f64, high: f64) -> Unit {
    let can = Band::new(low, high);
    Unit { available: true, can, least: 0.0, stored: None, room: None, priority: 0, free: false }
}

#[test]
fn by_capability_each_goes_as_far_of_its_way() {
    let parts =
        dispatch(30.0, &[unit(0.0, 10.0), unit(0.0, 20.0), unit(0.0, 30.0)], Method::Capability, Band::ALL);
    let expected = [5.0, 10.0, 15.0];
    assert!(parts.units.iter().zip(expected).all(|(part, wanted)| (part - wanted).abs() < 1e-9), "{parts:?}");
    assert_eq!(parts.short, 0.0);
}

#[test]
fn a_lost_unit_is_made_up_for_and_a_shortfall_is_said() {
    let mut four = [unit(0.0, 25.0); 4];
    assert_eq!(dispatch(70.0, &four, Method::Capability, Band::ALL).units, [17.5; 4]);
    four[1].available = false;
    let parts = dispatch(70.0, &four, Method::Capability, Band::ALL);
    assert!((parts.units.iter().sum::<f64>() - 70.0).abs() < 1e-9 && parts.units[1] == 0.0);
    let parts = dispatch(100.0, &four, Method::Capability, Band::ALL);
    assert_eq!((parts.units, parts.short), (vec![25.0, 0.0, 25.0, 25.0], 25.0));
    assert_eq!(dispatch(5.0, &[], Method::Priority, Band::ALL), Parts { units: Vec::new(), short: 5.0 });
}

#[test]
fn by_charge_the_fuller_discharges_more_and_the_emptier_charges_more() {
    let mut two = [unit(-10.0, 10.0); 2];
    (two[0].stored, two[0].room) = (Some(30.0), Some(10.0));
    (two[1].stored, two[1].room) = (Some(10.0), Some(30.0));
    let parts = dispatch(8.0, &two, Method::Charge, Band::ALL);
    assert!((parts.units[0] - 6.0).abs() < 1e-6 && (parts.units[1] - 2.0).abs() < 1e-6, "{parts:?}");
    let parts = dispatch(-8.0, &two, Method::Charge, Band::ALL);
    assert!((parts.units[0] + 2.0).abs() < 1e-6 && (parts.units[1] + 6.0).abs() < 1e-6, "{parts:?}");
    let parts = dispatch(18.0, &two, Method::Charge, Band::ALL);
    assert!((parts.units[0] - 10.0).abs() < 1e-6 && (parts.units[1] - 8.0).abs() < 1e-6, "{parts:?}");
}

#[test]
fn by_priority_one_after_the_other() {
    let mut two = [unit(0.0, 10.0); 2];
    two[0].priority = 2;
    assert_eq!(dispatch(12.0, &two, Method::Priority, Band::ALL).units, [2.0, 10.0]);
}

#[test]
fn what_is_free_is_held_back_only_where_nobody_takes_it() {
    let sun = Unit { free: true, ..unit(0.0, 5.0) };
    let battery = Unit { priority: 1, ..unit(-3.0, 3.0) };
    for method in [Method::Priority, Method::Capability, Method::Charge] {
        let parts = |target: f64| dispatch(target, &[sun, battery], method, Band::ALL);
        assert_eq!(parts(7.0).units, [5.0, 2.0], "{method:?}: the battery gives what the sun lacks");
        assert_eq!(parts(3.0).units, [5.0, -2.0], "{method:?}: and takes what is over");
        assert_eq!(parts(1.0).units, [4.0, -3.0], "{method:?}: what it cannot take is held back");
        assert_eq!(parts(9.0).short, 1.0);
    }
    let second = Unit { priority: 1, ..sun };
    let parts = dispatch(6.0, &[sun, second], Method::Priority, Band::ALL);
    assert_eq!(parts.units, [5.0, 1.0], "the first to be used is the last to be held back");
    let bought = Unit { free: false, ..sun };
    assert_eq!(dispatch(3.0, &[bought, battery], Method::Priority, Band::ALL).units, [3.0, 0.0]);
}

#[test]
fn a_unit_runs_at_its_least_or_rests() {
    let mut two = [unit(0.0, 10.0); 2];
    two[0].least = 4.0;
    let parts = dispatch(6.0, &two, Method::Capability, Band::ALL);
    assert_eq!(parts, Parts { units: vec![4.0, 2.0], short: 0.0 });
    let parts = dispatch(2.0, &two, Method::Capability, Band::ALL);
    assert_eq!(parts, Parts { units: vec![0.0, 2.0], short: 0.0 });
}

#[test]
fn no_unit_runs_at_its_least_beyond_what_the_sum_may() {
    let one = Unit { least: 2.0, ..unit(-5.0, 5.0) };
    let within = |high: f64| Band::new(-4.0, high);
    let parts = dispatch(1.5, &[one], Method::Capability, within(1.5));
    assert_eq!(parts, Parts { units: vec![0.0], short: 1.5 }, "it rests, and that is missing");
    let parts = dispatch(1.5, &[one], Method::Capability, within(2.0));
    assert_eq!(parts, Parts { units: vec![2.0], short: -0.5 });
    let parts = dispatch(-1.5, &[one], Method::Capability, Band::new(-1.5, 4.0));
    assert_eq!(parts, Parts { units: vec![0.0], short: -1.5 }, "charging as well");
    // One of two does it alone, whether it must or that is nearer.
    for high in [3.0, 10.0] {
        let parts = dispatch(3.0, &[one, one], Method::Capability, within(high));
        assert_eq!(parts, Parts { units: vec![0.0, 3.0], short: 0.0 }, "{high}");
    }
    // What another one takes is within.
    let battery = unit(-1.0, 1.0);
    let parts =
        dispatch(1.5, &[Unit { least: 2.0, ..unit(0.0, 5.0) }, battery], Method::Priority, within(1.5));
    assert_eq!(parts, Parts { units: vec![2.0, -0.5], short: 0.0 });
}

#[test]
fn no_unit_is_told_less_than_it_can() {
    let must = Unit { least: 4.0, ..unit(5.0, 10.0) };
    assert_eq!(dispatch(3.0, &[must], Method::Capability, Band::ALL).units, [5.0]);
    let must = Unit { least: 4.0, ..unit(1.0, 10.0) };
    assert_eq!(dispatch(1.0, &[must], Method::Capability, Band::ALL).units, [4.0], "it cannot rest");
    let weak = Unit { least: 4.0, ..unit(1.0, 3.0) };
    assert_eq!(dispatch(3.5, &[weak], Method::Capability, Band::ALL).units, [3.0], "nor get to its least");
}

prop_compose! {
    fn any_unit()(available in prop::bool::weighted(0.8), low in -20.0..0.0_f64, high in 0.0..20.0_f64,
                  stored in prop::option::of(0.0..50.0_f64), priority in 0..4_u32,
                  free in prop::bool::weighted(0.3)) -> Unit {
        Unit { available, can: Band::new(low, high), least: 0.0, stored, room: stored, priority, free }
    }
}

prop_compose! {
    /// One that does much or nothing; or that cannot rest.
    fn one_with_a_least()(mut unit in any_unit(), least in prop_oneof![Just(0.0), 0.1..10.0_f64],
                          must in prop::bool::weighted(0.1)) -> Unit {
        if must {
            unit.can.low = unit.can.high / 2.0;
        }
        Unit { least, ..unit }
    }
}

proptest! {
    #[test]
    fn the_parts_are_possible_and_sum_up(
        target in -80.0..80.0_f64, units in prop::collection::vec(any_unit(), 0..8), method in 0..3_u8,
    ) {
        let method = [Method::Capability, Method::Charge, Method::Priority][usize::from(method)];
        let parts = dispatch(target, &units, method, Band::ALL);
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

    #[test]
    fn at_the_least_or_at_rest_and_never_beyond_what_the_sum_may(
        target in -80.0..80.0_f64, units in prop::collection::vec(one_with_a_least(), 0..6), method in 0..3_u8,
        (low, high) in (-30.0..0.0_f64, 0.0..30.0_f64),
    ) {
        let method = [Method::Capability, Method::Charge, Method::Priority][usize::from(method)];
        let within = Band::new(low, high);
        let target = within.hold(target);
        let parts = dispatch(target, &units, method, within);
        for (part, unit) in parts.units.iter().zip(&units) {
            prop_assert!(if unit.available { unit.can.contains(*part) } else { *part == 0.0 }, "{parts:?}");
            let runs = part.abs() >= unit.least - 1e-9;
            let cannot = !unit.can.contains(0.0) && unit.can.high < unit.least;
            prop_assert!(*part == 0.0 || runs || cannot, "{part} of {unit:?}");
        }
        let sum: f64 = parts.units.iter().sum();
        prop_assert!((target - sum - parts.short).abs() < 1e-6);
        // Those that cannot rest may leave too much of it.
        if units.iter().all(|unit| !unit.available || unit.can.contains(0.0)) {
            prop_assert!(sum <= high + 1e-6 && sum >= low - 1e-6, "{parts:?}");
        }
    }
}
