//! The two plots of a day as SVG: what was asked and done, and the accuracy of each window. Grey is what is as it
//! should be; colour and hatching are for what is not.

use std::fmt::Write as _;

use control::score::{Scored, Verdict};
use maud::{Markup, PreEscaped, html};
use rtd::score::{COLUMNS, Column};

use super::Report;
use super::told;

/// Where the plots begin, and how high they are.
const LEFT: f64 = 56.0;
const TOP: f64 = 10.0;
const HIGH: f64 = 200.0;
const BARS: f64 = 110.0;

#[expect(clippy::cast_precision_loss, reason = "places of a plot")]
const fn wide() -> f64 {
    COLUMNS as f64
}

#[expect(clippy::cast_precision_loss, reason = "places of a plot")]
fn x(at: usize) -> f64 {
    LEFT + at as f64
}

/// Stretches of columns that are so.
fn runs(trace: &[Column], is: impl Fn(&Column) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in trace.iter().enumerate().filter(|(_, column)| is(column)) {
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

/// A band from the lowest to the highest of each column, as one path.
fn band(trace: &[Column], of: impl Fn(&Column) -> Option<(f64, f64)>, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    for (from, to) in runs(trace, |column| of(column).is_some()) {
        let values: Vec<(usize, (f64, f64))> =
            (from..to).filter_map(|at| Some((at, of(trace.get(at)?)?))).collect();
        let there = values.iter().map(|(at, (_, high))| (x(*at), y(*high)));
        let back = values.iter().rev().map(|(at, (low, _))| (x(*at) + 1.0, y(*low)));
        for (nth, (x, y)) in there.chain(back).enumerate() {
            // Writing to a text does not fail.
            let _ = write!(path, "{}{x:.0} {y:.1}", if nth == 0 { 'M' } else { 'L' });
        }
        path.push('Z');
    }
    path
}

/// A step of 1, 2 or 5 that makes about four lines.
fn grid(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    if !(rough.is_finite() && rough > 0.0) {
        return Vec::new();
    }
    let ten = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|part| part * ten).find(|step| *step >= rough).unwrap_or(rough);
    let first = (low / step).ceil();
    (0..12_u8).map(|nth| (first + f64::from(nth)) * step).take_while(|line| *line <= high + 1e-9).collect()
}

/// Hours and the day's frame.
fn hours(report: &Report<'_>, high: f64) -> Markup {
    let (from, to) = (report.day.from.as_millis(), report.day.to.as_millis());
    let every = to.saturating_sub(from) / 8;
    html! {
        rect x=(LEFT) y=(TOP) width=(wide()) height=(high) fill="none" stroke="#888" {}
        @for nth in 0..=8_u32 {
            @let x = LEFT + wide() * f64::from(nth) / 8.0;
            @let time = telemetry::Wall::from_millis(from.saturating_add(every.saturating_mul(nth.into())));
            line x1=(x) y1=(TOP + high) x2=(x) y2=(TOP + high + 4.0) stroke="#888" {}
            text x=(x) y=(TOP + high + 16.0) text-anchor="middle" { (report.clock(time).get(..5).unwrap_or_default()) }
        }
    }
}

fn hatching() -> Markup {
    html! {
        defs {
            pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                line x1="0" y1="0" x2="0" y2="6" stroke="#999" stroke-width="2" {}
            }
        }
    }
}

/// What was asked and what was done.
pub(super) fn course(report: &Report<'_>) -> Markup {
    let trace = &report.day.trace;
    let values = || trace.iter().flat_map(|column| [column.asked, column.done]).flatten();
    let (low, high) = values().fold((0.0_f64, 0.0_f64), |(low, high), one| (low.min(one.0), high.max(one.1)));
    let (low, high) = if high > low { (low, high) } else { (low, low + 1.0) };
    let y = |value: f64| TOP + HIGH * (high - value) / (high - low);
    let asked = band(trace, |column| column.asked, y);
    let done = band(trace, |column| column.done, y);
    let unseen = runs(trace, |column| column.left_out || column.asked.is_none());
    let clamped = runs(trace, |column| column.clamped);
    let box_of = format!("0 0 {} {}", LEFT + wide() + 20.0, TOP + HIGH + 24.0);
    html! {
        svg viewBox=(box_of) role="img" aria-labelledby="course-title course-text" {
            title id="course-title" { "Set point and response" }
            desc id="course-text" {
                "From " (format!("{low:.1}")) " to " (format!("{high:.1}")) " " (report.day.unit) ". "
                (unseen.len()) " stretches without a step that counts, " (clamped.len()) " held back by a limit. "
                "The table below has the figures of each window."
            }
            (hatching())
            @for (from, to) in &unseen {
                rect x=(x(*from)) y=(TOP) width=(x(*to) - x(*from)) height=(HIGH) fill="url(#hatch)" {}
            }
            @for line in grid(low, high) {
                line x1=(LEFT) y1=(y(line)) x2=(LEFT + wide()) y2=(y(line)) stroke="#ccc" {}
                text x=(LEFT - 6.0) y=(y(line) + 4.0) text-anchor="end" { (line) }
            }
            path d=(asked) fill="#aaa" stroke="#aaa" stroke-width="1.5" {}
            path d=(done) fill="#222" fill-opacity=".75" stroke="#222" stroke-width=".7" {}
            @for (from, to) in &clamped {
                rect x=(x(*from)) y=(TOP + HIGH - 7.0) width=(x(*to) - x(*from)) height="7" fill="#e0a100" {
                    title { "held back by a limit" }
                }
            }
            (hours(report, HIGH))
        }
        p.key {
            span.box style="background:#aaa" {} "set point (" (report.day.unit) ") "
            span.box style="background:#222" {} "response "
            span.box style="background:#e0a100" {} "held back by a limit "
            span.box.hatched {} "not scored, or no record"
        }
    }
}

/// The accuracy of each window.
pub(super) fn bars(report: &Report<'_>) -> Markup {
    let day = &report.day;
    let length = f64_of(day.to.as_millis().saturating_sub(day.from.as_millis()).max(1));
    let width = (wide() * f64_of(day.window_s.saturating_mul(1_000)) / length).max(0.5);
    let at = |one: &Scored| {
        LEFT + wide() * f64_of(one.from.as_millis().saturating_sub(day.from.as_millis())) / length
    };
    let y = |share: f64| TOP + BARS * (1.0 - share);
    let box_of = format!("0 0 {} {}", LEFT + wide() + 20.0, TOP + BARS + 24.0);
    let below = day.totals.of(Verdict::Below);
    html! {
        svg viewBox=(box_of) role="img" aria-labelledby="bars-title bars-text" {
            title id="bars-title" { "Accuracy of each window" }
            desc id="bars-text" {
                (day.windows.len()) " windows, " (below) " below what the site wants, "
                (day.totals.of(Verdict::Incomplete)) " incomplete, " (day.unrecorded) " without any record."
            }
            @for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
                line x1=(LEFT) y1=(y(share)) x2=(LEFT + wide()) y2=(y(share)) stroke="#ccc" {}
                text x=(LEFT - 6.0) y=(y(share) + 4.0) text-anchor="end" { (share * 100.0) " %" }
            }
            @for window in &day.windows {
                @let one = &window.scored;
                @let share = one.score.accuracy.unwrap_or(0.0);
                @let fill = match one.verdict { Some(Verdict::Below) => "#b3261e", Some(Verdict::Incomplete) => "url(#hatch)", _ => "#888" };
                rect x=(format!("{:.1}", at(one))) y=(format!("{:.1}", y(share)))
                    width=(format!("{:.1}", (width - 0.5).max(0.4))) height=(format!("{:.1}", (BARS * share).max(1.0)))
                    fill=(fill) stroke=(if one.verdict == Some(Verdict::Incomplete) { "#999" } else { "none" }) {
                    title { (report.clock(one.from)) ": " (told::percent(one.score.accuracy)) ", " (told::verdict(one)) }
                }
            }
            @if let Some(below) = day.accuracy_below {
                line x1=(LEFT) y1=(y(below)) x2=(LEFT + wide()) y2=(y(below)) stroke="#b3261e" stroke-dasharray="4 3" {}
            }
            (hours(report, BARS))
        }
        p.key {
            span.box style="background:#888" {} "followed "
            @if day.accuracy_below.is_some() { span.box style="background:#b3261e" {} "below what the site wants (dashed) " }
            span.box.hatched {} "incomplete: never good"
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "places of a plot")]
const fn f64_of(number: u64) -> f64 {
    number as f64
}

/// Styles of what is here.
pub(super) const STYLE: PreEscaped<&str> = PreEscaped(
    "svg{width:100%;height:auto;background:#fff;font:11px system-ui,sans-serif}.key{margin:.2rem 0 1rem}\
     .box{display:inline-block;width:1em;height:.8em;margin:0 .35em 0 .8em;print-color-adjust:exact;\
     -webkit-print-color-adjust:exact}\
     .hatched{background:repeating-linear-gradient(45deg,#999 0 2px,#fff 2px 5px)}",
);
