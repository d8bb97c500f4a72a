//! Sparkplug B's payload, as far as it is read here: what else is in a message is passed over.
//!
//! Field numbers and data types are those of the Sparkplug specification 3.0.0, chapter 6.

use prost::Message;

use super::super::told::{Said, Typed};

/// A message's payload.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Payload {
    #[prost(uint64, optional, tag = "1")]
    pub(super) timestamp: Option<u64>,
    #[prost(message, repeated, tag = "2")]
    pub(super) metrics: Vec<Metric>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) seq: Option<u64>,
}

/// One metric of it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) alias: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    pub(super) is_historical: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub(super) is_null: Option<bool>,
    #[prost(message, optional, tag = "9")]
    pub(super) properties: Option<PropertySet>,
    #[prost(oneof = "Content", tags = "10, 11, 12, 13, 14, 15")]
    pub(super) value: Option<Content>,
}

/// What is said of a metric: two lists of one length.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    pub(super) keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<PropertyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PropertyValue {
    #[prost(uint32, optional, tag = "1")]
    pub(super) kind: Option<u32>,
    #[prost(bool, optional, tag = "2")]
    pub(super) is_null: Option<bool>,
    #[prost(oneof = "Property", tags = "3, 4")]
    pub(super) value: Option<Property>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Property {
    #[prost(uint32, tag = "3")]
    Int(u32),
    #[prost(uint64, tag = "4")]
    Long(u64),
}

/// A value on the wire; sets, templates and octets are not read.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Content {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    Text(String),
}

/// Names of the data types, by their number.
const TYPES: [&str; 20] = [
    "Unknown", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double",
    "Boolean", "String", "DateTime", "Text", "UUID", "DataSet", "Bytes", "File", "Template",
];
const BOOLEAN: u32 = 11;

/// The name of a data type.
pub(super) fn type_name(kind: u32) -> String {
    let name = usize::try_from(kind).ok().and_then(|at| TYPES.get(at));
    name.map_or_else(|| format!("data type {kind}"), |name| (*name).to_owned())
}

/// A value of a data type; in words why it is none.
pub(super) fn typed(kind: u32, value: Option<&Content>) -> Result<Typed, String> {
    let name = || type_name(kind);
    let Some(value) = value else { return Err(format!("{} without a value that can be read", name())) };
    let typed = match (kind, value) {
        (1, Content::Int(raw)) => signed(*raw, 8),
        (2, Content::Int(raw)) => signed(*raw, 16),
        (3, Content::Int(raw)) => signed(*raw, 32),
        (4, Content::Long(raw)) => Some(i128::from(raw.cast_signed())),
        (5, Content::Int(raw)) => Some(i128::from(*raw)).filter(|raw| *raw <= 0xFF),
        (6, Content::Int(raw)) => Some(i128::from(*raw)).filter(|raw| *raw <= 0xFFFF),
        (7, Content::Int(raw)) => Some(i128::from(*raw)),
        // As nodes before version 3 of the specification send it.
        (7, Content::Long(raw)) => Some(i128::from(*raw)).filter(|raw| *raw <= 0xFFFF_FFFF),
        (8, Content::Long(raw)) => Some(i128::from(*raw)),
        (9, Content::Float(value)) => return Ok(Typed::Real(f64::from(*value))),
        (10, Content::Double(value)) => return Ok(Typed::Real(*value)),
        (BOOLEAN, Content::Boolean(state)) => return Ok(Typed::State(*state)),
        (1..=BOOLEAN, _) => None,
        _ => return Err(format!("{} is not read", name())),
    };
    typed.map(Typed::Whole).ok_or_else(|| format!("its value is no {}", name()))
}

/// Two's complement in so many bits; the bits above repeat the sign or are clear.
fn signed(raw: u32, bits: u32) -> Option<i128> {
    let unused = 32_u32.saturating_sub(bits);
    let value = raw.checked_shl(unused)?.cast_signed().checked_shr(unused)?;
    let clear = raw.checked_shr(bits).unwrap_or(0) == 0;
    (clear || value.cast_unsigned() == raw).then_some(i128::from(value))
}

impl Metric {
    /// What its property `Quality` says: 192 good, 0 bad, 500 stale; anything else is taken for bad.
    pub(super) fn quality(&self) -> Option<Said> {
        let properties = self.properties.as_ref()?;
        let at = properties.keys.iter().position(|key| key == "Quality")?;
        let value = properties.values.get(at);
        let number = value.filter(|value| value.is_null != Some(true)).and_then(|value| match value.value {
            Some(Property::Int(number)) => Some(u64::from(number)),
            Some(Property::Long(number)) => Some(number),
            None => None,
        });
        Some(match number {
            Some(192) => Said::Good,
            Some(500) => Said::Lost,
            _ => Said::Bad,
        })
    }

    /// The number in a metric such as `bdSeq`.
    pub(super) fn number(&self) -> Option<u64> {
        match self.value {
            Some(Content::Int(number)) => Some(u64::from(number)),
            Some(Content::Long(number)) => Some(number),
            _ => None,
        }
    }
}

/// The command that asks a node to be born again.
pub(super) fn rebirth(millis: u64) -> Vec<u8> {
    let metric = Metric {
        name: Some("Node Control/Rebirth".to_owned()),
        timestamp: Some(millis),
        datatype: Some(BOOLEAN),
        value: Some(Content::Boolean(true)),
        ..Metric::default()
    };
    Payload { timestamp: Some(millis), metrics: vec![metric], seq: None }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_its_type() {
        let of = |kind, value| typed(kind, Some(&value)).ok();
        let whole = |value| Some(Typed::Whole(value));
        assert_eq!(of(1, Content::Int(0xFFFF_FFFE)), whole(-2));
        assert_eq!(of(1, Content::Int(0xFE)), whole(-2), "not extended");
        assert_eq!(of(1, Content::Int(0x1FE)), None, "more than eight bits");
        assert_eq!(of(2, Content::Int(0x8000)), whole(-32_768));
        assert_eq!(of(3, Content::Int(u32::MAX)), whole(-1));
        assert_eq!(of(4, Content::Long(u64::MAX)), whole(-1));
        assert_eq!(of(5, Content::Int(256)), None);
        assert_eq!(of(7, Content::Long(4_294_967_295)), whole(4_294_967_295));
        assert_eq!(of(7, Content::Long(4_294_967_296)), None);
        assert_eq!(of(8, Content::Long(u64::MAX)), whole(i128::from(u64::MAX)));
        assert_eq!(of(9, Content::Float(1.5)), Some(Typed::Real(1.5)));
        assert_eq!(of(10, Content::Float(1.5)), None, "not the type of the birth");
        assert_eq!(of(11, Content::Boolean(true)), Some(Typed::State(true)));
        assert_eq!(of(11, Content::Int(1)), None);
        assert_eq!(typed(12, Some(&Content::Text("7".to_owned()))).unwrap_err(), "String is not read");
        assert_eq!(typed(77, Some(&Content::Int(1))).unwrap_err(), "data type 77 is not read");
        assert_eq!(typed(9, None).unwrap_err(), "Float without a value that can be read");
    }
}
