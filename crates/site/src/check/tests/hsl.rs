//! High sustainable limits, energy limits and the connection: what is understood, and what is told of a wrong one.

use super::*;
use crate::derive::{AnalogDerive, DigitalDerive};
use crate::hsl::{Curtailed, Resource};
use telemetry::PointId;

/// What the limits are made of: unserved points of the met station and the plant.
const INPUTS: &str = r#"
[[analog]]
id = "poa"
unit = "W/m2"
wire = "engineering"
[[analog]]
id = "modules"
unit = "degC"
wire = "engineering"
[[analog]]
id = "wind"
unit = "m/s"
wire = "engineering"
[[analog]]
id = "inverters"
unit = "counts"
wire = "engineering"
derive = { op = "count", of = ["poi.breaker"] }
[[analog]]
id = "soh"
unit = "%"
wire = "engineering"
"#;

const SUN: &str = "op = \"hsl-sun\", of = [\"poi.mw\"], irradiance = \"poa\", capacity_mw = 10, \
                   limited_to = \"bess.mw\"";
const WIND: &str = "op = \"hsl-wind\", of = [\"poi.mw\"], speed = \"wind\", capacity_mw = 10, \
                    curtailed = \"poi.breaker\", curve = [[3, 0], [12, 10]]";
const ENERGY: &str = "op = \"energy-limit\", of = [\"inverters\"], units = 20, full_mwh = 400";

fn with(unit: &str, derive: &str) -> Result<Site, String> {
    let made = format!(
        "[[analog]]\nid = \"made\"\nunit = \"{unit}\"\nwire = \"engineering\"\nderive = {{ {derive} }}\n"
    );
    read(&format!("{SITE}\n{INPUTS}\n{made}"))
}

fn made(unit: &str, derive: &str) -> AnalogDerive {
    with(unit, derive).unwrap().analogs.pop().unwrap().derive.unwrap()
}

fn inputs(derive: &AnalogDerive) -> Vec<&str> {
    derive.inputs().into_iter().map(PointId::as_str).collect()
}

#[test]
fn limits_are_read_with_what_they_are_made_of() {
    let more = ", temperature = \"modules\", gamma = -0.35, available = \"inverters\", units = 4, dc_mw = 13";
    let sun = made("kW", &format!("{SUN}{more}"));
    assert_eq!(
        (sun.op(), inputs(&sun)),
        ("hsl-sun", vec!["poi.mw", "bess.mw", "inverters", "poa", "modules"])
    );
    let AnalogDerive::Hsl(hsl) = sun else { panic!("{sun:?}") };
    assert!(matches!(hsl.resource, Resource::Sun { dc_mw: 13.0, temperature: Some((_, -0.35)), .. }));
    assert!(matches!(hsl.curtailed, Curtailed::AtLimit { band_mw: 0.1, .. }));
    assert_eq!((hsl.smooth.as_secs(), hsl.learn.as_secs(), hsl.ratio), (60, 600, 1.0));
    assert_eq!((hsl.tolerance_mw, hsl.differ_max_mw), (0.1, 2.0));
    let wind = made("MW", WIND);
    assert_eq!((wind.op(), inputs(&wind)), ("hsl-wind", vec!["poi.mw", "poi.breaker", "wind"]));
    let energy = made("MWh", &format!("{ENERGY}, health = \"soh\", high = 380"));
    assert_eq!((energy.op(), inputs(&energy)), ("energy-limit", vec!["inverters", "soh"]));
}

#[test]
fn what_does_not_fit_is_told() {
    let swap = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    let cases = [
        ("W/m2", SUN.to_owned(), "gives a power, and the point is in W/m2; allowed: W, kW, MW"),
        (
            "MW",
            swap(SUN, "\"poa\"", "\"wind\""),
            "derive.irradiance: `wind` is in m/s, wanted: a unit like W/m2",
        ),
        (
            "MW",
            swap(SUN, ", limited_to = \"bess.mw\"", ""),
            "exactly one of `curtailed` (a digital) and `limited_to`",
        ),
        (
            "MW",
            format!("{SUN}, curtailed = \"poi.breaker\""),
            "exactly one of `curtailed` (a digital) and `limited_to`",
        ),
        ("MW", swap(SUN, "capacity_mw = 10, ", ""), "missing field `capacity_mw` of op `hsl-sun`"),
        ("MW", format!("{SUN}, ratio = 2.0"), "derive.ratio: 2, allowed: 0.5 to 1.3"),
        ("MW", format!("{SUN}, gamma = -0.4"), "`temperature` and `gamma` go together"),
        ("MW", format!("{SUN}, available = \"inverters\""), "`available` and `units` go together"),
        (
            "MW",
            format!("{SUN}, available = \"poa\", units = 4"),
            "`poa` is in W/m2, wanted: a plain number (counts)",
        ),
        ("MW", format!("{SUN}, cut_out = 25.0"), "`hsl-sun` has no `cut_out`; hsl-wind has"),
        ("MW", format!("{WIND}, band_mw = 0.5"), "`band_mw` goes with `limited_to`"),
        ("MW", swap(WIND, "[12, 10]", "[2, 10]"), "speeds ascending"),
        ("MW", format!("{WIND}, cut_out = 11.0"), "11 m/s is below the curve's last speed 12"),
        ("MW", ENERGY.to_owned(), "gives an energy, and the point is in MW; allowed: Wh, kWh, MWh"),
        ("MWh", swap(ENERGY, "units = 20, ", ""), "missing field `units` of op `energy-limit`"),
        ("MWh", format!("{ENERGY}, low = 400, high = 20"), "low 400 is not below high 20"),
        ("MWh", format!("{ENERGY}, reserve_mwh = -1"), "reserve_mwh: -1, must be 0 or above"),
    ];
    for (unit, derive, wanted) in cases {
        let error = with(unit, &derive).unwrap_err();
        assert!(error.contains(wanted), "{derive}\n{error}");
    }
}

#[test]
fn a_limit_that_is_made_of_itself_is_refused() {
    let error = with("MW", &SUN.replace("poi.mw", "made")).unwrap_err();
    assert!(error.contains("is made of itself: made, of made"), "{error}");
}

#[test]
fn a_connection_of_several_paths() {
    let site = read(&SITE.replace("all = [\"poi.breaker\"]", "any = [\"poi.breaker\"]")).unwrap();
    assert_eq!(site.connection.unwrap().derive, DigitalDerive::Any(vec!["poi.breaker".into()]));
}
