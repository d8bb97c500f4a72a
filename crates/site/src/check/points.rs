//! Points: how they are served, scaled and made.

use std::time::Duration;

use config::Spanned;
use telemetry::scale::COUNTS_16_MAX;
use telemetry::{PointId, Scale, ScalePart, Unit, WireForm};

use super::devices::Wanted;
use super::{Check, Kind};
use crate::model::{Analog, Connection, Device, Digital, Heartbeat, Served};
use crate::raw::{RawAnalog, RawConnection, RawDigital, RawHeartbeat};

/// Ages are told in milliseconds up to a day.
const AGE_MS: (u64, u64) = (1, 86_400_000);

/// The fields of a point that say how it is served.
pub(crate) struct RawServed<'a> {
    pub(crate) id: &'a Spanned<String>,
    pub(crate) index: Option<&'a Spanned<u16>>,
    pub(crate) class: Option<&'a Spanned<u8>>,
    pub(crate) static_variation: Option<&'a Spanned<u8>>,
    pub(crate) event_variation: Option<&'a Spanned<u8>>,
}

macro_rules! raw_served {
    ($raw:expr) => {
        RawServed {
            id: &$raw.id,
            index: $raw.index.as_ref(),
            class: $raw.class.as_ref(),
            static_variation: $raw.static_variation.as_ref(),
            event_variation: $raw.event_variation.as_ref(),
        }
    };
}
pub(crate) use raw_served;

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

    const fn digital() -> Self {
        Self { kind: Kind::Digital, class: 1, stat: 2, stat_max: 2, event: 2, event_max: 3 }
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
    /// Enters a point's id and index, and settles how it is served.
    pub(crate) fn served(
        &mut self,
        field: &str,
        raw: &RawServed<'_>,
        can: &Variations,
        wire: Option<Scale>,
    ) -> Served {
        self.id(&format!("{field}.id"), raw.id);
        let id = PointId::from(raw.id.get_ref().as_str());
        if self.points.insert(id.clone(), can.kind).is_some() {
            self.problem(raw.id.span(), format!("{field}.id"), format!("there is already a point `{id}`"));
        }
        let index = raw
            .index
            .filter(|index| *index.get_ref() > 0)
            .and_then(|index| self.index(field, index, can.kind, &id));
        let class = raw.class.map_or(can.class, |class| *class.get_ref());
        if let Some(text) = raw.class.filter(|_| class > 3) {
            self.problem(
                text.span(),
                format!("{field}.class"),
                format!("{class}, allowed: 0 (no events), 1, 2, 3"),
            );
        }
        let static_variation = raw.static_variation.map_or(can.stat, |variation| *variation.get_ref());
        let event_variation = raw.event_variation.map_or(can.event, |variation| *variation.get_ref());
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
        Served { index, class, static_variation, event_variation }
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
        let form = raw.wire.map_or(WireForm::Counts, |form| *form.get_ref());
        let number = |text: Option<&Spanned<f64>>| text.map(|number| *number.get_ref());
        let (scale, errors) = Scale::described(form, number(raw.max_units), number(raw.max_counts));
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

    pub(crate) fn analog(&mut self, at: usize, raw: &RawAnalog, devices: &mut [Device]) -> Option<Analog> {
        let field = format!("analog[{at}]");
        let wire = self.wire(&field, &raw_scale!(raw));
        let served = self.served(&field, &raw_served!(raw), &Variations::analog(wire), Some(wire));
        let age_max = self.millis(format!("{field}.age_max_ms"), &raw.age_max_ms, AGE_MS);
        let range = raw.range.as_ref().map(|range| self.ordered(format!("{field}.range"), range));
        let deadband = raw.deadband.as_ref().map_or(0.0, |deadband| *deadband.get_ref());
        if let Some(text) = raw.deadband.as_ref().filter(|_| !(deadband.is_finite() && deadband >= 0.0)) {
            self.problem(text.span(), format!("{field}.deadband"), format!("{deadband}, must be 0 or above"));
        }
        let found = self.source(&format!("{field}.source"), &raw.source, Wanted::Number, devices)?;
        let unit = *raw.unit.get_ref();
        if unit.dimension() != found.unit.dimension() {
            let message = format!(
                "{unit} measures {:?}, but the source gives {} ({:?}); allowed: {}",
                unit.dimension(),
                found.unit,
                found.unit.dimension(),
                fitting(found.unit),
            );
            self.problem(raw.unit.span(), format!("{field}.unit"), message);
        }
        Some(Analog {
            id: raw.id.get_ref().as_str().into(),
            name: name(raw.name.as_ref(), &raw.id),
            served,
            device: found.device,
            reading: found.reading,
            source_unit: found.unit,
            unit,
            sign: raw.sign,
            wire,
            age_max,
            range,
            deadband,
        })
    }

    pub(crate) fn digital(&mut self, at: usize, raw: &RawDigital, devices: &mut [Device]) -> Option<Digital> {
        let field = format!("digital[{at}]");
        let served = self.served(&field, &raw_served!(raw), &Variations::digital(), None);
        let age_max = self.millis(format!("{field}.age_max_ms"), &raw.age_max_ms, AGE_MS);
        let found = self.source(&format!("{field}.source"), &raw.source, Wanted::State, devices)?;
        Some(Digital {
            id: raw.id.get_ref().as_str().into(),
            name: name(raw.name.as_ref(), &raw.id),
            served,
            device: found.device,
            reading: found.reading,
            age_max,
        })
    }

    pub(crate) fn heartbeat(&mut self, raw: &RawHeartbeat) -> Heartbeat {
        let wrap = *raw.wrap.get_ref();
        if !(2..=32_768).contains(&wrap) {
            self.problem(raw.wrap.span(), "heartbeat.wrap", format!("{wrap}, allowed: 2 to 32768"));
        }
        let wire = Scale::Counts { max_units: COUNTS_16_MAX, max_counts: COUNTS_16_MAX };
        let served = self.served("heartbeat", &raw_served!(raw), &Variations::analog(wire), Some(wire));
        let period: Duration = self.millis("heartbeat.period_ms", &raw.period_ms, (100, 3_600_000));
        Heartbeat {
            id: raw.id.get_ref().as_str().into(),
            name: name(raw.name.as_ref(), &raw.id),
            served,
            period,
            wrap,
        }
    }

    pub(crate) fn connection(&mut self, raw: &RawConnection) -> Connection {
        // Its inputs first: the connection itself is none of them.
        let all =
            raw.all.get_ref().iter().map(|id| self.point("connection.all", id, Kind::Digital)).collect();
        if raw.all.get_ref().is_empty() {
            self.problem(raw.all.span(), "connection.all", "at least one digital is needed");
        }
        let served = self.served("connection", &raw_served!(raw), &Variations::digital(), None);
        Connection {
            id: raw.id.get_ref().as_str().into(),
            name: name(raw.name.as_ref(), &raw.id),
            served,
            all,
        }
    }
}

/// The name, or the id where there is none.
pub(crate) fn name(name: Option<&String>, id: &Spanned<String>) -> std::sync::Arc<str> {
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

/// Units that convert with `unit`.
fn fitting(unit: Unit) -> String {
    let fitting = Unit::ALL.iter().filter(|other| other.dimension() == unit.dimension());
    fitting.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
