//! A set point into raw registers, through encoded DNP3: what the device is told, when it is switched, and how it gets
//! its own control back.

use ieee1815::master::Outcome;
use ieee1815::{Classes, CommandStatus, Flags, OperateMode, PointType};
use site::{DeviceIx, RegisterType, Site, WordOrder};

use super::world::{EMS, SWITCHGEAR, World, site_but};
use crate::core::{FieldEvent, FieldWrite, Input};

const DRIVE: &str = "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]";
const OK: Outcome = Outcome::Status(CommandStatus::Success);

/// Tenths of a kilowatt, charging positive; switched by register 400 unless the keys say otherwise.
fn plc(more: &str) -> Site {
    plc_in(more, "")
}

/// The same, with other keys of the set point.
fn plc_in(more: &str, keys: &str) -> Site {
    let drive = format!(
        "drive = [{{ device = \"switchgear\", register = 300, type = \"i32\", word_order = \"little\", unit = \"kW\", \
         scale = 0.1, sign = \"-\"{more} }}]{keys}"
    );
    site_but(&[(DRIVE, &drive)])
}

const SWITCHED: &str = ", enable = { register = 400, on = 2, off = 1 }, revert_s = 60";

fn value(raw: f64, enable: Option<(u16, u16)>) -> FieldWrite {
    FieldWrite::Registers {
        register: 300,
        kind: RegisterType::I32,
        word_order: WordOrder::Little,
        raw,
        enable,
    }
}

/// What the device was told; it answers each with `result`.
fn told(world: &mut World, result: &Result<(), String>) -> Vec<FieldWrite> {
    let writes = std::mem::take(&mut world.writes);
    for (request, _) in &writes {
        let (device, result) = (DeviceIx::new(SWITCHGEAR), result.clone());
        world.input(Input::Field(FieldEvent::Written { device, request: *request, result }));
    }
    writes.into_iter().map(|(_, write)| write).collect()
}

fn running(site: &Site) -> World {
    let mut world = World::with_site(site);
    world.all_good();
    world.connect(EMS);
    world
}

fn set(world: &mut World, mw: f64) {
    assert_eq!(world.set(EMS, OperateMode::Direct, mw * 6_000.0), OK);
}

fn force(world: &mut World) -> (f64, Flags) {
    world.read(EMS, Classes::ALL);
    let (counts, flags) = world.analog(EMS, 40);
    (counts / 6_000.0, flags)
}

/// The plant tells everything every second.
fn pass(world: &mut World, seconds: u64) {
    for _ in 0..seconds {
        world.pass(1_000);
        world.all_good();
    }
}

#[test]
fn the_first_value_switches_the_device_and_the_others_do_not() {
    let mut world = running(&plc(SWITCHED));
    set(&mut world, 2.0);
    assert_eq!(told(&mut world, &Ok(())), [value(-20_000.0, Some((400, 2)))]);
    assert_eq!(force(&mut world), (2.0, Flags::ONLINE));
    set(&mut world, -1.5);
    assert_eq!(told(&mut world, &Ok(())), [value(15_000.0, None)]);
    // Refreshed at two fifths of its time-out.
    pass(&mut world, 23);
    assert_eq!(told(&mut world, &Ok(())), []);
    pass(&mut world, 1);
    assert_eq!(told(&mut world, &Ok(())), [value(15_000.0, None)]);
    // One that was away may have restarted: it is switched again, from what the plant does then.
    world.dead(SWITCHGEAR);
    world.pass(1_000);
    pass(&mut world, 1);
    let again = told(&mut world, &Ok(()));
    assert!(matches!(again[..], [FieldWrite::Registers { enable: Some((400, 2)), .. }]), "{again:?}");
}

#[test]
fn a_device_that_refuses_is_switched_with_each_try() {
    let mut world = running(&plc(SWITCHED));
    set(&mut world, 2.0);
    let refused = Err("holding register 300: Illegal data value".to_owned());
    assert_eq!(told(&mut world, &refused), [value(-20_000.0, Some((400, 2)))]);
    let (_, flags) = force(&mut world);
    assert!(!flags.contains(Flags::ONLINE), "nothing is in force");
    pass(&mut world, 2);
    assert_eq!(told(&mut world, &Ok(())), [value(-20_000.0, Some((400, 2)))]);
    assert_eq!(force(&mut world), (2.0, Flags::ONLINE));
    // One that followed and refuses may not be following any more.
    set(&mut world, 1.0);
    assert_eq!(told(&mut world, &refused), [value(-10_000.0, None)]);
    pass(&mut world, 2);
    assert_eq!(told(&mut world, &Ok(())), [value(-10_000.0, Some((400, 2)))]);
    set(&mut world, 1.5);
    assert_eq!(told(&mut world, &Ok(())), [value(-15_000.0, None)]);
}

#[test]
fn a_lost_link_gives_the_device_back_where_it_has_a_switch_and_the_site_says_so() {
    let release = FieldWrite::ReleaseRegister { register: 400, word: 1 };
    for (keys, handover, wanted) in
        [(SWITCHED, "disable", vec![release]), (SWITCHED, "keep", vec![]), ("", "disable", vec![])]
    {
        let mut world = running(&plc_in(keys, &format!("\nhandover = \"{handover}\"")));
        set(&mut world, 2.0);
        told(&mut world, &Ok(()));
        world.disconnect(EMS);
        pass(&mut world, 24);
        told(&mut world, &Ok(()));
        pass(&mut world, 7);
        let writes = told(&mut world, &Ok(()));
        assert_eq!(writes, wanted, "{keys}");
        world.connect(EMS);
        // It follows the plant again; the next command switches it anew.
        assert_eq!(world.of(EMS, PointType::AnalogOutputStatus, 1).0, 6_000.0);
        set(&mut world, 1.0);
        let enable = (!keys.is_empty()).then_some((400, 2));
        assert_eq!(told(&mut world, &Ok(())), [value(-10_000.0, enable)]);
    }
}

#[test]
fn what_moves_by_less_than_a_step_of_the_raw_value_is_not_written_again() {
    let coarse = DRIVE.replace(
        "device = \"bess\", control = \"704\", revert_s = 60",
        "device = \"switchgear\", register = 300, type = \"i16\", unit = \"MW\", sign = \"+\"",
    );
    let mut world = running(&site_but(&[(DRIVE, &coarse)]));
    set(&mut world, 2.0);
    assert_eq!(told(&mut world, &Ok(())).len(), 1);
    set(&mut world, 2.25);
    assert_eq!(told(&mut world, &Ok(())), []);
    assert_eq!(force(&mut world), (2.25, Flags::ONLINE), "the device does it as near as it can");
}

#[test]
fn another_site_gives_the_device_back_and_the_same_one_goes_on() {
    let old = plc(SWITCHED);
    let mut world = running(&old);
    set(&mut world, 2.0);
    told(&mut world, &Ok(()));
    world.reconfigure(&old, &plc(SWITCHED));
    assert_eq!(told(&mut world, &Ok(())), [], "nothing changed");
    let new = plc(&SWITCHED.replace("400", "401"));
    world.reconfigure(&old, &new);
    assert_eq!(told(&mut world, &Ok(())), [FieldWrite::ReleaseRegister { register: 400, word: 1 }]);
    pass(&mut world, 5);
    assert_eq!(told(&mut world, &Ok(())), [], "nothing old is said again");
    set(&mut world, 1.0);
    assert_eq!(told(&mut world, &Ok(())), [value(-10_000.0, Some((401, 2)))]);
}
