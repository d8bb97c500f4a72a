//! The whole loop as three processes of the real binary: what the ISO sees of set points, of a device that falls
//! silent and of a restart; that everything ends on Ctrl-C; and that nothing starts on bad input.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Output;

use serde_json::Value;
use support::{Folder, Loop, Program, all, at, has_flag, is_good, latest, longest_scan, openrtd, points};

const SETPOINT: &str = "bess.mw.setpoint";

fn number(point: &Value) -> f64 {
    point["value"].as_f64().unwrap()
}

/// The meter without the inverters: what the battery adds, and what the site itself takes.
fn battery_at_the_meter(records: &[Value]) -> f64 {
    let latest = latest(records);
    number(latest["poi.mw"]) - number(latest["pv.inv1.mw"]) - number(latest["pv.inv2.mw"])
}

fn send(folder: &Folder, ems: &str, value: &str) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        openrtd(&["setpoint", &folder.path(ems), SETPOINT, value, "--sbo", "--json"]);
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// What the battery was told: its writes, each once.
fn writes(plant: &Program) -> BTreeSet<String> {
    let records = plant.records();
    let writes = records.iter().filter(|record| record["event"] == "write");
    writes.map(|write| format!("{} {} {}", write["device"], write["address"], write["values"])).collect()
}

#[test]
fn set_points_are_followed_or_refused() {
    let folder = Folder::quick();
    // The ISO may ask for more than the device allows, so that the device has to judge.
    folder.change("ems.toml", "limits = [-4.0, 4.0]", "limits = [-5.0, 5.0]");
    let observer = folder
        .read("ems.toml")
        .replacen("run/ems.sock", "run/observer.sock", 1)
        .replacen("pki/ems.pem", "pki/observer.pem", 1)
        .replacen("pki/ems.key", "pki/observer.key", 1)
        .replace("master_address = 2", "master_address = other")
        .replace("master_address = 1", "master_address = 2")
        .replace("master_address = other", "master_address = 1");
    fs::write(folder.site.join("observer.toml"), observer).unwrap();
    let running = Loop::start(&folder);
    let before = battery_at_the_meter(&running.iso.records());
    assert_eq!(number(latest(&running.iso.records())["bess.mw"]), 0.0);

    let mark = running.iso.mark();
    let (code, told, errors) = send(&folder, "ems.toml", "2.5");
    assert_eq!(code, Some(0), "{told}{errors}");
    assert!(told.contains(r#""status":"SUCCESS""#) && told.contains(r#""mode":"sbo""#), "{told}");
    running.iso.wait("to see feedback, battery and meter follow", |records| {
        let fed_back = latest(&records[mark.min(records.len())..]);
        let fed_back =
            fed_back.get("bess.mw.feedback").is_some_and(|point| is_good(point) && number(point) == 2.5);
        let battery = latest(records)["bess.mw"];
        let metered = battery_at_the_meter(records) - before;
        // A reading of the meter and one of an inverter may be a second apart.
        (fed_back && (number(battery) - 2.5).abs() < 0.01 && (metered - 2.5).abs() < 0.1).then_some(())
    });
    let driven = writes(&running.plant);

    // Beyond what the ISO's own file allows, beyond the device's limits, and by one that may only read.
    let (code, told, errors) = send(&folder, "ems.toml", "5.5");
    assert_eq!((code, told.as_str()), (Some(1), ""));
    assert!(errors.contains("-5 to 5 MW"), "{errors}");
    let (code, told, errors) = send(&folder, "ems.toml", "4.5");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(r#""status":"OUT_OF_RANGE""#) && errors.contains("OUT_OF_RANGE"), "{told}{errors}");
    let observer = Program::start(&folder, "ems", "observer.toml");
    observer.wait("to have every point Good", |records| all(records, &folder.points(), is_good));
    let (code, told, errors) = send(&folder, "observer.toml", "1");
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains(r#""status":"NOT_AUTHORIZED""#) && errors.contains("NOT_AUTHORIZED"),
        "{told}{errors}"
    );

    // None of them moved anything, as far as a scan after the last of them can tell.
    let scans = |records: &[Value]| records.iter().filter(|one| one["event"] == "scan").count();
    let done = scans(&running.iso.records());
    running.iso.wait("to scan twice", |records| (scans(records) >= done + 2).then_some(()));
    assert_eq!(writes(&running.plant), driven);
    assert_eq!(number(latest(&running.iso.records())["bess.mw.feedback"]), 2.5);
    let refused: Vec<Value> =
        running.rtd.records().into_iter().filter(|one| one["event"] == "command").collect();
    let refused: Vec<String> =
        refused.iter().map(|one| format!("{} {} {}", one["master"], one["mode"], one["status"])).collect();
    assert_eq!(
        refused,
        [
            r#""ems" "select" "SUCCESS""#,
            r#""ems" "sbo" "SUCCESS""#,
            r#""ems" "select" "OUT_OF_RANGE""#,
            r#""observer" "select" "NOT_AUTHORIZED""#
        ]
    );
}

/// What every example's check tells, for each listens on this machine only and has certificates of its own.
const OF_ALL: [&str; 3] = ["names.listen-reachable", "names.device-id", "tls.two-anchors"];
/// And of those whose kind asks for it: no name of the ISO's is made up.
const NAME: &str = "names.device-name-given";

/// An example runs as it is: every point Good, the check tells what the head of its file says, and the plant comes to
/// within `near` of a set point and stays there.
fn runs(example: &str, stated: &[&str], setpoint: &str, actual: &str, value: f64, near: f64) {
    let folder = Folder::quick_of(example);
    let checked = openrtd(&["check", &folder.path("site.toml")]);
    let text = String::from_utf8(checked.stdout).unwrap();
    let told = text.lines().filter_map(|line| {
        let line = line.strip_prefix("unconfirmed ").unwrap_or(line);
        let (grade, rest) = line.split_once(": ")?;
        ["error", "warning", "note"].contains(&grade).then(|| rest.split(':').next().unwrap().to_owned())
    });
    let told: BTreeSet<String> = told.collect();
    let known: BTreeSet<String> = OF_ALL.iter().chain(stated).map(|rule| (*rule).to_owned()).collect();
    assert_eq!(told, known, "{example}: {text}");

    let running = Loop::start(&folder);
    let value_text = value.to_string();
    let sent = openrtd(&["setpoint", &folder.path("ems.toml"), setpoint, &value_text]);
    assert_eq!(sent.status.code(), Some(0), "{example}: {}", String::from_utf8_lossy(&sent.stderr));
    let feedback = setpoint.replace("setpoint", "feedback");
    let mark = running.iso.mark();
    let comes = |records: &[Value]| {
        let latest = latest(records);
        let good = |id: &str, near: f64| {
            latest.get(id).is_some_and(|point| is_good(point) && (number(point) - value).abs() <= near)
        };
        (good(&feedback, 0.002) && good(actual, near)).then_some(())
    };
    running.iso.wait("to see the plant follow", comes);
    let scans = |records: &[Value]| records.iter().filter(|one| one["event"] == "scan").count();
    let there = scans(&running.iso.records());
    running.iso.wait("to scan on", |records| (scans(records) >= there + 3).then_some(()));
    let records = running.iso.records();
    assert_eq!(comes(&records), Some(()), "{example}: it does not stay");
    let bad: Vec<&Value> = points(&records[mark..]).filter(|point| !is_good(point)).collect();
    assert!(bad.is_empty(), "{example}: {bad:?}");
}

#[test]
fn the_wind_example_runs() {
    runs("wind", &[NAME, "met.accuracy-given"], "plant.setpoint", "plant.mw", 4.0, 0.05);
}

#[test]
fn the_conventional_example_runs() {
    // The governor's part is beside the set point.
    let stated = [NAME, "point.gross-mvar", "point.aux-mvar"];
    runs("conventional", &stated, "unit.setpoint", "unit.mw-gross", 31.5, 0.7);
}

#[test]
fn a_take_over_while_the_governor_answers_moves_nothing() {
    let folder = Folder::quick_of("conventional");
    folder.change("site.toml", "follows_s = 30", "follows_s = 3");
    let running = Loop::start(&folder);
    let send = || {
        let sent = openrtd(&["setpoint", &folder.path("ems.toml"), "unit.setpoint", "31"]);
        assert_eq!(sent.status.code(), Some(0), "{}", String::from_utf8_lossy(&sent.stderr));
    };
    let control = |way: &str| {
        let done = openrtd(&["control", &folder.path("site.toml"), way, "--why", "test"]);
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let gross = |records: &[Value]| number(latest(records)["unit.mw-gross"]);
    let scans = |records: &[Value]| records.iter().filter(|one| one["event"] == "scan").count();
    folder.fault("frequency", "60.0");
    send();
    running.iso.wait("to see the unit follow", |records| {
        let feedback = latest(records)["unit.feedback"];
        ((gross(records) - 31.0).abs() < 0.01 && number(feedback) == 31.0).then_some(())
    });
    control("take");
    // 0.164 Hz beyond the dead band, of 3 Hz for all of 50 MW.
    folder.fault("frequency", "59.8");
    let answered = 31.0 + 0.164 / 3.0 * 50.0;
    running.iso.wait("to see the governor answer", |records| {
        ((gross(records) - answered).abs() < 0.02).then_some(())
    });
    control("release");
    let mark = running.iso.mark();
    send();
    // Longer than a follow alarm takes.
    let first = scans(&running.iso.records());
    running.iso.wait("to scan on", |records| (scans(records) >= first + 8).then_some(()));
    let records = running.iso.records();
    for point in points(&records[mark..]) {
        assert!(is_good(point), "{point}");
        if point["id"] == "unit.mw-gross" {
            assert!((number(point) - answered).abs() < 0.05, "the unit moved: {point}");
        }
    }
    assert_eq!(number(latest(&records)["unit.owner"]), 1.0);
    assert_eq!(number(latest(&records)["unit.feedback"]), 31.0);
    assert!(!running.rtd.records().iter().any(|one| one["alarm"] == "follow"));
}

#[test]
fn the_aggregate_example_runs() {
    runs("aggregate", &["control.falls-back"], "agg.setpoint", "agg.mw", 0.6, 0.03);
}

#[test]
fn the_hybrid_example_runs() {
    // Less than the sun gives: the battery takes what is over.
    let stated = [NAME, "met.component-stations", "met.pv-component-stations", "met.accuracy-given"];
    runs("hybrid", &stated, "plant.mw.setpoint", "poi.mw", 7.5, 0.05);
}

/// `unit` trips and still answers: what it made is made up for, long before anybody would say that the plant does not
/// follow; and when it is back, it gets its part again. `ids`: set point, feedback, meter, the unit's own power.
fn a_trip_is_made_up_for(example: &str, ids: [&str; 4], unit: &str, value: f64) {
    let [setpoint, feedback, meter, own] = ids;
    let folder = Folder::quick_of(example);
    let running = Loop::start(&folder);
    let sent = openrtd(&["setpoint", &folder.path("ems.toml"), setpoint, &value.to_string()]);
    assert_eq!(sent.status.code(), Some(0), "{example}: {}", String::from_utf8_lossy(&sent.stderr));
    let comes = |what: &str, runs: bool| {
        running.iso.wait(what, |records| {
            let latest = latest(records);
            let near = |id: &str, near: f64| (number(latest[id]) - value).abs() <= near;
            let there = near(feedback, 0.002) && near(meter, 0.1) && (number(latest[own]) > 0.1) == runs;
            there.then_some(())
        });
    };
    comes("to see the plant follow", true);
    let mark = running.iso.mark();
    folder.fault(unit, "trip");
    comes("to see the others make up for it", false);
    folder.fault(unit, "none");
    comes("to see it get its part again", true);
    let records = running.iso.records();
    let bad: Vec<&Value> = points(&records[mark..]).filter(|point| !is_good(point)).collect();
    assert!(bad.is_empty(), "{example}: {bad:?}");
    let alarms = running.rtd.records();
    let alarms: Vec<&Value> =
        alarms.iter().filter(|one| one["alarm"] == "follow" || one["alarm"] == "short").collect();
    assert!(alarms.is_empty(), "{example}: {alarms:?}");
}

#[test]
fn a_turbine_that_trips_is_made_up_for() {
    let ids = ["plant.setpoint", "plant.feedback", "plant.mw", "wtg1.mw"];
    a_trip_is_made_up_for("wind", ids, "wtg1", 3.0);
}

#[test]
fn an_inverter_that_trips_is_made_up_for() {
    let ids = ["plant.mw.setpoint", "plant.mw.feedback", "poi.mw", "pv.inv1.mw"];
    a_trip_is_made_up_for("hybrid", ids, "inv1", 6.0);
}

#[test]
fn a_silent_device_takes_its_own_points_and_nothing_else() {
    let folder = Folder::quick();
    let running = Loop::start(&folder);
    let own = folder.points_of("inv1");
    assert!(own.len() >= 6, "{own:?}");
    let lost = |point: &Value| !is_good(point) && has_flag(point, "COMM_LOST") && !has_flag(point, "ONLINE");

    let (mark, rtd_mark) = (running.iso.mark(), running.rtd.mark());
    folder.fault("inv1", "silent");
    running.iso.wait("to lose the points of inv1", |records| all(&records[mark..], &own, lost));
    let fell_silent = running.plant.wait("to tell of the fault", |records| {
        Some(at(records.iter().find(|one| one["event"] == "fault")?, "time"))
    });

    // Age limit, one field poll, one scan; and the slack of a scan.
    let records = running.iso.records();
    let (age, poll) = (Folder::of_profile("quality.age-max"), folder.number("site.toml", "poll_ms"));
    let scan = longest_scan(&records);
    let bound = age + poll + 2 * scan;
    for id in &own {
        let first = points(&records[mark..]).find(|point| point["id"] == id.as_str() && lost(point)).unwrap();
        let delay = at(first, "time") - fell_silent;
        assert!(delay <= bound, "{id} was lost after {delay} ms, allowed {bound} ms (scan {scan} ms)");
    }

    // The last value is the last that was read, at the device and at the ISO.
    let device = running.rtd.records();
    for id in &own {
        let of = |point: &&Value| point["id"] == id.as_str();
        let last_good = points(&device).filter(|point| is_good(point)).filter(of).last().unwrap();
        let lost_at_the_device = points(&device[rtd_mark..]).filter(of).last().unwrap();
        let lost_at_the_iso = latest(&records)[id.as_str()];
        assert!(lost(lost_at_the_device), "{lost_at_the_device}");
        for field in ["value", "counts"] {
            assert_eq!(lost_at_the_device[field], last_good[field], "{id}");
        }
        let wire = if last_good["counts"].is_null() { "value" } else { "counts" };
        assert_eq!(lost_at_the_iso[wire], last_good[wire], "{id}");
    }

    folder.fault("inv1", "none");
    running.iso.wait("to have every point Good again", |records| all(records, &folder.points(), is_good));
    let records = running.iso.records();
    let others: Vec<&Value> = points(&records[mark..])
        .filter(|point| !own.contains(point["id"].as_str().unwrap()) && !is_good(point))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    let since = |event: &str| records[mark..].iter().filter(|one| one["event"] == event).count();
    assert_eq!((since("restart"), since("link")), (0, 0));
}

/// No point is Good in the journal of a device that started at `start` before it was read.
fn nothing_is_good_unread(device: &[Value], start: i64) {
    let mut read = BTreeSet::new();
    for point in points(device).filter(|point| is_good(point)) {
        let id = point["id"].as_str().unwrap();
        // Points made inside rest on others: their time is the oldest of these.
        let fresh =
            if point["read_sent"].is_null() { at(point, "source_time") } else { at(point, "read_sent") };
        assert!(fresh >= start && at(point, "time") >= fresh, "started at {start}: {point}");
        assert!(id != "unit.connected" || read.contains("poi.breaker"), "{point}");
        read.insert(id);
    }
}

#[test]
fn a_device_killed_and_started_again_is_believed_point_by_point() {
    let folder = Folder::quick();
    let Loop { plant: _plant, mut rtd, iso } = Loop::start(&folder);
    let own = folder.points_of("inv1");
    let others: BTreeSet<String> = folder.points().difference(&own).cloned().collect();

    let mark = iso.mark();
    rtd.signal("-KILL");
    assert_eq!(rtd.end().0, None);
    iso.wait("to lose every point", |records| {
        all(&records[mark..], &folder.points(), |point| !is_good(point))
    });
    let dark = iso.mark();
    // What was read before the kill must not come back as if it were read now.
    folder.fault("inv1", "silent");
    let start = jiff::Timestamp::now().as_millisecond();
    let rtd = Program::start(&folder, "run", "site.toml");
    iso.wait("to have the others Good", |records| all(&records[dark..], &others, is_good));
    let unread = |point: &Value| !is_good(point) && has_flag(point, "RESTART") && !has_flag(point, "ONLINE");
    iso.wait("to have inv1 unread", |records| all(&records[dark..], &own, unread));

    folder.fault("inv1", "none");
    iso.wait("to have every point Good", |records| all(&records[dark..], &folder.points(), is_good));
    let (device, records) = (rtd.records(), iso.records());
    nothing_is_good_unread(&device, start);
    let story: Vec<&Value> = records[dark..].iter().filter(|one| one["event"] != "point").collect();
    assert_eq!(story.iter().filter(|one| one["event"] == "restart").count(), 1, "{story:#?}");
    let mut first = BTreeSet::new();
    for good in points(&records[dark..]).filter(|point| is_good(point)) {
        let id = good["id"].as_str().unwrap();
        let fresh = points(&device).find(|point| point["id"] == id && is_good(point));
        let fresh = fresh.unwrap_or_else(|| panic!("the device never had {good}"));
        let read = if fresh["read_received"].is_null() { "time" } else { "read_received" };
        assert!(!first.insert(id) || at(good, "time") >= at(fresh, read), "{good} before {fresh}");
    }
}

#[test]
fn what_the_operator_holds_outlives_a_kill() {
    let folder = Folder::quick();
    let Loop { plant: _plant, mut rtd, iso } = Loop::start(&folder);
    let control = |way: &str| {
        let done =
            openrtd(&["control", &folder.path("site.toml"), way, "--who", "ann", "--why", "breaker test"]);
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    };
    control("take");
    rtd.signal("-KILL");
    rtd.end();
    let mark = iso.mark();
    iso.wait("to lose every point", |records| {
        all(&records[mark..], &folder.points(), |point| !is_good(point))
    });
    let dark = iso.mark();
    let rtd = Program::start(&folder, "run", "site.toml");
    iso.wait("to have every point Good", |records| all(&records[dark..], &folder.points(), is_good));
    let (code, told, error) = send(&folder, "ems.toml", "1.0");
    assert!(code != Some(0) && format!("{told}{error}").contains("LOCAL"), "{told}{error}");
    let again = rtd.records().into_iter().find(|one| one["event"] == "hand").unwrap();
    assert_eq!((again["state"].as_str(), again["who"].as_str()), (Some("taken"), Some("ann")));
    assert!(again["why"].as_str().unwrap().contains("from before this start"), "{again}");
    control("release");
    let (code, told, error) = send(&folder, "ems.toml", "1.0");
    assert_eq!(code, Some(0), "{told}{error}");
}

#[test]
fn ctrl_c_ends_every_command() {
    let folder = Folder::quick();
    let Loop { plant, rtd, iso } = Loop::start(&folder);
    let ems = folder.path("ems.toml");
    let shown =
        |program: &Program| program.wait("to show points", |records| (!records.is_empty()).then_some(()));
    // Through the EMS, and once it is gone as the observer.
    let follows = Program::launch(&folder, &["poll", &ems, "--count", "1000", "--json"]);
    shown(&follows);
    interrupted(follows);
    interrupted(iso);
    let observes = Program::launch(&folder, &["poll", &ems, "--count", "1000", "--json"]);
    shown(&observes);
    interrupted(observes);
    took_its_leave(&rtd, 1);
    let looked = openrtd(&["poll", &ems, "--json"]);
    assert_eq!(looked.status.code(), Some(0), "{}", String::from_utf8_lossy(&looked.stderr));
    took_its_leave(&rtd, 2);
    interrupted(rtd);
    interrupted(plant);
    assert!(folder.left_behind().is_empty(), "{:?}", folder.left_behind());
    let demo = Program::launch(&folder, &["demo", "--json"]);
    demo.wait("to be ready", |records| records.iter().any(|one| one["event"] == "ready").then_some(()));
    interrupted(demo);
}

/// The `times`-th session of the observer ended with a word of TLS, not with a connection that broke.
fn took_its_leave(rtd: &Program, times: usize) {
    let why = rtd.wait("to see the observer leave", |records| {
        let of = |one: &&Value| one["event"] == "session" && one["master"] == "observer";
        let down = records.iter().filter(of).filter(|one| one["state"] == "down").nth(times - 1)?;
        Some(down["why"].as_str().unwrap().to_owned())
    });
    assert_eq!(why, "closed by the peer");
}

/// Ends by itself on Ctrl-C, in order and in time.
fn interrupted(mut program: Program) {
    program.signal("-INT");
    let (code, records) = program.end();
    let errors = program.errors();
    assert_eq!(code, Some(0), "{errors}");
    assert!(!errors.contains("did not end in time"), "{errors}");
    if records.iter().any(|one| one["event"] == "ready" && one["folder"].is_null()) {
        assert_eq!(records.last().unwrap()["event"], "stopped", "{errors}");
    }
}

/// Ends with `code` and one error line that holds all of `told`, without a word on stdout.
fn refused(command: &str, file: &str, code: i32, told: &[&str]) {
    let output = openrtd(&[command, file, "--json"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{told:?}: {text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for piece in told {
        assert!(text.contains(piece), "{piece} is not in: {text}");
    }
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn bad_input_starts_nothing() {
    // Command, file, what is replaced by what, and what the one error line tells.
    let cases: [(&str, &str, &str, &str, &str); 14] = [
        (
            "ems",
            "ems.toml",
            "\nunit = \"Mvar\"",
            "\nunits = \"Mvar\"",
            "ems.toml:44:1: unknown field `units`",
        ),
        ("ems", "ems.toml", "index = 2\nunit", "index = 1\nunit", "1 is already the index of `poi.mw`"),
        ("ems", "ems.toml", "\nunit = \"Mvar\"", "\nunit = \"mvar\"", "unknown unit `mvar`, allowed: "),
        ("ems", "ems.toml", "pki/ems.pem", "pki/gone.pem", "tls.certificate: "),
        (
            "ems",
            "ems.toml",
            "run/ems.sock",
            "pki/ca.pem/ems.sock",
            "ca.pem: stands there and is not a folder",
        ),
        ("poll", "ems.toml", "pki/observer.key", "pki/gone.key", "observer.key: "),
        ("ems", "ems.toml", "pki/ems.key", "pki/rtd.key", "does not belong to the certificate"),
        ("run", "site.toml", "pki/rtd.key", "pki/ems.key", "tls.key: "),
        ("run", "site.toml", "pki/rtd.key", "pki/ems.key", "does not belong to the certificate"),
        ("run", "site.toml", "pki/ca.pem", "plant.toml", "plant.toml: holds no PEM section"),
        ("plant", "plant.toml", "\nkv = ", "\nkvv = ", "unknown field `kvv`"),
        ("plant", "plant.toml", "dc_kw = 6000.0", "dc_kw = \"6 MW\"", "invalid type: string \"6 MW\""),
        ("plant", "plant.toml", "socket", "day = \"pki\"\nsocket", "pki: cannot be read: it is a folder"),
        ("plant", "plant.toml", "socket", "day = \"bytes.csv\"\nsocket", "bytes.csv: is not UTF-8 text"),
    ];
    let folder = Folder::new();
    fs::write(folder.site.join("bytes.csv"), [0xff, 0xfe, 0]).unwrap();
    for (command, file, from, to, told) in cases {
        let good = folder.read(file);
        folder.change(file, from, to);
        refused(command, &folder.path(file), 2, &[told]);
        fs::write(folder.site.join(file), good).unwrap();
    }
    assert!(!folder.site.join("run").exists(), "something was started");
}

#[test]
fn what_is_in_use_is_told_and_kept() {
    let folder = Folder::quick();
    let running = Loop::start(&folder);
    // A second one of each: the first one's ports and sockets are its own.
    let second = |command, file: &str, told: &[&str]| refused(command, &folder.path(file), 1, told);
    second("plant", "plant.toml", &["127.0.0.1:"]);
    second("run", "site.toml", &["127.0.0.1:"]);
    second("ems", "ems.toml", &["run/ems.sock"]);
    let left = folder.left_behind();
    assert_eq!(left.len(), 3, "{left:?}");
    let mark = running.iso.mark();
    running.iso.wait("to scan on", |records| {
        records[mark..].iter().any(|one| one["event"] == "scan" && one["missed"] == false).then_some(())
    });
    folder.fault("met", "none");
    drop(running);

    // One port of several is taken: no other one is held either, and no socket is left.
    let folder = Folder::new();
    let met = folder.read("plant.toml").lines().rev().find_map(listens).unwrap();
    let held = TcpListener::bind(&met).unwrap();
    refused("plant", &folder.path("plant.toml"), 1, &[&met]);
    assert!(folder.left_behind().is_empty(), "{:?}", folder.left_behind());
    drop(held);
    drop(Program::start(&folder, "plant", "plant.toml"));
}

fn listens(line: &str) -> Option<String> {
    Some(line.strip_prefix("listen = \"")?.strip_suffix('"')?.to_owned())
}

#[test]
fn refusals_in_a_loop_do_not_fill_the_journal() {
    const CALLS: usize = 200;
    let folder = Folder::new();
    let mut rtd = Program::start(&folder, "run", "site.toml");
    let listen = rtd.wait("to be ready", |records| {
        records
            .iter()
            .find(|one| one["event"] == "ready")
            .map(|one| one["listen"].as_str().unwrap().to_owned())
    });
    for _ in 0..CALLS {
        // Whatever it answers, the connection's end comes after the refusal.
        let mut stranger = TcpStream::connect(&listen).unwrap();
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        drop(stranger.read_to_end(&mut Vec::new()));
    }
    rtd.signal("-INT");
    let (code, records) = rtd.end();
    assert_eq!(code, Some(0));
    let told = records.iter().filter(|one| one["state"] == "refused" && one["event"] == "session").count();
    let more: Vec<u64> = records.iter().filter_map(|one| one["more"].as_u64()).collect();
    // Some of the last may still be on their way when it ends.
    let all = told + usize::try_from(more.iter().sum::<u64>()).unwrap();
    assert!(told <= 64 && (CALLS / 2..=CALLS).contains(&all), "{told} and {more:?} more");
}
