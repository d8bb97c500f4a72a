//! `openrtd check`: a site held against the rules, before its hardware exists.

use std::path::Path;

use config::Source;
use pointsheet::{Kind, PointSheet};
use rulebook::certificates::Certificates;
use rulebook::judge::{Judgement, Previous, PreviousPoint, Report, judge};
use rulebook::predicate::PointType;
use rulebook::{Profile, report};
use site::{Purpose, Site};

use super::cli::{Book, Check, Format};
use super::{day, of_site};
use crate::exit::Failure;
use crate::output::say;
use crate::points;

/// `openrtd check`.
pub(crate) fn check(arguments: &Check) -> Result<(), Failure> {
    let judged = judged(&arguments.site, &arguments.book, arguments.previous.as_deref())?;
    let (report, profile) = (&judged.report, &judged.profile);
    let strict = arguments.strict;
    let text = match arguments.format {
        Format::Text => report::text(report, profile, strict, arguments.verbose),
        Format::Json => pretty(&report::json(report, profile, strict)),
        Format::Sarif => pretty(&report::sarif(report, profile, strict)),
        Format::Html => report::html(report, profile, strict),
    };
    // A reader that went away does not change what was found.
    let _ = say(text.trim_end());
    if report.summary(strict).failed { Err(Failure::Found) } else { Ok(()) }
}

/// A site with its rules and what came of holding it against them.
pub(crate) struct Judged {
    pub(crate) site: Site,
    pub(crate) profile: Profile,
    pub(crate) certificates: Certificates,
    pub(crate) report: Report,
}

/// Reads a site and holds it against its rules.
pub(crate) fn judged(file: &Path, asked: &Book, before: Option<&Path>) -> Result<Judged, Failure> {
    judged_source(&Source::read(file)?, asked, before.map(previous).transpose()?.as_ref())
}

/// As [`judged`], of a text that was read.
pub(crate) fn judged_source(
    source: &Source,
    asked: &Book,
    previous: Option<&Previous>,
) -> Result<Judged, Failure> {
    let book = of_site(source, asked)?;
    let site = Site::read_with(source, &book.defaults, Purpose::Check)?;
    let admitted = site.masters.iter().flat_map(|master| master.admit.clone()).collect();
    let certificates = Certificates::read(&site.tls.admitting(admitted));
    let report = judge(&Judgement {
        site: &site,
        places: &source.places(),
        certificates: &certificates,
        profile: &book.profile,
        as_of: day(asked.as_of),
        previous,
    });
    Ok(Judged { site, profile: book.profile, certificates, report })
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}

/// What the site served before: by a site file, or by the ISO's sheet.
fn previous(file: &Path) -> Result<Previous, Failure> {
    if !points::is_site(file) {
        return Ok(of_sheet(&points::sheet(file)?));
    }
    let source = Source::read(file)?;
    let site = Site::read_with(&source, &points::defaults(&source)?, Purpose::Check)?;
    Ok(Previous::of_site(&site))
}

fn of_sheet(sheet: &PointSheet) -> Previous {
    let mut points = Vec::new();
    for (kind, table) in
        [(PointType::AnalogInput, Kind::AnalogInput), (PointType::AnalogOutput, Kind::AnalogOutput)]
    {
        points.extend(sheet.analogs(table).iter().map(|row| PreviousPoint {
            wire: None,
            kind,
            names: vec![row.point_name.clone(), row.description.clone()],
            index: row.index,
            scale: row.max_units.zip(row.max_counts.map(f64::from)),
        }));
    }
    points.extend(sheet.digitals(Kind::DigitalInput).iter().map(|row| PreviousPoint {
        wire: None,
        kind: PointType::DigitalInput,
        names: vec![row.point_name.clone(), row.description.clone()],
        index: row.index,
        scale: None,
    }));
    Previous { points }
}
