//! An outstation on a loopback port, and an EMS whose journal can be waited for.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ieee1815::outstation::{self, Application, PointConfig, SessionConfig};
use ieee1815::{Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType};
use serde_json::Value;
use telemetry::Journal;
use telemetry::journal::JournalReader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Long enough for a loaded machine; never reached when things work.
const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration for the outstation at `address`.
pub(crate) fn ems_toml(socket: &Path, address: SocketAddr) -> String {
    // Over TCP no certificate is opened, it only has to be there.
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let observer =
        format!("[observer]\ncertificate = '{here}'\nkey = '{here}'\nmaster_address = 2\n[[device]]\n");
    let mut text = include_str!("one_device.toml").to_owned();
    for (from, to) in [
        ("ems.sock", socket.display().to_string().as_str()),
        ("127.0.0.1:20000", address.to_string().as_str()),
        ("[[device]]\n", &observer),
        // A test's patience is shorter than the ISO's.
        ("scan_ms = 4000", "scan_ms = 100"),
        ("integrity_scans = 4", "integrity_scans = 50"),
        ("age_max_ms = 20000", "age_max_ms = 60000"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    text
}

pub(crate) fn config(text: &str) -> ems::Config {
    ems::Config::from_source(&config::Source::from_text("ems.toml", text)).unwrap()
}

/// A running EMS.
pub(crate) struct Ems {
    records: mpsc::UnboundedReceiver<Value>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), ems::RunError>>,
}

impl Ems {
    pub(crate) fn start(config: ems::Config) -> Self {
        let (journal, reader) = Journal::new();
        let (stop, shutdown) = watch::channel(false);
        let (sender, records) = mpsc::unbounded_channel();
        std::thread::spawn(move || forward(&reader, &sender));
        Self { records, stop, task: tokio::spawn(ems::run(config, journal, shutdown)) }
    }

    /// The next record of which `wanted` is true.
    pub(crate) async fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        let search = async {
            while let Some(record) = self.records.recv().await {
                if wanted(&record) {
                    return Some(record);
                }
                if record["event"] != "scan" && record["id"] != "beat" {
                    seen.push(record.to_string());
                }
            }
            None
        };
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(Some(record)) => record,
            _ => panic!("no record of {what}; there were:\n{}", seen.join("\n")),
        }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.send(true).unwrap();
        let end =
            self.wait("the end", |record| record["event"] == "stopped" || record["event"] == "link").await;
        assert_eq!(end["event"], "stopped", "a link that we close ourselves is no dead link");
        self.task.await.unwrap().unwrap();
    }
}

fn forward(reader: &JournalReader, sender: &mpsc::UnboundedSender<Value>) {
    while let Some(line) = reader.next() {
        if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
            return;
        }
    }
}

/// Takes every command; its heartbeat moves until it is frozen.
#[derive(Clone, Default)]
struct Taker(Arc<Mutex<Vec<(u16, f64)>>>, Arc<AtomicBool>);

impl Application for Taker {
    fn select(&mut self, _session: usize, _index: u16, _command: &Command) -> CommandStatus {
        CommandStatus::Success
    }

    fn operate(
        &mut self,
        _session: usize,
        index: u16,
        command: &Command,
        _mode: OperateMode,
    ) -> CommandStatus {
        if let Command::Analog { value, .. } = command {
            self.0.lock().unwrap().push((index, *value));
        }
        CommandStatus::Success
    }

    fn write_time(&mut self, _session: usize, _millis: u64) -> bool {
        true
    }

    fn indications(&self, _session: usize) -> Iin {
        Iin::NONE
    }
}

/// An outstation that serves one master at a time.
pub(crate) struct Outstation {
    address: SocketAddr,
    updates: mpsc::UnboundedSender<(u16, f64)>,
    taken: Taker,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Outstation {
    pub(crate) async fn start(master_address: u16) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), master_address).await
    }

    pub(crate) async fn start_at(address: SocketAddr, master_address: u16) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (updates, updated) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let taken = Taker::default();
        let task = tokio::spawn(serve(listener, database(master_address), updated, taken.clone(), stopped));
        Self { address, updates, taken, stop, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes an analog.
    pub(crate) fn analog(&mut self, index: u16, counts: f64) {
        self.updates.send((index, counts)).unwrap();
    }

    /// What was operated.
    pub(crate) fn operated(&self) -> Vec<(u16, f64)> {
        self.taken.0.lock().unwrap().clone()
    }

    /// Stops the heartbeat; everything else goes on.
    pub(crate) fn freeze(&self) {
        self.taken.1.store(true, Ordering::SeqCst);
    }

    /// Closes the connection and the port.
    pub(crate) async fn stop(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }
}

fn analog(value: f64) -> Measured {
    Measured { value: ieee1815::Value::Analog(value), flags: Some(Flags::ONLINE), time: None }
}

fn database(master_address: u16) -> outstation::Outstation {
    let point = |point, index, static_variation, event_variation, initial| PointConfig {
        point,
        index,
        static_variation,
        event_variation,
        class: 1,
        deadband: 0.0,
        initial,
    };
    let closed = Measured { value: ieee1815::Value::Binary(true), flags: Some(Flags::ONLINE), time: None };
    let points = vec![
        point(PointType::AnalogInput, 1, 2, 2, analog(15_000.0)),
        point(PointType::AnalogInput, 50, 2, 2, analog(7.0)),
        point(PointType::BinaryInput, 1, 2, 2, closed),
        point(PointType::AnalogOutputStatus, 1, 2, 2, analog(0.0)),
    ];
    let session = SessionConfig::new(10, master_address);
    outstation::Outstation::new(points, vec![session]).unwrap()
}

async fn serve(
    listener: TcpListener,
    mut outstation: outstation::Outstation,
    mut updated: mpsc::UnboundedReceiver<(u16, f64)>,
    mut taker: Taker,
    mut stopped: watch::Receiver<bool>,
) {
    let origin = std::time::Instant::now();
    let mut stream: Option<TcpStream> = None;
    let mut buffer = vec![0; 4096];
    let mut beat = 0.0;
    loop {
        if outstation.take_reads_answered(0) > 0 && !taker.1.load(Ordering::SeqCst) {
            beat += 1.0;
            outstation.update(PointType::AnalogInput, 50, analog(beat));
        }
        while let Some(octets) = outstation.poll_transmit(0) {
            let Some(stream) = &mut stream else { break };
            if stream.write_all(&octets).await.is_err() {
                break;
            }
        }
        let wake = outstation.timeout().map(|at| at.saturating_sub(origin.elapsed()));
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => {
                stream = Some(accepted.unwrap().0);
                outstation.connected(0);
            }
            read = read(stream.as_mut(), &mut buffer) => match read {
                Some(octets) => outstation.receive(0, octets, origin.elapsed(), &mut taker),
                None => {
                    stream = None;
                    outstation.disconnected(0);
                }
            },
            Some((index, value)) = updated.recv() => {
                outstation.update(PointType::AnalogInput, index, analog(value));
            }
            () = tokio::time::sleep(wake.unwrap_or(PATIENCE)) => outstation.handle_timeout(origin.elapsed()),
        }
    }
}

/// What the peer sent; `None` when it is gone. Without a peer it waits for ever.
async fn read<'a>(stream: Option<&mut TcpStream>, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    match stream {
        None => std::future::pending().await,
        Some(stream) => match stream.read(buffer).await {
            Ok(count) if count > 0 => buffer.get(..count),
            _ => None,
        },
    }
}
