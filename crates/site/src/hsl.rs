//! What a wind or solar plant could make now, and what a battery could store: how a site says it.

use std::time::Duration;

use telemetry::PointId;

use crate::derive::Term;

/// A plant's high sustainable limit: what it could make now, curtailed or not. Figures of power are in MW.
#[derive(Clone, Debug, PartialEq)]
pub struct Hsl {
    /// What the plant makes.
    pub power: Term,
    /// What the weather offers.
    pub resource: Resource,
    /// How many of its units are in service; `None`: taken to be all of them.
    pub available: Option<Available>,
    /// How it is known whether the plant is held back.
    pub curtailed: Curtailed,
    /// The most that it can make.
    pub capacity_mw: f64,
    /// The plant's part of what its model says, until it is learned.
    pub ratio: f64,
    /// How fast that part is learned while the plant is not held back.
    pub learn: Duration,
    /// How fast the limit moves to another source.
    pub smooth: Duration,
    /// By so much power and limit may be apart before anybody wonders.
    pub tolerance_mw: f64,
    /// By so much the limit and the model may differ for long without an alarm.
    pub differ_max_mw: f64,
}

/// What drives the plant.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// The sun on the array's plane.
    Sun {
        /// Irradiance.
        irradiance: Term,
        /// Of the modules, with the change of power in per cent a degree from 25 degrees Celsius on.
        temperature: Option<(Term, f64)>,
        /// What the array gives at 1000 W/m2 and 25 degrees Celsius.
        dc_mw: f64,
    },
    /// The wind at the hubs.
    Wind {
        /// Its speed.
        speed: Term,
        /// The plant's power in MW over the speed in m/s, with all units in service; speeds ascend.
        curve: Vec<(f64, f64)>,
        /// From this speed on the turbines stand.
        cut_out: Option<f64>,
    },
}

/// How much of the plant is in service.
#[derive(Clone, Debug, PartialEq)]
pub struct Available {
    /// The number of units in service.
    pub of: Term,
    /// How many there are.
    pub units: f64,
}

/// How it is known whether the plant is held back.
#[derive(Clone, Debug, PartialEq)]
pub enum Curtailed {
    /// Somebody says so.
    State(PointId),
    /// The limit in force is told: held back while it is below what could be made and the plant is at it.
    AtLimit {
        /// The limit.
        limit: Term,
        /// From so far below the limit on the plant counts as being at it.
        band_mw: f64,
    },
}

impl Hsl {
    /// The points that it is made of: power, curtailment, availability, and the model's last.
    #[must_use]
    pub fn inputs(&self) -> Vec<&PointId> {
        let curtailed = match &self.curtailed {
            Curtailed::State(point) => point,
            Curtailed::AtLimit { limit, .. } => &limit.point,
        };
        let mut inputs = vec![&self.power.point, curtailed];
        inputs.extend(self.available.iter().map(|available| &available.of.point));
        match &self.resource {
            Resource::Sun { irradiance, temperature, .. } => {
                inputs.push(&irradiance.point);
                inputs.extend(temperature.iter().map(|(term, _)| &term.point));
            }
            Resource::Wind { speed, .. } => inputs.push(&speed.point),
        }
        inputs
    }
}

/// The most or the least energy that a battery can hold now. Figures of energy are in MWh.
#[derive(Clone, Debug, PartialEq)]
pub struct EnergyLimit {
    /// How many racks (strings, containers) are in service, and how many there are.
    pub available: Available,
    /// The limit with all racks in service and in full health.
    pub full_mwh: f64,
    /// State of health, in per cent.
    pub health: Option<Term>,
    /// Kept back for others, off the top.
    pub reserve_mwh: f64,
    /// Never below.
    pub low_mwh: Option<f64>,
    /// Never above: the Master File's figure, say.
    pub high_mwh: Option<f64>,
}

impl EnergyLimit {
    /// The points that it is made of: availability, then health.
    #[must_use]
    pub fn inputs(&self) -> Vec<&PointId> {
        let health = self.health.iter().map(|term| &term.point);
        std::iter::once(&self.available.of.point).chain(health).collect()
    }
}
