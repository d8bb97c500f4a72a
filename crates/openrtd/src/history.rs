//! `openrtd history`: what the device saw and did, out of its store, whether it runs or not.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use config::Source;
use historian::{Entry, HistoryError, Logged, Range, Reader, Recorded, moment};
use serde_json::{Value as Json, json};
use telemetry::clock::SystemClock;
use telemetry::{Value, Wall};

use crate::exit::Failure;
use crate::output::{complain, say};
use crate::points;

/// Lines written at once.
const LINES_AT_ONCE: usize = 512;

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The site file
    pub(crate) site: PathBuf,
    /// The point's id; with --events, only what concerns this point, device or master
    #[arg(required_unless_present = "events")]
    pub(crate) point: Option<String>,
    /// From when on: RFC 3339, or before now such as -2h or -7d
    #[arg(long, value_name = "TIME", default_value = "-24h", allow_hyphen_values = true, value_parser = time)]
    pub(crate) from: Wall,
    /// Until when
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true, value_parser = time)]
    pub(crate) to: Wall,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// The log of events instead of values
    #[arg(long)]
    pub(crate) events: bool,
    /// The file that parquet is written to
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line of names, then one line each
    #[default]
    Csv,
    /// One JSON object a line
    Json,
    /// A parquet file, see --out; needs a program built with the feature `parquet`
    Parquet,
}

fn time(text: &str) -> Result<Wall, String> {
    moment(text, SystemClock::start().now())
}

/// See the module.
pub(crate) fn history(arguments: &History) -> Result<(), Failure> {
    fits(arguments)?;
    let source = Source::read(&arguments.site)?;
    let site = points::site(&source)?;
    let Some(history) = &site.history else {
        return Err(Failure::Input(format!(
            "{}: history: has no [history] section, so nothing is recorded; it needs `path = \"history.db\"`",
            arguments.site.display()
        )));
    };
    if arguments.from > arguments.to {
        return Err(Failure::Input(format!("--from {} lies after --to {}", arguments.from, arguments.to)));
    }
    let reader = Reader::open(&history.path).map_err(failure)?;
    let range = Range { from: arguments.from, to: arguments.to };
    #[cfg(feature = "parquet")]
    if let Some(file) = &arguments.out {
        let point = reader.point(arguments.point.as_deref().unwrap_or_default()).map_err(failure)?;
        return crate::parquet::write(&reader, &point, range, file);
    }
    let mut out = Lines::new(arguments.format);
    if arguments.events {
        events(&reader, arguments.point.as_deref(), range, &mut out)
    } else {
        entries(&reader, arguments.point.as_deref().unwrap_or_default(), range, &mut out)
    }
}

/// Whether what was asked for goes together.
fn fits(arguments: &History) -> Result<(), Failure> {
    let told = match (arguments.format == Format::Parquet, &arguments.out) {
        (true, _) if !cfg!(feature = "parquet") => {
            "--format parquet: this program was built without it; build it with \
             `cargo build --release -p openrtd --features parquet`, or take --format csv"
        }
        (true, _) if arguments.events => "--events: have no parquet form; take --format json",
        (true, None) => "--format parquet: needs --out FILE",
        (false, Some(_)) => "--out: is only for --format parquet; the other formats go to stdout",
        _ => return Ok(()),
    };
    Err(Failure::Input(told.to_owned()))
}

pub(crate) fn failure(error: HistoryError) -> Failure {
    match error {
        HistoryError::NoPoint { .. }
        | HistoryError::Missing { .. }
        | HistoryError::Foreign { .. }
        | HistoryError::Newer { .. } => Failure::Input(error.to_string()),
        _ => Failure::failed(error),
    }
}

fn entries(reader: &Reader, id: &str, range: Range, out: &mut Lines) -> Result<(), Failure> {
    let point = reader.point(id).map_err(failure)?;
    let names = ["time", "value", "unit", "quality", "reasons", "source_time", "boot", "sequence"];
    out.names(&names);
    let mut count = 0_u64;
    for entry in reader.entries(&point, range) {
        let entry = entry.map_err(failure)?;
        count += 1;
        let written = match out.format {
            Format::Csv => out.row(cells(&point, &entry)),
            Format::Json | Format::Parquet => out.line(&object(&point, &entry)),
        };
        if written.is_err() {
            return Ok(());
        }
    }
    out.end();
    if count == 0 {
        let before = match reader.before(&point, range.from).map_err(failure)? {
            Some(entry) => {
                format!("; it has been {} ({}) since {}", value(entry.value), entry.quality(), entry.time)
            }
            None => String::new(),
        };
        complain(&format!("note: nothing of {id} was recorded from {} to {}{before}", range.from, range.to));
    }
    Ok(())
}

fn value(value: Option<Value>) -> String {
    value.map_or_else(|| "without a value".to_owned(), |value| value.to_string())
}

fn cells(point: &Recorded, entry: &Entry) -> Vec<String> {
    let reasons: Vec<String> = entry.reasons.iter().map(ToString::to_string).collect();
    vec![
        entry.time.to_string(),
        entry.value.map(|value| value.to_string()).unwrap_or_default(),
        point.unit.clone().unwrap_or_default(),
        entry.quality().to_string(),
        reasons.join("; "),
        entry.source_time.map(|time| time.to_string()).unwrap_or_default(),
        entry.origin.boot.to_string(),
        entry.origin.sequence.to_string(),
    ]
}

fn object(point: &Recorded, entry: &Entry) -> Json {
    let value = match entry.value {
        // JSON has no such numbers, and null is none at all.
        Some(Value::Analog(value)) if !value.is_finite() => json!(value.to_string()),
        value => json!(value),
    };
    json!({
        "time": entry.time, "id": point.id, "value": value, "unit": point.unit, "quality": entry.quality(),
        "reasons": entry.reasons, "source_time": entry.source_time, "boot": entry.origin.boot,
        "sequence": entry.origin.sequence,
    })
}

fn events(reader: &Reader, subject: Option<&str>, range: Range, out: &mut Lines) -> Result<(), Failure> {
    out.names(&["time", "kind", "subject", "detail", "boot", "sequence"]);
    let mut count = 0_u64;
    for event in reader.events(subject, range) {
        let Logged { sequence, kind, boot, time, subject, detail } = event.map_err(failure)?;
        count += 1;
        let written = match out.format {
            Format::Csv => out.row(vec![
                time.to_string(),
                kind,
                subject,
                detail.to_string(),
                boot.to_string(),
                sequence.to_string(),
            ]),
            Format::Json | Format::Parquet => out.line(&json!({
                "time": time, "kind": kind, "subject": subject, "detail": detail, "boot": boot,
                "sequence": sequence,
            })),
        };
        if written.is_err() {
            return Ok(());
        }
    }
    out.end();
    if count == 0 {
        let of = subject.map(|subject| format!(" of {subject}")).unwrap_or_default();
        complain(&format!("note: no event{of} was recorded from {} to {}", range.from, range.to));
    }
    Ok(())
}

/// Lines on their way to stdout, many at once.
struct Lines {
    format: Format,
    waiting: csv::Writer<Vec<u8>>,
    text: String,
    count: usize,
}

impl Lines {
    fn new(format: Format) -> Self {
        Self { format, waiting: csv::Writer::from_writer(Vec::new()), text: String::new(), count: 0 }
    }

    fn names(&mut self, names: &[&str]) {
        if self.format == Format::Csv {
            // Into memory: it cannot fail.
            drop(self.waiting.write_record(names));
        }
    }

    fn row(&mut self, cells: Vec<String>) -> Result<(), crate::output::Gone> {
        drop(self.waiting.write_record(cells));
        self.counted()
    }

    fn line(&mut self, line: &Json) -> Result<(), crate::output::Gone> {
        self.text.push_str(&line.to_string());
        self.text.push('\n');
        self.counted()
    }

    fn counted(&mut self) -> Result<(), crate::output::Gone> {
        self.count += 1;
        if self.count.is_multiple_of(LINES_AT_ONCE) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), crate::output::Gone> {
        let rows = std::mem::replace(&mut self.waiting, csv::Writer::from_writer(Vec::new()));
        let rows = rows.into_inner().unwrap_or_default();
        let text = std::mem::take(&mut self.text) + &String::from_utf8_lossy(&rows);
        let text = text.trim_end_matches('\n');
        if text.is_empty() { Ok(()) } else { say(text) }
    }

    fn end(&mut self) {
        // Whoever read is gone: that is an end, too.
        let _ = self.flush();
    }
}
