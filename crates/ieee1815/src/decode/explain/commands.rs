//! Commands: select, operate, and what became of them.

use alloc::format;
use alloc::vec::Vec;

use super::Told;
use super::words;
use crate::Time;
use crate::decode::application::Application;
use crate::{CommandStatus, Iin};

/// The select that is open.
#[derive(Debug)]
pub(super) struct Select {
    at: Time,
    sequence: u8,
    objects: Vec<u8>,
    accepted: bool,
}

/// A request of the master came: what it means for a select before it.
pub(super) fn request(select: &mut Option<Select>, application: &Application<'_>, told: &mut Told) {
    let sequence = application.control.sequence;
    let objects = application.objects;
    match application.function {
        3 => {
            let same = |open: &Select| open.objects == objects && open.sequence == sequence;
            if !select.as_ref().is_some_and(same) {
                unused(select.take(), told);
            }
            *select = Some(Select { at: told.now, sequence, objects: objects.to_vec(), accepted: false });
        }
        4 => match select.take() {
            None => told.error("operate-without-select", "an operate without a select before it".into()),
            Some(open) if open.objects != objects => {
                told.error("operate-mismatch", "the operate is not what was selected before it".into());
            }
            Some(open) if open.sequence.wrapping_add(1) & 0x0F != sequence => {
                let text = format!(
                    "the operate has sequence {sequence}, its select {}: it has to be the next",
                    open.sequence
                );
                told.error("operate-sequence", text);
            }
            Some(open) => {
                let after = words::span(told.now.saturating_sub(open.at));
                let accepted = if open.accepted { "" } else { ", though the select was not accepted" };
                told.note("operate", format!("the operate follows its select {after}{accepted}"));
            }
        },
        // A confirm is part of the exchange before.
        0 => {}
        _ => unused(select.take(), told),
    }
}

/// A select that nothing followed.
pub(super) fn unused(select: Option<Select>, told: &mut Told) {
    if let Some(select) = select {
        let after = words::span(told.now.saturating_sub(select.at));
        let why = if select.accepted { "" } else { " (it was not accepted)" };
        told.warn("select-unused", format!("a select{why}, and no operate: something else came {after}"));
    }
}

/// A response to a command: what became of each point.
pub(super) fn response(
    select: &mut Option<Select>,
    function: u8,
    application: &Application<'_>,
    outstation: u16,
    told: &mut Told,
) {
    let mut all = true;
    let mut any = false;
    for block in application.blocks().flatten().filter(|block| matches!(block.group, 12 | 41)) {
        for (what, status) in words::commands(&block) {
            any = true;
            if status == CommandStatus::Success {
                continue;
            }
            all = false;
            let text = format!(
                "outstation {outstation} refuses {} of {what}: {status} ({}), {}",
                words::function(function),
                status.code(),
                words::status(status)
            );
            told.warn("command-refused", text);
        }
    }
    let refused = application.iin.is_some_and(|iin| iin.bits() & 0x0700 != 0);
    if any && all && !refused && application.iin.is_some_and(|iin| iin.contains(Iin::LOCAL_CONTROL)) {
        told.note("command-local", "accepted although outputs are in local".into());
    }
    if function == 3
        && let Some(select) = select
    {
        select.accepted = any && all && !refused;
    }
}
