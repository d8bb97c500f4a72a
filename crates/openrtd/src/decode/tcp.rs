//! One direction of a TCP connection put back in order, as far as the capture has it.

use std::collections::BTreeMap;

/// Octets that may wait for those before them; beyond it those are taken for lost.
const WAITING_OCTETS_MAX: usize = 1 << 20;

/// What a segment brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    /// The next octets.
    Octets(Vec<u8>),
    /// So many octets were sent before, and came once more.
    Again(usize),
    /// So many octets are not in the capture.
    Missing(u32),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    /// Sequence number of the next octet; `None` before the first segment.
    next: Option<u32>,
    waiting: BTreeMap<u32, Vec<u8>>,
}

impl Reassembly {
    /// A connection begins with this sequence number.
    pub(crate) fn begin(&mut self, sequence: u32) {
        self.next = Some(sequence.wrapping_add(1));
        self.waiting.clear();
    }

    /// Whether a SYN with this sequence number begins another connection.
    pub(crate) fn is_another(&self, sequence: u32) -> bool {
        self.next.is_some_and(|next| distance(sequence.wrapping_add(1), next) != 0)
    }

    /// Takes a segment's octets.
    pub(crate) fn push(&mut self, sequence: u32, octets: &[u8]) -> Vec<Brought> {
        let next = *self.next.get_or_insert(sequence);
        let mut brought = Vec::new();
        if octets.is_empty() {
            return brought;
        }
        let behind = usize::try_from(distance(next, sequence).max(0)).unwrap_or_default();
        let known = behind.min(octets.len());
        if known > 0 {
            brought.push(Brought::Again(known));
        }
        if let Some(fresh) = octets.get(known..).filter(|fresh| !fresh.is_empty()) {
            let at = sequence.wrapping_add(u32::try_from(known).unwrap_or_default());
            let longer = self.waiting.get(&at).is_none_or(|waiting| waiting.len() < fresh.len());
            if longer {
                self.waiting.insert(at, fresh.to_vec());
            }
        }
        self.drain(&mut brought);
        while self.waiting.values().map(Vec::len).sum::<usize>() > WAITING_OCTETS_MAX {
            self.jump(&mut brought);
        }
        brought
    }

    /// The other end has all octets before this number: what is not here was not captured.
    pub(crate) fn acknowledged(&mut self, number: u32) -> Vec<Brought> {
        let mut brought = Vec::new();
        while let Some((first, next)) = self.first().zip(self.next) {
            if distance(first, next) <= 0 || distance(number, first) < 0 {
                break;
            }
            self.jump(&mut brought);
        }
        brought
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self) -> Vec<Brought> {
        let mut brought = Vec::new();
        while !self.waiting.is_empty() {
            self.jump(&mut brought);
        }
        brought
    }

    /// The waiting segment nearest to what comes next.
    fn first(&self) -> Option<u32> {
        let next = self.next?;
        self.waiting.keys().copied().min_by_key(|at| distance(*at, next))
    }

    fn jump(&mut self, brought: &mut Vec<Brought>) {
        let (Some(first), Some(next)) = (self.first(), self.next) else { return self.waiting.clear() };
        let missing = distance(first, next);
        if missing > 0 {
            brought.push(Brought::Missing(missing.unsigned_abs()));
            self.next = Some(first);
        }
        self.drain(brought);
    }

    fn drain(&mut self, brought: &mut Vec<Brought>) {
        while let Some((first, next)) = self.first().zip(self.next) {
            let behind = distance(next, first);
            if behind < 0 {
                return;
            }
            let Some(octets) = self.waiting.remove(&first) else { return };
            let known = usize::try_from(behind).unwrap_or(usize::MAX);
            if let Some(fresh) = octets.get(known..).filter(|fresh| !fresh.is_empty()) {
                self.next = Some(next.wrapping_add(u32::try_from(fresh.len()).unwrap_or_default()));
                brought.push(Brought::Octets(fresh.to_vec()));
            }
        }
    }
}

/// How far `a` is after `b`, round the circle of sequence numbers.
fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(brought: &[Brought]) -> Vec<u8> {
        brought
            .iter()
            .filter_map(|one| if let Brought::Octets(octets) = one { Some(octets.clone()) } else { None })
            .flatten()
            .collect()
    }

    #[test]
    fn order_repetition_and_overlap_round_the_circle() {
        let mut stream = Reassembly::default();
        stream.begin(u32::MAX - 3);
        let at = |number: u32| (u32::MAX - 2).wrapping_add(number);
        assert_eq!(octets(&stream.push(at(0), b"abc")), b"abc");
        assert_eq!(stream.push(at(5), b"fgh"), []);
        assert_eq!(stream.push(at(0), b"abc"), [Brought::Again(3)]);
        assert_eq!(octets(&stream.push(at(2), b"cdefX")), b"defXh");
        assert_eq!(stream.push(at(6), b"gh"), [Brought::Again(2)]);
    }

    #[test]
    fn what_was_acknowledged_but_is_not_here_is_missing() {
        let mut stream = Reassembly::default();
        assert_eq!(octets(&stream.push(100, b"ab")), b"ab");
        assert_eq!(stream.push(110, b"yz"), []);
        assert_eq!(stream.acknowledged(105), []);
        assert_eq!(stream.acknowledged(112), [Brought::Missing(8), Brought::Octets(b"yz".to_vec())]);
        assert_eq!(stream.push(120, b"!"), []);
        assert_eq!(stream.finish(), [Brought::Missing(8), Brought::Octets(b"!".to_vec())]);
    }
}
