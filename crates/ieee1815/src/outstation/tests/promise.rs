//! The delivery promise against a master that loses, delays and mistakes: each event comes at least once and in
//! order, and never again once its confirm was received; the class bits tell exactly what still waits.
//!
//! The master here is a list of what it was told; each event is known by its time.

use alloc::collections::BTreeSet;

use super::*;
use PointType::AnalogInput;

struct Dice(u32);

impl Dice {
    fn below(&mut self, sides: u8) -> u8 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0.to_be_bytes()[0] % sides
    }
}

/// What happened in all runs together, so that none of it goes missing unnoticed.
#[derive(Debug, Default)]
struct Seen {
    confirmed: usize,
    again: usize,
    fragments: usize,
    unsolicited: usize,
    deferred: u64,
    lost: usize,
    broadcasts: usize,
}

struct Run {
    bench: Bench,
    dice: Dice,
    /// Times of the events that happened and were not forgotten, oldest first, by class less one.
    waiting: [Vec<u64>; 2],
    next: u64,
    told: BTreeSet<u64>,
    gone: BTreeSet<u64>,
    /// Control octet and events of the last fragment of each kind: solicited, unsolicited.
    last: [Option<(u8, Vec<u64>)>; 2],
    /// Whether it got lost: then it is not confirmed.
    lost: [bool; 2],
    /// Requests that were answered from memory.
    duplicates: u64,
    /// A broadcast demands a confirm, which has not come.
    owed: bool,
    /// Fragments of each kind that told of it.
    told_of_it: [bool; 2],
    sequence: u8,
}

impl Run {
    fn new(seed: u32, events_max: usize) -> Self {
        let points = [1, 2].map(|class| PointConfig { class, ..point(AnalogInput, class.into(), 2, 4) });
        let mut dice = Dice(seed);
        let unsolicited = dice.below(3) > 0;
        let enabled = if dice.below(2) == 0 { Classes::ONE } else { Classes::EVENTS };
        let bench = Bench::with(&points, |session| {
            session.max_tx_fragment = 300;
            session.events_max = events_max;
            session.unsolicited =
                unsolicited.then(|| UnsolicitedConfig { enabled, retries: 1, rest: seconds(20) });
        });
        Self {
            bench,
            dice,
            waiting: [vec![], vec![]],
            next: 1,
            told: BTreeSet::new(),
            gone: BTreeSet::new(),
            last: [None, None],
            lost: [false; 2],
            duplicates: 0,
            owed: false,
            told_of_it: [false; 2],
            sequence: 0,
        }
    }

    fn event(&mut self) {
        let class = self.dice.below(2);
        let value = Value::Analog(u32::try_from(self.next).unwrap().into());
        let measured = Measured { value, flags: Some(Flags::ONLINE), time: Some(self.next) };
        self.bench.update(AnalogInput, u16::from(class) + 1, measured);
        self.waiting[usize::from(class)].push(self.next);
        self.next += 1;
    }

    /// Looks at what came; it may get lost on its way to the master.
    fn take(&mut self, fragments: Vec<Vec<u8>>, seen: &mut Seen) {
        let duplicates = self.bench.counters().duplicates;
        for fragment in fragments {
            seen.fragments += 1;
            let unsolicited = fragment[1] == UNSOLICITED;
            seen.unsolicited += usize::from(unsolicited);
            let events: Vec<u64> =
                measured(&fragment).iter().filter_map(|(_, measured)| measured.time).collect();
            for time in &events {
                assert!(!self.gone.contains(time), "event {time} was confirmed, and came again");
                seen.again += usize::from(self.told.contains(time));
            }
            // What is sent again from memory tells what was true then.
            let repeated = !unsolicited && duplicates > self.duplicates;
            if !repeated {
                assert_eq!(iin(&fragment).contains(Iin::BROADCAST), self.owed, "{fragment:?}");
                assert!(!self.owed || fragment[0] & 0x20 != 0, "with a confirm: {fragment:?}");
                self.told_of_it[usize::from(unsolicited)] = self.owed;
            }
            for class in [0, 1] {
                if repeated {
                    continue;
                }
                let of_class = |time: &&u64| self.waiting[class].contains(time);
                let mine: Vec<u64> = events.iter().filter(of_class).copied().collect();
                assert!(mine.is_sorted(), "events of a class in their order: {mine:?}");
                let held = if unsolicited { None } else { self.held(1) };
                let rest = self.waiting[class]
                    .iter()
                    .any(|time| !events.contains(time) && !held.is_some_and(|held| held.contains(time)));
                let bit = if class == 0 { Iin::CLASS_1 } else { Iin::CLASS_2 };
                assert_eq!(iin(&fragment).contains(bit), rest, "class {} of {fragment:?}", class + 1);
            }
            self.last[usize::from(unsolicited)] = Some((fragment[0], events.clone()));
            self.lost[usize::from(unsolicited)] = self.dice.below(5) == 0;
            if self.lost[usize::from(unsolicited)] {
                seen.lost += 1;
            } else {
                self.told.extend(events);
            }
        }
        self.duplicates = duplicates;
    }

    /// What the last unsolicited response carries, where it may still await its confirm.
    fn held(&self, kind: usize) -> Option<&Vec<u64>> {
        self.last[kind].as_ref().map(|(_, events)| events)
    }

    /// Confirms the last fragment of a kind, or something near it.
    fn confirm(&mut self, unsolicited: bool, seen: &mut Seen) {
        let Some((control, events)) = self.last[usize::from(unsolicited)].clone() else { return };
        if self.lost[usize::from(unsolicited)] {
            return;
        }
        let wrong = self.dice.below(5) == 0;
        let sequence = control.wrapping_add(u8::from(wrong)) & 0x0F;
        let uns = if unsolicited { 0x10 } else { 0 };
        let (before, unexpected) = (self.bench.waiting(), self.bench.counters().unexpected_confirms);
        let next = self.bench.send(0xC0 | uns | sequence, 0, &[]);
        let left = before - self.bench.waiting();
        if unexpected == self.bench.counters().unexpected_confirms {
            self.owed &= !self.told_of_it[usize::from(unsolicited)];
        }
        if left > 0 {
            assert!(!wrong, "a wrong confirm took {left} events");
            assert_eq!(left, events.len(), "a confirm takes what its fragment carried");
            seen.confirmed += left;
            for time in events {
                self.waiting.iter_mut().for_each(|waiting| waiting.retain(|other| *other != time));
                self.gone.insert(time);
            }
        }
        if !wrong {
            self.last[usize::from(unsolicited)] = None;
        }
        self.take(next, seen);
    }

    fn step(&mut self, seen: &mut Seen) {
        match self.dice.below(12) {
            0..=3 => self.event(),
            4 | 5 => {
                let of_both: &[u8] = if self.dice.below(2) == 0 { &EVENTS } else { &[60, 2, 6] };
                // Sometimes the same request again.
                self.sequence = (self.sequence + u8::from(self.dice.below(4) > 0)) & 0x0F;
                let answer = self.bench.send(0xC0 | self.sequence, READ, of_both);
                self.take(answer, seen);
            }
            6 | 7 => self.confirm(false, seen),
            8 | 9 => self.confirm(true, seen),
            10 => {
                let time = [0, 300, 5_000, 21_000][usize::from(self.dice.below(4))];
                if time >= 5_000 {
                    // Whatever was under way is given up.
                    self.last = [None, None];
                }
                let due = self.bench.wait(millis(time));
                self.take(due, seen);
            }
            11 if self.dice.below(4) == 0 => {
                // What is due goes before it.
                let due = self.bench.turn();
                self.take(due, seen);
                let sent = self.bench.broadcast(Broadcast::Confirm, 0xC0, WRITE, &RESTART_OFF);
                (self.owed, self.told_of_it) = (true, [false; 2]);
                self.take(sent, seen);
                seen.broadcasts += 1;
            }
            _ => {
                if self.dice.below(3) == 0 {
                    self.bench.reconnect();
                    self.last = [None, None];
                } else {
                    self.sequence = (self.sequence + 1) & 0x0F;
                    // A request other than a read ends the wait for a solicited confirm.
                    self.last[0] = None;
                    let answer = self.bench.send(0xC0 | self.sequence, DELAY_MEASURE, &[]);
                    self.take(answer, seen);
                }
            }
        }
    }

    /// A good master at last: everything is fetched.
    fn drain(&mut self, seen: &mut Seen) {
        self.bench.reconnect();
        self.last = [None, None];
        for _ in 0..200 {
            if self.bench.waiting() == 0 {
                break;
            }
            self.sequence = (self.sequence + 1) & 0x0F;
            let mut came = self.bench.turn();
            came.extend(self.bench.send(0xC0 | self.sequence, READ, &EVENTS));
            while !came.is_empty() {
                let mut next = Vec::new();
                for fragment in came {
                    self.told.extend(measured(&fragment).iter().filter_map(|(_, measured)| measured.time));
                    let uns = fragment[0] & 0x10;
                    if fragment[0] & 0x20 != 0 {
                        next.extend(self.bench.send(0xC0 | uns | fragment[0] & 0x0F, 0, &[]));
                    }
                }
                came = next;
            }
        }
        assert_eq!(self.bench.waiting(), 0, "a good master gets everything");
        seen.deferred += self.bench.counters().reads_deferred;
    }
}

#[test]
fn each_event_at_least_once_and_never_after_its_confirm() {
    let mut seen = Seen::default();
    for seed in 0..800 {
        let mut run = Run::new(seed, 1_000);
        for _ in 0..120 {
            run.step(&mut seen);
        }
        run.drain(&mut seen);
        let missing: Vec<_> = (1..run.next).filter(|time| !run.told.contains(time)).collect();
        assert!(missing.is_empty(), "seed {seed}: {missing:?}");
        assert_eq!(run.bench.counters().events_lost, 0);
    }
    assert!(seen.confirmed > 5_000 && seen.again > 5_000 && seen.unsolicited > 1_000, "{seen:?}");
    assert!(seen.deferred > 1_000 && seen.lost > 1_000 && seen.broadcasts > 1_000, "{seen:?}");
}

/// Mode latest: whatever got lost, in the end the master knows what each point is.
#[test]
fn the_latest_of_each_point_gets_there_in_the_end() {
    let (mut twice, mut again) = (0, 0);
    for seed in 0..800 {
        let mut dice = Dice(seed);
        let points = [1, 2, 3].map(|index| point(AnalogInput, index, 2, 2));
        let mut bench = Bench::new(&points);
        let (mut now, mut known, mut step) = ([0.0; 4], [0.0; 4], 0.0);
        let (mut last, mut before): (Option<Vec<u8>>, _) = (None, vec![]);
        for _ in 0..100 {
            match dice.below(8) {
                0..=3 => {
                    let index = 1 + u16::from(dice.below(3));
                    step += 1.0;
                    now[usize::from(index)] = step;
                    bench.update(AnalogInput, index, analog(step));
                }
                4 | 5 => {
                    let answer = bench.one(0xC0 | dice.below(16), READ, &EVENTS);
                    for (index, value) in values(&answer) {
                        again += usize::from(known[index as usize] == value);
                        // What is sent again from memory tells what was true then.
                        if before != answer {
                            assert_eq!(
                                value, now[index as usize],
                                "seed {seed}: what is true when it is sent"
                            );
                        }
                        // It may get lost.
                        if dice.below(4) > 0 {
                            known[index as usize] = value;
                        }
                    }
                    before.clone_from(&answer);
                    last = Some(answer);
                }
                6 => {
                    // A good master confirms what it took; one that lost some does not.
                    if let Some(answer) = last.take()
                        && values(&answer).iter().all(|(index, value)| known[*index as usize] == *value)
                    {
                        bench.confirm(answer[0] & 0x0F);
                    }
                }
                _ => {
                    bench.wait(seconds(u64::from(dice.below(2)) * 5));
                }
            }
            twice = twice.max(bench.waiting());
            assert!(bench.waiting() <= 6, "seed {seed}: one that waits and one under way for each point");
        }
        for sequence in 0..3 {
            let answer = bench.one(0xC0 | sequence, READ, &EVENTS);
            values(&answer).iter().for_each(|(index, value)| known[*index as usize] = *value);
            bench.confirm(sequence);
        }
        assert_eq!((known, bench.waiting()), (now, 0), "seed {seed}");
    }
    assert!(twice > 3 && again > 1_000, "{twice} {again}");
}

/// A buffer too small: never more than its size, nothing missing that was not counted as lost, and the indication
/// from the loss until the confirm of an answer that told it.
#[test]
fn an_overflow_is_told_from_the_loss_until_the_confirm_of_that() {
    let (mut told, mut silent) = (0, 0);
    for seed in 0..800 {
        let mut dice = Dice(seed);
        let mut bench = Bench::with(&[analog_input(1)], |session| session.events_max = 5);
        let (mut step, mut gone) = (0_u32, 0);
        // Whether the master is owed the news; the answer that awaits its confirm, and what was lost before it.
        let (mut owed, mut last): (bool, Option<(u8, u64)>) = (false, None);
        let (mut lost, mut sequence) = (0, 0);
        for _ in 0..100 {
            match dice.below(8) {
                0..=3 => {
                    step += 1;
                    bench.update(AnalogInput, 1, analog(step.into()));
                }
                4 | 5 => {
                    sequence = (sequence + 1) & 0x0F;
                    let answer = bench.one(0xC0 | sequence, READ, &EVENTS);
                    assert_eq!(iin(&answer).contains(Iin::EVENT_BUFFER_OVERFLOW), owed, "seed {seed}");
                    told += u32::from(owed);
                    silent += u32::from(!owed);
                    last = (answer[0] & 0x20 != 0).then_some((sequence, lost));
                }
                6 => {
                    if let Some((sequence, lost_then)) = last.take() {
                        let before = bench.waiting();
                        bench.confirm(sequence);
                        gone += before - bench.waiting();
                        owed &= lost_then != lost;
                    }
                }
                _ => {
                    if dice.below(3) == 0 {
                        bench.wait(seconds(5));
                        last = None;
                    }
                }
            }
            let now = bench.counters().events_lost;
            owed |= now > lost;
            lost = now;
            assert!(bench.waiting() <= 5);
            assert_eq!(
                u64::from(step),
                gone as u64 + lost + bench.waiting() as u64,
                "seed {seed}: each is accounted for"
            );
        }
    }
    assert!(told > 2_000 && silent > 2_000, "{told} {silent}");
}
