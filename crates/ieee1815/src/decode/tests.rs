//! The dissector against frames made here, damaged in every way, and against the stack's own table.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::link::write_frame;
use crate::objects;

const REQUEST: u8 = 0xC4;
const RESPONSE: u8 = 0x44;

/// A fragment in frames of `size` octets of segment.
fn frames(control: u8, fragment: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let last = fragment.chunks(size).count() - 1;
    for (at, segment) in fragment.chunks(size).enumerate() {
        let octet = u8::from(at == last) << 7 | u8::from(at == 0) << 6 | u8::try_from(at % 64).unwrap();
        write_frame(&mut out, control, 4, 1, &[&[octet], segment].concat());
    }
    out
}

fn all(octets: &[u8]) -> Vec<Item> {
    let mut flow = Flow::default();
    let mut items = flow.push(octets);
    items.extend(flow.finish());
    items
}

fn reasons(items: &[Item]) -> Vec<Reason> {
    items
        .iter()
        .filter_map(|item| match item {
            Item::Skipped { reason, .. } | Item::Dropped { reason, .. } => Some(*reason),
            Item::Frame(frame) => frame.problem,
            Item::Fragment(_) => None,
        })
        .collect()
}

/// The text of everything in a fragment.
fn text(octets: &[u8], from_master: bool) -> Vec<String> {
    let application = Application::new(octets, from_master).unwrap();
    let mut lines = Vec::new();
    for block in application.blocks() {
        match block {
            Ok(block) => {
                lines.extend(block.problem.map(|reason| reason.code().to_string()));
                for object in block.objects() {
                    let fields: Vec<String> = object
                        .fields
                        .iter()
                        .map(|field| alloc::format!("{}={}", field.name, field.value))
                        .collect();
                    let index = object.index.map_or_else(String::new, |index| alloc::format!("{index}:"));
                    lines.push(index + &fields.join(","));
                    lines.extend(object.problem.map(|reason| reason.code().to_string()));
                }
            }
            Err(unreadable) => lines.push(unreadable.reason.code().to_string()),
        }
    }
    lines
}

#[test]
fn a_fragment_comes_back_however_it_was_cut() {
    let fragment: Vec<u8> = [0xC3, 1].into_iter().chain((0..=250_u8).cycle().take(1_500)).collect();
    for (segment, chunk) in [(249, 1), (249, 7), (100, 292), (1, 4096)] {
        let octets = frames(REQUEST, &fragment, segment);
        let mut flow = Flow::default();
        let items: Vec<Item> = octets.chunks(chunk).flat_map(|chunk| flow.push(chunk)).collect();
        assert_eq!(reasons(&items), []);
        let Some(Item::Fragment(found)) = items.last() else { panic!("no fragment") };
        assert_eq!(found.octets, fragment);
        assert_eq!(found.ends, Ends { source: 1, destination: 4, from_master: true });
        assert_eq!(flow.finish(), []);
    }
}

#[test]
fn damage_has_its_reason_and_the_next_frame_is_found() {
    let good = frames(REQUEST, &[0xC0, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6, 0, 0, 0], 249);
    let damaged = |at: usize| {
        let mut octets = good.clone();
        octets[at] ^= 0x10;
        [octets, good.clone()].concat()
    };
    for at in 0..good.len() {
        let items = all(&damaged(at));
        let whole = items.iter().filter(|item| matches!(item, Item::Fragment(_))).count();
        assert_eq!(whole, 1, "octet {at}: {items:?}");
        let expected = match at {
            0 | 1 => Reason::Noise,
            2..=9 => Reason::HeaderCrc,
            _ => Reason::DataCrc,
        };
        assert_eq!(reasons(&items), [expected], "octet {at}");
    }
}

#[test]
fn lost_octets_do_not_take_the_next_frame_with_them() {
    let good = frames(REQUEST, &[0xC0, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6, 0, 0, 0], 249);
    let cut = [&good[..good.len() - 5], &good].concat();
    let items = all(&cut);
    assert_eq!(items.iter().filter(|item| matches!(item, Item::Fragment(_))).count(), 1, "{items:?}");
    assert_eq!(reasons(&items), [Reason::FrameTruncated]);
}

#[test]
fn every_reason_of_link_and_transport() {
    let frame = |control, user: &[u8]| {
        let mut out = Vec::new();
        write_frame(&mut out, control, 4, 1, user);
        out
    };
    let short = {
        let header = [0x05, 0x64, 4, 0xC0, 1, 0, 0, 4];
        [header.as_slice(), &crate::crc::crc(&header).to_le_bytes()].concat()
    };
    let segment = |octet: u8, octets: usize| frame(REQUEST, &[vec![octet], vec![7; octets]].concat());
    let cases = [
        (short, vec![Reason::LinkLength]),
        (frame(REQUEST, &[]), vec![Reason::LinkUserData]),
        (frame(0xC0, &[1, 2]), vec![Reason::LinkUserData]),
        (frame(0xC7, &[]), vec![Reason::LinkFunction(7)]),
        (frame(REQUEST, &[0xC0, 1, 2])[..12].to_vec(), vec![Reason::FrameTruncated]),
        (vec![0x05, 0x64, 0x05], vec![Reason::FrameTruncated]),
        (segment(0x81, 3), vec![Reason::SegmentOrphan]),
        ([segment(0x41, 3), segment(0x83, 3)].concat(), vec![Reason::SegmentSequence]),
        ([segment(0x41, 3), segment(0x41, 3), segment(0x82, 3)].concat(), vec![Reason::SegmentRepeated]),
        (
            [segment(0x41, 3), segment(0x02, 4), segment(0x02, 4), segment(0x83, 3)].concat(),
            vec![Reason::SegmentRepeated],
        ),
        ([segment(0x41, 3), segment(0xC2, 4)].concat(), vec![Reason::SegmentSuperseded]),
        (segment(0x41, 3), vec![Reason::SegmentUnfinished]),
        (frames(REQUEST, &[7; 2_049], 249), vec![Reason::FragmentTooLong]),
        (frames(REQUEST, &[7; 20_000], 249), vec![Reason::FragmentTooLong]),
    ];
    for (octets, expected) in cases {
        assert_eq!(reasons(&all(&octets)), expected, "{}", Hex(&octets[..octets.len().min(40)]));
    }
    assert_eq!(reasons(&all(&frames(REQUEST, &[7; 2_048], 249))), []);
}

#[test]
fn every_reason_of_the_application_layer() {
    let of =
        |octets: &[u8], from_master| Application::new(octets, from_master).map(|one| one.first_problem());
    assert_eq!(of(&[0xC0], true), Err(Reason::ApplicationTruncated));
    assert_eq!(of(&[0xC0, 129, 0], false), Err(Reason::ApplicationTruncated));
    let cases: [(&[u8], bool, Option<Reason>); 24] = [
        (&[0xC0, 99], true, Some(Reason::Function(99))),
        (&[0xC0, 1], false, Some(Reason::Direction(1))),
        (&[0xC0, 129, 0, 0], true, Some(Reason::Direction(129))),
        (&[0x80, 1], true, Some(Reason::ApplicationControl)),
        (&[0xC0, 130, 0, 0], false, Some(Reason::ApplicationControl)),
        (&[0xD0, 0], true, None),
        (&[0xC0, 1, 60], true, Some(Reason::HeaderTruncated)),
        (&[0xC0, 1, 1, 0, 1, 0, 0], true, Some(Reason::HeaderTruncated)),
        (&[0xC0, 1, 99, 1, 6], true, Some(Reason::UnknownObject(99, 1))),
        (&[0xC0, 1, 30, 0, 6], true, None),
        (&[0xC0, 129, 0, 0, 30, 0, 0, 0, 0, 1], false, Some(Reason::UnknownObject(30, 0))),
        (&[0xC0, 1, 30, 1, 0x33], true, Some(Reason::Qualifier(0x33))),
        (&[0xC0, 129, 0, 0, 30, 1, 6], false, Some(Reason::Qualifier(6))),
        (&[0xC0, 129, 0, 0, 1, 1, 0x17, 1, 0, 1], false, Some(Reason::Qualifier(0x17))),
        (&[0xC0, 1, 30, 1, 0, 5, 4], true, Some(Reason::Range)),
        (&[0xC0, 129, 0, 0, 112, 0, 2, 0, 0, 0, 0, 255, 255, 255, 255], false, Some(Reason::Range)),
        (&[0xC0, 129, 0, 0, 60, 1, 9, 255, 255, 255, 255], false, Some(Reason::Range)),
        (&[0xC0, 129, 0, 0, 30, 1, 2, 0, 0, 0, 0, 255, 255, 255, 255], false, Some(Reason::Count)),
        (&[0xC0, 129, 0, 0, 2, 1, 0x39, 255, 255, 255, 255, 1, 0, 0, 0, 1], false, Some(Reason::Count)),
        (&[0xC0, 25, 70, 3, 0x5B, 1, 200, 0, 1], true, Some(Reason::Count)),
        (&[0xC0, 25, 70, 3, 0x5B, 1, 3, 0, 26, 0, 0], true, Some(Reason::ObjectSize)),
        (&[0xC0, 129, 0, 0, 60, 1, 6], false, Some(Reason::Range)),
        (&[0xC0, 2, 2, 1, 0x17, 1, 0, 0x81], true, Some(Reason::ObjectForFunction(2, 2))),
        (&[0xC0, 1, 12, 1, 6], true, Some(Reason::ObjectForFunction(12, 1))),
    ];
    for (octets, from_master, expected) in cases {
        let found = of(octets, from_master).unwrap();
        // A range of class objects in a response is refused for its qualifier before its place.
        let same = found == expected || (octets[1] == 129 && octets.get(4) == Some(&60) && found.is_some());
        assert!(same, "{}: {found:?}, not {expected:?}", Hex(octets));
    }
}

#[test]
fn objects_by_name_and_value() {
    let cases: [(&[u8], bool, &[&str]); 12] = [
        (&[0xC0, 129, 0, 0, 1, 1, 0, 3, 5, 0b101], false, &["3:state=1", "4:state=0", "5:state=1"]),
        (
            &[0xC0, 129, 0, 0, 3, 1, 0, 0, 1, 0b0110],
            false,
            &["0:state=DETERMINED_ON", "1:state=DETERMINED_OFF"],
        ),
        (&[0xC0, 129, 0, 0, 1, 2, 0, 7, 7, 0x81], false, &["7:state=1,flags=0x01 ONLINE"]),
        (
            &[0xC0, 129, 0, 0, 30, 5, 0, 0, 0, 0x21, 0, 0, 0x20, 0xC0],
            false,
            &["0:flags=0x21 ONLINE OVER_RANGE,value=-2.5"],
        ),
        (
            &[0xC0, 129, 0, 0, 32, 4, 0x17, 1, 9, 1, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0],
            false,
            &["9:flags=0x01 ONLINE,value=-2,time=1970-01-01T00:00:00.000Z"],
        ),
        (
            &[0xC0, 5, 12, 1, 0x28, 1, 0, 2, 0, 0x41, 1, 100, 0, 0, 0, 0, 0, 0, 0, 0],
            true,
            &["2:control code=PULSE_ON CLOSE,count=1,on ms=100,off ms=0,status=SUCCESS"],
        ),
        (&[0xC0, 129, 0, 0, 41, 2, 0x17, 1, 3, 5, 0, 4], false, &["3:value=5,status=NOT_SUPPORTED"]),
        (&[0xC0, 129, 0, 0, 110, 3, 0, 0, 0, b'a', b'b', 0], false, &["0:octets=\"ab\\x00\""]),
        (&[0xC0, 129, 0, 0, 0, 252, 0, 0, 0, 1, 2, b'o', b'k'], false, &["0:value=\"ok\""]),
        (&[0xC0, 129, 0, 0, 52, 2, 7, 1, 10, 0], false, &["ms=10"]),
        (&[0xC0, 1, 30, 1, 0x17, 2, 5, 9], true, &["5:", "9:"]),
        (
            &[0xC0, 129, 0, 0, 70, 5, 0x5B, 1, 10, 0, 1, 0, 0, 0, 2, 0, 0, 0x80, b'h', b'i'],
            false,
            &["handle=1,block=2,last block=1,data=6869"],
        ),
    ];
    for (octets, from_master, expected) in cases {
        assert_eq!(text(octets, from_master), expected, "{}", Hex(octets));
    }
}

#[test]
fn sizes_agree_with_the_stack() {
    let mut compared = 0;
    for group in 0..=u8::MAX {
        for variation in 1..=u8::MAX {
            let Some(entry) = objects::entry(group, variation) else { continue };
            let known = table::variation(group, variation);
            let known = known.unwrap_or_else(|| panic!("g{group}v{variation} is known to the stack only"));
            // Where sizes differ from object to object there is nothing to compare.
            if let Some(octets) = known.layout.octets_of(8, variation) {
                assert_eq!(octets, entry.octets_of(8), "g{group}v{variation}");
                compared += 1;
            }
        }
    }
    assert!(compared > 90, "{compared}");
}

#[test]
fn whatever_comes_ends_and_is_accounted_for() {
    use proptest::prelude::*;
    let octet = prop_oneof![3 => any::<u8>(), 1 => Just(0x5B), 1 => Just(0x06), 1 => Just(0x00)];
    let group = proptest::sample::select(vec![0_u8, 1, 2, 3, 12, 30, 50, 60, 70, 85, 87, 110, 112, 120]);
    let function = proptest::sample::select(vec![0_u8, 1, 2, 5, 11, 25, 32, 129, 130, 131]);
    let fragment = (function, group, proptest::collection::vec(octet, 0..80));
    proptest!(|((function, group, rest) in fragment, noise in proptest::collection::vec(any::<u8>(), 0..40))| {
        let iin: &[u8] = if function > 128 { &[0, 0] } else { &[] };
        let fragment = [&[0xC0, function], iin, &[group], &rest].concat();
        let octets = [noise, frames(if function > 128 { RESPONSE } else { REQUEST }, &fragment, 249)].concat();
        let items = all(&octets);
        let mut watcher = explain::Watcher::new();
        let mut seen = 0;
        for item in &items {
            watcher.item(core::time::Duration::ZERO, item);
            match item {
                Item::Skipped { octets, .. } => seen += octets.len(),
                Item::Frame(frame) => seen += 10 + frame.user.len() + 2 * frame.blocks.len(),
                Item::Fragment(fragment) => {
                    let application = fragment.application().unwrap();
                    let objects: usize = application.blocks().flatten().map(|block| block.objects().count()).sum();
                    prop_assert!(objects <= 8 * fragment.octets.len());
                }
                Item::Dropped { .. } => {}
            }
        }
        watcher.finish(core::time::Duration::ZERO);
        prop_assert!(seen <= octets.len());
        if items.iter().all(|item| !matches!(item, Item::Frame(frame) if frame.problem.is_some())) {
            prop_assert_eq!(seen, octets.len());
        }
    });
}
