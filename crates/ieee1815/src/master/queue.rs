//! What a master has to say, in order, kept small.
//!
//! Nearly all of it is points, a thousand in one response. Each is kept in 24 octets, not in the 56 of the event that
//! it becomes when it is taken: what a session keeps, and what a read has to move, is less than half.

use alloc::collections::VecDeque;

use super::MasterEvent;
use crate::{DoubleBit, Flags, Measured, PointType, Value};

/// A point as it waits.
#[derive(Debug, Clone, Copy)]
struct Point {
    /// The value's bits; the type of the point says what they are.
    value: u64,
    time: u64,
    index: u16,
    /// The low bits of the number of its response.
    response: u16,
    of: PointType,
    marks: u8,
    flags: u8,
}

/// It has flags.
const FLAGS: u8 = 1;
/// It has a time.
const TIME: u8 = 2;
/// It is an event.
const EVENT: u8 = 4;

impl Point {
    const fn new(of: PointType, index: u16, measured: &Measured, event: bool, response: u64) -> Self {
        let value = match measured.value {
            Value::Analog(value) => value.to_bits(),
            Value::Binary(state) => state as u64,
            Value::DoubleBit(state) => state.bits() as u64,
            Value::Counter(count) => count as u64,
        };
        let mut marks = if event { EVENT } else { 0 };
        let flags = match measured.flags {
            Some(flags) => {
                marks |= FLAGS;
                flags.bits()
            }
            None => 0,
        };
        let time = match measured.time {
            Some(time) => {
                marks |= TIME;
                time
            }
            None => 0,
        };
        let [low, high, ..] = response.to_le_bytes();
        Self { value, time, index, response: u16::from_le_bytes([low, high]), of, marks, flags }
    }

    /// The event that it is; `latest` is the number of the last response that has points here.
    #[expect(clippy::cast_possible_truncation, reason = "what was put in comes out")]
    fn event(&self, latest: u64) -> MasterEvent {
        let value = match self.of {
            PointType::BinaryInput | PointType::BinaryOutputStatus | PointType::BinaryOutputCommand => {
                Value::Binary(self.value != 0)
            }
            PointType::DoubleBitInput => Value::DoubleBit(DoubleBit::from_bits(self.value as u8)),
            PointType::Counter | PointType::FrozenCounter | PointType::OctetString => {
                Value::Counter(self.value as u32)
            }
            _ => Value::Analog(f64::from_bits(self.value)),
        };
        let flags = (self.marks & FLAGS != 0).then_some(Flags::from_bits(self.flags));
        let time = (self.marks & TIME != 0).then_some(self.time);
        // Far fewer responses wait than these bits can tell apart.
        let since = (latest as u16).wrapping_sub(self.response);
        MasterEvent::Point {
            point: self.of,
            index: self.index,
            measured: Measured { value, flags, time },
            event: self.marks & EVENT != 0,
            response: latest.saturating_sub(since.into()),
        }
    }
}

#[derive(Debug)]
enum Queued {
    Point(Point),
    /// The next of the others.
    Other,
}

/// A place in the queue to come back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    queued: usize,
    others: usize,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    queued: VecDeque<Queued>,
    others: VecDeque<MasterEvent>,
    /// Number of the last response that had points.
    latest: u64,
}

impl EventQueue {
    pub(super) fn len(&self) -> usize {
        self.queued.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    pub(super) fn push_back(&mut self, event: MasterEvent) {
        self.others.push_back(event);
        self.queued.push_back(Queued::Other);
    }

    pub(super) fn extend(&mut self, events: impl IntoIterator<Item = MasterEvent>) {
        events.into_iter().for_each(|event| self.push_back(event));
    }

    /// Room for so many points.
    pub(super) fn reserve_exact(&mut self, more: usize) {
        self.queued.reserve_exact(more);
    }

    /// Points of one header are going to be pushed.
    #[inline]
    pub(super) fn points(
        &mut self,
        of: PointType,
        event: bool,
        response: u64,
    ) -> impl FnMut(u16, Measured) + '_ {
        self.latest = response;
        move |index, measured| {
            self.queued.push_back(Queued::Point(Point::new(of, index, &measured, event, response)));
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<MasterEvent> {
        match self.queued.pop_front()? {
            Queued::Point(point) => Some(point.event(self.latest)),
            Queued::Other => self.others.pop_front(),
        }
    }

    /// Shows all, in order, and empties the queue.
    #[inline]
    pub(super) fn take(&mut self, mut each: impl FnMut(&MasterEvent)) {
        let mut others = self.others.iter();
        for queued in &self.queued {
            match queued {
                Queued::Point(point) => each(&point.event(self.latest)),
                Queued::Other => others.next().into_iter().for_each(&mut each),
            }
        }
        self.clear();
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { queued: self.queued.len(), others: self.others.len() }
    }

    /// Forgets what was pushed since.
    pub(super) fn truncate(&mut self, mark: Mark) {
        self.queued.truncate(mark.queued);
        self.others.truncate(mark.others);
    }

    pub(super) fn clear(&mut self) {
        self.queued.clear();
        self.others.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_out_as_it_went_in() {
        assert_eq!(size_of::<Queued>(), 24);
        let values = [
            (PointType::AnalogInput, Value::Analog(-1.5)),
            (PointType::AnalogOutputCommand, Value::Analog(f64::INFINITY)),
            (PointType::BinaryInput, Value::Binary(true)),
            (PointType::DoubleBitInput, Value::DoubleBit(DoubleBit::On)),
            (PointType::FrozenCounter, Value::Counter(u32::MAX)),
        ];
        let mut queue = EventQueue::default();
        let mut expected = alloc::vec::Vec::new();
        for (at, (point, value)) in values.into_iter().enumerate() {
            for (flags, time) in
                [(None, None), (Some(Flags::ONLINE), Some(u64::MAX)), (Some(Flags::NONE), None)]
            {
                // The numbers go over the end of their low bits.
                let (measured, response) = (Measured { value, flags, time }, 65_530 + expected.len() as u64);
                let (index, event) = (u16::MAX - u16::try_from(at).unwrap(), time.is_some());
                queue.points(point, event, response)(index, measured);
                queue.push_back(MasterEvent::Restart);
                expected.push(MasterEvent::Point { point, index, measured, event, response });
                expected.push(MasterEvent::Restart);
            }
        }
        let mark = queue.mark();
        queue.push_back(MasterEvent::TimeNeeded);
        queue.truncate(mark);
        let mut shown = alloc::vec::Vec::new();
        let first = queue.pop_front();
        queue.take(|event| shown.push(event.clone()));
        assert_eq!(first.as_ref(), expected.first());
        assert_eq!(shown, expected[1..]);
        assert!(queue.is_empty() && queue.pop_front().is_none());
    }
}
