//! Recorded runs of the outstation certification procedures, replayed: what the master sent and what was done at the
//! bench goes in, and what our outstation answers is held against what was recorded: function, indications and
//! objects. Where ours rightly differs, the difference is named here with its reason.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

#[allow(dead_code, reason = "the example uses the rest")]
#[path = "../examples/dut/bench.rs"]
mod bench;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::{Act, Bench};
use ieee1815::Iin;
use ieee1815::channel::{Channel, ChannelConfig, Role};
use ieee1815::objects::{Direction, Range, parse_headers};
use serde_json::Value;

/// Procedures in which ours differs, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("8.2.5.2.1", "the recording has none of the answers, only that the outputs were operated"),
    ("8.2.5.2.2", "the recording has none of the answers, only that the outputs were operated"),
];

/// What the bench did, where the recording does not say it: procedure, act, argument.
const SAID_NOWHERE: &[(&str, &str, &str)] =
    &[("8.11.2.3", "class-events", "2"), ("8.6.6.2.4", "binary-input-events", "double-bit")];

/// The recordings; `None`, with a word, where they are not at hand and need not be.
fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dnp3/procedures");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(), "missing: {}", folder.display());
    eprintln!("skipped: the recorded procedures are not here ({})", folder.display());
    None
}

/// What one side said, as far as it is compared.
#[derive(Debug, PartialEq, Eq, Clone)]
enum Said {
    Link(u8),
    Fragment { function: u8, iin: u16, objects: BTreeMap<String, usize> },
}

/// Hears what an outstation says.
struct Ear {
    channel: Channel,
    said: Vec<Said>,
    /// The fragment before was not the last of its response.
    continues: bool,
}

impl Ear {
    fn new() -> Self {
        let config = ChannelConfig { max_rx_fragment: 4096, ..ChannelConfig::new(Role::Master, 1, 1024) };
        Self { channel: Channel::new(config), said: Vec::new(), continues: false }
    }

    fn hear(&mut self, octets: &[u8], now: Duration) {
        if octets.len() == 10 && octets[3] & 0x40 == 0 {
            self.said.push(Said::Link(octets[3] & 0x0F));
            return;
        }
        let mut rest = octets;
        while self.channel.receive(&mut rest, now).is_some() {
            let fragment = self.channel.take_fragment();
            self.fragment(&fragment);
        }
    }

    /// Fragments of one response are one: where it is cut is not compared.
    fn fragment(&mut self, fragment: &[u8]) {
        let &[control, function, low, high, ref objects @ ..] = fragment else { panic!("{fragment:?}") };
        let iin = u16::from_le_bytes([low, high]);
        let first = control & 0x80 != 0;
        assert_eq!(first, !self.continues, "the first fragment of a response says so");
        self.continues = control & 0x40 == 0;
        let mut said = BTreeMap::new();
        for header in parse_headers(objects, Direction::Response) {
            let header = header.expect("a response reads");
            let name = format!("g{}v{}", header.group, header.variation);
            let mut count = |name: String, objects: usize| *said.entry(name).or_insert(0) += objects;
            for (index, _, status) in header.commands() {
                count(format!("{name} {index} {status}"), 1);
            }
            match header.range {
                Range::StartStop(start, stop) => {
                    for index in start..=stop {
                        count(format!("{name} {index}"), 1);
                    }
                }
                Range::Count(objects) => count(name, objects as usize),
                Range::Indexed(objects) if !matches!(header.group, 12 | 41) => count(name, objects as usize),
                _ => {}
            }
        }
        match self.said.last_mut() {
            Some(Said::Fragment { objects, .. }) if !first => {
                for (name, objects_of) in said {
                    *objects.entry(name).or_insert(0) += objects_of;
                }
            }
            _ => self.said.push(Said::Fragment { function, iin, objects: said }),
        }
    }
}

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

/// What differs in one procedure, in a line; empty where nothing does.
fn replay(procedure: &str, text: &str) -> Vec<String> {
    let (mut bench, mut ours, mut theirs) = (Bench::new(), Ear::new(), Ear::new());
    let mut wrong = Vec::new();
    let mut out = Vec::new();
    bench.connected(Duration::ZERO);
    let mut checks = Vec::new();
    let mut hear = |bench: &mut Bench, ours: &mut Ear, now| {
        out.clear();
        // Link replies and fragments leave together; each frame is heard by itself.
        if bench.poll_transmit(&mut out) {
            let mut rest = out.as_slice();
            while rest.len() >= 10 {
                let user = usize::from(rest[2]) - 5;
                let length = (10 + user + 2 * user.div_ceil(16)).min(rest.len());
                ours.hear(&rest[..length], now);
                rest = &rest[length..];
            }
        }
    };
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).expect("a line of JSON");
        let now = Duration::from_millis(line["t_ms"].as_u64().unwrap_or_default());
        while let Some(due) = bench.timeout().filter(|due| *due <= now) {
            bench.handle_timeout(due.max(Duration::from_millis(1)));
            hear(&mut bench, &mut ours, due);
        }
        if let Some(act) = line["act"].as_str() {
            let said = SAID_NOWHERE.iter().find(|(of, what, _)| *of == procedure && *what == act);
            let arg = said.map(|(_, _, arg)| *arg).or(line["arg"].as_str());
            match bench.act(act, arg, true, now) {
                Act::Unknown => wrong.push(format!("unknown act {act}")),
                Act::Watch if act == "bench-check" => checks.push((
                    line["arg"].as_str().unwrap_or_default().to_owned(),
                    bench.take_operated().into_iter().map(|(index, _)| index).collect::<Vec<_>>(),
                )),
                _ => {}
            }
            bench.handle_timeout(now);
        } else if let Some(hex) = line["hex"].as_str() {
            if line["from"] == "master" {
                bench.receive(&octets(hex), now);
            } else {
                theirs.hear(&octets(hex), now);
            }
        }
        hear(&mut bench, &mut ours, now);
    }
    let most = ours.said.len().max(theirs.said.len());
    for at in 0..most {
        let (our, their) = (ours.said.get(at), theirs.said.get(at));
        if our != their {
            wrong.push(difference(at, our, their));
            if our.is_none()
                || their.is_none()
                || std::mem::discriminant(our.unwrap()) != std::mem::discriminant(their.unwrap())
            {
                break;
            }
        }
    }
    wrong.extend(checks.into_iter().filter_map(|(check, operated)| checked(&check, &operated)));
    wrong
}

fn difference(at: usize, our: Option<&Said>, their: Option<&Said>) -> String {
    match (our, their) {
        (
            Some(Said::Fragment { function, iin, objects }),
            Some(Said::Fragment { function: function_there, iin: iin_there, objects: objects_there }),
        ) => {
            let mut text = format!("answer {at}:");
            if function != function_there {
                text += &format!(" function {function} for {function_there}");
            }
            if iin != iin_there {
                text += &format!(" {:?} for {:?}", Iin::from_bits(*iin), Iin::from_bits(*iin_there));
            }
            let only = |these: &BTreeMap<String, usize>, those: &BTreeMap<String, usize>| {
                let more = these.iter().filter(|(name, count)| those.get(*name) != Some(count));
                more.map(|(name, count)| format!("{name} x{count}")).collect::<Vec<_>>().join(", ")
            };
            if objects != objects_there {
                text +=
                    &format!(" [{}] for [{}]", only(objects, objects_there), only(objects_there, objects));
            }
            text
        }
        _ => format!("answer {at}: {our:?} for {their:?}"),
    }
}

/// What a bench check finds wrong.
fn checked(check: &str, operated: &[u16]) -> Option<String> {
    let point = |text: &str| text.split_whitespace().find_map(|word| word.parse::<u16>().ok());
    let fine = match check {
        _ if check.starts_with("no ") => operated.is_empty(),
        _ => point(check).is_none_or(|index| operated.contains(&index) || operated.is_empty()),
    };
    (!fine).then(|| format!("bench: {check}, but {operated:?} were operated"))
}

#[test]
fn every_recorded_procedure_is_answered_as_recorded_or_differs_for_a_reason() {
    let Some(folder) = recordings() else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let (mut passed, mut replayed, mut unexplained) = (0, 0, Vec::new());
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let procedure = file.file_stem().unwrap().to_string_lossy().into_owned();
        let result = text.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok()).unwrap();
        passed += usize::from(result["result_of_opendnp3_3_0"] == "pass");
        replayed += usize::from(text.lines().count() > 1);
        let found = replay(&procedure, &text);
        let explained = DIFFERENCES.iter().any(|(of, _)| *of == procedure);
        assert!(!explained || !found.is_empty(), "{procedure} does not differ any more");
        if !explained {
            unexplained.extend(found.iter().map(|found| format!("{procedure}: {found}")));
        }
    }
    println!("{} procedures, {passed} passed by opendnp3, {replayed} with an exchange", files.len());
    assert!(unexplained.is_empty(), "\n{}", unexplained.join("\n"));
    assert_eq!((files.len(), passed), (89, 71));
}
