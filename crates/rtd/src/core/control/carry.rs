//! A set point over a change of the site, and what is known of its devices over a restart.
//!
//! One that is defined as it was goes on as it was; every other one begins with the plant, and nothing that was commanded
//! before is ever said to a device again. Nothing moves by that: devices that it drives as before keep what they were
//! told, where they would at any other return to the plant.

use std::sync::Arc;

use control::{Master, Owner};
use site::DeviceIx;
use telemetry::Mono;

use super::{Drive, SetPoint, Write, take};
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
        self.whole = old.whole;
        self.units.clone_from(&old.units);
        (self.strays, self.strays_too_long) = (old.strays, old.strays_too_long);
        for (drive, old) in self.drives.iter_mut().zip(&old.drives) {
            drive.carry(old);
        }
    }

    /// The plant has it, where it goes on as something else, or not at all. Devices that are still driven in the same
    /// way by who comes after it keep what they were told, where they may; the others are handed back to their own
    /// control, as far as they are still there: `device` is a device's place now. Where the plant has it already,
    /// those alone that were to take it and have not yet.
    pub(in crate::core) fn withdraw(
        &self,
        mut heir: Option<&mut Self>,
        device: impl Fn(DeviceIx) -> Option<DeviceIx>,
        now: Mono,
        next_request: &mut u64,
    ) -> Vec<Write> {
        let driven = self.owner() != Owner::Local;
        let mut writes = Vec::new();
        for drive in &self.drives {
            let Some(at) = device(drive.spec.device) else { continue };
            let disables = heir.as_ref().is_some_and(|heir| heir.spec.disables);
            let next = heir.as_mut().and_then(|heir| {
                let alike = |next: &&mut Drive| next.spec.device == at && next.spec.kind == drive.spec.kind;
                heir.drives.iter_mut().find(alike)
            });
            if let Some(next) = next {
                next.inherit(drive);
                // One that refuses is asked again by who comes after.
                if driven && disables {
                    writes.extend(next.give_back(now, next_request));
                }
            } else if drive.is_giving() || (driven && drive.holds()) {
                let release = drive.spec.release();
                writes.extend(release.map(|write| Write { device: at, request: take(next_request), write }));
            }
        }
        writes
    }
}
