//! What a set point sees of the plant: its conditions, its limits and its devices, out of the table.

use control::dispatch::Unit;
use control::energy::Store;
use control::limits::{Band, Bounds};
use control::trim::Meter;
use control::{Clamp, Permit, Seen};
use telemetry::{Quality, Value};

use super::{Brain, Commanded};
use crate::core::control::{Able, DriveSpec, Held, Plant, SetPoint};
use crate::core::devices::DeviceState;
use crate::core::points::{PointIx, Row};

/// A quantity's place in the table, and what one of its units is in the set point's.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) struct Quantity {
    pub(in crate::core) at: PointIx,
    pub(in crate::core) factor: f64,
}

/// A number, or the point that says it.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) enum Bound {
    Number(f64),
    Point(Quantity),
}

/// A charge in MWh, the store in MW and MWh, and what a megawatt is in the set point's unit.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) struct Stored {
    pub(in crate::core) charge: Quantity,
    pub(in crate::core) store: Store,
    pub(in crate::core) unit: f64,
}

/// What is around a device that has a part in a dispatch.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct DriveAround {
    pub(in crate::core) low: Option<Bound>,
    pub(in crate::core) high: Option<Bound>,
    pub(in crate::core) stored: Option<Quantity>,
    pub(in crate::core) room: Option<Quantity>,
    pub(in crate::core) available: Option<PointIx>,
    /// What it does now.
    pub(in crate::core) power: Option<Quantity>,
    pub(in crate::core) energy: Option<Stored>,
    /// It may charge; what never does is what is charged from.
    pub(in crate::core) charges: bool,
}

/// What is around a primary response.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) struct PrimaryAround {
    pub(in crate::core) frequency: Quantity,
    pub(in crate::core) enable: Option<PointIx>,
    /// Points of figures that never change, and what they say.
    pub(in crate::core) figures: [(Option<PointIx>, f64); 2],
    pub(in crate::core) status: Option<PointIx>,
    pub(in crate::core) headroom: Option<PointIx>,
    pub(in crate::core) response: Option<PointIx>,
}

/// What is around a set point, beside what every one has.
#[derive(Clone, Debug, Default)]
pub(in crate::core) struct Around {
    pub(in crate::core) schedule: Option<Quantity>,
    /// Lowest and highest.
    pub(in crate::core) hard: [Option<Quantity>; 2],
    pub(in crate::core) soft: [Option<Quantity>; 2],
    pub(in crate::core) energy: Option<Stored>,
    /// Nothing is charged with more than this.
    pub(in crate::core) source: Option<Quantity>,
    /// Auxiliary load, which the units make beside the set point.
    pub(in crate::core) aux: Option<Quantity>,
    pub(in crate::core) device_remote: Vec<PointIx>,
    pub(in crate::core) meter: Option<Quantity>,
    pub(in crate::core) units: Option<Quantity>,
    pub(in crate::core) drives: Vec<DriveAround>,
    pub(in crate::core) primary: Option<PrimaryAround>,
    pub(in crate::core) clamp: Option<PointIx>,
    pub(in crate::core) owner: Option<PointIx>,
    /// DNP3 indexes of the pulses up and down, and the points that tell whether one is running.
    pub(in crate::core) raise: Option<(u16, PointIx)>,
    pub(in crate::core) lower: Option<(u16, PointIx)>,
}

/// The worst of several.
fn all(permits: &[Permit]) -> Permit {
    [Permit::Withheld, Permit::Unknown].into_iter().find(|one| permits.contains(one)).unwrap_or(Permit::Given)
}

impl Brain {
    /// A state that has to be true; one that nobody asks for is.
    pub(super) fn permit(&self, at: Option<PointIx>) -> Permit {
        let Some(at) = at else { return Permit::Given };
        match self.table.row(at).and_then(Row::good_state) {
            Some(true) => Permit::Given,
            Some(false) => Permit::Withheld,
            None => Permit::Unknown,
        }
    }

    /// A value that may be acted upon.
    pub(super) fn good(&self, at: PointIx) -> Option<f64> {
        let row = self.table.row(at).filter(|row| row.sample.reasons.quality() == Quality::Good)?;
        row.sample.value.map(Value::as_f64).filter(|value| value.is_finite())
    }

    fn quantity(&self, of: Quantity) -> Option<f64> {
        self.good(of.at).map(|value| value * of.factor)
    }

    /// A band of two limits; `None` where one of them is not good.
    fn band(&self, [low, high]: [Option<Quantity>; 2]) -> Option<Band> {
        let low = low.map_or(Some(f64::NEG_INFINITY), |low| self.quantity(low))?;
        let high = high.map_or(Some(f64::INFINITY), |high| self.quantity(high))?;
        // Limits that cross leave nothing: what is not known is not moved.
        (low <= high).then(|| Band::new(low, high))
    }

    fn bounds(&self, around: &Around) -> Option<Bounds> {
        let energy = self.energy(around.energy)?;
        // What the devices of the set point make themselves is not charged from anything else: together they may
        // come down to nothing, and not below.
        let within = around.drives.iter().any(|drive| !drive.charges);
        let source = match self.source(around) {
            None => Band::ALL,
            Some(most) => Band { low: if within { 0.0 } else { -most }, high: f64::INFINITY },
        };
        Some(Bounds { hard: self.band(around.hard)?, energy, source, soft: self.band(around.soft)? })
    }

    /// What a charge leaves of the power; `None` where the charge is not good.
    fn energy(&self, stored: Option<Stored>) -> Option<Band> {
        let Some(Stored { charge, store, unit }) = stored else { return Some(Band::ALL) };
        let power = store.power(Some(self.quantity(charge)?));
        Some(Band::new(power.low * unit, power.high * unit))
    }

    /// The most that may be charged with, where there is a rule: nothing, where its source is not good.
    fn source(&self, around: &Around) -> Option<f64> {
        around.source.map(|source| self.quantity(source).unwrap_or(0.0).max(0.0))
    }

    fn device(&self, drive: &DriveSpec) -> Permit {
        match self.table.devices().get(drive.device) {
            Some(device) if device.state == DeviceState::Up => Permit::Given,
            Some(device) if device.state == DeviceState::Down => Permit::Withheld,
            _ => Permit::Unknown,
        }
    }

    fn unit(&self, spec: &DriveSpec, around: &DriveAround) -> Able {
        let bound = |bound: Option<Bound>| match bound? {
            Bound::Number(number) => Some(number),
            Bound::Point(point) => self.quantity(point),
        };
        let (low, high) = (bound(around.low), bound(around.high));
        let stated = low.zip(high).filter(|(low, high)| low <= high).map(|(low, high)| Band::new(low, high));
        let can = stated.zip(self.energy(around.energy)).map(|(stated, energy)| energy.within(&stated));
        let narrower = |edge: fn(Band) -> f64| match stated.zip(can) {
            Some((stated, can)) if edge(stated) != edge(can) => Clamp::Energy,
            _ => Clamp::Hard,
        };
        let held = Held { low: narrower(|band| band.low), high: narrower(|band| band.high) };
        let on = self.permit(around.available);
        let there = self.device(spec) == Permit::Given && on == Permit::Given;
        let unit = Unit {
            // What it can do now is not known: it is left alone.
            available: there && can.is_some(),
            can: can.unwrap_or(Band { low: 0.0, high: 0.0 }),
            least: spec.least,
            stored: around.stored.and_then(|stored| self.quantity(stored)),
            room: around.room.and_then(|room| self.quantity(room)),
            priority: spec.priority,
            free: spec.free,
        };
        let power = around.power.and_then(|power| self.quantity(power));
        Able { unit, off: on == Permit::Withheld, power, held }
    }

    /// The devices of a set point, which together charge with no more than the rule allows.
    fn units(&self, setpoint: &SetPoint, around: &Around) -> Vec<Able> {
        let devices = setpoint.spec.drives.iter().zip(&around.drives);
        let mut units: Vec<Able> = devices.map(|(drive, around)| self.unit(drive, around)).collect();
        let Some(most) = self.source(around) else { return units };
        // What one charges of which nothing is heard is no more there for the others.
        let silent = units.iter().enumerate().filter(|(_, able)| !able.unit.available && !able.off);
        let charged: f64 = silent.map(|(at, _)| (-setpoint.counted(at)).max(0.0)).sum();
        let most = (most - charged).max(0.0);
        let can = |able: &Able| if able.unit.available { (-able.unit.can.low).max(0.0) } else { 0.0 };
        let all: f64 = units.iter().map(can).sum();
        if all > most {
            for Able { unit, held, .. } in units.iter_mut().filter(|able| able.unit.can.low < 0.0) {
                // What has to charge whatever is asked has a weightier reason.
                unit.can.low = (unit.can.low * (most / all)).min(unit.can.high);
                held.low = Clamp::Source;
            }
        }
        units
    }

    /// Whether a set point begins with the next command, and with it an auxiliary load that the units make.
    pub(super) fn needs_aux(&self, commanded: &Commanded) -> bool {
        commanded.around.aux.is_some() && commanded.setpoint.machine.output().is_none()
    }

    /// What is seen of the plant for a set point now.
    pub(in crate::core) fn plant(&self, commanded: &Commanded) -> Plant {
        let (around, spec) = (&commanded.around, &commanded.setpoint.spec);
        let units = self.units(&commanded.setpoint, around);
        let permits: Vec<Permit> = spec.drives.iter().map(|drive| self.device(drive)).collect();
        // Where the devices make up for each other, one is enough.
        let devices = match spec.method {
            Some(_) if units.iter().any(|able| able.unit.available) => Permit::Given,
            Some(_) => Permit::Withheld,
            None => all(&permits),
        };
        let answer = permits.iter().map(|permit| *permit == Permit::Given).collect();
        let remotes: Vec<Permit> = around.device_remote.iter().map(|at| self.permit(Some(*at))).collect();
        let hand = self.table.row(commanded.held).and_then(|row| row.hand.as_ref());
        let aux = around.aux.and_then(|at| self.quantity(at));
        // What the units make beside the set point has to be known where one begins, as a limit has.
        let begins = !self.needs_aux(commanded) || aux.is_some();
        let read = self.table.read_at(commanded.actual);
        // What each of them does has to be read as well: one may have stopped, and is not known yet not to answer.
        let powers = around.drives.iter().zip(&units).filter(|(_, able)| able.power.is_some());
        let powers = powers.filter_map(|(around, _)| around.power);
        let units_now = around.units.and_then(|at| self.quantity(at));
        // So does what the correction begins with, and what is made beside it.
        let corrected = around.units.filter(|_| units_now.is_some());
        let loaded = around.aux.filter(|_| aux.is_some());
        let beside = powers.chain(corrected).chain(loaded).map(|one| self.table.read_at(one.at));
        let all_read = beside.fold(read, Ord::min);
        let seen = Seen {
            actual: self.good(commanded.actual),
            read: all_read,
            remote: self.permit(commanded.remote),
            connected: self.permit(commanded.connected),
            devices,
            device_remote: all(&remotes),
            inhibited: hand.is_some(),
            bounds: self.bounds(around).filter(|_| begins),
            schedule: around.schedule.and_then(|at| self.quantity(at)),
        };
        let meter = around
            .meter
            .and_then(|of| Some(Meter { value: self.quantity(of)?, read: self.table.read_at(of.at) }));
        let hz = around.primary.and_then(|primary| self.quantity(primary.frequency));
        let answers = around.primary.is_some_and(|primary| self.permit(primary.enable) == Permit::Given);
        Plant { seen, read, answer, units, meter, units_now, aux, hz, answers }
    }
}
