//! The grid's frequency, as meter, inverters and unit see it. The grid is so large that the plant does not move it.
//!
//! Without a trace it is made up, and this is all of it, in Hz around the nominal, `t` real seconds since the start:
//! `0.010 sin(2 pi t / 31) + 0.006 sin(2 pi t / 173) + 0.004 sin(2 pi t / 7.3)`, so within 0.020 at all times, and every 20
//! minutes, the first after 5, an excursion `+-0.09 (exp(-t / 120) - exp(-t / 4))` (at most about 0.077, after 14 s): down, up,
//! down and so on. **These are this program's own figures**, made to cross a dead band of 0.036 Hz; they were not measured.

use std::path::Path;

use config::{Problems, Source};

use crate::table;

/// Seconds between two excursions, and before the first.
const EXCURSIONS: (f64, f64) = (1_200.0, 300.0);
/// What a frequency meter can say, Hz.
const PLAUSIBLE: (f64, f64) = (40.0, 75.0);

/// How the frequency goes.
#[derive(Clone, Debug)]
pub enum Frequency {
    /// It stands at the nominal.
    Steady(f64),
    /// The made-up one, around the nominal.
    Stated(f64),
    /// A trace, seconds and Hz: straight between its lines, from its beginning again at its end.
    Trace(Vec<(f64, f64)>),
}

impl Frequency {
    /// A trace: a file of the columns `seconds` and `hz`.
    ///
    /// # Errors
    /// The first line and field that cannot be read.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::parse(&Source::read(path)?)
    }

    fn parse(source: &Source) -> Result<Self, Problems> {
        let mut rows: Vec<(f64, f64)> = Vec::new();
        table::each(source, &["seconds", "hz"], |row| {
            let time = row.number("seconds", (0.0, 1e9))?;
            if rows.last().is_some_and(|(last, _)| *last >= time) {
                return Err(row.problem("seconds", "not after the line before".to_owned()));
            }
            rows.push((time, row.number("hz", PLAUSIBLE)?));
            Ok(())
        })?;
        if rows.len() < 2 {
            return Err(source.whole("", "holds no trace: two lines of figures at least").into());
        }
        Ok(Self::Trace(rows))
    }

    /// The frequency `seconds` after the start.
    #[must_use]
    pub fn at(&self, seconds: f64) -> f64 {
        match self {
            Self::Steady(nominal) => *nominal,
            Self::Stated(nominal) => nominal + stated(seconds),
            Self::Trace(rows) => {
                let (first, last) = (rows.first().copied().unwrap_or_default(), rows.last().copied());
                let span = last.unwrap_or_default().0 - first.0;
                let seconds = first.0 + if span > 0.0 { seconds.rem_euclid(span) } else { 0.0 };
                let next = rows.partition_point(|(time, _)| *time <= seconds);
                let before = rows.get(next.saturating_sub(1)).copied().unwrap_or(first);
                let after = rows.get(next).copied().unwrap_or(before);
                let step = after.0 - before.0;
                let share = if step > 0.0 { (seconds - before.0) / step } else { 0.0 };
                before.1 + (after.1 - before.1) * share
            }
        }
    }
}

fn stated(seconds: f64) -> f64 {
    let wave = |height: f64, period: f64| height * (seconds / period * std::f64::consts::TAU).sin();
    let small = wave(0.010, 31.0) + wave(0.006, 173.0) + wave(0.004, 7.3);
    let (every, first) = EXCURSIONS;
    let since = seconds - first;
    if since < 0.0 {
        return small;
    }
    let down = (since / every).floor().rem_euclid(2.0) < 1.0;
    let since = since.rem_euclid(every);
    let large = 0.09 * ((-since / 120.0).exp() - (-since / 4.0).exp());
    small + if down { -large } else { large }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_made_up_one_is_as_it_is_stated() {
        let grid = Frequency::Stated(60.0);
        let part = |from: u32, to: u32| (from * 10..to * 10).map(|t| grid.at(f64::from(t) / 10.0) - 60.0);
        assert!(part(0, 300).all(|one| one.abs() <= 0.020));
        let least = part(300, 400).fold(0.0, f64::min);
        assert!((-0.097..-0.06).contains(&least), "{least}");
        let most = part(1_500, 1_600).fold(0.0, f64::max);
        assert!((0.06..0.097).contains(&most), "{most}");
        assert!(part(1_300, 1_500).all(|one| one.abs() <= 0.021));
    }

    #[test]
    fn a_trace_is_read_and_begins_again() {
        let source = Source::from_text("f.csv", "seconds,hz\n0,60\n10,59.9\n20,60\n");
        let grid = Frequency::parse(&source).unwrap();
        assert!((grid.at(5.0) - 59.95).abs() < 1e-9 && (grid.at(30.0) - 59.9).abs() < 1e-9);
        let error = Frequency::parse(&Source::from_text("f.csv", "seconds,hz\n0,60\n10,5\n")).unwrap_err();
        assert_eq!(error.to_string(), "f.csv:3:1: hz: `5`, allowed: 40 to 75");
        let error = Frequency::parse(&Source::from_text("f.csv", "seconds,hz\n0,60\n")).unwrap_err();
        assert_eq!(error.to_string(), "f.csv: holds no trace: two lines of figures at least");
    }
}
