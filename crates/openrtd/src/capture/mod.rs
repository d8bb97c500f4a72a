//! `openrtd capture` and `openrtd replay`: what a user saw, again before our eyes.

mod replay;
mod told;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use config::Source;
use localsocket::SocketError;
use rtd::capture::{NAME_END, Reader, newest};
use serde_json::{Value, json};
use telemetry::Wall;
use telemetry::clock::SystemClock;

pub(crate) use replay::replay;

use crate::exit::Failure;
use crate::output::{complain, say};
use crate::points;

/// How long a device may take to write what it has taken.
const WRITING_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct Capture {
    /// The site file of the device
    pub(crate) site: PathBuf,
    /// The file to make
    pub(crate) file: PathBuf,
    /// First let the device run on for so many seconds, to record what happens now
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) seconds: u64,
    /// What was copied, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// What `openrtd capture` or `openrtd run --capture` wrote
    pub(crate) file: PathBuf,
    /// Write all octets that are sent to masters, one after the other
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write what the sessions exchange, at the times of then, into a capture that Wireshark and `decode` open
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Give nothing that came later: RFC 3339 by the device's clock
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<Wall>,
    /// Show the device's journal of it, a JSON line for each thing that happened
    #[arg(long)]
    pub(crate) journal: bool,
    /// What it came to as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn time(text: &str) -> Result<Wall, String> {
    historian::moment(text, SystemClock::start().now())
}

fn failure(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::Input(format!("{}: {error}", path.display()))
}

/// `openrtd capture`.
pub(crate) async fn capture(arguments: &Capture) -> Result<(), Failure> {
    let site = points::site(&Source::read(&arguments.site)?)?;
    let from = match localsocket::ask(&site.socket, &json!({"do": "capture"})).await {
        Ok(_) => running(&site.socket, arguments.seconds).await?,
        Err(SocketError::NotRunning { .. }) => {
            let folder = site.capture.as_ref().map(|capture| capture.folder.as_path());
            last(&arguments.site, folder)?
        }
        Err(SocketError::Refused(why)) => return Err(Failure::Failed(why)),
        Err(error) => return Err(Failure::failed(error)),
    };
    let (inputs, octets, summary) = copy(&from, &arguments.file)?;
    let line = if arguments.json {
        json!({"file": arguments.file, "from": from, "inputs": inputs, "octets": octets, "until": summary})
            .to_string()
    } else {
        let file = arguments.file.display();
        format!(
            "{file}: {inputs} inputs until {summary}, {octets} octets; look at it with: openrtd replay {file}"
        )
    };
    // A reader that went away does not change what was done.
    let _ = say(&line);
    Ok(())
}

/// The file of a running device, once all that it has taken is in it.
async fn running(socket: &Path, seconds: u64) -> Result<PathBuf, Failure> {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let number = |answer: &Value, field: &str| answer[field].as_u64().unwrap_or_default();
    let mut wanted = None;
    let begun = std::time::Instant::now();
    loop {
        let answer = localsocket::ask(socket, &json!({"do": "capture"})).await.map_err(Failure::failed)?;
        let state = answer["state"].as_str().unwrap_or_default();
        if state != "recording" {
            let why = answer["why"].as_str().unwrap_or_default();
            complain(&format!("warning: the device does not record any more: {why}"));
        }
        let wanted = *wanted.get_or_insert_with(|| number(&answer, "inputs"));
        let behind = state == "recording" && number(&answer, "written") < wanted;
        if !behind || begun.elapsed() > WRITING_PATIENCE {
            if behind {
                complain("warning: the device's disk is slow: the last inputs are missing");
            }
            return Ok(PathBuf::from(answer["file"].as_str().unwrap_or_default()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the device's last start wrote.
fn last(site: &Path, folder: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(folder) = folder else {
        return Err(Failure::Failed(format!(
            "no device runs, and {} has no section [capture]; start it with: openrtd run {} --capture FILE",
            site.display(),
            site.display()
        )));
    };
    let found = newest(folder).map_err(|error| failure(folder, error))?;
    let found = found.ok_or_else(|| failure(folder, format!("holds no file that ends in {NAME_END}")))?;
    complain(&format!("note: no device runs; {} is what its last start recorded", found.display()));
    Ok(found)
}

/// Copies a capture up to its last whole record: inputs, octets, and until when.
fn copy(from: &Path, to: &Path) -> Result<(u64, u64, String), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let source = File::open(from).map_err(|error| failure(from, error))?;
    // What comes in meanwhile is another capture's.
    let length = source.metadata().map_err(|error| failure(from, error))?.len();
    let mut reader =
        Reader::open(io::BufReader::new(source.take(length))).map_err(|error| failure(from, error))?;
    let (mut inputs, mut until) = (0, reader.header().now());
    while let Some(item) = reader.next_item() {
        if let rtd::capture::Item::Came(now, _) = item {
            (inputs, until) = (inputs + 1, now);
        }
    }
    let octets = reader.sound_octets();
    let source = File::open(from).map_err(|error| failure(from, error))?;
    let mut file = options.open(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => failure(to, "is there already; name another file"),
        _ => failure(to, error),
    })?;
    io::copy(&mut source.take(octets), &mut file).map_err(|error| failure(to, error))?;
    Ok((inputs, octets, until.wall.to_string()))
}
