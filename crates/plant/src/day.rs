//! The measured day that drives the plant: one minute apart, interpolated between.

use std::path::Path;

use config::{Problems, Source};

use crate::table;

/// The measured day compiled in; origin and licence: `data/NOTICE.md`.
const MEASURED: &str = include_str!("../data/midc_uat_met_1min.csv");
/// The columns that are read, in the order of [`Weather`]'s fields.
const COLUMNS: [&str; 8] =
    ["ghi_wm2", "dni_wm2", "dhi_wm2", "t_amb_c", "rh_pct", "pressure_hpa", "wind_ms", "wind_dir_deg"];

/// What a working instrument can say, column by column; a logger's mark for "no value" lies outside.
const PLAUSIBLE: [(f64, f64); 8] = [
    (-50.0, 2_000.0),
    (-50.0, 2_000.0),
    (-50.0, 2_000.0),
    (-90.0, 60.0),
    (0.0, 110.0),
    (300.0, 1_100.0),
    (0.0, 120.0),
    (0.0, 360.0),
];

/// The weather at one instant: irradiances W/m2 (global, direct normal, diffuse), air temperature in degrees Celsius,
/// relative humidity in per cent, pressure in hPa, wind speed in m/s and direction in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Weather(pub [f64; 8]);

/// One day of weather.
#[derive(Clone, Debug)]
pub struct Day(Vec<(f64, Weather)>);

impl Day {
    /// The day compiled in.
    ///
    /// # Errors
    /// Never for the file that is checked in; its tests see to that.
    pub fn measured() -> Result<Self, Problems> {
        Self::parse(&Source::from_text("(measured day)", MEASURED))
    }

    /// A day of one's own, with the same columns.
    ///
    /// # Errors
    /// The first line and field that cannot be read.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::parse(&Source::read(path)?)
    }

    fn parse(source: &Source) -> Result<Self, Problems> {
        let mut rows: Vec<(f64, Weather)> = Vec::new();
        table::each(source, &COLUMNS, |row| {
            let time = seconds_of_day(row.first())
                .ok_or_else(|| row.problem("time", format!("`{}` is no ISO 8601 time", row.first())))?;
            if rows.last().is_some_and(|(last, _)| *last >= time) {
                return Err(row.problem("time", "not after the line before".to_owned()));
            }
            let mut weather = Weather::default();
            for (value, (name, range)) in weather.0.iter_mut().zip(COLUMNS.into_iter().zip(PLAUSIBLE)) {
                *value = row.number(name, range)?;
            }
            rows.push((time, weather));
            Ok(())
        })?;
        if rows.len() < 2 {
            return Err(source.whole("", "holds no day: two lines of figures at least").into());
        }
        Ok(Self(rows))
    }

    /// The weather `seconds` after midnight, linear between lines. Direction is taken from the line before.
    #[must_use]
    pub fn at(&self, seconds: f64) -> Weather {
        let next = self.0.partition_point(|(time, _)| *time <= seconds);
        let before = self.0.get(next.saturating_sub(1)).copied().unwrap_or_default();
        let after = self.0.get(next).copied().unwrap_or(before);
        let span = after.0 - before.0;
        let share = if span > 0.0 { ((seconds - before.0) / span).clamp(0.0, 1.0) } else { 0.0 };
        let mut weather = before.1;
        for (value, target) in weather.0.iter_mut().zip(after.1.0).take(7) {
            *value += (target - *value) * share;
        }
        weather
    }
}

/// Seconds since midnight of a time that is written as ISO 8601.
pub(crate) fn seconds_of_day(text: &str) -> Option<f64> {
    let time = text.get(..19)?.parse::<jiff::civil::DateTime>().ok()?.time();
    Some(f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_day_is_whole() {
        let day = Day::measured().unwrap();
        assert_eq!(day.0.len(), 1440);
        assert_eq!(day.at(11.0 * 3600.0 + 37.0 * 60.0).0[0], 801.559);
    }

    #[test]
    fn a_byte_order_mark_before_a_comment_is_none_of_the_day() {
        let text = format!("\u{feff}# measured\ntime,{}\n", COLUMNS.join(","));
        let lines =
            ["00:00:00", "00:01:00"].map(|time| format!("2018-10-18T{time}-07:00,5,1,1,1,1,900,1,1\n"));
        let day = Day::parse(&Source::from_text("d.csv", text + &lines.concat())).unwrap();
        assert_eq!(day.at(30.0).0[0], 5.0);
    }

    #[test]
    fn a_bad_cell_is_named() {
        let text = format!("time,{}\n2018-10-18T00:00:00-07:00,1,x,1,1,1,1,1,1\n", COLUMNS.join(","));
        let error = Day::parse(&Source::from_text("d.csv", text)).unwrap_err();
        assert_eq!(error.to_string(), "d.csv:2:1: dni_wm2: `x` is no number");
        let text = format!("time,{}\n2018-10-18T00:00:00-07:00,-9999,1,1,1,1,900,1,1\n", COLUMNS.join(","));
        let error = Day::parse(&Source::from_text("d.csv", text)).unwrap_err();
        assert_eq!(error.to_string(), "d.csv:2:1: ghi_wm2: `-9999`, allowed: -50 to 2000");
    }
}
