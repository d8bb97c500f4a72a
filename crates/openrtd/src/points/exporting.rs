//! `openrtd points export`.

use config::Source;
use pointsheet::Kind;

use super::cli::{Export, Format};
use super::{site, tell};
use crate::exit::Failure;
use crate::output::complain;

pub(crate) fn export(arguments: &Export) -> Result<(), Failure> {
    let exported = pointsheet::export(&site(&Source::read(&arguments.site)?)?);
    let extension = arguments.out.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let format = match (arguments.format, extension.as_deref()) {
        (Some(format), _) => format,
        (None, Some("xlsx")) => Format::Xlsx,
        (None, None) => Format::Csv,
        (None, Some(other)) => {
            return Err(Failure::Input(format!(
                "{}: a workbook ends in .xlsx, a folder in nothing; for a folder that ends in .{other} say --format csv",
                arguments.out.display()
            )));
        }
    };
    let made = match format {
        Format::Xlsx => vec![arguments.out.clone()],
        Format::Csv => pointsheet::csv_files(&arguments.out).into(),
    };
    // It may be the sheet that the ISO sent.
    if let Some(there) = made.iter().find(|file| !arguments.force && file.symlink_metadata().is_ok()) {
        return Err(Failure::Input(format!("{}: is there already; --force overwrites it", there.display())));
    }
    let written = match format {
        Format::Xlsx => pointsheet::write_xlsx(&arguments.out, &exported.sheet),
        Format::Csv => pointsheet::write_csv(&arguments.out, &exported.sheet),
    };
    written.map_err(Failure::failed)?;
    exported.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    let rows =
        |kind: Kind| exported.sheet.analogs(kind).len().saturating_add(exported.sheet.digitals(kind).len());
    let counts = Kind::ALL.map(|kind| format!("{} {kind}s", rows(kind)));
    tell([format!("{}: {}", arguments.out.display(), counts.join(", "))]);
    Ok(())
}
