//! Turbines, conventional unit, aggregate, wind and grid: what `plant.toml` says of them.

use std::net::SocketAddr;
use std::path::PathBuf;

use config::Spanned;
use serde::Deserialize;

use super::Simple;

/// A wind turbine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turbine {
    /// Its name.
    pub id: Spanned<String>,
    /// Where it listens.
    pub listen: Spanned<SocketAddr>,
    /// Rating, kW.
    pub rated_kw: Spanned<f64>,
    /// The measured turbine whose wind it has.
    pub turbine: Spanned<String>,
    /// The instruments on its nacelle, a device of their own.
    pub met: Option<Simple>,
}

/// A conventional unit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conventional {
    /// Its name.
    pub id: Spanned<String>,
    /// Where it listens.
    pub listen: Spanned<SocketAddr>,
    /// The most, kW.
    pub rated_kw: Spanned<f64>,
    /// The least while it runs, kW.
    pub minimum_kw: Spanned<f64>,
    /// What it runs at in the beginning, kW.
    pub start_kw: Spanned<f64>,
    /// Ramp rate of the load reference, kW a minute.
    pub ramp_kw_per_min: Spanned<f64>,
    /// Time constant of the prime mover, s.
    pub lag_s: Spanned<f64>,
    /// Governor droop, per cent of the nominal frequency.
    pub droop_pct: Spanned<f64>,
    /// Governor dead band each side of the nominal, Hz.
    pub deadband_hz: Spanned<f64>,
    /// AGC goes off when nothing was written for so many seconds; 0: never.
    #[serde(default)]
    pub watchdog_s: u16,
}

/// An aggregate of small members.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// Its name.
    pub id: Spanned<String>,
    /// Where it listens.
    pub listen: Spanned<SocketAddr>,
    /// How many.
    pub members: Spanned<u32>,
    /// Mean size of one, kW.
    pub member_kw: Spanned<f64>,
    /// Mean time that one is up, hours.
    pub up_h: Spanned<f64>,
    /// Mean time that one is down, hours.
    pub down_h: Spanned<f64>,
    /// A limit has reached all of them after so many seconds.
    pub reach_s: Spanned<f64>,
    /// The limit goes off when nothing was written for so many seconds; 0: never.
    #[serde(default)]
    pub watchdog_s: u16,
    /// The same seed, the same lives.
    #[serde(default)]
    pub seed: u64,
}

/// Where the wind comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindTable {
    pub(super) file: Option<PathBuf>,
    pub(super) day: Option<String>,
}

/// The grid's frequency.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GridTable {
    pub(super) nominal_hz: Spanned<f64>,
    pub(super) trace: Option<PathBuf>,
}
