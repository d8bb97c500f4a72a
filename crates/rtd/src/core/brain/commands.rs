//! Commands of masters and of the operator, and what a set point shows of itself.

use std::sync::Arc;
use std::time::Duration;

use control::pulses::Way as Pulse;
use control::{Owner, Permit, Refusal, Seen, Transfer};
use ieee1815::{Command, CommandStatus, Crob, OperateMode};
use telemetry::{Reason, ReasonKind, Reasons, Value};

use super::{Brain, Commanded, Output, Record};
use crate::core::MasterIx;
use crate::core::control::{DriveSpec, Effect, Settled, Write, clamp_code, owner_code, words};
use crate::core::derive::inherited;
use crate::core::devices::DeviceState;
use crate::core::operate::Way;
use crate::core::points::{PointIx, Row};

/// Operation types of a control that are a pulse, or stand for one: pulse on, latch on.
const PULSES: [u8; 2] = [1, 3];

/// What a master asks for.
struct Asked {
    at: usize,
    /// In the set point's unit.
    value: f64,
    /// The pulses that ask for it.
    pulses: Option<Pulses>,
}

/// Pulses: which way, for how long they run, and how much more they ask for.
struct Pulses {
    way: Pulse,
    lasts: Duration,
    by: f64,
}

impl Asked {
    /// Pulses that are to come not once, or for no time, ask for nothing: they are no command that moves or takes over.
    fn is_nothing(&self) -> bool {
        self.pulses.as_ref().is_some_and(|pulses| pulses.by == 0.0)
    }
}

impl Brain {
    pub(super) fn settle_setpoint(&mut self, at: usize) {
        let Some(plant) = self.setpoints.get(at).map(|commanded| self.plant(commanded)) else { return };
        let Some(commanded) = self.setpoints.get_mut(at) else { return };
        let Settled { transfer, writes } =
            commanded.setpoint.settle(&plant, self.now.mono, &mut self.next_request);
        if let Some(transfer) = transfer {
            self.tell_transfer(at, transfer);
        }
        self.write(writes);
        self.show(at, &plant.seen);
    }

    fn write(&mut self, writes: Vec<Write>) {
        self.outputs.extend(writes.into_iter().map(|write| Output::Write {
            device: write.device,
            request: write.request,
            write: write.write,
        }));
    }

    fn tell_transfer(&mut self, at: usize, transfer: Transfer) {
        let Some(commanded) = self.setpoints.get(at) else { return };
        let point = commanded.setpoint.spec.id.clone();
        let master = match transfer.to {
            Owner::Iso(control::Master(master)) => self.masters.get(master).map(|one| Arc::clone(&one.name)),
            _ => None,
        };
        let (time, owner) = (self.now.wall, transfer.to.kind());
        let (cause, why) = (Some(transfer.cause), words(transfer.cause));
        self.record(Record::Authority { time, point, master, owner, cause, why });
    }

    /// The held value, the value in force and the codes, as points. While no master owns, the held value follows
    /// what the plant does, but for the primary response; while nobody here tells the devices anything, the value in
    /// force does.
    fn show(&mut self, at: usize, seen: &Seen) {
        let Some(commanded) = self.setpoints.get(at) else { return };
        let Some(actual) = self.table.row(commanded.actual) else { return };
        let followed =
            || -> (Option<Value>, Reasons) { (actual.sample.value, inherited(actual).into_iter().collect()) };
        let setpoint = &commanded.setpoint;
        let held = match setpoint.accepted() {
            Some(value) => (Some(Value::Analog(value)), Reasons::none()),
            // A master that sends back what it reads moves nothing: this is where a set point would begin.
            None => {
                let (value, reasons) = followed();
                let begins = value.map(|value| setpoint.begins(value.as_f64(), seen.bounds));
                (begins.map(Value::Analog), reasons)
            }
        };
        let in_force = match (setpoint.owner(), setpoint.in_force()) {
            (Owner::Local, _) => followed(),
            _ if setpoint.machine.waits() => {
                let (value, reasons) = followed();
                let against = self.force_reasons(commanded, seen);
                (value, reasons.iter().chain(against.iter()).cloned().collect())
            }
            (_, value) => (value.map(Value::Analog), self.force_reasons(commanded, seen)),
        };
        let unscored = commanded.score.is_none();
        let (held_at, feedback_at) = (commanded.held, commanded.feedback);
        let codes = [
            (commanded.around.clamp, clamp_code(setpoint.clamp())),
            (commanded.around.owner, owner_code(setpoint.owner())),
        ];
        let strays = setpoint.strays().then(|| "the plant does not follow what is in force".to_owned());
        let short = setpoint.short();
        let short = (short != 0.0).then(|| format!("the devices together cannot do {short:.3} of it"));
        let kept: Vec<&str> = setpoint.kept().map(|drive| &*drive.name).collect();
        let kept = (!kept.is_empty())
            .then(|| format!("asked to take its own control back, and did not yet: {}", kept.join(", ")));
        let guessed: Vec<&str> = setpoint.guessed().map(|drive| &*drive.name).collect();
        let counts = |(drive, part): (&DriveSpec, f64)| {
            let guess = if guessed.contains(&&*drive.name) { ", which is a guess" } else { "" };
            match part == 0.0 {
                true => format!("{} counts for nothing{guess}", drive.name),
                false => format!("{} counts for {part:.3}{guess}", drive.name),
            }
        };
        let silent: Vec<String> = setpoint.silent().map(counts).collect();
        let silent = (!silent.is_empty()).then(|| format!("not heard of: {}", silent.join(", ")));
        let pulses = [(commanded.around.raise, Pulse::Raise), (commanded.around.lower, Pulse::Lower)]
            .map(|(at, way)| at.map(|(_, point)| (point, setpoint.pulses(way))));
        let aux = setpoint.aux().filter(|(_, known)| !known);
        let aux =
            aux.map(|(aux, _)| format!("the auxiliary load is not known: {aux}, the last good, is made"));
        let primary = self.tells_of_primary(commanded);
        let blind = setpoint.is_blind().then(|| {
            "the grid's frequency is not good: the primary response goes, and there is none".to_owned()
        });
        self.table.make(held_at, held.0, held.1, self.now);
        // A control is as good as what it moves; counts that are full are no matter of a state.
        let reasons = self.table.row(held_at).map(|row| row.sample.reasons.clone()).unwrap_or_default();
        let reasons: Reasons =
            reasons.iter().filter(|reason| reason.kind != ReasonKind::Saturated).cloned().collect();
        for (point, running) in pulses.into_iter().flatten() {
            self.table.make(point, Some(Value::Binary(running)), reasons.clone(), self.now);
        }
        self.table.make(feedback_at, in_force.0, in_force.1, self.now);
        for (point, code) in codes {
            if let Some(point) = point {
                self.table.make(point, Some(Value::Analog(code.into())), Reasons::none(), self.now);
            }
        }
        for (point, value, reasons) in primary {
            self.table.make(point, value.map(Value::Analog), reasons, self.now);
        }
        self.table.tell_alarm(feedback_at, "primary", blind);
        self.table.tell_alarm(feedback_at, "follow", strays);
        self.table.tell_alarm(feedback_at, "short", short);
        self.table.tell_alarm(feedback_at, "silent", silent);
        self.table.tell_alarm(feedback_at, "aux", aux);
        self.table.tell_alarm(feedback_at, "kept", kept);
        if unscored {
            self.table.tell_alarm(feedback_at, "score", None);
        }
    }

    /// What is told of the primary response, where there is one.
    fn tells_of_primary(&self, commanded: &Commanded) -> Vec<(PointIx, Option<f64>, Reasons)> {
        let Some(around) = commanded.around.primary else { return Vec::new() };
        let setpoint = &commanded.setpoint;
        let mut told: Vec<(PointIx, Option<f64>, Reasons)> = around
            .figures
            .into_iter()
            .chain([
                (around.status, f64::from(u8::from(setpoint.answers()))),
                (around.response, setpoint.responds()),
            ])
            .filter_map(|(point, value)| Some((point?, Some(value), Reasons::none())))
            .collect();
        if let Some(point) = around.headroom {
            let headroom = setpoint.headroom();
            let before = self.table.row(point).and_then(|row| row.sample.value).map(Value::as_f64);
            let unknown =
                || Reason::new(ReasonKind::Offline, "a limit, or what the plant does, is not known");
            let reasons = headroom.is_none().then(unknown).into_iter().collect();
            told.push((point, headroom.or(before), reasons));
        }
        told
    }

    /// What speaks against the value in force: a device that refused it, does not answer or is in its own local, or
    /// none confirmed yet.
    fn force_reasons(&self, commanded: &Commanded, seen: &Seen) -> Reasons {
        let setpoint = &commanded.setpoint;
        let refused = setpoint
            .failures()
            .map(|(drive, why)| Reason::new(ReasonKind::Offline, format!("{}: {why}", drive.name)));
        // In a dispatch the others make up for it, and what they cannot do is not in the value; where there are no
        // others the value is of before.
        let shared = setpoint.spec.method.is_some();
        let undone = shared && seen.devices != Permit::Given;
        // One that was not read yet has confirmed nothing, either.
        let dead = setpoint.spec.drives.iter().filter(|_| !shared || undone).filter_map(|drive| {
            match self.table.devices().get(drive.device)?.state {
                DeviceState::Up => None,
                DeviceState::Down => Some(Reason::new(ReasonKind::SourceDead, Arc::clone(&drive.name))),
                DeviceState::Unknown => {
                    Some(Reason::new(ReasonKind::Offline, format!("{}: not read yet", drive.name)))
                }
            }
        });
        let unknown = setpoint.in_force().is_none() && !setpoint.machine.waits();
        let kept = seen.device_remote == Permit::Withheld;
        let plain = [
            (unknown, "not confirmed yet"),
            (setpoint.strays(), "the plant does not follow"),
            (undone, "none of its devices is there for it"),
            (kept, "a device is in its own local"),
        ];
        let plain = plain.into_iter().filter(|(is, _)| *is);
        let plain = plain.map(|(_, words)| Reason::new(ReasonKind::Offline, words));
        let guessed = setpoint
            .guessed()
            .map(|drive| Reason::new(ReasonKind::Offline, format!("what {} does is not known", drive.name)));
        refused.chain(dead).chain(guessed).chain(plain).collect()
    }

    pub(super) fn command(
        &mut self,
        session: usize,
        index: u16,
        command: &Command,
        mode: OperateMode,
    ) -> CommandStatus {
        let master = MasterIx::new(session);
        let Some(peer) = self.masters.get(session).cloned() else {
            return CommandStatus::NotAuthorized;
        };
        let asked = self.asked(master, index, command);
        let at = asked.as_ref().map(|asked| asked.at);
        let commanded = asked.as_ref().and_then(|asked| self.setpoints.get(asked.at));
        let result = match (&asked, commanded) {
            (Some(asked), Some(commanded)) => {
                let seen = self.plant(commanded).seen;
                commanded.setpoint.judge(master, peer.control, asked.value, &seen, self.now.mono)
            }
            _ if !peer.control => Err(CommandStatus::NotAuthorized),
            _ => Err(CommandStatus::NotSupported),
        };
        let point = commanded.map(|commanded| commanded.setpoint.spec.id.clone());
        let units = match (&asked, command) {
            (Some(asked), _) => Some(asked.value),
            (None, Command::Analog { value, .. }) => Some(*value),
            (None, Command::Crob(_)) => None,
        };
        let status = match result {
            Ok(_) => CommandStatus::Success,
            Err(status) => status,
        };
        let effect = match (result, asked) {
            (Err(_), _) | (_, None) => "none",
            (Ok(_), _) if mode == OperateMode::Select => "selected",
            (Ok(_), Some(asked)) if asked.is_nothing() => "none",
            (Ok(value), Some(asked)) => self.accept(&asked, master, value),
        };
        let value = units.filter(|value| value.is_finite());
        let why = match at.and_then(|at| self.setpoints.get(at)) {
            Some(commanded) if status != CommandStatus::Success => self.in_the_way(commanded).join("; "),
            _ => String::new(),
        };
        let (time, mode, status_text) = (self.now.wall, mode_word(mode), status.to_string());
        self.record(Record::Command {
            time,
            master: peer.name,
            point,
            index,
            value,
            mode,
            status: status_text,
            peer: peer.peer,
            effect,
            why,
        });
        status
    }

    /// The devices that do not answer.
    pub(in crate::core) fn silent<'a>(&self, commanded: &'a Commanded) -> Vec<&'a str> {
        let up = |state: Option<DeviceState>| state == Some(DeviceState::Up);
        let drives = commanded.setpoint.spec.drives.iter();
        drives
            .filter(|drive| !up(self.table.devices().get(drive.device).map(|device| device.state)))
            .map(|drive| &*drive.name)
            .collect()
    }

    /// What stands in the way of a command at the plant, in words.
    pub(in crate::core) fn in_the_way(&self, commanded: &Commanded) -> Vec<String> {
        let mut words = Vec::new();
        let remotes = commanded.around.device_remote.iter().copied();
        for at in [commanded.remote, commanded.connected].into_iter().flatten().chain(remotes) {
            let Some(row) = self.table.row(at) else { continue };
            match row.good_state() {
                Some(true) => {}
                Some(false) => words.push(format!("`{}` is false", row.spec.id)),
                None => words.extend(not_good(row)),
            }
        }
        let edges = commanded.around.hard.iter().chain(&commanded.around.soft).flatten();
        let charge = commanded.around.energy.iter().map(|stored| &stored.charge);
        let aux = commanded.around.aux.iter().filter(|_| self.needs_aux(commanded));
        let rows = edges.chain(charge).chain(aux).map(|quantity| quantity.at).chain([commanded.actual]);
        words.extend(rows.filter_map(|at| not_good(self.table.row(at)?)));
        if self.plant(commanded).seen.devices != Permit::Given {
            let silent = self.silent(commanded);
            if silent.is_empty() {
                words.push("none of its devices is available".to_owned());
            }
            words.extend(silent.into_iter().map(|name| format!("`{name}` does not answer")));
        }
        let hand = self.table.row(commanded.held).and_then(|row| row.hand.as_ref());
        words.extend(hand.map(|hand| format!("out of service {}", hand.cause())));
        if commanded.setpoint.machine.held_here() {
            words.push("the operator holds it".to_owned());
        }
        words
    }

    /// Which set point a command is for, and the value that it asks for.
    fn asked(&self, master: MasterIx, index: u16, command: &Command) -> Option<Asked> {
        match command {
            Command::Analog { value, .. } => {
                let at = self.setpoints.iter().position(|commanded| commanded.index == index)?;
                let value = self.setpoints.get(at)?.setpoint.spec.scale.to_units(*value);
                Some(Asked { at, value, pulses: None })
            }
            Command::Crob(crob) => self.pulsed(master, index, *crob),
        }
    }

    /// A pulse of the owner asks for what is held, and so much more or less, one of anybody else for what the plant
    /// does: nobody goes on from what another asked for. It stops at what may be asked for.
    fn pulsed(&self, master: MasterIx, index: u16, crob: Crob) -> Option<Asked> {
        if !PULSES.contains(&crob.op) {
            return None;
        }
        let ways = |commanded: &Commanded| {
            let around = &commanded.around;
            [(around.raise, Pulse::Raise), (around.lower, Pulse::Lower)]
                .into_iter()
                .find_map(|(at, way)| at.is_some_and(|(at, _)| at == index).then_some(way))
        };
        let (at, way) =
            self.setpoints.iter().enumerate().find_map(|(at, commanded)| Some((at, ways(commanded)?)))?;
        let commanded = self.setpoints.get(at)?;
        let setpoint = &commanded.setpoint;
        // What the plant does is not known: the machine refuses what is no number only after the right to ask.
        let (low, high) = setpoint.spec.machine.asked;
        let held = setpoint.accepted().filter(|_| setpoint.master() == Some(master));
        let from = held.or_else(|| {
            let actual = self.good(commanded.actual)?;
            Some(setpoint.begins(actual, self.plant(commanded).seen.bounds))
        });
        let length = Duration::from_millis(crob.on_ms.into());
        let pulses = setpoint.spec.pulses?;
        let pause = Duration::from_millis(crob.off_ms.into());
        let lasts = pulses.lasts(crob.count, length, pause);
        let by = pulses.by(way, crob.count, length);
        let value = from.map_or(low, |from| (from + by).max(low).min(high));
        Some(Asked { at, value, pulses: Some(Pulses { way, lasts, by }) })
    }

    /// What it led to.
    fn accept(&mut self, asked: &Asked, master: MasterIx, value: f64) -> &'static str {
        let at = asked.at;
        let Some(plant) = self.setpoints.get(at).map(|commanded| self.plant(commanded)) else {
            return "none";
        };
        let Some(commanded) = self.setpoints.get_mut(at) else { return "none" };
        let by = asked.pulses.as_ref().map(|pulses| pulses.by);
        let effect = commanded.setpoint.accept(master, value, by, &plant, self.now.mono);
        if let Some(Pulses { way, lasts, .. }) = asked.pulses {
            commanded.setpoint.pulse(way, lasts, self.now.mono);
        }
        match effect {
            Effect::TakenOver(transfer) => {
                self.tell_transfer(at, transfer);
                "taken-over"
            }
            Effect::Changed => "changed",
            Effect::Repeated => "repeated",
        }
    }

    /// Whether the operator may do this about a point; in words, why not.
    pub(super) fn may_control(&self, point: PointIx, way: Way) -> Result<(), String> {
        let Some(commanded) = self.setpoints.iter().find(|commanded| commanded.held == point) else {
            let ids: Vec<&str> =
                self.setpoints.iter().map(|commanded| commanded.setpoint.spec.id.as_str()).collect();
            return Err(format!("that is no set point; set points: {}", ids.join(", ")));
        };
        let machine = &commanded.setpoint.machine;
        match way {
            Way::GiveBack if !machine.held_here() => Err("nobody here holds it".to_owned()),
            Way::Schedule if commanded.around.schedule.is_none() => {
                Err("no schedule in the file: it has no `schedule`, an analog that says what it asks for"
                    .to_owned())
            }
            Way::Schedule => {
                let seen = self.plant(commanded).seen;
                let asked = machine.clone().schedule(&seen, self.now.mono);
                asked.map(drop).map_err(|why| self.unscheduled(commanded, why))
            }
            _ => Ok(()),
        }
    }

    /// Why the schedule cannot have it, with what is not good.
    fn unscheduled(&self, commanded: &Commanded, why: Refusal) -> String {
        let scheduled = commanded.around.schedule.filter(|_| why == Refusal::NoLimits);
        let scheduled = scheduled.and_then(|of| not_good(self.table.row(of.at)?));
        let words: Vec<String> = scheduled.into_iter().chain(self.in_the_way(commanded)).collect();
        if words.is_empty() {
            refusal(why).to_owned()
        } else {
            format!("{}: {}", refusal(why), words.join("; "))
        }
    }

    /// The operator's say about who commands.
    pub(super) fn control(&mut self, point: PointIx, way: Way, who: Arc<str>, why: Arc<str>) {
        let Some(at) = self.setpoints.iter().position(|commanded| commanded.held == point) else { return };
        let Some(plant) = self.setpoints.get(at).map(|commanded| self.plant(commanded)) else { return };
        let Some(commanded) = self.setpoints.get_mut(at) else { return };
        let (setpoint, now) = (&mut commanded.setpoint, self.now.mono);
        let id = setpoint.spec.id.clone();
        let transfer = match way {
            Way::Take => setpoint.machine.take(&plant.seen, now),
            Way::Local => setpoint.machine.local(&plant.seen, now),
            Way::Schedule => setpoint.machine.schedule(&plant.seen, now).ok().flatten(),
            Way::GiveBack => {
                setpoint.machine.give_back();
                None
            }
        };
        let back = transfer.filter(|transfer| transfer.to == Owner::Local);
        let writes = back.map(|back| setpoint.leave(back.cause, now, &mut self.next_request));
        let (time, state, value, until) = (self.now.wall, way.words(), None, None);
        self.record(Record::Hand { time, point: id, state, value, who, why, until });
        if let Some(transfer) = transfer {
            self.tell_transfer(at, transfer);
        }
        self.write(writes.unwrap_or_default());
    }
}

/// Why the schedule cannot have it.
const fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::Inhibited => "it is out of service",
        Refusal::Local => "the plant is in local, or the operator holds it",
        Refusal::Interlock => "the unit is disconnected",
        Refusal::NoLimits => "the schedule, or a limit, has no good value",
        Refusal::NoFeedback => "what the plant does is not known",
        _ => "it is refused",
    }
}

const fn mode_word(mode: OperateMode) -> &'static str {
    match mode {
        OperateMode::Select => "select",
        OperateMode::SelectBeforeOperate => "sbo",
        OperateMode::Direct => "direct",
        OperateMode::DirectNoAck => "direct-no-ack",
    }
}

/// Why a point is not good; `None` where it is.
fn not_good(row: &Row) -> Option<String> {
    let reasons: Vec<String> = row.sample.reasons.iter().map(ToString::to_string).collect();
    (!reasons.is_empty()).then(|| format!("`{}` is not good: {}", row.spec.id, reasons.join(", ")))
}
