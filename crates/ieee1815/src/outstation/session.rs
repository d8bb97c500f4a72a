//! One master's session: its requests, and the answers.

use alloc::vec::Vec;

use super::events::{Carrier, Events};
use super::fill::Fill;
use super::points::Points;
use super::read::Series;
use super::unsolicited::Unsolicited;
use super::{Application, Counters, SessionConfig};
use crate::channel::{Broadcast, Channel};
use crate::functions::{
    ASSIGN_CLASS, AUTHENTICATION_NO_ACK, COLD_RESTART, CON, CONFIRM, DELAY_MEASURE, DIRECT_OPERATE,
    DIRECT_OPERATE_NO_ACK, DISABLE_UNSOLICITED, ENABLE_UNSOLICITED, FIN, FIR, FREEZE, FREEZE_AT_TIME_NO_ACK,
    FREEZE_CLEAR, FREEZE_CLEAR_NO_ACK, FREEZE_NO_ACK, OPERATE, READ, RECORD_CURRENT_TIME, RESPONSE, SELECT,
    SEQUENCE, UNS, WARM_RESTART, WRITE, next_sequence,
};
use crate::objects::{Attribute, ObjectError};
use crate::{Iin, Time};

/// Fragments are never shorter than the longest object with its headers.
const FRAGMENT_MIN: usize = 300;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) config: SessionConfig,
    pub(super) channel: Channel,
    pub(super) events: Events,
    pub(super) reads_answered: u32,
    pub(super) counters: Counters,
    pub(super) restart: bool,
    broadcast: Option<Broadcast>,
    /// How many broadcasts came.
    broadcasts: u32,
    pub(super) select: Option<Selected>,
    awaiting: Option<Awaiting>,
    /// What of a read is still to be sent.
    pub(super) series: Series,
    pub(super) last_request: Vec<u8>,
    /// The reply to it; empty where there is none.
    pub(super) reply: Vec<u8>,
    pub(super) time_recorded: Option<Time>,
    pub(super) connected: bool,
    pub(super) unsolicited: Option<Unsolicited>,
    /// A read that waits until an unsolicited response is confirmed or given up; empty where there is none.
    deferred: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Selected {
    pub(super) objects: Vec<u8>,
    pub(super) sequence: u8,
    pub(super) until: Time,
}

/// A fragment that waits for its confirm.
#[derive(Debug)]
struct Awaiting {
    sequence: u8,
    until: Time,
    /// It is the first of its response.
    first: bool,
    told: Told,
}

/// What a fragment tells that its confirm settles: how often events were lost, and the last broadcast.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) overflow: Option<u32>,
    pub(super) broadcast: Option<u32>,
}

/// What a session needs around it.
pub(super) struct Context<'a> {
    /// Its position.
    pub(super) session: usize,
    pub(super) now: Time,
    pub(super) points: &'a mut Points,
    pub(super) attributes: &'a [Attribute],
    pub(super) app: &'a mut dyn Application,
    /// The sessions of the other masters.
    pub(super) others: [&'a mut [Session]; 2],
}

/// A request.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) function: u8,
    pub(super) sequence: u8,
    pub(super) objects: &'a [u8],
    /// It came to everybody: nothing is answered.
    pub(super) broadcast: bool,
}

impl Session {
    pub(super) fn new(config: SessionConfig, points: &Points) -> Self {
        Self {
            channel: Channel::new(config.channel()),
            events: Events::new(config.events_max, config.events_of_a_type_max, config.remember_told, points),
            reads_answered: 0,
            counters: Counters::default(),
            restart: true,
            broadcast: None,
            broadcasts: 0,
            select: None,
            awaiting: None,
            series: Series::default(),
            last_request: Vec::new(),
            reply: Vec::new(),
            time_recorded: None,
            connected: false,
            unsolicited: config.unsolicited.map(Unsolicited::new),
            deferred: Vec::new(),
            config,
        }
    }

    /// A new connection, or none: events and the restart bit are kept.
    pub(super) fn reset(&mut self, connected: bool, now: Time) {
        self.channel.reset(now);
        self.give_up();
        self.unsolicited_give_up();
        self.select = None;
        self.last_request.clear();
        self.reply.clear();
        self.deferred.clear();
        self.time_recorded = None;
        self.connected = connected;
    }

    pub(super) fn receive(&mut self, mut octets: &[u8], context: &mut Context<'_>) {
        self.handle_timeout(context);
        while let Some(broadcast) = self.channel.receive(&mut octets, context.now) {
            let fragment = self.channel.take_fragment();
            let spare = self.fragment(fragment, broadcast, context);
            self.channel.give_back(spare);
            self.advance(context);
        }
    }

    pub(super) fn timeout(&self) -> Option<Time> {
        let confirm = self.awaiting.as_ref().map(|awaiting| awaiting.until);
        let link = if self.connected { self.channel.timeout() } else { None };
        [confirm, link, self.unsolicited_timeout()].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, context: &mut Context<'_>) {
        if self.connected {
            self.channel.handle_timeout(context.now);
        }
        if self.awaiting.as_ref().is_some_and(|awaiting| awaiting.until <= context.now) {
            count(&mut self.counters.confirm_timeouts);
            self.give_up();
        }
        self.advance(context);
    }

    /// Sends what has become due.
    fn advance(&mut self, context: &mut Context<'_>) {
        self.unsolicited_expire(context.now);
        if self.unsolicited_is_awaited() {
            return;
        }
        if !self.deferred.is_empty() {
            let deferred = core::mem::take(&mut self.deferred);
            let spare = self.request(deferred, context);
            self.deferred = spare;
            self.deferred.clear();
        }
        if self.awaiting.is_none() {
            self.unsolicited_send(context);
        }
    }

    pub(super) fn awaits_confirm(&self) -> bool {
        self.awaiting.is_some()
    }

    pub(super) fn counters(&self) -> Counters {
        Counters { channel: self.channel.counters(), events_lost: self.events.lost, ..self.counters }
    }

    /// The confirm that is awaited will not come.
    fn give_up(&mut self) {
        if self.awaiting.take().is_some() {
            self.events.unsend(Carrier::Solicited);
        }
    }

    /// Takes a fragment; gives back a buffer for the next.
    fn fragment(
        &mut self,
        octets: Vec<u8>,
        broadcast: Option<Broadcast>,
        context: &mut Context<'_>,
    ) -> Vec<u8> {
        let header = octets.first_chunk::<2>().copied();
        let Some([control, function]) =
            header.filter(|[control, function]| control & (FIR | FIN) == FIR | FIN && *function < RESPONSE)
        else {
            count(&mut self.counters.not_a_request);
            return octets;
        };
        if broadcast.is_some() {
            self.take_broadcast(&octets, broadcast, context);
            return octets;
        }
        if function == CONFIRM {
            self.confirmed(control & UNS != 0, control & SEQUENCE, context);
            return octets;
        }
        if function == READ && self.unsolicited_is_awaited() {
            // The events of a read would be those that are being reported: it waits (IEEE 1815, 4.4).
            count(&mut self.counters.reads_deferred);
            return core::mem::replace(&mut self.deferred, octets);
        }
        self.deferred.clear();
        if self.is_repeated(&octets, function, context.now) {
            return octets;
        }
        self.request(octets, context)
    }

    fn take_broadcast(&mut self, octets: &[u8], broadcast: Option<Broadcast>, context: &mut Context<'_>) {
        count(&mut self.counters.broadcasts);
        self.broadcasts = self.broadcasts.wrapping_add(1);
        if self.broadcast != Some(Broadcast::Confirm) {
            self.broadcast = broadcast;
        }
        let Some((&[control, function], objects)) = octets.split_first_chunk::<2>() else { return };
        let rules = self.config.broadcast;
        let taken = match function {
            DIRECT_OPERATE_NO_ACK => rules.controls,
            WRITE | FREEZE_NO_ACK | FREEZE_CLEAR_NO_ACK | ASSIGN_CLASS | ENABLE_UNSOLICITED
            | DISABLE_UNSOLICITED | RECORD_CURRENT_TIME => rules.management,
            _ => false,
        };
        if !taken {
            count(&mut self.counters.broadcasts_refused);
            return;
        }
        let request = Request { function, sequence: control & SEQUENCE, objects, broadcast: true };
        self.dispatch(&request, context);
    }

    /// Takes a request that is neither a repetition nor a confirm; gives back a buffer for the next.
    fn request(&mut self, octets: Vec<u8>, context: &mut Context<'_>) -> Vec<u8> {
        self.give_up();
        let spare = core::mem::replace(&mut self.last_request, octets);
        // Taken out while it is read, so that the rest of the session is free.
        let current = core::mem::take(&mut self.last_request);
        self.reply.clear();
        if let Some((&[control, function], objects)) = current.split_first_chunk::<2>() {
            if function != OPERATE {
                self.select = None;
            }
            let request = Request { function, sequence: control & SEQUENCE, objects, broadcast: false };
            self.dispatch(&request, context);
        }
        self.last_request = current;
        spare
    }

    fn dispatch(&mut self, request: &Request<'_>, context: &mut Context<'_>) {
        match request.function {
            READ => self.read(request, context),
            WRITE => self.write(request, context),
            SELECT | OPERATE | DIRECT_OPERATE | DIRECT_OPERATE_NO_ACK => self.command(request, context),
            FREEZE | FREEZE_NO_ACK | FREEZE_CLEAR | FREEZE_CLEAR_NO_ACK => self.freeze(request, context),
            COLD_RESTART | WARM_RESTART => self.restart(request, context),
            ENABLE_UNSOLICITED | DISABLE_UNSOLICITED if self.unsolicited.is_some() => {
                self.enable_unsolicited(request, context);
            }
            ASSIGN_CLASS => self.assign_class(request, context),
            DELAY_MEASURE if request.objects.is_empty() => {
                // Answered at once: no processing delay.
                self.respond(request, Iin::NONE, &[52, 2, 0x07, 1, 0, 0], context);
            }
            RECORD_CURRENT_TIME if request.objects.is_empty() => {
                self.time_recorded = Some(context.now);
                self.respond(request, Iin::NONE, &[], context);
            }
            DELAY_MEASURE | RECORD_CURRENT_TIME => self.refuse(request, Iin::PARAMETER_ERROR, context),
            // Their masters want no answer, whether they are known or not.
            FREEZE_AT_TIME_NO_ACK | AUTHENTICATION_NO_ACK => count(&mut self.counters.unknown_function),
            _ => {
                count(&mut self.counters.unknown_function);
                self.respond(request, Iin::NO_FUNC_CODE_SUPPORT, &[], context);
            }
        }
    }

    /// A request that came again is answered from memory; a read only while its answer awaits its confirm.
    fn is_repeated(&mut self, octets: &[u8], function: u8, now: Time) -> bool {
        let sequence = octets.first().map(|control| control & SEQUENCE);
        let awaited =
            self.awaiting.as_ref().is_some_and(|held| held.first && Some(held.sequence) == sequence);
        if self.last_request != octets || (function == READ && !awaited) {
            return false;
        }
        count(&mut self.counters.duplicates);
        match function {
            // The master counts from its last try.
            RECORD_CURRENT_TIME => self.time_recorded = Some(now),
            SELECT => {
                let until = now.saturating_add(self.config.select_timeout);
                self.select.iter_mut().for_each(|select| select.until = until);
            }
            _ => {}
        }
        if !self.reply.is_empty() {
            self.channel.send(&self.reply, now);
        }
        true
    }

    fn confirmed(&mut self, unsolicited: bool, sequence: u8, context: &mut Context<'_>) {
        let told = if unsolicited {
            self.unsolicited_confirmed(sequence)
        } else {
            self.awaiting.take_if(|held| held.sequence == sequence).map(|held| held.told)
        };
        let Some(told) = told else {
            count(&mut self.counters.unexpected_confirms);
            return;
        };
        if told.broadcast == Some(self.broadcasts) {
            self.broadcast = None;
        }
        let by = if unsolicited { Carrier::Unsolicited } else { Carrier::Solicited };
        self.events.confirm(by, told.overflow);
        if !unsolicited && !self.series.is_over() {
            self.send_series(next_sequence(sequence), 0, Iin::NONE, context);
        }
    }

    fn read(&mut self, request: &Request<'_>, context: &mut Context<'_>) {
        let waiting = self.events.len();
        let iin = self.series.begin(request.objects, context.points, context.attributes, waiting);
        if iin != Iin::NONE {
            count(&mut self.counters.bad_objects);
        }
        self.send_series(request.sequence, FIR, iin, context);
    }

    /// Sends the next fragment of a response to a read.
    fn send_series(&mut self, sequence: u8, first: u8, iin: Iin, context: &mut Context<'_>) {
        let mut out = core::mem::take(&mut self.reply);
        let mut series = core::mem::take(&mut self.series);
        out.clear();
        out.extend_from_slice(&[0, RESPONSE, 0, 0]);
        let events = self.fill(&mut out, Carrier::Solicited, context).series(&mut series);
        let last = series.is_over();
        let confirm = events || !last || self.broadcast == Some(Broadcast::Confirm);
        let control = first | if last { FIN } else { 0 } | if confirm { CON } else { 0 } | sequence;
        let told = self.finish(&mut out, [control, RESPONSE], iin, context);
        if confirm {
            let until = context.now.saturating_add(self.config.confirm_timeout);
            self.awaiting = Some(Awaiting { sequence, until, first: first != 0, told });
        }
        if last {
            self.reads_answered = self.reads_answered.saturating_add(1);
        }
        self.channel.send(&out, context.now);
        (self.reply, self.series) = (out, series);
        // The master knows more now than when something was sent unasked.
        self.unsolicited_forget();
    }

    /// A fragment to fill.
    pub(super) fn fill<'a>(
        &'a mut self,
        out: &'a mut Vec<u8>,
        carrier: Carrier,
        context: &'a Context<'_>,
    ) -> Fill<'a> {
        let indications = self.indications(context);
        Fill {
            out,
            max: self.fragment_max(),
            points: context.points,
            indications,
            now: context.now,
            carrier,
            events: &mut self.events,
            attributes: context.attributes,
            time: context.app.time(),
            synchronized: !indications.contains(Iin::NEED_TIME),
        }
    }

    /// Answers in one fragment.
    pub(super) fn respond(
        &mut self,
        request: &Request<'_>,
        iin: Iin,
        objects: &[u8],
        context: &mut Context<'_>,
    ) {
        if request.broadcast {
            return;
        }
        let mut out = core::mem::take(&mut self.reply);
        out.clear();
        out.extend_from_slice(&[0, RESPONSE, 0, 0]);
        out.extend_from_slice(objects);
        let confirm = if self.broadcast == Some(Broadcast::Confirm) { CON } else { 0 };
        let told = self.finish(&mut out, [FIR | FIN | confirm | request.sequence, RESPONSE], iin, context);
        if confirm != 0 {
            let until = context.now.saturating_add(self.config.confirm_timeout);
            self.series.0.clear();
            self.awaiting = Some(Awaiting { sequence: request.sequence, until, first: true, told });
        }
        self.channel.send(&out, context.now);
        self.reply = out;
    }

    /// Answers that something is wrong with the request's objects.
    pub(super) fn refuse(&mut self, request: &Request<'_>, iin: Iin, context: &mut Context<'_>) {
        count(&mut self.counters.bad_objects);
        self.respond(request, iin, &[], context);
    }

    /// The longest fragment that is sent.
    pub(super) fn fragment_max(&self) -> usize {
        self.config.max_tx_fragment.max(FRAGMENT_MIN)
    }

    fn indications(&self, context: &Context<'_>) -> Iin {
        let mut iin = self.events.indications() | context.app.indications(context.session);
        if self.restart {
            iin = iin | Iin::DEVICE_RESTART;
        }
        if self.broadcast.is_some() {
            iin = iin | Iin::BROADCAST;
        }
        iin
    }

    /// Writes the header over its place. What it tells.
    pub(super) fn finish(
        &mut self,
        out: &mut [u8],
        [control, function]: [u8; 2],
        iin: Iin,
        context: &Context<'_>,
    ) -> Told {
        let iin = iin | self.indications(context);
        let told = self.tells();
        // One that demands a confirm is told until it was confirmed.
        self.broadcast = self.broadcast.filter(|broadcast| *broadcast == Broadcast::Confirm);
        let [low, high] = iin.bits().to_le_bytes();
        if let Some(header) = out.first_chunk_mut::<4>() {
            *header = [control, function, low, high];
        }
        told
    }

    /// What a response that goes out now tells.
    pub(super) fn tells(&self) -> Told {
        let broadcast = self.broadcast.is_some().then_some(self.broadcasts);
        Told { overflow: self.events.overflow(), broadcast }
    }
}

pub(super) fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

/// The indication for headers that cannot be read on.
pub(super) fn not_understood(error: ObjectError) -> Iin {
    if error == ObjectError::Unknown { Iin::OBJECT_UNKNOWN } else { Iin::PARAMETER_ERROR }
}
