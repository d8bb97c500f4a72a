//! Objects from octets.
//!
//! The form of an object is looked at once for a header, not once for an object: the loop over a form that has
//! neither prefix nor time is a loop over chunks of a length that the compiler knows.

use super::{Crob, Entry, Flags, Form, ObjectHeader, Range, TimeForm};
use crate::{Command, CommandStatus, DoubleBit, Measured, Value};

impl ObjectHeader<'_> {
    /// Gives index and measurement of each point of the header to `each`. Nothing for objects that are no points,
    /// for octet strings (see [`strings`](Self::strings)) and for points without an index.
    #[inline]
    pub fn visit(&self, mut each: impl FnMut(u32, Measured)) {
        let Some(entry) = self.entry.filter(|entry| entry.point.is_some()) else { return };
        if matches!(self.range, Range::Count(_) | Range::All) {
            return;
        }
        match entry.form {
            Form::Packed => self.packed(8, each, |octet, at| Value::Binary(octet >> at & 1 == 1)),
            Form::PackedPair => {
                self.packed(4, each, |octet, at| {
                    Value::DoubleBit(DoubleBit::from_bits(octet >> at.wrapping_mul(2)))
                });
            }
            Form::State => self.states(&entry, Flags::STATE, each, |octet| Value::Binary(octet & 0x80 != 0)),
            Form::StatePair => {
                let state = Flags::from_bits(0xC0);
                self.states(&entry, state, each, |octet| Value::DoubleBit(DoubleBit::from_bits(octet >> 6)));
            }
            Form::I16 => self.values(&entry, &mut each, |raw| Value::Analog(i16::from_le_bytes(raw).into())),
            Form::I32 => self.values(&entry, &mut each, |raw| Value::Analog(i32::from_le_bytes(raw).into())),
            Form::F32 => self.values(&entry, &mut each, |raw| Value::Analog(f32::from_le_bytes(raw).into())),
            Form::F64 => self.values(&entry, &mut each, |raw| Value::Analog(f64::from_le_bytes(raw))),
            Form::U16 => self.values(&entry, &mut each, |raw| Value::Counter(u16::from_le_bytes(raw).into())),
            Form::U32 => self.values(&entry, &mut each, |raw| Value::Counter(u32::from_le_bytes(raw))),
            _ => {}
        }
    }

    fn packed(&self, in_octet: u32, mut each: impl FnMut(u32, Measured), value: fn(u8, u32) -> Value) {
        let Range::StartStop(start, _) = self.range else { return };
        for at in 0..self.count() {
            let place = usize::try_from(at.checked_div(in_octet).unwrap_or_default());
            let Some(octet) = place.ok().and_then(|place| self.data.get(place)) else { return };
            let value = value(*octet, at.checked_rem(in_octet).unwrap_or_default());
            each(start.saturating_add(at), Measured { value, flags: None, time: None });
        }
    }

    fn states(
        &self,
        entry: &Entry,
        state: Flags,
        mut each: impl FnMut(u32, Measured),
        value: fn(u8) -> Value,
    ) {
        for (index, octets) in self.each() {
            let Some((octet, rest)) = octets.split_first() else { return };
            let flags = Some(Flags::from_bits(*octet).without(state));
            each(index, Measured { value: value(*octet), flags, time: self.stamp(entry.time, rest) });
        }
    }

    #[inline]
    fn values<const N: usize>(
        &self,
        entry: &Entry,
        each: &mut impl FnMut(u32, Measured),
        value: impl Fn([u8; N]) -> Value,
    ) {
        if let (Range::StartStop(mut index, _), TimeForm::None) = (self.range, entry.time) {
            // Counted by hand: a range from `index` on would overflow behind the last index there can be.
            if entry.flags {
                for octets in self.data.chunks_exact(N.wrapping_add(1)) {
                    let Some((flags, rest)) = octets.split_first() else { return };
                    let Some(raw) = rest.first_chunk::<N>() else { return };
                    let flags = Some(Flags::from_bits(*flags));
                    each(index, Measured { value: value(*raw), flags, time: None });
                    index = index.wrapping_add(1);
                }
            } else {
                for octets in self.data.chunks_exact(N) {
                    let Some(raw) = octets.first_chunk::<N>() else { return };
                    each(index, Measured { value: value(*raw), flags: None, time: None });
                    index = index.wrapping_add(1);
                }
            }
            return;
        }
        for (index, octets) in self.each() {
            let (flags, octets) = match octets.split_first() {
                Some((flags, rest)) if entry.flags => (Some(Flags::from_bits(*flags)), rest),
                _ => (None, octets),
            };
            let Some((raw, rest)) = octets.split_first_chunk::<N>() else { return };
            each(index, Measured { value: value(*raw), flags, time: self.stamp(entry.time, rest) });
        }
    }

    fn stamp(&self, form: TimeForm, octets: &[u8]) -> Option<u64> {
        match form {
            TimeForm::None => None,
            TimeForm::Absolute => time48(octets),
            TimeForm::Relative => {
                let after = u64::from(u16::from_le_bytes(*octets.first_chunk::<2>()?));
                self.common_time.map(|common| common.saturating_add(after))
            }
        }
    }
}

/// Six octets of milliseconds since 1970.
pub(super) fn time48(octets: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e, f] = octets.first_chunk::<6>()?;
    Some(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
}

/// A number, and what follows it.
pub(super) fn number(form: Form, octets: &[u8]) -> Option<(f64, &[u8])> {
    Some(match form {
        Form::I16 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from(i16::from_le_bytes(*value)), rest)
        }
        Form::I32 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from(i32::from_le_bytes(*value)), rest)
        }
        Form::U16 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from(u16::from_le_bytes(*value)), rest)
        }
        Form::U32 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from(u32::from_le_bytes(*value)), rest)
        }
        Form::F32 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from(f32::from_le_bytes(*value)), rest)
        }
        Form::F64 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from_le_bytes(*value), rest)
        }
        _ => return None,
    })
}

/// A command and its status.
pub(super) fn command(form: Form, octets: &[u8]) -> Option<(Command, CommandStatus)> {
    let (status, body) = octets.split_last()?;
    let command = match form {
        Form::Crob => {
            let &[op, count, a, b, c, d, e, f, g, h] = body else { return None };
            Command::Crob(Crob {
                op,
                count,
                on_ms: u32::from_le_bytes([a, b, c, d]),
                off_ms: u32::from_le_bytes([e, f, g, h]),
            })
        }
        Form::Output(width) => Command::Analog { value: number(Form::from(width), body)?.0, width },
        _ => return None,
    };
    Some((command, CommandStatus::from_code(*status)))
}
