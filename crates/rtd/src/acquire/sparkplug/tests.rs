//! Messages of a node in every order, and what the core makes of them.

use prost::Message as _;
use site::{Access, DeviceIx, ReadingIx, Site};
use telemetry::{Mono, Now, Wall, WallTrust};

use super::super::bounds;
use super::payload::{Content, Metric, Payload, Property, PropertySet, PropertyValue};
use super::session::{Heard, Session};
use crate::core::{
    Core, DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, Input, Reading, Reported,
};

const DEVICE: &str = r#"
[[device]]
id = "inverter"
protocol = "sparkplug"
address = "127.0.0.1:1883"
group = "Plant"
node = "Gateway"
DEVICE
ALIVE
poll_ms = 1000
timeout_ms = 500
[[analog]]
id = "mw"
index = 1
unit = "MW"
sign = "+"
wire = "engineering"
source = { device = "inverter", metric = "Power/Active", unit = "kW" }
age_max_ms = 5000
[[digital]]
id = "closed"
index = 1
source = { device = "inverter", metric = "Breaker/Closed" }
age_max_ms = 5000
[[digital]]
id = "running"
index = 2
source = { device = "inverter", metric = "State", equals = 4 }
age_max_ms = 5000
"#;

const POWER: ReadingIx = ReadingIx::new(0);
const BREAKER: ReadingIx = ReadingIx::new(1);
const STATE: ReadingIx = ReadingIx::new(2);

fn site(device: &str, alive: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    for file in ["rtd.pem", "rtd.key", "ca.pem"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let head = "[site]\nname = \"T\"\nresource = \"hybrid\"\nsocket = \"rtd.sock\"\n[outstation]\n\
                listen = \"127.0.0.1:0\"\naddress = 10\n[tls]\ncertificate = \"rtd.pem\"\nkey = \"rtd.key\"\n\
                trust_anchors = [\"ca.pem\"]\n[[master]]\nname = \"ems\"\naddress = 1\n\
                admit = [\"name:ems\"]\ncontrol = false\n";
    let path = folder.path().join("site.toml");
    let device = DEVICE.replace("DEVICE", device).replace("ALIVE", alive);
    std::fs::write(&path, format!("{head}{device}")).unwrap();
    Site::read(&path).unwrap()
}

/// A node whose sequence this test keeps.
struct Node {
    session: Session,
    seq: u64,
    now: u64,
}

fn metric(name: &str, alias: u64, datatype: u32, value: Content) -> Metric {
    Metric {
        name: (!name.is_empty()).then(|| name.to_owned()),
        alias: Some(alias),
        datatype: (datatype > 0).then_some(datatype),
        value: Some(value),
        ..Metric::default()
    }
}

fn bd_seq(number: u64) -> Metric {
    Metric { alias: None, ..metric("bdSeq", 0, 4, Content::Long(number)) }
}

fn births() -> Vec<Metric> {
    vec![
        metric("Power/Active", 1, 10, Content::Double(4_500.0)),
        metric("Breaker/Closed", 2, 11, Content::Boolean(true)),
        metric("State", 3, 5, Content::Int(4)),
    ]
}

impl Node {
    fn of(site: &Site) -> Self {
        let Access::Sparkplug(sparkplug) = &site.devices[0].access else { panic!() };
        let mut session = Session::new(&site.devices[0], sparkplug);
        assert!(session.subscribed(Mono::ZERO).is_empty());
        Self { session, seq: 0, now: 0 }
    }

    fn new() -> Self {
        Self::of(&site("", ""))
    }

    fn raw(&mut self, topic: &str, octets: &[u8]) -> Vec<Heard> {
        self.session.message(topic, octets, false, Mono::from_millis(self.now))
    }

    fn send(&mut self, kind: &str, metrics: Vec<Metric>) -> Vec<Heard> {
        let (kind, device) =
            kind.split_once('/').map_or((kind, String::new()), |(kind, device)| (kind, format!("/{device}")));
        let seq = (kind != "NDEATH").then_some(self.seq);
        if seq.is_some() {
            self.seq = (self.seq + 1) % 256;
        }
        let octets = Payload { timestamp: Some(1_000), metrics, seq }.encode_to_vec();
        self.raw(&format!("spBv1.0/Plant/{kind}/Gateway{device}"), &octets)
    }

    fn born() -> Self {
        let mut node = Self::new();
        node.send("NBIRTH", [births(), vec![bd_seq(7)]].concat());
        node
    }

    fn asks_at(&mut self, millis: u64) -> bool {
        self.now = millis;
        self.session.time(Mono::from_millis(millis)).contains(&Heard::AskBirth)
    }
}

fn values(heard: &[Heard]) -> Vec<(ReadingIx, Reading)> {
    let [Heard::Values(values)] = heard else { panic!("{heard:?}") };
    values.iter().map(|(at, told)| (*at, told.reading.clone())).collect()
}

fn down(heard: &[Heard]) -> &str {
    let [Heard::Down(words)] = heard else { panic!("{heard:?}") };
    words
}

#[test]
fn a_birth_tells_all_and_data_by_name_or_alias_tells_more() {
    let mut node = Node::new();
    let born = node.send("NBIRTH", [births(), vec![bd_seq(7)]].concat());
    let all =
        [(POWER, Reading::Number(4_500.0)), (BREAKER, Reading::State(true)), (STATE, Reading::State(true))];
    assert_eq!(values(&born), all);
    let by_alias = node.send("NDATA", vec![metric("", 1, 0, Content::Double(4_600.0))]);
    assert_eq!(values(&by_alias), [(POWER, Reading::Number(4_600.0))]);
    let by_name = Metric { alias: None, ..metric("State", 0, 5, Content::Int(3)) };
    assert_eq!(values(&node.send("NDATA", vec![by_name])), [(STATE, Reading::State(false))]);
    // Twice in one message: both changes are told.
    let twice = [metric("", 2, 0, Content::Boolean(false)), metric("", 2, 0, Content::Boolean(true))];
    assert_eq!(node.send("NDATA", twice.to_vec()).len(), 2);
}

#[test]
fn what_comes_before_a_birth_is_not_taken() {
    let mut node = Node::new();
    assert!(node.send("NDATA", vec![metric("Power/Active", 1, 10, Content::Double(1.0))]).is_empty());
    assert!(node.session.dead().is_some());
    assert!(!node.asks_at(0) && node.asks_at(500), "it is asked, not at once");
    assert!(!node.asks_at(5_499) && node.asks_at(5_500) && !node.asks_at(10_000) && node.asks_at(15_500));
    node.send("NBIRTH", births());
    assert!(node.session.dead().is_none() && !node.asks_at(1_000_000));
    let octets = Payload { timestamp: None, metrics: births(), seq: Some(node.seq) }.encode_to_vec();
    let kept = node.session.message("spBv1.0/Plant/NDATA/Gateway", &octets, true, Mono::ZERO);
    assert!(kept.is_empty(), "a retained message is of nobody knows when");
    assert!(!node.send("NDATA", births()).is_empty(), "and is no part of the sequence");
}

#[test]
fn a_death_counts_for_its_own_birth_alone() {
    let mut node = Node::born();
    assert!(node.send("NDEATH", vec![bd_seq(6)]).is_empty(), "an old will");
    assert!(node.session.dead().is_none());
    assert!(down(&node.send("NDEATH", vec![bd_seq(7)])).contains("NDEATH"));
    assert!(node.send("NDEATH", vec![bd_seq(7)]).is_empty(), "once");
    assert!(!node.asks_at(100_000), "a dead node is not asked");
    let mut node = Node::born();
    assert!(down(&node.send("NDEATH", Vec::new())).contains("NDEATH"), "without a number it is believed");
    let mut node = Node::born();
    assert!(!node.raw("spBv1.0/Plant/NDEATH/Gateway", &[0xFF]).is_empty(), "nor where it cannot be read");
}

#[test]
fn a_gap_ends_the_session_until_the_next_birth() {
    let mut node = Node::born();
    for _ in 0..600 {
        assert_eq!(node.send("NDATA", vec![metric("", 1, 0, Content::Double(1.0))]).len(), 1, "{}", node.seq);
    }
    node.seq += 1;
    assert!(down(&node.send("NDATA", births())).contains("a message is missing"));
    assert!(node.send("NDATA", births()).is_empty(), "in sequence again, and still not believed");
    assert!(node.asks_at(500));
    assert_eq!(values(&node.send("NBIRTH", births())).len(), 3);
    assert_eq!(values(&node.send("NDATA", births())).len(), 3);
}

#[test]
fn a_birth_in_which_an_alias_is_of_two_metrics_is_not_believed() {
    let mut node = Node::new();
    let twice = [births(), vec![metric("Other", 1, 10, Content::Double(88.0))]].concat();
    let words = "alias 1 stands for two metrics: `Other`, `Power/Active`";
    assert!(down(&node.send("NBIRTH", twice)).contains(words));
    assert!(node.asks_at(600), "it is asked to be born again");
    assert!(node.send("NDATA", vec![metric("", 1, 0, Content::Double(88.0))]).is_empty());
    node.seq = 0;
    assert_eq!(values(&node.send("NBIRTH", births())).len(), 3);
    // Over the node and all its devices, whichever is read here.
    let other = vec![metric("Power/Active", 9, 10, Content::Double(1.0))];
    assert!(node.send("DBIRTH/Inv1", other.clone()).is_empty());
    assert!(node.send("DBIRTH/Inv1", other.clone()).is_empty(), "born again");
    assert!(node.send("DDEATH/Inv1", Vec::new()).is_empty());
    assert!(node.send("DBIRTH/Inv2", other.clone()).is_empty(), "its alias is free again");
    assert!(down(&node.send("DBIRTH/Inv3", other)).contains("alias 9 stands for two metrics"));
    node.seq = 0;
    assert_eq!(values(&node.send("NBIRTH", births())).len(), 3);
    let own = vec![metric("Power/Active", 1, 10, Content::Double(1.0))];
    assert!(down(&node.send("DBIRTH/Inv1", own)).contains("alias 1 stands for two metrics"));
}

#[test]
fn a_metric_name_beyond_all_measure_is_not_believed() {
    let mut node = Node::new();
    let long = metric(&"x".repeat(3_000_000), 7, 10, Content::Double(1.0));
    let heard = node.send("NBIRTH", [births(), vec![long.clone()]].concat());
    assert!(down(&heard).contains("a metric name of 3000000 octets, allowed: 1024"));
    assert!(node.asks_at(600));
    node.seq = 0;
    node.send("NBIRTH", births());
    let heard = node.send("NDATA", vec![long]);
    assert!(down(&heard).len() <= bounds::WORDS_OCTETS_MAX, "what it says is cut to size");
    assert!(node.session.dead().is_some_and(|words| words.len() <= bounds::WORDS_OCTETS_MAX));
}

#[test]
fn what_its_birth_did_not_introduce_ends_it() {
    let wrong = [
        metric("", 9, 0, Content::Double(1.0)),
        metric("Other", 1, 10, Content::Double(1.0)),
        metric("Power/Active", 1, 9, Content::Float(1.0)),
        Metric::default(),
    ];
    for metric in wrong {
        let words = format!("{metric:?}");
        let mut node = Node::born();
        down(&node.send("NDATA", vec![metric]));
        assert!(node.session.dead().is_some() && node.asks_at(500), "{words}");
    }
    let mut node = Node::born();
    assert!(down(&node.raw("spBv1.0/Plant/NDATA/Gateway", &[0xFF, 1])).contains("cannot be read"));
}

#[test]
fn what_is_missing_null_or_past_is_no_value() {
    let mut node = Node::new();
    let null = |metric: Metric| Metric { is_null: Some(true), value: None, ..metric };
    let [power, breaker, _] = births().try_into().unwrap();
    let told = values(&node.send("NBIRTH", vec![null(power.clone()), breaker]));
    assert_eq!(told[0], (POWER, Reading::NotImplemented));
    assert_eq!(told[2], (STATE, Reading::Invalid("the birth has no metric `State`".to_owned())));
    let past = Metric { is_historical: Some(true), ..power.clone() };
    assert!(values(&node.send("NDATA", vec![past])).is_empty());
    let nan = metric("", 1, 0, Content::Double(f64::NAN));
    assert_eq!(values(&node.send("NDATA", vec![nan])), [(POWER, Reading::NotANumber)]);
    let text = metric("", 1, 0, Content::Text("7".to_owned()));
    assert!(matches!(values(&node.send("NDATA", vec![text]))[0].1, Reading::Invalid(_)));
}

#[test]
fn a_device_lives_and_dies_within_its_node() {
    let mut node = Node::of(&site("device = \"Inv1\"", ""));
    assert!(node.send("DBIRTH/Inv1", births()).is_empty(), "no node was born");
    assert!(node.send("NBIRTH", vec![bd_seq(1)]).is_empty());
    assert!(node.session.dead().is_none(), "its birth may be on the way");
    assert!(node.send("DDATA/Inv1", births()).is_empty(), "and until then its data is not taken");
    let other: Vec<_> =
        births().into_iter().map(|one| Metric { alias: one.alias.map(|at| at + 100), ..one }).collect();
    assert!(node.send("DBIRTH/Other", other).is_empty());
    assert_eq!(values(&node.send("DBIRTH/Inv1", births())).len(), 3);
    node.send("NDATA", Vec::new());
    node.send("DDATA/Other", Vec::new());
    assert_eq!(values(&node.send("DDATA/Inv1", births())).len(), 3, "the sequence runs over all");
    assert!(down(&node.send("DDEATH/Inv1", Vec::new())).contains("DDEATH"));
    assert!(node.session.answered().is_empty());
    assert_eq!(values(&node.send("DBIRTH/Inv1", births())).len(), 3);
    node.send("NBIRTH", vec![bd_seq(2)]);
    let told = node.session.time(Mono::from_millis(500));
    assert!(matches!(told.as_slice(), [Heard::Down(words)] if words.contains("was not")), "{told:?}");
    assert!(node.session.dead().is_some());
}

fn with_quality(metric: Metric, quality: Option<u32>) -> Metric {
    let value = PropertyValue { kind: Some(3), is_null: None, value: quality.map(Property::Int) };
    let properties = PropertySet { keys: vec!["Quality".to_owned()], values: vec![value] };
    Metric { properties: Some(properties), ..metric }
}

/// The core of a site, told what a session heard.
struct Told {
    core: Core,
}

impl Told {
    fn tell(&mut self, heard: Vec<Heard>, millis: u64) {
        for heard in heard {
            let outcome = match heard {
                Heard::Values(values) => {
                    let boxed = |(at, told): (ReadingIx, Reported)| (at, Reading::Reported(Box::new(told)));
                    FieldOutcome::Readings(values.into_iter().map(boxed).collect())
                }
                Heard::Down(words) => {
                    FieldOutcome::Failed(DeviceFailure { kind: FailureKind::Unreachable, words })
                }
                Heard::AskBirth => continue,
            };
            let now = Now::virtual_millis(millis);
            let report = FieldReport { device: DeviceIx::new(0), outcome, sent: now, received: now };
            self.core.handle(Input::Field(FieldEvent::Report(report)), now);
        }
        self.core.handle(Input::Time, Now::virtual_millis(millis));
    }

    /// Value and flags of a point.
    fn point(&self, id: &str, millis: u64) -> (serde_json::Value, Vec<String>) {
        let points = self.core.points(Now::virtual_millis(millis));
        let point = points["points"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
        let flags = point["flags"].as_array().unwrap().iter();
        (point["value"].clone(), flags.map(|flag| flag.as_str().unwrap().to_owned()).collect())
    }
}

#[test]
fn from_messages_to_flags() {
    for alive in ["message", "session"] {
        let site = site("", &format!("alive = \"{alive}\""));
        let mut told = Told { core: Core::new(&site, 1, Now::virtual_millis(0)).unwrap() };
        let mut node = Node::of(&site);
        let mw = |told: &Told, millis| {
            let (value, flags) = told.point("mw", millis);
            (value.as_f64(), flags)
        };
        let is = |value: f64, flags: &[&str]| {
            (Some(value), flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>())
        };
        told.tell(node.send("NBIRTH", [births(), vec![bd_seq(1)]].concat()), 1_000);
        assert_eq!(mw(&told, 1_000), is(4.5, &["ONLINE"]));
        assert_eq!(told.point("closed", 1_000).1, ["ONLINE"]);
        let data = |node: &mut Node, value: f64, quality| {
            let metric = metric("", 1, 0, Content::Double(value));
            node.send("NDATA", vec![with_quality(metric, quality)])
        };
        let qualities = [
            (Some(0), &[][..]),
            (Some(500), &["COMM_LOST"]),
            (Some(77), &[]),
            (None, &[]),
            (Some(192), &["ONLINE"]),
        ];
        for (turn, (quality, flags)) in (0..).zip(qualities) {
            let at = 1_100 + turn * 200;
            told.tell(data(&mut node, 5_000.0, quality), at);
            assert_eq!(mw(&told, at), is(5.0, flags), "{quality:?}");
            // A value after it without a word on its quality is no better.
            let at = at + 100;
            told.tell(node.send("NDATA", vec![metric("", 1, 0, Content::Double(5_100.0))]), at);
            assert_eq!(mw(&told, at), is(5.1, flags), "{quality:?} holds");
        }
        // Five seconds without a message: the broker's answers make it young, or nothing does.
        told.tell(node.session.answered(), 5_000);
        told.tell(Vec::new(), 7_000);
        assert_eq!(mw(&told, 7_000), is(5.1, &["ONLINE"]), "{alive}");
        let late = if alive == "session" { &["ONLINE"][..] } else { &["COMM_LOST"] };
        told.tell(Vec::new(), 7_001);
        assert_eq!(mw(&told, 7_001), is(5.1, late), "{alive}");
        told.tell(data(&mut node, 4_000.0, Some(192)), 7_300);
        assert_eq!(mw(&told, 7_300), is(4.0, &["ONLINE"]));
        told.tell(node.session.cut("the broker is gone"), 7_400);
        assert_eq!(mw(&told, 7_400), is(4.0, &["COMM_LOST"]), "at once");
        assert_eq!(told.point("closed", 7_400).1, ["COMM_LOST"]);
        node.session.subscribed(Mono::from_millis(7_500));
        told.tell(node.session.answered(), 7_500);
        assert_eq!(mw(&told, 7_500), is(4.0, &["COMM_LOST"]), "a broker is no birth");
        told.tell(node.send("NBIRTH", births()), 7_600);
        assert_eq!(mw(&told, 7_600), is(4.5, &["ONLINE"]));
    }
}

#[test]
fn a_source_time_is_kept_and_not_trusted_blindly() {
    let mut node = Node::born();
    let timed = Metric { timestamp: Some(77), ..metric("", 1, 0, Content::Double(1.0)) };
    let heard = node.send("NDATA", vec![timed, metric("", 2, 0, Content::Boolean(true))]);
    let [Heard::Values(values)] = heard.as_slice() else { panic!() };
    let times: Vec<_> = values.iter().map(|(_, told)| told.time).collect();
    let time = |millis| Some((Wall::from_millis(millis), WallTrust::Unknown));
    assert_eq!(times, [time(77), time(1_000)], "the metric's own, else the message's");
}

/// Whatever octets a broker hands on: no panic, and no value from a message that breaks the chain.
#[test]
fn mutated_messages_never_panic() {
    let whole = Payload { timestamp: Some(1), metrics: births(), seq: Some(1) }.encode_to_vec();
    let kinds = ["NBIRTH", "NDATA", "NDEATH", "DBIRTH/Inv1", "DDATA/Inv1", "DDEATH/Inv1", "NCMD", "STATE"];
    let mut chance = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance
    };
    let mut node = Node::born();
    for _ in 0..20_000 {
        let mut octets = whole.clone();
        for _ in 0..=next() % 4 {
            let at = usize::try_from(next()).unwrap() % octets.len();
            match next() % 3 {
                0 => octets[at] ^= 1 << (next() % 8),
                1 => octets.truncate(at.max(1)),
                _ => octets.insert(at, next().to_le_bytes()[0]),
            }
        }
        let kind = kinds[usize::try_from(next()).unwrap() % kinds.len()];
        let (kind, device) = kind.split_once('/').unwrap_or((kind, ""));
        let topic = format!("spBv1.0/Plant/{kind}/Gateway/{device}");
        let heard = node.raw(topic.trim_end_matches('/'), &octets);
        let told = heard.iter().any(|heard| matches!(heard, Heard::Values(values) if !values.is_empty()));
        assert!(!(told && node.session.dead().is_some()), "{kind} {octets:?}");
        if node.session.dead().is_some() {
            node.seq = 0;
            node.send("NBIRTH", births());
        }
    }
}
