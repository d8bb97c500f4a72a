//! The one deterministic machine of the device.
//!
//! It owns the point table, every outstation session and control. Tasks around it carry octets, reports and the
//! time in ([`Input`]) and octets, device writes and records out ([`Output`]); it never looks at a clock, a socket
//! or a file. The same inputs at the same times give the same outputs, octet for octet.

mod brain;
mod build;
mod checks;
mod control;
mod derive;
mod devices;
pub mod field;
mod flags;
mod heartbeat;
mod judge;
mod operate;
mod points;
mod record;
mod regulate;
mod reported;
mod story;
mod table;
#[cfg(test)]
mod tests;
mod time;
pub(crate) mod watch;

use std::sync::Arc;
use std::time::Duration;

use ieee1815::outstation::{ConfigError, Outstation, SessionChange};
use ieee1815::{Measured, PointType, Value as Wire};
use site::{DeviceIx, Site};
use telemetry::{Mono, Now, PointId, Value};

pub use field::{
    DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading, Reported,
};
pub use flags::flags;
pub use operate::{Action, LASTS_MAX, Operate, Way};
pub use record::{PointRecord, Record};
pub(crate) use regulate::score_rules;

use crate::reload::Kept;
pub(crate) use brain::TEXT_MAX;
use brain::{Brain, Commanded, Moves};
use points::{PastEvent, PointIx};

/// A master's position in the site's list; its outstation session has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterIx(usize);

impl MasterIx {
    /// From a position.
    #[must_use]
    pub const fn new(at: usize) -> Self {
        Self(at)
    }

    /// The position.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// What comes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// From a driver task.
    Field(FieldEvent),
    /// A master's session came up; a session of the same master that was up before is over.
    Connected {
        /// Which master.
        master: MasterIx,
        /// Who its certificate says it is.
        peer: String,
        /// Where it comes from.
        address: String,
    },
    /// A master's session went down.
    Disconnected {
        /// Which master.
        master: MasterIx,
        /// Why, in words.
        why: String,
    },
    /// Octets of a master's session.
    Octets {
        /// Which master.
        master: MasterIx,
        /// As they came from the stream, chopped anyhow.
        octets: Vec<u8>,
    },
    /// What was known when the device ended before: for these set points these devices, by id, were told something and
    /// not given back. To be given before anything else.
    ToldBefore(Vec<(PointId, Arc<str>)>),
    /// Somebody at the plant does something to a point by hand; what [`Core::may_operate`] refuses changes nothing.
    Operate(Operate),
    /// Nothing but time: [`Core::due`] has come.
    Time,
}

/// What goes out.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// One write for a master's session.
    Octets {
        /// Which master.
        master: MasterIx,
        /// Whole link frames.
        octets: Vec<u8>,
    },
    /// A write for a device's driver.
    Write {
        /// Which device.
        device: DeviceIx,
        /// The number under which it is answered.
        request: u64,
        /// What.
        write: FieldWrite,
    },
    /// A journal line.
    Record(Record),
}

/// The machine.
#[derive(Debug)]
pub struct Core {
    outstation: Outstation,
    brain: Brain,
    sessions: Vec<Session>,
}

#[derive(Clone, Debug, Default)]
struct Session {
    up: bool,
    peer: String,
    address: String,
    /// Reads answered since the start.
    reads: u64,
}

impl Core {
    /// The machine of a site in which nothing was ever read. `boot` makes the samples of this start unique.
    ///
    /// # Errors
    /// Where the outstation refuses the points; a [`Site`] that was read from a file does not come to this.
    pub fn new(site: &Site, boot: u64, now: Now) -> Result<Self, ConfigError> {
        let outstation = Outstation::new(&build::point_configs(site), build::session_configs(site))?;
        let sessions = vec![Session::default(); site.masters.len()];
        Ok(Self { outstation, brain: build::brain(site, boot, now), sessions })
    }

    /// Takes one input and says what follows from it.
    pub fn handle(&mut self, input: Input, now: Now) -> Vec<Output> {
        // As everything stood when the last turn was over, which is what the history has of it.
        self.brain.score(now);
        self.brain.begin(now);
        match input {
            Input::Field(event) => self.brain.field(event),
            Input::Connected { master, peer, address } => self.connected(master, peer, address),
            Input::Disconnected { master, why } => self.disconnected(master, why),
            Input::Octets { master, octets } => self.receive(master, &octets),
            Input::ToldBefore(told) => self.brain.told_before(&told),
            Input::Operate(operate) => self.brain.operate(operate),
            Input::Time => {}
        }
        self.outstation.handle_timeout(since_origin(now.mono), &mut self.brain);
        self.end_the_dead();
        self.settled(now)
    }

    /// A master that does not even tell its link status is gone, whatever its socket says: a cut link closes nothing,
    /// and whoever only waits for a socket's end would hold a lost master's set point for ever. Whoever carries the
    /// session has to close it: see [`Self::is_up`].
    fn end_the_dead(&mut self) {
        for at in 0..self.sessions.len() {
            if self.outstation.is_dead(at) {
                self.disconnected(MasterIx(at), "it says nothing, not even that it is there".to_owned());
            }
        }
    }

    /// Brings everything in line, and says what follows.
    fn settled(&mut self, now: Now) -> Vec<Output> {
        self.brain.settle();
        self.publish(now);
        let mut outputs = self.brain.take_outputs();
        for session in 0..self.sessions.len() {
            let mut octets = Vec::new();
            if self.outstation.poll_transmit(session, &mut octets) {
                outputs.push(Output::Octets { master: MasterIx(session), octets });
            }
        }
        outputs
    }

    /// Whether a response of several fragments is under way: a change of the site waits for its end.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        self.outstation.is_answering()
    }

    /// Whether a master's session is up.
    #[must_use]
    pub fn is_up(&self, master: MasterIx) -> bool {
        self.sessions.get(master.0).is_some_and(|session| session.up)
    }

    /// Runs `new` from now on in place of `old`. What did not change goes on as it was: samples, events that wait,
    /// sessions, authority. Sessions of masters that are no more, or have another address, are over: it says so by
    /// [`Self::is_up`], and whoever carries them has to close them.
    ///
    /// # Errors
    /// Where the outstation refuses the points; nothing is changed then.
    pub fn reconfigure(&mut self, old: &Site, new: &Site, now: Now) -> Result<Vec<Output>, ConfigError> {
        let kept = Kept::of(old, new);
        let moves = Moves::new(old, new, &kept);
        let from: Vec<Option<usize>> = new.masters.iter().map(|master| moves.master_before(master)).collect();
        let changes = build::session_configs(new).into_iter().zip(&from);
        let changes = changes.map(|(config, from)| SessionChange { config, from: *from }).collect();
        let keeps = |point, index| kept.wire(point, index);
        self.outstation.reconfigure(&build::point_configs(new), changes, &keeps, since_origin(now.mono))?;
        self.brain.begin(now);
        for (at, master) in old.masters.iter().enumerate() {
            let stays = |one: &site::Master| (&one.name, one.address) == (&master.name, master.address);
            if !(new.masters.iter().any(stays) && old.outstation.address == new.outstation.address) {
                self.end(MasterIx(at), "another configuration was loaded".to_owned());
            }
        }
        let sessions = std::mem::take(&mut self.sessions);
        let session = |from: &Option<usize>| from.and_then(|from| sessions.get(from)).cloned();
        self.sessions = from.iter().map(|from| session(from).unwrap_or_default()).collect();
        let boot = self.brain.table.boot();
        let before = std::mem::replace(&mut self.brain, build::brain(new, boot, now));
        self.brain.carry(before, &moves, now);
        Ok(self.settled(now))
    }

    /// When [`Input::Time`] is to be given at the latest.
    #[must_use]
    pub fn due(&self) -> Option<Mono> {
        let outstation = self.outstation.timeout().map(|at| Mono::ZERO.plus(at));
        [outstation, self.brain.due()].into_iter().flatten().min()
    }

    fn connected(&mut self, master: MasterIx, peer: String, address: String) {
        if self.sessions.get(master.0).is_some_and(|session| session.up) {
            self.disconnected(master, "a newer session took its place".to_owned());
        }
        let Some(session) = self.sessions.get_mut(master.0) else { return };
        (session.up, session.peer, session.address) = (true, peer.clone(), address.clone());
        self.outstation.connected(master.0, since_origin(self.brain.now().mono));
        self.brain.session(master, true, peer, address, String::new());
    }

    fn disconnected(&mut self, master: MasterIx, why: String) {
        if !self.is_up(master) {
            return;
        }
        self.outstation.disconnected(master.0, since_origin(self.brain.now().mono));
        self.end(master, why);
    }

    /// A session is over, where it was up.
    fn end(&mut self, master: MasterIx, why: String) {
        let Some(session) = self.sessions.get_mut(master.0).filter(|session| session.up) else { return };
        session.up = false;
        let (peer, address) = (session.peer.clone(), session.address.clone());
        self.brain.session(master, false, peer, address, why);
    }

    fn receive(&mut self, master: MasterIx, octets: &[u8]) {
        if !self.sessions.get(master.0).is_some_and(|session| session.up) {
            return;
        }
        let now = since_origin(self.brain.now().mono);
        self.outstation.receive(master.0, octets, now, &mut self.brain);
        let reads = self.outstation.take_reads_answered(master.0);
        if let Some(session) = self.sessions.get_mut(master.0).filter(|_| reads > 0) {
            session.reads = session.reads.saturating_add(reads.into());
            self.brain.served(master);
        }
    }

    /// Hands what changed to the outstation, and tells the journal.
    fn publish(&mut self, now: Now) {
        let changed = self.brain.table.take_changed();
        let mut told: Vec<_> =
            changed.into_iter().filter_map(|point| self.publish_point(point, now)).collect();
        // In the order of their origins: what sends the history on knows by the last one what it has.
        told.sort_by_key(|record| record.origin);
        for record in told {
            self.brain.record(Record::Point(record));
        }
    }

    fn publish_point(&mut self, at: PointIx, now: Now) -> Option<Box<PointRecord>> {
        let row = self.brain.table.row(at)?;
        let (kind, index, wire, flags) = (row.spec.point, row.spec.index, row.wire(), row.flags());
        let time = self.brain.time.stamp(row.sample.received, now);
        if let Some(index) = index {
            let value = match row.sample.value {
                Some(Value::Binary(state)) => Wire::Binary(state),
                None if matches!(kind, PointType::BinaryInput | PointType::BinaryOutputStatus) => {
                    Wire::Binary(false)
                }
                _ => Wire::Analog(wire),
            };
            self.outstation.update(kind, index, Measured { value, flags: Some(flags), time: Some(time) });
        }
        let record = Box::new(story::record(row, now));
        if let Some(row) = self.brain.table.row_mut(at) {
            row.remember(PastEvent { time: now.wall, wire, flags });
        }
        Some(record)
    }

    /// Whether somebody may do this to a point.
    ///
    /// # Errors
    /// In words, why not.
    pub fn may_operate(&self, operate: &Operate) -> Result<(), String> {
        self.brain.may_operate(operate)
    }

    /// Whether it is a set point, by its own id.
    #[must_use]
    pub fn is_setpoint(&self, id: &PointId) -> bool {
        self.brain.setpoints.iter().any(|commanded| commanded.setpoint.spec.id == *id)
    }

    /// The devices that may hold something that they were told, each with the set point that it was for: see
    /// [`Input::ToldBefore`].
    pub fn holding(&self) -> impl Iterator<Item = (&PointId, &Arc<str>)> + Clone {
        self.brain.setpoints.iter().flat_map(|Commanded { setpoint, .. }| {
            setpoint.holding().map(|device| (&setpoint.spec.id, device))
        })
    }

    /// The alarms that are raised now, as JSON.
    #[must_use]
    pub fn alarms(&self) -> serde_json::Value {
        story::alarms(&self.brain)
    }

    /// A session that was refused before it came here, for the journal.
    #[must_use]
    pub fn refused(now: Now, peer: String, address: String, why: String) -> Record {
        Record::Session { time: now.wall, state: "refused", master: None, peer, address, why }
    }

    /// Every point's story, as JSON.
    #[must_use]
    pub fn points(&self, now: Now) -> serde_json::Value {
        story::points(&self.brain, now)
    }

    /// One point's story, as JSON; `None` where there is no such point.
    #[must_use]
    pub fn point(&self, id: &str, now: Now) -> Option<serde_json::Value> {
        story::point(&self.brain, id, now)
    }

    /// Devices, sessions and set points, as JSON.
    #[must_use]
    pub fn status(&self, now: Now) -> serde_json::Value {
        let sessions = self.sessions.iter().zip(self.brain.masters());
        let sessions: Vec<_> = sessions
            .map(|(session, name): (&Session, &Arc<str>)| {
                serde_json::json!({ "master": name, "up": session.up, "peer": session.peer, "address": session.address })
            })
            .collect();
        serde_json::json!({
            "devices": story::devices(&self.brain, now),
            "sessions": sessions,
            "setpoints": story::setpoints(&self.brain, now),
            "alarms": story::alarms(&self.brain),
        })
    }
}

/// The protocol crate counts from the same origin in its own type.
fn since_origin(mono: Mono) -> Duration {
    mono.since(Mono::ZERO)
}
