//! Captures from disk: pcap and pcapng, down to the packets of the transports that DNP3 travels on.

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

/// No packet is larger; what claims to be is no packet.
const BUFFER_OCTETS: usize = 1 << 20;
const BUFFER_OCTETS_MAX: usize = 64 << 20;

/// What the first octets of a capture look like.
pub(crate) fn is_capture(octets: &[u8]) -> bool {
    const MAGICS: [[u8; 4]; 5] = [
        [0xD4, 0xC3, 0xB2, 0xA1],
        [0xA1, 0xB2, 0xC3, 0xD4],
        [0x4D, 0x3C, 0xB2, 0xA1],
        [0xA1, 0xB2, 0x3C, 0x4D],
        [0x0A, 0x0D, 0x0D, 0x0A],
    ];
    octets.first_chunk::<4>().is_some_and(|magic| MAGICS.contains(magic))
}

/// A packet as captured.
#[derive(Debug)]
pub(crate) struct Packet {
    /// From 1 on.
    pub(crate) number: u64,
    /// Since 1970-01-01 00:00 UTC.
    pub(crate) time: Duration,
    pub(crate) link: Linktype,
    pub(crate) octets: Vec<u8>,
}

/// Why a packet cannot carry DNP3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Its link type is not known here.
    Link(i32),
    /// There is no TCP and no UDP in it, or not all of it.
    Other,
}

/// One thing in a capture.
#[derive(Debug)]
pub(crate) enum Piece {
    Packet(Packet),
    /// A packet of an interface that the capture does not describe: nobody can say what is in it.
    Undescribed,
    /// TLS secrets that the capture carries itself.
    Secrets(Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Linktype,
    resolution: u64,
    offset: i64,
}

/// Reads a capture and gives its pieces one after the other. Ends with what is wrong with the file, if it is.
pub(crate) fn read(input: impl Read + Send, mut each: impl FnMut(Piece)) -> Result<(), String> {
    let mut reader = create_reader(BUFFER_OCTETS, input).map_err(|error| told(&error))?;
    let mut interfaces = Vec::new();
    let mut number = 0;
    let mut buffer = BUFFER_OCTETS;
    let mut waited = false;
    loop {
        match reader.next() {
            Ok((taken, block)) => {
                waited = false;
                if let Some(piece) = piece(&block, &mut interfaces, &mut number) {
                    each(piece);
                }
                reader.consume(taken);
            }
            Err(PcapError::Eof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => {
                // Nothing was taken since the last refill: there is no more to come.
                if waited {
                    return Err("the capture ends within a packet".to_owned());
                }
                waited = true;
                reader.refill().map_err(|error| told(&error))?;
            }
            Err(PcapError::BufferTooSmall) if buffer < BUFFER_OCTETS_MAX => {
                buffer *= 2;
                if !reader.grow(buffer) {
                    return Err("a packet is too large".to_owned());
                }
            }
            Err(error) => return Err(told(&error)),
        }
    }
}

fn told<I: std::fmt::Debug>(error: &PcapError<I>) -> String {
    match error {
        PcapError::HeaderNotRecognized => "not a pcap or pcapng file".to_owned(),
        PcapError::UnexpectedEof | PcapError::Incomplete(_) => "the capture ends too early".to_owned(),
        PcapError::BufferTooSmall => "a packet is too large".to_owned(),
        PcapError::ReadError => "the file cannot be read".to_owned(),
        _ => "the capture is damaged".to_owned(),
    }
}

fn piece(block: &PcapBlockOwned<'_>, interfaces: &mut Vec<Interface>, number: &mut u64) -> Option<Piece> {
    let mut packet = |time, link, octets: &[u8]| {
        *number += 1;
        Some(Piece::Packet(Packet { number: *number, time, link, octets: octets.to_vec() }))
    };
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            interfaces.push(Interface { link: header.network, resolution, offset: 0 });
            None
        }
        PcapBlockOwned::Legacy(one) => {
            let interface = interfaces.first()?;
            let ticks = u64::from(one.ts_sec) * interface.resolution + u64::from(one.ts_usec);
            packet(since_1970(ticks, interface), interface.link, one.data)
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            None
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(one)) => {
            let resolution = one.ts_resolution().filter(|ticks| *ticks > 0).unwrap_or(1_000_000);
            interfaces.push(Interface { link: one.linktype, resolution, offset: one.ts_offset() });
            None
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(one)) => {
            let place = usize::try_from(one.if_id).ok();
            let Some(interface) = place.and_then(|place| interfaces.get(place)) else {
                return Some(Piece::Undescribed);
            };
            let ticks = u64::from(one.ts_high) << 32 | u64::from(one.ts_low);
            let octets = one.data.get(..usize::try_from(one.caplen).ok()?).unwrap_or(one.data);
            packet(since_1970(ticks, interface), interface.link, octets)
        }
        PcapBlockOwned::NG(Block::SimplePacket(one)) => {
            let Some(interface) = interfaces.first() else { return Some(Piece::Undescribed) };
            packet(Duration::ZERO, interface.link, one.data)
        }
        PcapBlockOwned::NG(Block::DecryptionSecrets(one)) => Some(Piece::Secrets(one.data.to_vec())),
        PcapBlockOwned::NG(_) => None,
    }
}

fn since_1970(ticks: u64, interface: &Interface) -> Duration {
    let seconds = ticks / interface.resolution;
    let nanos = u128::from(ticks % interface.resolution) * 1_000_000_000 / u128::from(interface.resolution);
    let since = Duration::new(seconds, u32::try_from(nanos).unwrap_or_default());
    let shift = Duration::from_secs(interface.offset.unsigned_abs());
    if interface.offset < 0 { since.saturating_sub(shift) } else { since.saturating_add(shift) }
}

/// What a transport carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carried<'a> {
    Tcp { sequence: u32, acknowledged: Option<u32>, syn: bool, fin: bool, reset: bool, octets: &'a [u8] },
    Udp { octets: &'a [u8] },
}

/// A packet that can carry DNP3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) carried: Carried<'a>,
}

impl Packet {
    /// The TCP or UDP in it.
    pub(crate) fn segment(&self) -> Result<Segment<'_>, Unread> {
        let sliced = self.sliced()?.ok_or(Unread::Other)?;
        Self::transport(&sliced).ok_or(Unread::Other)
    }

    /// Its layers; `None` where they are not all there.
    fn sliced(&self) -> Result<Option<LaxSlicedPacket<'_>>, Unread> {
        const SLL: usize = 16;
        const SLL2: usize = 20;
        let typed = |at: usize, header: usize| {
            let &[high, low] = self.octets.get(at..)?.first_chunk::<2>()?;
            let payload = self.octets.get(header..)?;
            Some(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes([high, low])), payload))
        };
        let ip = |octets| LaxSlicedPacket::from_ip(octets).ok();
        Ok(match self.link {
            Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(&self.octets).ok(),
            Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12 | 14) => ip(&self.octets),
            // BSD loopback: four octets that name the family, which the IP version tells too.
            Linktype::NULL | Linktype::LOOP => self.octets.get(4..).and_then(ip),
            Linktype::LINUX_SLL => typed(14, SLL),
            Linktype::LINUX_SLL2 => typed(0, SLL2),
            Linktype(other) => return Err(Unread::Link(other)),
        })
    }

    fn transport<'a>(sliced: &LaxSlicedPacket<'a>) -> Option<Segment<'a>> {
        let (from, to): (IpAddr, IpAddr) = match sliced.net.as_ref()? {
            LaxNetSlice::Ipv4(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            LaxNetSlice::Ipv6(ip) => {
                (ip.header().source_addr().into(), ip.header().destination_addr().into())
            }
            LaxNetSlice::Arp(_) => return None,
        };
        let (ports, carried) = match sliced.transport.as_ref()? {
            TransportSlice::Tcp(tcp) => (
                (tcp.source_port(), tcp.destination_port()),
                Carried::Tcp {
                    sequence: tcp.sequence_number(),
                    acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
                    syn: tcp.syn(),
                    fin: tcp.fin(),
                    reset: tcp.rst(),
                    octets: tcp.payload(),
                },
            ),
            TransportSlice::Udp(udp) => {
                ((udp.source_port(), udp.destination_port()), Carried::Udp { octets: udp.payload() })
            }
            _ => return None,
        };
        Some(Segment { from: SocketAddr::new(from, ports.0), to: SocketAddr::new(to, ports.1), carried })
    }
}
