//! One master's view of the points: what was reported to it, in which class it wants what, and the events that wait.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::points::{Point, Points, Row};
use super::reconfigure::Moves;
use super::{EventMode, LastTold};
use crate::{Classes, Flags, Iin, Measured, PointType, Time};

/// The fragment that an event is in, while its confirm has not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// An answer.
    Solicited,
    /// An unsolicited response.
    Unsolicited,
}

#[derive(Debug)]
pub(super) struct Event {
    /// Row of the point.
    pub(super) at: usize,
    of: PointType,
    pub(super) class: u8,
    /// What was measured, in mode each; in mode latest it is taken when it is sent.
    pub(super) queued: Option<Measured>,
    sent: Option<Carrier>,
}

/// One point, as this master knows it.
#[derive(Debug)]
struct Seen {
    /// What was last reported, or is about to be.
    value: f64,
    flags: Flags,
    class: u8,
    /// An event in mode latest waits unsent.
    waits: bool,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Events {
    max: usize,
    max_of_a_type: usize,
    waiting: VecDeque<Event>,
    /// How many wait, by type.
    of_a_type: [usize; PointType::ALL.len()],
    /// How many wait unsent, by class less one.
    unsent: [usize; 3],
    /// By row of the points.
    seen: Box<[Seen]>,
    /// By row of the points, what the master was last sent; empty where it is not remembered.
    told: Box<[Option<LastTold>]>,
    remember: bool,
    /// Deadbands that this master wrote; empty until it does.
    deadbands: Vec<f64>,
    /// How often events were lost; a master is told until it confirmed the last time.
    overflows: u32,
    overflow: bool,
    pub(super) lost: u64,
}

impl Events {
    pub(super) fn new(max: usize, max_of_a_type: usize, remember: bool, points: &Points) -> Self {
        Self {
            max: max.max(1),
            max_of_a_type: max_of_a_type.max(1),
            waiting: VecDeque::new(),
            of_a_type: [0; PointType::ALL.len()],
            unsent: [0; 3],
            seen: points.each().map(see).collect(),
            told: points.each().filter(|_| remember).map(|_| None).collect(),
            remember,
            deadbands: Vec::new(),
            overflows: 0,
            overflow: false,
            lost: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A point was updated: is that an event?
    pub(super) fn update(&mut self, at: usize, row: Row<'_>) {
        let deadband = self.deadband(at, row);
        let Some(seen) = self.seen.get_mut(at).filter(|seen| seen.class != 0) else { return };
        let (value, flags) = (row.point.number(), row.point.flags);
        // Not a number is never within the band, and is told once; so is what is beyond all numbers.
        let same = value == seen.value || value.is_nan() && seen.value.is_nan();
        let within = same || (value - seen.value).abs() <= deadband;
        // A command is an event each time.
        let always =
            matches!(row.point.key.0, PointType::BinaryOutputCommand | PointType::AnalogOutputCommand);
        if within && flags == seen.flags && !always {
            return;
        }
        (seen.value, seen.flags) = (value, flags);
        if row.point.key.0 == PointType::OctetString && row.rest.octets.is_empty() {
            // There is no way to tell an empty string: what waited of it has become void.
            self.withdraw(at);
            return;
        }
        let queued = (row.rest.mode == EventMode::Each).then(|| row.measured());
        if queued.is_none() && core::mem::replace(&mut seen.waits, true) {
            return;
        }
        let (class, of) = (seen.class, row.point.key.0);
        if self.waiting_of(of) >= self.max_of_a_type {
            let oldest = self.waiting.iter().position(|event| event.of == of);
            self.drop_event(oldest.unwrap_or_default());
        } else if self.waiting.len() >= self.max {
            self.drop_event(0);
        }
        self.waiting.push_back(Event { at, of, class, queued, sent: None });
        self.count(class, 1);
        self.count_type(of, 1);
    }

    fn waiting_of(&self, of: PointType) -> usize {
        self.of_a_type.get(of as usize).copied().unwrap_or_default()
    }

    fn count_type(&mut self, of: PointType, change: isize) {
        if let Some(waiting) = self.of_a_type.get_mut(of as usize) {
            *waiting = waiting.saturating_add_signed(change);
        }
    }

    fn count(&mut self, class: u8, change: isize) {
        if let Some(unsent) = self.unsent.get_mut(usize::from(class).wrapping_sub(1)) {
            *unsent = unsent.saturating_add_signed(change);
        }
    }

    fn drop_event(&mut self, place: usize) {
        let Some(lost) = self.waiting.remove(place) else { return };
        self.count_type(lost.of, -1);
        if lost.sent.is_none() {
            self.count(lost.class, -1);
            if lost.queued.is_none()
                && let Some(seen) = self.seen.get_mut(lost.at)
            {
                seen.waits = false;
            }
        }
        self.lost = self.lost.saturating_add(1);
        self.overflows = self.overflows.wrapping_add(1);
        self.overflow = true;
    }

    /// Takes back what waits unsent of a point in mode latest.
    fn withdraw(&mut self, at: usize) {
        let waits = |event: &Event| event.at == at && event.sent.is_none() && event.queued.is_none();
        if let Some(place) = self.waiting.iter().position(waits) {
            self.discard(place);
        }
    }

    /// Removes all events of a point.
    pub(super) fn purge(&mut self, at: usize) {
        while let Some(place) = self.waiting.iter().position(|event| event.at == at) {
            self.discard(place);
        }
        // Whatever comes next is news.
        if let Some(seen) = self.seen.get_mut(at) {
            seen.value = f64::NAN;
        }
    }

    /// The table changed: what waits of a row that is gone is dropped, everything else is where it is now.
    pub(super) fn move_rows(&mut self, moves: &Moves<'_>) {
        let to = |at: usize| moves.places.get(at).copied().flatten();
        let mut place = 0_usize;
        while let Some(event) = self.waiting.get(place) {
            if to(event.at).is_some() { place = place.saturating_add(1) } else { self.discard(place) }
        }
        for event in &mut self.waiting {
            event.at = to(event.at).unwrap_or_default();
        }
        let mut seen: Box<[Seen]> = moves.after.each().map(see).collect();
        let mut deadbands = match self.deadbands.is_empty() {
            true => Vec::new(),
            false => alloc::vec![f64::NAN; seen.len()],
        };
        let olds = core::mem::take(&mut self.seen).into_iter().zip(moves.before.each());
        for (at, (old, row)) in olds.enumerate() {
            let Some(new) = to(at).and_then(|at| seen.get_mut(at)) else { continue };
            // A class that the master assigned is its own; else the configuration's holds.
            let class = if old.class == row.rest.class { new.class } else { old.class };
            *new = Seen { class, ..old };
        }
        for (at, band) in self.deadbands.iter().enumerate() {
            if let Some(place) = to(at).and_then(|at| deadbands.get_mut(at)) {
                *place = *band;
            }
        }
        let mut told: Box<[_]> = moves.after.each().filter(|_| self.remember).map(|_| None).collect();
        for (at, last) in self.told.iter().enumerate() {
            if let Some(place) = to(at).and_then(|at| told.get_mut(at)) {
                *place = *last;
            }
        }
        (self.seen, self.deadbands, self.told) = (seen, deadbands, told);
    }

    /// Whether what the master was sent is remembered from the next [`move_rows`](Self::move_rows) on.
    pub(super) fn remember(&mut self, remember: bool) {
        self.remember = remember;
    }

    /// Other limits from now on; what is too much is lost as it would have been.
    pub(super) fn limit(&mut self, max: usize, max_of_a_type: usize) {
        (self.max, self.max_of_a_type) = (max.max(1), max_of_a_type.max(1));
        while self.waiting.len() > self.max {
            self.drop_event(0);
        }
        for of in PointType::ALL {
            while self.waiting_of(of) > self.max_of_a_type {
                let Some(oldest) = self.waiting.iter().position(|event| event.of == of) else { break };
                self.drop_event(oldest);
            }
        }
    }

    /// Removes an event that cannot be sent.
    pub(super) fn discard(&mut self, place: usize) {
        let Some(event) = self.waiting.remove(place) else { return };
        self.count_type(event.of, -1);
        if event.sent.is_none() {
            self.count(event.class, -1);
            if let Some(seen) = self.seen.get_mut(event.at) {
                seen.waits &= event.queued.is_some();
            }
        }
    }

    /// The class that this master wants a point in.
    pub(super) fn assign(&mut self, at: usize, class: u8) {
        if let Some(seen) = self.seen.get_mut(at) {
            seen.class = class;
        }
    }

    /// The deadband of a point for this master.
    pub(super) fn deadband(&self, at: usize, row: Row<'_>) -> f64 {
        self.deadbands.get(at).copied().filter(|band| !band.is_nan()).unwrap_or(row.rest.deadband)
    }

    pub(super) fn set_deadband(&mut self, at: usize, band: f64) {
        if self.deadbands.is_empty() {
            self.deadbands = alloc::vec![f64::NAN; self.seen.len()];
        }
        if let Some(place) = self.deadbands.get_mut(at) {
            *place = band;
        }
    }

    /// The events that wait unsent, oldest first, and the number of events before each.
    pub(super) fn unsent(&self, from: usize) -> impl Iterator<Item = (usize, &Event)> {
        self.waiting.iter().enumerate().skip(from).filter(|(_, event)| event.sent.is_none())
    }

    /// Whether a newer event of the same point waits unsent.
    pub(super) fn is_superseded(&self, place: usize) -> bool {
        let Some(event) = self.waiting.get(place) else { return false };
        self.unsent(place.saturating_add(1)).any(|(_, later)| later.at == event.at)
    }

    /// An event need not be sent by itself any more.
    pub(super) fn note_superseded(&mut self, place: usize, by: Carrier) {
        let Some(event) = self.waiting.get_mut(place) else { return };
        event.sent = Some(by);
        let class = event.class;
        self.count(class, -1);
    }

    /// An event was put into a fragment, with this value.
    pub(super) fn note_sent(&mut self, place: usize, by: Carrier, value: f64, flags: Flags, now: Time) {
        let Some(event) = self.waiting.get_mut(place) else { return };
        event.sent = Some(by);
        let (at, class) = (event.at, event.class);
        if let Some(told) = self.told.get_mut(at) {
            *told = Some(LastTold { value, flags, at: now, event: true });
        }
        if event.queued.is_none()
            && let Some(seen) = self.seen.get_mut(at)
        {
            (seen.value, seen.flags, seen.waits) = (value, flags, false);
        }
        self.count(class, -1);
    }

    /// A fragment was confirmed. `overflow`: what it told of lost events.
    pub(super) fn confirm(&mut self, by: Carrier, overflow: Option<u32>) {
        let of_a_type = &mut self.of_a_type;
        self.waiting.retain(|event| {
            let confirmed = event.sent == Some(by);
            if confirmed && let Some(waiting) = of_a_type.get_mut(event.of as usize) {
                *waiting = waiting.saturating_sub(1);
            }
            !confirmed
        });
        if overflow == Some(self.overflows) {
            self.overflow = false;
        }
    }

    /// The fragment will not be confirmed: its events wait again, in their old places.
    pub(super) fn unsend(&mut self, by: Carrier) {
        // A point that changed meanwhile waits twice: the older place, with the newer value, is enough.
        let seen = &mut self.seen;
        let mut twice = false;
        for event in self.waiting.iter_mut().filter(|event| event.sent == Some(by)) {
            event.sent = None;
            if let Some(unsent) = self.unsent.get_mut(usize::from(event.class).wrapping_sub(1)) {
                *unsent = unsent.saturating_add(1);
            }
            if event.queued.is_none()
                && let Some(seen) = seen.get_mut(event.at)
            {
                twice |= core::mem::replace(&mut seen.waits, true);
            }
        }
        if twice {
            self.drop_doubles();
        }
    }

    fn drop_doubles(&mut self) {
        let (seen, unsent, of_a_type) = (&mut self.seen, &mut self.unsent, &mut self.of_a_type);
        self.waiting.retain(|event| {
            if event.queued.is_some() || event.sent.is_some() {
                return true;
            }
            let first = seen.get_mut(event.at).is_some_and(|seen| core::mem::take(&mut seen.waits));
            if !first && let Some(unsent) = unsent.get_mut(usize::from(event.class).wrapping_sub(1)) {
                *unsent = unsent.saturating_sub(1);
            }
            if !first && let Some(waiting) = of_a_type.get_mut(event.of as usize) {
                *waiting = waiting.saturating_sub(1);
            }
            first
        });
        for event in self.waiting.iter().filter(|event| event.queued.is_none() && event.sent.is_none()) {
            if let Some(seen) = seen.get_mut(event.at) {
                seen.waits = true;
            }
        }
    }

    /// The statics of these rows were put into a response: deadbands count from here.
    pub(super) fn note_statics(&mut self, from: usize, rows: &[Point], now: Time) {
        for (seen, point) in self.seen.get_mut(from..).unwrap_or_default().iter_mut().zip(rows) {
            (seen.value, seen.flags) = (point.number(), point.flags);
        }
        for (told, point) in self.told.get_mut(from..).unwrap_or_default().iter_mut().zip(rows) {
            *told = Some(LastTold { value: point.number(), flags: point.flags, at: now, event: false });
        }
    }

    /// What the master was last sent of a point.
    pub(super) fn last_told(&self, at: usize) -> Option<LastTold> {
        self.told.get(at).copied().flatten()
    }

    /// Whether events of these classes wait unsent.
    pub(super) fn waits(&self, classes: Classes) -> bool {
        let [one, two, three] = self.unsent;
        one > 0 && classes.contains(Classes::ONE)
            || two > 0 && classes.contains(Classes::TWO)
            || three > 0 && classes.contains(Classes::THREE)
    }

    /// What a response that goes out now tells of lost events.
    pub(super) fn overflow(&self) -> Option<u32> {
        self.overflow.then_some(self.overflows)
    }

    /// What a response says of the events that it does not carry.
    pub(super) fn indications(&self) -> Iin {
        let mut iin = if self.overflow { Iin::EVENT_BUFFER_OVERFLOW } else { Iin::NONE };
        for (class, bit) in
            [(Classes::ONE, Iin::CLASS_1), (Classes::TWO, Iin::CLASS_2), (Classes::THREE, Iin::CLASS_3)]
        {
            if self.waits(class) {
                iin = iin | bit;
            }
        }
        iin
    }
}

/// A point that no event was made of yet.
fn see(row: Row<'_>) -> Seen {
    Seen { value: row.point.number(), flags: row.point.flags, class: row.rest.class, waits: false }
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
