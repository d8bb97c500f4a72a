//! Devices and masters that are away: nothing of before is told for good, begun from or replayed.

use ieee1815::master::Outcome;
use ieee1815::{Classes, Command, CommandStatus, Crob, Flags, OperateMode};
use site::ReadingIx;

use super::control::{MW, PLC, Plant, controlled};
use super::interconnection::{self as four, COUNT};
use super::world::{BESS, EMS, METER, OBSERVER, World, site_but};
use crate::core::{FieldEvent, FieldOutcome, Input, Reading};

const DIRECT: OperateMode = OperateMode::Direct;
/// Index of the value in force.
const FORCE: u16 = 40;
const LOWER: u16 = 6;
const TAKEN: Outcome = Outcome::Status(CommandStatus::Success);

#[test]
fn what_no_device_of_a_dispatch_does_any_more_is_not_good() {
    let part = |device| format!("{{ device = \"{device}\", control = \"704\", low = -2.0, high = 2.0 }}");
    for parts in [vec!["bess", "meter"], vec!["bess"]] {
        let parts: Vec<String> = parts.into_iter().map(part).collect();
        let drives = format!("drive = [{}]\ndispatch = \"capability\"", parts.join(", "));
        let site =
            site_but(&[("drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]", &drives)]);
        let mut world = World::with_site(&site);
        let answer = |world: &mut World| {
            for (request, _) in std::mem::take(&mut world.writes) {
                let device = world.whose[&request];
                world.input(Input::Field(FieldEvent::Written { device, request, result: Ok(()) }));
            }
        };
        world.all_good();
        world.connect(EMS);
        assert_eq!(world.set(EMS, DIRECT, 1.5 * MW), TAKEN);
        answer(&mut world);
        world.read(EMS, Classes::EVENTS);
        assert_eq!(world.analog(EMS, FORCE), (1.5 * MW, Flags::ONLINE));
        world.dead(METER);
        answer(&mut world);
        world.dead(BESS);
        world.read(EMS, Classes::EVENTS);
        let (value, flags) = world.analog(EMS, FORCE);
        assert_eq!(value, MW, "what the plant did last");
        assert!(!flags.contains(Flags::ONLINE) && flags.contains(Flags::COMM_LOST), "{flags:?}");
        world.all_good();
        answer(&mut world);
        world.read(EMS, Classes::EVENTS);
        assert_eq!(world.analog(EMS, FORCE).1, Flags::ONLINE);
    }
}

#[test]
fn a_pulse_of_another_master_begins_with_what_the_plant_does() {
    let lower = Command::Crob(Crob { op: 1, count: 1, on_ms: 0, off_ms: 0 });
    let mut plant = Plant::with(&controlled(&[]));
    assert_eq!(plant.set(EMS, 3.4), TAKEN);
    plant.pass(3);
    let before = plant.mw;
    assert!(before < 1.5, "on its way: {before}");
    assert_eq!(plant.world.operate(EMS, DIRECT, LOWER, lower), TAKEN, "of the owner");
    let held = plant.world.core.status(plant.world.now())["setpoints"][0]["target"].clone();
    assert!((held.as_f64().unwrap() - 2.9).abs() < 1.0 / MW, "{held}");
    plant.world.disconnect(EMS);
    plant.told.clear();
    assert_eq!(plant.world.operate(OBSERVER, DIRECT, LOWER, lower), TAKEN);
    plant.obey();
    plant.pass(20);
    assert!(plant.told.iter().all(|told| *told <= before + 1e-9), "{:?}", plant.told);
    assert!((plant.mw - (before - 0.5)).abs() < 0.11, "{} of {before}", plant.mw);
}

#[test]
fn a_device_that_is_down_is_told_nothing_and_goes_on_from_what_it_does_when_it_was_read() {
    for away in [20, 23, 26] {
        let mut plant = Plant::with(&controlled(&[]));
        plant.pass(80);
        assert_eq!(plant.set(EMS, 3.0), TAKEN);
        plant.pass(30);
        plant.dead = true;
        plant.say();
        for _ in 0..away {
            plant.world.pass(1_000);
            assert!(plant.world.writes.is_empty(), "{:?}", plant.world.writes);
            plant.say();
        }
        // It fell back, is there again, and the others are read first.
        (plant.dead, plant.mw) = (false, 0.25);
        plant.told.clear();
        for _ in 0..8 {
            plant.world.pass(250);
            plant.world.watts(METER, 9e6);
            plant.obey();
        }
        assert!(plant.told.is_empty(), "{away} s: {:?}", plant.told);
        plant.say();
        plant.pass(1);
        assert!((plant.told[0] - 0.25).abs() < 1e-9, "{away} s: {:?}", plant.told);
    }
}

#[test]
fn what_is_made_of_several_readings_is_read_when_all_of_them_are() {
    let sum = "[[analog]]\nid = \"all.mw\"\nunit = \"MW\"\nmax_units = 100.0\nmax_counts = 30000\n\
               derive = { op = \"sum\", of = [\"bess.mw\", \"sched\"] }\n\n[[analog]]\nid = \"hard.low\"";
    let site = controlled(&[
        ("actual = \"bess.mw\"", "actual = \"all.mw\""),
        ("[[analog]]\nid = \"hard.low\"", sum),
    ]);
    let mut plant = Plant::with(&site);
    plant.plc.schedule = Some(0.0);
    plant.mw = 3.0;
    plant.say();
    plant.world.pass(500);
    // It has just fallen back, and nobody has read that.
    plant.mw = 0.0;
    assert_eq!(plant.set(EMS, 3.4), TAKEN);
    plant.world.pass(100);
    let numbers = [-4.0, 4.0, 3.5, 5.0, 0.0].map(Reading::Number).into_iter().chain([Reading::State(true)]);
    let readings = numbers.enumerate().map(|(at, one)| (ReadingIx::new(at), one)).collect();
    plant.world.poll(PLC, FieldOutcome::Readings(readings));
    plant.obey();
    assert!(plant.told.is_empty(), "the battery was not read: {:?}", plant.told);
    plant.say();
    plant.pass(1);
    assert!(plant.told[0] <= 0.1 + 1e-9, "{:?}", plant.told);
}

#[test]
fn one_that_is_back_is_told_what_it_counts_for_and_the_others_nothing_before_it_takes_that() {
    let mut plant = four::at(70.0);
    plant.units[1].there = false;
    plant.set(60.0);
    plant.seconds(400);
    let before = four::told(&plant);
    assert!(before[1] > before[0] + 3.0, "{before:?}");
    (plant.units[1].there, plant.units[1].deaf) = (true, true);
    for second in 0..60 {
        plant.second();
        assert_eq!(four::told(&plant), before, "{second}");
        let (force, flags) = plant.read(FORCE);
        assert!(!flags.contains(Flags::ONLINE), "{second}: nobody knows whether it does {force}");
    }
    assert!(four::alarms(&plant).contains("unit2 counts for"), "{}", four::alarms(&plant));
    plant.units[1].deaf = false;
    // It is asked again after 15 s.
    plant.seconds(400);
    let told = four::told(&plant);
    assert!(told.iter().all(|part| (part - told[0]).abs() < 1e-6), "{told:?}");
    assert!(plant.worst(60.0, 60) <= COUNT + 1e-9);
    assert_eq!(plant.read(FORCE), (60.0, Flags::ONLINE));
}
