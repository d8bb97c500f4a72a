//! A capture of a whole run, judged by tshark.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::masters::{master, port, with_guests};
use crate::peer::{python, skip};
use crate::support::{Folder, Loop, openrtd};

const NEEDS: &str =
    "tshark with the right to capture on lo (root): apt-get install --no-install-recommends tshark";
const FAR: i32 = 2099;

/// MiB that wait for a tshark that gets no time, many times what a run needs: the default is 2.
const BUFFER: &str = "64";
/// Seconds of its time go by before it captures, and a busy machine gives it little.
const PATIENCE: Duration = Duration::from_secs(120);
/// So many runs are captured until nothing of one is lost.
const RUNS: usize = 3;

/// tshark on the loopback; stopped when dropped.
struct Capture {
    child: Child,
    file: PathBuf,
    log: PathBuf,
    /// What this sends to itself is captured, too: so it is known how far the file is.
    marks: UdpSocket,
}

impl Capture {
    /// Capturing `port`, or nothing where that is not allowed.
    fn start(port: &str, folder: &Path) -> Option<Self> {
        let (file, log) = (folder.join("run.pcapng"), folder.join("tshark.log"));
        let marks = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mark = marks.local_addr().unwrap().port();
        let child = Command::new("tshark")
            .args(["-i", "lo", "-B", BUFFER, "-f", &format!("tcp port {port} or udp port {mark}"), "-w"])
            .arg(&file)
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .ok()?;
        let mut capture = Self { child, file, log, marks };
        capture.has("it begins").then_some(capture)
    }

    /// Waits until all that was said before is in the file; false where nothing is captured any more.
    fn has(&mut self, mark: &str) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            drop(self.marks.send_to(mark.as_bytes(), self.marks.local_addr().unwrap()));
            std::thread::sleep(Duration::from_millis(20));
            let octets = fs::read(&self.file).unwrap_or_default();
            if octets.windows(mark.len()).any(|some| some == mark.as_bytes()) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            assert!(Instant::now() < deadline, "tshark captures nothing that says {mark:?}: {}", self.said());
        }
    }

    fn interrupt(&self) {
        drop(
            Command::new("kill").args(["-INT", &self.child.id().to_string()]).stderr(Stdio::null()).status(),
        );
    }

    /// Ends it when all packets are in the file: that, or how many were lost.
    fn end(mut self) -> Result<PathBuf, u64> {
        assert!(self.has("it ends"), "tshark has ended: {}", self.said());
        self.interrupt();
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "{}", self.said());
        match lost(&self.said()) {
            0 => Ok(self.file.clone()),
            lost => Err(lost),
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// How many packets tshark says that it lost.
fn lost(said: &str) -> u64 {
    let told = said.lines().filter_map(|line| line.split_once(" dropped from"));
    told.filter_map(|(before, _)| before.split(' ').next()?.parse::<u64>().ok()).sum()
}

impl Drop for Capture {
    fn drop(&mut self) {
        // Not killed: its own child would outlive it.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.interrupt();
            drop(self.child.wait());
        }
    }
}

/// The values of `field` in every decoded packet that has one.
fn decoded(capture: &Path, port: &str, keys: &str, filter: &str, field: &str) -> Vec<String> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(capture)
        .args(["-o", &format!("tls.keylog_file:{keys}"), "-d", &format!("tls.port=={port},dnp3")])
        .args(["-Y", filter, "-T", "fields", "-e", field])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().flat_map(|line| line.split(',')).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// A run with commands of all kinds, of two masters, and a device that falls silent.
struct Run {
    folder: Folder,
    port: String,
    /// What was captured of it, or how many packets were lost.
    capture: Result<PathBuf, u64>,
}

impl Run {
    /// Nothing where nothing can be captured.
    fn captured(python: &Path) -> Option<Self> {
        let (folder, authority) = with_guests();
        folder.change("site.toml", "[tls]\n", "[tls]\ndebug_keylog = \"keys.log\"\n");
        let port = port(&folder);
        let capture = Capture::start(&port, &folder.site)?;
        let running = Loop::start(&folder);
        let ems = folder.path("ems.toml");
        for mode in ["--sbo", "--direct"] {
            let sent = openrtd(&["setpoint", &ems, "bess.mw.setpoint", "2", mode]);
            assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        }
        // Ours has the set point for a while; the other one's commands are answered all the same.
        let files = authority.issue(&folder, "yadnp3", "yadnp3.example", FAR);
        let mut peer = master(python, "dnp3_master_yadnp3.py", &folder, "3", &files);
        for request in [
            json!({"do": "integrity"}),
            json!({"do": "operate", "type": "analog", "width": "f32", "index": 1, "value": 5000, "mode": "sbo"}),
            json!({"do": "operate", "type": "analog", "width": "i16", "index": 1, "value": 30000, "mode": "direct"}),
            json!({"do": "operate", "type": "crob", "index": 1, "value": true, "mode": "direct"}),
            json!({"do": "write_time", "ms": 1}),
        ] {
            peer.ask(&request);
        }
        folder.fault("inv1", "silent");
        let mark = running.iso.mark();
        running.iso.wait("to scan on", |records| {
            (records[mark..].iter().filter(|one| one["event"] == "scan").count() >= 8).then_some(())
        });
        drop(peer);
        drop(running);
        let capture = capture.end();
        Some(Self { folder, port, capture })
    }
}

#[test]
fn what_tshark_lost_is_known() {
    assert_eq!(lost("Capturing on 'Loopback: lo'\n7 packets captured\n"), 0);
    assert_eq!(lost("Capturing on 'Loopback: lo'\n1 packet dropped from lo\n7 packets captured\n"), 1);
    assert_eq!(lost("12 packets dropped from lo (libpcap)\n"), 12);
}

#[test]
fn an_analyser_finds_no_fault_in_a_whole_run() {
    let Some(python) = python("opendnp3") else { return };
    // Of a run that lost packets nobody can say what was in them.
    let mut lost = Vec::new();
    let (folder, port, capture) = loop {
        let Some(Run { folder, port, capture }) = Run::captured(&python) else { return skip(NEEDS) };
        match capture {
            Ok(capture) => break (folder, port, capture),
            Err(packets) => lost.push(packets),
        }
        assert!(lost.len() < RUNS, "no run was captured whole, packets lost: {lost:?}");
    };
    let keys = folder.path("keys.log");
    let find = |filter: &str, field: &str| decoded(&capture, &port, &keys, filter, field);
    let headers = find("dnp3", "dnp.hdr.CRC.status");
    let chunks = find("dnp3", "dnp.data_chunk.CRC.status");
    assert!(headers.len() > 50 && chunks.len() > 50, "{} headers, {} chunks", headers.len(), chunks.len());
    assert!(headers.iter().chain(&chunks).all(|status| status == "1"), "{headers:?} {chunks:?}");
    let faults = "_ws.malformed || dnp3.unknown_object || dnp3.al.unknown_data_chunk";
    assert_eq!(find(faults, "frame.number"), Vec::<String>::new());
    // Our own decoder opens the same TLS and finds the same.
    let ours = openrtd(&["decode", capture.to_str().unwrap(), "--keylog", &keys, "--port", &port, "--json"]);
    assert_eq!(ours.status.code(), Some(0), "{}", String::from_utf8_lossy(&ours.stderr));
    let ours = String::from_utf8(ours.stdout).unwrap();
    let summary: Value = serde_json::from_str(ours.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["frames"], &summary["unreadable"]), (&headers.len().into(), &0.into()), "{summary}");
    // Not only reads: controls of both kinds and the confirmation of events are among it.
    let functions = find("dnp3", "dnp3.al.func");
    for code in ["0", "1", "2", "3", "4", "5", "129"] {
        let wanted = |one: &String| {
            one == code
                || one
                    .strip_prefix("0x")
                    .is_some_and(|hex| i64::from_str_radix(hex, 16).ok() == code.parse().ok())
        };
        assert!(functions.iter().any(wanted), "no function {code}: {functions:?}");
    }
}
