//! A site's core, its masters and its devices on a virtual clock. Nothing here is lost or delayed; what is told to
//! fail fails.

use std::collections::BTreeMap;
use std::time::Duration;

use ieee1815::master::{Master, MasterConfig, MasterEvent, Outcome, PointSet, Request};
use ieee1815::{AnalogWidth, Classes, Command, Flags, Measured, OperateMode, PointType};
use site::{DeviceIx, ReadingIx, Site};
use telemetry::{Now, Wall};

use crate::capture::tests::Tape;
use crate::core::{
    Core, DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Input, MasterIx,
    Output, Reading, Record,
};

pub(super) const METER: usize = 0;
pub(super) const BESS: usize = 1;
pub(super) const SWITCHGEAR: usize = 2;
pub(super) const EMS: usize = 0;
pub(super) const OBSERVER: usize = 1;

pub(super) fn site() -> Site {
    site_with("")
}

/// The site with more at its end.
pub(super) fn site_with(more: &str) -> Site {
    site_of(&[], more)
}

/// The site with some texts replaced by others.
pub(super) fn site_but(replaced: &[(&str, &str)]) -> Site {
    site_of(replaced, "")
}

fn site_of(replaced: &[(&str, &str)], more: &str) -> Site {
    let mut text = include_str!("site.toml").to_owned();
    for (from, to) in replaced {
        assert!(text.contains(from), "the site has no {from}");
        text = text.replacen(from, to, 1);
    }
    site_from(&format!("{text}\n{more}"))
}

/// A site of its own.
pub(super) fn site_from(text: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    for file in ["rtd.pem", "rtd.key", "ca.pem"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let path = folder.path().join("site.toml");
    std::fs::write(&path, text).unwrap();
    Site::read(&path).unwrap()
}

/// What a master knows of a point.
pub(super) type Seen = BTreeMap<(PointType, u16), Measured>;

pub(super) struct World {
    pub(super) core: Core,
    masters: Vec<(Master, bool)>,
    pub(super) seen: Vec<Seen>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) restarts: usize,
    pub(super) writes: Vec<(u64, FieldWrite)>,
    /// Whose each of the writes is.
    pub(super) whose: BTreeMap<u64, DeviceIx>,
    pub(super) records: Vec<Record>,
    /// Every octet that the core sent, in order.
    pub(super) wire: Vec<u8>,
    pub(super) now_ms: u64,
    /// What each master sent last.
    pub(super) sent: Vec<Vec<u8>>,
    /// How far the wall clock is ahead of the monotonic one.
    pub(super) wall_ahead_ms: u64,
    /// What came in and went out: when the story is over, another machine must say the same. `None`: a story too long
    /// to be kept.
    tape: Option<Tape>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_site(&site())
    }

    pub(super) fn with_site(site: &Site) -> Self {
        Self::begun_at(site, 0)
    }

    /// A device that starts at `now_ms`.
    pub(super) fn begun_at(site: &Site, now_ms: u64) -> Self {
        let master = |at: usize| {
            let mut config = MasterConfig::new(site.masters[at].address, site.outstation.address);
            let kinds = [
                PointType::AnalogInput,
                PointType::BinaryInput,
                PointType::AnalogOutputStatus,
                PointType::BinaryOutputStatus,
            ];
            config.accept =
                kinds.into_iter().fold(PointSet::new(), |set, point| set.with(point, 0..=u16::MAX));
            (Master::new(config), false)
        };
        Self {
            core: Core::new(site, 7, Now::virtual_millis(now_ms)).unwrap(),
            masters: vec![master(EMS), master(OBSERVER)],
            seen: vec![Seen::new(); 2],
            outcomes: Vec::new(),
            restarts: 0,
            writes: Vec::new(),
            whose: BTreeMap::new(),
            records: Vec::new(),
            wire: Vec::new(),
            now_ms,
            sent: vec![Vec::new(); 2],
            wall_ahead_ms: 0,
            tape: Some(Tape::new(site, 7, Now::virtual_millis(now_ms))),
        }
    }

    /// As [`Self::with_site`], and nothing of it is kept to be told again.
    pub(super) fn untaped(site: &Site) -> Self {
        let mut world = Self::with_site(site);
        world.tape = None;
        world
    }

    pub(super) fn now(&self) -> Now {
        let wall = Wall::from_millis(self.now_ms + self.wall_ahead_ms);
        Now { wall, ..Now::virtual_millis(self.now_ms) }
    }

    fn time(&self) -> Duration {
        Duration::from_millis(self.now_ms)
    }

    pub(super) fn input(&mut self, input: Input) {
        let now = self.now();
        if let Some(tape) = &mut self.tape {
            tape.input(&input, now);
        }
        let outputs = self.core.handle(input, now);
        self.taped(&outputs);
        self.outputs(outputs);
    }

    /// Runs another site from now on; who lost its session is told.
    pub(super) fn reconfigure(&mut self, old: &Site, new: &Site) {
        let now = self.now();
        if let Some(tape) = &mut self.tape {
            tape.site(new, now);
        }
        let outputs = self.core.reconfigure(old, new, now).unwrap();
        self.taped(&outputs);
        for at in 0..self.masters.len() {
            if self.masters[at].1 && !self.core.is_up(MasterIx::new(at)) {
                self.masters[at].1 = false;
                self.masters[at].0.disconnected();
            }
        }
        self.outputs(outputs);
    }

    fn taped(&mut self, outputs: &[Output]) {
        if let Some(tape) = &mut self.tape {
            tape.outputs(outputs);
        }
    }

    fn outputs(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Octets { master, octets } => {
                    self.wire.extend_from_slice(&octets);
                    let time = self.time();
                    let (peer, up) = &mut self.masters[master.get()];
                    if *up {
                        peer.receive(&octets, time);
                    }
                }
                Output::Write { device, request, write } => {
                    self.whose.insert(request, device);
                    self.writes.push((request, write));
                }
                Output::Record(record) => self.records.push(record),
            }
        }
        self.exchange();
    }

    /// Carries octets until nobody has anything to say.
    fn exchange(&mut self) {
        for at in 0..self.masters.len() {
            let mut octets = Vec::new();
            if self.masters[at].0.poll_transmit(&mut octets) {
                self.sent[at].clone_from(&octets);
                self.input(Input::Octets { master: MasterIx::new(at), octets });
            }
            while let Some(event) = self.masters[at].0.poll_event() {
                match event {
                    MasterEvent::Point { point, index, measured, .. } => {
                        self.seen[at].insert((point, index), measured);
                    }
                    MasterEvent::Done { outcome, .. } => self.outcomes.push(outcome),
                    MasterEvent::Restart => self.restarts += 1,
                    _ => {}
                }
            }
        }
    }

    /// Lets time pass, stopping wherever anybody wants to be called.
    pub(super) fn pass(&mut self, millis: u64) {
        let end = self.now_ms + millis;
        loop {
            let core = self.core.due().map(|due| due.as_micros().div_ceil(1000));
            let masters = self.masters.iter().filter_map(|(master, up)| master.timeout().filter(|_| *up));
            let next =
                masters.map(|at| u64::try_from(at.as_micros().div_ceil(1000)).unwrap()).chain(core).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now_ms = next.max(self.now_ms);
            self.input(Input::Time);
            let time = self.time();
            for (master, _) in &mut self.masters {
                master.handle_timeout(time);
            }
            self.exchange();
            if self.core.due().is_some_and(|due| due.as_micros() <= self.now_ms * 1000) {
                self.now_ms += 1;
            }
        }
        self.now_ms = end;
        self.input(Input::Time);
    }

    pub(super) fn is_up(&self, master: usize) -> bool {
        self.masters[master].1
    }

    pub(super) fn connect(&mut self, master: usize) {
        let (at, time) = (MasterIx::new(master), self.time());
        self.masters[master].1 = true;
        self.input(Input::Connected { master: at, peer: String::new(), address: String::new() });
        self.masters[master].0.connected(time);
        self.exchange();
    }

    /// Its link is cut, and nothing tells of it.
    pub(super) fn vanish(&mut self, master: usize) {
        self.masters[master].1 = false;
        self.masters[master].0.disconnected();
    }

    pub(super) fn disconnect(&mut self, master: usize) {
        self.masters[master].1 = false;
        self.masters[master].0.disconnected();
        self.input(Input::Disconnected { master: MasterIx::new(master), why: "cut".to_owned() });
    }

    pub(super) fn read(&mut self, master: usize, classes: Classes) {
        let time = self.time();
        self.masters[master].0.request(Request::Read(classes), time).unwrap();
        self.exchange();
    }

    /// Sends a set point in counts; what came of it.
    pub(super) fn set(&mut self, master: usize, mode: OperateMode, counts: f64) -> Outcome {
        self.operate(master, mode, 1, Command::Analog { value: counts, width: AnalogWidth::F32 })
    }

    /// Sends a command; what came of it.
    pub(super) fn operate(
        &mut self,
        master: usize,
        mode: OperateMode,
        index: u16,
        command: Command,
    ) -> Outcome {
        let time = self.time();
        self.outcomes.clear();
        self.masters[master].0.request(Request::Operate { mode, index, command }, time).unwrap();
        self.exchange();
        self.outcomes.pop().unwrap()
    }

    pub(super) fn poll(&mut self, device: usize, outcome: FieldOutcome) {
        let now = self.now();
        let report = FieldReport { device: DeviceIx::new(device), outcome, sent: now, received: now };
        self.input(Input::Field(FieldEvent::Report(report)));
    }

    /// A reading that was received so long ago and comes only now.
    pub(super) fn report_of(&mut self, device: usize, watts: f64, ago_ms: u64) {
        let then = Now::virtual_millis(self.now_ms - ago_ms);
        let outcome = FieldOutcome::Readings(vec![(ReadingIx::new(0), Reading::Number(watts))]);
        let report = FieldReport { device: DeviceIx::new(device), outcome, sent: then, received: then };
        self.input(Input::Field(FieldEvent::Report(report)));
    }

    pub(super) fn watts(&mut self, device: usize, watts: f64) {
        self.poll(device, FieldOutcome::Readings(vec![(ReadingIx::new(0), Reading::Number(watts))]));
    }

    pub(super) fn switches(&mut self, closed: bool, remote: bool) {
        let readings = [closed, remote].into_iter().enumerate();
        let readings = readings.map(|(at, state)| (ReadingIx::new(at), Reading::State(state))).collect();
        self.poll(SWITCHGEAR, FieldOutcome::Readings(readings));
    }

    pub(super) fn dead(&mut self, device: usize) {
        let words = "refused".to_owned();
        self.poll(device, FieldOutcome::Failed(DeviceFailure { kind: FailureKind::Unreachable, words }));
    }

    pub(super) fn all_good(&mut self) {
        self.watts(METER, 9e6);
        self.watts(BESS, 1e6);
        self.switches(true, true);
    }

    /// Confirms every write that was asked for; how many.
    pub(super) fn confirm_writes(&mut self) -> usize {
        self.answer_writes(&Ok(()))
    }

    /// Every write that was asked for is refused; how many.
    pub(super) fn refuse_writes(&mut self) -> usize {
        self.answer_writes(&Err("Illegal data value".to_owned()))
    }

    fn answer_writes(&mut self, result: &Result<(), String>) -> usize {
        let writes = std::mem::take(&mut self.writes);
        for (request, _) in &writes {
            let (device, result) = (DeviceIx::new(BESS), result.clone());
            self.input(Input::Field(FieldEvent::Written { device, request: *request, result }));
        }
        writes.len()
    }

    /// Value in counts and flags of an analog input, as a master knows it.
    pub(super) fn analog(&self, master: usize, index: u16) -> (f64, Flags) {
        self.of(master, PointType::AnalogInput, index)
    }

    pub(super) fn of(&self, master: usize, point: PointType, index: u16) -> (f64, Flags) {
        let measured = self.seen[master][&(point, index)];
        let value = match measured.value {
            ieee1815::Value::Analog(value) => value,
            ieee1815::Value::Binary(state) => f64::from(u8::from(state)),
            other => panic!("{other:?} is no value of this site"),
        };
        (value, measured.flags.unwrap())
    }
}
