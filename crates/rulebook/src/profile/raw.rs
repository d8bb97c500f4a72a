//! A profile's file as written. What the TOML reader cannot tell is checked in `read`.

use schemars::JsonSchema;
use serde::Deserialize;
use telemetry::{ResourceKind, Unit};

use super::entry::{Day, Entry, Severity, Table, Tag, Value};
use super::{Need, Obligation, Per, SettingKey};
use crate::predicate::{PointType, Predicate, SubjectKind};

/// A profile: the rules of a system operator as dated, cited data.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "OpenRTD profile")]
pub(crate) struct RawProfile {
    pub(crate) profile: RawHead,
    #[serde(default)]
    pub(crate) source: Vec<RawSourceDoc>,
    #[serde(default)]
    pub(crate) setting: Vec<RawSetting>,
    #[serde(default)]
    pub(crate) threshold: Vec<RawThreshold>,
    #[serde(default)]
    pub(crate) point: Vec<RawPoint>,
    #[serde(default)]
    pub(crate) met: Vec<RawPoint>,
    #[serde(default)]
    pub(crate) paper: Vec<RawPaper>,
    #[serde(default)]
    pub(crate) step: Vec<RawStep>,
    #[serde(default)]
    pub(crate) rule: Vec<RawRule>,
}

impl RawProfile {
    /// Ids of its entries.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let settings = self.setting.iter().map(|one| &one.id);
        let thresholds = self.threshold.iter().map(|one| &one.id);
        let points = self.point.iter().chain(&self.met).map(|one| &one.id);
        let papers = self.paper.iter().map(|one| &one.id);
        let steps = self.step.iter().map(|one| &one.id);
        let rules = self.rule.iter().map(|one| &one.id);
        settings.chain(thresholds).chain(points).chain(papers).chain(steps).chain(rules).map(String::as_str)
    }
}

/// What the profile is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHead {
    /// Its id; the file's name without `.toml`.
    pub(crate) id: String,
    /// One line.
    pub(crate) title: String,
    /// Whose rules they are.
    pub(crate) issuer: String,
    /// The edition that it aims at.
    pub(crate) edition: String,
    /// Since when it applies: a date, or `unknown`.
    pub(crate) effective: Effective,
    /// Ids of the profiles that it replaces.
    #[serde(default)]
    pub(crate) supersedes: Vec<String>,
    /// Starts from the entries of this profile; an entry of the same id replaces its.
    pub(crate) extends: Option<String>,
    /// Entries of the extended profile that do not apply.
    #[serde(default)]
    pub(crate) drop: Vec<String>,
    /// What it is and what it is not.
    pub(crate) notice: String,
}

/// Since when a profile applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(untagged, expecting = "allowed: a date such as 2022-06-30, or \"unknown\"")]
pub enum Effective {
    /// From this day on.
    Since(Day),
    /// Nobody here knows.
    Unknown(Unknown),
}

/// The word `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// `unknown`
    Unknown,
}

impl std::fmt::Display for Effective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Since(day) => write!(f, "{day}"),
            Self::Unknown(_) => f.write_str("unknown"),
        }
    }
}

/// Something that entries cite.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSourceDoc {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) note: Option<String>,
}

/// An entry: the common keys, then its own. Written by a macro since `serde(flatten)` would let unknown keys pass.
macro_rules! entries {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct $name {
                /// Dotted, lower case, unique.
                pub(crate) id: String,
                /// One line that says it.
                pub(crate) title: String,
                /// Clause as far as known, or `unknown`.
                pub(crate) clause: String,
                /// Ids of sources; at least one.
                #[serde(default)]
                pub(crate) source: Vec<String>,
                /// How sure we are.
                pub(crate) tag: Tag,
                /// How much a finding weighs.
                #[serde(default)]
                pub(crate) severity: Severity,
                /// In force from this day on.
                pub(crate) since: Option<Day>,
                /// In force until the day before.
                pub(crate) until: Option<Day>,
                /// Why it exists.
                pub(crate) why: Option<String>,
                /// Its own figure, word or list.
                pub(crate) value: Option<Value>,
                /// What else is to be known.
                pub(crate) note: Option<String>,
                /// How to mend what it finds.
                pub(crate) fix: Option<String>,
                $($(#[$field_meta])* pub(crate) $field: $type,)*
            }

            impl $name {
                /// What every entry carries.
                pub(crate) fn entry(&self, table: Table, section: &str, unit: Option<&str>) -> Entry {
                    Entry {
                        id: self.id.clone(),
                        table,
                        section: section.to_owned(),
                        title: self.title.clone(),
                        clause: self.clause.clone(),
                        sources: self.source.clone(),
                        tag: self.tag,
                        severity: self.severity,
                        since: self.since,
                        until: self.until,
                        why: self.why.clone(),
                        value: self.value.clone(),
                        unit: unit.map(str::to_owned),
                        note: self.note.clone(),
                        fix: self.fix.clone(),
                        confirmed: None,
                        corrected_from: None,
                    }
                }
            }
        )*
    };
}

entries! {
    /// What a device or an EMS takes where its file says nothing.
    RawSetting {
        /// Section of the report.
        section: String,
        /// What it sets.
        sets: SettingKey,
        /// Unit of the value.
        unit: Option<String>,
    }
    /// Who must send telemetry.
    RawThreshold {
        /// What follows when all of `when` hold.
        obligation: Obligation,
        /// About the resource.
        when: Vec<Predicate>,
        /// Unit of the value.
        unit: Option<String>,
    }
    /// A point of the point lists.
    RawPoint {
        /// What it means.
        role: String,
        /// Its type.
        #[serde(rename = "type")]
        kind: PointType,
        /// Kinds of resources or components that have it.
        #[schemars(with = "Vec<String>")]
        kinds: Vec<ResourceKind>,
        /// What needs one each.
        per: Per,
        /// Whether it must be there.
        need: Need,
        /// Units that it may have; none for states.
        #[serde(default)]
        #[schemars(with = "Vec<String>")]
        unit: Vec<Unit>,
        /// Further conditions about the resource.
        #[serde(default)]
        when: Vec<Predicate>,
        /// Only stations of these kinds; all where left out.
        #[serde(default)]
        #[schemars(with = "Vec<String>")]
        station_kinds: Vec<site::StationKind>,
        /// Further conditions about what needs one.
        #[serde(default, rename = "where")]
        filter: Vec<Predicate>,
    }
    /// A paper of an installation.
    RawPaper {
        /// When it is due.
        due: Option<String>,
        /// Unit of the value.
        unit: Option<String>,
    }
    /// A step of a validation.
    RawStep {
        /// What to do.
        test: Option<String>,
        /// Unit of the value.
        unit: Option<String>,
    }
    /// A rule.
    RawRule {
        /// Section of the report.
        section: String,
        /// What it judges.
        subject: SubjectKind,
        /// About the resource; all must hold.
        #[serde(default)]
        when: Vec<Predicate>,
        /// About the subject; all must hold.
        #[serde(default, rename = "where")]
        filter: Vec<Predicate>,
        /// Each that fails is a finding.
        require: Vec<Predicate>,
        /// Asked only where telemetry is required, and no surer than what requires it.
        #[serde(default)]
        obliged: bool,
        /// Unit of the value.
        unit: Option<String>,
    }
}
