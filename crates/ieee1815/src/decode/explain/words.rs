//! Requests, responses and codes in plain words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::application::Application;
use super::super::block::{Block, Extent};
use super::super::names;
use super::super::value::FieldValue;
use crate::{CommandStatus, Time};

/// So many of something.
pub(super) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A span of time as a person says it.
pub(super) fn span(time: Time) -> String {
    let ms = time.as_millis();
    match ms {
        0 => "at once".to_string(),
        1..10_000 => format!("after {ms} ms"),
        _ => format!("after {} s", time.as_secs()),
    }
}

/// What a function does, as what a master did.
fn verb(function: u8) -> &'static str {
    match function {
        0 => "confirmed",
        1 => "asked for",
        2 => "wrote",
        3 => "selected",
        4 => "operated",
        5 => "operated directly",
        6 => "operated directly, without an answer,",
        7 | 8 => "froze",
        9 | 10 => "froze and cleared",
        11 | 12 => "told when to freeze",
        13 => "ordered a cold restart",
        14 => "ordered a warm restart",
        15 => "initialized data:",
        16 => "initialized an application:",
        17 => "started an application:",
        18 => "stopped an application:",
        19 => "had the configuration saved",
        20 => "enabled unsolicited responses for",
        21 => "disabled unsolicited responses for",
        22 => "assigned classes:",
        23 => "measured the delay of the line",
        24 => "had the current time recorded",
        25 => "opened a file:",
        26 => "closed a file:",
        27 => "deleted a file:",
        28 => "asked about a file:",
        29 => "authenticated itself for files:",
        30 => "aborted a file transfer:",
        31 => "activated a configuration:",
        32 | 33 => "sent an authentication message:",
        _ => "sent a function that does not exist:",
    }
}

/// A request, as what the master did.
pub(super) fn request(application: &Application<'_>) -> String {
    if let Some(special) = special(application) {
        return special;
    }
    let objects = objects(application);
    let verb = verb(application.function);
    if objects.is_empty() { verb.to_string() } else { format!("{verb} {objects}") }
}

/// Writes that everybody knows by what they are for.
fn special(application: &Application<'_>) -> Option<String> {
    let block = application.blocks().next()?.ok()?;
    let object = block.objects().next()?;
    match (application.function, block.group) {
        (2, 80) if object.index == Some(7) => {
            let set = object.field("state") == Some(FieldValue::State(true));
            Some(
                if set { "set the restart bit, which no master may" } else { "cleared the restart bit" }
                    .to_string(),
            )
        }
        (2, 50) => Some(format!("set the time to {}", object.field("time")?)),
        _ => None,
    }
}

fn objects(application: &Application<'_>) -> String {
    let mut classes = Vec::new();
    let mut others = Vec::new();
    for block in application.blocks() {
        match block {
            Ok(block) if block.group == 60 && (1..=4).contains(&block.variation) => {
                classes.push(block.variation.saturating_sub(1));
            }
            Ok(block) => others.push(named(&block)),
            Err(unreadable) => others.push(format!("something unreadable ({})", unreadable.reason)),
        }
    }
    if !classes.is_empty() {
        others.insert(0, class_list(&classes));
    }
    let more = others.len().saturating_sub(4);
    others.truncate(4);
    if more > 0 {
        others.push(format!("{more} more"));
    }
    others.join(", ")
}

fn class_list(classes: &[u8]) -> String {
    let has = |class| classes.contains(&class);
    match (has(1), has(2), has(3), has(0)) {
        (true, true, true, true) => "everything (class 1 to 3, then class 0)".to_string(),
        (true, true, true, false) => "class 1 to 3".to_string(),
        _ => {
            let each: Vec<String> = classes.iter().map(ToString::to_string).collect();
            format!("class {}", each.join(", "))
        }
    }
}

fn named(block: &Block<'_>) -> String {
    if matches!(block.group, 12 | 41) && block.carries() {
        let each: Vec<String> = commands(block).map(|(text, _)| text).take(4).collect();
        return each.join(", ");
    }
    let what = block.group_name().map_or_else(|| format!("group {}", block.group), str::to_lowercase);
    let which = match block.extent {
        Extent::All => String::new(),
        Extent::StartStop(start, stop) if start == stop => format!(" {start}"),
        Extent::StartStop(start, stop) => format!(" {start} to {stop}"),
        Extent::Count(number) | Extent::Indexed(number) | Extent::Sized(number) => format!(" ({number})"),
    };
    match block.variation {
        0 => format!("{what}{which}"),
        variation => format!("{what}{which} (g{}v{variation})", block.group),
    }
}

/// The commands of a block: what each is about, and its status.
pub(super) fn commands<'a>(block: &Block<'a>) -> impl Iterator<Item = (String, CommandStatus)> + 'a {
    let group = block.group;
    block.objects().filter_map(move |object| {
        let FieldValue::Status(status) = object.field("status")? else { return None };
        let index = object.index.map_or_else(|| "?".to_string(), |index| index.to_string());
        let text = if group == 41 {
            format!("analog output {index} := {}", object.field("value")?)
        } else {
            format!("binary output {index} {}", object.field("control code")?)
        };
        Some((text, status))
    })
}

/// What a response carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) events: u64,
    pub(super) statics: u64,
    pub(super) others: u64,
}

impl Load {
    /// Of a fragment.
    pub(super) fn of(application: &Application<'_>) -> Self {
        let mut load = Self::default();
        for block in application.blocks().flatten() {
            let objects = block.count().unwrap_or(0);
            match block.group {
                2 | 4 | 11 | 13 | 22 | 23 | 32 | 33 | 42 | 43 | 88 | 111 | 113 | 122 => {
                    load.events = load.events.saturating_add(objects);
                }
                0 | 1 | 3 | 10 | 20 | 21 | 30 | 31 | 34 | 40 | 87 | 101 | 102 | 110 | 121 => {
                    load.statics = load.statics.saturating_add(objects);
                }
                _ => load.others = load.others.saturating_add(objects),
            }
        }
        load
    }

    pub(super) fn add(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.statics = self.statics.saturating_add(other.statics);
        self.others = self.others.saturating_add(other.others);
    }

    pub(super) fn words(self) -> String {
        let parts = [(self.events, "event"), (self.statics, "value"), (self.others, "object")];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, one)| count(number, one))
            .collect();
        if parts.is_empty() { "no data".to_string() } else { parts.join(" and ") }
    }
}

/// What a command status means, for whoever sent the command.
pub(super) const fn status(status: CommandStatus) -> &'static str {
    match status {
        CommandStatus::Success => "accepted",
        CommandStatus::Timeout => "the operate came too long after its select",
        CommandStatus::NoSelect => "there was no select that matches",
        CommandStatus::FormatError => "the request is formed wrongly",
        CommandStatus::NotSupported => "there is no such point, or it cannot do that",
        CommandStatus::AlreadyActive => "the point is busy with the same",
        CommandStatus::HardwareError => "the control hardware fails",
        CommandStatus::Local => "the device is switched to local",
        CommandStatus::TooManyOps => "more commands at once than the device takes",
        CommandStatus::NotAuthorized => "this master has no right to it",
        CommandStatus::AutomationInhibit => "an automation in the device forbids it",
        CommandStatus::ProcessingLimited => "the device has no resources for it now",
        CommandStatus::OutOfRange => "the value is out of range",
        CommandStatus::DownstreamLocal => "a device behind this one is switched to local",
        CommandStatus::AlreadyComplete => "it had been done before",
        CommandStatus::Blocked => "an interlock forbids it",
        CommandStatus::Canceled => "it was cancelled",
        CommandStatus::BlockedOtherMaster => "another master has control",
        CommandStatus::DownstreamFail => "a device behind this one fails",
        CommandStatus::NonParticipating => "the device takes no part in it",
        CommandStatus::Undefined => "no reason is given",
        CommandStatus::Other(_) => "a reason that the standard does not name",
    }
}

/// The function by name or number.
pub(super) fn function(code: u8) -> String {
    names::function(code).map_or_else(|| format!("function {code}"), ToString::to_string)
}
