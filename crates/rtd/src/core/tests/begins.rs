//! What somebody begins with who takes over a plant of several units: the reading of before says little, and what the
//! units do behind losses and auxiliary load is not always told.

use ieee1815::master::Outcome;
use ieee1815::{CommandStatus, Flags, OperateMode};
use site::{ReadingIx, Site};

use super::interconnection::{COUNT, FORCE, Plant, site, told};
use super::world::{EMS, METER};
use crate::core::{FieldOutcome, Reading};

const TRIM: &str = "trim = { meter = \"poi.mw\", units = \"units.mw\", gain = 0.02, most = 6.0 }\n";

/// The ISO asks for what the meter says.
fn takes_over(plant: &mut Plant) {
    let counts = (plant.meter() / COUNT).round();
    let outcome = plant.world.set(EMS, OperateMode::Direct, counts);
    assert_eq!(outcome, Outcome::Status(CommandStatus::Success));
    plant.obey();
}

/// Each unit with a word of its own, or without.
fn with_power(power: bool) -> Site {
    let drives = (1..=4).map(|unit| format!("device = \"unit{unit}\", control = \"704\","));
    let with: Vec<(String, String)> = drives
        .enumerate()
        .map(|(at, drive)| (drive.clone(), format!("{drive} power = \"unit{}.mw\",", at + 1)))
        .collect();
    let with: Vec<(&str, &str)> = with.iter().map(|(from, to)| (&**from, &**to)).collect();
    site(if power { &with } else { &[] })
}

#[test]
fn what_the_units_do_is_read_next_too() {
    for fell in [1.0, 5.0] {
        let mut plant = Plant::new(&site(&[]), 1e-6);
        plant.units.iter_mut().for_each(|unit| (unit.told, unit.power) = (10.0, 10.0));
        plant.seconds(3);
        // The plant's own control moves them, and the meter alone is read.
        plant.units.iter_mut().for_each(|unit| (unit.told, unit.power) = (10.0 - fell, 10.0 - fell));
        plant.world.pass(100);
        takes_over(&mut plant);
        plant.world.pass(100);
        plant.world.watts(METER, plant.meter() * 1e6);
        plant.obey();
        assert_eq!(told(&plant), [10.0 - fell; 4], "nothing is told yet");
        for _ in 0..20 {
            plant.second();
            let sum: f64 = told(&plant).iter().sum();
            assert!((sum - 4.0 * (10.0 - fell)).abs() < 0.1, "{sum}");
        }
    }
}

#[test]
fn where_what_the_units_do_is_not_good_what_each_says_serves() {
    let mut plant = Plant::new(&with_power(true), 1e-6);
    plant.units.iter_mut().for_each(|unit| (unit.told, unit.power) = (20.0, 20.0));
    // One is in maintenance, and so is its controller: their sum is not good.
    let unit = &mut plant.units[1];
    (unit.there, unit.closed, unit.power) = (false, false, 0.0);
    plant.seconds(10);
    takes_over(&mut plant);
    for _ in 0..60 {
        plant.second();
        let sum: f64 = [0, 2, 3].into_iter().map(|at| plant.units[at].told).sum();
        assert!((sum - 60.0).abs() < 0.1, "{sum}");
    }
}

#[test]
fn where_nothing_says_it_the_correction_is_what_it_was() {
    let mut plant = Plant::new(&with_power(false), 1e-6);
    plant.set(60.0);
    plant.seconds(400);
    let unit = &mut plant.units[1];
    (unit.there, unit.closed, unit.power) = (false, false, 0.0);
    plant.seconds(400);
    let before: f64 = [0, 2, 3].into_iter().map(|at| plant.units[at].told).sum();
    assert!(before > 62.0, "{before}");
    // The plant has it for a moment.
    plant.remote = false;
    plant.second();
    plant.remote = true;
    plant.second();
    takes_over(&mut plant);
    for _ in 0..60 {
        plant.second();
        let sum: f64 = [0, 2, 3].into_iter().map(|at| plant.units[at].told).sum();
        assert!((sum - before).abs() < 0.1, "{sum}, not {before}");
    }
}

/// All are away, and come back so many seconds one after the other. `fell`: they fell back by themselves.
fn all_away(fell: bool, apart: usize) {
    // No faster than one unit walks, which is known to take its time.
    let ramp = ("ramp_up_per_min = 20.0", "ramp_up_per_min = 9.0\nfollows_within = 3.0\nfollows_s = 60");
    let mut plant = Plant::new(&site(&[(TRIM, ""), ramp]), 1e-6);
    (plant.losses, plant.aux) = (0.0, 0.0);
    plant.set(70.0);
    plant.seconds(600);
    let before = told(&plant);
    plant.units.iter_mut().for_each(|unit| unit.there = false);
    plant.seconds(60);
    if fell {
        plant.units.iter_mut().for_each(|unit| (unit.told, unit.power) = (0.0, 0.0));
    }
    plant.seconds(30);
    let mut last = told(&plant);
    for second in 0..4 * apart + 30 {
        for at in 0..4 {
            plant.units[at].there |= second >= at * apart;
        }
        plant.second();
        let (now, (force, flags)) = (told(&plant), plant.read(FORCE));
        // Two looks may lie a step apart.
        let step = 2.0 * 9.0 / 60.0 + 1e-3;
        let moved: f64 = now.iter().sum::<f64>() - last.iter().sum::<f64>();
        assert!(moved.abs() <= step, "{second}: {last:?} {now:?}");
        // The units walk at their own rate.
        let good = flags == Flags::ONLINE;
        assert!(!good || (force - plant.meter()).abs() < 5.0, "{second}: {force} of {}", plant.meter());
        last = now;
    }
    if !fell {
        assert!(now_near(&last, &before), "{before:?} {last:?}");
    }
    plant.seconds(600);
    assert_eq!(plant.read(FORCE), (70.0, Flags::ONLINE));
    assert!((plant.meter() - 70.0).abs() < COUNT);
}

fn now_near(one: &[f64; 4], other: &[f64; 4]) -> bool {
    one.iter().zip(other).all(|(one, other)| (one - other).abs() < 0.1)
}

#[test]
fn where_all_were_away_what_they_were_told_before_is_not_said_again() {
    for apart in [0, 3, 10, 40] {
        all_away(true, apart);
    }
}

#[test]
fn where_all_were_away_and_went_on_nothing_moves() {
    for apart in [0, 3, 10] {
        all_away(false, apart);
    }
}

#[test]
fn what_is_good_without_a_dead_meter_does_not_wait_for_it() {
    let breaker = "\n[[digital]]\nid = \"poi.breaker\"";
    let plc = "\n[[device]]\nid = \"plc\"\nprotocol = \"modbus\"\naddress = \"127.0.0.1:7\"\npoll_ms = 1000\n\n\
               [[analog]]\nid = \"unit1.second\"\nunit = \"MW\"\nwire = \"engineering\"\nsign = \"+\"\nage_max_ms = 5000\n\
               source = { device = \"plc\", register = 20, type = \"f32\", unit = \"MW\" }\n\n\
               [[analog]]\nid = \"unit1.power\"\nunit = \"MW\"\nwire = \"engineering\"\n\
               derive = { op = \"average\", of = [\"unit1.second\", \"unit1.mw\"] }\n";
    let drive = "device = \"unit1\", control = \"704\",";
    let site = site(&[
        (breaker, &format!("{plc}{breaker}")),
        (drive, &format!("{drive} power = \"unit1.power\",")),
        (TRIM, ""),
    ]);
    let mut plant = Plant::new(&site, 1e-6);
    plant.units.iter_mut().for_each(|unit| (unit.told, unit.power) = (10.0, 10.0));
    let reading = FieldOutcome::Readings(vec![(ReadingIx::new(0), Reading::Number(10.0))]);
    plant.world.poll(6, reading);
    plant.seconds(3);
    plant.world.dead(6);
    plant.seconds(20);
    plant.set(50.0);
    plant.seconds(120);
    assert!((plant.meter() - 50.0).abs() < 3.0, "{}", plant.meter());
}
