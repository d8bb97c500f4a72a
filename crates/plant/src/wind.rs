//! The measured wind that drives the turbines: 10 min averages of the instruments on their nacelles.
//!
//! Between two averages speed and temperature go in a straight line, direction by the shorter way round: what the wind
//! did in between was not measured, so gusts and turbulence are missing and nothing is made up in their place. An average
//! is taken to stand at its stamp. A gap is bridged in the same way. Before the first and after the last line of the
//! day these hold. The day's stamps (UTC in the file that comes with the program) are taken as the plant's time of day.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use config::{Problems, Source};

use crate::day::seconds_of_day;
use crate::table;

/// The measured days compiled in; origin and licence: `data/NOTICE.md`.
const MEASURED: &str = include_str!("../data/la_haute_borne_scada_10min.csv");
/// The day of it that is taken where the plant's file names none: strong wind that moves.
const MEASURED_DAY: &str = "2014-02-13";
/// The columns that are read, and what a working instrument can say; those of figures in the order of [`Air`].
const FIGURES: [(&str, (f64, f64)); 3] =
    [("wind_ms", (0.0, 120.0)), ("wind_dir_deg", (0.0, 360.0)), ("t_out_c", (-90.0, 60.0))];

/// What the instruments of one nacelle say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Air {
    /// Wind speed at hub height, m/s.
    pub speed: f64,
    /// Where it comes from, degrees.
    pub direction: f64,
    /// Outside temperature, degrees Celsius.
    pub temperature: f64,
}

/// One day of wind at each turbine.
#[derive(Clone, Debug)]
pub struct Wind(BTreeMap<String, Vec<(f64, Air)>>);

impl Wind {
    /// A day of those compiled in.
    ///
    /// # Errors
    /// A day that is not there.
    pub fn measured(day: Option<&str>) -> Result<Self, Problems> {
        let source = Source::from_text("(measured wind)", MEASURED);
        Self::parse(&source, Some(day.unwrap_or(MEASURED_DAY)))
    }

    /// A day of a file of one's own, with the same columns; its first one where none is named.
    ///
    /// # Errors
    /// The first line and field that cannot be read, or a day that is not there.
    pub fn read(path: &Path, day: Option<&str>) -> Result<Self, Problems> {
        Self::parse(&Source::read(path)?, day)
    }

    fn parse(source: &Source, day: Option<&str>) -> Result<Self, Problems> {
        let columns = ["time", "turbine", FIGURES[0].0, FIGURES[1].0, FIGURES[2].0];
        let mut wanted = day.map(str::to_owned);
        let mut days: BTreeSet<&str> = BTreeSet::new();
        let mut traces: BTreeMap<String, Vec<(f64, Air)>> = BTreeMap::new();
        table::each(source, &columns, |row| {
            let stamp = row.text("time");
            let time = seconds_of_day(stamp)
                .ok_or_else(|| row.problem("time", format!("`{stamp}` is no ISO 8601 time")))?;
            let date = stamp.get(..10).unwrap_or_default();
            days.insert(date);
            if wanted.get_or_insert_with(|| date.to_owned()) != date {
                return Ok(());
            }
            let mut figures = [0.0; 3];
            for (figure, (name, range)) in figures.iter_mut().zip(FIGURES) {
                match row.gap_or_number(name, range)? {
                    Some(value) => *figure = value,
                    None => return Ok(()),
                }
            }
            let [speed, direction, temperature] = figures;
            let trace = traces.entry(row.text("turbine").to_owned()).or_default();
            if trace.last().is_some_and(|(last, _)| *last >= time) {
                return Err(row.problem("time", "not after this turbine's line before".to_owned()));
            }
            trace.push((time, Air { speed, direction, temperature }));
            Ok(())
        })?;
        traces.retain(|_, trace| trace.len() >= 2);
        if traces.is_empty() {
            let wanted = wanted.unwrap_or_default();
            let days: Vec<_> = days.into_iter().collect();
            let text = format!("holds no turbine's wind of `{wanted}`; days of it: {}", days.join(", "));
            return Err(source.whole("", text).into());
        }
        Ok(Self(traces))
    }

    /// The turbines whose wind is known.
    pub fn turbines(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What the instruments of a turbine say `seconds` after midnight; a calm where it is not known.
    #[must_use]
    pub fn at(&self, turbine: &str, seconds: f64) -> Air {
        let trace = self.0.get(turbine).map_or(&[][..], Vec::as_slice);
        let next = trace.partition_point(|(time, _)| *time <= seconds);
        let before = trace.get(next.saturating_sub(1)).copied().unwrap_or_default();
        let after = trace.get(next).copied().unwrap_or(before);
        let span = after.0 - before.0;
        let share = if span > 0.0 { ((seconds - before.0) / span).clamp(0.0, 1.0) } else { 0.0 };
        let turn = (after.1.direction - before.1.direction + 540.0).rem_euclid(360.0) - 180.0;
        Air {
            speed: before.1.speed + (after.1.speed - before.1.speed) * share,
            direction: (before.1.direction + turn * share).rem_euclid(360.0),
            temperature: before.1.temperature + (after.1.temperature - before.1.temperature) * share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# measured\ntime,turbine,power_kw,wind_ms,wind_dir_deg,t_out_c\n";

    fn parse(lines: &str, day: Option<&str>) -> Result<Wind, String> {
        Wind::parse(&Source::from_text("w.csv", format!("{HEAD}{lines}")), day).map_err(|e| e.to_string())
    }

    #[test]
    fn the_measured_days_are_whole() {
        for day in [None, Some("2014-01-25"), Some("2014-02-13")] {
            let wind = Wind::measured(day).unwrap();
            assert_eq!(wind.turbines().collect::<Vec<_>>(), ["R80711", "R80721", "R80736", "R80790"]);
            assert!(wind.0.values().all(|trace| trace.len() == 144));
        }
        let air = Wind::measured(Some("2014-01-25")).unwrap().at("R80711", 23.0 * 3600.0);
        assert_eq!(air, Air { speed: 12.04, direction: 264.79, temperature: 4.8 });
        let error = Wind::measured(Some("2014-01-26")).unwrap_err().to_string();
        assert!(error.ends_with("of `2014-01-26`; days of it: 2014-01-25, 2014-02-13"), "{error}");
    }

    #[test]
    fn between_averages_it_goes_straight_and_the_shorter_way_round() {
        let wind = parse(
            "2014-01-01T00:00:00Z,a,0,4,350,1\n2014-01-01T00:10:00Z,a,,,,\n2014-01-01T00:20:00Z,a,0,8,30,3\n",
            None,
        )
        .unwrap();
        // The gap in the middle is bridged.
        assert_eq!(wind.at("a", 600.0), Air { speed: 6.0, direction: 10.0, temperature: 2.0 });
        assert_eq!(wind.at("a", 80_000.0).speed, 8.0);
        assert_eq!(wind.at("b", 600.0), Air::default());
    }

    #[test]
    fn a_bad_cell_is_named() {
        let two = "2014-01-01T00:00:00Z,a,0,4,350,1\n";
        for (line, told) in [
            ("2014-01-01T00:10:00Z,a,0,x,1,1\n", "w.csv:4:1: wind_ms: `x` is no number"),
            ("2014-01-01T00:10:00Z,a,0,1,400,1\n", "w.csv:4:1: wind_dir_deg: `400`, allowed: 0 to 360"),
            ("2014-01-01T00:00:00Z,a,0,1,1,1\n", "w.csv:4:1: time: not after this turbine's line before"),
            ("noon,a,0,1,1,1\n", "w.csv:4:1: time: `noon` is no ISO 8601 time"),
        ] {
            assert_eq!(parse(&format!("{two}{line}"), None).unwrap_err(), told);
        }
    }
}
