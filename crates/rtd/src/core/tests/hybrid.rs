//! A set point at the point of interconnection over sun and battery, through encoded DNP3: the battery gives what the
//! sun lacks, charges from the sun alone, and what both cannot do is told.

use ieee1815::master::Outcome;
use ieee1815::{Classes, CommandStatus, Flags, OperateMode, PointType};
use site::{DeviceIx, ReadingIx, Site};

use super::world::{BESS, EMS, METER, World, site_but};
use crate::core::{FieldEvent, FieldOutcome, FieldWrite, Input, Reading};

const FORCE: u16 = 40;
const CLAMP: u16 = 41;
const PLC: usize = 3;
const SUN: usize = 4;
/// Rating of the sun's inverter, MW.
const RATED: f64 = 10.0;
/// Counts of a megawatt.
const MW: f64 = 2_000.0;
/// What sun and battery may do to each other between two readings.
const COUNT: f64 = 1.0 / MW;

const DRIVE: &str = "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]";
const SCALE: &str = "max_units = 5.0\nmax_counts = 30000\nlimits = [-4.0, 4.0]";
const HYBRID: &str = r#"dispatch = "priority"
charge_within = "pv.mw"
aux = "aux.mw"
clamp = { id = "poi.clamp", index = 41 }
drive = [
    { device = "pv", control = "123", rated_mw = 10.0, low = 0.0, high = "pv.able", priority = 1 },
    { device = "bess", control = "704", low = -5.0, high = 5.0, priority = 2, energy = { charge = "soc", lowest = 1.0, highest = 9.0 } },
]
"#;
/// The battery by registers of its controller: kilowatts, charging positive, and a switch.
const REGISTERS: &str = r#"dispatch = "priority"
charge_within = "pv.mw"
handover = "disable"
clamp = { id = "poi.clamp", index = 41 }
drive = [
    { device = "pv", control = "123", rated_mw = 10.0, low = 0.0, high = "pv.able", priority = 1, free = true },
    { device = "plc", register = 300, type = "i32", unit = "kW", sign = "-", enable = { register = 310, on = 1, off = 0 }, low = -5.0, high = 5.0, priority = 2, energy = { charge = "soc", lowest = 1.0, highest = 9.0 } },
]
"#;
/// A battery of its own, that charges from a sun that the set point has no say in.
const BATTERY: &str = "charge_within = \"pv.mw\"\nclamp = { id = \"poi.clamp\", index = 41 }\n\
                       drive = [{ device = \"bess\", control = \"704\" }]\n";

fn plc() -> String {
    let device = "[[device]]\nid = \"plc\"\nprotocol = \"modbus\"\naddress = \"127.0.0.1:4\"\npoll_ms = 1000\n\
                  [[device]]\nid = \"pv\"\nprotocol = \"sunspec\"\naddress = \"127.0.0.1:5\"\npoll_ms = 1000\n";
    let analog = |id: &str, unit: &str, source: &str| {
        format!(
            "\n[[analog]]\nid = \"{id}\"\nunit = \"{unit}\"\nsign = \"+\"\nwire = \"engineering\"\nage_max_ms = 86400000\n\
             source = {{ {source} }}\n"
        )
    };
    let register = |at: usize, unit: &str| {
        format!("device = \"plc\", register = {at}, type = \"f32\", unit = \"{unit}\"")
    };
    let analogs = [
        analog("pv.able", "MW", &register(0, "MW")),
        analog("aux.mw", "MW", &register(2, "MW")),
        analog("soc", "MWh", &register(4, "MWh")),
        analog("pv.mw", "MW", "device = \"pv\", sunspec = \"103.W\""),
    ];
    format!("{device}{}\n[[analog]]\nid = \"poi.mw\"", analogs.concat())
}

/// What the controller tells of whether the sun can run.
const RUNS: &str = "[[digital]]\nid = \"pv.runs\"\nage_max_ms = 86400000\n\
                    source = { device = \"plc\", register = 6, bit = 0 }\n";

fn hybrid(keys: &str) -> Site {
    let runs = if keys.contains("pv.runs") { RUNS } else { "" };
    let (plc, scale) =
        (runs.to_owned() + &plc(), SCALE.replace("5.0", "15.0").replace("[-4.0, 4.0]", "[-6.0, 12.0]"));
    let actual = if keys == BATTERY { "actual = \"bess.mw\"" } else { "actual = \"poi.mw\"" };
    site_but(&[
        ("[[analog]]\nid = \"poi.mw\"", &plc),
        (SCALE, &scale),
        ("actual = \"bess.mw\"", actual),
        (DRIVE, keys),
    ])
}

/// Sun and battery that do what they are told, as far as they are able to.
struct Plant {
    world: World,
    /// What the sun would give.
    able: f64,
    /// The share of the rating that it was told.
    limit: f64,
    battery: f64,
    charge: f64,
    aux: f64,
    /// Whether what the sun makes is told, and the auxiliary load.
    told: (bool, bool),
    /// The sun tripped.
    tripped: bool,
    /// Nothing is heard of this device.
    mute: Option<usize>,
    /// What the battery's registers were told: kilowatts, and the switch where it was.
    registers: Vec<(f64, Option<(u16, u16)>)>,
    /// Who got its own control back.
    released: Vec<FieldWrite>,
    /// The battery's controller refuses.
    refuses: bool,
}

impl Plant {
    fn new(keys: &str) -> Self {
        let world = World::with_site(&hybrid(keys));
        let mut plant = Self {
            world,
            able: 10.0,
            limit: 1.0,
            battery: 0.0,
            charge: 5.0,
            aux: 0.0,
            told: (true, true),
            tripped: false,
            mute: None,
            registers: Vec::new(),
            released: Vec::new(),
            refuses: false,
        };
        plant.say();
        plant.world.connect(EMS);
        plant
    }

    fn sun(&self) -> f64 {
        if self.tripped { 0.0 } else { self.able.min(self.limit * RATED) }
    }

    fn poi(&self) -> f64 {
        self.sun() + self.battery - self.aux
    }

    fn say(&mut self) {
        let number = |value: f64, told: bool| if told { Reading::Number(value) } else { Reading::NotANumber };
        let plc = [number(self.able, true), number(self.aux, self.told.1), number(self.charge, true)];
        let plc = plc
            .into_iter()
            .chain([Reading::State(!self.tripped)])
            .enumerate()
            .map(|(at, reading)| (ReadingIx::new(at), reading))
            .collect();
        self.world.poll(PLC, FieldOutcome::Readings(plc));
        let sun = number(self.sun() * 1e6, self.told.0);
        match self.mute {
            Some(SUN) => self.world.dead(SUN),
            _ => self.world.poll(SUN, FieldOutcome::Readings(vec![(ReadingIx::new(0), sun)])),
        }
        match self.mute {
            Some(BESS) => self.world.dead(BESS),
            _ => self.world.watts(BESS, self.battery * 1e6),
        }
        self.world.watts(METER, self.poi() * 1e6);
        self.world.switches(true, true);
        self.obey();
    }

    fn obey(&mut self) {
        for (request, write) in std::mem::take(&mut self.world.writes) {
            let mut result = Ok(());
            let device = match write {
                FieldWrite::Registers { register: 300, .. } if self.refuses => {
                    result = Err("holding register 300: Illegal data value".to_owned());
                    PLC
                }
                FieldWrite::Registers { register: 300, raw, enable, .. } => {
                    self.battery = -raw / 1e3;
                    self.registers.push((raw, enable));
                    PLC
                }
                FieldWrite::ReleaseRegister { .. } => {
                    self.released.push(write);
                    PLC
                }
                FieldWrite::Release123 => {
                    self.released.push(write);
                    SUN
                }
                FieldWrite::SunSpec123 { percent, .. } => {
                    self.limit = percent / 100.0;
                    SUN
                }
                FieldWrite::SunSpec704 { watts, .. } => {
                    self.battery = watts / 1e6;
                    BESS
                }
                _ => panic!("{write:?} was not asked for"),
            };
            let device = DeviceIx::new(device);
            self.world.input(Input::Field(FieldEvent::Written { device, request, result }));
        }
    }

    /// Seconds pass. What must hold in each of them: nothing is charged from the grid, and the charge stays in its
    /// limits.
    fn pass(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.world.pass(1_000);
            self.obey();
            self.charge -= self.battery / 3_600.0;
            self.say();
            assert!(self.battery >= -self.sun().max(0.0) - COUNT, "{} of {}", self.battery, self.sun());
            assert!((1.0 - 1e-6..=9.0 + 1e-6).contains(&self.charge), "{}", self.charge);
        }
    }

    fn set(&mut self, mw: f64) {
        let outcome = self.world.set(EMS, OperateMode::Direct, mw * MW);
        assert_eq!(outcome, Outcome::Status(CommandStatus::Success), "{mw}");
        self.obey();
        self.say();
    }

    /// The value in force in megawatts, its flags, and the code of what holds it back.
    fn shown(&mut self) -> (f64, Flags, f64) {
        self.world.read(EMS, Classes::ALL);
        let (force, flags) = self.world.analog(EMS, FORCE);
        (force / MW, flags, self.world.analog(EMS, CLAMP).0)
    }

    fn alarms(&self) -> String {
        self.world.core.alarms().to_string()
    }

    #[track_caller]
    fn is(&mut self, sun: f64, battery: f64, (force, clamp): (f64, f64)) {
        let (shown, flags, code) = self.shown();
        assert!((self.sun() - sun).abs() < COUNT, "sun {}, wanted {sun}", self.sun());
        assert!((self.battery - battery).abs() < COUNT, "battery {}, wanted {battery}", self.battery);
        assert!((shown - force).abs() <= COUNT && flags == Flags::ONLINE, "{shown} {flags:?}");
        assert!((self.poi() - force).abs() < COUNT, "what is told is there: {}", self.poi());
        assert_eq!(code, clamp, "clamp");
    }
}

#[test]
fn clouds_pass_and_the_battery_gives_what_the_sun_lacks() {
    let mut plant = Plant::new(HYBRID);
    plant.set(8.0);
    plant.is(8.0, 0.0, (8.0, 0.0));
    plant.pass(5);
    plant.is(8.0, 0.0, (8.0, 0.0));
    for (able, battery) in [(5.0, 3.0), (3.5, 4.5), (9.0, 0.0), (7.75, 0.25)] {
        plant.able = able;
        plant.pass(2);
        plant.is(able.min(8.0), battery, (8.0, 0.0));
    }
    // A cloud that is too much for the battery: what is missing is told, and the set point is still held.
    plant.able = 2.0;
    plant.pass(2);
    plant.is(2.0, 5.0, (7.0, 1.0));
    assert!(plant.alarms().contains("\"short\""), "{}", plant.alarms());
    assert_eq!(plant.world.of(EMS, PointType::AnalogOutputStatus, 1).0, 8.0 * MW);
    plant.able = 10.0;
    plant.pass(2);
    plant.is(8.0, 0.0, (8.0, 0.0));
    assert!(!plant.alarms().contains("\"short\""), "{}", plant.alarms());
}

#[test]
fn a_derate_that_is_lifted_comes_back_by_the_ramp() {
    let keys = format!("{HYBRID}ramp_up_per_min = 60.0\nramp_down_per_min = 120.0\n");
    let keys = keys.replace("charge_within = \"pv.mw\"\n", "");
    let site = hybrid(&keys);
    let mut plant = Plant::new(&keys);
    plant.set(9.0);
    plant.pass(5);
    plant.is(9.0, 0.0, (9.0, 0.0));
    let is = |plant: &mut Plant, mw: f64, clamp: f64| {
        let (force, flags, code) = plant.shown();
        assert!((plant.poi() - mw).abs() < COUNT, "{}, wanted {mw}", plant.poi());
        assert!((force - mw).abs() <= COUNT && flags == Flags::ONLINE, "{force} {flags:?}, wanted {mw}");
        assert_eq!((code, plant.alarms().contains("\"short\"")), (clamp, clamp != 0.0), "at {mw}");
    };
    // All that is lost is lost at once.
    plant.able = 0.0;
    plant.pass(1);
    is(&mut plant, 5.0, 1.0);
    plant.pass(5);
    plant.able = 10.0;
    plant.say();
    for (mw, clamp) in [(6.0, 4.0), (7.0, 4.0), (8.0, 4.0), (9.0, 0.0)] {
        is(&mut plant, mw, clamp);
        // Not with everything that is read, nor by a site that is read again.
        for _ in 0..4 {
            plant.world.pass(200);
            plant.say();
            assert!((plant.poi() - mw).abs() < COUNT, "{}, wanted {mw}", plant.poi());
        }
        plant.world.reconfigure(&site, &site);
        plant.obey();
        is(&mut plant, mw, clamp);
        plant.world.pass(200);
        plant.obey();
    }
    // On its way back it is lost again.
    plant.able = 0.0;
    plant.pass(3);
    plant.able = 10.0;
    plant.pass(2);
    assert!((6.0..8.5).contains(&plant.poi()), "{}", plant.poi());
    plant.able = 1.0;
    plant.say();
    is(&mut plant, 6.0, 1.0);
    // And a set point that asks for no more than there is ends it.
    plant.set(5.5);
    plant.pass(3);
    is(&mut plant, 5.5, 0.0);
    // Downwards: a battery that is full, and has room again.
    plant.charge = 9.0;
    plant.say();
    plant.set(-5.0);
    for _ in 0..8 {
        plant.world.pass(1_000);
        plant.say();
    }
    is(&mut plant, 0.0, 2.0);
    plant.charge = 5.0;
    plant.say();
    for (mw, clamp) in [(-2.0, 4.0), (-4.0, 4.0), (-5.0, 0.0)] {
        is(&mut plant, mw, clamp);
        plant.world.pass(1_000);
        plant.obey();
    }
}

#[test]
fn with_a_lower_set_point_the_sun_is_held_back_and_one_that_is_free_is_stored_first() {
    let mut plant = Plant::new(HYBRID);
    plant.set(3.0);
    plant.pass(2);
    plant.is(3.0, 0.0, (3.0, 0.0));
    let mut plant = Plant::new(&HYBRID.replace("priority = 1 }", "priority = 1, free = true }"));
    plant.set(6.0);
    plant.pass(2);
    plant.is(10.0, -4.0, (6.0, 0.0));
    plant.set(3.0);
    plant.pass(2);
    plant.is(8.0, -5.0, (3.0, 0.0));
    plant.able = 4.0;
    plant.pass(2);
    plant.is(4.0, -1.0, (3.0, 0.0));
    plant.able = 1.0;
    plant.pass(2);
    plant.is(1.0, 2.0, (3.0, 0.0));
    // A battery that is full takes nothing, and the sun is held back.
    (plant.able, plant.charge) = (10.0, 9.0);
    plant.say();
    plant.pass(3);
    plant.is(3.0, 0.0, (3.0, 0.0));
}

#[test]
fn an_empty_battery_gives_nothing_and_the_shortfall_is_told() {
    let mut plant = Plant::new(HYBRID);
    (plant.able, plant.charge) = (2.0, 1.1);
    plant.say();
    plant.set(6.0);
    plant.is(2.0, 4.0, (6.0, 0.0));
    plant.pass(600);
    let (force, flags, clamp) = plant.shown();
    assert!((plant.charge - 1.0).abs() < 1e-3 && plant.battery < 0.01, "{}", plant.charge);
    assert!(
        (force - 2.0).abs() < 0.01 && flags == Flags::ONLINE && clamp == 2.0,
        "{force} {flags:?} {clamp}"
    );
    assert!(plant.alarms().contains("\"short\""));
    // A charge that is not known: the battery is left alone, and the sun does what it can.
    plant.charge = f64::NAN;
    plant.say();
    let (force, _, clamp) = plant.shown();
    assert!((force - 2.0).abs() < 0.01 && clamp == 1.0, "{force} {clamp}");
    plant.charge = 5.0;
    plant.pass(2);
    plant.is(2.0, 4.0, (6.0, 0.0));
}

#[test]
fn nothing_is_charged_from_the_grid() {
    let mut plant = Plant::new(HYBRID);
    plant.set(-3.0);
    plant.pass(3);
    plant.is(0.0, 0.0, (0.0, 6.0));
    // The counterpart: without the rule the battery takes it.
    let mut plant = Plant::new(&HYBRID.replace("charge_within = \"pv.mw\"\n", ""));
    plant.set(-3.0);
    plant.is(0.0, -3.0, (-3.0, 0.0));
    // Free sun fills it, and the plant takes nothing.
    let mut plant = Plant::new(&HYBRID.replace("priority = 1 }", "priority = 1, free = true }"));
    plant.able = 4.0;
    plant.say();
    plant.set(-3.0);
    plant.pass(3);
    plant.is(4.0, -4.0, (0.0, 6.0));
    // What the sun makes is not known: the battery does not charge.
    plant.told.0 = false;
    plant.pass(3);
    plant.is(0.0, 0.0, (0.0, 6.0));
    plant.told.0 = true;
    plant.set(1.0);
    plant.pass(3);
    plant.is(4.0, -3.0, (1.0, 0.0));
    // A cloud is over the inverter before anybody's weather station knows: the battery goes by what is made.
    plant.told.0 = false;
    plant.pass(2);
    plant.is(1.0, 0.0, (1.0, 0.0));
}

#[test]
fn a_battery_beside_the_sun_charges_with_what_the_sun_makes() {
    let mut plant = Plant::new(BATTERY);
    let charges = |plant: &mut Plant, able: f64, wanted: f64, clamp: f64| {
        plant.able = able;
        plant.pass(1);
        let (force, flags, code) = plant.shown();
        assert!((plant.battery - wanted).abs() < COUNT, "{able}: {}", plant.battery);
        assert!((force - wanted).abs() < COUNT && flags == Flags::ONLINE, "{able}: {force} {flags:?}");
        assert_eq!(code, clamp, "{able}");
    };
    plant.set(-3.0);
    charges(&mut plant, 8.0, -3.0, 0.0);
    charges(&mut plant, 2.0, -2.0, 6.0);
    charges(&mut plant, 0.0, 0.0, 6.0);
    charges(&mut plant, -0.01, 0.0, 6.0);
    charges(&mut plant, 2.5, -2.5, 6.0);
    plant.told.0 = false;
    charges(&mut plant, 2.5, 0.0, 6.0);
    plant.set(3.0);
    charges(&mut plant, 2.5, 3.0, 0.0);
}

#[test]
fn auxiliary_load_is_made_beside_the_set_point() {
    let mut plant = Plant::new(HYBRID);
    (plant.able, plant.aux, plant.battery) = (5.0, 0.5, 0.5);
    plant.say();
    // Taking over moves nothing: what the meter says is asked for, and the load is made beside it.
    plant.set(5.0);
    plant.is(5.0, 0.5, (5.0, 0.0));
    plant.aux = 1.25;
    plant.pass(2);
    plant.is(5.0, 1.25, (5.0, 0.0));
    // Nobody knows it any more: the last one is made, and that is told.
    plant.told.1 = false;
    plant.pass(2);
    plant.is(5.0, 1.25, (5.0, 0.0));
    assert!(plant.alarms().contains("\"aux\""), "{}", plant.alarms());
    plant.set(6.0);
    plant.pass(1);
    plant.is(5.0, 2.25, (6.0, 0.0));
    (plant.told.1, plant.aux) = (true, 0.0);
    plant.pass(2);
    plant.is(5.0, 1.0, (6.0, 0.0));
    assert!(!plant.alarms().contains("\"aux\""), "{}", plant.alarms());
}

#[test]
fn nobody_takes_over_while_the_auxiliary_load_is_not_known() {
    let mut plant = Plant::new(HYBRID);
    let refused = Outcome::Status(CommandStatus::DownstreamFail);
    // Never known, and known at some time before.
    for known in [false, true] {
        if known {
            (plant.aux, plant.told.1) = (0.0, true);
            plant.say();
        }
        (plant.able, plant.aux, plant.told.1) = (4.0, 1.0, false);
        plant.pass(3);
        let before = (plant.poi(), plant.battery);
        assert_eq!(plant.world.set(EMS, OperateMode::Direct, before.0 * MW), refused);
        plant.obey();
        plant.pass(2);
        assert_eq!((plant.poi(), plant.battery), before);
        let told = plant.world.core.status(plant.world.now()).to_string();
        assert!(told.contains("`aux.mw` is not good"), "{told}");
    }
    // It is known: what the plant does goes on.
    plant.told.1 = true;
    plant.say();
    let before = plant.poi();
    plant.set(before);
    assert!((plant.poi() - before).abs() < COUNT, "{}", plant.poi());
    plant.pass(3);
    assert!((plant.poi() - before).abs() < COUNT, "{}", plant.poi());
}

#[test]
fn what_a_hard_limit_cuts_of_the_auxiliary_load_is_not_in_force() {
    let mut plant = Plant::new(&format!("{HYBRID}limits_hard = {{ high = \"pv.able\" }}\n"));
    (plant.able, plant.aux) = (6.0, 0.5);
    plant.say();
    plant.set(6.0);
    plant.pass(2);
    plant.is(6.0, 0.0, (5.5, 1.0));
    plant.set(5.0);
    plant.pass(2);
    plant.is(5.5, 0.0, (5.0, 0.0));
}

#[test]
fn an_inverter_that_is_not_heard_of_counts_until_the_meter_says_otherwise() {
    let mut plant =
        Plant::new(&format!("{HYBRID}trim = {{ meter = \"poi.mw\", gain = 0.05, most = 0.5 }}\n"));
    plant.set(6.0);
    plant.pass(2);
    plant.is(6.0, 0.0, (6.0, 0.0));
    // It goes on with what it was told: nothing moves.
    plant.mute = Some(SUN);
    for _ in 0..60 {
        plant.pass(1);
        assert_eq!((plant.sun(), plant.battery), (6.0, 0.0));
    }
    assert!(plant.alarms().contains("pv counts for 6.000"), "{}", plant.alarms());
    // The set point is done by the battery alone.
    plant.set(4.0);
    plant.pass(15);
    // Its source is not known, so nothing is charged; and what is not made less of is told.
    let (force, flags, clamp) = plant.shown();
    assert!((plant.battery, plant.sun()) == (0.0, 6.0) && (force - 6.0).abs() <= COUNT, "{force} {flags:?}");
    assert_eq!(clamp, 6.0);
    plant.set(9.0);
    plant.pass(15);
    plant.is(6.0, 3.0, (9.0, 0.0));
    // It stops: that is seen at the meter alone.
    plant.able = 0.0;
    plant.pass(2);
    assert_eq!(plant.battery, 3.0);
    plant.pass(2);
    assert!((plant.battery - 5.0).abs() < COUNT, "{}", plant.battery);
    assert!(plant.alarms().contains("pv counts for nothing"), "{}", plant.alarms());
    assert!((plant.shown().0 - 5.0).abs() <= COUNT, "and what is missing is told");
    // It is there again, and the correction stands where it stood.
    (plant.able, plant.mute) = (10.0, None);
    plant.pass(2);
    plant.is(9.0, 0.0, (9.0, 0.0));
    assert!(!plant.alarms().contains("\"silent\""), "{}", plant.alarms());
}

#[test]
fn a_trip_that_the_meter_tells_before_the_inverter_does_leaves_nothing_in_the_correction() {
    let keys = HYBRID.replace("high = \"pv.able\"", "high = \"pv.able\", available = \"pv.runs\"");
    let mut plant = Plant::new(&format!("{keys}trim = {{ meter = \"poi.mw\", gain = 0.1, most = 0.5 }}\n"));
    plant.set(4.0);
    plant.pass(20);
    plant.is(4.0, 0.0, (4.0, 0.0));
    for tripped in [true, false] {
        plant.tripped = tripped;
        for _ in 0..3 {
            plant.world.pass(1_000);
            plant.obey();
            plant.world.watts(METER, plant.poi() * 1e6);
            plant.obey();
        }
        assert!((plant.poi() - 4.0).abs() > 3.0, "nobody knows yet: {}", plant.poi());
        plant.say();
        plant.pass(2);
        let (sun, battery) = if tripped { (0.0, 4.0) } else { (4.0, 0.0) };
        plant.is(sun, battery, (4.0, 0.0));
    }
}

#[test]
fn a_battery_that_is_not_heard_of_goes_on_charging_and_the_sun_is_not_cut() {
    let mut plant = Plant::new(&HYBRID.replace("priority = 1 }", "priority = 1, free = true }"));
    plant.set(6.0);
    plant.pass(2);
    plant.is(10.0, -4.0, (6.0, 0.0));
    plant.mute = Some(BESS);
    plant.pass(20);
    plant.is(10.0, -4.0, (6.0, 0.0));
    plant.set(3.0);
    plant.pass(20);
    plant.is(7.0, -4.0, (3.0, 0.0));
    // It stops charging: the sun is held back for it.
    plant.battery = 0.0;
    plant.pass(5);
    plant.is(3.0, 0.0, (3.0, 0.0));
    plant.mute = None;
    plant.pass(2);
    plant.is(8.0, -5.0, (3.0, 0.0));
}

#[test]
fn a_battery_that_does_much_or_nothing_rests_where_much_is_beyond_the_limit() {
    const KEYS: &str = "dispatch = \"capability\"\nclamp = { id = \"poi.clamp\", index = 41 }\n\
                        limits_hard = { high = \"pv.able\" }\n\
                        drive = [{ device = \"bess\", control = \"704\", low = -5.0, high = 5.0, least = 2.0 }]\n";
    let mut plant = Plant::new(KEYS);
    (plant.able, plant.limit) = (2.5, 0.0);
    plant.say();
    plant.set(3.0);
    plant.is(0.0, 2.5, (2.5, 1.0));
    plant.able = 1.5;
    plant.pass(2);
    plant.is(0.0, 0.0, (0.0, 1.0));
    assert!(plant.alarms().contains("\"short\""), "{}", plant.alarms());
    plant.able = 9.0;
    plant.pass(2);
    plant.is(0.0, 3.0, (3.0, 0.0));
}

#[test]
fn a_battery_of_raw_registers_fills_what_the_sun_lacks_and_stores_what_is_over() {
    let mut plant = Plant::new(REGISTERS);
    plant.able = 6.0;
    plant.say();
    plant.set(8.0);
    plant.pass(2);
    plant.is(6.0, 2.0, (8.0, 0.0));
    for (able, battery) in [(4.5, 3.5), (9.0, -1.0), (10.0, -2.0), (7.75, 0.25)] {
        plant.able = able;
        plant.pass(2);
        plant.is(able, battery, (8.0, 0.0));
    }
    let first = plant.registers.first().copied();
    assert_eq!(first.and_then(|(_, enable)| enable), Some((310, 1)), "{:?}", plant.registers);
    assert!(plant.registers.iter().skip(1).all(|(_, enable)| enable.is_none()), "{:?}", plant.registers);
    // Without a sun nothing is charged, and what the battery cannot give is told.
    plant.able = 0.0;
    plant.pass(2);
    plant.is(0.0, 5.0, (5.0, 1.0));
    plant.set(-1.0);
    plant.pass(2);
    let (_, _, clamp) = plant.shown();
    assert!((plant.battery, clamp) == (0.0, 6.0), "{} {clamp}", plant.battery);
    plant.able = 10.0;
    plant.set(8.0);
    plant.pass(2);
    plant.is(10.0, -2.0, (8.0, 0.0));
}

#[test]
fn a_battery_of_raw_registers_that_refuses_is_switched_again_and_is_given_back_with_the_sun() {
    let mut plant = Plant::new(REGISTERS);
    plant.able = 6.0;
    plant.say();
    plant.set(8.0);
    plant.pass(2);
    // It stays where it is; the value in force is not good.
    (plant.refuses, plant.able) = (true, 5.0);
    plant.pass(2);
    let (_, flags, _) = plant.shown();
    assert!(plant.battery == 2.0 && !flags.contains(Flags::ONLINE), "{} {flags:?}", plant.battery);
    plant.refuses = false;
    plant.registers.clear();
    plant.pass(3);
    plant.is(5.0, 3.0, (8.0, 0.0));
    // It takes what it did, and then its part: nothing leaps.
    assert_eq!(plant.registers.first().and_then(|(_, enable)| *enable), Some((310, 1)));
    // Nobody is there any more: both have their own control back.
    plant.world.disconnect(EMS);
    plant.pass(60);
    assert!(plant.released.contains(&FieldWrite::Release123), "{:?}", plant.released);
    let switch = FieldWrite::ReleaseRegister { register: 310, word: 0 };
    assert!(plant.released.contains(&switch), "{:?}", plant.released);
}
