//! `openrtd decode` over every capture and every recorded procedure that there is, and held against tshark.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ieee1815::decode::{Flow, Item};
use serde_json::Value;

/// What is expected of each capture; the file says how to read it.
const CAPTURES: &str = include_str!("data/captures.txt");
const TSHARK: &str = "tshark: apt-get install --no-install-recommends tshark";

/// Frames that a procedure sends damaged on purpose: by file, how many of them, and what is said of them.
const DAMAGED: [(&str, &[(&str, u64)]); 4] = [
    ("6.6.2.1.jsonl", &[("noise", 4)]),
    ("6.6.2.2.jsonl", &[("link-function", 2)]),
    ("6.6.2.4.jsonl", &[("header-crc", 2), ("link-user-data", 2), ("noise", 2)]),
    ("6.6.2.5.jsonl", &[("link-user-data", 3)]),
];

struct Capture {
    file: &'static str,
    frames: u64,
    fragments: u64,
    blocks: usize,
    reasons: BTreeMap<String, u64>,
    tshark_fragments: usize,
    tshark_malformed: usize,
}

fn captures() -> Vec<Capture> {
    let line = |line: &'static str| {
        let columns: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        let &[file, frames, fragments, blocks, reasons, tshark_fragments, tshark_malformed] =
            columns.as_slice()
        else {
            panic!("{line}");
        };
        let reason = |one: &str| {
            let (name, count) = one.split_once('=').unwrap();
            (name.to_owned(), count.parse().unwrap())
        };
        Capture {
            file,
            frames: frames.parse().unwrap(),
            fragments: fragments.parse().unwrap(),
            blocks: blocks.parse().unwrap(),
            reasons: reasons.split(',').filter(|one| *one != "-").map(reason).collect(),
            tshark_fragments: tshark_fragments.parse().unwrap(),
            tshark_malformed: tshark_malformed.parse().unwrap(),
        }
    };
    CAPTURES.lines().filter(|text| !text.starts_with('#')).map(line).collect()
}

fn skip(needs: &str) {
    assert!(std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(), "needs {needs}");
    eprintln!("skipped: needs {needs}");
}

/// A folder of the shared data, or a word that it is not here.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dnp3").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    skip(&format!("{}", path.display()));
    None
}

fn run(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_openrtd"))
        .arg("decode")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it has read all.
    drop(child.stdin.take().unwrap().write_all(stdin));
    child.wait_with_output().unwrap()
}

fn records(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn reasons(summary: &Value) -> BTreeMap<String, u64> {
    serde_json::from_value(summary["reasons"].clone()).unwrap()
}

#[test]
fn every_capture_is_decoded_or_refused_with_its_reason() {
    let Some(folder) = shared("pcap") else { return };
    let captures = captures();
    let mut found: Vec<String> = Vec::new();
    for part in fs::read_dir(&folder).unwrap().map(|part| part.unwrap().path()) {
        let name = part.file_name().unwrap().to_str().unwrap().to_owned();
        let files = fs::read_dir(part).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        found.extend(files.filter(|file| file.ends_with(".pcap")).map(|file| format!("{name}/{file}")));
    }
    found.sort();
    assert_eq!(found, captures.iter().map(|one| one.file).collect::<Vec<_>>());
    for capture in captures {
        let output = run(&[folder.join(capture.file).to_str().unwrap(), "--json", "--explain"], b"");
        let records = records(&output);
        let summary = records.last().unwrap();
        let file = capture.file;
        assert_eq!(summary["frames"], capture.frames, "{file}");
        assert_eq!(summary["fragments"], capture.fragments, "{file}");
        assert_eq!(reasons(summary), capture.reasons, "{file}");
        let frames = records.iter().filter(|record| record["kind"] == "frame");
        let blocks: Vec<&Value> = frames.flat_map(|frame| frame["blocks_good"].as_array().unwrap()).collect();
        assert_eq!(blocks.len(), capture.blocks, "{file}");
        assert!(blocks.iter().all(|good| **good == true), "{file}");
        let errors = summary["errors"].as_u64().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(errors > 0)), "{file}");
        let told = records.iter().filter(|record| record["grade"] == "error").count();
        assert_eq!(u64::try_from(told).unwrap(), errors, "{file}");
        // Whoever only reads for people must get through it as well.
        let text = run(&[folder.join(file).to_str().unwrap(), "--explain"], b"");
        assert_eq!(text.status.code(), output.status.code(), "{file}");
    }
}

/// What tshark finds in a capture: frames, data CRCs, application headers, and packets that it cannot take apart.
fn tshark(file: &Path) -> Option<(usize, Vec<String>, usize, usize)> {
    let fields = ["dnp3.len", "dnp.data_chunk.CRC.status", "dnp3.al.func"];
    let faults = ["_ws.malformed", "dnp3.unknown_object", "dnp3.al.unknown_data_chunk"];
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-d", "tcp.port==20001,dnp3", "-Y", "dnp3", "-T", "fields"]);
    for field in fields.into_iter().chain(faults) {
        command.args(["-e", field]);
    }
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut frames, mut blocks, mut fragments, mut malformed) = (0, Vec::new(), 0, 0);
    for line in text.lines() {
        let columns: Vec<Vec<&str>> = line
            .split('\t')
            .map(|column| column.split(',').filter(|value| !value.is_empty()).collect())
            .collect();
        let [lengths, checks, functions, faults @ ..] = columns.as_slice() else { panic!("{line}") };
        frames += lengths.len();
        blocks.extend(checks.iter().map(|check| (*check).to_owned()));
        fragments += functions.len();
        malformed += usize::from(faults.iter().any(|fault| !fault.is_empty()));
    }
    Some((frames, blocks, fragments, malformed))
}

#[test]
fn tshark_sees_the_same() {
    let Some(folder) = shared("pcap") else { return };
    let captures = captures();
    if tshark(&folder.join(captures[0].file)).is_none() {
        return skip(TSHARK);
    }
    let check = |capture: &Capture| {
        let file = capture.file;
        let (frames, blocks, fragments, malformed) = tshark(&folder.join(file)).unwrap();
        assert_eq!(u64::try_from(frames).unwrap(), capture.frames, "{file}");
        assert_eq!(blocks.len(), capture.blocks, "{file}");
        assert!(blocks.iter().all(|status| status == "1"), "{file}");
        assert_eq!(fragments, capture.tshark_fragments, "{file}");
        assert_eq!(malformed, capture.tshark_malformed, "{file}");
    };
    // It takes longer to start than to read.
    std::thread::scope(|scope| {
        for part in captures.chunks(captures.len().div_ceil(4)) {
            scope.spawn(move || part.iter().for_each(check));
        }
    });
}

/// What a flow says of octets: its frames, and its reasons by code.
fn flow(octets: &[u8]) -> (usize, BTreeMap<String, u64>) {
    let mut flow = Flow::default();
    let mut items = flow.push(octets);
    items.extend(flow.finish());
    let mut said = BTreeMap::new();
    let mut frames = 0;
    for item in &items {
        frames += usize::from(matches!(item, Item::Frame(_)));
        let reason = match item {
            Item::Skipped { reason, .. } | Item::Dropped { reason, .. } => Some(*reason),
            Item::Frame(frame) => frame.problem,
            Item::Fragment(fragment) => match fragment.application() {
                Ok(application) => application.first_problem(),
                Err(reason) => Some(reason),
            },
        };
        if let Some(reason) = reason {
            *said.entry(reason.code().to_owned()).or_default() += 1;
        }
    }
    (frames, said)
}

#[test]
fn every_frame_of_the_procedures_is_decoded() {
    let Some(folder) = shared("procedures") else { return };
    let damaged: BTreeMap<&str, &[(&str, u64)]> = DAMAGED.into_iter().collect();
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut sent = 0;
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let frames: Vec<(bool, Vec<u8>)> = lines
            .filter_map(|line| Some((line["from"] == "master", octets(line["hex"].as_str()?))))
            .collect();
        let mut said = BTreeMap::new();
        for (_, octets) in &frames {
            sent += 1;
            let (count, reasons) = flow(octets);
            assert!(count == 1 || !reasons.is_empty(), "{name}");
            // A frame alone may be part of a series.
            for (reason, count) in reasons.into_iter().filter(|(reason, _)| !reason.starts_with("segment")) {
                *said.entry(reason).or_default() += count;
            }
        }
        let expected = damaged.get(name).copied().unwrap_or_default();
        let expected: BTreeMap<String, u64> =
            expected.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        assert_eq!(said, expected, "{name}");
        for from_master in [true, false] {
            let side = frames.iter().filter(|(master, _)| *master == from_master);
            let (_, broken) = flow(&side.flat_map(|(_, octets)| octets.clone()).collect::<Vec<u8>>());
            assert!(broken.keys().all(|reason| !reason.starts_with("segment")), "{name}: {broken:?}");
        }
    }
    assert!(sent > 500, "{sent} frames in {} files", files.len());
}

fn octets(hex: &str) -> Vec<u8> {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    let octet = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.iter().map(octet).collect()
}

#[test]
fn exit_codes_and_digits() {
    let good = "05 64 0B C4 00 04 01 00 CA 8A C0 C1 01 3C 02 06 52 C3";
    let output = run(&[good], b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "  link        1 > 1024 master to outstation, UNCONFIRMED_USER_DATA PRM len 11 control 0xC4, header CRC good, \
         1 of 1 data CRCs good",
        "  transport   FIR FIN seq 0, 5 octets",
        "  application READ (1) FIR FIN seq 1",
        "    g60v2 Class objects, class 1: all (qualifier 0x06)",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("=>"), "{text}");
    let groups: Vec<&str> = good.split(' ').collect();
    assert_eq!(run(&groups, b"").status.code(), Some(0));
    let explained = String::from_utf8(run(&["-", "--explain"], good.as_bytes()).stdout).unwrap();
    assert!(explained.contains("=> note: master 1 asked for class 1;"), "{explained}");
    let damaged = good.replace("52 C3", "52 C4");
    let output = run(&[&damaged, "--json", "--explain"], b"");
    assert_eq!(output.status.code(), Some(1));
    let found = records(&output).into_iter().find(|record| record["kind"] == "finding").unwrap();
    assert_eq!((&found["grade"], &found["code"]), (&"error".into(), &"data-crc".into()));
    for unreadable in ["no-such-file.pcap", "0564zz", "-"] {
        let output = run(&[unreadable], b"");
        assert_eq!(output.status.code(), Some(2), "{unreadable}");
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: "));
    }
}

#[test]
fn what_is_no_input_is_told_as_what_it_is() {
    let good = "0564 05C0 0100 0004 E921";
    let keys = tempfile::NamedTempFile::new().unwrap();
    fs::write(keys.path(), format!("CLIENT_RANDOM {} {}\n", "01".repeat(32), "02".repeat(48))).unwrap();
    for (arguments, told) in [
        (
            vec!["056"],
            "056: neither a file that is there nor whole octets: 3 hexadecimal digits are an odd number",
        ),
        (vec![""], "an empty argument: neither a file that is there nor hexadecimal digits"),
        (vec![good, keys.path().to_str().unwrap()], "one capture at a time"),
        (vec![good, "--keylog", keys.path().to_str().unwrap()], "--keylog needs a capture"),
    ] {
        let output = run(&arguments, b"");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(told), "{text}");
    }
}

/// A capture (pcap) of one link type.
fn pcap(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = vec![0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0];
    octets.extend(link.to_le_bytes());
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap().to_le_bytes();
        octets.extend([[0; 4], [0; 4], length, length].concat());
        octets.extend(packet);
    }
    octets
}

/// A raw IPv4 packet with a TCP segment between two hosts, the one with the lower port being the server.
fn tcp(from: u16, to: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
    let (source, destination) = (1 + u8::from(from < to), 1 + u8::from(to < from));
    let ip =
        [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, source, 10, 0, 0, destination];
    let (from, to, sequence) = (from.to_be_bytes(), to.to_be_bytes(), sequence.to_be_bytes());
    let rest = [0, 0, 0, 0, 0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0];
    [&ip[..], &from, &to, &sequence, &rest, payload].concat()
}

const RAW: u32 = 101;

/// The codes of the warnings of a capture, and its summary in words.
fn warned(capture: &[u8], more: &[&str]) -> (Vec<String>, String) {
    let told = run(&[&["-", "--json", "--explain"], more].concat(), capture);
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    let records = records(&told);
    let codes: Vec<String> = records
        .iter()
        .filter(|one| one["grade"] == "warning")
        .map(|one| one["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(records.last().unwrap()["warnings"], codes.len());
    let text = String::from_utf8(run(&[&["-"], more].concat(), capture).stdout).unwrap();
    (codes, text)
}

#[test]
fn what_was_not_understood_is_told() {
    let http = tcp(40_000, 80, 1, b"GET / HTTP/1.1\r\n\r\n");
    let (codes, text) = warned(&pcap(9_999, std::slice::from_ref(&http)), &[]);
    assert_eq!(codes, ["link-type", "no-dnp3"]);
    assert!(text.contains("=> warning: 1 packets of link type 9999, which is not known here"), "{text}");
    assert!(text.contains("\n1 packets, 1 of them neither TCP nor UDP, 0 frames"), "{text}");
    let (codes, text) = warned(&pcap(RAW, &[http]), &[]);
    assert_eq!(codes, ["no-dnp3"]);
    assert!(text.contains("--port N"), "{text}");
    // A section without an interface, and a packet of its interface 3.
    let section = [0x0A0D_0D0A_u32, 28, 0x1A2B_3C4D, 1, u32::MAX, u32::MAX, 28];
    let packet = [6, 36, 3, 0, 0, 4, 4, 0x0102_0304, 36];
    let ng: Vec<u8> = section.iter().chain(&packet).flat_map(|word| word.to_le_bytes()).collect();
    let (codes, text) = warned(&ng, &[]);
    assert_eq!(codes, ["interface", "no-dnp3"]);
    assert!(text.contains("1 packets of interfaces that the capture does not describe"), "{text}");
}

#[test]
fn a_key_log_of_other_sessions_is_a_warning() {
    // A TLS 1.2 session as far as its first protected record: hellos, change of cipher, application data.
    let record = |kind: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3, length[0], length[1]], body].concat()
    };
    let hello = |kind: u8, rest: &[u8]| {
        let body = [&[3, 3][..], &[7; 32], &[0], rest].concat();
        record(22, &[&[kind, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat())
    };
    let client = hello(1, &[0, 2, 0xC0, 0x2B, 1, 0, 0, 0]);
    let server = [hello(2, &[0xC0, 0x2B, 0]), record(20, &[1])].concat();
    let last = [record(20, &[1]), record(23, &[9; 40])].concat();
    let after = 1 + u32::try_from(client.len()).unwrap();
    let capture = pcap(
        RAW,
        &[
            tcp(40_000, 19_999, 1, &client),
            tcp(19_999, 40_000, 1, &server),
            tcp(40_000, 19_999, after, &last),
        ],
    );
    let keys = tempfile::NamedTempFile::new().unwrap();
    fs::write(keys.path(), format!("CLIENT_RANDOM {} {}\n", "01".repeat(32), "02".repeat(48))).unwrap();
    for (more, why) in [
        (vec!["--keylog", keys.path().to_str().unwrap()], "the key log has no secret for this TLS session"),
        (vec![], "give its key log with --keylog"),
    ] {
        let (codes, text) = warned(&capture, &more);
        assert_eq!(codes, ["tls-unreadable"], "{text}");
        assert!(
            text.contains(why) && text.contains("1 TLS sessions not readable: 0 errors, 1 warnings"),
            "{text}"
        );
    }
}

#[test]
fn values_in_json_are_values() {
    let answer = [
        0x05, 0x64, 0x14, 0x44, 0x01, 0x00, 0x0A, 0x00, 0xC0, 0xC0, 0x81, 0x00, 0x08, 30, 5, 0, 3, 3, 0x21,
        0, 0, 0x20, 0xC0,
    ];
    let crc = |octets: &[u8]| ieee1815::crc::crc(octets).to_le_bytes();
    let octets = [&answer[..8], &crc(&answer[..8]), &answer[8..], &crc(&answer[8..])].concat();
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let output = run(&[&hex, "--json"], b"");
    let records = records(&output);
    assert_eq!(records[0]["function_name"], "UNCONFIRMED_USER_DATA");
    let fragment = &records[1];
    assert_eq!(fragment["iin"], serde_json::json!(["EVENT_BUFFER_OVERFLOW"]));
    let object = &fragment["objects"][0]["objects"][0];
    assert_eq!(object, &serde_json::json!({"index": 3, "flags": ["ONLINE", "OVER_RANGE"], "value": -2.5}));
}

#[test]
fn a_capture_that_is_cut_is_read_as_far_as_it_goes() {
    let Some(folder) = shared("pcap") else { return };
    let whole = fs::read(folder.join("zeek/dnp3_read.pcap")).unwrap();
    for cut in [30, 100, whole.len() - 1] {
        let output = run(&["-", "--json"], &whole[..cut]);
        assert_eq!(output.status.code(), Some(2), "{cut}");
        assert_eq!(records(&output).last().unwrap()["kind"], "summary", "{cut}");
    }
    assert_eq!(run(&["-", "--json"], &whole).status.code(), Some(0));
}
