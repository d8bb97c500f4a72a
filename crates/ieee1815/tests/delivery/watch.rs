//! Reads along at the outstation: which events left in which fragment, and whose confirm came in.

use std::collections::BTreeSet;

use ieee1815::objects::{Direction, parse_headers};
use ieee1815::{Time, Value};

use super::Counts;
use super::world::{CONFIRM_TIMEOUT, EPOCH, Key};

/// The frames of one fragment.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) octets: Vec<u8>,
    pub(crate) fragment: Vec<u8>,
    /// The same for a fragment that is sent again.
    pub(crate) id: u64,
}

impl Unit {
    pub(crate) fn is_confirm(&self) -> bool {
        self.fragment.get(1) == Some(&0)
    }
}

/// A stream of good frames, fragment by fragment.
pub(crate) fn units(mut octets: &[u8]) -> Vec<Unit> {
    let mut found = Vec::new();
    let mut unit = Unit { octets: Vec::new(), fragment: Vec::new(), id: 0 };
    while let Some(&length) = octets.get(2) {
        let user = usize::from(length) - 5;
        let (frame, rest) = octets.split_at(10 + user + 2 * user.div_ceil(16));
        octets = rest;
        unit.octets.extend(frame);
        let body = frame[10..].chunks(18).flat_map(|block| &block[..block.len() - 2]);
        unit.fragment.extend(body.skip(1));
        if frame[10] & 0x80 != 0 {
            found.push(unit);
            unit = Unit { octets: Vec::new(), fragment: Vec::new(), id: 0 };
        }
    }
    assert!(unit.octets.is_empty(), "a fragment without an end");
    found
}

/// A fragment that wants its confirm.
#[derive(Debug)]
struct Awaiting {
    sequence: u8,
    events: Vec<Key>,
    until: Time,
    /// Nothing has come in that might have made the outstation think otherwise.
    certain: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Solicited and unsolicited.
    awaiting: [Option<Awaiting>; 2],
    last: [Vec<u8>; 2],
    ids: [u64; 2],
    next_id: u64,
    pub(crate) confirmed: BTreeSet<Key>,
}

impl Watch {
    pub(crate) fn disconnected(&mut self) {
        self.awaiting = [None, None];
        self.last = [Vec::new(), Vec::new()];
    }

    /// The outstation sends a fragment; its number.
    pub(crate) fn sent(&mut self, fragment: &[u8], now: Time, counts: &Counts) -> u64 {
        let [control, function, _, _, objects @ ..] = fragment else { panic!("{fragment:?}") };
        let unsolicited = usize::from(*function == 130);
        counts.unsolicited.add_if(unsolicited == 1);
        let events = events(objects);
        for event in &events {
            assert!(!self.confirmed.contains(event), "event {event} comes again after its confirm");
        }
        assert!(events.is_empty() || control & 0x20 != 0, "events without a confirm wanted");
        let said = [&[*control, *function], objects].concat();
        if self.last[unsolicited] == said {
            counts.sent_again.add();
        } else {
            self.next_id += 1;
            self.ids[unsolicited] = self.next_id;
            self.last[unsolicited] = said;
        }
        if control & 0x20 != 0 {
            let (sequence, until) = (control & 0x0F, now + CONFIRM_TIMEOUT);
            let until = match &self.awaiting[unsolicited] {
                // An answer from memory does not wait longer.
                Some(held) if unsolicited == 0 && held.sequence == sequence => held.until,
                _ => until,
            };
            self.awaiting[unsolicited] = Some(Awaiting { sequence, events, until, certain: true });
        }
        self.ids[unsolicited]
    }

    /// The outstation was given a fragment (`None`: a damaged one), and so many of its events are gone since.
    pub(crate) fn received(
        &mut self,
        fragment: Option<&[u8]>,
        gone: usize,
        lossless: bool,
        now: Time,
        counts: &Counts,
    ) {
        let Some(&[control, 0]) = fragment else {
            assert_eq!(gone, 0, "only a confirm takes events away");
            for awaiting in self.awaiting.iter_mut().flatten().filter(|_| fragment.is_some()) {
                awaiting.certain = false;
            }
            return;
        };
        let awaiting = &mut self.awaiting[usize::from(control & 0x10 != 0)];
        let matching = awaiting.take_if(|awaiting| awaiting.sequence == control & 0x0F);
        if gone > 0 {
            let matching = matching.expect("events are gone by a confirm that is not theirs");
            assert!(gone == matching.events.len() || !lossless && gone < matching.events.len());
            self.confirmed.extend(matching.events);
            counts.confirms.add();
        } else {
            // It comes too late, or a second time; or it is of a fragment that carried no event.
            counts.confirms_late.add_if(matching.as_ref().is_none_or(|matching| !matching.events.is_empty()));
            let in_time = matching.is_some_and(|matching| {
                matching.certain && now < matching.until && !matching.events.is_empty()
            });
            assert!(!in_time || !lossless, "a good confirm is not taken");
        }
    }
}

fn events(objects: &[u8]) -> Vec<Key> {
    let mut found = Vec::new();
    for header in parse_headers(objects, Direction::Response) {
        let header = header.expect("what is sent can be read");
        if header.point().is_some_and(|(_, event)| event) {
            header.visit(|_, measured| {
                found.push(match (measured.time, measured.value) {
                    (Some(time), _) => time - EPOCH,
                    (None, Value::Analog(value)) => value as Key - 1,
                    (None, value) => panic!("{value:?} without a time"),
                });
            });
        }
    }
    found
}
