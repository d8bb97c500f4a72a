//! Select, operate, and direct operate.

use super::*;
use crate::AnalogWidth;
use CommandStatus::{NoSelect, NotSupported, OutOfRange, Success, Timeout, TooManyOps};

/// Analog output 1 := 7, 16 bit.
const SEVEN: [u8; 8] = [41, 2, 0x17, 1, 1, 7, 0, 0];
/// Latch on output 2, for 100 ms and 200 ms, by an index of two octets.
const LATCH: [u8; 18] = [12, 1, 0x28, 1, 0, 2, 0, 3, 1, 100, 0, 0, 0, 200, 0, 0, 0, 0];

/// Latches several outputs on.
fn several(indexes: &[u8]) -> Vec<u8> {
    let mut objects = vec![12, 1, 0x17, u8::try_from(indexes.len()).unwrap()];
    for index in indexes {
        objects.extend([*index, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    objects
}

fn bench() -> Bench {
    Bench::new(&[analog_input(1)])
}

#[test]
fn a_command_arrives_whole_and_is_echoed_whole() {
    let mut bench = bench();
    bench.restart_off();
    let answer = bench.one(0xC0, DIRECT, &LATCH);
    assert_eq!(answer, [&[0xC0, 129, 0, 0], &LATCH[..]].concat());
    let crob = Crob { op: 3, count: 1, on_ms: 100, off_ms: 200 };
    assert_eq!(bench.plant.operated, [(0, 2, Command::Crob(crob), OperateMode::Direct)]);
}

#[test]
fn analog_outputs_of_every_width() {
    let cases: [(u8, &[u8], AnalogWidth, f64); 4] = [
        (1, &[0x60, 0x79, 0xFE, 0xFF], AnalogWidth::I32, -100_000.0),
        (2, &[0x18, 0xFC], AnalogWidth::I16, -1_000.0),
        (3, &[0, 0, 0x20, 0xC1], AnalogWidth::F32, -10.0),
        (4, &[0, 0, 0, 0, 0, 0, 0x24, 0xC0], AnalogWidth::F64, -10.0),
    ];
    for (variation, octets, width, value) in cases {
        for header in [&[0x17, 1, 1][..], &[0x28, 1, 0, 1, 0]] {
            let mut bench = bench();
            let objects = [&[41, variation], header, octets, &[0]].concat();
            assert_eq!(bench.objects(0xC0, DIRECT, &objects), objects, "v{variation}");
            let command = Command::Analog { value, width };
            assert_eq!(bench.plant.operated, [(0, 1, command, OperateMode::Direct)], "v{variation}");
        }
    }
}

/// The response repeats the objects of the request; a master takes anything else for a failure.
#[test]
fn a_value_that_is_no_number_is_echoed_as_it_came() {
    let cases: [&[u8]; 4] = [
        &[41, 3, 0x17, 1, 1, 0, 0, 0x80, 0x7F, 0],
        &[41, 3, 0x17, 1, 1, 0, 0, 0x80, 0xFF, 0],
        &[41, 3, 0x17, 1, 1, 0, 0, 0xC0, 0x7F, 0],
        &[41, 4, 0x17, 1, 1, 0, 0, 0, 0, 0, 0, 0xF0, 0x7F, 0],
    ];
    for objects in cases {
        assert_eq!(bench().objects(0xC0, DIRECT, objects), objects);
    }
}

#[test]
fn statuses_of_several_commands_are_apart() {
    let mut bench = bench();
    let answer = bench.one(0xC0, DIRECT, &several(&[1, 50, 2]));
    assert_eq!(statuses(&answer), [Success, NotSupported, Success]);
    assert!(iin(&answer).contains(Iin::PARAMETER_ERROR), "an index that is not there");
    assert_eq!(bench.plant.operated.len(), 3);
    let too_much = [41, 1, 0x17, 1, 1, 0x80, 0x84, 0x1E, 0, 0];
    assert_eq!(statuses(&bench.one(0xC1, DIRECT, &too_much)), [OutOfRange]);
}

#[test]
fn without_an_answer_it_acts_and_is_silent() {
    let mut bench = bench();
    assert!(bench.send(0xC0, DIRECT_NO_ACK, &SEVEN).is_empty());
    assert!(bench.send(0xC0, DIRECT_NO_ACK, &SEVEN).is_empty(), "sent twice");
    let command = Command::Analog { value: 7.0, width: AnalogWidth::I16 };
    assert_eq!(bench.plant.operated, [(0, 1, command, OperateMode::DirectNoAck)], "acts once");
    assert!(bench.send(0xC1, DIRECT_NO_ACK, &[99, 1, 0x17, 1, 1]).is_empty(), "nor when it is wrong");
    assert!(bench.send(0xC2, DIRECT_NO_ACK, &[]).is_empty());
}

#[test]
fn an_operate_does_what_was_selected() {
    let mut bench = bench();
    let both = [&LATCH[..], &SEVEN].concat();
    let selected = bench.one(0xC0, SELECT, &both);
    assert_eq!(selected[4..], both);
    assert_eq!((bench.plant.selected.len(), bench.plant.operated.len()), (2, 0));
    let answer = bench.one(0xC1, OPERATE, &both);
    assert_eq!(answer[4..], both);
    let modes: Vec<_> = bench.plant.operated.iter().map(|operated| (operated.1, operated.3)).collect();
    assert_eq!(modes, [(2, OperateMode::SelectBeforeOperate), (1, OperateMode::SelectBeforeOperate)]);
}

#[test]
fn sequence_numbers_wrap_between_select_and_operate() {
    let mut bench = bench();
    bench.one(0xCF, SELECT, &SEVEN);
    assert_eq!(statuses(&bench.one(0xC0, OPERATE, &SEVEN)), [Success]);
}

#[test]
fn a_repeated_select_is_answered_and_still_holds() {
    let mut bench = bench();
    let answer = bench.one(0xC0, SELECT, &SEVEN);
    assert_eq!(bench.one(0xC0, SELECT, &SEVEN), answer);
    assert_eq!(bench.plant.selected.len(), 1);
    assert_eq!(statuses(&bench.one(0xC1, OPERATE, &SEVEN)), [Success]);
}

#[test]
fn a_repeated_operate_is_answered_and_acts_once() {
    let mut bench = bench();
    bench.one(0xC0, SELECT, &SEVEN);
    let answer = bench.one(0xC1, OPERATE, &SEVEN);
    assert_eq!(bench.one(0xC1, OPERATE, &SEVEN), answer);
    assert_eq!(bench.plant.operated.len(), 1);
    // The same with the next sequence number is another one, and has no select.
    assert_eq!(statuses(&bench.one(0xC2, OPERATE, &SEVEN)), [NoSelect]);
    assert_eq!(bench.plant.operated.len(), 1);
}

#[test]
fn an_operate_without_its_select_does_nothing() {
    let eight = [41, 2, 0x17, 1, 1, 8, 0, 0];
    type Step<'a> = &'a dyn Fn(&mut Bench);
    let cases: [(&str, Step<'_>, u8, &[u8], CommandStatus); 15] = [
        ("no select", &|_| (), 1, &SEVEN, NoSelect),
        ("another value", &|bench| _ = bench.send(0xC0, SELECT, &SEVEN), 1, &eight, NoSelect),
        ("not the next sequence", &|bench| _ = bench.send(0xC0, SELECT, &SEVEN), 2, &SEVEN, NoSelect),
        ("the same sequence", &|bench| _ = bench.send(0xC0, SELECT, &SEVEN), 0, &SEVEN, NoSelect),
        (
            "another qualifier",
            &|bench| _ = bench.send(0xC0, SELECT, &SEVEN),
            1,
            &[41, 2, 0x28, 1, 0, 1, 0, 7, 0, 0],
            NoSelect,
        ),
        (
            "too late",
            &|bench| {
                bench.send(0xC0, SELECT, &SEVEN);
                bench.wait(millis(10_001));
            },
            1,
            &SEVEN,
            Timeout,
        ),
        (
            "a read between",
            &|bench| {
                bench.send(0xC0, SELECT, &SEVEN);
                bench.send(0xC0, READ, &EVENTS);
            },
            1,
            &SEVEN,
            NoSelect,
        ),
        (
            "a write between",
            &|bench| {
                bench.send(0xC0, SELECT, &SEVEN);
                bench.send(0xC0, WRITE, &RESTART_OFF);
            },
            1,
            &SEVEN,
            NoSelect,
        ),
        (
            "a direct operate between",
            &|bench| {
                bench.send(0xC0, SELECT, &SEVEN);
                bench.send(0xC0, DIRECT_NO_ACK, &eight);
                bench.plant.operated.clear();
            },
            1,
            &SEVEN,
            NoSelect,
        ),
        (
            "a wrong select between",
            &|bench| {
                bench.send(0xC0, SELECT, &SEVEN);
                bench.send(0xC0, SELECT, &[99, 1, 0x17, 1, 1]);
            },
            1,
            &SEVEN,
            NoSelect,
        ),
        (
            "a wrong operate between",
            &|bench| {
                bench.send(0xC0, SELECT, &SEVEN);
                bench.send(0xC1, OPERATE, &eight);
            },
            1,
            &SEVEN,
            NoSelect,
        ),
        (
            "an operate between that cannot be read",
            &|bench| {
                bench.send(0xC0, SELECT, &SEVEN);
                bench.send(0xC1, OPERATE, &[41, 2, 0x17, 1, 1, 7]);
            },
            1,
            &SEVEN,
            NoSelect,
        ),
        (
            "another connection",
            &|bench| {
                bench.send(0xC0, SELECT, &SEVEN);
                bench.reconnect();
            },
            1,
            &SEVEN,
            NoSelect,
        ),
        (
            "a select that failed",
            &|bench| _ = bench.send(0xC0, SELECT, &several(&[1, 50])),
            1,
            &several(&[1, 50]),
            NoSelect,
        ),
        (
            "part of what was selected",
            &|bench| _ = bench.send(0xC0, SELECT, &several(&[1, 2])),
            1,
            &several(&[1]),
            NoSelect,
        ),
    ];
    for (name, before, sequence, objects, expected) in cases {
        let mut bench = bench();
        before(&mut bench);
        let answer = bench.one(0xC0 | sequence, OPERATE, objects);
        assert!(statuses(&answer).iter().all(|status| *status == expected), "{name}: {answer:?}");
        assert!(bench.plant.operated.is_empty(), "{name}");
    }
}

#[test]
fn a_select_holds_to_the_end_of_its_time() {
    let mut bench = Bench::with(&[], |session| session.select_timeout = seconds(3));
    bench.one(0xC0, SELECT, &SEVEN);
    bench.wait(seconds(3));
    assert_eq!(statuses(&bench.one(0xC1, OPERATE, &SEVEN)), [Success]);
}

#[test]
fn a_confirm_between_select_and_operate_is_no_request() {
    let mut bench = bench();
    bench.one(0xC0, SELECT, &SEVEN);
    bench.confirm(0);
    bench.confirm_unsolicited(0);
    assert_eq!(statuses(&bench.one(0xC1, OPERATE, &SEVEN)), [Success]);
}

#[test]
fn more_commands_than_are_taken_in_one_request() {
    let mut bench = Bench::with(&[], |session| session.commands_max = 2);
    let answer = bench.one(0xC0, DIRECT, &several(&[1, 2, 3]));
    assert_eq!(statuses(&answer), [Success, Success, TooManyOps]);
    assert_eq!(bench.plant.operated.len(), 2);
    bench.plant.operated.clear();
    assert_eq!(statuses(&bench.one(0xC1, SELECT, &several(&[1, 2, 3])))[2], TooManyOps);
    let answer = bench.one(0xC2, OPERATE, &several(&[1, 2, 3]));
    assert!(statuses(&answer).iter().take(2).all(|status| *status == NoSelect));
    assert!(bench.plant.operated.is_empty(), "not even some of them");
    let two_headers = [several(&[1, 2]), SEVEN.to_vec()].concat();
    assert_eq!(statuses(&bench.one(0xC3, DIRECT, &two_headers)), [Success, Success, TooManyOps]);
}

#[test]
fn a_request_that_is_wrong_somewhere_does_nothing_anywhere() {
    let wrong: [&[u8]; 8] = [
        &[],
        &[41, 2, 0x17, 1, 1, 7, 0],
        &[41, 2, 0x06],
        &[41, 2, 0x00, 1, 1, 7, 0, 0],
        &[41, 2, 0x07, 1, 7, 0, 0],
        &[41, 5, 0x17, 1, 1, 7, 0, 0],
        &[30, 2, 0x17, 1, 1, 1, 0, 0],
        &[99, 1, 0x17, 1, 1],
    ];
    for objects in wrong {
        for function in [SELECT, OPERATE, DIRECT] {
            let mut bench = bench();
            let both = if objects.is_empty() { vec![] } else { [&SEVEN, objects].concat() };
            let answer = bench.one(0xC0, function, &both);
            assert!(iin(&answer).bits() & 0x0600 != 0, "{objects:?}");
            assert_eq!(answer.len(), 4, "{objects:?}");
            assert!(bench.plant.operated.is_empty() && bench.plant.selected.is_empty(), "{objects:?}");
        }
    }
}

#[test]
fn a_group_or_variation_that_is_not_commanded_is_an_unknown_object() {
    let mut bench = bench();
    for objects in [&[99, 1, 0x17, 1, 1][..], &[30, 2, 0x17, 1, 1, 1, 0, 0], &[41, 9, 0x17, 1, 1, 0]] {
        assert!(bench.iin(0xC0, DIRECT, objects).contains(Iin::OBJECT_UNKNOWN), "{objects:?}");
    }
    // Pattern control: known to the standard, not to this outstation.
    let pattern = [&[12, 2, 0x07, 1][..], &[0; 11]].concat();
    assert!(bench.iin(0xC1, DIRECT, &pattern).contains(Iin::OBJECT_UNKNOWN), "pattern control block");
}

#[test]
fn a_command_for_an_index_beyond_all_is_not_supported() {
    let mut bench = bench();
    let far = [12, 1, 0x28, 1, 0, 0xFF, 0xFF, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let answer = bench.one(0xC0, DIRECT, &far);
    assert_eq!((statuses(&answer), &answer[9..11]), (vec![NotSupported], &[0xFF, 0xFF][..]));
}

#[test]
fn the_answer_to_a_command_does_not_wait_for_a_confirm() {
    let mut bench = bench();
    bench.update(PointType::AnalogInput, 1, analog(9.0));
    let answer = bench.one(0xC0, DIRECT, &SEVEN);
    assert_eq!(answer[0], 0xC0);
    assert!(iin(&answer).contains(Iin::CLASS_1), "but tells of events");
}

#[test]
fn a_repeated_select_holds_from_its_repetition() {
    let mut bench = bench();
    bench.one(0xC0, SELECT, &SEVEN);
    bench.wait(seconds(8));
    bench.one(0xC0, SELECT, &SEVEN);
    bench.wait(seconds(8));
    assert_eq!(statuses(&bench.one(0xC1, OPERATE, &SEVEN)), [Success]);
    bench.one(0xC2, SELECT, &several(&[1, 50]));
    bench.one(0xC2, SELECT, &several(&[1, 50]));
    let answer = bench.one(0xC3, OPERATE, &several(&[1, 50]));
    assert_eq!(statuses(&answer), [NoSelect; 2], "one that failed is not made good by its repetition");
    assert_eq!(bench.plant.operated.len(), 1);
}
