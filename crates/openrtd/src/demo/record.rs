//! Fields of journal records and socket answers.

use serde_json::Value;

/// A time of a record, in milliseconds since 1970.
pub(super) fn millis(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond),
        _ => value.as_i64(),
    }
}

/// A text of a record; empty where there is none.
pub(super) fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A number of a record; states count as 0 and 1.
pub(super) fn number(record: &Value, field: &str) -> Option<f64> {
    let value = record.get(field)?;
    value.as_f64().or_else(|| value.as_bool().map(|state| if state { 1.0 } else { 0.0 }))
}

/// The present, as the journals stamp it.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
