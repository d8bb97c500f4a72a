//! A window as a picture: what the battery did, when its charge held it back, and the charge of both batteries.

use std::fmt::Write as _;

use super::{Look, STEP};

const WIDTH: f64 = 900.0;
const MARGIN: f64 = 44.0;
/// From and to, of the panels.
const POWER: (f64, f64) = (40.0, 220.0);
const CHARGE: (f64, f64) = (264.0, 404.0);
const HEIGHT: f64 = 440.0;
/// One point every so many steps.
const EVERY: usize = 6;

fn x(step: usize, steps: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some thousand steps")]
    let share = step as f64 / steps as f64;
    MARGIN + share * (WIDTH - 2.0 * MARGIN)
}

/// Where a value from `low` to `high` stands in a panel.
fn y(value: f64, (low, high): (f64, f64), panel: (f64, f64)) -> f64 {
    panel.1 - (value - low) / (high - low) * (panel.1 - panel.0)
}

fn line(looks: &[Look], colour: &str, of: impl Fn(&Look) -> f64) -> String {
    let shown = looks.iter().enumerate().filter(|(step, _)| step.is_multiple_of(EVERY));
    let points: Vec<String> =
        shown.map(|(step, look)| format!("{:.1},{:.1}", x(step, looks.len()), of(look))).collect();
    let points = points.join(" ");
    format!("<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.2\" points=\"{points}\"/>\n")
}

/// The intervals in which the charge held it back, as bands.
fn bands(looks: &[Look]) -> String {
    let mut text = String::new();
    let mut since = None;
    let ends = looks.iter().map(Look::is_clamped).chain([false]).enumerate();
    for (step, clamped) in ends {
        since = match (since, clamped) {
            (None, true) => Some(step),
            (Some(from), false) => {
                let (left, right) = (x(from, looks.len()), x(step, looks.len()));
                let (width, height) = ((right - left).max(0.3), CHARGE.1 - POWER.0);
                writeln!(
                    text,
                    "<rect x=\"{left:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{height}\" fill=\"#f3c9a5\"/>",
                    POWER.0
                )
                .unwrap();
                None
            }
            (since, _) => since,
        };
    }
    text
}

fn grid(range: (f64, f64), panel: (f64, f64), marks: &[f64]) -> String {
    let mut text = String::new();
    for mark in marks {
        let at = y(*mark, range, panel);
        writeln!(
            text,
            "<path d=\"M{MARGIN} {at:.1}H{}\" stroke=\"#ccc\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>",
            WIDTH - MARGIN,
            MARGIN - 6.0,
            at + 4.0
        )
        .unwrap();
    }
    text
}

/// Both batteries over a window as SVG.
pub(super) fn svg(day: &str, small: &[Look], large: &[Look]) -> String {
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    text += &bands(small);
    text += &grid((-100.0, 100.0), POWER, &[-100.0, -50.0, 0.0, 50.0, 100.0]);
    text += &grid((0.0, 100.0), CHARGE, &[5.0, 50.0, 95.0]);
    for hour in 0..=4_u16 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousand steps")]
        let step = (f64::from(hour) * 3_600.0 / STEP) as usize;
        let (at, below) = (x(step, small.len()), CHARGE.1 + 16.0);
        writeln!(text, "<text x=\"{at:.0}\" y=\"{below}\" text-anchor=\"middle\">{hour} h</text>").unwrap();
    }
    let power = |look: &Look| y(look.done, (-100.0, 100.0), POWER);
    text += &line(large, "#777", power);
    text += &line(small, "#0072b2", power);
    text += &line(large, "#777", |look| y(look.charge / 4.0, (0.0, 100.0), CHARGE));
    text += &line(small, "#0072b2", |look| y(look.charge, (0.0, 100.0), CHARGE));
    let heads = [
        (24.0, format!("Power in MW as the master decodes it, window of {day}")),
        (256.0, "Charge in % of the battery".to_owned()),
    ];
    for (at, words) in heads {
        writeln!(text, "<text x=\"{MARGIN}\" y=\"{at}\">{words}</text>").unwrap();
    }
    let keys = [("#0072b2", "100 MWh"), ("#777", "400 MWh"), ("#c46a1b", "100 MWh held back by its charge")];
    for (at, (colour, words)) in (0_u8..).zip(keys) {
        let at = 480.0 + f64::from(at) * 80.0;
        writeln!(text, "<text x=\"{at}\" y=\"24\" fill=\"{colour}\">{words}</text>").unwrap();
    }
    text + "</svg>\n"
}
