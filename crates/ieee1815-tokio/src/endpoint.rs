//! Where a master finds its outstation, either way round: it dials, it waits to be dialled, or it shares a line.

use std::fmt;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{Notify, watch};

use crate::connect::{ConnectError, connect};
use crate::connection::Connection;
use crate::identity::Admitted;
use crate::listener::{BindError, Incoming, Listener, ListenerLimits, TlsHandle};
use crate::serial::SerialConfig;
use crate::tls::{ClientTls, ServerTls};

/// Where an outstation is found.
#[derive(Debug)]
pub enum Endpoint {
    /// We dial it.
    Dial {
        /// Host and port.
        address: String,
        /// Mutual TLS; `None` for plain TCP.
        tls: Option<Arc<ClientTls>>,
        /// Time for TCP and the handshake together.
        timeout: Duration,
    },
    /// It dials us.
    Arrivals(Arrivals),
    /// It is on a serial line.
    Serial(SerialConfig),
    /// It is reached by datagrams.
    Udp {
        /// Our address; port 0: any.
        local: SocketAddr,
        /// Its host and port.
        remote: String,
    },
}

impl Endpoint {
    /// Opens a connection; for arrivals, waits for one without limit. Cancellation-safe.
    ///
    /// # Errors
    /// [`ConnectError`] says why there is none.
    pub async fn open(&mut self) -> Result<(Connection, Option<Admitted>), ConnectError> {
        match self {
            Self::Dial { address, tls, timeout } => connect(address.as_str(), tls.clone(), *timeout).await,
            Self::Arrivals(arrivals) => Ok(arrivals.next().await),
            Self::Serial(config) => Ok((config.open().map_err(ConnectError::Serial)?, None)),
            Self::Udp { local, remote } => {
                let socket = UdpSocket::bind(*local).await.map_err(ConnectError::Udp)?;
                socket.connect(remote.as_str()).await.map_err(ConnectError::Udp)?;
                Ok((Connection::udp(socket), None))
            }
        }
    }

    /// Waits until the connection that was opened last is out of date, because its outstation has dialled again.
    pub async fn superseded(&self) {
        match self {
            Self::Arrivals(arrivals) => arrivals.waiting().await,
            _ => pending().await,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial { address, .. } => f.write_str(address),
            Self::Arrivals(arrivals) => write!(f, "whoever dials {}", arrivals.address),
            Self::Serial(config) => config.fmt(f),
            Self::Udp { remote, .. } => f.write_str(remote),
        }
    }
}

type Arrived = (Connection, Option<Admitted>);

#[derive(Debug, Default)]
struct Door {
    newest: Mutex<Option<Arrived>>,
    knock: Notify,
}

/// The connections that one outstation makes to us. Of several that wait, the newest is taken: the others may be long
/// dead.
#[derive(Debug)]
pub struct Arrivals {
    address: SocketAddr,
    door: Arc<Door>,
}

impl Arrivals {
    /// Listens for outstations until `shutdown` turns true or its sender is dropped: their arrivals, and the handle
    /// to replace the TLS set-up.
    ///
    /// `of` holds, for each entry of the admitted list, which outstation it is, from 0. Without TLS there is only one,
    /// since an outstation need not speak first.
    ///
    /// # Errors
    /// [`BindError`] says in particular when the port is in use.
    pub async fn listen(
        address: SocketAddr,
        tls: Option<Arc<ServerTls>>,
        of: Vec<usize>,
        limits: ListenerLimits,
        mut shutdown: watch::Receiver<bool>,
    ) -> Result<(Vec<Self>, TlsHandle), BindError> {
        let of = if tls.is_some() { of } else { vec![0] };
        let mut listener = Listener::bind_with(address, tls, limits).await?;
        let handle = listener.tls();
        let address = listener.local_addr();
        let count = of.iter().max().map_or(0, |most| most + 1);
        let doors: Vec<Arc<Door>> = (0..count).map(|_| Arc::default()).collect();
        let arrivals = doors.iter().map(|door| Self { address, door: Arc::clone(door) }).collect();
        tokio::spawn(async move {
            loop {
                let incoming = tokio::select! {
                    _ = shutdown.wait_for(|stop| *stop) => return,
                    incoming = listener.accept() => incoming,
                };
                match incoming {
                    Incoming::Accepted(accepted) => {
                        let index = accepted.identity.as_ref().map_or(0, |identity| identity.index);
                        if let Some(door) = of.get(index).and_then(|number| doors.get(*number)) {
                            door.enter((accepted.connection, accepted.identity));
                        }
                    }
                    Incoming::Refused { peer, refusal } => {
                        tracing::warn!(%peer, %refusal, "outstation refused");
                    }
                }
            }
        });
        Ok((arrivals, handle))
    }

    /// The address that is listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The newest connection, waited for without limit. Cancellation-safe.
    pub async fn next(&mut self) -> (Connection, Option<Admitted>) {
        loop {
            if let Some(arrived) = self.door.take() {
                return arrived;
            }
            self.door.knock.notified().await;
        }
    }

    /// Waits until there is a connection to take.
    pub async fn waiting(&self) {
        while !self.door.is_occupied() {
            self.door.knock.notified().await;
        }
    }
}

impl Door {
    fn enter(&self, arrived: Arrived) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrived);
        self.knock.notify_one();
    }

    fn take(&self) -> Option<Arrived> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_occupied(&self) -> bool {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}
