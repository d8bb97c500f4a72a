//! What a site file may leave out because somebody else says it: the profile of an ISO.
//!
//! The site model knows no profile. Whoever reads one fills [`Defaults`] from it, after [`head`] told which one the
//! file names. `Defaults::default()` is what holds without any profile.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use config::{Problems, Source, Spanned};
use serde::{Deserialize, Serialize};
use telemetry::{ResourceKind, WireForm};

/// Values that hold where the file says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Defaults {
    /// `outstation.index_offset`: added to every index of the file.
    pub index_offset: i32,
    /// `wire` of analogs and set points.
    pub wire: WireForm,
    /// `age_max_ms` of analogs and digitals; without it each must say its own.
    pub age_max: Option<Duration>,
    /// `heartbeat.period_ms`; without it the file must say it.
    pub heartbeat_period: Option<Duration>,
    /// `heartbeat.wrap`; without it the file must say it.
    pub heartbeat_wrap: Option<u32>,
    /// Of analog inputs: analogs, the heartbeat, feedback.
    pub analog: ServedDefaults,
    /// Of binary inputs: digitals and the connection.
    pub digital: ServedDefaults,
    /// Of analog outputs: set points.
    pub output: ServedDefaults,
    /// The roles that are served; `None`: every point that has an index.
    pub roles: Option<BTreeSet<String>>,
}

/// How points are served where the file says nothing. A variation that does not fit what a point carries (counts
/// above 16 bits, engineering values) is not taken for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServedDefaults {
    /// Static variation.
    pub static_variation: Option<u8>,
    /// Event variation.
    pub event_variation: Option<u8>,
    /// Event class, 0 to 3.
    pub class: Option<u8>,
}

/// What a site is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To run it now.
    #[default]
    Run,
    /// To judge it, perhaps before there is any hardware: files of `[tls]` may be missing, `tls.min_version` may
    /// be a version that is not spoken here, a set point may have no `drive` yet.
    Check,
}

/// The oldest version of TLS that a file allows, whether it is spoken here or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsFloor {
    /// TLS 1.0.
    V1_0,
    /// TLS 1.1.
    V1_1,
    /// TLS 1.2; what holds where the file says nothing.
    #[default]
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl TlsFloor {
    /// The version as written in files.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// The version of this text.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let all = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];
        all.into_iter().find(|one| one.text() == text)
    }
}

impl std::fmt::Display for TlsFloor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

/// What must be known of a site file before its profile is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The profile that it names, as written: an id, or a path that ends in `.toml`, relative to the file.
    pub profile: Option<String>,
    /// The overlay that it names, resolved.
    pub overlay: Option<PathBuf>,
    /// What kind of resource it is.
    pub resource: ResourceKind,
    /// The kinds of its components.
    pub components: Vec<ResourceKind>,
}

impl Head {
    /// The kinds of the resource and of its components: what decides on which point lists apply.
    #[must_use]
    pub fn kinds(&self) -> Vec<ResourceKind> {
        std::iter::once(self.resource).chain(self.components.iter().copied()).collect()
    }
}

#[derive(Deserialize)]
struct RawFile {
    site: RawHead,
    #[serde(default)]
    component: Vec<RawKind>,
}

#[derive(Deserialize)]
struct RawKind {
    kind: ResourceKind,
}

#[derive(Deserialize)]
struct RawHead {
    profile: Option<Spanned<String>>,
    overlay: Option<Spanned<PathBuf>>,
    resource: ResourceKind,
}

/// Reads what a file says of its profile, and lets all the rest be.
///
/// # Errors
/// Where the text is not TOML, or `[site]` does not say a known kind of resource.
pub fn head(source: &Source) -> Result<Head, Problems> {
    let raw: RawFile = source.parse()?;
    let mut problems = Problems::default();
    let profile = raw.site.profile.as_ref();
    problem_of_profile(source, profile).into_iter().for_each(|problem| problems.add(problem));
    problems.into_result(Head {
        profile: profile.map(|text| text.get_ref().clone()),
        overlay: raw.site.overlay.as_ref().map(|path| source.resolve(path.get_ref())),
        resource: raw.site.resource,
        components: raw.component.iter().map(|one| one.kind).collect(),
    })
}

/// What is wrong with the name of a profile.
pub(crate) fn problem_of_profile(
    source: &Source,
    profile: Option<&Spanned<String>>,
) -> Option<config::Problem> {
    let text = profile.filter(|text| text.get_ref().trim().is_empty())?;
    let message = "is empty: the id of a profile, or a path that ends in `.toml`; left out for none";
    Some(source.problem(text.span(), "site.profile", message))
}
