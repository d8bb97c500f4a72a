//! `--pcap` of the running programs: both ends write the same conversation, and `openrtd decode` and tshark read it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::process::{Command, Stdio};

use serde_json::Value;

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use support::{Folder, Program, all, is_good, openrtd};

/// Starts a program that writes a capture.
fn captured(folder: &Folder, name: &str, file: &str, pcap: &str) -> Program {
    let arguments = [name, &folder.path(file), "--json", "--until-stdin-ends", "--pcap", &folder.path(pcap)];
    let program = Program::launch(folder, &arguments);
    program.wait("to be ready", |records| records.iter().any(|one| one["event"] == "ready").then_some(()));
    program
}

fn decoded(file: &str) -> Vec<Value> {
    let output = openrtd(&["decode", file, "--json", "--explain"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let errors: Vec<&Value> = records.iter().filter(|one| one["grade"] == "error").collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    records
}

/// Octets of all fragments in their order.
fn fragments(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .filter(|one| one["kind"] == "fragment")
        .map(|one| one["octets"].as_str().unwrap())
        .collect()
}

#[test]
fn both_ends_of_a_running_loop() {
    let folder = Folder::quick();
    let plant = Program::start(&folder, "plant", "plant.toml");
    let mut rtd = captured(&folder, "run", "site.toml", "rtd.pcap");
    let mut iso = captured(&folder, "ems", "ems.toml", "ems.pcap");
    iso.wait("to have every point Good", |records| all(records, &folder.points(), is_good));
    let ems = folder.path("ems.toml");
    for mode in ["--sbo", "--direct"] {
        let sent = openrtd(&["setpoint", &ems, "bess.mw.setpoint", "2", mode]);
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    }
    for program in [&mut iso, &mut rtd] {
        program.signal("-INT");
        assert_eq!(program.end().0, Some(0));
    }
    drop(plant);
    let (ours, theirs) = (folder.path("rtd.pcap"), folder.path("ems.pcap"));
    let (at_rtd, at_iso) = (decoded(&ours), decoded(&theirs));
    assert!(fragments(&at_rtd).len() > 10);
    // The last octets may be on their way when one of them ends.
    let (short, long) = (fragments(&at_iso), fragments(&at_rtd));
    let same = short.iter().zip(&long).take_while(|(one, other)| one == other).count();
    assert!(same + 1 >= short.len().min(long.len()), "{same} of {} and {}", short.len(), long.len());
    let said = |code: &str| at_rtd.iter().filter(|one| one["code"] == code).count();
    assert!(said("exchange") > 3 && said("operate") == 1, "{} {}", said("exchange"), said("operate"));
    let Ok(output) = Command::new("tshark")
        .args(["-r", &ours, "-Y", "dnp3", "-T", "fields", "-e", "dnp3.al.func", "-e", "_ws.malformed"])
        .stderr(Stdio::null())
        .output()
    else {
        assert!(std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(), "needs tshark");
        return eprintln!("skipped: needs tshark");
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let functions: Vec<&str> = text
        .lines()
        .flat_map(|line| line.split('\t').next().unwrap().split(','))
        .filter(|one| !one.is_empty())
        .collect();
    assert_eq!(functions.len(), long.len());
    assert!(text.lines().all(|line| line.split('\t').nth(1).is_none_or(str::is_empty)), "{text}");
}

#[test]
fn a_capture_that_cannot_be_made_is_told_at_once() {
    let folder = Folder::new();
    let output = openrtd(&["run", &folder.path("site.toml"), "--pcap", "/no/such/folder/x.pcap"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("--pcap /no/such/folder/x.pcap"), "{told}");
}
