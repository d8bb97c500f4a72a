//! What an EMS file may leave out because the profile of an ISO says it.
//!
//! The EMS knows no profile. Whoever reads one fills [`Defaults`] from it, after [`head`] told which one the file
//! names. `Defaults::default()` is what holds without any profile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use config::{Problem, Problems, Source, Spanned};
use serde::Deserialize;
use telemetry::{ResourceKind, WireForm};

use crate::model::ScanMode;

/// Values that hold where the file says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// `heartbeat.period_ms` of a device: what its `scans` are held against.
    pub heartbeat_period: Option<Duration>,
    /// `scan_ms` of a device; without it each must say its own.
    pub scan: Option<Duration>,
    /// `scan` of a device.
    pub scan_mode: Option<ScanMode>,
    /// `integrity_scans` of a device; 0 is taken as 1.
    pub integrity_scans: Option<u32>,
    /// Added to every index of the file.
    pub index_offset: i32,
    /// `wire` of analogs and set points.
    pub wire: WireForm,
    /// The roles that are polled, by kind of resource; `None`: every point of the file.
    pub roles: Option<BTreeMap<ResourceKind, BTreeSet<String>>>,
}

impl Defaults {
    /// The roles that are polled of a device of these kinds; of a device that says none, those of any kind.
    pub(crate) fn roles_of(&self, kinds: Option<&[ResourceKind]>) -> Option<BTreeSet<&str>> {
        let roles = self.roles.as_ref()?.iter();
        let own = roles.filter(|(kind, _)| kinds.is_none_or(|kinds| kinds.contains(kind)));
        Some(own.flat_map(|(_, roles)| roles.iter().map(String::as_str)).collect())
    }
}

/// What must be known of an EMS file before its profile is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The profile that it names, as written: an id, or a path that ends in `.toml`, relative to the file.
    pub profile: Option<String>,
    /// The overlay that it names, resolved.
    pub overlay: Option<PathBuf>,
}

#[derive(Deserialize)]
struct RawFile {
    ems: RawHead,
}

#[derive(Deserialize)]
struct RawHead {
    profile: Option<Spanned<String>>,
    overlay: Option<PathBuf>,
}

/// Reads what a file says of its profile, and lets all the rest be.
///
/// # Errors
/// Where the text is not TOML, has no `[ems]`, or names nothing as its profile.
pub fn head(source: &Source) -> Result<Head, Problems> {
    let raw: RawFile = source.parse()?;
    let profile = raw.ems.profile.as_ref();
    let mut problems = Problems::default();
    problem_of_profile(source, profile).into_iter().for_each(|problem| problems.add(problem));
    problems.into_result(Head {
        profile: profile.map(|text| text.get_ref().clone()),
        overlay: raw.ems.overlay.as_ref().map(|path| source.resolve(path)),
    })
}

/// What is wrong with the name of a profile.
pub(crate) fn problem_of_profile(source: &Source, profile: Option<&Spanned<String>>) -> Option<Problem> {
    let text = profile.filter(|text| text.get_ref().trim().is_empty())?;
    let message = "is empty: the id of a profile, or a path that ends in `.toml`; left out for none";
    Some(source.problem(text.span(), "ems.profile", message))
}
