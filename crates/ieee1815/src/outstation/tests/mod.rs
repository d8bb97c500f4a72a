//! An outstation examined from outside: requests go in as octets, and what comes back is read octet by octet, on a
//! clock that only the test moves.
//!
//! One file for each theme. The bench plays any number of masters at the level of fragments, so that it can do what
//! no good master would.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::channel::{Broadcast, Channel, ChannelConfig, Role};
use crate::link::{Frames, Header, User};
use crate::objects::{Direction, parse_headers};
use crate::{Classes, Crob, DoubleBit, Flags, Value};

mod attributes;
mod books;
mod broadcast;
mod commanded;
mod confirms;
mod contract;
mod controls;
mod deadbands;
mod events;
mod fragments;
mod freezes;
mod link;
mod manage;
mod masters;
mod meanwhile;
mod points;
mod promise;
mod reads;
mod reconfigure;
mod strings;
mod time;
mod unsolicited;
mod variations;

const EVENTS: [u8; 9] = [60, 2, 6, 60, 3, 6, 60, 4, 6];
const INTEGRITY: [u8; 12] = [60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6];
const CLASS_0: [u8; 3] = [60, 1, 6];
/// Writes the restart bit away.
const RESTART_OFF: [u8; 6] = [80, 1, 0x00, 7, 7, 0];

const READ: u8 = 1;
const WRITE: u8 = 2;
const SELECT: u8 = 3;
const OPERATE: u8 = 4;
const DIRECT: u8 = 5;
const DIRECT_NO_ACK: u8 = 6;
const ENABLE: u8 = 20;
const DISABLE: u8 = 21;
const ASSIGN: u8 = 22;
const DELAY_MEASURE: u8 = 23;
const RECORD_TIME: u8 = 24;

const UNSOLICITED: u8 = 130;

const fn seconds(seconds: u64) -> Time {
    Duration::from_secs(seconds)
}

const fn millis(millis: u64) -> Time {
    Duration::from_millis(millis)
}

/// The program around the outstation: takes indexes below 10 and analogs up to a million, and remembers all.
#[derive(Debug, Default)]
struct Plant {
    selected: Vec<(usize, u16)>,
    operated: Vec<(usize, u16, Command, OperateMode)>,
    /// Times written.
    written: Vec<u64>,
    /// What it takes for the time.
    clock: Option<u64>,
    indications: Iin,
    restarts: Vec<(usize, Restart)>,
    /// How long a restart takes.
    away: Option<Time>,
    cleared: Vec<u16>,
    strings: Vec<(usize, u16, Vec<u8>)>,
}

impl Plant {
    fn judge(index: u16, command: &Command) -> CommandStatus {
        match command {
            _ if index >= 10 => CommandStatus::NotSupported,
            Command::Analog { value, .. } if value.is_finite() && *value > 1e6 => CommandStatus::OutOfRange,
            _ => CommandStatus::Success,
        }
    }
}

impl Application for Plant {
    fn select(&mut self, session: usize, index: u16, command: &Command) -> CommandStatus {
        self.selected.push((session, index));
        Self::judge(index, command)
    }

    fn operate(&mut self, session: usize, index: u16, command: &Command, mode: OperateMode) -> CommandStatus {
        self.operated.push((session, index, *command, mode));
        Self::judge(index, command)
    }

    fn write_time(&mut self, _: usize, millis: u64) -> bool {
        self.written.push(millis);
        true
    }

    fn indications(&self, _: usize) -> Iin {
        self.indications
    }

    fn time(&self) -> Option<u64> {
        self.clock
    }

    fn restart(&mut self, session: usize, restart: Restart) -> Option<Time> {
        self.restarts.push((session, restart));
        self.away
    }

    fn cleared(&mut self, index: u16) {
        self.cleared.push(index);
    }

    fn write_octets(&mut self, session: usize, index: u16, octets: &[u8]) -> bool {
        self.strings.push((session, index, octets.to_vec()));
        index < 10
    }
}

/// The outstation, its program, its masters, and the clock.
struct Bench {
    outstation: Outstation,
    plant: Plant,
    masters: Vec<Channel>,
    /// The master that speaks now.
    who: usize,
    now: Time,
}

impl Bench {
    /// One master with the defaults.
    fn new(points: &[PointConfig]) -> Self {
        Self::with(points, |_| ())
    }

    /// One master, configured.
    fn with(points: &[PointConfig], configure: impl FnOnce(&mut SessionConfig)) -> Self {
        let mut session = SessionConfig::new(10, 1);
        configure(&mut session);
        Self::several(points, vec![session])
    }

    fn several(points: &[PointConfig], sessions: Vec<SessionConfig>) -> Self {
        let master = |session: &SessionConfig| {
            Channel::new(ChannelConfig::new(Role::Master, session.master_address, session.address))
        };
        let masters: Vec<_> = sessions.iter().map(master).collect();
        let mut outstation = Outstation::new(points, sessions).unwrap();
        for session in 0..masters.len() {
            outstation.connected(session, Time::ZERO);
        }
        Self { outstation, plant: Plant::default(), masters, who: 0, now: Time::ZERO }
    }

    fn update(&mut self, point: PointType, index: u16, measured: Measured) {
        self.outstation.update(point, index, measured);
    }

    /// Sends a fragment; the fragments that come back.
    fn send(&mut self, control: u8, function: u8, objects: &[u8]) -> Vec<Vec<u8>> {
        let mut fragment = vec![control, function];
        fragment.extend_from_slice(objects);
        self.masters[self.who].send(&fragment, self.now);
        self.exchange()
    }

    /// Sends a fragment to everybody; the fragments that come back.
    fn broadcast(&mut self, to: Broadcast, control: u8, function: u8, objects: &[u8]) -> Vec<Vec<u8>> {
        let mut fragment = vec![control, function];
        fragment.extend_from_slice(objects);
        self.masters[self.who].send_broadcast(to, &fragment, self.now);
        self.exchange()
    }

    /// What the master has to send, sent; the fragments that come back.
    fn exchange(&mut self) -> Vec<Vec<u8>> {
        let mut octets = Vec::new();
        self.masters[self.who].poll_transmit(&mut octets);
        self.outstation.receive(self.who, &octets, self.now, &mut self.plant);
        self.received()
    }

    /// Lets time pass; the fragments that come unasked.
    fn wait(&mut self, time: Time) -> Vec<Vec<u8>> {
        self.now += time;
        self.outstation.handle_timeout(self.now, &mut self.plant);
        self.received()
    }

    /// What is due without time passing.
    fn turn(&mut self) -> Vec<Vec<u8>> {
        self.wait(Time::ZERO)
    }

    fn received(&mut self) -> Vec<Vec<u8>> {
        let mut octets = Vec::new();
        self.outstation.poll_transmit(self.who, &mut octets);
        let (mut rest, mut found) = (octets.as_slice(), Vec::new());
        let master = &mut self.masters[self.who];
        while master.receive(&mut rest, self.now).is_some() {
            found.push(master.take_fragment());
        }
        found
    }

    /// Sends a fragment to which one fragment has to come back.
    fn one(&mut self, control: u8, function: u8, objects: &[u8]) -> Vec<u8> {
        only(self.send(control, function, objects))
    }

    /// The objects of the one fragment that answers.
    fn objects(&mut self, control: u8, function: u8, objects: &[u8]) -> Vec<u8> {
        self.one(control, function, objects).split_off(4)
    }

    /// The indications of the one fragment that answers.
    fn iin(&mut self, control: u8, function: u8, objects: &[u8]) -> Iin {
        iin(&self.one(control, function, objects))
    }

    fn confirm(&mut self, sequence: u8) -> Vec<Vec<u8>> {
        self.send(0xC0 | sequence, 0, &[])
    }

    fn confirm_unsolicited(&mut self, sequence: u8) -> Vec<Vec<u8>> {
        self.send(0xD0 | sequence, 0, &[])
    }

    fn restart_off(&mut self) {
        let answer = self.one(0xCF, WRITE, &RESTART_OFF);
        assert!(!iin(&answer).contains(Iin::DEVICE_RESTART));
    }

    fn waiting(&self) -> usize {
        self.outstation.events_waiting(self.who)
    }

    fn counters(&self) -> Counters {
        self.outstation.counters(self.who)
    }

    fn reconnect(&mut self) {
        self.outstation.disconnected(self.who, self.now);
        self.outstation.connected(self.who, self.now);
        self.masters[self.who].reset(self.now);
    }

    /// Gives a frame to the outstation as it is; the frames that come back.
    fn frame(&mut self, control: u8, destination: u16, source: u16, user: &[u8]) -> Vec<(Header, Vec<u8>)> {
        let mut octets = Vec::new();
        crate::link::write_frame(&mut octets, control, destination, source, user);
        self.outstation.receive(self.who, &octets, self.now, &mut self.plant);
        self.frames()
    }

    /// The frames that the outstation sends.
    fn frames(&mut self) -> Vec<(Header, Vec<u8>)> {
        let mut octets = Vec::new();
        self.outstation.poll_transmit(self.who, &mut octets);
        let (mut rest, mut frames, mut user) = (octets.as_slice(), Frames::default(), User::new());
        let mut found = Vec::new();
        while let Some(header) = frames.next(&mut rest, &mut user) {
            found.push((header, user.octets().to_vec()));
        }
        found
    }
}

fn only(mut fragments: Vec<Vec<u8>>) -> Vec<u8> {
    assert_eq!(fragments.len(), 1, "{fragments:?}");
    fragments.remove(0)
}

fn iin(fragment: &[u8]) -> Iin {
    Iin::from_bits(u16::from_le_bytes([fragment[2], fragment[3]]))
}

/// Index and what was measured of all points of a response.
fn measured(fragment: &[u8]) -> Vec<(u32, Measured)> {
    let mut found = Vec::new();
    for header in parse_headers(&fragment[4..], Direction::Response) {
        header.unwrap().visit(|index, measured| found.push((index, measured)));
    }
    found
}

/// Index and value of all points of a response, whatever their type.
fn values(fragment: &[u8]) -> Vec<(u32, f64)> {
    measured(fragment).into_iter().map(|(index, measured)| (index, number(measured.value))).collect()
}

/// Any value as a number; the two bits of a double-bit input.
fn number(value: Value) -> f64 {
    match value {
        Value::Analog(value) => value,
        Value::Binary(state) => u8::from(state).into(),
        Value::DoubleBit(state) => state.bits().into(),
        Value::Counter(count) => count.into(),
    }
}

/// The statuses of all commands of a response.
fn statuses(fragment: &[u8]) -> Vec<CommandStatus> {
    parse_headers(&fragment[4..], Direction::Response)
        .flat_map(|header| header.unwrap().commands().map(|(_, _, status)| status).collect::<Vec<_>>())
        .collect()
}

/// A point in event class 1 with these default variations.
fn point(point: PointType, index: u16, static_variation: u8, event_variation: u8) -> PointConfig {
    PointConfig { static_variation, event_variation, class: 1, ..PointConfig::new(point, index) }
}

/// An analog input in class 1, 16 bit, and 16 bit with time in its events: history is queued.
fn analog_input(index: u16) -> PointConfig {
    point(PointType::AnalogInput, index, 2, 4)
}

const fn good(value: Value) -> Measured {
    Measured { value, flags: Some(Flags::ONLINE), time: Some(1_000) }
}

const fn analog(value: f64) -> Measured {
    good(Value::Analog(value))
}

const fn counter(value: u32) -> Measured {
    good(Value::Counter(value))
}

const fn binary(value: bool) -> Measured {
    good(Value::Binary(value))
}

#[test]
fn no_fragment_of_any_octets_hurts() {
    let points: Vec<_> = (0..50).map(|index| point(PointType::AnalogInput, index, 2, 2)).collect();
    let mut bench = Bench::new(&points);
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
    let answer = bench.one(0xC5, READ, &[30, 2, 0x00, 3, 3]);
    assert_eq!(values(&answer).len(), 1, "still answers");
}
