//! From a filled worksheet to an overlay. A confirmation is somebody's signature under a rule, so a sheet that is not
//! wholly clear is refused, everything wrong with it at once, by sheet, row and column.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use config::Source;
use grid::{Cell, Grid, Place, Problem, Workbook};

use super::table::{Column, failed_formula, plain, same};
use crate::profile::{Correction, Day, Entry, Overlay, OverlayFor, Profile, Value};

/// Longest text of a cell that somebody fills.
const TEXT_MAX: usize = 500;
/// What stands for a clause or page that nobody looked up.
const NOTHING: [&str; 8] = ["unknown", "?", "-", "n/a", "na", "none", "tbd", "todo"];

/// What a sheet does not say.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The document that it was filled from.
    pub document: &'a str,
    /// The day of the confirmation.
    pub on: Day,
    /// What was confirmed before and is kept.
    pub before: Option<&'a Overlay>,
}

/// What a filled sheet came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Filled {
    /// The overlay, in the order of the profile.
    pub overlay: Overlay,
    /// Entries that this sheet confirms.
    pub confirmed: usize,
    /// Those of them whose value it corrects.
    pub corrected: usize,
    /// Rows with nothing but a note, which confirm nothing.
    pub noted: usize,
}

impl Filled {
    /// The overlay's file.
    ///
    /// # Errors
    /// Where it cannot be told as TOML, or would not be taken by the profile.
    pub fn toml(&self, profile: &Profile, sheet: &str) -> Result<String, String> {
        let mut text = String::new();
        let head = &profile.head;
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# What was confirmed of the profile {} ({}).", head.id, head.edition);
        let _ = writeln!(text, "# Made by `openrtd rules confirm` from {}.", sheet.escape_debug());
        let _ = writeln!(text, "# Each entry below was read in the document by the person who signed it.");
        let _ = writeln!(
            text,
            "# Use: `overlay` in [site], or --overlay at `openrtd check` and `openrtd rules`.\n"
        );
        text.push_str(&toml::to_string(&self.overlay).map_err(|error| error.to_string())?);
        let told = Source::from_text("overlay", text.as_str());
        profile.clone().with_overlay(&told).map_err(|problems| problems.to_string())?;
        Ok(text)
    }
}

/// The id of the profile that a worksheet says it is of.
#[must_use]
pub fn profile_of(book: &Workbook) -> Option<String> {
    book.grids.iter().find_map(|grid| {
        let header = header(grid)?;
        profile_line(grid, header.row).map(|(_, _, id)| id)
    })
}

/// Makes an overlay of a filled worksheet of `profile` (with whatever overlay is laid over it already).
///
/// # Errors
/// Everything wrong with the sheet.
pub fn confirm(book: &Workbook, profile: &Profile, terms: &Terms<'_>) -> Result<Filled, Vec<Problem>> {
    let (grid, header) = sheet(book).map_err(|problem| vec![problem])?;
    let place = book.place(grid);
    let mut reader = Reader { grid, header: &header, place, profile, problems: Vec::new() };
    reader.is_of_profile();
    let rows = reader.rows(terms);
    let mut problems = reader.problems;
    problems.sort_by(|a, b| a.place.cmp(&b.place));
    problems.dedup();
    if problems.is_empty() && rows.confirmed.is_empty() {
        let message = "nothing is filled: fill clause, page and name of the rows that you found";
        problems.push(book.place(grid).problem(message));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let confirmed = rows.confirmed.len();
    let corrected = rows.confirmed.values().filter(|one| one.value.is_some()).count();
    let mut all = rows.confirmed;
    for one in terms.before.iter().flat_map(|before| &before.confirm) {
        all.insert(one.id.clone(), one.clone());
    }
    let order: Vec<_> = profile.entries().filter_map(|entry| all.remove(&entry.id)).collect();
    let head = OverlayFor { profile: profile.head.id.clone(), document: plain(terms.document) };
    let overlay = Overlay { overlay: head, confirm: order };
    Ok(Filled { overlay, confirmed, corrected, noted: rows.noted })
}

/// A sheet's header.
struct Header {
    row: usize,
    columns: BTreeMap<Column, usize>,
    /// Columns of a name that was there already.
    twice: Vec<(Column, usize)>,
}

/// The row with the titles of a worksheet, whole or not.
fn header(grid: &Grid) -> Option<Header> {
    (0..grid.rows.len()).find_map(|row| {
        let mut found = Header { row, columns: BTreeMap::new(), twice: Vec::new() };
        for (at, cell) in grid.rows.get(row)?.iter().enumerate() {
            if let Some(column) = Column::of(cell)
                && found.columns.contains_key(&column)
            {
                found.twice.push((column, at));
            } else if let Some(column) = Column::of(cell) {
                found.columns.insert(column, at);
            }
        }
        let of_it = Column::NEEDED.iter().filter(|column| found.columns.contains_key(column)).count();
        (of_it >= 2).then_some(found)
    })
}

/// The one sheet that is a worksheet.
fn sheet(book: &Workbook) -> Result<(&Grid, Header), Problem> {
    let mut found = book.grids.iter().filter_map(|grid| Some((grid, header(grid)?)));
    let needed = Column::NEEDED.map(Column::header).join(", ");
    let Some((grid, header)) = found.next() else {
        let what = if book.grids.len() > 1 { "no sheet has" } else { "there is not" };
        return Err(Place::file(&book.file)
            .problem(format!("{what} a row with the titles of a worksheet, which are at least: {needed}")));
    };
    if let Some((other, _)) = found.next() {
        let message = format!("is a second worksheet beside sheet {}: keep one", grid.sheet);
        return Err(book.place(other).problem(message));
    }
    if let Some((column, at)) = header.twice.first() {
        let message = format!("there is already a column `{}`", column.header());
        return Err(book.place(grid).at(header.row, *at).problem(message));
    }
    match Column::NEEDED.iter().find(|column| !header.columns.contains_key(column)) {
        Some(missing) => {
            let message = format!("the header has no column `{}`; needed are: {needed}", missing.header());
            Err(book.place(grid).row(header.row).problem(message))
        }
        None => Ok((grid, header)),
    }
}

/// Row, column and text of the profile's id above the header.
fn profile_line(grid: &Grid, header: usize) -> Option<(usize, usize, String)> {
    (0..header).find_map(|row| {
        let cells = grid.rows.get(row)?;
        let title = cells.iter().position(|cell| plain(&cell.text()).eq_ignore_ascii_case("profile"))?;
        let (at, cell) =
            cells.iter().enumerate().skip(title.saturating_add(1)).find(|(_, cell)| !cell.is_blank())?;
        Some((row, at, plain(&cell.text())))
    })
}

struct Reader<'a> {
    grid: &'a Grid,
    header: &'a Header,
    place: Place,
    profile: &'a Profile,
    problems: Vec<Problem>,
}

#[derive(Default)]
struct Rows {
    confirmed: BTreeMap<String, Correction>,
    noted: usize,
}

impl<'a> Reader<'a> {
    fn problem(&mut self, row: usize, column: Column, message: impl std::fmt::Display) {
        let place = match self.header.columns.get(&column) {
            Some(at) => self.place.at(row, *at),
            None => self.place.row(row),
        };
        self.problems.push(place.problem(format!("{}: {message}", column.header())));
    }

    fn is_of_profile(&mut self) {
        let id = &self.profile.head.id;
        match profile_line(self.grid, self.header.row) {
            Some((_, _, told)) if told == *id => {}
            Some((row, at, told)) => {
                let message = format!("the sheet is of profile `{told}`, not of `{id}`");
                self.problems.push(self.place.at(row, at).problem(message));
            }
            None => {
                let message =
                    "no line above the header says of which profile the sheet is (`profile`, then its id)";
                self.problems.push(self.place.row(self.header.row).problem(message));
            }
        }
    }

    fn cell(&self, row: usize, column: Column) -> &'a Cell {
        self.header.columns.get(&column).map_or(&Cell::Empty, |at| self.grid.shown(row, *at))
    }

    fn rows(&mut self, terms: &Terms<'_>) -> Rows {
        let mut rows = Rows::default();
        let mut seen = BTreeMap::<String, usize>::new();
        for row in self.header.row.saturating_add(1)..self.grid.rows.len() {
            let known = |column: &Column| !self.cell(row, *column).is_blank();
            if !Column::ALL.iter().any(known) {
                continue;
            }
            let filled = Column::ALL.iter().any(|column| {
                column.is_fill() && *column != Column::Note && !self.cell(row, *column).is_blank()
            });
            let Some(entry) = self.entry(row, &mut seen) else { continue };
            let broken = self.problems.len();
            if let Some(confirmed) = &entry.confirmed {
                // Its own columns may say what it was before: what counts is that nothing is signed twice.
                if filled {
                    self.problem(row, Column::Id, format!("`{}` is already {confirmed}", entry.id));
                }
                continue;
            }
            self.own(row, entry);
            self.formulas(row);
            if filled && self.problems.len() == broken {
                if let Some(one) = self.correction(row, entry, terms) {
                    rows.confirmed.insert(one.id.clone(), one);
                }
            } else if !self.cell(row, Column::Note).is_blank() && !filled {
                rows.noted = rows.noted.saturating_add(1);
            }
        }
        rows
    }

    /// The entry of a row.
    fn entry(&mut self, row: usize, seen: &mut BTreeMap<String, usize>) -> Option<&'a Entry> {
        let cell = self.cell(row, Column::Id);
        let id = plain(&cell.text());
        if failed_formula(cell) {
            self.problem(row, Column::Id, format!("holds a formula that failed, `{id}`"));
            return None;
        }
        if id.is_empty() {
            self.problem(row, Column::Id, "is empty, but the row is not");
            return None;
        }
        let Some(entry) = self.profile.entry(&id) else {
            self.problem(row, Column::Id, format!("the profile has no entry `{id}`"));
            return None;
        };
        if let Some(first) = seen.get(&id) {
            let message = format!("`{id}` stands in row {} already", first.saturating_add(1));
            self.problem(row, Column::Id, message);
            return None;
        }
        seen.insert(id, row);
        Some(entry)
    }

    /// Our own columns must say what they said: otherwise nobody knows what was signed.
    fn own(&mut self, row: usize, entry: &Entry) {
        for column in Column::ALL {
            if column.is_fill() || !self.header.columns.contains_key(&column) {
                continue;
            }
            let (found, written) = (self.cell(row, column), column.own(entry, self.profile));
            if failed_formula(found) {
                self.problem(row, column, format!("holds a formula that failed, `{}`", found.text()));
            } else if !same(found, &written) {
                let message = format!(
                    "`{}`, but of `{}` the profile says `{}`: the cell was changed, or the rows were sorted by one \
                     column alone, or the sheet is of another version",
                    plain(&found.text()),
                    entry.id,
                    plain(&written.text())
                );
                self.problem(row, column, message);
            }
        }
    }

    fn formulas(&mut self, row: usize) {
        for column in Column::ALL.into_iter().filter(|column| column.is_fill()) {
            let cell = self.cell(row, column);
            if failed_formula(cell) {
                self.problem(row, column, format!("holds a formula that failed, `{}`", cell.text()));
            }
        }
    }

    fn correction(&mut self, row: usize, entry: &Entry, terms: &Terms<'_>) -> Option<Correction> {
        let before = self.problems.len();
        let [clause, page, name] = Column::SIGNED.map(|column| self.signed(row, column));
        let value = self.value(row, entry);
        let note = self.text(row, Column::Note);
        (self.problems.len() == before).then(|| Correction {
            id: entry.id.clone(),
            clause,
            page,
            value,
            by: name,
            on: terms.on,
            note: (!note.is_empty()).then_some(note),
        })
    }

    /// The text of a cell, where it is one that can be kept.
    fn text(&mut self, row: usize, column: Column) -> String {
        let cell = self.cell(row, column);
        let text = plain(&cell.text());
        if text.chars().count() > TEXT_MAX {
            self.problem(row, column, format!("is longer than {TEXT_MAX} characters"));
        } else if let Some(control) = text.chars().find(|letter| config::is_hidden(*letter)) {
            self.problem(row, column, format!("holds a hidden character, {}", control.escape_unicode()));
        }
        text
    }

    /// One of the three that make a confirmation.
    fn signed(&mut self, row: usize, column: Column) -> String {
        let text = self.text(row, column);
        let cell = self.cell(row, column);
        if text.is_empty() {
            self.problem(row, column, "is empty: a filled row needs clause, page and name");
        } else if NOTHING.contains(&text.to_lowercase().as_str()) {
            let message = format!("`{text}` names none; where it was not found, leave the row empty");
            self.problem(row, column, message);
        } else if column != Column::Page && column != Column::Clause {
            if !text.chars().any(char::is_alphabetic) {
                self.problem(row, column, format!("`{text}` is nobody's name"));
            }
        } else if matches!(cell, Cell::Date(_)) {
            let message = format!(
                "the spreadsheet made a date of it, `{text}`: make the cell one of text and enter it again"
            );
            self.problem(row, column, message);
        } else if matches!(cell, Cell::Number(number) if number.fract() != 0.0) {
            // 6.1 may have been 6.10.
            let message =
                format!("the spreadsheet made a number of it, `{text}`: enter it as text, as '6.10");
            self.problem(row, column, message);
        }
        text
    }

    fn value(&mut self, row: usize, entry: &Entry) -> Option<Value> {
        let text = self.text(row, Column::Value);
        if text.is_empty() {
            return None;
        }
        let Some(ours) = &entry.value else {
            let message =
                format!("`{text}`, but the entry has no value to correct; `note` takes what differs");
            self.problem(row, Column::Value, message);
            return None;
        };
        if matches!(self.cell(row, Column::Value), Cell::Date(_)) {
            self.problem(
                row,
                Column::Value,
                format!("the spreadsheet made a date of it, `{text}`; ours is `{ours}`"),
            );
            return None;
        }
        match ours.parse_like(&text) {
            Err(message) => {
                let message = format!("{message}; ours is `{ours}`");
                self.problem(row, Column::Value, message);
                None
            }
            Ok(value) if value == *ours => None,
            Ok(value) => match self.profile.unfit(&entry.id, &value) {
                Some(message) => {
                    self.problem(row, Column::Value, format!("`{text}`: {message}"));
                    None
                }
                None => Some(value),
            },
        }
    }
}
