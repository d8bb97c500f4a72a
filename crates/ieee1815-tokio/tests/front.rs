//! Mutual TLS outside, a device in the clear inside.

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

use ieee1815_tokio::{
    Connection, Front, FrontConfig, FrontEvent, FrontMaster, Inside, PcapFile, SerialConfig, TlsPolicy,
    connect,
};
use support::station::{STATION, routes, start};
use support::wire::Wire;
use support::{ANY_PORT, KeyKind, Leaf, PATIENCE, Pki, policy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A front end's policy, its two masters, and their ends.
struct Site {
    pki: Pki,
    policy: TlsPolicy,
    masters: Vec<FrontMaster>,
    clients: [TlsPolicy; 2],
}

fn site() -> Site {
    let pki = Pki::new();
    let ca = pki.ca("ca", KeyKind::P256);
    let policy_of = |name: &'static str, admit: &[&str]| policy(&pki.leaf(&ca, &Leaf::new(name)), &ca, admit);
    let front = policy_of("front.test", &[]);
    let clients = ["one.test", "two.test"].map(|name| policy_of(name, &["name:front.test"]));
    let master = |name: &str| FrontMaster {
        name: name.into(),
        admit: vec![format!("name:{name}.test").parse().unwrap()],
    };
    Site { policy: front, masters: vec![master("one"), master("two")], clients, pki }
}

type Events = mpsc::Receiver<FrontEvent>;

async fn front(site: &Site, config: FrontConfig) -> (Front, Events) {
    Front::start(config, &site.policy, &site.masters).await.unwrap()
}

async fn dial(front: &Front, policy: &TlsPolicy) -> Wire<Connection> {
    let tls = Arc::new(policy.client().unwrap());
    Wire::new(connect(front.local_addr(), Some(tls), PATIENCE).await.unwrap().0)
}

/// Why the session that ends next did, or was refused.
async fn end(events: &mut Events) -> String {
    let next = async {
        loop {
            match events.recv().await.expect("the front end is gone") {
                FrontEvent::Up { .. } => {}
                FrontEvent::Down { master, why, .. } => return format!("{master}: {why}"),
                FrontEvent::Refused { why, .. } => return why,
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("no session ends")
}

async fn device() -> (SocketAddr, ieee1815_tokio::OutstationHandle<support::station::Yes>) {
    let (driver, _) = start(500, routes(&[1, 2]));
    (driver.listen(ANY_PORT).await.unwrap(), driver)
}

#[tokio::test]
async fn each_master_has_a_connection_of_its_own_to_the_device() {
    let (site, (address, driver)) = (site(), device().await);
    let pcap = PcapFile::create(&site.pki.path("front.pcap")).unwrap();
    let mut config = FrontConfig::new(ANY_PORT, Inside::Tcp(address.to_string()));
    config.pcap = Some(pcap.clone());
    let (front, mut events) = front(&site, config).await;
    let mut one = dial(&front, &site.clients[0]).await;
    let mut two = dial(&front, &site.clients[1]).await;
    for _ in 0..3 {
        assert!(one.integrity(STATION, 1).await.len() > 500 * 5);
        assert!(two.integrity(STATION, 2).await.len() > 500 * 5);
    }
    assert!(driver.is_connected(0) && driver.is_connected(1));
    let mut again = dial(&front, &site.clients[1]).await;
    again.integrity(STATION, 2).await;
    assert!(two.fragment().await.is_none());
    assert_eq!(end(&mut events).await, "two: a newer connection of the same master came");
    one.integrity(STATION, 1).await;
    drop(again);
    assert_eq!(end(&mut events).await, "two: closed by the master");
    // A device that leaves takes its masters with it.
    driver.shutdown().await;
    assert!(one.fragment().await.is_none());
    assert_eq!(end(&mut events).await, "one: closed by the device");
    let mut late = dial(&front, &site.clients[0]).await;
    assert!(late.fragment().await.is_none());
    let why = end(&mut events).await;
    assert!(why.starts_with("one: the device is out of reach: cannot connect: "), "{why}");
    let port = front.local_addr();
    front.shutdown().await;
    assert!(TcpStream::connect(port).await.is_err());
    // Requests and answers of both masters, in clear.
    assert!(pcap.finish().unwrap().written >= 12);
}

#[tokio::test]
async fn a_stranger_causes_nothing_inside() {
    let site = site();
    let inside = TcpListener::bind(ANY_PORT).await.unwrap();
    let to = Inside::Tcp(inside.local_addr().unwrap().to_string());
    let (front, mut events) = front(&site, FrontConfig::new(ANY_PORT, to)).await;
    let pki = Pki::new();
    let ca = pki.ca("others", KeyKind::P256);
    let stranger = policy(&pki.leaf(&ca, &Leaf::new("one.test")), &ca, &["name:front.test"]);
    let tls = Arc::new(stranger.client().unwrap());
    assert!(connect(front.local_addr(), Some(tls), PATIENCE).await.is_err());
    // It does not trust us either; that is what it says, and what is told.
    let why = end(&mut events).await;
    assert!(why.contains("issuer"), "{why}");
    let mut plain = TcpStream::connect(front.local_addr()).await.unwrap();
    plain.write_all(&[0x05, 0x64]).await.unwrap();
    assert_eq!(plain.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert!(end(&mut events).await.starts_with("not TLS"));
    dial(&front, &site.clients[0]).await;
    // The first connection that the device sees is the good master's.
    let (_, _) = inside.accept().await.unwrap();
    assert_eq!(end(&mut events).await, "one: closed by the master");
}

#[tokio::test]
async fn a_serial_line_belongs_to_one_master_at_a_time() {
    let site = site();
    let (line, _slave) = serial2_tokio::SerialPort::pair().unwrap();
    let path = support::tty();
    let (front, mut events) =
        front(&site, FrontConfig::new(ANY_PORT, Inside::Serial(SerialConfig::new(path)))).await;
    let mut one = dial(&front, &site.clients[0]).await;
    let mut line = Wire::new(line);
    let request = support::wire::frame(STATION, 1, &support::wire::INTEGRITY);
    one.send(&request).await;
    let mut heard = vec![0; request.len()];
    line.stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, request);
    line.send(&support::wire::frame(1, STATION, &[0xC0, 0x81, 0, 0])).await;
    assert_eq!(one.fragment().await.unwrap().1, [0xC0, 0x81, 0, 0]);
    let mut two = dial(&front, &site.clients[1]).await;
    assert!(two.fragment().await.is_none());
    assert!(end(&mut events).await.ends_with(" 9600 8N1 is in use by one"));
    drop(one);
    assert_eq!(end(&mut events).await, "one: closed by the master");
    let mut two = dial(&front, &site.clients[1]).await;
    two.send(&request).await;
    line.stream.read_exact(&mut heard).await.unwrap();
}

#[tokio::test]
async fn a_reload_ends_only_who_is_no_more_admitted() {
    let (site, (address, _driver)) = (site(), device().await);
    let (front, mut events) =
        front(&site, FrontConfig::new(ANY_PORT, Inside::Tcp(address.to_string()))).await;
    let mut one = dial(&front, &site.clients[0]).await;
    let mut two = dial(&front, &site.clients[1]).await;
    one.integrity(STATION, 1).await;
    two.integrity(STATION, 2).await;
    let broken = TlsPolicy { key: site.clients[0].key.clone(), ..site.policy.clone() };
    assert!(front.reload(&broken, &site.masters[..0]).is_err());
    front.reload(&site.policy, &site.masters).unwrap();
    two.integrity(STATION, 2).await;
    front.reload(&site.policy, &site.masters[..1]).unwrap();
    assert!(two.fragment().await.is_none());
    assert_eq!(end(&mut events).await, "two: it is admitted no more");
    one.integrity(STATION, 1).await;
}

#[tokio::test]
async fn silence_and_deaf_ears_end_a_session() {
    let site = site();
    let inside = TcpListener::bind(ANY_PORT).await.unwrap();
    let to = Inside::Tcp(inside.local_addr().unwrap().to_string());
    let mut config = FrontConfig::new(ANY_PORT, to);
    config.idle_timeout = Some(Duration::from_millis(500));
    config.write_timeout = Duration::from_millis(300);
    let (front, mut events) = front(&site, config).await;
    let mut one = dial(&front, &site.clients[0]).await;
    assert!(one.fragment().await.is_none());
    assert_eq!(end(&mut events).await, "one: it was silent for too long");
    let mut one = dial(&front, &site.clients[0]).await;
    let (_first, _) = inside.accept().await.unwrap();
    let (_deaf, _) = inside.accept().await.unwrap();
    while one.stream.write_all(&[0; 4096]).await.is_ok() {}
    assert_eq!(end(&mut events).await, "one: the device does not take what the master sends");
}
