//! The whole loop: plant, device and ISO as processes of their own, over the real protocols.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// Scans until something that was done is seen: two would do on a machine that has nothing else to do.
const SCANS_WAITED: usize = 15;

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

    /// Its next progress that is `so`; it must come within a few scans.
    fn wait(&mut self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        for _ in 0..SCANS_WAITED {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            let record: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(record["event"], "progress", "{record}");
            if so(&record) {
                return record;
            }
            seen.push(record["agc"].to_string());
        }
        panic!("waited for {what}:\n{}", seen.join("\n"));
    }

    /// The operator at the device.
    fn control(&self, way: &str) {
        let site = self.folder().join("site.toml");
        let done = Command::new(env!("CARGO_BIN_EXE_openrtd"))
            .args(["control", site.to_str().unwrap(), way, "--why", "drill"])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
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
fn the_iso_regulates_and_a_hand_over_at_the_desk_moves_nothing() {
    let mut demo = Demo::start(&["--agc"]);
    let agc = |record: &Value, name: &str| record["agc"][name].as_f64();
    let follows = |record: &Value| {
        let near = |name| Some((agc(record, name)? - agc(record, "asked")?).abs() <= 0.001);
        record["agc"]["owner"] == "iso" && near("held") == Some(true) && near("actual") == Some(true)
    };
    demo.wait("two set points that the battery follows", |one| {
        agc(one, "sent").unwrap() >= 2.0 && follows(one)
    });
    demo.control("take");
    let taken = demo.wait("the ISO to be refused", |one| {
        agc(one, "refused").unwrap() >= 1.0 && one["agc"]["owner"] == "local"
    });
    let still = demo.wait("another refusal", |one| agc(one, "refused").unwrap() >= 2.0);
    assert_eq!(still["plant"]["battery_mw"], taken["plant"]["battery_mw"], "it keeps what it was told");
    for name in ["held", "in_force"] {
        let off = agc(&still, name).unwrap() - agc(&still, "actual").unwrap();
        assert!(off.abs() <= 0.001, "{name} follows what the battery does: {still}");
    }
    demo.control("release");
    demo.wait("the battery to follow again", follows);
    demo.signal("-TERM");
    let (code, summary) = demo.end();
    assert_eq!(code, Some(0), "{summary}");
    let agc = &summary["agc"];
    let refused = agc["refused"].as_object().unwrap();
    assert!(refused.len() == 1 && refused["LOCAL"].as_u64() >= Some(2), "{summary}");
    assert!(agc["accuracy"].is_f64() && agc["unscored"].as_u64() >= Some(2), "{summary}");
    assert_eq!(summary["scans_missed"], 0, "{summary}");
}

#[test]
fn a_signal_that_cannot_be_sent_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signal.csv");
    std::fs::write(&file, "seconds,mw\n0,1\n4,4.5\n8,x\n").unwrap();
    let file = file.to_str().unwrap();
    let refused = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_openrtd")).arg("demo").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap().replace(file, "signal.csv")
    };
    assert_eq!(
        refused(&["--agc", "--signal", file]),
        "error: signal.csv, row 3, column B: 4.5 MW is outside what the set point takes: -4 to 4 MW\n\
         error: signal.csv, row 4, column B: `x` is not a number\n"
    );
    let told = refused(&["--agc", "--agc-mw", "4.5"]);
    assert_eq!(told, "error: --agc-mw 4.5: must be above 0, at most 4 MW either way\n");
    assert!(refused(&["--signal", file]).contains("--agc"));
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
