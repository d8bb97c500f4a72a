//! `plant.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{Problems, Source, Spanned};
use serde::Deserialize;

pub use self::machines::{Conventional, Members, Turbine};
use self::machines::{GridTable, WindTable};
use crate::day::Day;
use crate::physics::frequency::Frequency;
use crate::wind::Wind;

mod machines;

/// Names with a meaning of their own where a fault is asked for: `fault breaker open`, `fault remote off`,
/// `fault frequency 59.9`. A device of such a name could not be named there.
const NAMES_TAKEN: [&str; 3] = ["breaker", "remote", "frequency"];
/// Members of an aggregate: each is moved on at every tick.
const MEMBERS_MAX: u32 = 10_000;
/// The nominal frequency where the file names none, Hz.
const NOMINAL_HZ: f64 = 60.0;

/// A plant, read and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name.
    pub name: String,
    /// The weather.
    pub day: Day,
    /// The local socket.
    pub socket: PathBuf,
    /// Time of day to start at; `None`: now's.
    pub start: Option<jiff::civil::Time>,
    /// The wind.
    pub wind: Wind,
    /// The grid's frequency.
    pub frequency: Frequency,
    /// What it should be, Hz.
    pub nominal_hz: f64,
    /// The inverters.
    pub inverters: Vec<Inverter>,
    /// The wind turbines.
    pub turbines: Vec<Turbine>,
    /// The battery.
    pub battery: Option<Battery>,
    /// The conventional unit.
    pub unit: Option<Conventional>,
    /// The aggregate.
    pub aggregate: Option<Members>,
    /// The meter.
    pub meter: Option<Meter>,
    /// The met station.
    pub met: Option<Simple>,
    /// The switchgear.
    pub switchgear: Option<Simple>,
}

/// An inverter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inverter {
    /// Its name.
    pub id: Spanned<String>,
    /// Where it listens.
    pub listen: Spanned<SocketAddr>,
    /// Array rating, kW.
    pub dc_kw: Spanned<f64>,
    /// Inverter rating, kW.
    pub ac_kw: Spanned<f64>,
}

/// A battery.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Battery {
    /// Its name.
    pub id: Spanned<String>,
    /// Where it listens.
    pub listen: Spanned<SocketAddr>,
    /// Rating both ways, kW.
    pub power_kw: Spanned<f64>,
    /// Capacity, kWh.
    pub energy_kwh: Spanned<f64>,
    /// State of charge at the start, per cent.
    pub soc_start_pct: Spanned<f64>,
    /// Round trip, per cent.
    pub efficiency_pct: Spanned<f64>,
}

/// A meter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meter {
    /// Its name.
    pub id: Spanned<String>,
    /// Where it listens.
    pub listen: Spanned<SocketAddr>,
    /// Nominal voltage between phases, kV.
    pub kv: Spanned<f64>,
    /// Load of the plant's own before the meter, kW; none where it is not given.
    pub aux_kw: Option<Spanned<f64>>,
    /// Losses before the meter, per cent of what flows; none where they are not given.
    pub losses_pct: Option<Spanned<f64>>,
}

/// A device that needs nothing more than a name and an address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simple {
    /// Its name.
    pub id: Spanned<String>,
    /// Where it listens.
    pub listen: Spanned<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    plant: PlantTable,
    #[serde(default)]
    wind: WindTable,
    grid: Option<GridTable>,
    #[serde(default)]
    inverter: Vec<Inverter>,
    #[serde(default)]
    turbine: Vec<Turbine>,
    battery: Option<Battery>,
    unit: Option<Conventional>,
    aggregate: Option<Members>,
    meter: Option<Meter>,
    met: Option<Simple>,
    switchgear: Option<Simple>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantTable {
    name: String,
    day: Option<PathBuf>,
    socket: Spanned<PathBuf>,
    start: Option<Spanned<String>>,
}

impl Config {
    /// Reads a plant.
    ///
    /// # Errors
    /// All that is wrong with the file, each at its place.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::from_source(&Source::read(path)?)
    }

    /// A plant from a text.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_source(source: &Source) -> Result<Self, Problems> {
        let file: File = source.parse()?;
        let mut problems = Problems::default();
        let start = file.plant.start.as_ref().and_then(|start| match start.get_ref().parse() {
            Ok(time) => Some(time),
            Err(_) => {
                problems.add(source.problem(start.span(), "plant.start", "must be a time such as \"11:00\""));
                None
            }
        });
        let day = match &file.plant.day {
            Some(path) => Day::read(&source.resolve(path)),
            None => Day::measured(),
        };
        let wind = match &file.wind.file {
            Some(path) => Wind::read(&source.resolve(path), file.wind.day.as_deref()),
            None => Wind::measured(file.wind.day.as_deref()),
        };
        let nominal_hz = file.grid.as_ref().map_or(NOMINAL_HZ, |grid| *grid.nominal_hz.get_ref());
        let frequency = match &file.grid {
            Some(GridTable { trace: Some(path), .. }) => Frequency::read(&source.resolve(path)),
            Some(_) => Ok(Frequency::Stated(nominal_hz)),
            None => Ok(Frequency::Steady(nominal_hz)),
        };
        let socket = source.resolve(file.plant.socket.get_ref());
        if let Err(error) = localsocket::check(&socket) {
            problems.add(source.problem(file.plant.socket.span(), "plant.socket", error.to_string()));
        }
        let config = Self {
            name: file.plant.name,
            day: day.or_else(|error| {
                problems.extend(error);
                Day::measured()
            })?,
            wind: wind.or_else(|error| {
                problems.extend(error);
                Wind::measured(None)
            })?,
            frequency: frequency.unwrap_or_else(|error| {
                problems.extend(error);
                Frequency::Steady(nominal_hz)
            }),
            nominal_hz,
            socket,
            start,
            inverters: file.inverter,
            turbines: file.turbine,
            battery: file.battery,
            unit: file.unit,
            aggregate: file.aggregate,
            meter: file.meter,
            met: file.met,
            switchgear: file.switchgear,
        };
        config.check(source, file.grid.as_ref(), &mut problems);
        problems.into_result(config)
    }

    /// Name and address of each device, in the order of the documentation.
    pub(crate) fn names(&self) -> Vec<(&Spanned<String>, &Spanned<SocketAddr>)> {
        let mut all: Vec<_> = self.inverters.iter().map(|one| (&one.id, &one.listen)).collect();
        for one in &self.turbines {
            all.push((&one.id, &one.listen));
            all.extend(one.met.iter().map(|met| (&met.id, &met.listen)));
        }
        all.extend(self.battery.iter().map(|one| (&one.id, &one.listen)));
        all.extend(self.unit.iter().map(|one| (&one.id, &one.listen)));
        all.extend(self.aggregate.iter().map(|one| (&one.id, &one.listen)));
        all.extend(self.meter.iter().map(|one| (&one.id, &one.listen)));
        all.extend(self.met.iter().map(|one| (&one.id, &one.listen)));
        all.extend(self.switchgear.iter().map(|one| (&one.id, &one.listen)));
        all
    }

    fn check(&self, source: &Source, grid: Option<&GridTable>, problems: &mut Problems) {
        let (mut ids, mut places) = (BTreeMap::new(), BTreeMap::new());
        for (id, listen) in self.names() {
            if NAMES_TAKEN.contains(&id.get_ref().as_str()) {
                let text = format!(
                    "`{}` means the plant's own where a fault is asked for: choose another name",
                    id.get_ref()
                );
                problems.add(source.problem(id.span(), "id", text));
            }
            if ids.insert(id.get_ref(), ()).is_some() {
                let text = format!("`{}` names another device already", id.get_ref());
                problems.add(source.problem(id.span(), "id", text));
            }
            if listen.get_ref().port() != 0
                && let Some(other) = places.insert(listen.get_ref(), id.get_ref())
            {
                let text = format!("{} is taken by `{other}`", listen.get_ref());
                problems.add(source.problem(listen.span(), "listen", text));
            }
        }
        self.check_turbines(source, problems);
        self.check_figures(source, grid, problems);
    }

    fn check_turbines(&self, source: &Source, problems: &mut Problems) {
        let known: Vec<_> = self.wind.turbines().collect();
        for one in &self.turbines {
            if !known.contains(&one.turbine.get_ref().as_str()) {
                let text = format!("no wind of `{}`; known: {}", one.turbine.get_ref(), known.join(", "));
                problems.add(source.problem(one.turbine.span(), "turbine.turbine", text));
            }
        }
    }

    fn check_figures(&self, source: &Source, grid: Option<&GridTable>, problems: &mut Problems) {
        let mut range = |value: &Spanned<f64>, field: &str, low: f64, high: f64| {
            if !(low..=high).contains(value.get_ref()) {
                let text = format!("{} is outside {low}..{high}", value.get_ref());
                problems.add(source.problem(value.span(), field, text));
            }
        };
        for one in &self.inverters {
            range(&one.dc_kw, "inverter.dc_kw", 1.0, 1e6);
            range(&one.ac_kw, "inverter.ac_kw", 1.0, 1e6);
        }
        for one in &self.turbines {
            range(&one.rated_kw, "turbine.rated_kw", 1.0, 1e5);
        }
        if let Some(one) = &self.battery {
            range(&one.power_kw, "battery.power_kw", 1.0, 1e6);
            range(&one.energy_kwh, "battery.energy_kwh", 1.0, 1e7);
            range(&one.soc_start_pct, "battery.soc_start_pct", 0.0, 100.0);
            range(&one.efficiency_pct, "battery.efficiency_pct", 1.0, 100.0);
        }
        if let Some(one) = &self.unit {
            range(&one.rated_kw, "unit.rated_kw", 1.0, 2e6);
            range(&one.minimum_kw, "unit.minimum_kw", 0.0, *one.rated_kw.get_ref());
            range(&one.start_kw, "unit.start_kw", *one.minimum_kw.get_ref(), *one.rated_kw.get_ref());
            range(&one.ramp_kw_per_min, "unit.ramp_kw_per_min", 1.0, 2e6);
            range(&one.lag_s, "unit.lag_s", 0.0, 600.0);
            range(&one.droop_pct, "unit.droop_pct", 0.1, 100.0);
            range(&one.deadband_hz, "unit.deadband_hz", 0.0, 1.0);
        }
        if let Some(one) = &self.aggregate {
            range(&one.member_kw, "aggregate.member_kw", 0.1, 1e4);
            range(&one.up_h, "aggregate.up_h", 0.01, 1e6);
            range(&one.down_h, "aggregate.down_h", 0.01, 1e6);
            range(&one.reach_s, "aggregate.reach_s", 0.0, 3_600.0);
        }
        if let Some(one) = &self.meter {
            range(&one.kv, "meter.kv", 0.1, 1000.0);
            if let Some(aux) = &one.aux_kw {
                range(aux, "meter.aux_kw", 0.0, 1e5);
            }
            if let Some(losses) = &one.losses_pct {
                range(losses, "meter.losses_pct", 0.0, 50.0);
            }
        }
        if let Some(grid) = grid {
            range(&grid.nominal_hz, "grid.nominal_hz", 45.0, 65.0);
        }
        if let Some(one) = &self.aggregate
            && !(1..=MEMBERS_MAX).contains(one.members.get_ref())
        {
            let text = format!("{} is outside 1..{MEMBERS_MAX}", one.members.get_ref());
            problems.add(source.problem(one.members.span(), "aggregate.members", text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_a_name_that_a_fault_can_name() {
        for name in ["breaker", "remote"] {
            let text = format!(
                "[plant]\nname='p'\nsocket='p.sock'\n[[inverter]]\nid='{name}'\nlisten='127.0.0.1:1'\n\
                 dc_kw=6000.0\nac_kw=5000.0\n"
            );
            let error = Config::from_source(&Source::from_text("p.toml", text)).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "p.toml:5:4: id: `{name}` means the plant's own where a fault is asked for: choose another name"
                )
            );
        }
    }

    #[test]
    fn a_socket_that_cannot_be_is_told_at_its_place() {
        let text = format!("[plant]\nname='p'\nsocket='/{}.sock'\n", "x".repeat(120));
        let error = Config::from_source(&Source::from_text("p.toml", text)).unwrap_err().to_string();
        assert!(error.starts_with("p.toml:3:8: plant.socket: ") && error.contains("too long"), "{error}");
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let text = "[plant]\nname='p'\nsocket='p.sock'\nstart='noon'\n[meter]\nid='m'\nlisten='127.0.0.1:1'\nkv=0\n\
                    [met]\nid='m'\nlisten='127.0.0.1:1'\n";
        let error =
            Config::from_source(&Source::from_text("p.toml", text.replace("kv=0", "kv=0.0"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "p.toml:4:7: plant.start: must be a time such as \"11:00\"\np.toml:8:4: meter.kv: 0 is outside 0.1..1000\n\
             p.toml:10:4: id: `m` names another device already\np.toml:11:8: listen: 127.0.0.1:1 is taken by `m`"
        );
    }
}
