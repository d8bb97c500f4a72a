//! The sockets of the masters: a task for each session, which knows octets and nothing else.
//!
//! A master is known by its certificate. Where one that is connected comes again, the newest session wins: the old
//! one's link may be long dead without anybody having been told.

use std::sync::Arc;
use std::time::Duration;

use ieee1815_tokio::{Accepted, Connection, Incoming, Listener, PresentedIdentity, Refusal, ServerTls};
use tokio::io::AsyncReadExt as _;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Writes that may wait for a slow peer; one that lets more wait is dropped.
pub(crate) const WRITES_WAITING_MAX: usize = 64;
/// A peer that does not take a write within this time is given up.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// Octets read at once.
const READ_OCTETS_MAX: usize = 4096;

/// After a reload a write that is under way has so long to end: then the peer is judged again.
const WRITE_TIME_LEFT: Duration = Duration::from_secs(3);

/// Who may connect, and whose each entry of the list is. A reload replaces it.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) tls: Arc<ServerTls>,
    /// Names of masters, by place in the list of the admitted.
    pub(crate) masters: Vec<Arc<str>>,
}

impl Admission {
    /// The master that a connection belongs to now.
    fn master(&self, connection: &Connection) -> Option<Arc<str>> {
        self.masters.get(connection.admitted_by(&self.tls)?).cloned()
    }
}

/// A session of a master, who keeps its name over a reload; a number of its own tells it from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionId {
    pub(crate) master: Arc<str>,
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

/// Accepts masters until it is dropped.
pub(crate) async fn serve(
    mut listener: Listener,
    admission: watch::Receiver<Arc<Admission>>,
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
                // Its handshake may have begun before a reload: what holds now decides.
                let mut admission = admission.clone();
                let current = Arc::clone(&admission.borrow_and_update());
                let Some(master) = current.master(&connection) else { continue };
                number += 1;
                let session = SessionId { master, number };
                let (writes, waiting) = mpsc::channel(WRITES_WAITING_MAX);
                let up = SessionEvent::Up {
                    session: session.clone(),
                    peer: who(&identity.presented),
                    address: peer.to_string(),
                    writes,
                };
                if events.send(up).await.is_err() {
                    return;
                }
                sessions.spawn(carry(connection, session, waiting, admission, events.clone()));
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
    mut admission: watch::Receiver<Arc<Admission>>,
    events: mpsc::Sender<SessionEvent>,
) {
    let mut buffer = vec![0; READ_OCTETS_MAX];
    let why = loop {
        tokio::select! {
            // First, so that nothing goes to a peer that is not admitted any more.
            biased;
            Ok(()) = admission.changed() => {
                let current = Arc::clone(&admission.borrow_and_update());
                if current.master(&connection).as_ref() != Some(&session.master) {
                    break Arc::from("not admitted any more since a reload");
                }
            }
            write = writes.recv() => {
                let Some(octets) = write else { break Arc::from("ended here") };
                match write_within(&mut connection, &octets, &admission).await {
                    Some(Ok(())) => {}
                    Some(Err(error)) => break Arc::from(Refusal::from_io(&error).to_string()),
                    None => break Arc::from("the peer did not take what was written"),
                }
            }
            read = connection.read(&mut buffer) => match read {
                Ok(0) => break Arc::<str>::from("closed by the peer"),
                Ok(length) => {
                    let octets = buffer.get(..length).unwrap_or_default().to_vec();
                    let session = session.clone();
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

/// Writes within the time that a write has; less where a reload comes meanwhile. `None`: it took too long.
async fn write_within(
    connection: &mut Connection,
    octets: &[u8],
    admission: &watch::Receiver<Arc<Admission>>,
) -> Option<std::io::Result<()>> {
    // A look of its own: what it sees the session's turn sees, too, and judges.
    let mut look = admission.clone();
    let mut write = std::pin::pin!(tokio::time::timeout(WRITE_TIME_MAX, connection.write_fragment(octets)));
    tokio::select! {
        biased;
        written = &mut write => return written.ok(),
        Ok(()) = look.changed() => {}
    }
    tokio::time::timeout(WRITE_TIME_LEFT, write).await.ok()?.ok()
}
