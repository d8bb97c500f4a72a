//! One master's events.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Key, Point, Points};
use crate::{Classes, Flags, Iin, Measured, Value};

#[derive(Debug)]
pub(super) struct Event {
    pub(super) key: Key,
    pub(super) class: u8,
    /// What was measured, in a timed variation; untimed ones take it when they are sent.
    pub(super) queued: Option<Measured>,
    /// In a fragment whose confirm has not come yet.
    pub(super) sent: bool,
}

/// The buffer.
#[derive(Debug)]
pub(super) struct Events {
    max: usize,
    waiting: VecDeque<Event>,
    /// Points with an untimed event that waits unsent.
    untimed: BTreeSet<Key>,
    /// What was last reported, or is about to be.
    reported: BTreeMap<Key, (Value, Flags)>,
    overflow: bool,
    /// The master was told of the overflow in the response that awaits its confirm.
    overflow_told: bool,
    pub(super) lost: u64,
}

impl Events {
    pub(super) fn new(max: usize, points: &Points) -> Self {
        let reported =
            points.iter().map(|(key, point)| (*key, (point.measured.value, point.flags()))).collect();
        let max = max.max(1);
        Self {
            max,
            waiting: VecDeque::new(),
            untimed: BTreeSet::new(),
            reported,
            overflow: false,
            overflow_told: false,
            lost: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A point was updated: is that an event?
    pub(super) fn update(&mut self, key: Key, point: &Point) {
        if point.class == 0 {
            return;
        }
        let (value, flags) = (point.measured.value, point.flags());
        let changed = self.reported.get(&key).is_none_or(|(before, flags_before)| {
            *flags_before != flags
                || match (*before, value) {
                    (Value::Analog(before), Value::Analog(value)) => {
                        // Not a number is never within the band, and is told once.
                        let within = (value - before).abs() <= point.deadband;
                        !(within || value.is_nan() && before.is_nan())
                    }
                    (before, value) => before != value,
                }
        });
        if !changed {
            return;
        }
        self.reported.insert(key, (value, flags));
        let queued = point.event_entry.has_time().then_some(point.measured);
        if queued.is_none() && !self.untimed.insert(key) {
            return;
        }
        if self.waiting.len() >= self.max {
            self.drop_oldest();
        }
        self.waiting.push_back(Event { key, class: point.class, queued, sent: false });
    }

    fn drop_oldest(&mut self) {
        if let Some(lost) = self.waiting.pop_front() {
            if lost.queued.is_none() && !lost.sent {
                self.untimed.remove(&lost.key);
            }
            self.lost += 1;
            (self.overflow, self.overflow_told) = (true, false);
        }
    }

    /// The events that wait unsent, oldest first.
    pub(super) fn unsent(&mut self) -> impl Iterator<Item = &mut Event> {
        self.waiting.iter_mut().filter(|event| !event.sent)
    }

    /// An event was put into a fragment, with this measurement.
    pub(super) fn note_sent(&mut self, key: Key, timed: bool, value: Value, flags: Flags) {
        if !timed {
            self.untimed.remove(&key);
            self.reported.insert(key, (value, flags));
        }
    }

    /// The fragment was confirmed.
    pub(super) fn confirm(&mut self) {
        self.waiting.retain(|event| !event.sent);
        if self.overflow_told {
            (self.overflow, self.overflow_told) = (false, false);
        }
    }

    /// The fragment will not be confirmed: its events wait again, in their old places.
    pub(super) fn unsend(&mut self) {
        let mut again = BTreeSet::new();
        for event in self.waiting.iter_mut().filter(|event| event.sent) {
            event.sent = false;
            if event.queued.is_none() {
                again.insert(event.key);
            }
        }
        if again.is_empty() {
            return;
        }
        // A point that changed meanwhile waits twice: the older place, with the newer value, is enough.
        let mut seen = BTreeSet::new();
        self.waiting.retain(|event| event.queued.is_some() || seen.insert(event.key));
        self.untimed.append(&mut again);
    }

    /// A static was put into a response: deadbands count from here.
    pub(super) fn note_static(&mut self, key: Key, value: Value, flags: Flags) {
        self.reported.insert(key, (value, flags));
    }

    /// What a response says of the events that it does not carry.
    pub(super) fn indications(&mut self) -> Iin {
        self.overflow_told = self.overflow;
        let mut iin = if self.overflow { Iin::EVENT_BUFFER_OVERFLOW } else { Iin::NONE };
        for event in self.waiting.iter().filter(|event| !event.sent) {
            iin = iin
                | match event.class {
                    1 => Iin::CLASS_1,
                    2 => Iin::CLASS_2,
                    _ => Iin::CLASS_3,
                };
            if iin.contains(Iin::CLASS_1 | Iin::CLASS_2 | Iin::CLASS_3) {
                break;
            }
        }
        iin
    }
}

/// The class as a set of one.
pub(super) const fn class_set(class: u8) -> Classes {
    match class {
        1 => Classes::ONE,
        2 => Classes::TWO,
        3 => Classes::THREE,
        _ => Classes::NONE,
    }
}
