//! The closed set of things that a rule can ask. There is no expression language: a rule is a list of these, each
//! typed, and one that is not known is an error that names the entry.

use schemars::JsonSchema;
use serde::Deserialize;
use telemetry::{Area, ResourceKind, Service, Unit, WireForm};

use crate::profile::{Amount, Bounds, Figure};

/// What a rule judges, one finding each.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// The site as a whole.
    Site,
    /// The DNP3 end.
    Outstation,
    /// The `[tls]` section.
    Tls,
    /// The device's own certificate.
    Certificate,
    /// Each trust anchor.
    Anchor,
    /// The private key.
    Key,
    /// Each master.
    Master,
    /// Each device of the plant.
    Device,
    /// Each analog.
    Analog,
    /// Each digital.
    Digital,
    /// Each set point.
    Setpoint,
    /// Each set point's feedback.
    Feedback,
    /// Each other point by which a set point shows itself: what holds it back, who commands it.
    Shown,
    /// The heartbeat.
    Heartbeat,
    /// The unit's connection.
    Connection,
    /// Every point, of whatever kind.
    Point,
    /// Each component.
    Component,
    /// Each met station.
    Station,
}

/// What may stand in `type` of a point.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PointType {
    /// Analog input (g30, g32).
    AnalogInput,
    /// Binary input (g1, g2).
    DigitalInput,
    /// Analog output (g40, g41).
    AnalogOutput,
}

impl PointType {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AnalogInput => "analog input",
            Self::DigitalInput => "digital input",
            Self::AnalogOutput => "analog output",
        }
    }
}

/// A point that must exist.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PointWanted {
    /// Its role, or several of which one will do.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub role: Vec<String>,
    /// Its type; any where left out.
    #[serde(rename = "type")]
    pub kind: Option<PointType>,
    /// It must belong to the subject's component.
    #[serde(default)]
    pub component: bool,
    /// It must belong to the subject's station.
    #[serde(default)]
    pub station: bool,
}

/// One word or a list of them.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match OneOrMany::deserialize(deserializer) {
        Ok(OneOrMany::One(word)) => Ok(vec![word]),
        Ok(OneOrMany::Many(words)) => Ok(words),
        Err(_) => Err(serde::de::Error::custom("allowed: a role or a list of roles")),
    }
}

/// Limits of the two ends of a range.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ends {
    /// Limits of the lower end.
    #[serde(default)]
    pub low: Bounds,
    /// Limits of the upper end.
    #[serde(default)]
    pub high: Bounds,
    /// Both ends may be beyond by so many per cent of Pmax.
    pub margin_percent: Option<Amount>,
}

/// One count as a share of a figure.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepPercent {
    /// Of what.
    pub of: Figure,
    /// Per cent, at most.
    pub at_most: Amount,
}

/// Of what an instrument's accuracy is a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Whole {
    /// Units at full scale.
    FullScale,
    /// Greatest output.
    Pmax,
}

/// An instrument's accuracy as a share.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccuracyPercent {
    /// Of what.
    pub of: Whole,
    /// Per cent, at most.
    pub at_most: Amount,
}

/// TLS versions as files write them.
pub(crate) const TLS_VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];

/// What the value of an entry must be that a predicate refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referred {
    /// A number.
    Number,
    /// A TLS version.
    TlsVersion,
}

/// Which subjects a predicate can be asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Resource,
    Point,
    Scaled,
    Measured,
    Analog,
    Named,
    Setpoint,
    Heartbeat,
    Connection,
    Place,
    Station,
    Certificate,
    Key,
    Tls,
    Outstation,
    Master,
}

macro_rules! predicates {
    ($($variant:ident($type:ty $(as $schema:literal)?) $about:ident $doc:literal;)*) => {
        /// One thing that a rule asks.
        #[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Predicate {
            $(#[doc = $doc] $variant($(#[schemars(with = $schema)])? $type),)*
        }

        impl Predicate {
            const fn about(&self) -> About {
                match self { $(Self::$variant(_) => About::$about,)* }
            }

            /// Its name as files write it.
            #[must_use]
            pub fn name(&self) -> String {
                let variant = match self { $(Self::$variant(_) => stringify!($variant),)* };
                let mut name = String::new();
                for letter in variant.chars() {
                    if letter.is_ascii_uppercase() && !name.is_empty() {
                        name.push('_');
                    }
                    name.push(letter.to_ascii_lowercase());
                }
                name
            }

            /// What it asks, in words, without what it compares with.
            #[must_use]
            pub const fn words(&self) -> &'static str {
                match self { $(Self::$variant(_) => $doc,)* }
            }
        }
    };
}

predicates! {
    Kind(Vec<ResourceKind> as "Vec<String>") Resource "The resource is of one of these kinds.";
    Technology(Vec<ResourceKind> as "Vec<String>") Resource
        "The subject's component is of one of these kinds; where it has none, the resource or any component is.";
    CapacityMw(Bounds) Resource
        "Rated capacity (where not given, Pmax) of the subject's component or of the resource, MW.";
    Services(Vec<Service> as "Vec<String>") Resource "The resource is certified for one of these.";
    Area(Vec<Area> as "Vec<String>") Resource "The resource is in one of these.";
    AreaNot(Vec<Area> as "Vec<String>") Resource "The resource is in none of these; one that says nothing is not.";
    Given(Vec<Figure>) Resource "The site file gives these figures.";
    Point(PointWanted) Resource "Such a point is served.";
    Stations(Bounds) Resource "Number of met stations (of the subject's component where it has one).";
    StationExists(Vec<site::StationKind> as "Vec<String>") Resource
        "There is a met station of one of these kinds (of the subject's component where it has one).";
    Masters(Bounds) Resource "Number of masters.";
    Controllers(Bounds) Resource "Number of masters that may control.";
    Anchors(Bounds) Resource "Number of trust anchors: certificates in the files named.";
    Components(Bounds) Resource "Number of components.";
    Served(bool) Point "The point has an index.";
    Mapped(bool) Point "The point has a source.";
    Role(Vec<String>) Point "The point's role is one of these.";
    HasRole(bool) Point "The point has a role.";
    RoleKnown(bool) Point "The profile's point lists know the point's role.";
    RoleListed(bool) Point "A point list of the kind of the resource or of one of its parts has the point's role.";
    Named(bool) Point "The point has a name and the sheet's point name.";
    InComponent(bool) Point "The point belongs to a component.";
    InStation(bool) Analog "The point belongs to a met station.";
    Index(Bounds) Point "The index as the sheet has it.";
    IndexKept(bool) Point "The index is that of the previous sheet.";
    NoneLost(bool) Resource "Every point of the previous sheet is still there.";
    ScaleKept(bool) Scaled "The scaling is that of the previous sheet.";
    Type(Vec<PointType>) Point "The point is of one of these types.";
    WireIndex(Bounds) Point "The index on the wire: that of the sheet and the offset.";
    StaticVariation(Vec<Amount>) Point "Static variation.";
    EventVariation(Vec<Amount>) Point "Event variation.";
    Flags(bool) Point "Static and event variation carry flags.";
    Class(Vec<Amount>) Point "Event class; 0: no events.";
    Unit(Vec<Unit> as "Vec<String>") Scaled "The point's unit.";
    FullScale(Bounds) Scaled "Units at full scale (max_units).";
    Counts(Bounds) Scaled "Counts at full scale (max_counts).";
    Wire(Vec<WireForm> as "Vec<String>") Scaled "Counts or engineering values.";
    StepPercent(StepPercent) Scaled "One count as per cent of a figure.";
    RangeGiven(bool) Analog "A plausible range is given.";
    Range(Ends) Analog "The plausible range.";
    RangeInScale(bool) Analog "The plausible range lies within full scale; beyond it a plausible value saturates.";
    DeadbandCounts(Bounds) Analog "The deadband in counts.";
    Accuracy(Bounds) Analog "Accuracy of the instrument, in the point's unit.";
    AccuracyPercent(AccuracyPercent) Analog "Accuracy of the instrument as a share.";
    AccuracyGiven(bool) Analog "Accuracy of the instrument is given.";
    AgeMs(Bounds) Measured "Age limit, ms.";
    AgeCoversPoll(bool) Measured "The age limit is not below poll interval and time-out of the device together.";
    PollMs(Bounds) Measured "Poll interval of the point's device, ms.";
    States(Vec<Vec<String>>) Named "Allowed words of state 0 and of state 1.";
    StatesGiven(bool) Named "Words of both states are given.";
    Limits(Ends) Setpoint "Limits within which it is accepted.";
    Follows(Vec<String>) Setpoint "Role of the analog that it follows while the plant owns it; of a difference without a role, that of its first input.";
    RemoteGiven(bool) Setpoint "A digital tells that the plant is in remote.";
    ConnectedGiven(bool) Setpoint "A digital tells that the unit is connected.";
    HoldMs(Bounds) Setpoint "How long the owner's session may be away, ms.";
    FeedbackServed(bool) Setpoint "Its feedback is served.";
    Driven(bool) Setpoint "At least one device carries it out.";
    Reverts(bool) Setpoint "Each device that keeps what it was told when nobody commands falls back by itself after a time.";
    PeriodMs(Bounds) Heartbeat "Least time between two advances, ms.";
    Wrap(Bounds) Heartbeat "Counts 0 to this less one.";
    Inputs(Bounds) Connection "Number of digitals that it is made of.";
    InputRoles(Vec<String>) Connection "Every digital that it is made of has one of these roles.";
    Located(bool) Place "Latitude, longitude and elevation are given.";
    IndependentPower(bool) Station "It has a power supply of its own.";
    StationKind(Vec<site::StationKind> as "Vec<String>") Station "Its kind.";
    Present(bool) Certificate "The file is there and holds a certificate.";
    Readable(bool) Certificate "What is in the file is a certificate; not judged where there is no file.";
    Sha2(bool) Certificate "Signed with a hash of the SHA-2 family.";
    RsaBits(Bounds) Certificate "Bits of an RSA key; not judged for others.";
    EcBits(Bounds) Certificate "Bits of a key on an elliptic curve; not judged for others.";
    X509Version(Bounds) Certificate "Version of X.509.";
    Valid(bool) Certificate "Valid on the day of the check.";
    DaysLeft(Bounds) Certificate "Days until it expires.";
    CommonNameGiven(bool) Certificate "It has a common name.";
    CommonNameIs(Figure) Certificate "Its common name is what the site file gives as this (`device-name`, `id`).";
    NamePrefix(Vec<String>) Certificate "Its common name begins with one of these.";
    IssuerNot(Vec<String>) Certificate "None of these words stands in its issuer or subject.";
    Authority(bool) Certificate "It is a certificate authority's.";
    PrivateMode(bool) Key "Nobody but its owner may read the file.";
    FitsCertificate(bool) Key "It is the certificate's key.";
    MinVersion(String) Tls "The oldest TLS version spoken is at least this.";
    TimeSource(Vec<site::TimeSource> as "Vec<String>") Outstation "Who sets the DNP3 time.";
    IndexOffset(Vec<Amount>) Outstation "What is added to an index of the sheet to make it one of the wire.";
    ListenFixed(bool) Outstation "It listens on one address, not on all.";
    ListenRemote(bool) Outstation "Other machines can reach its address.";
    Admits(Bounds) Master "Number of identities admitted.";
    ByName(bool) Master "It is admitted by the name in its certificate.";
}

impl Predicate {
    /// Whether it can be asked of a subject.
    #[must_use]
    pub const fn fits(&self, subject: SubjectKind) -> bool {
        use SubjectKind as S;
        match self.about() {
            About::Resource => true,
            About::Point => matches!(
                subject,
                S::Analog
                    | S::Digital
                    | S::Setpoint
                    | S::Feedback
                    | S::Shown
                    | S::Heartbeat
                    | S::Connection
                    | S::Point
            ),
            About::Scaled => matches!(subject, S::Analog | S::Setpoint | S::Feedback | S::Shown | S::Point),
            About::Measured => matches!(subject, S::Analog | S::Digital | S::Point),
            About::Analog => matches!(subject, S::Analog | S::Point),
            About::Named => matches!(subject, S::Digital | S::Connection | S::Point),
            About::Setpoint => matches!(subject, S::Setpoint),
            About::Heartbeat => matches!(subject, S::Heartbeat),
            About::Connection => matches!(subject, S::Connection),
            About::Place => matches!(subject, S::Component | S::Station | S::Site),
            About::Station => matches!(subject, S::Station),
            About::Certificate => matches!(subject, S::Certificate | S::Anchor),
            About::Key => matches!(subject, S::Key),
            About::Tls => matches!(subject, S::Tls),
            About::Outstation => matches!(subject, S::Outstation),
            About::Master => matches!(subject, S::Master),
        }
    }

    /// Every pair of limits that it compares with.
    fn bounds(&self) -> Vec<&Bounds> {
        match self {
            Self::CapacityMw(bounds)
            | Self::Stations(bounds)
            | Self::Masters(bounds)
            | Self::Controllers(bounds)
            | Self::Anchors(bounds)
            | Self::Components(bounds)
            | Self::Index(bounds)
            | Self::WireIndex(bounds)
            | Self::FullScale(bounds)
            | Self::Counts(bounds)
            | Self::DeadbandCounts(bounds)
            | Self::Accuracy(bounds)
            | Self::AgeMs(bounds)
            | Self::PollMs(bounds)
            | Self::HoldMs(bounds)
            | Self::PeriodMs(bounds)
            | Self::Wrap(bounds)
            | Self::Inputs(bounds)
            | Self::RsaBits(bounds)
            | Self::EcBits(bounds)
            | Self::X509Version(bounds)
            | Self::DaysLeft(bounds)
            | Self::Admits(bounds) => vec![bounds],
            Self::Range(ends) | Self::Limits(ends) => vec![&ends.low, &ends.high],
            _ => Vec::new(),
        }
    }

    /// Whether it compares with what was served before.
    #[must_use]
    pub const fn is_of_previous(&self) -> bool {
        matches!(self, Self::IndexKept(_) | Self::ScaleKept(_) | Self::NoneLost(_))
    }

    /// Every amount that it compares with.
    #[must_use]
    pub fn amounts(&self) -> Vec<&Amount> {
        match self {
            Self::StepPercent(step) => vec![&step.at_most],
            Self::AccuracyPercent(share) => vec![&share.at_most],
            Self::StaticVariation(list)
            | Self::EventVariation(list)
            | Self::Class(list)
            | Self::IndexOffset(list) => list.iter().collect(),
            _ => {
                let bounds = self.bounds().into_iter();
                bounds.flat_map(Bounds::limits).map(|(_, amount)| amount).collect()
            }
        }
    }

    /// Ids of the entries whose values it compares with, and what their values must be.
    #[must_use]
    pub fn refers(&self) -> Vec<(&str, Referred)> {
        if let Self::MinVersion(text) = self {
            return text.strip_prefix('@').map(|id| (id, Referred::TlsVersion)).into_iter().collect();
        }
        let amounts = self.amounts().into_iter();
        amounts
            .filter_map(|amount| match amount {
                Amount::Entry(id) => Some((id.as_str(), Referred::Number)),
                _ => None,
            })
            .collect()
    }

    /// What is wrong with it in itself.
    #[must_use]
    pub fn defect(&self) -> Option<String> {
        let empty = match self {
            Self::Kind(list) | Self::Technology(list) => list.is_empty(),
            Self::Services(list) => list.is_empty(),
            Self::Area(list) | Self::AreaNot(list) => list.is_empty(),
            Self::Given(list) => list.is_empty(),
            Self::Role(list)
            | Self::Follows(list)
            | Self::InputRoles(list)
            | Self::NamePrefix(list)
            | Self::IssuerNot(list) => list.is_empty(),
            Self::StaticVariation(list)
            | Self::EventVariation(list)
            | Self::Class(list)
            | Self::IndexOffset(list) => list.is_empty(),
            Self::Unit(list) => list.is_empty(),
            Self::Wire(list) => list.is_empty(),
            Self::StationKind(list) | Self::StationExists(list) => list.is_empty(),
            Self::Type(list) => list.is_empty(),
            Self::TimeSource(list) => list.is_empty(),
            _ => false,
        };
        if empty {
            return Some("names nothing: the list is empty".to_owned());
        }
        match self {
            Self::States(words) if words.len() != 2 || words.iter().any(Vec::is_empty) => {
                Some("must hold two lists of words, of state 0 and of state 1".to_owned())
            }
            Self::Point(wanted) if wanted.role.is_empty() => Some("names no role".to_owned()),
            Self::CommonNameIs(figure) if !matches!(figure, Figure::DeviceName | Figure::Id) => {
                Some(format!("is `{figure}`, allowed: device-name, id"))
            }
            Self::MinVersion(text) if !text.starts_with('@') && !TLS_VERSIONS.contains(&text.as_str()) => {
                Some(format!("is `{text}`, allowed: 1.0, 1.1, 1.2, 1.3"))
            }
            Self::StepPercent(step)
                if !matches!(step.of, Figure::Pmax | Figure::Capacity | Figure::EnergyMax) =>
            {
                Some(format!("is of `{}`, allowed: pmax, capacity, energy-max", step.of))
            }
            _ => {
                let bounds = self.bounds();
                if !bounds.is_empty() && self.amounts().is_empty() {
                    return Some("gives no limit, allowed: at_least, above, at_most, below".to_owned());
                }
                bounds.into_iter().find_map(Bounds::defect)
            }
        }
    }
}
