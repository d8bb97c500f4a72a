//! The rule book: the ISO's rules as dated, cited data, and the checker that holds a site against them.
//!
//! Nothing in this crate is a rule. Rules, lists, thresholds and defaults are entries of a *profile*, a TOML file in
//! which every entry names its source and how sure we are of it ([`Tag`]). What the crate knows is a closed set of
//! [`Predicate`]s, how they are judged on a [`site::Site`], and how a finding is told. Whoever holds the manual can
//! confirm entries with an [`overlay`](profile::Overlay); a report then says who confirmed what.

pub mod certificates;
pub mod explain;
pub mod judge;
pub mod predicate;
pub mod profile;
pub mod report;
pub mod worksheet;

pub use predicate::Predicate;
pub use profile::{Profile, Severity, Tag};
