//! `ems.toml` as written. Everything that can be told better than by the TOML reader is checked in `check`.

use std::path::PathBuf;

use config::Spanned;
use ieee1815_tokio::TlsSection;
use serde::Deserialize;
use telemetry::{ResourceKind, Unit, WireForm};

use crate::model::{ScanMode, Transport};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawConfig {
    pub(crate) ems: RawEms,
    pub(crate) tls: Option<TlsSection>,
    pub(crate) observer: Option<RawObserver>,
    #[serde(default)]
    pub(crate) device: Vec<RawDevice>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawEms {
    pub(crate) socket: Spanned<PathBuf>,
    pub(crate) profile: Option<Spanned<String>>,
    pub(crate) overlay: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawObserver {
    pub(crate) certificate: Spanned<PathBuf>,
    pub(crate) key: Spanned<PathBuf>,
    pub(crate) master_address: Spanned<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDevice {
    pub(crate) name: Spanned<String>,
    pub(crate) address: Spanned<String>,
    #[serde(default)]
    pub(crate) transport: Transport,
    pub(crate) master_address: Spanned<u16>,
    pub(crate) outstation_address: Spanned<u16>,
    pub(crate) admit: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) scan_ms: Option<Spanned<u64>>,
    pub(crate) scan: Option<ScanMode>,
    pub(crate) integrity_scans: Option<Spanned<u32>>,
    pub(crate) response_timeout_ms: Option<Spanned<u64>>,
    pub(crate) age_max_ms: Option<Spanned<u64>>,
    pub(crate) heartbeat: Option<RawHeartbeat>,
    /// What the device stands for: the resource's kind and its components'.
    pub(crate) resource: Option<Spanned<Vec<ResourceKind>>>,
    #[serde(default)]
    pub(crate) analog: Vec<RawAnalog>,
    #[serde(default)]
    pub(crate) digital: Vec<RawDigital>,
    #[serde(default)]
    pub(crate) setpoint: Vec<RawSetPoint>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHeartbeat {
    pub(crate) id: Spanned<String>,
    pub(crate) scans: Spanned<u32>,
    pub(crate) period_ms: Option<Spanned<u64>>,
}

/// What analogs, digitals and set points have in common.
pub(crate) struct RawPoint<'a> {
    pub(crate) id: &'a Spanned<String>,
    pub(crate) name: &'a str,
    pub(crate) index: &'a Spanned<u16>,
    pub(crate) role: Option<&'a Spanned<String>>,
    /// `None` for states.
    pub(crate) quantity: Option<RawQuantity<'a>>,
}

/// What only quantities have.
pub(crate) struct RawQuantity<'a> {
    pub(crate) unit: Unit,
    pub(crate) wire: Option<&'a Spanned<WireForm>>,
    pub(crate) max_units: Option<&'a Spanned<f64>>,
    pub(crate) max_counts: Option<&'a Spanned<f64>>,
}

/// A point that is a quantity, with fields of its own. Written by a macro since `serde(flatten)` would lose the
/// places of the fields and let unknown ones pass.
macro_rules! quantity {
    ($name:ident { $($field:ident: $type:ty,)* }) => {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            pub(crate) id: Spanned<String>,
            #[serde(default)]
            pub(crate) name: String,
            pub(crate) index: Spanned<u16>,
            pub(crate) role: Option<Spanned<String>>,
            pub(crate) unit: Unit,
            pub(crate) wire: Option<Spanned<WireForm>>,
            pub(crate) max_units: Option<Spanned<f64>>,
            pub(crate) max_counts: Option<Spanned<f64>>,
            $(pub(crate) $field: $type,)*
        }

        impl $name {
            pub(crate) fn point(&self) -> RawPoint<'_> {
                let quantity = RawQuantity {
                    unit: self.unit,
                    wire: self.wire.as_ref(),
                    max_units: self.max_units.as_ref(),
                    max_counts: self.max_counts.as_ref(),
                };
                RawPoint {
                    id: &self.id,
                    name: &self.name,
                    index: &self.index,
                    role: self.role.as_ref(),
                    quantity: Some(quantity),
                }
            }
        }
    };
}

quantity!(RawAnalog {});
quantity!(RawSetPoint {
    limits: Spanned<(f64, f64)>,
    feedback: Spanned<String>,
});

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDigital {
    pub(crate) id: Spanned<String>,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) index: Spanned<u16>,
    pub(crate) role: Option<Spanned<String>>,
}

impl RawDigital {
    pub(crate) fn point(&self) -> RawPoint<'_> {
        RawPoint {
            id: &self.id,
            name: &self.name,
            index: &self.index,
            role: self.role.as_ref(),
            quantity: None,
        }
    }
}
