//! The three programs of the demo as child processes, none of which can outlive it.
//!
//! Each child reads its stdin and ends when that ends. The demo holds the other end: however it dies, the system
//! closes the pipe. A child is in a process group of its own, so that Ctrl-C reaches the demo alone, which then
//! stops the children in order.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::exit::Failure;

/// How long a child may take to end by itself.
const STOP_PATIENCE: Duration = Duration::from_millis(1_500);
/// Lines of a failed child's log that are shown.
const LOG_LINES_SHOWN: usize = 10;

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Program {
    Plant,
    Rtd,
    Ems,
}

impl Program {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plant => "plant",
            Self::Rtd => "rtd",
            Self::Ems => "ems",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Plant => "the plant",
            Self::Rtd => "the device",
            Self::Ems => "the ISO's side",
        }
    }
}

/// What a child said: a journal record, or that its journal ended.
pub(super) type Said = (Program, Option<Value>);

/// One running child.
pub(super) struct Running {
    pub(super) program: Program,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts `openrtd ARGUMENTS --json`; its records go to `said`, its log into `folder`.
    pub(super) fn start(
        program: Program,
        arguments: &[&str],
        folder: &Path,
        said: mpsc::Sender<Said>,
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::Failed(format!("{} cannot be started: {error}", program.words()))
        };
        let log = folder.join(format!("{}.log", program.name()));
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .args(arguments)
            .args(["--json", "--until-stdin-ends"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(failed)?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(async move {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let Ok(record) = serde_json::from_str(&line) else { continue };
                    if said.send((program, Some(record))).await.is_err() {
                        return;
                    }
                }
                // The demo may be over.
                let _ = said.send((program, None)).await;
            });
        }
        Ok(Self { program, child, log })
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Why it ended although nobody told it to.
    pub(super) async fn obituary(mut self) -> Failure {
        drop(self.child.stdin.take());
        let status = match tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            _ => "it closed its journal".to_owned(),
        };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let shown = lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default().join("\n");
        Failure::Failed(format!("{} ended: {status}\n{shown}", self.program.words()))
    }

    /// Ends it. What went wrong, in words, where it had to be killed or failed while ending.
    pub(super) async fn stop(mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        match tokio::time::timeout(STOP_PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("{} ended with {status}", self.program.words())),
            Ok(Err(error)) => Err(format!("{}: {error}", self.program.words())),
            Err(_) => {
                let _ = self.child.kill().await;
                Err(format!(
                    "{} did not end within {} ms and was killed",
                    self.program.words(),
                    STOP_PATIENCE.as_millis()
                ))
            }
        }
    }
}
