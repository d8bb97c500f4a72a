//! What the ISO's side tells: one JSON object for each thing that happened, and one for each point asked for.

use std::path::PathBuf;
use std::sync::Arc;

use ieee1815::{Flags, PointType};
use serde::Serialize;
use telemetry::{PointId, Quality, Reasons, Unit, Value, Wall};

/// A journal line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Record {
    /// The socket is bound and the certificates are read; connecting starts.
    Ready {
        /// How many devices there are.
        devices: usize,
        /// The profile that is followed.
        profile: Option<Arc<str>>,
        /// The overlay that was laid over it.
        overlay: Option<PathBuf>,
    },
    /// A session came up or went down.
    Link {
        /// When.
        time: Wall,
        /// The device.
        device: Arc<str>,
        /// `up` or `down`.
        state: &'static str,
        /// Why it went down, or who was met when it came up.
        why: String,
    },
    /// A scan was answered, or missed.
    Scan {
        /// When that was known.
        time: Wall,
        /// The device.
        device: Arc<str>,
        /// `integrity`, `events` or `class0`.
        kind: &'static str,
        /// Points reported since the scan was asked for.
        points: usize,
        /// From the question to the answer; for a missed scan from its beat to the next.
        duration_ms: u64,
        /// Not answered before the next was due.
        missed: bool,
    },
    /// A device said that it had restarted.
    Restart {
        /// When.
        time: Wall,
        /// The device.
        device: Arc<str>,
    },
    /// The heartbeat of a device got stuck, or moves again.
    Heartbeat {
        /// When.
        time: Wall,
        /// The device.
        device: Arc<str>,
        /// It is stuck.
        stuck: bool,
    },
    /// What is known of a point changed.
    Point(Box<PointRecord>),
    /// A set point was sent.
    Setpoint {
        /// When the answer was there.
        time: Wall,
        /// The device.
        device: Arc<str>,
        /// The set point.
        id: PointId,
        /// In its unit.
        value: f64,
        /// `sbo` or `direct`.
        mode: &'static str,
        /// The DNP3 command status, or why there is none.
        status: String,
    },
    /// The EMS stopped.
    Stopped,
}

/// How a point stands, whoever asks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Its DNP3 type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its DNP3 index.
    pub index: u16,
    /// In `unit`; `None` while it was never reported.
    pub value: Option<Value>,
    /// `None` for states.
    pub unit: Option<Unit>,
    /// The summary of `reasons`.
    pub quality: Quality,
    /// Why it is not simply good.
    pub reasons: Reasons,
    /// Names of the DNP3 flags as last reported.
    pub flags: Vec<&'static str>,
    /// Counts on the wire; `None` for states and engineering values.
    pub counts: Option<i64>,
}

/// A point's change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointRecord {
    /// When it was reported or judged.
    pub time: Wall,
    /// The device.
    pub device: Arc<str>,
    /// The point.
    pub id: PointId,
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
}

/// A point as `openrtd poll` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointView {
    /// The device.
    pub device: Arc<str>,
    /// The point's id.
    pub point: PointId,
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
    /// Milliseconds since it was last reported.
    pub age_ms: Option<u64>,
    /// When it was last reported.
    pub time: Option<Wall>,
}

/// A device as the status of the local socket shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceView {
    /// The device.
    pub device: Arc<str>,
    /// `up` or `down`.
    pub link: &'static str,
    /// Who was met, or why the link is down.
    pub why: String,
    /// When the link came up or went down; `None` before the first attempt ended.
    pub since: Option<Wall>,
    /// Scans that were answered or missed.
    pub scans: u64,
    /// Of these, missed.
    pub scans_missed: u64,
    /// When the last answered scan was answered.
    pub last_scan: Option<Wall>,
    /// Restarts that were seen.
    pub restarts: u64,
    /// `None` where the device has no heartbeat.
    pub heartbeat_stuck: Option<bool>,
    /// Its points.
    pub points: usize,
    /// Of these, Good.
    pub points_good: usize,
    /// Set points sent.
    pub setpoints_sent: u64,
    /// Of these, accepted (SUCCESS).
    pub setpoints_accepted: u64,
}

/// The name of a DNP3 point type in records.
#[must_use]
pub const fn type_name(point_type: PointType) -> &'static str {
    match point_type {
        PointType::BinaryInput => "binary_input",
        PointType::BinaryOutputStatus => "binary_output_status",
        PointType::AnalogInput => "analog_input",
        PointType::AnalogOutputStatus => "analog_output_status",
        PointType::DoubleBitInput => "double_bit_input",
        PointType::Counter => "counter",
        PointType::FrozenCounter => "frozen_counter",
        PointType::FrozenAnalogInput => "frozen_analog_input",
        PointType::OctetString => "octet_string",
        PointType::BinaryOutputCommand => "binary_output_command",
        PointType::AnalogOutputCommand => "analog_output_command",
    }
}

/// True for the types whose flags have no analog bits.
pub(crate) const fn is_binary(point_type: PointType) -> bool {
    matches!(point_type, PointType::BinaryInput | PointType::BinaryOutputStatus)
}

/// The names of the flags that are set. Bit 5 and bit 6 mean different things for analogs and states; bit 7 of a
/// state is its value.
pub(crate) fn flag_names(point_type: PointType, flags: Flags) -> Vec<&'static str> {
    let common = [
        (Flags::ONLINE, "ONLINE"),
        (Flags::RESTART, "RESTART"),
        (Flags::COMM_LOST, "COMM_LOST"),
        (Flags::REMOTE_FORCED, "REMOTE_FORCED"),
        (Flags::LOCAL_FORCED, "LOCAL_FORCED"),
    ];
    let special: &[(Flags, &str)] = if is_binary(point_type) {
        &[(Flags::CHATTER_FILTER, "CHATTER_FILTER")]
    } else {
        &[(Flags::OVER_RANGE, "OVER_RANGE"), (Flags::REFERENCE_ERR, "REFERENCE_ERR")]
    };
    common.iter().chain(special).filter(|(bit, _)| flags.contains(*bit)).map(|(_, name)| *name).collect()
}
