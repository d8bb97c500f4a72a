//! The real-time device: acquire, judge, scale, serve, and take set points back.
//!
//! [`core`] is the one deterministic machine; `acquire` reads and writes devices, a task each; `serve` carries the
//! octets of the masters' sessions; `tell` writes the journal and the log; [`capture`] records what comes in and
//! replays it; [`run()`] puts them together.

mod acquire;
pub mod capture;
mod clock;
pub mod core;
mod history;
mod holds;
mod observe;
mod orders;
pub mod reload;
mod run;
pub mod score;
mod serve;
mod tell;

pub use acquire::lacks;
pub use core::LASTS_MAX;
pub use run::{RunError, Taps, run};
