//! The data link layer: frames of up to 250 octets of user data, guarded block by block by a CRC.
//!
//! A stream may be chopped anyhow and damaged anywhere. [`Frames`] finds the next frame that is whole and sound,
//! counts what it passes over and never holds more than one frame's worth of octets.

use alloc::vec::Vec;

use crate::crc::{crc, crc_of_block, crc_of_header};

/// User data in one frame at most.
pub(crate) const USER_OCTETS_MAX: usize = 250;
const HEADER: usize = 10;
const BLOCK: usize = 16;
const CRC: usize = 2;
/// A whole frame at most: header, 15 blocks of 16 octets and one of 10.
const FRAME_OCTETS_MAX: usize = HEADER + USER_OCTETS_MAX + BLOCKS_MAX * CRC;
const BLOCKS_MAX: usize = USER_OCTETS_MAX.div_ceil(BLOCK);
const SYNC: [u8; 2] = [0x05, 0x64];
/// Octets that the length counts beside the user data.
const LENGTH_MIN: u8 = 5;

pub(crate) const DIR: u8 = 0x80;
pub(crate) const PRM: u8 = 0x40;
pub(crate) const FCB: u8 = 0x20;
pub(crate) const FCV: u8 = 0x10;
pub(crate) const FUNCTION: u8 = 0x0F;

/// Appends one frame. `user` is cut at [`USER_OCTETS_MAX`].
pub(crate) fn write_frame(out: &mut Vec<u8>, control: u8, destination: u16, source: u16, user: &[u8]) {
    let user = user.get(..USER_OCTETS_MAX).unwrap_or(user);
    write_header(out, control, destination, source, user.len());
    write_blocks(out, user);
}

/// Appends one frame whose user data is a transport header and a segment.
pub(crate) fn write_segment(
    out: &mut Vec<u8>,
    control: u8,
    destination: u16,
    source: u16,
    header: u8,
    segment: &[u8],
) {
    let segment = segment.get(..USER_OCTETS_MAX - 1).unwrap_or(segment);
    write_header(out, control, destination, source, segment.len().saturating_add(1));
    let (first, rest) = segment.split_at_checked(BLOCK - 1).unwrap_or((segment, &[]));
    let mut block = [header; BLOCK];
    let length = first.len().saturating_add(1);
    if let Some(place) = block.get_mut(1..length) {
        place.copy_from_slice(first);
    }
    write_blocks(out, block.get(..length).unwrap_or_default());
    write_blocks(out, rest);
}

fn write_header(out: &mut Vec<u8>, control: u8, destination: u16, source: u16, user: usize) {
    out.reserve(FRAME_OCTETS_MAX);
    let length = u8::try_from(user).unwrap_or(u8::MAX).saturating_add(LENGTH_MIN);
    let ([d0, d1], [s0, s1]) = (destination.to_le_bytes(), source.to_le_bytes());
    let header = [SYNC[0], SYNC[1], length, control, d0, d1, s0, s1];
    let [c0, c1] = crc_of_header(&header).to_le_bytes();
    out.extend_from_slice(&[SYNC[0], SYNC[1], length, control, d0, d1, s0, s1, c0, c1]);
}

fn write_blocks(out: &mut Vec<u8>, user: &[u8]) {
    let (whole, last) = user.as_chunks::<BLOCK>();
    for block in whole {
        let mut checked = [0; BLOCK + CRC];
        if let Some((data, check)) = checked.split_first_chunk_mut::<BLOCK>() {
            *data = *block;
            check.copy_from_slice(&crc_of_block(block).to_le_bytes());
        }
        out.extend_from_slice(&checked);
    }
    if !last.is_empty() {
        out.extend_from_slice(last);
        out.extend_from_slice(&crc(last).to_le_bytes());
    }
}

/// The header of a sound frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) control: u8,
    pub(crate) destination: u16,
    pub(crate) source: u16,
}

/// The user data of a frame, without its check sums.
#[derive(Debug)]
pub(crate) struct User {
    /// Room for whole blocks only, so that each is copied as one.
    octets: [u8; BLOCK * BLOCKS_MAX],
    length: usize,
}

impl User {
    pub(crate) const fn new() -> Self {
        Self { octets: [0; BLOCK * BLOCKS_MAX], length: 0 }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// Octets passed over, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Octets outside of any frame.
    pub(crate) noise: u64,
    /// Headers with a wrong CRC.
    pub(crate) header_crc: u64,
    /// Headers with an impossible length.
    pub(crate) length: u64,
    /// Frames with a wrong CRC in their data.
    pub(crate) data_crc: u64,
}

/// Finds frames in a stream.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The beginning of a frame whose rest has not come yet; always shorter than a frame can be.
    waiting: Vec<u8>,
    pub(crate) passed: Passed,
}

impl Frames {
    pub(crate) fn reset(&mut self) {
        self.waiting.clear();
    }

    /// Whether the beginning of a frame waits for its rest.
    pub(crate) fn is_partial(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next sound frame of the stream; `octets` is shortened by what was looked at. A frame that is whole in
    /// `octets` is read in place. Each turn of the loop consumes an octet or ends it.
    pub(crate) fn next(&mut self, octets: &mut &[u8], user: &mut User) -> Option<Header> {
        loop {
            if self.waiting.is_empty() {
                let (found, used) = scan(octets, &mut self.passed, user);
                let rest = octets.get(used..).unwrap_or_default();
                if found.is_none() {
                    self.waiting.extend_from_slice(rest);
                    *octets = &[];
                    return None;
                }
                *octets = rest;
                return found;
            }
            let room = FRAME_OCTETS_MAX.saturating_sub(self.waiting.len()).min(octets.len());
            let (more, rest) = octets.split_at_checked(room).unwrap_or((octets, &[]));
            self.waiting.extend_from_slice(more);
            *octets = rest;
            let (found, used) = scan(&self.waiting, &mut self.passed, user);
            self.waiting.drain(..used.min(self.waiting.len()));
            if found.is_some() || octets.is_empty() {
                return found;
            }
        }
    }
}

/// Looks for a sound frame: that frame, and how many octets are done with.
fn scan(octets: &[u8], passed: &mut Passed, user: &mut User) -> (Option<Header>, usize) {
    let mut at = 0_usize;
    loop {
        let rest = octets.get(at..).unwrap_or_default();
        let skip = rest.iter().position(|octet| *octet == SYNC[0]).unwrap_or(rest.len());
        passed.noise = passed.noise.saturating_add(u64::try_from(skip).unwrap_or(u64::MAX));
        at = at.saturating_add(skip);
        match parse(rest.get(skip..).unwrap_or_default(), passed, user) {
            Parsed::Frame(header, length) => return (Some(header), at.saturating_add(length)),
            Parsed::Wait => return (None, at),
            Parsed::Skip => at = at.saturating_add(1),
        }
    }
}

enum Parsed {
    Frame(Header, usize),
    Wait,
    Skip,
}

fn parse(octets: &[u8], passed: &mut Passed, user: &mut User) -> Parsed {
    let count = |counter: &mut u64| {
        *counter = counter.saturating_add(1);
        Parsed::Skip
    };
    if octets.get(1).is_some_and(|second| *second != SYNC[1]) {
        return count(&mut passed.noise);
    }
    let Some((header, body)) = octets.split_first_chunk::<HEADER>() else { return Parsed::Wait };
    let &[s0, s1, length, control, d0, d1, o0, o1, c0, c1] = header;
    if crc_of_header(&[s0, s1, length, control, d0, d1, o0, o1]) != u16::from_le_bytes([c0, c1]) {
        return count(&mut passed.header_crc);
    }
    let Some(user_length) = length.checked_sub(LENGTH_MIN).map(usize::from) else {
        return count(&mut passed.length);
    };
    let body_length = user_length.saturating_add(user_length.div_ceil(BLOCK).saturating_mul(CRC));
    let Some(body) = body.get(..body_length) else {
        // Each block is judged as soon as it is there: a header that promises more than comes must not swallow what
        // follows it.
        let (whole, _) = body.as_chunks::<{ BLOCK + CRC }>();
        let sound =
            whole.iter().all(|&[ref data @ .., c0, c1]| crc_of_block(data) == u16::from_le_bytes([c0, c1]));
        return if sound { Parsed::Wait } else { count(&mut passed.data_crc) };
    };
    let (whole, last) = body.as_chunks::<{ BLOCK + CRC }>();
    let (places, _) = user.octets.as_chunks_mut::<BLOCK>();
    let mut places = places.iter_mut();
    for (&[ref data @ .., c0, c1], place) in whole.iter().zip(places.by_ref()) {
        if crc_of_block(data) != u16::from_le_bytes([c0, c1]) {
            return count(&mut passed.data_crc);
        }
        *place = *data;
    }
    if let Some((data, check)) = last.split_last_chunk::<CRC>() {
        if crc(data) != u16::from_le_bytes(*check) {
            return count(&mut passed.data_crc);
        }
        if let Some(place) = places.next().and_then(|place| place.get_mut(..data.len())) {
            place.copy_from_slice(data);
        }
    }
    user.length = user_length;
    let header =
        Header { control, destination: u16::from_le_bytes([d0, d1]), source: u16::from_le_bytes([o0, o1]) };
    Parsed::Frame(header, body_length.saturating_add(HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_known_header() {
        // Reset of link states, from master 1024 to outstation 1.
        let mut out = Vec::new();
        write_frame(&mut out, 0xC0, 1, 1024, &[]);
        assert_eq!(out, [0x05, 0x64, 0x05, 0xC0, 0x01, 0x00, 0x00, 0x04, 0xE9, 0x21]);
    }

    /// The user data of every frame in these chunks.
    fn found(frames: &mut Frames, octets: &[u8]) -> Vec<Vec<u8>> {
        let (mut octets, mut user, mut found) = (octets, User::new(), Vec::new());
        while frames.next(&mut octets, &mut user).is_some() {
            found.push(user.octets().to_vec());
        }
        found
    }

    #[test]
    fn any_chopping_and_any_noise() {
        let user: Vec<u8> = (0..=249).collect();
        let mut stream = vec![0x05, 0x05, 0x64, 0x01];
        write_frame(&mut stream, 0xC4, 10, 1, &user);
        write_frame(&mut stream, 0xC4, 10, 1, &user[..17]);
        for size in 1..=stream.len() {
            let mut frames = Frames::default();
            let all: Vec<_> = stream.chunks(size).flat_map(|chunk| found(&mut frames, chunk)).collect();
            assert_eq!(all, [user.clone(), user[..17].to_vec()], "{size}");
            assert!(frames.waiting.is_empty());
        }
    }

    #[test]
    fn a_header_that_promises_too_much_swallows_nothing() {
        let mut overstated = Vec::new();
        write_header(&mut overstated, 0xC4, 10, 1, 250);
        let mut good = Vec::new();
        write_frame(&mut good, 0xC4, 10, 1, &[0xC0, 0xC0, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6]);
        for cut in 0..=good.len() {
            let mut frames = Frames::default();
            assert!(found(&mut frames, &overstated).is_empty());
            let all = [found(&mut frames, &good[..cut]), found(&mut frames, &good[cut..])].concat();
            assert_eq!(all, [[0xC0, 0xC0, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6]], "{cut}");
        }
    }

    #[test]
    fn no_single_damaged_octet_gets_through() {
        let mut good = Vec::new();
        write_frame(
            &mut good,
            0xC4,
            10,
            1,
            &[0xC0, 0xC1, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6, 0, 1, 2],
        );
        for at in 0..good.len() {
            let mut frames = Frames::default();
            let mut damaged = good.clone();
            damaged[at] ^= 0x40;
            assert_eq!(found(&mut frames, &damaged), [[0_u8; 0]; 0], "octet {at}");
            // A damaged length may wait for more; what follows brings it back into step.
            let after: Vec<_> = (0..20).flat_map(|_| found(&mut frames, &good)).collect();
            assert!(after.len() >= 10, "octet {at}");
        }
    }
}
