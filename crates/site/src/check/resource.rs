//! The Master File's figures, the parts of the plant and its met stations.

use std::ops::RangeInclusive;
use std::sync::Arc;

use config::Spanned;

use super::Check;
use crate::raw::{RawComponent, RawFigures, RawLocation, RawResource, RawStation};
use crate::resource::{Component, ComponentIx, Figures, Location, MasterFile, Station, StationIx};

const LATITUDE: RangeInclusive<f64> = -90.0..=90.0;
const LONGITUDE: RangeInclusive<f64> = -180.0..=180.0;
/// No land lies lower or higher: feet given as metres, and the like.
const ELEVATION_M: RangeInclusive<f64> = -500.0..=9_000.0;

impl Check<'_> {
    pub(crate) fn master_file(&mut self, raw: &RawResource) -> MasterFile {
        let mut services = Vec::new();
        for text in raw.services.iter().flat_map(Spanned::get_ref) {
            let service = *text.get_ref();
            if services.contains(&service) {
                self.problem(text.span(), "resource.services", format!("`{service}` is listed twice"));
            }
            services.push(service);
        }
        MasterFile {
            id: raw.id.as_ref().map(|id| {
                self.id("resource.id", id);
                id.get_ref().as_str().into()
            }),
            figures: self.figures("resource", &raw.figures()),
            services: raw.services.is_some().then_some(services),
            area: raw.area,
            device_name: raw.device_name.as_ref().map(|name| self.line("resource.device_name", name)),
            location: self.location("resource", &raw.location()),
        }
    }

    pub(crate) fn components(&mut self, raw: &[RawComponent]) {
        for (at, raw) in raw.iter().enumerate() {
            let field = format!("component[{at}]");
            self.id(&format!("{field}.id"), &raw.id);
            let id: Arc<str> = raw.id.get_ref().as_str().into();
            if self.components.iter().any(|known| known.id == id) {
                let message = format!("there is already a component `{id}`");
                self.problem(raw.id.span(), format!("{field}.id"), message);
            }
            let figures = self.figures(&field, &raw.figures());
            let location = self.location(&field, &raw.location());
            self.components.push(Component { id, kind: raw.kind, figures, location });
        }
    }

    pub(crate) fn stations(&mut self, raw: &[RawStation]) {
        for (at, raw) in raw.iter().enumerate() {
            let field = format!("station[{at}]");
            self.id(&format!("{field}.id"), &raw.id);
            let id: Arc<str> = raw.id.get_ref().as_str().into();
            if self.stations.iter().any(|known| known.id == id) {
                let message = format!("there is already a station `{id}`");
                self.problem(raw.id.span(), format!("{field}.id"), message);
            }
            let component = raw
                .component
                .as_ref()
                .and_then(|component| self.component(&format!("{field}.component"), component));
            let location = self.location(&field, &raw.location());
            self.stations.push(Station {
                id,
                kind: raw.kind.unwrap_or_default(),
                component,
                location,
                independent_power: raw.independent_power,
            });
        }
    }

    /// A part of the plant that must exist.
    pub(crate) fn component(&mut self, field: &str, id: &Spanned<String>) -> Option<ComponentIx> {
        let found = self.components.iter().position(|known| &*known.id == id.get_ref().as_str());
        if found.is_none() {
            let known = self.components.iter().map(|known| &*known.id);
            let message = unknown("component", id.get_ref(), known);
            self.problem(id.span(), field, message);
        }
        found.map(ComponentIx::new)
    }

    /// A met station that must exist.
    pub(crate) fn station(&mut self, field: &str, id: &Spanned<String>) -> Option<StationIx> {
        let found = self.stations.iter().position(|known| &*known.id == id.get_ref().as_str());
        if found.is_none() {
            let known = self.stations.iter().map(|known| &*known.id);
            let message = unknown("station", id.get_ref(), known);
            self.problem(id.span(), field, message);
        }
        found.map(StationIx::new)
    }

    fn figures(&mut self, field: &str, raw: &RawFigures<'_>) -> Figures {
        let mut above_zero = |name: &str, value: Option<&Spanned<f64>>| {
            value.map(|value| self.above_zero(format!("{field}.{name}"), value))
        };
        let capacity_mw = above_zero("capacity_mw", raw.capacity_mw);
        let ramp_mw_per_min = above_zero("ramp_mw_per_min", raw.ramp_mw_per_min);
        let mut number = |name: &str, value: Option<&Spanned<f64>>, lowest: f64| {
            value.map(|value| {
                let number = *value.get_ref();
                if !(number.is_finite() && number >= lowest) {
                    let allowed = if lowest == 0.0 { "0 or above" } else { "a number" };
                    let message = format!("{number}, must be {allowed}");
                    self.problem(value.span(), format!("{field}.{name}"), message);
                }
                number
            })
        };
        let figures = Figures {
            capacity_mw,
            pmin_mw: number("pmin_mw", raw.pmin_mw, f64::NEG_INFINITY),
            pmax_mw: number("pmax_mw", raw.pmax_mw, f64::NEG_INFINITY),
            energy_min_mwh: number("energy_min_mwh", raw.energy_min_mwh, 0.0),
            energy_max_mwh: number("energy_max_mwh", raw.energy_max_mwh, 0.0),
            ramp_mw_per_min,
        };
        self.not_above(&format!("{field}.pmin_mw"), raw.pmin_mw, "pmax_mw", figures.pmax_mw);
        let energy = (raw.energy_min_mwh, figures.energy_max_mwh);
        self.not_above(&format!("{field}.energy_min_mwh"), energy.0, "energy_max_mwh", energy.1);
        figures
    }

    /// A least figure that must not be above its most.
    fn not_above(&mut self, field: &str, least: Option<&Spanned<f64>>, name: &str, most: Option<f64>) {
        if let (Some(least), Some(most)) = (least, most)
            && *least.get_ref() > most
        {
            let message = format!("{} is above {name} {most}", least.get_ref());
            self.problem(least.span(), field, message);
        }
    }

    fn location(&mut self, field: &str, raw: &RawLocation<'_>) -> Location {
        let mut within = |name: &str, value: Option<&Spanned<f64>>, allowed: RangeInclusive<f64>| {
            value.map(|value| {
                let number = *value.get_ref();
                if !allowed.contains(&number) {
                    let message = format!("{number}, allowed: {} to {}", allowed.start(), allowed.end());
                    self.problem(value.span(), format!("{field}.{name}"), message);
                }
                number
            })
        };
        Location {
            latitude: within("latitude", raw.latitude, LATITUDE),
            longitude: within("longitude", raw.longitude, LONGITUDE),
            elevation_m: within("elevation_m", raw.elevation_m, ELEVATION_M),
        }
    }
}

fn unknown<'a>(what: &str, id: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    if known.is_empty() {
        return format!("there is no {what} `{id}`, and no [[{what}]] at all");
    }
    format!("there is no {what} `{id}`, known: {}", known.join(", "))
}
