//! Puts the machine and its tasks together, and takes them apart again.

mod reloading;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use historian::{Health, HistoryError};
use ieee1815::outstation::ConfigError;
use ieee1815_tokio::{BindError, Listener, PcapFile, TlsError};
use localsocket::{LocalServer, SocketError};
use publisher::{Notice, Publisher, Refused};
use site::Site;
use telemetry::clock::SystemClock;
use telemetry::{Journal, Now};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::acquire::Drivers;
use crate::capture::{self, CaptureError, Recorder};
use crate::clock::{Asked, ask};
use crate::core::{Core, FieldEvent, FieldReport, Input, MasterIx, Output, Record};
use crate::history::{self, History};
use crate::holds::Holds;
use crate::observe::{self, Observed, Wanted};
use crate::orders;
use crate::reload;
use crate::serve::{Admission, SessionEvent, SessionId, serve};
use crate::tell::Teller;
use reloading::{PREPARED_WAITING_MAX, Prepared, Reloading, alone};

/// Events that may wait for the machine; whoever has more to tell waits.
const EVENTS_WAITING_MAX: usize = 1024;

/// Changes of the history's state that may wait for the machine.
const HEALTH_WAITING_MAX: usize = 16;

/// Answers of time servers that may wait for the machine.
const ASKED_WAITING_MAX: usize = 4;

/// Why the device does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The TLS files of the site cannot be used.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// The DNP3 address cannot be listened on.
    #[error("outstation.listen: {0}")]
    Bind(#[from] BindError),
    /// The address of metrics and health cannot be listened on.
    #[error("metrics.listen: {listen}: {error}")]
    Metrics {
        /// The address.
        listen: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The local socket cannot be opened.
    #[error("site.socket: {0}")]
    Socket(#[from] SocketError),
    /// The points do not make an outstation.
    #[error("points: {0}")]
    Points(#[from] ConfigError),
    /// The capture that was asked for cannot be made.
    #[error("--capture: {0}")]
    Capture(#[from] CaptureError),
    /// The store of the device's history cannot be used.
    #[error("history.path: {0}")]
    History(#[from] HistoryError),
    /// The history cannot be sent on as the site says.
    #[error(transparent)]
    Publish(#[from] Refused),
}

impl RunError {
    /// Whether it is what the user wrote that is wrong, rather than the machine it runs on.
    #[must_use]
    pub const fn is_configuration(&self) -> bool {
        match self {
            Self::Tls(_) | Self::Points(_) | Self::Capture(_) | Self::Publish(_) => true,
            Self::History(error) => {
                matches!(error, HistoryError::Foreign { .. } | HistoryError::Newer { .. })
            }
            Self::Bind(_) | Self::Socket(_) | Self::Metrics { .. } => false,
        }
    }
}

/// A question over the local socket.
type Question = (serde_json::Value, oneshot::Sender<Result<serde_json::Value, String>>);

/// What looks on, and never disturbs.
#[derive(Debug, Default)]
pub struct Taps {
    /// What the masters' sessions exchange is written there, decrypted.
    pub pcap: Option<PcapFile>,
    /// What comes into the machine is recorded there.
    pub capture: Option<capture::Setup>,
}

/// Runs the device of `site` until `shutdown` turns true; `reload`: other sites are taken while it runs.
///
/// # Errors
/// [`RunError`], before anything was started.
pub async fn run(
    site: Site,
    taps: Taps,
    reload: Option<reload::Setup>,
    journal: Journal,
    shutdown: watch::Receiver<bool>,
) -> Result<(), RunError> {
    publisher::check(&site.publish)?;
    let clock = SystemClock::start();
    let (admission, admitted) = watch::channel(Arc::new(admission(&site)?));
    let tls = Arc::clone(&admitted.borrow().tls);
    let mut listener = Listener::bind(site.outstation.listen, Some(tls)).await?;
    if let Some(file) = taps.pcap {
        listener.capture(file);
    }
    let tls_handle = listener.tls();
    let socket = LocalServer::bind(&site.socket)?;
    let metrics = metrics(&site).await?;
    // Whoever holds the socket is the only one that writes the history.
    let (changed, health) = mpsc::channel(HEALTH_WAITING_MAX);
    let history = History::open(&site, clock.now(), changed)?;
    let boot = history.as_ref().map_or(clock.now().wall.as_millis() / 1_000, History::boot);
    let now = clock.now();
    let core = Core::new(&site, boot, now)?;
    let recorder = recorder(taps.capture, &site, boot, now)?;
    let mut teller = Teller::new(journal, history);
    let ready = Record::Ready {
        listen: listener.local_addr().to_string(),
        profile: site.profile.clone(),
        overlay: site.overlay.clone(),
        metrics: metrics.as_ref().and_then(|server| server.local_addr().ok()).map(|at| at.to_string()),
    };
    let ask_again: Arc<tokio::sync::Notify> = Arc::default();
    let mut observed = Observed::new(&site, clock, Arc::clone(&ask_again));
    let now = observed.now(&mut teller);
    teller.tell(&ready, now);

    let mut tasks = JoinSet::new();
    let (session_events, sessions) = mpsc::channel(EVENTS_WAITING_MAX);
    tasks.spawn(serve(listener, admitted, session_events));
    let (field_events, field) = mpsc::channel(EVENTS_WAITING_MAX);
    let drivers = Drivers::start(&site.devices, field_events, clock);
    let (questions, asked) = mpsc::channel::<Question>(16);
    tasks.spawn(socket.serve(shutdown.clone(), move |request| {
        let questions = questions.clone();
        async move {
            let (reply, answer) = oneshot::channel();
            questions.send((request, reply)).await.map_err(|_| "the device is stopping".to_owned())?;
            answer.await.map_err(|_| "the device is stopping".to_owned())?
        }
    }));
    let (notices, noticed) = mpsc::channel(HEALTH_WAITING_MAX);
    let history = teller.history.as_ref();
    let publisher = history.map(|history| history.publish(&site, &notices, &mut tasks)).unwrap_or_default();
    let (wanted, snapshots) = mpsc::channel(16);
    if let Some(server) = metrics {
        tasks.spawn(observe::serve(server, wanted));
    }
    let (told, time) = mpsc::channel(ASKED_WAITING_MAX);
    if let Some(watched) = site.clock.clone() {
        tasks.spawn(ask(watched.ntp, watched.poll, clock, ask_again, told));
    }
    let (out, prepared) = mpsc::channel(PREPARED_WAITING_MAX);
    let (running, reader, hangups) = match reload {
        Some(reload::Setup { findings, sha256, configuration, reader, hangups }) => {
            (reload::Candidate { site: site.clone(), findings, sha256, configuration }, reader, hangups)
        }
        None => (alone(site.clone()), no_reader(), mpsc::channel(1).1),
    };
    observed.notify.ready(&observe::status_line(&core, now));
    let inputs =
        Inputs { sessions, field, asked, health, noticed, snapshots, time, prepared, hangups, shutdown };
    let masters = names(&site);
    let reload = Reloading::new(running, reader, tls_handle, admission, out);
    let live = BTreeMap::new();
    let holds = Holds::read(&site, now.wall);
    let (told, again) = (holds.told_before(), holds.orders(now.wall));
    let mut turned =
        Loop { core, clock, teller, recorder, masters, live, drivers, publisher, observed, reload, holds };
    // Before anybody can command.
    for input in told.into_iter().chain(again.into_iter().map(Input::Operate)) {
        turned.input(input);
    }
    let ended = turned.turn(inputs).await;
    let (mut teller, recorder) = (ended.teller, ended.recorder);
    tasks.shutdown().await;
    teller.tell(&Record::Stopped, clock.now());
    if let Some(recorder) = recorder {
        recorder.finish().await;
    }
    if let Some(history) = teller.history.take() {
        history.finish().await;
    }
    Ok(())
}

/// The server of metrics and health, where the site has one.
async fn metrics(site: &Site) -> Result<Option<TcpListener>, RunError> {
    let Some(site::Metrics { listen }) = site.metrics else { return Ok(None) };
    TcpListener::bind(listen).await.map(Some).map_err(|error| RunError::Metrics { listen, error })
}

/// The recorder that is asked for. Where the site only keeps one running, a disk that does not take it is told and
/// the device runs on.
fn recorder(
    setup: Option<capture::Setup>,
    site: &Site,
    boot: u64,
    now: Now,
) -> Result<Option<Recorder>, RunError> {
    let Some(setup) = setup else { return Ok(None) };
    match (Recorder::start(&setup, site, boot, now), setup.target) {
        (Ok(recorder), _) => Ok(Some(recorder)),
        (Err(error), capture::Target::File(_)) => Err(error.into()),
        (Err(error), capture::Target::Folder(..)) => {
            tracing::error!(%error, "what comes in is not recorded");
            Ok(None)
        }
    }
}

/// All identities that may connect, and whose each is.
fn admission(site: &Site) -> Result<Admission, TlsError> {
    let each = |master: &site::Master| {
        let name = Arc::clone(&master.name);
        master.admit.clone().into_iter().map(move |identity| (identity, Arc::clone(&name)))
    };
    let (admitted, masters) = site.masters.iter().flat_map(each).unzip();
    Ok(Admission { tls: Arc::new(site.tls.admitting(admitted).server()?), masters })
}

/// For a device that was not told how other sites are read.
fn no_reader() -> reload::Reader {
    Arc::new(|_| Err("this device does not take another site while it runs".to_owned()))
}

/// The masters by name.
fn names(site: &Site) -> BTreeMap<Arc<str>, MasterIx> {
    let masters = site.masters.iter().enumerate();
    masters.map(|(at, master)| (Arc::clone(&master.name), MasterIx::new(at))).collect()
}

struct Inputs {
    sessions: mpsc::Receiver<SessionEvent>,
    field: mpsc::Receiver<FieldEvent>,
    asked: mpsc::Receiver<Question>,
    health: mpsc::Receiver<Health>,
    noticed: mpsc::Receiver<Notice>,
    prepared: mpsc::Receiver<Prepared>,
    hangups: mpsc::Receiver<()>,
    snapshots: mpsc::Receiver<Wanted>,
    time: mpsc::Receiver<Asked>,
    shutdown: watch::Receiver<bool>,
}

/// The machine with what it needs to reach the world.
struct Loop {
    core: Core,
    clock: SystemClock,
    teller: Teller,
    /// The masters by name: their places change with the site, their names do not.
    masters: BTreeMap<Arc<str>, MasterIx>,
    recorder: Option<Recorder>,
    /// The newest session of each master.
    live: BTreeMap<MasterIx, (SessionId, mpsc::Sender<Vec<u8>>)>,
    drivers: Drivers,
    publisher: Publisher,
    reload: Reloading,
    observed: Observed,
    /// What the operator holds, and devices may.
    holds: Holds,
}

impl Loop {
    async fn turn(mut self, mut inputs: Inputs) -> Self {
        loop {
            let now = self.now();
            self.observed.turned(now, &self.core);
            let due = self
                .core
                .due()
                .into_iter()
                .chain(self.teller.due())
                .chain(self.reload.due())
                .chain(self.observed.due())
                .min()
                .map(|due| due.since(now.mono));
            let timer = async {
                match due {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = inputs.shutdown.wait_for(|stop| *stop) => {
                    self.observed.notify.stopping();
                    self.teller.finish(now);
                    return self;
                }
                Some(event) = inputs.sessions.recv() => self.session(event),
                Some(event) = inputs.field.recv() => self.field(event),
                Some((request, reply)) = inputs.asked.recv() => {
                    if let Some(reply) = self.ask_reload(&request, reply) {
                        // Whoever asked may be gone.
                        let _ = reply.send(self.answer(&request));
                    }
                }
                Some(prepared) = inputs.prepared.recv() => self.prepared(prepared),
                Some(()) = inputs.hangups.recv() => self.hangup(),
                Some(health) = inputs.health.recv() => self.history(&health),
                Some(notice) = inputs.noticed.recv() => self.noticed(notice),
                Some(wanted) = inputs.snapshots.recv() => {
                    // Whoever asked may be gone.
                    let _ = wanted.send(self.observed.snapshot(&self.core, &self.teller, &self.drivers));
                }
                Some(asked) = inputs.time.recv() => self.observed.asked(asked, &mut self.teller),
                () = timer => {
                    let now = self.now();
                    self.teller.tell_due(now);
                    self.input(Input::Time);
                }
            }
            self.reload_due();
        }
    }

    /// The present, with the trust that its stamps have.
    fn now(&mut self) -> Now {
        self.observed.now(&mut self.teller)
    }

    fn session(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Up { session, peer, address, writes } => {
                // One whose master went meanwhile ends with its sender.
                let Some(master) = self.masters.get(&session.master).copied() else { return };
                // Dropping the older session's sender closes its socket.
                self.live.insert(master, (session, writes));
                self.input(Input::Connected { master, peer, address });
            }
            SessionEvent::Octets { session, octets } => {
                if let Some(master) = self.live(&session) {
                    self.observed.octets(&session.master, octets.len(), 0);
                    self.input(Input::Octets { master, octets });
                }
            }
            SessionEvent::Down { session, why } => {
                if let Some(master) = self.live(&session) {
                    self.live.remove(&master);
                    self.input(Input::Disconnected { master, why });
                }
            }
            SessionEvent::Refused { peer, address, why, unheard } => {
                let now = self.now();
                self.teller.tell(&Core::refused(now, peer, address, why), now);
                self.teller.refused_besides(unheard);
            }
        }
    }

    fn noticed(&mut self, notice: Notice) {
        let now = self.now();
        let state = if notice.raised { "raised" } else { "cleared" };
        let (time, subject, text) = (now.wall, notice.name, notice.text);
        let record = Record::Alarm { time, point: None, subject, kind: "publish", state, text };
        self.teller.tell(&record, now);
    }

    fn history(&mut self, health: &Health) {
        let now = self.now();
        let (state, why) = (health.state.text(), history::why(&health.state));
        let text = if why.is_empty() { "the history is written again".to_owned() } else { why.clone() };
        self.teller.tell(&Record::History { time: now.wall, state, why, dropped: health.dropped }, now);
        let subject: Arc<str> = "".into();
        let was_raised = self.teller.tally.alarms.contains_key(&("history", Arc::clone(&subject)));
        let is_raised = health.state != historian::State::Working;
        if was_raised != is_raised {
            let state = if is_raised { "raised" } else { "cleared" };
            let (time, point, kind) = (now.wall, None, "history");
            self.teller.tell(&Record::Alarm { time, point, subject, kind, state, text }, now);
        }
    }

    /// The master of a session that is its newest.
    fn live(&self, session: &SessionId) -> Option<MasterIx> {
        let master = self.masters.get(&session.master).copied()?;
        self.live.get(&master).is_some_and(|(live, _)| live == session).then_some(master)
    }

    /// A driver tells by its number which one it is. What one that was stopped still told is of nobody.
    fn field(&mut self, mut event: FieldEvent) {
        let (FieldEvent::Report(FieldReport { device, .. }) | FieldEvent::Written { device, .. }) =
            &mut event;
        let Some(place) = self.drivers.place(*device) else { return };
        *device = place;
        self.input(Input::Field(event));
    }

    fn input(&mut self, mut input: Input) {
        let now = self.now();
        if let Input::Field(FieldEvent::Report(report)) = &mut input {
            // Drivers know the time, and not how far it is to be believed.
            (report.sent.wall_trust, report.received.wall_trust) = (now.wall_trust, now.wall_trust);
        }
        let outputs = self.handle(input, now);
        self.outputs(outputs, now);
        // Who is given up loses its sender, and with it the socket.
        self.live.retain(|master, _| self.core.is_up(*master));
    }

    /// Sees to what the machine wants done.
    fn outputs(&mut self, outputs: Vec<Output>, now: Now) {
        self.holds.told(self.core.holding(), now.mono);
        let mut failed = Vec::new();
        for output in outputs {
            match output {
                Output::Record(record) => self.teller.tell(&record, now),
                Output::Octets { master, octets } => {
                    if let Some((session, writes)) = self.live.get(&master) {
                        self.observed.octets(&session.master, 0, octets.len());
                        if writes.try_send(octets).is_err() {
                            failed.push(master);
                        }
                    }
                }
                Output::Write { device, request, write } => {
                    let sent = self.drivers.writes(device).map(|writes| writes.try_send((request, write)));
                    if !matches!(sent, Some(Ok(()))) {
                        // Not answered, so control asks for it again.
                        tracing::warn!(device = device.get(), "the driver is behind, a write was put off");
                    }
                }
            }
        }
        for master in failed {
            if self.live.remove(&master).is_some() {
                self.input(Input::Disconnected { master, why: "the peer does not read".to_owned() });
            }
        }
    }

    /// The machine, with the recorder at its door.
    fn handle(&mut self, input: Input, now: Now) -> Vec<Output> {
        let Some(recorder) = &mut self.recorder else { return self.core.handle(input, now) };
        recorder.input(&input, now);
        let outputs = self.core.handle(input, now);
        recorder.outputs(&outputs);
        self.told_of_capture(now);
        outputs
    }

    /// Says once that the capture ended.
    fn told_of_capture(&mut self, now: Now) {
        if let Some(text) = self.recorder.as_mut().and_then(Recorder::news) {
            let (time, point, state) = (now.wall, None, "raised");
            self.teller
                .tell(&Record::Alarm { time, point, subject: "".into(), kind: "capture", state, text }, now);
        }
    }

    fn answer(&mut self, request: &serde_json::Value) -> Result<serde_json::Value, String> {
        let allowed = || format!("points, point, status, capture, plan, apply, {}", orders::WORDS.join(", "));
        match request.get("do").and_then(serde_json::Value::as_str) {
            Some("points") => Ok(self.core.points(self.clock.now())),
            Some("status") => Ok(self.status()),
            Some("capture") => self.capture(),
            Some("point") => self.observed.point(&self.core, request),
            Some(word) if orders::WORDS.contains(&word) => {
                let operate = orders::read(word, request)?;
                self.core.may_operate(&operate)?;
                if self.core.is_setpoint(&operate.point) {
                    let now = self.now();
                    self.holds.ordered(&operate, now.wall)?;
                }
                let done = orders::done(&operate);
                self.input(Input::Operate(operate));
                Ok(done)
            }
            Some(other) => Err(format!("`do` is `{other}`, allowed: {}", allowed())),
            None => Err(format!("a request has a field `do`: {}", allowed())),
        }
    }

    /// The machine's status, with what the drivers counted.
    fn status(&self) -> serde_json::Value {
        let mut status = self.core.status(self.clock.now());
        let devices = status.get_mut("devices").and_then(serde_json::Value::as_array_mut);
        for (device, counts) in devices.into_iter().flatten().zip(self.drivers.counts()) {
            if let Some(device) = device.as_object_mut() {
                device.insert("link".to_owned(), counts);
            }
        }
        if let (Some(history), Some(fields)) = (&self.teller.history, status.as_object_mut()) {
            fields.insert("history".to_owned(), history.status());
            fields.insert("publish".to_owned(), self.publisher.status());
        }
        self.observed.complete(&mut status, &self.teller);
        if let (Some(recorder), Some(fields)) = (&self.recorder, status.as_object_mut()) {
            fields.insert("capture".to_owned(), recorder.status());
        }
        status
    }

    fn capture(&self) -> Result<serde_json::Value, String> {
        let none = "it does not record what comes in: start it with `openrtd run SITE --capture FILE`, or give its \
                    site file a section [capture] with `folder = \"captures\"` and start it again";
        self.recorder.as_ref().map(Recorder::status).ok_or_else(|| none.to_owned())
    }
}
