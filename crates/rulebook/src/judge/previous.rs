//! What the site served before: indexes and scalings that the ISO's data base holds already. A point that moves is
//! a wrong megawatt until that data base follows.

use site::Site;
use telemetry::Scale;

use super::subject::{PointView, Subject};
use super::verdict::Verdict;
use super::words::short;
use crate::certificates::Certificates;
use crate::predicate::{PointType, SubjectKind};

/// A sheet or site file as it was before.
#[derive(Clone, Debug, Default)]
pub struct Previous {
    /// Its points.
    pub points: Vec<PreviousPoint>,
}

/// A point as it was before.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviousPoint {
    /// Its type.
    pub kind: PointType,
    /// What it may be known by: the sheet's point name, the id, the description.
    pub names: Vec<String>,
    /// Index as the sheet has it; `None`: it was not served.
    pub index: Option<u16>,
    /// Index on the wire, where that is known: a sheet does not tell it.
    pub wire: Option<u16>,
    /// Units and counts at full scale.
    pub scale: Option<(f64, f64)>,
}

impl Previous {
    /// What a site serves, as the next check's past.
    #[must_use]
    pub fn of_site(site: &Site) -> Self {
        let certificates = Certificates::default();
        let points = Subject::all(SubjectKind::Point, site, &certificates)
            .into_iter()
            .filter_map(|subject| subject.point())
            .map(|point| PreviousPoint {
                kind: point.kind,
                names: point
                    .sheet_name
                    .as_deref()
                    .map(ToString::to_string)
                    .into_iter()
                    .chain([point.id.to_string(), point.name.to_string()])
                    .collect(),
                index: point.served.sheet_index,
                wire: point.served.index,
                scale: match point.scale {
                    Some(Scale::Counts { max_units, max_counts }) => Some((max_units, max_counts)),
                    _ => None,
                },
            })
            .collect();
        Self { points }
    }

    fn find(&self, point: &PointView<'_>) -> Option<&PreviousPoint> {
        let sheet_name = point.sheet_name.as_deref();
        [sheet_name, Some(point.id.as_str()), Some(&*point.name)].into_iter().flatten().find_map(|name| {
            self.points
                .iter()
                .find(|one| one.kind == point.kind && one.names.iter().any(|known| known == name))
        })
    }

    pub(crate) fn index_kept(&self, point: &PointView<'_>) -> Verdict {
        let now = point.served.sheet_index;
        let told =
            |index: Option<u16>| index.map_or("not served".to_owned(), |index| format!("index {index}"));
        match self.find(point) {
            Some(before) if before.wire.is_some() && before.wire != point.served.index => {
                let told = |index: Option<u16>| {
                    index.map_or("not served".to_owned(), |index| format!("index {index} on the wire"))
                };
                let required = format!("{}, as before", told(before.wire));
                Verdict::of(false, "index", told(point.served.index), required)
            }
            Some(before) if before.index.is_some() => Verdict::of(
                before.index == now,
                "index",
                told(now),
                format!("{}, as before", told(before.index)),
            ),
            found => {
                // A new point on an index that was another's is a renumbering too.
                let taken = self
                    .points
                    .iter()
                    .find(|one| one.kind == point.kind && now.is_some() && one.index == now)
                    .filter(|one| found.is_none_or(|found| found != *one));
                let name = taken.and_then(|one| one.names.first()).map_or("", String::as_str);
                let found = format!("{}, which was `{name}` before", told(now));
                Verdict::of(taken.is_none(), "index", found, "an index that was never used")
            }
        }
    }

    /// Whether every point that was served still is.
    pub(crate) fn none_lost(&self, site: &Site) -> Verdict {
        let certificates = Certificates::default();
        let now: Vec<_> = Subject::all(SubjectKind::Point, site, &certificates)
            .into_iter()
            .filter_map(|subject| subject.point())
            .collect();
        let lost = self
            .points
            .iter()
            .filter(|one| one.index.is_some())
            .filter(|one| !now.iter().any(|point| self.find(point) == Some(one)))
            .map(|one| {
                let name = one.names.first().map_or("", String::as_str);
                format!("{} {} `{name}`", one.kind.words(), one.index.unwrap_or_default())
            })
            .collect::<Vec<_>>();
        let found = format!("gone: {}", lost.join(", "));
        Verdict::of(lost.is_empty(), "", found, "every point that was served before, or the ISO told")
    }

    pub(crate) fn scale_kept(&self, point: &PointView<'_>) -> Verdict {
        let now = match point.scale {
            Some(Scale::Counts { max_units, max_counts }) => Some((max_units, max_counts)),
            _ => None,
        };
        let told = |scale: Option<(f64, f64)>| match scale {
            Some((units, counts)) => format!("max_units {}, max_counts {}", short(units), short(counts)),
            None => "no scaling".to_owned(),
        };
        match self.find(point).map(|before| before.scale) {
            Some(before @ Some(_)) => {
                let units = |scale: Option<(f64, f64)>| scale.map(|(units, _)| units);
                let field = if units(before) == units(now) { "max_counts" } else { "max_units" };
                Verdict::of(before == now, field, told(now), format!("{}, as before", told(before)))
            }
            _ => Verdict::Holds,
        }
    }
}
