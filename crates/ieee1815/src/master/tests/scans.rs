//! Scans on their beat: nothing piles up, requests go between, what is not answered is asked again.

use super::*;
use crate::master::{Objects, Scan};

const SECOND: Duration = Duration::from_secs(1);

fn scans(config: &mut MasterConfig) {
    let mut events = Scan::classes(Classes::ONE | Classes::TWO, SECOND * 2);
    events.integrity_every = 3;
    config.scans =
        vec![events, Scan::objects(vec![Objects::range(30, 5, 0, 9), Objects::all(10, 0)], SECOND * 3)];
}

const EVENTS_SCAN: [u8; 7] = [1, 60, 2, 6, 60, 3, 6];
const OBJECTS_SCAN: [u8; 9] = [1, 30, 5, 0, 0, 9, 10, 0, 6];

impl Bench {
    /// What is asked next, after which it is answered.
    fn turn(&mut self) -> Option<Vec<u8>> {
        let request = self.sent().into_iter().next()?;
        self.give(&[request[0], 129, 0, 0], &[]);
        Some(request[1..].to_vec())
    }
}

#[test]
fn each_on_its_own_beat_with_an_integrity_poll_now_and_then() {
    let mut bench = Bench::started(scans);
    let mut asked = Vec::new();
    for second in 1..=8 {
        assert!(bench.master.timeout().is_some_and(|due| due > bench.now));
        bench.pass(SECOND);
        while let Some(request) = bench.turn() {
            asked.push((second, request));
        }
    }
    let of = |wanted: &[u8]| -> Vec<u64> {
        asked.iter().filter(|(_, request)| request == wanted).map(|(second, _)| *second).collect()
    };
    assert_eq!(of(&EVENTS_SCAN), [2, 4, 8]);
    assert_eq!(of(&INTEGRITY_0[1..]), [6]);
    assert_eq!(of(&OBJECTS_SCAN), [3, 6]);
    let scanned = |wanted: usize, poll: bool| move |event: &&MasterEvent| matches!(event, MasterEvent::Scanned { scan, integrity, outcome: Outcome::ReadDone } if (*scan, *integrity) == (wanted, poll));
    let events = bench.events();
    assert_eq!(events.iter().filter(scanned(0, true)).count(), 1);
    assert_eq!(events.iter().filter(scanned(0, false)).count(), 3);
    assert_eq!(events.iter().filter(scanned(1, false)).count(), 2);
}

#[test]
fn what_could_not_be_made_in_time_is_left_out() {
    let mut bench = Bench::started(|config| {
        config.scans = vec![Scan::classes(Classes::ONE, SECOND)];
        config.response_timeout = SECOND * 60;
    });
    bench.pass(SECOND);
    assert_eq!(bench.sent().len(), 1);
    bench.pass(SECOND * 10 + SECOND / 2);
    assert_eq!(bench.sent().len(), 0);
    bench.give(&[0xC1, 129, 0, 0], &[]);
    // One run makes up for all; the beat goes on as it began.
    assert_eq!(bench.turn(), Some(vec![1, 60, 2, 6]));
    assert_eq!(bench.turn(), None);
    assert_eq!(bench.master.counters().scans_left_out, 9);
    assert_eq!(bench.master.timeout(), Some(NOW + SECOND * 12));
}

#[test]
fn requests_and_scans_take_turns_and_commands_go_first() {
    let mut bench = Bench::started(|config| {
        config.scans = vec![Scan::classes(Classes::ONE, Duration::ZERO)];
    });
    bench.pass(SECOND);
    for _ in 0..3 {
        bench.ask(Request::Read(Classes::THREE));
    }
    let command = Command::Analog { value: 1.0, width: AnalogWidth::I16 };
    let mut asked = Vec::new();
    for _ in 0..7 {
        bench.now += SECOND;
        let request = bench.turn().unwrap();
        if asked.is_empty() {
            bench.ask(Request::Operate { mode: OperateMode::Direct, index: 0, command });
        }
        asked.push(match request[..] {
            [1, 60, 2, 6] => 's',
            [1, 60, 4, 6] => 'r',
            _ => 'c',
        });
    }
    let order: alloc::string::String = asked.into_iter().collect();
    assert_eq!(order, "srcsrsr");
}

#[test]
fn reads_are_asked_again_and_commands_are_not() {
    let mut bench = Bench::started(|config| (config.read_retries, config.silent_max) = (1, 4));
    let timeout = Duration::from_secs(5);
    bench.read();
    bench.pass(timeout);
    assert_eq!(bench.sent(), [[0xC2, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6]]);
    assert_eq!(bench.events(), []);
    bench.pass(timeout);
    assert_eq!(bench.outcome(), Some(Outcome::TimedOut));
    bench.ask(Request::Restart { cold: true });
    assert_eq!(bench.sent(), [[0xC3, 13]]);
    bench.pass(timeout);
    assert_eq!(bench.outcome(), Some(Outcome::TimedOut));
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
    assert_eq!((bench.master.is_silent(), bench.master.counters().timeouts), (false, 3));
}

#[test]
fn scans_wait_while_a_restart_is_dealt_with() {
    let mut bench = Bench::started(scans);
    bench.pass(SECOND * 2);
    assert_eq!(bench.sent(), [[&[0xC1], &EVENTS_SCAN[..]].concat()]);
    bench.give(&[0xC1, 129, 0x80, 0], &[]);
    assert_eq!(bench.sent(), [vec![0xC2, 2, 80, 1, 0, 7, 7, 0]]);
    bench.pass(SECOND * 2);
    assert_eq!(bench.sent().len(), 0);
    bench.give(&[0xC2, 129, 0, 0], &[]);
    assert_eq!(bench.turn().as_deref(), Some(&INTEGRITY_0[1..]));
    assert_eq!(bench.turn().as_deref(), Some(&OBJECTS_SCAN[..]));
    assert_eq!(bench.turn().as_deref(), Some(&EVENTS_SCAN[..]));
}

#[test]
fn a_scan_that_does_not_fit_a_fragment_is_told_and_does_no_harm() {
    let mut bench = Bench::started(|config| {
        config.scans = vec![Scan::objects(vec![Objects::all(1, 0); 1000], SECOND)];
    });
    bench.pass(SECOND);
    assert_eq!(bench.sent().len(), 0);
    let told = bench.events();
    assert!(
        matches!(told[..], [MasterEvent::Scanned { scan: 0, outcome: Outcome::Invalid(_), .. }]),
        "{told:?}"
    );
    bench.read();
}
