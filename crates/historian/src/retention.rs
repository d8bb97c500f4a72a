//! What is removed: history that is too old, and the oldest where there is too much.

use rusqlite::{Connection, Transaction};

use crate::mark;
use crate::schema::pragma;

/// What went for want of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) blocks: usize,
    pub(crate) events: usize,
}

/// Removes what ended before `before`.
pub(crate) fn by_age(changes: &Transaction<'_>, before: i64) -> rusqlite::Result<()> {
    // A number: there is nothing in it to escape.
    remove_blocks(changes, &format!("to_ms < {before}"))?;
    remove_events(changes, &format!("time_ms < {before}"))?;
    Ok(())
}

/// Removes the oldest until the file holds less than `octets_max`: values first, then events, audit at the very last.
pub(crate) fn by_octets(changes: &Transaction<'_>, octets_max: u64) -> rusqlite::Result<Removed> {
    let mut removed = Removed::default();
    if used(changes)? <= octets_max {
        return Ok(removed);
    }
    // Somewhat more than must be, or each commit would come here.
    let wanted = octets_max / 20 * 19;
    let blocks = "id IN (SELECT id FROM block ORDER BY id LIMIT 1 + (SELECT count(*) FROM block) / 20)";
    let events = "sequence IN (SELECT sequence FROM event WHERE kind NOT IN ('command', 'configuration') \
                  ORDER BY sequence LIMIT 1000)";
    let audits = "sequence IN (SELECT sequence FROM event ORDER BY sequence LIMIT 1000)";
    for (which, is_blocks) in [(blocks, true), (events, false), (audits, false)] {
        while used(changes)? > wanted {
            let gone =
                if is_blocks { remove_blocks(changes, which)? } else { remove_events(changes, which)? };
            if is_blocks {
                removed.blocks += gone;
            } else {
                removed.events += gone;
            }
            if gone == 0 {
                break;
            }
        }
    }
    Ok(removed)
}

fn remove_blocks(changes: &Transaction<'_>, which: &str) -> rusqlite::Result<usize> {
    mark::count_lost_blocks(changes, which)?;
    let gone = changes.execute(&format!("DELETE FROM block WHERE {which}"), [])?;
    if gone > 0 {
        changes.execute(
            "DELETE FROM pack WHERE NOT EXISTS (SELECT 1 FROM block WHERE id BETWEEN first AND last)",
            [],
        )?;
    }
    Ok(gone)
}

fn remove_events(changes: &Transaction<'_>, which: &str) -> rusqlite::Result<usize> {
    mark::count_lost_events(changes, which)?;
    changes.execute(&format!("DELETE FROM event WHERE {which}"), [])
}

/// Octets of the file that hold something.
pub(crate) fn used(conn: &Connection) -> rusqlite::Result<u64> {
    let pages = pragma(conn, "page_count")?.saturating_sub(pragma(conn, "freelist_count")?);
    Ok(u64::try_from(pages.saturating_mul(pragma(conn, "page_size")?)).unwrap_or(0))
}

/// Gives free pages back to the disk.
pub(crate) fn give_back(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch("PRAGMA incremental_vacuum")
}
