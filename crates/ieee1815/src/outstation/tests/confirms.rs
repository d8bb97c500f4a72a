//! Confirms, lost, late and wrong; answers in several fragments; requests that come twice.

use super::*;
use PointType::AnalogInput;

/// Two analog inputs, and the events 10, 20, 30 of the first.
fn bench() -> Bench {
    let mut bench = Bench::new(&[1, 2].map(analog_input));
    for value in [10.0, 20.0, 30.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    bench
}

/// Fragments of 300 octets, and so many events of point 1.
fn long(events: u16) -> Bench {
    let mut bench = Bench::with(&[analog_input(1)], |session| session.max_tx_fragment = 300);
    for value in 1..=events {
        bench.update(AnalogInput, 1, analog(value.into()));
    }
    bench
}

fn told(fragment: &[u8]) -> Vec<f64> {
    values(fragment).iter().map(|point| point.1).collect()
}

#[test]
fn events_leave_with_the_right_confirm_only() {
    let mut bench = bench();
    assert_eq!(bench.one(0xC5, READ, &[60, 2, 6])[0], 0xE5);
    bench.confirm(4);
    bench.confirm(6);
    bench.confirm_unsolicited(5);
    assert_eq!((bench.waiting(), bench.counters().unexpected_confirms), (3, 3));
    assert!(bench.confirm(5).is_empty());
    assert_eq!(bench.waiting(), 0);
    bench.confirm(5);
    assert_eq!(bench.counters().unexpected_confirms, 4);
}

#[test]
fn a_late_confirm_counts_for_nothing() {
    let mut bench = bench();
    bench.one(0xC0, READ, &[60, 2, 6]);
    assert!(bench.wait(millis(4_999)).is_empty());
    assert_eq!(bench.counters().confirm_timeouts, 0);
    bench.wait(millis(1));
    assert_eq!(bench.counters().confirm_timeouts, 1);
    bench.confirm(0);
    assert_eq!((bench.waiting(), bench.counters().unexpected_confirms), (3, 1));
    assert_eq!(told(&bench.one(0xC1, READ, &[60, 2, 6])), [10.0, 20.0, 30.0]);
}

#[test]
fn a_confirm_that_comes_after_the_time_but_before_the_timer_is_late_too() {
    let mut bench = bench();
    bench.one(0xC0, READ, &[60, 2, 6]);
    bench.now = seconds(6);
    bench.confirm(0);
    assert_eq!((bench.waiting(), bench.counters().confirm_timeouts), (3, 1));
}

#[test]
fn a_new_request_ends_the_wait_for_a_confirm() {
    for (function, objects) in [(DELAY_MEASURE, &[][..]), (READ, &CLASS_0[..]), (WRITE, &RESTART_OFF[..])] {
        let mut bench = bench();
        bench.one(0xC0, READ, &[60, 2, 6]);
        bench.one(0xC1, function, objects);
        bench.confirm(0);
        assert_eq!(bench.waiting(), 3, "function {function}");
        assert_eq!(told(&bench.one(0xC2, READ, &[60, 2, 6])), [10.0, 20.0, 30.0]);
        bench.confirm(2);
        assert_eq!(bench.waiting(), 0);
    }
}

#[test]
fn the_confirm_of_an_older_answer_does_not_count_for_a_newer() {
    let mut bench = bench();
    bench.one(0xC0, READ, &[60, 2, 6]);
    bench.update(AnalogInput, 1, analog(40.0));
    bench.one(0xC1, READ, &[60, 2, 6]);
    bench.confirm(0);
    assert_eq!(bench.waiting(), 4);
    bench.confirm(1);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn a_read_sent_again_before_its_confirm_gets_the_same_octets() {
    let mut bench = bench();
    let first = bench.one(0xC0, READ, &[60, 2, 6]);
    bench.update(AnalogInput, 2, analog(99.0));
    assert_eq!(bench.one(0xC0, READ, &[60, 2, 6]), first);
    assert_eq!(bench.counters().duplicates, 1);
    bench.confirm(0);
    assert_eq!(bench.waiting(), 1, "what changed meanwhile was not in it");
}

#[test]
fn a_read_that_awaits_nothing_is_built_anew() {
    let mut bench = bench();
    bench.one(0xC0, READ, &[60, 2, 6]);
    bench.confirm(0);
    bench.update(AnalogInput, 1, analog(40.0));
    assert_eq!(told(&bench.one(0xC0, READ, &[60, 2, 6])), [40.0], "after its confirm");
    bench.wait(seconds(5));
    bench.update(AnalogInput, 1, analog(50.0));
    assert_eq!(told(&bench.one(0xC0, READ, &[60, 2, 6])), [40.0, 50.0], "after the time for it");
    bench.confirm(0);
    bench.one(0xC1, READ, &CLASS_0);
    bench.update(AnalogInput, 1, analog(60.0));
    assert_eq!(told(&bench.one(0xC1, READ, &CLASS_0))[0], 60.0, "without one");
}

#[test]
fn another_read_with_the_same_sequence_is_not_a_repetition() {
    let mut bench = bench();
    bench.one(0xC0, READ, &[60, 2, 6]);
    let answer = bench.one(0xC0, READ, &CLASS_0);
    assert_eq!(values(&answer), [(1, 30.0), (2, 0.0)]);
    bench.confirm(0);
    assert_eq!(bench.waiting(), 3);
}

#[test]
fn a_repeated_request_that_is_no_read_gets_the_same_octets() {
    let mut bench = bench();
    let first = bench.one(0xC0, DELAY_MEASURE, &[]);
    bench.plant.indications = Iin::DEVICE_TROUBLE;
    assert_eq!(bench.one(0xC0, DELAY_MEASURE, &[]), first, "indications too");
    assert!(bench.iin(0xC1, DELAY_MEASURE, &[]).contains(Iin::DEVICE_TROUBLE), "another sequence");
    bench.one(0xC2, READ, &CLASS_0);
    assert_ne!(bench.one(0xC0, DELAY_MEASURE, &[]), first, "not the request before");
    bench.reconnect();
    assert!(bench.iin(0xC0, DELAY_MEASURE, &[]).contains(Iin::DEVICE_TROUBLE), "another connection");
    assert_eq!(bench.counters().duplicates, 1);
}

#[test]
fn a_long_answer_comes_in_confirmed_fragments() {
    let points: Vec<_> = (0..2000).map(|index| point(AnalogInput, index, 1, 2)).collect();
    let mut bench = Bench::new(&points);
    let (mut read, mut answer) = (Vec::new(), bench.one(0xC9, READ, &CLASS_0));
    for sequence in 9_u8.. {
        assert!(answer.len() <= 2048);
        let (first, last) = (answer[0] & 0x80 != 0, answer[0] & 0x40 != 0);
        assert_eq!((answer[0] & 0x0F, first), (sequence & 0x0F, sequence == 9));
        assert_eq!(answer[0] & 0x20 != 0, !last, "each but the last is confirmed");
        read.extend(values(&answer).iter().map(|point| point.0));
        if last {
            break;
        }
        answer = only(bench.confirm(sequence & 0x0F));
    }
    assert_eq!(read, (0..2000).collect::<Vec<u32>>());
    assert_eq!(bench.outstation.take_reads_answered(0), 1);
    assert_eq!(bench.outstation.take_reads_answered(0), 0);
}

#[test]
fn events_over_several_fragments_leave_fragment_by_fragment() {
    let mut bench = long(60);
    let (mut read, mut answer) = (Vec::new(), bench.one(0xC0, READ, &[60, 2, 6]));
    loop {
        assert!(answer.len() <= 300 && answer[0] & 0x20 != 0);
        let last = answer[0] & 0x40 != 0;
        assert_eq!(iin(&answer).contains(Iin::CLASS_1), !last, "events wait beyond this fragment");
        read.extend(told(&answer));
        let next = bench.confirm(answer[0] & 0x0F);
        assert_eq!(bench.waiting(), 60 - read.len());
        if last {
            assert!(next.is_empty());
            break;
        }
        answer = only(next);
    }
    assert_eq!(read, (1..=60).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn a_confirm_lost_in_the_middle_loses_nothing() {
    let mut bench = long(60);
    let first = told(&bench.one(0xC0, READ, &[60, 2, 6]));
    let second = told(&only(bench.confirm(0)));
    assert!(bench.wait(seconds(5)).is_empty(), "the rest is given up");
    assert!(bench.confirm(1).is_empty(), "and a late confirm does not bring it");
    assert_eq!(bench.waiting(), 60 - first.len());
    let again = bench.one(0xC5, READ, &[60, 2, 6]);
    assert_eq!(again[0] & 0x8F, 0x85, "a new answer from its beginning");
    assert_eq!(told(&again), second);
}

#[test]
fn a_wrong_confirm_in_the_middle_does_not_bring_the_next_fragment() {
    let mut bench = long(60);
    bench.one(0xC0, READ, &[60, 2, 6]);
    for wrong in [1, 15] {
        assert!(bench.confirm(wrong).is_empty());
    }
    assert!(bench.confirm_unsolicited(0).is_empty());
    assert_eq!(bench.waiting(), 60);
    assert_eq!(only(bench.confirm(0))[0] & 0x8F, 1);
}

#[test]
fn the_same_confirm_again_does_not_bring_another_fragment() {
    let mut bench = long(60);
    bench.one(0xC0, READ, &[60, 2, 6]);
    let second = only(bench.confirm(0));
    assert!(bench.confirm(0).is_empty());
    assert_eq!(bench.waiting(), 60 - told(&second).len(), "fragments of one size; the second is still there");
}

#[test]
fn a_read_repeated_in_the_middle_begins_anew() {
    let mut bench = long(60);
    let first = bench.one(0xC0, READ, &[60, 2, 6]);
    let second = only(bench.confirm(0));
    let again = bench.one(0xC0, READ, &[60, 2, 6]);
    assert_eq!(again[0] & 0x8F, 0x80, "the first fragment of an answer");
    assert_eq!(told(&again)[0], told(&second)[0], "with what was not confirmed: {first:?}");
}

#[test]
fn a_read_repeated_when_the_sequence_has_come_round_begins_anew() {
    let mut bench = long(700);
    let mut answer = bench.one(0xC0, READ, &[60, 2, 6]);
    for sequence in 0..16 {
        answer = only(bench.confirm(sequence));
    }
    assert_eq!(answer[0] & 0xCF, 0, "somewhere in the middle, with the sequence of the request");
    let again = bench.one(0xC0, READ, &[60, 2, 6]);
    assert_eq!(again[0] & 0x80, 0x80, "an answer begins with its first fragment");
}

#[test]
fn each_fragment_tells_what_is_true_when_it_is_sent() {
    let points: Vec<_> = (0..200).map(|index| point(AnalogInput, index, 2, 2)).collect();
    let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 300);
    bench.one(0xC0, READ, &CLASS_0);
    bench.update(AnalogInput, 0, analog(7.0));
    bench.update(AnalogInput, 199, analog(8.0));
    let (mut sequence, mut last) = (0, Vec::new());
    while last.first().is_none_or(|control: &u8| control & 0x40 == 0) {
        last = only(bench.confirm(sequence));
        sequence += 1;
    }
    assert_eq!(values(&last).last(), Some(&(199, 8.0)));
}

#[test]
fn events_that_come_during_a_long_answer_wait_for_the_next_read() {
    let mut bench = long(40);
    let (mut count, mut answer) = (0, bench.one(0xC0, READ, &[60, 2, 6]));
    loop {
        bench.update(AnalogInput, 1, analog(1_000.0 + f64::from(count)));
        count += u16::try_from(told(&answer).len()).unwrap();
        let next = bench.confirm(answer[0] & 0x0F);
        if answer[0] & 0x40 != 0 {
            break;
        }
        answer = only(next);
    }
    assert_eq!(count, 40, "an answer ends, however fast events come");
}

#[test]
fn a_new_connection_forgets_what_was_awaited() {
    let mut bench = long(60);
    bench.one(0xC0, READ, &[60, 2, 6]);
    bench.reconnect();
    assert!(bench.confirm(0).is_empty());
    assert_eq!((bench.waiting(), bench.counters().unexpected_confirms), (60, 1));
    assert_eq!(told(&bench.one(0xC0, READ, &[60, 2, 6]))[0], 1.0);
}

#[test]
fn nothing_longer_than_the_largest_fragment_is_sent() {
    let mut bench = Bench::with(&[], |session| session.max_tx_fragment = 300);
    let mut objects = vec![12, 1, 0x17, 100];
    for _ in 0..100 {
        objects.extend([1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    for fragment in bench.send(0xC0, DIRECT, &objects) {
        assert!(fragment.len() <= 300, "{} octets", fragment.len());
    }
}

#[test]
fn a_confirm_and_the_next_request_in_one_write() {
    let mut bench = bench();
    bench.one(0xC0, READ, &[60, 2, 6]);
    bench.masters[0].send(&[0xC0, 0], Time::ZERO);
    bench.masters[0].send(&[0xC1, READ, 60, 2, 6], Time::ZERO);
    assert_eq!(only(bench.exchange()), [0xC1, 129, 0x80, 0], "nothing is left");
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn two_reads_in_one_write_tell_the_same_events_and_the_second_counts() {
    let mut bench = bench();
    bench.masters[0].send(&[0xC0, READ, 60, 2, 6], Time::ZERO);
    bench.masters[0].send(&[0xC1, READ, 60, 2, 6], Time::ZERO);
    let answers = bench.exchange();
    assert_eq!(answers.iter().map(|answer| told(answer)).collect::<Vec<_>>(), [[10.0, 20.0, 30.0]; 2]);
    bench.confirm(0);
    assert_eq!(bench.waiting(), 3);
    bench.confirm(1);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn a_connection_that_replaces_another_needs_no_goodbye() {
    let mut bench = bench();
    let direct = [41, 2, 0x17, 1, 1, 7, 0, 0];
    bench.one(0xC0, DIRECT, &direct);
    bench.one(0xC1, READ, &[60, 2, 6]);
    bench.outstation.connected(0, bench.now);
    bench.masters[0].reset(bench.now);
    bench.confirm(1);
    assert_eq!(bench.waiting(), 3, "what the other connection asked for is not confirmed by this one");
    bench.one(0xC0, DIRECT, &direct);
    assert_eq!(bench.plant.operated.len(), 2, "a command of a new connection is no repetition");
}

#[test]
fn half_a_frame_of_the_old_connection_is_not_completed_by_the_new() {
    let mut bench = bench();
    let mut octets = Vec::new();
    bench.masters[0].send(&[0xC0, READ, 60, 2, 6], Time::ZERO);
    bench.masters[0].poll_transmit(&mut octets);
    let (half, rest) = octets.split_at(11);
    bench.outstation.receive(0, half, bench.now, &mut bench.plant);
    bench.outstation.connected(0, bench.now);
    bench.outstation.receive(0, rest, bench.now, &mut bench.plant);
    assert!(bench.received().is_empty());
    bench.masters[0].reset(bench.now);
    assert_eq!(told(&bench.one(0xC0, READ, &[60, 2, 6])).len(), 3);
}

#[test]
fn a_read_counts_as_answered_with_its_last_fragment() {
    let mut bench = long(60);
    bench.one(0xC0, READ, &[60, 2, 6]);
    assert_eq!(bench.one(0xC0, READ, &[60, 2, 6])[0], 0xA0, "a repetition");
    bench.confirm(0);
    bench.wait(seconds(5));
    bench.one(0xC1, DELAY_MEASURE, &[]);
    assert_eq!(bench.outstation.take_reads_answered(0), 0, "it was given up");
    bench.one(0xC2, READ, &CLASS_0);
    bench.one(0xC3, READ, &CLASS_0);
    assert_eq!(bench.outstation.take_reads_answered(0), 2);
}
