//! What every entry of a profile carries: where it comes from, how sure we are, from when to when.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How sure we are of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    /// Remembered practice; number or wording doubtful.
    RecalledWeak,
    /// Remembered practice of the field, not confirmed.
    Recalled,
    /// Follows from a verified fact and ordinary practice.
    Inferred,
    /// Stated by the named source.
    Verified,
    /// Read in the document by a named person: an overlay's word, never a profile's own.
    #[serde(skip_deserializing)]
    Confirmed,
}

impl Tag {
    /// All tags, the surest first.
    pub const ALL: [Self; 5] =
        [Self::Confirmed, Self::Verified, Self::Inferred, Self::Recalled, Self::RecalledWeak];

    /// Whether a finding may cite it without the word 'unconfirmed'.
    #[must_use]
    pub const fn is_citable(self) -> bool {
        matches!(self, Self::Confirmed | Self::Verified | Self::Inferred)
    }

    /// The tag as written in files.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::RecalledWeak => "recalled-weak",
            Self::Recalled => "recalled",
            Self::Inferred => "inferred",
            Self::Verified => "verified",
            Self::Confirmed => "confirmed",
        }
    }

    /// What the tag means, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::RecalledWeak => "remembered practice, number or wording doubtful; not the ISO's word",
            Self::Recalled => "remembered practice of the field, not confirmed; not the ISO's word",
            Self::Inferred => "follows from a verified fact and ordinary practice",
            Self::Verified => "stated by the named source",
            Self::Confirmed => "read in the document that an overlay names, by a person that it names",
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// How much a finding of an entry weighs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Told, never fails a check.
    Note,
    /// Should be mended.
    #[default]
    Warning,
    /// Must be mended.
    Error,
}

impl Severity {
    /// The severity as written in files.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A calendar day, as TOML writes dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub Date);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("`{text}` is no date, allowed: such as 2022-06-30"))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "allowed: a date such as 2022-06-30")]
        enum Written {
            Toml(toml::value::Datetime),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Toml(datetime) => datetime.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date" })
    }
}

/// An entry's own figure, word or list: what a confirmation may correct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "allowed: a number, a word or a list of words")]
pub enum Value {
    /// A number, in the entry's unit.
    Number(f64),
    /// A word.
    Text(String),
    /// Several words.
    List(Vec<String>),
}

impl Value {
    /// The number, where it is one.
    #[must_use]
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The word, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in words.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Text(_) => "a word",
            Self::List(_) => "a list of words",
        }
    }

    /// A value of the same form from what somebody wrote into a worksheet.
    ///
    /// # Errors
    /// What is allowed instead.
    pub fn parse_like(&self, text: &str) -> Result<Self, String> {
        let text = text.trim();
        match self {
            Self::Number(_) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Self::Number(number)),
                _ => Err(format!("`{text}` is not a number")),
            },
            Self::Text(_) if text.is_empty() => Err("is empty".to_owned()),
            Self::Text(_) => Ok(Self::Text(text.to_owned())),
            Self::List(_) => {
                let parts: Vec<_> = text.split(',').map(|part| part.trim().to_owned()).collect();
                match parts.iter().any(String::is_empty) {
                    true => Err(format!("`{text}` is no list, allowed: words with commas between")),
                    false => Ok(Self::List(parts)),
                }
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::List(words) => f.write_str(&words.join(", ")),
        }
    }
}

/// Who confirmed an entry against the manual, and where it stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Who.
    pub by: String,
    /// When.
    pub on: Day,
    /// Page of the manual.
    pub page: String,
    /// What else the reader found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "confirmed by {} on {}, page {}", self.by, self.on, self.page)
    }
}

/// The part of a profile's file that an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// `[[setting]]`
    Setting,
    /// `[[threshold]]`
    Threshold,
    /// `[[point]]`
    Point,
    /// `[[met]]`
    Met,
    /// `[[paper]]`
    Paper,
    /// `[[step]]`
    Step,
    /// `[[rule]]`
    Rule,
}

impl Table {
    /// All tables, in the order in which they are told.
    pub const ALL: [Self; 7] =
        [Self::Setting, Self::Threshold, Self::Point, Self::Met, Self::Paper, Self::Step, Self::Rule];

    /// Its name in the file.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Threshold => "threshold",
            Self::Point => "point",
            Self::Met => "met",
            Self::Paper => "paper",
            Self::Step => "step",
            Self::Rule => "rule",
        }
    }
}

/// What every entry carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Dotted, lower case, unique in the profile.
    pub id: String,
    /// The table of the file that it stands in.
    pub table: Table,
    /// The section of a report that it belongs to.
    pub section: String,
    /// One line that says it.
    pub title: String,
    /// Clause as far as known, or `unknown`.
    pub clause: String,
    /// Ids of the profile's sources; at least one.
    pub sources: Vec<String>,
    /// How sure we are, before any confirmation.
    pub tag: Tag,
    /// How much a finding weighs.
    pub severity: Severity,
    /// In force from this day on; `None`: from when is not known.
    pub since: Option<Day>,
    /// In force until the day before.
    pub until: Option<Day>,
    /// Why it exists.
    pub why: Option<String>,
    /// Its own figure, word or list.
    pub value: Option<Value>,
    /// Unit of the value.
    pub unit: Option<String>,
    /// What else is to be known.
    pub note: Option<String>,
    /// How to mend what it finds.
    pub fix: Option<String>,
    /// Who confirmed it.
    pub confirmed: Option<Confirmation>,
    /// The value before it was corrected, where it was.
    pub corrected_from: Option<Value>,
}

impl Entry {
    /// Whether it is in force on `day`.
    #[must_use]
    pub fn in_force(&self, day: Day) -> bool {
        self.since.is_none_or(|since| since <= day) && self.until.is_none_or(|until| day < until)
    }

    /// Whether there is a day on which both are in force.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let ends_before = |one: &Self, other: &Self| match (one.until, other.since) {
            (Some(until), Some(since)) => until <= since,
            _ => false,
        };
        !ends_before(self, other) && !ends_before(other, self)
    }

    /// How sure we are after confirmations.
    #[must_use]
    pub const fn certainty(&self) -> Tag {
        if self.confirmed.is_some() { Tag::Confirmed } else { self.tag }
    }

    /// The title as a report tells it: a title may name the figure that somebody corrected.
    #[must_use]
    pub fn told_title(&self) -> String {
        match (&self.corrected_from, &self.value) {
            (Some(was), Some(now)) => {
                let unit = self.unit.as_deref().map_or_else(String::new, |unit| format!(" {unit}"));
                format!("{} (corrected: {now}{unit}, was {was})", self.title)
            }
            _ => self.title.clone(),
        }
    }

    /// Tag, sources and clause, as a report tells them.
    #[must_use]
    pub fn provenance(&self) -> String {
        let clause = match self.clause.as_str() {
            "unknown" => "clause unknown".to_owned(),
            clause => format!("clause {clause}"),
        };
        match &self.confirmed {
            Some(confirmed) => {
                let corrected = match (&self.corrected_from, &self.value) {
                    (Some(before), Some(now)) => format!("; value corrected from `{before}` to `{now}`"),
                    _ => String::new(),
                };
                format!("{confirmed} (was {}); {clause}{corrected}", self.tag)
            }
            None if self.tag.is_citable() => format!("{} {}; {clause}", self.tag, self.sources.join(" ")),
            None => format!("{} {}, unconfirmed; {clause}", self.tag, self.sources.join(" ")),
        }
    }
}
