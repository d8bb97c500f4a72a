//! A whole outstation over sockets: which session a connection gets, and what ends it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ieee1815::outstation::UnsolicitedConfig;
use ieee1815::{Classes, PointType};
use ieee1815_tokio::{
    Connection, DialConfig, Listener, OutstationConfig, OutstationEvent, Route, TlsPolicy, connect,
};
use support::station::{STATION, down, measured, routes, start, start_with, until, up};
use support::wire::{INTEGRITY, Wire, frame};
use support::{ANY_PORT, KeyKind, Leaf, PATIENCE, Pair, Pki, next, pair, policy};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// A silence that is long enough to be one.
const SILENCE: Duration = Duration::from_millis(200);

async fn plain(address: SocketAddr) -> Wire<TcpStream> {
    Wire::new(TcpStream::connect(address).await.unwrap())
}

async fn secure(address: SocketAddr, policy: &TlsPolicy) -> Wire<Connection> {
    let tls = Arc::new(policy.client().unwrap());
    Wire::new(connect(address, Some(tls), PATIENCE).await.unwrap().0)
}

#[tokio::test]
async fn masters_on_one_plain_port_are_told_apart_by_link_address() {
    let (driver, mut events) = start(3, routes(&[1, 2]));
    let address = driver.listen(ANY_PORT).await.unwrap();
    let (mut first, mut second) = (plain(address).await, plain(address).await);
    // Noise and other people's frames before the first of its own change nothing.
    second.send(&[0x05, 0x05, 0x64, 0xFF]).await;
    second.send(&frame(STATION, 3, &INTEGRITY)).await;
    second.send(&frame(STATION + 1, 2, &INTEGRITY)).await;
    driver.update(PointType::AnalogInput, 1, measured(7.0));
    let of_second = second.integrity(STATION, 2).await;
    let of_first = first.integrity(STATION, 1).await;
    assert_eq!(of_first, of_second);
    assert_eq!(driver.driver_counters().unknown_addresses, 2);
    up(&mut events, 1).await;
    up(&mut events, 0).await;
    // Once it has a session, another one's address is not answered either.
    first.send(&frame(STATION, 2, &INTEGRITY)).await;
    assert!(first.is_silent(SILENCE).await);
    assert_eq!(driver.counters(0).channel.other_source, 1);
}

#[tokio::test]
async fn a_stranger_at_a_single_masters_port_takes_nothing_away() {
    let (driver, mut events) = start(1, routes(&[1]));
    let address = driver.listen(ANY_PORT).await.unwrap();
    let mut master = plain(address).await;
    up(&mut events, 0).await;
    let mut stranger = plain(address).await;
    stranger.send(&frame(STATION, 7, &INTEGRITY)).await;
    assert!(stranger.is_silent(SILENCE).await);
    master.integrity(STATION, 1).await;
    // The master itself, come again, gets its session: the old connection may be dead.
    let mut again = plain(address).await;
    again.integrity(STATION, 1).await;
    assert!(master.fragment().await.is_none());
    assert_eq!(driver.driver_counters().replaced, 1);
}

#[tokio::test]
async fn events_wait_for_a_master_that_is_away() {
    let (driver, mut events) = start(1, routes(&[1]));
    let address = driver.listen(ANY_PORT).await.unwrap();
    let mut master = plain(address).await;
    master.integrity(STATION, 1).await;
    drop(master);
    down(&mut events, 0).await;
    driver
        .update_all([(PointType::AnalogInput, 0, measured(1.0)), (PointType::AnalogInput, 0, measured(2.0))]);
    let mut master = plain(address).await;
    let objects = master.integrity(STATION, 1).await;
    // Group 32 is there, before group 30.
    assert_eq!(objects[0], 32, "{objects:?}");
    // It has confirmed them: they do not come again.
    assert_eq!(master.integrity(STATION, 1).await[0], 30);
    assert_eq!(driver.with(|outstation, _| outstation.events_waiting(0)), 0);
}

#[tokio::test]
async fn silent_connections_crowd_out_themselves() {
    let (driver, _events) = start(1, routes(&[1, 2]));
    let address = driver.listen(ANY_PORT).await.unwrap();
    let mut first = plain(address).await;
    first.integrity(STATION, 1).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(plain(address).await);
    }
    plain(address).await.integrity(STATION, 2).await;
    // At most 64 wait to be known, the newest ones.
    assert!(silent[0].fragment().await.is_none());
    assert!(driver.driver_counters().unidentified >= 36);
    first.integrity(STATION, 1).await;
}

/// An outstation's policy and two masters' with names of their own.
fn two_masters() -> (Pki, TlsPolicy, [TlsPolicy; 2]) {
    let pki = Pki::new();
    let ca = pki.ca("ca", KeyKind::P256);
    let station = policy(&pki.leaf(&ca, &Leaf::new("rtd.test")), &ca, &[]);
    let masters = ["one.test", "two.test"]
        .map(|name| policy(&pki.leaf(&ca, &Leaf::new(name)), &ca, &["name:rtd.test"]));
    (pki, station, masters)
}

fn tls_routes(station: TlsPolicy) -> OutstationConfig {
    let route = |master, name: &str| Route::new(STATION, master).admit(name.parse().unwrap());
    let routes = vec![route(1, "name:one.test"), route(2, "name:two.test")];
    OutstationConfig { tls: Some(station), ..OutstationConfig::new(routes) }
}

#[tokio::test]
async fn masters_over_tls_are_told_apart_by_certificate() {
    let (_pki, station, [one, two]) = two_masters();
    let (driver, mut events) = start(1, tls_routes(station));
    let address = driver.listen_tls(ANY_PORT).await.unwrap();
    let mut second = secure(address, &two).await;
    up(&mut events, 1).await;
    second.integrity(STATION, 2).await;
    // Its certificate makes it master 2, whatever it says on the link.
    second.send(&frame(STATION, 1, &INTEGRITY)).await;
    assert!(second.is_silent(SILENCE).await);
    let mut first = secure(address, &one).await;
    first.integrity(STATION, 1).await;
    // The newest wins, and only its own session.
    let mut newer = secure(address, &two).await;
    newer.integrity(STATION, 2).await;
    assert!(second.fragment().await.is_none());
    first.integrity(STATION, 1).await;
}

#[tokio::test]
async fn a_select_does_not_outlive_its_connection() {
    const SELECT: [u8; 10] = [0xC1, 3, 41, 2, 0x17, 1, 0, 7, 0, 0];
    const OPERATE: [u8; 10] = [0xC2, 4, 41, 2, 0x17, 1, 0, 7, 0, 0];
    let (driver, _events) = start(1, routes(&[1]));
    let address = driver.listen(ANY_PORT).await.unwrap();
    let mut old = plain(address).await;
    old.send(&frame(STATION, 1, &SELECT)).await;
    assert_eq!(old.fragment().await.unwrap().1.last(), Some(&0));
    let mut new = plain(address).await;
    new.send(&frame(STATION, 1, &OPERATE)).await;
    assert_eq!(new.fragment().await.unwrap().1.last(), Some(&2), "no select");
    assert_eq!(driver.with(|_, yes| yes.operated), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_never_reads_is_given_up() {
    let (_pki, station, [one, two]) = two_masters();
    let config = OutstationConfig { write_timeout: Duration::from_millis(300), ..tls_routes(station) };
    let (driver, mut events) = start(1000, config);
    let (open, closed) = (driver.listen(ANY_PORT).await.unwrap(), driver.listen_tls(ANY_PORT).await.unwrap());
    let mut good = secure(closed, &one).await;
    good.integrity(STATION, 1).await;
    let request = frame(STATION, 2, &INTEGRITY);
    for given_up in 0..2 {
        let mut deaf = match given_up {
            0 => connect(open, None, PATIENCE).await.unwrap().0,
            _ => secure(closed, &two).await.stream,
        };
        // As much as the sockets between us hold, and more.
        let flood = async { while deaf.write_all(&request).await.is_ok() {} };
        let polls = async {
            while driver.driver_counters().write_timeouts == given_up {
                good.integrity(STATION, 1).await;
            }
        };
        tokio::join!(flood, polls);
        let why = until(&mut events, |event| match event {
            OutstationEvent::Down { session: 1, why } if why.contains("take") => Some(why.clone()),
            _ => None,
        });
        assert_eq!(why.await, "it does not take what we send");
    }
    good.integrity(STATION, 1).await;
}

#[tokio::test]
async fn idle_connections_are_closed_where_that_is_wanted() {
    let config = OutstationConfig { idle_timeout: Some(Duration::from_millis(300)), ..routes(&[1]) };
    let (driver, mut events) = start(1, config);
    let address = driver.listen(ANY_PORT).await.unwrap();
    let mut master = plain(address).await;
    assert!(master.fragment().await.is_none());
    assert_eq!(down(&mut events, 0).await, "it was silent for too long");
    assert_eq!(driver.driver_counters().idle_timeouts, 1);
}

#[tokio::test]
async fn the_outstation_may_dial_its_master() {
    let (_pki, station, [one, two]) = two_masters();
    let listening = |policy: &TlsPolicy| Arc::new(policy.server().unwrap());
    let mut listener = Listener::bind(ANY_PORT, Some(listening(&one))).await.unwrap();
    let (driver, mut events) = start(1, tls_routes(station));
    let mut config = DialConfig::new(listener.local_addr().to_string(), true);
    config.delay.least = Duration::from_millis(10);
    driver.dial(0, config);
    for _ in 0..2 {
        let ieee1815_tokio::Incoming::Accepted(accepted) = next(&mut listener).await else {
            panic!("refused")
        };
        let mut master = Wire::new(accepted.connection);
        master.integrity(STATION, 1).await;
        drop(master);
        down(&mut events, 0).await;
    }
    // Somebody else at that address is not this session's master.
    listener.tls().replace(listening(&two));
    let _accepting = tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    until(&mut events, |event| format!("{event:?}").contains("not the master of this session").then_some(()))
        .await;
}

#[tokio::test]
async fn shutdown_ends_every_task() {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    let route = Route::new(STATION, 1).admit("name:ems.test".parse().unwrap());
    let config =
        OutstationConfig { tls: Some(rtd), ..OutstationConfig::new(vec![route, Route::new(STATION, 2)]) };
    let (driver, mut events) = start(1, config);
    let address = driver.listen_tls(ANY_PORT).await.unwrap();
    let open = driver.listen(ANY_PORT).await.unwrap();
    driver.dial(1, DialConfig::new("127.0.0.1:1", false));
    let mut master = secure(address, &ems).await;
    let _stranger = plain(open).await;
    master.integrity(STATION, 1).await;
    driver.shutdown().await;
    assert!(master.fragment().await.is_none());
    assert_eq!(down(&mut events, 0).await, "stopped");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_an_update_makes_ready_is_sent_unasked() {
    let (driver, _events) = start_with(1, routes(&[1]), |session| {
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::ONE, ..Default::default() });
    });
    let address = driver.listen(ANY_PORT).await.unwrap();
    let mut master = plain(address).await;
    for value in [None, Some(1.0), Some(2.0)] {
        if let Some(value) = value {
            driver.update(PointType::AnalogInput, 0, measured(value));
        }
        // First the empty one, as at every start.
        let (_, fragment) = master.fragment().await.unwrap();
        assert_eq!((fragment[1], fragment.len() > 4), (0x82, value.is_some()), "{fragment:?}");
        master.send(&frame(STATION, 1, &[0xD0 | fragment[0] & 0x0F, 0])).await;
    }
}

#[tokio::test]
async fn a_master_that_is_dead_at_the_link_layer_is_closed() {
    let (driver, mut events) = start_with(1, routes(&[1]), |session| {
        session.keep_alive = Some(Duration::from_millis(50));
        session.link_timeout = Duration::from_millis(50);
    });
    let address = driver.listen(ANY_PORT).await.unwrap();
    let mut master = plain(address).await;
    assert!(master.fragment().await.is_none());
    assert_eq!(down(&mut events, 0).await, "it does not answer at the link layer");
}
