//! A capture of a whole run, judged by tshark.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::masters::{master, port, with_guests};
use crate::peer::{PATIENCE, python, skip};
use crate::support::{Loop, openrtd};

const NEEDS: &str =
    "tshark with the right to capture on lo (root): apt-get install --no-install-recommends tshark";
const FAR: i32 = 2099;

/// tshark on the loopback; killed when dropped.
struct Capture {
    child: Child,
    file: PathBuf,
}

impl Capture {
    /// Capturing `port`, or nothing where that is not allowed.
    fn start(port: &str, file: PathBuf) -> Option<Self> {
        let mut child = Command::new("tshark")
            .args(["-i", "lo", "-f", &format!("tcp port {port}"), "-w"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        // It captures once the refused knocks at the port, where nobody listens yet, are in the file.
        let deadline = Instant::now() + PATIENCE;
        while captured(&file) == 0 {
            drop(TcpStream::connect(format!("127.0.0.1:{port}")));
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(Instant::now() < deadline, "tshark captures nothing");
            std::thread::yield_now();
        }
        Some(Self { child, file })
    }

    fn interrupt(&self) {
        drop(
            Command::new("kill").args(["-INT", &self.child.id().to_string()]).stderr(Stdio::null()).status(),
        );
    }

    /// Ends it when all packets are in the file: a last knock of its own is.
    fn end(mut self, port: &str) -> PathBuf {
        let deadline = Instant::now() + PATIENCE;
        let before = captured(&self.file);
        while captured(&self.file) <= before {
            drop(TcpStream::connect(format!("127.0.0.1:{port}")));
            assert!(Instant::now() < deadline, "tshark captures nothing more");
        }
        self.interrupt();
        assert!(self.child.wait().unwrap().success());
        self.file.clone()
    }
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

/// How many octets are in the file beyond what it opens with.
fn captured(file: &Path) -> usize {
    const HEADER_MAX: usize = 512;
    let mut octets = Vec::new();
    let read = fs::File::open(file).and_then(|mut open| open.read_to_end(&mut octets));
    read.unwrap_or(0).saturating_sub(HEADER_MAX)
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

#[test]
fn an_analyser_finds_no_fault_in_a_whole_run() {
    let Some(python) = python("opendnp3") else { return };
    let (folder, authority) = with_guests();
    folder.change("site.toml", "[tls]\n", "[tls]\ndebug_keylog = \"keys.log\"\n");
    let port = port(&folder);
    let Some(capture) = Capture::start(&port, folder.site.join("run.pcapng")) else {
        return skip(NEEDS);
    };
    let running = Loop::start(&folder);
    let ems = folder.path("ems.toml");
    for mode in ["--sbo", "--direct"] {
        let sent = openrtd(&["setpoint", &ems, "bess.mw.setpoint", "2", mode]);
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    }
    // Ours has the set point for a while; the other one's commands are answered all the same.
    let files = authority.issue(&folder, "yadnp3", "yadnp3.example", FAR);
    let mut peer = master(&python, "dnp3_master_yadnp3.py", &folder, "3", &files);
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
    let (capture, keys) = (capture.end(&port), folder.path("keys.log"));
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
