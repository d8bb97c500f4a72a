//! What can be wrong with a device on demand.

use std::str::FromStr;

/// A fault of one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing is wrong.
    #[default]
    None,
    /// Keeps the connection, never answers.
    Silent,
    /// Answers after 3 s.
    Slow,
    /// The register image stands still.
    Frozen,
    /// Measurements read as SunSpec 'not implemented'.
    NotImplemented,
    /// Answers carry a transaction id that is one too high.
    WrongTransaction,
    /// Scale factors and values change consistently by ten.
    Scale,
    /// The machine trips: it makes nothing; of an aggregate, a quarter of the members.
    Trip,
}

/// The names, as files and requests write them.
const NAMES: [(&str, FaultKind); 8] = [
    ("none", FaultKind::None),
    ("silent", FaultKind::Silent),
    ("slow", FaultKind::Slow),
    ("frozen", FaultKind::Frozen),
    ("not-implemented", FaultKind::NotImplemented),
    ("wrong-transaction", FaultKind::WrongTransaction),
    ("scale", FaultKind::Scale),
    ("trip", FaultKind::Trip),
];

impl FaultKind {
    /// The name as requests write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("none", |(name, _)| name)
    }
}

/// A name that is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown fault `{0}`, allowed: none, silent, slow, frozen, not-implemented, wrong-transaction, scale, trip"
)]
pub struct UnknownFault(String);

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let found = NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| *kind).ok_or_else(|| UnknownFault(text.to_owned()))
    }
}
