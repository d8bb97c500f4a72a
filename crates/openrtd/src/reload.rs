//! `openrtd plan` and `apply`: another site file for the device that runs. The running device reads the file itself;
//! this side reads it first, so that what is wrong with it is told where it was written, whether a device runs or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Problem, Source};
use ieee1815_tokio::TlsError;
use rtd::reload::{Candidate, Finding, Needs, Reader, Setup, sha256};
use rulebook::profile::Severity;
use serde_json::{Value, json};
use site::Site;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::cli;
use crate::exit::Failure;
use crate::local::ask;
use crate::output::say;
use crate::profile::{InForce, RunningSite, site_of};
use crate::rules;
use crate::rules::cli::Book;

/// A site file as the device runs it, with what it breaks of its profile's rules.
fn candidate(file: &Path) -> Result<(Candidate, InForce), Failure> {
    let source = Source::read(file)?;
    let RunningSite { site, rules: in_force, configuration } = site_of(&source)?;
    let admitted = site.masters.iter().flat_map(|master| master.admit.clone()).collect();
    let server = site.tls.clone().admitting(admitted).server();
    server.map_err(|error| Failure::Input(unusable(&source, &site, &error).to_string()))?;
    let findings = rules::judged_source(&source, &Book::default(), None)?.report.findings;
    let findings = findings
        .into_iter()
        .filter(|finding| finding.severity != Severity::Note)
        .map(|one| {
            let field = unplaced(&one.field);
            Finding {
                of: format!("{}: {}: {field}", one.rule, one.subject),
                text: format!(
                    "{}: {}: {field}: found {}, required {}",
                    one.rule, one.subject, one.found, one.required
                ),
            }
        })
        .collect();
    let candidate = Candidate { site, findings, sha256: sha256(source.text().as_bytes()), configuration };
    Ok((candidate, in_force))
}

/// What is wrong with the files of `[tls]`, at the place that names the file.
fn unusable(source: &Source, site: &Site, error: &TlsError) -> Problem {
    let tls = &site.tls;
    let field = match error.file() {
        Some(file) if *file == tls.key => "tls.key",
        Some(file) if *file == tls.certificate => "tls.certificate",
        Some(file) if tls.trust_anchors.iter().any(|one| one == file) => "tls.trust_anchors",
        Some(file) if tls.crls.iter().any(|one| one == file) => "tls.crls",
        _ => "tls",
    };
    Problem { at: source.places().at(field), ..source.whole(field, error.to_string()) }
}

/// A field without the places in its path: they move with every edit above it.
fn unplaced(field: &str) -> String {
    let mut parts = field.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(']').map_or("", |(_, rest)| rest))
}

/// What the running device needs to take another site, and the site that it starts with.
pub(crate) fn setup(file: &Path) -> Result<(Site, InForce, Setup), Failure> {
    let (first, in_force) = candidate(file)?;
    let reader: Reader = Arc::new(|file: PathBuf| match candidate(&file) {
        Ok((candidate, _)) => Ok(candidate),
        Err(failure) => Err(failure.to_string()),
    });
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::failed)?;
    let (told, hangups) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // One that waits already reads what is there when its turn comes.
            let _ = told.try_send(());
        }
    });
    let Candidate { site, findings, sha256, configuration } = first;
    Ok((site, in_force, Setup { findings, sha256, configuration, reader, hangups }))
}

/// `openrtd plan`.
pub(crate) async fn plan(arguments: &cli::Plan) -> Result<(), Failure> {
    let answer = asked(arguments, json!({ "do": "plan" })).await?;
    show(&answer, &answer, arguments.json, "");
    Ok(())
}

/// `openrtd apply`.
pub(crate) async fn apply(arguments: &cli::Apply) -> Result<(), Failure> {
    let cli::Apply { plan, rescale, plan_hash } = arguments;
    let answer = asked(plan, json!({ "do": "apply", "rescale": rescale, "plan": plan_hash })).await?;
    let made = answer.get("plan").unwrap_or(&Value::Null);
    if let Some(why) = answer.get("refused").and_then(Value::as_str) {
        if plan.json {
            // A reader that went away does not change what was refused.
            let _ = say(&answer.to_string());
        }
        return Err(Failure::Failed(why.to_owned()));
    }
    show(&answer, made, plan.json, "applied ");
    Ok(())
}

/// Asks the running device about a site file that can be run.
async fn asked(arguments: &cli::Plan, mut request: Value) -> Result<Value, Failure> {
    let (site, _) = candidate(&arguments.file)?;
    let file = std::path::absolute(&arguments.file).map_err(Failure::failed)?;
    if let Some(fields) = request.as_object_mut() {
        fields.insert("file".to_owned(), json!(file));
    }
    let socket = arguments.socket.as_ref().unwrap_or(&site.site.socket);
    let start = format!("openrtd run {}", arguments.file.display());
    let answer = ask(socket, "device", &start, &request).await?;
    match answer.get("invalid").and_then(Value::as_str) {
        Some(problems) => Err(Failure::Input(problems.to_owned())),
        None => Ok(answer),
    }
}

/// Shows a plan, or all of an answer as JSON.
fn show(answer: &Value, plan: &Value, json: bool, done: &str) {
    let text = if json { answer.to_string() } else { format!("{done}{}", words(plan)) };
    // A reader that went away does not change what was done.
    let _ = say(&text);
}

/// A plan for people.
fn words(plan: &Value) -> String {
    let list = |of: &Value, field: &str| of.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |of: &Value, field: &str| of.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines = vec![format!("plan {}", text(plan, "plan"))];
    let changes = list(plan, "changes");
    if changes.is_empty() {
        lines.push("nothing would change: the device runs this already".to_owned());
    }
    for change in &changes {
        let needs = match text(change, "needs").as_str() {
            "rescale" => Needs::Rescale,
            "restart" => Needs::Restart,
            _ => Needs::Nothing,
        };
        let told = text(change, "text");
        let told = if told.is_empty() { told } else { format!(": {told}") };
        let (what, id, deed) = (text(change, "what"), text(change, "id"), text(change, "deed"));
        lines.push(format!("  {what} {id} {deed}{told}{}", needs.words()));
    }
    for (field, head) in [("broken", "rules newly broken:"), ("mended", "rules no longer broken:")] {
        let rules = list(plan, field);
        if !rules.is_empty() {
            lines.push(head.to_owned());
            lines.extend(rules.iter().map(|rule| format!("  {}", rule.as_str().unwrap_or_default())));
        }
    }
    lines.push(
        match text(plan, "needs").as_str() {
            "restart" => "needs a restart: `openrtd apply` refuses it",
            "rescale" => {
                "the ISO reads wrong values until its own data base follows: `openrtd apply --rescale` does it all the same"
            }
            _ => "all of it is done while the device runs",
        }
        .to_owned(),
    );
    lines.join("\n")
}
