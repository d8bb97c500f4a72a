//! When which scan is due. What could not be made in its time is left out: nothing piles up.

use alloc::vec::Vec;
use core::time::Duration;

use super::Scan;
use crate::Time;

/// A period of nothing would leave no time for anything else.
const PERIOD_MIN: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy)]
struct Beat {
    due: Time,
    runs: u32,
}

/// The scans of a connection whose start-up is done.
#[derive(Debug, Default)]
pub(super) struct Scans {
    beats: Vec<Beat>,
}

impl Scans {
    pub(super) fn stop(&mut self) {
        self.beats.clear();
    }

    /// The start-up has read everything: each scan is due one period on. Those that run keep their beat.
    pub(super) fn start(&mut self, scans: &[Scan], now: Time) {
        if self.beats.is_empty() {
            self.beats
                .extend(scans.iter().map(|scan| Beat { due: now.saturating_add(period(scan)), runs: 0 }));
        }
    }

    /// When the next scan is due.
    pub(super) fn due(&self) -> Option<Time> {
        self.beats.iter().map(|beat| beat.due).min()
    }

    /// The scan that has waited longest, whether it is to be an integrity poll, and how many runs were left out.
    pub(super) fn next(&mut self, scans: &[Scan], now: Time) -> Option<(usize, bool, u64)> {
        let beats = self.beats.iter_mut().zip(scans).enumerate();
        let (at, (beat, scan)) =
            beats.filter(|(_, (beat, _))| beat.due <= now).min_by_key(|(_, (beat, _))| beat.due)?;
        let period = period(scan);
        let late = now.saturating_sub(beat.due).as_nanos().checked_div(period.as_nanos()).unwrap_or_default();
        let left_out = u32::try_from(late).unwrap_or(u32::MAX);
        beat.due = beat.due.saturating_add(period.saturating_mul(left_out.saturating_add(1)));
        if beat.due <= now {
            beat.due = now.saturating_add(period);
        }
        beat.runs = beat.runs.saturating_add(1);
        let integrity = scan.integrity_every != 0 && beat.runs >= scan.integrity_every;
        if integrity {
            beat.runs = 0;
        }
        Some((at, integrity, left_out.into()))
    }
}

fn period(scan: &Scan) -> Duration {
    scan.period.max(PERIOD_MIN)
}
