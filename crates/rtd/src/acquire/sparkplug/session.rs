//! What an edge node's messages mean, in order: births, data, deaths, and what is missing between them.
//!
//! A node reports changes alone, so every value here rests on having heard everything since its birth. As soon as
//! that is not so (a number was passed over, an alias nobody introduced, a message that cannot be read) nothing of
//! the node is believed any more, and it is asked to be born again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use site::{Alive, Device, Form, Place, ReadingIx, Sparkplug};
use telemetry::Mono;

use super::super::back_off::shortened;
use super::super::bounds;
use super::super::told::{Said, reported};
use super::payload::{Content, Metric, Payload, type_name, typed};
use crate::core::{Reading, Reported};

/// Before a node is asked to be born again, less the device's jitter: another device's question helps us, too.
const ASK_AFTER: Duration = Duration::from_millis(500);
/// Between two questions; it doubles while nobody answers.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The longest time between two questions.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(60);
/// Sequence numbers are 0 to 255.
const SEQUENCE_END: u64 = 256;
/// A node and its devices have no more aliases: they are remembered as long as the node lives.
const ALIASES_MAX: usize = 100_000;
/// No metric has a longer name.
const NAME_OCTETS_MAX: usize = 1_024;

/// What follows from a message, or from time.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    /// Readings, none of them twice.
    Values(Vec<(ReadingIx, Reported)>),
    /// What is read is dead from now on.
    Down(String),
    /// The node is to be asked to be born again.
    AskBirth,
}

/// A metric of the birth that is believed.
#[derive(Clone, Debug)]
struct Born {
    kind: u32,
    said: Said,
}

/// Which device of the node, or the node itself, introduced an alias, and for which metric.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Introduced {
    by: Option<String>,
    name: String,
}

/// Where the node, and the device behind it, are.
#[derive(Clone, Debug, PartialEq)]
enum State {
    /// No birth is known, and why not.
    Unborn(String),
    /// The node was born, its device not yet; until then it may.
    NodeBorn { until: Option<Mono> },
    /// All was told once.
    Born,
}

/// A node's messages, as one device of the site hears them.
#[derive(Debug)]
pub(super) struct Session {
    group: Arc<str>,
    node: Arc<str>,
    device: Option<Arc<str>>,
    /// For each reading the name of its metric.
    wanted: Vec<Option<(Arc<str>, Form)>>,
    alive: Alive,
    /// How long a device may come after its node.
    grace: Duration,
    ask_after: Duration,
    state: State,
    /// The next sequence number; `None` while the node is not born.
    next: Option<u64>,
    bd_seq: Option<u64>,
    metrics: BTreeMap<String, Born>,
    aliases: BTreeMap<u64, String>,
    /// Every alias that the node's births introduced, with what introduced it: an alias stands for one metric of the
    /// node and all its devices.
    known: BTreeMap<u64, Introduced>,
    /// What was last told of each reading.
    latest: BTreeMap<ReadingIx, Reported>,
    ask_at: Option<Mono>,
    asked: Option<Mono>,
    ask_again: Duration,
}

impl Session {
    pub(super) fn new(device: &Device, sparkplug: &Sparkplug) -> Self {
        let wanted = device.readings.iter().map(|spec| match spec.place {
            Place::Metric(at) => sparkplug.metrics.get(at).map(|name| (Arc::clone(name), spec.form)),
            _ => None,
        });
        Self {
            group: Arc::clone(&sparkplug.group),
            node: Arc::clone(&sparkplug.node),
            device: sparkplug.device.clone(),
            wanted: wanted.collect(),
            alive: sparkplug.alive,
            grace: device.timeout,
            ask_after: shortened(ASK_AFTER, &device.id),
            state: State::Unborn("not connected".to_owned()),
            next: None,
            bd_seq: None,
            metrics: BTreeMap::new(),
            aliases: BTreeMap::new(),
            known: BTreeMap::new(),
            latest: BTreeMap::new(),
            ask_at: None,
            asked: None,
            ask_again: ASK_AGAIN,
        }
    }

    /// What is to be subscribed to. The sequence runs over the node and all its devices.
    pub(super) fn topics(&self) -> Vec<String> {
        let node = ["NBIRTH", "NDATA", "NDEATH"].iter().map(|kind| self.topic(kind));
        let devices = ["DBIRTH", "DDATA", "DDEATH"].iter().map(|kind| format!("{}/+", self.topic(kind)));
        node.chain(devices).collect()
    }

    /// Where the node listens to commands.
    pub(super) fn command_topic(&self) -> String {
        self.topic("NCMD")
    }

    fn topic(&self, kind: &str) -> String {
        format!("spBv1.0/{}/{kind}/{}", self.group, self.node)
    }

    /// Why there is nothing to be had, as long as that is so.
    pub(super) fn dead(&self) -> Option<&str> {
        match &self.state {
            State::Unborn(words) => Some(words),
            State::NodeBorn { until: None } => Some("the node was born, the device behind it was not"),
            State::NodeBorn { .. } | State::Born => None,
        }
    }

    /// The broker listens to us: what was before the connection is not known to be so any more.
    pub(super) fn subscribed(&mut self, now: Mono) -> Vec<Heard> {
        self.forget("no birth was heard yet".to_owned());
        self.ask(now);
        Vec::new()
    }

    /// The broker is gone.
    pub(super) fn cut(&mut self, words: &str) -> Vec<Heard> {
        self.ask_at = None;
        vec![self.forget(words.to_owned())]
    }

    /// The broker answered that it is there, so it would have told us of the node's death.
    pub(super) fn answered(&self) -> Vec<Heard> {
        let renews = self.alive == Alive::Session && self.state == State::Born;
        let latest = || self.latest.iter().map(|(at, reported)| (*at, reported.clone())).collect();
        if renews { vec![Heard::Values(latest())] } else { Vec::new() }
    }

    /// When [`Self::time`] has something to say.
    pub(super) fn due(&self) -> Option<Mono> {
        let until = match self.state {
            State::NodeBorn { until } => until,
            _ => None,
        };
        [until, self.ask_at].into_iter().flatten().min()
    }

    pub(super) fn time(&mut self, now: Mono) -> Vec<Heard> {
        let mut heard = Vec::new();
        if matches!(self.state, State::NodeBorn { until: Some(until) } if until <= now) {
            self.state = State::NodeBorn { until: None };
            heard.extend(self.dead().map(|words| Heard::Down(words.to_owned())));
            self.ask(now);
        }
        if self.ask_at.is_some_and(|at| at <= now) {
            self.asked = Some(now);
            self.ask_at = Some(now.plus(self.ask_again));
            self.ask_again = self.ask_again.saturating_mul(2).min(ASK_AGAIN_MAX);
            heard.push(Heard::AskBirth);
        }
        heard
    }

    /// Has the node asked soon: not at once, and not again at once.
    fn ask(&mut self, now: Mono) {
        let soon = now.plus(self.ask_after);
        let at = self.asked.map_or(soon, |asked| soon.max(asked.plus(self.ask_again)));
        self.ask_at = Some(self.ask_at.map_or(at, |before| before.min(at)));
    }

    fn forget(&mut self, words: String) -> Heard {
        let words = bounds::words(words);
        self.next = None;
        self.bd_seq = None;
        self.metrics.clear();
        self.aliases.clear();
        self.known.clear();
        self.latest.clear();
        self.state = State::Unborn(words.clone());
        Heard::Down(words)
    }

    /// The chain of messages is broken.
    fn lost(&mut self, words: String, now: Mono) -> Vec<Heard> {
        self.ask(now);
        vec![self.forget(words)]
    }

    /// A message of the broker.
    pub(super) fn message(&mut self, topic: &str, octets: &[u8], retained: bool, now: Mono) -> Vec<Heard> {
        let mut parts = topic.split('/');
        let (Some("spBv1.0"), Some(group), Some(kind), Some(node)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Vec::new();
        };
        let device = parts.next();
        // What a broker kept is of nobody knows when; Sparkplug has none of it.
        if group != &*self.group || node != &*self.node || parts.next().is_some() || retained {
            return Vec::new();
        }
        let payload = Payload::decode(octets);
        match (kind, device) {
            ("NDEATH", None) => self.node_death(payload.ok().as_ref()),
            ("NBIRTH", None) => match payload {
                Ok(payload) => self.node_birth(&payload, now),
                Err(error) => self.lost(format!("a birth that cannot be read: {error}"), now),
            },
            ("NDATA", None) | ("DBIRTH" | "DDATA" | "DDEATH", Some(_)) => match (self.next, payload) {
                (None, _) => {
                    if self.ask_at.is_none() {
                        self.ask(now);
                    }
                    Vec::new()
                }
                (Some(_), Err(error)) => self.lost(format!("a {kind} that cannot be read: {error}"), now),
                (Some(next), Ok(payload)) => {
                    if payload.seq != Some(next) {
                        let found = payload.seq.map_or_else(|| "none".to_owned(), |found| found.to_string());
                        let words = format!("a message is missing: sequence number {found}, due was {next}");
                        return self.lost(words, now);
                    }
                    self.next = Some(after(next));
                    if kind == "DBIRTH"
                        && let Err(words) = self.introduce(device, &payload)
                    {
                        return self.lost(words, now);
                    }
                    if kind == "DDEATH" {
                        self.known.retain(|_, known| known.by.as_deref() != device);
                    }
                    if device == self.device.as_deref() { self.own(kind, &payload, now) } else { Vec::new() }
                }
            },
            _ => Vec::new(),
        }
    }

    fn node_death(&mut self, payload: Option<&Payload>) -> Vec<Heard> {
        if self.next.is_none() {
            return Vec::new();
        }
        let told = payload.and_then(bd_seq);
        // The will of a connection before this birth's comes late where that connection hung.
        if told.is_some() && self.bd_seq.is_some() && told != self.bd_seq {
            return Vec::new();
        }
        self.ask_at = None;
        vec![self.forget("the node has died (NDEATH)".to_owned())]
    }

    fn node_birth(&mut self, payload: &Payload, now: Mono) -> Vec<Heard> {
        let Some(seq) = payload.seq.filter(|seq| *seq < SEQUENCE_END) else {
            return self.lost("a birth without a sequence number of 0 to 255".to_owned(), now);
        };
        self.known.clear();
        if let Err(words) = self.introduce(None, payload) {
            return self.lost(words, now);
        }
        self.next = Some(after(seq));
        self.bd_seq = bd_seq(payload);
        match self.device {
            None => self.born(payload),
            Some(_) => {
                self.state = State::NodeBorn { until: Some(now.plus(self.grace)) };
                Vec::new()
            }
        }
    }

    /// Takes note of the aliases of a birth.
    ///
    /// # Errors
    /// In words, why the birth cannot be believed: by an alias of two metrics the value of one would become the
    /// other's.
    fn introduce(&mut self, device: Option<&str>, payload: &Payload) -> Result<(), String> {
        // A device that is born again introduces its aliases anew.
        self.known.retain(|_, known| known.by.as_deref() != device);
        for metric in &payload.metrics {
            let Some(name) = &metric.name else { continue };
            if name.len() > NAME_OCTETS_MAX {
                let found = name.len();
                return Err(format!(
                    "a birth with a metric name of {found} octets, allowed: {NAME_OCTETS_MAX}"
                ));
            }
            let Some(alias) = metric.alias else { continue };
            let new = Introduced { by: device.map(str::to_owned), name: name.clone() };
            match self.known.get(&alias) {
                Some(known) if *known != new => {
                    let (one, other) = (bounds::words(known.name.clone()), bounds::words(new.name));
                    return Err(format!(
                        "a birth in which alias {alias} stands for two metrics: `{other}`, `{one}`"
                    ));
                }
                _ if self.known.len() >= ALIASES_MAX => {
                    return Err(format!("a birth beyond the {ALIASES_MAX} aliases that a node may have"));
                }
                _ => drop(self.known.insert(alias, new)),
            }
        }
        Ok(())
    }

    /// A message of what is read here, in sequence.
    fn own(&mut self, kind: &str, payload: &Payload, now: Mono) -> Vec<Heard> {
        match kind {
            "DBIRTH" => self.born(payload),
            "DDEATH" => {
                self.state = State::NodeBorn { until: None };
                self.latest.clear();
                vec![Heard::Down("the device has died (DDEATH)".to_owned())]
            }
            _ if self.state == State::Born => self.data(payload, now),
            // It was told of as dead, or not at all: the node thinks otherwise.
            _ => {
                self.ask(now);
                Vec::new()
            }
        }
    }

    fn born(&mut self, payload: &Payload) -> Vec<Heard> {
        (self.ask_at, self.asked, self.ask_again) = (None, self.asked, ASK_AGAIN);
        self.state = State::Born;
        self.metrics.clear();
        self.aliases.clear();
        self.latest.clear();
        for metric in &payload.metrics {
            let Some(name) = &metric.name else { continue };
            let born =
                Born { kind: metric.datatype.unwrap_or(0), said: metric.quality().unwrap_or_default() };
            self.metrics.insert(name.clone(), born);
            if let Some(alias) = metric.alias {
                self.aliases.insert(alias, name.clone());
            }
        }
        let mut told = Vec::new();
        for metric in &payload.metrics {
            if let Some(name) = metric.name.clone() {
                self.tell(&name, metric, payload, &mut told);
            }
        }
        let missing: Vec<_> = self
            .wanted
            .iter()
            .enumerate()
            .filter_map(|(at, wanted)| {
                let (name, form) = wanted.as_ref()?;
                let invalid = || Reading::Invalid(format!("the birth has no metric `{name}`"));
                let at = ReadingIx::new(at);
                (!told.iter().any(|(known, _)| *known == at))
                    .then(|| (at, reported(invalid(), *form, Said::Good, None)))
            })
            .collect();
        told.extend(missing);
        self.values(told)
    }

    fn data(&mut self, payload: &Payload, now: Mono) -> Vec<Heard> {
        let mut told = Vec::new();
        for metric in &payload.metrics {
            let named = metric.name.as_ref().filter(|name| !name.is_empty());
            let name = match (named, metric.alias) {
                (Some(name), _) => name.clone(),
                (None, Some(alias)) => match self.aliases.get(&alias) {
                    Some(name) => name.clone(),
                    None => return self.lost(format!("alias {alias} was introduced by no birth"), now),
                },
                (None, None) => return self.lost("a metric without name and alias".to_owned(), now),
            };
            let Some(born) = self.metrics.get(&name) else {
                return self.lost(format!("metric `{name}` was introduced by no birth"), now);
            };
            if let Some(kind) = metric.datatype.filter(|kind| *kind != born.kind) {
                let words = format!(
                    "metric `{name}` is {}, its birth said {}",
                    type_name(kind),
                    type_name(born.kind)
                );
                return self.lost(words, now);
            }
            self.tell(&name, metric, payload, &mut told);
        }
        self.values(told)
    }

    /// The readings of one metric. A value of the past changes nothing of the present.
    fn tell(
        &mut self,
        name: &str,
        metric: &Metric,
        payload: &Payload,
        told: &mut Vec<(ReadingIx, Reported)>,
    ) {
        let Some(born) = self.metrics.get_mut(name) else { return };
        if metric.is_historical == Some(true) {
            return;
        }
        // Reported by exception, as the value is: it holds until another is told.
        born.said = metric.quality().unwrap_or(born.said);
        let (kind, said) = (born.kind, born.said);
        let time = metric.timestamp.or(payload.timestamp);
        for (at, wanted) in self.wanted.iter().enumerate() {
            let Some((_, form)) = wanted.as_ref().filter(|(wanted, _)| **wanted == *name) else { continue };
            let reading = match metric.is_null {
                Some(true) => Reading::NotImplemented,
                _ => reading(kind, metric.value.as_ref(), *form, name),
            };
            told.push((ReadingIx::new(at), reported(reading, *form, said, time)));
        }
    }

    /// Lists in none of which a reading comes twice, so that no change is lost between two.
    fn values(&mut self, told: Vec<(ReadingIx, Reported)>) -> Vec<Heard> {
        let mut lists = Vec::new();
        let mut one: Vec<(ReadingIx, Reported)> = Vec::new();
        for (at, reported) in told {
            self.latest.insert(at, reported.clone());
            if one.iter().any(|(known, _)| *known == at) {
                lists.push(Heard::Values(std::mem::take(&mut one)));
            }
            one.push((at, reported));
        }
        lists.push(Heard::Values(one));
        lists
    }
}

fn reading(kind: u32, value: Option<&Content>, form: Form, name: &str) -> Reading {
    match typed(kind, value) {
        Ok(typed) => match typed.reading(form) {
            Reading::Invalid(words) => Reading::Invalid(format!("metric `{name}`: {words}")),
            reading => reading,
        },
        Err(words) => Reading::Invalid(format!("metric `{name}`: {words}")),
    }
}

const fn after(sequence: u64) -> u64 {
    (sequence + 1) % SEQUENCE_END
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    payload.metrics.iter().find(|metric| metric.name.as_deref() == Some("bdSeq")).and_then(Metric::number)
}
