//! Who commands, what a master is answered, and how it changes hands.

use control::Cause;
use control::authority::EDGES;

use super::{NEAR, Oracle, Owner, Unit};
use crate::counts::STATUSES;
use crate::sites::{ASKED, HOLD_MS, Loss, MW, PLC, PULSE, Rules};

impl Oracle {
    pub(crate) fn session(&mut self, master: usize, up: bool) {
        self.sessions[master] = up;
        if self.owner == Owner::Iso(master) {
            self.away = if up { None } else { self.away.or(Some(self.now)) };
        }
    }

    /// It changes hands.
    pub(super) fn give(&mut self, to: Owner, cause: Cause) {
        let from = self.owner.kind();
        match EDGES.iter().position(|edge| *edge == (from, cause, to.kind())) {
            Some(at) => self.counts.edges[at] += 1,
            None => self.fail(format!("{from} {cause:?} {} is no edge", to.kind())),
        }
        self.handle.expected.push((to.kind(), Some(cause)));
        let was_local = self.owner == Owner::Local;
        (self.owner, self.away, self.way) = (to, None, None);
        match to {
            Owner::Local => self.leave(Some(cause)),
            Owner::Iso(_) => self.start(),
            Owner::Schedule | Owner::Fallback if self.at.is_none() => self.start(),
            Owner::Schedule => {}
            Owner::Fallback => self.target = self.at.filter(|_| !self.loose),
        }
        if was_local {
            self.began = self.actual();
            self.unread = Some(self.now).filter(|now| *now < self.reverts_until);
            self.totals.clear();
        }
    }

    /// Whoever begins to drive begins with what the plant does.
    pub(super) fn start(&mut self) {
        let Some(base) = self.base() else {
            return self.fail("taken over without knowing what the plant does".to_owned());
        };
        (self.at, self.moved, self.loose, self.astray) = (Some(base), self.now, false, false);
        self.target = Some(base);
        self.handle.anew = true;
    }

    pub(super) fn leave(&mut self, cause: Option<Cause>) {
        (self.at, self.target, self.astray, self.loose, self.began) = (None, None, false, false, None);
        // Whoever took over and has not read yet has told nobody anything.
        if self.unread.take().is_none() {
            self.leave_alone();
        }
        self.handle.left = Some(cause);
    }

    /// A master's command was judged; the record of it.
    pub(crate) fn command(
        &mut self,
        master: usize,
        asked: Option<f64>,
        told: Option<f64>,
        mode: &str,
        status: &str,
        effect: &str,
    ) {
        let expected = match asked {
            Some(value) => self.judge(master, value),
            None => Err("NOT_SUPPORTED"),
        };
        let wanted = expected.err().unwrap_or("SUCCESS");
        if status != wanted {
            self.fail(format!("master {master} asks for {asked:?}: answered {status}, not {wanted}"));
        }
        if let Some(at) = STATUSES.iter().position(|known| *known == status) {
            self.counts.statuses[at] += 1;
        }
        let same = |told: f64, asked: f64| (told - asked).abs() <= NEAR || told == asked;
        if let (Some(told), Some(asked)) = (told, asked)
            && asked.is_finite()
            && asked.abs() < 1e6
            && !same(told, asked)
        {
            self.fail(format!("asked for {asked}, understood as {told}"));
        }
        let Ok(value) = expected else {
            if effect != "none" {
                self.fail(format!("refused with {status}, and yet {effect}"));
            }
            return;
        };
        if mode == "select" {
            if effect != "selected" {
                self.fail(format!("a select is {effect}"));
            }
            return;
        }
        let repeats = self.owner == Owner::Iso(master) && self.target == Some(value);
        if let Some((_, within)) = self.rules.commands_max
            && !repeats
        {
            let (since, count) = self.counted;
            self.counted = if self.now - since < within { (since, count + 1) } else { (self.now, 1) };
        }
        self.heard = self.now;
        let wanted = if self.owner != Owner::Iso(master) {
            self.give(Owner::Iso(master), Cause::Command);
            "taken-over"
        } else if repeats {
            "repeated"
        } else {
            "changed"
        };
        self.target = Some(value);
        if effect != wanted {
            self.fail(format!("{value} of master {master} is {effect}, not {wanted}"));
        }
    }

    /// What a pulse asks for.
    pub(crate) fn pulsed(&self, master: usize, raise: bool, count: u8) -> f64 {
        let owned = self.owner == Owner::Iso(master);
        let from = if owned { self.target } else { self.actual() };
        let more = PULSE * f64::from(count);
        from.map_or(-ASKED, |from| (if raise { from + more } else { from - more }).clamp(-ASKED, ASKED))
    }

    pub(super) fn judge(&self, master: usize, value: f64) -> Result<f64, &'static str> {
        if !self.rules.rights[master] {
            return Err("NOT_AUTHORIZED");
        }
        if value.is_nan() || value.abs() > ASKED + 0.5 / MW + 1e-12 {
            return Err("OUT_OF_RANGE");
        }
        let value = value.clamp(-ASKED, ASKED);
        if let Some((most, within)) = self.rules.commands_max {
            let repeats = self.owner == Owner::Iso(master) && self.target == Some(value);
            let (since, count) = self.counted;
            if !repeats && self.now - since < within && count >= most {
                return Err("TOO_MANY_OPS");
            }
        }
        if matches!(self.owner, Owner::Iso(owner) if owner != master && self.sessions[owner]) {
            return Err("BLOCKED_OTHER_MASTER");
        }
        if self.is_inhibited() {
            return Err("AUTOMATION_INHIBIT");
        }
        if self.is_local() {
            return Err("LOCAL");
        }
        let units_remote =
            if self.rules.units_remote { self.of(PLC, self.said.units_remote) } else { Some(true) };
        if units_remote == Some(false) {
            return Err("DOWNSTREAM_LOCAL");
        }
        if self.breaker() == Some(false) {
            return Err("BLOCKED");
        }
        let known = self.remote().and(self.breaker()).and(units_remote).and(self.actual()).is_some();
        if !known || self.devices() != Some(true) || self.bounds().is_none() {
            return Err("DOWNSTREAM_FAIL");
        }
        Ok(value)
    }

    pub(crate) fn take(&mut self) {
        self.held_here = true;
        self.end_here();
    }

    pub(crate) fn give_back(&mut self) {
        self.held_here = false;
    }

    pub(crate) fn end_here(&mut self) {
        if self.owner != Owner::Local {
            self.give(Owner::Local, Cause::Taken);
        }
    }

    pub(crate) fn put_schedule(&mut self) {
        let may = !self.is_inhibited()
            && !self.is_local()
            && self.breaker() != Some(false)
            && self.schedule().is_some()
            && self.bounds().is_some()
            && (self.at.is_some() || self.actual().is_some());
        if may && self.owner != Owner::Schedule {
            self.give(Owner::Schedule, Cause::Scheduled);
        }
    }

    pub(crate) fn authority(&mut self, owner: &'static str, cause: Option<Cause>) {
        self.handle.received.push((owner, cause));
    }

    /// Another configuration is run.
    pub(crate) fn reload(&mut self, rules: Rules, is_like: bool) {
        let may = match self.owner {
            Owner::Iso(master) => rules.rights[master],
            _ => true,
        };
        self.rules = rules;
        if is_like && may {
            return;
        }
        if self.owner != Owner::Local {
            self.handle.expected.push(("local", None));
            self.owner = Owner::Local;
            self.counts.withdrawn += 1;
            self.leave(None);
        }
        (self.counted, self.heard, self.away, self.way) = ((self.now, 0), self.now, None, None);
        self.leave_alone();
        self.handle.asked_back = self.units.iter().map(|unit| unit.giving.is_some()).collect();
        if self.handle.left.is_none() {
            self.units.fill(Unit::default());
        }
        self.units.iter_mut().for_each(|unit| unit.giving = None);
        self.forget();
    }

    /// Who loses it now.
    pub(super) fn settle_owner(&mut self) {
        if self.owner == Owner::Local {
            return;
        }
        if self.remote() == Some(false) {
            self.give(Owner::Local, Cause::Local);
        } else if self.breaker() == Some(false) {
            self.give(Owner::Local, Cause::Tripped);
        } else if self.is_inhibited() {
            self.give(Owner::Local, Cause::Inhibited);
        } else if let Owner::Iso(_) = self.owner {
            let lost = self.away.is_some_and(|since| since + HOLD_MS <= self.now);
            let silent = self.rules.silence_ms.is_some_and(|most| self.heard + most <= self.now);
            let cause = if lost { Cause::LinkLost } else { Cause::Silence };
            if lost || silent {
                let to = match self.rules.loss {
                    Loss::Release => Owner::Local,
                    Loss::Schedule if self.schedule().is_some() => Owner::Schedule,
                    Loss::Schedule | Loss::Hold => Owner::Fallback,
                };
                self.give(to, cause);
            }
        } else if self.owner == Owner::Schedule && self.schedule().is_none() {
            self.give(Owner::Fallback, Cause::NoSchedule);
        }
        if self.owner == Owner::Schedule {
            self.target = self.schedule();
        }
    }

    pub(crate) fn is_local(&self) -> bool {
        self.held_here || self.remote() == Some(false)
    }

    pub(super) fn is_inhibited(&self) -> bool {
        self.inhibited_until.is_some()
    }
}
