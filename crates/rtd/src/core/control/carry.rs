//! A set point over a change of the site. One that is defined as it was goes on as it was; every other one begins
//! with the plant, and nothing that was commanded before is ever said to a device again.

use site::DeviceIx;

use super::{Authority, SetPoint, Write, take};
use crate::core::MasterIx;

impl SetPoint {
    /// Goes on as another of the same definition did. `master` is its master's place now.
    pub(in crate::core) fn carry(&mut self, old: &Self, master: MasterIx) {
        (self.accepted, self.in_force, self.away_since) = (old.accepted, old.in_force, old.away_since);
        self.authority = Authority::Iso { master };
        for (drive, old) in self.drives.iter_mut().zip(&old.drives) {
            (drive.asked, drive.confirmed) = (old.asked, old.confirmed);
            drive.failed.clone_from(&old.failed);
        }
    }

    /// Hands the devices that were told something back to their own control, as far as they are still there: `device`
    /// is a device's place now.
    pub(in crate::core) fn withdraw(
        &self,
        device: impl Fn(DeviceIx) -> Option<DeviceIx>,
        next_request: &mut u64,
    ) -> Vec<Write> {
        let told = self.drives.iter().filter(|drive| drive.asked.is_some());
        told.filter_map(|drive| {
            let write = drive.spec.release();
            Some(Write { device: device(drive.spec.device)?, request: take(next_request), write })
        })
        .collect()
    }
}
