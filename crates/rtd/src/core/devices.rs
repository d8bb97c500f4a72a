//! What is known of the devices: whether they answer, and since when not.
//!
//! One lost poll says little: a point keeps its quality until its age limit. A device that cannot be reached, or
//! that twice in a row did not answer in time, is dead, and its points are told so at once.

use std::sync::Arc;

use site::DeviceIx;
use telemetry::{Mono, Now};

use super::field::{DeviceFailure, FailureKind, FieldOutcome, FieldReport};

/// So many polls in a row without an answer in time make a device dead.
const TIMED_OUT_MAX: u32 = 2;

/// A device, as far as the core knows it.
#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) id: Arc<str>,
    pub(crate) state: DeviceState,
    pub(crate) last_answer: Option<Now>,
    pub(crate) last_failure: Option<(Now, DeviceFailure)>,
    pub(crate) polls: u64,
    pub(crate) polls_failed: u64,
    timed_out: u32,
    received: Mono,
}

/// Whether a device answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceState {
    /// Not asked yet.
    Unknown,
    /// Its last poll was answered, or too few have failed since to give it up.
    Up,
    /// Dead.
    Down,
}

impl DeviceState {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A device came up or went down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceChange {
    pub(crate) device: Arc<str>,
    pub(crate) up: bool,
    pub(crate) why: String,
}

/// All devices.
#[derive(Debug)]
pub(crate) struct Devices(Vec<Device>);

impl Devices {
    pub(crate) fn new(ids: Vec<Arc<str>>) -> Self {
        let device = |id| Device {
            id,
            state: DeviceState::Unknown,
            last_answer: None,
            last_failure: None,
            polls: 0,
            polls_failed: 0,
            timed_out: 0,
            received: Mono::ZERO,
        };
        Self(ids.into_iter().map(device).collect())
    }

    /// Has the devices that `keeps` says yes to go on as they were.
    pub(super) fn carry(&mut self, old: Self, keeps: impl Fn(&str) -> bool) {
        for was in old.0 {
            if let Some(device) = self.0.iter_mut().find(|device| device.id == was.id && keeps(&was.id)) {
                *device = was;
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Device> {
        self.0.iter()
    }

    pub(crate) fn get(&self, at: DeviceIx) -> Option<&Device> {
        self.0.get(at.get())
    }

    pub(crate) fn is_dead(&self, at: DeviceIx) -> bool {
        self.get(at).is_some_and(|device| device.state == DeviceState::Down)
    }

    /// Whether the device is known, and the report not older than one already taken of it.
    pub(crate) fn is_news(&self, report: &FieldReport) -> bool {
        self.get(report.device).is_some_and(|device| report.received.mono >= device.received)
    }

    pub(crate) fn report(&mut self, report: &FieldReport) -> Option<DeviceChange> {
        let device = self.0.get_mut(report.device.get())?;
        device.received = report.received.mono;
        device.polls += 1;
        let before = device.state;
        let why = match &report.outcome {
            FieldOutcome::Readings(_) => {
                device.answered(report.received);
                String::new()
            }
            FieldOutcome::Failed(failure) => {
                device.failed(report.received, failure);
                failure.words.clone()
            }
        };
        let change =
            DeviceChange { device: Arc::clone(&device.id), up: device.state == DeviceState::Up, why };
        (device.state != before).then_some(change)
    }
}

impl Device {
    fn answered(&mut self, received: Now) {
        self.state = DeviceState::Up;
        self.timed_out = 0;
        self.last_answer = Some(received);
    }

    fn failed(&mut self, received: Now, failure: &DeviceFailure) {
        self.polls_failed += 1;
        self.last_failure = Some((received, failure.clone()));
        self.timed_out = if failure.kind == FailureKind::TimedOut { self.timed_out + 1 } else { 0 };
        if failure.kind == FailureKind::Unreachable || self.timed_out >= TIMED_OUT_MAX {
            self.state = DeviceState::Down;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(devices: &mut Devices, at_ms: u64, failure: Option<FailureKind>) -> Option<bool> {
        let now = Now::virtual_millis(at_ms);
        let outcome = match failure {
            None => FieldOutcome::Readings(Vec::new()),
            Some(kind) => FieldOutcome::Failed(DeviceFailure { kind, words: format!("{kind:?}") }),
        };
        let report = FieldReport { device: DeviceIx::new(0), outcome, sent: now, received: now };
        devices.report(&report).map(|change| change.up)
    }

    #[test]
    fn two_time_outs_in_a_row_or_one_refusal_kill() {
        let mut devices = Devices::new(vec!["inv1".into()]);
        assert_eq!(poll(&mut devices, 0, None), Some(true));
        assert_eq!(poll(&mut devices, 1, Some(FailureKind::TimedOut)), None);
        assert_eq!(poll(&mut devices, 2, None), None);
        assert_eq!(poll(&mut devices, 3, Some(FailureKind::TimedOut)), None);
        assert_eq!(poll(&mut devices, 4, Some(FailureKind::TimedOut)), Some(false));
        assert_eq!(poll(&mut devices, 5, Some(FailureKind::TimedOut)), None, "told once");
        assert_eq!(poll(&mut devices, 6, None), Some(true));
        assert_eq!(poll(&mut devices, 7, Some(FailureKind::Unreachable)), Some(false));
    }

    #[test]
    fn answers_that_are_wrong_leave_it_to_the_age_limit() {
        let mut devices = Devices::new(vec!["inv1".into()]);
        poll(&mut devices, 0, None);
        for at in 1..9 {
            assert_eq!(poll(&mut devices, at, Some(FailureKind::Exception)), None);
        }
        assert!(!devices.is_dead(DeviceIx::new(0)));
    }
}
