//! A set point over a change of the site, and what is known of its devices over a restart.
//!
//! One that is defined as it was goes on as it was; every other one begins with the plant, and nothing that was commanded
//! before is ever said to a device again. Nothing moves by that: devices that it drives as before keep what they were
//! told, where they would at any other return to the plant.

use std::sync::Arc;

use control::{Master, Owner};
use site::DeviceIx;
use telemetry::{Mono, PointId};

use super::{Drive, DriveKind, SetPoint, Write, take};
use crate::core::MasterIx;

impl SetPoint {
    /// A device was told something for it before this start, and not given back.
    pub(in crate::core) fn held_before(&mut self, device: &str) {
        let drives = self.drives.iter_mut().filter(|drive| &*drive.spec.name == device);
        drives.for_each(Drive::held_before);
    }

    /// The devices that may hold something that they were told, by name.
    pub(in crate::core) fn holding(&self) -> impl Iterator<Item = &Arc<str>> + Clone {
        self.drives.iter().filter(|drive| drive.holds()).map(|drive| &drive.spec.name)
    }

    /// Goes on as another of the same definition did. `master` is its master's place now, where it has one.
    pub(in crate::core) fn carry(&mut self, old: &Self, master: Option<MasterIx>) {
        self.machine = old.machine.clone();
        if let Some(master) = master {
            self.machine.renumber(Master(master.get()));
        }
        (self.turn, self.in_force, self.pulsing) = (old.turn, old.in_force, old.pulsing);
        (self.short, self.short_clamp) = (old.short, old.short_clamp);
        (self.cut, self.cut_clamp) = (old.cut, old.cut_clamp);
        (self.aux, self.aux_known) = (old.aux, old.aux_known);
        (self.trim, self.trimmed, self.trimmed_at) = (old.trim, old.trimmed, old.trimmed_at);
        self.response = old.response;
        (self.whole, self.back, self.beside) = (old.whole, old.back, old.beside);
        self.units.clone_from(&old.units);
        (self.strays, self.strays_too_long) = (old.strays, old.strays_too_long);
        for (drive, old) in self.drives.iter_mut().zip(&old.drives) {
            drive.carry(old);
        }
    }

    /// The plant has it, where it goes on as something else, or not at all. Devices that `heir`, one of `news`, drives in
    /// the same way keep what they were told, where they may; the others are handed back to their own control, as far as
    /// they are still there: `device` is a device's place now. Whoever drives one from now on waits for its answer, and
    /// asks again. Where the plant has it already, those alone are that were to take it and have not yet.
    pub(in crate::core) fn withdraw(
        &self,
        heir: Option<&PointId>,
        news: &mut [&mut Self],
        device: impl Fn(DeviceIx) -> Option<DeviceIx>,
        now: Mono,
        next_request: &mut u64,
    ) -> Vec<Write> {
        let driven = self.owner() != Owner::Local;
        let mut writes = Vec::new();
        for (part, drive) in self.drives.iter().enumerate() {
            let Some(at) = device(drive.spec.device) else { continue };
            let release = drive.spec.release();
            let next = Self::next(heir, news, at, drive.spec.kind);
            if let Some((keeps, next)) = next {
                next.inherit(drive);
                if let Some(part) = self.units.as_ref().and_then(|units| units.part(part)) {
                    next.counts_for(part);
                }
                if driven && !keeps {
                    writes.extend(release.and_then(|write| next.give_back_by(write, now, next_request)));
                }
            } else if drive.is_giving() || (driven && drive.holds()) {
                writes.extend(release.map(|write| Write { device: at, request: take(next_request), write }));
            }
        }
        writes
    }

    /// Who of `news` tells a device from now on what it was told in one way, and whether it keeps that: the heir, where it
    /// tells it in the same way; else whoever does.
    fn next<'a>(
        heir: Option<&PointId>,
        news: &'a mut [&mut Self],
        device: DeviceIx,
        kind: DriveKind,
    ) -> Option<(bool, &'a mut Drive)> {
        let place = |is: &dyn Fn(&Self, &Drive) -> bool| {
            let drive = |new: &Self| new.drives.iter().position(|drive| is(new, drive));
            news.iter().enumerate().find_map(|(at, new)| Some((at, drive(new)?)))
        };
        let is_heir = |new: &Self| heir == Some(&new.spec.id);
        let is_same = |drive: &Drive| drive.is_same(device, kind);
        let alike = place(&|new, drive| is_heir(new) && is_same(drive) && drive.spec.kind == kind);
        let same = || place(&|new, drive| is_heir(new) && is_same(drive));
        let (new, at) = alike.or_else(same).or_else(|| place(&|_, drive| is_same(drive)))?;
        let new = news.get_mut(new)?;
        Some((alike.is_some() && !new.spec.disables, new.drives.get_mut(at)?))
    }
}
