//! What the machine knows and decides, over a change of the site; and what it learns of the time before its start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use site::{DeviceIx, Site};
use telemetry::{Now, PointId};

use super::{Brain, Commanded, MasterIx, Output, Record, operate};
use crate::reload::Kept;

/// Why authority ends with a change of the site.
const RELOADED: &str = "another configuration was loaded";

/// What of one site is where in the next.
pub(in crate::core) struct Moves<'a> {
    pub(in crate::core) kept: &'a Kept,
    old: &'a Site,
    new: &'a Site,
}

impl<'a> Moves<'a> {
    pub(in crate::core) const fn new(old: &'a Site, new: &'a Site, kept: &'a Kept) -> Self {
        Self { kept, old, new }
    }

    /// The place of a master now.
    pub(in crate::core) fn master(&self, was: MasterIx) -> Option<MasterIx> {
        let name = &self.old.masters.get(was.get())?.name;
        self.new.masters.iter().position(|master| master.name == *name).map(MasterIx::new)
    }

    /// The place that a master had.
    pub(in crate::core) fn master_before(&self, now: &site::Master) -> Option<usize> {
        self.old.masters.iter().position(|master| master.name == now.name)
    }

    /// The place of a device now, where it is still the same.
    fn device(&self, was: DeviceIx) -> Option<DeviceIx> {
        let id = &self.old.devices.get(was.get())?.id;
        let at = self.new.devices.iter().position(|device| device.id == *id && self.kept.device(id));
        at.map(DeviceIx::new)
    }
}

impl Brain {
    /// Devices that may hold what they were told for a set point before this start.
    pub(in crate::core) fn told_before(&mut self, told: &[(PointId, Arc<str>)]) {
        for (id, device) in told {
            let setpoints = self.setpoints.iter_mut().map(|commanded| &mut commanded.setpoint);
            setpoints
                .filter(|setpoint| setpoint.spec.id == *id)
                .for_each(|setpoint| setpoint.held_before(device));
        }
    }

    /// Takes over from the one before.
    pub(in crate::core) fn carry(&mut self, old: Self, moves: &Moves<'_>, now: Now) {
        let Self { table, setpoints, time, heartbeat, alarms, masters, next_request, outputs, .. } = old;
        (self.outputs, self.next_request) = (outputs, next_request);
        self.time.carry(&time);
        for (peer, master) in self.masters.iter_mut().zip(&moves.new.masters) {
            if let Some(was) = moves.master_before(master).and_then(|was| masters.get(was)) {
                (peer.up, peer.peer) = (was.up, was.peer.clone());
            }
        }
        let ids: BTreeMap<_, PointId> = table.rows().map(|row| (row.at, row.spec.id.clone())).collect();
        if let (Some(beat), Some(was)) = (&mut self.heartbeat, heartbeat)
            && moves.old.heartbeat.as_ref().map(|beat| &beat.point.id)
                == moves.new.heartbeat.as_ref().map(|beat| moves.kept.id_before(&beat.point.id))
        {
            beat.carry(&was, now.mono);
        }
        for (id, hand) in self.table.carry(table, moves.kept, now.mono) {
            self.record(operate::record(&id, "released", &hand, None, now));
        }
        // What is still the matter is found anew, and not told again.
        let mut here: BTreeMap<&PointId, _> = BTreeMap::new();
        for row in self.table.rows() {
            here.insert(moves.kept.id_before(&row.spec.id), row.at);
        }
        let mut over = Vec::new();
        for ((was, kind), text) in alarms {
            let Some(id) = ids.get(&was) else { continue };
            match here.get(id) {
                Some(at) => drop(self.alarms.insert((*at, kind), text)),
                None => over.push((id.clone(), kind, text)),
            }
        }
        for (id, kind, text) in over {
            let (time, point, subject) = (now.wall, Some(id), "".into());
            self.record(Record::Alarm { time, point, subject, kind, state: "cleared", text });
        }
        self.table.doubt_all();
        self.carry_setpoints(&setpoints, moves, now);
    }

    /// A score is of the set point, whoever has it and whatever else of it is another.
    fn carry_score(&mut self, old: &Commanded) {
        let id = &old.setpoint.spec.id;
        let new = self.setpoints.iter_mut().find(|new| new.setpoint.spec.id == *id);
        if let Some((score, was)) = new.and_then(|new| new.score.as_mut()).zip(old.score.as_ref()) {
            score.carry(was);
        }
    }

    fn carry_setpoints(&mut self, olds: &[Commanded], moves: &Moves<'_>, now: Now) {
        let may =
            |master: &MasterIx| moves.new.masters.get(master.get()).is_some_and(|master| master.control);
        // Its owner's place, where it has one and that may still have it; `None` where it does not go on.
        let goes_on = |old: &Commanded| {
            let was = old.setpoint.master();
            let owner = was.and_then(|was| moves.master(was)).filter(may);
            let goes_on = moves.kept.setpoint(&old.setpoint.spec.id) && (was.is_none() || owner.is_some());
            goes_on.then_some(owner)
        };
        let stay: BTreeSet<&PointId> =
            olds.iter().filter(|old| goes_on(old).is_some()).map(|old| &old.setpoint.spec.id).collect();
        for old in olds {
            self.carry_score(old);
            let id = &old.setpoint.spec.id;
            // Under another name it is another set point, which the devices do not notice.
            let is_it = |new: &&mut Commanded| moves.kept.id_before(&new.setpoint.spec.id) == id;
            let mut new = self.setpoints.iter_mut().find(is_it);
            let local = old.setpoint.owner() == control::Owner::Local;
            match (&mut new, goes_on(old)) {
                (Some(new), Some(owner)) => {
                    new.setpoint.carry(&old.setpoint, owner);
                    continue;
                }
                // The operator's hand stays on it, whatever else it is now.
                (Some(new), None) => new.setpoint.machine.hold_as(&old.setpoint.machine),
                (None, _) => {}
            }
            let heir = new.map(|new| new.setpoint.spec.id.clone());
            let place = |device| moves.device(device);
            let others = self.setpoints.iter_mut().map(|new| &mut new.setpoint);
            let others = others.filter(|new| !stay.contains(moves.kept.id_before(&new.spec.id)));
            let mut news: Vec<_> = others.collect();
            let writes =
                old.setpoint.withdraw(heir.as_ref(), &mut news, place, now.mono, &mut self.next_request);
            if !local {
                let (time, point, why) = (now.wall, id.clone(), RELOADED);
                self.record(Record::Authority {
                    time,
                    point,
                    master: None,
                    owner: "local",
                    cause: None,
                    why,
                });
            }
            self.outputs.extend(writes.into_iter().map(|write| Output::Write {
                device: write.device,
                request: write.request,
                write: write.write,
            }));
        }
    }
}
