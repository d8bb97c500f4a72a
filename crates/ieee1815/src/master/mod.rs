//! The master's side of DNP3, for one outstation: octets and time in, octets and events out.
//!
//! A [`Master`] has one request under way at most. What it does of its own accord comes first: after every
//! [`connected`](Master::connected) the start-up (unsolicited responses off, restart bit cleared, integrity poll of
//! classes 1, 2, 3, then 0, unsolicited responses on), after a restart of the outstation the same from the restart
//! bit on, after an overflow of its event buffer an integrity poll, and the time where it is asked for. Then come the
//! user's requests: commands before all others, each kind in the order made; and scans, taking turns with them.
//!
//! A task that the outstation does not know or does not answer is done another way or left out, and
//! [`MasterEvent::FellBack`] says which and why.
//!
//! ```
//! use core::time::Duration;
//! use ieee1815::master::{Master, MasterConfig, MasterEvent, PointSet, Request, Scan};
//! use ieee1815::{Classes, PointType};
//!
//! let mut config = MasterConfig::new(1, 10);
//! config.accept = PointSet::new().with(PointType::AnalogInput, 0..=99).with(PointType::BinaryInput, 0..=29);
//! config.scans = vec![Scan { integrity_every: 15, ..Scan::classes(Classes::EVENTS, Duration::from_secs(4)) }];
//! let mut master = Master::new(config);
//! let (mut now, mut out) = (Duration::ZERO, Vec::new());
//! master.connected(now);
//! master.poll_transmit(&mut out); // write `out` to the socket: the start-up begins
//! master.receive(&[], now); // give it what was read from the socket
//! let read = master.request(Request::Read(Classes::ZERO), now)?;
//! while let Some(event) = master.poll_event() {
//!     match event {
//!         MasterEvent::Point { point, index, measured, .. } => println!("{point:?} {index}: {measured:?}"),
//!         MasterEvent::Done { id, outcome } => println!("{id} {outcome}, ours: {}", id == read),
//!         _ => {}
//!     }
//! }
//! if let Some(due) = master.timeout() {
//!     now = due; // wait until then, or for octets
//!     master.handle_timeout(now);
//! }
//! # Ok::<(), ieee1815::master::QueueFull>(())
//! ```
//!
//! # What an outstation cannot do
//! - be believed about points that were not asked for: only [`MasterConfig::accept`] is delivered;
//! - make us remember: fragments, fragments per response, events and octets to send are all bounded;
//! - lose an event by our fault: a fragment is confirmed only after all of it was understood and queued;
//! - have an event delivered twice by sending a fragment again: a repetition is confirmed again, not delivered;
//! - have a late answer taken for another request's: sequence numbers are checked, and after
//!   [`MasterConfig::silent_max`] unanswered requests nothing is sent before a new connection;
//! - have an answer taken for another command's: the echo is compared octet by octet.
//!
//! # Objects that are not understood
//! The size of an unknown object is unknown too, so nothing behind it can be read. Its fragment is never confirmed:
//! events behind it would be lost. Events before it are not delivered either, since without a confirm they come again.
//! Statics before it are, where the fragment holds no events and asks for no confirm: they are the present state and
//! take nothing away from anybody. The request ends with [`Outcome::Malformed`]. A fragment that is cut, or holds an
//! object that does not belong into its kind of response (a command outside of a command's answer, a static in an
//! unsolicited response), is dropped whole: who makes one mistake may have made another before it.

mod answer;
mod config;
mod echo;
mod encode;
mod event;
mod fragment;
mod gather;
mod points;
mod queue;
mod request;
mod scan;
mod start;
mod step;
#[cfg(test)]
mod tests;
mod turn;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

pub use config::{MasterConfig, Scan, TimeProcedure};
pub use event::{Fallback, MasterCounters, MasterEvent, Outcome, QueueFull, Task};
pub use points::PointSet;
pub use request::{DeadbandWidth, Objects, Request, Which};

use crate::channel::{Channel, ChannelConfig, ChannelCounters, Role};
use crate::{Iin, Time};
use event::count;
use scan::Scans;
use start::StartUp;
use step::Underway;

/// Events that a fragment adds beside its points: restart, time needed, response, done, start-up done, fallback.
const EXTRA_EVENTS: usize = 6;

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
    scans: Scans,
    /// The last turn was a scan's: the next is a waiting request's.
    scanned: bool,
    waiting: VecDeque<Waiting>,
    underway: Option<Underway>,
    events: queue::EventQueue,
    /// The request that is written.
    scratch: Vec<u8>,
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
    /// The wall clock in milliseconds since 1970, and when it was that.
    clock: Option<(u64, Time)>,
}

impl Master {
    /// A master that is not connected.
    #[must_use]
    pub fn new(config: MasterConfig) -> Self {
        let channel = Channel::new(ChannelConfig {
            max_rx_fragment: config.max_rx_fragment,
            keep_alive: config.keep_alive,
            link_confirm: config.link_confirm,
            link_timeout: config.link_timeout,
            link_retries: config.link_retries,
            ..ChannelConfig::new(Role::Master, config.address, config.outstation_address)
        });
        Self {
            start: StartUp::new(&config, Time::ZERO),
            config,
            channel,
            counters: MasterCounters::default(),
            connected: false,
            scans: Scans::default(),
            scanned: false,
            waiting: VecDeque::new(),
            underway: None,
            events: queue::EventQueue::default(),
            scratch: Vec::new(),
            sequence: 0,
            next_id: 1,
            next_response: 1,
            open: 0,
            unanswered: 0,
            last_solicited: Vec::new(),
            last_unsolicited: Vec::new(),
            last_iin: Iin::NONE,
            time_asked: None,
            clock: None,
        }
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &MasterConfig {
        &self.config
    }

    /// A new connection is up: starts with the start-up.
    pub fn connected(&mut self, now: Time) {
        self.disconnected();
        self.connected = true;
        self.channel.reset(now);
        self.start = StartUp::new(&self.config, now);
        self.pump(now);
    }

    /// The connection is gone. Every open request ends with [`Outcome::LinkDown`].
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.channel.reset(Time::ZERO);
        self.scans.stop();
        self.unanswered = 0;
        self.last_solicited.clear();
        self.last_unsolicited.clear();
        self.last_iin = Iin::NONE;
        self.time_asked = None;
        if let Some(id) = self.underway.take().and_then(|underway| underway.doing.id()) {
            self.done(id, Outcome::LinkDown);
        }
        while let Some(waiting) = self.waiting.pop_front() {
            self.done(waiting.id, Outcome::LinkDown);
        }
    }

    /// What the wall clock says now, in milliseconds since 1970-01-01 00:00 UTC. From then on the master itself
    /// writes the time to an outstation that asks for it ([`MasterConfig::time_sync`]); to be told again now and
    /// then, since `now` and the wall clock drift apart.
    pub fn set_wall_clock(&mut self, millis: u64, now: Time) {
        self.clock = Some((millis, now));
    }

    /// Takes octets of the stream, chopped in any way.
    pub fn receive(&mut self, mut octets: &[u8], now: Time) {
        if !self.connected {
            return;
        }
        while let Some(broadcast) = self.channel.receive(&mut octets, now) {
            let fragment = self.channel.take_fragment();
            let buffer = self.fragment(fragment, broadcast, now);
            self.channel.give_back(buffer);
            self.pump(now);
        }
    }

    /// Appends the octets that are due to `out`, for one write to the socket. False where there are none.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        self.connected && self.channel.poll_transmit(out)
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    #[must_use]
    pub fn timeout(&self) -> Option<Time> {
        if !self.connected {
            return None;
        }
        let oldest =
            self.waiting.iter().map(|waiting| waiting.made.saturating_add(self.config.request_age_max));
        let idle = self.underway.is_none() && !self.is_silent();
        let start = self.start.due().filter(|_| idle);
        let scan = self.scans.due().filter(|_| idle && self.start.announced);
        let deadline = self.underway.as_ref().map(|underway| underway.deadline);
        oldest.chain(start).chain(scan).chain(deadline).chain(self.channel.timeout()).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        if !self.connected {
            return;
        }
        self.channel.handle_timeout(now);
        if self.underway.as_ref().is_some_and(|underway| underway.deadline <= now) {
            count(&mut self.counters.timeouts);
            self.unanswered = self.unanswered.saturating_add(1);
            self.fail(Outcome::TimedOut, now);
        }
        self.pump(now);
    }

    /// Shows all that happened to `each`, in order; then it is taken. What has many points to look at, and keeps
    /// none of it as it is, is served better so than one by one.
    pub fn take_events(&mut self, mut each: impl FnMut(&MasterEvent)) {
        let open = &mut self.open;
        self.events.take(|event| {
            if matches!(event, MasterEvent::Done { .. }) {
                *open = open.saturating_sub(1);
            }
            each(event);
        });
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
        self.open = self.open.saturating_add(1);
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        if !self.connected {
            self.done(id, Outcome::LinkDown);
            return Ok(id);
        }
        if let Err(why) = request.check() {
            self.done(id, Outcome::Invalid(why));
            return Ok(id);
        }
        let at = if request.is_command() {
            self.waiting.iter().take_while(|waiting| waiting.request.is_command()).count()
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
        self.unanswered >= self.config.silent_after()
    }

    /// True when the outstation did not even tell its link status ([`MasterConfig::keep_alive`]); whoever owns the
    /// socket should close it and connect anew.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.channel.is_dead()
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
    pub fn channel_counters(&self) -> ChannelCounters {
        self.channel.counters()
    }

    fn done(&mut self, id: u64, outcome: Outcome) {
        self.events.push_back(MasterEvent::Done { id, outcome });
    }

    /// Says what the outstation can cause as often as it likes.
    fn say(&mut self, event: MasterEvent) {
        if self.events.len() < self.config.event_queue_max.saturating_add(EXTRA_EVENTS) {
            self.events.push_back(event);
        } else {
            count(&mut self.counters.no_room);
        }
    }
}
