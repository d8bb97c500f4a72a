//! What a master makes of a fragment received: who it answers, what it reports, whether it is confirmed.
//!
//! A fragment is taken whole or not at all: its points are queued first, and only when all of it was understood
//! and has room do they stay and is the confirm sent. See the [module above](super) for what is not understood.

use alloc::vec::Vec;

use super::event::count;
use super::step::{Doing, Underway};
use super::{EXTRA_EVENTS, Master, MasterEvent, Outcome};
use crate::channel::Broadcast;
use crate::functions::{
    CON, CONFIRM, FIN, FIR, RESPONSE, SEQUENCE, UNS, UNSOLICITED_RESPONSE, next_sequence,
};
use crate::objects::{Direction, ObjectError, ObjectHeader, Range, parse_headers};
use crate::{Iin, PointType, Time};

/// Events up to which the queue grows by what a fragment needs, and no further.
const EXACT_MAX: usize = 512;

/// A response fragment, split.
#[derive(Clone, Copy)]
pub(super) struct Response<'a> {
    control: u8,
    pub(super) iin: Iin,
    pub(super) objects: &'a [u8],
}

impl Response<'_> {
    const fn has(&self, bit: u8) -> bool {
        self.control & bit != 0
    }
}

/// Who asked for the objects of a fragment: that decides which may be in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Nobody.
    Unsolicited,
    /// A scan or a task.
    Read,
    /// A user, who gets attributes too.
    User,
}

/// Why a fragment is not taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dropped {
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

/// A fragment to remember.
enum Keep {
    No,
    Solicited,
    Unsolicited,
}

impl Master {
    /// Takes one fragment; gives a buffer back that is not needed any more.
    pub(super) fn fragment(&mut self, octets: Vec<u8>, broadcast: Option<Broadcast>, now: Time) -> Vec<u8> {
        let Some((&[control, function, low, high], objects)) = octets.split_first_chunk() else {
            count(&mut self.counters.too_short);
            return octets;
        };
        let response = Response { control, iin: Iin::from_bits(u16::from_le_bytes([low, high])), objects };
        let keep = match function {
            RESPONSE if broadcast.is_none() && !response.has(UNS) => self.solicited(response, &octets, now),
            UNSOLICITED_RESPONSE
                if broadcast.is_none() && response.has(UNS) && response.has(FIR) && response.has(FIN) =>
            {
                self.unsolicited(response, &octets, now)
            }
            _ => {
                count(&mut self.counters.not_a_response);
                Keep::No
            }
        };
        match keep {
            Keep::No => octets,
            Keep::Solicited => core::mem::replace(&mut self.last_solicited, octets),
            Keep::Unsolicited => core::mem::replace(&mut self.last_unsolicited, octets),
        }
    }

    fn unsolicited(&mut self, response: Response<'_>, octets: &[u8], now: Time) -> Keep {
        if is_repeated(&self.last_unsolicited, octets) {
            // After a restart the first one may be the same again: its indications still count.
            count(&mut self.counters.duplicates);
            self.confirm(response, now);
            if self.has_room(0) {
                self.indications(response.iin, now);
            }
            return Keep::No;
        }
        let number = self.next_response;
        self.next_response = number.wrapping_add(1);
        if self.take_objects(response, number, Asked::Unsolicited).is_err() {
            return Keep::No;
        }
        self.confirm(response, now);
        self.indications(response.iin, now);
        let iin = response.iin;
        self.events.push_back(MasterEvent::Response { iin, id: None, response: number, unsolicited: true });
        Keep::Unsolicited
    }

    fn solicited(&mut self, response: Response<'_>, octets: &[u8], now: Time) -> Keep {
        if is_repeated(&self.last_solicited, octets) {
            // Our confirm was lost; nobody but the sender of these same octets gets anything from another one.
            count(&mut self.counters.duplicates);
            self.confirm(response, now);
            return Keep::No;
        }
        let awaited = self.underway.as_ref().is_some_and(|underway| {
            underway.sequence == response.control & SEQUENCE && response.has(FIR) == (underway.fragments == 0)
        });
        let Some(mut underway) = self.underway.take_if(|_| awaited) else {
            count(&mut self.counters.unexpected);
            return Keep::No;
        };
        self.unanswered = 0;
        if underway.fragments >= self.config.response_fragments_max {
            count(&mut self.counters.too_many_fragments);
            return self.give_up(underway, Outcome::Malformed("more fragments than allowed"), now);
        }
        let reads = underway.doing.is_read();
        if !reads && !response.has(FIN) {
            count(&mut self.counters.not_valid);
            return self.give_up(underway, Outcome::Malformed("an answer of several fragments"), now);
        }
        let is_users = matches!(underway.doing, Doing::User { .. });
        let taken = if reads {
            let asked = if is_users { Asked::User } else { Asked::Read };
            self.take_objects(response, underway.response, asked)
        } else if is_users || self.has_room(0) {
            // Who asked has a place for the answer; only what the outstation can cause by itself needs room.
            Ok(())
        } else {
            count(&mut self.counters.no_room);
            Err(Dropped::NoRoom)
        };
        if let Err(dropped) = taken {
            return self.give_up(underway, dropped.into(), now);
        }
        underway.objects |= !response.objects.is_empty();
        self.confirm(response, now);
        self.indications(response.iin, now);
        if response.has(FIN) {
            self.answered(underway, response, now);
        } else {
            underway.fragments = underway.fragments.saturating_add(1);
            underway.sequence = next_sequence(underway.sequence);
            underway.deadline = now.saturating_add(self.config.response_timeout);
            self.underway = Some(underway);
        }
        Keep::Solicited
    }

    fn give_up(&mut self, underway: Underway, outcome: Outcome, now: Time) -> Keep {
        self.underway = Some(underway);
        self.fail(outcome, now);
        Keep::No
    }

    /// Acts on the indications of any response.
    fn indications(&mut self, iin: Iin, now: Time) {
        let retry = self.config.retry_delay;
        if !iin.contains(Iin::DEVICE_RESTART) {
            self.start.not_restarted();
        } else if self.start.restarted(now, retry) {
            self.events.push_back(MasterEvent::Restart);
        }
        if iin.contains(Iin::EVENT_BUFFER_OVERFLOW) && !self.last_iin.contains(Iin::EVENT_BUFFER_OVERFLOW) {
            self.start.overflowed(now, retry);
        }
        let asked_lately = self.time_asked.is_some_and(|at| at.saturating_add(retry) > now);
        if !iin.contains(Iin::NEED_TIME) {
            self.time_asked = None;
        } else if self.config.time_sync && !asked_lately {
            self.time_asked = Some(now);
            if self.clock.is_some() {
                self.start.time_wanted();
            } else {
                self.events.push_back(MasterEvent::TimeNeeded);
            }
        }
        self.last_iin = iin;
    }

    /// Confirms a fragment that asks for it.
    fn confirm(&mut self, response: Response<'_>, now: Time) {
        if response.has(CON) {
            let control = FIR | FIN | (response.control & (UNS | SEQUENCE));
            self.channel.send(&[control, CONFIRM], now);
        }
    }

    /// Room for so many points and what a fragment adds beside them.
    fn has_room(&self, points: usize) -> bool {
        let waiting = self.events.len();
        let after = waiting.saturating_add(points).saturating_add(EXTRA_EVENTS);
        waiting == 0 || after <= self.config.event_queue_max
    }

    /// Queues the points of a fragment, all or none.
    fn take_objects(&mut self, response: Response<'_>, number: u64, asked: Asked) -> Result<(), Dropped> {
        if self.events.is_empty() {
            // Begins at the front of the ring again: the same memory for every response.
            self.events.clear();
        }
        let mark = self.events.len();
        let mut gathered = Gathered { not_accepted: 0, events: false };
        let mut result = self.gather(response.objects, number, asked, &mut gathered);
        let after = self.events.len().saturating_add(EXTRA_EVENTS);
        if mark != 0 && after > self.config.event_queue_max {
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
        // A queue that grows by doubling would be most of what a session keeps; what follows the points counts too.
        let more = usize::try_from(header.count()).unwrap_or(usize::MAX).saturating_add(EXTRA_EVENTS);
        if events.len().saturating_add(more) <= EXACT_MAX {
            events.reserve_exact(more);
        }
        header.visit(|index, measured| match accepted.admits(index) {
            Some(index) => events.push_back(MasterEvent::Point { point, index, measured, event, response }),
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

/// The same fragment again. Its indications may have changed meanwhile.
fn is_repeated(last: &[u8], octets: &[u8]) -> bool {
    let parts = |octets: &[u8]| {
        octets.split_first_chunk::<4>().map(|(&[control, function, ..], _)| (control, function))
    };
    parts(last).is_some() && parts(last) == parts(octets) && last.get(4..) == octets.get(4..)
}
