//! Primary frequency response beside a set point.

use config::Spanned;
use telemetry::scale::COUNTS_16_MAX;
use telemetry::{Scale, Unit};

use super::served::{RawScale, Variations, raw_scale};
use super::{Check, Kind};
use crate::model::Point;
use crate::raw::{RawFeedback, RawPrimaryServed, RawSetPoint, RawTold};
use crate::regulating::{Primary, Told};

/// The frequency of the ISO's grid.
const NOMINAL_HZ: f64 = 60.0;
/// Per cent and hertz are served in thousandths, unless the file says otherwise.
const THOUSANDTHS: Scale = Scale::Counts { max_units: COUNTS_16_MAX / 1000.0, max_counts: COUNTS_16_MAX };

impl Check<'_> {
    pub(crate) fn primary(
        &mut self,
        field: &str,
        raw: &RawSetPoint,
        (unit, wire): (Unit, Scale),
        setpoint: &Point,
    ) -> Option<Primary> {
        let primary = raw.primary.as_ref()?.get_ref();
        let of = |name: &str| format!("{field}.{name}");
        let nominal = primary.nominal.as_ref();
        let nominal = nominal.map_or(NOMINAL_HZ, |text| self.figure(of("nominal"), text));
        let capacity = self.figure(of("capacity"), &primary.capacity);
        let most = primary.most.as_ref().map_or(capacity, |most| self.figure(of("most"), most));
        let told = primary.served.as_ref().map(|raw| self.told(&of("served"), raw, (unit, wire), setpoint));
        Some(Primary {
            frequency: self.quantity(&of("frequency"), &primary.frequency, Unit::Hertz),
            nominal,
            droop_pct: self.figure(of("droop_pct"), &primary.droop_pct),
            deadband_hz: self.zero_or_above(&of("deadband_hz"), Some(&primary.deadband_hz)),
            capacity,
            most,
            enable: primary.enable.as_ref().map(|id| self.point(of("enable"), id, Kind::Digital)),
            told: told.unwrap_or_default(),
        })
    }

    /// The response that the file does not serve, where the score needs it: the history has it, no master is served it.
    pub(crate) fn kept_response(
        &mut self,
        field: &str,
        raw: &RawSetPoint,
        unit: Unit,
        setpoint: &Point,
    ) -> (Point, Scale) {
        let at = raw.score.as_ref().map_or_else(|| raw.id.span(), Spanned::span);
        let id = Spanned::new(at, format!("{}.response", raw.id.get_ref()));
        let (field, raw, wire) = (format!("{field}.primary"), RawFeedback::unserved(id), Scale::Engineering);
        let mut point = self.enter(&field, &raw.served(), None, &Variations::analog(wire), Some(wire));
        self.units.insert(point.id.clone(), unit);
        point.component = setpoint.component;
        (point, wire)
    }

    fn told(
        &mut self,
        field: &str,
        raw: &RawPrimaryServed,
        (unit, wire): (Unit, Scale),
        setpoint: &Point,
    ) -> Told {
        let mut one = |name: &str, raw: &Option<RawTold>, unit: Unit, default: Scale| {
            let (raw, field) = (raw.as_ref()?, format!("{field}.{name}"));
            let given = raw.wire.is_some() || raw.max_units.is_some() || raw.max_counts.is_some();
            let wire = if given { self.wire(&field, &raw_scale!(raw)) } else { default };
            let mut point = self.enter(&field, &raw.served(), None, &Variations::analog(wire), Some(wire));
            self.units.insert(point.id.clone(), unit);
            point.component = point.component.or(setpoint.component);
            Some((point, wire))
        };
        let droop = one("droop", &raw.droop, Unit::Percent, THOUSANDTHS);
        let deadband = one("deadband", &raw.deadband, Unit::Hertz, THOUSANDTHS);
        let headroom = one("headroom", &raw.headroom, unit, wire);
        let response = one("response", &raw.response, unit, wire);
        let status = raw.status.as_ref().map(|raw| self.code(&format!("{field}.status"), raw, setpoint));
        Told { status, droop, deadband, headroom, response }
    }
}
