//! The devices that carry a set point out: SunSpec's models, and raw registers.

use std::ops::Range;

use config::Spanned;
use telemetry::{PointId, Sign, Unit};

use super::{Check, FIGURES};
use crate::device::{Device, DeviceIx, Protocol, RegisterType, WordOrder};
use crate::drive::{Control, Drive, Registers, Switch};
use crate::raw::{RawControl, RawDrive};
use crate::regulating::Bound;

/// Types of a set point's raw value.
const TYPES: [RegisterType; 5] =
    [RegisterType::U16, RegisterType::I16, RegisterType::U32, RegisterType::I32, RegisterType::F32];

/// Less, of a device's rating, at the most that it can be asked for, is a slip of the pen.
const PERCENT_LEAST: f64 = 0.01;

/// The set point that devices carry out.
#[derive(Clone, Copy)]
pub(crate) struct Carried<'a> {
    pub(crate) id: &'a PointId,
    pub(crate) unit: Unit,
    pub(crate) limits: (f64, f64),
    /// What the devices may be told of it in all: beyond `limits` by what a response and a correction add.
    pub(crate) told: (f64, f64),
    pub(crate) dispatched: bool,
}

impl Check<'_> {
    pub(crate) fn drives(
        &mut self,
        field: &str,
        raw: &Spanned<Vec<Spanned<RawDrive>>>,
        carried: Carried<'_>,
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
        if !drives.is_empty() && !carried.dispatched && (shares - 1.0).abs() > 1e-9 {
            // Otherwise every one of several devices would be told the whole.
            self.problem(raw.span(), field, format!("the devices' `share`s sum up to {shares}, must be 1"));
        }
        drives.iter().filter_map(|drive| self.drive(field, drive, carried, devices)).collect()
    }

    fn drive(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        carried: Carried<'_>,
        devices: &[Device],
    ) -> Option<Drive> {
        let drive = raw.get_ref();
        let share = drive.share.as_ref().map_or(1.0, |share| self.figure(format!("{field}.share"), share));
        let control = match (&drive.control, &drive.register) {
            (Some(control), None) => {
                self.no_registers(field, drive);
                self.sunspec_control(field, raw, *control.get_ref(), carried.unit, share)
            }
            (None, Some(register)) => {
                let registers = self.registers(field, raw, register, carried.unit, share);
                registers.map(Control::Registers)
            }
            (Some(control), Some(_)) => {
                let message =
                    "`control` is a SunSpec model's, `register` a plain Modbus device's: one of them";
                self.problem(control.span(), format!("{field}.control"), message);
                None
            }
            (None, None) => {
                let message = "either `control`, \"704\" or \"123\" of a SunSpec device, or `register` of a \
                               plain Modbus device is needed";
                self.problem(raw.span(), field, message);
                None
            }
        };
        let device = self.device(&format!("{field}.device"), &drive.device, devices)?;
        let (wanted, name) = match drive.register {
            Some(_) => (Protocol::Modbus, "a plain Modbus"),
            None => (Protocol::SunSpec, "a SunSpec"),
        };
        if devices.get(device.get()).is_some_and(|device| device.protocol != wanted) {
            self.problem(drive.device.span(), format!("{field}.device"), format!("is not {name} device"));
        }
        let revert_s = drive.revert_s.as_ref().map_or(0, |seconds| *seconds.get_ref());
        // What says 'not implemented' in SunSpec's registers is no time either.
        if let Some(text) = drive.revert_s.as_ref().filter(|_| matches!(revert_s, 0 | u16::MAX)) {
            let message =
                format!("{revert_s}, allowed: 1 to 65534; without it the device never falls back by itself");
            self.problem(text.span(), format!("{field}.revert_s"), message);
        }
        let part = self.part(field, raw, carried.unit, carried.dispatched);
        let told: Vec<f64> = match carried.dispatched {
            false => vec![carried.limits.0, carried.limits.1, carried.told.0, carried.told.1],
            true => [&part.low, &part.high].into_iter().filter_map(number).collect(),
        };
        if let Some(control) = &control {
            self.comes_to_something(field, raw, control, &told, carried.unit);
        }
        if let Some(Control::Registers(registers)) = &control {
            self.holds(field, raw, registers, &told, carried.unit);
            self.written_once(field, raw, (device, registers), carried.id);
        } else if control.is_some()
            && let Some(other) = self.told.insert(device, carried.id.clone())
        {
            let message =
                format!("already driven for `{other}`: a SunSpec device does what it was told last");
            self.problem(drive.device.span(), format!("{field}.device"), message);
        }
        Some(Drive { device, control: control?, revert_s, part })
    }

    fn sunspec_control(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        control: RawControl,
        unit: Unit,
        share: f64,
    ) -> Option<Control> {
        match (control, &raw.get_ref().rated_mw) {
            (RawControl::SunSpec704, None) => {
                unit.convert(share, Unit::Watt).map(|watts_per_unit| Control::SunSpec704 { watts_per_unit })
            }
            (RawControl::SunSpec704, Some(rated)) => {
                self.problem(rated.span(), format!("{field}.rated_mw"), "only for control = \"123\"");
                None
            }
            (RawControl::SunSpec123, Some(rated)) => {
                let rated_mw = self.figure(format!("{field}.rated_mw"), rated);
                let megawatts = unit.convert(share, Unit::Megawatt);
                megawatts.map(|mw| Control::SunSpec123 { percent_per_unit: mw * 100.0 / rated_mw })
            }
            (RawControl::SunSpec123, None) => {
                let message = "control = \"123\" is a percentage: `rated_mw` of the device is missing";
                self.problem(raw.span(), field, message);
                None
            }
        }
    }

    /// Refuses what only registers have beside a SunSpec model.
    fn no_registers(&mut self, field: &str, drive: &RawDrive) {
        let given: [(&str, Option<Range<usize>>); 6] = [
            ("type", drive.kind.as_ref().map(Spanned::span)),
            ("word_order", drive.word_order.as_ref().map(Spanned::span)),
            ("unit", drive.unit.as_ref().map(Spanned::span)),
            ("scale", drive.scale.as_ref().map(Spanned::span)),
            ("sign", drive.sign.as_ref().map(Spanned::span)),
            ("enable", drive.enable.as_ref().map(Spanned::span)),
        ];
        for (name, span) in given {
            let Some(span) = span else { continue };
            self.problem(span, format!("{field}.{name}"), "only beside `register`: a SunSpec model tells it");
        }
    }

    fn registers(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        register: &Spanned<u16>,
        unit: Unit,
        share: f64,
    ) -> Option<Registers> {
        let drive = raw.get_ref();
        let units = self.register_units(field, raw, unit, share);
        let allowed = TYPES.map(RegisterType::text).join(", ");
        let kind = match &drive.kind {
            Some(kind) if TYPES.contains(kind.get_ref()) => Some(*kind.get_ref()),
            Some(kind) => {
                let message = format!("{}, allowed: {allowed}", kind.get_ref().text());
                self.problem(kind.span(), format!("{field}.type"), message);
                None
            }
            None => {
                self.problem(raw.span(), field, format!("`type` is missing, allowed: {allowed}"));
                None
            }
        };
        let sign = drive.sign.as_ref().map(|sign| *sign.get_ref());
        if sign.is_none() {
            let message = "`sign` is missing: \"+\" where the register counts generation positive, as the set \
                           point does, \"-\" where it counts the other way round";
            self.problem(raw.span(), field, message);
        }
        let scale = drive.scale.as_ref().map_or(1.0, |scale| *scale.get_ref());
        if let Some(text) = drive.scale.as_ref().filter(|_| !FIGURES.contains(&scale.abs())) {
            let (least, most) = FIGURES.into_inner();
            let message = match scale.is_finite() && scale != 0.0 {
                true => format!("{scale:e}, allowed: {least:e} to {most:e}, either sign"),
                false => format!("{scale}, must be a number but 0"),
            };
            self.problem(text.span(), format!("{field}.scale"), message);
        }
        let (kind, sign) = (kind?, sign?);
        if register.get_ref().checked_add(kind.registers() - 1).is_none() {
            self.problem(register.span(), format!("{field}.register"), "reaches beyond register 65535");
        }
        let enable = drive.enable.as_ref().map(|text| {
            let switch = text.get_ref();
            if switch.on == switch.off {
                let message = format!("`on` and `off` are both {}: they switch nothing", switch.on);
                self.problem(text.span(), format!("{field}.enable"), message);
            }
            Switch { register: *switch.register.get_ref(), on: switch.on, off: switch.off }
        });
        Some(Registers {
            register: *register.get_ref(),
            kind,
            word_order: drive.word_order.as_ref().map_or(WordOrder::Big, |order| *order.get_ref()),
            steps_per_unit: Sign::apply(sign, units? / scale),
            enable,
        })
    }

    /// What one unit of the set point is in the register's unit: a power, or per cent of the device's rating.
    fn register_units(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        unit: Unit,
        share: f64,
    ) -> Option<f64> {
        let drive = raw.get_ref();
        let rated = drive.rated_mw.as_ref();
        let Some(text) = &drive.unit else {
            let message =
                "`unit` is missing, allowed: W, kW, MW, or % of `rated_mw`: registers do not tell it";
            self.problem(raw.span(), field, message);
            return None;
        };
        if *text.get_ref() == Unit::Percent {
            let Some(rated) = rated else {
                let message = "unit = \"%\" is a percentage: `rated_mw` of the device is missing";
                self.problem(text.span(), format!("{field}.unit"), message);
                return None;
            };
            let rated_mw = self.figure(format!("{field}.rated_mw"), rated);
            return unit.convert(share, Unit::Megawatt).map(|mw| mw * 100.0 / rated_mw);
        }
        if let Some(rated) = rated {
            self.problem(rated.span(), format!("{field}.rated_mw"), "only for unit = \"%\"");
        }
        let units = unit.convert(share, *text.get_ref());
        if units.is_none() {
            let message = format!("{}, allowed: W, kW, MW, or % of `rated_mw`", text.get_ref());
            self.problem(text.span(), format!("{field}.unit"), message);
        }
        units
    }

    /// What can be asked for has to fit: a value that does not would be refused each time.
    fn holds(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        registers: &Registers,
        told: &[f64],
        unit: Unit,
    ) {
        let (low, high) = registers.kind.range();
        let beyond = told.iter().find(|value| {
            let raw = registers.raw(**value);
            raw.is_finite() && !(low..=high).contains(&raw)
        });
        if let Some(value) = beyond {
            let kind = registers.kind.text();
            let beside = if told.iter().take(2).any(|limit| limit == value) {
                ""
            } else {
                ", with what `primary` and `trim` add and no `limits_hard` holds,"
            };
            let message = format!(
                "{value} {unit}{beside} would be the raw value {}, {kind} holds {low} to {high}",
                registers.raw(*value)
            );
            let at = raw.get_ref().kind.as_ref().map_or(raw.span(), Spanned::span);
            self.problem(at, format!("{field}.type"), message);
        }
    }

    /// A device that is told nothing whatever is asked for would be taken for one that follows.
    fn comes_to_something(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        control: &Control,
        told: &[f64],
        unit: Unit,
    ) {
        let largest = told.iter().copied().fold(0.0_f64, |most, value| most.max(value.abs()));
        let message = match control {
            Control::Registers(registers) if registers.raw(largest) == 0.0 => {
                format!("{largest} {unit} would be the raw value 0: the device would be told nothing")
            }
            Control::SunSpec123 { percent_per_unit } if largest * percent_per_unit < PERCENT_LEAST => {
                let percent = largest * percent_per_unit;
                format!(
                    "{largest} {unit} would be {percent:e} % of it: the device would be told nothing, allowed: \
                     {PERCENT_LEAST} % or more"
                )
            }
            _ => return,
        };
        if largest > 0.0 {
            let rated = raw.get_ref().rated_mw.as_ref().map(Spanned::span);
            let key = if rated.is_some() { "rated_mw" } else { "scale" };
            let scale = raw.get_ref().scale.as_ref().map(Spanned::span);
            self.problem(rated.or(scale).unwrap_or_else(|| raw.span()), format!("{field}.{key}"), message);
        }
    }

    /// No register of a device is written by two.
    fn written_once(
        &mut self,
        field: &str,
        raw: &Spanned<RawDrive>,
        (device, registers): (DeviceIx, &Registers),
        id: &PointId,
    ) {
        let value = (0..registers.kind.registers()).map(|at| registers.register.saturating_add(at));
        let enable = registers.enable.map(|switch| switch.register);
        for register in value.chain(enable) {
            if let Some(other) = self.driven.insert((device, register), id.clone()) {
                let message = format!("register {register} is already written for `{other}`");
                self.problem(raw.span(), field, message);
                return;
            }
        }
    }
}

fn number(bound: &Option<Bound>) -> Option<f64> {
    match bound {
        Some(Bound::Number(number)) => Some(*number),
        _ => None,
    }
}
