//! Writing: numbers stay numbers, text stays text, and what is read again is what was written.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::Path;

use rust_xlsxwriter::{ExcelDateTime, Format, Worksheet, XlsxError};

use crate::formula;
use crate::look::{Look, dress};
use crate::{Cell, Grid, Place, Problem, column_name};

/// Writes sheets as an xlsx; what stood there is replaced only when all is written.
///
/// # Errors
/// Where a sheet cannot be expressed (names, lengths), or the file not be written.
pub fn write_xlsx(file: &Path, grids: &[Grid]) -> Result<(), Problem> {
    let octets = xlsx_octets(grids).map_err(|message| Place::file(file).problem(message))?;
    write_atomically(file, &octets).map_err(|error| unwritable(file, &error))
}

/// Writes a sheet as csv; what stood there is replaced only when all is written.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_csv(file: &Path, grid: &Grid) -> Result<(), Problem> {
    write_atomically(file, csv_text(grid).as_bytes()).map_err(|error| unwritable(file, &error))
}

fn unwritable(file: &Path, error: &io::Error) -> Problem {
    Place::file(file).problem(format!("cannot be written: {error}"))
}

/// As [`write_atomically`], for a file that was read, changed and goes back: where it is not `old` any more, somebody
/// else wrote it meanwhile, and that stays. Two that use this at once wait for one another.
///
/// # Errors
/// As [`write_atomically`], and where the file is another than it was.
pub fn replace_atomically(file: &Path, old: &[u8], octets: &[u8]) -> io::Result<()> {
    let held = fs::File::open(file)?;
    // Not every file system has locks; what is compared below is compared all the same.
    let _ = held.lock();
    let mut now = Vec::new();
    let most = u64::try_from(old.len()).unwrap_or(u64::MAX).saturating_add(1);
    // Opened anew: while we waited, another file may have been put into its place.
    fs::File::open(file)?.take(most).read_to_end(&mut now)?;
    if now != old {
        return Err(io::Error::other("somebody changed it meanwhile; it is as they left it, start again"));
    }
    write_atomically(file, octets)
}

/// Puts `octets` into a file in one step: nobody ever sees half of it, and what stood there stays when this fails.
/// The rights of a file that is there already are kept, and its owner where we may give files away.
///
/// # Errors
/// Where the folder takes no file, or the disk is full.
pub fn write_atomically(file: &Path, octets: &[u8]) -> io::Result<()> {
    // A link stays a link: what it points to is replaced.
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    // A device or a pipe would be gone, and a file in its place.
    if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("it is no regular file"));
    }
    let name = target.file_name().ok_or_else(|| io::Error::other("names no file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.new", std::process::id()));
    let beside = target.with_file_name(hidden);
    let written = (|| {
        let mut new = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        if let Ok(old) = fs::metadata(&target) {
            // Only the superuser may. To all others a file that they may replace but do not own becomes their own.
            let _ = fchown(&new, Some(old.uid()), Some(old.gid()));
            new.set_permissions(old.permissions())?;
        }
        new.write_all(octets)?;
        new.sync_all()?;
        fs::rename(&beside, &target)
    })();
    if written.is_err() {
        // It is the first error that counts.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Sheets as the octets of an xlsx.
///
/// # Errors
/// What cannot be expressed: the name of a sheet, a text that is too long, a number that is none.
pub fn xlsx_octets(grids: &[Grid]) -> Result<Vec<u8>, String> {
    octets(grids.iter().map(|grid| (grid, None)))
}

/// As [`xlsx_octets`], each sheet with its look.
///
/// # Errors
/// As [`xlsx_octets`].
pub fn xlsx_octets_with(sheets: &[(Grid, Look)]) -> Result<Vec<u8>, String> {
    octets(sheets.iter().map(|(grid, look)| (grid, Some(look))))
}

fn octets<'a>(sheets: impl Iterator<Item = (&'a Grid, Option<&'a Look>)>) -> Result<Vec<u8>, String> {
    let mut book = rust_xlsxwriter::Workbook::new();
    for (grid, look) in sheets {
        let sheet = book.add_worksheet();
        fill(sheet, grid)
            .and_then(|()| look.map_or(Ok(()), |look| dress(sheet, grid, look)))
            .map_err(|message| format!("sheet {}: {message}", grid.sheet.escape_debug()))?;
    }
    book.save_to_buffer().map_err(|error| error.to_string())
}

fn fill(sheet: &mut Worksheet, grid: &Grid) -> Result<(), String> {
    let told = |error: XlsxError| error.to_string();
    sheet.set_name(&grid.sheet).map_err(told)?;
    for merge in &grid.merges {
        let (first, last) = (place(merge.first)?, place(merge.last)?);
        if first != last {
            sheet.merge_range(first.0, first.1, last.0, last.1, "", &Format::new()).map_err(told)?;
        }
    }
    for (row, cells) in grid.rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            let (at_row, at_column) = place((row, column))?;
            let at = || format!("row {}, column {}", row.saturating_add(1), column_name(column));
            match cell {
                Cell::Empty => continue,
                Cell::Text(text) | Cell::Error(text) => sheet.write_string(at_row, at_column, text),
                Cell::Number(number) if number.is_finite() => sheet.write_number(at_row, at_column, *number),
                Cell::Number(number) => {
                    return Err(format!("{}: {number} is no number that a cell holds", at()));
                }
                Cell::Bool(value) => sheet.write_boolean(at_row, at_column, *value),
                Cell::Date(date) => {
                    let shown = if date.contains('T') { "yyyy-mm-dd hh:mm:ss" } else { "yyyy-mm-dd" };
                    match ExcelDateTime::parse_from_str(date) {
                        Ok(date) => {
                            let format = Format::new().set_num_format(shown);
                            sheet.write_datetime_with_format(at_row, at_column, &date, &format)
                        }
                        // A date that the format does not know is still to be read by people.
                        Err(_) => sheet.write_string(at_row, at_column, date),
                    }
                }
            }
            .map_err(|error| format!("{}: {error}", at()))?;
        }
    }
    sheet.autofit();
    Ok(())
}

fn place((row, column): (usize, usize)) -> Result<(u32, u16), String> {
    match (u32::try_from(row), u16::try_from(column)) {
        (Ok(row), Ok(column)) => Ok((row, column)),
        _ => Err(format!("row {row}, column {column} is beyond what an .xlsx has")),
    }
}

/// A sheet as csv: commas, one line a row, UTF-8. A text that a spreadsheet would take for a formula gets an
/// apostrophe before it, as somebody would type it; reading takes it off again.
#[must_use]
pub fn csv_text(grid: &Grid) -> String {
    let mut text = String::new();
    for row in &grid.rows {
        for (column, cell) in row.iter().enumerate() {
            if column > 0 {
                text.push(',');
            }
            let cell = match cell {
                // As it stands, blanks and all, but never as a formula.
                Cell::Text(text) => formula::shielded(text),
                other => other.text(),
            };
            // What another country's spreadsheet would take for a delimiter is quoted too.
            if cell.contains([',', ';', '\t', '"', '\n', '\r']) || cell.trim() != cell {
                text.push('"');
                text.push_str(&cell.replace('"', "\"\""));
                text.push('"');
            } else {
                text.push_str(&cell);
            }
        }
        text.push('\n');
    }
    text
}
