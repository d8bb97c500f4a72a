//! Reading xlsx. The library reads the XML; what is done here is to let it see only archives that are whole and small
//! when unpacked, and cells that lie within the limits.

use std::io::{self, Cursor, Read as _};
use std::panic::AssertUnwindSafe;
use std::path::Path;

use calamine::{DataRef, Reader as _, SheetType, Xlsx};
use zip::ZipArchive;

use crate::quiet::caught;
use crate::{Cell, Grid, Limits, Merge, Place, Problem, UNVALUED};

/// Every xlsx has this part.
const WORKBOOK: &str = "xl/workbook.xml";
/// The part with the texts of all sheets, and the attribute by which it says how many they are.
const TEXTS: &str = "sharedstrings";
const TEXTS_COUNT: &[u8] = b"uniqueCount";

/// Reads all worksheets.
pub(crate) fn read(name: &Path, octets: &[u8], limits: &Limits) -> Result<Vec<Grid>, Problem> {
    let place = Place::file(name);
    unpack(octets, limits).map_err(|message| place.clone().problem(message))?;
    // The library is not ours, and a file is anybody's. Should it panic, that is a file that cannot be read.
    caught(AssertUnwindSafe(|| worksheets(&place, octets, limits)))
        .unwrap_or_else(|| Err(place.problem("cannot be read as an .xlsx: its parts do not fit together")))
}

/// Unpacks everything once, into nothing: a part that is damaged or never ends is found before it does harm.
fn unpack(octets: &[u8], limits: &Limits) -> Result<(), String> {
    let damaged = |error: &dyn std::fmt::Display| format!("is a damaged or truncated .xlsx: {error}");
    let mut archive = ZipArchive::new(Cursor::new(octets)).map_err(|error| damaged(&error))?;
    let mut left = limits.unpacked;
    for part in 0..archive.len() {
        let part = archive.by_index(part).map_err(|error| damaged(&error))?;
        let counted = part.name().is_ok_and(|name| name.to_lowercase().contains(TEXTS));
        let mut part = part.take(left.saturating_add(1));
        let mut text = Vec::new();
        let taken =
            if counted { io::copy(&mut part, &mut text) } else { io::copy(&mut part, &mut io::sink()) };
        if let Some(count) = counts(&text).find(|count| *count > limits.cells) {
            return Err(format!("says that it holds {count} texts, at most {} cells are read", limits.cells));
        }
        left = taken.map_err(|error| damaged(&error)).and_then(|taken| {
            left.checked_sub(taken).ok_or_else(|| {
                format!("larger than {} octets when unpacked, the most that is read", limits.unpacked)
            })
        })?;
    }
    match archive.index_for_name(WORKBOOK) {
        Some(_) => Ok(()),
        None => Err(format!("is a ZIP archive but not an .xlsx: it has no part {WORKBOOK}")),
    }
}

/// How many texts a part says it holds. The library makes room for so many before it has seen one, and where there is
/// no such room the program ends; so this is asked for without it, wherever in the part it may stand.
fn counts(part: &[u8]) -> impl Iterator<Item = usize> {
    let starts = part.windows(TEXTS_COUNT.len()).enumerate().filter(|(_, name)| *name == TEXTS_COUNT);
    starts.filter_map(|(at, _)| {
        let mut rest = part.get(at.saturating_add(TEXTS_COUNT.len())..)?.trim_ascii_start();
        rest = rest.strip_prefix(b"=")?.trim_ascii_start();
        let digits = rest.get(1..)?.trim_ascii_start().iter().take_while(|octet| octet.is_ascii_digit());
        digits.map(|octet| usize::from(octet.saturating_sub(b'0'))).fold(None, |number, digit| {
            Some(number.unwrap_or(0_usize).saturating_mul(10).saturating_add(digit))
        })
    })
}

fn worksheets(place: &Place, octets: &[u8], limits: &Limits) -> Result<Vec<Grid>, Problem> {
    let refuse =
        |error: calamine::XlsxError| place.clone().problem(format!("cannot be read as an .xlsx: {error}"));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(octets)).map_err(refuse)?;
    let sheets = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<String> = sheets.map(|sheet| sheet.name.clone()).collect();
    if names.len() > limits.sheets {
        let message = format!("{} sheets, at most {} are read", names.len(), limits.sheets);
        return Err(place.clone().problem(message));
    }
    let mut cells = 0_usize;
    names.iter().map(|name| worksheet(place, &mut book, name, limits, &mut cells)).collect()
}

fn worksheet(
    file: &Place,
    book: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    limits: &Limits,
    cells: &mut usize,
) -> Result<Grid, Problem> {
    let place = Place { sheet: Some(name.to_owned()), ..file.clone() };
    let refuse = |error: calamine::XlsxError| place.clone().problem(format!("cannot be read: {error}"));
    let mut grid = Grid::new(name);
    let mut reader = book.worksheet_cells_reader(name).map_err(refuse)?;
    while let Some(cell) = reader.next_cell_with_formula_metadata().map_err(refuse)? {
        let (row, column) = (place_of(cell.pos.0), place_of(cell.pos.1));
        let value = match (&cell.value, &cell.formula) {
            // A library wrote it that does not reckon: an empty cell would be taken for what somebody meant.
            (DataRef::Empty, Some(_)) => Cell::Error(UNVALUED.to_owned()),
            (found, _) => value(found),
        };
        if value == Cell::Empty {
            continue;
        }
        if row >= limits.rows {
            return Err(place.row(row).problem(format!("at most {} rows are read", limits.rows)));
        }
        if column >= limits.columns {
            return Err(place
                .at(row, column)
                .problem(format!("at most {} columns are read", limits.columns)));
        }
        *cells = cells.saturating_add(1);
        if *cells > limits.cells {
            return Err(place.at(row, column).problem(format!("at most {} cells are read", limits.cells)));
        }
        if grid.rows.len() <= row {
            grid.rows.resize_with(row.saturating_add(1), Vec::new);
        }
        if let Some(row) = grid.rows.get_mut(row) {
            if row.len() <= column {
                row.resize(column.saturating_add(1), Cell::Empty);
            }
            if let Some(cell) = row.get_mut(column) {
                *cell = value;
            }
        }
    }
    drop(reader);
    let merges = book.merge_cells_by_sheet_name(name).map_err(refuse)?;
    if merges.len() > limits.merges {
        let message = format!("{} merged cells, at most {} are read", merges.len(), limits.merges);
        return Err(place.problem(message));
    }
    grid.merges = merges
        .into_iter()
        .map(|merge| {
            let at = |(row, column): (u32, u32)| (place_of(row), place_of(column));
            Merge { first: at(merge.start), last: at(merge.end) }
        })
        .collect();
    Ok(grid)
}

fn place_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn value(value: &DataRef<'_>) -> Cell {
    match value {
        DataRef::Empty => Cell::Empty,
        // Whole numbers of a cell are floats in the file, so nothing is lost that was there.
        #[expect(clippy::cast_precision_loss, reason = "a cell holds a float")]
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Float(number) if number.is_finite() => Cell::Number(*number),
        DataRef::Float(number) => Cell::Text(number.to_string()),
        DataRef::String(text) => Cell::from(text.as_str()),
        DataRef::SharedString(text) => Cell::from(*text),
        DataRef::Bool(value) => Cell::Bool(*value),
        DataRef::DateTime(date) if date.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            let day = format!("{year:04}-{month:02}-{day:02}");
            let midnight = (hour, minute, second) == (0, 0, 0);
            Cell::Date(if midnight { day } else { format!("{day}T{hour:02}:{minute:02}:{second:02}") })
        }
        DataRef::DateTime(duration) => Cell::Number(duration.as_f64()),
        DataRef::DateTimeIso(text) => Cell::Date(text.clone()),
        DataRef::DurationIso(text) => Cell::Text(text.clone()),
        DataRef::Error(error) => Cell::Error(error.to_string()),
    }
}
