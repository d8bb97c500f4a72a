//! Points of two sites, side by side.

use std::collections::BTreeMap;
use std::fmt;

use ieee1815::PointType;
use site::{DeviceIx, Digital, Place, Point, Site};
use telemetry::{PointId, Scale, Sign, Unit};

use super::{Change, Deed, Kept, Needs};

/// A point, whatever it is, with everything about it in words.
pub(super) struct View<'a> {
    pub(super) kind: &'static str,
    pub(super) point: &'a Point,
    pub(super) group: PointType,
    pub(super) scale: Option<(Unit, Scale)>,
    /// Where its value comes from.
    pub(super) source: String,
    /// The device that gives it.
    pub(super) device: Option<DeviceIx>,
    /// Everything else.
    facts: Vec<(&'static str, String)>,
}

impl View<'_> {
    fn index(&self) -> Option<u16> {
        self.point.served.index
    }

    fn scale_words(&self) -> String {
        match self.scale {
            None => "a state".to_owned(),
            Some((unit, Scale::Engineering)) => format!("{unit} as a number"),
            Some((unit, Scale::Counts { max_units, max_counts })) => {
                format!("{max_units} {unit} = {max_counts} counts")
            }
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.kind, self.index(), self.scale) == (other.kind, other.index(), other.scale)
            && self.source == other.source
    }
}

/// All points of a site, in the order of the file.
pub(super) fn views(site: &Site) -> Vec<View<'_>> {
    let mut views: Vec<View<'_>> = Vec::new();
    for analog in &site.analogs {
        let source = analog.source.as_ref().map(|source| {
            let sign = if source.sign == Sign::Turned { ", turned" } else { "" };
            format!("{} in {}{sign}", place(site, source.device, source.reading), source.unit)
        });
        let age = analog.source.as_ref().map(|source| source.age_max);
        let mut facts = facts(&analog.point, site);
        facts.extend([
            ("age_max", format!("{age:?}")),
            ("range", format!("{:?}", analog.range)),
            ("deadband", analog.deadband.to_string()),
            ("checks", format!("{:?}", analog.checks)),
            (
                "station",
                format!("{:?}", analog.station.and_then(|at| Some(&site.stations.get(at.get())?.id))),
            ),
            ("accuracy", format!("{:?}", analog.accuracy)),
        ]);
        views.push(View {
            kind: "analog",
            point: &analog.point,
            group: PointType::AnalogInput,
            scale: Some((analog.unit, analog.wire)),
            source: source.or_else(|| analog.derive.as_ref().map(made_of)).unwrap_or_default(),
            device: analog.source.map(|source| source.device),
            facts,
        });
    }
    views.extend(site.digitals.iter().map(|digital| of_digital(site, digital)));
    if let Some(beat) = &site.heartbeat {
        let mut facts = facts(&beat.point, site);
        facts.extend([("period", format!("{:?}", beat.period)), ("wrap", beat.wrap.to_string())]);
        views.push(made("heartbeat", &beat.point, PointType::AnalogInput, None, facts));
    }
    if let Some(unit) = &site.connection {
        let mut facts = facts(&unit.point, site);
        facts.push(("states", format!("{:?}", unit.states)));
        let view = made("connection", &unit.point, PointType::BinaryInput, None, facts);
        views.push(View { source: made_of(&unit.derive), ..view });
    }
    for setpoint in &site.setpoints {
        let scale = Some((setpoint.unit, setpoint.wire));
        let mut own = facts(&setpoint.point, site);
        own.extend([
            ("limits", format!("{:?}", setpoint.limits)),
            ("hold", format!("{:?}", setpoint.hold)),
            ("actual", setpoint.actual.to_string()),
            ("remote", format!("{:?}", setpoint.remote)),
            ("connected", format!("{:?}", setpoint.connected)),
            ("drive", drives(site, setpoint)),
            ("regulating", format!("{:?}", setpoint.regulating)),
        ]);
        views.push(made("set point", &setpoint.point, PointType::AnalogOutputStatus, scale, own));
        let feedback = &setpoint.feedback.point;
        views.push(made("feedback", feedback, PointType::AnalogInput, scale, facts(feedback, site)));
        let codes = [("clamp", &setpoint.regulating.clamp), ("owner", &setpoint.regulating.owner)];
        for (kind, code) in codes.into_iter().filter_map(|(kind, code)| Some((kind, code.as_ref()?))) {
            views.push(made(kind, code, PointType::AnalogInput, None, facts(code, site)));
        }
    }
    views
}

fn of_digital<'a>(site: &'a Site, digital: &'a Digital) -> View<'a> {
    let source = digital.source.as_ref().map(|source| place(site, source.device, source.reading));
    let age = digital.source.as_ref().map(|source| source.age_max);
    let mut facts = facts(&digital.point, site);
    facts.extend([("age_max", format!("{age:?}")), ("states", format!("{:?}", digital.states))]);
    View {
        kind: "digital",
        point: &digital.point,
        group: PointType::BinaryInput,
        scale: None,
        source: source.or_else(|| digital.derive.as_ref().map(made_of)).unwrap_or_default(),
        device: digital.source.map(|source| source.device),
        facts,
    }
}

/// How a point is made of others.
fn made_of(derive: &impl fmt::Debug) -> String {
    format!("made: {derive:?}")
}

fn made<'a>(
    kind: &'static str,
    point: &'a Point,
    group: PointType,
    scale: Option<(Unit, Scale)>,
    facts: Vec<(&'static str, String)>,
) -> View<'a> {
    View { kind, point, group, scale, source: String::new(), device: None, facts }
}

/// What every point has, but its index and its scale.
fn facts(point: &Point, site: &Site) -> Vec<(&'static str, String)> {
    let served = &point.served;
    let component = point.component.and_then(|at| Some(&site.components.get(at.get())?.id));
    vec![
        ("name", format!("{:?}", point.name)),
        ("class", served.class.to_string()),
        ("static_variation", served.static_variation.to_string()),
        ("event_variation", served.event_variation.to_string()),
        ("role", format!("{:?}", point.role)),
        ("component", format!("{component:?}")),
        ("sheet_name", format!("{:?}", point.sheet_name)),
    ]
}

pub(super) fn drives(site: &Site, setpoint: &site::SetPoint) -> String {
    let drive = |drive: &site::Drive| {
        let device = site.devices.get(drive.device.get()).map_or("", |device| &device.id);
        format!("{device} {:?} revert_s {} {:?}", drive.control, drive.revert_s, drive.part)
    };
    setpoint.drives.iter().map(drive).collect::<Vec<_>>().join(", ")
}

/// Where a reading lies, by the device's name and not by its place in the file.
fn place(site: &Site, device: DeviceIx, reading: site::ReadingIx) -> String {
    let Some(device) = site.devices.get(device.get()) else { return String::new() };
    let Some(spec) = device.readings.get(reading.get()) else { return String::new() };
    let place = match &spec.place {
        Place::SunSpec(point) => format!("{}.{}", point.model, point.name),
        Place::Column(at) => match &device.access {
            site::Access::Csv(csv) => format!("column {:?}", csv.columns.get(*at)),
            _ => format!("column {at}"),
        },
        Place::Metric(at) => match &device.access {
            site::Access::Sparkplug(sparkplug) => format!("metric {:?}", sparkplug.metrics.get(*at)),
            _ => format!("metric {at}"),
        },
        Place::Node(at) => match &device.access {
            site::Access::OpcUa(server) => format!("node {:?}", server.nodes.get(*at)),
            _ => format!("node {at}"),
        },
        place => format!("{place:?}"),
    };
    let form = match spec.form {
        site::Form::Number { scale: 1.0 } => String::new(),
        form => format!(" {form:?}"),
    };
    format!("{} {place}{form}", device.id)
}

/// What becomes of the points.
pub(super) fn changes(old: &Site, new: &Site, kept: &Kept) -> Vec<Change> {
    let (before, after) = (views(old), views(new));
    let names = |views: &[View<'_>]| -> BTreeMap<(&'static str, PointId), usize> {
        views.iter().enumerate().map(|(at, view)| ((view.kind, view.point.id.clone()), at)).collect()
    };
    let (old_names, new_names) = (names(&before), names(&after));
    let occupied: BTreeMap<(PointType, u16), &PointId> =
        before.iter().filter_map(|view| Some(((view.group, view.index()?), &view.point.id))).collect();
    let mut changes = Vec::new();
    for view in &before {
        let id = &view.point.id;
        if !new_names.contains_key(&(view.kind, id.clone())) && !kept.is_renamed(id) {
            changes.push(Change::new("point", id, Deed::Removed, leaves(view)));
        }
    }
    for view in &after {
        let id = &view.point.id;
        let was = kept.id_before(id);
        if was != id {
            changes.push(Change::new("point", id, Deed::Renamed, format!("was {was}")));
        }
        let takes = || {
            let index = view.index()?;
            let other = occupied.get(&(view.group, index)).filter(|other| **other != was)?;
            Some(format!("index {index} was {other}"))
        };
        match old_names.get(&(view.kind, was.clone())).and_then(|at| before.get(*at)) {
            None => {
                let index =
                    view.index().map_or_else(|| "not served".to_owned(), |index| format!("index {index}"));
                let text = format!("{index}, {}", view.scale_words());
                changes.push(Change::new("point", id, Deed::Added, text));
                changes.extend(takes().map(|text| moved(id, text)));
            }
            Some(before) => changes.extend(changed(before, view, kept, takes())),
        }
    }
    changes
}

/// An index that means something else than before.
fn moved(id: &PointId, text: String) -> Change {
    Change::new("point", id, Deed::Moved, text).needing(Needs::Rescale)
}

fn leaves(view: &View<'_>) -> String {
    view.index()
        .map_or_else(|| "was not served".to_owned(), |index| format!("index {index} is no longer served"))
}

fn changed(before: &View<'_>, after: &View<'_>, kept: &Kept, takes: Option<String>) -> Vec<Change> {
    let id = &after.point.id;
    let mut changes = Vec::new();
    match (before.index(), after.index()) {
        (Some(old), Some(new)) if old != new => changes.push(moved(id, format!("index {old} -> {new}"))),
        (None, Some(index)) => {
            changes.push(Change::new(
                "point",
                id,
                Deed::Changed,
                format!("served from now on, index {index}"),
            ));
            changes.extend(takes.map(|text| moved(id, text)));
        }
        (Some(_), None) => changes.push(Change::new("point", id, Deed::Changed, leaves(before))),
        _ => {}
    }
    if before.scale != after.scale {
        let text = format!("{} -> {}", before.scale_words(), after.scale_words());
        let served = before.index().is_some() && after.index().is_some();
        let needs = if served { Needs::Rescale } else { Needs::Nothing };
        changes.push(Change::new("point", id, Deed::Rescaled, text).needing(needs));
    }
    let words = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    let mut texts: Vec<String> = Vec::new();
    if before.source != after.source {
        let fresh = if after.device.is_some() { "; never read until its first fresh reading" } else { "" };
        texts.push(format!("source: {} -> {}{fresh}", words(&before.source), words(&after.source)));
    }
    let facts = before.facts.iter().zip(&after.facts).filter(|(old, new)| old != new);
    texts.extend(facts.map(|(old, new)| format!("{}: {} -> {}", new.0, old.1, new.1)));
    if after.kind == "set point" && !texts.is_empty() && !kept.setpoint(id) {
        texts.push("authority goes back to the plant".to_owned());
    }
    if !texts.is_empty() {
        changes.push(Change::new("point", id, Deed::Changed, texts.join("; ")));
    }
    changes
}

/// The points that have another id and are the same otherwise: new id and old id.
pub(super) fn renames(old: &Site, new: &Site) -> BTreeMap<PointId, PointId> {
    let (before, after) = (views(old), views(new));
    let has = |views: &[View<'_>], id: &PointId| views.iter().any(|view| view.point.id == *id);
    let gone: Vec<&View<'_>> = before.iter().filter(|view| !has(&after, &view.point.id)).collect();
    let come = after.iter().filter(|view| view.index().is_some() && !has(&before, &view.point.id));
    let like = come.filter_map(|view| {
        let was = gone.iter().find(|was| was.is_like(view))?;
        Some((view.point.id.clone(), was.point.id.clone()))
    });
    like.collect()
}
