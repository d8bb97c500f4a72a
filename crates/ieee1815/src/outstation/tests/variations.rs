//! Every static and event variation of every type, as octets, as a default and asked for by name, and read back.

use super::*;
use PointType::{
    AnalogInput, AnalogOutputStatus, BinaryInput, BinaryOutputStatus, Counter, DoubleBitInput,
    FrozenAnalogInput, FrozenCounter,
};

/// 0x0605_0403_0201.
const STAMP: u64 = 6_618_611_909_121;

const COUNT: Value = Value::Counter(0x0403_0201);
const MINUS_TWO: Value = Value::Analog(-2.0);
const ON: Value = Value::DoubleBit(DoubleBit::On);

type Case = (PointType, u8, Value, u8, &'static [u8]);

/// Type, variation, value, flags, and the octets of the object.
const STATICS: &[Case] = &[
    (BinaryInput, 1, Value::Binary(true), 0x01, &[0x01]),
    (BinaryInput, 2, Value::Binary(true), 0x11, &[0x91]),
    (BinaryInput, 2, Value::Binary(false), 0x01, &[0x01]),
    (DoubleBitInput, 1, ON, 0x01, &[0x02]),
    (DoubleBitInput, 2, ON, 0x09, &[0x89]),
    (DoubleBitInput, 2, Value::DoubleBit(DoubleBit::Off), 0x01, &[0x41]),
    (DoubleBitInput, 2, Value::DoubleBit(DoubleBit::Intermediate), 0x01, &[0x01]),
    (DoubleBitInput, 2, Value::DoubleBit(DoubleBit::Indeterminate), 0x05, &[0xC5]),
    (BinaryOutputStatus, 1, Value::Binary(true), 0x01, &[0x01]),
    (BinaryOutputStatus, 2, Value::Binary(true), 0x05, &[0x85]),
    (Counter, 1, COUNT, 0x41, &[0x41, 1, 2, 3, 4]),
    (Counter, 2, COUNT, 0x01, &[0x01, 1, 2]),
    (Counter, 5, COUNT, 0x01, &[1, 2, 3, 4]),
    (Counter, 6, COUNT, 0x01, &[1, 2]),
    (FrozenCounter, 1, COUNT, 0x11, &[0x11, 1, 2, 3, 4]),
    (FrozenCounter, 2, COUNT, 0x01, &[0x01, 1, 2]),
    (FrozenCounter, 5, COUNT, 0x01, &[0x01, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6]),
    (FrozenCounter, 6, COUNT, 0x01, &[0x01, 1, 2, 1, 2, 3, 4, 5, 6]),
    (FrozenCounter, 9, COUNT, 0x01, &[1, 2, 3, 4]),
    (FrozenCounter, 10, COUNT, 0x01, &[1, 2]),
    (AnalogInput, 1, MINUS_TWO, 0x04, &[0x04, 0xFE, 0xFF, 0xFF, 0xFF]),
    (AnalogInput, 2, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF]),
    (AnalogInput, 3, MINUS_TWO, 0x01, &[0xFE, 0xFF, 0xFF, 0xFF]),
    (AnalogInput, 4, MINUS_TWO, 0x01, &[0xFE, 0xFF]),
    (AnalogInput, 5, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (AnalogInput, 6, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
    (FrozenAnalogInput, 1, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF]),
    (FrozenAnalogInput, 2, MINUS_TWO, 0x02, &[0x02, 0xFE, 0xFF]),
    (FrozenAnalogInput, 3, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 5, 6]),
    (FrozenAnalogInput, 4, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 1, 2, 3, 4, 5, 6]),
    (FrozenAnalogInput, 5, MINUS_TWO, 0x01, &[0xFE, 0xFF, 0xFF, 0xFF]),
    (FrozenAnalogInput, 6, MINUS_TWO, 0x01, &[0xFE, 0xFF]),
    (FrozenAnalogInput, 7, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (FrozenAnalogInput, 8, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
    (AnalogOutputStatus, 1, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF]),
    (AnalogOutputStatus, 2, MINUS_TWO, 0x11, &[0x11, 0xFE, 0xFF]),
    (AnalogOutputStatus, 3, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (AnalogOutputStatus, 4, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
];

/// As [`STATICS`], without the time that some of them end with.
const EVENT_OBJECTS: &[Case] = &[
    (BinaryInput, 1, Value::Binary(true), 0x11, &[0x91]),
    (BinaryInput, 2, Value::Binary(false), 0x21, &[0x21]),
    (DoubleBitInput, 1, ON, 0x01, &[0x81]),
    (DoubleBitInput, 2, Value::DoubleBit(DoubleBit::Off), 0x05, &[0x45]),
    (BinaryOutputStatus, 1, Value::Binary(true), 0x01, &[0x81]),
    (BinaryOutputStatus, 2, Value::Binary(true), 0x11, &[0x91]),
    (Counter, 1, COUNT, 0x41, &[0x41, 1, 2, 3, 4]),
    (Counter, 2, COUNT, 0x01, &[0x01, 1, 2]),
    (Counter, 5, COUNT, 0x01, &[0x01, 1, 2, 3, 4]),
    (Counter, 6, COUNT, 0x01, &[0x01, 1, 2]),
    (FrozenCounter, 1, COUNT, 0x01, &[0x01, 1, 2, 3, 4]),
    (FrozenCounter, 2, COUNT, 0x01, &[0x01, 1, 2]),
    (FrozenCounter, 5, COUNT, 0x01, &[0x01, 1, 2, 3, 4]),
    (FrozenCounter, 6, COUNT, 0x09, &[0x09, 1, 2]),
    (AnalogInput, 1, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF]),
    (AnalogInput, 2, MINUS_TWO, 0x04, &[0x04, 0xFE, 0xFF]),
    (AnalogInput, 3, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF]),
    (AnalogInput, 4, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF]),
    (AnalogInput, 5, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (AnalogInput, 6, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
    (AnalogInput, 7, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (AnalogInput, 8, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
    (FrozenAnalogInput, 1, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF]),
    (FrozenAnalogInput, 2, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF]),
    (FrozenAnalogInput, 3, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF]),
    (FrozenAnalogInput, 4, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF]),
    (FrozenAnalogInput, 5, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (FrozenAnalogInput, 6, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
    (FrozenAnalogInput, 7, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (FrozenAnalogInput, 8, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
    (AnalogOutputStatus, 1, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF]),
    (AnalogOutputStatus, 2, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF]),
    (AnalogOutputStatus, 3, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF, 0xFF, 0xFF]),
    (AnalogOutputStatus, 4, MINUS_TWO, 0x01, &[0x01, 0xFE, 0xFF]),
    (AnalogOutputStatus, 5, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (AnalogOutputStatus, 6, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
    (AnalogOutputStatus, 7, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0xC0]),
    (AnalogOutputStatus, 8, MINUS_TWO, 0x01, &[0x01, 0, 0, 0, 0, 0, 0, 0, 0xC0]),
];

/// Event variations that end with a time of six octets.
fn ends_with_time(point: PointType, variation: u8) -> bool {
    match point {
        BinaryInput | DoubleBitInput | BinaryOutputStatus => variation == 2,
        Counter | FrozenCounter => variation >= 5,
        _ => matches!(variation, 3 | 4 | 7 | 8),
    }
}

fn state(value: Value, flags: u8) -> Measured {
    Measured { value, flags: Some(Flags::from_bits(flags)), time: Some(STAMP) }
}

/// A static and an event variation of a type, other than the one given.
fn others(point: PointType, variation: u8) -> (u8, u8) {
    let other = if variation == 1 { 2 } else { 1 };
    (if matches!(point, Counter) && variation == 2 { 5 } else { other }, other)
}

/// What a value that went through 16 bits comes back as.
fn cut(value: Value, variation: u8) -> Value {
    match value {
        Value::Counter(count) if matches!(variation, 2 | 6 | 10) => Value::Counter(count & 0xFFFF),
        value => value,
    }
}

#[test]
fn statics_of_every_variation() {
    for (of, variation, value, flags, octets) in STATICS.iter().copied() {
        let group = of.static_group().unwrap();
        let mut expected = vec![group, variation, 0x01, 7, 0, 7, 0];
        expected.extend_from_slice(octets);
        let mut bench = Bench::new(&[point(of, 7, variation, 1)]);
        bench.update(of, 7, state(value, flags));
        let answer = bench.one(0xC0, READ, &CLASS_0);
        assert_eq!(answer[4..], expected, "{of:?} v{variation} in class 0");
        assert_eq!(bench.objects(0xC1, READ, &[group, 0, 6]), expected, "{of:?} v{variation}, variation 0");
        let [(7, found)] = measured(&answer)[..] else { panic!("{of:?} v{variation}: {answer:?}") };
        assert_eq!(found.value, cut(value, variation), "{of:?} v{variation}");
        assert!(found.flags.is_none_or(|found| found.bits() == flags), "{of:?} v{variation}");
        assert!(found.time.is_none_or(|time| time == STAMP), "{of:?} v{variation}");

        let mut bench = Bench::new(&[point(of, 7, others(of, variation).0, 1)]);
        bench.update(of, 7, state(value, flags));
        let asked = [group, variation, 0x00, 7, 7];
        assert_eq!(bench.objects(0xC0, READ, &asked), expected, "{of:?} v{variation} by name");
    }
}

#[test]
fn events_of_every_variation() {
    for (of, variation, value, flags, octets) in EVENT_OBJECTS.iter().copied() {
        let group = of.event_group();
        let mut expected = vec![group, variation, 0x28, 1, 0, 7, 0];
        expected.extend_from_slice(octets);
        let timed = ends_with_time(of, variation);
        if timed {
            expected.extend([1, 2, 3, 4, 5, 6]);
        }
        let mut bench = Bench::new(&[point(of, 7, 1, variation)]);
        bench.update(of, 7, state(value, flags));
        let answer = bench.one(0xC0, READ, &[60, 2, 6]);
        assert_eq!(answer[0], 0xE0, "a confirm is wanted");
        assert_eq!(answer[4..], expected, "{of:?} v{variation} in class 1");
        let [(7, found)] = measured(&answer)[..] else { panic!("{of:?} v{variation}: {answer:?}") };
        assert_eq!(found.value, cut(value, variation), "{of:?} v{variation}");
        assert_eq!(found.flags, Some(Flags::from_bits(flags)), "{of:?} v{variation}");
        assert_eq!(found.time, timed.then_some(STAMP), "{of:?} v{variation}");

        let mut bench = Bench::new(&[point(of, 7, 1, others(of, variation).1)]);
        bench.update(of, 7, state(value, flags));
        let asked = [group, variation, 6];
        assert_eq!(bench.objects(0xC0, READ, &asked), expected, "{of:?} v{variation} by name");
        let mut bench = Bench::new(&[point(of, 7, 1, variation)]);
        bench.update(of, 7, state(value, flags));
        assert_eq!(bench.objects(0xC0, READ, &[group, 0, 6]), expected, "{of:?} v{variation}, variation 0");
    }
}

#[test]
fn the_tables_miss_no_variation() {
    use crate::objects::{TimeForm, entry};
    for of in PointType::ALL {
        let groups = [(of.static_group(), STATICS), (Some(of.event_group()), EVENT_OBJECTS)];
        for (group, table) in groups {
            // Strings, and what is only commanded, have tests of their own.
            let Some(group) = group.filter(|group| !matches!(group, 13 | 43 | 110 | 111)) else { continue };
            for variation in 1..=255 {
                let known = entry(group, variation).is_some_and(|entry| entry.time != TimeForm::Relative);
                let tested = table.iter().any(|case| case.0 == of && case.1 == variation);
                assert_eq!(known, tested, "group {group} variation {variation}");
            }
        }
    }
}

#[test]
fn a_variation_that_does_not_exist_is_an_unknown_object() {
    let mut bench = Bench::new(&[point(AnalogInput, 7, 1, 1)]);
    for [group, variation] in
        [[30, 7], [30, 255], [1, 3], [2, 4], [20, 3], [20, 7], [21, 3], [40, 5], [110, 4]]
    {
        let answer = bench.one(0xC0, READ, &[group, variation, 6]);
        assert!(iin(&answer).contains(Iin::OBJECT_UNKNOWN), "g{group}v{variation}");
        assert_eq!(answer.len(), 4, "g{group}v{variation}");
    }
}

#[test]
fn a_point_with_a_variation_that_does_not_exist_cannot_be_made() {
    let made = |point| Outstation::new(&[point], vec![]).map(|_| ());
    assert_eq!(made(point(AnalogInput, 3, 7, 1)), Err(ConfigError::Variation(AnalogInput, 3)));
    assert_eq!(made(point(AnalogInput, 3, 1, 9)), Err(ConfigError::Variation(AnalogInput, 3)));
    let classless = PointConfig { class: 4, ..PointConfig::new(Counter, 1) };
    assert_eq!(made(classless), Err(ConfigError::Class(Counter, 1)));
    let twice =
        [PointConfig::new(Counter, 5), PointConfig::new(AnalogInput, 5), PointConfig::new(Counter, 5)];
    let made = Outstation::new(&twice, vec![]).map(|_| ());
    assert_eq!(made, Err(ConfigError::DuplicateIndex(Counter, 5)));
}
