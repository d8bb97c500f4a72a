//! Whether the machine's clock is right, as far as that can be known.
//!
//! The ISO reads the stamps of events as facts. So the clock is held against time servers; where it is too far from
//! theirs, or nobody answers, the trust in its stamps goes and an alarm is raised. Ages never depend on it: they count
//! on the monotonic clock. The machine's clock is not set here: that is the work of the system's time service.
//!
//! | module | what lives there |
//! |---|---|
//! | `sntp` | a question to a time server and what its answer says; pure |
//! | `ask` | the task that asks, and what it makes of several answers |
//! | `keeper` | trust, alarms and steps; pure |

mod ask;
mod keeper;
mod sntp;

pub(crate) use ask::{Asked, ask};
pub(crate) use keeper::{Alarm, Keeper};
