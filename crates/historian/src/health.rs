//! How the store is, for whoever asks and for whoever is to be alarmed.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use telemetry::WallTrust;

/// How the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It writes.
    #[default]
    Working,
    /// It keeps what comes, since the disk is full.
    Full,
    /// It keeps what comes, since writing fails; why.
    Failing(String),
}

impl State {
    /// As status and records spell it.
    #[must_use]
    pub const fn text(&self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Full => "disk-full",
            Self::Failing(_) => "failing",
        }
    }
}

/// How the store is, in numbers since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// What it does.
    pub state: State,
    /// Entries on the disk.
    pub entries: u64,
    /// Events on the disk.
    pub events: u64,
    /// Messages that were lost: the queue was full, or too much came while nothing could be written.
    pub dropped: u64,
    /// Messages that wait to be written.
    pub waiting: usize,
}

/// What tap and thread both know.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) entries: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// In the queue.
    pub(crate) queued: AtomicUsize,
    /// Taken out of it, not on the disk yet.
    pub(crate) kept: AtomicUsize,
    /// How far the wall clock is to be believed; see [`Shared::trust`].
    trust: AtomicU8,
}

impl Shared {
    /// How far the wall clock is to be believed.
    pub(crate) fn trust(&self) -> WallTrust {
        match self.trust.load(Ordering::Relaxed) {
            1 => WallTrust::Synchronised,
            2 => WallTrust::Unsynchronised,
            _ => WallTrust::Unknown,
        }
    }

    pub(crate) fn set_trust(&self, trust: WallTrust) {
        let trust = match trust {
            WallTrust::Unknown => 0,
            WallTrust::Synchronised => 1,
            WallTrust::Unsynchronised => 2,
        };
        self.trust.store(trust, Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            state: self.state.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            entries: self.entries.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            waiting: self.queued.load(Ordering::Relaxed) + self.kept.load(Ordering::Relaxed),
        }
    }
}
