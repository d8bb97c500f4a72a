//! Time: writing it with and without a LAN, measuring the delay, reading it, and events that count from a common
//! time.

use super::*;
use PointType::{BinaryInput, DoubleBitInput};

/// 10,000 ms.
const TEN: [u8; 6] = [0x10, 0x27, 0, 0, 0, 0];

fn time(variation: u8, octets: [u8; 6]) -> Vec<u8> {
    [&[50, variation, 0x07, 1], &octets[..]].concat()
}

#[test]
fn without_a_lan_the_time_is_what_was_written() {
    let mut bench = Bench::new(&[]);
    bench.restart_off();
    assert_eq!(bench.objects(0xC0, DELAY_MEASURE, &[]), [52, 2, 0x07, 1, 0, 0]);
    bench.now = millis(700);
    assert_eq!(bench.iin(0xC1, WRITE, &time(1, TEN)), Iin::NONE);
    assert_eq!(bench.plant.written, [10_000]);
    bench.one(0xC2, WRITE, &time(1, [1, 2, 3, 4, 5, 6]));
    assert_eq!(bench.plant.written[1], 0x0605_0403_0201);
}

#[test]
fn with_a_lan_the_time_counts_from_when_it_was_recorded() {
    let mut bench = Bench::new(&[]);
    bench.restart_off();
    bench.now = seconds(5);
    assert_eq!(bench.one(0xC0, RECORD_TIME, &[]), [0xC0, 129, 0, 0]);
    bench.now = millis(5_040);
    assert_eq!(bench.iin(0xC1, WRITE, &time(3, TEN)), Iin::NONE);
    assert_eq!(bench.plant.written, [10_040]);
}

#[test]
fn a_time_that_was_not_recorded_before_is_refused() {
    let mut bench = Bench::new(&[]);
    assert!(bench.iin(0xC0, WRITE, &time(3, TEN)).contains(Iin::PARAMETER_ERROR));
    bench.one(0xC1, RECORD_TIME, &[]);
    bench.one(0xC2, WRITE, &time(3, TEN));
    assert!(bench.iin(0xC3, WRITE, &time(3, TEN)).contains(Iin::PARAMETER_ERROR), "used up");
    bench.one(0xC4, RECORD_TIME, &[]);
    bench.reconnect();
    assert!(bench.iin(0xC5, WRITE, &time(3, TEN)).contains(Iin::PARAMETER_ERROR), "another connection");
    assert_eq!(bench.plant.written.len(), 1);
}

#[test]
fn a_repeated_write_sets_the_time_once() {
    let mut bench = Bench::new(&[]);
    let answer = bench.one(0xC0, WRITE, &time(1, TEN));
    bench.now = seconds(2);
    assert_eq!(bench.one(0xC0, WRITE, &time(1, TEN)), answer);
    assert_eq!(bench.plant.written, [10_000]);
}

#[test]
fn times_are_written_one_at_a_time_and_by_count() {
    let wrong: [&[u8]; 6] = [
        &[50, 1, 0x07, 2, 0x10, 0x27, 0, 0, 0, 0, 0x10, 0x27, 0, 0, 0, 0],
        &[50, 1, 0x07, 1, 0x10, 0x27, 0, 0, 0],
        &[50, 1, 0x00, 0, 0, 0x10, 0x27, 0, 0, 0, 0],
        &[50, 2, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0, 0, 0, 0, 0],
        &[50, 1, 0x07, 0],
        &[50, 9, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0],
    ];
    let mut bench = Bench::new(&[]);
    for objects in wrong {
        assert!(bench.iin(0xC0, WRITE, objects).bits() & 0x0600 != 0, "{objects:?}");
    }
    assert!(bench.plant.written.is_empty());
    bench.one(0xC1, WRITE, &[50, 1, 0x08, 1, 0, 0x10, 0x27, 0, 0, 0, 0]);
    assert_eq!(bench.plant.written, [10_000], "a count of two octets");
}

#[test]
fn measuring_and_recording_take_no_objects() {
    let mut bench = Bench::new(&[]);
    for function in [DELAY_MEASURE, RECORD_TIME] {
        let answer = bench.one(0xC0, function, &[60, 2, 6]);
        assert!(iin(&answer).contains(Iin::PARAMETER_ERROR), "{function}");
        assert_eq!(answer.len(), 4);
    }
}

#[test]
fn the_time_can_be_read() {
    let mut bench = Bench::new(&[]);
    bench.plant.clock = Some(10_000);
    for objects in [&[50, 1, 0x07, 1][..], &[50, 1, 0x06]] {
        assert_eq!(bench.objects(0xC0, READ, objects), time(1, TEN), "{objects:?}");
    }
    assert!(bench.iin(0xC1, READ, &[50, 3, 0x07, 1]).bits() & 0x0600 != 0, "what was recorded is not read");
}

#[test]
fn need_time_is_told_as_long_as_it_is_wanted() {
    let mut bench = Bench::new(&[]);
    bench.plant.indications = Iin::NEED_TIME;
    assert!(bench.iin(0xC0, READ, &EVENTS).contains(Iin::NEED_TIME));
    bench.plant.indications = Iin::NONE;
    assert!(!bench.iin(0xC1, READ, &EVENTS).contains(Iin::NEED_TIME));
}

fn relative() -> Bench {
    Bench::new(&[point(BinaryInput, 7, 2, 3), point(DoubleBitInput, 8, 2, 3)])
}

fn at(value: bool, time: u64) -> Measured {
    Measured { time: Some(time), ..binary(value) }
}

#[test]
fn relative_times_octet_by_octet() {
    let mut bench = relative();
    bench.update(BinaryInput, 7, at(true, 10_000));
    bench.update(BinaryInput, 7, at(false, 10_258));
    let off = Measured { time: Some(10_300), ..good(Value::DoubleBit(DoubleBit::Off)) };
    bench.update(DoubleBitInput, 8, off);
    let expected = [
        &[51, 1, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0][..],
        &[2, 3, 0x28, 2, 0, 7, 0, 0x81, 0, 0, 7, 0, 0x01, 2, 1],
        &[4, 3, 0x28, 1, 0, 8, 0, 0x41, 0x2C, 1],
    ];
    let answer = bench.one(0xC0, READ, &[60, 2, 6]);
    assert_eq!(answer[4..], expected.concat());
    let times: Vec<_> = measured(&answer).iter().map(|(_, measured)| measured.time).collect();
    assert_eq!(times, [Some(10_000), Some(10_258), Some(10_300)]);
}

#[test]
fn a_clock_that_was_not_set_is_told_by_the_other_common_time() {
    let mut bench = relative();
    bench.plant.indications = Iin::NEED_TIME;
    bench.update(BinaryInput, 7, at(true, 10_000));
    assert_eq!(bench.objects(0xC0, READ, &[60, 2, 6])[..4], [51, 2, 0x07, 1]);
}

#[test]
fn a_new_common_time_where_two_octets_do_not_reach() {
    let steps: [(&[u64], usize); 6] = [
        (&[10_000, 75_535], 1),
        (&[10_000, 75_536], 2),
        (&[10_000, 9_999], 2),
        (&[10_000, 10_000], 1),
        (&[10_000, 75_535, 75_536, 20_000, 20_001], 3),
        (&[u64::pow(2, 40), 0, u64::pow(2, 40)], 3),
    ];
    for (times, common) in steps {
        let mut bench = relative();
        for (step, time) in times.iter().enumerate() {
            bench.update(BinaryInput, 7, at(step % 2 == 0, *time));
        }
        let answer = bench.one(0xC0, READ, &[60, 2, 6]);
        let read: Vec<_> = measured(&answer).iter().map(|(_, measured)| measured.time.unwrap()).collect();
        assert_eq!(read, times);
        let headers = parse_headers(&answer[4..], Direction::Response);
        let found = headers.filter(|header| header.unwrap().group == 51).count();
        assert_eq!(found, common, "{times:?}");
    }
}

#[test]
fn each_fragment_has_its_own_common_time() {
    let mut bench = Bench::with(&[point(BinaryInput, 7, 2, 3)], |session| session.max_tx_fragment = 300);
    let times: Vec<u64> = (0..200).map(|step| 10_000 + step * 100).collect();
    for (step, time) in times.iter().enumerate() {
        bench.update(BinaryInput, 7, at(step % 2 == 0, *time));
    }
    let (mut read, mut answer) = (Vec::new(), bench.one(0xC0, READ, &[60, 2, 6]));
    loop {
        assert_eq!(answer[4..8], [51, 1, 0x07, 1]);
        assert!(answer.len() <= 300);
        read.extend(measured(&answer).iter().map(|(_, measured)| measured.time.unwrap()));
        let next = bench.confirm(answer[0] & 0x0F);
        if answer[0] & 0x40 != 0 {
            break;
        }
        answer = only(next);
    }
    assert_eq!(read, times);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn relative_and_absolute_times_in_one_answer() {
    let mut bench = Bench::new(&[point(BinaryInput, 1, 2, 3), point(BinaryInput, 2, 2, 2)]);
    bench.update(BinaryInput, 1, at(true, 10_000));
    bench.update(BinaryInput, 2, at(true, 10_010));
    bench.update(BinaryInput, 1, at(false, 10_020));
    let read: Vec<_> = measured(&bench.one(0xC0, READ, &[60, 2, 6]))
        .iter()
        .map(|(index, measured)| (*index, measured.time.unwrap()))
        .collect();
    assert_eq!(read, [(1, 10_000), (2, 10_010), (1, 10_020)]);
}

#[test]
fn a_repeated_recording_counts_from_the_last_try() {
    let mut bench = Bench::new(&[]);
    bench.now = seconds(5);
    bench.one(0xC0, RECORD_TIME, &[]);
    bench.now = seconds(7);
    bench.one(0xC0, RECORD_TIME, &[]);
    bench.now = millis(7_040);
    bench.one(0xC1, WRITE, &time(3, TEN));
    assert_eq!(bench.plant.written, [10_040]);
}
