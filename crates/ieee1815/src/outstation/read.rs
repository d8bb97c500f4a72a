//! What a READ asks for, and the fragments that answer it.
//!
//! Each fragment is made when it is sent, from what the points are then; a long answer never carries what was true
//! when it was begun.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::events::{Events, class_set};
use super::{Key, Point, Points};
use crate::objects::{self, Direction, Entry, Form, Range, parse_headers, write_measured};
use crate::{Classes, Flags, Iin, Measured, PointType, Value};

/// One thing to send.
#[derive(Debug)]
enum Item {
    Events {
        of: Which,
        variation: Option<Entry>,
        left: u32,
    },
    /// Statics from `next` on, up to `last`.
    Statics {
        next: Key,
        last: Key,
        variation: Option<Entry>,
    },
}

#[derive(Debug, Clone, Copy)]
enum Which {
    Classes(Classes),
    Point(PointType),
}

/// What of a READ is still to be sent.
#[derive(Debug, Default)]
pub(super) struct Series(VecDeque<Item>);

/// A read and what is wrong with it.
pub(super) fn request(octets: &[u8]) -> (Series, Iin) {
    let (mut items, mut iin) = (VecDeque::new(), Iin::NONE);
    for header in parse_headers(octets, Direction::Naming) {
        let Ok(header) = header else {
            return (Series::default(), Iin::PARAMETER_ERROR);
        };
        if items.len() >= 64 {
            return (Series::default(), Iin::PARAMETER_ERROR);
        }
        match item(header.group, header.variation, header.range) {
            Ok(Some(item)) => items.push_back(item),
            Ok(None) => all(&mut items),
            Err(wrong) => iin = iin | wrong,
        }
    }
    (Series(items), iin)
}

const TYPES: [PointType; 4] = [
    PointType::BinaryInput,
    PointType::BinaryOutputStatus,
    PointType::AnalogInput,
    PointType::AnalogOutputStatus,
];

fn all(items: &mut VecDeque<Item>) {
    for point in TYPES {
        items.push_back(Item::Statics { next: (point, 0), last: (point, u16::MAX), variation: None });
    }
}

/// The item of a header; `None` for class 0.
fn item(group: u8, variation: u8, range: Range) -> Result<Option<Item>, Iin> {
    let class = match (group, variation) {
        (60, 1) if range == Range::All => return Ok(None),
        (60, 2..=4) => Some(class_set(variation - 1)),
        _ => None,
    };
    let limit = match range {
        Range::All => Some(u32::MAX),
        Range::Count(count) => Some(count),
        _ => None,
    };
    if let Some(class) = class {
        let left = limit.ok_or(Iin::PARAMETER_ERROR)?;
        return Ok(Some(Item::Events { of: Which::Classes(class), variation: None, left }));
    }
    let of = |group_of: fn(PointType) -> u8| TYPES.into_iter().find(|point| group_of(*point) == group);
    let entry = match variation {
        0 => None,
        _ => Some(objects::entry(group, variation).ok_or(Iin::OBJECT_UNKNOWN)?),
    };
    if let Some(point) = of(objects::event_group) {
        // Relative times need a common time before them; nobody here sends one.
        if group == 2 && variation == 3 {
            return Err(Iin::OBJECT_UNKNOWN);
        }
        let left = limit.ok_or(Iin::PARAMETER_ERROR)?;
        return Ok(Some(Item::Events { of: Which::Point(point), variation: entry, left }));
    }
    let point = of(objects::static_group).ok_or(Iin::OBJECT_UNKNOWN)?;
    let (start, stop) = match range {
        Range::All => (0, u16::MAX),
        Range::StartStop(start, stop) => (
            u16::try_from(start).map_err(|_| Iin::PARAMETER_ERROR)?,
            u16::try_from(stop).map_err(|_| Iin::PARAMETER_ERROR)?,
        ),
        _ => return Err(Iin::PARAMETER_ERROR),
    };
    Ok(Some(Item::Statics { next: (point, start), last: (point, stop), variation: entry }))
}

/// Octets of a header with 16-bit range or count.
const HEADER_OCTETS: usize = 7;

impl Series {
    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes objects until the fragment is full or all is sent. True when there are events among them.
    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        max: usize,
        points: &Points,
        events: &mut Events,
    ) -> bool {
        let mut any_events = false;
        while let Some(item) = self.0.front_mut() {
            let over = match item {
                Item::Events { of, variation, left } => {
                    write_events(out, max, points, events, (*of, *variation), left, &mut any_events)
                }
                Item::Statics { next, last, variation } => {
                    write_statics(out, max, points, events, (next, *last), *variation)
                }
            };
            if !over {
                return any_events;
            }
            self.0.pop_front();
        }
        any_events
    }
}

/// A header that is being filled.
struct Run {
    group: u8,
    variation: u8,
    /// Where its count or stop is.
    patch: usize,
    count: u16,
    /// Index that would continue it.
    next: Option<u16>,
}

impl Run {
    fn put(&self, out: &mut [u8], value: u16) {
        if let Some(place) = out.get_mut(self.patch..self.patch + 2) {
            place.copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// True when all was written.
fn write_events(
    out: &mut Vec<u8>,
    max: usize,
    points: &Points,
    events: &mut Events,
    (of, variation): (Which, Option<Entry>),
    left: &mut u32,
    any: &mut bool,
) -> bool {
    let mut run: Option<Run> = None;
    let mut sent = Vec::new();
    let mut over = true;
    for event in events.unsent() {
        let wanted = match of {
            Which::Classes(classes) => classes.contains(class_set(event.class)),
            Which::Point(point) => event.key.0 == point,
        };
        let Some(point) = points.get(&event.key).filter(|_| wanted) else { continue };
        if *left == 0 {
            break;
        }
        let measured = event.queued.unwrap_or(point.measured);
        let entry = variation.unwrap_or(point.event_entry);
        let group = objects::event_group(event.key.0);
        if out.len() + HEADER_OCTETS + entry.octets_max() > max {
            over = false;
            break;
        }
        let continued = run
            .as_mut()
            .filter(|run| (run.group, run.variation) == (group, entry.variation()) && run.count < u16::MAX);
        match continued {
            Some(run) => {
                run.count += 1;
                run.put(out, run.count);
            }
            None => {
                out.extend([group, entry.variation(), 0x28, 1, 0]);
                let patch = out.len() - 2;
                run = Some(Run { group, variation: entry.variation(), patch, count: 1, next: None });
            }
        }
        out.extend(event.key.1.to_le_bytes());
        write_measured(out, &entry, &measured);
        event.sent = true;
        *left -= 1;
        *any = true;
        sent.push((event.key, event.queued.is_some(), measured.value, point.flags()));
    }
    for (key, timed, value, flags) in sent {
        events.note_sent(key, timed, value, flags);
    }
    over
}

/// The variation in which a point may leave now: one without flags only while there is nothing to flag.
fn honest(key: Key, point: &Point, wanted: Option<Entry>) -> Entry {
    let entry = wanted.unwrap_or(point.static_entry);
    if entry.has_flags() || point.flags() == Flags::ONLINE {
        return entry;
    }
    let with_flags = match (objects::static_group(key.0), entry.variation()) {
        (30, 3) => 1,
        _ => 2,
    };
    objects::entry(objects::static_group(key.0), with_flags).unwrap_or(entry)
}

/// True when all was written; `next` is where to go on.
fn write_statics(
    out: &mut Vec<u8>,
    max: usize,
    points: &Points,
    events: &mut Events,
    (next, last): (&mut Key, Key),
    variation: Option<Entry>,
) -> bool {
    if *next > last {
        return true;
    }
    let mut run: Option<Run> = None;
    for (key, point) in points.range(*next..=last) {
        let entry = honest(*key, point, variation);
        let group = objects::static_group(key.0);
        if out.len() + HEADER_OCTETS + entry.octets_max() > max {
            *next = *key;
            return false;
        }
        let continued = run
            .as_mut()
            .filter(|run| (run.group, run.variation, run.next) == (group, entry.variation(), Some(key.1)));
        let number = match continued {
            Some(run) => {
                run.put(out, key.1);
                run.count = run.count.saturating_add(1);
                run.next = key.1.checked_add(1);
                run.count - 1
            }
            None => {
                out.extend([group, entry.variation(), 0x01]);
                out.extend(key.1.to_le_bytes());
                out.extend(key.1.to_le_bytes());
                let (patch, next) = (out.len() - 2, key.1.checked_add(1));
                run = Some(Run { group, variation: entry.variation(), patch, count: 1, next });
                0
            }
        };
        write_static(out, &entry, number, &point.measured);
        events.note_static(*key, point.measured.value, point.flags());
    }
    true
}

fn write_static(out: &mut Vec<u8>, entry: &Entry, number: u16, measured: &Measured) {
    if entry.form != Form::Packed {
        write_measured(out, entry, measured);
        return;
    }
    if number.is_multiple_of(8) {
        out.push(0);
    }
    if let (Some(octet), Value::Binary(true)) = (out.last_mut(), measured.value) {
        *octet |= 1 << (number % 8);
    }
}
