//! What a SunSpec register holds while nothing is implemented behind it, model by model.
//!
//! One letter a register, after id and length: `u` 0xFFFF (unsigned, enumerations, bit fields), `s` 0x8000 (signed,
//! scale factors, padding, the high half of a 32-bit signed), `0` zero (accumulators, texts, low halves). Taken from the
//! SunSpec model definitions (github.com/sunspec/models, Apache-2.0), with one instance of each repeating group.

/// The layout of model 1, 66 registers.
pub(crate) const MODEL_1: &str = "0000000000000000000000000000000000000000000000000000000000000000us";
/// The layout of model 103, 50 registers.
pub(crate) const MODEL_103: &str = "uuuusuuuuuusssusssssss00susussssssssuuuuuuuuuuuuuu";
/// The layout of model 120, 26 registers.
pub(crate) const MODEL_120: &str = "uusussssssussssssususususs";
/// The layout of model 121, 30 registers.
pub(crate) const MODEL_121: &str = "uusuuussssussssuuuuussssssssss";
/// The layout of model 123, 24 registers.
pub(crate) const MODEL_123: &str = "uuuuuuuusuuuusssuuuuusss";
/// The layout of model 203, 105 registers.
pub(crate) const MODEL_203: &str = "ssssssssssssssssssssssssssssssssssss0000000000000000s0000000000000000s00000000000000000000000000000000suu";
/// The layout of model 302, 5 registers.
pub(crate) const MODEL_302: &str = "uuuuu";
/// The layout of model 303, 1 registers.
pub(crate) const MODEL_303: &str = "s";
/// The layout of model 307, 11 registers.
pub(crate) const MODEL_307: &str = "sssssssssss";
/// The layout of model 701, 153 registers.
pub(crate) const MODEL_701: &str = "uuuuuuuusssssuuuuuuuuuuuuuuuuuuuusssssssssssuuuuuuuuuuuuuuuuuusssssuuuuuuuuuuuuuuuuuusssssuuuuuuuuuuuuuuuuuuuuussssssssss00000000000000000000000000000000";
/// The layout of model 702, 50 registers.
pub(crate) const MODEL_702: &str = "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuusssssss";
/// The layout of model 704, 65 registers.
pub(crate) const MODEL_704: &str = "uuuuuuuuuuuuuuuuuuuuuus0s0ssuuuuuuuus0s0ssuuuuuuuuussssssuuuuuuuu";
/// The layout of model 713, 7 registers.
pub(crate) const MODEL_713: &str = "uuuuuss";
