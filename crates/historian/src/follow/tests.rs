use std::collections::BTreeMap;
use std::time::Duration;

use telemetry::{Mono, Now, Reasons, Value, Wall, WallTrust};

use super::*;
use crate::event::{Event, EventKind};
use crate::store::{Batch, PointInfo, Settings, Store};

const START: u64 = 1_795_564_800_000;

struct World {
    folder: tempfile::TempDir,
    sequence: u64,
    written: Vec<(String, Origin)>,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), sequence: 0, written: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("history.db")
    }

    fn open(&mut self, octets_max: u64) -> Store {
        self.sequence = 0;
        let retention = Duration::from_secs(60 * 86_400);
        let mut store =
            Store::open(Settings { path: self.path(), retention, octets_max }, Wall::from_millis(START))
                .unwrap();
        store.pack_every(700);
        store.sink("far").unwrap();
        store
    }

    /// A commit of so many entries: of points that change often, and of one that hardly does.
    fn commit(&mut self, store: &mut Store, entries: u64) {
        let mut batch = Batch::default();
        for _ in 0..entries {
            self.sequence += 1;
            let id = match self.sequence {
                rare if rare % 97 == 0 => "rare".to_owned(),
                often => format!("often{}", often % 3),
            };
            let origin = Origin { boot: store.boot(), sequence: self.sequence };
            let info = PointInfo { id: id.as_str().into(), kind: "analog_input", unit: None };
            let value = Some(Value::Analog(f64::from(u32::try_from(self.sequence % 1_000).unwrap())));
            let time = Wall::from_millis(START + self.sequence);
            let entry = Entry { origin, time, source_time: None, value, reasons: Reasons::none() };
            batch.entries.push((info, entry));
            self.written.push((id, origin));
        }
        store.commit(&batch, Wall::from_millis(START + self.sequence)).unwrap();
    }
}

/// Reads on until there is nothing more.
fn rest(follower: &mut Follower, mark: &mut Mark, at_most: usize, into: &mut Vec<(String, Origin)>) {
    loop {
        let found = follower.entries(mark.entry, at_most).unwrap();
        assert!(found.entries.len() <= at_most);
        into.extend(found.entries.iter().map(|(point, entry)| (point.id.clone(), entry.origin)));
        mark.entry = found.to;
        if !found.more {
            return;
        }
    }
}

#[test]
fn everything_comes_once_and_in_order_however_the_store_is_packed_meanwhile() {
    for at_most in [7, 100, 5_000] {
        let mut world = World::new();
        let mut store = world.open(1 << 30);
        let mut follower = Follower::open(&world.path()).unwrap();
        let (mut mark, mut came) = (Mark::default(), Vec::new());
        for round in 0..60 {
            world.commit(&mut store, 1 + round * 13 % 120);
            // Kept up for a while, then away, then asked for a bit only.
            match round {
                0..20 => rest(&mut follower, &mut mark, at_most, &mut came),
                20..45 => {}
                _ => {
                    let (waiting, _) = follower.waiting(&mark).unwrap();
                    assert_eq!(waiting, (world.written.len() - came.len()) as u64, "round {round}");
                    let found = follower.entries(mark.entry, at_most).unwrap();
                    came.extend(found.entries.iter().map(|(point, one)| (point.id.clone(), one.origin)));
                    mark.entry = found.to;
                }
            }
            if round == 30 {
                // A start of its own; the tail is taken up again.
                drop(store);
                store = world.open(1 << 30);
            }
        }
        rest(&mut follower, &mut mark, at_most, &mut came);
        assert_eq!(came, world.written);
        assert_eq!(follower.waiting(&mark).unwrap(), (0, 0));
        // A reader that was put back is given it again.
        let mut again = Vec::new();
        mark.entry = world.written[2_000].1;
        rest(&mut follower, &mut mark, at_most, &mut again);
        assert_eq!(again, world.written[2_001..]);
    }
}

#[test]
fn a_store_of_the_version_before_is_read_on_from_its_beginning() {
    let mut world = World::new();
    let mut store = world.open(1 << 30);
    for _ in 0..30 {
        world.commit(&mut store, 100);
    }
    drop(store);
    let old = Connection::open(world.path()).unwrap();
    old.execute_batch("DROP TABLE pack; DROP TABLE sink; PRAGMA user_version = 1").unwrap();
    drop(old);
    let mut store = world.open(1 << 30);
    world.commit(&mut store, 10);
    let mut came = Vec::new();
    rest(&mut Follower::open(&world.path()).unwrap(), &mut Mark::default(), 1_000, &mut came);
    assert_eq!(came, world.written);
}

#[test]
fn a_mark_is_kept_and_what_went_before_it_was_sent_is_counted() {
    let mut world = World::new();
    let mut store = world.open(60_000);
    let time = Wall::from_millis(START);
    for _ in 0..20 {
        world.commit(&mut store, 100);
    }
    let event = |boot| Event {
        boot,
        time,
        kind: EventKind::Device,
        subject: String::new(),
        detail: serde_json::json!({}),
    };
    let mark = Mark { entry: world.written[1_500].1, event: 1, remote: 9 };
    let marks = BTreeMap::from([("far".to_owned(), mark)]);
    let events = vec![event(store.boot()), event(store.boot())];
    store.commit(&Batch { marks, events, ..Batch::default() }, time).unwrap();
    let mut follower = Follower::open(&world.path()).unwrap();
    assert_eq!(follower.mark("far").unwrap(), Some((mark, 0, 0)));
    assert_eq!(follower.mark("near").unwrap(), None);
    assert_eq!(follower.events(1, 10).unwrap().len(), 1);
    drop(store);
    let mut store = world.open(60_000);
    assert_eq!(store.sink("far").unwrap(), mark);
    // All of it is too old by then.
    for _ in 0..10 {
        world.commit(&mut store, 100);
    }
    let later = Wall::from_millis(START + 61 * 86_400_000);
    store.see(Now { mono: Mono::ZERO, wall: later, wall_trust: WallTrust::Synchronised });
    store.commit(&Batch::default(), later).unwrap();
    let mut came = Vec::new();
    rest(&mut follower, &mut mark.clone(), 1_000, &mut came);
    let (_, entries, events) = follower.mark("far").unwrap().unwrap();
    assert_eq!(entries + came.len() as u64, world.written.len() as u64 - 1_501);
    assert!(entries > 500, "{entries}");
    assert_eq!(events, 1);
    assert!(came.iter().all(|one| world.written[1_501..].contains(one)));
}

#[test]
fn a_block_that_cannot_be_read_stops_nobody() {
    let mut world = World::new();
    let mut store = world.open(1 << 30);
    for _ in 0..30 {
        world.commit(&mut store, 100);
    }
    let other = Connection::open(world.path()).unwrap();
    other.execute_batch("UPDATE block SET octets = x'00' WHERE id = 1").unwrap();
    let mut follower = Follower::open(&world.path()).unwrap();
    let mut came = Vec::new();
    rest(&mut follower, &mut Mark::default(), 1_000, &mut came);
    assert_eq!(follower.unreadable(), 1);
    let first = |(id, _): &&(String, Origin)| id.starts_with("often");
    assert!(came.len() < world.written.len() && came.iter().filter(first).count() > 1_000);
}
