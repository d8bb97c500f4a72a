//! What is under way: one request on the wire, for whom, and how far its procedure has come.

use alloc::vec::Vec;

use super::encode;
use super::{Master, Request, Task, TimeProcedure};
use crate::functions::{
    DELAY_MEASURE, DISABLE_UNSOLICITED, ENABLE_UNSOLICITED, READ, RECORD_CURRENT_TIME, WRITE,
};
use crate::objects::write_time;
use crate::{Classes, Iin, Time};

/// For whom a request is made.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doing {
    Task(Task),
    Scan { scan: usize, integrity: bool },
    User { id: u64, made: Time, request: Request },
}

impl Doing {
    pub(super) const fn id(&self) -> Option<u64> {
        if let Self::User { id, .. } = self { Some(*id) } else { None }
    }

    /// Asks for objects.
    pub(super) fn is_read(&self) -> bool {
        match self {
            Self::Task(task) => *task == Task::Integrity,
            Self::Scan { .. } => true,
            Self::User { request, .. } => request.is_read(),
        }
    }
}

/// Which request of a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is the only one.
    Only,
    Select,
    Operate,
    RecordTime,
    MeasureDelay,
    /// Group 50 of this variation.
    WriteTime {
        variation: u8,
        millis: u64,
    },
}

/// A request that waits for its response.
#[derive(Debug)]
pub(super) struct Underway {
    pub(super) doing: Doing,
    pub(super) phase: Phase,
    /// Sequence number of the fragment awaited.
    pub(super) sequence: u8,
    pub(super) sent: Time,
    pub(super) deadline: Time,
    /// Number of the response.
    pub(super) response: u64,
    /// Fragments received.
    pub(super) fragments: u32,
    /// True once any object came.
    pub(super) objects: bool,
    /// The overflow bit, once any fragment told it: the confirm of that one may have cleared it.
    pub(super) overflow: Iin,
    /// How often it may be sent again.
    pub(super) retries: u8,
}

impl Master {
    /// The first request of what is to be done.
    pub(super) fn first_phase(&self, doing: &Doing, now: Time) -> Phase {
        let procedure = match doing {
            Doing::Task(Task::SyncTime) => self.start.procedure,
            Doing::User { request: Request::SyncTime { procedure, .. }, .. } => *procedure,
            Doing::User { request, .. } if request.selects() => return Phase::Select,
            Doing::User { request: Request::WriteTime(_), .. } => TimeProcedure::Plain,
            Doing::User { request: Request::Broadcast { request, .. }, .. }
                if matches!(**request, Request::WriteTime(_)) =>
            {
                TimeProcedure::Plain
            }
            _ => return Phase::Only,
        };
        match procedure {
            TimeProcedure::Lan => Phase::RecordTime,
            TimeProcedure::NonLan => Phase::MeasureDelay,
            TimeProcedure::Plain => Phase::WriteTime { variation: 1, millis: self.wall(doing, now) },
        }
    }

    /// The wall clock at `at`, as it was told with what is being done.
    pub(super) fn wall(&self, doing: &Doing, at: Time) -> u64 {
        let (millis, told) = match doing {
            Doing::User { request, made, .. } => (request.time(), *made),
            _ => self.clock.unwrap_or_default(),
        };
        let since = u64::try_from(at.saturating_sub(told).as_millis()).unwrap_or(u64::MAX);
        millis.saturating_add(since)
    }

    /// Appends function and objects.
    pub(super) fn write(&self, doing: &Doing, phase: Phase, out: &mut Vec<u8>) {
        match (phase, doing) {
            (Phase::RecordTime, _) => out.push(RECORD_CURRENT_TIME),
            (Phase::MeasureDelay, _) => out.push(DELAY_MEASURE),
            (Phase::WriteTime { variation, millis }, _) => {
                out.extend([WRITE, 50, variation, 0x07, 1]);
                write_time(out, millis);
            }
            (_, Doing::User { request, .. }) => request.write(out, phase == Phase::Operate),
            (_, Doing::Scan { integrity: true, .. }) => encode::read(out, self.start.classes, &[]),
            (_, Doing::Scan { scan, integrity: false }) => match self.config.scans.get(*scan) {
                Some(scan) => encode::read(out, scan.classes, &scan.objects),
                None => out.push(READ),
            },
            (_, Doing::Task(task)) => match task {
                Task::DisableUnsolicited => {
                    out.push(DISABLE_UNSOLICITED);
                    encode::classes(out, Classes::EVENTS);
                }
                Task::EnableUnsolicited => {
                    out.push(ENABLE_UNSOLICITED);
                    encode::classes(out, self.config.unsolicited.without(Classes::ZERO));
                }
                // Group 80 variation 1, start 7, stop 7, value 0.
                Task::ClearRestart => out.extend([WRITE, 80, 1, 0x00, 7, 7, 0]),
                Task::Integrity | Task::SyncTime => encode::read(out, self.start.classes, &[]),
            },
        }
    }
}
