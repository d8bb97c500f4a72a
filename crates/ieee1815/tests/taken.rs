//! Events taken all at once are the events taken one by one, and free the places of their requests as those do.

#![allow(clippy::unwrap_used, reason = "tests")]

use ieee1815::channel::{Channel, ChannelConfig, Role};
use ieee1815::master::{Master, MasterConfig, MasterEvent, PointSet, Request};
use ieee1815::{Classes, PointType, Time};

const NOW: Time = Time::from_secs(1);

fn master() -> Master {
    let accept = PointSet::new().with(PointType::AnalogInput, 0..=9);
    let mut config = MasterConfig { accept, ..MasterConfig::new(1, 10) };
    config.request_queue_max = 2;
    let mut master = Master::new(config);
    master.connected(NOW);
    master
}

/// Every request is answered with two analogs; the events of all answers.
fn events(take: impl Fn(&mut Master, &mut Vec<MasterEvent>)) -> Vec<MasterEvent> {
    let mut master = master();
    let mut outstation = Channel::new(ChannelConfig::new(Role::Outstation, 10, 1));
    let mut seen = Vec::new();
    for _ in 0..20 {
        let mut octets = Vec::new();
        master.poll_transmit(&mut octets);
        let mut rest = octets.as_slice();
        while outstation.receive(&mut rest, NOW).is_some() {
            let sequence = outstation.take_fragment()[0] & 0x0F;
            let analogs = [0xC0 | sequence, 129, 0, 0, 30, 2, 0x00, 3, 4, 1, 7, 0, 1, 8, 0];
            outstation.send(&analogs, NOW);
        }
        let mut answers = Vec::new();
        outstation.poll_transmit(&mut answers);
        master.receive(&answers, NOW);
        take(&mut master, &mut seen);
        assert_eq!(master.events_waiting(), 0);
        master.request(Request::Read(Classes::ZERO), NOW).unwrap();
    }
    seen
}

#[test]
fn all_at_once_is_one_by_one() {
    let one_by_one = events(|master, seen| seen.extend(std::iter::from_fn(|| master.poll_event())));
    let all_at_once = events(|master, seen| master.take_events(|event| seen.push(event.to_event())));
    assert_eq!(all_at_once, one_by_one);
    let points = one_by_one.iter().filter(|event| matches!(event, MasterEvent::Point { .. })).count();
    assert!(points >= 30, "{points} points");
}
