//! What holds on any link and against any octets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use ieee1815::channel::{Channel, ChannelConfig, Role};
use ieee1815::master::{Master, MasterConfig, MasterEvent, Outcome, Request};
use ieee1815::outstation::SessionConfig;
use ieee1815::{Classes, PointType, Value};
use proptest::prelude::*;
use support::{ANALOGS, BINARIES, Weather, World, master, ms, online, session};

/// Both masters on bad links: updates, polls and reconnects at random, then a good link and a last poll.
fn storm(seed: u64, weather: Weather, max_tx_fragment: usize, rounds: u32) {
    let small = |number| SessionConfig { max_tx_fragment, ..session(number) };
    let mut world = World::with(seed, vec![(master(0), small(0)), (master(1), small(1))]);
    let mut sent = Vec::new();
    for number in 0..2 {
        world.connect(number);
        world.ends[number].weather = weather;
    }
    for round in 0..rounds {
        for _ in 0..world.random.below(4) {
            let time = 1 + sent.len() as u64;
            let key = if world.random.below(2) == 0 {
                let index = u16::try_from(world.random.below(u64::from(BINARIES))).unwrap();
                // Alternating by time makes each a change or an equal value; only changes are events.
                (PointType::BinaryInput, index, time)
            } else {
                (PointType::AnalogInput, u16::try_from(world.random.below(u64::from(ANALOGS))).unwrap(), time)
            };
            let value = match key.0 {
                PointType::BinaryInput => {
                    let earlier =
                        sent.iter().filter(|&&(point, index, _)| (point, index) == (key.0, key.1)).count();
                    Value::Binary(earlier % 2 == 0)
                }
                _ => Value::Analog(f64::from(u32::try_from(time).unwrap())),
            };
            world.update(key.0, key.1, online(value, Some(time)));
            sent.push(key);
        }
        let number = usize::try_from(world.random.below(2)).unwrap();
        if world.ends[number].master.is_silent() || world.random.below(20) == 0 {
            world.disconnect(number);
            world.connect(number);
        }
        if round % 2 == 0 {
            // Refused when too many are open: as good as a poll left out.
            let now = world.now;
            let _ = world.ends[number].master.request(Request::Read(Classes::EVENTS), now);
        }
        let pause = ms(world.random.below(400));
        world.run(pause);
    }
    for number in 0..2 {
        world.disconnect(number);
        world.ends[number].weather = Weather::default();
        world.connect(number);
        world.run(ms(2000));
        for _ in 0..2 {
            assert_eq!(world.ask(number, Request::Read(Classes::ALL)), Outcome::ReadDone);
            world.run(ms(100));
        }
        let end = &world.ends[number];
        assert_eq!(end.delivered_after_confirm, []);
        for key in &sent {
            assert!(end.delivered.contains_key(key), "seed {seed}: {key:?} is lost");
            assert!(end.confirmed.contains(key), "seed {seed}: {key:?} is not confirmed");
        }
        assert_eq!(end.delivered.len(), sent.len(), "events that nobody made");
        let last = sent.iter().rev().find(|key| key.0 == PointType::AnalogInput);
        if let Some(&(point, index, time)) = last {
            let value = Value::Analog(f64::from(u32::try_from(time).unwrap()));
            assert_eq!(end.last(point, index).unwrap().value, value);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_event_is_lost_or_comes_after_its_confirm(
        seed in any::<u64>(),
        loss in 0_u64..300,
        garble in 0_u64..200,
        chop in any::<bool>(),
        delay_ms in 0_u64..300,
        max_tx_fragment in 249_usize..800,
    ) {
        storm(seed, Weather { loss, garble, chop, delay_ms }, max_tx_fragment, 60);
    }

    #[test]
    fn a_master_survives_any_octets(octets in prop::collection::vec(any::<u8>(), 0..600), chunk in 1_usize..64) {
        let mut master = Master::new(master(0));
        master.connected(ms(0));
        for piece in octets.chunks(chunk) {
            master.receive(piece, ms(0));
        }
        prop_assert_eq!(master.events_waiting(), 0);
    }

    #[test]
    fn a_master_survives_any_fragments(fragments in prop::collection::vec(fragment(), 1..60)) {
        let config = MasterConfig { event_queue_max: 100, time_sync: true, ..master(0) };
        let mut master = Master::new(config);
        let mut outstation = Channel::new(ChannelConfig::new(Role::Outstation, 10, 1));
        let mut now = ms(0);
        master.connected(now);
        for octets in fragments {
            // Mostly what is awaited, or next to nothing of it would be read.
            let _ = master.request(Request::Read(Classes::ALL), now);
            outstation.send(&octets, now);
            let mut frames = Vec::new();
            outstation.poll_transmit(&mut frames);
            master.receive(&frames, now);
            // One fragment of up to 2,048 octets with a point to each bit, and what the requests add.
            prop_assert!(master.events_waiting() <= 100 + 8 * 2048 + 16);
            now += ms(700);
            master.handle_timeout(now);
        }
        let mut kept = Vec::new();
        master.poll_transmit(&mut kept);
        prop_assert!(kept.len() <= 17 * 1024, "{} octets were kept", kept.len());
        while let Some(event) = master.poll_event() {
            if let MasterEvent::Point { point, index, .. } = event {
                prop_assert!(master.config().accept.contains(point, index));
            }
        }
    }
}

/// Fragments that look like responses: mostly right headers over objects that are right, cut, or anything.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let control = prop_oneof![4 => (0_u8..16).prop_map(|sequence| 0xC0 | sequence), 1 => any::<u8>()];
    let function = prop_oneof![8 => Just(129_u8), 2 => Just(130), 1 => any::<u8>()];
    let header = (control, function, any::<u8>(), any::<u8>());
    (header, prop::collection::vec(object(), 0..6)).prop_map(|((control, function, low, high), objects)| {
        let control = if function == 130 { control | 0x10 } else { control };
        let mut octets = vec![control, function, low, high];
        octets.extend(objects.into_iter().flatten());
        octets.truncate(2048);
        octets
    })
}

fn object() -> impl Strategy<Value = Vec<u8>> {
    let group = prop::sample::select(vec![
        1_u8, 2, 3, 10, 11, 12, 20, 30, 32, 40, 41, 42, 50, 51, 60, 70, 80, 110, 120,
    ]);
    let qualifier = prop::sample::select(vec![0_u8, 1, 2, 6, 7, 8, 9, 0x17, 0x28, 0x39, 0x5B]);
    let data = prop::collection::vec(any::<u8>(), 0..40);
    (group, 0_u8..9, qualifier, 0_u8..4, 0_u8..6, data).prop_map(
        |(group, variation, qualifier, first, last, data)| {
            let mut octets = vec![group, variation, qualifier, first];
            match qualifier {
                0x00 => octets.push(last),
                0x01 => octets.extend([0, last, 0]),
                0x28 => octets.push(0),
                _ => {}
            }
            octets.extend(data);
            octets
        },
    )
}
