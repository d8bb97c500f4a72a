//! `plant.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{Problems, Source, Spanned};
use serde::Deserialize;

pub use self::machines::{Conventional, Members, Turbine};
use self::machines::{GridTable, WindTable};
use crate::day::Day;
use crate::physics::frequency::Frequency;
use crate::wind::Wind;

mod check;
mod machines;

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
    fn what_is_wrong_with_turbines_unit_and_aggregate_is_told() {
        let text = "[plant]\nname='p'\nsocket='p.sock'\n[grid]\nnominal_hz=70.0\n[wind]\nday='2014-01-25'\n\
                    [[turbine]]\nid='w'\nlisten='127.0.0.1:1'\nrated_kw=0.0\nturbine='R1'\n\
                    [unit]\nid='u'\nlisten='127.0.0.1:2'\nrated_kw=100.0\nminimum_kw=40.0\nstart_kw=30.0\n\
                    ramp_kw_per_min=10.0\nlag_s=5.0\ndroop_pct=0.0\ndeadband_hz=nan\n\
                    [aggregate]\nid='a'\nlisten='127.0.0.1:3'\nmembers=0\nmember_kw=1.0\nup_h=1.0\ndown_h=0.0\n\
                    reach_s=1.0\n";
        let error = Config::from_source(&Source::from_text("p.toml", text)).unwrap_err().to_string();
        assert_eq!(
            error.lines().collect::<Vec<_>>(),
            [
                "p.toml:5:12: grid.nominal_hz: 70 is outside 45..65",
                "p.toml:11:10: turbine.rated_kw: 0 is outside 1..100000",
                "p.toml:12:9: turbine.turbine: no wind of `R1`; known: R80711, R80721, R80736, R80790",
                "p.toml:18:10: unit.start_kw: 30 is outside 40..100",
                "p.toml:21:11: unit.droop_pct: 0 is outside 0.1..100",
                "p.toml:22:13: unit.deadband_hz: NaN is outside 0..1",
                "p.toml:26:9: aggregate.members: 0 is outside 1..10000",
                "p.toml:29:8: aggregate.down_h: 0 is outside 0.01..1000000",
            ]
        );
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
