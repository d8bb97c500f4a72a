//! What a master is told about the one outstation it talks to.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::PointType;

/// The points that a master wants to know of: indexes per type. Everything else that an outstation sends is
/// counted and dropped, so that no outstation decides how much its master has to remember.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PointSet {
    /// Per type: disjoint ranges (first, last), ascending, never adjacent.
    ranges: BTreeMap<PointType, Vec<(u16, u16)>>,
}

impl PointSet {
    /// An empty set: nothing is accepted.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the indexes of `range`; an empty range adds nothing.
    pub fn insert(&mut self, point: PointType, range: RangeInclusive<u16>) {
        if range.is_empty() {
            return;
        }
        let ranges = self.ranges.entry(point).or_default();
        ranges.push((*range.start(), *range.end()));
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for &(first, last) in ranges.iter() {
            match merged.last_mut() {
                Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        *ranges = merged;
    }

    /// The set with the indexes of `range` added.
    #[must_use]
    pub fn with(mut self, point: PointType, range: RangeInclusive<u16>) -> Self {
        self.insert(point, range);
        self
    }

    /// True when the point is in the set.
    #[must_use]
    pub fn contains(&self, point: PointType, index: u16) -> bool {
        let Some(ranges) = self.ranges.get(&point) else {
            return false;
        };
        let after = ranges.partition_point(|&(first, _)| first <= index);
        after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|&(_, last)| index <= last)
    }
}

/// Configuration of a master for one outstation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterConfig {
    /// Our link address.
    pub address: u16,
    /// The outstation's link address.
    pub outstation_address: u16,
    /// How long to wait for a response, and for each further fragment of one. Default 5 s.
    pub response_timeout: Duration,
    /// How long to wait before a start-up step that failed is tried again. Default 5 s.
    pub retry_delay: Duration,
    /// A request that could not be sent within this time of being made is given up, so that no command acts
    /// long after somebody meant it. Default 10 s.
    pub request_age_max: Duration,
    /// The points that are accepted; default none.
    pub accept: PointSet,
    /// Largest fragment that is put together, in octets. Default 2048.
    pub max_rx_fragment: usize,
    /// Largest request that is made, in octets. Default 2048.
    pub max_tx_fragment: usize,
    /// Fragments that one response may have. Default 1024.
    pub response_fragments_max: u32,
    /// True when this master is the outstation's time source: it then says
    /// [`TimeNeeded`](super::MasterEvent::TimeNeeded) when the outstation asks. Default false.
    pub time_sync: bool,
    /// Requests in a row that may go unanswered; then the master sends nothing more until it is connected anew
    /// ([`Master::is_silent`](super::Master::is_silent)). At most 8, so that no sequence number comes round
    /// while its first answer may still be on the way. Default 3.
    pub silent_max: u32,
    /// True to switch unsolicited responses off (function 21) at every start-up. Default false.
    pub disable_unsolicited: bool,
    /// Requests that may be open: made, and their [`Done`](super::MasterEvent::Done) not taken yet. Default 16.
    pub request_queue_max: usize,
    /// Events that may wait to be taken. A fragment that would make them more is dropped unconfirmed, and the
    /// outstation keeps what it held; one fragment is always taken when none waits. Default 4096.
    pub event_queue_max: usize,
}

impl MasterConfig {
    /// The defaults, for the addresses given.
    #[must_use]
    pub fn new(address: u16, outstation_address: u16) -> Self {
        Self {
            address,
            outstation_address,
            response_timeout: Duration::from_secs(5),
            retry_delay: Duration::from_secs(5),
            request_age_max: Duration::from_secs(10),
            accept: PointSet::new(),
            max_rx_fragment: 2048,
            max_tx_fragment: 2048,
            response_fragments_max: 1024,
            time_sync: false,
            silent_max: 3,
            disable_unsolicited: false,
            request_queue_max: 16,
            event_queue_max: 4096,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_and_decide() {
        let set = PointSet::new()
            .with(PointType::AnalogInput, 10..=19)
            .with(PointType::AnalogInput, 20..=20)
            .with(PointType::AnalogInput, 0..=2)
            .with(PointType::AnalogInput, 5..=12);
        assert_eq!(set.ranges[&PointType::AnalogInput], [(0, 2), (5, 20)]);
        let holds = |index| set.contains(PointType::AnalogInput, index);
        assert!(holds(0) && holds(2) && holds(5) && holds(20));
        assert!(!holds(3) && !holds(4) && !holds(21) && !holds(u16::MAX));
        assert!(!set.contains(PointType::BinaryInput, 0));
    }

    #[test]
    fn the_whole_range_is_one_range() {
        let set = PointSet::new()
            .with(PointType::BinaryInput, 7..=u16::MAX)
            .with(PointType::BinaryInput, 0..=u16::MAX);
        assert_eq!(set.ranges[&PointType::BinaryInput], [(0, u16::MAX)]);
        #[expect(clippy::reversed_empty_ranges, reason = "the point of the test")]
        let empty = PointSet::new().with(PointType::BinaryInput, 2..=1);
        assert!(!empty.contains(PointType::BinaryInput, 1));
    }
}
