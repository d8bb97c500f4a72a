//! A serial line, with the 8 data bits that DNP3 needs.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use serial2_tokio::{CharSize, FlowControl, SerialPort};

use crate::connection::Connection;

/// Parity of a serial line. In text `none`, `odd` and `even`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Parity {
    /// No parity bit.
    #[default]
    None,
    /// Odd.
    Odd,
    /// Even.
    Even,
}

/// A text that names no setting of a serial line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {what}, allowed: {allowed}")]
pub struct SerialSettingError {
    found: String,
    what: &'static str,
    allowed: &'static str,
}

impl FromStr for Parity {
    type Err = SerialSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "odd" => Ok(Self::Odd),
            "even" => Ok(Self::Even),
            _ => {
                let allowed = "none, odd, even";
                Err(SerialSettingError { found: text.to_owned(), what: "parity", allowed })
            }
        }
    }
}

/// Stop bits of a serial line. In text `1` and `2`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StopBits {
    /// One.
    #[default]
    One,
    /// Two.
    Two,
}

impl FromStr for StopBits {
    type Err = SerialSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1" => Ok(Self::One),
            "2" => Ok(Self::Two),
            _ => Err(SerialSettingError {
                found: text.to_owned(),
                what: "number of stop bits",
                allowed: "1, 2",
            }),
        }
    }
}

/// A serial line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialConfig {
    /// The device, such as `/dev/ttyS0`.
    pub path: PathBuf,
    /// Bits a second. Default 9600.
    pub baud: u32,
    /// Parity. Default none.
    pub parity: Parity,
    /// Stop bits. Default 1.
    pub stop_bits: StopBits,
    /// RTS and CTS say who may send. Default: no flow control at all; that of characters would damage frames.
    pub rts_cts: bool,
}

impl SerialConfig {
    /// The defaults, for this device.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), baud: 9600, parity: Parity::None, stop_bits: StopBits::One, rts_cts: false }
    }

    /// Opens the line.
    ///
    /// # Errors
    /// As the system reports, for instance where there is no such device or the baud rate is not one of its.
    pub fn open(&self) -> io::Result<Connection> {
        let port = SerialPort::open(&self.path, |mut settings: serial2_tokio::Settings| {
            settings.set_raw();
            settings.set_baud_rate(self.baud)?;
            settings.set_char_size(CharSize::Bits8);
            settings.set_parity(match self.parity {
                Parity::None => serial2_tokio::Parity::None,
                Parity::Odd => serial2_tokio::Parity::Odd,
                Parity::Even => serial2_tokio::Parity::Even,
            });
            settings.set_stop_bits(match self.stop_bits {
                StopBits::One => serial2_tokio::StopBits::One,
                StopBits::Two => serial2_tokio::StopBits::Two,
            });
            settings.set_flow_control(if self.rts_cts { FlowControl::RtsCts } else { FlowControl::None });
            Ok(settings)
        })?;
        // What lay in the line before we came belongs to no exchange of ours.
        port.discard_buffers()?;
        Ok(Connection::serial(port))
    }
}

impl fmt::Display for SerialConfig {
    /// As people write it: `/dev/ttyS0 9600 8N1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Odd => 'O',
            Parity::Even => 'E',
        };
        let stop = match self.stop_bits {
            StopBits::One => 1,
            StopBits::Two => 2,
        };
        write!(f, "{} {} 8{parity}{stop}", self.path.display(), self.baud)
    }
}
