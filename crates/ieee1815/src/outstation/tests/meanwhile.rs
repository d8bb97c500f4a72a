//! Unsolicited responses and what is asked meanwhile.

use super::unsolicited::{bench_with, under_way};
use super::*;
use PointType::AnalogInput;

#[test]
fn a_read_is_put_off_until_the_confirm() {
    let mut bench = under_way();
    bench.update(AnalogInput, 1, analog(8.0));
    assert!(bench.send(0xC5, READ, &EVENTS).is_empty());
    assert_eq!(bench.counters().reads_deferred, 1);
    let answer = only(bench.confirm_unsolicited(1));
    assert_eq!((answer[0], answer[1], values(&answer)), (0xE5, 129, vec![(1, 8.0)]), "what is left");
    assert!(bench.confirm(5).is_empty());
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn a_read_is_put_off_until_the_confirm_is_given_up() {
    let mut bench = under_way();
    assert!(bench.send(0xC5, READ, &EVENTS).is_empty());
    let answer = only(bench.wait(seconds(5)));
    assert_eq!((answer[0], answer[1], values(&answer)), (0xE5, 129, vec![(1, 7.0)]), "before any retry");
    bench.confirm_unsolicited(1);
    assert_eq!(bench.waiting(), 1, "the late confirm is not that of the answer");
    bench.confirm(5);
    assert_eq!(bench.waiting(), 0);
    assert!(bench.wait(seconds(100)).is_empty(), "and there is nothing to retry");
}

#[test]
fn the_newest_of_several_reads_is_answered() {
    let mut bench = under_way();
    bench.send(0xC5, READ, &EVENTS);
    bench.send(0xC6, READ, &CLASS_0);
    let answer = only(bench.confirm_unsolicited(1));
    assert_eq!((answer[0], values(&answer)), (0xC6, vec![(1, 7.0), (2, 0.0)]));
}

#[test]
fn a_wrong_confirm_does_not_bring_the_read() {
    let mut bench = under_way();
    bench.send(0xC5, READ, &EVENTS);
    assert!(bench.confirm_unsolicited(2).is_empty());
    assert!(bench.confirm(5).is_empty());
    assert_eq!(only(bench.confirm_unsolicited(1))[0] & 0x0F, 5);
}

#[test]
fn other_requests_are_answered_meanwhile_and_end_the_read_that_waits() {
    let mut bench = under_way();
    assert_eq!(bench.one(0xC5, DELAY_MEASURE, &[])[1], 129);
    assert_eq!(statuses(&bench.one(0xC6, DIRECT, &[41, 2, 0x17, 1, 1, 7, 0, 0])), [CommandStatus::Success]);
    bench.send(0xC7, READ, &EVENTS);
    assert_eq!(bench.one(0xC8, DELAY_MEASURE, &[])[0], 0xC8);
    assert!(bench.confirm_unsolicited(1).is_empty(), "the master has gone on to another request");
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn select_and_operate_meanwhile() {
    let mut bench = under_way();
    let seven = [41, 2, 0x17, 1, 1, 7, 0, 0];
    bench.one(0xC5, SELECT, &seven);
    bench.confirm_unsolicited(1);
    assert_eq!(statuses(&bench.one(0xC6, OPERATE, &seven)), [CommandStatus::Success]);
}

#[test]
fn a_read_that_was_put_off_does_not_outlive_the_connection() {
    let mut bench = under_way();
    bench.send(0xC5, READ, &EVENTS);
    bench.reconnect();
    let sent = only(bench.turn());
    assert_eq!((sent[1], values(&sent)), (UNSOLICITED, vec![(1, 7.0)]));
    assert!(bench.confirm_unsolicited(sent[0] & 0x0F).is_empty());
}

#[test]
fn nothing_is_sent_unasked_while_an_answer_awaits_its_confirm() {
    let mut bench = bench_with(|_| ());
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.one(0xC0, READ, &EVENTS);
    bench.update(AnalogInput, 1, analog(8.0));
    bench.one(0xC1, READ, &EVENTS);
    // Enabling is a request, and ends that wait; so events are enabled by broadcast.
    assert!(bench.broadcast(Broadcast::NoConfirm, 0xC2, ENABLE, &[60, 2, 6]).is_empty());
    assert!(bench.wait(seconds(4)).is_empty());
    let sent = bench.wait(seconds(1));
    assert_eq!(values(&only(sent)), [(1, 7.0), (1, 8.0)], "after its time, and with what it carried");
}

#[test]
fn the_read_that_was_put_off_comes_before_the_next_events() {
    let mut bench = under_way();
    bench.update(AnalogInput, 1, analog(8.0));
    assert!(bench.send(0xC5, READ, &CLASS_0).is_empty());
    let sent = bench.confirm_unsolicited(1);
    assert_eq!(sent.iter().map(|fragment| fragment[1]).collect::<Vec<_>>(), [129, UNSOLICITED]);
    assert_eq!(values(&sent[1]), [(1, 8.0)]);
    bench.confirm_unsolicited(2);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn the_events_of_an_answer_that_was_not_confirmed_are_sent_unasked() {
    let mut bench = under_way();
    bench.send(0xC5, READ, &EVENTS);
    assert_eq!(only(bench.wait(seconds(5)))[0], 0xE5);
    let sent = only(bench.wait(seconds(5)));
    assert_eq!((sent[1], values(&sent)), (UNSOLICITED, vec![(1, 7.0)]));
    bench.confirm(5);
    assert_eq!(bench.waiting(), 1, "the confirm of the answer is late");
    bench.confirm_unsolicited(sent[0] & 0x0F);
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn a_broadcast_does_not_end_the_read_that_waits() {
    let mut bench = under_way();
    bench.send(0xC5, READ, &CLASS_0);
    assert!(bench.broadcast(Broadcast::NoConfirm, 0xC6, WRITE, &RESTART_OFF).is_empty());
    let answer = only(bench.confirm_unsolicited(1));
    assert_eq!((answer[0], iin(&answer)), (0xC5, Iin::BROADCAST));
}

#[test]
fn an_answer_that_a_broadcast_wants_confirmed_holds_back_what_is_unasked() {
    let mut bench = under_way();
    bench.confirm_unsolicited(1);
    bench.broadcast(Broadcast::Confirm, 0xC5, WRITE, &RESTART_OFF);
    assert_eq!(bench.one(0xC6, DELAY_MEASURE, &[])[0], 0xE6);
    bench.update(AnalogInput, 1, analog(8.0));
    assert!(bench.turn().is_empty());
    assert_eq!(values(&only(bench.confirm(6))), [(1, 8.0)]);
}

#[test]
fn the_confirm_of_an_answer_and_that_of_an_unsolicited_response_with_one_sequence() {
    let mut bench = under_way();
    bench.broadcast(Broadcast::Confirm, 0xC5, WRITE, &RESTART_OFF);
    assert_eq!(bench.one(0xC1, DELAY_MEASURE, &[])[0], 0xE1, "both await a confirm, both of sequence 1");
    bench.confirm(1);
    assert_eq!((bench.waiting(), bench.iin(0xC2, DELAY_MEASURE, &[])), (1, Iin::NONE));
    bench.confirm_unsolicited(1);
    assert_eq!((bench.waiting(), bench.counters().unexpected_confirms), (0, 0));
}
