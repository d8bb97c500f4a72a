//! The communication block diagram: field devices, the device, the way to the ISO, its masters.

use maud::{Markup, html};
use site::{Access, Device, Protocol, Reach, Site};

const BOX_WIDTH: usize = 250;
const BOX_HEIGHT: usize = 58;
const GAP: usize = 18;
const TOP: usize = 70;
const COLUMN_X: [usize; 3] = [20, 400, 780];
const WIDTH: usize = 1050;

/// A box: a bold line and smaller ones below.
struct Block {
    column: usize,
    y: usize,
    lines: Vec<String>,
}

pub(crate) fn svg(site: &Site) -> String {
    let devices = site.devices.iter().map(|device| {
        vec![device.id.to_string(), device.access.to_string().replace(", unit", " unit"), protocol(device)]
    });
    let masters = site.masters.iter().map(|master| {
        let control = if master.control { "reads and controls" } else { "reads" };
        vec![master.name.to_string(), format!("DNP3 address {}", master.address), control.to_owned()]
    });
    let left = column(0, devices.collect());
    let right = column(2, masters.collect());
    let height = TOP + rows_height(left.len().max(right.len()).max(1)) + GAP;
    let device = Block {
        column: 1,
        y: (TOP + height - GAP - BOX_HEIGHT) / 2,
        lines: vec![
            site.master_file.device_name.as_deref().map_or_else(|| site.name.to_string(), str::to_owned),
            format!("{} DNP3 address {}", site.outstation.listen, site.outstation.address),
            format!("outstation; TLS {} or later", site.tls_floor),
        ],
    };
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}"))
            width=(WIDTH) height=(height) font-family="sans-serif" font-size="13" {
            title { "Communication block diagram of " (site.name) }
            rect width="100%" height="100%" fill="#fff" {}
            text x="20" y="28" font-size="18" font-weight="bold" { (site.name) }
            (heading(0, "Plant"))
            (heading(1, "Real-time device"))
            (heading(2, "ISO"))
            @for one in &left { (wire(one, &device)) }
            @for one in &right { (wire(&device, one)) }
            (label(0, &field_protocols(site)))
            (label(1, "DNP3, mutual TLS"))
            @for one in left.iter().chain(&right) { (draw(one)) }
            (draw(&device))
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", picture.into_string())
}

fn rows_height(rows: usize) -> usize {
    rows * (BOX_HEIGHT + GAP)
}

fn column(column: usize, texts: Vec<Vec<String>>) -> Vec<Block> {
    texts
        .into_iter()
        .enumerate()
        .map(|(row, lines)| Block { column, y: TOP + rows_height(row), lines })
        .collect()
}

fn x(column: usize) -> usize {
    COLUMN_X.get(column).copied().unwrap_or_default()
}

fn heading(column: usize, text: &str) -> Markup {
    html! { text x=(x(column)) y=(TOP - 12) fill="#555" { (text) } }
}

fn draw(block: &Block) -> Markup {
    let x = x(block.column);
    html! {
        rect x=(x) y=(block.y) width=(BOX_WIDTH) height=(BOX_HEIGHT) rx="4" fill="#f4f4f4" stroke="#333" {}
        @for (at, line) in block.lines.iter().enumerate() {
            text x=(x + 10) y=(block.y + 19 + at * 16)
                font-weight=(if at == 0 { "bold" } else { "normal" })
                font-size=(if at == 0 { "13" } else { "11" }) { (shortened(line)) }
        }
    }
}

/// Cut to what a box holds; the other papers have the whole.
fn shortened(line: &str) -> String {
    const LETTERS_MAX: usize = 36;
    if line.chars().count() <= LETTERS_MAX {
        return line.to_owned();
    }
    line.chars().take(LETTERS_MAX - 1).chain(['\u{2026}']).collect()
}

fn wire(from: &Block, to: &Block) -> Markup {
    let (x1, x2) = (x(from.column) + BOX_WIDTH, x(to.column));
    let (y1, y2) = (from.y + BOX_HEIGHT / 2, to.y + BOX_HEIGHT / 2);
    let middle = (x1 + x2) / 2;
    html! { path d=(format!("M{x1} {y1} H{middle} V{y2} H{x2}")) fill="none" stroke="#333" {} }
}

/// What runs on the wires of one side, above them.
fn label(side: usize, what: &str) -> Markup {
    let middle = x(side) + BOX_WIDTH + (x(side + 1) - x(side) - BOX_WIDTH) / 2;
    html! { text x=(middle) y=(TOP - 12) font-size="11" text-anchor="middle" fill="#333" { (what) } }
}

/// What runs between the plant and the device, each once.
fn field_protocols(site: &Site) -> String {
    let all = site.devices.iter().map(|device| protocol(device).trim_end_matches(", SunSpec").to_owned());
    let all: std::collections::BTreeSet<String> = all.collect();
    all.into_iter().collect::<Vec<_>>().join("; ")
}

/// What a device speaks, and over what.
fn protocol(device: &Device) -> String {
    let modbus = match &device.access {
        Access::Modbus(modbus) if matches!(modbus.reach, Reach::Serial(_)) => "Modbus RTU",
        Access::Modbus(_) => "Modbus/TCP",
        Access::Dnp3(dnp3) => return if dnp3.tls.is_some() { "DNP3, mutual TLS" } else { "DNP3" }.to_owned(),
        Access::Csv(_) => return "replayed file".to_owned(),
        Access::Sparkplug(sparkplug) => return format!("MQTT Sparkplug B, broker {}", sparkplug.address),
        Access::OpcUa(opcua) => return format!("OPC UA, {}", opcua.endpoint),
    };
    match device.protocol {
        Protocol::SunSpec => format!("{modbus}, SunSpec"),
        _ => modbus.to_owned(),
    }
}
