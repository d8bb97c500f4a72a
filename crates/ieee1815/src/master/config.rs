//! What a master is told about the one outstation it talks to.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Objects, PointSet};
use crate::Classes;

/// A read that is made again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The classes that it reads, events before statics.
    pub classes: Classes,
    /// What else it reads: ranges, groups, whatever a READ can name.
    pub objects: Vec<Objects>,
    /// From one run to the next. A run that could not be made in its time is left out and counted, never made up
    /// for.
    pub period: Duration,
    /// Every so many runs the scan is an integrity poll instead, so that what events cannot tell comes too. 0:
    /// never.
    pub integrity_every: u32,
}

impl Scan {
    /// A scan of classes.
    #[must_use]
    pub const fn classes(classes: Classes, period: Duration) -> Self {
        Self { classes, objects: Vec::new(), period, integrity_every: 0 }
    }

    /// A scan of objects.
    #[must_use]
    pub const fn objects(objects: Vec<Objects>, period: Duration) -> Self {
        Self { classes: Classes::NONE, objects, period, integrity_every: 0 }
    }
}

/// How the time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeProcedure {
    /// For networks: the outstation notes when a RECORD CURRENT TIME arrives, then is told what time that was
    /// (group 50 variation 3).
    Lan,
    /// For slow serial lines: the delay is measured first and added to the time written (group 50 variation 1).
    NonLan,
    /// The time alone (group 50 variation 1): for an outstation that knows neither.
    Plain,
}

/// Configuration of a master for one outstation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterConfig {
    /// Our link address.
    pub address: u16,
    /// The outstation's link address.
    pub outstation_address: u16,
    /// How long to wait for a response, and for each further fragment of one. Default 5 s.
    pub response_timeout: Duration,
    /// How long to wait before a start-up task that failed is tried again. Default 5 s.
    pub retry_delay: Duration,
    /// How often a read that was not answered is sent again before it has failed; scans too. What acts (commands,
    /// writes, freezes) is never repeated. Default 0.
    pub read_retries: u8,
    /// A request that could not be sent within this time of being made is given up, so that no command acts
    /// long after somebody meant it. Default 10 s.
    pub request_age_max: Duration,
    /// An operate is not sent when the answer to its select took longer than this. Default 5 s.
    pub select_max: Duration,
    /// The points that are accepted; default none.
    pub accept: PointSet,
    /// Largest fragment that is put together, in octets. Default 2048.
    pub max_rx_fragment: usize,
    /// Largest request that is made, in octets. Default 2048.
    pub max_tx_fragment: usize,
    /// Fragments that one response may have. Default 1024.
    pub response_fragments_max: u32,
    /// True when this master is the outstation's time source: it then writes the time when the outstation asks,
    /// or says [`TimeNeeded`](super::MasterEvent::TimeNeeded) where it was not told the time
    /// ([`Master::set_wall_clock`](super::Master::set_wall_clock)). Default false.
    pub time_sync: bool,
    /// How the time is written. What the outstation does not know or answer falls back: LAN to non-LAN to the
    /// time alone. Default LAN.
    pub time_procedure: TimeProcedure,
    /// Requests in a row that may go unanswered; then the master sends nothing more until it is connected anew
    /// ([`Master::is_silent`](super::Master::is_silent)). At most 8, so that no sequence number comes round
    /// while its first answer may still be on the way. With 1 no unanswered start-up task can fall back.
    /// Default 3.
    pub silent_max: u32,
    /// True to switch unsolicited responses off (function 21) at every start-up, before anything else. Default
    /// true.
    pub disable_unsolicited: bool,
    /// The classes whose unsolicited responses are switched on (function 20) at the end of a start-up. Default
    /// none: then nothing is switched on.
    pub unsolicited: Classes,
    /// How often a start-up task is tried before the start-up goes on without it; always less than
    /// [`silent_max`](Self::silent_max). An integrity poll is tried until it is answered. Default 2.
    pub task_tries: u32,
    /// What is read over and over once the start-up is done. Default nothing.
    pub scans: Vec<Scan>,
    /// After so long without any frame the outstation is asked for its link status. Default never.
    pub keep_alive: Option<Duration>,
    /// True to send with link confirmation, for lines that deliver badly. Default false.
    pub link_confirm: bool,
    /// How long a link reply is waited for. Default 2 s.
    pub link_timeout: Duration,
    /// How often an unanswered link request is sent again. Default 2.
    pub link_retries: u8,
    /// Requests that may be open: made, and their [`Done`](super::MasterEvent::Done) not taken yet. Default 16.
    pub request_queue_max: usize,
    /// Events that may wait to be taken. A fragment that would make them more is dropped unconfirmed, and the
    /// outstation keeps what it held; one fragment is always taken when none waits. Default 4096.
    pub event_queue_max: usize,
}

impl MasterConfig {
    /// The defaults, for the addresses given.
    #[must_use]
    pub fn new(address: u16, outstation_address: u16) -> Self {
        Self {
            address,
            outstation_address,
            response_timeout: Duration::from_secs(5),
            retry_delay: Duration::from_secs(5),
            read_retries: 0,
            request_age_max: Duration::from_secs(10),
            select_max: Duration::from_secs(5),
            accept: PointSet::new(),
            max_rx_fragment: 2048,
            max_tx_fragment: 2048,
            response_fragments_max: 1024,
            time_sync: false,
            time_procedure: TimeProcedure::Lan,
            silent_max: 3,
            disable_unsolicited: true,
            unsolicited: Classes::NONE,
            task_tries: 2,
            scans: Vec::new(),
            keep_alive: None,
            link_confirm: false,
            link_timeout: Duration::from_secs(2),
            link_retries: 2,
            request_queue_max: 16,
            event_queue_max: 4096,
        }
    }

    /// Unanswered requests in a row that make an outstation silent.
    pub(super) fn silent_after(&self) -> u32 {
        self.silent_max.clamp(1, 8)
    }

    /// Tries of a start-up task, fewer than would make the outstation silent.
    pub(super) fn tries(&self) -> u32 {
        self.task_tries.min(self.silent_after().saturating_sub(1)).max(1)
    }
}
