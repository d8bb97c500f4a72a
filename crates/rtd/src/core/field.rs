//! What passes between the core and the driver tasks: readings and failures in, writes out.
//!
//! A driver knows registers and scale factors, the core knows points. They meet in these types and nowhere else,
//! so that the core can be driven by a test, a capture or a real plant alike.

use ieee1815::Flags;
use site::{DeviceIx, Dnp3Type, ReadingIx, RegisterType, WordOrder};
use telemetry::{Now, Wall, WallTrust};

/// One reading as its source gave it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A number in the source's unit; a scale factor, where there is one, came from the same transaction.
    Number(f64),
    /// A two-state value.
    State(bool),
    /// The source itself says that it has no value here.
    NotImplemented,
    /// The source gave a floating-point value that is not a number.
    NotANumber,
    /// The registers were read but mean nothing; in words.
    Invalid(String),
    /// As a DNP3 outstation reported it.
    Reported(Box<Reported>),
}

/// A point of a DNP3 outstation, with what it says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// The value; never a [`Reading::Reported`] again.
    pub reading: Reading,
    /// What type of point it is: some flags mean something else for each.
    pub kind: Dnp3Type,
    /// `None` in a variation without flags: the outstation then says that it is simply on line.
    pub flags: Option<Flags>,
    /// When it was so by the outstation's clock, and how far that can be believed.
    pub time: Option<(Wall, WallTrust)>,
    /// An event, which may have waited; else it is so now.
    pub event: bool,
}

/// Why a device gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// Connected, but no answer in time.
    TimedOut,
    /// The connection was refused, lost or cannot be made: the device is known to be unreachable.
    Unreachable,
    /// An answer that does not fit its question.
    Protocol,
    /// The device answered with an exception.
    Exception,
}

/// A failed poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFailure {
    /// What kind.
    pub kind: FailureKind,
    /// In words, for the journal and the screen.
    pub words: String,
}

/// What one poll of a device came to.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldOutcome {
    /// The device answered. A reading that is missing here simply grows old.
    Readings(Vec<(ReadingIx, Reading)>),
    /// It did not.
    Failed(DeviceFailure),
}

/// One poll of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldReport {
    /// Which device.
    pub device: DeviceIx,
    /// What came of it.
    pub outcome: FieldOutcome,
    /// Just before the first request of the poll was sent.
    pub sent: Now,
    /// Just after the first answer with readings was received, so that what is oldest in it does not look younger;
    /// of a poll that failed, when it was given up.
    pub received: Now,
}

/// A write to a device's active-power control. The driver does registers, and the scale factors of SunSpec.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldWrite {
    /// SunSpec 704: `WSet` in watts (discharge positive) with `WSetEna`.
    SunSpec704 {
        /// Active power in watts.
        watts: f64,
        /// The device falls back by itself when not refreshed for so many seconds; 0 means never.
        revert_s: u16,
    },
    /// SunSpec 123: `WMaxLimPct` with `WMaxLim_Ena`.
    SunSpec123 {
        /// Limit in percent of the device's rating, 0 to 100.
        percent: f64,
        /// The device falls back by itself when not refreshed for so many seconds; 0 means never.
        revert_s: u16,
    },
    /// Hands the device back to its own control: `WSetEna` off.
    Release704,
    /// Hands the device back to its own control: `WMaxLim_Ena` off.
    Release123,
    /// Raw holding registers.
    Registers {
        /// The first.
        register: u16,
        /// How the raw value is written.
        kind: RegisterType,
        /// Order of the registers of a value of several.
        word_order: WordOrder,
        /// The raw value: whole, where the type is.
        raw: f64,
        /// The register that makes the device follow, and what it says then; `None` where it follows already.
        enable: Option<(u16, u16)>,
    },
    /// Hands the device back to its own control: one holding register.
    ReleaseRegister {
        /// Which.
        register: u16,
        /// What it says then.
        word: u16,
    },
}

/// What a driver task sends to the core.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldEvent {
    /// A poll is over.
    Report(FieldReport),
    /// A write is over.
    Written {
        /// Which device.
        device: DeviceIx,
        /// The number under which the core asked for it.
        request: u64,
        /// Whether the device took it; if not, why.
        result: Result<(), String>,
    },
}
