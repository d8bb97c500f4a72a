//! The whole loop: plant, device and ISO as processes of their own, over the real protocols.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

struct Demo {
    child: Child,
    lines: BufReader<ChildStdout>,
    ready: Value,
}

impl Demo {
    /// Started, with all three programs ready.
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_openrtd"))
            .args(["demo", "--json"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["event"], "ready");
        Self { child, lines, ready }
    }

    fn folder(&self) -> PathBuf {
        self.ready["folder"].as_str().unwrap().into()
    }

    /// Connections to the three local sockets: each ends when its program does.
    fn sockets(&self) -> Vec<UnixStream> {
        ["plant", "rtd", "ems"]
            .map(|name| UnixStream::connect(self.folder().join(format!("run/{name}.sock"))).unwrap())
            .into()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; exit code and last line.
    fn end(mut self) -> (Option<i32>, Value) {
        let last = self.lines.by_ref().lines().map_while(Result::ok).last();
        let status = self.child.wait().unwrap();
        (status.code(), last.map_or(Value::Null, |line| serde_json::from_str(&line).unwrap()))
    }
}

/// Returns when the other ends are gone.
fn wait_for_the_end(sockets: Vec<UnixStream>) {
    for mut socket in sockets {
        // A connection that is reset has ended too.
        drop(socket.read(&mut [0]));
    }
}

#[test]
fn the_iso_has_what_the_meter_held_and_the_plant_follows_it() {
    let demo = Demo::start(&["--seconds", "24"]);
    let folder = demo.folder();
    let (code, summary) = demo.end();
    assert_eq!(code, Some(0), "{summary}");
    let count = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(count("scans_missed"), 0, "{summary}");
    assert!(count("scans") >= 5, "{summary}");
    assert!(count("points") >= 30 && count("points") == count("points_good"), "{summary}");
    assert!(count("setpoints_followed") >= 1, "{summary}");
    assert!(count("compared") >= 1 && count("compared") == count("compared_equal"), "{summary}");
    assert!(!folder.exists());
}

#[test]
fn nothing_outlives_the_demo() {
    let demo = Demo::start(&[]);
    let (folder, sockets) = (demo.folder(), demo.sockets());
    demo.signal("-TERM");
    assert_eq!(demo.end().0, Some(0));
    wait_for_the_end(sockets);
    assert!(!folder.exists());
}

#[test]
fn nothing_outlives_a_demo_that_was_killed() {
    let demo = Demo::start(&[]);
    let (folder, sockets) = (demo.folder(), demo.sockets());
    demo.signal("-KILL");
    assert_eq!(demo.end().0, None);
    wait_for_the_end(sockets);
    // Nobody was left to do it.
    std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}
