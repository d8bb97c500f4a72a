//! The rows of a table that was found.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use grid::{Cell, Grid, Place};

use crate::Problems;
use crate::cells::{At, Cells};
use crate::frame::{Field, Frame};
use crate::model::{Analog, Digital, Kind, Origin, Row, Table};
use crate::read::Read;

/// A table that was found.
pub(crate) struct Found<'a> {
    pub(crate) kind: Kind,
    pub(crate) grid: &'a Grid,
    /// In csv all rows have the header's number of cells, or a delimiter is missing.
    pub(crate) csv: bool,
    pub(crate) header: usize,
    /// The row after the last.
    pub(crate) end: usize,
    pub(crate) frame: Frame,
}

impl<'a> Found<'a> {
    fn column(&self, field: Field) -> Option<usize> {
        self.frame.columns.iter().position(|column| column.field == field)
    }

    fn at(&self, row: usize, field: Field) -> At<'a> {
        self.column(field).map(|column| (column, self.grid.cell(row, column)))
    }

    fn extra(&self, row: usize) -> Vec<Cell> {
        let extra = self.frame.columns.iter().enumerate().filter(|(_, column)| column.field == Field::Extra);
        extra.map(|(column, _)| self.grid.cell(row, column).clone()).collect()
    }
}

/// Takes the rows of a table into what was read.
pub(crate) fn take(found: &Found<'_>, place: &Place, read: &mut Read, all: &mut Problems) {
    let problems = &mut Problems::default();
    for field in Field::of(found.kind) {
        if found.column(*field).is_none() {
            let message = format!("the table of {}s has no column `{}`", found.kind, field.title());
            problems.add(place.row(found.header), message);
        }
    }
    warn(found, place, read);
    let mut frame = found.frame.clone();
    // Columns of the other kind are kept as they are.
    for column in &mut frame.columns {
        if !Field::of(found.kind).contains(&column.field) {
            column.field = Field::Extra;
        }
    }
    let Found { kind, grid, csv, header, end, .. } = *found;
    let found = Found { kind, grid, csv, header, end, frame: frame.clone() };
    match found.kind {
        Kind::AnalogInput | Kind::AnalogOutput => {
            let table = Some(Table { rows: rows(&found, place, problems, analog), frame });
            if found.kind == Kind::AnalogInput {
                read.sheet.analog_inputs = table;
            } else {
                read.sheet.analog_outputs = table;
            }
        }
        Kind::DigitalInput | Kind::DigitalOutput => {
            let table = Some(Table { rows: rows(&found, place, problems, digital), frame });
            if found.kind == Kind::DigitalInput {
                read.sheet.digital_inputs = table;
            } else {
                read.sheet.digital_outputs = table;
            }
        }
    }
    problems.0.sort_by_key(|problem| (problem.place.row, problem.place.column));
    all.0.append(&mut problems.0);
}

/// The table ends at the first row without a description. What looks like points below is told: it was not read.
fn warn(found: &Found<'_>, place: &Place, read: &mut Read) {
    let filled = |row: usize, field: Field| found.at(row, field).is_some_and(|(_, cell)| !cell.is_blank());
    let index = |row: usize| found.at(row, Field::Index).and_then(|(_, cell)| cell.number());
    let below = found.end..found.grid.rows.len().min(found.end.saturating_add(10_000));
    let Some(first) = below.clone().find(|row| filled(*row, Field::Name) && index(*row).is_some()) else {
        return;
    };
    let why = if filled(found.end, Field::Name) { "has no description" } else { "stands below an empty row" };
    let message =
        format!("{why}, where the table of {}s ends: it looks like a point and is not read", found.kind);
    read.warnings.push(place.row(first).problem(message));
}

fn rows<R: Row>(
    found: &Found<'_>,
    place: &Place,
    problems: &mut Problems,
    make: fn(&Found<'_>, &mut Cells<'_>) -> R,
) -> Vec<R> {
    let (mut names, mut indexes) = (BTreeMap::new(), BTreeMap::new());
    let mut rows = Vec::new();
    for row in found.header.saturating_add(1)..found.end {
        unequal(found, row, place, problems);
        let made = make(found, &mut Cells { row, place, problems });
        let shown = row.saturating_add(1);
        if !made.point_name().is_empty() {
            match names.entry(made.point_name().to_owned()) {
                Entry::Vacant(entry) => _ = entry.insert(shown),
                Entry::Occupied(first) => {
                    let message = format!("`Point Name` `{}` is already in row {}", first.key(), first.get());
                    problems.add(place.at(row, found.column(Field::Name).unwrap_or(0)), message);
                }
            }
        }
        if let Some(index) = made.index() {
            match indexes.entry(index) {
                Entry::Vacant(entry) => _ = entry.insert(shown),
                Entry::Occupied(first) => {
                    let title = Field::Index.title();
                    let message = format!("`{title}` {index} is already in row {}", first.get());
                    problems.add(place.at(row, found.column(Field::Index).unwrap_or(0)), message);
                }
            }
        }
        rows.push(made);
    }
    rows
}

/// A row of a csv with another number of cells than the header: a delimiter is missing, or one too many.
fn unequal(found: &Found<'_>, row: usize, place: &Place, problems: &mut Problems) {
    let Some(cells) = found.grid.rows.get(row).filter(|_| found.csv) else { return };
    let header = found.grid.rows.get(found.header).map_or(0, Vec::len);
    let beyond = cells.get(header..).is_some_and(|beyond| beyond.iter().any(|cell| !cell.is_blank()));
    if cells.len() < header || beyond {
        problems.add(place.row(row), format!("has {} cells, the header has {header}", cells.len()));
    }
}

fn analog(found: &Found<'_>, cells: &mut Cells<'_>) -> Analog {
    let at = |field: Field| found.at(cells.row, field);
    let (name, unit) = (at(Field::Name), at(Field::Unit));
    let (max_units, max_counts) = (at(Field::MaxUnits), at(Field::MaxCounts));
    let (description, index) = (at(Field::Description), at(Field::Index));
    let (index, served) = cells.index(index);
    let (unit_text, unit) = cells.unit(unit, served);
    Analog {
        description: cells.text(Field::Description, description),
        point_name: cells.needed(Field::Name, name),
        unit_text,
        unit,
        max_units: cells.max_units(max_units, served),
        max_counts: cells.max_counts(max_counts, served),
        index,
        extra: found.extra(cells.row),
        origin: Origin(Some(cells.place.row(cells.row))),
    }
}

fn digital(found: &Found<'_>, cells: &mut Cells<'_>) -> Digital {
    let at = |field: Field| found.at(cells.row, field);
    let (description, name) = (at(Field::Description), at(Field::Name));
    let (index, states) = (at(Field::Index), at(Field::States));
    Digital {
        description: cells.text(Field::Description, description),
        point_name: cells.needed(Field::Name, name),
        index: cells.index(index).0,
        states: cells.states(states),
        extra: found.extra(cells.row),
        origin: Origin(Some(cells.place.row(cells.row))),
    }
}
