//! What objects a master takes from whom.

use super::*;
use crate::objects::{Attribute, AttributeValue};
use crate::{CommandStatus, DoubleBit, Flags, Value};

fn every_type(config: &mut MasterConfig) {
    for point in PointType::ALL {
        config.accept.insert(point, 0..=9);
    }
}

fn of(events: &[MasterEvent]) -> Vec<(PointType, u16, Value, bool)> {
    let point = |event: &MasterEvent| match event {
        MasterEvent::Point { point, index, measured, event, .. } => {
            Some((*point, *index, measured.value, *event))
        }
        _ => None,
    };
    events.iter().filter_map(point).collect()
}

#[test]
fn every_type_of_point_and_only_the_indexes_configured() {
    let mut bench = Bench::started(every_type);
    bench.read();
    let objects = [
        &[4, 1, 0x17, 1, 2, 0x81][..],
        &[23, 1, 0x17, 1, 3, 1, 9, 0, 0, 0],
        &[13, 1, 0x17, 1, 4, 0x80],
        &[43, 2, 0x17, 1, 5, 7, 1, 0],
        &[3, 2, 0, 1, 1, 0x41],
        &[20, 5, 0, 9, 10, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0],
        &[31, 5, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
    ]
    .concat();
    bench.give(&[0xC1, 129, 0, 0], &objects);
    let events = bench.events();
    assert_eq!(
        of(&events),
        [
            (PointType::DoubleBitInput, 2, Value::DoubleBit(DoubleBit::On), true),
            (PointType::FrozenCounter, 3, Value::Counter(9), true),
            (PointType::BinaryOutputCommand, 4, Value::Binary(true), true),
            (PointType::AnalogOutputCommand, 5, Value::Analog(1.0), true),
            (PointType::DoubleBitInput, 1, Value::DoubleBit(DoubleBit::Off), false),
            (PointType::Counter, 9, Value::Counter(u32::MAX), false),
            (PointType::FrozenAnalogInput, 0, Value::Analog(-1.0), false),
        ]
    );
    let code = |event: &MasterEvent| match event {
        MasterEvent::Point { point: PointType::AnalogOutputCommand, measured, .. } => {
            measured.flags.map(Flags::bits)
        }
        _ => None,
    };
    assert_eq!(events.iter().find_map(code), Some(CommandStatus::Local.code()));
    assert_eq!(bench.master.counters().not_accepted, 1);
}

#[test]
fn octet_strings() {
    let mut bench = Bench::started(every_type);
    bench.read();
    bench.give(&[0xC1, 129, 0, 0], &[111, 3, 0x17, 1, 2, b'a', b'b', b'c', 110, 2, 0, 9, 10, 1, 2, 3, 4]);
    let strings: Vec<_> = bench
        .events()
        .into_iter()
        .filter_map(|event| match event {
            MasterEvent::Octets { index, octets, event, .. } => Some((index, octets, event)),
            _ => None,
        })
        .collect();
    assert_eq!(strings, [(2, b"abc".to_vec(), true), (9, vec![1, 2], false)]);
    assert_eq!(bench.master.counters().not_accepted, 1);
}

#[test]
fn attributes_deadbands_and_the_time_come_to_who_asked() {
    let objects = [0, 252, 0, 0, 0, 1, 2, b'h', b'i', 34, 1, 0, 0, 0, 5, 0, 50, 1, 7, 1, 1, 2, 0, 0, 0, 0];
    let mut bench = Bench::started(|_| {});
    bench.read();
    bench.give(&[0xC1, 129, 0, 0], &objects);
    let attribute = Attribute { variation: 252, value: AttributeValue::Text("hi".into()) };
    assert_eq!(
        bench.events().get(..3).unwrap(),
        [
            MasterEvent::Attribute(attribute),
            MasterEvent::Deadband { index: 0, value: 5.0 },
            MasterEvent::Time(0x0201),
        ]
    );
    // Nobody asked for an attribute here.
    let mut bench = Bench::new(|_| {});
    bench.sent();
    bench.give(&[0xC0, 129, 0, 0], &objects);
    assert!(!bench.events().iter().any(|event| matches!(event, MasterEvent::Attribute(_))));
}

#[test]
fn objects_that_belong_elsewhere_are_refused_with_all_beside_them() {
    let command = [12, 1, 0x17, 1, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let output = [41, 2, 0x17, 1, 0, 0, 0, 0];
    let delay = [52, 2, 7, 1, 0, 0];
    for objects in [&command[..], &output, &delay] {
        let mut bench = Bench::started(|_| {});
        bench.read();
        bench.give(&[0xE1, 129, 0, 0], &[&EVENT, objects].concat());
        assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
        let events = bench.events();
        assert_eq!(points(&events), 0);
        assert!(matches!(events.last(), Some(MasterEvent::Done { outcome: Outcome::Malformed(_), .. })));
        assert_eq!(bench.master.counters().not_valid, 1);
    }
    // Only events are told unasked.
    let mut bench = Bench::started(|_| {});
    bench.give(&[0xF0, 130, 0, 0], &[EVENT, STATIC].concat());
    assert_eq!((bench.sent().len(), points(&bench.events())), (0, 0));
    // What acknowledges has no objects.
    bench.ask(Request::WriteTime(0));
    bench.sent();
    bench.give(&[0xC1, 129, 0, 0], &STATIC);
    assert!(matches!(bench.outcome(), Some(Outcome::Malformed(_))));
    assert_eq!(bench.master.counters().not_valid, 2);
}

#[test]
fn before_an_unknown_object_only_statics_that_need_no_confirm_are_taken() {
    let unknown = [70, 1, 0, 0, 0, 1];
    for (control, before, taken) in
        [(0xC1, &STATIC, 1), (0xE1, &STATIC, 0), (0xC1, &EVENT, 0), (0xE1, &EVENT, 0)]
    {
        let mut bench = Bench::started(|_| {});
        bench.read();
        bench.give(&[control, 129, 0, 0], &[&before[..], &unknown].concat());
        assert_eq!(bench.sent(), [] as [Vec<u8>; 0]);
        let events = bench.events();
        assert_eq!(points(&events), taken);
        assert!(matches!(events.last(), Some(MasterEvent::Done { outcome: Outcome::Malformed(_), .. })));
        assert_eq!(bench.master.counters().unknown_objects, 1);
    }
}

#[test]
fn what_is_cut_is_dropped_whole() {
    for objects in
        [&[30, 2, 0, 0, 1, 1, 0, 0][..], &[1, 2, 7, 1, 0x81], &[1, 2, 0x5B, 1, 1, 0], &[1, 2, 0, 5, 4]]
    {
        let mut bench = Bench::started(|_| {});
        bench.read();
        bench.give(&[0xC1, 129, 0, 0], &[&STATIC, objects].concat());
        assert_eq!(points(&bench.events()), 0, "{objects:?}");
        assert_eq!(bench.master.counters().malformed, 1, "{objects:?}");
    }
}

#[test]
fn no_object_makes_memory_grow_beyond_a_fragment() {
    let mut bench = Bench::started(|config| {
        every_type(config);
        config.accept.insert(PointType::BinaryInput, 0..=u16::MAX);
        config.event_queue_max = 100;
    });
    bench.read();
    // As many points as a fragment can name: eight to an octet.
    let objects = [&[1, 1, 1, 0, 0, 0xFF, 0x3E][..], &[0xAA; 2016]].concat();
    for _ in 0..50 {
        bench.give(&[0xE1, 129, 0, 0], &objects);
        bench.give(&[0xF1, 130, 0, 0], &[2, 1, 0x17, 1, 1, 0x81]);
        bench.read_again();
    }
    assert!(bench.master.events_waiting() <= 2016 * 8 + 50 + 6);
    assert!(bench.master.counters().no_room >= 40);
}

impl Bench {
    fn read_again(&mut self) {
        let _ = self.master.request(Request::Read(Classes::EVENTS), self.now);
        self.sent();
    }
}

#[test]
fn an_overflow_that_only_the_first_fragment_tells_is_passed_on() {
    let mut bench = Bench::started(|_| {});
    bench.read();
    // Its confirm clears the bit.
    bench.give(&[0xA1, 129, 0, 0x08], &EVENT);
    bench.give(&[0x42, 129, 0, 0], &STATIC);
    let told = |event: &MasterEvent| match event {
        MasterEvent::Response { iin, .. } => Some(*iin),
        _ => None,
    };
    assert_eq!(bench.events().iter().find_map(told), Some(crate::Iin::EVENT_BUFFER_OVERFLOW));
}
