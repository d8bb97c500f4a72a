//! A sample and an event as they leave.

use historian::Entry;
#[cfg(feature = "nats")]
use historian::{Logged, Recorded};
use serde_json::{Value as Json, json};
use telemetry::Value;

/// What NATS messages hold, as one JSON object; never NaN, which JSON cannot say: its reason tells it.
#[cfg(feature = "nats")]
pub(crate) fn sample(site: &str, point: &Recorded, entry: &Entry) -> Json {
    json!({
        "site": site, "id": point.id, "kind": point.kind, "time": entry.time, "value": finite(entry.value),
        "unit": point.unit, "quality": entry.quality(), "reasons": entry.reasons,
        "source_time": entry.source_time, "boot": entry.origin.boot, "sequence": entry.origin.sequence,
    })
}

/// As [`sample`], of an event.
#[cfg(feature = "nats")]
pub(crate) fn event(site: &str, event: &Logged) -> Json {
    json!({
        "site": site, "kind": event.kind, "subject": event.subject, "time": event.time,
        "detail": event.detail, "boot": event.boot, "sequence": event.sequence,
    })
}

/// A value that both can say.
pub(crate) fn finite(value: Option<Value>) -> Option<Value> {
    value.filter(|value| value.as_f64().is_finite())
}

/// Reasons as a JSON list of texts.
#[cfg(feature = "postgres")]
pub(crate) fn reasons(entry: &Entry) -> Json {
    json!(entry.reasons)
}

/// A text as words of a subject: what a subject cannot hold is written as `%` and two digits, so that no two texts
/// become one. Dots stay where `dots` says so and words stand on both sides of them.
#[cfg(feature = "nats")]
pub(crate) fn subject(text: &str, dots: bool) -> String {
    let octets = text.as_bytes();
    let mut out = String::with_capacity(octets.len());
    for (at, octet) in octets.iter().enumerate() {
        let between = at > 0 && at + 1 < octets.len() && octets.get(at - 1) != Some(&b'.');
        match *octet {
            octet if octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_' => {
                out.push(octet.into());
            }
            b'.' if dots && between => out.push('.'),
            octet => out.push_str(&format!("%{octet:02X}")),
        }
    }
    if out.is_empty() { "%".to_owned() } else { out }
}

#[cfg(all(test, feature = "nats"))]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_subject_and_no_two_are_one() {
        assert_eq!(subject("poi.mw", true), "poi.mw");
        assert_eq!(subject("poi.mw", false), "poi%2Emw");
        assert_eq!(subject("Santa Ana > 1*", true), "Santa%20Ana%20%3E%201%2A");
        let odd = ["", ".", "..", "a..b", "a.%2Eb", ".a", "a.", "a", "%", "%25"];
        let mut seen = std::collections::BTreeSet::new();
        for text in odd {
            let subject = subject(text, true);
            assert!(subject.split('.').all(|word| !word.is_empty()), "{subject}");
            assert!(seen.insert(subject), "{text}");
        }
    }
}
