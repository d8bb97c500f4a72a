//! Object headers and objects: one table of all groups and variations, one reader, one writer.
//!
//! Whatever a peer claims about ranges and counts is held against the octets that are left before anything is
//! looped over; ranges are computed wide, so that none overflows; each header consumes at least three octets.

use crate::{Command, CommandStatus, Crob, Flags, PointType};

pub(crate) mod attribute;
mod read;
mod table;
mod write;

pub use attribute::{Attribute, AttributeValue};
pub(crate) use table::{Entry, Form, TimeForm, entry, event_type, static_type};
pub use write::write_command_body;
pub(crate) use write::{fits, to_f32, write_measured, write_number, write_time};

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
        Ok(number(self.take(width)?))
    }

    fn header(&mut self) -> Result<ObjectHeader<'a>, ObjectError> {
        let &[group, variation, qualifier] = self.take(3)? else { return Err(ObjectError::Truncated) };
        let (range, prefix) = match qualifier {
            0x00..=0x02 => {
                let width = width(qualifier);
                (Range::StartStop(self.number(width)?, self.number(width)?), 0)
            }
            0x06 => (Range::All, 0),
            0x07..=0x09 => (Range::Count(self.number(width(qualifier.wrapping_sub(7)))?), 0),
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
            self.common_time = read::time48(data);
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
            Range::StartStop(start, stop) => u64::from(stop).abs_diff(u64::from(start)).saturating_add(1),
            Range::Count(count) | Range::Indexed(count) => u64::from(count),
        };
        if entry.form == Form::Nothing && self.direction == Direction::Response {
            return Err(ObjectError::Range);
        }
        if entry.form == Form::Attribute {
            return self.attributes(count);
        }
        let prefixes = count.saturating_mul(prefix as u64);
        self.data(entry.octets_of(count).saturating_add(prefixes))
    }

    /// Attributes say their length themselves.
    fn attributes(&mut self, count: u64) -> Result<&'a [u8], ObjectError> {
        let mut length = 0_usize;
        for _ in 0..count {
            let header = self.octets.get(length..).and_then(<[u8]>::first_chunk::<2>);
            let &[_, octets] = header.ok_or(ObjectError::Truncated)?;
            length = length.saturating_add(2).saturating_add(usize::from(octets));
        }
        self.take(length)
    }

    fn data(&mut self, octets: u64) -> Result<&'a [u8], ObjectError> {
        self.take(usize::try_from(octets).map_err(|_| ObjectError::Truncated)?)
    }
}

/// Octets of a range or count, by the low bits of its qualifier.
const fn width(code: u8) -> usize {
    match code {
        0 => 1,
        1 => 2,
        _ => 4,
    }
}

/// A number of up to four octets, the lowest first.
fn number(octets: &[u8]) -> u32 {
    octets.iter().rev().fold(0, |number, octet| number << 8 | u32::from(*octet))
}

impl<'a> ObjectHeader<'a> {
    /// The type of point that these objects are of, and whether they are events. `None` for other objects.
    #[must_use]
    pub fn point(&self) -> Option<(PointType, bool)> {
        let entry = self.entry?;
        Some((entry.point?, entry.event))
    }

    /// Number of objects, where it is told; with objects never more than its octets hold.
    pub(crate) fn count(&self) -> u32 {
        match self.range {
            Range::All => 0,
            Range::StartStop(start, stop) => stop.wrapping_sub(start).saturating_add(1),
            Range::Count(count) | Range::Indexed(count) => count,
        }
    }

    /// The indexes that a header names one by one (qualifiers 0x17, 0x28, 0x39 in a request without objects).
    pub(crate) fn indexes(self) -> impl Iterator<Item = u32> + 'a {
        self.data.chunks_exact(self.prefix.max(1)).map(number)
    }

    /// Each object whose octets are its own, its index before it included.
    pub(crate) fn chunks(self) -> impl Iterator<Item = &'a [u8]> {
        let size = self.entry.and_then(|entry| entry.octets()).unwrap_or(0);
        self.data.chunks_exact(size.saturating_add(self.prefix).max(1))
    }

    /// Index and octets of each object whose octets are its own.
    pub(crate) fn each(self) -> impl Iterator<Item = (u32, &'a [u8])> {
        let size = self.entry.and_then(|entry| entry.octets()).unwrap_or(0);
        let chunk = size.saturating_add(self.prefix);
        let first = if let Range::StartStop(start, _) = self.range { start } else { 0 };
        let chunks = self.data.chunks_exact(chunk.max(1)).take(if chunk == 0 { 0 } else { usize::MAX });
        (0..self.count()).zip(chunks).filter_map(move |(at, octets)| {
            let (prefix, object) = octets.split_at_checked(self.prefix)?;
            let index = match self.range {
                Range::Indexed(_) => number(prefix),
                _ => first.saturating_add(at),
            };
            Some((index, object))
        })
    }

    /// The commands of a header: index, command, status. Empty for objects that are no commands.
    pub fn commands(self) -> impl Iterator<Item = (u32, Command, CommandStatus)> + 'a {
        let entry = self.entry.filter(|_| matches!(self.range, Range::Indexed(_)));
        let commands = entry.map(|entry| {
            self.each().filter_map(move |(index, octets)| {
                let (command, status) = read::command(entry.form, octets)?;
                Some((index, command, status))
            })
        });
        commands.into_iter().flatten()
    }

    /// The octet strings of a header: index and octets. Empty for other objects, and for strings without an index.
    pub fn strings(self) -> impl Iterator<Item = (u32, &'a [u8])> {
        let is_text = self.entry.is_some_and(|entry| matches!(entry.form, Form::Text(_)))
            && matches!(self.range, Range::StartStop(..) | Range::Indexed(_));
        self.each().take(if is_text { usize::MAX } else { 0 })
    }

    /// The state of each bit of a packed header (group 80): index and bit.
    pub(crate) fn bits(self) -> impl Iterator<Item = (u32, bool)> + 'a {
        let first = if let Range::StartStop(start, _) = self.range { start } else { 0 };
        (0..self.count()).filter_map(move |at| {
            let octet = self.data.get(usize::try_from(at / 8).ok()?)?;
            Some((first.saturating_add(at), octet >> (at % 8) & 1 == 1))
        })
    }

    /// The time of a group 50 or 51 object.
    pub(crate) fn time(&self) -> Option<u64> {
        read::time48(self.data)
    }

    /// The number of an object that is one (groups 34 and 52).
    pub(crate) fn numbers(self) -> impl Iterator<Item = (u32, f64)> + 'a {
        let form = self.entry.map(|entry| entry.form);
        self.each().filter_map(move |(index, octets)| Some((index, read::number(form?, octets)?.0)))
    }
}

#[cfg(test)]
mod tests;
