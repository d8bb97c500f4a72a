//! Where everything in a file stands, for whoever judges it after it was read.
//!
//! A reader points at what it has just read. A rule that looks at the whole afterwards, and at what is *not* there,
//! needs the way back: from the path of a field to its line and column.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The places of all keys, tables and array elements of a file, by path such as `analog[2].unit`.
#[derive(Clone, Debug, Default)]
pub struct Places {
    text: String,
    lines: Lines,
    /// Octet offsets by path.
    starts: BTreeMap<String, usize>,
}

impl Places {
    pub(crate) fn of(text: &str, lines: &Lines) -> Self {
        let mut places = Self { text: text.to_owned(), lines: lines.clone(), starts: BTreeMap::new() };
        // What is no TOML has no places: the reader has told why.
        if let Ok(table) = DeTable::parse(text) {
            places.table(table.get_ref(), "");
        }
        places
    }

    /// Line and column, both from 1, of what has this path; `None` where the file has no such thing. The place of a
    /// field is that of its value, the place of a table or of an element of an array of tables that of its header.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<(usize, usize)> {
        self.starts.get(path).map(|start| self.lines.at(&self.text, *start))
    }

    /// As [`Self::at`]; where the file has no such thing, the place of the nearest thing around it that it has, at
    /// last its beginning.
    #[must_use]
    pub fn nearest(&self, path: &str) -> (usize, usize) {
        let mut path = path;
        loop {
            if let Some(at) = self.at(path) {
                return at;
            }
            let Some(around) = path.rfind(['.', '[']).and_then(|end| path.get(..end)) else { return (1, 1) };
            path = around;
        }
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.starts.keys().map(String::as_str)
    }

    fn table(&mut self, table: &DeTable<'_>, path: &str) {
        let dot = if path.is_empty() { "" } else { "." };
        for (key, value) in table {
            // A table that no header of its own opens (`a` of `[a.b]`) stands where its name does.
            let start = match value.get_ref() {
                DeValue::Table(_) | DeValue::Array(_) if value.span().is_empty() => key.span().start,
                _ => value.span().start,
            };
            self.value(value, start, format!("{path}{dot}{}", key.get_ref()));
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, start: usize, path: String) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, &path),
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.value(item, item.span().start, format!("{path}[{at}]"));
                }
            }
            _ => {}
        }
        self.starts.insert(path, start);
    }
}

/// Where the lines of a text begin: a file with many things wrong is not counted through anew for each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        Self(std::iter::once(0).chain(after).collect())
    }

    /// Line and column of an octet offset into the text, both from 1, columns in characters.
    pub(crate) fn at(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = if text.is_char_boundary(offset) { offset } else { text.len() };
        let line = self.0.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|line| self.0.get(line)).copied().unwrap_or(0);
        (line.max(1), text.get(start..offset).map_or(0, |before| before.chars().count()).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use crate::Source;

    const TEXT: &str = "# a site\n[site]\nname = 'é' # x\ntags = ['a', 'b']\n\n[[analog]]\nid = 'a'\n\
                        source = { device = 'm', sunspec = '203.W' }\n[[analog]]\nid = 'b'\n[a.b]\nc.d = 1\n\
                        [[setpoint]]\nfeedback = { id = 'f' }\n[[setpoint.drive]]\ndevice = 'x'\n\
                        [[setpoint.drive]]\ndevice = 'y'\n";

    #[test]
    fn every_path_has_its_place() {
        let places = Source::from_text("s.toml", TEXT).places();
        let found: Vec<_> = places.paths().map(|path| (path, places.at(path).unwrap())).collect();
        let wanted = [
            ("a", (11, 2)),
            ("a.b", (11, 1)),
            ("a.b.c", (12, 1)),
            ("a.b.c.d", (12, 7)),
            ("analog", (6, 1)),
            ("analog[0]", (6, 1)),
            ("analog[0].id", (7, 6)),
            ("analog[0].source", (8, 10)),
            ("analog[0].source.device", (8, 21)),
            ("analog[0].source.sunspec", (8, 36)),
            ("analog[1]", (9, 1)),
            ("analog[1].id", (10, 6)),
            ("setpoint", (13, 1)),
            ("setpoint[0]", (13, 1)),
            ("setpoint[0].drive", (15, 1)),
            ("setpoint[0].drive[0]", (15, 1)),
            ("setpoint[0].drive[0].device", (16, 10)),
            ("setpoint[0].drive[1]", (17, 1)),
            ("setpoint[0].drive[1].device", (18, 10)),
            ("setpoint[0].feedback", (14, 12)),
            ("setpoint[0].feedback.id", (14, 19)),
            ("site", (2, 1)),
            ("site.name", (3, 8)),
            ("site.tags", (4, 8)),
            ("site.tags[0]", (4, 9)),
            ("site.tags[1]", (4, 14)),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_not_there_is_told_at_what_is_around_it() {
        let places = Source::from_text("s.toml", TEXT).places();
        assert_eq!(places.at("analog[1].unit"), None);
        assert_eq!(places.nearest("analog[1].unit"), (9, 1));
        assert_eq!(places.nearest("analog[0].source.scale"), (8, 10));
        assert_eq!(places.nearest("setpoint[0].feedback.name"), (14, 12));
        assert_eq!(places.nearest("analog[7].unit"), (6, 1));
        assert_eq!(places.nearest("tls.key"), (1, 1));
        assert_eq!(places.nearest(""), (1, 1));
    }

    #[test]
    fn every_offset_has_its_line_and_column() {
        let text = "é\n\nab";
        let lines = super::Lines::of(text);
        let told: Vec<_> = [0, 2, 3, 4, 5, 6].map(|offset| lines.at(text, offset)).into();
        assert_eq!(told, [(1, 1), (1, 2), (2, 1), (3, 1), (3, 2), (3, 3)]);
        // Within a character, and beyond the end.
        assert_eq!((lines.at(text, 1), lines.at(text, 99)), ((3, 3), (3, 3)));
        assert_eq!(super::Lines::of("").at("", 0), (1, 1));
    }

    #[test]
    fn what_is_no_toml_has_no_places() {
        let places = Source::from_text("s.toml", "[site\nname = 1\n").places();
        assert_eq!((places.at("site"), places.nearest("site.name")), (None, (1, 1)));
    }
}
