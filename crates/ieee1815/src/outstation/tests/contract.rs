//! What holds for every answer to every request, sensible or not.

use super::*;
use PointType::{AnalogInput, BinaryInput, OctetString};

struct Dice(u32);

impl Dice {
    fn octet(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0.to_be_bytes()[0]
    }

    fn of(&mut self, choices: &[u8]) -> u8 {
        choices[usize::from(self.octet()) % choices.len()]
    }
}

const GROUPS: [u8; 31] = [
    0, 1, 2, 3, 4, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33, 34, 40, 41, 42, 43, 50, 51, 52, 60, 60,
    60, 80, 110, 111,
];
const QUALIFIERS: [u8; 14] =
    [0x00, 0x00, 0x01, 0x02, 0x06, 0x06, 0x06, 0x07, 0x08, 0x09, 0x17, 0x28, 0x39, 0x5B];

/// A header as a request may have it; now and then the octets of objects as well, and now and then torn.
fn header(dice: &mut Dice) -> Vec<u8> {
    let group = dice.of(&GROUPS);
    let variation = if group == 0 { dice.of(&[209, 252, 254, 255]) } else { dice.octet() % 10 };
    let qualifier = dice.of(&QUALIFIERS);
    let mut objects = vec![group, variation, qualifier];
    let (first, more) = (dice.octet() % 12, dice.octet() % 6);
    match qualifier {
        0x00 => objects.extend([first, first + more]),
        0x01 => objects.extend([first, 0, first + more, 0]),
        0x02 => objects.extend([first, 0, 0, 0, first + more, 0, 0, 0]),
        0x07 | 0x17 => objects.push(more),
        0x08 | 0x28 => objects.extend([more, 0]),
        0x09 | 0x39 => objects.extend([more, 0, 0, 0]),
        _ => {}
    }
    let width = match qualifier {
        0x17 => 1,
        0x28 => 2,
        0x39 => 4,
        _ => 0,
    };
    let object = usize::from(dice.of(&[0, 0, 0, 1, 3, 5, 11]));
    for index in 0..more {
        let prefix = u32::from(index + first).to_le_bytes();
        objects.extend_from_slice(&prefix[..width]);
        for _ in 0..object {
            objects.push(dice.octet() % 8);
        }
    }
    if dice.octet() < 20 {
        objects.truncate(usize::from(dice.octet()) % (objects.len() + 1));
    }
    objects
}

fn points() -> Vec<PointConfig> {
    let indexes = [(0, 1), (1, 2), (2, 3), (5, 1), (9, 2)];
    let of = |of| indexes.map(|(index, class)| PointConfig { class, ..PointConfig::new(of, index) });
    PointType::ALL.into_iter().flat_map(of).collect()
}

fn stir(bench: &mut Bench, dice: &mut Dice) {
    let index = u16::from(dice.of(&[0, 1, 2, 5, 9]));
    let flags = Some(Flags::from_bits(dice.of(&[1, 1, 1, 0, 2, 4, 0xFF])));
    let value = dice.octet();
    for of in PointType::ALL {
        let value = match of {
            BinaryInput | PointType::BinaryOutputStatus => Value::Binary(value > 100),
            PointType::DoubleBitInput => Value::DoubleBit(DoubleBit::from_bits(value)),
            PointType::Counter | PointType::FrozenCounter => Value::Counter(value.into()),
            AnalogInput | PointType::FrozenAnalogInput | PointType::AnalogOutputStatus => {
                Value::Analog(f64::from(value) * 300.0)
            }
            _ => continue,
        };
        bench.update(of, index, Measured { value, flags, time: Some(u64::from(index) * 40_000) });
    }
    bench.outstation.update_octets(index, &vec![value; usize::from(value % 40)]);
}

#[test]
fn every_answer_is_whole_and_that_of_its_request() {
    let mut dice = Dice(1);
    let mut bench = Bench::with(&points(), |session| {
        session.max_tx_fragment = 300;
        session.events_max = 40;
    });
    let name = Attribute { variation: 252, value: crate::objects::AttributeValue::Text("Acme".into()) };
    bench.outstation = bench.outstation.with_attributes(vec![name]);
    bench.plant.away = Some(seconds(1));
    let (mut good, mut fragments) = ([0; 32], 0);
    for turn in 0..40_000_u32 {
        // All but the confirm, which is none.
        let function = 1 + dice.octet() % 33;
        let sequence = turn.to_le_bytes()[0] & 0x0F;
        let count = dice.octet() % 4;
        let mut objects: Vec<u8> = (0..count).flat_map(|_| header(&mut dice)).collect();
        // Little of what carries objects comes out right by chance.
        match (function, dice.octet() % 4) {
            (WRITE, 0) => objects = RESTART_OFF.to_vec(),
            (WRITE, 1) => objects = vec![34, 1, 0x00, 1, 1, dice.octet(), 0],
            (SELECT..=DIRECT, 0) => objects = vec![41, 2, 0x17, 1, dice.octet() % 12, 7, 0, 0],
            (7..=10, 0) => objects = vec![20, 0, 6],
            (ASSIGN, 0) => objects = vec![60, 1 + dice.octet() % 4, 6, 30, 0, 6],
            (READ, 0) => objects = INTEGRITY.to_vec(),
            (13.., _) if function != ASSIGN && dice.octet() < 128 => objects.clear(),
            _ => {}
        }
        let silent = matches!(function, 6 | 8 | 10 | 12 | 33);
        let answers = bench.send(0xC0 | sequence, function, &objects);
        if silent {
            assert!(answers.is_empty(), "function {function} {objects:?}: {answers:?}");
            continue;
        }
        let (mut answer, mut expected) = (only(answers), 0x80 | sequence);
        loop {
            fragments += 1;
            assert!(answer.len() <= 300, "function {function} {objects:?}");
            assert_eq!((answer[0] & 0x9F, answer[1]), (expected, 129), "function {function} {objects:?}");
            assert_eq!(iin(&answer).bits() & 0xC000, 0, "reserved");
            let whole = parse_headers(&answer[4..], Direction::Response).all(|header| header.is_ok());
            assert!(whole, "function {function} {objects:?}: {answer:?}");
            let told = iin(&answer).bits() & 0x0700;
            good[usize::from(function) % 32] += u32::from(told == 0);
            assert!(told & 0x0100 == 0 || answer.len() == 4, "an unknown function has no objects");
            let (last, confirm) = (answer[0] & 0x40 != 0, answer[0] & 0x20 != 0);
            assert!(last || confirm);
            if !confirm || dice.octet() < 30 {
                break;
            }
            let next = bench.confirm(answer[0] & 0x0F);
            if last {
                assert!(next.is_empty());
                break;
            }
            expected = (answer[0] + 1) & 0x0F;
            answer = only(next);
        }
        if turn % 4 == 0 {
            stir(&mut bench, &mut dice);
        }
    }
    // Each function was answered well now and then: the requests are not all nonsense.
    for function in [1, 2, 3, 5, 7, 9, 13, 14, 22, 23, 24] {
        assert!(good[function] > 5, "function {function}: {good:?}");
    }
    assert!(fragments > 30_000 && bench.counters().duplicates == 0, "{fragments}");
}

/// A read changes nothing: not what points are, nor what another read says.
#[test]
fn reads_change_nothing() {
    let mut dice = Dice(2);
    let mut bench = Bench::new(&points());
    for _ in 0..50 {
        stir(&mut bench, &mut dice);
    }
    bench.restart_off();
    let all = |bench: &mut Bench| {
        let answer = bench.one(0xC0, READ, &INTEGRITY);
        bench.wait(seconds(5));
        answer
    };
    let before = all(&mut bench);
    for _ in 0..2_000 {
        let objects = header(&mut dice);
        let answer = only(bench.send(0xC1, READ, &objects));
        assert!(answer.len() >= 4);
        bench.wait(seconds(5));
    }
    assert_eq!(all(&mut bench), before);
    assert!(bench.plant.operated.is_empty() && bench.plant.written.is_empty());
}

#[test]
fn two_outstations_asked_alike_answer_alike() {
    let mut benches = [Bench::new(&points()), Bench::new(&points())];
    let mut dice = [Dice(3), Dice(3)];
    for turn in 0..3_000_u16 {
        let [one, other] = [0, 1].map(|at| {
            let (bench, dice) = (&mut benches[at], &mut dice[at]);
            if turn % 3 == 0 {
                stir(bench, dice);
            }
            let function = dice.octet() % 26;
            let objects = header(dice);
            bench.send(0xC0 | turn.to_le_bytes()[0] & 0x0F, function, &objects)
        });
        assert_eq!(one, other);
    }
    assert_eq!(
        benches[0].outstation.measured(OctetString, 0),
        benches[1].outstation.measured(OctetString, 0)
    );
}
