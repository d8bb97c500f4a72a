//! The devices that carry out a set point, and how each is told.

use crate::device::{DeviceIx, RegisterType, WordOrder};
use crate::regulating::Part;

/// A device's part of a set point.
#[derive(Clone, Debug, PartialEq)]
pub struct Drive {
    /// The device.
    pub device: DeviceIx,
    /// How it is told.
    pub control: Control,
    /// It falls back by itself when not refreshed for so many seconds; 0: never.
    pub revert_s: u16,
    /// What it can do, where the set point is dispatched.
    pub part: Part,
}

/// How a device is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// SunSpec 704, watts.
    SunSpec704 {
        /// Watts for each unit of the set point, the device's share included.
        watts_per_unit: f64,
    },
    /// SunSpec 123, percent of the device's rating.
    SunSpec123 {
        /// Percent for each unit of the set point, the device's share included.
        percent_per_unit: f64,
    },
    /// Raw holding registers.
    Registers(Registers),
}

/// Raw holding registers that take a set point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Registers {
    /// The first, as the protocol counts: from 0.
    pub register: u16,
    /// How the raw value is written; of one or two registers.
    pub kind: RegisterType,
    /// Order of the registers of a value of several.
    pub word_order: WordOrder,
    /// Steps of the raw value for each unit of the set point, the device's share and sign included.
    pub steps_per_unit: f64,
    /// What makes the device follow them.
    pub enable: Option<Switch>,
}

impl Registers {
    /// The raw value that stands for a value of the set point.
    #[must_use]
    pub fn raw(&self, value: f64) -> f64 {
        let raw = value * self.steps_per_unit;
        if self.kind.bits() > 0 { raw.round() } else { raw }
    }

    /// Whether it can tell a set point below 0.
    #[must_use]
    pub fn says_negative(&self) -> bool {
        let (low, high) = self.kind.range();
        if self.steps_per_unit < 0.0 { high > 0.0 } else { low < 0.0 }
    }
}

/// A register that switches a device to remote set points and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Which.
    pub register: u16,
    /// What it says while the device follows.
    pub on: u16,
    /// What gives the device back to its own control.
    pub off: u16,
}
