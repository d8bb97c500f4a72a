//! What the operator is told at the desk.

use std::time::Duration;

use serde_json::Value as Json;

use super::control::{POINT, Plant, controlled};
use super::world::EMS;
use crate::core::{Action, Input, Operate, Way};

fn status(plant: &Plant) -> Json {
    plant.world.core.status(plant.world.now())["setpoints"][0].clone()
}

/// Why the schedule cannot have it.
fn unscheduled(plant: &Plant) -> String {
    let (who, why) = ("ann".into(), "test".into());
    let order = Operate { point: POINT.into(), action: Action::Control(Way::Schedule), who, why };
    plant.world.core.may_operate(&order).unwrap_err()
}

fn on_loss(word: &str) -> Plant {
    let keys = format!("ramp_up_per_min = 6.0\non_loss = \"{word}\"");
    Plant::with(&controlled(&[("ramp_up_per_min = 6.0", keys.as_str())]))
}

#[test]
fn a_session_that_is_away_is_told_with_what_comes_then() {
    for (word, then) in [("hold", "fallback"), ("release", "local"), ("schedule", "schedule")] {
        let mut plant = on_loss(word);
        plant.set(EMS, 2.0);
        plant.pass(5);
        assert_eq!(status(&plant)["away"], Json::Null);
        plant.world.disconnect(EMS);
        let since = plant.world.now().wall;
        plant.pass(10);
        let away = status(&plant)["away"].clone();
        let ends = telemetry::Wall::from_millis(since.as_millis() + 30_000);
        assert_eq!(away, serde_json::json!({ "since": since, "ends": ends, "then": then }));
        plant.pass(21);
        let told = status(&plant);
        assert_eq!((&told["authority"], &told["away"]), (&then.into(), &Json::Null), "{told}");
    }
    // A schedule that is not good gets nothing, and a session that is back is not away.
    let mut plant = on_loss("schedule");
    plant.set(EMS, 2.0);
    plant.world.disconnect(EMS);
    plant.plc.schedule = None;
    plant.pass(3);
    assert_eq!(status(&plant)["away"]["then"], "fallback");
    plant.world.connect(EMS);
    assert_eq!(status(&plant)["away"], Json::Null);
}

#[test]
fn a_schedule_that_cannot_have_it_says_what_is_not_good() {
    let mut plant = Plant::with(&controlled(&[]));
    let (value, lasts) = (telemetry::Value::Analog(1.0), Duration::from_secs(600));
    let (who, why) = ("ann".into(), "test".into());
    let action = Action::Force { value, lasts };
    plant.world.input(Input::Operate(Operate { point: "sched".into(), action, who, why }));
    let told = unscheduled(&plant);
    assert!(told.contains("`sched` is not good: forced here: by ann: test"), "{told}");
    let bare = Plant::with(&controlled(&[("schedule = \"sched\"\n", "")]));
    assert!(unscheduled(&bare).starts_with("no schedule in the file"), "{}", unscheduled(&bare));
    plant.remote = false;
    plant.say();
    let told = unscheduled(&plant);
    assert!(told.contains("in local") && told.contains("`plant.remote` is false"), "{told}");
}

#[test]
fn what_is_in_force_is_told_as_the_iso_has_it_and_nobody_is_missed_where_nobody_is() {
    let mut plant = Plant::with(&controlled(&[]));
    assert_eq!(status(&plant)["feedback"], 1.0, "while nobody drives it follows the plant");
    plant.set(EMS, 2.0);
    plant.pass(20);
    let told = status(&plant);
    assert_eq!((&told["feedback"], &told["alarms"]), (&2.0.into(), &serde_json::json!({})), "{told}");
}

#[test]
fn what_is_not_there_is_not_told() {
    let plant = Plant::with(&controlled(&[]));
    let told = status(&plant);
    for name in ["trim", "response", "aux", "aux_good"] {
        assert_eq!(told[name], Json::Null, "{name}: {told}");
    }
}

#[test]
fn a_point_that_there_is_not_finds_those_that_are_called_like_it() {
    let plant = Plant::with(&controlled(&[]));
    let told = |id: &str| {
        let (who, why) = ("ann".into(), "test".into());
        plant
            .world
            .core
            .may_operate(&Operate { point: id.into(), action: Action::Release, who, why })
            .unwrap_err()
    };
    assert!(
        told("bess.setpoint").starts_with("there is no point `bess.setpoint`; near it: bess.mw.setpoint")
    );
    assert_eq!(told("fr.status"), "there is no point `fr.status`, and none is called like it");
}
