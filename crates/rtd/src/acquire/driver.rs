//! A device's task: the poll beat, writes before polls, back-off after failures.

use std::sync::Arc;

use site::{Device, DeviceIx, Protocol, ReadingIx};
use telemetry::Now;
use telemetry::clock::SystemClock;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_modbus::ExceptionCode;

use super::back_off::BackOff;
use super::bounds;
use super::command::{self, Needs};
use super::count::Counters;
use super::line::Line;
use super::link::{Link, LinkError};
use crate::core::{DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading};

/// Polls a device and carries writes to it, until nobody listens to `out` any more, or holds the other end of `writes`.
///
/// One report for each beat of the poll: in a back-off too, where it repeats the last failure without asking the
/// device. Beats missed by a slow device are skipped. A write is answered once, with [`FieldEvent::Written`]; during
/// a back-off at once, with the failure. One that costs the connection is followed by a report of that. From then on
/// set points are refused until the device was read again: it may have restarted or fallen back, and whoever asked may
/// not have known. Control is given back at any time.
pub(crate) async fn drive(
    device: Device,
    at: DeviceIx,
    writes: mpsc::Receiver<(u64, FieldWrite)>,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    wiring: Wiring,
) {
    let mut beat = tokio::time::interval(device.poll);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let back_off = BackOff::new(&device.id);
    let mut driver =
        Driver { device, at, out, clock, writes, wiring, link: None, back_off, unread: false, lost: None };
    loop {
        let done = tokio::select! {
            biased;
            () = driver.out.closed() => return,
            write = driver.writes.recv() => match write {
                Some((request, write)) => driver.asked(request, write).await,
                None => return,
            },
            _ = beat.tick() => driver.poll().await,
        };
        if done.is_err() {
            return;
        }
    }
}

/// What a driver is given beside its device.
#[derive(Clone, Default)]
pub(crate) struct Wiring {
    /// The serial line that its device is on.
    pub(crate) line: Option<Arc<Line>>,
    /// Where it counts.
    pub(crate) counters: Arc<Counters>,
}

/// Nobody listens any more.
struct Gone;

/// Why a set point is refused that could be the first thing a device gets when it is back.
const UNREAD: &str = "the connection was lost, and the device was not read since";

struct Driver {
    device: Device,
    at: DeviceIx,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    writes: mpsc::Receiver<(u64, FieldWrite)>,
    wiring: Wiring,
    link: Option<Link>,
    back_off: BackOff,
    /// The device failed, and no poll was answered since: what it does now is not known.
    unread: bool,
    /// What cost the connection, until a report has told of it.
    lost: Option<DeviceFailure>,
}

impl Driver {
    async fn tell(&mut self, event: FieldEvent) -> Result<(), Gone> {
        self.out.send(bounds::event(event)).await.map_err(|_| Gone)
    }

    async fn poll(&mut self) -> Result<(), Gone> {
        let sent = self.clock.now();
        let mut first = None;
        let read = self.readings(&mut first).await?;
        // A write may have cost the connection in the middle of it, and another have made one.
        let (outcome, received) = match self.lost.take().map_or(read, Err) {
            Ok(readings) => {
                self.unread = false;
                self.back_off.clear();
                // What was read first is the oldest: nothing may look younger than it is.
                (FieldOutcome::Readings(readings), first.unwrap_or_else(|| self.clock.now()))
            }
            Err(failure) => (FieldOutcome::Failed(failure), self.clock.now()),
        };
        self.tell(FieldEvent::Report(FieldReport { device: self.at, outcome, sent, received })).await
    }

    /// One poll. `first` is when its first answer was received.
    async fn readings(
        &mut self,
        first: &mut Option<Now>,
    ) -> Result<Result<Vec<(ReadingIx, Reading)>, DeviceFailure>, Gone> {
        let blocks = match self.linked().await {
            Ok(link) => link.plan.blocks.clone(),
            Err(failure) => return Ok(Err(failure)),
        };
        let mut readings = Vec::new();
        let mut refused = None;
        let mut answered = blocks.is_empty();
        for block in &blocks {
            // A set point does not wait for the end of a long poll.
            self.carry_waiting().await?;
            let Some(link) = &mut self.link else {
                return Ok(Err(self.back_off.failure()));
            };
            match link.read(block.table, block.start, block.count).await {
                Ok(words) => {
                    answered = true;
                    first.get_or_insert_with(|| self.clock.now());
                    readings.extend(block.decode(&words));
                }
                Err(LinkError::Exception(code)) => {
                    let words = format!("{}: {code}", block.words());
                    if code == ExceptionCode::IllegalDataAddress {
                        readings.extend(block.all(&Reading::Invalid(words.clone())));
                    }
                    refused = Some(words);
                }
                Err(LinkError::Broken(failure)) => return Ok(Err(self.broken(failure))),
            }
        }
        if let Some(link) = &self.link {
            readings.extend(link.plan.refused.iter().cloned());
        }
        if let Some(words) = refused {
            // A SunSpec map that refuses may have changed: it is walked again before the next poll.
            if self.device.protocol == Protocol::SunSpec {
                self.link = None;
            }
            if !answered {
                let failure = DeviceFailure { kind: FailureKind::Exception, words };
                self.unread = true;
                self.back_off.failed(&failure);
                return Ok(Err(failure));
            }
        }
        if self.unread {
            // Whoever asked for these did not know of it.
            self.carry_waiting().await?;
        }
        Ok(Ok(readings))
    }

    /// The connection, made where there is none.
    async fn linked(&mut self) -> Result<&mut Link, DeviceFailure> {
        if self.link.is_none() {
            if self.back_off.waits() {
                return Err(self.back_off.failure());
            }
            match Link::open(&self.device, self.wiring.line.as_ref(), &self.wiring.counters).await {
                Ok(link) => self.link = Some(link),
                Err(failure) => return Err(self.broken(failure)),
            }
        }
        self.link.as_mut().ok_or_else(|| self.back_off.failure())
    }

    /// Drops the connection: whatever still comes over it is never taken.
    fn broken(&mut self, failure: DeviceFailure) -> DeviceFailure {
        (self.link, self.unread) = (None, true);
        self.back_off.failed(&failure);
        self.lost = Some(failure.clone());
        tracing::debug!(device = %self.device.id, words = %failure.words, "device failed");
        failure
    }

    /// Carries out what waits.
    async fn carry_waiting(&mut self) -> Result<(), Gone> {
        while let Ok((request, write)) = self.writes.try_recv() {
            self.write(request, write).await?;
        }
        Ok(())
    }

    async fn write(&mut self, request: u64, write: FieldWrite) -> Result<(), Gone> {
        let result = self.command(&write).await;
        self.tell(FieldEvent::Written { device: self.at, request, result }).await
    }

    /// A write between two polls.
    async fn asked(&mut self, request: u64, write: FieldWrite) -> Result<(), Gone> {
        let sent = self.clock.now();
        self.write(request, write).await?;
        let Some(failure) = self.lost.take() else { return Ok(()) };
        // The next poll may well be answered, over another connection: nobody else would know that there was a gap.
        let (outcome, received) = (FieldOutcome::Failed(failure), self.clock.now());
        self.tell(FieldEvent::Report(FieldReport { device: self.at, outcome, sent, received })).await
    }

    async fn command(&mut self, write: &FieldWrite) -> Result<(), String> {
        if self.unread && !command::gives_back(write) {
            return Err(UNREAD.to_owned());
        }
        let link = self.linked().await.map_err(|failure| failure.words)?;
        match carry_out(link, write).await {
            Ok(()) => Ok(()),
            Err(Refused::Words(words)) => Err(words),
            Err(Refused::Link(LinkError::Broken(failure))) => Err(self.broken(failure).words),
            Err(Refused::Link(error)) => Err(error.failure(&command::subject(write)).words),
        }
    }
}

enum Refused {
    Words(String),
    Link(LinkError),
}

impl From<LinkError> for Refused {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

async fn carry_out(link: &mut Link, write: &FieldWrite) -> Result<(), Refused> {
    let Some(Needs { model: number, first, count }) = command::needs(write) else {
        return write_all(link, 0, &command::writes(write, &[]).map_err(Refused::Words)?).await;
    };
    let missing = || Refused::Words(format!("the device has no SunSpec model {number}"));
    let short = || Refused::Words(format!("SunSpec model {number} of the device is too short"));
    let model = *link.models.get(&number).ok_or_else(missing)?;
    if first + count > model.length {
        return Err(short());
    }
    let address = model.address.checked_add(first).ok_or_else(short)?;
    let now = link.read(site::RegisterTable::Holding, address, count).await?;
    write_all(link, model.address, &command::writes(write, &now).map_err(Refused::Words)?).await
}

/// Writes from a register on, one after the other.
async fn write_all(link: &mut Link, base: u16, writes: &[command::Write]) -> Result<(), Refused> {
    let mut may_refuse = command::comes_again(writes);
    for (offset, words) in writes {
        let beyond = || Refused::Words("there is no register beyond 65535".to_owned());
        let address = base.checked_add(*offset).ok_or_else(beyond)?;
        match link.write(address, words).await {
            Err(LinkError::Exception(_)) if may_refuse => {}
            result => result?,
        }
        may_refuse = false;
    }
    Ok(())
}
