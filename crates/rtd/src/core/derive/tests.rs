//! Each operation over good, lost, forced and missing inputs.

use ieee1815::PointType;
use site::Term;
use telemetry::{Now, PointId, Quality};

use super::*;
use crate::core::points::{PointSpec, Source};
use crate::core::table::Table;

/// A table with quantities `a` to `d` in kilowatts, states `s` to `u`, and results in megawatts and as a state.
fn table() -> Table {
    let spec = |id: &str, unit: Option<Unit>| PointSpec {
        id: id.into(),
        name: "".into(),
        point: if unit.is_some() { PointType::AnalogInput } else { PointType::BinaryInput },
        index: None,
        unit,
        scale: None,
        full_scale: "".into(),
        source: Source::Made,
    };
    let quantities = ["a", "b", "c", "d"].map(|id| spec(id, Some(Unit::Kilowatt)));
    let states = ["s", "t", "u"].map(|id| spec(id, None));
    let results = [spec("made", Some(Unit::Megawatt)), spec("made.state", None)];
    Table::new(quantities.into_iter().chain(states).chain(results).collect(), Vec::new(), 1)
}

/// A value, with what speaks against it.
type Given = (&'static str, Option<f64>, Option<ReasonKind>);

fn give(table: &mut Table, given: &[Given], millis: u64) {
    for (id, value, against) in given {
        let at = table.find(id).unwrap();
        let is_state = table.row(at).unwrap().spec.unit.is_none();
        let value = value.map(|v| if is_state { Value::Binary(v != 0.0) } else { Value::Analog(v) });
        let reasons = against.map(|kind| Reason::new(kind, "why")).into_iter().collect();
        table.make(at, value, reasons, Now::virtual_millis(millis));
    }
}

fn inputs(table: &Table, ids: &[&PointId]) -> Vec<Input> {
    let one = |id: &&PointId| {
        let at = table.find(id.as_str()).unwrap();
        Input { at, unit: table.row(at).unwrap().spec.unit }
    };
    ids.iter().map(one).collect()
}

/// What is made, and why it is not good, in short.
fn made(derive: &AnalogDerive, given: &[Given]) -> (Option<f64>, Quality, Vec<String>) {
    let mut table = table();
    let point = table.find("made").unwrap();
    let of = inputs(&table, &derive.inputs());
    table.derive(vec![Derived::quantity(point, derive, of, Unit::Megawatt, None)]);
    give(&mut table, given, 1_000);
    table.settle(Now::virtual_millis(1_000));
    let sample = &table.row(point).unwrap().sample;
    let alarms = table.alarms(point).into_keys().map(ToOwned::to_owned);
    let texts = sample.reasons.iter().map(ToString::to_string).chain(alarms).collect();
    (sample.value.map(Value::as_f64), sample.quality(), texts)
}

fn state(derive: &DigitalDerive, given: &[Given]) -> (Option<bool>, Quality) {
    let mut table = table();
    let point = table.find("made.state").unwrap();
    let of = inputs(&table, &derive.inputs());
    table.derive(vec![Derived::state(point, derive, of)]);
    give(&mut table, given, 1_000);
    table.settle(Now::virtual_millis(1_000));
    let sample = &table.row(point).unwrap().sample;
    (sample.value.and_then(Value::as_bool), sample.quality())
}

fn terms(ids: &[&str]) -> Vec<Term> {
    ids.iter().map(|id| Term { point: (*id).into(), unit: Unit::Kilowatt }).collect()
}

fn ids(ids: &[&str]) -> Vec<PointId> {
    ids.iter().map(|id| (*id).into()).collect()
}

const GOOD: [Given; 3] = [("a", Some(1_000.0), None), ("b", Some(2_000.0), None), ("c", Some(600.0), None)];

fn with(lost: &'static str, kind: ReasonKind) -> Vec<Given> {
    GOOD.map(|(id, value, _)| (id, value, (id == lost).then_some(kind))).to_vec()
}

#[test]
fn arithmetic_converts_units_and_needs_every_input() {
    let one = |id: &str| terms(&[id]).remove(0);
    let cases = [
        (AnalogDerive::Sum(terms(&["a", "b", "c"])), 3.6),
        (AnalogDerive::Difference(terms(&["b", "a", "c"])), 0.4),
        (AnalogDerive::Minimum(terms(&["a", "b", "c"])), 0.6),
        (AnalogDerive::Maximum(terms(&["a", "b", "c"])), 2.0),
        (AnalogDerive::Average { of: terms(&["a", "b", "c"]), quorum: 3 }, 1.2),
        (AnalogDerive::Product { of: terms(&["a", "c"]), factor: 1e-3 }, 600.0),
        (AnalogDerive::Scale { of: one("a"), factor: 0.5, offset: 3.0 }, 503.0),
        (AnalogDerive::Limit { of: one("a"), low: Some(1.5), high: None }, 1.5),
        (AnalogDerive::Limit { of: one("a"), low: None, high: Some(0.25) }, 0.25),
    ];
    for (derive, value) in cases {
        let (found, quality, texts) = made(&derive, &GOOD);
        assert!((found.unwrap() - value).abs() < 1e-9, "{derive:?}: {found:?}");
        assert_eq!((quality, texts.len()), (Quality::Good, 0), "{derive:?}");
        let (found, quality, texts) = made(&derive, &with("a", ReasonKind::SourceDead));
        if derive.op() == "average" {
            assert_eq!((found, quality), (Some(1.3), Quality::Bad), "one below its quorum");
            continue;
        }
        assert!((found.unwrap() - value).abs() < 1e-9, "the last value is kept: {derive:?}");
        assert_eq!(quality, Quality::Bad, "{derive:?}");
        assert_eq!(texts, ["source does not answer: why", "an input is not good: a"], "{derive:?}");
    }
}

#[test]
fn a_missing_input_leaves_no_value() {
    let derive = AnalogDerive::Sum(terms(&["a", "d"]));
    let (value, quality, texts) = made(&derive, &GOOD);
    assert_eq!((value, quality), (None, Quality::Bad));
    assert_eq!(texts, ["never read since start", "an input is not good: d"]);
}

#[test]
fn an_average_does_with_its_quorum() {
    let derive = AnalogDerive::Average { of: terms(&["a", "b", "c"]), quorum: 2 };
    assert_eq!(made(&derive, &with("b", ReasonKind::Stale)), (Some(0.8), Quality::Good, Vec::new()));
    let two: Vec<Given> =
        GOOD.map(|(id, value, _)| (id, value, (id != "c").then_some(ReasonKind::Stale))).to_vec();
    let (value, quality, texts) = made(&derive, &two);
    assert_eq!((value, quality), (Some(0.6), Quality::Bad));
    assert!(texts.contains(&"an input is not good: a".to_owned()), "{texts:?}");
}

#[test]
fn a_forced_input_makes_the_result_forced_and_says_whose() {
    let (value, quality, texts) =
        made(&AnalogDerive::Sum(terms(&["a", "b"])), &with("a", ReasonKind::Forced));
    assert_eq!((value, quality), (Some(3.0), Quality::Questionable));
    assert_eq!(texts, ["forced here: a why"]);
}

#[test]
fn what_the_source_itself_has_clipped_makes_nothing_good() {
    let (value, quality, texts) =
        made(&AnalogDerive::Sum(terms(&["a", "b"])), &with("a", ReasonKind::Saturated));
    assert_eq!((value, quality), (Some(3.0), Quality::Bad));
    assert!(texts.contains(&"an input is not good: a".to_owned()), "{texts:?}");
}

#[test]
fn the_backup_stands_in_and_says_so() {
    let derive = AnalogDerive::FirstGood { of: terms(&["a", "c"]), differ_max: Some(0.3) };
    assert_eq!(made(&derive, &GOOD), (Some(1.0), Quality::Good, vec!["differ".to_owned()]));
    let (value, quality, texts) = made(&derive, &with("a", ReasonKind::Stale));
    assert_eq!((value, quality, texts), (Some(0.6), Quality::Good, vec!["fallback".to_owned()]));
    let none: Vec<Given> = GOOD.map(|(id, value, _)| (id, value, Some(ReasonKind::Stale))).to_vec();
    let (value, quality, texts) = made(&derive, &none);
    assert_eq!((value, quality), (Some(1.0), Quality::Bad));
    assert!(texts.iter().any(|text| text.ends_with(": a")) && texts.iter().any(|text| text.ends_with(": c")));
}

#[test]
fn a_selection_depends_on_the_state_and_the_one_taken() {
    let derive =
        AnalogDerive::Select { when: "s".into(), yes: terms(&["a"]).remove(0), no: terms(&["b"]).remove(0) };
    let given = |on: f64, lost: &'static str| {
        let mut given = with(lost, ReasonKind::Stale);
        given.push(("s", Some(on), None));
        given
    };
    assert_eq!(made(&derive, &given(1.0, "b")), (Some(1.0), Quality::Good, Vec::new()));
    assert_eq!(made(&derive, &given(0.0, "b")).1, Quality::Bad);
    assert_eq!(made(&derive, &GOOD).1, Quality::Bad, "nobody knows which");
}

#[test]
fn states_that_one_input_decides() {
    let any = DigitalDerive::Any(ids(&["s", "t"]));
    let all = DigitalDerive::All(ids(&["s", "t"]));
    let lost = Some(ReasonKind::SourceDead);
    let table = [
        (&any, [("s", Some(1.0), None), ("t", Some(0.0), lost)], (Some(true), Quality::Good)),
        (&any, [("s", Some(0.0), None), ("t", Some(0.0), lost)], (Some(false), Quality::Bad)),
        (&any, [("s", Some(0.0), None), ("t", Some(0.0), None)], (Some(false), Quality::Good)),
        (&all, [("s", Some(0.0), None), ("t", Some(1.0), lost)], (Some(false), Quality::Good)),
        (&all, [("s", Some(1.0), None), ("t", Some(1.0), lost)], (Some(true), Quality::Bad)),
        (&all, [("s", Some(1.0), None), ("t", Some(1.0), None)], (Some(true), Quality::Good)),
    ];
    for (derive, given, expected) in table {
        assert_eq!(state(derive, &given), expected, "{derive:?} {given:?}");
    }
}

#[test]
fn a_quorum_is_good_as_soon_as_it_is_settled() {
    let derive = DigitalDerive::Quorum { of: ids(&["s", "t", "u"]), quorum: 2 };
    let lost = Some(ReasonKind::SourceDead);
    let on = ("s", Some(1.0), None);
    let off = ("t", Some(0.0), None);
    assert_eq!(state(&derive, &[on, ("t", Some(1.0), None)]), (Some(true), Quality::Good));
    assert_eq!(state(&derive, &[on, off, ("u", Some(1.0), lost)]), (Some(true), Quality::Bad));
    assert_eq!(state(&derive, &[off, ("s", Some(0.0), None)]), (Some(false), Quality::Good));
    assert_eq!(state(&derive, &[on]), (None, Quality::Bad));
}

#[test]
fn a_limit_has_its_hysteresis_both_ways() {
    let threshold = |limit| site::Threshold { of: "a".into(), limit, hysteresis: 100.0 };
    let run = |derive: DigitalDerive, values: &[f64]| -> Vec<bool> {
        let mut table = table();
        let point = table.find("made.state").unwrap();
        let of = inputs(&table, &derive.inputs());
        table.derive(vec![Derived::state(point, &derive, of)]);
        let one = |(at, value): (usize, &f64)| {
            let millis = u64::try_from(at).unwrap() * 1_000;
            give(&mut table, &[("a", Some(*value), None)], millis);
            table.settle(Now::virtual_millis(millis));
            table.row(point).unwrap().good_state().unwrap()
        };
        values.iter().enumerate().map(one).collect()
    };
    let values = [950.0, 1_001.0, 950.0, 899.0, 950.0];
    assert_eq!(run(DigitalDerive::Above(threshold(1_000.0)), &values), [false, true, true, false, false]);
    let values = [1_050.0, 999.0, 1_050.0, 1_101.0, 1_050.0];
    assert_eq!(run(DigitalDerive::Below(threshold(1_000.0)), &values), [false, true, true, false, false]);
}

/// Runs a quantity over samples of `a`, in seconds and kilowatts; what it is after each.
fn over(
    derive: &AnalogDerive,
    unit: Unit,
    samples: &[(u64, f64, Option<ReasonKind>)],
) -> Vec<(f64, Quality)> {
    let mut table = table();
    let point = table.find("made").unwrap();
    let of = inputs(&table, &derive.inputs());
    table.derive(vec![Derived::quantity(point, derive, of, unit, None)]);
    let one = |(second, value, against): &(u64, f64, Option<ReasonKind>)| {
        give(&mut table, &[("a", Some(*value), *against)], second * 1_000);
        table.settle(Now::virtual_millis(second * 1_000));
        let sample = &table.row(point).unwrap().sample;
        (sample.value.unwrap().as_f64(), sample.quality())
    };
    samples.iter().map(one).collect()
}

#[test]
fn an_energy_counts_what_it_saw_and_nothing_else() {
    let derive = AnalogDerive::Integrate { of: terms(&["a"]).remove(0), initial: 5.0 };
    let lost = Some(ReasonKind::Stale);
    let samples = [
        (0, 1_000.0, None),
        (3_600, 3_000.0, None),
        (5_400, 3_000.0, lost),
        (7_200, 1_000.0, None),
        (9_000, 1_000.0, None),
    ];
    let found = over(&derive, Unit::MegawattHour, &samples);
    let expected = [(5.0, true), (7.0, true), (7.0, false), (7.0, true), (7.5, true)];
    for ((value, quality), (wanted, good)) in found.into_iter().zip(expected) {
        assert!((value - wanted).abs() < 1e-9 && (quality == Quality::Good) == good, "{value} {wanted}");
    }
}

#[test]
fn a_mean_weighs_by_time_within_its_window() {
    let derive =
        AnalogDerive::Mean { of: terms(&["a"]).remove(0), window: std::time::Duration::from_secs(60) };
    let samples = [
        (0, 1_000.0, None),
        (30, 3_000.0, None),
        (60, 3_000.0, None),
        (90, 0.0, None),
        (120, 0.0, Some(ReasonKind::Stale)),
        (300, 500.0, None),
    ];
    let found = over(&derive, Unit::Megawatt, &samples);
    let expected = [(1.0, true), (1.0, true), (2.0, true), (3.0, true), (1.5, false), (0.5, true)];
    for ((value, quality), (wanted, good)) in found.into_iter().zip(expected) {
        assert!((value - wanted).abs() < 1e-9 && (quality == Quality::Good) == good, "{value} {wanted}");
    }
}

/// As [`over`], but of directions.
#[test]
fn the_mean_of_directions_is_a_direction() {
    let north = |value: f64| value.min((value - 360.0).abs()) < 1e-6;
    let of: Vec<Term> =
        ["a", "b", "c"].map(|id| Term { point: id.into(), unit: Unit::Degree }).into_iter().collect();
    let stations = AnalogDerive::Average { of: of.clone(), quorum: 1 };
    let window = std::time::Duration::from_secs(60);
    let one = AnalogDerive::Mean { of: of[0].clone(), window };
    let spec = |id: &str| PointSpec {
        id: id.into(),
        name: "".into(),
        point: PointType::AnalogInput,
        index: None,
        unit: Some(Unit::Degree),
        scale: None,
        full_scale: "".into(),
        source: Source::Made,
    };
    let mut table = Table::new(["a", "b", "c", "all", "one"].map(spec).into(), Vec::new(), 1);
    let find = |table: &Table, id: &str| table.find(id).unwrap();
    let derived = [("all", &stations), ("one", &one)].map(|(id, derive)| {
        let of = inputs(&table, &derive.inputs());
        Derived::quantity(find(&table, id), derive, of, Unit::Degree, None)
    });
    table.derive(derived.into());
    let value = |table: &Table, id: &str| {
        let sample = &table.row(find(table, id)).unwrap().sample;
        (sample.value.unwrap().as_f64(), sample.quality())
    };
    give(&mut table, &[("a", Some(350.0), None), ("b", Some(10.0), None), ("c", Some(0.0), None)], 0);
    table.settle(Now::virtual_millis(0));
    let (all, quality) = value(&table, "all");
    assert!(north(all) && quality == Quality::Good, "{all}");
    give(&mut table, &[("a", Some(10.0), None)], 30_000);
    table.settle(Now::virtual_millis(30_000));
    give(&mut table, &[("a", Some(10.0), None)], 60_000);
    table.settle(Now::virtual_millis(60_000));
    let (mean, quality) = value(&table, "one");
    assert!(north(mean) && quality == Quality::Good, "{mean}: 350 and 10 for 30 s each");
    give(&mut table, &[("a", Some(190.0), None), ("c", Some(10.0), Some(ReasonKind::Stale))], 61_000);
    table.settle(Now::virtual_millis(61_000));
    assert_eq!(value(&table, "all").1, Quality::Bad, "10 and 190 cancel each other out");
}

#[test]
fn an_energy_limit_is_what_is_left() {
    let mut table = table();
    let point = table.find("made").unwrap();
    let term = |id: &str, unit| Term { point: id.into(), unit };
    let limit = site::EnergyLimit {
        available: site::Available { of: term("a", Unit::Count), units: 20.0 },
        full_mwh: 400.0,
        health: Some(term("b", Unit::Percent)),
        reserve_mwh: 10.0,
        low_mwh: None,
        high_mwh: Some(360.0),
    };
    let derive = AnalogDerive::EnergyLimit(Box::new(limit));
    let units = [Unit::Count, Unit::Percent];
    let of = inputs(&table, &derive.inputs()).into_iter().zip(units);
    let of = of.map(|(input, unit)| Input { unit: Some(unit), ..input }).collect();
    table.derive(vec![Derived::quantity(point, &derive, of, Unit::MegawattHour, None)]);
    let cases = [
        (20.0, 95.0, Some(360.0), true),
        (15.0, 90.0, Some(260.0), true),
        (20.0, 104.0, Some(360.0), true),
        (0.0, 90.0, Some(0.0), true),
        (21.0, 90.0, Some(0.0), false),
        (20.0, -1.0, Some(0.0), false),
    ];
    for (millis, (racks, health, value, good)) in (1..).zip(cases) {
        give(&mut table, &[("a", Some(racks), None), ("b", Some(health), None)], millis);
        table.settle(Now::virtual_millis(millis));
        let sample = &table.row(point).unwrap().sample;
        assert_eq!(sample.value.map(Value::as_f64), value, "{racks} racks, {health} %");
        assert_eq!(sample.quality() == Quality::Good, good, "{racks} racks, {health} %");
    }
    give(&mut table, &[("a", Some(20.0), None), ("b", Some(90.0), Some(ReasonKind::Stale))], 99);
    table.settle(Now::virtual_millis(99));
    assert_eq!(table.row(point).unwrap().sample.quality(), Quality::Bad);
}

#[test]
fn what_was_typed_in_is_in_no_energy_and_no_mean() {
    let forced = Some(ReasonKind::Forced);
    let energy = AnalogDerive::Integrate { of: terms(&["a"]).remove(0), initial: 5.0 };
    let samples =
        [(0, 1_000.0, None), (3_600, 9_000.0, forced), (7_200, 1_000.0, None), (9_000, 1_000.0, None)];
    let found = over(&energy, Unit::MegawattHour, &samples);
    assert_eq!(found[1], (5.0, Quality::Questionable));
    assert_eq!(found[3], (5.5, Quality::Good), "{found:?}");
    let window = std::time::Duration::from_secs(60);
    let mean = AnalogDerive::Mean { of: terms(&["a"]).remove(0), window };
    let samples = [(0, 1_000.0, None), (30, 9_000.0, forced), (50, 1_000.0, None), (60, 1_000.0, None)];
    let found = over(&mean, Unit::Megawatt, &samples);
    assert_eq!((found[1].1, found[3]), (Quality::Questionable, (1.0, Quality::Good)), "{found:?}");
}

#[test]
fn what_is_made_of_what_is_made_comes_in_the_right_order() {
    let mut table = table();
    let at = |table: &Table, id: &str| table.find(id).unwrap();
    let derive = AnalogDerive::Sum(terms(&["a", "b"]));
    let of = inputs(&table, &derive.inputs());
    let sum = Derived::quantity(at(&table, "d"), &derive, of, Unit::Kilowatt, None);
    let top = DigitalDerive::Above(site::Threshold { of: "d".into(), limit: 2_500.0, hysteresis: 0.0 });
    let of = inputs(&table, &top.inputs());
    let top = Derived::state(at(&table, "made.state"), &top, of);
    table.derive(vec![top, sum]);
    give(&mut table, &GOOD, 1);
    table.settle(Now::virtual_millis(1));
    assert_eq!(table.row(at(&table, "made.state")).unwrap().good_state(), Some(true));
}

#[test]
fn a_result_outside_its_range_or_no_number_is_not_good() {
    let mut table = table();
    let point = table.find("made").unwrap();
    let derive = AnalogDerive::Product { of: terms(&["a", "b"]), factor: 1e308 };
    let of = inputs(&table, &derive.inputs());
    table.derive(vec![Derived::quantity(
        point,
        &derive,
        of,
        Unit::Megawatt,
        Some((0.0, 5.0, "0..5 MW".into())),
    )]);
    give(&mut table, &GOOD, 1);
    table.settle(Now::virtual_millis(1));
    assert!(table.row(point).unwrap().sample.reasons.has(ReasonKind::NotANumber));
    give(&mut table, &[("a", Some(0.0), None)], 2);
    table.settle(Now::virtual_millis(2));
    assert_eq!(table.row(point).unwrap().sample.quality(), Quality::Good);
    give(&mut table, &[("a", Some(6e-308), None), ("b", Some(1.0), None)], 3);
    table.settle(Now::virtual_millis(3));
    assert!(table.row(point).unwrap().sample.reasons.has(ReasonKind::Implausible));
}
