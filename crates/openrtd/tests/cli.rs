//! The program as a user meets it: its exit codes, its errors and its clean ends.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

struct Folder {
    _temporary: tempfile::TempDir,
    site: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let site = temporary.path().join("site");
        let made = openrtd(&["init", site.to_str().unwrap()]);
        assert_eq!(made.status.code(), Some(0), "{}", errors(&made));
        Self { _temporary: temporary, site }
    }

    fn path(&self, name: &str) -> String {
        self.site.join(name).to_str().unwrap().to_owned()
    }

    /// Replaces the first `from` of a file.
    fn change(&self, name: &str, from: &str, to: &str) {
        let path = self.site.join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// The first address of a file after `after`.
    fn address(&self, name: &str, after: &str) -> String {
        let text = fs::read_to_string(self.site.join(name)).unwrap();
        let rest = &text[text.find(after).unwrap()..];
        let start = rest.find("127.0.0.1:").unwrap();
        rest[start..].split('"').next().unwrap().to_owned()
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openrtd"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn openrtd(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Refused with exit 2 and exactly one error line, which holds all of `told`.
fn refused(arguments: &[&str], told: &[&str]) {
    ended(arguments, 2, told);
}

fn ended(arguments: &[&str], code: i32, told: &[&str]) {
    let output = openrtd(arguments);
    let text = errors(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    for piece in told {
        assert!(text.contains(piece), "{piece} is not in: {text}");
    }
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn help_has_examples_and_usage_errors_exit_2() {
    for name in ["init", "plant", "run", "ems", "poll", "setpoint", "fault", "demo"] {
        let help = openrtd(&[name, "--help"]);
        assert_eq!(help.status.code(), Some(0));
        assert!(String::from_utf8(help.stdout).unwrap().contains("Examples:"), "{name}");
    }
    for wrong in [&["demo", "--speed", "0"][..], &["demo", "--seconds", "x"], &["pol"], &[]] {
        assert_eq!(openrtd(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn init_overwrites_nothing() {
    let folder = Folder::new();
    let before = fs::read(folder.site.join("pki/rtd.key")).unwrap();
    refused(&["init", folder.site.to_str().unwrap()], &["not empty"]);
    assert_eq!(fs::read(folder.site.join("pki/rtd.key")).unwrap(), before);
}

#[test]
fn a_bad_site_file_is_one_error_at_its_place() {
    let cases = [
        ("poll_ms = 1000", "pol_ms = 1000", "unknown field `pol_ms`"),
        ("index = 2\nunit", "index = 1\nunit", "index: 1 is already the analog index of `poi.mw`"),
        ("unit = \"Mvar\"", "unit = \"MW\"", "analog[1].unit: MW measures"),
        ("unit = \"Mvar\"", "unit = \"mvar\"", "unknown unit `mvar`, allowed: "),
        ("pki/rtd.pem", "pki/gone.pem", "pki/gone.pem cannot be read"),
    ];
    let folder = Folder::new();
    let good = fs::read_to_string(folder.site.join("site.toml")).unwrap();
    for (from, to, told) in cases {
        folder.change("site.toml", from, to);
        let text = fs::read_to_string(folder.site.join("site.toml")).unwrap();
        let line = text.lines().zip(good.lines()).position(|(now, before)| now != before).unwrap() + 1;
        refused(&["run", &folder.path("site.toml")], &[&format!("site.toml:{line}:"), told]);
        fs::write(folder.site.join("site.toml"), &good).unwrap();
    }
    assert!(!folder.site.join("run").exists(), "something was started");
}

#[test]
fn bad_plant_and_iso_files_are_one_error_at_their_place() {
    let folder = Folder::new();
    refused(&["plant", &folder.path("gone.toml")], &["gone.toml: cannot be read"]);
    let plant = folder.path("plant.toml");
    refused(&["plant", &plant, "--fault", "inv1=sick"], &["unknown fault `sick`, allowed: none, silent"]);
    refused(&["plant", &plant, "--fault", "inv9=silent"], &["inv9"]);
    fs::write(folder.site.join("day.csv"), "time,ghi_wm2\n11:00,bright\n").unwrap();
    folder.change("plant.toml", "socket", "day = \"day.csv\"\nsocket");
    refused(&["plant", &plant], &["day.csv:1"]);
    folder.change("plant.toml", "day.csv", "no.csv");
    refused(&["plant", &plant], &["no.csv", "cannot be read"]);
    folder.change("ems.toml", "admit = ", "scan_s = 4\nadmit = ");
    refused(&["ems", &folder.path("ems.toml")], &["ems.toml:", "unknown field `scan_s`"]);
    refused(&["poll", &folder.path("ems.toml")], &["ems.toml:", "unknown field `scan_s`"]);
    refused(&["setpoint", &folder.path("ems.toml"), "p", "1"], &["ems.toml:", "unknown field `scan_s`"]);
    assert!(!folder.site.join("run").exists(), "something was started");
}

#[test]
fn a_port_in_use_is_the_machines_fault() {
    let folder = Folder::new();
    let inverter = folder.address("plant.toml", "inv2");
    let held = TcpListener::bind(&inverter).unwrap();
    ended(&["plant", &folder.path("plant.toml")], 1, &[&inverter]);
    drop(held);
    let outstation = folder.address("site.toml", "[outstation]");
    let _held = TcpListener::bind(&outstation).unwrap();
    ended(&["run", &folder.path("site.toml")], 1, &[&outstation]);
}

#[test]
fn questions_to_a_program_that_does_not_run() {
    let folder = Folder::new();
    let (ems, plant) = (folder.path("ems.toml"), folder.path("plant.toml"));
    ended(&["setpoint", &ems, "bess.mw.setpoint", "1"], 1, &["no EMS runs", "openrtd ems"]);
    ended(&["fault", &plant, "inv1", "silent"], 1, &["no plant runs", "openrtd plant"]);
    refused(&["fault", &plant, "inv1", "sick"], &["unknown fault `sick`"]);
    refused(&["fault", &plant, "breaker", "ajar"], &["breaker open"]);
}

/// A program with its journal, killed when dropped.
struct Running {
    child: Child,
    journal: BufReader<std::process::ChildStdout>,
}

impl Running {
    /// Started and ready.
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .args(["--json", "--until-stdin-ends"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let journal = BufReader::new(child.stdout.take().unwrap());
        let mut running = Self { child, journal };
        assert!(running.line().contains("\"ready\""));
        running
    }

    /// The next line; empty at the end.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.journal.read_line(&mut line).unwrap();
        line
    }

    fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| Some(self.line()).filter(|line| !line.is_empty())).collect()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn programs(folder: &Folder) -> [[String; 2]; 3] {
    [("plant", "plant.toml"), ("run", "site.toml"), ("ems", "ems.toml")]
        .map(|(name, file)| [name.to_owned(), folder.path(file)])
}

#[test]
fn each_program_ends_cleanly_on_ctrl_c_and_sigterm_and_without_its_parent() {
    let folder = Folder::new();
    for [name, file] in programs(&folder) {
        for end in ["-INT", "-TERM", "stdin"] {
            let mut running = Running::start(&[&name, &file]);
            match end {
                "stdin" => drop(running.child.stdin.take()),
                signal => running.signal(signal),
            }
            let last = running.rest().pop().unwrap_or_default();
            assert!(last.contains("\"stopped\""), "{name} {end}: {last}");
            assert_eq!(running.child.wait().unwrap().code(), Some(0), "{name} {end}");
        }
    }
    assert!(leftovers(&folder.site.join("run")).is_empty());
}

#[test]
fn the_end_of_stdin_and_a_signal_at_once_are_no_hurry() {
    let folder = Folder::new();
    for [name, file] in programs(&folder) {
        for _ in 0..3 {
            let mut running = Running::start(&[&name, &file]);
            // Both wait for the program when it goes on.
            running.signal("-STOP");
            drop(running.child.stdin.take());
            running.signal("-INT");
            running.signal("-CONT");
            let last = running.rest().pop().unwrap_or_default();
            assert!(last.contains("\"stopped\""), "{name}: {last}");
            assert_eq!(running.child.wait().unwrap().code(), Some(0), "{name}");
        }
    }
    assert!(leftovers(&folder.site.join("run")).is_empty());
}

fn leftovers(run: &Path) -> Vec<PathBuf> {
    fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_plant() {
    let folder = Folder::new();
    let mut running = Running::start(&["plant", &folder.path("plant.toml")]);
    // The journal's reader goes away.
    let stdout = std::mem::replace(&mut running.journal, BufReader::new(spent()));
    drop(stdout);
    let status = ["fault", &folder.path("plant.toml"), "inv1", "silent"];
    assert_eq!(openrtd(&status).status.code(), Some(0));
    let shown = openrtd(&["fault", &folder.path("plant.toml")]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("silent"));
    assert!(TcpStream::connect(folder.address("plant.toml", "met")).is_ok());
    running.signal("-TERM");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
}

/// A stdout that has ended.
fn spent() -> std::process::ChildStdout {
    let mut child = command(&["--version"]).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    child.wait().unwrap();
    stdout
}

#[test]
fn a_full_disk_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let init = Command::new(env!("CARGO_BIN_EXE_openrtd"))
        .arg("init")
        .arg(&site)
        .stdout(fs::File::create("/dev/full").unwrap())
        .output()
        .unwrap();
    let told = String::from_utf8(init.stderr).unwrap();
    assert!(init.status.code() == Some(1) && told.contains("error: stdout: "), "{told}");
}
