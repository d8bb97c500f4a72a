//! What can be wrong with a store, in words that say what to do.

use std::path::PathBuf;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no such file.
    #[error("{}: there is no history: it is written while the device runs", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file belongs to something else.
    #[error("{}: {found}, not a history of OpenRTD: nothing in it was changed; name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is, as far as that can be told.
        found: &'static str,
    },
    /// Another program writes it.
    #[error("{}: another running device writes this history; stop it, or name another file", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A later version wrote it.
    #[error("{}: has schema {found}, this version knows up to {known}: use the version that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest schema known here.
        known: i64,
    },
    /// It is damaged.
    #[error("{}: is damaged ({why}): move it away, a new one is begun at the next start", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// As SQLite tells it.
        why: String,
    },
    /// The disk has no room.
    #[error("{}: the disk is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that SQLite tells.
    #[error("{}: {why}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// As SQLite tells it.
        why: String,
    },
    /// A block cannot be read.
    #[error("{}: block {block} of the history cannot be read: {why}", path.display())]
    Block {
        /// The file.
        path: PathBuf,
        /// Its number.
        block: i64,
        /// Why.
        why: &'static str,
    },
    /// No such point was ever recorded.
    #[error("there is no history of `{point}`{near}")]
    NoPoint {
        /// As asked for.
        point: String,
        /// Those that are spelt nearly so, in words.
        near: String,
    },
}

impl HistoryError {
    /// What SQLite tells, of a file.
    pub(crate) fn of(path: &std::path::Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let (path, why) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(ErrorCode::NotADatabase) => Self::Foreign { path, found: "is no database" },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, why },
            _ => Self::Other { path, why },
        }
    }

    /// Whether it is only room that is missing.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}
