//! How points are called, served and scaled.

use std::sync::Arc;

use config::Spanned;
use telemetry::scale::COUNTS_16_MAX;
use telemetry::{PointId, Scale, ScalePart, WireForm};

use super::{Check, Kind};
use crate::defaults::{Defaults, ServedDefaults};
use crate::model::{Point, Served};
use crate::raw::RawServed;

/// Event classes are 1 to 3; 0 is none.
const CLASS_MAX: u8 = 3;

/// The fields of a point that say how it travels.
pub(crate) struct RawScale<'a> {
    pub(crate) id: &'a Spanned<String>,
    pub(crate) wire: Option<&'a Spanned<WireForm>>,
    pub(crate) max_units: Option<&'a Spanned<f64>>,
    pub(crate) max_counts: Option<&'a Spanned<f64>>,
}

macro_rules! raw_scale {
    ($raw:expr) => {
        RawScale {
            id: &$raw.id,
            wire: $raw.wire.as_ref(),
            max_units: $raw.max_units.as_ref(),
            max_counts: $raw.max_counts.as_ref(),
        }
    };
}
pub(crate) use raw_scale;

/// What the variations of a point can be.
pub(crate) struct Variations {
    pub(crate) kind: Kind,
    pub(crate) class: u8,
    pub(crate) stat: u8,
    pub(crate) stat_max: u8,
    pub(crate) event: u8,
    pub(crate) event_max: u8,
}

impl Variations {
    /// Of an analog: 16-bit counts where they fit, 32-bit counts where they do not, floats for engineering values.
    pub(crate) fn analog(wire: Scale) -> Self {
        let variation = match wire {
            Scale::Counts { .. } if wire.fits_16_bits() => 2,
            Scale::Counts { .. } => 1,
            Scale::Engineering => 5,
        };
        Self { kind: Kind::Analog, class: 2, stat: variation, stat_max: 6, event: variation, event_max: 8 }
    }

    /// Of an analog output's status (g40, g42).
    pub(crate) fn output(wire: Scale) -> Self {
        let (stat, event) = match wire {
            Scale::Counts { .. } if wire.fits_16_bits() => (2, 2),
            Scale::Counts { .. } => (1, 1),
            Scale::Engineering => (3, 5),
        };
        Self { kind: Kind::SetPoint, class: 2, stat, stat_max: 4, event, event_max: 8 }
    }

    pub(crate) const fn digital() -> Self {
        Self { kind: Kind::Digital, class: 1, stat: 2, stat_max: 2, event: 2, event_max: 3 }
    }

    /// What holds where the file says nothing.
    fn defaults(&self, all: &Defaults) -> ServedDefaults {
        match self.kind {
            Kind::Analog => all.analog,
            Kind::Digital => all.digital,
            Kind::SetPoint | Kind::Pulse => all.output,
        }
    }
}

/// What a variation carries.
#[derive(PartialEq, Eq)]
enum Carries {
    Counts16,
    Counts32,
    Float,
}

/// What a static (`stat`) or event variation of an analog or an output carries.
const fn carries(kind: Kind, stat: bool, variation: u8) -> Carries {
    match (kind, stat, variation) {
        (Kind::Analog, true, 2 | 4) | (Kind::SetPoint, true, 2) | (_, false, 2 | 4) => Carries::Counts16,
        (Kind::Analog, true, 1 | 3) | (Kind::SetPoint, true, 1) | (_, false, 1 | 3) => Carries::Counts32,
        _ => Carries::Float,
    }
}

impl Check<'_> {
    /// Enters a point's id and index, and settles what it is called and how it is served. `role` is the role that it
    /// has where the file gives none.
    pub(crate) fn enter(
        &mut self,
        field: &str,
        raw: &RawServed<'_>,
        role: Option<&str>,
        can: &Variations,
        wire: Option<Scale>,
    ) -> Point {
        self.id(&format!("{field}.id"), raw.id);
        let id = PointId::from(raw.id.get_ref().as_str());
        if self.points.insert(id.clone(), can.kind).is_some() {
            self.problem(raw.id.span(), format!("{field}.id"), format!("there is already a point `{id}`"));
        }
        let role = match raw.role {
            Some(text) => {
                self.word(&format!("{field}.role"), text, "a role");
                Some(Arc::from(text.get_ref().as_str()))
            }
            None => role.map(Arc::from),
        };
        let component =
            raw.component.and_then(|component| self.component(&format!("{field}.component"), component));
        let sheet_name = raw.sheet_name.map(|text| self.sheet_name(field, text, can.kind, &id));
        let served = self.served(field, raw, &id, role.as_deref(), can, wire);
        Point { id, name: name(raw.name, raw.id), served, role, component, sheet_name }
    }

    fn served(
        &mut self,
        field: &str,
        raw: &RawServed<'_>,
        id: &PointId,
        role: Option<&str>,
        can: &Variations,
        wire: Option<Scale>,
    ) -> Served {
        let given = raw.index.filter(|index| *index.get_ref() > 0);
        // Looked at even where the role is not served: another profile may serve it.
        let index = given.and_then(|index| self.index(field, index, can.kind, id));
        let defaults = can.defaults(self.defaults);
        let class = raw.class.map_or_else(
            || defaults.class.filter(|class| *class <= CLASS_MAX).unwrap_or(can.class),
            |class| *class.get_ref(),
        );
        if let Some(text) = raw.class.filter(|_| class > CLASS_MAX) {
            self.problem(
                text.span(),
                format!("{field}.class"),
                format!("{class}, allowed: 0 (no events), 1, 2, 3"),
            );
        }
        let fits = |variation: u8, max: u8, stat: bool| {
            let carries = carries(can.kind, stat, variation);
            (1..=max).contains(&variation) && wire.and_then(|wire| unfit(wire, &carries)).is_none()
        };
        let (stat, event) = (defaults.static_variation, defaults.event_variation);
        let stat = stat.filter(|variation| fits(*variation, can.stat_max, true)).unwrap_or(can.stat);
        let event = event.filter(|variation| fits(*variation, can.event_max, false)).unwrap_or(can.event);
        let static_variation = raw.static_variation.map_or(stat, |variation| *variation.get_ref());
        let event_variation = raw.event_variation.map_or(event, |variation| *variation.get_ref());
        let asked = [
            ("static_variation", raw.static_variation, can.stat_max, true),
            ("event_variation", raw.event_variation, can.event_max, false),
        ];
        for (name, text, max, stat) in asked {
            let Some(text) = text else { continue };
            let variation = *text.get_ref();
            if variation == 0 || variation > max {
                self.problem(
                    text.span(),
                    format!("{field}.{name}"),
                    format!("{variation}, allowed: 1 to {max}"),
                );
            } else if let Some(message) =
                wire.and_then(|wire| unfit(wire, &carries(can.kind, stat, variation)))
            {
                self.problem(text.span(), format!("{field}.{name}"), format!("{variation} {message}"));
            }
        }
        Served {
            index: index.filter(|_| self.serves(role)),
            sheet_index: given.map(|index| *index.get_ref()),
            class,
            static_variation,
            event_variation,
        }
    }

    /// What the ISO's sheet calls a point: no two of a table alike, or nobody knows which of them a row means.
    fn sheet_name(&mut self, field: &str, text: &Spanned<String>, kind: Kind, id: &PointId) -> Arc<str> {
        let field = format!("{field}.sheet_name");
        let name = self.line(&field, text);
        if let Some(other) = self.sheet_names.insert((kind, name.trim().into()), id.clone()) {
            let message = format!("`{name}` is already the sheet's name of {} `{other}`", kind.words());
            self.problem(text.span(), field, message);
        }
        name
    }

    /// Whether points of a role are served at all.
    pub(crate) fn serves(&self, role: Option<&str>) -> bool {
        let Some(roles) = &self.defaults.roles else { return true };
        role.is_some_and(|role| roles.contains(role))
    }

    /// Applies the offset.
    fn index(&mut self, field: &str, index: &Spanned<u16>, kind: Kind, id: &PointId) -> Option<u16> {
        let field = format!("{field}.index");
        let Ok(shifted) = u16::try_from(i64::from(*index.get_ref()) + i64::from(self.index_offset)) else {
            let message = format!("{} with index_offset {} is no index", index.get_ref(), self.index_offset);
            self.problem(index.span(), field, message);
            return None;
        };
        if let Some(other) = self.indexes.insert((kind, shifted), id.clone()) {
            let message = format!("{} is already the {} index of `{other}`", index.get_ref(), kind.words());
            self.problem(index.span(), field, message);
        }
        Some(shifted)
    }

    /// Counts or engineering units.
    pub(crate) fn wire(&mut self, field: &str, raw: &RawScale<'_>) -> Scale {
        let number = |text: Option<&Spanned<f64>>| text.map(|number| *number.get_ref());
        let (units, counts) = (number(raw.max_units), number(raw.max_counts));
        // Where only a profile asks for engineering values, a full scale in the file waits for another profile.
        let waits = raw.wire.is_none()
            && self.defaults.wire == WireForm::Engineering
            && (units.is_some() || counts.is_some());
        let form = match raw.wire {
            Some(form) => *form.get_ref(),
            None if waits => WireForm::Counts,
            None => self.defaults.wire,
        };
        let (scale, errors) = Scale::described(form, units, counts);
        let scale = if waits { Scale::Engineering } else { scale };
        for error in errors {
            let text = match error.part {
                ScalePart::Whole => None,
                ScalePart::MaxUnits => raw.max_units,
                ScalePart::MaxCounts => raw.max_counts,
            };
            let at = text.map_or_else(|| raw.id.span(), Spanned::span);
            self.problem(at, format!("{field}{}", error.part.suffix()), error.message);
        }
        scale
    }
}

/// The name, or the id where there is none.
fn name(name: Option<&String>, id: &Spanned<String>) -> Arc<str> {
    name.unwrap_or(id.get_ref()).as_str().into()
}

/// Why `wire` does not fit into a variation.
fn unfit(wire: Scale, carries: &Carries) -> Option<String> {
    match (wire, carries) {
        (Scale::Counts { max_counts, .. }, Carries::Counts16) if !wire.fits_16_bits() => {
            Some(format!("carries 16 bits, and max_counts {max_counts} is above {COUNTS_16_MAX}"))
        }
        (Scale::Engineering, Carries::Counts16 | Carries::Counts32) => {
            Some("carries whole numbers: engineering values need a variation with floats".to_owned())
        }
        _ => None,
    }
}
