//! Numbers that predicates compare with: written out, taken from an entry, or from the resource's Master File.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// A figure of the resource's Master File.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Figure {
    /// Least output, MW.
    Pmin,
    /// Greatest output, MW.
    Pmax,
    /// Rated capacity, MW.
    Capacity,
    /// Least energy, MWh.
    EnergyMin,
    /// Most energy, MWh.
    EnergyMax,
    /// Ramp rate, MW/min.
    Ramp,
    /// Whether the plant's coordinates are given; no number.
    Location,
    /// Whether the resource's id is given; no number.
    Id,
    /// Whether the device's name at the ISO is given; no number.
    DeviceName,
}

impl Figure {
    /// All figures.
    pub const ALL: [Self; 9] = [
        Self::Pmin,
        Self::Pmax,
        Self::Capacity,
        Self::EnergyMin,
        Self::EnergyMax,
        Self::Ramp,
        Self::Location,
        Self::Id,
        Self::DeviceName,
    ];

    /// The figure as profiles write it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Pmin => "pmin",
            Self::Pmax => "pmax",
            Self::Capacity => "capacity",
            Self::EnergyMin => "energy-min",
            Self::EnergyMax => "energy-max",
            Self::Ramp => "ramp",
            Self::Location => "location",
            Self::Id => "id",
            Self::DeviceName => "device-name",
        }
    }

    /// The key (or keys) of `site.toml` that give it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Pmin => "pmin_mw",
            Self::Pmax => "pmax_mw",
            Self::Capacity => "capacity_mw",
            Self::EnergyMin => "energy_min_mwh",
            Self::EnergyMax => "energy_max_mwh",
            Self::Ramp => "ramp_mw_per_min",
            Self::Location => "latitude, longitude and elevation_m",
            Self::Id => "id",
            Self::DeviceName => "device_name",
        }
    }

    /// Whether only the resource has it, never a component.
    #[must_use]
    pub const fn is_of_resource(self) -> bool {
        matches!(self, Self::Id | Self::DeviceName)
    }

    const fn is_number(self) -> bool {
        !matches!(self, Self::Location | Self::Id | Self::DeviceName)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for Figure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|figure| figure.text() == text).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|figure| figure.text()).collect();
            format!("unknown figure `{text}`, allowed: {}", all.join(", "))
        })
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Figure {
    fn schema_name() -> Cow<'static, str> {
        "Figure".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let all: Vec<_> = Self::ALL.iter().map(|figure| figure.text()).collect();
        json_schema!({ "type": "string", "enum": all })
    }
}

/// A number to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// Written out.
    Number(f64),
    /// The value of the entry of this id.
    Entry(String),
    /// A figure of the Master File.
    Figure(Figure),
    /// A figure of the Master File with its sign turned: the charging side of a battery.
    Minus(Figure),
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"@entry.id\" or a Master File figure such as \"pmax\"")
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Amount, E> {
                if number.is_finite() { Ok(Amount::Number(number)) } else { Err(E::custom("not finite")) }
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Amount, E> {
                i32::try_from(number)
                    .map(|number| Amount::Number(number.into()))
                    .map_err(|_| E::custom(format!("{number}, allowed: up to {}", i32::MAX)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Amount, E> {
                if let Some(entry) = text.strip_prefix('@') {
                    return Ok(Amount::Entry(entry.to_owned()));
                }
                let (minus, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
                let figure: Figure = name.parse().map_err(E::custom)?;
                match (figure.is_number(), minus) {
                    (false, _) => Err(E::custom(format!("`{figure}` is no number"))),
                    (true, false) => Ok(Amount::Figure(figure)),
                    (true, true) => Ok(Amount::Minus(figure)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "a number, \"@entry.id\" (the value of that entry) or a Master File figure",
            "anyOf": [
                { "type": "number" },
                { "type": "string", "pattern": "^(@.+|-?(pmin|pmax|capacity|energy-min|energy-max|ramp))$" }
            ]
        })
    }
}

/// Limits of a number; at least one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// This or more.
    pub at_least: Option<Amount>,
    /// More than this.
    pub above: Option<Amount>,
    /// This or less.
    pub at_most: Option<Amount>,
    /// Less than this.
    pub below: Option<Amount>,
}

impl Bounds {
    /// Each limit with its word.
    pub fn limits(&self) -> impl Iterator<Item = (Limit, &Amount)> {
        [
            (Limit::AtLeast, &self.at_least),
            (Limit::Above, &self.above),
            (Limit::AtMost, &self.at_most),
            (Limit::Below, &self.below),
        ]
        .into_iter()
        .filter_map(|(limit, amount)| Some((limit, amount.as_ref()?)))
    }

    /// What is wrong with limits that no number keeps.
    pub(crate) fn defect(&self) -> Option<String> {
        let numbers = |wanted: [Limit; 2]| {
            self.limits().filter(move |(limit, _)| wanted.contains(limit)).filter_map(|(limit, amount)| {
                match amount {
                    Amount::Number(number) => Some((limit, *number)),
                    _ => None,
                }
            })
        };
        let ceilings: Vec<_> = numbers([Limit::AtMost, Limit::Below]).collect();
        for (floor, low) in numbers([Limit::AtLeast, Limit::Above]) {
            for (ceiling, high) in &ceilings {
                let both = low == *high && (floor, *ceiling) == (Limit::AtLeast, Limit::AtMost);
                if low >= *high && !both {
                    let (floor, ceiling) = (floor.words(), ceiling.words());
                    return Some(format!("holds for no number: {floor} {low} and {ceiling} {high}"));
                }
            }
        }
        None
    }
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `<`
    Below,
}

impl Limit {
    /// Whether `number` keeps the limit. A last digit lost to binary fractions is no breach.
    #[must_use]
    pub fn holds(self, number: f64, limit: f64) -> bool {
        let slack = 1e-9 * limit.abs().max(1.0);
        match self {
            Self::AtLeast => number >= limit - slack,
            Self::Above => number > limit,
            Self::AtMost => number <= limit + slack,
            Self::Below => number < limit,
        }
    }

    /// Whether it limits from below.
    #[must_use]
    pub const fn is_lower(self) -> bool {
        matches!(self, Self::AtLeast | Self::Above)
    }

    /// The limit in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AtLeast => "at least",
            Self::Above => "above",
            Self::AtMost => "at most",
            Self::Below => "below",
        }
    }
}
