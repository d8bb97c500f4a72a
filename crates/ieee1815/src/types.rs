//! The words that both ends, and whoever uses them, speak.

use core::fmt;
use core::ops::BitOr;

/// Time since an origin that the user fixes once; never a wall clock.
pub type Time = core::time::Duration;

/// A type of point. The order is the order in which class 0 reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PointType {
    /// Groups 1 and 2.
    BinaryInput,
    /// Groups 3 and 4.
    DoubleBitInput,
    /// Groups 10 and 11.
    BinaryOutputStatus,
    /// Groups 20 and 22.
    Counter,
    /// Groups 21 and 23.
    FrozenCounter,
    /// Groups 30 and 32.
    AnalogInput,
    /// Groups 31 and 33.
    FrozenAnalogInput,
    /// Groups 40 and 42.
    AnalogOutputStatus,
    /// Groups 110 and 111.
    OctetString,
    /// Group 13: what was commanded to a binary output; events only.
    BinaryOutputCommand,
    /// Group 43: what was commanded to an analog output; events only.
    AnalogOutputCommand,
}

impl PointType {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::BinaryInput,
        Self::DoubleBitInput,
        Self::BinaryOutputStatus,
        Self::Counter,
        Self::FrozenCounter,
        Self::AnalogInput,
        Self::FrozenAnalogInput,
        Self::AnalogOutputStatus,
        Self::OctetString,
        Self::BinaryOutputCommand,
        Self::AnalogOutputCommand,
    ];

    /// The group of its statics; `None` where there are only events.
    #[must_use]
    pub const fn static_group(self) -> Option<u8> {
        Some(match self {
            Self::BinaryInput => 1,
            Self::DoubleBitInput => 3,
            Self::BinaryOutputStatus => 10,
            Self::Counter => 20,
            Self::FrozenCounter => 21,
            Self::AnalogInput => 30,
            Self::FrozenAnalogInput => 31,
            Self::AnalogOutputStatus => 40,
            Self::OctetString => 110,
            Self::BinaryOutputCommand | Self::AnalogOutputCommand => return None,
        })
    }

    /// The group of its events.
    #[must_use]
    pub const fn event_group(self) -> u8 {
        match self {
            Self::BinaryInput => 2,
            Self::DoubleBitInput => 4,
            Self::BinaryOutputStatus => 11,
            Self::Counter => 22,
            Self::FrozenCounter => 23,
            Self::AnalogInput => 32,
            Self::FrozenAnalogInput => 33,
            Self::AnalogOutputStatus => 42,
            Self::OctetString => 111,
            Self::BinaryOutputCommand => 13,
            Self::AnalogOutputCommand => 43,
        }
    }
}

/// The two bits of a double-bit input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DoubleBit {
    /// Between the ends.
    Intermediate,
    /// Off, open.
    Off,
    /// On, closed.
    On,
    /// Neither can be.
    Indeterminate,
}

impl DoubleBit {
    /// From the two low bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Intermediate,
            1 => Self::Off,
            2 => Self::On,
            _ => Self::Indeterminate,
        }
    }

    /// The two bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

macro_rules! bits {
    ($(#[$doc:meta])* $name:ident $raw:ty { $($(#[$bit_doc:meta])* $bit:ident = $value:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($raw);

        impl $name {
            /// No bit set.
            pub const NONE: Self = Self(0);
            $($(#[$bit_doc])* pub const $bit: Self = Self($value);)*

            /// From the bits on the wire.
            #[must_use]
            pub const fn from_bits(bits: $raw) -> Self {
                Self(bits)
            }

            /// The bits on the wire.
            #[must_use]
            pub const fn bits(self) -> $raw {
                self.0
            }

            /// True when all bits of `other` are set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// With the bits of `other` set.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// With the bits of `other` cleared.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }

        impl BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }
    };
}

bits! {
    /// The flag octet of a point (IEEE 1815, 11.6).
    Flags u8 {
        /// The value is current.
        ONLINE = 0x01;
        /// Not updated since the start.
        RESTART = 0x02;
        /// The source does not answer; the value is its last.
        COMM_LOST = 0x04;
        /// Forced in a device further down.
        REMOTE_FORCED = 0x08;
        /// Forced in this device.
        LOCAL_FORCED = 0x10;
        /// Analog: does not fit.
        OVER_RANGE = 0x20;
        /// Binary: chatters.
        CHATTER_FILTER = 0x20;
        /// Counter: rolled over since it was reported last.
        ROLLOVER = 0x20;
        /// Counter: cannot be compared with what was reported before.
        DISCONTINUITY = 0x40;
        /// Analog: the reference is wrong.
        REFERENCE_ERR = 0x40;
        /// Binary: the state itself.
        STATE = 0x80;
    }
}

bits! {
    /// Internal indications of a response; the low octet is IIN1 (IEEE 1815, 4.5).
    Iin u16 {
        /// IIN1.0: a broadcast came.
        BROADCAST = 0x0001;
        /// IIN1.1: class 1 events wait.
        CLASS_1 = 0x0002;
        /// IIN1.2: class 2 events wait.
        CLASS_2 = 0x0004;
        /// IIN1.3: class 3 events wait.
        CLASS_3 = 0x0008;
        /// IIN1.4: the time is wanted.
        NEED_TIME = 0x0010;
        /// IIN1.5: outputs are in local.
        LOCAL_CONTROL = 0x0020;
        /// IIN1.6: something is wrong with the device.
        DEVICE_TROUBLE = 0x0040;
        /// IIN1.7: the device has restarted.
        DEVICE_RESTART = 0x0080;
        /// IIN2.0: the function is not known.
        NO_FUNC_CODE_SUPPORT = 0x0100;
        /// IIN2.1: an object is not known.
        OBJECT_UNKNOWN = 0x0200;
        /// IIN2.2: a parameter is wrong.
        PARAMETER_ERROR = 0x0400;
        /// IIN2.3: events were lost.
        EVENT_BUFFER_OVERFLOW = 0x0800;
        /// IIN2.4: that is going on already.
        ALREADY_EXECUTING = 0x1000;
        /// IIN2.5: the configuration is damaged.
        CONFIG_CORRUPT = 0x2000;
    }
}

bits! {
    /// A set of classes.
    Classes u8 {
        /// Class 0: the statics.
        ZERO = 1;
        /// Class 1 events.
        ONE = 2;
        /// Class 2 events.
        TWO = 4;
        /// Class 3 events.
        THREE = 8;
        /// Classes 1 to 3.
        EVENTS = 14;
        /// Classes 0 to 3: an integrity poll.
        ALL = 15;
    }
}

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A quantity.
    Analog(f64),
    /// A state.
    Binary(bool),
    /// A state of two bits.
    DoubleBit(DoubleBit),
    /// A count; it rolls over.
    Counter(u32),
}

/// A value as it is reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: Value,
    /// `None` in a variation without flags. The state of a binary or double-bit is not among them. For a command
    /// event (groups 13 and 43) they are the code of its [`CommandStatus`].
    pub flags: Option<Flags>,
    /// DNP3 time in milliseconds since 1970-01-01 00:00 UTC.
    pub time: Option<u64>,
}

/// How an analog output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnalogWidth {
    /// Group 41 variation 1.
    I32,
    /// Group 41 variation 2.
    I16,
    /// Group 41 variation 3.
    F32,
    /// Group 41 variation 4.
    F64,
}

/// A control relay output block (group 12 variation 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crob {
    /// Operation type, queue, clear and trip-close code.
    pub op: u8,
    /// Repetitions.
    pub count: u8,
    /// Time on, in milliseconds.
    pub on_ms: u32,
    /// Time off, in milliseconds.
    pub off_ms: u32,
}

/// A command.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// An analog output.
    Analog {
        /// The value.
        value: f64,
        /// How it is written.
        width: AnalogWidth,
    },
    /// A control relay output.
    Crob(Crob),
}

/// How a command is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperateMode {
    /// Judge only.
    Select,
    /// Operate what was selected before.
    SelectBeforeOperate,
    /// Operate at once.
    Direct,
    /// Operate at once and do not answer.
    DirectNoAck,
}

macro_rules! statuses {
    ($($name:ident $code:literal $text:literal $doc:literal;)*) => {
        /// The answer to a command (IEEE 1815, table 11-1).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum CommandStatus {
            $(#[doc = $doc] $name,)*
            /// A code without a name here.
            Other(u8),
        }

        impl CommandStatus {
            /// From the code on the wire; its top bit is reserved.
            #[must_use]
            pub const fn from_code(code: u8) -> Self {
                match code & 0x7F {
                    $($code => Self::$name,)*
                    other => Self::Other(other),
                }
            }

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$name => $code,)*
                    Self::Other(code) => code & 0x7F,
                }
            }
        }

        impl fmt::Display for CommandStatus {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str($text),)*
                    Self::Other(code) => write!(f, "STATUS_{code}"),
                }
            }
        }
    };
}

statuses! {
    Success 0 "SUCCESS" "Accepted.";
    Timeout 1 "TIMEOUT" "The select has expired.";
    NoSelect 2 "NO_SELECT" "Operate without the matching select.";
    FormatError 3 "FORMAT_ERROR" "The request is formed wrongly.";
    NotSupported 4 "NOT_SUPPORTED" "There is no such control.";
    AlreadyActive 5 "ALREADY_ACTIVE" "It is going on already.";
    HardwareError 6 "HARDWARE_ERROR" "The hardware fails.";
    Local 7 "LOCAL" "The point is in local.";
    TooManyOps 8 "TOO_MANY_OPS" "Too many at once.";
    NotAuthorized 9 "NOT_AUTHORIZED" "The master has no right to.";
    AutomationInhibit 10 "AUTOMATION_INHIBIT" "Inhibited by an automation.";
    ProcessingLimited 11 "PROCESSING_LIMITED" "Out of resources.";
    OutOfRange 12 "OUT_OF_RANGE" "The value is out of range.";
    DownstreamLocal 13 "DOWNSTREAM_LOCAL" "A device further down is in local.";
    AlreadyComplete 14 "ALREADY_COMPLETE" "Done already.";
    Blocked 15 "BLOCKED" "An interlock blocks it.";
    Canceled 16 "CANCELED" "Cancelled.";
    BlockedOtherMaster 17 "BLOCKED_OTHER_MASTER" "Another master has control.";
    DownstreamFail 18 "DOWNSTREAM_FAIL" "A device further down fails.";
    NonParticipating 126 "NON_PARTICIPATING" "Does not take part.";
    Undefined 127 "UNDEFINED" "No reason is given.";
}
