//! `site.toml` as written. Checks that need two fields, and everything that can be told better than by the TOML
//! reader, are in `check`.

use std::net::SocketAddr;
use std::path::PathBuf;

use config::Spanned;
use ieee1815_tokio::TlsSection;
use serde::Deserialize;
use telemetry::{Area, ResourceKind, Service, Sign, Unit, WireForm};

use crate::derive::CheckKind;
use crate::device::{Protocol, RegisterTable, RegisterType, WordOrder};
use crate::model::TimeSource;
use crate::networked::{Alive, Security};
use crate::regulating::{Dispatch, Handover, OnLoss};
use crate::resource::StationKind;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSite {
    pub(crate) site: RawHead,
    pub(crate) outstation: RawOutstation,
    pub(crate) tls: TlsSection,
    pub(crate) resource: Option<RawResource>,
    #[serde(default)]
    pub(crate) component: Vec<RawComponent>,
    #[serde(default)]
    pub(crate) station: Vec<RawStation>,
    #[serde(default)]
    pub(crate) master: Vec<RawMaster>,
    #[serde(default)]
    pub(crate) device: Vec<RawDevice>,
    #[serde(default)]
    pub(crate) analog: Vec<RawAnalog>,
    #[serde(default)]
    pub(crate) digital: Vec<RawDigital>,
    pub(crate) heartbeat: Option<RawHeartbeat>,
    pub(crate) connection: Option<RawConnection>,
    #[serde(default)]
    pub(crate) setpoint: Vec<RawSetPoint>,
    pub(crate) history: Option<RawHistory>,
    #[serde(default)]
    pub(crate) publish: Vec<RawPublish>,
    pub(crate) metrics: Option<RawMetrics>,
    pub(crate) clock: Option<RawClock>,
    pub(crate) capture: Option<RawCapture>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMetrics {
    pub(crate) listen: Option<Spanned<SocketAddr>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawClock {
    pub(crate) ntp: Spanned<Vec<Spanned<SocketAddr>>>,
    pub(crate) poll_s: Option<Spanned<u64>>,
    pub(crate) offset_max_ms: Option<Spanned<u64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCapture {
    pub(crate) folder: Spanned<PathBuf>,
    pub(crate) max_mb: Option<Spanned<u64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHistory {
    pub(crate) path: Spanned<PathBuf>,
    pub(crate) retention_days: Option<Spanned<u64>>,
    pub(crate) max_mb: Option<Spanned<u64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RawPublishKind {
    Nats,
    Postgres,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPublish {
    pub(crate) name: Spanned<String>,
    pub(crate) kind: Spanned<RawPublishKind>,
    pub(crate) url: Spanned<String>,
    pub(crate) site: Option<Spanned<String>>,
    pub(crate) stream: Option<Spanned<String>>,
    pub(crate) subject: Option<Spanned<String>>,
    pub(crate) credentials: Option<Spanned<PathBuf>>,
    pub(crate) schema: Option<Spanned<String>>,
    pub(crate) password_file: Option<Spanned<PathBuf>>,
    pub(crate) tls: Option<RawPublishTls>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPublishTls {
    pub(crate) ca: Spanned<PathBuf>,
    pub(crate) cert: Option<Spanned<PathBuf>>,
    pub(crate) key: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHead {
    pub(crate) name: String,
    pub(crate) resource: ResourceKind,
    pub(crate) profile: Option<Spanned<String>>,
    pub(crate) overlay: Option<Spanned<PathBuf>>,
    pub(crate) socket: Spanned<PathBuf>,
}

/// The tables that say where something is, and what the Master File says of it. Written by a macro since
/// `serde(flatten)` would lose the places of the fields and let unknown ones pass.
macro_rules! placed {
    ($name:ident { $($field:ident: $type:ty,)* }) => {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
            pub(crate) latitude: Option<Spanned<f64>>,
            pub(crate) longitude: Option<Spanned<f64>>,
            pub(crate) elevation_m: Option<Spanned<f64>>,
        }

        impl $name {
            pub(crate) fn location(&self) -> RawLocation<'_> {
                RawLocation {
                    latitude: self.latitude.as_ref(),
                    longitude: self.longitude.as_ref(),
                    elevation_m: self.elevation_m.as_ref(),
                }
            }
        }
    };
}

macro_rules! figured {
    ($name:ident { $($field:ident: $type:ty,)* }) => {
        placed!($name {
            $($field: $type,)*
            capacity_mw: Option<Spanned<f64>>,
            pmin_mw: Option<Spanned<f64>>,
            pmax_mw: Option<Spanned<f64>>,
            energy_min_mwh: Option<Spanned<f64>>,
            energy_max_mwh: Option<Spanned<f64>>,
            ramp_mw_per_min: Option<Spanned<f64>>,
        });

        impl $name {
            pub(crate) fn figures(&self) -> RawFigures<'_> {
                RawFigures {
                    capacity_mw: self.capacity_mw.as_ref(),
                    pmin_mw: self.pmin_mw.as_ref(),
                    pmax_mw: self.pmax_mw.as_ref(),
                    energy_min_mwh: self.energy_min_mwh.as_ref(),
                    energy_max_mwh: self.energy_max_mwh.as_ref(),
                    ramp_mw_per_min: self.ramp_mw_per_min.as_ref(),
                }
            }
        }
    };
}

/// Where something is.
pub(crate) struct RawLocation<'a> {
    pub(crate) latitude: Option<&'a Spanned<f64>>,
    pub(crate) longitude: Option<&'a Spanned<f64>>,
    pub(crate) elevation_m: Option<&'a Spanned<f64>>,
}

/// What the Master File says of something.
pub(crate) struct RawFigures<'a> {
    pub(crate) capacity_mw: Option<&'a Spanned<f64>>,
    pub(crate) pmin_mw: Option<&'a Spanned<f64>>,
    pub(crate) pmax_mw: Option<&'a Spanned<f64>>,
    pub(crate) energy_min_mwh: Option<&'a Spanned<f64>>,
    pub(crate) energy_max_mwh: Option<&'a Spanned<f64>>,
    pub(crate) ramp_mw_per_min: Option<&'a Spanned<f64>>,
}

figured!(RawResource {
    id: Option<Spanned<String>>,
    services: Option<Spanned<Vec<Spanned<Service>>>>,
    area: Option<Area>,
    device_name: Option<Spanned<String>>,
});

figured!(RawComponent {
    id: Spanned<String>,
    kind: ResourceKind,
});

placed!(RawStation {
    id: Spanned<String>,
    kind: Option<StationKind>,
    component: Option<Spanned<String>>,
    independent_power: Option<bool>,
});

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOutstation {
    pub(crate) listen: SocketAddr,
    pub(crate) address: Spanned<u16>,
    pub(crate) index_offset: Option<i32>,
    #[serde(default)]
    pub(crate) time_source: TimeSource,
    pub(crate) events_max: Option<Spanned<usize>>,
    pub(crate) keep_alive_s: Option<Spanned<u64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMaster {
    pub(crate) name: Spanned<String>,
    pub(crate) address: Spanned<u16>,
    pub(crate) admit: Spanned<Vec<Spanned<String>>>,
    pub(crate) control: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDevice {
    pub(crate) id: Spanned<String>,
    pub(crate) protocol: Protocol,
    pub(crate) address: Option<Spanned<SocketAddr>>,
    pub(crate) serial: Option<Spanned<RawSerial>>,
    pub(crate) unit_id: Option<Spanned<u8>>,
    pub(crate) gap_max: Option<Spanned<u16>>,
    pub(crate) outstation_address: Option<Spanned<u16>>,
    pub(crate) master_address: Option<Spanned<u16>>,
    pub(crate) integrity_every: Option<Spanned<u32>>,
    pub(crate) unsolicited: Option<Spanned<bool>>,
    pub(crate) time_sync: Option<Spanned<bool>>,
    pub(crate) tls: Option<Spanned<TlsSection>>,
    pub(crate) admit: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) file: Option<Spanned<PathBuf>>,
    pub(crate) time: Option<Spanned<String>>,
    pub(crate) repeat: Option<Spanned<bool>>,
    pub(crate) group: Option<Spanned<String>>,
    pub(crate) node: Option<Spanned<String>>,
    pub(crate) device: Option<Spanned<String>>,
    pub(crate) client_id: Option<Spanned<String>>,
    pub(crate) alive: Option<Spanned<Alive>>,
    pub(crate) user: Option<Spanned<String>>,
    pub(crate) password_file: Option<Spanned<PathBuf>>,
    pub(crate) endpoint: Option<Spanned<String>>,
    pub(crate) security: Option<Spanned<Security>>,
    pub(crate) pki: Option<Spanned<PathBuf>>,
    pub(crate) map: Option<Spanned<String>>,
    pub(crate) poll_ms: Spanned<u64>,
    pub(crate) timeout_ms: Option<Spanned<u64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSerial {
    pub(crate) port: Spanned<PathBuf>,
    pub(crate) baud: Spanned<u32>,
    pub(crate) parity: Option<Spanned<String>>,
    pub(crate) stop_bits: Option<Spanned<u8>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSource {
    pub(crate) device: Spanned<String>,
    pub(crate) sunspec: Option<Spanned<String>>,
    pub(crate) register: Option<Spanned<u16>>,
    pub(crate) table: Option<Spanned<RegisterTable>>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Spanned<RegisterType>>,
    pub(crate) word_order: Option<Spanned<WordOrder>>,
    pub(crate) scale: Option<Spanned<f64>>,
    pub(crate) unit: Option<Spanned<Unit>>,
    pub(crate) bit: Option<Spanned<u8>>,
    pub(crate) bits: Option<Spanned<(u8, u8)>>,
    pub(crate) equals: Option<Spanned<u32>>,
    pub(crate) analog: Option<Spanned<u16>>,
    pub(crate) binary: Option<Spanned<u16>>,
    pub(crate) counter: Option<Spanned<u16>>,
    pub(crate) column: Option<Spanned<String>>,
    pub(crate) reading: Option<Spanned<String>>,
    pub(crate) metric: Option<Spanned<String>>,
    pub(crate) node: Option<Spanned<String>>,
}

/// What a point can be made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RawOp {
    Sum,
    Difference,
    Average,
    Minimum,
    Maximum,
    Product,
    Scale,
    Integrate,
    Select,
    Limit,
    FirstGood,
    Mean,
    Count,
    Any,
    All,
    Not,
    Quorum,
    Above,
    Below,
    HslSun,
    HslWind,
    EnergyLimit,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDerive {
    pub(crate) op: Spanned<RawOp>,
    pub(crate) of: Spanned<Vec<Spanned<String>>>,
    pub(crate) when: Option<Spanned<String>>,
    pub(crate) quorum: Option<Spanned<usize>>,
    pub(crate) factor: Option<Spanned<f64>>,
    pub(crate) offset: Option<Spanned<f64>>,
    pub(crate) initial: Option<Spanned<f64>>,
    pub(crate) low: Option<Spanned<f64>>,
    pub(crate) high: Option<Spanned<f64>>,
    pub(crate) differ_max: Option<Spanned<f64>>,
    pub(crate) window_s: Option<Spanned<u64>>,
    pub(crate) limit: Option<Spanned<f64>>,
    pub(crate) hysteresis: Option<Spanned<f64>>,
    pub(crate) irradiance: Option<Spanned<String>>,
    pub(crate) temperature: Option<Spanned<String>>,
    pub(crate) gamma: Option<Spanned<f64>>,
    pub(crate) dc_mw: Option<Spanned<f64>>,
    pub(crate) speed: Option<Spanned<String>>,
    pub(crate) curve: Option<Spanned<Vec<(f64, f64)>>>,
    pub(crate) cut_out: Option<Spanned<f64>>,
    pub(crate) available: Option<Spanned<String>>,
    pub(crate) units: Option<Spanned<u32>>,
    pub(crate) curtailed: Option<Spanned<String>>,
    pub(crate) limited_to: Option<Spanned<String>>,
    pub(crate) band_mw: Option<Spanned<f64>>,
    pub(crate) capacity_mw: Option<Spanned<f64>>,
    pub(crate) ratio: Option<Spanned<f64>>,
    pub(crate) learn_s: Option<Spanned<u64>>,
    pub(crate) smooth_s: Option<Spanned<u64>>,
    pub(crate) tolerance_mw: Option<Spanned<f64>>,
    pub(crate) full_mwh: Option<Spanned<f64>>,
    pub(crate) health: Option<Spanned<String>>,
    pub(crate) reserve_mwh: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFlat {
    pub(crate) for_s: Spanned<u64>,
    pub(crate) band: Option<Spanned<f64>>,
    #[serde(default)]
    pub(crate) gate: Vec<Spanned<RawGate>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawGate {
    pub(crate) point: Spanned<String>,
    pub(crate) above: Option<Spanned<f64>>,
    pub(crate) below: Option<Spanned<f64>>,
    pub(crate) is: Option<Spanned<bool>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCross {
    pub(crate) with: Spanned<String>,
    pub(crate) differ_max: Spanned<f64>,
}

/// The fields of a point that say what it is called and how it is served.
pub(crate) struct RawServed<'a> {
    pub(crate) id: &'a Spanned<String>,
    pub(crate) name: Option<&'a String>,
    pub(crate) index: Option<&'a Spanned<u16>>,
    pub(crate) role: Option<&'a Spanned<String>>,
    pub(crate) component: Option<&'a Spanned<String>>,
    pub(crate) sheet_name: Option<&'a Spanned<String>>,
    pub(crate) class: Option<&'a Spanned<u8>>,
    pub(crate) static_variation: Option<&'a Spanned<u8>>,
    pub(crate) event_variation: Option<&'a Spanned<u8>>,
}

/// A point, with fields of its own.
macro_rules! served {
    ($name:ident { $($field:ident: $type:ty,)* }) => {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            pub(crate) id: Spanned<String>,
            pub(crate) name: Option<String>,
            pub(crate) index: Option<Spanned<u16>>,
            pub(crate) role: Option<Spanned<String>>,
            pub(crate) component: Option<Spanned<String>>,
            pub(crate) sheet_name: Option<Spanned<String>>,
            $(pub(crate) $field: $type,)*
            pub(crate) class: Option<Spanned<u8>>,
            pub(crate) static_variation: Option<Spanned<u8>>,
            pub(crate) event_variation: Option<Spanned<u8>>,
        }

        impl $name {
            pub(crate) fn served(&self) -> RawServed<'_> {
                RawServed {
                    id: &self.id,
                    name: self.name.as_ref(),
                    index: self.index.as_ref(),
                    role: self.role.as_ref(),
                    component: self.component.as_ref(),
                    sheet_name: self.sheet_name.as_ref(),
                    class: self.class.as_ref(),
                    static_variation: self.static_variation.as_ref(),
                    event_variation: self.event_variation.as_ref(),
                }
            }
        }
    };
}

served!(RawAnalog {
    unit: Spanned<Unit>,
    station: Option<Spanned<String>>,
    accuracy: Option<Spanned<f64>>,
    sign: Option<Sign>,
    source: Option<Spanned<RawSource>>,
    wire: Option<Spanned<WireForm>>,
    max_units: Option<Spanned<f64>>,
    max_counts: Option<Spanned<f64>>,
    age_max_ms: Option<Spanned<u64>>,
    range: Option<Spanned<(f64, f64)>>,
    deadband: Option<Spanned<f64>>,
    derive: Option<Spanned<RawDerive>>,
    rate_max: Option<Spanned<f64>>,
    flat: Option<Spanned<RawFlat>>,
    cross: Option<Spanned<RawCross>>,
    bad_on: Option<Spanned<Vec<Spanned<CheckKind>>>>,
});

served!(RawDigital {
    states: Option<Spanned<[Spanned<String>; 2]>>,
    source: Option<Spanned<RawSource>>,
    age_max_ms: Option<Spanned<u64>>,
    derive: Option<Spanned<RawDerive>>,
});

served!(RawHeartbeat {
    period_ms: Option<Spanned<u64>>,
    wrap: Option<Spanned<u32>>,
});

served!(RawConnection {
    states: Option<Spanned<[Spanned<String>; 2]>>,
    all: Option<Spanned<Vec<Spanned<String>>>>,
    any: Option<Spanned<Vec<Spanned<String>>>>,
});

served!(RawSetPoint {
    unit: Spanned<Unit>,
    wire: Option<Spanned<WireForm>>,
    max_units: Option<Spanned<f64>>,
    max_counts: Option<Spanned<f64>>,
    limits: Spanned<(f64, f64)>,
    hold_ms: Spanned<u64>,
    actual: Spanned<String>,
    remote: Option<Spanned<String>>,
    connected: Option<Spanned<String>>,
    feedback: RawFeedback,
    drive: Option<Spanned<Vec<Spanned<RawDrive>>>>,
    ramp_up_per_min: Option<Spanned<f64>>,
    ramp_down_per_min: Option<Spanned<f64>>,
    deadband: Option<Spanned<f64>>,
    on_loss: Option<OnLoss>,
    silence_ms: Option<Spanned<u64>>,
    schedule: Option<Spanned<String>>,
    commands_max: Option<Spanned<RawCommandsMax>>,
    limits_hard: Option<RawEdges>,
    limits_soft: Option<RawEdges>,
    energy: Option<Spanned<RawEnergy>>,
    charge_within: Option<Spanned<String>>,
    aux: Option<Spanned<String>>,
    device_remote: Option<Spanned<Vec<Spanned<String>>>>,
    trim: Option<Spanned<RawTrim>>,
    primary: Option<Spanned<RawPrimary>>,
    dispatch: Option<Spanned<Dispatch>>,
    follows_within: Option<Spanned<f64>>,
    follows_s: Option<Spanned<u64>>,
    handover: Option<Handover>,
    raise: Option<Spanned<u16>>,
    lower: Option<Spanned<u16>>,
    pulse: Option<Spanned<RawPulse>>,
    clamp: Option<RawFeedback>,
    owner: Option<RawFeedback>,
    score: Option<Spanned<RawScore>>,
});

served!(RawFeedback {});

impl RawFeedback {
    /// One that no master is served, with nothing but an id.
    pub(crate) fn unserved(id: Spanned<String>) -> Self {
        Self {
            id,
            name: None,
            index: None,
            role: None,
            component: None,
            sheet_name: None,
            class: None,
            static_variation: None,
            event_variation: None,
        }
    }
}

served!(RawTold {
    wire: Option<Spanned<WireForm>>,
    max_units: Option<Spanned<f64>>,
    max_counts: Option<Spanned<f64>>,
});

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPrimary {
    pub(crate) frequency: Spanned<String>,
    pub(crate) nominal: Option<Spanned<f64>>,
    pub(crate) droop_pct: Spanned<f64>,
    pub(crate) deadband_hz: Spanned<f64>,
    pub(crate) capacity: Spanned<f64>,
    pub(crate) most: Option<Spanned<f64>>,
    pub(crate) enable: Option<Spanned<String>>,
    pub(crate) served: Option<RawPrimaryServed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawScore {
    pub(crate) step_ms: Option<Spanned<u64>>,
    pub(crate) window_s: Option<Spanned<u64>>,
    pub(crate) delay_max_steps: Option<Spanned<u64>>,
    pub(crate) accuracy_below: Option<Spanned<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPrimaryServed {
    pub(crate) status: Option<RawFeedback>,
    pub(crate) droop: Option<RawTold>,
    pub(crate) deadband: Option<RawTold>,
    pub(crate) headroom: Option<RawTold>,
    pub(crate) response: Option<RawTold>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum RawControl {
    #[serde(rename = "704")]
    SunSpec704,
    #[serde(rename = "123")]
    SunSpec123,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDrive {
    pub(crate) device: Spanned<String>,
    pub(crate) control: Option<Spanned<RawControl>>,
    pub(crate) register: Option<Spanned<u16>>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Spanned<RegisterType>>,
    pub(crate) word_order: Option<Spanned<WordOrder>>,
    pub(crate) unit: Option<Spanned<Unit>>,
    pub(crate) scale: Option<Spanned<f64>>,
    pub(crate) sign: Option<Spanned<Sign>>,
    pub(crate) enable: Option<Spanned<RawSwitch>>,
    pub(crate) revert_s: Option<Spanned<u16>>,
    pub(crate) rated_mw: Option<Spanned<f64>>,
    pub(crate) share: Option<Spanned<f64>>,
    pub(crate) low: Option<Spanned<RawBound>>,
    pub(crate) high: Option<Spanned<RawBound>>,
    pub(crate) stored: Option<Spanned<String>>,
    pub(crate) room: Option<Spanned<String>>,
    pub(crate) priority: Option<u32>,
    pub(crate) least: Option<Spanned<f64>>,
    pub(crate) available: Option<Spanned<String>>,
    pub(crate) power: Option<Spanned<String>>,
    pub(crate) energy: Option<Spanned<RawEnergy>>,
    pub(crate) free: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSwitch {
    pub(crate) register: Spanned<u16>,
    pub(crate) on: u16,
    pub(crate) off: u16,
}

/// A number, or the id of an analog that says it.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a number, or the id of an analog")]
pub(crate) enum RawBound {
    Number(f64),
    Point(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCommandsMax {
    pub(crate) count: u32,
    pub(crate) within_s: Spanned<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEdges {
    pub(crate) low: Option<Spanned<String>>,
    pub(crate) high: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEnergy {
    pub(crate) charge: Spanned<String>,
    pub(crate) lowest: Spanned<f64>,
    pub(crate) highest: Spanned<f64>,
    pub(crate) efficiency: Option<Spanned<f64>>,
    pub(crate) horizon_s: Option<Spanned<u64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTrim {
    pub(crate) meter: Spanned<String>,
    pub(crate) units: Option<Spanned<String>>,
    pub(crate) gain: Spanned<f64>,
    pub(crate) most: Spanned<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPulse {
    pub(crate) each: Option<Spanned<f64>>,
    pub(crate) per_second: Option<Spanned<f64>>,
    pub(crate) longest_s: Option<Spanned<u64>>,
}
