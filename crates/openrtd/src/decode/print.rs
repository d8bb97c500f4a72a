//! What was found, for people (a line for each layer) or for programs (a JSON object a line).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use ieee1815::decode::explain::{Finding, Grade};
use ieee1815::decode::{Application, Block, Extent, Fragment, Frame, Hex, Item, Object, Stamp, names};
use serde_json::{Value, json};

use crate::output::say;

/// Objects of one header that a person is shown.
const OBJECTS_MAX: usize = 16;

/// Octets that cannot be read, of which a person is shown so many.
const OCTETS_MAX: usize = 64;

/// Octets for a person.
fn short(octets: &[u8]) -> String {
    match octets.split_at_checked(OCTETS_MAX) {
        Some((shown, rest)) if !rest.is_empty() => format!("{} and {} octets more", Hex(shown), rest.len()),
        _ => Hex(octets).to_string(),
    }
}

/// Where something was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Source {
    pub(crate) packet: Option<u64>,
    pub(crate) time: Option<Duration>,
    pub(crate) ends: Option<(SocketAddr, SocketAddr)>,
    pub(crate) transport: &'static str,
}

impl Source {
    /// The other direction.
    pub(crate) fn turned(&self) -> Self {
        Self { ends: self.ends.map(|(from, to)| (to, from)), ..*self }
    }

    fn line(&self) -> String {
        let mut line = String::new();
        if let Some(packet) = self.packet {
            let _ = write!(line, "#{packet} ");
        }
        if let Some(time) = self.time {
            let _ = write!(line, "{} ", stamp(time));
        }
        if let Some((from, to)) = self.ends {
            let _ = write!(line, "{from} > {to} {}", self.transport);
        }
        line
    }

    fn json(&self, kind: &str) -> Value {
        let mut value = json!({ "kind": kind });
        if let Some(packet) = self.packet {
            value["packet"] = packet.into();
        }
        if let Some(time) = self.time {
            value["time"] = stamp(time).into();
        }
        if let Some((from, to)) = self.ends {
            value["from"] = from.to_string().into();
            value["to"] = to.to_string().into();
            value["transport"] = self.transport.into();
        }
        value
    }
}

fn stamp(time: Duration) -> String {
    let whole = Stamp(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).to_string();
    format!("{}{:03}Z", whole.trim_end_matches('Z'), time.subsec_micros() % 1_000)
}

/// See the module.
pub(crate) struct Printer {
    json: bool,
    explain: bool,
    gone: bool,
    last: Option<String>,
    counts: BTreeMap<&'static str, u64>,
    reasons: BTreeMap<&'static str, u64>,
    grades: BTreeMap<Grade, u64>,
}

impl Printer {
    pub(crate) fn new(json: bool, explain: bool) -> Self {
        let counts = ["packets", "other_packets", "frames", "fragments", "skipped_octets", "unreadable"];
        Self {
            json,
            explain,
            gone: false,
            last: None,
            counts: counts.into_iter().map(|name| (name, 0)).collect(),
            reasons: BTreeMap::new(),
            grades: [Grade::Note, Grade::Warning, Grade::Error].into_iter().map(|grade| (grade, 0)).collect(),
        }
    }

    fn count(&mut self, what: &'static str, by: usize) {
        *self.counts.entry(what).or_default() += u64::try_from(by).unwrap_or_default();
    }

    fn reason(&mut self, reason: ieee1815::decode::Reason) {
        *self.reasons.entry(reason.code()).or_default() += 1;
    }

    fn out(&mut self, line: &str) {
        // Whoever closed the other end wants no more; the exit code still tells.
        self.gone = self.gone || say(line).is_err();
    }

    fn text(&mut self, source: &Source, line: &str) {
        let head = source.line();
        if self.last.as_ref() != Some(&head) {
            if !head.is_empty() {
                self.out(&head);
            }
            self.last = Some(head);
        }
        self.out(line);
    }

    pub(crate) fn packet(&mut self) {
        self.count("packets", 1);
    }

    /// A packet that is neither TCP nor UDP.
    pub(crate) fn other_packet(&mut self) {
        self.count("other_packets", 1);
    }

    /// Something below DNP3.
    pub(crate) fn event(&mut self, source: &Source, layer: &str, text: &str) {
        if self.json {
            let mut value = source.json("event");
            value["layer"] = layer.into();
            value["text"] = text.into();
            self.out(&value.to_string());
        } else {
            self.text(source, &format!("  {layer:<12}{text}"));
        }
    }

    /// A conversation that cannot be read for want of secrets.
    pub(crate) fn unreadable(&mut self, source: &Source, why: &str) {
        self.count("unreadable", 1);
        self.event(source, "tls", why);
    }

    pub(crate) fn item(&mut self, source: &Source, item: &Item) {
        match item {
            Item::Skipped { octets, reason } => {
                self.count("skipped_octets", octets.len());
                self.reason(*reason);
                if self.json {
                    let mut value = source.json("skipped");
                    value["octets"] = Hex(octets).to_string().into();
                    value["reason"] = reason.code().into();
                    self.out(&value.to_string());
                } else {
                    let text =
                        format!("  {:<12}{} octets: {reason}: {}", "skipped", octets.len(), short(octets));
                    self.text(source, &text);
                }
            }
            Item::Frame(frame) => self.frame(source, frame),
            Item::Fragment(fragment) => self.fragment(source, fragment),
            Item::Dropped { ends, octets, reason } => {
                self.reason(*reason);
                if self.json {
                    let mut value = source.json("dropped");
                    value["source"] = ends.source.into();
                    value["destination"] = ends.destination.into();
                    value["octets"] = (*octets).into();
                    value["reason"] = reason.code().into();
                    self.out(&value.to_string());
                } else {
                    self.text(source, &format!("  {:<12}{octets} octets dropped: {reason}", "transport"));
                }
            }
        }
    }

    fn frame(&mut self, source: &Source, frame: &Frame) {
        self.count("frames", 1);
        if let Some(reason) = frame.problem {
            self.reason(reason);
        }
        let name = frame.function_name().unwrap_or("UNKNOWN");
        if self.json {
            let mut value = source.json("frame");
            value["source"] = frame.source.into();
            value["destination"] = frame.destination.into();
            value["from_master"] = frame.from_master().into();
            value["control"] = frame.control.into();
            value["function"] = name.into();
            value["length"] = frame.length.into();
            value["blocks_good"] = frame.blocks.iter().map(|block| block.good).collect::<Vec<_>>().into();
            if let Some(transport) = frame.transport() {
                value["transport_layer"] =
                    json!({"fir": transport.fir, "fin": transport.fin, "sequence": transport.sequence});
            }
            if let Some(reason) = frame.problem {
                value["reason"] = reason.code().into();
            }
            return self.out(&value.to_string());
        }
        let direction = if frame.from_master() { "master to outstation" } else { "outstation to master" };
        let bits = [("PRM", frame.primary()), ("DFC", frame.data_flow_control())];
        let mut bits: Vec<&str> = bits.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
        if let Some(count) = frame.frame_count() {
            bits.push(if count { "FCV FCB=1" } else { "FCV FCB=0" });
        }
        let special =
            names::special_address(frame.destination).map_or_else(String::new, |text| format!(" ({text})"));
        let good = frame.blocks.iter().filter(|block| block.good).count();
        let line = format!(
            "  {:<12}{} > {}{special} {direction}, {name} {} len {} control 0x{:02X}, header CRC good, {good} of {} data CRCs good",
            "link",
            frame.source,
            frame.destination,
            bits.join(" "),
            frame.length,
            frame.control,
            frame.blocks.len(),
        );
        self.text(source, &line);
        if let Some(reason) = frame.problem {
            self.text(source, &format!("  {:<12}! {reason}", ""));
        }
        if let Some(transport) = frame.transport() {
            let text = format!(
                "  {:<12}{}{}seq {}, {} octets",
                "transport",
                if transport.fir { "FIR " } else { "" },
                if transport.fin { "FIN " } else { "" },
                transport.sequence,
                frame.user.len().saturating_sub(1)
            );
            self.text(source, &text);
        }
    }

    fn fragment(&mut self, source: &Source, fragment: &Fragment) {
        self.count("fragments", 1);
        let application = match fragment.application() {
            Ok(application) => application,
            Err(reason) => {
                self.reason(reason);
                if self.json {
                    let mut value = source.json("fragment");
                    value["octets"] = Hex(&fragment.octets).to_string().into();
                    value["reason"] = reason.code().into();
                    return self.out(&value.to_string());
                }
                return self.text(
                    source,
                    &format!("  {:<12}! {reason}: {}", "application", short(&fragment.octets)),
                );
            }
        };
        if let Some(reason) = application.problem() {
            self.reason(reason);
        }
        if self.json {
            return self.fragment_json(source, fragment, &application);
        }
        let name = application.function_name().map_or_else(
            || format!("function {}", application.function),
            |name| format!("{name} ({})", application.function),
        );
        let control = application.control;
        let bits =
            [("FIR ", control.fir), ("FIN ", control.fin), ("CON ", control.con), ("UNS ", control.uns)];
        let bits: String = bits.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
        let iin = application.iin.map_or_else(String::new, |iin| {
            let names: Vec<_> = names::indications(iin).collect();
            let [one, two] = iin.bits().to_le_bytes();
            format!(", IIN {one:02X} {two:02X} {}", names.join(" "))
        });
        let line = format!("  {:<12}{name} {bits}seq {}{iin}", "application", control.sequence);
        self.text(source, line.trim_end());
        if let Some(reason) = application.problem() {
            self.text(source, &format!("  {:<12}! {reason}", ""));
        }
        for block in application.blocks() {
            match block {
                Ok(block) => self.block(source, &block),
                Err(unreadable) => {
                    self.reason(unreadable.reason);
                    let text = format!("    ! {}: {}", unreadable.reason, short(unreadable.octets));
                    self.text(source, &text);
                }
            }
        }
    }

    fn block(&mut self, source: &Source, block: &Block<'_>) {
        let extent = match block.extent {
            Extent::All => "all".to_owned(),
            Extent::StartStop(start, stop) => format!("{start} to {stop}"),
            Extent::Count(count) | Extent::Indexed(count) | Extent::Sized(count) => format!("count {count}"),
        };
        let line = format!(
            "    g{}v{} {}, {}: {extent} (qualifier 0x{:02X})",
            block.group,
            block.variation,
            block.group_name().unwrap_or("unknown group"),
            block.variation_name().unwrap_or("unknown variation"),
            block.qualifier
        );
        self.text(source, &line);
        if let Some(reason) = block.problem {
            self.reason(reason);
            self.text(source, &format!("      ! {reason}"));
        }
        let mut more = 0;
        for (number, object) in block.objects().enumerate() {
            if let Some(reason) = object.problem {
                self.reason(reason);
            }
            if number >= OBJECTS_MAX && object.problem.is_none() {
                more += 1;
                continue;
            }
            self.text(source, &format!("      {}", object_line(&object)));
        }
        if more > 0 {
            self.text(source, &format!("      and {more} more"));
        }
    }

    fn fragment_json(&mut self, source: &Source, fragment: &Fragment, application: &Application<'_>) {
        let mut value = source.json("fragment");
        value["source"] = fragment.ends.source.into();
        value["destination"] = fragment.ends.destination.into();
        value["from_master"] = fragment.ends.from_master.into();
        value["function"] = application.function.into();
        value["function_name"] = application.function_name().into();
        let control = application.control;
        value["control"] = json!({"fir": control.fir, "fin": control.fin, "con": control.con,
            "uns": control.uns, "sequence": control.sequence});
        if let Some(iin) = application.iin {
            value["iin"] = names::indications(iin).collect::<Vec<_>>().into();
        }
        if let Some(reason) = application.problem() {
            value["reason"] = reason.code().into();
        }
        let mut blocks = Vec::new();
        for block in application.blocks() {
            blocks.push(match block {
                Ok(block) => self.block_json(&block),
                Err(unreadable) => {
                    self.reason(unreadable.reason);
                    json!({"reason": unreadable.reason.code(), "octets": Hex(unreadable.octets).to_string()})
                }
            });
        }
        value["objects"] = blocks.into();
        value["octets"] = Hex(&fragment.octets).to_string().into();
        self.out(&value.to_string());
    }

    fn block_json(&mut self, block: &Block<'_>) -> Value {
        let mut value = json!({
            "group": block.group, "variation": block.variation, "qualifier": block.qualifier,
            "name": block.group_name(), "variation_name": block.variation_name(), "count": block.count(),
        });
        if let Extent::StartStop(start, stop) = block.extent {
            value["start"] = start.into();
            value["stop"] = stop.into();
        }
        if let Some(reason) = block.problem {
            self.reason(reason);
            value["reason"] = reason.code().into();
        }
        let objects: Vec<Value> = block
            .objects()
            .map(|object| {
                let mut one = json!({});
                if let Some(index) = object.index {
                    one["index"] = index.into();
                }
                for field in &object.fields {
                    one[field.name] = field.value.to_string().into();
                }
                if let Some(reason) = object.problem {
                    self.reason(reason);
                    one["reason"] = reason.code().into();
                }
                one
            })
            .collect();
        value["objects"] = objects.into();
        value
    }

    pub(crate) fn findings(&mut self, source: &Source, findings: Vec<Finding>) {
        for finding in findings {
            *self.grades.entry(finding.grade).or_default() += 1;
            if !self.explain {
                continue;
            }
            if self.json {
                let mut value = source.json("finding");
                value["grade"] = finding.grade.to_string().into();
                value["code"] = finding.code.into();
                value["text"] = finding.text.into();
                if let Some(ends) = finding.ends {
                    value["source"] = ends.source.into();
                    value["destination"] = ends.destination.into();
                }
                self.out(&value.to_string());
            } else {
                self.text(source, &format!("  => {}: {} [{}]", finding.grade, finding.text, finding.code));
            }
        }
    }

    /// The sum of it. Gives the number of errors.
    pub(crate) fn end(mut self) -> u64 {
        let of = |grade| self.grades.get(&grade).copied().unwrap_or_default();
        let (notes, warnings, errors) = (of(Grade::Note), of(Grade::Warning), of(Grade::Error));
        if self.json {
            let mut value = json!({ "kind": "summary" });
            for (name, count) in &self.counts {
                value[*name] = (*count).into();
            }
            value["reasons"] = json!(self.reasons);
            value["notes"] = notes.into();
            value["warnings"] = warnings.into();
            value["errors"] = errors.into();
            self.out(&value.to_string());
        } else {
            let of = |what| self.counts.get(what).copied().unwrap_or_default();
            let line = format!(
                "{} packets, {} frames, {} fragments: {errors} errors, {warnings} warnings, {notes} notes",
                of("packets"),
                of("frames"),
                of("fragments")
            );
            self.out(&line);
        }
        errors
    }
}

fn object_line(object: &Object<'_>) -> String {
    let mut line = object.index.map_or_else(String::new, |index| format!("[{index}]"));
    for field in &object.fields {
        let _ = write!(line, "{}{} {}", if line.is_empty() { "" } else { " " }, field.name, field.value);
    }
    if let Some(reason) = object.problem {
        let _ = write!(line, " ! {reason}");
    }
    line
}
