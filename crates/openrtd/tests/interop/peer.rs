//! Peers that others wrote, run from the Python of the tests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// Long enough for a loaded machine; never reached when things work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Skips a test that cannot run here, saying what it needs; with `OPENRTD_REQUIRE_ALL=1` that is a failure.
pub(crate) fn skip(needs: &str) {
    assert!(std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(), "needs {needs}");
    eprintln!("skipped: needs {needs}");
}

/// The Python that has the peers, if there is one with all of `modules`.
pub(crate) fn python(modules: &str) -> Option<PathBuf> {
    let python = std::env::var_os("OPENRTD_PEERS_PYTHON")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python"), PathBuf::from);
    let import = format!("import {modules}");
    let found = Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skip(&format!(
        "{} with {modules}: python3 -m venv .venv && .venv/bin/pip install -r \
         crates/openrtd/tests/peers/requirements.txt",
        python.display()
    ));
    None
}

/// A running peer; killed when dropped.
pub(crate) struct Peer {
    child: Child,
    requests: ChildStdin,
    lines: Receiver<Value>,
}

impl Peer {
    pub(crate) fn start<S: AsRef<str>>(python: &Path, script: &str, arguments: &[S]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
        let mut child = Command::new(python)
            .arg("-B")
            .arg(script)
            .args(arguments.iter().map(AsRef::as_ref))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let requests = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // A test that has ended hears no more.
                drop(sender.send(serde_json::from_str(&line).unwrap_or(Value::String(line))));
            }
        });
        Self { child, requests, lines }
    }

    /// Everything it says up to and with the next `event`.
    pub(crate) fn until(&self, event: &str) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no {event} came: {heard:?}");
            };
            let is_it = line["event"] == event;
            heard.push(line);
            if is_it {
                return heard;
            }
        }
    }

    /// What it says to a request; the answer is the last.
    pub(crate) fn ask(&mut self, request: &Value) -> Vec<Value> {
        writeln!(self.requests, "{request}").unwrap();
        self.until("done")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
