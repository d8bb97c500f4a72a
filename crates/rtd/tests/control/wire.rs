//! DNP3 octets, read and changed without the crate that makes them: what a master asked for, and what is no number.

/// What a frame carries for the application: transport octet, control, function, objects.
fn data(frame: &[u8]) -> Vec<u8> {
    frame
        .get(10..)
        .unwrap_or_default()
        .chunks(18)
        .flat_map(|block| &block[..block.len().saturating_sub(2)])
        .copied()
        .collect()
}

/// The frames of a write to the socket.
fn frames(octets: &[u8]) -> Vec<&[u8]> {
    let (mut frames, mut rest) = (Vec::new(), octets);
    while let Some(length) = rest.get(2) {
        let data = usize::from(*length).saturating_sub(5);
        let (frame, more) = rest.split_at((10 + data + data.div_ceil(16) * 2).min(rest.len()));
        frames.push(frame);
        rest = more;
    }
    frames
}

/// A control that a master sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    /// A value in counts.
    Value {
        index: u16,
        counts: f64,
    },
    Control {
        index: u16,
        op: u8,
        count: u8,
    },
}

/// What a write asks for, where it is a control (functions 3, 4, 5).
pub(crate) fn asked(octets: &[u8]) -> Option<Asked> {
    let data = data(frames(octets).pop()?);
    let (function, objects) = (*data.get(2)?, data.get(3..)?);
    if !(3..=5).contains(&function) {
        return None;
    }
    let (index, object) = match objects.get(2)? {
        0x17 => (u16::from(*objects.get(4)?), objects.get(5..)?),
        0x28 => (u16::from_le_bytes([*objects.get(5)?, *objects.get(6)?]), objects.get(7..)?),
        _ => return None,
    };
    let counts = match (objects.first()?, objects.get(1)?) {
        (12, 1) => return Some(Asked::Control { index, op: *object.first()?, count: *object.get(1)? }),
        (41, 1) => f64::from(i32::from_le_bytes(object.get(..4)?.try_into().ok()?)),
        (41, 2) => f64::from(i16::from_le_bytes(object.get(..2)?.try_into().ok()?)),
        (41, 3) => f64::from(f32::from_le_bytes(object.get(..4)?.try_into().ok()?)),
        (41, 4) => f64::from_le_bytes(object.get(..8)?.try_into().ok()?),
        _ => return None,
    };
    Some(Asked::Value { index, counts })
}

/// The answer in a write, without what counts on at every frame.
pub(crate) fn answer(octets: &[u8]) -> Vec<u8> {
    frames(octets).into_iter().flat_map(|frame| data(frame).into_iter().skip(1)).collect()
}

/// The same frame with other octets in place of some, each block's check made anew.
pub(crate) fn replaced(frame: &[u8], from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let mut data = data(frame);
    if let Some(at) = data.windows(4).position(|four| four == from) {
        data[at..at + 4].copy_from_slice(&to);
    }
    let mut made = frame[..10].to_vec();
    for block in data.chunks(16) {
        made.extend_from_slice(block);
        made.extend_from_slice(&ieee1815::crc::crc(block).to_le_bytes());
    }
    made
}
