//! Requests octet by octet, and what comes back.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::Flags;
use crate::channel::{Broadcast, Channel, ChannelConfig, Role};
use crate::objects::{Direction, parse_headers};

const EVENTS: [u8; 9] = [60, 2, 6, 60, 3, 6, 60, 4, 6];
const INTEGRITY: [u8; 12] = [60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6];
/// Analog output 1 := 7, 16 bit.
const SEVEN: [u8; 8] = [41, 2, 0x17, 1, 1, 7, 0, 0];

#[derive(Default)]
struct Plant {
    selected: usize,
    operated: Vec<f64>,
    time: Option<u64>,
}

impl Application for Plant {
    fn select(&mut self, _: usize, index: u16, _: &Command) -> CommandStatus {
        self.selected += 1;
        if index == 1 { CommandStatus::Success } else { CommandStatus::NotSupported }
    }

    fn operate(&mut self, _: usize, index: u16, command: &Command, _: OperateMode) -> CommandStatus {
        match command {
            Command::Analog { value, .. } if index == 1 => {
                self.operated.push(*value);
                CommandStatus::Success
            }
            _ => CommandStatus::NotSupported,
        }
    }

    fn write_time(&mut self, _: usize, millis: u64) -> bool {
        self.time = Some(millis);
        true
    }

    fn indications(&self, _: usize) -> Iin {
        if self.time.is_none() { Iin::NEED_TIME } else { Iin::NONE }
    }
}

struct Bench {
    outstation: Outstation,
    plant: Plant,
    master: Channel,
    now: Time,
}

fn config(index: u16, static_variation: u8, event_variation: u8) -> PointConfig {
    PointConfig {
        static_variation,
        event_variation,
        class: 2,
        deadband: 5.0,
        ..PointConfig::new(PointType::AnalogInput, index)
    }
}

fn analog(value: f64, flags: Flags) -> Measured {
    Measured { value: Value::Analog(value), flags: Some(flags), time: Some(1_000) }
}

impl Bench {
    fn new(points: Vec<PointConfig>, events_max: usize) -> Self {
        let mut session = SessionConfig::new(10, 1);
        session.events_max = events_max;
        let mut outstation = Outstation::new(&points, vec![session]).unwrap();
        outstation.connected(0, Time::ZERO);
        let master = Channel::new(ChannelConfig::new(Role::Master, 1, 10));
        Self { outstation, plant: Plant::default(), master, now: Time::ZERO }
    }

    fn update(&mut self, value: f64) {
        self.outstation.update(PointType::AnalogInput, 1, analog(value, Flags::ONLINE));
    }

    /// Sends a fragment; the fragments that come back.
    fn send(&mut self, control: u8, function: u8, objects: &[u8]) -> Vec<Vec<u8>> {
        let mut fragment = vec![control, function];
        fragment.extend_from_slice(objects);
        self.master.send(&fragment, self.now);
        self.exchange()
    }

    /// What the master has to send, sent; the fragments that come back.
    fn exchange(&mut self) -> Vec<Vec<u8>> {
        let mut octets = Vec::new();
        self.master.poll_transmit(&mut octets);
        self.outstation.receive(0, &octets, self.now, &mut self.plant);
        self.received()
    }

    /// Lets time pass; the fragments that come unasked.
    fn wait(&mut self, time: Time) -> Vec<Vec<u8>> {
        self.now += time;
        self.outstation.handle_timeout(self.now, &mut self.plant);
        self.received()
    }

    fn received(&mut self) -> Vec<Vec<u8>> {
        let mut octets = Vec::new();
        self.outstation.poll_transmit(0, &mut octets);
        let (mut rest, mut found) = (octets.as_slice(), Vec::new());
        while self.master.receive(&mut rest, self.now).is_some() {
            found.push(self.master.take_fragment());
        }
        found
    }

    fn one(&mut self, control: u8, function: u8, objects: &[u8]) -> Vec<u8> {
        let mut answers = self.send(control, function, objects);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    fn confirm(&mut self, sequence: u8) -> Vec<Vec<u8>> {
        self.send(0xC0 | sequence, 0, &[])
    }
}

fn iin(fragment: &[u8]) -> Iin {
    Iin::from_bits(u16::from_le_bytes([fragment[2], fragment[3]]))
}

/// Index, value and flags of the points of a response, and whether they are events.
fn points(fragment: &[u8]) -> Vec<(u32, f64, u8, bool)> {
    let mut found = Vec::new();
    for header in parse_headers(&fragment[4..], Direction::Response) {
        let header = header.unwrap();
        header.visit(|index, measured| {
            let Value::Analog(value) = measured.value else { panic!("{measured:?}") };
            found.push((index, value, measured.flags.map_or(0xFF, Flags::bits), header.point().unwrap().1));
        });
    }
    found
}

fn status(fragment: &[u8]) -> CommandStatus {
    parse_headers(&fragment[4..], Direction::Response).next().unwrap().unwrap().commands().next().unwrap().2
}

#[test]
fn an_integrity_poll_octet_by_octet() {
    let mut bench = Bench::new(vec![config(1, 2, 2)], 10);
    bench.plant.time = Some(0);
    let answer = bench.one(0xC3, 1, &INTEGRITY);
    assert_eq!(answer, [0xC3, 129, 0x80, 0x00, 30, 2, 0x01, 1, 0, 1, 0, 0x02, 0, 0]);
    bench.update(-2.0);
    let answer = bench.one(0xC4, 1, &EVENTS);
    assert_eq!(answer, [0xE4, 129, 0x80, 0x00, 32, 2, 0x28, 1, 0, 1, 0, 0x01, 0xFE, 0xFF], "flags changed");
}

#[test]
fn events_leave_only_with_the_right_confirm() {
    let mut bench = Bench::new(vec![config(1, 2, 2)], 10);
    bench.update(100.0);
    let answer = bench.one(0xC0, 1, &EVENTS);
    assert_eq!((answer[0] & 0x20, points(&answer)), (0x20, vec![(1, 100.0, 1, true)]));
    bench.confirm(1);
    bench.send(0xD0, 0, &[]);
    assert_eq!(bench.outstation.events_waiting(0), 1, "another sequence, and an unsolicited one");
    assert_eq!(bench.outstation.counters(0).unexpected_confirms, 2);
    bench.confirm(0);
    assert_eq!(bench.outstation.events_waiting(0), 0);
    bench.confirm(0);
    assert_eq!(bench.outstation.counters(0).unexpected_confirms, 3);
}

#[test]
fn without_a_confirm_events_come_again_with_what_is_true_then() {
    let mut bench = Bench::new(vec![config(1, 2, 2)], 10);
    bench.update(100.0);
    bench.one(0xC0, 1, &EVENTS);
    bench.update(200.0);
    bench.now = Time::from_secs(6);
    bench.outstation.handle_timeout(bench.now, &mut bench.plant);
    assert_eq!(bench.outstation.counters(0).confirm_timeouts, 1);
    let answer = bench.one(0xC1, 1, &EVENTS);
    assert_eq!(points(&answer), [(1, 200.0, 1, true)], "once, and the latest");
    bench.confirm(1);
    assert_eq!(bench.outstation.events_waiting(0), 0);
}

#[test]
fn a_read_sent_again_before_its_confirm_is_answered_from_memory_and_later_anew() {
    let mut bench = Bench::new(vec![config(1, 2, 2)], 10);
    bench.update(100.0);
    let first = bench.one(0xC0, 1, &EVENTS);
    assert_eq!(bench.one(0xC0, 1, &EVENTS), first);
    bench.confirm(0);
    bench.update(200.0);
    assert_eq!(points(&bench.one(0xC0, 1, &EVENTS)), [(1, 200.0, 1, true)]);
}

#[test]
fn the_deadband_counts_from_what_was_reported() {
    let mut bench = Bench::new(vec![config(1, 2, 2)], 10);
    bench.update(0.0);
    bench.one(0xC0, 1, &EVENTS);
    bench.confirm(0);
    for value in [3.0, 5.0, -5.0] {
        bench.update(value);
        assert_eq!(bench.outstation.events_waiting(0), 0, "{value}");
    }
    bench.one(0xC1, 1, &[60, 1, 6]);
    bench.update(0.1);
    assert_eq!(bench.outstation.events_waiting(0), 1, "a static reports too");
}

#[test]
fn timed_variations_queue_history_and_untimed_ones_do_not() {
    let mut bench = Bench::new(vec![config(1, 2, 2), config(2, 2, 4)], 10);
    for value in [100.0, 200.0, 300.0] {
        bench.update(value);
        bench.outstation.update(PointType::AnalogInput, 2, analog(value, Flags::ONLINE));
    }
    let values: Vec<_> =
        points(&bench.one(0xC0, 1, &EVENTS)).iter().map(|point| (point.0, point.1)).collect();
    assert_eq!(values, [(1, 300.0), (2, 100.0), (2, 200.0), (2, 300.0)]);
}

#[test]
fn a_full_buffer_drops_the_oldest_and_says_so() {
    let mut bench = Bench::new(vec![config(1, 2, 4)], 3);
    for step in 1..=5_u8 {
        bench.update(f64::from(step) * 100.0);
    }
    let answer = bench.one(0xC0, 1, &EVENTS);
    assert!(iin(&answer).contains(Iin::EVENT_BUFFER_OVERFLOW));
    assert_eq!(points(&answer).iter().map(|point| point.1).collect::<Vec<_>>(), [300.0, 400.0, 500.0]);
    for value in [0.0, 100.0, 200.0] {
        bench.update(value);
    }
    bench.confirm(0);
    let answer = bench.one(0xC1, 1, &EVENTS);
    assert!(iin(&answer).contains(Iin::EVENT_BUFFER_OVERFLOW), "lost since, not told yet");
    bench.confirm(1);
    assert!(!iin(&bench.one(0xC2, 1, &EVENTS)).contains(Iin::EVENT_BUFFER_OVERFLOW));
}

#[test]
fn what_is_not_good_never_leaves_without_flags() {
    let mut bench = Bench::new(vec![config(1, 4, 2), config(2, 4, 2)], 10);
    bench.update(7.0);
    let answer = bench.one(0xC0, 1, &[60, 1, 6]);
    assert_eq!(points(&answer), [(1, 7.0, 0xFF, false), (2, 0.0, 0x02, false)]);
    let answer = bench.one(0xC1, 1, &[30, 3, 6]);
    assert_eq!(points(&answer), [(1, 7.0, 0xFF, false), (2, 0.0, 0x02, false)], "asked for by name too");
}

#[test]
fn ranges_skip_what_is_not_there() {
    let mut bench = Bench::new(vec![config(1, 2, 2), config(2, 2, 2), config(9, 2, 2)], 10);
    let indexes = |answer: &[u8]| points(answer).iter().map(|point| point.0).collect::<Vec<_>>();
    assert_eq!(indexes(&bench.one(0xC0, 1, &[30, 0, 0x00, 2, 8])), [2]);
    assert_eq!(indexes(&bench.one(0xC1, 1, &[30, 0, 0x06])), [1, 2, 9]);
    let answer = bench.one(0xC2, 1, &[77, 1, 0x06]);
    assert!(iin(&answer).contains(Iin::OBJECT_UNKNOWN));
    let answer = bench.one(0xC3, 1, &[30, 0, 0x00, 8, 2]);
    assert!(iin(&answer).contains(Iin::PARAMETER_ERROR));
}

#[test]
fn a_long_answer_comes_in_confirmed_fragments() {
    let configs = (0..2000).map(|index| config(index, 1, 2)).collect();
    let mut bench = Bench::new(configs, 10);
    let mut answers = bench.send(0xC0, 1, &[60, 1, 6]);
    let mut read = Vec::new();
    for sequence in 0.. {
        assert_eq!(answers.len(), 1);
        let answer = answers.remove(0);
        assert!(answer.len() <= 2048);
        assert_eq!((answer[0] & 0x0F, answer[0] & 0x80 != 0), (sequence & 0x0F, sequence == 0));
        read.extend(points(&answer).iter().map(|point| point.0));
        if answer[0] & 0x40 != 0 {
            break;
        }
        answers = bench.confirm(sequence & 0x0F);
    }
    assert_eq!(read, (0..2000).collect::<Vec<u32>>());
    assert_eq!(bench.outstation.take_reads_answered(0), 1);
}

#[test]
fn an_operate_needs_its_select() {
    let mut bench = Bench::new(vec![], 10);
    assert_eq!(status(&bench.one(0xC0, 4, &SEVEN)), CommandStatus::NoSelect);
    assert_eq!(status(&bench.one(0xC1, 3, &SEVEN)), CommandStatus::Success);
    let mut eight = SEVEN;
    eight[5] = 8;
    assert_eq!(status(&bench.one(0xC2, 4, &eight)), CommandStatus::NoSelect, "another value");
    bench.one(0xC3, 3, &SEVEN);
    assert_eq!(status(&bench.one(0xC5, 4, &SEVEN)), CommandStatus::NoSelect, "not the next request");
    bench.one(0xC6, 3, &SEVEN);
    bench.now = Time::from_secs(11);
    assert_eq!(status(&bench.one(0xC7, 4, &SEVEN)), CommandStatus::Timeout, "too late");
    bench.one(0xC9, 3, &SEVEN);
    bench.one(0xC9, 1, &EVENTS);
    assert_eq!(status(&bench.one(0xCA, 4, &SEVEN)), CommandStatus::NoSelect, "a read came between");
    bench.one(0xC8, 3, &SEVEN);
    bench.outstation.connected(0, Time::ZERO);
    assert_eq!(status(&bench.one(0xC9, 4, &SEVEN)), CommandStatus::NoSelect, "another session");
    assert!(bench.plant.operated.is_empty());
    bench.one(0xCA, 3, &SEVEN);
    let answer = bench.one(0xCB, 4, &SEVEN);
    assert_eq!((status(&answer), &answer[4..]), (CommandStatus::Success, &SEVEN[..]));
    assert_eq!(bench.one(0xCB, 4, &SEVEN), answer, "a repetition is answered");
    assert_eq!(bench.plant.operated, [7.0], "and does not act again");
}

#[test]
fn direct_operate_with_and_without_an_answer() {
    let mut bench = Bench::new(vec![], 10);
    assert_eq!(status(&bench.one(0xC0, 5, &SEVEN)), CommandStatus::Success);
    assert!(bench.send(0xC1, 6, &SEVEN).is_empty());
    assert!(bench.send(0xC1, 6, &SEVEN).is_empty());
    assert_eq!(bench.plant.operated, [7.0, 7.0]);
    let mut elsewhere = SEVEN;
    elsewhere[4] = 2;
    assert_eq!(status(&bench.one(0xC2, 5, &elsewhere)), CommandStatus::NotSupported);
    let crob = [12, 1, 0x28, 1, 0, 1, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(status(&bench.one(0xC3, 5, &crob)), CommandStatus::NotSupported);
    assert!(iin(&bench.one(0xC4, 5, &[])).contains(Iin::PARAMETER_ERROR));
    assert!(iin(&bench.one(0xC6, 5, &[99, 1, 0x17, 1, 1])).contains(Iin::OBJECT_UNKNOWN));
    assert!(iin(&bench.one(0xC5, 5, &[30, 2, 0x17, 1, 1, 1, 0, 0])).contains(Iin::OBJECT_UNKNOWN));
}

#[test]
fn broadcasts_command_nothing_and_are_told() {
    let mut bench = Bench::new(vec![], 10);
    let mut fragment = vec![0xC0, 6];
    fragment.extend(SEVEN);
    bench.master.send_broadcast(Broadcast::OptionalConfirm, &fragment, bench.now);
    assert_eq!((bench.exchange().len(), bench.plant.operated.len()), (0, 0));
    assert!(iin(&bench.one(0xC1, 1, &EVENTS)).contains(Iin::BROADCAST));
    assert!(!iin(&bench.one(0xC2, 1, &EVENTS)).contains(Iin::BROADCAST));
}

#[test]
fn the_restart_bit_and_the_time_can_be_written_and_nothing_else() {
    let mut bench = Bench::new(vec![], 10);
    let both = Iin::DEVICE_RESTART | Iin::NEED_TIME;
    assert!(iin(&bench.one(0xC0, 1, &EVENTS)).contains(both));
    assert!(
        iin(&bench.one(0xC1, 2, &[80, 1, 0, 7, 7, 1])).contains(Iin::PARAMETER_ERROR | Iin::DEVICE_RESTART)
    );
    assert_eq!(iin(&bench.one(0xC2, 2, &[80, 1, 0, 7, 7, 0])), Iin::NEED_TIME);
    bench.one(0xC3, 24, &[]);
    bench.now = Time::from_millis(40);
    assert_eq!(iin(&bench.one(0xC4, 2, &[50, 3, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0])), Iin::NONE);
    assert_eq!(bench.plant.time, Some(10_040));
    bench.one(0xC5, 2, &[50, 1, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0]);
    assert_eq!(bench.plant.time, Some(10_000));
    assert!(iin(&bench.one(0xC6, 2, &[30, 2, 0x00, 1, 1, 1, 0, 0])).contains(Iin::OBJECT_UNKNOWN));
    bench.outstation.connected(0, Time::ZERO);
    assert!(!iin(&bench.one(0xC7, 1, &EVENTS)).contains(Iin::DEVICE_RESTART), "not by a new session");
}

#[test]
fn unknown_functions_and_no_requests() {
    let mut bench = Bench::new(vec![], 10);
    for function in [11, 13, 14, 20, 21, 25, 99] {
        let answer = bench.one(0xC0 | (function & 0x0F), function, &[]);
        assert!(iin(&answer).contains(Iin::NO_FUNC_CODE_SUPPORT), "{function}");
    }
    assert!(bench.send(0xC0, 129, &[0, 0]).is_empty(), "a response");
    assert!(bench.send(0x80, 1, &EVENTS).is_empty(), "not the last fragment");
    let delay = bench.one(0xCF, 23, &[]);
    assert_eq!(&delay[4..], [52, 2, 0x07, 1, 0, 0]);
}

#[test]
fn no_fragment_of_any_octets_hurts() {
    let mut bench = Bench::new((0..50).map(|index| config(index, 2, 2)).collect(), 10);
    let mut seed = 1_u32;
    for _ in 0..20_000 {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        };
        let function = next() % 28;
        let objects: Vec<u8> =
            (0..next() % 40).map(|_| if next() < 80 { next() % 61 } else { next() }).collect();
        bench.send(0xC0 | next() & 0x0F, function, &objects);
    }
    let answer = bench.one(0xC5, 1, &[30, 2, 0x00, 3, 3]);
    assert_eq!(points(&answer).len(), 1, "still answers");
}
