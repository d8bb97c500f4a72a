//! What rules judge: each thing of a site, with its place in the file and what points have in common.

use std::time::Duration;

use site::{
    Analog, Component, ComponentIx, Connection, Device, DeviceIx, Digital, Heartbeat, Master, Point,
    SetPoint, Shown, Site, Station, StationIx,
};
use telemetry::{Scale, Unit};

use crate::certificates::{Certificates, Held, Key};
use crate::predicate::{PointType, Predicate, SubjectKind};

/// One thing that rules judge.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    Site,
    Outstation,
    Tls,
    Certificate(&'a Held),
    /// Position of its file in the list.
    Anchor(usize, &'a Held),
    Key(&'a Key),
    Master(usize, &'a Master),
    Device(usize, &'a Device),
    Analog(usize, &'a Analog),
    Digital(usize, &'a Digital),
    Setpoint(usize, &'a SetPoint),
    Feedback(usize, &'a SetPoint),
    /// What else a set point shows of itself.
    Shown(usize, Shown<'a>),
    Heartbeat(&'a Heartbeat),
    Connection(&'a Connection),
    Component(usize, &'a Component),
    Station(usize, &'a Station),
}

/// What points have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PointView<'a> {
    pub(crate) kind: PointType,
    point: &'a Point,
    pub(crate) station: Option<StationIx>,
    pub(crate) unit: Option<Unit>,
    pub(crate) scale: Option<Scale>,
    /// Whether there is something behind it: a source, or the device itself.
    pub(crate) mapped: bool,
}

impl<'a> PointView<'a> {
    /// Its role.
    pub(crate) fn role(&self) -> Option<&'a str> {
        self.point.role.as_deref()
    }
}

impl std::ops::Deref for PointView<'_> {
    type Target = Point;

    fn deref(&self) -> &Point {
        self.point
    }
}

/// Where a measured point comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) device: DeviceIx,
    pub(crate) age_max: Duration,
}

impl<'a> Subject<'a> {
    /// All subjects of a kind, in the order of the file.
    pub(crate) fn all(kind: SubjectKind, site: &'a Site, certificates: &'a Certificates) -> Vec<Self> {
        use SubjectKind as K;
        match kind {
            K::Site => vec![Self::Site],
            K::Outstation => vec![Self::Outstation],
            K::Tls => vec![Self::Tls],
            K::Certificate => vec![Self::Certificate(&certificates.own)],
            K::Anchor => certificates.anchors.iter().map(|(at, held)| Self::Anchor(*at, held)).collect(),
            K::Key => vec![Self::Key(&certificates.key)],
            K::Master => numbered(&site.masters, Self::Master),
            K::Device => numbered(&site.devices, Self::Device),
            K::Analog => numbered(&site.analogs, Self::Analog),
            K::Digital => numbered(&site.digitals, Self::Digital),
            K::Setpoint => numbered(&site.setpoints, Self::Setpoint),
            K::Feedback => numbered(&site.setpoints, Self::Feedback),
            K::Shown => {
                let others = |(at, one): (usize, &'a SetPoint)| {
                    one.shown()
                        .filter(|shown| shown.key != "feedback")
                        .map(move |shown| Self::Shown(at, shown))
                };
                site.setpoints.iter().enumerate().flat_map(others).collect()
            }
            K::Heartbeat => site.heartbeat.iter().map(Self::Heartbeat).collect(),
            K::Connection => site.connection.iter().map(Self::Connection).collect(),
            K::Point => {
                [K::Analog, K::Digital, K::Heartbeat, K::Connection, K::Setpoint, K::Feedback, K::Shown]
                    .into_iter()
                    .flat_map(|kind| Self::all(kind, site, certificates))
                    .collect()
            }
            K::Component => numbered(&site.components, Self::Component),
            K::Station => numbered(&site.stations, Self::Station),
        }
    }

    /// What kind of thing it is.
    pub(crate) const fn kind(&self) -> SubjectKind {
        use SubjectKind as K;
        match self {
            Self::Site => K::Site,
            Self::Outstation => K::Outstation,
            Self::Tls => K::Tls,
            Self::Certificate(_) => K::Certificate,
            Self::Anchor(..) => K::Anchor,
            Self::Key(_) => K::Key,
            Self::Master(..) => K::Master,
            Self::Device(..) => K::Device,
            Self::Analog(..) => K::Analog,
            Self::Digital(..) => K::Digital,
            Self::Setpoint(..) => K::Setpoint,
            Self::Feedback(..) => K::Feedback,
            Self::Shown(..) => K::Shown,
            Self::Heartbeat(_) => K::Heartbeat,
            Self::Connection(_) => K::Connection,
            Self::Component(..) => K::Component,
            Self::Station(..) => K::Station,
        }
    }

    /// Its path in the file, as [`config::Places`] has it.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Site => "site".to_owned(),
            Self::Outstation => "outstation".to_owned(),
            Self::Tls => "tls".to_owned(),
            Self::Certificate(_) => "tls.certificate".to_owned(),
            Self::Anchor(at, _) => format!("tls.trust_anchors[{at}]"),
            Self::Key(_) => "tls.key".to_owned(),
            Self::Master(at, _) => format!("master[{at}]"),
            Self::Device(at, _) => format!("device[{at}]"),
            Self::Analog(at, _) => format!("analog[{at}]"),
            Self::Digital(at, _) => format!("digital[{at}]"),
            Self::Setpoint(at, _) => format!("setpoint[{at}]"),
            Self::Feedback(at, _) => format!("setpoint[{at}].feedback"),
            Self::Shown(at, shown) => format!("setpoint[{at}].{}", shown.key),
            Self::Heartbeat(_) => "heartbeat".to_owned(),
            Self::Connection(_) => "connection".to_owned(),
            Self::Component(at, _) => format!("component[{at}]"),
            Self::Station(at, _) => format!("station[{at}]"),
        }
    }

    /// Where what a predicate asks about stands in the file: the site's figures are in `[resource]`, not in `[site]`.
    pub(crate) fn path_of(&self, predicate: &Predicate) -> String {
        use Predicate as P;
        let site = matches!(self, Self::Site);
        match (predicate, self.component()) {
            (P::CapacityMw(_), Some(component)) => format!("component[{}]", component.get()),
            (P::Given(figures), Some(component)) if !figures.iter().any(|one| one.is_of_resource()) => {
                format!("component[{}]", component.get())
            }
            (P::CapacityMw(_) | P::Given(_) | P::Area(_) | P::Services(_), _) => "resource".to_owned(),
            (P::Located(_), _) if site => "resource".to_owned(),
            (P::Kind(_), _) | (P::Technology(_), None) => "site".to_owned(),
            (P::Masters(_) | P::Controllers(_), _) => "master".to_owned(),
            (P::Components(_), _) => "component".to_owned(),
            (P::Stations(_) | P::StationExists(_), _) if site => "station".to_owned(),
            (P::Anchors(_), _) => "tls".to_owned(),
            _ => self.path(),
        }
    }

    /// What a report calls it.
    pub(crate) fn label(&self, site: &Site) -> String {
        match self {
            Self::Site => format!("site `{}`", site.name),
            Self::Outstation => "outstation".to_owned(),
            Self::Tls => "TLS".to_owned(),
            Self::Certificate(held) => format!("certificate {}", site.as_named(&held.file).display()),
            Self::Anchor(_, held) => format!("trust anchor {}", site.as_named(&held.file).display()),
            Self::Key(key) => format!("key {}", site.as_named(&key.file).display()),
            Self::Master(_, master) => format!("master `{}`", master.name),
            Self::Device(_, device) => format!("device `{}`", device.id),
            Self::Analog(_, point) => format!("analog `{}`", point.point.id),
            Self::Digital(_, point) => format!("digital `{}`", point.point.id),
            Self::Setpoint(_, point) => format!("set point `{}`", point.point.id),
            Self::Feedback(_, point) => format!("feedback `{}`", point.feedback.point.id),
            Self::Shown(_, shown) => format!("{} `{}`", shown.key, shown.point.id),
            Self::Heartbeat(point) => format!("heartbeat `{}`", point.point.id),
            Self::Connection(point) => format!("connection `{}`", point.point.id),
            Self::Component(_, component) => format!("component `{}`", component.id),
            Self::Station(_, station) => format!("station `{}`", station.id),
        }
    }

    /// The component that it belongs to.
    pub(crate) fn component(&self) -> Option<ComponentIx> {
        match self {
            Self::Component(at, _) => Some(ComponentIx::new(*at)),
            Self::Station(_, station) => station.component,
            _ => self.point().and_then(|point| point.component),
        }
    }

    /// What points have in common, where it is one.
    pub(crate) fn point(&self) -> Option<PointView<'a>> {
        let view =
            |kind, point| PointView { kind, point, station: None, unit: None, scale: None, mapped: true };
        Some(match *self {
            Self::Analog(_, one) => PointView {
                station: one.station,
                unit: Some(one.unit),
                scale: Some(one.wire),
                mapped: one.source.is_some() || one.derive.is_some(),
                ..view(PointType::AnalogInput, &one.point)
            },
            Self::Digital(_, one) => PointView {
                mapped: one.source.is_some() || one.derive.is_some(),
                ..view(PointType::DigitalInput, &one.point)
            },
            Self::Setpoint(_, one) => PointView {
                unit: Some(one.unit),
                scale: Some(one.wire),
                ..view(PointType::AnalogOutput, &one.point)
            },
            Self::Feedback(_, one) => PointView {
                unit: Some(one.unit),
                scale: Some(one.wire),
                ..view(PointType::AnalogInput, &one.feedback.point)
            },
            Self::Shown(_, one) => PointView {
                unit: Some(one.unit),
                scale: Some(one.wire),
                ..view(PointType::AnalogInput, one.point)
            },
            Self::Heartbeat(one) => view(PointType::AnalogInput, &one.point),
            Self::Connection(one) => view(PointType::DigitalInput, &one.point),
            _ => return None,
        })
    }

    /// Where it is measured; `None`: it is unmapped, or not measured at all.
    pub(crate) fn measured(&self) -> Option<Measured> {
        match self {
            Self::Analog(_, one) => {
                one.source.as_ref().map(|source| Measured { device: source.device, age_max: source.age_max })
            }
            Self::Digital(_, one) => {
                one.source.as_ref().map(|source| Measured { device: source.device, age_max: source.age_max })
            }
            _ => None,
        }
    }
}

fn numbered<'a, T>(list: &'a [T], make: impl Fn(usize, &'a T) -> Subject<'a>) -> Vec<Subject<'a>> {
    list.iter().enumerate().map(|(at, one)| make(at, one)).collect()
}
