//! Events of commands: groups 13 and 43.

use super::*;
use PointType::{AnalogOutputCommand, BinaryOutputCommand};

fn outputs(event_variation: u8) -> Bench {
    Bench::new(&[
        PointConfig { event_variation, class: 1, ..PointConfig::new(BinaryOutputCommand, 1) },
        PointConfig { event_variation, class: 1, ..PointConfig::new(AnalogOutputCommand, 1) },
    ])
}

fn crob(op: u8) -> [u8; 16] {
    [12, 1, 0x17, 1, 1, op, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

#[test]
fn what_was_commanded_to_a_binary_output() {
    // Latch on and off, pulse on and off, close, trip.
    for (op, expected) in [(3, 0x80), (4, 0x00), (1, 0x80), (2, 0x00), (0x41, 0x80), (0x81, 0x00)] {
        for (variation, time) in [(1, &[][..]), (2, &[1, 2, 3, 4, 5, 6])] {
            let mut bench = outputs(variation);
            bench.plant.clock = Some(0x0605_0403_0201);
            bench.one(0xC0, DIRECT, &crob(op));
            let event = [&[13, variation, 0x28, 1, 0, 1, 0, expected], time].concat();
            assert_eq!(bench.objects(0xC1, READ, &[60, 2, 6]), event, "operation {op} v{variation}");
            assert_eq!(bench.objects(0xC2, READ, &[13, variation, 6]), event, "operation {op} by name");
        }
    }
}

#[test]
fn what_was_commanded_to_an_analog_output_in_every_variation() {
    let values: [&[u8]; 4] =
        [&[0xFE, 0xFF, 0xFF, 0xFF], &[0xFE, 0xFF], &[0, 0, 0, 0xC0], &[0, 0, 0, 0, 0, 0, 0, 0xC0]];
    for (variation, value, timed) in [
        (1, 0, false),
        (2, 1, false),
        (3, 0, true),
        (4, 1, true),
        (5, 2, false),
        (6, 3, false),
        (7, 2, true),
        (8, 3, true),
    ] {
        let mut bench = Bench::new(&[PointConfig {
            event_variation: variation,
            class: 1,
            ..PointConfig::new(AnalogOutputCommand, 1)
        }]);
        bench.plant.clock = Some(0x0605_0403_0201);
        bench.one(0xC0, DIRECT, &[41, 2, 0x17, 1, 1, 0xFE, 0xFF, 0]);
        let time: &[u8] = if timed { &[1, 2, 3, 4, 5, 6] } else { &[] };
        let event = [&[43, variation, 0x28, 1, 0, 1, 0, 0], values[value], time].concat();
        assert_eq!(bench.objects(0xC1, READ, &[60, 2, 6]), event, "v{variation}");
        assert_eq!(bench.objects(0xC2, READ, &[43, 0, 6]), event, "v{variation}, variation 0");
    }
}

#[test]
fn the_status_stands_where_flags_would() {
    let points =
        [20, 21].map(|index| PointConfig { class: 1, ..PointConfig::new(AnalogOutputCommand, index) });
    let mut bench = Bench::new(
        &[points.to_vec(), vec![PointConfig { class: 1, ..PointConfig::new(BinaryOutputCommand, 20) }]]
            .concat(),
    );
    let mut on = crob(3);
    on[4] = 20;
    bench.one(0xC0, DIRECT, &[41, 2, 0x17, 1, 20, 5, 0, 0]);
    bench.one(0xC1, DIRECT, &on);
    let expected = [&[13, 1, 0x28, 1, 0, 20, 0, 0x84][..], &[43, 1, 0x28, 1, 0, 20, 0, 4, 5, 0, 0, 0]];
    let mut answer = bench.objects(0xC2, READ, &[13, 0, 6]);
    bench.confirm(2);
    answer.extend(bench.objects(0xC3, READ, &[43, 0, 6]));
    assert_eq!(answer, expected.concat(), "4: there is no such control");
}

/// The octet is a status code in its low seven bits: no flag may be mixed into it.
#[test]
fn a_value_that_does_not_fit_leaves_the_status_alone() {
    let mut bench = outputs(2);
    bench.one(0xC0, DIRECT, &[41, 1, 0x17, 1, 1, 0xA0, 0x86, 1, 0, 0]);
    assert_eq!(bench.objects(0xC1, READ, &[43, 2, 6])[7..], [0, 0xFF, 0x7F]);
}

#[test]
fn each_command_is_an_event_the_same_one_again_too() {
    for variation in [1, 2] {
        let mut bench = outputs(variation);
        bench.one(0xC0, DIRECT, &crob(3));
        bench.one(0xC1, DIRECT, &crob(3));
        assert_eq!(bench.waiting(), 2);
        bench.one(0xC1, DIRECT, &crob(3));
        assert_eq!(bench.waiting(), 2, "a repetition is not a command");
        bench.send(0xC2, DIRECT_NO_ACK, &crob(3));
        assert_eq!(bench.waiting(), 3);
    }
}

#[test]
fn a_select_is_no_command_and_its_operate_is() {
    let mut bench = outputs(2);
    bench.one(0xC0, SELECT, &crob(3));
    assert_eq!(bench.waiting(), 0);
    bench.one(0xC1, OPERATE, &crob(3));
    assert_eq!(bench.waiting(), 1);
}

#[test]
fn commands_have_no_static_and_need_a_point() {
    let mut bench = outputs(1);
    assert!(bench.objects(0xC0, READ, &CLASS_0).is_empty());
    let mut bench = Bench::new(&[]);
    bench.one(0xC0, DIRECT, &crob(3));
    assert_eq!((bench.waiting(), bench.plant.operated.len()), (0, 1));
}

/// What was commanded is no state that a later command makes stale.
#[test]
fn every_command_is_told_in_the_variation_without_time_too() {
    for variation in [1, 2] {
        let mut bench = outputs(variation);
        bench.plant.clock = Some(1_000);
        for (sequence, op) in [(0, 3), (1, 4), (2, 3)] {
            bench.one(0xC0 | sequence, DIRECT, &crob(op));
        }
        let answer = bench.one(0xC3, READ, &[60, 2, 6]);
        assert_eq!(values(&answer), [(1, 1.0), (1, 0.0), (1, 1.0)], "v{variation}");
        assert_eq!(
            values(&bench.one(0xC4, READ, &[13, 1, 6])).len(),
            3,
            "v{variation}, asked for without time"
        );
    }
}
