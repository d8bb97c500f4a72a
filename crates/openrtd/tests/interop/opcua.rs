//! A server of OPC UA that others wrote: its values and what it says of them, and its death and return.

use serde_json::{Value, json};

use crate::devices::{add, wait};
use crate::peer::{Peer, python};
use crate::support::{Folder, Program, latest};

#[test]
fn a_server_by_asyncua() {
    let Some(python) = python("asyncua") else { return };
    let start = |arguments: &[String]| {
        let peer = Peer::start(&python, "opcua_server_asyncua.py", arguments);
        let told = peer.until("listening").pop().unwrap();
        (peer, told["port"].as_u64().unwrap(), told["namespace"].as_u64().unwrap())
    };
    let (mut server, port, space) = start(&[]);
    let folder = Folder::new();
    let source = |name: &str, more: &str| {
        format!("source = {{ device = \"ua\", node = \"ns={space};s={name}\"{more} }}\n")
    };
    add(
        &folder,
        &[
            format!(
                "[[device]]\nid = \"ua\"\nprotocol = \"opcua\"\nendpoint = \"opc.tcp://127.0.0.1:{port}/plant\"\n\
                 security = \"none\"\npoll_ms = 500\n"
            ),
            "[[analog]]\nid = \"ua.mw\"\nunit = \"MW\"\nsign = \"+\"\nwire = \"engineering\"\nage_max_ms = 4000\n".to_owned(),
            source("Power", ", unit = \"kW\""),
            "[[analog]]\nid = \"ua.none\"\nunit = \"MW\"\nsign = \"+\"\nwire = \"engineering\"\nage_max_ms = 4000\n".to_owned(),
            source("Nothing", ", unit = \"kW\""),
            "[[digital]]\nid = \"ua.closed\"\nage_max_ms = 4000\n".to_owned(),
            source("Closed", ""),
            "[[digital]]\nid = \"ua.running\"\nage_max_ms = 4000\n".to_owned(),
            source("State", ", equals = 4"),
        ]
        .concat(),
    );
    let rtd = Program::start(&folder, "run", "site.toml");
    wait(&rtd, "ua.mw", &json!(2.5), &["ONLINE"]);
    wait(&rtd, "ua.closed", &json!(true), &["ONLINE"]);
    wait(&rtd, "ua.running", &json!(true), &["ONLINE"]);
    let missing = |point: &&Value| point["reasons"].to_string().contains("no such node");
    rtd.wait("to miss a node", |records| latest(records).get("ua.none").copied().filter(missing).map(drop));
    // DNP3 has no bit for a value that its source doubts: the point says so.
    for (value, status, flags, quality) in [
        (2600.0, 0x4000_0000_u32, &["ONLINE"][..], "questionable"),
        (2700.0, 0x4090_0000, &["COMM_LOST"], "bad"),
        (2800.0, 0x0096_0000, &["ONLINE", "REMOTE_FORCED"], "questionable"),
        (2900.0, 0, &["ONLINE"], "good"),
    ] {
        let said = server.ask(&json!({ "do": "set", "node": "Power", "value": value, "status": status }));
        assert!(said.last().is_some_and(|done| done.get("error").is_none()), "{said:?}");
        wait(&rtd, "ua.mw", &json!(value / 1000.0), flags);
        let is_it = |point: &&Value| point["quality"] == json!(quality);
        rtd.wait(quality, |records| latest(records).get("ua.mw").copied().filter(is_it).map(drop));
    }
    drop(server);
    wait(&rtd, "ua.mw", &json!(2.9), &["COMM_LOST"]);
    let (_server, ..) = start(&[port.to_string()]);
    wait(&rtd, "ua.mw", &json!(2.5), &["ONLINE"]);
}
