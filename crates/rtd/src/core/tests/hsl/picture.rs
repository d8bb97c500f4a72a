//! A day as a picture: what could be made, what was made, and the limit.

use std::fmt::Write as _;

use super::Look;

const SIZE: (f64, f64) = (900.0, 360.0);
const MARGIN: f64 = 40.0;
/// From and to, in hours; one point every so many seconds.
const HOURS: (f64, f64) = (6.0, 18.5);
const EVERY: f64 = 60.0;

/// The looks by daylight as SVG.
pub(super) fn svg(looks: &[Look], capacity: f64) -> String {
    let x =
        |seconds: f64| MARGIN + (seconds / 3_600.0 - HOURS.0) / (HOURS.1 - HOURS.0) * (SIZE.0 - 2.0 * MARGIN);
    let y = |megawatts: f64| SIZE.1 - MARGIN - megawatts / capacity * (SIZE.1 - 2.0 * MARGIN);
    let line = |colour: &str, width: f64, of: fn(&Look) -> f64| {
        let shown = looks.iter().filter(|look| {
            (HOURS.0..=HOURS.1).contains(&(look.seconds / 3_600.0)) && look.seconds % EVERY == 0.0
        });
        let points: Vec<String> =
            shown.map(|look| format!("{:.1},{:.1}", x(look.seconds), y(of(look)))).collect();
        format!(
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" points=\"{}\"/>\n",
            points.join(" ")
        )
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        SIZE.0, SIZE.1
    );
    for hour in 6..=18 {
        let at = x(f64::from(hour) * 3_600.0);
        writeln!(
            text,
            "<text x=\"{at:.0}\" y=\"{}\" text-anchor=\"middle\">{hour}</text>",
            SIZE.1 - MARGIN + 16.0
        )
        .unwrap();
    }
    for tenth in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (at, megawatts) = (y(capacity * tenth), capacity * tenth);
        writeln!(
            text,
            "<path d=\"M{MARGIN} {at:.1}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{at:.1}\" \
             text-anchor=\"end\">{megawatts}</text>",
            SIZE.0 - MARGIN,
            MARGIN - 6.0
        )
        .unwrap();
    }
    text += &line("#bbb", 5.0, |look| look.truth.max(0.0));
    text += &line("#d55e00", 1.5, |look| look.hsl);
    text += &line("#0072b2", 1.5, |look| look.power.max(0.0));
    let words = [
        ("#999", "what could be made, MW"),
        ("#d55e00", "high sustainable limit"),
        ("#0072b2", "what was made"),
    ];
    for (at, (colour, words)) in (0_u8..).zip(words) {
        let at = MARGIN + 20.0 + f64::from(at) * 190.0;
        writeln!(text, "<text x=\"{at}\" y=\"24\" fill=\"{colour}\">{words}</text>").unwrap();
    }
    text + "</svg>\n"
}
