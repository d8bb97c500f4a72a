//! Deadbands: as configured, and group 34.

use super::*;
use PointType::{AnalogInput, Counter};

fn within_five(index: u16) -> PointConfig {
    PointConfig { deadband: 5.0, ..analog_input(index) }
}

#[test]
fn a_value_has_to_leave_the_band_around_what_was_reported() {
    let mut bench = Bench::new(&[within_five(1)]);
    bench.update(AnalogInput, 1, analog(0.0));
    bench.one(0xC0, READ, &[60, 2, 6]);
    bench.confirm(0);
    for value in [3.0, 5.0, -5.0, 0.0, 5.0] {
        bench.update(AnalogInput, 1, analog(value));
        assert_eq!(bench.waiting(), 0, "{value}");
    }
    bench.update(AnalogInput, 1, analog(5.1));
    assert_eq!(bench.waiting(), 1);
    bench.update(AnalogInput, 1, analog(0.2));
    assert_eq!(bench.waiting(), 1, "within the band around 5.1");
    bench.update(AnalogInput, 1, analog(0.0));
    assert_eq!(bench.waiting(), 2);
}

#[test]
fn a_static_that_was_sent_was_reported() {
    let mut bench = Bench::new(&[within_five(1)]);
    bench.update(AnalogInput, 1, analog(0.0));
    bench.one(0xC0, READ, &[60, 2, 6]);
    bench.confirm(0);
    bench.update(AnalogInput, 1, analog(-5.0));
    bench.one(0xC1, READ, &CLASS_0);
    bench.update(AnalogInput, 1, analog(0.1));
    assert_eq!(bench.waiting(), 1);
}

#[test]
fn a_change_of_flags_is_an_event_within_the_band_too() {
    let mut bench = Bench::new(&[within_five(1)]);
    bench.update(AnalogInput, 1, analog(0.0));
    assert_eq!(bench.waiting(), 1, "RESTART has gone");
    let lost = Measured { flags: Some(Flags::COMM_LOST), ..analog(0.0) };
    bench.update(AnalogInput, 1, lost);
    bench.update(AnalogInput, 1, lost);
    bench.update(AnalogInput, 1, analog(0.0));
    assert_eq!(bench.waiting(), 3);
}

#[test]
fn what_is_no_number_is_told_once() {
    let mut bench = Bench::new(&[point(AnalogInput, 1, 5, 7)]);
    bench.update(AnalogInput, 1, analog(1.0));
    for _ in 0..3 {
        bench.update(AnalogInput, 1, analog(f64::NAN));
    }
    assert_eq!(bench.waiting(), 2);
    bench.update(AnalogInput, 1, analog(1.0));
    assert_eq!(bench.waiting(), 3, "and its end too");
}

#[test]
fn what_is_beyond_all_numbers_is_told_once() {
    let mut bench = Bench::new(&[point(AnalogInput, 1, 5, 7)]);
    for _ in 0..3 {
        bench.update(AnalogInput, 1, analog(f64::INFINITY));
    }
    assert_eq!(bench.waiting(), 1, "it has not changed");
}

#[test]
fn counters_have_deadbands_too() {
    let mut bench = Bench::new(&[PointConfig { deadband: 10.0, ..point(Counter, 1, 1, 5) }]);
    bench.update(Counter, 1, counter(0));
    for (count, waiting) in [(10, 1), (11, 2), (21, 2), (22, 3)] {
        bench.update(Counter, 1, counter(count));
        assert_eq!(bench.waiting(), waiting, "{count}");
    }
}

#[test]
fn deadbands_are_read_in_every_variation() {
    let mut bench = Bench::new(&[within_five(1), within_five(2), within_five(7)]);
    let cases: [(u8, u8, &[u8]); 4] =
        [(1, 1, &[5, 0]), (2, 2, &[5, 0, 0, 0]), (3, 3, &[0, 0, 0xA0, 0x40]), (0, 3, &[0, 0, 0xA0, 0x40])];
    for (asked, variation, band) in cases {
        let expected =
            [&[34, variation, 0x01, 1, 0, 2, 0], band, band, &[34, variation, 0x01, 7, 0, 7, 0], band];
        assert_eq!(bench.objects(0xC0, READ, &[34, asked, 6]), expected.concat(), "v{asked}");
        let expected = [&[34, variation, 0x01, 2, 0, 2, 0], band].concat();
        assert_eq!(bench.objects(0xC1, READ, &[34, asked, 0, 2, 2]), expected, "v{asked}");
    }
}

#[test]
fn deadbands_are_written_in_every_variation() {
    let cases: [&[u8]; 5] = [
        &[34, 1, 0x00, 1, 1, 20, 0],
        &[34, 2, 0x01, 1, 0, 1, 0, 20, 0, 0, 0],
        &[34, 3, 0x17, 1, 1, 0, 0, 0xA0, 0x41],
        &[34, 1, 0x28, 1, 0, 1, 0, 20, 0],
        &[34, 1, 0x02, 1, 0, 0, 0, 1, 0, 0, 0, 20, 0],
    ];
    for objects in cases {
        let mut bench = Bench::new(&[within_five(1), within_five(2)]);
        bench.update(AnalogInput, 1, analog(0.0));
        assert_eq!(bench.iin(0xC0, WRITE, objects).bits() & 0x0700, 0, "{objects:?}");
        let expected = [34, 1, 0x01, 1, 0, 2, 0, 20, 0, 5, 0];
        assert_eq!(bench.objects(0xC1, READ, &[34, 1, 6]), expected, "{objects:?}");
        bench.update(AnalogInput, 1, analog(20.0));
        assert_eq!(bench.waiting(), 1, "{objects:?}");
        bench.update(AnalogInput, 1, analog(21.0));
        assert_eq!(bench.waiting(), 2, "{objects:?}");
    }
}

#[test]
fn a_deadband_that_does_not_fit_saturates() {
    let mut bench = Bench::new(&[PointConfig { deadband: 1e6, ..analog_input(1) }]);
    assert_eq!(bench.objects(0xC0, READ, &[34, 1, 6])[7..], [0xFF, 0xFF]);
    assert_eq!(bench.objects(0xC1, READ, &[34, 2, 6])[7..], 1_000_000_u32.to_le_bytes());
}

#[test]
fn deadbands_that_cannot_be_are_refused() {
    let mut bench = Bench::new(&[within_five(1)]);
    let wrong: [&[u8]; 6] = [
        &[34, 1, 0x00, 2, 2, 20, 0],
        &[34, 3, 0x00, 1, 1, 0, 0, 0xA0, 0xC1],
        &[34, 3, 0x00, 1, 1, 0, 0, 0xC0, 0x7F],
        &[34, 1, 0x06],
        &[34, 1, 0x07, 1, 20, 0],
        &[34, 1, 0x00, 1, 1, 20],
    ];
    for objects in wrong {
        assert!(bench.iin(0xC0, WRITE, objects).contains(Iin::PARAMETER_ERROR), "{objects:?}");
    }
    assert_eq!(bench.objects(0xC1, READ, &[34, 1, 6])[7..], [5, 0]);
}

#[test]
fn deadbands_over_several_fragments() {
    let points: Vec<_> = (0..200).map(within_five).collect();
    let mut bench = Bench::with(&points, |session| session.max_tx_fragment = 300);
    let (mut octets, mut answer) = (0, bench.one(0xC0, READ, &[34, 3, 6]));
    loop {
        assert!(answer.len() <= 300);
        for header in parse_headers(&answer[4..], Direction::Response) {
            octets += header.unwrap().data.len();
        }
        if answer[0] & 0x40 != 0 {
            break;
        }
        answer = only(bench.confirm(answer[0] & 0x0F));
    }
    assert_eq!(octets, 200 * 4);
}
