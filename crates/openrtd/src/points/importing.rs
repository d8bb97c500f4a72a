//! `openrtd points import`.

use config::Source;
use pointsheet::import::Step;
use pointsheet::{Options, import as bring};
use site::{Purpose, Served, Site};
use telemetry::PointId;

use super::cli::Import;
use super::{defaults, is_site, read, tell};
use crate::exit::Failure;
use crate::output::complain;

pub(crate) fn import(arguments: &Import) -> Result<(), Failure> {
    let Some((file, sheets)) = arguments.files.split_last() else {
        return Err(Failure::Input("a sheet and a site file are needed".to_owned()));
    };
    if !is_site(file) {
        let message =
            format!("{}: the last file is the site file, and its name ends in .toml", file.display());
        return Err(Failure::Input(message));
    }
    // Read once, with its mark, which is no part of a source's text: what is written was made of what was checked.
    let text = config::read_text(file)?;
    let source = Source::from_text(file, text.as_str());
    let defaults = defaults(&source)?;
    // A file that does not read now would be blamed on the sheet afterwards.
    Site::read_with(&source, &defaults, Purpose::Check)?;
    let sheet = read(sheets)?;
    let options =
        Options { unserve: arguments.unserve, wire: defaults.wire, heartbeat_wrap: defaults.heartbeat_wrap };
    let imported = bring(&text, &sheet, options).map_err(|error| refused(file, &error))?;
    tell(imported.steps.iter().map(ToString::to_string));
    let made = Source::from_text(file, imported.text.as_str());
    let site = Site::read_with(&made, &defaults, Purpose::Check).map_err(|problems| {
        let hint = "the file is as it was: with the sheet it would not read (lines are those of the new text; \
                    an index that is taken may belong to a point that the sheet lacks: --unserve)";
        Failure::Failed(format!("{problems}\n{hint}"))
    })?;
    let unlisted: Vec<&str> = unlisted(&site).map(PointId::as_str).collect();
    if !unlisted.is_empty() {
        let points = unlisted.join(", ");
        complain(&format!(
            "note: these points have an index and are not served, since the site's profile serves points of its roles \
             only: {points}"
        ));
    }
    if !arguments.dry_run && imported.text != text {
        grid::replace_atomically(file, text.as_bytes(), imported.text.as_bytes())
            .map_err(|error| refused(file, &format!("not written: {error}")))?;
    }
    let count = |of: fn(&Step) -> bool| imported.count(of);
    let renumbered =
        |step: &Step| matches!(step, Step::Updated { field: "index", old: Some(old), .. } if old != "0");
    tell([format!(
        "{} rows: {} values changed ({} points renumbered), {} points new, {} not in the sheet, {} rows not imported{}",
        sheet.points(),
        count(|step| matches!(step, Step::Updated { .. })),
        count(renumbered),
        count(|step| matches!(step, Step::Added { .. })),
        count(|step| matches!(step, Step::Missing { .. })),
        count(|step| matches!(step, Step::NotImported(_))),
        if arguments.dry_run { "; nothing written" } else { "" },
    )]);
    Ok(())
}

/// Points with an index that the site's profile does not serve.
fn unlisted(site: &Site) -> impl Iterator<Item = &PointId> {
    let unlisted = |served: &Served| served.sheet_index.is_some() && served.index.is_none();
    let points = site.analogs.iter().map(|of| (&of.point.id, &of.point.served));
    let points = points.chain(site.digitals.iter().map(|of| (&of.point.id, &of.point.served)));
    let points = points.chain(site.setpoints.iter().map(|of| (&of.point.id, &of.point.served)));
    let shown = site.setpoints.iter().flat_map(site::SetPoint::shown);
    let points = points.chain(shown.map(|of| (&of.point.id, &of.point.served)));
    points.filter(move |(_, served)| unlisted(served)).map(|(id, _)| id)
}

fn refused(file: &std::path::Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(format!("{}: {error}", file.display()))
}
