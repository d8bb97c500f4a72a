//! Stories as fragments, and what is said of them.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::decode::Fragment;

const MASTER: u16 = 3;
const OUTSTATION: u16 = 4;

/// A line on which both sides speak, some milliseconds apart.
#[derive(Default)]
struct Line {
    watcher: Watcher,
    now: Duration,
}

impl Line {
    fn fragment(&mut self, from_master: bool, destination: u16, octets: &[u8]) {
        self.now += Duration::from_millis(10);
        let source = if from_master { MASTER } else { OUTSTATION };
        let ends = Ends { source, destination, from_master };
        self.watcher.item(self.now, &Item::Fragment(Fragment { ends, frames: 1, octets: octets.to_vec() }));
    }

    fn ask(mut self, octets: &[u8]) -> Self {
        self.fragment(true, OUTSTATION, octets);
        self
    }

    fn answer(mut self, octets: &[u8]) -> Self {
        self.fragment(false, MASTER, octets);
        self
    }

    fn findings(mut self) -> Vec<Finding> {
        self.watcher.finish(self.now);
        self.watcher.take()
    }

    /// Codes of everything said, in order.
    fn codes(self) -> Vec<&'static str> {
        self.findings().into_iter().map(|finding| finding.code).collect()
    }

    fn text_of(self, code: &str) -> String {
        let findings = self.findings();
        let found = findings.iter().find(|finding| finding.code == code);
        found.unwrap_or_else(|| panic!("no {code} in {findings:?}")).text.clone()
    }
}

fn line() -> Line {
    Line::default()
}

const READ_EVENTS: [u8; 11] = [0xC5, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6];
/// Four binary events, a confirm wanted, sequence 5.
const FOUR_EVENTS: [u8; 16] = [0xE5, 129, 0, 0, 2, 1, 0x17, 4, 0, 1, 1, 0x81, 2, 1, 3, 0x81];
const SELECT: [u8; 9] = [0xC6, 3, 41, 2, 0x17, 1, 7, 0x10, 0];
const OPERATE: [u8; 9] = [0xC7, 4, 41, 2, 0x17, 1, 7, 0x10, 0];

fn command(octets: &[u8], status: u8) -> Vec<u8> {
    [octets, &[status]].concat()
}

/// The response that echoes a command with a status.
fn echo(octets: &[u8], status: u8) -> Vec<u8> {
    [&[octets[0], 129, 0, 0], &octets[2..], &[status]].concat()
}

#[test]
fn events_confirmed() {
    let story = || line().ask(&READ_EVENTS).answer(&FOUR_EVENTS).ask(&[0xC5, 0]);
    assert_eq!(story().codes(), ["exchange", "confirmed"]);
    assert_eq!(
        story().text_of("exchange"),
        "master 3 asked for class 1 to 3; outstation 4 answered after 10 ms with 4 events"
    );
    assert_eq!(
        story().text_of("confirmed"),
        "the master confirmed the response after 10 ms, so the outstation lets go of its 4 events"
    );
}

#[test]
fn events_without_a_confirm_stay() {
    let text = line().ask(&READ_EVENTS).answer(&FOUR_EVENTS).ask(&[0xC6, 23]).text_of("confirm-missing");
    assert_eq!(
        text,
        "the master asked for class 1 to 3; the outstation had 4 events; no confirm came back, so they stay \
         (the master went on)"
    );
    let ends = line().ask(&READ_EVENTS).answer(&FOUR_EVENTS);
    assert_eq!(ends.codes(), ["exchange", "confirm-missing"]);
}

#[test]
fn confirms_that_do_not_count() {
    let wrong = line().ask(&READ_EVENTS).answer(&FOUR_EVENTS).ask(&[0xC9, 0]);
    assert_eq!(wrong.codes(), ["exchange", "confirm-sequence", "confirm-missing"]);
    let twice = line().ask(&READ_EVENTS).answer(&FOUR_EVENTS).ask(&[0xC5, 0]).ask(&[0xC5, 0]);
    assert_eq!(twice.codes(), ["exchange", "confirmed", "confirm-unexpected"]);
    let mut unasked = FOUR_EVENTS;
    unasked[0] = 0xC5;
    assert_eq!(line().ask(&READ_EVENTS).answer(&unasked).codes(), ["exchange", "events-unconfirmed"]);
}

#[test]
fn answers_that_do_not_come_or_do_not_fit() {
    let silent = line().ask(&READ_EVENTS).ask(&READ_EVENTS).ask(&[0xC6, 23]);
    assert_eq!(silent.codes(), ["retry", "no-answer", "capture-ends", "wrong-address"]);
    let sequence = line().ask(&READ_EVENTS).answer(&[0xC6, 129, 0, 0]);
    assert_eq!(sequence.codes(), ["response-sequence", "exchange"]);
    let second = [&[0x65, 129, 0, 0], &FOUR_EVENTS[4..]].concat();
    assert_eq!(line().ask(&READ_EVENTS).answer(&second).codes()[0], "response-fragments");
    let first = [&[0xA5, 129, 0, 0], &FOUR_EVENTS[4..]].concat();
    let last = [&[0x66, 129, 0, 0], &FOUR_EVENTS[4..]].concat();
    let two = line().ask(&READ_EVENTS).answer(&first).ask(&[0xC5, 0]).answer(&last).ask(&[0xC6, 0]);
    assert_eq!(two.codes(), ["confirmed", "exchange", "confirmed"]);
    let cut = line().ask(&READ_EVENTS).answer(&first).ask(&[0xC5, 0]).ask(&[0xC7, 23]);
    assert_eq!(cut.codes(), ["confirmed", "answer-unfinished", "capture-ends"]);
    let again = line().ask(&[0xC1, 13]).answer(&[0xC1, 129, 0, 0]).answer(&[0xC2, 129, 0, 0]);
    assert_eq!(again.codes(), ["exchange", "response-unasked"]);
}

#[test]
fn a_wrong_address_is_seen_beside_a_right_one() {
    let mut line = line().ask(&[0xC1, 23]).answer(&[0xC1, 129, 0, 0]);
    line.fragment(true, 9, &[0xC1, 1, 60, 1, 6]);
    let text = line.text_of("wrong-address");
    assert_eq!(text, "nobody answers at address 9, but there are answers from 4: a wrong address?");
}

#[test]
fn selects_and_operates() {
    let select = command(&SELECT, 0);
    let operate = command(&OPERATE, 0);
    let good = line().ask(&select).answer(&echo(&SELECT, 0)).ask(&operate).answer(&echo(&OPERATE, 0));
    assert_eq!(good.codes(), ["exchange", "operate", "exchange"]);
    let alone = line().ask(&select).answer(&echo(&SELECT, 0)).ask(&READ_EVENTS);
    assert!(alone.codes().contains(&"select-unused"));
    assert_eq!(line().ask(&operate).codes()[0], "operate-without-select");
    let mut other = operate.clone();
    other[7] = 0x11;
    assert_eq!(line().ask(&select).answer(&echo(&SELECT, 0)).ask(&other).codes()[1], "operate-mismatch");
    let mut late = operate.clone();
    late[0] = 0xC8;
    assert_eq!(line().ask(&select).answer(&echo(&SELECT, 0)).ask(&late).codes()[1], "operate-sequence");
    let refused = line().ask(&select).answer(&echo(&SELECT, 4));
    assert_eq!(
        refused.text_of("command-refused"),
        "outstation 4 refuses SELECT of analog output 7 := 16: NOT_SUPPORTED (4), there is no such point, or it \
         cannot do that"
    );
}

#[test]
fn indications_that_change() {
    let empty = |sequence: u8, iin: [u8; 2]| [0xC0 | sequence, 129, iin[0], iin[1]];
    let ask = |sequence: u8| [0xC0 | sequence, 1, 60, 2, 6];
    let cleared = line()
        .ask(&ask(0))
        .answer(&empty(0, [0x90, 0x08]))
        .ask(&[0xC1, 2, 80, 1, 0, 7, 7, 0])
        .answer(&empty(1, [0x10, 0]))
        .ask(&ask(2))
        .answer(&empty(2, [0, 0]));
    assert_eq!(
        cleared.codes(),
        [
            "restart",
            "need-time",
            "overflow",
            "exchange",
            "restart-cleared",
            "overflow-over",
            "exchange",
            "time-set",
            "exchange",
        ]
    );
    let mut forgotten = line();
    for sequence in 0..5 {
        forgotten = forgotten.ask(&ask(sequence)).answer(&empty(sequence, [0x80, 0]));
    }
    let codes = forgotten.codes();
    assert_eq!(codes.iter().filter(|code| **code == "restart-not-cleared").count(), 1, "{codes:?}");
    let refused = line().ask(&[0xC0, 31, 110, 1, 6]).answer(&empty(0, [0, 1]));
    assert_eq!(
        refused.text_of("function-unknown"),
        "outstation 4 refuses ACTIVATE_CONFIG: it does not know the function (IIN2.0)"
    );
}

#[test]
fn unsolicited_responses() {
    let events = [&[0xF2, 130, 0, 0], &FOUR_EVENTS[4..]].concat();
    let good = line().answer(&events).ask(&[0xD2, 0]);
    assert_eq!(good.codes(), ["unsolicited", "confirmed"]);
    let retried = line().answer(&events).answer(&events).answer(&events).ask(&[0xD2, 0]);
    assert_eq!(retried.codes(), ["unsolicited", "unsolicited-retry", "unsolicited-retry", "confirmed"]);
    assert_eq!(
        line().answer(&events).ask(&[0xC2, 0]).codes(),
        ["unsolicited", "confirm-unexpected", "confirm-missing",]
    );
}

#[test]
fn broadcasts_and_what_needs_no_answer() {
    let mut to_all = line();
    to_all.fragment(true, 0xFFFF, &[0xC0, 2, 50, 1, 7, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        to_all.text_of("broadcast"),
        "master 3 set the time to 1970-01-01T00:00:00.000Z, to all (broadcast, confirm optional)"
    );
    let mut control = line();
    control.fragment(true, 0xFFFD, &[0xC0, 6, 41, 2, 0x17, 1, 7, 0x10, 0, 0]);
    assert_eq!(control.codes(), ["broadcast", "broadcast-control"]);
    assert_eq!(line().ask(&[0xC0, 8, 20, 0, 6]).codes(), ["request"]);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let findings = line().ask(&[0xC0, 1, 99, 1, 6]).findings();
    assert_eq!((findings[0].code, findings[0].grade), ("unknown-object", Grade::Error));
    let findings = line().ask(&[0xC0]).findings();
    assert_eq!((findings[0].code, findings[0].grade), ("application-truncated", Grade::Error));
}

#[test]
fn a_hole_in_the_capture_is_not_the_lines_fault() {
    let ends = Ends { source: OUTSTATION, destination: MASTER, from_master: false };
    let orphan = Item::Dropped { ends, octets: 9, reason: Reason::SegmentOrphan };
    let grades = |gap: bool, whole: bool| {
        let mut line = line();
        if gap {
            line.watcher.missing(line.now, 100);
        }
        if whole {
            line = line.ask(&[0xC0, 23]).answer(&[0xC0, 129, 0, 0]);
        }
        line.watcher.item(line.now, &orphan);
        line.findings().last().unwrap().grade
    };
    assert_eq!(grades(false, false), Grade::Error);
    assert_eq!(grades(true, false), Grade::Warning);
    assert_eq!(grades(true, true), Grade::Error);
}

#[test]
fn the_link_layer_speaks_too() {
    let mut flow = [crate::decode::Flow::default(), crate::decode::Flow::default()];
    let mut watcher = Watcher::new();
    let mut show = |side: usize, control: u8, user: &[u8]| {
        let mut octets = Vec::new();
        let (destination, source) = if side == 0 { (4, 3) } else { (3, 4) };
        crate::link::write_frame(&mut octets, control, destination, source, user);
        for item in flow[side].push(&octets) {
            watcher.item(Duration::ZERO, &item);
        }
    };
    show(0, 0xC0, &[]);
    show(1, 0x00, &[]);
    show(0, 0xF3, &[0xC0, 0xC0, 23]);
    show(0, 0xF3, &[0xC0, 0xC0, 23]);
    show(1, 0x01, &[]);
    show(1, 0x0B, &[]);
    show(0, 0xC9, &[]);
    watcher.finish(Duration::ZERO);
    let codes: Vec<_> = watcher.take().into_iter().map(|finding| finding.code).collect();
    assert_eq!(
        codes,
        [
            "link-reset",
            "link-answer",
            "link-no-answer",
            "link-retry",
            "retry",
            "link-nack",
            "link-unasked",
            "link-status",
            "link-no-answer",
            "capture-ends",
        ]
    );
}
