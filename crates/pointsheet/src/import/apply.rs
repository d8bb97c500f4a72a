//! What a row says into the point that it means.

use telemetry::scale::COUNTS_16_MAX;
use telemetry::{Unit, WireForm};
use toml_edit::{Array, Value};

use super::edit::Holder;
use super::targets::{Slot, Target, holder};
use super::{Step, Work};
use crate::frame::Field;
use crate::model::{Analog, Digital, Kind, Row, States};

/// What the heartbeat may count to, as `site` allows it.
const WRAP: std::ops::RangeInclusive<u32> = 2..=32_768;

impl Work {
    /// A row of analog inputs or outputs into its point.
    pub(crate) fn analog(&mut self, row: &Analog, kind: Kind, target: &Target) {
        match target.slot {
            Slot::Analog(_) | Slot::SetPoint(_) => {
                if let Some(why) = self.unit(row, target) {
                    let message = format!("`{}` is {target}, {why}", row.point_name);
                    self.steps.push(Step::NotImported(row.origin.place(kind).problem(message)));
                    return;
                }
                self.scale(row, kind, target);
            }
            Slot::Heartbeat => self.heartbeat(row, target),
            Slot::Feedback(at) => self.feedback(row, at, target),
            Slot::Shown(..) => self.shown(row, target),
            Slot::Digital(_) | Slot::Connection => {}
        }
        self.names(row, target);
    }

    /// A row of digital inputs into its point.
    pub(crate) fn digital(&mut self, row: &Digital, target: &Target) {
        if let Some(states) = &row.states {
            self.update(target, "states", states_value(states));
        }
        self.names(row, target);
    }

    /// Index and names.
    fn names<R: Row>(&mut self, row: &R, target: &Target) {
        match (row.index(), target.index) {
            (None, None) => {}
            (index, _) => self.update(target, "index", i64::from(index.unwrap_or(0)).into()),
        }
        // A point without names is called by its id, in a sheet that was made from it too.
        if target.name.is_some() || row.description() != target.id {
            self.update(target, "name", row.description().into());
        }
        if target.sheet_name.is_some() || row.point_name() != target.id {
            self.update(target, "sheet_name", row.point_name().into());
        }
    }

    fn update(&mut self, target: &Target, field: &'static str, value: Value) {
        let changed = self.set(target.slot, |holder| holder.set(field, value));
        self.told(target, field, changed);
    }

    fn told(&mut self, target: &Target, field: &'static str, changed: Option<(Option<String>, String)>) {
        if let Some((old, new)) = changed {
            self.steps.push(Step::Updated { point: target.to_string(), field, old, new });
        }
    }

    /// The unit, and with it everything of the point that is given in it; why it cannot be where it cannot.
    fn unit(&mut self, row: &Analog, target: &Target) -> Option<String> {
        let new = row.unit?;
        let holder = holder(&mut self.doc, target.slot)?;
        let old: Unit = holder.text("unit")?.parse().ok()?;
        if old == new {
            return None;
        }
        let given_in_it = ["range", "deadband", "accuracy", "limits"];
        let bound = holder.has("source") || given_in_it.iter().any(|key| holder.has(key));
        if old.dimension() != new.dimension() {
            if bound {
                return Some(format!("which is in {old}: {new} measures something else"));
            }
            self.update(target, "unit", new.text().into());
            return None;
        }
        self.update(target, "unit", new.text().into());
        for key in given_in_it {
            let changed =
                self.set(target.slot, |holder| holder.convert(key, &|number| old.convert(number, new)));
            self.told(target, key, changed);
        }
        None
    }

    fn scale(&mut self, row: &Analog, kind: Kind, target: &Target) {
        let engineering = match self.set(target.slot, |holder| holder.text("wire")) {
            Some(wire) => wire == "engineering",
            None => self.wire == WireForm::Engineering,
        };
        if engineering {
            if row.max_units.is_some() && row.index.is_some() {
                let message = format!(
                    "{target} is served as engineering values (`wire`): `{}` and `{}` are not taken",
                    Field::MaxUnits.title(),
                    Field::MaxCounts.title()
                );
                self.note(row.origin.place(kind), message);
            }
            return;
        }
        if let Some(max_units) = row.max_units {
            self.update(target, "max_units", max_units.into());
        }
        if let Some(max_counts) = row.max_counts {
            self.update(target, "max_counts", i64::from(max_counts).into());
        }
    }

    /// The heartbeat counts up to the sheet's full scale, one count for one unit.
    fn heartbeat(&mut self, row: &Analog, target: &Target) {
        let (Some(units), Some(counts)) = (row.max_units, row.max_counts) else { return };
        if units == f64::from(counts) && WRAP.contains(&counts) {
            let silent = self.set(target.slot, |holder| (!holder.has("wrap")).then_some(())).is_some();
            // What the profile gives is not written down: it would outlive the profile.
            if !silent || self.heartbeat_wrap.map(i64::from) != Some(i64::from(counts)) {
                self.update(target, "wrap", i64::from(counts).into());
            }
        } else {
            let message = format!(
                "{target} counts 1 for 1 and wraps at {} to {} counts: {units} units = {counts} counts is not taken",
                WRAP.start(),
                WRAP.end()
            );
            self.note(row.origin.place(Kind::AnalogInput), message);
        }
    }

    /// What a set point shows has a unit of its own, and a code no scale; a row that says otherwise is told.
    fn shown(&mut self, row: &Analog, target: &Target) {
        let scaled =
            self.set(target.slot, |holder| Some((holder.number("max_units"), holder.number("max_counts"))));
        let (units, counts) = match scaled {
            Some((Some(units), Some(counts))) => (units, counts),
            _ => (COUNTS_16_MAX, COUNTS_16_MAX),
        };
        let other = row.max_units.is_some_and(|own| own != units)
            || row.max_counts.is_some_and(|own| f64::from(own) != counts);
        if other {
            let message = format!(
                "{target} is served as {units} = {counts} counts; the row says otherwise and that is not taken"
            );
            self.note(row.origin.place(Kind::AnalogInput), message);
        }
    }

    /// A feedback has the unit and the scale of its set point; a row that says otherwise is told.
    fn feedback(&mut self, row: &Analog, at: usize, target: &Target) {
        let has = |holder: &Holder<'_>| {
            (holder.text("unit"), holder.number("max_units"), holder.number("max_counts"))
        };
        let setpoint = self.set(Slot::SetPoint(at), |holder| Some(has(holder)));
        let Some((unit, Some(units), Some(counts))) = setpoint else { return };
        let same_unit = row.unit.is_none_or(|own| unit.as_deref() == Some(own.text()));
        let same = row.max_units.is_none_or(|own| own == units)
            && row.max_counts.is_none_or(|own| f64::from(own) == counts);
        if !(same_unit && same) {
            let message = format!(
                "{target} is served with the unit and scale of its set point, {units} {} = {counts} counts; \
                 the row says otherwise and that is not taken",
                unit.unwrap_or_default()
            );
            self.note(row.origin.place(Kind::AnalogInput), message);
        }
    }
}

/// The states as `site.toml` has them.
pub(crate) fn states_value(states: &States) -> Value {
    Value::Array(Array::from_iter([states.zero.as_str(), states.one.as_str()]))
}
