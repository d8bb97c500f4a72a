//! What a complete answer means to who asked for it, and what follows from it.

use core::time::Duration;

use super::event::count;
use super::fragment::Response;
use super::request::Request;
use super::start::refusal;
use super::step::{Doing, Phase, Underway};
use super::{Fallback, Master, MasterEvent, Outcome, Task, echo};
use crate::functions::next_sequence;
use crate::objects::{Direction, parse_headers};
use crate::{Command, CommandStatus, Iin, Time};

impl Master {
    /// The last fragment of a response has come.
    pub(super) fn answered(&mut self, underway: Underway, response: Response<'_>, now: Time) {
        self.sequence = next_sequence(underway.sequence);
        self.events.push_back(MasterEvent::Response {
            iin: response.iin | underway.overflow,
            id: underway.doing.id(),
            response: underway.response,
            unsolicited: false,
        });
        let outcome = self.judge(&underway, response);
        let Underway { doing, phase, sent, .. } = underway;
        match (phase, outcome) {
            (Phase::Select, outcome) if is_success(&outcome) => {
                if now.saturating_sub(sent) > self.config.select_max {
                    self.over(&doing, Outcome::SelectExpired, now);
                } else {
                    self.send(doing, Phase::Operate, 0, now);
                }
            }
            (Phase::RecordTime, Outcome::Accepted) => {
                let millis = self.wall(&doing, sent);
                self.send(doing, Phase::WriteTime { variation: 3, millis }, 0, now);
            }
            (Phase::MeasureDelay, Outcome::Delay(inside)) => {
                // What is left of the way there and back is as long one way as the other.
                let round = now.saturating_sub(sent).saturating_sub(inside);
                let one_way = round.checked_div(2).unwrap_or_default();
                let millis = self.wall(&doing, now.saturating_add(one_way));
                self.send(doing, Phase::WriteTime { variation: 1, millis }, 0, now);
            }
            (_, outcome) => self.over(&doing, outcome, now),
        }
    }

    fn judge(&mut self, underway: &Underway, response: Response<'_>) -> Outcome {
        let refused = refusal(response.iin).map(Outcome::Refused);
        if underway.doing.is_read() {
            // Some classes may be unknown to it as long as the others were answered.
            return refused.filter(|_| !underway.objects).unwrap_or(Outcome::ReadDone);
        }
        if let Some(outcome) = self.judge_command(&underway.doing, response) {
            return outcome;
        }
        if let Some(refused) = refused {
            return refused;
        }
        let request = if let Doing::User { request, .. } = &underway.doing { Some(request) } else { None };
        let wants_delay = underway.phase == Phase::MeasureDelay
            || matches!(request, Some(Request::MeasureDelay | Request::Restart { .. }));
        if wants_delay {
            return match (delay(response.objects), request) {
                (Some(delay), Some(Request::Restart { .. })) => Outcome::Restarting(delay),
                (Some(delay), _) => Outcome::Delay(delay),
                (None, _) => {
                    count(&mut self.counters.not_valid);
                    Outcome::Malformed("no delay in the answer")
                }
            };
        }
        if !response.objects.is_empty() {
            count(&mut self.counters.not_valid);
            return Outcome::Malformed("objects in an answer that has none");
        }
        match (underway.phase, &underway.doing) {
            (Phase::WriteTime { .. }, _) => Outcome::TimeWritten,
            (_, Doing::Task(Task::ClearRestart)) if response.iin.contains(Iin::DEVICE_RESTART) => {
                Outcome::Refused(response.iin)
            }
            _ => Outcome::Accepted,
        }
    }

    /// The statuses in the echo; `None` for what is no command.
    fn judge_command(&mut self, doing: &Doing, response: Response<'_>) -> Option<Outcome> {
        let one: [(u16, Command); 1];
        let (commands, is_one): (&[(u16, Command)], bool) = match doing {
            Doing::User { request: Request::Operate { index, command, .. }, .. } => {
                one = [(*index, *command)];
                (&one, true)
            }
            Doing::User { request: Request::OperateAll { commands, .. }, .. } => (commands, false),
            _ => return None,
        };
        Some(match (echo::compare(commands, response.objects), refusal(response.iin)) {
            (Ok(statuses), _) => match statuses.first() {
                Some(status) if is_one => Outcome::Status(*status),
                _ => Outcome::Statuses(statuses),
            },
            (Err(_), Some(iin)) => Outcome::Refused(iin),
            (Err(why), None) => {
                count(&mut self.counters.echo);
                Outcome::Malformed(why)
            }
        })
    }

    /// Tells who asked.
    pub(super) fn over(&mut self, doing: &Doing, outcome: Outcome, now: Time) {
        match *doing {
            Doing::User { id, .. } => self.done(id, outcome),
            Doing::Scan { scan, integrity } => self.say(MasterEvent::Scanned { scan, integrity, outcome }),
            Doing::Task(task) => self.task_over(task, outcome, now),
        }
    }

    fn task_over(&mut self, task: Task, outcome: Outcome, now: Time) {
        if matches!(outcome, Outcome::ReadDone | Outcome::Accepted | Outcome::TimeWritten) {
            self.start.succeeded(task, now);
            if task == Task::Integrity && self.start.complete() {
                self.scans.start(&self.config.scans, now);
                self.events.push_back(MasterEvent::StartUpDone);
            }
            return;
        }
        let retry = now.saturating_add(self.config.retry_delay);
        match self.start.failed(task, &outcome, retry) {
            Some(to) => {
                self.say(MasterEvent::FellBack { task, to, outcome });
                if to == Fallback::Skipped && task == Task::SyncTime {
                    self.time_asked = Some(now);
                }
            }
            None => self.say(MasterEvent::StartUpFailed { task, outcome }),
        }
    }
}

fn is_success(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Status(status) => *status == CommandStatus::Success,
        Outcome::Statuses(statuses) => statuses.iter().all(|status| *status == CommandStatus::Success),
        _ => false,
    }
}

/// Group 52: one object, in seconds (variation 1) or milliseconds (variation 2), and nothing else.
fn delay(objects: &[u8]) -> Option<Duration> {
    let mut headers = parse_headers(objects, Direction::Response);
    let header = headers.next()?.ok()?;
    if headers.next().is_some() || header.group != 52 {
        return None;
    }
    let &[low, high] = header.data else { return None };
    let number = u16::from_le_bytes([low, high]).into();
    Some(if header.variation == 1 { Duration::from_secs(number) } else { Duration::from_millis(number) })
}
