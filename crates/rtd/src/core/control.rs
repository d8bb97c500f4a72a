//! Set points: who may command, what is in force, what the field is told.
//!
//! Authority over a set point is with the plant (`Local`) or with one master (`Iso`). While it is with the plant
//! the held set point follows the actual power, so that whoever takes over starts from where the plant is. A
//! master takes authority by an accepted command, and loses it when its session stays away too long, when the
//! plant goes local or when the unit trips; nothing is ever replayed afterwards.
//!
//! Everything here is plain state and functions of time; nothing knows of points, sessions or sockets.

mod carry;

use std::sync::Arc;
use std::time::Duration;

use ieee1815::CommandStatus;
use site::DeviceIx;
use telemetry::{Mono, PointId, Scale};

use super::MasterIx;
use super::field::FieldWrite;

/// A write that a device refused, or did not get, is tried again after this time.
const RETRY: Duration = Duration::from_secs(2);
/// The longest that a driver's answer to a write is waited for before the write is asked for again.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// What is fixed about a set point.
#[derive(Clone, Debug)]
pub(crate) struct SetPointSpec {
    pub(crate) id: PointId,
    pub(crate) scale: Scale,
    /// Lowest and highest value accepted, in the set point's unit.
    pub(crate) limits: (f64, f64),
    /// How long the owner's session may be away before it loses its authority.
    pub(crate) hold: Duration,
    pub(crate) drives: Vec<DriveSpec>,
}

/// A device that carries out a set point, or its share of one.
#[derive(Clone, Debug)]
pub(crate) struct DriveSpec {
    pub(crate) device: DeviceIx,
    pub(crate) name: Arc<str>,
    pub(crate) kind: DriveKind,
    /// The device falls back by itself when not refreshed for so many seconds; 0: it has no such timer.
    pub(crate) revert_s: u16,
}

/// How a device is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum DriveKind {
    /// Watts for each unit of the set point.
    SunSpec704 { watts_per_unit: f64 },
    /// Percent of the device's rating for each unit of the set point.
    SunSpec123 { percent_per_unit: f64 },
}

impl DriveSpec {
    fn write(&self, value: f64) -> FieldWrite {
        let revert_s = self.revert_s;
        match self.kind {
            DriveKind::SunSpec704 { watts_per_unit } => {
                FieldWrite::SunSpec704 { watts: value * watts_per_unit, revert_s }
            }
            DriveKind::SunSpec123 { percent_per_unit } => {
                let percent = (value * percent_per_unit).clamp(0.0, 100.0);
                FieldWrite::SunSpec123 { percent, revert_s }
            }
        }
    }

    const fn release(&self) -> FieldWrite {
        match self.kind {
            DriveKind::SunSpec704 { .. } => FieldWrite::Release704,
            DriveKind::SunSpec123 { .. } => FieldWrite::Release123,
        }
    }

    /// A refresh is asked for at two fifths of the reversion time, so that it is over before half of it.
    fn refresh(&self) -> Option<Duration> {
        (self.revert_s > 0).then(|| Duration::from_millis(u64::from(self.revert_s) * 400))
    }
}

/// Whether a condition for a command holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    /// It is known to hold, or nothing asks for it.
    Given,
    /// It is known not to hold.
    Withheld,
    /// The point that tells is not good.
    Unknown,
}

impl From<Option<bool>> for Permit {
    fn from(state: Option<bool>) -> Self {
        match state {
            Some(true) => Self::Given,
            Some(false) => Self::Withheld,
            None => Self::Unknown,
        }
    }
}

/// The conditions for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permissives {
    /// The plant offers the unit: its switch is in remote.
    pub(crate) remote: Permit,
    /// The unit is connected.
    pub(crate) connected: Permit,
    /// Every device that carries the set point out answers.
    pub(crate) devices: Permit,
    /// Somebody at the plant took the set point out of service.
    pub(crate) inhibited: bool,
}

/// Who commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authority {
    /// The plant itself.
    Local,
    /// A master.
    Iso { master: MasterIx },
}

/// Why a master lost its authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Released {
    /// Its session stayed away longer than the hold time.
    SessionLost,
    /// The plant was switched to local.
    Local,
    /// The unit is no longer connected.
    Disconnected,
    /// Somebody at the plant took the set point out of service.
    Inhibited,
}

impl Released {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::SessionLost => "the master's session stayed away",
            Self::Local => "the plant was switched to local",
            Self::Disconnected => "the unit was disconnected",
            Self::Inhibited => "the set point was taken out of service",
        }
    }
}

/// A write to ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Write {
    pub(crate) device: DeviceIx,
    pub(crate) request: u64,
    pub(crate) write: FieldWrite,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    request: u64,
    write: FieldWrite,
    /// The set point's value that it stands for.
    value: f64,
    at: Mono,
    answered: bool,
}

/// One device's part of a set point.
#[derive(Clone, Debug)]
struct Drive {
    spec: DriveSpec,
    asked: Option<Asked>,
    /// The set point's value that it does its part of.
    confirmed: Option<f64>,
    failed: Option<String>,
}

impl Drive {
    /// When `write` has to be asked for (again).
    fn due(&self, write: FieldWrite) -> Option<Mono> {
        let Some(asked) = self.asked else { return Some(Mono::ZERO) };
        if !asked.answered {
            return Some(asked.at.plus(ANSWER_MAX));
        }
        if asked.write != write {
            return Some(Mono::ZERO);
        }
        let refresh = self.spec.refresh().map(|after| asked.at.plus(after));
        if self.failed.is_none() {
            return refresh;
        }
        let retry = asked.at.plus(RETRY);
        Some(refresh.map_or(retry, |refresh| refresh.min(retry)))
    }

    fn forget(&mut self) {
        (self.asked, self.confirmed, self.failed) = (None, None, None);
    }
}

/// One set point.
#[derive(Clone, Debug)]
pub(crate) struct SetPoint {
    pub(crate) spec: SetPointSpec,
    authority: Authority,
    /// The value last accepted; of use only while a master owns.
    accepted: Option<f64>,
    /// The value that every device has confirmed since the present owner took over.
    in_force: Option<f64>,
    /// Since when the owner's session is away.
    away_since: Option<Mono>,
    drives: Vec<Drive>,
}

impl SetPoint {
    /// A set point that the plant holds: whatever a master commanded before this start is not taken up again.
    pub(crate) fn new(spec: SetPointSpec) -> Self {
        let drive =
            |spec: &DriveSpec| Drive { spec: spec.clone(), asked: None, confirmed: None, failed: None };
        let drives = spec.drives.iter().map(drive).collect();
        Self { spec, authority: Authority::Local, accepted: None, in_force: None, away_since: None, drives }
    }

    pub(crate) fn authority(&self) -> Authority {
        self.authority
    }

    /// The value accepted from the present owner.
    pub(crate) fn accepted(&self) -> Option<f64> {
        self.accepted.filter(|_| self.authority != Authority::Local)
    }

    /// The value that the devices have confirmed, while a master owns.
    pub(crate) fn in_force(&self) -> Option<f64> {
        self.in_force
    }

    /// The devices whose last write failed, and why.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&DriveSpec, &str)> {
        self.drives.iter().filter_map(|drive| Some((&drive.spec, drive.failed.as_deref()?)))
    }

    /// Judges a command without acting on it, as SELECT wants: the value in units, or why not. `wire` is what came
    /// over the wire, `may_control` the right of the master.
    pub(crate) fn judge(
        &self,
        master: MasterIx,
        may_control: bool,
        wire: f64,
        permissives: Permissives,
    ) -> Result<f64, CommandStatus> {
        if !may_control {
            return Err(CommandStatus::NotAuthorized);
        }
        let value = self.within_limits(wire).ok_or(CommandStatus::OutOfRange)?;
        match self.authority {
            Authority::Iso { master: owner } if owner != master => {
                return Err(CommandStatus::BlockedOtherMaster);
            }
            _ => {}
        }
        match permissives {
            Permissives { inhibited: true, .. } => Err(CommandStatus::AutomationInhibit),
            Permissives { remote: Permit::Withheld, .. } => Err(CommandStatus::Local),
            Permissives { connected: Permit::Withheld, .. } => Err(CommandStatus::Blocked),
            Permissives {
                remote: Permit::Given,
                connected: Permit::Given,
                devices: Permit::Given,
                inhibited: false,
            } => Ok(value),
            // A condition that cannot be seen, or a device that cannot be reached, is the plant's side failing.
            _ => Err(CommandStatus::DownstreamFail),
        }
    }

    /// The value in units, where it is a number within the limits. Counts cannot always say a limit exactly, so one
    /// that is off by half a count is taken for the limit.
    fn within_limits(&self, wire: f64) -> Option<f64> {
        let value = self.spec.scale.to_units(wire);
        let (low, high) = self.spec.limits;
        let slack = self.spec.scale.half_step();
        (value >= low - slack && value <= high + slack).then(|| value.clamp(low, high))
    }

    /// Takes a judged command over. `actual` is what the plant does now: in force until the devices confirm more.
    pub(crate) fn accept(&mut self, master: MasterIx, value: f64, actual: Option<f64>) {
        if self.authority == Authority::Local {
            self.in_force = actual;
        }
        self.authority = Authority::Iso { master };
        self.away_since = None;
        self.accepted = Some(value);
    }

    /// A master's session came up or went down.
    pub(crate) fn session(&mut self, master: MasterIx, up: bool, now: Mono) {
        if self.authority == (Authority::Iso { master }) {
            self.away_since = if up { None } else { self.away_since.or(Some(now)) };
        }
    }

    /// Takes the authority back from a master that lost it. The writes hand the devices back to their own control;
    /// there are none when the plant went local, for then the devices are the operator's.
    pub(crate) fn release(
        &mut self,
        now: Mono,
        permissives: Permissives,
        next_request: &mut u64,
    ) -> Option<(Released, Vec<Write>)> {
        if self.authority == Authority::Local {
            return None;
        }
        let why = if permissives.remote == Permit::Withheld {
            Released::Local
        } else if permissives.connected == Permit::Withheld {
            Released::Disconnected
        } else if permissives.inhibited {
            Released::Inhibited
        } else if self.hold_ends().is_some_and(|end| end <= now) {
            Released::SessionLost
        } else {
            return None;
        };
        let mut writes = Vec::new();
        for drive in &mut self.drives {
            if why != Released::Local && drive.asked.is_some() {
                let write = drive.spec.release();
                writes.push(Write { device: drive.spec.device, request: take(next_request), write });
            }
            drive.forget();
        }
        (self.authority, self.accepted, self.in_force, self.away_since) =
            (Authority::Local, None, None, None);
        Some((why, writes))
    }

    fn hold_ends(&self) -> Option<Mono> {
        self.away_since.map(|since| since.plus(self.spec.hold))
    }

    /// The writes that are due now: a new value once, the same one again before the device's timer runs out, a
    /// failed one after a while.
    pub(crate) fn writes(&mut self, now: Mono, next_request: &mut u64) -> Vec<Write> {
        let Some(value) = self.accepted() else { return Vec::new() };
        let mut writes = Vec::new();
        for drive in &mut self.drives {
            let write = drive.spec.write(value);
            if drive.due(write).is_some_and(|due| due <= now) {
                let request = take(next_request);
                drive.asked = Some(Asked { request, write, value, at: now, answered: false });
                writes.push(Write { device: drive.spec.device, request, write });
            }
        }
        writes
    }

    /// A driver answered a write. Answers to writes that were given up in the meantime change nothing.
    pub(crate) fn written(&mut self, device: DeviceIx, request: u64, result: &Result<(), String>) {
        for drive in &mut self.drives {
            let Some(asked) = drive.asked.as_mut().filter(|asked| asked.request == request) else { continue };
            if drive.spec.device != device {
                continue;
            }
            asked.answered = true;
            match result {
                Ok(()) => (drive.confirmed, drive.failed) = (Some(asked.value), None),
                Err(words) => drive.failed = Some(words.clone()),
            }
        }
        // What all of them do is in force, also where another value was accepted since.
        let mut confirmed = self.drives.iter().map(|drive| drive.confirmed);
        if self.accepted().is_some()
            && let Some(Some(value)) = confirmed.next()
            && confirmed.all(|other| other == Some(value))
        {
            self.in_force = Some(value);
        }
    }

    /// A device is back: it may have restarted, so it is told again, whatever it confirmed before.
    pub(crate) fn device_up(&mut self, device: DeviceIx) {
        self.drives.iter_mut().filter(|drive| drive.spec.device == device).for_each(Drive::forget);
    }

    /// When something here happens by itself next.
    pub(crate) fn due(&self) -> Option<Mono> {
        let value = self.accepted()?;
        let writes = self.drives.iter().filter_map(|drive| drive.due(drive.spec.write(value))).min();
        [writes, self.hold_ends()].into_iter().flatten().min()
    }
}

fn take(next_request: &mut u64) -> u64 {
    let request = *next_request;
    *next_request += 1;
    request
}

#[cfg(test)]
mod tests;
