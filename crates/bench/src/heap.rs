//! `bench-heap`: octets of the heap that a point, a queued event and a session hold; counted by an allocator that
//! would slow everything else down, hence a program of its own.

#[allow(dead_code, reason = "this program uses a part of it")]
mod engine;
#[allow(dead_code, reason = "this program uses a part of it")]
mod meter;

use engine::{MasterEnd, OutstationEnd, Pair, Size, analog, outstation, points};
use ieee1815::outstation::{Outstation, SessionConfig};
use ieee1815::{Classes, Measured, PointType};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

const POINTS: u16 = 1000;

/// Octets that are held now.
fn held() -> f64 {
    dhat::HeapStats::get().curr_bytes as f64
}

/// Octets that `what` holds.
fn of<T>(what: impl FnOnce() -> Result<T, Failure>) -> Result<f64, Failure> {
    let before = held();
    let kept = what()?;
    let octets = held() - before;
    drop(kept);
    Ok(octets)
}

fn read(size: Size) -> Result<(MasterEnd, OutstationEnd), Failure> {
    let mut pair = Pair::new(size)?;
    for _ in 0..3 {
        pair.poll(Classes::ZERO, |_, _| ())?;
    }
    Ok((pair.master, pair.outstation))
}

/// Octets of an event: what 1,000 of them add to an outstation that had room for none.
fn event(variation: u8, time: Option<u64>) -> Result<f64, Failure> {
    let made = || -> Result<Outstation, Failure> { outstation(&points(Size::analogs(POINTS), variation)) };
    let without = of(made)?;
    let with = of(|| {
        let mut outstation = made()?;
        for index in 0..POINTS {
            let measured = Measured { time, ..analog(1e6 + f64::from(index)) };
            outstation.update(PointType::AnalogInput, index, measured);
        }
        if outstation.events_waiting(0) != usize::from(POINTS) {
            return Err(format!("{} events", outstation.events_waiting(0)).into());
        }
        Ok(outstation)
    })?;
    Ok((with - without) / f64::from(POINTS))
}

fn main() -> Result<(), Failure> {
    let _profiler = dhat::Profiler::builder().testing().build();
    let none = of(|| outstation(&[]))?;
    let all = of(|| outstation(&points(Size::analogs(POINTS), 5)))?;
    let state = of(|| Ok(read(Size { analogs: 100, binaries: 30 })?.1))?;
    let point = (all - none) / f64::from(POINTS);
    let figures = serde_json::json!({
        "point": point,
        "event": event(5, None)?,
        "timed_event": event(7, Some(1))?,
        "outstation": state - 130.0 * point,
        "master": of(|| Ok(read(Size { analogs: 100, binaries: 30 })?.0))?,
        "events_max": SessionConfig::new(10, 1).events_max,
    });
    println!("{figures}");
    Ok(())
}
