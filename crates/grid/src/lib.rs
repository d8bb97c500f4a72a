//! Sheets of cells in and out.
//!
//! Point sheets and worksheets come from people's spreadsheet programs: with title lines, merged cells, numbers that
//! are text and text that is numbers. What is made of the cells belongs to others; here they are read as they stand,
//! within limits, and every error can name the file, the sheet, the row and the column as the spreadsheet shows them.
//!
//! Read: xlsx and csv (comma, semicolon or tab, found out by itself; UTF-8). Written: xlsx and csv.
//!
//! ```
//! let octets = b"Point;Units\nPOI;300\n";
//! let book = grid::from_octets("points.csv".as_ref(), octets, &grid::Limits::default())?;
//! let sheet = &book.grids[0];
//! assert_eq!(sheet.cell(1, 1).number(), Some(300.0));
//! assert_eq!(book.place(sheet).at(1, 1).to_string(), "points.csv, row 2, column B");
//! # Ok::<(), grid::Problem>(())
//! ```

mod cell;
mod delimited;
mod formula;
mod look;
mod place;
mod quiet;
mod read;
#[cfg(test)]
mod tests;
mod write;
mod xlsx;

use std::path::PathBuf;

pub use cell::{Cell, UNVALUED};
pub use look::Look;
pub use place::{Place, Problem, column_name};
pub use read::{Limits, from_octets, read};
pub use write::{
    csv_text, replace_atomically, write_atomically, write_csv, write_xlsx, xlsx_octets, xlsx_octets_with,
};

/// What a cell is that is not there.
static EMPTY: Cell = Cell::Empty;

/// Form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A workbook with one or more sheets.
    Xlsx,
    /// One table as text.
    Csv,
}

/// A file's sheets.
#[derive(Clone, Debug, PartialEq)]
pub struct Workbook {
    /// The file as the user named it.
    pub file: PathBuf,
    /// What it is.
    pub format: Format,
    /// Its sheets in order. A csv file has one, named after the file.
    pub grids: Vec<Grid>,
}

impl Workbook {
    /// Where `grid` lies: the file, and the sheet where the file has sheets.
    #[must_use]
    pub fn place(&self, grid: &Grid) -> Place {
        let sheet = (self.format == Format::Xlsx).then(|| grid.sheet.clone());
        Place { file: self.file.clone(), sheet, row: None, column: None }
    }
}

/// One sheet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// Its name.
    pub sheet: String,
    /// Its rows from the first; each as long as it was written, so rows may differ in length.
    pub rows: Vec<Vec<Cell>>,
    /// Cells that are shown as one. The value stands in the first, the others are empty.
    pub merges: Vec<Merge>,
}

/// A rectangle of cells that are shown as one; rows and columns from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Merge {
    /// Row and column of its first cell.
    pub first: (usize, usize),
    /// Row and column of its last cell.
    pub last: (usize, usize),
}

impl Merge {
    /// Whether a cell lies in it.
    #[must_use]
    pub fn contains(&self, row: usize, column: usize) -> bool {
        (self.first.0..=self.last.0).contains(&row) && (self.first.1..=self.last.1).contains(&column)
    }
}

impl Grid {
    /// An empty sheet.
    #[must_use]
    pub fn new(sheet: impl Into<String>) -> Self {
        Self { sheet: sheet.into(), ..Self::default() }
    }

    /// The cell at a row and a column, both from 0; empty where there is none.
    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        self.rows.get(row).and_then(|row| row.get(column)).unwrap_or(&EMPTY)
    }

    /// As [`Self::cell`], but every cell of a merged rectangle has the value that is shown there.
    #[must_use]
    pub fn shown(&self, row: usize, column: usize) -> &Cell {
        match self.merges.iter().find(|merge| merge.contains(row, column)) {
            Some(merge) => self.cell(merge.first.0, merge.first.1),
            None => self.cell(row, column),
        }
    }

    /// Whether a row has nothing in it.
    #[must_use]
    pub fn is_blank(&self, row: usize) -> bool {
        self.rows.get(row).is_none_or(|row| row.iter().all(Cell::is_blank))
    }
}
