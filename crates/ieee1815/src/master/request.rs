//! What a user can ask of a master, and how it is written.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{TimeProcedure, echo};
use crate::channel::Broadcast;
use crate::{Classes, Command, OperateMode};

/// Which objects of a group and variation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All there are.
    All,
    /// From the first to the last index, both included.
    Range(u16, u16),
    /// At most so many.
    Count(u16),
    /// These indexes.
    Indexes(Vec<u16>),
}

/// An object header of a request that carries no objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objects {
    /// Object group.
    pub group: u8,
    /// Variation; 0 leaves it to the outstation.
    pub variation: u8,
    /// Which of them.
    pub which: Which,
}

impl Objects {
    /// All objects of a group and variation.
    #[must_use]
    pub const fn all(group: u8, variation: u8) -> Self {
        Self { group, variation, which: Which::All }
    }

    /// The objects from `first` to `last`.
    #[must_use]
    pub const fn range(group: u8, variation: u8, first: u16, last: u16) -> Self {
        Self { group, variation, which: Which::Range(first, last) }
    }
}

/// How deadbands are written: the variations of group 34.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadbandWidth {
    /// Variation 1.
    U16,
    /// Variation 2.
    U32,
    /// Variation 3.
    F32,
}

/// What a user asks of a master.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Read these classes: events in the order 1, 2, 3, then the statics of class 0.
    Read(Classes),
    /// Read these objects, device attributes among them ([`Objects::all`]`(0, 254)` reads all).
    ReadObjects(Vec<Objects>),
    /// Operate one control.
    Operate {
        /// How; [`OperateMode::Select`] alone is taken as [`OperateMode::SelectBeforeOperate`].
        mode: OperateMode,
        /// Index of the output.
        index: u16,
        /// What it is to do.
        command: Command,
    },
    /// Operate several controls by one request; in the outcome each has its status.
    OperateAll {
        /// How.
        mode: OperateMode,
        /// Each output's index and what it is to do.
        commands: Vec<(u16, Command)>,
    },
    /// Set the outstation's clock: milliseconds since 1970-01-01 00:00 UTC at the moment of the request. The
    /// time that it waits before it is sent is added. The same as [`SyncTime`](Self::SyncTime) by
    /// [`TimeProcedure::Plain`].
    WriteTime(u64),
    /// Set the outstation's clock by a procedure that takes the way there into account.
    SyncTime {
        /// Which.
        procedure: TimeProcedure,
        /// Milliseconds since 1970-01-01 00:00 UTC at the moment of the request.
        millis: u64,
    },
    /// Ask how long the outstation needs for an answer.
    MeasureDelay,
    /// Put points into classes 0 to 3; class 0 has no events.
    AssignClass(Vec<(u8, Objects)>),
    /// Freeze counters or analog inputs.
    Freeze {
        /// The counters are set to 0 after.
        clear: bool,
        /// No answer is wanted.
        no_ack: bool,
        /// Groups 20 or 30, and which.
        objects: Vec<Objects>,
    },
    /// Write deadbands of analog inputs.
    WriteDeadbands {
        /// How; a deadband that is negative, or does not fit, is not sent.
        width: DeadbandWidth,
        /// Each input's index and deadband.
        deadbands: Vec<(u16, f64)>,
    },
    /// Write octet strings (group 110) of 1 to 255 octets.
    WriteStrings(Vec<(u16, Vec<u8>)>),
    /// Switch unsolicited responses of these classes on or off.
    Unsolicited {
        /// On.
        enable: bool,
        /// Of classes 1 to 3.
        classes: Classes,
    },
    /// Restart the device.
    Restart {
        /// All of it, as if it had been without power; else only its DNP3 application.
        cold: bool,
    },
    /// Give a request to every outstation that hears. No answer comes.
    Broadcast {
        /// What is asked of the next response.
        how: Broadcast,
        /// What everybody is to do. Reads, selects and time procedures cannot be broadcast.
        request: Box<Self>,
    },
}

impl Request {
    /// Commands go before everything else.
    pub(super) fn is_command(&self) -> bool {
        match self {
            Self::Operate { .. } | Self::OperateAll { .. } => true,
            Self::Broadcast { request, .. } => request.is_command(),
            _ => false,
        }
    }

    /// May be sent again without acting twice.
    pub(super) fn is_read(&self) -> bool {
        matches!(self, Self::Read(_) | Self::ReadObjects(_))
    }

    /// Whether no answer comes.
    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Operate { mode, .. } | Self::OperateAll { mode, .. } => *mode == OperateMode::DirectNoAck,
            Self::Freeze { no_ack, .. } => *no_ack,
            Self::Broadcast { .. } => true,
            _ => false,
        }
    }

    /// Whether it begins with a select.
    pub(super) fn selects(&self) -> bool {
        let (Self::Operate { mode, .. } | Self::OperateAll { mode, .. }) = self else { return false };
        matches!(mode, OperateMode::Select | OperateMode::SelectBeforeOperate)
    }

    /// The wall clock that came with it.
    pub(super) fn time(&self) -> u64 {
        match self {
            Self::WriteTime(millis) | Self::SyncTime { millis, .. } => *millis,
            Self::Broadcast { request, .. } => request.time(),
            _ => 0,
        }
    }

    /// Whether it can be written as it is meant, or why not.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let lacks = |condition: bool, why| if condition { Err(why) } else { Ok(()) };
        match self {
            Self::Read(classes) => lacks(classes.bits() == 0, "it names no class"),
            Self::ReadObjects(objects) | Self::Freeze { objects, .. } => check_objects(objects),
            Self::Operate { command, .. } => echo::check(command),
            Self::OperateAll { commands, .. } => {
                lacks(commands.is_empty(), "it holds no command")?;
                commands.iter().try_for_each(|(_, command)| echo::check(command))
            }
            Self::AssignClass(assignments) => {
                lacks(assignments.is_empty(), "it names no object")?;
                assignments.iter().try_for_each(|(class, objects)| {
                    lacks(*class > 3, "there are classes 0 to 3")?;
                    check_objects(core::slice::from_ref(objects))
                })
            }
            Self::WriteDeadbands { width, deadbands } => {
                let most = match width {
                    DeadbandWidth::U16 => u16::MAX.into(),
                    DeadbandWidth::U32 => u32::MAX.into(),
                    DeadbandWidth::F32 => f32::MAX.into(),
                };
                lacks(deadbands.is_empty(), "it names no object")?;
                let fits = deadbands.iter().all(|(_, deadband)| (0.0..=most).contains(deadband));
                lacks(!fits, "the deadband does not fit its width")
            }
            Self::WriteStrings(strings) => {
                lacks(strings.is_empty(), "it names no object")?;
                let fits = strings.iter().all(|(_, octets)| (1..=255).contains(&octets.len()));
                lacks(!fits, "an octet string has 1 to 255 octets")
            }
            Self::Unsolicited { classes, .. } => {
                lacks(classes.without(Classes::ZERO).bits() == 0, "it names no event class")
            }
            Self::Broadcast { request, .. } => {
                let alone = matches!(
                    **request,
                    Self::Read(_)
                        | Self::ReadObjects(_)
                        | Self::MeasureDelay
                        | Self::SyncTime { .. }
                        | Self::Broadcast { .. }
                );
                lacks(alone || request.selects(), "that cannot be broadcast")?;
                request.check()
            }
            Self::WriteTime(_) | Self::SyncTime { .. } | Self::MeasureDelay | Self::Restart { .. } => Ok(()),
        }
    }
}

fn check_objects(objects: &[Objects]) -> Result<(), &'static str> {
    let empty = |objects: &Objects| match &objects.which {
        Which::All => false,
        Which::Range(first, last) => last < first,
        Which::Count(count) => *count == 0,
        Which::Indexes(indexes) => indexes.is_empty(),
    };
    if objects.is_empty() || objects.iter().any(empty) { Err("it names no object") } else { Ok(()) }
}
