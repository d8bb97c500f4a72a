//! What a replay comes to. Parts of the capacity, unless the name says otherwise.

use serde_json::{Value as Json, json};

use super::Look;
use super::days::Day;

/// The site's tolerance, as a part of the capacity: the default.
const TOLERANCE: f64 = 0.01;
/// The weather is calm where it moves by less than this part of its greatest value in so many minutes.
const CALM: (f64, usize) = (0.01, 5);

#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Looks at which it was good and below the power by more than the tolerance.
    pub(super) violations: usize,
    /// The least of limit less power while good.
    pub(super) least: f64,
    /// How far it was from the power while nothing held the plant back and it made something.
    free_mean: f64,
    pub(super) free_p95: f64,
    /// How far it was from what could have been made, while held back.
    pub(super) held_mean: f64,
    held_p95: f64,
    held_bias: f64,
    /// How far the power alone would have been.
    pub(super) power_alone: f64,
    /// The greatest change within a minute while the plant was held back and the weather calm, and had been so before.
    pub(super) calm_step: f64,
    /// The greatest change between two looks of limit, and of what could be made.
    step: f64,
    step_of_truth: f64,
    free_s: f64,
    held_s: f64,
    pub(super) not_good_s: f64,
}

fn mean(values: &[f64]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a number of looks")]
    let count = values.len().max(1) as f64;
    values.iter().sum::<f64>() / count
}

fn p95(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * 95 / 100).copied().unwrap_or(0.0)
}

impl Figures {
    pub(super) fn of(day: &Day, looks: &[Look]) -> Self {
        let part = |megawatts: f64| megawatts / day.capacity;
        let step = looks[1].seconds - looks[0].seconds;
        let good: Vec<&Look> = looks.iter().filter(|look| look.good).collect();
        let above = good.iter().map(|look| part(look.hsl - look.power));
        let mut free: Vec<f64> = good
            .iter()
            .filter(|look| !look.held && part(look.power) > 0.01)
            .map(|look| part((look.hsl - look.power).abs()))
            .collect();
        // Held back in earnest: what it could make is above what it makes.
        let held: Vec<&&Look> = good.iter().filter(|look| part(look.truth - look.power) > 0.005).collect();
        let mut off: Vec<f64> = held.iter().map(|look| part((look.hsl - look.truth).abs())).collect();
        let steps = |of: fn(&Look) -> f64| {
            looks
                .windows(2)
                .filter(|pair| pair.iter().all(|look| look.good))
                .map(|pair| part((of(&pair[1]) - of(&pair[0])).abs()))
                .fold(0.0, f64::max)
        };
        let most = looks.iter().map(|look| look.weather.abs()).fold(0.0, f64::max);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few looks")]
        let minute = (60.0 / step) as usize;
        let calm = looks.windows(minute * CALM.1 + 1).filter(|looks| {
            let of = |value: fn(&Look) -> f64| {
                let low = looks.iter().map(value).fold(f64::INFINITY, f64::min);
                looks.iter().map(value).fold(f64::NEG_INFINITY, f64::max) - low
            };
            of(|look| look.weather) <= most * CALM.0
                && part(of(|look| look.truth)) <= CALM.0
                && looks.iter().all(|look| look.good)
                && looks.iter().any(|look| look.held)
        });
        #[expect(clippy::cast_precision_loss, reason = "a number of looks")]
        let time = |looks: usize| looks as f64 * step;
        Self {
            violations: above.clone().filter(|above| *above < -TOLERANCE).count(),
            least: above.fold(f64::INFINITY, f64::min) * day.capacity,
            free_mean: mean(&free),
            free_s: time(free.len()),
            free_p95: p95(&mut free),
            held_mean: mean(&off),
            held_s: time(held.len()),
            held_bias: mean(&held.iter().map(|look| part(look.hsl - look.truth)).collect::<Vec<_>>()),
            power_alone: mean(&held.iter().map(|look| part(look.truth - look.power)).collect::<Vec<_>>()),
            held_p95: p95(&mut off),
            calm_step: calm
                .map(|looks| part((looks[looks.len() - 1].hsl - looks[looks.len() - 1 - minute].hsl).abs()))
                .fold(0.0, f64::max),
            step: steps(|look| look.hsl),
            step_of_truth: steps(|look| look.truth),
            not_good_s: time(looks.len() - good.len()),
        }
    }

    pub(super) fn json(&self) -> Json {
        let percent = |part: f64| (part * 1e4).round() / 100.0 + 0.0;
        json!({
            "below_power": self.violations,
            "least_hsl_less_power_mw": (self.least * 1e6).round() / 1e6,
            "free_h": (self.free_s / 36.0).round() / 100.0,
            "free_hsl_to_power_mean_pct": percent(self.free_mean),
            "free_hsl_to_power_p95_pct": percent(self.free_p95),
            "held_h": (self.held_s / 36.0).round() / 100.0,
            "held_hsl_to_truth_mean_pct": percent(self.held_mean),
            "held_hsl_to_truth_p95_pct": percent(self.held_p95),
            "held_hsl_to_truth_bias_pct": percent(self.held_bias),
            "held_power_to_truth_mean_pct": percent(self.power_alone),
            "calm_minute_hsl_step_max_pct": percent(self.calm_step),
            "hsl_step_max_pct": percent(self.step),
            "truth_step_max_pct": percent(self.step_of_truth),
            "not_good_s": self.not_good_s,
        })
    }
}
