//! What this end asks at the link layer: confirmed user data where it is wanted, and whether the other end is
//! still there.
//!
//! One frame is under way at a time. What is not acknowledged in time is sent again, with the same frame count bit;
//! after the last try it is given up, and a peer that does not even tell its link status is dead.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::{ACK, CONFIRMED_USER_DATA, LINK_STATUS, NACK, REQUEST_LINK_STATUS, RESET_LINK};
use crate::Time;
use crate::link::{FCB, FCV};

/// Segments that may wait for their turn: two of the longest fragments.
const SEGMENTS_MAX: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Reset,
    Data,
    Status,
}

#[derive(Debug)]
struct UnderWay {
    asked: Asked,
    until: Time,
    tries_left: u8,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Primary {
    /// The other end has acknowledged a reset.
    ready: bool,
    fcb: bool,
    /// The segment under way was refused before.
    refused: bool,
    under_way: Option<UnderWay>,
    segments: VecDeque<Vec<u8>>,
    /// When something was last heard.
    heard: Time,
    pub(super) dead: bool,
    pub(super) timeouts: u64,
}

/// What to send: the function with its frame count bits, and the user data.
pub(super) struct ToSend<'a> {
    pub(super) function: u8,
    pub(super) user: &'a [u8],
}

/// Time-outs of the primary station.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) timeout: Time,
    pub(super) retries: u8,
    pub(super) keep_alive: Option<Time>,
}

impl Primary {
    pub(super) fn reset(&mut self, now: Time) {
        *self = Self { heard: now, timeouts: self.timeouts, ..Self::default() };
    }

    pub(super) fn heard(&mut self, now: Time) {
        self.heard = now;
    }

    /// A segment to send confirmed.
    pub(super) fn push(&mut self, segment: Vec<u8>) {
        self.segments.push_back(segment);
    }

    /// Whether so many segments may wait as well. A fragment of any length may wait alone.
    pub(super) fn has_room(&self, segments: usize) -> bool {
        self.segments.is_empty() || self.segments.len().saturating_add(segments) <= SEGMENTS_MAX
    }

    /// The other end's reply; false where it answers nothing that was asked.
    pub(super) fn reply(&mut self, function: u8) -> bool {
        let Some(UnderWay { asked, .. }) = self.under_way else { return false };
        match (function, asked) {
            (ACK, Asked::Reset) => (self.ready, self.fcb) = (true, true),
            (ACK, Asked::Data) => {
                self.fcb = !self.fcb;
                self.refused = false;
                self.segments.pop_front();
            }
            // Once is a restart of the other end. Who refuses again would have us send for ever.
            (NACK, Asked::Data) if !core::mem::replace(&mut self.refused, true) => self.ready = false,
            (LINK_STATUS, Asked::Status) => {}
            // Busy, or a function that the other end does not have.
            (_, Asked::Status) => {}
            (_, Asked::Reset | Asked::Data) => self.give_up(),
        }
        self.under_way = None;
        true
    }

    fn give_up(&mut self) {
        self.segments.clear();
        (self.ready, self.refused) = (false, false);
    }

    pub(super) fn timeout(&self, timing: &Timing) -> Option<Time> {
        let keep_alive = timing.keep_alive.map(|after| self.heard.saturating_add(after));
        self.under_way.as_ref().map(|under_way| under_way.until).or(keep_alive)
    }

    /// What is due now, if anything.
    pub(super) fn due(&mut self, now: Time, timing: &Timing) -> Option<ToSend<'_>> {
        let mut tries_left = timing.retries;
        if let Some(under_way) = &self.under_way {
            if now < under_way.until {
                return None;
            }
            let (asked, left) = (under_way.asked, under_way.tries_left);
            self.under_way = None;
            if let Some(left) = left.checked_sub(1) {
                tries_left = left;
                return Some(self.ask(asked, tries_left, now, timing));
            }
            self.timeouts = self.timeouts.saturating_add(1);
            self.give_up();
            // A status asked for in vain is asked again after another idle time; the owner is told.
            self.dead |= asked == Asked::Status;
            self.heard = now;
            return None;
        }
        let idle = timing.keep_alive.is_some_and(|after| now >= self.heard.saturating_add(after));
        let asked = match (self.segments.is_empty(), self.ready) {
            (false, true) => Asked::Data,
            (false, false) => Asked::Reset,
            (true, _) if idle => Asked::Status,
            _ => return None,
        };
        Some(self.ask(asked, tries_left, now, timing))
    }

    fn ask(&mut self, asked: Asked, tries_left: u8, now: Time, timing: &Timing) -> ToSend<'_> {
        self.under_way = Some(UnderWay { asked, until: now.saturating_add(timing.timeout), tries_left });
        match asked {
            Asked::Reset => ToSend { function: RESET_LINK, user: &[] },
            Asked::Status => ToSend { function: REQUEST_LINK_STATUS, user: &[] },
            Asked::Data => ToSend {
                function: CONFIRMED_USER_DATA | FCV | if self.fcb { FCB } else { 0 },
                user: self.segments.front().map(Vec::as_slice).unwrap_or_default(),
            },
        }
    }
}
