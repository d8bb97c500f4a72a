//! The point lists: what each resource, component and met station must serve, may serve and must not.

use site::{Component, ComponentIx, StationIx};
use telemetry::ResourceKind;

use super::subject::{PointView, Subject};
use super::verdict::Miss;
use super::{Judge, Met, Required};
use crate::predicate::{PointType, SubjectKind};
use crate::profile::{ListedPoint, Need, Per, Tag};

/// What a list asks one point of.
struct Owner<'a> {
    subject: Subject<'a>,
    component: Option<ComponentIx>,
    station: Option<StationIx>,
}

/// Whether a list asks for its points, and how sure that is.
#[derive(Clone, Copy)]
enum Asked {
    /// What is not there is missing. A point is no surer than that the resource must send at all.
    For(Tag),
    /// What is not there may be left out; what is there is to be as listed.
    Not,
}

impl Judge<'_> {
    pub(super) fn lists(&mut self, required: &Required) {
        let profile = self.input.profile;
        for listed in profile.points.iter().filter(|one| one.entry.in_force(self.input.as_of)) {
            let asked = match (listed.need, required) {
                (Need::Optional | Need::Forbidden, _) => Asked::Not,
                (Need::Required | Need::Expected, Required::Exempt { .. } | Required::No) => Asked::Not,
                (Need::Required | Need::Expected, Required::Yes { tag, .. }) => Asked::For(*tag),
                (Need::Required | Need::Expected, Required::Unknown { .. }) => Asked::For(Tag::Verified),
            };
            match self.met(&listed.when, &Subject::Site) {
                Met::Yes => self.listed(listed, asked),
                Met::No => {}
                Met::Unknown(why) => self.not_judged(&listed.entry, &Subject::Site, why),
            }
        }
    }

    fn listed(&mut self, listed: &ListedPoint, asked: Asked) {
        let tag = self.tag(&listed.entry, listed.when.iter().chain(&listed.filter));
        let points: Vec<_> = Subject::all(SubjectKind::Point, self.input.site, self.input.certificates)
            .into_iter()
            .filter_map(|subject| Some((subject, subject.point()?)))
            .filter(|(_, point)| point.role() == Some(listed.role.as_str()))
            .collect();
        for owner in self.owners(listed) {
            match self.met(&listed.filter, &owner.subject) {
                Met::Yes => {}
                Met::No => continue,
                Met::Unknown(why) => {
                    self.not_judged(&listed.entry, &owner.subject, why);
                    continue;
                }
            }
            let own: Vec<_> =
                points.iter().filter(|(_, point)| self.owns(&owner, listed, point)).copied().collect();
            let served = own.iter().filter(|(_, point)| point.served.index.is_some());
            if listed.need == Need::Forbidden {
                self.count(&listed.entry);
                for (subject, _) in served.filter(|(_, point)| point.kind == listed.kind) {
                    let miss = Miss {
                        field: "index".to_owned(),
                        found: format!("a served {} with role `{}`", listed.kind.words(), listed.role),
                        required: "not served: no `index`".to_owned(),
                        fix: None,
                    };
                    self.find(&listed.entry, tag, subject, miss);
                }
                continue;
            }
            let served: Vec<_> = served.collect();
            for (subject, point) in &served {
                self.count(&listed.entry);
                if let Some(miss) = unlike(listed, point) {
                    self.find(&listed.entry, tag, subject, miss);
                }
            }
            if let (Asked::For(surest), true) = (asked, served.is_empty()) {
                self.count(&listed.entry);
                let miss = Miss {
                    field: String::new(),
                    found: self.nearly(listed, &owner, &own, &points),
                    required: format!(
                        "a served {} with role `{}`{}{}",
                        listed.kind.words(),
                        listed.role,
                        owner.words(self),
                        units(listed)
                    ),
                    fix: own.is_empty().then(|| self.recipe(listed, &owner)),
                };
                self.find(&listed.entry, tag.min(surest), &owner.subject, miss);
            }
        }
    }

    /// What to write for a point that is missing: all that the reader asks of it, so that the file reads at once.
    fn recipe(&self, listed: &ListedPoint, owner: &Owner<'_>) -> String {
        let mut keys = vec!["`id`".to_owned()];
        let (table, default) = match (listed.kind, listed.role.as_str()) {
            (PointType::AnalogInput, "heartbeat") => ("[heartbeat]", true),
            (PointType::DigitalInput, "connection") => ("[connection]", true),
            (PointType::AnalogOutput, "setpoint") => ("[[setpoint]]", true),
            (PointType::AnalogInput, "setpoint-feedback") => ("`feedback` in the [[setpoint]]", true),
            (PointType::AnalogInput, _) => ("[[analog]]", false),
            (PointType::DigitalInput, _) => ("[[digital]]", false),
            (PointType::AnalogOutput, _) => ("[[setpoint]]", false),
        };
        if !default {
            keys.push(format!("`role = \"{}\"`", listed.role));
        }
        match owner.subject {
            Subject::Component(_, component) => keys.push(format!("`component = \"{}\"`", component.id)),
            Subject::Station(_, station) => keys.push(format!("`station = \"{}\"`", station.id)),
            _ => {}
        }
        if let (Some(unit), "[[analog]]" | "[[setpoint]]") = (listed.units.first(), table) {
            keys.push(format!("`unit = \"{unit}\"`"));
        }
        keys.push("`index`".to_owned());
        let (more, later) = match table {
            "[[analog]]" => (
                "`max_units`, `max_counts`",
                "; with its source `source`, `sign` and, where the profile gives none, `age_max_ms`",
            ),
            "[[digital]]" => {
                ("", "; with its source `source` and, where the profile gives none, `age_max_ms`")
            }
            "[connection]" => ("`all` or `any` (of the breakers)", ""),
            "[heartbeat]" => ("", "; where the profile gives none, `period_ms` and `wrap`"),
            "[[setpoint]]" => (
                "`max_units`, `max_counts`, `limits`, `hold_ms`, `actual`, `feedback`",
                "; with its device `drive`",
            ),
            _ => ("", ""),
        };
        if !more.is_empty() {
            keys.push(more.to_owned());
        }
        let article = if table.starts_with("[[a") { "an" } else { "a" };
        format!("add {article} {table} with {}{later}", keys.join(", "))
    }

    /// What there is instead of a point that is missing: the nearest to it first.
    fn nearly(
        &self,
        listed: &ListedPoint,
        owner: &Owner<'_>,
        own: &[(Subject<'_>, PointView<'_>)],
        all: &[(Subject<'_>, PointView<'_>)],
    ) -> String {
        let site = self.input.site;
        if let Some((subject, _)) = own.first() {
            return format!(
                "{} with role `{}` has no index: it is not served",
                subject.label(site),
                listed.role
            );
        }
        let lacks = match listed.per {
            Per::Resource => None,
            Per::Component => owner.component.map(|_| "component"),
            Per::Station => Some("station"),
        };
        let homeless = all.iter().filter(|(_, point)| match listed.per {
            Per::Station => point.station.is_none(),
            _ => point.component.is_none(),
        });
        // The one of the right type, where there is one: it lacks the least.
        if let (Some(lacks), Some((subject, point))) =
            (lacks, homeless.min_by_key(|(_, point)| point.kind != listed.kind))
        {
            let told = format!("{} with role `{}`", subject.label(site), listed.role);
            return match point.kind == listed.kind {
                true => format!("{told} names no {lacks}"),
                false => format!("{told} is {}", article(point.kind.words())),
            };
        }
        format!("no point with role `{}`{}", listed.role, owner.words(self))
    }

    /// Whether a point belongs to what the list asks.
    fn owns(&self, owner: &Owner<'_>, listed: &ListedPoint, point: &PointView<'_>) -> bool {
        match listed.per {
            // The resource's own point may also say to which part it belongs (the set point of a hybrid's battery),
            // unless the lists have one for each part besides: then it is the part's.
            Per::Resource => !self.is_a_parts(listed, point),
            Per::Component => point.component == owner.component,
            Per::Station => point.station == owner.station,
        }
    }

    fn is_a_parts(&self, listed: &ListedPoint, point: &PointView<'_>) -> bool {
        let Some(part) = point.component.and_then(|at| self.input.site.components.get(at.get())) else {
            return false;
        };
        self.input.profile.points.iter().any(|other| {
            other.per == Per::Component
                && other.role == listed.role
                && other.kinds.contains(&part.kind)
                && other.entry.in_force(self.input.as_of)
                && matches!(self.met(&other.when, &Subject::Site), Met::Yes)
        })
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
            field: "role".to_owned(),
            found: format!("role `{}` on {}", listed.role, article(point.kind.words())),
            required: format!("on {}", article(listed.kind.words())),
            fix: None,
        });
    }
    let unit = point.unit.filter(|unit| !listed.units.is_empty() && !listed.units.contains(unit))?;
    Some(Miss {
        field: "unit".to_owned(),
        found: format!("role `{}` in {unit}", listed.role),
        required: format!("in {}", listed.entry.unit.as_deref().unwrap_or_default()),
        fix: None,
    })
}

fn article(words: &str) -> String {
    let article = if words.starts_with('a') { "an" } else { "a" };
    format!("{article} {words}")
}
