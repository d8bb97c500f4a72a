//! The printable point list: for each point where it comes from, how it goes out, what judges its quality, and which
//! entries of the profile ask for it.

use maud::{Markup, html};
use rulebook::profile::{Entry, ListedPoint, Per, Severity};
use site::{DeviceIx, Point, ReadingIx, Site};
use telemetry::{PointId, ResourceKind, Scale, Sign, Unit};

use crate::{Material, page};

/// One line of the list.
struct Row<'a> {
    point: &'a Point,
    belongs: Option<&'a str>,
    /// The kind of the part that it belongs to.
    kind: Option<ResourceKind>,
    /// The met station that it belongs to, and the kind of the part that the station serves.
    station: Option<Option<ResourceKind>>,
    source: Markup,
    out: Markup,
    quality: Markup,
}

pub(crate) fn page(material: &Material<'_>) -> String {
    let site = material.site;
    let mut analogs: Vec<_> = site.analogs.iter().map(|one| analog(site, one)).collect();
    analogs.extend(site.setpoints.iter().flat_map(|one| shown(site, one)));
    analogs.extend(site.heartbeat.iter().map(heartbeat));
    let mut digitals: Vec<_> = site.digitals.iter().map(|one| digital(site, one)).collect();
    digitals.extend(site.connection.iter().map(connection));
    let outputs = site.setpoints.iter().map(|one| setpoint(site, one)).collect();
    let controls: Vec<_> = site.setpoints.iter().flat_map(|one| pulses(site, one)).collect();
    let body = html! {
        (table(material, "Analog inputs (g30, g32)", analogs))
        (table(material, "Digital inputs (g1, g2)", digitals))
        (table(material, "Analog outputs (g40, g41)", outputs))
        @if !controls.is_empty() { (table(material, "Binary outputs (g10, g12)", controls)) }
        @if site.outstation.index_offset != 0 {
            p { "Indexes are those of the sheet; on the wire they are " (site.outstation.index_offset) " away." }
        }
    };
    page::page(material, "Point list", &body)
}

fn table(material: &Material<'_>, title: &str, mut rows: Vec<Row<'_>>) -> Markup {
    // Served points by index, then those that are not served.
    rows.sort_by_key(|row| (row.point.served.index.is_none(), row.point.served.sheet_index));
    html! {
        h2 { (title) }
        @if rows.is_empty() { p { "None." } } @else {
            table {
                tr { th { "Index" } th { "Point" } th { "Source" } th { "On the wire" } th { "Quality" } th { "Role and rules" } }
                @for row in &rows {
                    tr {
                        td { @match (row.point.served.index, row.point.served.sheet_index) {
                            (Some(_), Some(index)) => { (index) }
                            (None, Some(index)) => { "(" (index) ") not served" }
                            _ => { "not served" }
                        } }
                        td {
                            (row.point.name) br;
                            code { (row.point.id) }
                            @if let Some(name) = &row.point.sheet_name { br; "sheet: " code { (name) } }
                            @if let Some(owner) = row.belongs { br; small { "of " (owner) } }
                        }
                        td { (row.source) }
                        td { (row.out) br; small { "static " (row.point.served.static_variation) ", event " (row.point.served.event_variation) ", class " (row.point.served.class) } }
                        td { (row.quality) }
                        td { (rules(material, row)) }
                    }
                }
            }
        }
    }
}

/// The entries that ask for the point's role, and what was found about it.
fn rules(material: &Material<'_>, row: &Row<'_>) -> Markup {
    let site = material.site;
    let applies = |one: &ListedPoint| match one.per {
        Per::Resource => one.kinds.contains(&site.resource),
        Per::Component => one.kinds.contains(&row.kind.unwrap_or(site.resource)),
        Per::Station => match row.station {
            Some(Some(kind)) => one.kinds.contains(&kind),
            // A station of the whole plant serves each of its parts.
            Some(None) => std::iter::once(&site.resource)
                .chain(site.components.iter().map(|part| &part.kind))
                .any(|kind| one.kinds.contains(kind)),
            None => false,
        },
    };
    let listed: Vec<&Entry> = material
        .profile
        .points
        .iter()
        .filter(|one| {
            Some(one.role.as_str()) == row.point.role.as_deref() && one.entry.in_force(material.report.as_of)
        })
        .filter(|one| applies(one))
        .map(|one| &one.entry)
        .collect();
    let named = format!("`{}`", row.point.id);
    let found = material.report.findings.iter().filter(|finding| finding.subject.ends_with(&named));
    html! {
        @match &row.point.role { Some(role) => code { (role) }, None => "no role" }
        @for entry in listed {
            br;
            small class=(if entry.certainty().is_citable() { "" } else { "unconfirmed" }) {
                code { (entry.id) } ": " (entry.provenance())
            }
        }
        @for finding in found.filter(|finding| finding.severity > Severity::Note) {
            br;
            span class=(if finding.citable { finding.severity.text() } else { "note" }) {
                @if !finding.citable { "unconfirmed " } (finding.severity.text()) ": " (finding.rule)
            }
            " found " (finding.found) "; wanted: " (finding.required)
        }
    }
}

fn analog<'a>(site: &'a Site, one: &'a site::Analog) -> Row<'a> {
    let owner = one
        .station
        .and_then(|at| site.stations.get(at.get()).map(|station| &*station.id))
        .or_else(|| component(site, one.point.component));
    Row {
        point: &one.point,
        belongs: owner,
        kind: kind(site, one.point.component),
        station: one.station.map(|at| site.stations.get(at.get()).and_then(|at| kind(site, at.component))),
        source: match (&one.source, &one.derive) {
            (None, None) => unmapped(),
            (None, Some(derive)) => derived(derive.op(), &derive.inputs()),
            (Some(source), _) => html! {
                (reading(site, source.device, source.reading))
                br;
                small { "in " (source.unit) @if source.sign == Sign::Turned { ", sign turned" } }
            },
        },
        out: html! { (one.unit) ": " (scale(one.wire, Some(one.unit))) },
        quality: html! {
            @if let Some(source) = &one.source { "age at most " (source.age_max.as_millis()) " ms" br; }
            @match one.range {
                Some((low, high)) => { "plausible " (low) " to " (high) " " (one.unit) }
                None => "no range"
            }
            @if one.deadband > 0.0 { br; "deadband " (one.deadband) " " (one.unit) }
            @if let Some(accuracy) = one.accuracy { br; "accuracy " (accuracy) " " (one.unit) }
        },
    }
}

/// What a point is made of.
fn derived(op: &str, of: &[&PointId]) -> Markup {
    html! { (op) " of " @for (at, id) in of.iter().enumerate() { @if at > 0 { ", " } code { (id) } } }
}

fn digital<'a>(site: &'a Site, one: &'a site::Digital) -> Row<'a> {
    Row {
        point: &one.point,
        belongs: component(site, one.point.component),
        kind: kind(site, one.point.component),
        station: None,
        source: match (&one.source, &one.derive) {
            (None, None) => unmapped(),
            (None, Some(derive)) => derived(derive.op(), &derive.inputs()),
            (Some(source), _) => reading(site, source.device, source.reading),
        },
        out: states(one.states.as_ref()),
        quality: html! {
            @if let Some(source) = &one.source { "age at most " (source.age_max.as_millis()) " ms" }
        },
    }
}

fn heartbeat(one: &site::Heartbeat) -> Row<'_> {
    Row {
        point: &one.point,
        belongs: None,
        kind: None,
        station: None,
        source: html! { "made in the device: advances when acquire, judge and serve have completed a cycle" },
        out: html! { "counts 0 to " (one.wrap.saturating_sub(1)) },
        quality: html! { "at most every " (one.period.as_millis()) " ms" },
    }
}

fn connection(one: &site::Connection) -> Row<'_> {
    let of: Vec<_> = one.derive.inputs().into_iter().map(ToString::to_string).collect();
    Row {
        point: &one.point,
        belongs: None,
        kind: None,
        station: None,
        source: html! { "computed: " (one.derive.op()) " of " (of.join(", ")) },
        out: states(one.states.as_ref()),
        quality: html! { "that of its inputs" },
    }
}

fn setpoint<'a>(site: &'a Site, one: &'a site::SetPoint) -> Row<'a> {
    let drives: Vec<_> = one
        .drives
        .iter()
        .filter_map(|drive| site.devices.get(drive.device.get()))
        .map(|device| &*device.id)
        .collect();
    Row {
        point: &one.point,
        belongs: component(site, one.point.component),
        kind: kind(site, one.point.component),
        station: None,
        source: html! {
            "commanded by the owner; follows " code { (one.actual) } " while the plant owns it"
            br; "carried out by " (if drives.is_empty() { "nobody yet".to_owned() } else { drives.join(", ") })
        },
        out: html! { (one.unit) ": " (scale(one.wire, Some(one.unit))) },
        quality: html! {
            "limits " (one.limits.0) " to " (one.limits.1) " " (one.unit)
            br; "held " (one.hold.as_millis()) " ms without its owner"
            @if let Some(remote) = &one.remote { br; "needs remote " code { (remote) } }
            @if let Some(connected) = &one.connected { br; "needs connection " code { (connected) } }
        },
    }
}

/// What a set point shows of itself.
fn shown<'a>(site: &'a Site, one: &'a site::SetPoint) -> impl Iterator<Item = Row<'a>> {
    one.shown().map(move |of| {
        let is_code = of.unit == Unit::Count;
        Row {
            point: of.point,
            belongs: component(site, of.point.component),
            kind: kind(site, of.point.component),
            station: None,
            source: html! { "of " code { (one.point.id) } ": " (of.says) },
            out: if is_code {
                html! { "the code" }
            } else {
                html! { (of.unit) ": " (scale(of.wire, Some(of.unit))) }
            },
            quality: if is_code {
                html! { "made in the device" }
            } else {
                html! { "that of its set point" }
            },
        }
    })
}

/// The controls whose pulses move a set point.
fn pulses<'a>(site: &'a Site, one: &'a site::SetPoint) -> impl Iterator<Item = Row<'a>> {
    one.pulses().map(move |(key, point)| Row {
        point,
        belongs: component(site, point.component),
        kind: kind(site, point.component),
        station: None,
        source: html! { "pulses " (key) " " code { (one.point.id) } },
        out: html! { "status: 1 while a pulse is running" },
        quality: html! { "that of its set point" },
    })
}

fn component(site: &Site, at: Option<site::ComponentIx>) -> Option<&str> {
    site.components.get(at?.get()).map(|component| &*component.id)
}

fn kind(site: &Site, at: Option<site::ComponentIx>) -> Option<ResourceKind> {
    site.components.get(at?.get()).map(|component| component.kind)
}

fn unmapped() -> Markup {
    html! { b { "no source yet: never Good" } }
}

fn states(states: Option<&[std::sync::Arc<str>; 2]>) -> Markup {
    match states {
        Some([off, on]) => html! { "0 " (off) ", 1 " (on) },
        None => html! { "states not named" },
    }
}

fn scale(scale: Scale, unit: Option<Unit>) -> Markup {
    let unit = unit.map_or_else(String::new, |unit| format!(" {unit}"));
    match scale {
        Scale::Counts { max_units, max_counts } => html! {
            (max_units) (unit) " = " (max_counts) " counts; one count " (format!("{:.6}", max_units / max_counts)) (unit)
        },
        Scale::Engineering => html! { "the value itself, as a float" },
    }
}

fn reading(site: &Site, device: DeviceIx, at: ReadingIx) -> Markup {
    let Some(device) = site.devices.get(device.get()) else { return html! {} };
    let place = device.place_in_words(at);
    html! { code { (device.id) } " (" (device.access) ")" br; (place) }
}
