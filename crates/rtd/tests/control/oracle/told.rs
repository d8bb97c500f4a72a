//! What devices are told, when they get their own control back, and what they have answered.

use control::Cause;
use rtd::core::FieldWrite;

use super::{Giving, NEAR, Oracle, Owner, Unit, Up};
use crate::sites::{ASKED, Drives, RATED, SHARES, UNITS};

impl Oracle {
    /// Devices that cannot be told anything may do something else by themselves: the output goes on from what the
    /// plant is read to do once they can be told again, as after a take-over.
    pub(super) fn read_again(&mut self) {
        if self.owner == Owner::Local {
            return;
        }
        // Where nobody takes anything the output begins anew, from what is read a while later.
        let refuses = |at: usize| self.units[at].refuses && self.units[at].failed;
        let refused = match self.rules.is_dispatch() {
            true => self.there().next().is_some() && self.there().all(refuses),
            false => self.there().any(refuses),
        };
        if refused && !self.apart {
            self.unread = Some(self.now + 2_000);
            self.counts.refused_all += 1;
        }
        // Nor is it known what comes of a release that is on its way.
        let may_take_it =
            |unit: &Unit| unit.giving.is_some_and(|giving| !giving.refused && self.now < giving.at + 15_000);
        // Nor of what a device that is there was asked in another life.
        let may_do_it = |at: usize| {
            let under_way = self.units[at].under_way;
            self.up[UNITS + at] == Up::Yes && under_way.is_some_and(|open| self.now < open.at + 15_000)
        };
        let under_way = (0..self.units.len()).any(may_do_it);
        self.counts.under_way += u64::from(under_way);
        if (under_way || self.units.iter().any(may_take_it)) && !self.apart {
            self.unread = Some(self.now + 2_000);
        }
        let apart = self.devices() != Some(true) || self.units_remote() == Some(false);
        if apart || self.apart {
            self.unread = Some(self.now);
        }
        self.apart = apart;
        let Some(since) = self.unread else { return };
        let mut doubts = false;
        if self.units_remote() == Some(false) || (self.rules.is_dispatch() && self.devices() != Some(true)) {
            doubts = true;
        }
        self.way = None;
        // What is made beside it is of this moment, too.
        self.beside.known(self.aux_good().filter(|_| self.rules.aux));
        let beside = self.rules.aux && self.aux_good().is_some();
        let read_at = if beside { self.read.min(self.read_beside) } else { self.read };
        let read = self.base().zip(self.actual()).filter(|_| !apart && read_at >= since);
        let Some((base, actual)) = read else {
            // Whatever they were told and have confirmed before counts for nothing.
            for unit in &mut self.units {
                *unit = Unit { failed: unit.failed, ..unit.fresh() };
            }
            self.totals.clear();
            (self.others_since, self.was) = (0, Vec::new());
            self.began = None;
            if doubts {
                self.doubt();
            }
            return;
        };
        (self.unread, self.began) = (None, Some(actual));
        (self.at, self.moved, self.loose, self.lost) = (Some(base), self.now, false, false);
        self.handle.anew = true;
        self.silent.blur = 0.0;
        let about = self.about(actual);
        let output = self.begin_beside(actual);
        if let Some(more) = self.more.take() {
            self.target = Some((about + more).clamp(-ASKED, ASKED));
            self.rough = output.is_none();
        }
        if self.owner == Owner::Fallback {
            (self.target, self.rough) = (output, false);
        }
    }

    /// Devices get their own control back exactly when they have to.
    pub(super) fn released(&mut self, writes: &[(usize, u64, FieldWrite)]) {
        // With its switch in local the plant has the devices, whatever they do.
        let tripped = self.breaker() == Some(false) && self.remote() != Some(false);
        let gives = match self.handle.left {
            Some(cause) => self.rules.disables || cause == Some(Cause::Tripped),
            None => self.owner == Owner::Local && tripped,
        };
        for at in 0..self.units.len() {
            let device = UNITS + at;
            let written = writes.iter().find(|(to, _, write)| *to == device && value(*write).is_none());
            let is = written.is_some();
            let due = self.units[at].giving.is_some_and(|giving| !giving.left && giving.again() <= self.now);
            let again = due && self.owner == Owner::Local && self.remote() != Some(false);
            if is && !gives && !again {
                self.fail(format!("device {device} is released without a reason"));
            }
            if !is && again {
                self.fail(format!(
                    "device {device} did not take its own control back, and is not asked again"
                ));
            }
            let Unit { holds, giving, .. } = self.units[at];
            if !is && gives && holds && giving.is_none_or(|giving| giving.left) && self.up[device] == Up::Yes
            {
                let why = self.handle.left;
                self.fail(format!("device {device} keeps what it was told, released for {why:?}"));
            }
            if let Some((_, request, _)) = written {
                self.units[at].giving =
                    Some(Giving { request: *request, at: self.now, refused: false, left: false });
            }
            if self.owner == Owner::Local && self.remote() == Some(false) {
                let asked = self.units[at].giving.filter(|giving| !giving.refused);
                self.units[at].giving = asked.map(|giving| Giving { left: true, ..giving });
            }
            self.counts.released += u64::from(is);
        }
        if self.handle.left.is_some() {
            self.forget();
        }
    }

    /// Somebody drives: what was told, and where that leaves the output.
    pub(super) fn driven(&mut self, writes: &[(usize, u64, FieldWrite)]) {
        if self.rules.is_dispatch() {
            for at in 0..self.units.len() {
                if self.up[UNITS + at] != Up::Yes {
                    let Unit { holds, giving, failed, under_way, .. } = self.units[at];
                    // While the plant is read anew its refusal is the last that was heard of it.
                    let failed = failed && self.unread.is_some();
                    // Once it is back it has to take what it counts for before it gets another part.
                    let refuses = self.unread.is_none();
                    self.units[at] = Unit { failed, refuses, holds, giving, under_way, ..Unit::default() };
                }
            }
        }
        // Who is still waited for is told nothing new yet.
        let waits = self.units.iter().any(|unit| unit.open.is_some() && !unit.refuses);
        let one_refuses = self.one_refuses();
        for (device, request, write) in writes {
            let Some(told) = value(*write) else { continue };
            let refuses =
                device.checked_sub(UNITS).and_then(|at| self.units.get(at)).is_some_and(|unit| unit.failed);
            if one_refuses && !refuses {
                self.goes_on(*device, told);
            }
            let revert = match write {
                FieldWrite::SunSpec704 { revert_s, .. } | FieldWrite::SunSpec123 { revert_s, .. } => {
                    *revert_s
                }
                _ => 0,
            };
            if revert != self.rules.revert_s {
                self.fail(format!("told to fall back after {revert} s"));
            }
            if self.unread.is_some() {
                self.fail(format!("device {device} is told {told} before it is known where it stands"));
            }
            if self.up[*device] != Up::Yes {
                self.fail(format!("device {device} is told {told} while it does not answer"));
            }
            if let Some(at) =
                device.checked_sub(UNITS).filter(|at| self.units.get(*at).is_some_and(|unit| unit.refuses))
                && self.rules.is_dispatch()
                && !self.silent.may_count(at, told)
            {
                self.fail(format!("device {device} refuses, and is told {told} and not what it does"));
            }
            let turn = self.totals.len();
            if let Some(at) = device.checked_sub(UNITS).filter(|at| *at < self.units.len()) {
                let off = (told - self.silent.kept[at].unwrap_or(0.0)).abs();
                self.silent.asked[at] = self.silent.asked[at].max(off);
            }
            if let Some(unit) = device.checked_sub(UNITS).and_then(|at| self.units.get_mut(at)) {
                *unit = Unit {
                    told: Some(told),
                    open: Some(*request),
                    asked_at: self.now,
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
            self.judge_output(waits);
        }
        self.note_total(waits);
        self.watch();
    }

    /// While another refuses a device is told again what it took last, as far as that may be.
    fn goes_on(&mut self, device: usize, told: f64) {
        let at = device.checked_sub(UNITS);
        let took = at.and_then(|at| self.silent.kept.get(at)?.filter(|_| self.silent.sure[at]));
        let share = at.and_then(|at| SHARES.get(at).copied()).unwrap_or(1.0);
        let may = |took: f64| self.bounds().map_or(took, |bounds| bounds.held(took / share) * share);
        if took.is_none_or(|took| (may(took) - told).abs() > NEAR) {
            self.fail(format!("device {device}, which took {took:?}, is told {told} while another refuses"));
        }
    }

    /// One of several with fixed shares refuses: the others stay where they are.
    pub(super) fn one_refuses(&self) -> bool {
        self.rules.drives == Drives::Shares && self.units.iter().any(|unit| unit.failed)
    }

    /// Whether each unit that has a part was told one; what that comes to.
    pub(super) fn total(&self) -> Option<f64> {
        let mut units = self.there().filter(|at| !self.rules.is_dispatch() || self.takes(*at)).peekable();
        units.peek()?;
        let told: Option<f64> = units.map(|at| self.units[at].told).sum();
        Some(told? + self.counted())
    }

    pub(super) fn note_total(&mut self, waits: bool) {
        if let Some(total) = self.total().filter(|_| !self.one_refuses()).map(|total| total - self.aux())
            && self.totals.last().is_none_or(|(last, mixed)| *last != total || (*mixed && !waits))
        {
            self.totals.push((total, waits));
        }
        let last = self.totals.len().saturating_sub(1);
        for unit in &mut self.units {
            // With another auxiliary load a unit is told something else for the same.
            unit.asked_turn = unit.asked_turn.min(last);
            // The same as before is done already.
            if unit.open.is_none() && unit.told.is_some() && unit.confirmed == unit.told {
                unit.done = last;
            }
        }
        if self.unread.is_none() && self.there().all(|at| self.units[at].confirmed.is_some()) {
            self.began = None;
        }
    }

    /// A device answered a write.
    pub(crate) fn written(&mut self, device: usize, request: u64, good: bool) {
        let Some(unit) = device.checked_sub(UNITS).and_then(|at| self.units.get_mut(at)) else { return };
        let open = unit.under_way.filter(|open| open.request == request);
        let under_way = open.is_some();
        if let Some(open) = open {
            unit.under_way = None;
            if good {
                let at = device - UNITS;
                (self.silent.kept[at], self.silent.sure[at]) = (Some(open.asked), open.sure);
                self.silent.hazy[at] = false;
            }
        }
        let gives = unit.giving.is_some_and(|giving| giving.request == request);
        if (under_way || gives) && self.owner != Owner::Local && !self.apart {
            // What it does from now on has to be read.
            self.unread = Some(self.now + 2_000);
        }
        if under_way {
            return;
        }
        if let Some(giving) = unit.giving.as_mut().filter(|giving| giving.request == request) {
            giving.refused = !good;
            if giving.left {
                unit.giving = None;
            }
            if good {
                (unit.giving, unit.holds) = (None, false);
                (self.silent.kept[device - UNITS], self.silent.sure[device - UNITS]) = (None, false);
                self.silent.hazy[device - UNITS] = false;
            }
            return;
        }
        if unit.open != Some(request) {
            return;
        }
        let back = unit.refuses && good;
        (unit.open, unit.refuses) = (None, !good);
        if good {
            (unit.confirmed, unit.failed) = (Some(unit.asked), false);
            (self.silent.kept[device - UNITS], self.silent.sure[device - UNITS]) = (Some(unit.asked), true);
            self.silent.asked[device - UNITS] = 0.0;
            self.silent.hazy[device - UNITS] = false;
            unit.done = unit.asked_turn;
            if back && self.rules.is_dispatch() {
                // It gets another part now, and so do the others.
                self.others();
            }
            return;
        }
        unit.failed = true;
        let asked = unit.asked;
        self.others();
        if self.silent.kept[device - UNITS].is_none() {
            (self.silent.kept[device - UNITS], self.silent.sure[device - UNITS]) = (Some(asked), false);
        }
    }

    pub(super) fn forget(&mut self) {
        for unit in &mut self.units {
            *unit = unit.fresh();
        }
        self.doubt();
    }

    /// Somebody else may move them.
    fn doubt(&mut self) {
        self.silent.doubt();
        for open in self.units.iter_mut().filter_map(|unit| unit.under_way.as_mut()) {
            open.sure = false;
        }
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
