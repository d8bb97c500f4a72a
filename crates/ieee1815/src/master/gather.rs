//! The objects of a fragment: which are understood, which belong there, which are wanted, and whether there is room.

use super::event::count;
use super::fragment::Response;
use super::{EXTRA_EVENTS, Master, MasterEvent, Outcome};
use crate::PointType;
use crate::functions::CON;
use crate::objects::{Direction, ObjectError, ObjectHeader, Range, parse_headers};

/// Events up to which the queue grows by what a fragment needs, and no further.
const EXACT_MAX: usize = 512;

/// Who asked for the objects of a fragment: that decides which may be in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nobody.
    Unsolicited,
    /// A scan or a task.
    Read,
    /// A user, who gets attributes too.
    User,
}

/// Why a fragment is not taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    Malformed,
    Unknown,
    NotValid,
    NoRoom,
}

impl From<Dropped> for Outcome {
    fn from(dropped: Dropped) -> Self {
        match dropped {
            Dropped::Malformed => Self::Malformed("its objects"),
            Dropped::Unknown => Self::Malformed("an object that is not known"),
            Dropped::NotValid => Self::Malformed("an object that does not belong there"),
            Dropped::NoRoom => Self::Overloaded,
        }
    }
}

impl Master {
    /// Room for so many points and what a fragment adds beside them.
    pub(super) fn has_room(&self, points: usize) -> bool {
        let waiting = self.events.len();
        let after = waiting.saturating_add(points).saturating_add(EXTRA_EVENTS);
        waiting == 0 || after <= self.config.event_queue_max
    }

    /// Queues the points of a fragment, all or none.
    pub(super) fn take_objects(
        &mut self,
        response: Response<'_>,
        number: u64,
        asked: Asked,
    ) -> Result<(), Dropped> {
        if self.events.is_empty() {
            // Begins at the front of the ring again: the same memory for every response.
            self.events.clear();
        }
        let (waiting, mark) = (self.events.len(), self.events.mark());
        let mut gathered = Gathered { not_accepted: 0, events: false };
        let mut result = self.gather(response.objects, number, asked, &mut gathered);
        let after = self.events.len().saturating_add(EXTRA_EVENTS);
        if waiting != 0 && after > self.config.event_queue_max {
            self.events.truncate(mark);
            result = result.and(Err(Dropped::NoRoom));
        }
        let counter = match result {
            Ok(()) => {
                self.counters.not_accepted = self.counters.not_accepted.saturating_add(gathered.not_accepted);
                return Ok(());
            }
            Err(Dropped::Malformed) => &mut self.counters.malformed,
            Err(Dropped::Unknown) => &mut self.counters.unknown_objects,
            Err(Dropped::NotValid) => &mut self.counters.not_valid,
            Err(Dropped::NoRoom) => &mut self.counters.no_room,
        };
        count(counter);
        let may_stay = result == Err(Dropped::Unknown) && !gathered.events && !response.has(CON);
        if !may_stay {
            self.events.truncate(mark);
        }
        result
    }

    fn gather(
        &mut self,
        objects: &[u8],
        response: u64,
        asked: Asked,
        gathered: &mut Gathered,
    ) -> Result<(), Dropped> {
        for header in parse_headers(objects, Direction::Response) {
            let header = header.map_err(|error| match error {
                ObjectError::Unknown => Dropped::Unknown,
                ObjectError::Truncated | ObjectError::Qualifier | ObjectError::Range => Dropped::Malformed,
            })?;
            match header.point() {
                Some((_, false)) if asked == Asked::Unsolicited => return Err(Dropped::NotValid),
                // A point without an index is nobody's.
                Some(_) if matches!(header.range, Range::Count(_) | Range::All) => {
                    return Err(Dropped::Malformed);
                }
                Some((point, event)) => {
                    gathered.events |= event;
                    self.points(&header, (point, event), response, gathered);
                }
                None if header.group == 51 => {}
                None if asked == Asked::Unsolicited || !is_readable(&header) => {
                    return Err(Dropped::NotValid);
                }
                None => self.others(&header, asked, gathered),
            }
        }
        Ok(())
    }

    fn points(
        &mut self,
        header: &ObjectHeader<'_>,
        (point, event): (PointType, bool),
        response: u64,
        gathered: &mut Gathered,
    ) {
        let mut accepted = self.config.accept.of(point);
        let events = &mut self.events;
        if point == PointType::OctetString {
            for (index, octets) in header.strings() {
                match accepted.admits(index) {
                    Some(index) => {
                        let octets = octets.to_vec();
                        events.push_back(MasterEvent::Octets { index, octets, event, response });
                    }
                    None => count(&mut gathered.not_accepted),
                }
            }
            return;
        }
        // A queue that grows by doubling would be most of what a session keeps; without room for what follows the
        // points it would double all the same.
        let more = usize::try_from(header.count()).unwrap_or(usize::MAX).saturating_add(EXTRA_EVENTS);
        if events.len().saturating_add(more) <= EXACT_MAX {
            events.reserve_exact(more);
        }
        let mut push = events.points(point, event, response);
        header.visit(|index, measured| match accepted.admits(index) {
            Some(index) => push(index, measured),
            None => count(&mut gathered.not_accepted),
        });
    }

    /// What is no point and may be read.
    fn others(&mut self, header: &ObjectHeader<'_>, asked: Asked, gathered: &mut Gathered) {
        match header.group {
            0 if asked == Asked::User => {
                self.events.extend(header.attributes().into_iter().map(MasterEvent::Attribute));
            }
            34 => {
                let mut accepted = self.config.accept.of(PointType::AnalogInput);
                for (index, value) in header.numbers() {
                    match accepted.admits(index) {
                        Some(index) => self.events.push_back(MasterEvent::Deadband { index, value }),
                        None => count(&mut gathered.not_accepted),
                    }
                }
            }
            50 if header.variation == 1 => self.events.extend(header.time().map(MasterEvent::Time)),
            _ => count(&mut gathered.not_accepted),
        }
    }
}

/// What was met in a fragment.
struct Gathered {
    not_accepted: u64,
    events: bool,
}

/// Objects other than points that the answer to a read may hold: attributes, deadbands, times, indications.
fn is_readable(header: &ObjectHeader<'_>) -> bool {
    matches!((header.group, header.variation), (0, _) | (34, 1..=3) | (50, 1 | 4) | (80, 1))
}
