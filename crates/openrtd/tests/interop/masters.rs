//! Masters that others wrote against our device.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::peer::{PATIENCE, Peer, python};
use crate::pki::Authority;
use crate::support::{Folder, Loop, openrtd};

const OUTSTATION: &str = "10";
const FAR: i32 = 2099;

/// Where the device listens.
pub(crate) fn port(folder: &Folder) -> String {
    let text = folder.read("site.toml");
    let listen = text.lines().find_map(|line| line.strip_prefix("listen = \"127.0.0.1:")).unwrap();
    listen.split('"').next().unwrap().to_owned()
}

/// A folder with two further masters, 3 and 4, whose certificates an authority of their own issued.
pub(crate) fn with_guests() -> (Folder, Authority) {
    with_masters(&[(3, "yadnp3", true), (4, "py1815", false)])
}

/// As [`with_guests`], with masters by address, name and whether they have the right to control.
pub(crate) fn with_masters(masters: &[(u16, &str, bool)]) -> (Folder, Authority) {
    let folder = Folder::quick();
    folder.plain_setpoint();
    let authority = Authority::new("Guests");
    fs::write(folder.site.join("pki/guests.pem"), authority.pem()).unwrap();
    folder.change("site.toml", "[\"pki/ca.pem\"]", "[\"pki/ca.pem\", \"pki/guests.pem\"]");
    let mut site = folder.read("site.toml");
    for (address, name, control) in masters {
        site = site.replacen(
            "[[device]]",
            &format!(
                "[[master]]\nname = \"{name}\"\naddress = {address}\nadmit = [\"name:{name}.example\"]\n\
                 control = {control}\n\n[[device]]"
            ),
            1,
        );
    }
    fs::write(folder.site.join("site.toml"), site).unwrap();
    (folder, authority)
}

pub(crate) fn master(
    python: &Path,
    script: &str,
    folder: &Folder,
    address: &str,
    files: &[String; 2],
) -> Peer {
    let [certificate, key] = files;
    let (port, ca) = (port(folder), folder.path("pki/ca.pem"));
    let arguments =
        ["127.0.0.1", &port, "--local", address, "--remote", OUTSTATION, "--tls", &ca, certificate, key];
    let peer = Peer::start(python, script, &arguments);
    assert_eq!(peer.until("ready").last().unwrap()["result"], "SUCCESS");
    peer
}

type Points = BTreeMap<(String, u64), (f64, u64)>;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| f64::from(u8::from(value == true)))
}

/// Value on the wire and flag octet of every static point that a peer got.
fn got(heard: &[Value]) -> Points {
    assert_eq!(heard.last().unwrap()["outcome"], "SUCCESS", "{heard:?}");
    let of = |one: &Value| {
        let key = (one["type"].as_str().unwrap().to_owned(), one["index"].as_u64().unwrap());
        (key, (number(&one["value"]), one["flags"].as_u64().unwrap()))
    };
    heard.iter().filter(|one| one["event"] == "point" && one["origin"] == "static").map(of).collect()
}

/// The same of `openrtd poll`.
fn polled(folder: &Folder) -> Points {
    let output = openrtd(&["poll", &folder.path("ems.toml"), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let of = |line: &str| {
        let one: Value = serde_json::from_str(line).unwrap();
        let key = (one["type"].as_str().unwrap().to_owned(), one["index"].as_u64().unwrap());
        let value = if one["counts"].is_null() { &one["value"] } else { &one["counts"] };
        (key, (number(value), octet(&one["flags"])))
    };
    text.lines().map(of).collect()
}

fn octet(flags: &Value) -> u64 {
    const NAMES: [&str; 7] =
        ["ONLINE", "RESTART", "COMM_LOST", "REMOTE_FORCED", "LOCAL_FORCED", "OVER_RANGE", "REFERENCE_ERR"];
    let bit = |name: &Value| 1 << NAMES.iter().position(|known| name == known).unwrap();
    flags.as_array().unwrap().iter().map(bit).sum()
}

/// The plant and its heartbeat go on, so readings agree when they fall between two changes.
fn agree(what: &str, mut read: impl FnMut() -> Vec<Points>) -> Points {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut all = read();
        let last = all.pop().unwrap();
        if all.iter().all(|one| *one == last) {
            return last;
        }
        assert!(Instant::now() < deadline, "{what}: {all:#?} is not {last:#?}");
    }
}

#[test]
fn other_masters_read_what_ours_does() {
    let Some(python) = python("opendnp3, py1815") else { return };
    let (folder, authority) = with_guests();
    let running = Loop::start(&folder);
    let certificate = |name: &str| authority.issue(&folder, name, &format!("{name}.example"), FAR);
    let mut first = master(&python, "dnp3_master_yadnp3.py", &folder, "3", &certificate("yadnp3"));
    let mut second = master(&python, "dnp3_master_py1815.py", &folder, "4", &certificate("py1815"));
    let integrity = json!({"do": "integrity"});
    let mut all = || vec![got(&first.ask(&integrity)), got(&second.ask(&integrity)), polled(&folder)];
    let points = agree("all Good", &mut all);
    assert_eq!(points.len(), folder.points().len());
    assert!(points.values().all(|(_, flags)| *flags == 1), "{points:?}");

    // The flags of a device that is lost, too.
    folder.fault("inv1", "silent");
    let lost = folder.points_of("inv1").len();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let points = agree("inv1 lost", &mut all);
        if points.values().filter(|(_, flags)| *flags == 4).count() == lost {
            break;
        }
        assert!(Instant::now() < deadline, "{points:#?}");
    }
    let missed = |one: &&Value| one["event"] == "scan" && one["missed"] == true;
    assert_eq!(running.iso.records().iter().find(missed), None);
}

#[test]
fn whoever_is_not_admitted_gets_nothing() {
    let Some(python) = python("ssl") else { return };
    let (folder, authority) = with_guests();
    let _running = Loop::start(&folder);
    let probe = |arguments: &[&str]| {
        let port = port(&folder);
        let arguments: Vec<&str> = ["127.0.0.1", &port].iter().chain(arguments).copied().collect();
        let heard = Peer::start(&python, "tls_probe.py", &arguments).until("got").pop().unwrap();
        assert_ne!(heard["error"], "nothing happened", "{arguments:?}");
        heard["octets"].as_str().unwrap().to_owned()
    };
    let ca = folder.path("pki/ca.pem");
    let name = "yadnp3.example";
    let stranger = Authority::new("Guests");
    let [good, expired, other, strange] = [
        authority.issue(&folder, "good", "ems.example", FAR),
        authority.issue(&folder, "expired", name, 2020),
        authority.issue(&folder, "other", "other.example", FAR),
        stranger.issue(&folder, "strange", name, FAR),
    ];
    // The probe itself works.
    assert_eq!(&probe(&["tls", &ca, &good[0], &good[1]])[..4], "0564");
    for [certificate, key] in [&expired, &other, &strange] {
        assert_eq!(probe(&["tls", &ca, certificate, key]), "", "{certificate}");
    }
    assert_eq!(probe(&["tls", &ca]), "", "no certificate");
    // At most a TLS alert.
    let plain = probe(&["plain"]);
    assert!(plain.is_empty() || plain.starts_with("15"), "{plain}");
}

#[test]
fn another_master_reads_events_and_operates() {
    let Some(python) = python("opendnp3") else { return };
    let (folder, authority) = with_guests();
    let running = Loop::start(&folder);
    let files = authority.issue(&folder, "yadnp3", "yadnp3.example", FAR);
    let mut peer = master(&python, "dnp3_master_yadnp3.py", &folder, "3", &files);
    let operate = |peer: &mut Peer, index: u64, value: i64, mode: &str| {
        let request = json!({"do": "operate", "type": "analog", "width": "i16", "index": index,
            "value": value, "mode": mode});
        peer.ask(&request).pop().unwrap()["status"][0].as_u64()
    };
    for (value, mode) in [(5000, "sbo"), (-5000, "direct")] {
        assert_eq!(operate(&mut peer, 1, value, mode), Some(0), "{mode}");
        // The plant follows, and what is in force comes back as an event.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = peer.ask(&json!({"do": "events"}));
            let back = |one: &Value| {
                one["origin"] == "event"
                    && one["index"] == 40
                    && number(&one["value"]) == f64::from(i32::try_from(value).unwrap())
            };
            if heard.iter().any(back) {
                break;
            }
            assert!(Instant::now() < deadline, "{value} never came back");
        }
        running.plant.wait("to be written", |records| {
            records.iter().any(|one| one["event"] == "write" && one["device"] == "bess").then_some(())
        });
    }
    for mode in ["sbo", "direct"] {
        // 5 MW is beyond the limit of 4; there is no output 9.
        assert_eq!(operate(&mut peer, 1, 25_000, mode), Some(12), "{mode}");
        assert_eq!(operate(&mut peer, 9, 0, mode), Some(4), "{mode}");
    }
    let written = peer.ask(&json!({"do": "write_time", "ms": 1_700_000_000_000_u64})).pop().unwrap();
    assert_ne!(written["outcome"], "SUCCESS");

    // A master without the right.
    let files = authority.issue(&folder, "reader", "py1815.example", FAR);
    let mut reader = master(&python, "dnp3_master_yadnp3.py", &folder, "4", &files);
    for mode in ["sbo", "direct"] {
        assert_eq!(operate(&mut reader, 1, 0, mode), Some(9), "{mode}");
    }
}
