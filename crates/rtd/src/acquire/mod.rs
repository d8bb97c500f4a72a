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
//! | `link` | one way to a device: requests with a time limit, SunSpec discovery |
//! | `line` | a serial line that several devices share |
//! | `driver` | the task: poll beat, writes first |
//! | `outstation` | the task of a DNP3 outstation |
//! | `replay` | the task of a file that is replayed |
//! | `back_off` | how long a device that failed is left alone |
//! | `count` | what is counted of each device |

mod back_off;
mod command;
mod count;
mod decode;
mod driver;
mod line;
mod link;
mod outstation;
mod plan;
mod replay;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use site::{Access, Device, DeviceIx};
use telemetry::clock::SystemClock;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::core::{FieldEvent, FieldWrite};
use count::Counters;
use driver::{Wiring, drive};
use line::Line;

/// Writes that may wait for one driver.
const WRITES_WAITING_MAX: usize = 16;

/// The drivers as the rest of the program sees them.
pub(crate) struct Drivers {
    /// Where the writes of each device go.
    pub(crate) writes: BTreeMap<DeviceIx, mpsc::Sender<(u64, FieldWrite)>>,
    counters: Vec<Arc<Counters>>,
}

impl Drivers {
    /// Starts one for each device. Each ends when nobody listens to `out` any more.
    pub(crate) fn start(
        devices: &[Device],
        out: &mpsc::Sender<FieldEvent>,
        clock: SystemClock,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let mut lines: BTreeMap<PathBuf, Arc<Line>> = BTreeMap::new();
        let mut drivers = Self { writes: BTreeMap::new(), counters: Vec::new() };
        for (at, device) in devices.iter().enumerate() {
            let (sender, writes) = mpsc::channel(WRITES_WAITING_MAX);
            drivers.writes.insert(DeviceIx::new(at), sender);
            let line = device.access.serial().map(|config| {
                let line = lines.entry(config.path.clone());
                Arc::clone(line.or_insert_with(|| Arc::new(Line::new(config.clone()))))
            });
            let wiring = Wiring { line, counters: Arc::default() };
            drivers.counters.push(Arc::clone(&wiring.counters));
            let (device, at, out) = (device.clone(), DeviceIx::new(at), out.clone());
            match device.access.clone() {
                Access::Dnp3(dnp3) => {
                    let counters = wiring.counters;
                    tasks.spawn(outstation::drive(device, *dnp3, at, writes, out, clock, counters));
                }
                Access::Csv(csv) => {
                    tasks.spawn(replay::drive(device, csv, at, writes, out, clock, wiring.counters));
                }
                Access::Modbus(_) => {
                    tasks.spawn(drive(device, at, writes, out, clock, wiring));
                }
            }
        }
        drivers
    }

    /// What each driver counted, in the order of the devices.
    pub(crate) fn counts(&self) -> impl Iterator<Item = serde_json::Value> {
        self.counters.iter().map(|counters| counters.json())
    }
}
