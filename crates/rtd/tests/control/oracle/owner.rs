//! Who commands, what a master is answered, and how it changes hands.

use control::Cause;
use control::authority::EDGES;

use super::beside::Beside;
use super::{NEAR, Oracle, Owner};
use crate::counts::STATUSES;
use crate::sites::{ASKED, HOLD_MS, Loss, MW, PULSE, Rules};

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
        let goes_on = matches!(to, Owner::Schedule | Owner::Fallback) && self.at.is_some();
        (self.owner, self.away, self.way, self.more) = (to, None, None, None);
        if to == Owner::Local {
            self.leave(Some(cause));
        } else if !goes_on {
            self.start();
        } else if to == Owner::Fallback {
            let at = self.at.filter(|_| !self.loose && self.unread.is_none());
            (self.target, self.rough) = (at.and_then(|at| self.alone(at)), false);
        }
    }

    /// Whoever begins to drive begins with what the plant is read to do next.
    pub(super) fn start(&mut self) {
        let Some(base) = self.base() else {
            return self.fail("taken over without knowing what the plant does".to_owned());
        };
        (self.at, self.moved, self.loose, self.target) = (Some(base), self.now, false, Some(base));
        self.rough = false;
        self.unread = Some(self.now);
    }

    pub(super) fn leave(&mut self, cause: Option<Cause>) {
        (self.at, self.target, self.loose, self.began) = (None, None, false, None);
        (self.unread, self.apart, self.more) = (None, false, None);
        self.handle.left = Some(cause);
    }

    /// A master's command was judged; the record of it.
    pub(crate) fn command(
        &mut self,
        master: usize,
        (asked, by): (Option<f64>, Option<f64>),
        told: Option<f64>,
        mode: &str,
        status: &str,
        effect: &str,
    ) {
        let expected = match asked {
            Some(value) => self.judge(master, value),
            None if !self.rules.rights[master] => Err("NOT_AUTHORIZED"),
            None => Err("NOT_SUPPORTED"),
        };
        let wanted = expected.err().unwrap_or("SUCCESS");
        if status != wanted {
            self.fail(format!("master {master} asks for {asked:?}: answered {status}, not {wanted}"));
        }
        if let Some(at) = STATUSES.iter().position(|known| *known == status) {
            self.counts.statuses[at] += 1;
        }
        let from = if self.owner == Owner::Iso(master) { !self.rough } else { self.response().is_some() };
        let near = if by.is_none() || from { NEAR } else { f64::INFINITY };
        let same = |told: f64, asked: f64| (told - asked).abs() <= near || told == asked;
        if let (Some(told), Some(asked)) = (told, asked)
            && asked.is_finite()
            && asked.abs() < 1e6
            && !same(told, asked)
        {
            self.fail(format!("asked for {asked}, understood as {told}"));
        }
        // A pulse counts from what is left where the response goes on.
        let owned = self.owner == Owner::Iso(master);
        let rough = by.is_some() && if owned { self.rough } else { self.response().is_none() };
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
        // What is waited for is what a pulse counts from, unless something was asked for beside it.
        let before = if self.owner == Owner::Iso(master) { self.more } else { Some(0.0) };
        let wanted = if self.owner != Owner::Iso(master) {
            self.give(Owner::Iso(master), Cause::Command);
            "taken-over"
        } else if repeats {
            "repeated"
        } else {
            "changed"
        };
        let (was, about) = (self.target.replace(value), std::mem::replace(&mut self.rough, rough));
        self.more = by.zip(before).map(|(by, before)| by + before);
        // What a pulse came to may be the same to the last bit or not.
        let near = was.is_some_and(|was| about || (was - value).abs() <= NEAR) && effect != "taken-over";
        if effect != wanted && !(near && wanted != "taken-over") {
            self.fail(format!("{value} of master {master} is {effect}, not {wanted}"));
        }
    }

    /// What pulses ask for, and how much more that is.
    pub(crate) fn pulsed(&self, master: usize, raise: bool, count: u8) -> (f64, f64) {
        let owned = self.owner == Owner::Iso(master);
        let from = if owned { self.target } else { self.actual().map(|actual| self.about(actual)) };
        let more = PULSE * f64::from(count) * if raise { 1.0 } else { -1.0 };
        (from.map_or(-ASKED, |from| (from + more).clamp(-ASKED, ASKED)), more)
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
        let units_remote = self.units_remote();
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
        self.forget();
        self.beside = Beside::new();
        // What the meter said was said of another.
        self.silent.forget();
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
            (self.target, self.rough) = (self.schedule(), false);
        }
    }

    pub(crate) fn is_local(&self) -> bool {
        self.held_here || self.remote() == Some(false)
    }

    pub(super) fn is_inhibited(&self) -> bool {
        self.inhibited_until.is_some()
    }
}
