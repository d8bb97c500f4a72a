//! A sheet as the rest of the program uses it: checked rows, and around them what people wrote.

use std::fmt;

use grid::{Cell, Place};
use telemetry::Unit;

use crate::frame::Frame;

/// Which of the four tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Measured quantities.
    AnalogInput,
    /// Set points.
    AnalogOutput,
    /// States.
    DigitalInput,
    /// Commands of two states.
    DigitalOutput,
}

impl Kind {
    /// All four, in the order of the sheets.
    pub const ALL: [Self; 4] =
        [Self::AnalogInput, Self::AnalogOutput, Self::DigitalInput, Self::DigitalOutput];

    /// Its name as a sheet.
    #[must_use]
    pub const fn sheet(self) -> &'static str {
        match self {
            Self::AnalogInput => "AI",
            Self::AnalogOutput => "AO",
            Self::DigitalInput => "DI",
            Self::DigitalOutput => "DO",
        }
    }

    /// Its name in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AnalogInput => "analog input",
            Self::AnalogOutput => "analog output",
            Self::DigitalInput => "digital input",
            Self::DigitalOutput => "digital output",
        }
    }

    /// Whether its rows have units and scaling.
    #[must_use]
    pub const fn is_analog(self) -> bool {
        matches!(self, Self::AnalogInput | Self::AnalogOutput)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// The four tables; `None`: not in the sheets that were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointSheet {
    /// Measured quantities.
    pub analog_inputs: Option<Table<Analog>>,
    /// Set points.
    pub analog_outputs: Option<Table<Analog>>,
    /// States.
    pub digital_inputs: Option<Table<Digital>>,
    /// Commands of two states.
    pub digital_outputs: Option<Table<Digital>>,
}

impl PointSheet {
    /// Four empty tables.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            analog_inputs: Some(Table::new(Kind::AnalogInput)),
            analog_outputs: Some(Table::new(Kind::AnalogOutput)),
            digital_inputs: Some(Table::new(Kind::DigitalInput)),
            digital_outputs: Some(Table::new(Kind::DigitalOutput)),
        }
    }

    /// The rows of a table of analog points; none where it is absent or digital.
    #[must_use]
    pub fn analogs(&self, kind: Kind) -> &[Analog] {
        let table = match kind {
            Kind::AnalogInput => self.analog_inputs.as_ref(),
            Kind::AnalogOutput => self.analog_outputs.as_ref(),
            Kind::DigitalInput | Kind::DigitalOutput => None,
        };
        table.map_or(&[], |table| &table.rows)
    }

    /// The rows of a table of digital points; none where it is absent or analog.
    #[must_use]
    pub fn digitals(&self, kind: Kind) -> &[Digital] {
        let table = match kind {
            Kind::DigitalInput => self.digital_inputs.as_ref(),
            Kind::DigitalOutput => self.digital_outputs.as_ref(),
            Kind::AnalogInput | Kind::AnalogOutput => None,
        };
        table.map_or(&[], |table| &table.rows)
    }

    /// Whether a table was in the sheets.
    #[must_use]
    pub const fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::AnalogInput => self.analog_inputs.is_some(),
            Kind::AnalogOutput => self.analog_outputs.is_some(),
            Kind::DigitalInput => self.digital_inputs.is_some(),
            Kind::DigitalOutput => self.digital_outputs.is_some(),
        }
    }

    /// Rows of all tables.
    #[must_use]
    pub fn points(&self) -> usize {
        Kind::ALL
            .iter()
            .map(|kind| self.analogs(*kind).len().saturating_add(self.digitals(*kind).len()))
            .sum()
    }
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<R> {
    /// Its rows in order.
    pub rows: Vec<R>,
    /// What stands around them.
    pub frame: Frame,
}

impl<R> Table<R> {
    /// An empty table with the usual columns.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { rows: Vec::new(), frame: Frame::standard(kind) }
    }
}

/// A row of the analog tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analog {
    /// 'Point Description'.
    pub description: String,
    /// 'Point Name'; unique in its table.
    pub point_name: String,
    /// 'Eng. Units' as spelled; empty only where the point is not served.
    pub unit_text: String,
    /// The unit that is meant; always there where the point is served.
    pub unit: Option<Unit>,
    /// 'RIG E/U Max Units': units at full scale, above 0; always there where the point is served.
    pub max_units: Option<f64>,
    /// 'RIG to CAISO Max Counts': counts at full scale, above 0; always there where the point is served.
    pub max_counts: Option<u32>,
    /// 'DNP Index'; `None`: not served.
    pub index: Option<u16>,
    /// Cells of columns that are not known, in their order.
    pub extra: Vec<Cell>,
    /// Where it was read.
    pub origin: Origin,
}

/// A row of the digital tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digital {
    /// 'Point Description'.
    pub description: String,
    /// 'Point Name'; unique in its table.
    pub point_name: String,
    /// 'DNP Index'; `None`: not served.
    pub index: Option<u16>,
    /// 'Point Logic 0/1'.
    pub states: Option<States>,
    /// Cells of columns that are not known, in their order.
    pub extra: Vec<Cell>,
    /// Where it was read.
    pub origin: Origin,
}

/// What the two values of a digital point mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct States {
    /// Text of 0.
    pub zero: String,
    /// Text of 1.
    pub one: String,
    /// How the sheet spells it.
    pub form: StateForm,
}

/// How a sheet spells the states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateForm {
    /// `Open\Closed`.
    #[default]
    Plain,
    /// `0\Open\1\Closed`.
    Numbered,
}

impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            StateForm::Plain => write!(f, "{}\\{}", self.zero, self.one),
            StateForm::Numbered => write!(f, "0\\{}\\1\\{}", self.zero, self.one),
        }
    }
}

/// Where a row was read. Two rows that say the same are equal wherever they stand.
#[derive(Clone, Debug, Default)]
pub struct Origin(pub Option<Place>);

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Origin {
    /// The place, or the sheet's kind where the row was not read from a file.
    pub(crate) fn place(&self, kind: Kind) -> Place {
        self.0.clone().unwrap_or_else(|| Place {
            file: "(no file)".into(),
            sheet: Some(kind.sheet().to_owned()),
            row: None,
            column: None,
        })
    }
}

/// What both kinds of rows have.
pub(crate) trait Row {
    fn description(&self) -> &str;
    fn point_name(&self) -> &str;
    fn index(&self) -> Option<u16>;
    /// The unit, where there is one.
    fn unit(&self) -> Option<Unit>;
}

macro_rules! row {
    ($type:ty, $unit:expr) => {
        impl Row for $type {
            fn description(&self) -> &str {
                &self.description
            }
            fn point_name(&self) -> &str {
                &self.point_name
            }
            fn index(&self) -> Option<u16> {
                self.index
            }
            fn unit(&self) -> Option<Unit> {
                let unit: fn(&Self) -> Option<Unit> = $unit;
                unit(self)
            }
        }
    };
}
row!(Analog, |row| row.unit);
row!(Digital, |_| None);
