//! Which points, devices and set points of a new site go on as they were. The comparison tells it, and the core acts
//! on the same answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ieee1815::PointType;
use site::{Access, Csv, Device, OpcUa, Site, Sparkplug};
use telemetry::PointId;

use super::points::{drives, renames, views};

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// The old id of each point that has another one now.
    renamed: BTreeMap<PointId, PointId>,
    /// New points that keep their sample, by their new id.
    samples: BTreeSet<PointId>,
    /// What keeps its events: type and index mean what they meant.
    wires: BTreeSet<(PointType, u16)>,
    /// Devices that are reached and read in the old way, whatever else of them changed.
    devices: BTreeSet<Arc<str>>,
    setpoints: BTreeSet<PointId>,
}

impl Kept {
    pub(crate) fn of(old: &Site, new: &Site) -> Self {
        let renamed = renames(old, new);
        let devices: BTreeSet<Arc<str>> = new
            .devices
            .iter()
            .filter(|device| find(old, &device.id).is_some_and(|before| is_same_device(before, device)))
            .map(|device| Arc::clone(&device.id))
            .collect();
        let before = views(old);
        let (mut samples, mut wires) = (BTreeSet::new(), BTreeSet::new());
        for view in views(new) {
            let id = &view.point.id;
            let was = renamed.get(id).unwrap_or(id);
            let Some(was) = before.iter().find(|one| one.point.id == *was && one.kind == view.kind) else {
                continue;
            };
            let unit = |view: &super::points::View<'_>| view.scale.map(|(unit, _)| unit);
            let device = view.device.and_then(|at| new.devices.get(at.get()));
            let reached = device.is_none_or(|device| devices.contains(&device.id));
            if was.source == view.source && unit(was) == unit(&view) && reached {
                samples.insert(id.clone());
            }
            if let Some(index) = view.point.served.index
                && was.point.served.index == Some(index)
                && was.scale == view.scale
            {
                wires.insert((view.group, index));
            }
        }
        let same = |setpoint: &&site::SetPoint| {
            old.setpoints.iter().any(|was| {
                is_same_setpoint((old, was), (new, setpoint))
                    && setpoint.drives.iter().all(|drive| {
                        new.devices.get(drive.device.get()).is_some_and(|device| devices.contains(&device.id))
                    })
            })
        };
        let setpoints = new.setpoints.iter().filter(same).map(|setpoint| setpoint.point.id.clone()).collect();
        Self { renamed, samples, wires, devices, setpoints }
    }

    /// The id that a point had before; its own where it is new.
    pub(crate) fn id_before<'a>(&'a self, id: &'a PointId) -> &'a PointId {
        self.renamed.get(id).unwrap_or(id)
    }

    /// Whether an old id lives on under another name.
    pub(crate) fn is_renamed(&self, old: &PointId) -> bool {
        self.renamed.values().any(|id| id == old)
    }

    /// Whether a point keeps its sample.
    pub(crate) fn sample(&self, id: &PointId) -> bool {
        self.samples.contains(id)
    }

    /// Whether what waits of a point's events still means the same.
    pub(crate) fn wire(&self, point: PointType, index: u16) -> bool {
        self.wires.contains(&(point, index))
    }

    /// Whether a device is the one that it was.
    pub(crate) fn device(&self, id: &str) -> bool {
        self.devices.contains(id)
    }

    /// Whether a set point is defined as it was.
    pub(crate) fn setpoint(&self, id: &PointId) -> bool {
        self.setpoints.contains(id)
    }
}

fn find<'a>(site: &'a Site, id: &str) -> Option<&'a Device> {
    site.devices.iter().find(|device| &*device.id == id)
}

/// Whether it is the same thing in the plant: how often it is asked and what else is read of it does not matter.
fn is_same_device(before: &Device, after: &Device) -> bool {
    let access = match (&before.access, &after.access) {
        (Access::Csv(before), Access::Csv(after)) => {
            *before == Csv { columns: before.columns.clone(), ..after.clone() }
        }
        (Access::Modbus(before), Access::Modbus(after)) => {
            (&before.reach, before.unit_id) == (&after.reach, after.unit_id)
        }
        (Access::Dnp3(before), Access::Dnp3(after)) => {
            (&before.reach, before.outstation) == (&after.reach, after.outstation)
        }
        (Access::Sparkplug(before), Access::Sparkplug(after)) => {
            **before == Sparkplug { metrics: before.metrics.clone(), ..(**after).clone() }
        }
        (Access::OpcUa(before), Access::OpcUa(after)) => {
            **before == OpcUa { nodes: before.nodes.clone(), ..(**after).clone() }
        }
        // Whatever else there is: all of it counts.
        (before, after) => before == after,
    };
    access && before.protocol == after.protocol
}

/// Where its pulses come in.
fn pulses(setpoint: &site::SetPoint) -> Vec<(&'static str, Option<u16>)> {
    setpoint.pulses().map(|(key, point)| (key, point.served.index)).collect()
}

/// How it is carried out; where its codes are shown does not count.
fn regulating(setpoint: &site::SetPoint) -> site::Regulating {
    let mut how = setpoint.regulating.clone();
    (how.clamp, how.owner, how.raise, how.lower, how.score) = (None, None, None, None, None);
    if let Some(primary) = &mut how.primary {
        primary.told = site::Told::default();
    }
    how
}

/// Whether two set points are one definition; what people call them does not count.
fn is_same_setpoint((old, was): (&Site, &site::SetPoint), (new, is): (&Site, &site::SetPoint)) -> bool {
    let of = |setpoint: &site::SetPoint| {
        (
            setpoint.point.id.clone(),
            setpoint.point.served.index,
            setpoint.unit,
            setpoint.wire,
            setpoint.limits,
            setpoint.hold,
        )
    };
    let rest = |setpoint: &site::SetPoint| {
        (
            setpoint.actual.clone(),
            setpoint.remote.clone(),
            setpoint.connected.clone(),
            setpoint.feedback.point.id.clone(),
            regulating(setpoint),
            pulses(setpoint),
            setpoint.drives.iter().map(|drive| drive.part.clone()).collect::<Vec<_>>(),
        )
    };
    of(was) == of(is) && rest(was) == rest(is) && drives(old, was) == drives(new, is)
}
