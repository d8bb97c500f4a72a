//! What a site says of the resource behind it, and of its points beyond their values.

use telemetry::{Area, ResourceKind, Service};

use super::{SITE, first, read};
use crate::resource::{ComponentIx, StationIx, StationKind};

const RESOURCE: &str = r#"
[resource]
id = "EXMPL_1_UNIT"
capacity_mw = 20
pmin_mw = -4.0
pmax_mw = 20.0
energy_min_mwh = 1.0
energy_max_mwh = 16.0
ramp_mw_per_min = 5.0
services = ["regulation", "non-spinning"]
area = "caiso"
device_name = "IRG123"
latitude = 35.0
longitude = -118.0
elevation_m = 300.0

[[component]]
id = "pv"
kind = "solar-pv"
capacity_mw = 15.0
[[component]]
id = "bess"
kind = "storage"
pmin_mw = -5.0
pmax_mw = 5.0

[[station]]
id = "met1"
component = "pv"
latitude = 35.01
independent_power = true
[[station]]
id = "met2"
kind = "tower"
"#;

/// The example with a resource, parts, stations and points that belong to them.
fn site() -> String {
    let site = SITE
        .replacen(
            "index = 1\nunit",
            "index = 1\nrole = \"mw\"\nsheet_name = \"POI MW\"\naccuracy = 0.05\nstation = \"met2\"\nunit",
            1,
        )
        .replacen(
            "name = \"Main breaker\"",
            "name = \"Main breaker\"\nrole = \"breaker\"\ncomponent = \"bess\"\nstates = [\"Open\", \"Closed\"]",
            1,
        )
        .replacen("index = 3\nall", "index = 3\nstates = [\"Off line\", \"On line\"]\nall", 1)
        .replacen("limits = [", "component = \"bess\"\nlimits = [", 1);
    format!("{site}\n{RESOURCE}")
}

fn refusal(from: &str, to: &str) -> String {
    let site = site();
    assert!(site.contains(from), "{from}");
    first(&read(&site.replacen(from, to, 1)).unwrap_err())
}

#[test]
fn all_of_it_is_taken() {
    let site = read(&site()).unwrap();
    let file = &site.master_file;
    assert_eq!(file.id.as_deref(), Some("EXMPL_1_UNIT"));
    assert_eq!((file.figures.capacity_mw, file.figures.pmin_mw), (Some(20.0), Some(-4.0)));
    assert_eq!((file.figures.energy_max_mwh, file.figures.ramp_mw_per_min), (Some(16.0), Some(5.0)));
    assert_eq!(file.services, Some(vec![Service::Regulation, Service::NonSpinning]));
    assert_eq!((file.area, file.device_name.as_deref()), (Some(Area::Caiso), Some("IRG123")));
    assert_eq!((file.location.latitude, file.location.elevation_m), (Some(35.0), Some(300.0)));
    let kinds: Vec<_> = site.components.iter().map(|component| (&*component.id, component.kind)).collect();
    assert_eq!(kinds, [("pv", ResourceKind::SolarPv), ("bess", ResourceKind::Storage)]);
    let met = &site.stations[0];
    assert_eq!((met.kind, met.component), (StationKind::Station, Some(ComponentIx::new(0))));
    assert_eq!((met.independent_power, met.location.latitude), (Some(true), Some(35.01)));
    assert_eq!((site.stations[1].kind, site.stations[1].independent_power), (StationKind::Tower, None));
    let poi = &site.analogs[0];
    assert_eq!((poi.point.role.as_deref(), poi.point.sheet_name.as_deref()), (Some("mw"), Some("POI MW")));
    assert_eq!((poi.accuracy, poi.station), (Some(0.05), Some(StationIx::new(1))));
    let breaker = &site.digitals[0];
    assert_eq!(
        (breaker.point.role.as_deref(), breaker.point.component),
        (Some("breaker"), Some(ComponentIx::new(1)))
    );
    assert_eq!(breaker.states.as_ref().map(|[off, on]| (&**off, &**on)), Some(("Open", "Closed")));
    assert!(site.connection.unwrap().states.is_some());
    let setpoint = &site.setpoints[0];
    assert_eq!(
        setpoint.feedback.point.component, setpoint.point.component,
        "feedback belongs where its set point does"
    );
}

#[test]
fn the_sheet_calls_no_two_points_of_a_table_alike() {
    let named = |header: &str| site().replacen(header, &format!("{header}sheet_name = \"POI MW\"\n"), 1);
    let told = read(&named("[heartbeat]\n")).unwrap_err().to_string();
    assert!(told.contains("sheet_name: `POI MW` is already the sheet's name of analog `"), "{told}");
    // Tables have names of their own.
    assert!(read(&named("[[setpoint]]\n")).is_ok());
}

#[test]
fn points_made_here_have_a_role_of_their_own() {
    let site = read(SITE).unwrap();
    let setpoint = &site.setpoints[0];
    assert_eq!(setpoint.point.role.as_deref(), Some("setpoint"));
    assert_eq!(setpoint.feedback.point.role.as_deref(), Some("setpoint-feedback"));
    assert_eq!(site.heartbeat.unwrap().point.role.as_deref(), Some("heartbeat"));
    assert_eq!(site.connection.unwrap().point.role.as_deref(), Some("connection"));
    assert!(site.analogs.iter().all(|analog| analog.point.role.is_none()));
    assert!(site.digitals.iter().all(|digital| digital.point.role.is_none()));
}

#[test]
fn golden_errors() {
    let cases = [
        (
            "capacity_mw = 20\n",
            "capacity_mw = 0\n",
            "site.toml:141:15: resource.capacity_mw: 0, must be above 0",
        ),
        (
            "ramp_mw_per_min = 5.0",
            "ramp_mw_per_min = -5.0",
            "site.toml:146:19: resource.ramp_mw_per_min: -5, must be above 0",
        ),
        ("pmin_mw = -4.0", "pmin_mw = 24.0", "site.toml:142:11: resource.pmin_mw: 24 is above pmax_mw 20"),
        ("pmax_mw = 20.0", "pmax_mw = nan", "site.toml:143:11: resource.pmax_mw: NaN, must be a number"),
        (
            "energy_min_mwh = 1.0",
            "energy_min_mwh = -1",
            "site.toml:144:18: resource.energy_min_mwh: -1, must be 0 or above",
        ),
        (
            "energy_min_mwh = 1.0",
            "energy_min_mwh = 17",
            "site.toml:144:18: resource.energy_min_mwh: 17 is above energy_max_mwh 16",
        ),
        (
            "services = [\"regulation\", \"non-spinning\"]",
            "services = [\"regulation\", \"regulation\"]",
            "site.toml:147:27: resource.services: `regulation` is listed twice",
        ),
        (
            "\"non-spinning\"",
            "\"spin\"",
            "site.toml:147:27: resource.services[1]: unknown variant `spin`, expected one of `regulation`, `spinning`, `non-spinning`",
        ),
        (
            "area = \"caiso\"",
            "area = \"eim\"",
            "site.toml:148:8: resource.area: unknown variant `eim`, expected one of `caiso`, `weim`, `dynamic`, `pseudo-tie`",
        ),
        (
            "id = \"EXMPL_1_UNIT\"",
            "id = \"EXMPL 1\"",
            "site.toml:140:6: resource.id: `EXMPL 1` is not an id: it must not be empty or hold blanks",
        ),
        (
            "device_name = \"IRG123\"",
            "device_name = \" \"",
            "site.toml:149:15: resource.device_name: ` `, must be a text of one line, not empty",
        ),
        (
            "latitude = 35.0\n",
            "latitude = 91\n",
            "site.toml:150:12: resource.latitude: 91, allowed: -90 to 90",
        ),
        (
            "longitude = -118.0",
            "longitude = 242.0",
            "site.toml:151:13: resource.longitude: 242, allowed: -180 to 180",
        ),
        (
            "elevation_m = 300.0",
            "elevation_m = 9840",
            "site.toml:152:15: resource.elevation_m: 9840, allowed: -500 to 9000",
        ),
        (
            "id = \"pv\"\nkind",
            "id = \"bess\"\nkind",
            "site.toml:159:6: component[1].id: there is already a component `bess`",
        ),
        ("pmin_mw = -5.0", "pmin_mw = 6.0", "site.toml:161:11: component[1].pmin_mw: 6 is above pmax_mw 5"),
        (
            "id = \"met1\"",
            "id = \"met2\"",
            "site.toml:170:6: station[1].id: there is already a station `met2`",
        ),
        (
            "component = \"pv\"",
            "component = \"wind\"",
            "site.toml:166:13: station[0].component: there is no component `wind`, known: pv, bess",
        ),
        (
            "station = \"met2\"",
            "station = \"met3\"",
            "site.toml:56:11: analog[0].station: there is no station `met3`, known: met1, met2",
        ),
        ("accuracy = 0.05", "accuracy = 0.0", "site.toml:55:12: analog[0].accuracy: 0, must be above 0"),
        (
            "role = \"mw\"",
            "role = \"\"",
            "site.toml:53:8: analog[0].role: `` is not a role: it must not be empty or hold blanks",
        ),
        (
            "sheet_name = \"POI MW\"",
            "sheet_name = \"POI\\nMW\"",
            "site.toml:54:14: analog[0].sheet_name: `POI\\nMW` holds the hidden character U+000A, must be a text of one line",
        ),
        (
            "states = [\"Open\", \"Closed\"]",
            "states = [\"Open\", \"Open\"]",
            "site.toml:100:19: digital[0].states: `Open` names both 0 and 1: they must differ",
        ),
        (
            "states = [\"Off line\", \"On line\"]",
            "states = [\"\", \"On line\"]",
            "site.toml:120:11: connection.states: ``, must be a text of one line, not empty",
        ),
        (
            "component = \"bess\"\nlimits",
            "component = \"bes\"\nlimits",
            "site.toml:129:13: setpoint[0].component: there is no component `bes`, known: pv, bess",
        ),
        (
            "feedback = { id",
            "feedback = { role = \"a b\", id",
            "site.toml:135:21: setpoint[0].feedback.role: `a b` is not a role: it must not be empty or hold blanks",
        ),
        (
            "period_ms = 4000",
            "period_ms = 4000\ncomponent = \"x\"",
            "site.toml:115:13: heartbeat.component: there is no component `x`, known: pv, bess",
        ),
    ];
    let told: Vec<String> = cases.iter().map(|(from, to, _)| refusal(from, to)).collect();
    let wanted: Vec<&str> = cases.iter().map(|(.., wanted)| *wanted).collect();
    assert_eq!(told, wanted);
}

#[test]
fn without_any_component_that_is_told() {
    let told = super::refusal("index = 1\nunit", "index = 1\ncomponent = \"pv\"\nunit");
    assert_eq!(
        told,
        "site.toml:53:13: analog[0].component: there is no component `pv`, and no [[component]] at all"
    );
}

#[test]
fn an_old_kind_of_resource_is_told_with_the_new_ones() {
    let told = super::refusal("resource = \"hybrid\"", "resource = \"solar\"");
    assert!(
        told.starts_with("site.toml:3:12: site.resource: unknown variant `solar`, expected one of"),
        "{told}"
    );
    assert!(told.contains("`solar-pv`") && told.contains("`physical-aggregate`"), "{told}");
}
