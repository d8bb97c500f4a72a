//! Reading csv. Which character parts the cells is not written in the file and depends on the country it was made in,
//! so it is found out: the one that gives most rows of equal length.

use std::collections::BTreeMap;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder};

use crate::{Cell, Grid, Limits, Place, Problem, formula};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Marks of UTF-16, which some programs write when asked for text.
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
const DELIMITERS: [u8; 3] = *b",;\t";
/// Rows that are looked at to find the delimiter.
const SAMPLE: usize = 200;

/// Reads text as one sheet, named after the file.
pub(crate) fn read(name: &Path, octets: &[u8], limits: &Limits) -> Result<Grid, Problem> {
    let place = Place::file(name);
    if UTF_16.iter().any(|mark| octets.starts_with(mark)) {
        return Err(place.problem("is UTF-16 text: save it as csv in UTF-8"));
    }
    let octets = octets.strip_prefix(BYTE_ORDER_MARK).unwrap_or(octets);
    if octets.contains(&0) {
        return Err(place.problem("is neither an .xlsx nor text: it holds an octet 0"));
    }
    let sheet = name.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut grid = Grid::new(sheet);
    let delimiter = delimiter(octets);
    let mut reader = reader(octets, delimiter);
    let mut record = ByteRecord::new();
    let mut cells = 0_usize;
    loop {
        let line = reader.position().line();
        // The library's errors are about the reading of files and unequal rows, neither of which is met here.
        let more =
            reader.read_byte_record(&mut record).map_err(|error| place.clone().problem(error.to_string()))?;
        if !more {
            break;
        }
        // The library passes over empty lines; the spreadsheet shows them, and rows are counted as it does.
        let own = record.iter().flatten().filter(|octet| **octet == b'\n').count().saturating_add(1);
        let passed = usize::try_from(reader.position().line().saturating_sub(line)).unwrap_or(usize::MAX);
        let row = grid.rows.len().saturating_add(passed.saturating_sub(own));
        if row >= limits.rows {
            return Err(place.row(row).problem(format!("at most {} rows are read", limits.rows)));
        }
        grid.rows.resize_with(row, Vec::new);
        if record.len() > limits.columns {
            let message = format!("{} columns, at most {} are read", record.len(), limits.columns);
            return Err(place.row(row).problem(message));
        }
        cells = cells.saturating_add(record.len());
        if cells > limits.cells {
            return Err(place.row(row).problem(format!("at most {} cells are read", limits.cells)));
        }
        let texts = record.iter().enumerate().map(|(column, octets)| match std::str::from_utf8(octets) {
            Ok(text) => Ok(Cell::from(formula::bare(text))),
            Err(_) => Err(place.at(row, column).problem("is not UTF-8 text: save the file as csv in UTF-8")),
        });
        let texts = texts.collect::<Result<_, _>>()?;
        grid.rows.push(texts);
    }
    if is_left_open(octets, delimiter) {
        // What followed was taken as one cell, so it ends in the last row.
        let row = grid.rows.len().saturating_sub(1);
        return Err(place.row(row).problem("a quotation mark (\") is opened and never closed"));
    }
    Ok(grid)
}

fn reader(octets: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(octets)
}

/// Whether the last cell begins with a quotation mark and has no end. One within a cell (`5" pipe`) is a letter.
fn is_left_open(octets: &[u8], delimiter: u8) -> bool {
    let (mut begins, mut quoted) = (true, false);
    for octet in octets {
        match *octet {
            // Two of them within quotation marks are one: it closes and opens again.
            b'"' if quoted || begins => {
                quoted = !quoted;
                begins = !quoted;
            }
            b'\n' | b'\r' if !quoted => begins = true,
            other => begins = !quoted && other == delimiter,
        }
    }
    quoted
}

/// The delimiter under which most rows have the same number of cells, more cells counting more.
fn delimiter(octets: &[u8]) -> u8 {
    let score = |delimiter: u8| {
        let mut lengths = BTreeMap::<usize, usize>::new();
        for record in reader(octets, delimiter).byte_records().take(SAMPLE).flatten() {
            *lengths.entry(record.len()).or_default() += 1;
        }
        lengths.into_iter().map(|(length, rows)| length.saturating_sub(1).saturating_mul(rows)).max()
    };
    // The last of equals wins, so the comma stands last.
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| score(*delimiter)).unwrap_or(b',')
}
