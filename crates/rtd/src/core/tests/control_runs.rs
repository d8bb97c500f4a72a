//! Random runs of a controlled plant through encoded DNP3: one owner always, no bump at any hand-over, limits kept, and
//! nothing that was commanded before ever said again.

use std::collections::BTreeMap;
use std::time::Duration;

use ieee1815::CommandStatus;
use ieee1815::master::Outcome;
use telemetry::Now;

use super::control::{CALM, OWNER, POINT, Plant, STEP, controlled};
use super::world::{EMS, OBSERVER};
use crate::core::{Action, Way};

/// Rounding of counts and floats.
const NEAR: f64 = 1e-6;

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Within so many megawatts either way.
    fn mw(&mut self, most: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let share = self.below(2_001) as f64 / 1_000.0 - 1.0;
        share * most
    }
}

/// What must hold after anything that took less than a second.
fn check(plant: &mut Plant, before: f64, what: &str) {
    let status = plant.world.core.status(Now::virtual_millis(plant.world.now_ms));
    let told = status["setpoints"][0].clone();
    let authority = told["authority"].as_str().unwrap().to_owned();
    let code = ["local", "iso", "schedule", "fallback"].iter().position(|one| *one == authority);
    if plant.world.is_up(OBSERVER) {
        let shown = plant.code(OWNER);
        assert_eq!(Some(shown), code.map(|code| f64::from(u8::try_from(code).unwrap())), "{what}");
    }
    if !plant.closed || !plant.remote {
        assert_eq!(authority, "local", "{what}: the plant's switch always wins");
    }
    assert_eq!(told["owner"].is_null(), authority != "iso", "{what}: {told}");
    let (low, high) = plant.plc.hard;
    let known = low.is_finite() && high.is_finite();
    let mut last = before;
    for now in std::mem::take(&mut plant.told) {
        assert!(!known || (low - NEAR..=high + NEAR).contains(&now), "{what}: {now} beyond {low}..{high}");
        // What a limit takes back at once is not held against it.
        let charge = plant.plc.charge;
        let (most_in, most_out) = ((9.0 - charge).max(0.0) * 60.0, (charge - 1.0).max(0.0) * 60.0);
        let within = |mw: f64| mw.max(low).min(high).max(-most_in).min(most_out);
        let from = if known { within(last) } else { last };
        assert!((now - from).abs() <= STEP + NEAR, "{what}: {last} to {now}, {told}, {:?}", plant.plc);
        last = now;
    }
}

fn run(seed: u64, seen: &mut BTreeMap<String, u32>) {
    let losses = ["release", "hold", "schedule"];
    let on_loss = losses[usize::try_from(seed % 3).unwrap()];
    let keys = format!("ramp_up_per_min = 6.0\non_loss = \"{on_loss}\"");
    // Which side follows is not what is looked at here.
    let site =
        controlled(&[("ramp_up_per_min = 6.0", &keys), ("follows_within = 1.0", "follows_within = 9.0")]);
    let (mut plant, mut dice) = (Plant::with(&site), Dice(seed));
    for step in 0..120 {
        let before = plant.mw;
        let kind = dice.below(16);
        plant.told.clear();
        match kind {
            0..=3 => {
                for second in 0..dice.below(20) {
                    let before = plant.mw;
                    plant.world.pass(1_000);
                    plant.obey();
                    plant.say();
                    check(&mut plant, before, &format!("seed {seed} step {step}, second {second}"));
                }
            }
            4..=6 => {
                let (master, mw) = (usize::try_from(dice.below(2)).unwrap(), dice.mw(4.5));
                if plant.world.is_up(master) {
                    let outcome = plant.set(master, mw);
                    if let Outcome::Status(status) = outcome {
                        *seen.entry(status.to_string()).or_default() += 1;
                        if status != CommandStatus::Success {
                            plant.told.iter().for_each(|told| assert!((told - before).abs() <= STEP + NEAR));
                        }
                    }
                }
            }
            7 => {
                let master = usize::try_from(dice.below(2)).unwrap();
                if plant.world.is_up(master) {
                    plant.world.disconnect(master);
                } else {
                    plant.world.connect(master);
                }
            }
            8 => plant.remote = dice.below(4) > 0,
            9 => plant.closed = dice.below(4) > 0,
            10 => {
                plant.plc.hard = (-dice.mw(4.0).abs(), dice.mw(4.0).abs());
                if dice.below(6) == 0 {
                    plant.plc.hard.0 = f64::NAN;
                }
            }
            11 => plant.plc.charge = 5.0 + dice.mw(4.5),
            12 => plant.plc.schedule = (dice.below(4) > 0).then(|| dice.mw(3.0)),
            13 => {
                let ways = [Way::Take, Way::GiveBack, Way::GiveBack, Way::Local, Way::Schedule];
                plant.order(Action::Control(ways[usize::try_from(dice.below(5)).unwrap()]));
            }
            14 => {
                let inhibit = Action::Inhibit { lasts: Duration::from_secs(20) };
                plant.order(if dice.below(2) == 0 { inhibit } else { Action::Release });
            }
            _ => {
                plant.dead = !plant.dead;
                // A device that was away may have fallen back by itself.
                if !plant.dead {
                    plant.plc.hard = CALM.hard;
                    plant.mw = dice.mw(1.0);
                }
                plant.world.wall_ahead_ms += dice.below(3_600_000);
            }
        }
        let fell_back = if kind == 15 { plant.mw } else { before };
        plant.say();
        plant.obey();
        check(&mut plant, fell_back, &format!("seed {seed} step {step} kind {kind}"));
        if step % 30 == 29 {
            plant.world.reconfigure(&site, &site);
            plant.obey();
            let before = plant.mw;
            check(&mut plant, before, "reload");
        }
    }
    for (owner, cause) in plant.transfers() {
        *seen.entry(format!("{owner} {cause:?}")).or_default() += 1;
    }
    let up = [EMS, OBSERVER].iter().filter(|master| plant.world.is_up(**master)).count();
    *seen.entry(format!("{up} up at the end")).or_default() += 1;
    let orders = plant.world.core.points(Now::virtual_millis(plant.world.now_ms));
    assert!(orders.to_string().contains(POINT));
}

#[test]
fn random_runs_keep_every_promise() {
    let mut seen = BTreeMap::new();
    for seed in 0..30 {
        run(seed, &mut seen);
    }
    for wanted in [
        "SUCCESS",
        "LOCAL",
        "OUT_OF_RANGE",
        "BLOCKED",
        "BLOCKED_OTHER_MASTER",
        "DOWNSTREAM_FAIL",
        "AUTOMATION_INHIBIT",
        "local Some(Local)",
        "iso Some(Command)",
    ] {
        assert!(seen.contains_key(wanted), "{wanted} never happened: {seen:?}");
    }
}
