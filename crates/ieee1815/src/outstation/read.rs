//! What a READ asks for.

use alloc::collections::VecDeque;

use super::events::class_set;
use super::points::Points;
use super::reconfigure::Moves;
use crate::objects::{
    self, Attribute, Direction, Entry, ObjectHeader, Range, event_type, parse_headers, static_type,
};
use crate::{Classes, Iin, PointType};

/// Things to send in one response; a request that wants more is refused.
pub(super) const ITEMS_MAX: usize = 64;

/// One thing to send.
#[derive(Debug)]
pub(super) enum Item {
    /// Events that wait, `left` at most.
    Events {
        of: Which,
        variation: Option<Entry>,
        left: u32,
    },
    /// Statics of the rows from `next` to before `end`.
    Statics {
        next: usize,
        end: usize,
        variation: Option<Entry>,
        /// Only what class 0 reports.
        class_0: bool,
    },
    /// Deadbands (group 34) of the rows from `next` to before `end`.
    Deadbands {
        next: usize,
        end: usize,
        entry: Entry,
    },
    /// Device attributes: one variation, or all (254), or the list of them (255).
    Attributes {
        variation: u8,
        next: usize,
    },
    Time,
    /// Bits of the internal indications.
    Indications {
        first: u8,
        last: u8,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    Classes(Classes),
    Point(PointType),
}

/// What of a READ is still to be sent.
#[derive(Debug, Default)]
pub(super) struct Series(pub(super) VecDeque<Item>);

impl Series {
    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The table changed: rows are where they are now. An answer that is under way leaves out what is gone.
    pub(super) fn reconfigure(&mut self, moves: &Moves<'_>) {
        for item in &mut self.0 {
            if let Item::Statics { next, end, .. } | Item::Deadbands { next, end, .. } = item {
                (*next, *end) = (moves.boundary(*next), moves.boundary(*end));
            }
        }
    }

    /// Takes a request; what is wrong with it. A request that cannot be read to its end asks for nothing. `waiting`
    /// is how many events wait: those that happen while it is answered are for the next read.
    pub(super) fn begin(
        &mut self,
        octets: &[u8],
        points: &Points,
        attributes: &[Attribute],
        waiting: usize,
    ) -> Iin {
        self.0.clear();
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let mut iin = Iin::NONE;
        for header in parse_headers(octets, Direction::Naming) {
            let wrong = match header {
                Ok(header) if self.0.len() < ITEMS_MAX => self.take(&header, points, attributes, waiting),
                _ => {
                    self.0.clear();
                    return Iin::PARAMETER_ERROR;
                }
            };
            iin = iin | wrong;
        }
        iin
    }

    fn take(
        &mut self,
        header: &ObjectHeader<'_>,
        points: &Points,
        attributes: &[Attribute],
        waiting: u32,
    ) -> Iin {
        let (group, variation) = (header.group, header.variation);
        let limit = match header.range {
            Range::All => Some(waiting),
            Range::Count(count) => Some(count.min(waiting)),
            _ => None,
        };
        let known = variation == 0 || objects::entry(group, variation).is_some();
        match (group, variation) {
            (60, 1) if header.range == Range::All => {
                let end = points.rows().len();
                self.0.push_back(Item::Statics { next: 0, end, variation: None, class_0: true });
            }
            (60, 2..=4) => {
                let Some(left) = limit else { return Iin::PARAMETER_ERROR };
                let of = Which::Classes(class_set(variation.wrapping_sub(1)));
                self.0.push_back(Item::Events { of, variation: None, left });
            }
            (50, 1) if matches!(header.range, Range::All | Range::Count(1)) => self.0.push_back(Item::Time),
            (80, 1) if matches!(header.range, Range::All | Range::StartStop(..=15, ..=15)) => {
                let bit = |index: u32| u8::try_from(index).unwrap_or(15);
                let (first, last) = match header.range {
                    Range::StartStop(first, last) => (bit(first), bit(last)),
                    _ => (0, 15),
                };
                self.0.push_back(Item::Indications { first, last });
            }
            (0, 1..=253) if !attributes.iter().any(|attribute| attribute.variation == variation) => {
                return Iin::OBJECT_UNKNOWN;
            }
            (0, 1..) if matches!(header.range, Range::All | Range::StartStop(0, 0)) => {
                self.0.push_back(Item::Attributes { variation, next: 0 });
            }
            (0 | 50 | 60 | 80, _) if known => return Iin::PARAMETER_ERROR,
            // A length is not a variation that one could ask for.
            (110 | 111, 1..) => return Iin::OBJECT_UNKNOWN,
            (34, _) if known => {
                let default = objects::entry(34, if variation == 0 { 3 } else { variation });
                let Some(entry) = default else { return Iin::OBJECT_UNKNOWN };
                return self.rows(header, PointType::AnalogInput, points, &|next, end| Item::Deadbands {
                    next,
                    end,
                    entry,
                });
            }
            _ if !known => return Iin::OBJECT_UNKNOWN,
            _ => {
                let variation = objects::entry(group, variation);
                if let Some(point) = event_type(group) {
                    let Some(left) = limit else { return Iin::PARAMETER_ERROR };
                    self.0.push_back(Item::Events { of: Which::Point(point), variation, left });
                } else if let Some(point) = static_type(group) {
                    let class_0 = false;
                    return self.rows(header, point, points, &|next, end| Item::Statics {
                        next,
                        end,
                        variation,
                        class_0,
                    });
                } else {
                    return Iin::OBJECT_UNKNOWN;
                }
            }
        }
        Iin::NONE
    }

    /// The rows that a header names. What exists of them is sent, what does not is told.
    fn rows(
        &mut self,
        header: &ObjectHeader<'_>,
        point: PointType,
        points: &Points,
        item: &dyn Fn(usize, usize) -> Item,
    ) -> Iin {
        match header.range {
            Range::All => {
                let span = points.span(point, 0, u16::MAX);
                self.0.push_back(item(span.start, span.end));
                Iin::NONE
            }
            Range::StartStop(start, stop) => {
                let (Ok(start), last) = (u16::try_from(start), u16::try_from(stop).unwrap_or(u16::MAX))
                else {
                    return Iin::PARAMETER_ERROR;
                };
                let span = points.span(point, start, last);
                let whole = u64::from(stop).abs_diff(u64::from(start)).saturating_add(1) == span.len() as u64;
                self.0.push_back(item(span.start, span.end));
                if whole { Iin::NONE } else { Iin::PARAMETER_ERROR }
            }
            Range::Indexed(_) => {
                let mut iin = Iin::NONE;
                for index in header.indexes() {
                    let at = u16::try_from(index).ok().and_then(|index| points.find((point, index)));
                    match at {
                        Some(at) if self.0.len() < ITEMS_MAX => {
                            self.0.push_back(item(at, at.saturating_add(1)));
                        }
                        _ => iin = Iin::PARAMETER_ERROR,
                    }
                }
                iin
            }
            // The first so many.
            Range::Count(count) => {
                let span = points.span(point, 0, u16::MAX);
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                self.0.push_back(item(span.start, span.end.min(span.start.saturating_add(count))));
                Iin::NONE
            }
        }
    }
}
