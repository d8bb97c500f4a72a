//! A whole master on a task: connects, carries octets and time, connects anew.
//!
//! The task never waits for its reader alone: what the reader has not taken yet is kept up to
//! [`MasterConfig::event_queue_max`], and beyond it the socket is left unread. Then the outstation's events stay
//! with the outstation, requests time out, and both show. Nothing is dropped in silence.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ieee1815::master::{Master, MasterConfig, MasterEvent, Outcome, Request};
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, oneshot, watch};

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::identity::Admitted;
use crate::pcap::PcapFile;
use crate::tls::{ClientTls, Refusal};

/// Octets read at once.
const READ_OCTETS: usize = 4096;
/// Octets given to the master at once.
const CHUNK_OCTETS: usize = 512;
/// Events in the channel to the reader.
const EVENTS: usize = 256;
/// Requests in the channel from the handles.
const CALLS: usize = 16;
/// How long a peer may leave the octets of a request in our socket.
const WRITE_TIME_MAX: Duration = Duration::from_secs(5);

/// Configuration of a driver.
#[derive(Debug, Clone)]
pub struct DriverConfig {
    /// Host and port.
    pub address: String,
    /// Mutual TLS; `None` for plain TCP.
    pub tls: Option<Arc<ClientTls>>,
    /// The master's.
    pub master: MasterConfig,
    /// Time for TCP and the handshake together.
    pub connect_timeout: Duration,
    /// Pause after a failed or lost connection.
    pub reconnect_delay: Duration,
}

impl DriverConfig {
    /// A master that dials `address` (host and port) over plain TCP: 5 s for a connection, 2 s between two tries.
    #[must_use]
    pub fn new(address: impl Into<String>, master: MasterConfig) -> Self {
        Self {
            address: address.into(),
            tls: None,
            master,
            connect_timeout: Duration::from_secs(5),
            reconnect_delay: Duration::from_secs(2),
        }
    }
}

/// What a driver has to say.
#[derive(Debug, Clone, PartialEq)]
pub enum DriverEvent {
    /// A connection is up.
    Up {
        /// Who was met: what its certificate says, or its address where there is no TLS; and over what.
        peer: String,
    },
    /// The connection is lost, or none came about.
    Down {
        /// Why, in words.
        why: String,
    },
    /// The master's.
    Master {
        /// What it said.
        event: MasterEvent,
        /// When the octets were received, on the monotonic clock.
        received: Instant,
        /// The same on the wall clock, in milliseconds since 1970-01-01 00:00 UTC.
        wall_ms: u64,
    },
}

/// Why a request was not even taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Too many requests are open.
    #[error("too many requests are open")]
    QueueFull,
    /// The driver has stopped.
    #[error("the driver has stopped")]
    Stopped,
}

struct Call {
    request: Request,
    accepted: oneshot::Sender<Result<u64, RequestError>>,
    outcome: oneshot::Sender<Outcome>,
}

/// A request that was taken.
#[derive(Debug)]
pub struct Ticket {
    id: u64,
    outcome: oneshot::Receiver<Outcome>,
}

impl Ticket {
    /// The number that [`MasterEvent::Response`] and [`MasterEvent::Done`] name it by.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Waits for the outcome. It may be known before the reader of the events has seen what led to it.
    ///
    /// # Errors
    /// [`RequestError::Stopped`] when the driver ends first.
    pub async fn outcome(self) -> Result<Outcome, RequestError> {
        self.outcome.await.map_err(|_| RequestError::Stopped)
    }
}

/// Makes requests of a running master. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MasterHandle {
    calls: mpsc::Sender<Call>,
}

impl MasterHandle {
    /// Makes a request and waits for its outcome.
    ///
    /// # Errors
    /// [`RequestError`] when it was not taken, or the driver stopped.
    pub async fn request(&self, request: Request) -> Result<Outcome, RequestError> {
        self.submit(request).await?.outcome().await
    }

    /// Makes a request; its outcome is waited for elsewhere.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn submit(&self, request: Request) -> Result<Ticket, RequestError> {
        let (accepted, answer) = oneshot::channel();
        let (sender, outcome) = oneshot::channel();
        let call = Call { request, accepted, outcome: sender };
        self.calls.send(call).await.map_err(|_| RequestError::Stopped)?;
        let id = answer.await.map_err(|_| RequestError::Stopped)??;
        Ok(Ticket { id, outcome })
    }
}

/// Runs a master on a task of its own.
#[derive(Debug)]
pub struct MasterDriver {
    pcap: Option<PcapFile>,
    reconnect_delay: Duration,
    master: Master,
    /// Origin of the master's time.
    origin: tokio::time::Instant,
    calls: mpsc::Receiver<Call>,
    waiting: HashMap<u64, oneshot::Sender<Outcome>>,
    outbox: Outbox,
    shutdown: watch::Receiver<bool>,
}

/// Why a session or a pause ended.
enum End {
    /// Shut down, or nobody reads.
    Stop,
    Lost(String),
}

/// Events on their way to the reader.
#[derive(Debug)]
struct Outbox {
    sender: mpsc::Sender<DriverEvent>,
    pending: VecDeque<DriverEvent>,
}

impl Outbox {
    /// Moves what fits; waits until something does. `Err` when nobody reads any more.
    async fn progress(&mut self) -> Result<(), ()> {
        if self.pending.is_empty() {
            self.sender.closed().await;
            return Err(());
        }
        // The permit is given back at once; `push` takes it again with no wait in between.
        drop(self.sender.reserve().await.map_err(|_| ())?);
        self.push();
        Ok(())
    }

    fn push(&mut self) {
        while !self.pending.is_empty() {
            let Ok(permit) = self.sender.try_reserve() else {
                return;
            };
            if let Some(event) = self.pending.pop_front() {
                permit.send(event);
            }
        }
    }
}

fn wall_ms() -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
}

/// Waits for the end of everything.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // A sender that is gone cannot say stop any more: that is one, too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn at(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

impl MasterDriver {
    /// Starts the task. It ends when `shutdown` turns true (or its sender is dropped), and when the receiver of
    /// the events is dropped.
    #[must_use]
    pub fn spawn(
        config: DriverConfig,
        shutdown: watch::Receiver<bool>,
    ) -> (MasterHandle, mpsc::Receiver<DriverEvent>) {
        Self::spawn_captured(config, None, shutdown)
    }

    /// As [`spawn`](Self::spawn), with what the sessions exchange written into a capture, decrypted.
    #[must_use]
    pub fn spawn_captured(
        config: DriverConfig,
        pcap: Option<PcapFile>,
        shutdown: watch::Receiver<bool>,
    ) -> (MasterHandle, mpsc::Receiver<DriverEvent>) {
        let DriverConfig { address, tls, master, connect_timeout, reconnect_delay } = config;
        let endpoint = Endpoint::Dial { address, tls, timeout: connect_timeout };
        Self::start(endpoint, master, reconnect_delay, pcap, shutdown)
    }

    /// As [`spawn`](Self::spawn), for an outstation that dials us, or is on a serial line, or reached by datagrams.
    #[must_use]
    pub fn spawn_at(
        endpoint: Endpoint,
        master: MasterConfig,
        reconnect_delay: Duration,
        shutdown: watch::Receiver<bool>,
    ) -> (MasterHandle, mpsc::Receiver<DriverEvent>) {
        Self::start(endpoint, master, reconnect_delay, None, shutdown)
    }

    fn start(
        endpoint: Endpoint,
        master: MasterConfig,
        reconnect_delay: Duration,
        pcap: Option<PcapFile>,
        shutdown: watch::Receiver<bool>,
    ) -> (MasterHandle, mpsc::Receiver<DriverEvent>) {
        let (events, reader) = mpsc::channel(EVENTS);
        let (sender, calls) = mpsc::channel(CALLS);
        let driver = Self {
            pcap,
            reconnect_delay,
            master: Master::new(master),
            origin: tokio::time::Instant::now(),
            calls,
            waiting: HashMap::new(),
            outbox: Outbox { sender: events, pending: VecDeque::new() },
            shutdown,
        };
        tokio::spawn(driver.run(endpoint));
        (MasterHandle { calls: sender }, reader)
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The present, with the wall clock where the master is a source of it: the two drift apart, and the wall clock
    /// may be set.
    fn told_now(&mut self) -> Duration {
        let now = self.now();
        if self.master.config().time_sync {
            self.master.set_wall_clock(wall_ms(), now);
        }
        now
    }

    async fn run(mut self, mut endpoint: Endpoint) {
        loop {
            let end = match self.connect(&mut endpoint).await {
                Ok((connection, peer)) => self.session(&endpoint, connection, peer).await,
                Err(end) => end,
            };
            self.master.disconnected();
            self.collect();
            let End::Lost(why) = end else {
                break;
            };
            // A reader that sleeps through many attempts needs the latest reason only.
            if let Some(DriverEvent::Down { .. }) = self.outbox.pending.back() {
                self.outbox.pending.pop_back();
            }
            self.outbox.pending.push_back(DriverEvent::Down { why });
            self.outbox.push();
            if self.pause().await.is_err() {
                break;
            }
        }
        self.outbox.pending.push_back(DriverEvent::Down { why: "stopped".to_owned() });
        self.outbox.push();
    }

    async fn connect(&mut self, endpoint: &mut Endpoint) -> Result<(Connection, Option<Admitted>), End> {
        let attempt = endpoint.open();
        tokio::pin!(attempt);
        loop {
            tokio::select! {
                () = stopped(&mut self.shutdown) => return Err(End::Stop),
                result = &mut attempt => return result.map_err(|error| End::Lost(error.to_string())),
                result = self.outbox.progress() => result.map_err(|()| End::Stop)?,
                Some(call) = self.calls.recv() => self.call(call),
            }
            self.collect();
        }
    }

    /// The pause before the next attempt; it lasts until the reader has caught up.
    async fn pause(&mut self) -> Result<(), End> {
        let over = tokio::time::Instant::now() + self.reconnect_delay;
        while tokio::time::Instant::now() < over || self.full() {
            let full = self.full();
            tokio::select! {
                () = stopped(&mut self.shutdown) => return Err(End::Stop),
                () = tokio::time::sleep_until(over), if !full => {}
                result = self.outbox.progress() => result.map_err(|()| End::Stop)?,
                Some(call) = self.calls.recv() => self.call(call),
            }
            self.collect();
        }
        Ok(())
    }

    /// True when the reader is so far behind that the socket is left unread.
    fn full(&self) -> bool {
        self.outbox.pending.len() >= self.master.config().event_queue_max.max(1)
    }

    async fn session(
        &mut self,
        endpoint: &Endpoint,
        mut connection: Connection,
        peer: Option<Admitted>,
    ) -> End {
        if let Some(file) = &self.pcap {
            connection.capture(file, !matches!(endpoint, Endpoint::Arrivals(_)));
        }
        let who = peer.map_or_else(|| endpoint.to_string(), |peer| peer.presented.to_string());
        let peer = format!("{who} over {}", connection.protocol());
        self.outbox.pending.push_back(DriverEvent::Up { peer });
        let now = self.told_now();
        self.master.connected(now);
        let end = self.carry(endpoint, &mut connection).await;
        if let End::Stop = end {
            connection.close().await;
        }
        end
    }

    async fn carry(&mut self, endpoint: &Endpoint, connection: &mut Connection) -> End {
        let mut buffer = vec![0; READ_OCTETS];
        let mut out = Vec::new();
        loop {
            self.collect();
            out.clear();
            if self.master.poll_transmit(&mut out)
                && let Err(end) = self.write(connection, &out).await
            {
                return end;
            }
            if self.master.is_silent() {
                return End::Lost("it does not answer".to_owned());
            }
            if self.master.is_dead() {
                return End::Lost("its link does not answer".to_owned());
            }
            let deadline = self.master.timeout().map(|timeout| self.origin + timeout);
            let full = self.full();
            tokio::select! {
                () = stopped(&mut self.shutdown) => return End::Stop,
                result = connection.read(&mut buffer), if !full => match self.received(result, &buffer) {
                    Ok(()) => {}
                    Err(end) => return end,
                },
                result = self.outbox.progress() => if result.is_err() {
                    return End::Stop;
                },
                Some(call) = self.calls.recv() => self.call(call),
                () = endpoint.superseded() => return End::Lost("it has dialled again".to_owned()),
                () = at(deadline) => {
                    // What came in time is not late because we look at it late.
                    if !full
                        && let Ok(result) = tokio::time::timeout(Duration::ZERO, connection.read(&mut buffer)).await
                        && let Err(end) = self.received(result, &buffer)
                    {
                        return end;
                    }
                    let now = self.told_now();
                    self.master.handle_timeout(now);
                }
            }
        }
    }

    fn received(&mut self, result: std::io::Result<usize>, buffer: &[u8]) -> Result<(), End> {
        match result {
            Ok(0) => Err(End::Lost("it closed the connection".to_owned())),
            Ok(count) => {
                let now = self.told_now();
                // Taken from the master bit by bit, so that the second fragment of one read finds room.
                for chunk in buffer.get(..count).unwrap_or_default().chunks(CHUNK_OCTETS) {
                    self.master.receive(chunk, now);
                    self.collect();
                }
                Ok(())
            }
            Err(error) => Err(End::Lost(Refusal::from_io(&error).to_string())),
        }
    }

    async fn write(&mut self, connection: &mut Connection, octets: &[u8]) -> Result<(), End> {
        tokio::select! {
            () = stopped(&mut self.shutdown) => Err(End::Stop),
            result = tokio::time::timeout(WRITE_TIME_MAX, connection.write_fragment(octets)) => match result {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(End::Lost(Refusal::from_io(&error).to_string())),
                Err(_) => Err(End::Lost("it does not take what we send".to_owned())),
            },
        }
    }

    fn call(&mut self, call: Call) {
        let now = self.now();
        let answer = self.master.request(call.request, now).map_err(|_| RequestError::QueueFull);
        if let Ok(id) = answer {
            self.waiting.insert(id, call.outcome);
        }
        // A caller that is gone wants no answer.
        let _ = call.accepted.send(answer);
    }

    /// Takes the master's events: outcomes to who waits for them, everything to the reader.
    fn collect(&mut self) {
        let received = Instant::now();
        let wall_ms = wall_ms();
        while let Some(event) = self.master.poll_event() {
            if let MasterEvent::Done { id, outcome } = &event
                && let Some(waiting) = self.waiting.remove(id)
            {
                let _ = waiting.send(outcome.clone());
            }
            self.outbox.pending.push_back(DriverEvent::Master { event, received, wall_ms });
        }
        self.outbox.push();
    }
}
