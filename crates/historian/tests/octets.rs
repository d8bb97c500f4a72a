//! How many octets a sample takes, in the file, all told. `scripts/proof.sh octets` writes what it measures for 100
//! points at 4 s; here a few hours of a few points must stay within a bound.
//!
//! The weather is a measured day; what it drives is made of it as meters and inverters give it: rounded to the steps
//! of a register, with the noise of an instrument, read within a few milliseconds of every fourth second.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::time::Duration;

use historian::{Batch, Entry, PointInfo, Reader, Settings, Store};
use serde_json::json;
use telemetry::{Origin, Reasons, Value, Wall};

/// 2018-10-18 00:00 in the zone of the station.
const START: u64 = 1_539_846_000_000;
const POLL_MS: u64 = 4_000;
const POLLS_A_DAY: u64 = 21_600;

struct Random(u64);

impl Random {
    /// Within 0..1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }

    fn up_to(&mut self, most: u64) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and above 0")]
        let number = (self.next() * (f64::from(u32::try_from(most).unwrap()) + 0.999)) as u64;
        number
    }
}

/// Columns of the measured day, a row a minute.
struct Day(Vec<Vec<f64>>);

impl Day {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plant/data/midc_uat_met_1min.csv");
        let text = std::fs::read_to_string(path).unwrap();
        let rows = text.lines().filter(|line| line.starts_with("2018"));
        Self(
            rows.map(|line| line.split(',').skip(1).map(|cell| cell.parse().unwrap_or(0.0)).collect())
                .collect(),
        )
    }

    fn at(&self, poll: u64, column: usize) -> f64 {
        let seconds = poll * POLL_MS / 1_000;
        let row = |minute: u64| self.0[usize::try_from(minute).unwrap() % self.0.len()][column];
        let (before, after) = (row(seconds / 60), row(seconds / 60 + 1));
        before + (after - before) * f64::from(u32::try_from(seconds % 60).unwrap()) / 60.0
    }
}

/// A point's value at a poll.
fn value(kind: u64, day: &Day, poll: u64, energy: &mut f64, random: &mut Random) -> f64 {
    let sun = day.at(poll, 0).max(0.0);
    let noise = random.next() - 0.5;
    let (value, steps) = match kind % 10 {
        0 => (sun + 2.0 * noise, 1.0),
        1 => (day.at(poll, 3) + 0.1 * noise, 10.0),
        2 | 3 => (sun * 0.02 * (1.0 + 0.002 * noise), 100.0),
        4 => (sun * 0.02 * 0.1 + 0.05 * noise, 100.0),
        5 => (277.0 + 1.5 * noise + sun / 500.0, 10.0),
        6 => (60.0 + 0.03 * noise, 1_000.0),
        7 => {
            *energy += sun * 0.02 * 4.0 / 3_600.0;
            (*energy, 1_000.0)
        }
        8 => (day.at(poll, 6) + noise, 10.0),
        _ => (day.at(poll, 7) + 3.0 * noise, 1.0),
    };
    // A register has no -0.
    (value * steps).round() / steps + 0.0
}

/// Every point has a new sample at every poll: the worst case, since only changes are recorded.
fn measure(points: u64, polls: u64) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let retention = Duration::from_secs(86_400 * 365);
    let settings = Settings { path: path.clone(), retention, octets_max: 1 << 40 };
    let mut store = Store::open(settings, Wall::from_millis(START)).unwrap();
    let day = Day::read();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut energy = vec![0.0; usize::try_from(points).unwrap()];
    let infos: Vec<_> = (0..points)
        .map(|at| PointInfo { id: format!("p{at}").into(), kind: "analog_input", unit: None })
        .collect();
    let mut sequence = 0;
    for poll in 0..polls {
        let mut batch = Batch::default();
        for (at, info) in infos.iter().enumerate() {
            // Points of one device come together.
            let late = if at % 10 == 0 { random.up_to(5) } else { 1 };
            sequence += 1 + u64::from(at % 10 == 0) * random.up_to(2);
            let time = START + poll * POLL_MS + 10 * (at as u64 / 10) + late;
            let value = value(at as u64, &day, poll, &mut energy[at], &mut random);
            batch.entries.push((
                info.clone(),
                Entry {
                    origin: Origin { boot: store.boot(), sequence },
                    time: Wall::from_millis(time),
                    source_time: Some(Wall::from_millis(time - random.up_to(1))),
                    value: Some(Value::Analog(value)),
                    reasons: Reasons::none(),
                },
            ));
        }
        store.commit(&batch, Wall::from_millis(START + poll * POLL_MS)).unwrap();
    }
    drop(store);
    let reader = Reader::open(&path).unwrap();
    let (entries, octets) = (reader.check().unwrap(), reader.octets().unwrap());
    assert_eq!(entries, points * polls);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let a_sample = octets as f64 / entries as f64;
    json!({
        "points": points,
        "period_ms": POLL_MS,
        "samples": entries,
        "octets_of_the_file": octets,
        "octets_a_sample": a_sample,
        "megabytes_for_100_points_and_60_days": a_sample * 100.0 * 60.0 * f64::from(u32::try_from(POLLS_A_DAY).unwrap()) / 1e6,
    })
}

#[test]
fn a_sample_takes_few_octets() {
    let told = measure(20, 7_000);
    assert!(told["octets_a_sample"].as_f64().unwrap() < 5.0, "{told}");
}

#[test]
#[ignore = "scripts/proof.sh octets"]
fn five_days_of_a_hundred_points() {
    let result = std::env::var_os("OPENRTD_PROOF").unwrap();
    std::fs::write(result, measure(100, 5 * POLLS_A_DAY).to_string()).unwrap();
}
