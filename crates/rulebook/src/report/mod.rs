//! How a report is told. Whatever the form, what is only recalled stands apart, carries the word 'unconfirmed' and is
//! never called required by the ISO.

mod html;
mod sarif;
mod text;

use serde::Serialize;

use crate::judge::{ExpectedToo, Finding, NotJudged, Report, Required};
use crate::profile::{Profile, Severity};

pub use html::{STYLE, html};
pub use sarif::sarif;
pub use text::text;

/// What stands above findings that nobody may cite.
pub const UNCONFIRMED: &str =
    "Unconfirmed: remembered practice, not the ISO's word; these fail a check only with --strict";

/// A report with its sums, as JSON tells it.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    summary: Summary,
}

/// Sums of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Findings of severity error, those unconfirmed left out.
    pub errors: usize,
    /// Findings of severity warning, those unconfirmed left out.
    pub warnings: usize,
    /// Findings of severity note, those unconfirmed left out.
    pub notes: usize,
    /// Findings that nobody may cite.
    pub unconfirmed: usize,
    /// Whether the check failed.
    pub failed: bool,
    /// Things judged.
    pub judged: usize,
    /// Entries that judged at least one thing.
    pub rules: usize,
    /// Things that could not be judged.
    pub not_judged: usize,
}

impl Summary {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let counted = |count: usize, one: &str| {
            if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
        };
        format!(
            "{}, {}, {}; {} unconfirmed; {} judged by {}, {} not judged",
            counted(self.errors, "error"),
            counted(self.warnings, "warning"),
            counted(self.notes, "note"),
            self.unconfirmed,
            counted(self.judged, "thing"),
            counted(self.rules, "rule"),
            self.not_judged
        )
    }
}

impl Report {
    /// Its sums.
    #[must_use]
    pub fn summary(&self, strict: bool) -> Summary {
        let of =
            |severity| self.findings.iter().filter(|one| one.citable && one.severity == severity).count();
        Summary {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            notes: of(Severity::Note),
            unconfirmed: self.findings.iter().filter(|one| !one.citable).count(),
            failed: self.failing(strict).next().is_some(),
            judged: self.judged.values().sum(),
            rules: self.judged.len(),
            not_judged: self.not_judged.len(),
        }
    }
}

impl Required {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let by = |ids: &[String]| ids.join(", ");
        match self {
            Self::Yes { by: ids, tag } if tag.is_citable() => format!("required by {} ({tag})", by(ids)),
            Self::Yes { by: ids, tag } => {
                format!("expected by {} ({tag}, unconfirmed); its lists are unconfirmed with it", by(ids))
            }
            Self::Exempt { by: ids, tag } if tag.is_citable() => {
                format!("not required: exempt by {} ({tag})", by(ids))
            }
            Self::Exempt { by: ids, tag } => {
                format!("not expected: exempt by {} ({tag}, unconfirmed)", by(ids))
            }
            Self::No => {
                "not required by any threshold of the profile; point lists were not held against the site"
                    .to_owned()
            }
            Self::Unknown { why } => {
                format!(
                    "not known: {}; point lists were held against the site as if it were required",
                    why.join(", ")
                )
            }
        }
    }
}

impl ExpectedToo {
    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        format!("expected too, unconfirmed, by {} ({})", self.by.join(", "), self.tag)
    }
}

impl NotJudged {
    /// The tag, where nobody may cite the entry: what is told between brackets.
    #[must_use]
    pub fn doubt(&self) -> String {
        if self.tag.is_citable() { String::new() } else { format!(" [{}, unconfirmed]", self.tag) }
    }
}

impl Finding {
    /// Tag, sources and clause in one line.
    #[must_use]
    pub fn provenance(&self, profile: &Profile) -> String {
        let entry = profile.entry(&self.rule);
        let own = entry.map_or_else(String::new, crate::profile::Entry::provenance);
        match entry {
            Some(entry) if entry.certainty() != self.tag => {
                let unconfirmed = if self.citable { "" } else { ", unconfirmed" };
                let on = match self.rests_on.as_slice() {
                    [] => "what is".to_owned(),
                    [one] => format!("{one}, which is"),
                    several => format!("{}, which are", several.join(", ")),
                };
                format!("{own}; rests on {on} {}{unconfirmed}", self.tag)
            }
            _ => own,
        }
    }
}

/// A report as JSON; wherever it names an entry, it tells the entry's tag.
#[must_use]
pub fn json(report: &Report, profile: &Profile, strict: bool) -> serde_json::Value {
    // A report is made of strings and numbers: it always is a JSON value.
    let mut told = serde_json::to_value(Told { report, summary: report.summary(strict) }).unwrap_or_default();
    let judged = report.judged.iter().map(|(rule, things)| {
        let tag = profile.entry(rule).map(crate::profile::Entry::certainty);
        serde_json::json!({ "rule": rule, "tag": tag, "things": things })
    });
    if let Some(fields) = told.as_object_mut() {
        fields.insert("judged".to_owned(), judged.collect());
    }
    told
}
