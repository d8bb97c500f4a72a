//! Devices that make up for each other: what each gets of a set point, and what those count for of which nothing is heard.
//!
//! A device that is silent, and one that refuses what it is told, do what they did: the others do the rest. One that is
//! back may be as deaf as it was silent: it is told what it counts for, and gets its new part once it has taken that.

use std::time::Duration;

use control::back::{self, Back};
use control::dispatch::{Method, Unit, dispatch};
use control::silent::{self, Look, Silent};
use control::{Band, Clamp, Rules};
use telemetry::Mono;

use super::drive::{Drive, Of};
use super::{NEAR, Plant, STEP};

/// For so long a plant may be on its way to where it was told, where the site does not say for how long it may; and the
/// longest.
const WALKS: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(60)];

/// What holds a device at either end of what it can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) low: Clamp,
    pub(crate) high: Clamp,
}

/// A device of a dispatch, and what holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Able {
    pub(crate) unit: Unit,
    /// It is known to be off: it does nothing.
    pub(crate) off: bool,
    /// What it does now, where that is good.
    pub(crate) power: Option<f64>,
    pub(crate) held: Held,
}

impl Able {
    /// What it does, by its own word or because it is off.
    fn does(&self) -> Option<f64> {
        self.power.or(self.off.then_some(0.0))
    }
}

/// What a sharing out came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    /// What the devices together cannot do, and what holds them.
    pub(super) short: f64,
    pub(super) clamp: Option<Clamp>,
    /// Another number of devices does it than before: they are on their way to new parts.
    pub(super) others: bool,
}

/// The devices of a dispatch.
#[derive(Clone, Debug)]
pub(super) struct Units {
    method: Method,
    /// What is less cannot be seen.
    least: f64,
    /// Which devices were there the last time.
    there: Vec<bool>,
    /// The first output since then: what was confirmed of an earlier one counted on others.
    since: u64,
    /// Those of which nothing is heard.
    silent: Silent,
    /// What they may do in all whatever is asked, as far as that was known last.
    within: Band,
    /// How what they can do again comes back.
    back: Back,
    /// By how much the whole is another since they were told last that has no ramp.
    at_once: f64,
    /// Where the whole goes.
    goal: f64,
}

/// Whether a device does what it is told.
const fn takes(drive: &Drive, able: &Able) -> bool {
    able.unit.available && !drive.refuses
}

/// What units that are there can do together.
fn together(units: &[Unit]) -> Band {
    let there = || units.iter().filter(|unit| unit.available).map(|unit| unit.can);
    Band { low: there().map(|can| can.low).sum(), high: there().map(|can| can.high).sum() }
}

impl Units {
    /// `rules` have the ramp by which comes back what they can do again, `least` is what can be seen at the meter,
    /// `follows` for how long the plant may be on its way.
    pub(super) fn new(
        method: Method,
        rules: Rules,
        least: f64,
        follows: Option<Duration>,
        devices: usize,
    ) -> Self {
        let walks = follows.map_or(WALKS[0], |time| time.min(WALKS[1]));
        let silent = Silent::new(silent::Rules { least, walks }, devices);
        let back = Back::new(rules, STEP);
        let (there, within) = (Vec::new(), Band::ALL);
        Self { method, least, there, since: 0, silent, within, back, at_once: 0.0, goal: 0.0 }
    }

    /// Somebody begins to drive. What devices do by their own word they do; and of which nothing is heard, does what the
    /// others leave of `made`, which all do together.
    pub(super) fn begin(&mut self, made: f64, drives: &mut [Drive], plant: &Plant, now: Mono) {
        for (drive, able) in drives.iter_mut().zip(&plant.units) {
            if let Some(power) = able.power {
                drive.does(power);
            }
        }
        let own: Vec<Option<f64>> = plant.units.iter().map(|able| able.power).collect();
        let others = plant.units.iter().filter(|able| able.unit.available || able.off);
        let left = others.map(Able::does).sum::<Option<f64>>().map(|others| made - others);
        self.silent.begin(&own, left, now);
        if left.is_none() {
            self.silent.shrink(self.share_of(made, drives, plant));
        }
        self.back.reset();
        // Limits that were known before say nothing of where it stands now.
        self.within = Band::ALL;
    }

    /// What of all that they did by what was told last they may do now, where all together do `made`.
    fn share_of(&self, made: f64, drives: &[Drive], plant: &Plant) -> f64 {
        let (mut known, mut open) = (0.0, 0.0);
        for (at, (drive, able)) in drives.iter().zip(&plant.units).enumerate() {
            let silent = self.silent.part(at);
            match silent.filter(|_| !self.silent.guesses().any(|guess| guess == at)).or(able.power) {
                Some(part) => known += part,
                None => open += silent.unwrap_or(drive.stays()),
            }
        }
        let share = (made - known) / open;
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 }
    }

    /// Whether nothing is heard of any of them.
    pub(super) fn all_away(plant: &Plant) -> bool {
        plant.units.iter().all(|able| !able.unit.available)
    }

    /// What all of them do by their own word.
    pub(super) fn own(plant: &Plant) -> Option<f64> {
        plant.units.iter().map(Able::does).sum()
    }

    /// The plant has them.
    pub(super) fn rest(&mut self) {
        self.there.clear();
        self.silent.rest();
        self.back.reset();
    }

    /// When what they can do again has to go on coming back.
    pub(super) fn due(&self) -> Option<Mono> {
        self.back.due()
    }

    /// Whether an output is of those that are there now.
    pub(super) const fn is_theirs(&self, of: Of) -> bool {
        of.turn >= self.since
    }

    /// Whether nobody takes any more what is told: the first that does would leap to where the output went meanwhile.
    pub(super) fn all_refuse(drives: &[Drive], plant: &Plant) -> bool {
        let there = drives.iter().zip(&plant.units).filter(|(_, able)| able.unit.available);
        let mut there = there.map(|(drive, _)| drive.refused()).peekable();
        there.peek().is_some() && there.all(|refuses| refuses)
    }

    /// Which devices nothing is heard of; whether one of them is known again. `driven` tells that somebody here has them.
    pub(super) fn hear(&mut self, drives: &mut [Drive], plant: &Plant, driven: bool, now: Mono) -> bool {
        let mut known = false;
        for (at, (drive, able)) in drives.iter_mut().zip(&plant.units).enumerate() {
            if able.off {
                drive.is_off(driven);
            }
            if able.off || takes(drive, able) {
                known |= self.silent.known(at, drive.stays(), now);
            } else {
                if !able.unit.available {
                    drive.lost(self.least);
                } else if let (Some(power), None) = (able.power, drive.part()) {
                    // It is back, and says itself what it does.
                    self.silent.says(at, power);
                    drive.does(power);
                }
                self.silent.lost(at, drive.stays(), drive.sure, now);
            }
        }
        known
    }

    /// What the meter says of those of which nothing is heard. Whether they count for something else from now on.
    pub(super) fn listen(&mut self, look: &Look, now: Mono) -> bool {
        self.silent.look(look, now)
    }

    /// Whether the meter speaks against what one of them counts for, or has not been asked yet.
    pub(super) fn doubts(&self) -> bool {
        self.silent.doubts()
    }

    /// What a device counts for of which nothing is heard.
    pub(super) fn part(&self, at: usize) -> Option<f64> {
        self.silent.part(at)
    }

    /// Those of which it is only guessed what they do.
    pub(super) fn guesses(&self) -> impl Iterator<Item = usize> {
        self.silent.guesses()
    }

    /// The whole is by so much another than before that has no ramp, nor has it on the way back of what they can do.
    /// `goal` is where it goes.
    pub(super) const fn moves(&mut self, by: f64, goal: f64) {
        (self.at_once, self.goal) = (by, goal);
    }

    /// Gives each device its part of the whole, which is never asked to be beyond `asked`. `of` makes of what is missing
    /// which output it is.
    pub(super) fn share(
        &mut self,
        whole: f64,
        asked: Band,
        drives: &mut [Drive],
        plant: &Plant,
        of: impl FnOnce(f64) -> Of,
        now: Mono,
    ) -> Shared {
        self.within = plant.seen.bounds.map_or(self.within, |bounds| bounds.at_once());
        let units = drives.iter().zip(&plant.units);
        let units = units.map(|(drive, able)| Unit { available: takes(drive, able), ..able.unit });
        let units: Vec<Unit> = units.collect();
        let wanted = whole - self.silent.parts();
        let within = self.for_others(wanted, asked, drives, &units);
        let may = within.hold(wanted);
        let reach = together(&units).hold(may);
        let asked = self.back(whole, reach, within, drives, &units, now);
        let comes = (reach - asked).abs() > NEAR;
        let (target, left) = if comes { (asked, may - reach) } else { (may, 0.0) };
        let parts = match comes {
            true => dispatch(target, &self.on_their_way(target, may, drives, &units), self.method, within),
            false => dispatch(target, &units, self.method, within),
        };
        let beyond = wanted - target;
        let short = parts.short + if beyond.abs() > NEAR { beyond } else { 0.0 };
        let clamp = (short != 0.0).then(|| {
            // Where nothing keeps them from all of it, they are on their way to it.
            let all = comes && (wanted - may).abs() <= NEAR;
            let else_by = if all { Clamp::Ramp } else { Clamp::Hard };
            Self::held_by(wanted, parts.short + left, plant).unwrap_or(else_by)
        });
        let there: Vec<bool> = units.iter().map(|unit| unit.available).collect();
        let before = std::mem::replace(&mut self.there, there);
        let others = !before.is_empty() && before != self.there;
        let of = of(short);
        if others {
            self.since = of.turn;
        }
        let mut walks = false;
        for (at, ((drive, part), able)) in drives.iter_mut().zip(&parts.units).zip(&plant.units).enumerate() {
            match (able.unit.available, drive.refuses) {
                (true, false) => {
                    walks |= others && (part - drive.does_now()).abs() >= self.least;
                    drive.want(*part, of);
                }
                // As far as it can by now.
                (true, true) => {
                    drive.want(able.unit.can.hold(self.silent.part(at).unwrap_or_default()), of);
                }
                (false, _) => drive.drop_away(),
            }
        }
        if walks {
            self.silent.disturbed(now);
        }
        Shared { short, clamp, others }
    }

    /// What keeps the devices from what is missing, and what keeps all of them from what is wanted.
    fn held_by(wanted: f64, missing: f64, plant: &Plant) -> Option<Clamp> {
        let there = plant.units.iter().filter(|able| able.unit.available);
        let held = there.map(|able| if missing > 0.0 { able.held.high } else { able.held.low });
        // Of several reasons the most special: that there is no more of the others goes without saying.
        let held = held.max().filter(|_| missing.abs() > NEAR);
        held.or_else(|| plant.seen.bounds?.holds(wanted))
    }

    /// What those are asked for that are heard of, of what they could do: what they can do again comes by the ramp.
    fn back(
        &mut self,
        whole: f64,
        reach: f64,
        within: Band,
        drives: &[Drive],
        units: &[Unit],
        now: Mono,
    ) -> f64 {
        let (others, can) = (self.silent.parts(), together(units));
        let there = drives.iter().zip(units).filter(|(_, unit)| unit.available);
        let does: f64 = there.map(|(drive, _)| drive.does_now()).sum();
        let all = |band: Band| Band { low: band.low + others, high: band.high + others };
        let (goal, by) = (self.goal, self.at_once);
        let known = back::Units { reach: reach + others, goal, does: does + others, by };
        self.back.ask(whole, known, &[all(can), all(within), self.within], now) - others
    }

    /// The units part of the way from what they do to what they will do of `may`: what they do in all is the target, and
    /// none of them goes back first to come again.
    fn on_their_way(&self, target: f64, may: f64, drives: &[Drive], units: &[Unit]) -> Vec<Unit> {
        let there = dispatch(may, units, self.method, self.within).units;
        let does = units.iter().zip(drives);
        let does = does.map(|(unit, drive)| unit.can.hold(drive.does_now()));
        let does: Vec<f64> = does.collect();
        let of = |parts: &[f64]| -> f64 {
            units.iter().zip(parts).filter(|(unit, _)| unit.available).map(|(_, part)| part).sum()
        };
        let (from, left) = (of(&does), target - of(&does));
        let gone = if left.abs() > NEAR { left / (of(&there) - from) } else { 0.0 };
        if !(0.0..=1.0).contains(&gone) {
            return units.to_vec();
        }
        let way = |(unit, (does, goes)): (&Unit, (&f64, &f64))| {
            let part = does + gone * (goes - does);
            // Less than its least is for the sharing out to settle.
            let less = part != 0.0 && part.abs() < unit.least;
            let can = if less { Band::new(*does, *goes) } else { Band { low: part, high: part } };
            Unit { can, ..*unit }
        };
        units.iter().zip(does.iter().zip(&there)).map(way).collect()
    }

    /// How far those may go that are heard of. What others count for gives them no more room than the whole has, or with
    /// those off after all the plant would be beyond it; but for what they do already nothing moves.
    fn for_others(&self, wanted: f64, asked: Band, drives: &[Drive], units: &[Unit]) -> Band {
        let others = self.silent.parts();
        if others == 0.0 {
            return self.within;
        }
        let whole = self.within.within(&asked);
        let counted = Band { low: whole.low - others, high: whole.high - others };
        let within = whole.within(&counted);
        let there = drives.iter().zip(units).filter(|(_, unit)| unit.available);
        let parts: Vec<f64> = there.filter_map(|(drive, _)| drive.part()).collect();
        let did = match parts.is_empty() {
            true if self.silent.guesses().count() > 0 => return within,
            true => wanted,
            false => parts.iter().sum(),
        };
        Band { low: within.low.min(did), high: within.high.max(did) }
    }
}
