//! What becomes an event, what waits of it, and what is lost when too many do.

use super::*;
use PointType::{AnalogInput, BinaryInput, BinaryOutputStatus, Counter, DoubleBitInput};

fn told(fragment: &[u8]) -> Vec<(u32, f64)> {
    values(fragment)
}

#[test]
fn timed_variations_queue_history_and_untimed_ones_keep_the_latest() {
    let cases = [
        (AnalogInput, &[3, 4, 7, 8][..], &[1, 2, 5, 6][..]),
        (Counter, &[5, 6], &[1, 2]),
        (BinaryInput, &[2, 3], &[1]),
        (DoubleBitInput, &[2, 3], &[1]),
        (BinaryOutputStatus, &[2], &[1]),
    ];
    for (of, timed, untimed) in cases {
        let value = |step: u8| match of {
            AnalogInput => Value::Analog(step.into()),
            Counter => Value::Counter(step.into()),
            DoubleBitInput => Value::DoubleBit(DoubleBit::from_bits(step)),
            _ => Value::Binary(step % 2 == 1),
        };
        for (variation, expected) in timed.iter().map(|v| (*v, 3)).chain(untimed.iter().map(|v| (*v, 1))) {
            let mut bench = Bench::new(&[point(of, 7, 1, variation)]);
            for step in 1..=3 {
                bench.update(of, 7, Measured { time: Some(step.into()), ..good(value(step)) });
            }
            assert_eq!(bench.waiting(), expected, "{of:?} v{variation}");
            let answer = bench.one(0xC0, READ, &[60, 2, 6]);
            let last = number(value(3));
            assert_eq!(told(&answer).last(), Some(&(7, last)), "{of:?} v{variation}");
        }
    }
}

#[test]
fn the_mode_can_be_chosen_against_the_variation() {
    let each = PointConfig { mode: Some(EventMode::Each), ..point(AnalogInput, 1, 2, 2) };
    let latest = PointConfig { mode: Some(EventMode::Latest), ..point(AnalogInput, 2, 2, 4) };
    let mut bench = Bench::new(&[each, latest]);
    for value in [1.0, 2.0] {
        bench.update(AnalogInput, 1, analog(value));
        bench.update(AnalogInput, 2, analog(value));
    }
    assert_eq!(told(&bench.one(0xC0, READ, &[60, 2, 6])), [(1, 1.0), (2, 2.0), (1, 2.0)]);
}

#[test]
fn the_latest_is_what_is_true_when_it_is_sent() {
    let mut bench = Bench::new(&[point(AnalogInput, 1, 2, 2)]);
    bench.update(AnalogInput, 1, analog(100.0));
    bench.update(AnalogInput, 1, Measured { flags: Some(Flags::COMM_LOST), ..analog(100.0) });
    let event = [32, 2, 0x28, 1, 0, 1, 0, 4, 100, 0];
    assert_eq!(bench.objects(0xC0, READ, &[60, 2, 6]), event);
    bench.update(AnalogInput, 1, analog(200.0));
    bench.wait(seconds(5));
    assert_eq!(told(&bench.one(0xC1, READ, &[60, 2, 6])), [(1, 200.0)], "once, where it waited twice");
    bench.confirm(1);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn what_changed_while_its_event_was_under_way_is_an_event_again() {
    let mut bench = Bench::new(&[point(AnalogInput, 1, 2, 2)]);
    bench.update(AnalogInput, 1, analog(100.0));
    bench.one(0xC0, READ, &[60, 2, 6]);
    bench.update(AnalogInput, 1, analog(200.0));
    bench.confirm(0);
    assert_eq!(told(&bench.one(0xC1, READ, &[60, 2, 6])), [(1, 200.0)]);
}

#[test]
fn history_keeps_its_own_values_flags_and_times() {
    let mut bench = Bench::new(&[point(AnalogInput, 1, 2, 4)]);
    for (value, flags, time) in [(1.0, 0x01, 11), (2.0, 0x05, 12), (2.0, 0x01, 13)] {
        let flags = Some(Flags::from_bits(flags));
        bench.update(AnalogInput, 1, Measured { value: Value::Analog(value), flags, time: Some(time) });
    }
    let expected = [
        &[32, 4, 0x28, 3, 0][..],
        &[1, 0, 1, 1, 0, 11, 0, 0, 0, 0, 0],
        &[1, 0, 5, 2, 0, 12, 0, 0, 0, 0, 0],
        &[1, 0, 1, 2, 0, 13, 0, 0, 0, 0, 0],
    ];
    assert_eq!(bench.objects(0xC0, READ, &[60, 2, 6]), expected.concat());
}

#[test]
fn events_are_told_in_their_order() {
    let mut bench = Bench::new(&[analog_input(1), point(BinaryInput, 2, 2, 2), analog_input(3)]);
    bench.update(AnalogInput, 3, analog(1.0));
    bench.update(BinaryInput, 2, binary(true));
    bench.update(AnalogInput, 1, analog(2.0));
    bench.update(AnalogInput, 3, analog(3.0));
    let order = [(3, 1.0), (2, 1.0), (1, 2.0), (3, 3.0)];
    assert_eq!(told(&bench.one(0xC0, READ, &[60, 2, 6])), order);
    bench.wait(seconds(5));
    assert_eq!(told(&bench.one(0xC1, READ, &[60, 2, 6])), order, "again after no confirm");
}

#[test]
fn a_value_that_stays_is_no_event() {
    let mut bench = Bench::new(&[analog_input(1), point(BinaryInput, 1, 2, 2)]);
    for _ in 0..3 {
        bench.update(AnalogInput, 1, analog(1.0));
        bench.update(BinaryInput, 1, binary(true));
    }
    assert_eq!(bench.waiting(), 2);
    bench.update(AnalogInput, 99, analog(1.0));
    bench.update(Counter, 1, counter(1));
    assert_eq!(bench.waiting(), 2, "nor is a point that is not there");
}

#[test]
fn a_full_buffer_drops_the_oldest_and_says_so_until_that_is_confirmed() {
    let mut bench = Bench::with(&[analog_input(1)], |session| session.events_max = 3);
    for value in [1.0, 2.0, 3.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    assert!(!bench.iin(0xC0, DELAY_MEASURE, &[]).contains(Iin::EVENT_BUFFER_OVERFLOW), "full, nothing lost");
    bench.update(AnalogInput, 1, analog(4.0));
    bench.update(AnalogInput, 1, analog(5.0));
    assert_eq!((bench.waiting(), bench.counters().events_lost), (3, 2));
    for sequence in 1..4 {
        let told = bench.iin(0xC0 | sequence, DELAY_MEASURE, &[]);
        assert!(told.contains(Iin::EVENT_BUFFER_OVERFLOW), "told without a confirm");
    }
    let answer = bench.one(0xC4, READ, &EVENTS);
    assert!(iin(&answer).contains(Iin::EVENT_BUFFER_OVERFLOW));
    assert_eq!(told(&answer), [(1, 3.0), (1, 4.0), (1, 5.0)]);
    bench.wait(seconds(5));
    let answer = bench.one(0xC5, READ, &EVENTS);
    assert!(iin(&answer).contains(Iin::EVENT_BUFFER_OVERFLOW), "no confirm came");
    bench.confirm(5);
    assert!(!bench.iin(0xC6, READ, &EVENTS).contains(Iin::EVENT_BUFFER_OVERFLOW));
}

#[test]
fn what_is_lost_after_an_answer_is_not_cleared_by_its_confirm() {
    let mut bench = Bench::with(&[analog_input(1)], |session| session.events_max = 3);
    for value in [1.0, 2.0, 3.0, 4.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    bench.one(0xC0, READ, &EVENTS);
    for value in [5.0, 6.0, 7.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    bench.confirm(0);
    let answer = bench.one(0xC1, READ, &EVENTS);
    assert!(iin(&answer).contains(Iin::EVENT_BUFFER_OVERFLOW));
    assert_eq!(told(&answer), [(1, 5.0), (1, 6.0), (1, 7.0)]);
    bench.confirm(1);
    assert!(!bench.iin(0xC2, READ, &EVENTS).contains(Iin::EVENT_BUFFER_OVERFLOW));
}

/// The confirm is that of a response that did not tell of the overflow.
#[test]
fn an_overflow_is_not_cleared_by_the_confirm_of_what_did_not_tell_it() {
    let mut bench = Bench::with(&[analog_input(1)], |session| {
        session.events_max = 2;
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(1.0));
    let first = only(bench.turn());
    assert!(!iin(&first).contains(Iin::EVENT_BUFFER_OVERFLOW));
    for value in [2.0, 3.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    // Told here, in an answer that may have got lost.
    assert!(bench.iin(0xC0, DELAY_MEASURE, &[]).contains(Iin::EVENT_BUFFER_OVERFLOW));
    let second = only(bench.confirm_unsolicited(1));
    assert!(iin(&second).contains(Iin::EVENT_BUFFER_OVERFLOW));
}

#[test]
fn a_type_of_its_own_limit_does_not_push_out_the_others() {
    let points = [analog_input(1), point(BinaryInput, 1, 2, 2)];
    let mut bench = Bench::with(&points, |session| session.events_of_a_type_max = 2);
    bench.update(AnalogInput, 1, analog(1.0));
    for step in 0..20 {
        let time = Some(step);
        bench.update(BinaryInput, 1, Measured { time, ..binary(step % 2 == 0) });
    }
    assert_eq!((bench.waiting(), bench.counters().events_lost), (3, 18));
    let answer = bench.one(0xC0, READ, &EVENTS);
    assert!(iin(&answer).contains(Iin::EVENT_BUFFER_OVERFLOW));
    assert_eq!(told(&answer), [(1, 1.0), (1, 1.0), (1, 0.0)], "the newest two of the chattering one");
    bench.confirm(0);
    assert!(!bench.iin(0xC1, READ, &EVENTS).contains(Iin::EVENT_BUFFER_OVERFLOW));
    assert_eq!(bench.waiting(), 0);
    bench.update(BinaryInput, 1, binary(true));
    bench.update(BinaryInput, 1, binary(false));
    assert_eq!((bench.waiting(), bench.counters().events_lost), (2, 18), "room again");
}

#[test]
fn a_type_of_its_own_limit_pushes_out_its_own_oldest_only() {
    let points = [point(BinaryInput, 1, 2, 2), analog_input(1), point(Counter, 1, 1, 5)];
    let mut bench = Bench::with(&points, |session| session.events_of_a_type_max = 2);
    bench.update(BinaryInput, 1, binary(true));
    bench.update(Counter, 1, counter(9));
    for value in [1.0, 2.0, 3.0, 4.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    assert_eq!(told(&bench.one(0xC0, READ, &EVENTS)), [(1, 1.0), (1, 9.0), (1, 3.0), (1, 4.0)]);
}

#[test]
fn the_general_limit_holds_across_types() {
    let points = [analog_input(1), point(BinaryInput, 1, 2, 2)];
    let mut bench = Bench::with(&points, |session| {
        session.events_max = 3;
        session.events_of_a_type_max = 3;
    });
    bench.update(AnalogInput, 1, analog(1.0));
    for step in 0..3 {
        bench.update(BinaryInput, 1, binary(step % 2 == 0));
    }
    assert_eq!(
        told(&bench.one(0xC0, READ, &EVENTS)),
        [(1, 1.0), (1, 0.0), (1, 1.0)],
        "the analog was oldest"
    );
}

#[test]
fn the_latest_of_a_point_that_was_pushed_out_can_come_again() {
    let points = [1, 2, 3].map(|index| point(AnalogInput, index, 2, 2));
    let mut bench = Bench::with(&points, |session| session.events_max = 2);
    for index in 1..=3 {
        bench.update(AnalogInput, index, analog(1.0));
    }
    assert_eq!(bench.waiting(), 2);
    bench.update(AnalogInput, 1, analog(2.0));
    assert_eq!(told(&bench.one(0xC0, READ, &EVENTS)), [(3, 1.0), (1, 2.0)]);
}

#[test]
fn an_overflow_while_a_fragment_is_under_way() {
    let mut bench = Bench::with(&[analog_input(1)], |session| session.events_max = 3);
    for value in [1.0, 2.0, 3.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    bench.one(0xC0, READ, &EVENTS);
    for value in [4.0, 5.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    bench.confirm(0);
    assert_eq!(told(&bench.one(0xC1, READ, &EVENTS)), [(1, 4.0), (1, 5.0)], "what was confirmed never again");
}

#[test]
fn a_backlog_waits_while_the_master_is_away() {
    let mut bench = Bench::new(&[analog_input(1), point(AnalogInput, 2, 2, 2)]);
    bench.outstation.disconnected(0, bench.now);
    for value in [1.0, 2.0] {
        bench.update(AnalogInput, 1, analog(value));
        bench.update(AnalogInput, 2, analog(value));
    }
    assert!(bench.wait(seconds(3600)).is_empty());
    bench.outstation.connected(0, bench.now);
    assert_eq!(told(&bench.one(0xC0, READ, &EVENTS)), [(1, 1.0), (2, 2.0), (1, 2.0)]);
}

#[test]
fn events_of_several_types_octet_by_octet() {
    let mut bench = Bench::new(&[point(BinaryInput, 1, 2, 2), analog_input(1), point(Counter, 1, 1, 5)]);
    bench.update(BinaryInput, 1, binary(true));
    bench.update(AnalogInput, 1, analog(-3.0));
    bench.update(Counter, 1, counter(u32::MAX));
    let expected = [
        &[2, 2, 0x28, 1, 0, 1, 0, 0x81, 0xE8, 3, 0, 0, 0, 0][..],
        &[32, 4, 0x28, 1, 0, 1, 0, 1, 0xFD, 0xFF, 0xE8, 3, 0, 0, 0, 0],
        &[22, 5, 0x28, 1, 0, 1, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xE8, 3, 0, 0, 0, 0],
    ];
    assert_eq!(bench.objects(0xC0, READ, &EVENTS), expected.concat());
    bench.confirm(0);
    bench.update(Counter, 1, counter(2));
    assert_eq!(told(&bench.one(0xC1, READ, &EVENTS)), [(1, 2.0)], "it rolled over");
}

fn at(value: f64, flags: Flags) -> Measured {
    Measured { value: Value::Analog(value), flags: Some(flags), time: Some(1_000) }
}

#[test]
fn history_does_not_leave_without_its_times() {
    let timed = PointConfig { class: 1, event_variation: 7, ..PointConfig::new(AnalogInput, 1) };
    let mut bench = Bench::new(&[timed]);
    for value in [10.0, 20.0, 30.0] {
        bench.outstation.update(AnalogInput, 1, at(value, Flags::ONLINE));
    }
    bench.outstation.update(AnalogInput, 1, at(30.0, Flags::COMM_LOST));
    let answer = bench.one(0xC0, READ, &[32, 5, 6]);
    assert_eq!(values(&answer), [(1, 30.0)], "the latest");
    assert_eq!(answer[4..12], [32, 5, 0x28, 1, 0, 1, 0, Flags::COMM_LOST.bits()], "as it is now");
    bench.confirm(0);
    assert_eq!(bench.outstation.events_waiting(0), 0);
}

#[test]
fn a_time_that_nobody_told_is_not_1970() {
    let timed = PointConfig { class: 1, event_variation: 7, ..PointConfig::new(AnalogInput, 1) };
    let mut bench = Bench::new(&[timed]);
    let untold = Measured { time: None, ..at(10.0, Flags::ONLINE) };
    bench.outstation.update(AnalogInput, 1, untold);
    let answer = bench.one(0xC0, READ, &[60, 2, 6]);
    assert_eq!(answer[4..6], [32, 5], "the same form without time");
}

#[test]
fn purged_events_are_gone_and_leave_no_trace() {
    let timed = PointConfig { class: 1, event_variation: 7, ..PointConfig::new(AnalogInput, 1) };
    let mut bench = Bench::new(&[timed]);
    for value in [10.0, 20.0] {
        bench.outstation.update(AnalogInput, 1, at(value, Flags::ONLINE));
    }
    bench.outstation.purge(AnalogInput, 1);
    let answer = bench.one(0xC0, READ, &[60, 2, 6]);
    assert!(answer.len() == 4 && !iin(&answer).contains(Iin::CLASS_1));
}

/// Decisions: untimed variations keep the latest only, and that goes for values whose times nobody told.
#[test]
fn history_whose_times_nobody_told_is_the_latest_only() {
    let mut bench = Bench::new(&[point(AnalogInput, 1, 5, 7)]);
    for value in [10.0, 20.0, 30.0] {
        bench.update(AnalogInput, 1, Measured { time: None, ..analog(value) });
    }
    assert_eq!(told(&bench.one(0xC0, READ, &[60, 2, 6])), [(1, 30.0)]);
    bench.confirm(0);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn history_that_was_asked_for_without_times_comes_back_whole_where_it_was_not_confirmed() {
    let mut bench = Bench::new(&[point(AnalogInput, 1, 5, 7), point(AnalogInput, 2, 5, 7)]);
    for (index, value) in [(1, 1.0), (2, 2.0), (1, 3.0), (2, 4.0)] {
        bench.update(AnalogInput, index, analog(value));
    }
    assert_eq!(told(&bench.one(0xC0, READ, &[32, 5, 6])), [(1, 3.0), (2, 4.0)]);
    bench.wait(seconds(5));
    assert_eq!(told(&bench.one(0xC1, READ, &[60, 2, 6])), [(1, 1.0), (2, 2.0), (1, 3.0), (2, 4.0)]);
}

#[test]
fn a_purge_takes_what_is_under_way_and_what_waits_of_that_point_only() {
    let points = [point(AnalogInput, 1, 2, 2), analog_input(2), PointConfig { class: 2, ..analog_input(3) }];
    let mut bench = Bench::with(&points, |session| session.events_of_a_type_max = 4);
    for index in 1..=3 {
        bench.update(AnalogInput, index, analog(7.0));
    }
    bench.one(0xC0, READ, &[60, 2, 6]);
    for index in 1..=2 {
        bench.outstation.purge(AnalogInput, index);
    }
    bench.outstation.purge(AnalogInput, 77);
    assert_eq!(bench.waiting(), 1);
    bench.confirm(0);
    assert_eq!(told(&bench.one(0xC1, READ, &EVENTS)), [(3, 7.0)]);
    bench.confirm(1);
    assert_eq!((bench.waiting(), bench.counters().events_lost), (0, 0), "a purge is no loss");
    for step in 0..4 {
        bench.update(AnalogInput, 2, analog(step.into()));
    }
    assert_eq!((bench.waiting(), bench.counters().events_lost), (4, 0), "their places are free");
    bench.update(AnalogInput, 1, analog(9.0));
    bench.one(0xC2, READ, &EVENTS);
    bench.confirm(2);
    bench.update(AnalogInput, 1, analog(10.0));
    assert_eq!(told(&bench.one(0xC3, READ, &EVENTS)), [(1, 10.0)], "and the point goes on");
}
