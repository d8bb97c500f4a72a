//! Every threshold and every entry of the point lists and met lists of every shipped profile: an example that passes,
//! one that fails, and the finding word by word. The golden files are beside this one; `OPENRTD_BLESS=1` rewrites them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod lists {
    pub(crate) mod golden;
    pub(crate) mod plant;
    pub(crate) mod points;
    pub(crate) mod thresholds;
}

use rulebook::profile::{Day, Profile, shipped};

/// A day on which all that is in force today is in force.
pub(crate) const TODAY: &str = "2026-11-25";
/// The last day before reliability demand response was exempt.
pub(crate) const BEFORE_EXEMPTION: &str = "2014-03-20";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn profiles() -> impl Iterator<Item = Profile> {
    shipped().map(|(id, _)| Profile::load(id).unwrap())
}
