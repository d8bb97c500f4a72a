//! Where something stands, in the words of a spreadsheet: rows from 1, columns by letters.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// A place in a file of cells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it.
    pub file: PathBuf,
    /// The sheet, where the file has sheets.
    pub sheet: Option<String>,
    /// The row, from 0.
    pub row: Option<usize>,
    /// The column, from 0.
    pub column: Option<usize>,
}

impl Place {
    /// A whole file.
    #[must_use]
    pub fn file(file: &Path) -> Self {
        Self { file: file.to_owned(), sheet: None, row: None, column: None }
    }

    /// A row of the same sheet, from 0.
    #[must_use]
    pub fn row(&self, row: usize) -> Self {
        Self { row: Some(row), column: None, ..self.clone() }
    }

    /// A cell of the same sheet, both from 0.
    #[must_use]
    pub fn at(&self, row: usize, column: usize) -> Self {
        Self { row: Some(row), column: Some(column), ..self.clone() }
    }

    /// A problem here.
    #[must_use]
    pub fn problem(self, message: impl Into<String>) -> Problem {
        Problem { place: self, message: message.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(sheet) = &self.sheet {
            f.write_str(", sheet ")?;
            printable(f, sheet)?;
        }
        if let Some(row) = self.row {
            write!(f, ", row {}", row.saturating_add(1))?;
        }
        if let Some(column) = self.column {
            write!(f, ", column {}", column_name(column))?;
        }
        Ok(())
    }
}

/// One thing wrong with a file, at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        printable(f, &self.message)
    }
}

impl std::error::Error for Problem {}

/// What a file holds may be meant for the terminal that shows it.
fn printable(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars()
        .try_for_each(|c| if is_hidden(c) { write!(f, "{}", c.escape_default()) } else { f.write_char(c) })
}

/// Whether a character is not to be seen, or changes how others are.
const fn is_hidden(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// A column's letters; the first, 0, is A.
#[must_use]
pub fn column_name(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column;
    loop {
        let letter = u8::try_from(rest % 26).unwrap_or(0);
        letters.push(char::from(b'A'.saturating_add(letter)));
        match (rest / 26).checked_sub(1) {
            Some(next) => rest = next,
            None => break,
        }
    }
    letters.iter().rev().collect()
}
