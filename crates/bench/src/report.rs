//! What was measured, as a table and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::Failure;

/// Whether a bar is a floor or a ceiling of the ratio.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Bar {
    /// The ratio may not be above.
    AtMost(f64),
    /// The ratio may not be below.
    AtLeast(f64),
}

impl Bar {
    fn met(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(bar) => ratio <= bar,
            Self::AtLeast(bar) => ratio >= bar,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(bar) => format!("<= {bar}"),
            Self::AtLeast(bar) => format!(">= {bar}"),
        }
    }
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) floor: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bar: Option<Bar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) met: Option<bool>,
    /// opendnp3 in this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) opendnp3_here: Option<f64>,
    /// opendnp3, measured on another machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) opendnp3_elsewhere: Option<f64>,
}

/// Where the table goes in a document.
const BEGIN: &str = "<!-- table: begin -->\n";
const END: &str = "<!-- table: end -->";

/// All figures of a run, said one by one as they come.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: String,
    runs: usize,
    rows: Vec<Row>,
}

/// What this machine says of itself.
fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{}, {cores} cores", model.unwrap_or("unknown processor"))
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { machine: machine(), runs: crate::meter::RUNS, rows: Vec::new() }
    }

    /// A document with the table in its place.
    pub(crate) fn placed_in(&self, text: &str) -> Result<String, Failure> {
        let (head, rest) = text.split_once(BEGIN).ok_or("the document has no place for the table")?;
        let (_, tail) = rest.split_once(END).ok_or("the place for the table has no end")?;
        Ok(format!("{head}{BEGIN}{}, medians of {}:\n\n{}{END}{tail}", self.machine, self.runs, self.table()))
    }

    pub(crate) fn alone(&mut self, what: &str, unit: &'static str, ours: f64) -> &mut Row {
        self.push(Row {
            what: what.to_owned(),
            unit,
            ours,
            floor: None,
            ratio: None,
            bar: None,
            met: None,
            opendnp3_here: None,
            opendnp3_elsewhere: None,
        })
    }

    pub(crate) fn beside(
        &mut self,
        what: &str,
        unit: &'static str,
        (ours, floor): (f64, f64),
        bar: Option<Bar>,
    ) -> &mut Row {
        let ratio = ours / floor;
        let row = self.alone(what, unit, ours);
        row.floor = Some(floor);
        row.ratio = Some(ratio);
        row.bar = bar;
        row.met = bar.map(|bar| bar.met(ratio));
        row
    }

    fn push(&mut self, row: Row) -> &mut Row {
        eprintln!("bench: {}", row.what);
        self.rows.push(row);
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }

    /// Markdown.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from(
            "| what | unit | ours | floor | ratio | bar | | opendnp3 in this run | opendnp3 elsewhere |\n\
             |---|---|---:|---:|---:|---|---|---:|---:|\n",
        );
        let cell = |value: Option<f64>| value.map(figure).unwrap_or_default();
        for row in &self.rows {
            let met = row.met.map_or("", |met| if met { "met" } else { "NOT MET" });
            // A string takes whatever is written to it.
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {met} | {} | {} |",
                row.what,
                row.unit,
                figure(row.ours),
                cell(row.floor),
                cell(row.ratio),
                row.bar.map(Bar::text).unwrap_or_default(),
                cell(row.opendnp3_here),
                cell(row.opendnp3_elsewhere),
            );
        }
        out
    }
}

/// Three significant digits.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}
