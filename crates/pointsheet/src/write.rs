//! Writing: the four tables as sheets of a workbook or as csv files, with what stood around the rows.

use std::io;
use std::path::{Path, PathBuf};

use grid::{Cell, Grid, Place, Problem};

use crate::frame::{Field, Frame};
use crate::model::{Analog, Digital, Kind, PointSheet, Table};

/// The sheets of a model, of the tables that are there.
#[must_use]
pub fn grids(sheet: &PointSheet) -> Vec<Grid> {
    let mut grids = Vec::new();
    let analogs = [(Kind::AnalogInput, &sheet.analog_inputs), (Kind::AnalogOutput, &sheet.analog_outputs)];
    for (kind, table) in analogs {
        grids.extend(table.as_ref().map(|table| grid(kind, table, analog, |row| &row.extra)));
    }
    let digitals =
        [(Kind::DigitalInput, &sheet.digital_inputs), (Kind::DigitalOutput, &sheet.digital_outputs)];
    for (kind, table) in digitals {
        grids.extend(table.as_ref().map(|table| grid(kind, table, digital, |row| &row.extra)));
    }
    grids
}

/// Writes a workbook with a sheet for each table.
///
/// # Errors
/// Where the file cannot be written, or a text is longer than a cell holds.
pub fn write_xlsx(file: &Path, sheet: &PointSheet) -> Result<(), Problem> {
    grid::write_xlsx(file, &grids(sheet))
}

/// Writes `ai.csv`, `ao.csv`, `di.csv` and `do.csv` into a folder, which is made where it is missing.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_csv(folder: &Path, sheet: &PointSheet) -> Result<(), Problem> {
    let refuse = |error: io::Error| Place::file(folder).problem(format!("cannot be made: {error}"));
    std::fs::create_dir_all(folder).map_err(refuse)?;
    for grid in grids(sheet) {
        grid::write_csv(&csv_file(folder, &grid.sheet), &grid)?;
    }
    Ok(())
}

/// The files that [`write_csv`] makes in a folder, where all four tables are there.
#[must_use]
pub fn csv_files(folder: &Path) -> [PathBuf; 4] {
    Kind::ALL.map(|kind| csv_file(folder, kind.sheet()))
}

fn csv_file(folder: &Path, sheet: &str) -> PathBuf {
    folder.join(format!("{}.csv", sheet.to_lowercase()))
}

fn grid<R>(kind: Kind, table: &Table<R>, cell: fn(&R, Field) -> Cell, extra: fn(&R) -> &Vec<Cell>) -> Grid {
    let Frame { titles, merges, columns, notes } = &table.frame;
    let mut grid = Grid::new(kind.sheet());
    grid.rows.clone_from(titles);
    grid.merges.clone_from(merges);
    grid.rows.push(columns.iter().map(|column| Cell::from(column.title.as_str())).collect());
    for row in &table.rows {
        let mut extra = extra(row).iter();
        let cells = columns.iter().map(|column| match column.field {
            Field::Extra => extra.next().cloned().unwrap_or_default(),
            field => cell(row, field),
        });
        grid.rows.push(cells.collect());
    }
    if !notes.is_empty() {
        // The table has to end before them.
        if notes.first().is_some_and(|line| !line.is_empty()) {
            grid.rows.push(Vec::new());
        }
        grid.rows.extend(notes.iter().cloned());
    }
    grid
}

fn analog(row: &Analog, field: Field) -> Cell {
    match field {
        Field::Description => row.description.as_str().into(),
        Field::Name => row.point_name.as_str().into(),
        Field::Unit => row.unit_text.as_str().into(),
        Field::MaxUnits => row.max_units.into(),
        Field::MaxCounts => row.max_counts.map(f64::from).into(),
        Field::Index => row.index.unwrap_or(0).into(),
        Field::States | Field::Extra => Cell::Empty,
    }
}

fn digital(row: &Digital, field: Field) -> Cell {
    match field {
        Field::Description => row.description.as_str().into(),
        Field::Name => row.point_name.as_str().into(),
        Field::Index => row.index.unwrap_or(0).into(),
        Field::States => row.states.as_ref().map(ToString::to_string).into(),
        Field::Unit | Field::MaxUnits | Field::MaxCounts | Field::Extra => Cell::Empty,
    }
}
