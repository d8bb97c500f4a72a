//! Acquisition: a task for each device of the plant, from Modbus registers to readings.
//!
//! Devices fail alone, so each has its own task, connection and back-off. A task knows registers, SunSpec models
//! and scale factors; it judges nothing. What makes a number wrong without anybody noticing is kept out here: a
//! scale factor comes from the same transaction as its value, an answer that comes too late or carries another
//! question's number costs the connection, and 'not implemented' never becomes a number.
//!
//! | module | what lives there |
//! |---|---|
//! | `decode` | registers to a [`Reading`](crate::core::Reading); pure |
//! | `plan` | which registers to ask for, in as few requests as keep what belongs together together; pure |
//! | `command` | set points to register writes; pure |
//! | `link` | one connection: requests with a time limit, SunSpec discovery |
//! | `driver` | the task: poll beat, writes first, back-off |

mod command;
mod decode;
mod driver;
mod link;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use driver::drive;
