//! Rows without a point: they become points without a source, which are served as never read until somebody maps
//! them. So the ISO sees every index of its sheet, and nothing that is not there is ever shown as good.

use telemetry::WireForm;
use toml_edit::{ArrayOfTables, InlineTable, Item, Table, Value};

use super::apply::states_value;
use super::edit::spaced;
use super::matching::id;
use super::{Step, Work};
use crate::model::{Analog, Digital, Kind, Origin, Row};

impl Work {
    /// A new analog without a source.
    pub(crate) fn new_analog(&mut self, row: &Analog) {
        let (Some(unit), Some(max_units), Some(max_counts)) = (row.unit, row.max_units, row.max_counts)
        else {
            let message = format!("`{}` is not served and has no unit or no scale", row.point_name);
            self.steps.push(Step::NotImported(row.origin.place(Kind::AnalogInput).problem(message)));
            return;
        };
        let mut fields = vec![
            ("unit", unit.text().into()),
            ("max_units", max_units.into()),
            ("max_counts", i64::from(max_counts).into()),
        ];
        if self.wire != WireForm::Counts {
            // The sheet speaks of counts.
            fields.push(("wire", "counts".into()));
        }
        self.add("analog", row, &row.origin, fields);
    }

    /// A new digital without a source.
    pub(crate) fn new_digital(&mut self, row: &Digital) {
        let states = row.states.as_ref().map(|states| ("states", states_value(states)));
        self.add("digital", row, &row.origin, states.into_iter().collect());
    }

    fn add<R: Row>(&mut self, key: &'static str, row: &R, origin: &Origin, more: Vec<(&'static str, Value)>) {
        let id = self.free_id(row);
        let mut fields: Vec<(&str, Value)> = vec![
            ("id", id.as_str().into()),
            ("name", row.description().into()),
            ("sheet_name", row.point_name().into()),
        ];
        if let Some(index) = row.index() {
            fields.push(("index", i64::from(index).into()));
        }
        fields.extend(more);
        let entry = self.doc.entry(key).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        match entry {
            Item::ArrayOfTables(tables) => {
                let mut table: Table =
                    fields.into_iter().map(|(key, value)| (key, Item::Value(value))).collect();
                spaced(&mut table);
                tables.push(table);
            }
            Item::Value(Value::Array(values)) => {
                let table: InlineTable = fields.into_iter().collect();
                values.push(Value::InlineTable(table));
            }
            // No site has anything else there.
            _ => return,
        }
        let kind = if key == "analog" { Kind::AnalogInput } else { Kind::DigitalInput };
        self.steps.push(Step::Added {
            point: format!("{key} `{id}`"),
            index: row.index(),
            row: origin.place(kind),
        });
    }

    /// An id that no point has: made from the point's name, with a number where that is taken.
    fn free_id<R: Row>(&mut self, row: &R) -> String {
        let made = id(row.point_name());
        let made = if made.is_empty() { "point".to_owned() } else { made };
        let numbered = (2_u32..).map(|number| format!("{made}.{number}"));
        let free =
            std::iter::once(made.clone()).chain(numbered).find(|id| !self.ids.contains(id)).unwrap_or(made);
        self.ids.insert(free.clone());
        free
    }
}
