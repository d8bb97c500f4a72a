//! The DNP3 time base: what the stamps on the wire count from.
//!
//! A site whose machine has no reference of its own may take the time from its master. That shifts the stamps of
//! DNP3 and nothing else: never the machine's clock, and no age.

use std::time::Duration;

use telemetry::{Mono, Now};

/// How long a time from the master is relied on before a new one is asked for.
const ASK_AGAIN: Duration = Duration::from_secs(600);

/// The time base.
#[derive(Debug)]
pub(crate) struct TimeBase {
    from_master: bool,
    /// DNP3 time in milliseconds, and when it was so.
    set: Option<(u64, Mono)>,
}

impl TimeBase {
    pub(crate) const fn new(from_master: bool) -> Self {
        Self { from_master, set: None }
    }

    /// Goes on as another did, where both have the time from the same.
    pub(crate) fn carry(&mut self, old: &Self) {
        if self.from_master == old.from_master {
            self.set = old.set;
        }
    }

    /// Takes the time from a master. Refused where the machine's own clock is the source.
    pub(crate) fn write(&mut self, millis: u64, now: Mono) -> bool {
        if self.from_master {
            self.set = Some((millis, now));
        }
        self.from_master
    }

    /// Whether a master should write the time (IIN1.4).
    pub(crate) fn is_needed(&self, now: Mono) -> bool {
        self.from_master && self.set.is_none_or(|(_, at)| now.since(at) >= ASK_AGAIN)
    }

    /// When the time will be needed again; `None` while it is needed, or never will be.
    pub(crate) fn needed_next(&self, now: Mono) -> Option<Mono> {
        self.set.map(|(_, at)| at.plus(ASK_AGAIN)).filter(|again| *again > now)
    }

    /// The DNP3 time, in milliseconds, of something that happened at `then`.
    pub(crate) fn stamp(&self, then: Mono, now: Now) -> u64 {
        let age = u64::try_from(now.mono.since(then).as_millis()).unwrap_or(u64::MAX);
        let present = match self.set {
            Some((millis, at)) => {
                millis.saturating_add(u64::try_from(now.mono.since(at).as_millis()).unwrap_or(u64::MAX))
            }
            None => now.wall.as_millis(),
        };
        present.saturating_sub(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Wall;

    #[test]
    fn a_local_clock_takes_no_time_from_a_master() {
        let mut base = TimeBase::new(false);
        let now = Now::virtual_millis(5_000);
        assert!(!base.is_needed(now.mono) && !base.write(77, now.mono));
        assert_eq!(base.stamp(Mono::from_millis(3_000), now), 3_000);
    }

    #[test]
    fn a_master_shifts_the_stamps_and_is_asked_again() {
        let mut base = TimeBase::new(true);
        assert!(base.is_needed(Mono::ZERO));
        assert!(base.write(1_000_000, Mono::from_millis(5_000)));
        assert!(!base.is_needed(Mono::from_millis(5_000)));
        // The machine's wall clock jumps by an hour: no stamp does.
        let now = Now { wall: Wall::from_millis(3_600_000), ..Now::virtual_millis(7_000) };
        assert_eq!(base.stamp(now.mono, now), 1_002_000);
        assert_eq!(base.stamp(Mono::from_millis(6_500), now), 1_001_500);
        let again = base.needed_next(now.mono).unwrap();
        assert!(base.is_needed(again) && again == Mono::from_millis(605_000));
        assert_eq!(base.needed_next(again), None);
    }
}
