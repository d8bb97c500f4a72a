//! Fragments that no good outstation of ours makes, given to a master by hand.

mod commands;
mod objects;
mod requests;
mod scans;
mod start;
mod time;

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::{Master, MasterConfig, MasterEvent, Outcome, PointSet, Request};
use crate::channel::{Channel, ChannelConfig, Role};
use crate::{AnalogWidth, Classes, Command, OperateMode, PointType, Time};

pub(super) const NOW: Time = Duration::from_secs(100);
/// The integrity poll, as the first request of a connection.
pub(super) const INTEGRITY_0: [u8; 14] = [0xC0, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6];
/// A binary input with flags at index 1, on: group 2 variation 1 with an 8-bit index, and group 1 variation 2.
pub(super) const EVENT: [u8; 6] = [2, 1, 0x17, 1, 1, 0x81];
pub(super) const STATIC: [u8; 6] = [1, 2, 0x00, 1, 1, 0x81];

pub(super) struct Bench {
    pub(super) master: Master,
    outstation: Channel,
    pub(super) now: Time,
}

impl Bench {
    /// Connected; unsolicited responses are left alone where `change` says nothing else.
    pub(super) fn new(change: impl FnOnce(&mut MasterConfig)) -> Self {
        let mut config = MasterConfig::new(1, 10);
        config.disable_unsolicited = false;
        config.accept =
            PointSet::new().with(PointType::BinaryInput, 0..=9).with(PointType::AnalogInput, 0..=9);
        change(&mut config);
        let mut master = Master::new(config);
        master.connected(NOW);
        Self { master, outstation: Channel::new(ChannelConfig::new(Role::Outstation, 10, 1)), now: NOW }
    }

    /// Past the start-up; the next request has sequence number 1.
    pub(super) fn started(change: impl FnOnce(&mut MasterConfig)) -> Self {
        let mut bench = Self::new(change);
        assert_eq!(bench.sent(), [INTEGRITY_0]);
        bench.give(&[0xC0, 129, 0, 0], &[]);
        assert!(bench.events().contains(&MasterEvent::StartUpDone));
        bench
    }

    pub(super) fn give(&mut self, header: &[u8], objects: &[u8]) {
        self.outstation.send(&[header, objects].concat(), self.now);
        let mut octets = Vec::new();
        self.outstation.poll_transmit(&mut octets);
        self.master.receive(&octets, self.now);
    }

    /// Application fragments that the master sent.
    pub(super) fn sent(&mut self) -> Vec<Vec<u8>> {
        let (mut octets, mut fragments) = (Vec::new(), Vec::new());
        while self.master.poll_transmit(&mut octets) {}
        let mut rest = octets.as_slice();
        while self.outstation.receive(&mut rest, self.now).is_some() {
            fragments.push(self.outstation.take_fragment());
        }
        fragments
    }

    pub(super) fn events(&mut self) -> Vec<MasterEvent> {
        core::iter::from_fn(|| self.master.poll_event()).collect()
    }

    pub(super) fn ask(&mut self, request: Request) -> u64 {
        self.master.request(request, self.now).unwrap()
    }

    pub(super) fn read(&mut self) -> u64 {
        let id = self.ask(Request::Read(Classes::EVENTS));
        assert_eq!(self.sent().len(), 1);
        id
    }

    /// Lets time pass in one step.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.master.handle_timeout(self.now);
    }

    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        self.events().into_iter().find_map(|event| match event {
            MasterEvent::Done { outcome, .. } => Some(outcome),
            _ => None,
        })
    }
}

pub(super) fn points(events: &[MasterEvent]) -> usize {
    events.iter().filter(|event| matches!(event, MasterEvent::Point { .. })).count()
}

#[test]
fn unsolicited_is_confirmed_taken_once_and_told_from_a_response() {
    let mut bench = Bench::started(|_| {});
    bench.read();
    bench.give(&[0xF3, 130, 0, 0], &EVENT);
    assert_eq!(bench.sent(), [vec![0xD3, 0]]);
    assert_eq!(points(&bench.events()), 1);
    bench.give(&[0xF3, 130, 0, 0], &EVENT);
    assert_eq!(bench.sent(), [vec![0xD3, 0]]);
    assert_eq!(bench.events(), []);
    // Neither the function nor the bit alone makes an unsolicited response.
    bench.give(&[0xF1, 129, 0, 0], &EVENT);
    bench.give(&[0xE1, 130, 0, 0], &EVENT);
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
    assert_eq!(bench.master.counters().not_a_response, 2);
}

#[test]
fn a_series_is_confirmed_fragment_by_fragment() {
    let mut bench = Bench::started(|_| {});
    let id = bench.read();
    bench.give(&[0xA1, 129, 0, 0], &EVENT);
    assert_eq!(bench.sent(), [vec![0xC1, 0]]);
    // Our confirm was lost: confirmed again, not taken again.
    bench.give(&[0xA1, 129, 0, 0], &EVENT);
    assert_eq!(bench.sent(), [vec![0xC1, 0]]);
    assert_eq!(points(&bench.events()), 1);
    // A first fragment again, and one out of its turn.
    bench.give(&[0xA2, 129, 0, 0], &EVENT);
    bench.give(&[0x63, 129, 0, 0], &EVENT);
    assert_eq!((bench.sent().len(), bench.events().len()), (0, 0));
    bench.give(&[0x62, 129, 0, 0], &STATIC);
    assert_eq!(bench.sent(), [vec![0xC2, 0]]);
    let events = bench.events();
    assert_eq!(points(&events), 1);
    assert_eq!(events.last(), Some(&MasterEvent::Done { id, outcome: Outcome::ReadDone }));
    assert_eq!(bench.master.counters().unexpected, 2);
    bench.master.request(Request::Read(Classes::ONE), NOW).unwrap();
    assert_eq!(bench.sent(), [vec![0xC3, 1, 60, 2, 6]]);
}

#[test]
fn an_endless_series_ends() {
    let mut bench = Bench::started(|config| config.response_fragments_max = 4);
    bench.read();
    for number in 1..=5_u8 {
        let first = if number == 1 { 0x80 } else { 0 };
        bench.give(&[first | number, 129, 0, 0], &STATIC);
    }
    assert!(matches!(bench.outcome(), Some(Outcome::Malformed(_))));
}

#[test]
fn what_is_not_understood_is_not_confirmed_and_nothing_of_it_taken() {
    let mut bench = Bench::started(|_| {});
    bench.read();
    let cut = [&EVENT[..], &[2, 1, 0x17, 9, 1]].concat();
    bench.give(&[0xE1, 129, 0, 0], &cut);
    let events = bench.events();
    assert_eq!(points(&events), 0);
    assert!(matches!(events.last(), Some(MasterEvent::Done { outcome: Outcome::Malformed(_), .. })));
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
}

#[test]
fn what_has_no_room_is_not_confirmed() {
    let mut bench = Bench::started(|config| config.event_queue_max = 5);
    for sequence in 0..3 {
        bench.give(&[0xF0 | sequence, 130, 0, 0], &EVENT);
    }
    // The first found an empty queue.
    assert_eq!(bench.sent(), [vec![0xD0, 0]]);
    assert_eq!(bench.master.counters().no_room, 2);
    assert_eq!(points(&bench.events()), 1);
    bench.give(&[0xF2, 130, 0, 0], &EVENT);
    assert_eq!(bench.sent(), [vec![0xD2, 0]]);
}

#[test]
fn octets_that_nobody_takes_stay_few() {
    let mut bench = Bench::started(|_| {});
    for _ in 0..100_u8 {
        for sequence in 0..16 {
            bench.give(&[0xF0 | sequence, 130, 0, 0], &EVENT);
        }
    }
    let mut octets = Vec::new();
    bench.master.poll_transmit(&mut octets);
    assert!(octets.len() <= 16 * 1024 + 15, "{} octets wait", octets.len());
}

#[test]
fn huge_ranges_cost_nothing() {
    let mut bench = Bench::started(|_| {});
    bench.read();
    // 65,536 binary inputs announced, and four octets of them there; then objects of no size over a range.
    bench.give(&[0xC1, 129, 0, 0], &[1, 1, 0x01, 0, 0, 0xFF, 0xFF, 1, 2, 3, 4]);
    assert!(matches!(bench.outcome(), Some(Outcome::Malformed(_))));
    bench.read();
    bench.give(&[0xC2, 129, 0, 0], &[60, 1, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
    assert!(matches!(bench.outcome(), Some(Outcome::Malformed(_) | Outcome::ReadDone)));
    assert_eq!(points(&bench.events()), 0);
}

#[test]
fn a_restart_bit_that_stays_is_not_hammered() {
    let mut bench = Bench::new(|_| {});
    assert_eq!(bench.sent().len(), 1);
    bench.give(&[0xC0, 129, 0x80, 0], &[]);
    assert_eq!(bench.sent(), [vec![0xC1, 2, 80, 1, 0, 7, 7, 0]]);
    bench.give(&[0xC1, 129, 0x80, 0], &[]);
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
    let events = bench.events();
    assert_eq!(events.iter().filter(|event| **event == MasterEvent::Restart).count(), 1);
    assert!(!events.contains(&MasterEvent::StartUpDone));
    assert_eq!(bench.master.timeout(), Some(NOW + Duration::from_secs(5)));
}

#[test]
fn a_lost_event_buffer_is_made_up_for() {
    let mut bench = Bench::started(|config| config.retry_delay = Duration::ZERO);
    bench.read();
    bench.give(&[0xC1, 129, 0, 0x08], &[]);
    assert_eq!(bench.sent(), [vec![0xC2, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6]]);
}

#[test]
fn an_echo_of_another_command_is_no_answer() {
    let command = Command::Analog { value: 100.0, width: AnalogWidth::I16 };
    let direct = Request::Operate { mode: OperateMode::Direct, index: 2, command };
    for (echo, good) in [
        ([41, 2, 0x28, 1, 0, 2, 0, 100, 0, 0], true),
        ([41, 2, 0x28, 1, 0, 3, 0, 100, 0, 0], false),
        ([41, 2, 0x28, 1, 0, 2, 0, 101, 0, 0], false),
    ] {
        let mut bench = Bench::started(|_| {});
        bench.master.request(direct.clone(), NOW).unwrap();
        assert_eq!(bench.sent(), [vec![0xC1, 5, 41, 2, 0x28, 1, 0, 2, 0, 100, 0, 0]]);
        bench.give(&[0xC1, 129, 0, 0], &echo);
        assert_eq!(matches!(bench.outcome(), Some(Outcome::Status(_))), good);
    }
    let mut bench = Bench::started(|_| {});
    bench.master.request(direct, NOW).unwrap();
    bench.give(&[0xC1, 129, 0, 0x01], &[]);
    assert!(matches!(bench.outcome(), Some(Outcome::Refused(_))));
}

#[test]
fn a_set_point_is_never_clamped() {
    let mut bench = Bench::started(|_| {});
    for (value, width, sent) in [
        (32_767.0, AnalogWidth::I16, true),
        (32_768.0, AnalogWidth::I16, false),
        (f64::NAN, AnalogWidth::F64, false),
        (1e300, AnalogWidth::F32, false),
    ] {
        let command = Command::Analog { value, width };
        let request = Request::Operate { mode: OperateMode::DirectNoAck, index: 0, command };
        bench.ask(request);
        assert_eq!(bench.sent().len(), usize::from(sent), "{value}");
        assert_eq!(bench.outcome() == Some(Outcome::Sent), sent);
    }
}

#[test]
fn open_requests_are_bounded_even_when_nothing_is_connected() {
    let mut master = Master::new(MasterConfig::new(1, 10));
    for _ in 0..16 {
        master.request(Request::Read(Classes::ALL), NOW).unwrap();
    }
    assert!(master.request(Request::Read(Classes::ALL), NOW).is_err());
    master.poll_event().unwrap();
    master.request(Request::Read(Classes::ALL), NOW).unwrap();
}

#[test]
fn unsolicited_is_switched_off_when_wanted() {
    let mut bench = Bench::new(|config| config.disable_unsolicited = true);
    assert_eq!(bench.sent(), [vec![0xC0, 21, 60, 2, 6, 60, 3, 6, 60, 4, 6]]);
    bench.give(&[0xC0, 129, 0, 1], &[]);
    assert_eq!(bench.sent(), [vec![0xC1, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6]]);
}
