//! Point lists and met lists: every entry on every kind of resource that it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rulebook::predicate::PointType;
use rulebook::profile::{Day, ListedPoint, Need, Profile};
use telemetry::{ResourceKind, Unit};

use super::golden;
use super::plant::{Owner, Plant, Point, line, point};
use crate::{BEFORE_EXEMPTION, TODAY, day, profiles};

/// The day on which a kind is judged: reliability demand response is exempt today, and nothing is asked of it.
fn judged_on(kind: ResourceKind) -> Day {
    day(if kind == ResourceKind::ReliabilityDemand { BEFORE_EXEMPTION } else { TODAY })
}

/// The findings of one entry.
fn told(plant: &Plant, profile: &Profile, id: &str) -> Vec<String> {
    let report = plant.judge(profile, judged_on(plant.kind));
    report.findings.iter().filter(|finding| finding.rule == id).map(line).collect()
}

#[test]
fn a_plant_with_every_listed_point_passes_and_every_entry_was_judged() {
    for profile in profiles() {
        for kind in ResourceKind::ALL.iter().copied() {
            let day = judged_on(kind);
            let plant = Plant::full(kind, &profile, day);
            let report = plant.judge(&profile, day);
            for listed in &profile.points {
                let id = listed.entry.id.as_str();
                let found: Vec<_> = report.findings.iter().filter(|one| one.rule == id).map(line).collect();
                assert!(found.is_empty(), "{} {kind}: {found:#?}\n{}", profile.head.id, plant.text());
                let judged = report.judged.get(id).copied().unwrap_or_default();
                let owners = plant.owners(listed).len();
                assert!(judged >= owners, "{} {kind} {id}: {judged} of {owners}", profile.head.id);
                assert!(owners > 0 || judged == 0, "{} {kind} {id} is not for it", profile.head.id);
            }
        }
    }
}

/// Ways to break one point of a plant.
fn wrongs(listed: &ListedPoint, plant: &Plant, owner: &Owner) -> Vec<(&'static str, Plant)> {
    if listed.need == Need::Forbidden {
        let mut plant = plant.clone();
        plant.points.push(Point { unit: Some(Unit::Megawatt), ..point(listed, owner) });
        return vec![("there", plant)];
    }
    let at = plant.position(&listed.role, owner);
    let changed = |change: &dyn Fn(&mut Point)| {
        let mut plant = plant.clone();
        change(&mut plant.points[at]);
        plant
    };
    let mut gone = plant.clone();
    gone.points.remove(at);
    let other_type = match listed.kind {
        PointType::DigitalInput | PointType::AnalogOutput => PointType::AnalogInput,
        PointType::AnalogInput => PointType::DigitalInput,
    };
    let retyped = changed(&|point| {
        point.kind = other_type;
        // A digital stands in no met station.
        point.station = None;
    });
    let mut wrongs = vec![("missing", gone), ("without an index", changed(&|point| point.served = false))];
    wrongs.push(("of another type", retyped));
    if owner.station.is_some() {
        wrongs.push(("without its station", changed(&|point| point.station = None)));
    }
    if owner.part.is_some() {
        wrongs.push(("without its component", changed(&|point| point.part = None)));
    }
    // A heartbeat counts and a file cannot say otherwise; a feedback is in the unit of its set point.
    if !listed.units.is_empty() && listed.role != "heartbeat" {
        let power = [Unit::Megawatt, Unit::Kilowatt];
        let mut others = power.iter().chain(Unit::ALL).filter(|unit| !listed.units.contains(unit));
        let other = *others.next().unwrap();
        wrongs.push(("in another unit", changed(&|point| point.unit = Some(other))));
    }
    wrongs
}

/// Kinds of resources by what is told of each.
type Told = BTreeMap<&'static str, BTreeMap<String, Vec<ResourceKind>>>;

fn fails(profile: &Profile, listed: &ListedPoint, plants: &[Plant]) -> String {
    let id = listed.entry.id.as_str();
    let mut all = Told::new();
    for plant in plants {
        let kind = plant.kind;
        // Only points of its role (and a feedback's set point) bear on it.
        let mut plant = plant.clone();
        plant.points.retain(|point| point.role == listed.role || listed.role.starts_with(&point.role));
        for owner in plant.owners(listed) {
            for (wrong, plant) in wrongs(listed, &plant, &owner) {
                let told = told(&plant, profile, id);
                assert!(told.len() <= 1, "{} {kind} {id} {wrong}: {told:#?}", profile.head.id);
                let told = told.into_iter().next().unwrap_or_else(|| "nothing".to_owned());
                let kinds = all.entry(wrong).or_default().entry(told).or_default();
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
    }
    let mut text = String::new();
    for (wrong, findings) in all {
        for (told, kinds) in findings {
            let kinds: Vec<_> = kinds.iter().map(ToString::to_string).collect();
            writeln!(text, "  {wrong}: {}\n    {told}", kinds.join(", ")).unwrap();
        }
    }
    text
}

#[test]
fn every_entry_of_the_lists_fails_as_told() {
    let mut known = BTreeSet::new();
    for mut profile in profiles() {
        // Their findings are another test's.
        profile.rules.clear();
        let plants = ResourceKind::ALL.iter().map(|kind| Plant::full(*kind, &profile, judged_on(*kind)));
        let plants: Vec<_> = plants.collect();
        let mut text = String::new();
        for listed in &profile.points {
            // A profile that extends another shares most of its entries; once is enough.
            if !known.insert(format!("{listed:?}")) {
                continue;
            }
            let need = serde_json::to_value(listed.need).unwrap();
            let told = fails(&profile, listed, &plants);
            // Whatever is listed can be served wrongly; what is required can be missing besides.
            let found = told.matches(&format!("    {} | ", listed.entry.id)).count();
            assert!(found > 0, "{}: {} never fails", profile.head.id, listed.entry.id);
            writeln!(text, "{} ({})\n{told}", listed.entry.id, need.as_str().unwrap()).unwrap();
        }
        golden::compare(&format!("{}.points.txt", profile.head.id), &text);
    }
}
