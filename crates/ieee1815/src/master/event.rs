//! What a master has to say, and what became of what was asked of it.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::TimeProcedure;
use crate::objects::Attribute;
use crate::{CommandStatus, Iin, Measured, PointType};

/// What became of a request, of a scan, or of a task of the master's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The response is complete; its points and its [`MasterEvent::Response`] came before.
    ReadDone,
    /// The outstation's answer to a command (to its select, when that failed).
    Status(CommandStatus),
    /// The outstation's answers to several commands in one request, in their order (to the select, when any of
    /// them failed: then none was operated).
    Statuses(Vec<CommandStatus>),
    /// What asks for no answer was given to the socket. Nothing more is known of it.
    Sent,
    /// The time was taken.
    TimeWritten,
    /// The outstation has taken the request.
    Accepted,
    /// The outstation restarts and will be back after this time, by its own word.
    Restarting(Duration),
    /// What the outstation says that it needs from a request's arrival to its answer.
    Delay(Duration),
    /// No complete answer in time. A command may have acted all the same.
    TimedOut,
    /// There is no connection, or it ended before the answer. A command that was sent may have acted.
    LinkDown,
    /// The outstation refused the request in its indications.
    Refused(Iin),
    /// The answer is not understood, or not one to this request.
    Malformed(&'static str),
    /// The request cannot be written as it is meant and was not sent.
    Invalid(&'static str),
    /// The socket does not take what waits for it already; it was not sent.
    NotSent,
    /// The request waited longer than [`MasterConfig::request_age_max`](super::MasterConfig::request_age_max)
    /// and was not sent.
    Expired,
    /// The answer to the select took longer than [`MasterConfig::select_max`](super::MasterConfig::select_max);
    /// the operate was not sent.
    SelectExpired,
    /// Events were not taken fast enough; the answer was dropped unconfirmed.
    Overloaded,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadDone => f.write_str("read"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Statuses(statuses) => {
                for (at, status) in statuses.iter().enumerate() {
                    write!(f, "{}{status}", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Sent => f.write_str("sent, not acknowledged"),
            Self::TimeWritten => f.write_str("time written"),
            Self::Accepted => f.write_str("accepted"),
            Self::Restarting(after) => write!(f, "restarts, back in {} ms", after.as_millis()),
            Self::Delay(delay) => write!(f, "delay {} ms", delay.as_millis()),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::LinkDown => f.write_str("no connection"),
            Self::Refused(iin) => write!(f, "refused with indications {:#06x}", iin.bits()),
            Self::Malformed(why) => write!(f, "not understood: {why}"),
            Self::Invalid(why) => write!(f, "not sent: {why}"),
            Self::NotSent => f.write_str("not sent, the socket takes no more"),
            Self::Expired => f.write_str("not sent in time"),
            Self::SelectExpired => f.write_str("selected too slowly, not operated"),
            Self::Overloaded => f.write_str("answer dropped, events are taken too slowly"),
        }
    }
}

/// What a master does of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Switches unsolicited responses off.
    DisableUnsolicited,
    /// Clears the restart bit.
    ClearRestart,
    /// Reads classes 1, 2, 3, then 0.
    Integrity,
    /// Writes the time.
    SyncTime,
    /// Switches unsolicited responses on.
    EnableUnsolicited,
}

/// What a task that did not work was replaced by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: the start-up goes on without it, for this connection.
    Skipped,
    /// An integrity poll of class 0 alone: the outstation knows no event classes.
    ClassZero,
    /// Another way to write the time.
    Procedure(TimeProcedure),
}

/// A point that was reported: [`MasterEvent::Point`] by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Its type.
    pub point: PointType,
    /// Its index.
    pub index: u16,
    /// What was reported.
    pub measured: Measured,
    /// True for an event, false for a static.
    pub event: bool,
    /// Number of the response, the same for all its fragments.
    pub response: u64,
}

/// What is shown by [`Master::take_events`](super::Master::take_events).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Taken<'a> {
    /// A point was reported.
    Point(Report),
    /// Anything else.
    Other(&'a MasterEvent),
}

impl Taken<'_> {
    /// As [`Master::poll_event`](super::Master::poll_event) would have told it.
    #[must_use]
    pub fn to_event(&self) -> MasterEvent {
        match self {
            Self::Point(report) => (*report).into(),
            Self::Other(event) => (*event).clone(),
        }
    }
}

/// What a master has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum MasterEvent {
    /// The integrity poll after a connection (or after a restart) is complete.
    StartUpDone,
    /// A task failed; it is tried again after [`MasterConfig::retry_delay`](super::MasterConfig::retry_delay).
    StartUpFailed {
        /// Which.
        task: Task,
        /// Why.
        outcome: Outcome,
    },
    /// A task does not work with this outstation.
    FellBack {
        /// Which.
        task: Task,
        /// What is done instead.
        to: Fallback,
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
    /// An octet string was reported.
    Octets {
        /// Its index.
        index: u16,
        /// What it holds.
        octets: Vec<u8>,
        /// True for an event, false for a static.
        event: bool,
        /// Number of the response.
        response: u64,
    },
    /// A device attribute that a user's request asked for.
    Attribute(Attribute),
    /// The deadband of an analog input (group 34) that a read asked for.
    Deadband {
        /// Index of the analog input.
        index: u16,
        /// The deadband.
        value: f64,
    },
    /// The outstation's time (group 50) that a read asked for, in milliseconds since 1970.
    Time(u64),
    /// A response is complete; comes after its points.
    Response {
        /// Indications of its last fragment; the overflow bit of any.
        iin: Iin,
        /// The user's request that it answers; `None` for tasks, scans and unsolicited responses.
        id: Option<u64>,
        /// Its number.
        response: u64,
        /// Nobody had asked.
        unsolicited: bool,
    },
    /// A run of a scan is over.
    Scanned {
        /// Place in [`MasterConfig::scans`](super::MasterConfig::scans).
        scan: usize,
        /// It was an integrity poll in place of its own.
        integrity: bool,
        /// What became of it.
        outcome: Outcome,
    },
    /// The outstation says that it restarted.
    Restart,
    /// The outstation wants the time, and this master is its time source.
    TimeNeeded,
    /// A request is over.
    Done {
        /// As [`Master::request`](super::Master::request) returned it.
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

/// What a master dropped, by reason. Link and transport count their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MasterCounters {
    /// Fragments too short for a response.
    pub too_short: u64,
    /// Fragments that are no response: another function, or bits that do not belong to it.
    pub not_a_response: u64,
    /// Responses with another sequence number than the one awaited, or awaited by nobody.
    pub unexpected: u64,
    /// Fragments received twice; confirmed again, not delivered again.
    pub duplicates: u64,
    /// Fragments whose objects end too early or have ranges or qualifiers that cannot be.
    pub malformed: u64,
    /// Fragments with an object that is not known.
    pub unknown_objects: u64,
    /// Fragments with an object that is known and does not belong there.
    pub not_valid: u64,
    /// Answers to commands that do not repeat the command.
    pub echo: u64,
    /// Responses of more fragments than allowed.
    pub too_many_fragments: u64,
    /// Fragments dropped because events were not taken fast enough.
    pub no_room: u64,
    /// Points outside [`MasterConfig::accept`](super::MasterConfig::accept), and objects nobody asked for.
    pub not_accepted: u64,
    /// Requests that were not answered in time.
    pub timeouts: u64,
    /// Runs of scans that were left out because an earlier one or a request took their time.
    pub scans_left_out: u64,
}

pub(super) fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
