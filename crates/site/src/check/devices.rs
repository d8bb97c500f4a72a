//! Devices and what is read of them.

use std::time::Duration;

use config::Spanned;
use telemetry::Unit;

use super::Check;
use crate::model::{
    Device, DeviceIx, Form, Place, Protocol, ReadingIx, ReadingSpec, RegisterTable, RegisterType, WordOrder,
};
use crate::raw::{RawDevice, RawSource};
use crate::sunspec;

/// How long an answer is waited for, unless the file says otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);

/// What a point wants of its source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Number,
    State,
}

/// Where a point's source was found to be.
pub(crate) struct Found {
    pub(crate) device: DeviceIx,
    pub(crate) reading: ReadingIx,
    pub(crate) unit: Unit,
}

impl Check<'_> {
    pub(crate) fn devices(&mut self, raw: &[RawDevice]) -> Vec<Device> {
        let mut devices: Vec<Device> = Vec::new();
        for (at, raw) in raw.iter().enumerate() {
            let field = |name: &str| format!("device[{at}].{name}");
            let id = raw.id.get_ref();
            self.id(&field("id"), &raw.id);
            if devices.iter().any(|device| &*device.id == id.as_str()) {
                self.problem(raw.id.span(), field("id"), format!("there is already a device `{id}`"));
            }
            let poll = self.millis(field("poll_ms"), &raw.poll_ms, (50, 3_600_000));
            let timeout = match &raw.timeout_ms {
                Some(timeout) => self.millis(field("timeout_ms"), timeout, (50, 60_000)),
                None => TIMEOUT_DEFAULT,
            };
            devices.push(Device {
                id: id.as_str().into(),
                protocol: raw.protocol,
                address: raw.address,
                unit_id: raw.unit_id.unwrap_or(1),
                poll,
                timeout,
                readings: Vec::new(),
            });
        }
        devices
    }

    pub(crate) fn device(
        &mut self,
        field: &str,
        id: &Spanned<String>,
        devices: &[Device],
    ) -> Option<DeviceIx> {
        let found = devices.iter().position(|device| &*device.id == id.get_ref().as_str());
        if found.is_none() {
            let known: Vec<&str> = devices.iter().map(|device| &*device.id).collect();
            let message = format!("there is no device `{}`, known: {}", id.get_ref(), known.join(", "));
            self.problem(id.span(), field, message);
        }
        found.map(DeviceIx::new)
    }

    /// Resolves a point's source and enters its reading into the device, once.
    pub(crate) fn source(
        &mut self,
        field: &str,
        raw: &Spanned<RawSource>,
        wanted: Wanted,
        devices: &mut [Device],
    ) -> Option<Found> {
        let at = self.device(&format!("{field}.device"), &raw.get_ref().device, devices)?;
        let protocol = devices.get(at.get())?.protocol;
        let (place, bits, unit) = match protocol {
            Protocol::SunSpec => self.sunspec(field, raw)?,
            Protocol::Modbus => self.register(field, raw, wanted)?,
        };
        let form = self.form(field, raw, wanted, bits)?;
        let device = devices.get_mut(at.get())?;
        let reading = ReadingSpec { place, form };
        let reading = device.readings.iter().position(|known| *known == reading).unwrap_or_else(|| {
            device.readings.push(reading);
            device.readings.len() - 1
        });
        Some(Found { device: at, reading: ReadingIx::new(reading), unit })
    }

    fn sunspec(&mut self, field: &str, raw: &Spanned<RawSource>) -> Option<(Place, u16, Unit)> {
        let source = raw.get_ref();
        let refused = [
            source.register.as_ref().map(|field| ("register", field.span())),
            source.table.as_ref().map(|field| ("table", field.span())),
            source.kind.as_ref().map(|field| ("type", field.span())),
            source.word_order.as_ref().map(|field| ("word_order", field.span())),
            source.scale.as_ref().map(|field| ("scale", field.span())),
            source.unit.as_ref().map(|field| ("unit", field.span())),
        ];
        for (name, span) in refused.into_iter().flatten() {
            let message = "not for a SunSpec device: the model tells it".to_owned();
            self.problem(span, format!("{field}.{name}"), message);
        }
        let Some(text) = &source.sunspec else {
            let message = "a SunSpec device needs `sunspec = \"MODEL.NAME\"`";
            self.problem(raw.span(), field, message);
            return None;
        };
        match sunspec::find(text.get_ref()) {
            Ok(point) => Some((Place::SunSpec(point), point.kind.bits(), point.unit)),
            Err(message) => {
                self.problem(text.span(), format!("{field}.sunspec"), message);
                None
            }
        }
    }

    fn register(
        &mut self,
        field: &str,
        raw: &Spanned<RawSource>,
        wanted: Wanted,
    ) -> Option<(Place, u16, Unit)> {
        let source = raw.get_ref();
        if let Some(text) = &source.sunspec {
            let message = "the device is read as `protocol = \"modbus\"`: give `register`";
            self.problem(text.span(), format!("{field}.sunspec"), message);
            return None;
        }
        let Some(register) = &source.register else {
            self.problem(raw.span(), field, "a Modbus device needs `register`");
            return None;
        };
        let kind = match (&source.kind, wanted) {
            (Some(kind), _) => *kind.get_ref(),
            (None, Wanted::State) => RegisterType::U16,
            (None, Wanted::Number) => {
                self.problem(raw.span(), field, "`type` is missing, allowed: u16, i16, u32, i32, f32");
                return None;
            }
        };
        let unit = match (&source.unit, wanted) {
            (Some(unit), _) => *unit.get_ref(),
            (None, Wanted::State) => Unit::Count,
            (None, Wanted::Number) => {
                self.problem(raw.span(), field, "`unit` is missing: registers do not tell their unit");
                return None;
            }
        };
        if register.get_ref().checked_add(kind.registers() - 1).is_none() {
            self.problem(register.span(), format!("{field}.register"), "reaches beyond register 65535");
        }
        let place = Place::Register {
            table: source.table.as_ref().map_or(RegisterTable::Holding, |table| *table.get_ref()),
            register: *register.get_ref(),
            kind,
            word_order: source.word_order.as_ref().map_or(WordOrder::Big, |order| *order.get_ref()),
        };
        // A float has no bits that mean anything alone.
        let bits = if kind == RegisterType::F32 { 0 } else { kind.registers() * 16 };
        Some((place, bits, unit))
    }

    fn form(&mut self, field: &str, raw: &Spanned<RawSource>, wanted: Wanted, bits: u16) -> Option<Form> {
        let source = raw.get_ref();
        match (wanted, &source.bit, &source.equals) {
            (Wanted::Number, None, None) => {
                let scale = source.scale.as_ref().map_or(1.0, |scale| *scale.get_ref());
                if let Some(text) = &source.scale
                    && !(scale.is_finite() && scale != 0.0)
                {
                    self.problem(
                        text.span(),
                        format!("{field}.scale"),
                        format!("{scale}, must be a number but 0"),
                    );
                }
                Some(Form::Number { scale })
            }
            (Wanted::Number, _, _) => {
                self.problem(raw.span(), field, "`bit` and `equals` are for digitals");
                None
            }
            (Wanted::State, Some(bit), None) if u16::from(*bit.get_ref()) < bits => {
                Some(Form::Bit(*bit.get_ref()))
            }
            (Wanted::State, Some(bit), None) => {
                let message = format!("bit {} of a value of {bits} bits", bit.get_ref());
                self.problem(bit.span(), format!("{field}.bit"), message);
                None
            }
            (Wanted::State, None, Some(value)) if bits > 0 => Some(Form::Equals(*value.get_ref())),
            (Wanted::State, _, _) => {
                self.problem(raw.span(), field, "a digital needs either `bit` or `equals`");
                None
            }
        }
    }
}
