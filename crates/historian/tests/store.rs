//! The store as a whole: what is written comes back, from the tail and from blocks, after whatever happened to it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use historian::{Batch, Entry, Event, EventKind, HistoryError, PointInfo, Range, Reader, Settings, Store};
use telemetry::{Mono, Now, Origin, Reason, ReasonKind, Reasons, Value, Wall, WallTrust};

const ALL: Range = Range { from: Wall::from_millis(0), to: Wall::from_millis(u64::MAX) };
/// 2026-11-25 00:00 UTC.
const START: u64 = 1_795_564_800_000;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("history.db")
    }

    fn open(&self, octets_max: u64) -> Store {
        let retention = Duration::from_secs(60 * 86_400);
        Store::open(Settings { path: self.path(), retention, octets_max }, Wall::from_millis(START)).unwrap()
    }
}

fn entry(boot: u64, sequence: u64, time: u64) -> Entry {
    let reasons = match sequence % 50 {
        0 => Reasons::of(Reason::new(ReasonKind::SourceDead, "inv1")),
        _ => Reasons::none(),
    };
    // As a power of two decimals that wanders.
    let counts = u32::try_from(sequence * 37 % 1_000).unwrap();
    let value = Some(Value::Analog(f64::from(counts) / 100.0));
    let time = Wall::from_millis(time);
    Entry { origin: Origin { boot, sequence }, time, source_time: Some(time), value, reasons }
}

fn batch(store: &Store, id: &str, sequences: std::ops::RangeInclusive<u64>) -> Batch {
    let info = PointInfo { id: id.into(), kind: "analog_input", unit: Some("MW".parse().unwrap()) };
    let one = |sequence| (info.clone(), entry(store.boot(), sequence, START + 4_000 * sequence));
    Batch { entries: sequences.map(one).collect(), ..Batch::default() }
}

fn at(sequence: u64) -> Wall {
    Wall::from_millis(START + 4_000 * sequence)
}

fn sequences(path: &Path, id: &str, range: Range) -> Vec<u64> {
    let reader = Reader::open(path).unwrap();
    let point = reader.point(id).unwrap();
    reader.entries(&point, range).map(|entry| entry.unwrap().origin.sequence).collect()
}

#[test]
fn entries_come_back_from_blocks_and_tail_while_it_is_written() {
    let folder = Folder::new();
    let mut store = folder.open(1 << 30);
    store.pack_every(600);
    for hundred in 0..25 {
        let batch = batch(&store, "a", hundred * 100 + 1..=hundred * 100 + 100);
        let committed = store.commit(&batch, at(hundred * 100)).unwrap();
        assert_eq!((committed.entries, committed.repeated), (100, 0));
    }
    store.commit(&batch(&store, "slow", 3_000..=3_002), at(3_002)).unwrap();
    assert_eq!(sequences(&folder.path(), "a", ALL), (1..=2_500).collect::<Vec<_>>());
    assert_eq!(sequences(&folder.path(), "slow", ALL), [3_000, 3_001, 3_002]);
    let range = Range { from: at(595), to: at(605) };
    assert_eq!(sequences(&folder.path(), "a", range), (595..=605).collect::<Vec<_>>());
    let reader = Reader::open(&folder.path()).unwrap();
    let point = reader.point("a").unwrap();
    assert_eq!(point.unit.as_deref(), Some("MW"));
    for entry in reader.entries(&point, ALL).map(Result::unwrap) {
        let sequence = entry.origin.sequence;
        assert!(entry.is_same(&self::entry(store.boot(), sequence, START + 4_000 * sequence)));
    }
    assert_eq!(reader.before(&point, at(1_300)).unwrap().unwrap().origin.sequence, 1_299);
    assert_eq!(reader.before(&point, at(1)).unwrap(), None);
    assert_eq!(reader.check().unwrap(), 2_503);
}

#[test]
fn no_entry_is_written_twice_and_no_boot_is_used_twice() {
    let folder = Folder::new();
    let mut store = folder.open(1 << 30);
    let first = store.boot();
    let batch = batch(&store, "a", 1..=10);
    assert_eq!(store.commit(&batch, at(10)).unwrap().entries, 10);
    assert_eq!(store.commit(&batch, at(10)).unwrap().repeated, 10);
    drop(store);
    // Started again within the second, or after the clock was set back.
    let mut store = folder.open(1 << 30);
    assert_eq!(store.boot(), first + 1);
    assert_eq!(store.commit(&batch, at(10)).unwrap().repeated, 10, "they are of another boot");
    assert_eq!(store.commit(&self::batch(&store, "a", 1..=2), at(10)).unwrap().entries, 2);
    assert_eq!(sequences(&folder.path(), "a", ALL), (1..=10).chain(1..=2).collect::<Vec<_>>());
}

#[test]
fn what_is_too_old_goes() {
    let folder = Folder::new();
    let mut store = folder.open(1 << 30);
    store.pack_every(512);
    let mut old = batch(&store, "a", 1..=600);
    old.events.push(event(&store, EventKind::Command, at(1)));
    store.commit(&old, at(600)).unwrap();
    let later = 60 * 86_400 / 4 + 700;
    let mut new = batch(&store, "a", later..=later + 599);
    new.events.push(event(&store, EventKind::Device, at(later)));
    store.see(Now { wall: at(later), wall_trust: WallTrust::Synchronised, ..Now::default() });
    store.commit(&new, at(later)).unwrap();
    assert_eq!(sequences(&folder.path(), "a", ALL), (later..=later + 599).collect::<Vec<_>>());
    let reader = Reader::open(&folder.path()).unwrap();
    let kinds: Vec<_> = reader.events(None, ALL).map(|event| event.unwrap().kind).collect();
    assert_eq!(kinds, ["device"]);
}

#[test]
fn a_clock_that_leaps_a_year_ahead_and_back_removes_nothing() {
    const HOUR_MS: u64 = 3_600_000;
    const YEAR_MS: u64 = 365 * 24 * HOUR_MS;
    let folder = Folder::new();
    let mut store = folder.open(1 << 30);
    store.pack_every(512);
    // An hour a batch; the clock is a year ahead from hour 10 to hour 12 and right again after that.
    let mut written = 0;
    for hour in 0..=20_u64 {
        let ahead = if (10..=12).contains(&hour) { YEAR_MS } else { 0 };
        let wall = Wall::from_millis(START + hour * HOUR_MS + ahead);
        let wall_trust = if hour < 5 { WallTrust::Synchronised } else { WallTrust::Unknown };
        store.see(Now { mono: Mono::from_millis(hour * HOUR_MS), wall, wall_trust });
        let info = PointInfo { id: "a".into(), kind: "analog_input", unit: None };
        let entries = (written + 1..=written + 600)
            .map(|sequence| (info.clone(), entry(store.boot(), sequence, wall.as_millis() + sequence)));
        let event = event(&store, EventKind::Device, wall);
        let batch = Batch { entries: entries.collect(), events: vec![event], ..Batch::default() };
        store.commit(&batch, wall).unwrap();
        written += 600;
    }
    let kept = sequences(&folder.path(), "a", ALL);
    assert_eq!(kept.len() as u64, written);
    assert_eq!(Reader::open(&folder.path()).unwrap().events(None, ALL).count(), 21);
    // A year that did pass, as a reference says: what is too old goes.
    let wall = Wall::from_millis(START + YEAR_MS + 100 * HOUR_MS);
    store.see(Now { mono: Mono::from_millis(YEAR_MS), wall, wall_trust: WallTrust::Synchronised });
    let events = vec![event(&store, EventKind::Device, wall)];
    store.commit(&Batch { entries: Vec::new(), events, ..Batch::default() }, wall).unwrap();
    let kept = sequences(&folder.path(), "a", ALL);
    assert!((1..=1_800).contains(&kept.len()), "those of the wrong clock: {}", kept.len());
}

fn event(store: &Store, kind: EventKind, time: Wall) -> Event {
    Event { boot: store.boot(), time, kind, subject: "p".into(), detail: serde_json::json!({}) }
}

#[test]
fn what_is_too_much_goes_values_first_and_it_is_told() {
    let folder = Folder::new();
    let octets_max = 400_000;
    let mut store = folder.open(octets_max);
    store.pack_every(512);
    let mut next = 1;
    let mut last = 0;
    for round in 0..400 {
        let mut batch = batch(&store, "a", next..=next + 599);
        // Noise takes room.
        for (_, entry) in &mut batch.entries {
            let noise = entry.origin.sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let noise = (noise ^ (noise >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            entry.value = Some(Value::Analog(f64::from_bits(noise >> 2)));
        }
        batch.events.push(event(&store, EventKind::Command, at(round)));
        // Long enough after each other that it is looked at each time.
        store.commit(&batch, Wall::from_millis(START + round * 600_000)).unwrap();
        (last, next) = (next + 599, next + 600);
    }
    let used = Reader::open(&folder.path()).unwrap().octets().unwrap();
    assert!(used < octets_max + 100_000, "{used}");
    let left = sequences(&folder.path(), "a", ALL);
    assert_eq!(left, (last + 1 - left.len() as u64..=last).collect::<Vec<_>>(), "the oldest went");
    let reader = Reader::open(&folder.path()).unwrap();
    let events: Vec<_> = reader.events(None, ALL).map(Result::unwrap).collect();
    assert_eq!(events.iter().filter(|event| event.kind == "command").count(), 400);
    assert!(events.iter().any(|event| event.kind == "history" && event.detail["octets_max"] == octets_max));
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let folder = Folder::new();
    let open = || {
        let settings =
            Settings { path: folder.path(), retention: Duration::from_secs(1), octets_max: 1 << 30 };
        Store::open(settings, Wall::from_millis(START)).unwrap_err()
    };
    fs::write(folder.path(), "name,value\n").unwrap();
    assert!(open().to_string().contains("is no database, not a history of OpenRTD"));
    assert_eq!(fs::read(folder.path()).unwrap(), b"name,value\n");
    assert!(matches!(Reader::open(&folder.path()), Err(HistoryError::Foreign { .. })));

    fs::remove_file(folder.path()).unwrap();
    let other = rusqlite::Connection::open(folder.path()).unwrap();
    other.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)").unwrap();
    drop(other);
    assert!(open().to_string().contains("is a database of something else"));

    fs::remove_file(folder.path()).unwrap();
    drop(folder.open(1 << 30));
    let later = rusqlite::Connection::open(folder.path()).unwrap();
    later.pragma_update(None, "user_version", 99).unwrap();
    drop(later);
    assert!(open().to_string().contains("has schema 99, this version knows up to 2"));
    assert!(matches!(Reader::open(&folder.path()), Err(HistoryError::Newer { found: 99, .. })));
}

#[test]
fn one_program_writes_and_its_owner_alone_reads() {
    let folder = Folder::new();
    let settings = Settings { path: folder.path(), retention: Duration::from_secs(1), octets_max: 1 << 30 };
    let open = |path: PathBuf| Store::open(Settings { path, ..settings.clone() }, Wall::from_millis(START));
    let first = folder.open(1 << 30);
    let told = open(folder.path()).unwrap_err();
    assert!(matches!(told, HistoryError::InUse { .. }), "{told}");
    let link = folder.0.path().join("another.db");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    assert!(matches!(open(link), Err(HistoryError::InUse { .. })), "the same by another name");
    Reader::open(&folder.path()).unwrap();
    for made in fs::read_dir(folder.0.path()).unwrap().map(Result::unwrap) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(made.path()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{}", made.path().display());
    }
    drop(first);
    open(folder.path()).unwrap();
}

#[test]
fn a_damaged_file_is_told_and_a_missing_one_too() {
    let folder = Folder::new();
    assert!(Reader::open(&folder.path()).unwrap_err().to_string().contains("there is no history"));
    let mut store = folder.open(1 << 30);
    store.commit(&batch(&store, "a", 1..=2_000), at(1)).unwrap();
    drop(store);
    let mut octets = fs::read(folder.path()).unwrap();
    octets[100..8_000].fill(0xa5);
    fs::write(folder.path(), &octets).unwrap();
    let settings = Settings { path: folder.path(), retention: Duration::from_secs(1), octets_max: 1 << 30 };
    let error = Store::open(settings, Wall::from_millis(START)).unwrap_err();
    assert!(matches!(error, HistoryError::Damaged { .. }), "{error}");
}

/// As a power cut leaves it: the last write is only partly there.
#[test]
fn a_half_written_end_is_left_out_and_the_rest_is_there() {
    let folder = Folder::new();
    let mut store = folder.open(1 << 30);
    store.commit(&batch(&store, "a", 1..=500), at(500)).unwrap();
    let log = |folder: &Folder| folder.0.path().join("history.db-wal");
    let whole = fs::metadata(log(&folder)).unwrap().len();
    store.commit(&batch(&store, "a", 501..=1_000), at(1_000)).unwrap();
    let octets = fs::read(log(&folder)).unwrap();
    let cuts = [octets.len() - 1, octets.len() - 100, usize::try_from(whole).unwrap() + 10];
    for cut in cuts {
        let copy = Folder::new();
        fs::copy(folder.path(), copy.path()).unwrap();
        fs::write(log(&copy), &octets[..cut]).unwrap();
        let mut again = copy.open(1 << 30);
        assert_eq!(sequences(&copy.path(), "a", ALL), (1..=500).collect::<Vec<_>>(), "{cut}");
        again.commit(&batch(&again, "a", 1..=3), at(1_001)).unwrap();
        assert_eq!(Reader::open(&copy.path()).unwrap().check().unwrap(), 503);
    }
}

#[test]
fn a_chunk_that_cannot_be_read_is_left_out_and_told() {
    let folder = Folder::new();
    let mut store = folder.open(1 << 30);
    store.commit(&batch(&store, "a", 1..=10), at(10)).unwrap();
    store.commit(&batch(&store, "a", 11..=20), at(20)).unwrap();
    drop(store);
    let conn = rusqlite::Connection::open(folder.path()).unwrap();
    conn.execute("UPDATE tail SET octets = x'0102030405' WHERE id = 1", []).unwrap();
    drop(conn);
    assert!(Reader::open(&folder.path()).unwrap().check().is_err());
    drop(folder.open(1 << 30));
    assert_eq!(sequences(&folder.path(), "a", ALL), (11..=20).collect::<Vec<_>>());
    let reader = Reader::open(&folder.path()).unwrap();
    assert_eq!(reader.events(None, ALL).next().unwrap().unwrap().detail["why"], "its checksum is wrong");
}

#[test]
fn a_point_that_is_not_known_lists_near_ones() {
    let folder = Folder::new();
    let mut store = folder.open(1 << 30);
    for id in ["bess.mw", "poi.mw", "inv1.mw"] {
        store.commit(&batch(&store, id, 1..=2), at(2)).unwrap();
    }
    let error = Reader::open(&folder.path()).unwrap().point("bes.mw").unwrap_err().to_string();
    assert!(error.starts_with("there is no history of `bes.mw`; near it: bess.mw"), "{error}");
}
