//! The database file: what makes it ours, its tables, and how an older one becomes one of today.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::path::Path;

use rusqlite::Connection;

use crate::error::HistoryError;

/// `ORTD`, in the header of the file.
const APPLICATION: i64 = 0x4f52_5444;
/// The first octets of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What the name of the file ends with that says who writes a store.
const LOCK_END: &str = ".lock";

/// What makes a file of schema N one of schema N + 1, from nothing on. Only ever added to.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE boot (boot INTEGER PRIMARY KEY, started_ms INTEGER NOT NULL);
    CREATE TABLE point (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, unit TEXT);
    CREATE TABLE block (
        id INTEGER PRIMARY KEY AUTOINCREMENT, point INTEGER NOT NULL REFERENCES point (key),
        from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, entries INTEGER NOT NULL, octets BLOB NOT NULL
    );
    CREATE INDEX block_of_point ON block (point, id);
    CREATE TABLE tail (id INTEGER PRIMARY KEY AUTOINCREMENT, octets BLOB NOT NULL);
    CREATE TABLE event (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, boot INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        kind TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL
    );
", "
    CREATE TABLE pack (
        first INTEGER PRIMARY KEY, last INTEGER NOT NULL, from_boot INTEGER NOT NULL, from_sequence INTEGER NOT NULL,
        to_boot INTEGER NOT NULL, to_sequence INTEGER NOT NULL
    );
    CREATE TABLE sink (
        name TEXT PRIMARY KEY, boot INTEGER NOT NULL, sequence INTEGER NOT NULL, event INTEGER NOT NULL,
        remote INTEGER NOT NULL, lost_entries INTEGER NOT NULL, lost_events INTEGER NOT NULL
    );
"];

/// The schema that this version writes.
fn latest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Refuses what is plainly no database, without opening it as one.
fn look(path: &Path) -> Result<(), HistoryError> {
    let other = |error: std::io::Error| HistoryError::Other { path: path.to_owned(), why: error.to_string() };
    let mut head = Vec::new();
    File::open(path).map_err(other)?.take(16).read_to_end(&mut head).map_err(other)?;
    if head.is_empty() || head == MAGIC {
        return Ok(());
    }
    Err(HistoryError::Foreign { path: path.to_owned(), found: "is no database" })
}

/// The number that a pragma tells.
pub(crate) fn pragma(conn: &Connection, name: &str) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, name, |row| row.get(0))
}

/// The schema of a database, where it is ours; 0 where nothing was ever written to it.
fn schema(conn: &Connection, path: &Path) -> Result<i64, HistoryError> {
    let of = |error: rusqlite::Error| HistoryError::of(path, &error);
    let tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(of)?;
    let (application, found) =
        (pragma(conn, "application_id").map_err(of)?, pragma(conn, "user_version").map_err(of)?);
    if application != APPLICATION {
        if tables == 0 && application == 0 && found == 0 {
            return Ok(0);
        }
        return Err(HistoryError::Foreign {
            path: path.to_owned(),
            found: "is a database of something else",
        });
    }
    if found > latest() {
        return Err(HistoryError::Newer { path: path.to_owned(), found, known: latest() });
    }
    Ok(found)
}

/// The right to write a store, until it is dropped: two devices that both record into one would take each other's
/// numbers, and what they send on would be left out. The system gives it back when a program is killed.
///
/// The lock is on a file beside the store: a second handle of the store itself would, when it is closed, take SQLite's
/// own locks away.
fn lock(path: &Path) -> Result<File, HistoryError> {
    let other = |error: std::io::Error| HistoryError::Other { path: path.to_owned(), why: error.to_string() };
    let mut beside = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
    beside.push(LOCK_END);
    let file = private().write(true).create(true).truncate(false).open(beside).map_err(other)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HistoryError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(other(error)),
    }
}

/// How files are made that their owner alone may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

/// Makes a database ready to be written, or refuses it as it is. With it comes the right to write it.
pub(crate) fn prepare(path: &Path) -> Result<(Connection, File), HistoryError> {
    let of = |error: rusqlite::Error| HistoryError::of(path, &error);
    if path.exists() {
        look(path)?;
    }
    let lock = lock(path)?;
    if !path.exists() {
        // What SQLite makes beside it has the same mode.
        let made = private().write(true).create_new(true).open(path);
        drop(made.map_err(|error| HistoryError::Other { path: path.to_owned(), why: error.to_string() })?);
    }
    let mut conn = Connection::open(path).map_err(of)?;
    let found = schema(&conn, path)?;
    if found == 0 {
        // Before the first table, or it has no effect.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(of)?;
    }
    conn.pragma_update(None, "journal_mode", "WAL").map_err(of)?;
    conn.pragma_update(None, "journal_size_limit", 16 << 20).map_err(of)?;
    let missing = MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX));
    let changes = conn.transaction().map_err(of)?;
    for migration in missing {
        changes.execute_batch(migration).map_err(of)?;
    }
    changes.pragma_update(None, "application_id", APPLICATION).map_err(of)?;
    changes.pragma_update(None, "user_version", latest()).map_err(of)?;
    changes.commit().map_err(of)?;
    Ok((conn, lock))
}

/// Opens a database to read from it, whether the device runs or not.
pub(crate) fn read_only(path: &Path) -> Result<Connection, HistoryError> {
    use rusqlite::OpenFlags;
    if !path.exists() {
        return Err(HistoryError::Missing { path: path.to_owned() });
    }
    look(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let of = |error: rusqlite::Error| HistoryError::of(path, &error);
    let conn = Connection::open_with_flags(path, flags).map_err(of)?;
    match schema(&conn, path)? {
        found if found == latest() => Ok(conn),
        0 => Err(HistoryError::Missing { path: path.to_owned() }),
        found => Err(HistoryError::Other {
            path: path.to_owned(),
            why: format!(
                "has schema {found}, this version reads {}: run the device once, which brings it up to date",
                latest()
            ),
        }),
    }
}
