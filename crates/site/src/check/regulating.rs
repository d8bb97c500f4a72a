//! How a set point is carried out: ramp, limits, dispatch, trim, pulses.

use std::time::Duration;

use config::Spanned;
use telemetry::scale::COUNTS_16_MAX;
use telemetry::{Dimension, PointId, Scale, Unit};

use super::served::Variations;
use super::{Check, FIGURES, Kind};
use crate::model::{Point, Served};
use crate::raw::{RawBound, RawDrive, RawEdges, RawEnergy, RawFeedback, RawSetPoint};
use crate::regulating::{Bound, Edges, Energy, OnLoss, Part, Primary, Pulse, Regulating, Trim};

/// What is left in a battery must last for this long, unless the file says otherwise.
const HORIZON_S: u64 = 60;
/// A pulse is not longer than this, unless the file says otherwise.
const PULSE_S: u64 = 10;
/// Times told in seconds are at most a day.
const SECONDS: (u64, u64) = (1, 86_400);

impl Check<'_> {
    pub(crate) fn regulating(
        &mut self,
        field: &str,
        raw: &RawSetPoint,
        (unit, wire): (Unit, Scale),
        setpoint: &Point,
    ) -> Regulating {
        let of = |name: &str| format!("{field}.{name}");
        let up = raw.ramp_up_per_min.as_ref().map(|ramp| self.figure(of("ramp_up_per_min"), ramp));
        let down = raw.ramp_down_per_min.as_ref().map(|ramp| self.figure(of("ramp_down_per_min"), ramp));
        let deadband = self.zero_or_above(&of("deadband"), raw.deadband.as_ref());
        let silence =
            raw.silence_ms.as_ref().map(|time| self.millis(of("silence_ms"), time, (1, SECONDS.1 * 1000)));
        let schedule = raw.schedule.as_ref().map(|id| self.quantity(&of("schedule"), id, unit));
        let on_loss = raw.on_loss.unwrap_or_default();
        if on_loss == OnLoss::Schedule && schedule.is_none() {
            let message = "\"schedule\" needs a `schedule`: an analog that says what it asks for";
            self.problem(raw.id.span(), of("on_loss"), message);
        }
        let commands_max = raw.commands_max.as_ref().map(|most| {
            let (at, most) = (most.span(), most.get_ref());
            if most.count == 0 {
                self.problem(at, of("commands_max.count"), "0, must be 1 or above");
            }
            (most.count, self.seconds(of("commands_max.within_s"), &most.within_s, SECONDS))
        });
        let hard = self.edges(&of("limits_hard"), raw.limits_hard.as_ref(), unit);
        let soft = self.edges(&of("limits_soft"), raw.limits_soft.as_ref(), unit);
        let energy = self.energy(&of("energy"), raw.energy.as_ref());
        let charge_within =
            raw.charge_within.as_ref().map(|id| self.quantity(&of("charge_within"), id, unit));
        let aux = raw.aux.as_ref().map(|id| self.quantity(&of("aux"), id, unit));
        let device_remote = raw.device_remote.iter().flat_map(Spanned::get_ref);
        let device_remote =
            device_remote.map(|id| self.point(of("device_remote"), id, Kind::Digital)).collect();
        let trim = raw.trim.as_ref().map(|trim| {
            let trim = trim.get_ref();
            Trim {
                meter: self.quantity(&of("trim.meter"), &trim.meter, unit),
                units: trim.units.as_ref().map(|id| self.quantity(&of("trim.units"), id, unit)),
                gain: self.figure(of("trim.gain"), &trim.gain),
                most: self.figure(of("trim.most"), &trim.most),
            }
        });
        let mut primary = self.primary(&of("primary"), raw, (unit, wire), setpoint);
        let follows = self.follows(field, raw);
        let pulse = self.pulse(field, raw);
        let raise =
            raw.raise.as_ref().and_then(|index| self.pulse_status(&of("raise"), "raise", index, setpoint));
        let lower =
            raw.lower.as_ref().and_then(|index| self.pulse_status(&of("lower"), "lower", index, setpoint));
        let score = self.score(field, raw, setpoint);
        // What the frequency asked for is no error of the one who follows.
        if let Some(Primary { told, .. }) = primary.as_mut().filter(|_| score.is_some()) {
            let response = &mut told.response;
            *response = response.take().or_else(|| Some(self.kept_response(field, raw, unit, setpoint)));
        }
        let mut code = |name: &str, code: Option<&RawFeedback>| match code {
            Some(code) => Some(self.code(&of(name), code, setpoint)),
            // What was held back, and who owned it, is part of the history of a score.
            None => score.as_ref().map(|_| self.unserved(&of(name), name, raw, setpoint)),
        };
        let clamp = code("clamp", raw.clamp.as_ref());
        let owner = code("owner", raw.owner.as_ref());
        Regulating {
            ramp_up_per_min: up,
            ramp_down_per_min: down.or(up),
            deadband,
            on_loss,
            silence,
            schedule,
            commands_max,
            hard,
            soft,
            energy,
            charge_within,
            aux,
            device_remote,
            trim,
            primary,
            dispatch: raw.dispatch.as_ref().map(|how| *how.get_ref()),
            follows,
            handover: raw.handover.unwrap_or_default(),
            raise,
            lower,
            pulse,
            clamp,
            owner,
            score,
        }
    }

    fn energy(&mut self, field: &str, raw: Option<&Spanned<RawEnergy>>) -> Option<Energy> {
        let energy = raw?;
        let (at, energy) = (energy.span(), energy.get_ref());
        let (lowest, highest) = (*energy.lowest.get_ref(), *energy.highest.get_ref());
        if !(lowest.is_finite() && highest.is_finite() && lowest < highest) {
            let message = format!("lowest {lowest}, highest {highest}: must be two numbers, the lower first");
            self.problem(at.clone(), field, message);
        }
        self.apart(field, at, lowest, highest);
        let efficiency = energy.efficiency.as_ref().map_or(1.0, |text| {
            let number = self.figure(format!("{field}.efficiency"), text);
            if number > 1.0 {
                self.problem(
                    text.span(),
                    format!("{field}.efficiency"),
                    format!("{number}, must be at most 1"),
                );
            }
            number
        });
        let horizon = energy.horizon_s.as_ref().map_or(Duration::from_secs(HORIZON_S), |time| {
            self.seconds(format!("{field}.horizon_s"), time, SECONDS)
        });
        let charge = self.quantity(&format!("{field}.charge"), &energy.charge, Unit::MegawattHour);
        Some(Energy { charge, lowest, highest, efficiency, horizon })
    }

    fn follows(&mut self, field: &str, raw: &RawSetPoint) -> Option<(f64, Duration)> {
        match (&raw.follows_within, &raw.follows_s) {
            (Some(within), Some(time)) => {
                let number = self.figure(format!("{field}.follows_within"), within);
                let name = format!("{field}.follows_s");
                Some((number, self.seconds(name, time, SECONDS)))
            }
            (None, None) => None,
            _ => {
                let message = "`follows_within` and `follows_s` go together";
                self.problem(raw.id.span(), field, message);
                None
            }
        }
    }

    fn pulse(&mut self, field: &str, raw: &RawSetPoint) -> Option<Pulse> {
        let pulse = raw.pulse.as_ref().map(|text| {
            let (at, pulse) = (text.span(), text.get_ref());
            let field = format!("{field}.pulse");
            let each = self.zero_or_above(&format!("{field}.each"), pulse.each.as_ref());
            let per_second = self.zero_or_above(&format!("{field}.per_second"), pulse.per_second.as_ref());
            if each <= 0.0 && per_second <= 0.0 {
                self.problem(at, field.clone(), "one of `each` and `per_second` must be above 0");
            }
            let longest = pulse.longest_s.as_ref().map_or(Duration::from_secs(PULSE_S), |time| {
                self.seconds(format!("{field}.longest_s"), time, SECONDS)
            });
            Pulse { each, per_second, longest }
        });
        let wants = raw.raise.is_some() || raw.lower.is_some();
        if wants != pulse.is_some() {
            let message = "`pulse` says what a pulse of `raise` and `lower` is worth: they go together";
            self.problem(raw.id.span(), field, message);
        }
        pulse
    }

    /// The status of a control's pulses, at the control's own index.
    fn pulse_status(
        &mut self,
        field: &str,
        key: &str,
        index: &Spanned<u16>,
        setpoint: &Point,
    ) -> Option<Point> {
        let shifted = self.pulse_index(field, index, setpoint)?;
        let id = PointId::from(format!("{}.{key}", setpoint.id).as_str());
        if self.points.insert(id.clone(), Kind::Pulse).is_some() {
            let message = format!("there is already a point `{id}`: the status of its pulses is called so");
            self.problem(index.span(), field, message);
        }
        let served = Served {
            index: Some(shifted),
            sheet_index: Some(*index.get_ref()),
            class: setpoint.served.class,
            static_variation: 2,
            event_variation: 2,
        };
        let name = format!("{}: {key} pulse", setpoint.name).as_str().into();
        let component = setpoint.component;
        Some(Point { id, name, served, role: None, component, sheet_name: None })
    }

    fn pulse_index(&mut self, field: &str, index: &Spanned<u16>, setpoint: &Point) -> Option<u16> {
        let Ok(shifted) = u16::try_from(i64::from(*index.get_ref()) + i64::from(self.index_offset)) else {
            let message = format!("{} with index_offset {} is no index", index.get_ref(), self.index_offset);
            self.problem(index.span(), field, message);
            return None;
        };
        if let Some(other) = self.pulses.insert(shifted, setpoint.id.clone()) {
            let message = format!("{} is already an index of pulses of `{other}`", index.get_ref());
            self.problem(index.span(), field, message);
        }
        Some(shifted)
    }

    /// A code, as an analog input.
    pub(super) fn code(&mut self, field: &str, raw: &RawFeedback, setpoint: &Point) -> Point {
        let wire = Scale::Counts { max_units: COUNTS_16_MAX, max_counts: COUNTS_16_MAX };
        let mut point = self.enter(field, &raw.served(), None, &Variations::analog(wire), Some(wire));
        self.units.insert(point.id.clone(), Unit::Count);
        if !self.serves(setpoint.role.as_deref()) {
            // Left out with its set point: nobody commands it, and nothing holds it.
            point.served.index = None;
        }
        point.component = point.component.or(setpoint.component);
        point
    }

    fn edges(&mut self, field: &str, raw: Option<&RawEdges>, unit: Unit) -> Edges {
        let mut edge = |name: &str, id: Option<&Spanned<String>>| {
            id.map(|id| self.quantity(&format!("{field}.{name}"), id, unit))
        };
        raw.map(|raw| Edges { low: edge("low", raw.low.as_ref()), high: edge("high", raw.high.as_ref()) })
            .unwrap_or_default()
    }

    /// An analog that measures the same as `unit`.
    pub(crate) fn quantity(&mut self, field: &str, id: &Spanned<String>, unit: Unit) -> PointId {
        let point = self.point(field, id, Kind::Analog);
        let dimension = |unit: Unit| -> Dimension { unit.dimension() };
        if let Some(found) =
            self.units.get(&point).copied().filter(|found| dimension(*found) != dimension(unit))
        {
            self.problem(
                id.span(),
                field,
                format!("`{point}` is in {found}, which is not of the kind of {unit}"),
            );
        }
        point
    }

    /// A device's part in a dispatch.
    pub(crate) fn part(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        unit: Unit,
        dispatched: bool,
    ) -> Part {
        let drive = raw.get_ref();
        let given = drive.low.is_some()
            || drive.high.is_some()
            || drive.stored.is_some()
            || drive.room.is_some()
            || drive.priority.is_some()
            || drive.least.is_some()
            || drive.available.is_some()
            || drive.power.is_some()
            || drive.energy.is_some()
            || drive.free.is_some();
        match (dispatched, given) {
            (false, false) => return Part::default(),
            (false, true) => {
                let message = "`low`, `high`, `stored`, `room`, `priority`, `least`, `available`, `power`, `energy` and \
                     `free` need `dispatch`";
                self.problem(raw.span(), field, message);
            }
            (true, _) => {
                if let Some(share) = &drive.share {
                    let message = "not beside `dispatch`: each device gets what it can do";
                    self.problem(share.span(), format!("{field}.share"), message);
                }
                if drive.low.is_none() || drive.high.is_none() {
                    let message = "with `dispatch` each device has `low` and `high`: a number or an analog";
                    self.problem(raw.span(), field, message);
                }
            }
        }
        let bound = |check: &mut Self, name: &str, bound: Option<&Spanned<RawBound>>| {
            let (bound, field) = (bound?, format!("{field}.{name}"));
            Some(match bound.get_ref() {
                RawBound::Number(number) => {
                    let most = *FIGURES.end();
                    if !number.is_finite() {
                        check.problem(bound.span(), field, format!("{number}, must be a number"));
                    } else if number.abs() > most {
                        let message = format!("{number:e}, allowed: -{most:e} to {most:e}");
                        check.problem(bound.span(), field, message);
                    }
                    Bound::Number(*number)
                }
                RawBound::Point(id) => {
                    let id = Spanned::new(bound.span(), id.clone());
                    Bound::Point(check.quantity(&field, &id, unit))
                }
            })
        };
        let (low, high) = (bound(self, "low", drive.low.as_ref()), bound(self, "high", drive.high.as_ref()));
        let mut energy = |name: &str, id: Option<&Spanned<String>>| {
            id.map(|id| self.quantity(&format!("{field}.{name}"), id, Unit::MegawattHour))
        };
        let (stored, room) = (energy("stored", drive.stored.as_ref()), energy("room", drive.room.as_ref()));
        let available = drive.available.as_ref();
        let power = drive.power.as_ref();
        Part {
            low,
            high,
            stored,
            room,
            priority: drive.priority.unwrap_or_default(),
            least: self.zero_or_above(&format!("{field}.least"), drive.least.as_ref()),
            available: available.map(|id| self.point(format!("{field}.available"), id, Kind::Digital)),
            power: power.map(|id| self.quantity(&format!("{field}.power"), id, unit)),
            energy: self.energy(&format!("{field}.energy"), drive.energy.as_ref()),
            free: drive.free.unwrap_or_default(),
        }
    }

    pub(crate) fn zero_or_above(&mut self, field: &str, value: Option<&Spanned<f64>>) -> f64 {
        let Some(value) = value else { return 0.0 };
        let number = *value.get_ref();
        if !(number.is_finite() && number >= 0.0) {
            self.problem(value.span(), field, format!("{number}, must be 0 or above"));
            return 0.0;
        }
        if number > 0.0 && !FIGURES.contains(&number) {
            let (least, most) = FIGURES.into_inner();
            self.problem(value.span(), field, format!("{number:e}, allowed: 0, or {least:e} to {most:e}"));
            return 0.0;
        }
        number
    }
}
