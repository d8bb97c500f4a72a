//! The reading side: a picture of the store as it was when it was opened, whether the device runs or not.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, params};
use telemetry::Wall;

use crate::entry::Entry;
use crate::error::HistoryError;
use crate::event::{EventKind, Logged};
use crate::octets::Broken;
use crate::store::millis;
use crate::{codec, schema, tail};

/// Events fetched at once.
const EVENTS_AT_ONCE: i64 = 256;

/// A point of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    key: i64,
    /// Its id.
    pub id: String,
    /// `analog_input`, `binary_input` and so on.
    pub kind: String,
    /// Of its values; `None` for states.
    pub unit: Option<String>,
}

impl Recorded {
    /// A row of the points.
    pub(crate) fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { key: row.get(0)?, id: row.get(1)?, kind: row.get(2)?, unit: row.get(3)? })
    }
}

/// From when to when, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The earliest.
    pub from: Wall,
    /// The latest.
    pub to: Wall,
}

impl Range {
    /// Whether `time` lies in it.
    #[must_use]
    pub fn holds(&self, time: Wall) -> bool {
        (self.from..=self.to).contains(&time)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens a store to read from it. What is written from here on is not seen.
    ///
    /// # Errors
    /// Where there is none, or what is there cannot be read.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let conn = schema::read_only(path)?;
        // One picture: between two questions, entries move from the tail to blocks.
        let begun = conn
            .execute_batch("BEGIN")
            .and_then(|()| conn.query_row("SELECT count(*) FROM boot", [], |row| row.get::<_, i64>(0)));
        begun.map_err(|error| HistoryError::of(path, &error))?;
        Ok(Self { conn, path: path.to_owned() })
    }

    fn told(&self, error: &rusqlite::Error) -> HistoryError {
        HistoryError::of(&self.path, error)
    }

    fn broken(&self, block: i64, why: Broken) -> HistoryError {
        HistoryError::Block { path: self.path.clone(), block, why: why.0 }
    }

    /// Every point that was ever recorded, by id.
    ///
    /// # Errors
    /// What SQLite tells.
    pub fn points(&self) -> Result<Vec<Recorded>, HistoryError> {
        let all = || {
            let mut rows = self.conn.prepare("SELECT key, id, kind, unit FROM point ORDER BY id")?;
            let rows = rows.query_map([], Recorded::of)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        all().map_err(|error| self.told(&error))
    }

    /// A point by its id.
    ///
    /// # Errors
    /// [`HistoryError::NoPoint`] with those that are spelt nearly so.
    pub fn point(&self, id: &str) -> Result<Recorded, HistoryError> {
        let all = self.points()?;
        if let Some(found) = all.iter().find(|point| point.id == id) {
            return Ok(found.clone());
        }
        let near = match all.as_slice() {
            [] => ": nothing was recorded yet".to_owned(),
            all => telemetry::near_in_words(all.iter().map(|point| point.id.as_str()), id),
        };
        Err(HistoryError::NoPoint { point: id.to_owned(), near })
    }

    /// A point's entries within `range`, in the order in which they came; a block of them is in memory at a time.
    #[must_use]
    pub fn entries<'a>(&'a self, point: &Recorded, range: Range) -> Entries<'a> {
        Entries { reader: self, key: point.key, range, block: 0, tail: None, ready: Vec::new().into_iter() }
    }

    /// A point's last entry that came before `range` begins; what held when it began.
    ///
    /// # Errors
    /// A block that cannot be read.
    pub fn before(&self, point: &Recorded, from: Wall) -> Result<Option<Entry>, HistoryError> {
        let to = Wall::from_millis(from.as_millis().saturating_sub(1));
        let earlier = Range { from: Wall::from_millis(0), to };
        let mut entries = self.entries(point, earlier);
        entries.block = self.block_before(point, to)?;
        entries.try_fold(None, |_, entry| entry.map(Some))
    }

    /// A point's entries in the order in which they came, from one on that is no later than what held at `from`, and
    /// whatever their times: a clock that was set leaves none of them out.
    ///
    /// # Errors
    /// What SQLite tells.
    pub fn since(&self, point: &Recorded, from: Wall) -> Result<Entries<'_>, HistoryError> {
        let everything = Range { from: Wall::from_millis(0), to: Wall::from_millis(u64::MAX) };
        let mut entries = self.entries(point, everything);
        entries.block = self.block_before(point, Wall::from_millis(from.as_millis().saturating_sub(1)))?;
        Ok(entries)
    }

    /// What stands before a point's last block that begins no later than `to`.
    fn block_before(&self, point: &Recorded, to: Wall) -> Result<i64, HistoryError> {
        let block = self.conn.query_row(
            "SELECT max(id) FROM block WHERE point = ?1 AND from_ms <= ?2",
            params![point.key, millis(to)],
            |row| row.get::<_, Option<i64>>(0),
        );
        Ok(block.map_err(|error| self.told(&error))?.map_or(0, |block| block - 1))
    }

    /// Events within `range`, of one subject or of all, in their order.
    #[must_use]
    pub fn events<'a>(&'a self, subject: Option<&'a str>, range: Range) -> Events<'a> {
        Events { reader: self, subject, range, after: 0, ready: Vec::new().into_iter() }
    }

    /// The last event of a kind.
    ///
    /// # Errors
    /// What SQLite tells.
    pub fn last_event(&self, kind: EventKind) -> Result<Option<Logged>, HistoryError> {
        self.conn
            .query_row(
                "SELECT sequence, boot, time_ms, kind, subject, detail FROM event WHERE kind = ?1 \
                 ORDER BY sequence DESC LIMIT 1",
                [kind.text()],
                logged,
            )
            .optional()
            .map_err(|error| self.told(&error))
    }

    /// Looks at everything: SQLite's own check, and every block. The number of entries.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<u64, HistoryError> {
        let told: String = self
            .conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .map_err(|error| self.told(&error))?;
        if told != "ok" {
            return Err(HistoryError::Damaged { path: self.path.clone(), why: told });
        }
        let everything = Range { from: Wall::from_millis(0), to: Wall::from_millis(u64::MAX) };
        let mut entries = 0;
        for point in self.points()? {
            for entry in self.entries(&point, everything) {
                entry?;
                entries += 1;
            }
        }
        Ok(entries)
    }

    /// Octets of the file that hold something.
    ///
    /// # Errors
    /// What SQLite tells.
    pub fn octets(&self) -> Result<u64, HistoryError> {
        crate::retention::used(&self.conn).map_err(|error| self.told(&error))
    }

    fn next_block(&self, key: i64, after: i64, range: Range) -> Result<Option<(i64, Vec<u8>)>, HistoryError> {
        self.conn
            .prepare_cached(
                "SELECT id, octets FROM block WHERE point = ?1 AND id > ?2 AND to_ms >= ?3 AND from_ms <= ?4 \
                 ORDER BY id LIMIT 1",
            )
            .and_then(|mut next| {
                next.query_row(params![key, after, millis(range.from), millis(range.to)], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
            })
            .map_err(|error| self.told(&error))
    }

    fn next_chunk(&self, after: i64) -> Result<Option<(i64, Vec<u8>)>, HistoryError> {
        self.conn
            .prepare_cached("SELECT id, octets FROM tail WHERE id > ?1 ORDER BY id LIMIT 1")
            .and_then(|mut next| next.query_row([after], |row| Ok((row.get(0)?, row.get(1)?))).optional())
            .map_err(|error| self.told(&error))
    }
}

/// The entries of a point; see [`Reader::entries`].
#[derive(Debug)]
pub struct Entries<'a> {
    reader: &'a Reader,
    key: i64,
    range: Range,
    /// The last block that was read.
    block: i64,
    /// The last chunk of the tail that was read; `None` while there are blocks.
    tail: Option<i64>,
    ready: std::vec::IntoIter<Entry>,
}

impl Entries<'_> {
    /// The next entries, in range or not; `None` at the end.
    fn more(&mut self) -> Result<Option<Vec<Entry>>, HistoryError> {
        if self.tail.is_none() {
            if let Some((id, octets)) = self.reader.next_block(self.key, self.block, self.range)? {
                self.block = id;
                return codec::unpack(&octets).map(Some).map_err(|why| self.reader.broken(id, why));
            }
            self.tail = Some(0);
        }
        let Some((id, octets)) = self.reader.next_chunk(self.tail.unwrap_or(0))? else { return Ok(None) };
        self.tail = Some(id);
        let broken = |why| self.reader.broken(id, why);
        let mut entries = Vec::new();
        for (key, packed) in tail::parts(&octets).map_err(broken)? {
            if key == self.key {
                entries.extend(codec::unpack(packed).map_err(broken)?);
            }
        }
        Ok(Some(entries))
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let range = self.range;
            if let Some(entry) = self.ready.find(|entry| range.holds(entry.time)) {
                return Some(Ok(entry));
            }
            match self.more() {
                Ok(Some(entries)) => self.ready = entries.into_iter(),
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Events; see [`Reader::events`].
#[derive(Debug)]
pub struct Events<'a> {
    reader: &'a Reader,
    subject: Option<&'a str>,
    range: Range,
    after: i64,
    ready: std::vec::IntoIter<Logged>,
}

impl Events<'_> {
    fn more(&self) -> rusqlite::Result<Vec<Logged>> {
        let mut rows = self.reader.conn.prepare_cached(
            "SELECT sequence, boot, time_ms, kind, subject, detail FROM event WHERE sequence > ?1 \
             AND time_ms BETWEEN ?2 AND ?3 AND (?4 IS NULL OR subject = ?4) ORDER BY sequence LIMIT ?5",
        )?;
        let (from, to) = (millis(self.range.from), millis(self.range.to));
        let rows = rows.query_map(params![self.after, from, to, self.subject, EVENTS_AT_ONCE], logged)?;
        rows.collect()
    }
}

/// A row of the log.
pub(crate) fn logged(row: &rusqlite::Row<'_>) -> rusqlite::Result<Logged> {
    let detail: String = row.get(5)?;
    Ok(Logged {
        sequence: row.get(0)?,
        boot: row.get::<_, i64>(1)?.cast_unsigned(),
        time: Wall::from_millis(u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0)),
        kind: row.get(3)?,
        subject: row.get(4)?,
        detail: serde_json::from_str(&detail).unwrap_or(serde_json::Value::String(detail)),
    })
}

impl Iterator for Events<'_> {
    type Item = Result<Logged, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(event) = self.ready.next() {
            return Some(Ok(event));
        }
        match self.more() {
            Ok(events) => {
                self.after = events.last()?.sequence;
                self.ready = events.into_iter();
                self.ready.next().map(Ok)
            }
            Err(error) => Some(Err(self.reader.told(&error))),
        }
    }
}
