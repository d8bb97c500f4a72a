//! The story of a point as text for people. What a story does not tell is left out.

use serde_json::Value as Json;

/// Width of the names of the lines.
const NAMES: usize = 10;

/// The whole answer.
pub(super) fn story(answer: &Json) -> String {
    let mut out = Lines::default();
    out.point(&answer["point"]);
    let inputs = answer["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
    for input in inputs {
        out.0.push('\n');
        out.point(input);
    }
    out.0
}

/// What makes a change of a point that is followed.
pub(super) fn change(answer: &Json) -> Json {
    let point = &answer["point"];
    let masters = point["masters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let got: Vec<Json> = masters
        .iter()
        .map(|one| serde_json::json!([one["up"], one["last_sent"]["wire"], one["last_sent"]["flags"]]))
        .collect();
    serde_json::json!([point["value"], point["reasons"], point["flags"], point["alarms"], point["hand"], got])
}

/// A change in a line.
pub(super) fn line(answer: &Json) -> String {
    let point = &answer["point"];
    let time = text(&answer["time"]);
    let mut line =
        format!("{} {}  {}", time.get(11..23).unwrap_or(&time), value(point), text(&point["quality"]));
    for more in [list(&point["reasons"]), list(&point["flags"])] {
        if !more.is_empty() {
            line.push_str("  ");
            line.push_str(&more);
        }
    }
    let masters = point["masters"].as_array().map(Vec::as_slice).unwrap_or_default();
    for master in masters {
        let got = match &master["last_sent"] {
            Json::Null => "nothing".to_owned(),
            got => format!("{} {}", text(&got["value"]), list(&got["flags"])),
        };
        line.push_str(&format!("  {}: {got}", text(&master["master"])));
    }
    line
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, name: &str, told: &str) {
        if !told.is_empty() {
            let line = format!("  {name:<NAMES$}{told}");
            self.0.push_str(line.trim_end());
            self.0.push('\n');
        }
    }

    /// The first line with the name, the others under it.
    fn lines(&mut self, name: &str, told: impl IntoIterator<Item = String>) {
        for (at, one) in told.into_iter().enumerate() {
            self.line(if at == 0 { name } else { "" }, &one);
        }
    }

    fn point(&mut self, point: &Json) {
        let (id, name) = (text(&point["id"]), text(&point["name"]));
        let name = if name == id { String::new() } else { format!("  {name}") };
        self.0.push_str(&format!("{id}{name}\n"));
        self.source(point);
        self.line("value", &join(&[value(point), text(&point["quality"]), state(point), age(point)]));
        let range = &point["range"];
        if let (Some(low), Some(high)) = (range[0].as_f64(), range[1].as_f64()) {
            self.line("checks", &format!("range {low} to {high} {}", text(&point["unit"])));
        }
        self.lines("reasons", texts(&point["reasons"]));
        self.hand(&point["hand"]);
        self.alarms(&point["alarms"]);
        self.wire(point);
        self.masters(point);
        self.events(point);
    }

    fn source(&mut self, point: &Json) {
        let from = &point["from"];
        if from.is_object() {
            let device =
                format!("{}, {} {}", text(&from["device"]), text(&from["protocol"]), text(&from["address"]));
            let polled = match from["poll_ms"].as_u64() {
                Some(every) => format!(", every {every} ms"),
                None => String::new(),
            };
            self.lines("source", [device, format!("{}{polled}", text(&from["place"]))]);
            if !point["device_failure"].is_null() {
                self.line("failed", &text(&point["device_failure"]));
            }
            let read = text(&point["read_received"]);
            let read = if read.is_empty() { "not read yet".to_owned() } else { format!("read {read}") };
            self.line("raw", &join(&[raw(&point["raw"]), read]));
            if !from["unit"].is_null() {
                let becomes = format!(
                    "{} to {}, sign {}",
                    text(&from["unit"]),
                    text(&point["unit"]),
                    text(&from["sign"])
                );
                self.line("becomes", &becomes);
            }
        } else if point["derived"].is_object() {
            let derived = &point["derived"];
            let taken = text(&derived["taken"]);
            let taken = if taken.is_empty() { String::new() } else { format!(", taken: {taken}") };
            self.line("made", &format!("{} of {}{taken}", text(&derived["op"]), list(&derived["of"])));
        } else if !point["made"].is_null() {
            let of = list(&point["of"]);
            let of = if of.is_empty() { of } else { format!(", of {of}") };
            self.line("made", &format!("{}{of}", text(&point["made"])));
        } else {
            self.line("source", "none yet");
        }
    }

    fn hand(&mut self, hand: &Json) {
        if hand.is_object() {
            let until = text(&hand["until"]);
            let until = if until.is_empty() { String::new() } else { format!(", until {until}") };
            let told =
                format!("{} by {}: {}{until}", text(&hand["state"]), text(&hand["who"]), text(&hand["why"]));
            self.line("by hand", &told);
        }
    }

    fn alarms(&mut self, alarms: &Json) {
        let told =
            alarms.as_object().into_iter().flatten().map(|(kind, why)| format!("{kind}: {}", text(why)));
        self.lines("alarms", told);
    }

    fn wire(&mut self, point: &Json) {
        let wire = &point["wire"];
        if point["index"].is_null() {
            self.line("wire", "not served: it has no index");
            return;
        }
        let kind = text(&point["type"]).replace('_', " ");
        let counts = text(&point["counts"]);
        let counts = if counts.is_empty() { counts } else { format!("{counts} counts") };
        let scale = text(&wire["scale"]);
        let scale = if scale.is_empty() { scale } else { format!("({scale})") };
        let served =
            join(&[format!("{kind} {}", text(&point["index"])), counts, scale, flags(&point["flags"])]);
        let (statics, events) = groups(&text(&point["type"]));
        let class = match wire["class"].as_u64() {
            Some(0) => "no events".to_owned(),
            Some(class) => format!("class {class}"),
            None => String::new(),
        };
        let band = wire["deadband"].as_f64().filter(|band| *band > 0.0);
        let band = band.map_or_else(String::new, |band| format!("deadband {band} {}", text(&point["unit"])));
        let variation = |group: u8, variation: &Json| match variation.as_u64() {
            Some(variation) => format!("g{group}v{variation}"),
            None => String::new(),
        };
        let how = join(&[
            class,
            variation(statics, &wire["static_variation"]),
            variation(events, &wire["event_variation"]),
            band,
        ]);
        self.lines("wire", [served, how]);
    }

    fn masters(&mut self, point: &Json) {
        let masters = point["masters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let width = masters.iter().map(|one| text(&one["master"]).chars().count()).max().unwrap_or(0);
        let unit = text(&point["unit"]);
        let one = |master: &Json| {
            let up = if master["up"] == true { "up" } else { "down" };
            let got = match &master["last_sent"] {
                Json::Null => "nothing sent yet".to_owned(),
                got => {
                    let value = format!("{} {unit}", text(&got["value"]));
                    let wire = if got["wire"] == got["value"] {
                        String::new()
                    } else {
                        format!("({})", text(&got["wire"]))
                    };
                    join(&[
                        format!("got {}", value.trim_end()),
                        wire,
                        flags(&got["flags"]),
                        format!("as {}", text(&got["as"])),
                        format!("{} ago", seconds(&got["ago_ms"])),
                    ])
                }
            };
            format!("{:<width$}  {up:<4}  {got}", text(&master["master"]))
        };
        self.lines("masters", masters.iter().map(one));
    }

    fn events(&mut self, point: &Json) {
        let events = point["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        let one = |event: &Json| join(&[text(&event["time"]), text(&event["wire"]), flags(&event["flags"])]);
        self.lines("changes", events.iter().rev().take(5).map(one));
    }
}

/// Groups of the statics and events of a type.
fn groups(kind: &str) -> (u8, u8) {
    match kind {
        "binary_input" => (1, 2),
        "binary_output_status" => (10, 11),
        "analog_output_status" => (40, 42),
        _ => (30, 32),
    }
}

fn raw(raw: &Json) -> String {
    let reported = &raw["value"];
    if reported.is_null() {
        return text(raw);
    }
    let how = if raw["event"] == true { "event" } else { "static" };
    join(&[text(reported), flags(&raw["flags"]), how.to_owned()])
}

fn value(point: &Json) -> String {
    match &point["value"] {
        Json::Null => "none".to_owned(),
        Json::Number(number) => {
            let number = number.as_f64().map_or_else(String::new, |number| format!("{number:.4}"));
            format!("{number} {}", text(&point["unit"])).trim_end().to_owned()
        }
        other => text(other),
    }
}

/// The text of a state, where the site has one.
fn state(point: &Json) -> String {
    let at = usize::from(point["value"] == true);
    if point["value"].is_boolean() { text(&point["states"][at]) } else { String::new() }
}

fn age(point: &Json) -> String {
    if point["age_ms"].is_null() {
        return String::new();
    }
    let most = if point["age_ms_max"].is_null() {
        String::new()
    } else {
        format!(" of {} allowed", seconds(&point["age_ms_max"]))
    };
    format!("{} old{most}", seconds(&point["age_ms"]))
}

fn seconds(millis: &Json) -> String {
    millis.as_f64().map_or_else(String::new, |millis| format!("{:.1} s", millis / 1_000.0))
}

fn flags(flags: &Json) -> String {
    match flags.as_array() {
        Some(flags) if flags.is_empty() => "no flags".to_owned(),
        _ => list(flags).replace(", ", "|"),
    }
}

fn texts(items: &Json) -> Vec<String> {
    items.as_array().into_iter().flatten().map(text).collect()
}

fn list(items: &Json) -> String {
    texts(items).join(", ")
}

fn join(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("  ")
}

fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Bool(state) => if *state { "true" } else { "false" }.to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let stories: Vec<Json> = serde_json::from_str(include_str!("stories.json")).unwrap();
        let told: Vec<String> = stories.iter().map(story).collect();
        let told = told.join("\n----\n");
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/point/stories.txt");
        if std::env::var_os("OPENRTD_BLESS").is_some() {
            std::fs::write(file, &told).unwrap();
        }
        assert_eq!(told, std::fs::read_to_string(file).unwrap(), "OPENRTD_BLESS=1 writes it anew");
    }

    #[test]
    fn ages_are_no_change() {
        let stories: Vec<Json> = serde_json::from_str(include_str!("stories.json")).unwrap();
        let mut later = stories[0].clone();
        later["point"]["age_ms"] = 9_999.into();
        later["point"]["masters"][0]["last_sent"]["ago_ms"] = 9_999.into();
        assert_eq!(change(&stories[0]), change(&later));
        later["point"]["reasons"] = serde_json::json!(["older than its age limit: meter"]);
        assert_ne!(change(&stories[0]), change(&later));
        assert!(
            line(&later)
                .ends_with("older than its age limit: meter  ONLINE  ems: 7.25 ONLINE  observer: nothing"),
            "{}",
            line(&later)
        );
    }
}
