//! Derived points, checks and orders by hand, through encoded DNP3 to what a master decodes.

use std::time::Duration;

use ieee1815::{Classes, CommandStatus, Flags, OperateMode, PointType};
use telemetry::{Quality, Value};

use super::world::{BESS, EMS, METER, World, site_with};
use crate::core::{Action, Input, Operate, Record};
use ieee1815::master::Outcome;

const MORE: &str = r#"
[[analog]]
id = "sum.mw"
index = 60
unit = "MW"
derive = { op = "sum", of = ["poi.mw", "bess.mw"] }
max_units = 30.0
max_counts = 30000
[[analog]]
id = "best.mw"
index = 61
unit = "MW"
derive = { op = "first-good", of = ["poi.mw", "bess.mw"] }
max_units = 30.0
max_counts = 30000
[[analog]]
id = "checked.mw"
index = 62
unit = "MW"
derive = { op = "scale", of = ["poi.mw"], factor = 1.0 }
max_units = 30.0
max_counts = 30000
rate_max = 1.0
flat = { for_s = 60, gate = [{ point = "poi.breaker", is = true }] }
cross = { with = "bess.mw", differ_max = 9.5 }
bad_on = ["cross"]
"#;

fn world() -> World {
    let mut world = World::with_site(&site_with(MORE));
    world.all_good();
    world.connect(EMS);
    world
}

fn order(point: &str, action: Action) -> Input {
    Input::Operate(Operate { point: point.into(), action, who: "ann".into(), why: "test".into() })
}

fn force(point: &str, value: Value, seconds: u64) -> Input {
    order(point, Action::Force { value, lasts: Duration::from_secs(seconds) })
}

fn seen(world: &mut World, index: u16) -> (f64, Flags) {
    world.read(EMS, Classes::EVENTS);
    world.analog(EMS, index)
}

fn alarms(world: &World) -> Vec<(&'static str, &'static str)> {
    let told = world.records.iter().filter_map(|record| match record {
        Record::Alarm { kind, state, .. } => Some((*kind, *state)),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_derived_point_is_served_and_lost_with_its_input() {
    let mut world = world();
    assert_eq!(seen(&mut world, 60), (10_000.0, Flags::ONLINE), "9 MW and 1 MW");
    world.dead(BESS);
    assert_eq!(seen(&mut world, 60), (10_000.0, Flags::COMM_LOST));
    world.watts(BESS, 2e6);
    assert_eq!(seen(&mut world, 60), (11_000.0, Flags::ONLINE));
    world.pass(5_001);
    assert_eq!(seen(&mut world, 60), (11_000.0, Flags::COMM_LOST), "both grew stale");
}

#[test]
fn a_point_tells_why_its_device_does_not_answer() {
    let mut world = world();
    let why = |world: &World| world.core.point("poi.mw", world.now()).unwrap()["device_failure"].clone();
    assert!(why(&world).is_null());
    world.dead(METER);
    assert!(why(&world).as_str().is_some_and(|words| !words.is_empty()));
    world.watts(METER, 6e6);
    assert!(why(&world).is_null(), "it answers again");
}

#[test]
fn counts_that_do_not_fit_are_the_inputs_own() {
    let mut world = world();
    world.watts(METER, 16e6);
    assert_eq!(seen(&mut world, 1), (30_000.0, Flags::ONLINE | Flags::OVER_RANGE));
    assert_eq!(seen(&mut world, 60), (17_000.0, Flags::ONLINE), "16 MW and 1 MW");
}

#[test]
fn a_report_that_waited_too_long_makes_nothing_good() {
    let mut world = world();
    world.pass(60_000);
    world.read(EMS, Classes::EVENTS);
    for device in [METER, BESS] {
        world.report_of(device, 6e6, 5_001);
    }
    assert_eq!(seen(&mut world, 1), (12_000.0, Flags::COMM_LOST), "as old as it was read");
    let sum: Vec<_> = world
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Point(point) if point.id.as_str() == "sum.mw" => Some(point.quality),
            _ => None,
        })
        .collect();
    assert_eq!(sum.last(), Some(&Quality::Bad));
    assert_eq!(
        sum.iter().filter(|quality| **quality == Quality::Good).count(),
        1,
        "never good again: {sum:?}"
    );
}

#[test]
fn the_backup_takes_over_and_the_alarm_is_told_once() {
    let mut world = world();
    world.dead(METER);
    assert_eq!(seen(&mut world, 61), (1_000.0, Flags::ONLINE));
    world.watts(BESS, 1.5e6);
    world.watts(METER, 9e6);
    assert_eq!(seen(&mut world, 61), (9_000.0, Flags::ONLINE));
    let told: Vec<_> = alarms(&world).into_iter().filter(|(kind, _)| *kind == "fallback").collect();
    assert_eq!(told, [("fallback", "raised"), ("fallback", "cleared")]);
}

#[test]
fn a_forced_point_says_so_until_it_expires_and_then_shows_its_source() {
    let mut world = world();
    world.input(force("poi.mw", Value::Analog(3.0), 10));
    let forced = Flags::ONLINE | Flags::LOCAL_FORCED;
    assert_eq!(seen(&mut world, 1), (6_000.0, forced));
    assert_eq!(seen(&mut world, 60), (4_000.0, forced), "what is made of it is forced as well");
    world.watts(METER, 6e6);
    assert_eq!(seen(&mut world, 1), (6_000.0, forced), "whatever its source says");
    world.dead(METER);
    assert_eq!(seen(&mut world, 1), (6_000.0, forced));
    world.pass(10_000);
    assert_eq!(seen(&mut world, 1), (12_000.0, Flags::COMM_LOST), "its source's last value, lost");
    let states: Vec<_> = world
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Hand { state, who, .. } => Some((*state, &**who)),
            _ => None,
        })
        .collect();
    assert_eq!(states, [("forced", "ann"), ("expired", "ann")]);
}

#[test]
fn a_point_out_of_service_keeps_its_value_and_is_not_good() {
    let mut world = world();
    world.input(order("poi.mw", Action::Inhibit { lasts: Duration::from_secs(60) }));
    world.watts(METER, 3e6);
    assert_eq!(seen(&mut world, 1), (18_000.0, Flags::NONE));
    world.input(order("poi.mw", Action::Release));
    assert_eq!(seen(&mut world, 1), (6_000.0, Flags::ONLINE));
    // A release of what is not held changes nothing.
    world.input(order("poi.mw", Action::Release));
    assert_eq!(seen(&mut world, 1), (6_000.0, Flags::ONLINE));
}

#[test]
fn an_inhibited_set_point_refuses_and_gives_its_authority_back() {
    let mut world = world();
    assert_eq!(world.set(EMS, OperateMode::Direct, 6_000.0), Outcome::Status(CommandStatus::Success));
    let held = |world: &World| {
        world.core.status(telemetry::Now::virtual_millis(world.now_ms))["setpoints"][0]["owner"].clone()
    };
    assert_eq!(held(&world), "ems");
    world.input(order("bess.mw.setpoint", Action::Inhibit { lasts: Duration::from_secs(60) }));
    assert!(held(&world).is_null());
    let refused = world.set(EMS, OperateMode::Direct, 6_000.0);
    assert_eq!(refused, Outcome::Status(CommandStatus::AutomationInhibit));
    world.pass(60_000);
    world.all_good();
    assert_eq!(world.set(EMS, OperateMode::Direct, 6_000.0), Outcome::Status(CommandStatus::Success));
    // A forced switch permits nothing, and the refusal says so.
    world.input(force("poi.breaker", Value::Binary(true), 60));
    let refused = world.set(EMS, OperateMode::Direct, 5_000.0);
    assert_eq!(refused, Outcome::Status(CommandStatus::DownstreamFail));
    let Some(Record::Command { why, .. }) =
        world.records.iter().rev().find(|record| matches!(record, Record::Command { .. }))
    else {
        panic!("no command was recorded")
    };
    assert!(why.starts_with("`unit.connected` is not good: forced here"), "{why}");
}

#[test]
fn what_must_not_be_forced_is_refused_with_words() {
    let world = world();
    let may = |point: &str, value: Value, seconds: u64| {
        let Input::Operate(operate) = force(point, value, seconds) else { unreachable!() };
        world.core.may_operate(&operate).unwrap_err()
    };
    let one = Value::Analog(1.0);
    for (point, value, seconds, words) in [
        ("nowhere", one, 1, "no point"),
        ("rtd.heartbeat", one, 1, "heartbeat"),
        ("bess.mw.setpoint", one, 1, "set point"),
        ("poi.mw", Value::Binary(true), 1, "a number, in MW"),
        ("poi.mw", Value::Analog(f64::NAN), 1, "a number"),
        ("poi.breaker", one, 1, "true or false"),
        ("poi.mw", Value::Analog(21.0), 1, "within -20 and 20 MW"),
        ("poi.mw", one, 0, "last for"),
        ("poi.mw", one, 700_000, "last for"),
    ] {
        let found = may(point, value, seconds);
        assert!(found.contains(words), "{point}: {found}");
    }
}

#[test]
fn checks_raise_alarms_and_take_quality_only_where_told() {
    let mut world = world();
    assert_eq!(seen(&mut world, 62), (9_000.0, Flags::ONLINE));
    world.pass(1_000);
    world.watts(METER, 11e6);
    assert_eq!(seen(&mut world, 62), (11_000.0, Flags::NONE), "10 MW apart: the cross-check takes quality");
    assert_eq!(alarms(&world), [("cross", "raised"), ("rate", "raised")]);
    world.pass(1_000);
    world.watts(METER, 10.4e6);
    assert_eq!(seen(&mut world, 62), (10_400.0, Flags::ONLINE));
    assert_eq!(alarms(&world)[2..], [("cross", "cleared"), ("rate", "cleared")]);
    // It stands still, with its gate open.
    for _ in 0..31 {
        world.pass(2_000);
        world.watts(BESS, 1e6);
        world.switches(true, true);
        world.watts(METER, 10.4e6);
    }
    assert_eq!(seen(&mut world, 62), (10_400.0, Flags::ONLINE), "an alarm only");
    assert!(alarms(&world).contains(&("flat", "raised")), "{:?}", alarms(&world));
    assert_eq!(world.core.alarms()[0]["kind"], "flat");
    // The gate closes: standing still is what it should do.
    world.switches(false, true);
    world.watts(METER, 10.4e6);
    assert_eq!(alarms(&world).last(), Some(&("flat", "cleared")));
    assert_eq!(world.of(EMS, PointType::BinaryInput, 1).0, 1.0, "not read since");
}
