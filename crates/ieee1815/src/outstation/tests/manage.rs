//! What a master arranges: the restart bit, classes, restarts.

use super::*;
use PointType::{AnalogInput, AnalogOutputCommand, AnalogOutputStatus, BinaryInput, Counter};

const COLD: u8 = 13;
const WARM: u8 = 14;

#[test]
fn the_restart_bit_is_told_until_it_is_written() {
    let mut bench = Bench::new(&[]);
    for sequence in 0..3 {
        assert_eq!(bench.iin(0xC0 | sequence, READ, &EVENTS), Iin::DEVICE_RESTART);
    }
    assert_eq!(bench.one(0xC4, WRITE, &RESTART_OFF), [0xC4, 129, 0, 0]);
    assert_eq!(bench.iin(0xC5, READ, &EVENTS), Iin::NONE);
    bench.reconnect();
    assert_eq!(bench.iin(0xC6, READ, &EVENTS), Iin::NONE, "a new connection is no restart");
}

#[test]
fn the_restart_bit_by_an_index_of_two_octets() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.iin(0xC0, WRITE, &[80, 1, 0x01, 7, 0, 7, 0, 0]), Iin::NONE);
}

#[test]
fn nothing_else_of_the_indications_can_be_written() {
    let wrong: [&[u8]; 6] = [
        &[80, 1, 0x00, 7, 7, 1],
        &[80, 1, 0x00, 4, 4, 0],
        &[80, 1, 0x00, 0, 15, 0, 0],
        &[80, 1, 0x06],
        &[80, 1, 0x07, 1, 0],
        &[80, 1, 0x00, 7, 7],
    ];
    let mut bench = Bench::new(&[]);
    for objects in wrong {
        let told = bench.iin(0xC0, WRITE, objects);
        assert!(told.contains(Iin::PARAMETER_ERROR | Iin::DEVICE_RESTART), "{objects:?}");
    }
}

#[test]
fn what_is_not_written() {
    let mut bench = Bench::new(&[analog_input(1)]);
    let unknown: [&[u8]; 4] =
        [&[30, 2, 0x00, 1, 1, 1, 0, 0], &[99, 1, 0x00, 1, 1, 0], &[60, 1, 0x06], &[10, 2, 0x00, 1, 1, 0x81]];
    for objects in unknown {
        assert!(bench.iin(0xC0, WRITE, objects).contains(Iin::OBJECT_UNKNOWN), "{objects:?}");
    }
    assert!(bench.iin(0xC1, WRITE, &[]).contains(Iin::PARAMETER_ERROR), "nothing at all");
}

#[test]
fn several_things_in_one_write() {
    let mut bench = Bench::new(&[]);
    let both = [&RESTART_OFF[..], &[50, 1, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0]].concat();
    assert_eq!(bench.iin(0xC0, WRITE, &both), Iin::NONE);
    assert_eq!(bench.plant.written, [10_000]);
    let reversed = [&[99, 1, 0x00, 1, 1, 0], &RESTART_OFF[..]].concat();
    assert!(bench.iin(0xC1, WRITE, &reversed).contains(Iin::OBJECT_UNKNOWN));
}

fn classes(bench: &mut Bench, sequence: u8) -> Vec<(u8, Vec<(u32, f64)>)> {
    (2..=4)
        .filter_map(|variation| {
            let answer = bench.one(0xC0 | sequence, READ, &[60, variation, 6]);
            bench.confirm(sequence);
            Some((variation - 1, values(&answer))).filter(|(_, values)| !values.is_empty())
        })
        .collect()
}

#[test]
fn classes_are_assigned_by_every_qualifier() {
    let cases: [(&[u8], &[u32]); 7] = [
        (&[30, 0, 6], &[1, 2, 3]),
        (&[30, 0, 0x00, 2, 3], &[2, 3]),
        (&[30, 0, 0x01, 1, 0, 1, 0], &[1]),
        (&[30, 0, 0x17, 2, 3, 1], &[1, 3]),
        (&[30, 0, 0x28, 1, 0, 2, 0], &[2]),
        (&[30, 0, 0x02, 2, 0, 0, 0, 2, 0, 0, 0], &[2]),
        (&[30, 0, 0x39, 1, 0, 0, 0, 2, 0, 0, 0], &[2]),
    ];
    for (objects, in_class_3) in cases {
        let mut bench = Bench::new(&[1, 2, 3].map(analog_input));
        let assigned = [&[60, 4, 6], objects].concat();
        assert_eq!(bench.iin(0xC0, ASSIGN, &assigned).bits() & 0xFF00, 0, "{objects:?}");
        for index in 1..=3 {
            bench.update(AnalogInput, index, analog(7.0));
        }
        let answer = bench.one(0xC1, READ, &[60, 4, 6]);
        let found: Vec<_> = values(&answer).iter().map(|point| point.0).collect();
        assert_eq!(found, in_class_3, "{objects:?}");
    }
}

#[test]
fn several_classes_are_assigned_in_one_request() {
    let points = [
        point(BinaryInput, 1, 2, 1),
        analog_input(1),
        point(Counter, 1, 1, 1),
        PointConfig { class: 3, ..point(AnalogOutputStatus, 1, 2, 1) },
    ];
    let mut bench = Bench::new(&points);
    let objects = [60, 3, 6, 1, 0, 6, 30, 0, 6, 60, 1, 6, 40, 0, 6];
    assert_eq!(bench.iin(0xC0, ASSIGN, &objects).bits() & 0xFF00, 0);
    bench.update(BinaryInput, 1, binary(true));
    bench.update(AnalogInput, 1, analog(2.0));
    bench.update(Counter, 1, counter(3));
    bench.update(AnalogOutputStatus, 1, analog(4.0));
    assert_eq!(
        classes(&mut bench, 1),
        [(1, vec![(1, 3.0)]), (2, vec![(1, 1.0), (1, 2.0)])],
        "class 0: no events"
    );
    assert_eq!(bench.waiting(), 0);
    assert_eq!(values(&bench.one(0xC2, READ, &CLASS_0)).len(), 4, "and all are still read");
}

#[test]
fn events_of_commands_have_classes_as_well() {
    let mut bench = Bench::new(&[PointConfig { class: 1, ..PointConfig::new(AnalogOutputCommand, 1) }]);
    assert_eq!(bench.iin(0xC0, ASSIGN, &[60, 4, 6, 41, 0, 6]).bits() & 0xFF00, 0);
    bench.one(0xC1, DIRECT, &[41, 2, 0x17, 1, 1, 7, 0, 0]);
    assert_eq!(classes(&mut bench, 2), [(3, vec![(1, 7.0)])]);
}

#[test]
fn events_that_wait_keep_their_class() {
    let mut bench = Bench::new(&[analog_input(1)]);
    bench.update(AnalogInput, 1, analog(1.0));
    bench.one(0xC0, ASSIGN, &[60, 3, 6, 30, 0, 6]);
    bench.update(AnalogInput, 1, analog(2.0));
    assert_eq!(classes(&mut bench, 1), [(1, vec![(1, 1.0)]), (2, vec![(1, 2.0)])]);
}

#[test]
fn assignments_outlive_the_connection() {
    let mut bench = Bench::new(&[analog_input(1)]);
    bench.one(0xC0, ASSIGN, &[60, 3, 6, 30, 0, 6]);
    bench.reconnect();
    bench.update(AnalogInput, 1, analog(1.0));
    assert_eq!(classes(&mut bench, 1), [(2, vec![(1, 1.0)])]);
}

#[test]
fn assignments_that_cannot_be_are_told() {
    let cases: [(&[u8], Iin); 9] = [
        (&[], Iin::PARAMETER_ERROR),
        (&[30, 0, 6], Iin::PARAMETER_ERROR),
        (&[60, 5, 6, 30, 0, 6], Iin::PARAMETER_ERROR),
        (&[60, 2, 0x00, 0, 1, 30, 0, 6], Iin::PARAMETER_ERROR),
        (&[60, 2, 6, 30, 0, 0, 1, 9], Iin::PARAMETER_ERROR),
        (&[60, 2, 6, 30, 0, 0x17, 1, 9], Iin::PARAMETER_ERROR),
        (&[60, 2, 6, 32, 0, 6], Iin::OBJECT_UNKNOWN),
        (&[60, 2, 6, 99, 0, 6], Iin::OBJECT_UNKNOWN),
        (&[60, 2, 6, 30, 0], Iin::PARAMETER_ERROR),
    ];
    for (objects, expected) in cases {
        let mut bench = Bench::new(&[analog_input(1)]);
        assert!(bench.iin(0xC0, ASSIGN, objects).contains(expected), "{objects:?}");
    }
}

#[test]
fn a_restart_tells_how_long_it_takes() {
    let cases: [(Time, &[u8]); 4] = [
        (millis(0), &[52, 2, 0x07, 1, 0, 0]),
        (millis(65_535), &[52, 2, 0x07, 1, 0xFF, 0xFF]),
        (seconds(66), &[52, 1, 0x07, 1, 66, 0]),
        (seconds(100_000), &[52, 1, 0x07, 1, 0xFF, 0xFF]),
    ];
    for (away, expected) in cases {
        for (function, kind) in [(COLD, Restart::Cold), (WARM, Restart::Warm)] {
            let mut bench = Bench::new(&[]);
            bench.plant.away = Some(away);
            let answer = bench.one(0xC0, function, &[]);
            assert_eq!(answer[4..], *expected, "{away:?}");
            assert_eq!(bench.one(0xC0, function, &[]), answer, "a repetition");
            assert_eq!(bench.plant.restarts, [(0, kind)], "restarts once");
        }
    }
}

/// How long the outstation will be away; a master that comes earlier than that meets nobody.
#[test]
fn a_delay_in_whole_seconds_is_rounded_up() {
    let mut bench = Bench::new(&[]);
    bench.plant.away = Some(millis(65_900));
    assert_eq!(bench.objects(0xC0, COLD, &[]), [52, 1, 0x07, 1, 66, 0]);
}

#[test]
fn a_device_that_cannot_restart_says_so() {
    let mut bench = Bench::new(&[]);
    for function in [COLD, WARM] {
        assert!(bench.iin(0xC0 | function, function, &[]).contains(Iin::NO_FUNC_CODE_SUPPORT));
    }
    bench.plant.restarts.clear();
    assert!(bench.iin(0xC0, COLD, &[60, 2, 6]).contains(Iin::PARAMETER_ERROR), "with objects");
    assert!(bench.plant.restarts.is_empty());
}
