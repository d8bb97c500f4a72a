//! The time, by each procedure and its replacement.

use super::*;
use crate::Iin;
use crate::master::{Fallback, Task, TimeProcedure};

const WALL: u64 = 1_700_000_000_000;

fn written(variation: u8, millis: u64) -> Vec<u8> {
    [&[2, 50, variation, 7, 1], millis.to_le_bytes().get(..6).unwrap()].concat()
}

fn source(config: &mut MasterConfig) {
    config.time_sync = true;
}

impl Bench {
    /// Past the start-up, with an outstation that wants the time.
    fn wanted(change: impl FnOnce(&mut MasterConfig)) -> Self {
        let mut bench = Self::started(|config| {
            source(config);
            change(config);
        });
        bench.master.set_wall_clock(WALL, NOW);
        bench.now += Duration::from_secs(1);
        bench.read();
        bench.give(&[0xC1, 129, 0x10, 0], &[]);
        bench
    }

    fn asks(&mut self, sequence: u8, request: &[u8]) {
        assert_eq!(self.sent(), [[&[0xC0 | sequence], request].concat()]);
    }
}

#[test]
fn who_was_not_told_the_time_says_that_it_is_wanted_and_how_often() {
    let mut bench = Bench::started(source);
    for (sequence, told) in [(1, true), (2, false)] {
        bench.read();
        bench.give(&[0xC0 | sequence, 129, 0x10, 0], &[]);
        assert_eq!(bench.events().contains(&MasterEvent::TimeNeeded), told);
    }
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
}

#[test]
fn by_lan_the_time_is_that_of_the_first_message() {
    let mut bench = Bench::wanted(|_| {});
    bench.asks(2, &[24]);
    bench.now += Duration::from_millis(300);
    bench.give(&[0xC2, 129, 0x10, 0], &[]);
    bench.asks(3, &written(3, WALL + 1000));
    bench.give(&[0xC3, 129, 0, 0], &[]);
    assert!(!bench.events().iter().any(|event| matches!(event, MasterEvent::FellBack { .. })));
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
}

#[test]
fn by_a_slow_line_half_of_the_way_is_added() {
    let mut bench = Bench::wanted(|config| config.time_procedure = TimeProcedure::NonLan);
    bench.asks(2, &[23]);
    bench.now += Duration::from_millis(500);
    // 100 ms of it inside the outstation.
    bench.give(&[0xC2, 129, 0x10, 0], &[52, 2, 7, 1, 100, 0]);
    bench.asks(3, &written(1, WALL + 1500 + 200));
}

#[test]
fn what_is_not_known_or_not_answered_falls_back_to_the_end() {
    let mut bench = Bench::wanted(|_| {});
    let mut told = Vec::new();
    let mut fell_back = |bench: &mut Bench| {
        told.extend(bench.events().into_iter().filter_map(|event| match event {
            MasterEvent::FellBack { task: Task::SyncTime, to, outcome } => Some((to, outcome)),
            _ => None,
        }));
    };
    bench.asks(2, &[24]);
    bench.give(&[0xC2, 129, 0x10, 1], &[]);
    bench.asks(3, &[23]);
    fell_back(&mut bench);
    bench.pass(Duration::from_secs(5));
    bench.asks(4, &written(1, WALL + 6000));
    fell_back(&mut bench);
    bench.give(&[0xC4, 129, 0x10, 4], &[]);
    fell_back(&mut bench);
    let iin = |high: u16| Outcome::Refused(Iin::from_bits(0x10 | high));
    assert_eq!(
        told,
        [
            (Fallback::Procedure(TimeProcedure::NonLan), iin(0x100)),
            (Fallback::Procedure(TimeProcedure::Plain), Outcome::TimedOut),
            (Fallback::Skipped, iin(0x400)),
        ]
    );
    // It goes on asking; there is nothing that it would take.
    bench.pass(Duration::from_secs(60));
    bench.read();
    bench.give(&[0xC5, 129, 0x10, 0], &[]);
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
}

#[test]
fn a_user_sets_the_time_by_any_procedure() {
    let mut bench = Bench::started(|_| {});
    for (procedure, first, second) in [
        (TimeProcedure::Lan, vec![24], written(3, WALL)),
        (TimeProcedure::NonLan, vec![23], written(1, WALL + 20)),
        (TimeProcedure::Plain, written(1, WALL), Vec::new()),
    ] {
        bench.ask(Request::SyncTime { procedure, millis: WALL });
        let request = bench.sent().remove(0);
        assert_eq!(request.get(1..), Some(first.as_slice()));
        if !second.is_empty() {
            bench.now += Duration::from_millis(20);
            let delay: &[u8] = if first == [23] { &[52, 2, 7, 1, 20, 0] } else { &[] };
            bench.give(&[request[0], 129, 0, 0], delay);
            assert_eq!(bench.sent().remove(0).get(1..), Some(second.as_slice()));
        }
        let last = (request[0] & 0x0F) + u8::from(!second.is_empty());
        bench.give(&[0xC0 | last, 129, 0, 0], &[]);
        assert_eq!(bench.outcome(), Some(Outcome::TimeWritten));
    }
    bench.ask(Request::SyncTime { procedure: TimeProcedure::Lan, millis: WALL });
    assert_eq!(bench.sent(), [[0xC6, 24]]);
    bench.give(&[0xC6, 129, 0, 1], &[]);
    assert_eq!(bench.outcome(), Some(Outcome::Refused(Iin::NO_FUNC_CODE_SUPPORT)));
}

#[test]
fn one_that_wants_the_time_again_and_again_gets_it_now_and_then() {
    let mut bench = Bench::wanted(|config| config.time_procedure = TimeProcedure::Plain);
    let mut written = 0;
    for sequence in 2..12_u8 {
        // Whatever is asked, it wants the time.
        for request in bench.sent() {
            written += u32::from(request.get(2) == Some(&50));
        }
        bench.give(&[0xC0 | sequence, 129, 0x10, 0], &[]);
        let _ = bench.master.request(Request::Read(Classes::ONE), bench.now);
        bench.pass(Duration::from_secs(1));
    }
    assert!((1..=3).contains(&written), "{written} in ten seconds");
}
