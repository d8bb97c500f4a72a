//! Days with what a plant could have made on them.
//!
//! Tucson's weather is compiled into the plant simulator; the others are read where they lie beside the project, and
//! left out where they do not.

use std::path::Path;

use plant::physics;

/// What a plant could make over some days, with the weather that was measured.
pub(super) struct Day {
    pub(super) name: &'static str,
    /// In MW.
    pub(super) capacity: f64,
    /// Of the weather: what drives the plant.
    pub(super) unit: &'static str,
    /// The rest of `derive`.
    pub(super) model: String,
    step: f64,
    /// Power in MW, weather, temperature of the modules.
    rows: Vec<(f64, f64, f64)>,
}

impl Day {
    pub(super) fn seconds(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some days")]
        let step = self.step as u64;
        u64::try_from(self.rows.len() - 1).unwrap() * step
    }

    /// As it was, straight between what was measured.
    pub(super) fn at(&self, seconds: f64) -> (f64, f64, f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the rows")]
        let at = (seconds / self.step) as usize;
        let share = (seconds / self.step).fract();
        let (a, b) = (self.rows[at], self.rows[(at + 1).min(self.rows.len() - 1)]);
        let mix = |a: f64, b: f64| a + (b - a) * share;
        (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
    }

    /// The greatest power of the day.
    pub(super) fn most_of(&self, seconds: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole days")]
        let (day, rows) = ((seconds / 86_400.0) as usize, (86_400.0 / self.step) as usize);
        self.rows.iter().skip(day * rows).take(rows).map(|row| row.0).fold(0.0, f64::max)
    }
}

/// A plant wider than its sensor: its power is that of the irradiance over two minutes, with 7 % lost that the device's
/// model knows nothing of, clipped at 10 MW of AC; at night it draws a little.
fn computed(name: &'static str, poa: &[f64], air: &[f64]) -> Day {
    let rows = (0..poa.len()).map(|at| {
        let around = &poa[at.saturating_sub(1)..(at + 2).min(poa.len())];
        #[expect(clippy::cast_precision_loss, reason = "three")]
        let wide = around.iter().sum::<f64>() / around.len() as f64;
        let dc = physics::dc_power(12.0, wide, physics::cell_temperature(air[at], wide));
        let ac = physics::ac_power(dc * 0.95, 10.0, 1.0);
        let modules = physics::cell_temperature(air[at], poa[at]);
        (if ac <= 0.0 { -0.02 } else { ac }, poa[at], modules)
    });
    Day {
        name,
        capacity: 10.0,
        unit: "W/m2",
        model:
            "op = \"hsl-sun\", irradiance = \"met.weather\", temperature = \"met.modules\", gamma = -0.4, \
                capacity_mw = 10.0, dc_mw = 12.0"
                .to_owned(),
        step: 60.0,
        rows: rows.collect(),
    }
}

pub(super) fn tucson() -> Day {
    let day = plant::Day::measured().unwrap();
    let minutes = (0..1_440).map(|minute| f64::from(minute) * 60.0);
    let weather: Vec<_> = minutes.map(|seconds| (seconds, day.at(seconds))).collect();
    let poa: Vec<f64> = weather.iter().map(|(at, weather)| physics::plane_of_array(weather, *at)).collect();
    let air: Vec<f64> = weather.iter().map(|(_, weather)| weather.0[3]).collect();
    computed("Tucson 2018-10-18: weather measured at 1 min, power computed from it", &poa, &air)
}

/// Columns of a file of measured days, `None` where it is not there.
fn columns(file: &str, names: &[&str]) -> Option<Vec<Vec<String>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(file);
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(path).ok()?;
    let heads = reader.headers().unwrap().clone();
    let places: Vec<usize> =
        names.iter().map(|name| heads.iter().position(|head| head == *name).unwrap()).collect();
    let row = |row: csv::StringRecord| places.iter().map(|at| row[*at].to_owned()).collect();
    Some(reader.records().map(|record| row(record.unwrap())).collect())
}

pub(super) fn golden() -> Option<Day> {
    let rows = columns("solar/nrel_srrl_met_1min.csv", &["poa_wm2", "t_amb_c"])?;
    let column = |at: usize| rows.iter().map(|row| row[at].parse().unwrap()).collect::<Vec<f64>>();
    let name = "Golden 2019-03-10 to 17 (NREL SRRL): weather measured at 1 min, power computed from it";
    Some(computed(name, &column(0), &column(1)))
}

pub(super) fn rsf2() -> Option<Day> {
    let names = ["ac_power_kw", "poa_irradiance", "module_temp"];
    let rows = columns("solar/pvdaq_rsf2_15min.csv", &names)?;
    let row = |row: &Vec<String>| {
        let number = |at: usize| row[at].parse::<f64>().unwrap();
        (number(0) / 1_000.0, number(1), number(2))
    };
    Some(Day {
        name: "Golden 2022-01-02 to 06 (PVDAQ 1283, NREL RSF II): power and weather measured at 15 min, out of service on \
               the last day",
        capacity: 0.4,
        unit: "W/m2",
        model:
            "op = \"hsl-sun\", irradiance = \"met.weather\", temperature = \"met.modules\", gamma = -0.4, \
                capacity_mw = 0.4, dc_mw = 0.408"
                .to_owned(),
        step: 900.0,
        rows: rows.iter().map(row).collect(),
    })
}

/// Four turbines in the second week of February; their curve is that of January.
pub(super) fn wind() -> Option<Day> {
    let rows = columns("wind/la_haute_borne_scada_10min.csv", &["time", "power_kw", "wind_ms"])?;
    let mut times: std::collections::BTreeMap<&str, Vec<(f64, f64)>> = std::collections::BTreeMap::new();
    for row in &rows {
        if let (Ok(power), Ok(wind)) = (row[1].parse::<f64>(), row[2].parse::<f64>()) {
            times.entry(&row[0]).or_default().push((power / 1_000.0, wind));
        }
    }
    let plant = |turbines: &Vec<(f64, f64)>| {
        #[expect(clippy::cast_precision_loss, reason = "four")]
        let wind = turbines.iter().map(|one| one.1).sum::<f64>() / turbines.len() as f64;
        (turbines.iter().map(|one| one.0).sum::<f64>(), wind)
    };
    let whole = |from: &str, to: &str| -> Vec<(f64, f64)> {
        times.range(from..to).filter(|(_, turbines)| turbines.len() == 4).map(|(_, all)| plant(all)).collect()
    };
    let january = whole("2014-01-01", "2014-02-01");
    let mut curve = String::new();
    for half in 5..30 {
        let speed = f64::from(half) / 2.0;
        let near = january.iter().filter(|(_, wind)| (wind - speed).abs() <= 0.25);
        let mut powers: Vec<f64> = near.map(|(power, _)| power.max(0.0)).collect();
        powers.sort_by(f64::total_cmp);
        if powers.len() >= 5 {
            let (middle, comma) = (powers[powers.len() / 2], if curve.is_empty() { "" } else { ", " });
            curve += &format!("{comma}[{speed:.1}, {middle:.3}]");
        }
    }
    let days = whole("2014-02-08", "2014-02-15");
    Some(Day {
        name: "La Haute Borne 2014-02-08 to 14 (ENGIE): power and wind of 4 turbines measured at 10 min, curve of January",
        capacity: 8.2,
        unit: "m/s",
        model: format!("op = \"hsl-wind\", speed = \"met.weather\", capacity_mw = 8.2, curve = [{curve}]"),
        step: 600.0,
        rows: days.into_iter().map(|(power, wind)| (power, wind, 0.0)).collect(),
    })
}
