//! A simulator of a hybrid plant on measured weather, served as Modbus and SunSpec devices.
//!
//! The rest of OpenRTD must be tried on devices that behave like real ones, bad days included. Weather is measured,
//! power is computed from it (see [`physics`]); faults are made on demand ([`FaultKind`]).

mod config;
mod day;
mod devices;
mod faults;
mod modbus;
pub mod physics;
mod run;

pub use crate::config::{Battery, Config, Inverter, Meter, Simple};
pub use crate::day::{Day, Weather};
pub use crate::faults::{FaultKind, UnknownFault};
pub use crate::run::{Options, RunError, run};
