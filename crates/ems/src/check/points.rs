//! The points of a device, and which of them are polled at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use config::Spanned;
use ieee1815::PointType;
use telemetry::{Scale, ScalePart, WireForm};

use super::Check;
use crate::model::{Heartbeat, Point, SetPoint};
use crate::operate::command;
use crate::raw::{RawDevice, RawHeartbeat, RawPoint, RawSetPoint};

/// A beat of the heartbeat may fall between two scans, so fewer scans than these prove nothing.
const HEARTBEAT_SCANS_MIN: u32 = 3;

/// Roles of points that give none, by what the device uses them for.
const HEARTBEAT: &str = "heartbeat";
const SETPOINT: &str = "setpoint";
const FEEDBACK: &str = "setpoint-feedback";

/// What one device has been seen to name so far.
#[derive(Default)]
struct Names {
    ids: BTreeSet<String>,
    indexes: BTreeMap<(PointType, u16), String>,
}

/// The points of a device, as [`Device`](crate::Device) has them.
#[derive(Default)]
pub(super) struct Table {
    pub(super) points: Vec<Point>,
    pub(super) setpoints: Vec<SetPoint>,
    pub(super) heartbeat: Option<Heartbeat>,
}

impl Table {
    /// The same without the points whose role is not among `roles`. A set point stays with its feedback or not at
    /// all.
    fn of_roles(self, roles: &BTreeSet<&str>) -> Self {
        let listed = |at: usize| {
            let role = self.points.get(at).and_then(|point| point.role.as_deref());
            role.is_some_and(|role| roles.contains(role))
        };
        let (kept, left): (Vec<SetPoint>, Vec<SetPoint>) =
            self.setpoints.iter().partition(|setpoint| listed(setpoint.point) && listed(setpoint.feedback));
        let told_by = |setpoints: &[SetPoint], at: usize| setpoints.iter().any(|one| one.feedback == at);
        let goes = |at: usize, point: &Point| {
            left.iter().any(|setpoint| setpoint.point == at)
                || (point.role.as_deref() == Some(FEEDBACK) && told_by(&left, at) && !told_by(&kept, at))
        };
        // Where each point that stays stands from now on.
        let mut places = BTreeMap::new();
        let mut points = Vec::new();
        for (at, point) in self.points.iter().enumerate().filter(|(at, _)| listed(*at)) {
            if !goes(at, point) {
                places.insert(at, points.len());
                points.push(point.clone());
            }
        }
        let moved = |setpoint: SetPoint| {
            let (point, feedback) = (*places.get(&setpoint.point)?, *places.get(&setpoint.feedback)?);
            Some(SetPoint { point, feedback, ..setpoint })
        };
        let setpoints = kept.into_iter().filter_map(moved).collect();
        let heartbeat =
            self.heartbeat.and_then(|beat| Some(Heartbeat { point: *places.get(&beat.point)?, ..beat }));
        Self { points, setpoints, heartbeat }
    }
}

impl Check<'_> {
    pub(super) fn points(&mut self, at: usize, raw: &RawDevice, scan: Duration) -> Table {
        let field = |name: &str| format!("device[{at}].{name}");
        let mut names = Names::default();
        let mut points = Vec::new();
        for (place, analog) in raw.analog.iter().enumerate() {
            let field = field(&format!("analog[{place}]"));
            let role = role_by_use(raw, analog.id.get_ref());
            points.push(self.point(&field, &analog.point(), PointType::AnalogInput, role, &mut names));
        }
        for (place, digital) in raw.digital.iter().enumerate() {
            let field = field(&format!("digital[{place}]"));
            points.push(self.point(&field, &digital.point(), PointType::BinaryInput, None, &mut names));
        }
        let mut setpoints = Vec::new();
        for (place, setpoint) in raw.setpoint.iter().enumerate() {
            self.setpoint(
                &field(&format!("setpoint[{place}]")),
                setpoint,
                &mut names,
                &mut points,
                &mut setpoints,
            );
        }
        let heartbeat = raw.heartbeat.as_ref().and_then(|raw| self.heartbeat(at, raw, scan, &points));
        let table = Table { points, setpoints, heartbeat };
        let kinds = raw.resource.as_ref().map(|kinds| kinds.get_ref().as_slice());
        match self.defaults.roles_of(kinds) {
            Some(roles) => table.of_roles(&roles),
            None => table,
        }
    }

    fn heartbeat(
        &mut self,
        at: usize,
        raw: &RawHeartbeat,
        scan: Duration,
        points: &[Point],
    ) -> Option<Heartbeat> {
        let field = |name: &str| format!("device[{at}].heartbeat.{name}");
        let scans = *raw.scans.get_ref();
        if scans < HEARTBEAT_SCANS_MIN {
            let message = format!("{scans}, must be {HEARTBEAT_SCANS_MIN} or more");
            self.problem(raw.scans.span(), field("scans"), message);
        }
        let period = match &raw.period_ms {
            Some(text) => Some(self.millis(field("period_ms"), text, 1)),
            None => self.defaults.heartbeat_period,
        };
        if let Some(period) = period {
            // Otherwise a heartbeat in order is called stuck between any two of its beats.
            if scan.saturating_mul(scans) <= period {
                let (scan, period) = (scan.as_millis(), period.as_millis());
                let message = format!(
                    "{scans} scans of {scan} ms are not longer than the heartbeat's period of {period} ms, \
                     must be {} or more",
                    period.checked_div(scan).unwrap_or_default() + 1
                );
                self.problem(raw.scans.span(), field("scans"), message);
            }
        }
        let point = self.input_analog(field("id"), &raw.id, points)?;
        Some(Heartbeat { point, scans })
    }

    /// The place of an analog of the same device.
    fn input_analog(&mut self, field: String, id: &Spanned<String>, points: &[Point]) -> Option<usize> {
        let found = points.iter().position(|point| {
            point.id.as_str() == id.get_ref() && point.point_type == PointType::AnalogInput
        });
        if found.is_none() {
            self.problem(id.span(), field, format!("this device has no analog `{}`", id.get_ref()));
        }
        found
    }

    /// Enters a point's id and index, and settles how it travels.
    fn point(
        &mut self,
        field: &str,
        raw: &RawPoint<'_>,
        kind: PointType,
        role: Option<&str>,
        names: &mut Names,
    ) -> Point {
        let text = raw.id.get_ref();
        if text.is_empty() || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            let message = format!("`{text}` is not an id: it must not be empty or hold blanks");
            self.problem(raw.id.span(), format!("{field}.id"), message);
        } else if !names.ids.insert(text.clone()) {
            let message = format!("there is already a point `{text}`");
            self.problem(raw.id.span(), format!("{field}.id"), message);
        }
        let index = self.index(field, raw, kind, names);
        let role = raw.role.map(|role| self.role(field, role)).or_else(|| role.map(Arc::from));
        let name = if raw.name.is_empty() { text } else { raw.name };
        Point {
            id: text.as_str().into(),
            name: name.to_owned(),
            point_type: kind,
            index,
            role,
            unit: raw.quantity.as_ref().map(|quantity| quantity.unit),
            wire: self.wire(field, raw),
        }
    }

    /// Applies the offset.
    fn index(&mut self, field: &str, raw: &RawPoint<'_>, kind: PointType, names: &mut Names) -> u16 {
        let (given, offset) = (*raw.index.get_ref(), self.defaults.index_offset);
        let Ok(index) = u16::try_from(i64::from(given) + i64::from(offset)) else {
            let message = format!("{given} with the profile's index offset {offset} is no index");
            self.problem(raw.index.span(), format!("{field}.index"), message);
            return given;
        };
        if let Some(other) = names.indexes.insert((kind, index), raw.id.get_ref().clone()) {
            let message = format!("{given} is already the index of `{other}`");
            self.problem(raw.index.span(), format!("{field}.index"), message);
        }
        index
    }

    fn role(&mut self, field: &str, role: &Spanned<String>) -> Arc<str> {
        let text = role.get_ref();
        if text.is_empty() || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            let message = format!("`{text}` is not a role: it must not be empty or hold blanks");
            self.problem(role.span(), format!("{field}.role"), message);
        }
        text.as_str().into()
    }

    fn wire(&mut self, field: &str, raw: &RawPoint<'_>) -> Scale {
        let Some(quantity) = &raw.quantity else { return Scale::Engineering };
        let number = |text: Option<&Spanned<f64>>| text.map(|number| *number.get_ref());
        let (max_units, max_counts) = (quantity.max_units, quantity.max_counts);
        // Where only a profile asks for engineering values, a full scale in the file waits for another profile.
        let waits = quantity.wire.is_none()
            && self.defaults.wire == WireForm::Engineering
            && (max_units.is_some() || max_counts.is_some());
        let form = match quantity.wire {
            Some(form) => *form.get_ref(),
            None if waits => WireForm::Counts,
            None => self.defaults.wire,
        };
        let (scale, errors) = Scale::described(form, number(max_units), number(max_counts));
        let scale = if waits { Scale::Engineering } else { scale };
        for error in errors {
            let text = match error.part {
                ScalePart::Whole => None,
                ScalePart::MaxUnits => max_units,
                ScalePart::MaxCounts => max_counts,
            };
            let at = text.map_or_else(|| raw.id.span(), Spanned::span);
            self.problem(at, format!("{field}{}", error.part.suffix()), error.message);
        }
        scale
    }

    fn setpoint(
        &mut self,
        field: &str,
        raw: &RawSetPoint,
        names: &mut Names,
        points: &mut Vec<Point>,
        setpoints: &mut Vec<SetPoint>,
    ) {
        let status = self.point(field, &raw.point(), PointType::AnalogOutputStatus, Some(SETPOINT), names);
        let (low, high) = *raw.limits.get_ref();
        if !(low.is_finite() && high.is_finite() && low < high) {
            let message = format!("[{low}, {high}], must be two numbers, the lower one first");
            self.problem(raw.limits.span(), format!("{field}.limits"), message);
        } else if let Some(limit) =
            [low, high].into_iter().find(|limit| command(status.wire, *limit).is_none())
        {
            let message = format!("{limit} does not fit max_units");
            self.problem(raw.limits.span(), format!("{field}.limits"), message);
        }
        let feedback = self.input_analog(format!("{field}.feedback"), &raw.feedback, points);
        if let Some(unit) = feedback.and_then(|place| points.get(place)).and_then(|point| point.unit)
            && unit.dimension() != raw.unit.dimension()
        {
            let message = format!("is in {unit}, the set point in {}", raw.unit);
            self.problem(raw.feedback.span(), format!("{field}.feedback"), message);
        }
        setpoints.push(SetPoint {
            point: points.len(),
            limits: (low, high),
            feedback: feedback.unwrap_or_default(),
        });
        points.push(status);
    }
}

/// The role of an analog that gives none: what the device uses it for.
fn role_by_use(device: &RawDevice, id: &str) -> Option<&'static str> {
    if device.heartbeat.as_ref().is_some_and(|beat| beat.id.get_ref() == id) {
        return Some(HEARTBEAT);
    }
    device.setpoint.iter().any(|setpoint| setpoint.feedback.get_ref() == id).then_some(FEEDBACK)
}
