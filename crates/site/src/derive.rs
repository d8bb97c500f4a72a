//! Points made of other points, and what is asked of a point's values beside their range.
//!
//! The plant has ten inverters and two meters, the ISO wants one megawatt. What is made here is a point like any
//! other: it can be served, forced, checked, and be an input of the next.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use telemetry::{PointId, Unit};

use crate::hsl::{EnergyLimit, Hsl, Resource};

/// An input that is a quantity, with the unit that it comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The point.
    pub point: PointId,
    /// Its unit.
    pub unit: Unit,
}

/// How a quantity is made of other points. Inputs are converted into the unit of the result, but for those of
/// [`AnalogDerive::Product`] and [`AnalogDerive::Scale`], which are taken as numbers in their own units.
#[derive(Clone, Debug, PartialEq)]
pub enum AnalogDerive {
    /// The sum of all.
    Sum(Vec<Term>),
    /// The first less all others.
    Difference(Vec<Term>),
    /// The mean of those that are good.
    Average {
        /// Inputs.
        of: Vec<Term>,
        /// So many must be good; at least 1.
        quorum: usize,
    },
    /// The least of all.
    Minimum(Vec<Term>),
    /// The greatest of all.
    Maximum(Vec<Term>),
    /// All multiplied, and by `factor`.
    Product {
        /// Inputs.
        of: Vec<Term>,
        /// A factor more.
        factor: f64,
    },
    /// `of` times `factor`, and `offset` on top.
    Scale {
        /// The input.
        of: Term,
        /// In units of the result for each of the input's.
        factor: f64,
        /// In the result's unit.
        offset: f64,
    },
    /// The energy that a power has brought since the start. What flows while the input is not good is not counted.
    Integrate {
        /// A power.
        of: Term,
        /// Where it begins, in the result's unit.
        initial: f64,
    },
    /// One of two, by a state.
    Select {
        /// The state.
        when: PointId,
        /// Where it is true.
        yes: Term,
        /// Where it is false.
        no: Term,
    },
    /// The input, held between two bounds.
    Limit {
        /// The input.
        of: Term,
        /// The lowest, in the result's unit.
        low: Option<f64>,
        /// The highest.
        high: Option<f64>,
    },
    /// The first that is good, in the order given: primary, then backup.
    FirstGood {
        /// Inputs, the one wanted first.
        of: Vec<Term>,
        /// An alarm is raised where another good one differs from the one taken by more.
        differ_max: Option<f64>,
    },
    /// The mean over the time just past, of samples while the input was good.
    Mean {
        /// The input.
        of: Term,
        /// How long.
        window: Duration,
    },
    /// How many of these states are true.
    Count(Vec<PointId>),
    /// What a wind or solar plant could make now.
    Hsl(Box<Hsl>),
    /// What a battery can hold now.
    EnergyLimit(Box<EnergyLimit>),
}

impl AnalogDerive {
    /// The operation as files write it.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Sum(_) => "sum",
            Self::Difference(_) => "difference",
            Self::Average { .. } => "average",
            Self::Minimum(_) => "minimum",
            Self::Maximum(_) => "maximum",
            Self::Product { .. } => "product",
            Self::Scale { .. } => "scale",
            Self::Integrate { .. } => "integrate",
            Self::Select { .. } => "select",
            Self::Limit { .. } => "limit",
            Self::FirstGood { .. } => "first-good",
            Self::Mean { .. } => "mean",
            Self::Count(_) => "count",
            Self::Hsl(hsl) => match hsl.resource {
                Resource::Sun { .. } => "hsl-sun",
                Resource::Wind { .. } => "hsl-wind",
            },
            Self::EnergyLimit(_) => "energy-limit",
        }
    }

    /// The points that it is made of, in the order of the file.
    #[must_use]
    pub fn inputs(&self) -> Vec<&PointId> {
        match self {
            Self::Sum(of)
            | Self::Difference(of)
            | Self::Average { of, .. }
            | Self::Minimum(of)
            | Self::Maximum(of)
            | Self::Product { of, .. }
            | Self::FirstGood { of, .. } => of.iter().map(|term| &term.point).collect(),
            Self::Scale { of, .. }
            | Self::Integrate { of, .. }
            | Self::Limit { of, .. }
            | Self::Mean { of, .. } => vec![&of.point],
            Self::Select { when, yes, no } => vec![when, &yes.point, &no.point],
            Self::Count(of) => of.iter().collect(),
            Self::Hsl(hsl) => hsl.inputs(),
            Self::EnergyLimit(limit) => limit.inputs(),
        }
    }
}

/// How a state is made of other points.
#[derive(Clone, Debug, PartialEq)]
pub enum DigitalDerive {
    /// True where one is; one that is good and true decides.
    Any(Vec<PointId>),
    /// True where all are; one that is good and false decides.
    All(Vec<PointId>),
    /// The other state.
    Not(PointId),
    /// True where at least `quorum` are.
    Quorum {
        /// Inputs.
        of: Vec<PointId>,
        /// How many.
        quorum: usize,
    },
    /// True from where a quantity is above `limit` until it is below `limit - hysteresis`.
    Above(Threshold),
    /// True from where a quantity is below `limit` until it is above `limit + hysteresis`.
    Below(Threshold),
}

/// A quantity against a limit, both in the quantity's unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The quantity.
    pub of: PointId,
    /// The limit.
    pub limit: f64,
    /// How far it must come back; at least 0.
    pub hysteresis: f64,
}

impl DigitalDerive {
    /// The operation as files write it.
    #[must_use]
    pub const fn op(&self) -> &'static str {
        match self {
            Self::Any(_) => "any",
            Self::All(_) => "all",
            Self::Not(_) => "not",
            Self::Quorum { .. } => "quorum",
            Self::Above(_) => "above",
            Self::Below(_) => "below",
        }
    }

    /// The points that it is made of, in the order of the file.
    #[must_use]
    pub fn inputs(&self) -> Vec<&PointId> {
        match self {
            Self::Any(of) | Self::All(of) | Self::Quorum { of, .. } => of.iter().collect(),
            Self::Not(of) => vec![of],
            Self::Above(threshold) | Self::Below(threshold) => vec![&threshold.of],
        }
    }
}

/// Doubts that a value can raise. Each is an alarm, and takes quality away only where the point says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    /// The greatest change, in the point's unit a second.
    pub rate_max: Option<f64>,
    /// A value that should move and does not.
    pub flat: Option<Flat>,
    /// Another point that should say the same.
    pub cross: Option<Cross>,
    /// Which of them take the quality away.
    pub bad_on: BTreeSet<CheckKind>,
}

impl Checks {
    /// Whether there is nothing to check.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rate_max.is_none() && self.flat.is_none() && self.cross.is_none()
    }
}

/// One of the [`Checks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// Changed faster than `rate_max`.
    Rate,
    /// Did not change for too long.
    Flat,
    /// Differs from another point.
    Cross,
}

impl CheckKind {
    /// As files and alarms write it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Flat => "flat",
            Self::Cross => "cross",
        }
    }
}

/// A value that stays within `band` for as long as `after`, while all gates are open, is flat.
#[derive(Clone, Debug, PartialEq)]
pub struct Flat {
    /// How long.
    pub after: Duration,
    /// In the point's unit; 0: not the least change.
    pub band: f64,
    /// All must be open: by night a meter of the sun may stand still.
    pub gates: Vec<Gate>,
}

/// Open while a point is good and holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The point.
    pub point: PointId,
    /// What it must be.
    pub holds: Holds,
}

/// What a gate asks of its point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Holds {
    /// A quantity above this, in its own unit.
    Above(f64),
    /// A quantity below this.
    Below(f64),
    /// A state.
    Is(bool),
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(limit) => write!(f, "above {limit}"),
            Self::Below(limit) => write!(f, "below {limit}"),
            Self::Is(state) => write!(f, "{state}"),
        }
    }
}

/// Another point that should say the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Cross {
    /// The other.
    pub with: Term,
    /// By so much they may differ, in the point's unit.
    pub differ_max: f64,
}
