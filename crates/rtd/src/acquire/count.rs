//! What a driver counts of its device, for whoever asks the running device for its status.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

/// One device's counts. The driver writes, anybody reads; each number is right by itself.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    answers: AtomicU64,
    timeouts: AtomicU64,
    exceptions: AtomicU64,
    connections: AtomicU64,
    /// In microseconds; 0: none yet.
    round_trip: AtomicU64,
}

impl Counters {
    /// A request was sent.
    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Its answer came, an exception too, after so long.
    pub(crate) fn answer(&self, after: Duration) {
        self.answered();
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX).max(1);
        self.round_trip.store(micros, Ordering::Relaxed);
    }

    /// An answer came; how long it took is not known here.
    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// No answer came in time.
    pub(crate) fn timeout(&self) {
        self.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// The device refused.
    pub(crate) fn exception(&self) {
        self.exceptions.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection came up, or a device on a line was begun with anew.
    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// As the status tells them.
    pub(crate) fn json(&self) -> Value {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let micros = Some(get(&self.round_trip)).filter(|micros| *micros > 0);
        json!({
            "requests": get(&self.requests),
            "answers": get(&self.answers),
            "timeouts": get(&self.timeouts),
            "exceptions": get(&self.exceptions),
            "reconnects": get(&self.connections).saturating_sub(1),
            "last_round_trip_us": micros,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_as_counted() {
        let counters = Counters::default();
        assert_eq!(counters.json()["last_round_trip_us"], Value::Null);
        counters.connected();
        counters.request();
        counters.request();
        counters.answer(Duration::from_micros(1_500));
        counters.exception();
        counters.timeout();
        let wanted = json!({
            "requests": 2, "answers": 1, "timeouts": 1, "exceptions": 1, "reconnects": 0, "last_round_trip_us": 1_500,
        });
        assert_eq!(counters.json(), wanted);
    }
}
