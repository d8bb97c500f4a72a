//! The buffer's books: whatever is updated, sent, lost, given up, emptied and pushed out, what is told to wait is
//! what waits, and in the end every place is free again.

use super::*;
use PointType::{AnalogInput, BinaryInput, OctetString};

struct Dice(u32);

impl Dice {
    fn below(&mut self, sides: u8) -> u8 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0.to_be_bytes()[0] % sides
    }
}

const OF_A_TYPE: u8 = 4;

/// Analogs of the latest, a binary with its history, and strings; a small buffer; sometimes unsolicited responses.
fn bench(dice: &mut Dice) -> Bench {
    let points = [
        point(AnalogInput, 1, 2, 2),
        point(AnalogInput, 2, 2, 4),
        point(AnalogInput, 3, 2, 2),
        point(BinaryInput, 1, 2, 2),
        PointConfig { class: 1, ..PointConfig::new(OctetString, 1) },
        PointConfig { class: 1, ..PointConfig::new(OctetString, 2) },
    ];
    let unsolicited = dice.below(2) == 0;
    let events_max = 3 + usize::from(dice.below(8));
    Bench::with(&points, |session| {
        session.max_tx_fragment = 300;
        session.events_max = events_max;
        session.events_of_a_type_max = OF_A_TYPE.into();
        session.unsolicited = unsolicited.then(|| UnsolicitedConfig {
            enabled: Classes::EVENTS,
            retries: 1,
            rest: seconds(20),
        });
    })
}

fn update(bench: &mut Bench, dice: &mut Dice, step: u8) {
    match dice.below(6) {
        0..=2 => bench.update(AnalogInput, 1 + u16::from(dice.below(3)), analog(step.into())),
        3 => bench.update(BinaryInput, 1, binary(step.is_multiple_of(2))),
        4 => bench.outstation.update_octets(1 + u16::from(dice.below(2)), &[step; 100]),
        _ => bench.outstation.update_octets(1 + u16::from(dice.below(2)), &[]),
    }
}

/// Confirms what wants a confirm until nothing comes any more.
fn confirm_all(bench: &mut Bench, mut came: Vec<Vec<u8>>) {
    for _ in 0..50 {
        let wanted = came.iter().filter(|fragment| fragment[0] & 0x20 != 0);
        let confirms: Vec<u8> = wanted.map(|fragment| 0xC0 | fragment[0] & 0x1F).collect();
        if confirms.is_empty() {
            return;
        }
        came = confirms.into_iter().flat_map(|control| bench.send(control, 0, &[])).collect();
    }
    panic!("without end: {came:?}");
}

#[test]
fn what_is_told_to_wait_waits_and_every_place_comes_free() {
    let (mut lost, mut most) = (0, 0);
    for seed in 0..800 {
        let mut dice = Dice(seed);
        let mut bench = bench(&mut dice);
        let mut last: Vec<Vec<u8>> = Vec::new();
        let mut sequence = 0;
        for step in 0..120 {
            let came = match dice.below(10) {
                0..=4 => {
                    update(&mut bench, &mut dice, step);
                    vec![]
                }
                5 | 6 => {
                    sequence = (sequence + 1) & 0x0F;
                    let objects: &[u8] = if dice.below(3) == 0 { &[60, 2, 7, 2] } else { &EVENTS };
                    bench.send(0xC0 | sequence, READ, objects)
                }
                7 => match last.pop() {
                    Some(fragment) => bench.send(0xC0 | fragment[0] & 0x1F, 0, &[]),
                    None => vec![],
                },
                8 => bench.wait(seconds(u64::from(dice.below(3)) * 5)),
                _ if dice.below(4) == 0 => {
                    bench.reconnect();
                    vec![]
                }
                _ => bench.turn(),
            };
            last.extend(came);
            most = most.max(bench.waiting());
        }
        // Nothing is under way any more: then all that waits is told, and nothing else.
        bench.reconnect();
        let due = bench.turn();
        confirm_all(&mut bench, due);
        if bench.outstation.sessions[0].unsolicited.is_none() {
            let told = bench.iin(0xC0, DELAY_MEASURE, &[]).contains(Iin::CLASS_1);
            assert_eq!(told, bench.waiting() > 0, "seed {seed}");
        }
        let answer = bench.send(0xC1, READ, &EVENTS);
        confirm_all(&mut bench, answer);
        assert_eq!(bench.waiting(), 0, "seed {seed}");
        assert!(!bench.iin(0xC3, DELAY_MEASURE, &[]).contains(Iin::CLASS_1), "seed {seed}");
        assert!(bench.turn().is_empty(), "seed {seed}");
        // As many of one type as are allowed go in again, and none more.
        let places =
            u64::try_from(bench.outstation.sessions[0].config.events_max).unwrap().min(OF_A_TYPE.into());
        lost += bench.counters().events_lost;
        for of in [BinaryInput, AnalogInput] {
            let before = bench.counters().events_lost;
            bench.outstation.disconnected(0, bench.now);
            for step in 0..=places {
                assert_eq!(bench.counters().events_lost, before, "seed {seed}: {of:?} {step} of {places}");
                let measured = match of {
                    AnalogInput => analog(200.0 + f64::from(u32::try_from(step).unwrap())),
                    _ => binary(bench.outstation.measured(of, 1).unwrap().value == Value::Binary(false)),
                };
                bench.update(of, if of == AnalogInput { 2 } else { 1 }, measured);
            }
            assert_eq!(bench.counters().events_lost, before + 1, "seed {seed}: {of:?}");
            bench.reconnect();
            let mut came = bench.turn();
            came.extend(bench.send(0xC1, READ, &EVENTS));
            confirm_all(&mut bench, came);
            assert_eq!(bench.waiting(), 0, "seed {seed}");
        }
    }
    assert!(lost > 1_000 && most >= 9, "{lost} {most}");
}
