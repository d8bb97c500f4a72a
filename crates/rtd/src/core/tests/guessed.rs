//! A take-over beside a unit of which nothing is heard. Where the others tell what they do nothing moves; where they do not
//! it is a guess, and no value in force is good before the meter was asked.

use ieee1815::{Flags, OperateMode};

use super::interconnection::{FORCE, Plant, UNITS, site};
use super::world::EMS;
use crate::core::{FieldEvent, FieldWrite, Input};

/// Four units of 10 MW each, without losses. Of the second nothing will be heard.
fn plant(power: bool) -> Plant {
    let rules = "ramp_up_per_min = 20.0\nfollows_within = 50.0\nfollows_s = 60";
    let trim = "trim = { meter = \"poi.mw\", units = \"units.mw\", gain = 0.02, most = 6.0 }\n";
    let mut replaced =
        vec![("ramp_up_per_min = 20.0".to_owned(), rules.to_owned()), (trim.to_owned(), String::new())];
    for unit in 1..=4 {
        let drive = format!("device = \"unit{unit}\", control = \"704\",");
        let told = if power { format!("{drive} power = \"unit{unit}.mw\",") } else { drive.clone() };
        replaced.push((drive, told));
    }
    let replaced: Vec<(&str, &str)> = replaced.iter().map(|(from, to)| (&**from, &**to)).collect();
    let mut plant = Plant::new(&site(&replaced), 1e-6);
    (plant.losses, plant.aux) = (0.0, 0.0);
    moves(&mut plant, [10.0; 4]);
    plant.seconds(3);
    plant
}

/// The plant's own control.
fn moves(plant: &mut Plant, to: [f64; 4]) {
    for (unit, to) in plant.units.iter_mut().zip(to) {
        (unit.told, unit.power) = (to, to);
    }
}

/// The ISO asks for what the plant does: how far the meter goes away from that, and for how long nobody may take the
/// value in force for good.
fn takes_over(plant: &mut Plant) -> (f64, usize) {
    plant.set(40.0);
    let (mut worst, mut unknown) = (0.0_f64, 0);
    for second in 1..=600 {
        plant.second();
        let (off, (force, flags)) = ((plant.meter() - 40.0).abs(), plant.read(FORCE));
        worst = worst.max(off);
        let good = flags.contains(Flags::ONLINE);
        let walks = second < 3 || (unknown >= 60 && second <= unknown + 30);
        assert!(!good || off < 0.5 || walks, "{second}: a good {force}, and {} MW", plant.meter());
        if !good {
            unknown = second;
            let alarms = plant.world.core.alarms().to_string();
            assert!(second < 3 || alarms.contains("which is a guess"), "{alarms}");
        }
    }
    assert!((plant.meter() - 40.0).abs() < 0.01, "{}", plant.meter());
    (worst, unknown)
}

/// Nothing moves with `power`; without it the plant goes so far away, and comes back.
fn is(story: impl Fn(&mut Plant), leaps: f64) {
    let mut with = plant(true);
    story(&mut with);
    let (worst, unknown) = takes_over(&mut with);
    assert!(worst < 0.01 && unknown < 3, "{worst}, {unknown} s");
    // The others do the rest of the next set point.
    with.set(46.0);
    with.seconds(120);
    assert!((with.meter() - 46.0).abs() < 0.01, "{}", with.meter());
    let mut without = plant(false);
    story(&mut without);
    let (worst, unknown) = takes_over(&mut without);
    assert!((worst - leaps).abs() < 0.1, "{worst} and not {leaps}");
    assert!((60..200).contains(&unknown), "{unknown} s");
}

#[test]
fn after_a_restart() {
    is(
        |plant| {
            plant.units[1].there = false;
            plant.seconds(10);
        },
        10.0,
    );
}

fn driven(plant: &mut Plant) {
    plant.set(40.0);
    plant.seconds(120);
}

#[test]
fn after_the_plant_had_it_and_moved_it() {
    is(
        |plant| {
            driven(plant);
            plant.remote = false;
            plant.seconds(3);
            moves(plant, [5.0, 25.0, 5.0, 5.0]);
            plant.seconds(60);
            plant.units[1].there = false;
            plant.seconds(3);
            plant.remote = true;
            plant.seconds(3);
        },
        15.0,
    );
}

#[test]
fn after_a_release_that_it_never_got() {
    is(
        |plant| {
            driven(plant);
            plant.units[1].there = false;
            plant.seconds(3);
            plant.breaker = false;
            plant.seconds(3);
            plant.breaker = true;
            plant.seconds(10);
        },
        0.0,
    );
}

#[test]
fn of_two_the_sum_is_known() {
    let mut plant = plant(true);
    plant.units[1].there = false;
    plant.units[3].there = false;
    (plant.units[1].told, plant.units[1].power) = (16.0, 16.0);
    (plant.units[3].told, plant.units[3].power) = (4.0, 4.0);
    plant.seconds(10);
    let (worst, unknown) = takes_over(&mut plant);
    // Two are not heard of, and the other two are: what both do together is known.
    assert!(worst < 0.01 && unknown < 3, "{worst}, {unknown} s");
    // One of them is back, and says what it does: the other does the rest. What is seen is that units that share anew walk
    // as fast as they can, and not all as far.
    for unit in [1, 3] {
        plant.units[unit].there = true;
        for second in 0..120 {
            plant.second();
            assert!((plant.meter() - 40.0).abs() < 4.1, "{unit}, {second} s: {}", plant.meter());
        }
    }
}

#[test]
fn one_that_is_lost_before_it_said_that_it_took_its_part_may_do_the_one_or_the_other() {
    for (takes, answers) in [(true, false), (false, false), (true, true)] {
        let trim = ("trim = { meter = \"poi.mw\", units = \"units.mw\", gain = 0.02, most = 6.0 }\n", "");
        let ramp = ("ramp_up_per_min = 20.0\n", "follows_within = 50.0\nfollows_s = 60\n");
        let mut plant = Plant::new(&site(&[ramp, trim]), 1e-6);
        (plant.losses, plant.aux) = (0.0, 0.0);
        plant.set(40.0);
        plant.seconds(60);
        plant.world.set(EMS, OperateMode::Direct, 60.0 * 320.0);
        for (request, write) in std::mem::take(&mut plant.world.writes) {
            let device = plant.world.whose[&request];
            let at = UNITS.iter().position(|one| *one == device.get()).unwrap();
            let FieldWrite::SunSpec704 { watts, .. } = write else { panic!("{write:?}") };
            if at != 2 || takes {
                plant.units[at].told = watts / 1e6;
            }
            // Its link ends, with an error for what is under way, or without.
            let result = if at == 2 { Err("its link ended".to_owned()) } else { Ok(()) };
            if at != 2 || answers {
                plant.world.input(Input::Field(FieldEvent::Written { device, request, result }));
            }
        }
        plant.units[2].there = false;
        plant.say();
        let (mut judged, mut good_and_wrong) = (0, 0);
        for second in 1..=240 {
            plant.second();
            let good = plant.read(FORCE).1.contains(Flags::ONLINE);
            judged = if good { judged } else { second };
            // The others walk for a minute, and as long again once the meter has said what it does.
            good_and_wrong += usize::from(good && (plant.meter() - 60.0).abs() > 0.5);
        }
        assert!(judged >= 60, "{takes} {answers}: the meter was not asked");
        assert!(judged < 180 && good_and_wrong <= 60, "{takes} {answers}: {judged}, {good_and_wrong} s");
        assert!((plant.meter() - 60.0).abs() < 0.05, "{takes} {answers}: {}", plant.meter());
    }
}
