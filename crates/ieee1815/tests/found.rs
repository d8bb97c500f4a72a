//! What reading, fuzzing and the property tests have found at the outstation, each as the shortest case that shows
//! it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use ieee1815::channel::{Broadcast, Channel, ChannelConfig, Role};
use ieee1815::outstation::{
    Application, EventMode, Outstation, PointConfig, SessionConfig, UnsolicitedConfig,
};
use ieee1815::{Classes, Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Time, Value};

/// Reads classes 1 to 3.
const EVENTS: [u8; 9] = [60, 2, 6, 60, 3, 6, 60, 4, 6];

#[derive(Default)]
struct Plant {
    cleared: usize,
}

impl Application for Plant {
    fn select(&mut self, _: usize, _: u16, _: &Command) -> CommandStatus {
        CommandStatus::Success
    }

    fn operate(&mut self, _: usize, _: u16, _: &Command, _: OperateMode) -> CommandStatus {
        CommandStatus::Success
    }

    fn write_time(&mut self, _: usize, _: u64) -> bool {
        true
    }

    fn indications(&self, _: usize) -> Iin {
        Iin::NONE
    }

    fn cleared(&mut self, _: u16) {
        self.cleared += 1;
    }
}

struct Bench {
    outstation: Outstation,
    plant: Plant,
    master: Channel,
    now: Time,
}

impl Bench {
    /// Reports unasked, past its first (empty) response; a confirm is waited for 1 s, and a rest lasts 60 s.
    fn new(points: &[PointConfig]) -> (Self, u8) {
        let unsolicited = UnsolicitedConfig { enabled: Classes::EVENTS, retries: 0, ..Default::default() };
        let session = SessionConfig {
            unsolicited: Some(unsolicited),
            confirm_timeout: Time::from_secs(1),
            ..SessionConfig::new(10, 1)
        };
        let mut bench = Self {
            outstation: Outstation::new(points, vec![session]).unwrap(),
            plant: Plant::default(),
            master: Channel::new(ChannelConfig::new(Role::Master, 1, 10)),
            now: Time::ZERO,
        };
        bench.outstation.connected(0, bench.now);
        let first = bench.wait(Time::ZERO);
        let [first] = first.as_slice() else { panic!("{first:?}") };
        let sequence = first[0] & 0x0F;
        bench.send(&[0xD0 | sequence, 0]);
        (bench, sequence)
    }

    fn update(&mut self, on: bool) {
        let measured = Measured { value: Value::Binary(on), flags: Some(Flags::ONLINE), time: None };
        self.outstation.update(PointType::BinaryInput, 1, measured);
    }

    fn wait(&mut self, time: Time) -> Vec<Vec<u8>> {
        self.now += time;
        self.outstation.handle_timeout(self.now, &mut self.plant);
        self.sent()
    }

    fn send(&mut self, fragment: &[u8]) -> Vec<Vec<u8>> {
        self.master.send(fragment, self.now);
        self.carry()
    }

    fn carry(&mut self) -> Vec<Vec<u8>> {
        let mut octets = Vec::new();
        self.master.poll_transmit(&mut octets);
        self.outstation.receive(0, &octets, self.now, &mut self.plant);
        self.sent()
    }

    fn sent(&mut self) -> Vec<Vec<u8>> {
        let (mut octets, mut found) = (Vec::new(), Vec::new());
        self.outstation.poll_transmit(0, &mut octets);
        let mut rest = octets.as_slice();
        while self.master.receive(&mut rest, self.now).is_some() {
            found.push(self.master.take_fragment());
        }
        found
    }
}

fn binary() -> PointConfig {
    PointConfig { class: 1, mode: Some(EventMode::Each), ..PointConfig::new(PointType::BinaryInput, 1) }
}

/// The sequence number of the only fragment, which is an unsolicited one.
fn unsolicited(fragments: &[Vec<u8>]) -> u8 {
    let [fragment] = fragments else { panic!("{fragments:?}") };
    assert_eq!((fragment[0] & 0xF0, fragment[1]), (0xF0, 130), "{fragment:?}");
    fragment[0] & 0x0F
}

/// A broadcast may demand that the next response be confirmed; that confirm is of no event that was sent unasked.
#[test]
fn the_confirm_that_a_broadcast_demands_confirms_no_unsolicited_event() {
    let (mut bench, _) = Bench::new(&[binary()]);
    bench.update(true);
    unsolicited(&bench.wait(Time::ZERO));
    // Everybody: record the time; and whoever answers next wants a confirm.
    bench.master.send_broadcast(Broadcast::Confirm, &[0xC0, 24], bench.now);
    assert_eq!(bench.carry(), [] as [Vec<u8>; 0]);
    let answer = bench.send(&[0xC3, 23]);
    assert_eq!(answer[0][0], 0xE3, "it wants its confirm");
    bench.send(&[0xC3, 0]);
    assert_eq!(bench.outstation.events_waiting(0), 1, "the event was not confirmed");
}

/// A new request gives up the solicited answer that awaits its confirm, and no unsolicited one.
#[test]
fn a_request_does_not_unsend_what_was_sent_unasked() {
    let (mut bench, _) = Bench::new(&[binary()]);
    bench.update(true);
    let sequence = unsolicited(&bench.wait(Time::ZERO));
    bench.master.send_broadcast(Broadcast::Confirm, &[0xC0, 24], bench.now);
    bench.carry();
    bench.send(&[0xC3, 23]);
    bench.send(&[0xC4, 23]);
    bench.send(&[0xD0 | sequence, 0]);
    assert_eq!(bench.outstation.events_waiting(0), 0, "its own confirm came");
}

/// Two events that look the same are two: between them the master has read what came unasked and was not confirmed.
#[test]
fn an_unsolicited_response_that_looks_as_an_old_one_has_another_sequence_number() {
    let (mut bench, _) = Bench::new(&[binary()]);
    bench.update(true);
    let first = unsolicited(&bench.wait(Time::ZERO));
    // Its confirm is lost; a rest begins. The master polls meanwhile: on, then off.
    assert_eq!(bench.wait(Time::from_secs(1)), [] as [Vec<u8>; 0]);
    for (sequence, on) in [(0, true), (1, false)] {
        bench.update(on);
        let answer = bench.send(&[&[0xC0 | sequence, 1], &EVENTS[..]].concat());
        assert_eq!(answer[0][1], 129);
        bench.send(&[0xC0 | sequence, 0]);
    }
    assert_eq!(bench.outstation.events_waiting(0), 0);
    bench.update(true);
    let second = unsolicited(&bench.wait(Time::from_secs(61)));
    assert_ne!(first, second, "a master would take it for a repetition, and go on believing in off");
}

/// A string that was emptied is not reported; nothing waits then, and nothing is sent over and over.
#[test]
fn an_empty_octet_string_is_no_event() {
    let string = PointConfig { class: 1, ..PointConfig::new(PointType::OctetString, 0) };
    let (mut bench, _) = Bench::new(&[string]);
    bench.outstation.update_octets(0, b"text");
    let sequence = unsolicited(&bench.wait(Time::ZERO));
    bench.send(&[0xD0 | sequence, 0]);
    bench.outstation.update_octets(0, b"");
    assert_eq!(bench.wait(Time::ZERO), [] as [Vec<u8>; 0], "there is nothing to send");
    let answer = bench.send(&[&[0xC0, 1], &EVENTS[..]].concat());
    assert_eq!(answer[0][2] & 0x02, 0, "no event of class 1 waits");
}

/// A fragment of 2,048 octets has room for 682 headers; each of them may name all counters.
#[test]
fn the_work_of_a_fragment_is_bounded() {
    let points: Vec<_> = (0..500).map(|index| PointConfig::new(PointType::Counter, index)).collect();
    let (mut bench, _) = Bench::new(&points);
    let mut fragment = vec![0xC0, 9];
    for _ in 0..680 {
        fragment.extend([20, 0, 6]);
    }
    bench.send(&fragment);
    assert!(bench.plant.cleared <= 64 * 500, "{} counters were cleared", bench.plant.cleared);
}

/// A response that is sent again under its old number may tell more than its first copy did; a late confirm of the
/// first copy says nothing of that. (Found by the delivery property.)
#[test]
fn a_late_confirm_of_a_copy_that_told_of_no_overflow_clears_none() {
    let session = SessionConfig {
        unsolicited: Some(UnsolicitedConfig { enabled: Classes::NONE, ..Default::default() }),
        confirm_timeout: Time::from_secs(1),
        events_max: 1,
        ..SessionConfig::new(10, 1)
    };
    let mut bench = Bench {
        outstation: Outstation::new(&[binary()], vec![session]).unwrap(),
        plant: Plant::default(),
        master: Channel::new(ChannelConfig::new(Role::Master, 1, 10)),
        now: Time::ZERO,
    };
    bench.outstation.connected(0, bench.now);
    let first = bench.wait(Time::ZERO);
    assert_eq!(first[0][3] & 0x08, 0);
    for on in [true, false] {
        bench.update(on);
    }
    let again = bench.wait(Time::from_secs(1));
    assert_eq!(again[0][3] & 0x08, 0x08);
    // The second copy is lost; now comes the confirm of the first.
    bench.send(&[0xD0 | first[0][0] & 0x0F, 0]);
    let answer = bench.send(&[0xC0, 23]);
    assert_eq!(answer[0][3] & 0x08, 0x08, "the master was never told");
}
