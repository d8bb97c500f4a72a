//! What was found, for people (a line for each layer) or for programs (a JSON object a line), and the sum of it.

mod json;
mod text;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ieee1815::decode::explain::{Finding, Grade};
use ieee1815::decode::{Item, Reason, Stamp};
use serde_json::json;

use crate::output::say;

/// Where something was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Source {
    pub(crate) packet: Option<u64>,
    pub(crate) time: Option<Duration>,
    pub(crate) ends: Option<(SocketAddr, SocketAddr)>,
    pub(crate) transport: &'static str,
}

impl Source {
    /// The other direction.
    pub(crate) fn turned(&self) -> Self {
        Self { ends: self.ends.map(|(from, to)| (to, from)), ..*self }
    }
}

/// A capture's time, to the microsecond.
fn stamp(time: Duration) -> String {
    let whole = Stamp(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).to_string();
    format!("{}{:03}Z", whole.trim_end_matches('Z'), time.subsec_micros() % 1_000)
}

/// See the module.
pub(crate) struct Printer {
    json: bool,
    explain: bool,
    gone: bool,
    /// The head that the lines before stand under.
    head: Option<String>,
    counts: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<&'static str, u64>,
    grades: BTreeMap<Grade, u64>,
}

impl Printer {
    pub(crate) fn new(json: bool, explain: bool) -> Self {
        let counts = ["packets", "other_packets", "frames", "fragments", "skipped_octets", "unreadable"];
        Self {
            json,
            explain,
            gone: false,
            head: None,
            counts: counts.into_iter().map(|name| (name, 0)).collect(),
            reasons: BTreeMap::new(),
            grades: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str, by: usize) {
        *self.counts.entry(what).or_default() += u64::try_from(by).unwrap_or_default();
    }

    fn out(&mut self, line: &str) {
        // Whoever closed the other end wants no more; the exit code still tells.
        self.gone = self.gone || say(line).is_err();
    }

    /// Lines for people, under the head of their packet.
    fn lines(&mut self, source: &Source, lines: &[String]) {
        let head = text::head(source);
        if self.head.as_ref() != Some(&head) {
            if !head.is_empty() {
                self.out(&head);
            }
            self.head = Some(head);
        }
        lines.iter().for_each(|line| self.out(line));
    }

    pub(crate) fn packet(&mut self) {
        self.count("packets", 1);
    }

    /// A packet that is neither TCP nor UDP.
    pub(crate) fn other_packet(&mut self) {
        self.count("other_packets", 1);
    }

    /// Something below DNP3.
    pub(crate) fn event(&mut self, source: &Source, layer: &str, text: &str) {
        if self.json {
            let mut value = json::record(source, "event");
            value["layer"] = layer.into();
            value["text"] = text.into();
            self.out(&value.to_string());
        } else {
            self.lines(source, &[text::line(layer, text)]);
        }
    }

    /// A conversation that cannot be read for want of secrets.
    pub(crate) fn unreadable(&mut self, source: &Source, why: &str) {
        self.count("unreadable", 1);
        self.event(source, "tls", why);
        // Whoever gave a key log, or none, and gets no DNP3 must not take that for a quiet line.
        let text = format!("a TLS session cannot be read: {why}");
        self.findings(source, vec![warning("tls-unreadable", text)]);
    }

    /// Something about the whole input, told whether findings are asked for or not.
    pub(crate) fn remark(&mut self, code: &'static str, text: String) {
        let explain = std::mem::replace(&mut self.explain, true);
        self.findings(&Source::default(), vec![warning(code, text)]);
        self.explain = explain;
    }

    /// Whether nothing was seen that is DNP3, or may be.
    pub(crate) fn is_nothing(&self) -> bool {
        self.of("frames") == 0 && self.of("unreadable") == 0
    }

    fn of(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }

    pub(crate) fn item(&mut self, source: &Source, item: &Item) {
        match item {
            Item::Skipped { octets, .. } => self.count("skipped_octets", octets.len()),
            Item::Frame(_) => self.count("frames", 1),
            Item::Fragment(_) => self.count("fragments", 1),
            Item::Dropped { .. } => {}
        }
        for reason in reasons(item) {
            *self.reasons.entry(reason.code()).or_default() += 1;
        }
        if self.json {
            self.out(&json::item(source, item).to_string());
        } else {
            self.lines(source, &text::item(item));
        }
    }

    pub(crate) fn findings(&mut self, source: &Source, findings: Vec<Finding>) {
        for finding in findings {
            *self.grades.entry(finding.grade).or_default() += 1;
            if !self.explain {
                continue;
            }
            if self.json {
                self.out(&json::finding(source, &finding).to_string());
            } else {
                let line = format!("  => {}: {} [{}]", finding.grade, finding.text, finding.code);
                self.lines(source, &[line]);
            }
        }
    }

    /// The sum of it. Gives the number of errors.
    pub(crate) fn end(mut self) -> u64 {
        let of = |grade| self.grades.get(&grade).copied().unwrap_or_default();
        let (notes, warnings, errors) = (of(Grade::Note), of(Grade::Warning), of(Grade::Error));
        if self.json {
            let mut value = json!({ "kind": "summary" });
            for (name, count) in &self.counts {
                value[*name] = (*count).into();
            }
            value["reasons"] = json!(self.reasons);
            value["notes"] = notes.into();
            value["warnings"] = warnings.into();
            value["errors"] = errors.into();
            self.out(&value.to_string());
        } else {
            let some = |what, text: &str| match self.of(what) {
                0 => String::new(),
                count => format!(", {count} {text}"),
            };
            let line = format!(
                "{} packets{}, {} frames, {} fragments{}: {errors} errors, {warnings} warnings, {notes} notes",
                self.of("packets"),
                some("other_packets", "of them neither TCP nor UDP"),
                self.of("frames"),
                self.of("fragments"),
                some("unreadable", "TLS sessions not readable"),
            );
            self.out(&line);
        }
        errors
    }
}

/// A finding about what carries DNP3.
fn warning(code: &'static str, text: String) -> Finding {
    Finding { at: Duration::ZERO, grade: Grade::Warning, code, text, ends: None }
}

/// Everything that is wrong with an item.
fn reasons(item: &Item) -> Vec<Reason> {
    let fragment = match item {
        Item::Skipped { reason, .. } | Item::Dropped { reason, .. } => return vec![*reason],
        Item::Frame(frame) => return frame.problem.into_iter().collect(),
        Item::Fragment(fragment) => fragment,
    };
    let application = match fragment.application() {
        Ok(application) => application,
        Err(reason) => return vec![reason],
    };
    let mut reasons: Vec<Reason> = application.problem().into_iter().collect();
    for block in application.blocks() {
        match block {
            Ok(block) => {
                reasons.extend(block.problem);
                reasons.extend(block.objects().filter_map(|object| object.problem));
            }
            Err(unreadable) => reasons.push(unreadable.reason),
        }
    }
    reasons
}
