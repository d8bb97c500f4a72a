//! What a rule, a point, a quality or a source means, why it exists, where it comes from and how sure we are.
//!
//! A finding that cannot be asked about is an order. Whatever is told here about an entry that is only recalled says
//! so in the same line.

mod asks;
mod entry;
mod find;
mod point;
mod quality;

use serde::Serialize;

pub use find::{Answer, Candidate, explain};
pub use point::OnSite;
pub use quality::{Told, told};

use crate::profile::{Confirmation, Entry, Tag};

/// What an explanation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// An entry of the profile.
    Entry,
    /// What points mean to the ISO.
    Role,
    /// A point of a site file.
    Point,
    /// The summary of a point's reasons.
    Quality,
    /// Why a point is not good.
    Reason,
    /// A bit of DNP3.
    Flag,
    /// What entries cite.
    Source,
    /// How sure we are.
    Tag,
    /// A section of the profile.
    Section,
    /// A kind of resource.
    Kind,
}

impl About {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Role => "role of points",
            Self::Point => "point of the site",
            Self::Quality => "quality",
            Self::Reason => "reason of a quality",
            Self::Flag => "flag of DNP3",
            Self::Source => "source",
            Self::Tag => "tag",
            Self::Section => "section",
            Self::Kind => "kind of resource",
        }
    }
}

/// One thing explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// What it is.
    pub about: About,
    /// Its id or word.
    pub id: String,
    /// What it means, in one line.
    pub title: String,
    /// How sure we are, where that is a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// Whether it may be cited without the word 'unconfirmed'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citable: Option<bool>,
    /// Who confirmed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmation>,
    /// What else is to be said, in order.
    pub told: Vec<Fact>,
}

/// One thing said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What about.
    pub label: &'static str,
    /// What.
    pub text: String,
}

impl Explanation {
    fn new(about: About, id: &str, title: &str) -> Self {
        let (id, title) = (id.to_owned(), title.to_owned());
        Self { about, id, title, tag: None, citable: None, confirmed: None, told: Vec::new() }
    }

    #[must_use]
    fn fact(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.told.push(Fact { label, text: text.into() });
        self
    }

    #[must_use]
    fn maybe(self, label: &'static str, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.fact(label, text),
            None => self,
        }
    }

    #[must_use]
    fn facts(mut self, label: &'static str, texts: impl IntoIterator<Item = String>) -> Self {
        self.told.extend(texts.into_iter().map(|text| Fact { label, text }));
        self
    }

    /// For people: what it is, then a line for each thing that is said; a label is not said twice in a row.
    #[must_use]
    pub fn text(&self) -> String {
        let doubt = match self.citable {
            Some(false) => " [unconfirmed: not the ISO's word]",
            _ => "",
        };
        // The mark stands in the line that may be quoted.
        let mut lines =
            vec![format!("{} ({})", self.id, self.about.words()), format!("  {}{doubt}", self.title)];
        let mut before = "";
        for fact in &self.told {
            let label = if fact.label == before { "" } else { fact.label };
            before = fact.label;
            lines.push(format!("  {label:<9}  {}", fact.text));
        }
        lines.join("\n")
    }
}

/// An entry's id with how sure we are of it.
fn named(entry: &Entry) -> String {
    let certainty = match (&entry.confirmed, entry.tag.is_citable()) {
        (Some(_), _) => "confirmed".to_owned(),
        (None, true) => entry.tag.to_string(),
        (None, false) => format!("{}, unconfirmed", entry.tag),
    };
    format!("{} [{certainty}]", entry.id)
}
