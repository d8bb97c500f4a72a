//! The outstation's side of DNP3: points shared by all masters, and for each master a session with its own event
//! buffer, restart bit, select and sequence numbers.
//!
//! A session's buffer lives on while its master is away. Events of an untimed variation keep only the latest value
//! of a point: what is sent is what the point is when it is sent, so that a backlog never passes off something old
//! as new. Timed variations queue history.

mod events;
mod read;
mod session;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::channel::ChannelCounters;
use crate::objects::{self, Entry};
use crate::{Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Time, Value};
use session::Session;

/// What is fixed about a point.
#[derive(Debug, Clone, PartialEq)]
pub struct PointConfig {
    /// Its type.
    pub point: PointType,
    /// Its index.
    pub index: u16,
    /// Variation of the static group (g1, g10, g30, g40) where a master names none.
    pub static_variation: u8,
    /// Variation of the event group (g2, g11, g32, g42) where a master names none.
    pub event_variation: u8,
    /// Event class 1 to 3; 0: no events.
    pub class: u8,
    /// An analog that moved no further than this since it was last reported is no event.
    pub deadband: f64,
    /// What it is before the first update.
    pub initial: Measured,
}

/// What is fixed about a master's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// Our link address.
    pub address: u16,
    /// The master's link address.
    pub master_address: u16,
    /// Events kept. Default 1000.
    pub events_max: usize,
    /// How long a confirm is waited for. Default 5 s.
    pub confirm_timeout: Time,
    /// How long a select holds. Default 10 s.
    pub select_timeout: Time,
    /// Largest response fragment. Default 2048.
    pub max_tx_fragment: usize,
    /// Largest request fragment. Default 2048.
    pub max_rx_fragment: usize,
    /// Commands taken in one request. Default 16.
    pub commands_max: usize,
}

impl SessionConfig {
    /// The defaults, for the addresses given.
    #[must_use]
    pub fn new(address: u16, master_address: u16) -> Self {
        Self {
            address,
            master_address,
            events_max: 1000,
            confirm_timeout: Duration::from_secs(5),
            select_timeout: Duration::from_secs(10),
            max_tx_fragment: 2048,
            max_rx_fragment: 2048,
            commands_max: 16,
        }
    }
}

/// Why an outstation cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigError {
    /// Two points of one type have one index.
    DuplicateIndex(PointType, u16),
    /// The point's static or event group has no such variation.
    Variation(PointType, u16),
    /// The class is not 0 to 3.
    Class(PointType, u16),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateIndex(point, index) => write!(f, "{point:?} {index} is there twice"),
            Self::Variation(point, index) => {
                write!(f, "{point:?} {index} has a variation that does not exist")
            }
            Self::Class(point, index) => write!(f, "{point:?} {index} has a class other than 0 to 3"),
        }
    }
}

impl core::error::Error for ConfigError {}

/// What the outstation asks of the program around it.
pub trait Application {
    /// Judges a command without acting.
    fn select(&mut self, session: usize, index: u16, command: &Command) -> CommandStatus;
    /// Acts on a command. It has to judge it again: much may have changed since its select.
    fn operate(&mut self, session: usize, index: u16, command: &Command, mode: OperateMode) -> CommandStatus;
    /// Takes the time, in milliseconds since 1970; false where it does not want it.
    fn write_time(&mut self, session: usize, millis: u64) -> bool;
    /// Need time, local control, device trouble.
    fn indications(&self, session: usize) -> Iin;
}

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
    /// Broadcast requests; none is acted on.
    pub broadcasts: u64,
    /// Requests received twice and answered from memory.
    pub duplicates: u64,
    /// Confirms that nobody waited for.
    pub unexpected_confirms: u64,
    /// Confirms that did not come in time.
    pub confirm_timeouts: u64,
    /// Events lost because the buffer was full.
    pub events_lost: u64,
}

type Key = (PointType, u16);

#[derive(Debug)]
struct Point {
    static_entry: Entry,
    event_entry: Entry,
    class: u8,
    deadband: f64,
    measured: Measured,
}

type Points = BTreeMap<Key, Point>;

/// The outstation. See the [module](self).
#[derive(Debug)]
pub struct Outstation {
    points: Points,
    sessions: Vec<Session>,
}

impl Outstation {
    /// An outstation with these points and, for each master, a session; sessions are named by their position.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(points: Vec<PointConfig>, sessions: Vec<SessionConfig>) -> Result<Self, ConfigError> {
        let mut table = BTreeMap::new();
        for config in points {
            let (point, index) = (config.point, config.index);
            let find = |group, variation| {
                objects::entry(group, variation).ok_or(ConfigError::Variation(point, index))
            };
            if config.class > 3 {
                return Err(ConfigError::Class(point, index));
            }
            let made = Point {
                static_entry: find(objects::static_group(point), config.static_variation)?,
                event_entry: find(objects::event_group(point), config.event_variation)?,
                class: config.class,
                deadband: config.deadband,
                measured: config.initial,
            };
            if table.insert((point, index), made).is_some() {
                return Err(ConfigError::DuplicateIndex(point, index));
            }
        }
        let sessions = sessions.into_iter().map(|config| Session::new(config, &table)).collect();
        Ok(Self { points: table, sessions })
    }

    /// Takes a new value or new flags of a point. Unknown points are ignored.
    pub fn update(&mut self, point: PointType, index: u16, measured: Measured) {
        let key = (point, index);
        let Some(row) = self.points.get_mut(&key) else { return };
        row.measured = measured;
        for session in &mut self.sessions {
            session.events.update(key, row);
        }
    }

    /// A session's connection came up.
    pub fn connected(&mut self, session: usize) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.reset();
        }
    }

    /// A session's connection went down. Its events and its restart bit are kept.
    pub fn disconnected(&mut self, session: usize) {
        self.connected(session);
    }

    /// Takes octets of a session's stream.
    pub fn receive(&mut self, session: usize, octets: &[u8], now: Time, app: &mut dyn Application) {
        if let Some(state) = self.sessions.get_mut(session) {
            state.receive(session, octets, now, &self.points, app);
        }
    }

    /// Octets for one write to a session's socket.
    pub fn poll_transmit(&mut self, session: usize) -> Option<Vec<u8>> {
        self.sessions.get_mut(session)?.poll_transmit()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    #[must_use]
    pub fn timeout(&self) -> Option<Time> {
        self.sessions.iter().filter_map(Session::timeout).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        for session in &mut self.sessions {
            session.handle_timeout(now);
        }
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

    /// What a session dropped.
    #[must_use]
    pub fn counters(&self, session: usize) -> Counters {
        self.sessions.get(session).map(Session::counters).unwrap_or_default()
    }
}

impl Point {
    /// The flags without a binary's state.
    fn flags(&self) -> Flags {
        let flags = self.measured.flags.unwrap_or(Flags::ONLINE);
        if matches!(self.measured.value, Value::Binary(_)) { flags.without(Flags::STATE) } else { flags }
    }
}
