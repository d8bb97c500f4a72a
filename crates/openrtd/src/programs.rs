//! `openrtd plant`, `run` and `ems`: the three long-running programs, each with its journal on stdout and a clean
//! end.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use ieee1815_tokio::PcapFile;
use rtd::Taps;
use rtd::capture::{Setup, Target};
use telemetry::Journal;
use tokio::sync::watch;

use crate::cli;
use crate::exit::Failure;
use crate::output::{complain, print_journal};
use crate::plain::plain;
use crate::profile::running_ems;
use crate::reload;
use crate::signals::{Signals, Told, hurry, stdin_ends};

/// How long a program may take to end after it was told to; it promises less.
const END_PATIENCE: Duration = Duration::from_millis(1_800);

/// `openrtd plant`.
pub(crate) async fn plant(arguments: &cli::Plant) -> Result<(), Failure> {
    let config = plant::Config::read(&arguments.file)?;
    let known = devices(&config);
    let mut faults = Vec::new();
    for text in &arguments.fault {
        let refuse = |why: &str| Failure::Input(format!("--fault {text}: {why}"));
        let (device, kind) = text.split_once('=').ok_or_else(|| refuse("allowed: DEVICE=KIND"))?;
        let kind = kind.parse::<plant::FaultKind>().map_err(|error| refuse(&error.to_string()))?;
        // The plant would tell it too, but only after it has begun to listen.
        if !known.contains(&device) {
            return Err(refuse(&format!("no such device in this plant, known: {}", known.join(", "))));
        }
        faults.push((device.to_owned(), kind));
    }
    let options = plant::Options { speed: arguments.speed, start: arguments.start, faults };
    let signals = Signals::new().map_err(Failure::failed)?;
    until_told(arguments.running, signals, |journal, shutdown| async move {
        plant::run(config, options, journal, shutdown).await.map_err(|error| plant_failure(&error))
    })
    .await
}

/// The ids of a plant's devices.
fn devices(config: &plant::Config) -> Vec<&str> {
    let mut ids: Vec<&str> = config.inverters.iter().map(|one| one.id.get_ref().as_str()).collect();
    ids.extend(config.battery.iter().map(|one| one.id.get_ref().as_str()));
    ids.extend(config.meter.iter().map(|one| one.id.get_ref().as_str()));
    ids.extend([&config.met, &config.switchgear].into_iter().flatten().map(|one| one.id.get_ref().as_str()));
    ids
}

fn plant_failure(error: &plant::RunError) -> Failure {
    match error {
        plant::RunError::UnknownDevice(_) | plant::RunError::Fault(_) | plant::RunError::Speed(_) => {
            Failure::Input(error.to_string())
        }
        _ => Failure::failed(error),
    }
}

/// `openrtd run`.
pub(crate) async fn rtd(arguments: &cli::RunDevice) -> Result<(), Failure> {
    let cli::RunDevice { run: arguments, capture } = arguments;
    // Before anything else: a signal that comes early must not kill.
    let signals = Signals::but_hangup().map_err(Failure::failed)?;
    let (site, rules, reload) = reload::setup(&arguments.file)?;
    rules.log();
    let target = match (capture, &site.capture) {
        (Some(file), _) => Some(Target::File(file.clone())),
        (None, Some(capture)) => Some(Target::Folder(capture.folder.clone(), capture.octets_max)),
        (None, None) => None,
    };
    let configuration = reload.configuration.clone();
    let capture = target.map(|target| Setup { target, configuration });
    let pcap = Pcap::create(arguments.pcap.as_ref())?;
    let taps = Taps { pcap: pcap.file(), capture };
    let file = arguments.file.display();
    let result = until_told(arguments.running, signals, |journal, shutdown| async move {
        rtd::run(site, taps, Some(reload), journal, shutdown).await.map_err(|error| {
            let told = format!("{file}: {error}");
            if error.is_configuration() { Failure::Input(told) } else { Failure::Failed(told) }
        })
    })
    .await;
    pcap.finish(result)
}

/// `openrtd ems`.
pub(crate) async fn ems(arguments: &cli::Run) -> Result<(), Failure> {
    let (config, rules) = running_ems(&arguments.file)?;
    rules.log();
    let pcap = Pcap::create(arguments.pcap.as_ref())?;
    let file_of_pcap = pcap.file();
    let file = arguments.file.display();
    let signals = Signals::new().map_err(Failure::failed)?;
    let result = until_told(arguments.running, signals, |journal, shutdown| async move {
        ems::run_captured(config, file_of_pcap, journal, shutdown).await.map_err(|error| match error {
            ems::RunError::Tls { .. } => Failure::Input(format!("{file}: {error}")),
            _ => Failure::failed(error),
        })
    })
    .await;
    pcap.finish(result)
}

/// The capture that a program's sessions are written into, if one is asked for.
pub(crate) struct Pcap(Option<(PcapFile, PathBuf)>);

impl Pcap {
    pub(crate) fn create(path: Option<&PathBuf>) -> Result<Self, Failure> {
        let create = |path: &PathBuf| match PcapFile::create(path) {
            Ok(file) => Ok((file, path.clone())),
            Err(error) => Err(Failure::Input(format!("--pcap {}: {error}", path.display()))),
        };
        path.map(create).transpose().map(Self)
    }

    pub(crate) fn file(&self) -> Option<PcapFile> {
        self.0.as_ref().map(|(file, _)| file.clone())
    }

    /// Has the last packets written, and tells what is missing.
    pub(crate) fn finish(self, result: Result<(), Failure>) -> Result<(), Failure> {
        let Some((file, path)) = self.0 else { return result };
        match file.finish() {
            Ok(counters) if counters.dropped > 0 => complain(&format!(
                "warning: {}: {} packets are missing, the disk was too slow",
                path.display(),
                counters.dropped
            )),
            Ok(_) => {}
            Err(error) => {
                let told = format!("--pcap {}: {error}", path.display());
                return result.and(Err(Failure::Failed(told)));
            }
        }
        result
    }
}

/// Runs `program` until it is told to end; it then has [`END_PATIENCE`].
async fn until_told<F, R>(running: cli::Running, mut signals: Signals, program: F) -> Result<(), Failure>
where
    F: FnOnce(Journal, watch::Receiver<bool>) -> R,
    R: Future<Output = Result<(), Failure>>,
{
    let (journal, reader) = Journal::new();
    let printer = print_journal(reader, if running.json { Some } else { plain }).map_err(Failure::failed)?;
    let stdin = running.until_stdin_ends.then(stdin_ends).transpose().map_err(Failure::failed)?;
    let (stop, stopped) = watch::channel(false);
    let mut work = std::pin::pin!(program(journal, stopped));
    let ended = tokio::select! {
        result = &mut work => Ok(result),
        () = signals.stop() => Err(Told::Signal),
        () = ends(stdin) => Err(Told::Stdin),
    };
    let result = match ended {
        Ok(result) => result,
        Err(told) => {
            // It cannot fail: the program holds the other end.
            let _ = stop.send(true);
            tokio::select! {
                result = tokio::time::timeout(END_PATIENCE, &mut work) => result.unwrap_or_else(|_| {
                    complain("warning: did not end in time, cut off");
                    Ok(())
                }),
                () = hurry(told, async || signals.stop().await) => Ok(()),
            }
        }
    };
    if result.is_ok() {
        finish(printer).await;
    }
    result
}

pub(crate) async fn ends(stdin: Option<tokio::sync::oneshot::Receiver<()>>) {
    match stdin {
        // A thread that is gone has nothing more to say either.
        Some(stdin) => drop(stdin.await),
        None => std::future::pending().await,
    }
}

/// Lets the journal's last lines out, as long as its reader takes them.
pub(crate) async fn finish(printer: std::thread::JoinHandle<()>) {
    for _ in 0..10 {
        if printer.is_finished() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
