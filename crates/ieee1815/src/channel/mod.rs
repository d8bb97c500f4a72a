//! Link and transport layer of one connection, as both ends use it: octets in, whole fragments out, and back.
//!
//! What is not meant for this end (another address, another direction) is counted and never answered.

use alloc::vec::Vec;
use core::time::Duration;

use crate::Time;
use crate::link::{self, DIR, FCB, FCV, FUNCTION, Frames, Header, PRM, USER_OCTETS_MAX, User};

mod primary;

use primary::{Primary, Timing};

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

/// Octets that may wait for the socket; a peer that does not read gets no more.
const TRANSMIT_MAX: usize = 16 * 1024;
/// A frame whose rest does not come for so long is given up: what follows must not be taken for it, and what it held
/// back must not act late.
const FRAME_IDLE_MAX: Time = Duration::from_secs(2);
const SELF_ADDRESS: u16 = 0xFFFC;
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
    /// Frames whose rest did not come in time.
    pub frame_timeouts: u64,
    /// Frames to another address.
    pub other_destination: u64,
    /// Frames from another address.
    pub other_source: u64,
    /// Frames of the wrong direction.
    pub direction: u64,
    /// Frames with a function that is of no use here.
    pub function: u64,
    /// Frames that say of their frame count bit what their function does not allow.
    pub frame_count_valid: u64,
    /// Confirmed frames received twice, or without a reset before.
    pub frame_count: u64,
    /// Segments that do not continue what came before.
    pub segment_sequence: u64,
    /// Fragments longer than allowed.
    pub too_long: u64,
    /// Link replies to nothing that was asked.
    pub unexpected_replies: u64,
    /// What this end asked at the link layer and got no reply to, after all tries.
    pub link_timeouts: u64,
    /// Fragments and replies that were not sent, because the peer does not read.
    pub not_sent: u64,
    /// Frames taken.
    pub frames: u64,
    /// Fragments taken.
    pub fragments: u64,
}

/// What is fixed about one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Which end this is.
    pub role: Role,
    /// The link address of this end.
    pub local: u16,
    /// The link address of the other end.
    pub remote: u16,
    /// Largest fragment taken. Default 2048.
    pub max_rx_fragment: usize,
    /// An outstation that also answers to 0xFFFC. Default off.
    pub self_address: bool,
    /// User data is sent confirmed, frame by frame. Default off: TCP and TLS deliver by themselves.
    pub link_confirm: bool,
    /// After so long without any frame the other end is asked for its link status. Default: never.
    pub keep_alive: Option<Time>,
    /// How long a link reply is waited for. Default 2 s.
    pub link_timeout: Time,
    /// How often an unanswered link request is sent again. Default 2.
    pub link_retries: u8,
}

impl ChannelConfig {
    /// The defaults, between these addresses.
    #[must_use]
    pub const fn new(role: Role, local: u16, remote: u16) -> Self {
        Self {
            role,
            local,
            remote,
            max_rx_fragment: 2048,
            self_address: false,
            link_confirm: false,
            keep_alive: None,
            link_timeout: Duration::from_secs(2),
            link_retries: 2,
        }
    }
}

/// Link and transport of one connection.
#[derive(Debug)]
pub struct Channel {
    config: ChannelConfig,
    frames: Frames,
    counters: ChannelCounters,
    /// The fragment that is being put together, or the last one that is whole.
    assembly: Vec<u8>,
    /// Sequence number that continues the assembly, and how it was addressed.
    assembling: Option<(u8, Option<Broadcast>)>,
    transmit: Vec<u8>,
    /// Frame count bit that the next confirmed frame should have; `None` before a reset.
    expected_fcb: Option<bool>,
    primary: Primary,
    sequence: u8,
    /// When octets came last.
    received: Time,
}

impl Channel {
    /// One end of a connection.
    #[must_use]
    pub fn new(config: ChannelConfig) -> Self {
        Self {
            config,
            frames: Frames::default(),
            counters: ChannelCounters::default(),
            assembly: Vec::new(),
            assembling: None,
            transmit: Vec::new(),
            expected_fcb: None,
            primary: Primary::default(),
            sequence: 0,
            received: Time::ZERO,
        }
    }

    /// A new connection: nothing of the old one is left.
    pub fn reset(&mut self, now: Time) {
        self.frames.reset();
        self.assembly.clear();
        self.assembling = None;
        self.transmit.clear();
        self.expected_fcb = None;
        self.primary.reset(now);
    }

    /// Asks after another silence from now on; what is under way goes on.
    pub const fn set_keep_alive(&mut self, keep_alive: Option<Time>) {
        self.config.keep_alive = keep_alive;
    }

    /// Takes octets of the stream until a fragment is whole, and says how it was addressed; `octets` is shortened by
    /// what was taken. Fetch the fragment by [`take_fragment`](Self::take_fragment), then call again for the rest.
    pub fn receive(&mut self, octets: &mut &[u8], now: Time) -> Option<Option<Broadcast>> {
        if now.saturating_sub(self.received) > FRAME_IDLE_MAX && self.frames.is_partial() {
            count(&mut self.counters.frame_timeouts);
            self.frames.reset();
        }
        self.received = now;
        let mut user = User::new();
        let mut whole = None;
        while let Some(header) = self.frames.next(octets, &mut user) {
            whole = self.frame(header, user.octets(), now);
            if whole.is_some() {
                break;
            }
        }
        let passed = self.frames.passed;
        self.counters.noise_octets = passed.noise;
        self.counters.header_crc = passed.header_crc;
        self.counters.length = passed.length;
        self.counters.data_crc = passed.data_crc;
        whole
    }

    /// The fragment that [`receive`](Self::receive) has told of.
    #[must_use]
    pub fn take_fragment(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.assembly)
    }

    /// Gives a buffer back, so that the next fragment needs none of its own.
    pub fn give_back(&mut self, buffer: Vec<u8>) {
        if self.assembling.is_none() {
            self.assembly = buffer;
        }
    }

    /// Sends a fragment to the other end.
    pub fn send(&mut self, fragment: &[u8], now: Time) {
        self.send_to(self.config.remote, fragment, now);
    }

    /// Sends a fragment to everybody.
    pub fn send_broadcast(&mut self, broadcast: Broadcast, fragment: &[u8], now: Time) {
        let address = match broadcast {
            Broadcast::NoConfirm => 0xFFFD,
            Broadcast::Confirm => 0xFFFE,
            Broadcast::OptionalConfirm => 0xFFFF,
        };
        self.send_to(address, fragment, now);
    }

    fn send_to(&mut self, address: u16, fragment: &[u8], now: Time) {
        let confirmed = self.config.link_confirm && address < BROADCAST_FIRST;
        let segments = fragment.chunks(USER_OCTETS_MAX - 1);
        if self.transmit.len() >= TRANSMIT_MAX || (confirmed && !self.primary.has_room(segments.len())) {
            self.counters.not_sent = self.counters.not_sent.saturating_add(1);
            return;
        }
        let control = self.direction() | PRM | UNCONFIRMED_USER_DATA;
        let mut first = TRANSPORT_FIR;
        let mut segments = segments.peekable();
        while let Some(segment) = segments.next() {
            let finish = if segments.peek().is_none() { TRANSPORT_FIN } else { 0 };
            let header = first | finish | self.sequence;
            self.sequence = self.sequence.wrapping_add(1) & TRANSPORT_SEQUENCE;
            first = 0;
            if confirmed {
                let mut user = Vec::with_capacity(segment.len().saturating_add(1));
                user.push(header);
                user.extend_from_slice(segment);
                self.primary.push(user);
            } else {
                link::write_segment(&mut self.transmit, control, address, self.config.local, header, segment);
            }
        }
        self.ask(now);
    }

    /// Appends the octets that are due to `out`, for one write. False where there are none.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.transmit);
        let any = !self.transmit.is_empty();
        self.transmit.clear();
        any
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    #[must_use]
    pub fn timeout(&self) -> Option<Time> {
        self.primary.timeout(&self.timing())
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Time) {
        self.ask(now);
    }

    /// Whether the other end did not even tell its link status: the connection is of no use.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.primary.dead
    }

    /// What was dropped.
    #[must_use]
    pub fn counters(&self) -> ChannelCounters {
        ChannelCounters { link_timeouts: self.primary.timeouts, ..self.counters }
    }

    fn timing(&self) -> Timing {
        let config = &self.config;
        Timing { timeout: config.link_timeout, retries: config.link_retries, keep_alive: config.keep_alive }
    }

    /// Sends what the primary station has to ask now.
    fn ask(&mut self, now: Time) {
        let (timing, control) = (self.timing(), self.direction() | PRM);
        if let Some(due) = self.primary.due(now, &timing) {
            let (destination, source) = (self.config.remote, self.config.local);
            link::write_frame(&mut self.transmit, control | due.function, destination, source, due.user);
        }
    }

    fn direction(&self) -> u8 {
        if self.config.role == Role::Master { DIR } else { 0 }
    }

    /// Takes a frame; how a fragment was addressed that it makes whole.
    fn frame(&mut self, header: Header, user: &[u8], now: Time) -> Option<Option<Broadcast>> {
        let outstation = self.config.role == Role::Outstation;
        let from_master = header.control & DIR != 0;
        let (local, remote) = (self.config.local, self.config.remote);
        if from_master != outstation {
            count(&mut self.counters.direction);
            return None;
        }
        let broadcast = match header.destination {
            address if address == local => None,
            SELF_ADDRESS if outstation && self.config.self_address => None,
            0xFFFD if outstation => Some(Broadcast::NoConfirm),
            0xFFFE if outstation => Some(Broadcast::Confirm),
            0xFFFF if outstation => Some(Broadcast::OptionalConfirm),
            _ => {
                count(&mut self.counters.other_destination);
                return None;
            }
        };
        if header.source != remote || header.source >= BROADCAST_FIRST {
            count(&mut self.counters.other_source);
            return None;
        }
        self.primary.heard(now);
        let function = header.control & FUNCTION;
        if header.control & PRM == 0 {
            if broadcast.is_none() && self.primary.reply(function) {
                count(&mut self.counters.frames);
                self.ask(now);
            } else {
                count(&mut self.counters.unexpected_replies);
            }
            return None;
        }
        let counted = matches!(function, TEST_LINK | CONFIRMED_USER_DATA);
        if counted != (header.control & FCV != 0) {
            count(&mut self.counters.frame_count_valid);
            return None;
        }
        count(&mut self.counters.frames);
        match (function, broadcast) {
            (UNCONFIRMED_USER_DATA, _) => return self.segment(user, broadcast),
            (CONFIRMED_USER_DATA, None) => return self.confirmed(header.control, user),
            (RESET_LINK, None) => {
                self.expected_fcb = Some(true);
                self.reply(ACK);
            }
            (TEST_LINK, None) => self.test(header.control),
            (REQUEST_LINK_STATUS, None) => self.reply(LINK_STATUS),
            // A reply of "not supported" is allowed; the recorded certification runs want silence.
            _ => count(&mut self.counters.function),
        }
        None
    }

    /// A test of the link states counts like confirmed data.
    fn test(&mut self, control: u8) {
        match self.expected_fcb {
            Some(expected) => {
                self.reply(ACK);
                if (control & FCB != 0) == expected {
                    self.expected_fcb = Some(!expected);
                } else {
                    count(&mut self.counters.frame_count);
                }
            }
            // Before a reset nothing is confirmed; the recorded certification runs want silence here.
            None => count(&mut self.counters.frame_count),
        }
    }

    fn confirmed(&mut self, control: u8, user: &[u8]) -> Option<Option<Broadcast>> {
        match self.expected_fcb {
            Some(expected) => {
                self.reply(ACK);
                if (control & FCB != 0) == expected {
                    self.expected_fcb = Some(!expected);
                    return self.segment(user, None);
                }
                count(&mut self.counters.frame_count);
            }
            // Before a reset nothing is confirmed; the recorded certification runs want silence here.
            None => count(&mut self.counters.frame_count),
        }
        None
    }

    fn reply(&mut self, function: u8) {
        if self.transmit.len() >= TRANSMIT_MAX {
            count(&mut self.counters.not_sent);
            return;
        }
        let control = self.direction() | function;
        link::write_frame(&mut self.transmit, control, self.config.remote, self.config.local, &[]);
    }

    fn segment(&mut self, user: &[u8], broadcast: Option<Broadcast>) -> Option<Option<Broadcast>> {
        let Some((header, octets)) = user.split_first() else {
            count(&mut self.counters.segment_sequence);
            return None;
        };
        let sequence = header & TRANSPORT_SEQUENCE;
        let assembling = self.assembling.take();
        if header & TRANSPORT_FIR != 0 {
            if assembling.is_some() {
                // The one before never ended.
                count(&mut self.counters.segment_sequence);
            }
            self.assembly.clear();
        } else if assembling != Some((sequence, broadcast)) {
            count(&mut self.counters.segment_sequence);
            return None;
        }
        if self.assembly.len().saturating_add(octets.len()) > self.config.max_rx_fragment {
            count(&mut self.counters.too_long);
            return None;
        }
        self.assembly.extend_from_slice(octets);
        if header & TRANSPORT_FIN == 0 {
            self.assembling = Some((sequence.wrapping_add(1) & TRANSPORT_SEQUENCE, broadcast));
            return None;
        }
        count(&mut self.counters.fragments);
        Some(broadcast)
    }
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::ZERO;

    fn pair() -> (Channel, Channel) {
        (
            Channel::new(ChannelConfig::new(Role::Master, 1, 10)),
            Channel::new(ChannelConfig::new(Role::Outstation, 10, 1)),
        )
    }

    fn sent(channel: &mut Channel) -> Vec<u8> {
        let mut out = Vec::new();
        channel.poll_transmit(&mut out);
        out
    }

    /// The fragments that these octets make whole.
    fn received(channel: &mut Channel, mut octets: &[u8], now: Time) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        while channel.receive(&mut octets, now).is_some() {
            found.push(channel.take_fragment());
        }
        found
    }

    fn frame(control: u8, destination: u16, source: u16, user: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        link::write_frame(&mut frame, control, destination, source, user);
        frame
    }

    #[test]
    fn fragments_of_every_length_arrive_whole() {
        let (mut master, mut outstation) = pair();
        for length in [1, 2, 248, 249, 250, 498, 499, 2048] {
            let fragment: Vec<u8> = (0..=255).cycle().take(length).collect();
            master.send(&fragment, NOW);
            let octets = sent(&mut master);
            let found: Vec<_> =
                octets.chunks(7).flat_map(|chunk| received(&mut outstation, chunk, NOW)).collect();
            assert_eq!(found, [fragment], "{length}");
        }
        assert_eq!(outstation.counters(), ChannelCounters { frames: 20, fragments: 8, ..Default::default() });
    }

    #[test]
    fn what_is_not_for_this_end_is_never_answered() {
        let (_, mut outstation) = pair();
        for (control, destination, source) in [(0xC9, 11, 1), (0xC9, 10, 2), (0x49, 10, 1), (0xC9, 0xFFFC, 1)]
        {
            received(&mut outstation, &frame(control, destination, source, &[]), NOW);
            assert!(sent(&mut outstation).is_empty());
        }
        received(&mut outstation, &frame(0xC9, 10, 1, &[]), NOW);
        assert_eq!(sent(&mut outstation), frame(0x0B, 1, 10, &[]));
    }

    #[test]
    fn the_self_address_is_answered_where_it_is_wanted() {
        let config = ChannelConfig { self_address: true, ..ChannelConfig::new(Role::Outstation, 10, 1) };
        let mut outstation = Channel::new(config);
        received(&mut outstation, &frame(0xC9, 0xFFFC, 1, &[]), NOW);
        assert_eq!(sent(&mut outstation), frame(0x0B, 1, 10, &[]));
    }

    #[test]
    fn a_missing_segment_loses_the_fragment_and_no_other() {
        let (mut master, mut outstation) = pair();
        master.send(&[7; 600], NOW);
        let octets = sent(&mut master);
        assert_eq!(received(&mut outstation, &octets[..292], NOW), [[0_u8; 0]; 0]);
        assert_eq!(received(&mut outstation, &octets[584..], NOW), [[0_u8; 0]; 0]);
        master.send(&[8; 3], NOW);
        assert_eq!(received(&mut outstation, &sent(&mut master), NOW), [[8; 3]]);
        assert_eq!(outstation.counters().segment_sequence, 1);
    }

    #[test]
    fn what_waited_too_long_for_its_rest_is_given_up() {
        let (mut master, mut outstation) = pair();
        master.send(&[7; 200], NOW);
        let octets = sent(&mut master);
        assert!(received(&mut outstation, &octets[..100], NOW).is_empty());
        let later = FRAME_IDLE_MAX + Duration::from_millis(1);
        assert!(received(&mut outstation, &octets[100..], later).is_empty());
        master.send(&[8; 3], later);
        assert_eq!(received(&mut outstation, &sent(&mut master), later), [[8; 3]]);
        assert_eq!(outstation.counters().frame_timeouts, 1);
    }

    #[test]
    fn an_endless_series_is_cut() {
        let (_, mut outstation) = pair();
        for sequence in 0..40_u8 {
            let first = if sequence == 0 { TRANSPORT_FIR } else { 0 };
            let mut user = Vec::from([first | (sequence & TRANSPORT_SEQUENCE)]);
            user.extend([0; 200]);
            assert_eq!(received(&mut outstation, &frame(0xC4, 10, 1, &user), NOW), [[0_u8; 0]; 0]);
        }
        assert_eq!(outstation.counters().too_long, 1);
    }

    #[test]
    fn confirmed_data_is_sent_until_it_is_acknowledged_and_taken_once() {
        let config = ChannelConfig { link_confirm: true, ..ChannelConfig::new(Role::Master, 1, 10) };
        let (mut master, mut outstation) = (Channel::new(config), pair().1);
        let fragment: Vec<u8> = (0..=255).cycle().take(600).collect();
        master.send(&fragment, NOW);
        let (mut now, mut found, mut turn) = (NOW, Vec::new(), 0);
        while found.is_empty() && turn < 40 {
            turn += 1;
            let asked = sent(&mut master);
            found.extend(received(&mut outstation, &asked, now));
            let answer = sent(&mut outstation);
            // Every second reply is lost, so that every frame comes twice.
            if turn % 2 == 0 {
                received(&mut master, &answer, now);
            }
            now = master.timeout().unwrap_or(now);
            master.handle_timeout(now);
        }
        assert_eq!(found, [fragment]);
        assert!(outstation.counters().frame_count >= 1);
        assert_eq!(master.counters().link_timeouts, 0);
    }

    #[test]
    fn confirmed_fragments_wait_for_their_turn() {
        let config = ChannelConfig { link_confirm: true, ..ChannelConfig::new(Role::Master, 1, 10) };
        let (mut master, mut outstation) = (Channel::new(config), pair().1);
        // A confirm, and the next request at once.
        master.send(&[0xC0, 0], NOW);
        master.send(&[0xC1, 1], NOW);
        let mut found = Vec::new();
        for _ in 0..4 {
            found.extend(received(&mut outstation, &sent(&mut master), NOW));
            let answer = sent(&mut outstation);
            received(&mut master, &answer, NOW);
        }
        assert_eq!(found, [[0xC0, 0], [0xC1, 1]]);
        assert_eq!(master.counters().not_sent, 0);
        for _ in 0..30 {
            master.send(&[0; 500], NOW);
        }
        assert_eq!(master.counters().not_sent, 22, "24 segments may wait");
    }

    #[test]
    fn a_peer_that_refuses_and_does_not_read_is_given_up() {
        let config = ChannelConfig { link_confirm: true, ..ChannelConfig::new(Role::Master, 1, 10) };
        let mut master = Channel::new(config);
        master.send(&[7; 2048], NOW);
        let answers = [frame(0x00, 1, 10, &[]), frame(0x01, 1, 10, &[])].concat();
        for _ in 0..1000 {
            received(&mut master, &answers, NOW);
        }
        let waiting = sent(&mut master).len();
        assert!(waiting < 2 * 24 * (292 + 10), "{waiting} octets");
    }

    #[test]
    fn a_peer_that_is_gone_is_noticed() {
        let idle = Duration::from_secs(30);
        let config = ChannelConfig { keep_alive: Some(idle), ..ChannelConfig::new(Role::Outstation, 10, 1) };
        let (mut outstation, mut master) = (Channel::new(config), pair().0);
        outstation.reset(NOW);
        assert_eq!(outstation.timeout(), Some(idle));
        outstation.handle_timeout(idle);
        let asked = sent(&mut outstation);
        assert_eq!(asked, frame(0x49, 1, 10, &[]));
        received(&mut master, &asked, idle);
        received(&mut outstation, &sent(&mut master), idle);
        assert_eq!((outstation.timeout(), outstation.is_dead()), (Some(idle * 2), false));
        for _ in 0..4 {
            let now = outstation.timeout().unwrap();
            outstation.handle_timeout(now);
        }
        assert!(outstation.is_dead());
    }
}
