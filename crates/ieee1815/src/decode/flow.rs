//! One direction of a conversation: octets to frames, frames to fragments, and every octet that becomes neither.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::application::Application;
use super::frame::{Found, Frame, Transport, look};
use super::reason::Reason;

/// Series of segments that may be open at once in one flow; an observer is no target either.
const SERIES_MAX: usize = 256;

/// Limits of an observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a fragment at most.
    pub fragment_octets: usize,
}

impl Default for Limits {
    /// 2,048 octets.
    fn default() -> Self {
        Self { fragment_octets: 2_048 }
    }
}

/// Who speaks to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ends {
    /// From whom.
    pub source: u16,
    /// To whom.
    pub destination: u16,
    /// From the master's side.
    pub from_master: bool,
}

/// A whole application fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Who speaks to whom.
    pub ends: Ends,
    /// Frames that it came in.
    pub frames: usize,
    /// Its octets.
    pub octets: Vec<u8>,
}

impl Fragment {
    /// Its application layer.
    ///
    /// # Errors
    /// [`Reason::ApplicationTruncated`].
    pub fn application(&self) -> Result<Application<'_>, Reason> {
        Application::new(&self.octets, self.ends.from_master)
    }
}

/// What was found, in the order of the octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Octets that are no frame.
    Skipped {
        /// The octets.
        octets: Vec<u8>,
        /// Why.
        reason: Reason,
    },
    /// A frame, sound or with its problem.
    Frame(Frame),
    /// The frame before this made a fragment whole.
    Fragment(Fragment),
    /// Segments that will never be a fragment.
    Dropped {
        /// Who speaks to whom.
        ends: Ends,
        /// How many octets.
        octets: usize,
        /// Why.
        reason: Reason,
    },
}

#[derive(Debug)]
struct Series {
    last: Transport,
    /// The last segment, so that its repetition is known.
    segment: Vec<u8>,
    octets: Vec<u8>,
    frames: usize,
    /// Too long: that was told, and what follows of it goes the same way.
    lost: bool,
}

impl Series {
    const fn new(first: Transport) -> Self {
        Self { last: first, segment: Vec::new(), octets: Vec::new(), frames: 0, lost: false }
    }
}

/// One direction of a byte stream, or of datagrams between two ends.
#[derive(Debug, Default)]
pub struct Flow {
    limits: Limits,
    waiting: Vec<u8>,
    series: BTreeMap<Ends, Series>,
}

impl Flow {
    /// With limits of your own.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes octets and tells what they complete.
    pub fn push(&mut self, octets: &[u8]) -> Vec<Item> {
        self.waiting.extend_from_slice(octets);
        self.read(false)
    }

    /// Octets are missing after these, or a datagram ends: what waits for more is judged as it is.
    pub fn gap(&mut self) -> Vec<Item> {
        self.read(true)
    }

    /// Nothing more will come.
    pub fn finish(&mut self) -> Vec<Item> {
        let mut items = self.read(true);
        let open = core::mem::take(&mut self.series);
        items.extend(open.into_iter().filter(|(_, series)| !series.lost).map(|(ends, series)| {
            let octets = series.octets.len();
            Item::Dropped { ends, octets, reason: Reason::SegmentUnfinished }
        }));
        items
    }

    fn read(&mut self, last: bool) -> Vec<Item> {
        let octets = core::mem::take(&mut self.waiting);
        let mut rest = octets.as_slice();
        let mut items = Vec::new();
        while !rest.is_empty() {
            let taken = match look(rest, last) {
                Found::Wait => break,
                Found::Not(taken, reason) => {
                    pass_over(&mut items, rest.get(..taken).unwrap_or_default(), reason);
                    taken
                }
                Found::Frame(frame, taken) => {
                    self.frame(frame, &mut items);
                    taken
                }
            };
            // A turn that took nothing would be the last.
            let Some(left) = rest.get(taken.max(1)..) else { break };
            rest = left;
        }
        self.waiting.extend_from_slice(rest);
        items
    }

    fn frame(&mut self, frame: Frame, items: &mut Vec<Item>) {
        let ends =
            Ends { source: frame.source, destination: frame.destination, from_master: frame.from_master() };
        let sound = frame.problem.is_none();
        let segment = match (frame.transport(), frame.user.split_first()) {
            (Some(transport), Some((_, data))) if sound => Some((transport, data.to_vec())),
            _ => None,
        };
        items.push(Item::Frame(frame));
        if let Some((transport, data)) = segment {
            self.segment(ends, transport, data, items);
        }
    }

    fn segment(&mut self, ends: Ends, transport: Transport, data: Vec<u8>, items: &mut Vec<Item>) {
        let mut drop = |octets: usize, reason| items.push(Item::Dropped { ends, octets, reason });
        let open = self.series.remove(&ends);
        let mut series = match open {
            Some(series) if transport.fir => {
                let same = series.frames == 1 && series.last == transport && series.segment == data;
                let reason = if same { Reason::SegmentRepeated } else { Reason::SegmentSuperseded };
                if !series.lost {
                    drop(series.octets.len(), reason);
                }
                Series::new(transport)
            }
            None if transport.fir => Series::new(transport),
            None => return drop(data.len(), Reason::SegmentOrphan),
            Some(series) if series.last == transport && series.segment == data => {
                drop(data.len(), Reason::SegmentRepeated);
                self.series.insert(ends, series);
                return;
            }
            Some(series) if series.last.sequence.wrapping_add(1) & 0x3F != transport.sequence => {
                return drop(series.octets.len().saturating_add(data.len()), Reason::SegmentSequence);
            }
            Some(series) => series,
        };
        if !series.lost && series.octets.len().saturating_add(data.len()) > self.limits.fragment_octets {
            drop(series.octets.len().saturating_add(data.len()), Reason::FragmentTooLong);
            series.octets.clear();
            series.lost = true;
        }
        if !series.lost {
            series.octets.extend_from_slice(&data);
        }
        series.frames = series.frames.saturating_add(1);
        series.last = transport;
        series.segment = data;
        if transport.fin && series.lost {
            return;
        }
        if transport.fin {
            items.push(Item::Fragment(Fragment { ends, frames: series.frames, octets: series.octets }));
            return;
        }
        if self.series.len() >= SERIES_MAX
            && let Some((ends, series)) = self.series.pop_first()
        {
            let octets = series.octets.len();
            items.push(Item::Dropped { ends, octets, reason: Reason::SegmentUnfinished });
        }
        self.series.insert(ends, series);
    }
}

/// Adds octets that are no frame to those before, where they belong together.
fn pass_over(items: &mut Vec<Item>, octets: &[u8], reason: Reason) {
    match items.last_mut() {
        Some(Item::Skipped { octets: before, .. }) if reason == Reason::Noise => {
            before.extend_from_slice(octets);
        }
        _ => items.push(Item::Skipped { octets: octets.to_vec(), reason }),
    }
}
