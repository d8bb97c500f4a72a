//! A battery that follows the ISO's regulation signal: a set point every 4 s as an encoded g41, an integrity poll at the
//! end of each step, and what the master decodes held against what the battery really did.
//!
//! The measured signal lies beside the project and is no part of it; where it is absent its tests say that they skip.

mod battery;
mod picture;
mod proof;

use std::path::Path;

use control::score::{Score, Step, score};
use ieee1815::master::Outcome;
use ieee1815::{Classes, CommandStatus, Flags, OperateMode, PointType};
use site::{DeviceIx, ReadingIx, Site};

use super::world::{BESS, EMS, METER, World, site_from};
use crate::core::{FieldEvent, FieldOutcome, FieldWrite, Input, Reading, Record};
use battery::{Battery, RATED};

/// Seconds between two set points.
const STEP: f64 = 4.0;
/// Counts of a megawatt.
const COUNTS: f64 = 320.0;
/// Counts of a megawatt-hour.
const CHARGE_COUNTS: f64 = 64.0;
/// Quarters of a second in a step.
const QUARTERS: u64 = 16;
/// The code of a battery that its charge holds back.
const ENERGY: f64 = 2.0;

/// The end of a step, as the master decoded it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Look {
    /// What the device's event log says was asked for, MW.
    asked: f64,
    /// MW.
    done: f64,
    clamp: f64,
    /// MWh.
    charge: f64,
    /// By how much the battery was off in the mean of the step, MW: not decoded, but as it was.
    off: f64,
}

impl Look {
    fn is_clamped(&self) -> bool {
        self.clamp != 0.0
    }
}

/// A signal followed from its begin to its end.
struct Run {
    looks: Vec<Look>,
    /// The least and the most that was in the battery, MWh.
    charge: (f64, f64),
}

fn site(battery: &Battery) -> Site {
    let text = include_str!("site.toml");
    let text = text.replace("LOWEST", &format!("{:?}", battery.lowest));
    site_from(&text.replace("HIGHEST", &format!("{:?}", battery.highest)))
}

/// The battery takes what it was told.
fn obey(world: &mut World, battery: &mut Battery) {
    for (request, write) in std::mem::take(&mut world.writes) {
        if let FieldWrite::SunSpec704 { watts, .. } = write {
            battery.told = watts / 1e6;
        }
        let (device, result) = (DeviceIx::new(BESS), Ok(()));
        world.input(Input::Field(FieldEvent::Written { device, request, result }));
    }
}

/// Meter, battery and switchgear are read.
fn say(world: &mut World, battery: &mut Battery) {
    let (watts, charge) = (battery.power * 1e6, battery.charge * 1e6);
    let readings = [watts, charge].into_iter().enumerate();
    let readings = readings.map(|(at, value)| (ReadingIx::new(at), Reading::Number(value))).collect();
    world.poll(BESS, FieldOutcome::Readings(readings));
    world.watts(METER, watts);
    world.switches(true, true);
    obey(world, battery);
}

/// What the master decodes, which has to be good.
fn decoded(world: &World, index: u16) -> f64 {
    let (value, flags) = world.analog(EMS, index);
    assert_eq!(flags, Flags::ONLINE, "analog input {index}");
    value
}

/// What the event log says of the step's only command.
fn asked(world: &World) -> f64 {
    let mut values = world.records.iter().filter_map(|record| match record {
        Record::Command { value, mode: "direct", .. } => *value,
        _ => None,
    });
    let value = values.next().unwrap();
    assert_eq!(values.next(), None, "one command a step");
    value
}

/// Follows a signal; what may never be is asserted on the way.
fn follow(mut world: World, mut battery: Battery, signal: &[f64], what: &str) -> Run {
    let mut run = Run { looks: Vec::with_capacity(signal.len()), charge: (battery.charge, battery.charge) };
    say(&mut world, &mut battery);
    world.connect(EMS);
    for (at, wanted) in signal.iter().enumerate() {
        world.records.clear();
        world.wire.clear();
        let outcome = world.set(EMS, OperateMode::Direct, wanted * COUNTS);
        assert_eq!(outcome, Outcome::Status(CommandStatus::Success), "{what}, step {at}");
        obey(&mut world, &mut battery);
        let mut off = 0.0;
        // What the charge allowed at the last reading.
        let mut lasts = true;
        for quarter in 0..QUARTERS {
            world.pass(250);
            obey(&mut world, &mut battery);
            battery.pass(0.25);
            off += (battery.power - wanted).abs();
            let within = battery.charge >= battery.lowest && battery.charge <= battery.highest;
            assert!(within, "{what}, step {at}: {battery:?}");
            run.charge = (run.charge.0.min(battery.charge), run.charge.1.max(battery.charge));
            if quarter % 4 == 1 {
                lasts = battery.lasts(*wanted);
                say(&mut world, &mut battery);
            }
        }
        world.read(EMS, Classes::ALL);
        let look = Look {
            asked: asked(&world),
            done: decoded(&world, 2) / COUNTS,
            clamp: decoded(&world, 41),
            charge: decoded(&world, 3) / CHARGE_COUNTS,
            #[expect(clippy::cast_precision_loss, reason = "sixteen")]
            off: off / QUARTERS as f64,
        };
        let place = format!("{what}, step {at}: {look:?}, {battery:?}");
        assert!((look.asked - wanted).abs() < 1e-5, "{place}: {wanted} was sent");
        assert!((world.of(EMS, PointType::AnalogOutputStatus, 1).0 / COUNTS - wanted).abs() < 1.0 / COUNTS);
        assert_eq!(decoded(&world, 42), 1.0, "{place}: the ISO owns it");
        assert!((battery.power - look.done).abs() <= 1.0 / COUNTS || look.is_clamped(), "{place}");
        // Held back is told as such, and only what is held back is.
        assert_eq!(look.clamp, if lasts { 0.0 } else { ENERGY }, "{place}");
        assert!((look.done - wanted).abs() <= 1.0 / COUNTS || look.clamp == ENERGY, "{place}");
        run.looks.push(look);
    }
    run
}

impl Run {
    fn score(&self) -> Score {
        let step = |look: &Look| Step { asked: look.asked, done: look.done, clamped: look.is_clamped() };
        score(&self.looks.iter().map(step).collect::<Vec<_>>(), 5)
    }

    /// One less the mean deviation within the steps as a share of what was asked for: the way there counts.
    fn accuracy_within(&self) -> f64 {
        let free = self.looks.iter().filter(|look| !look.is_clamped());
        let (off, size) =
            free.fold((0.0, 0.0), |(off, size), look| (off + look.off, size + look.asked.abs()));
        1.0 - off / size
    }

    /// How far it was off at the end of a step in which nothing held it back, at most, MW.
    fn worst(&self) -> f64 {
        let free = self.looks.iter().filter(|look| !look.is_clamped());
        free.map(|look| (look.asked - look.done).abs()).fold(0.0, f64::max)
    }
}

/// The measured signal: days, and the steps of each. `None` where it is not here.
fn measured() -> Option<Vec<(String, Vec<f64>)>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/regulation/caiso_regulation_4s.csv");
    let Ok(mut reader) = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(path) else {
        assert!(
            std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(),
            "the measured regulation signal is not here"
        );
        eprintln!("skipped: the measured regulation signal (../shared/data/regulation) is not here");
        return None;
    };
    let heads = reader.headers().unwrap().clone();
    let mut days: Vec<(String, Vec<f64>)> =
        heads.iter().skip(1).map(|day| (day.to_owned(), Vec::new())).collect();
    for row in reader.records() {
        for (day, value) in days.iter_mut().zip(row.unwrap().iter().skip(1)) {
            day.1.push(value.parse().unwrap());
        }
    }
    Some(days)
}

/// A signal of our own: three waves that do not fit together, in quarters of a megawatt, and a step from end to end.
fn made(steps: u16) -> Vec<f64> {
    let wave = |at: f64, period: f64| (at * std::f64::consts::TAU / period).sin();
    let value = |at: u16| {
        let seconds = f64::from(at) * STEP;
        if (40..44).contains(&at) {
            return if at.is_multiple_of(2) { RATED } else { -RATED };
        }
        let sum = 90.0 * wave(seconds, 780.0) + 30.0 * wave(seconds, 97.0) + 10.0 * wave(seconds, 31.0);
        (sum.clamp(-RATED, RATED) * 4.0).round() / 4.0
    };
    (0..steps).map(value).collect()
}

#[test]
fn a_battery_follows_until_its_charge_holds_it_back() {
    let (signal, battery) = (made(200), Battery::new(1.0, 6.0, 3.5));
    let run = follow(World::with_site(&site(&battery)), battery, &signal, "made");
    let score = run.score();
    let ends = run.looks.iter().filter(|look| look.is_clamped());
    let (out, back): (Vec<&Look>, Vec<&Look>) = ends.partition(|look| look.asked > 0.0);
    assert!(out.len() > 3 && back.len() > 3 && score.clamped < 120, "{score:?}");
    assert!(score.accuracy.unwrap() > 0.999 && score.delay_steps == Some(0), "{score:?}");
    assert!(run.accuracy_within() > 0.8, "{}", run.accuracy_within());
    let wanted: f64 = signal.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    assert!((score.mileage - wanted).abs() < 1e-3, "{score:?}, {wanted}");
}

#[test]
fn a_large_battery_follows_all_of_it() {
    let (signal, battery) = (made(100), Battery::new(10.0, 390.0, 200.0));
    let run = follow(World::with_site(&site(&battery)), battery, &signal, "made");
    let score = run.score();
    assert_eq!((score.clamped, score.delay_steps), (0, Some(0)));
    assert!(run.worst() <= 1.0 / COUNTS, "{}", run.worst());
    assert!((score.response_mileage - score.mileage).abs() < 1.0, "{score:?}");
}

#[test]
fn some_minutes_of_the_measured_signal() {
    let Some(days) = measured() else { return };
    assert_eq!(days.len(), 100);
    for (day, signal) in days.iter().take(2) {
        assert_eq!(signal.len(), 3_600);
        let battery = Battery::new(5.0, 95.0, 50.0);
        let run = follow(World::untaped(&site(&battery)), battery, &signal[..150], day);
        assert!(run.score().accuracy.unwrap() > 0.999, "{day}");
    }
}
