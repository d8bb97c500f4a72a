//! The running EMS: a session for each device, the local socket, and an end to it all.

use std::sync::Arc;

use ieee1815_tokio::{ClientTls, MasterHandle, PcapFile, TlsError, TlsPolicy};
use localsocket::{LocalServer, SocketError};
use serde_json::{Value, json};
use telemetry::Journal;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::fleet::Fleet;
use crate::frontend::{Session, Shared};
use crate::model::{Config, Device, Transport};
use crate::operate;
use crate::record::Record;

/// Why the EMS did not start. A device that does not answer is none of these: it is what an EMS is there to see.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The local socket could not be bound.
    #[error("{0}")]
    Socket(#[from] SocketError),
    /// A certificate, key or trust anchor cannot be used.
    #[error("TLS for device `{device}`: {source}")]
    Tls {
        /// The device that it was meant for.
        device: Arc<str>,
        /// What is wrong, and with which file.
        source: TlsError,
    },
}

/// Runs until `shutdown` turns true. Says `ready` once the socket is bound and every certificate is read; devices
/// that cannot be reached are told of as links that are down, and tried again.
///
/// # Errors
/// [`RunError`], before anything was started.
pub async fn run(config: Config, journal: Journal, shutdown: watch::Receiver<bool>) -> Result<(), RunError> {
    run_captured(config, None, journal, shutdown).await
}

/// As [`run`], with what the devices' sessions exchange written into a capture, decrypted.
///
/// # Errors
/// As [`run`].
pub async fn run_captured(
    config: Config,
    pcap: Option<PcapFile>,
    journal: Journal,
    shutdown: watch::Receiver<bool>,
) -> Result<(), RunError> {
    let tls = config
        .devices
        .iter()
        .map(|device| client_tls(config.tls.as_ref(), device))
        .collect::<Result<Vec<_>, _>>()?;
    let server = LocalServer::bind(&config.socket)?;
    let shared = Arc::new(Shared::new(Fleet::new(&config), journal.clone()));
    journal.record(&Record::Ready {
        devices: config.devices.len(),
        profile: config.profile.clone(),
        overlay: config.overlay.clone(),
    });
    let mut sessions = JoinSet::new();
    let mut handles = Vec::new();
    for (place, (device, tls)) in config.devices.iter().zip(tls).enumerate() {
        let session = Session::start(place, device, tls, pcap.clone(), Arc::clone(&shared), shutdown.clone());
        handles.push(session.handle());
        sessions.spawn(session.run());
    }
    let socket = Arc::new(Socket { config, shared, handles });
    server
        .serve(shutdown, move |request| {
            let socket = Arc::clone(&socket);
            async move { socket.answer(&request).await }
        })
        .await;
    // The drivers end with the same shutdown; whoever does not is not waited for.
    let ended = async { while sessions.join_next().await.is_some() {} };
    if tokio::time::timeout(std::time::Duration::from_secs(1), ended).await.is_err() {
        tracing::warn!("a session did not end in time");
    }
    journal.record(&Record::Stopped);
    Ok(())
}

/// Our end of TLS towards a device; `None` for plain TCP.
pub(crate) fn client_tls(
    tls: Option<&TlsPolicy>,
    device: &Device,
) -> Result<Option<Arc<ClientTls>>, RunError> {
    match (device.transport, tls) {
        (Transport::Tcp, _) | (Transport::Tls, None) => Ok(None),
        (Transport::Tls, Some(tls)) => match tls.admitting(device.admit.clone()).client() {
            Ok(client) => Ok(Some(Arc::new(client))),
            Err(source) => Err(RunError::Tls { device: Arc::clone(&device.name), source }),
        },
    }
}

/// What the local socket answers from.
struct Socket {
    config: Config,
    shared: Arc<Shared>,
    handles: Vec<MasterHandle>,
}

impl Socket {
    async fn answer(&self, request: &Value) -> Result<Value, String> {
        match request.get("do").and_then(Value::as_str) {
            Some("points") => Ok(json!({ "points": self.shared.with(|fleet, now| fleet.points(now)) })),
            Some("status") => Ok(json!({ "devices": self.shared.with(|fleet, now| fleet.status(now)) })),
            Some("setpoint") => self.setpoint(request).await,
            _ => Err("`do` must be one of: points, setpoint, status".to_owned()),
        }
    }

    async fn setpoint(&self, request: &Value) -> Result<Value, String> {
        let order = operate::order(&self.config, request)?;
        let handle = self.handles.get(order.device).ok_or("no such device")?;
        let status = match handle.request(order.request.clone()).await {
            Ok(outcome) => operate::status(&outcome),
            Err(error) => format!("NOT_SENT: {error}"),
        };
        self.shared.with(|fleet, now| {
            fleet.setpoint_sent(order.device, order.point, order.value, order.mode, status.clone(), now);
        });
        Ok(operate::answer(&order, &status))
    }
}
