//! The history of the running device: written while it runs, read while it runs and when it does not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use serde_json::Value;
use support::{Folder, Loop, Program, openrtd};

fn lines(arguments: &[&str]) -> Vec<Value> {
    let output = openrtd(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn refusal(arguments: &[&str], code: i32) -> String {
    let output = openrtd(arguments);
    assert_eq!(output.status.code(), Some(code));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_the_device_saw_and_did_is_there_after_a_kill_and_a_restart() {
    let folder = Folder::new();
    let site = folder.path("site.toml");
    let told = refusal(&["history", &site, "poi.mw"], 2);
    assert!(told.contains("has no [history] section"), "{told}");
    folder.change("site.toml", "\n[resource]", "\n[history]\npath = \"kept/history.db\"\n\n[resource]");
    let told = refusal(&["history", &site, "poi.mw"], 2);
    assert!(told.contains("there is no history"), "{told}");

    let mut running = Loop::start(&folder);
    let own = folder.points_of("inv1");
    folder.fault("inv1", "silent");
    let not_good = |point: &&Value| point["event"] == "point" && point["quality"] == "bad";
    running.rtd.wait("to lose inv1", |records| {
        own.iter()
            .all(|id| {
                records.iter().filter(not_good).any(|one| one["id"] == id.as_str() && !one["value"].is_null())
            })
            .then_some(())
    });
    // Read while it runs, until the last commit has come.
    let events = |of: &str| lines(&["history", &site, of, "--events", "--format", "json"]);
    running.rtd.wait("to record it", |_| {
        events("inv1")
            .iter()
            .any(|event| event["kind"] == "device" && event["detail"]["state"] == "down")
            .then_some(())
    });
    running.rtd.signal("-KILL");
    running.rtd.end();
    let seen = running.rtd.records();
    let values = lines(&["history", &site, "poi.mw", "--format", "json"]);
    assert!(values.iter().any(|entry| entry["quality"] == "good"), "{values:?}");
    for entry in &values {
        let same =
            |one: &&Value| one["event"] == "point" && one["id"] == "poi.mw" && one["time"] == entry["time"];
        let record = seen.iter().find(same).unwrap();
        assert_eq!((&record["value"], &record["reasons"]), (&entry["value"], &entry["reasons"]));
    }

    running.rtd = Program::start(&folder, "run", "site.toml");
    running.rtd.signal("-TERM");
    running.rtd.end();
    let log = lines(&["history", &site, "--events", "--format", "json"]);
    let of = |kind: &str| log.iter().filter(|event| event["kind"] == kind).collect::<Vec<_>>();
    assert_eq!((of("start").len(), of("stop").len()), (2, 1), "one start was cut off");
    assert_eq!(of("configuration").len(), 1, "it is the same file");
    assert!(of("start")[0]["boot"].as_u64() < of("start")[1]["boot"].as_u64());
    assert!(of("session").iter().any(|event| event["detail"]["state"] == "up"));
    let quality = of("quality");
    assert!(
        quality.iter().any(|event| event["detail"]["reasons"].to_string().contains("inv1")),
        "{quality:?}"
    );

    let told = refusal(&["history", &site, "poi.mv"], 2);
    assert!(told.contains("there is no history of `poi.mv`; near it: poi."), "{told}");
    let told = refusal(&["history", &site, "poi.mw", "--from", "now"], 0);
    assert!(told.contains("nothing of poi.mw was recorded from "), "{told}");
    assert!(told.contains("it has been "), "{told}");
    let told = refusal(&["history", &site, "poi.mw", "--from", "now", "--to", "-1h"], 2);
    assert!(told.contains("lies after --to"), "{told}");
    let table = openrtd(&["history", &site, "poi.mw"]).stdout;
    let table = String::from_utf8(table).unwrap();
    assert!(table.starts_with("time,value,unit,quality,reasons,source_time,boot,sequence\n"), "{table}");
    assert!(table.lines().count() > values.len(), "the second start is there, too");
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = Folder::new();
    folder.change("site.toml", "\n[resource]", "\n[history]\npath = \"site.toml\"\n\n[resource]");
    let before = folder.read("site.toml");
    let told = refusal(&["run", &folder.path("site.toml")], 2);
    assert!(told.contains("history.path: ") && told.contains("is no database"), "{told}");
    assert_eq!(folder.read("site.toml"), before);
}
