//! A report as SARIF 2.1.0, for editors and code hosts that show findings at their lines.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::judge::{Finding, Report};
use crate::profile::{Profile, Severity};

/// The report as a SARIF log. Unconfirmed findings are of level `note` unless `strict`.
#[must_use]
pub fn sarif(report: &Report, profile: &Profile, strict: bool) -> Value {
    let used: BTreeSet<_> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
    let rules: Vec<_> = profile
        .entries()
        .filter(|entry| used.contains(entry.id.as_str()))
        .map(|entry| {
            json!({
                "id": entry.id,
                "shortDescription": { "text": unconfirmed(entry.certainty().is_citable(), &entry.title) },
                "fullDescription": { "text": unconfirmed(entry.certainty().is_citable(), entry.why.as_deref().unwrap_or(&entry.title)) },
                "help": { "text": format!("{} [{}]", entry.fix.as_deref().unwrap_or(""), entry.provenance()) },
                "properties": {
                    "section": entry.section,
                    "clause": entry.clause,
                    "tag": entry.certainty(),
                    "sources": entry.sources,
                },
            })
        })
        .collect();
    let results: Vec<_> = report.findings.iter().map(|finding| result(finding, strict)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "openrtd check",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                }
            },
            "columnKind": "unicodeCodePoints",
            "properties": {
                "profile": report.profile,
                "overlay": report.overlay,
                "asOf": report.as_of,
                "summary": report.summary(strict),
            },
            "results": results,
        }],
    })
}

fn result(finding: &Finding, strict: bool) -> Value {
    let level = match finding.severity {
        _ if !finding.citable && !strict => "note",
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let wanted = if finding.citable { "required" } else { "expected" };
    let fix = if finding.fix.is_empty() { String::new() } else { format!(" Fix: {}.", finding.fix) };
    let text = format!(
        "{}. Of {}: found {}; {wanted}: {}.{fix}",
        finding.title, finding.subject, finding.found, finding.required
    );
    json!({
        "ruleId": finding.rule,
        "level": level,
        "message": { "text": unconfirmed(finding.citable, &text) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": uri(&finding.file) },
                "region": { "startLine": finding.line, "startColumn": finding.column },
            }
        }],
        "properties": {
            "tag": finding.tag,
            "citable": finding.citable,
            "clause": finding.clause,
            "sources": finding.sources,
            "confirmed": finding.confirmed,
        },
    })
}

fn unconfirmed(citable: bool, text: &str) -> String {
    if citable { text.to_owned() } else { format!("Unconfirmed: {text}") }
}

/// A path as a relative or absolute URI reference.
fn uri(file: &str) -> String {
    file.bytes()
        .map(|octet| match octet {
            b'/' | b'.' | b'-' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                char::from(octet).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
