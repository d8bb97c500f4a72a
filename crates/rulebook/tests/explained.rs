//! What is told first of a word of the shipped profiles.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rulebook::explain::{Answer, explain};
use rulebook::{Profile, Tag};

/// A vendor's word is verified as such; that it stands first would make it the meaning of the role.
#[test]
fn a_role_is_told_by_the_point_that_somebody_asks_for() {
    let profile = Profile::load("caiso-direct-telemetry").unwrap();
    let optional = profile.points.iter().find(|point| point.entry.id == "point.storage-hsl").unwrap();
    assert_eq!(optional.entry.tag, Tag::Verified);
    let Answer::Found(found) = explain("hsl", &profile, None) else { panic!("no role `hsl`") };
    let role = found.iter().find(|one| one.id == "hsl").unwrap();
    assert_eq!(role.title, "High Sustainable Limit: what the plant could make now");
    assert_eq!(role.tag, Some(Tag::Inferred));
}
