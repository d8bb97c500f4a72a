//! The freeze family.

use super::*;
use PointType::{AnalogInput, Counter, FrozenAnalogInput, FrozenCounter};

const FREEZE: u8 = 7;
const FREEZE_NO_ACK: u8 = 8;
const FREEZE_CLEAR: u8 = 9;
const FREEZE_CLEAR_NO_ACK: u8 = 10;

/// Counters 1, 2 and 5 at 11, 12 and 15, analog input 1 at -2, each with its frozen twin; 5 has none.
fn bench() -> Bench {
    let mut bench = Bench::new(&[
        point(Counter, 1, 1, 1),
        point(Counter, 2, 1, 1),
        point(Counter, 5, 1, 1),
        point(FrozenCounter, 1, 1, 1),
        point(FrozenCounter, 2, 1, 1),
        point(AnalogInput, 1, 2, 2),
        point(FrozenAnalogInput, 1, 2, 2),
    ]);
    for (index, count) in [(1, 11), (2, 12), (5, 15)] {
        bench.update(Counter, index, counter(count));
    }
    bench.update(AnalogInput, 1, analog(-2.0));
    bench.restart_off();
    bench.one(0xCE, READ, &EVENTS);
    bench.confirm(14);
    bench
}

fn counts(bench: &mut Bench, group: u8) -> Vec<(u32, f64)> {
    values(&bench.one(0xCD, READ, &[group, 0, 6]))
}

#[test]
fn nothing_is_frozen_before_the_first_freeze() {
    let mut bench = bench();
    assert_eq!(bench.objects(0xC0, READ, &[21, 1, 0, 1, 1])[7..], [0x02, 0, 0, 0, 0]);
}

#[test]
fn a_freeze_octet_by_octet() {
    let mut bench = bench();
    assert_eq!(bench.one(0xC0, FREEZE, &[20, 0, 6]), [0xC0, 129, 0x02, 0], "an event of class 1 came of it");
    bench.update(Counter, 1, counter(100));
    assert_eq!(bench.objects(0xC1, READ, &[21, 1, 0, 1, 1]), [21, 1, 0x01, 1, 0, 1, 0, 1, 11, 0, 0, 0]);
    assert_eq!(counts(&mut bench, 21), [(1, 11.0), (2, 12.0)]);
    assert_eq!(counts(&mut bench, 20), [(1, 100.0), (2, 12.0), (5, 15.0)], "the counters go on");
}

#[test]
fn a_frozen_count_is_an_event() {
    let mut bench = bench();
    bench.one(0xC0, FREEZE, &[20, 0, 0, 2, 2]);
    let answer = bench.objects(0xC1, READ, &[60, 2, 6]);
    assert_eq!(answer, [23, 1, 0x28, 1, 0, 2, 0, 1, 12, 0, 0, 0]);
}

#[test]
fn what_is_frozen_is_chosen_by_any_qualifier() {
    let cases: [(&[u8], &[u32]); 6] = [
        (&[20, 0, 6], &[1, 2]),
        (&[20, 0, 0x00, 2, 2], &[2]),
        (&[20, 0, 0x01, 1, 0, 2, 0], &[1, 2]),
        (&[20, 0, 0x17, 1, 2], &[2]),
        (&[20, 0, 0x28, 2, 0, 1, 0, 2, 0], &[1, 2]),
        (&[20, 1, 0x06], &[1, 2]),
    ];
    for (objects, frozen) in cases {
        let mut bench = bench();
        assert_eq!(bench.iin(0xC0, FREEZE, objects).bits() & 0xFF00, 0, "{objects:?}");
        let found: Vec<_> =
            counts(&mut bench, 21).into_iter().filter(|count| count.1 > 0.0).map(|count| count.0).collect();
        assert_eq!(found, frozen, "{objects:?}");
    }
}

#[test]
fn a_freeze_and_clear_begins_again_from_0_and_tells_the_program() {
    let mut bench = bench();
    assert_eq!(bench.iin(0xC0, FREEZE_CLEAR, &[20, 0, 0x00, 1, 1]).bits() & 0xFF00, 0);
    assert_eq!(counts(&mut bench, 21), [(1, 11.0), (2, 0.0)]);
    assert_eq!(counts(&mut bench, 20), [(1, 0.0), (2, 12.0), (5, 15.0)]);
    assert_eq!(bench.plant.cleared, [1]);
}

#[test]
fn a_repeated_freeze_and_clear_does_not_freeze_the_0() {
    let mut bench = bench();
    let answer = bench.one(0xC0, FREEZE_CLEAR, &[20, 0, 0x00, 1, 1]);
    assert_eq!(bench.one(0xC0, FREEZE_CLEAR, &[20, 0, 0x00, 1, 1]), answer);
    assert_eq!(counts(&mut bench, 21)[0], (1, 11.0));
    assert_eq!(bench.plant.cleared, [1]);
}

#[test]
fn without_acknowledgement_they_act_and_are_silent() {
    let mut bench = bench();
    assert!(bench.send(0xC0, FREEZE_NO_ACK, &[20, 0, 6]).is_empty());
    assert_eq!(counts(&mut bench, 21), [(1, 11.0), (2, 12.0)]);
    bench.update(Counter, 1, counter(20));
    assert!(bench.send(0xC1, FREEZE_CLEAR_NO_ACK, &[20, 0, 6]).is_empty());
    assert_eq!(counts(&mut bench, 21)[0], (1, 20.0));
    assert_eq!(counts(&mut bench, 20)[0], (1, 0.0));
    assert!(bench.send(0xC2, FREEZE_NO_ACK, &[99, 0, 6]).is_empty(), "nor when it is wrong");
    assert!(bench.send(0xC3, FREEZE_NO_ACK, &[]).is_empty());
    assert_eq!(bench.counters().bad_objects, 2);
}

#[test]
fn analog_inputs_freeze_and_do_not_clear() {
    let mut bench = bench();
    assert_eq!(bench.iin(0xC0, FREEZE, &[30, 0, 6]).bits() & 0xFF00, 0);
    assert_eq!(bench.objects(0xC1, READ, &[31, 2, 6]), [31, 2, 0x01, 1, 0, 1, 0, 1, 0xFE, 0xFF]);
    assert!(bench.iin(0xC2, FREEZE_CLEAR, &[30, 0, 6]).bits() & 0x0600 != 0);
    assert_eq!(counts(&mut bench, 30), [(1, -2.0)]);
}

#[test]
fn flags_are_frozen_with_the_value_and_the_time_is_that_of_the_freeze() {
    let mut bench = Bench::new(&[point(Counter, 1, 1, 1), point(FrozenCounter, 1, 5, 5)]);
    bench.plant.clock = Some(0x0605_0403_0201);
    let lost = Some(Flags::COMM_LOST);
    bench.update(Counter, 1, Measured { flags: lost, ..counter(9) });
    bench.one(0xC0, FREEZE, &[20, 0, 6]);
    let object = [4, 9, 0, 0, 0, 1, 2, 3, 4, 5, 6];
    assert_eq!(bench.objects(0xC1, READ, &[21, 0, 6])[7..], object);
    assert_eq!(bench.objects(0xC2, READ, &[23, 0, 6])[7..], object);
}

/// Decisions: history is queued with its own times.
#[test]
fn the_clearing_of_a_counter_has_the_time_of_the_freeze() {
    let mut bench = Bench::new(&[point(Counter, 1, 1, 5)]);
    bench.update(Counter, 1, Measured { time: Some(1_000), ..counter(9) });
    bench.plant.clock = Some(2_000);
    bench.one(0xC0, FREEZE_CLEAR, &[20, 0, 6]);
    let events: Vec<_> = measured(&bench.one(0xC1, READ, &[60, 2, 6]))
        .iter()
        .map(|(_, measured)| (measured.value, measured.time.unwrap()))
        .collect();
    assert_eq!(events, [(Value::Counter(9), 1_000), (Value::Counter(0), 2_000)]);
}

#[test]
fn what_cannot_be_frozen_is_told_and_the_rest_is_frozen() {
    let cases: [(&[u8], Iin, usize); 6] = [
        (&[20, 0, 0x00, 2, 9], Iin::PARAMETER_ERROR, 1),
        (&[1, 0, 6, 20, 0, 6], Iin::OBJECT_UNKNOWN, 2),
        (&[20, 9, 6], Iin::OBJECT_UNKNOWN, 0),
        (&[60, 2, 6], Iin::OBJECT_UNKNOWN, 0),
        (&[20, 0, 0x07, 1], Iin::PARAMETER_ERROR, 0),
        (&[], Iin::PARAMETER_ERROR, 0),
    ];
    for (objects, expected, frozen) in cases {
        let mut bench = bench();
        assert!(bench.iin(0xC0, FREEZE, objects).contains(expected), "{objects:?}");
        let found = counts(&mut bench, 21).into_iter().filter(|count| count.1 > 0.0).count();
        assert_eq!(found, frozen, "{objects:?}");
    }
}

#[test]
fn a_repeated_freeze_without_acknowledgement_does_not_freeze_the_0() {
    let mut bench = bench();
    for _ in 0..2 {
        assert!(bench.send(0xC0, FREEZE_CLEAR_NO_ACK, &[20, 0, 6]).is_empty());
    }
    assert_eq!(counts(&mut bench, 21), [(1, 11.0), (2, 12.0)]);
}

#[test]
fn freezes_in_one_request_do_not_overtake_each_other() {
    let mut bench = bench();
    assert_eq!(bench.iin(0xC0, FREEZE, &[20, 0, 0, 1, 1, 30, 0, 6, 20, 0, 0, 2, 2]).bits() & 0xFF00, 0);
    assert_eq!(counts(&mut bench, 21), [(1, 11.0), (2, 12.0)]);
    assert_eq!(counts(&mut bench, 31), [(1, -2.0)]);
}
