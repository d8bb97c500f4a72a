//! Objects to octets.

use alloc::vec::Vec;

use super::{Command, CommandStatus, Entry, Flags, Form, TimeForm};
use crate::{Measured, Value};

/// Group 43: its first octet is the status of a command, no flags.
const COMMAND_EVENT: u8 = 43;

/// Appends a command's object without its index.
pub fn write_command_body(out: &mut Vec<u8>, command: &Command, status: CommandStatus) {
    match command {
        Command::Crob(crob) => {
            out.extend([crob.op, crob.count]);
            out.extend(crob.on_ms.to_le_bytes());
            out.extend(crob.off_ms.to_le_bytes());
        }
        Command::Analog { value, width } => {
            write_number(out, Form::from(*width), *value);
        }
    }
    out.push(status.code());
}

/// Appends one object (without index) of a variation that is not packed. A value that does not fit is saturated
/// and says so in its flags; a counter rolls over instead.
pub(crate) fn write_measured(out: &mut Vec<u8>, entry: &Entry, measured: &Measured) {
    let flags = measured.flags.unwrap_or(Flags::ONLINE);
    match (entry.form, measured.value) {
        (Form::State, value) => {
            let state = matches!(value, Value::Binary(true));
            out.push((if state { flags | Flags::STATE } else { flags.without(Flags::STATE) }).bits());
        }
        (Form::StatePair, value) => {
            let state = if let Value::DoubleBit(state) = value { state.bits() } else { 0 };
            out.push(flags.bits() & 0x3F | state << 6);
        }
        (form, Value::Counter(count)) => {
            if entry.flags {
                out.push(flags.bits());
            }
            let [a, b, c, d] = count.to_le_bytes();
            match form {
                Form::U32 => out.extend([a, b, c, d]),
                Form::U16 => out.extend([a, b]),
                _ => {
                    write_number(out, form, count.into());
                }
            }
        }
        (form, value) => {
            let value = match value {
                Value::Analog(value) => value,
                Value::Binary(state) => f64::from(u8::from(state)),
                _ => 0.0,
            };
            let place = out.len();
            if entry.flags {
                out.push(flags.bits());
            }
            if !write_number(out, form, value)
                && let Some(octet) =
                    out.get_mut(place).filter(|_| entry.flags && entry.group() != COMMAND_EVENT)
            {
                *octet |= Flags::OVER_RANGE.bits();
            }
        }
    }
    if entry.time == TimeForm::Absolute {
        write_time(out, measured.time.unwrap_or_default());
    }
}

/// Appends six octets of milliseconds since 1970.
pub(crate) fn write_time(out: &mut Vec<u8>, millis: u64) {
    let [a, b, c, d, e, f, ..] = millis.to_le_bytes();
    out.extend([a, b, c, d, e, f]);
}

/// Appends a number, saturated where it does not fit: then false. Integers are rounded half away from zero; what
/// is not a number has no integer and becomes 0, its flags are its owner's to set.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the casts saturate, and are checked"
)]
pub(crate) fn write_number(out: &mut Vec<u8>, form: Form, value: f64) -> bool {
    // Casts of floating numbers saturate, cut the fraction and turn what is not a number into 0.
    let rounded = if value < 0.0 { value - 0.5 } else { value + 0.5 };
    let within = |low: f64, high: f64| value.is_nan() || rounded > low - 1.0 && rounded < high + 1.0;
    match form {
        Form::I16 => {
            out.extend((rounded as i16).to_le_bytes());
            within(i16::MIN.into(), i16::MAX.into())
        }
        Form::I32 => {
            out.extend((rounded as i32).to_le_bytes());
            within(i32::MIN.into(), i32::MAX.into())
        }
        Form::U16 => {
            out.extend((rounded as u16).to_le_bytes());
            within(0.0, u16::MAX.into())
        }
        Form::U32 => {
            out.extend((rounded as u32).to_le_bytes());
            within(0.0, u32::MAX.into())
        }
        Form::F32 => {
            let (value, fits) = to_f32(value);
            out.extend(value.to_le_bytes());
            fits
        }
        _ => {
            out.extend(value.to_le_bytes());
            true
        }
    }
}

/// The value in single precision, saturated where it does not fit: then false.
#[expect(clippy::cast_possible_truncation, reason = "clamped before")]
pub(crate) fn to_f32(value: f64) -> (f32, bool) {
    let most = f64::from(f32::MAX);
    (value.clamp(-most, most) as f32, value.is_nan() || value.abs() <= most)
}

/// Whether a value goes into a form as it is.
pub(crate) fn fits(form: Form, value: f64) -> bool {
    let within = |low: f64, high: f64| value.is_nan() || value > low - 0.5 && value < high + 0.5;
    match form {
        Form::I16 => within(i16::MIN.into(), i16::MAX.into()),
        Form::I32 => within(i32::MIN.into(), i32::MAX.into()),
        Form::F32 => to_f32(value).1,
        _ => true,
    }
}
