//! Points of two sites, side by side.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ieee1815::PointType;
use site::words::duration;
use site::{DeviceIx, Digital, Point, Site};
use telemetry::{PointId, Scale, Sign, Unit};

use super::setpoints::{self, Keyed};
use super::{Change, Deed, Kept, Needs, Served};

/// A point, whatever it is, with everything about it in words.
pub(super) struct View<'a> {
    pub(super) kind: &'static str,
    pub(super) point: &'a Point,
    pub(super) group: PointType,
    pub(super) scale: Option<(Unit, Scale)>,
    /// Where its value comes from.
    pub(super) source: Fact,
    /// The device that gives it.
    pub(super) device: Option<DeviceIx>,
    /// Everything else, by the keys of the file.
    facts: Vec<Keyed>,
}

/// Something about a point: what is compared, exact to the last digit, and what people are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Fact {
    exact: String,
    words: String,
}

impl Fact {
    pub(super) fn new(exact: &impl fmt::Debug, words: String) -> Self {
        Self { exact: format!("{exact:?}"), words }
    }

    /// What tells itself exactly.
    pub(super) fn told(words: &(impl ToString + ?Sized)) -> Self {
        let words = words.to_string();
        Self { exact: words.clone(), words }
    }

    /// A text, or that there is none.
    pub(super) fn or_none(value: Option<&(impl ToString + ?Sized)>) -> Self {
        value.map(Self::told).unwrap_or_default()
    }

    pub(super) fn time(value: Option<Duration>) -> Self {
        Self::new(&value, value.map(duration).unwrap_or_default())
    }

    pub(super) fn bounds(value: Option<(f64, f64)>) -> Self {
        Self::new(&value, value.map(|(low, high)| format!("{low} to {high}")).unwrap_or_default())
    }

    fn words(&self) -> &str {
        if self.words.is_empty() { "none" } else { &self.words }
    }
}

impl PartialEq for Fact {
    fn eq(&self, other: &Self) -> bool {
        self.exact == other.exact
    }
}

fn of_states(states: Option<&[Arc<str>; 2]>) -> Fact {
    Fact::new(&states, states.map(|[no, yes]| format!("{no} / {yes}")).unwrap_or_default())
}

impl View<'_> {
    fn index(&self) -> Option<u16> {
        self.point.served.index
    }

    /// Type and index, where it is served.
    pub(super) fn place(&self) -> Option<(PointType, u16)> {
        Some((self.group, self.index()?))
    }

    fn scale_words(&self) -> String {
        scale_words(self.scale)
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.kind, self.index(), self.scale) == (other.kind, other.index(), other.scale)
            && self.source == other.source
    }
}

/// What a value of a point is, in words.
pub(super) fn scale_words(scale: Option<(Unit, Scale)>) -> String {
    match scale {
        None => "a state".to_owned(),
        Some((unit, Scale::Engineering)) => format!("{unit} as a number"),
        Some((unit, Scale::Counts { max_units, max_counts })) => {
            format!("{max_units} {unit} = {max_counts} counts")
        }
    }
}

/// All points of a site, in the order of the file.
pub(super) fn views(site: &Site) -> Vec<View<'_>> {
    let mut views: Vec<View<'_>> = Vec::new();
    for analog in &site.analogs {
        let source = analog.source.as_ref().map(|source| {
            let sign = if source.sign == Sign::Turned { ", turned" } else { "" };
            Fact::told(&format!("{} in {}{sign}", place(site, source.device, source.reading), source.unit))
        });
        let age = analog.source.as_ref().map(|source| source.age_max);
        let mut facts = facts(&analog.point, site);
        facts.extend([
            ("age_max_ms".into(), Fact::time(age)),
            ("range".into(), Fact::bounds(analog.range)),
            ("deadband".into(), Fact::told(&analog.deadband)),
            ("checks".into(), Fact::new(&analog.checks, analog.checks.words())),
            (
                "station".into(),
                Fact::or_none(analog.station.and_then(|at| Some(&site.stations.get(at.get())?.id))),
            ),
            ("accuracy".into(), Fact::or_none(analog.accuracy.as_ref())),
        ]);
        views.push(View {
            kind: "analog",
            point: &analog.point,
            group: PointType::AnalogInput,
            scale: Some((analog.unit, analog.wire)),
            source: source
                .or_else(|| analog.derive.as_ref().map(|derive| made_of(derive, &derive.words())))
                .unwrap_or_default(),
            device: analog.source.map(|source| source.device),
            facts,
        });
    }
    views.extend(site.digitals.iter().map(|digital| of_digital(site, digital)));
    if let Some(beat) = &site.heartbeat {
        let mut facts = facts(&beat.point, site);
        facts.extend([
            ("period_ms".into(), Fact::time(Some(beat.period))),
            ("wrap".into(), Fact::told(&beat.wrap)),
        ]);
        views.push(made("heartbeat", &beat.point, PointType::AnalogInput, None, facts));
    }
    if let Some(unit) = &site.connection {
        let mut facts = facts(&unit.point, site);
        facts.push(("states".into(), of_states(unit.states.as_ref())));
        let view = made("connection", &unit.point, PointType::BinaryInput, None, facts);
        views.push(View { source: made_of(&unit.derive, &unit.derive.words()), ..view });
    }
    for setpoint in &site.setpoints {
        let scale = Some((setpoint.unit, setpoint.wire));
        let mut own = facts(&setpoint.point, site);
        own.extend(setpoints::facts(site, setpoint));
        views.push(made("set point", &setpoint.point, PointType::AnalogOutputStatus, scale, own));
        for one in setpoint.shown() {
            let scale = (one.unit != Unit::Count).then_some((one.unit, one.wire));
            views.push(made(one.key, one.point, PointType::AnalogInput, scale, facts(one.point, site)));
        }
        for (key, point) in setpoint.pulses() {
            views.push(made(key, point, PointType::BinaryOutputStatus, None, facts(point, site)));
        }
    }
    views
}

fn of_digital<'a>(site: &'a Site, digital: &'a Digital) -> View<'a> {
    let source =
        digital.source.as_ref().map(|source| Fact::told(&place(site, source.device, source.reading)));
    let age = digital.source.as_ref().map(|source| source.age_max);
    let mut facts = facts(&digital.point, site);
    facts.extend([
        ("age_max_ms".into(), Fact::time(age)),
        ("states".into(), of_states(digital.states.as_ref())),
    ]);
    View {
        kind: "digital",
        point: &digital.point,
        group: PointType::BinaryInput,
        scale: None,
        source: source
            .or_else(|| digital.derive.as_ref().map(|derive| made_of(derive, &derive.words())))
            .unwrap_or_default(),
        device: digital.source.map(|source| source.device),
        facts,
    }
}

/// How a point is made of others.
fn made_of(derive: &impl fmt::Debug, words: &str) -> Fact {
    Fact::new(derive, format!("made: {words}"))
}

fn made<'a>(
    kind: &'static str,
    point: &'a Point,
    group: PointType,
    scale: Option<(Unit, Scale)>,
    facts: Vec<Keyed>,
) -> View<'a> {
    View { kind, point, group, scale, source: Fact::default(), device: None, facts }
}

/// What every point has, but its index and its scale.
fn facts(point: &Point, site: &Site) -> Vec<Keyed> {
    let served = &point.served;
    let component = point.component.and_then(|at| Some(&site.components.get(at.get())?.id));
    vec![
        ("name".into(), Fact::told(&point.name)),
        ("class".into(), Fact::told(&served.class)),
        ("static_variation".into(), Fact::told(&served.static_variation)),
        ("event_variation".into(), Fact::told(&served.event_variation)),
        ("role".into(), Fact::or_none(point.role.as_ref())),
        ("component".into(), Fact::or_none(component)),
        ("sheet_name".into(), Fact::or_none(point.sheet_name.as_ref())),
    ]
}

/// How each device is told; its part in a dispatch is no part of it.
pub(super) fn drives(site: &Site, setpoint: &site::SetPoint) -> String {
    let drive = |drive: &site::Drive| {
        format!("{} {}, revert_s {}", setpoints::device(site, drive), drive.control.words(), drive.revert_s)
    };
    setpoint.drives.iter().map(drive).collect::<Vec<_>>().join(", ")
}

/// Where a reading lies, by the device's name and not by its place in the file.
fn place(site: &Site, device: DeviceIx, reading: site::ReadingIx) -> String {
    let Some(device) = site.devices.get(device.get()) else { return String::new() };
    format!("{} {}", device.id, device.place_in_words(reading))
}

/// What becomes of the points.
pub(super) fn changes(old: &Site, new: &Site, kept: &Kept, served: &Served) -> Vec<Change> {
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
            let mut text = leaves(view);
            if view.kind == "set point" {
                text += &format!("; {}", setpoints::goes_back((old, id), (new, None), kept));
            }
            changes.push(Change::new("point", id, Deed::Removed, text));
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
                let text = format!("{}, {}", index_words(view), view.scale_words());
                changes.push(Change::new("point", id, Deed::Added, text));
                changes.extend(takes().map(|text| moved(id, text)));
            }
            Some(before) => {
                let back = (view.kind == "set point" && !kept.setpoint(id))
                    .then(|| setpoints::goes_back((old, was), (new, Some(id)), kept));
                changes.extend(changed(before, view, takes(), back));
            }
        }
        let is_back = view.place().is_some_and(|place| !occupied.contains_key(&place));
        if let Some(meant) = served.taken_for(view).filter(|_| is_back) {
            let now = view.scale_words();
            let text = format!("{} was {meant} when it was last served, is {now} now", index_words(view));
            changes.push(Change::new("point", id, Deed::Rescaled, text).needing(Needs::Rescale));
        }
    }
    changes
}

fn index_words(view: &View<'_>) -> String {
    view.index().map_or_else(|| "not served".to_owned(), |index| format!("index {index}"))
}

/// An index that means something else than before.
fn moved(id: &PointId, text: String) -> Change {
    Change::new("point", id, Deed::Moved, text).needing(Needs::Rescale)
}

fn leaves(view: &View<'_>) -> String {
    view.index()
        .map_or_else(|| "was not served".to_owned(), |index| format!("index {index} is no longer served"))
}

/// `back`: what is said where authority goes back to the plant.
fn changed(before: &View<'_>, after: &View<'_>, takes: Option<String>, back: Option<String>) -> Vec<Change> {
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
    let mut texts: Vec<String> = Vec::new();
    if before.source != after.source {
        let fresh = if after.device.is_some() { "; never read until its first fresh reading" } else { "" };
        texts.push(format!("source: {} -> {}{fresh}", before.source.words(), after.source.words()));
    }
    texts.extend(differences(&before.facts, &after.facts));
    // Whatever it is: its own keys, its index, the way to its devices.
    texts.extend(back);
    if !texts.is_empty() {
        changes.push(Change::new("point", id, Deed::Changed, texts.join("; ")));
    }
    changes
}

/// `key: from -> to`, of each key that says something else.
fn differences<'a>(before: &'a [Keyed], after: &'a [Keyed]) -> impl Iterator<Item = String> + 'a {
    let find = |facts: &[Keyed], key: &str| {
        facts.iter().find_map(|(name, fact)| (name == key).then(|| fact.clone())).unwrap_or_default()
    };
    let gone = before.iter().filter(|(key, _)| !after.iter().any(|(name, _)| name == key));
    after.iter().chain(gone).filter_map(move |(key, _)| {
        let (old, new) = (find(before, key), find(after, key));
        (old != new).then(|| format!("{key}: {} -> {}", old.words(), new.words()))
    })
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
