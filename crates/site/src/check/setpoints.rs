//! Set points: what may be asked for, and what they follow.

use config::Spanned;
use telemetry::{Dimension, Scale};

use super::drives::Carried;
use super::served::{RawScale, Variations, raw_scale};
use super::{Check, FIGURES, Kind};
use crate::defaults::Purpose;
use crate::device::Device;
use crate::model::{Analog, Feedback, Point, SetPoint};
use crate::raw::{RawEdges, RawFeedback, RawSetPoint};

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
        self.apart(&format!("{field}.limits"), raw.limits.span(), limits.0, limits.1);
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
                let dispatched = raw.dispatch.is_some();
                let told = reach(raw, limits);
                let carried = Carried { id: &point.id, unit, limits, told, dispatched };
                self.drives(&format!("{field}.drive"), drive, carried, devices)
            }
            None if self.purpose == Purpose::Check => Vec::new(),
            None => {
                let message = "missing field `drive`: the devices that carry the set point out";
                self.problem(raw.id.span(), field.clone(), message);
                Vec::new()
            }
        };
        let regulating = self.regulating(&field, raw, (unit, wire), &point);
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
}

/// What the devices may be told in all: what may be asked for, and what the primary response and the correction at the
/// meter may add, where no hard limit holds that.
fn reach(raw: &RawSetPoint, (low, high): (f64, f64)) -> (f64, f64) {
    let response = raw.primary.as_ref().map(Spanned::get_ref);
    let response = response.map(|primary| primary.most.as_ref().unwrap_or(&primary.capacity));
    let trim = raw.trim.as_ref().map(|trim| &trim.get_ref().most);
    let most = [response, trim].into_iter().flatten().map(|most| *most.get_ref());
    // What is no figure is told of where it stands.
    let more: f64 = most.filter(|most| FIGURES.contains(most)).sum();
    let hard = raw.limits_hard.as_ref();
    let is_held = |edge: fn(&RawEdges) -> bool| hard.is_some_and(edge);
    (
        if is_held(|edges| edges.low.is_some()) { low } else { low - more },
        if is_held(|edges| edges.high.is_some()) { high } else { high + more },
    )
}
