//! What a session reports unasked.
//!
//! First comes an empty response, once after the start, until it is confirmed; then events of the enabled classes,
//! one fragment at a time. What is not confirmed is made anew: as it was, with its old sequence number, where
//! nothing has changed, and otherwise as a new response.

use alloc::vec::Vec;

use super::UnsolicitedConfig;
use super::events::Carrier;
use super::read::Which;
use super::session::{Context, Request, Session, Told, count, not_understood};
use crate::functions::{CON, ENABLE_UNSOLICITED, FIN, FIR, UNS, UNSOLICITED_RESPONSE, next_sequence};
use crate::objects::{Direction, Range, parse_headers};
use crate::{Classes, Iin, Time};

#[derive(Debug)]
pub(super) struct Unsolicited {
    config: UnsolicitedConfig,
    enabled: Classes,
    /// The empty response of the start was confirmed.
    announced: bool,
    sequence: u8,
    awaiting: Option<Time>,
    told: Told,
    /// How often the last one was sent without a confirm.
    unconfirmed: u8,
    /// Nothing is sent before this.
    rest_until: Time,
    /// The last fragment; empty where it was confirmed.
    fragment: Vec<u8>,
    /// Where the next one is made, so that sending needs no memory of its own.
    spare: Vec<u8>,
}

impl Unsolicited {
    pub(super) fn new(config: UnsolicitedConfig) -> Self {
        Self {
            config,
            enabled: config.enabled,
            announced: false,
            sequence: 0,
            awaiting: None,
            told: Told::default(),
            unconfirmed: 0,
            rest_until: Time::ZERO,
            fragment: Vec::new(),
            spare: Vec::new(),
        }
    }
}

impl Session {
    pub(super) fn unsolicited_is_awaited(&self) -> bool {
        self.unsolicited.as_ref().is_some_and(|unsolicited| unsolicited.awaiting.is_some())
    }

    /// Whether there is something to send, were it not for what is awaited.
    fn unsolicited_is_due(&self) -> bool {
        self.connected
            && self
                .unsolicited
                .as_ref()
                .is_some_and(|state| !state.announced || self.events.waits(state.enabled))
    }

    pub(super) fn unsolicited_timeout(&self) -> Option<Time> {
        let state = self.unsolicited.as_ref()?;
        match state.awaiting {
            Some(until) => Some(until),
            None if self.unsolicited_is_due() && !self.awaits_confirm() => Some(state.rest_until),
            None => None,
        }
    }

    pub(super) fn unsolicited_give_up(&mut self) {
        let Some(state) = &mut self.unsolicited else { return };
        state.rest_until = Time::ZERO;
        state.unconfirmed = 0;
        if state.awaiting.take().is_some() {
            self.events.unsend(Carrier::Unsolicited);
        }
    }

    pub(super) fn unsolicited_expire(&mut self, now: Time) {
        let Some(state) = &mut self.unsolicited else { return };
        if state.awaiting.take_if(|until| *until <= now).is_none() {
            return;
        }
        count(&mut self.counters.confirm_timeouts);
        if state.unconfirmed > state.config.retries {
            state.unconfirmed = 0;
            state.rest_until = now.saturating_add(state.config.rest);
        }
        self.events.unsend(Carrier::Unsolicited);
    }

    /// The confirm of an unsolicited response: what that told. `None` where it is none that is awaited.
    pub(super) fn unsolicited_confirmed(&mut self, sequence: u8) -> Option<Told> {
        let state = self.unsolicited.as_mut().filter(|state| state.sequence == sequence)?;
        state.awaiting.take()?;
        state.announced = true;
        state.unconfirmed = 0;
        state.sequence = next_sequence(sequence);
        state.fragment.clear();
        Some(state.told)
    }

    /// What was sent unasked may have reached the master another way: what comes next is new, even where it looks the
    /// same.
    pub(super) fn unsolicited_forget(&mut self) {
        if let Some(state) = self.unsolicited.as_mut()
            && state.awaiting.is_none()
            && !state.fragment.is_empty()
        {
            state.fragment.clear();
            state.sequence = next_sequence(state.sequence);
        }
    }

    pub(super) fn unsolicited_send(&mut self, context: &mut Context<'_>) {
        if !self.unsolicited_is_due() {
            return;
        }
        let Some(state) = self.unsolicited.as_mut().filter(|state| state.rest_until <= context.now) else {
            return;
        };
        let (enabled, announced) = (state.enabled, state.announced);
        let before = core::mem::take(&mut state.fragment);
        let mut out = core::mem::take(&mut state.spare);
        out.clear();
        out.extend_from_slice(&[0, UNSOLICITED_RESPONSE, 0, 0]);
        let mut any = !announced;
        if announced {
            let mut left = u32::MAX;
            let mut fill = self.fill(&mut out, Carrier::Unsolicited, context);
            fill.events(Which::Classes(enabled), None, &mut left, &mut any);
        }
        let tells = self.tells();
        let Some(state) = &mut self.unsolicited else { return };
        if !any {
            (state.fragment, state.spare) = (before, out);
            return;
        }
        if state.unconfirmed > 0 {
            count(&mut self.counters.unsolicited_retries);
        }
        if before.get(4..).is_some_and(|objects| Some(objects) != out.get(4..) || tells != state.told) {
            // It says something else now, be it by its indications: a late confirm of the one before must not count
            // for it.
            state.sequence = next_sequence(state.sequence);
        }
        let control = FIR | FIN | CON | UNS | state.sequence;
        state.awaiting = Some(context.now.saturating_add(self.config.confirm_timeout));
        state.unconfirmed = state.unconfirmed.saturating_add(1);
        let told = self.finish(&mut out, [control, UNSOLICITED_RESPONSE], Iin::NONE, context);
        self.channel.send(&out, context.now);
        if let Some(state) = &mut self.unsolicited {
            state.told = told;
            (state.fragment, state.spare) = (out, before);
        }
    }

    pub(super) fn enable_unsolicited(&mut self, request: &Request<'_>, context: &mut Context<'_>) {
        let mut classes = Classes::NONE;
        let mut iin = if request.objects.is_empty() { Iin::PARAMETER_ERROR } else { Iin::NONE };
        for header in parse_headers(request.objects, Direction::Naming) {
            match header {
                Ok(header) if header.group == 60 && header.range == Range::All => match header.variation {
                    2 => classes = classes | Classes::ONE,
                    3 => classes = classes | Classes::TWO,
                    4 => classes = classes | Classes::THREE,
                    _ => iin = iin | Iin::PARAMETER_ERROR,
                },
                Ok(header) if header.group == 60 => iin = iin | Iin::PARAMETER_ERROR,
                Ok(_) => iin = iin | Iin::OBJECT_UNKNOWN,
                Err(error) => iin = iin | not_understood(error),
            }
        }
        if let Some(state) = &mut self.unsolicited {
            if request.function == ENABLE_UNSOLICITED {
                state.enabled = state.enabled | classes;
                state.rest_until = Time::ZERO;
            } else {
                state.enabled = state.enabled.without(classes);
            }
        }
        if iin == Iin::NONE {
            self.respond(request, iin, &[], context);
        } else {
            self.refuse(request, iin, context);
        }
    }
}
