//! Datagrams, serial lines, and a master that is dialled.

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

use ieee1815::PointType;
use ieee1815_tokio::{
    Arrivals, DialConfig, Endpoint, Listener, ListenerLimits, OutstationConfig, Parity, Route, SerialConfig,
    StopBits, UdpConfig,
};
use support::station::{STATION, down, measured, routes, start, up};
use support::wire::{INTEGRITY, Wire, frame};
use support::{ANY_PORT, KeyKind, PATIENCE, Pair, pair};
use tokio::net::UdpSocket;

async fn udp(to: SocketAddr) -> Wire<ieee1815_tokio::Connection> {
    let mut endpoint = Endpoint::Udp { local: ANY_PORT, remote: to.to_string() };
    Wire::new(endpoint.open().await.unwrap().0)
}

#[tokio::test]
async fn datagrams_carry_whole_frames() {
    let (driver, mut events) = start(1000, routes(&[1, 2]));
    let config = UdpConfig { listen: ANY_PORT, peers: vec![(0, None), (1, None)] };
    let address = driver.listen_udp(config).await.unwrap();
    let (mut first, mut second) = (udp(address).await, udp(address).await);
    // A thousand points are several fragments, each of several frames.
    assert!(first.integrity(STATION, 1).await.len() > 5000);
    assert!(second.integrity(STATION, 2).await.len() > 5000);
    up(&mut events, 0).await;
    up(&mut events, 1).await;
    // Two frames in one datagram, noise about them, and what is cut off is lost alone.
    let request = frame(STATION, 1, &INTEGRITY);
    let mut mixed = vec![5, 5, 0x64];
    mixed.extend(&request);
    mixed.extend(&request[..12]);
    let raw = UdpSocket::bind(ANY_PORT).await.unwrap();
    raw.send_to(&mixed, address).await.unwrap();
    let mut answer = [0; 4096];
    let (length, _) = raw.recv_from(&mut answer).await.unwrap();
    let (addresses, _, _) = support::wire::unframe(&answer[..length]).unwrap();
    assert_eq!(addresses, (1, STATION));
    // Nobody is answered for another one's addresses.
    raw.send_to(&frame(STATION, 9, &INTEGRITY), address).await.unwrap();
    second.integrity(STATION, 2).await;
    assert_eq!(driver.driver_counters().unknown_addresses, 1);
    driver.shutdown().await;
}

#[tokio::test]
async fn a_fixed_peer_is_the_only_one_answered() {
    let master = UdpSocket::bind(ANY_PORT).await.unwrap();
    let (driver, mut events) = start(1, routes(&[1]));
    let allowed = Some(master.local_addr().unwrap());
    let address = driver.listen_udp(UdpConfig { listen: ANY_PORT, peers: vec![(0, allowed)] }).await.unwrap();
    up(&mut events, 0).await;
    let stranger = UdpSocket::bind(ANY_PORT).await.unwrap();
    stranger.send_to(&frame(STATION, 1, &INTEGRITY), address).await.unwrap();
    master.send_to(&frame(STATION, 1, &INTEGRITY), address).await.unwrap();
    master.recv_from(&mut [0; 4096]).await.unwrap();
    // The stranger's came first, and was passed over.
    assert!(stranger.try_recv_from(&mut [0; 64]).is_err());
    assert_eq!(driver.driver_counters().unknown_addresses, 1);
}

#[tokio::test]
async fn a_serial_line() {
    let (master, _line) = serial2_tokio::SerialPort::pair().unwrap();
    let path = support::tty();
    // A pseudo-terminal has no parity.
    let config = SerialConfig { baud: 19_200, ..SerialConfig::new(&path) };
    let (driver, mut events) = start(200, routes(&[1]));
    driver.serial(0, config);
    up(&mut events, 0).await;
    let mut master = Wire::new(master);
    driver.update(PointType::AnalogInput, 7, measured(3.5));
    assert!(master.integrity(STATION, 1).await.len() > 200 * 5);
    driver.shutdown().await;
    assert_eq!(down(&mut events, 0).await, "stopped");
    // A line that is not there is told, and does not end anything.
    let (driver, mut events) = start(1, routes(&[1]));
    driver.serial(0, SerialConfig::new("no/such/line"));
    let why = down(&mut events, 0).await;
    assert!(why.starts_with("no/such/line 9600 8N1: No such file"), "{why}");
}

#[test]
fn settings_of_lines_are_text() {
    let config = SerialConfig {
        baud: 19_200,
        parity: Parity::Even,
        stop_bits: StopBits::Two,
        ..SerialConfig::new("/dev/ttyS0")
    };
    assert_eq!(config.to_string(), "/dev/ttyS0 19200 8E2");
    assert_eq!("odd".parse(), Ok(Parity::Odd));
    assert_eq!("2".parse(), Ok(StopBits::Two));
    let error = "mark".parse::<Parity>().unwrap_err().to_string();
    assert_eq!(error, "`mark` is no parity, allowed: none, odd, even");
}

#[tokio::test]
async fn a_master_is_dialled_and_takes_the_newest() {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let tls = Some(Arc::new(ems.server().unwrap()));
    let (mut arrivals, _) =
        Arrivals::listen(ANY_PORT, tls, vec![0], ListenerLimits::default(), shutdown).await.unwrap();
    let arrivals = arrivals.remove(0);
    let address = arrivals.local_addr();
    let mut endpoint = Endpoint::Arrivals(arrivals);
    assert_eq!(endpoint.to_string(), format!("whoever dials {address}"));

    let route = Route::new(STATION, 1).admit("name:ems.test".parse().unwrap());
    let config = OutstationConfig { tls: Some(rtd), ..OutstationConfig::new(vec![route]) };
    let (driver, mut events) = start(1, config);
    let mut dial = DialConfig::new(address.to_string(), true);
    dial.delay.least = Duration::from_millis(10);
    driver.dial(0, dial.clone());
    let (connection, identity) = endpoint.open().await.unwrap();
    assert_eq!(identity.unwrap().presented.names, ["rtd.test"]);
    let mut old = Wire::new(connection);
    old.integrity(STATION, 1).await;
    up(&mut events, 0).await;
    // It dials again while the old connection still seems to be fine.
    driver.dial(0, dial);
    tokio::time::timeout(PATIENCE, endpoint.superseded()).await.unwrap();
    let mut new = Wire::new(endpoint.open().await.unwrap().0);
    new.integrity(STATION, 1).await;
    driver.shutdown().await;
}

#[tokio::test]
async fn without_tls_whoever_dials_is_the_outstation() {
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let limits = ListenerLimits::default();
    let (mut arrivals, _) = Arrivals::listen(ANY_PORT, None, Vec::new(), limits, shutdown).await.unwrap();
    let mut arrivals = arrivals.remove(0);
    let (driver, _events) = start(1, routes(&[1]));
    driver.dial(0, DialConfig::new(arrivals.local_addr().to_string(), false));
    Wire::new(arrivals.next().await.0).integrity(STATION, 1).await;
    // The port is given back with the driver.
    let again = Listener::bind(arrivals.local_addr(), None).await;
    assert!(again.is_err());
}
