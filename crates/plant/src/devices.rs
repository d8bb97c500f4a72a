//! The plant itself: its state, and the register image of each device, changed only as a whole.
//!
//! One lock stands around all of it, so that a read of many registers, and reads of two devices, see one instant.

mod image;
mod layout;
mod refresh;

use serde_json::{Value, json};
use telemetry::Now;

pub(crate) use self::image::{Exception, Image};
use crate::config::Config;
use crate::day::Weather;
use crate::faults::FaultKind;
use crate::physics;

/// What a device is, with its own state.
#[derive(Debug)]
pub(crate) enum Kind {
    Inverter { dc: f64, ac: f64, power: f64, dc_now: f64, energy: f64 },
    Battery { rating: f64, capacity: f64, energy: f64, efficiency: f64, power: f64, out: f64, taken: f64 },
    Meter { volts: f64, out: f64, taken: f64 },
    Met,
    Switchgear,
}

/// A device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) image: Image,
    pub(crate) fault: FaultKind,
    /// When the device falls back unless it is written again.
    pub(crate) reverts: Option<telemetry::Mono>,
}

/// The whole plant; powers in W, energies in Wh.
#[derive(Debug)]
pub(crate) struct Plant {
    config: Config,
    pub(crate) devices: Vec<Device>,
    pub(crate) closed: bool,
    pub(crate) remote: bool,
    pub(crate) heartbeat: u16,
    start: f64,
    speed: f64,
    origin: Now,
    last: Now,
}

impl Plant {
    /// A plant that has not begun: its images say nothing yet.
    pub(crate) fn new(config: Config, start: f64, speed: f64, now: Now) -> Self {
        let mut devices = Vec::new();
        let mut add = |id: &str, kind: Kind| {
            let image = image::new(id, &kind);
            devices.push(Device { id: id.to_owned(), kind, image, fault: FaultKind::None, reverts: None });
        };
        for one in &config.inverters {
            let (dc, ac) = (one.dc_kw.get_ref() * 1e3, one.ac_kw.get_ref() * 1e3);
            add(one.id.get_ref(), Kind::Inverter { dc, ac, power: 0.0, dc_now: 0.0, energy: 0.0 });
        }
        if let Some(one) = &config.battery {
            let capacity = one.energy_kwh.get_ref() * 1e3;
            let kind = Kind::Battery {
                rating: one.power_kw.get_ref() * 1e3,
                capacity,
                energy: capacity * one.soc_start_pct.get_ref() / 100.0,
                efficiency: one.efficiency_pct.get_ref() / 100.0,
                power: 0.0,
                out: 0.0,
                taken: 0.0,
            };
            add(one.id.get_ref(), kind);
        }
        if let Some(one) = &config.meter {
            let kind = Kind::Meter { volts: one.kv.get_ref() * 1e3, out: 0.0, taken: 0.0 };
            add(one.id.get_ref(), kind);
        }
        if let Some(one) = &config.met {
            add(one.id.get_ref(), Kind::Met);
        }
        if let Some(one) = &config.switchgear {
            add(one.id.get_ref(), Kind::Switchgear);
        }
        Self {
            config,
            devices,
            closed: true,
            remote: true,
            heartbeat: 0,
            start,
            speed,
            origin: now,
            last: now,
        }
    }

    /// Makes the images that the devices begin with, that of a frozen device too; a record for each.
    pub(crate) fn begin(&mut self, now: Now) -> Vec<Value> {
        self.step(now, true)
    }

    /// Seconds after midnight of the weather's day.
    fn seconds(&self, now: Now) -> f64 {
        (self.start + now.mono.since(self.origin.mono).as_secs_f64() * self.speed).rem_euclid(86_400.0)
    }

    /// Moves the plant on to `now`; a record for each image that changed.
    pub(crate) fn tick(&mut self, now: Now) -> Vec<Value> {
        self.step(now, false)
    }

    fn step(&mut self, now: Now, first: bool) -> Vec<Value> {
        let hours = now.mono.since(self.last.mono).as_secs_f64() * self.speed / 3600.0;
        self.last = now;
        self.heartbeat = self.heartbeat.wrapping_add(1);
        let seconds = self.seconds(now);
        let weather = self.config.day.at(seconds);
        let irradiance = physics::plane_of_array(&weather, seconds);
        let air = weather.0.get(3).copied().unwrap_or_default();
        let cell = physics::cell_temperature(air, irradiance);
        let mut total = 0.0;
        for device in &mut self.devices {
            device.revert(now);
            total += device.step(irradiance, cell, hours, self.closed);
        }
        let view = View {
            weather,
            irradiance,
            cell,
            total,
            closed: self.closed,
            remote: self.remote,
            heartbeat: self.heartbeat,
        };
        let mut records = Vec::new();
        for device in &mut self.devices {
            if let Kind::Meter { out, taken, .. } = &mut device.kind {
                *out += total.max(0.0) * hours;
                *taken += (-total).max(0.0) * hours;
            }
            if device.fault == FaultKind::Frozen && !first {
                continue;
            }
            let before = device.image.clone();
            let values = refresh::refresh(device, &view, now);
            if first || device.image != before {
                records.push(
                    json!({"event": "registers", "time": now.wall, "device": device.id, "values": values}),
                );
            }
        }
        records
    }

    /// Writes registers; the record of it.
    pub(crate) fn write(
        &mut self,
        at: usize,
        start: u16,
        values: &[u16],
        now: Now,
    ) -> Result<Value, Exception> {
        let remote = self.remote;
        let device = self.devices.get_mut(at).ok_or(Exception::Address)?;
        if matches!(device.kind, Kind::Switchgear) {
            match (start, values) {
                (10, [command @ (1 | 2)]) if remote => self.closed = *command == 1,
                (10, [_]) => return Err(Exception::Value),
                _ => return Err(Exception::Address),
            }
        } else {
            device.image.write(start, values)?;
            device.arm(now);
        }
        let id = self.devices.get(at).map(|device| device.id.clone());
        Ok(json!({"event": "write", "time": now.wall, "device": id, "address": start, "values": values}))
    }

    /// Sets a fault by the device's name; `None` where there is no such device.
    pub(crate) fn fault(&mut self, id: &str, kind: FaultKind) -> Option<()> {
        self.devices.iter_mut().find(|device| device.id == id).map(|device| device.fault = kind)
    }
}

/// What a refresh of the images is told.
pub(crate) struct View {
    pub(crate) weather: Weather,
    pub(crate) irradiance: f64,
    pub(crate) cell: f64,
    pub(crate) total: f64,
    pub(crate) closed: bool,
    pub(crate) remote: bool,
    pub(crate) heartbeat: u16,
}

impl Device {
    /// Starts the reversion timer anew after a write.
    fn arm(&mut self, now: Now) {
        let seconds = match self.kind {
            Kind::Inverter { .. } if self.image.get(123, 7) == 1 => u64::from(self.image.get(123, 5)),
            Kind::Battery { .. } if self.image.get(704, 20) == 1 => u64::from(self.image.get_u32(704, 29)),
            _ => 0,
        };
        // 0xFFFF and 0xFFFFFFFF say that nothing is implemented: no timer.
        let off = seconds == 0 || seconds == u64::from(u16::MAX) || seconds == u64::from(u32::MAX);
        self.reverts = (!off).then(|| now.mono.plus(std::time::Duration::from_secs(seconds)));
    }

    /// Falls back where the time is up.
    fn revert(&mut self, now: Now) {
        if self.reverts.is_none_or(|at| now.mono < at) {
            return;
        }
        self.reverts = None;
        if let Kind::Battery { .. } = self.kind {
            if self.image.get(704, 28) == 1 {
                let (high, low) = (self.image.get(704, 24), self.image.get(704, 25));
                self.image.put(704, 22, high);
                self.image.put(704, 23, low);
            } else {
                self.image.put(704, 20, 0);
            }
        } else {
            self.image.put(123, 7, 0);
        }
    }

    /// Moves the device on; its power, W.
    fn step(&mut self, irradiance: f64, cell: f64, hours: f64, closed: bool) -> f64 {
        let on = closed && (!matches!(self.kind, Kind::Inverter { .. }) || self.image.get(123, 2) == 1);
        let limit =
            if self.image.get(123, 7) == 1 { f64::from(self.image.get(123, 3)) / 10_000.0 } else { 1.0 };
        let asked = if self.image.get(704, 20) == 1 {
            f64::from(self.image.get_u32(704, 22).cast_signed())
        } else {
            0.0
        };
        match &mut self.kind {
            Kind::Inverter { dc, ac, power, dc_now, energy } => {
                *dc_now = if on { physics::dc_power(*dc, irradiance, cell) } else { 0.0 };
                *power = physics::ac_power(*dc_now, *ac, limit);
                *dc_now = dc_now.min(*power / 0.98);
                *energy += *power * hours;
                *power
            }
            Kind::Battery { rating, capacity, energy, efficiency, power, out, taken } => {
                let asked = if on { asked } else { 0.0 };
                (*power, *energy) = physics::battery(asked, *rating, *energy, *capacity, *efficiency, hours);
                *out += power.max(0.0) * hours;
                *taken += (-*power).max(0.0) * hours;
                *power
            }
            _ => 0.0,
        }
    }
}
