//! Says in plain words what happened on a line and what is wrong with it.
//!
//! A [`Watcher`] is shown every [`Item`] of both directions with its time, and keeps for each pair of a master and an
//! outstation what a person would keep in mind: what was asked, what awaits its confirm, which select is open, which
//! indications are set. What it has to say are [`Finding`]s: notes tell the story, warnings what somebody should look
//! at, errors what breaks the standard or cannot be read. Time is a parameter; there is no clock in here.
//!
//! Codes stay as they are, so that scripts can count on them:
//!
//! | about | codes |
//! |---|---|
//! | what cannot be read | those of [`Reason`] |
//! | requests and answers | `exchange`, `request`, `retry`, `no-answer`, `answer-unfinished`, `response-again`, `response-unasked`, `response-sequence`, `response-fragments`, `wrong-address` |
//! | events | `confirmed`, `confirm-missing`, `confirm-unexpected`, `confirm-sequence`, `events-unconfirmed`, `unsolicited`, `unsolicited-retry` |
//! | commands | `operate`, `select-unused`, `operate-without-select`, `operate-mismatch`, `operate-sequence`, `command-refused`, `command-local`, `broadcast`, `broadcast-control` |
//! | indications | `restart`, `restart-cleared`, `restart-not-cleared`, `need-time`, `time-set`, `overflow`, `overflow-over`, `local`, `remote`, `trouble`, `config-corrupt`, `broadcast-heard`, `function-unknown`, `object-unknown`, `parameter`, `already-executing` |
//! | the link | `link-reset`, `link-status`, `link-answer`, `link-no-answer`, `link-retry`, `link-nack`, `link-not-supported`, `link-unasked`, `link-busy` |
//! | the capture | `capture-gap`, `capture-ends` |

mod commands;
mod indications;
mod link;
mod session;
mod words;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::flow::{Ends, Item};
use super::reason::Reason;
use crate::Time;
use session::Session;

/// Pairs of addresses that are watched; a line with more is noise.
const SESSIONS_MAX: usize = 4_096;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Part of the story.
    Note,
    /// Somebody should look at it.
    Warning,
    /// Against the standard, or not readable.
    Error,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// When it became clear.
    pub at: Time,
    /// How bad it is.
    pub grade: Grade,
    /// A short name that stays.
    pub code: &'static str,
    /// In plain words.
    pub text: String,
    /// Whom it is about, where that is known.
    pub ends: Option<Ends>,
}

/// Findings as they are made.
#[derive(Debug, Default)]
struct Told {
    now: Time,
    ends: Option<Ends>,
    findings: Vec<Finding>,
    /// Octets are missing in the capture, and nothing whole came since.
    after_gap: bool,
}

impl Told {
    fn say(&mut self, grade: Grade, code: &'static str, text: String) {
        // What follows from a hole in the capture is not the line's fault.
        let grade = if self.after_gap { grade.min(Grade::Warning) } else { grade };
        self.findings.push(Finding { at: self.now, grade, code, text, ends: self.ends });
    }

    fn note(&mut self, code: &'static str, text: String) {
        self.say(Grade::Note, code, text);
    }

    fn warn(&mut self, code: &'static str, text: String) {
        self.say(Grade::Warning, code, text);
    }

    fn error(&mut self, code: &'static str, text: String) {
        self.say(Grade::Error, code, text);
    }
}

/// Watches one line: a connection, or everything between two hosts.
#[derive(Debug, Default)]
pub struct Watcher {
    sessions: BTreeMap<(u16, u16), Session>,
    told: Told,
}

/// How bad it is when something could not be read.
const fn grade(reason: Reason) -> Grade {
    match reason {
        Reason::SegmentRepeated => Grade::Note,
        Reason::Noise | Reason::SegmentSuperseded | Reason::SegmentUnfinished => Grade::Warning,
        _ => Grade::Error,
    }
}

impl Watcher {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows it the next item of either direction; times never go back.
    pub fn item(&mut self, now: Time, item: &Item) {
        self.told.now = self.told.now.max(now);
        match item {
            Item::Skipped { octets, reason } => {
                self.told.ends = None;
                let text = format!("{} octets passed over: {reason}", octets.len());
                self.told.say(grade(*reason), reason.code(), text);
            }
            Item::Frame(frame) => {
                let ends = Ends {
                    source: frame.source,
                    destination: frame.destination,
                    from_master: frame.from_master(),
                };
                self.told.ends = Some(ends);
                if let Some(reason) = frame.problem {
                    let text = format!("a frame from {} to {}: {reason}", ends.source, ends.destination);
                    self.told.say(grade(reason), reason.code(), text);
                } else if let Some((session, told)) = self.session(ends) {
                    session.link.frame(frame, ends, told);
                }
            }
            Item::Fragment(fragment) => {
                if let Some((session, told)) = self.session(fragment.ends) {
                    session.fragment(fragment, told);
                }
                self.told.after_gap = false;
            }
            Item::Dropped { ends, octets, reason } => {
                self.told.ends = Some(*ends);
                let text = format!("{octets} octets of a fragment from {} dropped: {reason}", ends.source);
                self.told.say(grade(*reason), reason.code(), text);
            }
        }
    }

    /// Octets are missing in what was captured before the items to come. What they lead to, up to the next whole
    /// fragment, is no error of the line.
    pub fn missing(&mut self, now: Time, octets: u32) {
        self.told.now = self.told.now.max(now);
        self.told.ends = None;
        self.told.after_gap = true;
        self.told.warn("capture-gap", format!("{octets} octets are not in the capture"));
    }

    /// Nothing more will come: what is open is told.
    pub fn finish(&mut self, now: Time) {
        self.told.now = self.told.now.max(now);
        let sessions = core::mem::take(&mut self.sessions);
        let answering: Vec<u16> =
            sessions.iter().filter(|(_, one)| one.has_answered()).map(|((_, address), _)| *address).collect();
        for ((master, outstation), session) in sessions {
            self.told.ends = Some(Ends { source: master, destination: outstation, from_master: true });
            session.finish(&answering, &mut self.told);
        }
    }

    /// What there is to say since the last time.
    pub fn take(&mut self) -> Vec<Finding> {
        core::mem::take(&mut self.told.findings)
    }

    fn session(&mut self, ends: Ends) -> Option<(&mut Session, &mut Told)> {
        let pair =
            if ends.from_master { (ends.source, ends.destination) } else { (ends.destination, ends.source) };
        if !self.sessions.contains_key(&pair) && self.sessions.len() >= SESSIONS_MAX {
            return None;
        }
        self.told.ends = Some(ends);
        let session = self.sessions.entry(pair).or_insert_with(|| Session::new(pair.0, pair.1));
        Some((session, &mut self.told))
    }
}

#[cfg(test)]
mod tests;
