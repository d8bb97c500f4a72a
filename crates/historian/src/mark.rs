//! How far those who send the history on have come, and where in the store what is after a mark can be found.
//!
//! Entries are committed in the order of their origins: a later commit never holds an earlier origin. So one origin
//! says what a sink has: everything up to it. Blocks are made by point, though, and so a table tells of each packing
//! of the tail which origins its blocks hold; a reader looks into those that can hold what it wants and no others.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use telemetry::Origin;

use crate::codec;
use crate::entry::Entry;

/// Blocks that one row tells of, where a store of an older version is brought up to date.
const BLOCKS_AT_ONCE: usize = 128;

/// How far a sink has come: it has everything up to here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Of the entries.
    pub entry: Origin,
    /// Of the events: the sequence of the last one.
    pub event: i64,
    /// What the sink itself calls this place; 0 where it has no name for it.
    pub remote: u64,
}

pub(crate) fn origin(boot: i64, sequence: i64) -> Origin {
    Origin { boot: boot.cast_unsigned(), sequence: sequence.cast_unsigned() }
}

/// The mark of a sink that is already known; and how many entries and events went before it had them.
pub(crate) fn find(conn: &Connection, name: &str) -> rusqlite::Result<Option<(Mark, u64, u64)>> {
    let known = |row: &Row<'_>| {
        let mark = Mark {
            entry: origin(row.get(0)?, row.get(1)?),
            event: row.get(2)?,
            remote: row.get::<_, i64>(3)?.cast_unsigned(),
        };
        Ok((mark, row.get::<_, i64>(4)?.cast_unsigned(), row.get::<_, i64>(5)?.cast_unsigned()))
    };
    conn.query_row(
        "SELECT boot, sequence, event, remote, lost_entries, lost_events FROM sink WHERE name = ?1",
        [name],
        known,
    )
    .optional()
}

/// The mark of a sink, which is made where it is new.
pub(crate) fn of(conn: &Connection, name: &str) -> rusqlite::Result<Mark> {
    conn.execute("INSERT OR IGNORE INTO sink VALUES (?1, 0, 0, 0, 0, 0, 0)", [name])?;
    Ok(find(conn, name)?.map(|(mark, ..)| mark).unwrap_or_default())
}

pub(crate) fn put(changes: &Transaction<'_>, name: &str, mark: &Mark) -> rusqlite::Result<()> {
    changes
        .prepare_cached("UPDATE sink SET boot = ?2, sequence = ?3, event = ?4, remote = ?5 WHERE name = ?1")?
        .execute(params![
            name,
            mark.entry.boot.cast_signed(),
            mark.entry.sequence.cast_signed(),
            mark.event,
            mark.remote.cast_signed()
        ])?;
    Ok(())
}

/// The origins that some blocks hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    blocks: Option<(i64, i64)>,
    origins: Option<(Origin, Origin)>,
}

impl Span {
    /// Takes a block in.
    pub(crate) fn take(&mut self, block: i64, entries: &[Entry]) {
        self.blocks = Some((self.blocks.map_or(block, |(first, _)| first), block));
        let origins = entries.iter().map(|entry| entry.origin);
        if let (Some(least), Some(most)) = (origins.clone().min(), origins.max()) {
            let (from, to) = self.origins.unwrap_or((least, most));
            self.origins = Some((from.min(least), to.max(most)));
        }
    }
}

pub(crate) fn put_span(changes: &Transaction<'_>, span: &Span) -> rusqlite::Result<()> {
    let Some((first, last)) = span.blocks else { return Ok(()) };
    let (from, to) = span.origins.unwrap_or_default();
    changes.prepare_cached("INSERT INTO pack VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(params![
        first,
        last,
        from.boot.cast_signed(),
        from.sequence.cast_signed(),
        to.boot.cast_signed(),
        to.sequence.cast_signed()
    ])?;
    Ok(())
}

/// Tells of the blocks that no row tells of: a version that knew of none wrote them.
pub(crate) fn index(changes: &Transaction<'_>) -> rusqlite::Result<()> {
    let known: Option<i64> = changes.query_row("SELECT max(last) FROM pack", [], |row| row.get(0))?;
    let mut blocks = changes.prepare("SELECT id, octets FROM block WHERE id > ?1 ORDER BY id")?;
    let mut rows = blocks.query([known.unwrap_or(0)])?;
    let (mut span, mut count) = (Span::default(), 0);
    while let Some(row) = rows.next()? {
        // One that cannot be read holds nothing that could be sent.
        span.take(
            row.get(0)?,
            &codec::unpack(row.get_ref(1)?.as_blob().unwrap_or_default()).unwrap_or_default(),
        );
        count += 1;
        if count == BLOCKS_AT_ONCE {
            put_span(changes, &span)?;
            (span, count) = (Span::default(), 0);
        }
    }
    put_span(changes, &span)
}

/// Counts, for each sink, the entries that it does not have of the blocks that are about to be removed.
pub(crate) fn count_lost_blocks(changes: &Transaction<'_>, which: &str) -> rusqlite::Result<()> {
    for (name, mark) in sinks(changes)? {
        let mut lost = 0_usize;
        let mut blocks = changes.prepare(&format!(
            "SELECT octets FROM block JOIN pack ON id BETWEEN first AND last \
             WHERE (to_boot, to_sequence) > (?1, ?2) AND {which}"
        ))?;
        let (boot, sequence) = (mark.entry.boot.cast_signed(), mark.entry.sequence.cast_signed());
        let mut rows = blocks.query([boot, sequence])?;
        while let Some(row) = rows.next()? {
            let entries = codec::unpack(row.get_ref(0)?.as_blob().unwrap_or_default()).unwrap_or_default();
            lost += entries.iter().filter(|entry| entry.origin > mark.entry).count();
        }
        if lost > 0 {
            let lost = i64::try_from(lost).unwrap_or(i64::MAX);
            changes.execute(
                "UPDATE sink SET lost_entries = lost_entries + ?2 WHERE name = ?1",
                params![name, lost],
            )?;
        }
    }
    Ok(())
}

/// As [`count_lost_blocks`], of events.
pub(crate) fn count_lost_events(changes: &Transaction<'_>, which: &str) -> rusqlite::Result<()> {
    changes.execute(
        &format!(
            "UPDATE sink SET lost_events = lost_events + (SELECT count(*) FROM event AS gone \
             WHERE gone.sequence > sink.event AND gone.sequence IN (SELECT sequence FROM event WHERE {which}))"
        ),
        [],
    )?;
    Ok(())
}

fn sinks(conn: &Connection) -> rusqlite::Result<Vec<(String, Mark)>> {
    let names: Vec<String> =
        conn.prepare("SELECT name FROM sink")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let marked = names.into_iter().map(|name| Ok((find(conn, &name)?, name)));
    let marked: Vec<_> = marked.collect::<rusqlite::Result<_>>()?;
    Ok(marked.into_iter().filter_map(|(found, name)| Some((name, found?.0))).collect())
}
