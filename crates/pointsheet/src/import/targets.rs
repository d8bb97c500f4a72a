//! The points of a `site.toml` that rows of a sheet may mean.

use std::fmt;

use telemetry::Unit;
use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::edit::Holder;
use crate::model::Kind;

/// What a set point shows of itself beside its feedback: the places of their tables in it.
const SHOWN: [&str; 7] = [
    "clamp",
    "owner",
    "primary.served.status",
    "primary.served.droop",
    "primary.served.deadband",
    "primary.served.headroom",
    "primary.served.response",
];

/// Where a point stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Analog(usize),
    Digital(usize),
    SetPoint(usize),
    Feedback(usize),
    /// What else a set point shows of itself, by its place in [`SHOWN`].
    Shown(usize, &'static str),
    Heartbeat,
    Connection,
}

impl Slot {
    /// The table of the sheet in which it is found.
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Analog(_) | Self::Feedback(_) | Self::Shown(..) | Self::Heartbeat => Kind::AnalogInput,
            Self::Digital(_) | Self::Connection => Kind::DigitalInput,
            Self::SetPoint(_) => Kind::AnalogOutput,
        }
    }
}

/// A point of the file.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) slot: Slot,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) sheet_name: Option<String>,
    pub(crate) unit: Option<Unit>,
    /// Where it is served.
    pub(crate) index: Option<u16>,
    /// Whether a row was found for it.
    pub(crate) matched: bool,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.slot {
            Slot::Analog(_) => "analog",
            Slot::Digital(_) => "digital",
            Slot::SetPoint(_) => "setpoint",
            Slot::Feedback(_) => "feedback",
            Slot::Shown(_, key) => key,
            Slot::Heartbeat => "heartbeat",
            Slot::Connection => "connection",
        };
        write!(f, "{what} `{}`", self.id)
    }
}

/// All points of the file, in its order.
pub(crate) fn targets(doc: &DocumentMut) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut add = |slot: Slot, table: &dyn TableLike| {
        let text = |key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
        let index = table.get("index").and_then(Item::as_integer).and_then(|index| u16::try_from(index).ok());
        targets.push(Target {
            slot,
            id: text("id").unwrap_or_default(),
            name: text("name"),
            sheet_name: text("sheet_name"),
            unit: text("unit").and_then(|unit| unit.parse().ok()),
            index: index.filter(|index| *index > 0),
            matched: false,
        });
    };
    for (at, table) in elements(doc, "analog").into_iter().enumerate() {
        add(Slot::Analog(at), table);
    }
    for (at, table) in elements(doc, "digital").into_iter().enumerate() {
        add(Slot::Digital(at), table);
    }
    for (slot, key) in [(Slot::Heartbeat, "heartbeat"), (Slot::Connection, "connection")] {
        if let Some(table) = doc.get(key).and_then(Item::as_table_like) {
            add(slot, table);
        }
    }
    for (at, table) in elements(doc, "setpoint").into_iter().enumerate() {
        add(Slot::SetPoint(at), table);
        if let Some(feedback) = table.get("feedback").and_then(Item::as_table_like) {
            add(Slot::Feedback(at), feedback);
        }
        for key in SHOWN {
            let found = key.split('.').try_fold(table, |table, key| table.get(key)?.as_table_like());
            if let Some(found) = found {
                add(Slot::Shown(at, key), found);
            }
        }
    }
    targets
}

/// The tables of an array, in either spelling.
fn elements<'a>(doc: &'a DocumentMut, key: &str) -> Vec<&'a dyn TableLike> {
    match doc.get(key) {
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(|table| table as &dyn TableLike).collect(),
        Some(Item::Value(Value::Array(values))) => {
            let tables = values.iter().filter_map(Value::as_inline_table);
            tables.map(|table| table as &dyn TableLike).collect()
        }
        _ => Vec::new(),
    }
}

/// The table of a point, to change it.
pub(crate) fn holder(doc: &mut DocumentMut, slot: Slot) -> Option<Holder<'_>> {
    match slot {
        Slot::Analog(at) => element(doc, "analog", at),
        Slot::Digital(at) => element(doc, "digital", at),
        Slot::SetPoint(at) => element(doc, "setpoint", at),
        Slot::Heartbeat => doc.get_mut("heartbeat").and_then(of_item),
        Slot::Connection => doc.get_mut("connection").and_then(of_item),
        Slot::Feedback(at) => inner(element(doc, "setpoint", at)?, "feedback"),
        Slot::Shown(at, path) => path.split('.').try_fold(element(doc, "setpoint", at)?, inner),
    }
}

/// A table within a table.
fn inner<'a>(holder: Holder<'a>, key: &str) -> Option<Holder<'a>> {
    match holder {
        Holder::Table(table) => table.get_mut(key).and_then(of_item),
        Holder::Inline(table) => table.get_mut(key).and_then(Value::as_inline_table_mut).map(Holder::Inline),
    }
}

fn of_item(item: &mut Item) -> Option<Holder<'_>> {
    match item {
        Item::Table(table) => Some(Holder::Table(table)),
        Item::Value(Value::InlineTable(table)) => Some(Holder::Inline(table)),
        _ => None,
    }
}

fn element<'a>(doc: &'a mut DocumentMut, key: &str, at: usize) -> Option<Holder<'a>> {
    match doc.get_mut(key)? {
        Item::ArrayOfTables(tables) => tables.get_mut(at).map(Holder::Table),
        Item::Value(Value::Array(values)) => {
            let mut tables = values.iter_mut().filter_map(Value::as_inline_table_mut);
            tables.nth(at).map(Holder::Inline)
        }
        _ => None,
    }
}
