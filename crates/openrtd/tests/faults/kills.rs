//! The device killed with -9 on its way to a set point, and started again: nothing moves the plant before a new command,
//! and that one begins where the plant is. With a battery that keeps what it was told, and with one that falls back by
//! itself: its timer is told apart.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::battery::Told;
use crate::rig::{LATE_MS, Moved, RESOLUTION, Random, Rig, Seen, folder, moved, now};
use crate::support::{Program, is_good, latest};

/// Short, so that a restart and the command after it fall before, at and behind the moment where the battery falls back.
const REVERT_S: u16 = 4;
/// The plant moves on so often.
const TICK_MS: i64 = 250;

/// One kill and what came after it.
struct Kill {
    at: i64,
    started: i64,
    /// When the command after the restart was taken.
    command: i64,
}

/// What several kills came to.
#[derive(Default)]
struct Found {
    kills: usize,
    /// Kills between the writes that make one command.
    between_writes: usize,
    /// Writes by a device that nobody had commanded since its start.
    unasked: usize,
    /// How far power went between the restart and the command, other than by the battery's own timer.
    moved_unasked: f64,
    /// How often the battery fell back by itself after a kill.
    fell_back: usize,
    after: Moved,
}

fn kill(rig: &mut Rig, random: &mut Random) -> Kill {
    rig.rtd.signal("-KILL");
    rig.rtd.end();
    let at = now();
    random.pause(Duration::from_secs(1));
    let started = now();
    rig.rtd = Program::start(&rig.folder, "run", "site.toml");
    Kill { at, started, command: 0 }
}

/// Kills it so many times, and commands it after each.
fn killed(times: usize, revert_s: Option<u16>, seed: u64) -> Found {
    let mut random = Random(seed);
    let mut rig = Rig::start(folder(revert_s, ""));
    let longest_idle = Duration::from_millis(if revert_s.is_some() { 5_000 } else { 1_500 });
    rig.command(random.between(2.0, 3.5));
    let mut kills: Vec<Kill> = Vec::new();
    for _ in 0..times {
        // Anywhere on a way that takes some seconds at least.
        random.pause(Duration::from_secs(6));
        let mut one = kill(&mut rig, &mut random);
        random.pause(longest_idle);
        let far = if rig.power() > 0.0 { -3.5 } else { 3.5 };
        one.command = rig.command(far * random.between(0.6, 1.0));
        kills.push(one);
    }
    std::thread::sleep(Duration::from_secs(3));
    let seen = Seen::of(&rig);
    let mut found = Found { kills: kills.len(), ..Found::default() };
    for (at, one) in kills.iter().enumerate() {
        let until = kills.get(at + 1).map_or(i64::MAX, |next| next.started);
        judge(&seen, one, until, revert_s.is_some(), &mut found);
    }
    found
}

fn judge(seen: &Seen, one: &Kill, until: i64, reverts: bool, found: &mut Found) {
    let before = seen.between(0, one.started).last();
    found.between_writes += usize::from(!matches!(before, None | Some((_, Told::Enable(_)))));
    found.unasked += seen.between(one.started, one.command).count();
    // The battery's timer is told apart by its time, and by where it falls to.
    let (last, _) = before.unwrap();
    let falls = last + i64::from(REVERT_S) * 1_000;
    let (early, late) = (falls - TICK_MS, falls + LATE_MS);
    let held = seen.power(one.at.max(last + TICK_MS));
    let mut off = 0.0_f64;
    for (time, power) in seen.did.iter().filter(|(time, _)| (one.at + TICK_MS..one.command).contains(time)) {
        let fallen = reverts && *time >= early && *power == 0.0;
        let still = !reverts || *time <= late;
        if !(fallen || still && (*power - held).abs() <= RESOLUTION) {
            off = off.max((*power - held).abs());
        }
    }
    found.moved_unasked = found.moved_unasked.max(off);
    found.fell_back += usize::from(reverts && held != 0.0 && seen.power(one.command) == 0.0);
    let after = moved(seen, one.command, until);
    if after.first > RESOLUTION || after.beyond > RESOLUTION {
        println!("kill at {}, started {}, command {}: {after:?}", one.at, one.started, one.command);
        for (time, told) in seen.between(one.at - 3_000, one.command + 3_000) {
            println!("  {time} told {told:?}, does {}", seen.power(time));
        }
    }
    found.after.first = found.after.first.max(after.first);
    found.after.step = found.after.step.max(after.step);
    found.after.beyond = found.after.beyond.max(after.beyond);
    found.after.writes += after.writes;
}

/// `lanes` devices at once of each kind, `times` kills of each.
fn run(lanes: usize, times: usize) -> serde_json::Value {
    let kinds = [None, Some(REVERT_S)];
    let threads =
        (0..lanes).flat_map(|lane| kinds.map(|revert_s| (lane, revert_s))).map(|(lane, revert_s)| {
            let seed = u64::try_from(lane).unwrap() * 2 + u64::from(revert_s.is_some()) + 1;
            (revert_s, std::thread::spawn(move || killed(times, revert_s, seed)))
        });
    let threads: Vec<_> = threads.collect();
    let mut all = [Found::default(), Found::default()];
    for (revert_s, thread) in threads {
        let (one, sum) = (thread.join().unwrap(), &mut all[usize::from(revert_s.is_some())]);
        sum.kills += one.kills;
        sum.between_writes += one.between_writes;
        sum.unasked += one.unasked;
        sum.fell_back += one.fell_back;
        sum.moved_unasked = sum.moved_unasked.max(one.moved_unasked);
        sum.after.first = sum.after.first.max(one.after.first);
        sum.after.step = sum.after.step.max(one.after.step);
        sum.after.beyond = sum.after.beyond.max(one.after.beyond);
        sum.after.writes += one.after.writes;
    }
    let rows = all.iter().zip(kinds).map(|(found, revert_s)| {
        json!({
            "revert_s": revert_s,
            "kills": found.kills,
            "kills_between_writes_of_one_command": found.between_writes,
            "writes_before_a_new_command": found.unasked,
            "moved_before_a_new_command_mw": found.moved_unasked,
            "fell_back_by_its_own_timer": found.fell_back,
            "writes_after_a_new_command": found.after.writes,
            "largest_first_step_mw": found.after.first,
            "largest_step_mw": found.after.step,
            "largest_beyond_ramp_mw": found.after.beyond,
        })
    });
    let record = json!({
        "tolerance_mw": RESOLUTION,
        "ramp_mw_per_s": crate::rig::RAMP,
        "late_ms": LATE_MS,
        "rows": rows.collect::<Vec<_>>(),
    });
    for row in record["rows"].as_array().unwrap() {
        println!("{row}");
        assert_eq!(row["writes_before_a_new_command"], 0, "{row}");
        for figure in ["moved_before_a_new_command_mw", "largest_first_step_mw", "largest_beyond_ramp_mw"] {
            assert!(row[figure].as_f64().unwrap() <= RESOLUTION + 1e-9, "{figure}: {row}");
        }
        assert!(row["writes_after_a_new_command"].as_u64().unwrap() > 0, "{row}");
    }
    record
}

#[test]
fn a_device_killed_on_its_way_moves_nothing_when_it_is_back() {
    run(1, 2);
}

/// What the battery was told since `since`, once there is something.
fn told_since(rig: &Rig, since: i64) -> Vec<Told> {
    rig.plant.wait("to be told something", |records| {
        let told = rig.battery.told(records).into_iter().filter(|(time, _)| *time >= since);
        let told: Vec<Told> = told.map(|(_, told)| told).collect();
        (!told.is_empty()).then_some(told)
    })
}

#[test]
fn a_device_that_was_killed_knows_whom_it_told_something() {
    let mut random = Random(7);
    for (handover, opens) in [("keep", true), ("disable", false)] {
        let mut rig = Rig::start(folder(None, &format!("handover = \"{handover}\"")));
        rig.command(2.0);
        // At the first word that left: it may not even be answered yet.
        told_since(&rig, 0);
        let one = kill(&mut rig, &mut random);
        assert!(rig.folder.read("run/rtd.sock.holds").contains("bess"));
        if opens {
            rig.rtd.wait("to have the breaker", |records| {
                latest(records).get("unit.connected").filter(|one| is_good(one)).map(drop)
            });
            let told = rig.battery.told(&rig.plant.records());
            assert!(told.iter().all(|(time, _)| *time < one.started), "{handover}: {told:?}");
            rig.folder.fault("breaker", "open");
        }
        assert_eq!(told_since(&rig, one.started), [Told::Enable(false)], "{handover}");
    }
}

#[test]
#[ignore = "scripts/proof.sh ramp-kills"]
fn a_device_killed_at_any_point_of_a_ramp() {
    let kills: usize = std::env::var("RAMP_KILLS").map_or(100, |kills| kills.parse().unwrap());
    let lanes = 2;
    let cuts = std::thread::spawn(move || crate::cuts::run(kills.div_ceil(7)));
    let record = run(lanes, kills.div_ceil(2 * lanes));
    let cuts = cuts.join().unwrap();
    fs::write(std::env::var_os("OPENRTD_PROOF").unwrap(), json!({"kills": record, "cuts": cuts}).to_string())
        .unwrap();
}
