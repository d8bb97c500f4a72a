//! One-line JSON records for scripts, that can never slow or stop the path that writes them.
//!
//! The writer side is a bounded queue: where the reader is too slow the record is dropped and counted, and the
//! count is visible to the reader as [`JournalReader::dropped`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde::Serialize;

/// Records that may wait for the reader.
const QUEUE_RECORDS_MAX: usize = 65_536;

/// The writing side; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    out: Option<SyncSender<String>>,
    dropped: Arc<AtomicU64>,
}

impl Journal {
    /// A journal nobody reads: records cost nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// A journal and its reader.
    #[must_use]
    pub fn new() -> (Self, JournalReader) {
        let (out, records) = sync_channel(QUEUE_RECORDS_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        (Self { out: Some(out), dropped: Arc::clone(&dropped) }, JournalReader { records, dropped })
    }

    /// Whether anybody reads: where not, building a record can be left out.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.out.is_some()
    }

    /// Writes one record. Never blocks; what does not fit is dropped and counted.
    pub fn record(&self, record: &impl Serialize) {
        let Some(out) = &self.out else { return };
        let lost = match serde_json::to_string(record) {
            Ok(line) => out.try_send(line).is_err(),
            Err(_) => true,
        };
        if lost {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The reading side.
#[derive(Debug)]
pub struct JournalReader {
    records: Receiver<String>,
    dropped: Arc<AtomicU64>,
}

impl JournalReader {
    /// The next record, waiting for it; `None` once every writer is gone.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        self.records.recv().ok()
    }

    /// The next record within `wait`: `Ok(None)` when none came, `Err` once every writer is gone.
    ///
    /// # Errors
    /// [`Closed`] once every writer is gone and nothing is left.
    pub fn next_within(&self, wait: Duration) -> Result<Option<String>, Closed> {
        match self.records.recv_timeout(wait) {
            Ok(record) => Ok(Some(record)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Closed),
        }
    }

    /// Records lost because this reader was too slow.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Every writer of the journal is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_costs_records_not_time() {
        let (journal, reader) = Journal::new();
        for number in 0..QUEUE_RECORDS_MAX + 3 {
            journal.record(&number);
        }
        assert_eq!(reader.dropped(), 3);
        assert_eq!(reader.next().as_deref(), Some("0"));
        drop(journal);
        assert_eq!(std::iter::from_fn(|| reader.next()).count(), QUEUE_RECORDS_MAX - 1);
        assert_eq!(reader.next_within(Duration::ZERO), Err(Closed));
    }
}
