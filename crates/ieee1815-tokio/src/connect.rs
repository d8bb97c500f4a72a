//! The connecting side.

use std::future::Future;
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
    /// The TLS handshake failed.
    #[error("TLS: {0}")]
    Tls(Refusal),
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
