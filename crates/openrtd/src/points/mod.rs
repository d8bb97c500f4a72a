//! `openrtd points`: the ISO's data base sheet in and out.

pub(crate) mod cli;
mod diff;
mod exporting;
mod importing;

use std::path::Path;

use config::Source;
use pointsheet::PointSheet;
use site::{Defaults, Purpose, Site};

use crate::exit::Failure;
use crate::output::{complain, say};
use crate::profile::{Asked, of_site};
use cli::{Points, PointsCommand};

/// `openrtd points`.
pub(crate) fn points(arguments: &Points) -> Result<(), Failure> {
    match &arguments.command {
        PointsCommand::Import(arguments) => importing::import(arguments),
        PointsCommand::Export(arguments) => exporting::export(arguments),
        PointsCommand::Diff(arguments) => diff::diff(arguments),
    }
}

/// What a site file takes from the profile that it names.
pub(crate) fn defaults(source: &Source) -> Result<Defaults, Failure> {
    Ok(of_site(source, &Asked::default())?.defaults)
}

/// A site before there is any hardware.
fn site(source: &Source) -> Result<Site, Failure> {
    Ok(Site::read_with(source, &defaults(source)?, Purpose::Check)?)
}

/// Whether a file is a site file; all others are sheets.
pub(crate) fn is_site(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "toml")
}

/// The points of a sheet, a folder of sheets or a site file.
pub(crate) fn sheet(file: &Path) -> Result<PointSheet, Failure> {
    Ok(sheet_and_offset(file)?.0)
}

/// As [`sheet`], and what a site adds to the sheet's indexes on the wire.
fn sheet_and_offset(file: &Path) -> Result<(PointSheet, Option<i32>), Failure> {
    if is_site(file) {
        let site = site(&Source::read(file)?)?;
        let exported = pointsheet::export(&site);
        exported.notes.iter().for_each(|note| complain(&format!("note: {}: {note}", file.display())));
        return Ok((exported.sheet, Some(site.outstation.index_offset)));
    }
    Ok((read(&[file.to_owned()])?, None))
}

/// Sheets, with what a user should look at told on stderr.
fn read(files: &[std::path::PathBuf]) -> Result<PointSheet, Failure> {
    let read = pointsheet::read(files).map_err(|problems| Failure::Input(problems.to_string()))?;
    read.warnings.iter().for_each(|warning| complain(&format!("warning: {warning}")));
    Ok(read.sheet)
}

/// Lines on stdout; a reader that went away does not change what was done.
fn tell(lines: impl IntoIterator<Item = String>) {
    for line in lines {
        if say(&line).is_err() {
            return;
        }
    }
}
