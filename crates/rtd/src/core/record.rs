//! What the device tells its journal: one JSON object for each thing that happened.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use telemetry::{Origin, PointId, Quality, Reasons, Unit, Value, Wall};

/// A journal line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Record {
    /// The device listens.
    Ready {
        /// The address that masters connect to.
        listen: String,
        /// The profile that it follows.
        profile: Option<Arc<str>>,
        /// The overlay that was laid over it.
        overlay: Option<PathBuf>,
        /// Where metrics and health are served.
        #[serde(skip_serializing_if = "Option::is_none")]
        metrics: Option<String>,
    },
    /// The value or the quality of a point changed.
    Point(Box<PointRecord>),
    /// A device of the plant came up or went down.
    Device {
        /// When.
        time: Wall,
        /// Its id.
        device: Arc<str>,
        /// `up` or `down`.
        state: &'static str,
        /// Why; empty when it came up.
        why: String,
    },
    /// A master's session came up, went down or was refused.
    Session {
        /// When.
        time: Wall,
        /// `up`, `down` or `refused`.
        state: &'static str,
        /// The master; `None` where it was refused.
        master: Option<Arc<str>>,
        /// Who it said it was; empty where it said nothing.
        peer: String,
        /// Where it came from.
        address: String,
        /// Why it went down or was refused.
        why: String,
    },
    /// A master commanded.
    Command {
        /// When.
        time: Wall,
        /// The master.
        master: Arc<str>,
        /// The set point's id; `None` where no point has the index.
        point: Option<PointId>,
        /// The DNP3 index.
        index: u16,
        /// The value in the set point's unit, where it could be understood.
        value: Option<f64>,
        /// `select`, `sbo`, `direct` or `direct-no-ack`.
        mode: &'static str,
        /// The DNP3 command status.
        status: String,
        /// Who the master's certificate says it is.
        peer: Arc<str>,
        /// What it led to: `taken-over`, `changed`, `repeated`, `selected`, or `none` where it was refused.
        effect: &'static str,
        /// What stood in its way at the plant; empty where nothing did.
        #[serde(skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// The authority over a set point changed hands.
    Authority {
        /// When.
        time: Wall,
        /// The set point's id.
        point: PointId,
        /// The master that has it now; `None` where none has.
        master: Option<Arc<str>>,
        /// Who has it now: `local`, `iso`, `schedule` or `fallback`.
        owner: &'static str,
        /// Why; `None` where another configuration ended it.
        cause: Option<control::Cause>,
        /// Why, in words.
        why: &'static str,
    },
    /// So many more like those just told were not told one by one: somebody sends them in a loop.
    More {
        /// When.
        time: Wall,
        /// The event that they would have been: `command` or `session`.
        of: &'static str,
        /// `refused`.
        state: &'static str,
        /// The master; `None` for connections.
        master: Option<Arc<str>>,
        /// How many.
        more: u64,
    },
    /// The store of the device's history writes again, or does not.
    History {
        /// When.
        time: Wall,
        /// `working`, `disk-full` or `failing`.
        state: &'static str,
        /// Why; empty where it works.
        why: String,
        /// Samples and events that were lost since the start.
        dropped: u64,
    },
    /// Something that a person should see, or its end.
    Alarm {
        /// When.
        time: Wall,
        /// The point concerned; `None`: the device itself.
        point: Option<PointId>,
        /// Which of several of one kind, where the device itself has several: a place that history is sent to.
        #[serde(skip_serializing_if = "str::is_empty")]
        subject: Arc<str>,
        /// What kind: `rate`, `flat`, `cross`, `differ`, `fallback`, ...
        kind: &'static str,
        /// `raised` or `cleared`.
        state: &'static str,
        /// In words.
        text: String,
    },
    /// Somebody at the plant forced a point or took it out of service, or that ended.
    Hand {
        /// When.
        time: Wall,
        /// The point.
        point: PointId,
        /// `forced`, `inhibited`, `released` or `expired`; of a set point also `taken`, `given-back`, `local` and
        /// `schedule`.
        state: &'static str,
        /// The value forced, in the point's unit.
        value: Option<Value>,
        /// Who.
        who: Arc<str>,
        /// Why.
        why: Arc<str>,
        /// Until when, where it begins.
        until: Option<Wall>,
    },
    /// Another site file is run from now on, or was not taken.
    Configuration {
        /// When.
        time: Wall,
        /// `applied` or `refused`.
        state: &'static str,
        /// What asked for it: `apply` or `signal`.
        by: &'static str,
        /// The file.
        file: PathBuf,
        /// SHA-256 of the text that ran before.
        before: String,
        /// SHA-256 of the text that runs now.
        sha256: String,
        /// What has changed, in words.
        changes: Vec<String>,
        /// Why nothing has; empty where it was applied.
        why: String,
    },
    /// The device stopped.
    Stopped,
}

/// A point's change, with all that is needed to compare it with the plant and with the ISO.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PointRecord {
    /// When it was judged.
    pub time: Wall,
    /// What makes the sample unique in all history.
    #[serde(skip)]
    pub origin: Origin,
    /// Its id.
    pub id: PointId,
    /// `analog_input`, `binary_input`, `analog_output_status` or `binary_output_status`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// DNP3 index; `None` where it is not served.
    pub index: Option<u16>,
    /// In `unit`; `None` while nothing was ever read.
    pub value: Option<Value>,
    /// `None` for states.
    pub unit: Option<Unit>,
    /// The summary of `reasons`.
    pub quality: Quality,
    /// Why it is not simply good.
    pub reasons: Reasons,
    /// Names of the DNP3 flags that are set.
    pub flags: Vec<&'static str>,
    /// Counts on the wire; `None` for states and where the wire carries the value itself.
    pub counts: Option<i64>,
    /// When the source gave the value.
    pub source_time: Option<Wall>,
    /// When the transaction that carried the last reading was sent; `None` for points made inside.
    pub read_sent: Option<Wall>,
    /// When its answer was received.
    pub read_received: Option<Wall>,
}
