//! The vocabulary every room of OpenRTD speaks.
//!
//! A telemetry value is worth nothing without its quality, the reason for that quality and its age. This crate
//! gives those four their types, so that no room can pass a bare number on: a [`Sample`] is a value *with* its
//! [`Quality`], its [`Reasons`] and both clocks. It knows no protocol, no file and no socket.
//!
//! | module | what lives there |
//! |---|---|
//! | [`clock`] | [`Now`]: monotonic time for ages and time-outs, wall time for stamps, and how far to trust it |
//! | [`quality`] | [`Quality`], [`Reason`], [`Reasons`] |
//! | [`sample`] | [`Value`], [`Sample`], [`Origin`] |
//! | [`mod@unit`] | [`Unit`] and conversions between units of one dimension |
//! | [`scale`] | [`Scale`]: counts on the wire and units on the screen |
//! | [`point`] | [`PointId`], [`Sign`] |
//! | [`mod@near`] | names that are spelt nearly as one that there is not |
//! | [`resource`] | [`ResourceKind`], [`Service`], [`Area`] |
//! | [`journal`] | [`Journal`]: one-line JSON records that never slow their writer |

pub mod clock;
pub mod journal;
pub mod near;
pub mod point;
pub mod quality;
pub mod resource;
pub mod sample;
pub mod scale;
pub mod unit;

pub use clock::{Mono, Now, Wall, WallTrust};
pub use journal::Journal;
pub use near::{near, near_in_words};
pub use point::{PointId, Sign};
pub use quality::{Quality, Reason, ReasonKind, Reasons};
pub use resource::{Area, ResourceKind, Service, UnknownWord};
pub use sample::{Origin, Sample, Value};
pub use scale::{Scale, ScaleError, ScalePart, WireForm};
pub use unit::{Dimension, Unit};
