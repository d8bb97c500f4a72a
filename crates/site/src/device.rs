//! A device of the plant: how it is reached, and what is read of it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ieee1815_tokio::{SerialConfig, TlsPolicy};

use crate::model::index;
use crate::networked::{OpcUa, Sparkplug};
use crate::sunspec::SunSpecPoint;

index!(DeviceIx "A device's position in [`Site::devices`](crate::Site::devices).");
index!(ReadingIx "A reading's position in [`Device::readings`].");

/// One device of the plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its id.
    pub id: Arc<str>,
    /// How it is read.
    pub protocol: Protocol,
    /// How it is reached.
    pub access: Access,
    /// Time between two polls.
    pub poll: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// What is read of it, by [`ReadingIx`]; nothing twice.
    pub readings: Vec<ReadingSpec>,
}

/// How a device is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Modbus with SunSpec models, found by walking their chain.
    SunSpec,
    /// Modbus with registers at fixed addresses.
    Modbus,
    /// DNP3, as its master.
    Dnp3,
    /// A file of columns, replayed.
    Csv,
    /// MQTT with Sparkplug B payloads.
    Sparkplug,
    /// OPC UA, as its client.
    OpcUa,
}

impl Protocol {
    /// As files write it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::SunSpec => "sunspec",
            Self::Modbus => "modbus",
            Self::Dnp3 => "dnp3",
            Self::Csv => "csv",
            Self::Sparkplug => "sparkplug",
            Self::OpcUa => "opcua",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// How a device is reached; the variant fits its [`Protocol`].
#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    /// Modbus, SunSpec or not.
    Modbus(Modbus),
    /// As a DNP3 master.
    Dnp3(Box<Dnp3>),
    /// From a file.
    Csv(Csv),
    /// Over an MQTT broker.
    Sparkplug(Box<Sparkplug>),
    /// As an OPC UA client.
    OpcUa(Box<OpcUa>),
}

impl Access {
    /// The serial line, where it is on one.
    #[must_use]
    pub fn serial(&self) -> Option<&SerialConfig> {
        match self {
            Self::Modbus(Modbus { reach: Reach::Serial(line), .. }) => Some(line),
            Self::Dnp3(dnp3) => match &dnp3.reach {
                Reach::Serial(line) => Some(line),
                Reach::Tcp(_) => None,
            },
            _ => None,
        }
    }
}

/// `127.0.0.1:502, unit 1`.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Modbus(modbus) => write!(f, "{}, unit {}", modbus.reach, modbus.unit_id),
            Self::Dnp3(dnp3) => write!(f, "{}, outstation {}", dnp3.reach, dnp3.outstation),
            Self::Csv(csv) => write!(f, "{}", csv.file.display()),
            Self::Sparkplug(sparkplug) => sparkplug.fmt(f),
            Self::OpcUa(opcua) => opcua.fmt(f),
        }
    }
}

/// The way to a device.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach {
    /// Where it listens.
    Tcp(SocketAddr),
    /// The line that it is on.
    Serial(SerialConfig),
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Serial(line) => line.fmt(f),
        }
    }
}

/// What a Modbus device is asked with.
#[derive(Clone, Debug, PartialEq)]
pub struct Modbus {
    /// The way to it. All devices on one serial line agree on its settings.
    pub reach: Reach,
    /// Unit id; 1 to 247 on a serial line.
    pub unit_id: u8,
    /// So many registers that nobody wants may be read along to save a request.
    pub gap_max: u16,
}

impl Modbus {
    /// A device at an address: unit 1, nothing read along.
    #[must_use]
    pub const fn tcp(address: SocketAddr) -> Self {
        Self { reach: Reach::Tcp(address), unit_id: 1, gap_max: 0 }
    }
}

/// What an outstation is asked with.
#[derive(Clone, Debug, PartialEq)]
pub struct Dnp3 {
    /// The way to it. A serial line is its alone.
    pub reach: Reach,
    /// Mutual TLS, with whom it admits; `None` without.
    pub tls: Option<TlsPolicy>,
    /// Its DNP3 address.
    pub outstation: u16,
    /// Ours.
    pub master: u16,
    /// Every so many polls all is read (classes 1, 2, 3 and 0), else events alone; at least 1.
    pub integrity_every: u32,
    /// Whether it may report events unasked.
    pub unsolicited: bool,
    /// Whether it gets its time from us.
    pub time_sync: bool,
}

/// A file that is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    /// The file; it existed when the site was read to be run.
    pub file: PathBuf,
    /// Heading of the column of times.
    pub time: Arc<str>,
    /// Begins again at its end; else the device is dead from there on.
    pub repeat: bool,
    /// Headings of the columns that are read; [`Place::Column`] counts in them.
    pub columns: Vec<Arc<str>>,
}

/// One thing read of a device.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadingSpec {
    /// Where it lies.
    pub place: Place,
    /// What becomes of it.
    pub form: Form,
}

/// Where a reading lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// A point of a SunSpec model.
    SunSpec(&'static SunSpecPoint),
    /// Registers at a fixed address.
    Register {
        /// Which of the device's tables.
        table: RegisterTable,
        /// Protocol address, from 0.
        register: u16,
        /// How the registers are read.
        kind: RegisterType,
        /// Order of the registers of a value of several.
        word_order: WordOrder,
    },
    /// A point of an outstation.
    Dnp3 {
        /// Its type.
        kind: Dnp3Type,
        /// Its index.
        index: u16,
    },
    /// A column of a file: its place in [`Csv::columns`].
    Column(usize),
    /// A metric: its place in [`Sparkplug::metrics`].
    Metric(usize),
    /// A node: its place in [`OpcUa::nodes`].
    Node(usize),
}

/// A type of DNP3 point that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dnp3Type {
    /// Analog input.
    Analog,
    /// Binary input.
    Binary,
    /// Counter.
    Counter,
}

impl Dnp3Type {
    /// As files write it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Analog => "analog",
            Self::Binary => "binary",
            Self::Counter => "counter",
        }
    }
}

/// What becomes of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A number, times `scale` (1 for SunSpec, which has factors of its own).
    Number {
        /// Units of the source for each step of the raw value.
        scale: f64,
    },
    /// A number in some bits of the raw value, without sign, times `scale`.
    Bits {
        /// The lowest bit, 0 the lowest of all.
        low: u8,
        /// How many.
        count: u8,
        /// Units of the source for each step.
        scale: f64,
    },
    /// The state itself.
    State,
    /// One bit of the raw value, 0 the lowest.
    Bit(u8),
    /// Whether the raw value is this one.
    Equals(u32),
}

/// One of Modbus' register tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegisterTable {
    /// Holding registers (function 3).
    #[default]
    Holding,
    /// Input registers (function 4).
    Input,
}

/// The largest whole number below which a float tells every one.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Type of the value in raw registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegisterType {
    /// Unsigned, one register.
    #[default]
    #[serde(alias = "uint16")]
    U16,
    /// Two's complement, one register.
    #[serde(alias = "int16")]
    I16,
    /// Unsigned, two registers.
    #[serde(alias = "uint32")]
    U32,
    /// Two's complement, two registers.
    #[serde(alias = "int32")]
    I32,
    /// IEEE 754 single, two registers.
    #[serde(alias = "float32")]
    F32,
    /// Unsigned, four registers.
    U64,
    /// Two's complement, four registers.
    I64,
    /// IEEE 754 double, four registers.
    F64,
}

impl RegisterType {
    /// All of them, in the order in which recordings number them: one that is added comes last.
    pub const ALL: [Self; 8] =
        [Self::U16, Self::I16, Self::U32, Self::I32, Self::F32, Self::U64, Self::I64, Self::F64];

    /// Registers taken.
    #[must_use]
    pub const fn registers(self) -> u16 {
        match self {
            Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
        }
    }

    /// Bits that mean something alone; a float has none.
    #[must_use]
    pub const fn bits(self) -> u16 {
        match self {
            Self::F32 | Self::F64 => 0,
            _ => self.registers() * 16,
        }
    }

    /// The least and the most that fit.
    #[must_use]
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::U16 => (0.0, f64::from(u16::MAX)),
            Self::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Self::U32 => (0.0, f64::from(u32::MAX)),
            Self::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
            // Whole numbers beyond these are no longer told apart by a float.
            Self::U64 => (0.0, WHOLE_MAX),
            Self::I64 => (-WHOLE_MAX, WHOLE_MAX),
            Self::F64 => (f64::MIN, f64::MAX),
        }
    }

    /// As files write it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::F32 => "f32",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F64 => "f64",
        }
    }
}

/// Order of the registers of a value of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WordOrder {
    /// High word first.
    #[default]
    Big,
    /// Low word first; the octets within a register stay as they are.
    Little,
}
