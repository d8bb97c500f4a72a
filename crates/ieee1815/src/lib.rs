//! DNP3 (IEEE 1815) sans-I/O: link, transport, application, outstation and master.
//!
//! Octets and time in, octets and events out. There is no socket, no clock, no thread and no `unsafe` in here, and
//! nothing that a peer can send makes it panic, loop or grow without a limit. Written from the facts of the
//! standard; see CONTRIBUTING.md.
//!
//! | module | what lives there |
//! |---|---|
//! | [`crc`] | the check sum of a block |
//! | [`manual`] | how it is used, what it promises, its device profile, limits and attacks |
//! | [`channel`] | link and transport: a stream of octets to whole fragments and back |
//! | [`decode`] | a dissector, and the words for what happened |
//! | [`objects`] | the one table of groups and variations, its reader and writer |
//! | [`outstation`] | the side that answers: points, events and a session for each master |
//! | [`master`] | the side that asks |
#![no_std]
#![deny(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::alloc_instead_of_core)]
// Nothing that a peer sends may panic. Tests do it when they fail.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

pub mod channel;
pub mod crc;
pub mod decode;
mod functions;
mod link;
pub mod manual;
pub mod master;
pub mod objects;
pub mod outstation;
#[cfg(test)]
mod profile_tests;
mod types;

pub use types::{
    AnalogWidth, Classes, Command, CommandStatus, Crob, DoubleBit, Flags, Iin, Measured, OperateMode,
    PointType, Time, Value,
};
