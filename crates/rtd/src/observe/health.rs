//! Is it alive, is it ready. Answers for people and for programs: a status of HTTP, and why, as JSON.

use serde_json::{Value as Json, json};
use telemetry::Quality;

use super::Snapshot;

/// An answer: whether all is well, and what is told.
pub(super) type Answer = (bool, Json);

/// The machine did not answer in time.
pub(super) fn stuck() -> Answer {
    (false, json!({ "status": "failing", "why": ["the machine has not turned in time"] }))
}

/// Whether it does its work: the machine turns and the history, where there is one, is written. What the plant does
/// is not its health.
pub(super) fn health(now: &Snapshot) -> Answer {
    let mut why = Vec::new();
    if let Some(history) = now.history.as_ref().filter(|history| history.state != historian::State::Working) {
        why.push(format!("the history is not written: {}", crate::history::why(&history.state)));
    }
    let told = json!({
        "status": if why.is_empty() { "ok" } else { "failing" },
        "why": why,
        "turns": now.turns,
        "history": now.history.as_ref().map(|history| history.state.text()),
        "clock": now.clock.trust,
        "alarms": now.tally.alarms.len() + now.watched.alarms.len(),
    });
    (why.is_empty(), told)
}

/// Whether a master that connects finds values: each device was asked once, whatever it answered. That masters can
/// connect goes without saying: this answers only after their listener is up.
pub(super) fn ready(now: &Snapshot) -> Answer {
    let waiting: Vec<_> = now.watched.devices.iter().filter(|one| !one.asked).map(|one| &one.id).collect();
    let down: Vec<_> =
        now.watched.devices.iter().filter(|one| one.asked && !one.up).map(|one| &one.id).collect();
    let up = now.watched.sessions.iter().filter(|one| one.up).count();
    let not_good = now.watched.points.iter().filter(|one| one.quality != Quality::Good).count();
    let told = json!({
        "status": if waiting.is_empty() { "ready" } else { "starting" },
        "devices_not_asked_yet": waiting,
        "devices_down": down,
        "points": now.watched.points.len(),
        "points_not_good": not_good,
        "masters": now.watched.sessions.len(),
        "masters_connected": up,
    });
    (waiting.is_empty(), told)
}
