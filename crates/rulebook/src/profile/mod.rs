//! Profiles: the rules of a system operator as dated, cited data.

mod amount;
mod entry;
mod overlay;
mod raw;
mod read;
mod setting;
mod shipped;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::{ResourceKind, Unit};

pub use amount::{Amount, Bounds, Figure, Limit};
pub use entry::{Confirmation, Day, Entry, Severity, Table, Tag, Value};
pub use overlay::{Correction, Overlay, OverlayFor};
pub use raw::{Effective, Unknown};
pub use read::schema;
pub use setting::{ScanDefaults, ScanMode, SettingKey};
pub use shipped::{DEFAULT, shipped};

use crate::predicate::{PointType, Predicate, SubjectKind};

/// A profile, read and checked.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What it is.
    pub head: Head,
    /// What its entries cite, by id.
    pub sources: BTreeMap<String, SourceDoc>,
    /// Defaults.
    pub settings: Vec<Setting>,
    /// Who must send.
    pub thresholds: Vec<Threshold>,
    /// Point lists, met data among them.
    pub points: Vec<ListedPoint>,
    /// Installation papers.
    pub papers: Vec<Paper>,
    /// Validation steps.
    pub steps: Vec<Step>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// The overlay that was laid over it.
    pub overlay: Option<OverlayHead>,
}

/// What a profile is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its id.
    pub id: String,
    /// One line.
    pub title: String,
    /// Whose rules they are.
    pub issuer: String,
    /// The edition that it aims at.
    pub edition: String,
    /// Since when it applies.
    pub effective: Effective,
    /// Ids of the profiles that it replaces.
    pub supersedes: Vec<String>,
    /// What it is and what it is not.
    pub notice: String,
    /// Where it was read from.
    pub origin: Origin,
}

/// Where a profile was read from. A file's words are whoever wrote it: a report must say that it is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Origin {
    /// It comes with the program.
    Shipped,
    /// It is a file of somebody's own.
    File {
        /// The file.
        file: String,
        /// The profile that it starts from.
        #[serde(skip_serializing_if = "Option::is_none")]
        extends: Option<String>,
        /// Entries of that one that it says anew.
        replaced: usize,
        /// Entries of that one that it leaves out.
        dropped: usize,
        /// Entries of its own.
        own: usize,
    },
}

impl Head {
    /// Id and edition; for a file of somebody's own, that it is one and what it did to what it starts from.
    #[must_use]
    pub fn words(&self) -> String {
        let named = format!("{} ({})", self.id, self.edition);
        match &self.origin {
            Origin::Shipped => named,
            Origin::File { file, extends: None, own, .. } => {
                format!("{named}\n             NOT SHIPPED, a file of its own: {file}, {own} entries")
            }
            Origin::File { file, extends: Some(base), replaced, dropped, own } => format!(
                "{named}\n             NOT SHIPPED, a file of its own: {file}, from {base}: {replaced} entries said \
                 anew, {dropped} left out, {own} more"
            ),
        }
    }
}

/// An overlay, as a report names it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverlayHead {
    /// Its file.
    pub file: String,
    /// The document against which entries were confirmed.
    pub document: String,
    /// Who confirmed them.
    pub by: Vec<String>,
    /// Entries that it confirms.
    pub confirmed: usize,
    /// Entries whose value it corrects.
    pub corrected: usize,
    /// What it says of each.
    pub entries: Vec<Correction>,
}

impl OverlayHead {
    /// What it did, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let entries =
            if self.confirmed == 1 { "1 entry".to_owned() } else { format!("{} entries", self.confirmed) };
        format!(
            "{entries} confirmed against \"{}\" by {}, {} of them corrected",
            self.document,
            self.by.join(", "),
            self.corrected
        )
    }
}

/// Something that entries cite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceDoc {
    /// What it is.
    pub title: String,
    /// What else is to be known.
    pub note: Option<String>,
}

/// A default.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where it comes from.
    pub entry: Entry,
    /// What it sets.
    pub sets: SettingKey,
}

/// What follows from a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Obligation {
    /// Telemetry is required.
    Required,
    /// Telemetry is not required, whatever else says so.
    Exempt,
}

/// Who must send.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// Where it comes from.
    pub entry: Entry,
    /// What follows.
    pub obligation: Obligation,
    /// When all of these hold.
    pub when: Vec<Predicate>,
}

/// What needs a point each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// The resource.
    Resource,
    /// Each component of the listed kinds; the resource itself where it is of such a kind and has no component of it.
    Component,
    /// Each met station of a component of the listed kinds.
    Station,
}

impl Per {
    /// The subject that needs one.
    #[must_use]
    pub const fn subject(self) -> SubjectKind {
        match self {
            Self::Resource => SubjectKind::Site,
            Self::Component => SubjectKind::Component,
            Self::Station => SubjectKind::Station,
        }
    }
}

/// Whether a point must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It must be served where telemetry is required.
    Required,
    /// It is usually served.
    Expected,
    /// It may be served; where it is, then as listed.
    Optional,
    /// It must not be served.
    Forbidden,
}

/// A point of the point lists.
#[derive(Clone, Debug)]
pub struct ListedPoint {
    /// Where it comes from.
    pub entry: Entry,
    /// What it means.
    pub role: String,
    /// Its type.
    pub kind: PointType,
    /// Kinds of resources or components that have it.
    pub kinds: Vec<ResourceKind>,
    /// What needs one each.
    pub per: Per,
    /// Whether it must be there.
    pub need: Need,
    /// Units that it may have; none for states.
    pub units: Vec<Unit>,
    /// Further conditions about the resource.
    pub when: Vec<Predicate>,
    /// Further conditions about what needs one.
    pub filter: Vec<Predicate>,
}

/// A paper of an installation.
#[derive(Clone, Debug)]
pub struct Paper {
    /// Where it comes from.
    pub entry: Entry,
    /// When it is due.
    pub due: Option<String>,
}

/// A step of a validation.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it comes from.
    pub entry: Entry,
    /// What to do.
    pub test: Option<String>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it comes from.
    pub entry: Entry,
    /// What it judges.
    pub subject: SubjectKind,
    /// About the resource; all must hold.
    pub when: Vec<Predicate>,
    /// About the subject; all must hold.
    pub filter: Vec<Predicate>,
    /// Each that fails is a finding.
    pub require: Vec<Predicate>,
    /// Asked only where telemetry is required, and no surer than what requires it.
    pub obliged: bool,
}

impl Profile {
    /// Every entry, in the order of [`Table::ALL`].
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let points =
            |table| self.points.iter().map(|point| &point.entry).filter(move |entry| entry.table == table);
        self.settings
            .iter()
            .map(|one| &one.entry)
            .chain(self.thresholds.iter().map(|one| &one.entry))
            .chain(points(Table::Point))
            .chain(points(Table::Met))
            .chain(self.papers.iter().map(|one| &one.entry))
            .chain(self.steps.iter().map(|one| &one.entry))
            .chain(self.rules.iter().map(|one| &one.entry))
    }

    fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.settings
            .iter_mut()
            .map(|one| &mut one.entry)
            .chain(self.thresholds.iter_mut().map(|one| &mut one.entry))
            .chain(self.points.iter_mut().map(|one| &mut one.entry))
            .chain(self.papers.iter_mut().map(|one| &mut one.entry))
            .chain(self.steps.iter_mut().map(|one| &mut one.entry))
            .chain(self.rules.iter_mut().map(|one| &mut one.entry))
    }

    /// The entry of this id.
    #[must_use]
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries().find(|entry| entry.id == id)
    }

    /// Whether the point lists know a role. A point's own parts that are always there count as known.
    #[must_use]
    pub fn knows_role(&self, role: &str) -> bool {
        self.points.iter().any(|point| point.role == role)
    }
}
