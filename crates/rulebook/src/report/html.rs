//! A report as one page: no script, no font and no picture from elsewhere, so that it can go into a file of papers.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::UNCONFIRMED;
use crate::judge::{Finding, Report};
use crate::profile::Profile;

/// How our pages look: grey ground, colour for the abnormal only.
pub const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;\
color:#222;background:#f4f4f4}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}\
table{border-collapse:collapse;width:100%;background:#fff}th,td{border:1px solid #ccc;padding:.35rem .5rem;\
text-align:left;vertical-align:top}th{background:#e8e8e8}code{font-family:ui-monospace,monospace}\
.error{background:#b3261e;color:#fff}.warning{background:#f2c94c}.note{background:#ddd}\
.unconfirmed td{background:#fafafa;color:#444;font-style:italic}small{color:#555}\
@media print{body{background:#fff;margin:0;max-width:none}tr{break-inside:avoid}}";

/// The report as a page.
#[must_use]
pub fn html(report: &Report, profile: &Profile, strict: bool) -> String {
    let sum = report.summary(strict);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Check of " (report.site) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Check of " (report.site) }
                table {
                    tr { th { "File" } td { code { (report.file) } } }
                    tr { th { "Profile" } td { (report.profile.words()) br; small { (report.profile.title) ". " (report.profile.notice) } } }
                    @if let Some(overlay) = &report.overlay {
                        tr { th { "Overlay" } td { code { (overlay.file) } ": " (overlay.words()) } }
                    }
                    tr { th { "As of" } td { (report.as_of) } }
                    tr { th { "Telemetry" } td { (report.required.words()) } }
                    @if let Some(too) = &report.expected_too {
                        tr { th {} td { (too.words()) } }
                    }
                    tr { th { "Result" } td {
                        @if sum.failed { b { "findings" } } @else { b { "clean" } }
                        ": " (sum.words())
                    } }
                }
                h2 { "Findings" }
                (findings(report.findings.iter().filter(|one| one.citable), profile, "required"))
                h2 { (UNCONFIRMED) }
                (findings(report.findings.iter().filter(|one| !one.citable), profile, "expected"))
                @if let Some(overlay) = &report.overlay {
                    h2 { "Confirmed against " (overlay.document) }
                    table {
                        tr { th { "Entry" } th { "Clause" } th { "Page" } th { "By" } th { "Value" } }
                        @for one in &overlay.entries {
                            tr {
                                td { code { (one.id) } }
                                td { (one.clause) }
                                td { (one.page) }
                                td { (one.by) ", " (one.on) }
                                td { @if let Some(value) = &one.value { (value) } @else { "as here" } }
                            }
                        }
                    }
                }
                @if !report.not_judged.is_empty() {
                    h2 { "Not judged" }
                    table {
                        tr { th { "Rule" } th { "Of" } th { "Why" } }
                        @for one in &report.not_judged {
                            tr { td { code { (one.rule) } (one.doubt()) } td { (one.subject) } td { (one.why) } }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn findings<'a>(list: impl Iterator<Item = &'a Finding>, profile: &Profile, wanted: &str) -> Markup {
    let list: Vec<_> = list.collect();
    if list.is_empty() {
        return html! { p { "None." } };
    }
    html! {
        table {
            tr { th { "Place" } th { "Grade" } th { "Rule" } th { "Found" } th { (wanted) } th { "Fix" } }
            @for one in list {
                tr class=(if one.citable { "" } else { "unconfirmed" }) {
                    td { code { (one.line) ":" (one.column) } br; (one.subject) }
                    td class=(if one.citable { one.severity.text() } else { "note" }) { @if !one.citable { "unconfirmed " } (one.severity.text()) }
                    td { code { (one.rule) } br; (one.title) br; small { (one.provenance(profile)) } }
                    td { (one.found) }
                    td { (one.required) }
                    td { (one.fix) }
                }
            }
        }
    }
}
