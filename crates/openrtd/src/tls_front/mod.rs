//! `openrtd tls-front`: mutual TLS in front of an RTU that has none.

mod config;

use std::path::Path;
use std::time::Duration;

use ::config::Problems;
use ieee1815_tokio::{Front, FrontError, FrontEvent, Inside};
use serde::Serialize;
use serde_json::Value;
use telemetry::clock::SystemClock;
use telemetry::{Journal, Wall};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::cli;
use crate::exit::Failure;
use crate::output::{complain, print_journal, say};
use crate::programs::{Pcap, ends, finish};
use crate::signals::{Told, hurry, stdin_ends};
use config::Config;

const EXAMPLE: &str = include_str!("example.toml");
/// How long it may take to end after it was told to.
const END_PATIENCE: Duration = Duration::from_millis(1_800);

const NEEDS_RESTART: &str = "what has changed in [front] and [serial] applies after a restart only";

/// A journal line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Record {
    /// It listens.
    Ready { listen: String, device: String },
    /// A master is through to the device, or its session has ended.
    Session {
        time: Wall,
        state: &'static str,
        master: String,
        address: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        identity: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        to_device: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from_device: Option<u64>,
    },
    /// Somebody did not get through.
    Refused { time: Wall, address: String, why: String },
    /// The file was read again; `why` it was not taken.
    Reload {
        time: Wall,
        taken: bool,
        /// Something has changed that applies after a restart only.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        needs_restart: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// It has ended.
    Stopped,
}

/// `openrtd tls-front`.
pub(crate) async fn tls_front(arguments: &cli::TlsFront) -> Result<(), Failure> {
    if arguments.example {
        // A reader that went away has seen enough.
        let _ = say(EXAMPLE.trim_end());
        return Ok(());
    }
    let Some(file) = &arguments.file else {
        return Err(Failure::Input("needs a file; `openrtd tls-front --example` shows one".to_owned()));
    };
    let mut config = Config::read(file)?;
    if arguments.check {
        // What only shows when the files are opened.
        let admitted = config.masters.iter().flat_map(|master| master.admit.clone()).collect();
        config.policy.admitting(admitted).server().map_err(|error| config.unusable(&error))?;
        let _ = say(&format!("{}: fine", file.display()));
        return Ok(());
    }
    let pcap = Pcap::create(arguments.pcap.as_ref())?;
    config.front.pcap = pcap.file();
    pcap.finish(run(file, config, arguments.running).await)
}

async fn run(file: &Path, config: Config, running: cli::Running) -> Result<(), Failure> {
    // Caught before anything listens: a signal that comes early must not kill.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::failed)?;
    let clock = SystemClock::start();
    let (front, events) = Front::start(config.front.clone(), &config.policy, &config.masters).await.map_err(
        |error| match error {
            FrontError::Tls(error) => config.unusable(&error).into(),
            error => Failure::Failed(format!("front.listen: {error}")),
        },
    )?;
    let (journal, reader) = Journal::new();
    let printer = print_journal(reader, if running.json { Some } else { plain }).map_err(Failure::failed)?;
    let stdin = running.until_stdin_ends.then(stdin_ends).transpose().map_err(Failure::failed)?;
    let device = match &config.front.inside {
        Inside::Tcp(address) => address.clone(),
        Inside::Serial(line) => line.to_string(),
    };
    journal.record(&Record::Ready { listen: front.local_addr().to_string(), device });
    let teller = tokio::spawn(tell(events, journal.clone(), clock));
    let mut stop = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let mut stdin = std::pin::pin!(ends(stdin));
    let told = loop {
        tokio::select! {
            () = stop() => break Told::Signal,
            () = &mut stdin => break Told::Stdin,
            _ = hangup.recv() => {
                let (needs_restart, why) = match reload(file, &config, &front) {
                    Ok(needs_restart) => (needs_restart, None),
                    Err(problems) => (false, Some(problems.to_string())),
                };
                if let Some(why) = &why {
                    tracing::warn!("not reloaded, nothing has changed: {why}");
                }
                if needs_restart {
                    tracing::warn!("{NEEDS_RESTART}");
                }
                let (time, taken) = (clock.now().wall, why.is_none());
                journal.record(&Record::Reload { time, taken, needs_restart, why });
            }
        }
    };
    tokio::select! {
        ended = tokio::time::timeout(END_PATIENCE, front.shutdown()) => if ended.is_err() {
            complain("warning: did not end in time, cut off");
        },
        () = hurry(told, stop) => {}
    }
    // All events are in its channel by now.
    let _ = tokio::time::timeout(Duration::from_millis(100), teller).await;
    journal.record(&Record::Stopped);
    drop(journal);
    finish(printer).await;
    Ok(())
}

/// Reads the file again. Whether the listening or the device is another, which needs a restart.
fn reload(file: &Path, running: &Config, front: &Front) -> Result<bool, Problems> {
    let config = Config::read(file)?;
    front.reload(&config.policy, &config.masters).map_err(|error| config.unusable(&error))?;
    let fixed = |config: &Config| {
        let front = &config.front;
        let times = (front.connect_timeout, front.write_timeout, front.idle_timeout, front.keep_alive);
        (front.listen, front.inside.clone(), times)
    };
    Ok(fixed(&config) != fixed(running))
}

async fn tell(mut events: mpsc::Receiver<FrontEvent>, journal: Journal, clock: SystemClock) {
    while let Some(event) = events.recv().await {
        let time = clock.now().wall;
        journal.record(&match event {
            FrontEvent::Up { master, peer, identity } => Record::Session {
                time,
                state: "up",
                master: master.to_string(),
                address: peer.to_string(),
                identity: Some(identity),
                why: None,
                to_device: None,
                from_device: None,
            },
            FrontEvent::Down { master, peer, why, to_device, from_device } => Record::Session {
                time,
                state: "down",
                master: master.to_string(),
                address: peer.to_string(),
                identity: None,
                why: Some(why),
                to_device: Some(to_device),
                from_device: Some(from_device),
            },
            FrontEvent::Refused { peer, why } => Record::Refused { time, address: peer.to_string(), why },
        });
    }
}

/// A record for people.
#[expect(clippy::needless_pass_by_value, reason = "a journal's form may also keep the record as it is")]
fn plain(record: String) -> Option<String> {
    let record: Value = serde_json::from_str(&record).ok()?;
    let text = |field: &str| match record.get(field) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let line = match (text("event").as_str(), text("state").as_str()) {
        ("ready", _) => {
            format!("ready, listening on {} for the device at {}", text("listen"), text("device"))
        }
        ("session", "up") => format!("{} up from {}: {}", text("master"), text("address"), text("identity")),
        ("session", _) => format!(
            "{} down: {} ({} octets to the device, {} from it)",
            text("master"),
            text("why"),
            text("to_device"),
            text("from_device")
        ),
        ("refused", _) => format!("{} refused: {}", text("address"), text("why")),
        ("reload", _) if text("needs_restart") == "true" => format!("reloaded; {NEEDS_RESTART}"),
        ("reload", _) if text("taken") == "true" => "reloaded".to_owned(),
        ("reload", _) => format!("NOT reloaded, nothing has changed: {}", text("why")),
        ("stopped", _) => "stopped".to_owned(),
        _ => return None,
    };
    let time = text("time");
    let time = time.get(11..19).map(|time| format!("{time} ")).unwrap_or_default();
    Some(format!("{time}{line}"))
}
