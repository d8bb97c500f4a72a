//! What stands behind the outstation: its points, and outputs that show in their status what was operated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ieee1815::objects::{Attribute, AttributeValue};
use ieee1815::outstation::{Application, PointConfig, Restart};
use ieee1815::{
    Command, CommandStatus, DoubleBit, Flags, Iin, Measured, OperateMode, PointType, Time, Value,
};
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;

/// Points of each type.
const POINTS: u16 = 4;
/// Analog outputs go no further, either way.
const OUTPUT_MAX: f64 = 1e6;

/// What the master made the device do.
pub(crate) enum Act {
    Update(PointType, u16, Measured),
    Octets(u16, Vec<u8>),
    Restart,
}

/// What the device measured.
pub(crate) enum Reading {
    Point(PointType, u16, Measured),
    Octets(u16, Vec<u8>),
    NeedTime,
}

pub(crate) struct Device {
    /// The application is called with the outstation locked, so what it does to points goes through here.
    acts: UnboundedSender<Act>,
    pub(crate) need_time: bool,
}

impl Device {
    pub(crate) fn new(acts: UnboundedSender<Act>) -> Self {
        Self { acts, need_time: true }
    }

    fn act(&self, act: Act) {
        // The receiver goes when the device does.
        let _ = self.acts.send(act);
    }

    fn judge(index: u16, command: &Command) -> CommandStatus {
        match command {
            _ if index >= POINTS => CommandStatus::NotSupported,
            Command::Analog { value, .. } if !value.is_finite() || value.abs() > OUTPUT_MAX => {
                CommandStatus::OutOfRange
            }
            Command::Crob(crob) if on(crob.op).is_none() => CommandStatus::NotSupported,
            _ => CommandStatus::Success,
        }
    }
}

/// What an operation and its trip-close code leave an output at.
fn on(op: u8) -> Option<bool> {
    match (op >> 6, op & 0x0F) {
        (1, _) | (0, 1 | 3) => Some(true),
        (2, _) | (0, 2 | 4) => Some(false),
        _ => None,
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn measured(value: Value) -> Measured {
    Measured { value, flags: Some(Flags::ONLINE), time: Some(now()) }
}

impl Application for Device {
    fn select(&mut self, _: usize, index: u16, command: &Command) -> CommandStatus {
        Self::judge(index, command)
    }

    fn operate(&mut self, _: usize, index: u16, command: &Command, mode: OperateMode) -> CommandStatus {
        let status = Self::judge(index, command);
        let told = format!("{command:?}");
        println!(
            "{}",
            json!({ "event": "operate", "index": index, "command": told, "mode": format!("{mode:?}"),
                "status": status.code() })
        );
        if status == CommandStatus::Success {
            let (point, value) = match command {
                Command::Analog { value, .. } => (PointType::AnalogOutputStatus, Value::Analog(*value)),
                Command::Crob(crob) => {
                    (PointType::BinaryOutputStatus, Value::Binary(on(crob.op).unwrap_or_default()))
                }
            };
            self.act(Act::Update(point, index, measured(value)));
        }
        status
    }

    fn write_time(&mut self, _: usize, millis: u64) -> bool {
        self.need_time = false;
        println!("{}", json!({ "event": "time", "ms": millis, "now": now() }));
        true
    }

    fn indications(&self, _: usize) -> Iin {
        if self.need_time { Iin::NEED_TIME } else { Iin::NONE }
    }

    fn time(&self) -> Option<u64> {
        Some(now())
    }

    fn restart(&mut self, _: usize, restart: Restart) -> Option<Time> {
        println!("{}", json!({ "event": "restart", "kind": format!("{restart:?}") }));
        self.act(Act::Restart);
        Some(Duration::from_secs(1))
    }

    fn cleared(&mut self, index: u16) {
        println!("{}", json!({ "event": "cleared", "index": index }));
    }

    fn write_octets(&mut self, _: usize, index: u16, octets: &[u8]) -> bool {
        if index < POINTS {
            self.act(Act::Octets(index, octets.to_vec()));
        }
        index < POINTS
    }
}

/// Static variation, event variation and class of each type. Events carry their time.
const TYPES: [(PointType, u8, u8, u8); 11] = [
    (PointType::BinaryInput, 2, 2, 1),
    (PointType::DoubleBitInput, 2, 2, 1),
    (PointType::BinaryOutputStatus, 2, 2, 2),
    (PointType::Counter, 1, 5, 2),
    (PointType::FrozenCounter, 1, 5, 2),
    (PointType::AnalogInput, 5, 7, 3),
    (PointType::FrozenAnalogInput, 7, 7, 3),
    (PointType::AnalogOutputStatus, 3, 7, 2),
    (PointType::OctetString, 0, 0, 3),
    (PointType::BinaryOutputCommand, 0, 2, 2),
    (PointType::AnalogOutputCommand, 0, 7, 2),
];

const NOT_BASIC: [PointType; 5] = [
    PointType::DoubleBitInput,
    PointType::FrozenAnalogInput,
    PointType::OctetString,
    PointType::BinaryOutputCommand,
    PointType::AnalogOutputCommand,
];

/// The table of points.
pub(crate) fn points(basic: bool) -> Vec<PointConfig> {
    let types = TYPES.iter().filter(|(point, ..)| !basic || !NOT_BASIC.contains(point));
    let of = |&(point, static_variation, event_variation, class): &(PointType, u8, u8, u8)| {
        (0..POINTS).map(move |index| {
            let config = PointConfig::new(point, index);
            let initial = Measured { flags: Some(Flags::ONLINE), ..config.initial };
            PointConfig { static_variation, event_variation, class, initial, ..config }
        })
    };
    types.flat_map(of).collect()
}

/// What the device says of itself.
pub(crate) fn attributes() -> Vec<Attribute> {
    let text = |variation, text: &str| Attribute { variation, value: AttributeValue::Text(text.into()) };
    vec![text(242, env!("CARGO_PKG_VERSION")), text(250, "outstation"), text(252, "The OpenRTD developers")]
}

/// A line of standard input.
pub(crate) fn reading(line: &str) -> Option<Reading> {
    let mut words = line.splitn(3, ' ');
    let kind = words.next()?;
    if kind == "need_time" {
        return Some(Reading::NeedTime);
    }
    let index = words.next()?.parse().ok()?;
    let value = words.next()?;
    let (point, value) = match kind {
        "octet_string" => return Some(Reading::Octets(index, value.as_bytes().to_vec())),
        "binary_input" => (PointType::BinaryInput, Value::Binary(value.parse().ok()?)),
        "double_bit_input" => {
            let state = match value {
                "on" => DoubleBit::On,
                "off" => DoubleBit::Off,
                "between" => DoubleBit::Intermediate,
                "wrong" => DoubleBit::Indeterminate,
                _ => return None,
            };
            (PointType::DoubleBitInput, Value::DoubleBit(state))
        }
        "counter" => (PointType::Counter, Value::Counter(value.parse().ok()?)),
        "analog_input" => (PointType::AnalogInput, Value::Analog(value.parse().ok()?)),
        _ => return None,
    };
    Some(Reading::Point(point, index, measured(value)))
}
