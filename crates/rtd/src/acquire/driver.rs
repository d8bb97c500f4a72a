//! A device's task: the poll beat, writes before polls, back-off after failures.

use std::time::Duration;

use site::{Device, DeviceIx, Protocol, ReadingIx};
use telemetry::clock::SystemClock;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_modbus::ExceptionCode;

use super::command;
use super::link::{Link, LinkError};
use crate::core::{DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading};

/// The wait after the second failure in a row; it doubles with each further one. After the first there is none: one
/// lost answer should not cost a poll.
const BACK_OFF_MIN: Duration = Duration::from_millis(500);
/// The longest wait.
const BACK_OFF_MAX: Duration = Duration::from_secs(8);

/// Polls a device and carries writes to it, until nobody listens to `out` any more.
///
/// One report for each beat of the poll: in a back-off too, where it repeats the last failure without asking the
/// device. Beats missed by a slow device are skipped. A write is answered once, with [`FieldEvent::Written`]; during
/// a back-off at once, with the failure.
pub(crate) async fn drive(
    device: Device,
    at: DeviceIx,
    writes: mpsc::Receiver<(u64, FieldWrite)>,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
) {
    let mut beat = tokio::time::interval(device.poll);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut driver = Driver { device, at, out, clock, writes, link: None, back_off: BackOff::default() };
    let mut writable = true;
    loop {
        let done = tokio::select! {
            biased;
            () = driver.out.closed() => return,
            write = driver.writes.recv(), if writable => match write {
                Some((request, write)) => driver.write(request, write).await,
                None => {
                    writable = false;
                    Ok(())
                }
            },
            _ = beat.tick() => driver.poll().await,
        };
        if done.is_err() {
            return;
        }
    }
}

/// Nobody listens any more.
struct Gone;

struct Driver {
    device: Device,
    at: DeviceIx,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    writes: mpsc::Receiver<(u64, FieldWrite)>,
    link: Option<Link>,
    back_off: BackOff,
}

impl Driver {
    async fn tell(&mut self, event: FieldEvent) -> Result<(), Gone> {
        self.out.send(event).await.map_err(|_| Gone)
    }

    async fn poll(&mut self) -> Result<(), Gone> {
        let sent = self.clock.now();
        let outcome = match self.readings().await? {
            Ok(readings) => {
                self.back_off.clear();
                FieldOutcome::Readings(readings)
            }
            Err(failure) => FieldOutcome::Failed(failure),
        };
        let received = self.clock.now();
        self.tell(FieldEvent::Report(FieldReport { device: self.at, outcome, sent, received })).await
    }

    async fn readings(&mut self) -> Result<Result<Vec<(ReadingIx, Reading)>, DeviceFailure>, Gone> {
        let blocks = match self.linked().await {
            Ok(link) => link.plan.blocks.clone(),
            Err(failure) => return Ok(Err(failure)),
        };
        let mut readings = Vec::new();
        let mut refused = None;
        let mut answered = blocks.is_empty();
        for block in &blocks {
            // A set point does not wait for the end of a long poll.
            while let Ok((request, write)) = self.writes.try_recv() {
                self.write(request, write).await?;
            }
            let Some(link) = &mut self.link else {
                return Ok(Err(self.back_off.failure()));
            };
            match link.read(block.table, block.start, block.count).await {
                Ok(words) => {
                    answered = true;
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
                self.back_off.failed(&failure);
                return Ok(Err(failure));
            }
        }
        Ok(Ok(readings))
    }

    /// The connection, made where there is none.
    async fn linked(&mut self) -> Result<&mut Link, DeviceFailure> {
        if self.link.is_none() {
            if self.back_off.waits() {
                return Err(self.back_off.failure());
            }
            match Link::open(&self.device).await {
                Ok(link) => self.link = Some(link),
                Err(failure) => return Err(self.broken(failure)),
            }
        }
        self.link.as_mut().ok_or_else(|| self.back_off.failure())
    }

    /// Drops the connection: whatever still comes over it is never taken.
    fn broken(&mut self, failure: DeviceFailure) -> DeviceFailure {
        self.link = None;
        self.back_off.failed(&failure);
        tracing::debug!(device = %self.device.id, words = %failure.words, "device failed");
        failure
    }

    async fn write(&mut self, request: u64, write: FieldWrite) -> Result<(), Gone> {
        let result = self.command(&write).await;
        self.tell(FieldEvent::Written { device: self.at, request, result }).await
    }

    async fn command(&mut self, write: &FieldWrite) -> Result<(), String> {
        let link = self.linked().await.map_err(|failure| failure.words)?;
        match carry_out(link, write).await {
            Ok(()) => Ok(()),
            Err(Refused::Words(words)) => Err(words),
            Err(Refused::Link(LinkError::Broken(failure))) => Err(self.broken(failure).words),
            Err(Refused::Link(error)) => {
                Err(error.failure(&format!("SunSpec model {}", command::model(write))).words)
            }
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
    let number = command::model(write);
    let (first, count) = command::needs(write);
    let missing = || Refused::Words(format!("the device has no SunSpec model {number}"));
    let short = || Refused::Words(format!("SunSpec model {number} of the device is too short"));
    let model = *link.models.get(&number).ok_or_else(missing)?;
    if first + count > model.length {
        return Err(short());
    }
    let address = |offset: u16| model.address.checked_add(offset).ok_or_else(short);
    let now = link.read(site::RegisterTable::Holding, address(first)?, count).await?;
    for (offset, words) in command::writes(write, &now).map_err(Refused::Words)? {
        link.write(address(offset)?, &words).await?;
    }
    Ok(())
}

/// How long a device that failed is left alone.
#[derive(Debug, Default)]
struct BackOff {
    failures: u32,
    until: Option<Instant>,
    last: Option<DeviceFailure>,
}

impl BackOff {
    fn clear(&mut self) {
        *self = Self::default();
    }

    fn failed(&mut self, failure: &DeviceFailure) {
        self.failures = self.failures.saturating_add(1);
        self.until = wait(self.failures).map(|wait| Instant::now() + wait);
        self.last = Some(failure.clone());
    }

    fn waits(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    fn failure(&self) -> DeviceFailure {
        self.last.clone().unwrap_or_else(|| DeviceFailure {
            kind: FailureKind::Unreachable,
            words: "not connected".to_owned(),
        })
    }
}

/// The wait after so many failures in a row.
fn wait(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(2)?.min(8);
    Some(BACK_OFF_MIN.saturating_mul(1 << doublings).min(BACK_OFF_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_doubles_up_to_its_limit() {
        let millis: Vec<_> = (0..9).map(|failures| wait(failures).map(|wait| wait.as_millis())).collect();
        let wanted = [None, None, Some(500), Some(1_000), Some(2_000), Some(4_000), Some(8_000), Some(8_000)];
        assert_eq!(millis[..8], wanted);
        assert_eq!(wait(u32::MAX), Some(BACK_OFF_MAX));
    }
}
