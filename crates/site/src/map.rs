//! Register maps of common devices, as data: a point names a reading, the map says where it lies.
//!
//! A map is only as good as its source, so each tells it: what it was taken from, the manufacturer's document that this
//! names, and whether anybody here has seen that document.

use std::ops::Range;
use std::sync::Arc;

use config::{Problems, Source, Spanned};
use serde::Deserialize;
use telemetry::Unit;

use crate::device::{RegisterTable, RegisterType, WordOrder};

/// What comes with the program: names, and the files.
const SHIPPED: [(&str, &str); 3] = [
    ("eastron-sdm120", include_str!("../maps/eastron-sdm120.toml")),
    ("eastron-sdm230", include_str!("../maps/eastron-sdm230.toml")),
    ("eastron-sdm630", include_str!("../maps/eastron-sdm630.toml")),
];

/// A device's registers by name.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterMap {
    /// What it is called.
    pub name: Arc<str>,
    /// The device, as its maker calls it.
    pub device: Arc<str>,
    /// What it was taken from.
    pub source: Arc<str>,
    /// The manufacturer's document that the source names.
    pub document: Arc<str>,
    /// How far it is known to be right.
    pub tag: MapTag,
    /// What can be read, in the order of the file; no name twice, no register in two.
    pub readings: Vec<MapReading>,
}

/// How far a map is known to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapTag {
    /// Taken from the manufacturer's own document.
    Document,
    /// Taken from somebody who names that document: to be checked against it before it is relied on.
    SecondHand,
    /// Written at the site.
    Own,
}

/// One reading of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct MapReading {
    /// Its name.
    pub name: Arc<str>,
    /// Which of the device's tables.
    pub table: RegisterTable,
    /// Protocol address, from 0.
    pub register: u16,
    /// How the registers are read.
    pub kind: RegisterType,
    /// Order of the registers of a value of several.
    pub word_order: WordOrder,
    /// Units for each step of the raw value.
    pub scale: f64,
    /// Its unit.
    pub unit: Unit,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMap {
    map: RawHead,
    reading: Vec<RawReading>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHead {
    device: String,
    source: String,
    document: String,
    tag: MapTag,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReading {
    name: Spanned<String>,
    table: RegisterTable,
    register: Spanned<u16>,
    #[serde(rename = "type")]
    kind: RegisterType,
    word_order: WordOrder,
    scale: Option<Spanned<f64>>,
    unit: Unit,
}

impl RegisterMap {
    /// Names of the maps that come with the program.
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// The text of a map that comes with the program.
    #[must_use]
    pub fn shipped_text(name: &str) -> Option<&'static str> {
        SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// Reads a map.
    ///
    /// # Errors
    /// Everything wrong with it, at its lines and columns.
    pub fn read(name: &str, file: &Source) -> Result<Self, Problems> {
        let raw: RawMap = file.parse()?;
        let mut problems = Problems::default();
        let mut add = |at: Range<usize>, field: String, message: String| {
            problems.add(file.problem(at, field, message));
        };
        let mut readings: Vec<MapReading> = Vec::new();
        for (at, raw) in raw.reading.iter().enumerate() {
            let field = |name: &str| format!("reading[{at}].{name}");
            let (name, register) = (raw.name.get_ref(), *raw.register.get_ref());
            let Some(end) = register.checked_add(raw.kind.registers()) else {
                add(raw.register.span(), field("register"), "reaches beyond register 65535".to_owned());
                continue;
            };
            let overlaps = |other: &&MapReading| {
                other.table == raw.table
                    && other.register < end
                    && register < other.register.saturating_add(other.kind.registers())
            };
            if let Some(other) = readings.iter().find(overlaps) {
                let message = format!("{register} to {} is also in `{}`", end - 1, other.name);
                add(raw.register.span(), field("register"), message);
            }
            if readings.iter().any(|other| *other.name == **name) {
                add(raw.name.span(), field("name"), format!("there is already a reading `{name}`"));
            }
            let scale = raw.scale.as_ref().map_or(1.0, |scale| *scale.get_ref());
            if let Some(text) = raw.scale.as_ref().filter(|_| !(scale.is_finite() && scale != 0.0)) {
                add(text.span(), field("scale"), format!("{scale}, must be a number but 0"));
            }
            readings.push(MapReading {
                name: name.as_str().into(),
                table: raw.table,
                register,
                kind: raw.kind,
                word_order: raw.word_order,
                scale,
                unit: raw.unit,
            });
        }
        let RawHead { device, source, document, tag } = raw.map;
        let (device, source, document) = (device.into(), source.into(), document.into());
        problems.into_result(Self { name: name.into(), device, source, document, tag, readings })
    }

    /// The reading of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&MapReading> {
        self.readings.iter().find(|reading| &*reading.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_reads_and_names_its_source() {
        for name in RegisterMap::shipped() {
            let text = RegisterMap::shipped_text(name).unwrap();
            let map = RegisterMap::read(name, &Source::from_text(name, text)).unwrap();
            assert!(!map.readings.is_empty(), "{name}");
            assert!(!map.source.is_empty() && map.document.starts_with("https://"), "{name}");
            let power = map.find("active_power").unwrap();
            assert_eq!(power.unit.dimension(), Unit::Megawatt.dimension(), "{name}");
        }
    }

    #[test]
    fn what_lies_in_another_is_told() {
        let head = "[map]\ndevice = 'd'\nsource = 's'\ndocument = 'o'\ntag = 'own'\n";
        let reading = |name: &str, register: u16| {
            format!(
                "[[reading]]\nname = '{name}'\ntable = 'input'\nregister = {register}\ntype = 'f32'\n\
                 word_order = 'big'\nunit = 'W'\n"
            )
        };
        for (readings, wanted) in [
            ([reading("a", 4), reading("b", 5)], "5 to 6 is also in `a`"),
            ([reading("a", 4), reading("a", 6)], "already a reading `a`"),
            ([reading("a", 4), reading("b", 65_535)], "beyond register 65535"),
        ] {
            let text = [head, &readings.concat()].concat();
            let told = RegisterMap::read("m", &Source::from_text("m.toml", text)).unwrap_err().to_string();
            assert!(told.contains(wanted), "{told}");
        }
    }
}
