//! Frames and objects as a peer writes them that keeps the lower layers right and the upper ones not. Written apart
//! from the crate under test, so that one mistake cannot hide another.

use arbitrary::{Result, Unstructured};

/// Bit by bit.
pub fn crc(octets: &[u8]) -> u16 {
    let mut crc = 0_u16;
    for octet in octets {
        crc ^= u16::from(*octet);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA6BC } else { crc >> 1 };
        }
    }
    !crc
}

/// One link frame with right check sums.
pub fn frame(control: u8, destination: u16, source: u16, user: &[u8]) -> Vec<u8> {
    let user = &user[..user.len().min(250)];
    let mut out = vec![5, 0x64, 5 + user.len() as u8, control];
    out.extend(destination.to_le_bytes());
    out.extend(source.to_le_bytes());
    let check = crc(&out);
    out.extend(check.to_le_bytes());
    for block in user.chunks(16) {
        out.extend(block);
        out.extend(crc(block).to_le_bytes());
    }
    out
}

/// A fragment as unconfirmed frames; `sequence` is that of the first segment.
pub fn fragment(
    from_master: bool,
    destination: u16,
    source: u16,
    sequence: &mut u8,
    octets: &[u8],
) -> Vec<u8> {
    let control = if from_master { 0xC4 } else { 0x44 };
    let mut out = Vec::new();
    let count = octets.chunks(249).count();
    for (at, segment) in octets.chunks(249).enumerate() {
        let first = if at == 0 { 0x40 } else { 0 };
        let last = if at + 1 == count { 0x80 } else { 0 };
        let mut user = vec![first | last | *sequence & 0x3F];
        user.extend(segment);
        *sequence = sequence.wrapping_add(1);
        out.extend(frame(control, destination, source, &user));
    }
    out
}

const GROUPS: [u8; 33] = [
    0, 1, 2, 3, 4, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33, 34, 40, 41, 42, 43, 50, 51, 52, 60, 70,
    80, 102, 110, 111, 112, 120,
];
const QUALIFIERS: [u8; 13] = [0, 1, 2, 6, 7, 8, 9, 0x17, 0x28, 0x39, 0x5B, 0x0B, 0x6F];

fn number(u: &mut Unstructured<'_>, width: usize, out: &mut Vec<u8>) -> Result<u32> {
    let value: u32 = match u.int_in_range(0..=9)? {
        0 => u32::MAX,
        1 => 0xFFFF,
        2 => u.arbitrary()?,
        _ => u.int_in_range(0..=20)?,
    };
    out.extend(&value.to_le_bytes()[..width]);
    Ok(if width == 4 { value } else { value & ((1 << (8 * width)) - 1) })
}

/// An object header, mostly one that exists, with as many octets of data as `u` feels like.
fn object(u: &mut Unstructured<'_>, data: bool, out: &mut Vec<u8>) -> Result<()> {
    let group = if u.ratio(19, 20)? { *u.choose(&GROUPS)? } else { u.arbitrary()? };
    let variation: u8 = if u.ratio(9, 10)? { u.int_in_range(0..=10)? } else { u.arbitrary()? };
    let qualifier = if u.ratio(19, 20)? { *u.choose(&QUALIFIERS)? } else { u.arbitrary()? };
    out.extend([group, variation, qualifier]);
    let mut count = 0;
    let mut prefix = 0;
    match qualifier {
        0..=2 => {
            let width = [1, 2, 4][usize::from(qualifier)];
            let start = number(u, width, out)?;
            if u.ratio(1, 8)? {
                let stop = number(u, width, out)?;
                count = stop.wrapping_sub(start).wrapping_add(1);
            } else {
                count = u.int_in_range(0..=9)?;
                let stop = start.wrapping_add(count).wrapping_sub(1);
                out.extend(&stop.to_le_bytes()[..width]);
            }
        }
        7..=9 => count = number(u, [1, 2, 4][usize::from(qualifier - 7)], out)?,
        0x17 | 0x28 | 0x39 => {
            prefix = [1, 2, 4][usize::from(qualifier >> 4) - 1];
            count = number(u, prefix, out)?;
        }
        0x5B => count = number(u, 1, out)?,
        _ => {}
    }
    if !data {
        for _ in 0..count.min(40) * u32::from(prefix > 0) {
            number(u, prefix, out)?;
        }
        return Ok(());
    }
    let each = size(group, variation);
    for at in 0..count.min(40) {
        match (group, each) {
            _ if qualifier == 0x5B => {
                let length: u8 = u.int_in_range(0..=12)?;
                out.extend([length, 0]);
                out.extend(u.bytes(usize::from(length).min(u.len()))?);
                continue;
            }
            (0, _) => {
                let length: u8 = u.int_in_range(0..=12)?;
                out.extend([u.int_in_range(0..=8)?, length]);
                out.extend(u.bytes(usize::from(length).min(u.len()))?);
                continue;
            }
            _ => {}
        }
        if prefix > 0 {
            number(u, prefix, out)?;
        }
        match each {
            // Eight to an octet, or four.
            0 if at % 8 == 0 => out.push(u.arbitrary()?),
            0 => {}
            _ => out.extend(u.bytes(each.min(u.len()))?),
        }
    }
    if u.ratio(1, 20)? {
        out.truncate(out.len().saturating_sub(1));
    }
    Ok(())
}

/// Octets of an object as most of them are; 0 where they share octets.
fn size(group: u8, variation: u8) -> usize {
    let timed = match (group, variation) {
        (2 | 4 | 11 | 13, 2) | (22 | 23, 5 | 6) | (32 | 33 | 42 | 43, 3 | 4 | 7 | 8) => 6,
        (21, 5 | 6) | (31, 3 | 4) => 6,
        (2 | 4, 3) => 2,
        _ => 0,
    };
    timed
        + match (group, variation) {
            (1 | 3 | 10, 1) | (12, 3) | (80, _) => 0,
            (1..=4 | 10 | 11 | 13, _) => 1,
            (12, _) => 11,
            (20 | 21, 9) | (20, 5) | (30, 3) | (31, 5) => 4,
            (20, 6) | (21, 10) | (30, 4) | (31, 6) => 2,
            (20..=23, 1 | 5) => 5,
            (20..=23, _) => 3,
            (30, 5) | (31, 7) | (40, 3) | (32 | 33 | 42 | 43, 5 | 7) => 5,
            (30, 6) | (31, 8) | (40, 4) | (32 | 33 | 42 | 43, 6 | 8) => 9,
            (30..=33 | 40 | 42 | 43, 1 | 3) => 5,
            (30..=33 | 40 | 42 | 43, _) => 3,
            (34, 1) => 2,
            (34, _) => 4,
            (41, 2) => 3,
            (41, 4) => 9,
            (41, _) => 5,
            (50, 2) => 10,
            (50, 4) => 11,
            (50 | 51, _) => 6,
            (52, _) => 2,
            (60, _) => 0,
            (110 | 111, length) => usize::from(length),
            _ => 1,
        }
}

/// Objects of a fragment; `data` where they carry their octets.
pub fn objects(u: &mut Unstructured<'_>, data: bool) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..u.int_in_range(0..=4)? {
        object(u, data, &mut out)?;
    }
    if u.ratio(1, 16)? {
        let length = u.int_in_range(0..=20)?.min(u.len());
        out.extend(u.bytes(length)?);
    }
    out.truncate(2044);
    Ok(out)
}
