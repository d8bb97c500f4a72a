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
    let events = || lines(&["history", &site, "--events", "--format", "json"]);
    running.rtd.wait("to record it", |_| {
        let all = events();
        let down = |event: &Value| {
            event["kind"] == "device" && event["subject"] == "inv1" && event["detail"]["state"] == "down"
        };
        let lost = |event: &Value| event["kind"] == "quality" && event["detail"].to_string().contains("inv1");
        (all.iter().any(down) && all.iter().any(lost)).then_some(())
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
fn a_second_device_on_one_history_is_refused_and_a_killed_one_leaves_it_free() {
    let folder = Folder::new();
    folder.change("site.toml", "\n[resource]", "\n[history]\npath = \"kept/history.db\"\n\n[resource]");
    let first = Program::start(&folder, "run", "site.toml");
    let text = folder.read("site.toml");
    let listen = text.lines().find(|line| line.starts_with("listen = ")).unwrap();
    let socket = text.lines().find(|line| line.starts_with("socket = ")).unwrap();
    let another =
        text.replacen(listen, "listen = \"127.0.0.1:0\"", 1).replacen(socket, "socket = \"run/2.sock\"", 1);
    std::fs::write(folder.site.join("another.toml"), another).unwrap();
    let told = refusal(&["run", &folder.path("another.toml")], 1);
    assert!(told.contains("history.path: ") && told.contains("another running device writes"), "{told}");
    // Whoever reads is not hindered.
    assert!(!lines(&["history", &folder.path("site.toml"), "--events", "--format", "json"]).is_empty());
    first.signal("-KILL");
    drop(first);
    Program::start(&folder, "run", "another.toml");
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

#[test]
fn what_is_done_by_hand_reaches_the_iso_with_its_flag_and_the_log_with_who_and_why() {
    let folder = Folder::new();
    let site = folder.path("site.toml");
    folder.change("site.toml", "\n[resource]", "\n[history]\npath = \"kept/history.db\"\n\n[resource]");
    let order = |arguments: &[&str]| {
        let mut all = vec![arguments[0], &site];
        all.extend_from_slice(&arguments[1..]);
        all.extend_from_slice(&["--who", "ann", "--why", "a test"]);
        openrtd(&all)
    };
    let stopped = order(&["force", "poi.mw", "1.5"]);
    assert_eq!(stopped.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&stopped.stderr).contains("no device runs"));

    let running = Loop::start(&folder);
    for (arguments, words) in [
        (["force", "poi.mv", "1"].as_slice(), "no point `poi.mv`"),
        (&["force", "poi.mw", "on"], "takes a number, in MW"),
        (&["release", "poi.mw"], "neither forced nor inhibited"),
    ] {
        let refused = order(arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains(words), "{told}");
    }
    // The operator's say about who commands.
    let control = |way: &str| {
        let mut all = vec!["control", &site, way];
        if way != "status" {
            all.extend_from_slice(&["--who", "ann", "--why", "a test"]);
        }
        openrtd(&all)
    };
    let text = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text(&control("status")).starts_with("bess.mw.setpoint: local\n"));
    assert!(text(&control("take")).starts_with("bess.mw.setpoint: held here"));
    assert!(text(&control("status")).contains("held by the operator"));
    let refused = openrtd(&["setpoint", &folder.path("ems.toml"), "bess.mw.setpoint", "1.0"]);
    let told = text(&refused) + &String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("LOCAL"), "{told}");
    assert!(text(&control("release")).starts_with("bess.mw.setpoint: given back"));
    let refused = control("schedule");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("schedule"), "the site has none");
    let done = order(&["force", "poi.mw", "1.5", "--for", "2h"]);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "poi.mw: forced for 7200 s, by ann: a test\n");
    let at_iso = |value: f64, flag: &'static str| {
        running.iso.wait("to hear of it", |records| {
            let last = support::latest(records).get("poi.mw").copied()?.clone();
            let near = (last["value"].as_f64()? - value).abs() < 0.01;
            (near && support::has_flag(&last, flag)).then_some(last)
        })
    };
    let forced = at_iso(1.5, "LOCAL_FORCED");
    assert!(support::has_flag(&forced, "ONLINE") && !support::is_good(&forced), "{forced}");
    assert_eq!(order(&["release", "poi.mw"]).status.code(), Some(0));
    running.iso.wait("to hear that it is over", |records| {
        support::latest(records).get("poi.mw").is_some_and(|last| support::is_good(last)).then_some(())
    });
    let events = lines(&["history", &site, "poi.mw", "--events", "--format", "json"]);
    let told: Vec<_> = events.iter().filter(|event| event["kind"] == "command").collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[0]["detail"]["state"], &told[0]["detail"]["who"]), (&"forced".into(), &"ann".into()));
    assert_eq!(
        (&told[1]["detail"]["state"], &told[1]["detail"]["why"]),
        (&"released".into(), &"a test".into())
    );
}

/// A small disk of its own, as root can make one.
struct Disk(std::path::PathBuf);

impl Disk {
    fn mount(at: std::path::PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(&at)
            .output()
            .is_ok_and(|output| output.status.success());
        assert!(mounted || std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(), "no small disk can be mounted");
        mounted.then_some(Self(at))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn with_a_full_disk_telemetry_goes_on_an_alarm_is_told_and_writes_resume() {
    let folder = Folder::new();
    let Some(disk) = Disk::mount(folder.site.join("kept")) else {
        eprintln!("skipped: a small disk to fill needs root");
        return;
    };
    let site = folder.path("site.toml");
    folder.change("site.toml", "\n[resource]", "\n[history]\npath = \"kept/history.db\"\n\n[resource]");
    let running = Loop::start(&folder);
    let count = || openrtd(&["history", &site, "poi.mw"]).stdout.split(|octet| *octet == b'\n').count();
    running.rtd.wait("to write", |_| (count() > 2).then_some(()));
    // Whatever is left of the disk goes to somebody else.
    let ballast = disk.0.join("ballast");
    drop(std::fs::write(&ballast, vec![0; 4 << 20]));
    let (mark, seen) = (running.rtd.mark(), running.iso.mark());
    let state = |records: &[Value], state: &str| {
        records.iter().any(|one| one["event"] == "history" && one["state"] == state).then_some(())
    };
    running.rtd.wait("to tell that the disk is full", |records| state(&records[mark..], "disk-full"));
    let alarm = |records: &[Value], state: &str| {
        let is = |one: &&Value| one["event"] == "alarm" && one["kind"] == "history" && one["state"] == state;
        records.iter().find(is).cloned()
    };
    let raised = running.rtd.wait("to alarm", |records| alarm(&records[mark..], "raised"));
    assert_eq!(raised["text"], "the disk is full");
    let before = count();
    running.iso.wait("to scan on", |records| {
        (records[seen..].iter().filter(|one| one["event"] == "scan").count() >= 2).then_some(())
    });
    let records = running.iso.records();
    assert!(
        support::all(&records, &folder.points(), support::is_good).is_some(),
        "telemetry goes on, all of it Good"
    );
    assert_eq!(records.iter().filter(|one| one["missed"] == true).count(), 0);
    std::fs::remove_file(&ballast).unwrap();
    running.rtd.wait("to write again", |records| state(&records[mark..], "working"));
    running.rtd.wait("to end the alarm", |records| alarm(&records[mark..], "cleared"));
    running.rtd.wait("to write what waited", |_| (count() > before).then_some(()));
}

#[test]
fn parquet_is_written_where_it_is_built_and_said_where_not() {
    let folder = Folder::new();
    folder.change("site.toml", "\n[resource]", "\n[history]\npath = \"history.db\"\n\n[resource]");
    let site = folder.path("site.toml");
    let out = folder.path("poi.parquet");
    let told = refusal(&["history", &site, "poi.mw", "--out", &out], 2);
    assert!(told.contains("is only for --format parquet"), "{told}");
    if !cfg!(feature = "parquet") {
        let told = refusal(&["history", &site, "poi.mw", "--format", "parquet", "--out", &out], 2);
        assert!(told.contains("cargo build --release -p openrtd --features parquet"), "{told}");
        return;
    }
    let told = refusal(&["history", &site, "poi.mw", "--format", "parquet"], 2);
    assert!(told.contains("needs --out FILE"), "{told}");
    #[cfg(feature = "parquet")]
    parquet(&folder, &site, &out);
}

/// More than a row group, written by the store itself, comes back as it was.
#[cfg(feature = "parquet")]
fn parquet(folder: &Folder, site: &str, out: &str) {
    use historian::{Batch, Entry, PointInfo, Settings, Store};
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;
    use telemetry::{Origin, Reason, ReasonKind, Reasons, Value, Wall};

    const COUNT: u64 = 70_000;
    let now = telemetry::clock::SystemClock::start().now().wall;
    let path = folder.site.join("history.db");
    let retention = std::time::Duration::from_secs(86_400);
    let mut store = Store::open(Settings { path, retention, octets_max: 1 << 30 }, now).unwrap();
    let time = |sequence: u64| Wall::from_millis(now.as_millis() - 3_600_000 + sequence);
    let entry = |sequence: u64| {
        let dead = Reasons::of(Reason::new(ReasonKind::SourceDead, "meter"));
        Entry {
            origin: Origin { boot: store.boot(), sequence },
            time: time(sequence),
            source_time: (sequence > 1).then(|| time(sequence)),
            value: match sequence {
                1 => None,
                2 => Some(Value::Analog(f64::NAN)),
                _ => Some(Value::Analog(f64::from(u32::try_from(sequence).unwrap()) / 8.0)),
            },
            reasons: if sequence.is_multiple_of(7) { dead } else { Reasons::none() },
        }
    };
    let info = PointInfo { id: "poi.mw".into(), kind: "analog_input", unit: Some("MW".parse().unwrap()) };
    let entries: Vec<_> = (1..=COUNT).map(|sequence| (info.clone(), entry(sequence))).collect();
    let boot = i64::try_from(store.boot()).unwrap();
    store.commit(&Batch { entries, ..Batch::default() }, now).unwrap();
    let made = openrtd(&["history", site, "poi.mw", "--format", "parquet", "--out", out]);
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let reader = SerializedFileReader::new(std::fs::File::open(out).unwrap()).unwrap();
    assert_eq!(reader.num_row_groups(), 2);
    let mut count = 0;
    for row in reader.get_row_iter(None).unwrap().map(Result::unwrap) {
        count += 1;
        let sequence = u64::try_from(row.get_long(7).unwrap()).unwrap();
        assert_eq!((sequence, row.get_long(6).unwrap()), (count, boot));
        assert_eq!(row.get_timestamp_millis(0).unwrap(), i64::try_from(time(sequence).as_millis()).unwrap());
        assert_eq!(row.get_timestamp_millis(1).is_ok(), sequence > 1);
        let value = (sequence > 2).then(|| f64::from(u32::try_from(sequence).unwrap()) / 8.0);
        assert_eq!(row.get_double(2).ok(), value);
        assert_eq!(row.get_string(3).unwrap(), "MW");
        let (quality, reasons) =
            if sequence.is_multiple_of(7) { ("bad", "source does not answer: meter") } else { ("good", "") };
        assert_eq!(
            (row.get_string(4).unwrap().as_str(), row.get_string(5).unwrap().as_str()),
            (quality, reasons)
        );
    }
    assert_eq!(count, COUNT);
}
