//! A report for people at a terminal.

use std::fmt::Write as _;

use super::UNCONFIRMED;
use crate::judge::{Finding, Report};
use crate::profile::Profile;

/// The report as text; `verbose` adds what could not be judged.
#[must_use]
pub fn text(report: &Report, profile: &Profile, strict: bool, verbose: bool) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write_report(&mut out, report, profile, strict, verbose);
    out
}

fn write_report(
    out: &mut String,
    report: &Report,
    profile: &Profile,
    strict: bool,
    verbose: bool,
) -> std::fmt::Result {
    let head = &report.profile;
    writeln!(out, "{}: {}", report.file, report.site)?;
    writeln!(out, "  profile    {} ({})", head.id, head.edition)?;
    if let Some(overlay) = &report.overlay {
        let (confirmed, corrected) = (overlay.confirmed, overlay.corrected);
        writeln!(out, "  overlay    {}: {confirmed} entries confirmed, {corrected} of them corrected", overlay.file)?;
    }
    writeln!(out, "  as of      {}", report.as_of)?;
    writeln!(out, "  telemetry  {}", report.required.words())?;
    for finding in report.findings.iter().filter(|one| one.citable) {
        write_finding(out, finding, profile)?;
    }
    if report.findings.iter().any(|one| !one.citable) {
        writeln!(out, "\n{UNCONFIRMED}")?;
        for finding in report.findings.iter().filter(|one| !one.citable) {
            write_finding(out, finding, profile)?;
        }
    }
    if verbose && !report.not_judged.is_empty() {
        writeln!(out, "\nNot judged")?;
        for one in &report.not_judged {
            writeln!(out, "  {}  {}: {}", one.rule, one.subject, one.why)?;
        }
    }
    let sum = report.summary(strict);
    writeln!(
        out,
        "\n{}: {} errors, {} warnings, {} notes; {} unconfirmed; {} things judged by {} rules, {} not judged{}",
        if sum.failed { "FINDINGS" } else { "clean" },
        sum.errors,
        sum.warnings,
        sum.notes,
        sum.unconfirmed,
        sum.judged,
        sum.rules,
        sum.not_judged,
        if verbose || sum.not_judged == 0 { "" } else { " (--verbose tells why)" },
    )
}

fn write_finding(out: &mut String, finding: &Finding, profile: &Profile) -> std::fmt::Result {
    let (grade, wanted) =
        if finding.citable { ("", "required") } else { ("unconfirmed ", "expected") };
    writeln!(
        out,
        "\n{}:{}:{}: {grade}{}: {}: {}",
        finding.file, finding.line, finding.column, finding.severity, finding.rule, finding.title
    )?;
    writeln!(out, "    {}", finding.subject)?;
    writeln!(out, "    found     {}", finding.found)?;
    writeln!(out, "    {wanted}  {}", finding.required)?;
    if !finding.fix.is_empty() {
        writeln!(out, "    fix       {}", finding.fix)?;
    }
    writeln!(out, "    source    {}", finding.provenance(profile))
}
