//! The thread that writes, and the tap that feeds it.
//!
//! Telemetry comes first: whoever feeds the tap never waits. What does not fit the queue is dropped and counted, and
//! the log says how much, once there is room again. Samples leave a part of the queue to events. While the disk is
//! full the thread keeps what comes, up to a limit, tries again each second, and goes on by itself.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use telemetry::{Mono, Now, Wall, WallTrust};

use crate::entry::Entry;
use crate::error::HistoryError;
use crate::event::Event;
use crate::health::{Health, Shared, State};
use crate::mark::Mark;
use crate::store::{Batch, Committed, PointInfo, Store};

/// Messages that may wait for the thread.
const QUEUE_MAX: usize = 65_536;
/// Of these, samples take so many at most.
const QUEUE_SAMPLES_MAX: usize = 57_344;
/// Entries kept while nothing can be written.
const KEPT_ENTRIES_MAX: usize = 262_144;
/// Events kept while nothing can be written.
const KEPT_EVENTS_MAX: usize = 16_384;
/// Entries after which a batch is written.
const BATCH_ENTRIES: usize = 16_384;
/// Time after which it is written, and after which what failed is tried again.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum Message {
    Entry(Box<(PointInfo, Entry)>, Mono),
    Event(Box<Event>, Mono),
    Mark(Box<(String, Mark)>),
    /// So long and so many octets from now on.
    Limits(Duration, u64),
    Flush(SyncSender<Result<Committed, String>>),
}

/// What feeds the store; cheap to clone. Never blocks.
#[derive(Clone, Debug)]
pub struct Tap {
    out: SyncSender<Message>,
    shared: Arc<Shared>,
    boot: u64,
}

impl Tap {
    /// The boot that entries and events belong to.
    #[must_use]
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// Takes a point's entry.
    pub fn entry(&self, point: PointInfo, entry: Entry, now: Mono) {
        if self.shared.queued.load(Ordering::Relaxed) >= QUEUE_SAMPLES_MAX {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.send(Message::Entry(Box::new((point, entry)), now));
    }

    /// Takes an event.
    pub fn event(&self, event: Event, now: Mono) {
        self.send(Message::Event(Box::new(event), now));
    }

    /// Takes how far the reader of this name has come. One that is dropped is made good by the next.
    pub fn mark(&self, name: &str, mark: &Mark) {
        let message = Message::Mark(Box::new((name.to_owned(), *mark)));
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        if self.out.try_send(message).is_err() {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn send(&self, message: Message) {
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.out.try_send(message) {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps history so long, and so many octets of it, from now on.
    pub fn limits(&self, retention: Duration, octets_max: u64) {
        self.send(Message::Limits(retention, octets_max));
    }

    /// Waits until everything taken before is on the disk; for tests and ends, never for the path.
    ///
    /// # Errors
    /// Why it is not.
    pub fn flush(&self) -> Result<Committed, String> {
        let (reply, answer) = sync_channel(1);
        let gone = || "the store's thread has ended".to_owned();
        self.out.send(Message::Flush(reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    /// Tells how far the wall clock is to be believed from here on: what may be removed for its age depends on it.
    pub fn trust(&self, trust: WallTrust) {
        self.shared.set_trust(trust);
    }

    /// How the store is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }
}

/// The thread. It ends when every tap is gone and everything was written.
#[derive(Debug)]
pub struct Writer {
    thread: JoinHandle<Result<(), HistoryError>>,
}

impl Writer {
    /// Starts the thread. `changed` is told, by it, whenever the state of the store changes.
    ///
    /// # Errors
    /// Where there is no thread to be had.
    pub fn start(
        store: Store,
        changed: impl FnMut(&Health) + Send + 'static,
    ) -> std::io::Result<(Tap, Self)> {
        Self::start_telling(store, changed, || {})
    }

    /// As [`Self::start`]; `committed` is called, by the thread, whenever there is something new on the disk.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_telling(
        store: Store,
        changed: impl FnMut(&Health) + Send + 'static,
        committed: impl FnMut() + Send + 'static,
    ) -> std::io::Result<(Tap, Self)> {
        let (out, messages) = sync_channel(QUEUE_MAX);
        let shared = Arc::new(Shared::default());
        let tap = Tap { out, shared: Arc::clone(&shared), boot: store.boot() };
        let sink = Sink::new(store, shared, Box::new(changed), Box::new(committed));
        let thread =
            std::thread::Builder::new().name("history".to_owned()).spawn(move || turn(&messages, sink))?;
        Ok((tap, Self { thread }))
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// Why the last entries could not be written; they are lost.
    pub fn finish(self) -> Result<(), HistoryError> {
        // A thread that panicked was told of by the runtime; there is nothing left to save.
        self.thread.join().unwrap_or(Ok(()))
    }
}

fn turn(messages: &Receiver<Message>, mut sink: Sink) -> Result<(), HistoryError> {
    /// Nothing waits, so nobody needs to be woken.
    const LONG: Duration = Duration::from_secs(3_600);
    loop {
        match messages.recv_timeout(if sink.is_idle() { LONG } else { COMMIT_EVERY }) {
            Ok(Message::Flush(reply)) => {
                // Whoever asked may be gone.
                let _ = reply.send(sink.commit().map_err(|error| error.to_string()));
            }
            Ok(message) => {
                sink.shared.queued.fetch_sub(1, Ordering::Relaxed);
                if sink.take(message) {
                    // What fails is told by the state and tried again.
                    drop(sink.commit());
                }
            }
            Err(RecvTimeoutError::Timeout) => drop(sink.commit()),
            Err(RecvTimeoutError::Disconnected) => return sink.commit().map(|_| ()),
        }
    }
}

/// What the thread does, message by message.
struct Sink {
    store: Store,
    shared: Arc<Shared>,
    changed: Box<dyn FnMut(&Health) + Send>,
    committed: Box<dyn FnMut() + Send>,
    batch: Batch,
    /// When the first of the batch came, or the last attempt failed.
    since: Option<Mono>,
    last: (Mono, Wall),
    /// Losses that the log knows of.
    dropped_told: u64,
    state: State,
}

impl Sink {
    fn new(
        store: Store,
        shared: Arc<Shared>,
        changed: Box<dyn FnMut(&Health) + Send>,
        committed: Box<dyn FnMut() + Send>,
    ) -> Self {
        Self {
            store,
            shared,
            changed,
            committed,
            batch: Batch::default(),
            since: None,
            last: (Mono::ZERO, Wall::from_millis(0)),
            dropped_told: 0,
            state: State::Working,
        }
    }

    fn is_idle(&self) -> bool {
        self.batch.is_empty() && self.dropped_told == self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Takes a message. Whether the batch is to be written now.
    fn take(&mut self, message: Message) -> bool {
        let (mono, audit) = match message {
            Message::Entry(entry, mono) => {
                self.last = (mono, entry.1.time);
                if self.batch.entries.len() < KEPT_ENTRIES_MAX {
                    self.batch.entries.push(*entry);
                } else {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                }
                (mono, false)
            }
            Message::Event(event, mono) => {
                self.last = (mono, event.time);
                let audit = event.kind.is_audit();
                if self.batch.events.len() < KEPT_EVENTS_MAX {
                    self.batch.events.push(*event);
                } else {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                }
                (mono, audit)
            }
            Message::Mark(mark) => {
                let (name, mark) = *mark;
                self.batch.marks.insert(name, mark);
                (self.last.0, false)
            }
            Message::Limits(retention, octets_max) => {
                self.store.limits(retention, octets_max);
                return false;
            }
            Message::Flush(_) => (self.last.0, true),
        };
        self.shared.kept.store(self.batch.entries.len() + self.batch.events.len(), Ordering::Relaxed);
        let due = mono.since(*self.since.get_or_insert(mono)) >= COMMIT_EVERY;
        // While it fails only time makes it try again, or each command of a flood would.
        due || (self.state == State::Working && (audit || self.batch.entries.len() >= BATCH_ENTRIES))
    }

    /// Writes what there is.
    fn commit(&mut self) -> Result<Committed, HistoryError> {
        let (mono, wall) = self.last;
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        let mut own = 0;
        if self.state != State::Working {
            let detail = json!({ "what": "writes have resumed", "after": self.state.text() });
            self.batch.events.push(self.store.own(wall, detail));
            own += 1;
        }
        if dropped > self.dropped_told {
            let detail =
                json!({ "what": "samples or events were lost", "lost": dropped - self.dropped_told });
            self.batch.events.push(self.store.own(wall, detail));
            own += 1;
        }
        if self.batch.is_empty() {
            return Ok(Committed::default());
        }
        self.store.see(Now { mono, wall, wall_trust: self.shared.trust() });
        match self.store.commit(&self.batch, wall) {
            Ok(committed) => {
                self.shared.entries.fetch_add(committed.entries, Ordering::Relaxed);
                self.shared.events.fetch_add(self.batch.events.len() as u64, Ordering::Relaxed);
                self.shared.kept.store(0, Ordering::Relaxed);
                let is_news = !(self.batch.entries.is_empty() && self.batch.events.is_empty());
                self.batch = Batch::default();
                if is_news {
                    (self.committed)();
                }
                (self.since, self.dropped_told) = (None, dropped);
                self.become_state(State::Working);
                Ok(committed)
            }
            Err(error) => {
                // They tell of an end that is not there yet.
                self.batch.events.truncate(self.batch.events.len() - own);
                self.since = Some(mono);
                self.become_state(if error.is_full() {
                    State::Full
                } else {
                    State::Failing(error.to_string())
                });
                Err(error)
            }
        }
    }

    fn become_state(&mut self, state: State) {
        if self.state == state {
            return;
        }
        self.state = state.clone();
        *self.shared.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        (self.changed)(&self.shared.health());
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
