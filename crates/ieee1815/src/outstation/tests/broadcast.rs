//! Requests to everybody.

use super::*;
use Broadcast::{Confirm, NoConfirm, OptionalConfirm};
use PointType::{AnalogInput, Counter, FrozenCounter};

const SEVEN: [u8; 8] = [41, 2, 0x17, 1, 1, 7, 0, 0];
const ALL: [Broadcast; 3] = [NoConfirm, Confirm, OptionalConfirm];

fn bench() -> Bench {
    Bench::new(&[analog_input(1), point(Counter, 1, 1, 1), point(FrozenCounter, 1, 1, 1)])
}

#[test]
fn what_came_by_broadcast_is_told_once_and_not_answered() {
    for to in [NoConfirm, OptionalConfirm] {
        let mut bench = bench();
        assert!(bench.broadcast(to, 0xC0, WRITE, &RESTART_OFF).is_empty(), "{to:?}");
        let answer = bench.one(0xC1, READ, &CLASS_0);
        assert_eq!((answer[0], iin(&answer)), (0xC1, Iin::BROADCAST), "{to:?}");
        assert_eq!(bench.iin(0xC2, READ, &CLASS_0), Iin::NONE, "{to:?}");
        assert_eq!(bench.counters().broadcasts, 1);
    }
}

#[test]
fn where_a_confirm_is_mandatory_it_is_told_until_it_comes() {
    let mut bench = bench();
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    for (sequence, function, objects) in
        [(1, READ, &CLASS_0[..]), (2, DELAY_MEASURE, &[]), (3, WRITE, &RESTART_OFF), (4, READ, &EVENTS)]
    {
        let answer = bench.one(0xC0 | sequence, function, objects);
        assert_eq!((answer[0], iin(&answer)), (0xE0 | sequence, Iin::BROADCAST), "function {function}");
    }
    bench.confirm(3);
    assert_eq!(bench.one(0xC5, READ, &EVENTS)[0], 0xE5, "the wrong confirm");
    bench.wait(seconds(5));
    bench.confirm(5);
    assert_eq!(bench.one(0xC6, READ, &EVENTS)[0], 0xE6, "too late");
    assert!(bench.confirm(6).is_empty());
    let answer = bench.one(0xC7, READ, &EVENTS);
    assert_eq!((answer[0], iin(&answer)), (0xC7, Iin::NONE));
}

#[test]
fn a_repeated_request_whose_answer_wants_a_confirm_is_answered_alike() {
    let mut bench = bench();
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    let answer = bench.one(0xC1, DELAY_MEASURE, &[]);
    assert_eq!(bench.one(0xC1, DELAY_MEASURE, &[]), answer);
    bench.confirm(1);
    assert_eq!(bench.iin(0xC2, READ, &EVENTS), Iin::NONE);
}

/// The answer had been sent before the broadcast came and said nothing of it.
#[test]
fn a_confirm_of_an_answer_before_the_broadcast_does_not_count() {
    let mut bench = bench();
    bench.restart_off();
    bench.update(AnalogInput, 1, analog(7.0));
    bench.one(0xC0, READ, &EVENTS);
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    bench.confirm(0);
    assert!(bench.iin(0xC1, READ, &EVENTS).contains(Iin::BROADCAST));
}

/// As above, with an unsolicited response.
#[test]
fn a_confirm_of_an_unsolicited_response_before_the_broadcast_does_not_count() {
    let mut bench = Bench::with(&[], |session| session.unsolicited = Some(UnsolicitedConfig::default()));
    bench.turn();
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    bench.confirm_unsolicited(0);
    assert!(bench.iin(0xC1, READ, &EVENTS).contains(Iin::BROADCAST));
}

/// Who demanded a confirm gets one, whatever else is broadcast before it.
#[test]
fn a_later_broadcast_does_not_waive_the_confirm_of_the_first() {
    let mut bench = bench();
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    bench.broadcast(NoConfirm, 0xC1, WRITE, &RESTART_OFF);
    assert_eq!(bench.one(0xC2, READ, &EVENTS)[0], 0xE2);
}

/// One confirm must not be taken for another: the solicited answer carried no events.
#[test]
fn the_confirm_of_an_answer_does_not_confirm_an_unsolicited_response() {
    let mut bench = Bench::with(&[analog_input(1)], |session| {
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    assert_eq!(values(&only(bench.turn())), [(1, 7.0)]);
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    assert_eq!(bench.one(0xC1, DELAY_MEASURE, &[])[0], 0xE1);
    bench.confirm(1);
    assert_eq!(bench.waiting(), 1, "its own confirm has not come");
}

/// The other way round: what an unsolicited response carried and was confirmed for never comes again.
#[test]
fn giving_up_an_answer_does_not_bring_back_what_an_unsolicited_response_carries() {
    let mut bench = Bench::with(&[analog_input(1)], |session| {
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.turn();
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    bench.one(0xC1, DELAY_MEASURE, &[]);
    bench.one(0xC2, DELAY_MEASURE, &[]);
    bench.confirm_unsolicited(1);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn controls_by_broadcast_only_where_it_is_configured() {
    for to in ALL {
        let mut bench = bench();
        assert!(bench.broadcast(to, 0xC0, DIRECT_NO_ACK, &SEVEN).is_empty());
        assert!(bench.plant.operated.is_empty(), "{to:?}");
        assert_eq!(bench.counters().broadcasts_refused, 1);
        assert!(bench.iin(0xC1, READ, &EVENTS).contains(Iin::BROADCAST), "told all the same");
        let mut bench = Bench::with(&[], |session| session.broadcast.controls = true);
        assert!(bench.broadcast(to, 0xC0, DIRECT_NO_ACK, &SEVEN).is_empty());
        assert_eq!(bench.plant.operated.len(), 1, "{to:?}");
    }
}

#[test]
fn what_wants_an_answer_is_never_done_by_broadcast() {
    for to in ALL {
        let mut bench = Bench::with(&[analog_input(1)], |session| session.broadcast.controls = true);
        bench.update(AnalogInput, 1, analog(7.0));
        bench.plant.away = Some(seconds(1));
        for (function, objects) in [
            (READ, &EVENTS[..]),
            (SELECT, &SEVEN),
            (OPERATE, &SEVEN),
            (DIRECT, &SEVEN),
            (13, &[]),
            (14, &[]),
            (DELAY_MEASURE, &[]),
            (99, &[]),
        ] {
            assert!(bench.broadcast(to, 0xC0, function, objects).is_empty(), "{to:?} {function}");
        }
        assert!(bench.plant.operated.is_empty() && bench.plant.selected.is_empty(), "{to:?}");
        assert!(bench.plant.restarts.is_empty(), "{to:?}");
        assert_eq!(bench.counters().broadcasts_refused, 8);
    }
}

#[test]
fn what_masters_arrange_is_done_by_broadcast() {
    let mut bench = bench();
    bench.update(Counter, 1, counter(9));
    bench.broadcast(NoConfirm, 0xC0, WRITE, &[50, 1, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0]);
    bench.broadcast(NoConfirm, 0xC1, RECORD_TIME, &[]);
    bench.now = millis(30);
    bench.broadcast(NoConfirm, 0xC2, WRITE, &[50, 3, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0]);
    assert_eq!(bench.plant.written, [10_000, 10_030]);
    bench.broadcast(NoConfirm, 0xC3, 8, &[20, 0, 6]);
    assert_eq!(values(&bench.one(0xC4, READ, &[21, 0, 6])), [(1, 9.0)]);
    bench.broadcast(NoConfirm, 0xC5, 10, &[20, 0, 6]);
    assert_eq!(values(&bench.one(0xC6, READ, &[20, 0, 6])), [(1, 0.0)]);
    bench.broadcast(NoConfirm, 0xC7, ASSIGN, &[60, 4, 6, 30, 0, 6]);
    bench.update(AnalogInput, 1, analog(7.0));
    assert_eq!(values(&bench.one(0xC8, READ, &[60, 4, 6])), [(1, 7.0)]);
    assert_eq!(bench.counters().broadcasts_refused, 0);
}

#[test]
fn unsolicited_responses_are_enabled_and_disabled_by_broadcast() {
    let mut bench = Bench::with(&[analog_input(1)], |session| {
        session.unsolicited = Some(UnsolicitedConfig::default());
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    let sent = bench.broadcast(NoConfirm, 0xC0, ENABLE, &[60, 2, 6]);
    assert_eq!(only(sent)[1], UNSOLICITED, "no answer, but what it brings about");
    bench.confirm_unsolicited(1);
    bench.broadcast(NoConfirm, 0xC1, DISABLE, &[60, 2, 6]);
    bench.update(AnalogInput, 1, analog(8.0));
    assert!(bench.turn().is_empty());
}

#[test]
fn nothing_is_arranged_by_broadcast_where_that_is_forbidden() {
    let mut bench = Bench::with(&[], |session| session.broadcast.management = false);
    bench.broadcast(NoConfirm, 0xC0, WRITE, &RESTART_OFF);
    bench.broadcast(NoConfirm, 0xC1, WRITE, &[50, 1, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0]);
    assert!(bench.iin(0xC2, READ, &EVENTS).contains(Iin::DEVICE_RESTART | Iin::BROADCAST));
    assert!(bench.plant.written.is_empty());
    assert_eq!(bench.counters().broadcasts_refused, 2);
}

#[test]
fn a_broadcast_does_not_end_the_wait_for_a_confirm() {
    let mut bench = bench();
    bench.update(AnalogInput, 1, analog(7.0));
    bench.one(0xC0, READ, &EVENTS);
    bench.broadcast(NoConfirm, 0xC1, WRITE, &RESTART_OFF);
    bench.confirm(0);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn an_unsolicited_response_tells_of_a_broadcast_too() {
    let mut bench = Bench::with(&[], |session| session.unsolicited = Some(UnsolicitedConfig::default()));
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    let null = bench.wait(seconds(6));
    let null = null.last().unwrap();
    assert!(iin(null).contains(Iin::BROADCAST));
    bench.confirm_unsolicited(null[0] & 0x0F);
    assert_eq!(bench.iin(0xC1, READ, &EVENTS), Iin::NONE, "its confirm counts");
}

#[test]
fn a_broadcast_of_several_frames_is_one_request() {
    let mut bench = Bench::with(&[], |session| session.broadcast.controls = true);
    let mut objects = vec![12, 1, 0x17, 40];
    for index in 0..40 {
        objects.extend([index % 8, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    assert!(objects.len() > 250);
    bench.broadcast(OptionalConfirm, 0xC0, DIRECT_NO_ACK, &objects);
    assert_eq!((bench.counters().broadcasts, bench.plant.operated.len()), (1, 16), "16 are the most");
}

#[test]
fn the_confirm_of_another_answer_does_not_bring_the_rest_of_a_read() {
    let points: Vec<_> = (0..200).map(analog_input).collect();
    let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 300);
    assert_eq!(bench.one(0xC0, READ, &CLASS_0)[0], 0xA0, "the first of several");
    bench.broadcast(Confirm, 0xC0, WRITE, &RESTART_OFF);
    assert_eq!(bench.one(0xC1, DELAY_MEASURE, &[])[0], 0xE1);
    assert!(bench.confirm(1).is_empty());
    assert!(bench.confirm(0).is_empty());
}
