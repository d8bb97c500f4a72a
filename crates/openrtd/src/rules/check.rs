//! `openrtd check`: a site held against the rules, before its hardware exists.

use std::path::Path;

use config::Source;
use rulebook::certificates::Certificates;
use rulebook::judge::{Judgement, Previous, judge};
use rulebook::report;
use site::{Purpose, Site};

use super::cli::{Check, Format};
use super::{day, of_site};
use crate::exit::Failure;
use crate::output::say;

/// `openrtd check`.
pub(crate) fn check(arguments: &Check) -> Result<(), Failure> {
    let source = Source::read(&arguments.site)?;
    let book = of_site(&source, &arguments.book)?;
    let site = Site::read_with(&source, &book.defaults, Purpose::Check)?;
    let previous = arguments.previous.as_deref().map(previous).transpose()?;
    let admitted = site.masters.iter().flat_map(|master| master.admit.clone()).collect();
    let certificates = Certificates::read(&site.tls.admitting(admitted));
    let places = source.places();
    let report = judge(&Judgement {
        site: &site,
        places: &places,
        certificates: &certificates,
        profile: &book.profile,
        as_of: day(arguments.book.as_of),
        previous: previous.as_ref(),
    });
    let strict = arguments.strict;
    let text = match arguments.format {
        Format::Text => report::text(&report, &book.profile, strict, arguments.verbose),
        Format::Json => pretty(&report::json(&report, strict)),
        Format::Sarif => pretty(&report::sarif(&report, &book.profile, strict)),
        Format::Html => report::html(&report, &book.profile, strict),
    };
    // A reader that went away does not change what was found.
    let _ = say(text.trim_end());
    if report.summary(strict).failed { Err(Failure::Found) } else { Ok(()) }
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}

/// What the site served before.
fn previous(file: &Path) -> Result<Previous, Failure> {
    let source = Source::read(file)?;
    let head = site::head(&source)?;
    let _ = head;
    let site = Site::read_with(&source, &site::Defaults::default(), Purpose::Check)?;
    Ok(Previous::of_site(&site))
}
