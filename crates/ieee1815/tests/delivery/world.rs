//! One outstation, its masters, and links that lose, garble, double and chop; and a watch at the outstation that
//! reads along. Time is virtual, and everything comes from a seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ieee1815::master::{Master, MasterConfig, MasterEvent, PointSet};
use ieee1815::outstation::{
    Application, EventMode, Outstation, PointConfig, SessionConfig, UnsolicitedConfig,
};
use ieee1815::{
    Classes, Command, CommandStatus, DoubleBit, Flags, Iin, Measured, OperateMode, PointType, Time, Value,
};

use super::support::{Random, ms};
use super::watch::{Unit, Watch, units};
use super::{Counts, Plan};

pub(crate) const CONFIRM_TIMEOUT: Time = ms(5000);
/// The time of the first event.
pub(crate) const EPOCH: u64 = 1_700_000_000_000;
const INDEXES: u16 = 3;
/// Type, event variation, class. All queue each change; one of them without a time of its own.
const KINDS: [(PointType, u8, u8); 13] = [
    (PointType::BinaryInput, 2, 1),
    (PointType::BinaryInput, 3, 2),
    (PointType::DoubleBitInput, 2, 1),
    (PointType::DoubleBitInput, 3, 3),
    (PointType::BinaryOutputStatus, 2, 2),
    (PointType::Counter, 5, 3),
    (PointType::FrozenCounter, 5, 3),
    (PointType::AnalogInput, 7, 2),
    (PointType::AnalogInput, 6, 3),
    (PointType::FrozenAnalogInput, 8, 1),
    (PointType::AnalogOutputStatus, 7, 2),
    (PointType::BinaryOutputCommand, 2, 1),
    (PointType::AnalogOutputCommand, 8, 2),
];

/// An event, by the order in which they were made.
pub(crate) type Key = u64;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Made {
    point: (PointType, u16),
    class: u8,
    value: Value,
}

pub(crate) struct Quiet;

impl Application for Quiet {
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
}

/// What a link does to what it carries, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) loss: u64,
    pub(crate) garble: u64,
    pub(crate) double: u64,
    pub(crate) chop: bool,
    pub(crate) delay_ms: u64,
}

/// One master, and the two directions of its link.
pub(crate) struct End {
    pub(crate) master: Master,
    pub(crate) up: bool,
    to_outstation: VecDeque<(Time, Unit, bool)>,
    to_master: VecDeque<(Time, Unit, bool)>,
    watch: Watch,
    /// Responses whose events were delivered on this connection.
    delivered_responses: BTreeSet<u64>,
    pub(crate) delivered: BTreeSet<Key>,
    /// The newest event that was delivered for the first time, by point and by class.
    newest_of_point: BTreeMap<(PointType, u16), Key>,
    newest_of_class: BTreeMap<u8, Key>,
    pub(crate) overflow_told: bool,
}

pub(crate) struct World<'a> {
    pub(crate) now: Time,
    pub(crate) outstation: Outstation,
    pub(crate) ends: Vec<End>,
    pub(crate) weather: Weather,
    pub(crate) made: Vec<Made>,
    latest: bool,
    random: Random,
    counts: &'a Counts,
}

fn points(mode: EventMode) -> Vec<PointConfig> {
    let mut points = Vec::new();
    let mut first = BTreeMap::new();
    for (point, event_variation, class) in KINDS {
        let from: &mut u16 = first.entry(point).or_default();
        for index in *from..*from + INDEXES {
            let mode = Some(mode);
            points.push(PointConfig { event_variation, class, mode, ..PointConfig::new(point, index) });
        }
        *from += 100;
    }
    points
}

impl<'a> World<'a> {
    pub(crate) fn new(plan: &Plan, counts: &'a Counts) -> Self {
        let mode = if plan.latest { EventMode::Latest } else { EventMode::Each };
        let unsolicited = |number: u16| plan.unsolicited >> number & 1 == 1;
        let session = |number: u16| SessionConfig {
            events_max: plan.events_max,
            confirm_timeout: CONFIRM_TIMEOUT,
            max_tx_fragment: plan.fragment,
            unsolicited: unsolicited(number).then(|| UnsolicitedConfig { retries: 2, ..Default::default() }),
            ..SessionConfig::new(10, 1 + number)
        };
        let mut accept = PointSet::new();
        for point in PointType::ALL {
            accept.insert(point, 0..=u16::MAX);
        }
        let master = |number: u16| {
            Master::new(MasterConfig {
                accept: accept.clone(),
                response_timeout: ms(2000),
                unsolicited: if unsolicited(number) { Classes::EVENTS } else { Classes::NONE },
                ..MasterConfig::new(1 + number, 10)
            })
        };
        let end = |number| End {
            master: master(number),
            up: false,
            to_outstation: VecDeque::new(),
            to_master: VecDeque::new(),
            watch: Watch::default(),
            delivered_responses: BTreeSet::new(),
            delivered: BTreeSet::new(),
            newest_of_point: BTreeMap::new(),
            newest_of_class: BTreeMap::new(),
            overflow_told: false,
        };
        let mut world = Self {
            now: ms(1000),
            outstation: Outstation::new(&points(mode), (0..plan.masters).map(session).collect()).unwrap(),
            ends: (0..plan.masters).map(end).collect(),
            weather: Weather::default(),
            made: Vec::new(),
            latest: plan.latest,
            random: Random::new(plan.seed),
            counts,
        };
        (0..world.ends.len()).for_each(|number| world.connect(number));
        world
    }

    /// The events that have to be delivered: all, or the newest of each point.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = Key> {
        let newest: BTreeMap<_, _> =
            (0..).zip(&self.made).map(|(key, made): (Key, _)| (made.point, key)).collect();
        let all = (0..self.made.len() as Key).filter(|_| !self.latest);
        all.chain(newest.into_values().filter(|_| self.latest))
    }

    /// A change of a point, which is an event for every master.
    pub(crate) fn update(&mut self, kind: usize, index: u16) {
        let kind = kind % KINDS.len();
        let (point, _, class) = KINDS[kind];
        let same_type = KINDS[..kind].iter().filter(|(other, ..)| *other == point).count();
        let index = index % INDEXES + 100 * u16::try_from(same_type).unwrap();
        let key = self.made.len() as Key;
        let number = u32::try_from(key).unwrap() + 1;
        let before = self.made.iter().filter(|made| made.point == (point, index)).count();
        let value = match point {
            PointType::BinaryInput | PointType::BinaryOutputStatus | PointType::BinaryOutputCommand => {
                Value::Binary(before % 2 == 0)
            }
            // It begins as indeterminate.
            PointType::DoubleBitInput => Value::DoubleBit(DoubleBit::from_bits((before % 4) as u8)),
            PointType::Counter | PointType::FrozenCounter => Value::Counter(number),
            _ => Value::Analog(number.into()),
        };
        let measured = Measured { value, flags: Some(Flags::ONLINE), time: Some(EPOCH + key) };
        self.made.push(Made { point: (point, index), class, value });
        self.outstation.update(point, index, measured);
        self.counts.kinds[kind].add();
    }

    pub(crate) fn connect(&mut self, number: usize) {
        self.disconnect(number);
        self.outstation.connected(number, self.now);
        let end = &mut self.ends[number];
        end.up = true;
        end.master.connected(self.now);
        self.counts.connects.add();
    }

    pub(crate) fn disconnect(&mut self, number: usize) {
        self.outstation.disconnected(number, self.now);
        let end = &mut self.ends[number];
        end.up = false;
        end.to_outstation.clear();
        end.to_master.clear();
        end.watch.disconnected();
        end.delivered_responses.clear();
        end.master.disconnected();
        while end.master.poll_event().is_some() {}
    }

    /// Lets `time` pass.
    pub(crate) fn run(&mut self, time: Time) {
        let until = self.now + time;
        for _ in 0..100_000 {
            self.exchange();
            let units = |end: &End| {
                [end.to_outstation.front(), end.to_master.front()].map(|unit| unit.map(|unit| unit.0))
            };
            let due =
                self.ends.iter().flat_map(|end| units(end).into_iter().flatten().chain(end.master.timeout()));
            let Some(due) = due.chain(self.outstation.timeout()).min().filter(|due| *due <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(due);
            if self.outstation.timeout().is_some_and(|due| due <= self.now) {
                self.outstation.handle_timeout(self.now, &mut Quiet);
                // What is sent again because time is up is sent before a confirm that comes at that very moment.
                self.exchange();
            }
            for number in 0..self.ends.len() {
                self.deliver(number);
            }
            for end in &mut self.ends {
                end.master.handle_timeout(self.now);
            }
        }
        panic!("the world spins");
    }

    /// What both sides have to say, put onto the links.
    fn exchange(&mut self) {
        for number in 0..self.ends.len() {
            let mut octets = Vec::new();
            self.outstation.poll_transmit(number, &mut octets);
            let mut sent = units(&octets);
            for unit in &mut sent {
                unit.id = self.ends[number].watch.sent(&unit.fragment, self.now, self.counts);
            }
            octets.clear();
            let end = &mut self.ends[number];
            end.master.poll_transmit(&mut octets);
            if !end.up {
                continue;
            }
            carry(&mut end.to_master, sent, self.now, self.weather, &mut self.random, self.counts);
            carry(
                &mut end.to_outstation,
                units(&octets),
                self.now,
                self.weather,
                &mut self.random,
                self.counts,
            );
        }
    }

    fn deliver(&mut self, number: usize) {
        let now = self.now;
        let due = |queue: &mut VecDeque<(Time, Unit, bool)>| {
            if queue.front().is_some_and(|unit| unit.0 <= now) { queue.pop_front() } else { None }
        };
        if let Some((_, unit, whole)) = due(&mut self.ends[number].to_outstation) {
            let before = self.outstation.events_waiting(number);
            for piece in chop(&unit.octets, self.weather, &mut self.random) {
                self.outstation.receive(number, piece, now, &mut Quiet);
            }
            let gone = before - self.outstation.events_waiting(number);
            // A point that changed while it was under way waits once, where its confirm does not come.
            let gone = if self.latest && !unit.is_confirm() { 0 } else { gone };
            let lossless = self.outstation.counters(number).events_lost == 0;
            let fragment = whole.then_some(unit.fragment.as_slice());
            self.ends[number].watch.received(fragment, gone, lossless, now, self.counts);
        }
        if let Some((_, unit, whole)) = due(&mut self.ends[number].to_master) {
            let told = unit.fragment.get(3).is_some_and(|iin| iin & 0x08 != 0);
            self.ends[number].overflow_told |= whole && told;
            for piece in chop(&unit.octets, self.weather, &mut self.random) {
                self.ends[number].master.receive(piece, now);
            }
            self.take(number, unit.id);
        }
    }

    /// What the master delivers of a response.
    fn take(&mut self, number: usize, response: u64) {
        let end = &mut self.ends[number];
        let mut any = false;
        while let Some(event) = end.master.poll_event() {
            let MasterEvent::Point { point, index, measured, event: true, .. } = event else { continue };
            any = true;
            let key = match (measured.time, measured.value) {
                (Some(time), _) => time - EPOCH,
                (None, Value::Analog(value)) => value as Key - 1,
                (None, value) => panic!("{value:?} without a time"),
            };
            let made = self.made.get(usize::try_from(key).unwrap()).expect("somebody made the event");
            assert_eq!((made.point, made.value), ((point, index), measured.value), "event {key}");
            assert_eq!(measured.flags, Some(Flags::ONLINE));
            self.counts.delivered.add();
            if !end.delivered.insert(key) {
                self.counts.delivered_again.add();
                continue;
            }
            let older = end.newest_of_point.insert((point, index), key);
            assert!(older.is_none_or(|older| older < key), "{point:?} {index}: {key} after {older:?}");
            let older = end.newest_of_class.insert(made.class, key);
            let in_order = self.latest || older.is_none_or(|older| older < key);
            assert!(in_order, "class {}: {key} after {older:?}", made.class);
        }
        if any {
            assert!(end.delivered_responses.insert(response), "a fragment sent again is delivered twice");
        }
    }
}

fn chop<'b>(octets: &'b [u8], weather: Weather, random: &mut Random) -> Vec<&'b [u8]> {
    let size = if weather.chop { 1 + random.below(octets.len() as u64) } else { octets.len() as u64 };
    octets.chunks(usize::try_from(size.max(1)).unwrap()).collect()
}

fn carry(
    queue: &mut VecDeque<(Time, Unit, bool)>,
    units: Vec<Unit>,
    now: Time,
    weather: Weather,
    random: &mut Random,
    counts: &Counts,
) {
    for mut unit in units {
        if random.below(1000) < weather.loss {
            counts.lost.add();
            counts.confirms_lost.add_if(unit.is_confirm());
            continue;
        }
        let mut whole = true;
        if random.below(1000) < weather.garble {
            let at = usize::try_from(random.below(unit.octets.len() as u64)).unwrap();
            unit.octets[at] ^= 1 << random.below(8);
            whole = false;
            counts.garbled.add();
        }
        let last = queue.back().map_or(now, |unit| unit.0);
        let due = last.max(now + ms(random.below(weather.delay_ms + 1)));
        if random.below(1000) < weather.double {
            counts.doubled.add();
            queue.push_back((due, unit.clone(), whole));
        }
        queue.push_back((due, unit, whole));
    }
}
