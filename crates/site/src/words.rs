//! What a site says, in words for people: papers, the story of a point, and what a reload would change.

mod made;

use std::time::Duration;

use crate::{
    Access, Control, Device, Form, Place, ReadingIx, RegisterTable, RegisterType, Registers, Switch,
    WordOrder,
};

/// `4 s`, `500 ms`.
#[must_use]
pub fn duration(time: Duration) -> String {
    match time.as_millis() {
        millis if millis % 1_000 == 0 => format!("{} s", time.as_secs()),
        millis => format!("{millis} ms"),
    }
}

impl Control {
    /// `by SunSpec 704, 1000000 W a unit`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::SunSpec704 { watts_per_unit } => format!("by SunSpec 704, {watts_per_unit} W a unit"),
            Self::SunSpec123 { percent_per_unit } => {
                format!("by SunSpec 123, {percent_per_unit} per cent a unit")
            }
            Self::Registers(registers) => {
                let Registers { register, kind, word_order, steps_per_unit, enable } = registers;
                let enable = enable.map(|Switch { register, on, off }| {
                    format!(", switched by register {register}, {on} on, {off} off")
                });
                format!(
                    "by holding register {register}, {}{}, {steps_per_unit} steps a unit{}",
                    kind.text(),
                    order(*word_order, *kind),
                    enable.unwrap_or_default()
                )
            }
        }
    }
}

impl Device {
    /// Where a reading lies and what becomes of it: `holding register 40072, i16, times 0.1`. Empty where there is none.
    #[must_use]
    pub fn place_in_words(&self, at: ReadingIx) -> String {
        let Some(spec) = self.readings.get(at.get()) else { return String::new() };
        let place = match spec.place {
            Place::SunSpec(point) => format!("SunSpec {}.{}", point.model, point.name),
            Place::Register { table, register, kind, word_order } => {
                let table = match table {
                    RegisterTable::Holding => "holding",
                    RegisterTable::Input => "input",
                };
                format!("{table} register {register}, {}{}", kind.text(), order(word_order, kind))
            }
            Place::Dnp3 { kind, index } => format!("DNP3 {} {index}", kind.text()),
            Place::Column(at) => match &self.access {
                Access::Csv(csv) => format!("column {}", csv.columns.get(at).map_or("", |heading| heading)),
                _ => String::new(),
            },
            Place::Metric(at) => match &self.access {
                Access::Sparkplug(sparkplug) => {
                    format!("metric {}", sparkplug.metrics.get(at).map_or("", |name| name))
                }
                _ => String::new(),
            },
            Place::Node(at) => match &self.access {
                Access::OpcUa(opcua) => format!("node {}", opcua.nodes.get(at).map_or("", |id| id)),
                _ => String::new(),
            },
        };
        place + &form(spec.form)
    }
}

const fn order(word_order: WordOrder, kind: RegisterType) -> &'static str {
    match word_order {
        WordOrder::Little if kind.registers() > 1 => ", low word first",
        _ => "",
    }
}

fn form(form: Form) -> String {
    let times = |scale: f64| {
        if (scale - 1.0).abs() > f64::EPSILON { format!(", times {scale}") } else { String::new() }
    };
    match form {
        Form::Number { scale } => times(scale),
        Form::Bits { low, count, scale } => format!(", {count} bits from bit {low}{}", times(scale)),
        Form::State => String::new(),
        Form::Bit(bit) => format!(", bit {bit}"),
        Form::Equals(value) => format!(", equals {value}"),
    }
}
