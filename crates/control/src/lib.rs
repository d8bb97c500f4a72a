//! Control, and nothing else: who may move the plant, from where, how fast, how far, and who does which part.
//!
//! A bump at a hand-over is what hurts a plant, and what the ISO tests for. So everything here is plain state and
//! functions of time: no point, no session, no socket. The same calls at the same times give the same outputs.
//!
//! | module | what lives there |
//! |---|---|
//! | [`authority`] | one owner at a time: the machine of a set point, its permissives, refusals and hand-overs |
//! | [`limits`] | trip, energy, hard, soft, ramp, deadband: in this order, and which of them holds now |
//! | [`energy`] | what a battery's charge leaves of its power |
//! | [`dispatch`] | the plant's set point over its units |
//! | [`silent`] | what a unit counts for of which nothing is heard |
//! | [`trim`] | the slow correction that brings the meter to the set point |
//! | [`back`] | what units can do again comes back by the ramp |
//! | [`primary`] | what the grid's frequency asks for beside the set point |
//! | [`pulses`] | raise and lower pulses as set points |
//! | [`score`] | how well a signal was followed: mileage, accuracy, delay, precision |

pub mod authority;
pub mod back;
pub mod dispatch;
pub mod energy;
pub mod limits;
pub mod primary;
pub mod pulses;
pub mod score;
pub mod silent;
pub mod trim;

pub use authority::{Cause, Loss, Machine, Master, Owner, Permit, Refusal, Seen, Spec, Transfer, Turn};
pub use limits::{Band, Clamp, Rules};
