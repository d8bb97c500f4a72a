//! Flags and values: what the octets may and may not say of a point.

use super::*;
use PointType::{
    AnalogInput, AnalogOutputStatus, BinaryInput, BinaryOutputStatus, Counter, DoubleBitInput,
    FrozenAnalogInput, FrozenCounter,
};

#[test]
fn what_is_not_good_never_leaves_without_flags() {
    let cases: [(PointType, u8, u8, Value, &[u8]); 9] = [
        (BinaryInput, 1, 2, Value::Binary(true), &[0x85]),
        (DoubleBitInput, 1, 2, Value::DoubleBit(DoubleBit::Off), &[0x45]),
        (BinaryOutputStatus, 1, 2, Value::Binary(false), &[0x05]),
        (Counter, 5, 1, Value::Counter(9), &[5, 9, 0, 0, 0]),
        (Counter, 6, 2, Value::Counter(9), &[5, 9, 0]),
        (FrozenCounter, 9, 1, Value::Counter(9), &[5, 9, 0, 0, 0]),
        (FrozenCounter, 10, 2, Value::Counter(9), &[5, 9, 0]),
        (AnalogInput, 3, 1, Value::Analog(9.0), &[5, 9, 0, 0, 0]),
        (AnalogInput, 4, 2, Value::Analog(9.0), &[5, 9, 0]),
    ];
    let frozen: [(PointType, u8, u8, Value, &[u8]); 2] = [
        (FrozenAnalogInput, 5, 1, Value::Analog(9.0), &[5, 9, 0, 0, 0]),
        (FrozenAnalogInput, 6, 2, Value::Analog(9.0), &[5, 9, 0]),
    ];
    for (of, without, with, value, octets) in cases.into_iter().chain(frozen) {
        let group = of.static_group().unwrap();
        let mut bench = Bench::new(&[point(of, 0, without, 1)]);
        let lost = Flags::ONLINE | Flags::COMM_LOST;
        bench.update(of, 0, Measured { value, flags: Some(lost), time: None });
        let expected: Vec<u8> = [group, with, 0x01, 0, 0, 0, 0].iter().chain(octets).copied().collect();
        assert_eq!(bench.objects(0xC0, READ, &CLASS_0), expected, "{of:?} v{without} in class 0");
        assert_eq!(bench.objects(0xC1, READ, &[group, without, 6]), expected, "{of:?} v{without} by name");
        bench.update(of, 0, good(value));
        assert_eq!(bench.objects(0xC2, READ, &CLASS_0)[1], without, "{of:?} v{without} again");
    }
}

#[test]
fn never_updated_is_restart_and_not_online() {
    let mut bench = Bench::new(&[point(BinaryInput, 0, 1, 1), point(AnalogInput, 0, 4, 1)]);
    let answer = bench.objects(0xC0, READ, &CLASS_0);
    assert_eq!(answer, [1, 2, 0x01, 0, 0, 0, 0, 0x02, 30, 2, 0x01, 0, 0, 0, 0, 0x02, 0, 0]);
}

#[test]
fn a_point_that_is_not_good_interrupts_the_packed_bits_around_it() {
    let points: Vec<_> = (0..12).map(|index| point(BinaryInput, index, 1, 1)).collect();
    let mut bench = Bench::new(&points);
    for index in 0..12 {
        bench.update(BinaryInput, index, binary(true));
    }
    let lost = Measured { flags: Some(Flags::COMM_LOST), ..binary(true) };
    bench.update(BinaryInput, 9, lost);
    let expected = [
        &[1, 1, 0x01, 0, 0, 8, 0, 0xFF, 0x01][..],
        &[1, 2, 0x01, 9, 0, 9, 0, 0x84],
        &[1, 1, 0x01, 10, 0, 11, 0, 0x03],
    ];
    assert_eq!(bench.objects(0xC0, READ, &CLASS_0), expected.concat());
}

#[test]
fn packed_bits_and_pairs_of_bits() {
    let points: Vec<_> = (0..9)
        .flat_map(|index| [point(BinaryInput, index, 1, 1), point(DoubleBitInput, index, 1, 1)])
        .collect();
    let mut bench = Bench::new(&points);
    for index in 0..9 {
        bench.update(BinaryInput, index, binary(index % 3 == 0));
        let state = DoubleBit::from_bits(u8::try_from(index).unwrap());
        bench.update(DoubleBitInput, index, good(Value::DoubleBit(state)));
    }
    let expected = [
        // 0, 3 and 6 are on.
        &[1, 1, 0x01, 0, 0, 8, 0, 0b0100_1001, 0][..],
        // 0, 1, 2, 3 twice, the first in the low bits, and a 0.
        &[3, 1, 0x01, 0, 0, 8, 0, 0b1110_0100, 0b1110_0100, 0],
    ];
    let answer = bench.one(0xC0, READ, &CLASS_0);
    assert_eq!(answer[4..], expected.concat());
    let double: Vec<_> = values(&answer).split_off(9).into_iter().map(|(_, value)| value).collect();
    assert_eq!(double, [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0]);
}

#[test]
fn state_bits_come_from_the_value_alone() {
    let mut bench = Bench::new(&[point(BinaryInput, 0, 2, 1), point(DoubleBitInput, 0, 2, 1)]);
    let all = Some(Flags::from_bits(0xC1));
    bench.update(BinaryInput, 0, Measured { value: Value::Binary(false), flags: all, time: None });
    let off = Value::DoubleBit(DoubleBit::Off);
    bench.update(DoubleBitInput, 0, Measured { value: off, flags: all, time: None });
    let answer = bench.objects(0xC0, READ, &CLASS_0);
    assert_eq!(answer[7] & 0x80, 0, "the binary is off");
    assert_eq!(answer[15], 0x41, "the double bit is off: 01");
    let events = bench.objects(0xC1, READ, &[60, 2, 6]);
    assert_eq!((events[7] & 0x80, events[15]), (0, 0x41));
    // The state given twice over is no change of flags.
    bench.confirm(1);
    bench.update(BinaryInput, 0, Measured { flags: Some(Flags::from_bits(0x41)), ..binary(false) });
    bench.update(DoubleBitInput, 0, good(off));
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn what_does_not_fit_saturates_with_over_range() {
    let cases: [(u8, f64, &[u8]); 8] = [
        (2, 32_767.0, &[0x01, 0xFF, 0x7F]),
        (2, 32_768.0, &[0x21, 0xFF, 0x7F]),
        (2, -32_769.0, &[0x21, 0x00, 0x80]),
        (1, 2_147_483_647.0, &[0x01, 0xFF, 0xFF, 0xFF, 0x7F]),
        (1, 3e9, &[0x21, 0xFF, 0xFF, 0xFF, 0x7F]),
        (1, -3e9, &[0x21, 0, 0, 0, 0x80]),
        (5, 1e300, &[0x21, 0xFF, 0xFF, 0x7F, 0x7F]),
        (5, -1e300, &[0x21, 0xFF, 0xFF, 0x7F, 0xFF]),
    ];
    for (variation, value, octets) in cases {
        let mut bench = Bench::new(&[point(AnalogInput, 0, variation, variation)]);
        bench.update(AnalogInput, 0, analog(value));
        assert_eq!(bench.objects(0xC0, READ, &CLASS_0)[7..], *octets, "static {value} in v{variation}");
        assert_eq!(bench.objects(0xC1, READ, &[60, 2, 6])[7..], *octets, "event {value} in v{variation}");
        let output = match variation {
            5 => 3,
            other => other,
        };
        let mut bench = Bench::new(&[point(AnalogOutputStatus, 0, output, 1)]);
        bench.update(AnalogOutputStatus, 0, analog(value));
        assert_eq!(bench.objects(0xC0, READ, &CLASS_0)[7..], *octets, "output {value} in v{output}");
    }
}

/// Decisions: counts that saturate are flagged, and what is not Good never leaves in a variation without flags.
#[test]
fn what_does_not_fit_leaves_a_variation_without_flags() {
    let cases: [(PointType, u8, u8, f64, &[u8]); 6] = [
        (AnalogInput, 4, 2, 40_000.0, &[0x21, 0xFF, 0x7F]),
        (AnalogInput, 4, 2, -40_000.0, &[0x21, 0x00, 0x80]),
        (AnalogInput, 3, 1, 3e9, &[0x21, 0xFF, 0xFF, 0xFF, 0x7F]),
        (FrozenAnalogInput, 6, 2, 40_000.0, &[0x21, 0xFF, 0x7F]),
        (FrozenAnalogInput, 5, 1, -3e9, &[0x21, 0x00, 0x00, 0x00, 0x80]),
        (AnalogInput, 4, 4, 32_767.4, &[0xFF, 0x7F]),
    ];
    for (of, without, with, value, octets) in cases {
        let group = of.static_group().unwrap();
        for default in [without, 1] {
            let mut bench = Bench::new(&[point(of, 0, default, 1)]);
            bench.update(of, 0, analog(value));
            let answer = bench.objects(0xC0, READ, &[group, without, 6]);
            assert_eq!((answer[1], &answer[7..]), (with, octets), "{of:?}: {value} in v{without}");
        }
        let mut bench = Bench::new(&[point(of, 0, without, 1)]);
        bench.update(of, 0, analog(value));
        assert_eq!(bench.objects(0xC0, READ, &CLASS_0)[1], with, "{of:?}: {value} in v{without}");
    }
}

#[test]
fn each_point_of_a_range_gives_way_by_itself() {
    let lost = Measured { flags: Some(Flags::COMM_LOST), ..analog(7.0) };
    let states = [analog(5.0), analog(40_000.0), lost, analog(6.0)];
    let expected = [
        &[30, 4, 0x01, 0, 0, 0, 0, 5, 0][..],
        &[30, 2, 0x01, 1, 0, 2, 0, 0x21, 0xFF, 0x7F, 0x04, 7, 0],
        &[30, 4, 0x01, 3, 0, 3, 0, 6, 0],
    ];
    for default in [4, 1] {
        let mut bench = Bench::new(&[0, 1, 2, 3].map(|index| point(AnalogInput, index, default, 1)));
        for (index, state) in (0..).zip(states) {
            bench.update(AnalogInput, index, state);
        }
        assert_eq!(bench.objects(0xC0, READ, &[30, 4, 6]), expected.concat(), "default {default}");
        let flagged = [1, 5, 0, 0x21, 0xFF, 0x7F, 0x04, 7, 0, 1, 6, 0];
        let whole = [&[30, 2, 0x01, 0, 0, 3, 0], &flagged[..]].concat();
        assert_eq!(bench.objects(0xC1, READ, &[30, 2, 6]), whole, "asked for with flags: one range");
    }
}

#[test]
fn points_of_other_variations_stand_between_those_that_give_way() {
    // 16 bit with and without flags in turn, and every third one not good.
    let points: Vec<_> =
        (0..12).zip([2, 4].into_iter().cycle()).map(|(index, v)| point(AnalogInput, index, v, 1)).collect();
    let mut bench = Bench::new(&points);
    for index in 0..12 {
        let flags = if index % 3 == 0 { Flags::COMM_LOST } else { Flags::ONLINE };
        bench.update(AnalogInput, index, Measured { flags: Some(flags), ..analog(index.into()) });
    }
    let found = measured(&bench.one(0xC0, READ, &CLASS_0));
    assert_eq!(found.len(), 12);
    for ((index, measured), expected) in found.into_iter().zip(0_u32..) {
        assert_eq!((index, measured.value), (expected, Value::Analog(expected.into())));
        let flags = match (index % 3, index % 2) {
            (0, _) => Some(Flags::COMM_LOST),
            (_, 0) => Some(Flags::ONLINE),
            _ => None,
        };
        assert_eq!(measured.flags, flags, "{index}");
    }
}

#[test]
fn counters_roll_over_in_16_bits() {
    let mut bench = Bench::new(&[point(Counter, 0, 2, 2)]);
    bench.update(Counter, 0, counter(65_537));
    assert_eq!(bench.objects(0xC0, READ, &CLASS_0)[7..], [0x01, 1, 0]);
    assert_eq!(bench.objects(0xC1, READ, &[60, 2, 6])[7..], [0x01, 1, 0]);
}

#[test]
fn integers_are_rounded_to_the_nearest() {
    let mut bench = Bench::new(&[point(AnalogInput, 0, 2, 1)]);
    for (value, expected) in [(1.4, 1_i16), (1.6, 2), (-1.4, -1), (-1.6, -2), (0.0, 0), (-0.4, 0)] {
        bench.update(AnalogInput, 0, analog(value));
        assert_eq!(bench.objects(0xC0, READ, &CLASS_0)[8..], expected.to_le_bytes(), "{value}");
    }
}

#[test]
fn points_out_of_class_0_are_read_by_name_only() {
    let apart = PointConfig { class_0: false, ..point(AnalogInput, 1, 2, 2) };
    let mut bench = Bench::new(&[point(AnalogInput, 0, 2, 2), apart, point(AnalogInput, 2, 2, 2)]);
    let indexes = |answer: &[u8]| values(answer).iter().map(|point| point.0).collect::<Vec<_>>();
    assert_eq!(indexes(&bench.one(0xC0, READ, &CLASS_0)), [0, 2]);
    assert_eq!(indexes(&bench.one(0xC1, READ, &[30, 0, 6])), [0, 1, 2]);
    assert_eq!(indexes(&bench.one(0xC2, READ, &[30, 0, 0, 1, 1])), [1]);
}

#[test]
fn a_value_of_another_kind_is_not_taken() {
    let mut bench = Bench::new(&[analog_input(1)]);
    let wrong = Measured { value: Value::Binary(true), ..analog(0.0) };
    assert!(!bench.outstation.update(AnalogInput, 1, wrong));
    assert!(!bench.outstation.update(AnalogInput, 2, analog(0.0)), "no such point");
    assert!(bench.outstation.update(AnalogInput, 1, analog(4.0)));
    assert_eq!(values(&bench.one(0xC0, READ, &[30, 0, 6])), [(1, 4.0)]);
    let config = PointConfig { initial: wrong, ..analog_input(1) };
    let made = Outstation::new(&[config], vec![SessionConfig::new(10, 1)]).map(|_| ());
    assert_eq!(made, Err(ConfigError::Initial(AnalogInput, 1)));
}

#[test]
fn the_first_so_many_can_be_read() {
    let mut bench = Bench::new(&[analog_input(1), analog_input(5), analog_input(9)]);
    for (count, indexes) in [(0, &[][..]), (2, &[1, 5]), (200, &[1, 5, 9])] {
        let answer = bench.one(0xC0, READ, &[30, 0, 0x07, count]);
        let found: Vec<u32> = values(&answer).into_iter().map(|(index, _)| index).collect();
        assert_eq!(
            (found.as_slice(), iin(&answer).contains(Iin::PARAMETER_ERROR)),
            (indexes, false),
            "{count}"
        );
    }
}

#[test]
fn what_is_not_a_number_never_passes_for_a_good_one() {
    for variation in 1..=6 {
        let mut bench = Bench::new(&[analog_input(1)]);
        bench.outstation.update(AnalogInput, 1, analog(f64::NAN));
        let answer = bench.one(0xC0, READ, &[30, variation, 6]);
        let told = if variation >= 5 { variation } else { [0, 1, 2, 1, 2][usize::from(variation)] };
        assert_eq!(answer[4..6], [30, told]);
        assert_eq!(answer[11] & Flags::ONLINE.bits(), 0, "variation {variation}");
    }
}
