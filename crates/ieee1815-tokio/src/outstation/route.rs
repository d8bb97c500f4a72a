//! Finds the first sound frame of a stream whose owner is not known yet.
//!
//! This is all that is done for a stranger: one frame is looked at, nothing is kept beyond it, nothing is answered.

use ieee1815::crc::crc;

use super::Route;

const SYNC: [u8; 2] = [0x05, 0x64];
const HEADER: usize = 10;
const BLOCK: usize = 16;
const CRC: usize = 2;
/// Octets that the length counts beside the user data.
const LENGTH_MIN: u8 = 5;
/// From a master, and from the end that starts an exchange.
const DIR: u8 = 0x80;
/// The longest frame.
pub(crate) const FRAME_OCTETS_MAX: usize = 292;

/// What a stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// More octets are needed to tell.
    Wait,
    /// So many octets are of no use.
    Skip(usize),
    /// A sound frame.
    Frame {
        /// Its octets in all.
        length: usize,
        /// True when a master sent it.
        from_master: bool,
        destination: u16,
        source: u16,
    },
}

/// Looks at the head of a stream.
pub(crate) fn head(octets: &[u8]) -> Head {
    let start = octets.iter().position(|octet| *octet == SYNC[0]).unwrap_or(octets.len());
    if start > 0 {
        return Head::Skip(start);
    }
    let Some((header, body)) = octets.split_first_chunk::<HEADER>() else {
        let promising = octets.get(1).is_none_or(|second| *second == SYNC[1]);
        return if promising { Head::Wait } else { Head::Skip(1) };
    };
    let &[s0, s1, length, control, d0, d1, o0, o1, c0, c1] = header;
    if s1 != SYNC[1] || crc(&[s0, s1, length, control, d0, d1, o0, o1]) != u16::from_le_bytes([c0, c1]) {
        return Head::Skip(1);
    }
    let Some(user) = length.checked_sub(LENGTH_MIN).map(usize::from) else { return Head::Skip(1) };
    let Some(body) = body.get(..user + user.div_ceil(BLOCK) * CRC) else { return Head::Wait };
    let sound = body.chunks(BLOCK + CRC).all(|block| {
        block.split_last_chunk::<CRC>().is_some_and(|(data, check)| crc(data) == u16::from_le_bytes(*check))
    });
    if !sound {
        return Head::Skip(1);
    }
    Head::Frame {
        length: HEADER + body.len(),
        from_master: control & DIR != 0,
        destination: u16::from_le_bytes([d0, d1]),
        source: u16::from_le_bytes([o0, o1]),
    }
}

/// The session whose master speaks to us with these addresses.
pub(crate) fn session(routes: &[Route], destination: u16, source: u16) -> Option<usize> {
    routes.iter().position(|route| route.address == destination && route.master_address == source)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reset of link states, from master 1024 to outstation 1.
    const RESET: [u8; 10] = [0x05, 0x64, 0x05, 0xC0, 0x01, 0x00, 0x00, 0x04, 0xE9, 0x21];

    #[test]
    fn a_known_frame() {
        let found = Head::Frame { length: 10, from_master: true, destination: 1, source: 1024 };
        assert_eq!(head(&RESET), found);
        for short in 0..10 {
            assert_eq!(head(&RESET[..short]), Head::Wait, "{short}");
        }
    }

    #[test]
    fn every_damaged_octet_is_passed_over() {
        for at in 0..RESET.len() {
            let mut damaged = RESET;
            damaged[at] ^= 0x10;
            assert!(matches!(head(&damaged), Head::Skip(_)), "{at}");
        }
    }

    #[test]
    fn each_look_waits_or_takes_something() {
        // Any octets, with plenty of those that begin a frame.
        let mut state = 1_u32;
        let mut octet = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            [0x05, 0x64, 0x05, 0xC0, (state >> 24) as u8][(state >> 16) as usize % 5]
        };
        for _ in 0..2_000 {
            let stream: Vec<u8> = (0..600).map(|_| octet()).chain(RESET).collect();
            let mut rest = stream.as_slice();
            let mut frames = 0;
            while !rest.is_empty() {
                let taken = match head(rest) {
                    Head::Wait => break,
                    Head::Skip(count) => count,
                    Head::Frame { length, .. } => {
                        frames += 1;
                        length
                    }
                };
                assert!((1..=rest.len()).contains(&taken));
                rest = &rest[taken..];
            }
            // What waits is no longer than a frame, unless it is all of one.
            assert!(frames > 0 || rest.len() < FRAME_OCTETS_MAX);
        }
    }

    #[test]
    fn noise_ends_where_a_frame_may_begin() {
        assert_eq!(head(&[1, 2, 3, 5, 0x64]), Head::Skip(3));
        assert_eq!(head(&[5, 5, 0x64]), Head::Skip(1));
        assert_eq!(head(&[7; 20]), Head::Skip(20));
    }
}
