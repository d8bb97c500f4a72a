//! Runs the plant: binds, ticks, answers.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use localsocket::{LocalServer, SocketError};
use serde_json::{Value, json};
use telemetry::Journal;
use telemetry::clock::SystemClock;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::config::Config;
use crate::devices::{Exception, FaultRefused, Plant};
use crate::faults::FaultKind;
use crate::modbus;

/// How often the images change.
const TICK: Duration = Duration::from_millis(250);
/// What the grid's frequency can be held at, Hz.
const HZ: (f64, f64) = (40.0, 65.0);
/// Clients of one device at one time.
const CLIENTS_MAX: usize = 32;

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much faster weather and energy pass; protocol and reversion times are real.
    pub speed: f64,
    /// Time of day to start at, before the file's.
    pub start: Option<jiff::civil::Time>,
    /// Faults from the start, by device.
    pub faults: Vec<(String, FaultKind)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { speed: 1.0, start: None, faults: Vec::new() }
    }
}

/// Why the plant does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An address cannot be bound.
    #[error("{device}: cannot listen on {address}: {source}")]
    Bind {
        /// The device.
        device: String,
        /// Its address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The local socket cannot be bound.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A fault names no device.
    #[error("fault for `{0}`: no such device in this plant")]
    UnknownDevice(String),
    /// A fault would do nothing to its device.
    #[error("fault {0}")]
    Fault(String),
    /// The speed is no positive number.
    #[error("speed {0}: must be above 0 and at most 100000")]
    Speed(f64),
}

/// What all tasks share.
#[derive(Debug)]
pub(crate) struct Shared {
    plant: Mutex<Plant>,
    journal: Journal,
    clock: SystemClock,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Plant> {
        self.plant.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fault(&self, at: usize) -> FaultKind {
        self.lock().devices.get(at).map_or(FaultKind::None, |device| device.fault)
    }

    pub(crate) fn read(&self, at: usize, start: u16, count: u16) -> Result<Vec<u16>, Exception> {
        let plant = self.lock();
        let device = plant.devices.get(at).ok_or(Exception::Address)?;
        device.image.read(start, count).map(<[u16]>::to_vec)
    }

    pub(crate) fn write(&self, at: usize, start: u16, values: &[u16]) -> Result<(), Exception> {
        let mut plant = self.lock();
        // The clock is read inside the lock, so that records bear their true order.
        let record = plant.write(at, start, values, self.clock.now())?;
        self.journal.record(&record);
        Ok(())
    }

    fn tick(&self) {
        let mut plant = self.lock();
        for record in plant.tick(self.clock.now()) {
            self.journal.record(&record);
        }
    }

    fn answer(&self, request: &Value) -> Result<Value, String> {
        let flag = |name: &str| {
            request
                .get(name)
                .and_then(Value::as_bool)
                .ok_or_else(|| format!("`{name}` must be true or false"))
        };
        let text = |name: &str| {
            request.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` must be a text"))
        };
        let mut plant = self.lock();
        match text("do")? {
            "fault" => {
                let (id, kind) =
                    (text("device")?, text("kind")?.parse::<FaultKind>().map_err(|e| e.to_string())?);
                plant.fault(id, kind).map_err(|error| error.to_string())?;
                let time = self.clock.now().wall;
                self.journal
                    .record(&json!({"event": "fault", "time": time, "device": id, "kind": kind.name()}));
            }
            "breaker" => {
                let closed = flag("closed")?;
                plant.closed = closed;
                let time = self.clock.now().wall;
                self.journal.record(&json!({"event": "breaker", "time": time, "closed": closed}));
            }
            "remote" => {
                let selected = flag("selected")?;
                plant.remote = selected;
                let time = self.clock.now().wall;
                self.journal.record(&json!({"event": "remote", "time": time, "selected": selected}));
            }
            "frequency" => {
                let hz = request.get("hz").and_then(Value::as_f64);
                if hz.is_some_and(|hz| !(HZ.0..=HZ.1).contains(&hz)) {
                    return Err(format!("`hz` must be {} to {}, or null: the grid's own", HZ.0, HZ.1));
                }
                plant.held_hz = hz;
                let time = self.clock.now().wall;
                self.journal.record(&json!({"event": "frequency", "time": time, "hz": hz}));
            }
            "status" => {}
            other => {
                return Err(format!(
                    "`{other}`: unknown; allowed: fault, breaker, remote, frequency, status"
                ));
            }
        }
        let devices: Vec<_> =
            plant.devices.iter().map(|one| json!({"id": one.id, "fault": one.fault.name()})).collect();
        Ok(
            json!({"devices": devices, "closed": plant.closed, "remote": plant.remote, "held_hz": plant.held_hz}),
        )
    }
}

/// Runs the plant until `shutdown` turns true.
///
/// # Errors
/// Where something cannot be bound or the options do not fit the plant.
pub async fn run(
    config: Config,
    options: Options,
    journal: Journal,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), RunError> {
    if !(options.speed > 0.0 && options.speed <= 1e5) {
        return Err(RunError::Speed(options.speed));
    }
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    for (id, listen) in config.names() {
        let (id, address) = (id.get_ref().clone(), *listen.get_ref());
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| RunError::Bind { device: id.clone(), address, source })?;
        let address = listener.local_addr().unwrap_or(address);
        addresses.push(json!({"id": id, "address": address.to_string()}));
        listeners.push(listener);
    }
    let socket = LocalServer::bind(&config.socket)?;
    let clock = SystemClock::start();
    let now = clock.now();
    let start = options.start.or(config.start).map_or_else(
        || {
            let local = now.wall.as_millis().saturating_sub(7 * 3_600_000) % 86_400_000;
            Duration::from_millis(local).as_secs_f64()
        },
        |time| f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second()),
    );
    let mut plant = Plant::new(config, start, options.speed, now);
    for (id, kind) in options.faults {
        plant.fault(&id, kind).map_err(|error| match error {
            FaultRefused::UnknownDevice(id) => RunError::UnknownDevice(id),
            FaultRefused::Untouched(..) => RunError::Fault(error.to_string()),
        })?;
    }
    let images = plant.begin(now);
    let shared = Arc::new(Shared { plant: Mutex::new(plant), journal: journal.clone(), clock });
    journal.record(&json!({"event": "ready", "devices": addresses}));
    for image in images {
        journal.record(&image);
    }
    let mut tasks = JoinSet::new();
    for (at, listener) in listeners.into_iter().enumerate() {
        tasks.spawn(accept(listener, Arc::clone(&shared), at));
    }
    let asked = Arc::clone(&shared);
    tasks.spawn(socket.serve(shutdown.clone(), move |request| {
        let answer = asked.answer(&request);
        async move { answer }
    }));
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            _ = shutdown.wait_for(|stop| *stop) => break,
            _ = ticks.tick() => shared.tick(),
        }
    }
    tasks.shutdown().await;
    journal.record(&json!({"event": "stopped"}));
    Ok(())
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, device: usize) {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    let mut clients = JoinSet::new();
    loop {
        let accepted = listener.accept().await;
        while clients.try_join_next().is_some() {}
        match (accepted, Arc::clone(&places).try_acquire_owned()) {
            (Ok((stream, _)), Ok(place)) => {
                let shared = Arc::clone(&shared);
                clients.spawn(async move {
                    let _place = place;
                    if let Err(error) = modbus::serve(stream, &shared, device).await {
                        tracing::debug!(%error, "modbus client");
                    }
                });
            }
            (Ok(_), Err(_)) => tracing::warn!("more than {CLIENTS_MAX} modbus clients, one refused"),
            (Err(error), _) => {
                tracing::warn!(%error, "modbus listener");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
