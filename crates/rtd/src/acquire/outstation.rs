//! A DNP3 outstation of the plant, with us as its master.
//!
//! An outstation tells what changed, so silence of a point says nothing and silence of the session everything. After
//! a session came up nothing is told before all was read once: a value from before must not look fresh because
//! there is a connection again. What happened in between keeps its order and its own time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ieee1815::master::{MasterConfig, MasterEvent, Outcome, Request, Scan, Task};
use ieee1815::{Classes, Iin, Measured, PointType, Value};
use ieee1815_tokio::{DriverEvent, Endpoint, MasterDriver, MasterHandle};
use site::{Device, DeviceIx, Dnp3, Dnp3Type, Form, Place, Reach, ReadingIx};
use telemetry::clock::SystemClock;
use telemetry::{Mono, Now, Wall, WallTrust};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::back_off::shortened;
use super::bounds;
use super::count::Counters;
use super::decode;
use crate::core::{
    DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading, Reported,
};

/// Between two tries to connect, less the device's jitter.
const PAUSE: Duration = Duration::from_secs(2);
/// Between two reads of everything that were asked for because an outstation's time went back.
const READ_AGAIN: Duration = Duration::from_secs(3);

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
    let mut master = None;
    let mut events = match endpoint(&device, &dnp3) {
        Ok(endpoint) => {
            let pause = shortened(PAUSE, &device.id);
            let (handle, events) = MasterDriver::spawn_at(endpoint, config(&device, &dnp3), pause, stopped);
            master = Some(handle);
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
        let due = teller.read_due();
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
            () = at_last(due) => {
                teller.reads_all();
                read_all(master.as_ref());
                Vec::new()
            }
        };
        for event in told {
            if out.send(bounds::event(event)).await.is_err() {
                return;
            }
        }
    }
}

async fn at_last(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Has everything read, beside the scans. Not waited for: its points come as all others do, and where it fails it is
/// asked for again.
fn read_all(master: Option<&MasterHandle>) {
    if let Some(master) = master.cloned() {
        tokio::spawn(async move { master.request(Request::Read(Classes::ALL)).await });
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
    /// When the oldest of both was received.
    oldest: Option<Now>,
    /// Time of the newest event of each reading.
    newest: BTreeMap<ReadingIx, Wall>,
    /// Readings of which an event came that is older than one before it, and no present value since.
    behind: BTreeSet<ReadingIx>,
    /// Those that the last read because of them is to bring.
    sought: BTreeSet<ReadingIx>,
    /// When everything was last read because of them.
    read: Option<tokio::time::Instant>,
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
            oldest: None,
            newest: BTreeMap::new(),
            behind: BTreeSet::new(),
            sought: BTreeSet::new(),
            read: None,
        }
    }

    /// When everything is to be read out of turn; `None`: there is no need.
    ///
    /// An event that is older than one before it is not taken: it may have waited. But it may also be of a clock that
    /// was set back, and then it, and all that come after it, are what is so now. Only the present values tell.
    fn read_due(&self) -> Option<tokio::time::Instant> {
        let wanted = !self.behind.is_empty() && matches!(self.state, State::Started);
        wanted.then(|| self.read.map_or_else(tokio::time::Instant::now, |read| read + READ_AGAIN))
    }

    fn reads_all(&mut self) {
        self.counters.request();
        self.sought.clone_from(&self.behind);
        self.read = Some(tokio::time::Instant::now());
    }

    fn down(&mut self, words: String) {
        self.coming.clear();
        self.complete.clear();
        self.oldest = None;
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
                self.point(point, index, measured, event, now);
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
                let now = self.oldest.take().unwrap_or(now);
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
            MasterEvent::Done { outcome: Outcome::ReadDone, .. } => self.unfound(now),
            _ => Vec::new(),
        }
    }

    /// Everything was read because a time went back, and what is still sought was not there: nothing is known of it.
    fn unfound(&mut self, now: Now) -> Vec<FieldEvent> {
        for at in std::mem::take(&mut self.sought) {
            self.behind.remove(&at);
            let Some((kind, index, _)) = self.places.get(at.get()).copied().flatten() else { continue };
            let words = format!(
                "the outstation's clock went back, and it reports no present value of {} {index}",
                kind.text()
            );
            let reading = Reading::Invalid(words);
            self.complete.push((at, Reported { reading, kind, flags: None, time: None, event: false }));
        }
        if self.complete.is_empty() || !matches!(self.state, State::Started) {
            return Vec::new();
        }
        self.tell(now)
    }

    fn point(&mut self, point: PointType, index: u16, measured: Measured, event: bool, now: Now) {
        let told = measured.time.map(Wall::from_millis).filter(|time| bounds::can_be(*time, now.wall));
        let wanted = |place: &(Dnp3Type, u16, f64)| point_type(place.0) == point && place.1 == index;
        for (at, place) in self.places.iter().enumerate() {
            let Some((kind, _, scale)) = place.filter(wanted) else { continue };
            let reading = match measured.value {
                Value::Binary(state) => Reading::State(state),
                Value::Analog(value) => decode::number(decode::scaled(value, scale)),
                Value::Counter(count) => decode::number(decode::scaled(f64::from(count), scale)),
                _ => Reading::Invalid(format!("{} {index} brought another type of value", kind.text())),
            };
            let at = ReadingIx::new(at);
            match (event, told) {
                (false, _) => {
                    self.behind.remove(&at);
                    self.sought.remove(&at);
                }
                (true, Some(time)) => match self.newest.get(&at) {
                    Some(newest) if time < *newest => drop(self.behind.insert(at)),
                    _ => drop(self.newest.insert(at, time)),
                },
                (true, None) => {}
            }
            let time = told.map(|time| (time, WallTrust::Unknown));
            self.oldest.get_or_insert(now);
            self.coming.push((at, Reported { reading, kind, flags: measured.flags, time, event }));
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
        // A response may take several fragments: what came first is the oldest.
        let now = self.oldest.take().unwrap_or(now);
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
