//! Finding what somebody means by a word.

use std::collections::BTreeSet;

use serde::Serialize;
use telemetry::{Quality, ReasonKind, ResourceKind};

use super::{Explanation, OnSite, entry, quality};
use crate::profile::{Entry, Profile, Tag};

/// How alike two names must be for one to be suggested for the other.
const ALIKE: f64 = 0.7;
const SUGGESTIONS: usize = 5;
const QUALITIES: [Quality; 3] = [Quality::Good, Quality::Questionable, Quality::Bad];

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// What the word means; more than one thing where several are called so.
    Found(Vec<Explanation>),
    /// Entries whose ids begin with it, or whose clause holds it.
    Several(Vec<Candidate>),
    /// Nothing, and what is called nearly so.
    Unknown(Vec<String>),
}

/// An entry that may be meant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// How sure we are.
    pub tag: Tag,
    /// Whether it may be cited.
    pub citable: bool,
    /// What it says.
    pub title: String,
}

impl Candidate {
    fn of(entry: &Entry) -> Self {
        let tag = entry.certainty();
        Self { id: entry.id.clone(), tag, citable: tag.is_citable(), title: entry.title.clone() }
    }
}

/// What a word means: the id or the beginning of the id of an entry, a role, a point of a site, a quality, a reason,
/// a flag, a source, a tag, a section, a kind of resource.
#[must_use]
pub fn explain(word: &str, profile: &Profile, site: Option<&OnSite<'_>>) -> Answer {
    let word = word.trim();
    let lower = word.to_lowercase();
    let mut found = Vec::new();
    found.extend(site.map(|site| site.point(word, profile)).into_iter().flatten());
    found.extend(profile.entry(&lower).map(|one| entry::entry(one, profile)));
    if found.is_empty() {
        found.extend(entry::role(&lower, profile));
    }
    found.extend(QUALITIES.into_iter().find(|one| one.to_string() == lower).map(quality::quality));
    let reason = |kind: &ReasonKind| kind.text() == lower || kind.words() == lower;
    found.extend(ReasonKind::ALL.into_iter().find(reason).map(quality::reason));
    found.extend(quality::flag(&word.to_uppercase()));
    let source = profile.sources.keys().find(|id| id.eq_ignore_ascii_case(word));
    found.extend(source.and_then(|id| entry::source(id, profile)));
    found.extend(Tag::ALL.into_iter().find(|tag| tag.text() == lower).map(|tag| entry::tag(tag, profile)));
    found.extend(lower.parse::<ResourceKind>().ok().map(|kind| entry::kind(kind, profile)));
    found.extend(entry::section(&lower, profile));
    if !found.is_empty() {
        return Answer::Found(found);
    }
    let begins: Vec<_> =
        profile.entries().filter(|one| !lower.is_empty() && one.id.starts_with(&lower)).collect();
    let cites = |one: &&Entry| lower.chars().count() >= 3 && one.clause.to_lowercase().contains(&lower);
    let begins = if begins.is_empty() { profile.entries().filter(cites).collect() } else { begins };
    match begins.as_slice() {
        [] => Answer::Unknown(near(&lower, profile, site)),
        [one] => Answer::Found(vec![entry::entry(one, profile)]),
        several => Answer::Several(several.iter().map(|one| Candidate::of(one)).collect()),
    }
}

/// What is called nearly so, the nearest first.
fn near(word: &str, profile: &Profile, site: Option<&OnSite<'_>>) -> Vec<String> {
    let mut names: BTreeSet<String> = profile.entries().map(|one| one.id.clone()).collect();
    names.extend(profile.entries().map(|one| one.section.clone()));
    names.extend(profile.points.iter().map(|one| one.role.clone()));
    names.extend(profile.sources.keys().cloned());
    names.extend(site.map(OnSite::ids).into_iter().flatten());
    names.extend(QUALITIES.iter().map(ToString::to_string));
    names.extend(ReasonKind::ALL.iter().map(|kind| kind.text().to_owned()));
    names.extend(quality::flag_names().map(str::to_owned));
    names.extend(Tag::ALL.iter().map(|tag| tag.text().to_owned()));
    names.extend(ResourceKind::ALL.iter().map(|kind| kind.text().to_owned()));
    let mut scored: Vec<_> = names
        .into_iter()
        .map(|name| {
            let lower = name.to_lowercase();
            // A word that stands in a name is meant more often than one that is merely spelt like it.
            let within = word.chars().count() >= 3 && lower.contains(word);
            (if within { 1.0 } else { strsim::jaro_winkler(word, &lower) }, name)
        })
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    scored.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}
