//! What `ems.toml` says, checked and resolved: plain data, nothing left to look up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ieee1815::PointType;
use ieee1815_tokio::{PeerIdentity, TlsPolicy};
use telemetry::{PointId, Scale, Unit};

/// The ISO's side as configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// The profile that it names, as written.
    pub profile: Option<Arc<str>>,
    /// The overlay that it names, resolved; whether it is there was not looked at.
    pub overlay: Option<PathBuf>,
    /// Our own control socket.
    pub socket: PathBuf,
    /// Our end of TLS, which admits nobody by itself: the devices' lists apply. `None` only where every device is reached over plain TCP.
    pub tls: Option<TlsPolicy>,
    /// The read-only identity for a poll while no EMS runs.
    pub observer: Option<Observer>,
    /// The devices, in the order of the file.
    pub devices: Vec<Device>,
}

/// The identity under which somebody may look while no EMS runs. Never the EMS's own: that would take its session
/// and its confirmed events away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observer {
    /// Its certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Its DNP3 address at every device.
    pub master_address: u16,
}

/// What carries the octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Mutual TLS.
    #[default]
    Tls,
    /// Plain TCP: anybody on the way reads and writes. For bench tests only.
    Tcp,
}

/// What the regular scan asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanMode {
    /// All static values at each scan.
    Class0,
    /// Events of classes 1, 2 and 3, with an integrity poll now and then.
    #[default]
    Events,
}

/// One device (an outstation).
#[derive(Clone, Debug)]
pub struct Device {
    /// What it is called.
    pub name: Arc<str>,
    /// `host:port`.
    pub address: String,
    /// What carries the octets.
    pub transport: Transport,
    /// Our DNP3 address there.
    pub master_address: u16,
    /// Its DNP3 address.
    pub outstation_address: u16,
    /// Who it must prove to be.
    pub admit: Vec<PeerIdentity>,
    /// Time between two scans.
    pub scan: Duration,
    /// What a scan asks for.
    pub scan_mode: ScanMode,
    /// In mode events: every how many scans one is an integrity poll.
    pub integrity_scans: u32,
    /// How long a response may take.
    pub response_timeout: Duration,
    /// A point that was not reported for longer is stale.
    pub age_max: Duration,
    /// The heartbeat, where the device has one.
    pub heartbeat: Option<Heartbeat>,
    /// Its points: analogs, then digitals, then the statuses of its set points.
    pub points: Vec<Point>,
    /// Its set points.
    pub setpoints: Vec<SetPoint>,
}

/// The point that must change from scan to scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its place in [`Device::points`].
    pub point: usize,
    /// Stuck after so many answered scans without a change.
    pub scans: u32,
}

/// One point of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its id.
    pub id: PointId,
    /// What it is, for people.
    pub name: String,
    /// Its DNP3 type.
    pub point_type: PointType,
    /// Its DNP3 index, with the offset applied.
    pub index: u16,
    /// What it means to the ISO, in a profile's words.
    pub role: Option<Arc<str>>,
    /// `None` for states.
    pub unit: Option<Unit>,
    /// How an analog travels; meaningless for states.
    pub wire: Scale,
}

/// One set point of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetPoint {
    /// The place of its status (g40) in [`Device::points`], which has its id, unit, index and wire.
    pub point: usize,
    /// Lowest and highest value that we send, in its unit.
    pub limits: (f64, f64),
    /// The place of the value in force in [`Device::points`].
    pub feedback: usize,
}
