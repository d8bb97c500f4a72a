//! Holds a site against a profile. Every rule says how many things it judged and what it could not judge, so that a
//! clean report is not an empty one.

mod ask;
mod figures;
mod lists;
mod previous;
mod security;
mod subject;
mod verdict;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use config::Places;
use serde::Serialize;
use site::Site;

pub use previous::{Previous, PreviousPoint};

use self::ask::Context;
pub(crate) use self::subject::Subject;
use self::verdict::{Miss, Verdict};
use crate::certificates::Certificates;
use crate::predicate::Predicate;
use crate::profile::{Confirmation, Day, Entry, Head, Obligation, OverlayHead, Profile, Rule, Severity, Tag};

/// What a site is held against.
#[derive(Clone, Copy, Debug)]
pub struct Judgement<'a> {
    /// The site.
    pub site: &'a Site,
    /// Places in its file.
    pub places: &'a Places,
    /// Its certificates and key.
    pub certificates: &'a Certificates,
    /// The rules.
    pub profile: &'a Profile,
    /// The day on which they are asked.
    pub as_of: Day,
    /// What the site served before.
    pub previous: Option<&'a Previous>,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Id of the entry.
    pub rule: String,
    /// What the entry says.
    pub title: String,
    /// Section of the report.
    pub section: String,
    /// Clause as far as known.
    pub clause: String,
    /// Ids of its sources.
    pub sources: Vec<String>,
    /// The weakest tag among the entry and those that it rests on.
    pub tag: Tag,
    /// The entries that it rests on and that make its tag weaker than its own entry's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<String>,
    /// Whether it may be cited: verified, inferred or confirmed by somebody who holds the manual.
    pub citable: bool,
    /// Who confirmed the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmation>,
    /// How much it weighs.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What was judged.
    pub subject: String,
    /// Field of the file.
    pub field: String,
    /// What was found.
    pub found: String,
    /// What would hold.
    pub required: String,
    /// How to mend it.
    pub fix: String,
}

/// Something that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NotJudged {
    /// Id of the entry.
    pub rule: String,
    /// How sure we are of the entry.
    pub tag: Tag,
    /// What should have been judged.
    pub subject: String,
    /// Why it was not.
    pub why: String,
}

/// Whether telemetry is required of the resource, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Required {
    /// It is, by these entries.
    Yes {
        /// Ids of the entries: those that may be cited, or all where none may.
        by: Vec<String>,
        /// The surest tag among them.
        tag: Tag,
    },
    /// It is not: exempt by these entries.
    Exempt {
        /// Ids of the entries.
        by: Vec<String>,
        /// The surest tag among them.
        tag: Tag,
    },
    /// No threshold of the profile asks for it.
    No,
    /// The file does not say enough to tell; lists are held against it as if it were.
    Unknown {
        /// What is missing.
        why: Vec<String>,
    },
}

/// Thresholds that nobody may cite and that are met beside others that one may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpectedToo {
    /// Ids of the entries.
    pub by: Vec<String>,
    /// The surest tag among them.
    pub tag: Tag,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// The site's name.
    pub site: String,
    /// The profile.
    pub profile: Head,
    /// The overlay that was laid over it.
    pub overlay: Option<OverlayHead>,
    /// The day on which the rules were asked.
    pub as_of: Day,
    /// Whether telemetry is required.
    pub required: Required,
    /// What else would ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_too: Option<ExpectedToo>,
    /// What was found, by place.
    pub findings: Vec<Finding>,
    /// How many things each entry judged.
    pub judged: BTreeMap<String, usize>,
    /// What could not be judged.
    pub not_judged: Vec<NotJudged>,
}

impl Report {
    /// Findings that fail a check: all but notes, and unconfirmed ones only if `strict`.
    pub fn failing(&self, strict: bool) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.severity > Severity::Note && (strict || finding.citable))
    }
}

/// Holds a site against a profile.
#[must_use]
pub fn judge(input: &Judgement<'_>) -> Report {
    let context = Context {
        site: input.site,
        profile: input.profile,
        certificates: input.certificates,
        as_of: input.as_of,
        previous: input.previous,
    };
    let mut judge = Judge {
        input,
        context,
        findings: Vec::new(),
        judged: BTreeMap::new(),
        not_judged: BTreeSet::new(),
        required_by: Vec::new(),
    };
    let (required, expected_too) = judge.required();
    if let Required::Yes { by, .. } = &required {
        judge.required_by.clone_from(by);
    }
    judge.lists(&required);
    for rule in input.profile.rules.iter().filter(|rule| rule.entry.in_force(input.as_of)) {
        judge.rule(rule, &required);
    }
    let mut findings = judge.findings;
    findings.sort_by(|a, b| {
        (a.line, a.column, &a.rule, &a.subject).cmp(&(b.line, b.column, &b.rule, &b.subject))
    });
    Report {
        file: input.site.file.display().to_string(),
        site: input.site.name.to_string(),
        profile: input.profile.head.clone(),
        overlay: input.profile.overlay.clone(),
        as_of: input.as_of,
        required,
        expected_too,
        findings,
        judged: judge.judged,
        not_judged: judge.not_judged.into_iter().collect(),
    }
}

struct Judge<'a> {
    input: &'a Judgement<'a>,
    context: Context<'a>,
    findings: Vec<Finding>,
    judged: BTreeMap<String, usize>,
    not_judged: BTreeSet<NotJudged>,
    /// Entries that make telemetry required.
    required_by: Vec<String>,
}

/// The entries that decide, with the surest tag, and those that nobody may cite beside others that one may.
fn surest(found: Vec<(String, Tag)>) -> Option<(Vec<String>, Tag, Option<ExpectedToo>)> {
    let tag = found.iter().map(|(_, tag)| *tag).max()?;
    let (by, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(_, own)| own.is_citable() || !tag.is_citable());
    let ids = |list: Vec<(String, Tag)>| list.into_iter().map(|(id, _)| id).collect();
    let too = others.iter().map(|(_, tag)| *tag).max().map(|tag| ExpectedToo { by: ids(others), tag });
    Some((ids(by), tag, too))
}

/// Whether conditions hold.
enum Met {
    Yes,
    No,
    Unknown(String),
}

impl Judge<'_> {
    fn met(&self, predicates: &[Predicate], subject: &Subject<'_>) -> Met {
        let mut unknown = None;
        for predicate in predicates {
            match self.context.ask(predicate, subject) {
                Verdict::Holds => {}
                Verdict::Fails(_) => return Met::No,
                Verdict::NotJudged(why) => unknown = Some(why),
            }
        }
        unknown.map_or(Met::Yes, Met::Unknown)
    }

    fn not_judged(&mut self, entry: &Entry, subject: &Subject<'_>, why: String) {
        let subject = subject.label(self.input.site);
        self.not_judged.insert(NotJudged { rule: entry.id.clone(), tag: entry.certainty(), subject, why });
    }

    fn count(&mut self, entry: &Entry) {
        *self.judged.entry(entry.id.clone()).or_default() += 1;
    }

    fn required(&mut self) -> (Required, Option<ExpectedToo>) {
        let mut found: BTreeMap<bool, Vec<(String, Tag)>> = BTreeMap::new();
        let mut why = BTreeSet::new();
        for threshold in &self.input.profile.thresholds {
            if !threshold.entry.in_force(self.input.as_of) {
                continue;
            }
            self.count(&threshold.entry);
            match self.met(&threshold.when, &Subject::Site) {
                Met::No => {}
                // An exemption that nobody can tell asks for nothing.
                Met::Unknown(_) if threshold.obligation == Obligation::Exempt => {}
                Met::Unknown(reason) => {
                    why.insert(reason);
                }
                Met::Yes => {
                    let tag = self.tag(&threshold.entry, threshold.when.iter());
                    let exempt = threshold.obligation == Obligation::Exempt;
                    found.entry(exempt).or_default().push((threshold.entry.id.clone(), tag));
                }
            }
        }
        if let Some((by, tag, _)) = found.remove(&true).and_then(surest) {
            return (Required::Exempt { by, tag }, None);
        }
        match found.remove(&false).and_then(surest) {
            Some((by, tag, too)) => (Required::Yes { by, tag }, too),
            None if why.is_empty() => (Required::No, None),
            None => (Required::Unknown { why: why.into_iter().collect() }, None),
        }
    }

    fn rule(&mut self, rule: &Rule, required: &Required) {
        // What nobody is sure to be asked for, nobody is sure to have to keep.
        let at_best = match required {
            _ if !rule.obliged => Tag::Confirmed,
            Required::Exempt { .. } | Required::No => return,
            Required::Yes { tag, .. } => *tag,
            Required::Unknown { .. } => Tag::Confirmed,
        };
        match self.met(&rule.when, &Subject::Site) {
            Met::Yes => {}
            Met::No => return,
            Met::Unknown(why) => return self.not_judged(&rule.entry, &Subject::Site, why),
        }
        if self.input.previous.is_none() && rule.require.iter().any(Predicate::is_of_previous) {
            // Said once, not of every point.
            let why = "no previous sheet was given (--previous)".to_owned();
            return self.not_judged(&rule.entry, &Subject::Site, why);
        }
        for subject in Subject::all(rule.subject, self.input.site, self.input.certificates) {
            match self.met(&rule.filter, &subject) {
                Met::Yes => {}
                Met::No => continue,
                Met::Unknown(why) => {
                    self.not_judged(&rule.entry, &subject, why);
                    continue;
                }
            }
            // What cannot be asked of one kind of point, as the age of a heartbeat, says nothing of it.
            for predicate in rule.require.iter().filter(|one| one.fits(subject.kind())) {
                match self.context.ask(predicate, &subject) {
                    Verdict::Holds => self.count(&rule.entry),
                    Verdict::NotJudged(why) => self.not_judged(&rule.entry, &subject, why),
                    Verdict::Fails(miss) => {
                        self.count(&rule.entry);
                        let asked = rule.when.iter().chain(&rule.filter).chain(&rule.require);
                        let tag = self.tag(&rule.entry, asked).min(at_best);
                        self.find_at(&rule.entry, tag, &subject, &subject.path_of(predicate), miss);
                    }
                }
            }
        }
    }

    /// The weakest tag among an entry and those whose values it compares with.
    fn tag<'p>(&self, entry: &Entry, asked: impl Iterator<Item = &'p Predicate>) -> Tag {
        asked
            .flat_map(Predicate::refers)
            .filter_map(|(id, _)| self.input.profile.entry(id))
            .map(Entry::certainty)
            .fold(entry.certainty(), Tag::min)
    }

    /// What an entry rests on that is as weak as `tag`: entries that it compares with, thresholds that ask for it.
    fn weak(&self, id: &str, tag: Tag) -> Vec<String> {
        let profile = self.input.profile;
        let asked =
            profile.asked().filter(|(entry, _)| entry.id == id).flat_map(|(_, predicates)| predicates);
        let mut ids: BTreeSet<String> = asked
            .flat_map(Predicate::refers)
            .filter(|(id, _)| profile.entry(id).is_some_and(|entry| entry.certainty() == tag))
            .map(|(id, _)| id.to_owned())
            .collect();
        if ids.is_empty() {
            ids.extend(self.required_by.iter().cloned());
        }
        ids.into_iter().collect()
    }

    fn find(&mut self, entry: &Entry, tag: Tag, subject: &Subject<'_>, miss: Miss) {
        self.find_at(entry, tag, subject, &subject.path(), miss);
    }

    /// `path`: where the field stands, which may be elsewhere than the subject, as the site's figures do.
    fn find_at(&mut self, entry: &Entry, tag: Tag, subject: &Subject<'_>, path: &str, miss: Miss) {
        let field = if miss.field.is_empty() { path.to_owned() } else { format!("{path}.{}", miss.field) };
        let places = self.input.places;
        let place = places.at(&field).or_else(|| places.at(path));
        let (line, column) = place.unwrap_or_else(|| places.nearest(&subject.path()));
        let rests_on = if tag < entry.certainty() { self.weak(&entry.id, tag) } else { Vec::new() };
        self.findings.push(Finding {
            rule: entry.id.clone(),
            title: entry.told_title(),
            section: entry.section.clone(),
            clause: entry.clause.clone(),
            sources: entry.sources.clone(),
            tag,
            rests_on,
            citable: tag.is_citable(),
            confirmed: entry.confirmed.clone(),
            severity: entry.severity,
            file: self.input.site.file.display().to_string(),
            line,
            column,
            subject: subject.label(self.input.site),
            field,
            found: miss.found,
            required: miss.required,
            fix: miss.fix.or_else(|| entry.fix.clone()).unwrap_or_default(),
        });
    }
}
