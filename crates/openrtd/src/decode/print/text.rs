//! Items as lines for people.

use std::fmt::Write as _;

use ieee1815::decode::{Block, Extent, Fragment, Frame, Hex, Item, Object, names};

use super::{Source, stamp};

/// Objects of one header that a person is shown.
const OBJECTS_MAX: usize = 16;
/// Octets that cannot be read, of which a person is shown so many.
const OCTETS_MAX: usize = 64;

/// What the lines of a packet stand under.
pub(super) fn head(source: &Source) -> String {
    let mut line = String::new();
    if let Some(packet) = source.packet {
        let _ = write!(line, "#{packet} ");
    }
    if let Some(time) = source.time {
        let _ = write!(line, "{} ", stamp(time));
    }
    if let Some((from, to)) = source.ends {
        let _ = write!(line, "{from} > {to} {}", source.transport);
    }
    line
}

/// A line of a layer.
pub(super) fn line(layer: &str, text: &str) -> String {
    format!("  {layer:<12}{text}")
}

fn short(octets: &[u8]) -> String {
    match octets.split_at_checked(OCTETS_MAX) {
        Some((shown, rest)) if !rest.is_empty() => format!("{} and {} octets more", Hex(shown), rest.len()),
        _ => Hex(octets).to_string(),
    }
}

pub(super) fn item(item: &Item) -> Vec<String> {
    match item {
        Item::Skipped { octets, reason } => {
            vec![line("skipped", &format!("{} octets: {reason}: {}", octets.len(), short(octets)))]
        }
        Item::Frame(one) => frame(one),
        Item::Fragment(one) => fragment(one),
        Item::Dropped { octets, reason, .. } => {
            vec![line("transport", &format!("{octets} octets dropped: {reason}"))]
        }
    }
}

fn frame(frame: &Frame) -> Vec<String> {
    let direction = if frame.from_master() { "master to outstation" } else { "outstation to master" };
    let mut bits = Vec::new();
    if frame.primary() {
        bits.push("PRM");
    }
    if frame.data_flow_control() {
        bits.push("DFC");
    }
    if let Some(count) = frame.frame_count() {
        bits.push(if count { "FCV FCB=1" } else { "FCV FCB=0" });
    }
    let special = names::special_address(frame.destination);
    let special = special.map_or_else(String::new, |text| format!(" ({text})"));
    let name = frame.function_name().map_or_else(|| format!("function {}", frame.function()), str::to_owned);
    let good = frame.blocks.iter().filter(|block| block.good).count();
    let text = format!(
        "{} > {}{special} {direction}, {name} {} len {} control 0x{:02X}, header CRC good, {good} of {} data CRCs good",
        frame.source,
        frame.destination,
        bits.join(" "),
        frame.length,
        frame.control,
        frame.blocks.len(),
    );
    let mut lines = vec![line("link", &text)];
    lines.extend(frame.problem.map(|reason| line("", &format!("! {reason}"))));
    if let Some(layer) = frame.transport() {
        let text = format!(
            "{}{}seq {}, {} octets",
            if layer.fir { "FIR " } else { "" },
            if layer.fin { "FIN " } else { "" },
            layer.sequence,
            frame.user.len().saturating_sub(1)
        );
        lines.push(line("transport", &text));
    }
    lines
}

fn fragment(fragment: &Fragment) -> Vec<String> {
    let application = match fragment.application() {
        Ok(application) => application,
        Err(reason) => return vec![line("application", &format!("! {reason}: {}", short(&fragment.octets)))],
    };
    let name = application.function_name().unwrap_or("UNKNOWN");
    let control = application.control;
    let bits = [("FIR ", control.fir), ("FIN ", control.fin), ("CON ", control.con), ("UNS ", control.uns)];
    let bits: String = bits.into_iter().filter(|(_, set)| *set).map(|(name, _)| name).collect();
    let mut text = format!("{name} ({}) {bits}seq {}", application.function, control.sequence);
    if let Some(iin) = application.iin {
        let [one, two] = iin.bits().to_le_bytes();
        let _ = write!(text, ", IIN {one:02X} {two:02X}");
        for name in names::indications(iin) {
            let _ = write!(text, " {name}");
        }
    }
    let mut lines = vec![line("application", &text)];
    lines.extend(application.problem().map(|reason| line("", &format!("! {reason}"))));
    for one in application.blocks() {
        match one {
            Ok(one) => block(&one, &mut lines),
            Err(one) => lines.push(format!("    ! {}: {}", one.reason, short(one.octets))),
        }
    }
    lines
}

fn block(block: &Block<'_>, lines: &mut Vec<String>) {
    let extent = match block.extent {
        Extent::All => "all".to_owned(),
        Extent::StartStop(start, stop) => format!("{start} to {stop}"),
        Extent::Count(count) | Extent::Indexed(count) | Extent::Sized(count) => format!("count {count}"),
    };
    lines.push(format!(
        "    g{}v{} {}, {}: {extent} (qualifier 0x{:02X})",
        block.group,
        block.variation,
        block.group_name().unwrap_or("unknown group"),
        block.variation_name().unwrap_or("unknown variation"),
        block.qualifier
    ));
    lines.extend(block.problem.map(|reason| format!("      ! {reason}")));
    let mut more = 0;
    for (number, one) in block.objects().enumerate() {
        if number < OBJECTS_MAX || one.problem.is_some() {
            lines.push(format!("      {}", object(&one)));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        lines.push(format!("      and {more} more"));
    }
}

fn object(object: &Object<'_>) -> String {
    let mut line = object.index.map_or_else(String::new, |index| format!("[{index}]"));
    for field in &object.fields {
        let _ = write!(line, "{}{} {}", if line.is_empty() { "" } else { " " }, field.name, field.value);
    }
    if let Some(reason) = object.problem {
        let _ = write!(line, " ! {reason}");
    }
    line
}
