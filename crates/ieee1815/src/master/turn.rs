//! Whose turn it is, and what is sent: tasks first, then commands, then requests and scans in turns.

use super::step::{Doing, Phase, Underway};
use super::{Master, Outcome, Request, Waiting};
use crate::functions::{FIN, FIR, SEQUENCE, next_sequence};
use crate::{Iin, Time};

impl Master {
    /// The request under way has failed.
    pub(super) fn fail(&mut self, outcome: Outcome, now: Time) {
        let Some(underway) = self.underway.take() else {
            return;
        };
        // After a fragment in the middle of a series, the number awaited is not the one to use next.
        self.sequence = next_sequence(underway.sequence);
        match underway.retries.checked_sub(1) {
            Some(retries) if outcome == Outcome::TimedOut && !self.is_silent() => {
                self.send(underway.doing, underway.phase, retries, now);
            }
            _ => self.over(&underway.doing, outcome, now),
        }
    }

    /// Sends what is next, when nothing is under way.
    pub(super) fn pump(&mut self, now: Time) {
        self.expire(now);
        while self.connected && self.underway.is_none() && !self.is_silent() {
            let Some(doing) = self.next(now) else {
                return;
            };
            let phase = self.first_phase(&doing, now);
            let reads = matches!(doing, Doing::Scan { .. }) || (doing.id().is_some() && doing.is_read());
            let retries = if reads { self.config.read_retries } else { 0 };
            self.send(doing, phase, retries, now);
        }
    }

    fn next(&mut self, now: Time) -> Option<Doing> {
        if let Some(task) = self.start.next(now) {
            return Some(Doing::Task(task));
        }
        let first = self.waiting.front();
        let first_to_go = first.is_some_and(|waiting| self.scanned || waiting.request.is_command());
        if self.start.announced
            && !first_to_go
            && let Some((scan, integrity, left_out)) = self.scans.next(&self.config.scans, now)
        {
            self.scanned = true;
            self.counters.scans_left_out = self.counters.scans_left_out.saturating_add(left_out);
            return Some(Doing::Scan { scan, integrity });
        }
        self.scanned = false;
        let Waiting { id, request, made } = self.waiting.pop_front()?;
        Some(Doing::User { id, made, request })
    }

    /// Gives up requests that have waited too long. Commands stand before reads, so the oldest is not always first.
    fn expire(&mut self, now: Time) {
        let age_max = self.config.request_age_max;
        let over = |waiting: &Waiting| waiting.made.saturating_add(age_max) <= now;
        while let Some(at) = self.waiting.iter().position(over) {
            if let Some(waiting) = self.waiting.remove(at) {
                self.done(waiting.id, Outcome::Expired);
            }
        }
    }

    pub(super) fn send(&mut self, doing: Doing, phase: Phase, retries: u8, now: Time) {
        let sequence = self.sequence;
        self.sequence = next_sequence(sequence);
        if self.last_solicited.first().is_some_and(|control| control & SEQUENCE == sequence) {
            // Sixteen requests on, the same octets are no repetition.
            self.last_solicited.clear();
        }
        let mut fragment = core::mem::take(&mut self.scratch);
        fragment.clear();
        fragment.push(FIR | FIN | sequence);
        self.write(&doing, phase, &mut fragment);
        let fits = fragment.len() <= self.config.max_tx_fragment;
        let not_sent = self.channel.counters().not_sent;
        if fits {
            match &doing {
                Doing::User { request: Request::Broadcast { how, .. }, .. } => {
                    self.channel.send_broadcast(*how, &fragment, now);
                }
                _ => self.channel.send(&fragment, now),
            }
        }
        self.scratch = fragment;
        if !fits {
            return self.over(&doing, Outcome::Invalid("it is longer than a fragment may be"), now);
        }
        if self.channel.counters().not_sent != not_sent {
            return self.over(&doing, Outcome::NotSent, now);
        }
        if let Doing::User { id, request, .. } = &doing
            && request.is_unanswered()
        {
            return self.done(*id, Outcome::Sent);
        }
        let response = self.next_response;
        self.next_response = response.wrapping_add(1);
        let deadline = now.saturating_add(self.config.response_timeout);
        self.underway = Some(Underway {
            doing,
            phase,
            sequence,
            sent: now,
            deadline,
            response,
            fragments: 0,
            objects: false,
            overflow: Iin::NONE,
            retries,
        });
    }
}
