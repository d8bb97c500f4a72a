//! A DNP3 outstation of the plant, with us as its master.
//!
//! An outstation tells what changed, so silence of a point says nothing and silence of the session everything. After
//! a session came up nothing is told before all was read once: a value from before must not look fresh because
//! there is a connection again. What happened in between keeps its order and its own time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ieee1815::master::{MasterConfig, MasterEvent, Outcome, Scan, Task};
use ieee1815::{Classes, Iin, Measured, PointType, Value};
use ieee1815_tokio::{DriverEvent, Endpoint, MasterDriver};
use site::{Device, DeviceIx, Dnp3, Dnp3Type, Form, Place, Reach, ReadingIx};
use telemetry::clock::SystemClock;
use telemetry::{Mono, Now, Wall, WallTrust};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::back_off::shortened;
use super::count::Counters;
use super::decode;
use crate::core::{
    DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading, Reported,
};

/// Between two tries to connect, less the device's jitter.
const PAUSE: Duration = Duration::from_secs(2);

/// Polls an outstation until nobody listens to `out` any more.
///
/// One report for each of its responses, more where a point changed more than once; one for each beat of the poll
/// while it cannot be reached. It takes no set points.
pub(crate) async fn drive(
    device: Device,
    dnp3: Dnp3,
    at: DeviceIx,
    mut writes: mpsc::Receiver<(u64, FieldWrite)>,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    counters: Arc<Counters>,
) {
    let (_stop, stopped) = watch::channel(false);
    let mut teller = Teller::new(&device, at, clock, counters);
    let mut events = match endpoint(&device, &dnp3) {
        Ok(endpoint) => {
            let pause = shortened(PAUSE, &device.id);
            let (_, events) = MasterDriver::spawn_at(endpoint, config(&device, &dnp3), pause, stopped);
            Some(events)
        }
        Err(words) => {
            teller.down(words);
            None
        }
    };
    let mut beat = tokio::time::interval(device.poll);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut writable = true;
    loop {
        let told = tokio::select! {
            biased;
            () = out.closed() => return,
            write = writes.recv(), if writable => match write {
                Some((request, _)) => {
                    let result = Err("an outstation takes no set points from here".to_owned());
                    vec![FieldEvent::Written { device: at, request, result }]
                }
                None => {
                    writable = false;
                    Vec::new()
                }
            },
            event = next(&mut events) => teller.hear(event),
            _ = beat.tick() => teller.beat(),
        };
        for event in told {
            if out.send(event).await.is_err() {
                return;
            }
        }
    }
}

async fn next(events: &mut Option<mpsc::Receiver<DriverEvent>>) -> DriverEvent {
    let event = match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    };
    match event {
        Some(event) => event,
        None => {
            *events = None;
            DriverEvent::Down { why: "its driver has stopped".to_owned() }
        }
    }
}

fn endpoint(device: &Device, dnp3: &Dnp3) -> Result<Endpoint, String> {
    match &dnp3.reach {
        Reach::Tcp(address) => {
            let client = dnp3.tls.as_ref().map(|policy| policy.client().map(Arc::new)).transpose();
            let tls = client.map_err(|error| format!("tls: {error}"))?;
            let timeout = device.timeout.max(Duration::from_secs(1));
            Ok(Endpoint::Dial { address: address.to_string(), tls, timeout })
        }
        Reach::Serial(line) => Ok(Endpoint::Serial(line.clone())),
    }
}

/// A task of the start-up, as the standard calls it.
const fn task_words(task: Task) -> &'static str {
    match task {
        Task::DisableUnsolicited => "disable unsolicited responses",
        Task::ClearRestart => "clear the restart indication",
        Task::Integrity => "integrity poll",
        Task::SyncTime => "synchronise the time",
        Task::EnableUnsolicited => "enable unsolicited responses",
    }
}

const fn point_type(kind: Dnp3Type) -> PointType {
    match kind {
        Dnp3Type::Analog => PointType::AnalogInput,
        Dnp3Type::Binary => PointType::BinaryInput,
        Dnp3Type::Counter => PointType::Counter,
    }
}

fn config(device: &Device, dnp3: &Dnp3) -> MasterConfig {
    let mut config = MasterConfig::new(dnp3.master, dnp3.outstation);
    config.response_timeout = device.timeout;
    config.retry_delay = PAUSE;
    config.time_sync = dnp3.time_sync;
    for spec in &device.readings {
        if let Place::Dnp3 { kind, index } = spec.place {
            config.accept.insert(point_type(kind), index..=index);
        }
    }
    if dnp3.unsolicited {
        config.unsolicited = Classes::EVENTS;
    }
    let (classes, integrity_every) = match dnp3.integrity_every {
        1 => (Classes::ALL, 0),
        every => (Classes::EVENTS, every),
    };
    config.scans = vec![Scan { integrity_every, ..Scan::classes(classes, device.poll) }];
    config
}

/// Where the session is.
#[derive(Debug)]
enum State {
    /// No first try is over yet.
    Unknown,
    Down(DeviceFailure),
    /// Up; not all was read yet.
    Starting,
    Started,
}

/// From what the master says to reports.
struct Teller {
    device: DeviceIx,
    /// Type, index and scale of each reading; `None` where it is of no outstation.
    places: Vec<Option<(Dnp3Type, u16, f64)>>,
    clock: SystemClock,
    counters: Arc<Counters>,
    state: State,
    /// Of the last report. What was received just before it and told just after must not look older.
    latest: Mono,
    /// Of the response that is coming.
    coming: Vec<(ReadingIx, Reported)>,
    /// Of responses that are complete.
    complete: Vec<(ReadingIx, Reported)>,
}

impl Teller {
    fn new(device: &Device, at: DeviceIx, clock: SystemClock, counters: Arc<Counters>) -> Self {
        let place = |spec: &site::ReadingSpec| match (spec.place, spec.form) {
            (Place::Dnp3 { kind, index }, Form::Number { scale }) => Some((kind, index, scale)),
            (Place::Dnp3 { kind, index }, _) => Some((kind, index, 1.0)),
            _ => None,
        };
        Self {
            device: at,
            places: device.readings.iter().map(place).collect(),
            clock,
            counters,
            state: State::Unknown,
            latest: Mono::ZERO,
            coming: Vec::new(),
            complete: Vec::new(),
        }
    }

    fn down(&mut self, words: String) {
        self.coming.clear();
        self.complete.clear();
        self.state = State::Down(DeviceFailure { kind: FailureKind::Unreachable, words });
    }

    /// A poll's time has come.
    fn beat(&mut self) -> Vec<FieldEvent> {
        let State::Down(failure) = &self.state else { return Vec::new() };
        let failure = failure.clone();
        vec![self.failed(failure, self.clock.now())]
    }

    fn hear(&mut self, event: DriverEvent) -> Vec<FieldEvent> {
        match event {
            DriverEvent::Up { .. } => {
                self.counters.connected();
                self.state = State::Starting;
                Vec::new()
            }
            DriverEvent::Down { why } => {
                self.down(why);
                self.beat()
            }
            DriverEvent::Master { event, received, .. } => {
                let now = before(self.clock.now(), received);
                self.master(event, now)
            }
        }
    }

    fn master(&mut self, event: MasterEvent, now: Now) -> Vec<FieldEvent> {
        match event {
            MasterEvent::Point { point, index, measured, event, .. } => {
                self.point(point, index, measured, event);
                Vec::new()
            }
            MasterEvent::Response { iin, .. } => {
                self.complete_response(iin);
                if matches!(self.state, State::Started) { self.tell(now) } else { Vec::new() }
            }
            // What it reported before may be wrong until all was read once more.
            MasterEvent::Restart => {
                self.state = State::Starting;
                Vec::new()
            }
            MasterEvent::StartUpDone => {
                if matches!(self.state, State::Started) {
                    return self.tell(now);
                }
                self.state = State::Started;
                self.counters.answered();
                self.miss();
                let all = std::mem::take(&mut self.complete);
                vec![self.report(all, now)]
            }
            MasterEvent::StartUpFailed { task, outcome } => {
                vec![self.refused(&format!("start-up, {}", task_words(task)), &outcome, now)]
            }
            MasterEvent::Scanned { outcome, .. } => {
                self.counters.request();
                match outcome {
                    Outcome::ReadDone => Vec::new(),
                    outcome => vec![self.refused("poll", &outcome, now)],
                }
            }
            _ => Vec::new(),
        }
    }

    fn point(&mut self, point: PointType, index: u16, measured: Measured, event: bool) {
        let wanted = |place: &(Dnp3Type, u16, f64)| point_type(place.0) == point && place.1 == index;
        for (at, place) in self.places.iter().enumerate() {
            let Some((kind, _, scale)) = place.filter(wanted) else { continue };
            let reading = match measured.value {
                Value::Binary(state) => Reading::State(state),
                Value::Analog(value) => decode::number(decode::scaled(value, scale)),
                Value::Counter(count) => decode::number(decode::scaled(f64::from(count), scale)),
                _ => Reading::Invalid(format!("{} {index} brought another type of value", kind.text())),
            };
            let time = measured.time.map(|millis| (Wall::from_millis(millis), WallTrust::Unknown));
            self.coming
                .push((ReadingIx::new(at), Reported { reading, kind, flags: measured.flags, time, event }));
        }
    }

    /// The last fragment says how far the outstation's clock can be believed.
    fn complete_response(&mut self, iin: Iin) {
        for (reading, mut reported) in self.coming.drain(..) {
            if iin.contains(Iin::NEED_TIME)
                && let Some((_, trust)) = &mut reported.time
            {
                *trust = WallTrust::Unsynchronised;
            }
            self.complete.push((reading, reported));
        }
    }

    /// What the outstation did not report when everything was asked for is not there.
    fn miss(&mut self) {
        for (at, place) in self.places.iter().enumerate() {
            let Some((kind, index, _)) = *place else { continue };
            let reading = ReadingIx::new(at);
            if !self.complete.iter().any(|(reported, _)| *reported == reading) {
                let words = format!("the outstation reports no {} {index}", kind.text());
                let reading_words = Reading::Invalid(words);
                let reported =
                    Reported { reading: reading_words, kind, flags: None, time: None, event: false };
                self.complete.push((reading, reported));
            }
        }
    }

    /// Reports in none of which a point comes twice, so that no change is lost between two.
    fn tell(&mut self, now: Now) -> Vec<FieldEvent> {
        self.counters.answered();
        let mut reports = Vec::new();
        let mut one: Vec<(ReadingIx, Reported)> = Vec::new();
        for (reading, reported) in std::mem::take(&mut self.complete) {
            if one.iter().any(|(known, _)| *known == reading) {
                let before = std::mem::take(&mut one);
                reports.push(self.report(before, now));
            }
            one.push((reading, reported));
        }
        reports.push(self.report(one, now));
        reports
    }

    fn report(&mut self, readings: Vec<(ReadingIx, Reported)>, now: Now) -> FieldEvent {
        let readings = readings.into_iter().map(|(at, reported)| (at, Reading::Reported(Box::new(reported))));
        let outcome = FieldOutcome::Readings(readings.collect());
        self.outcome(outcome, now)
    }

    fn outcome(&mut self, outcome: FieldOutcome, now: Now) -> FieldEvent {
        self.latest = self.latest.max(now.mono);
        let now = Now { mono: self.latest, ..now };
        FieldEvent::Report(FieldReport { device: self.device, outcome, sent: now, received: now })
    }

    fn refused(&mut self, what: &str, outcome: &Outcome, now: Now) -> FieldEvent {
        let kind = match outcome {
            Outcome::TimedOut => {
                self.counters.timeout();
                FailureKind::TimedOut
            }
            Outcome::LinkDown => FailureKind::Unreachable,
            Outcome::Refused(_) => {
                self.counters.exception();
                FailureKind::Exception
            }
            _ => FailureKind::Protocol,
        };
        self.failed(DeviceFailure { kind, words: format!("{what}: {outcome}") }, now)
    }

    fn failed(&mut self, failure: DeviceFailure, now: Now) -> FieldEvent {
        self.outcome(FieldOutcome::Failed(failure), now)
    }
}

/// The present of when something was received, seen from now.
fn before(now: Now, received: Instant) -> Now {
    let age = received.elapsed();
    let micros = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
    let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    Now {
        mono: Mono::from_micros(now.mono.as_micros().saturating_sub(micros)),
        wall: Wall::from_millis(now.wall.as_millis().saturating_sub(millis)),
        wall_trust: now.wall_trust,
    }
}
