//! From `ems.toml` as written to a [`Config`]: all problems are collected, none is left for the first scan to find.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Problems, Source, Spanned};
use ieee1815::PointType;
use ieee1815_tokio::{PeerIdentity, TlsVersion, TlsVersionError};
use telemetry::{Scale, ScalePart, WireForm};

use crate::model::{Config, Device, Heartbeat, Observer, Point, ScanMode, SetPoint, Tls, Transport};
use crate::operate::command;
use crate::raw::{RawConfig, RawDevice, RawHeartbeat, RawObserver, RawPoint, RawSetPoint, RawTls};

/// DNP3 addresses above are reserved.
const ADDRESS_MAX: u16 = 65_519;
/// Times are told in milliseconds, up to a day.
const DAY_MS: u64 = 86_400_000;
/// Integrity polls in mode events: one in so many scans, unless the file says otherwise.
const INTEGRITY_SCANS_DEFAULT: u32 = 15;
/// Unless the file says otherwise.
const RESPONSE_TIMEOUT_MS_DEFAULT: u64 = 3_000;
/// A beat of the heartbeat may fall between two scans, so fewer scans than these prove nothing.
const HEARTBEAT_SCANS_MIN: u32 = 3;

impl Config {
    /// Reads and checks an EMS file. Relative paths in it start at its own folder.
    ///
    /// # Errors
    /// Everything wrong with the file, at its lines and columns; files that it names and that do not exist.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::from_source(&Source::read(path)?)
    }

    /// Checks a text.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn from_source(source: &Source) -> Result<Self, Problems> {
        let raw: RawConfig = source.parse()?;
        let mut check = Check { source, problems: Problems::default() };
        let config = check.config(&raw);
        check.problems.into_result(config)
    }
}

struct Check<'a> {
    source: &'a Source,
    problems: Problems,
}

/// What one device has been seen to name so far.
#[derive(Default)]
struct Names {
    ids: BTreeSet<String>,
    indexes: BTreeMap<(PointType, u16), String>,
}

impl Check<'_> {
    fn problem(&mut self, at: Range<usize>, field: impl Into<String>, message: impl Into<String>) {
        self.problems.add(self.source.problem(at, field, message));
    }

    fn config(&mut self, raw: &RawConfig) -> Config {
        if raw.device.is_empty() {
            self.problems.add(self.source.whole("device", "at least one [[device]] is needed"));
        }
        if raw.tls.is_none() && raw.device.iter().any(|device| device.transport == Transport::Tls) {
            let message = "is needed, unless every device has transport = \"tcp\"";
            self.problems.add(self.source.whole("tls", message));
        }
        let mut names = BTreeSet::new();
        let mut devices = Vec::new();
        for (at, device) in raw.device.iter().enumerate() {
            let name = device.name.get_ref();
            if name.is_empty() || !names.insert(name.clone()) {
                let message = if name.is_empty() {
                    "must not be empty".to_owned()
                } else {
                    format!("there is already a device `{name}`")
                };
                self.problem(device.name.span(), format!("device[{at}].name"), message);
            }
            devices.push(self.device(at, device));
        }
        Config {
            file: self.source.file().to_owned(),
            socket: self.socket("ems.socket", &raw.ems.socket),
            tls: raw.tls.as_ref().map(|tls| self.tls(tls)),
            observer: raw.observer.as_ref().map(|observer| self.observer(observer, &raw.device)),
            devices,
        }
    }

    /// A file that must be there.
    fn file(&mut self, field: &str, path: &Spanned<PathBuf>) -> PathBuf {
        let (resolved, problem) = self.source.resolve_file(field, path);
        problem.into_iter().for_each(|problem| self.problems.add(problem));
        resolved
    }

    /// Where a local socket can be.
    fn socket(&mut self, field: &str, path: &Spanned<PathBuf>) -> PathBuf {
        let resolved = self.source.resolve(path.get_ref());
        if let Err(error) = localsocket::check(&resolved) {
            self.problem(path.span(), field, error.to_string());
        }
        resolved
    }

    fn tls(&mut self, raw: &RawTls) -> Tls {
        if raw.trust_anchors.get_ref().is_empty() {
            self.problem(raw.trust_anchors.span(), "tls.trust_anchors", "at least one file is needed");
        }
        let min_version = self.version("tls.min_version", raw.min_version.as_ref(), TlsVersion::V1_2);
        let max_version = self.version("tls.max_version", raw.max_version.as_ref(), TlsVersion::V1_3);
        if min_version > max_version
            && let Some(text) = raw.min_version.as_ref().or(raw.max_version.as_ref())
        {
            self.problem(text.span(), "tls", "min_version is above max_version");
        }
        Tls {
            certificate: self.file("tls.certificate", &raw.certificate),
            key: self.file("tls.key", &raw.key),
            trust_anchors: raw
                .trust_anchors
                .get_ref()
                .iter()
                .map(|path| self.file("tls.trust_anchors", path))
                .collect(),
            min_version,
            max_version,
            debug_keylog: raw.debug_keylog.as_ref().map(|path| self.source.resolve(path)),
        }
    }

    fn version(&mut self, field: &str, text: Option<&Spanned<String>>, default: TlsVersion) -> TlsVersion {
        let Some(text) = text else { return default };
        text.get_ref().parse().unwrap_or_else(|error: TlsVersionError| {
            self.problem(text.span(), field, error.to_string());
            default
        })
    }

    fn observer(&mut self, raw: &RawObserver, devices: &[RawDevice]) -> Observer {
        let field = "observer.master_address";
        let master_address = self.dnp3_address(field, &raw.master_address);
        if let Some(device) = devices.iter().find(|device| *device.master_address.get_ref() == master_address)
        {
            let message = format!(
                "{master_address} is the EMS's own address at `{}`; the observer needs one of its own",
                device.name.get_ref()
            );
            self.problem(raw.master_address.span(), field, message);
        }
        if let Some(device) =
            devices.iter().find(|device| *device.outstation_address.get_ref() == master_address)
        {
            let message = format!("{master_address} is the address of `{}` itself", device.name.get_ref());
            self.problem(raw.master_address.span(), field, message);
        }
        Observer {
            certificate: self.file("observer.certificate", &raw.certificate),
            key: self.file("observer.key", &raw.key),
            master_address,
        }
    }

    fn dnp3_address(&mut self, field: impl Into<String>, address: &Spanned<u16>) -> u16 {
        let number = *address.get_ref();
        if number > ADDRESS_MAX {
            let message = format!("{number}, DNP3 addresses are 0 to {ADDRESS_MAX}");
            self.problem(address.span(), field, message);
        }
        number
    }

    fn millis(&mut self, field: String, value: &Spanned<u64>, low: u64) -> Duration {
        let millis = *value.get_ref();
        if !(low..=DAY_MS).contains(&millis) {
            self.problem(value.span(), field, format!("{millis} ms, allowed: {low} to {DAY_MS}"));
        }
        Duration::from_millis(millis)
    }

    fn device(&mut self, at: usize, raw: &RawDevice) -> Device {
        let field = |name: &str| format!("device[{at}].{name}");
        self.host_and_port(field("address"), &raw.address);
        let scan = self.millis(field("scan_ms"), &raw.scan_ms, 10);
        let integrity_scans =
            raw.integrity_scans.as_ref().map_or(INTEGRITY_SCANS_DEFAULT, |scans| *scans.get_ref());
        if let Some(scans) = raw.integrity_scans.as_ref().filter(|_| integrity_scans == 0) {
            self.problem(scans.span(), field("integrity_scans"), "0, must be 1 or more");
        }
        let response_timeout = match &raw.response_timeout_ms {
            Some(millis) => self.millis(field("response_timeout_ms"), millis, 10),
            None => Duration::from_millis(RESPONSE_TIMEOUT_MS_DEFAULT),
        };
        let age_max = match &raw.age_max_ms {
            Some(millis) => self.millis(field("age_max_ms"), millis, 1),
            None => age_max_default(scan, raw.scan, integrity_scans),
        };
        let mut names = Names::default();
        let mut points = Vec::new();
        for (place, analog) in raw.analog.iter().enumerate() {
            let field = field(&format!("analog[{place}]"));
            points.push(self.point(&field, &analog.point(), PointType::AnalogInput, &mut names));
        }
        for (place, digital) in raw.digital.iter().enumerate() {
            let field = field(&format!("digital[{place}]"));
            points.push(self.point(&field, &digital.point(), PointType::BinaryInput, &mut names));
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
        let master_address = self.dnp3_address(field("master_address"), &raw.master_address);
        let outstation_address = self.dnp3_address(field("outstation_address"), &raw.outstation_address);
        if master_address == outstation_address {
            // Two ends of one name: neither could tell a question from an answer.
            let message = format!("{master_address} is the address of the device itself");
            self.problem(raw.master_address.span(), field("master_address"), message);
        }
        Device {
            name: raw.name.get_ref().as_str().into(),
            address: raw.address.get_ref().clone(),
            transport: raw.transport,
            master_address,
            outstation_address,
            admit: self.admit(&field("admit"), raw),
            scan,
            scan_mode: raw.scan,
            integrity_scans: integrity_scans.max(1),
            response_timeout,
            age_max,
            heartbeat: raw.heartbeat.as_ref().and_then(|raw| self.heartbeat(at, raw, scan, &points)),
            points,
            setpoints,
        }
    }

    fn host_and_port(&mut self, field: String, address: &Spanned<String>) {
        let fine = address
            .get_ref()
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
        if !fine {
            let message = format!("`{}`, must be `host:port` such as `127.0.0.1:20000`", address.get_ref());
            self.problem(address.span(), field, message);
        }
    }

    fn admit(&mut self, field: &str, raw: &RawDevice) -> Vec<PeerIdentity> {
        let listed = raw.admit.as_ref().filter(|admit| !admit.get_ref().is_empty());
        let Some(admit) = listed else {
            if raw.transport == Transport::Tls {
                let at = raw.admit.as_ref().map_or_else(|| raw.name.span(), Spanned::span);
                self.problem(at, field, "at least one identity is needed, such as \"name:rtd.example\"");
            }
            return Vec::new();
        };
        let mut identities = Vec::new();
        for text in admit.get_ref() {
            match text.get_ref().parse() {
                Ok(identity) => identities.push(identity),
                Err(error) => {
                    let error: ieee1815_tokio::IdentityError = error;
                    self.problem(text.span(), field, error.to_string());
                }
            }
        }
        identities
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
        if let Some(text) = &raw.period_ms {
            let period = self.millis(field("period_ms"), text, 1);
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
    fn point(&mut self, field: &str, raw: &RawPoint<'_>, kind: PointType, names: &mut Names) -> Point {
        let text = raw.id.get_ref();
        if text.is_empty() || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            let message = format!("`{text}` is not an id: it must not be empty or hold blanks");
            self.problem(raw.id.span(), format!("{field}.id"), message);
        } else if !names.ids.insert(text.clone()) {
            let message = format!("there is already a point `{text}`");
            self.problem(raw.id.span(), format!("{field}.id"), message);
        }
        let index = *raw.index.get_ref();
        if let Some(other) = names.indexes.insert((kind, index), text.clone()) {
            let message = format!("{index} is already the index of `{other}`");
            self.problem(raw.index.span(), format!("{field}.index"), message);
        }
        let name = if raw.name.is_empty() { text } else { raw.name };
        Point {
            id: text.as_str().into(),
            name: name.to_owned(),
            point_type: kind,
            index,
            unit: raw.quantity.as_ref().map(|quantity| quantity.unit),
            wire: self.wire(field, raw),
        }
    }

    fn wire(&mut self, field: &str, raw: &RawPoint<'_>) -> Scale {
        let Some(quantity) = &raw.quantity else { return Scale::Engineering };
        let form = quantity.wire.map_or(WireForm::Counts, |form| *form.get_ref());
        let number = |text: Option<&Spanned<f64>>| text.map(|number| *number.get_ref());
        let (max_units, max_counts) = (quantity.max_units, quantity.max_counts);
        let (scale, errors) = Scale::described(form, number(max_units), number(max_counts));
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
        let status = self.point(field, &raw.point(), PointType::AnalogOutputStatus, names);
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

/// Twice the time in which every point is reported at least once.
fn age_max_default(scan: Duration, mode: ScanMode, integrity_scans: u32) -> Duration {
    match mode {
        ScanMode::Class0 => scan.saturating_mul(2),
        ScanMode::Events => scan.saturating_mul(integrity_scans.saturating_mul(2)),
    }
}
