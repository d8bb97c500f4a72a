//! A set point of the ISO into raw registers of a PLC that others wrote: the whole way, there and back.

use serde_json::{Value, json};

use crate::devices::{add, wait};
use crate::peer::{Peer, python};
use crate::support::{Folder, Loop, openrtd};

const DRIVE: &str = "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]";

/// Address, values and whether it took them, of each write that the PLC was sent; the last is `until`.
fn writes(plc: &Peer, until: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    while all.last() != Some(until) {
        let write = plc.until("write").pop().unwrap();
        assert_eq!(write["function"], 16);
        all.push(json!([write["address"], write["values"], write["taken"]]));
    }
    all
}

fn send(folder: &Folder, mw: &str) {
    let sent = openrtd(&["setpoint", &folder.path("ems.toml"), "bess.mw.setpoint", mw, "--sbo", "--json"]);
    assert_eq!(sent.status.code(), Some(0), "{}", String::from_utf8_lossy(&sent.stderr));
}

#[test]
fn a_set_point_reaches_a_plc_by_pymodbus_and_the_plc_gets_its_own_control_back() {
    let Some(python) = python("pymodbus") else { return };
    let plc = Peer::start(&python, "modbus_plc_pymodbus.py", &[] as &[&str]);
    let port = plc.until("listening").pop().unwrap()["port"].as_u64().unwrap();
    let folder = Folder::quick();
    folder.plain_setpoint();
    folder.change(
        "site.toml",
        DRIVE,
        "drive = [{ device = \"plc\", register = 300, type = \"i32\", unit = \"kW\", scale = 0.1, sign = \"+\", \
         enable = { register = 310, on = 1, off = 0 } }]\nhandover = \"disable\"",
    );
    folder.change("site.toml", "hold_ms = 30000", "hold_ms = 2000");
    folder.change("site.toml", "actual = \"bess.mw\"", "actual = \"plc.mw\"");
    add(
        &folder,
        &format!(
            "[[device]]\nid = \"plc\"\nprotocol = \"modbus\"\naddress = \"127.0.0.1:{port}\"\npoll_ms = 200\n\
             [[analog]]\nid = \"plc.mw\"\nunit = \"MW\"\nsign = \"+\"\nwire = \"engineering\"\nage_max_ms = 4000\n\
             source = {{ device = \"plc\", register = 320, type = \"i32\", unit = \"kW\" }}\n"
        ),
    );
    let running = Loop::start(&folder);
    // Nothing moved yet: the set point follows what the PLC does by itself.
    wait(&running.rtd, "bess.mw.setpoint", &json!(0.25), &["ONLINE"]);
    send(&folder, "-1.5");
    let value = [0xFFFF, 0xC568];
    let told = writes(&plc, &json!([300, value, true]));
    // It refuses values before it is switched, so the value comes again.
    assert_eq!(told, [json!([300, value, false]), json!([310, [1], true]), json!([300, value, true])]);
    wait(&running.rtd, "plc.mw", &json!(-1.5), &["ONLINE"]);
    wait(&running.rtd, "bess.mw.feedback", &json!(-1.5), &["ONLINE"]);
    send(&folder, "2");
    assert_eq!(writes(&plc, &json!([300, [0, 20_000], true])).len(), 1, "it follows already");
    wait(&running.rtd, "plc.mw", &json!(2.0), &["ONLINE"]);
    // Beyond what the PLC takes: what is in force is not known, and the ISO sees that.
    send(&folder, "3.5");
    writes(&plc, &json!([300, [0, 35_000], false]));
    wait(&running.rtd, "bess.mw.feedback", &json!(2.0), &[]);
    send(&folder, "1");
    writes(&plc, &json!([300, [0, 10_000], true]));
    wait(&running.rtd, "bess.mw.feedback", &json!(1.0), &["ONLINE"]);
    // The ISO is gone: the PLC gets its own control back, and is told nothing after that.
    drop(running.iso);
    let told = writes(&plc, &json!([310, [0], true]));
    // With the first value after a refusal it was switched once more.
    assert_eq!(told, [json!([310, [1], true]), json!([300, [0, 10_000], true]), json!([310, [0], true])]);
    wait(&running.rtd, "plc.mw", &json!(0.25), &["ONLINE"]);
    wait(&running.rtd, "bess.mw.setpoint", &json!(0.25), &["ONLINE"]);
}
