//! Masters that others wrote operate our device: each status of the table in `docs/control.md`, by select and by direct
//! operate, and what a retry after a lost reply does. What is counted is what the plant was told.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::battery::{Battery, Modbus};
use crate::masters::{master, with_masters};
use crate::peer::{PATIENCE, Peer, python};
use crate::pki::Authority;
use crate::support::{Folder, Program, all, is_good, latest, openrtd};

const POINT: &str = "bess.mw.setpoint";
const FAR: i32 = 2099;
/// Counts of a megawatt.
const MW: f64 = 5_000.0;
const SETPOINT: u64 = 1;
const RAISE: u64 = 5;
const LOWER: u64 = 6;
const MODES: [&str; 2] = ["sbo", "direct"];
const WIDTHS: [&str; 4] = ["i16", "i32", "f32", "f64"];
/// A select holds for so long.
const SELECT: Duration = Duration::from_secs(10);

/// More than the example's set point: everything that a status of the table hangs on. The switch of an inverter stands
/// for the battery's own, for its model has none.
const KEYS: &str = r#"drive = [{ device = "bess", control = "704" }]
commands_max = { count = 40, within_s = 10 }
device_remote = ["bess.remote"]
raise = 5
lower = 6
pulse = { each = 0.25, per_second = 0.5 }

[[digital]]
id = "bess.remote"
states = ["Local", "Remote"]
source = { device = "inv2", sunspec = "123.Conn", equals = 1 }
"#;

/// Plant and device, and masters of their own.
struct Site {
    folder: Folder,
    authority: Authority,
    plant: Program,
    rtd: Program,
    battery: Battery,
}

impl Site {
    fn start(masters: &[(u16, &str, bool)]) -> Self {
        let (folder, authority) = with_masters(masters);
        let text = folder.read("site.toml").replace("poll_ms = 1000", "poll_ms = 250");
        let drive = r#"drive = [{ device = "bess", control = "704", revert_s = 60 }]"#;
        assert!(text.contains(drive));
        fs::write(folder.path("site.toml"), text.replace(drive, KEYS)).unwrap();
        let plant = Program::start(&folder, "plant", "plant.toml");
        let rtd = Program::start(&folder, "run", "site.toml");
        rtd.wait("to have every point Good", |records| all(records, &folder.points(), is_good));
        let battery = Battery::of(&plant);
        Self { folder, authority, plant, rtd, battery }
    }

    fn peer(&self, python: &Path, kind: &str, name: &str, address: &str) -> Peer {
        let files = self.authority.issue(&self.folder, name, &format!("{name}.example"), FAR);
        master(python, &format!("dnp3_master_{kind}.py"), &self.folder, address, &files)
    }

    /// The operator says something.
    fn order(&self, words: &[&str]) {
        let site = self.folder.path("site.toml");
        let words: Vec<&str> =
            words.iter().map(|word| if *word == "SITE" { site.as_str() } else { word }).collect();
        let output = openrtd(&[&words[..], &["--why", "a test"]].concat());
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Waits until the device knows a state.
    fn until(&self, point: &str, is: impl Fn(&Value) -> bool) {
        self.rtd.wait(&format!("to see {point} change"), |records| {
            latest(records).get(point).filter(|one| is(one)).map(drop)
        });
    }

    /// What the battery has been told, MW.
    fn told(&self) -> Vec<f64> {
        self.battery.powers_told(&self.plant.records()).into_iter().map(|(_, power)| power).collect()
    }

    /// Waits until the battery has been told `mw` last.
    fn until_told(&self, mw: f64) {
        let battery = self.battery;
        self.plant.wait(&format!("to be told {mw} MW"), |records| {
            let last = battery.powers_told(records).last()?.1;
            ((last - mw).abs() < 1e-6).then_some(())
        });
    }

    /// Long enough for whatever else is to be told.
    fn settle(&self) {
        let mark = self.plant.mark();
        self.plant.wait("to go on", |records| {
            let changes = |one: &&Value| one["event"] == "registers" && one["device"] == "switchgear";
            (records[mark..].iter().filter(changes).count() >= 4).then_some(())
        });
    }
}

fn analog(index: u64, width: &str, value: impl Into<Value>) -> Value {
    json!({"do": "operate", "type": "analog", "index": index, "width": width, "value": value.into()})
}

fn counts(mw: f64) -> Value {
    analog(SETPOINT, "i16", (mw * MW).round())
}

fn pulse(index: u64, what: impl Into<Value>, count: u64, on_ms: u64) -> Value {
    json!({"do": "operate", "type": "crob", "index": index, "value": what.into(), "count": count, "on_ms": on_ms})
}

fn with(request: &Value, key: &str, value: impl Into<Value>) -> Value {
    let mut request = request.clone();
    request[key] = value.into();
    // A 16-bit command is no fraction.
    if let Some(number) = request["value"].as_f64().filter(|number| number.fract() == 0.0) {
        request["value"] = json!(crate::support::whole(&json!(number)));
    }
    request
}

/// What a peer was answered.
fn answer(peer: &mut Peer, request: &Value, mode: &str) -> Value {
    peer.ask(&with(request, "mode", mode)).pop().unwrap()
}

fn status(peer: &mut Peer, request: &Value, mode: &str) -> Option<u64> {
    let answer = answer(peer, request, mode);
    if answer["echoed"].is_array() {
        assert_eq!(answer["echoed"], json!([true]), "{request}: {answer}");
    }
    answer["status"][0].as_u64()
}

/// The rows of the table as they were seen.
#[derive(Default)]
struct Table(Vec<Value>);

impl Table {
    fn row(&mut self, peer: &str, mode: &str, code: u64, what: &str) {
        println!("{code:>3} {peer:8} {mode:7} {what}");
        self.0.push(json!({"status": code, "peer": peer, "mode": mode, "when": what}));
    }

    /// Every peer is answered `code`, both ways of operating.
    fn expect(&mut self, peers: &mut [(&str, Peer)], code: u64, what: &str, request: &Value) {
        for (name, peer) in peers {
            for mode in MODES {
                assert_eq!(status(peer, request, mode), Some(code), "{name} {mode} {what}: {request}");
                self.row(name, mode, code, what);
            }
        }
    }
}

#[test]
fn each_status_of_the_table_reaches_masters_that_others_wrote() {
    let Some(python) = python("opendnp3, py1815") else { return };
    let site = Site::start(&[
        (3, "yadnp3", true),
        (4, "py1815", true),
        (5, "reader3", false),
        (6, "reader4", false),
        (7, "late", true),
    ]);
    let mut table = Table::default();
    // A select that nobody follows up in time.
    let mut late = site.peer(&python, "py1815", "late", "7");
    assert_eq!(status(&mut late, &counts(0.75), "select"), Some(0));
    let selected = Instant::now();
    let mut peers = [
        ("yadnp3", site.peer(&python, "yadnp3", "yadnp3", "3")),
        ("py1815", site.peer(&python, "py1815", "py1815", "4")),
    ];
    let mut readers = [
        ("yadnp3", site.peer(&python, "yadnp3", "reader3", "5")),
        ("py1815", site.peer(&python, "py1815", "reader4", "6")),
    ];
    refused_while_nobody_owns(&site, &mut table, &mut peers, &mut readers);
    halves_of_a_select(&site, &mut table, &mut peers[1].1);
    taken_by_one_after_the_other(&site, &mut table, &mut peers);

    sleep((SELECT + Duration::from_millis(300)).saturating_sub(selected.elapsed()));
    assert_eq!(status(&mut late, &counts(0.75), "operate"), Some(1));
    table.row("py1815", "operate", 1, "its select has expired");

    // In the end, for it keeps everybody out for a while. The last owner is the one that may.
    let deadline = Instant::now() + PATIENCE;
    let mut mw = 0.0;
    while status(&mut peers[1].1, &counts(mw), "direct") != Some(8) {
        mw = if mw > 3.0 { 0.0 } else { mw + 0.01 };
        assert!(Instant::now() < deadline, "no command was too many");
    }
    table.expect(&mut peers, 8, "more commands than may come", &counts(-3.5));
    if let Some(result) = std::env::var_os("OPENRTD_PROOF") {
        fs::write(result, json!({"rows": table.0}).to_string()).unwrap();
    }
}

fn refused_while_nobody_owns(
    site: &Site,
    table: &mut Table,
    peers: &mut [(&str, Peer)],
    readers: &mut [(&str, Peer)],
) {
    table.expect(readers, 9, "a master without the right", &counts(1.0));
    for (value, what) in [(4.1, "above the limits"), (-4.1, "below the limits")] {
        table.expect(peers, 12, what, &counts(value));
    }
    for width in ["f32", "f64"] {
        for value in ["nan", "inf", "-inf"] {
            table.expect(peers, 12, &format!("{value} as {width}"), &analog(SETPOINT, width, value));
        }
    }
    table.expect(peers, 4, "no such analog output", &analog(9, "i16", 0));
    table.expect(peers, 4, "no such control", &pulse(77, "pulse", 1, 100));
    for (shape, what) in
        [(json!(false), "latch off"), (json!("pulse_off"), "pulse off"), (json!("trip"), "trip")]
    {
        table.expect(peers, 4, &format!("a control that is no pulse: {what}"), &pulse(RAISE, shape, 1, 100));
    }
    let asked = counts(1.0);
    site.order(&["inhibit", "SITE", POINT]);
    table.expect(peers, 10, "taken out of service", &asked);
    site.order(&["release", "SITE", POINT]);

    site.folder.fault("remote", "off");
    site.until("plant.remote", |point| point["value"] == false);
    table.expect(peers, 7, "the plant's switch is in local", &asked);
    let iin = answer(&mut peers[1].1, &asked, "direct")["iin"].as_u64().unwrap();
    assert_eq!(iin & 0x20, 0x20, "IIN1.5 while outputs are local: {iin:#06x}");
    site.folder.fault("remote", "on");
    site.until("plant.remote", |point| point["value"] == true);
    site.order(&["control", "SITE", "take"]);
    table.expect(peers, 7, "the operator holds it", &asked);
    site.order(&["control", "SITE", "release"]);

    let mut inverter = Modbus::of(&site.plant, "inv2");
    let switch = inverter.model(123) + 2;
    for (state, known) in [(0, false), (1, true)] {
        inverter.write(switch, state);
        site.until("bess.remote", |point| point["value"] == known);
        if !known {
            table.expect(peers, 13, "a device is in its own local", &asked);
        }
    }

    site.folder.fault("breaker", "open");
    site.until("unit.connected", |point| point["value"] == false);
    table.expect(peers, 15, "the breaker is open", &asked);
    site.folder.fault("breaker", "closed");
    site.until("unit.connected", |point| point["value"] == true);

    for (fault, what) in
        [("not-implemented", "what the plant does is not known"), ("silent", "a device does not answer")]
    {
        site.folder.fault("bess", fault);
        site.until("bess.mw", |point| !is_good(point));
        table.expect(peers, 18, what, &asked);
        site.folder.fault("bess", "none");
        site.until("bess.mw", is_good);
    }
    assert!(site.told().is_empty(), "nothing that was refused acted");
}

/// yadnp3 sends an OPERATE only behind its own SELECT, and tells no status of one that it is made to send alone.
fn halves_of_a_select(site: &Site, table: &mut Table, peer: &mut Peer) {
    assert_eq!(status(peer, &counts(1.0), "operate"), Some(2));
    table.row("py1815", "operate", 2, "no select before it");
    assert_eq!(status(peer, &counts(1.0), "select"), Some(0));
    assert_eq!(status(peer, &counts(1.5), "operate"), Some(2));
    table.row("py1815", "operate", 2, "another value than was selected");
    assert_eq!(status(peer, &counts(1.0), "select"), Some(0));
    peer.ask(&json!({"do": "integrity"}));
    assert_eq!(status(peer, &counts(1.0), "operate"), Some(2));
    table.row("py1815", "operate", 2, "a read between select and operate");
    println!("  - yadnp3   operate statuses 1 and 2: it sends no OPERATE but behind its own SELECT");
    assert!(site.told().is_empty(), "a select alone moves nothing");
}

fn taken_by_one_after_the_other(site: &Site, table: &mut Table, peers: &mut [(&str, Peer)]) {
    for owner in 0..peers.len() {
        site.order(&["control", "SITE", "local"]);
        let (name, peer) = &mut peers[owner];
        let mut mw = 0.5;
        for mode in MODES {
            for width in WIDTHS {
                mw += 0.25;
                assert_eq!(
                    status(peer, &analog(SETPOINT, width, mw * MW), mode),
                    Some(0),
                    "{name} {mode} {width}"
                );
                site.until_told(mw);
                table.row(name, mode, 0, &format!("g41 as {width}"));
            }
            let pulses = [
                (pulse(RAISE, "pulse", 1, 0), 0.25, "a pulse raises"),
                (pulse(LOWER, "pulse", 2, 0), -0.5, "two pulses lower"),
                (pulse(RAISE, "pulse", 1, 500), 0.5, "a longer pulse raises by its length"),
                (pulse(LOWER, true, 1, 0), -0.25, "latch on stands for a pulse"),
            ];
            for (request, by, what) in pulses {
                mw += by;
                assert_eq!(status(peer, &request, mode), Some(0), "{name} {mode} {what}");
                site.until_told(mw);
                table.row(name, mode, 0, &format!("g12: {what}"));
            }
        }
        let other = 1 - owner..2 - owner;
        table.expect(&mut peers[other], 17, "another master owns it", &counts(1.0));
        site.settle();
        let last = site.told().pop().unwrap();
        assert!((last - mw).abs() < 1e-6, "{last} MW");
    }
}

#[test]
fn a_retry_after_a_lost_reply_acts_once() {
    let Some(python) = python("py1815") else { return };
    let site = Site::start(&[(4, "py1815", true)]);
    let mut peer = site.peer(&python, "py1815", "py1815", "4");
    assert_eq!(status(&mut peer, &counts(0.5), "direct"), Some(0));
    let mut mw = 0.5;
    site.until_told(mw);
    let accepted = |records: &[Value]| {
        let acts =
            |one: &&Value| one["event"] == "command" && one["status"] == "SUCCESS" && one["mode"] != "select";
        records.iter().filter(acts).count()
    };
    for (kind, mode, lose) in [
        ("set point", "direct", Some("DIRECT_OPERATE")),
        ("set point", "sbo", Some("SELECT")),
        ("set point", "sbo", Some("OPERATE")),
        ("set point", "direct", None),
        ("pulse", "direct", Some("DIRECT_OPERATE")),
        ("pulse", "sbo", Some("OPERATE")),
        ("pulse", "direct", None),
        ("pulse", "sbo", None),
    ] {
        let what = format!("{kind} {mode}, lost: {lose:?}");
        let (told, acted) = (site.told().len(), accepted(&site.rtd.records()));
        mw += 0.25;
        let request = if kind == "pulse" { pulse(RAISE, "pulse", 1, 0) } else { counts(mw) };
        // Where no reply is lost the whole request comes twice at once.
        let request = lose.map_or_else(|| with(&request, "twice", true), |lose| with(&request, "lose", lose));
        let answer = answer(&mut peer, &request, mode);
        assert_eq!(answer["status"], json!([0]), "{what}: {answer}");
        assert_eq!(
            (answer["lost"] == 1, answer["retries"] == 0),
            (lose.is_some(), lose.is_none()),
            "{what}: {answer}"
        );
        site.until_told(mw);
        site.settle();
        assert_eq!(site.told().len(), told + 1, "{what}: the battery was told once");
        assert_eq!(accepted(&site.rtd.records()), acted + 1, "{what}: it acted once");
        println!("  0 py1815   {mode:7} {what}: told once");
    }
    // A retry over another connection is another request: the same set point changes nothing, a pulse is another pulse.
    let told = site.told().len();
    peer.ask(&json!({"do": "reconnect"}));
    for mode in MODES {
        assert_eq!(status(&mut peer, &counts(mw), mode), Some(0));
    }
    site.settle();
    assert_eq!(site.told().len(), told, "the same set point over another connection tells nothing");
    assert_eq!(status(&mut peer, &pulse(LOWER, "pulse", 1, 0), "direct"), Some(0));
    site.until_told(mw - 0.25);
}
