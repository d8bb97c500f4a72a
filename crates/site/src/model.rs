//! A site as the rest of the device uses it: resolved and validated, nothing left to look up or to doubt.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ieee1815_tokio::{PeerIdentity, TlsPolicy};
use telemetry::{PointId, ResourceKind, Scale, Sign, Unit};

use crate::defaults::TlsFloor;
use crate::derive::{AnalogDerive, Checks, DigitalDerive};
use crate::device::{Device, DeviceIx, ReadingIx};
use crate::drive::Drive;
use crate::regulating::Regulating;
use crate::resource::{Component, ComponentIx, MasterFile, Station, StationIx};

macro_rules! index {
    ($name:ident $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(usize);

        impl $name {
            /// From a position.
            #[must_use]
            pub const fn new(at: usize) -> Self {
                Self(at)
            }

            /// The position.
            #[must_use]
            pub const fn get(self) -> usize {
                self.0
            }
        }
    };
}
pub(crate) use index;

/// A whole site.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The file that it was read from.
    pub file: PathBuf,
    /// What people call it.
    pub name: Arc<str>,
    /// What kind of resource it is to the ISO.
    pub resource: ResourceKind,
    /// The profile that it names, as written: an id, or a path that ends in `.toml`, relative to the file.
    pub profile: Option<Arc<str>>,
    /// The overlay that it names, resolved; whether it is there was not looked at.
    pub overlay: Option<PathBuf>,
    /// What the Master File holds of it.
    pub master_file: MasterFile,
    /// Its parts, by [`ComponentIx`], in the order of the file.
    pub components: Vec<Component>,
    /// Its met stations, by [`StationIx`], in the order of the file.
    pub stations: Vec<Station>,
    /// The running device's own control socket.
    pub socket: PathBuf,
    /// The DNP3 end.
    pub outstation: Outstation,
    /// Its end of TLS, which admits nobody by itself: the masters' lists apply. Every file existed when the site was
    /// read to be run.
    pub tls: TlsPolicy,
    /// The oldest version of TLS that the file allows. Below 1.2 only where the site is read to be checked; `tls`
    /// does not follow it there.
    pub tls_floor: TlsFloor,
    /// Who may connect; at least one, no address and no identity twice.
    pub masters: Vec<Master>,
    /// Devices of the plant, by [`DeviceIx`].
    pub devices: Vec<Device>,
    /// Measured quantities.
    pub analogs: Vec<Analog>,
    /// Measured states.
    pub digitals: Vec<Digital>,
    /// The counter that proves that the device works.
    pub heartbeat: Option<Heartbeat>,
    /// The computed state of the unit's connection.
    pub connection: Option<Connection>,
    /// What a master may command.
    pub setpoints: Vec<SetPoint>,
    /// Where history is kept; `None`: nowhere.
    pub history: Option<History>,
    /// Where the history is sent on to; none without a history, no name twice.
    pub publish: Vec<Publish>,
    /// Where metrics and health are served; `None`: nowhere.
    pub metrics: Option<Metrics>,
    /// What the machine's clock is held against; `None`: nobody says whether it is right.
    pub clock: Option<Clock>,
    /// Where all that comes into the device is recorded, to be replayed; `None`: nowhere.
    pub capture: Option<Capture>,
}

impl Site {
    /// A path of the site as people know it: from the folder of its file, whatever that is reached by.
    #[must_use]
    pub fn as_named(&self, path: &Path) -> PathBuf {
        let real = std::fs::canonicalize(&self.file).ok();
        let below = real.as_deref().and_then(Path::parent).and_then(|folder| path.strip_prefix(folder).ok());
        below.unwrap_or(path).to_owned()
    }
}

/// Where metrics and health are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The address of the HTTP server.
    pub listen: SocketAddr,
}

/// What the machine's clock is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Time servers; at least one, none twice.
    pub ntp: Vec<SocketAddr>,
    /// How often they are asked.
    pub poll: Duration,
    /// A clock that is farther from theirs is not right any more.
    pub offset_max: Duration,
}

/// Where all that comes into the device is recorded, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// A folder; it is made where it is not there. Each start of the device writes a file.
    pub folder: PathBuf,
    /// What all files there may take together.
    pub octets_max: u64,
}

/// Where history is kept, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The store's file; it and its folder are made where they are not there.
    pub path: PathBuf,
    /// What is older is removed.
    pub retention: Duration,
    /// Where the file holds more octets, the oldest history is removed.
    pub octets_max: u64,
}

/// A place that the history is sent on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// What the file calls it, and the store that remembers how far it has come.
    pub name: Arc<str>,
    /// What this site is called there.
    pub site: Arc<str>,
    /// Its end of TLS; `None`: in the clear.
    pub tls: Option<PublishTls>,
    /// What it is.
    pub to: PublishTo,
}

/// What a place that the history is sent on to is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishTo {
    /// A stream of NATS JetStream.
    Nats {
        /// Without a user or a token.
        url: String,
        /// The stream's name.
        stream: String,
        /// What its subjects begin with.
        subject: String,
        /// The file of a user's JWT and seed.
        credentials: Option<PathBuf>,
    },
    /// Tables of PostgreSQL.
    Postgres {
        /// Without a password.
        url: String,
        /// The file whose first line is the password.
        password_file: Option<PathBuf>,
        /// The schema that the tables are in.
        schema: String,
    },
}

/// How a place that the history is sent on to is known, and how it knows us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishTls {
    /// Authorities that its certificate may be of.
    pub ca: PathBuf,
    /// Our chain and key, where it asks for one.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// The DNP3 end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outstation {
    /// Where masters connect to.
    pub listen: SocketAddr,
    /// Its DNP3 address, 0 to 65519.
    pub address: u16,
    /// Who sets the DNP3 time.
    pub time_source: TimeSource,
    /// Events kept for each master.
    pub events_max: usize,
    /// A master that says nothing for so long is asked whether it is still there.
    pub keep_alive: Duration,
    /// What is added to an index of the file to make it one of DNP3.
    pub index_offset: i32,
}

/// Who sets the DNP3 time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// The machine's clock is right; masters are not asked for the time.
    #[default]
    Local,
    /// A master writes it.
    Master,
}

impl std::fmt::Display for TimeSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Master => "master",
        })
    }
}

/// One master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Master {
    /// What people call it.
    pub name: Arc<str>,
    /// Its DNP3 address.
    pub address: u16,
    /// The certificates it may show; at least one.
    pub admit: Vec<PeerIdentity>,
    /// Whether it may send set points.
    pub control: bool,
}

/// How a point is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// DNP3 index with the offset applied; `None`: not served.
    pub index: Option<u16>,
    /// The index as the file (and the ISO's sheet) has it, before the offset; `None` where it has none or 0. Set even
    /// where the point is not served because its role is not.
    pub sheet_index: Option<u16>,
    /// Event class 1 to 3; 0: no events.
    pub class: u8,
    /// Static variation (of g30, g1 or g40).
    pub static_variation: u8,
    /// Event variation (of g32, g2 or g42).
    pub event_variation: u8,
}

/// What every point has, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its id.
    pub id: PointId,
    /// What people call it.
    pub name: Arc<str>,
    /// How it is served.
    pub served: Served,
    /// What it means to the ISO, in a profile's words.
    pub role: Option<Arc<str>>,
    /// The part of the plant that it belongs to.
    pub component: Option<ComponentIx>,
    /// Its 'Point Name' in the ISO's sheet.
    pub sheet_name: Option<Arc<str>>,
}

/// A measured quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Analog {
    /// What every point has.
    pub point: Point,
    /// The met station that it belongs to.
    pub station: Option<StationIx>,
    /// Accuracy of the instrument, in `unit`; above 0.
    pub accuracy: Option<f64>,
    /// Where it is read; `None`: it is derived, or not mapped yet and served as never read.
    pub source: Option<AnalogSource>,
    /// How it is made of other points; never beside a `source`.
    pub derive: Option<AnalogDerive>,
    /// Doubts that its values can raise.
    pub checks: Checks,
    /// Unit of the point.
    pub unit: Unit,
    /// Counts or engineering units.
    pub wire: Scale,
    /// Lowest and highest plausible value, in `unit`.
    pub range: Option<(f64, f64)>,
    /// A smaller change is no event, in `unit`.
    pub deadband: f64,
}

/// Where a measured quantity comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnalogSource {
    /// Its device.
    pub device: DeviceIx,
    /// Its reading of that device.
    pub reading: ReadingIx,
    /// Unit of the reading; of the same dimension as the point's.
    pub unit: Unit,
    /// Which way the source counts.
    pub sign: Sign,
    /// Older than this is stale.
    pub age_max: Duration,
}

/// A measured state.
#[derive(Clone, Debug, PartialEq)]
pub struct Digital {
    /// What every point has.
    pub point: Point,
    /// Text of state 0 and of state 1.
    pub states: Option<[Arc<str>; 2]>,
    /// Where it is read; `None`: it is derived, or not mapped yet and served as never read.
    pub source: Option<DigitalSource>,
    /// How it is made of other points; never beside a `source`.
    pub derive: Option<DigitalDerive>,
}

/// Where a measured state comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigitalSource {
    /// Its device.
    pub device: DeviceIx,
    /// Its reading of that device.
    pub reading: ReadingIx,
    /// Older than this is stale.
    pub age_max: Duration,
}

/// The heartbeat: an analog input in counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// What every point has; its role is `heartbeat` unless the file says otherwise.
    pub point: Point,
    /// Least time between two advances.
    pub period: Duration,
    /// Counts 0 to `wrap` - 1.
    pub wrap: u32,
}

/// The unit's connection: a binary input made of others.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// What every point has; its role is `connection` unless the file says otherwise.
    pub point: Point,
    /// Text of state 0 and of state 1.
    pub states: Option<[Arc<str>; 2]>,
    /// Connected when all of its digitals are true ([`DigitalDerive::All`]), or any ([`DigitalDerive::Any`]); at least
    /// one.
    pub derive: DigitalDerive,
}

/// A set point: an analog output, its status, and its feedback as an analog input.
#[derive(Clone, Debug, PartialEq)]
pub struct SetPoint {
    /// What every point has; its role is `setpoint` unless the file says otherwise. The index of its status (g40, g42) is also g41's.
    pub point: Point,
    /// Its unit, of active power.
    pub unit: Unit,
    /// Counts or engineering units, of set point and feedback alike.
    pub wire: Scale,
    /// Lowest and highest value accepted, in `unit`.
    pub limits: (f64, f64),
    /// How long the owner's session may be away.
    pub hold: Duration,
    /// The analog that it follows while the plant owns it.
    pub actual: PointId,
    /// The digital that tells that the plant is in remote.
    pub remote: Option<PointId>,
    /// The digital (or the connection) that must be true.
    pub connected: Option<PointId>,
    /// The value in force, as an analog input.
    pub feedback: Feedback,
    /// The devices that carry it out; at least one where the site is read to be run.
    pub drives: Vec<Drive>,
    /// How it is carried out.
    pub regulating: Regulating,
}

/// A set point's value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    /// What every point has; its role is `setpoint-feedback` unless the file says otherwise, its component its set point's.
    pub point: Point,
}
