//! What one peer does or leaves undone must not matter to another.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use ieee1815_tokio::{BindError, Incoming, Listener, ListenerLimits, RefusalKind, connect};
use support::{ANY_PORT, KeyKind, PATIENCE, Pair, next, pair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn limits(handshake_timeout: Duration, pending_max: usize) -> ListenerLimits {
    ListenerLimits { handshake_timeout, pending_max }
}

#[tokio::test]
async fn silent_clients_hold_nobody_up_and_time_out() {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    let tls = Some(Arc::new(rtd.server().unwrap()));
    let limits = limits(Duration::from_millis(1500), 16);
    let mut listener = Listener::bind_with(ANY_PORT, tls, limits).await.unwrap();
    let address = listener.local_addr();
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let tls = Arc::new(ems.client().unwrap());
    let client = tokio::spawn(connect(address, Some(tls), PATIENCE));
    let Incoming::Accepted(accepted) = next(&mut listener).await else { panic!("the honest one first") };
    assert_eq!(accepted.identity.unwrap().presented.names, ["ems.test"]);
    client.await.unwrap().unwrap();
    for _ in 0..2 {
        let Incoming::Refused { refusal, .. } = next(&mut listener).await else { panic!("let in") };
        assert_eq!(refusal.kind, RefusalKind::TimedOut);
    }
    for stream in [&mut silent, &mut slow] {
        // A reset is as good an end as a FIN here; octets would not be.
        assert_eq!(stream.read(&mut [0; 16]).await.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn flood_crowds_out_its_own_oldest() {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    let tls = Some(Arc::new(rtd.server().unwrap()));
    let mut listener = Listener::bind_with(ANY_PORT, tls, limits(PATIENCE, 4)).await.unwrap();
    let address = listener.local_addr();
    let mut flood = Vec::new();
    for _ in 0..4 {
        flood.push(TcpStream::connect(address).await.unwrap());
    }
    let first = flood[0].local_addr().unwrap();
    let tls = Arc::new(ems.client().unwrap());
    let client = tokio::spawn(connect(address, Some(tls), PATIENCE));
    let Incoming::Refused { peer, refusal } = next(&mut listener).await else { panic!("let in") };
    assert_eq!((peer, refusal.kind), (first, RefusalKind::CrowdedOut));
    assert!(matches!(next(&mut listener).await, Incoming::Accepted(_)));
    client.await.unwrap().unwrap();
}

#[tokio::test]
async fn port_in_use_is_said() {
    let first = Listener::bind(ANY_PORT, None).await.unwrap();
    let error = Listener::bind(first.local_addr(), None).await.unwrap_err();
    assert!(matches!(error, BindError::InUse(address) if address == first.local_addr()));
    assert_eq!(error.to_string(), format!("{}: the port is already in use", first.local_addr()));
}

#[tokio::test]
async fn plain_tcp_both_ways() {
    let mut listener = Listener::bind(ANY_PORT, None).await.unwrap();
    let address = listener.local_addr();
    let client = tokio::spawn(async move {
        let (mut connection, identity) = connect(address, None, PATIENCE).await.unwrap();
        assert_eq!(identity, None);
        connection.write_fragment(b"request").await.unwrap();
        let mut reply = Vec::new();
        connection.read_to_end(&mut reply).await.unwrap();
        reply
    });
    let Incoming::Accepted(mut accepted) = next(&mut listener).await else { panic!("refused") };
    assert_eq!(accepted.connection.protocol(), "TCP");
    let mut request = [0; 7];
    accepted.connection.read_exact(&mut request).await.unwrap();
    accepted.connection.write_fragment(b"reply").await.unwrap();
    accepted.connection.close().await;
    assert_eq!(client.await.unwrap(), b"reply");
}

#[tokio::test]
async fn replaced_policy_holds_for_the_next_connection_and_judges_the_old() {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    let mut listener = Listener::bind(ANY_PORT, Some(Arc::new(rtd.server().unwrap()))).await.unwrap();
    let address = listener.local_addr();
    let tls = Arc::new(ems.client().unwrap());
    let first = tokio::spawn(connect(address, Some(Arc::clone(&tls)), PATIENCE));
    let Incoming::Accepted(old) = next(&mut listener).await else { panic!("refused") };
    first.await.unwrap().unwrap();

    let mut stricter = rtd.clone();
    stricter.admitted = vec!["name:other.test".parse().unwrap()];
    let stricter = Arc::new(stricter.server().unwrap());
    listener.tls().replace(Arc::clone(&stricter));
    let second = tokio::spawn(connect(address, Some(tls), PATIENCE));
    let Incoming::Refused { refusal, .. } = next(&mut listener).await else { panic!("let in") };
    assert_eq!(refusal.kind, RefusalKind::NotAdmitted);
    assert_eq!(stricter.admits(&old.identity.unwrap().presented), None);
    let _ = second.await.unwrap();
}

#[tokio::test]
async fn nobody_listening_is_said() {
    let free = Listener::bind(ANY_PORT, None).await.unwrap();
    let address = free.local_addr();
    drop(free);
    let error = connect(address, None, PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
}
