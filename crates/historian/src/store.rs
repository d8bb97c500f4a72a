//! The writing side of the store.
//!
//! A sample must be on the disk soon and in few octets, and the two do not go together: a block is small only when it
//! holds many entries. So entries go to the tail first, a chunk for each commit; when there are enough of them, those
//! of each point become a block, in one transaction with their leaving the tail. Whatever kills the program, an entry
//! that was committed is in exactly one of the two.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, Transaction, params};
use telemetry::{Now, Origin, PointId, Unit, Wall};

use crate::codec::{self, ENTRIES_MAX};
use crate::entry::Entry;
use crate::error::HistoryError;
use crate::event::{Event, EventKind};
use crate::mark::{self, Mark, Span};
use crate::present::Present;
use crate::{retention, schema, tail};

/// Entries of the tail, beyond those it was left with, that make it be packed.
const PACK_AT: usize = 65_536;
/// Entries that a point's block should have: fewer cost octets (measured: 2.8 an entry at 128, 1.6 at 512).
const BLOCK_MIN: usize = 512;
/// Entries left in the tail at most; where more would be, smaller blocks are made of them.
const LEFT_MAX: usize = 262_144;
/// How often what is too old is looked for.
const TRIM_EVERY: u64 = 600_000;

/// Where history is kept, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The database file.
    pub path: PathBuf,
    /// What is older is removed.
    pub retention: Duration,
    /// Where the file holds more octets, the oldest history is removed.
    pub octets_max: u64,
}

/// What does not change about a point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointInfo {
    /// Its id.
    pub id: PointId,
    /// `analog_input`, `binary_input` and so on.
    pub kind: &'static str,
    /// Of its values; `None` for states.
    pub unit: Option<Unit>,
}

/// What is written in one commit.
#[derive(Debug, Default)]
pub struct Batch {
    /// Entries by point, in their order.
    pub entries: Vec<(PointInfo, Entry)>,
    /// Events in their order.
    pub events: Vec<Event>,
    /// How far those who read on have come, by their names.
    pub marks: BTreeMap<String, Mark>,
}

impl Batch {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.events.is_empty() && self.marks.is_empty()
    }
}

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Entries written.
    pub entries: u64,
    /// Entries that were there already, or older than the point's last: not written again.
    pub repeated: u64,
    /// The number of the last event written; 0 where there was none.
    pub event: i64,
}

/// See the module.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
    settings: Settings,
    boot: u64,
    keys: HashMap<PointId, i64>,
    /// Sequence of each point's last entry of this boot.
    last: HashMap<i64, u64>,
    /// What is in the tail, by point.
    tail: BTreeMap<i64, Vec<Entry>>,
    entries_in_tail: usize,
    pack_at: usize,
    /// How many entries more than are left make the tail be packed.
    pack_every: usize,
    trimmed: Option<Wall>,
    /// What is older than the retention is removed only while the clock is confirmed.
    present: Present,
    full_sync: bool,
    /// The right to write; given back after the connection is closed.
    _lock: File,
}

impl Store {
    /// Keeps history so long, and so many octets of it, from now on; what is too much goes with the next commit.
    pub fn limits(&mut self, retention: Duration, octets_max: u64) {
        (self.settings.retention, self.settings.octets_max) = (retention, octets_max);
        self.trimmed = None;
    }

    /// Opens the store or begins a new one, and begins a boot in it, with a number that none had before: `wall` in
    /// seconds where that is new. What the last boot left in the tail is taken up again.
    ///
    /// # Errors
    /// Where the file is not ours, damaged, written by another program, or cannot be written.
    pub fn open(settings: Settings, wall: Wall) -> Result<Self, HistoryError> {
        let (conn, lock) = schema::prepare(&settings.path)?;
        let mut store = Self {
            conn,
            settings,
            boot: 0,
            keys: HashMap::new(),
            last: HashMap::new(),
            tail: BTreeMap::new(),
            entries_in_tail: 0,
            pack_at: PACK_AT,
            pack_every: PACK_AT,
            trimmed: None,
            present: Present::default(),
            full_sync: false,
            _lock: lock,
        };
        store.begin(wall).map_err(|error| store.told(&error))?;
        Ok(store)
    }

    fn begin(&mut self, wall: Wall) -> rusqlite::Result<()> {
        self.synchronous(true)?;
        for row in self
            .conn
            .prepare("SELECT id, key FROM point")?
            .query_map([], |row| Ok((PointId::from(row.get::<_, String>(0)?), row.get::<_, i64>(1)?)))?
        {
            let (id, key) = row?;
            self.keys.insert(id, key);
        }
        let mut broken = Vec::new();
        for row in self
            .conn
            .prepare("SELECT id, octets FROM tail ORDER BY id")?
            .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?
        {
            let (id, octets) = row?;
            match tail::unpack(&octets) {
                Ok(points) => points.into_iter().for_each(|(key, entries)| {
                    self.entries_in_tail += entries.len();
                    self.tail.entry(key).or_default().extend(entries);
                }),
                Err(why) => broken.push((id, why)),
            }
        }
        let now = millis(wall);
        let changes = self.conn.transaction()?;
        let last: Option<i64> = changes.query_row("SELECT max(boot) FROM boot", [], |row| row.get(0))?;
        let boot = last.map_or(0, |last| last.saturating_add(1)).max(now / 1_000);
        changes.execute("INSERT INTO boot VALUES (?1, ?2)", params![boot, now])?;
        self.boot = boot.cast_unsigned();
        for (id, why) in broken {
            changes.execute("DELETE FROM tail WHERE id = ?1", [id])?;
            let detail =
                serde_json::json!({ "what": "a chunk could not be read and was left out", "why": why.0 });
            insert_event(&changes, &own_event(self.boot, wall, detail))?;
        }
        mark::index(&changes)?;
        changes.commit()
    }

    /// How far the reader of this name has come; one that is new begins with all that there is.
    ///
    /// # Errors
    /// What SQLite tells.
    pub fn sink(&mut self, name: &str) -> Result<Mark, HistoryError> {
        mark::of(&self.conn, name).map_err(|error| self.told(&error))
    }

    /// The number of this boot.
    #[must_use]
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.settings.path
    }

    /// Tells it the time, so that it may know whether the wall clock is right: nothing is removed for its age before it
    /// is confirmed, by its trust or by six hours without a step.
    pub fn see(&mut self, now: Now) {
        self.present.see(now);
    }

    fn told(&self, error: &rusqlite::Error) -> HistoryError {
        HistoryError::of(&self.settings.path, error)
    }

    fn synchronous(&mut self, full: bool) -> rusqlite::Result<()> {
        if self.full_sync != full {
            self.conn.pragma_update(None, "synchronous", if full { "FULL" } else { "NORMAL" })?;
            self.full_sync = full;
        }
        Ok(())
    }

    /// Writes a batch, whole or not at all. With an audit event in it, it is on the disk when this returns; without,
    /// it survives the end of the program, and a power cut may take the last seconds.
    ///
    /// # Errors
    /// Where it could not be written; nothing of it was.
    pub fn commit(&mut self, batch: &Batch, now: Wall) -> Result<Committed, HistoryError> {
        let committed = self.write(batch).map_err(|error| self.told(&error))?;
        // Neither is owed to anybody: what fails here for want of room is tried again with the next commit.
        drop(self.pack_where_due());
        if self.trimmed.is_none_or(|last| now.as_millis().abs_diff(last.as_millis()) >= TRIM_EVERY) {
            self.trimmed = Some(now);
            drop(self.trim(now));
        }
        Ok(committed)
    }

    fn write(&mut self, batch: &Batch) -> rusqlite::Result<Committed> {
        let audit = batch.events.iter().any(|event| event.kind.is_audit());
        self.synchronous(audit)?;
        let mut committed = Committed::default();
        let mut new_keys = HashMap::new();
        let mut last: HashMap<i64, u64> = HashMap::new();
        let mut points: BTreeMap<i64, Vec<Entry>> = BTreeMap::new();
        let changes = self.conn.transaction()?;
        for (info, entry) in &batch.entries {
            let key = match self.keys.get(&info.id).or_else(|| new_keys.get(&info.id)) {
                Some(key) => *key,
                None => {
                    let unit = info.unit.map(|unit| unit.to_string());
                    changes.execute(
                        "INSERT INTO point (id, kind, unit) VALUES (?1, ?2, ?3)",
                        params![info.id.as_str(), info.kind, unit],
                    )?;
                    let key = changes.last_insert_rowid();
                    new_keys.insert(info.id.clone(), key);
                    key
                }
            };
            let Origin { boot, sequence } = entry.origin;
            let before = last.get(&key).or_else(|| self.last.get(&key));
            if boot != self.boot || before.is_some_and(|before| sequence <= *before) {
                committed.repeated += 1;
                continue;
            }
            last.insert(key, sequence);
            points.entry(key).or_default().push(entry.clone());
            committed.entries += 1;
        }
        if !points.is_empty() {
            insert_chunk(&changes, &points)?;
        }
        for event in &batch.events {
            committed.event = insert_event(&changes, event)?;
        }
        for (name, mark) in &batch.marks {
            mark::put(&changes, name, mark)?;
        }
        changes.commit()?;
        self.keys.extend(new_keys);
        self.last.extend(last);
        for (key, entries) in points {
            self.entries_in_tail += entries.len();
            self.tail.entry(key).or_default().extend(entries);
        }
        Ok(committed)
    }

    fn pack_where_due(&mut self) -> rusqlite::Result<()> {
        if self.entries_in_tail < self.pack_at {
            return Ok(());
        }
        let mut least = BLOCK_MIN.min(self.pack_every);
        let left = |least: usize, tail: &BTreeMap<i64, Vec<Entry>>| -> usize {
            tail.values().map(Vec::len).filter(|length| *length < least).sum()
        };
        while least > 1 && left(least, &self.tail) > LEFT_MAX.min(self.pack_every.saturating_mul(4)) {
            least /= 4;
        }
        self.synchronous(false)?;
        let changes = self.conn.transaction()?;
        changes.execute("DELETE FROM tail", [])?;
        let mut staying = BTreeMap::new();
        let mut span = Span::default();
        for (key, entries) in &self.tail {
            if entries.len() < least {
                staying.insert(*key, entries.clone());
                continue;
            }
            for block in entries.chunks(ENTRIES_MAX) {
                let times = block.iter().map(|entry| millis(entry.time));
                let (from, to) = (times.clone().min(), times.max());
                changes.prepare_cached("INSERT INTO block (point, from_ms, to_ms, entries, octets) VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(params![key, from, to, i64::try_from(block.len()).unwrap_or(0), codec::pack(block)])?;
                span.take(changes.last_insert_rowid(), block);
            }
        }
        mark::put_span(&changes, &span)?;
        if !staying.is_empty() {
            insert_chunk(&changes, &staying)?;
        }
        changes.commit()?;
        self.entries_in_tail = staying.values().map(Vec::len).sum();
        self.pack_at = self.entries_in_tail.saturating_mul(2).saturating_add(self.pack_every);
        self.tail = staying;
        Ok(())
    }

    /// Removes what is too old or too much.
    fn trim(&mut self, now: Wall) -> rusqlite::Result<()> {
        let before = millis(now)
            .saturating_sub(i64::try_from(self.settings.retention.as_millis()).unwrap_or(i64::MAX));
        self.synchronous(false)?;
        let changes = self.conn.transaction()?;
        if self.present.is_confirmed() {
            retention::by_age(&changes, before)?;
        }
        let removed = retention::by_octets(&changes, self.settings.octets_max)?;
        if removed.blocks + removed.events > 0 {
            let detail = serde_json::json!({
                "what": "the oldest history was removed, the store has reached its size",
                "blocks": removed.blocks, "events": removed.events, "octets_max": self.settings.octets_max,
            });
            insert_event(&changes, &own_event(self.boot, now, detail))?;
        }
        changes.commit()?;
        retention::give_back(&self.conn)
    }

    /// An event of the store itself.
    pub(crate) fn own(&self, time: Wall, detail: serde_json::Value) -> Event {
        own_event(self.boot, time, detail)
    }

    /// As on a small store or disk: packs after so many entries.
    #[doc(hidden)]
    pub fn pack_every(&mut self, entries: usize) {
        (self.pack_every, self.pack_at) = (entries, entries);
    }

    /// As on a small disk: the file cannot grow beyond so many pages.
    #[doc(hidden)]
    pub fn pages_max(&self, pages: u32) {
        // Where it fails the test that asked for it does.
        drop(self.conn.pragma_update(None, "max_page_count", pages));
    }
}

fn own_event(boot: u64, time: Wall, detail: serde_json::Value) -> Event {
    Event { boot, time, kind: EventKind::History, subject: String::new(), detail }
}

fn insert_chunk(changes: &Transaction<'_>, points: &BTreeMap<i64, Vec<Entry>>) -> rusqlite::Result<()> {
    for octets in tail::pack(points) {
        changes.prepare_cached("INSERT INTO tail (octets) VALUES (?1)")?.execute([octets])?;
    }
    Ok(())
}

fn insert_event(changes: &Transaction<'_>, event: &Event) -> rusqlite::Result<i64> {
    changes
        .prepare_cached(
            "INSERT INTO event (boot, time_ms, kind, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            event.boot.cast_signed(),
            millis(event.time),
            event.kind.text(),
            event.subject,
            event.detail.to_string()
        ])?;
    Ok(changes.last_insert_rowid())
}

/// As SQLite keeps it.
pub(crate) fn millis(time: Wall) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
