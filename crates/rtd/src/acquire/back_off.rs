//! How long a device that failed is left alone.

use std::time::Duration;

use tokio::time::Instant;

use crate::core::{DeviceFailure, FailureKind};

/// The wait after the second failure in a row; it doubles with each further one. After the first there is none: one
/// lost answer should not cost a poll.
const WAIT_MIN: Duration = Duration::from_millis(500);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(8);
/// A wait is shortened by less than a quarter, by each device differently, so that devices that failed together do
/// not come back together.
const JITTER_PARTS: u64 = 4;

/// The failures of one device.
#[derive(Debug)]
pub(crate) struct BackOff {
    seed: u64,
    failures: u32,
    until: Option<Instant>,
    last: Option<DeviceFailure>,
}

impl BackOff {
    /// None yet. The id of the device decides on its jitter.
    pub(crate) fn new(id: &str) -> Self {
        Self { seed: hash(id.as_bytes()), failures: 0, until: None, last: None }
    }

    pub(crate) fn clear(&mut self) {
        (self.failures, self.until, self.last) = (0, None, None);
    }

    pub(crate) fn failed(&mut self, failure: &DeviceFailure) {
        self.failures = self.failures.saturating_add(1);
        self.until = wait(self.failures, self.seed).map(|wait| Instant::now() + wait);
        self.last = Some(failure.clone());
    }

    pub(crate) fn waits(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// Until when it waits; `None`: it does not.
    #[cfg(feature = "mqtt")]
    pub(crate) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The last failure.
    pub(crate) fn failure(&self) -> DeviceFailure {
        self.last.clone().unwrap_or_else(|| DeviceFailure {
            kind: FailureKind::Unreachable,
            words: "not connected".to_owned(),
        })
    }
}

/// The wait after so many failures in a row: the same for the same device each time it runs.
fn wait(failures: u32, seed: u64) -> Option<Duration> {
    let doublings = failures.checked_sub(2)?.min(8);
    let whole = WAIT_MIN.saturating_mul(1 << doublings).min(WAIT_MAX);
    Some(less(whole, seed ^ u64::from(failures)))
}

/// A pause less the jitter of the device of this id.
pub(crate) fn shortened(pause: Duration, id: &str) -> Duration {
    less(pause, hash(id.as_bytes()))
}

fn less(whole: Duration, seed: u64) -> Duration {
    let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
    let most = (millis / JITTER_PARTS).max(1);
    Duration::from_millis(millis.saturating_sub(hash(&seed.to_be_bytes()) % most))
}

/// FNV-1a: small, and the same on every machine.
fn hash(octets: &[u8]) -> u64 {
    octets
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(id: &str) -> Vec<Option<u128>> {
        (0..10).map(|failures| wait(failures, hash(id.as_bytes())).map(|wait| wait.as_millis())).collect()
    }

    #[test]
    fn the_back_off_doubles_up_to_its_limit_less_a_jitter() {
        let whole = [None, None, Some(500), Some(1_000), Some(2_000), Some(4_000), Some(8_000), Some(8_000)];
        for (wait, whole) in waits("inv1").into_iter().zip(whole) {
            assert_eq!(wait.is_some(), whole.is_some());
            if let (Some(wait), Some(whole)) = (wait, whole) {
                assert!(wait <= whole && wait > whole - whole / 4, "{wait} of {whole}");
            }
        }
        assert!(wait(u32::MAX, 7).is_some_and(|wait| wait <= WAIT_MAX));
    }

    #[test]
    fn the_jitter_is_the_devices_own_and_always_the_same() {
        assert_eq!(waits("inv1"), waits("inv1"));
        assert_ne!(waits("inv1"), waits("inv2"));
    }
}
