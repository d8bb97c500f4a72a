//! Every conversation in a capture, from its packets to DNP3: transports are put back in order, TLS is opened where
//! the secrets are there, and each line has a watcher of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ieee1815::decode::{Flow, Item, explain::Watcher};

use super::capture::{Carried, Packet, Unread};
use super::keys::Keys;
use super::print::{Printer, Source};
use super::tcp::{Brought, Reassembly};
use super::tls::{self, Tls};

/// What DNP3 listens on by IANA's list: TCP and UDP, and TLS.
const PORTS: [u16; 2] = [20_000, 19_999];
/// Octets that a connection may begin with before it is clear what it carries.
const GUESS_OCTETS_MAX: usize = 4_096;
const LINK_START: [u8; 2] = [0x05, 0x64];

/// See the module.
pub(crate) struct Lines {
    printer: Printer,
    keys: Keys,
    ports: Vec<u16>,
    lines: BTreeMap<(SocketAddr, SocketAddr, bool), Line>,
    last: Duration,
    /// Packets of link types that are not known here.
    links: BTreeMap<i32, u64>,
    /// Packets of interfaces that the capture does not describe.
    undescribed: u64,
}

/// What a line carries.
enum Content {
    /// Not clear yet: the octets so far, in order, each with its direction.
    Unknown(Vec<(bool, Vec<u8>)>),
    Dnp3,
    Tls(Box<Tls>),
    /// Nothing for us.
    Other,
}

/// A conversation of two sockets. Directions: `true` is from the lower address.
struct Line {
    streams: [Reassembly; 2],
    content: Content,
    by_port: bool,
    flows: [Flow; 2],
    watcher: Watcher,
}

impl Line {
    fn new(by_port: bool) -> Self {
        Self {
            streams: <[Reassembly; 2]>::default(),
            content: Content::Unknown(Vec::new()),
            by_port,
            flows: <[Flow; 2]>::default(),
            watcher: Watcher::new(),
        }
    }
}

fn side<T>(both: &mut [T; 2], forward: bool) -> &mut T {
    let [first, second] = both;
    if forward { first } else { second }
}

impl Lines {
    pub(crate) fn new(printer: Printer, keys: Keys, ports: &[u16]) -> Self {
        let ports = if ports.is_empty() { PORTS.to_vec() } else { ports.to_vec() };
        Self {
            printer,
            keys,
            ports,
            lines: BTreeMap::new(),
            last: Duration::ZERO,
            links: BTreeMap::new(),
            undescribed: 0,
        }
    }

    pub(crate) fn secrets(&mut self, secrets: &[u8]) {
        self.keys.add(secrets);
    }

    /// A packet that nobody can say anything of.
    pub(crate) fn undescribed(&mut self) {
        self.printer.packet();
        self.printer.other_packet();
        self.undescribed += 1;
    }

    pub(crate) fn packet(&mut self, packet: &Packet) {
        self.printer.packet();
        self.last = self.last.max(packet.time);
        let segment = match packet.segment() {
            Ok(segment) => segment,
            Err(unread) => {
                if let Unread::Link(link) = unread {
                    *self.links.entry(link).or_default() += 1;
                }
                return self.printer.other_packet();
            }
        };
        let (from, to) = (segment.from, segment.to);
        let forward = from <= to;
        let udp = matches!(segment.carried, Carried::Udp { .. });
        let by_port = self.ports.contains(&from.port()) || self.ports.contains(&to.port());
        let key = if forward { (from, to, udp) } else { (to, from, udp) };
        let source = Source {
            packet: Some(packet.number),
            time: Some(packet.time),
            ends: Some((from, to)),
            transport: if udp { "UDP" } else { "TCP" },
        };
        match segment.carried {
            Carried::Udp { octets } => {
                let line = self.lines.entry(key).or_insert_with(|| Line::new(by_port));
                if by_port || octets.starts_with(&LINK_START) {
                    line.content = Content::Dnp3;
                    line.dnp3(forward, octets, &source, &mut self.printer);
                    line.gap(forward, &source, &mut self.printer);
                }
            }
            Carried::Tcp { sequence, acknowledged, syn, fin, reset, octets } => {
                let begins_anew = |line: &mut Line| {
                    syn && acknowledged.is_none() && side(&mut line.streams, forward).is_another(sequence)
                };
                if self.lines.get_mut(&key).is_some_and(begins_anew)
                    && let Some(old) = self.lines.remove(&key)
                {
                    old.finish(&source, &self.keys, &mut self.printer);
                }
                let line = self.lines.entry(key).or_insert_with(|| Line::new(by_port));
                if syn {
                    side(&mut line.streams, forward).begin(sequence);
                }
                let sequence = if syn { sequence.wrapping_add(1) } else { sequence };
                if let Some(number) = acknowledged {
                    for brought in side(&mut line.streams, !forward).acknowledged(number) {
                        line.brought(!forward, brought, &source.turned(), &self.keys, &mut self.printer);
                    }
                }
                for brought in side(&mut line.streams, forward).push(sequence, octets) {
                    line.brought(forward, brought, &source, &self.keys, &mut self.printer);
                }
                if (fin || reset) && (line.by_port || matches!(line.content, Content::Dnp3)) {
                    let how = if reset { "resets the connection" } else { "closes its side" };
                    self.printer.event(&source, "tcp", how);
                }
            }
        }
    }

    /// Everything is in.
    pub(crate) fn finish(mut self) -> Printer {
        for ((from, to, udp), line) in self.lines {
            let transport = if udp { "UDP" } else { "TCP" };
            let source = Source { packet: None, time: Some(self.last), ends: Some((from, to)), transport };
            line.finish(&source, &self.keys, &mut self.printer);
        }
        for (link, packets) in self.links {
            let text = format!("{packets} packets of link type {link}, which is not known here");
            self.printer.remark("link-type", text);
        }
        if self.undescribed > 0 {
            let text =
                format!("{} packets of interfaces that the capture does not describe", self.undescribed);
            self.printer.remark("interface", text);
        }
        if self.printer.is_nothing() {
            let ports: Vec<String> = self.ports.iter().map(u16::to_string).collect();
            let text = format!(
                "no DNP3 found; it is looked for on the ports {} and in what begins like it elsewhere: \
                 --port N names another",
                ports.join(", ")
            );
            self.printer.remark("no-dnp3", text);
        }
        self.printer
    }
}

impl Line {
    fn brought(
        &mut self,
        forward: bool,
        brought: Brought,
        source: &Source,
        keys: &Keys,
        printer: &mut Printer,
    ) {
        match brought {
            Brought::Again(octets) => {
                if !matches!(self.content, Content::Other) && (self.by_port || self.is_dnp3()) {
                    printer.event(source, "tcp", &format!("sends {octets} octets once more"));
                }
            }
            Brought::Missing(octets) => {
                if self.is_dnp3() {
                    self.watcher.missing(source.time.unwrap_or_default(), octets);
                    printer.findings(source, self.watcher.take());
                    self.gap(forward, source, printer);
                } else if let Content::Tls(tls) = &mut self.content {
                    let text = format!("{octets} octets are not in the capture");
                    if tls.gap(forward) {
                        printer.unreadable(source, &text);
                    } else {
                        printer.event(source, "tls", &text);
                    }
                }
            }
            Brought::Octets(octets) => self.octets(forward, &octets, source, keys, printer),
        }
    }

    fn is_dnp3(&self) -> bool {
        matches!(self.content, Content::Dnp3)
    }

    fn octets(&mut self, forward: bool, octets: &[u8], source: &Source, keys: &Keys, printer: &mut Printer) {
        match &mut self.content {
            Content::Other => {}
            Content::Dnp3 => self.dnp3(forward, octets, source, printer),
            Content::Tls(tls) => {
                let opened = tls.push(forward, octets, keys);
                self.opened(opened, source, printer);
            }
            Content::Unknown(held) => {
                let first = held.iter().any(|(direction, _)| *direction == forward);
                held.push((forward, octets.to_vec()));
                let start: Vec<u8> = held
                    .iter()
                    .filter(|(direction, _)| *direction == forward)
                    .flat_map(|(_, octets)| octets.iter().copied())
                    .collect();
                let total: usize = held.iter().map(|(_, octets)| octets.len()).sum();
                let content = if start.len() >= 2 && start.starts_with(&LINK_START) {
                    Content::Dnp3
                } else if tls::begins(&start) {
                    Content::Tls(Box::default())
                } else if self.by_port && (start.len() >= 2 || first) {
                    Content::Dnp3
                } else if total > GUESS_OCTETS_MAX || start.len() >= 2 {
                    Content::Other
                } else {
                    return;
                };
                let held = std::mem::take(held);
                self.content = content;
                for (direction, octets) in held {
                    let turned = source.turned();
                    let source = if direction == forward { source } else { &turned };
                    self.octets(direction, &octets, source, keys, printer);
                }
            }
        }
    }

    fn dnp3(&mut self, forward: bool, octets: &[u8], source: &Source, printer: &mut Printer) {
        let items = side(&mut self.flows, forward).push(octets);
        self.items(&items, source, printer);
    }

    fn gap(&mut self, forward: bool, source: &Source, printer: &mut Printer) {
        let items = side(&mut self.flows, forward).gap();
        self.items(&items, source, printer);
    }

    fn opened(&mut self, opened: Vec<tls::Opened>, source: &Source, printer: &mut Printer) {
        let inside = Source { transport: "TLS", ..*source };
        for one in opened {
            match one {
                tls::Opened::Data(forward, octets) => self.dnp3(forward, &octets, &inside, printer),
                tls::Opened::Told(text) => printer.event(&inside, "tls", &text),
                tls::Opened::Closed(why) => printer.unreadable(&inside, &why),
            }
        }
    }

    fn items(&mut self, items: &[Item], source: &Source, printer: &mut Printer) {
        for item in items {
            self.watcher.item(source.time.unwrap_or_default(), item);
            printer.item(source, item);
            printer.findings(source, self.watcher.take());
        }
    }

    fn finish(mut self, source: &Source, keys: &Keys, printer: &mut Printer) {
        for forward in [true, false] {
            let turned = source.turned();
            let source = if forward { source } else { &turned };
            for brought in side(&mut self.streams, forward).finish() {
                self.brought(forward, brought, source, keys, printer);
            }
            let items = side(&mut self.flows, forward).finish();
            self.items(&items, source, printer);
        }
        self.watcher.finish(source.time.unwrap_or_default());
        printer.findings(source, self.watcher.take());
    }
}
