//! A plant of 10 MW over its day: free, held back, with inputs lost, forced and impossible.

use ieee1815::PointType;
use proptest::prelude::*;
use site::{AnalogDerive, Available, Term as SiteTerm};
use telemetry::{Now, PointId, Quality};

use super::*;
use crate::core::derive::{Derived, Input};
use crate::core::points::{PointSpec, Source};
use crate::core::table::Table;

fn term(id: &str, unit: Unit) -> SiteTerm {
    SiteTerm { point: id.into(), unit }
}

fn sun() -> site::Hsl {
    site::Hsl {
        power: term("kw", Unit::Kilowatt),
        resource: Resource::Sun {
            irradiance: term("sun", Unit::WattPerSquareMetre),
            temperature: Some((term("modules", Unit::Celsius), -0.4)),
            dc_mw: 12.0,
        },
        available: Some(Available { of: term("units", Unit::Count), units: 10.0 }),
        curtailed: Curtailed::State("held".into()),
        capacity_mw: 10.0,
        ratio: 1.0,
        learn: Duration::from_secs(1_800),
        smooth: Duration::from_secs(60),
        tolerance_mw: 0.1,
        differ_max_mw: 2.0,
    }
}

fn wind() -> site::Hsl {
    let speed = term("wind", Unit::MetrePerSecond);
    let curve = vec![(3.0, 0.0), (12.0, 9.0), (14.0, 10.0)];
    site::Hsl { resource: Resource::Wind { speed, curve, cut_out: Some(25.0) }, available: None, ..sun() }
}

/// By the limit in force, in place of a word.
fn by_limit(hsl: site::Hsl) -> site::Hsl {
    let limit = term("limit", Unit::Megawatt);
    site::Hsl { curtailed: Curtailed::AtLimit { limit, band_mw: 0.2 }, ..hsl }
}

/// The plant with its limit, at a time.
struct Plant {
    table: Table,
    millis: u64,
}

impl Plant {
    fn new(hsl: &site::Hsl) -> Self {
        let spec = |(id, unit): (&str, Option<Unit>)| PointSpec {
            id: id.into(),
            name: "".into(),
            point: if unit.is_some() { PointType::AnalogInput } else { PointType::BinaryInput },
            index: None,
            unit,
            scale: None,
            full_scale: "".into(),
            source: Source::Made,
        };
        let points = [
            ("kw", Some(Unit::Kilowatt)),
            ("held", None),
            ("limit", Some(Unit::Megawatt)),
            ("units", Some(Unit::Count)),
            ("sun", Some(Unit::WattPerSquareMetre)),
            ("modules", Some(Unit::Celsius)),
            ("wind", Some(Unit::MetrePerSecond)),
            ("hsl", Some(Unit::Megawatt)),
        ];
        let mut table = Table::new(points.into_iter().map(spec).collect(), Vec::new(), 1);
        let derive = AnalogDerive::Hsl(Box::new(hsl.clone()));
        let one = |id: &PointId| {
            let at = table.find(id.as_str()).unwrap();
            Input { at, unit: table.row(at).unwrap().spec.unit }
        };
        let inputs = derive.inputs().into_iter().map(one).collect();
        let point = table.find("hsl").unwrap();
        table.derive(vec![Derived::quantity(point, &derive, inputs, Unit::Megawatt, None)]);
        let mut plant = Self { table, millis: 0 };
        plant.give("units", 10.0, None);
        plant.give("modules", 25.0, None);
        plant.give("held", 0.0, None);
        plant.give("limit", 10.0, None);
        plant
    }

    fn give(&mut self, id: &str, value: f64, against: Option<ReasonKind>) {
        let at = self.table.find(id).unwrap();
        let state = self.table.row(at).unwrap().spec.unit.is_none();
        let value = if state { Value::Binary(value != 0.0) } else { Value::Analog(value) };
        let reasons = against.map(|kind| Reason::new(kind, "why")).into_iter().collect();
        self.table.make(at, Some(value), reasons, Now::virtual_millis(self.millis));
    }

    /// Power and irradiance (or wind) as they are for so many seconds, looked at each 4 s; the limit at the end.
    fn run(&mut self, seconds: u64, megawatts: f64, weather: f64) -> f64 {
        for _ in 0..(seconds / 4).max(1) {
            self.millis += 4_000;
            self.give("kw", megawatts * 1_000.0, None);
            self.give("sun", weather, None);
            self.give("wind", weather, None);
            self.settle();
        }
        self.limit()
    }

    fn settle(&mut self) {
        self.table.settle(Now::virtual_millis(self.millis));
    }

    fn limit(&self) -> f64 {
        self.sample().0.unwrap()
    }

    fn sample(&self) -> (Option<f64>, Quality, Vec<String>) {
        let sample = &self.table.row(self.table.find("hsl").unwrap()).unwrap().sample;
        let texts = sample.reasons.iter().map(ToString::to_string).collect();
        (sample.value.map(Value::as_f64), sample.quality(), texts)
    }

    fn alarm(&self) -> String {
        self.table.alarms(self.table.find("hsl").unwrap()).get("hsl").cloned().unwrap_or_default()
    }
}

fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() < 0.02
}

#[test]
fn free_it_is_the_power_whatever_the_model_says() {
    let mut plant = Plant::new(&sun());
    for (power, sun) in [(6.0, 600.0), (5.0, 500.0), (5.4, 500.0), (0.0, 0.0), (-0.02, -2.0)] {
        let limit = plant.run(600, power, sun);
        assert!(near(limit, power.max(0.0)) && limit >= 0.0, "{power} {limit}");
        assert_eq!(plant.sample().1, Quality::Good);
    }
    assert_eq!(plant.alarm(), "");
}

#[test]
fn held_back_it_is_what_was_learned_and_neither_edge_jumps() {
    for hsl in [sun(), by_limit(sun())] {
        let mut plant = Plant::new(&hsl);
        plant.run(7_200, 4.8, 500.0);
        assert!(near(plant.limit(), 4.8), "the plant gives 0.8 of its model's 6 MW");
        plant.give("held", 1.0, None);
        plant.give("limit", 3.0, None);
        let mut limits: Vec<f64> = (0..300).map(|_| plant.run(4, 3.0, 500.0)).collect();
        plant.give("held", 0.0, None);
        plant.give("limit", 10.0, None);
        limits.extend([3.4, 3.8, 4.2, 4.6, 4.8].map(|power| plant.run(4, power, 500.0)));
        limits.extend((0..60).map(|_| plant.run(4, 4.8, 500.0)));
        for limit in &limits {
            assert!((4.7..4.9).contains(limit), "{limit}: the sun stood still");
        }
        plant.give("held", 1.0, None);
        plant.give("limit", 3.0, None);
        plant.run(4, 3.0, 500.0);
        let cloud = plant.run(600, 2.4, 250.0);
        assert!(near(cloud, 2.4), "a cloud over a plant held back: {cloud}");
    }
}

#[test]
fn a_word_that_comes_late_makes_a_dent_and_no_hole() {
    let mut plant = Plant::new(&sun());
    plant.run(7_200, 6.0, 500.0);
    let late = plant.run(8, 2.0, 500.0);
    assert!(late > 5.4, "{late}");
    plant.give("held", 1.0, None);
    assert!(near(plant.run(600, 2.0, 500.0), 6.0));
}

#[test]
fn nothing_is_learned_while_it_is_held_back_or_differs() {
    let mut plant = Plant::new(&sun());
    plant.run(7_200, 6.0, 500.0);
    plant.give("held", 1.0, None);
    assert!(near(plant.run(14_400, 2.0, 500.0), 6.0), "four hours later");
    plant.give("held", 0.0, None);
    // Held back, and nobody told.
    let untold = plant.run(3_600, 2.0, 500.0);
    assert!(near(untold, 2.0) && plant.alarm().contains("irradiance says by more than 2 MW"), "{untold}");
    plant.give("held", 1.0, None);
    assert!(near(plant.run(600, 2.0, 500.0), 6.0));
    assert_eq!(plant.alarm(), "");
}

#[test]
fn units_out_of_service_lower_it_at_once() {
    let mut plant = Plant::new(&sun());
    plant.run(7_200, 6.0, 500.0);
    plant.give("held", 1.0, None);
    plant.run(600, 3.0, 500.0);
    plant.give("units", 5.0, None);
    assert!(near(plant.run(600, 3.0, 500.0), 3.0));
    plant.give("units", 4.0, None);
    let over = plant.run(4, 5.0, 2_000.0);
    assert!(near(over, 5.0) && plant.alarm().contains("more than what is told to be in service"));
    plant.give("units", 11.0, None);
    plant.run(4, 3.0, 500.0);
    let (_, quality, texts) = plant.sample();
    assert_eq!(
        (quality, texts),
        (Quality::Bad, vec!["outside its physical range: units 11 of 10 units".to_owned()])
    );
}

#[test]
fn quality_is_that_of_what_is_used() {
    let lost = Some(ReasonKind::SourceDead);
    let mut plant = Plant::new(&sun());
    plant.run(7_200, 6.0, 500.0);
    plant.give("sun", 500.0, lost);
    plant.give("kw", 5_000.0, None);
    plant.settle();
    assert_eq!(plant.sample(), (Some(5.0), Quality::Good, Vec::new()), "free: the power alone");
    plant.give("held", 1.0, None);
    plant.settle();
    let (_, quality, texts) = plant.sample();
    assert_eq!(quality, Quality::Bad);
    assert_eq!(texts, ["source does not answer: why", "an input is not good: sun"]);
    plant.give("sun", 500.0, Some(ReasonKind::Forced));
    plant.settle();
    assert_eq!(plant.sample().1, Quality::Questionable, "forced shows as forced");
    plant.give("sun", 500.0, None);
    for input in ["held", "kw"] {
        let value = if input == "held" { 1.0 } else { 5_000.0 };
        plant.give(input, value, lost);
        plant.settle();
        let (_, quality, texts) = plant.sample();
        assert_eq!(quality, Quality::Bad, "{input}");
        assert!(texts.contains(&format!("an input is not good: {input}")), "{texts:?}");
        plant.give(input, value, None);
        plant.settle();
        assert_eq!(plant.sample().1, Quality::Good, "{input} is back");
    }
}

#[test]
fn nothing_that_was_not_good_or_typed_in_stays() {
    for (kind, other) in [(ReasonKind::Forced, true), (ReasonKind::Implausible, false)] {
        for held in [0.0, 1.0] {
            let mut plant = Plant::new(&sun());
            plant.run(7_200, 6.0, 500.0);
            plant.give("held", held, None);
            plant.run(600, 5.0, 500.0);
            let before = plant.limit();
            plant.give("kw", 9_900.0, Some(kind));
            plant.give("sun", 1_400.0, other.then_some(kind));
            plant.settle();
            assert_ne!(plant.sample().1, Quality::Good);
            let after = plant.run(4, 5.0, 500.0);
            assert!(near(after, before) && plant.sample().1 == Quality::Good, "{kind:?} {held}: {after}");
        }
    }
}

#[test]
fn held_back_too_early_it_is_told_until_it_was_free_for_long_enough() {
    let mut plant = Plant::new(&sun());
    let told = |plant: &Plant| plant.alarm().contains("before the plant's part of its model was learned");
    plant.give("held", 1.0, None);
    plant.run(60, 3.0, 500.0);
    assert!(told(&plant));
    // A device that misses a poll, and one that is held back and free in turn: no alarm comes and goes with it.
    for (held, against) in
        [(1.0, Some(ReasonKind::Stale)), (1.0, None), (0.0, None), (1.0, None), (0.0, None)]
    {
        plant.give("held", held, against);
        plant.run(4, 3.0, 500.0);
        assert!(told(&plant), "{held} {against:?}");
    }
    // Free for five times the smoothing: from here on it learns.
    plant.run(280, 5.0, 500.0);
    assert!(told(&plant));
    plant.run(40, 5.0, 500.0);
    assert_eq!(plant.alarm(), "");
    plant.give("held", 1.0, None);
    plant.run(4, 3.0, 500.0);
    assert!(told(&plant), "it had not learned for long enough");
}

#[test]
fn a_start_while_held_back_says_that_nothing_is_learned() {
    let mut plant = Plant::new(&site::Hsl { ratio: 0.9, ..sun() });
    plant.give("held", 1.0, None);
    assert!(near(plant.run(600, 2.0, 500.0), 5.4), "the part that the file gives");
    assert!(plant.alarm().contains("before the plant's part of its model was learned"));
}

#[test]
fn a_plant_unlike_its_model_is_told() {
    let mut plant = Plant::new(&site::Hsl { differ_max_mw: 9.0, ..sun() });
    plant.run(36_000, 2.0, 500.0);
    assert!(plant.alarm().starts_with("the plant gives 0.5 times"), "{}", plant.alarm());
}

#[test]
fn warm_modules_give_less() {
    let mut plant = Plant::new(&sun());
    plant.run(7_200, 6.0, 500.0);
    plant.give("held", 1.0, None);
    plant.give("modules", 50.0, None);
    assert!(near(plant.run(600, 2.0, 500.0), 5.4));
}

#[test]
fn the_wind_goes_by_its_curve() {
    for (speed, power) in [(2.0, 0.0), (3.0, 0.0), (7.5, 4.5), (13.0, 9.5), (20.0, 10.0), (25.0, 0.0)] {
        let mut plant = Plant::new(&wind());
        plant.give("held", 1.0, None);
        let limit = plant.run(600, 0.0, speed);
        assert!(near(limit, power), "{speed} m/s: {limit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever comes, in whatever quality: while it is good it is a number, not below power or zero, and not above
    /// what is in service unless the power is.
    #[test]
    fn good_is_never_below_the_power_or_above_what_is_there(
        which in 0_usize..4,
        steps in prop::collection::vec(
            (0_usize..7, -0.2_f64..1.4, prop::option::weighted(0.15, 0_usize..3), 0_u64..600_000),
            1..120,
        ),
    ) {
        let hsl = [sun(), wind(), by_limit(sun()), by_limit(wind())].into_iter().nth(which).unwrap();
        let has_units = hsl.available.is_some();
        let mut plant = Plant::new(&hsl);
        plant.run(4, 5.0, 500.0);
        let (mut units, mut power, mut units_good) = (10.0, 5_000.0, true);
        for (input, size, against, millis) in steps {
            plant.millis += millis;
            let (id, value) = match input {
                0 => ("kw", size * 10_000.0),
                1 => ("held", f64::from(u8::from(size > 0.5))),
                2 => ("limit", size * 10.0),
                3 => ("units", (size * 10.0).round()),
                4 => ("sun", size * 1_200.0),
                5 => ("modules", size * 60.0),
                _ => ("wind", size * 25.0),
            };
            let kinds = [ReasonKind::SourceDead, ReasonKind::Forced, ReasonKind::Stale];
            plant.give(id, value, against.and_then(|at| kinds.get(at).copied()));
            plant.settle();
            match id {
                "units" => (units, units_good) = (value, against.is_none() && (0.0..=10.0).contains(&value)),
                "kw" => power = value,
                _ => {}
            }
            let (limit, quality, texts) = plant.sample();
            if quality == Quality::Good {
                let limit = limit.unwrap();
                prop_assert!(limit.is_finite() && limit >= 0.0);
                prop_assert!(limit >= power / 1_000.0 - 1e-9, "{limit} MW of {power} kW: {texts:?}");
                let there = if has_units && units_good { units } else { 10.0 };
                prop_assert!(limit <= (power / 1_000.0).max(there) + 1e-9, "{limit} MW of {there} MW");
            }
        }
    }
}
