//! One master and one outstation: requests and what became of them, events and whether they were confirmed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Told;
use super::commands::{self, Select};
use super::indications::Indications;
use super::link::Link;
use super::words::{self, Load};
use crate::Time;
use crate::decode::application::Application;
use crate::decode::flow::Fragment;
use crate::decode::names;

#[derive(Debug)]
struct Request {
    at: Time,
    sequence: u8,
    function: u8,
    octets: Vec<u8>,
    /// In plain words.
    words: String,
    retries: u32,
    /// The answer so far.
    answer: Option<Answer>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    load: Load,
    fragments: u32,
    sequence: u8,
    done: bool,
}

/// A fragment that awaits its confirm.
#[derive(Debug)]
struct Unconfirmed {
    at: Time,
    sequence: u8,
    load: Load,
    octets: Vec<u8>,
    sent: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    master: u16,
    outstation: u16,
    pub(super) link: Link,
    request: Option<Request>,
    requests: u32,
    responses: u32,
    solicited: Option<Unconfirmed>,
    unsolicited: Option<Unconfirmed>,
    select: Option<Select>,
    indications: Indications,
}

impl Session {
    pub(super) fn new(master: u16, outstation: u16) -> Self {
        Self {
            master,
            outstation,
            link: Link::default(),
            request: None,
            requests: 0,
            responses: 0,
            solicited: None,
            unsolicited: None,
            select: None,
            indications: Indications::default(),
        }
    }

    pub(super) fn has_answered(&self) -> bool {
        self.responses > 0
    }

    pub(super) fn fragment(&mut self, fragment: &Fragment, told: &mut Told) {
        let application = match fragment.application() {
            Ok(application) => application,
            Err(reason) => {
                return told.error(reason.code(), format!("from {}: {reason}", fragment.ends.source));
            }
        };
        if let Some(reason) = application.first_problem() {
            let who = if fragment.ends.from_master { "master" } else { "outstation" };
            let function = words::function(application.function);
            told.error(reason.code(), format!("{function} of {who} {}: {reason}", fragment.ends.source));
        }
        match (fragment.ends.from_master, application.function) {
            (true, 0) => self.confirm(&application, told),
            (true, 1..=0x7F) => self.ask(fragment, &application, told),
            (false, 130) => self.unsolicited(fragment, &application, told),
            (false, 0x80..) => self.answer(fragment, &application, told),
            // The wrong direction has been told.
            _ => {}
        }
    }

    fn ask(&mut self, fragment: &Fragment, application: &Application<'_>, told: &mut Told) {
        let (sequence, now) = (application.control.sequence, told.now);
        if let Some(open) = self.request.as_mut().filter(|open| open.octets == fragment.octets) {
            open.retries = open.retries.saturating_add(1);
            let state = if open.answer.is_some() { "although it was answered" } else { "unanswered so far" };
            let after = words::span(now.saturating_sub(open.at));
            let text = format!(
                "the master sends {} again {after} (sequence {sequence}), {state}",
                words::function(open.function)
            );
            open.at = now;
            open.answer = None;
            return told.warn("retry", text);
        }
        self.close_solicited("the master went on", told);
        self.close_request(told);
        commands::request(&mut self.select, application, told);
        self.requests = self.requests.saturating_add(1);
        let words = words::request(application);
        let broadcast =
            names::special_address(fragment.ends.destination).filter(|_| self.outstation >= 0xFFFD);
        if let Some(broadcast) = broadcast {
            told.note("broadcast", format!("master {} {words}, to all ({broadcast})", self.master));
            if matches!(application.function, 3..=6) {
                told.warn("broadcast-control", "a command to all devices at once".into());
            }
            return;
        }
        if names::is_unanswered(application.function) {
            return told.note("request", format!("master {} {words}; no answer is due", self.master));
        }
        self.request = Some(Request {
            at: now,
            sequence,
            function: application.function,
            octets: fragment.octets.clone(),
            words,
            retries: 0,
            answer: None,
        });
    }

    fn answer(&mut self, fragment: &Fragment, application: &Application<'_>, told: &mut Told) {
        self.responses = self.responses.saturating_add(1);
        let control = application.control;
        let load = Load::of(application);
        let function = self.request.as_ref().map(|request| request.function);
        if let Some(before) = self.solicited.as_mut().filter(|before| before.octets == fragment.octets) {
            before.sent = before.sent.saturating_add(1);
            return told.warn(
                "response-again",
                format!("outstation {} sends the same response again", self.outstation),
            );
        }
        if let Some(iin) = application.iin {
            self.indications.see(iin, function, self.outstation, told);
        }
        let open = self.request.as_mut().filter(|request| request.answer.is_none_or(|answer| !answer.done));
        let Some(request) = open else {
            let text = format!("outstation {} answers, and nobody asked (again)", self.outstation);
            if self.requests == 0 {
                told.note("response-unasked", text);
            } else {
                told.warn("response-unasked", text);
            }
            return self.await_confirm(fragment, application, load, told);
        };
        let expected =
            request.answer.map_or(request.sequence, |answer| answer.sequence.wrapping_add(1) & 0x0F);
        let again = request.answer.is_some_and(|answer| answer.sequence == control.sequence);
        if control.sequence != expected && !again {
            let text = format!(
                "outstation {} answers with sequence {}, expected {expected}: the master will not take it",
                self.outstation, control.sequence
            );
            told.error("response-sequence", text);
        } else if control.fir != request.answer.is_none() && !again {
            let text = if control.fir {
                "a first fragment where the next was due"
            } else {
                "the first fragment is missing"
            };
            told.error("response-fragments", text.into());
        }
        commands::response(&mut self.select, request.function, application, self.outstation, told);
        let mut answer = request.answer.unwrap_or(Answer {
            load: Load::default(),
            fragments: 0,
            sequence: control.sequence,
            done: false,
        });
        answer.load.add(load);
        answer.fragments = answer.fragments.saturating_add(1);
        answer.sequence = control.sequence;
        answer.done = control.fin;
        request.answer = Some(answer);
        if control.fin {
            let after = words::span(told.now.saturating_sub(request.at));
            let fragments = if answer.fragments > 1 {
                format!(" in {} fragments", answer.fragments)
            } else {
                String::new()
            };
            let text = format!(
                "master {} {}; outstation {} answered {after} with {}{fragments}",
                self.master,
                request.words,
                self.outstation,
                answer.load.words()
            );
            told.note("exchange", text);
        }
        self.await_confirm(fragment, application, load, told);
    }

    fn await_confirm(
        &mut self,
        fragment: &Fragment,
        application: &Application<'_>,
        load: Load,
        told: &mut Told,
    ) {
        self.close_solicited("another response followed", told);
        if application.control.con {
            let sequence = application.control.sequence;
            self.solicited =
                Some(Unconfirmed { at: told.now, sequence, load, octets: fragment.octets.clone(), sent: 1 });
        } else if load.events > 0 {
            let text = format!(
                "{} without a request for a confirm: they may be lost unseen",
                words::count(load.events, "event")
            );
            told.error("events-unconfirmed", text);
        }
    }

    fn unsolicited(&mut self, fragment: &Fragment, application: &Application<'_>, told: &mut Told) {
        self.responses = self.responses.saturating_add(1);
        if let Some(iin) = application.iin {
            self.indications.see(iin, None, self.outstation, told);
        }
        let sequence = application.control.sequence;
        if let Some(open) = self.unsolicited.as_mut().filter(|open| open.octets == fragment.octets) {
            open.sent = open.sent.saturating_add(1);
            let text = format!(
                "outstation {} sends its unsolicited response again (sequence {sequence}, {} times now): no confirm came",
                self.outstation, open.sent
            );
            return told.warn("unsolicited-retry", text);
        }
        let load = Load::of(application);
        let what = if application.objects.is_empty() {
            "nothing (it says that it is there)".into()
        } else {
            load.words()
        };
        told.note("unsolicited", format!("outstation {} reports unasked: {what}", self.outstation));
        self.close_unsolicited("another unsolicited response followed", told);
        if application.control.con {
            self.unsolicited =
                Some(Unconfirmed { at: told.now, sequence, load, octets: fragment.octets.clone(), sent: 1 });
        } else {
            told.error("events-unconfirmed", "an unsolicited response that wants no confirm".into());
        }
    }

    fn confirm(&mut self, application: &Application<'_>, told: &mut Told) {
        let control = application.control;
        let (open, kind) = if control.uns {
            (&mut self.unsolicited, "the unsolicited response")
        } else {
            (&mut self.solicited, "the response")
        };
        match open.take() {
            None => {
                let text = format!(
                    "a confirm (sequence {}) where none is due: late, or once too often",
                    control.sequence
                );
                told.warn("confirm-unexpected", text);
            }
            Some(before) if before.sequence != control.sequence => {
                let text = format!(
                    "the confirm has sequence {}, {kind} has {}: it does not count",
                    control.sequence, before.sequence
                );
                *open = Some(before);
                told.error("confirm-sequence", text);
            }
            Some(before) => {
                let after = words::span(told.now.saturating_sub(before.at));
                let gone = match before.load.events {
                    0 => String::new(),
                    1 => ", so the outstation lets go of its event".into(),
                    events => format!(", so the outstation lets go of its {events} events"),
                };
                told.note("confirmed", format!("the master confirmed {kind} {after}{gone}"));
            }
        }
    }

    fn close_request(&mut self, told: &mut Told) {
        let Some(request) = self.request.take() else { return };
        let waited = words::span(told.now.saturating_sub(request.at));
        let tries = if request.retries > 0 {
            format!(" in {} tries", request.retries.saturating_add(1))
        } else {
            String::new()
        };
        match request.answer {
            None => {
                let text = format!(
                    "master {} {}; outstation {} did not answer{tries}, the master went on {waited}",
                    self.master, request.words, self.outstation
                );
                told.warn("no-answer", text);
            }
            Some(answer) if !answer.done => {
                let text = format!(
                    "master {} {}; the answer of outstation {} was never finished ({} so far)",
                    self.master,
                    request.words,
                    self.outstation,
                    answer.load.words()
                );
                told.warn("answer-unfinished", text);
            }
            Some(_) => {}
        }
    }

    fn close_solicited(&mut self, why: &str, told: &mut Told) {
        let Some(open) = self.solicited.take() else { return };
        let asked = self
            .request
            .as_ref()
            .map_or_else(String::new, |request| format!("the master {}; ", request.words));
        told.warn("confirm-missing", format!("{asked}{} ({why})", kept(&open)));
    }

    fn close_unsolicited(&mut self, why: &str, told: &mut Told) {
        let Some(open) = self.unsolicited.take() else { return };
        told.warn("confirm-missing", format!("unsolicited: {} ({why})", kept(&open)));
    }

    pub(super) fn finish(mut self, answering: &[u16], told: &mut Told) {
        self.close_solicited("the capture ends", told);
        self.close_unsolicited("the capture ends", told);
        self.link.finish(self.master, self.outstation, told);
        commands::unused(self.select.take(), told);
        let open = self.request.take().filter(|request| request.answer.is_none_or(|answer| !answer.done));
        if let Some(request) = open {
            let text =
                format!("master {} {}; the capture ends before the answer does", self.master, request.words);
            told.note("capture-ends", text);
        }
        let silent =
            self.requests > 0 && self.responses == 0 && !self.link.answered && self.outstation < 0xFFF0;
        if silent && !answering.is_empty() {
            let others: Vec<String> = answering.iter().map(|one| format!("{one}")).collect();
            let text = format!(
                "nobody answers at address {}, but there are answers from {}: a wrong address?",
                self.outstation,
                others.join(", ")
            );
            told.warn("wrong-address", text);
        } else if silent && self.requests > 1 {
            let text = format!(
                "outstation {} answered none of {} requests: a wrong address, or it is not there",
                self.outstation, self.requests
            );
            told.warn("wrong-address", text);
        }
    }
}

/// What stays because no confirm came.
fn kept(open: &Unconfirmed) -> String {
    match open.load.events {
        0 => "no confirm came back".into(),
        1 => "the outstation had 1 event; no confirm came back, so it stays".into(),
        events => format!("the outstation had {events} events; no confirm came back, so they stay"),
    }
}
