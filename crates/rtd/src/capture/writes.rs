//! Writes to devices as octets; of their numbers the same holds as of an input's.

use site::{RegisterType, WordOrder};

use super::octets::{Malformed, Put, Take};
use crate::core::FieldWrite;

pub(super) fn put_write(out: &mut Put, write: FieldWrite) {
    match write {
        FieldWrite::SunSpec704 { watts, revert_s } => {
            out.u8(0);
            out.double(watts);
            out.number(revert_s.into());
        }
        FieldWrite::SunSpec123 { percent, revert_s } => {
            out.u8(1);
            out.double(percent);
            out.number(revert_s.into());
        }
        FieldWrite::Release704 => out.u8(2),
        FieldWrite::Release123 => out.u8(3),
        FieldWrite::Registers { register, kind, word_order, raw, enable } => {
            out.u8(4);
            out.number(register.into());
            out.u8(register_kind(kind));
            out.u8(match word_order {
                WordOrder::Big => 0,
                WordOrder::Little => 1,
            });
            out.double(raw);
            match enable {
                None => out.u8(0),
                Some((register, word)) => {
                    out.u8(1);
                    out.number(register.into());
                    out.number(word.into());
                }
            }
        }
        FieldWrite::ReleaseRegister { register, word } => {
            out.u8(5);
            out.number(register.into());
            out.number(word.into());
        }
    }
}

/// The number of a type in the file: its place in [`RegisterType::ALL`].
const fn register_kind(kind: RegisterType) -> u8 {
    match kind {
        RegisterType::U16 => 0,
        RegisterType::I16 => 1,
        RegisterType::U32 => 2,
        RegisterType::I32 => 3,
        RegisterType::F32 => 4,
        RegisterType::U64 => 5,
        RegisterType::I64 => 6,
        RegisterType::F64 => 7,
    }
}

pub(super) fn take_write(from: &mut Take<'_>) -> Result<FieldWrite, Malformed> {
    let word = |from: &mut Take<'_>, what| u16::try_from(from.number()?).map_err(|_| Malformed(what));
    let seconds = |from: &mut Take<'_>| word(from, "a time of reversion beyond 16 bits");
    let register = |from: &mut Take<'_>| word(from, "a register beyond 16 bits");
    Ok(match from.u8()? {
        0 => FieldWrite::SunSpec704 { watts: from.double()?, revert_s: seconds(from)? },
        1 => FieldWrite::SunSpec123 { percent: from.double()?, revert_s: seconds(from)? },
        2 => FieldWrite::Release704,
        3 => FieldWrite::Release123,
        4 => FieldWrite::Registers {
            register: register(from)?,
            kind: *RegisterType::ALL
                .get(usize::from(from.u8()?))
                .ok_or(Malformed("a type of register value that is not known"))?,
            word_order: match from.u8()? {
                0 => WordOrder::Big,
                1 => WordOrder::Little,
                _ => return Err(Malformed("an order of registers that is not known")),
            },
            raw: from.double()?,
            enable: match from.u8()? {
                0 => None,
                1 => Some((register(from)?, register(from)?)),
                _ => return Err(Malformed("an enabling that is not known")),
            },
        },
        5 => FieldWrite::ReleaseRegister { register: register(from)?, word: register(from)? },
        _ => return Err(Malformed("a write of a kind that is not known")),
    })
}
