//! The text of the metrics, and the server against peers that are slow, many or wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use historian::{Health, State};
use serde_json::json;
use telemetry::{Quality, Wall, WallTrust};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::metrics::{FAMILIES, text};
use super::{ClockNow, Facts, Snapshot, Tally, Wanted, health, serve};
use crate::core::watch::{DeviceNow, PointNow, ScoreNow, SessionNow, Watched};

/// A window followed exactly, one step late.
fn score() -> ScoreNow {
    let rules = control::score::Rules { step_ms: 4_000, steps: 3, delay_max: 1, accuracy_below: Some(0.5) };
    let mut scorer = control::score::Scorer::new(rules);
    for (step, (asked, done)) in [(1.0, 0.0), (2.0, 1.0), (5.0, 2.0)].into_iter().enumerate() {
        let step_at = u64::try_from(step).unwrap() + 1;
        scorer.take(step_at, control::score::Seen::of(Some(1.0), false, Some(0.0), Some((asked, done))));
    }
    let (last, totals) = (scorer.last().copied(), scorer.totals().clone());
    ScoreNow { point: "sp".into(), step: Duration::from_secs(4), last, totals }
}

fn snapshot() -> Snapshot {
    let point = PointNow {
        id: "odd\"id\\n".into(),
        kind: "analog_input",
        unit: Some("MW".parse().unwrap()),
        value: Some(-1.5),
        quality: Quality::Bad,
        age: Some(Duration::from_millis(7_500)),
        age_max: Some(Duration::from_secs(5)),
    };
    let never = PointNow { id: "never".into(), value: None, age: None, ..point.clone() };
    let device = |id: &str, asked, up| DeviceNow {
        id: id.into(),
        asked,
        up,
        polls: 9,
        polls_failed: 2,
        answer_age: asked.then_some(Duration::from_secs(1)),
    };
    let session = SessionNow {
        master: "ems".into(),
        up: true,
        reads: 3,
        events_waiting: 4,
        counters: ieee1815::outstation::Counters { events_lost: 5, ..Default::default() },
    };
    let mut tally = Tally { refused: 6, ..Tally::default() };
    tally.commands.insert(("ems".into(), "SUCCESS".to_owned()), 2);
    tally.alarms.insert(("clock", "".into()), "late".to_owned());
    tally.alarms_raised.insert("clock", 1);
    let facts = Facts {
        site: "Test\nsite".into(),
        profile: Some("of".into()),
        heartbeat: Some("odd\"id\\n".into()),
        controls: ["ems".into()].into(),
        started: Wall::from_millis(1_500),
    };
    Snapshot {
        facts: Arc::new(facts),
        watched: Watched {
            points: vec![point, never],
            devices: vec![device("inv1", true, true), device("inv2", true, false)],
            sessions: vec![session],
            alarms: vec![("flat", "never".into())],
            scores: vec![score()],
        },
        links: vec![
            json!({ "requests": 11, "answers": 10, "timeouts": 1, "exceptions": 0, "reconnects": 0, "last_round_trip_us": 1_500 }),
        ],
        octets: BTreeMap::from([("ems".into(), (100, 200))]),
        tally,
        history: Some(Health { state: State::Full, entries: 1, events: 2, dropped: 3, waiting: 4 }),
        clock: ClockNow {
            offset: Some((0.25, Duration::from_secs(30))),
            watched: true,
            trust: WallTrust::Unsynchronised,
            unanswered: 0,
            steps: 1,
        },
        turns: 77,
    }
}

#[test]
fn the_text_has_each_family_and_no_label_breaks_out() {
    let told = text(snapshot()).unwrap();
    for family in FAMILIES {
        assert!(told.contains(&format!("# HELP {} {}", family.name, family.help)), "{}", family.name);
        let name = if family.counts { format!("{}_total", family.name) } else { family.name.to_owned() };
        let sample = |line: &&str| line.split(['{', ' ']).next() == Some(&name);
        assert!(told.lines().any(|line| sample(&line)), "{name} has no sample");
    }
    for line in [
        r#"openrtd_point_value{point="odd\"id\\n",type="analog_input",unit="MW"} -1.5"#,
        r#"openrtd_point_quality{point="never"} 2.0"#,
        r#"openrtd_point_age_seconds{point="odd\"id\\n"} 7.5"#,
        r#"openrtd_device_up{device="inv2"} 0.0"#,
        r#"openrtd_device_timeouts_total{device="inv1"} 1.0"#,
        r#"openrtd_session_controls{master="ems"} 1.0"#,
        r#"openrtd_session_received_bytes_total{master="ems"} 100.0"#,
        r#"openrtd_session_events_lost_total{master="ems"} 5.0"#,
        r#"openrtd_commands_total{master="ems",status="SUCCESS"} 2.0"#,
        r#"openrtd_alarm{kind="clock",point=""} 1.0"#,
        r#"openrtd_alarm{kind="flat",point="never"} 1.0"#,
        r#"openrtd_clock_trust{trust="unsynchronised"} 1.0"#,
        r#"openrtd_clock_trust{trust="synchronised"} 0.0"#,
        r#"openrtd_score_accuracy{point="sp"} 0.375"#,
        r#"openrtd_score_precision{point="sp"} 1.0"#,
        r#"openrtd_score_delay_seconds{point="sp"} 4.0"#,
        r#"openrtd_score_mileage_total{point="sp"} 4.0"#,
        r#"openrtd_score_windows_total{point="sp",verdict="below"} 1.0"#,
        r#"openrtd_score_steps_total{point="sp",kind="scored"} 3.0"#,
        "openrtd_heartbeat -1.5",
        "openrtd_history_writing 0.0",
        "process_start_time_seconds 1.5",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
    assert!(told.contains(r#"site="Test\nsite""#) && told.ends_with("# EOF\n"), "{told}");
    assert!(!told.contains(r#"openrtd_point_value{point="never""#), "no value, no sample");
}

#[test]
fn every_family_is_in_the_documentation() {
    let mut table = "| metric | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for family in FAMILIES {
        let (suffix, kind) = if family.counts { ("_total", "counter") } else { ("", "gauge") };
        let labels = family.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        writeln!(table, "| `{}{suffix}` | {kind} | {labels} | {} |", family.name, family.help).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/observe.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once("<!-- metrics -->\n").unwrap();
    let (told, after) = rest.split_once("<!-- /metrics -->").unwrap();
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        std::fs::write(&file, format!("{before}<!-- metrics -->\n{table}<!-- /metrics -->{after}")).unwrap();
    } else {
        assert_eq!(told, table, "OPENRTD_BLESS=1 writes it anew");
    }
}

#[test]
fn health_and_readiness_say_why() {
    let mut now = snapshot();
    let (well, told) = health::health(&now);
    assert_eq!((well, &told["why"]), (false, &json!(["the history is not written: the disk is full"])));
    now.history = None;
    assert!(health::health(&now).0);
    assert!(!health::stuck().0);
    let (ready, told) = health::ready(&now);
    assert_eq!((ready, &told["devices_down"]), (true, &json!(["inv2"])), "what is down was asked");
    now.watched.devices[0].asked = false;
    let (ready, told) = health::ready(&now);
    assert_eq!((ready, &told["devices_not_asked_yet"]), (false, &json!(["inv1"])));
}

/// The server, and a machine that answers at once.
async fn served() -> SocketAddr {
    let (question, mut wanted) = mpsc::channel::<Wanted>(1);
    tokio::spawn(async move {
        while let Some(reply) = wanted.recv().await {
            drop(reply.send(snapshot()));
        }
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, question));
    address
}

/// All that is answered; empty where the connection is closed at once.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    // A server that closes without reading resets.
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn pages_methods_and_nonsense() {
    let address = served().await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let metrics = ask(address, &get("/metrics")).await;
    assert!(
        metrics.starts_with("HTTP/1.1 200 OK\r\ncontent-type: application/openmetrics-text;"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"));
    assert!(ask(address, &get("/healthz")).await.starts_with("HTTP/1.1 503 "));
    assert!(ask(address, &get("/readyz")).await.starts_with("HTTP/1.1 200 "));
    assert!(ask(address, &get("/")).await.starts_with("HTTP/1.1 404 "));
    assert!(ask(address, "POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.starts_with("HTTP/1.1 405 "));
    assert!(ask(address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
    let refused = ask(address, &long).await;
    assert!(!refused.starts_with("HTTP/1.1 200"), "{refused}");
}

#[tokio::test]
async fn many_slow_scrapers_leave_no_place_and_cost_no_more() {
    let address = served().await;
    let mut slow = Vec::new();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /met").await.unwrap();
        slow.push(stream);
    }
    let get = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(ask(address, get).await, "", "closed at once");
    drop(slow);
    while ask(address, get).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_not_turn_is_not_waited_for() {
    let (question, wanted) = mpsc::channel::<Wanted>(1);
    assert!(super::http::no_answer(question).await);
    drop(wanted);
}
