//! Devices of the plant that others wrote, on a serial line and behind DNP3: what becomes of them in the device.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::peer::{Peer, python};
use crate::pki::Authority;
use crate::support::{Folder, Program, latest};

/// The site with these devices and points behind it.
fn site(more: &str) -> Folder {
    let folder = Folder::new();
    add(&folder, more);
    folder
}

pub(crate) fn add(folder: &Folder, more: &str) {
    let text = folder.read("site.toml");
    std::fs::write(folder.path("site.toml"), format!("{text}\n{more}")).unwrap();
}

fn analog(id: &str, source: &str) -> String {
    format!(
        "[[analog]]\nid = \"{id}\"\nunit = \"MW\"\nsign = \"+\"\nwire = \"engineering\"\nage_max_ms = 4000\n\
         source = {{ {source}, unit = \"kW\" }}\n"
    )
}

/// Waits until a point has this value and these flags.
pub(crate) fn wait(rtd: &Program, id: &str, value: &Value, flags: &[&str]) {
    let is_it = |point: &&Value| point["value"] == *value && point["flags"] == json!(flags);
    rtd.wait(&format!("to have {id} = {value} with {flags:?}"), |records| {
        latest(records).get(id).copied().filter(is_it).map(drop)
    });
}

/// What the running device answers over its socket.
pub(crate) fn ask(folder: &Folder, request: &Value) -> Value {
    let mut socket = UnixStream::connect(folder.path("run/rtd.sock")).unwrap();
    writeln!(socket, "{request}").unwrap();
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn two_units_by_pymodbus_on_one_line() {
    let Some(python) = python("pymodbus, serial") else { return };
    let mut peer = Peer::start(&python, "modbus_line_pymodbus.py", &[] as &[&str]);
    let port = peer.until("listening").pop().unwrap()["port"].as_str().unwrap().to_owned();
    let device = |unit: u8| {
        format!(
            "[[device]]\nid = \"u{unit}\"\nprotocol = \"modbus\"\nunit_id = {unit}\npoll_ms = 200\ntimeout_ms = 500\n\
             serial = {{ port = \"{port}\", baud = 19200 }}\n"
        )
    };
    let folder = site(
        &[
            device(3),
            device(4),
            // Nobody is there, which pymodbus says itself.
            device(9),
            analog("u3.mw", "device = \"u3\", register = 10, type = \"u16\""),
            analog("u4.mw", "device = \"u4\", register = 10, type = \"u16\""),
            analog("u3.float", "device = \"u3\", register = 20, type = \"f32\", word_order = \"little\""),
            analog(
                "u3.bits",
                "device = \"u3\", register = 30, type = \"u16\", bits = [4, 7], scale = 1000.0",
            ),
            analog("u9.mw", "device = \"u9\", register = 10, type = \"u16\""),
        ]
        .concat(),
    );
    let rtd = Program::start(&folder, "run", "site.toml");
    let all = [("u3.mw", 3.0), ("u4.mw", 4.0), ("u3.float", 0.0125), ("u3.bits", 10.0)];
    for (id, value) in all {
        wait(&rtd, id, &json!(value), &["ONLINE"]);
    }
    wait(&rtd, "u9.mw", &Value::Null, &["RESTART"]);
    let counts = |field: &str| {
        let status = ask(&folder, &json!({ "do": "status" }));
        let device = status["devices"].as_array().unwrap().iter().find(|one| one["device"] == "u3").unwrap();
        device["link"][field].as_u64().unwrap()
    };
    assert!(counts("requests") >= 3 && counts("answers") >= 3 && counts("last_round_trip_us") > 0);
    assert_eq!(counts("timeouts"), 0);
    peer.ask(&json!({ "do": "cut" }));
    for (id, value) in all {
        wait(&rtd, id, &json!(value), &["COMM_LOST"]);
    }
    assert!(counts("timeouts") >= 2);
    peer.ask(&json!({ "do": "join" }));
    for (id, value) in all {
        wait(&rtd, id, &json!(value), &["ONLINE"]);
    }
    assert!(counts("reconnects") >= 1);
}

#[test]
fn an_outstation_by_yadnp3() {
    outstation(false);
}

#[test]
fn an_outstation_by_yadnp3_behind_tls() {
    outstation(true);
}

/// The peer's own arguments, and what the site has to say of it.
fn tls(folder: &Folder) -> (Vec<String>, String) {
    let authority = Authority::new("Plant");
    let ca = folder.path("pki/plant.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let [certificate, key] = authority.issue(folder, "rtu", "rtu.example", 2099);
    let arguments = vec!["--tls".to_owned(), ca.clone(), certificate, key];
    let [certificate, key] = authority.issue(folder, "south", "south.example", 2099);
    let section = format!(
        "admit = [\"name:rtu.example\"]\n\
         tls = {{ certificate = \"{certificate}\", key = \"{key}\", trust_anchors = [\"{ca}\"] }}\n"
    );
    (arguments, section)
}

fn outstation(with_tls: bool) {
    let Some(python) = python("opendnp3") else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let folder = Folder::new();
    let (more, section) = if with_tls { tls(&folder) } else { (Vec::new(), String::new()) };
    let mut arguments = vec!["127.0.0.1".to_owned(), port.clone()];
    arguments.extend(more);
    let start = || {
        let peer = Peer::start(&python, "dnp3_outstation_yadnp3.py", &arguments);
        peer.until("listening");
        peer
    };
    let mut peer = start();
    let update = |peer: &mut Peer, kind: &str, value: Value, flags: u8, time: u64| {
        let request =
            json!({ "do": "update", "type": kind, "index": 1, "value": value, "flags": flags, "time": time });
        peer.ask(&request);
    };
    update(&mut peer, "analog_input", json!(2500.0), 1, 1_000);
    update(&mut peer, "binary_input", json!(true), 1, 1_000);
    update(&mut peer, "counter", json!(7000), 1, 1_000);
    add(
        &folder,
        &[
            format!(
                "[[device]]\nid = \"rtu\"\nprotocol = \"dnp3\"\naddress = \"127.0.0.1:{port}\"\npoll_ms = 200\n\
                 outstation_address = 10\n{section}"
            ),
            analog("rtu.mw", "device = \"rtu\", analog = 1"),
            analog("rtu.count", "device = \"rtu\", counter = 1"),
            analog("rtu.never", "device = \"rtu\", analog = 2"),
            "[[digital]]\nid = \"rtu.breaker\"\nage_max_ms = 4000\nsource = { device = \"rtu\", binary = 1 }\n"
                .to_owned(),
        ]
        .concat(),
    );
    let rtd = Program::start(&folder, "run", "site.toml");
    wait(&rtd, "rtu.mw", &json!(2.5), &["ONLINE"]);
    wait(&rtd, "rtu.count", &json!(7.0), &["ONLINE"]);
    wait(&rtd, "rtu.breaker", &json!(true), &["ONLINE"]);
    // It was never updated there.
    wait(&rtd, "rtu.never", &json!(0.0), &["RESTART"]);
    // Each flag as it comes through; 1 on line, 2 restart, 4 lost, 8 and 16 forced, 32 over range.
    let steps = [
        (9, &["ONLINE", "REMOTE_FORCED"][..]),
        (17, &["ONLINE", "REMOTE_FORCED"]),
        (16, &["REMOTE_FORCED"]),
        (4, &["COMM_LOST"]),
        (2, &["RESTART"]),
        (0, &[]),
        (33, &["ONLINE", "OVER_RANGE"]),
        (1, &["ONLINE"]),
    ];
    for ((flags, wanted), time) in steps.into_iter().zip(2_000..) {
        update(&mut peer, "analog_input", json!(3000.0 + f64::from(flags)), flags, time);
        wait(&rtd, "rtu.mw", &json!((3000.0 + f64::from(flags)) / 1000.0), wanted);
    }
    // A change and back between two polls is told as two. The peer's events carry no time.
    let mark = rtd.mark();
    update(&mut peer, "binary_input", json!(false), 1, 3_000);
    update(&mut peer, "binary_input", json!(true), 1, 3_250);
    let opened = |one: &&Value| one["id"] == "rtu.breaker" && one["value"] == false;
    rtd.wait("to see the breaker open", |records| records[mark..].iter().find(opened).map(drop));
    wait(&rtd, "rtu.breaker", &json!(true), &["ONLINE"]);
    drop(peer);
    wait(&rtd, "rtu.mw", &json!(3.001), &["COMM_LOST"]);
    let mark = rtd.mark();
    let mut peer = start();
    update(&mut peer, "analog_input", json!(4000.0), 1, 5_000);
    wait(&rtd, "rtu.mw", &json!(4.0), &["ONLINE"]);
    let good_again =
        |one: &&Value| one["id"] == "rtu.mw" && one["quality"] == "good" && one["value"] == 3.001;
    assert!(!rtd.records()[mark..].iter().any(|one| good_again(&one)), "an old value was good again");
}

#[test]
fn a_replayed_file() {
    let folder = site(
        &[
            "[[device]]\nid = \"day\"\nprotocol = \"csv\"\nfile = \"day.csv\"\npoll_ms = 100\n".to_owned(),
            analog("day.mw", "device = \"day\", column = \"power\""),
            "[[digital]]\nid = \"day.breaker\"\nage_max_ms = 4000\nsource = { device = \"day\", column = \"closed\" }\n"
                .to_owned(),
        ]
        .concat(),
    );
    std::fs::write(folder.path("day.csv"), "time,power,closed\n0,1000,1\n2,2000,1\n4,3000,0\n").unwrap();
    let rtd = Program::start(&folder, "run", "site.toml");
    for value in [1.0, 2.0, 3.0] {
        wait(&rtd, "day.mw", &json!(value), &["ONLINE"]);
    }
    wait(&rtd, "day.breaker", &json!(false), &["COMM_LOST"]);
    wait(&rtd, "day.mw", &json!(3.0), &["COMM_LOST"]);
}
