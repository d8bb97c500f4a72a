//! Thresholds: sites below, at and above each, in every area, with every service, before and after each date; and
//! what a list's finding is worth when only a weak threshold asks for telemetry.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rulebook::judge::{Report, Required};
use rulebook::profile::{Obligation, Profile};
use telemetry::{Area, ResourceKind, Service};

use super::golden;
use super::plant::{Plant, line};
use crate::{BEFORE_EXEMPTION, TODAY, day, profiles};

/// What is not in the name of a case is not in the site's file.
#[derive(Clone, Copy)]
struct Case {
    capacity_mw: Option<f64>,
    pmax_mw: Option<f64>,
    area: Option<Area>,
    service: Option<Service>,
    on: &'static str,
}

const CASE: Case = Case { capacity_mw: None, pmax_mw: None, area: None, service: None, on: TODAY };

impl Case {
    fn name(&self) -> String {
        let mut name = format!("on {}", self.on);
        for (what, figure) in [("capacity", self.capacity_mw), ("Pmax", self.pmax_mw)] {
            if let Some(figure) = figure {
                write!(name, ", {what} {figure} MW").unwrap();
            }
        }
        for word in [self.area.map(Area::text), self.service.map(Service::text)].into_iter().flatten() {
            write!(name, ", {word}").unwrap();
        }
        name
    }

    fn plant(&self, kind: ResourceKind) -> Plant {
        Plant {
            capacity_mw: self.capacity_mw,
            pmax_mw: self.pmax_mw,
            area: self.area,
            services: Vec::from_iter(self.service),
            ..Plant::bare(kind)
        }
    }
}

/// Around each number that the shipped profiles have, in each area; then the dates, the services and what is missing.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for area in [Some(Area::Caiso), Some(Area::Weim), None] {
        for capacity in [0.01, 0.99, 1.0, 4.99, 5.0, 9.99, 10.0, 10.01] {
            cases.push(Case { capacity_mw: Some(capacity), area, ..CASE });
        }
    }
    for area in [Area::Dynamic, Area::PseudoTie] {
        cases.push(Case { capacity_mw: Some(100.0), area: Some(area), ..CASE });
    }
    for service in Service::ALL {
        cases.push(Case { capacity_mw: Some(0.5), area: Some(Area::Caiso), service: Some(*service), ..CASE });
    }
    let regulating = Case { capacity_mw: Some(100.0), service: Some(Service::Regulation), ..CASE };
    cases.push(Case { area: Some(Area::Dynamic), ..regulating });
    // The size that a file gives as Pmax only, both, or not at all.
    cases.push(Case { pmax_mw: Some(10.0), area: Some(Area::Caiso), ..CASE });
    cases.push(Case { pmax_mw: Some(9.99), area: Some(Area::Caiso), ..CASE });
    cases.push(Case { capacity_mw: Some(9.99), pmax_mw: Some(10.0), area: Some(Area::Caiso), ..CASE });
    cases.push(Case { area: Some(Area::Caiso), ..CASE });
    cases.push(CASE);
    for on in [BEFORE_EXEMPTION, "2014-03-21"] {
        for service in [None, Some(Service::Regulation)] {
            cases.push(Case { capacity_mw: Some(5.0), area: Some(Area::Caiso), service, on, ..CASE });
        }
    }
    cases
}

fn told(report: &Report) -> String {
    let too = report.expected_too.as_ref().map_or_else(String::new, |too| format!("; {}", too.words()));
    match &report.required {
        Required::Yes { by, tag } => format!("required by {} ({tag}){too}", by.join(", ")),
        Required::Exempt { by, tag } => format!("exempt by {} ({tag})", by.join(", ")),
        Required::No => "not required".to_owned(),
        Required::Unknown { why } => format!("not known: {}", why.join("; ")),
    }
}

#[test]
fn who_must_send_is_as_told() {
    for mut profile in profiles() {
        profile.rules.clear();
        profile.points.clear();
        let mut text = String::new();
        let (mut held, mut spared) = (BTreeSet::new(), BTreeSet::new());
        for case in cases() {
            writeln!(text, "{}", case.name()).unwrap();
            let mut outcomes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for kind in ResourceKind::ALL {
                let report = case.plant(*kind).judge(&profile, day(case.on));
                let mut by = match &report.required {
                    Required::Yes { by, .. } | Required::Exempt { by, .. } => by.clone(),
                    _ => Vec::new(),
                };
                by.extend(report.expected_too.iter().flat_map(|too| too.by.clone()));
                for threshold in &profile.thresholds {
                    let id = &threshold.entry.id;
                    let judged = report.judged.get(id).copied().unwrap_or_default();
                    let in_force = threshold.entry.in_force(day(case.on));
                    assert_eq!(judged, usize::from(in_force), "{id} on {}", case.on);
                    // A threshold that says 'exempt' silences those that say 'required'.
                    let silent = matches!(report.required, Required::Exempt { .. })
                        && threshold.obligation == Obligation::Required;
                    if by.contains(id) {
                        held.insert(id.clone());
                    } else if in_force && !silent {
                        spared.insert(id.clone());
                    }
                }
                outcomes.entry(told(&report)).or_default().push(kind.text());
            }
            for (told, kinds) in outcomes {
                writeln!(text, "  {told}\n    {}", kinds.join(", ")).unwrap();
            }
        }
        for threshold in &profile.thresholds {
            let id = &threshold.entry.id;
            assert!(held.contains(id), "{}: no case is held by {id}", profile.head.id);
            assert!(spared.contains(id), "{}: no case is spared by {id}", profile.head.id);
        }
        let name =
            if profile.head.id.ends_with("-prr1679") { "caiso-direct-telemetry" } else { &profile.head.id };
        golden::compare(&format!("{name}.thresholds.txt"), &text);
    }
}

/// Findings of a plant that serves nothing.
fn of_nothing(profile: &Profile, case: Case, kind: ResourceKind, ids: &[&str]) -> Vec<String> {
    let report = case.plant(kind).judge(profile, day(case.on));
    report.findings.iter().filter(|one| ids.contains(&one.rule.as_str())).map(line).collect()
}

#[test]
fn a_missing_point_is_no_surer_than_the_threshold_that_asks_for_telemetry() {
    let mut profile = Profile::load("caiso-direct-telemetry").unwrap();
    // As sure as can be, so that what is told is the threshold's.
    for point in profile.points.iter_mut().filter(|point| point.role == "heartbeat") {
        point.entry.tag = rulebook::Tag::Verified;
    }
    let sized = |capacity| Case { capacity_mw: Some(capacity), area: Some(Area::Caiso), ..CASE };
    let finding = |case, kind| of_nothing(&profile, case, kind, &["point.heartbeat"]);
    let told = |tag: &str, citable: &str| {
        vec![format!(
            "point.heartbeat | site `plant` | no point with role `heartbeat` | a served analog input with role \
             `heartbeat` in counts | {tag} | {citable} | error"
        )]
    };
    // From 10 MW on S23 asks; from 1 MW on remembered practice; below nobody does.
    assert_eq!(finding(sized(10.0), ResourceKind::Wind), told("verified", "citable"));
    assert_eq!(finding(sized(9.99), ResourceKind::Wind), told("recalled", "unconfirmed"));
    assert_eq!(finding(sized(0.99), ResourceKind::Wind), Vec::<String>::new());
    // The surest of several that ask counts.
    assert_eq!(finding(sized(10.0), ResourceKind::Storage), told("inferred", "citable"));
    let reserves = Case { service: Some(Service::Spinning), ..sized(0.5) };
    assert_eq!(finding(reserves, ResourceKind::Storage), told("recalled", "unconfirmed"));
    let regulation = Case { service: Some(Service::Regulation), ..sized(0.5) };
    assert_eq!(finding(regulation, ResourceKind::Storage), told("inferred", "citable"));
    // Without a size nobody can tell: the list is held against it as if telemetry were required.
    let sizeless = Case { area: Some(Area::Caiso), ..CASE };
    assert_eq!(finding(sizeless, ResourceKind::Conventional), told("verified", "citable"));
    // Exempt: nothing is missing.
    let dynamic = Case { area: Some(Area::Dynamic), ..sized(100.0) };
    assert_eq!(finding(dynamic, ResourceKind::Conventional), Vec::<String>::new());
    assert_eq!(finding(sized(100.0), ResourceKind::ReliabilityDemand), Vec::<String>::new());
    let before = Case { on: BEFORE_EXEMPTION, ..sized(100.0) };
    assert_eq!(finding(before, ResourceKind::ReliabilityDemand), told("inferred", "citable"));
}

#[test]
fn what_is_served_wrongly_is_found_whoever_asks() {
    let profile = Profile::load("caiso-direct-telemetry").unwrap();
    let mut plant = Plant::full(ResourceKind::Storage, &profile, day(TODAY));
    plant.capacity_mw = Some(0.5);
    plant.services.clear();
    let soc = plant.points.iter_mut().find(|one| one.role == "soc").unwrap();
    soc.unit = Some(telemetry::Unit::Percent);
    let report = plant.judge(&profile, day(TODAY));
    assert_eq!(report.required, Required::No);
    let found: Vec<_> = report.findings.iter().filter(|one| one.rule == "point.soc").map(line).collect();
    assert_eq!(found, ["point.soc | analog `soc` | role `soc` in % | in MWh | verified | citable | error"]);
}
