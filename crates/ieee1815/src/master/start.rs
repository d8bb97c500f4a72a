//! What a master has to do of its own accord, in which order, and what it does when that does not work.

use super::{Fallback, MasterConfig, Outcome, Task, TimeProcedure};
use crate::{Classes, Iin, Time};

/// What is due of the master's own tasks.
#[derive(Debug)]
pub(super) struct StartUp {
    disable: bool,
    /// The outstation's restart bit is to be cleared.
    clear: bool,
    integrity: bool,
    time: bool,
    enable: bool,
    /// Nothing before this time.
    not_before: Time,
    /// Tries of the task at hand that failed.
    failed: u32,
    cleared: Option<Time>,
    /// When the last integrity poll was sent.
    polled: Option<Time>,
    /// `StartUpDone` was said.
    pub(super) announced: bool,
    /// The restart bit cannot be cleared: as long as it stays it is no news.
    restart_stays: bool,
    time_given_up: bool,
    /// What an integrity poll reads.
    pub(super) classes: Classes,
    /// How the time is written next.
    pub(super) procedure: TimeProcedure,
    /// Classes to switch on.
    unsolicited: Classes,
    tries: u32,
}

impl StartUp {
    pub(super) fn new(config: &MasterConfig, now: Time) -> Self {
        Self {
            disable: config.disable_unsolicited,
            clear: false,
            integrity: true,
            time: false,
            enable: config.unsolicited.bits() & Classes::EVENTS.bits() != 0,
            not_before: now,
            failed: 0,
            cleared: None,
            polled: None,
            announced: false,
            restart_stays: false,
            time_given_up: false,
            classes: Classes::ALL,
            procedure: config.time_procedure,
            unsolicited: config.unsolicited,
            tries: config.tries(),
        }
    }

    fn first(&self) -> Option<Task> {
        let order = [
            (self.disable, Task::DisableUnsolicited),
            (self.clear, Task::ClearRestart),
            (self.integrity, Task::Integrity),
            (self.time, Task::SyncTime),
            (self.enable, Task::EnableUnsolicited),
        ];
        order.into_iter().find_map(|(due, task)| due.then_some(task))
    }

    /// When the next task is due, if there is one.
    pub(super) fn due(&self) -> Option<Time> {
        self.first().map(|_| self.not_before)
    }

    /// The task to begin now.
    pub(super) fn next(&mut self, now: Time) -> Option<Task> {
        let task = self.first().filter(|_| self.not_before <= now)?;
        if task == Task::Integrity {
            // What is lost from here on makes another one due.
            self.integrity = false;
            self.polled = Some(now);
        }
        Some(task)
    }

    /// The outstation shows its restart bit. True when that is news.
    pub(super) fn restarted(&mut self, now: Time, retry_delay: Time) -> bool {
        if self.clear || self.restart_stays {
            return false;
        }
        self.clear = true;
        self.integrity = true;
        // A restart switches unsolicited responses off.
        self.enable = self.unsolicited.bits() & Classes::EVENTS.bits() != 0;
        self.announced = false;
        self.failed = 0;
        // One that sets the bit over and over gets no more than a clearing per delay.
        if let Some(earliest) = self.cleared.map(|at| at.saturating_add(retry_delay)).filter(|at| *at > now) {
            self.not_before = earliest;
        }
        true
    }

    /// A response without the restart bit.
    pub(super) fn not_restarted(&mut self) {
        self.restart_stays = false;
    }

    /// Events were lost: the statics have to make up for them.
    pub(super) fn overflowed(&mut self, now: Time, retry_delay: Time) {
        self.integrity = true;
        if let Some(earliest) = self.polled.map(|at| at.saturating_add(retry_delay)).filter(|at| *at > now) {
            self.not_before = self.not_before.max(earliest);
        }
    }

    /// The outstation wants the time and it is known. False where it cannot be given.
    pub(super) fn time_wanted(&mut self) {
        self.time |= !self.time_given_up;
    }

    /// A task has done what it should.
    pub(super) fn succeeded(&mut self, task: Task, now: Time) {
        self.failed = 0;
        match task {
            Task::DisableUnsolicited => self.disable = false,
            Task::ClearRestart => (self.clear, self.cleared) = (false, Some(now)),
            Task::Integrity => {}
            Task::SyncTime => self.time = false,
            Task::EnableUnsolicited => self.enable = false,
        }
    }

    /// A task has failed. What is done instead; nothing where it is tried again after the delay.
    pub(super) fn failed(&mut self, task: Task, outcome: &Outcome, retry: Time) -> Option<Fallback> {
        let refused = match outcome {
            Outcome::Refused(iin) => refusal(*iin).is_some(),
            _ => false,
        };
        // Our own fault says nothing of the outstation.
        if !matches!(outcome, Outcome::Overloaded | Outcome::NotSent) {
            self.failed = self.failed.saturating_add(1);
        }
        let over = refused || self.failed >= self.tries;
        let fallback = match task {
            Task::Integrity => {
                self.integrity = true;
                let narrower = refused && self.classes != Classes::ZERO;
                narrower.then_some(Fallback::ClassZero)
            }
            Task::SyncTime if self.failed == 0 => None,
            Task::SyncTime => match self.procedure {
                TimeProcedure::Lan => Some(Fallback::Procedure(TimeProcedure::NonLan)),
                TimeProcedure::NonLan => Some(Fallback::Procedure(TimeProcedure::Plain)),
                TimeProcedure::Plain => Some(Fallback::Skipped),
            },
            _ => over.then_some(Fallback::Skipped),
        };
        match fallback {
            None => {
                self.not_before = retry;
                return None;
            }
            Some(Fallback::ClassZero) => self.classes = Classes::ZERO,
            Some(Fallback::Procedure(procedure)) => self.procedure = procedure,
            Some(Fallback::Skipped) => match task {
                Task::DisableUnsolicited => self.disable = false,
                Task::ClearRestart => (self.clear, self.restart_stays) = (false, true),
                Task::Integrity => {}
                Task::SyncTime => (self.time, self.time_given_up) = (false, true),
                Task::EnableUnsolicited => self.enable = false,
            },
        }
        self.failed = 0;
        fallback
    }

    /// After an integrity poll: true when the start-up is complete and that is news.
    pub(super) fn complete(&mut self) -> bool {
        let complete = !self.clear && !self.integrity && !self.announced;
        self.announced |= complete;
        complete
    }
}

/// The indications, when they say that the request was not understood.
pub(super) fn refusal(iin: Iin) -> Option<Iin> {
    let any = [Iin::NO_FUNC_CODE_SUPPORT, Iin::OBJECT_UNKNOWN, Iin::PARAMETER_ERROR]
        .into_iter()
        .any(|bit| iin.contains(bit));
    any.then_some(iin)
}
