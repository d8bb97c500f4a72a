//! A site as the ISO's sheet. The sheet knows counts only, and two texts without a backslash for states; what a site
//! has beyond that is told, not bent.

use std::sync::Arc;

use site::{Served, Site};
use telemetry::{Scale, Unit};

use crate::model::{Analog, Digital, Kind, Origin, PointSheet, StateForm, States};

/// What an export made.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The sheet, all four tables.
    pub sheet: PointSheet,
    /// What the sheet cannot say.
    pub notes: Vec<String>,
}

/// What all points have.
struct Point<'a> {
    id: &'a str,
    name: &'a str,
    sheet_name: Option<&'a Arc<str>>,
    served: Served,
}

macro_rules! point {
    ($of:expr) => {
        Point {
            id: $of.point.id.as_str(),
            name: &$of.point.name,
            sheet_name: $of.point.sheet_name.as_ref(),
            served: $of.point.served,
        }
    };
}

impl Point<'_> {
    /// The sheet's name for it, or its id where it has none.
    fn point_name(&self) -> String {
        self.sheet_name.map_or(self.id, |name| name).to_owned()
    }
}

/// The sheet of a site, each table in the order of the index, as the ISO's own is; what is not served comes last.
#[must_use]
pub fn export(site: &Site) -> Exported {
    let mut sheet = PointSheet::empty();
    let mut notes = Vec::new();
    let mut inputs = Vec::new();
    let mut outputs = Vec::new();
    if let Some(heartbeat) = &site.heartbeat {
        let wrap = f64::from(heartbeat.wrap);
        let scale = Scale::Counts { max_units: wrap, max_counts: wrap };
        inputs.extend(analog(&point!(heartbeat), Unit::Count, scale, &mut notes));
    }
    inputs.extend(site.analogs.iter().filter_map(|of| analog(&point!(of), of.unit, of.wire, &mut notes)));
    for of in &site.setpoints {
        outputs.extend(analog(&point!(of), of.unit, of.wire, &mut notes));
        inputs.extend(
            of.shown_in_sheet().filter_map(|one| analog(&point!(one), one.unit, one.wire, &mut notes)),
        );
    }
    let mut states = Vec::new();
    if let Some(of) = &site.connection {
        states.push(digital(&point!(of), of.states.as_ref(), &mut notes));
    }
    states.extend(site.digitals.iter().map(|of| digital(&point!(of), of.states.as_ref(), &mut notes)));
    let last = |index: Option<u16>| (index.is_none(), index);
    inputs.sort_by_key(|row| last(row.index));
    outputs.sort_by_key(|row| last(row.index));
    states.sort_by_key(|row| last(row.index));
    if let Some(table) = &mut sheet.analog_inputs {
        table.rows = inputs;
    }
    if let Some(table) = &mut sheet.analog_outputs {
        table.rows = outputs;
    }
    if let Some(table) = &mut sheet.digital_inputs {
        table.rows = states;
    }
    for kind in Kind::ALL {
        let names = sheet.analogs(kind).iter().map(|row| &row.point_name);
        let names = names.chain(sheet.digitals(kind).iter().map(|row| &row.point_name));
        let mut names: Vec<&String> = names.collect();
        names.sort_unstable();
        let twice = names.windows(2).filter_map(|pair| pair.first().filter(|name| pair.last() == Some(name)));
        for name in twice {
            notes.push(format!("two {kind}s are called `{name}`: give one another sheet_name"));
        }
    }
    Exported { sheet, notes }
}

fn analog(point: &Point<'_>, unit: Unit, scale: Scale, notes: &mut Vec<String>) -> Option<Analog> {
    let Scale::Counts { max_units, max_counts } = scale else {
        notes.push(format!(
            "`{}` is not in the sheet: it is served as engineering values, and the sheet has counts only",
            point.id
        ));
        return None;
    };
    // Within 32 bits and whole, or the site would not have been read.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 2147483647")]
    let max_counts = max_counts as u32;
    Some(Analog {
        description: point.name.to_owned(),
        point_name: point.point_name(),
        unit_text: unit.text().to_owned(),
        unit: Some(unit),
        max_units: Some(max_units),
        max_counts: Some(max_counts),
        index: point.served.sheet_index,
        extra: Vec::new(),
        origin: Origin::default(),
    })
}

fn digital(point: &Point<'_>, states: Option<&[Arc<str>; 2]>, notes: &mut Vec<String>) -> Digital {
    let states = states.and_then(|[zero, one]| {
        if zero.contains('\\') || one.contains('\\') {
            notes.push(format!("the states of `{}` are not in the sheet: they hold a backslash", point.id));
            return None;
        }
        // A word that is a number would be taken for the number of the other spelling.
        let number = |word: &str| matches!(word, "0" | "1");
        let form = if number(zero) || number(one) { StateForm::Numbered } else { StateForm::Plain };
        Some(States { zero: zero.to_string(), one: one.to_string(), form })
    });
    Digital {
        description: point.name.to_owned(),
        point_name: point.point_name(),
        index: point.served.sheet_index,
        states,
        extra: Vec::new(),
        origin: Origin::default(),
    }
}
