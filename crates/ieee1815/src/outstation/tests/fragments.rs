//! Answers of many objects: nothing is left out, doubled or torn where one fragment ends and the next begins.

use super::*;
use PointType::{AnalogInput, BinaryInput, Counter, DoubleBitInput};

/// All objects of an answer in all its fragments, none longer than `max`; and how many fragments there were.
fn all(bench: &mut Bench, objects: &[u8], max: usize) -> (Vec<(u8, u32, Measured)>, usize) {
    let (mut found, mut fragments, mut answer) = (Vec::new(), 0, bench.one(0xC0, READ, objects));
    loop {
        assert!(answer.len() <= max, "{} octets", answer.len());
        fragments += 1;
        for header in parse_headers(&answer[4..], Direction::Response) {
            let header = header.unwrap();
            header.visit(|index, measured| found.push((header.group, index, measured)));
        }
        let (sequence, last) = (answer[0] & 0x0F, answer[0] & 0x40 != 0);
        let next = if answer[0] & 0x20 != 0 { bench.confirm(sequence) } else { vec![] };
        if last {
            assert!(next.is_empty());
            return (found, fragments);
        }
        answer = only(next);
    }
}

/// A value of the type that differs from one index to the next.
fn value(of: PointType, index: u16) -> Value {
    match of {
        BinaryInput | PointType::BinaryOutputStatus => {
            Value::Binary(index.is_multiple_of(3) || index.is_multiple_of(7))
        }
        DoubleBitInput => Value::DoubleBit(DoubleBit::from_bits((index * 7 / 3).to_le_bytes()[0])),
        Counter | PointType::FrozenCounter => Value::Counter(u32::from(index) + 1),
        _ => Value::Analog(f64::from(index) - 200.0),
    }
}

fn types() -> impl Iterator<Item = PointType> {
    let others = [PointType::OctetString, PointType::BinaryOutputCommand, PointType::AnalogOutputCommand];
    PointType::ALL.into_iter().filter(move |of| !others.contains(of))
}

fn variations(group: u8) -> impl Iterator<Item = u8> {
    (1..=10).filter(move |variation| crate::objects::entry(group, *variation).is_some())
}

#[test]
fn statics_of_every_variation_over_many_fragments() {
    for of in types() {
        for variation in variations(of.static_group().unwrap()) {
            let points: Vec<_> = (0..3000).map(|index| point(of, index, variation, 1)).collect();
            let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 300);
            for index in 0..3000 {
                bench.update(of, index, good(value(of, index)));
            }
            let (found, fragments) = all(&mut bench, &CLASS_0, 300);
            let expected: Vec<_> = (0..3000).map(|index| (u32::from(index), value(of, index))).collect();
            let read: Vec<_> = found.iter().map(|(_, index, measured)| (*index, measured.value)).collect();
            assert_eq!(read, expected, "{of:?} v{variation}");
            let object = crate::objects::entry(of.static_group().unwrap(), variation).unwrap();
            let fewest = object.octets_max() * 3000 / 289;
            assert!(fragments <= fewest + 2, "{of:?} v{variation}: {fragments} fragments, not well filled");
        }
    }
}

#[test]
fn events_of_every_variation_over_many_fragments() {
    for of in types() {
        for variation in variations(of.event_group()) {
            let points: Vec<_> = (0..200).map(|index| point(of, index * 3, 1, variation)).collect();
            let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 300);
            for index in (0..600).step_by(3) {
                let time = Some(1_000_000 + u64::from(index) * 1_000);
                bench.update(of, index, Measured { time, ..good(value(of, index)) });
            }
            let (found, _) = all(&mut bench, &[60, 2, 6], 300);
            let read: Vec<_> = found.iter().map(|(_, index, measured)| (*index, measured.value)).collect();
            let expected: Vec<_> =
                (0..600).step_by(3).map(|index| (u32::from(index), value(of, index))).collect();
            assert_eq!(read, expected, "{of:?} v{variation}");
            for (_, index, measured) in &found {
                let time = 1_000_000 + u64::from(*index) * 1_000;
                assert!(measured.time.is_none_or(|found| found == time), "{of:?} v{variation}");
            }
            assert_eq!(bench.waiting(), 0, "{of:?} v{variation}");
        }
    }
}

#[test]
fn every_largest_fragment_from_300_octets_on() {
    let points: Vec<_> = (0..61)
        .flat_map(|index| {
            [
                point(BinaryInput, index, if index % 11 == 5 { 2 } else { 1 }, 3),
                point(DoubleBitInput, index * 2, 1, 3),
                point(Counter, index, 6, 6),
                point(AnalogInput, index + index / 20, if index % 7 == 3 { 6 } else { 4 }, 8),
            ]
        })
        .collect();
    for max in 300..=420 {
        let mut bench = Bench::with(&points, |session| session.max_tx_fragment = max);
        for point in &points {
            let measured = Measured {
                time: Some(u64::from(point.index) * 30_000),
                ..good(value(point.point, point.index))
            };
            bench.update(point.point, point.index, measured);
        }
        // Now and then one that is not good, so that it leaves in another variation.
        for index in (0..61).step_by(13) {
            let lost = Measured { flags: Some(Flags::COMM_LOST), ..good(value(Counter, index)) };
            bench.update(Counter, index, lost);
        }
        let waiting = bench.waiting();
        let (found, _) = all(&mut bench, &INTEGRITY, max);
        let (events, statics): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(group, ..)| matches!(group, 2 | 4 | 22 | 32));
        assert_eq!((events.len(), statics.len()), (waiting, points.len()), "{max}");
        let mut expected: Vec<_> = points
            .iter()
            .map(|point| (point.point, u32::from(point.index), value(point.point, point.index)))
            .collect();
        expected.sort_by_key(|(of, index, _)| (*of, *index));
        let read: Vec<_> = statics.iter().map(|(_, index, measured)| (*index, measured.value)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(_, index, value)| (index, value)).collect();
        assert_eq!(read, expected, "{max}");
        assert_eq!(bench.waiting(), 0);
    }
}

#[test]
fn a_range_goes_on_in_the_next_fragment() {
    let points: Vec<_> = (0..500).map(analog_input).collect();
    let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 300);
    let (found, fragments) = all(&mut bench, &[30, 1, 0x01, 100, 0, 0x2B, 1], 300);
    let indexes: Vec<_> = found.iter().map(|found| found.1).collect();
    assert_eq!(indexes, (100..=299).collect::<Vec<_>>());
    assert!(fragments > 3);
}

#[test]
fn points_in_every_second_index() {
    let points: Vec<_> = (0..200).map(|index| point(BinaryInput, index * 2, 1, 1)).collect();
    let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 300);
    let (found, _) = all(&mut bench, &CLASS_0, 300);
    assert_eq!(
        found.iter().map(|found| found.1).collect::<Vec<_>>(),
        (0..400).step_by(2).collect::<Vec<_>>()
    );
}

#[test]
fn variations_that_alternate() {
    let points: Vec<_> = (0..300)
        .zip((1..=6).cycle())
        .map(|(index, variation)| point(AnalogInput, index, variation, 1))
        .collect();
    let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 300);
    for index in 0..300 {
        bench.update(AnalogInput, index, analog(f64::from(index)));
    }
    let (found, _) = all(&mut bench, &CLASS_0, 300);
    let read: Vec<_> = found.iter().map(|(_, index, measured)| (*index, measured.value)).collect();
    assert_eq!(read, (0..300).map(|index| (index, Value::Analog(index.into()))).collect::<Vec<_>>());
}

#[test]
fn the_shortest_fragment_holds_the_longest_object() {
    let strings: Vec<_> = (0..3)
        .map(|index| PointConfig { class: 1, ..PointConfig::new(PointType::OctetString, index) })
        .collect();
    let mut bench = Bench::with(&strings, |session| session.max_tx_fragment = 1);
    for index in 0..3 {
        bench.outstation.update_octets(index, &[u8::try_from(index).unwrap(); 255]);
    }
    for objects in [&CLASS_0, &[60, 2, 6]] {
        let mut answer = bench.one(0xC0, READ, objects);
        let mut found = Vec::new();
        loop {
            for header in parse_headers(&answer[4..], Direction::Response) {
                found.extend(header.unwrap().strings().map(|(index, octets)| (index, octets.to_vec())));
            }
            let next = bench.confirm(answer[0] & 0x0F);
            if answer[0] & 0x40 != 0 {
                break;
            }
            answer = only(next);
        }
        assert_eq!(found, [(0, vec![0; 255]), (1, vec![1; 255]), (2, vec![2; 255])]);
    }
}

#[test]
fn one_event_asked_for_twice_is_sent_once() {
    let mut bench = Bench::new(&[analog_input(1)]);
    bench.update(AnalogInput, 1, analog(7.0));
    let answer = bench.one(0xC0, READ, &[60, 2, 6, 32, 0, 6, 60, 2, 6, 60, 1, 6]);
    assert_eq!(values(&answer), [(1, 7.0), (1, 7.0)], "an event and a static");
}

#[test]
fn as_many_points_as_there_are_indexes_in_one_fragment() {
    let points: Vec<_> = (0..=u16::MAX).map(|index| point(BinaryInput, index, 1, 1)).collect();
    let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 20_000);
    let master = ChannelConfig { max_rx_fragment: 20_000, ..ChannelConfig::new(Role::Master, 1, 10) };
    bench.masters[0] = Channel::new(master);
    for index in 0..=u16::MAX {
        bench.update(BinaryInput, index, good(value(BinaryInput, index)));
    }
    let (found, fragments) = all(&mut bench, &CLASS_0, 20_000);
    assert_eq!((found.len(), fragments), (65_536, 1));
    let right = found.iter().zip(0..=u16::MAX).all(|((_, index, measured), expected)| {
        *index == u32::from(expected) && measured.value == value(BinaryInput, expected)
    });
    assert!(right);
}
