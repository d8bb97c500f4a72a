//! The example, and golden texts of what is told about a wrong one.

use super::*;

const EMS: &str = include_str!("example.toml");

fn read(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pki")).unwrap();
    for file in ["ems.pem", "ems.key", "ca.pem", "observer.pem", "observer.key"] {
        std::fs::write(folder.path().join("pki").join(file), "").unwrap();
    }
    let path = folder.path().join("ems.toml");
    std::fs::write(&path, text).unwrap();
    let prefix = format!("{}/", folder.path().display());
    Config::read(&path).map_err(|problems| problems.to_string().replace(&prefix, ""))
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
