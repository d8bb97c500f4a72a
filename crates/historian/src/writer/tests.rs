use std::sync::mpsc;

use telemetry::{Origin, Reasons, Value, WallTrust};

use super::*;
use crate::event::EventKind;
use crate::read::{Range, Reader};
use crate::store::Settings;

const ALL: Range = Range { from: Wall::from_millis(0), to: Wall::from_millis(u64::MAX) };

fn store(folder: &tempfile::TempDir) -> Store {
    let settings = Settings {
        path: folder.path().join("history.db"),
        retention: Duration::from_secs(86_400),
        octets_max: 1 << 30,
    };
    Store::open(settings, Wall::from_millis(1_000_000)).unwrap()
}

fn point() -> PointInfo {
    PointInfo { id: "p".into(), kind: "analog_input", unit: None }
}

fn entry(boot: u64, sequence: u64) -> Entry {
    Entry {
        origin: Origin { boot, sequence },
        time: Wall::from_millis(1_000_000 + sequence),
        source_time: None,
        // Noise: it must take room.
        value: Some(Value::Analog(f64::from_bits(sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2))),
        reasons: Reasons::none(),
    }
}

fn event(boot: u64, kind: EventKind) -> Event {
    Event { boot, time: Wall::from_millis(1_000_000), kind, subject: "p".to_owned(), detail: json!({}) }
}

fn sink(store: Store) -> (Sink, Receiver<Health>) {
    let (told, changes) = mpsc::channel();
    let changed = Box::new(move |health: &Health| told.send(health.clone()).unwrap());
    (Sink::new(store, Arc::new(Shared::default()), changed, Box::new(|| {})), changes)
}

/// A second apart, as a poll is.
fn give(sink: &mut Sink, sequence: u64) -> bool {
    let entry = entry(sink.store.boot(), sequence);
    sink.take(Message::Entry(Box::new((point(), entry)), Mono::from_millis(1_000 * sequence)))
}

#[test]
fn a_batch_is_written_after_a_second_and_an_audit_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, _changes) = sink(store(&folder));
    assert!(!give(&mut sink, 1));
    assert!(give(&mut sink, 2));
    sink.commit().unwrap();
    assert!(!give(&mut sink, 3));
    let boot = sink.store.boot();
    let mono = Mono::from_millis(3_001);
    assert!(!sink.take(Message::Event(Box::new(event(boot, EventKind::Device)), mono)));
    assert!(sink.take(Message::Event(Box::new(event(boot, EventKind::Command)), mono)));
}

#[test]
fn a_full_disk_is_told_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    // The file may not grow: what SQLite tells is what it tells of a full disk.
    store.pages_max(1);
    let (mut sink, changes) = sink(store);
    let mut given = 0;
    while sink.state == State::Working {
        given += 1;
        if give(&mut sink, given) {
            drop(sink.commit());
        }
        assert!(given < 100_000, "it never got full");
    }
    let health = changes.try_recv().unwrap();
    assert_eq!(health.state, State::Full);
    assert!(health.waiting > 0);
    for _ in 0..100 {
        given += 1;
        if give(&mut sink, given) {
            assert!(sink.commit().unwrap_err().is_full());
        }
    }
    assert!(changes.try_recv().is_err(), "told twice");
    // A command waits as everything does, and does not make it try again at once.
    let command = event(sink.store.boot(), EventKind::Command);
    assert!(!sink.take(Message::Event(Box::new(command), sink.last.0)));

    sink.store.pages_max(1 << 20);
    sink.commit().unwrap();
    assert_eq!(changes.try_recv().unwrap().state, State::Working);
    let reader = Reader::open(sink.store.path()).unwrap();
    let found = reader.entries(&reader.point("p").unwrap(), ALL);
    let found: Vec<u64> = found.map(|entry| entry.unwrap().origin.sequence).collect();
    assert_eq!(found, (1..=given).collect::<Vec<_>>(), "nothing was lost");
    let events: Vec<_> = reader.events(None, ALL).map(|event| event.unwrap()).collect();
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["command", "history"]);
    assert_eq!(events[1].detail["after"], "disk-full");
}

#[test]
fn what_does_not_fit_is_dropped_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (boot, path) = (store.boot(), store.path().to_owned());
    // No thread reads: the queue of a disk that hangs.
    let (out, messages) = sync_channel(QUEUE_MAX);
    let shared = Arc::new(Shared::default());
    let tap = Tap { out, shared: Arc::clone(&shared), boot };
    for sequence in 1..=QUEUE_SAMPLES_MAX as u64 + 7 {
        tap.entry(point(), entry(boot, sequence), Mono::ZERO);
    }
    assert_eq!(tap.health().dropped, 7);
    // Events have room where samples have none.
    for _ in 0..QUEUE_MAX - QUEUE_SAMPLES_MAX + 2 {
        tap.event(event(boot, EventKind::Session), Mono::ZERO);
    }
    let health = tap.health();
    assert_eq!((health.dropped, health.waiting), (9, QUEUE_MAX));
    drop(tap);
    turn(&messages, Sink::new(store, shared, Box::new(|_| {}), Box::new(|| {}))).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.check().unwrap(), QUEUE_SAMPLES_MAX as u64);
    let mut told = reader.events(None, ALL).map(Result::unwrap).filter(|event| event.kind == "history");
    assert_eq!(told.next().unwrap().detail["lost"], 9);
    assert_eq!(told.next(), None);
}

#[test]
fn the_thread_ends_when_its_taps_have_and_everything_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (tap, writer) = Writer::start(store(&folder), |_| {}).unwrap();
    for sequence in 1..=1_000 {
        tap.entry(point(), entry(tap.boot(), sequence), Mono::from_millis(sequence));
    }
    assert_eq!(tap.flush().unwrap().repeated, 0);
    tap.event(event(tap.boot(), EventKind::Stop), Mono::ZERO);
    drop(tap);
    writer.finish().unwrap();
    let reader = Reader::open(&folder.path().join("history.db")).unwrap();
    assert_eq!(reader.check().unwrap(), 1_000);
    assert_eq!(reader.events(Some("p"), ALL).count(), 1);
    assert_eq!(reader.events(Some("q"), ALL).count(), 0);
}

#[test]
fn limits_change_while_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let (tap, writer) = Writer::start(store(&folder), |_| {}).unwrap();
    let at = |millis: u64| Event { time: Wall::from_millis(millis), ..event(tap.boot(), EventKind::Session) };
    tap.event(at(1_000_000), Mono::ZERO);
    tap.flush().unwrap();
    let count = || Reader::open(&folder.path().join("history.db")).unwrap().events(Some("p"), ALL).count();
    tap.event(at(1_060_000), Mono::ZERO);
    tap.flush().unwrap();
    assert_eq!(count(), 2);
    tap.trust(WallTrust::Synchronised);
    tap.limits(Duration::from_secs(90), 1 << 30);
    tap.event(at(1_120_000), Mono::ZERO);
    tap.flush().unwrap();
    assert_eq!(count(), 2, "the oldest is older than 90 s");
    drop(tap);
    writer.finish().unwrap();
}
