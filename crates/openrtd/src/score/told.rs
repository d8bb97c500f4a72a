//! The report as text.

use std::fmt::Write as _;

use control::score::{Scored, Verdict};

use super::Report;

/// What no report may leave out.
pub(super) const UNCONFIRMED: &str = "Steps, windows and definitions are this program's; what the ISO's are is not \
                                      confirmed.";

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

pub(super) fn seconds(report: &Report<'_>, steps: Option<usize>) -> String {
    let step = std::time::Duration::from_millis(report.day.step_ms).as_secs_f64();
    let steps = steps.and_then(|steps| u32::try_from(steps).ok());
    steps.map_or_else(|| "-".to_owned(), |steps| format!("{} s", f64::from(steps) * step))
}

/// What of a window did not count, in words; empty where nothing was left out.
pub(super) fn left_out(window: &Scored, lost: bool) -> String {
    let of = &window.left_out;
    let kinds = [
        (of.not_iso, "not the ISO's"),
        (of.away, "ISO away"),
        (of.unknown, "not known"),
        (of.restart, "not running"),
        (of.missing, "not recorded"),
        (of.repeated, "repeated"),
    ];
    let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
    let mut words: Vec<String> = kinds.map(|(count, kind)| format!("{count} {kind}")).collect();
    words.extend(lost.then(|| "history lost something".to_owned()));
    words.join(", ")
}

pub(super) fn verdict(window: &Scored) -> &'static str {
    window.verdict.map_or("open", Verdict::text)
}

/// The sums, name and value.
pub(super) fn sums(report: &Report<'_>) -> Vec<(&'static str, String)> {
    let (day, totals) = (&report.day, &report.day.totals);
    let windows: Vec<String> = Verdict::ALL
        .iter()
        .filter(|verdict| totals.of(**verdict) > 0)
        .map(|verdict| format!("{} {}", totals.of(*verdict), verdict.text()))
        .chain((day.unrecorded > 0).then(|| format!("{} without any record", day.unrecorded)))
        .collect();
    let of = &totals.left_out;
    let commands: Vec<String> =
        day.commands.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let none = |words: Vec<String>| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let below = day.accuracy_below;
    let mut sums = vec![
        ("Windows", none(windows)),
        ("Accuracy of complete windows", percent(totals.accuracy)),
        ("The site wants", below.map_or_else(|| "nothing said".to_owned(), |below| percent(Some(below)))),
        ("Mileage of the set point", format!("{:.2} {}", totals.mileage, day.unit)),
        ("Mileage of the response", format!("{:.2} {}", totals.response_mileage, day.unit)),
        (
            "Steps scored",
            format!(
                "{} (each {} s), of them {} held back by a limit",
                totals.steps,
                seconds_of(day.step_ms),
                totals.clamped
            ),
        ),
        (
            "Steps left out",
            format!(
                "{} not the ISO's, {} ISO away, {} not known, {} not running, {} not recorded, {} repeated",
                of.not_iso, of.away, of.unknown, of.restart, of.missing, of.repeated
            ),
        ),
        ("Restarts", day.restarts.to_string()),
        ("Losses told by the history", day.losses.to_string()),
        ("Commands", none(commands)),
        (
            "Changes of hands",
            (u64::try_from(day.hands.len()).unwrap_or(u64::MAX).saturating_add(day.hands_more)).to_string(),
        ),
    ];
    if day.primary {
        sums.push(("Primary response", response(day.response_missing)));
    }
    sums
}

/// What became of the primary response.
fn response(missing: u64) -> String {
    match missing {
        0 => "counts as asked for".to_owned(),
        1 => "not recorded in 1 step: compared with the set point alone, it counts as an error there"
            .to_owned(),
        missing => format!(
            "not recorded in {missing} steps: compared with the set point alone, it counts as an error there"
        ),
    }
}

fn seconds_of(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

/// The report as text.
pub(super) fn told(report: &Report<'_>) -> String {
    let day = &report.day;
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = writeln!(
        text,
        "{}: score of {}, {} ({})",
        report.site.name,
        day.point,
        report.date,
        report.zone_name()
    );
    let _ = writeln!(text, "{UNCONFIRMED}\n");
    for (name, value) in sums(report) {
        let _ = writeln!(text, "{name:<30} {value}");
    }
    let _ = writeln!(
        text,
        "\n{:<9} {:<10} {:>9} {:>9} {:>7} {:>9} {:>10} {:>7}  left out",
        "window", "verdict", "accuracy", "all steps", "delay", "precision", "mileage", "clamped"
    );
    for window in &day.windows {
        let (one, score) = (&window.scored, &window.scored.score);
        let line = format!(
            "{:<9} {:<10} {:>9} {:>9} {:>7} {:>9} {:>10.2} {:>7}  {}",
            report.clock(one.from),
            verdict(one),
            percent(score.accuracy),
            percent(score.accuracy_all),
            seconds(report, score.delay_steps),
            percent(score.precision),
            score.mileage,
            score.clamped,
            left_out(one, window.lost)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
