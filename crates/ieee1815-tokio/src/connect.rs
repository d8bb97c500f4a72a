//! The connecting side.

use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio_rustls::TlsConnector;

use crate::connection::Connection;
use crate::identity::Admitted;
use crate::tls::{ClientTls, Refusal, RefusalKind, capture};

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address does not resolve, nobody listens, or the network is in the way.
    #[error("cannot connect: {0}")]
    Tcp(#[source] io::Error),
    /// TCP did not come up in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The serial line cannot be opened.
    #[error("cannot open the serial line: {0}")]
    Serial(#[source] io::Error),
    /// The socket for datagrams cannot be opened.
    #[error("cannot open UDP: {0}")]
    Udp(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("TLS: {0}")]
    Tls(Refusal),
}

/// Pauses between attempts: they double from the least to the most, and are spread so that a whole fleet that lost
/// its master does not come back in one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The first pause. Default 1 s.
    pub least: Duration,
    /// The longest pause. Default 60 s.
    pub most: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self { least: Duration::from_secs(1), most: Duration::from_secs(60) }
    }
}

/// Where an outstation dials its master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialConfig {
    /// Host and port.
    pub address: String,
    /// With the mutual TLS of the driver's configuration.
    pub tls: bool,
    /// Time for TCP and the handshake together. Default 10 s.
    pub timeout: Duration,
    /// Pauses after failed and lost connections.
    pub delay: BackoffConfig,
}

impl DialConfig {
    /// The defaults, for this host and port.
    #[must_use]
    pub fn new(address: impl Into<String>, tls: bool) -> Self {
        let timeout = Duration::from_secs(10);
        Self { address: address.into(), tls, timeout, delay: BackoffConfig::default() }
    }
}

/// Counts attempts.
#[derive(Debug)]
pub(crate) struct Backoff {
    config: BackoffConfig,
    pause: Duration,
}

impl Backoff {
    pub(crate) fn new(config: BackoffConfig) -> Self {
        Self { config, pause: config.least }
    }

    /// An attempt came to something.
    pub(crate) fn reset(&mut self) {
        self.pause = self.config.least;
    }

    /// The next pause: three quarters to all of what it would be.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = pause.saturating_mul(2).min(self.config.most.max(self.config.least));
        // The standard library's only source of chance.
        let [chance, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
        pause - pause / 1024 * u32::from(chance)
    }
}

/// Connects, with mutual TLS when `tls` is given, within `timeout` for everything together. Returns who was met
/// (`None` without TLS).
///
/// In TLS 1.3 a server judges our certificate after this side is done: a refusal then shows as an error of the
/// first read, which [`Refusal::from_io`] puts into words.
///
/// Cancellation-safe: dropping the future drops the socket.
///
/// # Errors
/// [`ConnectError`] tells the network's fault from the peer's certificate.
pub async fn connect(
    address: impl ToSocketAddrs,
    tls: Option<Arc<ClientTls>>,
    timeout: Duration,
) -> Result<(Connection, Option<Admitted>), ConnectError> {
    let deadline = tokio::time::Instant::now() + timeout;
    let stream = tokio::time::timeout_at(deadline, TcpStream::connect(address))
        .await
        .map_err(|_| ConnectError::TimedOut(timeout))?
        .map_err(ConnectError::Tcp)?;
    stream.set_nodelay(true).map_err(ConnectError::Tcp)?;
    let Some(tls) = tls else {
        return Ok((Connection::tcp(stream), None));
    };
    // rustls wants a name; it is neither sent nor compared, the admitted list is what decides.
    let name = ServerName::from(stream.peer_addr().map_err(ConnectError::Tcp)?.ip());
    let shake = TlsConnector::from(Arc::clone(&tls.config)).connect(name, stream);
    let stream = within(deadline, timeout, shake).await.map_err(ConnectError::Tls)?;
    match tls.admitted(stream.get_ref().1.peer_certificates()) {
        Some(admitted) => Ok((Connection::tls(stream), Some(admitted))),
        None => Err(ConnectError::Tls(Refusal::new(RefusalKind::NotAdmitted, ""))),
    }
}

/// Runs a handshake to its deadline and puts its failure into words.
async fn within<T>(
    deadline: tokio::time::Instant,
    timeout: Duration,
    handshake: impl Future<Output = io::Result<T>>,
) -> Result<T, Refusal> {
    match capture(tokio::time::timeout_at(deadline, handshake)).await {
        (Ok(Ok(stream)), _) => Ok(stream),
        (Ok(Err(error)), presented) => Err(Refusal::from_io(&error).with_presented(presented)),
        (Err(_), presented) => Err(Refusal::timed_out(timeout, presented)),
    }
}
