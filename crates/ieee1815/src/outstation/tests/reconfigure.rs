//! Points and sessions replaced while masters read.

use super::*;
use PointType::{AnalogInput, AnalogOutputStatus, BinaryInput};

const DEADBAND: [u8; 3] = [34, 1, 6];

impl Bench {
    /// All sessions go on; every point that was there is kept, but those in `gone`.
    fn reconfigure(&mut self, points: &[PointConfig], gone: &[(PointType, u16)]) {
        let sessions = self.masters.len();
        let change = |from| SessionChange {
            config: SessionConfig::new(10, u16::try_from(from).unwrap() + 1),
            from: Some(from),
        };
        let keeps = |point, index| !gone.contains(&(point, index));
        self.outstation.reconfigure(points, (0..sessions).map(change).collect(), &keeps, self.now).unwrap();
    }
}

fn two(points: &[PointConfig]) -> Bench {
    Bench::several(points, vec![SessionConfig::new(10, 1), SessionConfig::new(10, 2)])
}

#[test]
fn what_stays_keeps_value_events_and_what_masters_arranged() {
    let mut bench = two(&[analog_input(1), analog_input(5), point(BinaryInput, 0, 2, 2)]);
    bench.restart_off();
    bench.update(AnalogInput, 5, analog(7.0));
    bench.update(BinaryInput, 0, binary(true));
    bench.one(0xC1, WRITE, &[34, 1, 0x00, 5, 5, 50, 0]);
    bench.one(0xC2, ASSIGN, &[60, 4, 6, 1, 0, 6]);
    // One in front of the others, one behind them, and one that changes.
    let changed = PointConfig { deadband: 3.0, static_variation: 1, ..analog_input(5) };
    bench.reconfigure(
        &[analog_input(0), analog_input(1), changed, analog_input(9), point(BinaryInput, 0, 2, 2)],
        &[],
    );
    assert_eq!(bench.outstation.measured(AnalogInput, 5).unwrap().value, Value::Analog(7.0));
    let answer = bench.one(0xC3, READ, &EVENTS);
    assert!(!iin(&answer).contains(Iin::DEVICE_RESTART), "its restart bit was cleared");
    assert_eq!(values(&answer), [(5, 7.0), (0, 1.0)]);
    bench.confirm(3);
    assert_eq!(bench.objects(0xC4, READ, &[34, 1, 0x00, 5, 5])[7..], [50, 0], "the deadband that it wrote");
    // Its own class for the binary, and the band that it wrote.
    bench.update(BinaryInput, 0, binary(false));
    bench.update(AnalogInput, 5, analog(50.0));
    assert_eq!(values(&bench.one(0xC5, READ, &[60, 4, 6])), [(0, 0.0)]);
    // The other master has not read yet, knows no band of the first and gets all in order.
    bench.who = 1;
    assert_eq!(values(&bench.one(0xC0, READ, &EVENTS)), [(5, 7.0), (0, 1.0), (0, 0.0), (5, 50.0)]);
    assert_eq!(
        bench.objects(0xC1, READ, &[34, 1, 0x00, 5, 5])[7..],
        [3, 0],
        "the new one of the configuration"
    );
    assert_eq!(bench.objects(0xC2, READ, &[30, 0, 0x00, 5, 5])[..2], [30, 1], "the new variation");
}

#[test]
fn what_goes_takes_its_events_along_and_what_comes_in_its_place_is_new() {
    let mut bench = two(&[analog_input(1), analog_input(2), analog_input(3)]);
    for index in 1..=3 {
        bench.update(AnalogInput, index, analog(f64::from(index)));
    }
    // One event of each is in a fragment whose confirm has not come.
    bench.one(0xC0, READ, &EVENTS);
    bench.reconfigure(&[analog_input(1), analog_input(3)], &[(AnalogInput, 3)]);
    for who in 0..2 {
        assert_eq!(bench.outstation.events_waiting(who), 1);
    }
    // Said again it is said anew, without what means something else now.
    assert_eq!(values(&bench.one(0xC0, READ, &EVENTS)), [(1, 1.0)]);
    bench.confirm(0);
    let answer = bench.one(0xC1, READ, &CLASS_0);
    let read = measured(&answer);
    assert_eq!(read.len(), 2);
    assert_eq!((read[1].0, read[1].1.flags), (3, Some(Flags::RESTART)), "never read");
    bench.update(AnalogInput, 3, analog(0.0));
    assert_eq!(values(&bench.one(0xC2, READ, &EVENTS)), [(3, 0.0)], "its first value is news");
    assert!(!bench.outstation.update(AnalogInput, 2, analog(1.0)));
    assert_eq!(bench.outstation.measured(AnalogInput, 2), None);
}

#[test]
fn a_select_does_not_outlive_what_it_was_made_of() {
    let output = || PointConfig::new(AnalogOutputStatus, 7);
    let operate = [41, 2, 0x17, 1, 7, 5, 0, 0];
    for (gone, wanted) in
        [(vec![], CommandStatus::Success), (vec![(AnalogOutputStatus, 7)], CommandStatus::NoSelect)]
    {
        let mut bench = Bench::new(&[output()]);
        bench.one(0xC0, SELECT, &operate);
        bench.reconfigure(&[output()], &gone);
        assert_eq!(statuses(&bench.one(0xC1, OPERATE, &operate)), [wanted]);
        // A command is answered from memory when it comes again, whatever was replaced in between.
        bench.reconfigure(&[output()], &gone);
        let before = bench.plant.operated.len();
        assert_eq!(statuses(&bench.one(0xC1, OPERATE, &operate)), [wanted]);
        assert_eq!(bench.plant.operated.len(), before);
    }
}

#[test]
fn a_long_answer_goes_on_with_the_points_that_are_there() {
    let points: Vec<_> = (0..900).map(analog_input).collect();
    let mut bench = Bench::new(&points);
    assert!(!bench.outstation.is_answering());
    let first = values(&bench.one(0xC0, READ, &CLASS_0)).len();
    assert!(bench.outstation.is_answering());
    let fewer: Vec<_> = (0..900).filter(|index| index % 10 != 9).map(analog_input).collect();
    bench.reconfigure(&fewer, &[]);
    let mut rest = Vec::new();
    for sequence in 0..10 {
        let Some(fragment) = bench.confirm(sequence).pop() else { break };
        rest.extend(values(&fragment).into_iter().map(|(index, _)| index));
    }
    let first = u32::try_from(first).unwrap();
    assert_eq!(rest, (first..900).filter(|index| index % 10 != 9).collect::<Vec<_>>());
    assert!(!bench.outstation.is_answering());
}

#[test]
fn sessions_come_go_and_change_places() {
    let mut bench = two(&[analog_input(1)]);
    bench.restart_off();
    bench.update(AnalogInput, 1, analog(7.0));
    bench.who = 1;
    bench.one(0xC0, READ, &EVENTS);
    bench.confirm(0);
    let config = SessionConfig::new;
    let changes = vec![
        SessionChange { config: config(10, 3), from: None },
        SessionChange { config: config(10, 2), from: Some(1) },
        SessionChange { config: config(10, 1), from: Some(0) },
    ];
    bench.outstation.reconfigure(&[analog_input(1)], changes, &|_, _| true, bench.now).unwrap();
    let waiting: Vec<_> = (0..3).map(|session| bench.outstation.events_waiting(session)).collect();
    assert_eq!(waiting, [0, 0, 1]);
    // The first master's channel is at the third place now, and goes on where it was.
    let mut octets = Vec::new();
    bench.masters[0].send(&[0xC1, READ, 60, 2, 6], bench.now);
    bench.masters[0].poll_transmit(&mut octets);
    bench.outstation.receive(2, &octets, bench.now, &mut bench.plant);
    let mut answer = Vec::new();
    assert!(bench.outstation.poll_transmit(2, &mut answer));
    // Gone, and with other addresses.
    let changes = vec![SessionChange { config: config(10, 9), from: Some(2) }];
    bench.outstation.reconfigure(&[analog_input(1)], changes, &|_, _| true, bench.now).unwrap();
    assert_eq!((bench.outstation.events_waiting(0), bench.outstation.events_waiting(1)), (1, 0));
    assert!(!bench.outstation.poll_transmit(0, &mut answer), "nothing for whom it was not made");
}

#[test]
fn a_smaller_buffer_loses_the_oldest_and_says_so() {
    let mut bench = Bench::new(&[analog_input(1)]);
    for value in 1..=5_u8 {
        bench.update(AnalogInput, 1, analog(value.into()));
    }
    let config = SessionConfig { events_max: 2, ..SessionConfig::new(10, 1) };
    let change = SessionChange { config, from: Some(0) };
    bench.outstation.reconfigure(&[analog_input(1)], vec![change], &|_, _| true, bench.now).unwrap();
    let answer = bench.one(0xC0, READ, &EVENTS);
    assert!(iin(&answer).contains(Iin::EVENT_BUFFER_OVERFLOW));
    assert_eq!(values(&answer), [(1, 4.0), (1, 5.0)]);
    assert_eq!(bench.counters().events_lost, 3);
}

#[test]
fn what_is_wrong_changes_nothing() {
    let mut bench = Bench::new(&[analog_input(1)]);
    bench.update(AnalogInput, 1, analog(7.0));
    let good = || SessionChange { config: SessionConfig::new(10, 1), from: Some(0) };
    let twice = [analog_input(2), analog_input(2)];
    let error = bench.outstation.reconfigure(&twice, vec![good()], &|_, _| true, bench.now).unwrap_err();
    assert_eq!(error, ConfigError::DuplicateIndex(AnalogInput, 2));
    let reserved = SessionChange { config: SessionConfig::new(10, 0xFFF0), from: Some(0) };
    let error = bench.outstation.reconfigure(&[], vec![reserved], &|_, _| true, bench.now).unwrap_err();
    assert_eq!(error, ConfigError::Address(0xFFF0));
    assert_eq!(values(&bench.one(0xC0, READ, &EVENTS)), [(1, 7.0)]);
    assert_eq!(bench.objects(0xC1, READ, &DEADBAND).len(), 9);
}
