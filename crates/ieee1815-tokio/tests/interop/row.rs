//! A row of the matrix: what became of each feature with one peer.

use std::path::PathBuf;

use serde_json::{Value, json};

/// Why a feature did not pass.
#[derive(Debug)]
pub(crate) enum Miss {
    /// The peer does not have it: the reason.
    NotOffered(String),
    /// It went wrong: how.
    Failed(String),
}

pub(crate) type Check<T = ()> = Result<T, Miss>;

pub(crate) fn failed<T>(how: impl Into<String>) -> Check<T> {
    Err(Miss::Failed(how.into()))
}

/// Fails with `otherwise` unless it holds.
pub(crate) fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { failed(otherwise()) }
}

/// What there is to pass, in the order of the columns.
pub(crate) const FEATURES: [&str; 28] = [
    "start-up",
    "integrity",
    "class polls",
    "events, confirmed",
    "many fragments",
    "unsolicited",
    "double-bit",
    "counters",
    "freeze",
    "assign class",
    "octet strings",
    "deadbands",
    "time LAN",
    "time non-LAN",
    "CROB select",
    "CROB direct",
    "CROB no ack",
    "analog i16",
    "analog i32",
    "analog f32",
    "analog f64",
    "refused controls",
    "restart bit",
    "cold restart",
    "broadcast",
    "attributes",
    "link status",
    "tshark",
];

pub(crate) struct Row {
    name: String,
    about: Value,
    cells: Vec<(String, Check)>,
}

impl Row {
    /// A row about a `peer` in its `role`, over a transport, against our side's program.
    pub(crate) fn new(peer: &str, role: &str, transport: &str, ours: &str) -> Self {
        Self {
            name: format!("{role}-{peer}-{transport}-{ours}").replace(' ', "-"),
            about: json!({ "peer": peer, "role": role, "transport": transport, "ours": ours }),
            cells: Vec::new(),
        }
    }

    pub(crate) fn cell(&mut self, feature: &str, check: Check) {
        eprintln!("\n{}: {feature}: {check:?}", self.name);
        self.cells.push((feature.to_owned(), check));
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn note(&mut self, key: &str, value: Value) {
        self.about[key] = value;
    }

    /// Writes the row where the proof wants it, and fails when a cell has.
    pub(crate) fn finish(mut self) {
        let of = |check: &Check| match check {
            Ok(()) => json!({ "passed": true }),
            Err(Miss::NotOffered(reason)) => json!({ "not_offered": reason }),
            Err(Miss::Failed(how)) => json!({ "failed": how }),
        };
        let cells: serde_json::Map<String, Value> =
            self.cells.iter().map(|(feature, check)| (feature.clone(), of(check))).collect();
        self.about["cells"] = Value::Object(cells);
        if let Some(folder) = std::env::var_os("OPENRTD_INTEROP") {
            let file = PathBuf::from(folder).join(format!("{}.json", self.name));
            std::fs::write(file, self.about.to_string()).unwrap();
        }
        let misses: Vec<_> =
            self.cells.iter().filter(|(_, check)| matches!(check, Err(Miss::Failed(_)))).collect();
        assert!(misses.is_empty(), "{}: {misses:#?}", self.name);
    }
}
