//! The one deterministic machine of the device.

pub mod field;

pub use field::{DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading};
