//! Masters that others wrote against our outstation: the example `outstation` with all types, over TCP and mutual TLS,
//! and the device under test, over TCP.

use std::path::Path;

use serde_json::json;

use crate::ours::{Ours, What};
use crate::peer::{Peer, python, skip};
use crate::pki::{OURS, Pki};
use crate::recorder::{SERVER, relay};
use crate::row::{Over, Row};
use crate::{breaks, wire};

/// A peer that writes masters.
pub(crate) struct Library {
    pub(crate) name: &'static str,
    pub(crate) module: &'static str,
    /// It stops at groups that the plain types do not have.
    pub(crate) basic: bool,
    /// It tells its user of frozen analog inputs.
    pub(crate) frozen_analogs: bool,
}

pub(crate) const YADNP3: Library =
    Library { name: "yadnp3", module: "opendnp3", basic: false, frozen_analogs: true };
pub(crate) const PY1815: Library =
    Library { name: "py1815", module: "py1815", basic: true, frozen_analogs: false };
pub(crate) const DNP3PY: Library =
    Library { name: "dnp3py", module: "dnp3", basic: false, frozen_analogs: false };

/// Both ends of a row.
pub(crate) struct Ends {
    pub(crate) theirs: Peer,
    pub(crate) ours: Ours,
}

/// Where the files of a row are, and the two ends.
pub(crate) fn start(library: &Library, over: Over, dut: bool, folder: &Path) -> Option<Ends> {
    let python = python(library.module)?;
    if !wire::is_here() {
        skip("tshark: apt-get install --no-install-recommends tshark");
        return None;
    }
    let pki = over.is_tls().then(|| Pki::new(folder, over == Over::Tls12));
    let keys = folder.join("keys.log");
    let ours = if dut {
        Ours::dut()
    } else {
        Ours::outstation(library.basic, pki.as_ref().map(|pki| (pki, keys.as_path())))
    };
    let port = relay(ours.address, &folder.join("row.pcap")).to_string();
    let [outstation, master] = ours.addresses.map(|address| address.to_string());
    let mut arguments = vec!["127.0.0.1", &port, "--local", &master, "--remote", &outstation];
    if let Some(pki) = &pki {
        arguments.extend(["--name", OURS, "--tls", &pki.ca, &pki.theirs[0], &pki.theirs[1]]);
        arguments.extend((over == Over::Tls12).then_some("--tls12"));
    }
    let theirs = Peer::script(&python, &format!("master_{}.py", library.name), &arguments);
    Some(Ends { theirs, ours })
}

fn run(library: &Library, over: Over, dut: bool) {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut ends) = start(library, over, dut, folder.path()) else { return };
    let mut row = Row::new(library.name, "master", over, if dut { "dut" } else { "outstation" });
    let said = match ends.theirs.until("ready") {
        Ok(said) => said,
        Err(miss) => {
            row.cell("start-up", Err(miss));
            return row.finish();
        }
    };
    let start_up = over.check(&ends.ours.protocol()).and_then(|()| ends.start_up(&said));
    row.cell("start-up", start_up);
    row.cell("restart bit", ends.restart_bit(&said));
    row.cell("integrity", ends.integrity(library));
    row.cell("class polls", ends.class_polls());
    row.cell("events, confirmed", ends.confirmed());
    row.cell("counters", ends.of_type(20, What::Counter, 2));
    row.cell("freeze", ends.freeze());
    row.cell("broadcast", ends.broadcast());
    row.cell("assign class", ends.assign());
    row.cell("deadbands", ends.deadband());
    row.cell("attributes", ends.attributes());
    row.cell("CROB select", ends.crob("sbo"));
    row.cell("CROB direct", ends.crob("direct"));
    row.cell("CROB no ack", ends.crob("direct_no_ack"));
    for width in ["i16", "i32", "f32", "f64"] {
        row.cell(&format!("analog {width}"), ends.analog(width));
    }
    row.cell("refused controls", ends.refused());
    row.cell("time LAN", ends.time("lan"));
    row.cell("time non-LAN", ends.time("nonlan"));
    row.cell("link status", ends.ask(&json!({ "do": "link_status" })).map(drop));
    row.cell("unsolicited", ends.unsolicited());
    // These make events that a master may stop at, so they come late.
    row.cell("double-bit", ends.double());
    row.cell("octet strings", ends.texts());
    row.cell("cold restart", ends.cold_restart());
    // After the restart the transport sequence is low: tshark 4.0 loses the thread of a series over which it goes round.
    row.cell("many fragments", ends.fragments());
    let keys = folder.path().join("keys.log");
    wire::judge(&mut row, &folder.path().join("row.pcap"), over.is_tls().then_some(keys.as_path()), SERVER);
    row.finish();
}

#[test]
fn yadnp3_over_tcp() {
    run(&YADNP3, Over::Tcp, false);
}

#[test]
fn yadnp3_over_mutual_tls() {
    run(&YADNP3, Over::Tls13, false);
}

#[test]
fn yadnp3_over_mutual_tls_1_2() {
    run(&YADNP3, Over::Tls12, false);
}

#[test]
fn yadnp3_with_the_device_under_test() {
    run(&YADNP3, Over::Tcp, true);
}

#[test]
fn py1815_over_tcp() {
    run(&PY1815, Over::Tcp, false);
}

#[test]
fn py1815_over_mutual_tls() {
    run(&PY1815, Over::Tls13, false);
}

#[test]
fn py1815_over_mutual_tls_1_2() {
    run(&PY1815, Over::Tls12, false);
}

#[test]
fn py1815_with_the_device_under_test() {
    run(&PY1815, Over::Tcp, true);
}

#[test]
fn dnp3py_over_tcp() {
    run(&DNP3PY, Over::Tcp, false);
}

#[test]
fn dnp3py_with_the_device_under_test() {
    run(&DNP3PY, Over::Tcp, true);
}

#[test]
fn py1815_that_breaks_rules_over_tcp() {
    breaks::run(Over::Tcp);
}

#[test]
fn py1815_that_breaks_rules_over_mutual_tls() {
    breaks::run(Over::Tls13);
}
