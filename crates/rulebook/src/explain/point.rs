//! A point of a site file: what it means, how it is served, what was found on it.

use site::Site;
use telemetry::Scale;

use super::{About, Explanation, entry};
use crate::certificates::Certificates;
use crate::judge::{Report, Subject};
use crate::predicate::{PointType, SubjectKind};
use crate::profile::Profile;

/// A site that was judged.
#[derive(Clone, Copy, Debug)]
pub struct OnSite<'a> {
    /// The site.
    pub site: &'a Site,
    /// Its certificates.
    pub certificates: &'a Certificates,
    /// What was found on it.
    pub report: &'a Report,
}

impl OnSite<'_> {
    /// The ids of its points.
    pub(super) fn ids(&self) -> Vec<String> {
        Subject::all(SubjectKind::Point, self.site, self.certificates)
            .iter()
            .filter_map(Subject::point)
            .map(|point| point.id.to_string())
            .collect()
    }

    /// A point explained, and its role after it.
    pub(super) fn point(&self, id: &str, profile: &Profile) -> Vec<Explanation> {
        let points = Subject::all(SubjectKind::Point, self.site, self.certificates);
        let Some((subject, point)) = points
            .iter()
            .filter_map(|subject| Some((subject, subject.point()?)))
            .find(|(_, point)| point.id.to_string() == id)
        else {
            return Vec::new();
        };
        let served = point.served;
        let group = match point.kind {
            PointType::AnalogInput => (30, 32),
            PointType::DigitalInput => (1, 2),
            PointType::AnalogOutput => (40, 42),
        };
        let how = match served.index {
            Some(index) => {
                let sheet = served.sheet_index.filter(|sheet| *sheet != index);
                let sheet = sheet.map_or_else(String::new, |sheet| format!(" ({sheet} in the sheet)"));
                let events = match served.class {
                    0 => "no events".to_owned(),
                    class => format!("events of class {class} as g{}v{}", group.1, served.event_variation),
                };
                format!("index {index}{sheet}, static g{}v{}, {events}", group.0, served.static_variation)
            }
            None => "not served: no index, or its role is not on the profile's lists".to_owned(),
        };
        let component = point.component.and_then(|at| self.site.components.get(at.get()));
        let station = point.station.and_then(|at| self.site.stations.get(at.get()));
        let scale = point.scale.zip(point.unit).map(|(scale, unit)| match scale {
            Scale::Counts { max_counts, max_units } => format!("{max_counts} counts are {max_units} {unit}"),
            _ => format!("engineering values in {unit}"),
        });
        let label = subject.label(self.site);
        let found: Vec<_> = self.report.findings.iter().filter(|one| one.subject == label).collect();
        let findings = found.iter().map(|one| {
            let (grade, wanted) = if one.citable { ("", "required") } else { ("unconfirmed ", "expected") };
            format!(
                "{grade}{}: {} [{}]: {}:{}:{}: found {}; {wanted}: {}",
                one.severity, one.rule, one.tag, one.file, one.line, one.column, one.found, one.required
            )
        });
        let role = point
            .role()
            .map_or_else(|| "none: what it means to the ISO is not said".to_owned(), str::to_owned);
        let told = Explanation::new(About::Point, id, &point.name)
            .fact(
                "is",
                format!("{} {}", point.kind.words(), label.split(' ').next().map_or("", |_| "of the site")),
            )
            .fact("role", role)
            .maybe("part of", component.map(|one| format!("component {} ({})", one.id, one.kind)))
            .maybe("part of", station.map(|one| format!("met station {}", one.id)))
            .fact("served", how)
            .maybe("scale", scale)
            .fact("from", self.from(subject))
            .facts("findings", findings);
        let told = if found.is_empty() { told.fact("findings", "none") } else { told };
        let mut all = vec![told];
        all.extend(point.role().and_then(|role| entry::role(role, profile)));
        all
    }

    /// Where its value comes from.
    fn from(&self, subject: &Subject<'_>) -> String {
        if let Some(measured) = subject.measured() {
            let device = self.site.devices.get(measured.device.get());
            let device = device.map_or_else(String::new, |device| {
                format!("device {}, polled every {} ms", device.id, device.poll.as_millis())
            });
            return format!(
                "{device}; stale (COMM_LOST) when older than {} ms",
                measured.age_max.as_millis()
            );
        }
        let made = match subject {
            Subject::Analog(_, one) => one.derive.as_ref().map(|derive| (derive.op(), derive.inputs())),
            Subject::Digital(_, one) => one.derive.as_ref().map(|derive| (derive.op(), derive.inputs())),
            _ => None,
        };
        if let Some((op, of)) = made {
            let of: Vec<_> = of.into_iter().map(ToString::to_string).collect();
            return format!("computed: {op} of {}", of.join(", "));
        }
        match subject {
            Subject::Analog(..) | Subject::Digital(..) => {
                "nowhere yet: served as never read (RESTART, never good)".to_owned()
            }
            Subject::Heartbeat(_) => "the device itself: a count of its own cycles".to_owned(),
            Subject::Connection(one) => {
                let of: Vec<_> = one.derive.inputs().into_iter().map(ToString::to_string).collect();
                format!("computed: 1 when {} of these are: {}", one.derive.op(), of.join(", "))
            }
            Subject::Setpoint(_, one) => {
                format!("the master that owns it; while the plant does, it follows {}", one.actual)
            }
            _ => "the device itself: the value in force".to_owned(),
        }
    }
}
