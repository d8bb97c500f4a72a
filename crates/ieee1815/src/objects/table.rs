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
    U16,
    U32,
    /// Two bits an object, four to an octet.
    PackedPair,
    /// One octet: flags and the two bits of the state.
    StatePair,
    /// An octet string of so many octets.
    Text(u8),
    /// A device attribute: its type, its length, its octets.
    Attribute,
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
    pub(crate) time: TimeForm,
}

/// The rest follows from group and variation.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.group, self.variation) == (other.group, other.variation)
    }
}

impl Eq for Entry {}

impl Entry {
    /// Octets of one object; `None` where objects share octets.
    pub(super) fn octets(&self) -> Option<usize> {
        let value = match self.form {
            Packed | PackedPair | Form::Attribute => return None,
            State | StatePair => 1,
            I16 | U16 => 2,
            I32 | U32 | F32 => 4,
            F64 => 8,
            Form::Crob => 11,
            Form::Output(AnalogWidth::I16) => 3,
            Form::Output(AnalogWidth::I32 | AnalogWidth::F32) => 5,
            Form::Output(AnalogWidth::F64) => 9,
            Octets(octets) | Form::Text(octets) => usize::from(octets),
            Form::Nothing => 0,
        };
        let time = match self.time {
            TimeForm::None => 0,
            Absolute => 6,
            Relative => 2,
        };
        Some(usize::from(self.flags).saturating_add(value).saturating_add(time))
    }

    /// Octets of `count` objects, without prefixes.
    pub(crate) fn octets_of(&self, count: u64) -> u64 {
        match (self.form, self.octets()) {
            (PackedPair, _) => count.div_ceil(4),
            (_, None) => count.div_ceil(8),
            (_, Some(octets)) => count.saturating_mul(octets as u64),
        }
    }

    /// Whether objects of this variation say how good they are.
    pub(crate) fn has_flags(&self) -> bool {
        self.flags || matches!(self.form, State | StatePair)
    }

    /// Whether objects of this variation carry a time.
    pub(crate) fn has_time(&self) -> bool {
        self.time != TimeForm::None
    }

    /// The variation of the same form that carries no time.
    pub(crate) fn untimed(self) -> Self {
        if self.time == TimeForm::None {
            return self;
        }
        let alike = |other: &&Self| {
            (other.group, other.form, other.flags) == (self.group, self.form, self.flags)
                && other.time == TimeForm::None
        };
        TABLE.iter().find(alike).copied().unwrap_or(self)
    }

    /// Its group.
    pub(crate) const fn group(&self) -> u8 {
        self.group
    }

    /// Its variation.
    pub(crate) const fn variation(&self) -> u8 {
        self.variation
    }

    /// How many objects without index go into so many octets.
    pub(crate) fn count_in(&self, octets: usize) -> usize {
        match (self.form, self.octets()) {
            (PackedPair, _) => octets.saturating_mul(4),
            (_, None) => octets.saturating_mul(8),
            (_, Some(size)) => octets.checked_div(size).unwrap_or_default(),
        }
    }

    /// The most octets that one object with a 16-bit index takes.
    pub(crate) fn octets_max(&self) -> usize {
        self.octets().unwrap_or(1).saturating_add(2)
    }
}

const fn row(group: u8, variation: u8, form: Form) -> Entry {
    Entry { group, variation, point: None, event: false, form, flags: false, time: TimeForm::None }
}

const fn point(group: u8, variation: u8, point: PointType, form: Form, flags: bool) -> Entry {
    Entry { point: Some(point), flags, ..row(group, variation, form) }
}

const fn event(group: u8, variation: u8, of: PointType, form: Form, time: TimeForm) -> Entry {
    let flags = !matches!(form, State | StatePair);
    Entry { event: true, time, ..point(group, variation, of, form, flags) }
}

const fn frozen(group: u8, variation: u8, of: PointType, form: Form, flags: bool, time: TimeForm) -> Entry {
    Entry { time, ..point(group, variation, of, form, flags) }
}

use Form::{F32, F64, I16, I32, Octets, Packed, PackedPair, State, StatePair, U16, U32};
use PointType::{
    AnalogInput as Ai, AnalogOutputCommand as Aoc, AnalogOutputStatus as Ao, BinaryInput as Bi,
    BinaryOutputCommand as Boc, BinaryOutputStatus as Bo, Counter as Ct, DoubleBitInput as Db,
    FrozenAnalogInput as Fa, FrozenCounter as Fc,
};
use TimeForm::{Absolute, None as Untimed, Relative};

/// All that is known, by group and variation. Rows without a point are there to be understood or passed over.
pub(super) static TABLE: &[Entry] = &[
    point(1, 1, Bi, Packed, false),
    point(1, 2, Bi, State, false),
    event(2, 1, Bi, State, Untimed),
    event(2, 2, Bi, State, Absolute),
    event(2, 3, Bi, State, Relative),
    point(3, 1, Db, PackedPair, false),
    point(3, 2, Db, StatePair, false),
    event(4, 1, Db, StatePair, Untimed),
    event(4, 2, Db, StatePair, Absolute),
    event(4, 3, Db, StatePair, Relative),
    point(10, 1, Bo, Packed, false),
    point(10, 2, Bo, State, false),
    event(11, 1, Bo, State, Untimed),
    event(11, 2, Bo, State, Absolute),
    row(12, 1, Form::Crob),
    row(12, 2, Octets(11)),
    row(12, 3, Packed),
    event(13, 1, Boc, State, Untimed),
    event(13, 2, Boc, State, Absolute),
    point(20, 1, Ct, U32, true),
    point(20, 2, Ct, U16, true),
    point(20, 5, Ct, U32, false),
    point(20, 6, Ct, U16, false),
    point(21, 1, Fc, U32, true),
    point(21, 2, Fc, U16, true),
    frozen(21, 5, Fc, U32, true, Absolute),
    frozen(21, 6, Fc, U16, true, Absolute),
    point(21, 9, Fc, U32, false),
    point(21, 10, Fc, U16, false),
    event(22, 1, Ct, U32, Untimed),
    event(22, 2, Ct, U16, Untimed),
    event(22, 5, Ct, U32, Absolute),
    event(22, 6, Ct, U16, Absolute),
    event(23, 1, Fc, U32, Untimed),
    event(23, 2, Fc, U16, Untimed),
    event(23, 5, Fc, U32, Absolute),
    event(23, 6, Fc, U16, Absolute),
    point(30, 1, Ai, I32, true),
    point(30, 2, Ai, I16, true),
    point(30, 3, Ai, I32, false),
    point(30, 4, Ai, I16, false),
    point(30, 5, Ai, F32, true),
    point(30, 6, Ai, F64, true),
    point(31, 1, Fa, I32, true),
    point(31, 2, Fa, I16, true),
    frozen(31, 3, Fa, I32, true, Absolute),
    frozen(31, 4, Fa, I16, true, Absolute),
    point(31, 5, Fa, I32, false),
    point(31, 6, Fa, I16, false),
    point(31, 7, Fa, F32, true),
    point(31, 8, Fa, F64, true),
    event(32, 1, Ai, I32, Untimed),
    event(32, 2, Ai, I16, Untimed),
    event(32, 3, Ai, I32, Absolute),
    event(32, 4, Ai, I16, Absolute),
    event(32, 5, Ai, F32, Untimed),
    event(32, 6, Ai, F64, Untimed),
    event(32, 7, Ai, F32, Absolute),
    event(32, 8, Ai, F64, Absolute),
    event(33, 1, Fa, I32, Untimed),
    event(33, 2, Fa, I16, Untimed),
    event(33, 3, Fa, I32, Absolute),
    event(33, 4, Fa, I16, Absolute),
    event(33, 5, Fa, F32, Untimed),
    event(33, 6, Fa, F64, Untimed),
    event(33, 7, Fa, F32, Absolute),
    event(33, 8, Fa, F64, Absolute),
    row(34, 1, U16),
    row(34, 2, U32),
    row(34, 3, F32),
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
    event(43, 1, Aoc, I32, Untimed),
    event(43, 2, Aoc, I16, Untimed),
    event(43, 3, Aoc, I32, Absolute),
    event(43, 4, Aoc, I16, Absolute),
    event(43, 5, Aoc, F32, Untimed),
    event(43, 6, Aoc, F64, Untimed),
    event(43, 7, Aoc, F32, Absolute),
    event(43, 8, Aoc, F64, Absolute),
    row(50, 1, Octets(6)),
    row(50, 2, Octets(10)),
    row(50, 3, Octets(6)),
    row(50, 4, Octets(11)),
    row(51, 1, Octets(6)),
    row(51, 2, Octets(6)),
    row(52, 1, U16),
    row(52, 2, U16),
    row(60, 1, Form::Nothing),
    row(60, 2, Form::Nothing),
    row(60, 3, Form::Nothing),
    row(60, 4, Form::Nothing),
    row(80, 1, Packed),
];

/// Where each group's rows begin in the table; one more than the last for a group that is not there.
#[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "worked out by the compiler"))]
#[expect(clippy::cast_possible_truncation, reason = "the table has fewer than 256 rows")]
static STARTS: [u8; 256] = {
    let mut starts = [TABLE.len() as u8; 256];
    let mut at = TABLE.len();
    while at > 0 {
        at -= 1;
        starts[TABLE[at].group as usize] = at as u8;
    }
    starts
};

/// The row of a group and variation. Octet strings have their length as variation.
pub(crate) fn entry(group: u8, variation: u8) -> Option<Entry> {
    match (group, variation) {
        (0, 1..) => Some(row(0, variation, Form::Attribute)),
        (110, 1..) => Some(point(110, variation, PointType::OctetString, Form::Text(variation), false)),
        (111, 1..) => Some(Entry {
            event: true,
            ..point(111, variation, PointType::OctetString, Form::Text(variation), false)
        }),
        _ => {
            let start = STARTS.get(usize::from(group)).copied().map_or(0, usize::from);
            let rows = TABLE.get(start..).unwrap_or_default();
            rows.iter()
                .take_while(|entry| entry.group == group)
                .find(|entry| entry.variation == variation)
                .copied()
        }
    }
}

/// The type of point whose statics are this group.
pub(crate) fn static_type(group: u8) -> Option<PointType> {
    PointType::ALL.into_iter().find(|point| point.static_group() == Some(group))
}

/// The type of point whose events are this group.
pub(crate) fn event_type(group: u8) -> Option<PointType> {
    PointType::ALL.into_iter().find(|point| point.event_group() == group)
}
