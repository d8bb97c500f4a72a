//! The history, sent on to where more than one machine can see it: NATS JetStream and PostgreSQL, each sample there
//! once.
//!
//! The embedded store is the buffer: nothing is queued here. A task for each place reads what comes after its mark,
//! sends it, and moves the mark only when the place has said that it keeps it; the mark is written into the store
//! with the next commit. Whatever dies in between, the same samples are sent again, and the place knows them by site,
//! boot and sequence. A place that is away costs one attempt now and then; telemetry never waits for any of this.
//!
//! | module | what lives there |
//! |---|---|
//! | [`run`](Publisher) | the task of a place: read, send, mark, back off |
//! | `link` | a connection to a place, whichever kind it is of |
//! | `nats`, `postgres` | the two kinds; a program built without one refuses it at its start |
//! | `wire` | a sample and an event as they leave |

mod link;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "postgres")]
mod postgres;
mod run;
mod status;
#[cfg(any(feature = "nats", feature = "postgres"))]
mod tls;
#[cfg(any(feature = "nats", feature = "postgres"))]
mod wire;

pub use link::{Refused, check};
pub use run::{Publisher, Source};
pub use status::Notice;
