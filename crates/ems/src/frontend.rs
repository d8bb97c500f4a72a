//! A task for each device: keeps its session, asks on a steady beat, and hands what comes in to the fleet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ieee1815::Classes;
use ieee1815::master::{MasterConfig, MasterEvent, Outcome, PointSet, Request};
use ieee1815_tokio::{ClientTls, DriverConfig, DriverEvent, MasterDriver, MasterHandle, PcapFile};
use telemetry::clock::SystemClock;
use telemetry::{Journal, Mono, Now, Wall};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::fleet::{Fleet, ScanKind};
use crate::model::Device;
use crate::order::Order;

/// How long a connection may take to come up, handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait before the next attempt. Short against a scan: a device that restarts is seen by the next one.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// The fleet, shared by the devices' tasks and the local socket. Nobody holds it across an await.
#[derive(Debug)]
pub(crate) struct Shared {
    fleet: Mutex<Fleet>,
    clock: SystemClock,
    journal: Journal,
}

impl Shared {
    pub(crate) fn new(fleet: Fleet, journal: Journal) -> Self {
        Self { fleet: Mutex::new(fleet), clock: SystemClock::start(), journal }
    }

    /// Changes or reads the fleet at the present time, and journals what it tells.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut Fleet, Now) -> R) -> R {
        self.at(self.clock.now(), change)
    }

    /// As [`Self::with`], for something that was received at `received`.
    pub(crate) fn received<R>(
        &self,
        received: std::time::Instant,
        change: impl FnOnce(&mut Fleet, Now) -> R,
    ) -> R {
        let now = self.clock.now();
        let waited = received.elapsed();
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        let millis = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let then = Now {
            mono: Mono::from_micros(now.mono.as_micros().saturating_sub(micros)),
            wall: Wall::from_millis(now.wall.as_millis().saturating_sub(millis)),
            ..now
        };
        self.at(then, change)
    }

    fn at<R>(&self, now: Now, change: impl FnOnce(&mut Fleet, Now) -> R) -> R {
        // A fleet is valid between any two of its changes, so a poisoned lock still guards a sound one.
        let mut fleet = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut fleet, now);
        for record in fleet.take_records() {
            self.journal.record(&record);
        }
        result
    }
}

/// What the session with one device is made of.
pub(crate) fn driver_config(
    device: &Device,
    master_address: u16,
    tls: Option<Arc<ClientTls>>,
) -> DriverConfig {
    let mut accept = PointSet::new();
    for point in &device.points {
        accept.insert(point.point_type, point.index..=point.index);
    }
    DriverConfig {
        address: device.address.clone(),
        tls,
        master: MasterConfig {
            response_timeout: device.response_timeout,
            retry_delay: RECONNECT_DELAY,
            accept,
            ..MasterConfig::new(master_address, device.outstation_address)
        },
        connect_timeout: CONNECT_TIMEOUT,
        reconnect_delay: RECONNECT_DELAY,
    }
}

/// One device's session, started and not yet run.
pub(crate) struct Session {
    device: usize,
    scan: Duration,
    shared: Arc<Shared>,
    handle: MasterHandle,
    events: mpsc::Receiver<DriverEvent>,
    shutdown: watch::Receiver<bool>,
    order: Order,
    /// Reads on their way; their answers come as events, only their failures matter here.
    reads: JoinSet<(u64, bool)>,
    /// Number of the last read: a failure of one before it is no longer of interest.
    asked: u64,
}

impl Session {
    /// Starts the session of the device at `place`.
    pub(crate) fn start(
        place: usize,
        device: &Device,
        tls: Option<Arc<ClientTls>>,
        pcap: Option<PcapFile>,
        shared: Arc<Shared>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        let mut config = driver_config(device, device.master_address, tls);
        // The ISO is a time source to whoever asks for one.
        config.master.time_sync = true;
        let (handle, events) = MasterDriver::spawn_captured(config, pcap, shutdown.clone());
        Self {
            device: place,
            scan: device.scan,
            shared,
            handle,
            events,
            shutdown,
            order: Order::default(),
            reads: JoinSet::new(),
            asked: 0,
        }
    }

    /// Sends requests in the same session.
    pub(crate) fn handle(&self) -> MasterHandle {
        self.handle.clone()
    }

    /// Runs until the session's driver ends, which it does at shutdown.
    pub(crate) async fn run(mut self) {
        // The beat starts with the first start-up that is answered and is steady from then on, whatever happens.
        let mut beat: Option<tokio::time::Interval> = None;
        let mut shutdown = self.shutdown.clone();
        loop {
            tokio::select! {
                biased;
                // A link that we close ourselves is no dead link: what comes from here on is not news.
                _ = shutdown.wait_for(|stop| *stop) => break,
                event = self.events.recv() => match event {
                    Some(event) => {
                        if self.event(event) && beat.is_none() {
                            let mut new = tokio::time::interval_at(Instant::now() + self.scan, self.scan);
                            new.set_missed_tick_behavior(MissedTickBehavior::Skip);
                            beat = Some(new);
                        }
                    }
                    None => return,
                },
                () = tick(beat.as_mut()) => {
                    let due = self.shared.with(|fleet, now| fleet.scan_due(self.device, now));
                    if let Some(kind) = due {
                        self.ask(kind);
                    }
                }
                Some(read) = self.reads.join_next() => {
                    if read.is_ok_and(|(number, done)| number == self.asked && !done) {
                        self.shared.with(|fleet, _| fleet.scan_failed(self.device));
                    }
                }
            }
        }
        while self.events.recv().await.is_some() {}
    }

    fn ask(&mut self, kind: ScanKind) {
        let handle = self.handle.clone();
        self.asked += 1;
        let number = self.asked;
        self.reads.spawn(async move {
            let read = handle.request(Request::Read(classes(kind))).await;
            (number, matches!(read, Ok(Outcome::ReadDone)))
        });
    }

    /// Takes one event; true when a start-up is done.
    fn event(&mut self, event: DriverEvent) -> bool {
        let mut order = std::mem::take(&mut self.order);
        let mut started = false;
        order.take(event, |event| started |= self.in_order(event));
        self.order = order;
        started
    }

    fn in_order(&mut self, event: DriverEvent) -> bool {
        let place = self.device;
        match event {
            DriverEvent::Up { peer } => {
                self.shared.with(|fleet, now| fleet.link_up(place, &peer, now));
            }
            DriverEvent::Down { why } => {
                self.shared.with(|fleet, now| fleet.link_down(place, &why, now));
            }
            DriverEvent::Master { event, received, .. } => match event {
                MasterEvent::Point { point, index, measured, .. } => {
                    self.shared.received(received, |fleet, now| {
                        fleet.reported(place, point, index, &measured, now);
                    });
                }
                MasterEvent::StartUpDone => {
                    self.shared.received(received, |fleet, now| {
                        if fleet.is_starting(place) {
                            fleet.scan_answered(place, now);
                        }
                    });
                    return true;
                }
                MasterEvent::Done { outcome: Outcome::ReadDone, .. } => {
                    self.shared.received(received, |fleet, now| fleet.scan_answered(place, now));
                }
                MasterEvent::Restart => {
                    self.shared.received(received, |fleet, now| fleet.restarted(place, now));
                }
                MasterEvent::StartUpFailed { task, outcome } => {
                    tracing::warn!(device = place, ?task, %outcome, "a task of the start-up failed, tried again");
                }
                MasterEvent::FellBack { task, to, outcome } => {
                    tracing::info!(device = place, ?task, ?to, %outcome, "the device cannot do a task, done otherwise");
                }
                _ => {}
            },
        }
        false
    }
}

async fn tick(beat: Option<&mut tokio::time::Interval>) {
    match beat {
        Some(beat) => {
            beat.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// What a scan asks for.
pub(crate) fn classes(kind: ScanKind) -> Classes {
    match kind {
        ScanKind::Integrity => Classes::ALL,
        ScanKind::Events => Classes::EVENTS,
        ScanKind::Class0 => Classes::ZERO,
    }
}
