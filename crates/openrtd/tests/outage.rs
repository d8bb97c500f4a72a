//! The proof of store-and-forward: a real device whose 120 points change each second, NATS and PostgreSQL stopped for
//! minutes and started again; then what each has is compared with the embedded store, point by point. It takes
//! minutes, so only `scripts/proof.sh outage` runs it; `OPENRTD_OUTAGE_S` says how long they are away (300 s).

#![cfg(all(feature = "nats", feature = "postgres"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

#[path = "../../publisher/tests/support/mod.rs"]
mod places;
#[allow(dead_code, reason = "shared with other tests")]
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use historian::{Range, Reader};
use places::{Had, PATIENCE, Server, have, of_nats, of_postgres, wait};
use serde_json::{Value, json};
use support::{Folder, Program, openrtd};
use telemetry::Wall;

const ALL: Range = Range { from: Wall::from_millis(0), to: Wall::from_millis(u64::MAX) };
const POINTS: usize = 120;

/// Adds a replayed device whose points all change each second, the history and the two places.
fn extend(folder: &Folder, nats: u16, postgres: u16, password: &Path) {
    let mut rows = "time".to_owned();
    (0..POINTS).for_each(|point| write!(rows, ",c{point}").unwrap());
    for second in 0..60 {
        write!(rows, "\n{second}").unwrap();
        (0..POINTS).for_each(|point| write!(rows, ",{}.{point}", second + point).unwrap());
    }
    fs::write(folder.site.join("many.csv"), rows).unwrap();
    let mut text = folder.read("site.toml");
    write!(
        text,
        "\n[history]\npath = \"history.db\"\n\n\
         [[publish]]\nname = \"office\"\nkind = \"nats\"\nurl = \"nats://127.0.0.1:{nats}\"\nsite = \"proof\"\n\n\
         [[publish]]\nname = \"lake\"\nkind = \"postgres\"\nsite = \"proof\"\n\
         url = \"postgres://rtd@127.0.0.1:{postgres}/postgres\"\npassword_file = \"{}\"\n\n\
         [[device]]\nid = \"many\"\nprotocol = \"csv\"\nfile = \"many.csv\"\nrepeat = true\npoll_ms = 1000\n",
        password.display()
    )
    .unwrap();
    for point in 0..POINTS {
        write!(
            text,
            "\n[[analog]]\nid = \"many.{point}\"\nunit = \"MW\"\nsign = \"+\"\nwire = \"engineering\"\n\
             range = [-1000.0, 1000.0]\n\
             source = {{ device = \"many\", column = \"c{point}\", unit = \"MW\" }}\n"
        )
        .unwrap();
    }
    fs::write(folder.site.join("site.toml"), text).unwrap();
}

fn status(folder: &Folder) -> Value {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut socket = std::os::unix::net::UnixStream::connect(folder.site.join("run/rtd.sock")).unwrap();
    socket.write_all(b"{\"do\": \"status\"}\n").unwrap();
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// How many of each point there are, and how they compare with the store.
fn compared(had: &Had, all: &Had) -> Value {
    let mut by_point: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    all.values().for_each(|(of, _)| by_point.entry(of).or_default().0 += 1);
    had.values().for_each(|(of, _)| by_point.entry(of).or_default().1 += 1);
    let missing = all.keys().filter(|key| !had.contains_key(key)).count();
    let more = had.keys().filter(|key| !all.contains_key(key)).count();
    let twice = had.values().filter(|(_, times)| *times > 1).count();
    json!({
        "there": had.len(), "missing": missing, "not_in_the_store": more, "twice": twice,
        "points": by_point.len(),
        "points_whose_count_differs": by_point.values().filter(|(all, had)| all != had).count(),
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "scripts/proof.sh outage"]
async fn every_sample_is_there_once_after_an_outage() {
    if !have(&["nats-server", "postgres", "initdb"]) {
        return;
    }
    let seconds: u64 = std::env::var("OPENRTD_OUTAGE_S").map_or(300, |seconds| seconds.parse().unwrap());
    let (mut nats, mut postgres) = (Server::nats(&[]), Server::postgres(&[]));
    let folder = Folder::new();
    extend(&folder, nats.port, postgres.port, &postgres.password_file());
    let mut device = Program::start(&folder, "run", "site.toml");
    let places = || status(&folder)["publish"].as_array().cloned().unwrap_or_default();
    let sent = |least: u64| {
        let places = places();
        (places.len() == 2 && places.iter().all(|one| one["samples"].as_u64() >= Some(least))).then_some(())
    };
    wait("both to have the first samples", || sent(1_000));
    let at_stop = places();
    nats.stop();
    postgres.stop();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let away = places();
    assert!(away.iter().all(|one| one["state"] == "away"), "{away:?}");
    nats.start();
    postgres.start();
    let begun = std::time::Instant::now();
    wait("both to have caught up", || {
        let places = places();
        let caught_up =
            |one: &Value| one["state"] == "working" && one["waiting"] == json!({ "samples": 0, "events": 0 });
        places.iter().all(caught_up).then_some(())
    });
    let caught_up_after = begun.elapsed();
    assert!(caught_up_after < PATIENCE);
    // A second start sends what the first had not: its own end.
    device.signal("-TERM");
    device.end();
    let mut device = Program::start(&folder, "run", "site.toml");
    wait("the second start to send", || sent(100));
    device.signal("-KILL");
    device.end();
    // And a third one what that one had not; it is compared with what is sent by then.
    let device = Program::start(&folder, "run", "site.toml");
    wait("the third start to send", || sent(100));

    let reader = Reader::open(&folder.site.join("history.db")).unwrap();
    let mut samples = Had::new();
    for point in reader.points().unwrap() {
        for entry in reader.entries(&point, ALL) {
            let origin = entry.unwrap().origin;
            samples.insert((origin.boot, i64::try_from(origin.sequence).unwrap()), (point.id.clone(), 1));
        }
    }
    let events: Had = reader
        .events(None, ALL)
        .map(|event| event.map(|event| ((event.boot, event.sequence), (event.kind, 1))).unwrap())
        .collect();
    // What came after that picture is nobody's fault.
    let last = *samples.keys().next_back().unwrap();
    let last_event = *events.keys().next_back().unwrap();
    wait("both to be past the picture", || sent(1_000));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let until = |mut had: Had, last: (u64, i64)| {
        had.retain(|key, _| *key <= last);
        had
    };
    let url = format!("nats://127.0.0.1:{}", nats.port);
    let of_nats = async |which: &str| of_nats(&url, "openrtd", &format!("openrtd.proof.{which}.>")).await;
    let of_postgres = async |table: &str, name: &str| of_postgres(postgres.port, "public", table, name).await;
    let result = json!({
        "away_s": seconds,
        "points_that_change_each_second": POINTS,
        "sent_before": at_stop.iter().map(|one| one["samples"].clone()).collect::<Vec<_>>(),
        "waited_when_they_came_back": away.iter().map(|one| one["waiting"].clone()).collect::<Vec<_>>(),
        "caught_up_after_ms": u64::try_from(caught_up_after.as_millis()).unwrap(),
        "samples_in_the_store": samples.len(),
        "events_in_the_store": events.len(),
        "nats": {
            "samples": compared(&until(of_nats("points").await, last), &samples),
            "events": compared(&until(of_nats("events").await, last_event), &events),
        },
        "postgres": {
            "samples": compared(&until(of_postgres("openrtd_samples", "point").await, last), &samples),
            "events": compared(&until(of_postgres("openrtd_events", "kind").await, last_event), &events),
        },
    });
    drop(device);
    if let Some(file) = std::env::var_os("OPENRTD_PROOF") {
        fs::write(file, result.to_string()).unwrap();
    }
    for place in ["nats", "postgres"] {
        for what in ["samples", "events"] {
            let of = &result[place][what];
            let wrong = ["missing", "not_in_the_store", "twice", "points_whose_count_differs"];
            assert!(wrong.iter().all(|one| of[one] == 0), "{result:#}");
        }
    }
    let told = openrtd(&["history", &folder.path("site.toml"), "many.1", "--format", "csv"]);
    assert!(told.stdout.len() > 1_000);
}
