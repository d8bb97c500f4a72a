//! The manual.
//!
//! | page | about |
//! |---|---|
//! | [`outstation`] | an outstation in twenty lines, and what it promises |
//! | [`master`] | a master in twenty lines |
//! | [`profile`] | the device profile, with what is known to be missing |
//! | [`limits`] | every bound, its default, and how to change it |
//! | [`attacks`] | each known class of attack, and what stops it |

#[doc = include_str!("../docs/outstation.md")]
pub mod outstation {}
#[doc = include_str!("../docs/master.md")]
pub mod master {}
#[doc = include_str!("../docs/profile.md")]
pub mod profile {}
#[doc = include_str!("../docs/limits.md")]
pub mod limits {}
#[doc = include_str!("../docs/attacks.md")]
pub mod attacks {}
