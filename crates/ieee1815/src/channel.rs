//! Link and transport layer of one connection, as both ends use it: octets in, whole fragments out, and back.
//!
//! What is not meant for this end (another address, another direction) is counted and never answered.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::link::{self, DIR, FCB, FCV, FUNCTION, Frame, Frames, PRM, USER_OCTETS_MAX};

const TRANSPORT_FIN: u8 = 0x80;
const TRANSPORT_FIR: u8 = 0x40;
const TRANSPORT_SEQUENCE: u8 = 0x3F;

const RESET_LINK: u8 = 0;
const TEST_LINK: u8 = 2;
const CONFIRMED_USER_DATA: u8 = 3;
const UNCONFIRMED_USER_DATA: u8 = 4;
const REQUEST_LINK_STATUS: u8 = 9;
const ACK: u8 = 0;
const NACK: u8 = 1;
const LINK_STATUS: u8 = 11;
const NOT_SUPPORTED: u8 = 15;

/// Link replies that may wait; a peer that asks for more and does not read gets none.
const REPLIES_MAX: usize = 4;
const BROADCAST_FIRST: u16 = 0xFFFD;

/// Which end this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Asks.
    Master,
    /// Answers.
    Outstation,
}

/// What a broadcast asks of whoever hears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broadcast {
    /// 0xFFFD: no confirm.
    NoConfirm,
    /// 0xFFFE: a confirm of the next response is mandatory.
    Confirm,
    /// 0xFFFF: a confirm of the next response is optional.
    OptionalConfirm,
}

/// A whole application fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Its octets, without link and transport.
    pub octets: Vec<u8>,
    /// Where it came by broadcast.
    pub broadcast: Option<Broadcast>,
}

/// What was dropped, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Octets outside of any frame.
    pub noise_octets: u64,
    /// Headers with a wrong CRC.
    pub header_crc: u64,
    /// Headers with an impossible length.
    pub length: u64,
    /// Frames with a wrong CRC in their data.
    pub data_crc: u64,
    /// Frames to another address.
    pub other_destination: u64,
    /// Frames from another address.
    pub other_source: u64,
    /// Frames of the wrong direction.
    pub direction: u64,
    /// Frames with a function that is of no use here.
    pub function: u64,
    /// Confirmed frames received twice, or without a reset before.
    pub frame_count: u64,
    /// Segments that do not continue what came before.
    pub segment_sequence: u64,
    /// Fragments longer than allowed.
    pub too_long: u64,
    /// Frames taken.
    pub frames: u64,
    /// Fragments taken.
    pub fragments: u64,
}

/// Link and transport of one connection.
#[derive(Debug)]
pub struct Channel {
    role: Role,
    local: u16,
    remote: u16,
    max_rx_fragment: usize,
    frames: Frames,
    counters: ChannelCounters,
    fragments: VecDeque<Fragment>,
    assembly: Option<Assembly>,
    replies: VecDeque<Vec<u8>>,
    /// Frame count bit that the next confirmed frame should have; `None` before a reset.
    expected_fcb: Option<bool>,
    sequence: u8,
}

#[derive(Debug)]
struct Assembly {
    octets: Vec<u8>,
    next: u8,
    broadcast: Option<Broadcast>,
}

impl Channel {
    /// One end of a connection between `local` and `remote`.
    #[must_use]
    pub fn new(role: Role, local: u16, remote: u16, max_rx_fragment: usize) -> Self {
        Self {
            role,
            local,
            remote,
            max_rx_fragment,
            frames: Frames::default(),
            counters: ChannelCounters::default(),
            fragments: VecDeque::new(),
            assembly: None,
            replies: VecDeque::new(),
            expected_fcb: None,
            sequence: 0,
        }
    }

    /// A new connection: nothing of the old one is left.
    pub fn reset(&mut self) {
        self.frames.reset();
        self.fragments.clear();
        self.assembly = None;
        self.replies.clear();
        self.expected_fcb = None;
    }

    /// Takes octets of the stream.
    pub fn receive(&mut self, octets: &[u8]) {
        self.frames.push(octets);
        while let Some(frame) = self.frames.next() {
            self.frame(&frame);
        }
        let passed = self.frames.passed;
        self.counters.noise_octets = passed.noise;
        self.counters.header_crc = passed.header_crc;
        self.counters.length = passed.length;
        self.counters.data_crc = passed.data_crc;
    }

    /// The next whole fragment.
    pub fn next_fragment(&mut self) -> Option<Fragment> {
        self.fragments.pop_front()
    }

    /// The frames of a fragment, as one write.
    pub fn encode(&mut self, fragment: &[u8]) -> Vec<u8> {
        let control = self.direction() | PRM | UNCONFIRMED_USER_DATA;
        let segments = fragment.chunks(USER_OCTETS_MAX - 1);
        let last = segments.len().saturating_sub(1);
        let mut out = Vec::with_capacity(fragment.len() + fragment.len() / 6 + 32);
        let mut user = Vec::with_capacity(USER_OCTETS_MAX);
        for (at, segment) in segments.enumerate() {
            let first = if at == 0 { TRANSPORT_FIR } else { 0 };
            let finish = if at == last { TRANSPORT_FIN } else { 0 };
            user.clear();
            user.push(first | finish | self.sequence);
            user.extend_from_slice(segment);
            self.sequence = (self.sequence + 1) & TRANSPORT_SEQUENCE;
            link::write_frame(&mut out, control, self.remote, self.local, &user);
        }
        out
    }

    /// A link reply that is due.
    pub fn take_replies(&mut self) -> Option<Vec<u8>> {
        self.replies.pop_front()
    }

    /// What was dropped.
    #[must_use]
    pub fn counters(&self) -> &ChannelCounters {
        &self.counters
    }

    fn direction(&self) -> u8 {
        if self.role == Role::Master { DIR } else { 0 }
    }

    fn frame(&mut self, frame: &Frame) {
        let from_master = frame.control & DIR != 0;
        if from_master == (self.role == Role::Master) {
            self.counters.direction += 1;
            return;
        }
        let broadcast = match frame.destination {
            address if address == self.local => None,
            0xFFFD if self.role == Role::Outstation => Some(Broadcast::NoConfirm),
            0xFFFE if self.role == Role::Outstation => Some(Broadcast::Confirm),
            0xFFFF if self.role == Role::Outstation => Some(Broadcast::OptionalConfirm),
            _ => {
                self.counters.other_destination += 1;
                return;
            }
        };
        if frame.source != self.remote || frame.source >= BROADCAST_FIRST {
            self.counters.other_source += 1;
            return;
        }
        if frame.control & PRM == 0 {
            // Replies to primary frames that this end never sends.
            self.counters.function += 1;
            return;
        }
        self.counters.frames += 1;
        match (frame.control & FUNCTION, broadcast) {
            (UNCONFIRMED_USER_DATA, _) => self.segment(&frame.user, broadcast),
            (CONFIRMED_USER_DATA, None) => self.confirmed(frame),
            (RESET_LINK, None) => {
                self.expected_fcb = Some(true);
                self.reply(ACK);
            }
            (TEST_LINK, None) => {
                let reply = if self.expected_fcb.is_some() { ACK } else { NACK };
                self.reply(reply);
            }
            (REQUEST_LINK_STATUS, None) => self.reply(LINK_STATUS),
            (_, None) => {
                self.counters.function += 1;
                self.reply(NOT_SUPPORTED);
            }
            (_, Some(_)) => self.counters.function += 1,
        }
    }

    fn confirmed(&mut self, frame: &Frame) {
        let fcb = frame.control & FCB != 0;
        match self.expected_fcb {
            Some(expected) if frame.control & FCV != 0 => {
                self.reply(ACK);
                if fcb == expected {
                    self.expected_fcb = Some(!expected);
                    self.segment(&frame.user, None);
                } else {
                    self.counters.frame_count += 1;
                }
            }
            _ => {
                self.counters.frame_count += 1;
                self.reply(NACK);
            }
        }
    }

    fn reply(&mut self, function: u8) {
        if self.replies.len() < REPLIES_MAX {
            let mut out = Vec::with_capacity(10);
            link::write_frame(&mut out, self.direction() | function, self.remote, self.local, &[]);
            self.replies.push_back(out);
        }
    }

    fn segment(&mut self, user: &[u8], broadcast: Option<Broadcast>) {
        let Some((header, octets)) = user.split_first() else {
            self.counters.segment_sequence += 1;
            return;
        };
        let sequence = header & TRANSPORT_SEQUENCE;
        let mut assembly = match self.assembly.take() {
            _ if header & TRANSPORT_FIR != 0 => Assembly { octets: Vec::new(), next: sequence, broadcast },
            Some(assembly) if assembly.next == sequence && assembly.broadcast == broadcast => assembly,
            _ => {
                self.counters.segment_sequence += 1;
                return;
            }
        };
        if assembly.octets.len() + octets.len() > self.max_rx_fragment {
            self.counters.too_long += 1;
            return;
        }
        assembly.octets.extend_from_slice(octets);
        assembly.next = (sequence + 1) & TRANSPORT_SEQUENCE;
        if header & TRANSPORT_FIN == 0 {
            self.assembly = Some(assembly);
            return;
        }
        self.counters.fragments += 1;
        self.fragments.push_back(Fragment { octets: assembly.octets, broadcast });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Channel, Channel) {
        (Channel::new(Role::Master, 1, 10, 2048), Channel::new(Role::Outstation, 10, 1, 2048))
    }

    #[test]
    fn fragments_of_every_length_arrive_whole() {
        let (mut master, mut outstation) = pair();
        for length in [1, 2, 248, 249, 250, 498, 499, 2048] {
            let sent: Vec<u8> = (0..=255).cycle().take(length).collect();
            for chunk in master.encode(&sent).chunks(7) {
                outstation.receive(chunk);
            }
            assert_eq!(outstation.next_fragment().map(|fragment| fragment.octets), Some(sent), "{length}");
        }
        assert_eq!(
            *outstation.counters(),
            ChannelCounters { frames: 20, fragments: 8, ..Default::default() }
        );
    }

    #[test]
    fn what_is_not_for_this_end_is_never_answered() {
        let (_, mut outstation) = pair();
        for (control, destination, source) in [(0xC9, 11, 1), (0xC9, 10, 2), (0x49, 10, 1), (0xC9, 0xFFFC, 1)]
        {
            let mut frame = Vec::new();
            link::write_frame(&mut frame, control, destination, source, &[]);
            outstation.receive(&frame);
            assert_eq!(outstation.take_replies(), None);
        }
        let mut frame = Vec::new();
        link::write_frame(&mut frame, 0xC9, 10, 1, &[]);
        outstation.receive(&frame);
        assert!(outstation.take_replies().is_some());
    }

    #[test]
    fn a_missing_segment_loses_the_fragment_and_no_other() {
        let (mut master, mut outstation) = pair();
        let octets = master.encode(&[7; 600]);
        outstation.receive(&octets[..292]);
        outstation.receive(&octets[584..]);
        assert_eq!(outstation.next_fragment(), None);
        outstation.receive(&master.encode(&[8; 3]));
        assert_eq!(outstation.next_fragment().map(|fragment| fragment.octets.len()), Some(3));
        assert_eq!(outstation.counters().segment_sequence, 1);
    }

    #[test]
    fn an_endless_series_is_cut() {
        let (_, mut outstation) = pair();
        for sequence in 0..40_u8 {
            let first = if sequence == 0 { TRANSPORT_FIR } else { 0 };
            let mut user = Vec::from([first | (sequence & TRANSPORT_SEQUENCE)]);
            user.extend([0; 200]);
            let mut frame = Vec::new();
            link::write_frame(&mut frame, 0xC4, 10, 1, &user);
            outstation.receive(&frame);
        }
        assert_eq!((outstation.next_fragment(), outstation.counters().too_long), (None, 1));
    }
}
