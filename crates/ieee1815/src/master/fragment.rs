//! What a master makes of a fragment received: who it answers, what it reports, whether it is confirmed.
//!
//! A fragment is taken whole or not at all: its points are queued first, and only when all of it was understood
//! and has room do they stay and is the confirm sent. See the [module above](super) for what is not understood.

use alloc::vec::Vec;

use super::event::count;
use super::gather::{Asked, Dropped};
use super::step::{Doing, Underway};
use super::{Master, MasterEvent, Outcome};
use crate::channel::Broadcast;
use crate::functions::{
    CON, CONFIRM, FIN, FIR, RESPONSE, SEQUENCE, UNS, UNSOLICITED_RESPONSE, next_sequence,
};
use crate::{Iin, Time};

/// A response fragment, split.
#[derive(Clone, Copy)]
pub(super) struct Response<'a> {
    control: u8,
    pub(super) iin: Iin,
    pub(super) objects: &'a [u8],
}

impl Response<'_> {
    pub(super) const fn has(&self, bit: u8) -> bool {
        self.control & bit != 0
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
        if response.iin.contains(Iin::EVENT_BUFFER_OVERFLOW) {
            underway.overflow = Iin::EVENT_BUFFER_OVERFLOW;
        }
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
}

/// The same fragment again. Its indications may have changed meanwhile.
fn is_repeated(last: &[u8], octets: &[u8]) -> bool {
    let parts = |octets: &[u8]| {
        octets.split_first_chunk::<4>().map(|(&[control, function, ..], _)| (control, function))
    };
    parts(last).is_some() && parts(last) == parts(octets) && last.get(4..) == octets.get(4..)
}
