//! Commands as they are sent, and the echo that has to repeat them.
//!
//! The answer to a command is the command itself with a status in each object. It is compared octet by octet: an
//! answer that names another output or another value is no answer to what was asked, whatever its status says.

use alloc::vec::Vec;

use crate::objects::write_command_body;
use crate::{AnalogWidth, Command, CommandStatus};

/// Group and variation.
const fn kind(command: &Command) -> [u8; 2] {
    match command {
        Command::Crob(_) => [12, 1],
        Command::Analog { width: AnalogWidth::I32, .. } => [41, 1],
        Command::Analog { width: AnalogWidth::I16, .. } => [41, 2],
        Command::Analog { width: AnalogWidth::F32, .. } => [41, 3],
        Command::Analog { width: AnalogWidth::F64, .. } => [41, 4],
    }
}

/// Whether a command can be written as it is meant: a set point that would be clamped must not leave.
pub(super) fn check(command: &Command) -> Result<(), &'static str> {
    let Command::Analog { value, width } = *command else {
        return Ok(());
    };
    let (low, high) = match width {
        AnalogWidth::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        AnalogWidth::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        AnalogWidth::F32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        AnalogWidth::F64 => (f64::MIN, f64::MAX),
    };
    if (low..=high).contains(&value) { Ok(()) } else { Err("the value does not fit its width") }
}

/// Neighbours of one kind, which share a header.
fn runs(commands: &[(u16, Command)]) -> impl Iterator<Item = &[(u16, Command)]> {
    commands
        .chunk_by(|(_, one), (_, other)| kind(one) == kind(other))
        .flat_map(|run| run.chunks(u16::MAX.into()))
}

/// A header with a 16-bit count, 16-bit indexes to follow.
fn header(run: &[(u16, Command)]) -> [u8; 5] {
    let [group, variation] = run.first().map(|(_, command)| kind(command)).unwrap_or_default();
    let [low, high] = u16::try_from(run.len()).unwrap_or(u16::MAX).to_le_bytes();
    [group, variation, 0x28, low, high]
}

/// Appends commands with status 0.
pub(super) fn write(out: &mut Vec<u8>, commands: &[(u16, Command)]) {
    for run in runs(commands) {
        out.extend(header(run));
        for (index, command) in run {
            out.extend(index.to_le_bytes());
            write_command_body(out, command, CommandStatus::Success);
        }
    }
}

/// The status of each command, where the answer repeats them all; else what differs.
pub(super) fn compare(
    commands: &[(u16, Command)],
    mut answer: &[u8],
) -> Result<Vec<CommandStatus>, &'static str> {
    let mut statuses = Vec::with_capacity(commands.len());
    let mut expected = Vec::new();
    for run in runs(commands) {
        take(&mut answer, &header(run), "the echo has another object header than the command")?;
        for (index, command) in run {
            take(&mut answer, &index.to_le_bytes(), "the echo names another index than the command")?;
            expected.clear();
            write_command_body(&mut expected, command, CommandStatus::Success);
            expected.pop();
            take(&mut answer, &expected, "the echo has another value than the command")?;
            let (status, rest) = answer.split_first().ok_or(TOO_SHORT)?;
            answer = rest;
            statuses.push(CommandStatus::from_code(*status));
        }
    }
    if answer.is_empty() { Ok(statuses) } else { Err("the echo holds more than the command") }
}

const TOO_SHORT: &str = "the echo ends before the command does";

fn take(answer: &mut &[u8], expected: &[u8], differs: &'static str) -> Result<(), &'static str> {
    let (found, rest) = answer.split_at_checked(expected.len()).ok_or(TOO_SHORT)?;
    if found != expected {
        return Err(differs);
    }
    *answer = rest;
    Ok(())
}
