//! `openrtd points diff`.

use pointsheet::Kind;
use pointsheet::diff::{Change, Difference, diff as compare};
use serde_json::{Value, json};

use super::cli::Diff;
use super::{sheet_and_offset, tell};
use crate::exit::Failure;
use crate::output::complain;

pub(crate) fn diff(arguments: &Diff) -> Result<(), Failure> {
    let ((old, was), (new, is)) = (sheet_and_offset(&arguments.old)?, sheet_and_offset(&arguments.new)?);
    // Sheets have none: a site beside a sheet is compared as its file says, not as the wire has it.
    let shift = was.zip(is).filter(|(was, is)| was != is);
    for kind in Kind::ALL.into_iter().filter(|kind| old.has(*kind) != new.has(*kind)) {
        let lacks = if old.has(kind) { &arguments.new } else { &arguments.old };
        complain(&format!("warning: {} has no table of {kind}s: not compared", lacks.display()));
    }
    let differences = compare(&old, &new);
    let incompatible = differences.iter().filter(|found| found.change.is_incompatible()).count();
    let incompatible = incompatible.saturating_add(usize::from(shift.is_some()));
    let count = differences.len().saturating_add(usize::from(shift.is_some()));
    if arguments.json {
        tell(shift.map(|(was, is)| {
            json!({ "event": "difference", "change": "offset", "incompatible": true,
                "old": { "index_offset": was }, "new": { "index_offset": is } })
            .to_string()
        }));
        tell(differences.iter().map(|found| line(found).to_string()));
        tell([json!({ "event": "summary", "differences": count, "incompatible": incompatible }).to_string()]);
    } else {
        tell(shift.map(|(was, is)| {
            format!("incompatible: outstation.index_offset {was} -> {is}: every point has another index on the wire")
        }));
        let mark = |found: &Difference| if found.change.is_incompatible() { "incompatible: " } else { "" };
        tell(differences.iter().map(|found| format!("{}{found}", mark(found))));
        tell([format!("{count} differences, {incompatible} of them incompatible")]);
    }
    if incompatible > 0 { Err(Failure::Found) } else { Ok(()) }
}

fn line(found: &Difference) -> Value {
    let mut line = json!({
        "event": "difference",
        "table": found.kind.sheet(),
        "point": found.point,
        "description": found.description,
        "change": found.change.word(),
        "incompatible": found.change.is_incompatible(),
    });
    let (old, new) = match &found.change {
        Change::Added { index } => (Value::Null, json!({ "index": index })),
        Change::Removed { index } => (json!({ "index": index }), Value::Null),
        Change::Moved { old, new } => (json!({ "index": old }), json!({ "index": new })),
        Change::NowServed { new } => (Value::Null, json!({ "index": new })),
        Change::NoLongerServed { old } => (json!({ "index": old }), Value::Null),
        Change::Rescaled { old, new } => (
            json!({ "max_units": old.0, "max_counts": old.1 }),
            json!({ "max_units": new.0, "max_counts": new.1 }),
        ),
        Change::Renamed { old } => (json!({ "name": old }), json!({ "name": found.point })),
        Change::Redescribed { old } => {
            (json!({ "description": old }), json!({ "description": found.description }))
        }
        Change::Unit { old, new } => (json!({ "unit": old }), json!({ "unit": new })),
        Change::States { old, new } => {
            let words = |states: &Option<pointsheet::States>| json!({ "states": states.as_ref().map(|states| [&states.zero, &states.one]) });
            (words(old), words(new))
        }
    };
    if let Some(line) = line.as_object_mut() {
        line.insert("old".to_owned(), old);
        line.insert("new".to_owned(), new);
    }
    line
}
