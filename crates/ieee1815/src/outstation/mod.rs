//! The outstation's side of DNP3: points shared by all masters, and for each master a session with its own event
//! buffer, classes, deadbands, unsolicited mask, restart bit, select and sequence numbers.
//!
//! A session's buffer lives on while its master is away. In mode [`EventMode::Latest`] what is sent is what the
//! point is when it is sent, so that a backlog never passes off something old as new; in mode [`EventMode::Each`]
//! history is queued, with its own times.
//!
//! Octets go in by [`receive`](Outstation::receive), come out by [`poll_transmit`](Outstation::poll_transmit), and
//! time goes in with each call. Whenever [`timeout`](Outstation::timeout) is not after now,
//! [`handle_timeout`](Outstation::handle_timeout) has something to do: after an update too, since an unsolicited
//! response may be due.

mod command;
mod config;
mod events;
mod fill;
mod manage;
mod points;
mod read;
mod reconfigure;
mod session;
#[cfg(test)]
mod tests;
mod unsolicited;

use alloc::vec::Vec;

pub use config::{BroadcastRules, ConfigError, EventMode, PointConfig, SessionConfig, UnsolicitedConfig};
pub use reconfigure::SessionChange;

use crate::channel::ChannelCounters;
use crate::objects::Attribute;
use crate::{Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Time};
use points::Points;
use session::{Context, Session};

/// How a device restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// As after power-up.
    Cold,
    /// Only what the device calls its application.
    Warm,
}

/// What the outstation asks of the program around it. Calls name the session by its position. As it stands it is a
/// device that only reports: see [`ReadOnly`].
pub trait Application {
    /// Judges a command without acting.
    fn select(&mut self, session: usize, index: u16, command: &Command) -> CommandStatus {
        let _ = (session, index, command);
        CommandStatus::NotSupported
    }
    /// Acts on a command. It has to judge it again: much may have changed since its select.
    fn operate(&mut self, session: usize, index: u16, command: &Command, mode: OperateMode) -> CommandStatus {
        let _ = (session, index, command, mode);
        CommandStatus::NotSupported
    }
    /// Takes the time, in milliseconds since 1970; false where it does not want it.
    fn write_time(&mut self, session: usize, millis: u64) -> bool {
        let _ = (session, millis);
        false
    }
    /// Need time, local control, device trouble, configuration corrupt, already executing.
    fn indications(&self, session: usize) -> Iin {
        let _ = session;
        Iin::NONE
    }
    /// The time of the device in milliseconds since 1970, where it knows one: for reading it (group 50), freezing
    /// and the events of commands.
    fn time(&self) -> Option<u64> {
        None
    }
    /// A restart is asked for: how long the device will be away, after which it has to make a new [`Outstation`].
    /// `None`: it cannot.
    fn restart(&mut self, session: usize, restart: Restart) -> Option<Time> {
        let _ = (session, restart);
        None
    }
    /// A counter was frozen and cleared: the device has to count from 0.
    fn cleared(&mut self, index: u16) {
        let _ = index;
    }
    /// Takes an octet string (group 110); false where it does not.
    fn write_octets(&mut self, session: usize, index: u16, octets: &[u8]) -> bool {
        let _ = (session, index, octets);
        false
    }
}

/// A device that takes no commands, no time and no strings.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOnly;

impl Application for ReadOnly {}

/// What a session dropped or refused, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Link and transport.
    pub channel: ChannelCounters,
    /// Fragments that are no request.
    pub not_a_request: u64,
    /// Requests with a function that is not known.
    pub unknown_function: u64,
    /// Requests with objects that are not known or not understood.
    pub bad_objects: u64,
    /// Requests that came by broadcast.
    pub broadcasts: u64,
    /// Requests by broadcast that are not acted on.
    pub broadcasts_refused: u64,
    /// Requests received twice and answered from memory.
    pub duplicates: u64,
    /// Reads that were put off until an unsolicited response was confirmed.
    pub reads_deferred: u64,
    /// Confirms that nobody waited for.
    pub unexpected_confirms: u64,
    /// Confirms that did not come in time.
    pub confirm_timeouts: u64,
    /// Unsolicited responses that were sent again.
    pub unsolicited_retries: u64,
    /// Events lost because the buffer was full.
    pub events_lost: u64,
}

/// What a master was last sent of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LastTold {
    /// The value as a number; a state is 0 or 1, a double bit its two bits.
    pub value: f64,
    /// Its flags, without a binary's state.
    pub flags: Flags,
    /// When.
    pub at: Time,
    /// In an event, and not as a static value.
    pub event: bool,
}

/// The outstation. See the [module](self).
#[derive(Debug)]
pub struct Outstation {
    points: Points,
    sessions: Vec<Session>,
    attributes: Vec<Attribute>,
}

impl Outstation {
    /// An outstation with these points and, for each master, a session; sessions are named by their position.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(points: &[PointConfig], sessions: Vec<SessionConfig>) -> Result<Self, ConfigError> {
        let points = Points::new(points)?;
        no_reserved(sessions.iter())?;
        let sessions = sessions.into_iter().map(|config| Session::new(config, &points)).collect();
        Ok(Self { points, sessions, attributes: Vec::new() })
    }

    /// With these device attributes (group 0, index 0), in the order in which they are reported.
    #[must_use]
    pub fn with_attributes(mut self, attributes: Vec<Attribute>) -> Self {
        self.attributes = attributes;
        self
    }

    /// Takes a new value or new flags of a point. False, and nothing is changed, where there is no such point or the
    /// value is none of its kind.
    pub fn update(&mut self, point: PointType, index: u16, measured: Measured) -> bool {
        let taken =
            self.points.find((point, index)).and_then(|at| Some((at, self.points.set(at, measured)?)));
        let Some((at, row)) = taken else { return false };
        for session in &mut self.sessions {
            session.events.update(at, row);
        }
        true
    }

    /// Takes new values or flags of points, in order; how many were taken.
    pub fn update_all(&mut self, updates: &[(PointType, u16, Measured)]) -> usize {
        let taken = updates.iter().filter(|(point, index, measured)| self.update(*point, *index, *measured));
        taken.count()
    }

    /// Takes the octets of an octet string, 255 at most. An empty one is not reported at all.
    pub fn update_octets(&mut self, index: u16, octets: &[u8]) {
        let Some(at) = self.points.find((PointType::OctetString, index)) else { return };
        let octets = octets.get(..255).unwrap_or(octets);
        let Some(row) = self.points.set_octets(at, octets) else { return };
        for session in &mut self.sessions {
            session.events.update(at, row);
        }
    }

    /// Drops the events that wait of a point, for all masters: it means something else now, or nothing.
    pub fn purge(&mut self, point: PointType, index: u16) {
        let Some(at) = self.points.find((point, index)) else { return };
        for session in &mut self.sessions {
            session.events.purge(at);
        }
    }

    /// What a point is now.
    #[must_use]
    pub fn measured(&self, point: PointType, index: u16) -> Option<Measured> {
        self.points.row(self.points.find((point, index))?).map(points::Row::measured)
    }

    /// A session's connection came up.
    pub fn connected(&mut self, session: usize, now: Time) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.reset(true, now);
        }
    }

    /// A session's connection went down. Its events and its restart bit are kept.
    pub fn disconnected(&mut self, session: usize, now: Time) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.reset(false, now);
        }
    }

    /// Takes octets of a session's stream.
    pub fn receive(&mut self, session: usize, octets: &[u8], now: Time, app: &mut dyn Application) {
        self.with(session, now, app, |state, context| state.receive(octets, context));
    }

    /// Appends octets for one write to a session's socket; false where there are none.
    pub fn poll_transmit(&mut self, session: usize, out: &mut Vec<u8>) -> bool {
        self.sessions.get_mut(session).is_some_and(|session| session.channel.poll_transmit(out))
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next; a time in the past means now.
    #[must_use]
    pub fn timeout(&self) -> Option<Time> {
        self.sessions.iter().filter_map(Session::timeout).min()
    }

    /// As [`timeout`](Self::timeout), for one session.
    #[must_use]
    pub fn session_timeout(&self, session: usize) -> Option<Time> {
        self.sessions.get(session)?.timeout()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time, app: &mut dyn Application) {
        for session in 0..self.sessions.len() {
            self.handle_session_timeout(session, now, app);
        }
    }

    /// As [`handle_timeout`](Self::handle_timeout), for one session.
    pub fn handle_session_timeout(&mut self, session: usize, now: Time, app: &mut dyn Application) {
        self.with(session, now, app, Session::handle_timeout);
    }

    fn with(
        &mut self,
        session: usize,
        now: Time,
        app: &mut dyn Application,
        act: impl FnOnce(&mut Session, &mut Context<'_>),
    ) {
        let Some((before, rest)) = self.sessions.split_at_mut_checked(session) else { return };
        let Some((state, after)) = rest.split_first_mut() else { return };
        let (points, attributes) = (&mut self.points, self.attributes.as_slice());
        act(state, &mut Context { session, now, points, attributes, app, others: [before, after] });
    }

    /// How many reads of a session were answered since this was asked last.
    pub fn take_reads_answered(&mut self, session: usize) -> u32 {
        self.sessions.get_mut(session).map_or(0, |session| core::mem::take(&mut session.reads_answered))
    }

    /// Events that wait for a session's master.
    #[must_use]
    pub fn events_waiting(&self, session: usize) -> usize {
        self.sessions.get(session).map_or(0, |session| session.events.len())
    }

    /// What a session's master was last sent of a point; `None` where it never was, or where the session's
    /// [`remember_told`](SessionConfig::remember_told) is off.
    #[must_use]
    pub fn last_told(&self, session: usize, point: PointType, index: u16) -> Option<LastTold> {
        self.sessions.get(session)?.events.last_told(self.points.find((point, index))?)
    }

    /// Whether a session's master does not even answer at the link layer; its connection is best closed.
    #[must_use]
    pub fn is_dead(&self, session: usize) -> bool {
        self.sessions.get(session).is_some_and(|session| session.channel.is_dead())
    }

    /// What a session dropped.
    #[must_use]
    pub fn counters(&self, session: usize) -> Counters {
        self.sessions.get(session).map(Session::counters).unwrap_or_default()
    }
}

/// Refuses link addresses that are nobody's own.
fn no_reserved<'a>(sessions: impl Iterator<Item = &'a SessionConfig>) -> Result<(), ConfigError> {
    const RESERVED: u16 = 0xFFF0;
    let mut addresses = sessions.flat_map(|session| [session.address, session.master_address]);
    addresses
        .find(|address| *address >= RESERVED)
        .map_or(Ok(()), |address| Err(ConfigError::Address(address)))
}
