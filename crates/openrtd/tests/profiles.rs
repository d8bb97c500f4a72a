//! One site folder under two profiles: what the wire carries, how often and for which points follows the name of the
//! profile in its files and nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use support::{Folder, Program, all, at, is_good, latest, openrtd, points, whole};

const CAISO: &str = "caiso-direct-telemetry";
const IESO: &str = "ieso-real-time-data";

/// Scans that are looked at: enough for the second integrity poll of the faster profile.
const SCANS: usize = 6;

/// Points of the example that the IESO profile does not list.
const NOT_LISTED: [&str; 21] = [
    "poi.mva",
    "poi.current",
    "poi.hz",
    "pv.inv1.dc.mw",
    "pv.inv1.hz",
    "pv.inv1.cabinet",
    "pv.inv1.running",
    "pv.inv2.dc.mw",
    "pv.inv2.hz",
    "pv.inv2.cabinet",
    "pv.inv2.running",
    "bess.hz",
    "bess.soc",
    "bess.rating.mwh",
    "bess.health",
    "bess.mw.min",
    "bess.mw.max",
    "bess.mw.clamp",
    "bess.mw.owner",
    "bess.connected",
    "met.humidity",
];

/// A profile's settings by id.
fn settings(profile: &str) -> BTreeMap<String, Value> {
    let listed = openrtd(&["rules", "--all", "--json", "--profile", profile]);
    let book: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let entries = book["entries"].as_array().unwrap().iter();
    entries.map(|one| (one["id"].as_str().unwrap().to_owned(), one["value"].clone())).collect()
}

/// The indexes of points as the file has them, by DNP3 group of their static values.
fn sheet(folder: &Folder, left_out: &[&str]) -> BTreeMap<u64, BTreeSet<i64>> {
    let text = folder.read("ems.toml");
    let mut indexes: BTreeMap<u64, BTreeSet<i64>> = BTreeMap::new();
    for block in text.split("\n[[device.").skip(1) {
        let of = |key: &str| {
            block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = ")).unwrap_or_default()
        };
        let group = match block.split(']').next().unwrap() {
            "analog" => 30,
            "digital" => 1,
            "setpoint" => 40,
            other => panic!("{other}"),
        };
        if !left_out.contains(&of("id").trim_matches('"')) {
            indexes.entry(group).or_default().insert(of("index").parse().unwrap());
        }
    }
    indexes
}

/// What the ISO's own capture of a session holds.
#[derive(Debug, Default, PartialEq)]
struct Wire {
    /// Variations that the device sent, by group.
    variations: BTreeMap<u64, BTreeSet<u64>>,
    /// Indexes that it sent, by group.
    indexes: BTreeMap<u64, BTreeSet<i64>>,
    /// Group and variation of what it was told.
    commands: BTreeSet<(u64, u64)>,
}

impl Wire {
    fn read(file: &str) -> Self {
        let output = openrtd(&["decode", file, "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        let mut wire = Self::default();
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_ne!(record["grade"], "error", "{record}");
            if record["kind"] == "fragment" {
                wire.fragment(&record);
            }
        }
        wire
    }

    fn fragment(&mut self, record: &Value) {
        for block in record["objects"].as_array().unwrap() {
            let number = |key: &str| block[key].as_u64().unwrap();
            let (group, variation) = (number("group"), number("variation"));
            match record["function_name"].as_str().unwrap() {
                "OPERATE" => drop(self.commands.insert((group, variation))),
                "RESPONSE" if group != 41 => {
                    self.variations.entry(group).or_default().insert(variation);
                    let objects = block["objects"].as_array().unwrap().iter();
                    let indexes = objects.filter_map(|one| one["index"].as_i64());
                    self.indexes.entry(group).or_default().extend(indexes);
                }
                _ => {}
            }
        }
    }
}

/// What a run under one profile showed.
struct Run {
    wire: Wire,
    /// The ISO's journal.
    iso: Vec<Value>,
    /// Median time between two scans, in milliseconds, to the half second.
    scan: i64,
    /// The same between two beats of the device's heartbeat.
    heartbeat: i64,
}

/// The middle one of the times between records, to the half second.
fn median(records: &[&Value]) -> i64 {
    let times: Vec<i64> = records.iter().map(|record| at(record, "time")).collect();
    let mut apart: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    apart.sort_unstable();
    (apart[apart.len() / 2] + 250) / 500 * 500
}

fn scans(records: &[Value]) -> Vec<&Value> {
    records.iter().filter(|one| one["event"] == "scan").collect()
}

/// Plant, device and ISO in `folder`: every point of `ids` Good, a set point followed.
fn run(folder: &Folder, ids: &BTreeSet<String>) -> Run {
    let (pcap, ems) = (folder.path("ems.pcap"), folder.path("ems.toml"));
    let plant = Program::start(folder, "plant", "plant.toml");
    let mut rtd = Program::start(folder, "run", "site.toml");
    let arguments = ["ems", &ems, "--json", "--until-stdin-ends", "--pcap", &pcap];
    let mut iso = Program::launch(folder, &arguments);
    iso.wait("to have every point Good", |records| all(records, ids, is_good));
    let good = iso.mark();
    let sent = openrtd(&["setpoint", &ems, "bess.mw.setpoint", "2"]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    iso.wait("to see feedback and battery follow", |records| {
        let latest = latest(&records[good.min(records.len())..]);
        let is = |id: &str| latest.get(id).and_then(|point| point["value"].as_f64());
        (is("bess.mw.feedback") == Some(2.0) && (is("bess.mw")? - 2.0).abs() < 0.01).then_some(())
    });
    iso.wait("to scan", |records| (scans(records).len() >= SCANS).then_some(()));
    for program in [&mut iso, &mut rtd] {
        program.signal("-INT");
        assert_eq!(program.end().0, Some(0));
    }
    drop(plant);
    let (iso, rtd) = (iso.records(), rtd.records());
    // A program that ends takes its leave: the link goes down and with it every point.
    let end = iso.iter().position(|one| one["event"] == "link" && one["state"] == "down");
    let not_good: Vec<&Value> =
        points(&iso[good..end.unwrap_or(iso.len())]).filter(|one| !is_good(one)).collect();
    assert!(not_good.is_empty(), "{not_good:?}");
    assert!(scans(&iso).iter().all(|scan| scan["missed"] == false), "{:?}", scans(&iso));
    let beats: Vec<&Value> = points(&rtd)
        .filter(|one| one["id"] == "rtd.heartbeat" && is_good(one) && one["value"] != json!(0.0))
        .collect();
    let (scan, heartbeat) = (median(&scans(&iso)), median(&beats));
    Run { wire: Wire::read(&pcap), scan, heartbeat, iso }
}

/// What the device must send by these settings.
fn expected(settings: &BTreeMap<String, Value>, sheet: BTreeMap<u64, BTreeSet<i64>>, seen: &Wire) -> Wire {
    let of = |id: &str| whole(&settings[id]);
    let variation = |id: &str| of(id).try_into().unwrap();
    let offset = of("dnp3.index-offset");
    let moved = |(group, indexes): (u64, BTreeSet<i64>)| {
        (group, indexes.into_iter().map(|index| index + offset).collect())
    };
    let mut wire = Wire {
        variations: BTreeMap::from([
            (1, BTreeSet::from([variation("dnp3.digital-input.static")])),
            (2, BTreeSet::from([variation("dnp3.digital-input.event")])),
            (30, BTreeSet::from([variation("dnp3.analog-input.static")])),
            (32, BTreeSet::from([variation("dnp3.analog-input.event")])),
            (40, BTreeSet::from([variation("dnp3.analog-output.static")])),
        ]),
        indexes: sheet.into_iter().map(moved).collect(),
        // A set point travels as its status does: in 16 bits, or as a float.
        commands: BTreeSet::from([(41, variation("dnp3.analog-output.static"))]),
    };
    // Which events there were is the plant's to say; they are of points that are served, in one variation.
    for (group, statics) in [(2, 1), (32, 30), (42, 40)] {
        if let Some(indexes) = seen.indexes.get(&group) {
            assert!(indexes.is_subset(&wire.indexes[&statics]), "{group}: {indexes:?}");
            wire.indexes.insert(group, indexes.clone());
        }
    }
    if let Some(seen) = seen.variations.get(&42) {
        let own = settings.get("dnp3.analog-output.event");
        let wanted = own.map_or_else(|| seen.clone(), |_| [variation("dnp3.analog-output.event")].into());
        wire.variations.insert(42, wanted);
    }
    wire
}

#[test]
fn the_name_of_the_profile_decides_what_the_wire_carries() {
    let folder = Folder::new();
    let everything = folder.points();
    let listed: BTreeSet<String> =
        everything.iter().filter(|id| !NOT_LISTED.contains(&id.as_str())).cloned().collect();
    assert_eq!(listed.len() + NOT_LISTED.len(), everything.len());

    let (mut runs, mut shown) = (Vec::new(), Vec::new());
    for (profile, ids, left_out) in [(CAISO, &everything, &[][..]), (IESO, &listed, &NOT_LISTED[..])] {
        for file in ["site.toml", "ems.toml"] {
            if profile != CAISO {
                folder.change(file, CAISO, profile);
            }
        }
        let settings = settings(profile);
        let seen = run(&folder, ids);
        assert_eq!(seen.iso[0]["profile"], profile);
        let polled: BTreeSet<String> = latest(&seen.iso).keys().map(|id| (*id).to_owned()).collect();
        assert_eq!(&polled, ids);
        assert_eq!(seen.wire, expected(&settings, sheet(&folder, left_out), &seen.wire), "{profile}");
        assert_eq!(seen.scan, whole(&settings["scan.period"]), "{profile}");
        assert_eq!(seen.heartbeat, whole(&settings["heartbeat.period"]), "{profile}");
        let integrity: Vec<bool> =
            scans(&seen.iso).iter().take(SCANS).map(|scan| scan["kind"] == "integrity").collect();
        let each = usize::try_from(whole(&settings["scan.integrity"])).unwrap();
        assert_eq!(integrity, (0..SCANS).map(|at| at % each == 0).collect::<Vec<_>>(), "{profile}");
        let in_counts = latest(&seen.iso)["poi.mw"]["counts"].is_number();
        assert_eq!(in_counts, settings["scaling.wire"] == "counts", "{profile}");
        shown.push(json!({
            "profile": profile,
            "points": polled.len(),
            "scan_ms": seen.scan,
            "heartbeat_ms": seen.heartbeat,
            "analogs_in": if in_counts { "counts" } else { "engineering" },
            "variations_by_group": seen.wire.variations,
            "indexes_by_group": seen.wire.indexes,
            "commands": seen.wire.commands,
        }));
        runs.push(seen);
    }

    // And the two differ, in all of it.
    let [caiso, ieso] = &runs[..] else { panic!() };
    for group in [2, 30, 32, 40] {
        assert_ne!(caiso.wire.variations[&group], ieso.wire.variations[&group], "{group}");
    }
    assert_ne!(caiso.wire.commands, ieso.wire.commands);
    for group in [1, 30, 40] {
        assert_ne!(caiso.wire.indexes[&group], ieso.wire.indexes[&group], "{group}");
    }
    assert_ne!((caiso.scan, caiso.heartbeat), (ieso.scan, ieso.heartbeat));
    if let Some(result) = std::env::var_os("OPENRTD_PROOF") {
        std::fs::write(result, json!({ "profiles": shown }).to_string()).unwrap();
    }
}
