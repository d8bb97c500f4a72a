//! The signal that the ISO's side sends: one of our own, or a file's.

use std::f64::consts::TAU;
use std::path::Path;

use grid::{Grid, Limits, Place, Problem};

use crate::exit::Failure;

/// The ISO sends a set point so often, in seconds.
pub(crate) const STEP_S: f64 = 4.0;
/// Our own signal begins again after so many steps: 15 minutes.
const WINDOW: usize = 225;
/// Where its phases come from. The same in every run, so that two runs can be held against each other.
const SEED: u64 = 20_261_126;
/// It is made of waves that fit into the window once, twice and so on: the fastest takes 30 s.
const WAVES: usize = 30;
/// Rows of a file: more than four days of 4 s.
const ROWS_MAX: usize = 100_000;
/// So many rows are told that are wrong.
const TOLD_MAX: usize = 10;

/// What is asked for, in megawatts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signal {
    /// What people call it.
    pub(crate) name: String,
    values: Vec<f64>,
}

impl Signal {
    /// Our own, at most `mw` either way. It is a sum of waves, each whole within the window, so that no energy is left
    /// over after one (but what the battery loses), and one window goes on into the next.
    pub(crate) fn own(mw: f64) -> Self {
        let mut seed = SEED;
        let phases: Vec<f64> = (0..WAVES).map(|_| TAU * random(&mut seed)).collect();
        let at = |step: usize| {
            let waves = (1_u32..).zip(&phases).map(|(wave, phase)| {
                let wave = f64::from(wave);
                // Slow waves are the larger ones.
                (TAU * wave * share(step) + phase).cos() / wave.sqrt()
            });
            waves.sum::<f64>()
        };
        let raw: Vec<f64> = (0..WINDOW).map(at).collect();
        let most = raw.iter().fold(0.0, |most, value| f64::max(most, value.abs()));
        Self { name: "own".to_owned(), values: raw.into_iter().map(|value| mw * value / most).collect() }
    }

    /// A file's: rows of a value for each 4 s, or of seconds and a value that holds until the next. With `mw` the values
    /// are shares of it, -1 to 1, without megawatts. They must lie within `limits`.
    ///
    /// # Errors
    /// Each row that is wrong.
    pub(crate) fn read(file: &Path, mw: Option<f64>, limits: (f64, f64)) -> Result<Self, Failure> {
        let most = Limits { rows: ROWS_MAX, ..Limits::default() };
        let book = grid::read(file, &most).map_err(|problem| Failure::Input(problem.to_string()))?;
        let Some(sheet) = book.grids.first() else {
            return Err(Failure::Input(Place::file(file).problem("holds no rows").to_string()));
        };
        let mut rows = Rows { place: book.place(sheet), unit: mw, limits, problems: Vec::new() };
        let found = rows.all(sheet);
        if rows.problems.is_empty() && found.is_empty() {
            rows.problems.push(rows.place.clone().problem("holds no value"));
        }
        if rows.problems.is_empty() {
            return Ok(Self { name: file.display().to_string(), values: stepped(&found) });
        }
        let left = rows.problems.len().saturating_sub(TOLD_MAX);
        let mut lines: Vec<String> = rows.problems.iter().take(TOLD_MAX).map(ToString::to_string).collect();
        if left > 0 {
            lines.push(format!("{}: and {left} more", file.display()));
        }
        Err(Failure::Input(lines.join("\n")))
    }

    /// What is asked for in a step; after the last it begins again.
    pub(crate) fn at(&self, step: u64) -> f64 {
        let length = u64::try_from(self.values.len()).unwrap_or(u64::MAX).max(1);
        let at = usize::try_from(step % length).unwrap_or(0);
        self.values.get(at).copied().unwrap_or(0.0)
    }

    /// The largest size that it has.
    pub(crate) fn most(&self) -> f64 {
        self.values.iter().fold(0.0, |most, value| f64::max(most, value.abs()))
    }
}

/// Which share of the window has passed.
#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn share(step: usize) -> f64 {
    step as f64 / WINDOW as f64
}

/// From 0 to 1 (splitmix64).
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A row: from when, in seconds, which value, in megawatts.
type Row = (Option<f64>, f64);

struct Rows {
    place: Place,
    unit: Option<f64>,
    limits: (f64, f64),
    problems: Vec<Problem>,
}

impl Rows {
    fn all(&mut self, sheet: &Grid) -> Vec<Row> {
        let mut found: Vec<Row> = Vec::new();
        let mut heading = true;
        for row in 0..sheet.rows.len() {
            if sheet.is_blank(row) || sheet.cell(row, 0).text().trim_start().starts_with('#') {
                continue;
            }
            let cells = sheet.rows.get(row).map(Vec::as_slice).unwrap_or_default();
            let length = cells.iter().rposition(|cell| !cell.is_blank()).map_or(0, |last| last + 1);
            // Headings are words, and they stand before the first value.
            let words = cells.iter().all(|cell| cell.is_blank() || cell.number().is_none());
            if std::mem::take(&mut heading) && words {
                continue;
            }
            if let Some(one) = self.row(row, length, sheet, found.last().copied()) {
                found.push(one);
            }
        }
        found
    }

    fn row(&mut self, row: usize, length: usize, sheet: &Grid, before: Option<Row>) -> Option<Row> {
        let place = self.place.row(row);
        if length > 2 {
            self.problems.push(place.problem(format!(
                "{length} columns, allowed: one (a value every {STEP_S} s) or two (seconds, value)"
            )));
            return None;
        }
        let two = length == 2;
        if before.is_some_and(|(time, _)| time.is_some() != two) {
            self.problems.push(place.problem("all rows must have as many columns as the first"));
            return None;
        }
        let time = if two { Some(self.number(row, 0, sheet)?) } else { None };
        let column = usize::from(two);
        let value = self.number(row, column, sheet)?;
        if let (Some(time), Some((Some(before), _))) = (time, before)
            && time <= before
        {
            self.problems.push(
                self.place.at(row, 0).problem(format!("{time} s comes after {before} s: times must rise")),
            );
            return None;
        }
        let (low, high) = self.limits;
        let problem = match self.unit {
            Some(_) if value.abs() > 1.0 => format!("{value} is no share: allowed -1 to 1"),
            Some(_) => String::new(),
            None if !(low..=high).contains(&value) => {
                format!("{value} MW is outside what the set point takes: {low} to {high} MW")
            }
            None => String::new(),
        };
        if !problem.is_empty() {
            self.problems.push(self.place.at(row, column).problem(problem));
            return None;
        }
        Some((time, value * self.unit.unwrap_or(1.0)))
    }

    fn number(&mut self, row: usize, column: usize, sheet: &Grid) -> Option<f64> {
        let cell = sheet.cell(row, column);
        let number = cell.number();
        if number.is_none() {
            let text = format!("`{}` is not a number", cell.text());
            self.problems.push(self.place.at(row, column).problem(text));
        }
        number
    }
}

/// Rows as a value for each step: a value holds until the next row, the last one as long as the one before it.
fn stepped(rows: &[Row]) -> Vec<f64> {
    let times: Option<Vec<f64>> = rows.iter().map(|(time, _)| *time).collect();
    let (Some(times), Some(first)) = (times, rows.first().and_then(|(time, _)| *time)) else {
        return rows.iter().map(|(_, value)| *value).collect();
    };
    let last = times.last().copied().unwrap_or(first);
    let before = times.len().checked_sub(2).and_then(|at| times.get(at)).copied();
    let end = last + before.map_or(STEP_S, |before| last - before);
    let mut values = Vec::new();
    let mut at = 0;
    let mut now = first;
    while now < end && values.len() < ROWS_MAX {
        while times.get(at + 1).is_some_and(|next| *next <= now) {
            at += 1;
        }
        values.extend(rows.get(at).map(|(_, value)| *value));
        now += STEP_S;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const LIMITS: (f64, f64) = (-4.0, 4.0);

    #[test]
    fn our_own_is_bounded_leaves_no_energy_over_and_is_the_same_each_time() {
        let own = Signal::own(3.0);
        assert_eq!(own, Signal::own(3.0));
        assert_eq!(own.values.len(), WINDOW);
        assert!((own.most() - 3.0).abs() < 1e-9, "{}", own.most());
        let energy: f64 = own.values.iter().sum::<f64>() * STEP_S / 3_600.0;
        assert!(energy.abs() < 1e-9, "{energy} MWh");
        let mileage = control::score::mileage(own.values.iter().copied());
        assert!(mileage > 30.0, "{mileage} MW: it hardly moves");
        let steps = own.values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f64::max);
        let turn = (own.values[0] - own.values[WINDOW - 1]).abs();
        assert!(
            steps < 2.0 && turn <= steps,
            "{steps} MW in a step, {turn} MW from the end to the beginning"
        );
        assert_eq!(own.at(0), own.at(225));
    }

    fn read(text: &str, mw: Option<f64>) -> Result<Vec<f64>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("signal.csv");
        fs::write(&file, text).unwrap();
        let told =
            |failure: Failure| failure.to_string().replace(&format!("{}/", folder.path().display()), "");
        Signal::read(&file, mw, LIMITS).map(|signal| signal.values).map_err(told)
    }

    #[test]
    fn a_file_is_a_value_a_step_or_times_and_values() {
        assert_eq!(read("1.5\n-2\n\n0\n", None).unwrap(), [1.5, -2.0, 0.0]);
        assert_eq!(read("# ours\nshare\n0.5\n-1\n", Some(3.0)).unwrap(), [1.5, -3.0]);
        assert_eq!(read("seconds,mw\n100,1\n108,2\n112,3\n", None).unwrap(), [1.0, 1.0, 2.0, 3.0]);
        assert_eq!(
            read("0,1\n2,2\n4,3\n6,4\n", None).unwrap(),
            [1.0, 3.0],
            "what is faster than 4 s is thinned"
        );
        assert_eq!(read("7,1\n", None).unwrap(), [1.0]);
    }

    #[test]
    fn each_row_that_is_wrong_is_told() {
        let told = |text, mw| read(text, mw).unwrap_err();
        assert_eq!(
            told("0,1\n4,x\n8,NaN\n4,1\n16,5\n20,1,2\n24\n", None),
            "signal.csv, row 2, column B: `x` is not a number\n\
             signal.csv, row 3, column B: `NaN` is not a number\n\
             signal.csv, row 5, column B: 5 MW is outside what the set point takes: -4 to 4 MW\n\
             signal.csv, row 6: 3 columns, allowed: one (a value every 4 s) or two (seconds, value)\n\
             signal.csv, row 7: all rows must have as many columns as the first"
        );
        assert_eq!(
            told("0,1\n4,1\n4,1\n", None),
            "signal.csv, row 3, column A: 4 s comes after 4 s: times must rise"
        );
        assert_eq!(
            told("0.5\n1.5\n", Some(2.0)),
            "signal.csv, row 2, column A: 1.5 is no share: allowed -1 to 1"
        );
        assert_eq!(told("mw\n", None), "signal.csv: holds no value");
        assert_eq!(told("", None), "signal.csv: is empty");
        assert_eq!(told(&"x1\n".repeat(31), None).lines().count(), 11);
    }
}
