//! Our master against an outstation that others wrote, over TCP and over mutual TLS.

use std::fs;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::peer::{Peer, python};
use crate::pki::Authority;
use crate::support::{Folder, Program, is_good, latest, openrtd};

pub(crate) const FAR: i32 = 2099;
pub(crate) const POINTS: &str = r#"
master_address = 1
outstation_address = 10
scan_ms = 250
response_timeout_ms = 5000

[[device.analog]]
id = "level"
name = "Level"
index = 1
unit = "MW"
wire = "engineering"

[[device.digital]]
id = "switch"
name = "Switch"
index = 2

[[device.setpoint]]
id = "target"
name = "Target"
index = 1
unit = "MW"
wire = "engineering"
limits = [-5000.0, 5000.0]
feedback = "level"
"#;

/// A port that was free a moment ago.
pub(crate) fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

fn reads_and_operates(tls: bool) {
    let Some(python) = python("opendnp3") else { return };
    let folder = Folder::new();
    let port = free_port();
    let mut text = "[ems]\nsocket = \"run/ems.sock\"\n".to_owned();
    let mut arguments = vec!["127.0.0.1".to_owned(), port.clone()];
    if tls {
        let authority = Authority::new("Peers");
        let ca = folder.path("pki/peers.pem");
        fs::write(&ca, authority.pem()).unwrap();
        let [certificate, key] = authority.issue(&folder, "outstation", "outstation.example", FAR);
        authority.issue(&folder, "master", "master.example", FAR);
        arguments.extend(["--tls".to_owned(), ca, certificate, key]);
        text += "[tls]\ncertificate = \"pki/master.pem\"\nkey = \"pki/master.key\"\n\
                 trust_anchors = [\"pki/peers.pem\"]\n";
    }
    text += &format!("[[device]]\nname = \"peer\"\naddress = \"127.0.0.1:{port}\"\n");
    if tls {
        text += "admit = [\"name:outstation.example\"]\n";
    } else {
        text += "transport = \"tcp\"\n";
    }
    fs::write(folder.site.join("ems.toml"), text + POINTS).unwrap();

    let mut peer = Peer::start(&python, "dnp3_outstation_yadnp3.py", &arguments);
    peer.until("listening");
    let mut update = |kind: &str, index: u64, value: Value, flags: u64| {
        let request = json!({"do": "update", "type": kind, "index": index, "value": value, "flags": flags});
        assert_eq!(peer.ask(&request).pop().unwrap()["error"], Value::Null);
    };
    update("analog_input", 1, json!(-123), 1);
    update("binary_input", 2, json!(true), 1);
    let iso = Program::start(&folder, "ems", "ems.toml");
    let seen = |what: &str, id: &str, is: &dyn Fn(&Value) -> bool| {
        iso.wait(what, |records| latest(records).get(id).copied().filter(|point| is(point)).map(drop));
    };
    seen("to read statics", "level", &|point| is_good(point) && point["value"] == -123.0);
    seen("to read statics", "switch", &|point| is_good(point) && point["value"] == true);
    // Events, and a flag that takes a value out of Good.
    update("analog_input", 1, json!(77), 1);
    seen("to read events", "level", &|point| is_good(point) && point["value"] == 77.0);
    update("binary_input", 2, json!(false), 1);
    seen("to read events", "switch", &|point| is_good(point) && point["value"] == false);
    update("analog_input", 1, json!(77), 4);
    seen("to read flags", "level", &|point| !is_good(point) && point["flags"] == json!(["COMM_LOST"]));

    let ems = folder.path("ems.toml");
    for (value, mode, status) in [
        ("42", "--sbo", "SUCCESS"),
        ("-43", "--direct", "SUCCESS"),
        ("1500", "--sbo", "OUT_OF_RANGE"),
        ("1500", "--direct", "OUT_OF_RANGE"),
    ] {
        let output = openrtd(&["setpoint", &ems, "target", value, mode, "--json"]);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert!(told.contains(status), "{value} {mode}: {told}");
        assert_eq!(output.status.success(), status == "SUCCESS", "{value} {mode}: {told}");
        let command = peer.until("command").pop().unwrap();
        assert_eq!(command["value"].as_f64(), value.parse().ok(), "{command}");
        assert_eq!(command["step"], if mode == "--sbo" { "select" } else { "operate" }, "{command}");
        if (mode, status) == ("--sbo", "SUCCESS") {
            assert_eq!(peer.until("command").pop().unwrap()["step"], "operate");
        }
    }
    peer.ask(&json!({"do": "restart"}));
    // The second one: the peer had started before.
    let restarts = |records: &[Value]| records.iter().filter(|one| one["event"] == "restart").count();
    iso.wait("to see a restart", |records| (restarts(records) == 2).then_some(()));
    drop(peer);
    iso.wait("to lose the link", |records| {
        records.iter().find(|one| one["event"] == "link" && one["state"] == "down").map(drop)
    });
}

#[test]
fn ours_reads_and_operates_another_outstation_over_tcp() {
    reads_and_operates(false);
}

#[test]
fn ours_reads_and_operates_another_outstation_over_tls() {
    reads_and_operates(true);
}
