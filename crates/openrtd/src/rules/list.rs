//! `openrtd rules`: what the rules are, where they come from and how sure we are.

use rulebook::profile::{Entry, Profile, Table, schema, shipped};
use serde_json::json;

use super::cli::{List, Rules, RulesCommand};
use super::{book, day, worksheet};
use crate::exit::Failure;
use crate::output::{Gone, say};

/// `openrtd rules`.
pub(crate) fn rules(arguments: &Rules) -> Result<(), Failure> {
    match &arguments.command {
        None => list(&arguments.list),
        Some(RulesCommand::Worksheet(arguments)) => worksheet::write(arguments),
        Some(RulesCommand::Confirm(arguments)) => worksheet::confirm(arguments),
    }
}

fn list(arguments: &List) -> Result<(), Failure> {
    // A reader that went away has seen enough.
    let said = if arguments.schema {
        say(&format!("{:#}", schema()))
    } else if arguments.profiles {
        profiles(arguments.json)?
    } else {
        let profile = book(&arguments.book)?;
        let day = day(arguments.book.as_of);
        let judges = |entry: &&Entry| {
            arguments.all || matches!(entry.table, Table::Threshold | Table::Point | Table::Met | Table::Rule)
        };
        let entries: Vec<_> = profile.entries().filter(judges).filter(|entry| entry.in_force(day)).collect();
        if arguments.json { as_json(&profile, &entries) } else { as_text(&profile, &entries) }
    };
    let _ = said;
    Ok(())
}

fn profiles(as_json: bool) -> Result<Result<(), Gone>, Failure> {
    let mut heads = Vec::new();
    for (id, _) in shipped() {
        heads.push(Profile::load(id)?.head);
    }
    if as_json {
        return Ok(say(&format!("{:#}", json!(heads))));
    }
    let lines: Vec<_> = heads
        .iter()
        .map(|head| {
            format!("{}\n    {}\n    {}; effective {}", head.id, head.title, head.edition, head.effective)
        })
        .collect();
    Ok(say(&lines.join("\n")))
}

fn as_text(profile: &Profile, entries: &[&Entry]) -> Result<(), Gone> {
    say(&format!(
        "{}: {}\n{}\n{}",
        profile.head.id, profile.head.title, profile.head.edition, profile.head.notice
    ))?;
    let mut section = "";
    for entry in entries {
        if entry.section != section {
            section = &entry.section;
            say(&format!("\n{section}"))?;
        }
        let value = match (&entry.value, &entry.unit) {
            (Some(value), Some(unit)) => format!(" ({value} {unit})"),
            (Some(value), None) => format!(" ({value})"),
            (None, _) => String::new(),
        };
        say(&format!("  {:<36} {:<7} {}{value}", entry.id, entry.severity.text(), entry.title))?;
        say(&format!("  {:<36}         [{}]", "", entry.provenance()))?;
    }
    let counts: Vec<_> = rulebook::Tag::ALL
        .iter()
        .map(|tag| format!("{} {tag}", entries.iter().filter(|entry| entry.tag == *tag).count()))
        .collect();
    say(&format!("\n{} entries: {}", entries.len(), counts.join(", ")))
}

fn as_json(profile: &Profile, entries: &[&Entry]) -> Result<(), Gone> {
    let rows: Vec<_> = entries.iter().map(|entry| entry_json(entry)).collect();
    say(&format!(
        "{:#}",
        json!({ "profile": profile.head, "overlay": profile.overlay, "sources": profile.sources, "entries": rows })
    ))
}

/// An entry as JSON tells it.
pub(super) fn entry_json(entry: &Entry) -> serde_json::Value {
    json!({
        "id": entry.id,
        "table": entry.table,
        "section": entry.section,
        "title": entry.title,
        "clause": entry.clause,
        "sources": entry.sources,
        "tag": entry.tag,
        "citable": entry.certainty().is_citable(),
        "confirmed": entry.confirmed,
        "severity": entry.severity,
        "since": entry.since,
        "until": entry.until,
        "value": entry.value,
        "corrected_from": entry.corrected_from,
        "unit": entry.unit,
        "why": entry.why,
        "note": entry.note,
        "fix": entry.fix,
    })
}
