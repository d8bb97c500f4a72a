//! The master's side of DNP3, for one outstation: octets and time in, octets and events out.
//!
//! A [`Master`] has one request under way at most. What it does of its own accord comes first: after every
//! [`connected`](Master::connected) an integrity poll, after a restart of the outstation the clearing of its
//! restart bit and another integrity poll, after an overflow of its event buffer an integrity poll. Then come
//! the user's requests: commands before reads, each kind in the order made.
//!
//! # What an outstation cannot do
//! - be believed about points that were not asked for: only [`MasterConfig::accept`] is delivered;
//! - make us remember: fragments, fragments per response, events and octets to send are all bounded;
//! - lose an event by our fault: a fragment is confirmed only after all of it was understood and queued;
//! - have a late answer taken for another request's: sequence numbers are checked, and after
//!   [`MasterConfig::silent_max`] unanswered requests nothing is sent before a new connection.

mod config;
mod fragment;
mod step;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

pub use config::{MasterConfig, PointSet};

use crate::channel::{Channel, ChannelCounters, Role};
use crate::{Classes, Command, CommandStatus, Iin, Measured, OperateMode, PointType, Time};
use step::{StartUp, Step, Underway};

/// Encoded writes that may wait for the socket. Beyond it fragments are dropped unconfirmed.
const TRANSMIT_QUEUE_MAX: usize = 16;
/// Octets given to the channel at a time, so that complete fragments never pile up in it.
const RECEIVE_CHUNK: usize = 512;

/// What a user asks of a master.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Read these classes: events in the order 1, 2, 3, then the statics of class 0.
    Read(Classes),
    /// Operate one control.
    Operate {
        /// How; [`OperateMode::Select`] alone is taken as [`OperateMode::SelectBeforeOperate`].
        mode: OperateMode,
        /// Index of the output.
        index: u16,
        /// What it is to do.
        command: Command,
    },
    /// Set the outstation's clock: milliseconds since 1970-01-01 00:00 UTC at the moment of the request. The
    /// time that it waits before it is sent is added.
    WriteTime(u64),
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The response is complete; its points and its [`MasterEvent::Response`] came before.
    ReadDone,
    /// The outstation's answer to a command (to its select, when that failed).
    Status(CommandStatus),
    /// A command without acknowledgement was given to the socket. Nothing more is known of it.
    Sent,
    /// The time was taken.
    TimeWritten,
    /// No complete answer in time. A command may have acted all the same.
    TimedOut,
    /// There is no connection, or it ended before the answer. A command that was sent may have acted.
    LinkDown,
    /// The outstation refused the request in its indications.
    Refused(Iin),
    /// The answer is not understood, or not one to this request; or the command cannot be written (not a number,
    /// or too large for its width) and was not sent.
    Malformed(&'static str),
    /// The request waited longer than [`MasterConfig::request_age_max`] and was not sent.
    Expired,
    /// Events were not taken fast enough; the answer was dropped unconfirmed.
    Overloaded,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadDone => f.write_str("read"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Sent => f.write_str("sent, not acknowledged"),
            Self::TimeWritten => f.write_str("time written"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::LinkDown => f.write_str("no connection"),
            Self::Refused(iin) => write!(f, "refused with indications {:#06x}", iin.bits()),
            Self::Malformed(why) => write!(f, "not understood: {why}"),
            Self::Expired => f.write_str("not sent in time"),
            Self::Overloaded => f.write_str("answer dropped, events are taken too slowly"),
        }
    }
}

/// What a master has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum MasterEvent {
    /// The integrity poll after a connection (or after a restart) is complete.
    StartUpDone,
    /// A step of the start-up failed; it is tried again after [`MasterConfig::retry_delay`].
    StartUpFailed {
        /// Why.
        outcome: Outcome,
    },
    /// A point was reported.
    Point {
        /// Its type.
        point: PointType,
        /// Its index.
        index: u16,
        /// What was reported.
        measured: Measured,
        /// True for an event, false for a static.
        event: bool,
        /// Number of the response, the same for all its fragments.
        response: u64,
    },
    /// A response is complete; comes after its points.
    Response {
        /// Indications of its last fragment.
        iin: Iin,
        /// The user's request that it answers; `None` for start-up and for unsolicited responses.
        id: Option<u64>,
        /// Its number.
        response: u64,
    },
    /// The outstation says that it restarted.
    Restart,
    /// The outstation wants the time, and this master is its time source.
    TimeNeeded,
    /// A request is over.
    Done {
        /// As [`Master::request`] returned it.
        id: u64,
        /// What became of it.
        outcome: Outcome,
    },
}

/// Too many requests are open already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

impl fmt::Display for QueueFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many requests are open")
    }
}

impl core::error::Error for QueueFull {}

/// What a master dropped, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MasterCounters {
    /// Fragments that are no response to a master, or too short.
    pub not_a_response: u64,
    /// Responses with another sequence number than the one awaited, or awaited by nobody.
    pub unexpected: u64,
    /// Fragments received twice; confirmed again, not delivered again.
    pub duplicates: u64,
    /// Fragments whose objects were not understood.
    pub malformed: u64,
    /// Fragments dropped because events or octets were not taken fast enough.
    pub no_room: u64,
    /// Points outside [`MasterConfig::accept`].
    pub not_accepted: u64,
    /// Requests that were not answered in time.
    pub timeouts: u64,
}

/// A request that waits.
#[derive(Debug)]
struct Waiting {
    id: u64,
    request: Request,
    made: Time,
}

/// The master of one outstation. See the [module](self).
#[derive(Debug)]
pub struct Master {
    config: MasterConfig,
    channel: Channel,
    counters: MasterCounters,
    connected: bool,
    start: StartUp,
    waiting: VecDeque<Waiting>,
    underway: Option<Underway>,
    events: VecDeque<MasterEvent>,
    transmit: VecDeque<Vec<u8>>,
    /// Application sequence number of the next request.
    sequence: u8,
    next_id: u64,
    next_response: u64,
    /// Requests made whose `Done` was not taken.
    open: usize,
    /// Requests in a row without an answer.
    unanswered: u32,
    /// Last solicited and last unsolicited fragment taken on this connection: a repetition is told by them.
    last_solicited: Vec<u8>,
    last_unsolicited: Vec<u8>,
    last_iin: Iin,
    time_asked: Option<Time>,
}

impl Master {
    /// A master that is not connected.
    #[must_use]
    pub fn new(config: MasterConfig) -> Self {
        let channel =
            Channel::new(Role::Master, config.address, config.outstation_address, config.max_rx_fragment);
        Self {
            config,
            channel,
            counters: MasterCounters::default(),
            connected: false,
            start: StartUp::default(),
            waiting: VecDeque::new(),
            underway: None,
            events: VecDeque::new(),
            transmit: VecDeque::new(),
            sequence: 0,
            next_id: 1,
            next_response: 1,
            open: 0,
            unanswered: 0,
            last_solicited: Vec::new(),
            last_unsolicited: Vec::new(),
            last_iin: Iin::NONE,
            time_asked: None,
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &MasterConfig {
        &self.config
    }

    /// A new connection is up: starts with an integrity poll.
    pub fn connected(&mut self, now: Time) {
        self.disconnected();
        self.connected = true;
        self.start = StartUp::new(self.config.disable_unsolicited, now);
        self.pump(now);
    }

    /// The connection is gone. Every open request ends with [`Outcome::LinkDown`].
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.channel.reset();
        self.transmit.clear();
        self.unanswered = 0;
        self.last_solicited.clear();
        self.last_unsolicited.clear();
        self.last_iin = Iin::NONE;
        self.time_asked = None;
        if let Some(id) = self.underway.take().and_then(|underway| underway.id()) {
            self.done(id, Outcome::LinkDown);
        }
        while let Some(waiting) = self.waiting.pop_front() {
            self.done(waiting.id, Outcome::LinkDown);
        }
    }

    /// Takes octets of the stream, chopped in any way.
    pub fn receive(&mut self, octets: &[u8], now: Time) {
        if !self.connected {
            return;
        }
        for chunk in octets.chunks(RECEIVE_CHUNK) {
            self.channel.receive(chunk);
            while let Some(fragment) = self.channel.next_fragment() {
                self.fragment(&fragment, now);
                self.pump(now);
            }
        }
    }

    /// Octets for one write to the socket.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        if !self.connected {
            return None;
        }
        self.channel.take_replies().or_else(|| self.transmit.pop_front())
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    #[must_use]
    pub fn timeout(&self) -> Option<Time> {
        if !self.connected {
            return None;
        }
        let oldest =
            self.waiting.iter().map(|waiting| waiting.made.saturating_add(self.config.request_age_max));
        let start = self.start.due().filter(|_| self.underway.is_none() && !self.is_silent());
        let deadline = self.underway.as_ref().map(|underway| underway.deadline);
        oldest.chain(start).chain(deadline).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        if !self.connected {
            return;
        }
        if self.underway.as_ref().is_some_and(|underway| underway.deadline <= now) {
            self.counters.timeouts += 1;
            self.unanswered = self.unanswered.saturating_add(1);
            self.fail(Outcome::TimedOut, now);
        }
        self.pump(now);
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<MasterEvent> {
        let event = self.events.pop_front()?;
        if matches!(event, MasterEvent::Done { .. }) {
            self.open = self.open.saturating_sub(1);
        }
        Some(event)
    }

    /// Makes a request; [`MasterEvent::Done`] with the number returned tells what became of it.
    ///
    /// # Errors
    /// [`QueueFull`] when [`MasterConfig::request_queue_max`] requests are open.
    pub fn request(&mut self, request: Request, now: Time) -> Result<u64, QueueFull> {
        if self.open >= self.config.request_queue_max {
            return Err(QueueFull);
        }
        self.open += 1;
        let id = self.next_id;
        self.next_id += 1;
        if !self.connected {
            self.done(id, Outcome::LinkDown);
            return Ok(id);
        }
        if let Request::Operate { command, .. } = &request
            && !fragment::fits(command)
        {
            self.done(id, Outcome::Malformed("the value does not fit its width"));
            return Ok(id);
        }
        let command = |request: &Request| matches!(request, Request::Operate { .. });
        let at = if command(&request) {
            self.waiting.iter().take_while(|waiting| command(&waiting.request)).count()
        } else {
            self.waiting.len()
        };
        self.waiting.insert(at, Waiting { id, request, made: now });
        self.pump(now);
        Ok(id)
    }

    /// True when [`MasterConfig::silent_max`] requests in a row were not answered. Nothing more is sent until
    /// [`connected`](Self::connected); whoever owns the socket should close it and connect anew.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.unanswered >= self.config.silent_max.clamp(1, 8)
    }

    /// Events that wait to be taken.
    #[must_use]
    pub fn events_waiting(&self) -> usize {
        self.events.len()
    }

    /// What was dropped above the link.
    #[must_use]
    pub fn counters(&self) -> &MasterCounters {
        &self.counters
    }

    /// What was dropped at the link and in transport.
    #[must_use]
    pub fn channel_counters(&self) -> &ChannelCounters {
        self.channel.counters()
    }

    fn done(&mut self, id: u64, outcome: Outcome) {
        self.events.push_back(MasterEvent::Done { id, outcome });
    }

    /// The request under way has failed.
    fn fail(&mut self, outcome: Outcome, now: Time) {
        let Some(underway) = self.underway.take() else {
            return;
        };
        // After a fragment in the middle of a series, the number awaited is not the one to use next.
        self.sequence = underway.sequence.wrapping_add(1) & 0x0F;
        match underway.id() {
            Some(id) => self.done(id, outcome),
            None => {
                self.start.failed(&underway.step, now.saturating_add(self.config.retry_delay));
                if self.events.len() < self.config.event_queue_max {
                    self.events.push_back(MasterEvent::StartUpFailed { outcome });
                }
            }
        }
    }

    /// Sends what is next, when nothing is under way.
    fn pump(&mut self, now: Time) {
        self.expire(now);
        while self.connected
            && self.underway.is_none()
            && !self.is_silent()
            && self.transmit.len() < TRANSMIT_QUEUE_MAX
        {
            let Some((step, made)) = self.next_step(now) else {
                return;
            };
            self.send(step, made, now);
        }
    }

    fn next_step(&mut self, now: Time) -> Option<(Step, Time)> {
        if let Some(step) = self.start.next(now) {
            return Some((step, now));
        }
        let Waiting { id, request, made } = self.waiting.pop_front()?;
        Some((Step::of(id, &request), made))
    }

    /// Gives up what has waited too long. Commands and reads are each in order, but not with each other.
    fn expire(&mut self, now: Time) {
        let age_max = self.config.request_age_max;
        let over = |waiting: &Waiting| waiting.made.saturating_add(age_max) <= now;
        while let Some(at) = self.waiting.iter().position(over) {
            if let Some(waiting) = self.waiting.remove(at) {
                self.done(waiting.id, Outcome::Expired);
            }
        }
    }

    fn send(&mut self, step: Step, made: Time, now: Time) {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1) & 0x0F;
        if self.last_solicited.first().is_some_and(|control| control & 0x0F == sequence) {
            // Sixteen requests on, the same octets are no repetition.
            self.last_solicited.clear();
        }
        let fragment = step.fragment(sequence, now.saturating_sub(made));
        let octets = self.channel.encode(&fragment);
        self.transmit.push_back(octets);
        if let Step::DirectNoAck { id, .. } = step {
            self.done(id, Outcome::Sent);
            return;
        }
        let response = self.next_response;
        self.next_response += 1;
        let deadline = now.saturating_add(self.config.response_timeout);
        self.underway = Some(Underway::new(step, sequence, deadline, response));
    }
}
