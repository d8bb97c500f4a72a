//! A set point over a change of the site. One that is defined as it was goes on as it was; every other one begins
//! with the plant, and nothing that was commanded before is ever said to a device again.

use control::{Master, Owner};
use site::DeviceIx;

use super::{SetPoint, Write, take};
use crate::core::MasterIx;

impl SetPoint {
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
        (self.whole, self.within, self.begins) = (old.whole, old.within, old.begins);
        (self.strays, self.strays_too_long) = (old.strays, old.strays_too_long);
        (self.reverts_until, self.unread) = (old.reverts_until, old.unread);
        for (drive, old) in self.drives.iter_mut().zip(&old.drives) {
            drive.carry(old);
        }
    }

    /// Hands the devices that were told something back to their own control, as far as they are still there: `device`
    /// is a device's place now. Where the plant has it already, those alone that were to take it and have not yet.
    pub(in crate::core) fn withdraw(
        &self,
        device: impl Fn(DeviceIx) -> Option<DeviceIx>,
        next_request: &mut u64,
    ) -> Vec<Write> {
        let driven = self.owner() != Owner::Local;
        let told = self.drives.iter().filter(|drive| drive.is_giving() || (driven && drive.holds()));
        told.filter_map(|drive| {
            let write = drive.spec.release()?;
            Some(Write { device: device(drive.spec.device)?, request: take(next_request), write })
        })
        .collect()
    }
}
