//! The points that all masters share: one table in the order of type and index, found by position.

use alloc::vec::Vec;
use core::ops::Range;

use super::{ConfigError, EventMode, PointConfig};
use crate::objects::{self, Entry};
use crate::{Flags, Measured, PointType, Value};

pub(super) type Key = (PointType, u16);

#[derive(Debug)]
pub(super) struct Point {
    pub(super) key: Key,
    static_entry: Option<Entry>,
    event_entry: Option<Entry>,
    pub(super) class: u8,
    pub(super) class_0: bool,
    pub(super) mode: EventMode,
    pub(super) deadband: f64,
    pub(super) measured: Measured,
    /// The octets of an octet string; its value counts the changes.
    pub(super) octets: Vec<u8>,
}

impl Point {
    fn new(config: &PointConfig) -> Result<Self, ConfigError> {
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
        let default =
            if timed || point.static_group().is_none() { EventMode::Each } else { EventMode::Latest };
        let mode =
            if point == PointType::OctetString { EventMode::Latest } else { config.mode.unwrap_or(default) };
        Ok(Self {
            key: (point, index),
            static_entry,
            event_entry,
            class: config.class,
            class_0: config.class_0 && point.static_group().is_some(),
            mode,
            deadband: config.deadband,
            measured: config.initial,
            octets: Vec::new(),
        })
    }

    /// The flags without a binary's state.
    pub(super) fn flags(&self) -> Flags {
        let flags = self.measured.flags.unwrap_or(Flags::ONLINE);
        match self.measured.value {
            Value::Binary(_) => flags.without(Flags::STATE),
            Value::DoubleBit(_) => flags.without(Flags::from_bits(0xC0)),
            _ => flags,
        }
    }

    /// The value, to compare.
    pub(super) fn number(&self) -> f64 {
        number(self.measured.value)
    }

    /// The variation in which it may leave now: one without flags only while there is nothing to flag. `None` where
    /// there is nothing to send.
    pub(super) fn static_entry(&self, wanted: Option<Entry>) -> Option<Entry> {
        if self.key.0 == PointType::OctetString {
            return self.text_entry(110);
        }
        let entry = wanted.or(self.static_entry)?;
        if entry.has_flags() || self.flags() == Flags::ONLINE {
            return Some(entry);
        }
        let with_flags = match (entry.group(), entry.variation()) {
            (20, 5) | (21, 9) | (30, 3) | (31, 5) => 1,
            _ => 2,
        };
        objects::entry(entry.group(), with_flags)
    }

    /// The variation in which its events leave.
    pub(super) fn event_entry(&self, wanted: Option<Entry>) -> Option<Entry> {
        if self.key.0 == PointType::OctetString {
            return self.text_entry(111);
        }
        wanted.or(self.event_entry)
    }

    fn text_entry(&self, group: u8) -> Option<Entry> {
        objects::entry(group, u8::try_from(self.octets.len()).ok()?)
    }
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
pub(super) struct Points(Vec<Point>);

impl Points {
    pub(super) fn new(configs: &[PointConfig]) -> Result<Self, ConfigError> {
        let mut points = configs.iter().map(Point::new).collect::<Result<Vec<_>, _>>()?;
        points.sort_by_key(|point| point.key);
        let twice = points.windows(2).find_map(|pair| match pair {
            [one, other] if one.key == other.key => Some(one.key),
            _ => None,
        });
        match twice {
            Some((point, index)) => Err(ConfigError::DuplicateIndex(point, index)),
            None => Ok(Self(points)),
        }
    }

    pub(super) fn rows(&self) -> &[Point] {
        &self.0
    }

    pub(super) fn row(&self, at: usize) -> Option<&Point> {
        self.0.get(at)
    }

    pub(super) fn row_mut(&mut self, at: usize) -> Option<&mut Point> {
        self.0.get_mut(at)
    }

    pub(super) fn find(&self, key: Key) -> Option<usize> {
        self.0.binary_search_by_key(&key, |point| point.key).ok()
    }

    /// The rows of a type from the first to the last index.
    pub(super) fn span(&self, point: PointType, first: u16, last: u16) -> Range<usize> {
        let start = self.0.partition_point(|row| row.key < (point, first));
        let end = self.0.partition_point(|row| row.key <= (point, last));
        start..end
    }
}
