//! The whole machine, from readings to what a master decodes, on a virtual clock.

mod away;
mod before;
mod begins;
mod control;
mod desk;
mod engine;
mod guessed;
mod hsl;
mod hybrid;
mod interconnection;
mod known;
mod lifted;
mod lives;
mod primary;
mod pulses;
mod registers;
mod regulation;
mod reload;
mod score;
mod world;

use std::collections::BTreeMap;

use ieee1815::master::Outcome;
use ieee1815::{Classes, CommandStatus, Flags, OperateMode, PointType};
use serde_json::{Value as Json, json};
use telemetry::Now;

use super::{FieldWrite, Record};
use world::{BESS, EMS, METER, OBSERVER, SWITCHGEAR, World, site_with};

#[test]
fn nothing_is_good_before_it_was_read() {
    let mut world = World::new();
    world.connect(EMS);
    assert_eq!(world.restarts, 1);
    for (point, measured) in &world.seen[EMS] {
        let flags = measured.flags.unwrap();
        assert!(flags.contains(Flags::RESTART) && !flags.contains(Flags::ONLINE), "{point:?} {flags:?}");
    }
    world.all_good();
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::ONLINE));
    assert_eq!(world.analog(EMS, 2), (6_000.0, Flags::ONLINE));
    assert_eq!(world.of(EMS, PointType::BinaryInput, 3), (1.0, Flags::ONLINE), "connected");
}

#[test]
fn a_point_without_a_source_stays_as_never_read() {
    let more = "[[analog]]\nid = 'later.mw'\nindex = 70\nunit = 'MW'\nmax_units = 15.0\nmax_counts = 30000\n\
                [[digital]]\nid = 'later.switch'\nindex = 71\n";
    let mut world = World::with_site(&site_with(more));
    world.all_good();
    world.connect(EMS);
    world.pass(60_000);
    world.read(EMS, Classes::ALL);
    assert_eq!(world.analog(EMS, 70), (0.0, Flags::RESTART));
    assert_eq!(world.of(EMS, PointType::BinaryInput, 71), (0.0, Flags::RESTART));
    assert!(world.analog(EMS, 1).1.contains(Flags::COMM_LOST), "time has passed for all the others");
    let told = world.core.points(Now::virtual_millis(60_000));
    let story = |id: &str| told["points"].as_array().unwrap().iter().find(|point| point["id"] == id).unwrap();
    for id in ["later.mw", "later.switch"] {
        let story = story(id);
        assert_eq!((&story["value"], &story["device"]), (&Json::Null, &Json::Null), "{story}");
        assert_eq!((&story["quality"], &story["flags"]), (&json!("bad"), &json!(["RESTART"])), "{story}");
        assert!(story["reasons"].to_string().contains("the site gives it no source"), "{story}");
    }
}

#[test]
fn a_dead_device_keeps_its_last_value_and_spoils_nothing_else() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.dead(BESS);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 2), (6_000.0, Flags::COMM_LOST));
    assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::ONLINE));
    assert_eq!(world.analog(EMS, 40), (6_000.0, Flags::COMM_LOST), "the feedback follows its source");
    world.watts(BESS, 1.5e6);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 2), (9_000.0, Flags::ONLINE));
}

#[test]
fn a_silent_source_grows_stale_by_itself() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.pass(5_000);
    world.read(EMS, Classes::ALL);
    assert_eq!(world.analog(EMS, 1).1, Flags::ONLINE, "as old as allowed");
    world.pass(1);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::COMM_LOST));
}

#[test]
fn a_wall_clock_that_steps_makes_nothing_stale_and_nothing_fresh() {
    const HOUR_MS: u64 = 3_600_000;
    /// The point's limit.
    const AGE_MS_MAX: u64 = 5_000;
    for ahead in [true, false] {
        let mut world = World::new();
        let step = |world: &mut World| {
            let from = world.wall_ahead_ms;
            world.wall_ahead_ms = if ahead { from + HOUR_MS } else { from - HOUR_MS };
        };
        // 2026-11-26.
        world.wall_ahead_ms = 1_795_651_200_000;
        world.connect(EMS);
        world.all_good();
        world.pass(AGE_MS_MAX / 2);
        step(&mut world);
        world.read(EMS, Classes::ALL);
        assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::ONLINE), "half its age, ahead: {ahead}");
        world.pass(AGE_MS_MAX / 2);
        step(&mut world);
        world.read(EMS, Classes::ALL);
        assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::ONLINE), "as old as allowed, ahead: {ahead}");
        world.pass(1);
        world.read(EMS, Classes::EVENTS);
        assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::COMM_LOST), "too old, ahead: {ahead}");
        step(&mut world);
        world.read(EMS, Classes::ALL);
        assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::COMM_LOST), "still too old, ahead: {ahead}");
        world.pass(60_000);
        step(&mut world);
        world.read(EMS, Classes::ALL);
        assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::COMM_LOST), "for good, ahead: {ahead}");
        world.watts(METER, 3e6);
        world.read(EMS, Classes::EVENTS);
        assert_eq!(world.analog(EMS, 1), (6_000.0, Flags::ONLINE), "read again, ahead: {ahead}");
        step(&mut world);
        world.pass(AGE_MS_MAX);
        world.read(EMS, Classes::ALL);
        assert_eq!(world.analog(EMS, 1), (6_000.0, Flags::ONLINE), "as old as allowed, ahead: {ahead}");
    }
}

#[test]
fn what_a_master_was_last_sent_is_part_of_a_points_story() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.read(EMS, Classes::ALL);
    world.pass(1_000);
    let told = world.core.told("poi.mw", Now::virtual_millis(world.now_ms));
    assert_eq!(told.len(), 2);
    assert_eq!(
        (&told[0]["master"], &told[0]["up"], &told[1]["up"]),
        (&json!("ems"), &json!(true), &json!(false))
    );
    let sent = &told[0]["last_sent"];
    let wanted = (&json!(18_000.0), &json!(9.0), &json!(["ONLINE"]), &json!(1_000));
    assert_eq!((&sent["wire"], &sent["value"], &sent["flags"], &sent["ago_ms"]), wanted, "{told:?}");
    assert_eq!(told[1]["last_sent"], Json::Null, "the observer never read");
    assert!(world.core.told("no.such", Now::virtual_millis(0)).is_empty());
}

#[test]
fn counts_saturate_with_over_range() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.watts(METER, 16e6);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (30_000.0, Flags::ONLINE | Flags::OVER_RANGE));
    world.watts(METER, 25e6);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (30_000.0, Flags::OVER_RANGE), "outside its physical range");
}

#[test]
fn a_set_point_reaches_the_device_and_its_feedback_comes_back() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.connect(OBSERVER);
    let (held, select) = ((PointType::AnalogOutputStatus, 1), OperateMode::SelectBeforeOperate);
    assert_eq!(
        world.of(EMS, held.0, held.1).0,
        6_000.0,
        "while the plant owns, it follows what the plant does"
    );
    assert_eq!(world.set(EMS, select, 12_000.0), Outcome::Status(CommandStatus::Success));
    let watts = world.writes.iter().map(|(_, write)| match write {
        FieldWrite::SunSpec704 { watts, .. } => *watts,
        other => panic!("{other:?}"),
    });
    assert_eq!(watts.collect::<Vec<_>>(), [2e6]);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.of(EMS, held.0, held.1), (12_000.0, Flags::ONLINE));
    assert_eq!(world.analog(EMS, 40).0, 6_000.0, "not in force before the device confirms");
    assert_eq!(world.confirm_writes(), 1);
    world.read(OBSERVER, Classes::EVENTS);
    assert_eq!(world.analog(OBSERVER, 40), (12_000.0, Flags::ONLINE));
}

#[test]
fn every_refusal_reaches_the_master() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.connect(OBSERVER);
    let direct = OperateMode::Direct;
    let refused = |status| Outcome::Status(status);
    assert_eq!(world.set(OBSERVER, direct, 0.0), refused(CommandStatus::NotAuthorized));
    assert_eq!(world.set(EMS, direct, 24_001.0), refused(CommandStatus::OutOfRange));
    world.switches(true, false);
    assert_eq!(world.set(EMS, direct, 0.0), refused(CommandStatus::Local));
    world.switches(false, true);
    assert_eq!(world.set(EMS, direct, 0.0), refused(CommandStatus::Blocked));
    world.dead(SWITCHGEAR);
    assert_eq!(world.set(EMS, direct, 0.0), refused(CommandStatus::DownstreamFail));
    world.switches(true, true);
    world.dead(BESS);
    assert_eq!(world.set(EMS, direct, 0.0), refused(CommandStatus::DownstreamFail));
    assert!(world.writes.is_empty(), "nothing refused acts");
    let commands = world.records.iter().filter(|record| matches!(record, Record::Command { .. })).count();
    assert_eq!(commands, 6, "each is in the journal");
}

#[test]
fn a_master_that_stays_away_loses_its_authority_and_nothing_is_replayed() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.set(EMS, OperateMode::Direct, 12_000.0);
    world.confirm_writes();
    world.disconnect(EMS);
    world.pass(29_000);
    world.writes.clear();
    world.pass(60_001);
    assert_eq!(world.writes, [], "its device keeps what it was told, and is not refreshed");
    world.all_good();
    world.connect(EMS);
    assert_eq!(world.of(EMS, PointType::AnalogOutputStatus, 1).0, 6_000.0, "follows the plant again");
}

#[test]
fn events_wait_for_each_master_on_its_own() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.connect(OBSERVER);
    world.disconnect(OBSERVER);
    for watts in [2e6, 3e6, 4e6] {
        world.watts(METER, watts);
        world.read(EMS, Classes::EVENTS);
    }
    assert_eq!(world.analog(EMS, 1).0, 8_000.0);
    assert_eq!(world.analog(OBSERVER, 1).0, 18_000.0);
    world.connect(OBSERVER);
    assert_eq!(world.analog(OBSERVER, 1).0, 8_000.0);
}

/// What happens in a random run.
fn random_run(seed: u64) -> Vec<u8> {
    let mut random = seed;
    let mut below = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    let mut world = World::new();
    // When each device was last read, and what of.
    let mut last: BTreeMap<usize, u64> = BTreeMap::new();
    for _ in 0..200 {
        match below(9) {
            0..=2 => {
                let device = usize::try_from(below(2)).unwrap();
                #[expect(clippy::cast_precision_loss, reason = "small")]
                world.watts(device, below(20_000) as f64 * 1_000.0);
                last.insert(device, world.now_ms);
            }
            3 => world.dead(usize::try_from(below(2)).unwrap()),
            4 => {
                let (closed, remote) = (below(4) > 0, below(4) > 0);
                world.switches(closed, remote);
            }
            5 => world.connect(usize::try_from(below(2)).unwrap()),
            6 => world.disconnect(usize::try_from(below(2)).unwrap()),
            _ => world.pass(below(4_000)),
        }
        for master in [EMS, OBSERVER] {
            world.read(master, if below(4) == 0 { Classes::ALL } else { Classes::EVENTS });
        }
        for master in [EMS, OBSERVER] {
            if !world.is_up(master) {
                continue;
            }
            for (device, index) in [(METER, 1), (BESS, 2)] {
                let good = world.analog(master, index).1.contains(Flags::ONLINE);
                let fresh = last.get(&device).is_some_and(|at| world.now_ms - at <= 5_000);
                assert!(!good || fresh, "seed {seed} at {} ms: device {device} Good and stale", world.now_ms);
            }
        }
    }
    world.wire
}

#[test]
fn never_good_and_stale_and_the_same_inputs_give_the_same_octets() {
    for seed in 0..60 {
        let wire = random_run(seed);
        assert!(wire.len() > 1_000);
        if seed % 20 == 0 {
            assert_eq!(wire, random_run(seed));
        }
    }
}

#[test]
fn every_record_of_a_point_is_a_sample_of_its_own() {
    let mut world = World::new();
    world.all_good();
    world.connect(EMS);
    world.dead(BESS);
    world.pass(60_000);
    world.all_good();
    let mut seen = std::collections::BTreeSet::new();
    let mut points = 0;
    for record in &world.records {
        if let Record::Point(point) = record {
            points += 1;
            assert!(
                seen.last().is_none_or(|last| *last < point.origin),
                "each comes after all before: {point:?}"
            );
            seen.insert(point.origin);
        }
    }
    assert!(points > 20, "{points}");
}
