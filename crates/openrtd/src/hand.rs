//! `openrtd force`, `inhibit` and `release`: what people at the plant do to a point of the running device by hand.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use config::Source;
use serde_json::{Value as Json, json};

use crate::exit::Failure;
use crate::local;
use crate::output::say;
use crate::points;

/// What is done to which point of which site.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// The site file of the running device
    pub(crate) site: PathBuf,
    /// The point's id
    pub(crate) point: String,
    #[command(flatten)]
    words: Words,
}

/// Who does it, and why.
#[derive(Debug, Args)]
pub(crate) struct Words {
    /// Why; goes into the log of events
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Who; goes into the log of events [default: whoever is logged in]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// The answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Force {
    #[command(flatten)]
    order: Order,
    /// In the point's unit, or true or false
    #[arg(allow_negative_numbers = true, value_parser = value)]
    value: Json,
    /// For how long: 90s, 30m, 2h, 1d; a week at most
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = time)]
    lasts: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Inhibit {
    #[command(flatten)]
    order: Order,
    /// For how long: 90s, 30m, 2h, 1d; a week at most
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = time)]
    lasts: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    #[command(flatten)]
    order: Order,
}

fn value(text: &str) -> Result<Json, String> {
    match text {
        "true" | "on" => return Ok(json!(true)),
        "false" | "off" => return Ok(json!(false)),
        _ => {}
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(|number| json!(number)).ok_or_else(|| "a number, true or false".to_owned())
}

fn time(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| "a time such as 90s, 30m, 2h or 1d".to_owned())?;
    let span = Duration::try_from(span).map_err(|_| "a time from now on".to_owned())?;
    if span.as_secs() == 0 || span > rtd::LASTS_MAX {
        return Err(format!("1 s to {} days", rtd::LASTS_MAX.as_secs() / 86_400));
    }
    Ok(span)
}

pub(crate) async fn force(arguments: &Force) -> Result<(), Failure> {
    let more = json!({ "value": arguments.value, "for_s": arguments.lasts.as_secs() });
    by_hand("force", &arguments.order, more).await
}

pub(crate) async fn inhibit(arguments: &Inhibit) -> Result<(), Failure> {
    by_hand("inhibit", &arguments.order, json!({ "for_s": arguments.lasts.as_secs() })).await
}

pub(crate) async fn release(arguments: &Release) -> Result<(), Failure> {
    by_hand("release", &arguments.order, json!({})).await
}

async fn by_hand(word: &str, to: &Order, request: Json) -> Result<(), Failure> {
    order(word, &to.site, &to.point, &to.words, request).await
}

/// Sends an order to the running device of a site.
pub(crate) async fn order(
    word: &str,
    site: &Path,
    point: &str,
    words: &Words,
    mut request: Json,
) -> Result<(), Failure> {
    let who = words.who.clone().or_else(logged_in);
    let who = who.ok_or_else(|| Failure::Input("nobody is logged in: say who with --who".to_owned()))?;
    let source = Source::read(site)?;
    let socket = points::site(&source)?.socket;
    for (name, text) in [("do", word), ("point", point), ("who", &who), ("why", &words.why)] {
        if let Some(fields) = request.as_object_mut() {
            fields.insert(name.to_owned(), json!(text));
        }
    }
    let start = format!("openrtd run {}", site.display());
    let answer = local::ask(&socket, "device", &start, &request).await?;
    let state = answer.get("state").and_then(Json::as_str).unwrap_or("done");
    let told = match answer.get("for_s").and_then(Json::as_u64) {
        _ if words.json => answer.to_string(),
        Some(seconds) => format!("{point}: {state} for {seconds} s, by {who}: {}", words.why),
        None => format!("{point}: {}", in_words(word, state)),
    };
    // A reader that went away does not change what the device did.
    let _ = say(&told);
    Ok(())
}

/// What was done, with what it means from now on.
fn in_words<'a>(word: &str, state: &'a str) -> &'a str {
    match (word, state) {
        ("control", "taken") => "held here, the ISO is refused until it is given back (`release`)",
        ("control", "given-back") => "given back, the ISO's next command is taken",
        ("control", "local") => "the plant's own control has it, the ISO's next command is taken",
        ("control", "schedule") => "the schedule has it, until the ISO's next command",
        (_, other) => other,
    }
}

/// Whoever runs this, by name or, where the environment has none (cron, a container), by number.
fn logged_in() -> Option<String> {
    let named = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let mut named = named.filter(|name| !name.trim().is_empty());
    named.next().or_else(|| Some(format!("uid {}", std::fs::metadata("/proc/self").ok()?.uid())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_times_are_read_as_people_write_them() {
        assert_eq!(value("-1.5"), Ok(json!(-1.5)));
        assert_eq!((value("on"), value("false")), (Ok(json!(true)), Ok(json!(false))));
        assert!(value("nan").is_err() && value("open").is_err() && value("").is_err());
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("1h 30m"), Ok(Duration::from_secs(5_400)));
        assert!(time("0s").is_err() && time("-5m").is_err() && time("8d").is_err() && time("soon").is_err());
    }
}
