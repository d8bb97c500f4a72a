//! Several masters: what each has for itself, and what they share.

use super::*;
use PointType::{AnalogInput, AnalogOutputCommand, Counter, FrozenCounter};

const SEVEN: [u8; 8] = [41, 2, 0x17, 1, 1, 7, 0, 0];

/// Masters 1 and 2 of outstation 10, and master 3 that knows it as 20.
fn bench(points: &[PointConfig]) -> Bench {
    let sessions = vec![SessionConfig::new(10, 1), SessionConfig::new(10, 2), SessionConfig::new(20, 3)];
    Bench::several(points, sessions)
}

impl Bench {
    fn by(&mut self, who: usize) -> &mut Self {
        self.who = who;
        self
    }
}

#[test]
fn each_gets_every_event_and_confirms_for_itself() {
    let mut bench = bench(&[analog_input(1)]);
    bench.update(AnalogInput, 1, analog(7.0));
    for who in 0..3 {
        assert_eq!(values(&bench.by(who).one(0xC0, READ, &EVENTS)), [(1, 7.0)]);
    }
    bench.by(1).confirm(0);
    let waiting: Vec<_> = (0..3).map(|who| bench.outstation.events_waiting(who)).collect();
    assert_eq!(waiting, [1, 0, 1]);
}

#[test]
fn a_chattering_master_does_not_disturb_the_wait_of_another() {
    let mut bench = bench(&[analog_input(1)]);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.by(0).one(0xC0, READ, &EVENTS);
    bench.by(1).one(0xC0, READ, &EVENTS);
    bench.by(1).one(0xC1, DELAY_MEASURE, &[]);
    bench.by(1).confirm(0);
    bench.by(0).confirm(0);
    assert_eq!((bench.outstation.events_waiting(0), bench.outstation.events_waiting(1)), (0, 1));
}

#[test]
fn classes_are_each_masters_own() {
    let mut bench = bench(&[analog_input(1)]);
    bench.by(0).one(0xC0, ASSIGN, &[60, 4, 6, 30, 0, 6]);
    bench.by(1).one(0xC0, ASSIGN, &[60, 1, 6, 30, 0, 6]);
    bench.update(AnalogInput, 1, analog(7.0));
    assert_eq!(values(&bench.by(0).one(0xC1, READ, &[60, 4, 6])).len(), 1);
    assert_eq!(bench.by(1).waiting(), 0);
    assert_eq!(values(&bench.by(2).one(0xC1, READ, &[60, 2, 6])).len(), 1);
}

#[test]
fn deadbands_are_each_masters_own() {
    let mut bench = bench(&[PointConfig { deadband: 5.0, ..analog_input(1) }]);
    bench.by(0).one(0xC0, WRITE, &[34, 1, 0x00, 1, 1, 50, 0]);
    assert_eq!(bench.by(0).objects(0xC1, READ, &[34, 1, 6])[7..], [50, 0]);
    assert_eq!(bench.by(1).objects(0xC1, READ, &[34, 1, 6])[7..], [5, 0]);
    for value in [0.0, 10.0, 20.0, 60.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    assert_eq!((bench.by(0).waiting(), bench.by(1).waiting()), (2, 4));
}

#[test]
fn what_was_reported_to_one_was_not_reported_to_the_other() {
    let mut bench = bench(&[PointConfig { deadband: 5.0, ..analog_input(1) }]);
    bench.update(AnalogInput, 1, analog(0.0));
    bench.update(AnalogInput, 1, analog(5.0));
    bench.by(0).one(0xC0, READ, &CLASS_0);
    bench.update(AnalogInput, 1, analog(6.0));
    assert_eq!((bench.by(0).waiting(), bench.by(1).waiting()), (1, 2));
}

#[test]
fn the_restart_bit_is_each_masters_own() {
    let mut bench = bench(&[]);
    bench.by(0).restart_off();
    assert_eq!(bench.by(0).iin(0xC0, READ, &EVENTS), Iin::NONE);
    assert_eq!(bench.by(1).iin(0xC0, READ, &EVENTS), Iin::DEVICE_RESTART);
}

#[test]
fn an_overflow_is_each_masters_own() {
    let mut small = SessionConfig::new(10, 1);
    small.events_max = 2;
    let mut bench = Bench::several(&[analog_input(1)], vec![small, SessionConfig::new(10, 2)]);
    for value in [1.0, 2.0, 3.0] {
        bench.update(AnalogInput, 1, analog(value));
    }
    assert!(bench.by(0).iin(0xC0, READ, &EVENTS).contains(Iin::EVENT_BUFFER_OVERFLOW));
    assert!(!bench.by(1).iin(0xC0, READ, &EVENTS).contains(Iin::EVENT_BUFFER_OVERFLOW));
}

#[test]
fn a_select_of_one_is_none_of_another() {
    let mut bench = bench(&[]);
    bench.by(0).one(0xC0, SELECT, &SEVEN);
    assert_eq!(statuses(&bench.by(1).one(0xC1, OPERATE, &SEVEN)), [CommandStatus::NoSelect]);
    assert_eq!(statuses(&bench.by(0).one(0xC1, OPERATE, &SEVEN)), [CommandStatus::Success]);
    assert_eq!(bench.plant.operated.len(), 1);
    assert_eq!(bench.plant.operated[0].0, 0, "by whom");
}

#[test]
fn a_repetition_is_one_of_the_same_master_only() {
    let mut bench = bench(&[]);
    bench.by(0).one(0xC0, DIRECT, &SEVEN);
    bench.by(1).one(0xC0, DIRECT, &SEVEN);
    let by: Vec<_> = bench.plant.operated.iter().map(|operated| operated.0).collect();
    assert_eq!(by, [0, 1]);
}

#[test]
fn a_recorded_time_is_each_masters_own() {
    let mut bench = bench(&[]);
    bench.by(0).one(0xC0, RECORD_TIME, &[]);
    let time = [50, 3, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0];
    assert!(bench.by(1).iin(0xC1, WRITE, &time).contains(Iin::PARAMETER_ERROR));
    assert!(!bench.by(0).iin(0xC1, WRITE, &time).contains(Iin::PARAMETER_ERROR));
}

#[test]
fn a_freeze_by_one_is_seen_and_reported_to_all() {
    let mut bench = bench(&[point(Counter, 1, 1, 1), point(FrozenCounter, 1, 1, 1)]);
    bench.update(Counter, 1, counter(9));
    for who in 0..3 {
        bench.by(who).one(0xC0, READ, &EVENTS);
        bench.by(who).confirm(0);
    }
    bench.by(1).one(0xC1, 9, &[20, 0, 6]);
    for who in 0..3 {
        assert_eq!(values(&bench.by(who).one(0xC2, READ, &[21, 0, 6, 20, 0, 6])), [(1, 9.0), (1, 0.0)]);
        let events = bench.by(who).one(0xC3, READ, &EVENTS);
        let headers: Vec<_> =
            parse_headers(&events[4..], Direction::Response).map(|header| header.unwrap().group).collect();
        assert_eq!(headers, [23, 22], "master {who}");
    }
}

#[test]
fn a_command_by_one_is_an_event_for_all() {
    let mut bench = bench(&[PointConfig { class: 1, ..PointConfig::new(AnalogOutputCommand, 1) }]);
    bench.by(2).one(0xC0, DIRECT, &SEVEN);
    for who in 0..3 {
        assert_eq!(values(&bench.by(who).one(0xC1, READ, &EVENTS)), [(1, 7.0)], "master {who}");
    }
}

#[test]
fn unsolicited_responses_are_each_masters_own() {
    let mut loud = SessionConfig::new(10, 1);
    loud.unsolicited = Some(UnsolicitedConfig::default());
    let mut sessions = vec![loud.clone(), SessionConfig::new(10, 2)];
    loud.master_address = 3;
    sessions.push(loud);
    let mut bench = Bench::several(&[analog_input(1)], sessions);
    for who in [0, 2] {
        assert_eq!(bench.by(who).turn().len(), 1);
        bench.by(who).confirm_unsolicited(0);
    }
    assert!(bench.by(1).turn().is_empty());
    assert!(bench.by(1).iin(0xC0, ENABLE, &[60, 2, 6]).contains(Iin::NO_FUNC_CODE_SUPPORT));
    bench.by(0).one(0xC0, ENABLE, &[60, 2, 6]);
    bench.update(AnalogInput, 1, analog(7.0));
    assert_eq!(bench.by(0).turn().len(), 1);
    assert!(bench.by(2).turn().is_empty(), "enabled by another");
}

#[test]
fn the_address_of_one_session_is_not_answered_on_another() {
    let mut bench = bench(&[]);
    // Session 0 is outstation 10 and master 1.
    for (destination, source) in [(20, 3), (20, 1), (10, 2), (10, 3), (11, 1)] {
        assert!(bench.by(0).frame(0xC9, destination, source, &[]).is_empty(), "{destination} from {source}");
    }
    assert_eq!(bench.by(0).frame(0xC9, 10, 1, &[]).len(), 1);
    assert_eq!(bench.by(2).frame(0xC9, 20, 3, &[]).len(), 1);
}

#[test]
fn a_reconnect_of_one_leaves_the_others_alone() {
    let mut bench = bench(&[analog_input(1)]);
    bench.update(AnalogInput, 1, analog(7.0));
    bench.by(0).one(0xC0, READ, &EVENTS);
    bench.by(1).one(0xC0, SELECT, &SEVEN);
    bench.by(2).reconnect();
    bench.by(0).confirm(0);
    assert_eq!(bench.by(0).waiting(), 0);
    assert_eq!(statuses(&bench.by(1).one(0xC1, OPERATE, &SEVEN)), [CommandStatus::Success]);
}

#[test]
fn a_session_that_is_not_there_is_ignored() {
    let mut bench = bench(&[]);
    bench.outstation.connected(9, Time::ZERO);
    bench.outstation.receive(9, &[0x05, 0x64], Time::ZERO, &mut bench.plant);
    bench.outstation.handle_session_timeout(9, Time::ZERO, &mut bench.plant);
    assert!(!bench.outstation.poll_transmit(9, &mut Vec::new()));
    assert_eq!((bench.outstation.events_waiting(9), bench.outstation.session_timeout(9)), (0, None));
}

#[test]
fn what_each_was_last_sent_is_remembered_where_it_is_asked_for() {
    let remember = |master, remember_told| SessionConfig { remember_told, ..SessionConfig::new(10, master) };
    let mut bench = Bench::several(
        &[analog_input(1), analog_input(2)],
        vec![remember(1, true), remember(2, true), remember(3, false)],
    );
    let told = |bench: &Bench, who, index| bench.outstation.last_told(who, AnalogInput, index);
    assert_eq!(told(&bench, 0, 1), None, "never sent");
    bench.update(AnalogInput, 1, analog(7.0));
    bench.now = seconds(3);
    for who in [0, 2] {
        bench.by(who).one(0xC0, READ, &CLASS_0);
    }
    bench.now = seconds(4);
    bench.update(AnalogInput, 1, analog(8.0));
    let flags = Flags::ONLINE;
    let first = LastTold { value: 7.0, flags, at: seconds(3), event: false };
    assert_eq!(told(&bench, 0, 1), Some(first), "an update is not told by itself");
    assert_eq!(told(&bench, 1, 1), None, "another's read");
    assert_eq!(told(&bench, 2, 1), None, "not remembered");
    bench.by(0).one(0xC1, READ, &EVENTS);
    assert_eq!(told(&bench, 0, 1), Some(LastTold { value: 8.0, flags, at: seconds(4), event: true }));
    assert_eq!(told(&bench, 0, 2).map(|told| (told.event, told.at)), Some((false, seconds(3))));
    let waits = bench.by(1).one(0xC0, READ, &EVENTS);
    assert_eq!(values(&waits), [(1, 7.0), (1, 8.0)]);
    assert_eq!(told(&bench, 1, 1).map(|told| told.value), Some(8.0), "the last of the queue");
    assert_eq!((told(&bench, 0, 9), told(&bench, 9, 1)), (None, None));
}
