//! A file replayed as a device, for tests and demonstrations: the row whose time has come is what it holds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use site::{Csv, Device, DeviceIx, Form, Place, ReadingIx, ReadingSpec};
use telemetry::clock::SystemClock;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::bounds;
use super::count::Counters;
use super::decode;
use crate::core::{DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading};

/// A larger file is refused: it is held as a whole.
const OCTETS_MAX: u64 = 256 * 1024 * 1024;

/// Replays a file from now on, until nobody listens to `out` any more: a report for each beat of the poll.
pub(crate) async fn drive(
    device: Device,
    csv: Csv,
    at: DeviceIx,
    mut writes: mpsc::Receiver<(u64, FieldWrite)>,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    counters: Arc<Counters>,
) {
    let rows = read(&csv).await.map_err(bounds::words);
    if let Err(words) = &rows {
        tracing::warn!(device = %device.id, words, "cannot be replayed");
    }
    let begun = Instant::now();
    let mut beat = tokio::time::interval(device.poll);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut writable = true;
    loop {
        let event = tokio::select! {
            biased;
            () = out.closed() => return,
            write = writes.recv(), if writable => match write {
                Some((request, _)) => {
                    let result = Err("a replayed file takes no set points".to_owned());
                    FieldEvent::Written { device: at, request, result }
                }
                None => {
                    writable = false;
                    continue;
                }
            },
            _ = beat.tick() => {
                counters.request();
                let now = clock.now();
                let outcome = match &rows {
                    Ok(rows) => rows.outcome(begun.elapsed(), csv.repeat, &device.readings),
                    Err(words) => failed(words.clone()),
                };
                if matches!(outcome, FieldOutcome::Readings(_)) {
                    counters.answered();
                }
                FieldEvent::Report(FieldReport { device: at, outcome, sent: now, received: now })
            }
        };
        if out.send(bounds::event(event)).await.is_err() {
            return;
        }
    }
}

fn failed(words: String) -> FieldOutcome {
    FieldOutcome::Failed(DeviceFailure { kind: FailureKind::Unreachable, words })
}

async fn read(csv: &Csv) -> Result<Rows, String> {
    let file = csv.file.display();
    let refused = |error: std::io::Error| format!("{file}: cannot be read: {error}");
    let octets = tokio::fs::metadata(&csv.file).await.map_err(refused)?.len();
    if octets > OCTETS_MAX {
        return Err(format!("{file}: has {octets} octets, allowed: up to {OCTETS_MAX}"));
    }
    let text = tokio::fs::read_to_string(&csv.file).await.map_err(refused)?;
    Rows::parse(&text, csv)
}

/// A row as written, and when it begins.
#[derive(Debug, PartialEq)]
struct Row {
    /// Since the first.
    from: Duration,
    line: u64,
    /// In the order of [`Csv::columns`].
    cells: Vec<String>,
}

/// A file that was understood; at least one row.
#[derive(Debug, PartialEq)]
struct Rows {
    file: Arc<str>,
    columns: Vec<Arc<str>>,
    rows: Vec<Row>,
    /// The last row holds as long as the one before it.
    length: Duration,
}

impl Rows {
    fn parse(text: &str, csv: &Csv) -> Result<Self, String> {
        let file: Arc<str> = name(&csv.file).into();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let headings = reader.headers().map_err(|error| format!("{file}: {error}"))?.clone();
        let find = |heading: &str| {
            headings.iter().position(|known| known == heading).ok_or_else(|| {
                let known: Vec<&str> = headings.iter().collect();
                format!("{file}:1: there is no column `{heading}`, known: {}", known.join(", "))
            })
        };
        let time = find(&csv.time)?;
        let places = csv.columns.iter().map(|column| find(column)).collect::<Result<Vec<_>, _>>()?;
        let mut rows: Vec<Row> = Vec::new();
        let mut first = None;
        for record in reader.records() {
            let record = record.map_err(|error| format!("{file}: {error}"))?;
            let line = record.position().map_or(0, csv::Position::line);
            let text = record.get(time).unwrap_or_default();
            let millis = millis(text).ok_or_else(|| {
                format!("{file}:{line}: {}: `{text}` is no time: seconds, or RFC 3339", csv.time)
            })?;
            let since =
                millis.checked_sub(*first.get_or_insert(millis)).and_then(|since| u64::try_from(since).ok());
            let from = since
                .map(Duration::from_millis)
                .filter(|from| rows.last().is_none_or(|before| before.from < *from));
            let Some(from) = from else {
                return Err(format!("{file}:{line}: {}: `{text}` is not after the row before it", csv.time));
            };
            let cells = places.iter().map(|at| record.get(*at).unwrap_or_default().to_owned()).collect();
            rows.push(Row { from, line, cells });
        }
        let length = match rows.as_slice() {
            [] => return Err(format!("{file}: holds no row")),
            [_] => Duration::MAX,
            [.., before, last] => last.from.saturating_mul(2).saturating_sub(before.from),
        };
        Ok(Self { file, columns: csv.columns.clone(), rows, length })
    }

    /// The row that holds after so long; `None` after the end.
    fn at(&self, after: Duration, repeat: bool) -> Option<&Row> {
        let after = match after.as_nanos().checked_rem(self.length.as_nanos()) {
            Some(into) if repeat => Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX)),
            _ => after,
        };
        if after >= self.length {
            return None;
        }
        let behind = self.rows.partition_point(|row| row.from <= after);
        self.rows.get(behind.checked_sub(1)?)
    }

    fn outcome(&self, after: Duration, repeat: bool, readings: &[ReadingSpec]) -> FieldOutcome {
        let Some(row) = self.at(after, repeat) else {
            return failed(format!("{} has ended", self.file));
        };
        let reading = |(at, spec): (usize, &ReadingSpec)| {
            let Place::Column(column) = spec.place else { return None };
            let text = row.cells.get(column)?;
            // Nothing was measured then: what was before grows old.
            (!text.is_empty()).then(|| (ReadingIx::new(at), self.cell(row, column, text, spec.form)))
        };
        FieldOutcome::Readings(readings.iter().enumerate().filter_map(reading).collect())
    }

    fn cell(&self, row: &Row, column: usize, text: &str, form: Form) -> Reading {
        let heading = self.columns.get(column).map_or("", |heading| heading);
        let wrong = |what: &str| {
            Reading::Invalid(format!("{}:{}: {heading}: `{text}` is no {what}", self.file, row.line))
        };
        match (form, text.parse::<f64>()) {
            (Form::Number { scale }, Ok(number)) => decode::number(decode::scaled(number, scale)),
            (Form::Number { .. }, Err(_)) => wrong("number"),
            // Rounded to the nearest, what lies between two states would be one of them.
            (Form::Equals(value), Ok(number)) if number.is_finite() && number.fract() == 0.0 => {
                Reading::State((number - f64::from(value)).abs() < 0.5)
            }
            (Form::Equals(_), _) => wrong("whole number"),
            _ => match text {
                "1" | "true" | "on" => Reading::State(true),
                "0" | "false" | "off" => Reading::State(false),
                _ => wrong("state: 0, 1, false, true, off, on"),
            },
        }
    }
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

/// A time in milliseconds: seconds since anything, or RFC 3339.
fn millis(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = (seconds * 1_000.0).round();
        // Digits that an `i64` holds; the language has no conversion that refuses instead of guessing.
        return format!("{millis:.0}").parse().ok();
    }
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(columns: &[&str]) -> Csv {
        let columns = columns.iter().map(|column| Arc::from(*column)).collect();
        Csv { file: "day.csv".into(), time: "time".into(), repeat: false, columns }
    }

    fn spec(column: usize, form: Form) -> ReadingSpec {
        ReadingSpec { place: Place::Column(column), form }
    }

    fn readings(
        rows: &Rows,
        millis: u64,
        repeat: bool,
        specs: &[ReadingSpec],
    ) -> Option<Vec<(usize, Reading)>> {
        match rows.outcome(Duration::from_millis(millis), repeat, specs) {
            FieldOutcome::Readings(readings) => {
                Some(readings.into_iter().map(|(at, reading)| (at.get(), reading)).collect())
            }
            FieldOutcome::Failed(failure) => {
                assert!(failure.words.contains("day.csv has ended"), "{failure:?}");
                None
            }
        }
    }

    #[test]
    fn the_row_whose_time_has_come() {
        let text = "time,power,breaker\n100,1.5,1\n101,,off\n102.5,x,2\n";
        let rows = Rows::parse(text, &csv(&["power", "breaker"])).unwrap();
        let specs = [spec(0, Form::Number { scale: 2.0 }), spec(1, Form::State)];
        let at = |millis, repeat| readings(&rows, millis, repeat, &specs);
        let first = Some(vec![(0, Reading::Number(3.0)), (1, Reading::State(true))]);
        assert_eq!(at(0, false), first);
        assert_eq!(at(999, false), first);
        assert_eq!(at(1_000, false), Some(vec![(1, Reading::State(false))]), "an empty cell grows old");
        let wrong = at(2_500, false).unwrap();
        assert_eq!(wrong[0].1, Reading::Invalid("day.csv:4: power: `x` is no number".to_owned()));
        assert!(at(3_999, false).is_some());
        assert_eq!(at(4_000, false), None);
        assert_eq!(at(4_000, true), first, "begins again");
        assert_eq!(at(9_000, true), Some(vec![(1, Reading::State(false))]));
    }

    #[test]
    fn times_of_day_and_a_single_row_that_holds_for_ever() {
        let text = "time,power\n2026-06-01T12:00:00Z,1\n2026-06-01T05:00:04-07:00,nan\n";
        let rows = Rows::parse(text, &csv(&["power"])).unwrap();
        let specs = [spec(0, Form::Number { scale: 1.0 })];
        assert_eq!(readings(&rows, 4_000, false, &specs), Some(vec![(0, Reading::NotANumber)]));
        let rows = Rows::parse("time,power\n0,1\n", &csv(&["power"])).unwrap();
        for repeat in [false, true] {
            assert_eq!(readings(&rows, 1 << 50, repeat, &specs), Some(vec![(0, Reading::Number(1.0))]));
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_its_place() {
        let told = |text: &str| Rows::parse(text, &csv(&["power"])).unwrap_err();
        assert_eq!(told("time,watts\n"), "day.csv:1: there is no column `power`, known: time, watts");
        assert_eq!(told("power\n"), "day.csv:1: there is no column `time`, known: power");
        assert_eq!(told("time,power\n"), "day.csv: holds no row");
        assert_eq!(
            told("time,power\n0,1\nnoon,2\n"),
            "day.csv:3: time: `noon` is no time: seconds, or RFC 3339"
        );
        assert_eq!(told("time,power\n5,1\n5,2\n"), "day.csv:3: time: `5` is not after the row before it");
        assert_eq!(
            told("time,power\n5,1\n1e300,2\n"),
            "day.csv:3: time: `1e300` is no time: seconds, or RFC 3339"
        );
        assert!(told("time,power\n0,1,2\n").contains("day.csv"));
    }

    #[test]
    fn a_number_that_stands_for_a_state() {
        let text = "time,mode\n0,3\n1,4\n2,4.4\n3,3.6\n4,nan\n5,inf\n6,-inf\n7,x\n8,4.0\n";
        let rows = Rows::parse(text, &csv(&["mode"])).unwrap();
        let specs = [spec(0, Form::Equals(4))];
        assert_eq!(readings(&rows, 8_000, false, &specs), Some(vec![(0, Reading::State(true))]));
        for (second, found) in (2..).zip(["4.4", "3.6", "nan", "inf", "-inf", "x"]) {
            let wrong = format!("day.csv:{}: mode: `{found}` is no whole number", second + 2);
            let wrong = Some(vec![(0, Reading::Invalid(wrong))]);
            assert_eq!(readings(&rows, second * 1_000, false, &specs), wrong);
        }
        assert_eq!(readings(&rows, 0, false, &specs), Some(vec![(0, Reading::State(false))]));
        assert_eq!(readings(&rows, 1_000, false, &specs), Some(vec![(0, Reading::State(true))]));
    }
}
