//! Modbus: clients that others wrote against our plant, and a device that others wrote against ours.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::peer::{PATIENCE, Peer, python, skip};
use crate::support::{Folder, Program, is_good, latest};

/// Where a device of the running plant listens.
fn address(plant: &Program, device: &str) -> String {
    let records = plant.records();
    let devices = records[0]["devices"].as_array().unwrap();
    let one = devices.iter().find(|one| one["id"] == device).unwrap();
    one["address"].as_str().unwrap().to_owned()
}

fn port(plant: &Program, device: &str) -> String {
    address(plant, device).rsplit(':').next().unwrap().to_owned()
}

/// Whether a journal's registers of a device are what a client read, by the names that both have.
fn is_same(registers: &Value, models: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| {
        let read = models.as_object().unwrap().values().find_map(|model| model[name].as_f64());
        let held = registers["values"][name].as_f64();
        held.zip(read).is_some_and(|(held, read)| (held - read).abs() <= 1e-9 * held.abs().max(1.0))
    })
}

#[test]
fn pysunspec2_reads_the_plants_devices() {
    let Some(python) = python("sunspec2") else { return };
    let folder = Folder::new();
    // Fast enough for every device but the idle battery to change, and so to tell in the journal what it holds.
    let file = folder.path("plant.toml");
    let plant = Program::launch(&folder, &["plant", &file, "--json", "--until-stdin-ends", "--speed", "60"]);
    let devices: [(&str, &[&str], &[&str]); 3] = [
        ("inv1", &["1", "103", "120", "123"], &["W", "A", "PhVphA", "Hz", "VA", "VAr", "DCW", "TmpCab"]),
        ("meter", &["1", "203"], &["W", "VA", "VAR", "A", "PPV", "Hz"]),
        ("met", &["1", "302", "303", "307"], &["TmpAmb", "RH", "Pres", "WndSpd", "WndDir"]),
    ];
    for (device, numbers, names) in devices {
        let registers = |one: &&Value| one["event"] == "registers" && one["device"] == device;
        plant.wait("to tell registers", |records| records.iter().find(registers).map(drop));
        let models = read(&python, &plant, device, numbers);
        plant.wait(&format!("to have held {device} as it was read: {models}"), |records| {
            let held = records.iter().filter(registers).any(|one| is_same(one, &models, names));
            held.then_some(())
        });
    }
    let battery = &read(&python, &plant, "bess", &["1", "701", "702", "704", "713"])["713"];
    assert_eq!(
        [&battery["WHRtg"], &battery["WHAvail"], &battery["SoC"]].map(Value::as_f64),
        [16e6, 8e6, 50.0].map(Some)
    );
}

/// The models of a device, which are `numbers`.
fn read(python: &Path, plant: &Program, device: &str, numbers: &[&str]) -> Value {
    let reader = Peer::start(python, "sunspec_reader_pysunspec2.py", &[port(plant, device)]);
    let models = reader.until("models").pop().unwrap()["models"].take();
    let mut found: Vec<&String> = models.as_object().unwrap().keys().collect();
    found.sort_by_key(|number| number.parse::<u16>().unwrap());
    assert_eq!(found, numbers, "{device}");
    models
}

#[test]
fn mbpoll_reads_and_opens_the_breaker() {
    let Ok(_) = Command::new("mbpoll").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status() else {
        return skip("mbpoll: apt-get install mbpoll");
    };
    let folder = Folder::new();
    let plant = Program::start(&folder, "plant", "plant.toml");
    let port = port(&plant, "switchgear");
    let mbpoll = |arguments: &[&str]| {
        let output = Command::new("mbpoll")
            .args(["-m", "tcp", "-a", "1", "-0", "-1", "-t", "4", "-o", "10", "-p", &port])
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    };
    let register = |number: &str| {
        let text = mbpoll(&["-r", number, "-c", "1", "127.0.0.1"]);
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("[{number}]:"))).unwrap();
        line.trim().parse::<u16>().unwrap()
    };
    assert_eq!([register("0"), register("1"), register("2")], [1, 1, 6000]);
    mbpoll(&["-r", "10", "127.0.0.1", "2"]);
    plant.wait("to be written", |records| {
        let is_it = |one: &Value| {
            one["event"] == "write" && one["device"] == "switchgear" && one["values"] == json!([2])
        };
        records.iter().any(is_it).then_some(())
    });
    let deadline = std::time::Instant::now() + PATIENCE;
    while register("0") != 0 {
        assert!(std::time::Instant::now() < deadline, "the breaker stays closed");
    }
}

#[test]
fn a_device_by_pymodbus_feeds_ours() {
    let Some(python) = python("pymodbus") else { return };
    let folder = Folder::new();
    let device = Peer::start(&python, "sunspec_device_pymodbus.py", &[] as &[&str]);
    let port = device.until("listening").pop().unwrap()["port"].as_u64().unwrap();
    let site = folder.read("site.toml");
    let from = site.split("id = \"inv1\"").nth(1).unwrap().split("address = \"").nth(1).unwrap();
    let from = from.split('"').next().unwrap();
    folder.change("site.toml", from, &format!("127.0.0.1:{port}"));
    let rtd = Program::start(&folder, "run", "site.toml");
    let counts = |point: &Value| (is_good(point), point["counts"].as_i64());
    // Full scale is 30,000 counts: 6 MW, 75 Hz, 150 degC.
    let expected = [("pv.inv1.mw", 21_605), ("pv.inv1.hz", 23_988), ("pv.inv1.cabinet", -2_500)];
    rtd.wait("to read them", |records| {
        let latest = latest(records);
        let read = |id: &str, count| latest.get(id).is_some_and(|point| counts(point) == (true, Some(count)));
        expected.iter().all(|(id, count)| read(id, *count)).then_some(())
    });
    let running = |point: &&Value| is_good(point) && point["value"] == true;
    rtd.wait("to see it run", |records| {
        latest(records).get("pv.inv1.running").copied().filter(running).map(drop)
    });
    let missing = |point: &&Value| point["reasons"].to_string().contains("not implemented");
    rtd.wait("to miss one", |records| latest(records).get("pv.inv1.mvar").copied().filter(missing).map(drop));
    drop(device);
    let lost = |point: &&Value| point["flags"].to_string().contains("COMM_LOST") && point["counts"] == 21_605;
    rtd.wait("to lose it", |records| latest(records).get("pv.inv1.mw").copied().filter(lost).map(drop));
}
