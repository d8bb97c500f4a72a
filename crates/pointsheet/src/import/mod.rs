//! A sheet into `site.toml`. The file is somebody's work: its comments, its order and everything that the sheet does
//! not speak of stay as they are. Nothing of the sheet is lost in silence: a row that cannot become a point is told
//! with its reason, and so is a point that the sheet does not know.

mod apply;
mod edit;
mod fresh;
mod matching;
mod targets;

use std::collections::BTreeSet;
use std::fmt;

use telemetry::WireForm;
use toml_edit::DocumentMut;

use crate::model::{Kind, PointSheet, Row};
use targets::{Slot, Target};

/// What before the first character some editors put.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// How a sheet is imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Points that the sheet does not have are no longer served: their index becomes 0.
    pub unserve: bool,
    /// What `wire` is where a point of the file does not say it.
    pub wire: WireForm,
    /// Where the heartbeat wraps where the file does not say it.
    pub heartbeat_wrap: Option<u32>,
}

/// What an import made.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The file's new text.
    pub text: String,
    /// What was done and what was not, in the order of the sheet.
    pub steps: Vec<Step>,
}

impl Import {
    /// How many steps are of a sort.
    #[must_use]
    pub fn count(&self, of: fn(&Step) -> bool) -> usize {
        self.steps.iter().filter(|step| of(step)).count()
    }
}

/// One thing that was done, or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A field of a point has a new value.
    Updated {
        /// The point, such as ``analog `poi.mw` ``.
        point: String,
        /// The field.
        field: &'static str,
        /// Its old value as written; `None`: it was not there.
        old: Option<String>,
        /// Its new value as written.
        new: String,
    },
    /// A new point without a source.
    Added {
        /// The point.
        point: String,
        /// Its index; `None`: not served.
        index: Option<u16>,
        /// The row that it comes from.
        row: grid::Place,
    },
    /// The file has a point that the sheet does not have.
    Missing {
        /// The point.
        point: String,
        /// Its index in the file.
        index: u16,
        /// Whether its index became 0.
        unserved: bool,
    },
    /// A row of the sheet did not get into the file.
    NotImported(grid::Problem),
    /// Something that a user should look at.
    Note(grid::Problem),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Updated { point, field, old: Some(old), new } => {
                write!(f, "{point}: {field} {old} -> {new}")
            }
            Self::Updated { point, field, old: None, new } => write!(f, "{point}: {field} {new}"),
            Self::Added { point, index, row } => {
                let index = index.map_or("not served".to_owned(), |index| format!("index {index}"));
                write!(f, "{point}: new, {index}, without a source ({row})")
            }
            Self::Missing { point, index, unserved: true } => {
                write!(f, "{point}: not in the sheet, index {index} -> 0")
            }
            Self::Missing { point, index, unserved: false } => {
                write!(f, "{point}: not in the sheet, still served at index {index} (--unserve ends that)")
            }
            Self::NotImported(problem) => write!(f, "not imported: {problem}"),
            Self::Note(problem) => write!(f, "note: {problem}"),
        }
    }
}

/// The document under work.
pub(crate) struct Work {
    doc: DocumentMut,
    steps: Vec<Step>,
    /// Ids of all points, the new ones too.
    ids: BTreeSet<String>,
    wire: WireForm,
    heartbeat_wrap: Option<u32>,
}

/// Brings a sheet into the text of a `site.toml`.
///
/// Rows find their points by `sheet_name`, then by `id`, then by `name`. What comes out is text: whether it is a site
/// is for `site` to say, and the caller has to ask before it writes the file.
///
/// # Errors
/// Where the text is not TOML.
pub fn import(text: &str, sheet: &PointSheet, options: Options) -> Result<Import, String> {
    let (mark, plain) = match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(plain) => (true, plain),
        None => (false, text),
    };
    let doc: DocumentMut = plain.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    let mut targets = targets::targets(&doc);
    let ids = targets.iter().map(|target| target.id.clone()).collect();
    let mut work =
        Work { doc, steps: Vec::new(), ids, wire: options.wire, heartbeat_wrap: options.heartbeat_wrap };
    // Set points before their feedbacks, which take their unit and scale.
    for kind in [Kind::AnalogOutput, Kind::AnalogInput] {
        let rows = sheet.analogs(kind);
        for (row, target) in rows.iter().zip(matching::matches(kind, rows, &mut targets)) {
            match (target, kind) {
                (Some(target), _) => work.analog(row, kind, &target),
                (None, Kind::AnalogInput) => work.new_analog(row),
                (None, _) => {
                    let message = format!(
                        "no [[setpoint]] has sheet_name, id or name of `{}`, and a set point cannot be made of a row: \
                         it needs limits, an analog to follow and devices to drive",
                        row.point_name
                    );
                    work.steps.push(Step::NotImported(row.origin.place(kind).problem(message)));
                }
            }
        }
    }
    let rows = sheet.digitals(Kind::DigitalInput);
    let matches = matching::matches(Kind::DigitalInput, rows, &mut targets);
    for (row, target) in rows.iter().zip(matches) {
        match target {
            Some(target) => work.digital(row, &target),
            None => work.new_digital(row),
        }
    }
    for row in sheet.digitals(Kind::DigitalOutput) {
        let message = format!("`{}`: the device takes no commands of two states", row.point_name());
        work.steps.push(Step::NotImported(row.origin.place(Kind::DigitalOutput).problem(message)));
    }
    work.missing(sheet, &targets, options);
    let mut text = work.doc.to_string();
    if plain.contains("\r\n") {
        text = text.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    if mark {
        text.insert(0, BYTE_ORDER_MARK);
    }
    Ok(Import { text, steps: work.steps })
}

impl Work {
    fn note(&mut self, place: grid::Place, message: impl Into<String>) {
        self.steps.push(Step::Note(place.problem(message)));
    }

    /// Points of the file that the sheet does not have.
    fn missing(&mut self, sheet: &PointSheet, targets: &[Target], options: Options) {
        for target in targets.iter().filter(|target| !target.matched && sheet.has(target.slot.kind())) {
            let Some(index) = target.index else { continue };
            if options.unserve {
                self.set(target.slot, |holder| holder.set("index", 0_i64.into()));
            }
            let point = target.to_string();
            self.steps.push(Step::Missing { point, index, unserved: options.unserve });
        }
    }

    /// Changes a field of a point; what it was and what it is, where that differs.
    fn set<T>(&mut self, slot: Slot, change: impl FnOnce(&mut edit::Holder<'_>) -> Option<T>) -> Option<T> {
        let mut holder = targets::holder(&mut self.doc, slot)?;
        change(&mut holder)
    }
}
