//! How a set point is carried out: what is understood, and what is told of a wrong one.

use super::*;
use crate::regulating::{Bound, Dispatch, Handover, OnLoss};
use telemetry::{PointId, Unit};

const INPUTS: &str = r#"
[[analog]]
id = "limit"
unit = "kW"
wire = "engineering"
[[analog]]
id = "charge"
unit = "MWh"
wire = "engineering"
"#;

const DRIVE: &str = "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]";

/// The example with its drive replaced, and the points that are named.
fn with(keys: &str) -> Result<Site, String> {
    assert!(SITE.contains(DRIVE));
    read(&format!("{}\n{INPUTS}", SITE.replacen(DRIVE, keys, 1)))
}

fn more(keys: &str) -> Result<Site, String> {
    with(&format!("{DRIVE}\n{keys}"))
}

#[test]
fn without_its_keys_a_set_point_is_passed_on_at_once() {
    let site = read(SITE).unwrap();
    assert_eq!(site.setpoints[0].regulating, crate::Regulating::default());
    assert_eq!(site.setpoints[0].drives[0].part, crate::Part::default());
}

#[test]
fn every_key_is_understood() {
    let site = with(
        r#"drive = [{ device = "bess", control = "704", low = -1.5, high = "limit", stored = "charge", room = "charge", priority = 2, least = 0.5, available = "poi.breaker", power = "poi.mw", energy = { charge = "charge", lowest = 1.0, highest = 2.0 }, free = true }]
ramp_up_per_min = 20.0
deadband = 0.1
on_loss = "schedule"
silence_ms = 60000
schedule = "limit"
commands_max = { count = 10, within_s = 60 }
limits_hard = { low = "limit", high = "limit" }
limits_soft = { high = "limit" }
energy = { charge = "charge", lowest = 0.4, highest = 7.6, efficiency = 0.95 }
device_remote = ["poi.breaker"]
trim = { meter = "poi.mw", gain = 0.02, most = 0.5 }
dispatch = "charge"
follows_within = 0.5
follows_s = 30
charge_within = "poi.mw"
aux = "limit"
handover = "disable"
raise = 5
lower = 6
pulse = { each = 0.1, per_second = 0.2 }
clamp = { id = "clamp", index = 90 }
owner = { id = "owner" }
score = { step_ms = 2000, window_s = 60, delay_max_steps = 3, accuracy_below = 0.5 }
"#,
    )
    .unwrap();
    let (how, part) = (&site.setpoints[0].regulating, &site.setpoints[0].drives[0].part);
    assert_eq!((how.ramp_up_per_min, how.ramp_down_per_min), (Some(20.0), Some(20.0)), "down as up");
    assert_eq!((how.on_loss, how.handover), (OnLoss::Schedule, Handover::Disable));
    assert_eq!((how.dispatch, how.soft.low.as_ref()), (Some(Dispatch::Charge), None));
    let energy = how.energy.as_ref().unwrap();
    assert_eq!((energy.efficiency, energy.horizon.as_secs()), (0.95, 60));
    assert_eq!(how.pulse.map(|pulse| pulse.longest.as_secs()), Some(10));
    assert_eq!(how.clamp.as_ref().and_then(|point| point.served.index), Some(90));
    let score = how.score.as_ref().unwrap();
    assert_eq!((score.steps(), score.delay_max, score.accuracy_below), (30, 3, Some(0.5)));
    let sheet = site.setpoints[0].shown_in_sheet().map(|one| one.key).collect::<Vec<_>>();
    assert_eq!(sheet, ["feedback", "clamp"], "what only the history has is nothing for the ISO");
    assert_eq!(part.low, Some(Bound::Number(-1.5)));
    assert_eq!(part.high, Some(Bound::Point(PointId::from("limit"))));
    assert_eq!((part.priority, part.least, part.free), (2, 0.5, true));
    assert_eq!(part.power, Some(PointId::from("poi.mw")));
    assert_eq!(part.energy.as_ref().map(|energy| energy.highest), Some(2.0));
    let ids = [&how.charge_within, &how.aux].map(|id| id.as_ref().map(ToString::to_string));
    assert_eq!(ids, [Some("poi.mw".to_owned()), Some("limit".to_owned())]);
    let setpoint = &site.setpoints[0];
    let shown: Vec<_> = setpoint.shown().map(|one| (one.key, one.point.served.index)).collect();
    let feedback = setpoint.feedback.point.served.index;
    assert_eq!(shown, [("feedback", feedback), ("clamp", Some(90)), ("owner", None), ("score", None)]);
    let pulses = setpoint.pulses().map(|(key, point)| (key, point.id.to_string(), point.served.index));
    let id = |key: &str| format!("{}.{key}", setpoint.point.id);
    assert_eq!(
        pulses.collect::<Vec<_>>(),
        [("raise", id("raise"), Some(5)), ("lower", id("lower"), Some(6))]
    );
}

#[test]
fn what_never_charges_is_what_is_charged_from() {
    let part = |low: f64| crate::Part { low: Some(Bound::Number(low)), ..crate::Part::default() };
    let watts = Control::SunSpec704 { watts_per_unit: 1.0 };
    let percent = Control::SunSpec123 { percent_per_unit: 1.0 };
    assert!(part(-0.1).charges(watts) && crate::Part::default().charges(watts));
    assert!(!part(0.0).charges(watts) && !part(2.0).charges(watts) && !part(-0.1).charges(percent));
    let said = crate::Part { low: Some(Bound::Point(PointId::from("limit"))), ..crate::Part::default() };
    assert!(said.charges(watts), "what a point says may be below 0");
}

#[test]
fn what_does_not_fit_is_told() {
    for (keys, words) in [
        ("ramp_up_per_min = 0.0", "setpoint[0].ramp_up_per_min: 0, must be above 0"),
        ("deadband = -1.0", "setpoint[0].deadband: -1, must be 0 or above"),
        ("on_loss = \"schedule\"", "needs a `schedule`"),
        ("schedule = \"charge\"", "`charge` is in MWh, which is not of the kind of MW"),
        ("schedule = \"nobody\"", "there is no point `nobody`"),
        ("silence_ms = 0", "setpoint[0].silence_ms: 0 ms"),
        ("commands_max = { count = 0, within_s = 60 }", "setpoint[0].commands_max.count: 0, must be 1"),
        ("commands_max = { count = 1, within_s = 0 }", "setpoint[0].commands_max.within_s: 0 s"),
        ("energy = { charge = \"limit\", lowest = 0.0, highest = 1.0 }", "`limit` is in kW"),
        ("energy = { charge = \"charge\", lowest = 2.0, highest = 1.0 }", "the lower first"),
        ("energy = { charge = \"charge\", lowest = 0.0, highest = 1.0, efficiency = 1.5 }", "at most 1"),
        ("device_remote = [\"poi.mw\"]", "wanted: digital"),
        ("trim = { meter = \"poi.mw\", gain = 0.0, most = 1.0 }", "setpoint[0].trim.gain: 0"),
        ("follows_s = 30", "go together"),
        ("raise = 5", "they go together"),
        ("pulse = { each = 1.0 }", "they go together"),
        ("raise = 5\npulse = { longest_s = 3 }", "one of `each` and `per_second`"),
        ("raise = 5\nlower = 5\npulse = { each = 1.0 }", "5 is already an index of pulses"),
        ("clamp = { id = \"poi.mw\" }", "there is already a point `poi.mw`"),
        (
            "clamp = { id = \"clamp\", index = 90 }\nowner = { id = \"owner\", index = 90 }",
            "90 is already the analog index",
        ),
        ("charge_within = \"charge\"", "`charge` is in MWh, which is not of the kind of MW"),
        ("aux = \"poi.breaker\"", "wanted: analog"),
        (
            "device_remote = [\"bess.mw.setpoint.raise\"]\nraise = 5\npulse = { each = 1.0 }",
            "there is no point",
        ),
        (
            "owner = { id = \"bess.mw.setpoint.raise\" }\nraise = 5\npulse = { each = 1.0 }",
            "there is already a point `bess.mw.setpoint.raise`",
        ),
        (
            "score = { window_s = 10 }",
            "setpoint[0].score.window_s: 10 s, must be 1 to 3600 whole steps of 4000 ms",
        ),
        ("score = { window_s = 1000 }", "must fit into a day a whole number of times"),
        ("score = { step_ms = 10 }", "setpoint[0].score.step_ms: 10 ms"),
        ("score = { step_ms = 1000, window_s = 86400 }", "must be 1 to 3600 whole steps"),
        ("score = { delay_max_steps = 61 }", "61, allowed: 0 to 60"),
        ("score = { accuracy_below = 1.5 }", "1.5, must be at most 1"),
        ("score = { accuracy_below = 0.0 }", "setpoint[0].score.accuracy_below: 0, must be above 0"),
        ("ramp_up_per_min = 1e-320", "setpoint[0].ramp_up_per_min: 1e-320, allowed: 1e-6 to 1e9"),
        ("ramp_down_per_min = 1e308", "setpoint[0].ramp_down_per_min: 1e308, allowed: 1e-6 to 1e9"),
        ("deadband = 1e-9", "setpoint[0].deadband: 1e-9, allowed: 0, or 1e-6 to 1e9"),
        ("raise = 5\npulse = { each = 1e12 }", "setpoint[0].pulse.each: 1e12, allowed: 0, or 1e-6 to 1e9"),
        ("trim = { meter = \"poi.mw\", gain = 1e308, most = 1.0 }", "trim.gain: 1e308, allowed: 1e-6 to 1e9"),
        (
            "energy = { charge = \"charge\", lowest = 0.0, highest = 1e300 }",
            "setpoint[0].energy: [0e0, 1e300], allowed: within -1e9 and 1e9, at least 1e-6 apart",
        ),
        ("dispatch = \"capability\"", "each device has `low` and `high`"),
    ] {
        let told = more(keys).unwrap_err();
        assert!(told.contains(words), "{keys}: {told}");
    }
    let share = "drive = [{ device = \"bess\", control = \"704\", low = 0, high = 1, share = 1.0 }]";
    assert!(
        with(&format!("{share}\ndispatch = \"priority\"")).unwrap_err().contains("not beside `dispatch`")
    );
    let alone = "drive = [{ device = \"bess\", control = \"704\", low = 0 }]";
    assert!(with(alone).unwrap_err().contains("need `dispatch`"));
    let alone = "drive = [{ device = \"bess\", control = \"704\", power = \"poi.mw\" }]";
    assert!(with(alone).unwrap_err().contains("`power`, `energy` and `free` need `dispatch`"));
    for (id, words) in [
        ("charge", "drive.power: `charge` is in MWh, which is not of the kind of MW"),
        ("poi.breaker", "wanted: analog"),
        ("nobody", "there is no point `nobody`"),
    ] {
        let drive =
            format!("{{ device = \"bess\", control = \"704\", low = 0, high = 1, power = \"{id}\" }}");
        let told = with(&format!("drive = [{drive}]\ndispatch = \"priority\"")).unwrap_err();
        assert!(told.contains(words), "{id}: {told}");
    }
    let both = "drive = [{ device = \"bess\", control = \"704\", low = 0, high = true }]";
    assert!(with(&format!("{both}\ndispatch = \"priority\"")).unwrap_err().contains("a number, or the id"));
}

#[test]
fn a_score_has_its_own_points_where_the_file_names_none() {
    let site = more("score = {}").unwrap();
    let how = &site.setpoints[0].regulating;
    let score = how.score.as_ref().unwrap();
    assert_eq!((score.step.as_millis(), score.window.as_secs(), score.steps()), (4_000, 900, 225));
    assert_eq!(
        (score.delay_max, score.accuracy_below),
        (5, None),
        "nothing is too low unless the site says so"
    );
    let id = &site.setpoints[0].point.id;
    let own: Vec<String> = ["clamp", "owner", "score"].map(|what| format!("{id}.{what}")).into();
    let codes = || site.setpoints[0].shown().skip(1).map(|one| one.point);
    assert_eq!(codes().map(|point| point.id.to_string()).collect::<Vec<_>>(), own);
    assert!(codes().all(|point| point.served.index.is_none()), "no master is served them");
    assert_eq!(site.setpoints[0].shown_in_sheet().count(), 1);
}

#[test]
fn a_scored_primary_response_is_kept_where_the_file_does_not_serve_it() {
    let kept = |keys: &str| -> Vec<String> {
        let site = more(keys).unwrap();
        let setpoint = &site.setpoints[0];
        assert_eq!(setpoint.shown_in_sheet().count(), 1, "{keys}");
        let told = setpoint.shown().filter(|one| one.key == "primary.served.response");
        told.inspect(|one| assert!(one.point.served.index.is_none() && one.unit == setpoint.unit))
            .map(|one| one.point.id.to_string())
            .collect()
    };
    let id = more("score = {}").unwrap().setpoints[0].point.id.clone();
    assert_eq!(kept(&format!("score = {{}}\nprimary = {{ {PRIMARY} }}")), [format!("{id}.response")]);
    let own = "served = { response = { id = \"fr\" } }";
    assert_eq!(kept(&format!("score = {{}}\nprimary = {{ {PRIMARY}, {own} }}")), ["fr"]);
    assert_eq!(kept(&format!("primary = {{ {PRIMARY} }}")), [""; 0]);
}

/// The least that a primary response has to say.
const PRIMARY: &str = "frequency = \"poi.hz\", droop_pct = 5.0, deadband_hz = 0.036, capacity = 10.0";

#[test]
fn a_primary_response_and_what_is_told_of_it() {
    let site = more(&format!("primary = {{ {PRIMARY} }}")).unwrap();
    let primary = site.setpoints[0].regulating.primary.clone().unwrap();
    assert_eq!((primary.nominal, primary.most, &primary.enable), (60.0, 10.0, &None));
    assert_eq!(site.setpoints[0].shown().count(), 1, "nothing is told of it");
    let served = r#"most = 2.0, nominal = 50.0, enable = "poi.breaker", served = { status = { id = "fr.1", index = 91, role = "frequency-response.1" }, droop = { id = "fr.2", index = 92 }, deadband = { id = "fr.3", wire = "engineering" }, headroom = { id = "fr.4" }, response = { id = "fr.5", max_units = 4.0, max_counts = 400 } }"#;
    let site = more(&format!("primary = {{ {PRIMARY}, {served} }}")).unwrap();
    let primary = site.setpoints[0].regulating.primary.clone().unwrap();
    assert_eq!((primary.nominal, primary.most), (50.0, 2.0));
    assert_eq!(primary.enable, Some(PointId::from("poi.breaker")));
    let told: Vec<_> = site.setpoints[0].shown().skip(1).map(|one| (one.key, one.unit, one.wire)).collect();
    let thousandths = Scale::Counts { max_units: 32.767, max_counts: 32_767.0 };
    let own = Scale::Counts { max_units: 4.0, max_counts: 400.0 };
    assert_eq!(
        told,
        [
            (
                "primary.served.status",
                Unit::Count,
                Scale::Counts { max_units: 32_767.0, max_counts: 32_767.0 }
            ),
            ("primary.served.droop", Unit::Percent, thousandths),
            ("primary.served.deadband", Unit::Hertz, Scale::Engineering),
            ("primary.served.headroom", Unit::Megawatt, site.setpoints[0].wire),
            ("primary.served.response", Unit::Megawatt, own),
        ]
    );
    let role = primary.told.status.and_then(|point| point.role);
    assert_eq!(role.as_deref(), Some("frequency-response.1"));
}

#[test]
fn a_primary_response_has_no_figure_of_its_own_and_each_is_looked_at() {
    for (from, to, words) in [
        (", droop_pct = 5.0", "", "missing field `droop_pct`"),
        (", deadband_hz = 0.036", "", "missing field `deadband_hz`"),
        (", capacity = 10.0", "", "missing field `capacity`"),
        ("poi.hz", "poi.mw", "setpoint[0].primary.frequency: `poi.mw` is in MW"),
        ("poi.hz", "poi.breaker", "setpoint[0].primary.frequency: `poi.breaker` is a point of kind digital"),
        ("5.0", "0.0", "setpoint[0].primary.droop_pct: 0, must be above 0"),
        ("0.036", "-0.1", "setpoint[0].primary.deadband_hz: -0.1, must be 0 or above"),
        ("10.0", "-1.0", "setpoint[0].primary.capacity: -1, must be above 0"),
        ("10.0", "10.0, most = 0.0", "setpoint[0].primary.most: 0, must be above 0"),
        ("10.0", "10.0, nominal = 0.0", "setpoint[0].primary.nominal: 0, must be above 0"),
        (
            "10.0",
            "10.0, enable = \"poi.mw\"",
            "setpoint[0].primary.enable: `poi.mw` is a point of kind analog",
        ),
        (
            "10.0",
            "10.0, served = { droop = { id = \"poi.mw\" } }",
            "setpoint[0].primary.served.droop.id: there is already a point `poi.mw`",
        ),
        (
            "10.0",
            "10.0, served = { droop = { id = \"d\", max_units = 1.0 } }",
            "setpoint[0].primary.served.droop",
        ),
    ] {
        assert!(PRIMARY.contains(from), "{from}");
        let told = more(&format!("primary = {{ {} }}", PRIMARY.replacen(from, to, 1))).unwrap_err();
        assert!(told.contains(words), "{from} -> {to}: {told}");
    }
}
