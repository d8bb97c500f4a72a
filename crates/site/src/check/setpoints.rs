//! Set points and the devices that carry them out.

use config::Spanned;
use telemetry::{Dimension, Scale, Unit};

use super::served::{RawScale, Variations, raw_scale};
use super::{Check, Kind};
use crate::defaults::Purpose;
use crate::device::{Device, Protocol};
use crate::model::{Analog, Control, Drive, Feedback, Point, SetPoint};
use crate::raw::{RawControl, RawDrive, RawFeedback, RawSetPoint};

impl Check<'_> {
    pub(crate) fn setpoint(
        &mut self,
        at: usize,
        raw: &RawSetPoint,
        analogs: &[Option<Analog>],
        devices: &[Device],
    ) -> SetPoint {
        let field = format!("setpoint[{at}]");
        let unit = *raw.unit.get_ref();
        let power = unit.dimension() == Dimension::ActivePower;
        if !power {
            self.problem(raw.unit.span(), format!("{field}.unit"), format!("{unit}, allowed: W, kW, MW"));
        }
        let wire = self.wire(&field, &raw_scale!(raw));
        let role = Some("setpoint");
        let point = self.enter(&field, &raw.served(), role, &Variations::output(wire), Some(wire));
        let limits = self.ordered(format!("{field}.limits"), &raw.limits);
        if let Scale::Counts { max_units, .. } = wire
            && (limits.0 < -max_units || limits.1 > max_units)
        {
            let message = format!("reach beyond max_units {max_units}: they cannot be sent");
            self.problem(raw.limits.span(), format!("{field}.limits"), message);
        }
        let hold = self.millis(format!("{field}.hold_ms"), &raw.hold_ms, (1, 86_400_000));
        let actual = self.point(format!("{field}.actual"), &raw.actual, Kind::Analog);
        if let Some(analog) = analogs.iter().flatten().find(|analog| analog.point.id == actual)
            && analog.unit != unit
        {
            let message = format!("`{actual}` is in {}, the set point in {unit}", analog.unit);
            self.problem(raw.actual.span(), format!("{field}.actual"), message);
        }
        let mut digital = |name: &str, id: &Option<Spanned<String>>| {
            id.as_ref().map(|id| self.point(format!("{field}.{name}"), id, Kind::Digital))
        };
        let (remote, connected) = (digital("remote", &raw.remote), digital("connected", &raw.connected));
        let feedback = self.feedback(&format!("{field}.feedback"), &raw.feedback, wire, &point);
        self.units.insert(feedback.point.id.clone(), unit);
        let drives = match &raw.drive {
            Some(drive) => {
                self.drives(&format!("{field}.drive"), drive, (unit, raw.dispatch.is_some()), devices)
            }
            None if self.purpose == Purpose::Check => Vec::new(),
            None => {
                let message = "missing field `drive`: the devices that carry the set point out";
                self.problem(raw.id.span(), field.clone(), message);
                Vec::new()
            }
        };
        let regulating = self.regulating(&field, raw, unit, &point);
        SetPoint { point, unit, wire, limits, hold, actual, remote, connected, feedback, drives, regulating }
    }

    fn feedback(&mut self, field: &str, raw: &RawFeedback, wire: Scale, setpoint: &Point) -> Feedback {
        let role = Some("setpoint-feedback");
        let mut point = self.enter(field, &raw.served(), role, &Variations::analog(wire), Some(wire));
        if !self.serves(setpoint.role.as_deref()) {
            // Left out with its set point: nobody asks for a value in force that nobody can ask for.
            point.served.index = None;
        }
        point.component = point.component.or(setpoint.component);
        Feedback { point }
    }

    fn drives(
        &mut self,
        field: &str,
        raw: &Spanned<Vec<Spanned<RawDrive>>>,
        (unit, dispatched): (Unit, bool),
        devices: &[Device],
    ) -> Vec<Drive> {
        let drives = raw.get_ref();
        if drives.is_empty() {
            self.problem(raw.span(), field, "at least one device is needed");
        }
        let shares: f64 = drives
            .iter()
            .map(|drive| drive.get_ref().share.as_ref().map_or(1.0, |share| *share.get_ref()))
            .sum();
        if !drives.is_empty() && !dispatched && (shares - 1.0).abs() > 1e-9 {
            // Otherwise every one of several devices would be told the whole.
            self.problem(raw.span(), field, format!("the devices' `share`s sum up to {shares}, must be 1"));
        }
        drives.iter().filter_map(|drive| self.drive(field, drive, (unit, dispatched), devices)).collect()
    }

    fn drive(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        (unit, dispatched): (Unit, bool),
        devices: &[Device],
    ) -> Option<Drive> {
        let drive = raw.get_ref();
        let share =
            drive.share.as_ref().map_or(1.0, |share| self.above_zero(format!("{field}.share"), share));
        let control = match (drive.control, &drive.rated_mw) {
            (RawControl::SunSpec704, None) => {
                unit.convert(share, Unit::Watt).map(|watts_per_unit| Control::SunSpec704 { watts_per_unit })
            }
            (RawControl::SunSpec704, Some(rated)) => {
                self.problem(rated.span(), format!("{field}.rated_mw"), "only for control = \"123\"");
                None
            }
            (RawControl::SunSpec123, Some(rated)) => {
                let rated_mw = self.above_zero(format!("{field}.rated_mw"), rated);
                let megawatts = unit.convert(share, Unit::Megawatt);
                megawatts.map(|mw| Control::SunSpec123 { percent_per_unit: mw * 100.0 / rated_mw })
            }
            (RawControl::SunSpec123, None) => {
                let message = "control = \"123\" is a percentage: `rated_mw` of the device is missing";
                self.problem(raw.span(), field, message);
                None
            }
        };
        let device = self.device(&format!("{field}.device"), &drive.device, devices)?;
        if devices.get(device.get()).is_some_and(|device| device.protocol != Protocol::SunSpec) {
            self.problem(drive.device.span(), format!("{field}.device"), "is not a SunSpec device");
        }
        let revert_s = drive.revert_s.as_ref().map_or(0, |seconds| *seconds.get_ref());
        // What says 'not implemented' in SunSpec's registers is no time either.
        if let Some(text) = drive.revert_s.as_ref().filter(|_| matches!(revert_s, 0 | u16::MAX)) {
            let message =
                format!("{revert_s}, allowed: 1 to 65534; without it the device never falls back by itself");
            self.problem(text.span(), format!("{field}.revert_s"), message);
        }
        let part = self.part(field, raw, unit, dispatched);
        Some(Drive { device, control: control?, revert_s, part })
    }
}
