//! What a site says of the resource behind it: the Master File's figures, the parts of the plant, its met stations.
//!
//! None of this moves a value. Rules need it: who must send what depends on kind, size and place.

use std::sync::Arc;

use telemetry::{Area, ResourceKind, Service};

/// What the ISO's Master File holds of the resource, as far as the site file gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MasterFile {
    /// Its resource id.
    pub id: Option<Arc<str>>,
    /// Its figures.
    pub figures: Figures,
    /// Services that it is certified for; none twice, in the order of the file.
    pub services: Option<Vec<Service>>,
    /// Where it stands in the market.
    pub area: Option<Area>,
    /// The name that the ISO gave the telemetry device.
    pub device_name: Option<Arc<str>>,
    /// Where it is.
    pub location: Location,
}

/// Figures of a resource or of a part of it; `None` where the file does not give them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Rated (nameplate) power in MW; above 0.
    pub capacity_mw: Option<f64>,
    /// Least power in MW; not above `pmax_mw`.
    pub pmin_mw: Option<f64>,
    /// Most power in MW.
    pub pmax_mw: Option<f64>,
    /// Least stored energy in MWh; 0 or above, not above `energy_max_mwh`.
    pub energy_min_mwh: Option<f64>,
    /// Most stored energy in MWh.
    pub energy_max_mwh: Option<f64>,
    /// Ramp rate in MW per minute; above 0.
    pub ramp_mw_per_min: Option<f64>,
}

/// A place on earth; `None` where the file does not give it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Location {
    /// Degrees north, -90 to 90.
    pub latitude: Option<f64>,
    /// Degrees east, -180 to 180.
    pub longitude: Option<f64>,
    /// Metres above the sea.
    pub elevation_m: Option<f64>,
}

impl Location {
    /// Whether all of it is known.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.latitude.is_some() && self.longitude.is_some() && self.elevation_m.is_some()
    }
}

/// A part of a hybrid, a co-located plant or an aggregate, or a unit of a multi-stage plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Its id, of no other component.
    pub id: Arc<str>,
    /// What it is.
    pub kind: ResourceKind,
    /// Its figures.
    pub figures: Figures,
    /// Where it is.
    pub location: Location,
}

/// A met station.
#[derive(Clone, Debug, PartialEq)]
pub struct Station {
    /// Its id, of no other station.
    pub id: Arc<str>,
    /// What stands there.
    pub kind: StationKind,
    /// The part of the plant that it belongs to.
    pub component: Option<ComponentIx>,
    /// Where it is.
    pub location: Location,
    /// Whether its power does not depend on the plant's; `None` where the file does not tell.
    pub independent_power: Option<bool>,
}

/// What carries met instruments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StationKind {
    /// A met station.
    #[default]
    Station,
    /// A met tower.
    Tower,
    /// A designated turbine.
    Turbine,
}

impl StationKind {
    /// The word as written in files.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Station => "station",
            Self::Tower => "tower",
            Self::Turbine => "turbine",
        }
    }
}

impl std::fmt::Display for StationKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

crate::model::index!(ComponentIx "A component's position in [`Site::components`](crate::Site::components).");
crate::model::index!(StationIx "A station's position in [`Site::stations`](crate::Site::stations).");
