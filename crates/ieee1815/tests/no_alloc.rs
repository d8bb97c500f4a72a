//! After warm-up the poll path allocates nothing, on neither side: counted by an allocator.
//!
//! One test function: the counter is the process's, and another test beside it would be counted too.

#![allow(clippy::unwrap_used, reason = "tests")]

use ieee1815::master::{Master, MasterConfig, MasterEvent, Outcome, PointSet, Request};
use ieee1815::outstation::{Application, Outstation, PointConfig, SessionConfig};
use ieee1815::{Classes, Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Time, Value};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const POINTS: u16 = 1000;
const NOW: Time = Time::from_secs(1);

struct Plant;

impl Application for Plant {
    fn select(&mut self, _: usize, _: u16, _: &Command) -> CommandStatus {
        CommandStatus::NotSupported
    }

    fn operate(&mut self, _: usize, _: u16, _: &Command, _: OperateMode) -> CommandStatus {
        CommandStatus::NotSupported
    }

    fn write_time(&mut self, _: usize, _: u64) -> bool {
        true
    }

    fn indications(&self, _: usize) -> Iin {
        Iin::NONE
    }
}

struct Pair {
    outstation: Outstation,
    master: Master,
    buffer: Vec<u8>,
    value: f64,
    /// Points that were reported, statics and events.
    statics: usize,
    events: usize,
    done: usize,
}

impl Pair {
    fn new(event_variation: u8) -> Self {
        let point = |index| PointConfig {
            static_variation: 5,
            event_variation,
            class: 2,
            initial: Measured { value: Value::Analog(0.0), flags: Some(Flags::ONLINE), time: None },
            ..PointConfig::new(PointType::AnalogInput, index)
        };
        let mut outstation =
            Outstation::new(&(0..POINTS).map(point).collect::<Vec<_>>(), vec![SessionConfig::new(10, 1)])
                .unwrap();
        outstation.connected(0, NOW);
        let accept = PointSet::new().with(PointType::AnalogInput, 0..=POINTS - 1);
        let mut master = Master::new(MasterConfig { accept, ..MasterConfig::new(1, 10) });
        master.connected(NOW);
        let mut pair =
            Self { outstation, master, buffer: Vec::new(), value: 0.0, statics: 0, events: 0, done: 0 };
        pair.exchange();
        // What the start-up read.
        (pair.statics, pair.events) = (0, 0);
        pair
    }

    fn master_says(&mut self) -> bool {
        self.buffer.clear();
        self.master.poll_transmit(&mut self.buffer)
    }

    fn outstation_says(&mut self) -> bool {
        self.buffer.clear();
        self.outstation.poll_transmit(0, &mut self.buffer)
    }

    /// Until both are silent.
    fn exchange(&mut self) {
        let mut silent = false;
        while !silent {
            silent = true;
            while self.master_says() {
                silent = false;
                self.outstation.receive(0, &self.buffer, NOW, &mut Plant);
            }
            while self.outstation_says() {
                silent = false;
                self.master.receive(&self.buffer, NOW);
                while let Some(event) = self.master.poll_event() {
                    match event {
                        MasterEvent::Point { event: true, .. } => self.events += 1,
                        MasterEvent::Point { event: false, .. } => self.statics += 1,
                        MasterEvent::Done { outcome: Outcome::ReadDone, .. } => self.done += 1,
                        MasterEvent::Done { outcome, .. } => assert_eq!(outcome, Outcome::ReadDone),
                        _ => {}
                    }
                }
            }
        }
    }

    fn read(&mut self, classes: Classes) {
        self.master.request(Request::Read(classes), NOW).unwrap();
        self.exchange();
    }

    fn update(&mut self, count: u16) {
        self.value += 1.0;
        for index in 0..count {
            let measured =
                Measured { value: Value::Analog(self.value), flags: Some(Flags::ONLINE), time: Some(1) };
            self.outstation.update(PointType::AnalogInput, index, measured);
        }
    }
}

/// Blocks allocated by 50 turns of `what`, after 50 for warm-up.
fn allocated(pair: &mut Pair, mut what: impl FnMut(&mut Pair)) -> u64 {
    const TURNS: usize = 50;
    for _ in 0..TURNS {
        what(pair);
    }
    pair.done = 0;
    let before = dhat::HeapStats::get().total_blocks;
    for _ in 0..TURNS {
        what(pair);
    }
    let blocks = dhat::HeapStats::get().total_blocks - before;
    assert_eq!(pair.done, TURNS, "every read was answered");
    blocks
}

#[test]
fn after_warm_up_a_poll_allocates_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let kept = std::hint::black_box(vec![0_u8; 64]);
    assert!(dhat::HeapStats::get().total_blocks > 0, "the counter counts");
    drop(kept);
    let mut blocks = Vec::new();
    for event_variation in [5, 7] {
        let mut pair = Pair::new(event_variation);
        let mut note = |what: &str, count| blocks.push((format!("{what}, g32v{event_variation}"), count));
        note("class 0 of 1,000 points", allocated(&mut pair, |pair| pair.read(Classes::ZERO)));
        assert_eq!(pair.statics, usize::from(POINTS) * 100);
        let quiet = allocated(&mut pair, |pair| pair.read(Classes::EVENTS));
        note("events, none waiting", quiet);
        let polls = allocated(&mut pair, |pair| {
            pair.update(10);
            pair.read(Classes::EVENTS);
        });
        note("10 updates, read and confirmed", polls);
        assert_eq!(pair.events, 10 * 100);
        let polls = allocated(&mut pair, |pair| {
            pair.update(POINTS);
            pair.read(Classes::ALL);
        });
        note("1,000 updates, events and statics", polls);
        assert_eq!(pair.events, (10 + usize::from(POINTS)) * 100);
        assert_eq!(pair.outstation.events_waiting(0), 0, "all were confirmed");
    }
    let some: Vec<_> = blocks.iter().filter(|(_, count)| *count > 0).collect();
    assert!(some.is_empty(), "blocks allocated in 50 polls: {some:#?}");
}
