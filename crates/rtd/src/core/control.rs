//! Set points: what is in force, what the field is told, and what came of it.
//!
//! Who may command, from where, how fast and how far is the machine of the crate `control`; here its output becomes
//! the devices' parts, and what they confirm becomes the value in force. Nothing that was commanded before a start,
//! a change of hands or a change of the site is ever said again.
//!
//! Everything here is plain state and functions of time; nothing knows of points, sessions or sockets.

mod carry;
mod drive;
mod response;
mod units;

use std::time::Duration;

use control::authority::Spec;
use control::back::{self, Back};
use control::dispatch::Method;
use control::primary;
use control::pulses::{Pulses, Way};
use control::silent::Look;
use control::trim::{self, Free, Trim};
use control::{Band, Cause, Clamp, Machine, Master, Owner, Permit, Refusal, Seen, Transfer};
use ieee1815::CommandStatus;
use site::DeviceIx;
use telemetry::{Mono, PointId, Scale};

use super::MasterIx;
use drive::{Drive, Of, RETRY, take};
pub(crate) use drive::{DriveKind, DriveSpec, Write};
use response::Response;
use units::Units;
pub(crate) use units::{Able, Held};

/// The output moves so often while it is on its way, and so does its correction.
pub(crate) const STEP: Duration = Duration::from_secs(1);
/// Where the wire carries no counts, a correction that moves by less, of its largest, is told to no device.
const TRIM_STEP: f64 = 0.001;

/// What is less is rounding.
const NEAR: f64 = 1e-9;

/// What is fixed about a set point.
#[derive(Clone, Debug)]
pub(crate) struct SetPointSpec {
    pub(crate) id: PointId,
    pub(crate) scale: Scale,
    pub(crate) machine: Spec,
    pub(crate) drives: Vec<DriveSpec>,
    /// How the devices share it; `None`: by the shares that are part of how they are told.
    pub(crate) method: Option<Method>,
    pub(crate) trim: Option<trim::Rules>,
    pub(crate) primary: Option<primary::Rules>,
    /// The units make an auxiliary load beside it.
    pub(crate) aux: bool,
    /// What the plant does must come so near, within a time.
    pub(crate) follows: Option<(f64, Duration)>,
    /// The devices get their own control back where the plant takes it; else they keep what they were told.
    pub(crate) disables: bool,
    pub(crate) pulses: Option<Pulses>,
}

/// What is seen of the plant, beside what the machine looks at.
#[derive(Clone, Debug)]
pub(crate) struct Plant {
    pub(crate) seen: Seen,
    /// When what it does was read, whatever else has to be read before one begins.
    pub(crate) read: Mono,
    /// The devices that answer, in the order of the drives.
    pub(crate) answer: Vec<bool>,
    /// The devices in the order of the drives; of use in a dispatch.
    pub(crate) units: Vec<Able>,
    /// What the meter says, where there is a correction.
    pub(crate) meter: Option<trim::Meter>,
    /// What the units do together, where that is known.
    pub(crate) units_now: Option<f64>,
    /// The auxiliary load, where it is good.
    pub(crate) aux: Option<f64>,
    /// The grid's frequency in Hz, where it is good, and whether it is to be answered.
    pub(crate) hz: Option<f64>,
    pub(crate) answers: bool,
}

/// What a moment came to.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    pub(crate) transfer: Option<Transfer>,
    pub(crate) writes: Vec<Write>,
}

/// What an accepted command led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Effect {
    TakenOver(Transfer),
    Changed,
    Repeated,
}

/// The answer to a master.
pub(crate) const fn status(refusal: Refusal) -> CommandStatus {
    match refusal {
        Refusal::NoRight => CommandStatus::NotAuthorized,
        Refusal::OutOfRange => CommandStatus::OutOfRange,
        Refusal::TooMany => CommandStatus::TooManyOps,
        Refusal::OtherOwner => CommandStatus::BlockedOtherMaster,
        Refusal::Inhibited => CommandStatus::AutomationInhibit,
        Refusal::Local => CommandStatus::Local,
        Refusal::DeviceLocal => CommandStatus::DownstreamLocal,
        Refusal::Interlock => CommandStatus::Blocked,
        // A condition that cannot be seen, or a device that cannot be reached, is the plant's side failing.
        Refusal::Downstream | Refusal::NoFeedback | Refusal::NoLimits => CommandStatus::DownstreamFail,
    }
}

/// Why it changed hands, in words.
pub(crate) const fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::Command => "an accepted command",
        Cause::LinkLost => "the master's session stayed away",
        Cause::Silence => "no set point came for too long",
        Cause::Local => "the plant was switched to local",
        Cause::Tripped => "the unit was disconnected",
        Cause::Inhibited => "the set point was taken out of service",
        Cause::Taken => "the operator took it",
        Cause::Scheduled => "the operator put the schedule in charge",
        Cause::NoSchedule => "the schedule has no value",
    }
}

/// The code of an owner on the wire.
pub(crate) const fn owner_code(owner: Owner) -> u8 {
    match owner {
        Owner::Local => 0,
        Owner::Iso(_) => 1,
        Owner::Schedule => 2,
        Owner::Fallback => 3,
    }
}

/// The code of a clamp on the wire.
pub(crate) const fn clamp_code(clamp: Option<Clamp>) -> u8 {
    match clamp {
        None => 0,
        Some(Clamp::Hard) => 1,
        Some(Clamp::Energy) => 2,
        Some(Clamp::Soft) => 3,
        Some(Clamp::Ramp) => 4,
        Some(Clamp::Deadband) => 5,
        Some(Clamp::Source) => 6,
    }
}

/// What is in force, while somebody here drives.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Force {
    /// Nobody knows.
    Unknown,
    /// What the plant did when it was begun with: no device has confirmed anything since.
    Begun(f64),
    /// What every device has confirmed: the output of whoever is furthest behind.
    Confirmed(f64),
}

impl Force {
    const fn value(self) -> Option<f64> {
        match self {
            Self::Unknown => None,
            Self::Begun(value) | Self::Confirmed(value) => Some(value),
        }
    }
}

/// Until when pulses are running.
#[derive(Clone, Copy, Debug, Default)]
struct Pulsing {
    raise: Option<Mono>,
    lower: Option<Mono>,
}

/// One set point.
#[derive(Clone, Debug)]
pub(crate) struct SetPoint {
    pub(crate) spec: SetPointSpec,
    pub(crate) machine: Machine,
    drives: Vec<Drive>,
    /// Numbers the outputs.
    turn: u64,
    in_force: Force,
    /// What the devices together cannot do of it, and what holds them.
    short: f64,
    short_clamp: Option<Clamp>,
    /// What limits leave undone of it, of the correction and of the auxiliary load, and which of them.
    cut: f64,
    cut_clamp: Option<Clamp>,
    /// The devices that make up for each other, where it is dispatched.
    units: Option<Units>,
    /// The auxiliary load that the devices were told, the last one that was good; and whether it still is.
    aux: f64,
    aux_known: bool,
    /// Until when a pulse up, and one down, is running.
    pulsing: Pulsing,
    response: Response,
    trim: Option<Trim>,
    /// The correction that the devices were told.
    trimmed: f64,
    trimmed_at: Mono,
    /// What the devices were last told in all: where a limit is not known any more, they stay there.
    whole: Option<f64>,
    /// How what limits leave undone of it comes back, and what of it had no ramp.
    back: Back,
    beside: f64,
    /// Since when the plant does something else than what is in force.
    strays: Option<Mono>,
    strays_too_long: bool,
}

impl SetPoint {
    /// A set point that the plant holds: whatever a master commanded before this start is not taken up again.
    pub(crate) fn new(spec: SetPointSpec, now: Mono) -> Self {
        let drives = spec.drives.iter().cloned().map(Drive::new).collect();
        let (machine, trim) = (Machine::new(spec.machine, now), spec.trim.map(Trim::new));
        let response = Response::new(spec.primary, now);
        let (count, follows) = (spec.scale.half_step() * 2.0, spec.follows.map(|(_, time)| time));
        let (devices, back) = (spec.drives.len(), Back::new(spec.machine.rules, STEP));
        let units = spec.method.map(|method| Units::new(method, spec.machine.rules, count, follows, devices));
        Self {
            spec,
            machine,
            drives,
            turn: 0,
            in_force: Force::Unknown,
            short: 0.0,
            short_clamp: None,
            cut: 0.0,
            cut_clamp: None,
            units,
            aux: 0.0,
            aux_known: false,
            pulsing: Pulsing::default(),
            response,
            trim,
            trimmed: 0.0,
            trimmed_at: now,
            whole: None,
            back,
            beside: 0.0,
            strays: None,
            strays_too_long: false,
        }
    }

    pub(crate) fn owner(&self) -> Owner {
        self.machine.owner()
    }

    /// The master that owns it.
    pub(crate) fn master(&self) -> Option<MasterIx> {
        match self.machine.owner() {
            Owner::Iso(Master(at)) => Some(MasterIx::new(at)),
            _ => None,
        }
    }

    /// The value accepted from the present owner, where that is a master.
    pub(crate) fn accepted(&self) -> Option<f64> {
        self.master().and(self.machine.target())
    }

    /// The value that the devices have confirmed, or were begun with, while somebody here drives them.
    pub(crate) fn in_force(&self) -> Option<f64> {
        self.in_force.value()
    }

    /// What the devices together cannot do of the output, or may not.
    pub(crate) fn short(&self) -> f64 {
        self.short + self.cut
    }

    /// The weightiest of what holds the plant away from the set point.
    pub(crate) fn clamp(&self) -> Option<Clamp> {
        [self.machine.clamp(), self.short_clamp, self.cut_clamp].into_iter().flatten().min()
    }

    /// The auxiliary load that is made beside it, and whether it is known; `None` where there is none.
    pub(crate) fn aux(&self) -> Option<(f64, bool)> {
        self.spec.aux.then_some((self.aux, self.aux_known))
    }

    /// Whether a pulse is running.
    pub(crate) fn pulses(&self, way: Way) -> bool {
        match way {
            Way::Raise => self.pulsing.raise.is_some(),
            Way::Lower => self.pulsing.lower.is_some(),
        }
    }

    /// Pulses were accepted: they run for so long.
    pub(crate) fn pulse(&mut self, way: Way, lasts: Duration, now: Mono) {
        let running = match way {
            Way::Raise => &mut self.pulsing.raise,
            Way::Lower => &mut self.pulsing.lower,
        };
        if !lasts.is_zero() {
            *running = (*running).max(Some(now.plus(lasts)));
        }
    }

    /// The correction at the meter.
    pub(crate) fn trimmed(&self) -> f64 {
        self.trimmed
    }

    /// Whether the plant has done something else than what is in force for too long.
    pub(crate) fn strays(&self) -> bool {
        self.strays_too_long
    }

    /// The devices whose last write failed, and why.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (&DriveSpec, &str)> {
        self.drives.iter().filter_map(|drive| Some((&drive.spec, drive.failed.as_deref()?)))
    }

    /// Judges a command without acting on it, as SELECT wants: the value in units, or why not. `may_control` is the
    /// right of the master, `value` what it asks for in units.
    pub(crate) fn judge(
        &self,
        master: MasterIx,
        may_control: bool,
        value: f64,
        seen: &Seen,
        now: Mono,
    ) -> Result<f64, CommandStatus> {
        self.machine.judge(Master(master.get()), may_control, value, seen, now).map_err(status)
    }

    /// Takes a judged command over. `by` is of a pulse: how much more it asks for.
    pub(crate) fn accept(
        &mut self,
        master: MasterIx,
        value: f64,
        by: Option<f64>,
        plant: &Plant,
        now: Mono,
    ) -> Effect {
        let repeats = self.accepted() == Some(value);
        let seen = self.response.without(&plant.seen);
        match self.machine.accept(Master(master.get()), value, by, &seen, now) {
            Some(transfer) => Effect::TakenOver(transfer),
            None if repeats => Effect::Repeated,
            None => Effect::Changed,
        }
    }

    /// The output starts from what the plant does: so do the correction and the auxiliary load.
    fn begin(&mut self, plant: &Plant, now: Mono) {
        self.response.begin(&plant.seen);
        (self.trimmed_at, self.whole) = (now, None);
        self.back.reset();
        self.aux = plant.aux.unwrap_or(self.aux);
        let Some(actual) = plant.seen.actual else { return };
        self.in_force = Force::Begun(actual);
        if let Some(trim) = &mut self.trim {
            let made = actual + self.aux;
            // Where it is not known what the units do it is as it was, or none.
            let units = plant.units_now.or_else(|| Units::own(plant).filter(|_| self.units.is_some()));
            trim.take_over(units.unwrap_or(made + trim.now()), made);
            self.trimmed = trim.now();
        }
        if let Some(units) = &mut self.units {
            units.begin(actual + self.aux + self.trimmed, &mut self.drives, plant, now);
        }
    }

    /// Follows the auxiliary load. One that is not known any more stays as it was.
    fn load(&mut self, plant: &Plant) {
        let again = !std::mem::replace(&mut self.aux_known, plant.aux.is_some());
        let again = again && self.machine.output().is_some();
        if let (true, Some(aux), Some(trim)) = (again, plant.aux, &mut self.trim) {
            // The meter has told of it meanwhile: nothing moves.
            trim.shift(self.aux - aux);
            self.trimmed = trim.now();
        }
        if let Some(aux) = plant.aux.filter(|aux| (aux - self.aux).abs() >= self.spec.scale.half_step()) {
            self.aux = aux;
        }
    }

    /// A master's session came up or went down.
    pub(crate) fn session(&mut self, master: MasterIx, up: bool, now: Mono) {
        self.machine.session(Master(master.get()), up, now);
    }

    /// Lets time pass: who owns it, where its output is, and what the devices are to be told.
    pub(crate) fn settle(&mut self, plant: &Plant, now: Mono, next_request: &mut u64) -> Settled {
        for running in [&mut self.pulsing.raise, &mut self.pulsing.lower] {
            *running = running.filter(|end| *end > now);
        }
        self.load(plant);
        if self.is_refused(plant) || self.is_under_way(plant, now) {
            self.machine.doubt(now.plus(RETRY));
        }
        let mut seen = self.response.without(&plant.seen);
        if self.one_refuses() && !self.machine.waits() {
            // The first that it takes would be a leap: the output rests, as where a limit is not known.
            seen.bounds = None;
        }
        let turn = self.machine.advance(&seen, now);
        let mut settled = Settled { transfer: turn.transfer, writes: Vec::new() };
        if let Some(transfer) = turn.transfer.filter(|transfer| transfer.to == Owner::Local) {
            settled.writes = self.leave(transfer.cause, now, next_request);
        }
        if self.machine.waits() {
            // What they were told before may hold or not: they will be told as if for the first time.
            self.drives.iter_mut().for_each(Drive::wait);
            // Away, they may have fallen back by themselves.
            let away = self.units.is_some() && Units::all_away(plant);
            if away || plant.seen.device_remote == Permit::Withheld {
                self.drives.iter_mut().for_each(Drive::doubt);
            }
            self.rest();
        }
        // A device is known again whoever has it: what the meter said of it is over.
        let drives = &mut self.drives;
        let known =
            self.units.as_mut().is_some_and(|units| units.hear(drives, plant, turn.output.is_some(), now));
        if turn.begins {
            self.begin(plant, now);
        }
        self.response.advance(plant, turn.output.is_some(), now);
        if let Some(output) = turn.output {
            let whole = output + self.response.now();
            self.listen(plant, known, now);
            self.correct(whole, plant, now);
            self.share(whole, plant, now);
            // One that is away would get what held before as the first thing when it is back.
            let answering = self.drives.iter_mut().zip(&plant.answer).filter(|(_, answers)| **answers);
            settled.writes.extend(answering.filter_map(|(drive, _)| drive.ask(now, next_request)));
            self.confirm();
        } else if !self.machine.waits() {
            settled.writes.extend(self.give_again(plant, now, next_request));
        }
        self.spare(turn.output, plant);
        self.watch(plant.seen.actual, now);
        settled
    }

    /// The plant has it back. The writes hand the devices back to their own control; there are none where they are
    /// to keep what they do.
    pub(crate) fn leave(&mut self, cause: Cause, now: Mono, next_request: &mut u64) -> Vec<Write> {
        let keeps = cause != Cause::Tripped && !self.spec.disables;
        let mut writes = Vec::new();
        for drive in &mut self.drives {
            if !keeps {
                writes.extend(drive.give_back(now, next_request));
            }
            drive.drop_out();
            drive.doubt();
        }
        self.rest();
        self.trimmed = 0.0;
        self.pulsing = Pulsing::default();
        self.response.reset();
        if let Some(units) = &mut self.units {
            units.rest();
        }
        writes
    }

    /// The devices are told nothing: nothing of it is in force, and nothing is missing.
    fn rest(&mut self) {
        (self.in_force, self.whole) = (Force::Unknown, None);
        self.back.reset();
        (self.short, self.short_clamp, self.cut, self.cut_clamp) = (0.0, None, 0.0, None);
    }

    /// A device that did not take its own control back would do for ever what it was told last: it is asked again,
    /// until it does or somebody else has it. One that keeps what it was told is given back where a breaker opens.
    /// With its switch in local the plant has them, whatever they do. What one was told before this start is let alone
    /// until that switch is known; then it is given back as well where the end of the device cut that short.
    fn give_again(&mut self, plant: &Plant, now: Mono, next_request: &mut u64) -> Vec<Write> {
        let Seen { remote, connected, .. } = plant.seen;
        if remote == Permit::Withheld {
            self.drives.iter_mut().for_each(Drive::leave_it);
        }
        let (tripped, disables) = (connected == Permit::Withheld, self.spec.disables);
        let drives = self.drives.iter_mut().zip(&plant.answer);
        let write = |(drive, answers): (&mut Drive, &bool)| {
            let back = match drive.is_from_before() {
                true => remote == Permit::Given && (tripped || disables && *answers),
                false => remote != Permit::Withheld && tripped,
            };
            match back {
                true => drive.give_back_or_again(now, next_request),
                false => drive.give_again(now, next_request),
            }
        };
        drives.filter_map(write).collect()
    }

    /// The devices that were to take their own control back, and did not.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &DriveSpec> {
        self.drives.iter().filter(|drive| drive.is_kept()).map(|drive| &drive.spec)
    }

    /// Moves the correction at the meter on.
    fn correct(&mut self, output: f64, plant: &Plant, now: Mono) {
        let one_refuses = self.one_refuses();
        let Some(trim) = &mut self.trim else { return };
        let by = now.since(self.trimmed_at);
        if by < STEP {
            return;
        }
        self.trimmed_at = now;
        // Whatever else holds it back, or is still on its way, is no error of the meter.
        let moving = self.machine.is_moving() || self.response.is_moving() || one_refuses;
        let rests = !moving
            && !self.units.as_ref().is_some_and(Units::doubts)
            && matches!(self.in_force, Force::Confirmed(_))
            && plant.seen.bounds.is_some();
        let free = rests && matches!(self.machine.clamp(), None | Some(Clamp::Deadband));
        let missing = self.short + self.cut;
        let free = if free { Free::BOTH.but(missing) } else { Free::NONE };
        let goal = trim::Goal { value: output, told: output - missing };
        let correction = trim.advance(goal, plant.meter, free, by, now);
        // What the ISO cannot see is not worth a write; what it sees as a count is.
        let half = self.spec.scale.half_step();
        let most = self.spec.trim.map_or(0.0, |rules| rules.most);
        let least = if half > 0.0 { half } else { most * TRIM_STEP };
        if (correction - self.trimmed).abs() >= least {
            self.trimmed = correction;
        }
    }

    /// What devices count for of which nothing is heard while others are there.
    fn listen(&mut self, plant: &Plant, known: bool, now: Mono) {
        let in_force = self.in_force();
        let Some(units) = &mut self.units else { return };
        let taken = matches!(self.in_force, Force::Confirmed(_));
        let look = Look { actual: plant.seen.actual, read: plant.read, in_force, taken };
        let changed = units.listen(&look, now);
        if let (Some(trim), true) = (&mut self.trim, known || changed) {
            trim.disturbed();
        }
    }

    /// The devices that make up for each other, while somebody here drives them.
    fn driven(&self) -> Option<&Units> {
        self.units.as_ref().filter(|_| self.machine.output().is_some() && !self.machine.waits())
    }

    /// The devices of which nothing is heard while others are driven, and what each counts for.
    pub(crate) fn silent(&self) -> impl Iterator<Item = (&DriveSpec, f64)> {
        let units = self.driven();
        let parts = self.drives.iter().enumerate();
        parts.filter_map(move |(at, drive)| Some((&drive.spec, units?.part(at)?)))
    }

    /// Those of them of which it is only guessed what they do.
    pub(crate) fn guessed(&self) -> impl Iterator<Item = &DriveSpec> {
        let guesses = self.driven().into_iter().flat_map(Units::guesses);
        guesses.filter_map(|at| self.drives.get(at).map(|drive| &drive.spec))
    }

    /// What a device counts for of which nothing is heard.
    pub(crate) fn counted(&self, at: usize) -> f64 {
        self.units.as_ref().and_then(|units| units.part(at)).unwrap_or(0.0)
    }

    /// Where the output goes.
    fn goal(&self, plant: &Plant) -> Option<f64> {
        let bounds = plant.seen.bounds?;
        if !self.machine.is_moving() {
            // Within the dead band it rests.
            return self.machine.output();
        }
        Some(bounds.hold(bounds.soft.hold(self.machine.target()?)))
    }

    /// Gives each device its part.
    fn share(&mut self, output: f64, plant: &Plant, now: Mono) {
        let asked = output + self.trimmed + self.aux;
        let beside = self.aux + self.response.now();
        let by = beside - std::mem::replace(&mut self.beside, beside);
        let (may, bands, clamp) = match &plant.seen.bounds {
            Some(bounds) => (bounds.hold(asked), [bounds.at_once()], bounds.holds(asked)),
            // Without its limit the correction would take it beyond where the limit was.
            None => (self.whole.unwrap_or(asked), [Band::ALL], self.cut_clamp),
        };
        let goal =
            self.goal(plant).map_or(asked, |goal| goal + asked - self.machine.output().unwrap_or(goal));
        let known = back::Units { reach: may, goal, does: self.whole.unwrap_or(may), by };
        let whole = self.back.ask(asked, known, &bands, now);
        let comes = plant.seen.bounds.is_some() && (asked - whole).abs() > NEAR;
        let clamp = clamp.or(comes.then_some(Clamp::Ramp));
        let moved = whole - self.whole.replace(whole).unwrap_or(whole);
        (self.cut, self.cut_clamp) = (asked - whole, clamp);
        self.turn += 1;
        let (turn, cut) = (self.turn, self.cut);
        let of = |short: f64| Of { turn, all: output - (short + cut) };
        if let Some(units) = &mut self.units {
            let ((low, high), beside) = (self.spec.machine.asked, asked - output + self.response.now());
            let may = Band { low: low + beside, high: high + beside };
            // What limits keep from them does not move them.
            units.moves(by.clamp(moved.min(0.0), moved.max(0.0)), goal);
            let shared = units.share(whole, may, &mut self.drives, plant, of, now);
            (self.short, self.short_clamp) = (shared.short, shared.clamp);
            if let (Some(trim), true) = (&mut self.trim, shared.others) {
                trim.disturbed();
            }
        } else {
            self.short = whole - self.drives.iter().fold(whole, |whole, drive| drive.spec.carries(whole));
            self.short_clamp = (self.short != 0.0).then_some(Clamp::Hard);
            let (of, one_refuses) = (of(self.short), self.one_refuses());
            let hold = |part: f64| plant.seen.bounds.map_or(part, |bounds| bounds.hold(part));
            for drive in &mut self.drives {
                match drive.took() {
                    _ if !one_refuses || drive.failed.is_some() => drive.want(whole, of),
                    // It goes on as it is.
                    Some(part) => drive.want(hold(part), of),
                    None => drive.rest(),
                }
            }
        }
    }

    /// What all have confirmed is in force: the output of whoever is furthest behind.
    fn confirm(&mut self) {
        if self.machine.output().is_none() || self.machine.waits() {
            return;
        }
        // Of fixed shares one that rests has not done its own.
        let rests = |drive: &Drive| drive.done().or(self.units.is_none().then_some(None));
        let done: Option<Vec<Of>> = self.drives.iter().filter_map(rests).collect();
        match done.map(|done| done.into_iter().min_by_key(|of| of.turn)) {
            // What others confirmed of an output that counted on one that is lost since is not what is done.
            Some(Some(of)) if self.units.as_ref().is_none_or(|units| units.is_theirs(of)) => {
                self.in_force = Force::Confirmed(of.all);
            }
            // What a device that was away does now is not known, whatever the others have confirmed.
            None if matches!(self.in_force, Force::Confirmed(_)) => self.in_force = Force::Unknown,
            _ => {}
        }
    }

    /// Whether the plant follows. Where for a moment nothing is confirmed it has not begun to.
    fn watch(&mut self, actual: Option<f64>, now: Mono) {
        let Some((within, time)) = self.spec.follows else { return };
        let near = |force: f64| actual.is_some_and(|actual| (actual - force).abs() <= within);
        self.strays = match self.in_force() {
            _ if self.machine.output().is_none() || self.machine.waits() => None,
            None => self.strays,
            Some(force) if near(force) => None,
            Some(_) => self.strays.or(Some(now)),
        };
        self.strays_too_long = self.strays.is_some_and(|since| since.plus(time) <= now);
    }

    /// A driver answered a write.
    pub(crate) fn written(&mut self, device: DeviceIx, request: u64, result: &Result<(), String>, now: Mono) {
        let mut was_before = false;
        for drive in &mut self.drives {
            was_before |= drive.written(device, request, result);
        }
        if was_before {
            // What it does from now on has to be read.
            self.machine.doubt(now.plus(RETRY));
        }
        self.confirm();
    }

    /// It is not known what comes of a release that is on its way, nor of what a device that is there was asked before.
    fn is_under_way(&self, plant: &Plant, now: Mono) -> bool {
        let mut drives = self.drives.iter().zip(&plant.answer);
        drives.any(|(drive, answers)| drive.may_take_it(now) || (*answers && drive.is_under_way(now)))
    }

    /// Whether one of several with fixed shares refuses: the others would follow what it does not do, step by step.
    fn one_refuses(&self) -> bool {
        self.units.is_none() && self.drives.iter().any(|drive| drive.failed.is_some())
    }

    /// Whether nobody takes any more what is told: the first that does would leap to where the output went meanwhile.
    fn is_refused(&self, plant: &Plant) -> bool {
        match &self.units {
            Some(_) => Units::all_refuse(&self.drives, plant),
            None => self.drives.iter().any(Drive::refused),
        }
    }

    /// A device is back: it may have restarted, so it is told again, whatever it confirmed before.
    pub(crate) fn device_up(&mut self, device: DeviceIx) {
        self.drives.iter_mut().filter(|drive| drive.spec.device == device).for_each(Drive::forget);
    }

    /// When something here happens by itself next.
    pub(crate) fn due(&self) -> Option<Mono> {
        let driven = self.machine.output().is_some();
        // What is waited for is a reading, which comes by itself.
        let tells = driven && !self.machine.waits();
        let writes = self.drives.iter().filter_map(Drive::due).min().filter(|_| tells);
        let trim = self.trim.filter(|_| tells).map(|_| self.trimmed_at.plus(STEP));
        let strays = self.strays.filter(|_| !self.strays_too_long);
        let strays = strays.and_then(|since| Some(since.plus(self.spec.follows?.1)));
        let pulses = [self.pulsing.raise, self.pulsing.lower].into_iter().flatten().min();
        let response = self.response.due().filter(|_| tells);
        let kept = self.drives.iter().filter_map(Drive::gives_again).min().filter(|_| !driven);
        let back = [self.back.due(), self.units.as_ref().and_then(Units::due)].into_iter().flatten().min();
        let back = back.filter(|_| tells);
        [self.machine.due(), writes, trim, strays, pulses, response, kept, back].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
