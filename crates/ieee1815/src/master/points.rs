//! The points that a master knows: nothing else that an outstation names is remembered.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

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
        self.of(point).admits(index.into()).is_some()
    }

    /// The indexes of one type, to ask for many of them.
    pub(super) fn of(&self, point: PointType) -> Indexes<'_> {
        Indexes { ranges: self.ranges.get(&point).map(Vec::as_slice).unwrap_or_default(), last: None }
    }
}

/// The indexes of one type. Points come in order, so the range of the last one is looked at first.
pub(super) struct Indexes<'a> {
    ranges: &'a [(u16, u16)],
    last: Option<(u16, u16)>,
}

impl Indexes<'_> {
    /// The index, where it is one of the set.
    pub(super) fn admits(&mut self, index: u32) -> Option<u16> {
        let index = u16::try_from(index).ok()?;
        let within = |&(first, last): &(u16, u16)| (first..=last).contains(&index);
        if !self.last.as_ref().is_some_and(within) {
            let after = self.ranges.partition_point(|&(first, _)| first <= index);
            let range = after.checked_sub(1).and_then(|at| self.ranges.get(at)).filter(|range| within(range));
            self.last = Some(*range?);
        }
        Some(index)
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
        assert_eq!(set.of(PointType::AnalogInput).ranges, [(0, 2), (5, 20)]);
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
        assert_eq!(set.of(PointType::BinaryInput).ranges, [(0, u16::MAX)]);
        #[expect(clippy::reversed_empty_ranges, reason = "the point of the test")]
        let empty = PointSet::new().with(PointType::BinaryInput, 2..=1);
        assert!(!empty.contains(PointType::BinaryInput, 1));
    }
}
