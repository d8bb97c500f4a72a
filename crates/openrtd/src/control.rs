//! `openrtd control`: who commands the set points of the running device, and the operator's say about it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use config::Source;
use serde_json::{Value as Json, json};

use crate::exit::Failure;
use crate::hand::{Words, order};
use crate::local::{self, word};
use crate::output::say;
use crate::points;

#[derive(Debug, Args)]
pub(crate) struct Control {
    /// The site file of the running device
    site: PathBuf,
    #[command(subcommand)]
    way: Way,
}

#[derive(Debug, Subcommand)]
enum Way {
    /// Who commands each set point, what is held and in force, and what holds it back
    Status {
        /// The answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Hold a set point here: the plant's own control has it, and the ISO is refused (status 7)
    Take(Whose),
    /// Give it back: the ISO's next command is taken
    Release(Whose),
    /// End whoever's ownership there is; the ISO's next command is taken
    Local(Whose),
    /// Put the site's schedule in charge, until the ISO's next command takes it over again
    Schedule(Whose),
}

#[derive(Debug, Args)]
struct Whose {
    /// The set point's id; not needed where the site has one only
    point: Option<String>,
    #[command(flatten)]
    words: Words,
}

/// See the module.
pub(crate) async fn control(arguments: &Control) -> Result<(), Failure> {
    let (word, whose) = match &arguments.way {
        Way::Status { json } => return status(arguments, *json).await,
        Way::Take(whose) => ("take", whose),
        Way::Release(whose) => ("release", whose),
        Way::Local(whose) => ("local", whose),
        Way::Schedule(whose) => ("schedule", whose),
    };
    let site = points::site(&Source::read(&arguments.site)?)?;
    let ids: Vec<&str> = site.setpoints.iter().map(|one| one.point.id.as_str()).collect();
    let point = match (&whose.point, ids.as_slice()) {
        (Some(point), _) => point.as_str(),
        (None, [one]) => one,
        (None, []) => return Err(Failure::Input("the site has no set point".to_owned())),
        (None, _) => return Err(Failure::Input(format!("which set point? {}", ids.join(", ")))),
    };
    order("control", &arguments.site, point, &whose.words, json!({ "way": word })).await
}

async fn status(arguments: &Control, as_json: bool) -> Result<(), Failure> {
    let site = points::site(&Source::read(&arguments.site)?)?;
    let start = format!("openrtd run {}", arguments.site.display());
    let answer = local::ask(&site.socket, "device", &start, &json!({ "do": "status" })).await?;
    let setpoints = answer.get("setpoints").cloned().unwrap_or_default();
    let told = if as_json { setpoints.to_string() } else { told(&setpoints) };
    // A reader that went away asks for no more.
    let _ = say(told.trim_end());
    Ok(())
}

fn told(setpoints: &Json) -> String {
    let mut text = String::new();
    for one in setpoints.as_array().into_iter().flatten() {
        let word = |name: &str| one.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| {
            let number = one.get(name).and_then(Json::as_f64);
            number.map_or_else(|| "-".to_owned(), |number| format!("{number:.3}"))
        };
        let is = |name: &str| one.get(name).and_then(Json::as_bool);
        let owner = match (word("authority"), word("owner")) {
            (authority, owner) if owner.is_empty() => authority,
            (authority, owner) => format!("{authority} ({owner})"),
        };
        let unit = word("unit");
        let held = if is("held_here") == Some(true) { ", held by the operator" } else { "" };
        // Writing to a text does not fail.
        let _ = writeln!(text, "{}: {owner}{held}", word("point"));
        let _ = writeln!(
            text,
            "  held {}, in force {}{}, the plant does {} {unit}{}",
            number("held"),
            number("feedback"),
            not_good(one, "feedback_reasons"),
            number("actual"),
            not_good(one, "actual_reasons")
        );
        text.push_str(&away(one));
        if is("waits") == Some(true) {
            text.push_str("  waits for the next reading of what the plant does, and tells the devices nothing until then\n");
        }
        let way = words_of(one, "in_the_way");
        if !way.is_empty() {
            let _ = writeln!(text, "  in the way: {}", together(&way).join("; "));
        }
        let counted = one.get("counted").and_then(Json::as_array).into_iter().flatten();
        let counted: Vec<(String, f64)> = counted
            .filter_map(|one| Some((one.get("device")?.as_str()?.to_owned(), one.get("part")?.as_f64()?)))
            .collect();
        // What is in the way says it already where it is, and so does what it counts for.
        let silent = words_of(one, "silent");
        let silent: Vec<String> = silent
            .into_iter()
            .filter(|name| !way.iter().any(|way| way.contains(&format!("`{name}`"))))
            .filter(|name| !counted.iter().any(|(counted, _)| counted == name))
            .collect();
        if !silent.is_empty() {
            let _ = writeln!(text, "  does not answer: {}", silent.join(", "));
        }
        let guessed = words_of(one, "guessed");
        for (name, part) in counted {
            let guess = if guessed.contains(&name) { ", which is a guess" } else { "" };
            let _ = writeln!(text, "  not heard of: {name} counts for {part:.3} {unit}{guess}");
        }
        if !word("clamp").is_empty() {
            let _ = writeln!(text, "  held back by: {} (output {} {unit})", word("clamp"), number("output"));
        }
        if one.get("short").and_then(Json::as_f64).is_some_and(|short| short != 0.0) {
            let _ = writeln!(text, "  the devices cannot do: {} {unit}", number("short"));
        }
        let last = if is("aux_good") == Some(false) { " (not good: this is the last good one)" } else { "" };
        let unanswered = if is("answers") == Some(false) { " (the frequency is not answered)" } else { "" };
        let parts = [
            ("aux", "auxiliary load", last),
            ("trim", "correction at the meter", ""),
            ("response", "primary response", unanswered),
        ];
        for (name, words, more) in parts {
            // Where the site has none of it, nothing is said of it.
            if one.get(name).is_some_and(Json::is_number) {
                let _ = writeln!(text, "  {words}: {} {unit}{more}", number(name));
            }
        }
        // What the other alarms say is said already.
        for kind in ["kept", "primary"] {
            if let Some(alarm) = one.pointer(&format!("/alarms/{kind}")).and_then(Json::as_str) {
                let _ = writeln!(text, "  {alarm}");
            }
        }
        text.push_str(&score(one, &unit));
        if is("follows") == Some(false) {
            let _ = writeln!(text, "  the plant does not follow what is in force");
        }
    }
    if text.is_empty() { "the site has no set point".to_owned() } else { text }
}

/// What becomes of it where the owner's session stays away.
fn away(one: &Json) -> String {
    let Some(away) = one.get("away").filter(|away| away.is_object()) else { return String::new() };
    let word = |of: &Json, name: &str| of.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let time = |name: &str| word(away, name).get(11..19).unwrap_or("?").to_owned();
    let then = match word(away, "then").as_str() {
        "schedule" => "the schedule gets it",
        "fallback" => "the output stays where it is, and nobody commands it",
        _ => "the plant's own control gets it back",
    };
    format!(
        "  the session of {} is away since {} UTC; if it is not back by {}, {then}\n",
        word(one, "owner"),
        time("since"),
        time("ends")
    )
}

/// What is not good for the same reason, in one: a device that is silent takes many points with it.
fn together(way: &[String]) -> Vec<String> {
    let mut told: Vec<(Vec<&str>, Option<&str>)> = Vec::new();
    for words in way {
        let (what, why) = words
            .split_once(" is not good: ")
            .map_or((words.as_str(), None), |(what, why)| (what, Some(why)));
        match told.iter_mut().find(|(_, other)| why.is_some() && *other == why) {
            Some((whats, _)) => whats.push(what),
            None => told.push((vec![what], why)),
        }
    }
    let words = |(whats, why): (Vec<&str>, Option<&str>)| match (why, whats.len()) {
        (None, _) => whats.join(", "),
        (Some(why), 1) => format!("{} is not good: {why}", whats.join(", ")),
        (Some(why), _) => format!("{} are not good: {why}", whats.join(", ")),
    };
    told.into_iter().map(words).collect()
}

/// A list of texts, or of reasons.
fn words_of(one: &Json, name: &str) -> Vec<String> {
    one.get(name).and_then(Json::as_array).into_iter().flatten().map(word).collect()
}

/// What is said beside a value that is not good.
fn not_good(one: &Json, name: &str) -> String {
    let reasons = words_of(one, name);
    if reasons.is_empty() { String::new() } else { format!(" (not good: {})", reasons.join(", ")) }
}

/// How well it was followed, where it is scored: since the start, in the last window that is over, and in the one under
/// way.
fn score(one: &Json, unit: &str) -> String {
    let mut text = String::new();
    let Some(score) = one.get("score").filter(|score| score.is_object()) else { return text };
    let step_ms = score.get("step_ms").and_then(Json::as_f64).unwrap_or_default();
    for (name, words) in
        [("since_start", "since the start"), ("last", "last window"), ("open", "window under way")]
    {
        let Some(part) = score.get(name).filter(|part| part.is_object()) else { continue };
        let number = |name: &str| part.get(name).and_then(Json::as_f64);
        let percent = |name: &str| {
            number(name).map_or_else(|| "none".to_owned(), |share| format!("{:.1} %", share * 100.0))
        };
        let delay = number("delay_steps")
            .map_or_else(String::new, |steps| format!(", delay {} s", steps * step_ms / 1_000.0));
        let which = match part.get("windows").and_then(Json::as_object) {
            Some(windows) => match windows.values().filter_map(Json::as_u64).sum::<u64>() {
                0 => " (no window is over yet)".to_owned(),
                1 => " (1 window)".to_owned(),
                over => format!(" ({over} windows)"),
            },
            None => part
                .get("verdict")
                .and_then(Json::as_str)
                .map_or_else(String::new, |word| format!(" ({word})")),
        };
        // All windows together have no delay, and so no precision.
        let precision = part
            .get("precision")
            .map_or_else(String::new, |_| format!(", precision {}", percent("precision")));
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "  score, {words}{which}: accuracy {}{delay}{precision}, mileage {:.2} {unit}",
            percent("accuracy"),
            number("mileage").unwrap_or_default()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_in_words() {
        let one = json!([{ "point": "bess", "authority": "iso", "owner": "ems", "held_here": false, "held": 4.0,
            "feedback": 2.5, "actual": 2.4, "clamp": "ramp", "output": 2.6, "short": 0.0, "trim": 0.1,
            "response": -0.2, "answers": false, "follows": true, "unit": "MW" }]);
        assert_eq!(
            told(&one),
            "bess: iso (ems)\n  held 4.000, in force 2.500, the plant does 2.400 MW\n  \
             held back by: ramp (output 2.600 MW)\n  correction at the meter: 0.100 MW\n  \
             primary response: -0.200 MW (the frequency is not answered)\n"
        );
        let parts = json!([{ "point": "bess", "authority": "local", "held": 4.0, "feedback": 4.0, "actual": 4.0,
            "short": 0.0, "aux": 0.3, "aux_good": false, "trim": 0.0, "response": null, "answers": null, "unit": "MW" }]);
        assert_eq!(
            told(&parts),
            "bess: local\n  held 4.000, in force 4.000, the plant does 4.000 MW\n  \
             auxiliary load: 0.300 MW (not good: this is the last good one)\n  correction at the meter: 0.000 MW\n"
        );
        assert_eq!(told(&json!([])), "the site has no set point");
        let refused = json!([{ "point": "bess", "authority": "local", "held": 4.0, "feedback": null, "actual": 2.4,
            "unit": "MW", "feedback_reasons": ["source-dead: bess"], "actual_reasons": ["source-dead: bess"],
            "waits": true, "alarms": { "kept": "asked again: inv2", "short": "said already" },
            "in_the_way": ["`plant.remote` is false", "`bess` does not answer"], "silent": ["bess", "inv2"] }]);
        assert_eq!(
            told(&refused),
            "bess: local\n  held 4.000, in force - (not good: source-dead: bess), the plant does 2.400 MW (not good: \
             source-dead: bess)\n  waits for the next reading of what the plant does, and tells the devices nothing until \
             then\n  in the way: `plant.remote` is false; `bess` does not answer\n  \
             does not answer: inv2\n  asked again: inv2\n"
        );
        let counted = json!([{ "point": "poi", "authority": "iso", "held": 4.0, "feedback": 4.0, "actual": 4.0,
            "unit": "MW", "silent": ["inv2", "inv3"], "counted": [{ "device": "inv2", "part": 1.5 }] }]);
        assert_eq!(
            told(&counted),
            "poi: iso\n  held 4.000, in force 4.000, the plant does 4.000 MW\n  does not answer: inv3\n  \
             not heard of: inv2 counts for 1.500 MW\n"
        );
        let mut guessed = counted;
        guessed[0]["guessed"] = json!(["inv2"]);
        assert!(
            told(&guessed).contains("inv2 counts for 1.500 MW, which is a guess\n"),
            "{}",
            told(&guessed)
        );
        let window = json!({ "verdict": "below", "accuracy": 0.853, "delay_steps": 2, "precision": 0.99,
            "mileage": 12.5 });
        let scored = json!([{ "point": "bess", "authority": "local", "unit": "MW",
            "score": { "step_ms": 4000, "last": window,
                "open": { "verdict": null, "accuracy": null, "precision": null },
                "since_start": { "windows": { "good": 2, "below": 1 }, "accuracy": 0.95, "mileage": 40.25 } } }]);
        let told = told(&scored);
        assert!(
            told.contains(
                "  score, since the start (3 windows): accuracy 95.0 %, mileage 40.25 MW\n  \
             score, last window (below): accuracy 85.3 %, delay 8 s, precision 99.0 %, mileage 12.50 MW\n  \
             score, window under way: accuracy none, precision none, mileage 0.00 MW\n"
            ),
            "{told}"
        );
    }

    #[test]
    fn many_points_of_one_cause_are_told_together() {
        let way = [
            "`a` is not good: source does not answer: bess",
            "`b` is not good: never read since start",
            "`c` is not good: source does not answer: bess",
            "`bess` does not answer",
            "the operator holds it",
        ];
        assert_eq!(
            together(&way.map(str::to_owned)),
            [
                "`a`, `c` are not good: source does not answer: bess",
                "`b` is not good: never read since start",
                "`bess` does not answer",
                "the operator holds it"
            ]
        );
    }

    #[test]
    fn a_session_that_is_away_is_told_with_what_comes_then() {
        for (then, words) in [
            ("local", "the plant's own control gets it back"),
            ("schedule", "the schedule gets it"),
            ("fallback", "the output stays where it is, and nobody commands it"),
        ] {
            let one = json!([{ "point": "bess", "authority": "iso", "owner": "ems", "unit": "MW",
                "away": { "since": "2026-11-26T07:45:12.000Z", "ends": "2026-11-26T07:45:42.000Z", "then": then } }]);
            let told = told(&one);
            let wanted = format!(
                "  the session of ems is away since 07:45:12 UTC; if it is not back by 07:45:42, {words}\n"
            );
            assert!(told.contains(&wanted), "{told}");
        }
    }
}
