//! Sources by the name of a reading, where their device has a register map.

use config::{Source, Spanned};

use super::Check;
use crate::device::DeviceIx;
use crate::map::{MapReading, RegisterMap};
use crate::raw::RawSource;

impl Check<'_> {
    /// A map that comes with the program, or one of a file.
    pub(super) fn map(&mut self, field: &str, name: &Spanned<String>) -> Option<RegisterMap> {
        let text = name.get_ref();
        let read = match RegisterMap::shipped_text(text) {
            Some(shipped) => RegisterMap::read(text, &Source::from_text(text, shipped)),
            None if text.ends_with(".toml") => {
                Source::read(self.source.resolve(text)).and_then(|file| RegisterMap::read(text, &file))
            }
            None => {
                let known: Vec<&str> = RegisterMap::shipped().collect();
                let message =
                    format!("`{text}`, allowed: a file that ends in .toml, or one of {}", known.join(", "));
                self.problem(name.span(), field, message);
                return None;
            }
        };
        match read {
            Ok(map) => Some(map),
            Err(problems) => {
                self.problem(name.span(), field, problems.to_string());
                None
            }
        }
    }

    /// What the device's map says of a source that names a reading; problems are told.
    pub(super) fn mapped(
        &mut self,
        field: &str,
        raw: &Spanned<RawSource>,
        at: DeviceIx,
    ) -> Option<MapReading> {
        let source = raw.get_ref();
        let name = source.reading.as_ref()?;
        let given = [
            ("register", source.register.as_ref().map(Spanned::span)),
            ("table", source.table.as_ref().map(Spanned::span)),
            ("type", source.kind.as_ref().map(Spanned::span)),
            ("word_order", source.word_order.as_ref().map(Spanned::span)),
            ("scale", source.scale.as_ref().map(Spanned::span)),
            ("unit", source.unit.as_ref().map(Spanned::span)),
        ];
        for (key, span) in given {
            if let Some(span) = span {
                let message = "has no meaning beside `reading`: the map tells it".to_owned();
                self.problem(span, format!("{field}.{key}"), message);
            }
        }
        let found = match self.maps.get(at.get()).and_then(Option::as_ref) {
            Some(map) => map.find(name.get_ref()).cloned().ok_or_else(|| {
                let known: Vec<&str> = map.readings.iter().map(|reading| &*reading.name).collect();
                format!("`{}` is not in map {}, known: {}", name.get_ref(), map.name, known.join(", "))
            }),
            None => Err("the device has no `map`".to_owned()),
        };
        match found {
            Ok(reading) => Some(reading),
            Err(message) => {
                self.problem(name.span(), format!("{field}.reading"), message);
                None
            }
        }
    }
}
