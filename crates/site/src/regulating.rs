//! How a set point is carried out: how fast, within what, by whom, and what becomes of it when nobody commands.

use std::time::Duration;

use serde::Deserialize;
use telemetry::{PointId, Scale};

use crate::drive::Control;
use crate::model::Point;
use crate::scoring::Score;

/// What becomes of the output when the ISO is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLoss {
    /// It stays where it is.
    Hold,
    /// It goes to the schedule, at the ramp rate.
    Schedule,
    /// The plant's own control takes it.
    #[default]
    Release,
}

impl OnLoss {
    /// As the file has it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Schedule => "schedule",
            Self::Release => "release",
        }
    }
}

/// What becomes of the devices when the plant takes the set point back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handover {
    /// They keep what they were told last: nothing moves.
    #[default]
    Keep,
    /// They are given back to their own control.
    Disable,
}

impl Handover {
    /// As the file has it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Disable => "disable",
        }
    }
}

/// How several devices share a set point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dispatch {
    /// By what each can do.
    Capability,
    /// By what each has stored, or has room for.
    Charge,
    /// One after the other.
    Priority,
}

impl Dispatch {
    /// As the file has it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Capability => "capability",
            Self::Charge => "charge",
            Self::Priority => "priority",
        }
    }
}

/// Analogs that say how far it may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// The lowest; `None`: no limit.
    pub low: Option<PointId>,
    /// The highest; `None`: no limit.
    pub high: Option<PointId>,
}

/// What a battery's charge leaves of its power.
#[derive(Clone, Debug, PartialEq)]
pub struct Energy {
    /// The charge, an analog of energy.
    pub charge: PointId,
    /// The lowest charge to be used, in MWh.
    pub lowest: f64,
    /// The highest, in MWh.
    pub highest: f64,
    /// One way; above 0, at most 1.
    pub efficiency: f64,
    /// What is left must last for so long.
    pub horizon: Duration,
}

/// The slow correction at the meter.
#[derive(Clone, Debug, PartialEq)]
pub struct Trim {
    /// The meter, an analog of active power.
    pub meter: PointId,
    /// What the units do together; where it is known, taking over moves nothing even behind losses.
    pub units: Option<PointId>,
    /// The share of the difference that is taken away in a second.
    pub gain: f64,
    /// The largest correction, in the set point's unit.
    pub most: f64,
}

/// Primary frequency response beside the set point.
#[derive(Clone, Debug, PartialEq)]
pub struct Primary {
    /// The grid's frequency, an analog.
    pub frequency: PointId,
    /// The frequency at which nothing is to be done, in Hz.
    pub nominal: f64,
    /// So many per cent of it ask for all of the capacity.
    pub droop_pct: f64,
    /// So far off nothing is done, in Hz.
    pub deadband_hz: f64,
    /// What the droop is of, in the set point's unit.
    pub capacity: f64,
    /// The largest response, either way, in the set point's unit.
    pub most: f64,
    /// A digital that is true while it is in service; `None`: always.
    pub enable: Option<PointId>,
    /// What is told of it.
    pub told: Told,
}

/// Points that tell of the primary response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// 1 while the frequency is answered, else 0.
    pub status: Option<Point>,
    /// The droop, in per cent.
    pub droop: Option<(Point, Scale)>,
    /// The dead band, in Hz.
    pub deadband: Option<(Point, Scale)>,
    /// What it could still add, in the set point's unit.
    pub headroom: Option<(Point, Scale)>,
    /// What it adds now, in the set point's unit.
    pub response: Option<(Point, Scale)>,
}

/// Raise and lower pulses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pulse {
    /// Units a pulse.
    pub each: f64,
    /// Units for each second of it.
    pub per_second: f64,
    /// A longer one counts as this long.
    pub longest: Duration,
}

/// A number, or an analog that says it.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Always this, in the set point's unit.
    Number(f64),
    /// What this analog says now.
    Point(PointId),
}

/// A device's part in a dispatch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// The least that it can do now; there in a dispatch.
    pub low: Option<Bound>,
    /// The most.
    pub high: Option<Bound>,
    /// What it has stored, an analog of energy.
    pub stored: Option<PointId>,
    /// What it has room for, an analog of energy.
    pub room: Option<PointId>,
    /// The lower comes first.
    pub priority: u32,
    /// It does this much or nothing.
    pub least: f64,
    /// A digital that is true while it takes set points.
    pub available: Option<PointId>,
    /// What it does now, an analog of power: what is left of the plant's is what one does of which nothing is heard.
    pub power: Option<PointId>,
    /// What its charge leaves of its power.
    pub energy: Option<Energy>,
    /// What it can do costs nothing: it is held back only where no other can take it.
    pub free: bool,
}

impl Part {
    /// Whether it may charge. A percentage of a rating never does, nor what can do nothing below 0 or be told so.
    #[must_use]
    pub fn charges(&self, control: Control) -> bool {
        let above = matches!(self.low, Some(Bound::Number(low)) if low >= 0.0);
        let told = match control {
            Control::SunSpec704 { .. } => true,
            Control::SunSpec123 { .. } => false,
            Control::Registers(registers) => registers.says_negative(),
        };
        !above && told
    }
}

/// See the module. The default is a set point that is passed on at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Regulating {
    /// The fastest way up, in units a minute; `None`: at once.
    pub ramp_up_per_min: Option<f64>,
    /// The fastest way down.
    pub ramp_down_per_min: Option<f64>,
    /// A smaller difference is not acted upon.
    pub deadband: f64,
    /// When the ISO is lost.
    pub on_loss: OnLoss,
    /// A set point must come again within this; `None`: one holds for ever.
    pub silence: Option<Duration>,
    /// The analog that says what the schedule asks for.
    pub schedule: Option<PointId>,
    /// So many commands that change something may come within a time.
    pub commands_max: Option<(u32, Duration)>,
    /// Never beyond, not for a moment.
    pub hard: Edges,
    /// To be within, reached at the ramp rate.
    pub soft: Edges,
    /// What charge leaves.
    pub energy: Option<Energy>,
    /// An analog of power: nothing is charged with more than this makes.
    pub charge_within: Option<PointId>,
    /// An analog of power that the units make beside the set point: auxiliary load.
    pub aux: Option<PointId>,
    /// Digitals that are true while a device is not in its own local.
    pub device_remote: Vec<PointId>,
    /// The correction at the meter.
    pub trim: Option<Trim>,
    /// What the grid's frequency asks for beside it.
    pub primary: Option<Primary>,
    /// How the devices share it; `None`: by their fixed shares.
    pub dispatch: Option<Dispatch>,
    /// What the plant does must come so near to what is in force, within a time.
    pub follows: Option<(f64, Duration)>,
    /// When the plant takes it back.
    pub handover: Handover,
    /// The pulse up: its index is that of the control (g12) and of its status (g10).
    pub raise: Option<Point>,
    /// The pulse down.
    pub lower: Option<Point>,
    /// What a pulse is worth.
    pub pulse: Option<Pulse>,
    /// What holds the output, as an analog input: 0 nothing, 1 hard, 2 energy, 3 soft, 4 ramp, 5 deadband, 6 source.
    pub clamp: Option<Point>,
    /// Who owns it, as an analog input: 0 local, 1 ISO, 2 schedule, 3 fallback.
    pub owner: Option<Point>,
    /// How it is scored; with it, `clamp` and `owner` are points even where the file does not name them.
    pub score: Option<Score>,
}
