//! What a READ may name, and how.

use super::*;
use PointType::{AnalogInput, AnalogOutputStatus, BinaryInput, BinaryOutputStatus, Counter, DoubleBitInput};

fn indexes(fragment: &[u8]) -> Vec<u32> {
    values(fragment).iter().map(|point| point.0).collect()
}

/// Analog inputs 1, 2, 9 and 300.
fn with_gaps() -> Bench {
    Bench::new(&[1, 2, 9, 300].map(analog_input))
}

#[test]
fn an_integrity_poll_octet_by_octet() {
    let mut bench = Bench::new(&[point(AnalogInput, 1, 2, 2)]);
    let answer = bench.one(0xC3, READ, &INTEGRITY);
    assert_eq!(answer, [0xC3, 129, 0x80, 0x00, 30, 2, 0x01, 1, 0, 1, 0, 0x02, 0, 0]);
    bench.update(AnalogInput, 1, analog(-2.0));
    let answer = bench.one(0xC4, READ, &INTEGRITY);
    let event = [32, 2, 0x28, 1, 0, 1, 0, 0x01, 0xFE, 0xFF];
    let now = [30, 2, 0x01, 1, 0, 1, 0, 0x01, 0xFE, 0xFF];
    assert_eq!(answer, [&[0xE4, 129, 0x80, 0x00], &event[..], &now[..]].concat(), "events come first");
}

#[test]
fn class_0_reports_type_by_type() {
    let points = [
        point(AnalogOutputStatus, 0, 2, 1),
        point(AnalogInput, 0, 2, 1),
        point(Counter, 0, 2, 1),
        point(BinaryOutputStatus, 0, 2, 1),
        point(DoubleBitInput, 0, 2, 1),
        point(BinaryInput, 0, 2, 1),
    ];
    let mut bench = Bench::new(&points);
    let answer = bench.one(0xC0, READ, &CLASS_0);
    let groups: Vec<_> =
        parse_headers(&answer[4..], Direction::Response).map(|header| header.unwrap().group).collect();
    assert_eq!(groups, [1, 3, 10, 20, 30, 40]);
}

#[test]
fn gaps_in_the_indexes_begin_a_new_range() {
    let mut bench = with_gaps();
    let expected = [
        &[30, 2, 0x01, 1, 0, 2, 0, 2, 0, 0, 2, 0, 0][..],
        &[30, 2, 0x01, 9, 0, 9, 0, 2, 0, 0],
        &[30, 2, 0x01, 0x2C, 1, 0x2C, 1, 2, 0, 0],
    ];
    assert_eq!(bench.objects(0xC0, READ, &CLASS_0), expected.concat());
}

#[test]
fn the_last_index_of_all() {
    let mut bench = Bench::new(&[65_534, 65_535].map(analog_input));
    let answer = bench.one(0xC0, READ, &CLASS_0);
    assert_eq!(answer[4..11], [30, 2, 0x01, 0xFE, 0xFF, 0xFF, 0xFF]);
    assert_eq!(indexes(&answer), [65_534, 65_535]);
    assert_eq!(indexes(&bench.one(0xC1, READ, &[30, 0, 0x01, 0xFF, 0xFF, 0xFF, 0xFF])), [65_535]);
    bench.update(AnalogInput, 65_535, analog(1.0));
    assert_eq!(indexes(&bench.one(0xC2, READ, &EVENTS)), [65_535]);
}

#[test]
fn ranges_of_every_width_send_what_is_there_and_tell_what_is_not() {
    let cases: [(&[u8], &[u32], bool); 9] = [
        (&[30, 0, 0x00, 1, 2], &[1, 2], true),
        (&[30, 0, 0x00, 2, 9], &[2, 9], false),
        (&[30, 0, 0x01, 0x2C, 1, 0x2C, 1], &[300], true),
        (&[30, 0, 0x02, 1, 0, 0, 0, 2, 0, 0, 0], &[1, 2], true),
        (&[30, 0, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], &[1, 2, 9, 300], false),
        (&[30, 0, 0x02, 1, 0, 1, 0, 2, 0, 1, 0], &[], false),
        (&[30, 0, 0x00, 3, 8], &[], false),
        (&[30, 0, 0x00, 8, 2], &[], false),
        (&[30, 0, 0x06], &[1, 2, 9, 300], true),
    ];
    for (objects, expected, whole) in cases {
        let mut bench = with_gaps();
        let answer = bench.one(0xC0, READ, objects);
        assert_eq!(indexes(&answer), expected, "{objects:?}");
        assert_eq!(!iin(&answer).contains(Iin::PARAMETER_ERROR), whole, "{objects:?}");
    }
}

#[test]
fn indexes_one_by_one_of_every_width() {
    let cases: [(&[u8], &[u32], bool); 5] = [
        (&[30, 0, 0x17, 2, 9, 1], &[9, 1], true),
        (&[30, 0, 0x28, 2, 0, 0x2C, 1, 2, 0], &[300, 2], true),
        (&[30, 0, 0x39, 1, 0, 0, 0, 0x2C, 1, 0, 0], &[300], true),
        (&[30, 0, 0x17, 2, 3, 2], &[2], false),
        (&[30, 0, 0x39, 1, 0, 0, 0, 1, 0, 1, 0], &[], false),
    ];
    for (objects, expected, whole) in cases {
        let mut bench = with_gaps();
        let answer = bench.one(0xC0, READ, objects);
        assert_eq!(indexes(&answer), expected, "{objects:?}");
        assert_eq!(!iin(&answer).contains(Iin::PARAMETER_ERROR), whole, "{objects:?}");
    }
}

#[test]
fn several_headers_are_answered_in_their_order() {
    let mut bench = Bench::new(&[analog_input(1), point(BinaryInput, 4, 2, 1)]);
    let answer = bench.objects(0xC0, READ, &[30, 1, 0, 1, 1, 1, 2, 6, 30, 2, 6]);
    let expected = [
        &[30, 1, 0x01, 1, 0, 1, 0, 2, 0, 0, 0, 0][..],
        &[1, 2, 0x01, 4, 0, 4, 0, 2],
        &[30, 2, 0x01, 1, 0, 1, 0, 2, 0, 0],
    ];
    assert_eq!(answer, expected.concat());
}

#[test]
fn an_unknown_group_is_told_and_the_rest_is_sent() {
    let mut bench = with_gaps();
    let answer = bench.one(0xC0, READ, &[77, 1, 6, 30, 2, 0, 1, 1]);
    assert!(iin(&answer).contains(Iin::OBJECT_UNKNOWN));
    assert_eq!(indexes(&answer), [1]);
    for group in [12, 41, 51, 52, 70, 101] {
        let answer = bench.one(0xC1, READ, &[group, 1, 6]);
        assert!(iin(&answer).contains(Iin::OBJECT_UNKNOWN), "group {group}");
        assert_eq!(answer.len(), 4, "group {group}");
    }
}

#[test]
fn what_cannot_be_read_on_is_a_parameter_error() {
    let broken: [&[u8]; 9] = [
        &[30],
        &[30, 2],
        &[30, 2, 0x00, 1],
        &[30, 2, 0x03, 1, 1],
        &[30, 2, 0x5B, 1],
        &[30, 2, 0x28, 2, 0, 1, 0],
        &[60, 1, 0x00, 0, 1],
        &[60, 2, 0x00, 0, 1],
        &[60, 5, 0x06],
    ];
    let mut bench = with_gaps();
    for objects in broken {
        let answer = bench.one(0xC0, READ, objects);
        assert!(iin(&answer).contains(Iin::PARAMETER_ERROR) || objects[1] == 5, "{objects:?}");
        assert!(iin(&answer).bits() & 0x0600 != 0, "{objects:?}");
        assert_eq!(answer.len(), 4, "{objects:?}");
    }
    assert!(bench.counters().bad_objects >= 9);
}

#[test]
fn more_headers_than_an_answer_takes_are_refused_whole() {
    let mut bench = with_gaps();
    let few: Vec<u8> = [30, 2, 0, 1, 1].repeat(60);
    assert_eq!(indexes(&bench.one(0xC0, READ, &few)).len(), 60);
    let many: Vec<u8> = [30, 2, 0, 1, 1].repeat(400);
    let answer = bench.one(0xC1, READ, &many);
    assert_eq!((iin(&answer).contains(Iin::PARAMETER_ERROR), answer.len()), (true, 4));
}

#[test]
fn more_indexes_than_an_answer_takes_are_told() {
    let mut bench = with_gaps();
    let many = [&[30, 2, 0x28, 0xF4, 1], &[1, 0].repeat(500)[..]].concat();
    let answer = bench.one(0xC0, READ, &many);
    assert!(iin(&answer).contains(Iin::PARAMETER_ERROR));
    assert!(answer.len() < 2048, "{}", answer.len());
}

#[test]
fn events_by_count_and_the_rest_stays_and_is_told() {
    for objects in [&[60, 2, 0x07, 2][..], &[60, 2, 0x08, 2, 0], &[32, 0, 0x07, 2], &[32, 0, 0x08, 2, 0]] {
        let mut bench = with_gaps();
        for value in [10.0, 20.0, 30.0] {
            bench.update(AnalogInput, 1, analog(value));
        }
        let answer = bench.one(0xC0, READ, objects);
        assert_eq!(values(&answer), [(1, 10.0), (1, 20.0)], "{objects:?}");
        assert!(iin(&answer).contains(Iin::CLASS_1), "{objects:?}");
        bench.confirm(0);
        let answer = bench.one(0xC1, READ, objects);
        assert_eq!(values(&answer), [(1, 30.0)], "{objects:?}");
        assert!(!iin(&answer).contains(Iin::CLASS_1), "{objects:?}");
    }
}

#[test]
fn events_of_one_type_leave_the_others_in_the_buffer() {
    let mut bench = Bench::new(&[analog_input(1), point(BinaryInput, 4, 2, 2)]);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.update(BinaryInput, 4, binary(true));
    let answer = bench.one(0xC0, READ, &[2, 0, 6]);
    assert_eq!((answer[4], values(&answer)), (2, vec![(4, 1.0)]));
    bench.confirm(0);
    assert_eq!(bench.waiting(), 1);
    assert_eq!(values(&bench.one(0xC1, READ, &[32, 0, 6])), [(1, 7.0)]);
}

#[test]
fn each_class_by_itself() {
    let classed = |index, class| PointConfig { class, ..analog_input(index) };
    let mut bench = Bench::new(&[classed(1, 1), classed(2, 2), classed(3, 3), classed(4, 0)]);
    for index in 1..=4 {
        bench.update(AnalogInput, index, analog(7.0));
    }
    assert_eq!(bench.waiting(), 3, "class 0 has no events");
    let all = Iin::CLASS_1 | Iin::CLASS_2 | Iin::CLASS_3;
    assert!(bench.iin(0xC0, DELAY_MEASURE, &[]).contains(all));
    let answer = bench.one(0xC1, READ, &[60, 3, 6]);
    assert_eq!(indexes(&answer), [2]);
    assert_eq!(iin(&answer).bits() & all.bits(), (Iin::CLASS_1 | Iin::CLASS_3).bits());
    bench.confirm(1);
    assert_eq!(indexes(&bench.one(0xC2, READ, &[60, 4, 6, 60, 2, 6])), [3, 1]);
    bench.confirm(2);
    assert_eq!(bench.iin(0xC3, READ, &EVENTS).bits() & all.bits(), 0);
}

#[test]
fn a_read_without_events_wants_no_confirm() {
    let mut bench = with_gaps();
    assert_eq!(bench.one(0xC7, READ, &EVENTS), [0xC7, 129, 0x80, 0]);
    assert_eq!(bench.one(0xC8, READ, &CLASS_0)[0], 0xC8);
    assert!(bench.wait(seconds(60)).is_empty());
    assert_eq!(bench.counters().confirm_timeouts, 0);
}

#[test]
fn the_indications_can_be_read_as_objects() {
    let mut bench = with_gaps();
    bench.plant.indications = Iin::NEED_TIME | Iin::DEVICE_TROUBLE;
    bench.update(AnalogInput, 1, analog(7.0));
    let answer = bench.one(0xC0, READ, &[80, 1, 6]);
    assert_eq!(answer[4..9], [80, 1, 0x00, 0, 15]);
    assert_eq!(answer[2..4], answer[9..]);
    let expected = Iin::NEED_TIME | Iin::DEVICE_TROUBLE | Iin::CLASS_1 | Iin::DEVICE_RESTART;
    assert_eq!(iin(&answer), expected);
    let answer = bench.one(0xC1, READ, &[80, 1, 0x00, 0, 15]);
    assert_eq!(answer[2..4], answer[9..]);
}

#[test]
fn the_indications_read_as_objects_tell_a_broadcast_too() {
    let mut bench = with_gaps();
    bench.broadcast(Broadcast::NoConfirm, 0xC0, WRITE, &RESTART_OFF);
    let answer = bench.one(0xC1, READ, &[80, 1, 6]);
    assert!(iin(&answer).contains(Iin::BROADCAST));
    assert_eq!(answer[2..4], answer[9..], "header and object say the same");
}

#[test]
fn a_range_of_the_indications_is_that_range() {
    let mut bench = with_gaps();
    bench.plant.indications = Iin::NEED_TIME | Iin::CONFIG_CORRUPT;
    let cases: [(&[u8], &[u8]); 5] = [
        (&[80, 1, 0x00, 7, 7], &[80, 1, 0x00, 7, 7, 1]),
        (&[80, 1, 0x01, 4, 0, 7, 0], &[80, 1, 0x00, 4, 7, 0b1001]),
        (&[80, 1, 0x00, 0, 7], &[80, 1, 0x00, 0, 7, 0b1001_0000]),
        (&[80, 1, 0x00, 4, 13], &[80, 1, 0x00, 4, 13, 0b1001, 0b10]),
        (&[80, 1, 0x00, 15, 15], &[80, 1, 0x00, 15, 15, 0]),
    ];
    for (objects, expected) in cases {
        assert_eq!(bench.objects(0xC0, READ, objects), expected, "{objects:?}");
    }
    for beyond in [&[80, 1, 0x00, 0, 16][..], &[80, 1, 0x00, 16, 16], &[80, 1, 0x00, 9, 8]] {
        assert!(bench.iin(0xC1, READ, beyond).contains(Iin::PARAMETER_ERROR), "{beyond:?}");
    }
}

#[test]
fn fragments_that_are_no_requests_are_not_answered() {
    let mut bench = with_gaps();
    assert!(bench.send(0xC0, 129, &[0, 0]).is_empty(), "a response");
    assert!(bench.send(0xD0, 130, &[0, 0]).is_empty(), "an unsolicited response");
    assert!(bench.send(0x80, READ, &EVENTS).is_empty(), "not the last fragment");
    assert!(bench.send(0x40, READ, &EVENTS).is_empty(), "not the first fragment");
    bench.masters[0].send(&[0xC0], Time::ZERO);
    assert!(bench.exchange().is_empty(), "no function");
    assert_eq!(bench.counters().not_a_request, 5);
    assert_eq!(bench.one(0xC0, READ, &EVENTS).len(), 4);
}

#[test]
fn unknown_functions_are_told() {
    let mut bench = with_gaps();
    for function in [11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 25, 26, 27, 28, 29, 30, 31, 32, 99] {
        let answer = bench.one(0xC0 | (function & 0x0F), function, &[]);
        assert!(iin(&answer).contains(Iin::NO_FUNC_CODE_SUPPORT), "{function}");
        assert_eq!(answer[0], 0xC0 | (function & 0x0F));
    }
    assert_eq!(bench.counters().unknown_function, 19);
}

/// The functions whose name ends in no acknowledgement are never answered, known or not: freeze at time
/// (12) and authentication (33).
#[test]
fn functions_without_an_answer_get_none_when_unknown_either() {
    let mut bench = with_gaps();
    assert!(bench.send(0xC0, 12, &[20, 0, 6]).is_empty(), "freeze at time");
    assert!(bench.send(0xC1, 33, &[]).is_empty(), "authentication");
}
