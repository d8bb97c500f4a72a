//! Entries, and what gathers them: roles, sources, tags, sections, kinds of resources.

use telemetry::ResourceKind;

use super::{About, Explanation, asks, named};
use crate::Predicate;
use crate::profile::{Entry, ListedPoint, Need, Obligation, Per, Profile, SettingKey, Table, Tag};

/// An entry explained.
pub(super) fn entry(entry: &Entry, profile: &Profile) -> Explanation {
    let mut told = Explanation::new(About::Entry, &entry.id, &entry.title);
    told.tag = Some(entry.certainty());
    told.citable = Some(entry.certainty().is_citable());
    told.confirmed.clone_from(&entry.confirmed);
    let value = entry.value.as_ref().map(|value| with_unit(&value.to_string(), entry));
    let corrected = entry.corrected_from.as_ref().map(|before| {
        let before = with_unit(&before.to_string(), entry);
        format!("was {before} before it was corrected; the title may still say so")
    });
    let told = told
        .fact("is", what(entry))
        .maybe("value", value)
        .maybe("corrected", corrected)
        .maybe("why", entry.why.clone());
    let told = asked(told, entry, profile);
    // A finding is as sure as the weakest of all that it compares with.
    let mut rests: Vec<_> = profile
        .asked()
        .filter(|(other, _)| other.id == entry.id)
        .flat_map(|(_, predicates)| predicates)
        .flat_map(Predicate::refers)
        .filter_map(|(id, _)| profile.entry(id))
        .filter(|other| other.certainty() < entry.certainty())
        .map(named)
        .collect();
    rests.dedup();
    let used: Vec<_> = profile
        .asked()
        .filter(|(other, _)| other.id != entry.id)
        .filter(|(_, predicates)| {
            predicates.iter().any(|predicate| predicate.refers().iter().any(|(id, _)| *id == entry.id))
        })
        .map(|(other, _)| named(other))
        .collect();
    let told = told.maybe("used by", (!used.is_empty()).then(|| used.join(", ")));
    let told = told.facts("source", entry.sources.iter().map(|id| source_line(id, profile)));
    let clause = match entry.clause.as_str() {
        "unknown" => "unknown".to_owned(),
        clause => clause.to_owned(),
    };
    told.fact("clause", clause)
        .fact("sure", sure(entry))
        .maybe(
            "rests on",
            (!rests.is_empty()).then(|| format!("{}: its findings are no surer", rests.join(", "))),
        )
        .maybe("in force", in_force(entry))
        .maybe("mend", entry.fix.clone())
        .maybe("note", entry.note.clone())
        .maybe("note", entry.confirmed.as_ref().and_then(|confirmed| confirmed.note.clone()))
}

fn what(entry: &Entry) -> String {
    let weighs = match entry.table {
        Table::Setting | Table::Paper | Table::Step => String::new(),
        _ => format!("; a finding is of severity {}", entry.severity),
    };
    format!("a {} in section {}{weighs}", entry.table.text(), entry.section)
}

fn with_unit(value: &str, entry: &Entry) -> String {
    entry.unit.as_ref().map_or_else(|| value.to_owned(), |unit| format!("{value} {unit}"))
}

/// How sure we are, in words.
fn sure(entry: &Entry) -> String {
    match &entry.confirmed {
        Some(confirmed) => format!("{confirmed}; before: {}", entry.tag),
        None if entry.tag.is_citable() => format!("{}: {}", entry.tag, entry.tag.words()),
        None => format!("{}, unconfirmed: {}", entry.tag, entry.tag.words()),
    }
}

fn in_force(entry: &Entry) -> Option<String> {
    match (entry.since, entry.until) {
        (None, None) => None,
        (Some(since), None) => Some(format!("since {since}")),
        (None, Some(until)) => Some(format!("until the day before {until}")),
        (Some(since), Some(until)) => Some(format!("since {since}, until the day before {until}")),
    }
}

fn source_line(id: &str, profile: &Profile) -> String {
    match profile.sources.get(id) {
        Some(source) => {
            let note = source.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
            format!("{id}: {}{note}", source.title)
        }
        None => id.to_owned(),
    }
}

/// What the entry asks, by its table.
fn asked(told: Explanation, entry: &Entry, profile: &Profile) -> Explanation {
    let lines = |label, told: Explanation, predicates: &[Predicate]| {
        told.maybe(label, (!predicates.is_empty()).then(|| asks::all(predicates, profile)))
    };
    match entry.table {
        Table::Setting => {
            let sets = profile.settings.iter().find(|one| one.entry.id == entry.id).map(|one| one.sets);
            told.maybe(
                "sets",
                sets.map(|sets| match sets {
                    SettingKey::None => "nothing yet: a fact that is told".to_owned(),
                    sets => sets.text().to_owned(),
                }),
            )
        }
        Table::Threshold => match profile.thresholds.iter().find(|one| one.entry.id == entry.id) {
            Some(one) => lines("when", told, &one.when).fact(
                "then",
                match (one.obligation, entry.certainty().is_citable()) {
                    (Obligation::Required, true) => "telemetry is required",
                    (Obligation::Required, false) => "telemetry is expected (unconfirmed)",
                    (Obligation::Exempt, true) => "telemetry is not required",
                    (Obligation::Exempt, false) => "telemetry is not expected (unconfirmed)",
                },
            ),
            None => told,
        },
        Table::Point | Table::Met => match profile.points.iter().find(|one| one.entry.id == entry.id) {
            Some(one) => {
                let told = told.fact("role", one.role.clone()).fact("asks", listed(one));
                lines("where", lines("when", told, &one.when), &one.filter)
            }
            None => told,
        },
        Table::Rule => match profile.rules.iter().find(|one| one.entry.id == entry.id) {
            Some(one) => {
                let subject = serde_json::to_value(one.subject).ok();
                let subject = subject.as_ref().and_then(serde_json::Value::as_str).map(str::to_owned);
                let told = lines("when", told.maybe("judges", subject), &one.when);
                lines("asks", lines("where", told, &one.filter), &one.require)
            }
            None => told,
        },
        Table::Paper => {
            let due =
                profile.papers.iter().find(|one| one.entry.id == entry.id).and_then(|one| one.due.clone());
            told.maybe("due", due)
        }
        Table::Step => {
            let test =
                profile.steps.iter().find(|one| one.entry.id == entry.id).and_then(|one| one.test.clone());
            told.maybe("test", test)
        }
    }
}

/// What a point list asks, in words.
fn listed(one: &ListedPoint) -> String {
    let need = match (one.need, one.entry.certainty().is_citable()) {
        (Need::Required, true) => "required",
        (Need::Required, false) => "expected as if it were required (unconfirmed)",
        (Need::Expected, _) => "expected",
        (Need::Optional, _) => "optional",
        (Need::Forbidden, true) => "not to be served",
        (Need::Forbidden, false) => "expected not to be served (unconfirmed)",
    };
    let per = match one.per {
        Per::Resource => "one for the resource",
        Per::Component => "one for each component",
        Per::Station => "one for each met station",
    };
    let units: Vec<_> = one.units.iter().map(ToString::to_string).collect();
    let units = if units.is_empty() { String::new() } else { format!(" in {}", units.join(" or ")) };
    let kinds: Vec<_> = one.kinds.iter().map(|kind| kind.text()).collect();
    format!("{}{units}, {need}, {per}; of: {}", one.kind.words(), kinds.join(", "))
}

/// A role explained.
pub(super) fn role(role: &str, profile: &Profile) -> Option<Explanation> {
    let lists: Vec<_> = profile.points.iter().filter(|one| one.role == role).collect();
    // The words and the certainty of the surest among those that somebody asks for; of equals the first.
    let asked = |one: &ListedPoint| matches!(one.need, Need::Required | Need::Expected);
    let first = lists.iter().rev().max_by_key(|one| (asked(one), one.entry.certainty()))?;
    let surest = first.entry.certainty();
    let mut told = Explanation::new(About::Role, role, &first.entry.title);
    told.tag = Some(surest);
    told.citable = Some(surest.is_citable());
    let told = told.facts(
        "listed",
        lists.iter().map(|one| format!("{}: {}; {}", named(&one.entry), one.entry.title, listed(one))),
    );
    let ruled: Vec<_> = profile
        .rules
        .iter()
        .filter(|rule| {
            let mut asked = rule.when.iter().chain(&rule.filter).chain(&rule.require);
            asked.any(|predicate| match predicate {
                Predicate::Role(roles) | Predicate::Follows(roles) => roles.iter().any(|own| own == role),
                Predicate::Point(wanted) => wanted.role.iter().any(|own| own == role),
                _ => false,
            })
        })
        .map(|rule| named(&rule.entry))
        .collect();
    let told = told.maybe("rules", (!ruled.is_empty()).then(|| ruled.join(", ")));
    Some(told.fact("in a site", format!("role = \"{role}\" on the point that means this")))
}

/// A source explained.
pub(super) fn source(id: &str, profile: &Profile) -> Option<Explanation> {
    let source = profile.sources.get(id)?;
    let citing: Vec<_> =
        profile.entries().filter(|entry| entry.sources.iter().any(|own| own == id)).collect();
    let told = Explanation::new(About::Source, id, &source.title).maybe("note", source.note.clone());
    Some(told.fact("cited by", count(&citing)).facts("entries", citing.iter().map(|entry| named(entry))))
}

/// A tag explained.
pub(super) fn tag(tag: Tag, profile: &Profile) -> Explanation {
    let of_it: Vec<_> = profile.entries().filter(|entry| entry.certainty() == tag).collect();
    let use_of_it = if tag.is_citable() {
        "findings may cite it, with its source"
    } else {
        "findings stand apart as unconfirmed and fail a check only with --strict"
    };
    Explanation::new(About::Tag, tag.text(), tag.words())
        .fact("so", use_of_it)
        .fact(
            "carried",
            format!("by {} of {} entries of {}", of_it.len(), profile.entries().count(), profile.head.id),
        )
        .facts("entries", of_it.iter().map(|entry| named(entry)))
}

/// A section explained.
pub(super) fn section(section: &str, profile: &Profile) -> Option<Explanation> {
    let of_it: Vec<_> = profile.entries().filter(|entry| entry.section == section).collect();
    if of_it.is_empty() {
        return None;
    }
    let title = format!("{} entries of {} in one part of a report", of_it.len(), profile.head.id);
    let told = Explanation::new(About::Section, section, &title).fact("entries", count(&of_it));
    Some(told.facts("each", of_it.iter().map(|entry| format!("{}: {}", named(entry), entry.title))))
}

/// A kind of resource explained.
pub(super) fn kind(kind: ResourceKind, profile: &Profile) -> Explanation {
    let names = |predicates: &[Predicate]| {
        predicates.iter().any(|predicate| match predicate {
            Predicate::Kind(kinds) | Predicate::Technology(kinds) => kinds.contains(&kind),
            _ => false,
        })
    };
    let thresholds = profile.thresholds.iter().filter(|one| names(&one.when)).map(|one| &one.entry);
    let points = profile.points.iter().filter(|one| one.kinds.contains(&kind));
    let rules =
        profile.rules.iter().filter(|one| names(&one.when) || names(&one.filter)).map(|one| &one.entry);
    let line = |entry: &Entry| format!("{}: {}", named(entry), entry.title);
    Explanation::new(About::Kind, kind.text(), kind.words())
        .fact(
            "in a site",
            format!("resource = \"{kind}\" in [site], or kind = \"{kind}\" of a [[component]]"),
        )
        .facts("sends when", thresholds.map(line))
        .facts(
            "points",
            points.map(|one| format!("{}: role {}; {}", named(&one.entry), one.role, listed(one))),
        )
        .facts("rules", rules.map(line))
}

/// Entries by tag.
fn count(entries: &[&Entry]) -> String {
    let by_tag: Vec<_> = Tag::ALL
        .iter()
        .map(|tag| (tag, entries.iter().filter(|entry| entry.certainty() == *tag).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(tag, count)| format!("{count} {tag}"))
        .collect();
    format!("{}: {}", entries.len(), by_tag.join(", "))
}
