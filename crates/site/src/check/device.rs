//! Devices: how each is reached.

use std::ops::Range;
use std::time::Duration;

use config::Spanned;
use ieee1815_tokio::{Parity, PeerIdentity, SerialConfig, StopBits, TlsPolicy};

use super::Check;
use crate::defaults::Purpose;
use crate::device::{Access, Csv, Device, DeviceIx, Dnp3, Modbus, Protocol, Reach};
use crate::networked::{Alive, Sparkplug};
use crate::raw::{RawDevice, RawSerial};

/// How long an answer is waited for, unless the file says otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);
/// Bits a second of a serial line.
const BAUD: (u32, u32) = (300, 4_000_000);
/// The most registers of one request, and so of a gap in one.
const GAP_MAX: u16 = 125;
/// Our DNP3 address as a master, unless the file says otherwise.
const MASTER_ADDRESS: u16 = 1;
/// Polls of events between two that read all.
const INTEGRITY_EVERY: (u32, u32) = (1, 10_000);

/// A field as far as it is given, and the protocols that know it.
pub(crate) type Given<'a> = (&'static str, Option<Range<usize>>, &'a [Protocol]);

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
            self.fields(at, raw);
            let map = raw.map.as_ref().and_then(|name| self.map(&field("map"), name));
            self.maps.push(map);
            // Points that name it are not told of a device that is missing; the site is refused anyhow.
            let nowhere = || Access::Modbus(Modbus::tcp(([0, 0, 0, 0], 0).into()));
            let access = self.access(at, raw).unwrap_or_else(nowhere);
            let device = Device {
                id: id.as_str().into(),
                protocol: raw.protocol,
                access,
                poll,
                timeout,
                readings: Vec::new(),
            };
            self.line_of(at, raw, &device, &devices);
            devices.push(device);
        }
        devices
    }

    /// Fields that another protocol has.
    fn fields(&mut self, at: usize, raw: &RawDevice) {
        let (modbus, dnp3) = ([Protocol::SunSpec, Protocol::Modbus], [Protocol::Dnp3]);
        let (wired, csv) = ([Protocol::SunSpec, Protocol::Modbus, Protocol::Dnp3], [Protocol::Csv]);
        let (sparkplug, opcua) = ([Protocol::Sparkplug], [Protocol::OpcUa]);
        let addressed = [Protocol::SunSpec, Protocol::Modbus, Protocol::Dnp3, Protocol::Sparkplug];
        let secured = [Protocol::Dnp3, Protocol::Sparkplug];
        let known = [Protocol::Sparkplug, Protocol::OpcUa];
        let fields: [Given<'_>; 25] = [
            ("address", raw.address.as_ref().map(Spanned::span), &addressed),
            ("serial", raw.serial.as_ref().map(Spanned::span), &wired),
            ("unit_id", raw.unit_id.as_ref().map(Spanned::span), &modbus),
            ("gap_max", raw.gap_max.as_ref().map(Spanned::span), &[Protocol::Modbus]),
            ("outstation_address", raw.outstation_address.as_ref().map(Spanned::span), &dnp3),
            ("master_address", raw.master_address.as_ref().map(Spanned::span), &dnp3),
            ("integrity_every", raw.integrity_every.as_ref().map(Spanned::span), &dnp3),
            ("unsolicited", raw.unsolicited.as_ref().map(Spanned::span), &dnp3),
            ("time_sync", raw.time_sync.as_ref().map(Spanned::span), &dnp3),
            ("tls", raw.tls.as_ref().map(Spanned::span), &secured),
            ("admit", raw.admit.as_ref().map(Spanned::span), &secured),
            ("file", raw.file.as_ref().map(Spanned::span), &csv),
            ("time", raw.time.as_ref().map(Spanned::span), &csv),
            ("repeat", raw.repeat.as_ref().map(Spanned::span), &csv),
            ("group", raw.group.as_ref().map(Spanned::span), &sparkplug),
            ("node", raw.node.as_ref().map(Spanned::span), &sparkplug),
            ("device", raw.device.as_ref().map(Spanned::span), &sparkplug),
            ("client_id", raw.client_id.as_ref().map(Spanned::span), &sparkplug),
            ("alive", raw.alive.as_ref().map(Spanned::span), &sparkplug),
            ("user", raw.user.as_ref().map(Spanned::span), &known),
            ("password_file", raw.password_file.as_ref().map(Spanned::span), &known),
            ("endpoint", raw.endpoint.as_ref().map(Spanned::span), &opcua),
            ("security", raw.security.as_ref().map(Spanned::span), &opcua),
            ("map", raw.map.as_ref().map(Spanned::span), &[Protocol::Modbus]),
            ("pki", raw.pki.as_ref().map(Spanned::span), &opcua),
        ];
        for (name, span, protocols) in fields {
            if let Some(span) = span.filter(|_| !protocols.contains(&raw.protocol)) {
                let known: Vec<String> = protocols.iter().map(|one| format!("\"{one}\"")).collect();
                let message =
                    format!("not for protocol = \"{}\": only for {}", raw.protocol, known.join(", "));
                self.problem(span, format!("device[{at}].{name}"), message);
            }
        }
    }

    fn access(&mut self, at: usize, raw: &RawDevice) -> Option<Access> {
        match raw.protocol {
            Protocol::SunSpec | Protocol::Modbus => {
                let reach = self.reach(at, raw)?;
                let unit_id = raw.unit_id.as_ref().map_or(1, |unit| *unit.get_ref());
                if let (Reach::Serial(_), Some(unit)) = (&reach, &raw.unit_id)
                    && !(1..=247).contains(&unit_id)
                {
                    let message = format!("{unit_id}, allowed on a serial line: 1 to 247");
                    self.problem(unit.span(), format!("device[{at}].unit_id"), message);
                }
                let gap_max = raw.gap_max.as_ref().map_or(0, |gap| *gap.get_ref());
                if let Some(gap) = raw.gap_max.as_ref().filter(|gap| *gap.get_ref() > GAP_MAX) {
                    let message = format!("{gap_max}, allowed: 0 to {GAP_MAX}");
                    self.problem(gap.span(), format!("device[{at}].gap_max"), message);
                }
                Some(Access::Modbus(Modbus { reach, unit_id, gap_max }))
            }
            Protocol::Dnp3 => {
                let reach = self.reach(at, raw);
                let tls = self.device_tls(at, raw);
                let Some(outstation) = &raw.outstation_address else {
                    let message = "missing field `outstation_address`: the DNP3 address of the device";
                    self.problem(raw.id.span(), format!("device[{at}]"), message);
                    return None;
                };
                self.dnp3_address(format!("device[{at}].outstation_address"), outstation);
                let master = raw.master_address.as_ref();
                if let Some(master) = master {
                    self.dnp3_address(format!("device[{at}].master_address"), master);
                }
                let own = master.map_or(MASTER_ADDRESS, |master| *master.get_ref());
                if own == *outstation.get_ref() {
                    let message =
                        format!("{own} is our own address as its master: give another `master_address`");
                    self.problem(outstation.span(), format!("device[{at}].outstation_address"), message);
                }
                let every = raw.integrity_every.as_ref();
                if let Some(every) =
                    every.filter(|every| !(INTEGRITY_EVERY.0..=INTEGRITY_EVERY.1).contains(every.get_ref()))
                {
                    let (low, high) = INTEGRITY_EVERY;
                    let message = format!("{}, allowed: {low} to {high}", every.get_ref());
                    self.problem(every.span(), format!("device[{at}].integrity_every"), message);
                }
                Some(Access::Dnp3(Box::new(Dnp3 {
                    reach: reach?,
                    tls,
                    outstation: *outstation.get_ref(),
                    master: own,
                    integrity_every: every.map_or(1, |every| (*every.get_ref()).max(1)),
                    unsolicited: raw.unsolicited.as_ref().is_some_and(|unasked| *unasked.get_ref()),
                    time_sync: raw.time_sync.as_ref().is_some_and(|sync| *sync.get_ref()),
                })))
            }
            Protocol::Csv => {
                let Some(file) = &raw.file else {
                    let message = "missing field `file`: the file to replay";
                    self.problem(raw.id.span(), format!("device[{at}]"), message);
                    return None;
                };
                let (path, problem) = self.source.resolve_file(&format!("device[{at}].file"), file);
                let is_there = problem.is_none();
                problem
                    .filter(|_| self.purpose == Purpose::Run)
                    .into_iter()
                    .for_each(|problem| self.problems.add(problem));
                let time: std::sync::Arc<str> =
                    raw.time.as_ref().map_or("time", |time| time.get_ref().as_str()).into();
                let (span, key) = match &raw.time {
                    Some(time) => (time.span(), "time"),
                    None => (file.span(), "file"),
                };
                if is_there {
                    self.heading(span, format!("device[{at}].{key}"), &path, &time);
                }
                let repeat = raw.repeat.as_ref().is_some_and(|repeat| *repeat.get_ref());
                Some(Access::Csv(Csv { file: path, time, repeat, columns: Vec::new() }))
            }
            Protocol::Sparkplug => Some(Access::Sparkplug(Box::new(self.sparkplug_device(at, raw)?))),
            Protocol::OpcUa => Some(Access::OpcUa(Box::new(self.opcua_device(at, raw)?))),
        }
    }

    fn reach(&mut self, at: usize, raw: &RawDevice) -> Option<Reach> {
        match (&raw.address, &raw.serial) {
            (Some(address), None) => Some(Reach::Tcp(*address.get_ref())),
            (None, Some(serial)) => Some(Reach::Serial(self.serial(at, serial.get_ref())?)),
            (Some(_), Some(serial)) => {
                let message = "a device has either an `address` or a `serial` line";
                self.problem(serial.span(), format!("device[{at}].serial"), message);
                None
            }
            (None, None) => {
                let message = "missing field `address` (host and port), or `serial` for a line";
                self.problem(raw.id.span(), format!("device[{at}]"), message);
                None
            }
        }
    }

    fn serial(&mut self, at: usize, raw: &RawSerial) -> Option<SerialConfig> {
        let field = |name: &str| format!("device[{at}].serial.{name}");
        let baud = *raw.baud.get_ref();
        if !(BAUD.0..=BAUD.1).contains(&baud) {
            self.problem(
                raw.baud.span(),
                field("baud"),
                format!("{baud}, allowed: {} to {}", BAUD.0, BAUD.1),
            );
        }
        let parity = match &raw.parity {
            Some(text) => match text.get_ref().parse::<Parity>() {
                Ok(parity) => parity,
                Err(error) => {
                    self.problem(text.span(), field("parity"), error.to_string());
                    return None;
                }
            },
            None => Parity::None,
        };
        let stop_bits = match &raw.stop_bits {
            Some(bits) => match bits.get_ref().to_string().parse::<StopBits>() {
                Ok(stop_bits) => stop_bits,
                Err(error) => {
                    self.problem(bits.span(), field("stop_bits"), error.to_string());
                    return None;
                }
            },
            None => StopBits::One,
        };
        let port = self.source.resolve(raw.port.get_ref());
        Some(SerialConfig { baud, parity, stop_bits, ..SerialConfig::new(port) })
    }

    /// Devices on one line agree on its settings, and all speak Modbus.
    fn line_of(&mut self, at: usize, raw: &RawDevice, device: &Device, others: &[Device]) {
        let (Some(serial), Some(line)) = (&raw.serial, device.access.serial()) else { return };
        let shares = |other: &&Device| other.access.serial().is_some_and(|known| known.path == line.path);
        let Some((other, known)) =
            others.iter().find(shares).and_then(|other| Some((other, other.access.serial()?)))
        else {
            return;
        };
        let is_modbus = |device: &Device| matches!(device.access, Access::Modbus(_));
        let message = if !(is_modbus(device) && is_modbus(other)) {
            format!(
                "device `{}` speaks {} on the line of device `{}`, which speaks {}: DNP3 has a line alone",
                device.id, device.protocol, other.id, other.protocol
            )
        } else if known != line {
            format!(
                "device `{}` sets {line}, device `{}` sets {known}: devices on one line agree on its settings",
                device.id, other.id
            )
        } else {
            return;
        };
        self.problem(serial.span(), format!("device[{at}].serial"), message);
    }

    /// Our end of TLS to an outstation or a broker, admitting it alone.
    pub(super) fn device_tls(&mut self, at: usize, raw: &RawDevice) -> Option<TlsPolicy> {
        let field = |name: &str| format!("device[{at}].{name}");
        let Some(tls) = &raw.tls else {
            if let Some(admit) = &raw.admit {
                self.problem(admit.span(), field("admit"), "has no meaning without `tls`: leave it out");
            }
            return None;
        };
        if let Some(serial) = &raw.serial {
            self.problem(serial.span(), field("serial"), "there is no TLS on a serial line");
        }
        let policy = self.tls_at(&format!("device[{at}]."), tls.get_ref());
        let mut admit: Vec<PeerIdentity> = Vec::new();
        for text in raw.admit.iter().flat_map(Spanned::get_ref) {
            match text.get_ref().parse() {
                Ok(identity) => admit.push(identity),
                Err(error) => self.problem(text.span(), field("admit"), format!("{error}")),
            }
        }
        if raw.admit.as_ref().is_none_or(|admit| admit.get_ref().is_empty()) {
            let message = "`tls` needs `admit`: the identities that the device may show";
            self.problem(tls.span(), field("tls"), message);
        }
        Some(policy.admitting(admit))
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

    /// A point that does not change is told of seldom, by an outstation at integrity polls only: it must not be stale
    /// before the next time.
    pub(crate) fn refreshed(
        &mut self,
        field: &str,
        raw: Option<&Spanned<u64>>,
        id: &Spanned<String>,
        age_max: Option<Duration>,
        device: Option<&Device>,
    ) {
        let (Some(age_max), Some(device)) = (age_max, device) else { return };
        let (between, why) = match &device.access {
            Access::Dnp3(dnp3) if dnp3.integrity_every > 1 => (
                device.poll.saturating_mul(dnp3.integrity_every),
                "reads all every {} ms (poll_ms times integrity_every)",
            ),
            Access::Sparkplug(sparkplug) if sparkplug.alive == Alive::Session => (
                Duration::from_secs(Sparkplug::keep_alive(device.poll).into()),
                "asks its broker every {} ms (poll_ms in whole seconds)",
            ),
            _ => return,
        };
        if age_max <= between {
            let message = format!(
                "{} ms, but device `{}` {}: what does not change would be stale between",
                age_max.as_millis(),
                device.id,
                why.replace("{}", &between.as_millis().to_string()),
            );
            self.problem(
                raw.map_or_else(|| id.span(), Spanned::span),
                format!("{field}.age_max_ms"),
                message,
            );
        }
    }
}
