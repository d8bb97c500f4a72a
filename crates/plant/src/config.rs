//! `plant.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{Problems, Source, Spanned};
use serde::Deserialize;

use crate::day::Day;

/// Names with a meaning of their own where a fault is asked for: `fault breaker open`, `fault remote off`. A device
/// of such a name could not be named there.
const NAMES_TAKEN: [&str; 2] = ["breaker", "remote"];

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
    /// The inverters.
    pub inverters: Vec<Inverter>,
    /// The battery.
    pub battery: Option<Battery>,
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
    inverter: Vec<Inverter>,
    battery: Option<Battery>,
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
            socket,
            start,
            inverters: file.inverter,
            battery: file.battery,
            meter: file.meter,
            met: file.met,
            switchgear: file.switchgear,
        };
        config.check(source, &mut problems);
        problems.into_result(config)
    }

    /// Name and address of each device, in the order of the documentation.
    pub(crate) fn names(&self) -> Vec<(&Spanned<String>, &Spanned<SocketAddr>)> {
        let mut all: Vec<_> = self.inverters.iter().map(|one| (&one.id, &one.listen)).collect();
        all.extend(self.battery.iter().map(|one| (&one.id, &one.listen)));
        all.extend(self.meter.iter().map(|one| (&one.id, &one.listen)));
        all.extend(self.met.iter().map(|one| (&one.id, &one.listen)));
        all.extend(self.switchgear.iter().map(|one| (&one.id, &one.listen)));
        all
    }

    fn check(&self, source: &Source, problems: &mut Problems) {
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
        if let Some(one) = &self.battery {
            range(&one.power_kw, "battery.power_kw", 1.0, 1e6);
            range(&one.energy_kwh, "battery.energy_kwh", 1.0, 1e7);
            range(&one.soc_start_pct, "battery.soc_start_pct", 0.0, 100.0);
            range(&one.efficiency_pct, "battery.efficiency_pct", 1.0, 100.0);
        }
        if let Some(one) = &self.meter {
            range(&one.kv, "meter.kv", 0.1, 1000.0);
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
