//! All that a master can ask, asked of an outstation that knows all of it: what one writes the other must take as it
//! was meant.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use ieee1815::channel::Broadcast;
use ieee1815::master::{
    DeadbandWidth, Fallback, MasterConfig, MasterEvent, Objects, Outcome, PointSet, Request, Scan, Task,
    TimeProcedure, Which,
};
use ieee1815::objects::{Attribute, AttributeValue};
use ieee1815::outstation::{Outstation, PointConfig, Restart, SessionConfig, UnsolicitedConfig};
use ieee1815::{
    AnalogWidth, Classes, Command, CommandStatus, DoubleBit, Measured, OperateMode, PointType, Value,
};
use support::{Weather, World, master, ms, online, session};

const PER_TYPE: u16 = 4;

/// Every type of point, in class 1 where it can be.
fn points() -> Vec<PointConfig> {
    let types = PointType::ALL.into_iter();
    types
        .flat_map(|point| {
            (0..PER_TYPE).map(move |index| PointConfig { class: 1, ..PointConfig::new(point, index) })
        })
        .collect()
}

fn everything(number: u16) -> MasterConfig {
    let all = PointType::ALL.into_iter();
    let accept = all.fold(PointSet::new(), |set, point| set.with(point, 0..=PER_TYPE - 1));
    MasterConfig { accept, ..master(number) }
}

fn unsolicited(number: u16) -> SessionConfig {
    SessionConfig { unsolicited: Some(UnsolicitedConfig::default()), ..session(number) }
}

fn world(seed: u64, master: MasterConfig, session: SessionConfig) -> World {
    let mut world = World::with(seed, vec![(master, session.clone())]);
    let attributes = vec![Attribute { variation: 252, value: AttributeValue::Text("Maker".into()) }];
    world.outstation = Outstation::new(&points(), vec![session]).unwrap().with_attributes(attributes);
    world
}

fn started(seed: u64) -> World {
    let mut world = world(seed, everything(0), unsolicited(0));
    world.connect(0);
    world.run(ms(1000));
    assert_eq!(world.ends[0].count(&MasterEvent::StartUpDone), 1);
    world
}

fn last(world: &World, point: PointType, index: u16) -> Option<Value> {
    world.ends[0].last(point, index).map(|measured| measured.value)
}

fn told_unasked(world: &World) -> usize {
    let unasked = |event: &&MasterEvent| matches!(event, MasterEvent::Response { unsolicited: true, .. });
    world.ends[0].log.iter().filter(unasked).count()
}

#[test]
fn every_type_of_point_is_read_as_it_is() {
    let mut world = started(1);
    for (point, value) in [
        (PointType::BinaryInput, Value::Binary(true)),
        (PointType::DoubleBitInput, Value::DoubleBit(DoubleBit::On)),
        (PointType::BinaryOutputStatus, Value::Binary(true)),
        (PointType::Counter, Value::Counter(u32::MAX)),
        (PointType::FrozenCounter, Value::Counter(9)),
        (PointType::AnalogInput, Value::Analog(-3.0)),
        (PointType::FrozenAnalogInput, Value::Analog(8.0)),
        (PointType::AnalogOutputStatus, Value::Analog(2.0)),
    ] {
        for read in [Request::Read(Classes::EVENTS), Request::Read(Classes::ZERO)] {
            if matches!(read, Request::Read(Classes::EVENTS)) {
                world.update(point, 1, online(value, Some(5)));
            }
            world.ends[0].log.clear();
            assert_eq!(world.ask(0, read), Outcome::ReadDone);
            assert_eq!(last(&world, point, 1), Some(value), "{point:?}");
        }
    }
    world.outstation.update_octets(2, b"abc");
    assert_eq!(world.ask(0, Request::Read(Classes::EVENTS)), Outcome::ReadDone);
    let string = |event: &MasterEvent| matches!(event, MasterEvent::Octets { index: 2, octets, event: true, .. } if octets == b"abc");
    assert!(world.ends[0].log.iter().any(string));
}

#[test]
fn what_changes_is_told_unasked_once_it_is_switched_on() {
    for mask in [Classes::NONE, Classes::ONE, Classes::TWO] {
        let config = MasterConfig { unsolicited: mask, ..everything(0) };
        let mut world = world(2, config, unsolicited(0));
        world.connect(0);
        world.run(ms(1000));
        let before = told_unasked(&world);
        assert_eq!(before, 1, "the first one says nothing but that it is there");
        world.update(PointType::BinaryInput, 3, online(Value::Binary(true), Some(7)));
        world.run(ms(1000));
        let on = mask == Classes::ONE;
        assert_eq!(told_unasked(&world) - before, usize::from(on));
        assert_eq!(world.ends[0].delivered.get(&(PointType::BinaryInput, 3, 0)), on.then_some(&1));
    }
    let mut world = started(3);
    let enable = |enable| Request::Unsolicited { enable, classes: Classes::ONE };
    for (on, told) in [(true, 1), (false, 0)] {
        assert_eq!(world.ask(0, enable(on)), Outcome::Accepted);
        let before = told_unasked(&world);
        world.update(PointType::Counter, 0, online(Value::Counter(5 + told), None));
        world.run(ms(1000));
        assert_eq!(told_unasked(&world) - before, usize::try_from(told).unwrap());
    }
}

#[test]
fn an_outstation_without_unsolicited_responses_is_started_all_the_same() {
    let config = MasterConfig { unsolicited: Classes::EVENTS, ..everything(0) };
    let mut world = world(4, config, session(0));
    world.connect(0);
    world.run(ms(1000));
    let end = &world.ends[0];
    assert_eq!(end.count(&MasterEvent::StartUpDone), 1);
    let skipped = |wanted| {
        let is = |event: &&MasterEvent| matches!(event, MasterEvent::FellBack { task, to: Fallback::Skipped, .. } if *task == wanted);
        end.log.iter().filter(is).count()
    };
    assert_eq!((skipped(Task::DisableUnsolicited), skipped(Task::EnableUnsolicited)), (1, 1));
}

#[test]
fn nothing_told_unasked_is_lost_or_told_twice_on_a_bad_link() {
    for seed in 0..40 {
        let config = MasterConfig { unsolicited: Classes::ONE, retry_delay: ms(200), ..everything(0) };
        let mut made = unsolicited(0);
        made.confirm_timeout = ms(300);
        let mut world = world(seed, config, made);
        world.outstation = Outstation::new(
            &points().into_iter().map(timed).collect::<Vec<_>>(),
            vec![SessionConfig { confirm_timeout: ms(300), ..unsolicited(0) }],
        )
        .unwrap();
        world.connect(0);
        world.run(ms(3000));
        world.ends[0].weather = Weather { loss: 250, garble: 100, chop: true, delay_ms: 40 };
        for time in 1..=30_u64 {
            world.update(PointType::BinaryInput, 1, online(Value::Binary(time % 2 == 1), Some(time)));
            if time % 7 == 0 {
                world.request(0, Request::Read(Classes::ZERO));
            }
            world.run(ms(150));
            if world.ends[0].master.is_silent() {
                world.disconnect(0);
                world.connect(0);
            }
        }
        world.ends[0].weather = Weather::default();
        world.disconnect(0);
        world.connect(0);
        world.run(ms(70_000));
        let end = &world.ends[0];
        assert_eq!(end.delivered_after_confirm, [], "seed {seed}");
        let told: Vec<u64> = end.delivered.keys().map(|(_, _, time)| *time).collect();
        assert_eq!(told, (1..=30).collect::<Vec<_>>(), "seed {seed}");
    }
}

fn timed(config: PointConfig) -> PointConfig {
    if config.point == PointType::BinaryInput { PointConfig { event_variation: 2, ..config } } else { config }
}

#[test]
fn classes_are_assigned() {
    let mut world = started(5);
    let analogs = Objects::range(30, 0, 1, 2);
    let assign = Request::AssignClass(vec![(3, analogs), (0, Objects::all(20, 0))]);
    assert_eq!(world.ask(0, assign), Outcome::Accepted);
    world.update(PointType::AnalogInput, 1, online(Value::Analog(1.0), None));
    world.update(PointType::Counter, 1, online(Value::Counter(1), None));
    world.ends[0].log.clear();
    for (classes, told) in [(Classes::ONE | Classes::TWO, None), (Classes::THREE, Some(Value::Analog(1.0)))] {
        assert_eq!(world.ask(0, Request::Read(classes)), Outcome::ReadDone);
        assert_eq!(last(&world, PointType::AnalogInput, 1), told);
        assert_eq!(last(&world, PointType::Counter, 1), None);
    }
    let unknown = Request::AssignClass(vec![(1, Objects::range(30, 0, 100, 101))]);
    assert!(matches!(world.ask(0, unknown), Outcome::Refused(_)));
}

#[test]
fn counters_are_frozen_and_cleared() {
    let mut world = started(6);
    let freeze = |clear, no_ack| Request::Freeze { clear, no_ack, objects: vec![Objects::all(20, 0)] };
    let read = Request::ReadObjects(vec![Objects::all(20, 0), Objects::all(21, 0)]);
    for (clear, no_ack) in [(false, false), (false, true), (true, false), (true, true)] {
        let count = 10 + u32::from(clear) * 2 + u32::from(no_ack);
        world.update(PointType::Counter, 2, online(Value::Counter(count), None));
        let outcome = if no_ack { Outcome::Sent } else { Outcome::Accepted };
        assert_eq!(world.ask(0, freeze(clear, no_ack)), outcome);
        world.run(ms(10));
        assert_eq!(world.ask(0, read.clone()), Outcome::ReadDone);
        assert_eq!(last(&world, PointType::FrozenCounter, 2), Some(Value::Counter(count)));
        let left = if clear { 0 } else { count };
        assert_eq!(last(&world, PointType::Counter, 2), Some(Value::Counter(left)));
    }
    assert_eq!(world.app.cleared.iter().filter(|index| **index == 2).count(), 2);
}

#[test]
fn deadbands_are_written_and_read() {
    let mut world = started(7);
    for (variation, width) in [(1, DeadbandWidth::U16), (2, DeadbandWidth::U32), (3, DeadbandWidth::F32)] {
        let value = f64::from(variation) * 10.0;
        let write = Request::WriteDeadbands { width, deadbands: vec![(1, value), (3, value)] };
        assert_eq!(world.ask(0, write), Outcome::Accepted);
        let which = Which::Range(1, 1);
        let read = Request::ReadObjects(vec![Objects { group: 34, variation, which }]);
        assert_eq!(world.ask(0, read), Outcome::ReadDone);
        assert_eq!(world.ends[0].count(&MasterEvent::Deadband { index: 1, value }), 1);
    }
    // A change of its flags is an event whatever the deadband.
    world.update(PointType::AnalogInput, 3, online(Value::Analog(0.0), None));
    assert_eq!(world.ask(0, Request::Read(Classes::EVENTS)), Outcome::ReadDone);
    world.ends[0].log.clear();
    world.update(PointType::AnalogInput, 3, online(Value::Analog(29.0), None));
    assert_eq!(world.ask(0, Request::Read(Classes::EVENTS)), Outcome::ReadDone);
    assert_eq!(last(&world, PointType::AnalogInput, 3), None);
    world.update(PointType::AnalogInput, 3, online(Value::Analog(31.0), None));
    assert_eq!(world.ask(0, Request::Read(Classes::EVENTS)), Outcome::ReadDone);
    assert_eq!(last(&world, PointType::AnalogInput, 3), Some(Value::Analog(31.0)));
}

#[test]
fn attributes_and_strings_are_read_and_written() {
    let mut world = started(8);
    let read = Request::ReadObjects(vec![Objects { group: 0, variation: 254, which: Which::Range(0, 0) }]);
    assert_eq!(world.ask(0, read), Outcome::ReadDone);
    let attribute = Attribute { variation: 252, value: AttributeValue::Text("Maker".into()) };
    assert_eq!(world.ends[0].count(&MasterEvent::Attribute(attribute)), 1);
    let strings = vec![(0, b"one".to_vec()), (3, b"three".to_vec())];
    assert_eq!(world.ask(0, Request::WriteStrings(strings.clone())), Outcome::Accepted);
    assert_eq!(world.app.strings, strings);
}

#[test]
fn restarts_and_delays_are_told() {
    let mut world = started(9);
    for (cold, restart) in [(true, Restart::Cold), (false, Restart::Warm)] {
        assert_eq!(world.ask(0, Request::Restart { cold }), Outcome::Restarting(ms(12_000)));
        assert_eq!(world.app.restarts.pop(), Some(restart));
    }
    assert!(matches!(world.ask(0, Request::MeasureDelay), Outcome::Delay(_)));
}

#[test]
fn the_time_is_written_by_every_procedure_and_of_its_own_accord() {
    let mut world = started(10);
    world.ends[0].weather = Weather { delay_ms: 200, ..Weather::default() };
    for procedure in [TimeProcedure::Lan, TimeProcedure::NonLan, TimeProcedure::Plain] {
        let millis = 1_700_000_000_000;
        assert_eq!(world.ask(0, Request::SyncTime { procedure, millis }), Outcome::TimeWritten);
        let written = world.app.times.pop().unwrap();
        assert!((millis..millis + 1000).contains(&written), "{procedure:?} {written}");
    }
    let config = MasterConfig { time_sync: true, ..everything(0) };
    let mut world = self::world(11, config, unsolicited(0));
    world.app.needs_time = true;
    let now = world.now;
    world.ends[0].master.set_wall_clock(1_700_000_000_000, now);
    world.connect(0);
    world.run(ms(1000));
    assert_eq!(world.app.times, [1_700_000_000_000]);
    assert_eq!(world.ends[0].count(&MasterEvent::TimeNeeded), 0);
}

#[test]
fn several_commands_are_judged_each() {
    let mut world = started(12);
    let short = |value| Command::Analog { value, width: AnalogWidth::I16 };
    let commands = vec![(0, short(1.0)), (100, short(2.0)), (1, short(3.0))];
    for mode in [OperateMode::Direct, OperateMode::SelectBeforeOperate] {
        let outcome = world.ask(0, Request::OperateAll { mode, commands: commands.clone() });
        assert!(matches!(&outcome, Outcome::Statuses(statuses) if statuses.len() == 3), "{outcome:?}");
    }
    let both = Request::OperateAll {
        mode: OperateMode::SelectBeforeOperate,
        commands: vec![(0, short(5.0)), (1, short(6.0))],
    };
    assert_eq!(world.ask(0, both), Outcome::Statuses(vec![CommandStatus::Success; 2]));
    let operated: Vec<_> = world.app.operated.iter().rev().take(2).map(|one| (one.1, one.2)).collect();
    assert_eq!(operated, [(1, short(6.0)), (0, short(5.0))]);
}

#[test]
fn a_broadcast_is_heard_and_shows_in_the_next_answer() {
    let mut world = started(13);
    let broadcast = Request::Broadcast {
        how: Broadcast::OptionalConfirm,
        request: Box::new(Request::WriteTime(1_700_000_000_000)),
    };
    assert_eq!(world.ask(0, broadcast), Outcome::Sent);
    world.run(ms(10));
    assert_eq!(world.app.times, [1_700_000_000_000]);
    world.ends[0].log.clear();
    assert_eq!(world.ask(0, Request::Read(Classes::ZERO)), Outcome::ReadDone);
    let shows = |event: &MasterEvent| matches!(event, MasterEvent::Response { iin, .. } if iin.contains(ieee1815::Iin::BROADCAST));
    assert!(world.ends[0].log.iter().any(shows));
}

#[test]
fn scans_bring_what_changes() {
    let mut scan = Scan::classes(Classes::EVENTS, ms(1000));
    scan.integrity_every = 5;
    let config = MasterConfig { scans: vec![scan], ..everything(0) };
    let mut world = world(14, config, session(0));
    world.connect(0);
    world.run(ms(500));
    world.update(PointType::AnalogInput, 0, online(Value::Analog(4.0), None));
    world.run(ms(1500));
    assert_eq!(last(&world, PointType::AnalogInput, 0), Some(Value::Analog(4.0)));
    world.run(ms(8500));
    let runs = |wanted| {
        let is = |event: &&MasterEvent| matches!(event, MasterEvent::Scanned { integrity, outcome: Outcome::ReadDone, .. } if *integrity == wanted);
        world.ends[0].log.iter().filter(is).count()
    };
    assert_eq!((runs(false), runs(true)), (8, 2));
}

#[test]
fn the_events_of_commands_come_with_their_status() {
    let mut world = started(15);
    let command = Command::Analog { value: 7.0, width: AnalogWidth::I16 };
    let operate = Request::Operate { mode: OperateMode::Direct, index: 1, command };
    assert_eq!(world.ask(0, operate), Outcome::Status(CommandStatus::Success));
    world.ends[0].log.clear();
    assert_eq!(world.ask(0, Request::Read(Classes::EVENTS)), Outcome::ReadDone);
    let told: Option<Measured> = world.ends[0].last(PointType::AnalogOutputCommand, 1);
    assert_eq!(told.map(|told| (told.value, told.flags.unwrap().bits())), Some((Value::Analog(7.0), 0)));
}
