//! Object headers and objects: one table of all groups and variations, one reader, one writer.
//!
//! Whatever a peer claims about ranges and counts is held against the octets that are left before anything is
//! looped over; ranges are computed wide, so that none overflows; each header consumes at least three octets.

use alloc::vec::Vec;

use crate::{AnalogWidth, Command, CommandStatus, Crob, Flags, Measured, PointType, Value};

/// How the value of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One bit an object, eight to an octet.
    Packed,
    /// One octet: flags and state.
    State,
    I16,
    I32,
    F32,
    F64,
    /// Two bits an object, four to an octet; passed over.
    PackedPair,
    /// Control relay output block and status.
    Crob,
    /// Analog output of the width and status.
    Output(AnalogWidth),
    /// So many octets; what they mean is somebody else's.
    Octets(u8),
    /// No octets at all: class data.
    Nothing,
}

/// How the time of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeForm {
    None,
    /// Six octets, milliseconds since 1970.
    Absolute,
    /// Two octets, milliseconds since the common time before.
    Relative,
}

/// One group and variation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    group: u8,
    variation: u8,
    pub(crate) point: Option<PointType>,
    pub(crate) event: bool,
    pub(crate) form: Form,
    /// A flag octet stands before the value.
    flags: bool,
    time: TimeForm,
}

impl Entry {
    /// Octets of one object; `None` where objects share octets.
    fn octets(&self) -> Option<usize> {
        let value = match self.form {
            Packed | PackedPair => return None,
            State => 1,
            I16 => 2,
            I32 | F32 => 4,
            F64 => 8,
            Form::Crob => 11,
            Form::Output(AnalogWidth::I16) => 3,
            Form::Output(AnalogWidth::I32 | AnalogWidth::F32) => 5,
            Form::Output(AnalogWidth::F64) => 9,
            Octets(octets) => usize::from(octets),
            Form::Nothing => 0,
        };
        let time = match self.time {
            TimeForm::None => 0,
            Absolute => 6,
            Relative => 2,
        };
        Some(usize::from(self.flags) + value + time)
    }

    /// Octets of `count` objects, without prefixes.
    fn octets_of(&self, count: u64) -> u64 {
        match (self.form, self.octets()) {
            (PackedPair, _) => count.div_ceil(4),
            (_, None) => count.div_ceil(8),
            (_, Some(octets)) => count.saturating_mul(octets as u64),
        }
    }

    /// Whether objects of this variation say how good they are.
    pub(crate) fn has_flags(&self) -> bool {
        self.flags || self.form == State
    }

    /// Whether objects of this variation carry a time.
    pub(crate) fn has_time(&self) -> bool {
        self.time != TimeForm::None
    }

    pub(crate) const fn variation(&self) -> u8 {
        self.variation
    }

    /// The most octets that one object with a 16-bit index takes.
    pub(crate) fn octets_max(&self) -> usize {
        self.octets().unwrap_or(1) + 2
    }
}

const fn row(group: u8, variation: u8, form: Form) -> Entry {
    Entry { group, variation, point: None, event: false, form, flags: false, time: TimeForm::None }
}

const fn point(group: u8, variation: u8, point: PointType, form: Form, flags: bool) -> Entry {
    Entry { point: Some(point), flags, ..row(group, variation, form) }
}

const fn event(group: u8, variation: u8, of: PointType, form: Form, time: TimeForm) -> Entry {
    let flags = !matches!(form, State);
    Entry { event: true, time, ..point(group, variation, of, form, flags) }
}

use Form::{F32, F64, I16, I32, Octets, Packed, PackedPair, State};
use PointType::{AnalogInput as Ai, AnalogOutputStatus as Ao, BinaryInput as Bi, BinaryOutputStatus as Bo};
use TimeForm::{Absolute, None as Untimed, Relative};

/// All that is known. Rows without a point are there to be passed over in a response.
static TABLE: &[Entry] = &[
    point(1, 1, Bi, Packed, false),
    point(1, 2, Bi, State, false),
    event(2, 1, Bi, State, Untimed),
    event(2, 2, Bi, State, Absolute),
    event(2, 3, Bi, State, Relative),
    row(3, 1, PackedPair),
    row(3, 2, Octets(1)),
    row(4, 1, Octets(1)),
    row(4, 2, Octets(7)),
    row(4, 3, Octets(3)),
    point(10, 1, Bo, Packed, false),
    point(10, 2, Bo, State, false),
    event(11, 1, Bo, State, Untimed),
    event(11, 2, Bo, State, Absolute),
    row(12, 1, Form::Crob),
    row(13, 1, Octets(1)),
    row(13, 2, Octets(7)),
    row(20, 1, Octets(5)),
    row(20, 2, Octets(3)),
    row(20, 5, Octets(4)),
    row(20, 6, Octets(2)),
    row(21, 1, Octets(5)),
    row(21, 2, Octets(3)),
    row(21, 5, Octets(11)),
    row(21, 6, Octets(9)),
    row(21, 9, Octets(4)),
    row(21, 10, Octets(2)),
    row(22, 1, Octets(5)),
    row(22, 2, Octets(3)),
    row(22, 5, Octets(11)),
    row(22, 6, Octets(9)),
    row(23, 1, Octets(5)),
    row(23, 2, Octets(3)),
    row(23, 5, Octets(11)),
    row(23, 6, Octets(9)),
    point(30, 1, Ai, I32, true),
    point(30, 2, Ai, I16, true),
    point(30, 3, Ai, I32, false),
    point(30, 4, Ai, I16, false),
    point(30, 5, Ai, F32, true),
    point(30, 6, Ai, F64, true),
    row(31, 1, Octets(5)),
    row(31, 2, Octets(3)),
    row(31, 3, Octets(11)),
    row(31, 4, Octets(9)),
    row(31, 5, Octets(4)),
    row(31, 6, Octets(2)),
    row(31, 7, Octets(5)),
    row(31, 8, Octets(9)),
    event(32, 1, Ai, I32, Untimed),
    event(32, 2, Ai, I16, Untimed),
    event(32, 3, Ai, I32, Absolute),
    event(32, 4, Ai, I16, Absolute),
    event(32, 5, Ai, F32, Untimed),
    event(32, 6, Ai, F64, Untimed),
    event(32, 7, Ai, F32, Absolute),
    event(32, 8, Ai, F64, Absolute),
    row(33, 1, Octets(5)),
    row(33, 2, Octets(3)),
    row(33, 3, Octets(11)),
    row(33, 4, Octets(9)),
    row(33, 5, Octets(5)),
    row(33, 6, Octets(9)),
    row(33, 7, Octets(11)),
    row(33, 8, Octets(15)),
    row(34, 1, Octets(2)),
    row(34, 2, Octets(4)),
    row(34, 3, Octets(4)),
    point(40, 1, Ao, I32, true),
    point(40, 2, Ao, I16, true),
    point(40, 3, Ao, F32, true),
    point(40, 4, Ao, F64, true),
    row(41, 1, Form::Output(AnalogWidth::I32)),
    row(41, 2, Form::Output(AnalogWidth::I16)),
    row(41, 3, Form::Output(AnalogWidth::F32)),
    row(41, 4, Form::Output(AnalogWidth::F64)),
    event(42, 1, Ao, I32, Untimed),
    event(42, 2, Ao, I16, Untimed),
    event(42, 3, Ao, I32, Absolute),
    event(42, 4, Ao, I16, Absolute),
    event(42, 5, Ao, F32, Untimed),
    event(42, 6, Ao, F64, Untimed),
    event(42, 7, Ao, F32, Absolute),
    event(42, 8, Ao, F64, Absolute),
    row(50, 1, Octets(6)),
    row(50, 3, Octets(6)),
    row(50, 4, Octets(11)),
    row(51, 1, Octets(6)),
    row(51, 2, Octets(6)),
    row(52, 1, Octets(2)),
    row(52, 2, Octets(2)),
    row(60, 1, Form::Nothing),
    row(60, 2, Form::Nothing),
    row(60, 3, Form::Nothing),
    row(60, 4, Form::Nothing),
    row(80, 1, Packed),
];

/// The row of a group and variation. Octet strings have their length as variation.
pub(crate) fn entry(group: u8, variation: u8) -> Option<Entry> {
    match (group, variation) {
        (110 | 111, 1..) => Some(row(group, variation, Octets(variation))),
        _ => TABLE.iter().find(|entry| entry.group == group && entry.variation == variation).copied(),
    }
}

/// The group of a point type's statics.
pub(crate) const fn static_group(point: PointType) -> u8 {
    match point {
        PointType::BinaryInput => 1,
        PointType::BinaryOutputStatus => 10,
        PointType::AnalogInput => 30,
        PointType::AnalogOutputStatus => 40,
    }
}

/// The group of a point type's events.
pub(crate) const fn event_group(point: PointType) -> u8 {
    match point {
        PointType::BinaryInput => 2,
        PointType::BinaryOutputStatus => 11,
        PointType::AnalogInput => 32,
        PointType::AnalogOutputStatus => 42,
    }
}

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
        Absolute => Some(time48(rest)?),
        Relative => {
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
            let form = match width {
                AnalogWidth::I16 => I16,
                AnalogWidth::I32 => I32,
                AnalogWidth::F32 => F32,
                AnalogWidth::F64 => F64,
            };
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
            let form = match width {
                AnalogWidth::I16 => I16,
                AnalogWidth::I32 => I32,
                AnalogWidth::F32 => F32,
                AnalogWidth::F64 => F64,
            };
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
    if entry.time == Absolute {
        let [a, b, c, d, e, f, ..] = measured.time.unwrap_or_default().to_le_bytes();
        out.extend([a, b, c, d, e, f]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_variation_reads_back_what_it_wrote() {
        for entry in TABLE.iter().filter(|entry| entry.point.is_some() && entry.form != Packed) {
            if entry.time == Relative {
                continue;
            }
            let binary = entry.form == State;
            let value = if binary { Value::Binary(true) } else { Value::Analog(-1234.0) };
            let flags = Flags::ONLINE | Flags::LOCAL_FORCED;
            let measured = Measured { value, flags: Some(flags), time: Some(1_539_889_201_042) };
            let mut octets = Vec::from([entry.group, entry.variation, 0x28, 1, 0, 0x34, 0x12]);
            write_measured(&mut octets, entry, &measured);
            let headers: Vec<_> = parse_headers(&octets, Direction::Response).collect();
            assert_eq!(headers.len(), 1);
            let read: Vec<_> = headers[0].unwrap().measured().collect();
            let expected = Measured {
                value,
                flags: entry.has_flags().then_some(flags),
                time: entry.has_time().then_some(1_539_889_201_042),
            };
            assert_eq!(read, [(0x1234, entry.point.unwrap(), expected, entry.event)]);
        }
    }

    #[test]
    fn what_does_not_fit_saturates_and_says_so() {
        let int16 = entry(30, 2).unwrap();
        for (value, octets) in
            [(32_767.4, [1, 0xFF, 0x7F]), (40_000.0, [0x21, 0xFF, 0x7F]), (-1e9, [0x21, 0, 0x80])]
        {
            let mut out = Vec::new();
            let flags = Some(Flags::ONLINE);
            write_measured(&mut out, &int16, &Measured { value: Value::Analog(value), flags, time: None });
            assert_eq!(out, octets, "{value}");
        }
    }

    #[test]
    fn relative_times_count_from_the_common_time() {
        let octets = [51, 1, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0, 2, 3, 0x17, 1, 5, 0x81, 0x02, 0x01];
        let read: Vec<_> = parse_headers(&octets, Direction::Response)
            .flat_map(|header| header.unwrap().measured())
            .collect();
        let expected =
            Measured { value: Value::Binary(true), flags: Some(Flags::ONLINE), time: Some(10_000 + 0x102) };
        assert_eq!(read, [(5, Bi, expected, true)]);
    }

    #[test]
    fn packed_bits() {
        let octets = [1, 1, 0x00, 3, 12, 0b1000_0001, 0b10];
        let read: Vec<_> = parse_headers(&octets, Direction::Response)
            .flat_map(|header| header.unwrap().measured())
            .collect();
        let on: Vec<u32> = read.iter().filter(|r| r.2.value == Value::Binary(true)).map(|r| r.0).collect();
        assert_eq!((read.len(), on), (10, alloc::vec![3, 10, 12]));
    }

    #[test]
    fn hostile_headers_end_in_an_error_at_once() {
        let hostile: &[&[u8]] = &[
            &[30, 1, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            &[1, 1, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0],
            &[60, 1, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            &[60, 2, 0x09, 0xFF, 0xFF, 0xFF, 0xFF],
            &[30, 2, 0x00, 9, 3, 1, 0, 0],
            &[30, 2, 0x39, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
            &[110, 0, 0x28, 0xFF, 0xFF],
            &[70, 1, 0x5B, 1],
            &[30, 1, 0x06],
            &[30, 2],
            &[99, 1, 0x00, 0, 0],
        ];
        for octets in hostile {
            let read: Vec<_> = parse_headers(octets, Direction::Response).collect();
            assert!(read.len() == 1 && read[0].is_err(), "{octets:?}");
        }
    }
}
