//! What each fuzz target does with its octets, and what has to hold after it.
//!
//! A target only calls one function of this crate, so that the logic is compiled once. The functions never ask
//! whether octets make sense: they judge what comes out. Common to all: no panic (overflow checks are on), output
//! and memory bounded, an end in bounded steps (libFuzzer's own limits on time and memory), and a good request that
//! is still answered after whatever came before.

pub mod decode;
pub mod dissector;
pub mod layers;
pub mod master;
pub mod master_harness;
pub mod objects;
pub mod outstation;
pub mod outstation_harness;
pub mod pair;
pub mod wire;
