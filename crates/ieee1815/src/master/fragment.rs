//! What a master makes of a fragment received: who it answers, what it reports, whether it is confirmed.
//!
//! A fragment is taken whole or not at all: its points are gathered first, and only when all of it was
//! understood and has room are they queued and the confirm is sent.

use alloc::vec::Vec;

use super::step::{Step, Underway};
use super::{Master, MasterEvent, Outcome, TRANSMIT_QUEUE_MAX};
use crate::channel::Fragment;
use crate::objects::{Direction, parse_headers};
use crate::{AnalogWidth, Command, CommandStatus, Iin, Time};

pub(super) const FIR: u8 = 0x80;
pub(super) const FIN: u8 = 0x40;
const CON: u8 = 0x20;
const UNS: u8 = 0x10;
const SEQUENCE: u8 = 0x0F;
const FUNCTION_CONFIRM: u8 = 0;
const FUNCTION_RESPONSE: u8 = 129;
const FUNCTION_UNSOLICITED: u8 = 130;
/// Events that a fragment adds beside its points: restart, time needed, response, done.
const EXTRA_EVENTS: usize = 4;

/// A response fragment, split.
#[derive(Clone, Copy)]
struct Response<'a> {
    control: u8,
    iin: Iin,
    objects: &'a [u8],
}

impl Response<'_> {
    const fn has(&self, bit: u8) -> bool {
        self.control & bit != 0
    }
}

/// Why a fragment is not taken.
enum Dropped {
    Malformed(&'static str),
    NoRoom,
}

impl From<Dropped> for Outcome {
    fn from(dropped: Dropped) -> Self {
        match dropped {
            Dropped::Malformed(why) => Self::Malformed(why),
            Dropped::NoRoom => Self::Overloaded,
        }
    }
}

impl Master {
    /// Takes one fragment.
    pub(super) fn fragment(&mut self, fragment: &Fragment, now: Time) {
        let &[control, function, low, high, ref objects @ ..] = fragment.octets.as_slice() else {
            self.counters.not_a_response += 1;
            return;
        };
        let response = Response { control, iin: Iin::from_bits(u16::from_le_bytes([low, high])), objects };
        match function {
            _ if fragment.broadcast.is_some() => self.counters.not_a_response += 1,
            FUNCTION_RESPONSE if !response.has(UNS) => self.solicited(response, &fragment.octets, now),
            FUNCTION_UNSOLICITED if response.has(UNS) && response.has(FIR) && response.has(FIN) => {
                self.unsolicited(response, &fragment.octets, now);
            }
            _ => self.counters.not_a_response += 1,
        }
    }

    fn unsolicited(&mut self, response: Response<'_>, octets: &[u8], now: Time) {
        if self.last_unsolicited == octets {
            self.counters.duplicates += 1;
            self.confirm(response);
            return;
        }
        let number = self.next_response;
        self.next_response += 1;
        if self.take_points(response.objects, number).is_err() {
            return;
        }
        self.last_unsolicited.clear();
        self.last_unsolicited.extend_from_slice(octets);
        self.confirm(response);
        self.indications(response.iin, now);
        self.events.push_back(MasterEvent::Response { iin: response.iin, id: None, response: number });
    }

    fn solicited(&mut self, response: Response<'_>, octets: &[u8], now: Time) {
        if self.last_solicited == octets {
            // Our confirm was lost; nobody but the sender of these same octets gets anything from another one.
            self.counters.duplicates += 1;
            self.confirm(response);
            return;
        }
        let awaited = self.underway.as_ref().is_some_and(|underway| {
            underway.sequence == response.control & SEQUENCE && response.has(FIR) == (underway.fragments == 0)
        });
        let Some(mut underway) = self.underway.take_if(|_| awaited) else {
            self.counters.unexpected += 1;
            return;
        };
        self.unanswered = 0;
        if underway.fragments >= self.config.response_fragments_max {
            self.counters.malformed += 1;
            self.give_up(underway, Outcome::Malformed("more fragments than allowed"), now);
            return;
        }
        let taken = match &underway.step {
            Step::Integrity | Step::Read { .. } => self.take_points(response.objects, underway.response),
            // Who asked has a place for the answer; only what the outstation can cause by itself needs room.
            step if step.id().is_some() || self.has_room(0) => Ok(false),
            _ => self.no_room(),
        };
        match taken {
            Ok(objects) => underway.objects |= objects,
            Err(dropped) => {
                self.give_up(underway, dropped.into(), now);
                return;
            }
        }
        self.last_solicited.clear();
        self.last_solicited.extend_from_slice(octets);
        self.confirm(response);
        self.indications(response.iin, now);
        if response.has(FIN) {
            self.answered(underway, response, now);
            return;
        }
        underway.fragments += 1;
        underway.sequence = underway.sequence.wrapping_add(1) & SEQUENCE;
        underway.deadline = now.saturating_add(self.config.response_timeout);
        self.underway = Some(underway);
    }

    fn give_up(&mut self, underway: Underway, outcome: Outcome, now: Time) {
        self.underway = Some(underway);
        self.fail(outcome, now);
    }

    /// The last fragment of a response has come.
    fn answered(&mut self, underway: Underway, response: Response<'_>, now: Time) {
        self.sequence = underway.sequence.wrapping_add(1) & SEQUENCE;
        let id = underway.id();
        let iin = response.iin;
        self.events.push_back(MasterEvent::Response { iin, id, response: underway.response });
        let refused = refusal(iin);
        let outcome = match &underway.step {
            Step::DisableUnsolicited => {
                // One that does not know the function has none to switch off.
                self.start.disabled();
                return;
            }
            Step::ClearRestart if iin.contains(Iin::DEVICE_RESTART) || refused.is_some() => {
                Outcome::Refused(iin)
            }
            Step::ClearRestart => {
                self.start.cleared(now);
                return;
            }
            Step::Integrity | Step::Read { .. } => match refused {
                // Some classes may be unknown to it as long as the others were answered.
                Some(iin) if !underway.objects => Outcome::Refused(iin),
                _ => Outcome::ReadDone,
            },
            Step::WriteTime { .. } => {
                self.time_asked = None;
                refused.map_or(Outcome::TimeWritten, Outcome::Refused)
            }
            Step::Select { index, command, .. }
            | Step::Operate { index, command, .. }
            | Step::Direct { index, command, .. }
            | Step::DirectNoAck { index, command, .. } => {
                match (refused, status(response.objects, *index, command)) {
                    (_, Ok(status)) => Outcome::Status(status),
                    (Some(iin), Err(_)) => Outcome::Refused(iin),
                    (None, Err(why)) => {
                        self.counters.malformed += 1;
                        Outcome::Malformed(why)
                    }
                }
            }
        };
        match (underway.step, outcome) {
            (Step::Select { id, index, command }, Outcome::Status(CommandStatus::Success)) => {
                self.send(Step::Operate { id, index, command }, now, now);
            }
            (Step::Integrity, Outcome::ReadDone) => {
                if self.start.complete() {
                    self.events.push_back(MasterEvent::StartUpDone);
                }
            }
            (step, outcome) => match step.id() {
                Some(id) => self.done(id, outcome),
                None => self.give_up(Underway { step, ..underway }, outcome, now),
            },
        }
    }

    /// Acts on the indications of any response.
    fn indications(&mut self, iin: Iin, now: Time) {
        let retry = self.config.retry_delay;
        if iin.contains(Iin::DEVICE_RESTART) && self.start.restarted(now, retry) {
            self.events.push_back(MasterEvent::Restart);
        }
        if iin.contains(Iin::EVENT_BUFFER_OVERFLOW) && !self.last_iin.contains(Iin::EVENT_BUFFER_OVERFLOW) {
            self.start.overflowed(now, retry);
        }
        let asked_lately = self.time_asked.is_some_and(|at| at.saturating_add(retry) > now);
        if !iin.contains(Iin::NEED_TIME) {
            self.time_asked = None;
        } else if self.config.time_sync && !asked_lately {
            self.time_asked = Some(now);
            self.events.push_back(MasterEvent::TimeNeeded);
        }
        self.last_iin = iin;
    }

    /// Confirms a fragment that asks for it.
    fn confirm(&mut self, response: Response<'_>) {
        if response.has(CON) && self.transmit.len() < TRANSMIT_QUEUE_MAX {
            let control = FIR | FIN | (response.control & (UNS | SEQUENCE));
            let octets = self.channel.encode(&[control, FUNCTION_CONFIRM]);
            self.transmit.push_back(octets);
        }
    }

    fn has_room(&self, points: usize) -> bool {
        let waiting = self.events.len();
        let fits = waiting == 0 || waiting + points + EXTRA_EVENTS <= self.config.event_queue_max;
        fits && self.transmit.len() < TRANSMIT_QUEUE_MAX
    }

    fn no_room(&mut self) -> Result<bool, Dropped> {
        self.counters.no_room += 1;
        Err(Dropped::NoRoom)
    }

    /// Queues the points of a fragment, all or none. True when there was any object.
    fn take_points(&mut self, objects: &[u8], response: u64) -> Result<bool, Dropped> {
        let mut points = Vec::new();
        let mut not_accepted = 0;
        for header in parse_headers(objects, Direction::Response) {
            let Ok(header) = header else {
                self.counters.malformed += 1;
                return Err(Dropped::Malformed("objects"));
            };
            for (index, point, measured, event) in header.measured() {
                match u16::try_from(index) {
                    Ok(index) if self.config.accept.contains(point, index) => {
                        points.push(MasterEvent::Point { point, index, measured, event, response });
                    }
                    _ => not_accepted += 1,
                }
            }
        }
        if !self.has_room(points.len()) {
            return self.no_room();
        }
        self.counters.not_accepted += not_accepted;
        self.events.extend(points);
        Ok(!objects.is_empty())
    }
}

/// The indications, when they say that the request was not understood.
fn refusal(iin: Iin) -> Option<Iin> {
    let any = [Iin::NO_FUNC_CODE_SUPPORT, Iin::OBJECT_UNKNOWN, Iin::PARAMETER_ERROR]
        .into_iter()
        .any(|bit| iin.contains(bit));
    any.then_some(iin)
}

/// The status in the echo of a command.
fn status(objects: &[u8], index: u16, command: &Command) -> Result<CommandStatus, &'static str> {
    let mut found = None;
    for header in parse_headers(objects, Direction::Response) {
        let Ok(header) = header else {
            return Err("objects of the echo");
        };
        for (at, echoed, status) in header.commands() {
            if found.is_some() || at != u32::from(index) || !same(&echoed, command) {
                return Err("the echo is not of this command");
            }
            found = Some(status);
        }
    }
    found.ok_or("no echo of the command")
}

/// Equal on the wire.
fn same(one: &Command, other: &Command) -> bool {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    write_command(&mut a, 0, one);
    write_command(&mut b, 0, other);
    a == b
}

/// Whether a command can be written as it is meant: a set point that would be clamped must not leave.
pub(super) fn fits(command: &Command) -> bool {
    let Command::Analog { value, width } = *command else {
        return true;
    };
    let (low, high) = match width {
        AnalogWidth::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        AnalogWidth::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        AnalogWidth::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        AnalogWidth::F64 => (f64::MIN, f64::MAX),
    };
    (low..=high).contains(&value)
}

/// One command with a 16-bit count and index, status 0.
pub(super) fn write_command(out: &mut Vec<u8>, index: u16, command: &Command) {
    let (group, variation) = match command {
        Command::Crob(_) => (12, 1),
        Command::Analog { width: AnalogWidth::I32, .. } => (41, 1),
        Command::Analog { width: AnalogWidth::I16, .. } => (41, 2),
        Command::Analog { width: AnalogWidth::F32, .. } => (41, 3),
        Command::Analog { width: AnalogWidth::F64, .. } => (41, 4),
    };
    let [low, high] = index.to_le_bytes();
    out.extend([group, variation, 0x28, 1, 0, low, high]);
    crate::objects::write_command_body(out, command, CommandStatus::Success);
}
