//! A thousand strangers at the TLS port, silent or half-way through a handshake, are nothing to a good master.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ieee1815_tokio::{OutstationConfig, Route, TlsPolicy, connect};
use support::station::{STATION, start};
use support::wire::Wire;
use support::{ANY_PORT, KeyKind, Leaf, PATIENCE, Pki, policy};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What the good masters met.
struct Figures {
    polls: usize,
    slowest_poll: Duration,
    new_connection: Duration,
    slowest_new_connection: Duration,
}

/// `count` strangers come; a master polls on, and others come anew, in between.
async fn crowd(count: u64) -> Figures {
    let pki = Pki::new();
    let ca = pki.ca("ca", KeyKind::P256);
    let station = policy(&pki.leaf(&ca, &Leaf::new("rtd.test")), &ca, &[]);
    let good: TlsPolicy = policy(&pki.leaf(&ca, &Leaf::new("good.test")), &ca, &["name:rtd.test"]);
    let new: TlsPolicy = policy(&pki.leaf(&ca, &Leaf::new("new.test")), &ca, &["name:rtd.test"]);
    let route = |master, name: &str| Route::new(STATION, master).admit(name.parse().unwrap());
    let routes = vec![route(1, "name:good.test"), route(2, "name:new.test")];
    let (driver, _events) =
        start(100, OutstationConfig { tls: Some(station), ..OutstationConfig::new(routes) });
    let address = driver.listen_tls(ANY_PORT).await.unwrap();
    let dial = async |policy: &TlsPolicy| {
        let tls = Some(Arc::new(policy.client().unwrap()));
        Wire::new(connect(address, tls, PATIENCE).await.unwrap().0)
    };
    let mut master = dial(&good).await;
    let mut strangers = Vec::new();
    let (mut polls, mut slowest_poll, mut slowest_new) = (0, Duration::ZERO, Duration::ZERO);
    for number in 0..count {
        let mut stranger = TcpStream::connect(address).await.unwrap();
        // Every second one begins a handshake that it does not go on with.
        if number % 2 == 0 {
            stranger.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00]).await.unwrap();
        }
        strangers.push(stranger);
        if number % 10 == 9 {
            let begin = Instant::now();
            master.integrity(STATION, 1).await;
            slowest_poll = slowest_poll.max(begin.elapsed());
            polls += 1;
        }
        if number % 100 == 99 {
            let begin = Instant::now();
            dial(&new).await.integrity(STATION, 2).await;
            slowest_new = slowest_new.max(begin.elapsed());
        }
    }
    let begin = Instant::now();
    dial(&new).await.integrity(STATION, 2).await;
    let new_connection = begin.elapsed();
    let counters = driver.driver_counters();
    // Most were crowded out; the good ones were not among them.
    assert!(counters.refused >= count - 64 - 1, "{counters:?}");
    assert_eq!(counters.connected, 1 + count / 100 + 1);
    Figures { polls, slowest_poll, new_connection, slowest_new_connection: slowest_new }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_master_and_a_new_one_get_through() {
    let figures = crowd(1000).await;
    assert_eq!(figures.polls, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "scripts/proof.sh crowd"]
async fn how_long_a_good_master_waits_in_a_crowd() {
    let result = std::env::var_os("OPENRTD_PROOF").unwrap();
    let figures = crowd(1000).await;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let json = serde_json::json!({
        "idle_tls_connections": 1000,
        "polls_answered": figures.polls,
        "slowest_poll_ms": ms(figures.slowest_poll),
        "slowest_new_connection_and_poll_while_they_come_ms": ms(figures.slowest_new_connection),
        "new_connection_and_poll_after_all_came_ms": ms(figures.new_connection),
    });
    std::fs::write(result, json.to_string()).unwrap();
}
