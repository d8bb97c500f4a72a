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

/// What a row goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    /// Mutual TLS 1.3 with P-256 keys.
    Tls13,
    /// Mutual TLS 1.2 with RSA keys of 2,048 bits.
    Tls12,
}

impl Over {
    pub(crate) const fn is_tls(self) -> bool {
        !matches!(self, Self::Tcp)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Tls13 => "mutual TLS 1.3 (P-256)",
            Self::Tls12 => "mutual TLS 1.2 (RSA)",
        }
    }

    /// Whether a connection `protocol`, as our side tells it, is that.
    pub(crate) fn check(self, protocol: &str) -> Check {
        let is = match self {
            Self::Tcp => protocol == "TCP",
            Self::Tls13 => protocol.contains("TLS") && protocol.contains("1.3"),
            Self::Tls12 => protocol.contains("TLS") && protocol.contains("1.2"),
        };
        require(is, || format!("{protocol} in place of {}", self.name()))
    }
}

pub(crate) struct Row {
    name: String,
    about: Value,
    cells: Vec<(String, Check)>,
}

impl Row {
    /// A row about a `peer` in its `role`, over a transport, against our side's program.
    pub(crate) fn new(peer: &str, role: &str, over: Over, ours: &str) -> Self {
        let transport = over.name();
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
