//! A simulator of a hybrid plant on measured weather, served as Modbus and SunSpec devices.
//!
//! The rest of OpenRTD must be tried on devices that behave like real ones, bad days included. Weather is measured,
//! power is computed from it (see [`physics`]); faults are made on demand ([`FaultKind`]). What each device serves, register
//! by register, stands in `docs/plant.md`.

mod config;
mod day;
mod devices;
mod faults;
mod modbus;
pub mod physics;
mod run;
mod table;
mod wind;

pub use crate::config::{Battery, Config, Conventional, Inverter, Members, Meter, Simple, Turbine};
pub use crate::day::{Day, Weather};
pub use crate::faults::{FaultKind, UnknownFault};
pub use crate::run::{Options, RunError, run};
pub use crate::wind::{Air, Wind};
