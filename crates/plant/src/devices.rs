//! The plant itself: its state, and the register image of each device, changed only as a whole.
//!
//! One lock stands around all of it, so that a read of many registers, and reads of two devices, see one instant.

mod build;
mod image;
mod layout;
mod motion;
mod raw;
mod refresh;

use serde_json::{Value, json};
use telemetry::Now;

pub(crate) use self::image::{Exception, Image};
use self::motion::World;
use crate::config::Config;
use crate::day::Weather;
use crate::faults::FaultKind;
use crate::physics;
use crate::physics::aggregate::{Aggregate, PLACES};
use crate::physics::unit::Unit;
use crate::wind::Air;

/// What a device is, with its own state.
#[derive(Debug)]
pub(crate) enum Kind {
    Inverter {
        dc: f64,
        ac: f64,
        power: f64,
        dc_now: f64,
        energy: f64,
    },
    Battery {
        rating: f64,
        capacity: f64,
        energy: f64,
        efficiency: f64,
        power: f64,
        out: f64,
        taken: f64,
    },
    Turbine {
        rated: f64,
        name: String,
        air: Air,
        power: f64,
        limited: bool,
        energy: f64,
    },
    Nacelle {
        name: String,
        air: Air,
    },
    /// `close`: what its own breaker was told.
    Unit {
        unit: Unit,
        close: bool,
        energy: f64,
    },
    Aggregate {
        aggregate: Box<Aggregate>,
        energy: f64,
    },
    /// Losses as a share of what flows.
    Meter {
        volts: f64,
        rated: f64,
        losses: f64,
        out: f64,
        taken: f64,
    },
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
    /// The grid's frequency while somebody holds it.
    pub(crate) held_hz: Option<f64>,
    start: f64,
    speed: f64,
    origin: Now,
    last: Now,
}

impl Plant {
    /// A plant that has not begun: its images say nothing yet.
    pub(crate) fn new(config: Config, start: f64, speed: f64, now: Now) -> Self {
        let devices = build::devices(&config);
        Self {
            config,
            devices,
            closed: true,
            remote: true,
            heartbeat: 0,
            held_hz: None,
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

    /// The load of the plant's own, W.
    fn aux(&self) -> f64 {
        let aux = self.config.meter.as_ref().and_then(|meter| meter.aux_kw.as_ref());
        if self.closed { aux.map_or(0.0, |kw| kw.get_ref() * 1e3) } else { 0.0 }
    }

    /// What members of an aggregate make in each place, as a share of their size.
    fn sun(&self, seconds: f64) -> [f64; PLACES] {
        let mut sun = [0.0; PLACES];
        if self.config.aggregate.is_some() {
            for (place, share) in sun.iter_mut().enumerate() {
                let seconds = (seconds - Aggregate::delay(place)).rem_euclid(86_400.0);
                let (irradiance, cell, _) = sky(&self.config, seconds);
                *share = physics::ac_power(physics::dc_power(1.0, irradiance, cell), 1.0, 1.0);
            }
        }
        sun
    }

    fn step(&mut self, now: Now, first: bool) -> Vec<Value> {
        let step = now.mono.since(self.last.mono).as_secs_f64();
        let hours = step * self.speed / 3600.0;
        self.last = now;
        self.heartbeat = self.heartbeat.wrapping_add(1);
        let seconds = self.seconds(now);
        let running = now.mono.since(self.origin.mono).as_secs_f64();
        let hz = self.held_hz.unwrap_or_else(|| self.config.frequency.at(running));
        let (irradiance, cell, weather) = sky(&self.config, seconds);
        let (sun, aux) = (self.sun(seconds), self.aux());
        let world = World {
            irradiance,
            cell,
            sun: &sun,
            wind: &self.config.wind,
            seconds,
            hours,
            step,
            running,
            hz,
            closed: self.closed,
            remote: self.remote,
        };
        let mut gross = 0.0;
        let mut losses = 0.0;
        for device in &mut self.devices {
            device.revert(now);
            gross += device.step(&world);
            if let Kind::Meter { losses: share, .. } = device.kind {
                losses = share;
            }
        }
        let total = gross - losses * gross.abs() - aux;
        let view = View {
            weather,
            irradiance,
            cell,
            total,
            aux,
            hz,
            nominal_hz: self.config.nominal_hz,
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
            if raw::table(&device.kind).is_some() {
                device.write_raw(start, values, remote)?;
            } else {
                device.image.write(start, values)?;
            }
            device.arm(now);
        }
        let id = self.devices.get(at).map(|device| device.id.clone());
        Ok(json!({"event": "write", "time": now.wall, "device": id, "address": start, "values": values}))
    }

    /// Sets a fault by the device's name.
    ///
    /// # Errors
    /// No such device, or one that the fault would not touch.
    pub(crate) fn fault(&mut self, id: &str, kind: FaultKind) -> Result<(), FaultRefused> {
        let device = self.devices.iter_mut().find(|device| device.id == id);
        let device = device.ok_or_else(|| FaultRefused::UnknownDevice(id.to_owned()))?;
        let machine =
            !matches!(device.kind, Kind::Meter { .. } | Kind::Met | Kind::Switchgear | Kind::Nacelle { .. });
        let raw = matches!(device.kind, Kind::Switchgear) || raw::table(&device.kind).is_some();
        if kind == FaultKind::Trip && !machine || kind == FaultKind::Scale && raw {
            return Err(FaultRefused::Untouched(id.to_owned(), kind.name()));
        }
        device.fault = kind;
        Ok(())
    }
}

/// Why a fault is not set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FaultRefused {
    #[error("no device `{0}`")]
    UnknownDevice(String),
    #[error("`{1}` does nothing to `{0}`: it is for machines (trip) and devices with scale factors (scale)")]
    Untouched(String, &'static str),
}

/// Irradiance in the plane of the array, cell temperature and all of the weather at a time of day.
fn sky(config: &Config, seconds: f64) -> (f64, f64, Weather) {
    let weather = config.day.at(seconds);
    let irradiance = physics::plane_of_array(&weather, seconds);
    let air = weather.0.get(3).copied().unwrap_or_default();
    (irradiance, physics::cell_temperature(air, irradiance), weather)
}

/// What a refresh of the images is told.
pub(crate) struct View {
    pub(crate) weather: Weather,
    pub(crate) irradiance: f64,
    pub(crate) cell: f64,
    pub(crate) total: f64,
    pub(crate) aux: f64,
    pub(crate) hz: f64,
    pub(crate) nominal_hz: f64,
    pub(crate) closed: bool,
    pub(crate) remote: bool,
    pub(crate) heartbeat: u16,
}

#[cfg(test)]
mod tests;
