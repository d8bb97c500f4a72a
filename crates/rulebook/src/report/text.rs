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
    // What a file holds may be meant for the terminal that shows it.
    out.chars()
        .flat_map(|letter| {
            let hostile = letter.is_control() && letter != '\n';
            let escaped = hostile.then(|| letter.escape_default());
            escaped.into_iter().flatten().chain((!hostile).then_some(letter))
        })
        .collect()
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
    writeln!(out, "  profile    {}", head.words())?;
    if let Some(overlay) = &report.overlay {
        writeln!(out, "  overlay    {}: {}", overlay.file, overlay.words())?;
        for one in &overlay.entries {
            let was = profile.entry(&one.id).and_then(|entry| entry.corrected_from.as_ref());
            if let (Some(value), Some(was)) = (&one.value, was) {
                writeln!(
                    out,
                    "             {}: {value}, was {was} (by {}, page {})",
                    one.id, one.by, one.page
                )?;
            }
        }
    }
    writeln!(out, "  as of      {}", report.as_of)?;
    writeln!(out, "  telemetry  {}", report.required.words())?;
    if let Some(too) = &report.expected_too {
        writeln!(out, "             {}", too.words())?;
    }
    write_findings(out, report.findings.iter().filter(|one| one.citable), profile)?;
    if report.findings.iter().any(|one| !one.citable) {
        writeln!(out, "\n{UNCONFIRMED}")?;
        write_findings(out, report.findings.iter().filter(|one| !one.citable), profile)?;
    }
    if verbose && !report.not_judged.is_empty() {
        writeln!(out, "\nNot judged")?;
        for one in &report.not_judged {
            writeln!(out, "  {}{}  {}: {}", one.rule, one.doubt(), one.subject, one.why)?;
        }
    }
    let sum = report.summary(strict);
    writeln!(
        out,
        "\n{}: {}{}",
        if sum.failed { "FINDINGS" } else { "clean" },
        sum.words(),
        if verbose || sum.not_judged == 0 { "" } else { " (--verbose tells why)" },
    )
}

/// A rule once, then every place: fifty points of one kind are one thing to mend.
fn write_findings<'a>(
    out: &mut String,
    findings: impl Iterator<Item = &'a Finding>,
    profile: &Profile,
) -> std::fmt::Result {
    let mut groups: Vec<(&Finding, Vec<&Finding>)> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|(first, _)| first.rule == finding.rule && first.tag == finding.tag) {
            Some((_, group)) => group.push(finding),
            None => groups.push((finding, vec![finding])),
        }
    }
    groups.sort_by_key(|(first, _)| std::cmp::Reverse(first.severity));
    for (first, group) in groups {
        let (grade, wanted) = if first.citable { ("", "required") } else { ("unconfirmed ", "expected") };
        writeln!(out, "\n{grade}{}: {}: {}", first.severity, first.rule, first.title)?;
        writeln!(out, "  source  {}", first.provenance(profile))?;
        if !first.fix.is_empty() {
            writeln!(out, "  fix     {}", first.fix)?;
        }
        for one in group {
            writeln!(out, "  {}:{}:{}: {}", one.file, one.line, one.column, one.subject)?;
            writeln!(out, "      found {}; {wanted}: {}", one.found, one.required)?;
        }
    }
    Ok(())
}
