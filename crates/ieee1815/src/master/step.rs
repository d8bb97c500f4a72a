//! The requests a master makes, and in which order the start-up makes its own.

use alloc::vec::Vec;

use super::Request;
use crate::{Classes, Command, OperateMode, Time};

const FUNCTION_READ: u8 = 1;
const FUNCTION_WRITE: u8 = 2;
const FUNCTION_SELECT: u8 = 3;
const FUNCTION_OPERATE: u8 = 4;
const FUNCTION_DIRECT_OPERATE: u8 = 5;
const FUNCTION_DIRECT_OPERATE_NO_ACK: u8 = 6;
const FUNCTION_DISABLE_UNSOLICITED: u8 = 21;

/// One request on the wire. Those with an `id` are a user's.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    DisableUnsolicited,
    ClearRestart,
    Integrity,
    Read { id: u64, classes: Classes },
    Select { id: u64, index: u16, command: Command },
    Operate { id: u64, index: u16, command: Command },
    Direct { id: u64, index: u16, command: Command },
    DirectNoAck { id: u64, index: u16, command: Command },
    WriteTime { id: u64, millis: u64 },
}

impl Step {
    /// The first step of a user's request.
    pub(super) fn of(id: u64, request: &Request) -> Self {
        match *request {
            Request::Read(classes) => Self::Read { id, classes },
            Request::WriteTime(millis) => Self::WriteTime { id, millis },
            Request::Operate { mode, index, command } => match mode {
                OperateMode::Select | OperateMode::SelectBeforeOperate => Self::Select { id, index, command },
                OperateMode::Direct => Self::Direct { id, index, command },
                OperateMode::DirectNoAck => Self::DirectNoAck { id, index, command },
            },
        }
    }

    pub(super) const fn id(&self) -> Option<u64> {
        match self {
            Self::DisableUnsolicited | Self::ClearRestart | Self::Integrity => None,
            Self::Read { id, .. }
            | Self::Select { id, .. }
            | Self::Operate { id, .. }
            | Self::Direct { id, .. }
            | Self::DirectNoAck { id, .. }
            | Self::WriteTime { id, .. } => Some(*id),
        }
    }

    /// The application fragment. `waited` is how long ago the request was made.
    pub(super) fn fragment(&self, sequence: u8, waited: Time) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        let function = match self {
            Self::DisableUnsolicited => FUNCTION_DISABLE_UNSOLICITED,
            Self::ClearRestart | Self::WriteTime { .. } => FUNCTION_WRITE,
            Self::Integrity | Self::Read { .. } => FUNCTION_READ,
            Self::Select { .. } => FUNCTION_SELECT,
            Self::Operate { .. } => FUNCTION_OPERATE,
            Self::Direct { .. } => FUNCTION_DIRECT_OPERATE,
            Self::DirectNoAck { .. } => FUNCTION_DIRECT_OPERATE_NO_ACK,
        };
        out.extend([super::fragment::FIR | super::fragment::FIN | sequence, function]);
        match self {
            Self::DisableUnsolicited => classes(&mut out, Classes::EVENTS),
            Self::Integrity => classes(&mut out, Classes::ALL),
            Self::Read { classes: wanted, .. } => classes(&mut out, *wanted),
            // Group 80 variation 1, start 7, stop 7, value 0.
            Self::ClearRestart => out.extend([80, 1, 0x00, 7, 7, 0]),
            Self::WriteTime { millis, .. } => {
                let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                let [a, b, c, d, e, f, ..] = millis.saturating_add(waited).to_le_bytes();
                out.extend([50, 1, 0x07, 1, a, b, c, d, e, f]);
            }
            Self::Select { index, command, .. }
            | Self::Operate { index, command, .. }
            | Self::Direct { index, command, .. }
            | Self::DirectNoAck { index, command, .. } => {
                super::fragment::write_command(&mut out, *index, command);
            }
        }
        out
    }
}

/// Group 60, all objects: events before statics, so that a static never looks older than an event after it.
fn classes(out: &mut Vec<u8>, wanted: Classes) {
    let order = [(Classes::ONE, 2), (Classes::TWO, 3), (Classes::THREE, 4), (Classes::ZERO, 1)];
    for (class, variation) in order {
        if wanted.contains(class) {
            out.extend([60, variation, 0x06]);
        }
    }
}

/// A request that waits for its response.
#[derive(Debug)]
pub(super) struct Underway {
    pub(super) step: Step,
    /// Sequence number of the fragment awaited.
    pub(super) sequence: u8,
    pub(super) deadline: Time,
    /// Number of the response.
    pub(super) response: u64,
    /// Fragments received.
    pub(super) fragments: u32,
    /// True once any object came.
    pub(super) objects: bool,
}

impl Underway {
    pub(super) const fn new(step: Step, sequence: u8, deadline: Time, response: u64) -> Self {
        Self { step, sequence, deadline, response, fragments: 0, objects: false }
    }

    pub(super) const fn id(&self) -> Option<u64> {
        self.step.id()
    }
}

/// What the master still has to do of its own accord.
#[derive(Debug, Default)]
pub(super) struct StartUp {
    disable: bool,
    /// The outstation's restart bit is to be cleared.
    clear: bool,
    integrity: bool,
    /// Nothing before this time.
    not_before: Time,
    cleared: Option<Time>,
    /// When the last integrity poll was sent.
    polled: Option<Time>,
    /// `StartUpDone` was said.
    announced: bool,
}

impl StartUp {
    pub(super) fn new(disable: bool, now: Time) -> Self {
        Self { disable, integrity: true, not_before: now, ..Self::default() }
    }

    /// When the next step is due, if there is one.
    pub(super) fn due(&self) -> Option<Time> {
        (self.disable || self.clear || self.integrity).then_some(self.not_before)
    }

    /// The step to send now.
    pub(super) fn next(&mut self, now: Time) -> Option<Step> {
        if self.due()? > now {
            return None;
        }
        if self.disable {
            return Some(Step::DisableUnsolicited);
        }
        if self.clear {
            return Some(Step::ClearRestart);
        }
        self.integrity = false;
        self.polled = Some(now);
        Some(Step::Integrity)
    }

    /// The outstation shows its restart bit. True when that is news.
    pub(super) fn restarted(&mut self, now: Time, retry_delay: Time) -> bool {
        if self.clear {
            return false;
        }
        self.clear = true;
        self.integrity = true;
        self.announced = false;
        // One that sets the bit over and over gets no more than a clearing per delay.
        if let Some(earliest) = self.cleared.map(|at| at.saturating_add(retry_delay)).filter(|at| *at > now) {
            self.not_before = earliest;
        }
        true
    }

    /// Events were lost: the statics have to make up for them.
    pub(super) fn overflowed(&mut self, now: Time, retry_delay: Time) {
        self.integrity = true;
        if let Some(earliest) = self.polled.map(|at| at.saturating_add(retry_delay)).filter(|at| *at > now) {
            self.not_before = self.not_before.max(earliest);
        }
    }

    pub(super) fn disabled(&mut self) {
        self.disable = false;
    }

    pub(super) fn cleared(&mut self, now: Time) {
        self.clear = false;
        self.cleared = Some(now);
    }

    pub(super) fn failed(&mut self, step: &Step, retry: Time) {
        if matches!(step, Step::Integrity) {
            self.integrity = true;
        }
        self.not_before = retry;
    }

    /// After an integrity poll: true when the start-up is complete and that is news.
    pub(super) fn complete(&mut self) -> bool {
        let complete = !self.clear && !self.integrity && !self.announced;
        self.announced |= complete;
        complete
    }
}
