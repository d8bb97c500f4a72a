//! What is fixed about an outstation: its points, its sessions and what it says of itself.

use core::fmt;
use core::time::Duration;

use crate::channel::{ChannelConfig, Role};
use crate::{Classes, DoubleBit, Flags, Measured, PointType, Time, Value};

/// What waits of a point's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventMode {
    /// Each change, with the value and the time that it had.
    Each,
    /// One event at most; what is sent is what the point is then.
    Latest,
}

/// What is fixed about a point.
#[derive(Debug, Clone, PartialEq)]
pub struct PointConfig {
    /// Its type.
    pub point: PointType,
    /// Its index. Indexes may have gaps.
    pub index: u16,
    /// Variation of the static group where a master names none. Of no meaning for octet strings and commands.
    pub static_variation: u8,
    /// Variation of the event group where a master names none. Of no meaning for octet strings.
    pub event_variation: u8,
    /// Event class 1 to 3; 0: no events. A master may assign another for its own session.
    pub class: u8,
    /// Whether class 0 reports it.
    pub class_0: bool,
    /// What waits of its events. By default each, in a variation that carries a time, and the latest otherwise: an
    /// old value without its time would pass for a new one.
    pub mode: Option<EventMode>,
    /// An analog or counter that moved no further than this since it was last reported is no event. A master may
    /// write another for its own session (group 34).
    pub deadband: f64,
    /// What it is before the first update.
    pub initial: Measured,
}

impl PointConfig {
    /// A point of class 0 only, with flags in all its variations, without time, and RESTART before its first update.
    #[must_use]
    pub const fn new(point: PointType, index: u16) -> Self {
        let (static_variation, event_variation, value) = match point {
            PointType::BinaryInput | PointType::BinaryOutputStatus => (2, 1, Value::Binary(false)),
            PointType::BinaryOutputCommand => (0, 1, Value::Binary(false)),
            PointType::DoubleBitInput => (2, 1, Value::DoubleBit(DoubleBit::Indeterminate)),
            PointType::Counter | PointType::FrozenCounter => (1, 1, Value::Counter(0)),
            PointType::AnalogInput
            | PointType::FrozenAnalogInput
            | PointType::AnalogOutputStatus
            | PointType::AnalogOutputCommand => (1, 1, Value::Analog(0.0)),
            PointType::OctetString => (0, 0, Value::Counter(0)),
        };
        let class_0 = point.static_group().is_some();
        let initial = Measured { value, flags: Some(Flags::RESTART), time: None };
        Self {
            point,
            index,
            static_variation,
            event_variation,
            class: 0,
            class_0,
            mode: None,
            deadband: 0.0,
            initial,
        }
    }
}

/// How a session reports unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsolicitedConfig {
    /// Classes that are enabled from the start. The standard wants none; default none.
    pub enabled: Classes,
    /// How often an unconfirmed response is sent again before a longer rest. Default 3.
    pub retries: u8,
    /// The longer rest; then it begins anew. Default 60 s.
    pub rest: Time,
}

impl Default for UnsolicitedConfig {
    fn default() -> Self {
        Self { enabled: Classes::NONE, retries: 3, rest: Duration::from_secs(60) }
    }
}

/// Which requests are acted on when they come by broadcast. Reads never are, and nothing is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroadcastRules {
    /// Writes (time, restart bit), recording the time, assigning classes, enabling and disabling unsolicited,
    /// freezes without an answer. Default yes.
    pub management: bool,
    /// Direct operate without an answer. Default no.
    pub controls: bool,
}

impl Default for BroadcastRules {
    fn default() -> Self {
        Self { management: true, controls: false }
    }
}

/// What is fixed about a master's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// Our link address.
    pub address: u16,
    /// The master's link address.
    pub master_address: u16,
    /// Events kept. Default 1000.
    pub events_max: usize,
    /// Events kept of one type of point, so that a chattering contact cannot push out the rest. Default: no limit of
    /// its own.
    pub events_of_a_type_max: usize,
    /// How long a confirm is waited for. Default 5 s.
    pub confirm_timeout: Time,
    /// How long a select holds. Default 10 s.
    pub select_timeout: Time,
    /// Largest response fragment. Default 2048.
    pub max_tx_fragment: usize,
    /// Largest request fragment. Default 2048.
    pub max_rx_fragment: usize,
    /// Commands taken in one request. Default 16.
    pub commands_max: usize,
    /// Reports unasked. Default: never, and its functions are not known.
    pub unsolicited: Option<UnsolicitedConfig>,
    /// What may be asked by broadcast.
    pub broadcast: BroadcastRules,
    /// Whether 0xFFFC is answered as well. Default no.
    pub self_address: bool,
    /// Whether frames are sent with confirm. Default no.
    pub link_confirm: bool,
    /// Silence after which the master is asked for its link status. Default: never.
    pub keep_alive: Option<Time>,
    /// How long a link reply is waited for. Default 2 s.
    pub link_timeout: Time,
    /// How often a link request is sent again. Default 2.
    pub link_retries: u8,
    /// Whether it is remembered for each point what the master was last sent, and when
    /// ([`Outstation::last_told`](super::Outstation::last_told)). Costs memory for each point and session. Default no.
    pub remember_told: bool,
}

impl SessionConfig {
    /// The defaults, for the addresses given.
    #[must_use]
    pub fn new(address: u16, master_address: u16) -> Self {
        let link = ChannelConfig::new(Role::Outstation, address, master_address);
        Self {
            address,
            master_address,
            events_max: 1000,
            events_of_a_type_max: usize::MAX,
            confirm_timeout: Duration::from_secs(5),
            select_timeout: Duration::from_secs(10),
            max_tx_fragment: 2048,
            max_rx_fragment: link.max_rx_fragment,
            commands_max: 16,
            unsolicited: None,
            broadcast: BroadcastRules::default(),
            self_address: link.self_address,
            link_confirm: link.link_confirm,
            keep_alive: link.keep_alive,
            link_timeout: link.link_timeout,
            link_retries: link.link_retries,
            remember_told: false,
        }
    }

    pub(super) fn channel(&self) -> ChannelConfig {
        ChannelConfig {
            role: Role::Outstation,
            local: self.address,
            remote: self.master_address,
            max_rx_fragment: self.max_rx_fragment,
            self_address: self.self_address,
            link_confirm: self.link_confirm,
            keep_alive: self.keep_alive,
            link_timeout: self.link_timeout,
            link_retries: self.link_retries,
        }
    }
}

/// Why an outstation cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// Two points of one type have one index.
    DuplicateIndex(PointType, u16),
    /// The point's static or event group has no such variation.
    Variation(PointType, u16),
    /// The class is not 0 to 3.
    Class(PointType, u16),
    /// What the point is before its first update is no value of its type.
    Initial(PointType, u16),
    /// A link address from 0xFFF0 on is nobody's own.
    Address(u16),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateIndex(point, index) => write!(f, "{point:?} {index} is there twice"),
            Self::Variation(point, index) => {
                write!(f, "{point:?} {index} has a variation that does not exist")
            }
            Self::Initial(point, index) => {
                write!(f, "{point:?} {index} begins with a value of another type")
            }
            Self::Address(address) => write!(f, "link address {address} is reserved"),
            Self::Class(point, index) => write!(f, "{point:?} {index} has a class other than 0 to 3"),
        }
    }
}

impl core::error::Error for ConfigError {}
