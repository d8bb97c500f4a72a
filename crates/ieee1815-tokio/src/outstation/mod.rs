//! A whole outstation on tasks: listens and dials, carries octets and time, knows which master is which.
//!
//! One [`Outstation`] with its [`Application`] sits behind a mutex. A connection is a task that locks it for as long
//! as a read takes to be answered, and owns next to nothing: octets are read into and written from buffers of the
//! thread, since thousands of sessions that each keep their own would cost more than the protocol does. Only what a
//! slow peer leaves unwritten is kept by its task, and not for long.
//!
//! Which session a connection belongs to: where there is TLS, the certificate says it. Without TLS it is the first
//! sound frame that names the link addresses of a session; octets of anybody else are never answered. A newcomer for
//! a session that is taken wins, once it has proved who it is: the link of the one before may be long dead without
//! anybody having been told.

mod carry;
mod datagrams;
mod handle;
mod peers;
mod route;
mod serve;
mod shared;
mod sweep;

use std::net::SocketAddr;
use std::time::Duration;

use ieee1815::outstation::{Application, Outstation};
use tokio::sync::mpsc;

use crate::identity::PeerIdentity;
use crate::listener::ListenerLimits;
use crate::pcap::PcapFile;
use crate::tls::{TlsError, TlsPolicy};

pub use datagrams::UdpConfig;
pub use handle::OutstationHandle;
pub(crate) use route::{Head, head};
pub use shared::DriverCounters;

/// Events in the channel to the reader.
const EVENTS: usize = 1024;

/// Whose session is whose: one for each session of the [`Outstation`], in the same order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Our link address.
    pub address: u16,
    /// The master's link address.
    pub master_address: u16,
    /// The certificates that the master may show, where there is TLS.
    pub admit: Vec<PeerIdentity>,
}

impl Route {
    /// A master known by the link addresses alone.
    #[must_use]
    pub const fn new(address: u16, master_address: u16) -> Self {
        Self { address, master_address, admit: Vec::new() }
    }

    /// A master known by its certificate.
    #[must_use]
    pub fn admit(mut self, identity: PeerIdentity) -> Self {
        self.admit.push(identity);
        self
    }
}

/// Configuration of a driver.
#[derive(Debug, Clone)]
pub struct OutstationConfig {
    /// For each session of the outstation, who it belongs to.
    pub routes: Vec<Route>,
    /// Our end of mutual TLS. Its list of admitted peers is not looked at: the routes' lists apply.
    pub tls: Option<TlsPolicy>,
    /// Limits of the listeners. Without TLS they hold for connections that have not shown yet whose they are.
    pub limits: ListenerLimits,
    /// How long a peer may leave our octets in its socket before it is given up. Default 5 s.
    pub write_timeout: Duration,
    /// A connection that was silent for so long is closed. Default: never.
    pub idle_timeout: Option<Duration>,
    /// What the sessions exchange is written there, decrypted. Default: nowhere.
    pub pcap: Option<PcapFile>,
}

impl OutstationConfig {
    /// The defaults, for these sessions.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self {
            routes,
            tls: None,
            limits: ListenerLimits::default(),
            write_timeout: Duration::from_secs(5),
            idle_timeout: None,
            pcap: None,
        }
    }
}

/// What a driver has to say. A reader that is too slow loses events, never a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutstationEvent {
    /// A session's connection is up.
    Up {
        /// Which session.
        session: usize,
        /// Who was met: what its certificate says, or its address where there is no TLS; and over what.
        peer: String,
    },
    /// A session's connection is down. One that was replaced by a newer one is not told: its `Up` is.
    Down {
        /// Which session.
        session: usize,
        /// Why, in words.
        why: String,
    },
    /// Somebody was refused, or showed no address of ours.
    Refused {
        /// Where it came from.
        peer: SocketAddr,
        /// Why, in words.
        why: String,
    },
}

/// Runs an outstation: one [`Outstation`] with its [`Application`] behind a mutex, a task for each connection.
///
/// Which session a connection belongs to: where there is TLS, the certificate says it. Without TLS it is the first
/// sound frame that names the link addresses of a session; octets of anybody else are never answered. (With a single
/// session that nobody has, a plain connection gets it at once, so that the outstation may speak first.) A newcomer
/// for a session that is taken wins, once it has shown who it is; select and control state are cleared, events kept.
#[derive(Debug)]
pub struct OutstationDriver;

impl OutstationDriver {
    /// Starts without a connection: the handle opens them. Everything ends with [`OutstationHandle::shutdown`], or
    /// when the last handle is dropped.
    ///
    /// Call it, and what the handle offers to open connections, within a runtime of tokio.
    ///
    /// The application is called with the outstation locked: it must be quick, and must not use a handle.
    ///
    /// # Errors
    /// As [`TlsPolicy::server`] says, where there is TLS.
    pub fn start<A: Application + Send + 'static>(
        outstation: Outstation,
        application: A,
        config: OutstationConfig,
    ) -> Result<(OutstationHandle<A>, mpsc::Receiver<OutstationEvent>), TlsError> {
        let (sender, events) = mpsc::channel(EVENTS);
        let handle = OutstationHandle::start(outstation, application, config, sender)?;
        Ok((handle, events))
    }
}
