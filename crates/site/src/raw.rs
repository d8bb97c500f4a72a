//! `site.toml` as written. Checks that need two fields, and everything that can be told better than by the TOML
//! reader, are in `check`.

use std::net::SocketAddr;
use std::path::PathBuf;

use config::Spanned;
use serde::Deserialize;
use telemetry::{ResourceKind, Sign, Unit, WireForm};

use crate::model::{Protocol, RegisterTable, RegisterType, TimeSource, WordOrder};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSite {
    pub(crate) site: RawHead,
    pub(crate) outstation: RawOutstation,
    pub(crate) tls: RawTls,
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
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHead {
    pub(crate) name: String,
    pub(crate) resource: ResourceKind,
    pub(crate) socket: Spanned<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOutstation {
    pub(crate) listen: SocketAddr,
    pub(crate) address: Spanned<u16>,
    #[serde(default)]
    pub(crate) index_offset: i32,
    #[serde(default)]
    pub(crate) time_source: TimeSource,
    pub(crate) events_max: Option<Spanned<usize>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTls {
    pub(crate) certificate: Spanned<PathBuf>,
    pub(crate) key: Spanned<PathBuf>,
    pub(crate) trust_anchors: Spanned<Vec<Spanned<PathBuf>>>,
    pub(crate) min_version: Option<Spanned<String>>,
    pub(crate) max_version: Option<Spanned<String>>,
    pub(crate) debug_keylog: Option<PathBuf>,
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
    pub(crate) address: SocketAddr,
    pub(crate) unit_id: Option<u8>,
    pub(crate) poll_ms: Spanned<u64>,
    pub(crate) timeout_ms: Option<Spanned<u64>>,
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
    pub(crate) equals: Option<Spanned<u32>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAnalog {
    pub(crate) id: Spanned<String>,
    pub(crate) name: Option<String>,
    pub(crate) index: Option<Spanned<u16>>,
    pub(crate) unit: Spanned<Unit>,
    pub(crate) sign: Sign,
    pub(crate) source: Spanned<RawSource>,
    pub(crate) wire: Option<Spanned<WireForm>>,
    pub(crate) max_units: Option<Spanned<f64>>,
    pub(crate) max_counts: Option<Spanned<f64>>,
    pub(crate) age_max_ms: Spanned<u64>,
    pub(crate) range: Option<Spanned<(f64, f64)>>,
    pub(crate) deadband: Option<Spanned<f64>>,
    pub(crate) class: Option<Spanned<u8>>,
    pub(crate) static_variation: Option<Spanned<u8>>,
    pub(crate) event_variation: Option<Spanned<u8>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDigital {
    pub(crate) id: Spanned<String>,
    pub(crate) name: Option<String>,
    pub(crate) index: Option<Spanned<u16>>,
    pub(crate) source: Spanned<RawSource>,
    pub(crate) age_max_ms: Spanned<u64>,
    pub(crate) class: Option<Spanned<u8>>,
    pub(crate) static_variation: Option<Spanned<u8>>,
    pub(crate) event_variation: Option<Spanned<u8>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHeartbeat {
    pub(crate) id: Spanned<String>,
    pub(crate) name: Option<String>,
    pub(crate) index: Option<Spanned<u16>>,
    pub(crate) period_ms: Spanned<u64>,
    pub(crate) wrap: Spanned<u32>,
    pub(crate) class: Option<Spanned<u8>>,
    pub(crate) static_variation: Option<Spanned<u8>>,
    pub(crate) event_variation: Option<Spanned<u8>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawConnection {
    pub(crate) id: Spanned<String>,
    pub(crate) name: Option<String>,
    pub(crate) index: Option<Spanned<u16>>,
    pub(crate) all: Spanned<Vec<Spanned<String>>>,
    pub(crate) class: Option<Spanned<u8>>,
    pub(crate) static_variation: Option<Spanned<u8>>,
    pub(crate) event_variation: Option<Spanned<u8>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSetPoint {
    pub(crate) id: Spanned<String>,
    pub(crate) name: Option<String>,
    pub(crate) index: Option<Spanned<u16>>,
    pub(crate) unit: Spanned<Unit>,
    pub(crate) wire: Option<Spanned<WireForm>>,
    pub(crate) max_units: Option<Spanned<f64>>,
    pub(crate) max_counts: Option<Spanned<f64>>,
    pub(crate) limits: Spanned<(f64, f64)>,
    pub(crate) hold_ms: Spanned<u64>,
    pub(crate) actual: Spanned<String>,
    pub(crate) remote: Option<Spanned<String>>,
    pub(crate) connected: Option<Spanned<String>>,
    pub(crate) feedback: RawFeedback,
    pub(crate) drive: Spanned<Vec<Spanned<RawDrive>>>,
    pub(crate) class: Option<Spanned<u8>>,
    pub(crate) static_variation: Option<Spanned<u8>>,
    pub(crate) event_variation: Option<Spanned<u8>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFeedback {
    pub(crate) id: Spanned<String>,
    pub(crate) name: Option<String>,
    pub(crate) index: Option<Spanned<u16>>,
    pub(crate) class: Option<Spanned<u8>>,
    pub(crate) static_variation: Option<Spanned<u8>>,
    pub(crate) event_variation: Option<Spanned<u8>>,
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
    pub(crate) control: RawControl,
    pub(crate) revert_s: Option<Spanned<u16>>,
    pub(crate) rated_mw: Option<Spanned<f64>>,
    pub(crate) share: Option<Spanned<f64>>,
}
