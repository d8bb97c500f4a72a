//! One master's session: its requests, and the answers.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::events::Events;
use super::read::{self, Series};
use super::{Application, Counters, Points, SessionConfig};
use crate::channel::{Broadcast, Channel, Fragment, Role};
use crate::objects::{Direction, ObjectError, ObjectHeader, Range, parse_headers, write_command_body};
use crate::{Command, CommandStatus, Iin, OperateMode, Time};

const FIR: u8 = 0x80;
const FIN: u8 = 0x40;
const CON: u8 = 0x20;
const UNS: u8 = 0x10;
const SEQUENCE: u8 = 0x0F;

const CONFIRM: u8 = 0;
const READ: u8 = 1;
const WRITE: u8 = 2;
const SELECT: u8 = 3;
const OPERATE: u8 = 4;
const DIRECT_OPERATE: u8 = 5;
const DIRECT_OPERATE_NO_ACK: u8 = 6;
const DELAY_MEASURE: u8 = 23;
const RECORD_CURRENT_TIME: u8 = 24;
const RESPONSE: u8 = 129;

/// Octets given to the channel at a time, so that whole fragments never pile up in it.
const RECEIVE_CHUNK: usize = 512;
/// Writes that may wait for the socket; a master that does not read gets no more answers.
const TRANSMIT_MAX: usize = 8;
const FRAGMENT_MIN: usize = 249;

#[derive(Debug)]
pub(super) struct Session {
    config: SessionConfig,
    channel: Channel,
    pub(super) events: Events,
    pub(super) reads_answered: u32,
    counters: Counters,
    restart: bool,
    broadcast: Option<Broadcast>,
    select: Option<Selected>,
    awaiting: Option<Awaiting>,
    last_request: Vec<u8>,
    last_reply: Option<Vec<u8>>,
    time_recorded: Option<Time>,
    transmit: VecDeque<Vec<u8>>,
}

#[derive(Debug)]
struct Selected {
    objects: Vec<u8>,
    sequence: u8,
    until: Time,
}

/// A fragment that waits for its confirm, and what follows it.
#[derive(Debug)]
struct Awaiting {
    sequence: u8,
    until: Time,
    series: Series,
}

/// A request, and where it is answered from.
struct Request<'a> {
    session: usize,
    function: u8,
    sequence: u8,
    objects: &'a [u8],
    now: Time,
}

impl Session {
    pub(super) fn new(config: SessionConfig, points: &Points) -> Self {
        let channel =
            Channel::new(Role::Outstation, config.address, config.master_address, config.max_rx_fragment);
        Self {
            events: Events::new(config.events_max, points),
            config,
            channel,
            reads_answered: 0,
            counters: Counters::default(),
            restart: true,
            broadcast: None,
            select: None,
            awaiting: None,
            last_request: Vec::new(),
            last_reply: None,
            time_recorded: None,
            transmit: VecDeque::new(),
        }
    }

    /// A new connection, or none: events and the restart bit are kept.
    pub(super) fn reset(&mut self) {
        self.channel.reset();
        self.give_up();
        self.select = None;
        self.last_request.clear();
        self.last_reply = None;
        self.time_recorded = None;
        self.transmit.clear();
    }

    pub(super) fn receive(
        &mut self,
        session: usize,
        octets: &[u8],
        now: Time,
        points: &Points,
        app: &mut dyn Application,
    ) {
        self.handle_timeout(now);
        for chunk in octets.chunks(RECEIVE_CHUNK) {
            self.channel.receive(chunk);
            while let Some(fragment) = self.channel.next_fragment() {
                self.fragment(session, &fragment, now, points, app);
            }
        }
    }

    pub(super) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.channel.take_replies().or_else(|| self.transmit.pop_front())
    }

    pub(super) fn timeout(&self) -> Option<Time> {
        self.awaiting.as_ref().map(|awaiting| awaiting.until)
    }

    pub(super) fn handle_timeout(&mut self, now: Time) {
        if self.awaiting.as_ref().is_some_and(|awaiting| awaiting.until <= now) {
            self.counters.confirm_timeouts += 1;
            self.give_up();
        }
    }

    pub(super) fn counters(&self) -> Counters {
        Counters { channel: *self.channel.counters(), events_lost: self.events.lost, ..self.counters }
    }

    /// The confirm that is awaited will not come.
    fn give_up(&mut self) {
        if self.awaiting.take().is_some() {
            self.events.unsend();
        }
    }

    fn fragment(
        &mut self,
        session: usize,
        fragment: &Fragment,
        now: Time,
        points: &Points,
        app: &mut dyn Application,
    ) {
        let &[control, function, ref objects @ ..] = fragment.octets.as_slice() else {
            self.counters.not_a_request += 1;
            return;
        };
        if control & (FIR | FIN) != FIR | FIN || function >= RESPONSE {
            self.counters.not_a_request += 1;
            return;
        }
        if let Some(broadcast) = fragment.broadcast {
            // Nothing here may be commanded by broadcast; that one came is told.
            self.counters.broadcasts += 1;
            self.broadcast = Some(broadcast);
            return;
        }
        let sequence = control & SEQUENCE;
        if function == CONFIRM {
            self.confirmed(session, control & UNS != 0, sequence, now, points, app);
            return;
        }
        if self.is_repeated(&fragment.octets, function) {
            return;
        }
        self.give_up();
        self.last_request.clear();
        self.last_request.extend_from_slice(&fragment.octets);
        self.last_reply = None;
        if function != OPERATE {
            self.select = None;
        }
        let request = Request { session, function, sequence, objects, now };
        match function {
            READ => self.read(&request, points, app),
            WRITE => self.write(&request, app),
            SELECT | OPERATE | DIRECT_OPERATE | DIRECT_OPERATE_NO_ACK => self.command(&request, app),
            DELAY_MEASURE if objects.is_empty() => {
                // Answered at once: no processing delay.
                self.respond(&request, Iin::NONE, &[52, 2, 0x07, 1, 0, 0], app);
            }
            RECORD_CURRENT_TIME if objects.is_empty() => {
                self.time_recorded = Some(now);
                self.respond(&request, Iin::NONE, &[], app);
            }
            _ => {
                self.counters.unknown_function += 1;
                self.respond(&request, Iin::NO_FUNC_CODE_SUPPORT, &[], app);
            }
        }
    }

    /// A request that came again is answered from memory; a read only while its answer awaits its confirm.
    fn is_repeated(&mut self, octets: &[u8], function: u8) -> bool {
        let sequence = octets.first().map(|control| control & SEQUENCE);
        let awaited = self.awaiting.as_ref().is_some_and(|held| Some(held.sequence) == sequence);
        if self.last_request != octets || (function == READ && !awaited) {
            return false;
        }
        self.counters.duplicates += 1;
        if let Some(reply) = self.last_reply.clone() {
            self.send(&reply);
        }
        true
    }

    fn confirmed(
        &mut self,
        session: usize,
        unsolicited: bool,
        sequence: u8,
        now: Time,
        points: &Points,
        app: &mut dyn Application,
    ) {
        let awaited = !unsolicited && self.awaiting.as_ref().is_some_and(|held| held.sequence == sequence);
        let Some(awaiting) = self.awaiting.take_if(|_| awaited) else {
            self.counters.unexpected_confirms += 1;
            return;
        };
        self.events.confirm();
        self.broadcast = None;
        if !awaiting.series.is_over() {
            let sequence = (sequence + 1) & SEQUENCE;
            let request = Request { session, function: READ, sequence, objects: &[], now };
            self.send_series(&request, 0, Iin::NONE, awaiting.series, points, app);
        }
    }

    fn read(&mut self, request: &Request<'_>, points: &Points, app: &mut dyn Application) {
        let (series, iin) = read::request(request.objects);
        if iin != Iin::NONE {
            self.counters.bad_objects += 1;
        }
        self.send_series(request, FIR, iin, series, points, app);
    }

    /// Sends the next fragment of a response to a read.
    fn send_series(
        &mut self,
        request: &Request<'_>,
        first: u8,
        iin: Iin,
        mut series: Series,
        points: &Points,
        app: &mut dyn Application,
    ) {
        let mut out = Vec::with_capacity(256);
        out.extend([0, RESPONSE, 0, 0]);
        let max = self.config.max_tx_fragment.max(FRAGMENT_MIN);
        let events = series.write(&mut out, max, points, &mut self.events);
        let last = series.is_over();
        let confirm = events || !last || self.broadcast == Some(Broadcast::Confirm);
        let control = first | if last { FIN } else { 0 } | if confirm { CON } else { 0 } | request.sequence;
        self.finish(&mut out, control, iin, request.session, app);
        self.last_reply = Some(out.clone());
        if confirm {
            let until = request.now.saturating_add(self.config.confirm_timeout);
            self.awaiting = Some(Awaiting { sequence: request.sequence, until, series });
        }
        if last {
            self.reads_answered += 1;
        }
        self.send(&out);
    }

    /// Answers in one fragment.
    fn respond(&mut self, request: &Request<'_>, iin: Iin, objects: &[u8], app: &mut dyn Application) {
        let mut out = Vec::with_capacity(4 + objects.len());
        out.extend([0, RESPONSE, 0, 0]);
        out.extend_from_slice(objects);
        self.finish(&mut out, FIR | FIN | request.sequence, iin, request.session, app);
        self.last_reply = Some(out.clone());
        self.send(&out);
    }

    /// Writes the header over its place.
    fn finish(&mut self, out: &mut [u8], control: u8, iin: Iin, session: usize, app: &mut dyn Application) {
        let mut iin = iin | self.events.indications() | app.indications(session);
        if self.restart {
            iin = iin | Iin::DEVICE_RESTART;
        }
        if let Some(broadcast) = self.broadcast {
            iin = iin | Iin::BROADCAST;
            // One that demands a confirm is told until it was confirmed.
            self.broadcast = Some(broadcast).filter(|broadcast| *broadcast == Broadcast::Confirm);
        }
        let [low, high] = iin.bits().to_le_bytes();
        if let Some(header) = out.first_chunk_mut::<4>() {
            *header = [control, RESPONSE, low, high];
        }
    }

    fn send(&mut self, fragment: &[u8]) {
        if self.transmit.len() < TRANSMIT_MAX {
            let octets = self.channel.encode(fragment);
            self.transmit.push_back(octets);
        }
    }

    fn write(&mut self, request: &Request<'_>, app: &mut dyn Application) {
        let mut iin = Iin::NONE;
        for header in parse_headers(request.objects, Direction::Request) {
            iin = iin
                | match header {
                    Ok(header) => self.write_object(&header, request, app),
                    Err(error) => not_understood(error),
                };
        }
        if iin != Iin::NONE {
            self.counters.bad_objects += 1;
        }
        self.respond(request, iin, &[], app);
    }

    fn write_object(
        &mut self,
        header: &ObjectHeader<'_>,
        request: &Request<'_>,
        app: &mut dyn Application,
    ) -> Iin {
        match (header.group, header.variation, header.range) {
            // The restart bit can only be cleared.
            (80, 1, Range::StartStop(7, 7)) if header.data.first().is_some_and(|bit| bit & 1 == 0) => {
                self.restart = false;
                Iin::NONE
            }
            (50, 1 | 3, Range::Count(1)) => {
                let recorded =
                    if header.variation == 3 { self.time_recorded.take() } else { Some(request.now) };
                let taken = header.time().zip(recorded).is_some_and(|(millis, then)| {
                    let since = request.now.saturating_sub(then).as_millis();
                    let since = u64::try_from(since).unwrap_or(u64::MAX);
                    app.write_time(request.session, millis.saturating_add(since))
                });
                if taken { Iin::NONE } else { Iin::PARAMETER_ERROR }
            }
            (80 | 50, ..) => Iin::PARAMETER_ERROR,
            _ => Iin::OBJECT_UNKNOWN,
        }
    }

    fn command(&mut self, request: &Request<'_>, app: &mut dyn Application) {
        let answered = request.function != DIRECT_OPERATE_NO_ACK;
        let gate = self.gate(request);
        let mut echo = Vec::with_capacity(request.objects.len());
        let mut all_good = true;
        match commands(request.objects) {
            Ok(headers) => {
                let mut left = self.config.commands_max;
                for header in headers {
                    let wide = header.qualifier == 0x28;
                    let count = if let Range::Indexed(count) = header.range { count } else { 0 };
                    echo.extend([header.group, header.variation, header.qualifier]);
                    echo.extend(count.to_le_bytes().into_iter().take(if wide { 2 } else { 1 }));
                    for (index, command, _) in header.commands() {
                        let status = match (gate, u16::try_from(index)) {
                            (Err(status), _) => status,
                            (_, Err(_)) => CommandStatus::NotSupported,
                            _ if left == 0 => CommandStatus::TooManyOps,
                            (Ok(()), Ok(index)) => perform(request, index, &command, app),
                        };
                        left = left.saturating_sub(1);
                        all_good &= status == CommandStatus::Success;
                        echo.extend(index.to_le_bytes().into_iter().take(if wide { 2 } else { 1 }));
                        write_command_body(&mut echo, &command, status);
                    }
                }
            }
            Err(iin) => {
                self.counters.bad_objects += 1;
                self.select = None;
                if answered {
                    self.respond(request, iin, &[], app);
                }
                return;
            }
        }
        self.select = (request.function == SELECT && all_good).then(|| Selected {
            objects: request.objects.to_vec(),
            sequence: request.sequence,
            until: request.now.saturating_add(self.config.select_timeout),
        });
        if answered {
            self.respond(request, Iin::NONE, &echo, app);
        }
    }

    /// Whether an operate has its select: the same objects, in the request before, in time.
    fn gate(&self, request: &Request<'_>) -> Result<(), CommandStatus> {
        if request.function != OPERATE {
            return Ok(());
        }
        let next = |sequence: u8| (sequence + 1) & SEQUENCE;
        match &self.select {
            Some(select)
                if next(select.sequence) == request.sequence && select.objects == request.objects =>
            {
                if request.now <= select.until {
                    Ok(())
                } else {
                    Err(CommandStatus::Timeout)
                }
            }
            _ => Err(CommandStatus::NoSelect),
        }
    }
}

/// The indication for headers that cannot be read on.
fn not_understood(error: ObjectError) -> Iin {
    if error == ObjectError::Unknown { Iin::OBJECT_UNKNOWN } else { Iin::PARAMETER_ERROR }
}

/// The headers of a command request; all of it is understood before any of it acts.
fn commands(octets: &[u8]) -> Result<Vec<ObjectHeader<'_>>, Iin> {
    let mut headers = Vec::new();
    for header in parse_headers(octets, Direction::Request) {
        let header = header.map_err(not_understood)?;
        match (header.group, header.variation, header.qualifier) {
            (12, 1, 0x17 | 0x28) | (41, 1..=4, 0x17 | 0x28) => headers.push(header),
            (12 | 41, ..) => return Err(Iin::PARAMETER_ERROR),
            _ => return Err(Iin::OBJECT_UNKNOWN),
        }
    }
    if headers.is_empty() { Err(Iin::PARAMETER_ERROR) } else { Ok(headers) }
}

fn perform(request: &Request<'_>, index: u16, command: &Command, app: &mut dyn Application) -> CommandStatus {
    match request.function {
        SELECT => app.select(request.session, index, command),
        OPERATE => app.operate(request.session, index, command, OperateMode::SelectBeforeOperate),
        DIRECT_OPERATE => app.operate(request.session, index, command, OperateMode::Direct),
        _ => app.operate(request.session, index, command, OperateMode::DirectNoAck),
    }
}
