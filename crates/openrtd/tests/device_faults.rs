//! The plant's faults as the device sees them, over real Modbus: a device that is slow, one whose registers stand
//! still, one that has no value, and one whose scale factors change under way. (Silence and a restart are in `loop`.)

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};
use support::{Folder, Program, all, at, has_flag, is_good, latest, points};

/// A plant and the device that reads it, ten times a second.
struct Site {
    folder: Folder,
    plant: Program,
    rtd: Program,
}

impl Site {
    /// Weather passes `speed` times as fast. Every point is Good.
    fn start(speed: &str) -> Self {
        let folder = Folder::new();
        let text = folder.read("site.toml").replace("poll_ms = 1000", "poll_ms = 100");
        fs::write(folder.site.join("site.toml"), text).unwrap();
        let file = folder.path("plant.toml");
        let arguments = ["plant", &file, "--json", "--until-stdin-ends", "--speed", speed];
        let plant = Program::launch(&folder, &arguments);
        plant.wait("to be ready", |records| records.iter().any(|one| one["event"] == "ready").then_some(()));
        let rtd = Program::start(&folder, "run", "site.toml");
        rtd.wait("to have every point Good", |records| all(records, &folder.points(), is_good));
        Self { folder, plant, rtd }
    }

    /// Sets a fault: when it was set, and the length of the device's journal before that.
    fn fault(&self, device: &str, kind: &str) -> (i64, usize) {
        let (plant, rtd) = (self.plant.mark(), self.rtd.mark());
        self.folder.fault(device, kind);
        let told = |records: &[Value]| records[plant..].iter().find(|one| one["event"] == "fault").cloned();
        (at(&self.plant.wait("to tell of the fault", told), "time"), rtd)
    }

    /// Waits until the registers of `device` have changed `times` times more.
    fn changes(&self, device: &str, times: usize) {
        let mark = self.plant.mark();
        self.plant.wait("to change", |records| {
            (registers(&records[mark..], device).count() >= times).then_some(())
        });
    }

    /// Points of other devices that were not Good since `mark`. Points made inside rest on devices, too.
    fn others_not_good(&self, mark: usize, own: &BTreeSet<String>) -> Vec<Value> {
        let records = self.rtd.records();
        points(&records[mark..])
            .filter(|one| !own.contains(one["id"].as_str().unwrap()) && !is_good(one))
            .cloned()
            .collect()
    }

    /// Every point as the running device tells it, by id.
    fn ask(&self) -> BTreeMap<String, Value> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let socket = self.folder.site.join("run/rtd.sock");
        let answer = runtime.block_on(localsocket::ask(socket, &json!({"do": "points"}))).unwrap();
        let points = answer["points"].as_array().unwrap();
        points.iter().map(|point| (point["id"].as_str().unwrap().to_owned(), point.clone())).collect()
    }
}

/// What the registers of a device said, whenever they changed.
fn registers<'a>(records: &'a [Value], device: &str) -> impl Iterator<Item = &'a Value> {
    records.iter().filter(move |one| one["event"] == "registers" && one["device"] == device)
}

#[test]
fn a_slow_device_is_given_up_and_its_late_answers_answer_nothing() {
    let site = Site::start("60");
    let own = site.folder.points_of("inv1");
    let (_, mark) = site.fault("inv1", "slow");
    let lost = |point: &Value| !is_good(point) && has_flag(point, "COMM_LOST") && !has_flag(point, "ONLINE");
    site.rtd.wait("to lose the points of inv1", |records| all(&records[mark..], &own, lost));
    let down = |records: &[Value]| {
        records[mark..].iter().find(|one| one["event"] == "device" && one["state"] == "down").cloned()
    };
    let down = site.rtd.wait("to give inv1 up", down);
    assert_eq!((&down["device"], &down["why"]), (&json!("inv1"), &json!("no answer within 1000 ms")));
    assert_eq!(site.others_not_good(mark, &own), Vec::<Value>::new());

    let (_, mended) = site.fault("inv1", "none");
    site.rtd.wait("to have inv1 again", |records| all(&records[mended..], &own, is_good));
    assert_eq!(site.others_not_good(mark, &own), Vec::<Value>::new());
    // An answer that comes 3 s late must not stand for a question asked since: each value was once in its register.
    assert_values_were_registers(&site, "pv.inv1.mw", "inv1", "W");
    assert_values_were_registers(&site, "pv.inv1.dc.mw", "inv1", "DCW");
}

/// Every Good value of `point` is what the register `name` of `device` said at one time, in units of a million.
fn assert_values_were_registers(site: &Site, point: &str, device: &str, name: &str) {
    let plant = site.plant.records();
    let said: Vec<f64> =
        registers(&plant, device).filter_map(|one| Some(one["values"][name].as_f64()? / 1e6)).collect();
    let device = site.rtd.records();
    let good: Vec<f64> = points(&device)
        .filter(|one| one["id"] == point && is_good(one))
        .map(|one| one["value"].as_f64().unwrap())
        .collect();
    assert!(!good.is_empty() && !said.is_empty());
    for value in good {
        assert!(said.iter().any(|said| (said - value).abs() < 1e-9), "{point} was {value}, never {name}");
    }
}

#[test]
fn a_frozen_device_is_read_on_and_keeps_its_values() {
    let site = Site::start("60");
    let own = site.folder.points_of("inv2");
    site.fault("inv2", "frozen");
    // What stood before the fault is read by the time the meter has changed a few times.
    site.changes("meter", 4);
    let (plant, rtd) = (site.plant.mark(), site.rtd.mark());
    let before = site.ask();
    site.changes("meter", 8);
    let after = site.ask();
    assert_eq!(registers(&site.plant.records()[plant..], "inv2").count(), 0);
    let told = site.rtd.records();
    for id in &own {
        let (before, after) = (&before[id], &after[id]);
        assert!(is_good(after), "{after}");
        assert_eq!(after["value"], before["value"], "{id}");
        assert!(at(after, "read_sent") > at(before, "read_received"), "{id} was not read again: {after}");
        assert!(!points(&told[rtd..]).any(|one| one["id"] == id.as_str()), "{id} changed");
    }
    assert!(points(&told[rtd..]).any(|one| one["id"] == "poi.mw"), "the rest of the plant stood still, too");

    let (_, mended) = site.fault("inv2", "none");
    site.rtd.wait("to see inv2 move again", |records| {
        let moves = |one: &Value| one["id"] == "pv.inv2.dc.mw" && is_good(one);
        points(&records[mended..]).any(moves).then_some(())
    });
}

#[test]
fn what_a_device_does_not_implement_has_no_value_and_says_why() {
    let site = Site::start("1");
    for device in ["met", "meter"] {
        let own = site.folder.points_of(device);
        let before = site.ask();
        let (_, mark) = site.fault(device, "not-implemented");
        let reason = json!([format!("source says not implemented: {device}")]);
        let none = |point: &Value| {
            point["quality"] == "bad" && point["reasons"] == reason && point["flags"] == json!([])
        };
        site.rtd.wait("to have no value", |records| all(&records[mark..], &own, none));
        assert_eq!(site.others_not_good(mark, &own), Vec::<Value>::new());
        // Nor is the mark itself taken for a value: what was read last stands, and is not Good.
        let records = site.rtd.records();
        let now = latest(&records);
        for id in &own {
            let (now, was) = (now[id.as_str()]["value"].as_f64(), before[id]["value"].as_f64());
            let (now, was) = (now.unwrap(), was.unwrap());
            assert!((now - was).abs() <= 0.05 * was.abs().max(1.0), "{id}: {was}, now {now}");
        }
        // The device itself answers.
        assert!(!records[mark..].iter().any(|one| one["event"] == "device"), "{records:#?}");
        let (_, mended) = site.fault(device, "none");
        site.rtd.wait("to have its values again", |records| all(&records[mended..], &own, is_good));
    }
}

#[test]
fn scale_factors_that_change_under_way_change_no_value() {
    let site = Site::start("1");
    let raw = |name: &str| {
        let records = site.plant.records();
        registers(&records, "meter").last().unwrap()["values"][name].as_f64().unwrap()
    };
    for kind in ["scale", "none", "scale", "none", "scale", "none"] {
        let before = raw("W_raw");
        let mark = site.plant.mark();
        site.fault("meter", kind);
        let change = |records: &[Value]| registers(&records[mark..], "meter").last().cloned();
        site.plant.wait("to change the factor of the meter", |records| {
            let now = change(records)?["values"]["W_raw"].as_f64()?;
            let ratio = if kind == "scale" { before / now } else { now / before };
            (8.0..12.0).contains(&ratio).then_some(())
        });
        // It is read on either side of every change.
        let read = || at(&site.ask()["poi.mw"], "read_received");
        let last = read();
        site.changes("meter", 2);
        assert!(read() > last, "the meter was not read");
    }
    assert_values_were_registers(&site, "poi.mw", "meter", "W");
    // The plant's power moves by far less than a factor of ten; what would be read wrong by one stands out.
    let records = site.rtd.records();
    let values: Vec<f64> = points(&records)
        .filter(|one| one["id"] == "poi.mw" && is_good(one))
        .map(|one| one["value"].as_f64().unwrap())
        .collect();
    let (least, most) =
        (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(0.0, f64::max));
    assert!(least > 0.0 && most < 2.0 * least, "{least} to {most} MW");
    assert!(
        points(&records).filter(|one| one["id"] == "poi.kv").skip_while(|one| !is_good(one)).all(is_good)
    );
}
