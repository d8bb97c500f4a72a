//! What one life of a set point leaves on its way, and what the next makes of it: writes that are not answered, releases
//! that a change of the site sent, and what was known of a device of which nothing is heard.

use ieee1815::OperateMode;
use site::{ReadingIx, Site};

use super::interconnection::{Plant, site as units, told};
use super::world::{BESS, EMS, METER, World, site, site_but};
use crate::core::{Action, FieldOutcome, FieldWrite, Input, Operate, Reading, Way};

const DRIVE: &str = "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]";

/// The ISO has asked for 3 MW, and the battery does that.
fn running(site: &Site) -> World {
    let mut world = World::with_site(site);
    world.all_good();
    world.watts(BESS, 3e6);
    world.connect(EMS);
    world.set(EMS, OperateMode::Direct, 18_000.0);
    world.pass(50);
    world.watts(BESS, 3e6);
    world.confirm_writes();
    world.pass(2_500);
    world.switches(true, true);
    world.watts(BESS, 3e6);
    world
}

fn order(world: &mut World, way: Way) {
    let (action, point) = (Action::Control(way), "bess.mw.setpoint".into());
    world.input(Input::Operate(Operate { point, action, who: "ann".into(), why: "a test".into() }));
}

fn read_plc(world: &mut World) {
    world.poll(3, FieldOutcome::Readings(vec![(ReadingIx::new(0), Reading::Number(5.0))]));
}

fn writes(world: &World) -> Vec<FieldWrite> {
    world.writes.iter().map(|(_, write)| *write).collect()
}

#[test]
fn a_write_of_the_life_before_is_waited_for() {
    let limits = "limits = [-4.0, 4.0]";
    let ramp = "ramp_up_per_min = 60.0\nramp_down_per_min = 600.0";
    let with = |limits_now: &str| site_but(&[(limits, &format!("{limits_now}\n{ramp}"))]);
    let (old, changed) = (with(limits), with("limits = [-4.0, 3.9]"));
    for reloads in [false, true] {
        let mut world = running(&old);
        world.set(EMS, OperateMode::Direct, -18_000.0);
        world.pass(1_000);
        assert_eq!(world.writes.len(), 1, "on its way");
        if reloads {
            world.reconfigure(&old, &changed);
        } else {
            order(&mut world, Way::Local);
        }
        world.pass(100);
        world.set(EMS, OperateMode::Direct, 18_000.0);
        for _ in 0..3 {
            world.pass(900);
            world.watts(BESS, 3e6);
            assert_eq!(world.writes.len(), 1, "what comes of it is not known");
        }
        // It was taken after all; 2 s later that is read.
        world.confirm_writes();
        world.pass(1_900);
        world.watts(BESS, -3e6);
        assert_eq!(world.writes, []);
        world.pass(200);
        world.watts(BESS, -3e6);
        let FieldWrite::SunSpec704 { watts, .. } = writes(&world)[0] else { panic!("{:?}", world.writes) };
        assert!((-3e6..=-2e6).contains(&watts), "{watts}");
    }
}

#[test]
fn a_release_was_answered_two_seconds_before_the_reading_that_counts() {
    let mut world =
        running(&site_but(&[("limits = [-4.0, 4.0]", "limits = [-4.0, 4.0]\nhandover = \"disable\"")]));
    order(&mut world, Way::Local);
    world.set(EMS, OperateMode::Direct, 18_000.0);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
    // Nothing happens for as long as the answer takes.
    world.now_ms += 2_500;
    world.confirm_writes();
    world.watts(BESS, 3e6);
    assert_eq!(world.writes, [], "read in the moment of the answer");
    world.pass(2_000);
    world.watts(BESS, 3e6);
    assert_eq!(world.writes.len(), 1);
}

#[test]
fn a_release_that_another_way_of_telling_brought_is_waited_for_and_asked_again() {
    let old = site();
    let percent = [
        ("limits = [-4.0, 4.0]", "limits = [0.0, 4.0]"),
        ("control = \"704\", revert_s = 60", "control = \"123\", rated_mw = 4.0"),
    ];
    let share = [(
        DRIVE,
        "drive = [{ device = \"bess\", control = \"704\", share = 0.5 }, { device = \"meter\", control = \"704\", share = 0.5 }]",
    )];
    for change in [&percent[..], &share[..]] {
        let new = site_but(change);
        let mut world = running(&old);
        world.reconfigure(&old, &new);
        assert_eq!(writes(&world), [FieldWrite::Release704]);
        world.watts(METER, 9e6);
        world.pass(50);
        world.set(EMS, OperateMode::Direct, 18_000.0);
        world.pass(800);
        world.watts(BESS, 3e6);
        assert_eq!(writes(&world), [FieldWrite::Release704], "and nothing behind it");
        world.refuse_writes();
        order(&mut world, Way::Local);
        world.pass(2_000);
        assert_eq!(writes(&world), [FieldWrite::Release704], "again");
        assert_eq!(world.core.holding().count(), 1);
        world.confirm_writes();
        assert_eq!(world.core.holding().count(), 0);
        world.pass(20_000);
        assert_eq!(world.writes, []);
    }
}

#[test]
fn what_a_breaker_gives_back_may_have_been_told_in_another_way() {
    let old = site();
    let shares = "drive = [{ device = \"bess\", control = \"704\", share = 0.9 }, { device = \"meter\", control = \"704\", share = 0.1 }]";
    let new = site_but(&[(DRIVE, shares)]);
    let mut world = running(&old);
    order(&mut world, Way::Take);
    world.pass(500);
    world.reconfigure(&old, &new);
    assert_eq!((world.writes.len(), world.core.holding().count()), (0, 1), "it keeps what it was told");
    world.pass(500);
    world.switches(false, true);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
}

#[test]
fn what_the_meter_said_of_a_silent_device_outlives_another_configuration() {
    let trim = ("trim = { meter = \"poi.mw\", units = \"units.mw\", gain = 0.02, most = 6.0 }\n", "");
    let slow = |ramp: &str| format!("ramp_up_per_min = {ramp}\nfollows_within = 3.0\nfollows_s = 30");
    let (one, other) = (slow("20.0"), slow("21.0"));
    let (old, new) = (
        units(&[trim, ("ramp_up_per_min = 20.0", &one)]),
        units(&[trim, ("ramp_up_per_min = 20.0", &other)]),
    );
    let mut plant = Plant::new(&old, 1e-6);
    (plant.losses, plant.aux) = (0.0, 0.0);
    plant.set(60.0);
    plant.seconds(300);
    let unit = &mut plant.units[2];
    (unit.there, unit.runs, unit.power) = (false, false, 0.0);
    plant.seconds(200);
    let before = told(&plant);
    assert!((before[0] - 20.0).abs() < 0.1, "it is known to have stopped: {before:?}");
    plant.world.reconfigure(&old, &new);
    plant.obey();
    plant.seconds(1);
    plant.set(60.0);
    for _ in 0..60 {
        plant.second();
        let now = told(&plant);
        assert!(
            now.iter().zip(&before).all(|(now, before)| (now - before).abs() < 0.1),
            "{before:?} {now:?}"
        );
    }
}

/// A controller of a register each for so many drives.
fn controller(drives: &[u16], limits: &str, more: &str) -> Site {
    let soc = "[[device]]\nid = \"plc\"\nprotocol = \"modbus\"\naddress = \"127.0.0.1:4\"\npoll_ms = 1000\n\n\
               [[analog]]\nid = \"soc\"\nunit = \"MWh\"\nsign = \"+\"\nwire = \"engineering\"\nage_max_ms = 86400000\n\
               source = { device = \"plc\", register = 4, type = \"f32\", unit = \"MWh\" }\n\n[[analog]]\nid = \"poi.mw\"";
    let limits = format!("limits = {limits}");
    let keys = format!(
        "{more}drive = [{}]",
        drives.iter().map(|at| drive(*at, drives.len() > 1)).collect::<Vec<_>>().join(",\n")
    );
    site_but(&[("[[analog]]\nid = \"poi.mw\"", soc), ("limits = [-4.0, 4.0]", &limits), (DRIVE, &keys)])
}

fn drive(register: u16, dispatched: bool) -> String {
    let able = if dispatched { ", low = -2.0, high = 2.0" } else { "" };
    format!(
        "{{ device = \"plc\", register = {register}, type = \"i32\", unit = \"kW\", sign = \"+\", \
         enable = {{ register = {}, on = 1, off = 0 }}{able} }}",
        register + 100
    )
}

#[test]
fn drives_by_registers_of_one_controller_keep_what_they_were_told_each() {
    let more = "dispatch = \"capability\"\n";
    let registers = [300, 302, 304];
    let (old, new) =
        (controller(&registers, "[-4.0, 4.0]", more), controller(&registers, "[-4.0, 3.9]", more));
    let mut world = running(&old);
    read_plc(&mut world);
    world.set(EMS, OperateMode::Direct, 18_000.0);
    for _ in 0..4 {
        read_plc(&mut world);
        world.watts(BESS, 3e6);
        world.confirm_writes();
        world.pass(1_000);
    }
    world.switches(true, true);
    assert_eq!(world.core.holding().count(), 3);
    world.writes.clear();
    world.reconfigure(&old, &new);
    assert_eq!(world.writes, [], "nothing moves");
    assert_eq!(world.core.holding().count(), 3);
    read_plc(&mut world);
    world.switches(false, true);
    let off = |register| FieldWrite::ReleaseRegister { register, word: 0 };
    assert_eq!(writes(&world), [400, 402, 404].map(off), "a breaker gives each back");
}

#[test]
fn what_was_found_of_a_device_that_was_never_told_outlives_another_configuration() {
    let trim = ("trim = { meter = \"poi.mw\", units = \"units.mw\", gain = 0.02, most = 6.0 }\n", "");
    let slow = |ramp: &str| format!("ramp_up_per_min = {ramp}\nfollows_within = 3.0\nfollows_s = 20");
    let (one, other) = (slow("20.0"), slow("21.0"));
    let (old, new) = (
        units(&[trim, ("ramp_up_per_min = 20.0", &one)]),
        units(&[trim, ("ramp_up_per_min = 20.0", &other)]),
    );
    let mut plant = Plant::new(&old, 1e-6);
    (plant.losses, plant.aux) = (0.0, 0.0);
    plant.units.iter_mut().for_each(|unit| (unit.told, unit.power) = (15.0, 15.0));
    plant.units[2].there = false;
    plant.seconds(5);
    plant.set(60.0);
    plant.seconds(200);
    let before = told(&plant);
    assert!((before[0] - 15.0).abs() < 0.1, "the meter has told of it: {before:?}");
    plant.world.reconfigure(&old, &new);
    plant.obey();
    plant.seconds(1);
    plant.set(60.0);
    for _ in 0..60 {
        plant.second();
        let now = told(&plant);
        assert!(
            now.iter().zip(&before).all(|(now, before)| (now - before).abs() < 0.1),
            "{before:?} {now:?}"
        );
    }
}
