//! A look at the devices while no EMS runs, under an identity and an address of its own.
//!
//! Never under the EMS's: a second session with its identity would take its session and its confirmed events away.
//! The observer reads and confirms its own events; it sends no command.

use std::sync::Arc;
use std::time::Duration;

use ieee1815::Classes;
use ieee1815::master::{MasterEvent, Outcome, Request};
use ieee1815_tokio::{DriverEvent, MasterDriver, MasterHandle};
use telemetry::Journal;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::fleet::Fleet;
use crate::frontend::{Shared, driver_config};
use crate::model::{Config, Tls, Transport};
use crate::record::PointView;
use crate::run::{RunError, client_tls};

/// How long the first integrity poll may take beyond the device's response time-out: connecting and the handshake.
const CONNECT_ALLOWANCE: Duration = Duration::from_secs(6);

/// How long the sessions may take to take their leave.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// What one poll of every device gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// All points, those of devices that did not answer included: with their reasons.
    pub points: Vec<PointView>,
    /// Devices that did not answer this poll.
    pub unanswered: Vec<Unanswered>,
}

/// A device that did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Which.
    pub device: Arc<str>,
    /// Why, as far as is known.
    pub why: String,
}

/// Why there was nothing to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// The file names no identity for this.
    #[error(
        "{file}: there is no [observer]: without an identity of its own nobody can look while no EMS runs"
    )]
    NoObserver {
        /// The configuration.
        file: String,
    },
    /// The observer's certificate, key or trust anchors cannot be used.
    #[error(transparent)]
    Tls(#[from] RunError),
}

/// Polls every device `count` times (integrity polls, a device's own scan time apart) and hands each result to
/// `each`. Ends early when `shutdown` turns true.
///
/// # Errors
/// [`ObserveError`], before anything was sent. A device that does not answer is told of in [`Observed`].
pub async fn observe(
    config: &Config,
    count: u32,
    mut shutdown: watch::Receiver<bool>,
    mut each: impl FnMut(&Observed),
) -> Result<(), ObserveError> {
    let observer = config
        .observer
        .as_ref()
        .ok_or_else(|| ObserveError::NoObserver { file: config.file.display().to_string() })?;
    let identity = config.tls.as_ref().map(|tls| Tls {
        certificate: observer.certificate.clone(),
        key: observer.key.clone(),
        ..tls.clone()
    });
    let (stop, stopped) = watch::channel(false);
    let shared = Shared::new(Fleet::new(config), Journal::none());
    let mut looks = Vec::new();
    for (place, device) in config.devices.iter().enumerate() {
        let tls = client_tls(identity.as_ref(), device)?;
        debug_assert!(tls.is_some() || device.transport == Transport::Tcp);
        let driver = driver_config(device, observer.master_address, tls);
        let (handle, events) = MasterDriver::spawn(driver, stopped.clone());
        let patience = device.response_timeout + CONNECT_ALLOWANCE;
        looks.push(Look { place, handle, events, patience, started: false });
    }
    let period = config.devices.iter().map(|device| device.scan).max().unwrap_or_default();
    let looking = async {
        let mut due = Instant::now();
        for _ in 0..count {
            tokio::time::sleep_until(due).await;
            due += period;
            let mut unanswered = Vec::new();
            for (look, device) in looks.iter_mut().zip(&config.devices) {
                if let Err(why) = look.poll(&shared).await {
                    unanswered.push(Unanswered { device: Arc::clone(&device.name), why });
                }
            }
            let points = shared.with(|fleet, now| fleet.points(now));
            each(&Observed { points, unanswered });
        }
    };
    tokio::select! {
        () = looking => {}
        _ = shutdown.wait_for(|stop| *stop) => {}
    }
    // Nobody may be left to hear it; then there is nothing to stop.
    let _ = stop.send(true);
    // A session ends with a word to the device, or the device would see a connection that broke.
    let closed = async {
        for look in &mut looks {
            while look.events.recv().await.is_some() {}
        }
    };
    if tokio::time::timeout(CLOSE_PATIENCE, closed).await.is_err() {
        tracing::warn!("a session did not end in time");
    }
    Ok(())
}

/// The session with one device.
struct Look {
    place: usize,
    handle: MasterHandle,
    events: mpsc::Receiver<DriverEvent>,
    patience: Duration,
    /// The session is up and its own integrity poll was answered.
    started: bool,
}

/// What an event means to a poll that waits.
enum Seen {
    Nothing,
    StartUpDone,
    Read(u64, Outcome),
    Down(String),
}

impl Look {
    /// One integrity poll: the session's own at its start-up, later ones by request.
    async fn poll(&mut self, shared: &Shared) -> Result<(), String> {
        let deadline = Instant::now() + self.patience;
        while let Ok(event) = self.events.try_recv() {
            self.take(event, shared);
        }
        let asked = if self.started {
            let ticket = self.handle.submit(Request::Read(Classes::ALL)).await;
            // Its outcome comes as an event, too, and there after its points.
            Some(ticket.map_err(|error| error.to_string())?.id())
        } else {
            None
        };
        loop {
            let event = match tokio::time::timeout_at(deadline, self.events.recv()).await {
                Ok(Some(event)) => event,
                Ok(None) => return Err("the session ended".to_owned()),
                Err(_) => return Err("no answer in time".to_owned()),
            };
            match self.take(event, shared) {
                Seen::StartUpDone if asked.is_none() => return Ok(()),
                Seen::Read(id, Outcome::ReadDone) if asked == Some(id) => return Ok(()),
                Seen::Read(id, outcome) if asked == Some(id) => return Err(outcome.to_string()),
                // A certificate that is refused once is refused again: a user waits for nothing.
                Seen::Down(why) => return Err(why),
                _ => {}
            }
        }
    }

    fn take(&mut self, event: DriverEvent, shared: &Shared) -> Seen {
        let place = self.place;
        match event {
            DriverEvent::Up { peer } => shared.with(|fleet, now| fleet.link_up(place, &peer, now)),
            DriverEvent::Down { why } => {
                self.started = false;
                shared.with(|fleet, now| fleet.link_down(place, &why, now));
                return Seen::Down(why);
            }
            DriverEvent::Master { event, received, .. } => match event {
                MasterEvent::Point { point, index, measured, .. } => {
                    shared
                        .received(received, |fleet, now| fleet.reported(place, point, index, &measured, now));
                }
                MasterEvent::Restart => shared.received(received, |fleet, now| fleet.restarted(place, now)),
                MasterEvent::StartUpDone => {
                    self.started = true;
                    return Seen::StartUpDone;
                }
                MasterEvent::Done { id, outcome } => return Seen::Read(id, outcome),
                _ => {}
            },
        }
        Seen::Nothing
    }
}
