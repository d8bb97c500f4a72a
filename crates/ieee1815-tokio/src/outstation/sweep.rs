//! Time, and what updates have made ready: the driver's own task looks after the sessions whose sockets are quiet.

use std::sync::Arc;
use std::time::Duration;

use ieee1815::outstation::Application;
use tokio::time::Instant;

use super::shared::{Over, Shared, State};

/// How often time-outs are looked at.
const TICK: Duration = Duration::from_millis(100);
/// Least time between two looks at what updates have made ready to be sent.
const KICK_PAUSE: Duration = Duration::from_millis(10);

/// Runs until the driver stops.
pub(super) async fn sweep<A: Application + Send>(shared: Arc<Shared<A>>) {
    let mut stop = shared.stop.subscribe();
    let mut pause = KICK_PAUSE;
    let sweeps = async {
        loop {
            // What comes in one go is looked at in one go.
            tokio::time::sleep(pause).await;
            let _ = tokio::time::timeout(TICK, shared.kick.notified()).await;
            let begin = Instant::now();
            shared.sweep();
            // However many sessions there are, looking after them takes a twentieth of a core at most.
            pause = KICK_PAUSE.max(begin.elapsed() * 20);
        }
    };
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => {}
        () = sweeps => {}
    }
}

impl<A: Application> Shared<A> {
    /// Lets time pass, and finds what has become ready to be sent.
    fn sweep(&self) {
        let at = Instant::now();
        let now = at.saturating_duration_since(self.origin);
        let mut state = self.lock();
        let State { outstation, application, slots, .. } = &mut *state;
        for (session, slot) in slots.iter_mut().enumerate() {
            if outstation.session_timeout(session).is_some_and(|timeout| timeout <= now) {
                outstation.handle_session_timeout(session, now, application);
            }
            if slot.holder == 0 {
                continue;
            }
            if slot.outbox.is_empty() && outstation.poll_transmit(session, &mut slot.outbox) {
                slot.wake();
            }
            if outstation.is_dead(session) {
                slot.over = Some(Over::Dead);
                slot.wake();
            }
            let silent = at.saturating_duration_since(slot.heard);
            if self.idle_timeout.is_some_and(|limit| silent >= limit) {
                slot.over = Some(Over::Idle);
                slot.wake();
            }
        }
    }
}
