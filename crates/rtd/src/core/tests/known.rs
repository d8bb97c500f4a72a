//! Where the devices stand is not always known: what is told to them then, and from where it goes on.

use ieee1815::{Command, Crob, Flags, OperateMode};

use super::control::{Plant, controlled};
use super::world::{EMS, OBSERVER};
use crate::core::FieldWrite;

/// Index of the value in force.
const FORCE: u16 = 40;
const RAISE: u16 = 5;

fn driven(replaced: &[(&str, &str)], mw: f64) -> Plant {
    let mut plant = Plant::with(&controlled(replaced));
    plant.accepted(EMS, mw);
    plant.pass(40);
    plant.told.clear();
    plant
}

/// Told from 0 on, by the ramp of a tenth of a megawatt a second.
fn is_ramp(told: &[f64]) -> bool {
    let mut last = 0.0;
    told.iter().all(|told| {
        let step = told - std::mem::replace(&mut last, *told);
        (-1e-9..=0.1 + 1e-9).contains(&step)
    })
}

#[test]
fn a_device_in_its_own_local_is_told_nothing_and_taken_up_where_it_was_left() {
    let mut plant = driven(&[("silence_ms = 60000\n", "")], 3.0);
    (plant.plc.remote, plant.follows) = (false, false);
    plant.say();
    plant.mw = 0.0;
    plant.pass(40);
    assert!(plant.told.is_empty(), "{:?}", plant.told);
    let (value, flags) = plant.read(FORCE);
    assert!(value.abs() < 0.001 && !flags.contains(Flags::ONLINE), "what it does, and not Good: {value}");
    (plant.plc.remote, plant.follows) = (true, true);
    plant.pass(40);
    assert!(is_ramp(&plant.told), "{:?}", plant.told);
    let (value, flags) = plant.read(FORCE);
    assert!((value - 3.0).abs() < 0.001 && flags == Flags::ONLINE, "{value}");
}

#[test]
fn a_fallback_stays_where_a_device_that_is_back_is() {
    let loss = ("ramp_up_per_min = 6.0", "ramp_up_per_min = 6.0\non_loss = \"hold\"");
    let mut plant = driven(&[loss], 3.0);
    plant.world.disconnect(EMS);
    plant.pass(40);
    plant.dead = true;
    plant.pass(20);
    (plant.dead, plant.mw) = (false, 0.0);
    plant.told.clear();
    plant.pass(60);
    assert!(plant.told.iter().all(|told| told.abs() < 1e-9), "nobody asks for more: {:?}", plant.told);
}

#[test]
fn an_iso_that_is_lost_before_the_reading_has_raised_nothing() {
    let loss = ("ramp_up_per_min = 6.0", "ramp_up_per_min = 6.0\non_loss = \"hold\"");
    let mut plant = Plant::with(&controlled(&[loss, ("hold_ms = 30000", "hold_ms = 100")]));
    plant.mw = 3.0;
    plant.say();
    plant.world.pass(100);
    // It has just fallen back, and nobody has read that.
    plant.mw = 0.0;
    plant.accepted(EMS, 3.4);
    plant.world.disconnect(EMS);
    plant.world.pass(200);
    plant.pass(60);
    assert!(plant.told.iter().all(|told| told.abs() < 1e-9), "{:?}", plant.told);
}

#[test]
fn a_pulse_before_the_reading_is_worth_so_much_more_than_it() {
    let mut plant = Plant::with(&controlled(&[]));
    plant.mw = 3.0;
    plant.say();
    plant.world.pass(100);
    plant.mw = 0.0;
    let raise = Command::Crob(Crob { op: 1, count: 1, on_ms: 0, off_ms: 0 });
    plant.world.operate(EMS, OperateMode::Direct, RAISE, raise);
    plant.pass(20);
    assert!((plant.mw - 0.5).abs() < 0.001, "{}", plant.mw);
    // Of one who has it, than what is held.
    plant.world.operate(EMS, OperateMode::Direct, RAISE, raise);
    plant.pass(20);
    assert!((plant.mw - 1.0).abs() < 0.001, "{}", plant.mw);
}

#[test]
fn a_take_over_from_a_schedule_on_its_way_moves_nothing_back() {
    let mut plant = driven(&[], 0.0);
    plant.plc.schedule = Some(3.0);
    plant.pass(1);
    plant.order(crate::core::Action::Control(crate::core::Way::Schedule));
    plant.pass(10);
    plant.told.clear();
    let before = plant.mw;
    plant.accepted(OBSERVER, 3.0);
    plant.pass(10);
    let rises = plant.told.windows(2).all(|pair| pair[1] >= pair[0]);
    assert!(
        rises && plant.told.first().is_some_and(|told| *told >= before - 1e-9),
        "{before} {:?}",
        plant.told
    );
}

#[test]
fn a_breaker_that_opens_later_gives_back_what_was_kept_unless_the_plant_has_it() {
    let trip = |plant: &mut Plant, remote: bool| {
        (plant.closed, plant.remote) = (false, remote);
        plant.world.writes.clear();
        plant.world.switches(false, remote);
        plant.world.writes.iter().map(|(_, write)| *write).collect::<Vec<_>>()
    };
    // The operator took it: its devices keep what they were told.
    let mut plant = driven(&[], 3.0);
    plant.order(crate::core::Action::Control(crate::core::Way::Take));
    assert!(plant.told.is_empty() && plant.world.writes.is_empty());
    assert_eq!(trip(&mut plant, true), [FieldWrite::Release704]);
    plant.obey();
    plant.pass(20);
    assert!(plant.told.is_empty() && plant.world.writes.is_empty(), "once");
    // With its switch in local the plant has them, whatever else happens.
    let mut plant = driven(&[], 3.0);
    assert_eq!(trip(&mut plant, false), []);
    let mut plant = driven(&[], 3.0);
    plant.remote = false;
    plant.pass(2);
    assert_eq!(trip(&mut plant, false), []);
}

#[test]
fn a_device_that_refuses_is_taken_up_where_it_is() {
    let mut plant = driven(&[], 0.0);
    plant.refuses = true;
    plant.accepted(EMS, 3.0);
    plant.pass(20);
    assert!(plant.told.is_empty(), "{:?}", plant.told);
    let (value, flags) = plant.read(FORCE);
    assert!(value.abs() < 0.001 && !flags.contains(Flags::ONLINE), "what it does, and not Good: {value}");
    plant.refuses = false;
    plant.pass(40);
    assert!(is_ramp(&plant.told), "{:?}", plant.told);
    let (value, flags) = plant.read(FORCE);
    assert!((value - 3.0).abs() < 0.001 && flags == Flags::ONLINE, "{value}");
    // A refusal on the way is no leap either.
    plant.accepted(EMS, 0.5);
    plant.pass(5);
    plant.refuses = true;
    plant.pass(10);
    plant.told.clear();
    let before = plant.mw;
    plant.refuses = false;
    plant.pass(10);
    let first = plant.told.first().copied().unwrap_or_default();
    assert!((first - before).abs() <= 0.1 + 1e-9, "{before} to {first}");
}
