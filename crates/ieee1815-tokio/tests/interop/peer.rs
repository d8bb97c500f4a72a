//! Programs that a row talks to by lines: peers in Python, and our own examples.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::row::{Miss, failed};

/// Long enough for a loaded machine; never reached when things work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Skips a row that cannot run here, saying what it needs; with `OPENRTD_REQUIRE_ALL=1` that is a failure.
pub(crate) fn skip(needs: &str) {
    assert!(std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(), "needs {needs}");
    eprintln!("skipped: needs {needs}");
}

/// The Python that has the peers, if there is one with `module`.
pub(crate) fn python(module: &str) -> Option<PathBuf> {
    let python = std::env::var_os("OPENRTD_PEERS_PYTHON")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python"), PathBuf::from);
    let import = format!("import {module}");
    let found = Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skip(&format!(
        "{} with {module}: python3 -m venv .venv && .venv/bin/pip install -r \
         crates/openrtd/tests/peers/requirements.txt",
        python.display()
    ));
    None
}

/// A running program; killed when dropped.
pub(crate) struct Peer {
    child: Child,
    requests: ChildStdin,
    lines: Receiver<Value>,
}

impl Peer {
    pub(crate) fn script<S: AsRef<str>>(python: &Path, script: &str, arguments: &[S]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script);
        let mut command = Command::new(python);
        command.arg("-B").arg(script).args(arguments.iter().map(AsRef::as_ref));
        Self::start(command)
    }

    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let requests = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if std::env::var_os("OPENRTD_INTEROP_TALK").is_some() {
                    eprintln!("{line}");
                }
                // A test that has ended hears no more.
                drop(sender.send(serde_json::from_str(&line).unwrap_or(Value::String(line))));
            }
        });
        Self { child, requests, lines }
    }

    pub(crate) fn say(&mut self, line: &str) {
        if std::env::var_os("OPENRTD_INTEROP_TALK").is_some() {
            eprintln!("> {line}");
        }
        writeln!(self.requests, "{line}").unwrap();
    }

    /// Everything it says up to and with the first line that is `wanted`.
    pub(crate) fn hear(&self, wanted: impl Fn(&Value) -> bool) -> Result<Vec<Value>, Miss> {
        let mut heard = Vec::new();
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                return failed(format!("what was waited for never came, only {heard:?}"));
            };
            let is_it = wanted(&line);
            heard.push(line);
            if is_it {
                return Ok(heard);
            }
        }
    }

    /// Forgets what it has said so far.
    pub(crate) fn forget(&self) {
        while self.lines.try_recv().is_ok() {}
    }

    pub(crate) fn until(&self, event: &str) -> Result<Vec<Value>, Miss> {
        self.hear(|line| line["event"] == event)
    }

    /// What it says to a request; the answer is the last. What the peer has no means for is not offered.
    pub(crate) fn answer(&mut self, request: &Value) -> Result<Vec<Value>, Miss> {
        self.say(&request.to_string());
        let heard = self.until("done")?;
        match heard.last().unwrap()["unsupported"].as_str() {
            Some(reason) => Err(Miss::NotOffered(reason.to_owned())),
            None => Ok(heard),
        }
    }

    /// The same, of a request that has to succeed.
    pub(crate) fn ask(&mut self, request: &Value) -> Result<Vec<Value>, Miss> {
        let heard = self.answer(request)?;
        let done = heard.last().unwrap();
        if done["outcome"] == "SUCCESS" {
            return Ok(heard);
        }
        failed(format!("{request}: {done}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
