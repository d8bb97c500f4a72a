//! High sustainable limits and energy limits: that their figures fit each other, and that it is known what holds the
//! plant back.

use std::time::Duration;

use config::Spanned;
use telemetry::{Dimension, Unit};

use super::derive::Asked;
use super::{Check, Kind};
use crate::derive::Term;
use crate::hsl::{Available, Curtailed, EnergyLimit, Hsl, Resource};
use crate::raw::{RawDerive, RawOp};

/// A plant's part of what its model says: beyond these the model is of another plant.
const RATIO: std::ops::RangeInclusive<f64> = 0.5..=1.3;
/// Per cent a degree: modules lose, and none loses this much.
const GAMMA: std::ops::RangeInclusive<f64> = -1.0..=0.0;
/// Where the file says nothing: seconds for learning and for smoothing, and parts of the capacity.
const LEARN_S: u64 = 600;
const SMOOTH_S: u64 = 60;
const TOLERANCE: f64 = 0.01;
const DIFFER: f64 = 0.2;
/// Allowed seconds for learning and smoothing.
const LEARN_ALLOWED: (u64, u64) = (60, 86_400);
const SMOOTH_ALLOWED: (u64, u64) = (1, 3_600);

impl Check<'_> {
    /// `hsl-sun` and `hsl-wind`.
    pub(super) fn hsl(&mut self, field: &str, raw: &RawDerive, unit: Unit) -> Option<Hsl> {
        if unit.dimension() != Dimension::ActivePower {
            let message = format!("gives a power, and the point is in {unit}; allowed: W, kW, MW");
            self.problem(raw.op.span(), format!("{field}.op"), message);
        }
        let power = self.terms(field, raw, Asked::Power)?.pop();
        let capacity = self.needed(field, raw, "capacity_mw", raw.capacity_mw.as_ref());
        let capacity_mw = capacity.map(|text| self.above_zero(format!("{field}.capacity_mw"), text));
        let curtailed = self.curtailed(field, raw, capacity_mw.unwrap_or(1.0));
        let available = self.available(field, raw);
        let resource = match raw.op.get_ref() {
            RawOp::HslWind => self.wind(field, raw),
            _ => self.sun(field, raw, capacity_mw.unwrap_or(1.0)),
        };
        let ratio = raw.ratio.as_ref().map_or(1.0, |text| {
            let ratio = *text.get_ref();
            if !RATIO.contains(&ratio) {
                let message = format!("{ratio}, allowed: {} to {}", RATIO.start(), RATIO.end());
                self.problem(text.span(), format!("{field}.ratio"), message);
            }
            ratio
        });
        let mut time = |name: &str, text: Option<&Spanned<u64>>, none: u64, allowed: (u64, u64)| {
            text.map_or(Duration::from_secs(none), |text| {
                self.seconds(format!("{field}.{name}"), text, allowed)
            })
        };
        let learn = time("learn_s", raw.learn_s.as_ref(), LEARN_S, LEARN_ALLOWED);
        let smooth = time("smooth_s", raw.smooth_s.as_ref(), SMOOTH_S, SMOOTH_ALLOWED);
        let mut figure = |name: &str, text: Option<&Spanned<f64>>, part: f64| {
            text.map_or(capacity_mw.unwrap_or(1.0) * part, |text| {
                self.above_zero(format!("{field}.{name}"), text)
            })
        };
        let tolerance_mw = figure("tolerance_mw", raw.tolerance_mw.as_ref(), TOLERANCE);
        let differ_max_mw = figure("differ_max", raw.differ_max.as_ref(), DIFFER);
        Some(Hsl {
            power: power?,
            resource: resource?,
            available: available?,
            curtailed: curtailed?,
            capacity_mw: capacity_mw?,
            ratio,
            learn,
            smooth,
            tolerance_mw,
            differ_max_mw,
        })
    }

    fn curtailed(&mut self, field: &str, raw: &RawDerive, capacity_mw: f64) -> Option<Curtailed> {
        if let (Some(band), None) = (&raw.band_mw, &raw.limited_to) {
            self.problem(band.span(), format!("{field}.band_mw"), "`band_mw` goes with `limited_to`");
        }
        match (&raw.curtailed, &raw.limited_to) {
            (Some(state), None) => {
                Some(Curtailed::State(self.point(format!("{field}.curtailed"), state, Kind::Digital)))
            }
            (None, Some(limit)) => {
                let limit = self.term(&format!("{field}.limited_to"), limit, Asked::Power)?;
                let band_mw = raw.band_mw.as_ref().map_or(capacity_mw * TOLERANCE, |band| {
                    self.above_zero(format!("{field}.band_mw"), band)
                });
                Some(Curtailed::AtLimit { limit, band_mw })
            }
            _ => {
                let message = "exactly one of `curtailed` (a digital) and `limited_to` (the limit in force) is \
                               needed: power alone does not tell what could be made";
                self.problem(raw.op.span(), field, message);
                None
            }
        }
    }

    /// `available` and `units`: both or none.
    fn available(&mut self, field: &str, raw: &RawDerive) -> Option<Option<Available>> {
        match (&raw.available, &raw.units) {
            (None, None) => Some(None),
            (Some(of), Some(_)) => {
                let of = self.term(&format!("{field}.available"), of, Asked::Number);
                let units = self.units(field, raw)?;
                Some(Some(Available { of: of?, units }))
            }
            _ => {
                self.problem(raw.op.span(), field, "`available` and `units` go together");
                None
            }
        }
    }

    fn units(&mut self, field: &str, raw: &RawDerive) -> Option<f64> {
        let text = self.needed(field, raw, "units", raw.units.as_ref())?;
        if *text.get_ref() == 0 {
            self.problem(text.span(), format!("{field}.units"), "0, must be above 0");
        }
        Some(f64::from(*text.get_ref()))
    }

    fn sun(&mut self, field: &str, raw: &RawDerive, capacity_mw: f64) -> Option<Resource> {
        let irradiance = self.needed(field, raw, "irradiance", raw.irradiance.as_ref());
        let irradiance = irradiance.and_then(|id| {
            self.term(&format!("{field}.irradiance"), id, Asked::Like(Unit::WattPerSquareMetre))
        });
        let temperature = match (&raw.temperature, &raw.gamma) {
            (None, None) => Some(None),
            (Some(id), Some(text)) => {
                let gamma = *text.get_ref();
                if !GAMMA.contains(&gamma) {
                    let message =
                        format!("{gamma} % a degree, allowed: {} to {}", GAMMA.start(), GAMMA.end());
                    self.problem(text.span(), format!("{field}.gamma"), message);
                }
                let term = self.term(&format!("{field}.temperature"), id, Asked::Like(Unit::Celsius));
                term.map(|term| Some((term, gamma)))
            }
            _ => {
                self.problem(raw.op.span(), field, "`temperature` and `gamma` go together");
                None
            }
        };
        let dc_mw =
            raw.dc_mw.as_ref().map_or(capacity_mw, |text| self.above_zero(format!("{field}.dc_mw"), text));
        Some(Resource::Sun { irradiance: irradiance?, temperature: temperature?, dc_mw })
    }

    fn wind(&mut self, field: &str, raw: &RawDerive) -> Option<Resource> {
        let speed = self.needed(field, raw, "speed", raw.speed.as_ref());
        let speed =
            speed.and_then(|id| self.term(&format!("{field}.speed"), id, Asked::Like(Unit::MetrePerSecond)));
        let text = self.needed(field, raw, "curve", raw.curve.as_ref())?;
        let curve = text.get_ref().clone();
        let ascends = curve.iter().zip(curve.iter().skip(1)).all(|((low, _), (high, _))| low < high);
        let plausible = curve
            .iter()
            .all(|(speed, power)| speed.is_finite() && *speed >= 0.0 && power.is_finite() && *power >= 0.0);
        if curve.len() < 2 || !ascends || !plausible {
            let message = "must be two or more [m/s, MW] of the whole plant, none below 0, speeds ascending";
            self.problem(text.span(), format!("{field}.curve"), message);
        }
        let cut_out = raw.cut_out.as_ref().map(|text| {
            let cut_out = self.above_zero(format!("{field}.cut_out"), text);
            if let Some((last, _)) = curve.last().filter(|(last, _)| *last > cut_out) {
                let message = format!("{cut_out} m/s is below the curve's last speed {last}");
                self.problem(text.span(), format!("{field}.cut_out"), message);
            }
            cut_out
        });
        Some(Resource::Wind { speed: speed?, curve, cut_out })
    }

    /// `energy-limit`.
    pub(super) fn energy_limit(&mut self, field: &str, raw: &RawDerive, unit: Unit) -> Option<EnergyLimit> {
        if unit.dimension() != Dimension::Energy {
            let message = format!("gives an energy, and the point is in {unit}; allowed: Wh, kWh, MWh");
            self.problem(raw.op.span(), format!("{field}.op"), message);
        }
        let of: Option<Term> = self.terms(field, raw, Asked::Number).and_then(|mut terms| terms.pop());
        let units = self.units(field, raw);
        let full = self.needed(field, raw, "full_mwh", raw.full_mwh.as_ref());
        let full_mwh = full.map(|text| self.above_zero(format!("{field}.full_mwh"), text));
        let health = match &raw.health {
            None => None,
            Some(id) => Some(self.term(&format!("{field}.health"), id, Asked::Like(Unit::Percent))?),
        };
        let mut figure = |name: &str, text: Option<&Spanned<f64>>| {
            text.map(|text| {
                let number = *text.get_ref();
                if !(number.is_finite() && number >= 0.0) {
                    self.problem(
                        text.span(),
                        format!("{field}.{name}"),
                        format!("{number}, must be 0 or above"),
                    );
                }
                number
            })
        };
        let reserve_mwh = figure("reserve_mwh", raw.reserve_mwh.as_ref()).unwrap_or(0.0);
        let (low_mwh, high_mwh) = (figure("low", raw.low.as_ref()), figure("high", raw.high.as_ref()));
        if let (Some(low), Some(high)) = (low_mwh, high_mwh)
            && low >= high
        {
            self.problem(raw.op.span(), field, format!("low {low} is not below high {high}"));
        }
        Some(EnergyLimit {
            available: Available { of: of?, units: units? },
            full_mwh: full_mwh?,
            health,
            reserve_mwh,
            low_mwh,
            high_mwh,
        })
    }
}
