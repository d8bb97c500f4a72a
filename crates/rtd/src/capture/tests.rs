//! What is recorded is what is replayed, and no file can do us harm.

use std::sync::Arc;
use std::time::Duration;

use ieee1815::Flags;
use proptest::prelude::*;
use site::{Defaults, DeviceIx, Dnp3Type, Purpose, ReadingIx, RegisterType, Site, WordOrder};
use telemetry::clock::WallTrust;
use telemetry::{Mono, Now, PointId, Value, Wall};

use super::frame::Frames;
use super::header::Removed;
use super::octets::{Put, Take};
use super::record::{Recorder, Records, record, start_of_file};
use super::{CaptureError, Configuration, End, Header, Reader, Replay, Setup, Target, codec, kind};
use crate::core::{
    Action, Core, DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Input,
    MasterIx, Operate, Output, Reading, Reported, Way,
};

const SITE: &str = include_str!("../core/tests/site.toml");
/// A demo with faults. See golden.md.
const GOLDEN: &[u8] = include_bytes!("golden.capture");

/// A capture in memory, of a machine that a test drives. When the story is over another machine must say the same to
/// the same, records included.
pub(crate) struct Tape {
    site: Site,
    boot: u64,
    start: Now,
    frames: Frames,
    records: Records,
    octets: Vec<u8>,
    sent: Vec<Output>,
    /// Another site has come, of which only the machine knows: what follows is not taped.
    over: bool,
}

impl Tape {
    pub(crate) fn new(site: &Site, boot: u64, start: Now) -> Self {
        let mut tape = Self {
            site: site.clone(),
            boot,
            start,
            frames: Frames::new(),
            records: Records { last: start },
            octets: start_of_file(),
            sent: Vec::new(),
            over: false,
        };
        let header = serde_json::to_vec(&header(start)).unwrap();
        tape.put(&record(kind::HEADER, &header));
        tape
    }

    fn put(&mut self, records: &[u8]) {
        let frame = self.frames.frame(records).unwrap();
        self.octets.extend(frame);
    }

    pub(crate) fn input(&mut self, input: &Input, now: Now) {
        if !self.over {
            let record = self.records.input(input, now);
            self.put(&record);
        }
    }

    pub(crate) fn site(&mut self, _new: &Site, _now: Now) {
        self.over = true;
    }

    pub(crate) fn outputs(&mut self, outputs: &[Output]) {
        if !self.over {
            self.put(&Records::outputs(outputs));
            self.sent.extend(outputs.iter().cloned());
        }
    }

    fn replay(&self) {
        let core = Core::new(&self.site, self.boot, self.start).unwrap();
        let reader = Reader::open(self.octets.as_slice()).unwrap();
        let mut replay = Replay::of(reader, core, self.site.clone(), None);
        let mut said = Vec::new();
        while let Some(step) = replay.step() {
            said.extend(step.outputs);
        }
        let summary = replay.summary();
        assert_eq!((summary.first, summary.end), (None, Some(End::Open)));
        let texts = |outputs: &[Output]| outputs.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>();
        assert_eq!(texts(&said), texts(&self.sent));
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.replay();
        }
    }
}

fn configuration(text: &str) -> Configuration {
    Configuration { text: text.to_owned(), defaults: Defaults::default(), profile: None, overlay: None }
}

fn site(text: &str) -> Site {
    let source = config::Source::from_text("site.toml", text);
    Site::read_with(&source, &Defaults::default(), Purpose::Check).unwrap()
}

fn header(now: Now) -> Header {
    Header::new(&site(SITE), &configuration(SITE), 7, now, &mut Removed::default()).unwrap()
}

/// A recorder's file of these inputs.
fn recorded(inputs: &[(Now, Input)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.capture");
    let start = inputs.first().map_or(Now::virtual_millis(0), |(now, _)| *now);
    let setup = Setup { target: Target::File(path.clone()), configuration: configuration(SITE) };
    let mut recorder = Recorder::start(&setup, &site(SITE), 7, start).unwrap();
    let mut core = header(start).core(&site(SITE)).unwrap();
    for (now, input) in inputs {
        recorder.input(input, *now);
        recorder.outputs(&core.handle(input.clone(), *now));
    }
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(recorder.finish());
    std::fs::read(&path).unwrap()
}

fn any_now() -> impl Strategy<Value = Now> {
    let trust =
        prop::sample::select(vec![WallTrust::Synchronised, WallTrust::Unknown, WallTrust::Unsynchronised]);
    let clock = || prop_oneof![0..100_000_000_u64, any::<u64>()];
    (clock(), clock(), trust).prop_map(|(mono, wall, wall_trust)| Now {
        mono: Mono::from_micros(mono),
        wall: Wall::from_millis(wall),
        wall_trust,
    })
}

fn any_plain() -> impl Strategy<Value = Reading> {
    prop_oneof![
        any::<u64>().prop_map(|bits| Reading::Number(f64::from_bits(bits))),
        any::<f64>().prop_map(Reading::Number),
        any::<bool>().prop_map(Reading::State),
        Just(Reading::NotImplemented),
        Just(Reading::NotANumber),
        ".{0,12}".prop_map(Reading::Invalid),
    ]
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let kind = prop::sample::select(vec![Dnp3Type::Analog, Dnp3Type::Binary, Dnp3Type::Counter]);
    let time = prop::option::of(any_now().prop_map(|now| (now.wall, now.wall_trust)));
    let flags = prop::option::of(any::<u8>().prop_map(Flags::from_bits));
    let reported =
        (any_plain(), kind, flags, time, any::<bool>()).prop_map(|(reading, kind, flags, time, event)| {
            Reading::Reported(Box::new(Reported { reading, kind, flags, time, event }))
        });
    prop_oneof![3 => any_plain(), 1 => reported]
}

fn any_outcome() -> impl Strategy<Value = FieldOutcome> {
    use FailureKind::{Exception, Protocol, TimedOut, Unreachable};
    let failure = prop::sample::select(vec![TimedOut, Unreachable, Protocol, Exception]);
    let readings = prop::collection::vec((0..4_usize, any_reading()), 0..6);
    prop_oneof![
        4 => readings.prop_map(|all| {
            FieldOutcome::Readings(all.into_iter().map(|(at, one)| (ReadingIx::new(at), one)).collect())
        }),
        1 => (failure, ".{0,12}")
            .prop_map(|(kind, words)| FieldOutcome::Failed(DeviceFailure { kind, words })),
    ]
}

/// Every input there is: one that is new does not compile in the codec before it has its place there and here.
fn any_input() -> impl Strategy<Value = Input> {
    let master = || prop_oneof![9 => 0..2_usize, 1 => any::<usize>()].prop_map(MasterIx::new);
    let device = || prop_oneof![9 => 0..3_usize, 1 => any::<usize>()].prop_map(DeviceIx::new);
    let report =
        (device(), any_outcome(), any_now(), any_now()).prop_map(|(device, outcome, sent, received)| {
            FieldEvent::Report(FieldReport { device, outcome, sent, received })
        });
    let result = prop_oneof![Just(Ok(())), ".{0,12}".prop_map(Err)];
    let written = (device(), any::<u64>(), result)
        .prop_map(|(device, request, result)| FieldEvent::Written { device, request, result });
    prop_oneof![
        4 => report.prop_map(Input::Field),
        1 => written.prop_map(Input::Field),
        1 => (master(), ".{0,12}", ".{0,12}")
            .prop_map(|(master, peer, address)| Input::Connected { master, peer, address }),
        1 => (master(), ".{0,12}").prop_map(|(master, why)| Input::Disconnected { master, why }),
        2 => (master(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(master, octets)| Input::Octets { master, octets }),
        2 => (master(), requests()).prop_map(|(master, octets)| Input::Octets { master, octets }),
        1 => any_order().prop_map(Input::Operate),
        1 => prop::collection::vec(any_told(), 0..3).prop_map(Input::ToldBefore),
        1 => Just(Input::Time),
    ]
}

fn any_told() -> impl Strategy<Value = (PointId, Arc<str>)> {
    let point = prop::sample::select(vec!["bess.mw.setpoint", "nobody"]);
    let device = prop::sample::select(vec!["bess", "nothing"]);
    (point, device).prop_map(|(point, device)| (point.into(), device.into()))
}

fn any_order() -> impl Strategy<Value = Operate> {
    let lasts = || (0..1_000_000_u64, 0..1_000_000_000_u32).prop_map(|(s, nanos)| Duration::new(s, nanos));
    let value = prop_oneof![any::<f64>().prop_map(Value::Analog), any::<bool>().prop_map(Value::Binary)];
    let action = prop_oneof![
        (value, lasts()).prop_map(|(value, lasts)| Action::Force { value, lasts }),
        lasts().prop_map(|lasts| Action::Inhibit { lasts }),
        Just(Action::Release),
        prop::sample::select(vec![Way::Take, Way::GiveBack, Way::Local, Way::Schedule])
            .prop_map(Action::Control),
    ];
    let point = prop::sample::select(vec!["poi.mw", "bess.mw.setpoint", "poi.breaker", "nobody"]);
    (point, action, ".{0,12}", ".{0,12}").prop_map(|(point, action, who, why)| Operate {
        point: point.into(),
        action,
        who: who.into(),
        why: why.into(),
    })
}

/// Whole requests: reads of everything, of events, and time for the outstation.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    use ieee1815::Classes;
    use ieee1815::master::{Master, MasterConfig, Request};
    (1..=2_u16, any::<bool>()).prop_map(|(address, all)| {
        let mut master = Master::new(MasterConfig::new(address, 10));
        let mut octets = Vec::new();
        master.connected(Duration::ZERO);
        let classes = if all { Classes::ALL } else { Classes::EVENTS };
        master.request(Request::Read(classes), Duration::ZERO).unwrap();
        master.poll_transmit(&mut octets);
        octets
    })
}

fn input_octets(input: &Input, now: Now) -> Vec<u8> {
    let mut put = Put::default();
    codec::put_input(&mut put, input, now);
    put.0
}

proptest! {
    #[test]
    fn every_input_comes_back(input in any_input(), now in any_now()) {
        let octets = input_octets(&input, now);
        let mut from = Take(&octets);
        let read = codec::take_input(&mut from, now).unwrap();
        prop_assert!(from.is_empty());
        // Numbers that are none are not equal to themselves, their octets are.
        prop_assert_eq!(format!("{read:?}"), format!("{input:?}"));
        prop_assert_eq!(input_octets(&read, now), octets);
    }

    #[test]
    fn every_time_comes_back(now in any_now(), base in any_now()) {
        let mut put = Put::default();
        put.now(now, base);
        prop_assert_eq!(Take(&put.0).now(base), Ok(now));
    }

    #[test]
    fn octets_that_nobody_wrote_are_an_input_or_none(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let now = Now::default();
        let mut from = Take(&octets);
        if let Ok(input) = codec::take_input(&mut from, now) {
            prop_assert_eq!(codec::take_input(&mut Take(&input_octets(&input, now)), now).map(|read| format!("{read:?}")),
                Ok(format!("{input:?}")));
        }
        drop(codec::take_outputs(&mut Take(&octets)));
    }
}

proptest! {
    // Each of these makes a file or replays one.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_comes_in_is_replayed_as_it_was(inputs in prop::collection::vec((any_now(), any_input()), 0..40)) {
        let file = recorded(&inputs);
        let mut replay = Replay::open(file.as_slice(), None).unwrap();
        while replay.step().is_some() {}
        let summary = replay.summary();
        prop_assert_eq!((summary.first, summary.end), (None, Some(End::Stopped)));
        prop_assert_eq!(summary.inputs, inputs.len() as u64);
    }

    /// Octets spoiled anywhere, then the check of their frame made right again where there still is one: what is
    /// inside is hostile, and must do no harm either.
    #[test]
    fn a_spoiled_capture_ends_and_harms_nobody(
        at in 0..GOLDEN.len(), xor in 1..=255_u8, cut in 0..GOLDEN.len(),
        inside in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut spoiled = GOLDEN.to_vec();
        spoiled[at] ^= xor;
        run(&spoiled);
        run(&GOLDEN[..cut]);
        run(&with_records(&|records| {
            for (index, octet) in &inside {
                if !records.is_empty() {
                    let at = index.index(records.len());
                    records[at] = *octet;
                }
            }
        }));
    }
}

/// The golden capture with its records changed after the header, all checks right.
fn with_records(change: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let start = start_of_file();
    let mut read = super::frame::Unframed::new(&GOLDEN[start.len()..], 0);
    let mut frames = Frames::new();
    let mut made = start;
    let mut first = true;
    while let Ok(Some(mut records)) = read.next() {
        if !std::mem::replace(&mut first, false) {
            change(&mut records);
        }
        made.extend(frames.frame(&records).unwrap());
    }
    made
}

/// Replays to the end, whatever that is.
fn run(file: &[u8]) -> Option<super::Summary> {
    let mut replay = Replay::open(file, None).ok()?;
    while replay.step().is_some() {}
    Some(replay.summary())
}

#[test]
fn the_golden_capture_gives_the_same_octets_as_ever() {
    let summary = run(GOLDEN).unwrap();
    assert_eq!(summary.first, None, "an answer changed: on purpose? Then see src/capture/golden.md");
    assert_eq!(summary.end, Some(End::Stopped));
    assert!(summary.inputs > 300 && summary.writes > 20 && summary.device_writes > 0, "{summary:?}");
    assert_eq!(run(GOLDEN), Some(summary));
}

#[test]
fn a_torn_capture_is_replayed_up_to_its_last_whole_record() {
    let whole = run(GOLDEN).unwrap();
    let mut last = 0;
    for cut in (3_000..GOLDEN.len()).step_by(997) {
        let Some(summary) = run(&GOLDEN[..cut]) else { continue };
        assert!(matches!(summary.end, Some(End::Torn | End::Open)), "{cut}: {:?}", summary.end);
        assert!(summary.first.is_none() && summary.inputs >= last && summary.inputs <= whole.inputs, "{cut}");
        last = summary.inputs;
    }
    assert!(last > whole.inputs / 2, "{last}");
}

#[test]
fn another_answer_is_told() {
    let changed = with_records(&|records| {
        // An answer that was recorded, with another last octet: the end of its check.
        if let Some(at) = records.windows(4).rposition(|four| four == [0x05, 0x64, 0x0A, 0x44]) {
            records[at + 9] ^= 1;
        }
    });
    if let Some(summary) = run(&changed).filter(|summary| summary.differences > 0) {
        let first = summary.first.unwrap();
        assert_ne!(first.recorded, first.replayed);
        assert!(first.number > 0 && first.recorded.len() == first.replayed.len());
    } else {
        panic!("nothing was told");
    }
}

#[test]
fn until_a_time_and_no_further() {
    let mut all = Replay::open(GOLDEN, None).unwrap();
    let mut times = Vec::new();
    while let Some(step) = all.step() {
        times.push(step.now.wall);
    }
    let middle = times[times.len() / 2];
    let mut replay = Replay::open(GOLDEN, Some(middle)).unwrap();
    while replay.step().is_some() {}
    assert!(replay.step().is_none());
    let summary = replay.summary();
    assert_eq!((summary.last.wall, summary.end), (middle, None));
    assert_eq!(summary.inputs, times.iter().filter(|time| **time <= middle).count() as u64);
}

#[test]
fn what_is_no_capture_is_told() {
    let open = |octets: &[u8]| Reader::open(octets).map(drop).unwrap_err();
    assert!(matches!(open(b""), CaptureError::Foreign));
    assert!(matches!(open(&[0; 4_000]), CaptureError::Foreign));
    let mut newer = GOLDEN.to_vec();
    newer[16] = 9;
    assert!(matches!(open(&newer), CaptureError::Version(9)));
    assert!(matches!(open(&GOLDEN[..100]), CaptureError::Header(_)));
}

#[test]
fn a_folder_that_is_full_ends_the_capture_and_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        target: Target::Folder(folder.path().to_owned(), 20_000),
        configuration: configuration(SITE),
    };
    let now = Now::virtual_millis(0);
    let mut recorder = Recorder::start(&setup, &site(SITE), 7, now).unwrap();
    let mut noise = 1_u64;
    let mut octets = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        noise.to_be_bytes()[0]
    };
    let told = (0..10_000).find_map(|_| {
        let octets = (0..64).map(|_| octets()).collect();
        recorder.input(&Input::Octets { master: MasterIx::new(0), octets }, now);
        recorder.outputs(&[]);
        recorder.news()
    });
    // A test that is quicker than the disk has to wait for the word.
    let told = told.or_else(|| {
        (0..1_000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            recorder.news()
        })
    });
    assert!(told.is_some_and(|told| told.contains("room") || told.contains("slow")));
    assert_eq!(recorder.news(), None);
    let state = recorder.status()["state"].clone();
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(recorder.finish());
    let path = super::newest(folder.path()).unwrap().unwrap();
    let file = std::fs::read(path).unwrap();
    assert!(file.len() <= 20_000, "{}", file.len());
    let summary = run(&file).unwrap();
    let end = if state == "full" { End::Full } else { End::Behind };
    assert_eq!(summary.end, Some(end));
}

#[test]
fn a_site_that_would_lose_something_is_not_recorded() {
    let other = site(&SITE.replacen("max_counts = 30000", "max_counts = 20000", 1));
    let error =
        Header::new(&other, &configuration(SITE), 7, Now::default(), &mut Removed::default()).unwrap_err();
    assert!(error.to_string().contains("another site"), "{error}");
}

#[test]
fn writes_to_devices_come_back() {
    let writes = [
        FieldWrite::SunSpec704 { watts: -1.5e6, revert_s: 60 },
        FieldWrite::SunSpec123 { percent: 99.5, revert_s: u16::MAX },
        FieldWrite::Release704,
        FieldWrite::Release123,
        FieldWrite::ReleaseRegister { register: 9, word: 0 },
    ];
    let ways = [(65_534, WordOrder::Little, -25_000.0, Some((9, u16::MAX))), (0, WordOrder::Big, 0.1, None)];
    let registers = RegisterType::ALL.into_iter().flat_map(|kind| {
        ways.map(|(register, word_order, raw, enable)| FieldWrite::Registers {
            register,
            kind,
            word_order,
            raw,
            enable,
        })
    });
    let outputs: Vec<Output> = writes
        .into_iter()
        .chain(registers)
        .map(|write| Output::Write { device: DeviceIx::new(2), request: u64::MAX, write })
        .chain([Output::Octets { master: MasterIx::new(1), octets: vec![5, 0x64] }])
        .collect();
    assert_eq!(codec::take_outputs(&mut Take(&codec::of_outputs(&outputs))), Ok(outputs));
}

#[test]
fn another_site_while_it_runs_is_replayed_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.capture");
    let setup = Setup { target: Target::File(path.clone()), configuration: configuration(SITE) };
    let (now, mut old) = (Now::virtual_millis, site(SITE));
    let mut recorder = Recorder::start(&setup, &old, 7, now(0)).unwrap();
    let mut core = Core::new(&old, 7, now(0)).unwrap();
    let watts = |core: &mut Core, recorder: &mut Recorder, at: u64| {
        let readings = vec![(ReadingIx::new(0), Reading::Number(9e6))];
        let (device, outcome) = (DeviceIx::new(0), FieldOutcome::Readings(readings));
        let report = FieldReport { device, outcome, sent: now(at), received: now(at) };
        let input = Input::Field(FieldEvent::Report(report));
        recorder.input(&input, now(at));
        let outputs = core.handle(input, now(at));
        recorder.outputs(&outputs);
        outputs
    };
    watts(&mut core, &mut recorder, 1_000);
    let master = MasterIx::new(0);
    let up = Input::Connected { master, peer: "p".to_owned(), address: "a".to_owned() };
    recorder.input(&up, now(1_100));
    recorder.outputs(&core.handle(up, now(1_100)));
    for (at, change) in [(2_000, "max_counts = 15000"), (4_000, "max_counts = 30000")] {
        let text = SITE.replacen("max_counts = 30000", change, 1);
        let new = site(&text);
        recorder.site(&new, &configuration(&text), now(at));
        recorder.outputs(&core.reconfigure(&old, &new, now(at)).unwrap());
        old = new;
        watts(&mut core, &mut recorder, at + 500);
        let mut ems = ieee1815::master::Master::new(ieee1815::master::MasterConfig::new(1, 10));
        ems.connected(Duration::ZERO);
        ems.request(ieee1815::master::Request::Read(ieee1815::Classes::ALL), Duration::ZERO).unwrap();
        let mut octets = Vec::new();
        ems.poll_transmit(&mut octets);
        let read = Input::Octets { master, octets };
        recorder.input(&read, now(at + 600));
        recorder.outputs(&core.handle(read, now(at + 600)));
    }
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(recorder.finish());
    let summary = run(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((summary.first, summary.end, summary.inputs), (None, Some(End::Stopped), 8));
    assert!(summary.writes >= 2, "{} {}", summary.writes, summary.octets);
}
