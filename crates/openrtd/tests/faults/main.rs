//! The proof of the faults, as the example has its scans and age limits: how long each takes to reach the ISO. It
//! takes minutes and writes what it measured, so only `scripts/proof.sh faults` runs it. And what a killed device and a
//! cut link do to a plant that is on its way to a set point.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/battery.rs"]
mod battery;
mod cuts;
mod kills;
mod rig;
#[allow(dead_code, reason = "shared with other tests")]
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use support::{Folder, Loop, Program, all, at, has_flag, is_good, longest_scan, points};

/// The least, the middle and the most.
fn spread(mut delays: Vec<i64>) -> Value {
    delays.sort_unstable();
    json!({"cases": delays.len(), "least_ms": delays[0], "middle_ms": delays[delays.len() / 2], "most_ms": delays[delays.len() - 1]})
}

/// The time of the last record among the first ones of each of `ids` that `is` holds for.
fn last_of_first(records: &[Value], ids: &BTreeSet<String>, is: impl Fn(&Value) -> bool) -> i64 {
    let first = |id: &String| points(records).find(|point| point["id"] == id.as_str() && is(point)).unwrap();
    ids.iter().map(|id| at(first(id), "time")).max().unwrap()
}

/// Waits until the plant went on by so many changes of the meter, some three a second: each round meets scans and
/// polls in another place.
fn go_on(plant: &Program, changes: usize) {
    let mark = plant.mark();
    let change = |one: &&Value| one["event"] == "registers" && one["device"] == "meter";
    plant
        .wait("to go on", |records| (records[mark..].iter().filter(change).count() >= changes).then_some(()));
}

/// When the plant did what it was last told.
fn told(plant: &Program, mark: usize) -> i64 {
    plant.wait("to tell of the fault", |records| {
        Some(at(records[mark..].iter().find(|one| one["event"] == "fault")?, "time"))
    })
}

#[test]
#[ignore = "scripts/proof.sh faults"]
fn how_long_faults_take_to_reach_the_iso() {
    let result = std::env::var_os("OPENRTD_PROOF").unwrap();
    let rounds: usize = std::env::var("OPENRTD_PROOF_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    let folder = Folder::new();
    let (age, poll) = (Folder::of_profile("quality.age-max"), folder.number("site.toml", "poll_ms"));
    let own = folder.points_of("inv1");
    let everything = folder.points();
    let lost = |point: &Value| !is_good(point) && has_flag(point, "COMM_LOST") && !has_flag(point, "ONLINE");
    let mut running = Loop::start(&folder);
    let (mut silent, mut back, mut dead, mut restarted) = (vec![], vec![], vec![], vec![]);
    let mut others_not_good = 0;
    for round in 0..rounds {
        go_on(&running.plant, 3 * round);
        let (iso, plant) = (running.iso.mark(), running.plant.mark());
        folder.fault("inv1", "silent");
        let fell_silent = told(&running.plant, plant);
        running.iso.wait("to lose the points of inv1", |records| all(&records[iso..], &own, lost));
        silent.push(last_of_first(&running.iso.records()[iso..], &own, lost) - fell_silent);

        let (dark, plant) = (running.iso.mark(), running.plant.mark());
        folder.fault("inv1", "none");
        let mended = told(&running.plant, plant);
        running.iso.wait("to have inv1 again", |records| all(&records[dark..], &own, is_good));
        let records = running.iso.records();
        back.push(last_of_first(&records[dark..], &own, is_good) - mended);
        others_not_good += points(&records[iso..])
            .filter(|one| !own.contains(one["id"].as_str().unwrap()) && !is_good(one))
            .count();
    }
    let scan = longest_scan(&running.iso.records());
    for round in 0..rounds {
        go_on(&running.plant, 3 * round);
        let iso = running.iso.mark();
        let killed = jiff::Timestamp::now().as_millisecond();
        running.rtd.signal("-KILL");
        running.rtd.end();
        running.iso.wait("to lose every point", |records| {
            all(&records[iso..], &everything, |point| !is_good(point))
        });
        dead.push(
            last_of_first(&running.iso.records()[iso..], &everything, |point| !is_good(point)) - killed,
        );

        let dark = running.iso.mark();
        let started = jiff::Timestamp::now().as_millisecond();
        running.rtd = Program::start(&folder, "run", "site.toml");
        running.iso.wait("to have every point again", |records| all(&records[dark..], &everything, is_good));
        let records = running.iso.records();
        restarted.push(last_of_first(&records[dark..], &everything, is_good) - started);
        // The next kill meets a session in order.
        running.iso.wait("to see the restart", |records| {
            records[dark..].iter().any(|one| one["event"] == "restart").then_some(())
        });
        running.iso.wait("to scan", |records| {
            records[dark..].iter().any(|one| one["missed"] == false).then_some(())
        });
    }
    let bound = age + poll + scan;
    let within = silent.iter().filter(|delay| **delay <= bound).count();
    let record = json!({
        "scan_ms": Folder::of_profile("scan.period"),
        "age_max_ms": age,
        "poll_ms": poll,
        "longest_scan_ms": scan,
        "points_of_the_device": own.len(),
        "points": everything.len(),
        "device_silent": spread(silent.clone()),
        "device_silent_allowed_ms": bound,
        "device_silent_within": within,
        "others_not_good": others_not_good,
        "device_back": spread(back),
        "rtd_killed_noticed": spread(dead),
        "rtd_started_again_all_good": spread(restarted),
    });
    fs::write(result, record.to_string()).unwrap();
    assert_eq!((within, others_not_good), (silent.len(), 0), "{record}");
}
