//! The site model: `site.toml` with its devices, points, scaling and signs.
//!
//! Everything that can be known to be wrong before the first register is read is found here, all at once, each with
//! its line and column. What comes out ([`Site`]) is plain, public and resolved: points refer to devices and
//! readings by position, units and dimensions fit, indexes are unique, files exist.

mod check;
mod model;
mod raw;
pub mod sunspec;

pub use model::*;
pub use sunspec::{SunSpecPoint, SunSpecScale, SunSpecType};
