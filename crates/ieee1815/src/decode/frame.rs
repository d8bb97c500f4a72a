//! The link layer as an observer sees it: unlike an end, it keeps damaged frames and says what is wrong with them.

use alloc::vec::Vec;

use super::names;
use super::reason::Reason;
use crate::crc::crc;
use crate::link::{DIR, FCB, FCV, FUNCTION, PRM};

const SYNC: [u8; 2] = [0x05, 0x64];
const HEADER: usize = 10;
const BLOCK: usize = 16;
const CRC: usize = 2;
const LENGTH_MIN: u8 = 5;

/// A block of user data and its CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockCheck {
    /// Octets of data in it.
    pub octets: usize,
    /// Whether the CRC is the one of the data.
    pub good: bool,
}

/// A frame whose header is sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The length as sent: user data and 5.
    pub length: u8,
    /// The control octet.
    pub control: u8,
    /// To whom.
    pub destination: u16,
    /// From whom.
    pub source: u16,
    /// The blocks of user data, as far as they came.
    pub blocks: Vec<BlockCheck>,
    /// User data without CRCs, as far as it came.
    pub user: Vec<u8>,
    /// What is wrong with it.
    pub problem: Option<Reason>,
}

/// The transport octet of a frame with user data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transport {
    /// Last segment.
    pub fin: bool,
    /// First segment.
    pub fir: bool,
    /// Sequence, 0 to 63.
    pub sequence: u8,
}

impl Transport {
    pub(super) const fn new(octet: u8) -> Self {
        Self { fin: octet & 0x80 != 0, fir: octet & 0x40 != 0, sequence: octet & 0x3F }
    }
}

impl Frame {
    /// From the master's side.
    #[must_use]
    pub const fn from_master(&self) -> bool {
        self.control & DIR != 0
    }

    /// From the side that began the transaction.
    #[must_use]
    pub const fn primary(&self) -> bool {
        self.control & PRM != 0
    }

    /// The frame count bit, where it is valid.
    #[must_use]
    pub const fn frame_count(&self) -> Option<bool> {
        if self.primary() && self.control & FCV != 0 { Some(self.control & FCB != 0) } else { None }
    }

    /// Data flow control: the secondary side has no room.
    #[must_use]
    pub const fn data_flow_control(&self) -> bool {
        !self.primary() && self.control & FCV != 0
    }

    /// The function code.
    #[must_use]
    pub const fn function(&self) -> u8 {
        self.control & FUNCTION
    }

    /// The function's name.
    #[must_use]
    pub const fn function_name(&self) -> Option<&'static str> {
        names::link_function(self.primary(), self.function())
    }

    /// Whether it carries user data.
    #[must_use]
    pub const fn is_user_data(&self) -> bool {
        self.primary() && matches!(self.function(), 3 | 4)
    }

    /// The transport octet of user data.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        if self.is_user_data() { self.user.first().copied().map(Transport::new) } else { None }
    }

    fn judge(&mut self, whole: bool) {
        self.problem = if self.blocks.iter().any(|block| !block.good) {
            Some(Reason::DataCrc)
        } else if !whole {
            Some(Reason::FrameTruncated)
        } else if self.function_name().is_none() {
            Some(Reason::LinkFunction(self.function()))
        } else if self.is_user_data() == self.user.is_empty() {
            Some(Reason::LinkUserData)
        } else {
            None
        };
    }
}

/// What stands at the start of some octets.
pub(super) enum Found {
    /// A frame of so many octets.
    Frame(Frame, usize),
    /// So many octets that are none, and why.
    Not(usize, Reason),
    /// Too little to say; never when the octets are told to be the last.
    Wait,
}

/// Looks at the start of `octets`, which is not empty. `last`: no more will come.
pub(super) fn look(octets: &[u8], last: bool) -> Found {
    let start = next_start(octets);
    if start > 0 {
        return Found::Not(start, Reason::Noise);
    }
    let cut = || if last { Found::Not(octets.len(), Reason::FrameTruncated) } else { Found::Wait };
    let Some((header, rest)) = octets.split_at_checked(HEADER) else { return cut() };
    let (Some(mut frame), Some((fields, [c0, c1]))) = (parse(header), header.split_last_chunk::<CRC>())
    else {
        return cut();
    };
    if crc(fields) != u16::from_le_bytes([*c0, *c1]) {
        return Found::Not(skip(octets), Reason::HeaderCrc);
    }
    let Some(user) = frame.length.checked_sub(LENGTH_MIN).map(usize::from) else {
        return Found::Not(HEADER, Reason::LinkLength);
    };
    let wanted = user.saturating_add(user.div_ceil(BLOCK).saturating_mul(CRC));
    let whole = rest.len() >= wanted;
    if !whole && !last {
        return Found::Wait;
    }
    let body = rest.get(..wanted).unwrap_or(rest);
    read(&mut frame, body, user);
    frame.judge(whole);
    let mut taken = body.len();
    if frame.problem == Some(Reason::DataCrc) || !whole {
        // Octets may have been lost within it: a sound header that begins inside is where the next one starts.
        let around = rest.get(..wanted.saturating_add(HEADER - 1)).unwrap_or(rest);
        if let Some(inside) = sound_header(around) {
            read(&mut frame, body.get(..inside).unwrap_or_default(), user);
            frame.judge(false);
            taken = inside;
        } else if !last && may_start(around, body.len()) {
            return Found::Wait;
        }
    }
    Found::Frame(frame, HEADER.saturating_add(taken))
}

fn parse(header: &[u8]) -> Option<Frame> {
    let &[_, _, length, control, d0, d1, s0, s1, _, _] = header else { return None };
    Some(Frame {
        length,
        control,
        destination: u16::from_le_bytes([d0, d1]),
        source: u16::from_le_bytes([s0, s1]),
        blocks: Vec::new(),
        user: Vec::new(),
        problem: None,
    })
}

/// Reads blocks into `frame` as far as they are whole. `user` is what the header promises.
fn read(frame: &mut Frame, body: &[u8], user: usize) {
    frame.blocks.clear();
    frame.user.clear();
    let mut body = body;
    while frame.user.len() < user {
        let size = user.saturating_sub(frame.user.len()).min(BLOCK);
        let Some((data, rest)) = body.split_at_checked(size) else { return };
        let Some(([c0, c1], rest)) = rest.split_first_chunk::<CRC>() else { return };
        frame.blocks.push(BlockCheck { octets: size, good: crc(data) == u16::from_le_bytes([*c0, *c1]) });
        frame.user.extend_from_slice(data);
        body = rest;
    }
}

/// Octets before the first place where a frame may start.
fn next_start(octets: &[u8]) -> usize {
    let pair = octets.windows(2).position(|pair| *pair == SYNC);
    let half = if octets.last() == SYNC.first() { 1 } else { 0 };
    pair.unwrap_or(octets.len().saturating_sub(half))
}

/// Octets up to the next place after this one where a frame may start.
fn skip(octets: &[u8]) -> usize {
    next_start(octets.get(2..).unwrap_or_default()).saturating_add(2)
}

fn sound_header(body: &[u8]) -> Option<usize> {
    body.windows(HEADER).position(|window| {
        let Some((fields, [c0, c1])) = window.split_last_chunk::<CRC>() else { return false };
        fields.starts_with(&SYNC) && crc(fields) == u16::from_le_bytes([*c0, *c1])
    })
}

/// Whether a header may begin in the first `within` octets whose end is not here yet.
fn may_start(octets: &[u8], within: usize) -> bool {
    let from = octets.len().saturating_sub(HEADER - 1);
    (from..within).any(|at| {
        let tail = octets.get(at..).unwrap_or_default();
        tail.starts_with(&SYNC) || tail == SYNC.split_at(1).0
    })
}
