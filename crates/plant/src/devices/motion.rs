//! How a device moves on, and what it falls back to.

use telemetry::Now;

use super::raw::{GOVERNOR, MODE, SET_POINT, WATCHDOG};
use super::{Device, Kind};
use crate::faults::FaultKind;
use crate::physics;
use crate::physics::aggregate::PLACES;
use crate::wind::Wind;

/// What goes on around the devices.
pub(crate) struct World<'a> {
    pub(crate) irradiance: f64,
    pub(crate) cell: f64,
    pub(crate) sun: &'a [f64; PLACES],
    pub(crate) wind: &'a Wind,
    /// Of the plant's day.
    pub(crate) seconds: f64,
    /// Of the plant's time, since the last step.
    pub(crate) hours: f64,
    /// Real seconds since the last step, and since the start.
    pub(crate) step: f64,
    pub(crate) running: f64,
    pub(crate) hz: f64,
    pub(crate) closed: bool,
    pub(crate) remote: bool,
}

impl Device {
    /// Starts the reversion timer anew after a write.
    pub(crate) fn arm(&mut self, now: Now) {
        let seconds = match self.kind {
            Kind::Inverter { .. } | Kind::Turbine { .. } if self.image.get(123, 7) == 1 => {
                u64::from(self.image.get(123, 5))
            }
            Kind::Battery { .. } if self.image.get(704, 20) == 1 => u64::from(self.image.get_u32(704, 29)),
            Kind::Unit { .. } | Kind::Aggregate { .. } if self.image.get(0, MODE) == 1 => {
                u64::from(self.image.get(0, WATCHDOG))
            }
            _ => 0,
        };
        // 0xFFFF and 0xFFFFFFFF say that nothing is implemented: no timer.
        let off = seconds == 0 || seconds == u64::from(u16::MAX) || seconds == u64::from(u32::MAX);
        self.reverts = (!off).then(|| now.mono.plus(std::time::Duration::from_secs(seconds)));
    }

    /// Falls back where the time is up.
    pub(crate) fn revert(&mut self, now: Now) {
        if self.reverts.is_none_or(|at| now.mono < at) {
            return;
        }
        self.reverts = None;
        match self.kind {
            Kind::Battery { .. } if self.image.get(704, 28) == 1 => {
                let (high, low) = (self.image.get(704, 24), self.image.get(704, 25));
                self.image.put(704, 22, high);
                self.image.put(704, 23, low);
            }
            Kind::Battery { .. } => self.image.put(704, 20, 0),
            Kind::Unit { .. } | Kind::Aggregate { .. } => self.image.put(0, MODE, 0),
            _ => self.image.put(123, 7, 0),
        }
    }

    /// Moves the device on; its power, W.
    pub(crate) fn step(&mut self, world: &World<'_>) -> f64 {
        let tripped = self.fault == FaultKind::Trip;
        let connected =
            self.image.get(123, 2) == 1 || !matches!(self.kind, Kind::Inverter { .. } | Kind::Turbine { .. });
        let on = world.closed && connected && !tripped;
        let limit =
            if self.image.get(123, 7) == 1 { f64::from(self.image.get(123, 3)) / 10_000.0 } else { 1.0 };
        let asked = if self.image.get(704, 20) == 1 {
            f64::from(self.image.get_u32(704, 22).cast_signed())
        } else {
            0.0
        };
        let hours = world.hours;
        match &mut self.kind {
            Kind::Inverter { dc, ac, power, dc_now, energy } => {
                *dc_now = if on { physics::dc_power(*dc, world.irradiance, world.cell) } else { 0.0 };
                *power = physics::ac_power(*dc_now, *ac, limit);
                *dc_now = dc_now.min(*power / 0.98);
                *energy += *power * hours;
                *power
            }
            Kind::Turbine { rated, name, air, power, limited, energy } => {
                *air = world.wind.at(name, world.seconds);
                let offered = physics::wind::share(air.speed) * *rated;
                let most = *rated * limit.clamp(0.0, 1.0);
                *limited = offered > most;
                *power = match (on, world.running > 0.0) {
                    (false, _) => 0.0,
                    (true, true) => physics::wind::follow(*power, offered.min(most), *rated, world.step),
                    // It has been running since long before the plant's file was read.
                    (true, false) => offered.min(most),
                };
                *energy += power.max(0.0) * hours;
                *power
            }
            Kind::Nacelle { name, air } => {
                *air = world.wind.at(name, world.seconds);
                0.0
            }
            Kind::Unit { unit, close, energy } => {
                unit.closed = on && *close;
                // The plant's local switch takes the unit out of AGC, and an open breaker does.
                let agc = self.image.get(0, MODE) == 1 && world.remote && unit.closed;
                let asked = agc.then(|| self.image.set_point() * 1e3);
                unit.step(asked, self.image.get(0, GOVERNOR) == 1, world.hz, world.step);
                if !agc {
                    self.reverts = None;
                    self.image.put(0, MODE, 0);
                    // Its set point follows what it does, so that AGC begins from there.
                    if self.fault != FaultKind::Frozen {
                        self.image.put_signed(0, SET_POINT, unit.reference / 1e3);
                    }
                }
                *energy += unit.power * hours;
                unit.power
            }
            Kind::Aggregate { aggregate, energy } => {
                let limit = (self.image.get(0, MODE) == 1).then(|| self.image.set_point());
                aggregate.step(world.sun, limit, (world.closed, tripped), hours, world.running);
                *energy += aggregate.power * hours;
                aggregate.power
            }
            Kind::Battery { rating, capacity, energy, efficiency, power, out, taken } => {
                let asked = if on { asked } else { 0.0 };
                (*power, *energy) = physics::battery(asked, *rating, *energy, *capacity, *efficiency, hours);
                *out += power.max(0.0) * hours;
                *taken += (-*power).max(0.0) * hours;
                *power
            }
            Kind::Meter { .. } | Kind::Met | Kind::Switchgear => 0.0,
        }
    }
}
