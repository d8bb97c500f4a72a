//! The high sustainable limit over measured days: readings go into the core as a driver gives them, at virtual time, and
//! what the core says of `plant.hsl` is held against what the plant really could have made. The truth is the day as it
//! was measured (or computed from measured weather, which the row then says); curtailment is planted into it.

mod days;
mod figures;
mod picture;

use std::path::Path;

use serde_json::{Value as Json, json};
use site::{DeviceIx, ReadingIx, Site};
use telemetry::{Mono, Now, Quality, Value};

use crate::core::{
    Core, DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, Input, Output, Reading, Record,
};
use days::Day;
use figures::Figures;

const PLANT: usize = 0;
const MET: usize = 1;
/// The plant climbs and goes down by so much of its capacity a minute.
const RAMP: f64 = 0.2;
/// Seconds between two looks of the long run.
const STEP: u64 = 10;

/// One look at everything.
#[derive(Clone, Copy, Debug)]
struct Look {
    seconds: f64,
    /// What the plant could make.
    truth: f64,
    /// What it makes.
    power: f64,
    /// In its own unit.
    weather: f64,
    hsl: f64,
    good: bool,
    /// Whether it is held back or still climbs out of that.
    held: bool,
}

/// What is planted into a day.
#[derive(Clone, Copy, Debug, Default)]
struct Planted {
    curtailment: bool,
    /// The met station is dead from and to, in seconds.
    lost: Option<(f64, f64)>,
}

/// The limit in force, `seconds` into a day of which `most` is the greatest power: steps, a ramp down and up in steps
/// of a minute, and an hour at 60 % at noon.
fn limit(seconds: f64, most: f64, capacity: f64) -> f64 {
    let minutes = (seconds / 60.0).rem_euclid(1_440.0).floor();
    let part = match minutes {
        120.0..240.0 => 0.5,
        600.0..630.0 => 1.0 - 0.02 * (minutes - 599.0),
        630.0..660.0 => 0.4 + 0.02 * (minutes - 629.0),
        720.0..780.0 => 0.6,
        840.0..860.0 => 0.3,
        900.0..905.0 | 910.0..915.0 | 920.0..925.0 => 0.5,
        _ => return capacity,
    };
    most * part
}

fn site(day: &Day) -> Site {
    let folder = tempfile::tempdir().unwrap();
    for file in ["rtd.pem", "rtd.key", "ca.pem", "plant.csv", "met.csv"] {
        std::fs::write(folder.path().join(file), "time,mw,limit,weather,modules\n0,0,0,0,0\n1,0,0,0,0\n")
            .unwrap();
    }
    let text = include_str!("site.toml").replace("WEATHER", day.unit).replace("MODEL", &day.model);
    let path = folder.path().join("site.toml");
    std::fs::write(&path, text).unwrap();
    Site::read(&path).unwrap()
}

/// A day through the core, with what was told in alarms of the limit.
fn replay(day: &Day, planted: Planted, step: u64) -> (Vec<Look>, Vec<String>) {
    let mut core = Core::new(&site(day), 1, Now::virtual_millis(0)).unwrap();
    let (mut hsl, mut good, mut alarms) = (0.0, false, Vec::new());
    let mut looks = Vec::new();
    let mut allowed = day.capacity;
    let mut give = |device: usize, outcome: FieldOutcome, now: Now, hsl: &mut f64, good: &mut bool| {
        let report = FieldReport { device: DeviceIx::new(device), outcome, sent: now, received: now };
        for output in core.handle(Input::Field(FieldEvent::Report(report)), now) {
            match output {
                Output::Record(Record::Point(point)) if point.id.as_str() == "plant.hsl" => {
                    *hsl = point.value.map_or(0.0, Value::as_f64);
                    *good = point.quality == Quality::Good;
                }
                Output::Record(Record::Alarm { kind: "hsl", state: "raised", text, .. }) => {
                    alarms
                        .push(format!("{:.1} h: {text}", now.mono.since(Mono::ZERO).as_secs_f64() / 3_600.0));
                }
                _ => {}
            }
        }
    };
    let numbers = |values: &[f64]| {
        let one = |(at, value): (usize, &f64)| (ReadingIx::new(at), Reading::Number(*value));
        FieldOutcome::Readings(values.iter().enumerate().map(one).collect())
    };
    for at in 0..day.seconds() / step {
        #[expect(clippy::cast_precision_loss, reason = "seconds of some days")]
        let seconds = (at * step) as f64;
        let (truth, weather, modules) = day.at(seconds);
        let most = day.most_of(seconds);
        let limit = if planted.curtailment { limit(seconds, most, day.capacity) } else { day.capacity };
        #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
        let ramp = RAMP * day.capacity * step as f64 / 60.0;
        // The plant's own controller walks to the limit, and from there back to what it can make.
        allowed = allowed.min(truth.max(limit) + ramp);
        allowed = limit.clamp(allowed - ramp, allowed + ramp).min(day.capacity);
        let power = truth.min(allowed);
        let now = Now::virtual_millis(at * step * 1_000);
        give(PLANT, numbers(&[power, limit]), now, &mut hsl, &mut good);
        let now = Now::virtual_millis((at * step * 1_000) + 1_500);
        let lost = planted.lost.is_some_and(|(from, to)| (from..to).contains(&seconds));
        let met = if lost {
            let words = "connection refused".to_owned();
            FieldOutcome::Failed(DeviceFailure { kind: FailureKind::Unreachable, words })
        } else {
            numbers(&[weather, modules])
        };
        give(MET, met, now, &mut hsl, &mut good);
        let held = power < truth - 1e-9 || limit < day.capacity - 1e-9;
        looks.push(Look { seconds, truth, power, weather, hsl, good, held });
    }
    (looks, alarms)
}

fn row(day: &Day, looks: &[Look], alarms: &[String], planted: &str) -> Json {
    let figures = Figures::of(day, looks);
    let mut row = figures.json();
    let fields = row.as_object_mut().unwrap();
    fields.insert("day".to_owned(), json!(day.name));
    fields.insert("planted".to_owned(), json!(planted));
    fields.insert("alarms".to_owned(), json!(alarms));
    row
}

const CURTAILED: Planted = Planted { curtailment: true, lost: None };

#[test]
fn a_measured_day_with_curtailment() {
    let day = days::tucson();
    let (looks, alarms) = replay(&day, CURTAILED, 20);
    let found = Figures::of(&day, &looks);
    assert_eq!(found.violations, 0, "{found:?}");
    assert!(found.least >= -1e-9, "{found:?}");
    assert!(found.free_p95 < 0.01 && found.held_mean < 0.01 && found.power_alone > 0.2, "{found:?}");
    assert!(found.calm_step < 0.01, "{found:?}");
    assert_eq!(found.not_good_s, 0.0);
    assert!(alarms.is_empty(), "{alarms:?}");
}

#[test]
fn a_met_station_lost_while_held_back_is_seen() {
    let day = days::tucson();
    let planted = Planted { lost: Some((44_000.0, 44_600.0)), ..CURTAILED };
    let (looks, _) = replay(&day, planted, 20);
    let found = Figures::of(&day, &looks);
    assert_eq!((found.violations, found.not_good_s), (0, 600.0), "{found:?}");
    let free = Planted { lost: Some((47_400.0, 49_800.0)), ..CURTAILED };
    let found = Figures::of(&day, &replay(&day, free, 20).0);
    assert_eq!((found.violations, found.not_good_s), (0, 0.0), "free, it is the power: {found:?}");
}

/// All days, into the file that `OPENRTD_PROOF` names, and the picture.
#[test]
#[ignore = "scripts/proof.sh hsl"]
fn the_measured_days() {
    let mut rows = Vec::new();
    let mut run = |day: &Day, planted: Planted, words: &str| {
        let (looks, alarms) = replay(day, planted, STEP);
        let row = row(day, &looks, &alarms, words);
        eprintln!("{row}");
        assert_eq!(row["below_power"], json!(0), "{}", day.name);
        rows.push(row);
        looks
    };
    let tucson = days::tucson();
    let looks = run(&tucson, CURTAILED, "curtailment");
    std::fs::write(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hsl.svg"),
        picture::svg(&looks, tucson.capacity),
    )
    .unwrap();
    run(&tucson, Planted::default(), "nothing");
    let lost = Planted { lost: Some((44_000.0, 44_600.0)), ..CURTAILED };
    run(&tucson, lost, "curtailment, and the met station dead for 10 min of it");
    let mut absent = Vec::new();
    for (name, day) in [("golden", days::golden()), ("rsf2", days::rsf2()), ("la haute borne", days::wind())]
    {
        match day {
            Some(day) => {
                run(&day, CURTAILED, "curtailment");
                run(&day, Planted::default(), "nothing");
            }
            None => {
                eprintln!("skipped, its data is not here: {name}");
                absent.push(name);
            }
        }
    }
    let result = std::env::var_os("OPENRTD_PROOF").unwrap();
    let told = json!({ "rows": rows, "absent": absent, "step_s": STEP, "plant_ramp_a_minute": RAMP });
    std::fs::write(result, told.to_string()).unwrap();
}
