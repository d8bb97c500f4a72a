//! The example, and golden texts of what is told about a wrong one.

use ieee1815::PointType;
use telemetry::{ResourceKind, Scale, WireForm};

use super::*;
use crate::model::Heartbeat;

const EMS: &str = include_str!("example.toml");

fn read(text: &str) -> Result<Config, String> {
    read_with(text, &Defaults::default())
}

fn read_with(text: &str, defaults: &Defaults) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pki")).unwrap();
    for file in ["ems.pem", "ems.key", "ca.pem", "observer.pem", "observer.key"] {
        std::fs::write(folder.path().join("pki").join(file), "").unwrap();
    }
    let path = folder.path().join("ems.toml");
    std::fs::write(&path, text).unwrap();
    let prefix = format!("{}/", folder.path().display());
    Config::read_with(&Source::read(&path).unwrap(), defaults)
        .map_err(|problems| problems.to_string().replace(&prefix, ""))
}

/// What is told of the example with `from` replaced, once, by `to`.
fn refusal(from: &str, to: &str) -> String {
    assert!(EMS.contains(from), "{from}");
    read(&EMS.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn the_example_is_fine_and_resolved() {
    let config = read(EMS).unwrap();
    assert!(config.socket.is_absolute() && config.socket.ends_with("run/ems.sock"));
    let device = &config.devices[0];
    assert_eq!((device.scan_mode, device.integrity_scans), (ScanMode::Events, 15));
    assert_eq!(device.heartbeat, Some(Heartbeat { point: 2, scans: 3 }));
    let setpoint = device.setpoints[0];
    assert_eq!((setpoint.point, setpoint.feedback, setpoint.limits), (4, 1, (-4.0, 4.0)));
    assert_eq!(device.points[4].point_type, PointType::AnalogOutputStatus);
    assert_eq!(device.points[0].wire, Scale::Counts { max_units: 15.0, max_counts: 30_000.0 });
    assert_eq!(device.points[1].name, "bess.mw.feedback", "a point without a name goes by its id");
    let policy = config.tls.as_ref().unwrap().admitting(device.admit.clone());
    assert_eq!(policy.admitted, ["name:rtd.example".parse().unwrap()]);
}

#[test]
fn ages_have_a_default_that_a_missed_integrity_does_not_trip() {
    let config = read(&EMS.replacen("age_max_ms = 120000\n", "", 1)).unwrap();
    assert_eq!(config.devices[0].age_max, Duration::from_secs(120));
}

#[test]
fn unknown_key() {
    assert!(
        refusal("scan_ms = 4000", "scan_s = 4")
            .starts_with("ems.toml:20:1: unknown field `scan_s`, expected one of `name`, `address`")
    );
}

#[test]
fn duplicate_index_and_id() {
    assert_eq!(
        refusal("index = 40", "index = 1"),
        "ems.toml:36:9: device[0].analog[1].index: 1 is already the index of `poi.mw`"
    );
    assert_eq!(
        refusal("id = \"poi.breaker\"", "id = \"poi.mw\""),
        "ems.toml:48:6: device[0].digital[0].id: there is already a point `poi.mw`"
    );
}

#[test]
fn wrong_unit() {
    assert!(
        refusal("unit = \"MW\"", "unit = \"mw\"")
            .starts_with("ems.toml:30:8: device[0].analog[0].unit: unknown unit `mw`, allowed: W, kW, MW")
    );
    let feedback = "index = 40\nunit = \"MW\"";
    assert_eq!(
        refusal(feedback, "index = 40\nunit = \"Mvar\""),
        "ems.toml:60:12: device[0].setpoint[0].feedback: is in Mvar, the set point in MW"
    );
}

#[test]
fn missing_certificate() {
    let told = refusal("certificate = \"pki/ems.pem\"", "certificate = \"pki/no.pem\"");
    assert_eq!(
        told,
        "ems.toml:5:15: tls.certificate: pki/no.pem cannot be read: No such file or directory (os error 2)"
    );
    let whole = EMS.split("[tls]").next().unwrap().to_owned() + &EMS[EMS.find("[[device]]").unwrap()..];
    assert_eq!(
        read(&whole).unwrap_err(),
        "ems.toml: tls: is needed, unless every device has transport = \"tcp\""
    );
}

#[test]
fn what_needs_two_fields() {
    assert_eq!(
        refusal("master_address = 2", "master_address = 1"),
        "ems.toml:12:18: observer.master_address: 1 is the EMS's own address at `rtd`; the observer needs one \
         of its own"
    );
    assert_eq!(
        refusal("master_address = 2", "master_address = 10"),
        "ems.toml:12:18: observer.master_address: 10 is the address of `rtd` itself"
    );
    assert_eq!(
        refusal("outstation_address = 10", "outstation_address = 1"),
        "ems.toml:17:18: device[0].master_address: 1 is the address of the device itself"
    );
    assert_eq!(
        refusal("limits = [-4.0, 4.0]", "limits = [-4.0, 40.0]"),
        "ems.toml:59:10: device[0].setpoint[0].limits: 40 does not fit max_units"
    );
    assert_eq!(
        refusal("feedback = \"bess.mw.feedback\"", "feedback = \"poi.breaker\""),
        "ems.toml:60:12: device[0].setpoint[0].feedback: this device has no analog `poi.breaker`"
    );
    assert_eq!(
        refusal("scans = 3", "scans = 2"),
        "ems.toml:24:45: device[0].heartbeat.scans: 2, must be 3 or more"
    );
    assert_eq!(
        refusal("scan_ms = 4000", "scan_ms = 1000"),
        "ems.toml:24:45: device[0].heartbeat.scans: 3 scans of 1000 ms are not longer than the heartbeat's \
         period of 4000 ms, must be 5 or more"
    );
    for enough in ["scans = 5", "scans = 6"] {
        let quick = EMS.replacen("scan_ms = 4000", "scan_ms = 1000", 1).replacen("scans = 3", enough, 1);
        assert!(read(&quick).is_ok(), "{enough}");
    }
    assert_eq!(
        refusal("socket = \"run/ems.sock\"", "socket = \"pki\""),
        "ems.toml:2:10: ems.socket: pki: stands there and is not a socket"
    );
    assert_eq!(
        refusal("address = \"127.0.0.1:20000\"", "address = \"127.0.0.1\""),
        "ems.toml:16:11: device[0].address: `127.0.0.1`, must be `host:port` such as `127.0.0.1:20000`"
    );
    assert_eq!(
        refusal("max_units = 15.0\n", ""),
        "ems.toml:27:6: device[0].analog[0]: needs max_units and max_counts, or `wire = \"engineering\"`"
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let text = EMS.replacen("index = 40", "index = 1", 1).replacen("pki/ems.key", "pki/none.key", 1);
    assert_eq!(read(&text).unwrap_err().lines().count(), 2);
}

/// The ids of the points that are polled.
fn ids(config: &Config) -> Vec<&str> {
    config.devices[0].points.iter().map(|point| point.id.as_str()).collect()
}

fn of_kinds(list: &[(ResourceKind, &[&str])]) -> Defaults {
    let roles = |list: &[&str]| list.iter().map(|role| (*role).to_owned()).collect();
    let roles = list.iter().map(|(kind, list)| (*kind, roles(list))).collect();
    Defaults { roles: Some(roles), ..Defaults::default() }
}

fn roles(list: &[&str]) -> Defaults {
    of_kinds(&[(ResourceKind::Wind, list)])
}

#[test]
fn a_profile_is_read_before_all_the_rest() {
    let named = EMS.replacen("[ems]\n", "[ems]\nprofile = \"other.toml\"\n", 1);
    let source = Source::from_text("ems.toml", format!("{named}\n[unknown]\nthing = 1\n"));
    assert_eq!(crate::head(&source).unwrap().profile.as_deref(), Some("other.toml"));
    assert_eq!(crate::head(&Source::from_text("ems.toml", EMS)).unwrap().profile, None);
    assert_eq!(read(&named).unwrap().profile.as_deref(), Some("other.toml"));
    let laid_over = EMS.replacen("[ems]\n", "[ems]\noverlay = \"confirmed.toml\"\n", 1);
    let source = Source::from_text("site/ems.toml", laid_over.clone());
    let overlay = crate::head(&source).unwrap().overlay.unwrap();
    assert!(overlay.ends_with("site/confirmed.toml"), "{}", overlay.display());
    assert!(read(&laid_over).is_ok());
    let told = "ems.toml:2:11: ems.profile: is empty: the id of a profile, or a path that ends in `.toml`; left out \
                for none";
    let empty = EMS.replacen("[ems]\n", "[ems]\nprofile = \"\"\n", 1);
    assert_eq!(read(&empty).unwrap_err(), told);
    assert_eq!(crate::head(&Source::from_text("ems.toml", empty)).unwrap_err().to_string(), told);
}

#[test]
fn a_profile_gives_what_the_file_leaves_out() {
    let bare = EMS.replacen("scan_ms = 4000\nintegrity_scans = 15\n", "", 1);
    assert_eq!(
        read(&bare).unwrap_err(),
        "ems.toml:15:8: device[0]: missing field `scan_ms`: the time between two scans"
    );
    let defaults = Defaults {
        scan: Some(Duration::from_secs(10)),
        scan_mode: Some(ScanMode::Class0),
        integrity_scans: Some(7),
        ..Defaults::default()
    };
    let device = read_with(&bare, &defaults).unwrap().devices.remove(0);
    assert_eq!(
        (device.scan, device.scan_mode, device.integrity_scans),
        (Duration::from_secs(10), ScanMode::Class0, 7)
    );
    let said = EMS.replacen("scan_ms = 4000", "scan_ms = 4000\nscan = \"events\"", 1);
    let device = read_with(&said, &defaults).unwrap().devices.remove(0);
    assert_eq!(
        (device.scan, device.scan_mode, device.integrity_scans),
        (Duration::from_secs(4), ScanMode::Events, 15),
        "the file has the last word"
    );
}

#[test]
fn a_profile_shifts_the_indexes() {
    let defaults = Defaults { index_offset: -1, ..Defaults::default() };
    let config = read_with(EMS, &defaults).unwrap();
    let indexes: Vec<u16> = config.devices[0].points.iter().map(|point| point.index).collect();
    assert_eq!(indexes, [0, 39, 49, 0, 0]);
    assert_eq!(
        read_with(&EMS.replacen("index = 40", "index = 0", 1), &defaults).unwrap_err(),
        "ems.toml:36:9: device[0].analog[1].index: 0 with the profile's index offset -1 is no index"
    );
}

#[test]
fn only_points_of_the_listed_roles_are_polled() {
    let told = EMS.replacen("index = 1\nunit", "index = 1\nrole = \"mw\"\nunit", 1);
    let all = ["mw", "heartbeat", "setpoint", "setpoint-feedback"];
    let config = read_with(&told, &roles(&all)).unwrap();
    assert_eq!(ids(&config), ["poi.mw", "bess.mw.feedback", "rtd.heartbeat", "bess.mw.setpoint"]);
    let device = &config.devices[0];
    assert_eq!((device.setpoints[0].point, device.setpoints[0].feedback), (3, 1));
    assert_eq!(device.heartbeat.map(|beat| beat.point), Some(2));

    let config = read_with(&told, &roles(&["mw", "setpoint-feedback"])).unwrap();
    assert_eq!(ids(&config), ["poi.mw"], "feedback goes with its set point");
    assert_eq!(config.devices[0].heartbeat, None);

    let config = read_with(&told, &roles(&["heartbeat", "setpoint"])).unwrap();
    assert_eq!(ids(&config), ["rtd.heartbeat"], "and a set point with its feedback");
    let device = &config.devices[0];
    assert!(device.setpoints.is_empty() && device.heartbeat == Some(Heartbeat { point: 0, scans: 3 }));

    assert_eq!(
        read(&EMS.replacen("index = 1\nunit", "index = 1\nrole = \"m w\"\nunit", 1)).unwrap_err(),
        "ems.toml:30:8: device[0].analog[0].role: `m w` is not a role: it must not be empty or hold blanks"
    );
}

#[test]
fn what_a_device_stands_for_decides_on_its_roles() {
    let defaults = of_kinds(&[
        (ResourceKind::Wind, &["mw", "heartbeat"]),
        (ResourceKind::Storage, &["setpoint", "setpoint-feedback"]),
        (ResourceKind::Hybrid, &["heartbeat"]),
    ]);
    let told = EMS.replacen("index = 1\nunit", "index = 1\nrole = \"mw\"\nunit", 1);
    let of = |resource: &str| {
        let text = told.replacen("name = \"rtd\"\n", &format!("name = \"rtd\"\nresource = {resource}\n"), 1);
        read_with(&text, &defaults)
    };
    assert_eq!(ids(&of(r#"["wind"]"#).unwrap()), ["poi.mw", "rtd.heartbeat"]);
    let both = of(r#"["hybrid", "storage"]"#).unwrap();
    assert_eq!(ids(&both), ["bess.mw.feedback", "rtd.heartbeat", "bess.mw.setpoint"]);
    let any = read_with(&told, &defaults).unwrap();
    assert_eq!(ids(&any), ["poi.mw", "bess.mw.feedback", "rtd.heartbeat", "bess.mw.setpoint"]);
    let none = of("[]").unwrap_err();
    assert!(none.contains("device[0].resource: is empty"), "{none}");
    let unknown = of(r#"["windmill"]"#).unwrap_err();
    assert!(unknown.contains("windmill"), "{unknown}");
}

#[test]
fn a_profile_s_heartbeat_is_held_against_the_scans() {
    let defaults = Defaults { heartbeat_period: Some(Duration::from_secs(12)), ..Defaults::default() };
    let silent = EMS.replacen(", period_ms = 4000", "", 1);
    let told = read_with(&silent, &defaults).unwrap_err();
    assert!(told.contains("device[0].heartbeat.scans: 3 scans of 4000 ms are not longer"), "{told}");
    assert!(read(&silent).is_ok() && read_with(EMS, &defaults).is_ok(), "the file has the last word");
}

#[test]
fn a_full_scale_waits_where_a_profile_wants_engineering_values() {
    let defaults = Defaults { wire: WireForm::Engineering, ..Defaults::default() };
    let config = read_with(EMS, &defaults).unwrap();
    assert!(config.devices[0].points.iter().all(|point| point.wire == Scale::Engineering));
    let counts = EMS.replacen("max_units = 15.0", "wire = \"counts\"\nmax_units = 15.0", 1);
    let config = read_with(&counts, &defaults).unwrap();
    assert_eq!(config.devices[0].points[0].wire, Scale::Counts { max_units: 15.0, max_counts: 30_000.0 });
}
