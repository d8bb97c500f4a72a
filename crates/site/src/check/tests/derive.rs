//! Points made of others: what is understood, and what is told of a wrong one.

use super::*;
use crate::derive::{AnalogDerive, CheckKind, DigitalDerive, Holds};
use telemetry::Unit;

/// The example with points made of its own.
fn with(more: &str) -> Result<Site, String> {
    read(&format!("{SITE}\n{more}"))
}

fn analog(derive: &str) -> String {
    let head = "[[analog]]\nid = \"made\"\nunit = \"MW\"\nwire = \"engineering\"\n";
    format!("{head}{derive}\n")
}

fn digital(derive: &str) -> String {
    format!("[[digital]]\nid = \"made\"\n{derive}\n")
}

/// What is told of a point, without the places.
fn told(point: &str) -> String {
    let error = with(point).unwrap_err();
    error.lines().map(|line| line.splitn(4, ':').nth(3).unwrap_or(line).trim()).collect::<Vec<_>>().join("\n")
}

#[test]
fn inputs_are_found_with_their_units() {
    let text = analog("derive = { op = \"first-good\", of = [\"poi.mw\", \"bess.mw\"], differ_max = 0.5 }")
        + &digital("derive = { op = \"above\", of = [\"poi.mw\"], limit = 1.0 }")
            .replace("made", "made.state");
    let site = with(&text).unwrap();
    let made = site.analogs.last().unwrap();
    let Some(AnalogDerive::FirstGood { of, differ_max }) = &made.derive else { panic!("{made:?}") };
    assert_eq!((of[0].point.as_str(), of[0].unit, *differ_max), ("poi.mw", Unit::Megawatt, Some(0.5)));
    assert!(made.source.is_none());
    let state = site.digitals.last().unwrap();
    assert!(matches!(&state.derive, Some(DigitalDerive::Above(limit)) if limit.limit == 1.0), "{state:?}");
}

#[test]
fn checks_are_read() {
    let checks = "derive = { op = \"sum\", of = [\"poi.mw\"] }\nrate_max = 2.0\n\
        flat = { for_s = 60, gate = [{ point = \"poi.breaker\", is = true }, { point = \"poi.mw\", above = 1 }] }\n\
        cross = { with = \"bess.mw\", differ_max = 1.0 }\nbad_on = [\"cross\"]";
    let site = with(&analog(checks)).unwrap();
    let checks = &site.analogs.last().unwrap().checks;
    let flat = checks.flat.as_ref().unwrap();
    assert_eq!((flat.after.as_secs(), flat.gates[0].holds), (60, Holds::Is(true)));
    assert_eq!(flat.gates[1].holds, Holds::Above(1.0));
    assert!(checks.bad_on.contains(&CheckKind::Cross) && checks.rate_max == Some(2.0));
}

#[test]
fn what_is_wrong_is_told_where_it_is() {
    let cases = [
        (
            analog("derive = { op = \"sum\", of = [] }"),
            "analog[4].derive.of: 0 inputs, `sum` takes at least 1",
        ),
        (
            analog("derive = { op = \"select\", of = [\"poi.mw\"] }"),
            "analog[4].derive.of: 1 inputs, `select` takes 2",
        ),
        (
            analog("derive = { op = \"sum\", of = [\"poi.mw\"], factor = 2 }"),
            "analog[4].derive.factor: `sum` has no `factor`; scale, product has",
        ),
        (
            analog("derive = { op = \"sum\", of = [\"nowhere\"] }"),
            "analog[4].derive.of: there is no point `nowhere`",
        ),
        (
            analog("derive = { op = \"sum\", of = [\"poi.breaker\"] }"),
            "analog[4].derive.of: `poi.breaker` is a point of kind digital, wanted: analog",
        ),
        (
            analog("derive = { op = \"sum\", of = [\"rtd.heartbeat\"] }"),
            "analog[4].derive.of: `rtd.heartbeat` is in counts, wanted: a unit like MW",
        ),
        (
            analog("derive = { op = \"any\", of = [\"poi.breaker\"] }"),
            "analog[4].derive.op: `any` gives a state: it is for [[digital]]",
        ),
        (
            digital("derive = { op = \"mean\", of = [\"poi.mw\"], window_s = 1 }"),
            "digital[2].derive.op: `mean` gives a quantity: it is for [[analog]]",
        ),
        (
            analog("derive = { op = \"mean\", of = [\"poi.mw\"] }"),
            "analog[4].derive: missing field `window_s` of op `mean`",
        ),
        (
            analog("derive = { op = \"integrate\", of = [\"poi.mw\"] }"),
            "analog[4].derive.op: gives an energy, and the point is in MW; allowed: Wh, kWh, MWh",
        ),
        (
            analog("derive = { op = \"average\", of = [\"poi.mw\"], quorum = 2 }"),
            "analog[4].derive.quorum: 2 of 1 inputs, allowed: 1 to 1",
        ),
        (
            analog("derive = { op = \"limit\", of = [\"poi.mw\"], low = 3, high = 2 }"),
            "analog[4].derive: low 3 is not below high 2",
        ),
        (
            analog("derive = { op = \"limit\", of = [\"poi.mw\"] }"),
            "analog[4].derive: `low`, `high` or both are needed",
        ),
        (analog("derive = { op = \"sum\", of = [\"made\"] }"), "derive: is made of itself: made, of made"),
        (
            digital("derive = { op = \"quorum\", of = [\"poi.breaker\"] }"),
            "digital[2].derive: `quorum` is missing: how many must be true",
        ),
        (
            analog("derive = { op = \"sum\", of = [\"poi.mw\"] }\nage_max_ms = 5"),
            "analog[4].age_max_ms: `age_max_ms` is for a point that is read: this one has `derive`",
        ),
        (
            analog("derive = { op = \"sum\", of = [\"poi.mw\"] }\nbad_on = [\"flat\"]"),
            "analog[4].bad_on: `flat`, but the point has no `flat`",
        ),
        (
            analog("flat = { for_s = 0, gate = [{ point = \"poi.mw\" }] }"),
            "analog[4].flat.for_s: 0 s, allowed: 1 to 604800\n\
             analog[4].flat.gate: exactly one of `above`, `below` and `is` is needed",
        ),
        (analog("rate_max = -1.0"), "analog[4].rate_max: -1, must be above 0"),
    ];
    for (point, expected) in cases {
        assert_eq!(told(&point), expected, "{point}");
    }
}

#[test]
fn a_long_circle_is_told_in_words() {
    let one = |id: &str, of: &str| {
        analog(&format!("derive = {{ op = \"sum\", of = [\"{of}\"] }}")).replace("made", id)
    };
    let text = [one("a", "b"), one("b", "c"), one("c", "a"), one("d", "a")].concat();
    assert_eq!(told(&text), "derive: is made of itself: a, of b, of c, of a");
}
