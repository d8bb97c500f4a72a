//! The points that all masters share: one table in the order of type and index, found by position.

use alloc::vec::Vec;
use core::ops::Range;

use super::{ConfigError, EventMode, PointConfig};
use crate::objects::{self, Entry};
use crate::{Flags, Measured, PointType, Value};

pub(super) type Key = (PointType, u16);

/// What a static response reads of a point; small, since all of them are read at every poll.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) key: Key,
    pub(super) class_0: bool,
    /// Without a binary's state.
    pub(super) flags: Flags,
    static_entry: Option<Entry>,
    pub(super) value: Value,
}

/// The rest of a point.
#[derive(Debug)]
pub(super) struct Rest {
    event_entry: Option<Entry>,
    pub(super) class: u8,
    pub(super) mode: EventMode,
    /// That every change is queued was said, not concluded from a variation with time.
    pub(super) history: bool,
    pub(super) deadband: f64,
    time: Option<u64>,
    /// The octets of an octet string; its value counts the changes.
    pub(super) octets: Vec<u8>,
}

/// A point and its rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) point: &'a Point,
    pub(super) rest: &'a Rest,
}

impl Point {
    /// The value, to compare.
    pub(super) fn number(&self) -> f64 {
        number(self.value)
    }

    /// Whether this is the variation of its statics, where a master names none.
    pub(super) fn leaves_as(&self, entry: &Entry) -> bool {
        self.static_entry.is_some_and(|own| own == *entry)
    }

    /// The variation in which it may leave now: one without flags only while there is nothing to flag. `None` where
    /// its octets decide, or there are none.
    pub(super) fn static_entry(&self, wanted: Option<Entry>) -> Option<Entry> {
        let entry = wanted.or(self.static_entry)?;
        let plain = || match self.value {
            Value::Analog(value) => objects::fits(entry.form, value),
            _ => true,
        };
        if entry.has_flags() || self.flags == Flags::ONLINE && plain() {
            return Some(entry);
        }
        let with_flags = match (entry.group(), entry.variation()) {
            (20, 5) | (21, 9) | (30, 3) | (31, 5) => 1,
            _ => 2,
        };
        objects::entry(entry.group(), with_flags)
    }
}

impl Rest {
    fn text_entry(&self, group: u8) -> Option<Entry> {
        objects::entry(group, u8::try_from(self.octets.len()).ok()?)
    }
}

impl Row<'_> {
    pub(super) fn static_entry(self, wanted: Option<Entry>) -> Option<Entry> {
        match self.point.key.0 {
            PointType::OctetString => self.rest.text_entry(110),
            _ => self.point.static_entry(wanted),
        }
    }

    /// The variation in which its events leave.
    pub(super) fn event_entry(self, wanted: Option<Entry>) -> Option<Entry> {
        match self.point.key.0 {
            PointType::OctetString => self.rest.text_entry(111),
            _ => wanted.or(self.rest.event_entry),
        }
    }

    pub(super) fn measured(self) -> Measured {
        Measured { value: self.point.value, flags: Some(self.point.flags), time: self.rest.time }
    }
}

/// Whether a value is of the kind that such points have.
const fn is_of(point: PointType, value: Value) -> bool {
    match point {
        PointType::BinaryInput | PointType::BinaryOutputStatus | PointType::BinaryOutputCommand => {
            matches!(value, Value::Binary(_))
        }
        PointType::DoubleBitInput => matches!(value, Value::DoubleBit(_)),
        PointType::Counter | PointType::FrozenCounter => matches!(value, Value::Counter(_)),
        PointType::AnalogInput
        | PointType::FrozenAnalogInput
        | PointType::AnalogOutputStatus
        | PointType::AnalogOutputCommand => matches!(value, Value::Analog(_)),
        // Octets are given otherwise; this value is our own count of their changes.
        PointType::OctetString => matches!(value, Value::Counter(_)),
    }
}

/// The flags without the state that a binary's octet carries beside them; what is not a number is not online.
fn without_state(value: Value, flags: Option<Flags>) -> Flags {
    let flags = flags.unwrap_or(Flags::ONLINE);
    match value {
        Value::Binary(_) => flags.without(Flags::STATE),
        Value::DoubleBit(_) => flags.without(Flags::from_bits(0xC0)),
        Value::Analog(value) if value.is_nan() => flags.without(Flags::ONLINE),
        _ => flags,
    }
}

fn point(config: &PointConfig) -> Result<(Point, Rest), ConfigError> {
    let (point, index) = (config.point, config.index);
    let wrong = || ConfigError::Variation(point, index);
    if config.class > 3 {
        return Err(ConfigError::Class(point, index));
    }
    let (static_entry, event_entry) = if point == PointType::OctetString {
        (None, None)
    } else {
        let of = |group| objects::entry(group, config.static_variation).ok_or_else(wrong);
        let statics = point.static_group().map(of).transpose()?;
        let events = objects::entry(point.event_group(), config.event_variation).ok_or_else(wrong)?;
        (statics, Some(events))
    };
    let timed = event_entry.is_some_and(|entry| entry.has_time());
    let default = if timed || point.static_group().is_none() { EventMode::Each } else { EventMode::Latest };
    let mode =
        if point == PointType::OctetString { EventMode::Latest } else { config.mode.unwrap_or(default) };
    let Measured { value, flags, time } = config.initial;
    if !is_of(point, value) {
        return Err(ConfigError::Initial(point, index));
    }
    let class_0 = config.class_0 && point.static_group().is_some();
    let flags = without_state(value, flags);
    let banded = matches!(value, Value::Analog(_) | Value::Counter(_)) && point != PointType::OctetString;
    let deadband = if banded { config.deadband } else { 0.0 };
    // A command is an event of its own; there is no later one that stands for it.
    let history = config.mode == Some(EventMode::Each) || point.static_group().is_none();
    Ok((
        Point { key: (point, index), class_0, flags, static_entry, value },
        Rest { event_entry, class: config.class, mode, history, deadband, time, octets: Vec::new() },
    ))
}

/// Any value as a number.
pub(super) fn number(value: Value) -> f64 {
    match value {
        Value::Analog(value) => value,
        Value::Binary(state) => u8::from(state).into(),
        Value::DoubleBit(state) => state.bits().into(),
        Value::Counter(count) => count.into(),
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Points {
    rows: Vec<Point>,
    rests: Vec<Rest>,
}

impl Points {
    pub(super) fn new(configs: &[PointConfig]) -> Result<Self, ConfigError> {
        let mut points = configs.iter().map(point).collect::<Result<Vec<_>, _>>()?;
        points.sort_by_key(|(point, _)| point.key);
        let twice = points.windows(2).find_map(|pair| match pair {
            [(one, _), (other, _)] if one.key == other.key => Some(one.key),
            _ => None,
        });
        match twice {
            Some((point, index)) => Err(ConfigError::DuplicateIndex(point, index)),
            None => {
                let (rows, rests) = points.into_iter().unzip();
                Ok(Self { rows, rests })
            }
        }
    }

    pub(super) fn rows(&self) -> &[Point] {
        &self.rows
    }

    pub(super) fn row(&self, at: usize) -> Option<Row<'_>> {
        Some(Row { point: self.rows.get(at)?, rest: self.rests.get(at)? })
    }

    pub(super) fn each(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().zip(&self.rests).map(|(point, rest)| Row { point, rest })
    }

    pub(super) fn find(&self, key: Key) -> Option<usize> {
        self.rows.binary_search_by_key(&key, |point| point.key).ok()
    }

    /// The rows of a type from the first to the last index.
    pub(super) fn span(&self, point: PointType, first: u16, last: u16) -> Range<usize> {
        let start = self.rows.partition_point(|row| row.key < (point, first));
        let end = self.rows.partition_point(|row| row.key <= (point, last));
        start..end
    }

    /// Has a row go on as one of another table was.
    pub(super) fn keep(&mut self, at: usize, was: Row<'_>) {
        if let (Some(point), Some(rest)) = (self.rows.get_mut(at), self.rests.get_mut(at)) {
            (point.value, point.flags) = (was.point.value, was.point.flags);
            rest.time = was.rest.time;
            rest.octets.clone_from(&was.rest.octets);
        }
    }

    /// Gives a point another value; `None` where it is none of its kind.
    pub(super) fn set(&mut self, at: usize, measured: Measured) -> Option<Row<'_>> {
        let (point, rest) = (self.rows.get_mut(at)?, self.rests.get_mut(at)?);
        if !is_of(point.key.0, measured.value) {
            return None;
        }
        point.value = measured.value;
        point.flags = without_state(measured.value, measured.flags);
        rest.time = measured.time;
        Some(Row { point, rest })
    }

    /// Gives an octet string other octets; `None` where nothing changes.
    pub(super) fn set_octets(&mut self, at: usize, octets: &[u8]) -> Option<Row<'_>> {
        let (point, rest) = (self.rows.get_mut(at)?, self.rests.get_mut(at)?);
        if rest.octets == octets {
            return None;
        }
        rest.octets.clear();
        rest.octets.extend_from_slice(octets);
        let changes = if let Value::Counter(changes) = point.value { changes } else { 0 };
        point.value = Value::Counter(changes.wrapping_add(1));
        Some(Row { point, rest })
    }
}
