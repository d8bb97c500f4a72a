//! How a place is doing, for whoever asks and for whoever is to be alarmed.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};
use site::{Publish, PublishTo};

/// Something that a person should see, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The place.
    pub name: Arc<str>,
    /// Whether it begins or is over.
    pub raised: bool,
    /// What.
    pub text: String,
}

/// What the task of a place counts, since the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// `connecting`, `working` or `away`.
    pub(crate) state: &'static str,
    /// Why it is away; empty where it is not.
    pub(crate) why: String,
    pub(crate) samples: u64,
    pub(crate) events: u64,
    /// Those that it had already.
    pub(crate) repeated: u64,
    /// Samples and events that it can never take, left out.
    pub(crate) refused: (u64, u64),
    /// As last counted; `None` while nobody did.
    pub(crate) waiting: Option<(u64, u64)>,
    /// Entries and events that were removed before it had them, since the store knows of it.
    pub(crate) lost: (u64, u64),
    pub(crate) unreadable: usize,
}

/// [`Counts`], shared with the task.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) name: Arc<str>,
    kind: &'static str,
    counts: Arc<Mutex<Counts>>,
}

impl Status {
    pub(crate) fn new(place: &Publish) -> Self {
        let kind = match place.to {
            PublishTo::Nats { .. } => "nats",
            PublishTo::Postgres { .. } => "postgres",
        };
        let counts = Counts { state: "connecting", ..Counts::default() };
        Self { name: Arc::clone(&place.name), kind, counts: Arc::new(Mutex::new(counts)) }
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn json(&self) -> Json {
        let Counts { state, why, samples, events, repeated, refused, waiting, lost, unreadable } =
            self.change(|counts| counts.clone());
        json!({
            "name": self.name, "kind": self.kind, "state": state, "why": why, "samples": samples,
            "events": events, "repeated": repeated,
            "waiting": waiting.map(|(samples, events)| json!({ "samples": samples, "events": events })),
            "refused": { "samples": refused.0, "events": refused.1 },
            "lost": { "samples": lost.0, "events": lost.1 }, "unreadable": unreadable,
        })
    }
}
