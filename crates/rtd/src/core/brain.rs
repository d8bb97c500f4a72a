//! What the device knows and decides, beside the DNP3 sessions: points, control, heartbeat, the time base.
//!
//! It is the outstation's [`Application`]: commands and time writes of the masters are judged here, against the
//! same table that everything else is judged against.

mod carry;
mod commands;
mod regulated;
mod scored;

use std::collections::BTreeMap;
use std::sync::Arc;

use control::Permit;
use ieee1815::outstation::Application;
use ieee1815::{Command, CommandStatus, Iin, OperateMode, PointType};
use telemetry::{Mono, Now, Reasons, Value, Wall};

use super::control::SetPoint;
use super::field::{FieldEvent, FieldOutcome, FieldReport};
use super::heartbeat::Heartbeat;
use super::operate::{self, Action, Hand, LASTS_MAX, Operate};
use super::points::PointIx;
use super::record::Record;
use super::table::Table;
use super::time::TimeBase;
use super::{MasterIx, Output};
pub(super) use carry::Moves;
pub(super) use regulated::{Around, Bound, DriveAround, PrimaryAround, Quantity, Stored};
pub(super) use scored::Live;

/// The longest name or reason that somebody may give, in octets.
pub(crate) const TEXT_MAX: usize = 200;

/// A set point with its places in the table.
#[derive(Debug)]
pub(super) struct Commanded {
    /// Index of its g41 and g40.
    pub(super) index: u16,
    /// The value held (g40).
    pub(super) held: PointIx,
    /// The value in force.
    pub(super) feedback: PointIx,
    /// What the plant does.
    pub(super) actual: PointIx,
    pub(super) remote: Option<PointIx>,
    pub(super) connected: Option<PointIx>,
    /// Whatever else it looks at.
    pub(super) around: Around,
    pub(super) setpoint: SetPoint,
    /// Where it is scored.
    pub(super) score: Option<Live>,
}

/// A master, as control sees it.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) name: Arc<str>,
    /// Its right to control.
    pub(super) control: bool,
    /// Its session is up.
    pub(super) up: bool,
    /// Who its certificate said it was, the last time.
    pub(super) peer: Arc<str>,
}

/// Everything but the sessions.
#[derive(Debug)]
pub(super) struct Brain {
    pub(super) table: Table,
    pub(super) setpoints: Vec<Commanded>,
    pub(super) time: TimeBase,
    heartbeat: Option<Heartbeat>,
    /// Raised now, by point and kind, with their words.
    pub(super) alarms: BTreeMap<(PointIx, &'static str), String>,
    masters: Vec<Peer>,
    next_request: u64,
    now: Now,
    outputs: Vec<Output>,
}

impl Brain {
    pub(super) fn new(
        table: Table,
        setpoints: Vec<Commanded>,
        heartbeat: Option<Heartbeat>,
        time: TimeBase,
        masters: Vec<(Arc<str>, bool)>,
        now: Now,
    ) -> Self {
        let masters = masters
            .into_iter()
            .map(|(name, control)| Peer { name, control, up: false, peer: Arc::from("") })
            .collect();
        Self {
            table,
            setpoints,
            time,
            heartbeat,
            alarms: BTreeMap::new(),
            masters,
            next_request: 1,
            now,
            outputs: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Now {
        self.now
    }

    /// Lets time pass up to `now`.
    pub(super) fn begin(&mut self, now: Now) {
        self.now = now;
        for (point, hand) in self.table.age(now.mono) {
            self.tell_hand(point, &hand, "expired", None);
        }
    }

    pub(super) fn masters(&self) -> impl Iterator<Item = &Arc<str>> {
        self.masters.iter().map(|master| &master.name)
    }

    pub(super) fn record(&mut self, record: Record) {
        self.outputs.push(Output::Record(record));
    }

    pub(super) fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    pub(super) fn field(&mut self, event: FieldEvent) {
        match event {
            FieldEvent::Report(report) => {
                self.report(&report);
                // It may have waited: what it brings can be older than its limit already.
                self.begin(self.now);
            }
            FieldEvent::Written { device, request, result } => {
                for commanded in &mut self.setpoints {
                    commanded.setpoint.written(device, request, &result, self.now.mono);
                }
            }
        }
    }

    fn report(&mut self, report: &FieldReport) {
        let change = self.table.report(report);
        if let Some(beat) = &mut self.heartbeat {
            beat.judged();
        }
        let Some(change) = change else { return };
        if change.up && matches!(report.outcome, FieldOutcome::Readings(_)) {
            for commanded in &mut self.setpoints {
                commanded.setpoint.device_up(report.device);
            }
        }
        let (time, state) = (self.now.wall, if change.up { "up" } else { "down" });
        self.record(Record::Device { time, device: change.device, state, why: change.why });
    }

    /// A master's session came up or went down.
    pub(super) fn session(&mut self, master: MasterIx, up: bool, peer: String, address: String, why: String) {
        let Some(entry) = self.masters.get_mut(master.get()) else { return };
        entry.up = up;
        if up {
            entry.peer = peer.as_str().into();
        }
        let name = Arc::clone(&entry.name);
        for commanded in &mut self.setpoints {
            commanded.setpoint.session(master, up, self.now.mono);
        }
        let (time, state) = (self.now.wall, if up { "up" } else { "down" });
        self.record(Record::Session { time, state, master: Some(name), peer, address, why });
    }

    /// A read of a master was answered.
    pub(super) fn served(&mut self, _master: MasterIx) {
        if let Some(beat) = &mut self.heartbeat {
            beat.served();
        }
    }

    fn masters_connected(&self) -> bool {
        self.masters.iter().any(|master| master.up)
    }

    /// When something happens here by itself next.
    pub(super) fn due(&self) -> Option<Mono> {
        let connected = self.masters_connected();
        let setpoints = self.setpoints.iter().filter_map(|commanded| commanded.setpoint.due()).min();
        let beat = self.heartbeat.as_ref().and_then(|beat| beat.due(connected));
        let time = self.time.needed_next(self.now.mono);
        let scores = self.setpoints.iter().filter_map(|commanded| commanded.score.as_ref());
        let score = scores.map(|score| score.due(self.now)).min();
        [self.table.due(), setpoints, beat, time, score].into_iter().flatten().min()
    }

    /// Brings everything made here in line with what has come in.
    pub(super) fn settle(&mut self) {
        self.table.settle(self.now);
        for at in 0..self.setpoints.len() {
            self.settle_setpoint(at);
        }
        let connected = self.masters_connected();
        if let Some(beat) = &mut self.heartbeat
            && let Some(count) = beat.advance(connected, self.now.mono)
        {
            let value = Some(Value::Analog(f64::from(count)));
            self.table.make(beat.point, value, Reasons::none(), self.now);
        }
        // What is made of a value in force, which was settled just now.
        self.table.settle(self.now);
        for point in self.table.take_doubted() {
            self.settle_alarms(point);
        }
    }

    /// Tells which alarms of a point are new, and which are over.
    fn settle_alarms(&mut self, point: PointIx) {
        let Some(id) = self.table.row(point).map(|row| row.spec.id.clone()) else { return };
        let now = self.table.alarms(point);
        let before: Vec<&'static str> = self
            .alarms
            .range((point, "")..)
            .map_while(|((at, kind), _)| (*at == point).then_some(*kind))
            .collect();
        let time = self.now.wall;
        for kind in before.iter().filter(|kind| !now.contains_key(*kind)) {
            let text = self.alarms.remove(&(point, kind)).unwrap_or_default();
            self.record(Record::Alarm {
                time,
                point: Some(id.clone()),
                subject: "".into(),
                kind,
                state: "cleared",
                text,
            });
        }
        for (kind, text) in now {
            // The words follow the values, the alarm is told once.
            if self.alarms.insert((point, kind), text.clone()).is_none() {
                self.record(Record::Alarm {
                    time,
                    point: Some(id.clone()),
                    subject: "".into(),
                    kind,
                    state: "raised",
                    text,
                });
            }
        }
    }

    /// Whether somebody may do this to a point; in words, why not.
    pub(super) fn may_operate(&self, operate: &Operate) -> Result<(), String> {
        let Operate { point: id, action, who, why } = operate;
        let row = self.table.find(id.as_str()).and_then(|at| self.table.row(at));
        let row = row.ok_or_else(|| {
            let names = self.table.rows().map(|row| row.spec.id.as_str());
            format!("there is no point `{id}`{}", telemetry::near_in_words(names, id.as_str()))
        })?;
        for (name, text) in [("who", who), ("why", why)] {
            if text.trim().is_empty() || text.chars().any(char::is_control) || text.len() > TEXT_MAX {
                return Err(format!(
                    "`{name}` must be a text of one line, not empty, of at most {TEXT_MAX} octets"
                ));
            }
        }
        if let Action::Force { lasts, .. } | Action::Inhibit { lasts } = action
            && (lasts.is_zero() || *lasts > LASTS_MAX)
        {
            return Err(format!("it may last for 1 to {} s", LASTS_MAX.as_secs()));
        }
        let is_beat = self.heartbeat.as_ref().is_some_and(|beat| beat.point == row.at);
        let is_mark =
            |commanded: &Commanded| commanded.score.as_ref().is_some_and(|live| live.point == row.at);
        let is_mark = self.setpoints.iter().any(is_mark);
        let is_output = row.spec.point == PointType::AnalogOutputStatus;
        let is_pulse = row.spec.point == PointType::BinaryOutputStatus;
        if let Action::Control(way) = action {
            return self.may_control(row.at, *way);
        }
        match action {
            Action::Force { .. } if is_beat => {
                Err(format!("`{id}` is the heartbeat: it proves that this device works, and is never forced"))
            }
            Action::Force { .. } | Action::Inhibit { .. } if is_mark => {
                Err(format!("`{id}` proves that this device looked, and is never forced or inhibited"))
            }
            Action::Force { .. } if is_output => {
                Err(format!("`{id}` is a set point: it is commanded, not forced; it can be inhibited"))
            }
            Action::Force { .. } | Action::Inhibit { .. } if is_pulse => {
                Err(format!("`{id}` tells whether a pulse is running: its set point can be inhibited"))
            }
            Action::Inhibit { .. } if is_beat => Err(format!("`{id}` is the heartbeat")),
            Action::Force { value, .. } => match (value, row.spec.unit) {
                (Value::Analog(value), Some(unit)) if value.is_finite() => match self.table.range(row.at) {
                    Some((low, high)) if !(low..=high).contains(value) => {
                        Err(format!("`{id}` lies within {low} and {high} {unit}: its `range`"))
                    }
                    _ => Ok(()),
                },
                (Value::Binary(_), None) => Ok(()),
                (_, Some(unit)) => Err(format!("`{id}` takes a number, in {unit}")),
                (_, None) => Err(format!("`{id}` is a state: it takes true or false")),
            },
            Action::Inhibit { .. } | Action::Control(_) => Ok(()),
            Action::Release if row.hand.is_none() => Err(format!("`{id}` is neither forced nor inhibited")),
            Action::Release => Ok(()),
        }
    }

    /// Does what somebody wants done by hand.
    pub(super) fn operate(&mut self, operate: Operate) {
        if self.may_operate(&operate).is_err() {
            return;
        }
        let Some(at) = self.table.find(operate.point.as_str()) else { return };
        let Operate { action, who, why, .. } = operate;
        let (value, lasts) = match action {
            Action::Force { value, lasts } => (Some(value), lasts),
            Action::Inhibit { lasts } => (None, lasts),
            Action::Release => {
                if let Some(hand) = self.table.release(at) {
                    self.tell_hand(at, &Hand { who, why, ..hand }, "released", None);
                }
                return;
            }
            Action::Control(way) => return self.control(at, way, who, why),
        };
        let hand = Hand { value, who, why, since: self.now, until: self.now.mono.plus(lasts) };
        let ends = hand.ends(self.now);
        self.tell_hand(at, &hand, hand.words(), Some(ends));
        self.table.hand(at, hand);
    }

    fn tell_hand(&mut self, at: PointIx, hand: &Hand, state: &'static str, until: Option<Wall>) {
        let Some(id) = self.table.row(at).map(|row| row.spec.id.clone()) else { return };
        let record = operate::record(&id, state, hand, until, self.now);
        self.record(record);
    }
}

impl Application for Brain {
    fn select(&mut self, session: usize, index: u16, command: &Command) -> CommandStatus {
        self.command(session, index, command, OperateMode::Select)
    }

    fn operate(&mut self, session: usize, index: u16, command: &Command, mode: OperateMode) -> CommandStatus {
        self.command(session, index, command, mode)
    }

    fn write_time(&mut self, _session: usize, millis: u64) -> bool {
        self.time.write(millis, self.now.mono)
    }

    fn indications(&self, _session: usize) -> Iin {
        let mut iin = Iin::NONE;
        if self.time.is_needed(self.now.mono) {
            iin = iin | Iin::NEED_TIME;
        }
        let local = |commanded: &Commanded| {
            commanded.setpoint.machine.held_here() || self.permit(commanded.remote) == Permit::Withheld
        };
        if self.setpoints.iter().any(local) {
            iin = iin | Iin::LOCAL_CONTROL;
        }
        iin
    }
}
