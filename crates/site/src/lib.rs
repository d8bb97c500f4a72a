//! The site model: `site.toml` with its devices, points, scaling and signs.
//!
//! Everything that can be known to be wrong before the first register is read is found here, all at once, each with
//! its line and column. What comes out ([`Site`]) is plain, public and resolved: points refer to devices and
//! readings by position, units and dimensions fit, indexes are unique, files exist.

mod check;
mod defaults;
mod derive;
mod device;
mod drive;
mod hsl;
mod map;
mod model;
mod networked;
mod raw;
mod regulating;
mod resource;
mod scoring;
mod shown;
pub mod sunspec;
pub mod words;

pub use defaults::{Defaults, Head, Purpose, ServedDefaults, TlsFloor, head};
pub use derive::{AnalogDerive, CheckKind, Checks, Cross, DigitalDerive, Flat, Gate, Holds, Term, Threshold};
pub use device::{
    Access, Csv, Device, DeviceIx, Dnp3, Dnp3Type, Form, Modbus, Place, Protocol, Reach, ReadingIx,
    ReadingSpec, RegisterTable, RegisterType, WordOrder,
};
pub use drive::{Control, Drive, Registers, Switch};
pub use hsl::{Available, Curtailed, EnergyLimit, Hsl, Resource};
pub use map::{MapReading, MapTag, RegisterMap};
pub use model::*;
pub use networked::{Alive, Login, OpcUa, Security, Sparkplug};
pub use regulating::{
    Bound, Dispatch, Edges, Energy, Handover, OnLoss, Part, Primary, Pulse, Regulating, Told, Trim,
};
pub use resource::{Component, ComponentIx, Figures, Location, MasterFile, Station, StationIx, StationKind};
pub use scoring::Score;
pub use shown::Shown;
pub use sunspec::{SunSpecPoint, SunSpecScale, SunSpecType};
