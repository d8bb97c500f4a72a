//! The running device watched from outside: HTTP, a real Prometheus, the service manager's socket, time servers, the
//! story of a point, the log.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use support::{Folder, Program, openrtd};

/// Long enough for a loaded machine; never reached when things work.
const PATIENCE: Duration = Duration::from_secs(90);

/// Asks again and again until it is so.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Status and body of a page.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// A time server whose clock is so far ahead of ours.
fn time_server(ahead: Duration) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut question = [0; 64];
        while let Ok((_, peer)) = socket.recv_from(&mut question) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead;
            let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
            let time = (((now.as_secs() + 2_208_988_800) << 32) | fraction).to_be_bytes();
            let mut answer = [0; 48];
            (answer[0], answer[1]) = (0b0010_0100, 1);
            answer[24..32].copy_from_slice(&question[40..48]);
            answer[32..40].copy_from_slice(&time);
            answer[40..48].copy_from_slice(&time);
            drop(socket.send_to(&answer, peer));
        }
    });
    address
}

/// A folder whose device is watched, and whose clock is held against such a server.
fn watched(ahead: Duration) -> Folder {
    let folder = Folder::new();
    let server = time_server(ahead);
    let more = format!(
        "\n[history]\npath = \"history.db\"\n\n[metrics]\nlisten = \"127.0.0.1:0\"\n\n[clock]\nntp = [\"{server}\"]\n\n[resource]"
    );
    folder.change("site.toml", "\n[resource]", &more);
    folder
}

fn metrics_address(rtd: &Program) -> SocketAddr {
    let of = |record: &Value| record["metrics"].as_str().map(str::to_owned);
    rtd.wait("to be ready", |records| records.iter().find_map(of)).parse().unwrap()
}

fn connected(rtd: &Program) {
    rtd.wait("to be connected", |records| {
        let up = |one: &&Value| one["event"] == "session" && one["state"] == "up" && one["master"] == "ems";
        records.iter().find(up).map(|_| ())
    });
}

#[test]
fn a_device_tells_all_of_itself() {
    let folder = watched(Duration::ZERO);
    let manager = folder.site.join("notify.sock");
    let told = UnixDatagram::bind(&manager).unwrap();
    told.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut octets = [0; 4_096];
        let length = told.recv(&mut octets).unwrap();
        String::from_utf8(octets[..length].to_vec()).unwrap()
    };
    let _plant = Program::start(&folder, "plant", "plant.toml");
    let site = folder.path("site.toml");
    let arguments =
        ["run", &site, "--json", "--until-stdin-ends", "--log-format", "json", "--log-level", "trace"];
    let environment = [("NOTIFY_SOCKET", manager.to_str().unwrap()), ("WATCHDOG_USEC", "1000000")];
    let mut rtd = Program::launch_in(&folder, &arguments, &environment);
    let ready = heard();
    assert!(ready.starts_with("READY=1\nSTATUS=") && ready.contains("masters connected"), "{ready}");
    for _ in 0..2 {
        while !heard().contains("WATCHDOG=1") {}
    }

    let iso = Program::start(&folder, "ems", "ems.toml");
    connected(&rtd);
    iso.wait("to scan", |records| records.iter().any(|one| one["event"] == "scan").then_some(()));
    let address = metrics_address(&rtd);
    let scrape = || get(address, "/metrics").filter(|(status, _)| *status == 200).map(|(_, body)| body);
    let has = |line: &str| until(line, || scrape()?.lines().any(|one| one == line).then_some(()));
    has("openrtd_device_up{device=\"inv1\"} 1.0");
    has("openrtd_session_up{master=\"ems\"} 1.0");
    has("openrtd_clock_trust{trust=\"synchronised\"} 1.0");
    has("openrtd_history_writing 1.0");
    has("openrtd_point_quality{point=\"poi.mw\"} 0.0");
    until("readiness", || (get(address, "/readyz")?.0 == 200).then_some(()));
    let (status, health) = get(address, "/healthz").unwrap();
    assert_eq!(
        (status, serde_json::from_str::<Value>(&health).unwrap()["status"].as_str()),
        (200, Some("ok"))
    );

    let story = openrtd(&["point", &site, "poi.mw"]);
    assert_eq!(story.status.code(), Some(0), "{}", String::from_utf8_lossy(&story.stderr));
    let story = String::from_utf8(story.stdout).unwrap();
    for part in [
        "poi.mw",
        "  source    meter, ",
        "  raw ",
        "  value ",
        "  wire      analog input ",
        "  masters   ems",
        "got ",
    ] {
        assert!(story.contains(part), "{part}: {story}");
    }
    let story = openrtd(&["point", &site, "unit.connected", "--json"]);
    let story: Value = serde_json::from_slice(&story.stdout).unwrap();
    assert_eq!(story["point"]["id"], "unit.connected");
    assert_eq!(story["inputs"][0]["id"], "poi.breaker", "{story}");
    let wrong = openrtd(&["point", &site, "poi.mv"]);
    let error = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{error}");
    assert!(error.contains("there is no point `poi.mv`; near it: poi."), "{error}");

    folder.fault("inv1", "silent");
    has("openrtd_device_up{device=\"inv1\"} 0.0");
    assert_eq!(get(address, "/healthz").unwrap().0, 200, "the plant's devices are not its health");

    rtd.signal("-TERM");
    while !heard().contains("STOPPING=1") {}
    rtd.end();
    let log = rtd.errors();
    let key = folder.read("pki/rtd.key");
    let secrets: Vec<&str> = key.lines().filter(|line| !line.starts_with('-') && line.len() > 20).collect();
    assert!(!secrets.is_empty());
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        assert!(secrets.iter().all(|secret| !line.contains(secret)), "a key in the log: {line}");
    }
    let stopped = openrtd(&["point", &site, "poi.mw"]);
    let error = String::from_utf8(stopped.stderr).unwrap();
    assert!(stopped.status.code() == Some(1) && error.contains("no device runs on "), "{error}");
}

/// Killed when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus").join(name)
}

/// The names of our metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("openrtd_")).map(str::to_owned).collect()
}

/// The expressions of a dashboard or of rules, wherever they are.
fn expressions(value: &Value, found: &mut String) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("expr" | "query", Value::String(text)) => found.push_str(&format!("{text}\n")),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

fn is_here(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

#[test]
fn a_real_prometheus_knows_every_metric_of_rules_and_dashboard_and_an_alert_fires() {
    if !(is_here("prometheus") && is_here("promtool")) {
        assert!(std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(), "needs prometheus and promtool");
        eprintln!("skipped: needs prometheus and promtool");
        return;
    }
    let checked =
        Command::new("promtool").args(["check", "rules"]).arg(deployed("rules.yml")).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    // Five seconds wrong, so that there is an alarm, too.
    let folder = watched(Duration::from_secs(5));
    let _plant = Program::start(&folder, "plant", "plant.toml");
    let rtd = Program::start(&folder, "run", "site.toml");
    let _iso = Program::start(&folder, "ems", "ems.toml");
    connected(&rtd);
    folder.fault("inv2", "wrong-transaction");
    let site = folder.path("site.toml");
    let forced = openrtd(&["force", &site, "poi.mw", "1", "--who", "ann", "--why", "a test"]);
    assert!(forced.status.success(), "{}", String::from_utf8_lossy(&forced.stderr));
    let raised = |one: &&Value| one["event"] == "alarm" && one["kind"] == "clock" && one["state"] == "raised";
    let alarm = rtd.wait("to find its clock wrong", |records| records.iter().find(raised).cloned());
    // A loaded machine measures some milliseconds less.
    let told: f64 = alarm["text"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((told + 5_000.0).abs() < 1_000.0, "{alarm}");

    // As deployed, but for the times that they wait.
    let rules = std::fs::read_to_string(deployed("rules.yml")).unwrap();
    let quick = |line: &str| {
        line.split_once("for: ").map_or(line.to_owned(), |(before, _)| format!("{before}for: 1s"))
    };
    let rules_here = folder.site.join("rules.yml");
    std::fs::write(&rules_here, rules.lines().map(quick).collect::<Vec<_>>().join("\n")).unwrap();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let prometheus = free.local_addr().unwrap();
    drop(free);
    let config = folder.site.join("prometheus.yml");
    let text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{}]\nscrape_configs:\n  - job_name: openrtd\n    \
         static_configs: [{{ targets: [\"{}\"] }}]\n",
        rules_here.display(),
        metrics_address(&rtd)
    );
    std::fs::write(&config, text).unwrap();
    let server = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.site.join("tsdb").display()))
        .arg(format!("--web.listen-address={prometheus}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Server(server);
    let api = |path: &str| -> Option<Value> {
        let (status, body) = get(prometheus, path)?;
        (status == 200).then(|| serde_json::from_str::<Value>(&body).ok())?
    };
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(deployed("dashboard.json")).unwrap()).unwrap();
    let mut shown = String::new();
    expressions(&dashboard, &mut shown);
    let used: BTreeSet<String> = names(&shown).union(&names(&rules)).cloned().collect();
    assert!(used.len() > 20, "{used:?}");
    let mut missing = used;
    let deadline = Instant::now() + PATIENCE;
    while !missing.is_empty() {
        let known = api("/api/v1/label/__name__/values").unwrap_or_default();
        for name in known["data"].as_array().into_iter().flatten() {
            missing.remove(name.as_str().unwrap_or_default());
        }
        assert!(Instant::now() < deadline, "not in the scrape: {missing:?}");
        std::thread::sleep(Duration::from_millis(200));
    }

    let fires = |alert: &str, with: &str| {
        let alerts = api("/api/v1/alerts")?;
        let fires = alerts["data"]["alerts"].as_array()?.iter().any(|one| {
            one["labels"]["alertname"] == alert
                && one["state"] == "firing"
                && one["labels"].to_string().contains(with)
        });
        fires.then_some(())
    };
    until("the wrong clock to be told", || fires("OpenrtdClockWrong", ""));
    until("its alarm", || fires("OpenrtdAlarm", "\"clock\""));
    assert_eq!(fires("OpenrtdDeviceDown", ""), None);
    until("polls that fail", || fires("OpenrtdDeviceFailing", "\"inv2\""));
    assert_eq!(fires("OpenrtdDeviceFailing", "\"meter\""), None, "nobody else");
    folder.fault("inv1", "silent");
    until("an alert for inv1", || fires("OpenrtdDeviceDown", "\"inv1\""));
    until("its points", || fires("OpenrtdPointStale", ".inv1."));
    assert_eq!(fires("OpenrtdPointStale", "\"poi.mw\""), None, "forced is not stale");
    assert_eq!(fires("OpenrtdSessionDown", ""), None, "nobody uses the observer");
    assert_eq!(fires("OpenrtdDeviceDown", "\"meter\""), None, "nobody else");
}
