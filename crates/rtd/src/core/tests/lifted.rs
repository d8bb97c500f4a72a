//! What was held back, or not known, is there again: nothing leaps, whatever it was that held it.

use site::{ReadingIx, Site};

use super::interconnection::{COUNT, Plant, site, told};
use crate::core::{FieldOutcome, Reading};

/// The last device of the site: what the tests below say of limits and loads.
const PLC: usize = 6;
const RAMP: f64 = 20.0 / 60.0;

/// The plant with an auxiliary load, a hard limit and what unit 3 can do from a controller of its own. `units`: it is known
/// what the units do in all.
fn plant(units: bool) -> Plant {
    let breaker = "\n[[digital]]\nid = \"poi.breaker\"";
    let mut points =
        "\n[[device]]\nid = \"plc\"\nprotocol = \"modbus\"\naddress = \"127.0.0.1:7\"\npoll_ms = 1000\n"
            .to_owned();
    for (at, id) in ["aux.mw", "hard.high", "unit3.able"].into_iter().enumerate() {
        points += &format!(
            "\n[[analog]]\nid = \"{id}\"\nunit = \"MW\"\nwire = \"engineering\"\nsign = \"+\"\nage_max_ms = 86400000\n\
             source = {{ device = \"plc\", register = {}, type = \"f32\", unit = \"MW\" }}\n",
            20 + 2 * at
        );
    }
    points += breaker;
    let unit = "device = \"unit3\", control = \"704\", revert_s = 60, low = 0.0, high = 25.0";
    let keys = "dispatch = \"capability\"\naux = \"aux.mw\"\nlimits_hard = { high = \"hard.high\" }";
    let known = ", units = \"units.mw\"";
    let site: Site = site(&[
        (breaker, &points),
        ("dispatch = \"capability\"", keys),
        (unit, &unit.replace("high = 25.0", "high = \"unit3.able\"")),
        (known, if units { known } else { "" }),
    ]);
    Plant::new(&site, 1e-6)
}

fn tell(plant: &mut Plant, aux: Option<f64>, hard: f64, able: f64) {
    let aux = aux.map_or(Reading::NotANumber, Reading::Number);
    let readings = [aux, Reading::Number(hard), Reading::Number(able)];
    let readings = readings.into_iter().enumerate().map(|(at, reading)| (ReadingIx::new(at), reading));
    plant.world.poll(PLC, FieldOutcome::Readings(readings.collect()));
    plant.obey();
}

fn sum(plant: &Plant) -> f64 {
    told(plant).iter().sum()
}

#[test]
fn what_a_hard_limit_cut_off_comes_back_by_the_ramp() {
    let mut plant = plant(true);
    plant.aux = 5.0;
    tell(&mut plant, Some(5.0), 100.0, 25.0);
    plant.set(60.0);
    plant.seconds(500);
    tell(&mut plant, Some(5.0), 50.0, 25.0);
    assert!((sum(&plant) - 50.0).abs() < 0.01, "at once: {}", sum(&plant));
    plant.seconds(60);
    tell(&mut plant, Some(5.0), 70.0, 25.0);
    let mut last = sum(&plant);
    assert!(last <= 50.0 + RAMP + 0.01, "{last}");
    for second in 0..60 {
        plant.second();
        let now = sum(&plant);
        // Output and what is beside it come back together, each by the ramp, and the correction goes on.
        assert!(now >= last - 0.05 && now - last <= 2.0 * RAMP + 0.15, "{second}: {last} {now}");
        last = now;
    }
    plant.seconds(300);
    assert!((plant.meter() - 60.0).abs() < 0.05, "{}", plant.meter());
}

#[test]
fn an_auxiliary_load_that_is_known_again_is_not_made_twice() {
    let mut plant = plant(true);
    plant.aux = 2.0;
    tell(&mut plant, Some(2.0), 100.0, 25.0);
    plant.set(60.0);
    plant.seconds(500);
    // It grows while it is not good; the meter tells of it.
    tell(&mut plant, None, 100.0, 25.0);
    plant.aux = 5.0;
    plant.seconds(600);
    assert!((plant.meter() - 60.0).abs() <= COUNT + 1e-3, "{}", plant.meter());
    tell(&mut plant, Some(5.0), 100.0, 25.0);
    for _ in 0..200 {
        plant.second();
        assert!((plant.meter() - 60.0).abs() < 0.02, "{}", plant.meter());
    }
    // One that is known is made at once.
    plant.aux = 6.0;
    tell(&mut plant, Some(6.0), 100.0, 25.0);
    plant.seconds(10);
    assert!((plant.meter() - 60.0).abs() < 0.05, "{}", plant.meter());
}

#[test]
fn what_one_is_told_first_is_no_more_than_it_can_do_by_now() {
    let mut plant = plant(true);
    tell(&mut plant, Some(1.2), 100.0, 25.0);
    plant.set(60.0);
    plant.seconds(300);
    plant.units[2].there = false;
    plant.seconds(5);
    tell(&mut plant, Some(1.2), 100.0, 3.0);
    plant.seconds(5);
    let unit = &mut plant.units[2];
    (unit.there, unit.told, unit.power) = (true, 0.0, 0.0);
    for _ in 0..30 {
        plant.second();
        assert!(plant.units[2].told <= 3.0 + 1e-6, "{}", plant.units[2].told);
    }
}

#[test]
fn who_takes_over_begins_with_the_auxiliary_load_that_is_made_already() {
    let mut plant = plant(false);
    (plant.aux, plant.losses) = (5.0, 0.0);
    plant.units.iter_mut().for_each(|unit| (unit.told, unit.power) = (15.0, 15.0));
    plant.seconds(3);
    tell(&mut plant, Some(5.0), 100.0, 25.0);
    plant.seconds(30);
    for aux in [5.0, 2.0] {
        // It is away for a moment while the plant has it, and another then.
        plant.remote = false;
        tell(&mut plant, None, 100.0, 25.0);
        plant.second();
        plant.aux = aux;
        tell(&mut plant, Some(aux), 100.0, 25.0);
        plant.remote = true;
        plant.seconds(5);
        let before = sum(&plant);
        let meter = (plant.meter() / COUNT).round() * COUNT;
        plant.set(meter);
        for second in 0..30 {
            plant.second();
            assert!((sum(&plant) - before).abs() < 0.1, "{aux}, {second}: {before} {}", sum(&plant));
        }
    }
}

#[test]
fn who_takes_over_waits_for_the_auxiliary_load_of_then() {
    let mut plant = plant(true);
    (plant.aux, plant.losses) = (5.0, 0.0);
    plant.units.iter_mut().for_each(|unit| (unit.told, unit.power) = (15.0, 15.0));
    tell(&mut plant, Some(5.0), 100.0, 25.0);
    plant.seconds(5);
    // It falls, and its controller is slow.
    plant.aux = 2.0;
    plant.seconds(3);
    let meter = (plant.meter() / COUNT).round() * COUNT;
    plant.set(meter);
    plant.seconds(5);
    tell(&mut plant, Some(2.0), 100.0, 25.0);
    for second in 0..30 {
        plant.second();
        assert!((sum(&plant) - 60.0).abs() < 0.1, "{second}: {}", sum(&plant));
    }
}
