//! Clocks and memory of this process, and medians.
//!
//! Work on one thread is measured by the CPU clock of that thread: a neighbour on the machine then costs caches, but
//! not time.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Runs of everything; the median counts.
pub(crate) const RUNS: usize = 5;

fn clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanos)
}

/// CPU time of this thread.
pub(crate) fn thread_cpu() -> Duration {
    clock(ClockId::ThreadCPUTime)
}

/// CPU time of this process.
pub(crate) fn process_cpu() -> Duration {
    clock(ClockId::ProcessCPUTime)
}

/// Resident octets of this process.
pub(crate) fn resident() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).and_then(|field| field.parse::<u64>().ok());
    let page = u64::try_from(rustix::param::page_size()).unwrap_or_default();
    pages.map(|pages| pages * page).ok_or_else(|| io::Error::other("/proc/self/statm"))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Medians of ours and of the floor, in seconds for `times` turns of each; the two take turns.
pub(crate) fn beside(times: u32, mut ours: impl FnMut(), mut floor: impl FnMut(), runs: usize) -> (f64, f64) {
    let measure = |what: &mut dyn FnMut()| {
        let before = thread_cpu();
        for _ in 0..times {
            what();
        }
        (thread_cpu() - before).as_secs_f64()
    };
    // Once for the caches and the branch predictors.
    measure(&mut ours);
    measure(&mut floor);
    let (mut of_ours, mut of_floor) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        of_ours.push(measure(&mut ours));
        of_floor.push(measure(&mut floor));
    }
    (median(of_ours), median(of_floor))
}

/// Median seconds of `times` turns.
pub(crate) fn alone(times: u32, what: impl FnMut(), runs: usize) -> f64 {
    beside(times, what, || (), runs).0
}

/// A sum that the compiler cannot leave out.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Sum {
    values: u64,
    indexes: u32,
    flags: u8,
}

impl Sum {
    #[inline]
    pub(crate) fn add(&mut self, index: u32, value: f64, flags: u8) {
        self.values ^= value.to_bits();
        self.indexes = self.indexes.wrapping_add(index);
        self.flags |= flags;
    }

    pub(crate) fn keep(self) {
        black_box((self.values, self.indexes, self.flags));
    }
}
