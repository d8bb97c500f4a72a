//! CRC-16/DNP, the check sum of every block of a link frame, sixteen octets at a time.
//!
//! Every octet of a session passes through here twice, so the plain table (one look-up after the other, each waiting
//! for the one before) would cost more than all that stands above it. A block of a link frame has at most sixteen
//! octets and starts from zero: its check sum is the exclusive or of one look-up for each octet, none of which waits
//! for another.

/// Octets of a whole block.
const BLOCK: usize = 16;
/// Polynomial 0x3D65, reflected.
const POLYNOMIAL: u16 = 0xA6BC;

/// `TABLES[n]` has what an octet adds that is followed by `n` others. 8 KiB.
static TABLES: [[u16; 256]; BLOCK] = tables();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "worked out by the compiler")]
const fn tables() -> [[u16; 256]; BLOCK] {
    let mut tables = [[0; 256]; BLOCK];
    let mut octet = 0;
    while octet < 256 {
        let mut crc = octet as u16;
        let mut step = 0;
        while step < BLOCK {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
                bit += 1;
            }
            tables[step][octet] = crc;
            step += 1;
        }
        octet += 1;
    }
    tables
}

fn look(table: &[u16; 256], octet: u8) -> u16 {
    // An octet is always within; the compiler knows it too.
    table.get(usize::from(octet)).copied().unwrap_or_default()
}

/// At most sixteen octets, from zero.
fn short(octets: &[u8]) -> u16 {
    octets.iter().rev().zip(&TABLES).fold(0, |crc, (octet, table)| crc ^ look(table, *octet))
}

/// The check sum of a whole block of user data.
#[must_use]
#[inline]
pub fn crc_of_block(octets: &[u8; BLOCK]) -> u16 {
    !short(octets)
}

/// The check sum of the eight octets that open a frame.
#[must_use]
#[inline]
pub fn crc_of_header(octets: &[u8; 8]) -> u16 {
    !short(octets)
}

/// The check sum of any octets; those of a link frame never come to more than sixteen.
#[must_use]
#[inline]
pub fn crc(octets: &[u8]) -> u16 {
    match <&[u8; BLOCK]>::try_from(octets) {
        Ok(block) => crc_of_block(block),
        Err(_) if octets.len() < BLOCK => !short(octets),
        Err(_) => long(octets),
    }
}

fn long(octets: &[u8]) -> u16 {
    let (blocks, tail) = octets.as_chunks::<BLOCK>();
    let mut crc = 0_u16;
    for block in blocks {
        let [low, high] = crc.to_le_bytes();
        let mut block = *block;
        let [first, second, ..] = &mut block;
        *first ^= low;
        *second ^= high;
        crc = short(&block);
    }
    let [table, ..] = &TABLES;
    for octet in tail {
        let [low, high] = crc.to_le_bytes();
        crc = u16::from(high) ^ look(table, low ^ octet);
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Bit by bit, as the standard says it.
    fn plain(octets: &[u8]) -> u16 {
        let mut crc = 0_u16;
        for octet in octets {
            crc ^= u16::from(*octet);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            }
        }
        !crc
    }

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc(b"123456789"), 0xEA82);
    }

    #[test]
    fn every_length_is_as_bit_by_bit() {
        let octets: Vec<u8> = (0_u32..80).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        for length in 0..octets.len() {
            assert_eq!(crc(&octets[..length]), plain(&octets[..length]), "{length}");
        }
        assert_eq!(crc_of_block(octets.first_chunk().unwrap()), plain(&octets[..16]));
        assert_eq!(crc_of_header(octets.first_chunk().unwrap()), plain(&octets[..8]));
    }

    #[test]
    fn every_octet_in_every_place_counts() {
        let zero = [0_u8; BLOCK];
        for place in 0..BLOCK {
            for octet in 1..=255 {
                let mut block = zero;
                block[place] = octet;
                assert_eq!(crc_of_block(&block), plain(&block), "{octet} in {place}");
            }
        }
    }
}
