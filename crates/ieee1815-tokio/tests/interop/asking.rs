//! What our master asks of an outstation that others wrote, and what has to come of it.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ieee1815::channel::Broadcast;
use ieee1815::master::{DeadbandWidth, MasterEvent, Objects, Outcome, Request, TimeProcedure};
use ieee1815::{AnalogWidth, Classes, Command, CommandStatus, Crob, Iin, OperateMode, PointType, Value};
use serde_json::json;

use crate::outstations::Ends;
use crate::recorder::SERVER;
use crate::row::{Check, Miss, require};
use crate::wire;

/// Points of each type that the peers hold.
const POINTS: usize = 4;
/// Events that no fragment of 2,048 octets holds: each has a value of 32 bits, flags and an index.
const MANY: u32 = 400;
/// The peer's clock and ours are one.
const CLOCK_MS_MAX: u64 = 2000;
/// Silence, for longer than our master's keep-alive.
const IDLE: Duration = Duration::from_millis(1500);
const LATCH_ON: u8 = 3;
const LATCH_OFF: u8 = 4;
const CLOSE: u8 = 0x41;

/// What is due to come: type, index, value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due(pub(crate) PointType, pub(crate) u16, pub(crate) Value);

fn wall_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn found(heard: &[MasterEvent], due: Due, as_event: bool) -> bool {
    heard.iter().any(|one| {
        matches!(one, MasterEvent::Point { point, index, measured, event, .. }
            if (*point, *index, measured.value) == (due.0, due.1, due.2) && *event == as_event)
    })
}

fn has(heard: &[MasterEvent], due: Due, as_event: bool) -> Check {
    require(found(heard, due, as_event), || format!("no {due:?} in {heard:?}"))
}

fn has_no(heard: &[MasterEvent], due: Due) -> Check {
    require(!found(heard, due, true), || format!("{due:?} once more in {heard:?}"))
}

/// Indications of the last response.
fn indications(heard: &[MasterEvent]) -> Iin {
    let of = |one: &MasterEvent| if let MasterEvent::Response { iin, .. } = one { Some(*iin) } else { None };
    heard.iter().rev().find_map(of).unwrap_or(Iin::NONE)
}

impl Ends {
    pub(crate) fn start_up(&mut self) -> Check {
        let heard = self.hear(|event| *event == MasterEvent::StartUpDone)?;
        let bad = heard
            .iter()
            .find(|one| matches!(one, MasterEvent::StartUpFailed { .. } | MasterEvent::FellBack { .. }));
        require(bad.is_none(), || format!("{bad:?}"))?;
        // It had restarted, and was told that this was seen.
        require(heard.contains(&MasterEvent::Restart), || format!("no restart in {heard:?}"))
    }

    pub(crate) fn restart_bit(&mut self) -> Check {
        let heard = self.read(Classes::ALL)?;
        require(!indications(&heard).contains(Iin::DEVICE_RESTART), || format!("{heard:?}"))?;
        match self.theirs.ask(&json!({ "do": "restart_bit" })) {
            // At the start-up it was there and went, and more cannot be had.
            Err(Miss::NotOffered(_)) => return Ok(()),
            other => other.map(drop)?,
        }
        let (_, mut heard) = self.request(Request::Read(Classes::EVENTS))?;
        if !heard.contains(&MasterEvent::Restart) {
            heard = self.hear(|event| *event == MasterEvent::Restart)?;
        }
        require(heard.contains(&MasterEvent::Restart), || format!("{heard:?}"))?;
        self.hear(|event| *event == MasterEvent::StartUpDone)?;
        let heard = self.read(Classes::ALL)?;
        require(!indications(&heard).contains(Iin::DEVICE_RESTART), || format!("{heard:?}"))
    }

    pub(crate) fn integrity(&mut self) -> Check {
        let due = [
            self.stir(PointType::BinaryInput)?,
            self.stir(PointType::Counter)?,
            self.stir(PointType::AnalogInput)?,
        ];
        let heard = self.read(Classes::ALL)?;
        due.iter().try_for_each(|due| has(&heard, *due, false))?;
        for of in self.library.types {
            let count = heard
                .iter()
                .filter(|one| match one {
                    MasterEvent::Point { point, event: false, .. } => point == of,
                    MasterEvent::Octets { event: false, .. } => *of == PointType::OctetString,
                    _ => false,
                })
                .count();
            require(count == POINTS, || format!("{count} of {of:?} in {heard:?}"))?;
        }
        self.drain()
    }

    pub(crate) fn class_polls(&mut self) -> Check {
        if !self.library.classes {
            let of = |class, group| (class, Objects::all(group, 0));
            let assign = Request::AssignClass(vec![of(1, 1), of(2, 20), of(3, 30)]);
            self.done(assign, &Outcome::Accepted)?;
        }
        for (class, point) in [
            (Classes::ONE, PointType::BinaryInput),
            (Classes::TWO, PointType::Counter),
            (Classes::THREE, PointType::AnalogInput),
        ] {
            let due = self.stir(point)?;
            if point == PointType::Counter && self.library.name == "py1815" {
                // It buffers none of these; a freeze makes events of this class.
                let all = vec![Objects::all(20, 0)];
                self.done(Request::Freeze { clear: false, no_ack: false, objects: all }, &Outcome::Accepted)?;
            }
            for other in [Classes::ONE, Classes::TWO, Classes::THREE] {
                let heard = self.read(other)?;
                let events =
                    heard.iter().filter(|one| matches!(one, MasterEvent::Point { event: true, .. })).count();
                require((events > 0) == (other == class), || format!("{due:?}: {heard:?} in {other:?}"))?;
            }
        }
        self.drain()
    }

    pub(crate) fn confirmed(&mut self) -> Check {
        let due = self.stir(PointType::AnalogInput)?;
        has(&self.read(Classes::EVENTS)?, due, true)?;
        has_no(&self.read(Classes::EVENTS)?, due)?;
        match self.library.name {
            "dnp3py" => {
                Err(Miss::NotOffered("it asks for no confirm: its events are gone once sent".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// More events than one fragment holds.
    pub(crate) fn fragments(&mut self) -> Check {
        self.drain()?;
        let values = 0..MANY;
        for value in values.clone() {
            self.tell("analog_input", 1, &json!(10_000 + value))?;
        }
        let heard = self.read(Classes::EVENTS)?;
        let of = |one: &MasterEvent| match one {
            MasterEvent::Point { measured, event: true, .. } => Some(measured.value),
            _ => None,
        };
        let found: Vec<_> = heard.iter().filter_map(of).collect();
        let due: Vec<_> = values.map(|value| Value::Analog(f64::from(10_000 + value))).collect();
        require(found == due, || format!("{} events: {found:?}", found.len()))?;
        self.drain()
    }

    pub(crate) fn unsolicited(&mut self) -> Check {
        let all = |enable| Request::Unsolicited { enable, classes: Classes::EVENTS };
        self.done(all(true), &Outcome::Accepted)?;
        if self.library.name == "dnp3py" {
            self.done(all(false), &Outcome::Accepted)?;
            return Err(Miss::NotOffered(
                "its runner never sends what its outstation would report".to_owned(),
            ));
        }
        self.theirs.forget();
        let due = self.stir(PointType::BinaryInput)?;
        let mut heard = Vec::new();
        while !found(&heard, due, true) {
            heard.extend(self.hear(|one| matches!(one, MasterEvent::Response { unsolicited: true, .. }))?);
        }
        if self.library.tells_confirms {
            self.theirs.hear(|line| line["event"] == "confirmed" && line["unsolicited"] == true)?;
        }
        self.done(all(false), &Outcome::Accepted)?;
        has_no(&self.read(Classes::EVENTS)?, due)?;
        let due = self.stir(PointType::BinaryInput)?;
        let heard = self.read(Classes::EVENTS)?;
        let unasked = |one: &MasterEvent| matches!(one, MasterEvent::Response { unsolicited: true, .. });
        require(!heard.iter().any(unasked), || format!("still unsolicited: {heard:?}"))?;
        has(&heard, due, true)
    }

    pub(crate) fn double(&mut self) -> Check {
        for _ in 0..4 {
            let due = self.stir(PointType::DoubleBitInput)?;
            has(&self.read(Classes::EVENTS)?, due, true)?;
            has(&self.group(3)?, due, false)?;
        }
        Ok(())
    }

    pub(crate) fn counters(&mut self) -> Check {
        for _ in 0..2 {
            let due = self.stir(PointType::Counter)?;
            if self.library.name != "py1815" {
                has(&self.read(Classes::EVENTS)?, due, true)?;
            }
            has(&self.group(20)?, due, false)?;
        }
        Ok(())
    }

    /// The counts of a group, in order.
    pub(crate) fn counts(&mut self, group: u8) -> Check<Vec<(u16, Value)>> {
        let heard = self.group(group)?;
        let of = |one: &MasterEvent| match one {
            MasterEvent::Point { index, measured, event: false, .. } => Some((*index, measured.value)),
            _ => None,
        };
        Ok(heard.iter().filter_map(of).collect())
    }

    pub(crate) fn freeze(&mut self) -> Check {
        for (clear, no_ack) in [(false, false), (true, false), (false, true), (true, true)] {
            self.stir(PointType::Counter)?;
            let counters = self.counts(20)?;
            let freeze = Request::Freeze { clear, no_ack, objects: vec![Objects::all(20, 0)] };
            self.done(freeze, if no_ack { &Outcome::Sent } else { &Outcome::Accepted })?;
            let frozen = self.counts(21)?;
            require(frozen == counters, || format!("{counters:?} became {frozen:?}"))?;
            if clear {
                let left = self.counts(20)?;
                require(left.iter().all(|(_, count)| *count == Value::Counter(0)), || format!("{left:?}"))?;
            }
        }
        self.drain()
    }

    pub(crate) fn broadcast(&mut self) -> Check {
        if self.library.name == "dnp3py" {
            return Err(Miss::NotOffered("its runner takes no frame for every outstation".to_owned()));
        }
        for how in [Broadcast::NoConfirm, Broadcast::Confirm, Broadcast::OptionalConfirm] {
            self.stir(PointType::Counter)?;
            let counters = self.counts(20)?;
            let freeze = Request::Freeze { clear: false, no_ack: true, objects: vec![Objects::all(20, 0)] };
            self.done(Request::Broadcast { how, request: Box::new(freeze) }, &Outcome::Sent)?;
            let heard = self.read(Classes::EVENTS)?;
            require(indications(&heard).contains(Iin::BROADCAST), || {
                format!("{how:?} is not told: {heard:?}")
            })?;
            let frozen = self.counts(21)?;
            require(frozen == counters, || format!("{how:?}: {counters:?} became {frozen:?}"))?;
            self.drain()?;
            let heard = self.read(Classes::EVENTS)?;
            let told = indications(&heard).contains(Iin::BROADCAST);
            require(!told, || format!("{how:?} is still told: {heard:?}"))?;
        }
        Ok(())
    }

    pub(crate) fn assign(&mut self) -> Check {
        for (class, elsewhere) in [(3, Classes::ONE), (1, Classes::THREE)] {
            self.done(Request::AssignClass(vec![(class, Objects::all(1, 0))]), &Outcome::Accepted)?;
            let due = self.stir(PointType::BinaryInput)?;
            has_no(&self.read(elsewhere)?, due)?;
            has(&self.read(Classes::EVENTS)?, due, true)?;
        }
        Ok(())
    }

    pub(crate) fn texts(&mut self) -> Check {
        let read = Request::ReadObjects(vec![Objects::all(110, 0)]);
        let heard = self.offered(read, &Outcome::ReadDone)?;
        let strings =
            heard.iter().filter(|one| matches!(one, MasterEvent::Octets { event: false, .. })).count();
        require(strings == POINTS, || format!("{heard:?}"))?;
        match self.tell("octet_string", 1, &json!("text")) {
            Err(Miss::NotOffered(reason)) => Err(Miss::NotOffered(format!("statics are read; {reason}"))),
            other => other,
        }
    }

    pub(crate) fn deadband(&mut self) -> Check {
        let write = |value| Request::WriteDeadbands {
            width: DeadbandWidth::F32,
            deadbands: (0..4).map(|index| (index, value)).collect(),
        };
        self.offered(write(1e6), &Outcome::Accepted)?;
        self.drain()?;
        let due = self.stir(PointType::AnalogInput)?;
        has_no(&self.read(Classes::EVENTS)?, due)?;
        self.done(write(0.0), &Outcome::Accepted).map(drop)
    }

    pub(crate) fn time(&mut self, procedure: TimeProcedure) -> Check {
        self.theirs.ask(&json!({ "do": "need_time" }))?;
        let heard = self.read(Classes::EVENTS)?;
        require(indications(&heard).contains(Iin::NEED_TIME), || format!("no need of time: {heard:?}"))?;
        self.done(Request::SyncTime { procedure, millis: wall_ms() }, &Outcome::TimeWritten)?;
        let told = self.theirs.until("time")?;
        let off = told.last().and_then(|told| told["ms"].as_u64()).map(|ms| ms.abs_diff(wall_ms()));
        require(off.is_some_and(|off| off < CLOCK_MS_MAX), || format!("{told:?}"))?;
        let heard = self.read(Classes::EVENTS)?;
        require(!indications(&heard).contains(Iin::NEED_TIME), || format!("{heard:?}"))
    }

    /// A control that is accepted, and shows in the status of its output.
    pub(crate) fn control(&mut self, mode: OperateMode, index: u16, command: Command, shown: Due) -> Check {
        let accepted = Outcome::Status(CommandStatus::Success);
        let wanted = if mode == OperateMode::DirectNoAck { &Outcome::Sent } else { &accepted };
        self.done(Request::Operate { mode, index, command }, wanted)?;
        let told = self.theirs.hear(|line| line["event"] == "command" && line["step"] == "operate")?;
        let one = told.last().unwrap();
        require(one["index"] == index && one["status"] == 0, || format!("{one}"))?;
        if let Command::Analog { value, .. } = command {
            require(one["value"].as_f64() == Some(value), || format!("{one}"))?;
        }
        let group = if shown.0 == PointType::BinaryOutputStatus { 10 } else { 40 };
        has(&self.group(group)?, shown, false)?;
        self.drain()
    }

    pub(crate) fn crob(&mut self, mode: OperateMode) -> Check {
        for (index, op, on) in
            [(1, LATCH_ON, true), (1, LATCH_OFF, false), (2, CLOSE, true), (2, LATCH_OFF, false)]
        {
            let command = Command::Crob(Crob { op, count: 1, on_ms: 100, off_ms: 100 });
            let shown = Due(PointType::BinaryOutputStatus, index, Value::Binary(on));
            self.control(mode, index, command, shown)?;
        }
        Ok(())
    }

    pub(crate) fn analog(&mut self, width: AnalogWidth) -> Check {
        let values: [f64; 2] = match width {
            AnalogWidth::I16 => [1234.0, -1234.0],
            AnalogWidth::I32 => [70_000.0, -70_000.0],
            // Shown as an integer.
            AnalogWidth::F32 | AnalogWidth::F64 => [250.0, -125.0],
        };
        for (mode, value) in [OperateMode::SelectBeforeOperate, OperateMode::Direct].into_iter().zip(values) {
            // Statuses of 16 bits show no more than they hold.
            let fits = self.library.name != "dnp3py" || value.abs() < 32_768.0;
            let value = if fits { value } else { value / 100.0 };
            let shown = Due(PointType::AnalogOutputStatus, 3, Value::Analog(value));
            self.control(mode, 3, Command::Analog { value, width }, shown)?;
        }
        Ok(())
    }

    pub(crate) fn refused(&mut self) -> Check {
        let crob = Command::Crob(Crob { op: LATCH_ON, count: 1, on_ms: 0, off_ms: 0 });
        let far = Command::Analog { value: 2e6, width: AnalogWidth::I32 };
        for mode in [OperateMode::SelectBeforeOperate, OperateMode::Direct] {
            for (index, command, status) in
                [(99, crob, CommandStatus::NotSupported), (1, far, CommandStatus::OutOfRange)]
            {
                self.done(Request::Operate { mode, index, command }, &Outcome::Status(status))?;
            }
        }
        Ok(())
    }

    pub(crate) fn attributes(&mut self) -> Check {
        let read = Request::ReadObjects(vec![Objects::range(0, 254, 0, 0)]);
        let heard = self.offered(read, &Outcome::ReadDone)?;
        require(heard.iter().any(|one| matches!(one, MasterEvent::Attribute(_))), || format!("{heard:?}"))
    }

    pub(crate) fn cold_restart(&mut self) -> Check {
        self.done(Request::Restart { cold: true }, &Outcome::Restarting(Duration::from_secs(1)))?;
        self.theirs.until("restart").map(drop)
    }

    pub(crate) fn link(&mut self, capture: &Path, keys: Option<&Path>) -> Check {
        std::thread::sleep(IDLE);
        self.read(Classes::EVENTS)?;
        let replies = wire::link_replies(capture, keys, SERVER)?;
        require(replies > 0, || "no link status was answered".to_owned())
    }
}
