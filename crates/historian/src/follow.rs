//! Everything after a mark, in the order of origins, for those who send the history on.
//!
//! The store is its own buffer: a sink that was away for a week is given that week out of blocks, one that keeps up
//! is given the chunks of the tail that came since it last asked. Each question is a short read transaction, so
//! that the writer's log never grows on behalf of a slow sink.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};
use telemetry::Origin;

use crate::entry::Entry;
use crate::error::HistoryError;
use crate::event::Logged;
use crate::mark::{self, Mark, origin};
use crate::read::{Recorded, logged};
use crate::{codec, schema, tail};

/// What came after a mark.
#[derive(Debug, Default)]
pub struct Found {
    /// Entries with their points, in the order of their origins.
    pub entries: Vec<(Arc<Recorded>, Entry)>,
    /// With them, whoever asked has everything up to here.
    pub to: Origin,
    /// Whether there is more already.
    pub more: bool,
}

/// Reads on; see the module.
#[derive(Debug)]
pub struct Follower {
    conn: Connection,
    path: PathBuf,
    points: BTreeMap<i64, Arc<Recorded>>,
    /// The last chunk of the tail that was read whole, and up to where that led.
    read: (i64, Origin),
    /// Blocks and chunks that cannot be read, by whether it is a block.
    unreadable: BTreeSet<(bool, i64)>,
}

/// Entries of a range, as they are collected.
struct Collected {
    after: Origin,
    to: Option<Origin>,
    entries: Vec<(i64, Entry)>,
}

impl Collected {
    fn take(&mut self, point: i64, entries: Vec<Entry>) {
        let (after, to) = (self.after, self.to);
        let wanted =
            entries.into_iter().filter(|one| one.origin > after && to.is_none_or(|to| one.origin <= to));
        self.entries.extend(wanted.map(|entry| (point, entry)));
    }
}

impl Follower {
    /// Opens a store to follow it.
    ///
    /// # Errors
    /// Where there is none, or what is there cannot be read.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let conn = schema::read_only(path)?;
        let (points, unreadable) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { conn, path: path.to_owned(), points, read: (0, Origin::default()), unreadable })
    }

    /// What runs in one read transaction.
    fn within<T>(&mut self, run: impl FnOnce(&mut Self) -> rusqlite::Result<T>) -> Result<T, HistoryError> {
        let result = self.conn.execute_batch("BEGIN").and_then(|()| {
            let result = run(self);
            self.conn.execute_batch("COMMIT")?;
            result
        });
        result.map_err(|error| HistoryError::of(&self.path, &error))
    }

    /// Blocks and chunks that could not be read since this was opened: what is in them is nowhere else.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable.len()
    }

    /// The mark that the store has of a sink, and how many entries and events were removed before it had them.
    ///
    /// # Errors
    /// What SQLite tells.
    pub fn mark(&mut self, name: &str) -> Result<Option<(Mark, u64, u64)>, HistoryError> {
        self.within(|own| mark::find(&own.conn, name))
    }

    /// Entries after `after`, about `at_most` of them and never more.
    ///
    /// # Errors
    /// What SQLite tells. What cannot be read is left out, see [`Self::unreadable`].
    pub fn entries(&mut self, after: Origin, at_most: usize) -> Result<Found, HistoryError> {
        self.within(|own| own.collect(after, at_most))
    }

    fn collect(&mut self, after: Origin, at_most: usize) -> rusqlite::Result<Found> {
        // What the packing that ended first holds, is all there is up to its end, with what other packings that began
        // before that end hold of it, and the tail.
        let to = self.next_end(after)?;
        let mut collected = Collected { after, to, entries: Vec::new() };
        if let Some(to) = to {
            self.blocks(to, &mut collected)?;
        }
        let from = if to.is_none() && after >= self.read.1 { self.read.0 } else { 0 };
        let chunk = self.chunks(from, &mut collected)?;
        let mut entries = collected.entries;
        entries.sort_unstable_by_key(|(_, entry)| entry.origin);
        let cut = entries.len() > at_most;
        entries.truncate(at_most);
        let last = entries.last().map_or(after, |(_, entry)| entry.origin);
        let reached = if cut { last } else { to.unwrap_or(last) };
        if to.is_none() && !cut {
            self.read = (chunk, reached);
        }
        let entries = entries.into_iter().map(|(key, entry)| Ok((self.point(key)?, entry)));
        Ok(Found {
            entries: entries.collect::<rusqlite::Result<_>>()?,
            to: reached,
            more: cut || to.is_some(),
        })
    }

    fn next_end(&self, after: Origin) -> rusqlite::Result<Option<Origin>> {
        self.conn
            .prepare_cached(
                "SELECT to_boot, to_sequence FROM pack WHERE (to_boot, to_sequence) > (?1, ?2) \
                 ORDER BY to_boot, to_sequence LIMIT 1",
            )?
            .query_row([after.boot.cast_signed(), after.sequence.cast_signed()], |row| {
                Ok(origin(row.get(0)?, row.get(1)?))
            })
            .optional()
    }

    fn blocks(&mut self, to: Origin, into: &mut Collected) -> rusqlite::Result<()> {
        let mut broken = Vec::new();
        let mut blocks = self.conn.prepare_cached(
            "SELECT block.id, block.point, block.octets FROM pack \
             JOIN block ON block.id BETWEEN pack.first AND pack.last \
             WHERE (to_boot, to_sequence) > (?1, ?2) AND (from_boot, from_sequence) <= (?3, ?4)",
        )?;
        let mut rows = blocks.query(params![
            into.after.boot.cast_signed(),
            into.after.sequence.cast_signed(),
            to.boot.cast_signed(),
            to.sequence.cast_signed()
        ])?;
        while let Some(row) = rows.next()? {
            match codec::unpack(row.get_ref(2)?.as_blob().unwrap_or_default()) {
                Ok(entries) => into.take(row.get(1)?, entries),
                Err(_) => broken.push((true, row.get(0)?)),
            }
        }
        self.unreadable.extend(broken);
        Ok(())
    }

    /// The last chunk that there was.
    fn chunks(&mut self, from: i64, into: &mut Collected) -> rusqlite::Result<i64> {
        let mut broken = Vec::new();
        let mut last = from;
        let mut chunks = self.conn.prepare_cached("SELECT id, octets FROM tail WHERE id > ?1 ORDER BY id")?;
        let mut rows = chunks.query([from])?;
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            match tail::unpack(row.get_ref(1)?.as_blob().unwrap_or_default()) {
                Ok(points) => points.into_iter().for_each(|(key, entries)| into.take(key, entries)),
                Err(_) => broken.push((false, last)),
            }
        }
        self.unreadable.extend(broken);
        Ok(last)
    }

    fn point(&mut self, key: i64) -> rusqlite::Result<Arc<Recorded>> {
        if let Some(point) = self.points.get(&key) {
            return Ok(Arc::clone(point));
        }
        let point = Arc::new(self.conn.query_row(
            "SELECT key, id, kind, unit FROM point WHERE key = ?1",
            [key],
            Recorded::of,
        )?);
        self.points.insert(key, Arc::clone(&point));
        Ok(point)
    }

    /// Events after the one of this sequence, at most so many, in their order.
    ///
    /// # Errors
    /// What SQLite tells.
    pub fn events(&mut self, after: i64, at_most: u32) -> Result<Vec<Logged>, HistoryError> {
        self.within(|own| {
            own.conn
                .prepare_cached(
                    "SELECT sequence, boot, time_ms, kind, subject, detail FROM event WHERE sequence > ?1 \
                     ORDER BY sequence LIMIT ?2",
                )?
                .query_map(params![after, at_most], logged)?
                .collect()
        })
    }

    /// How many entries and events there are after a mark.
    ///
    /// # Errors
    /// What SQLite tells.
    pub fn waiting(&mut self, mark: &Mark) -> Result<(u64, u64), HistoryError> {
        self.within(|own| {
            let after = (mark.entry.boot.cast_signed(), mark.entry.sequence.cast_signed());
            // Packings that lie behind the mark as a whole need not be unpacked.
            let whole: i64 = own.conn.query_row(
                "SELECT coalesce(sum(block.entries), 0) FROM pack \
                 JOIN block ON block.id BETWEEN pack.first AND pack.last \
                 WHERE (from_boot, from_sequence) > (?1, ?2)",
                [after.0, after.1],
                |row| row.get(0),
            )?;
            let mut part = 0_usize;
            let mut blocks = own.conn.prepare_cached(
                "SELECT block.octets FROM pack JOIN block ON block.id BETWEEN pack.first AND pack.last \
                 WHERE (to_boot, to_sequence) > (?1, ?2) AND (from_boot, from_sequence) <= (?1, ?2)",
            )?;
            let mut rows = blocks.query([after.0, after.1])?;
            while let Some(row) = rows.next()? {
                let entries =
                    codec::unpack(row.get_ref(0)?.as_blob().unwrap_or_default()).unwrap_or_default();
                part += entries.iter().filter(|entry| entry.origin > mark.entry).count();
            }
            drop(rows);
            drop(blocks);
            let mut tail = Collected { after: mark.entry, to: None, entries: Vec::new() };
            let from = if mark.entry >= own.read.1 { own.read.0 } else { 0 };
            own.chunks(from, &mut tail)?;
            let events: i64 = own.conn.query_row(
                "SELECT count(*) FROM event WHERE sequence > ?1",
                [mark.event],
                |row| row.get(0),
            )?;
            let entries = whole.cast_unsigned().saturating_add((part + tail.entries.len()) as u64);
            Ok((entries, events.cast_unsigned()))
        })
    }
}

#[cfg(test)]
mod tests;
