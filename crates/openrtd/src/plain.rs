//! Journal records for people: what the long-running programs show without `--json`.

use serde_json::Value;

/// A record as a line; `None` for what would only fill the screen, and for what the log tells already.
#[expect(clippy::needless_pass_by_value, reason = "a journal's form may also keep the record as it is")]
pub(crate) fn plain(record: String) -> Option<String> {
    let record: Value = serde_json::from_str(&record).ok()?;
    let text = |field: &str| match record.get(field) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(", "),
        Some(other) => other.to_string(),
    };
    let line = match text("event").as_str() {
        "ready" => ready(&record),
        "stopped" => "stopped".to_owned(),
        "link" => format!("{} link {}  {}", text("device"), text("state"), text("why")),
        "restart" => format!("{} has restarted", text("device")),
        "heartbeat" if record.get("stuck") == Some(&Value::Bool(true)) => {
            format!("{} heartbeat is stuck", text("device"))
        }
        "heartbeat" => format!("{} heartbeat moves again", text("device")),
        "scan" if record.get("missed") == Some(&Value::Bool(true)) => {
            format!("{} scan {} MISSED", text("device"), text("kind"))
        }
        "scan" => {
            format!(
                "{} scan {}: {} points in {} ms",
                text("device"),
                text("kind"),
                text("points"),
                text("duration_ms")
            )
        }
        // The device's own points change with every poll: its socket, its journal and the ISO have them.
        "point" if record.get("device").is_some() => point(&text),
        "setpoint" => {
            format!(
                "{} set point {} {} ({}): {}",
                text("device"),
                text("id"),
                text("value"),
                text("mode"),
                text("status")
            )
        }
        "write" => format!("{} register {} written: {}", text("device"), text("address"), text("values")),
        "fault" => format!("{} fault: {}", text("device"), text("kind")),
        // The plant's own.
        "breaker" => format!("breaker {}", if text("closed") == "true" { "closed" } else { "open" }),
        "remote" => format!("plant in {}", if text("selected") == "true" { "remote" } else { "local" }),
        "frequency" if text("hz").is_empty() => "frequency: the grid's own".to_owned(),
        "frequency" => format!("frequency held at {} Hz", text("hz")),
        _ => return None,
    };
    // Without the date: somebody is watching.
    let time = text("time");
    let time = time.get(11..19).map(|time| format!("{time} ")).unwrap_or_default();
    Some(format!("{time}{line}").trim_end().to_owned())
}

fn ready(record: &Value) -> String {
    let devices = record.get("devices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut line = "ready".to_owned();
    for device in devices {
        let of = |field: &str| device.get(field).and_then(Value::as_str).unwrap_or_default();
        line.push_str(&format!("\n  {:<12} {}", of("id"), of("address")));
    }
    if let Some(listen) = record.get("listen").and_then(Value::as_str) {
        line.push_str(&format!(", listening on {listen}"));
    }
    let of = |field: &str| record.get(field).and_then(Value::as_str);
    if let Some(profile) = of("profile") {
        line.push_str(&format!(", profile {profile}"));
        if let Some(overlay) = of("overlay") {
            line.push_str(&format!(" with {overlay}"));
        }
    }
    line
}

fn point(text: &impl Fn(&str) -> String) -> String {
    let line = format!(
        "{} {:<20} {:>10} {:<6} {}",
        text("device"),
        text("id"),
        text("value"),
        text("unit"),
        text("quality")
    );
    let reasons = text("reasons");
    if reasons.is_empty() { line } else { format!("{line}: {reasons}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(record: &str) -> Option<String> {
        plain(record.to_owned())
    }

    #[test]
    fn records_read_well() {
        let point = r#"{"event":"point","time":"2026-11-25T00:53:40.469Z","device":"rtd","id":"poi.mw","value":8.86,"unit":"MW","quality":"bad","reasons":["link down: rtd"]}"#;
        assert_eq!(
            shown(point).as_deref(),
            Some("00:53:40 rtd poi.mw                     8.86 MW     bad: link down: rtd")
        );
        let missed = r#"{"event":"scan","time":"2026-11-25T00:53:40.469Z","device":"rtd","kind":"events","missed":true}"#;
        assert_eq!(shown(missed).as_deref(), Some("00:53:40 rtd scan events MISSED"));
        assert_eq!(
            shown(r#"{"event":"ready","listen":"127.0.0.1:1"}"#).as_deref(),
            Some("ready, listening on 127.0.0.1:1")
        );
        let laid_over =
            r#"{"event":"ready","listen":"127.0.0.1:1","profile":"a-profile","overlay":"confirmed.toml"}"#;
        assert_eq!(
            shown(laid_over).as_deref(),
            Some("ready, listening on 127.0.0.1:1, profile a-profile with confirmed.toml")
        );
        assert_eq!(shown(r#"{"event":"breaker","closed":false}"#).as_deref(), Some("breaker open"));
        assert_eq!(shown(r#"{"event":"frequency","hz":null}"#).as_deref(), Some("frequency: the grid's own"));
        assert_eq!(shown(r#"{"event":"registers","device":"inv1"}"#), None);
        assert_eq!(shown("no JSON"), None);
    }
}
