//! One master's session: its handshake is done; it gets the device to itself until either of them leaves.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::relay::{Relay, Why};
use super::{FrontConfig, FrontEvent, Held, Inside, Shared};
use crate::connect::{ConnectError, connect};
use crate::connection::Connection;
use crate::listener::Accepted;

/// One master's session, from its handshake to its end.
pub(super) async fn session(shared: Arc<Shared>, accepted: Accepted, number: u64) {
    let mut peers = shared.peers.subscribe();
    let mut stop = shared.stop.subscribe();
    let Accepted { connection: mut outside, peer, identity } = accepted;
    let current = Arc::clone(&peers.borrow_and_update());
    let found = identity.and_then(|identity| {
        current.master(&identity.presented).map(|master| (master, identity.presented.to_string()))
    });
    let Some((master, identity)) = found else {
        shared.tell(FrontEvent::Refused { peer, why: "not on the list of admitted peers".to_owned() });
        outside.close().await;
        return;
    };
    let (hold, mut replaced) = oneshot::channel();
    if let Err(why) = take(&shared, &master, Held { number, _hold: hold }) {
        shared.tell(FrontEvent::Refused { peer, why });
        outside.close().await;
        return;
    }
    let inside = tokio::select! {
        inside = open(&shared.config) => inside.map_err(|error| format!("the device is out of reach: {error}")),
        _ = &mut replaced => Err(Why::Replaced.to_string()),
        _ = stop.wait_for(|stop| *stop) => Err(Why::Stopped.to_string()),
    };
    let mut inside = match inside {
        Ok(inside) => inside,
        Err(why) => {
            shared.tell(FrontEvent::Refused { peer, why: format!("{master}: {why}") });
            leave(&shared, &master, number);
            outside.close().await;
            return;
        }
    };
    if let Some(file) = &shared.config.pcap {
        outside.capture(file, false);
    }
    outside.keep_alive(shared.config.keep_alive);
    inside.keep_alive(shared.config.keep_alive);
    let identity = format!("{identity} over {}", outside.protocol());
    shared.tell(FrontEvent::Up { master: Arc::clone(&master), peer, identity });
    let mut relay = Relay::new(&mut outside, &mut inside, &shared.config);
    let why = loop {
        tokio::select! {
            why = relay.run() => break why,
            _ = &mut replaced => break Why::Replaced,
            _ = stop.wait_for(|stop| *stop) => break Why::Stopped,
            Ok(()) = peers.changed() => {
                let current = Arc::clone(&peers.borrow_and_update());
                let index = relay.outside().judge_client(&current.tls);
                if index.and_then(|index| current.names.get(index)) != Some(&master) {
                    break Why::Withdrawn;
                }
            }
        }
    };
    let (to_device, from_device) = relay.octets();
    leave(&shared, &master, number);
    // A device that takes one connection only must be free before the event tells that it is.
    inside.close().await;
    shared.tell(FrontEvent::Down { master, peer, why: why.to_string(), to_device, from_device });
    outside.close().await;
}

/// Makes a session its master's; the one before ends. A serial line that another master has is refused.
fn take(shared: &Shared, master: &Arc<str>, held: Held) -> Result<(), String> {
    let mut sessions = shared.sessions();
    if let Inside::Serial(line) = &shared.config.inside
        && let Some(other) = sessions.keys().find(|other| *other != master)
    {
        return Err(format!("{master}: {line} is in use by {other}"));
    }
    sessions.insert(Arc::clone(master), held);
    Ok(())
}

fn leave(shared: &Shared, master: &Arc<str>, number: u64) {
    let mut sessions = shared.sessions();
    if sessions.get(master).is_some_and(|held| held.number == number) {
        sessions.remove(master);
    }
}

async fn open(config: &FrontConfig) -> Result<Connection, ConnectError> {
    match &config.inside {
        Inside::Tcp(address) => {
            connect(address.as_str(), None, config.connect_timeout).await.map(|(connection, _)| connection)
        }
        Inside::Serial(line) => line.open().map_err(ConnectError::Serial),
    }
}
