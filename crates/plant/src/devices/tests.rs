//! The plant as a whole, in its own time.

use config::Source;
use telemetry::Now;

use super::*;

const HEAD: &str = "[plant]\nname='p'\nsocket='p.sock'\nstart='11:00'\n";
const WIND: &str = "[[turbine]]\nid='wtg1'\nlisten='127.0.0.1:0'\nrated_kw=2000.0\nturbine='R80711'\n\
    met={id='wtg1-met',listen='127.0.0.1:0'}\n";
const UNIT: &str = "[unit]\nid='gt1'\nlisten='127.0.0.1:0'\nrated_kw=50000.0\nminimum_kw=20000.0\nstart_kw=30000.0\n\
    ramp_kw_per_min=6000.0\nlag_s=4.0\ndroop_pct=5.0\ndeadband_hz=0.036\n";
const MEMBERS: &str = "[aggregate]\nid='agg'\nlisten='127.0.0.1:0'\nmembers=200\nmember_kw=8.0\nup_h=200.0\n\
    down_h=4.0\nreach_s=10.0\nwatchdog_s=60\n";
const METER: &str = "[meter]\nid='meter'\nlisten='127.0.0.1:0'\nkv=34.5\naux_kw=300.0\nlosses_pct=2.0\n";
const GEAR: &str = "[switchgear]\nid='sw'\nlisten='127.0.0.1:0'\n";

/// A plant with its own clock.
struct Bench {
    plant: Plant,
    millis: u64,
}

impl Bench {
    fn new(parts: &[&str]) -> Self {
        let text = format!("{HEAD}{}", parts.concat());
        let config = Config::from_source(&Source::from_text("p.toml", text)).unwrap();
        let mut plant = Plant::new(config, 11.0 * 3600.0, 1.0, Now::virtual_millis(0));
        plant.begin(Now::virtual_millis(0));
        Self { plant, millis: 0 }
    }

    fn run(&mut self, seconds: u64) {
        for _ in 0..seconds * 4 {
            self.millis += 250;
            self.plant.tick(Now::virtual_millis(self.millis));
        }
    }

    fn at(&self, id: &str) -> usize {
        self.plant.devices.iter().position(|one| one.id == id).unwrap()
    }

    fn image(&self, id: &str) -> &Image {
        &self.plant.devices[self.at(id)].image
    }

    fn i32(&self, id: &str, at: usize) -> i32 {
        self.image(id).get_u32(0, at).cast_signed()
    }

    fn write(&mut self, id: &str, start: u16, values: &[u16]) -> Result<(), Exception> {
        let at = self.at(id);
        self.plant.write(at, start, values, Now::virtual_millis(self.millis)).map(drop)
    }
}

/// A set point as two registers.
fn words(value: i32) -> [u16; 2] {
    let value = value.cast_unsigned();
    [u16::try_from(value >> 16).unwrap(), u16::try_from(value & 0xFFFF).unwrap()]
}

#[test]
fn devices_stand_in_the_order_of_their_addresses() {
    let bench = Bench::new(&[WIND, UNIT, MEMBERS, METER, GEAR]);
    let names: Vec<_> = bench.plant.config.names().iter().map(|(id, _)| id.get_ref().clone()).collect();
    let devices: Vec<_> = bench.plant.devices.iter().map(|one| one.id.clone()).collect();
    assert_eq!(names, devices);
    assert_eq!(names, ["wtg1", "wtg1-met", "gt1", "agg", "meter", "sw"]);
}

#[test]
fn a_unit_takes_set_points_under_agc_alone_and_follows_at_its_ramp() {
    let mut bench = Bench::new(&[UNIT, GEAR]);
    bench.run(1);
    assert_eq!((bench.i32("gt1", 4), bench.i32("gt1", 31)), (30_000, 30_000));
    // Without AGC, half of one, an unknown switch.
    let [high, low] = words(40_000);
    for (start, values) in [
        (31, vec![high, low]),
        (30, vec![1, high]),
        (32, vec![low]),
        (30, vec![2]),
        (34, vec![2]),
        (35, vec![3]),
    ] {
        assert_eq!(bench.write("gt1", start, &values), Err(Exception::Value), "{start} {values:?}");
    }
    assert_eq!(bench.write("gt1", 4, &[0, 1]), Err(Exception::Address));
    // AGC on moves nothing; then both in one request.
    bench.write("gt1", 30, &[1]).unwrap();
    bench.run(10);
    assert_eq!((bench.i32("gt1", 4), bench.image("gt1").get(0, 2)), (30_000, 1));
    bench.write("gt1", 30, &[1, high, low]).unwrap();
    bench.run(60);
    // 100 kW a second.
    assert_eq!(bench.i32("gt1", 6), 36_000);
    assert!((35_550..=35_650).contains(&bench.i32("gt1", 4)), "{}", bench.i32("gt1", 4));
    // AGC off: it stays where it is, and the set point comes there, whatever came along with it.
    bench.write("gt1", 30, &[0, high, low]).unwrap();
    bench.run(60);
    assert_eq!((bench.i32("gt1", 4), bench.i32("gt1", 31)), (36_000, 36_000));
    // Below the least load.
    let [high, low] = words(-5_000);
    bench.write("gt1", 30, &[1, high, low]).unwrap();
    bench.run(300);
    assert_eq!((bench.i32("gt1", 4), bench.i32("gt1", 31)), (20_000, -5_000));
}

#[test]
fn what_the_governor_makes_is_told_apart_from_what_the_reference_makes() {
    let mut bench = Bench::new(&[UNIT, GEAR]);
    bench.plant.held_hz = Some(59.8);
    for _ in 0..30 {
        bench.run(1);
        // From the first moment on, and nothing else moved: the reference stands.
        let base = bench.i32("gt1", 4) - bench.i32("gt1", 24);
        assert!((29_999..=30_001).contains(&base) && bench.i32("gt1", 6) == 30_000, "{base}");
    }
    assert!((2_730..=2_734).contains(&bench.i32("gt1", 24)), "{}", bench.i32("gt1", 24));
}

#[test]
fn the_local_switch_the_watchdog_and_the_breaker_end_agc() {
    let mut bench = Bench::new(&[UNIT, GEAR]);
    let on = |bench: &mut Bench| {
        let [high, low] = words(40_000);
        bench.write("gt1", 30, &[1, high, low, 5])
    };
    on(&mut bench).unwrap();
    bench.run(4);
    assert_eq!(bench.image("gt1").get(0, 30), 1);
    bench.run(2);
    assert_eq!(bench.image("gt1").get(0, 30), 0, "nothing was written for 5 s");
    let stands = bench.i32("gt1", 6);
    bench.run(60);
    assert_eq!(bench.i32("gt1", 6), stands);
    on(&mut bench).unwrap();
    bench.plant.remote = false;
    bench.run(1);
    assert_eq!(bench.image("gt1").get(0, 30), 0);
    assert_eq!(on(&mut bench), Err(Exception::Value));
    assert_eq!(bench.write("gt1", 35, &[2]), Err(Exception::Value));
    bench.plant.remote = true;
    on(&mut bench).unwrap();
    bench.write("gt1", 35, &[2]).unwrap();
    bench.run(1);
    assert_eq!([0, 1, 2, 30, 35].map(|at| bench.image("gt1").get(0, at)), [0; 5]);
    assert_eq!((bench.i32("gt1", 4), bench.i32("gt1", 10)), (0, 0));
    assert_eq!(on(&mut bench), Err(Exception::Value), "its breaker is open");
    bench.write("gt1", 35, &[1]).unwrap();
    bench.run(60);
    assert_eq!(bench.i32("gt1", 6), 6_000, "it loads at its ramp");
}

#[test]
fn meter_and_unit_see_one_frequency() {
    let mut bench = Bench::new(&[UNIT, METER, GEAR, "[grid]\nnominal_hz=60.0\n"]);
    let see = |bench: &Bench| {
        let meter = bench.image("meter").get(203, 14);
        (meter, bench.image("gt1").get(0, 12), bench.image("sw").get(0, 2), bench.image("sw").get(0, 4))
    };
    bench.run(200);
    let (_, unit, _, bus) = see(&bench);
    assert_eq!(unit, bus);
    assert!((59_980..=60_020).contains(&unit));
    assert_eq!(bench.i32("gt1", 8), 0, "within the dead band");
    bench.plant.held_hz = Some(59.9);
    bench.run(60);
    assert_eq!(see(&bench), (5_990, 59_900, 5_990, 59_900));
    // 64 mHz beyond the dead band, of 3 Hz for 50 MW.
    assert_eq!(bench.i32("gt1", 8), 1_067);
    assert_eq!((bench.i32("gt1", 4), bench.i32("gt1", 6), bench.i32("gt1", 10)), (31_067, 30_000, 18_933));
    assert_eq!([13, 14, 15].map(|at| bench.image("gt1").get(0, at)), [500, 36, 1]);
    // The meter of a plant of 50 MW counts in 10 kW: kW would not fit. 2 % and 300 kW are lost on the way.
    assert_eq!((bench.image("meter").get(203, 16), bench.image("meter").get(203, 20)), (3_015, 4));
    assert_eq!(bench.i32("sw", 6), 300_000);
    bench.write("gt1", 34, &[0]).unwrap();
    bench.run(60);
    assert_eq!((bench.i32("gt1", 4), bench.image("gt1").get(0, 15)), (30_000, 0));
}

#[test]
fn a_turbine_makes_what_its_wind_gives_and_takes_a_limit() {
    let mut bench = Bench::new(&[WIND, METER]);
    let power = |bench: &Bench| f64::from(bench.image("wtg1").get(103, 12).cast_signed()) / 1e3;
    // 11:00 of the day: 11.15 m/s, measured 1,598.42 kW of 2,050.
    let (measured, scale) = (1_598.42 / 2_050.0 * 2_000.0, f64::from(bench.image("wtg1").get(103, 13)));
    assert_eq!(scale, 2.0);
    let made = power(&bench) * 1e2;
    assert!((made / measured - 1.0).abs() < 0.05, "{made} kW, measured {measured}");
    assert_eq!(bench.image("wtg1").get(103, 36), 4);
    assert_eq!([0, 1, 2].map(|at| bench.image("wtg1-met").get(0, at)), [1_115, 2_577, 48]);
    let limit = |bench: &mut Bench, share: u16, on: u16| {
        // Model 123 follows 1, 103, 120 and 121.
        let body = 40_000 + 2 + 68 + 52 + 28 + 32 + 2;
        bench.write("wtg1", body + 3, &[share, 0, 0, 0, on]).unwrap();
    };
    limit(&mut bench, 2_500, 1);
    // A tenth of the rating a second, so not at once.
    bench.run(1);
    assert!(power(&bench) * 1e2 > 1_300.0);
    bench.run(10);
    assert_eq!((power(&bench) * 1e2, bench.image("wtg1").get(103, 36)), (500.0, 5));
    limit(&mut bench, 10_000, 0);
    bench.run(20);
    assert!((power(&bench) * 1e2 / made - 1.0).abs() < 0.02);
    bench.plant.closed = false;
    bench.run(1);
    assert_eq!((power(&bench), bench.image("wtg1").get(103, 36)), (0.0, 2));
}

#[test]
fn an_aggregate_loses_members_and_keeps_its_limit() {
    let mut bench = Bench::new(&[MEMBERS]);
    bench.run(1);
    let (members, up) = (bench.image("agg").get(0, 0), bench.image("agg").get(0, 1));
    assert!(members == 200 && (180..=200).contains(&up), "{up}");
    let free = bench.i32("agg", 4);
    assert!((900_000..1_400_000).contains(&free), "{free} W");
    let [high, low] = words(500_000);
    bench.write("agg", 30, &[1, high, low]).unwrap();
    bench.run(1);
    assert!(bench.image("agg").get(0, 2) > 0, "not all have heard");
    bench.run(10);
    assert_eq!((bench.i32("agg", 4), bench.image("agg").get(0, 2)), (500_000, 0));
    bench.plant.fault("agg", FaultKind::Trip).unwrap();
    bench.run(1);
    let lost = bench.i32("agg", 4);
    assert!((300_000..450_000).contains(&lost), "{lost} W");
    assert!(bench.image("agg").get(0, 1) <= 150);
    bench.run(11);
    assert_eq!(bench.i32("agg", 4), 500_000, "the others make it good");
    assert_eq!(bench.write("agg", 31, &words(-1)), Err(Exception::Value));
    // Nothing was written for its 60 s.
    assert_eq!(bench.image("agg").get(0, 33), 60);
    bench.run(40);
    assert_eq!(bench.image("agg").get(0, 30), 0);
}

#[test]
fn an_inverter_and_a_battery_trip_too() {
    let mut bench = Bench::new(&[
        "[[inverter]]\nid='inv1'\nlisten='127.0.0.1:0'\ndc_kw=6000\nac_kw=5000\n",
        "[battery]\nid='bess'\nlisten='127.0.0.1:0'\npower_kw=4000\nenergy_kwh=16000\nsoc_start_pct=50\n\
         efficiency_pct=88\n",
    ]);
    // 1 MW asked of the battery; model 704 follows 1, 701 and 702.
    let [high, low] = words(1_000_000);
    bench.write("bess", 40_000 + 2 + 68 + 155 + 52 + 2 + 20, &[1, 1, high, low]).unwrap();
    let see = |bench: &Bench| {
        let (inverter, battery) = (bench.image("inv1"), bench.image("bess"));
        let state = [1, 2, 3].map(|at| battery.get(701, at));
        ((inverter.get(103, 12) > 0, inverter.get(103, 36)), (battery.get(701, 8) > 0, state))
    };
    bench.run(1);
    assert_eq!(see(&bench), ((true, 4), (true, [1, 3, 1])));
    for (kind, told) in [
        (FaultKind::Trip, ((false, 7), (false, [0, 6, 0]))),
        (FaultKind::None, ((true, 4), (true, [1, 3, 1]))),
    ] {
        for id in ["inv1", "bess"] {
            bench.plant.fault(id, kind).unwrap();
        }
        bench.run(1);
        assert_eq!(see(&bench), told, "{kind:?}");
    }
}

#[test]
fn faults_work_on_the_new_devices() {
    let mut bench = Bench::new(&[WIND, UNIT, MEMBERS, METER, GEAR]);
    bench.run(1);
    for id in ["wtg1", "wtg1-met", "gt1", "agg"] {
        bench.plant.fault(id, FaultKind::NotImplemented).unwrap();
    }
    bench.run(1);
    assert_eq!(bench.image("wtg1").get(103, 12), 0x8000);
    assert_eq!([0, 2].map(|at| bench.image("wtg1-met").get(0, at)), [0xFFFF, 0x8000]);
    assert_eq!((bench.i32("gt1", 4), bench.image("gt1").get(0, 12)), (i32::MIN, 0xFFFF));
    assert_eq!((bench.i32("agg", 4), bench.image("agg").get_u32(0, 12)), (i32::MIN, u32::MAX));
    for id in ["wtg1", "wtg1-met", "gt1", "agg"] {
        bench.plant.fault(id, FaultKind::Frozen).unwrap();
        let before = bench.image(id).clone();
        bench.run(2);
        assert_eq!(*bench.image(id), before, "{id}");
        bench.plant.fault(id, FaultKind::None).unwrap();
    }
    bench.plant.fault("wtg1", FaultKind::Scale).unwrap();
    bench.run(1);
    assert_eq!(bench.image("wtg1").get(103, 13), 3);
    for id in ["wtg1", "gt1"] {
        bench.plant.fault(id, FaultKind::Trip).unwrap();
    }
    bench.run(1);
    assert_eq!((bench.image("wtg1").get(103, 12), bench.image("wtg1").get(103, 36)), (0, 7));
    assert_eq!((bench.i32("gt1", 4), bench.image("gt1").get(0, 0), bench.image("gt1").get(0, 1)), (0, 2, 0));
    for (id, kind) in [
        ("gt1", FaultKind::Scale),
        ("sw", FaultKind::Scale),
        ("sw", FaultKind::Trip),
        ("meter", FaultKind::Trip),
        ("wtg1-met", FaultKind::Trip),
    ] {
        assert!(matches!(bench.plant.fault(id, kind), Err(FaultRefused::Untouched(..))), "{id} {kind:?}");
    }
    assert!(matches!(bench.plant.fault("gt2", FaultKind::Trip), Err(FaultRefused::UnknownDevice(_))));
}
