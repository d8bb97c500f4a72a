//! What a replay came to, in words and as JSON.

use rtd::capture::{Came, Header, Summary};
use rtd::core::{FieldEvent, Input, Output};
use serde_json::{Value, json};
use site::Site;

use crate::decode;
use crate::output::say;

/// How the file ends, where the replay came so far.
pub(super) fn end(summary: &Summary) -> String {
    summary.end.as_ref().map_or_else(|| "it was told to end there".to_owned(), ToString::to_string)
}

pub(super) fn lines(header: &Header, site: &Site, summary: &Summary) -> Vec<String> {
    let Summary { inputs, writes, octets, device_writes, last, .. } = summary;
    let begun = header.now();
    let seconds = last.mono.since(begun.mono).as_secs_f64();
    let verdict = if summary.differences == 0 { "identical" } else { "NOT identical" };
    let unanswered = if summary.unanswered {
        " (the answer to the last input is not in the file: the device may have died of it)"
    } else {
        ""
    };
    vec![
        format!("{} by openrtd {}, start {} at {}", site.name, header.openrtd, header.boot, begun.wall),
        format!("{inputs} inputs in {seconds:.1} s until {}: {}", last.wall, end(summary)),
        format!(
            "{octets} octets to masters in {writes} writes, {device_writes} writes to devices: {verdict}{unanswered}"
        ),
        format!("sha256 {}", summary.sha256),
    ]
}

pub(super) fn json(header: &Header, site: &Site, summary: &Summary) -> Value {
    let first = summary.first.as_ref().map(|first| {
        json!({
            "input": first.number, "time": first.now.wall, "after": came(site, &first.came),
            "recorded": all(site, &first.recorded), "replayed": all(site, &first.replayed),
        })
    });
    json!({
        "site": site.name, "openrtd": header.openrtd, "boot": header.boot, "profile": header.profile,
        "site_sha256": header.site_sha256, "overlay_sha256": header.overlay_sha256,
        "from": header.now().wall, "until": summary.last.wall, "inputs": summary.inputs,
        "unanswered": summary.unanswered, "writes": summary.writes, "octets": summary.octets,
        "sha256": summary.sha256, "device_writes": summary.device_writes,
        "identical": summary.differences == 0, "differences": summary.differences, "first": first,
        "end": end(summary),
    })
}

/// The first answer that differs, dissected, for people.
pub(super) fn difference(site: &Site, summary: &Summary) {
    let Some(first) = &summary.first else { return };
    let head = format!(
        "first difference at input {}, {}: {}",
        first.number,
        first.now.wall,
        came(site, &first.came)
    );
    let shown = |what: &str, outputs: &[Output]| {
        let nothing = if outputs.is_empty() { ": nothing" } else { ":" };
        say(&format!("{what}{nothing}"))?;
        for output in outputs {
            say(&format!("  {}", left(site, output)))?;
            if let Output::Octets { octets, .. } = output {
                decode::show(octets);
            }
        }
        Ok(())
    };
    // A reader that went away wants no more.
    let _: Result<(), crate::output::Gone> =
        say(&head).and_then(|()| shown("then", &first.recorded)).and_then(|()| shown("now", &first.replayed));
}

fn name(site: &Site, master: rtd::core::MasterIx) -> String {
    let named = site.masters.get(master.get()).map(|master| master.name.to_string());
    named.unwrap_or_else(|| format!("master {}", master.get()))
}

fn device(site: &Site, device: site::DeviceIx) -> String {
    let named = site.devices.get(device.get()).map(|device| device.id.to_string());
    named.unwrap_or_else(|| format!("device {}", device.get()))
}

/// An input in words.
fn came(site: &Site, came: &Came) -> String {
    let input = match came {
        Came::Site(_) => return "another site was loaded".to_owned(),
        Came::Input(input) => input,
    };
    match input {
        Input::Field(FieldEvent::Report(report)) => format!("a poll of {}", device(site, report.device)),
        Input::Field(FieldEvent::Written { device: at, .. }) => {
            format!("the end of a write to {}", device(site, *at))
        }
        Input::Connected { master, .. } => format!("{} connected", name(site, *master)),
        Input::Disconnected { master, why } => format!("{} was gone: {why}", name(site, *master)),
        Input::Octets { master, octets } => format!("{} sent {}", name(site, *master), hex(octets)),
        Input::ToldBefore(told) => {
            let each: Vec<String> =
                told.iter().map(|(point, device)| format!("{device} for {point}")).collect();
            format!("told before the start and not given back: {}", each.join(", "))
        }
        Input::Operate(order) => format!("{} by hand at {}: {:?}", order.who, order.point, order.action),
        Input::Time => "time passed".to_owned(),
    }
}

fn left(site: &Site, output: &Output) -> String {
    match output {
        Output::Octets { master, octets } => format!("to {}: {}", name(site, *master), hex(octets)),
        Output::Write { device: at, request, write } => {
            format!("write {request} to {}: {write:?}", device(site, *at))
        }
        Output::Record(record) => format!("{record:?}"),
    }
}

fn all(site: &Site, outputs: &[Output]) -> Vec<Value> {
    let one = |output: &Output| match output {
        Output::Octets { master, octets } => json!({"master": name(site, *master), "octets": hex(octets)}),
        other => json!({"text": left(site, other)}),
    };
    outputs.iter().map(one).collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}
