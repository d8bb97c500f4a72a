//! Our TLS and the lists of peers, as they are in force together, and what replaces them.

use std::sync::Arc;

use ieee1815::outstation::Application;

use super::shared::{Shared, Slot, lock};
use crate::identity::{PeerIdentity, PresentedIdentity};
use crate::listener::TlsHandle;
use crate::tls::{ClientTls, ServerTls, TlsError, TlsPolicy};

/// One state of them.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    policy: TlsPolicy,
    pub(super) server: Arc<ServerTls>,
    /// Where a master is dialled.
    pub(super) client: Option<Arc<ClientTls>>,
    /// For each entry of the admitted list, the session.
    sessions: Arc<[usize]>,
}

impl Peers {
    pub(super) fn new(
        policy: &TlsPolicy,
        admit: &[Vec<PeerIdentity>],
        dials: bool,
    ) -> Result<Self, TlsError> {
        let each = |(session, list): (usize, &Vec<PeerIdentity>)| {
            list.clone().into_iter().map(move |identity| (identity, session))
        };
        let (admitted, sessions): (Vec<_>, Vec<_>) = admit.iter().enumerate().flat_map(each).unzip();
        let policy = policy.admitting(admitted);
        let server = Arc::new(policy.server()?);
        let client = dials.then(|| policy.client()).transpose()?.map(Arc::new);
        Ok(Self { policy, server, client, sessions: sessions.into() })
    }

    /// The session of an entry of the admitted list.
    pub(super) fn session(&self, index: usize) -> Option<usize> {
        self.sessions.get(index).copied()
    }

    /// The session of a certificate.
    pub(super) fn session_of(&self, presented: &PresentedIdentity) -> Option<usize> {
        self.session(self.server.admits(presented)?)
    }
}

/// By which lists a peer was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// By none: there is no certificate.
    NotAtAll,
    /// Not by the ones in force: a reload may have come during its handshake.
    Not,
    /// By those of this reload.
    After(u64),
}

impl<A: Application> Shared<A> {
    /// What is in force; `None` without TLS.
    pub(super) fn peers(&self) -> Option<Arc<Peers>> {
        lock(&self.peers).clone()
    }

    /// The connecting end, made when a master is first dialled: a certificate for listening only is fine until then.
    pub(super) fn client(&self) -> Option<Result<Arc<ClientTls>, TlsError>> {
        let mut current = lock(&self.peers);
        let peers = Arc::clone(current.as_ref()?);
        if let Some(client) = &peers.client {
            return Some(Ok(Arc::clone(client)));
        }
        Some(peers.policy.client().map(|client| {
            let client = Arc::new(client);
            *current = Some(Arc::new(Peers { client: Some(Arc::clone(&client)), ..(*peers).clone() }));
            client
        }))
    }

    /// Puts others in force; every connection judges its own peer again.
    pub(super) fn reload(&self, policy: &TlsPolicy, admit: &[Vec<PeerIdentity>]) -> Result<(), TlsError> {
        let dials = self.peers().is_some_and(|peers| peers.client.is_some());
        let peers = Arc::new(Peers::new(policy, admit, dials)?);
        let mut current = lock(&self.peers);
        lock(&self.listeners).iter().for_each(|listener| listener.replace(Arc::clone(&peers.server)));
        *current = Some(peers);
        drop(current);
        let mut state = self.lock();
        state.epoch += 1;
        state.slots.iter_mut().for_each(Slot::wake);
        Ok(())
    }

    /// Has a listener follow reloads.
    pub(super) fn follow(&self, listener: TlsHandle) {
        let current = lock(&self.peers);
        if let Some(peers) = current.as_ref() {
            listener.replace(Arc::clone(&peers.server));
        }
        lock(&self.listeners).push(listener);
    }
}
