//! What is written reads back, and what is hostile ends.

use alloc::vec::Vec;

use super::table::*;
use super::*;
use crate::PointType::BinaryInput as Bi;
use crate::{DoubleBit, Measured, Value};

/// Index, type, what was measured, and whether it is an event, of all points of a response.
fn read(octets: &[u8]) -> Vec<(u32, PointType, Measured, bool)> {
    let mut found = Vec::new();
    for header in parse_headers(octets, Direction::Response) {
        let header = header.unwrap();
        header.visit(|index, measured| {
            let (point, event) = header.point().unwrap();
            found.push((index, point, measured, event));
        });
    }
    found
}

#[test]
fn every_point_variation_reads_back_what_it_wrote() {
    let mut count = 0;
    for entry in TABLE.iter().filter(|entry| entry.point.is_some()) {
        if entry.time == TimeForm::Relative || matches!(entry.form, Form::Packed | Form::PackedPair) {
            continue;
        }
        count += 1;
        let value = match entry.form {
            Form::State => Value::Binary(true),
            Form::StatePair => Value::DoubleBit(DoubleBit::On),
            Form::U16 | Form::U32 => Value::Counter(1234),
            _ => Value::Analog(-1234.0),
        };
        let flags = Flags::ONLINE | Flags::LOCAL_FORCED;
        let measured = Measured { value, flags: Some(flags), time: Some(1_539_889_201_042) };
        let mut octets = Vec::from([entry.group, entry.variation, 0x28, 1, 0, 0x34, 0x12]);
        write_measured(&mut octets, entry, &measured);
        let expected = Measured {
            value,
            flags: entry.has_flags().then_some(flags),
            time: entry.has_time().then_some(1_539_889_201_042),
        };
        assert_eq!(read(&octets), [(0x1234, entry.point.unwrap(), expected, entry.event)]);
    }
    assert_eq!(count, 79);
}

#[test]
fn what_does_not_fit_saturates_and_says_so() {
    let int16 = entry(30, 2).unwrap();
    for (value, octets) in
        [(32_767.4, [1, 0xFF, 0x7F]), (40_000.0, [0x21, 0xFF, 0x7F]), (-1e9, [0x21, 0, 0x80])]
    {
        let mut out = Vec::new();
        let flags = Some(Flags::ONLINE);
        write_measured(&mut out, &int16, &Measured { value: Value::Analog(value), flags, time: None });
        assert_eq!(out, octets, "{value}");
    }
}

#[test]
fn relative_times_count_from_the_common_time() {
    let octets = [51, 1, 0x07, 1, 0x10, 0x27, 0, 0, 0, 0, 2, 3, 0x17, 1, 5, 0x81, 0x02, 0x01];
    let read = read(&octets);
    let expected =
        Measured { value: Value::Binary(true), flags: Some(Flags::ONLINE), time: Some(10_000 + 0x102) };
    assert_eq!(read, [(5, Bi, expected, true)]);
}

#[test]
fn packed_bits() {
    let octets = [1, 1, 0x00, 3, 12, 0b1000_0001, 0b10];
    let read = read(&octets);
    let on: Vec<u32> = read.iter().filter(|r| r.2.value == Value::Binary(true)).map(|r| r.0).collect();
    assert_eq!((read.len(), on), (10, alloc::vec![3, 10, 12]));
}

#[test]
fn the_last_index_there_can_be() {
    let last = [0xFF; 4];
    for (variation, data) in [(1, &[1, 7, 0, 0, 0][..]), (3, &[7, 0, 0, 0])] {
        let octets = [&[30, variation, 0x02], &last[..], &last[..], data].concat();
        let read = read(&octets);
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].0, read[0].2.value), (u32::MAX, Value::Analog(7.0)));
    }
}

#[test]
fn strings_without_an_index_are_nobodys() {
    let strings = |octets: &[u8]| {
        let headers = parse_headers(octets, Direction::Response);
        headers.map(|header| header.unwrap().strings().count()).sum::<usize>()
    };
    assert_eq!(strings(&[110, 2, 0x00, 4, 5, 1, 2, 3, 4]), 2);
    assert_eq!(strings(&[110, 2, 0x07, 2, 1, 2, 3, 4]), 0);
}

#[test]
fn hostile_headers_end_in_an_error_at_once() {
    let hostile: &[&[u8]] = &[
        &[30, 1, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
        &[1, 1, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0],
        &[60, 1, 0x02, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
        &[60, 2, 0x09, 0xFF, 0xFF, 0xFF, 0xFF],
        &[30, 2, 0x00, 9, 3, 1, 0, 0],
        &[30, 2, 0x39, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
        &[110, 0, 0x28, 0xFF, 0xFF],
        &[70, 1, 0x5B, 1],
        &[30, 1, 0x06],
        &[30, 2],
        &[99, 1, 0x00, 0, 0],
    ];
    for octets in hostile {
        let read: Vec<_> = parse_headers(octets, Direction::Response).collect();
        assert!(read.len() == 1 && read[0].is_err(), "{octets:?}");
    }
}
