//! All windows of the measured signal, with a small battery and with a large one, into the file that `OPENRTD_PROOF`
//! names; and each step into `OPENRTD_STEPS`, for another program to reckon with. `scripts/proof.sh regulation`.

use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use super::battery::{Battery, needs};
use super::{Run, STEP, World, follow, measured, picture, site};

/// Half full at the begin of every window; of 100 MWh, 90 to be used.
const fn small() -> Battery {
    Battery::new(5.0, 95.0, 50.0)
}

/// Of 400 MWh, 380 to be used; it begins where what the window needs lies in the middle.
fn large(signal: &[f64]) -> Battery {
    let (least, most) = needs(signal, STEP);
    Battery::new(10.0, 390.0, 200.0 - f64::midpoint(least, most))
}

/// Rounded to so many digits after the point.
fn round(value: f64, digits: i32) -> f64 {
    let scale = 10.0_f64.powi(digits);
    (value * scale).round() / scale + 0.0
}

fn told(run: &Run) -> Json {
    let score = run.score();
    json!({
        "clamped_steps": score.clamped,
        "accuracy": score.accuracy.map(|accuracy| round(accuracy, 5)),
        "accuracy_within_steps": round(run.accuracy_within(), 4),
        "delay_steps": score.delay_steps,
        "precision": score.precision.map(|precision| round(precision, 5)),
        "worst_mw": round(run.worst(), 4),
        "mileage_mw": round(score.mileage, 4),
        "response_mileage_mw": round(score.response_mileage, 2),
        "charge_min_mwh": round(run.charge.0, 3),
        "charge_max_mwh": round(run.charge.1, 3),
    })
}

fn steps(at: usize, battery: &str, run: &Run) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (step, look) in run.looks.iter().enumerate() {
        let (asked, done, clamp, charge) = (look.asked, look.done, look.clamp, look.charge);
        writeln!(text, "{at},{battery},{step},{asked:?},{done:?},{clamp},{charge:?}").unwrap();
    }
    text
}

/// A window's row, its steps, and both runs.
fn window(at: usize, day: &str, signal: &[f64]) -> (Json, String, [Run; 2]) {
    let followed = |battery: Battery, words: &str| {
        follow(World::untaped(&site(&battery)), battery, signal, &format!("{day}, {words}"))
    };
    let runs = [followed(small(), "100 MWh"), followed(large(signal), "400 MWh")];
    let (least, most) = needs(signal, STEP);
    let row = json!({
        "day": day,
        "needs_mwh": [round(least, 3), round(most, 3)],
        "battery_100": told(&runs[0]),
        "battery_400": told(&runs[1]),
    });
    let text = steps(at, "100", &runs[0]) + &steps(at, "400", &runs[1]);
    (row, text, runs)
}

#[test]
#[ignore = "scripts/proof.sh regulation"]
fn the_measured_signal() {
    let Some(days) = measured() else { return };
    let days: Vec<_> = days.into_iter().take(most_windows()).collect();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let shown = Mutex::new((0, None));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((day, signal)) = days.get(at) else { break };
                    let (row, text, runs) = window(at, day, signal);
                    eprintln!("{row}");
                    done.lock().unwrap().push((at, row, text));
                    // The picture is of the window that empties and fills it most.
                    let held = |out: bool| {
                        let clamped = runs[0].looks.iter().filter(|look| look.is_clamped());
                        clamped.filter(|look| (look.asked > 0.0) == out).count()
                    };
                    let (worth, mut shown) = (held(true).min(held(false)), shown.lock().unwrap());
                    if shown.1.is_none() || worth > shown.0 {
                        *shown = (worth, Some((day.clone(), runs)));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, ..)| *at);
    if let Some((day, [small, large])) = shown.into_inner().unwrap().1 {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/regulation.svg");
        std::fs::write(docs, picture::svg(&day, &small.looks, &large.looks)).unwrap();
    }
    if let Some(path) = std::env::var_os("OPENRTD_STEPS") {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
        writeln!(file, "window,battery,step,asked,done,clamp,charge").unwrap();
        for (.., text) in &done {
            file.write_all(text.as_bytes()).unwrap();
        }
    }
    let rows: Vec<Json> = done.into_iter().map(|(_, row, _)| row).collect();
    let told = json!({ "windows": rows.len(), "step_s": STEP, "rows": rows });
    std::fs::write(std::env::var_os("OPENRTD_PROOF").unwrap(), told.to_string()).unwrap();
}

/// All, or as many as `REGULATION_WINDOWS` says.
fn most_windows() -> usize {
    std::env::var("REGULATION_WINDOWS").map_or(usize::MAX, |most| most.parse().unwrap())
}
