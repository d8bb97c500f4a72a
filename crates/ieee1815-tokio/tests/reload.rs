//! Certificates, keys, revocation lists and the list of peers are replaced while masters poll.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ieee1815_tokio::{OutstationConfig, OutstationHandle, PeerIdentity, Route, TlsPolicy, connect};
use support::station::{STATION, Yes, start};
use support::wire::Wire;
use support::{Ca, Files, KeyKind, Leaf, PATIENCE, Pki, policy, private};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Masters that poll throughout; one more is on the list now and then, and never comes.
const MASTERS: u16 = 4;
const POINTS: u16 = 100;

/// The files of an outstation that are replaced, and what they are replaced by.
struct Site {
    pki: Pki,
    ca: Ca,
    policy: TlsPolicy,
    own: [Files; 2],
    masters: Vec<Files>,
    guest: Files,
}

impl Site {
    fn new() -> Self {
        let pki = Pki::new();
        let ca = pki.ca("ca", KeyKind::P256);
        let of_kind = |file, key| pki.leaf(&ca, &Leaf { key, san: Some("rtd.test"), ..Leaf::new(file) });
        let own = [of_kind("first", KeyKind::P256), of_kind("second", KeyKind::Rsa2048)];
        let names = ["one.test", "two.test", "three.test", "four.test"];
        let masters = names.iter().map(|name| pki.leaf(&ca, &Leaf::new(name))).collect();
        let guest = pki.leaf(&ca, &Leaf::new("guest.test"));
        let mut policy = policy(&own[0], &ca, &[]);
        policy.certificate = pki.path("live.pem");
        policy.key = pki.path("live.key");
        policy.crls = vec![pki.path("live.crl")];
        Self { pki, ca, policy, own, masters, guest }
    }

    /// Replaces the files by those of a round, which differ from the round's before.
    fn write(&self, round: usize, revoked: &[&Files]) {
        let own = &self.own[round % 2];
        fs::copy(&own.certificate, &self.policy.certificate).unwrap();
        private(&self.policy.key, &fs::read_to_string(&own.key).unwrap());
        let mut revoked = revoked.to_vec();
        if round.is_multiple_of(3) {
            revoked.push(&self.guest);
        }
        self.pki.crl(&self.ca, "live.crl", &revoked, 2099);
    }

    /// Who is admitted in a round, a list for each session.
    fn admit(&self, round: usize, masters: usize) -> Vec<Vec<PeerIdentity>> {
        let mut lists = vec![Vec::new(); usize::from(MASTERS)];
        for (list, files) in lists.iter_mut().zip(&self.masters).take(masters) {
            list.push(PeerIdentity::Sha256(files.sha256));
            if round % 2 == 1 {
                list.insert(0, "name:guest.test".parse().unwrap());
            }
        }
        lists
    }

    fn client(&self, master: usize) -> TlsPolicy {
        policy(&self.masters[master], &self.ca, &["name:rtd.test"])
    }
}

/// A master that polls until it is closed.
struct Poller {
    polls: watch::Receiver<u64>,
    closed: JoinHandle<Instant>,
}

impl Poller {
    async fn start(address: SocketAddr, policy: &TlsPolicy, master: u16) -> Self {
        let (count, polls) = watch::channel(0);
        let tls = Arc::new(policy.client().unwrap());
        let mut wire = Wire::new(connect(address, Some(tls), PATIENCE).await.unwrap().0);
        let closed = tokio::spawn(async move {
            while wire.try_integrity(STATION, master).await.is_some() {
                count.send_modify(|count| *count += 1);
            }
            Instant::now()
        });
        Self { polls, closed }
    }

    /// Waits for polls that began after now.
    async fn go_on(&mut self) {
        let from = *self.polls.borrow();
        let more = self.polls.wait_for(|count| *count >= from + 2);
        tokio::time::timeout(PATIENCE, more).await.expect("no poll is answered").expect("closed");
    }
}

struct Figures {
    polls: u64,
    removed_ms: u128,
    revoked_ms: u128,
    invalid: usize,
    dropped: u64,
}

async fn reloads(rounds: usize) -> Figures {
    let site = Site::new();
    site.write(0, &[]);
    let route = |(at, list): (u16, Vec<PeerIdentity>)| Route { admit: list, ..Route::new(STATION, at + 1) };
    let routes = (0..MASTERS).zip(site.admit(0, 4)).map(route).collect();
    let config = OutstationConfig { tls: Some(site.policy.clone()), ..OutstationConfig::new(routes) };
    let (driver, _events) = start(POINTS, config);
    let address = driver.listen_tls("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut pollers = Vec::new();
    for master in 0..MASTERS {
        pollers.push(Poller::start(address, &site.client(usize::from(master)), master + 1).await);
    }
    let mut invalid = 0;
    for round in 1..=rounds {
        site.write(round, &[]);
        driver.reload(&site.policy, &site.admit(round, 4)).unwrap();
        // A new file that cannot be used changes nothing.
        if round.is_multiple_of(5) {
            private(&site.policy.key, &fs::read_to_string(&site.own[(round + 1) % 2].key).unwrap());
            let error = driver.reload(&site.policy, &site.admit(round, 0)).unwrap_err();
            assert!(error.to_string().contains("does not belong to the certificate"), "{error}");
            invalid += 1;
        }
        for poller in &mut pollers {
            poller.go_on().await;
        }
    }
    let counters = driver.driver_counters();
    let dropped = counters.withdrawn + counters.replaced;
    assert_eq!((dropped, counters.connected), (0, u64::from(MASTERS)));
    // The certificate of the last good reload is the one that is shown.
    let last = policy(&site.masters[3], &site.ca, &[]);
    let shown = TlsPolicy { admitted: vec![PeerIdentity::Sha256(site.own[rounds % 2].sha256)], ..last };
    pollers[3] = Poller::start(address, &shown, 4).await;
    pollers[3].go_on().await;

    let removed_ms = out(&driver, &mut pollers, |driver| {
        site.write(rounds, &[]);
        driver.reload(&site.policy, &site.admit(rounds, 3)).unwrap();
    });
    let removed_ms = removed_ms.await;
    let revoked_ms = out(&driver, &mut pollers, |driver| {
        site.write(rounds, &[&site.masters[2]]);
        driver.reload(&site.policy, &site.admit(rounds, 3)).unwrap();
    });
    let revoked_ms = revoked_ms.await;
    for poller in &mut pollers {
        poller.go_on().await;
    }
    let counters = driver.driver_counters();
    assert_eq!((counters.withdrawn, pollers.len()), (2, 2));
    let polls = pollers.iter().map(|poller| *poller.polls.borrow()).sum();
    driver.shutdown().await;
    Figures { polls, removed_ms, revoked_ms, invalid, dropped }
}

/// How long the last poller stays after `act`.
async fn out(
    driver: &OutstationHandle<Yes>,
    pollers: &mut Vec<Poller>,
    act: impl FnOnce(&OutstationHandle<Yes>),
) -> u128 {
    let begin = Instant::now();
    act(driver);
    let closed = tokio::time::timeout(PATIENCE, pollers.pop().unwrap().closed);
    (closed.await.expect("it is still in").unwrap() - begin).as_millis()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admitted_sessions_survive_reloads_and_others_are_closed() {
    reloads(20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "scripts/proof.sh reload"]
async fn a_thousand_reloads_under_polling() {
    let result = std::env::var_os("OPENRTD_PROOF").unwrap();
    let rounds: usize = std::env::var("OPENRTD_PROOF_ROUNDS").map_or(1000, |rounds| rounds.parse().unwrap());
    let begin = Instant::now();
    let figures = reloads(rounds).await;
    assert!(figures.removed_ms < 5_000 && figures.revoked_ms < 5_000);
    let json = serde_json::json!({
        "reloads": rounds,
        "masters_polling": MASTERS,
        "points": POINTS,
        "polls_answered_by_the_two_that_stay": figures.polls,
        "admitted_sessions_dropped": figures.dropped,
        "reloads_refused_for_an_invalid_file": figures.invalid,
        "removed_peer_out_ms": figures.removed_ms,
        "revoked_peer_out_ms": figures.revoked_ms,
        "seconds": begin.elapsed().as_secs(),
    });
    fs::write(result, json.to_string()).unwrap();
}
