//! A master with everything switched on, and an outstation's end of its line.

use ieee1815::channel::{Channel, ChannelConfig, Role};
use ieee1815::master::{
    DeadbandWidth, Master, MasterConfig, MasterEvent, Objects, Outcome, PointSet, Request, Scan,
    TimeProcedure,
};
use ieee1815::{AnalogWidth, Classes, Command, Crob, OperateMode, PointType, Time};

use crate::wire;

const EVENTS_MAX: usize = 200;
/// One fragment of 2,048 octets that is nothing but packed states.
const FRAGMENT_POINTS: usize = 2048 * 8;

pub struct Harness {
    pub master: Master,
    pub now: Time,
    outstation: Channel,
    sequence: u8,
    /// What was asked and not answered: control, function, objects.
    pub asked: Option<Vec<u8>>,
    pub done: Vec<(u64, Outcome)>,
    open: usize,
}

impl Harness {
    pub fn new(change: impl FnOnce(&mut MasterConfig)) -> Self {
        let mut accept = PointSet::new();
        for point in PointType::ALL {
            accept = accept.with(point, 0..=9).with(point, 300..=300);
        }
        let mut config = MasterConfig {
            accept,
            event_queue_max: EVENTS_MAX,
            time_sync: true,
            unsolicited: Classes::EVENTS,
            response_fragments_max: 20,
            scans: vec![Scan::classes(Classes::EVENTS, Time::from_secs(4))],
            ..MasterConfig::new(1, 10)
        };
        change(&mut config);
        let outstation = Channel::new(ChannelConfig::new(Role::Outstation, 10, 1));
        let mut harness = Self {
            master: Master::new(config),
            now: Time::from_secs(1),
            outstation,
            sequence: 0,
            asked: None,
            done: Vec::new(),
            open: 0,
        };
        harness.master.set_wall_clock(1_700_000_000_000, harness.now);
        harness.connect();
        harness
    }

    pub fn connect(&mut self) {
        self.asked = None;
        self.master.connected(self.now);
        self.outstation.reset(self.now);
        self.judge();
    }

    pub fn pass(&mut self, time: Time) {
        self.now += time;
        self.master.handle_timeout(self.now);
        let due = self.master.timeout();
        assert!(due.is_none_or(|due| due > self.now), "{due:?} is due still at {:?}", self.now);
        self.judge();
    }

    pub fn request(&mut self, request: Request) -> Option<u64> {
        let id = self.master.request(request, self.now).ok();
        self.open += usize::from(id.is_some());
        assert!(self.open <= 16);
        self.judge();
        id
    }

    pub fn octets(&mut self, octets: &[u8]) {
        self.master.receive(octets, self.now);
        self.judge();
    }

    /// A fragment in good frames.
    pub fn give(&mut self, fragment: &[u8]) {
        let octets = wire::fragment(false, 1, 10, &mut self.sequence, fragment);
        self.octets(&octets);
    }

    /// Takes all that the master has to say.
    pub fn take(&mut self) {
        while let Some(event) = self.master.poll_event() {
            let accepts = |point, index| self.master.config().accept.contains(point, index);
            match event {
                MasterEvent::Point { point, index, .. } => assert!(accepts(point, index)),
                MasterEvent::Octets { index, octets, .. } => {
                    assert!(accepts(PointType::OctetString, index) && (1..=255).contains(&octets.len()));
                }
                MasterEvent::Deadband { index, .. } => assert!(accepts(PointType::AnalogInput, index)),
                MasterEvent::Done { id, outcome } => {
                    assert!(self.done.iter().all(|(done, _)| *done != id), "{id} is done twice");
                    self.open -= 1;
                    self.done.push((id, outcome));
                }
                _ => {}
            }
        }
        assert_eq!(self.master.events_waiting(), 0);
    }

    /// What the master sent, judged: whole frames, requests and confirms.
    fn judge(&mut self) {
        let mut octets = Vec::new();
        self.master.poll_transmit(&mut octets);
        assert!(octets.len() <= 24 * 1024, "{} octets to send", octets.len());
        assert!(self.master.events_waiting() <= EVENTS_MAX + FRAGMENT_POINTS + 32);
        let mut rest = octets.as_slice();
        while self.outstation.receive(&mut rest, self.now).is_some() {
            let fragment = self.outstation.take_fragment();
            assert!(fragment.len() <= 2048 && fragment.len() >= 2);
            assert_eq!(fragment[0] & 0xC0, 0xC0);
            if fragment[1] == 0 {
                assert_eq!(fragment.len(), 2);
            } else {
                assert_eq!(fragment[0] & 0x30, 0);
                self.asked = Some(fragment);
            }
        }
        let counters = self.outstation.counters();
        let bad = (counters.noise_octets, counters.header_crc, counters.length, counters.data_crc);
        assert_eq!(bad, (0, 0, 0, 0), "every octet sent is of a good frame");
    }

    /// An answer to what was asked last.
    pub fn answer(&mut self, iin: u16, objects: &[u8]) {
        if let Some(asked) = self.asked.take() {
            let [low, high] = iin.to_le_bytes();
            let mut fragment = vec![0xC0 | asked[0] & 0x0F, 129, low, high];
            fragment.extend(objects);
            self.give(&fragment);
        }
    }

    /// The objects that a good outstation would answer with.
    pub fn good_objects(&self) -> Vec<u8> {
        match self.asked.as_deref() {
            Some([_, 3..=5, echo @ ..]) => echo.to_vec(),
            Some([_, 23, ..]) => vec![52, 2, 7, 1, 5, 0],
            Some([_, 13 | 14, ..]) => vec![52, 1, 7, 1, 5, 0],
            _ => Vec::new(),
        }
    }

    /// A new connection with a good outstation works, whatever came before.
    pub fn still_works(&mut self) {
        self.take();
        self.master.disconnected();
        self.take();
        assert_eq!(self.open, 0, "every request ends with its connection");
        self.connect();
        let mut wanted = None;
        for _ in 0..60 {
            self.take();
            if wanted.is_none() {
                wanted = self.request(Request::Read(Classes::ALL));
            }
            if self.done.iter().any(|(id, outcome)| Some(*id) == wanted && *outcome == Outcome::ReadDone) {
                return;
            }
            let objects = self.good_objects();
            self.answer(0, &objects);
            self.pass(Time::from_millis(100));
        }
        panic!("a good read is not done: {:?}", self.done.last());
    }
}

/// One of everything that can be asked.
pub fn requests(which: u8) -> Request {
    let set = Command::Analog { value: 12.5, width: AnalogWidth::F32 };
    let crob = Command::Crob(Crob { op: 3, count: 1, on_ms: 100, off_ms: 0 });
    let all = |group| vec![Objects::all(group, 0)];
    match which % 18 {
        0 => Request::Operate { mode: OperateMode::Direct, index: 3, command: set },
        1 => Request::Operate { mode: OperateMode::SelectBeforeOperate, index: 3, command: crob },
        2 => Request::OperateAll {
            mode: OperateMode::SelectBeforeOperate,
            commands: vec![
                (1, crob),
                (2, crob),
                (3, set),
                (300, Command::Analog { value: -7.0, width: AnalogWidth::I16 }),
            ],
        },
        3 => Request::Operate { mode: OperateMode::DirectNoAck, index: 3, command: set },
        4 => Request::WriteTime(1_700_000_000_000),
        5 => Request::SyncTime { procedure: TimeProcedure::Lan, millis: 1_700_000_000_000 },
        6 => Request::SyncTime { procedure: TimeProcedure::NonLan, millis: 1_700_000_000_000 },
        7 => Request::MeasureDelay,
        8 => Request::AssignClass(vec![(2, Objects::all(30, 0))]),
        9 => Request::Freeze { clear: true, no_ack: false, objects: all(20) },
        10 => Request::WriteDeadbands { width: DeadbandWidth::F32, deadbands: vec![(1, 2.5)] },
        11 => Request::WriteStrings(vec![(1, vec![1, 2, 3])]),
        12 => Request::Unsolicited { enable: true, classes: Classes::EVENTS },
        13 => Request::Restart { cold: true },
        14 => {
            Request::ReadObjects(vec![Objects::all(0, 254), Objects::range(30, 5, 0, 9), Objects::all(34, 3)])
        }
        15 => Request::ReadObjects(vec![Objects::all(50, 1), Objects::all(110, 0), Objects::all(111, 0)]),
        16 => Request::Read(Classes::EVENTS),
        _ => Request::Read(Classes::ALL),
    }
}
