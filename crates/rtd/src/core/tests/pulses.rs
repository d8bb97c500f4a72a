//! Controls whose pulses move a set point, and the status that a control has: read as any point, through encoded DNP3.

use std::time::Duration;

use ieee1815::master::Outcome;
use ieee1815::{Classes, Command, CommandStatus, Crob, Flags, OperateMode, PointType};

use super::control::{Plant, controlled};
use super::world::{EMS, OBSERVER};
use crate::core::{Action, Way};

const RAISE: u16 = 5;
const LOWER: u16 = 6;
const SBO: OperateMode = OperateMode::SelectBeforeOperate;

/// State and flags of a control, as a master that only listens knows them.
fn status(plant: &mut Plant, index: u16) -> (bool, Flags) {
    plant.world.read(OBSERVER, Classes::ALL);
    let (state, flags) = plant.world.of(OBSERVER, PointType::BinaryOutputStatus, index);
    (state == 1.0, flags)
}

fn pulse(plant: &mut Plant, index: u16, crob: Crob) -> CommandStatus {
    let outcome = plant.world.operate(EMS, SBO, index, Command::Crob(crob));
    plant.obey();
    match outcome {
        Outcome::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

const fn crob(count: u8, on_ms: u32, off_ms: u32) -> Crob {
    Crob { op: 1, count, on_ms, off_ms }
}

#[test]
fn every_control_has_a_status_and_nothing_else_has() {
    let mut plant = Plant::with(&controlled(&[]));
    plant.world.read(OBSERVER, Classes::ALL);
    let of = |plant: &Plant| -> Vec<u16> {
        let keys = plant.world.seen[OBSERVER].keys();
        keys.filter(|(point, _)| *point == PointType::BinaryOutputStatus).map(|(_, index)| *index).collect()
    };
    assert_eq!(of(&plant), [RAISE, LOWER]);
    for index in [RAISE, LOWER] {
        assert_eq!(status(&mut plant, index), (false, Flags::ONLINE));
    }
    let without = [("raise = 5\nlower = 6\npulse = { each = 0.5 }\n", "")];
    let mut plant = Plant::with(&controlled(&without));
    plant.world.read(OBSERVER, Classes::ALL);
    assert!(of(&plant).is_empty());
}

#[test]
fn it_is_true_while_pulses_run_and_no_longer() {
    let mut plant = Plant::with(&controlled(&[]));
    assert_eq!(pulse(&mut plant, RAISE, crob(2, 1_000, 500)), CommandStatus::Success);
    assert_eq!(status(&mut plant, RAISE), (true, Flags::ONLINE));
    assert_eq!(status(&mut plant, LOWER), (false, Flags::ONLINE), "the other one rests");
    plant.world.pass(2_499);
    assert!(status(&mut plant, RAISE).0, "two pulses of a second and the pause between");
    plant.world.pass(1);
    assert_eq!(status(&mut plant, RAISE), (false, Flags::ONLINE));
    // It went by itself: an event tells it to whoever does not ask.
    plant.say();
    assert_eq!(pulse(&mut plant, LOWER, crob(1, 300, 0)), CommandStatus::Success);
    plant.world.read(EMS, Classes::EVENTS);
    assert_eq!(plant.world.of(EMS, PointType::BinaryOutputStatus, LOWER).0, 1.0);
    plant.world.pass(300);
    plant.world.read(EMS, Classes::EVENTS);
    assert_eq!(plant.world.of(EMS, PointType::BinaryOutputStatus, LOWER).0, 0.0);
    plant.say();
    // One more while one runs: it lasts as long as the longer of them.
    assert_eq!(pulse(&mut plant, RAISE, crob(1, 3_000, 0)), CommandStatus::Success);
    plant.world.pass(1_000);
    assert_eq!(pulse(&mut plant, RAISE, crob(1, 100, 0)), CommandStatus::Success);
    plant.world.pass(1_999);
    assert!(status(&mut plant, RAISE).0);
    plant.world.pass(1);
    assert!(!status(&mut plant, RAISE).0);
    plant.say();
    // Without a length it is over at once; one that is too long counts as the longest.
    assert_eq!(pulse(&mut plant, RAISE, crob(1, 0, 0)), CommandStatus::Success);
    assert!(!status(&mut plant, RAISE).0);
    assert_eq!(pulse(&mut plant, LOWER, crob(1, u32::MAX, 0)), CommandStatus::Success);
    plant.pass(9);
    assert!(status(&mut plant, LOWER).0);
    plant.pass(1);
    assert!(!status(&mut plant, LOWER).0);
}

#[test]
fn a_pulse_that_is_to_come_not_once_changes_nothing() {
    let mut plant = Plant::with(&controlled(&[]));
    plant.say();
    assert_eq!(pulse(&mut plant, RAISE, crob(0, 1_000, 0)), CommandStatus::Success);
    assert!(plant.transfers().is_empty(), "it takes nothing over");
    assert_eq!(plant.set(OBSERVER, 1.0), Outcome::Status(CommandStatus::Success), "and nobody owns it");
    plant.pass(2);
    // Another master that may not have it is told so.
    assert_eq!(pulse(&mut plant, RAISE, crob(0, 1_000, 0)), CommandStatus::BlockedOtherMaster);
    let mut plant = Plant::with(&controlled(&[("silence_ms = 60000", "silence_ms = 9000")]));
    assert_eq!(pulse(&mut plant, RAISE, crob(1, 0, 0)), CommandStatus::Success);
    plant.pass(8);
    assert_eq!(pulse(&mut plant, RAISE, crob(0, 0, 0)), CommandStatus::Success);
    plant.pass(2);
    assert_eq!(plant.transfers().len(), 2, "it is no set point that came again");
}

#[test]
fn what_is_refused_runs_nothing() {
    let mut plant = Plant::with(&controlled(&[]));
    plant.remote = false;
    plant.say();
    assert_eq!(pulse(&mut plant, RAISE, crob(1, 5_000, 0)), CommandStatus::Local);
    let trip = Crob { op: 0x41, count: 1, on_ms: 5_000, off_ms: 0 };
    assert_eq!(pulse(&mut plant, RAISE, trip), CommandStatus::NotSupported);
    assert_eq!(pulse(&mut plant, 7, crob(1, 5_000, 0)), CommandStatus::NotSupported);
    assert_eq!(status(&mut plant, RAISE), (false, Flags::ONLINE));
}

#[test]
fn the_plant_takes_it_back_and_no_pulse_is_running() {
    let mut plant = Plant::with(&controlled(&[]));
    for way in [Way::Take, Way::Local] {
        assert_eq!(pulse(&mut plant, RAISE, crob(1, 9_000, 0)), CommandStatus::Success);
        assert!(status(&mut plant, RAISE).0);
        plant.order(Action::Control(way));
        assert_eq!(status(&mut plant, RAISE), (false, Flags::ONLINE), "{way:?}");
        if way == Way::Take {
            plant.order(Action::Control(Way::GiveBack));
        }
    }
    // Another configuration goes on with what is running.
    assert_eq!(pulse(&mut plant, RAISE, crob(1, 9_000, 0)), CommandStatus::Success);
    let (old, new) = (controlled(&[]), controlled(&[("name = \"Battery set point\"", "name = \"Battery\"")]));
    plant.world.reconfigure(&old, &new);
    assert!(status(&mut plant, RAISE).0);
    plant.pass(9);
    assert!(!status(&mut plant, RAISE).0);
}

#[test]
fn its_quality_is_that_of_its_set_point() {
    let mut plant = Plant::with(&controlled(&[]));
    let same = |plant: &mut Plant| {
        let flags = status(plant, RAISE).1;
        plant.world.read(OBSERVER, Classes::ALL);
        assert_eq!(flags, plant.world.of(OBSERVER, PointType::AnalogOutputStatus, 1).1);
        flags
    };
    plant.dead = true;
    plant.say();
    assert_eq!(same(&mut plant), Flags::COMM_LOST);
    plant.dead = false;
    plant.say();
    assert_eq!(same(&mut plant), Flags::ONLINE);
    plant.order(Action::Inhibit { lasts: Duration::from_secs(60) });
    assert_eq!(same(&mut plant), Flags::NONE, "out of service");
    plant.order(Action::Release);
    assert_eq!(same(&mut plant), Flags::ONLINE);
    // Nobody can force the state of a control.
    let force = crate::core::Operate {
        point: "bess.mw.setpoint.raise".into(),
        action: Action::Force { value: telemetry::Value::Binary(true), lasts: Duration::from_secs(60) },
        who: "ann".into(),
        why: "test".into(),
    };
    let told = plant.world.core.may_operate(&force).unwrap_err();
    assert!(told.contains("tells whether a pulse is running"), "{told}");
}
