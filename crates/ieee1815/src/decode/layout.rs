//! What stands in an object, field by field, and how it is read.
//!
//! The stack's own table ([`crate::objects`]) holds what its ends act upon. An observer names everything that the
//! standard names, so it has descriptions of its own; a test holds the sizes of both against each other.

use alloc::vec::Vec;

use super::names::{self, FlagKind};
use super::reason::Reason;
use super::value::{Field, FieldValue};
use crate::CommandStatus;

/// How one field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Flags(FlagKind),
    /// The flag octet of an event with a state in its top bit.
    StateFlags(FlagKind),
    PairFlags,
    Unsigned(u8),
    Signed(u8),
    Single,
    Double,
    Time,
    Status,
    /// Status in the low seven bits, commanded state above.
    StateStatus,
    ControlCode,
    FileStatus,
    FileMode,
    FileType,
    /// A block number with its last-block bit.
    Block,
    /// Octets whose number stands in an earlier field.
    Sized(usize),
    /// Text whose number of octets stands in an earlier field.
    SizedText(usize),
    Rest,
    RestText,
    /// Elements that begin with their length, up to the end.
    Elements,
    /// A device attribute: type, length, value.
    Attribute,
}

/// A field.
pub(super) type Spec = (&'static str, Kind);

/// How the objects of a variation are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One bit each.
    Bits,
    /// Two bits each.
    Pairs,
    /// Fields one after the other.
    Fields(&'static [Spec]),
    /// As many octets as the variation says.
    ByVariation,
    /// No octets.
    Nothing,
}

impl Layout {
    /// Octets of `count` objects where that can be told beforehand.
    pub(super) fn octets_of(self, count: u64, variation: u8) -> Option<u64> {
        match self {
            Self::Bits => Some(count.div_ceil(8)),
            Self::Pairs => Some(count.div_ceil(4)),
            Self::ByVariation => Some(count.saturating_mul(u64::from(variation))),
            Self::Nothing => Some(0),
            Self::Fields(fields) => {
                let size = fields.iter().try_fold(0_u64, |sum, (_, kind)| sum.checked_add(kind.octets()?))?;
                Some(count.saturating_mul(size))
            }
        }
    }
}

impl Kind {
    /// Octets of a field whose size does not depend on another one.
    const fn octets(self) -> Option<u64> {
        Some(match self {
            Self::Flags(_) | Self::StateFlags(_) | Self::PairFlags | Self::Status | Self::StateStatus => 1,
            Self::ControlCode | Self::FileStatus => 1,
            Self::FileMode | Self::FileType => 2,
            Self::Unsigned(octets) | Self::Signed(octets) => octets as u64,
            Self::Single | Self::Block => 4,
            Self::Double => 8,
            Self::Time => 6,
            Self::Sized(_)
            | Self::SizedText(_)
            | Self::Rest
            | Self::RestText
            | Self::Elements
            | Self::Attribute => return None,
        })
    }
}

/// Reads the fields of one object. Gives what was read, what is left, and what is wrong.
pub(super) fn read<'a>(
    specs: &'static [Spec],
    octets: &'a [u8],
) -> (Vec<Field<'a>>, &'a [u8], Option<Reason>) {
    let mut fields = Vec::with_capacity(specs.len());
    let mut rest = octets;
    for (name, kind) in specs {
        match one(name, *kind, &mut rest, &mut fields) {
            Some(()) => {}
            None => return (fields, &[], Some(Reason::ObjectSize)),
        }
    }
    (fields, rest, None)
}

fn take<'a>(rest: &mut &'a [u8], octets: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(octets)?;
    *rest = left;
    Some(taken)
}

fn unsigned(octets: &[u8]) -> u64 {
    octets.iter().rev().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

fn signed(octets: &[u8]) -> i64 {
    let negative = octets.last().is_some_and(|top| top & 0x80 != 0);
    octets.iter().rev().fold(if negative { -1 } else { 0 }, |number, octet| number << 8 | i64::from(*octet))
}

/// The number in an earlier field.
fn earlier(fields: &[Field<'_>], at: usize) -> Option<usize> {
    match fields.get(at)?.value {
        FieldValue::Unsigned(number) => usize::try_from(number).ok(),
        _ => None,
    }
}

fn one<'a>(name: &'static str, kind: Kind, rest: &mut &'a [u8], fields: &mut Vec<Field<'a>>) -> Option<()> {
    let octets = match (kind, kind.octets()) {
        (_, Some(octets)) => take(rest, usize::try_from(octets).ok()?)?,
        (Kind::Sized(at) | Kind::SizedText(at), _) => take(rest, earlier(fields, at)?)?,
        (Kind::Rest | Kind::RestText, _) => core::mem::take(rest),
        (Kind::Elements, _) => return elements(name, rest, fields),
        _ => return attribute(rest, fields),
    };
    let first = octets.first().copied().unwrap_or_default();
    let number = || unsigned(octets);
    let value = match kind {
        Kind::Flags(of) => FieldValue::Flags(of, first),
        Kind::StateFlags(of) => {
            fields.push(Field { name: "state", value: FieldValue::State(first & 0x80 != 0) });
            FieldValue::Flags(of, first & 0x7F)
        }
        Kind::PairFlags => {
            fields.push(Field { name: "state", value: FieldValue::DoubleBit(first >> 6) });
            FieldValue::Flags(FlagKind::DoubleBit, first & 0x3F)
        }
        Kind::StateStatus => {
            fields.push(Field { name: "state", value: FieldValue::State(first & 0x80 != 0) });
            FieldValue::Status(CommandStatus::from_code(first & 0x7F))
        }
        Kind::Signed(_) => FieldValue::Signed(signed(octets)),
        Kind::Single => FieldValue::Single(f32::from_le_bytes(*octets.first_chunk()?)),
        Kind::Double => FieldValue::Double(f64::from_le_bytes(*octets.first_chunk()?)),
        Kind::Time => FieldValue::Time(number()),
        Kind::Status => FieldValue::Status(CommandStatus::from_code(first)),
        Kind::ControlCode => FieldValue::ControlCode(first),
        Kind::FileStatus => FieldValue::Named(u64::from(first), names::file_status(first)),
        Kind::FileMode => FieldValue::Named(number(), names::file_mode(number())),
        Kind::FileType => FieldValue::Named(number(), names::file_type(number())),
        Kind::Block => {
            fields.push(Field { name: "block", value: FieldValue::Unsigned(number() & 0x7FFF_FFFF) });
            FieldValue::State(number() & 0x8000_0000 != 0)
        }
        Kind::SizedText(_) | Kind::RestText => FieldValue::Text(octets),
        Kind::Sized(_) | Kind::Rest => FieldValue::Octets(octets),
        Kind::Unsigned(_) | Kind::Elements | Kind::Attribute => FieldValue::Unsigned(number()),
    };
    fields.push(Field { name, value });
    Some(())
}

/// Elements of a data set: a length before each.
fn elements<'a>(name: &'static str, rest: &mut &'a [u8], fields: &mut Vec<Field<'a>>) -> Option<()> {
    while let Some((length, after)) = rest.split_first() {
        *rest = after;
        fields.push(Field { name, value: FieldValue::Octets(take(rest, usize::from(*length))?) });
    }
    Some(())
}

fn attribute<'a>(rest: &mut &'a [u8], fields: &mut Vec<Field<'a>>) -> Option<()> {
    let kind = *take(rest, 1)?.first()?;
    let length = usize::from(*take(rest, 1)?.first()?);
    // The two lists of attributes count their length wider.
    let length = if kind == 255 { length.saturating_add(256) } else { length };
    let octets = take(rest, length)?;
    let value = match (kind, octets.len()) {
        (1, _) => FieldValue::Text(octets),
        (2, 1..=8) => FieldValue::Unsigned(unsigned(octets)),
        (3, 1..=8) => FieldValue::Signed(signed(octets)),
        (4, 4) => FieldValue::Single(f32::from_le_bytes(*octets.first_chunk()?)),
        (4, 8) => FieldValue::Double(f64::from_le_bytes(*octets.first_chunk()?)),
        (7, 6) => FieldValue::Time(unsigned(octets)),
        _ => FieldValue::Octets(octets),
    };
    fields.push(Field { name: "value", value });
    Some(())
}
