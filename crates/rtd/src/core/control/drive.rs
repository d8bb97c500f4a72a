//! A device's part of a set point: what it is told, when it is told again, and what it has confirmed.

use std::sync::Arc;
use std::time::Duration;

use site::{DeviceIx, Registers};
use telemetry::Mono;

use super::NEAR;
use crate::core::field::FieldWrite;

/// A write that a device refused, or did not get, is tried again after this time.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// The longest that a driver's answer to a write is waited for before the write is asked for again.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(15);

/// A device that carries out a set point, or its share of one.
#[derive(Clone, Debug)]
pub(crate) struct DriveSpec {
    pub(crate) device: DeviceIx,
    pub(crate) name: Arc<str>,
    pub(crate) kind: DriveKind,
    /// The device falls back by itself when not refreshed for so many seconds; 0: it has no such timer.
    pub(crate) revert_s: u16,
    /// It does this much or nothing, where the set point is dispatched.
    pub(crate) least: f64,
    /// The lower comes first.
    pub(crate) priority: u32,
    /// What it can do costs nothing.
    pub(crate) free: bool,
}

/// How a device is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum DriveKind {
    /// Watts for each unit of the set point.
    SunSpec704 { watts_per_unit: f64 },
    /// Percent of the device's rating for each unit of the set point.
    SunSpec123 { percent_per_unit: f64 },
    /// Raw registers.
    Registers(Registers),
}

impl DriveSpec {
    pub(super) fn write(&self, value: f64) -> FieldWrite {
        let revert_s = self.revert_s;
        match self.kind {
            DriveKind::SunSpec704 { watts_per_unit } => {
                FieldWrite::SunSpec704 { watts: value * watts_per_unit, revert_s }
            }
            DriveKind::SunSpec123 { percent_per_unit } => {
                let percent = (value * percent_per_unit).clamp(0.0, 100.0);
                FieldWrite::SunSpec123 { percent, revert_s }
            }
            DriveKind::Registers(registers) => {
                let Registers { register, kind, word_order, .. } = registers;
                FieldWrite::Registers { register, kind, word_order, raw: registers.raw(value), enable: None }
            }
        }
    }

    /// As much of a value as the device can be told.
    pub(super) fn carries(&self, value: f64) -> f64 {
        match self.kind {
            DriveKind::SunSpec123 { percent_per_unit } if percent_per_unit != 0.0 => {
                (value * percent_per_unit).clamp(0.0, 100.0) / percent_per_unit
            }
            _ => value,
        }
    }

    /// The write, as it has to be where the device does not follow yet.
    fn first(&self, mut write: FieldWrite) -> FieldWrite {
        if let (DriveKind::Registers(registers), FieldWrite::Registers { enable, .. }) =
            (self.kind, &mut write)
        {
            *enable = registers.enable.map(|switch| (switch.register, switch.on));
        }
        write
    }

    /// What gives the device back to its own control; `None` where it has nothing for that.
    pub(super) fn release(&self) -> Option<FieldWrite> {
        match self.kind {
            DriveKind::SunSpec704 { .. } => Some(FieldWrite::Release704),
            DriveKind::SunSpec123 { .. } => Some(FieldWrite::Release123),
            DriveKind::Registers(registers) => registers
                .enable
                .map(|switch| FieldWrite::ReleaseRegister { register: switch.register, word: switch.off }),
        }
    }

    /// A refresh is asked for at two fifths of the reversion time, so that it is over before half of it.
    fn refresh(&self) -> Option<Duration> {
        (self.revert_s > 0).then(|| Duration::from_millis(u64::from(self.revert_s) * 400))
    }
}

/// A write to ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Write {
    pub(crate) device: DeviceIx,
    pub(crate) request: u64,
    pub(crate) write: FieldWrite,
}

/// Which of a set point's outputs it was, and what that came to in all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Of {
    pub(super) turn: u64,
    pub(super) all: f64,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    request: u64,
    write: FieldWrite,
    of: Of,
    part: f64,
    at: Mono,
    answered: bool,
}

/// What a device may hold of what it was told, there or away.
#[derive(Clone, Copy, Debug)]
enum Holds {
    /// It was told nothing, or has its own control back.
    Nothing,
    /// It was told something.
    Told,
    /// That was before this start: nobody here told it anything since, nor gave it back.
    ToldBefore,
    /// It was asked to take its own control back, and has not said yet that it did.
    Giving(Giving),
}

/// A device is being given back to its own control.
#[derive(Clone, Copy, Debug)]
struct Giving {
    request: u64,
    write: FieldWrite,
    at: Mono,
    answered: bool,
    /// Whoever is at the plant has it: it is asked no more, and may still say that it has.
    left: bool,
}

/// What a device was asked before the output began anew.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    request: u64,
    at: Mono,
    part: f64,
    /// Nobody else had the device since.
    sure: bool,
}

/// One device's part of a set point.
#[derive(Clone, Debug)]
pub(super) struct Drive {
    pub(super) spec: DriveSpec,
    /// What it is to do, since the last turn; `None` while it is to be told nothing.
    wanted: Option<(FieldWrite, Of)>,
    part: f64,
    asked: Option<Asked>,
    /// What it was asked in another life and has not answered: it may still do that.
    under_way: Option<UnderWay>,
    confirmed: Option<(FieldWrite, Of)>,
    pub(super) failed: Option<String>,
    /// The part that it confirmed last, whether it is there or not; `None` where it holds none.
    pub(super) told: Option<f64>,
    /// Nobody else had it since it did that.
    pub(super) sure: bool,
    /// It took nothing since it refused what it was told, or was away, and may do something else.
    pub(super) refuses: bool,
    /// By how much what it was asked and has not confirmed is another part than it confirmed before.
    open: f64,
    holds: Holds,
}

impl Drive {
    pub(super) fn new(spec: DriveSpec) -> Self {
        let (wanted, asked, confirmed) = (None, None, None);
        let (failed, refuses, told, sure) = (None, false, None, false);
        let (holds, part, open) = (Holds::Nothing, 0.0, 0.0);
        Self {
            spec,
            wanted,
            part,
            asked,
            under_way: None,
            confirmed,
            failed,
            told,
            sure,
            refuses,
            open,
            holds,
        }
    }

    /// What it is to do from now on.
    pub(super) fn want(&mut self, part: f64, of: Of) {
        let write = self.spec.write(part);
        (self.wanted, self.part) = (Some((write, of)), part);
        let settled = self.asked.is_some_and(|asked| asked.answered && asked.write == write);
        if let Some((confirmed, was)) = &mut self.confirmed
            && *confirmed == write
            && settled
        {
            // The same as before is done already.
            *was = of;
        }
    }

    /// Nobody here has it: it is told nothing, and then as if for the first time.
    pub(super) fn drop_out(&mut self) {
        self.leave_under_way();
        (self.wanted, self.refuses) = (None, false);
        self.forget();
    }

    /// It is not there while others are: it is told nothing, and what it counts for once it is back.
    pub(super) fn drop_away(&mut self) {
        (self.wanted, self.refuses) = (None, true);
        self.forget();
    }

    /// Nothing is heard of it. Where what it was asked may have reached it, it does the one or the other; what is less
    /// than `least` cannot be seen. What was known to be off may be on again.
    pub(super) fn lost(&mut self, least: f64) {
        self.sure &= self.told.is_some() && self.open < least.max(NEAR);
    }

    /// Whether it answered the last time that it does not take what it is told.
    pub(super) const fn refused(&self) -> bool {
        self.refuses && self.failed.is_some()
    }

    /// The part that it has.
    pub(super) fn part(&self) -> Option<f64> {
        self.wanted.map(|_| self.part)
    }

    /// Whether it has a part, and which output it has last confirmed.
    pub(super) fn done(&self) -> Option<Option<Of>> {
        self.wanted.map(|_| self.confirmed.map(|(_, of)| of))
    }

    /// Nobody knows what it does: it is told nothing, and then as if for the first time.
    pub(super) fn wait(&mut self) {
        self.leave_under_way();
        (self.wanted, self.asked, self.confirmed, self.refuses) = (None, None, None, false);
    }

    fn leave_under_way(&mut self) {
        self.under_way = self.still_open();
    }

    fn still_open(&self) -> Option<UnderWay> {
        let open = self.asked.filter(|asked| !asked.answered);
        let open = open.map(|Asked { request, at, part, .. }| UnderWay { request, at, part, sure: true });
        open.or(self.under_way)
    }

    /// What it does, as far as it is known, where nobody hears of it or it does not take what it is told.
    pub(super) fn stays(&self) -> f64 {
        self.told.unwrap_or(0.0)
    }

    /// What it does by all that is known: its part, or what it stays at while it has none.
    pub(super) fn does_now(&self) -> f64 {
        self.part().unwrap_or(self.stays())
    }

    /// It is known to do this now.
    pub(super) const fn does(&mut self, part: f64) {
        (self.told, self.sure, self.open) = (Some(part), true, 0.0);
    }

    /// Nothing is heard of it, and somebody else has it now: that it did this is a guess.
    pub(super) fn counts_for(&mut self, part: f64) {
        self.told = self.told.or((part != 0.0).then_some(part)).map(|_| part);
        self.sure = false;
    }

    /// It is known to be off: it does nothing. `sure` where it is nobody else's.
    pub(super) const fn is_off(&mut self, sure: bool) {
        (self.told, self.sure, self.open) = (None, sure, 0.0);
    }

    /// Somebody else may move it: what it did is a guess from then on.
    pub(super) fn doubt(&mut self) {
        self.sure = false;
        self.under_way = self.under_way.map(|open| UnderWay { sure: false, ..open });
    }

    /// Whether it may hold something that it was told.
    pub(super) const fn holds(&self) -> bool {
        !matches!(self.holds, Holds::Nothing)
    }

    /// It may hold something that it was told before this start.
    pub(super) const fn held_before(&mut self) {
        self.holds = Holds::ToldBefore;
    }

    /// Whether it may hold something of before this start, and nobody here saw to it since.
    pub(super) const fn is_from_before(&self) -> bool {
        matches!(self.holds, Holds::ToldBefore)
    }

    const fn giving(&self) -> Option<Giving> {
        match self.holds {
            Holds::Giving(giving) => Some(giving),
            _ => None,
        }
    }

    /// Gives it back to its own control, where it may hold something and has something for that.
    pub(super) fn give_back(&mut self, now: Mono, next_request: &mut u64) -> Option<Write> {
        let write = self.spec.release()?;
        self.give_back_by(write, now, next_request)
    }

    /// Gives it back in the way of whoever told it, where it may hold something.
    pub(super) fn give_back_by(
        &mut self,
        write: FieldWrite,
        now: Mono,
        next_request: &mut u64,
    ) -> Option<Write> {
        (self.holds() && !self.is_giving()).then(|| self.give(write, now, next_request))
    }

    fn give(&mut self, write: FieldWrite, now: Mono, next_request: &mut u64) -> Write {
        let request = take(next_request);
        self.holds = Holds::Giving(Giving { request, write, at: now, answered: false, left: false });
        Write { device: self.spec.device, request, write }
    }

    /// Asks it again to take its own control back, where it refused or was not reached.
    pub(super) fn give_again(&mut self, now: Mono, next_request: &mut u64) -> Option<Write> {
        let giving = self.giving().filter(|_| self.gives_again().is_some_and(|due| due <= now))?;
        Some(self.give(giving.write, now, next_request))
    }

    /// Gives it back where that was not asked for yet, and asks again where it was.
    pub(super) fn give_back_or_again(&mut self, now: Mono, next_request: &mut u64) -> Option<Write> {
        self.give_back(now, next_request).or_else(|| self.give_again(now, next_request))
    }

    /// Whether it was asked to take its own control back, and may be about to.
    pub(super) fn may_take_it(&self, now: Mono) -> bool {
        self.giving().is_some_and(|giving| !giving.answered && giving.at.plus(ANSWER_MAX) > now)
    }

    /// Whether what it was asked in another life may be about to be done.
    pub(super) fn is_under_way(&self, now: Mono) -> bool {
        self.under_way.is_some_and(|open| open.at.plus(ANSWER_MAX) > now)
    }

    /// When it has to be asked again to take its own control back.
    pub(super) fn gives_again(&self) -> Option<Mono> {
        let giving = self.giving().filter(|giving| !giving.left)?;
        Some(giving.at.plus(if giving.answered { RETRY } else { ANSWER_MAX }))
    }

    /// Whoever is at the plant has it: it is left as it is, also where it was told something before this start. What is
    /// on its way is still answered.
    pub(super) fn leave_it(&mut self) {
        self.holds = match self.holds {
            Holds::Nothing => Holds::Nothing,
            Holds::Giving(giving) if !giving.answered => Holds::Giving(Giving { left: true, ..giving }),
            Holds::Told | Holds::ToldBefore | Holds::Giving(_) => Holds::Told,
        };
    }

    /// Whether it was asked to take its own control back, and has not said yet that it did.
    pub(super) fn is_giving(&self) -> bool {
        self.giving().is_some_and(|giving| !giving.left)
    }

    /// Whether it was asked to take its own control back, and refused or was not reached.
    pub(super) fn is_kept(&self) -> bool {
        self.giving().is_some_and(|giving| giving.answered)
    }

    /// What it took last from whoever has it now, while it takes what it is told.
    pub(super) fn took(&self) -> Option<f64> {
        self.told.filter(|_| self.sure && self.failed.is_none())
    }

    /// It is told nothing for now.
    pub(super) const fn rest(&mut self) {
        self.wanted = None;
    }

    /// Whether the device is told its part by the same registers, or in any other way that there is once a device.
    pub(super) fn is_same(&self, device: DeviceIx, kind: DriveKind) -> bool {
        let same = match (self.spec.kind, kind) {
            (DriveKind::Registers(one), DriveKind::Registers(other)) => {
                let switches = one.enable.zip(other.enable);
                one.register == other.register
                    || switches.is_some_and(|(one, other)| one.register == other.register)
            }
            (DriveKind::Registers(_), _) | (_, DriveKind::Registers(_)) => false,
            _ => true,
        };
        same && self.spec.device == device
    }

    /// When it has to be told (again).
    pub(super) fn due(&self) -> Option<Mono> {
        let (write, _) = self.wanted?;
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

    /// The write that is due now, if one is.
    pub(super) fn ask(&mut self, now: Mono, next_request: &mut u64) -> Option<Write> {
        let (write, of) = self.wanted.filter(|_| self.due().is_some_and(|due| due <= now))?;
        let request = take(next_request);
        self.holds = Holds::Told;
        // From now on it may be the one or the other, until it says.
        self.open = self.open.max((self.part - self.stays()).abs());
        self.sure &= self.told.is_some() || self.part == 0.0;
        self.asked = Some(Asked { request, write, of, part: self.part, at: now, answered: false });
        // Until it has confirmed something it may not be following; one that refuses may not be any more.
        let follows = self.confirmed.is_some() && self.failed.is_none();
        let write = if follows { write } else { self.spec.first(write) };
        Some(Write { device: self.spec.device, request, write })
    }

    /// A driver answered a write. Answers to writes that were given up in the meantime change nothing here. Whether it
    /// was one of another life, or a release.
    pub(super) fn written(&mut self, device: DeviceIx, request: u64, result: &Result<(), String>) -> bool {
        if self.spec.device != device {
            return false;
        }
        if let Some(open) = self.under_way.filter(|open| open.request == request) {
            self.under_way = None;
            if result.is_ok() {
                (self.told, self.sure) = (Some(open.part), open.sure);
            }
            return true;
        }
        if let Some(giving) = self.giving().filter(|giving| giving.request == request) {
            self.holds = match giving.left {
                true => Holds::Told,
                false => Holds::Giving(Giving { answered: true, ..giving }),
            };
            if result.is_ok() {
                (self.holds, self.told, self.sure) = (Holds::Nothing, None, false);
            }
            return true;
        }
        let asked = self.asked.as_mut().filter(|asked| asked.request == request);
        let Some(asked) = asked else { return false };
        asked.answered = true;
        self.refuses = result.is_err();
        match result {
            Ok(()) => {
                let of =
                    self.wanted.filter(|(write, _)| *write == asked.write).map_or(asked.of, |(_, of)| of);
                (self.confirmed, self.failed) = (Some((asked.write, of)), None);
                let part = asked.part;
                self.does(part);
            }
            Err(words) => {
                self.failed = Some(words.clone());
                // The first that it is told is near to what it does.
                self.told.get_or_insert(asked.part);
            }
        }
        false
    }

    pub(super) fn forget(&mut self) {
        (self.asked, self.confirmed, self.failed) = (None, None, None);
    }

    /// Takes over from another of the same device what the device may hold.
    pub(super) fn inherit(&mut self, old: &Self) {
        self.holds = old.holds;
        self.under_way = old.still_open().map(|open| UnderWay { sure: false, ..open });
        // Told in another way, its part is of something else.
        self.told = old.told.filter(|_| self.spec.kind == old.spec.kind);
    }

    /// Goes on as another of the same definition did.
    pub(super) fn carry(&mut self, old: &Self) {
        (self.wanted, self.asked, self.confirmed) = (old.wanted, old.asked, old.confirmed);
        self.failed.clone_from(&old.failed);
        self.refuses = old.refuses;
        self.part = old.part;
        self.inherit(old);
        (self.sure, self.open, self.under_way) = (old.sure, old.open, old.under_way);
    }
}

pub(super) fn take(next_request: &mut u64) -> u64 {
    let request = *next_request;
    *next_request += 1;
    request
}
