//! A program that records and publishes, killed again and again, against real servers that come and go: in the end
//! each has every sample and every event of the store, once.

#![cfg(all(feature = "nats", feature = "postgres"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use historian::{
    Entry, Event, EventKind, Follower, Mark, PointInfo, Range, Reader, Settings, Store, Tap, Writer,
};
use publisher::{Notice, Publisher, Source};
use site::{Publish, PublishTls, PublishTo};
use support::{Had, Server, have, of_nats, of_postgres, sql, wait};
use telemetry::clock::SystemClock;
use telemetry::{Origin, Reason, ReasonKind, Reasons, Value, Wall};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

const ALL: Range = Range { from: Wall::from_millis(0), to: Wall::from_millis(u64::MAX) };

fn nats(port: u16) -> Publish {
    let to = PublishTo::Nats {
        url: format!("nats://127.0.0.1:{port}"),
        stream: "plants".to_owned(),
        subject: "openrtd".to_owned(),
        credentials: None,
    };
    Publish { name: "office".into(), site: "Santa Ana 1".into(), tls: None, to }
}

fn postgres(port: u16, password_file: PathBuf) -> Publish {
    let to = PublishTo::Postgres {
        url: format!("postgres://rtd@127.0.0.1:{port}/postgres"),
        password_file: Some(password_file),
        schema: "plants".to_owned(),
    };
    Publish { name: "lake".into(), site: "Santa Ana 1".into(), tls: None, to }
}

/// The store with the tasks that send it on.
struct Running {
    tap: Tap,
    writer: Writer,
    publisher: Publisher,
    tasks: JoinSet<()>,
    notices: mpsc::Receiver<Notice>,
    sequence: u64,
    clock: SystemClock,
}

impl Running {
    fn start(path: &Path, places: &[Publish], octets_max: u64) -> Self {
        let settings = Settings { path: path.to_owned(), retention: Duration::from_secs(86_400), octets_max };
        let clock = SystemClock::start();
        let mut store = Store::open(settings, clock.now().wall).unwrap();
        // Blocks, not the tail alone, are read on from.
        store.pack_every(3_000);
        let marks: Vec<Mark> = places.iter().map(|place| store.sink(&place.name).unwrap()).collect();
        let (tell, news) = watch::channel(());
        let (tap, writer) = Writer::start_telling(store, |_| {}, move || tell.send_modify(|()| ())).unwrap();
        let (tell, notices) = mpsc::channel(16);
        let mut tasks = JoinSet::new();
        let source = Source { path: path.to_owned(), tap: tap.clone(), news };
        let publisher = Publisher::start(places, marks, &source, &tell, &mut tasks);
        Self { tap, writer, publisher, tasks, notices, sequence: 0, clock }
    }

    /// Records so many samples, of ten points, and an event.
    fn record(&mut self, samples: u64) {
        let now = self.clock.now();
        for _ in 0..samples {
            self.sequence += 1;
            let reasons = match self.sequence % 50 {
                0 => Reasons::of(Reason::new(ReasonKind::SourceDead, "inv1\0")),
                _ => Reasons::none(),
            };
            let value = match self.sequence % 10 {
                0 => None,
                1 => Some(Value::Binary(self.sequence % 20 == 1)),
                2 => Some(Value::Analog(f64::NAN)),
                _ => Some(Value::Analog(f64::from(u32::try_from(self.sequence % 1_000).unwrap()) / 10.0)),
            };
            let origin = Origin { boot: self.tap.boot(), sequence: self.sequence };
            let entry = Entry { origin, time: now.wall, source_time: Some(now.wall), value, reasons };
            let id = format!("p{}.mw", self.sequence % 10);
            let unit = Some("MW".parse().unwrap());
            self.tap.entry(PointInfo { id: id.as_str().into(), kind: "analog_input", unit }, entry, now.mono);
        }
        let detail = serde_json::json!({ "peer": "a\u{0}b" });
        let (kind, subject) = (EventKind::Session, "ems".to_owned());
        self.tap.event(Event { boot: self.tap.boot(), time: now.wall, kind, subject, detail }, now.mono);
    }

    async fn finish(mut self) {
        self.tasks.shutdown().await;
        drop(self.tap);
        self.writer.finish().unwrap();
    }
}

/// What the store has.
fn of_store(path: &Path) -> (Had, Had) {
    let reader = Reader::open(path).unwrap();
    let mut samples = Had::new();
    for point in reader.points().unwrap() {
        for entry in reader.entries(&point, ALL) {
            let Origin { boot, sequence } = entry.unwrap().origin;
            samples.insert((boot, i64::try_from(sequence).unwrap()), (point.id.clone(), 1));
        }
    }
    let events = reader.events(None, ALL).map(Result::unwrap);
    (samples, events.map(|event| ((event.boot, event.sequence), (event.kind, 1))).collect())
}

/// Says what a place has too much, too little or twice.
fn same(what: &str, had: &Had, all: &Had) {
    let missing: Vec<_> = all.iter().filter(|(key, _)| !had.contains_key(key)).collect();
    let more = had.keys().filter(|key| !all.contains_key(key)).count();
    let twice: Vec<_> = had.iter().filter(|(_, (_, times))| *times > 1).collect();
    let some = (&missing.iter().take(3), &twice.iter().take(3));
    let counts = (missing.len(), more, twice.len());
    assert!(counts == (0, 0, 0), "{what}: of {}: missing, more, twice: {counts:?}: {some:?}", all.len());
    assert!(had == all, "{what}: of other points");
}

/// Waits until both places have everything, and compares.
async fn compare(path: &Path, names: &[&str], nats: u16, postgres: u16) -> u64 {
    let mut follower = Follower::open(path).unwrap();
    for name in names {
        loop {
            let (mark, ..) = follower.mark(name).unwrap().unwrap();
            if follower.waiting(&mark).unwrap() == (0, 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let (samples, events) = of_store(path);
    let url = format!("nats://127.0.0.1:{nats}");
    same("NATS: samples", &of_nats(&url, "plants", "openrtd.Santa%20Ana%201.points.>").await, &samples);
    same("NATS: events", &of_nats(&url, "plants", "openrtd.Santa%20Ana%201.events.>").await, &events);
    let had = of_postgres(postgres, "plants", "openrtd_samples", "point").await;
    same("PostgreSQL: samples", &had, &samples);
    let had = of_postgres(postgres, "plants", "openrtd_events", "kind").await;
    same("PostgreSQL: events", &had, &events);
    samples.len() as u64
}

/// The program that is killed; `OPENRTD_CHILD` says where and whom to.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a program of its own: the other test starts and kills it"]
async fn a_program_that_publishes() {
    let Ok(told) = std::env::var("OPENRTD_CHILD") else { return };
    let told: Vec<&str> = told.split(' ').collect();
    let places = [nats(told[1].parse().unwrap()), postgres(told[2].parse().unwrap(), told[3].into())];
    let mut running = Running::start(Path::new(told[0]), &places, 1 << 30);
    loop {
        running.record(100);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn child(path: &Path, nats: u16, postgres: u16, password: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "a_program_that_publishes"])
        .env("OPENRTD_CHILD", format!("{} {nats} {postgres} {}", path.display(), password.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_once_whoever_is_killed_or_away() {
    if !have(&["nats-server", "postgres", "initdb"]) {
        return;
    }
    let (mut nats_server, mut postgres_server) = (Server::nats(&[]), Server::postgres(&[]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let password = postgres_server.password_file();
    // One that forgets ids at once: what is there once is not there once because of it.
    let client = async_nats::connect(format!("nats://127.0.0.1:{}", nats_server.port)).await.unwrap();
    async_nats::jetstream::new(client)
        .create_stream(async_nats::jetstream::stream::Config {
            name: "plants".to_owned(),
            subjects: vec!["openrtd.>".to_owned()],
            duplicate_window: Duration::from_millis(100),
            ..Default::default()
        })
        .await
        .unwrap();
    // Killed while it sends, at moments that differ.
    for kill in 0..6_u64 {
        let mut program = child(&path, nats_server.port, postgres_server.port, &password);
        std::thread::sleep(Duration::from_millis(1_300 + kill * 337 % 900));
        match kill {
            2 => nats_server.stop(),
            3 => postgres_server.stop(),
            5 => {
                nats_server.start();
                postgres_server.start();
            }
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(200 + kill * 73 % 400));
        program.kill().unwrap();
        program.wait().unwrap();
    }
    let places = [nats(nats_server.port), postgres(postgres_server.port, password)];
    let mut running = Running::start(&path, &places, 1 << 30);
    running.record(1_000);
    running.tap.flush().unwrap();
    let count = compare(&path, &["office", "lake"], nats_server.port, postgres_server.port).await;
    assert!(count > 5_000, "{count}");
    let status = running.publisher.status();
    assert_eq!((&status[0]["state"], &status[0]["why"]), (&"working".into(), &"".into()), "{status}");
    assert_eq!(status[1]["waiting"], serde_json::json!({ "samples": 0, "events": 0 }), "{status}");

    // While it runs: both stopped during load, and back.
    nats_server.stop();
    postgres_server.stop();
    for _ in 0..20 {
        running.record(200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    wait("to be away", || {
        let status = running.publisher.status();
        (status[0]["state"] == "away" && status[1]["state"] == "away").then_some(())
    });
    nats_server.start();
    postgres_server.start();
    running.record(200);
    running.tap.flush().unwrap();
    compare(&path, &["office", "lake"], nats_server.port, postgres_server.port).await;
    wait("to have nothing to say", || {
        let status = running.publisher.status();
        (0..2).all(|at| status[at]["state"] == "working" && status[at]["why"] == "").then_some(())
    });

    // As it is there.
    let sql = sql(postgres_server.port).await;
    let row = sql
        .query_one(
            "SELECT count(*) FILTER (WHERE point = 'p0.mw' AND value IS NULL AND state IS NULL), \
             count(*) FILTER (WHERE point = 'p1.mw' AND state = (value = 1)), \
             count(*) FILTER (WHERE value = 'NaN'), count(*) FILTER (WHERE point = 'p0.mw'), \
             count(*) FILTER (WHERE quality = 'bad' AND reasons ->> 0 LIKE 'source does not answer: inv1%'), \
             count(*) FILTER (WHERE time <> source_time OR unit <> 'MW'), \
             count(*) FILTER (WHERE point = 'p1.mw') FROM plants.openrtd_samples",
            &[],
        )
        .await
        .unwrap();
    let counts: Vec<i64> = (0..7).map(|at| row.get(at)).collect();
    assert_eq!((counts[0], counts[1], counts[2], counts[5]), (counts[3], counts[6], 0, 0), "{counts:?}");
    assert!(counts[4] > 0, "{counts:?}");
    // Tables of a later version are left alone.
    sql.batch_execute("UPDATE plants.openrtd_schema SET version = 9").await.unwrap();
    running.finish().await;
    let mut running = Running::start(&path, &places, 1 << 30);
    wait("to be refused", || {
        running.record(1);
        let status = running.publisher.status();
        status[1]["why"].as_str()?.contains("has version 9, this program knows 1").then_some(())
    });
    running.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_before_it_was_sent_is_counted_and_alarmed() {
    if !have(&["nats-server"]) {
        return;
    }
    let mut server = Server::nats(&[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let mut running = Running::start(&path, &[nats(server.port)], 60_000);
    running.record(100);
    wait("to be there", || (running.publisher.status()[0]["samples"] == 100).then_some(()));
    server.stop();
    let mut written = 100;
    let lost = |running: &Running| running.publisher.status()[0]["lost"]["samples"].as_u64().unwrap();
    // The store looks for what is too much at its start and every ten minutes: a start of its own each time.
    while lost(&running) == 0 {
        for _ in 0..10 {
            running.record(1_000);
            written += 1_000;
            running.tap.flush().unwrap();
        }
        running.finish().await;
        running = Running::start(&path, &[nats(server.port)], 60_000);
        running.record(1);
        written += 1;
        running.tap.flush().unwrap();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(written < 2_000_000);
    }
    server.start();
    let (all, _) = wait("to have what is left", || {
        let status = running.publisher.status();
        (status[0]["state"] == "working" && status[0]["waiting"]["samples"] == 0).then(|| of_store(&path))
    });
    let url = format!("nats://127.0.0.1:{}", server.port);
    let had = of_nats(&url, "plants", "openrtd.*.points.>").await;
    assert!(all.iter().all(|(key, _)| had.contains_key(key)));
    assert_eq!(had.len() as u64 + lost(&running), written, "all is there or counted");
    let _ = &mut running.notices;
    running.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_place_can_never_take_is_left_out_and_told_and_the_rest_goes_on() {
    if !have(&["nats-server"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("nats.conf");
    std::fs::write(&config, "max_payload: 2048\n").unwrap();
    let server = Server::nats(&["-c", config.to_str().unwrap()]);
    let path = folder.path().join("history.db");
    let mut running = Running::start(&path, &[nats(server.port)], 1 << 30);
    running.record(10);
    // One far above, one just above, one just below.
    let now = running.clock.now();
    for octets in [3_000_000, 2_048, 1_000] {
        let (boot, detail) = (running.tap.boot(), serde_json::json!({ "why": "x".repeat(octets) }));
        let (kind, subject) = (EventKind::Session, "ems".to_owned());
        running.tap.event(Event { boot, time: now.wall, kind, subject, detail }, now.mono);
    }
    running.record(10);
    let status = wait("to have the rest", || {
        let status = running.publisher.status();
        (status[0]["samples"] == 20 && status[0]["events"] == 3).then_some(status)
    });
    assert_eq!(status[0]["refused"], serde_json::json!({ "samples": 0, "events": 2 }), "{status}");
    assert_eq!((&status[0]["state"], &status[0]["why"]), (&"working".into(), &"".into()), "{status}");
    let notice = running.notices.recv().await.unwrap();
    assert!(notice.raised && notice.text.contains("too large for office and were left out"), "{notice:?}");
    assert!(running.notices.try_recv().is_err(), "it stays raised");
    let (samples, events) = of_store(&path);
    let url = format!("nats://127.0.0.1:{}", server.port);
    same("NATS", &of_nats(&url, "plants", "openrtd.*.points.>").await, &samples);
    let had = of_nats(&url, "plants", "openrtd.*.events.>").await;
    assert_eq!(had.len() + 2, events.len());
    running.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_over_mutual_tls_and_strangers_are_not_trusted() {
    if !have(&["nats-server", "postgres", "initdb"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for ca in ["ca", "stranger"] {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, ca);
        std::fs::write(file(&format!("{ca}.pem")), params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        for name in ["server", "rtd"] {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            let cert = params.signed_by(&key, &issuer).unwrap();
            if ca == "ca" {
                std::fs::write(file(&format!("{name}.pem")), cert.pem()).unwrap();
                std::fs::write(file(&format!("{name}.key")), key.serialize_pem()).unwrap();
            }
        }
    }
    let path = |name: &str| file(name).to_str().unwrap().to_owned();
    let nats_server = Server::nats(&[
        "--tlsverify",
        "--tlscert",
        &path("server.pem"),
        "--tlskey",
        &path("server.key"),
        "--tlscacert",
        &path("ca.pem"),
    ]);
    let postgres_server =
        Server::postgres_with_tls(&file("server.pem"), &file("server.key"), &file("ca.pem"));
    let tls = |ca: &str| Some(PublishTls { ca: file(ca), own: Some((file("rtd.pem"), file("rtd.key"))) });
    let places = |ca: &str| {
        let mut places =
            [nats(nats_server.port), postgres(postgres_server.port, postgres_server.password_file())];
        places.iter_mut().for_each(|place| place.tls = tls(ca));
        places
    };
    publisher::check(&places("ca.pem")).unwrap();
    let store = folder.path().join("history.db");
    let mut running = Running::start(&store, &places("stranger.pem"), 1 << 30);
    running.record(50);
    wait("to trust neither", || {
        let status = running.publisher.status();
        (status[0]["state"] == "away" && status[1]["state"] == "away").then_some(())
    });
    running.finish().await;
    let mut running = Running::start(&store, &places("ca.pem"), 1 << 30);
    running.record(50);
    wait("to have it", || {
        let status = running.publisher.status();
        (status[0]["samples"] == 100 && status[1]["samples"] == 100).then_some(())
    });
    running.finish().await;
    let mut broken = places("ca.pem");
    broken[0].tls = Some(PublishTls { ca: file("rtd.key"), own: None });
    assert!(publisher::check(&broken).unwrap_err().to_string().contains("rtd.key: no certificate in it"));
}
