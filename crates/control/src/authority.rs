//! One owner at a time: who commands a set point, who may, and how it changes hands without a bump.
//!
//! While nobody drives the output the set point follows what the plant does, so that whoever takes over starts from
//! there. An owner drives the output from that value at the ramp rate, within the bounds of the moment. The plant's
//! own switch always wins. Nothing is ever replayed: a new owner, a restart, a link that comes back all begin with
//! what the plant does then, and what it does then is what is read next: a reading of before may be of before
//! something fell back, or was let go.

use std::time::Duration;

use serde::Serialize;
use telemetry::Mono;

use crate::limits::{Bounds, Clamp, Rules, advance};

/// A master, by a number that stays its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Master(pub usize);

/// Who commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The plant's own control; this program writes nothing.
    Local,
    /// A master of the ISO.
    Iso(Master),
    /// The site's own schedule.
    Schedule,
    /// Nobody any more: the last output is held until somebody comes.
    Fallback,
}

/// What makes a set point change hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A master's command was accepted.
    Command,
    /// The owner's session stayed away for the hold time.
    LinkLost,
    /// The owner's link is there, and no set point came for too long.
    Silence,
    /// The plant was switched to local.
    Local,
    /// A breaker opened, or the unit tripped.
    Tripped,
    /// Somebody took the set point out of service.
    Inhibited,
    /// The operator took it, here.
    Taken,
    /// The operator put the schedule in charge.
    Scheduled,
    /// The schedule has no value any more.
    NoSchedule,
}

/// Every way in which a set point changes hands. The kinds are of [`Owner`], its masters apart.
pub const EDGES: &[(&str, Cause, &str)] = &[
    ("local", Cause::Command, "iso"),
    ("local", Cause::Scheduled, "schedule"),
    ("iso", Cause::LinkLost, "fallback"),
    ("iso", Cause::LinkLost, "schedule"),
    ("iso", Cause::LinkLost, "local"),
    ("iso", Cause::Silence, "fallback"),
    ("iso", Cause::Silence, "schedule"),
    ("iso", Cause::Silence, "local"),
    ("iso", Cause::Command, "iso"),
    ("iso", Cause::Scheduled, "schedule"),
    ("iso", Cause::Local, "local"),
    ("iso", Cause::Tripped, "local"),
    ("iso", Cause::Inhibited, "local"),
    ("iso", Cause::Taken, "local"),
    ("schedule", Cause::Command, "iso"),
    ("schedule", Cause::NoSchedule, "fallback"),
    ("schedule", Cause::Local, "local"),
    ("schedule", Cause::Tripped, "local"),
    ("schedule", Cause::Inhibited, "local"),
    ("schedule", Cause::Taken, "local"),
    ("fallback", Cause::Command, "iso"),
    ("fallback", Cause::Scheduled, "schedule"),
    ("fallback", Cause::Local, "local"),
    ("fallback", Cause::Tripped, "local"),
    ("fallback", Cause::Inhibited, "local"),
    ("fallback", Cause::Taken, "local"),
];

impl Owner {
    /// The kind, without which master.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Iso(_) => "iso",
            Self::Schedule => "schedule",
            Self::Fallback => "fallback",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It is known to hold, or nothing asks for it.
    Given,
    /// It is known not to hold.
    Withheld,
    /// What tells is not good.
    Unknown,
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The master has no right to control.
    NoRight,
    /// Not a number, or outside of what may be asked for.
    OutOfRange,
    /// More commands than may come in a time.
    TooMany,
    /// Another master owns it, and is there.
    OtherOwner,
    /// Somebody took it out of service.
    Inhibited,
    /// The plant is in local, or the operator holds it.
    Local,
    /// A device that carries it out is in its own local.
    DeviceLocal,
    /// A breaker is open.
    Interlock,
    /// What a condition hangs on is not good, or a device does not answer.
    Downstream,
    /// What the plant does is not known well enough to start from.
    NoFeedback,
    /// A limit of the moment is not known.
    NoLimits,
}

/// What is seen of the plant at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// What the plant does, in units; `None` where it is not good.
    pub actual: Option<f64>,
    /// When that was read.
    pub read: Mono,
    /// The plant's switch stands in remote.
    pub remote: Permit,
    /// The unit is connected.
    pub connected: Permit,
    /// The devices that carry it out answer.
    pub devices: Permit,
    /// None of them is in its own local.
    pub device_remote: Permit,
    /// Somebody took it out of service.
    pub inhibited: bool,
    /// The bounds; `None` where one of them is not good.
    pub bounds: Option<Bounds>,
    /// What the site's schedule asks for now.
    pub schedule: Option<f64>,
}

/// What becomes of the output when the ISO is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It stays where it is.
    Hold,
    /// It goes to the schedule at the ramp rate; where there is none it stays.
    Schedule,
    /// The plant's own control takes it.
    Release,
}

/// What is fixed about a set point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// The lowest and the highest value that may be asked for.
    pub asked: (f64, f64),
    /// A value outside by less counts as the bound: counts cannot always say it.
    pub slack: f64,
    /// Ramp and deadband.
    pub rules: Rules,
    /// The owner's session may be away for so long.
    pub hold: Duration,
    /// With the session there, a set point must come again within this; `None`: one holds for ever.
    pub silence: Option<Duration>,
    /// What becomes of the output then.
    pub loss: Loss,
    /// So many commands that change something may come within a time; `None`: any.
    pub commands_max: Option<(u32, Duration)>,
    /// On its way the output is moved so often; what must be at once is at once.
    pub step: Duration,
}

/// It changed hands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transfer {
    /// From whom.
    pub from: Owner,
    /// To whom.
    pub to: Owner,
    /// Why.
    pub cause: Cause,
}

/// What a moment came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Whether it changed hands.
    pub transfer: Option<Transfer>,
    /// What the devices are to do; `None` where nobody here drives it, and while it is not known from where to go on.
    pub output: Option<f64>,
    /// It begins with what the plant does.
    pub begins: bool,
    /// What holds it away from the set point.
    pub clamp: Option<Clamp>,
}

/// Whether it is known where the plant stands, while somebody drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    /// Where the output is.
    There,
    /// Nobody knows: the devices cannot be told anything, and may do something else by themselves.
    Away,
    /// Nobody knows until it is read, then or later.
    Unread(Mono),
}

/// The machine of one set point.
#[derive(Clone, Debug)]
pub struct Machine {
    spec: Spec,
    owner: Owner,
    /// What the owner asks for; of use while one drives.
    target: f64,
    /// Where the output is; `None` while nobody here drives it.
    output: Option<f64>,
    clamp: Option<Clamp>,
    /// The output is on its way since `moved`.
    moving: bool,
    /// It has left where it rested: it goes on to its goal, however near that is.
    begun: bool,
    stands: Stands,
    /// What pulses ask for beside the reading that is waited for.
    more: Option<f64>,
    /// The operator holds it: no master may.
    held_here: bool,
    /// When the output was moved last.
    moved: Mono,
    /// When the owner's last command came.
    heard: Mono,
    /// Since when the owner's session is away.
    away: Option<Mono>,
    /// Commands that changed something, since when.
    counted: (Mono, u32),
}

impl Machine {
    /// A set point that the plant holds: whatever was commanded before this start is not taken up again.
    #[must_use]
    pub fn new(spec: Spec, now: Mono) -> Self {
        Self {
            spec,
            owner: Owner::Local,
            target: 0.0,
            output: None,
            clamp: None,
            moving: false,
            begun: false,
            stands: Stands::There,
            more: None,
            held_here: false,
            moved: now,
            heard: now,
            away: None,
            counted: (now, 0),
        }
    }

    /// Who commands.
    #[must_use]
    pub const fn owner(&self) -> Owner {
        self.owner
    }

    /// Whether the operator holds it.
    #[must_use]
    pub const fn held_here(&self) -> bool {
        self.held_here
    }

    /// The set point accepted and held: the owner's, or what the plant does while nobody drives.
    #[must_use]
    pub fn held(&self, seen: &Seen) -> Option<f64> {
        if self.output.is_some() { Some(self.target) } else { seen.actual }
    }

    /// What holds the output away from the set point.
    #[must_use]
    pub const fn clamp(&self) -> Option<Clamp> {
        self.clamp
    }

    /// Judges a command without acting on it. The value in units, held within what may be asked for.
    ///
    /// # Errors
    /// Why not; the first of several in the order of [`Refusal`].
    pub fn judge(
        &self,
        master: Master,
        may: bool,
        value: f64,
        seen: &Seen,
        now: Mono,
    ) -> Result<f64, Refusal> {
        if !may {
            return Err(Refusal::NoRight);
        }
        let (low, high) = self.spec.asked;
        // NaN lies in no range.
        if !(value >= low - self.spec.slack && value <= high + self.spec.slack) {
            return Err(Refusal::OutOfRange);
        }
        let value = value.max(low).min(high);
        if self.is_flood(master, value, now) {
            return Err(Refusal::TooMany);
        }
        if matches!(self.owner, Owner::Iso(owner) if owner != master && self.away.is_none()) {
            return Err(Refusal::OtherOwner);
        }
        if seen.inhibited {
            return Err(Refusal::Inhibited);
        }
        if self.held_here || seen.remote == Permit::Withheld {
            return Err(Refusal::Local);
        }
        if seen.device_remote == Permit::Withheld {
            return Err(Refusal::DeviceLocal);
        }
        if seen.connected == Permit::Withheld {
            return Err(Refusal::Interlock);
        }
        let conditions = [seen.remote, seen.connected, seen.devices, seen.device_remote];
        if conditions.iter().any(|permit| *permit != Permit::Given) {
            return Err(Refusal::Downstream);
        }
        if seen.actual.is_none() {
            return Err(Refusal::NoFeedback);
        }
        if seen.bounds.is_none() {
            return Err(Refusal::NoLimits);
        }
        Ok(value)
    }

    fn is_flood(&self, master: Master, value: f64, now: Mono) -> bool {
        let Some((most, time)) = self.spec.commands_max else { return false };
        let repeats = self.owner == Owner::Iso(master) && self.target == value;
        let (since, count) = self.counted;
        !repeats && now.since(since) < time && count >= most
    }

    /// Takes over a command that was judged. The same one again from the owner changes nothing. `by` is of a pulse:
    /// how much more it asks for than whatever it begins from.
    pub fn accept(
        &mut self,
        master: Master,
        value: f64,
        by: Option<f64>,
        seen: &Seen,
        now: Mono,
    ) -> Option<Transfer> {
        let owner = Owner::Iso(master);
        let repeats = self.owner == owner && self.target == value;
        if let Some((_, time)) = self.spec.commands_max
            && !repeats
        {
            let (since, count) = self.counted;
            self.counted = if now.since(since) < time { (since, count.saturating_add(1)) } else { (now, 1) };
        }
        self.heard = now;
        let before = self.more;
        let transfer = (self.owner != owner).then(|| self.give(owner, Cause::Command, seen, now)).flatten();
        // Where it begins is not known yet to who takes it over now, or has pulsed only since.
        self.more = by.filter(|_| transfer.is_some() || self.more.is_some());
        self.more = self.more.map(|by| by + before.filter(|_| transfer.is_none()).unwrap_or(0.0));
        self.target = value;
        if !self.moving {
            // The time before it was asked for counts for nothing.
            (self.moving, self.moved) = (true, now);
        }
        transfer
    }

    /// A master's session came up or went down.
    pub fn session(&mut self, master: Master, up: bool, now: Mono) {
        if self.owner == Owner::Iso(master) {
            self.away = if up { None } else { self.away.or(Some(now)) };
        }
    }

    /// The operator takes it: the plant's own control has it, and no master may until it is given back.
    pub fn take(&mut self, seen: &Seen, now: Mono) -> Option<Transfer> {
        self.held_here = true;
        self.local(seen, now)
    }

    /// The operator gives it back: the next command may come.
    pub fn give_back(&mut self) {
        self.held_here = false;
    }

    /// The operator ends whoever's ownership there is; the next command may come.
    pub fn local(&mut self, seen: &Seen, now: Mono) -> Option<Transfer> {
        (self.owner != Owner::Local).then(|| self.give(Owner::Local, Cause::Taken, seen, now)).flatten()
    }

    /// The same set point of another configuration, in which its owner has another number: it goes on as it was.
    pub fn renumber(&mut self, master: Master) {
        if matches!(self.owner, Owner::Iso(_)) {
            self.owner = Owner::Iso(master);
        }
    }

    /// The operator holds it where the operator held another.
    pub fn hold_as(&mut self, other: &Self) {
        self.held_here = other.held_here;
    }

    /// What the owner asks for; `None` while nobody here drives.
    #[must_use]
    pub fn target(&self) -> Option<f64> {
        self.output.map(|_| self.target)
    }

    /// Where the output is; `None` while nobody here drives.
    #[must_use]
    pub const fn output(&self) -> Option<f64> {
        self.output
    }

    /// The operator puts the schedule in charge.
    ///
    /// # Errors
    /// Why not.
    pub fn schedule(&mut self, seen: &Seen, now: Mono) -> Result<Option<Transfer>, Refusal> {
        if seen.inhibited {
            return Err(Refusal::Inhibited);
        }
        if self.held_here || seen.remote == Permit::Withheld {
            return Err(Refusal::Local);
        }
        if seen.connected == Permit::Withheld {
            return Err(Refusal::Interlock);
        }
        if seen.schedule.is_none() || seen.bounds.is_none() {
            return Err(Refusal::NoLimits);
        }
        if seen.actual.is_none() && self.output.is_none() {
            return Err(Refusal::NoFeedback);
        }
        let other = self.owner != Owner::Schedule;
        Ok(other.then(|| self.give(Owner::Schedule, Cause::Scheduled, seen, now)).flatten())
    }

    /// Lets time pass up to `now`: whoever has lost it loses it, and the output moves.
    pub fn advance(&mut self, seen: &Seen, now: Mono) -> Turn {
        let transfer = self.lost(seen, now).and_then(|(to, cause)| self.give(to, cause, seen, now));
        if self.owner == Owner::Schedule
            && let Some(scheduled) = seen.schedule
        {
            // Nobody may ask for more than may be asked for.
            self.target = scheduled.max(self.spec.asked.0).min(self.spec.asked.1);
        }
        let begins = self.look(seen, now);
        let Some(output) = self.output.filter(|_| !self.waits()) else {
            self.moved = now;
            return Turn { transfer, output: None, begins, clamp: self.clamp };
        };
        // With a limit that nobody knows it stays where it is.
        let bounds = seen.bounds.unwrap_or(Bounds::NONE);
        let rests = seen.bounds.is_none();
        let target = if rests { output } else { self.target };
        // What rested until now has no time to make up for.
        let by = if self.moving { now.since(self.moved) } else { Duration::ZERO };
        if !bounds.contains(output) || by.is_zero() || by >= self.spec.step {
            let step = advance(output, target, &bounds, &self.spec.rules, self.begun, by);
            (self.output, self.clamp) = (Some(step.value), step.clamp);
            if !rests {
                (self.moving, self.begun) = (step.moving, step.moving);
            }
            self.moved = now;
        }
        Turn { transfer, output: self.output, begins, clamp: self.clamp }
    }

    /// Looks where the plant stands. Devices that cannot be told anything may fall back by themselves, or are moved
    /// by somebody else: once they can be told again, and after each take-over, the output goes on from what the plant
    /// is read to do, and not from where it was. Whether that is now.
    fn look(&mut self, seen: &Seen, now: Mono) -> bool {
        if self.output.is_none() {
            return false;
        }
        if seen.devices != Permit::Given || seen.device_remote == Permit::Withheld {
            (self.stands, self.clamp) = (Stands::Away, None);
        } else if self.stands == Stands::Away {
            self.stands = Stands::Unread(now);
        }
        let Stands::Unread(since) = self.stands else { return false };
        let Some(actual) = seen.actual.filter(|_| seen.read >= since) else { return false };
        (self.stands, self.output) = (Stands::There, Some(actual));
        (self.moving, self.begun, self.moved) = (true, false, now);
        let more = self.more.take();
        if self.owner == Owner::Fallback {
            self.target = actual;
        } else if let Some(more) = more {
            self.target = (actual + more).max(self.spec.asked.0).min(self.spec.asked.1);
        }
        true
    }

    /// A device did not take what it was told: it is not known what it does before it is read then, or later.
    pub fn doubt(&mut self, from: Mono) {
        if self.output.is_some() && self.stands != Stands::Away {
            (self.stands, self.clamp) = (Stands::Unread(from), None);
        }
    }

    /// Whether somebody here drives it, and it is not known yet from where to go on.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.output.is_some() && self.stands != Stands::There
    }

    /// Who gets it now, where whoever has it has lost it.
    fn lost(&self, seen: &Seen, now: Mono) -> Option<(Owner, Cause)> {
        if self.owner == Owner::Local {
            return None;
        }
        if seen.remote == Permit::Withheld {
            return Some((Owner::Local, Cause::Local));
        }
        if seen.connected == Permit::Withheld {
            return Some((Owner::Local, Cause::Tripped));
        }
        if seen.inhibited {
            return Some((Owner::Local, Cause::Inhibited));
        }
        match self.owner {
            Owner::Iso(_) => {
                let cause = if self.link_ends().is_some_and(|end| end <= now) {
                    Cause::LinkLost
                } else if self.silence_ends().is_some_and(|end| end <= now) {
                    Cause::Silence
                } else {
                    return None;
                };
                Some((self.heir(seen), cause))
            }
            Owner::Schedule if seen.schedule.is_none() => Some((Owner::Fallback, Cause::NoSchedule)),
            _ => None,
        }
    }

    /// Who gets it where the ISO is lost.
    #[must_use]
    pub const fn heir(&self, seen: &Seen) -> Owner {
        match self.spec.loss {
            Loss::Release => Owner::Local,
            Loss::Schedule if seen.schedule.is_some() => Owner::Schedule,
            Loss::Hold | Loss::Schedule => Owner::Fallback,
        }
    }

    /// While the owner's session is away: since when, and when it loses it.
    #[must_use]
    pub fn away(&self) -> Option<(Mono, Mono)> {
        self.away.zip(self.link_ends())
    }

    fn link_ends(&self) -> Option<Mono> {
        self.away.map(|since| since.plus(self.spec.hold))
    }

    fn silence_ends(&self) -> Option<Mono> {
        self.spec.silence.map(|most| self.heard.plus(most))
    }

    /// When something happens here by itself next.
    #[must_use]
    pub fn due(&self) -> Option<Mono> {
        let owned = matches!(self.owner, Owner::Iso(_));
        let ends = [self.link_ends(), self.silence_ends()].into_iter().flatten().filter(|_| owned);
        // What is waited for is a reading, which comes by itself.
        let moves = self.moving && !self.waits();
        ends.chain(moves.then(|| self.moved.plus(self.spec.step))).min()
    }

    /// Whether the output is still on its way.
    #[must_use]
    pub const fn is_moving(&self) -> bool {
        self.moving
    }

    /// Hands it over. Whoever begins to drive, and every master, starts from what the plant is read to do next; whoever
    /// only goes on does so from where the output is.
    fn give(&mut self, to: Owner, cause: Cause, seen: &Seen, now: Mono) -> Option<Transfer> {
        let from = self.owner;
        self.owner = to;
        self.away = None;
        (self.moved, self.moving, self.begun) = (now, false, false);
        (self.clamp, self.more) = (None, None);
        let goes_on = matches!(to, Owner::Schedule | Owner::Fallback) && self.output.is_some();
        if !goes_on && self.stands != Stands::Away {
            self.stands = Stands::Unread(now);
        }
        match to {
            Owner::Local => (self.output, self.stands) = (None, Stands::There),
            _ if goes_on => {}
            _ => self.output = seen.actual.or(self.output),
        }
        // What the last owner asked for is forgotten: nothing is replayed.
        self.target = self.output.unwrap_or(0.0);
        Some(Transfer { from, to, cause })
    }
}

#[cfg(test)]
mod tests;
