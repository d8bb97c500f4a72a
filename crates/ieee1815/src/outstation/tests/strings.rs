//! Octet strings: groups 110 and 111.

use super::*;
use PointType::{AnalogInput, OctetString};

fn string(index: u16) -> PointConfig {
    PointConfig { class: 1, ..PointConfig::new(OctetString, index) }
}

#[test]
fn the_shortest_and_the_longest() {
    for length in [1_u8, 2, 254, 255] {
        let octets = vec![0x5A; length.into()];
        let mut bench = Bench::new(&[string(3)]);
        bench.outstation.update_octets(3, &octets);
        let expected = [&[110, length, 0x01, 3, 0, 3, 0], &octets[..]].concat();
        assert_eq!(bench.objects(0xC0, READ, &CLASS_0), expected, "{length}");
        assert_eq!(bench.objects(0xC1, READ, &[110, 0, 6]), expected, "{length}");
        assert_eq!(bench.objects(0xC2, READ, &[110, 0, 0, 3, 3]), expected, "{length}");
        let expected = [&[111, length, 0x28, 1, 0, 3, 0], &octets[..]].concat();
        for (sequence, objects) in [(3, &[60, 2, 6]), (4, &[111, 0, 6])] {
            let answer = bench.one(0xC0 | sequence, READ, objects);
            assert_eq!((answer[0] & 0x20, &answer[4..]), (0x20, &expected[..]), "{length}");
        }
    }
}

#[test]
fn several_strings_and_the_gaps_between_them() {
    let mut bench = Bench::new(&[0, 1, 2, 4].map(string));
    for (index, octets) in [(0, "ab"), (1, "cd"), (2, "efg"), (4, "hij")] {
        bench.outstation.update_octets(index, octets.as_bytes());
    }
    let answer = bench.objects(0xC0, READ, &CLASS_0);
    let mut found = Vec::new();
    for header in parse_headers(&answer, Direction::Response) {
        found.extend(header.unwrap().strings().map(|(index, octets)| (index, octets.to_vec())));
    }
    assert_eq!(found, [(0, b"ab".to_vec()), (1, b"cd".to_vec()), (2, b"efg".to_vec()), (4, b"hij".to_vec())]);
    let expected = [
        &[111, 2, 0x28, 2, 0, 0, 0, b'a', b'b', 1, 0, b'c', b'd'][..],
        &[111, 3, 0x28, 2, 0, 2, 0, b'e', b'f', b'g', 4, 0, b'h', b'i', b'j'],
    ];
    assert_eq!(bench.objects(0xC1, READ, &[60, 2, 6]), expected.concat());
}

#[test]
fn a_change_is_an_event_and_the_same_octets_are_none() {
    let mut bench = Bench::new(&[string(3)]);
    bench.outstation.update_octets(3, b"one");
    bench.outstation.update_octets(3, b"one");
    bench.outstation.update_octets(3, b"two");
    assert_eq!(bench.waiting(), 1, "the latest only");
    assert_eq!(bench.objects(0xC0, READ, &[60, 2, 6])[7..], *b"two");
    bench.confirm(0);
    bench.outstation.update_octets(3, b"two");
    assert_eq!(bench.waiting(), 0);
}

#[test]
fn what_is_longer_than_255_octets_is_cut() {
    let mut bench = Bench::new(&[string(3)]);
    bench.outstation.update_octets(3, &[7; 300]);
    let answer = bench.objects(0xC0, READ, &CLASS_0);
    assert_eq!((answer[1], answer.len()), (255, 7 + 255));
}

#[test]
fn an_empty_string_is_not_reported() {
    let mut bench = Bench::new(&[string(3), analog_input(1)]);
    assert_eq!(bench.objects(0xC0, READ, &[110, 0, 6]), []);
    bench.outstation.update_octets(3, b"gone");
    bench.outstation.update_octets(3, b"");
    bench.update(AnalogInput, 1, analog(1.0));
    assert_eq!(bench.objects(0xC1, READ, &[110, 0, 6]), []);
    let answer = bench.one(0xC2, READ, &EVENTS);
    assert_eq!(values(&answer), [(1, 1.0)], "the events of others get past it");
}

/// An event that cannot be sent must not be told for ever (IIN1.1 means that there is something to fetch).
#[test]
fn an_empty_string_leaves_no_event_behind() {
    let mut bench = Bench::new(&[string(3)]);
    bench.outstation.update_octets(3, b"gone");
    bench.outstation.update_octets(3, b"");
    assert!(!bench.iin(0xC5, DELAY_MEASURE, &[]).contains(Iin::CLASS_1));
    let answer = bench.one(0xC0, READ, &EVENTS);
    bench.confirm(0);
    assert_eq!((&answer[4..], bench.iin(0xC1, READ, &EVENTS).contains(Iin::CLASS_1)), (&[][..], false));
}

#[test]
fn an_empty_string_sends_no_unsolicited_responses_without_end() {
    let mut bench = Bench::with(&[string(3)], |session| {
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.outstation.update_octets(3, b"gone");
    bench.outstation.update_octets(3, b"");
    let mut sent = bench.turn().len();
    for sequence in 1..=5 {
        sent += bench.confirm_unsolicited(sequence).len();
    }
    assert!(sent <= 1, "{sent} responses about nothing");
}

#[test]
fn a_length_is_no_variation_to_ask_for() {
    let mut bench = Bench::new(&[string(3)]);
    bench.outstation.update_octets(3, b"one");
    for objects in [[110, 3, 6], [111, 3, 6]] {
        assert!(bench.iin(0xC0, READ, &objects).contains(Iin::OBJECT_UNKNOWN), "{objects:?}");
    }
}

#[test]
fn strings_are_written_to_the_program() {
    let mut bench = Bench::new(&[string(3)]);
    assert_eq!(bench.iin(0xC0, WRITE, &[110, 2, 0x00, 3, 3, b'h', b'i']), Iin::DEVICE_RESTART);
    bench.one(0xC1, WRITE, &[110, 1, 0x17, 2, 4, b'a', 5, b'b']);
    let long = [&[110, 255, 0x28, 1, 0, 6, 0], &[9; 255][..]].concat();
    bench.one(0xC2, WRITE, &long);
    let expected =
        [(0, 3, b"hi".to_vec()), (0, 4, b"a".to_vec()), (0, 5, b"b".to_vec()), (0, 6, vec![9; 255])];
    assert_eq!(bench.plant.strings, expected);
}

#[test]
fn strings_that_the_program_does_not_take_and_empty_ones() {
    let mut bench = Bench::new(&[string(3)]);
    assert!(bench.iin(0xC0, WRITE, &[110, 1, 0x00, 50, 50, b'x']).contains(Iin::PARAMETER_ERROR));
    bench.plant.strings.clear();
    assert!(bench.iin(0xC1, WRITE, &[110, 0, 0x00, 3, 3]).bits() & 0x0600 != 0, "empty");
    assert!(bench.iin(0xC2, WRITE, &[110, 5, 0x00, 3, 3, b'x']).bits() & 0x0600 != 0, "torn");
    assert!(bench.iin(0xC3, WRITE, &[111, 1, 0x00, 3, 3, b'x']).bits() & 0x0600 != 0, "an event");
    assert!(bench.plant.strings.is_empty());
}

#[test]
fn a_string_emptied_while_its_event_is_under_way() {
    let mut bench = Bench::new(&[string(3), analog_input(1)]);
    bench.outstation.update_octets(3, b"gone");
    assert_eq!(bench.objects(0xC0, READ, &[60, 2, 6])[7..], *b"gone");
    bench.outstation.update_octets(3, b"");
    bench.update(AnalogInput, 1, analog(1.0));
    bench.wait(seconds(5));
    let answer = bench.one(0xC1, READ, &[60, 2, 6]);
    assert_eq!(values(&answer), [(1, 1.0)], "it cannot be sent again");
    bench.confirm(1);
    assert_eq!((bench.waiting(), bench.iin(0xC2, READ, &EVENTS).contains(Iin::CLASS_1)), (0, false));
    bench.outstation.update_octets(3, b"back");
    assert_eq!(bench.objects(0xC3, READ, &[60, 2, 6])[7..], *b"back");
}

#[test]
fn strings_have_classes_to_assign() {
    let mut bench = Bench::new(&[string(3)]);
    assert_eq!(bench.iin(0xC0, ASSIGN, &[60, 4, 6, 110, 0, 6]).bits() & 0xFF00, 0);
    bench.outstation.update_octets(3, b"news");
    assert_eq!(bench.objects(0xC1, READ, &[60, 2, 6]), []);
    assert_eq!(bench.objects(0xC2, READ, &[60, 4, 6])[7..], *b"news");
}

#[test]
fn strings_come_unasked_too() {
    let mut bench = Bench::with(&[string(3)], |session| {
        session.unsolicited = Some(UnsolicitedConfig { enabled: Classes::EVENTS, ..Default::default() });
    });
    bench.turn();
    bench.confirm_unsolicited(0);
    bench.outstation.update_octets(3, &[7; 255]);
    let sent = only(bench.turn());
    assert_eq!(sent[4..], [&[111, 255, 0x28, 1, 0, 3, 0], &[7; 255][..]].concat());
    bench.confirm_unsolicited(1);
    assert_eq!(bench.waiting(), 0);
}
