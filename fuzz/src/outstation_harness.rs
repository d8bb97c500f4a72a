//! An outstation with a point of every type, gaps in the indexes, and a peer that judges all that it says.

use std::collections::BTreeSet;

use ieee1815::channel::{Channel, ChannelConfig, Role};
use ieee1815::objects::{Attribute, AttributeValue, Direction, Range, parse_headers};
use ieee1815::outstation::{
    Application, BroadcastRules, Outstation, PointConfig, Restart, SessionConfig, UnsolicitedConfig,
};
use ieee1815::{
    Classes, Command, CommandStatus, DoubleBit, Flags, Iin, Measured, OperateMode, PointType, Time, Value,
};

use crate::wire;

pub const ADDRESS: u16 = 10;
/// Indexes of every type of point.
pub const INDEXES: [u16; 6] = [0, 1, 2, 5, 255, 300];
/// What a receive can leave to send: what may wait, a fragment of the largest size, and replies.
const WAITING_MAX: usize = 24 * 1024;

/// Counts what was done, by session.
#[derive(Debug, Default)]
pub struct Plant {
    pub operated: [usize; 2],
    pub selected: [usize; 2],
    pub broadcast_controls: bool,
    now: u64,
}

impl Plant {
    fn judge(&self, index: u16) -> CommandStatus {
        if INDEXES.contains(&index) { CommandStatus::Success } else { CommandStatus::NotSupported }
    }
}

impl Application for Plant {
    fn select(&mut self, session: usize, index: u16, _: &Command) -> CommandStatus {
        self.selected[session] += 1;
        self.judge(index)
    }

    fn operate(&mut self, session: usize, index: u16, _: &Command, _: OperateMode) -> CommandStatus {
        self.operated[session] += 1;
        self.judge(index)
    }

    fn write_time(&mut self, _: usize, _: u64) -> bool {
        true
    }

    fn indications(&self, _: usize) -> Iin {
        Iin::NONE
    }

    fn time(&self) -> Option<u64> {
        Some(self.now)
    }

    fn restart(&mut self, _: usize, restart: Restart) -> Option<Time> {
        (restart == Restart::Warm).then_some(Time::from_secs(3))
    }

    fn write_octets(&mut self, _: usize, index: u16, octets: &[u8]) -> bool {
        assert!(!octets.is_empty());
        INDEXES.contains(&index)
    }
}

pub struct Harness {
    pub outstation: Outstation,
    pub plant: Plant,
    pub now: Time,
    masters: [Channel; 2],
    sequence: [u8; 2],
    step: u64,
    unsolicited: bool,
    /// The last fragment that each session sent and wants confirmed: its control octet.
    pub unconfirmed: [Option<u8>; 2],
    max_tx_fragment: usize,
}

impl Harness {
    pub fn new(unsolicited: bool, max_tx_fragment: usize, change: impl Fn(&mut SessionConfig)) -> Self {
        let mut points = Vec::new();
        for point in PointType::ALL {
            for (place, index) in INDEXES.into_iter().enumerate() {
                let class = (place % 4) as u8;
                points.push(PointConfig { class, ..PointConfig::new(point, index) });
            }
        }
        // Times of occurrence, packed statics, counters and analogs with their own times.
        for point in &mut points {
            let (fixed, event) = match (point.point, point.index % 2) {
                (PointType::BinaryInput | PointType::DoubleBitInput, 0) => (1, 3),
                (PointType::BinaryInput | PointType::DoubleBitInput, _) => (2, 2),
                (PointType::AnalogInput, 0) => (5, 7),
                (PointType::Counter, 0) => (6, 5),
                _ => continue,
            };
            (point.static_variation, point.event_variation) = (fixed, event);
        }
        let session = |master| {
            let mut config = SessionConfig {
                events_max: 50,
                events_of_a_type_max: 20,
                max_tx_fragment,
                unsolicited: unsolicited
                    .then(|| UnsolicitedConfig { enabled: Classes::EVENTS, ..UnsolicitedConfig::default() }),
                ..SessionConfig::new(ADDRESS, master)
            };
            change(&mut config);
            config
        };
        let (first, second) = (session(1), session(2));
        let plant = Plant { broadcast_controls: first.broadcast.controls, ..Plant::default() };
        let attributes = vec![
            Attribute { variation: 246, value: AttributeValue::Text("a name".into()) },
            Attribute { variation: 249, value: AttributeValue::Unsigned(7) },
            Attribute { variation: 252, value: AttributeValue::Octets(vec![0; 200]) },
        ];
        let outstation = Outstation::new(&points, vec![first, second])
            .expect("a good configuration")
            .with_attributes(attributes);
        let master = |address| {
            Channel::new(ChannelConfig {
                max_rx_fragment: 4096,
                ..ChannelConfig::new(Role::Master, address, ADDRESS)
            })
        };
        let mut harness = Self {
            outstation,
            plant,
            now: Time::from_secs(1),
            masters: [master(1), master(2)],
            sequence: [0; 2],
            step: 0,
            unsolicited,
            unconfirmed: [None; 2],
            max_tx_fragment,
        };
        harness.connect(0);
        harness.connect(1);
        harness
    }

    pub fn with_broadcast_controls(config: &mut SessionConfig) {
        config.broadcast = BroadcastRules { management: true, controls: true };
    }

    pub fn connect(&mut self, session: usize) {
        self.outstation.connected(session, self.now);
        self.masters[session].reset(self.now);
        self.unconfirmed[session] = None;
        self.pass(Time::ZERO);
    }

    /// Some points change.
    pub fn update(&mut self, seed: u8) {
        self.step += 1;
        self.plant.now = 1_700_000_000_000 + self.step * 100;
        let place = usize::from(seed);
        let point = PointType::ALL[place % PointType::ALL.len()];
        let index = INDEXES[place / PointType::ALL.len() % INDEXES.len()];
        if point == PointType::OctetString {
            // An empty one too.
            return self.outstation.update_octets(index, &[seed; 255][..place % 200]);
        }
        let value = match point {
            PointType::BinaryInput | PointType::BinaryOutputStatus | PointType::BinaryOutputCommand => {
                Value::Binary(self.step % 2 == 0)
            }
            PointType::DoubleBitInput => Value::DoubleBit(DoubleBit::from_bits(seed)),
            PointType::Counter | PointType::FrozenCounter => Value::Counter(self.step as u32),
            _ => Value::Analog(self.step as f64 * 1e6),
        };
        let flags = Some(if seed & 0x80 == 0 { Flags::ONLINE } else { Flags::COMM_LOST });
        let time = (seed % 8 != 7).then_some(self.plant.now);
        self.outstation.update(point, index, Measured { value, flags, time });
    }

    /// A point means something else from now on.
    pub fn purge(&mut self, seed: u8) {
        let place = usize::from(seed);
        let point = PointType::ALL[place % PointType::ALL.len()];
        self.outstation.purge(point, INDEXES[place / PointType::ALL.len() % INDEXES.len()]);
    }

    /// With nothing new, confirms come to an end: each takes an event away, or announces the start.
    pub fn gets_quiet(&mut self, session: usize) {
        for _ in 0..60 {
            if self.confirm(session).is_empty() && self.unconfirmed[session].is_none() {
                return;
            }
        }
        panic!("it goes on sending");
    }

    pub fn pass(&mut self, time: Time) -> usize {
        self.now += time;
        self.outstation.handle_timeout(self.now, &mut self.plant);
        let due = self.outstation.timeout();
        assert!(due.is_none_or(|due| due > self.now), "{due:?} is due still at {:?}", self.now);
        (0..2).map(|session| self.judge(session).len()).sum()
    }

    /// Octets as they come; the application fragments that answer.
    pub fn give(&mut self, session: usize, octets: &[u8]) -> Vec<Vec<u8>> {
        self.outstation.receive(session, octets, self.now, &mut self.plant);
        let other = 1 - session;
        let mut out = Vec::new();
        if !self.unsolicited {
            assert!(
                !self.outstation.poll_transmit(other, &mut out),
                "what one master says is no matter of the other's"
            );
        }
        self.judge(session)
    }

    /// A fragment in good frames.
    pub fn ask(&mut self, session: usize, fragment: &[u8]) -> Vec<Vec<u8>> {
        self.ask_at(session, ADDRESS, fragment)
    }

    pub fn ask_at(&mut self, session: usize, address: u16, fragment: &[u8]) -> Vec<Vec<u8>> {
        let source = session as u16 + 1;
        let octets = wire::fragment(true, address, source, &mut self.sequence[session], fragment);
        self.give(session, &octets)
    }

    /// What a session sent, judged: whole frames to its master, fragments that can be read, points that exist.
    fn judge(&mut self, session: usize) -> Vec<Vec<u8>> {
        let mut octets = Vec::new();
        self.outstation.poll_transmit(session, &mut octets);
        assert!(octets.len() <= WAITING_MAX, "{} octets to send", octets.len());
        assert!(self.outstation.events_waiting(session) <= 50);
        let (mut rest, mut found) = (octets.as_slice(), Vec::new());
        while self.masters[session].receive(&mut rest, self.now).is_some() {
            let fragment = self.masters[session].take_fragment();
            judge_fragment(&fragment, self.max_tx_fragment.max(300));
            if fragment[0] & 0x20 != 0 {
                self.unconfirmed[session] = Some(fragment[0]);
            }
            found.push(fragment);
        }
        let counters = self.masters[session].counters();
        let bad = (counters.noise_octets, counters.header_crc, counters.length, counters.data_crc);
        assert_eq!(bad, (0, 0, 0, 0), "every octet sent is of a good frame");
        assert_eq!((counters.other_destination, counters.other_source, counters.direction), (0, 0, 0));
        assert_eq!((counters.segment_sequence, counters.too_long), (0, 0));
        // What the channel of the master would reply is not sent: it stands for a link without confirms.
        self.masters[session].poll_transmit(&mut octets);
        found
    }

    pub fn confirm(&mut self, session: usize) -> Vec<Vec<u8>> {
        match self.unconfirmed[session].take() {
            Some(control) => self.ask(session, &[0xC0 | control & 0x1F, 0]),
            None => Vec::new(),
        }
    }

    /// A good poll of class 0 is answered, whatever came before on this connection.
    pub fn still_answers(&mut self, session: usize) {
        // Whatever frame was begun is over after as many octets as a frame can have.
        self.give(session, &[0; 300]);
        for sequence in [0_u8, 5] {
            // An unsolicited response under way puts a read off; it is confirmed as a master does.
            for _ in 0..20 {
                if self.unconfirmed[session].is_none() {
                    break;
                }
                self.confirm(session);
            }
            let mut answers = self.ask(session, &[0xC0 | sequence, 1, 60, 1, 6]);
            for _ in 0..20 {
                if answers.iter().any(|answer| answer[1] == 129) {
                    break;
                }
                self.now += Time::from_secs(61);
                self.outstation.handle_timeout(self.now, &mut self.plant);
                answers = self.judge(session);
            }
            let answer = answers.iter().find(|answer| answer[1] == 129).expect("a good poll is answered");
            assert_eq!((answer[0] & 0x8F, answer[3] & 0x07), (0x80 | sequence, 0), "{answer:?}");
            self.confirm(session);
        }
    }
}

fn judge_fragment(fragment: &[u8], max: usize) {
    assert!(fragment.len() <= max, "{} octets", fragment.len());
    let [control, function, _, _, objects @ ..] = fragment else { panic!("{fragment:?} is no response") };
    assert!(*function == 129 && control & 0x10 == 0 || *function == 130 && control & 0xF0 == 0xF0);
    let known: BTreeSet<u32> = INDEXES.into_iter().map(u32::from).collect();
    let mut events = false;
    for header in parse_headers(objects, Direction::Response) {
        let header = header.unwrap_or_else(|error| panic!("{error:?} in {fragment:?}"));
        if let Some((_, event)) = header.point() {
            events |= event;
            assert!(event || *function == 129, "a static unasked");
            header.visit(|index, _| assert!(known.contains(&index)));
            header.strings().for_each(|(index, _)| assert!(known.contains(&index)));
            assert!(!matches!(header.range, Range::Count(_) | Range::All));
        }
    }
    assert!(!events || control & 0x20 != 0, "events are sent with a confirm wanted");
}
