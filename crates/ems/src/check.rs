//! From `ems.toml` as written to a [`Config`]: all problems are collected, none is left for the first scan to find.

mod points;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Problems, Source, Spanned};
use ieee1815_tokio::{PeerIdentity, TlsPolicy, TlsSection};

use crate::defaults::{Defaults, problem_of_profile};
use crate::model::{Config, Device, Observer, ScanMode, Transport};
use crate::raw::{RawConfig, RawDevice, RawObserver};

/// DNP3 addresses above are reserved.
const ADDRESS_MAX: u16 = 65_519;
/// The least time between two scans.
const SCAN_MS_MIN: u64 = 10;
/// Times are told in milliseconds, up to a day.
const DAY_MS: u64 = 86_400_000;
/// Integrity polls in mode events: one in so many scans, unless the file says otherwise.
const INTEGRITY_SCANS_DEFAULT: u32 = 15;
/// Unless the file says otherwise.
const RESPONSE_TIMEOUT_MS_DEFAULT: u64 = 3_000;

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
        Self::read_with(source, &Defaults::default())
    }

    /// Checks a text. Where it says nothing `defaults` hold.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn read_with(source: &Source, defaults: &Defaults) -> Result<Self, Problems> {
        let raw: RawConfig = source.parse()?;
        let mut check = Check { source, defaults, problems: Problems::default() };
        let config = check.config(&raw);
        check.problems.into_result(config)
    }
}

struct Check<'a> {
    source: &'a Source,
    defaults: &'a Defaults,
    problems: Problems,
}

impl Check<'_> {
    fn problem(&mut self, at: Range<usize>, field: impl Into<String>, message: impl Into<String>) {
        self.problems.add(self.source.problem(at, field, message));
    }

    fn config(&mut self, raw: &RawConfig) -> Config {
        let profile = problem_of_profile(self.source, raw.ems.profile.as_ref());
        profile.into_iter().for_each(|problem| self.problems.add(problem));
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
            profile: raw.ems.profile.as_ref().map(|text| text.get_ref().as_str().into()),
            overlay: raw.ems.overlay.as_ref().map(|path| self.source.resolve(path)),
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

    fn tls(&mut self, raw: &TlsSection) -> TlsPolicy {
        let (policy, problems) = raw.check(|path| self.source.resolve(path));
        for problem in problems {
            self.problem(problem.span, problem.field, problem.message);
        }
        policy
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
        let scan = match (&raw.scan_ms, self.defaults.scan) {
            (Some(millis), _) => self.millis(field("scan_ms"), millis, SCAN_MS_MIN),
            (None, Some(scan)) => scan.max(Duration::from_millis(SCAN_MS_MIN)),
            (None, None) => {
                let message = "missing field `scan_ms`: the time between two scans";
                self.problem(raw.name.span(), format!("device[{at}]"), message);
                // Long enough that nothing else is told of it.
                Duration::from_millis(DAY_MS)
            }
        };
        let scan_mode = raw.scan.or(self.defaults.scan_mode).unwrap_or_default();
        let default = self.defaults.integrity_scans.unwrap_or(INTEGRITY_SCANS_DEFAULT).max(1);
        let integrity_scans = raw.integrity_scans.as_ref().map_or(default, |scans| *scans.get_ref());
        if let Some(scans) = raw.integrity_scans.as_ref().filter(|_| integrity_scans == 0) {
            self.problem(scans.span(), field("integrity_scans"), "0, must be 1 or more");
        }
        let response_timeout = match &raw.response_timeout_ms {
            Some(millis) => self.millis(field("response_timeout_ms"), millis, 10),
            None => Duration::from_millis(RESPONSE_TIMEOUT_MS_DEFAULT),
        };
        let age_max = match &raw.age_max_ms {
            Some(millis) => self.millis(field("age_max_ms"), millis, 1),
            None => age_max_default(scan, scan_mode, integrity_scans),
        };
        if let Some(kinds) = raw.resource.as_ref().filter(|kinds| kinds.get_ref().is_empty()) {
            let message = "is empty: the kind of the resource and of its components; left out for any";
            self.problem(kinds.span(), field("resource"), message);
        }
        let table = self.points(at, raw, scan);
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
            scan_mode,
            integrity_scans: integrity_scans.max(1),
            response_timeout,
            age_max,
            heartbeat: table.heartbeat,
            points: table.points,
            setpoints: table.setpoints,
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
}

/// Twice the time in which every point is reported at least once.
fn age_max_default(scan: Duration, mode: ScanMode, integrity_scans: u32) -> Duration {
    match mode {
        ScanMode::Class0 => scan.saturating_mul(2),
        ScanMode::Events => scan.saturating_mul(integrity_scans.saturating_mul(2)),
    }
}
