//! The point lists: what each resource, component and met station must serve, may serve and must not.

use site::{Component, ComponentIx, StationIx};
use telemetry::ResourceKind;

use super::subject::{PointView, Subject};
use super::verdict::Miss;
use super::{Judge, Met, Required};
use crate::predicate::SubjectKind;
use crate::profile::{ListedPoint, Need, Per, Tag};

/// What a list asks one point of.
struct Owner<'a> {
    subject: Subject<'a>,
    component: Option<ComponentIx>,
    station: Option<StationIx>,
}

impl Judge<'_> {
    pub(super) fn lists(&mut self, required: &Required) {
        let profile = self.input.profile;
        for listed in profile.points.iter().filter(|one| one.entry.in_force(self.input.as_of)) {
            let at_best = match (listed.need, required) {
                (Need::Optional, _) => continue,
                (Need::Required | Need::Expected, Required::Exempt { .. } | Required::No) => continue,
                // What nobody is sure to be asked for, nobody is sure to have to send.
                (Need::Required | Need::Expected, Required::Yes { tag, .. }) => *tag,
                _ => Tag::Verified,
            };
            match self.met(&listed.when, &Subject::Site) {
                Met::Yes => self.listed(listed, at_best),
                Met::No => {}
                Met::Unknown(why) => self.not_judged(&listed.entry, &Subject::Site, why),
            }
        }
    }

    fn listed(&mut self, listed: &ListedPoint, at_best: Tag) {
        let tag = self.tag(&listed.entry, listed.when.iter().chain(&listed.filter)).min(at_best);
        for owner in self.owners(listed) {
            match self.met(&listed.filter, &owner.subject) {
                Met::Yes => {}
                Met::No => continue,
                Met::Unknown(why) => {
                    self.not_judged(&listed.entry, &owner.subject, why);
                    continue;
                }
            }
            self.count(&listed.entry);
            let points = Subject::all(SubjectKind::Point, self.input.site, self.input.certificates);
            let mut found = points
                .into_iter()
                .filter_map(|subject| Some((subject, subject.point()?)))
                .filter(|(_, point)| {
                    point.role == Some(listed.role.as_str())
                        && point.served.index.is_some()
                        && owner.owns(listed, point)
                });
            let first = found.next();
            match (listed.need, first) {
                (Need::Forbidden, Some((subject, _))) => {
                    let found = format!("role `{}` is served", listed.role);
                    let required = "not to be served".to_owned();
                    self.find(
                        &listed.entry,
                        tag,
                        &subject,
                        Miss { field: "role".to_owned(), found, required },
                    );
                }
                (Need::Forbidden, None) => {}
                (_, None) => {
                    let what =
                        format!("{} with role `{}`{}", listed.kind.words(), listed.role, owner.words(self));
                    let found = format!("no served {what}");
                    let required = format!("a served {what}{}", units(listed));
                    self.find(
                        &listed.entry,
                        tag,
                        &owner.subject,
                        Miss { field: String::new(), found, required },
                    );
                }
                (_, Some((subject, point))) => {
                    if let Some(miss) = unlike(listed, &point) {
                        self.find(&listed.entry, tag, &subject, miss);
                    }
                }
            }
        }
    }

    fn owners<'s>(&self, listed: &ListedPoint) -> Vec<Owner<'s>>
    where
        Self: 's,
    {
        let site = self.input.site;
        let listed_kind = |kind: &ResourceKind| listed.kinds.contains(kind);
        let resource = Owner { subject: Subject::Site, component: None, station: None };
        match listed.per {
            Per::Resource => Vec::from_iter(listed_kind(&site.resource).then_some(resource)),
            Per::Component => {
                let fitting: Vec<_> = site
                    .components
                    .iter()
                    .enumerate()
                    .filter(|(_, component)| listed_kind(&component.kind))
                    .map(|(at, component)| Owner {
                        subject: Subject::Component(at, component),
                        component: Some(ComponentIx::new(at)),
                        station: None,
                    })
                    .collect();
                if fitting.is_empty() && listed_kind(&site.resource) { vec![resource] } else { fitting }
            }
            Per::Station => site
                .stations
                .iter()
                .enumerate()
                .filter(|(_, station)| {
                    let component = station.component.and_then(|at| site.components.get(at.get()));
                    match component {
                        Some(component) => listed_kind(&component.kind),
                        None => {
                            listed_kind(&site.resource)
                                || site.components.iter().any(|Component { kind, .. }| listed_kind(kind))
                        }
                    }
                })
                .map(|(at, station)| Owner {
                    subject: Subject::Station(at, station),
                    component: None,
                    station: Some(StationIx::new(at)),
                })
                .collect(),
        }
    }
}

impl Owner<'_> {
    fn owns(&self, listed: &ListedPoint, point: &PointView<'_>) -> bool {
        match listed.per {
            // A hybrid's own point may also say to which part it belongs.
            Per::Resource => true,
            Per::Component => point.component == self.component,
            Per::Station => point.station == self.station,
        }
    }

    fn words(&self, judge: &Judge<'_>) -> String {
        match self.subject {
            Subject::Site => String::new(),
            subject => format!(" of {}", subject.label(judge.input.site)),
        }
    }
}

fn units(listed: &ListedPoint) -> String {
    match &listed.entry.unit {
        Some(unit) => format!(" in {unit}"),
        None => String::new(),
    }
}

/// Why a point that has the role is not the one of the list.
fn unlike(listed: &ListedPoint, point: &PointView<'_>) -> Option<Miss> {
    if point.kind != listed.kind {
        return Some(Miss {
            field: String::new(),
            found: format!("role `{}` is on an {}", listed.role, point.kind.words()),
            required: format!("an {}", listed.kind.words()),
        });
    }
    let unit = point.unit.filter(|unit| !listed.units.is_empty() && !listed.units.contains(unit))?;
    Some(Miss {
        field: "unit".to_owned(),
        found: unit.to_string(),
        required: listed.entry.unit.clone().unwrap_or_default(),
    })
}
