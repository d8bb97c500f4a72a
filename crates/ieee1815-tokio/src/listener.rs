//! The listening side: accepts, runs handshakes beside each other, and says of every peer what became of it.
//!
//! A handshake waits for its peer, so none may wait for another: each runs on a task of its own under a time-out.
//! Their number is capped, because every one of them is a promise to a stranger. When the cap is reached, the
//! address with the most pending handshakes loses its oldest one; a flood from one place crowds out itself, and
//! an honest peer's handshake, over in milliseconds, gets through.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::connection::Connection;
use crate::identity::Admitted;
use crate::pcap::PcapFile;
use crate::tls::{Refusal, RefusalKind, ServerTls, capture};

/// First octet of a TLS record that carries a handshake message.
const TLS_HANDSHAKE: u8 = 0x16;
/// After a refusal: how long, and how much, is read and thrown away so that our alert is not lost to a reset.
const LINGER_TIME_MAX: Duration = Duration::from_millis(500);
const LINGER_OCTETS_MAX: usize = 64 * 1024;
/// Pause after the system refuses to accept (out of file descriptors, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits on handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Time for a whole handshake.
    pub handshake_timeout: Duration,
    /// Handshakes pending at once; at least 1.
    pub pending_max: usize,
}

impl Default for ListenerLimits {
    /// 10 s and 64.
    fn default() -> Self {
        Self { handshake_timeout: Duration::from_secs(10), pending_max: 64 }
    }
}

/// Why a listener could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another process (or another listener of this one) has the port.
    #[error("{0}: the port is already in use")]
    InUse(SocketAddr),
    /// The address is not one of this machine's.
    #[error("{0}: this machine has no such address")]
    NoSuchAddress(SocketAddr),
    /// Ports below 1024 need a privilege.
    #[error("{0}: not permitted to listen there")]
    NotPermitted(SocketAddr),
    /// There is no TLS to listen with.
    #[error("{0}: no TLS is configured")]
    NoTls(SocketAddr),
    /// Anything else.
    #[error("{address}: cannot listen: {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    pub(crate) fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress(address),
            io::ErrorKind::PermissionDenied => Self::NotPermitted(address),
            _ => Self::Other { address, source },
        }
    }
}

/// A peer that got through.
#[derive(Debug)]
pub struct Accepted {
    /// The stream.
    pub connection: Connection,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// Who it is; `None` without TLS.
    pub identity: Option<Admitted>,
}

/// What became of a peer that came in.
#[derive(Debug)]
pub enum Incoming {
    /// It got through.
    Accepted(Box<Accepted>),
    /// It did not, and the connection is closed.
    Refused {
        /// Where it came from.
        peer: SocketAddr,
        /// Why.
        refusal: Box<Refusal>,
    },
}

/// The seam for a reload: replaces the TLS set-up of a running listener for the connections to come. Sessions
/// that exist are not touched; [`ServerTls::admits`] tells which of them the new list still admits.
#[derive(Debug, Clone)]
pub struct TlsHandle {
    current: Arc<RwLock<Option<Arc<ServerTls>>>>,
}

impl TlsHandle {
    /// From the next connection on, `tls` applies. A TLS listener cannot become a plain one.
    pub fn replace(&self, tls: Arc<ServerTls>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(tls);
    }

    fn get(&self) -> Option<Arc<ServerTls>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Pending {
    peer: SocketAddr,
    abort: AbortHandle,
    /// Aborted, but not reported yet.
    aborted: bool,
}

/// A listening socket with its pending handshakes. Dropping it closes both.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: TlsHandle,
    limits: ListenerLimits,
    handshakes: JoinSet<Incoming>,
    /// By order of arrival.
    pending: BTreeMap<u64, Pending>,
    /// Number of the next arrival.
    next: u64,
    pcap: Option<PcapFile>,
}

impl Listener {
    /// Listens on `address` (port 0: a free one), with mutual TLS when `tls` is given.
    ///
    /// # Errors
    /// [`BindError`] says in particular when the port is in use.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<ServerTls>>) -> Result<Self, BindError> {
        Self::bind_with(address, tls, ListenerLimits::default()).await
    }

    /// As [`bind`](Self::bind), with limits of one's own.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn bind_with(
        address: SocketAddr,
        tls: Option<Arc<ServerTls>>,
        limits: ListenerLimits,
    ) -> Result<Self, BindError> {
        let socket = TcpListener::bind(address).await.map_err(|source| BindError::new(address, source))?;
        let bound = socket.local_addr().map_err(|source| BindError::new(address, source))?;
        Ok(Self {
            socket,
            address: bound,
            tls: TlsHandle { current: Arc::new(RwLock::new(tls)) },
            limits,
            handshakes: JoinSet::new(),
            pending: BTreeMap::new(),
            next: 0,
            pcap: None,
        })
    }

    /// The address that is listened on, with the port that was found when 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// A handle to replace the TLS set-up later.
    #[must_use]
    pub fn tls(&self) -> TlsHandle {
        self.tls.clone()
    }

    /// Has the sessions to come written into a capture, decrypted.
    pub fn capture(&mut self, file: PcapFile) {
        self.pcap = Some(file);
    }

    /// Waits for the next peer that got through or was refused. Cancellation-safe: pending handshakes go on.
    pub async fn accept(&mut self) -> Incoming {
        let mut incoming = self.arrival().await;
        if let (Incoming::Accepted(accepted), Some(file)) = (&mut incoming, &self.pcap) {
            accepted.connection.capture(file, false);
        }
        incoming
    }

    async fn arrival(&mut self) -> Incoming {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next_with_id() => {
                    if let Some(incoming) = self.settle(done) {
                        return incoming;
                    }
                }
                arrival = self.socket.accept() => match arrival {
                    Ok((stream, peer)) => {
                        if let Some(incoming) = self.receive(stream, peer) {
                            return incoming;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    fn receive(&mut self, stream: TcpStream, peer: SocketAddr) -> Option<Incoming> {
        if let Err(error) = stream.set_nodelay(true) {
            return Some(refused(peer, Refusal::from_io(&error)));
        }
        let Some(tls) = self.tls.get() else {
            let connection = Connection::tcp(stream);
            return Some(Incoming::Accepted(Box::new(Accepted { connection, peer, identity: None })));
        };
        if self.pending.values().filter(|pending| !pending.aborted).count() >= self.limits.pending_max.max(1)
        {
            self.crowd_out();
        }
        let abort = self.handshakes.spawn(handshake(stream, peer, tls, self.limits.handshake_timeout));
        self.pending.insert(self.next, Pending { peer, abort, aborted: false });
        self.next = self.next.wrapping_add(1);
        None
    }

    /// Aborts the oldest handshake of the address that has the most; [`settle`](Self::settle) reports it.
    fn crowd_out(&mut self) {
        let mut by_address: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (number, pending) in self.pending.iter().filter(|(_, pending)| !pending.aborted) {
            let entry = by_address.entry(pending.peer.ip()).or_insert((0, *number));
            entry.0 += 1;
        }
        let victim = by_address.values().max_by_key(|(count, oldest)| (*count, std::cmp::Reverse(*oldest)));
        if let Some(pending) = victim.and_then(|(_, oldest)| self.pending.get_mut(oldest)) {
            pending.abort.abort();
            pending.aborted = true;
        }
    }

    fn settle(&mut self, done: Result<(tokio::task::Id, Incoming), JoinError>) -> Option<Incoming> {
        let id = match &done {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let number = *self.pending.iter().find(|(_, pending)| pending.abort.id() == id)?.0;
        let pending = self.pending.remove(&number)?;
        Some(match done {
            Ok((_, incoming)) => incoming,
            Err(error) if error.is_cancelled() => {
                let detail = format!("at most {} at once", self.limits.pending_max);
                refused(pending.peer, Refusal::new(RefusalKind::CrowdedOut, detail))
            }
            Err(error) => refused(pending.peer, Refusal::new(RefusalKind::Io, error.to_string())),
        })
    }
}

fn refused(peer: SocketAddr, refusal: Refusal) -> Incoming {
    Incoming::Refused { peer, refusal: Box::new(refusal) }
}

async fn handshake(stream: TcpStream, peer: SocketAddr, tls: Arc<ServerTls>, limit: Duration) -> Incoming {
    match capture(tokio::time::timeout(limit, shake(stream, &tls))).await {
        (Ok(Ok((connection, identity))), _) => {
            Incoming::Accepted(Box::new(Accepted { connection, peer, identity: Some(identity) }))
        }
        (Ok(Err((refusal, stream))), presented) => {
            if let Some(stream) = stream {
                linger(stream).await;
            }
            refused(peer, refusal.with_presented(presented))
        }
        (Err(_), presented) => refused(peer, Refusal::timed_out(limit, presented)),
    }
}

type Shaken = Result<(Connection, Admitted), (Refusal, Option<TcpStream>)>;

async fn shake(stream: TcpStream, tls: &ServerTls) -> Shaken {
    // Looked at before rustls is let near it: a plain DNP3 master on the wrong port gets not even an alert.
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(0) => return Err((Refusal::new(RefusalKind::Closed, "without a word"), None)),
        Ok(_) if first[0] == TLS_HANDSHAKE => {}
        Ok(_) => {
            let detail = format!("first octet {:#04x}", first[0]);
            return Err((Refusal::new(RefusalKind::NotTls, detail), Some(stream)));
        }
        Err(error) => return Err((Refusal::from_io(&error), None)),
    }
    let stream = match TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((error, stream)) => return Err((Refusal::from_io(&error), Some(stream))),
    };
    match tls.admitted(stream.get_ref().1.peer_certificates()) {
        Some((identity, verified)) => Ok((Connection::tls(stream, verified), identity)),
        None => Err((Refusal::new(RefusalKind::NotAdmitted, ""), None)),
    }
}

/// Closes our direction and reads on for a moment: closing a socket with unread octets makes the system send a
/// reset, which can overtake the alert that tells the peer's engineer what is wrong.
async fn linger(mut stream: TcpStream) {
    let drain = async {
        stream.shutdown().await?;
        let mut scratch = [0; 1024];
        let mut left = LINGER_OCTETS_MAX;
        while left > 0 {
            match stream.read(&mut scratch).await? {
                0 => break,
                octets => left = left.saturating_sub(octets),
            }
        }
        io::Result::Ok(())
    };
    // The refusal is settled; how the farewell goes changes nothing.
    let _ = tokio::time::timeout(LINGER_TIME_MAX, drain).await;
}
