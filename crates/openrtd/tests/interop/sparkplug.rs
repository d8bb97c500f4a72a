//! A Sparkplug B edge node that others wrote, behind a broker that others wrote: what becomes of its metrics.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::devices::{add, ask, wait};
use crate::peer::{Peer, python, skip};
use crate::pki::Authority;
use crate::support::{Folder, Program};

/// A broker of a test's own; killed when dropped.
struct Broker {
    child: Child,
    file: String,
    port: u16,
}

impl Broker {
    /// `None` where there is none to be had.
    fn start(folder: &Folder, more: &str) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = folder.path("mosquitto.conf");
        let listener = format!("user root\npersistence false\nlistener {port} 127.0.0.1\n{more}\n");
        std::fs::write(&file, listener).unwrap();
        Some(Self { child: Self::launch(&file)?, file, port })
    }

    fn launch(file: &str) -> Option<Child> {
        ["mosquitto", "/usr/sbin/mosquitto"].iter().find_map(|program| {
            let quiet = Command::new(program).args(["-c", file]).stderr(Stdio::null()).spawn();
            quiet.ok()
        })
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn again(&mut self) {
        self.child = Self::launch(&self.file).unwrap();
    }

    fn is_up(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The device and its points.
fn points(port: u16, more: &str) -> String {
    format!(
        "[[device]]\nid = \"mqtt\"\nprotocol = \"sparkplug\"\naddress = \"127.0.0.1:{port}\"\ngroup = \"Plant\"\n\
         node = \"Gateway\"\ndevice = \"Inv1\"\npoll_ms = 1000\nalive = \"session\"\n{more}\n\
         [[analog]]\nid = \"mqtt.mw\"\nunit = \"MW\"\nsign = \"+\"\nwire = \"engineering\"\nage_max_ms = 4000\n\
         source = {{ device = \"mqtt\", metric = \"Inverter/ActivePower\", unit = \"kW\" }}\n\
         [[analog]]\nid = \"mqtt.mvar\"\nunit = \"Mvar\"\nsign = \"-\"\nwire = \"engineering\"\nage_max_ms = 4000\n\
         source = {{ device = \"mqtt\", metric = \"Inverter/Reactive\", unit = \"kvar\" }}\n\
         [[digital]]\nid = \"mqtt.closed\"\nage_max_ms = 4000\n\
         source = {{ device = \"mqtt\", metric = \"Breaker/Closed\" }}\n\
         [[digital]]\nid = \"mqtt.running\"\nage_max_ms = 4000\n\
         source = {{ device = \"mqtt\", metric = \"Inverter/State\", equals = 4 }}\n"
    )
}

fn good(rtd: &Program, id: &str, value: impl Into<Value>) {
    wait(rtd, id, &value.into(), &["ONLINE"]);
}

fn lost(rtd: &Program, id: &str, value: impl Into<Value>) {
    wait(rtd, id, &value.into(), &["COMM_LOST"]);
}

fn set(node: &mut Peer, metric: &str, value: &Value, more: &Value) {
    let mut request = json!({ "do": "set", "metric": metric, "value": value });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let said = node.ask(&request);
    assert!(said.last().is_some_and(|done| done.get("error").is_none()), "{said:?}");
}

fn settle(broker: &Broker) {
    let deadline = std::time::Instant::now() + crate::peer::PATIENCE;
    while !broker.is_up() {
        assert!(std::time::Instant::now() < deadline, "the broker does not come up");
    }
}

fn node_of(broker: &Broker, python: &std::path::Path, tls: &[String]) -> Peer {
    settle(broker);
    let mut arguments = vec![broker.port.to_string()];
    arguments.extend_from_slice(tls);
    let node = Peer::start(python, "sparkplug_node_pysparkplug.py", &arguments);
    node.until("ready");
    node
}

fn status(folder: &Folder) -> Value {
    let status = ask(folder, &json!({ "do": "status" }));
    let devices = status["devices"].as_array().unwrap().clone();
    devices.into_iter().find(|one| one["device"] == "mqtt").unwrap()
}

#[test]
fn a_node_by_pysparkplug_behind_mosquitto() {
    const POWER: &str = "Inverter/ActivePower";
    let Some(python) = python("pysparkplug") else { return };
    let folder = Folder::new();
    let Some(mut broker) = Broker::start(&folder, "allow_anonymous true") else {
        return skip("mosquitto: apt-get install mosquitto");
    };
    add(&folder, &points(broker.port, ""));
    let mut node = node_of(&broker, &python, &[]);
    // The node was born before we came: it is asked to be born again.
    let rtd = Program::start(&folder, "run", "site.toml");
    good(&rtd, "mqtt.mw", 2.5);
    good(&rtd, "mqtt.mvar", 0.3);
    good(&rtd, "mqtt.closed", true);
    good(&rtd, "mqtt.running", true);
    let plain = json!({});
    set(&mut node, POWER, &json!(2600.0), &plain);
    good(&rtd, "mqtt.mw", 2.6);
    set(&mut node, POWER, &json!(2700.0), &json!({ "alias": true }));
    good(&rtd, "mqtt.mw", 2.7);
    set(&mut node, "Inverter/State", &json!(5), &plain);
    good(&rtd, "mqtt.running", false);
    // Null has no flag but its want; a value of the past changes nothing.
    set(&mut node, POWER, &Value::Null, &plain);
    wait(&rtd, "mqtt.mw", &json!(2.7), &[]);
    set(&mut node, POWER, &json!(9000.0), &json!({ "historical": true }));
    set(&mut node, POWER, &json!(2800.0), &plain);
    good(&rtd, "mqtt.mw", 2.8);
    // A gap: nothing is believed, the node is asked, and its birth tells all anew.
    let mark = rtd.records().len();
    node.ask(&json!({ "do": "skip" }));
    set(&mut node, POWER, &json!(2900.0), &plain);
    lost(&rtd, "mqtt.mw", 2.8);
    good(&rtd, "mqtt.mw", 2.9);
    good(&rtd, "mqtt.closed", true);
    // Death and birth of the device.
    node.ask(&json!({ "do": "lose" }));
    lost(&rtd, "mqtt.closed", true);
    node.ask(&json!({ "do": "find" }));
    good(&rtd, "mqtt.mw", 2.5);
    // The node's connection breaks: its will is told, and it comes back.
    node.ask(&json!({ "do": "cut" }));
    lost(&rtd, "mqtt.mw", 2.5);
    good(&rtd, "mqtt.mw", 2.5);
    // The broker dies and comes back, three times.
    for turn in 0..3 {
        let value = 3.0 + f64::from(turn);
        set(&mut node, POWER, &json!(3000.0 + f64::from(turn) * 1000.0), &plain);
        good(&rtd, "mqtt.mw", value);
        broker.kill();
        lost(&rtd, "mqtt.mw", value);
        broker.again();
        good(&rtd, "mqtt.mw", value);
    }
    // The node dies for good: the broker tells, and nothing comes good again.
    drop(node);
    lost(&rtd, "mqtt.mw", 5.0);
    let old = |one: &&Value| one["id"] == "mqtt.mw" && one["value"] == 9.0;
    assert!(!rtd.records()[mark..].iter().any(|one| old(&one)), "a value of the past was told");
    let status = status(&folder);
    assert!(status["link"]["reconnects"].as_u64() >= Some(3), "{status}");
}

#[test]
fn over_mutual_tls_with_a_password() {
    let Some(python) = python("pysparkplug") else { return };
    let folder = Folder::new();
    let authority = Authority::new("Plant");
    let ca = folder.path("pki/plant.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let [certificate, key] = authority.issue(&folder, "broker", "broker.example", 2099);
    let more = format!(
        "allow_anonymous true\ncafile {ca}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true"
    );
    let Some(broker) = Broker::start(&folder, &more) else {
        return skip("mosquitto: apt-get install mosquitto");
    };
    let [theirs, theirs_key] = authority.issue(&folder, "node", "node.example", 2099);
    let [certificate, key] = authority.issue(&folder, "south", "south.example", 2099);
    std::fs::write(folder.path("password"), "secret\n").unwrap();
    let section = |name: &str| {
        format!(
            "user = \"openrtd\"\npassword_file = \"password\"\nadmit = [\"name:{name}\"]\n\
             tls = {{ certificate = \"{certificate}\", key = \"{key}\", trust_anchors = [\"{ca}\"] }}"
        )
    };
    add(&folder, &points(broker.port, &section("broker.example")));
    let _node = node_of(&broker, &python, &[ca.clone(), theirs, theirs_key]);
    let rtd = Program::start(&folder, "run", "site.toml");
    good(&rtd, "mqtt.mw", 2.5);
    drop(rtd);
    folder.change("site.toml", "name:broker.example", "name:another.example");
    let rtd = Program::start(&folder, "run", "site.toml");
    let deadline = std::time::Instant::now() + crate::peer::PATIENCE;
    while !status(&folder)["last_failure"].to_string().contains("TLS") {
        assert!(std::time::Instant::now() < deadline, "{}", status(&folder));
    }
    let good = |one: &&Value| one["id"] == "mqtt.mw" && one["quality"] == "good";
    assert!(!rtd.records().iter().any(|one| good(&one)), "a broker that is not admitted was heard");
}
