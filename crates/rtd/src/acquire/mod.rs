//! Acquisition: a task for each device of the plant, from what it sends to readings.
//!
//! Devices fail alone, so each has its own task, connection and back-off. A task knows registers, SunSpec models
//! and scale factors; it judges nothing. What makes a number wrong without anybody noticing is kept out here: a
//! scale factor comes from the same transaction as its value, an answer that comes too late or carries another
//! question's number costs the connection, and 'not implemented' never becomes a number.
//!
//! | module | what lives there |
//! |---|---|
//! | `decode` | registers to a [`Reading`](crate::core::Reading); pure |
//! | `plan` | which registers to ask for, in as few requests as keep what belongs together together; pure |
//! | `command` | set points to register writes; pure |
//! | `encode` | a number to raw registers; pure |
//! | `link` | one way to a device: requests with a time limit, SunSpec discovery |
//! | `line` | a serial line that several devices share |
//! | `driver` | the task: poll beat, writes first |
//! | `outstation` | the task of a DNP3 outstation |
//! | `replay` | the task of a file that is replayed |
//! | `sparkplug` | the task of an edge node, or a device behind one, at an MQTT broker |
//! | `opcua` | the task of a server of OPC UA |
//! | `told` | values of sources that tell their own type, quality and time |
//! | `absent` | the task of a device whose protocol this build leaves out |
//! | `back_off` | how long a device that failed is left alone |
//! | `bounds` | how long words may be, and how far ahead a source's time |
//! | `count` | what is counted of each device |

#[cfg(not(all(feature = "mqtt", feature = "opcua")))]
mod absent;
mod back_off;
mod bounds;
mod command;
mod count;
mod decode;
mod driver;
mod encode;
mod line;
mod link;
#[cfg(feature = "opcua")]
mod opcua;
mod outstation;
mod plan;
mod replay;
#[cfg(feature = "mqtt")]
mod sparkplug;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "mqtt", feature = "opcua"))]
mod told;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ieee1815_tokio::SerialConfig;
use site::{Access, Device, DeviceIx};
use telemetry::clock::SystemClock;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::core::{FieldEvent, FieldWrite};
use count::Counters;
use driver::{Wiring, drive};
use line::Line;

/// Writes that may wait for one driver.
const WRITES_WAITING_MAX: usize = 16;
/// So long a driver on a serial line may take to finish its poll before it is cut off.
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// The drivers as the rest of the program sees them, in the order of the site's devices.
pub(crate) struct Drivers {
    running: Vec<Driver>,
    lines: BTreeMap<PathBuf, Arc<Line>>,
    /// The number of the next driver. A driver keeps its number for life and gives it in what it tells, whatever
    /// place its device has by then; no two have the same.
    next: usize,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    tasks: JoinSet<()>,
}

struct Driver {
    number: DeviceIx,
    device: Device,
    writes: mpsc::Sender<(u64, FieldWrite)>,
    counters: Arc<Counters>,
    task: AbortHandle,
    /// Closed when the task is over.
    over: mpsc::Receiver<()>,
}

impl Drivers {
    /// Starts one for each device. Each ends when nobody listens to `out` any more, and all with this.
    pub(crate) fn start(devices: &[Device], out: mpsc::Sender<FieldEvent>, clock: SystemClock) -> Self {
        let (running, lines, tasks) = (Vec::new(), BTreeMap::new(), JoinSet::new());
        let mut drivers = Self { running, lines, next: 0, out, clock, tasks };
        drivers.reconfigure(devices, |_| true);
        drivers
    }

    /// Other devices from now on. One that is as it was, and that `keeps` says yes to, keeps its driver and with it
    /// its connection; the others are stopped, and what is new is started once all of them are over: two never talk
    /// to one device.
    pub(crate) fn reconfigure(&mut self, devices: &[Device], keeps: impl Fn(&Device) -> bool) {
        while self.tasks.try_join_next().is_some() {}
        let mut olds = std::mem::take(&mut self.running);
        let mut kept = Vec::new();
        for device in devices {
            let at = olds.iter().position(|old| old.device == *device && keeps(device));
            kept.push(at.map(|at| olds.swap_remove(at)));
        }
        let (clear, cleared) = watch::channel(olds.is_empty());
        if !olds.is_empty() {
            self.tasks.spawn(async move {
                for old in olds {
                    old.stop().await;
                }
                clear.send_replace(true);
            });
        }
        let in_use = |path: &PathBuf| {
            devices.iter().any(|device| device.access.serial().is_some_and(|config| config.path == *path))
        };
        self.lines.retain(|path, _| in_use(path));
        for (device, kept) in devices.iter().zip(kept) {
            let driver = kept.unwrap_or_else(|| self.begin(device.clone(), cleared.clone()));
            self.running.push(driver);
        }
    }

    /// Starts a driver, which begins when `cleared` turns true.
    fn begin(&mut self, device: Device, mut cleared: watch::Receiver<bool>) -> Driver {
        let number = DeviceIx::new(self.next);
        self.next += 1;
        let (sender, writes) = mpsc::channel(WRITES_WAITING_MAX);
        let line = device.access.serial().map(|config| self.line(config));
        let counters = Arc::<Counters>::default();
        let wiring = Wiring { line, counters: Arc::clone(&counters) };
        let (alive, over) = mpsc::channel(1);
        let work = work(device.clone(), number, writes, self.out.clone(), self.clock, wiring);
        let task = self.tasks.spawn(async move {
            let _alive: mpsc::Sender<()> = alive;
            if cleared.wait_for(|clear| *clear).await.is_ok() {
                work.await;
            }
        });
        Driver { number, device, writes: sender, counters, task, over }
    }

    /// The line of these settings; all on one line agree on them.
    fn line(&mut self, config: &SerialConfig) -> Arc<Line> {
        match self.lines.get(&config.path).filter(|line| line.is_of(config)) {
            Some(line) => Arc::clone(line),
            None => {
                let line = Arc::new(Line::new(config.clone()));
                self.lines.insert(config.path.clone(), Arc::clone(&line));
                line
            }
        }
    }

    /// The place of the device that a driver of this number reads; `None` where it was stopped.
    pub(crate) fn place(&self, number: DeviceIx) -> Option<DeviceIx> {
        self.running.iter().position(|driver| driver.number == number).map(DeviceIx::new)
    }

    /// Where the writes of a device go.
    pub(crate) fn writes(&self, device: DeviceIx) -> Option<&mpsc::Sender<(u64, FieldWrite)>> {
        self.running.get(device.get()).map(|driver| &driver.writes)
    }

    /// What each driver counted, in the order of the devices.
    pub(crate) fn counts(&self) -> impl Iterator<Item = serde_json::Value> {
        self.running.iter().map(|driver| driver.counters.json())
    }
}

impl Driver {
    /// Ends it, and waits until it is over. On a serial line a question is not left alone: its answer would be taken
    /// for another's. Everywhere else the answer goes with the connection.
    async fn stop(self) {
        let Self { writes, task, mut over, device, .. } = self;
        drop(writes);
        if matches!(device.access, Access::Modbus(_)) && device.access.serial().is_some() {
            // It may be gone already.
            let _ = tokio::time::timeout(STOP_PATIENCE, over.recv()).await;
        }
        task.abort();
        let _ = over.recv().await;
    }
}

/// The feature that this build lacks to speak to the device; `None` where it lacks none.
#[must_use]
pub fn lacks(device: &Device) -> Option<&'static str> {
    match &device.access {
        Access::Sparkplug(_) if !cfg!(feature = "mqtt") => Some("mqtt"),
        Access::OpcUa(_) if !cfg!(feature = "opcua") => Some("opcua"),
        _ => None,
    }
}

/// A driver's work, by the protocol of its device.
fn work(
    device: Device,
    at: DeviceIx,
    writes: mpsc::Receiver<(u64, FieldWrite)>,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    wiring: Wiring,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match device.access.clone() {
        Access::Dnp3(dnp3) => {
            Box::pin(outstation::drive(device, *dnp3, at, writes, out, clock, wiring.counters))
        }
        Access::Csv(csv) => Box::pin(replay::drive(device, csv, at, writes, out, clock, wiring.counters)),
        #[cfg(feature = "mqtt")]
        Access::Sparkplug(sparkplug) => {
            Box::pin(sparkplug::drive(device, *sparkplug, at, writes, out, clock, wiring.counters))
        }
        #[cfg(not(feature = "mqtt"))]
        Access::Sparkplug(_) => Box::pin(absent::drive(device, "mqtt", at, writes, out, clock)),
        #[cfg(feature = "opcua")]
        Access::OpcUa(opcua) => {
            Box::pin(opcua::drive(device, *opcua, at, writes, out, clock, wiring.counters))
        }
        #[cfg(not(feature = "opcua"))]
        Access::OpcUa(_) => Box::pin(absent::drive(device, "opcua", at, writes, out, clock)),
        Access::Modbus(_) => Box::pin(drive(device, at, writes, out, clock, wiring)),
    }
}
