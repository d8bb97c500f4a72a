//! The values that stand in objects, as they are printed.

use core::fmt;

use super::names::{self, FlagKind};
use crate::CommandStatus;

/// One thing in an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    /// What it is.
    pub name: &'static str,
    /// Its value.
    pub value: FieldValue<'a>,
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum FieldValue<'a> {
    /// A flag octet.
    Flags(FlagKind, u8),
    /// A state.
    State(bool),
    /// A double-bit state, 0 to 3.
    DoubleBit(u8),
    /// A number.
    Unsigned(u64),
    /// A number with a sign.
    Signed(i64),
    /// A single-precision number.
    Single(f32),
    /// A double-precision number.
    Double(f64),
    /// Milliseconds since 1970-01-01 00:00 UTC.
    Time(u64),
    /// The status of a command.
    Status(CommandStatus),
    /// The control code of a command.
    ControlCode(u8),
    /// A code with its name.
    Named(u64, &'static str),
    /// Text, as octets.
    Text(&'a [u8]),
    /// Octets.
    Octets(&'a [u8]),
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Flags(kind, bits) => {
                write!(f, "0x{bits:02X}")?;
                joined(f, " ", names::flags(kind, bits))
            }
            Self::State(state) => f.write_str(if state { "1" } else { "0" }),
            Self::DoubleBit(state) => f.write_str(names::double_bit(state)),
            Self::Unsigned(number) => write!(f, "{number}"),
            Self::Signed(number) => write!(f, "{number}"),
            Self::Single(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Time(milliseconds) => Stamp(milliseconds).fmt(f),
            Self::Status(status) => write!(f, "{status}"),
            Self::ControlCode(code) => {
                let (operation, trip_close, queue, clear) = names::control_code(code);
                f.write_str(operation)?;
                let more = [trip_close, if queue { "QUEUE" } else { "" }, if clear { "CLEAR" } else { "" }];
                joined(f, " ", more.into_iter().filter(|one| !one.is_empty()))
            }
            Self::Named(code, name) => write!(f, "{name} ({code})"),
            Self::Text(octets) => Quoted(octets).fmt(f),
            Self::Octets(octets) => Hex(octets).fmt(f),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    names: impl Iterator<Item = &'static str>,
) -> fmt::Result {
    for name in names {
        f.write_str(before)?;
        f.write_str(name)?;
    }
    Ok(())
}

/// Octets as hexadecimal digits.
#[derive(Debug, Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.0 {
            write!(f, "{octet:02x}")?;
        }
        Ok(())
    }
}

/// Octets as text in quotes; what a terminal could mistake for an order is escaped.
#[derive(Debug, Clone, Copy)]
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// A DNP3 time as date and time of day, UTC.
#[derive(Debug, Clone, Copy)]
pub struct Stamp(pub u64);

impl fmt::Display for Stamp {
    #[expect(clippy::arithmetic_side_effects, reason = "every term is below a day, a year or an era")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 86_400_000;
        let (days, rest) = (self.0 / DAY, self.0 % DAY);
        // Days since 0000-03-01, in eras of 400 years, so that a leap day is the last of its year.
        let days = days.saturating_add(719_468);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = year + era.saturating_mul(400) + next;
        let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
        let (second, millisecond) = (rest / 1_000 % 60, rest % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn stamps_are_dates() {
        assert_eq!(Stamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Stamp(951_782_400_000).to_string(), "2000-02-29T00:00:00.000Z");
        assert_eq!(Stamp(1_764_097_225_123).to_string(), "2025-11-25T19:00:25.123Z");
        assert_eq!(Stamp((1 << 48) - 1).to_string(), "10889-08-02T05:31:50.655Z");
    }

    #[test]
    fn text_cannot_steer_a_terminal() {
        assert_eq!(FieldValue::Text(b"a\x1b[2J\xff").to_string(), "\"a\\x1b[2J\\xff\"");
    }
}
