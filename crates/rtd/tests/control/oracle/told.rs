//! What devices are told, when they get their own control back, and what they have answered.

use control::Cause;
use rtd::core::FieldWrite;

use super::{ANSWER_MAX_MS, Giving, Oracle, Owner, Unit, Up};
use crate::sites::{RATED, UNITS};

impl Oracle {
    /// What the plant does was read since it was taken over: the output goes on from there.
    pub(super) fn read_again(&mut self) {
        let read = self.unread.is_some_and(|since| self.read >= since || self.now >= self.reverts_until);
        if let Some(base) = self.base().filter(|_| read) {
            (self.unread, self.began) = (None, self.actual());
            (self.at, self.moved, self.loose) = (Some(base), self.now, false);
            (self.way, self.handle.anew) = (None, true);
        }
    }

    /// Devices get their own control back exactly when they have to.
    pub(super) fn released(&mut self, writes: &[(usize, u64, FieldWrite)]) {
        let gives = match self.handle.left {
            None => false,
            Some(Some(Cause::Local | Cause::Taken)) => self.rules.disables,
            Some(_) => true,
        };
        for at in 0..self.units.len() {
            let device = UNITS + at;
            let written = writes.iter().find(|(to, _, write)| *to == device && value(*write).is_none());
            let is = written.is_some();
            let due = self.units[at].giving.is_some_and(|giving| giving.again() <= self.now);
            let again = due && self.owner == Owner::Local && self.remote() != Some(false);
            let back = self.handle.asked_back.get(at).copied().unwrap_or_default();
            if is && !gives && !again && !back {
                self.fail(format!("device {device} is released without a reason"));
            }
            if !is && again && !gives {
                self.fail(format!(
                    "device {device} did not take its own control back, and is not asked again"
                ));
            }
            if !is && gives && self.units[at].holds && self.up[device] == Up::Yes {
                let why = self.handle.left;
                self.fail(format!("device {device} keeps what it was told, released for {why:?}"));
            }
            self.units[at].holds &= !is;
            if let Some((_, request, _)) = written.filter(|_| self.handle.asked_back.is_empty()) {
                self.units[at].giving = Some(Giving { request: *request, at: self.now, refused: false });
            }
            if self.owner == Owner::Local && self.remote() == Some(false) {
                self.units[at].giving = None;
            }
            self.counts.released += u64::from(is);
        }
        if self.handle.left.is_some() {
            self.forget();
        }
    }

    /// Somebody drives: what was told, and where that leaves the output.
    pub(super) fn driven(&mut self, writes: &[(usize, u64, FieldWrite)]) {
        let devices = self.devices() == Some(true);
        if devices
            && self.astray
            && let Some(base) = self.base()
        {
            (self.at, self.moved, self.loose, self.astray) = (Some(base), self.now, false, false);
            (self.way, self.handle.anew) = (None, true);
        } else if !devices {
            self.astray = true;
        }
        if self.rules.is_dispatch() {
            for at in 0..self.units.len() {
                if self.up[UNITS + at] != Up::Yes {
                    let Unit { holds, giving, .. } = self.units[at];
                    self.units[at] = Unit { holds, giving, ..Unit::default() };
                }
            }
        }
        // Who is still waited for is told nothing new yet.
        let waits = self.units.iter().any(|unit| unit.open.is_some());
        for (device, request, write) in writes {
            let Some(told) = value(*write) else { continue };
            let revert = match write {
                FieldWrite::SunSpec704 { revert_s, .. } | FieldWrite::SunSpec123 { revert_s, .. } => {
                    *revert_s
                }
                _ => 0,
            };
            if revert != self.rules.revert_s {
                self.fail(format!("told to fall back after {revert} s"));
            }
            if self.astray && devices || self.unread.is_some() {
                self.fail(format!("device {device} is told {told} before it is known where it stands"));
            }
            if self.up[*device] != Up::Yes {
                self.fail(format!("device {device} is told {told} while it does not answer"));
            }
            let turn = self.totals.len();
            if let Some(unit) = device.checked_sub(UNITS).and_then(|at| self.units.get_mut(at)) {
                *unit = Unit {
                    told: Some(told),
                    open: Some(*request),
                    asked: told,
                    asked_turn: turn,
                    holds: true,
                    giving: None,
                    ..*unit
                };
            } else {
                self.fail(format!("device {device} carries out nothing"));
            }
        }
        if self.wrong.is_none() {
            self.judge_output(waits, devices);
        }
        self.note_total();
        self.watch();
    }

    /// Whether each unit that has a part was told one; what that comes to.
    pub(super) fn total(&self) -> Option<f64> {
        let there = |at: &usize| !self.rules.is_dispatch() || self.up[UNITS + at] == Up::Yes;
        let mut units = (0..self.units.len()).filter(there).peekable();
        units.peek()?;
        units.map(|at| self.units[at].told).sum()
    }

    pub(super) fn note_total(&mut self) {
        if let Some(total) = self.total()
            && self.totals.last() != Some(&total)
        {
            self.totals.push(total);
        }
        let last = self.totals.len().saturating_sub(1);
        for unit in &mut self.units {
            // The same as before is done already.
            if unit.open.is_none() && unit.told.is_some() && unit.confirmed == unit.told {
                unit.done = last;
            }
        }
    }

    /// A device answered a write.
    pub(crate) fn written(&mut self, device: usize, request: u64, good: bool) {
        let Some(unit) = device.checked_sub(UNITS).and_then(|at| self.units.get_mut(at)) else { return };
        if let Some(giving) = unit.giving.as_mut().filter(|giving| giving.request == request) {
            giving.refused = !good;
            if good {
                unit.giving = None;
            }
            return;
        }
        if unit.open != Some(request) {
            return;
        }
        unit.open = None;
        if good {
            (unit.confirmed, unit.failed) = (Some(unit.asked), false);
            unit.done = unit.asked_turn;
        } else {
            unit.failed = true;
        }
    }

    pub(super) fn forget(&mut self) {
        for unit in &mut self.units {
            *unit = Unit { holds: unit.holds, giving: unit.giving, ..Unit::default() };
        }
    }

    /// Nobody refreshes the devices from now on.
    pub(super) fn leave_alone(&mut self) {
        let revert = u64::from(self.rules.revert_s);
        self.reverts_until = if revert > 0 { self.now + revert * 1_000 + ANSWER_MAX_MS } else { self.now };
        self.unread = None;
    }
}

/// What a write tells, in megawatts; `None`: it is a release.
pub(super) fn value(write: FieldWrite) -> Option<f64> {
    match write {
        FieldWrite::SunSpec704 { watts, .. } => Some(watts / 1e6),
        FieldWrite::SunSpec123 { percent, .. } => Some(percent / 100.0 * RATED),
        _ => None,
    }
}
