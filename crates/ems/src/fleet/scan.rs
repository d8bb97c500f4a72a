//! The beat of a device's scans: which is due, which was answered, which was missed.
//!
//! A scan is missed when nothing was answered between its beat and the next, whatever the cause: the ISO counts
//! what it did not get, not whose fault it was.

use std::time::Duration;

use telemetry::Mono;

use crate::model::{Device, ScanMode};

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanKind {
    /// Events of classes 1, 2, 3 and all static values.
    Integrity,
    /// Events of classes 1, 2, 3.
    Events,
    /// All static values.
    Class0,
}

impl ScanKind {
    /// As in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::Events => "events",
            Self::Class0 => "class0",
        }
    }
}

/// A beat that passed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missed {
    pub(super) kind: ScanKind,
    pub(super) waited: Duration,
}

/// The beat of one device.
#[derive(Debug)]
pub(super) struct Beat {
    mode: ScanMode,
    integrity_scans: u32,
    /// Scans since the last integrity poll that was answered.
    since_integrity: u32,
    /// The beat that still waits for an answer.
    open: Option<(ScanKind, Mono)>,
    /// The read that is on its way.
    in_flight: Option<(ScanKind, Mono)>,
    /// The session's start-up is done.
    started: bool,
    pub(super) scans: u64,
    pub(super) missed: u64,
    /// Points reported since the read on its way was asked for.
    pub(super) points: usize,
}

impl Beat {
    pub(super) fn new(device: &Device) -> Self {
        Self {
            mode: device.scan_mode,
            integrity_scans: device.integrity_scans,
            since_integrity: 0,
            open: None,
            in_flight: None,
            started: false,
            scans: 0,
            missed: 0,
            points: 0,
        }
    }

    /// The session came up; its start-up reads everything.
    pub(super) fn up(&mut self, now: Mono) {
        self.in_flight = Some((ScanKind::Integrity, now));
        self.started = false;
        self.points = 0;
    }

    /// The session went down.
    pub(super) fn down(&mut self) {
        self.in_flight = None;
        self.started = false;
    }

    /// A scan is due: tells what the one before missed, and what to ask for now, if it can be asked for.
    pub(super) fn due(&mut self, now: Mono) -> (Option<Missed>, Option<ScanKind>) {
        let missed = self.open.take().map(|(kind, since)| Missed { kind, waited: now.since(since) });
        if missed.is_some() {
            self.scans += 1;
            self.missed += 1;
        }
        let kind = match self.mode {
            ScanMode::Class0 => ScanKind::Class0,
            ScanMode::Events if self.since_integrity.saturating_add(1) >= self.integrity_scans => {
                ScanKind::Integrity
            }
            ScanMode::Events => ScanKind::Events,
        };
        self.open = Some((kind, now));
        if !self.started || self.in_flight.is_some() {
            return (missed, None);
        }
        self.in_flight = Some((kind, now));
        self.points = 0;
        (missed, Some(kind))
    }

    /// The read on its way was answered in full: its kind and how long that took.
    pub(super) fn answered(&mut self, now: Mono) -> Option<(ScanKind, Duration)> {
        let (kind, since) = self.in_flight.take()?;
        self.started = true;
        self.open = None;
        self.scans += 1;
        self.since_integrity =
            if kind == ScanKind::Events { self.since_integrity.saturating_add(1) } else { 0 };
        Some((kind, now.since(since)))
    }

    /// The read on its way came to nothing.
    pub(super) fn failed(&mut self) {
        if self.started {
            self.in_flight = None;
        }
    }

    /// Whether the read on its way is the session's start-up.
    pub(super) fn is_starting(&self) -> bool {
        !self.started && self.in_flight.is_some()
    }
}
