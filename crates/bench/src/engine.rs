//! The two ends that are measured, and the octets that they exchange. All that these benches know of the API of
//! `ieee1815` stands here.

use std::time::Duration;

use ieee1815::channel::{Channel, ChannelConfig, Role};
use ieee1815::master::{Master, MasterConfig, MasterEvent, Outcome, PointSet, Report, Request, Taken};
use ieee1815::outstation::{Application, Outstation, PointConfig, SessionConfig};
use ieee1815::{Classes, Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Value};

use crate::Failure;

/// Link address of the outstation.
pub(crate) const ADDRESS: u16 = 10;
/// Link addresses of the masters count from here.
const MASTERS: u16 = 1000;

/// Link address of a master.
pub(crate) fn master_address(number: usize) -> Result<u16, Failure> {
    let address = u16::try_from(number).ok().and_then(|number| MASTERS.checked_add(number));
    Ok(address.ok_or("too many masters")?)
}

/// Points of an outstation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) analogs: u16,
    pub(crate) binaries: u16,
}

impl Size {
    pub(crate) const fn analogs(analogs: u16) -> Self {
        Self { analogs, binaries: 0 }
    }
}

/// An outstation that takes every time and no command.
#[derive(Debug, Default)]
pub(crate) struct Plant;

impl Application for Plant {
    fn select(&mut self, _: usize, _: u16, _: &Command) -> CommandStatus {
        CommandStatus::NotSupported
    }

    fn operate(&mut self, _: usize, _: u16, _: &Command, _: OperateMode) -> CommandStatus {
        CommandStatus::NotSupported
    }

    fn write_time(&mut self, _: usize, _: u64) -> bool {
        true
    }

    fn indications(&self, _: usize) -> Iin {
        Iin::NONE
    }
}

pub(crate) fn analog(value: f64) -> Measured {
    Measured { value: Value::Analog(value), flags: Some(Flags::ONLINE), time: None }
}

/// Analogs as group 30 variation 5 (events: `event_variation` of group 32), binaries as group 1 variation 2.
pub(crate) fn points(size: Size, event_variation: u8) -> Vec<PointConfig> {
    let analogs = (0..size.analogs).map(|index| PointConfig {
        static_variation: 5,
        event_variation,
        class: 2,
        initial: analog(f64::from(index) * 1.5),
        ..PointConfig::new(PointType::AnalogInput, index)
    });
    let binaries = (0..size.binaries).map(|index| PointConfig {
        static_variation: 2,
        event_variation: 1,
        class: 1,
        initial: Measured { value: Value::Binary(index % 3 == 0), flags: Some(Flags::ONLINE), time: None },
        ..PointConfig::new(PointType::BinaryInput, index)
    });
    analogs.chain(binaries).collect()
}

/// With a session for each of so many masters, whose addresses are 1 and up.
pub(crate) fn outstation(points: &[PointConfig], masters: usize) -> Result<Outstation, Failure> {
    let sessions = (0..masters).map(|number| Ok(SessionConfig::new(ADDRESS, master_address(number)?)));
    Outstation::new(points, sessions.collect::<Result<_, Failure>>()?)
        .map_err(|error| format!("{error:?}").into())
}

/// The side that answers.
#[derive(Debug)]
pub(crate) struct OutstationEnd {
    pub(crate) outstation: Outstation,
    plant: Plant,
}

impl OutstationEnd {
    pub(crate) fn new(size: Size) -> Result<Self, Failure> {
        let mut outstation = outstation(&points(size, 5), 1)?;
        outstation.connected(0, Duration::ZERO);
        Ok(Self { outstation, plant: Plant })
    }

    pub(crate) fn receive(&mut self, octets: &[u8], now: Duration) {
        self.outstation.receive(0, octets, now, &mut self.plant);
    }

    /// Puts the octets of one write into `out`, in place of what was there.
    pub(crate) fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        self.outstation.poll_transmit(0, out)
    }
}

/// The side that asks.
#[derive(Debug)]
pub(crate) struct MasterEnd {
    pub(crate) master: Master,
    sum: crate::meter::Sum,
    pub(crate) points: u64,
    started: bool,
}

impl MasterEnd {
    pub(crate) fn new(size: Size, address: u16, now: Duration) -> Self {
        let mut accept = PointSet::new();
        for (point, count) in
            [(PointType::AnalogInput, size.analogs), (PointType::BinaryInput, size.binaries)]
        {
            if let Some(last) = count.checked_sub(1) {
                accept.insert(point, 0..=last);
            }
        }
        let mut master = Master::new(MasterConfig { accept, ..MasterConfig::new(address, ADDRESS) });
        master.connected(now);
        Self { master, sum: crate::meter::Sum::default(), points: 0, started: false }
    }

    pub(crate) fn ask(&mut self, classes: Classes, now: Duration) -> Result<(), Failure> {
        self.master.request(Request::Read(classes), now).map_err(|full| full.to_string())?;
        Ok(())
    }

    pub(crate) fn receive(&mut self, octets: &[u8], now: Duration) {
        self.master.receive(octets, now);
    }

    /// As [`OutstationEnd::transmit`].
    pub(crate) fn transmit(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        self.master.poll_transmit(out)
    }

    /// Takes what was reported. True when the request is over.
    pub(crate) fn take(&mut self) -> Result<bool, Failure> {
        let Self { master, sum, points, started } = self;
        let (mut over, mut failed) = (false, None);
        master.take_events(|event| match event {
            Taken::Point(Report { index, measured, .. }) => {
                let value = match measured.value {
                    Value::Analog(value) => value,
                    Value::Binary(state) => f64::from(u8::from(state)),
                    _ => 0.0,
                };
                sum.add(u32::from(index), value, measured.flags.map_or(0, Flags::bits));
                *points += 1;
            }
            Taken::Other(MasterEvent::StartUpDone) => *started = true,
            Taken::Other(MasterEvent::Done { outcome: Outcome::ReadDone, .. }) => over = true,
            Taken::Other(MasterEvent::Done { outcome, .. } | MasterEvent::StartUpFailed { outcome, .. }) => {
                failed = Some(outcome.to_string());
            }
            Taken::Other(_) => {}
        });
        failed.map_or(Ok(over), |why| Err(why.into()))
    }

    /// True once the integrity poll after the connection is answered.
    pub(crate) const fn started(&self) -> bool {
        self.started
    }
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Master,
    Outstation,
}

/// One write.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) side: Side,
    pub(crate) octets: Vec<u8>,
}

/// Both ends without anything between them.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) master: MasterEnd,
    pub(crate) outstation: OutstationEnd,
    buffer: Vec<u8>,
}

pub(crate) const NOW: Duration = Duration::from_secs(1);

impl Pair {
    /// After the start-up.
    pub(crate) fn new(size: Size) -> Result<Self, Failure> {
        let outstation = OutstationEnd::new(size)?;
        let mut pair = Self { master: MasterEnd::new(size, MASTERS, NOW), outstation, buffer: Vec::new() };
        pair.exchange(|_, _| ())?;
        if pair.master.started() { Ok(pair) } else { Err("the start-up does not end".into()) }
    }

    /// One read, from the request to the end.
    pub(crate) fn poll(&mut self, classes: Classes, note: impl FnMut(Side, &[u8])) -> Result<(), Failure> {
        self.master.ask(classes, NOW)?;
        if self.exchange(note)? { Ok(()) } else { Err("the read does not end".into()) }
    }

    /// Until both are silent. True when a request is over.
    fn exchange(&mut self, mut note: impl FnMut(Side, &[u8])) -> Result<bool, Failure> {
        let mut over = false;
        loop {
            let mut silent = true;
            while self.master.transmit(&mut self.buffer) {
                silent = false;
                note(Side::Master, &self.buffer);
                self.outstation.receive(&self.buffer, NOW);
            }
            while self.outstation.transmit(&mut self.buffer) {
                silent = false;
                note(Side::Outstation, &self.buffer);
                self.master.receive(&self.buffer, NOW);
                over |= self.master.take()?;
            }
            if silent {
                return Ok(over);
            }
        }
    }
}

/// What one read of `classes` looks like on the wire.
pub(crate) fn script(size: Size, classes: Classes) -> Result<Vec<Turn>, Failure> {
    let mut turns = Vec::new();
    Pair::new(size)?.poll(classes, |side, octets| turns.push(Turn { side, octets: octets.to_vec() }))?;
    Ok(turns)
}

fn channel(role: Role, local: u16, remote: u16) -> Channel {
    Channel::new(ChannelConfig::new(role, local, remote))
}

/// A stream of `count` frames of 292 octets from a master, each a whole fragment.
pub(crate) fn frames(count: u32, destination: u16) -> Vec<u8> {
    let mut writer = channel(Role::Master, MASTERS, destination);
    let mut out = Vec::new();
    for number in 0..count {
        let fragment: Vec<u8> = number.to_le_bytes().into_iter().cycle().take(249).collect();
        writer.send(&fragment, NOW);
        writer.poll_transmit(&mut out);
    }
    out
}

/// Link and transport of one end: octets in, fragments out.
#[derive(Debug)]
pub(crate) struct FragmentEnd {
    channel: Channel,
    out: Vec<u8>,
}

impl FragmentEnd {
    /// Of an outstation.
    pub(crate) fn outstation() -> Self {
        Self { channel: channel(Role::Outstation, ADDRESS, MASTERS), out: Vec::new() }
    }

    /// Of the first master.
    pub(crate) fn master() -> Self {
        Self { channel: channel(Role::Master, MASTERS, ADDRESS), out: Vec::new() }
    }

    pub(crate) fn encode(&mut self, fragment: &[u8]) -> &[u8] {
        self.out.clear();
        self.channel.send(fragment, NOW);
        self.channel.poll_transmit(&mut self.out);
        &self.out
    }

    /// Gives each fragment to `take`.
    pub(crate) fn receive(&mut self, mut octets: &[u8], mut take: impl FnMut(&[u8])) {
        while self.channel.receive(&mut octets, NOW).is_some() {
            let fragment = self.channel.take_fragment();
            take(&fragment);
            self.channel.give_back(fragment);
        }
    }

    /// Frames that were sound.
    pub(crate) fn frames(&self) -> u64 {
        let counters = self.channel.counters();
        counters.frames + counters.other_destination
    }
}
