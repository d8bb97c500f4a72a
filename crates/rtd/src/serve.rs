//! The sockets of the masters: a task for each session, which knows octets and nothing else.
//!
//! A master is known by its certificate. Where one that is connected comes again, the newest session wins: the old
//! one's link may be long dead without anybody having been told.

use std::sync::Arc;
use std::time::Duration;

use ieee1815_tokio::{Accepted, Connection, Incoming, Listener, PresentedIdentity, Refusal};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::core::MasterIx;

/// Writes that may wait for a slow peer; one that lets more wait is dropped.
pub(crate) const WRITES_WAITING_MAX: usize = 64;
/// A peer that does not take a write within this time is given up.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// Octets read at once.
const READ_OCTETS_MAX: usize = 4096;

/// A session of a master; a number of its own tells it from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionId {
    pub(crate) master: MasterIx,
    number: u64,
}

/// What the sockets tell.
#[derive(Debug)]
pub(crate) enum SessionEvent {
    /// Came up. Dropping `writes` ends the session.
    Up { session: SessionId, peer: String, address: String, writes: mpsc::Sender<Vec<u8>> },
    /// Octets came.
    Octets { session: SessionId, octets: Vec<u8> },
    /// Went down.
    Down { session: SessionId, why: String },
    /// Was refused.
    Refused {
        peer: String,
        address: String,
        why: String,
        /// Refusals before this one that the machine had no room to hear of.
        unheard: u64,
    },
}

/// Accepts masters until it is dropped. `masters` holds, for each entry of the listener's admitted list, the master.
pub(crate) async fn serve(
    mut listener: Listener,
    masters: Vec<MasterIx>,
    events: mpsc::Sender<SessionEvent>,
) {
    let mut sessions = JoinSet::new();
    let mut number = 0;
    let mut unheard = 0;
    loop {
        let incoming = listener.accept().await;
        while sessions.try_join_next().is_some() {}
        match incoming {
            Incoming::Refused { peer, refusal } => {
                let said = refusal.presented.as_ref().map(who).unwrap_or_default();
                let (address, why) = (peer.to_string(), refusal.to_string());
                let refused = SessionEvent::Refused { peer: said, address, why, unheard };
                // A flood of refusals must not hold up the sessions: what does not fit is counted.
                unheard = if events.try_send(refused).is_ok() { 0 } else { unheard + 1 };
            }
            Incoming::Accepted(accepted) => {
                let Accepted { connection, peer, identity } = *accepted;
                let Some(identity) = identity else { continue };
                let Some(master) = masters.get(identity.index).copied() else { continue };
                number += 1;
                let session = SessionId { master, number };
                let (writes, waiting) = mpsc::channel(WRITES_WAITING_MAX);
                let up = SessionEvent::Up {
                    session,
                    peer: who(&identity.presented),
                    address: peer.to_string(),
                    writes,
                };
                if events.send(up).await.is_err() {
                    return;
                }
                sessions.spawn(carry(connection, session, waiting, events.clone()));
            }
        }
    }
}

/// Who a certificate says its holder is: its first name, or its subject.
fn who(presented: &PresentedIdentity) -> String {
    presented.names.first().cloned().unwrap_or_else(|| presented.subject.clone())
}

/// Carries octets both ways until either side ends.
async fn carry(
    mut connection: Connection,
    session: SessionId,
    mut writes: mpsc::Receiver<Vec<u8>>,
    events: mpsc::Sender<SessionEvent>,
) {
    let mut buffer = vec![0; READ_OCTETS_MAX];
    let why = loop {
        tokio::select! {
            write = writes.recv() => {
                let Some(octets) = write else { break Arc::from("ended here") };
                match tokio::time::timeout(WRITE_TIME_MAX, connection.write_fragment(&octets)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => break Arc::from(Refusal::from_io(&error).to_string()),
                    Err(_) => break Arc::from("the peer did not take what was written"),
                }
            }
            read = connection.read(&mut buffer) => match read {
                Ok(0) => break Arc::<str>::from("closed by the peer"),
                Ok(length) => {
                    let octets = buffer.get(..length).unwrap_or_default().to_vec();
                    if events.send(SessionEvent::Octets { session, octets }).await.is_err() {
                        break Arc::from("ended here");
                    }
                }
                Err(error) => break Arc::from(Refusal::from_io(&error).to_string()),
            },
        }
    };
    connection.close().await;
    // Where nobody listens any more the whole program is ending.
    let _ = events.send(SessionEvent::Down { session, why: why.to_string() }).await;
}
