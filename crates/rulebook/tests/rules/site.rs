//! Sites of the cases: a base with edits, held against a profile.

use std::path::Path;

use config::Source;
use rulebook::Profile;
use rulebook::certificates::Certificates;
use rulebook::judge::{Judgement, Previous, Report, judge};
use rulebook::profile::Day;
use serde::Deserialize;
use site::{Purpose, Site};

/// A base site: one in which nothing is to be found.
pub(crate) struct Base {
    pub(crate) name: &'static str,
    pub(crate) profile: &'static str,
    text: &'static str,
}

const fn base(name: &'static str, profile: &'static str, text: &'static str) -> Base {
    Base { name, profile, text }
}

const CAISO: &str = "caiso-direct-telemetry";
const IESO: &str = "ieso-real-time-data";

pub(crate) const BASES: [Base; 7] = [
    base("conventional", CAISO, include_str!("sites/conventional.toml")),
    base("demand", CAISO, include_str!("sites/demand.toml")),
    base("hybrid", CAISO, include_str!("sites/hybrid.toml")),
    base("ontario", IESO, include_str!("sites/ontario.toml")),
    base("solar", CAISO, include_str!("sites/solar.toml")),
    base("storage", CAISO, include_str!("sites/storage.toml")),
    base("wind", CAISO, include_str!("sites/wind.toml")),
];

/// The day of the check where a case names none.
pub(crate) const DAY: &str = "2025-06-01";

/// `[old, new]`: `old` stands once in the file. `[anchor, old, new]`: `anchor` stands once in the file, and `old` once
/// between it and the next table.
pub(crate) type Edit = Vec<String>;

/// What is checked: a base, edited.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variant {
    #[serde(default)]
    pub(crate) base: String,
    #[serde(default)]
    pub(crate) edit: Vec<Edit>,
    #[serde(default)]
    pub(crate) append: String,
    pub(crate) as_of: Option<String>,
}

impl Variant {
    pub(crate) fn of(base: &str) -> Self {
        Self { base: base.to_owned(), ..Self::default() }
    }

    /// Its text, or which edit does not fit.
    fn text(&self) -> Result<String, String> {
        let base = BASES.iter().find(|base| base.name == self.base);
        let base = base.ok_or_else(|| format!("there is no base `{}`", self.base))?;
        let mut text = base.text.to_owned();
        for edit in &self.edit {
            let (from, until, old, new) = match edit.as_slice() {
                [old, new] => (0, text.len(), old, new),
                [anchor, old, new] => {
                    let from = once(&text, anchor)?;
                    let until = text[from..].find("\n[").map_or(text.len(), |length| from + length);
                    (from, until, old, new)
                }
                _ => return Err(format!("{edit:?}: an edit has two or three texts")),
            };
            let at = from + once(&text[from..until], old)?;
            text.replace_range(at..at + old.len(), new);
        }
        Ok(format!("{text}{}", self.append))
    }

    /// The site as it is read for a profile.
    fn read(&self, folder: &Path, profile: &Profile, day: Day) -> Result<(Source, Site), String> {
        let source = Source::from_text(folder.join("site.toml"), self.text()?);
        let head = site::head(&source).map_err(|problems| problems.to_string())?;
        let defaults = profile.defaults(&head.kinds(), day);
        let site = Site::read_with(&source, &defaults, Purpose::Check);
        Ok((source.clone(), site.map_err(|problems| problems.to_string())?))
    }

    /// Holds it against a profile.
    pub(crate) fn check(
        &self,
        folder: &Path,
        profile: &Profile,
        previous: Option<&Self>,
    ) -> Result<Report, String> {
        let day: Day = self.as_of.as_deref().unwrap_or(DAY).parse()?;
        let (source, site) = self.read(folder, profile, day)?;
        let previous = match previous {
            Some(previous) => Some(Previous::of_site(&previous.read(folder, profile, day)?.1)),
            None => None,
        };
        let admitted = site.masters.iter().flat_map(|master| master.admit.clone()).collect();
        Ok(judge(&Judgement {
            site: &site,
            places: &source.places(),
            certificates: &Certificates::read(&site.tls.admitting(admitted)),
            profile,
            as_of: day,
            previous: previous.as_ref(),
        }))
    }
}

/// Where `what` stands, if it stands once.
fn once(text: &str, what: &str) -> Result<usize, String> {
    match text.matches(what).count() {
        1 => Ok(text.find(what).unwrap_or_default()),
        count => Err(format!("{what:?} stands {count} times, must stand once")),
    }
}
