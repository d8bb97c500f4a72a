//! Where connections come from, and which session each one is.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use ieee1815::outstation::Application;
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use super::OutstationEvent;
use super::carry::Carrier;
use super::route::{self, FRAME_OCTETS_MAX, Head};
use super::shared::Shared;
use crate::connect::{Backoff, BackoffConfig, DialConfig, connect};
use crate::connection::Connection;
use crate::identity::{Admitted, PresentedIdentity};
use crate::listener::{Accepted, Incoming, Listener};
use crate::serial::SerialConfig;
use crate::tls::{Refusal, RefusalKind};

/// Octets that a stranger's connection is read by.
const LOOK_OCTETS: usize = 2 * FRAME_OCTETS_MAX;

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone cannot say stop any more: that is one, too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Accepts until the driver stops.
pub(super) async fn listen<A: Application + Send + 'static>(shared: Arc<Shared<A>>, mut listener: Listener) {
    let mut stop = shared.stop.subscribe();
    let mut strangers = Strangers::default();
    loop {
        let incoming = tokio::select! {
            () = stopped(&mut stop) => return,
            incoming = listener.accept() => incoming,
        };
        match incoming {
            Incoming::Refused { peer, refusal } => refused(&shared, peer, &refusal),
            Incoming::Accepted(accepted) => {
                let Accepted { connection, peer, identity } = *accepted;
                match identity {
                    Some(identity) => {
                        match shared.peers().and_then(|peers| peers.session_of(&identity.presented)) {
                            Some(session) => {
                                carry(&shared, connection, session, &who(&identity.presented), Vec::new());
                            }
                            // It was taken off the list between its handshake and now.
                            None => refused(&shared, peer, &Refusal::new(RefusalKind::NotAdmitted, "")),
                        }
                    }
                    None if shared.routes.len() == 1 && shared.is_free(0) => {
                        carry(&shared, connection, 0, &peer.to_string(), Vec::new());
                    }
                    None => strangers.take_in(&shared, connection, peer),
                }
            }
        }
    }
}

fn refused<A: Application + Send>(shared: &Shared<A>, peer: SocketAddr, refusal: &Refusal) {
    shared.count(|counters| counters.refused += 1);
    shared.tell(OutstationEvent::Refused { peer, why: refusal.to_string() });
}

fn who(presented: &PresentedIdentity) -> String {
    presented.to_string()
}

/// Gives a session to a connection and starts to carry.
fn carry<A: Application + Send + 'static>(
    shared: &Arc<Shared<A>>,
    connection: Connection,
    session: usize,
    who: &str,
    heard: Vec<u8>,
) {
    if let Some(carrier) = begin(shared, connection, session, who) {
        tokio::spawn(carrier.run(heard));
    }
}

fn begin<A: Application + Send + 'static>(
    shared: &Arc<Shared<A>>,
    mut connection: Connection,
    session: usize,
    who: &str,
) -> Option<Carrier<A>> {
    let bound = shared.bind(session)?;
    if let Some(file) = shared.pcap.as_ref().filter(|_| !connection.is_captured()) {
        // What a listener did not take in was dialled, or is a line.
        let dialled = !connection.is_serial();
        connection.capture(file, dialled);
    }
    shared.tell(OutstationEvent::Up { session, peer: format!("{who} over {}", connection.protocol()) });
    Some(Carrier::new(Arc::clone(shared), connection, session, bound))
}

/// Connections that have not shown yet whose they are.
#[derive(Default)]
struct Strangers {
    tasks: JoinSet<()>,
    /// Oldest first.
    order: VecDeque<AbortHandle>,
}

impl Strangers {
    fn take_in<A: Application + Send + 'static>(
        &mut self,
        shared: &Arc<Shared<A>>,
        connection: Connection,
        peer: SocketAddr,
    ) {
        while self.tasks.try_join_next().is_some() {}
        self.order.retain(|task| !task.is_finished());
        while self.order.len() >= shared.limits.pending_max.max(1) {
            if let Some(oldest) = self.order.pop_front() {
                oldest.abort();
                shared.count(|counters| counters.unidentified += 1);
            }
        }
        self.order.push_back(self.tasks.spawn(identify(Arc::clone(shared), connection, peer)));
    }
}

/// Waits for the first sound frame that names a session.
async fn identify<A: Application + Send + 'static>(
    shared: Arc<Shared<A>>,
    mut connection: Connection,
    peer: SocketAddr,
) {
    match tokio::time::timeout(shared.limits.handshake_timeout, look(&shared, &mut connection)).await {
        Ok(Some((session, heard))) => carry(&shared, connection, session, &peer.to_string(), heard),
        // It left by itself.
        Ok(None) => {}
        Err(_) => {
            shared.count(|counters| counters.unidentified += 1);
            let why = "it showed no link address of ours".to_owned();
            shared.tell(OutstationEvent::Refused { peer, why });
        }
    }
}

async fn look<A: Application + Send>(
    shared: &Shared<A>,
    connection: &mut Connection,
) -> Option<(usize, Vec<u8>)> {
    let mut heard = Vec::with_capacity(LOOK_OCTETS);
    loop {
        // There is always room: a frame that is waited for is shorter than half of it.
        if connection.read_buf(&mut heard).await.ok()? == 0 {
            return None;
        }
        loop {
            match route::head(&heard) {
                Head::Wait => break,
                Head::Skip(count) => drop(heard.drain(..count)),
                Head::Frame { length, from_master, destination, source } => {
                    match route::session(&shared.routes, destination, source).filter(|_| from_master) {
                        Some(session) => return Some((session, heard)),
                        None => {
                            shared.count(|counters| counters.unknown_addresses += 1);
                            drop(heard.drain(..length));
                        }
                    }
                }
            }
            if heard.is_empty() {
                break;
            }
        }
    }
}

/// Dials until the driver stops.
pub(super) async fn dial<A: Application + Send + 'static>(
    shared: Arc<Shared<A>>,
    session: usize,
    config: DialConfig,
) {
    let mut stop = shared.stop.subscribe();
    let mut backoff = Backoff::new(config.delay);
    loop {
        let attempt = async {
            let tls = match config.tls.then(|| shared.client()) {
                None => None,
                Some(None) => return Err("no TLS is configured".to_owned()),
                Some(Some(client)) => Some(client.map_err(|error| format!("TLS: {error}"))?),
            };
            connect(config.address.as_str(), tls, config.timeout).await.map_err(|error| error.to_string())
        };
        let result = tokio::select! {
            () = stopped(&mut stop) => return,
            result = attempt => result,
        };
        let refusal = match result {
            Ok((connection, identity)) => match whose(&shared, session, &config, identity.as_ref()) {
                Some(who) => {
                    if let Some(carrier) = begin(&shared, connection, session, &who) {
                        backoff.reset();
                        carrier.run(Vec::new()).await;
                    }
                    None
                }
                None => Some(format!("{}: it is not the master of this session", config.address)),
            },
            Err(error) => Some(format!("{}: {error}", config.address)),
        };
        if let Some(why) = refusal {
            shared.tell(OutstationEvent::Down { session, why });
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

/// Who was met, where it is the master of `session`.
fn whose<A: Application + Send>(
    shared: &Shared<A>,
    session: usize,
    config: &DialConfig,
    identity: Option<&Admitted>,
) -> Option<String> {
    let Some(identity) = identity else { return Some(config.address.clone()) };
    let peers = shared.peers()?;
    (peers.session_of(&identity.presented) == Some(session)).then(|| who(&identity.presented))
}

/// Serves a serial line until the driver stops.
pub(super) async fn serial<A: Application + Send + 'static>(
    shared: Arc<Shared<A>>,
    session: usize,
    config: SerialConfig,
) {
    let mut stop = shared.stop.subscribe();
    let mut backoff = Backoff::new(BackoffConfig::default());
    loop {
        match config.open() {
            Ok(connection) => {
                if let Some(carrier) = begin(&shared, connection, session, &config.to_string()) {
                    backoff.reset();
                    carrier.run(Vec::new()).await;
                }
            }
            Err(error) => shared.tell(OutstationEvent::Down { session, why: format!("{config}: {error}") }),
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}
