//! What is written reads back, and what is hostile ends.

use super::table::*;
use super::*;
use crate::PointType::BinaryInput as Bi;

#[test]
fn every_point_variation_reads_back_what_it_wrote() {
    for entry in TABLE.iter().filter(|entry| entry.point.is_some() && entry.form != Packed) {
        if entry.time == TimeForm::Relative {
            continue;
        }
        let binary = entry.form == State;
        let value = if binary { Value::Binary(true) } else { Value::Analog(-1234.0) };
        let flags = Flags::ONLINE | Flags::LOCAL_FORCED;
        let measured = Measured { value, flags: Some(flags), time: Some(1_539_889_201_042) };
        let mut octets = Vec::from([entry.group, entry.variation, 0x28, 1, 0, 0x34, 0x12]);
        write_measured(&mut octets, entry, &measured);
        let headers: Vec<_> = parse_headers(&octets, Direction::Response).collect();
        assert_eq!(headers.len(), 1);
        let read: Vec<_> = headers[0].unwrap().measured().collect();
        let expected = Measured {
            value,
            flags: entry.has_flags().then_some(flags),
            time: entry.has_time().then_some(1_539_889_201_042),
        };
        assert_eq!(read, [(0x1234, entry.point.unwrap(), expected, entry.event)]);
    }
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
    let read: Vec<_> =
        parse_headers(&octets, Direction::Response).flat_map(|header| header.unwrap().measured()).collect();
    let expected =
        Measured { value: Value::Binary(true), flags: Some(Flags::ONLINE), time: Some(10_000 + 0x102) };
    assert_eq!(read, [(5, Bi, expected, true)]);
}

#[test]
fn packed_bits() {
    let octets = [1, 1, 0x00, 3, 12, 0b1000_0001, 0b10];
    let read: Vec<_> =
        parse_headers(&octets, Direction::Response).flat_map(|header| header.unwrap().measured()).collect();
    let on: Vec<u32> = read.iter().filter(|r| r.2.value == Value::Binary(true)).map(|r| r.0).collect();
    assert_eq!((read.len(), on), (10, alloc::vec![3, 10, 12]));
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
