//! A plant of each kind that serves all that a profile lists, as the text of its site file; and the same plant with
//! one thing wrong.

use std::fmt::Write as _;

use config::Source;
use rulebook::certificates::Certificates;
use rulebook::judge::{Finding, Judgement, Report, judge};
use rulebook::predicate::PointType;
use rulebook::profile::{Day, ListedPoint, Need, Per, Profile};
use site::{Defaults, Purpose, Site};
use telemetry::{Area, ResourceKind, Service, Unit};

/// A plant.
#[derive(Clone)]
pub(crate) struct Plant {
    pub(crate) kind: ResourceKind,
    pub(crate) capacity_mw: Option<f64>,
    pub(crate) pmax_mw: Option<f64>,
    pub(crate) services: Vec<Service>,
    pub(crate) area: Option<Area>,
    pub(crate) parts: Vec<ResourceKind>,
    pub(crate) stations: Vec<Station>,
    pub(crate) points: Vec<Point>,
}

#[derive(Clone)]
pub(crate) struct Station {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) part: Option<ResourceKind>,
}

/// A point of the plant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) role: String,
    pub(crate) kind: PointType,
    pub(crate) unit: Option<Unit>,
    pub(crate) part: Option<ResourceKind>,
    pub(crate) station: Option<String>,
    pub(crate) served: bool,
    /// Stays, whatever is changed.
    pub(crate) id: String,
}

/// What needs a point each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owner {
    pub(crate) part: Option<ResourceKind>,
    pub(crate) station: Option<String>,
}

/// Parts of a plant that has several: one of each kind that has lists of its own.
const PARTS: [ResourceKind; 7] = [
    ResourceKind::Conventional,
    ResourceKind::PumpedHydro,
    ResourceKind::Wind,
    ResourceKind::SolarPv,
    ResourceKind::ConcentratingPv,
    ResourceKind::SolarThermal,
    ResourceKind::Storage,
];
const WEATHER: [ResourceKind; 4] =
    [ResourceKind::Wind, ResourceKind::SolarPv, ResourceKind::ConcentratingPv, ResourceKind::SolarThermal];

impl Plant {
    /// A plant of 100 MW that gives regulation, with nothing served yet.
    pub(crate) fn bare(kind: ResourceKind) -> Self {
        use ResourceKind as K;
        let parts = match kind {
            K::Hybrid | K::CoLocated | K::PhysicalAggregate => PARTS.to_vec(),
            K::MultiStage => vec![K::Conventional],
            _ => Vec::new(),
        };
        let demand = matches!(kind, K::ProxyDemand | K::ReliabilityDemand | K::DerAggregate);
        let mut stations = Vec::new();
        for weather in WEATHER {
            let part = parts.contains(&weather).then_some(weather);
            if part.is_none() && kind != weather {
                continue;
            }
            stations.push(Station { id: format!("met.{weather}"), kind: "station", part });
            if weather == K::Wind {
                stations.push(Station { id: "turbine".to_owned(), kind: "turbine", part });
            }
        }
        Self {
            kind,
            capacity_mw: Some(100.0),
            pmax_mw: None,
            services: if demand { Vec::new() } else { vec![Service::Regulation] },
            area: Some(Area::Caiso),
            parts,
            stations,
            points: Vec::new(),
        }
    }

    /// The same with every listed point.
    pub(crate) fn full(kind: ResourceKind, profile: &Profile, day: Day) -> Self {
        let mut plant = Self::bare(kind);
        for listed in &profile.points {
            if !listed.entry.in_force(day) || listed.need == Need::Forbidden {
                continue;
            }
            for owner in plant.owners(listed) {
                let point = point(listed, &owner);
                let twin = |one: &Point| {
                    (&one.role, one.part, &one.station) == (&point.role, point.part, &point.station)
                };
                if !plant.points.iter().any(twin) {
                    plant.points.push(point);
                }
            }
        }
        plant
    }

    /// What the list asks a point of, as its tables say and apart from how the judge goes about it.
    pub(crate) fn owners(&self, listed: &ListedPoint) -> Vec<Owner> {
        let told = conditions(listed);
        if told.of_kinds.is_some_and(|kinds| !kinds.contains(&self.kind))
            || told.services.is_some_and(|services| !services.iter().any(|one| self.services.contains(one)))
        {
            return Vec::new();
        }
        let resource = Owner { part: None, station: None };
        let of_kind = listed.kinds.contains(&self.kind);
        match listed.per {
            Per::Resource => Vec::from_iter(of_kind.then_some(resource)),
            Per::Component => {
                let parts = self.parts.iter().filter(|part| listed.kinds.contains(part));
                let owners: Vec<_> = parts.map(|part| Owner { part: Some(*part), station: None }).collect();
                if owners.is_empty() && of_kind { vec![resource] } else { owners }
            }
            Per::Station => {
                let stations = self.stations.iter().filter(|station| {
                    listed.kinds.contains(&station.part.unwrap_or(self.kind))
                        && told
                            .stations
                            .as_ref()
                            .is_none_or(|kinds| kinds.iter().any(|kind| kind == station.kind))
                });
                stations.map(|one| Owner { part: None, station: Some(one.id.clone()) }).collect()
            }
        }
    }

    /// The place of the owner's point.
    pub(crate) fn position(&self, role: &str, owner: &Owner) -> usize {
        let at = self.points.iter().position(|one| {
            one.role == role
                && one.station == owner.station
                && (one.part == owner.part || owner.station.is_some())
        });
        at.unwrap_or_else(|| panic!("{} has no {role} of {owner:?}", self.kind))
    }

    /// Judges it.
    pub(crate) fn judge(&self, profile: &Profile, day: Day) -> Report {
        let text = self.text();
        let source = Source::from_text("site.toml", text.clone());
        let kinds: Vec<_> = [self.kind].into_iter().chain(self.parts.iter().copied()).collect();
        let defaults = Defaults { roles: None, ..profile.defaults(&kinds, day) };
        let site = Site::read_with(&source, &defaults, Purpose::Check)
            .unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        judge(&Judgement {
            site: &site,
            places: &source.places(),
            certificates: &Certificates::default(),
            profile,
            as_of: day,
            previous: None,
        })
    }

    /// Its site file.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "[site]\nname = \"plant\"\nresource = \"{}\"\nsocket = \"run/rtd.sock\"\n\n\
             [outstation]\nlisten = \"127.0.0.1:20000\"\naddress = 10\n\n\
             [tls]\ncertificate = \"rtd.pem\"\nkey = \"rtd.key\"\ntrust_anchors = [\"ca.pem\"]\n\n\
             [[master]]\nname = \"ems\"\naddress = 1\nadmit = [\"name:ems.example\"]\ncontrol = true\n\n\
             [resource]\nservices = [{}]\n",
            self.kind,
            quoted(&self.services)
        );
        for (key, figure) in [("capacity_mw", self.capacity_mw), ("pmax_mw", self.pmax_mw)] {
            if let Some(figure) = figure {
                writeln!(text, "{key} = {figure:?}").unwrap();
            }
        }
        if let Some(area) = self.area {
            writeln!(text, "area = \"{area}\"").unwrap();
        }
        for part in &self.parts {
            writeln!(text, "\n[[component]]\nid = \"{part}\"\nkind = \"{part}\"").unwrap();
        }
        for one in &self.stations {
            writeln!(text, "\n[[station]]\nid = \"{}\"\nkind = \"{}\"", one.id, one.kind).unwrap();
            if let Some(part) = one.part {
                writeln!(text, "component = \"{part}\"").unwrap();
            }
        }
        // What a set point follows, and what a connection is made of; not served.
        for unit in ["MW", "kW"] {
            writeln!(text, "\n[[analog]]\nid = \"actual.{unit}\"\nunit = \"{unit}\"\nwire = \"engineering\"")
                .unwrap();
        }
        text.push_str("\n[[digital]]\nid = \"switch\"\n");
        let own = |one: &Point| {
            one.role == "setpoint-feedback"
                && one.kind == PointType::AnalogInput
                && one.unit == Some(Unit::Megawatt)
        };
        let feedback = self.points.iter().enumerate().find(|(_, one)| own(one));
        let mut fed = false;
        for (at, point) in self.points.iter().enumerate() {
            let index = if point.served { format!("index = {}\n", at + 1) } else { String::new() };
            let head = format!("id = \"{}\"\nrole = \"{}\"\n{index}", point.id, point.role);
            let place = [
                point.part.map(|part| format!("component = \"{part}\"\n")),
                point.station.as_ref().map(|station| format!("station = \"{station}\"\n")),
            ];
            let place: String = place.into_iter().flatten().collect();
            let unit = point.unit.unwrap_or(Unit::Count);
            match (point.role.as_str(), point.kind) {
                ("heartbeat", PointType::AnalogInput) => {
                    write!(text, "\n[heartbeat]\n{head}period_ms = 4000\nwrap = 1000\n").unwrap();
                }
                ("connection", PointType::DigitalInput) => {
                    write!(text, "\n[connection]\n{head}all = [\"switch\"]\n").unwrap();
                }
                // Goes with its set point, where there is one of its unit.
                _ if own(point) => {}
                (_, PointType::AnalogInput) => {
                    write!(text, "\n[[analog]]\n{head}{place}unit = \"{unit}\"\nwire = \"engineering\"\n")
                        .unwrap();
                }
                (_, PointType::DigitalInput) => write!(text, "\n[[digital]]\n{head}{place}").unwrap(),
                (_, PointType::AnalogOutput) => {
                    write!(
                        text,
                        "\n[[setpoint]]\n{head}{place}unit = \"{unit}\"\nwire = \"engineering\"\nlimits = [0.0, 1.0]\n\
                         hold_ms = 30000\nactual = \"actual.{unit}\"\n"
                    )
                    .unwrap();
                    let index = match feedback {
                        Some((at, one)) if one.served && !fed => format!(", index = {}", at + 1),
                        _ => String::new(),
                    };
                    fed = true;
                    writeln!(text, "feedback = {{ id = \"{}.feedback\"{index} }}", point.id).unwrap();
                }
            }
        }
        text
    }
}

/// What a list says of itself in its conditions; a condition that this does not know is told, not passed over.
struct Conditions<'a> {
    of_kinds: Option<&'a [ResourceKind]>,
    services: Option<&'a [Service]>,
    stations: Option<Vec<String>>,
}

fn conditions(listed: &ListedPoint) -> Conditions<'_> {
    use rulebook::Predicate;
    let mut told = Conditions { of_kinds: None, services: None, stations: None };
    for predicate in listed.when.iter().chain(&listed.filter) {
        match predicate {
            Predicate::Kind(kinds) => told.of_kinds = Some(kinds),
            Predicate::Services(services) => told.services = Some(services),
            Predicate::StationKind(kinds) => {
                told.stations = Some(kinds.iter().map(ToString::to_string).collect());
            }
            other => panic!("{}: a condition that these plants do not know: {other:?}", listed.entry.id),
        }
    }
    told
}

/// The point that a list asks for. Its id is its role, and whose it is.
pub(crate) fn point(listed: &ListedPoint, owner: &Owner) -> Point {
    let whose = owner.station.clone().or(owner.part.map(|part| part.to_string()));
    let whose = whose.map(|whose| format!("{whose}."));
    Point {
        id: format!("{}{}", whose.unwrap_or_default(), listed.role),
        role: listed.role.clone(),
        kind: listed.kind,
        unit: listed.units.first().copied(),
        part: owner.part,
        station: owner.station.clone(),
        served: true,
    }
}

fn quoted<T: ToString>(words: &[T]) -> String {
    words.iter().map(|word| format!("\"{}\"", word.to_string())).collect::<Vec<_>>().join(", ")
}

/// A finding as the golden files tell it.
pub(crate) fn line(finding: &Finding) -> String {
    format!(
        "{} | {} | {} | {} | {} | {} | {}",
        finding.rule,
        finding.subject,
        finding.found,
        finding.required,
        finding.tag,
        if finding.citable { "citable" } else { "unconfirmed" },
        finding.severity
    )
}
