//! `bench-heap`: octets of the heap that a point, a queued event and a session hold; counted by an allocator that
//! would slow everything else down, hence a program of its own.

#[allow(dead_code, reason = "this program uses a part of it")]
mod engine;
#[allow(dead_code, reason = "this program uses a part of it")]
mod meter;

use engine::{MasterEnd, OutstationEnd, Pair, Size, analog, outstation, points};
use ieee1815::outstation::Outstation;
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
    let made = || -> Result<Outstation, Failure> { outstation(&points(Size::analogs(POINTS), variation), 1) };
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
    let of_points = |count, sessions| of(|| outstation(&points(Size::analogs(count), 5), sessions));
    let per_point = |sessions| -> Result<f64, Failure> {
        Ok((of_points(POINTS, sessions)? - of_points(0, sessions)?) / f64::from(POINTS))
    };
    let (shared, one) = (per_point(0)?, per_point(1)?);
    let size = Size { analogs: 100, binaries: 30 };
    let fresh = |sessions| of(|| outstation(&points(size, 5), sessions));
    let buffers = of(|| Ok(read(size)?.1))? - fresh(1)?;
    let session = fresh(1)? - fresh(0)? - 130.0 * (one - shared) + buffers;
    let figures = serde_json::json!({
        "point": shared,
        "point_of_a_session": one - shared,
        "event": event(5, None)?,
        "timed_event": event(7, Some(1))?,
        "session": session,
        "master": of(|| Ok(read(size)?.0))?,
    });
    println!("{figures}");
    Ok(())
}
