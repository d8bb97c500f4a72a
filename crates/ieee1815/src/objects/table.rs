//! The one table of groups and variations: how long an object is and what stands in it. A variation is added here
//! and nowhere else.

use crate::{AnalogWidth, PointType};

/// How the value of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One bit an object, eight to an octet.
    Packed,
    /// One octet: flags and state.
    State,
    I16,
    I32,
    F32,
    F64,
    /// Two bits an object, four to an octet; passed over.
    PackedPair,
    /// Control relay output block and status.
    Crob,
    /// Analog output of the width and status.
    Output(AnalogWidth),
    /// So many octets; what they mean is somebody else's.
    Octets(u8),
    /// No octets at all: class data.
    Nothing,
}

impl From<AnalogWidth> for Form {
    fn from(width: AnalogWidth) -> Self {
        match width {
            AnalogWidth::I16 => Self::I16,
            AnalogWidth::I32 => Self::I32,
            AnalogWidth::F32 => Self::F32,
            AnalogWidth::F64 => Self::F64,
        }
    }
}

/// How the time of an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeForm {
    None,
    /// Six octets, milliseconds since 1970.
    Absolute,
    /// Two octets, milliseconds since the common time before.
    Relative,
}

/// One group and variation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(super) group: u8,
    pub(super) variation: u8,
    pub(crate) point: Option<PointType>,
    pub(crate) event: bool,
    pub(crate) form: Form,
    /// A flag octet stands before the value.
    pub(super) flags: bool,
    pub(super) time: TimeForm,
}

impl Entry {
    /// Octets of one object; `None` where objects share octets.
    pub(super) fn octets(&self) -> Option<usize> {
        let value = match self.form {
            Packed | PackedPair => return None,
            State => 1,
            I16 => 2,
            I32 | F32 => 4,
            F64 => 8,
            Form::Crob => 11,
            Form::Output(AnalogWidth::I16) => 3,
            Form::Output(AnalogWidth::I32 | AnalogWidth::F32) => 5,
            Form::Output(AnalogWidth::F64) => 9,
            Octets(octets) => usize::from(octets),
            Form::Nothing => 0,
        };
        let time = match self.time {
            TimeForm::None => 0,
            Absolute => 6,
            Relative => 2,
        };
        Some(usize::from(self.flags) + value + time)
    }

    /// Octets of `count` objects, without prefixes.
    pub(super) fn octets_of(&self, count: u64) -> u64 {
        match (self.form, self.octets()) {
            (PackedPair, _) => count.div_ceil(4),
            (_, None) => count.div_ceil(8),
            (_, Some(octets)) => count.saturating_mul(octets as u64),
        }
    }

    /// Whether objects of this variation say how good they are.
    pub(crate) fn has_flags(&self) -> bool {
        self.flags || self.form == State
    }

    /// Whether objects of this variation carry a time.
    pub(crate) fn has_time(&self) -> bool {
        self.time != TimeForm::None
    }

    pub(crate) const fn variation(&self) -> u8 {
        self.variation
    }

    /// The most octets that one object with a 16-bit index takes.
    pub(crate) fn octets_max(&self) -> usize {
        self.octets().unwrap_or(1) + 2
    }
}

const fn row(group: u8, variation: u8, form: Form) -> Entry {
    Entry { group, variation, point: None, event: false, form, flags: false, time: TimeForm::None }
}

const fn point(group: u8, variation: u8, point: PointType, form: Form, flags: bool) -> Entry {
    Entry { point: Some(point), flags, ..row(group, variation, form) }
}

const fn event(group: u8, variation: u8, of: PointType, form: Form, time: TimeForm) -> Entry {
    let flags = !matches!(form, State);
    Entry { event: true, time, ..point(group, variation, of, form, flags) }
}

use Form::{F32, F64, I16, I32, Octets, Packed, PackedPair, State};
use PointType::{AnalogInput as Ai, AnalogOutputStatus as Ao, BinaryInput as Bi, BinaryOutputStatus as Bo};
use TimeForm::{Absolute, None as Untimed, Relative};

/// All that is known. Rows without a point are there to be passed over in a response.
pub(super) static TABLE: &[Entry] = &[
    point(1, 1, Bi, Packed, false),
    point(1, 2, Bi, State, false),
    event(2, 1, Bi, State, Untimed),
    event(2, 2, Bi, State, Absolute),
    event(2, 3, Bi, State, Relative),
    row(3, 1, PackedPair),
    row(3, 2, Octets(1)),
    row(4, 1, Octets(1)),
    row(4, 2, Octets(7)),
    row(4, 3, Octets(3)),
    point(10, 1, Bo, Packed, false),
    point(10, 2, Bo, State, false),
    event(11, 1, Bo, State, Untimed),
    event(11, 2, Bo, State, Absolute),
    row(12, 1, Form::Crob),
    row(13, 1, Octets(1)),
    row(13, 2, Octets(7)),
    row(20, 1, Octets(5)),
    row(20, 2, Octets(3)),
    row(20, 5, Octets(4)),
    row(20, 6, Octets(2)),
    row(21, 1, Octets(5)),
    row(21, 2, Octets(3)),
    row(21, 5, Octets(11)),
    row(21, 6, Octets(9)),
    row(21, 9, Octets(4)),
    row(21, 10, Octets(2)),
    row(22, 1, Octets(5)),
    row(22, 2, Octets(3)),
    row(22, 5, Octets(11)),
    row(22, 6, Octets(9)),
    row(23, 1, Octets(5)),
    row(23, 2, Octets(3)),
    row(23, 5, Octets(11)),
    row(23, 6, Octets(9)),
    point(30, 1, Ai, I32, true),
    point(30, 2, Ai, I16, true),
    point(30, 3, Ai, I32, false),
    point(30, 4, Ai, I16, false),
    point(30, 5, Ai, F32, true),
    point(30, 6, Ai, F64, true),
    row(31, 1, Octets(5)),
    row(31, 2, Octets(3)),
    row(31, 3, Octets(11)),
    row(31, 4, Octets(9)),
    row(31, 5, Octets(4)),
    row(31, 6, Octets(2)),
    row(31, 7, Octets(5)),
    row(31, 8, Octets(9)),
    event(32, 1, Ai, I32, Untimed),
    event(32, 2, Ai, I16, Untimed),
    event(32, 3, Ai, I32, Absolute),
    event(32, 4, Ai, I16, Absolute),
    event(32, 5, Ai, F32, Untimed),
    event(32, 6, Ai, F64, Untimed),
    event(32, 7, Ai, F32, Absolute),
    event(32, 8, Ai, F64, Absolute),
    row(33, 1, Octets(5)),
    row(33, 2, Octets(3)),
    row(33, 3, Octets(11)),
    row(33, 4, Octets(9)),
    row(33, 5, Octets(5)),
    row(33, 6, Octets(9)),
    row(33, 7, Octets(11)),
    row(33, 8, Octets(15)),
    row(34, 1, Octets(2)),
    row(34, 2, Octets(4)),
    row(34, 3, Octets(4)),
    point(40, 1, Ao, I32, true),
    point(40, 2, Ao, I16, true),
    point(40, 3, Ao, F32, true),
    point(40, 4, Ao, F64, true),
    row(41, 1, Form::Output(AnalogWidth::I32)),
    row(41, 2, Form::Output(AnalogWidth::I16)),
    row(41, 3, Form::Output(AnalogWidth::F32)),
    row(41, 4, Form::Output(AnalogWidth::F64)),
    event(42, 1, Ao, I32, Untimed),
    event(42, 2, Ao, I16, Untimed),
    event(42, 3, Ao, I32, Absolute),
    event(42, 4, Ao, I16, Absolute),
    event(42, 5, Ao, F32, Untimed),
    event(42, 6, Ao, F64, Untimed),
    event(42, 7, Ao, F32, Absolute),
    event(42, 8, Ao, F64, Absolute),
    row(50, 1, Octets(6)),
    row(50, 3, Octets(6)),
    row(50, 4, Octets(11)),
    row(51, 1, Octets(6)),
    row(51, 2, Octets(6)),
    row(52, 1, Octets(2)),
    row(52, 2, Octets(2)),
    row(60, 1, Form::Nothing),
    row(60, 2, Form::Nothing),
    row(60, 3, Form::Nothing),
    row(60, 4, Form::Nothing),
    row(80, 1, Packed),
];

/// The row of a group and variation. Octet strings have their length as variation.
pub(crate) fn entry(group: u8, variation: u8) -> Option<Entry> {
    match (group, variation) {
        (110 | 111, 1..) => Some(row(group, variation, Octets(variation))),
        _ => TABLE.iter().find(|entry| entry.group == group && entry.variation == variation).copied(),
    }
}

/// The group of a point type's statics.
pub(crate) const fn static_group(point: PointType) -> u8 {
    match point {
        PointType::BinaryInput => 1,
        PointType::BinaryOutputStatus => 10,
        PointType::AnalogInput => 30,
        PointType::AnalogOutputStatus => 40,
    }
}

/// The group of a point type's events.
pub(crate) const fn event_group(point: PointType) -> u8 {
    match point {
        PointType::BinaryInput => 2,
        PointType::BinaryOutputStatus => 11,
        PointType::AnalogInput => 32,
        PointType::AnalogOutputStatus => 42,
    }
}
