//! An outstation and a master over a link that loses, doubles, damages, delays and invents, and then gets well.

use std::collections::VecDeque;

use arbitrary::{Result, Unstructured};
use ieee1815::master::{MasterEvent, Outcome, Request};
use ieee1815::{Classes, Measured, PointType, Time};

use crate::master_harness::{Harness as MasterSide, requests};
use crate::outstation_harness::Plant;
use ieee1815::master::{Master, MasterConfig, PointSet};
use ieee1815::outstation::{Outstation, PointConfig, SessionConfig, UnsolicitedConfig};
use ieee1815::{Flags, Value};

struct Pair {
    outstation: Outstation,
    master: Master,
    plant: Plant,
    now: Time,
    up: VecDeque<Vec<u8>>,
    down: VecDeque<Vec<u8>>,
    steps: u64,
    /// What the master holds of the analogs, and the events it was given last.
    held: [Option<Measured>; 5],
    done: Option<(u64, Outcome)>,
}

fn pair(u: &mut Unstructured<'_>) -> Result<Pair> {
    let (confirm, unsolicited) = (u.arbitrary()?, u.arbitrary::<bool>()?);
    let points: Vec<PointConfig> = (0..5)
        .map(|index| PointConfig {
            static_variation: 5,
            event_variation: 7,
            class: 1 + (index % 3) as u8,
            ..PointConfig::new(PointType::AnalogInput, index)
        })
        .collect();
    let session = SessionConfig {
        link_confirm: confirm,
        unsolicited: unsolicited.then(UnsolicitedConfig::default),
        events_max: 30,
        max_tx_fragment: 300,
        ..SessionConfig::new(10, 1)
    };
    let master = Master::new(MasterConfig {
        link_confirm: confirm,
        unsolicited: if unsolicited { Classes::EVENTS } else { Classes::NONE },
        accept: PointSet::new().with(PointType::AnalogInput, 0..=4),
        ..MasterConfig::new(1, 10)
    });
    let mut pair = Pair {
        outstation: Outstation::new(&points, vec![session]).expect("a good configuration"),
        master,
        plant: Plant::default(),
        now: Time::from_secs(1),
        up: VecDeque::new(),
        down: VecDeque::new(),
        steps: 0,
        held: [None; 5],
        done: None,
    };
    pair.connect();
    Ok(pair)
}

impl Pair {
    fn connect(&mut self) {
        self.up.clear();
        self.down.clear();
        self.outstation.connected(0, self.now);
        self.master.connected(self.now);
        self.move_out();
    }

    fn move_out(&mut self) {
        let mut octets = Vec::new();
        if self.outstation.poll_transmit(0, &mut octets) {
            assert!(octets.len() <= 24 * 1024);
            self.up.push_back(octets);
        }
        let mut octets = Vec::new();
        if self.master.poll_transmit(&mut octets) {
            assert!(octets.len() <= 24 * 1024);
            self.down.push_back(octets);
        }
        while let Some(event) = self.master.poll_event() {
            match event {
                MasterEvent::Point { point, index, measured, .. } => {
                    assert_eq!(point, PointType::AnalogInput);
                    self.held[usize::from(index)] = Some(measured);
                }
                MasterEvent::Done { id, outcome } => self.done = Some((id, outcome)),
                _ => {}
            }
        }
    }

    /// Delivers the oldest write of a direction.
    fn deliver(&mut self, to_master: bool) {
        if to_master {
            if let Some(octets) = self.up.pop_front() {
                self.master.receive(&octets, self.now);
            }
        } else if let Some(octets) = self.down.pop_front() {
            self.outstation.receive(0, &octets, self.now, &mut self.plant);
        }
        self.move_out();
    }

    fn pass(&mut self, time: Time) {
        self.now += time;
        self.outstation.handle_timeout(self.now, &mut self.plant);
        self.master.handle_timeout(self.now);
        self.move_out();
    }

    fn update(&mut self, index: u16) {
        self.steps += 1;
        let measured = Measured {
            value: Value::Analog(self.steps as f64),
            flags: Some(Flags::ONLINE),
            time: Some(self.steps),
        };
        self.outstation.update(PointType::AnalogInput, index, measured);
        self.pass(Time::ZERO);
    }

    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let to_master = u.arbitrary()?;
        let queue = if to_master { &mut self.up } else { &mut self.down };
        match u.int_in_range(0..=15)? {
            0 => drop(queue.pop_front()),
            1 => queue.extend(queue.front().cloned()),
            2 => {
                if let Some(octets) = queue.front_mut() {
                    let at = u.choose_index(octets.len())?;
                    octets[at] ^= u.int_in_range(1..=255)?;
                }
            }
            3 => {
                if let Some(octets) = queue.front_mut() {
                    octets.truncate(u.choose_index(octets.len())?);
                }
            }
            4 => queue.rotate_left(usize::from(queue.len() > 1)),
            5 => {
                let length = u.int_in_range(0..=30)?.min(u.len());
                queue.push_front(u.bytes(length)?.to_vec());
            }
            6 => self.pass(Time::from_millis(u.int_in_range(0..=70_000)?)),
            7 => self.connect(),
            8 => {
                let _ = self.master.request(requests(u.int_in_range(14..=17)?), self.now);
                self.move_out();
            }
            9 | 10 => self.update(u.int_in_range(0..=4)?),
            _ => self.deliver(to_master),
        }
        Ok(())
    }

    /// The link is well: a poll is done, and the master holds what the outstation does.
    fn gets_well(&mut self) {
        self.connect();
        let mut wanted = None;
        for _ in 0..400 {
            for _ in 0..8 {
                self.deliver(true);
                self.deliver(false);
            }
            if wanted.is_none() {
                wanted = self.master.request(Request::Read(Classes::ALL), self.now).ok();
                self.move_out();
            }
            match &self.done {
                Some((id, Outcome::ReadDone)) if Some(*id) == wanted => {
                    for (index, held) in (0..).zip(self.held) {
                        let is = self.outstation.measured(PointType::AnalogInput, index);
                        let (held, is) = (held.map(|held| held.value), is.map(|is| is.value));
                        assert_eq!(held, is, "analog {index}");
                    }
                    return;
                }
                Some((id, _)) if Some(*id) == wanted => wanted = None,
                _ => {}
            }
            self.pass(Time::from_millis(500));
        }
        panic!("a good poll is not done: {:?}", self.done);
    }
}

/// See the module.
pub fn hostile_link(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(mut pair) = pair(&mut u) else { return };
    while !u.is_empty() && pair.step(&mut u).is_ok() {}
    pair.gets_well();
}

/// A recorded stream of either direction, given to both ends at once.
pub fn recorded(data: &[u8]) {
    let mut master = MasterSide::new(|_| {});
    master.octets(data);
    master.still_works();
    crate::outstation::octets(data);
}
