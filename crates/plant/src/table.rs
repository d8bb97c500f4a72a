//! Tables of figures: commas between the cells, `#` before a comment, the first line names the columns.
//!
//! What drives the plant are measured files, of this program or of a user's own; each says where a cell of it is wrong.

use std::rc::Rc;

use config::{Problem, Problems, Source};

/// One line of a table.
pub(crate) struct Row<'a> {
    source: &'a Source,
    line: usize,
    cells: Vec<&'a str>,
    /// Where each column stands that was asked for.
    places: Rc<[(&'static str, usize)]>,
}

impl<'a> Row<'a> {
    /// The first cell, whatever it is called.
    pub(crate) fn first(&self) -> &'a str {
        self.cells.first().copied().unwrap_or("")
    }

    /// The cell of a column that was asked for; empty where the line is too short.
    pub(crate) fn text(&self, name: &str) -> &'a str {
        let place = self.places.iter().find(|(known, _)| *known == name);
        place.and_then(|(_, at)| self.cells.get(*at)).copied().unwrap_or("")
    }

    /// The figure of a column.
    ///
    /// # Errors
    /// What is no number, or none that an instrument can say.
    pub(crate) fn number(&self, name: &str, (low, high): (f64, f64)) -> Result<f64, Problems> {
        let cell = self.text(name);
        let value: f64 = cell.parse().map_err(|_| self.problem(name, format!("`{cell}` is no number")))?;
        if !(low..=high).contains(&value) {
            return Err(self.problem(name, format!("`{cell}`, allowed: {low} to {high}")));
        }
        Ok(value)
    }

    /// The figure of a column that may have gaps: an empty cell, or `nan`.
    ///
    /// # Errors
    /// As [`Self::number`].
    pub(crate) fn gap_or_number(&self, name: &str, range: (f64, f64)) -> Result<Option<f64>, Problems> {
        let cell = self.text(name);
        if cell.is_empty() || cell.eq_ignore_ascii_case("nan") {
            return Ok(None);
        }
        self.number(name, range).map(Some)
    }

    /// A problem of this line.
    pub(crate) fn problem(&self, field: &str, message: String) -> Problems {
        at(self.source, self.line, field, message)
    }
}

fn at(source: &Source, line: usize, field: &str, message: String) -> Problems {
    Problems::from(Problem {
        file: source.file().to_owned(),
        at: Some((line, 1)),
        field: field.to_owned(),
        message,
    })
}

/// Hands out line by line what follows the heading.
///
/// # Errors
/// A column that the heading lacks, or the first line that `take` refuses.
pub(crate) fn each<'a>(
    source: &'a Source,
    names: &[&'static str],
    mut take: impl FnMut(&Row<'a>) -> Result<(), Problems>,
) -> Result<(), Problems> {
    let lines = || {
        let all = source.text().lines().enumerate();
        all.filter(|(_, text)| !text.starts_with('#') && !text.trim().is_empty())
            .map(|(at, text)| (at + 1, text.split(',').map(str::trim).collect::<Vec<_>>()))
    };
    let mut places = Vec::new();
    if let Some((line, heading)) = lines().next() {
        for name in names {
            match heading.iter().position(|cell| cell == name) {
                Some(column) => places.push((*name, column)),
                None => return Err(at(source, line, name, "no such column".to_owned())),
            }
        }
    }
    let places: Rc<[_]> = places.into();
    for (line, cells) in lines().skip(1) {
        take(&Row { source, line, cells, places: Rc::clone(&places) })?;
    }
    Ok(())
}
