//! What devices answer: values good and bad, drawn from one number.

use std::collections::BTreeMap;

use ieee1815::Flags;
use rtd::core::{Reading, Reported};
use site::{Dnp3Type, ReadingIx};
use telemetry::{Unit, Wall, WallTrust};

use crate::oracle::{From, Given, Oracle, Told, factor};
use crate::proof::Dice;
use crate::script::Answer;

/// One reading of a report, with the points that it belongs to.
pub(crate) struct One {
    pub(crate) points: Vec<usize>,
    pub(crate) given: Given,
    pub(crate) told: Option<Told>,
    pub(crate) reading: (ReadingIx, Reading),
}

/// What each reading was last, by device and reading, in the source's unit.
pub(crate) type Memory = BTreeMap<(usize, usize), f64>;

/// The device that is a DNP3 outstation.
const RTU: usize = 5;

/// Values of a point in its unit: as it should be, saturating the wire, and beyond what is plausible.
struct Values {
    good: (f64, f64),
    saturating: Option<f64>,
    implausible: Option<[f64; 2]>,
    /// It moves by so much at most, as often as not.
    walk: Option<f64>,
}

fn values(id: &str) -> Values {
    let values = |good, saturating, implausible| Values { good, saturating, implausible, walk: None };
    match id {
        "meter.mw" | "backup.mw" | "rtu.mw" => values((-14.0, 14.0), Some(17.0), Some([-21.0, 25.0])),
        "meter.mvar" => values((-9.5, 9.5), None, Some([-11.0, 12.0])),
        "bess.mw" => values((-4.5, 4.5), Some(-6.0), Some([-22.0, 30.0])),
        "ghi" => values((-5.0, 1_500.0), None, Some([-60.0, 2_000.0])),
        "wind" => Values { walk: Some(2.0), ..values((0.0, 50.0), Some(70.0), None) },
        "rtu.energy" => values((0.0, 14.0), Some(16.0), None),
        _ => values((0.0, 500.0), None, None),
    }
}

/// The readings of a device's answer.
pub(crate) fn readings(
    oracle: &Oracle,
    device: usize,
    answer: Answer,
    received: u64,
    memory: &mut Memory,
    seed: u64,
) -> Vec<One> {
    let mut dice = Dice::new(seed);
    let mut by_reading: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (reading, at) in oracle.readings(device) {
        by_reading.entry(reading).or_default().push(at);
    }
    let mut given = Vec::new();
    for (reading, points) in by_reading {
        let good = match answer {
            Answer::Good => true,
            Answer::Mixed => dice.percent(60),
            Answer::Bad => false,
        };
        let trouble = if good { None } else { Some(dice.below(8)) };
        // Missing: it simply grows old.
        if trouble == Some(0) {
            continue;
        }
        let point = &oracle.points[points[0]];
        let (plain, known) = match (&point.from, point.unit) {
            (From::Field { unit: Some(from), sign, .. }, Some(to)) => {
                let drawn = draw(&mut dice, &values(point.id.as_str()), trouble, || {
                    let last = memory.get(&(device, reading))?;
                    Some(sign.apply(*last) * factor(*from, to))
                });
                number(drawn, *from, to, *sign, trouble)
            }
            _ => state(&mut dice, trouble),
        };
        if let Given::Number(number) = known {
            memory.insert((device, reading), number);
        }
        let (plain, told) = if device == RTU {
            let kind = match (point.unit, point.id.as_str()) {
                (None, _) => Dnp3Type::Binary,
                (_, "rtu.energy") => Dnp3Type::Counter,
                _ => Dnp3Type::Analog,
            };
            reported(&mut dice, plain, kind, good, received)
        } else {
            (plain, None)
        };
        given.push(One { points, given: known, told, reading: (ReadingIx::new(reading), plain) });
    }
    given
}

/// A value in the point's unit.
fn draw(dice: &mut Dice, values: &Values, trouble: Option<u64>, last: impl Fn() -> Option<f64>) -> f64 {
    let (low, high) = values.good;
    match (trouble, values.implausible, values.saturating) {
        (Some(1), Some(beyond), _) => return beyond[dice.index(2)],
        (Some(1 | 2), _, Some(much)) => return much,
        _ => {}
    }
    // On a grid of hundredths of the span, so that two values that differ do so by many counts.
    let any = low + (high - low) * dice.below(101) as f64 / 100.0;
    match (last(), values.walk) {
        (Some(last), _) if dice.percent(35) && (low..=high).contains(&last) => last,
        (Some(last), Some(by)) if dice.percent(70) => {
            (last + by * (dice.below(3) as f64 - 1.0)).clamp(low, high)
        }
        _ => any,
    }
}

fn number(value: f64, from: Unit, to: Unit, sign: telemetry::Sign, trouble: Option<u64>) -> (Reading, Given) {
    let raw = sign.apply(value) / factor(from, to);
    match trouble {
        Some(3) => (Reading::NotImplemented, Given::Nothing),
        Some(4) => (Reading::Number(f64::NAN), Given::Nothing),
        Some(5) => (Reading::NotANumber, Given::Nothing),
        Some(6) => (Reading::Invalid(String::new()), Given::Nothing),
        Some(7) => (Reading::State(true), Given::Nothing),
        _ => (Reading::Number(raw), Given::Number(raw)),
    }
}

fn state(dice: &mut Dice, trouble: Option<u64>) -> (Reading, Given) {
    match trouble {
        Some(3 | 4) => (Reading::NotImplemented, Given::Nothing),
        Some(5 | 6) => (Reading::Invalid(String::new()), Given::Nothing),
        Some(7) => (Reading::Number(1.0), Given::Nothing),
        _ => {
            let state = dice.percent(65);
            (Reading::State(state), Given::State(state))
        }
    }
}

/// The same as an outstation tells it, with flags and a time of its own.
fn reported(
    dice: &mut Dice,
    reading: Reading,
    kind: Dnp3Type,
    good: bool,
    received: u64,
) -> (Reading, Option<Told>) {
    let flags = if good || dice.percent(40) {
        dice.percent(70).then_some(Flags::ONLINE)
    } else {
        let bits = [
            Flags::RESTART,
            Flags::COMM_LOST,
            Flags::REMOTE_FORCED,
            Flags::LOCAL_FORCED,
            Flags::OVER_RANGE,
            Flags::REFERENCE_ERR,
        ];
        let online = if dice.percent(80) { Flags::ONLINE } else { Flags::NONE };
        Some(online | bits[dice.index(bits.len())])
    };
    let event = dice.percent(50);
    // Its clock is another one; now and then an event has waited there.
    let waited = if dice.percent(25) { dice.below(20_000) } else { 0 };
    let time = (event && dice.percent(80)).then(|| (received + 5_000_000).saturating_sub(waited));
    let trust = [WallTrust::Synchronised, WallTrust::Unknown][dice.index(2)];
    let told = Told { kind, flags, event, time };
    let time = time.map(|time| (Wall::from_millis(time), trust));
    (Reading::Reported(Box::new(Reported { reading, kind, flags, time, event })), Some(told))
}
