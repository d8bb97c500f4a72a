//! Primary frequency response through encoded DNP3: it is quick with a good frequency and never jumps otherwise, it
//! stays within the limits, and what is served of it is so.

use ieee1815::master::Outcome;
use ieee1815::{Classes, Command, CommandStatus, Crob, Flags, OperateMode, PointType};
use site::{ReadingIx, Site};

use super::control::{MW, Plant, STEP, controlled};
use super::world::{EMS, OBSERVER, SWITCHGEAR};
use crate::core::{Action, FieldOutcome, Reading, Way};

const FORCE: u16 = 40;
const CLAMP: u16 = 41;
/// Indexes of what is told of it.
const STATUS: u16 = 50;
const DROOP: u16 = 51;
const DEADBAND: u16 = 52;
const HEADROOM: u16 = 53;
const RESPONSE: u16 = 54;
/// The device that tells the frequency.
const GRID: usize = 4;

/// 5 per cent of 60 Hz are 3 Hz, for 10 MW: a megawatt for each 0.3 Hz beyond the dead band.
const KEYS: &str = r#"primary = { frequency = "grid.hz", droop_pct = 5.0, deadband_hz = 0.036, capacity = 10.0, most = 2.0, enable = "grid.on", served = { status = { id = "fr.status", index = 50 }, droop = { id = "fr.droop", index = 51 }, deadband = { id = "fr.deadband", index = 52 }, headroom = { id = "fr.headroom", index = 53 }, response = { id = "fr.response", index = 54 } } }
clamp = { id = "bess.clamp", index = 41 }"#;
const GRID_DEVICE: &str = "[[device]]\nid = \"grid\"\nprotocol = \"modbus\"\naddress = \"127.0.0.1:5\"\npoll_ms = 1000\n\n[[analog]]\nid = \"poi.mw\"";
const POINTS: &str = r#"
[[digital]]
id = "grid.on"
age_max_ms = 86400000
source = { device = "grid", register = 2, bit = 0 }

[[analog]]
id = "grid.hz"
unit = "Hz"
sign = "+"
wire = "engineering"
age_max_ms = 5000
source = { device = "grid", register = 0, type = "f32", unit = "Hz" }

[[digital]]
id = "bess.remote""#;

pub(super) fn site(more: &[(&str, &str)]) -> Site {
    let mut all = vec![
        ("[[analog]]\nid = \"poi.mw\"", GRID_DEVICE),
        ("clamp = { id = \"bess.clamp\", index = 41 }", KEYS),
        ("\n[[digital]]\nid = \"bess.remote\"", POINTS),
        // One set point for all of a story.
        ("silence_ms = 60000\n", ""),
    ];
    all.extend(more);
    controlled(&all)
}

/// A plant with a grid.
pub(super) struct Bench {
    pub(super) plant: Plant,
    pub(super) hz: Option<f64>,
    on: bool,
}

impl Bench {
    fn new(more: &[(&str, &str)]) -> Self {
        Self::with(&site(more))
    }

    pub(super) fn with(site: &Site) -> Self {
        let mut bench = Self { plant: Plant::with(site), hz: Some(60.0), on: true };
        bench.say();
        bench
    }

    /// One that the ISO drives at so many megawatts.
    fn at(mw: f64) -> Self {
        let mut bench = Self::new(&[]);
        bench.set(mw);
        bench.pass(40);
        bench.plant.told.clear();
        bench
    }

    fn say(&mut self) {
        let hz = self.hz.map_or(Reading::NotANumber, Reading::Number);
        let readings = vec![(ReadingIx::new(0), hz), (ReadingIx::new(1), Reading::State(self.on))];
        self.plant.world.poll(GRID, FieldOutcome::Readings(readings));
        self.plant.obey();
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.plant.pass(1);
            self.say();
        }
    }

    pub(super) fn set(&mut self, mw: f64) {
        let accepted = Outcome::Status(CommandStatus::Success);
        assert_eq!(self.plant.world.set(EMS, OperateMode::Direct, (mw * MW).round()), accepted);
        self.plant.obey();
    }

    /// The frequency, with what the battery is told of it at once.
    fn hz(&mut self, hz: f64) -> f64 {
        self.hz = Some(hz);
        self.say();
        self.plant.mw
    }

    fn read(&mut self, index: u16) -> (f64, Flags) {
        self.plant.world.read(OBSERVER, Classes::ALL);
        self.plant.world.analog(OBSERVER, index)
    }

    fn good(&mut self, index: u16) -> f64 {
        let (value, flags) = self.read(index);
        assert!(flags.contains(Flags::ONLINE), "{index}: {flags:?}");
        value
    }

    /// The largest change between two that the battery was told, from `before` on.
    fn largest(&self, before: f64) -> f64 {
        let told = std::iter::once(&before).chain(&self.plant.told);
        told.clone().zip(told.skip(1)).map(|(one, next)| (next - one).abs()).fold(0.0, f64::max)
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1.0 / MW
}

#[test]
fn the_frequency_is_answered_at_once_and_all_that_is_told_of_it_is_so() {
    let mut bench = Bench::at(1.0);
    // Served in thousandths of a per cent and of a hertz, the others as the set point.
    assert_eq!([bench.good(STATUS), bench.good(DROOP), bench.good(DEADBAND)], [1.0, 5_000.0, 36.0]);
    // The hard limit is at 4 MW, the response at most 2.
    assert_eq!([bench.good(HEADROOM) / MW, bench.good(RESPONSE)], [2.0, 0.0]);
    for edge in [60.036, 59.964, 60.01] {
        assert!(near(bench.hz(edge), 1.0), "{edge}");
    }
    assert!(near(bench.hz(60.0 - 0.036 - 0.15), 1.5));
    assert!(near(bench.good(FORCE) / MW, 1.5), "it is in what is in force");
    assert!(near(bench.good(RESPONSE) / MW, 0.5));
    assert!(near(bench.good(HEADROOM) / MW, 1.5));
    assert_eq!(bench.plant.world.of(OBSERVER, PointType::AnalogOutputStatus, 1).0, MW, "as accepted");
    assert!(near(bench.hz(60.0 + 0.036 + 0.3), 0.0));
    assert!(near(bench.good(RESPONSE) / MW, -1.0));
    assert!(near(bench.hz(50.0), 3.0), "no more than the most");
    assert!(near(bench.hz(60.0), 1.0));
    assert_eq!(bench.good(CLAMP), 0.0);
}

#[test]
fn a_lost_frequency_moves_nothing_and_its_response_leaves_by_the_ramp() {
    for lost in ["not a number", "stale", "switched off"] {
        let mut bench = Bench::at(1.0);
        assert!(near(bench.hz(60.0 - 0.036 - 0.3), 2.0));
        bench.plant.told.clear();
        match lost {
            "stale" => bench.plant.pass(7),
            "switched off" => {
                bench.on = false;
                bench.say();
            }
            _ => {
                bench.hz = None;
                bench.say();
            }
        }
        assert_eq!(bench.good(STATUS), 0.0, "{lost}");
        let alarms = bench.plant.world.core.alarms().to_string();
        assert_eq!(alarms.contains("\"primary\""), lost != "switched off", "{lost}: {alarms}");
        for _ in 0..20 {
            bench.plant.pass(1);
            if lost != "stale" {
                bench.say();
            }
        }
        assert!(bench.largest(2.0) <= STEP + 1e-9, "{lost}: {:?}", bench.plant.told);
        assert!(bench.plant.told.len() >= 9, "{lost}: {:?}", bench.plant.told);
        assert!(near(bench.plant.mw, 1.0), "{lost}: {}", bench.plant.mw);
        assert_eq!(bench.good(RESPONSE), 0.0);
        // And it comes back by the ramp.
        bench.plant.told.clear();
        (bench.on, bench.hz) = (true, Some(60.0 - 0.036 - 0.3));
        bench.say();
        bench.pass(15);
        assert!(bench.largest(1.0) <= STEP + 1e-9, "{lost}: {:?}", bench.plant.told);
        assert!(near(bench.plant.mw, 2.0), "{lost}: {}", bench.plant.mw);
        assert_eq!(bench.good(STATUS), 1.0);
    }
}

#[test]
fn it_stays_within_hard_limit_and_energy_and_says_what_is_left_of_it() {
    let mut bench = Bench::at(3.0);
    bench.plant.plc.hard = (-4.0, 3.5);
    bench.pass(2);
    assert!(near(bench.good(HEADROOM) / MW, 0.5));
    assert!(near(bench.hz(57.0), 3.5));
    assert_eq!(bench.good(CLAMP), 1.0);
    assert!(near(bench.good(RESPONSE) / MW, 0.5) && near(bench.good(FORCE) / MW, 3.5));
    assert_eq!(bench.good(HEADROOM), 0.0);
    // An empty battery gives nothing, however slow the grid is.
    bench.plant.plc.charge = 1.0;
    bench.pass(2);
    assert!(bench.plant.mw <= 1e-9, "{}", bench.plant.mw);
    assert_eq!(bench.good(HEADROOM), 0.0);
    bench.plant.plc.charge = 5.0;
    bench.pass(60);
    assert!(near(bench.plant.mw, 3.5), "{}", bench.plant.mw);
    // With a limit that nobody knows everything stays where it is, and nothing is promised.
    bench.plant.plc.hard.1 = f64::NAN;
    bench.pass(1);
    assert_eq!(bench.good(STATUS), 0.0);
    assert!(!bench.read(HEADROOM).1.contains(Flags::ONLINE));
    bench.plant.told.clear();
    bench.hz(60.0);
    bench.pass(5);
    // It may be told the same again, as a device with a reversion timer is.
    assert!(bench.plant.told.iter().all(|mw| near(*mw, 3.5)), "{:?}", bench.plant.told);
}

#[test]
fn no_hand_over_in_the_midst_of_a_response_moves_anything() {
    // Between two masters.
    let mut bench = Bench::at(1.0);
    assert!(near(bench.hz(60.0 - 0.036 - 0.3), 2.0));
    bench.pass(2);
    bench.plant.told.clear();
    bench.plant.world.disconnect(EMS);
    let accepted = Outcome::Status(CommandStatus::Success);
    assert_eq!(bench.plant.world.set(OBSERVER, OperateMode::Direct, 1.5 * MW), accepted);
    bench.plant.obey();
    bench.pass(10);
    assert!(bench.largest(2.0) <= STEP + 1e-9, "{:?}", bench.plant.told);
    assert!(near(bench.plant.mw, 2.5), "{}", bench.plant.mw);
    // A battery that was away and fell back by itself.
    bench.plant.dead = true;
    bench.plant.say();
    bench.pass(3);
    (bench.plant.dead, bench.plant.mw) = (false, 0.25);
    bench.plant.told.clear();
    bench.pass(1);
    assert!(bench.largest(0.25) <= 2.0 * STEP + 1e-9, "{:?}", bench.plant.told);
    bench.pass(60);
    assert!(near(bench.plant.mw, 2.5), "{}", bench.plant.mw);
    // To the plant and back: what the plant does itself is where it starts, and the response comes by the ramp.
    bench.plant.told.clear();
    bench.plant.order(Action::Control(Way::Local));
    bench.pass(3);
    assert!(bench.plant.told.is_empty(), "{:?}", bench.plant.told);
    assert_eq!([bench.good(STATUS), bench.good(RESPONSE)], [0.0, 0.0]);
    assert!(near(bench.good(HEADROOM) / MW, 1.5), "from what the plant does");
    assert_eq!(bench.plant.world.set(OBSERVER, OperateMode::Direct, 2.5 * MW), accepted);
    bench.plant.obey();
    bench.pass(15);
    assert!(bench.largest(2.5) <= STEP + 1e-9, "{:?}", bench.plant.told);
    assert!(near(bench.plant.mw, 3.5), "{}", bench.plant.mw);
    assert_eq!(bench.good(STATUS), 1.0);
}

#[test]
fn a_trip_ends_it() {
    let mut bench = Bench::at(1.0);
    bench.hz(59.0);
    bench.plant.closed = false;
    bench.plant.say();
    assert_eq!([bench.good(STATUS), bench.good(RESPONSE)], [0.0, 0.0]);
    bench.plant.world.dead(SWITCHGEAR);
    bench.pass(2);
    assert_eq!(bench.good(RESPONSE), 0.0);
}

#[test]
fn the_same_site_again_goes_on_with_it() {
    let (old, mut bench) = (site(&[]), Bench::at(1.0));
    bench.hz(60.0 - 0.036 - 0.3);
    bench.pass(1);
    bench.plant.told.clear();
    // Where it is served does not change it.
    bench
        .plant
        .world
        .reconfigure(&old, &site(&[("id = \"fr.droop\", index = 51", "id = \"droop\", index = 55")]));
    bench.pass(3);
    assert!(bench.largest(2.0) <= 1e-9, "{:?}", bench.plant.told);
    assert_eq!([bench.good(STATUS), bench.good(55)], [1.0, 5_000.0]);
    assert!(near(bench.good(RESPONSE) / MW, 1.0));
}

/// Schedule in charge at 1 MW, and a response of 2 MW beside it.
fn scheduled() -> Bench {
    let mut bench = Bench::new(&[]);
    bench.plant.plc.schedule = Some(1.0);
    bench.pass(80);
    bench.plant.order(Action::Control(Way::Schedule));
    bench.pass(30);
    bench.hz(60.0 - 0.036 - 0.6);
    bench.pass(5);
    assert!(near(bench.plant.mw, 3.0), "{}", bench.plant.mw);
    bench
}

/// The set point held, as a master reads it.
fn held(bench: &mut Bench) -> f64 {
    bench.plant.world.read(OBSERVER, Classes::ALL);
    bench.plant.world.of(OBSERVER, PointType::AnalogOutputStatus, 1).0 / MW
}

#[test]
fn a_pulse_in_a_response_moves_the_plant_by_what_it_asks_for_and_its_way() {
    for (index, by) in [(5, 0.5), (6, -0.5)] {
        let mut bench = scheduled();
        let crob = Command::Crob(Crob { op: 1, count: 1, on_ms: 0, off_ms: 0 });
        let accepted = Outcome::Status(CommandStatus::Success);
        assert_eq!(bench.plant.world.operate(EMS, OperateMode::Direct, index, crob), accepted);
        bench.plant.obey();
        bench.pass(60);
        assert!(near(held(&mut bench), 1.0 + by), "{}", held(&mut bench));
        assert!(near(bench.plant.mw, 3.0 + by), "{by}: {}", bench.plant.mw);
    }
}

#[test]
fn a_master_that_sends_back_the_set_point_that_it_reads_moves_nothing() {
    let mut bench = scheduled();
    for owner in ["schedule", "fallback"] {
        if owner == "fallback" {
            bench.plant.plc.schedule = None;
            bench.pass(2);
        }
        assert!(near(held(&mut bench), 1.0), "{owner}: {}", held(&mut bench));
    }
    bench.plant.told.clear();
    let mw = held(&mut bench);
    bench.set(mw);
    bench.pass(20);
    assert!(bench.largest(3.0) <= 1.0 / MW, "{:?}", bench.plant.told);
    // The plant has it: there is no response, and nothing that is not counted in.
    bench.plant.order(Action::Control(Way::Local));
    bench.pass(2);
    assert!(near(held(&mut bench), 3.0), "{}", held(&mut bench));
}
