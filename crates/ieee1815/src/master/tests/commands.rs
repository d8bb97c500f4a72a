//! Commands: several at once, selects, and answers that are not theirs.

use super::*;
use crate::{CommandStatus, Crob};

const LATCH: Command = Command::Crob(Crob { op: 3, count: 1, on_ms: 100, off_ms: 200 });
const LATCH_OCTETS: [u8; 11] = [3, 1, 100, 0, 0, 0, 200, 0, 0, 0, 0];

const fn short(value: f64) -> Command {
    Command::Analog { value, width: AnalogWidth::I16 }
}

fn three(mode: OperateMode) -> Request {
    let float = Command::Analog { value: 1.5, width: AnalogWidth::F32 };
    let commands = vec![(1, LATCH), (2, short(7.0)), (3, short(-1.0)), (4, float)];
    Request::OperateAll { mode, commands }
}

/// The objects of `three`, with a status each.
fn objects(statuses: [u8; 4]) -> Vec<u8> {
    let [a, b, c, d] = statuses;
    [
        &[12, 1, 0x28, 1, 0, 1, 0][..],
        LATCH_OCTETS.get(..10).unwrap(),
        &[a, 41, 2, 0x28, 2, 0, 2, 0, 7, 0, b, 3, 0, 0xFF, 0xFF, c],
        &[41, 3, 0x28, 1, 0, 4, 0, 0, 0, 0xC0, 0x3F, d],
    ]
    .concat()
}

#[test]
fn several_commands_have_a_status_each() {
    let mut bench = Bench::started(|_| {});
    bench.ask(three(OperateMode::Direct));
    assert_eq!(bench.sent(), [[&[0xC1, 5], &objects([0; 4])[..]].concat()]);
    bench.give(&[0xC1, 129, 0, 0], &objects([0, 7, 12, 0]));
    let statuses =
        vec![CommandStatus::Success, CommandStatus::Local, CommandStatus::OutOfRange, CommandStatus::Success];
    assert_eq!(bench.outcome(), Some(Outcome::Statuses(statuses)));
}

#[test]
fn one_select_refused_leaves_all_unoperated() {
    let mut bench = Bench::started(|_| {});
    bench.ask(three(OperateMode::SelectBeforeOperate));
    assert_eq!(bench.sent(), [[&[0xC1, 3], &objects([0; 4])[..]].concat()]);
    bench.give(&[0xC1, 129, 0, 0], &objects([0, 0, 4, 0]));
    assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
    assert!(matches!(bench.outcome(), Some(Outcome::Statuses(s)) if s[2] == CommandStatus::NotSupported));
    bench.ask(three(OperateMode::SelectBeforeOperate));
    bench.sent();
    bench.give(&[0xC2, 129, 0, 0], &objects([0; 4]));
    assert_eq!(bench.sent(), [[&[0xC3, 4], &objects([0; 4])[..]].concat()]);
    bench.give(&[0xC3, 129, 0, 0], &objects([1, 1, 1, 1]));
    assert_eq!(bench.outcome(), Some(Outcome::Statuses(vec![CommandStatus::Timeout; 4])));
}

#[test]
fn a_select_answered_too_late_is_not_operated() {
    let mut bench = Bench::started(|config| config.select_max = Duration::from_secs(2));
    let request = Request::Operate { mode: OperateMode::SelectBeforeOperate, index: 2, command: short(7.0) };
    let echo = [41, 2, 0x28, 1, 0, 2, 0, 7, 0, 0];
    bench.ask(request.clone());
    bench.sent();
    bench.now += Duration::from_millis(2001);
    bench.give(&[0xC1, 129, 0, 0], &echo);
    assert_eq!((bench.sent().len(), bench.outcome()), (0, Some(Outcome::SelectExpired)));
    bench.ask(request);
    bench.sent();
    bench.now += Duration::from_millis(2000);
    bench.give(&[0xC2, 129, 0, 0], &echo);
    assert_eq!(bench.sent(), [[&[0xC3, 4], &echo[..]].concat()]);
}

#[test]
fn what_differs_in_an_echo_is_named() {
    let good = objects([0; 4]);
    let mut cases = vec![
        (good.get(..good.len() - 1).unwrap().to_vec(), "ends before"),
        ([&good[..], &[0]].concat(), "holds more"),
        (Vec::new(), "ends before"),
    ];
    for (at, named) in
        [(0, "object header"), (3, "object header"), (5, "index"), (7, "value"), (16, "value"), (26, "value")]
    {
        let mut changed = good.clone();
        changed[at] ^= 1;
        cases.push((changed, named));
    }
    for (echo, named) in cases {
        let mut bench = Bench::started(|_| {});
        bench.ask(three(OperateMode::Direct));
        bench.sent();
        bench.give(&[0xC1, 129, 0, 0], &echo);
        let outcome = bench.outcome();
        assert!(
            matches!(outcome, Some(Outcome::Malformed(why)) if why.contains(named)),
            "{named}: {outcome:?}"
        );
        assert_eq!(bench.master.counters().echo, 1);
    }
}

#[test]
fn every_width_and_a_relay_as_they_stand_on_the_wire() {
    for (command, group, octets) in [
        (LATCH, [12, 1], &LATCH_OCTETS[..]),
        (Command::Analog { value: -2.0, width: AnalogWidth::I32 }, [41, 1], &[0xFE, 0xFF, 0xFF, 0xFF, 0]),
        (short(-2.0), [41, 2], &[0xFE, 0xFF, 0]),
        (Command::Analog { value: -2.0, width: AnalogWidth::F32 }, [41, 3], &[0, 0, 0, 0xC0, 0]),
        (Command::Analog { value: -2.0, width: AnalogWidth::F64 }, [41, 4], &[0, 0, 0, 0, 0, 0, 0, 0xC0, 0]),
    ] {
        let mut bench = Bench::started(|_| {});
        bench.ask(Request::Operate { mode: OperateMode::Direct, index: 0x0102, command });
        let echo = [&group[..], &[0x28, 1, 0, 2, 1], octets].concat();
        assert_eq!(bench.sent(), [[&[0xC1, 5], &echo[..]].concat()]);
        bench.give(&[0xC1, 129, 0, 0], &echo);
        assert_eq!(bench.outcome(), Some(Outcome::Status(CommandStatus::Success)));
    }
}

#[test]
fn nothing_and_too_much_are_not_sent() {
    let mut bench = Bench::started(|_| {});
    for commands in [Vec::new(), vec![(0, LATCH); 1000]] {
        bench.ask(Request::OperateAll { mode: OperateMode::Direct, commands });
        assert_eq!(bench.sent().len(), 0);
        assert!(matches!(bench.outcome(), Some(Outcome::Invalid(_))));
    }
}

#[test]
fn without_acknowledgement_nothing_is_awaited() {
    let mut bench = Bench::started(|_| {});
    bench.ask(three(OperateMode::DirectNoAck));
    bench.read_after(&[&[0xC1, 6], &objects([0; 4])[..]].concat());
    assert_eq!(bench.outcome(), Some(Outcome::Sent));
}

#[test]
fn the_same_octets_sixteen_requests_on_are_no_repetition() {
    let mut bench = Bench::started(|_| {});
    for turn in 0..2 {
        bench.read();
        bench.give(&[0xC1, 129, 0, 0], &STATIC);
        assert_eq!(points(&bench.events()), 1, "{turn}");
        for _ in 0..15 {
            bench.ask(three(OperateMode::DirectNoAck));
            bench.events();
        }
        bench.sent();
    }
    assert_eq!(bench.master.counters().duplicates, 0);
}

impl Bench {
    /// The command has left, and the next request follows at once.
    fn read_after(&mut self, command: &[u8]) {
        assert_eq!(self.sent(), [command]);
        self.ask(Request::Read(Classes::ONE));
        assert_eq!(self.sent(), [[0xC2, 1, 60, 2, 6]]);
    }
}
