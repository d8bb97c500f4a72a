//! Where a point's value comes from: what is read of which device.

use std::sync::Arc;

use config::Spanned;
use telemetry::Unit;

use super::Check;
use super::device::Given;
use crate::device::{
    Access, Device, DeviceIx, Dnp3Type, Form, Place, Protocol, ReadingIx, ReadingSpec, RegisterTable,
    RegisterType, WordOrder,
};
use crate::map::MapReading;
use crate::raw::RawSource;
use crate::sunspec;

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

/// A place in a device, how many bits its raw value has (0: none that mean anything alone), and its unit.
type Located = (Place, u16, Unit);

impl Check<'_> {
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
        self.fitting(field, raw.get_ref(), protocol);
        let mapped = self.mapped(field, raw, at);
        let scale = mapped.as_ref().map_or(1.0, |reading| reading.scale);
        let (place, bits, unit) = match protocol {
            Protocol::SunSpec => self.sunspec(field, raw)?,
            Protocol::Modbus => match mapped {
                Some(MapReading { table, register, kind, word_order, unit, .. }) => {
                    (Place::Register { table, register, kind, word_order }, kind.bits(), unit)
                }
                None if raw.get_ref().reading.is_some() => return None,
                None => self.register(field, raw, wanted)?,
            },
            Protocol::Dnp3 => self.dnp3(field, raw, wanted)?,
            Protocol::Csv => self.column(field, raw, wanted, devices.get_mut(at.get())?)?,
            Protocol::Sparkplug => self.metric(field, raw, wanted, devices.get_mut(at.get())?)?,
            Protocol::OpcUa => self.node(field, raw, wanted, devices.get_mut(at.get())?)?,
        };
        let form = self.form(field, raw, wanted, (bits, scale), protocol)?;
        let device = devices.get_mut(at.get())?;
        let reading = ReadingSpec { place, form };
        let reading = device.readings.iter().position(|known| *known == reading).unwrap_or_else(|| {
            device.readings.push(reading);
            device.readings.len() - 1
        });
        Some(Found { device: at, reading: ReadingIx::new(reading), unit })
    }

    /// Fields that sources of another protocol have.
    fn fitting(&mut self, field: &str, source: &RawSource, protocol: Protocol) {
        let given: [Given<'_>; 15] = {
            use Protocol::{Csv, Dnp3, Modbus, OpcUa, Sparkplug, SunSpec};
            [
                ("sunspec", source.sunspec.as_ref().map(Spanned::span), &[SunSpec]),
                ("register", source.register.as_ref().map(Spanned::span), &[Modbus]),
                ("table", source.table.as_ref().map(Spanned::span), &[Modbus]),
                ("type", source.kind.as_ref().map(Spanned::span), &[Modbus]),
                ("word_order", source.word_order.as_ref().map(Spanned::span), &[Modbus]),
                ("bits", source.bits.as_ref().map(Spanned::span), &[Modbus]),
                ("scale", source.scale.as_ref().map(Spanned::span), &[Modbus, Dnp3, Csv, Sparkplug, OpcUa]),
                ("unit", source.unit.as_ref().map(Spanned::span), &[Modbus, Dnp3, Csv, Sparkplug, OpcUa]),
                ("analog", source.analog.as_ref().map(Spanned::span), &[Dnp3]),
                ("binary", source.binary.as_ref().map(Spanned::span), &[Dnp3]),
                ("counter", source.counter.as_ref().map(Spanned::span), &[Dnp3]),
                ("column", source.column.as_ref().map(Spanned::span), &[Csv]),
                ("reading", source.reading.as_ref().map(Spanned::span), &[Modbus]),
                ("metric", source.metric.as_ref().map(Spanned::span), &[Sparkplug]),
                ("node", source.node.as_ref().map(Spanned::span), &[OpcUa]),
            ]
        };
        for (name, span, protocols) in given {
            let Some(span) = span.filter(|_| !protocols.contains(&protocol)) else { continue };
            let message = match protocol {
                Protocol::SunSpec => "not for a SunSpec device: the model tells it".to_owned(),
                _ => format!("the device is read as `protocol = \"{protocol}\"`, which has no `{name}`"),
            };
            self.problem(span, format!("{field}.{name}"), message);
        }
    }

    /// The unit of a number that its source does not tell.
    fn unit(&mut self, field: &str, raw: &Spanned<RawSource>, wanted: Wanted, what: &str) -> Option<Unit> {
        match (&raw.get_ref().unit, wanted) {
            (Some(unit), _) => Some(*unit.get_ref()),
            (None, Wanted::State) => Some(Unit::Count),
            (None, Wanted::Number) => {
                self.problem(raw.span(), field, format!("`unit` is missing: {what} do not tell their unit"));
                None
            }
        }
    }

    fn dnp3(&mut self, field: &str, raw: &Spanned<RawSource>, wanted: Wanted) -> Option<Located> {
        let source = raw.get_ref();
        let given = [
            source.analog.as_ref().map(|index| (Dnp3Type::Analog, *index.get_ref())),
            source.binary.as_ref().map(|index| (Dnp3Type::Binary, *index.get_ref())),
            source.counter.as_ref().map(|index| (Dnp3Type::Counter, *index.get_ref())),
        ];
        let given: Vec<(Dnp3Type, u16)> = given.into_iter().flatten().collect();
        let ((&[(kind @ (Dnp3Type::Analog | Dnp3Type::Counter), index)], Wanted::Number)
        | (&[(kind @ Dnp3Type::Binary, index)], Wanted::State)) = (given.as_slice(), wanted)
        else {
            let message = match wanted {
                Wanted::Number => "a number from a DNP3 device needs either `analog` or `counter`, an index",
                Wanted::State => "a digital from a DNP3 device needs `binary`, an index",
            };
            self.problem(raw.span(), field, message);
            return None;
        };
        let unit = self.unit(field, raw, wanted, "DNP3 points")?;
        Some((Place::Dnp3 { kind, index }, 0, unit))
    }

    fn column(
        &mut self,
        field: &str,
        raw: &Spanned<RawSource>,
        wanted: Wanted,
        device: &mut Device,
    ) -> Option<Located> {
        let Some(heading) = &raw.get_ref().column else {
            self.problem(raw.span(), field, "a CSV device needs `column`, a heading of its file");
            return None;
        };
        let unit = self.unit(field, raw, wanted, "columns")?;
        let Access::Csv(csv) = &mut device.access else { return None };
        // A file that is not there was told of already.
        if csv.file.is_file() {
            self.heading(heading.span(), format!("{field}.column"), &csv.file, heading.get_ref());
        }
        Some((Place::Column(entered(&mut csv.columns, heading.get_ref())), 0, unit))
    }

    fn metric(
        &mut self,
        field: &str,
        raw: &Spanned<RawSource>,
        wanted: Wanted,
        device: &mut Device,
    ) -> Option<Located> {
        let Some(metric) = &raw.get_ref().metric else {
            self.problem(raw.span(), field, "a Sparkplug device needs `metric`, a name of its birth");
            return None;
        };
        self.line(&format!("{field}.metric"), metric);
        let unit = self.unit(field, raw, wanted, "metrics")?;
        let Access::Sparkplug(sparkplug) = &mut device.access else { return None };
        Some((Place::Metric(entered(&mut sparkplug.metrics, metric.get_ref())), 64, unit))
    }

    fn node(
        &mut self,
        field: &str,
        raw: &Spanned<RawSource>,
        wanted: Wanted,
        device: &mut Device,
    ) -> Option<Located> {
        let Some(node) = &raw.get_ref().node else {
            self.problem(raw.span(), field, "an OPC UA device needs `node`, such as \"ns=2;s=Inverter.P\"");
            return None;
        };
        if !is_node(node.get_ref()) {
            let message = format!(
                "`{}`, must be a node's id: ns=NUMBER; (left out: 0) and i=NUMBER, s=TEXT, g=GUID or b=BASE64",
                node.get_ref()
            );
            self.problem(node.span(), format!("{field}.node"), message);
        }
        let unit = self.unit(field, raw, wanted, "nodes")?;
        let Access::OpcUa(opcua) = &mut device.access else { return None };
        Some((Place::Node(entered(&mut opcua.nodes, node.get_ref())), 64, unit))
    }

    fn sunspec(&mut self, field: &str, raw: &Spanned<RawSource>) -> Option<Located> {
        let source = raw.get_ref();
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

    fn register(&mut self, field: &str, raw: &Spanned<RawSource>, wanted: Wanted) -> Option<Located> {
        let source = raw.get_ref();
        let Some(register) = &source.register else {
            self.problem(raw.span(), field, "a Modbus device needs `register`");
            return None;
        };
        let kind = match (&source.kind, wanted) {
            (Some(kind), _) => *kind.get_ref(),
            (None, Wanted::State) => RegisterType::U16,
            (None, Wanted::Number) => {
                self.problem(
                    raw.span(),
                    field,
                    "`type` is missing, allowed: u16, i16, u32, i32, f32, u64, i64, f64",
                );
                return None;
            }
        };
        let unit = self.unit(field, raw, wanted, "registers")?;
        if register.get_ref().checked_add(kind.registers() - 1).is_none() {
            self.problem(register.span(), format!("{field}.register"), "reaches beyond register 65535");
        }
        let place = Place::Register {
            table: source.table.as_ref().map_or(RegisterTable::Holding, |table| *table.get_ref()),
            register: *register.get_ref(),
            kind,
            word_order: source.word_order.as_ref().map_or(WordOrder::Big, |order| *order.get_ref()),
        };
        Some((place, kind.bits(), unit))
    }

    fn form(
        &mut self,
        field: &str,
        raw: &Spanned<RawSource>,
        wanted: Wanted,
        (bits, scale): (u16, f64),
        protocol: Protocol,
    ) -> Option<Form> {
        let source = raw.get_ref();
        match (wanted, &source.bit, &source.equals) {
            (Wanted::Number, None, None) => {
                let scale = source.scale.as_ref().map_or(scale, |scale| *scale.get_ref());
                if let Some(text) = &source.scale
                    && !(scale.is_finite() && scale != 0.0)
                {
                    self.problem(
                        text.span(),
                        format!("{field}.scale"),
                        format!("{scale}, must be a number but 0"),
                    );
                }
                match &source.bits {
                    Some(part) => self.bits(field, part, bits, scale),
                    None => Some(Form::Number { scale }),
                }
            }
            (Wanted::Number, _, _) => {
                self.problem(raw.span(), field, "`bit` and `equals` are for digitals");
                None
            }
            (Wanted::State, None, None)
                if matches!(
                    protocol,
                    Protocol::Dnp3 | Protocol::Csv | Protocol::Sparkplug | Protocol::OpcUa
                ) =>
            {
                Some(Form::State)
            }
            (Wanted::State, ..) if protocol == Protocol::Dnp3 => {
                self.problem(
                    raw.span(),
                    field,
                    "`bit` and `equals` are for registers: a DNP3 binary is a state",
                );
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
            (Wanted::State, None, Some(value)) if bits > 0 || protocol == Protocol::Csv => {
                Some(Form::Equals(*value.get_ref()))
            }
            (Wanted::State, _, _) => {
                self.problem(raw.span(), field, "a digital needs either `bit` or `equals`");
                None
            }
        }
    }

    /// A number in some bits of a register.
    fn bits(&mut self, field: &str, part: &Spanned<(u8, u8)>, bits: u16, scale: f64) -> Option<Form> {
        let (low, high) = *part.get_ref();
        if low <= high && u16::from(high) < bits {
            return Some(Form::Bits { low, count: high - low + 1, scale });
        }
        let message =
            format!("[{low}, {high}] of a value of {bits} bits: the lowest and the highest bit, from 0");
        self.problem(part.span(), format!("{field}.bits"), message);
        None
    }
}

/// The place of a name in a list, entered there once.
fn entered(list: &mut Vec<Arc<str>>, name: &str) -> usize {
    list.iter().position(|known| &**known == name).unwrap_or_else(|| {
        list.push(name.into());
        list.len() - 1
    })
}

/// Whether a text is an OPC UA node's id, as far as it can be seen from its form.
fn is_node(text: &str) -> bool {
    let of = match text.strip_prefix("ns=") {
        Some(rest) => match rest.split_once(';') {
            Some((namespace, of)) if namespace.parse::<u16>().is_ok() => of,
            _ => return false,
        },
        None => text,
    };
    match of.split_once('=') {
        Some(("i", number)) => number.parse::<u32>().is_ok(),
        Some(("s" | "g" | "b", id)) => !id.is_empty(),
        _ => false,
    }
}
