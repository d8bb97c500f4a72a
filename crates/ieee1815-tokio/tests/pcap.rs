//! Sessions written into a capture: whole, in order, without TLS, and readable by an analyser.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ieee1815_tokio::{OutstationConfig, PcapFile, Route, connect};
use support::station::{down, start, up};
use support::wire::{INTEGRITY, Wire, frame};
use support::{ANY_PORT, KeyKind, PATIENCE, Pair, pair};

const STATION: u16 = 10;
/// Enough for several fragments of several frames.
const POINTS: u16 = 600;

/// One direction: source and destination address and port.
type Direction = (Vec<u8>, Vec<u8>);

/// Octets of each direction in the order of the file; every header's numbers are checked on the way.
fn streams(octets: &[u8]) -> (BTreeMap<Direction, Vec<u8>>, usize) {
    let word = |octets: &[u8]| u32::from_le_bytes(octets[..4].try_into().unwrap());
    assert_eq!(octets[..4], 0xA1B2_3C4D_u32.to_le_bytes());
    assert_eq!(word(&octets[20..]), 101);
    let mut rest = &octets[24..];
    let mut next: BTreeMap<Direction, u32> = BTreeMap::new();
    let mut streams: BTreeMap<Direction, Vec<u8>> = BTreeMap::new();
    let mut packets = 0;
    while !rest.is_empty() {
        let length = usize::try_from(word(&rest[8..])).unwrap();
        assert_eq!(word(&rest[8..]), word(&rest[12..]));
        let (packet, after) = rest[16..].split_at(length);
        rest = after;
        packets += 1;
        assert_eq!(usize::from(u16::from_be_bytes([packet[2], packet[3]])), length);
        assert_eq!(sum(&packet[..20]), 0xFFFF);
        let (ip, tcp) = packet.split_at(20);
        let total = u32::try_from(tcp.len()).unwrap().to_be_bytes();
        assert_eq!(sum(&[&ip[12..20], &[0, 6], &total[2..], tcp].concat()), 0xFFFF);
        let from = [&ip[12..16], &tcp[..2]].concat();
        let to = [&ip[16..20], &tcp[2..4]].concat();
        let sequence = u32::from_be_bytes(tcp[4..8].try_into().unwrap());
        let payload = &tcp[20..];
        let counted = u32::from(tcp[13] & 3 != 0) + u32::try_from(payload.len()).unwrap();
        let direction = (from, to);
        if tcp[13] & 2 == 0 {
            assert_eq!(next[&direction], sequence);
        }
        next.insert(direction.clone(), sequence.wrapping_add(counted));
        streams.entry(direction).or_default().extend(payload);
    }
    (streams, packets)
}

fn sum(octets: &[u8]) -> u32 {
    let pairs = octets
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |octet| u32::from(*octet)));
    let sum: u32 = pairs.sum();
    (sum & 0xFFFF) + (sum >> 16)
}

/// Values of a field in all packets that a filter lets through; `None` where there is no tshark.
fn tshark(file: &Path, filter: &str, field: &str) -> Option<Vec<String>> {
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file)
        .args(["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"])
        .args(["-Y", filter, "-T", "fields", "-e", field])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    Some(
        text.lines()
            .flat_map(|line| line.split(','))
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

/// Two sessions, one after the other, over mutual TLS.
async fn sessions(file: &PcapFile, master_file: &PcapFile) {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    let route = Route::new(STATION, 1).admit("name:ems.test".parse().unwrap());
    let config =
        OutstationConfig { tls: Some(rtd), pcap: Some(file.clone()), ..OutstationConfig::new(vec![route]) };
    let (driver, mut events) = start(POINTS, config);
    let address = driver.listen_tls(ANY_PORT).await.unwrap();
    for _ in 0..2 {
        let tls = Some(Arc::new(ems.client().unwrap()));
        let (mut connection, _) = connect(address, tls, PATIENCE).await.unwrap();
        connection.capture(master_file, true);
        up(&mut events, 0).await;
        let mut wire = Wire::new(connection);
        wire.integrity(STATION, 1).await;
        wire.stream.close().await;
        down(&mut events, 0).await;
    }
    driver.shutdown().await;
}

#[tokio::test]
async fn both_ends_write_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [folder.path().join("outstation.pcap"), folder.path().join("master.pcap")];
    let files = [PcapFile::create(&paths[0]).unwrap(), PcapFile::create(&paths[1]).unwrap()];
    sessions(&files[0], &files[1]).await;
    let request = frame(STATION, 1, &INTEGRITY);
    let mut said = Vec::new();
    for (file, path) in files.iter().zip(&paths) {
        let counters = file.finish().unwrap();
        assert_eq!(counters.dropped, 0);
        let (streams, packets) = streams(&std::fs::read(path).unwrap());
        assert_eq!(u64::try_from(packets).unwrap(), counters.written);
        // Two connections, both ways; the listening side has the port of DNP3.
        assert_eq!(streams.len(), 4);
        let port = 20_000_u16.to_be_bytes();
        let requests: Vec<&Vec<u8>> =
            streams.iter().filter(|((_, to), _)| to.ends_with(&port)).map(|(_, octets)| octets).collect();
        assert_eq!(requests.len(), 2);
        assert!(requests.iter().all(|octets| octets.starts_with(&request)));
        let mut answers: Vec<Vec<u8>> = streams
            .into_iter()
            .filter(|((from, _), _)| from.ends_with(&port))
            .map(|(_, octets)| octets)
            .collect();
        answers.sort();
        assert!(answers.iter().all(|octets| octets.len() > usize::from(POINTS) * 5));
        said.push(answers);
    }
    // One end wrote what the other read.
    assert_eq!(said[0], said[1]);
    // After its end nothing gets in, and nobody waits.
    assert_eq!(files[0].finish().unwrap(), files[0].counters());
}

#[tokio::test]
async fn an_analyser_finds_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outstation.pcap");
    let file = PcapFile::create(&path).unwrap();
    let other = PcapFile::create(&folder.path().join("master.pcap")).unwrap();
    sessions(&file, &other).await;
    file.finish().unwrap();
    let Some(frames) = tshark(&path, "dnp3", "dnp3.len") else {
        assert!(std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(), "needs tshark");
        eprintln!("skipped: needs tshark");
        return;
    };
    let find = |filter: &str, field: &str| tshark(&path, filter, field).unwrap();
    assert!(frames.len() > 2 * (usize::from(POINTS) * 5 / 250), "{}", frames.len());
    let functions = find("dnp3", "dnp3.al.func");
    assert_eq!(functions.iter().filter(|code| *code == "1" || *code == "0x01").count(), 2, "{functions:?}");
    let crcs = find("dnp3", "dnp.data_chunk.CRC.status");
    assert!(!crcs.is_empty() && crcs.iter().all(|status| status == "1"));
    let faults = "_ws.malformed || dnp3.unknown_object || tcp.checksum.status == 0 || ip.checksum.status == 0 || \
                  tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment";
    assert_eq!(find(faults, "frame.number"), Vec::<String>::new());
}
