//! Unsolicited responses.

use super::*;
use PointType::AnalogInput;

/// Two analog inputs: 1 in class 1, and 2 in class 2.
pub(super) fn bench_with(configure: impl FnOnce(&mut UnsolicitedConfig)) -> Bench {
    let mut config = UnsolicitedConfig::default();
    configure(&mut config);
    let points = [analog_input(1), PointConfig { class: 2, ..analog_input(2) }];
    Bench::with(&points, |session| session.unsolicited = Some(config))
}

/// With classes 1 and 2 enabled, and the empty response of the start confirmed.
fn bench() -> Bench {
    let mut bench = bench_with(|config| config.enabled = Classes::EVENTS);
    assert_eq!(only(bench.turn()), [0xF0, UNSOLICITED, 0x80, 0]);
    assert!(bench.confirm_unsolicited(0).is_empty());
    bench.restart_off();
    bench
}

/// As [`bench`], with an unsolicited response of the value 7 under way, sequence 1.
pub(super) fn under_way() -> Bench {
    let mut bench = bench();
    bench.update(AnalogInput, 1, analog(7.0));
    let sent = only(bench.turn());
    assert_eq!((sent[0], values(&sent)), (0xF1, vec![(1, 7.0)]));
    bench
}

#[test]
fn an_outstation_without_them_sends_none_and_does_not_know_the_functions() {
    let mut bench = Bench::new(&[analog_input(1)]);
    bench.update(AnalogInput, 1, analog(7.0));
    assert!(bench.wait(seconds(100)).is_empty());
    for function in [ENABLE, DISABLE] {
        let told = bench.iin(0xC0 | function & 1, function, &[60, 2, 6]);
        assert!(told.contains(Iin::NO_FUNC_CODE_SUPPORT));
    }
}

#[test]
fn the_start_is_told_by_an_empty_response_until_it_is_confirmed() {
    let mut bench = bench_with(|config| config.enabled = Classes::EVENTS);
    bench.update(AnalogInput, 1, analog(7.0));
    let first = only(bench.turn());
    assert_eq!(first, [0xF0, UNSOLICITED, 0x82, 0], "no events in it, but told");
    assert!(bench.wait(millis(4_999)).is_empty());
    assert_eq!(only(bench.wait(millis(1))), first, "again, with the same sequence");
    let events = only(bench.confirm_unsolicited(0));
    assert_eq!((events[0], values(&events)), (0xF1, vec![(1, 7.0)]));
}

#[test]
fn the_start_is_told_once_and_not_on_each_connection() {
    let mut bench = bench();
    bench.reconnect();
    assert!(bench.wait(seconds(100)).is_empty());
    let mut bench = bench_with(|_| ());
    bench.turn();
    bench.reconnect();
    assert_eq!(only(bench.turn())[..2], [0xF0, UNSOLICITED], "it was not confirmed");
}

#[test]
fn the_start_is_told_where_no_class_is_enabled_too() {
    let mut bench = bench_with(|_| ());
    assert_eq!(only(bench.turn()), [0xF0, UNSOLICITED, 0x80, 0]);
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    assert!(bench.wait(seconds(100)).is_empty(), "but nothing more");
}

#[test]
fn events_of_the_enabled_classes_octet_by_octet() {
    let mut bench = bench();
    bench.update(AnalogInput, 1, Measured { time: Some(0x0605_0403_0201), ..analog(-2.0) });
    let expected = [0xF1, UNSOLICITED, 0, 0, 32, 4, 0x28, 1, 0, 1, 0, 1, 0xFE, 0xFF, 1, 2, 3, 4, 5, 6];
    assert_eq!(only(bench.turn()), expected);
    assert!(bench.confirm_unsolicited(1).is_empty());
    assert_eq!(bench.waiting(), 0);
    assert!(bench.wait(seconds(100)).is_empty());
}

#[test]
fn classes_are_enabled_and_disabled_one_by_one() {
    let mut bench = bench_with(|_| ());
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.update(AnalogInput, 2, analog(8.0));
    assert!(bench.turn().is_empty());
    let sent = bench.send(0xC0, ENABLE, &[60, 3, 6]);
    assert_eq!(sent.len(), 2, "the answer, and what it brings about");
    assert_eq!((sent[0][1], sent[1][1], values(&sent[1])), (129, UNSOLICITED, vec![(2, 8.0)]));
    assert!(iin(&sent[1]).contains(Iin::CLASS_1), "the rest is told");
    assert!(bench.confirm_unsolicited(1).is_empty());
    let sent = bench.send(0xC1, ENABLE, &[60, 2, 6, 60, 4, 6]);
    assert_eq!(values(&sent[1]), [(1, 7.0)]);
    bench.confirm_unsolicited(2);
    assert_eq!(bench.one(0xC2, DISABLE, &[60, 2, 6])[1], 129);
    bench.update(AnalogInput, 1, analog(9.0));
    assert!(bench.turn().is_empty());
    bench.update(AnalogInput, 2, analog(9.0));
    assert_eq!(values(&only(bench.turn())), [(2, 9.0)]);
}

#[test]
fn wrong_classes_are_told() {
    let cases: [(&[u8], Iin); 6] = [
        (&[], Iin::PARAMETER_ERROR),
        (&[60, 1, 6], Iin::PARAMETER_ERROR),
        (&[60, 5, 6], Iin::PARAMETER_ERROR),
        (&[60, 2, 0x00, 0, 1], Iin::PARAMETER_ERROR),
        (&[30, 0, 6], Iin::OBJECT_UNKNOWN),
        (&[60, 2], Iin::PARAMETER_ERROR),
    ];
    for (objects, expected) in cases {
        for function in [ENABLE, DISABLE] {
            assert!(bench().iin(0xC0, function, objects).contains(expected), "{objects:?}");
        }
    }
}

#[test]
fn retries_are_the_same_octets_and_end_in_a_longer_rest() {
    let mut bench = bench_with(|config| {
        config.enabled = Classes::EVENTS;
        config.retries = 2;
        config.rest = seconds(60);
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    let first = only(bench.turn());
    let mut sent_at = Vec::new();
    for second in 1..=89 {
        for fragment in bench.wait(seconds(1)) {
            assert_eq!(fragment, first);
            sent_at.push(second);
        }
    }
    assert_eq!(sent_at, [5, 10, 75, 80, 85], "after 15 s a rest of 60 s");
    assert_eq!(bench.counters().unsolicited_retries, 4);
    assert!(bench.confirm_unsolicited(1).is_empty());
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn a_retry_with_something_new_has_a_new_sequence_and_the_old_confirm_counts_no_more() {
    let mut bench = under_way();
    bench.update(AnalogInput, 1, analog(8.0));
    let second = only(bench.wait(seconds(5)));
    assert_eq!((second[0], values(&second)), (0xF2, vec![(1, 7.0), (1, 8.0)]));
    assert!(bench.confirm_unsolicited(1).is_empty());
    assert_eq!(bench.waiting(), 2);
    bench.confirm_unsolicited(2);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn what_comes_while_one_is_under_way_is_sent_after_its_confirm() {
    let mut bench = under_way();
    bench.update(AnalogInput, 1, analog(8.0));
    assert!(bench.turn().is_empty());
    let second = only(bench.confirm_unsolicited(1));
    assert_eq!((second[0], values(&second)), (0xF2, vec![(1, 8.0)]));
}

#[test]
fn the_sequence_counts_by_itself_and_wraps() {
    let mut bench = bench();
    for step in 1..40_u8 {
        bench.update(AnalogInput, 1, analog(step.into()));
        assert_eq!(only(bench.turn())[0], 0xF0 | step & 0x0F);
        bench.one(0xC0 | (step * 3) & 0x0F, DELAY_MEASURE, &[]);
        bench.confirm_unsolicited(step & 0x0F);
        assert_eq!(bench.waiting(), 0);
    }
}

#[test]
fn wrong_and_solicited_confirms_do_not_count() {
    let mut bench = under_way();
    for wrong in [0, 2, 15] {
        assert!(bench.confirm_unsolicited(wrong).is_empty());
    }
    bench.confirm(1);
    assert_eq!((bench.waiting(), bench.counters().unexpected_confirms), (1, 4));
    bench.confirm_unsolicited(1);
    assert_eq!(bench.waiting(), 0);
    bench.confirm_unsolicited(1);
    assert_eq!(bench.counters().unexpected_confirms, 5, "nor the right one again");
}

#[test]
fn a_late_confirm_in_the_rest_counts_for_nothing() {
    let mut bench = bench_with(|config| {
        config.enabled = Classes::EVENTS;
        config.retries = 0;
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.turn();
    assert!(bench.wait(seconds(6)).is_empty());
    bench.confirm_unsolicited(1);
    assert_eq!(bench.waiting(), 1);
}

#[test]
fn more_events_than_a_fragment_holds_come_one_after_the_other() {
    let mut bench = Bench::with(&[analog_input(1)], |session| {
        session.max_tx_fragment = 300;
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    for value in 1..=60 {
        bench.update(AnalogInput, 1, analog(value.into()));
    }
    let (mut read, mut sent, mut sequence) = (Vec::new(), bench.turn(), 1);
    while let Some(fragment) = sent.pop() {
        assert!(fragment.len() <= 300);
        assert_eq!(fragment[0], 0xF0 | sequence, "each is whole by itself");
        read.extend(values(&fragment).iter().map(|point| point.1));
        sent = bench.confirm_unsolicited(sequence);
        sequence += 1;
    }
    assert_eq!(read, (1..=60).map(f64::from).collect::<Vec<_>>());
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn a_new_connection_sends_what_was_under_way_at_once() {
    let mut bench = under_way();
    bench.wait(seconds(5));
    bench.outstation.disconnected(0, bench.now);
    assert!(bench.wait(seconds(1000)).is_empty(), "to nobody");
    assert_eq!(bench.outstation.session_timeout(0), None);
    bench.outstation.connected(0, bench.now);
    bench.masters[0].reset(bench.now);
    assert_eq!(values(&only(bench.turn())), [(1, 7.0)]);
}

#[test]
fn a_new_connection_ends_the_longer_rest() {
    let mut bench = bench_with(|config| {
        config.enabled = Classes::EVENTS;
        config.retries = 0;
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.turn();
    assert!(bench.wait(seconds(6)).is_empty());
    bench.reconnect();
    assert_eq!(bench.turn().len(), 1);
}

#[test]
fn what_is_disabled_while_it_is_under_way_is_not_sent_again() {
    let mut bench = under_way();
    bench.one(0xC0, DISABLE, &[60, 2, 6]);
    assert!(bench.wait(seconds(200)).is_empty());
    assert_eq!(values(&bench.one(0xC1, READ, &EVENTS)), [(1, 7.0)], "and waits to be asked for");
}

#[test]
fn the_confirm_of_what_was_disabled_meanwhile_counts() {
    let mut bench = under_way();
    bench.one(0xC0, DISABLE, &[60, 2, 6]);
    bench.confirm_unsolicited(1);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn enabling_ends_the_longer_rest() {
    let mut bench = bench_with(|config| {
        config.enabled = Classes::EVENTS;
        config.retries = 0;
        config.rest = seconds(3600);
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.turn();
    assert!(bench.wait(seconds(6)).is_empty());
    assert_eq!(bench.send(0xC0, ENABLE, &[60, 2, 6]).len(), 2);
}

#[test]
fn the_overflow_is_told_unasked_too() {
    let mut bench = Bench::with(&[analog_input(1)], |session| {
        session.events_max = 2;
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    for value in [1.0, 2.0, 3.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    let sent = only(bench.confirm_unsolicited(0));
    assert!(iin(&sent).contains(Iin::EVENT_BUFFER_OVERFLOW));
    assert_eq!(values(&sent), [(1, 2.0), (1, 3.0)]);
    bench.confirm_unsolicited(1);
    assert!(!bench.iin(0xC0, READ, &EVENTS).contains(Iin::EVENT_BUFFER_OVERFLOW));
}

/// A master takes a response with the same sequence and octets for a repetition and drops it: what is new
/// must not look like that, though it may say the same as one that was given up long ago.
#[test]
fn what_is_new_never_looks_like_an_old_response() {
    let mut bench = Bench::with(&[point(PointType::BinaryInput, 1, 2, 1)], |session| {
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    // On: the master gets it, its confirm is lost, and a read delivers it again.
    bench.update(PointType::BinaryInput, 1, binary(true));
    let first = only(bench.turn());
    bench.send(0xC0, READ, &EVENTS);
    assert_eq!(values(&only(bench.wait(seconds(5)))), [(1, 1.0)]);
    bench.confirm(0);
    // Off, and read; both while nothing could be sent unasked.
    bench.one(0xC1, DISABLE, &[60, 2, 6]);
    bench.update(PointType::BinaryInput, 1, binary(false));
    assert_eq!(values(&bench.one(0xC2, READ, &EVENTS)), [(1, 0.0)]);
    bench.confirm(2);
    // On again: the same octets as the first, and yet news.
    bench.update(PointType::BinaryInput, 1, binary(true));
    let sent = bench.send(0xC3, ENABLE, &[60, 2, 6]);
    let second = sent.last().unwrap();
    assert_eq!(values(second), values(&first));
    assert_ne!(second[0], first[0], "another sequence number");
}

#[test]
fn a_machine_that_is_always_asked_for_its_timeout_never_spins() {
    let mut bench = under_way();
    let (mut sent, mut turns) = (0, 0);
    while let Some(until) = bench.outstation.timeout().filter(|until| *until < seconds(3600)) {
        assert!(until >= bench.now || turns == 0, "a time-out in the past");
        bench.now = bench.now.max(until);
        sent += bench.turn().len();
        turns += 1;
        assert!(turns < 1000, "{sent} sent");
    }
    // Four times 5 s, then 60 s, and again.
    assert!((150..200).contains(&sent), "{sent}");
}

#[test]
fn the_enabled_classes_outlive_the_connection() {
    let mut bench = bench_with(|_| ());
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.one(0xC0, ENABLE, &[60, 2, 6]);
    bench.reconnect();
    bench.update(AnalogInput, 1, analog(7.0));
    assert_eq!(values(&only(bench.turn())), [(1, 7.0)]);
}

#[test]
fn the_common_time_goes_before_what_is_sent_unasked() {
    let mut bench = Bench::with(&[point(PointType::BinaryInput, 1, 2, 3)], |session| {
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    for (value, time) in [(true, 10_000), (false, 9_999)] {
        bench.update(PointType::BinaryInput, 1, Measured { time: Some(time), ..binary(value) });
    }
    let sent = only(bench.turn());
    let times: Vec<_> = measured(&sent).iter().map(|(_, measured)| measured.time).collect();
    assert_eq!(times, [Some(10_000), Some(9_999)]);
    assert_eq!(sent[4..8], [51, 1, 0x07, 1]);
}

/// As above: the master took the first response, then read that the point is off. What comes now is news to it.
#[test]
fn what_went_there_and_back_around_a_read_is_new() {
    let mut bench = Bench::with(&[point(PointType::BinaryInput, 1, 2, 1)], |session| {
        session.unsolicited =
            Some(UnsolicitedConfig { enabled: Classes::EVENTS, retries: 0, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(PointType::BinaryInput, 1, binary(true));
    let first = only(bench.turn());
    assert!(bench.wait(seconds(5)).is_empty(), "its confirm got lost");
    bench.update(PointType::BinaryInput, 1, binary(false));
    assert_eq!(values(&bench.one(0xC0, READ, &CLASS_0)), [(1, 0.0)]);
    bench.update(PointType::BinaryInput, 1, binary(true));
    let second = only(bench.wait(seconds(60)));
    assert_eq!(values(&second), values(&first));
    assert_ne!(second[0], first[0], "a repetition would be dropped, and the master believe that it is off");
}
