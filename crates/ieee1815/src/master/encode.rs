//! Requests as octets: function and objects.

use alloc::vec::Vec;

use super::{DeadbandWidth, Objects, Request, Which, echo};
use crate::functions::{
    ASSIGN_CLASS, COLD_RESTART, DELAY_MEASURE, DIRECT_OPERATE, DIRECT_OPERATE_NO_ACK, DISABLE_UNSOLICITED,
    ENABLE_UNSOLICITED, FREEZE, FREEZE_CLEAR, FREEZE_CLEAR_NO_ACK, FREEZE_NO_ACK, OPERATE, READ, SELECT,
    WARM_RESTART, WRITE,
};
use crate::{Classes, OperateMode};

impl Objects {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend([self.group, self.variation]);
        match &self.which {
            Which::All => out.push(0x06),
            Which::Range(first, last) => match (u8::try_from(*first), u8::try_from(*last)) {
                (Ok(first), Ok(last)) => out.extend([0x00, first, last]),
                _ => {
                    out.push(0x01);
                    out.extend(first.to_le_bytes());
                    out.extend(last.to_le_bytes());
                }
            },
            Which::Count(count) => {
                out.push(0x08);
                out.extend(count.to_le_bytes());
            }
            Which::Indexes(indexes) => {
                out.push(0x28);
                out.extend(u16::try_from(indexes.len()).unwrap_or(u16::MAX).to_le_bytes());
                indexes.iter().for_each(|index| out.extend(index.to_le_bytes()));
            }
        }
    }
}

impl Request {
    /// Appends function and objects; `operate`: of a select, what follows it. The time is written elsewhere.
    pub(super) fn write(&self, out: &mut Vec<u8>, operate: bool) {
        match self {
            Self::Read(wanted) => {
                out.push(READ);
                classes(out, *wanted);
            }
            Self::ReadObjects(objects) => {
                out.push(READ);
                objects.iter().for_each(|objects| objects.write(out));
            }
            Self::Operate { mode, index, command } => {
                out.push(operate_function(*mode, operate));
                echo::write(out, &[(*index, *command)]);
            }
            Self::OperateAll { mode, commands } => {
                out.push(operate_function(*mode, operate));
                echo::write(out, commands);
            }
            Self::WriteTime(_) | Self::SyncTime { .. } => out.push(WRITE),
            Self::MeasureDelay => out.push(DELAY_MEASURE),
            Self::AssignClass(assignments) => {
                out.push(ASSIGN_CLASS);
                for (class, objects) in assignments {
                    out.extend([60, class.saturating_add(1), 0x06]);
                    objects.write(out);
                }
            }
            Self::Freeze { clear, no_ack, objects } => {
                out.push(match (clear, no_ack) {
                    (false, false) => FREEZE,
                    (false, true) => FREEZE_NO_ACK,
                    (true, false) => FREEZE_CLEAR,
                    (true, true) => FREEZE_CLEAR_NO_ACK,
                });
                objects.iter().for_each(|objects| objects.write(out));
            }
            Self::WriteDeadbands { width, deadbands } => write_deadbands(out, *width, deadbands),
            Self::WriteStrings(strings) => {
                out.push(WRITE);
                for (index, octets) in strings {
                    // Each length is a variation of its own.
                    let length = u8::try_from(octets.len()).unwrap_or(u8::MAX);
                    out.extend([110, length, 0x28, 1, 0]);
                    out.extend(index.to_le_bytes());
                    out.extend_from_slice(octets.get(..usize::from(length)).unwrap_or(octets));
                }
            }
            Self::Unsolicited { enable, classes: wanted } => {
                out.push(if *enable { ENABLE_UNSOLICITED } else { DISABLE_UNSOLICITED });
                classes(out, wanted.without(Classes::ZERO));
            }
            Self::Restart { cold } => out.push(if *cold { COLD_RESTART } else { WARM_RESTART }),
            Self::Broadcast { request, .. } => request.write(out, operate),
        }
    }
}

const fn operate_function(mode: OperateMode, operate: bool) -> u8 {
    match mode {
        OperateMode::Direct => DIRECT_OPERATE,
        OperateMode::DirectNoAck => DIRECT_OPERATE_NO_ACK,
        OperateMode::Select | OperateMode::SelectBeforeOperate if operate => OPERATE,
        OperateMode::Select | OperateMode::SelectBeforeOperate => SELECT,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to fit before")]
fn write_deadbands(out: &mut Vec<u8>, width: DeadbandWidth, deadbands: &[(u16, f64)]) {
    let variation = match width {
        DeadbandWidth::U16 => 1,
        DeadbandWidth::U32 => 2,
        DeadbandWidth::F32 => 3,
    };
    out.extend([WRITE, 34, variation, 0x28]);
    out.extend(u16::try_from(deadbands.len()).unwrap_or(u16::MAX).to_le_bytes());
    for (index, deadband) in deadbands {
        out.extend(index.to_le_bytes());
        match width {
            DeadbandWidth::U16 => out.extend((*deadband as u16).to_le_bytes()),
            DeadbandWidth::U32 => out.extend((*deadband as u32).to_le_bytes()),
            DeadbandWidth::F32 => out.extend((*deadband as f32).to_le_bytes()),
        }
    }
}

/// Group 60, all objects: events before statics, so that a static never looks older than an event after it.
pub(super) fn classes(out: &mut Vec<u8>, wanted: Classes) {
    let order = [(Classes::ONE, 2), (Classes::TWO, 3), (Classes::THREE, 4), (Classes::ZERO, 1)];
    for (class, variation) in order {
        if wanted.contains(class) {
            out.extend([60, variation, 0x06]);
        }
    }
}

/// Everything that a scan reads.
pub(super) fn read(out: &mut Vec<u8>, wanted: Classes, objects: &[Objects]) {
    out.push(READ);
    classes(out, wanted);
    objects.iter().for_each(|objects| objects.write(out));
}
