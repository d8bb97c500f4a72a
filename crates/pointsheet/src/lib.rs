//! The ISO's data base sheet.
//!
//! Which points a device serves, under which index and how scaled, is settled by a spreadsheet that goes back and
//! forth between the ISO and the owner: four tables, analog inputs and outputs, digital inputs and outputs. People
//! type it in again by hand, and a slip shows up as a wrong megawatt at the ISO. Here the sheet is read as it comes,
//! with free lines, merged titles and headers that vary; what cannot be is told by file, sheet, row and column; what
//! differs between two sheets is named; and a sheet is brought into `site.toml` and made from it.
//!
//! The columns and the ways in which real sheets vary are those of the public tool Points-List-Generator (source S20
//! of the project's facts, verified for that tool; that the sheets are the ISO's own is inferred).

mod cells;
pub mod diff;
mod export;
mod frame;
pub mod import;
mod model;
mod read;
mod tables;
pub mod units;
mod write;

use std::fmt;

pub use export::{Exported, export};
pub use frame::{Column, Field, Frame};
pub use import::{Import, Options, import};
pub use model::{Analog, Digital, Kind, Origin, PointSheet, StateForm, States, Table};
pub use read::{Read, from_books, read};
pub use write::{csv_files, grids, write_csv, write_xlsx};

/// Everything wrong with the sheets: a user wants to mend them in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<grid::Problem>);

impl Problems {
    /// `value` where nothing is wrong.
    ///
    /// # Errors
    /// The problems themselves, in the order of the sheets.
    pub(crate) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    pub(crate) fn add(&mut self, place: grid::Place, message: impl Into<String>) {
        self.0.push(place.problem(message));
    }
}

impl From<grid::Problem> for Problems {
    fn from(problem: grid::Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
