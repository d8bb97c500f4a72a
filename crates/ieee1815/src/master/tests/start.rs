//! The start-up in its order, and what it does with an outstation that does not know or answer a step.

use super::*;
use crate::Iin;
use crate::master::{Fallback, Task};

const DISABLE: [u8; 10] = [21, 60, 2, 6, 60, 3, 6, 60, 4, 6];
const CLEAR: [u8; 7] = [2, 80, 1, 0, 7, 7, 0];
const INTEGRITY: [u8; 13] = [1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6];
const CLASS_0: [u8; 4] = [1, 60, 1, 6];
const ENABLE: [u8; 7] = [20, 60, 2, 6, 60, 3, 6];
const DELAY: Duration = Duration::from_secs(5);

fn whole(config: &mut MasterConfig) {
    config.disable_unsolicited = true;
    config.unsolicited = Classes::ONE | Classes::TWO | Classes::ZERO;
}

impl Bench {
    /// The next request is this one, with this sequence number.
    fn expect(&mut self, sequence: u8, request: &[u8]) {
        assert_eq!(self.sent(), [[&[0xC0 | sequence], request].concat()]);
    }

    fn null(&mut self, sequence: u8, low: u8, high: u8) {
        self.give(&[0xC0 | sequence, 129, low, high], &[]);
    }

    fn fell_back(&mut self) -> Vec<(Task, Fallback, Outcome)> {
        let fell_back = |event| match event {
            MasterEvent::FellBack { task, to, outcome } => Some((task, to, outcome)),
            _ => None,
        };
        self.events().into_iter().filter_map(fell_back).collect()
    }
}

#[test]
fn every_step_in_its_order() {
    let mut bench = Bench::new(whole);
    bench.expect(0, &DISABLE);
    bench.null(0, 0x80, 0);
    bench.expect(1, &CLEAR);
    bench.null(1, 0, 0);
    bench.expect(2, &INTEGRITY);
    bench.give(&[0xE2, 129, 0, 0], &EVENT);
    bench.give(&[0xC2, 129, 0, 0], &STATIC);
    assert_eq!(bench.sent(), [vec![0xC2, 0], [&[0xC3], &ENABLE[..]].concat()]);
    bench.null(3, 0, 0);
    let events = bench.events();
    let of = |wanted: &MasterEvent| events.iter().filter(|event| *event == wanted).count();
    assert_eq!((of(&MasterEvent::Restart), of(&MasterEvent::StartUpDone)), (1, 1));
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
    assert_eq!(bench.master.timeout(), None);
}

#[test]
fn functions_that_are_not_known_are_left_out() {
    let mut bench = Bench::new(whole);
    bench.expect(0, &DISABLE);
    bench.null(0, 0x80, 1);
    assert_eq!(
        bench.fell_back(),
        [(
            Task::DisableUnsolicited,
            Fallback::Skipped,
            Outcome::Refused(Iin::DEVICE_RESTART | Iin::NO_FUNC_CODE_SUPPORT)
        )]
    );
    bench.expect(1, &CLEAR);
    bench.null(1, 0x80, 1);
    bench.expect(2, &INTEGRITY);
    // The bit stays, and that is no news.
    bench.null(2, 0x80, 0);
    bench.expect(3, &ENABLE);
    bench.null(3, 0x80, 1);
    let told: Vec<_> = bench.events();
    assert!(told.contains(&MasterEvent::StartUpDone));
    assert!(!told.contains(&MasterEvent::Restart), "told before");
    let skipped = |task| {
        let is = |event: &&MasterEvent| matches!(event, MasterEvent::FellBack { task: t, to: Fallback::Skipped, .. } if *t == task);
        told.iter().filter(is).count()
    };
    assert_eq!((skipped(Task::ClearRestart), skipped(Task::EnableUnsolicited)), (1, 1));
    // Once it has been away, it is.
    bench.read();
    bench.null(4, 0, 0);
    bench.read();
    bench.null(5, 0x80, 0);
    assert!(bench.events().contains(&MasterEvent::Restart));
    bench.expect(6, &CLEAR);
}

#[test]
fn steps_that_are_not_answered_are_left_out_after_their_tries() {
    // More tries than that, and it would be silent before anything is left out.
    let mut bench = Bench::new(|config| {
        whole(config);
        config.task_tries = 9;
    });
    bench.expect(0, &DISABLE);
    bench.pass(Duration::from_secs(5));
    assert!(matches!(
        bench.events()[..],
        [MasterEvent::StartUpFailed { task: Task::DisableUnsolicited, outcome: Outcome::TimedOut }]
    ));
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
    bench.pass(DELAY);
    bench.expect(1, &DISABLE);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.fell_back(), [(Task::DisableUnsolicited, Fallback::Skipped, Outcome::TimedOut)]);
    bench.expect(2, &INTEGRITY);
    bench.null(2, 0, 0);
    bench.expect(3, &ENABLE);
    bench.pass(Duration::from_secs(5));
    bench.pass(DELAY);
    bench.expect(4, &ENABLE);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.fell_back(), [(Task::EnableUnsolicited, Fallback::Skipped, Outcome::TimedOut)]);
    assert!(!bench.master.is_silent());
    bench.read();
}

#[test]
fn an_outstation_without_event_classes_is_read_by_class_0() {
    let mut bench = Bench::new(|_| {});
    bench.expect(0, &INTEGRITY);
    bench.null(0, 0, 2);
    let refused = Outcome::Refused(Iin::OBJECT_UNKNOWN);
    assert_eq!(bench.fell_back(), [(Task::Integrity, Fallback::ClassZero, refused.clone())]);
    bench.expect(1, &CLASS_0);
    bench.null(1, 0, 2);
    let failed = MasterEvent::StartUpFailed { task: Task::Integrity, outcome: refused };
    assert_eq!(bench.events().last(), Some(&failed));
    bench.pass(DELAY);
    bench.expect(2, &CLASS_0);
    bench.give(&[0xC2, 129, 0, 0], &STATIC);
    assert_eq!(bench.events().last(), Some(&MasterEvent::StartUpDone));
    // A new connection may be to a better one.
    bench.master.connected(bench.now);
    bench.expect(3, &INTEGRITY);
}

#[test]
fn objects_beside_those_refused_are_an_answer() {
    let mut bench = Bench::new(|_| {});
    bench.expect(0, &INTEGRITY);
    bench.give(&[0xC0, 129, 0, 2], &STATIC);
    assert_eq!(bench.events().last(), Some(&MasterEvent::StartUpDone));
}

#[test]
fn a_restart_told_unasked_begins_anew_and_switches_on_again() {
    let mut bench = Bench::new(|config| config.unsolicited = Classes::ONE | Classes::TWO);
    bench.expect(0, &INTEGRITY);
    bench.null(0, 0, 0);
    bench.expect(1, &ENABLE);
    bench.null(1, 0, 0);
    bench.events();
    for again in [false, true] {
        // The second restart's first words are those of the first one.
        bench.give(&[0xF0, 130, 0x80, 0], &[]);
        let sequence = if again { 5 } else { 2 };
        assert_eq!(bench.sent(), [vec![0xD0, 0], [&[0xC0 | sequence], &CLEAR[..]].concat()]);
        assert!(bench.events().contains(&MasterEvent::Restart));
        bench.null(sequence, 0, 0);
        bench.expect(sequence + 1, &INTEGRITY);
        bench.null(sequence + 1, 0, 0);
        assert!(bench.events().contains(&MasterEvent::StartUpDone));
        bench.expect(sequence + 2, &ENABLE);
        bench.null(sequence + 2, 0, 0);
        bench.now += DELAY;
    }
    assert_eq!(bench.master.counters().duplicates, 1);
}

#[test]
fn a_step_that_fails_leaves_requests_alone() {
    let mut bench = Bench::new(|_| {});
    bench.expect(0, &INTEGRITY);
    bench.pass(Duration::from_secs(5));
    let id = bench.read();
    bench.null(1, 0, 0);
    let done = MasterEvent::Done { id, outcome: Outcome::ReadDone };
    assert_eq!(bench.events().last(), Some(&done));
}

#[test]
fn what_found_no_room_is_no_fault_of_the_outstation() {
    let mut bench = Bench::new(|config| {
        whole(config);
        config.event_queue_max = 3;
    });
    bench.give(&[0xF0, 130, 0, 0], &EVENT);
    for sequence in 0..4 {
        assert!(bench.sent().contains(&[&[0xC0 | sequence], &DISABLE[..]].concat()), "{sequence}");
        bench.null(sequence, 0, 0);
        bench.pass(DELAY);
    }
    assert_eq!(bench.fell_back(), []);
}
