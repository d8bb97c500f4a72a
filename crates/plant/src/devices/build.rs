//! The devices of a plant as its file describes them, in the order of `Config::names`.

use super::{Device, Kind, image, raw};
use crate::config::{Config, Conventional};
use crate::faults::FaultKind;
use crate::physics::aggregate::{Aggregate, Lives};
use crate::physics::unit::{Machine, Unit};
use crate::wind::Air;

pub(super) fn devices(config: &Config) -> Vec<Device> {
    let mut devices = Vec::new();
    let mut add = |id: &str, kind: Kind| {
        let image = image::new(id, &kind);
        devices.push(Device { id: id.to_owned(), kind, image, fault: FaultKind::None, reverts: None });
    };
    for one in &config.inverters {
        let (dc, ac) = (one.dc_kw.get_ref() * 1e3, one.ac_kw.get_ref() * 1e3);
        add(one.id.get_ref(), Kind::Inverter { dc, ac, power: 0.0, dc_now: 0.0, energy: 0.0 });
    }
    for one in &config.turbines {
        let (rated, name) = (one.rated_kw.get_ref() * 1e3, one.turbine.get_ref().clone());
        let air = Air::default();
        let kind = Kind::Turbine { rated, name: name.clone(), air, power: 0.0, limited: false, energy: 0.0 };
        add(one.id.get_ref(), kind);
        if let Some(met) = &one.met {
            add(met.id.get_ref(), Kind::Nacelle { name, air });
        }
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
    if let Some(one) = &config.unit {
        add(
            one.id.get_ref(),
            Kind::Unit { unit: conventional(one, config.nominal_hz), close: true, energy: 0.0 },
        );
    }
    if let Some(one) = &config.aggregate {
        let lives = Lives { up_h: *one.up_h.get_ref(), down_h: *one.down_h.get_ref() };
        let count = usize::try_from(*one.members.get_ref()).unwrap_or(0);
        let size = one.member_kw.get_ref() * 1e3;
        let aggregate = Box::new(Aggregate::new(count, size, lives, *one.reach_s.get_ref(), one.seed));
        add(one.id.get_ref(), Kind::Aggregate { aggregate, energy: 0.0 });
    }
    if let Some(one) = &config.meter {
        let losses = one.losses_pct.as_ref().map_or(0.0, |pct| pct.get_ref() / 100.0);
        let volts = one.kv.get_ref() * 1e3;
        let kind = Kind::Meter { volts, rated: rated(config), losses, out: 0.0, taken: 0.0 };
        add(one.id.get_ref(), kind);
    }
    if let Some(one) = &config.met {
        add(one.id.get_ref(), Kind::Met);
    }
    if let Some(one) = &config.switchgear {
        add(one.id.get_ref(), Kind::Switchgear);
    }
    for device in &mut devices {
        let seconds = match device.kind {
            Kind::Unit { .. } => config.unit.as_ref().map_or(0, |one| one.watchdog_s),
            Kind::Aggregate { .. } => config.aggregate.as_ref().map_or(0, |one| one.watchdog_s),
            _ => continue,
        };
        device.image.put(0, raw::WATCHDOG, seconds);
    }
    devices
}

/// All that can flow through the meter at once, W.
fn rated(config: &Config) -> f64 {
    let mut kw: f64 = config.inverters.iter().map(|one| *one.ac_kw.get_ref()).sum();
    kw += config.turbines.iter().map(|one| *one.rated_kw.get_ref()).sum::<f64>();
    kw += config.battery.as_ref().map_or(0.0, |one| *one.power_kw.get_ref());
    kw += config.unit.as_ref().map_or(0.0, |one| *one.rated_kw.get_ref());
    kw += config
        .aggregate
        .as_ref()
        .map_or(0.0, |one| one.member_kw.get_ref() * f64::from(*one.members.get_ref()));
    kw * 1e3
}

fn conventional(one: &Conventional, nominal_hz: f64) -> Unit {
    let machine = Machine {
        rated: one.rated_kw.get_ref() * 1e3,
        minimum: one.minimum_kw.get_ref() * 1e3,
        ramp_per_s: one.ramp_kw_per_min.get_ref() * 1e3 / 60.0,
        lag_s: *one.lag_s.get_ref(),
        droop: one.droop_pct.get_ref() / 100.0,
        deadband_hz: *one.deadband_hz.get_ref(),
        nominal_hz,
    };
    Unit::running(machine, one.start_kw.get_ref() * 1e3)
}
