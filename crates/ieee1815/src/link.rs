//! The data link layer: frames of up to 250 octets of user data, guarded block by block by a CRC.
//!
//! A stream may be chopped anyhow and damaged anywhere. [`Frames`] finds the next frame that is whole and sound,
//! counts what it passes over and never holds more than one frame's worth of octets.

use alloc::vec::Vec;

/// User data in one frame at most.
pub(crate) const USER_OCTETS_MAX: usize = 250;
const HEADER: usize = 10;
const BLOCK: usize = 16;
const CRC: usize = 2;
const SYNC: [u8; 2] = [0x05, 0x64];
/// Octets that the length counts beside the user data.
const LENGTH_MIN: u8 = 5;

pub(crate) const DIR: u8 = 0x80;
pub(crate) const PRM: u8 = 0x40;
pub(crate) const FCB: u8 = 0x20;
pub(crate) const FCV: u8 = 0x10;
pub(crate) const FUNCTION: u8 = 0x0F;

/// CRC-16/DNP, a table entry for each octet: polynomial 0x3D65, reflected.
const CRC_TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let mut crc = octet as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xA6BC } else { crc >> 1 };
            bit += 1;
        }
        table[octet] = crc;
        octet += 1;
    }
    table
};

/// The check sum of a block.
pub(crate) fn crc(octets: &[u8]) -> u16 {
    let step = |crc: u16, octet: &u8| {
        let [low, _] = (crc ^ u16::from(*octet)).to_le_bytes();
        (crc >> 8) ^ CRC_TABLE.get(usize::from(low)).copied().unwrap_or_default()
    };
    !octets.iter().fold(0, step)
}

/// Appends one frame. `user` is cut at [`USER_OCTETS_MAX`].
pub(crate) fn write_frame(out: &mut Vec<u8>, control: u8, destination: u16, source: u16, user: &[u8]) {
    let user = user.get(..USER_OCTETS_MAX).unwrap_or(user);
    let start = out.len();
    let length = u8::try_from(user.len()).unwrap_or(u8::MAX).saturating_add(LENGTH_MIN);
    out.extend(SYNC);
    out.extend([length, control]);
    out.extend(destination.to_le_bytes());
    out.extend(source.to_le_bytes());
    let check = crc(out.get(start..).unwrap_or_default());
    out.extend(check.to_le_bytes());
    for block in user.chunks(BLOCK) {
        out.extend(block);
        out.extend(crc(block).to_le_bytes());
    }
}

/// A sound frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) control: u8,
    pub(crate) destination: u16,
    pub(crate) source: u16,
    pub(crate) user: Vec<u8>,
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
    waiting: Vec<u8>,
    pub(crate) passed: Passed,
}

impl Frames {
    pub(crate) fn reset(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn push(&mut self, octets: &[u8]) {
        self.waiting.extend_from_slice(octets);
    }

    /// The next sound frame. Each turn of the loop consumes an octet or ends it.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let mut at = 0;
        let found = loop {
            let rest = self.waiting.get(at..).unwrap_or_default();
            let skip = rest.iter().position(|octet| *octet == SYNC[0]).unwrap_or(rest.len());
            self.passed.noise += u64::try_from(skip).unwrap_or(u64::MAX);
            at += skip;
            let rest = rest.get(skip..).unwrap_or_default();
            match parse(rest, &mut self.passed) {
                Parsed::Frame(frame, length) => {
                    at += length;
                    break Some(frame);
                }
                Parsed::Wait => break None,
                Parsed::Skip => at += 1,
            }
        };
        self.waiting.drain(..at.min(self.waiting.len()));
        found
    }
}

enum Parsed {
    Frame(Frame, usize),
    Wait,
    Skip,
}

fn parse(octets: &[u8], passed: &mut Passed) -> Parsed {
    if octets.get(1).is_some_and(|second| *second != SYNC[1]) {
        passed.noise += 1;
        return Parsed::Skip;
    }
    let Some((header, body)) = octets.split_at_checked(HEADER) else { return Parsed::Wait };
    let &[s0, s1, length, control, d0, d1, o0, o1, c0, c1] = header else { return Parsed::Wait };
    if crc(&[s0, s1, length, control, d0, d1, o0, o1]) != u16::from_le_bytes([c0, c1]) {
        passed.header_crc += 1;
        return Parsed::Skip;
    }
    let Some(user_length) = length.checked_sub(LENGTH_MIN).map(usize::from) else {
        passed.length += 1;
        return Parsed::Skip;
    };
    let body_length = user_length + user_length.div_ceil(BLOCK) * CRC;
    let Some(body) = body.get(..body_length) else { return Parsed::Wait };
    let mut user = Vec::with_capacity(user_length);
    for block in body.chunks(BLOCK + CRC) {
        let Some((data, [c0, c1])) = block.split_last_chunk::<CRC>() else { return Parsed::Skip };
        if crc(data) != u16::from_le_bytes([*c0, *c1]) {
            passed.data_crc += 1;
            return Parsed::Skip;
        }
        user.extend_from_slice(data);
    }
    let frame = Frame {
        control,
        destination: u16::from_le_bytes([d0, d1]),
        source: u16::from_le_bytes([o0, o1]),
        user,
    };
    Parsed::Frame(frame, HEADER + body_length)
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

    #[test]
    fn any_chopping_and_any_noise() {
        let user: Vec<u8> = (0..=249).collect();
        let mut stream = vec![0x05, 0x05, 0x64, 0x01];
        write_frame(&mut stream, 0xC4, 10, 1, &user);
        write_frame(&mut stream, 0xC4, 10, 1, &user[..17]);
        for size in [1, 2, 7, 16, 300] {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for chunk in stream.chunks(size) {
                frames.push(chunk);
                while let Some(frame) = frames.next() {
                    found.push(frame.user.len());
                }
            }
            assert_eq!(found, [250, 17], "{size}");
            assert!(frames.waiting.is_empty());
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
            frames.push(&damaged);
            assert_eq!(frames.next(), None, "octet {at}");
            // A damaged length may wait for more; what follows brings it back into step.
            for _ in 0..20 {
                frames.push(&good);
            }
            assert!(core::iter::from_fn(|| frames.next()).count() >= 10, "octet {at}");
        }
    }
}
