//! What the standard calls things: functions, control bits, indications, flags, codes.

use crate::Iin;

/// The name of a link function.
#[must_use]
pub const fn link_function(primary: bool, code: u8) -> Option<&'static str> {
    Some(match (primary, code) {
        (true, 0) => "RESET_LINK_STATES",
        (true, 1) => "RESET_USER_PROCESS",
        (true, 2) => "TEST_LINK_STATES",
        (true, 3) => "CONFIRMED_USER_DATA",
        (true, 4) => "UNCONFIRMED_USER_DATA",
        (true, 9) => "REQUEST_LINK_STATUS",
        (false, 0) => "ACK",
        (false, 1) => "NACK",
        (false, 11) => "LINK_STATUS",
        (false, 14) => "LINK_NOT_FUNCTIONING",
        (false, 15) => "NOT_SUPPORTED",
        _ => return None,
    })
}

/// The name of an application function.
#[must_use]
pub const fn function(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "CONFIRM",
        1 => "READ",
        2 => "WRITE",
        3 => "SELECT",
        4 => "OPERATE",
        5 => "DIRECT_OPERATE",
        6 => "DIRECT_OPERATE_NR",
        7 => "IMMED_FREEZE",
        8 => "IMMED_FREEZE_NR",
        9 => "FREEZE_CLEAR",
        10 => "FREEZE_CLEAR_NR",
        11 => "FREEZE_AT_TIME",
        12 => "FREEZE_AT_TIME_NR",
        13 => "COLD_RESTART",
        14 => "WARM_RESTART",
        15 => "INITIALIZE_DATA",
        16 => "INITIALIZE_APPL",
        17 => "START_APPL",
        18 => "STOP_APPL",
        19 => "SAVE_CONFIG",
        20 => "ENABLE_UNSOLICITED",
        21 => "DISABLE_UNSOLICITED",
        22 => "ASSIGN_CLASS",
        23 => "DELAY_MEASURE",
        24 => "RECORD_CURRENT_TIME",
        25 => "OPEN_FILE",
        26 => "CLOSE_FILE",
        27 => "DELETE_FILE",
        28 => "GET_FILE_INFO",
        29 => "AUTHENTICATE_FILE",
        30 => "ABORT_FILE",
        31 => "ACTIVATE_CONFIG",
        32 => "AUTHENTICATE_REQ",
        33 => "AUTHENTICATE_REQ_NR",
        129 => "RESPONSE",
        130 => "UNSOLICITED_RESPONSE",
        131 => "AUTHENTICATE_RESP",
        _ => return None,
    })
}

/// Whether no answer is due to a request of this function.
#[must_use]
pub const fn is_unanswered(code: u8) -> bool {
    matches!(code, 0 | 6 | 8 | 10 | 12 | 33)
}

/// Whether the objects of a request of this function are only named, without octets of their own.
pub(crate) const fn only_names(code: u8) -> bool {
    matches!(code, 1 | 7..=12 | 15..=24 | 31)
}

/// Whether objects of a group have a place in a request of this function. Security goes with all of them.
pub(crate) const fn has_place(function: u8, group: u8) -> bool {
    match function {
        _ if group == 120 => true,
        0 | 13 | 14 | 23 | 24 => false,
        // Commands are sent, never read; their events are.
        1 => !matches!(group, 12 | 41 | 52),
        2 => {
            !matches!(group, 1..=4 | 11..=13 | 20..=23 | 30..=33 | 40..=43 | 52 | 60 | 111 | 113 | 121 | 122)
        }
        3..=6 => matches!(group, 12 | 41 | 87),
        7..=12 => matches!(group, 20 | 30 | 50 | 60),
        20 | 21 => matches!(group, 60),
        22 => !matches!(group, 12 | 41 | 50..=52 | 70 | 80),
        25..=30 => matches!(group, 70),
        32 | 33 => false,
        // A response never echoes what only a master can say.
        129 => group != 60,
        130 => !matches!(group, 12 | 34 | 41 | 52 | 60 | 80),
        131 => false,
        _ => true,
    }
}

/// The names of indication bits, IIN1.0 first.
const IIN: [(Iin, &str); 14] = [
    (Iin::BROADCAST, "BROADCAST"),
    (Iin::CLASS_1, "CLASS_1_EVENTS"),
    (Iin::CLASS_2, "CLASS_2_EVENTS"),
    (Iin::CLASS_3, "CLASS_3_EVENTS"),
    (Iin::NEED_TIME, "NEED_TIME"),
    (Iin::LOCAL_CONTROL, "LOCAL_CONTROL"),
    (Iin::DEVICE_TROUBLE, "DEVICE_TROUBLE"),
    (Iin::DEVICE_RESTART, "DEVICE_RESTART"),
    (Iin::NO_FUNC_CODE_SUPPORT, "NO_FUNC_CODE_SUPPORT"),
    (Iin::OBJECT_UNKNOWN, "OBJECT_UNKNOWN"),
    (Iin::PARAMETER_ERROR, "PARAMETER_ERROR"),
    (Iin::EVENT_BUFFER_OVERFLOW, "EVENT_BUFFER_OVERFLOW"),
    (Iin::ALREADY_EXECUTING, "ALREADY_EXECUTING"),
    (Iin::CONFIG_CORRUPT, "CONFIG_CORRUPT"),
];

/// The names of the indications that are set.
pub fn indications(iin: Iin) -> impl Iterator<Item = &'static str> {
    IIN.iter().filter(move |(bit, _)| iin.contains(*bit)).map(|(_, name)| *name)
}

/// What a destination address from 0xFFF0 on means.
#[must_use]
pub const fn special_address(address: u16) -> Option<&'static str> {
    Some(match address {
        0xFFFF => "broadcast, confirm optional",
        0xFFFE => "broadcast, confirm wanted",
        0xFFFD => "broadcast, no confirm",
        0xFFFC => "self-address",
        0xFFF0..=0xFFFB => "reserved",
        _ => return None,
    })
}

/// Which kind of flag octet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    /// Binary inputs.
    Binary,
    /// Double-bit inputs.
    DoubleBit,
    /// Binary outputs.
    Output,
    /// Counters and frozen counters.
    Counter,
    /// Analogs and frozen analogs.
    Analog,
}

/// The names of flag bits that are set; the state of a binary is not among them.
pub fn flags(kind: FlagKind, bits: u8) -> impl Iterator<Item = &'static str> {
    let (five, six, seven) = match kind {
        FlagKind::Binary => ("CHATTER_FILTER", "RESERVED", ""),
        FlagKind::DoubleBit => ("CHATTER_FILTER", "", ""),
        FlagKind::Output => ("RESERVED", "RESERVED", ""),
        FlagKind::Counter => ("ROLLOVER", "DISCONTINUITY", "RESERVED"),
        FlagKind::Analog => ("OVER_RANGE", "REFERENCE_ERR", "RESERVED"),
    };
    ["ONLINE", "RESTART", "COMM_LOST", "REMOTE_FORCED", "LOCAL_FORCED", five, six, seven]
        .into_iter()
        .enumerate()
        .filter(move |(bit, name)| !name.is_empty() && bits >> bit & 1 == 1)
        .map(|(_, name)| name)
}

/// The state of a double-bit input.
#[must_use]
pub const fn double_bit(state: u8) -> &'static str {
    match state & 3 {
        0 => "INTERMEDIATE",
        1 => "DETERMINED_OFF",
        2 => "DETERMINED_ON",
        _ => "INDETERMINATE",
    }
}

/// The operation of a control code (group 12): operation type, queue, clear, trip or close.
#[must_use]
pub const fn control_code(code: u8) -> (&'static str, &'static str, bool, bool) {
    let operation = match code & 0x0F {
        0 => "NUL",
        1 => "PULSE_ON",
        2 => "PULSE_OFF",
        3 => "LATCH_ON",
        4 => "LATCH_OFF",
        _ => "UNKNOWN_OPERATION",
    };
    let trip_close = match code >> 6 {
        0 => "",
        1 => "CLOSE",
        2 => "TRIP",
        _ => "RESERVED",
    };
    (operation, trip_close, code & 0x10 != 0, code & 0x20 != 0)
}

/// The status of a file operation.
#[must_use]
pub const fn file_status(code: u8) -> &'static str {
    match code {
        0 => "SUCCESS",
        1 => "PERMISSION_DENIED",
        2 => "INVALID_MODE",
        3 => "FILE_NOT_FOUND",
        4 => "FILE_LOCKED",
        5 => "TOO_MANY_OPEN",
        6 => "INVALID_HANDLE",
        7 => "WRITE_BLOCK_SIZE",
        8 => "COMM_LOST",
        9 => "CANNOT_ABORT",
        16 => "NOT_OPENED",
        17 => "HANDLE_EXPIRED",
        18 => "BUFFER_OVERRUN",
        19 => "FATAL",
        20 => "BLOCK_SEQUENCE",
        255 => "UNDEFINED",
        _ => "RESERVED",
    }
}

/// How a file is opened.
pub(crate) const fn file_mode(code: u64) -> &'static str {
    match code {
        0 => "NUL",
        1 => "READ",
        2 => "WRITE",
        3 => "APPEND",
        _ => "RESERVED",
    }
}

/// What kind of file it is.
pub(crate) const fn file_type(code: u64) -> &'static str {
    match code {
        0 => "DIRECTORY",
        1 => "SIMPLE_FILE",
        _ => "RESERVED",
    }
}
