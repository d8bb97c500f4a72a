//! Device attributes (group 0): what a device says of itself.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Form, ObjectHeader};

/// One attribute of the standard's set (index 0); its number is the variation.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// Variation: 196 to 252 in the standard's set.
    pub variation: u8,
    /// What it says.
    pub value: AttributeValue,
}

/// What an attribute says.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// Visible text, of at most 255 octets.
    Text(String),
    /// A number without a sign.
    Unsigned(u32),
    /// A number.
    Signed(i32),
    /// A floating number.
    Float(f64),
    /// Octets or bits.
    Octets(Vec<u8>),
    /// Milliseconds since 1970.
    Time(u64),
    /// Variations and whether each may be written; only in a list of attributes (variation 255).
    List(Vec<(u8, bool)>),
}

const TEXT: u8 = 1;
const UNSIGNED: u8 = 2;
const SIGNED: u8 = 3;
const FLOAT: u8 = 4;
const OCTETS: u8 = 5;
const BITS: u8 = 6;
const TIME: u8 = 7;
const LIST: u8 = 254;
/// Octets of a value at most.
const OCTETS_MAX: usize = 255;

impl AttributeValue {
    /// Appends type, length and value. What is longer than a length can say is cut.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u8, octets: &[u8]| {
            let octets = octets.get(..OCTETS_MAX).unwrap_or(octets);
            out.extend([kind, u8::try_from(octets.len()).unwrap_or(u8::MAX)]);
            out.extend_from_slice(octets);
        };
        match self {
            Self::Text(text) => put(TEXT, text.as_bytes()),
            Self::Unsigned(number) => put(UNSIGNED, &number.to_le_bytes()),
            Self::Signed(number) => put(SIGNED, &number.to_le_bytes()),
            Self::Float(number) => put(FLOAT, &number.to_le_bytes()),
            Self::Octets(octets) => put(OCTETS, octets),
            Self::Time(millis) => put(TIME, millis.to_le_bytes().get(..6).unwrap_or_default()),
            Self::List(list) => {
                let octets: Vec<u8> = list
                    .iter()
                    .take(OCTETS_MAX / 2)
                    .flat_map(|(variation, writable)| [*variation, u8::from(*writable)])
                    .collect();
                put(LIST, &octets);
            }
        }
    }

    fn read(kind: u8, octets: &[u8]) -> Option<Self> {
        let unsigned = || octets.iter().rev().fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
        let negative = octets.last().is_some_and(|octet| octet & 0x80 != 0);
        Some(match (kind, octets.len()) {
            (TEXT, _) => Self::Text(String::from_utf8_lossy(octets).into_owned()),
            (UNSIGNED, 1..=4) => Self::Unsigned(u32::try_from(unsigned()).ok()?),
            (SIGNED, length @ 1..=4) => {
                let filled = if negative {
                    u64::MAX.checked_shl(u32::try_from(length).ok()?.wrapping_mul(8))?
                } else {
                    0
                };
                let [a, b, c, d, ..] = (unsigned() | filled).to_le_bytes();
                Self::Signed(i32::from_le_bytes([a, b, c, d]))
            }
            (FLOAT, 4) => Self::Float(f32::from_le_bytes(*octets.first_chunk()?).into()),
            (FLOAT, 8) => Self::Float(f64::from_le_bytes(*octets.first_chunk()?)),
            (OCTETS | BITS, _) => Self::Octets(octets.to_vec()),
            (TIME, 6) => Self::Time(unsigned()),
            (LIST | 255, _) => Self::List(
                octets
                    .chunks_exact(2)
                    .filter_map(|pair| Some((*pair.first()?, pair.last()? & 1 != 0)))
                    .collect(),
            ),
            _ => return None,
        })
    }
}

impl ObjectHeader<'_> {
    /// The attributes of a header. Empty for other objects; what has a type that is not known is left out.
    #[must_use]
    pub fn attributes(&self) -> Vec<Attribute> {
        let mut found = Vec::new();
        if !self.entry.is_some_and(|entry| entry.form == Form::Attribute) {
            return found;
        }
        let mut rest = self.data;
        while let Some((&[kind, length], after)) = rest.split_first_chunk::<2>() {
            let Some((octets, after)) = after.split_at_checked(length.into()) else { break };
            rest = after;
            if let Some(value) = AttributeValue::read(kind, octets) {
                found.push(Attribute { variation: self.variation, value });
            }
        }
        found
    }
}
