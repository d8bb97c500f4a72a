//! The report as a page: one file, no scripts, nothing from elsewhere; it prints.

use control::score::Verdict;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rulebook::report::STYLE;

use super::Report;
use super::plot;
use super::told::{UNCONFIRMED, left_out, percent, seconds, sums, verdict};

const OWN: &str = "td.n{text-align:right;white-space:nowrap}tr.below td{background:#f6d5d2}\
                   tr.incomplete td{color:#555;font-style:italic}caption{text-align:left;padding:.3rem 0}\
                   @media print{svg{break-inside:avoid}thead{display:table-header-group}h2{break-after:avoid}}";

pub(super) fn page(report: &Report<'_>) -> String {
    let day = &report.day;
    let title = format!("Score of {}, {}", day.point, report.date);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(OWN)) (plot::STYLE) }
            }
            body {
                h1 { (title) }
                p {
                    (report.site.name) ": " (report.setpoint.point.name) ". Times are of " (report.zone_name()) ". "
                    @if day.until < day.to { "The day so far, up to " (report.clock(day.until)) ". " }
                    strong { (UNCONFIRMED) }
                }
                table {
                    @for (name, value) in sums(report) { tr { th scope="row" { (name) } td { (value) } } }
                }
                h2 { "Course" }
                (plot::course(report))
                h2 { "Accuracy" }
                (plot::bars(report))
                h2 { "Windows" }
                (windows(report))
                (hands(report))
                h2 { "What is counted" }
                (words(report))
            }
        }
    };
    page.into_string()
}

fn windows(report: &Report<'_>) -> Markup {
    html! {
        table {
            caption { "Windows of " (report.day.window_s) " s of which anything is recorded" }
            thead { tr {
                th scope="col" { "Begins" } th scope="col" { "Verdict" } th scope="col" { "Accuracy" }
                th scope="col" { "All steps" } th scope="col" { "Delay" } th scope="col" { "Precision" }
                th scope="col" { "Mileage, " (report.day.unit) } th scope="col" { "Steps" }
                th scope="col" { "Held back" } th scope="col" { "Left out" }
            } }
            tbody {
                @for window in &report.day.windows {
                    @let (one, score) = (&window.scored, &window.scored.score);
                    tr class=[class(one.verdict)] {
                        th scope="row" { (report.clock(one.from)) }
                        td { (verdict(one)) }
                        td.n { (percent(score.accuracy)) }
                        td.n { (percent(score.accuracy_all)) }
                        td.n { (seconds(report, score.delay_steps)) }
                        td.n { (percent(score.precision)) }
                        td.n { (format!("{:.2}", score.mileage)) }
                        td.n { (score.steps) }
                        td.n { (score.clamped) }
                        td { (left_out(one, window.lost)) }
                    }
                }
            }
        }
    }
}

const fn class(verdict: Option<Verdict>) -> Option<&'static str> {
    match verdict {
        Some(Verdict::Below) => Some("below"),
        Some(Verdict::Incomplete) => Some("incomplete"),
        _ => None,
    }
}

fn hands(report: &Report<'_>) -> Markup {
    let day = &report.day;
    html! {
        @if !day.hands.is_empty() {
            h2 { "Changes of hands" }
            table {
                thead { tr { th scope="col" { "At" } th scope="col" { "To" } th scope="col" { "Why" } } }
                tbody {
                    @for hand in &day.hands {
                        tr { th scope="row" { (report.clock(hand.time)) } td { (hand.owner) } td { (hand.why) } }
                    }
                }
            }
            @if day.hands_more > 0 { p { "And " (day.hands_more) " more." } }
        }
    }
}

fn words(report: &Report<'_>) -> Markup {
    let day = &report.day;
    html! {
        p {
            "At the end of each step of " (seconds(report, Some(1))) " the set point held is compared with what the plant "
            "does. Mileage: how far the set point went, up and down together. Accuracy: 1 less the deviations as a share "
            "of the sizes of what was asked, without steps in which a limit held the unit back; \u{201c}all steps\u{201d} "
            "has them. Delay: the shift, up to " (seconds(report, Some(day.delay_max_steps))) ", at which the two agree "
            "best; precision is the accuracy at that shift. Steps in which the ISO did not own it, or was away, are left "
            "out. A window in which anything is not known is incomplete and never good."
            @if day.primary {
                " The primary frequency response counts as asked for, where it is recorded: what is compared with the set "
                "point is what the plant does less the response."
            }
        }
    }
}
