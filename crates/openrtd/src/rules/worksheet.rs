//! `openrtd rules worksheet` and `openrtd rules confirm`: from what nobody here could confirm to what somebody did.

use std::path::{Path, PathBuf};

use config::Source;
use grid::{Limits, Workbook};
use rulebook::Profile;
use rulebook::profile::Overlay;
use rulebook::worksheet::{self, Terms};

use super::cli;
use super::{book, day, load};
use crate::exit::Failure;
use crate::output::say;

/// `openrtd rules worksheet`.
pub(crate) fn write(arguments: &cli::Worksheet) -> Result<(), Failure> {
    let profile = book(&arguments.book)?;
    let file = &arguments.sheet;
    let sheet = worksheet::Worksheet {
        profile: &profile,
        all: arguments.all,
        as_of: day(arguments.book.as_of),
        made: day(None),
    };
    let octets = match extension(file).as_deref() {
        Some("xlsx") => grid::xlsx_octets_with(&sheet.sheets()).map_err(Failure::Failed)?,
        // The mark lets spreadsheets see that it is UTF-8.
        Some("csv") => format!("\u{feff}{}", grid::csv_text(&sheet.table())).into_bytes(),
        _ => return Err(Failure::Input(format!("{}: a worksheet ends in .xlsx or .csv", file.display()))),
    };
    put(file, &octets, arguments.force)?;
    let count = sheet.entries().count();
    // A reader that went away does not change what was written.
    let _ = say(&format!(
        "{}: {count} entries of {} to confirm; fill clause, page and name of those that you find, then\n  \
         openrtd rules confirm {} --document \"TITLE AND VERSION\"",
        file.display(),
        profile.head.id,
        file.display()
    ));
    Ok(())
}

/// `openrtd rules confirm`.
pub(crate) fn confirm(arguments: &cli::Confirm) -> Result<(), Failure> {
    if arguments.document.trim().is_empty() {
        return Err(Failure::Input("--document: is empty: a confirmation names what was read".to_owned()));
    }
    let sheet = grid::read(&arguments.sheet, &Limits::default())
        .map_err(|problem| Failure::Input(problem.to_string()))?;
    let before = arguments.overlay.as_deref().map(overlay).transpose()?;
    let profile = profile(&sheet, arguments)?;
    if let (Some(before), Some(file)) = (&before, &arguments.overlay)
        && before.overlay.document != arguments.document
    {
        return Err(Failure::Input(format!(
            "{}: was confirmed against `{}`, this sheet against `{}`: an overlay is of one document",
            file.display(),
            before.overlay.document,
            arguments.document
        )));
    }
    let terms = Terms { document: &arguments.document, on: day(arguments.on), before: before.as_ref() };
    let filled = worksheet::confirm(&sheet, &profile, &terms).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Failure::Input(lines.join("\n"))
    })?;
    let out = arguments.out.clone().unwrap_or_else(|| arguments.sheet.with_extension("toml"));
    if same_file(&out, &arguments.sheet) {
        return Err(Failure::Input(format!("{}: is the sheet itself", out.display())));
    }
    let text = filled.toml(&profile, &file_name(&arguments.sheet)).map_err(Failure::Failed)?;
    put(&out, text.as_bytes(), arguments.force)?;
    let noted = match filled.noted {
        0 => String::new(),
        rows => format!("; {rows} rows with nothing but a note confirm nothing"),
    };
    let _ = say(&format!(
        "{}: {} entries of {} confirmed, {} of them corrected{noted}; use it with\n  \
         openrtd check SITE.toml --overlay {}",
        out.display(),
        filled.confirmed,
        profile.head.id,
        filled.corrected,
        out.display()
    ));
    Ok(())
}

fn overlay(file: &Path) -> Result<Overlay, Failure> {
    Ok(Source::read(file)?.parse()?)
}

/// The profile asked for, or the one that the sheet names.
fn profile(sheet: &Workbook, arguments: &cli::Confirm) -> Result<Profile, Failure> {
    // A sheet that names none is refused by the reader, at its place.
    let named = worksheet::profile_of(sheet).filter(|name| !name.ends_with(".toml"));
    let name = arguments.profile.clone().or(named).unwrap_or_else(|| rulebook::profile::DEFAULT.to_owned());
    load(&name, arguments.overlay.as_deref()).map_err(|failure| match failure {
        Failure::Input(message) if arguments.profile.is_none() => Failure::Input(format!(
            "{message}\n{}: is of profile `{name}`; --profile FILE.toml names one that is not shipped",
            arguments.sheet.display()
        )),
        other => other,
    })
}

/// Writes a file that is not there, or that may be overwritten.
fn put(file: &Path, octets: &[u8], force: bool) -> Result<(), Failure> {
    if !force && file.symlink_metadata().is_ok() {
        return Err(Failure::Input(format!("{}: is there already; --force overwrites it", file.display())));
    }
    grid::write_atomically(file, octets)
        .map_err(|error| Failure::Failed(format!("{}: cannot be written: {error}", file.display())))
}

fn extension(file: &Path) -> Option<String> {
    file.extension().map(|extension| extension.to_string_lossy().to_lowercase())
}

fn file_name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| -> PathBuf { path.canonicalize().unwrap_or_else(|_| path.to_owned()) };
    real(a) == real(b)
}
