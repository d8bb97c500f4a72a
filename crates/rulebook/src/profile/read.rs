//! From a profile's file to a [`Profile`]: an entry without a source, an unknown predicate or a reference to nothing
//! is refused here, by file, line and entry, so that a check never meets one.

use std::collections::BTreeMap;

use config::{Places, Problems, Source};

use super::entry::{Entry, Table, Value};
use super::raw::RawProfile;
use super::told::named;
use super::{
    Head, ListedPoint, Obligation, Origin, Paper, Per, Profile, Rule, Setting, SettingKey, SourceDoc, Step,
    Threshold, shipped,
};
use crate::predicate::{PointType, Predicate, Referred, SubjectKind, TLS_VERSIONS};

/// How deep profiles may extend one another.
const EXTENDS_MAX: usize = 8;
/// Keys whose texts may have several lines.
const PROSE: &[&str] = &["notice"];

/// The JSON Schema of a profile's file.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(RawProfile).to_value()
}

impl Profile {
    /// The profile of an id that is shipped, or of a file (a name that ends in `.toml`).
    ///
    /// # Errors
    /// An id that is not known; everything wrong with the file.
    pub fn load(name: &str) -> Result<Self, Problems> {
        Self::load_within(name, EXTENDS_MAX)
    }

    fn load_within(name: &str, depth: usize) -> Result<Self, Problems> {
        Self::from_source_within(&open(name)?, depth)
    }

    /// The profile of a text.
    ///
    /// # Errors
    /// Everything wrong with it, at its lines and columns.
    pub fn from_source(source: &Source) -> Result<Self, Problems> {
        Self::from_source_within(source, EXTENDS_MAX)
    }

    fn from_source_within(source: &Source, depth: usize) -> Result<Self, Problems> {
        let raw: RawProfile = source.parse_prose(PROSE).map_err(|problems| named(source, &problems))?;
        let places = source.places();
        let at = |path: &str, message: String| {
            let mut problem = source.whole(path, message);
            problem.at = Some(places.nearest(path));
            problem
        };
        let base = match &raw.profile.extends {
            None => None,
            Some(_) if depth == 0 => {
                let message = format!("profiles extend one another more than {EXTENDS_MAX} deep");
                return Err(at("profile.extends", message).into());
            }
            Some(name) => {
                let name = match name.ends_with(".toml") {
                    true => source.resolve(name).to_string_lossy().into_owned(),
                    false => name.clone(),
                };
                // What is not there is this file's defect; what is wrong in it, its own.
                let base = open(&name).map_err(|problems| {
                    let told = problems.iter().map(|problem| {
                        let message = format!("`{}`: {}", problem.file.display(), problem.message);
                        at("profile.extends", message)
                    });
                    let mut all = Problems::default();
                    told.for_each(|problem| all.add(problem));
                    all
                })?;
                Some(Self::from_source_within(&base, depth - 1)?)
            }
        };
        let mut check = Check { source, places, problems: Problems::default(), referred: Vec::new() };
        let profile = check.profile(raw, base);
        check.problems.into_result(profile)
    }
}

/// The text of a shipped profile, or of a file.
fn open(name: &str) -> Result<Source, Problems> {
    if name.ends_with(".toml") {
        return Source::read(name);
    }
    shipped::source(name).ok_or_else(|| {
        let known: Vec<_> = shipped().map(|(id, _)| id).collect();
        let message =
            format!("no profile of this id, shipped: {}; a file's name ends in .toml", known.join(", "));
        config::whole_file(name.as_ref(), message).into()
    })
}

struct Check<'a> {
    source: &'a Source,
    places: Places,
    problems: Problems,
    /// What entries of the file compare with; looked up when all entries are known.
    referred: Vec<Reference>,
}

/// An `@id`.
struct Reference {
    place: String,
    from: String,
    to: String,
    wanted: Referred,
}

impl Check<'_> {
    fn problem(&mut self, path: &str, message: impl Into<String>) {
        let mut problem = self.source.whole(path, message);
        problem.at = Some(self.places.nearest(path));
        self.problems.add(problem);
    }

    fn profile(&mut self, raw: RawProfile, base: Option<Profile>) -> Profile {
        let head = Head {
            origin: self.origin(&raw, base.as_ref()),
            id: raw.profile.id.clone(),
            title: raw.profile.title.clone(),
            issuer: raw.profile.issuer.clone(),
            edition: raw.profile.edition.clone(),
            effective: raw.profile.effective,
            supersedes: raw.profile.supersedes.clone(),
            notice: raw.profile.notice.clone(),
        };
        let mut profile = base.unwrap_or_else(|| Profile {
            head: head.clone(),
            sources: BTreeMap::new(),
            settings: Vec::new(),
            thresholds: Vec::new(),
            points: Vec::new(),
            papers: Vec::new(),
            steps: Vec::new(),
            rules: Vec::new(),
            overlay: None,
        });
        profile.head = head;
        if !is_id(&profile.head.id) {
            let message = format!("`{}`: {ID_LETTERS}", profile.head.id);
            self.problem("profile.id", message);
        }
        if profile.head.title.trim().is_empty() {
            self.problem("profile.title", "is empty");
        }
        self.drops(&raw.profile.drop, &mut profile);
        for (at, doc) in raw.source.iter().enumerate() {
            if raw.source.iter().take(at).any(|other| other.id == doc.id) {
                self.problem(&format!("source[{at}].id"), format!("there is already a source `{}`", doc.id));
            }
            let told = SourceDoc { title: doc.title.clone(), note: doc.note.clone() };
            profile.sources.insert(doc.id.clone(), told);
        }
        let paths = self.merge(raw, &mut profile);
        self.references(&profile, &paths);
        profile
    }

    /// Whether the text is one that is shipped. A file of somebody's own must not go by the name of one.
    fn origin(&mut self, raw: &RawProfile, base: Option<&Profile>) -> Origin {
        let known = shipped().find(|(id, _)| *id == raw.profile.id);
        match known {
            Some((_, text)) if text == self.source.text() => return Origin::Shipped,
            Some((id, _)) => {
                let message = format!(
                    "`{id}` is the id of a profile that is shipped, and this is not its text: choose another"
                );
                self.problem("profile.id", message);
            }
            None => {}
        }
        let ids: Vec<&str> = raw.ids().collect();
        let replaced = ids.iter().filter(|id| base.is_some_and(|base| base.entry(id).is_some())).count();
        Origin::File {
            file: self.source.file().display().to_string(),
            extends: base.map(|base| base.head.id.clone()),
            replaced,
            dropped: raw.profile.drop.len(),
            own: ids.len().saturating_sub(replaced),
        }
    }

    fn drops(&mut self, drops: &[String], profile: &mut Profile) {
        for (at, id) in drops.iter().enumerate() {
            if profile.entry(id).is_none() {
                let message = format!("the extended profile has no entry `{id}`");
                self.problem(&format!("profile.drop[{at}]"), message);
            }
        }
        remove(profile, |id| drops.iter().any(|drop| drop == id));
    }

    /// Enters the entries of the file; returns where each stands in it.
    fn merge(&mut self, raw: RawProfile, profile: &mut Profile) -> BTreeMap<String, String> {
        let mut paths = BTreeMap::new();
        let mut fresh = Profile {
            settings: Vec::new(),
            thresholds: Vec::new(),
            points: Vec::new(),
            papers: Vec::new(),
            steps: Vec::new(),
            rules: Vec::new(),
            ..profile.clone()
        };
        macro_rules! each {
            ($list:expr, $table:expr, |$path:ident, $one:ident| $make:expr) => {
                for (at, $one) in $list.into_iter().enumerate() {
                    let $path = format!("{}[{at}]", $table.text());
                    if paths.insert($one.id.clone(), $path.clone()).is_some() {
                        let message = format!("there is already an entry `{}`", $one.id);
                        self.problem(&format!("{}.id", $path), message);
                    }
                    $make;
                }
            };
        }
        each!(raw.setting, Table::Setting, |path, one| {
            let entry = one.entry(Table::Setting, &one.section, one.unit.as_deref());
            if let Some(defect) = one.sets.defect(entry.value.as_ref()) {
                self.entry_problem(&path, "value", &entry, defect);
            }
            let twin = fresh.settings.iter().find(|known: &&Setting| {
                known.sets == one.sets && one.sets != SettingKey::None && known.entry.overlaps(&entry)
            });
            if let Some(twin) = twin {
                let message = format!("`{}` is set by entry `{}` already", one.sets.text(), twin.entry.id);
                self.entry_problem(&path, "sets", &entry, message);
            }
            fresh.settings.push(Setting { entry, sets: one.sets });
        });
        each!(raw.threshold, Table::Threshold, |path, one| {
            let entry = one.entry(Table::Threshold, "scope", one.unit.as_deref());
            self.predicates(&path, "when", &entry, &one.when, SubjectKind::Site);
            if one.when.is_empty() {
                self.entry_problem(&path, "when", &entry, "names no condition");
            }
            fresh.thresholds.push(Threshold { entry, obligation: one.obligation, when: one.when });
        });
        let listed = [(Table::Point, raw.point), (Table::Met, raw.met)];
        for (table, list) in listed {
            let section = if table == Table::Met { "met" } else { "points" };
            each!(list, table, |path, one| {
                let unit = one.unit.iter().map(|unit| unit.text()).collect::<Vec<_>>().join(" or ");
                let entry = one.entry(table, section, Some(unit.as_str()).filter(|unit| !unit.is_empty()));
                self.predicates(&path, "when", &entry, &one.when, SubjectKind::Site);
                let mut filter = one.filter;
                self.predicates(&path, "where", &entry, &filter, one.per.subject());
                if !one.station_kinds.is_empty() {
                    if one.per != Per::Station {
                        self.entry_problem(&path, "station_kinds", &entry, "only with per = \"station\"");
                    }
                    filter.push(Predicate::StationKind(one.station_kinds));
                }
                if one.role.is_empty() || one.role.contains(char::is_whitespace) {
                    self.entry_problem(&path, "role", &entry, "a role is one word");
                }
                if one.kinds.is_empty() {
                    self.entry_problem(&path, "kinds", &entry, "names no kind");
                }
                if one.kind == PointType::DigitalInput && !one.unit.is_empty() {
                    self.entry_problem(&path, "unit", &entry, "states have no unit");
                }
                if table == Table::Met && one.per != Per::Station {
                    self.entry_problem(&path, "per", &entry, "allowed in [[met]]: station");
                }
                fresh.points.push(ListedPoint {
                    entry,
                    role: one.role,
                    kind: one.kind,
                    kinds: one.kinds,
                    per: one.per,
                    need: one.need,
                    units: one.unit,
                    when: one.when,
                    filter,
                });
            });
        }
        each!(raw.paper, Table::Paper, |path, one| {
            let entry = one.entry(Table::Paper, "papers", one.unit.as_deref());
            let _ = path;
            fresh.papers.push(Paper { entry, due: one.due });
        });
        each!(raw.step, Table::Step, |path, one| {
            let entry = one.entry(Table::Step, "validation", one.unit.as_deref());
            let _ = path;
            fresh.steps.push(Step { entry, test: one.test });
        });
        each!(raw.rule, Table::Rule, |path, one| {
            let entry = one.entry(Table::Rule, &one.section, one.unit.as_deref());
            self.predicates(&path, "when", &entry, &one.when, SubjectKind::Site);
            self.predicates(&path, "where", &entry, &one.filter, one.subject);
            self.predicates(&path, "require", &entry, &one.require, one.subject);
            if one.require.is_empty() {
                self.entry_problem(&path, "require", &entry, "asks for nothing");
            }
            fresh.rules.push(Rule {
                entry,
                subject: one.subject,
                when: one.when,
                filter: one.filter,
                require: one.require,
                obliged: one.obliged,
            });
        });
        remove(profile, |id| paths.contains_key(id));
        for entry in fresh.entries() {
            if let Some(path) = paths.get(&entry.id) {
                self.entry(path, entry, profile);
            }
        }
        profile.settings.extend(fresh.settings);
        profile.thresholds.extend(fresh.thresholds);
        profile.points.extend(fresh.points);
        profile.papers.extend(fresh.papers);
        profile.steps.extend(fresh.steps);
        profile.rules.extend(fresh.rules);
        paths
    }

    fn entry_problem(&mut self, path: &str, field: &str, entry: &Entry, message: impl AsRef<str>) {
        self.problem(&format!("{path}.{field}"), format!("entry `{}`: {}", entry.id, message.as_ref()));
    }

    /// What every entry must keep.
    fn entry(&mut self, path: &str, entry: &Entry, profile: &Profile) {
        if !is_id(&entry.id) {
            self.entry_problem(path, "id", entry, ID_LETTERS);
        }
        if entry.sources.is_empty() {
            let message = "has no source: `source` must name at least one [[source]]".to_owned();
            self.entry_problem(path, "source", entry, message);
        }
        for id in entry.sources.iter().filter(|id| !profile.sources.contains_key(*id)) {
            self.entry_problem(path, "source", entry, format!("there is no [[source]] `{id}`"));
        }
        if entry.title.trim().is_empty() {
            self.entry_problem(path, "title", entry, "is empty");
        }
        if entry.clause.trim().is_empty() {
            self.entry_problem(path, "clause", entry, "is empty; a clause nobody knows is \"unknown\"");
        }
        if entry.value.as_ref().and_then(Value::number).is_some_and(|number| !number.is_finite()) {
            self.entry_problem(path, "value", entry, "is not finite");
        }
        // Nobody who wrote a profile here has read that text; whoever has, confirms with an overlay.
        let upper = entry.clause.to_ascii_uppercase();
        let words: Vec<_> =
            upper.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let version = |word: &str| matches!(word, "V" | "VERSION" | "VER" | "EDITION");
        if words.iter().any(|word| matches!(*word, "V20" | "VERSION20" | "VER20"))
            || words.windows(2).any(|pair| matches!(pair, [word, "20"] if version(word)))
        {
            let message = "cites V20: only an overlay of somebody who holds the manual may".to_owned();
            self.entry_problem(path, "clause", entry, message);
        }
        if let (Some(since), Some(until)) = (entry.since, entry.until)
            && since >= until
        {
            self.entry_problem(path, "until", entry, format!("{until} is not after since = {since}"));
        }
    }

    fn predicates(
        &mut self,
        path: &str,
        field: &str,
        entry: &Entry,
        predicates: &[Predicate],
        subject: SubjectKind,
    ) {
        for (at, predicate) in predicates.iter().enumerate() {
            let field = format!("{field}[{at}]");
            if !predicate.fits(subject) {
                let message = format!("`{}` cannot be asked of subject {}", predicate.name(), name(&subject));
                self.entry_problem(path, &field, entry, message);
            }
            if let Some(defect) = predicate.defect() {
                self.entry_problem(path, &field, entry, format!("`{}` {defect}", predicate.name()));
            }
            for (id, wanted) in predicate.refers() {
                let place = format!("{path}.{field}");
                self.referred.push(Reference { place, from: entry.id.clone(), to: id.to_owned(), wanted });
            }
        }
    }

    /// Every `@id` must name an entry whose value can be compared with.
    fn references(&mut self, profile: &Profile, paths: &BTreeMap<String, String>) {
        let mut referred = std::mem::take(&mut self.referred);
        // Those of the extended profile have no place in this file, and may refer to what it drops or replaces.
        for (entry, predicates) in profile.asked().filter(|(entry, _)| !paths.contains_key(&entry.id)) {
            let all = predicates.into_iter().flat_map(Predicate::refers);
            referred.extend(all.map(|(id, wanted)| Reference {
                place: "profile.extends".to_owned(),
                from: entry.id.clone(),
                to: id.to_owned(),
                wanted,
            }));
        }
        for Reference { place, from, to, wanted } in referred {
            let value = profile.entry(&to).map(|entry| entry.value.as_ref());
            let defect = match (value, wanted) {
                (None, _) => "there is no such entry",
                (Some(value), Referred::Number) if value.and_then(Value::number).is_none() => {
                    "that entry's `value` is no number"
                }
                (Some(value), Referred::TlsVersion)
                    if !value.and_then(Value::text).is_some_and(|text| TLS_VERSIONS.contains(&text)) =>
                {
                    "that entry's `value` is no TLS version, such as \"1.2\""
                }
                _ => continue,
            };
            self.problem(&place, format!("entry `{from}`: `@{to}`: {defect}"));
        }
    }
}

/// What the ids of profiles and entries are made of.
const ID_LETTERS: &str = "an id is made of lower-case letters, digits, dots and hyphens";

fn is_id(id: &str) -> bool {
    let letter =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-".contains(letter);
    !id.is_empty() && id.chars().all(letter)
}

/// A unit variant as files write it.
fn name(subject: &SubjectKind) -> String {
    serde_json::to_value(subject).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn remove(profile: &mut Profile, gone: impl Fn(&str) -> bool) {
    profile.settings.retain(|one| !gone(&one.entry.id));
    profile.thresholds.retain(|one| !gone(&one.entry.id));
    profile.points.retain(|one| !gone(&one.entry.id));
    profile.papers.retain(|one| !gone(&one.entry.id));
    profile.steps.retain(|one| !gone(&one.entry.id));
    profile.rules.retain(|one| !gone(&one.entry.id));
}

impl Profile {
    /// Every entry that asks something, with what it asks.
    pub fn asked(&self) -> impl Iterator<Item = (&Entry, Vec<&Predicate>)> {
        let thresholds = self.thresholds.iter().map(|one| (&one.entry, one.when.iter().collect()));
        let points = self.points.iter().map(|one| (&one.entry, one.when.iter().chain(&one.filter).collect()));
        let rules = self
            .rules
            .iter()
            .map(|one| (&one.entry, one.when.iter().chain(&one.filter).chain(&one.require).collect()));
        thresholds.chain(points).chain(rules)
    }

    /// Whether an entry makes telemetry required.
    #[must_use]
    pub fn requires(&self, id: &str) -> bool {
        self.thresholds.iter().any(|one| one.entry.id == id && one.obligation == Obligation::Required)
    }
}
