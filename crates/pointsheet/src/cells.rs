//! One cell at a time: what is allowed in it, and what is said where something else stands there.

use grid::{Cell, Place};
use telemetry::Unit;
use telemetry::scale::{COUNTS_AT_FULL_SCALE, UNITS_AT_FULL_SCALE};

use crate::Problems;
use crate::frame::Field;
use crate::model::{StateForm, States};
use crate::units;

/// What an index may be.
const INDEX_ALLOWED: &str = "allowed: 1 to 65535, or 0 or empty where the point is not served";
/// What the text of the states may be.
const STATES_ALLOWED: &str = "allowed: Zero\\One or 0\\Zero\\1\\One";

/// A row's cells, and what is wrong with them.
pub(crate) struct Cells<'a> {
    pub(crate) row: usize,
    pub(crate) place: &'a Place,
    pub(crate) problems: &'a mut Problems,
}

/// A cell of a field: its column and what stands there; `None` where the table has no such column.
pub(crate) type At<'a> = Option<(usize, &'a Cell)>;

impl Cells<'_> {
    fn problem(&mut self, column: usize, message: String) {
        self.problems.add(self.place.at(self.row, column), message);
    }

    /// The text of a cell; empty where there is none, or a formula that failed.
    pub(crate) fn text(&mut self, field: Field, at: At<'_>) -> String {
        match at {
            Some((column, Cell::Error(mark))) => {
                self.failed(field, column, mark);
                String::new()
            }
            // What a cell shows is one line here: a line break in it is a blank.
            Some((column, cell)) => {
                let text = cell.text().split_whitespace().collect::<Vec<_>>().join(" ");
                if let Some(hidden) = text.chars().find(|letter| config::is_hidden(*letter)) {
                    let (title, code) = (field.title(), u32::from(hidden));
                    self.problem(
                        column,
                        format!("`{title}` holds the hidden character U+{code:04X}: type it again"),
                    );
                }
                text
            }
            None => String::new(),
        }
    }

    /// As [`Self::text`], where something must stand.
    pub(crate) fn needed(&mut self, field: Field, at: At<'_>) -> String {
        if let Some((column, cell)) = at
            && cell.is_blank()
        {
            self.problem(column, format!("`{}` is empty", field.title()));
        }
        self.text(field, at)
    }

    fn failed(&mut self, field: Field, column: usize, mark: &str) {
        let why = if mark == grid::UNVALUED {
            "open the file in a spreadsheet program and save it"
        } else {
            "a formula that failed"
        };
        self.problem(column, format!("`{}` is {mark}: {why}", field.title()));
    }

    /// The number in a cell; `None` where it is blank, or none, which is told with what is allowed.
    fn number(&mut self, field: Field, at: At<'_>, allowed: &str) -> Option<(usize, f64)> {
        let (column, cell) = at?;
        if cell.is_blank() {
            return None;
        }
        if let Cell::Error(mark) = cell {
            self.failed(field, column, mark);
            return None;
        }
        if let Some(number) = cell.number() {
            return Some((column, number));
        }
        let text = cell.text();
        let hint = if text.contains(',') { " (a decimal point is meant, and no thousands)" } else { "" };
        self.problem(column, format!("`{}` is `{text}`, which is no number{hint}; {allowed}", field.title()));
        None
    }

    /// As [`Self::number`], where only whole ones are meant: 32.000 as text is 32 in one country, 32000 in another.
    fn whole(&mut self, field: Field, at: At<'_>, allowed: &str) -> Option<(usize, f64)> {
        let found = self.number(field, at, allowed)?;
        if let Some((column, Cell::Text(text))) = at
            && of_thousands(text.trim())
        {
            let title = field.title();
            self.problem(
                column,
                format!("`{title}` is `{text}`, which has a point and no fraction; {allowed}"),
            );
            return None;
        }
        Some(found)
    }

    /// A DNP3 index, `None` where there is none, and whether the row means to be served: a slip in the index is no
    /// reason to pass over what else is wrong.
    pub(crate) fn index(&mut self, at: At<'_>) -> (Option<u16>, bool) {
        let Some((column, number)) = self.whole(Field::Index, at, INDEX_ALLOWED) else {
            return (None, at.is_some_and(|(_, cell)| !cell.is_blank()));
        };
        let number = shown(number);
        if number.fract() == 0.0 && (0.0..=65_535.0).contains(&number) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 65535")]
            let index = Some(number as u16).filter(|index| *index > 0);
            return (index, index.is_some());
        }
        self.problem(column, format!("`{}` is {number}; {INDEX_ALLOWED}", Field::Index.title()));
        (None, true)
    }

    /// Units at full scale.
    pub(crate) fn max_units(&mut self, at: At<'_>, served: bool) -> Option<f64> {
        let (least, most) = UNITS_AT_FULL_SCALE.into_inner();
        let allowed = format!("allowed: {least} to {most}");
        if served {
            self.blank(Field::MaxUnits, at, &allowed);
        }
        let (column, number) = self.number(Field::MaxUnits, at, &allowed)?;
        if UNITS_AT_FULL_SCALE.contains(&number) {
            return Some(number);
        }
        // What is not served may say 0.
        if served || number != 0.0 {
            self.problem(column, format!("`{}` is {number}; {allowed}", Field::MaxUnits.title()));
        }
        None
    }

    /// Counts at full scale.
    pub(crate) fn max_counts(&mut self, at: At<'_>, served: bool) -> Option<u32> {
        let (least, most) = COUNTS_AT_FULL_SCALE.into_inner();
        let allowed = format!("allowed: whole numbers from {least} to {most}");
        if served {
            self.blank(Field::MaxCounts, at, &allowed);
        }
        let (column, number) = self.whole(Field::MaxCounts, at, &allowed)?;
        let number = shown(number);
        if COUNTS_AT_FULL_SCALE.contains(&number) && number.fract() == 0.0 {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 2147483647")]
            return Some(number as u32);
        }
        if served || number != 0.0 {
            self.problem(column, format!("`{}` is {number}; {allowed}", Field::MaxCounts.title()));
        }
        None
    }

    fn blank(&mut self, field: Field, at: At<'_>, allowed: &str) {
        if let Some((column, cell)) = at
            && cell.is_blank()
        {
            self.problem(column, format!("`{}` is empty; {allowed}", field.title()));
        }
    }

    /// The unit as spelled and as meant.
    pub(crate) fn unit(&mut self, at: At<'_>, served: bool) -> (String, Option<Unit>) {
        let text = self.text(Field::Unit, at);
        let unit = units::meant(&text);
        if let (true, Some((column, cell)), None) = (served, at, unit)
            && !matches!(cell, Cell::Error(_))
        {
            let found =
                if text.is_empty() { "empty".to_owned() } else { format!("`{text}`, which is not known") };
            let message = format!("`{}` is {found}; allowed: {}", Field::Unit.title(), units::allowed());
            self.problem(column, message);
        }
        (text, unit)
    }

    /// The texts of 0 and 1, in either spelling; `None` where the cell is blank.
    pub(crate) fn states(&mut self, at: At<'_>) -> Option<States> {
        let text = self.text(Field::States, at);
        let (column, _) = at.filter(|_| !text.is_empty())?;
        match states(&text) {
            Ok(states) => Some(states),
            Err(why) => {
                let message = format!("`{}` is `{text}`, {why}; {STATES_ALLOWED}", Field::States.title());
                self.problem(column, message);
                None
            }
        }
    }
}

/// Whether a number may have points for thousands: up to three digits before the first, three after each.
fn of_thousands(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|octet| octet.is_ascii_digit());
    text.split_once('.').is_some_and(|(first, rest)| {
        let begins = (1..=3).contains(&first.len()) && digits(first) && first != "0";
        begins && rest.split('.').all(|part| part.len() == 3 && digits(part))
    })
}

/// A number with the 15 digits that a spreadsheet shows: what a formula makes 14999.999999999998 is 15000 there.
fn shown(number: f64) -> f64 {
    format!("{number:.14e}").parse().unwrap_or(number)
}

fn states(text: &str) -> Result<States, String> {
    // Some programs double the backslash when they write it.
    let text = text.replace("\\\\", "\\");
    let words: Vec<&str> = text.split('\\').map(str::trim).collect();
    let (zero, one, form) = match words.as_slice() {
        [zero @ ("0" | "1"), word] if !matches!(*word, "0" | "1") => {
            return Err(format!("which is the word of {zero} alone"));
        }
        [zero, one] => (*zero, *one, StateForm::Plain),
        ["0", zero, "1", one] | ["1", one, "0", zero] => (*zero, *one, StateForm::Numbered),
        [_, _, _, _] => return Err("which has four words, but not 0 and 1 before the two of them".to_owned()),
        words => {
            let number = words.len();
            return Err(format!("which has {number} word{}", if number == 1 { "" } else { "s" }));
        }
    };
    if zero.is_empty() || one.is_empty() {
        return Err("which lacks a word".to_owned());
    }
    if zero == one {
        return Err("which says the same of both".to_owned());
    }
    Ok(States { zero: zero.to_owned(), one: one.to_owned(), form })
}
