//! What a program holds of a running driver.

use std::net::SocketAddr;
use std::sync::Arc;

use ieee1815::outstation::{Application, Counters, Outstation};
use ieee1815::{Measured, PointType};
use tokio::sync::mpsc;

use super::datagrams::{self, UdpConfig};
use super::serve;
use super::shared::{DriverCounters, Shared};
use super::sweep::sweep;
use super::{OutstationConfig, OutstationEvent};
use crate::connect::DialConfig;
use crate::identity::PeerIdentity;
use crate::listener::{BindError, Listener};
use crate::serial::SerialConfig;
use crate::tls::{TlsError, TlsPolicy};

/// Updates, counters and connections of a running outstation. Cheap to clone; when the last one is dropped, the
/// driver stops.
#[derive(Debug)]
pub struct OutstationHandle<A: Application + Send + 'static> {
    running: Arc<Running<A>>,
}

impl<A: Application + Send + 'static> Clone for OutstationHandle<A> {
    fn clone(&self) -> Self {
        Self { running: Arc::clone(&self.running) }
    }
}

#[derive(Debug)]
struct Running<A: Application + Send + 'static> {
    shared: Arc<Shared<A>>,
}

impl<A: Application + Send + 'static> Drop for Running<A> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl<A: Application + Send + 'static> OutstationHandle<A> {
    pub(super) fn start(
        outstation: Outstation,
        application: A,
        config: OutstationConfig,
        events: mpsc::Sender<OutstationEvent>,
    ) -> Result<Self, TlsError> {
        let shared = Arc::new(Shared::new(outstation, application, config, events)?);
        tokio::spawn(sweep(Arc::clone(&shared)));
        Ok(Self { running: Arc::new(Running { shared }) })
    }

    fn shared(&self) -> &Arc<Shared<A>> {
        &self.running.shared
    }

    /// Takes a new value or new flags of a point.
    pub fn update(&self, point: PointType, index: u16, measured: Measured) {
        self.with(|outstation, _| outstation.update(point, index, measured));
    }

    /// Takes many at once, with one lock for all of them.
    pub fn update_all(&self, updates: impl IntoIterator<Item = (PointType, u16, Measured)>) {
        self.with(|outstation, _| {
            for (point, index, measured) in updates {
                outstation.update(point, index, measured);
            }
        });
    }

    /// Works on the outstation and the application while both are locked: no session is served meanwhile.
    pub fn with<T>(&self, work: impl FnOnce(&mut Outstation, &mut A) -> T) -> T {
        let result = {
            let mut state = self.shared().lock();
            let state = &mut *state;
            work(&mut state.outstation, &mut state.application)
        };
        self.shared().kick();
        result
    }

    /// What a session dropped or refused.
    #[must_use]
    pub fn counters(&self, session: usize) -> Counters {
        self.shared().lock().outstation.counters(session)
    }

    /// What the connections met.
    #[must_use]
    pub fn driver_counters(&self) -> DriverCounters {
        self.shared().lock().counters
    }

    /// True while a session has a connection.
    #[must_use]
    pub fn is_connected(&self, session: usize) -> bool {
        session < self.shared().routes.len() && !self.shared().is_free(session)
    }

    /// Listens on plain TCP: the address, with the port that was found when 0 was asked for. Masters are known by
    /// their link addresses.
    ///
    /// # Errors
    /// [`BindError`] says in particular when the port is in use.
    pub async fn listen(&self, address: SocketAddr) -> Result<SocketAddr, BindError> {
        let mut listener = Listener::bind_with(address, None, self.shared().limits).await?;
        self.capture(&mut listener);
        let bound = listener.local_addr();
        tokio::spawn(serve::listen(Arc::clone(self.shared()), listener));
        Ok(bound)
    }

    /// Listens on mutual TLS. Masters are known by their certificates.
    ///
    /// # Errors
    /// [`BindError`], also where the configuration has no TLS.
    pub async fn listen_tls(&self, address: SocketAddr) -> Result<SocketAddr, BindError> {
        let peers = self.shared().peers().ok_or(BindError::NoTls(address))?;
        let tls = Some(Arc::clone(&peers.server));
        let mut listener = Listener::bind_with(address, tls, self.shared().limits).await?;
        self.capture(&mut listener);
        let bound = listener.local_addr();
        self.shared().follow(listener.tls());
        tokio::spawn(serve::listen(Arc::clone(self.shared()), listener));
        Ok(bound)
    }

    /// From before the first octet, which tells whose a connection is.
    fn capture(&self, listener: &mut Listener) {
        if let Some(file) = &self.shared().pcap {
            listener.capture(file.clone());
        }
    }

    /// Dials the master of a session, again and again, until the driver stops.
    pub fn dial(&self, session: usize, config: DialConfig) {
        tokio::spawn(serve::dial(Arc::clone(self.shared()), session, config));
    }

    /// Takes datagrams on a UDP port: the address, with the port that was found when 0 was asked for.
    ///
    /// # Errors
    /// As the system reports.
    pub async fn listen_udp(&self, config: UdpConfig) -> Result<SocketAddr, BindError> {
        let (task, bound) = datagrams::listen(Arc::clone(self.shared()), config).await?;
        tokio::spawn(task);
        Ok(bound)
    }

    /// Serves a session's master on a serial line, which is opened again and again until the driver stops.
    pub fn serial(&self, session: usize, config: SerialConfig) {
        tokio::spawn(serve::serial(Arc::clone(self.shared()), session, config));
    }

    /// Puts other TLS files and other lists of peers in force: `admit` has one list for each session. Sessions whose
    /// peer they still admit are not touched; the others are closed at once.
    ///
    /// # Errors
    /// As [`TlsPolicy::server`]; then nothing has changed.
    pub fn reload(&self, policy: &TlsPolicy, admit: &[Vec<PeerIdentity>]) -> Result<(), TlsError> {
        self.shared().reload(policy, admit)
    }

    /// Ends everything: connections are closed in order, sockets are given back. Waits until it is done.
    pub async fn shutdown(&self) {
        self.shared().stop();
        // The tasks hold one each.
        self.shared().stop.closed().await;
    }
}
