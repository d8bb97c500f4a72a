//! An admitted master runs wild: mutated frames by the hundred thousand, half of them with good check sums. The good
//! master beside it must not notice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ieee1815::crc::crc;
use ieee1815_tokio::{OutstationConfig, Route, TlsPolicy, connect};
use support::station::{STATION, start};
use support::wire::Wire;
use support::{ANY_PORT, KeyKind, Leaf, PATIENCE, Pki, policy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Link addresses of the good master and of the wild one.
const GOOD: u16 = 1;
const WILD: u16 = 2;

/// Requests to begin from: function and objects.
const REQUESTS: &[&[u8]] = &[
    &[1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6],
    &[1, 30, 0, 0x00, 0, 99],
    &[1, 30, 2, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
    &[1, 32, 0, 0x08, 0xFF, 0xFF],
    &[1, 1, 2, 0x28, 2, 0, 1, 0, 2, 0],
    &[2, 80, 1, 0x00, 7, 7, 0],
    &[2, 50, 1, 0x07, 1, 0, 0, 0, 0, 0, 0],
    &[2, 34, 3, 0x17, 1, 1, 0, 0, 0x80, 0x3F],
    &[3, 12, 1, 0x17, 1, 0, 3, 1, 100, 0, 0, 0, 100, 0, 0, 0, 0],
    &[4, 41, 2, 0x28, 1, 0, 1, 0, 7, 0, 0],
    &[5, 41, 3, 0x17, 2, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0],
    &[7, 20, 0, 6],
    &[13],
    &[20, 60, 2, 6],
    &[22, 60, 3, 6, 30, 0, 6],
    &[24],
    &[1, 110, 0, 0x5B, 1, 0xFF, 0xFF],
    &[0],
];

/// A generator of its own, so that a run can be had again by its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % below.max(1)
    }

    fn octet(&mut self) -> u8 {
        const EDGES: [u8; 8] = [0, 1, 5, 0x64, 0x7F, 0x80, 0xFE, 0xFF];
        if self.roll(3) == 0 { EDGES[self.roll(8)] } else { u8::try_from(self.roll(256)).unwrap() }
    }
}

/// Good check sums over whatever stands in the frame.
fn frame(header: [u8; 8], user: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&header);
    out.extend_from_slice(&crc(&header).to_le_bytes());
    for block in user.chunks(16) {
        out.extend_from_slice(block);
        out.extend_from_slice(&crc(block).to_le_bytes());
    }
}

/// Appends a mutated frame. `repaired`: its check sums are good.
fn mutated(dice: &mut Dice, repaired: bool, out: &mut Vec<u8>) {
    let sequence = u8::try_from(dice.roll(16)).unwrap();
    let mut user = vec![0xC0 | u8::try_from(dice.roll(64)).unwrap(), 0xC0 | sequence];
    user.extend_from_slice(REQUESTS[dice.roll(REQUESTS.len())]);
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(user.len());
        match dice.roll(5) {
            0 => user.truncate(at.max(1)),
            1 => user.insert(at, dice.octet()),
            2 if user.len() < 200 => user.extend_from_within(at..),
            _ => user[at] = dice.octet(),
        }
    }
    user.truncate(250);
    let length = u8::try_from(user.len() + 5).unwrap();
    let control = [0xC4, 0xC4, 0xC4, 0xC4, 0xF3, 0xD3, 0xC0, 0xC9, dice.octet()][dice.roll(9)];
    let [station, _] = STATION.to_le_bytes();
    let [wild, _] = WILD.to_le_bytes();
    let mut header = [0x05, 0x64, length, control, station, 0, wild, 0];
    if dice.roll(20) == 0 {
        header[dice.roll(6) + 2] = dice.octet();
    }
    let from = out.len();
    frame(header, &user, out);
    if !repaired {
        let at = from + dice.roll(out.len() - from);
        out[at] ^= dice.octet() | 1;
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

struct Figures {
    frames: u64,
    reached: u64,
    polls: u64,
    slowest: Duration,
    /// After a tenth of the frames, and at the end.
    kib: [u64; 2],
}

async fn siege(frames: u64) -> Figures {
    let pki = Pki::new();
    let ca = pki.ca("ca", KeyKind::P256);
    let station = policy(&pki.leaf(&ca, &Leaf::new("rtd.test")), &ca, &[]);
    let good: TlsPolicy = policy(&pki.leaf(&ca, &Leaf::new("good.test")), &ca, &["name:rtd.test"]);
    let wild: TlsPolicy = policy(&pki.leaf(&ca, &Leaf::new("wild.test")), &ca, &["name:rtd.test"]);
    let route = |master, name: &str| Route::new(STATION, master).admit(name.parse().unwrap());
    let routes = vec![route(GOOD, "name:good.test"), route(WILD, "name:wild.test")];
    let (driver, _events) =
        start(100, OutstationConfig { tls: Some(station), ..OutstationConfig::new(routes) });
    let address = driver.listen_tls(ANY_PORT).await.unwrap();
    let dial = async |policy: &TlsPolicy| {
        let tls = Some(Arc::new(policy.client().unwrap()));
        connect(address, tls, PATIENCE).await.unwrap().0
    };
    let over = Arc::new(AtomicBool::new(false));
    let mut master = Wire::new(dial(&good).await);
    let polling = tokio::spawn({
        let over = Arc::clone(&over);
        async move {
            let (mut polls, mut slowest) = (0, Duration::ZERO);
            while !over.load(Ordering::Relaxed) || polls == 0 {
                let begin = Instant::now();
                master.integrity(STATION, GOOD).await;
                slowest = slowest.max(begin.elapsed());
                polls += 1;
                tokio::task::yield_now().await;
            }
            (polls, slowest)
        }
    });
    let mut attack = dial(&wild).await;
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (mut octets, mut answers) = (Vec::new(), vec![0; 65536]);
    let mut kib = [0; 2];
    let mut sent = 0;
    while sent < frames {
        octets.clear();
        for _ in 0..50 {
            mutated(&mut dice, sent % 2 == 0, &mut octets);
            sent += 1;
        }
        let (mut read, mut write) = tokio::io::split(&mut attack);
        // What comes back is read, so that the outstation can go on answering.
        tokio::select! {
            written = write.write_all(&octets) => written.unwrap(),
            () = async { while read.read(&mut answers).await.unwrap() > 0 {} } => panic!("closed"),
        }
        if kib[0] == 0 && sent >= frames / 10 {
            kib[0] = resident_kib();
        }
    }
    // All of it is worked off when the connection ends; then the same master comes back and behaves.
    attack.shutdown().await.unwrap();
    while attack.read(&mut answers).await.is_ok_and(|length| length > 0) {}
    Wire::new(dial(&wild).await).integrity(STATION, WILD).await;
    kib[1] = resident_kib();
    over.store(true, Ordering::Relaxed);
    let (polls, slowest) = polling.await.unwrap();
    let reached = driver.counters(1).channel.fragments;
    Figures { frames: sent, reached, polls, slowest, kib }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wild_master_hurts_nobody() {
    let figures = siege(20_000).await;
    assert!(figures.polls > 0);
    // Half of the frames are sound, most of these hold a fragment.
    assert!(figures.reached > figures.frames / 5, "{} of {}", figures.reached, figures.frames);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "scripts/proof.sh siege"]
async fn a_million_mutated_frames() {
    let result = std::env::var_os("OPENRTD_PROOF").unwrap();
    let figures = siege(1_000_000).await;
    let json = serde_json::json!({
        "frames": figures.frames,
        "fragments_that_reached_the_application_layer": figures.reached,
        "polls_of_the_good_master_answered": figures.polls,
        "slowest_of_them_ms": figures.slowest.as_secs_f64() * 1e3,
        "resident_kib_after_a_tenth": figures.kib[0],
        "resident_kib_at_the_end": figures.kib[1],
    });
    std::fs::write(result, json.to_string()).unwrap();
}
