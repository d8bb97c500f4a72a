//! The ISO's side: polls devices, judges what it gets, sends set points.
//!
//! A telemetry device is only as good as what arrives at the ISO. This crate is that other end, and it meets the
//! device on the wire only: it reads DNP3 as the standard means it and knows nothing of how our own device is made,
//! so it judges anybody's device alike.
//!
//! | module | what lives there |
//! |---|---|
//! | [`model`] | `ems.toml`, checked and resolved: [`Config`] |
//! | [`fleet`] | [`Fleet`]: what is known of every device, a deterministic machine that is told the time |
//! | [`record`] | what is told: journal records and points |
//!
//! [`run`] is the whole EMS; [`observe`] is a look at the devices under an identity of its own, for a user who wants
//! to see points while no EMS runs.

mod check;
mod defaults;
pub mod fleet;
mod frontend;
pub mod model;
mod observe;
mod operate;
mod order;
mod raw;
pub mod record;
mod run;

pub use defaults::{Defaults, Head, head};
pub use fleet::{Fleet, ScanKind};
pub use model::{Config, Device, Observer, ScanMode, Transport};
pub use observe::{ObserveError, Observed, Unanswered, observe};
pub use record::{DeviceView, PointView, Record};
pub use run::{RunError, run, run_captured};
