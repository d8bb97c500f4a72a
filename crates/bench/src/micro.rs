//! The parts of the stack one by one, without sockets: link frames, decoding, updates, memory.

use std::hint::black_box;
use std::process::Command;

use ieee1815::crc::{crc, crc_of_block, crc_of_header};
use ieee1815::objects::{Direction, parse_headers};
use ieee1815::{Flags, Measured, PointType, Value};
use serde::Deserialize;

use crate::Failure;
use crate::engine::{FragmentEnd, OutstationEnd, Size, analog, frames};
use crate::meter::{self, RUNS, Sum};
use crate::report::{Bar, Report};

/// Octets given to the link layer at a time, as from a socket.
const READ_OCTETS: usize = 4096;
/// Frames in one turn.
const FRAMES: u32 = 64;

/// The check sums of a stream of whole frames and nothing else.
fn check(stream: &[u8]) -> u32 {
    let mut wrong = 0;
    for frame in stream.chunks_exact(292) {
        let Some((header, body)) = frame.split_first_chunk::<10>() else { continue };
        let [eight @ .., _, _] = header;
        wrong += u32::from(crc_of_header(eight) != u16::from_le_bytes([header[8], header[9]]));
        let (blocks, last) = body.as_chunks::<18>();
        for block in blocks {
            let &[data @ .., low, high] = block;
            wrong += u32::from(crc_of_block(&data) != u16::from_le_bytes([low, high]));
        }
        if let Some((data, sum)) = last.split_last_chunk::<2>() {
            wrong += u32::from(crc(data) != u16::from_le_bytes(*sum));
        }
    }
    wrong
}

pub(crate) fn link(report: &mut Report) {
    let millions = |seconds: f64, turns: u32| f64::from(FRAMES) * f64::from(turns) / seconds / 1e6;
    let turns = 2000;
    let cases = [
        ("link frames of 292 octets: parsed and checked", 99, Some(Bar::AtLeast(0.6))),
        ("link frames of 292 octets: parsed, checked and taken as fragments", 10, None),
    ];
    for (what, destination, bar) in cases {
        let stream = frames(FRAMES, destination);
        let mut reader = FragmentEnd::outstation();
        let ours = || {
            for chunk in black_box(&stream).chunks(READ_OCTETS) {
                reader.receive(chunk, |fragment| {
                    black_box(fragment);
                });
            }
        };
        let floor = || assert_eq!(check(black_box(&stream)), 0, "the floor reads the frames as we do");
        let (ours, floor) = meter::beside(turns, ours, floor, RUNS);
        assert!(reader.frames() >= u64::from(FRAMES) * u64::from(turns), "frames were passed over");
        report
            .beside(what, "M frames/s", (millions(ours, turns), millions(floor, turns)), bar)
            .opendnp3_elsewhere = Some(4.4);
    }
}

pub(crate) fn decode(report: &mut Report) {
    const OBJECTS: u16 = 400;
    let mut fragment = vec![30, 5, 0x01, 0, 0];
    fragment.extend((OBJECTS - 1).to_le_bytes());
    for index in 0..OBJECTS {
        fragment.push(1);
        fragment.extend((f32::from(index) * 1.5).to_le_bytes());
    }
    let ours = || {
        let mut sum = Sum::default();
        for header in parse_headers(black_box(&fragment), Direction::Response).flatten() {
            header.visit(|index, measured| take(&mut sum, index, measured));
        }
        sum.keep();
    };
    let floor = || {
        let mut sum = Sum::default();
        let objects = black_box(&fragment).get(7..).unwrap_or_default().chunks_exact(5);
        for (index, object) in (0..).zip(objects) {
            let &[flags, a, b, c, d] = object else { continue };
            let value = Value::Analog(f64::from(f32::from_le_bytes([a, b, c, d])));
            let measured = Measured { value, flags: Some(Flags::from_bits(flags)), time: None };
            take(&mut sum, index, measured);
        }
        sum.keep();
    };
    let turns = 20_000;
    let (ours, floor) = meter::beside(turns, ours, floor, RUNS);
    let millions = |seconds: f64| f64::from(OBJECTS) * f64::from(turns) / seconds / 1e6;
    report
        .beside("decode of g30v5", "M objects/s", (millions(ours), millions(floor)), Some(Bar::AtLeast(0.3)))
        .opendnp3_elsewhere = Some(78.0);
}

#[inline]
fn take(sum: &mut Sum, index: u32, measured: Measured) {
    if let Value::Analog(value) = measured.value {
        sum.add(index, value, measured.flags.map_or(0, Flags::bits));
    }
}

pub(crate) fn updates(report: &mut Report) -> Result<(), Failure> {
    const POINTS: u16 = 1000;
    let mut end = OutstationEnd::new(Size::analogs(POINTS))?;
    let mut out = Vec::new();
    let (mut index, mut value) = (0, 0.0);
    let singly = || {
        index = (index + 1) % POINTS;
        value += 1.0;
        end.outstation.update(PointType::AnalogInput, index, analog(value));
        black_box(end.transmit(&mut out));
    };
    let turns = 200_000;
    let seconds = meter::alone(turns, singly, RUNS);
    let millions = |updates: u32, seconds: f64| f64::from(updates) / seconds / 1e6;
    report.alone("updates, singly", "M/s", millions(turns, seconds)).opendnp3_elsewhere = Some(0.217);
    let mut end = OutstationEnd::new(Size::analogs(POINTS))?;
    let batch = || {
        value += 1.0;
        for index in 0..POINTS {
            end.outstation.update(PointType::AnalogInput, index, analog(value));
        }
        black_box(end.transmit(&mut out));
    };
    let turns = 500;
    let seconds = meter::alone(turns, batch, RUNS);
    report
        .alone("updates, in batches of 1,000", "M/s", millions(turns * u32::from(POINTS), seconds))
        .opendnp3_elsewhere = Some(7.0);
    Ok(())
}

/// What `bench-heap` counts, in octets of the heap.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Heap {
    point: f64,
    pub(crate) point_of_a_session: f64,
    event: f64,
    timed_event: f64,
    session: f64,
    master: f64,
}

impl Heap {
    pub(crate) fn count() -> Result<Self, Failure> {
        let program = std::env::current_exe()?.with_file_name("bench-heap");
        let output =
            Command::new(&program).output().map_err(|error| format!("{}: {error}", program.display()))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

pub(crate) fn heap(report: &mut Report) -> Result<(), Failure> {
    let heap = Heap::count()?;
    let mut row = |what: &str, octets| {
        report.alone(&format!("heap: {what}"), "octets", octets);
    };
    row("a point of an outstation, for all its sessions", heap.point);
    row("a point, for each session", heap.point_of_a_session);
    row("a queued event, untimed", heap.event);
    row("a queued event, timed", heap.timed_event);
    row("a session of an outstation, its points apart, after a read of 130", heap.session);
    row("a master, after a read of 130 points", heap.master);
    Ok(())
}
