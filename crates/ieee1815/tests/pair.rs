//! Outstation and master against each other: what one says, the other must understand, whatever the link does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use ieee1815::master::{MasterConfig, MasterEvent, Outcome, Request};
use ieee1815::{AnalogWidth, Classes, Command, CommandStatus, Crob, Flags, OperateMode, PointType, Value};
use support::{ANALOGS, BINARIES, OUTPUTS, Weather, World, master, ms, online, outstation, session};

const DIRECT: OperateMode = OperateMode::Direct;
const SBO: OperateMode = OperateMode::SelectBeforeOperate;

/// Both connected, started and past the restart.
fn started(masters: u16, seed: u64) -> World {
    let mut world = World::new(masters, seed);
    for number in 0..usize::from(masters) {
        world.connect(number);
    }
    world.run(ms(1000));
    for end in &world.ends {
        assert_eq!(end.count(&MasterEvent::StartUpDone), 1, "{:?}", end.log);
    }
    world
}

fn set_point(value: f64) -> Command {
    Command::Analog { value, width: AnalogWidth::F32 }
}

fn operate(mode: OperateMode, index: u16, command: Command) -> Request {
    Request::Operate { mode, index, command }
}

#[test]
fn integrity_reports_every_point_with_its_flags() {
    let mut world = World::new(1, 1);
    world.update(PointType::AnalogInput, 3, online(Value::Analog(1.5), None));
    world.update(PointType::BinaryInput, 2, online(Value::Binary(true), None));
    world.connect(0);
    world.run(ms(1000));
    let end = &world.ends[0];
    assert_eq!(end.count(&MasterEvent::Restart), 1);
    assert_eq!(end.count(&MasterEvent::StartUpDone), 1);
    for (point, count) in [
        (PointType::AnalogInput, ANALOGS),
        (PointType::BinaryInput, BINARIES),
        (PointType::AnalogOutputStatus, OUTPUTS),
    ] {
        for index in 0..count {
            let flags = end.last(point, index).expect("reported").flags.expect("flags");
            let known = (point, index) == (PointType::AnalogInput, 3)
                || (point, index) == (PointType::BinaryInput, 2);
            assert_eq!(flags.contains(Flags::ONLINE), known, "{point:?} {index}");
            assert_eq!(flags.contains(Flags::RESTART), !known, "{point:?} {index}");
        }
    }
    assert_eq!(end.last(PointType::AnalogInput, 3).unwrap().value, Value::Analog(1.5));
    assert_eq!(end.last(PointType::BinaryInput, 2).unwrap().value, Value::Binary(true));
}

#[test]
fn events_come_once_when_the_link_is_good() {
    let mut world = started(1, 2);
    for time in 1..=5 {
        world.update(PointType::BinaryInput, 1, online(Value::Binary(time % 2 == 1), Some(time)));
        world.update(
            PointType::AnalogInput,
            1,
            online(Value::Analog(f64::from(u32::try_from(time).unwrap())), Some(time)),
        );
    }
    assert_eq!(world.ask(0, Request::Read(Classes::EVENTS)), Outcome::ReadDone);
    let counts: Vec<u32> = world.ends[0].delivered.values().copied().collect();
    assert_eq!(counts, vec![1; 10]);
    world.run(ms(100));
    assert_eq!(world.ask(0, Request::Read(Classes::EVENTS)), Outcome::ReadDone);
    let counts: Vec<u32> = world.ends[0].delivered.values().copied().collect();
    assert_eq!(counts, vec![1; 10]);
    assert_eq!(world.ends[0].confirmed.len(), 10);
}

#[test]
fn points_precede_their_response_and_it_precedes_done() {
    let mut world = started(1, 3);
    let from = world.ends[0].log.len();
    let id = world.request(0, Request::Read(Classes::ALL));
    world.run(ms(100));
    let log = &world.ends[0].log[from..];
    let (done, rest) = log.split_last().unwrap();
    let (response, points) = rest.split_last().unwrap();
    assert_eq!(*done, MasterEvent::Done { id, outcome: Outcome::ReadDone });
    let &MasterEvent::Response { id: Some(answers), response, .. } = response else { panic!("{response:?}") };
    assert_eq!(answers, id);
    assert_eq!(points.len(), usize::from(ANALOGS + BINARIES + OUTPUTS));
    assert!(points.iter().all(|p| matches!(p, MasterEvent::Point { response: r, .. } if *r == response)));
}

#[test]
fn only_configured_points_are_reported() {
    let mut few = master(0);
    few.accept = ieee1815::master::PointSet::new().with(PointType::AnalogInput, 4..=4);
    let mut world = World::with(4, vec![(few, session(0))]);
    world.connect(0);
    world.run(ms(1000));
    let end = &world.ends[0];
    assert_eq!(end.count(&MasterEvent::StartUpDone), 1);
    assert!(end.last(PointType::AnalogInput, 4).is_some());
    assert!(end.last(PointType::AnalogInput, 5).is_none() && end.last(PointType::BinaryInput, 0).is_none());
    assert!(end.master.counters().not_accepted > 0);
}

#[test]
fn a_restart_is_told_and_read_anew() {
    let mut world = started(1, 5);
    world.disconnect(0);
    world.outstation = outstation(vec![session(0)]);
    world.update(PointType::AnalogInput, 0, online(Value::Analog(9.0), None));
    world.ends[0].log.clear();
    world.connect(0);
    world.run(ms(1000));
    let end = &world.ends[0];
    assert_eq!((end.count(&MasterEvent::Restart), end.count(&MasterEvent::StartUpDone)), (1, 1));
    assert_eq!(end.last(PointType::AnalogInput, 0).unwrap().value, Value::Analog(9.0));
}

#[test]
fn a_reconnect_is_no_restart_and_keeps_events() {
    let mut world = started(1, 6);
    world.disconnect(0);
    world.update(PointType::BinaryInput, 0, online(Value::Binary(true), Some(77)));
    world.ends[0].log.clear();
    world.connect(0);
    world.run(ms(1000));
    let end = &world.ends[0];
    assert_eq!((end.count(&MasterEvent::Restart), end.count(&MasterEvent::StartUpDone)), (0, 1));
    assert_eq!(end.delivered.get(&(PointType::BinaryInput, 0, 77)), Some(&1));
}

#[test]
fn the_time_is_asked_for_and_written() {
    let mut world = World::with(7, vec![(MasterConfig { time_sync: true, ..master(0) }, session(0))]);
    world.app.needs_time = true;
    world.connect(0);
    world.run(ms(1000));
    assert_eq!(world.ends[0].count(&MasterEvent::TimeNeeded), 1);
    assert_eq!(world.ask(0, Request::WriteTime(1_700_000_000_123)), Outcome::TimeWritten);
    assert_eq!(world.app.times, [1_700_000_000_123]);
    assert_eq!(world.ask(0, Request::Read(Classes::ZERO)), Outcome::ReadDone);
    assert_eq!(world.ends[0].count(&MasterEvent::TimeNeeded), 1);
}

#[test]
fn set_points_direct_and_select_before_operate() {
    let mut world = started(1, 8);
    let widths = [AnalogWidth::I16, AnalogWidth::I32, AnalogWidth::F32, AnalogWidth::F64];
    for (index, width) in widths.into_iter().enumerate() {
        for mode in [DIRECT, SBO] {
            let index = u16::try_from(index).unwrap() % OUTPUTS;
            let command = Command::Analog { value: -1234.0, width };
            let outcome = world.ask(0, operate(mode, index, command));
            assert_eq!(outcome, Outcome::Status(CommandStatus::Success));
            let &(session, at, operated, how) = world.app.operated.last().unwrap();
            assert_eq!((session, at, operated, how), (0, index, command, mode));
        }
    }
    assert_eq!(world.app.operated.len(), 8);
    assert_eq!(world.app.selected.len(), 4);
}

#[test]
fn a_refused_select_is_not_operated() {
    let mut world = started(1, 9);
    world.app.refuse_select = Some(CommandStatus::OutOfRange);
    let outcome = world.ask(0, operate(SBO, 1, set_point(1e9)));
    assert_eq!(outcome, Outcome::Status(CommandStatus::OutOfRange));
    assert!(world.app.operated.is_empty());
    world.app.refuse_operate = Some(CommandStatus::Local);
    let outcome = world.ask(0, operate(DIRECT, 1, set_point(1.0)));
    assert_eq!(outcome, Outcome::Status(CommandStatus::Local));
}

#[test]
fn crobs_and_commands_without_acknowledgement() {
    let mut world = started(1, 10);
    world.app.refuse_operate = Some(CommandStatus::NotSupported);
    let crob = Command::Crob(Crob { op: 0x41, count: 1, on_ms: 100, off_ms: 200 });
    assert_eq!(world.ask(0, operate(DIRECT, 5, crob)), Outcome::Status(CommandStatus::NotSupported));
    assert_eq!(world.ask(0, operate(OperateMode::DirectNoAck, 2, set_point(2.5))), Outcome::Sent);
    world.run(ms(100));
    assert_eq!(world.app.operated.last().unwrap().2, set_point(2.5));
    assert_eq!(world.ask(0, Request::Read(Classes::ZERO)), Outcome::ReadDone);
}

#[test]
fn commands_overtake_reads_and_old_ones_expire() {
    let mut world = started(1, 11);
    world.ends[0].weather = Weather { loss: 1000, ..Weather::default() };
    let lost = world.request(0, Request::Read(Classes::ZERO));
    let read = world.request(0, Request::Read(Classes::ZERO));
    let command = world.request(0, operate(DIRECT, 0, set_point(1.0)));
    world.run(ms(1000));
    world.ends[0].weather = Weather::default();
    world.run(ms(5000));
    let order: Vec<u64> = world.ends[0]
        .log
        .iter()
        .filter_map(|event| match event {
            MasterEvent::Done { id, .. } => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(order, [lost, command, read]);
    assert_eq!(world.ends[0].outcome(lost), Some(Outcome::TimedOut));
    assert_eq!(world.ends[0].outcome(command), Some(Outcome::Status(CommandStatus::Success)));

    let slow = MasterConfig { response_timeout: ms(30_000), ..master(0) };
    let mut world = World::with(12, vec![(slow, session(0))]);
    world.connect(0);
    world.run(ms(1000));
    world.ends[0].weather = Weather { loss: 1000, ..Weather::default() };
    world.request(0, Request::Read(Classes::ZERO));
    let late = world.request(0, operate(DIRECT, 0, set_point(1.0)));
    world.run(ms(10_001));
    assert_eq!(world.ends[0].outcome(late), Some(Outcome::Expired));
    assert!(world.app.operated.is_empty());
}

#[test]
fn requests_end_with_the_connection() {
    let mut world = started(1, 13);
    world.ends[0].weather = Weather { loss: 1000, ..Weather::default() };
    let under_way = world.request(0, Request::Read(Classes::ZERO));
    let waiting = world.request(0, Request::Read(Classes::ZERO));
    world.disconnect(0);
    let refused = world.request(0, Request::Read(Classes::ZERO));
    for id in [under_way, waiting, refused] {
        assert_eq!(world.ends[0].outcome(id), Some(Outcome::LinkDown));
    }
}

#[test]
fn a_late_answer_is_nobody_elses() {
    let mut world = started(1, 14);
    // The first answer arrives after the master gave up, while the second request is under way.
    world.ends[0].weather = Weather { delay_ms: 0, ..Weather::default() };
    let first = world.request(0, operate(DIRECT, 0, set_point(1.0)));
    let until = world.now + ms(3000);
    world.ends[0].hold_answers(until);
    world.app.refuse_operate = None;
    world.run(ms(2100));
    assert_eq!(world.ends[0].outcome(first), Some(Outcome::TimedOut));
    world.app.refuse_operate = Some(CommandStatus::Local);
    let second = world.request(0, operate(DIRECT, 0, set_point(1.0)));
    world.run(ms(3000));
    assert_eq!(world.ends[0].outcome(second), Some(Outcome::Status(CommandStatus::Local)));
    assert_eq!(world.ends[0].master.counters().unexpected, 1);
}

#[test]
fn a_silent_outstation_gets_nothing_more() {
    let mut world = started(1, 15);
    world.ends[0].weather = Weather { loss: 1000, ..Weather::default() };
    for _ in 0..3 {
        assert_eq!(world.ask(0, Request::Read(Classes::ZERO)), Outcome::TimedOut);
    }
    assert!(world.ends[0].master.is_silent());
    world.ends[0].weather = Weather::default();
    assert_eq!(world.ask(0, Request::Read(Classes::ZERO)), Outcome::Expired);
    world.disconnect(0);
    world.connect(0);
    world.run(ms(1000));
    assert_eq!(world.ask(0, Request::Read(Classes::ZERO)), Outcome::ReadDone);
}

#[test]
fn sessions_have_their_own_events_and_restart() {
    let mut world = started(2, 16);
    world.disconnect(1);
    world.update(PointType::BinaryInput, 4, online(Value::Binary(true), Some(5)));
    assert_eq!(world.ask(0, Request::Read(Classes::EVENTS)), Outcome::ReadDone);
    world.run(ms(100));
    assert_eq!(world.ends[0].confirmed.len(), 1);
    world.connect(1);
    world.run(ms(1000));
    let key = (PointType::BinaryInput, 4, 5);
    assert_eq!(world.ends[1].delivered.get(&key), Some(&1));
    assert_eq!(world.ends[0].delivered.get(&key), Some(&1));
    let outcome = world.ask(1, operate(DIRECT, 1, set_point(3.0)));
    assert_eq!(outcome, Outcome::Status(CommandStatus::Success));
    assert_eq!(world.app.operated.last().unwrap().0, 1);
}

#[test]
fn an_answer_of_many_fragments_is_one_response() {
    let mut small = session(0);
    small.max_tx_fragment = 249;
    let mut world = World::with(18, vec![(master(0), small)]);
    world.connect(0);
    world.run(ms(1000));
    for time in 1..=40 {
        let value = Value::Analog(f64::from(u32::try_from(time).unwrap()));
        world.update(
            PointType::AnalogInput,
            u16::try_from(time).unwrap() % ANALOGS,
            online(value, Some(time)),
        );
    }
    let from = world.ends[0].log.len();
    let before = world.ends[0].master.channel_counters().fragments;
    assert_eq!(world.ask(0, Request::Read(Classes::ALL)), Outcome::ReadDone);
    let end = &world.ends[0];
    let responses = end.log[from..].iter().filter(|event| matches!(event, MasterEvent::Response { .. }));
    assert_eq!(responses.count(), 1);
    let points = end.log[from..].iter().filter(|event| matches!(event, MasterEvent::Point { .. }));
    assert_eq!(points.count(), 40 + usize::from(ANALOGS + BINARIES + OUTPUTS));
    assert!(end.master.channel_counters().fragments > before + 2, "not many fragments");
    assert_eq!(end.confirmed.len(), 40);
}
