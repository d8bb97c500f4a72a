//! Finding the tables: which sheet or line tells what, where each header stands, where each table ends.

use std::fs;
use std::path::{Path, PathBuf};

use grid::{Cell, Format, Grid, Limits, Merge, Place, Workbook};

use crate::Problems;
use crate::frame::{Column, Field, Frame, kind_told};
use crate::model::{Kind, PointSheet};
use crate::tables::{self, Found};

/// Sheets as read, and what a user should look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The tables.
    pub sheet: PointSheet,
    /// What was passed over and looks as if it should not have been.
    pub warnings: Vec<grid::Problem>,
}

/// Reads sheets: workbooks, csv files with one table each, or folders with such files.
///
/// # Errors
/// Everything wrong with them, by file, sheet, row and column.
pub fn read(files: &[PathBuf]) -> Result<Read, Problems> {
    let mut problems = Problems::default();
    let mut books = Vec::new();
    for file in files {
        match inside(file) {
            Ok(files) => {
                for file in files {
                    match grid::read(&file, &Limits::default()) {
                        Ok(book) => books.push(book),
                        Err(problem) => problems.0.push(problem),
                    }
                }
            }
            Err(problem) => problems.0.push(problem),
        }
    }
    match (problems.0.is_empty(), from_books(&books)) {
        (true, read) => read,
        (false, Ok(_)) => Err(problems),
        // A file that cannot be read may be the one with the tables that the others lack.
        (false, Err(others)) => {
            problems.0.extend(others.0.into_iter().filter(|other| other.place.row.is_some()));
            Err(problems)
        }
    }
}

/// The files that are meant: the file itself, or the tables in a folder.
fn inside(file: &Path) -> Result<Vec<PathBuf>, grid::Problem> {
    if !file.is_dir() {
        return Ok(vec![file.to_owned()]);
    }
    let refuse = |error: std::io::Error| Place::file(file).problem(format!("cannot be read: {error}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(file).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        // Spreadsheet programs put files of their own, `~$...` and `.~lock...`, beside what is open.
        let own = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['~', '.']));
        if !own && matches!(extension.as_deref(), Some("csv" | "xlsx")) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Place::file(file).problem("holds no .xlsx and no .csv"));
    }
    Ok(files)
}

/// Reads sheets that are in memory already.
///
/// # Errors
/// As [`read`].
pub fn from_books(books: &[Workbook]) -> Result<Read, Problems> {
    let mut read = Read { sheet: PointSheet::default(), warnings: Vec::new() };
    let mut problems = Problems::default();
    let mut places: Vec<(Kind, Place)> = Vec::new();
    for book in books {
        let before = (places.len(), problems.0.len());
        let mut passed_over = Vec::new();
        for grid in &book.grids {
            let place = book.place(grid);
            let told = problems.0.len();
            let tables = find(book, grid, &place, &mut problems);
            let blank = (0..grid.rows.len()).all(|row| grid.is_blank(row));
            if tables.is_empty() && told == problems.0.len() && !blank && book.grids.len() > 1 {
                passed_over.push(place.clone().problem("has no table of points and is passed over"));
            }
            for found in tables {
                let here = place.row(found.header);
                if let Some((_, first)) = places.iter().find(|(kind, _)| *kind == found.kind) {
                    problems.add(here, format!("is a second table of {}s: the first is {first}", found.kind));
                    continue;
                }
                places.push((found.kind, here));
                tables::take(&found, &place, &mut read, &mut problems);
            }
        }
        if before == (places.len(), problems.0.len()) {
            let blank = book.grids.iter().all(|grid| (0..grid.rows.len()).all(|row| grid.is_blank(row)));
            let message = if blank {
                "has nothing in it"
            } else {
                "has no table of points: no row with headers such as `Point Description` and `Point Name`"
            };
            problems.add(Place::file(&book.file), message);
        } else {
            read.warnings.append(&mut passed_over);
        }
    }
    problems.into_result(read)
}

/// The tables of a sheet.
fn find<'a>(book: &Workbook, grid: &'a Grid, place: &Place, problems: &mut Problems) -> Vec<Found<'a>> {
    let named = kind_told(&grid.sheet, false).or_else(|| {
        let stem = book.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        stem.filter(|_| book.grids.len() == 1).and_then(|stem| kind_told(&stem, false))
    });
    let mut found = Vec::new();
    let mut from = 0;
    while let Some((header, columns)) =
        (from..grid.rows.len()).find_map(|row| Some((row, header(grid, row)?)))
    {
        let titles = from..header;
        let told = titles.clone().rev().find_map(|row| title(grid, row));
        // The sheet's name is about its first table.
        let kind = named.filter(|_| found.is_empty()).or(told);
        let end = end(grid, header, &columns);
        if let Some(kind) = kind {
            let frame = Frame {
                titles: lines(grid, titles.clone()),
                merges: merges(grid, &titles),
                columns: settled(columns, place, header, problems),
                notes: Vec::new(),
            };
            found.push(Found { kind, grid, csv: book.format == Format::Csv, header, end, frame });
        } else {
            let message = "begins a table, but neither the sheet's name nor a line above tells which: \
                           AI, AO, DI or DO, or `Analog Inputs` and so on";
            problems.add(place.row(header), message);
        }
        from = end;
    }
    if let Some(last) = found.last_mut() {
        let notes = &mut last.frame.notes;
        *notes = lines(grid, last.end..grid.rows.len());
        while notes.last().is_some_and(Vec::is_empty) {
            notes.pop();
        }
    }
    let blank = (0..grid.rows.len()).all(|row| grid.is_blank(row));
    if let (Some(kind), true, false) = (named, from == 0, blank) {
        let wanted = Field::of(kind).iter().map(|field| format!("`{}`", field.title())).collect::<Vec<_>>();
        let message = format!("has no header row of a table of {kind}s: {}", wanted.join(", "));
        problems.add(place.clone(), message);
    }
    found
}

/// What a row's cells mean where the row is a header: a description or a name, and two things more.
fn header(grid: &Grid, row: usize) -> Option<Vec<Column>> {
    let columns = columns(grid, row);
    let has = |field: Field| columns.iter().any(|column| column.field == field);
    let mut known: Vec<Field> = columns.iter().map(|column| column.field).collect();
    known.retain(|field| *field != Field::Extra);
    known.sort_unstable();
    known.dedup();
    let header = known.len() >= 3 && (has(Field::Description) || has(Field::Name));
    // A header merged over two rows is whole in the second.
    let below = grid.merges.iter().any(|merge| merge.first.0 == row && merge.last.0 > row);
    if header && below && columns_known(&self::columns(grid, row.saturating_add(1))) >= known.len() {
        return None;
    }
    header.then_some(columns)
}

fn columns_known(columns: &[Column]) -> usize {
    columns.iter().filter(|column| column.field != Field::Extra).count()
}

fn columns(grid: &Grid, row: usize) -> Vec<Column> {
    let merged = grid.merges.iter().filter(|merge| (merge.first.0..=merge.last.0).contains(&row));
    let merged: Vec<&Merge> = merged.collect();
    let width = merged.iter().map(|merge| merge.first.1.saturating_add(1)).max().unwrap_or(0);
    let width = width.min(Limits::default().columns).max(grid.rows.get(row).map_or(0, Vec::len));
    let mut columns: Vec<Column> = (0..width)
        .map(|column| {
            let merge = merged.iter().find(|merge| merge.contains(row, column));
            // Of cells merged side by side only the first is a column's header.
            let cell = match merge {
                Some(merge) if merge.first.1 == column => grid.cell(merge.first.0, column),
                Some(_) => &Cell::Empty,
                None => grid.cell(row, column),
            };
            let title = cell.text().split_whitespace().collect::<Vec<_>>().join(" ");
            Column { field: Field::meant(&title), title }
        })
        .collect();
    while columns.last().is_some_and(|column| column.title.is_empty()) {
        columns.pop();
    }
    columns
}

/// The columns with each field once: one in the sheet's own words wins, two that are alike are a problem.
fn settled(mut columns: Vec<Column>, place: &Place, row: usize, problems: &mut Problems) -> Vec<Column> {
    let known = |columns: &[Column], field: Field| -> Vec<usize> {
        let of_field = columns.iter().enumerate().filter(|(_, column)| column.field == field);
        of_field.map(|(at, _)| at).collect()
    };
    for field in Field::of(Kind::AnalogInput).iter().chain(Field::of(Kind::DigitalInput)) {
        let alike = known(&columns, *field);
        if alike.len() < 2 {
            continue;
        }
        let own = |at: &usize| columns.get(*at).is_some_and(|column| Field::is_own(&column.title));
        let own: Vec<usize> = alike.iter().copied().filter(own).collect();
        let kept = match own.as_slice() {
            [one] => *one,
            _ => {
                let names: Vec<String> = alike.iter().map(|at| grid::column_name(*at)).collect();
                let message =
                    format!("columns {} are all headed as `{}`", names.join(" and "), field.title());
                problems.add(place.row(row), message);
                alike.first().copied().unwrap_or(0)
            }
        };
        for at in alike.into_iter().filter(|at| *at != kept) {
            if let Some(column) = columns.get_mut(at) {
                column.field = Field::Extra;
            }
        }
    }
    columns
}

/// The row after a table's last: the first without a description.
fn end(grid: &Grid, header: usize, columns: &[Column]) -> usize {
    let first = header.saturating_add(1);
    let by = |field: Field| columns.iter().position(|column| column.field == field);
    // Without that column the names have to do; the missing column is told.
    let column = by(Field::Description).or_else(|| by(Field::Name)).unwrap_or(0);
    (first..grid.rows.len())
        .find(|row| grid.cell(*row, column).is_blank())
        .unwrap_or(grid.rows.len())
        .max(first)
}

/// The table that a line tells.
fn title(grid: &Grid, row: usize) -> Option<Kind> {
    grid.rows.get(row)?.iter().find_map(|cell| kind_told(&cell.text(), true))
}

/// Rows as they stand, without empty cells at their ends.
fn lines(grid: &Grid, rows: std::ops::Range<usize>) -> Vec<Vec<Cell>> {
    let mut lines: Vec<Vec<Cell>> = grid.rows.get(rows).unwrap_or_default().to_vec();
    for line in &mut lines {
        while line.last().is_some_and(Cell::is_blank) {
            line.pop();
        }
    }
    lines
}

/// Merged cells that lie within the lines, counted from their first.
fn merges(grid: &Grid, rows: &std::ops::Range<usize>) -> Vec<Merge> {
    let within =
        grid.merges.iter().filter(|merge| rows.contains(&merge.first.0) && rows.contains(&merge.last.0));
    let moved = |(row, column): (usize, usize)| (row.saturating_sub(rows.start), column);
    let mut merges: Vec<Merge> =
        within.map(|merge| Merge { first: moved(merge.first), last: moved(merge.last) }).collect();
    merges.sort_unstable();
    merges
}
