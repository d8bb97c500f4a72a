//! One outstation and its masters over a virtual clock and links that lose, garble, chop and delay, all from a
//! seed: the same seed gives the same run.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ieee1815::master::{Master, MasterConfig, MasterEvent, Outcome, PointSet, Request};
use ieee1815::outstation::{Application, Outstation, PointConfig, Restart, SessionConfig};
use ieee1815::{Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Time, Value};

/// Steps of the world that no test should need; a machine that spins is found by it.
const STEPS_MAX: u32 = 1_000_000;

pub(crate) const fn ms(millis: u64) -> Time {
    Duration::from_millis(millis)
}

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `bound - 1`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn permille(&mut self, chance: u64) -> bool {
        self.below(1000) < chance
    }
}

/// What a link does to what it carries.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Writes lost, per thousand.
    pub(crate) loss: u64,
    /// Writes with one octet changed, per thousand.
    pub(crate) garble: u64,
    /// True to deliver each write in pieces.
    pub(crate) chop: bool,
    /// Longest delay.
    pub(crate) delay_ms: u64,
}

/// Identity of an event: type, index, time.
pub(crate) type EventKey = (PointType, u16, u64);

/// A piece under way; the last piece of a confirm says which events the outstation may forget with it.
#[derive(Debug)]
struct Piece {
    due: Time,
    octets: Vec<u8>,
    confirms: Vec<EventKey>,
}

#[derive(Debug, Default)]
struct Pipe {
    pieces: VecDeque<Piece>,
    last: Time,
}

impl Pipe {
    fn carry(
        &mut self,
        mut octets: Vec<u8>,
        now: Time,
        weather: Weather,
        random: &mut Random,
        confirms: Vec<EventKey>,
    ) {
        if random.permille(weather.loss) {
            return;
        }
        let mut confirms = confirms;
        if random.permille(weather.garble) {
            let at = usize::try_from(random.below(octets.len() as u64)).unwrap();
            octets[at] ^= 1 << random.below(8);
            confirms.clear();
        }
        let mut rest = octets.as_slice();
        while !rest.is_empty() {
            let whole = rest.len() as u64;
            let take = if weather.chop { 1 + random.below(whole) } else { whole };
            let (piece, after) = rest.split_at(usize::try_from(take).unwrap());
            rest = after;
            self.last = self.last.max(now + ms(random.below(weather.delay_ms + 1)));
            let confirms = if rest.is_empty() { std::mem::take(&mut confirms) } else { Vec::new() };
            self.pieces.push_back(Piece { due: self.last, octets: piece.to_vec(), confirms });
        }
    }

    fn take(&mut self, now: Time) -> Option<Piece> {
        if self.pieces.front()?.due > now {
            return None;
        }
        self.pieces.pop_front()
    }
}

/// The outstation's application: accepts, and remembers what it was asked.
#[derive(Debug, Default)]
pub(crate) struct App {
    pub(crate) selected: Vec<(usize, u16, Command)>,
    pub(crate) operated: Vec<(usize, u16, Command, OperateMode)>,
    pub(crate) refuse_select: Option<CommandStatus>,
    pub(crate) refuse_operate: Option<CommandStatus>,
    pub(crate) needs_time: bool,
    pub(crate) times: Vec<u64>,
    pub(crate) restarts: Vec<Restart>,
    pub(crate) cleared: Vec<u16>,
    pub(crate) strings: Vec<(u16, Vec<u8>)>,
}

impl Application for App {
    fn select(&mut self, session: usize, index: u16, command: &Command) -> CommandStatus {
        self.selected.push((session, index, *command));
        self.refuse_select.unwrap_or(CommandStatus::Success)
    }

    fn operate(&mut self, session: usize, index: u16, command: &Command, mode: OperateMode) -> CommandStatus {
        self.operated.push((session, index, *command, mode));
        self.refuse_operate.unwrap_or(CommandStatus::Success)
    }

    fn write_time(&mut self, _session: usize, millis: u64) -> bool {
        self.times.push(millis);
        self.needs_time = false;
        true
    }

    fn indications(&self, _session: usize) -> Iin {
        if self.needs_time { Iin::NEED_TIME } else { Iin::NONE }
    }

    fn restart(&mut self, _session: usize, restart: Restart) -> Option<Time> {
        self.restarts.push(restart);
        Some(ms(12_000))
    }

    fn cleared(&mut self, index: u16) {
        self.cleared.push(index);
    }

    fn write_octets(&mut self, _session: usize, index: u16, octets: &[u8]) -> bool {
        self.strings.push((index, octets.to_vec()));
        true
    }
}

/// One master and its link to the session of the same number.
pub(crate) struct End {
    pub(crate) master: Master,
    pub(crate) weather: Weather,
    pub(crate) log: Vec<MasterEvent>,
    pub(crate) up: bool,
    to_outstation: Pipe,
    to_master: Pipe,
    /// Events delivered since the last confirm left.
    fresh: Vec<EventKey>,
    /// Events whose confirm reached the outstation whole.
    pub(crate) confirmed: BTreeSet<EventKey>,
    /// Events delivered, with how often.
    pub(crate) delivered: BTreeMap<EventKey, u32>,
    /// Events delivered although their confirm had reached the outstation.
    pub(crate) delivered_after_confirm: Vec<EventKey>,
}

pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) random: Random,
    pub(crate) outstation: Outstation,
    pub(crate) app: App,
    pub(crate) ends: Vec<End>,
}

pub(crate) const ANALOGS: u16 = 20;
pub(crate) const BINARIES: u16 = 10;
pub(crate) const OUTPUTS: u16 = 3;

pub(crate) fn online(value: Value, time: Option<u64>) -> Measured {
    Measured { value, flags: Some(Flags::ONLINE), time }
}

fn point(point: PointType, index: u16, class: u8) -> PointConfig {
    let (static_variation, event_variation) = match point {
        PointType::AnalogInput => (5, 7),
        PointType::AnalogOutputStatus => (3, 7),
        _ => (2, 2),
    };
    PointConfig { static_variation, event_variation, class, ..PointConfig::new(point, index) }
}

pub(crate) fn session(number: u16) -> SessionConfig {
    SessionConfig::new(10, 1 + number)
}

pub(crate) fn outstation(sessions: Vec<SessionConfig>) -> Outstation {
    let mut points = Vec::new();
    points.extend((0..ANALOGS).map(|index| point(PointType::AnalogInput, index, 2)));
    points.extend((0..BINARIES).map(|index| point(PointType::BinaryInput, index, 1)));
    points.extend((0..OUTPUTS).map(|index| point(PointType::AnalogOutputStatus, index, 0)));
    Outstation::new(&points, sessions).unwrap()
}

pub(crate) fn master(number: u16) -> MasterConfig {
    let accept = PointSet::new()
        .with(PointType::AnalogInput, 0..=ANALOGS - 1)
        .with(PointType::BinaryInput, 0..=BINARIES - 1)
        .with(PointType::AnalogOutputStatus, 0..=OUTPUTS - 1);
    MasterConfig { accept, response_timeout: ms(2000), ..MasterConfig::new(1 + number, 10) }
}

impl World {
    /// An outstation and `masters` masters, not connected, on links that do no harm.
    pub(crate) fn new(masters: u16, seed: u64) -> Self {
        Self::with(seed, (0..masters).map(|number| (master(number), session(number))).collect())
    }

    pub(crate) fn with(seed: u64, ends: Vec<(MasterConfig, SessionConfig)>) -> Self {
        let (masters, sessions): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        let end = |config| End {
            master: Master::new(config),
            weather: Weather::default(),
            log: Vec::new(),
            up: false,
            to_outstation: Pipe::default(),
            to_master: Pipe::default(),
            fresh: Vec::new(),
            confirmed: BTreeSet::new(),
            delivered: BTreeMap::new(),
            delivered_after_confirm: Vec::new(),
        };
        Self {
            now: ms(1000),
            random: Random::new(seed),
            outstation: outstation(sessions),
            app: App::default(),
            ends: masters.into_iter().map(end).collect(),
        }
    }

    pub(crate) fn connect(&mut self, number: usize) {
        self.outstation.connected(number, self.now);
        self.ends[number].up = true;
        self.ends[number].master.connected(self.now);
        self.exchange();
    }

    pub(crate) fn disconnect(&mut self, number: usize) {
        self.outstation.disconnected(number, self.now);
        let end = &mut self.ends[number];
        end.up = false;
        end.to_outstation = Pipe::default();
        end.to_master = Pipe::default();
        end.fresh.clear();
        end.master.disconnected();
        end.drain();
    }

    pub(crate) fn request(&mut self, number: usize, request: Request) -> u64 {
        let id = self.ends[number].master.request(request, self.now).unwrap();
        self.exchange();
        id
    }

    /// Makes a request and runs until it is done.
    pub(crate) fn ask(&mut self, number: usize, request: Request) -> Outcome {
        let id = self.request(number, request);
        let over = self.now + ms(60_000);
        while self.now < over {
            if let Some(outcome) = self.ends[number].outcome(id) {
                return outcome;
            }
            self.run(ms(50));
        }
        panic!("request {id} is never done");
    }

    pub(crate) fn update(&mut self, point: PointType, index: u16, measured: Measured) {
        self.outstation.update(point, index, measured);
    }

    /// Lets `time` pass.
    pub(crate) fn run(&mut self, time: Time) {
        let until = self.now + time;
        for _ in 0..STEPS_MAX {
            self.exchange();
            let due = self.ends.iter().flat_map(End::due).chain(self.outstation.timeout()).min();
            let Some(due) = due.filter(|due| *due <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(due);
            self.deliver();
            self.outstation.handle_timeout(self.now, &mut self.app);
            for end in &mut self.ends {
                end.master.handle_timeout(self.now);
            }
        }
        panic!("the world spins");
    }

    /// Moves what both sides have to say onto the links.
    fn exchange(&mut self) {
        for (number, end) in self.ends.iter_mut().enumerate() {
            let mut octets = Vec::new();
            if self.outstation.poll_transmit(number, &mut octets) && end.up {
                end.to_master.carry(octets, self.now, end.weather, &mut self.random, Vec::new());
            }
            end.drain();
            let mut octets = Vec::new();
            end.master.poll_transmit(&mut octets);
            // Frame by frame, so that a confirm may be lost alone.
            let writes = frames(&octets);
            let last_confirm = writes.iter().rposition(|octets| is_confirm(octets));
            for (place, octets) in writes.into_iter().enumerate() {
                let confirms = match last_confirm {
                    Some(last) if last == place => std::mem::take(&mut end.fresh),
                    _ => Vec::new(),
                };
                end.to_outstation.carry(octets, self.now, end.weather, &mut self.random, confirms);
            }
        }
    }

    fn deliver(&mut self) {
        for (number, end) in self.ends.iter_mut().enumerate() {
            while let Some(piece) = end.to_outstation.take(self.now) {
                self.outstation.receive(number, &piece.octets, self.now, &mut self.app);
                end.confirmed.extend(piece.confirms);
            }
            if let Some(piece) = end.to_master.take(self.now) {
                end.master.receive(&piece.octets, self.now);
            }
        }
    }
}

fn frames(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let Some(&length) = octets.get(2) {
        let user = usize::from(length) - 5;
        let (frame, rest) = octets.split_at(10 + user + 2 * user.div_ceil(16));
        found.push(frame.to_vec());
        octets = rest;
    }
    found
}

/// A link frame with a confirm and nothing else: 10 octets of header, transport, control, function, CRC.
fn is_confirm(octets: &[u8]) -> bool {
    octets.len() == 15 && octets[12] == 0
}

impl End {
    fn due(&self) -> impl Iterator<Item = Time> {
        let pipes = [&self.to_outstation, &self.to_master];
        let pieces = pipes.into_iter().filter_map(|pipe| pipe.pieces.front().map(|piece| piece.due));
        pieces.chain(self.master.timeout()).collect::<Vec<_>>().into_iter()
    }

    fn drain(&mut self) {
        while let Some(event) = self.master.poll_event() {
            if let MasterEvent::Point { point, index, measured, event: true, .. } = &event {
                let key = (*point, *index, measured.time.unwrap_or_default());
                *self.delivered.entry(key).or_default() += 1;
                if self.confirmed.contains(&key) {
                    self.delivered_after_confirm.push(key);
                }
                self.fresh.push(key);
            }
            self.log.push(event);
        }
    }

    /// Whatever is on the way, or gets on it, to the master comes no earlier than `until`.
    pub(crate) fn hold_answers(&mut self, until: Time) {
        self.to_master.last = self.to_master.last.max(until);
    }

    pub(crate) fn outcome(&self, id: u64) -> Option<Outcome> {
        self.log.iter().find_map(|event| match event {
            MasterEvent::Done { id: done, outcome } if *done == id => Some(outcome.clone()),
            _ => None,
        })
    }

    pub(crate) fn count(&self, wanted: &MasterEvent) -> usize {
        self.log.iter().filter(|event| *event == wanted).count()
    }

    /// The last report of a point.
    pub(crate) fn last(&self, wanted: PointType, at: u16) -> Option<Measured> {
        self.log.iter().rev().find_map(|event| match event {
            MasterEvent::Point { point, index, measured, .. } if (*point, *index) == (wanted, at) => {
                Some(*measured)
            }
            _ => None,
        })
    }
}
