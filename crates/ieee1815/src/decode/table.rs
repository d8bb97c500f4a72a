//! Every group and variation that the standard names, with what stands in it.

use super::layout::Kind::{
    Attribute, Block, ControlCode, Double, Elements, FileMode, FileStatus, FileType, Flags, PairFlags, Rest,
    RestText, Signed, Single, Sized, SizedText, StateFlags, StateStatus, Status, Time, Unsigned,
};
use super::layout::Layout::{self, Bits, ByVariation, Fields, Nothing, Pairs};
use super::layout::Spec;
use super::names::FlagKind::{Analog, Binary, Counter, Output};

const FLAGS: &str = "flags";
const VALUE: &str = "value";
const TIME: &str = "time";
const FB: Spec = (FLAGS, StateFlags(Binary));
const FO: Spec = (FLAGS, StateFlags(Output));
const FD: Spec = (FLAGS, PairFlags);
const FC: Spec = (FLAGS, Flags(Counter));
const FA: Spec = (FLAGS, Flags(Analog));
const U16: Spec = (VALUE, Unsigned(2));
const U32: Spec = (VALUE, Unsigned(4));
const I16: Spec = (VALUE, Signed(2));
const I32: Spec = (VALUE, Signed(4));
const SP: Spec = (VALUE, Single);
const DP: Spec = (VALUE, Double);
const T: Spec = (TIME, Time);
const AFTER: Spec = ("ms after common time", Unsigned(2));
const ST: Spec = ("status", Status);
const FROZEN: Spec = ("time of freeze", Time);
const HANDLE: Spec = ("handle", Unsigned(4));
const REQUEST: Spec = ("request", Unsigned(2));
const SEQUENCE: Spec = ("sequence", Unsigned(4));
const KEY_SEQUENCE: Spec = ("key change sequence", Unsigned(4));
const USER: Spec = ("user", Unsigned(2));
const MAC: Spec = ("mac", Rest);

/// One variation: its name and how it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variation {
    pub(super) name: &'static str,
    pub(super) layout: Layout,
}

/// The name of a group.
pub(super) const fn group_name(group: u8) -> Option<&'static str> {
    Some(match group {
        0 => "Device attributes",
        1 => "Binary input",
        2 => "Binary input event",
        3 => "Double-bit binary input",
        4 => "Double-bit binary input event",
        10 => "Binary output status",
        11 => "Binary output event",
        12 => "Binary output command",
        13 => "Binary output command event",
        20 => "Counter",
        21 => "Frozen counter",
        22 => "Counter event",
        23 => "Frozen counter event",
        30 => "Analog input",
        31 => "Frozen analog input",
        32 => "Analog input event",
        33 => "Frozen analog input event",
        34 => "Analog input reporting deadband",
        40 => "Analog output status",
        41 => "Analog output command",
        42 => "Analog output event",
        43 => "Analog output command event",
        50 => "Time and date",
        51 => "Time and date common time of occurrence",
        52 => "Time delay",
        60 => "Class objects",
        70 => "File control",
        80 => "Internal indications",
        81 => "Device storage",
        82 => "Device profile",
        83 => "Private registration",
        85 => "Data set prototype",
        86 => "Data set descriptor",
        87 => "Data set",
        88 => "Data set event",
        90 => "Application identifier",
        91 => "Status of requested operation",
        100 => "Floating point (obsolete)",
        101 => "Binary-coded decimal integer",
        102 => "Unsigned integer",
        110 => "Octet string",
        111 => "Octet string event",
        112 => "Virtual terminal output",
        113 => "Virtual terminal event",
        120 => "Authentication",
        121 => "Security statistic",
        122 => "Security statistic event",
        _ => return None,
    })
}

const fn is(name: &'static str, layout: Layout) -> Option<Variation> {
    Some(Variation { name, layout })
}

/// What is known of a variation.
pub(super) const fn variation(group: u8, variation: u8) -> Option<Variation> {
    match group {
        0 if variation > 0 => is(super::attributes::name(variation), Fields(&[(VALUE, Attribute)])),
        1..=13 => binary(group, variation),
        20..=23 => counter(group, variation),
        30..=34 => analog(group, variation),
        40..=43 => analog_output(group, variation),
        50..=52 => time(group, variation),
        60 => match variation {
            1 => is("class 0", Nothing),
            2 => is("class 1", Nothing),
            3 => is("class 2", Nothing),
            4 => is("class 3", Nothing),
            _ => None,
        },
        70 => file(variation),
        80..=91 => device(group, variation),
        101 => match variation {
            1 => is("small, 16-bit", Fields(&[U16])),
            2 => is("medium, 32-bit", Fields(&[U32])),
            3 => is("large, 64-bit", Fields(&[(VALUE, Unsigned(8))])),
            _ => None,
        },
        102 if variation == 1 => is("8-bit", Fields(&[(VALUE, Unsigned(1))])),
        110..=113 => is("octets by variation", ByVariation),
        120 => authentication(variation),
        121 if variation == 1 => is("32-bit with flags", Fields(&[FC, ("association", Unsigned(2)), U32])),
        122 => match variation {
            1 => is("32-bit with flags", Fields(&[FC, ("association", Unsigned(2)), U32])),
            2 => is("32-bit with flags and time", Fields(&[FC, ("association", Unsigned(2)), U32, T])),
            _ => None,
        },
        _ => None,
    }
}

const fn binary(group: u8, variation: u8) -> Option<Variation> {
    const BLOCK_FIELDS: &[Spec] = &[
        ("control code", ControlCode),
        ("count", Unsigned(1)),
        ("on ms", Unsigned(4)),
        ("off ms", Unsigned(4)),
        ST,
    ];
    match (group, variation) {
        (1 | 10, 1) => is("packed", Bits),
        (1, 2) => is("with flags", Fields(&[FB])),
        (2, 1) => is("without time", Fields(&[FB])),
        (2, 2) => is("with absolute time", Fields(&[FB, T])),
        (2, 3) => is("with relative time", Fields(&[FB, AFTER])),
        (3, 1) => is("packed", Pairs),
        (3, 2) => is("with flags", Fields(&[FD])),
        (4, 1) => is("without time", Fields(&[FD])),
        (4, 2) => is("with absolute time", Fields(&[FD, T])),
        (4, 3) => is("with relative time", Fields(&[FD, AFTER])),
        (10, 2) => is("with flags", Fields(&[FO])),
        (11, 1) => is("without time", Fields(&[FO])),
        (11, 2) => is("with time", Fields(&[FO, T])),
        (12, 1) => is("control relay output block", Fields(BLOCK_FIELDS)),
        (12, 2) => is("pattern control block", Fields(BLOCK_FIELDS)),
        (12, 3) => is("pattern mask", Bits),
        (13, 1) => is("without time", Fields(&[("status", StateStatus)])),
        (13, 2) => is("with time", Fields(&[("status", StateStatus), T])),
        _ => None,
    }
}

const fn counter(group: u8, variation: u8) -> Option<Variation> {
    match (group, variation) {
        (_, 1) => is("32-bit with flags", Fields(&[FC, U32])),
        (_, 2) => is("16-bit with flags", Fields(&[FC, U16])),
        (_, 3) => is("32-bit delta with flags (obsolete)", Fields(&[FC, U32])),
        (_, 4) => is("16-bit delta with flags (obsolete)", Fields(&[FC, U16])),
        (20, 5) | (21, 9) => is("32-bit", Fields(&[U32])),
        (20, 6) | (21, 10) => is("16-bit", Fields(&[U16])),
        (20, 7) | (21, 11) => is("32-bit delta (obsolete)", Fields(&[U32])),
        (20, 8) | (21, 12) => is("16-bit delta (obsolete)", Fields(&[U16])),
        (21, 5) => is("32-bit with flags and time of freeze", Fields(&[FC, U32, FROZEN])),
        (21, 6) => is("16-bit with flags and time of freeze", Fields(&[FC, U16, FROZEN])),
        (21, 7) => is("32-bit delta with flags and time of freeze (obsolete)", Fields(&[FC, U32, FROZEN])),
        (21, 8) => is("16-bit delta with flags and time of freeze (obsolete)", Fields(&[FC, U16, FROZEN])),
        (22 | 23, 5) => is("32-bit with flags and time", Fields(&[FC, U32, T])),
        (22 | 23, 6) => is("16-bit with flags and time", Fields(&[FC, U16, T])),
        (22 | 23, 7) => is("32-bit delta with flags and time (obsolete)", Fields(&[FC, U32, T])),
        (22 | 23, 8) => is("16-bit delta with flags and time (obsolete)", Fields(&[FC, U16, T])),
        _ => None,
    }
}

const fn analog(group: u8, variation: u8) -> Option<Variation> {
    match (group, variation) {
        (34, 1) => is("16-bit", Fields(&[U16])),
        (34, 2) => is("32-bit", Fields(&[U32])),
        (34, 3) => is("single-precision", Fields(&[SP])),
        (34, _) => None,
        (_, 1) => is("32-bit with flags", Fields(&[FA, I32])),
        (_, 2) => is("16-bit with flags", Fields(&[FA, I16])),
        (30, 3) | (31, 5) => is("32-bit", Fields(&[I32])),
        (30, 4) | (31, 6) => is("16-bit", Fields(&[I16])),
        (30 | 32 | 33, 5) | (31, 7) => is("single-precision with flags", Fields(&[FA, SP])),
        (30 | 32 | 33, 6) | (31, 8) => is("double-precision with flags", Fields(&[FA, DP])),
        (31, 3) => is("32-bit with flags and time of freeze", Fields(&[FA, I32, FROZEN])),
        (31, 4) => is("16-bit with flags and time of freeze", Fields(&[FA, I16, FROZEN])),
        (32 | 33, 3) => is("32-bit with flags and time", Fields(&[FA, I32, T])),
        (32 | 33, 4) => is("16-bit with flags and time", Fields(&[FA, I16, T])),
        (32 | 33, 7) => is("single-precision with flags and time", Fields(&[FA, SP, T])),
        (32 | 33, 8) => is("double-precision with flags and time", Fields(&[FA, DP, T])),
        _ => None,
    }
}

const fn analog_output(group: u8, variation: u8) -> Option<Variation> {
    match (group, variation) {
        (40, 1) | (42, 1) => is("32-bit with flags", Fields(&[FA, I32])),
        (40, 2) | (42, 2) => is("16-bit with flags", Fields(&[FA, I16])),
        (40, 3) | (42, 5) => is("single-precision with flags", Fields(&[FA, SP])),
        (40, 4) | (42, 6) => is("double-precision with flags", Fields(&[FA, DP])),
        (41, 1) => is("32-bit", Fields(&[I32, ST])),
        (41, 2) => is("16-bit", Fields(&[I16, ST])),
        (41, 3) => is("single-precision", Fields(&[SP, ST])),
        (41, 4) => is("double-precision", Fields(&[DP, ST])),
        (42, 3) => is("32-bit with flags and time", Fields(&[FA, I32, T])),
        (42, 4) => is("16-bit with flags and time", Fields(&[FA, I16, T])),
        (42, 7) => is("single-precision with flags and time", Fields(&[FA, SP, T])),
        (42, 8) => is("double-precision with flags and time", Fields(&[FA, DP, T])),
        (43, 1) => is("32-bit", Fields(&[ST, I32])),
        (43, 2) => is("16-bit", Fields(&[ST, I16])),
        (43, 3) => is("32-bit with time", Fields(&[ST, I32, T])),
        (43, 4) => is("16-bit with time", Fields(&[ST, I16, T])),
        (43, 5) => is("single-precision", Fields(&[ST, SP])),
        (43, 6) => is("double-precision", Fields(&[ST, DP])),
        (43, 7) => is("single-precision with time", Fields(&[ST, SP, T])),
        (43, 8) => is("double-precision with time", Fields(&[ST, DP, T])),
        _ => None,
    }
}

const fn time(group: u8, variation: u8) -> Option<Variation> {
    const INTERVAL: Spec = ("interval", Unsigned(4));
    match (group, variation) {
        (50, 1) => is("absolute time", Fields(&[T])),
        (50, 2) => is("absolute time and interval", Fields(&[T, INTERVAL])),
        (50, 3) => is("absolute time at last recorded time", Fields(&[T])),
        (50, 4) => {
            is("indexed absolute time and long interval", Fields(&[T, INTERVAL, ("unit", Unsigned(1))]))
        }
        (51, 1) => is("synchronized", Fields(&[T])),
        (51, 2) => is("unsynchronized", Fields(&[T])),
        (52, 1) => is("coarse", Fields(&[("seconds", Unsigned(2))])),
        (52, 2) => is("fine", Fields(&[("ms", Unsigned(2))])),
        _ => None,
    }
}

const fn file(variation: u8) -> Option<Variation> {
    const NAME_OFFSET: Spec = ("name offset", Unsigned(2));
    const NAME_SIZE: Spec = ("name size", Unsigned(2));
    const SIZE: Spec = ("file size", Unsigned(4));
    const BLOCK_MAX: Spec = ("block size max", Unsigned(2));
    const LAST: Spec = ("last block", Block);
    match variation {
        1 => is("file identifier (superseded)", Fields(&[("octets", Rest)])),
        2 => is(
            "authentication",
            Fields(&[
                ("user name offset", Unsigned(2)),
                ("user name size", Unsigned(2)),
                ("password offset", Unsigned(2)),
                ("password size", Unsigned(2)),
                ("authentication key", Unsigned(4)),
                ("user name", SizedText(1)),
                ("password", SizedText(3)),
            ]),
        ),
        3 => is(
            "command",
            Fields(&[
                NAME_OFFSET,
                NAME_SIZE,
                ("created", Time),
                ("permissions", Unsigned(2)),
                ("authentication key", Unsigned(4)),
                SIZE,
                ("mode", FileMode),
                BLOCK_MAX,
                REQUEST,
                ("name", SizedText(1)),
            ]),
        ),
        4 => is(
            "command status",
            Fields(&[HANDLE, SIZE, BLOCK_MAX, REQUEST, ("file status", FileStatus), ("text", RestText)]),
        ),
        5 => is("transport", Fields(&[HANDLE, LAST, ("data", Rest)])),
        6 => is("transport status", Fields(&[HANDLE, LAST, ("file status", FileStatus), ("text", RestText)])),
        7 => is(
            "descriptor",
            Fields(&[
                NAME_OFFSET,
                NAME_SIZE,
                ("type", FileType),
                SIZE,
                ("created", Time),
                ("permissions", Unsigned(2)),
                REQUEST,
                ("name", SizedText(1)),
            ]),
        ),
        8 => is("specification string", Fields(&[("name", RestText)])),
        _ => None,
    }
}

const fn device(group: u8, variation: u8) -> Option<Variation> {
    const VENDOR: Spec = ("vendor", Unsigned(4));
    const OBJECT: Spec = ("object", Unsigned(2));
    match (group, variation) {
        (80, 1) => is("packed", Bits),
        (81, 1) => is(
            "buffer fill",
            Fields(&[("percent", Unsigned(1)), ("group", Unsigned(1)), ("variation", Unsigned(1))]),
        ),
        (82, 1) => is("functions and indexes", Fields(&[("octets", Rest)])),
        (83, 1) => is("object", Fields(&[VENDOR, OBJECT, ("length", Unsigned(2)), ("data", Sized(2))])),
        (83, 2) => is("descriptor", Fields(&[VENDOR, OBJECT, ("length", Unsigned(2)), ("data", Sized(2))])),
        (85, 1) => is("with UUID", Fields(&[("element", Elements)])),
        (86, 1) => is("contents", Fields(&[("element", Elements)])),
        (86, 2) => is("characteristics", Fields(&[("characteristics", Unsigned(1))])),
        (86, 3) => is("point index attributes", Fields(&[("element", Elements)])),
        (87, 1) => is("present value", Fields(&[("element", Elements)])),
        (88, 1) => is("snapshot", Fields(&[("element", Elements)])),
        (90, 1) => is("identifier", Fields(&[("name", RestText)])),
        (91, 1) => is(
            "active configuration",
            Fields(&[("delay ms", Unsigned(4)), ("status", Unsigned(1)), ("text", RestText)]),
        ),
        _ => None,
    }
}

const fn authentication(variation: u8) -> Option<Variation> {
    const ALGORITHM: Spec = ("mac algorithm", Unsigned(1));
    const METHOD: Spec = ("key change method", Unsigned(1));
    const NAME_SIZE: Spec = ("user name size", Unsigned(2));
    const CHALLENGE_SIZE: Spec = ("challenge size", Unsigned(2));
    match variation {
        1 => is(
            "challenge",
            Fields(&[SEQUENCE, USER, ALGORITHM, ("reason", Unsigned(1)), ("challenge", Rest)]),
        ),
        2 => is("reply", Fields(&[SEQUENCE, USER, MAC])),
        3 => is("aggressive mode request", Fields(&[SEQUENCE, USER])),
        4 => is("session key status request", Fields(&[USER])),
        5 => is(
            "session key status",
            Fields(&[
                KEY_SEQUENCE,
                USER,
                ("key wrap algorithm", Unsigned(1)),
                ("key status", Unsigned(1)),
                ALGORITHM,
                CHALLENGE_SIZE,
                ("challenge", Sized(5)),
                MAC,
            ]),
        ),
        6 => is("session key change", Fields(&[KEY_SEQUENCE, USER, ("wrapped key", Rest)])),
        7 => is(
            "error",
            Fields(&[
                SEQUENCE,
                USER,
                ("association", Unsigned(2)),
                ("error", Unsigned(1)),
                T,
                ("text", RestText),
            ]),
        ),
        8 => is(
            "user certificate",
            Fields(&[METHOD, ("certificate type", Unsigned(1)), ("certificate", Rest)]),
        ),
        9 => is("message authentication code", Fields(&[MAC])),
        10 => is(
            "user status change",
            Fields(&[
                METHOD,
                ("operation", Unsigned(1)),
                ("status change sequence", Unsigned(4)),
                ("role", Unsigned(2)),
                ("role expiry days", Unsigned(2)),
                NAME_SIZE,
                ("public key size", Unsigned(2)),
                ("certification size", Unsigned(2)),
                ("user name", SizedText(5)),
                ("public key", Sized(6)),
                ("certification", Sized(7)),
            ]),
        ),
        11 => is(
            "update key change request",
            Fields(&[
                METHOD,
                NAME_SIZE,
                CHALLENGE_SIZE,
                ("user name", SizedText(1)),
                ("challenge", Sized(2)),
            ]),
        ),
        12 => is(
            "update key change reply",
            Fields(&[KEY_SEQUENCE, USER, CHALLENGE_SIZE, ("challenge", Sized(2))]),
        ),
        13 => is(
            "update key change",
            Fields(&[KEY_SEQUENCE, USER, ("key size", Unsigned(2)), ("encrypted key", Sized(2))]),
        ),
        14 => is("update key change signature", Fields(&[("signature", Rest)])),
        15 => is("update key change confirmation", Fields(&[MAC])),
        _ => None,
    }
}
