//! Reading a file: what it is, told by its first octets, and what is refused before anything is unpacked.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use crate::{Format, Place, Problem, Workbook, delimited, xlsx};

/// First octets of a ZIP archive, which an xlsx is.
const ZIP: &[u8] = b"PK\x03\x04";
/// First octets of a ZIP archive with nothing in it.
const ZIP_EMPTY: &[u8] = b"PK\x05\x06";
/// First octets of a compound file: the old xls, and an xlsx behind a password.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0";
/// How an ods names itself, soon after its first octets.
const ODS: &[u8] = b"application/vnd.oasis.opendocument.spreadsheet";
const ODS_WITHIN: usize = 128;

/// How much is read. A sheet of points or a worksheet is far below; what is above is another file, or an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the file.
    pub octets: u64,
    /// Octets of all that an xlsx holds, unpacked.
    pub unpacked: u64,
    /// Sheets of a workbook.
    pub sheets: usize,
    /// Rows of a sheet.
    pub rows: usize,
    /// Columns of a sheet.
    pub columns: usize,
    /// Cells of all sheets together that are not empty.
    pub cells: usize,
    /// Merged cells of a sheet.
    pub merges: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            octets: 16 * 1024 * 1024,
            unpacked: 128 * 1024 * 1024,
            sheets: 64,
            rows: 20_000,
            columns: 256,
            cells: 1_000_000,
            merges: 2_000,
        }
    }
}

/// Reads a file: xlsx or csv, whatever its name says.
///
/// # Errors
/// Where it cannot be read, is none of these, or is beyond the limits.
pub fn read(file: &Path, limits: &Limits) -> Result<Workbook, Problem> {
    let refuse = |error: std::io::Error| Place::file(file).problem(format!("cannot be read: {error}"));
    // Asked before it is opened, which waits at a pipe for somebody to write.
    let found = fs::metadata(file).map_err(refuse)?;
    if !found.is_file() && !found.is_dir() {
        return Err(Place::file(file).problem("is not read: it is no regular file"));
    }
    let opened = fs::File::open(file).map_err(refuse)?;
    let mut octets = Vec::new();
    opened.take(limits.octets.saturating_add(1)).read_to_end(&mut octets).map_err(refuse)?;
    from_octets(file, &octets, limits)
}

/// As [`read`], for a file whose octets are there already; `name` names it in errors.
///
/// # Errors
/// As [`read`].
pub fn from_octets(name: &Path, octets: &[u8], limits: &Limits) -> Result<Workbook, Problem> {
    let refuse = |message: String| Err(Place::file(name).problem(message));
    let extension = name.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let workbook = matches!(extension.as_deref(), Some("xlsx" | "xlsm" | "xltx"));
    if u64::try_from(octets.len()).unwrap_or(u64::MAX) > limits.octets {
        return refuse(format!("larger than {} octets, which is the most that is read", limits.octets));
    }
    if octets.is_empty() {
        return refuse("is empty".to_owned());
    }
    if octets.starts_with(COMPOUND) {
        let what = "is an old .xls, or a workbook behind a password";
        return refuse(format!("{what}: neither is read; save it as .xlsx without a password, or as csv"));
    }
    if octets.get(..ODS_WITHIN).is_some_and(|first| first.windows(ODS.len()).any(|part| part == ODS)) {
        return refuse("is an .ods, which is not read: save it as .xlsx or csv".to_owned());
    }
    if octets.starts_with(ZIP) || octets.starts_with(ZIP_EMPTY) {
        let grids = xlsx::read(name, octets, limits)?;
        return Ok(Workbook { file: name.to_owned(), format: Format::Xlsx, grids });
    }
    if workbook {
        return refuse("is not an .xlsx: it does not begin as a ZIP archive does".to_owned());
    }
    let grid = delimited::read(name, octets, limits)?;
    Ok(Workbook { file: name.to_owned(), format: Format::Csv, grids: vec![grid] })
}
