//! The embedded store: every point's history in compressed blocks, and the log of events.
//!
//! When somebody asks why the ISO saw what it saw, last Tuesday at four, the answer must be on the device itself: each
//! value as it was judged, with its reasons, and each command, session and change around it. So the store keeps them
//! in one SQLite file, for months, on a small disk, and it never slows or stops the telemetry that it records.
//!
//! | module | what lives there |
//! |---|---|
//! | [`writer`](Writer) | the thread that writes, and the [`Tap`] that feeds it and never waits |
//! | [`store`](Store) | what is written how: the tail, blocks, audit, retention |
//! | [`read`](Reader) | by point and time, or events, one block in memory at a time |
//! | [`follow`](Follower) | everything after a mark, for those who send it on |
//! | `codec` | a block: columns, packed, with a checksum |
//!
//! It knows no clock: what is given to it carries its times.

mod codec;
mod entry;
mod error;
mod event;
mod follow;
mod health;
mod mark;
mod moment;
mod octets;
mod present;
mod read;
mod retention;
mod schema;
mod store;
mod tail;
mod writer;

pub use entry::Entry;
pub use error::HistoryError;
pub use event::{Event, EventKind, Logged};
pub use follow::{Follower, Found};
pub use health::{Health, State};
pub use mark::Mark;
pub use moment::moment;
pub use read::{Entries, Events, Range, Reader, Recorded};
pub use store::{Batch, Committed, PointInfo, Settings, Store};
pub use writer::{Tap, Writer};
