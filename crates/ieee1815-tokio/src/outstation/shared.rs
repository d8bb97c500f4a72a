//! What all tasks of a driver share: the outstation, and for each session who has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use ieee1815::outstation::{Application, Outstation};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::peers::{Judged, Peers};
use super::{OutstationConfig, OutstationEvent, Route};
use crate::listener::TlsHandle;
use crate::tls::TlsError;

/// What the connections of a driver met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DriverCounters {
    /// Connections that got a session.
    pub connected: u64,
    /// Peers refused in the TLS handshake, or because their session is no more.
    pub refused: u64,
    /// Connections that a newer one of the same master took the session from.
    pub replaced: u64,
    /// Sound frames with link addresses of no session, before their connection or datagram had one.
    pub unknown_addresses: u64,
    /// Connections closed because they never showed an address of a session.
    pub unidentified: u64,
    /// Connections closed because the peer did not take what was written.
    pub write_timeouts: u64,
    /// Connections closed because they were silent, or did not answer to the request of their link status.
    pub idle_timeouts: u64,
    /// Connections closed because a reload no longer admits them.
    pub withdrawn: u64,
    /// Events that the reader of the events was too slow for.
    pub events_dropped: u64,
}

/// A session's place.
#[derive(Debug)]
pub(super) struct Slot {
    /// The number of the connection that has the session; 0: none.
    pub(super) holder: u64,
    /// Wakes its task.
    waker: Option<Waker>,
    /// What became ready while its task was not looking.
    pub(super) outbox: Vec<u8>,
    /// When the last octets came.
    pub(super) heard: Instant,
    /// It is to end.
    pub(super) over: Option<Over>,
}

#[derive(Debug)]
pub(super) struct State<A> {
    pub(super) outstation: Outstation,
    pub(super) application: A,
    pub(super) counters: DriverCounters,
    pub(super) slots: Vec<Slot>,
    /// Number of the last connection.
    last: u64,
    /// Counts reloads.
    pub(super) epoch: u64,
    /// Everything is to end.
    stopping: bool,
}

#[derive(Debug)]
pub(super) struct Shared<A> {
    state: Mutex<State<A>>,
    pub(super) peers: Mutex<Option<Arc<Peers>>>,
    /// The listeners that a reload has to reach.
    pub(super) listeners: Mutex<Vec<TlsHandle>>,
    pub(super) routes: Vec<Route>,
    pub(super) limits: crate::ListenerLimits,
    pub(super) write_timeout: Duration,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) origin: Instant,
    pub(super) pcap: Option<crate::PcapFile>,
    events: mpsc::Sender<OutstationEvent>,
    pub(super) kick: Notify,
    pub(super) stop: watch::Sender<bool>,
}

/// What a connection's task finds when its socket has nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Nothing,
    /// Octets to write were appended.
    Transmit,
    /// A reload: the peer has to be judged again.
    Judge(u64),
    Over(Over),
}

/// Why a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    Replaced,
    Stopped,
    Idle,
    Dead,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A poisoned lock means that an application panicked; the outstation itself is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    fn watch(&mut self, context: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl<A: Application> Shared<A> {
    pub(super) fn new(
        outstation: Outstation,
        application: A,
        config: OutstationConfig,
        events: mpsc::Sender<OutstationEvent>,
    ) -> Result<Self, TlsError> {
        let admit: Vec<_> = config.routes.iter().map(|route| route.admit.clone()).collect();
        let peers = config.tls.as_ref().map(|policy| Peers::new(policy, &admit, false)).transpose()?;
        let origin = Instant::now();
        let slot = |_: &Route| Slot { holder: 0, waker: None, outbox: Vec::new(), heard: origin, over: None };
        let state = State {
            outstation,
            application,
            counters: DriverCounters::default(),
            slots: config.routes.iter().map(slot).collect(),
            last: 0,
            epoch: 0,
            stopping: false,
        };
        Ok(Self {
            state: Mutex::new(state),
            peers: Mutex::new(peers.map(Arc::new)),
            listeners: Mutex::new(Vec::new()),
            routes: config.routes,
            limits: config.limits,
            write_timeout: config.write_timeout,
            idle_timeout: config.idle_timeout,
            pcap: config.pcap,
            origin,
            events,
            kick: Notify::new(),
            stop: watch::Sender::new(false),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<A>> {
        lock(&self.state)
    }

    pub(super) fn tell(&self, event: OutstationEvent) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            self.lock().counters.events_dropped += 1;
        }
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut DriverCounters)) {
        count(&mut self.lock().counters);
    }

    /// Something may have become ready to be sent.
    pub(super) fn kick(&self) {
        self.kick.notify_one();
    }

    /// True when nobody has the session.
    pub(super) fn is_free(&self, session: usize) -> bool {
        self.lock().slots.get(session).is_some_and(|slot| slot.holder == 0)
    }

    /// Gives a session to a new connection: its number.
    pub(super) fn bind(&self, session: usize) -> Option<u64> {
        let mut state = self.lock();
        let state = &mut *state;
        let slot = state.slots.get_mut(session)?;
        state.last += 1;
        if slot.holder != 0 {
            state.counters.replaced += 1;
        }
        state.counters.connected += 1;
        slot.holder = state.last;
        slot.outbox.clear();
        slot.heard = Instant::now();
        slot.over = None;
        slot.wake();
        state.outstation.connected(session, self.origin.elapsed());
        Some(state.last)
    }

    /// A connection has ended; false where a newer one has its session.
    pub(super) fn release(&self, session: usize, number: u64) -> bool {
        let mut state = self.lock();
        let Some(slot) = state.slots.get_mut(session).filter(|slot| slot.holder == number) else {
            return false;
        };
        slot.holder = 0;
        slot.waker = None;
        slot.outbox = Vec::new();
        state.outstation.disconnected(session, self.origin.elapsed());
        true
    }

    /// Takes octets of a session and appends the answers, of which each is one write that ends at an entry of
    /// `ends`.
    pub(super) fn receive(
        &self,
        session: usize,
        number: u64,
        octets: &[u8],
        out: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<(), Over> {
        let at = Instant::now();
        let now = at.saturating_duration_since(self.origin);
        let mut state = self.lock();
        let State { outstation, application, slots, .. } = &mut *state;
        let Some(slot) = slots.get_mut(session).filter(|slot| slot.holder == number) else {
            return Err(Over::Replaced);
        };
        slot.heard = at;
        if !slot.outbox.is_empty() {
            out.append(&mut slot.outbox);
            ends.push(out.len());
        }
        outstation.receive(session, octets, now, application);
        while outstation.poll_transmit(session, out) {
            ends.push(out.len());
        }
        Ok(())
    }

    /// As [`news`](Self::news), for a connection that is busy writing and takes nothing more to write.
    pub(super) fn news_while_writing(
        &self,
        session: usize,
        held: (u64, Judged),
        context: &Context<'_>,
    ) -> News {
        self.look(session, held, context, |_| false)
    }

    /// What there is for a connection whose socket has nothing; its task is woken when that changes.
    pub(super) fn news(
        &self,
        session: usize,
        held: (u64, Judged),
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> News {
        self.look(session, held, context, |slot| {
            out.append(&mut slot.outbox);
            !out.is_empty()
        })
    }

    fn look(
        &self,
        session: usize,
        (number, judged): (u64, Judged),
        context: &Context<'_>,
        transmit: impl FnOnce(&mut Slot) -> bool,
    ) -> News {
        let mut state = self.lock();
        let State { slots, epoch: current, stopping, .. } = &mut *state;
        let Some(slot) = slots.get_mut(session).filter(|slot| slot.holder == number) else {
            return News::Over(Over::Replaced);
        };
        if *stopping {
            return News::Over(Over::Stopped);
        }
        if let Some(over) = slot.over {
            return News::Over(over);
        }
        if matches!(judged, Judged::Not) || matches!(judged, Judged::After(epoch) if epoch != *current) {
            return News::Judge(*current);
        }
        if transmit(slot) {
            return News::Transmit;
        }
        slot.watch(context);
        News::Nothing
    }

    /// Stops everything: the tasks are told, they end by themselves.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
        let mut state = self.lock();
        state.stopping = true;
        state.slots.iter_mut().for_each(Slot::wake);
    }
}
