//! What the worlds of the proofs are alike in: the clock, a master's end, and what a master makes of an object.

use std::time::Duration;

use ieee1815::master::{Master, MasterConfig, PointSet};
use ieee1815::{Flags, Measured, PointType, Value};
use rtd::core::Core;
use site::Site;
use telemetry::{Mono, Now, Wall, WallTrust};

/// Where the wall clock begins.
pub(crate) const EPOCH: i64 = 1_700_000_000_000;

/// A moment: the wall clock is ahead of the monotonic one by `offset`.
pub(crate) fn now_of(mono: u64, offset: i64, wall_trust: WallTrust) -> Now {
    let wall = u64::try_from(i64::try_from(mono).unwrap() + offset).unwrap();
    Now { mono: Mono::from_millis(mono), wall: Wall::from_millis(wall), wall_trust }
}

/// The first whole millisecond at which a time is over.
pub(crate) fn ceil_millis(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1_000)).unwrap()
}

/// When the core, or one of the masters, wants to be called next.
pub(crate) fn next_due<'a>(core: &Core, masters: impl Iterator<Item = &'a Master>) -> Option<u64> {
    let core = core.due().map(|due| due.as_micros().div_ceil(1_000));
    masters.filter_map(Master::timeout).map(ceil_millis).chain(core).min()
}

/// A master of a site, by its place there.
pub(crate) fn master(site: &Site, at: usize) -> Master {
    let mut config = MasterConfig::new(site.masters[at].address, site.outstation.address);
    config.accept = [PointType::AnalogInput, PointType::BinaryInput, PointType::AnalogOutputStatus]
        .into_iter()
        .fold(PointSet::new(), |set, point| set.with(point, 0..=u16::MAX));
    Master::new(config)
}

/// Whether a master would use it as it is.
pub(crate) fn is_good(measured: Measured) -> bool {
    let against =
        [Flags::RESTART, Flags::COMM_LOST, Flags::REMOTE_FORCED, Flags::LOCAL_FORCED, Flags::OVER_RANGE];
    // A variation without flags says that all is well.
    measured.flags.is_none_or(|flags| {
        flags.contains(Flags::ONLINE) && !against.into_iter().any(|bit| flags.contains(bit))
    })
}

pub(crate) fn number(measured: Measured) -> f64 {
    match measured.value {
        Value::Analog(value) => value,
        Value::Binary(state) => f64::from(u8::from(state)),
        _ => f64::NAN,
    }
}
