//! Every other request as it stands on the wire, and what its answer means.

use alloc::boxed::Box;

use super::*;
use crate::Iin;
use crate::channel::Broadcast;
use crate::master::{DeadbandWidth, Objects, Which};

#[test]
fn requests_and_their_answers() {
    let counters = || vec![Objects::all(20, 0), Objects::range(20, 1, 3, 300)];
    let strings = vec![(7, b"abc".to_vec()), (8, vec![1])];
    let cases: Vec<(Request, &[u8], &[u8], Outcome)> = vec![
        (
            Request::AssignClass(vec![(1, Objects::range(30, 0, 2, 4)), (0, Objects::all(1, 0))]),
            &[22, 60, 2, 6, 30, 0, 0, 2, 4, 60, 1, 6, 1, 0, 6],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::Freeze { clear: false, no_ack: false, objects: counters() },
            &[7, 20, 0, 6, 20, 1, 1, 3, 0, 44, 1],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::Freeze { clear: true, no_ack: false, objects: vec![Objects::all(20, 0)] },
            &[9, 20, 0, 6],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::WriteDeadbands { width: DeadbandWidth::U16, deadbands: vec![(1, 5.0), (300, 65_535.0)] },
            &[2, 34, 1, 0x28, 2, 0, 1, 0, 5, 0, 44, 1, 0xFF, 0xFF],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::WriteDeadbands { width: DeadbandWidth::U32, deadbands: vec![(1, 65_536.0)] },
            &[2, 34, 2, 0x28, 1, 0, 1, 0, 0, 0, 1, 0],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::WriteDeadbands { width: DeadbandWidth::F32, deadbands: vec![(1, 1.5)] },
            &[2, 34, 3, 0x28, 1, 0, 1, 0, 0, 0, 0xC0, 0x3F],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::WriteStrings(strings),
            &[2, 110, 3, 0x28, 1, 0, 7, 0, b'a', b'b', b'c', 110, 1, 0x28, 1, 0, 8, 0, 1],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::Unsolicited { enable: true, classes: Classes::ALL },
            &[20, 60, 2, 6, 60, 3, 6, 60, 4, 6],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::Unsolicited { enable: false, classes: Classes::TWO },
            &[21, 60, 3, 6],
            &[],
            Outcome::Accepted,
        ),
        (
            Request::Restart { cold: true },
            &[13],
            &[52, 1, 7, 1, 30, 0],
            Outcome::Restarting(Duration::from_secs(30)),
        ),
        (
            Request::Restart { cold: false },
            &[14],
            &[52, 2, 7, 1, 0x10, 0x27],
            Outcome::Restarting(Duration::from_secs(10)),
        ),
        (Request::MeasureDelay, &[23], &[52, 2, 7, 1, 9, 0], Outcome::Delay(Duration::from_millis(9))),
        (Request::ReadObjects(vec![Objects::all(0, 254)]), &[1, 0, 254, 6], &[], Outcome::ReadDone),
        (
            Request::ReadObjects(vec![
                Objects { group: 2, variation: 0, which: Which::Count(10) },
                Objects { group: 30, variation: 5, which: Which::Indexes(vec![1, 300]) },
            ]),
            &[1, 2, 0, 8, 10, 0, 30, 5, 0x28, 2, 0, 1, 0, 44, 1],
            &[],
            Outcome::ReadDone,
        ),
    ];
    let mut bench = Bench::started(|_| {});
    for (request, sent, answer, outcome) in cases {
        bench.ask(request.clone());
        let fragment = bench.sent().remove(0);
        assert_eq!(fragment.get(1..), Some(sent));
        bench.give(&[fragment[0], 129, 0, 0], answer);
        assert_eq!(bench.outcome(), Some(outcome));
        // And what an outstation says that does not know it.
        bench.ask(request);
        let fragment = bench.sent().remove(0);
        bench.give(&[fragment[0], 129, 0, 1], &[]);
        assert_eq!(bench.outcome(), Some(Outcome::Refused(Iin::NO_FUNC_CODE_SUPPORT)));
    }
}

#[test]
fn a_restart_answered_without_its_delay_is_not_understood() {
    for answer in [&[][..], &[52, 2, 7, 2, 1, 0, 1, 0], &[52, 2, 7, 1, 1, 0, 52, 2, 7, 1, 1, 0], &STATIC] {
        let mut bench = Bench::started(|_| {});
        bench.ask(Request::Restart { cold: false });
        bench.sent();
        bench.give(&[0xC1, 129, 0, 0], answer);
        assert!(matches!(bench.outcome(), Some(Outcome::Malformed(_))), "{answer:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_not_sent() {
    let freeze = |which| Request::Freeze {
        clear: false,
        no_ack: false,
        objects: vec![Objects { group: 20, variation: 0, which }],
    };
    let deadband =
        |deadband| Request::WriteDeadbands { width: DeadbandWidth::U16, deadbands: vec![(0, deadband)] };
    let broadcast = |request| Request::Broadcast { how: Broadcast::NoConfirm, request: Box::new(request) };
    let command = Command::Analog { value: 0.0, width: AnalogWidth::I16 };
    let select = Request::Operate { mode: OperateMode::SelectBeforeOperate, index: 0, command };
    let mut bench = Bench::started(|_| {});
    for request in [
        Request::Read(Classes::NONE),
        Request::ReadObjects(Vec::new()),
        freeze(Which::Range(2, 1)),
        freeze(Which::Indexes(Vec::new())),
        freeze(Which::Count(0)),
        Request::AssignClass(vec![(4, Objects::all(1, 0))]),
        Request::AssignClass(Vec::new()),
        deadband(-1.0),
        deadband(65_536.0),
        deadband(f64::NAN),
        Request::WriteStrings(vec![(0, Vec::new())]),
        Request::WriteStrings(vec![(0, vec![0; 256])]),
        Request::Unsolicited { enable: true, classes: Classes::ZERO },
        broadcast(Request::Read(Classes::ALL)),
        broadcast(select),
        broadcast(broadcast(Request::WriteTime(0))),
    ] {
        bench.ask(request.clone());
        assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
        assert!(matches!(bench.outcome(), Some(Outcome::Invalid(_))), "{request:?}");
    }
}

#[test]
fn freezes_without_an_answer_and_broadcasts_are_sent_and_no_more() {
    let objects = vec![Objects::all(20, 0)];
    let mut bench = Bench::started(|_| {});
    for (clear, function) in [(false, 8), (true, 10)] {
        bench.ask(Request::Freeze { clear, no_ack: true, objects: objects.clone() });
        assert_eq!(bench.sent().remove(0).get(1..), Some(&[function, 20, 0, 6][..]));
        assert_eq!(bench.outcome(), Some(Outcome::Sent));
    }
    for how in [Broadcast::NoConfirm, Broadcast::Confirm, Broadcast::OptionalConfirm] {
        let time = Request::WriteTime(1);
        bench.ask(Request::Broadcast { how, request: Box::new(time) });
        let mut octets = Vec::new();
        bench.master.poll_transmit(&mut octets);
        let mut rest = octets.as_slice();
        assert_eq!(bench.outstation.receive(&mut rest, NOW), Some(Some(how)));
        assert_eq!(bench.outstation.take_fragment().get(1..), Some(&[2, 50, 1, 7, 1, 1, 0, 0, 0, 0, 0][..]));
        assert_eq!(bench.outcome(), Some(Outcome::Sent));
    }
    bench.read();
}

#[test]
fn a_line_that_is_watched_and_one_that_is_confirmed() {
    let mut bench = Bench::started(|config| config.keep_alive = Some(Duration::from_secs(30)));
    let idle = bench.master.timeout().unwrap();
    assert_eq!(idle, NOW + Duration::from_secs(30));
    bench.pass(Duration::from_secs(30));
    bench.sent();
    // It answered at the link: watched on.
    let mut octets = Vec::new();
    bench.outstation.poll_transmit(&mut octets);
    bench.master.receive(&octets, bench.now);
    assert_eq!(bench.master.timeout(), Some(bench.now + Duration::from_secs(30)));
    for _ in 0..4 {
        assert!(!bench.master.is_dead());
        let due = bench.master.timeout().unwrap();
        bench.pass(due - bench.now);
    }
    assert!(bench.master.is_dead());
    let mut bench = Bench::new(|config| config.link_confirm = true);
    let mut fragments = Vec::new();
    for _ in 0..6 {
        fragments.extend(bench.sent());
        let mut octets = Vec::new();
        bench.outstation.poll_transmit(&mut octets);
        bench.master.receive(&octets, bench.now);
    }
    assert_eq!(fragments, [INTEGRITY_0]);
}
