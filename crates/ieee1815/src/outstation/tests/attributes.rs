//! Device attributes: group 0.

use alloc::string::String;

use super::*;
use crate::objects::AttributeValue;

fn attribute(variation: u8, value: AttributeValue) -> Attribute {
    Attribute { variation, value }
}

fn set() -> Vec<Attribute> {
    vec![
        attribute(209, AttributeValue::Signed(-5)),
        attribute(219, AttributeValue::Unsigned(240)),
        attribute(240, AttributeValue::Unsigned(2048)),
        attribute(242, AttributeValue::Text("7.1".into())),
        attribute(248, AttributeValue::Octets(vec![1, 2, 3])),
        attribute(252, AttributeValue::Text("Acme".into())),
    ]
}

fn bench(attributes: Vec<Attribute>, max_tx_fragment: usize) -> Bench {
    let bench = Bench::with(&[analog_input(1)], |session| session.max_tx_fragment = max_tx_fragment);
    Bench { outstation: bench.outstation.with_attributes(attributes), ..bench }
}

/// The attributes of all fragments of an answer.
fn read(bench: &mut Bench, objects: &[u8]) -> (Vec<Attribute>, usize) {
    let (mut found, mut fragments, mut answer) = (Vec::new(), 0, bench.one(0xC0, READ, objects));
    loop {
        fragments += 1;
        for header in parse_headers(&answer[4..], Direction::Response) {
            found.extend(header.unwrap().attributes());
        }
        if answer[0] & 0x40 != 0 {
            return (found, fragments);
        }
        answer = only(bench.confirm(answer[0] & 0x0F));
    }
}

#[test]
fn one_attribute_octet_by_octet() {
    let mut bench = bench(set(), 2048);
    for all in [&[0, 252, 6][..], &[0, 252, 0x00, 0, 0], &[0, 252, 0x01, 0, 0, 0, 0]] {
        let answer = bench.objects(0xC0, READ, all);
        assert_eq!(answer, [0, 252, 0x00, 0, 0, 1, 4, b'A', b'c', b'm', b'e'], "{all:?}");
    }
    assert_eq!(bench.objects(0xC1, READ, &[0, 248, 0, 0, 0]), [0, 248, 0x00, 0, 0, 5, 3, 1, 2, 3]);
    let number = bench.objects(0xC2, READ, &[0, 240, 0, 0, 0]);
    assert_eq!(number[..6], [0, 240, 0x00, 0, 0, 2], "a number without a sign");
    assert_eq!(read(&mut bench, &[0, 240, 0, 0, 0]).0, [set()[2].clone()]);
    assert_eq!(read(&mut bench, &[0, 209, 0, 0, 0]).0, [set()[0].clone()]);
}

#[test]
fn all_attributes_in_their_order() {
    assert_eq!(read(&mut bench(set(), 2048), &[0, 254, 0, 0, 0]), (set(), 1));
    assert_eq!(read(&mut bench(set(), 2048), &[0, 254, 6]), (set(), 1));
}

#[test]
fn the_list_of_attributes_tells_which_can_be_written() {
    let answer = bench(set(), 2048).objects(0xC0, READ, &[0, 255, 0, 0, 0]);
    let expected = [209, 0, 219, 0, 240, 0, 242, 0, 248, 0, 252, 0];
    assert_eq!(answer, [&[0, 255, 0x00, 0, 0, 254, 12], &expected[..]].concat());
}

#[test]
fn attributes_go_on_in_the_next_fragment() {
    let text = |variation, octets| attribute(variation, AttributeValue::Text("x".repeat(octets)));
    for octets in 1..=255 {
        let all: Vec<_> = (200..210).map(|variation| text(variation, octets)).collect();
        let mut bench = bench(all.clone(), 300);
        let (found, fragments) = read(&mut bench, &[0, 254, 0, 0, 0]);
        assert_eq!(found, all, "{octets}");
        // Five octets of header, type, length; four of the fragment.
        let in_one = (300 - 4) / (octets + 7);
        assert_eq!(fragments, 10_usize.div_ceil(in_one), "{octets}");
    }
}

#[test]
fn points_and_attributes_in_one_answer() {
    let mut bench = bench(set(), 2048);
    let answer = bench.objects(0xC0, READ, &[0, 252, 6, 30, 2, 6, 0, 242, 6]);
    let expected = [
        &[0, 252, 0x00, 0, 0, 1, 4, b'A', b'c', b'm', b'e'][..],
        &[30, 2, 0x01, 1, 0, 1, 0, 2, 0, 0],
        &[0, 242, 0x00, 0, 0, 1, 3, b'7', b'.', b'1'],
    ];
    assert_eq!(answer, expected.concat());
}

#[test]
fn attributes_that_are_not_there() {
    let mut bench = bench(set(), 2048);
    let answer = bench.one(0xC0, READ, &[0, 250, 0, 0, 0]);
    assert_eq!((iin(&answer).contains(Iin::OBJECT_UNKNOWN), answer.len()), (true, 4));
    // Another set than the standard's.
    let answer = bench.one(0xC1, READ, &[0, 252, 0, 1, 1]);
    assert_eq!((iin(&answer).contains(Iin::PARAMETER_ERROR), answer.len()), (true, 4));
    for objects in [&[0, 252, 0x07, 1][..], &[0, 252, 0x00, 0, 1]] {
        assert!(iin(&bench.one(0xC2, READ, objects)).bits() & 0x0600 != 0, "{objects:?}");
    }
}

#[test]
fn attributes_are_not_written() {
    let mut bench = bench(set(), 2048);
    let text = [0, 252, 0x00, 0, 0, 1, 2, b'M', b'e'];
    assert!(bench.iin(0xC0, WRITE, &text).contains(Iin::PARAMETER_ERROR));
    assert_eq!(bench.objects(0xC1, READ, &[0, 252, 6])[7..], *b"Acme");
}

#[test]
fn a_list_longer_than_its_length_can_say_is_not_torn() {
    let all: Vec<_> = (1..=200).map(|variation| attribute(variation, AttributeValue::Unsigned(0))).collect();
    let answer = bench(all, 2048).objects(0xC0, READ, &[0, 255, 0, 0, 0]);
    let [0, 255, 0x00, 0, 0, kind, length, list @ ..] = &answer[..] else { panic!("{answer:?}") };
    // The long form of a list counts 256 octets more than its length says.
    let octets = if *kind == 255 { 256 + usize::from(*length) } else { usize::from(*length) };
    assert_eq!(list.len(), octets);
    assert_eq!(octets % 2, 0, "pairs of a variation and its properties");
}

#[test]
fn text_that_is_too_long_is_cut() {
    let long = vec![attribute(252, AttributeValue::Text(String::from("y").repeat(300)))];
    let answer = bench(long, 300).objects(0xC0, READ, &[0, 252, 6]);
    assert_eq!((answer[6], answer.len()), (255, 262));
}
