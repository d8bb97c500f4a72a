//! The example site, and golden texts of what is told about a wrong one.

mod derive;
mod device;
mod drives;
mod hsl;
mod profile;
mod regulating;
mod resource;

use std::path::PathBuf;

use super::*;
use crate::device::{Form, Place};
use crate::drive::Control;
use crate::model::PublishTo;
use telemetry::Scale;

const SITE: &str = include_str!("example.toml");

/// A folder with the files that the example names.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pki")).unwrap();
    std::fs::write(folder.path().join("day.csv"), "time,power\n0,1\n").unwrap();
    for file in ["rtd.pem", "rtd.key", "ca.pem"] {
        std::fs::write(folder.path().join("pki").join(file), "").unwrap();
    }
    folder
}

fn read(text: &str) -> Result<Site, String> {
    let folder = folder();
    let path: PathBuf = folder.path().join("site.toml");
    std::fs::write(&path, text).unwrap();
    let prefix = format!("{}/", folder.path().display());
    Site::read(&path).map_err(|problems| problems.to_string().replace(&prefix, ""))
}

/// As [`read`], for a file in a folder with nothing else, with what a profile and a purpose say.
fn read_with(text: &str, defaults: &Defaults, purpose: Purpose) -> Result<Site, String> {
    let source = Source::from_text("site.toml", text);
    Site::read_with(&source, defaults, purpose).map_err(|problems| problems.to_string())
}

/// What is told of the example with `from` replaced, once, by `to`.
fn refusal(from: &str, to: &str) -> String {
    assert!(SITE.contains(from), "{from}");
    read(&SITE.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn the_example_is_fine_and_resolved() {
    let site = read(SITE).unwrap();
    assert_eq!((site.devices.len(), site.analogs.len(), site.digitals.len()), (4, 4, 2));
    let poi = &site.analogs[0];
    let source = poi.source.unwrap();
    assert_eq!((&*site.devices[source.device.get()].id, poi.point.served.index), ("meter", Some(1)));
    assert_eq!(
        (poi.point.served.static_variation, poi.point.served.event_variation, poi.point.served.class),
        (2, 2, 2)
    );
    let reading = &site.devices[source.device.get()].readings[source.reading.get()];
    assert!(matches!(reading.place, Place::SunSpec(point) if point.name == "W" && point.model == 203));
    assert_eq!(poi.wire, Scale::Counts { max_units: 15.0, max_counts: 30_000.0 });
    let breaker = &site.digitals[0];
    let source = breaker.source.unwrap();
    let reading = &site.devices[source.device.get()].readings[source.reading.get()];
    assert_eq!(reading.form, Form::Bit(0));
    let soc = &site.analogs[3];
    assert_eq!(
        (soc.wire, soc.point.served.static_variation, soc.point.served.index),
        (Scale::Engineering, 5, None)
    );
    let setpoint = &site.setpoints[0];
    assert_eq!(setpoint.drives[0].control, Control::SunSpec704 { watts_per_unit: 1e6 });
    assert!(site.tls.key.ends_with("pki/rtd.key") && site.tls.key.is_absolute());
}

#[test]
fn one_reading_for_two_points_is_read_once() {
    let twice = "[[analog]]\nid = 'again'\nunit = 'kW'\nsign = '-'\nwire = 'engineering'\nage_max_ms = 1\n\
                 source = { device = 'meter', sunspec = '203.W' }\n";
    let site = read(&format!("{SITE}\n{twice}")).unwrap();
    assert_eq!(site.devices[1].readings.len(), 1);
    assert_eq!(site.analogs[4].source.unwrap().reading, site.analogs[0].source.unwrap().reading);
}

#[test]
fn the_offset_is_applied() {
    let site = read(&SITE.replacen("address = 10", "address = 10\nindex_offset = -1", 1)).unwrap();
    assert_eq!(
        (site.analogs[0].point.served.index, site.setpoints[0].point.served.index),
        (Some(0), Some(0))
    );
    assert_eq!(site.analogs[3].point.served.index, None, "not served stays not served");
}

#[test]
fn percent_drives_count_from_the_rating() {
    let site = read(&SITE.replacen(r#"control = "704""#, r#"control = "123", rated_mw = 5.0"#, 1)).unwrap();
    assert_eq!(site.setpoints[0].drives[0].control, Control::SunSpec123 { percent_per_unit: 20.0 });
}

#[test]
fn what_the_reader_itself_refuses() {
    assert_eq!(
        refusal("address = 10", "adress = 10"),
        "site.toml:8:1: unknown field `adress`, expected one of `listen`, `address`, `index_offset`, \
         `time_source`, `events_max`, `keep_alive_s`"
    );
    assert!(refusal(r#"unit = "MW""#, r#"unit = "MWatt""#).contains("unknown unit `MWatt`, allowed: W, kW"));
    assert!(refusal("sign = \"+\"\n", "").contains("missing field `sign`"));
}

#[test]
fn golden_errors() {
    let cases = [
        (
            "max_units = 15.0",
            "max_units = 1e308",
            "site.toml:56:13: analog[0].max_units: 1e308, allowed: 1e-6 to 1e9",
        ),
        (
            "index = 2\n",
            "index = 1\n",
            "site.toml:65:9: analog[1].index: 1 is already the analog index of `poi.mw`",
        ),
        (
            "id = \"bess.mw\"\n",
            "id = \"poi.mw\"\n",
            "site.toml:63:6: analog[1].id: there is already a point `poi.mw`",
        ),
        (
            "unit = \"MW\"\nsign",
            "unit = \"Mvar\"\nsign",
            "site.toml:53:8: analog[0].unit: Mvar measures ReactivePower, but the source gives W (ActivePower); \
             allowed: W, kW, MW",
        ),
        (
            "sunspec = \"203.W\"",
            "sunspec = \"713.W\"",
            "site.toml:55:40: analog[0].source.sunspec: SunSpec model 713 has no point `W`, allowed: WHRtg, WHAvail, \
             SoC, SoH, Sta",
        ),
        (
            "device = \"meter\"",
            "device = \"metre\"",
            "site.toml:55:21: analog[0].source.device: there is no device `metre`, known: inv1, meter, bess, switchgear",
        ),
        (
            "max_counts = 30000",
            "max_counts = 40000\nstatic_variation = 2",
            "site.toml:58:20: analog[0].static_variation: 2 carries 16 bits, and max_counts 40000 is above 32767",
        ),
        (
            "range = [-15.0, 15.0]",
            "range = [15.0, -15.0]",
            "site.toml:59:9: analog[0].range: [15, -15], must be two numbers, the lower one first",
        ),
        (
            "certificate = \"pki/rtd.pem\"",
            "certificate = \"pki/gone.pem\"",
            "site.toml:11:15: tls.certificate: pki/gone.pem cannot be read: No such file or directory (os error 2)",
        ),
        (
            "address = 2\n",
            "address = 1\n",
            "site.toml:23:11: master[1].address: 1 is already the address of master `ems`",
        ),
        (
            "address = 2\n",
            "address = 10\n",
            "site.toml:23:11: master[1].address: 10 is the outstation's own address",
        ),
        (
            "name:observer.example",
            "name:EMS.example",
            "site.toml:24:10: master[1].admit: `name:EMS.example` is already admitted as master `ems`",
        ),
        (
            "actual = \"bess.mw\"",
            "actual = \"poi.breaker\"",
            "site.toml:123:10: setpoint[0].actual: `poi.breaker` is a point of kind digital, wanted: analog",
        ),
        (
            "all = [\"poi.breaker\"]",
            "all = [\"poi.braker\"]",
            "site.toml:113:8: connection.all: there is no point `poi.braker`",
        ),
        (
            "all = [\"poi.breaker\"]",
            "any = []",
            "site.toml:113:7: connection.any: at least one digital is needed",
        ),
        (
            "all = [\"poi.breaker\"]",
            "all = [\"poi.breaker\"]\nany = [\"poi.breaker\"]",
            "site.toml:114:7: connection: exactly one of `all` and `any` is needed; both at once: make a [[digital]] of one",
        ),
        (
            "limits = [-4.0, 4.0]",
            "limits = [0.0, 1e-320]",
            "site.toml:121:10: setpoint[0].limits: [0e0, 1e-320], allowed: within -1e9 and 1e9, at least 1e-6 apart",
        ),
        (
            "limits = [-4.0, 4.0]",
            "limits = [-6.0, 4.0]",
            "site.toml:121:10: setpoint[0].limits: reach beyond max_units 5: they cannot be sent",
        ),
        (
            "id = \"meter\"\n",
            "id = \"inv1\"\n",
            "site.toml:33:6: device[1].id: there is already a device `inv1`",
        ),
        (
            "max_version = \"1.3\"",
            "max_version = \"1.1\"",
            "site.toml:14:15: tls.max_version: TLS \"1.1\" is not offered: \"1.2\" and \"1.3\" are",
        ),
        (
            "max_version = \"1.3\"",
            "cipher_suites = [\"TLS_AES_128_GCM_SHA256\", \"TLS_NULL_WITH_NULL_NULL\"]",
            "site.toml:14:44: tls.cipher_suites: `TLS_NULL_WITH_NULL_NULL` is no cipher suite that is spoken here, \
             allowed: TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, \
             TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, \
             TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \
             TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
        (
            "max_version = \"1.3\"",
            "crls = [\"pki/gone.crl\"]",
            "site.toml:14:9: tls.crls: pki/gone.crl cannot be read: No such file or directory (os error 2)",
        ),
        (
            "hold_ms = 30000",
            "hold_ms = 0",
            "site.toml:122:11: setpoint[0].hold_ms: 0 ms, allowed: 1 to 86400000",
        ),
        (
            "revert_s = 60",
            "revert_s = 0",
            "site.toml:127:57: setpoint[0].drive.revert_s: 0, allowed: 1 to 65534; without it the device never \
             falls back by itself",
        ),
        (
            "socket = \"run/rtd.sock\"",
            "socket = \"pki/ca.pem\"",
            "site.toml:4:10: site.socket: pki/ca.pem: stands there and is not a socket",
        ),
        ("bit = 0", "bit = 16", "site.toml:95:55: digital[0].source.bit: bit 16 of a value of 16 bits"),
    ];
    let told: Vec<String> = cases.iter().map(|(from, to, _)| first(&refusal(from, to))).collect();
    let wanted: Vec<&str> = cases.iter().map(|(.., wanted)| *wanted).collect();
    assert_eq!(told, wanted);
}

fn first(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn all_problems_are_told_at_once() {
    let text =
        SITE.replacen("unit = \"MW\"\nsign", "unit = \"V\"\nsign", 1).replacen("bit = 0", "bit = 99", 1);
    assert_eq!(read(&text).unwrap_err().lines().filter(|line| line.contains("measures")).count(), 1);
    assert!(read(&text).unwrap_err().contains("bit 99"));
}

#[test]
fn several_devices_need_shares() {
    let drive = r#"{ device = "bess", control = "704", revert_s = 60 }"#;
    let told = refusal(drive, &format!("{drive}, {drive}"));
    assert!(told.contains("`share`s sum up to 2, must be 1"), "{told}");
}

#[test]
fn history_is_kept_beside_the_file_unless_it_says_otherwise() {
    assert_eq!(read(SITE).unwrap().history, None);
    let kept =
        |section: &str| read(&format!("{SITE}\n[history]\n{section}")).map(|site| site.history.unwrap());
    let history = kept("path = \"history.db\"\n").unwrap();
    assert!(history.path.is_absolute() && history.path.ends_with("history.db"));
    assert_eq!((history.retention.as_secs(), history.octets_max), (60 * 86_400, 1_024_000_000));
    let history = kept("path = \"a/b.db\"\nretention_days = 7\nmax_mb = 16\n").unwrap();
    assert_eq!((history.retention.as_secs(), history.octets_max), (7 * 86_400, 16_000_000));
    let told = kept("path = \"pki\"\nretention_days = 0\nmax_mb = 15\n").unwrap_err();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[0].ends_with("history.path: pki is not a file"), "{told}");
    assert!(lines[1].ends_with("history.retention_days: 0, allowed: 1 to 3660"), "{told}");
    assert!(lines[2].ends_with("history.max_mb: 15, allowed: 16 to 1048576"), "{told}");
}

#[test]
fn what_is_sent_on_needs_a_history_and_holds_no_secret() {
    let sent = |section: &str| {
        read(&format!("{SITE}\n[history]\npath = \"history.db\"\n{section}")).map(|site| site.publish)
    };
    let nats = "[[publish]]\nname = \"office\"\nkind = \"nats\"\nurl = \"nats://nats.example:4222\"\n";
    let postgres =
        "[[publish]]\nname = \"lake\"\nkind = \"postgres\"\nurl = \"postgres://rtd@db.example/plant\"\n";
    let both =
        sent(&format!("{nats}{postgres}schema = \"rtd_1\"\ntls = {{ ca = \"pki/ca.pem\" }}\n")).unwrap();
    assert_eq!((&*both[0].name, &*both[1].name, both[0].tls.is_some()), ("office", "lake", false));
    assert_eq!(both[0].site, read(SITE).unwrap().name);
    assert!(matches!(&both[0].to, PublishTo::Nats { stream, .. } if stream == "openrtd"));
    assert!(matches!(&both[1].to, PublishTo::Postgres { schema, .. } if schema == "rtd_1"));

    let told = read(&format!("{SITE}\n{nats}")).unwrap_err();
    assert!(told.contains("publish[0].name: needs a [history]"), "{told}");
    for (section, telling) in [
        (format!("{nats}{nats}"), "publish[1].name: `office` is the name of another one, too"),
        (nats.replace("nats://", "nats://me:secret@"), "publish[0].url: "),
        (nats.replace("nats://", "http://"), "allowed: nats://HOST:PORT"),
        (format!("{nats}schema = \"x\"\n"), "publish[0].schema: is only for kind = \"postgres\""),
        (format!("{nats}subject = \"a..b\"\n"), "publish[0].subject: `a..b`, allowed: words of letters"),
        (format!("{nats}stream = \"a.b\"\n"), "publish[0].stream: `a.b`, allowed: letters"),
        (format!("{nats}credentials = \"none.creds\"\n"), "publish[0].credentials: there is no file "),
        (
            postgres.replace("rtd@", "rtd:secret@"),
            "publish[0].url: allowed: postgres://USER@HOST:PORT/DATABASE",
        ),
        (format!("{postgres}schema = \"Drop table\"\n"), "publish[0].schema: `Drop table`, allowed: small"),
        (format!("{postgres}tls = {{ ca = \"pki/ca.pem\", key = \"pki/rtd.key\" }}\n"), "one is missing"),
    ] {
        let told = sent(&section).unwrap_err();
        assert!(told.contains(telling) && told.contains("site.toml:"), "{told}");
        assert!(!told.contains("rtd:secret"), "{told}");
    }
}

#[test]
fn metrics_are_for_this_machine_unless_the_file_says_otherwise() {
    assert_eq!(read(SITE).unwrap().metrics, None);
    let served =
        |section: &str| read(&format!("{SITE}\n[metrics]\n{section}")).map(|site| site.metrics.unwrap());
    assert_eq!(served("").unwrap().listen.to_string(), "127.0.0.1:9464");
    assert_eq!(served("listen = \"0.0.0.0:1\"").unwrap().listen.to_string(), "0.0.0.0:1");
    let dnp3 = read(SITE).unwrap().outstation.listen;
    let told = served(&format!("listen = \"{dnp3}\"")).unwrap_err();
    assert!(told.ends_with(&format!("metrics.listen: {dnp3} is outstation.listen, too")), "{told}");
    let told = served("listen = 9464").unwrap_err();
    assert!(told.contains("metrics.listen"), "{told}");
}

#[test]
fn a_clock_is_held_against_servers_that_can_be_asked() {
    assert_eq!(read(SITE).unwrap().clock, None);
    let held = |section: &str| read(&format!("{SITE}\n[clock]\n{section}")).map(|site| site.clock.unwrap());
    let clock = held("ntp = [\"192.0.2.1:123\", \"[2001:db8::1]:123\"]").unwrap();
    assert_eq!((clock.poll.as_secs(), clock.offset_max.as_millis(), clock.ntp.len()), (64, 100, 2));
    let told = held(
        "ntp = [\"192.0.2.1:0\", \"192.0.2.2:123\", \"192.0.2.2:123\"]\npoll_s = 15\noffset_max_ms = 60001",
    )
    .unwrap_err();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert!(lines[0].contains("clock.ntp[0]: `192.0.2.1:0` is no server's address"), "{told}");
    assert!(lines[1].ends_with("clock.ntp[2]: `192.0.2.2:123` is there twice"), "{told}");
    assert!(lines[2].ends_with("clock.poll_s: 15, allowed: 16 to 1024"), "{told}");
    assert!(lines[3].ends_with("clock.offset_max_ms: 60001, allowed: 1 to 60000"), "{told}");
    assert!(held("ntp = []").unwrap_err().ends_with("clock.ntp: 0 servers, allowed: 1 to 8"));
}

#[test]
fn captures_are_kept_beside_the_file_within_their_room() {
    assert_eq!(read(SITE).unwrap().capture, None);
    let kept =
        |section: &str| read(&format!("{SITE}\n[capture]\n{section}")).map(|site| site.capture.unwrap());
    let capture = kept("folder = \"captures\"\n").unwrap();
    assert!(capture.folder.is_absolute() && capture.folder.ends_with("captures"));
    assert_eq!(capture.octets_max, 1_024_000_000);
    let told = kept("folder = \"pki/ca.pem\"\nmax_mb = 1\n").unwrap_err();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].ends_with("capture.folder: pki/ca.pem is not a folder"), "{told}");
    assert!(lines[1].ends_with("capture.max_mb: 1, allowed: 2 to 1048576"), "{told}");
}
