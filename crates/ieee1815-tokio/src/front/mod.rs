//! A front end for a device that speaks DNP3 in the clear: mutual TLS outside, plain TCP or a serial line inside.
//!
//! It knows certificates and octets, not DNP3: what an admitted master sends reaches the device as it is. Each master
//! gets a connection of its own to the device, so that the device can tell them apart as it always did; a serial
//! line, of which there is one only, belongs to one master at a time. A stranger never causes an octet inside.

mod relay;
mod session;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::identity::{PeerIdentity, PresentedIdentity};
use crate::listener::{BindError, Incoming, Listener, ListenerLimits, TlsHandle};
use crate::pcap::PcapFile;
use crate::serial::SerialConfig;
use crate::tls::{ServerTls, TlsError, TlsPolicy};
use session::session;

/// Events in the channel to the reader.
const EVENTS: usize = 1024;

/// A master that may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontMaster {
    /// What people call it.
    pub name: Arc<str>,
    /// The certificates it may show.
    pub admit: Vec<PeerIdentity>,
}

/// Where the device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    /// It listens at this host and port.
    Tcp(String),
    /// It is on this line.
    Serial(SerialConfig),
}

/// Configuration of a front end.
#[derive(Debug, Clone)]
pub struct FrontConfig {
    /// Where masters come in.
    pub listen: SocketAddr,
    /// Where the device is.
    pub inside: Inside,
    /// Limits of the listener.
    pub limits: ListenerLimits,
    /// Time for the connection to the device. Default 5 s.
    pub connect_timeout: Duration,
    /// How long either side may leave what we have for it unread before the session is given up. Default 10 s.
    pub write_timeout: Duration,
    /// A session in which neither side says anything for so long is closed. Default: never.
    pub idle_timeout: Option<Duration>,
    /// Silence after which the system asks whether the other end of a TCP connection still lives. Default 60 s.
    pub keep_alive: Option<Duration>,
    /// What passes between the masters and the device is written there, decrypted. Default: nowhere.
    pub pcap: Option<PcapFile>,
}

impl FrontConfig {
    /// The defaults.
    #[must_use]
    pub fn new(listen: SocketAddr, inside: Inside) -> Self {
        Self {
            listen,
            inside,
            limits: ListenerLimits::default(),
            connect_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            idle_timeout: None,
            keep_alive: Some(Duration::from_secs(60)),
            pcap: None,
        }
    }
}

/// What a front end has to say. A reader that is too slow loses events, never a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrontEvent {
    /// A master is through to the device.
    Up {
        /// Which.
        master: Arc<str>,
        /// Where it comes from.
        peer: SocketAddr,
        /// What its certificate says, and over what.
        identity: String,
    },
    /// A master's session has ended.
    Down {
        /// Which.
        master: Arc<str>,
        /// Where it came from.
        peer: SocketAddr,
        /// Why, in words.
        why: String,
        /// Octets that went to the device.
        to_device: u64,
        /// Octets that came from it.
        from_device: u64,
    },
    /// Somebody did not get through: a stranger, or a master while the device was out of reach.
    Refused {
        /// Where it came from.
        peer: SocketAddr,
        /// Why, in words.
        why: String,
    },
}

/// Why a front end does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrontError {
    /// The TLS files cannot be used.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("{0}")]
    Bind(#[from] BindError),
}

/// Our TLS and who may come in, as they are in force together.
#[derive(Debug)]
struct Peers {
    tls: Arc<ServerTls>,
    /// For each entry of the admitted list, whose it is.
    names: Vec<Arc<str>>,
}

impl Peers {
    fn new(policy: &TlsPolicy, masters: &[FrontMaster]) -> Result<Self, TlsError> {
        let each = |master: &FrontMaster| {
            let name = Arc::clone(&master.name);
            master.admit.clone().into_iter().map(move |identity| (identity, Arc::clone(&name)))
        };
        let (admitted, names) = masters.iter().flat_map(each).unzip();
        Ok(Self { tls: Arc::new(policy.admitting(admitted).server()?), names })
    }

    fn master(&self, presented: &PresentedIdentity) -> Option<Arc<str>> {
        self.names.get(self.tls.admits(presented)?).cloned()
    }
}

/// A session of a master. Dropping `_hold` ends it.
#[derive(Debug)]
struct Held {
    number: u64,
    _hold: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    config: FrontConfig,
    peers: watch::Sender<Arc<Peers>>,
    /// By master: its newest session.
    sessions: Mutex<BTreeMap<Arc<str>, Held>>,
    events: mpsc::Sender<FrontEvent>,
    stop: watch::Sender<bool>,
}

impl Shared {
    fn sessions(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, Held>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: FrontEvent) {
        // Where the reader is too slow, or gone, the session goes on all the same.
        let _ = self.events.try_send(event);
    }
}

/// A running front end. When it is dropped, the front end stops.
#[derive(Debug)]
pub struct Front {
    shared: Arc<Shared>,
    address: SocketAddr,
    listener: TlsHandle,
}

impl Front {
    /// Starts to listen. The policy's own list of admitted peers is not looked at: the masters' lists apply.
    ///
    /// # Errors
    /// [`FrontError`], before anybody could come in.
    pub async fn start(
        config: FrontConfig,
        policy: &TlsPolicy,
        masters: &[FrontMaster],
    ) -> Result<(Self, mpsc::Receiver<FrontEvent>), FrontError> {
        let peers = Arc::new(Peers::new(policy, masters)?);
        let listener =
            Listener::bind_with(config.listen, Some(Arc::clone(&peers.tls)), config.limits).await?;
        let (events, reader) = mpsc::channel(EVENTS);
        let shared = Arc::new(Shared {
            config,
            peers: watch::Sender::new(peers),
            sessions: Mutex::default(),
            events,
            stop: watch::Sender::new(false),
        });
        let front =
            Self { shared: Arc::clone(&shared), address: listener.local_addr(), listener: listener.tls() };
        let stop = shared.stop.subscribe();
        tokio::spawn(serve(shared, listener, stop));
        Ok((front, reader))
    }

    /// The address that is listened on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Puts other TLS files and other masters in force. Sessions that they still admit are not touched; the others
    /// are closed at once.
    ///
    /// # Errors
    /// As [`TlsPolicy::server`]; then nothing has changed.
    pub fn reload(&self, policy: &TlsPolicy, masters: &[FrontMaster]) -> Result<(), TlsError> {
        let peers = Arc::new(Peers::new(policy, masters)?);
        self.listener.replace(Arc::clone(&peers.tls));
        self.shared.peers.send_replace(peers);
        Ok(())
    }

    /// Ends all sessions in order and gives the port back.
    pub async fn shutdown(self) {
        self.shared.stop.send_replace(true);
        self.shared.stop.closed().await;
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.stop.send_replace(true);
    }
}

async fn serve(shared: Arc<Shared>, mut listener: Listener, mut stop: watch::Receiver<bool>) {
    let mut sessions = JoinSet::new();
    let mut number = 0;
    loop {
        let incoming = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            incoming = listener.accept() => incoming,
        };
        while sessions.try_join_next().is_some() {}
        match incoming {
            Incoming::Refused { peer, refusal } => {
                shared.tell(FrontEvent::Refused { peer, why: refusal.to_string() });
            }
            Incoming::Accepted(accepted) => {
                number += 1;
                sessions.spawn(session(Arc::clone(&shared), *accepted, number));
            }
        }
    }
    drop(listener);
    // They hear of the end themselves.
    while sessions.join_next().await.is_some() {}
}
