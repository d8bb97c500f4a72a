//! Object headers and objects: one table of all groups and variations, one reader, one writer.
//!
//! Whatever a peer claims about ranges and counts is held against the octets that are left before anything is
//! looped over; ranges are computed wide, so that none overflows; each header consumes at least three octets.

use alloc::vec::Vec;

use crate::{Command, CommandStatus, Crob, Flags, Measured, PointType, Value};

mod table;

use table::Form::{F32, F64, I16, I32, Packed, State};
use table::TimeForm;
pub(crate) use table::{Entry, Form, entry, event_group, static_group};

/// Which kind of fragment headers are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A request that names objects and carries none: READ and its like.
    Naming,
    /// A request that carries objects.
    Request,
    /// A response.
    Response,
}

/// Why headers cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectError {
    /// The octets end within a header or an object.
    Truncated,
    /// The group or variation is not known, so that its size is not either.
    Unknown,
    /// The qualifier is not known, or not one for this object.
    Qualifier,
    /// The range ends before it starts, or names objects without size.
    Range,
}

/// Which objects a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// All there are.
    All,
    /// From the first to the last index, both included.
    StartStop(u32, u32),
    /// So many, without indexes.
    Count(u32),
    /// So many, an index before each.
    Indexed(u32),
}

/// A header with the octets of its objects.
#[derive(Debug, Clone, Copy)]
pub struct ObjectHeader<'a> {
    /// Object group.
    pub group: u8,
    /// Variation.
    pub variation: u8,
    /// Qualifier code.
    pub qualifier: u8,
    /// Which objects.
    pub range: Range,
    /// Their octets, prefixes included.
    pub data: &'a [u8],
    entry: Option<Entry>,
    prefix: usize,
    /// Common time of occurrence in force here.
    common_time: Option<u64>,
}

/// Reads the headers of a fragment one after the other; ends after the first error.
pub fn parse_headers(octets: &[u8], direction: Direction) -> Headers<'_> {
    Headers { octets, direction, common_time: None }
}

/// See [`parse_headers`].
#[derive(Debug, Clone)]
pub struct Headers<'a> {
    octets: &'a [u8],
    direction: Direction,
    common_time: Option<u64>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<ObjectHeader<'a>, ObjectError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.octets.is_empty() {
            return None;
        }
        let header = self.header();
        if header.is_err() {
            self.octets = &[];
        }
        Some(header)
    }
}

impl<'a> Headers<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ObjectError> {
        let (taken, rest) = self.octets.split_at_checked(length).ok_or(ObjectError::Truncated)?;
        self.octets = rest;
        Ok(taken)
    }

    fn number(&mut self, width: usize) -> Result<u32, ObjectError> {
        Ok(self.take(width)?.iter().rev().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }

    fn header(&mut self) -> Result<ObjectHeader<'a>, ObjectError> {
        let &[group, variation, qualifier] = self.take(3)? else { return Err(ObjectError::Truncated) };
        let (range, prefix) = match qualifier {
            0x00..=0x02 => {
                let width = 1 << qualifier;
                (Range::StartStop(self.number(width)?, self.number(width)?), 0)
            }
            0x06 => (Range::All, 0),
            0x07..=0x09 => (Range::Count(self.number(1 << (qualifier - 7))?), 0),
            0x17 => (Range::Indexed(self.number(1)?), 1),
            0x28 => (Range::Indexed(self.number(2)?), 2),
            0x39 => (Range::Indexed(self.number(4)?), 4),
            _ => return Err(ObjectError::Qualifier),
        };
        if matches!(range, Range::StartStop(start, stop) if stop < start) {
            return Err(ObjectError::Range);
        }
        let entry = entry(group, variation);
        let data = match self.direction {
            // A header that names indexes carries them, and nothing else.
            Direction::Naming => {
                let count = if let Range::Indexed(count) = range { u64::from(count) } else { 0 };
                self.data(count.saturating_mul(prefix as u64))?
            }
            Direction::Request | Direction::Response => self.objects(range, prefix, entry)?,
        };
        let mut header = ObjectHeader {
            group,
            variation,
            qualifier,
            range,
            data,
            entry,
            prefix,
            common_time: self.common_time,
        };
        if group == 51 && self.direction == Direction::Response {
            self.common_time = time48(data);
            header.common_time = self.common_time;
        }
        Ok(header)
    }

    fn objects(
        &mut self,
        range: Range,
        prefix: usize,
        entry: Option<Entry>,
    ) -> Result<&'a [u8], ObjectError> {
        let entry = entry.ok_or(ObjectError::Unknown)?;
        let count = match range {
            Range::All if self.direction == Direction::Request => return Ok(&[]),
            Range::All => return Err(ObjectError::Qualifier),
            Range::StartStop(start, stop) => u64::from(stop) - u64::from(start) + 1,
            Range::Count(count) | Range::Indexed(count) => u64::from(count),
        };
        if entry.form == Form::Nothing && self.direction == Direction::Response {
            return Err(ObjectError::Range);
        }
        let prefixes = count.saturating_mul(prefix as u64);
        self.data(entry.octets_of(count).saturating_add(prefixes))
    }

    fn data(&mut self, octets: u64) -> Result<&'a [u8], ObjectError> {
        self.take(usize::try_from(octets).map_err(|_| ObjectError::Truncated)?)
    }
}

impl<'a> ObjectHeader<'a> {
    /// Number of objects, where it is told.
    fn count(&self) -> u32 {
        match self.range {
            Range::All => 0,
            Range::StartStop(start, stop) => (stop - start).saturating_add(1),
            Range::Count(count) | Range::Indexed(count) => count,
        }
    }

    /// Index and octets of each object whose octets are its own.
    fn each(self) -> impl Iterator<Item = (u32, &'a [u8])> {
        let size = self.entry.and_then(|entry| entry.octets()).unwrap_or(0);
        let chunk = size + self.prefix;
        let first = if let Range::StartStop(start, _) = self.range { start } else { 0 };
        let chunks = self.data.chunks_exact(chunk.max(1)).take(if chunk == 0 { 0 } else { usize::MAX });
        (0..self.count()).zip(chunks).filter_map(move |(number, octets)| {
            let (prefix, object) = octets.split_at_checked(self.prefix)?;
            let index = match self.range {
                Range::Indexed(_) => {
                    prefix.iter().rev().fold(0, |index, octet| index << 8 | u32::from(*octet))
                }
                _ => first.saturating_add(number),
            };
            Some((index, object))
        })
    }

    /// The points of a header: index, type, what was measured, and whether it is an event. Empty for objects that
    /// are no points.
    pub fn measured(self) -> impl Iterator<Item = (u32, PointType, Measured, bool)> + 'a {
        let entry = self.entry.filter(|_| !matches!(self.range, Range::Count(_)));
        let packed = entry.filter(|entry| entry.form == Packed);
        let whole = entry.filter(|entry| entry.form != Packed);
        let start = if let Range::StartStop(start, _) = self.range { start } else { 0 };
        let bits = (0..if packed.is_some() { self.count() } else { 0 }).filter_map(move |number| {
            let point = packed?.point?;
            let octet = self.data.get(usize::try_from(number / 8).ok()?)?;
            let value = Value::Binary(octet >> (number % 8) & 1 == 1);
            Some((start.saturating_add(number), point, Measured { value, flags: None, time: None }, false))
        });
        let objects = whole.map(|entry| {
            self.each().filter_map(move |(index, octets)| {
                let measured = decode(&entry, octets, self.common_time)?;
                Some((index, entry.point?, measured, entry.event))
            })
        });
        bits.chain(objects.into_iter().flatten())
    }

    /// The commands of a header: index, command, status. Empty for objects that are no commands.
    pub fn commands(self) -> impl Iterator<Item = (u32, Command, CommandStatus)> + 'a {
        let entry = self.entry.filter(|_| matches!(self.range, Range::Indexed(_)));
        let commands = entry.map(|entry| {
            self.each().filter_map(move |(index, octets)| {
                let (command, status) = decode_command(entry.form, octets)?;
                Some((index, command, status))
            })
        });
        commands.into_iter().flatten()
    }

    /// The time of a group 50 or 51 object.
    pub(crate) fn time(&self) -> Option<u64> {
        time48(self.data)
    }
}

fn time48(octets: &[u8]) -> Option<u64> {
    let &[a, b, c, d, e, f] = octets.first_chunk::<6>()?;
    Some(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
}

fn decode(entry: &Entry, octets: &[u8], common_time: Option<u64>) -> Option<Measured> {
    let (flags, octets) = match entry.form {
        State => (octets.first().copied(), octets),
        _ if entry.flags => {
            let (flags, rest) = octets.split_first()?;
            (Some(*flags), rest)
        }
        _ => (None, octets),
    };
    let (value, rest) = match entry.form {
        State => {
            let (state, rest) = octets.split_first()?;
            (Value::Binary(state & Flags::STATE.bits() != 0), rest)
        }
        form => {
            let (value, rest) = number(form, octets)?;
            (Value::Analog(value), rest)
        }
    };
    let time = match entry.time {
        TimeForm::None => None,
        TimeForm::Absolute => Some(time48(rest)?),
        TimeForm::Relative => {
            let after = u64::from(u16::from_le_bytes(*rest.first_chunk::<2>()?));
            common_time.map(|common| common.saturating_add(after))
        }
    };
    let flags = flags.map(Flags::from_bits);
    let flags = if entry.form == State { flags.map(|flags| flags.without(Flags::STATE)) } else { flags };
    Some(Measured { value, flags, time })
}

fn number(form: Form, octets: &[u8]) -> Option<(f64, &[u8])> {
    Some(match form {
        I16 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from(i16::from_le_bytes(*value)), rest)
        }
        I32 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from(i32::from_le_bytes(*value)), rest)
        }
        F32 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from(f32::from_le_bytes(*value)), rest)
        }
        F64 => {
            let (value, rest) = octets.split_first_chunk()?;
            (f64::from_le_bytes(*value), rest)
        }
        _ => return None,
    })
}

fn decode_command(form: Form, octets: &[u8]) -> Option<(Command, CommandStatus)> {
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
        Form::Output(width) => {
            let form = Form::from(width);
            Command::Analog { value: number(form, body)?.0, width }
        }
        _ => return None,
    };
    Some((command, CommandStatus::from_code(*status)))
}

/// Appends a command's object without its index.
pub fn write_command_body(out: &mut Vec<u8>, command: &Command, status: CommandStatus) {
    match command {
        Command::Crob(crob) => {
            out.extend([crob.op, crob.count]);
            out.extend(crob.on_ms.to_le_bytes());
            out.extend(crob.off_ms.to_le_bytes());
        }
        Command::Analog { value, width } => {
            let form = Form::from(*width);
            write_number(out, form, *value);
        }
    }
    out.push(status.code());
}

/// The value as the form can say it, and whether it fitted. Integers are rounded half away from zero.
fn fit(form: Form, value: f64) -> (f64, bool) {
    let (low, high) = match form {
        I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        _ => return (value, true),
    };
    let rounded = match form {
        F32 => value,
        _ if value.is_nan() => 0.0,
        _ if value < 0.0 => value - 0.5,
        _ => value + 0.5,
    };
    let fits = match form {
        _ if value.is_nan() => true,
        F32 => value >= low && value <= high,
        // The fraction is cut when it is written.
        _ => rounded > low - 1.0 && rounded < high + 1.0,
    };
    (rounded.clamp(low, high), fits)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped before; the fraction is cut after rounding")]
fn write_number(out: &mut Vec<u8>, form: Form, value: f64) {
    let (fitted, _) = fit(form, value);
    match form {
        I16 => out.extend((fitted as i16).to_le_bytes()),
        I32 => out.extend((fitted as i32).to_le_bytes()),
        F32 => out.extend((fitted as f32).to_le_bytes()),
        _ => out.extend(value.to_le_bytes()),
    }
}

/// Appends one object (without index) of a variation that is not packed. A value that does not fit is saturated
/// and says so in its flags.
pub(crate) fn write_measured(out: &mut Vec<u8>, entry: &Entry, measured: &Measured) {
    let mut flags = measured.flags.unwrap_or(Flags::ONLINE);
    let value = match measured.value {
        Value::Analog(value) => value,
        Value::Binary(state) => f64::from(u8::from(state)),
    };
    match (entry.form, measured.value) {
        (State, value) => {
            let state = matches!(value, Value::Binary(true));
            out.push((if state { flags | Flags::STATE } else { flags.without(Flags::STATE) }).bits());
        }
        (form, _) => {
            if !fit(form, value).1 {
                flags = flags | Flags::OVER_RANGE;
            }
            if entry.flags {
                out.push(flags.bits());
            }
            write_number(out, form, value);
        }
    }
    if entry.time == TimeForm::Absolute {
        let [a, b, c, d, e, f, ..] = measured.time.unwrap_or_default().to_le_bytes();
        out.extend([a, b, c, d, e, f]);
    }
}

#[cfg(test)]
mod tests;
