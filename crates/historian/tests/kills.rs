//! kill -9 at any moment, under load, again and again: the store is whole each time, and nothing is missing that it
//! had acknowledged. A few rounds here; `scripts/proof.sh kills` runs 200 and writes what it found.
//!
//! The victim is this very program, started with the path of the store: it writes as fast as it can, packs often,
//! and tells each acknowledgement on stdout. It is killed after so many of them, which finds it anywhere in the next.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use historian::{Entry, Event, EventKind, PointInfo, Range, Reader, Settings, Store, Writer};
use serde_json::json;
use telemetry::{Mono, Origin, Reason, ReasonKind, Reasons, Value, Wall};

const ALL: Range = Range { from: Wall::from_millis(0), to: Wall::from_millis(u64::MAX) };
const POINTS: u64 = 20;
const VICTIM: &str = "OPENRTD_KILLS_STORE";
/// 2026-11-25 00:00 UTC.
const START: u64 = 1_795_564_800_000;

/// What the sequence number says that the entry is.
fn entry(boot: u64, sequence: u64) -> Entry {
    let reasons = match sequence % 97 {
        0 => Reasons::of(Reason::new(ReasonKind::Stale, format!("device{}", sequence % 3))),
        _ => Reasons::none(),
    };
    let mixed = sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50;
    let time = Wall::from_millis(START + 200 * sequence + mixed % 5);
    let value = Some(Value::Analog(f64::from(u32::try_from(mixed).unwrap()) / 100.0));
    Entry { origin: Origin { boot, sequence }, time, source_time: Some(time), value, reasons }
}

fn settings(path: &Path) -> Settings {
    // Young and large enough that nothing goes.
    Settings { path: path.to_owned(), retention: Duration::from_secs(86_400 * 365), octets_max: 1 << 40 }
}

/// Not a test: the program that is killed.
#[test]
#[ignore = "the victim of the others"]
fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let mut store = Store::open(settings(Path::new(&path)), Wall::from_millis(START)).unwrap();
    store.pack_every(3_000);
    let (tap, _writer) = Writer::start(store, |_| {}).unwrap();
    let boot = tap.boot();
    let mut sequence = 0;
    let mut out = std::io::stdout().lock();
    for audits in 1.. {
        for _ in 0..200 {
            sequence += 1;
            let info =
                PointInfo { id: format!("p{}", sequence % POINTS).into(), kind: "analog_input", unit: None };
            tap.entry(info, entry(boot, sequence), Mono::ZERO);
        }
        let detail = json!({ "number": audits });
        let (time, subject) = (Wall::from_millis(START + audits), "p0".to_owned());
        tap.event(Event { boot, time, kind: EventKind::Command, subject, detail }, Mono::ZERO);
        tap.flush().unwrap();
        if writeln!(out, "ACK {boot} {sequence} {audits}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

/// The last acknowledged sequence and audit of each boot.
type Acknowledged = BTreeMap<u64, (u64, u64)>;

/// Starts the victim and kills it after so many acknowledgements.
fn round(path: &Path, acknowledgements: u64, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["victim", "--exact", "--ignored", "--nocapture", "--test-threads", "1"])
        .env(VICTIM, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let mut heard = 0;
    loop {
        line.clear();
        if lines.read_line(&mut line).unwrap() == 0 {
            break;
        }
        // The last line may be cut off in its midst: it was not heard.
        let Some(words) = line.strip_suffix('\n').and_then(|line| line.split_once("ACK ")) else { continue };
        let numbers: Vec<u64> = words.1.split(' ').map(|word| word.parse().unwrap()).collect();
        acknowledged.insert(numbers[0], (numbers[1], numbers[2]));
        heard += 1;
        if heard == acknowledgements {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(heard >= acknowledgements, "the victim ended by itself");
}

#[derive(Debug, Default)]
struct Found {
    entries: u64,
    audits: u64,
    lost: u64,
    wrong: u64,
    repeated: u64,
    beyond: u64,
}

/// Everything that is in the store, against what was acknowledged.
fn look(path: &Path, acknowledged: &Acknowledged) -> Found {
    let reader = Reader::open(path).unwrap();
    reader.check().unwrap();
    let mut found = Found::default();
    // Of each boot: which sequences are there.
    let mut there: BTreeMap<u64, Vec<bool>> = BTreeMap::new();
    for point in reader.points().unwrap() {
        let mut before = Origin::default();
        for one in reader.entries(&point, ALL).map(Result::unwrap) {
            let Origin { boot, sequence } = one.origin;
            found.entries += 1;
            let right = one.is_same(&entry(boot, sequence)) && point.id == format!("p{}", sequence % POINTS);
            found.wrong += u64::from(!right || one.origin <= before);
            before = one.origin;
            let seen = there.entry(boot).or_default();
            let at = usize::try_from(sequence).unwrap();
            seen.resize(seen.len().max(at + 1), false);
            found.repeated += u64::from(std::mem::replace(&mut seen[at], true));
        }
    }
    let mut audits: BTreeMap<u64, u64> = BTreeMap::new();
    for event in reader.events(Some("p0"), ALL).map(Result::unwrap) {
        let last = audits.entry(event.boot).or_default();
        found.wrong += u64::from(event.detail["number"] != *last + 1);
        *last += 1;
        found.audits += 1;
    }
    for (boot, (entries, commands)) in acknowledged {
        let seen = there.get(boot).cloned().unwrap_or_default();
        let last = usize::try_from(*entries).unwrap();
        found.lost += (1..=last).filter(|at| !seen.get(*at).copied().unwrap_or(false)).count() as u64;
        found.beyond += seen.iter().skip(last + 1).filter(|seen| **seen).count() as u64;
        found.lost += commands.saturating_sub(audits.get(boot).copied().unwrap_or(0));
    }
    found
}

fn run(rounds: u64) -> serde_json::Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let mut acknowledged = Acknowledged::new();
    let mut found = Found::default();
    let mut random = 0x2545_f491_4f6c_dd1d_u64 ^ rounds;
    for _ in 0..rounds {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        round(&path, 1 + random % 25, &mut acknowledged);
        found = look(&path, &acknowledged);
        assert_eq!((found.lost, found.wrong, found.repeated), (0, 0, 0), "{found:?}");
    }
    let sum = |of: fn(&(u64, u64)) -> u64| acknowledged.values().map(of).sum::<u64>();
    json!({
        "rounds": rounds,
        "boots": acknowledged.len(),
        "entries_acknowledged": sum(|one| one.0),
        "audits_acknowledged": sum(|one| one.1),
        "entries_found": found.entries,
        "audits_found": found.audits,
        "entries_found_beyond_the_acknowledged": found.beyond,
        "lost": found.lost,
        "wrong": found.wrong,
        "repeated": found.repeated,
        "octets": Reader::open(&path).unwrap().octets().unwrap(),
    })
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    let told = run(4);
    assert_eq!(told["boots"], 4);
}

#[test]
#[ignore = "scripts/proof.sh kills"]
fn two_hundred_kills() {
    let result = std::env::var_os("OPENRTD_PROOF").unwrap();
    std::fs::write(result, run(200).to_string()).unwrap();
}
