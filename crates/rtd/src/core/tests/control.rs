//! Control through encoded DNP3: every status, every way in which a set point changes hands, limits, ramp, pulses.

use std::time::Duration;

use control::authority::EDGES;
use ieee1815::master::Outcome;
use ieee1815::{Classes, Command, CommandStatus, Crob, Flags, OperateMode, PointType};
use site::{DeviceIx, ReadingIx, Site};
use telemetry::Now;

use super::world::{BESS, EMS, METER, OBSERVER, SWITCHGEAR, World, site_but};
use crate::core::{
    Action, Core, FieldEvent, FieldOutcome, FieldWrite, Input, Operate, Output, Reading, Record, Way,
};

const DIRECT: OperateMode = OperateMode::Direct;
const HELD: (PointType, u16) = (PointType::AnalogOutputStatus, 1);
/// Indexes of the value in force, of the clamp's code and of the owner's.
const FORCE: u16 = 40;
const CLAMP: u16 = 41;
pub(super) const OWNER: u16 = 42;
/// The device that tells limits, charge and schedule.
pub(super) const PLC: usize = 3;
pub(super) const POINT: &str = "bess.mw.setpoint";
/// Counts of a megawatt.
pub(super) const MW: f64 = 6_000.0;
/// 6 MW a minute, each second.
pub(super) const STEP: f64 = 0.1;

const DEVICE: &str = "[[device]]\nid = \"plc\"\nprotocol = \"modbus\"\naddress = \"127.0.0.1:4\"\npoll_ms = 1000\n\n[[analog]]\nid = \"poi.mw\"";
const KEYS: &str = r#"drive = [{ device = "bess", control = "704", revert_s = 60 }]
ramp_up_per_min = 6.0
silence_ms = 60000
schedule = "sched"
commands_max = { count = 10, within_s = 10 }
limits_hard = { low = "hard.low", high = "hard.high" }
limits_soft = { high = "soft.high" }
energy = { charge = "soc", lowest = 1.0, highest = 9.0 }
device_remote = ["bess.remote"]
follows_within = 1.0
follows_s = 30
raise = 5
lower = 6
pulse = { each = 0.5 }
clamp = { id = "bess.clamp", index = 41 }
owner = { id = "bess.owner", index = 42 }
"#;

/// What the plc says: hard limits, soft limit, charge, schedule, and whether the battery is in remote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plc {
    pub(super) hard: (f64, f64),
    pub(super) soft: f64,
    pub(super) charge: f64,
    pub(super) schedule: Option<f64>,
    pub(super) remote: bool,
}

pub(super) const CALM: Plc =
    Plc { hard: (-4.0, 4.0), soft: 3.5, charge: 5.0, schedule: Some(0.5), remote: true };

fn points() -> String {
    let analog = |id: &str, at: usize, unit: &str| {
        format!(
            "\n[[analog]]\nid = \"{id}\"\nunit = \"{unit}\"\nsign = \"+\"\nmax_units = 100.0\nmax_counts = 30000\n\
             age_max_ms = 86400000\nsource = {{ device = \"plc\", register = {at}, type = \"f32\", unit = \"{unit}\" }}\n"
        )
    };
    let analogs =
        [("hard.low", "MW"), ("hard.high", "MW"), ("soft.high", "MW"), ("soc", "MWh"), ("sched", "MW")];
    let analogs = analogs.iter().enumerate().map(|(at, (id, unit))| analog(id, at * 2, unit));
    let digital = "\n[[digital]]\nid = \"bess.remote\"\nage_max_ms = 86400000\nsource = { device = \"plc\", register = 20, bit = 0 }\n";
    analogs.collect::<String>() + digital
}

pub(super) fn controlled(replaced: &[(&str, &str)]) -> Site {
    let keys = KEYS.to_owned() + &points();
    let mut all = vec![
        ("control = false", "control = true"),
        ("[[analog]]\nid = \"poi.mw\"", DEVICE),
        ("drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]", keys.as_str()),
    ];
    all.extend(replaced);
    site_but(&all)
}

/// A world with a battery that follows, and a plant that says so every second.
pub(super) struct Plant {
    pub(super) world: World,
    pub(super) plc: Plc,
    pub(super) remote: bool,
    pub(super) closed: bool,
    pub(super) mw: f64,
    pub(super) follows: bool,
    /// The battery does not answer.
    pub(super) dead: bool,
    /// The battery takes nothing that it is told.
    pub(super) refuses: bool,
    /// The largest step of a told output within a second.
    pub(super) told: Vec<f64>,
}

impl Plant {
    pub(super) fn with(site: &Site) -> Self {
        Self::begun(World::with_site(site))
    }

    /// A device that starts so many seconds later.
    pub(super) fn after(site: &Site, seconds: u64) -> Self {
        Self::begun(World::begun_at(site, seconds * 1_000))
    }

    fn begun(world: World) -> Self {
        let mut plant = Self {
            world,
            plc: CALM,
            remote: true,
            closed: true,
            mw: 1.0,
            follows: true,
            dead: false,
            refuses: false,
            told: Vec::new(),
        };
        plant.say();
        plant.world.connect(EMS);
        plant.world.connect(OBSERVER);
        plant
    }

    fn new(replaced: &[(&str, &str)]) -> Self {
        Self::with(&controlled(replaced))
    }

    /// The plant tells everything.
    pub(super) fn say(&mut self) {
        let Plc { hard, soft, charge, schedule, remote } = self.plc;
        let number = |value: Option<f64>| value.map_or(Reading::NotANumber, Reading::Number);
        let numbers = [Some(hard.0), Some(hard.1), Some(soft), Some(charge), schedule].map(number);
        let readings = numbers.into_iter().chain([Reading::State(remote)]).enumerate();
        let readings = readings.map(|(at, reading)| (ReadingIx::new(at), reading)).collect();
        self.world.poll(PLC, FieldOutcome::Readings(readings));
        self.world.watts(METER, 9e6);
        if self.dead {
            self.world.dead(BESS);
        } else {
            self.world.watts(BESS, self.mw * 1e6);
        }
        self.world.switches(self.closed, self.remote);
        self.obey();
    }

    /// The battery takes what it was told; its power is there at its next reading.
    pub(super) fn obey(&mut self) {
        for (request, write) in std::mem::take(&mut self.world.writes) {
            let result = match (self.dead, self.refuses) {
                (true, _) => Err("no answer".to_owned()),
                (_, true) => Err("illegal data value".to_owned()),
                _ => Ok(()),
            };
            let device = DeviceIx::new(BESS);
            self.world.input(Input::Field(FieldEvent::Written { device, request, result }));
            if let FieldWrite::SunSpec704 { watts, .. } = write
                && !self.dead
                && !self.refuses
            {
                self.told.push(watts / 1e6);
                if self.follows {
                    self.mw = watts / 1e6;
                }
            }
        }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.world.pass(1_000);
            self.obey();
            self.say();
        }
    }

    pub(super) fn set(&mut self, master: usize, mw: f64) -> Outcome {
        let outcome = self.world.set(master, DIRECT, (mw * MW).round());
        self.obey();
        outcome
    }

    pub(super) fn accepted(&mut self, master: usize, mw: f64) {
        assert_eq!(self.set(master, mw), Outcome::Status(CommandStatus::Success));
    }

    pub(super) fn order(&mut self, action: Action) {
        let (who, why) = ("ann".into(), "test".into());
        self.world.input(Input::Operate(Operate { point: POINT.into(), action, who, why }));
        self.obey();
    }

    /// A value in megawatts, as a master knows it.
    pub(super) fn read(&mut self, index: u16) -> (f64, Flags) {
        self.world.read(OBSERVER, Classes::ALL);
        let (counts, flags) = self.world.analog(OBSERVER, index);
        (counts / MW, flags)
    }

    fn held(&mut self) -> f64 {
        self.world.read(OBSERVER, Classes::ALL);
        self.world.of(OBSERVER, HELD.0, HELD.1).0 / MW
    }

    pub(super) fn code(&mut self, index: u16) -> f64 {
        self.world.read(OBSERVER, Classes::ALL);
        self.world.analog(OBSERVER, index).0
    }

    pub(super) fn transfers(&self) -> Vec<(&'static str, Option<control::Cause>)> {
        let of = |record: &Record| match record {
            Record::Authority { owner, cause, .. } => Some((*owner, *cause)),
            _ => None,
        };
        self.world.records.iter().filter_map(of).collect()
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1.0 / MW
}

fn refused(status: CommandStatus) -> Outcome {
    Outcome::Status(status)
}

#[test]
fn every_status_of_the_table_reaches_the_master() {
    // The observer has no right in the first of the two sites.
    let mut plant = Plant::new(&[("control = true", "control = false")]);
    assert_eq!(plant.set(EMS, 1.0), refused(CommandStatus::NotAuthorized));
    for mode in [OperateMode::Direct, OperateMode::SelectBeforeOperate] {
        let mut plant = Plant::new(&[]);
        let ask = |plant: &mut Plant, master, mw: f64| plant.world.set(master, mode, mw * MW);
        for wrong in [4.1, -4.1] {
            assert_eq!(ask(&mut plant, EMS, wrong), refused(CommandStatus::OutOfRange), "{wrong}");
        }
        let crob = Command::Crob(Crob { op: 1, count: 1, on_ms: 100, off_ms: 0 });
        for (index, command) in [(77, crob), (1, crob)] {
            assert_eq!(
                plant.world.operate(EMS, mode, index, command),
                refused(CommandStatus::NotSupported),
                "{index}"
            );
        }
        plant.remote = false;
        plant.say();
        assert_eq!(ask(&mut plant, EMS, 1.0), refused(CommandStatus::Local));
        plant.remote = true;
        plant.closed = false;
        plant.say();
        assert_eq!(ask(&mut plant, EMS, 1.0), refused(CommandStatus::Blocked));
        plant.closed = true;
        plant.plc.remote = false;
        plant.say();
        assert_eq!(ask(&mut plant, EMS, 1.0), refused(CommandStatus::DownstreamLocal));
        plant.plc.remote = true;
        plant.order(Action::Inhibit { lasts: Duration::from_secs(60) });
        plant.say();
        assert_eq!(ask(&mut plant, EMS, 1.0), refused(CommandStatus::AutomationInhibit));
        plant.order(Action::Release);
        for blind in [f64::NAN, f64::INFINITY] {
            plant.plc.hard.1 = blind;
            plant.say();
            assert_eq!(ask(&mut plant, EMS, 1.0), refused(CommandStatus::DownstreamFail), "no limit");
        }
        plant.plc = CALM;
        plant.say();
        for dead in [BESS, SWITCHGEAR] {
            plant.world.dead(dead);
            assert_eq!(ask(&mut plant, EMS, 1.0), refused(CommandStatus::DownstreamFail), "{dead}");
            plant.say();
        }
        plant.mw = f64::NAN;
        plant.say();
        assert_eq!(ask(&mut plant, EMS, 1.0), refused(CommandStatus::DownstreamFail), "no feedback");
        plant.mw = 1.0;
        plant.say();
        assert!(plant.told.is_empty(), "nothing refused acts");
        assert_eq!(ask(&mut plant, EMS, 1.0), refused(CommandStatus::Success));
        assert_eq!(ask(&mut plant, OBSERVER, 1.0), refused(CommandStatus::BlockedOtherMaster));
        for more in 0..9 {
            assert_eq!(ask(&mut plant, EMS, 1.1 + f64::from(more) / 100.0), refused(CommandStatus::Success));
        }
        assert_eq!(ask(&mut plant, EMS, 2.0), refused(CommandStatus::TooManyOps));
        plant.pass(10);
        assert_eq!(ask(&mut plant, EMS, 2.0), refused(CommandStatus::Success));
        let effects: std::collections::BTreeSet<&str> = plant
            .world
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Command { effect, .. } => Some(*effect),
                _ => None,
            })
            .collect();
        assert!(effects.contains("none") && effects.contains("taken-over") && effects.contains("changed"));
        assert_eq!(effects.contains("selected"), mode == OperateMode::SelectBeforeOperate);
    }
}

/// Brings a plant to where `from` owns.
fn owned_by(from: &str, on_loss: &str) -> Plant {
    let keys = format!("ramp_up_per_min = 6.0\non_loss = \"{on_loss}\"");
    let mut plant = Plant::new(&[("ramp_up_per_min = 6.0", keys.as_str())]);
    match from {
        "iso" => {
            plant.accepted(EMS, 2.0);
            plant.pass(15);
        }
        "schedule" => {
            plant.order(Action::Control(Way::Schedule));
            plant.pass(10);
        }
        "fallback" => {
            plant.accepted(EMS, 2.0);
            plant.pass(5);
            plant.world.disconnect(EMS);
            plant.pass(31);
            plant.world.connect(EMS);
        }
        _ => {}
    }
    plant
}

#[test]
fn every_way_of_changing_hands_is_told_and_moves_nothing() {
    use control::Cause as C;
    for (from, cause, to) in EDGES {
        let lost = matches!(cause, C::LinkLost | C::Silence);
        let on_loss = match *to {
            "schedule" if lost => "schedule",
            "local" if lost => "release",
            _ => "hold",
        };
        let mut plant = owned_by(from, on_loss);
        let edge = format!("{from} {cause:?} {to}");
        plant.world.records.clear();
        plant.told.clear();
        let before = plant.mw;
        match cause {
            C::Command if *from == "iso" => {
                plant.world.disconnect(EMS);
                plant.accepted(OBSERVER, 3.0);
            }
            C::Command => plant.accepted(EMS, 3.0),
            C::LinkLost => {
                plant.world.disconnect(EMS);
                plant.pass(29);
                assert_eq!(plant.transfers(), [], "{edge}: it is held first");
                plant.world.pass(1_001);
            }
            C::Silence => {
                plant.pass(44);
                assert_eq!(plant.transfers(), [], "{edge}: not yet");
                plant.world.pass(1_001);
            }
            C::Local => plant.remote = false,
            C::Tripped => plant.closed = false,
            C::Inhibited => plant.order(Action::Inhibit { lasts: Duration::from_secs(600) }),
            C::Taken => plant.order(Action::Control(Way::Take)),
            C::Scheduled => plant.order(Action::Control(Way::Schedule)),
            C::NoSchedule => plant.plc.schedule = None,
        }
        let at_once = if lost { plant.mw } else { before };
        plant.obey();
        plant.say();
        assert_eq!(plant.transfers(), [(*to, Some(*cause))], "{edge}");
        let code = ["local", "iso", "schedule", "fallback"].iter().position(|one| one == to).unwrap();
        assert_eq!(plant.code(OWNER), f64::from(u8::try_from(code).unwrap()), "{edge}");
        // Nothing moves at the hand-over itself, and afterwards nothing faster than the ramp.
        let mut last = at_once;
        for told in &plant.told {
            assert!((told - last).abs() <= 1e-9, "{edge}: {last} to {told}");
            last = *told;
        }
        for _ in 0..5 {
            plant.told.clear();
            plant.pass(1);
            for told in &plant.told {
                assert!((told - last).abs() <= STEP + 1e-9, "{edge}: {last} to {told}");
                last = *told;
            }
        }
        if *to == "local" {
            assert!(plant.told.is_empty(), "{edge}: nobody drives");
            assert!(near(plant.held(), plant.mw), "{edge}: the held set point follows the plant");
        }
    }
}

#[test]
fn a_link_that_is_cut_without_a_word_is_lost_too() {
    let mut plant = Plant::new(&[("silence_ms = 60000\n", "")]);
    plant.accepted(EMS, 2.0);
    plant.world.vanish(EMS);
    // 20 s of silence, three questions of 2 s each, 30 s of hold.
    plant.pass(55);
    assert_eq!(plant.transfers(), [("iso", Some(control::Cause::Command))], "it is held first");
    plant.pass(2);
    assert_eq!(plant.transfers().last(), Some(&("local", Some(control::Cause::LinkLost))));
    let down = |record: &&Record| matches!(record, Record::Session { state: "down", .. });
    assert_eq!(plant.world.records.iter().filter(down).count(), 1);
    // One that only says nothing is asked, answers, and keeps what it has.
    plant.world.connect(EMS);
    plant.accepted(EMS, 1.0);
    plant.pass(300);
    assert_eq!(plant.transfers().last(), Some(&("iso", Some(control::Cause::Command))));
}

/// What was read last may be of before a device fell back, or was moved by somebody else.
#[test]
fn a_take_over_waits_for_the_next_reading() {
    for revert in ["", ", revert_s = 60"] {
        let drive = format!("control = \"704\"{revert} }}]");
        let mut plant = Plant::new(&[("control = \"704\", revert_s = 60 }]", &drive)]);
        plant.mw = 3.0;
        plant.say();
        for taken in 0..2 {
            plant.world.pass(500);
            // It has just fallen back, and nobody has read that.
            plant.mw = 0.0;
            plant.accepted(EMS, 3.5);
            assert!(plant.told.is_empty(), "{taken}: {:?}", plant.told);
            plant.pass(1);
            assert_eq!(plant.told, [0.0], "{taken}: it goes on from where the device is");
            plant.pass(2);
            let told = std::mem::take(&mut plant.told);
            assert!(told.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= STEP + 1e-9), "{told:?}");
            plant.pass(60);
            plant.order(Action::Control(Way::Local));
            plant.told.clear();
        }
    }
}

#[test]
fn how_long_a_master_may_be_silent_changes_under_its_session() {
    let (old, new) = (controlled(&[]), controlled(&[("address = 10", "address = 10\nkeep_alive_s = 5")]));
    let mut plant = Plant::with(&old);
    plant.world.reconfigure(&old, &new);
    assert!(plant.world.is_up(EMS));
    plant.accepted(EMS, 2.0);
    plant.world.vanish(EMS);
    plant.pass(40);
    assert_eq!(plant.transfers(), [("iso", Some(control::Cause::Command))]);
    plant.pass(2);
    assert_eq!(plant.transfers().last(), Some(&("local", Some(control::Cause::LinkLost))));
}

#[test]
fn a_command_ramps_from_what_the_plant_does_and_tells_what_holds_it() {
    let mut plant = Plant::new(&[]);
    plant.pass(100);
    plant.accepted(EMS, 2.0);
    assert_eq!(plant.told, [1.0], "it begins where the plant is");
    assert!(near(plant.held(), 2.0) && near(plant.read(FORCE).0, 1.0));
    assert_eq!(plant.code(CLAMP), 4.0, "ramp");
    plant.pass(5);
    assert_eq!(plant.told.len(), 6, "a step each second: {:?}", plant.told);
    assert!(near(plant.read(FORCE).0, 1.5));
    plant.pass(6);
    assert!(near(plant.read(FORCE).0, 2.0) && near(plant.mw, 2.0));
    assert_eq!(plant.code(CLAMP), 0.0);
    let steps = plant.told.windows(2).all(|pair| pair[1] - pair[0] <= STEP + 1e-9);
    assert!(steps, "{:?}", plant.told);
    // An hour at rest gives no longer first step.
    plant.told.clear();
    for _ in 0..60 {
        plant.pass(59);
        plant.accepted(EMS, 2.0);
    }
    assert!(plant.told.iter().all(|told| near(*told, 2.0)));
    plant.told.clear();
    plant.accepted(EMS, -2.0);
    plant.pass(1);
    assert!(plant.told.iter().all(|told| *told >= 2.0 - STEP - 1e-9), "{:?}", plant.told);
}

#[test]
fn limits_hold_in_their_order() {
    let mut plant = Plant::new(&[]);
    plant.accepted(EMS, 4.0);
    plant.pass(30);
    assert!(near(plant.mw, 3.5), "the soft limit: {}", plant.mw);
    assert_eq!(plant.code(CLAMP), 3.0);
    assert!(near(plant.held(), 4.0), "what was accepted is still held");
    // A soft limit is reached at the ramp rate, a hard one at once.
    plant.plc.soft = 3.0;
    plant.say();
    plant.pass(2);
    assert!(plant.mw > 3.2 && plant.mw < 3.5, "{}", plant.mw);
    plant.plc.hard.1 = 2.0;
    plant.say();
    assert!(near(plant.mw, 2.0), "at once: {}", plant.mw);
    assert_eq!(plant.code(CLAMP), 1.0);
    plant.plc.hard.1 = 4.0;
    // A minute must last: at 1.02 MWh 1.2 MW may flow.
    plant.plc.charge = 1.02;
    plant.say();
    assert!(near(plant.mw, 1.2), "{}", plant.mw);
    assert_eq!(plant.code(CLAMP), 2.0);
    plant.plc.charge = 0.9;
    plant.say();
    assert!(near(plant.mw, 0.0));
    // A limit that is not known holds it where it is.
    plant.plc.charge = 5.0;
    plant.plc.hard.0 = f64::NAN;
    plant.say();
    plant.pass(5);
    assert!(near(plant.mw, 0.0), "{}", plant.mw);
    plant.plc = CALM;
    plant.say();
    let before = plant.mw;
    plant.pass(2);
    assert!(plant.mw > before && plant.mw <= before + 3.0 * STEP + 1e-9, "it goes on from there");
}

/// The blocks of a frame that hold the application's octets, each with its CRC made anew.
fn altered(frame: &[u8], alter: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let (header, blocks) = frame.split_at(10);
    let mut octets: Vec<u8> = blocks.chunks(18).flat_map(|block| block[..block.len() - 2].to_vec()).collect();
    alter(&mut octets);
    let mut made = header.to_vec();
    for block in octets.chunks(16) {
        made.extend_from_slice(block);
        made.extend_from_slice(&ieee1815::crc::crc(block).to_le_bytes());
    }
    made
}

#[test]
fn what_is_no_number_changes_nothing() {
    let mut plant = Plant::new(&[]);
    plant.accepted(EMS, 2.0);
    let frame = plant.world.sent[EMS].clone();
    let two = 12_000.0_f32.to_le_bytes();
    for (at, wrong) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30].into_iter().enumerate() {
        let made = altered(&frame, |octets| {
            let place = octets.windows(4).position(|four| four == two).unwrap();
            octets[place..place + 4].copy_from_slice(&wrong.to_le_bytes());
            // The next sequence numbers of the transport and of the application.
            let next = u8::try_from(at + 1).unwrap();
            octets[0] = octets[0] & 0xC0 | (octets[0] & 0x3F).wrapping_add(next) & 0x3F;
            octets[1] = octets[1] & 0xF0 | (octets[1] & 0x0F).wrapping_add(next) & 0x0F;
        });
        plant.world.records.clear();
        plant.world.input(Input::Octets { master: crate::core::MasterIx::new(EMS), octets: made });
        let told: Vec<_> = plant
            .world
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Command { status, effect, value, .. } => Some((status.as_str(), *effect, *value)),
                _ => None,
            })
            .collect();
        let value = (wrong.is_finite()).then(|| f64::from(wrong) / MW);
        assert_eq!(told, [("OUT_OF_RANGE", "none", value)], "{wrong}");
        assert!(near(plant.held(), 2.0));
    }
}

#[test]
fn a_retry_after_a_lost_reply_changes_nothing_twice() {
    let mut plant = Plant::new(&[]);
    let crob = Command::Crob(Crob { op: 1, count: 1, on_ms: 0, off_ms: 0 });
    for (index, wanted) in [(5, 1.5), (5, 2.0), (6, 1.5)] {
        assert_eq!(plant.world.operate(EMS, DIRECT, index, crob), refused(CommandStatus::Success));
        assert!(near(plant.held(), wanted), "{wanted}");
        let octets = plant.world.sent[EMS].clone();
        let commands = |plant: &Plant| {
            plant.world.records.iter().filter(|record| matches!(record, Record::Command { .. })).count()
        };
        let before = commands(&plant);
        plant.world.input(Input::Octets { master: crate::core::MasterIx::new(EMS), octets });
        assert!(near(plant.held(), wanted), "not twice");
        assert_eq!(commands(&plant), before);
    }
    // Latch on counts as a pulse, and it stops at what may be asked for.
    for _ in 0..7 {
        let latch = Command::Crob(Crob { op: 3, count: 1, on_ms: 0, off_ms: 0 });
        let sbo = OperateMode::SelectBeforeOperate;
        plant.pass(5);
        assert_eq!(plant.world.operate(EMS, sbo, 5, latch), refused(CommandStatus::Success));
    }
    assert!(near(plant.held(), 4.0));
    let close = Command::Crob(Crob { op: 0x41, count: 1, on_ms: 0, off_ms: 0 });
    assert_eq!(plant.world.operate(EMS, DIRECT, 5, close), refused(CommandStatus::NotSupported));
}

#[test]
fn the_operator_holds_it_and_the_iso_sees_local() {
    let mut plant = Plant::new(&[]);
    plant.accepted(EMS, 2.0);
    plant.pass(15);
    plant.order(Action::Control(Way::Take));
    assert_eq!(plant.set(EMS, 1.0), refused(CommandStatus::Local));
    plant.pass(30);
    assert!(near(plant.mw, 2.0), "the device keeps what it did");
    assert!(!plant.told.iter().any(|told| !told.is_finite()));
    let status = plant.world.core.status(Now::virtual_millis(plant.world.now_ms));
    let told = &status["setpoints"][0];
    assert_eq!((&told["authority"], &told["held_here"]), (&"local".into(), &true.into()), "{told}");
    // It survives another configuration, even one in which the set point is another.
    let (old, new) = (controlled(&[]), controlled(&[("limits = [-4.0, 4.0]", "limits = [-3.0, 3.0]")]));
    plant.world.reconfigure(&old, &new);
    plant.say();
    assert_eq!(plant.set(EMS, 1.0), refused(CommandStatus::Local));
    plant.order(Action::Control(Way::GiveBack));
    plant.accepted(EMS, 1.0);
    let may = |plant: &Plant, way| {
        let (who, why) = ("ann".into(), "test".into());
        plant.world.core.may_operate(&Operate { point: POINT.into(), action: Action::Control(way), who, why })
    };
    assert!(may(&plant, Way::GiveBack).unwrap_err().contains("nobody here holds it"));
    plant.plc.schedule = None;
    plant.say();
    assert!(may(&plant, Way::Schedule).unwrap_err().contains("schedule"));
    plant.order(Action::Control(Way::Local));
    assert_eq!(plant.code(OWNER), 0.0);
    plant.accepted(EMS, 1.0);
}

#[test]
fn a_device_that_does_not_follow_takes_the_feedback_its_quality() {
    let mut plant = Plant::new(&[]);
    plant.follows = false;
    plant.accepted(EMS, 3.0);
    plant.pass(15);
    assert_eq!(plant.read(FORCE).1, Flags::ONLINE, "within a megawatt, or not for long");
    plant.pass(35);
    assert!(!plant.read(FORCE).1.contains(Flags::ONLINE));
    let alarms = plant.world.core.alarms();
    assert!(alarms.to_string().contains("\"follow\""), "{alarms}");
    plant.follows = true;
    plant.accepted(EMS, 3.1);
    plant.pass(3);
    assert_eq!(plant.read(FORCE).1, Flags::ONLINE);
    assert!(!plant.world.core.alarms().to_string().contains("\"follow\""));
}

#[test]
fn another_configuration_in_the_middle_of_a_ramp_goes_on_with_it() {
    let (old, new) = (controlled(&[]), controlled(&[("name = \"Battery set point\"", "name = \"Battery\"")]));
    let mut plant = Plant::with(&old);
    plant.accepted(EMS, 2.0);
    plant.pass(4);
    let before = plant.mw;
    plant.world.records.clear();
    plant.world.reconfigure(&old, &new);
    plant.obey();
    assert!(near(plant.mw, before) && plant.transfers().is_empty());
    plant.pass(7);
    assert!(near(plant.mw, 2.0), "{}", plant.mw);
    assert!(plant.told.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= STEP + 1e-9));
    // Another ramp is another definition: back to the plant, and nothing is replayed.
    let slow = controlled(&[("ramp_up_per_min = 6.0", "ramp_up_per_min = 3.0")]);
    plant.told.clear();
    plant.world.reconfigure(&new, &slow);
    plant.pass(5);
    assert_eq!(plant.transfers(), [("local", None)]);
    assert!(plant.told.is_empty());
}

#[test]
fn a_restart_at_any_point_of_a_ramp_drives_nothing() {
    let site = controlled(&[]);
    for seconds in [0, 3, 10, 20] {
        let mut plant = Plant::with(&site);
        plant.accepted(EMS, 2.0);
        plant.pass(seconds);
        // The machine starts anew in the same plant.
        let now = Now::virtual_millis(plant.world.now_ms);
        let mut core = Core::new(&site, 8, now).unwrap();
        let outputs = core.handle(Input::Time, now);
        assert!(!outputs.iter().any(|output| matches!(output, Output::Write { .. })));
        let told = &core.status(now)["setpoints"][0];
        assert_eq!((&told["authority"], &told["target"]), (&"local".into(), &serde_json::Value::Null));
    }
}

#[test]
fn of_two_devices_the_one_that_is_left_does_what_it_can_and_the_rest_is_told() {
    let part =
        |device: &str| format!("{{ device = \"{device}\", control = \"704\", low = -2.0, high = 2.0 }}");
    let drives = format!("drive = [{}, {}]\ndispatch = \"capability\"", part("bess"), part("meter"));
    let site = site_but(&[("drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]", &drives)]);
    let mut world = World::with_site(&site);
    world.all_good();
    world.connect(EMS);
    let told = |world: &mut World| -> Vec<f64> {
        let writes = std::mem::take(&mut world.writes);
        for (request, _) in &writes {
            // Whose it is not answers for nothing.
            for device in [METER, BESS] {
                let (device, result) = (DeviceIx::new(device), Ok(()));
                world.input(Input::Field(FieldEvent::Written { device, request: *request, result }));
            }
        }
        let watts = |write: &FieldWrite| match write {
            FieldWrite::SunSpec704 { watts, .. } => Some(watts / 1e6),
            _ => None,
        };
        writes.iter().filter_map(|(_, write)| watts(write)).collect()
    };
    assert_eq!(world.set(EMS, DIRECT, 3.0 * MW), refused(CommandStatus::Success));
    assert_eq!(told(&mut world), [1.5, 1.5]);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, FORCE), (3.0 * MW, Flags::ONLINE));
    world.dead(METER);
    assert!(told(&mut world).is_empty(), "it goes on with its part, for all that is known");
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, FORCE), (3.0 * MW, Flags::ONLINE));
    let alarms = world.core.alarms().to_string();
    assert!(alarms.contains("counts for 1.500") && !alarms.contains("\"short\""), "{alarms}");
    assert_eq!(world.set(EMS, DIRECT, 4.0 * MW), refused(CommandStatus::Success));
    assert_eq!(told(&mut world), [2.0]);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, FORCE), (3.5 * MW, Flags::ONLINE), "what is missing is not in force");
    assert_eq!(world.of(EMS, HELD.0, HELD.1).0, 4.0 * MW);
    let alarms = world.core.alarms().to_string();
    assert!(alarms.contains("\"short\""), "{alarms}");
    world.watts(METER, 9e6);
    assert_eq!(told(&mut world), [1.5], "what it counts for, and then its part");
    assert_eq!(told(&mut world), [2.0]);
    world.dead(METER);
    world.dead(BESS);
    assert_eq!(world.set(EMS, DIRECT, MW), refused(CommandStatus::DownstreamFail));
}

#[test]
fn a_limit_that_single_precision_cannot_say_exactly_is_still_the_limit() {
    let engineering = "max_units = 5.0\nmax_counts = 30000\nlimits = [-4.0, 4.0]";
    let site = controlled(&[(engineering, "wire = \"engineering\"\nlimits = [-4.3, 4.3]")]);
    let mut plant = Plant::with(&site);
    assert!(f64::from(4.3_f32) > 4.3, "else this proves nothing");
    let answer = |plant: &mut Plant, mw: f64| plant.world.set(EMS, DIRECT, mw);
    assert_eq!(answer(&mut plant, 4.301), Outcome::Status(CommandStatus::OutOfRange));
    assert_eq!(answer(&mut plant, 4.3), Outcome::Status(CommandStatus::Success));
}
