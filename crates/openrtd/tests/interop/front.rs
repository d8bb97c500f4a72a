//! Our front end before an RTU that others wrote, which has no TLS of its own.

use std::fs;

use serde_json::{Value, json};

use crate::outstations::{FAR, POINTS, free_port};
use crate::peer::{Peer, python};
use crate::pki::Authority;
use crate::support::{Folder, Program, is_good, latest, openrtd};

/// The files of a front end, of the ISO's side before it and of a stranger; the RTU's address and its own port.
fn before(rtu: &str) -> (Folder, Authority) {
    let folder = Folder::new();
    let authority = Authority::new("Peers");
    fs::write(folder.path("pki/peers.pem"), authority.pem()).unwrap();
    for name in ["front", "master", "stranger"] {
        authority.issue(&folder, name, &format!("{name}.example"), FAR);
    }
    let port = free_port();
    let tls = |name: &str| {
        format!(
            "[tls]\ncertificate = \"pki/{name}.pem\"\nkey = \"pki/{name}.key\"\n\
             trust_anchors = [\"pki/peers.pem\"]\n"
        )
    };
    let front = format!(
        "[front]\nlisten = \"127.0.0.1:{port}\"\ndevice = \"127.0.0.1:{rtu}\"\n{}\
         [[master]]\nname = \"iso\"\nadmit = [\"name:master.example\"]\n",
        tls("front")
    );
    fs::write(folder.path("front.toml"), front).unwrap();
    let device = format!(
        "[[device]]\nname = \"peer\"\naddress = \"127.0.0.1:{port}\"\nadmit = [\"name:front.example\"]\n{POINTS}"
    );
    let ems = |socket: &str, name: &str| format!("[ems]\nsocket = \"run/{socket}\"\n{}{device}", tls(name));
    fs::write(folder.path("ems.toml"), ems("ems.sock", "master")).unwrap();
    fs::write(folder.path("stranger.toml"), ems("stranger.sock", "stranger")).unwrap();
    (folder, authority)
}

fn count(records: &[Value], event: &str, state: &str) -> usize {
    records.iter().filter(|one| one["event"] == event && (state.is_empty() || one["state"] == state)).count()
}

#[test]
fn an_rtu_without_tls_is_read_and_operated_through_the_front_end() {
    let Some(python) = python("opendnp3") else { return };
    let rtu = free_port();
    let (folder, authority) = before(&rtu);
    let front_file = folder.path("front.toml");
    let checked = openrtd(&["tls-front", &front_file, "--check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let mut front = Program::start(&folder, "tls-front", "front.toml");
    let mut peer = Peer::start(&python, "dnp3_outstation_yadnp3.py", &["127.0.0.1", &rtu]);
    peer.until("listening");
    let update = json!({"do": "update", "type": "analog_input", "index": 1, "value": 77, "flags": 1});
    assert_eq!(peer.ask(&update).pop().unwrap()["error"], Value::Null);
    let mut iso = Program::start(&folder, "ems", "ems.toml");
    iso.wait("to read through it", |records| {
        latest(records).get("level").filter(|one| is_good(one) && one["value"] == 77.0).map(drop)
    });
    let sent = openrtd(&["setpoint", &folder.path("ems.toml"), "target", "42", "--sbo"]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(peer.until("command").pop().unwrap()["value"].as_f64(), Some(42.0));

    // A stranger of the same authority is refused, and the RTU hears nothing of it.
    let stranger = Program::start(&folder, "ems", "stranger.toml");
    front.wait("to refuse a stranger", |records| (count(records, "refused", "") > 0).then_some(()));
    drop(stranger);

    // Other files, the same master: its session goes on. A file that cannot be used changes nothing.
    authority.issue(&folder, "front", "front.example", FAR);
    front.signal("-HUP");
    front.wait("to reload", |records| {
        records.iter().any(|one| one["event"] == "reload" && one["taken"] == true).then_some(())
    });
    assert!(front.records().iter().all(|one| one["needs_restart"].is_null()));
    let good = folder.read("front.toml");
    fs::write(&front_file, good.replace("pki/front.key", "pki/master.key")).unwrap();
    front.signal("-HUP");
    let why = front.wait("to refuse a file", |records| {
        let refused = |one: &&Value| one["event"] == "reload" && one["taken"] == false;
        records.iter().find(refused).map(|one| one["why"].as_str().unwrap().to_owned())
    });
    assert!(why.contains("this key does not belong to the certificate"), "{why}");
    let update = json!({"do": "update", "type": "analog_input", "index": 1, "value": 78, "flags": 1});
    assert_eq!(peer.ask(&update).pop().unwrap()["error"], Value::Null);
    iso.wait("to go on", |records| {
        latest(records).get("level").filter(|one| is_good(one) && one["value"] == 78.0).map(drop)
    });
    assert_eq!(count(&front.records(), "session", "down"), 0);

    // What only a restart changes is told as that.
    let connect = "[front]\nconnect_timeout_s = 7";
    fs::write(&front_file, good.replacen("[front]", connect, 1)).unwrap();
    front.signal("-HUP");
    front.wait("to say that it needs a restart", |records| {
        let needs = |one: &Value| one["taken"] == true && one["needs_restart"] == true;
        records.iter().any(needs).then_some(())
    });

    // A master that is taken off the list is closed.
    fs::write(&front_file, good.replace("name:master.example", "name:nobody.example")).unwrap();
    front.signal("-HUP");
    let why = front.wait("to close it", |records| {
        let down = |one: &&Value| one["event"] == "session" && one["state"] == "down";
        records.iter().find(down).map(|one| one["why"].as_str().unwrap().to_owned())
    });
    assert_eq!(why, "it is admitted no more");
    iso.signal("-TERM");
    assert_eq!(iso.end().0, Some(0));
    front.signal("-TERM");
    let (code, records) = front.end();
    assert_eq!((code, records.last().unwrap()["event"].as_str()), (Some(0), Some("stopped")));
}

#[test]
fn what_is_wrong_is_said_before_it_starts() {
    let folder = Folder::new();
    let example = openrtd(&["tls-front", "--example"]);
    assert!(example.status.success());
    fs::write(folder.path("front.toml"), &example.stdout).unwrap();
    let output = openrtd(&["tls-front", &folder.path("front.toml")]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    // The example's certificates are to be made first.
    assert!(told.contains("front.toml:20:15: tls.certificate: "), "{told}");
    assert_eq!(told.lines().count(), 3, "{told}");
    assert_eq!(openrtd(&["tls-front"]).status.code(), Some(2));
}
