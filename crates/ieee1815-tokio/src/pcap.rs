//! The decrypted DNP3 of live sessions as a capture that Wireshark opens, without the right to capture.
//!
//! What a session reads and writes is dressed up as TCP over IP between the addresses of its ends, with sequence
//! numbers that add up, so that an analyser puts it together again. TLS is left out, which is the point. The side that
//! was dialled gets port 20000, DNP3's own, so that nobody has to tell the analyser what it looks at; a line without
//! addresses (serial) gets two of those set aside for documentation.
//!
//! A capture must not disturb what it looks at: octets pass through a bounded channel to a thread that writes, and
//! what does not fit is dropped, counted and told. Sequence numbers go on, so a drop shows as a gap in the capture
//! and is not mistaken for something that the session did.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Packets that may wait for the writer.
const PACKETS_WAITING_MAX: usize = 1_024;
/// Octets in one packet; more are split.
const OCTETS_MAX: usize = 16_384;
/// The port that analysers know DNP3 by.
const DNP3_PORT: u16 = 20_000;
/// Link type of a packet that begins with its IP header.
const LINKTYPE_RAW: u32 = 101;
/// Magic of a pcap file whose times are in nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xA1B2_3C4D;
const SNAP_LENGTH: u32 = 262_144;
const TCP: u8 = 6;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// A capture file that sessions write into. Cheap to clone; the file is whole once the last clone and the last
/// session are gone, or after [`finish`](Self::finish).
#[derive(Debug, Clone)]
pub struct PcapFile {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sender: Mutex<Option<SyncSender<Packet>>>,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
    dropped: AtomicU64,
    written: Arc<AtomicU64>,
    conversations: AtomicU32,
}

/// What became of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcapCounters {
    /// Packets in the file.
    pub written: u64,
    /// Packets for which the writer was too slow.
    pub dropped: u64,
}

#[derive(Debug)]
struct Packet {
    since_1970: Duration,
    octets: Vec<u8>,
}

impl PcapFile {
    /// Makes the file, readable by its owner alone, and starts its writer.
    ///
    /// # Errors
    /// As the file system reports.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = BufWriter::new(options.open(path)?);
        file.write_all(&header())?;
        file.flush()?;
        let (sender, packets) = sync_channel(PACKETS_WAITING_MAX);
        let written = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&written);
        let shown = path.display().to_string();
        let writer = std::thread::Builder::new().name("pcap".to_owned()).spawn(move || {
            let result = write(file, &packets, &count);
            if let Err(error) = &result {
                tracing::warn!(file = shown, %error, "the capture takes no more");
            }
            result
        })?;
        tracing::warn!(file = %path.display(), "what the sessions exchange is written in clear");
        let shared = Shared {
            sender: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
            dropped: AtomicU64::new(0),
            written,
            conversations: AtomicU32::new(0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// So far.
    #[must_use]
    pub fn counters(&self) -> PcapCounters {
        PcapCounters {
            written: self.shared.written.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }

    /// Ends the capture: waits until everything that came before is in the file. Sessions that go on write no more.
    /// Blocks for as long as the disk does.
    ///
    /// # Errors
    /// As the file system reported.
    pub fn finish(&self) -> io::Result<PcapCounters> {
        drop(lock(&self.shared.sender).take());
        let writer = lock(&self.shared.writer).take();
        if let Some(writer) = writer {
            writer.join().map_err(|_| io::Error::other("the writer is gone"))??;
        }
        Ok(self.counters())
    }

    /// A conversation of its own in the file. `dialled`: we did, so the peer is the side with DNP3's port.
    pub(crate) fn tap(&self, ends: Option<(SocketAddr, SocketAddr)>, dialled: bool) -> Tap {
        self.tap_at(ends, dialled, None)
    }

    fn tap_at(&self, ends: Option<(SocketAddr, SocketAddr)>, dialled: bool, at: Option<Duration>) -> Tap {
        // Some place to begin at; a new conversation between the same ends begins at another one.
        const FIRST_SEQUENCE: u32 = 0x1000_0000;
        let number = self.shared.conversations.fetch_add(1, Ordering::Relaxed);
        let first = FIRST_SEQUENCE.wrapping_add(number.wrapping_mul(0x0001_0000));
        let (mut local, mut remote) = ends.unwrap_or_else(|| {
            // Client ports from 50000 on keep the conversations of lines apart.
            let port = 50_000 | u16::try_from(number % 10_000).unwrap_or_default();
            let place = |last, port| SocketAddr::new(Ipv4Addr::new(192, 0, 2, last).into(), port);
            (place(1, port), place(2, port))
        });
        if dialled {
            remote.set_port(DNP3_PORT);
        } else {
            local.set_port(DNP3_PORT);
        }
        let mut tap = Tap {
            file: self.clone(),
            at,
            local: Side { address: local, next: first },
            remote: Side { address: remote, next: first.wrapping_mul(3) },
        };
        tap.packet(dialled, SYN, &[]);
        tap.packet(!dialled, SYN | ACK, &[]);
        tap.packet(dialled, ACK, &[]);
        tap
    }

    /// A conversation that is over already, as something else recorded it: its times are given, and whoever writes it
    /// waits for the disk. `local` was dialled and gets DNP3's port; without ends it gets some for documentation.
    #[must_use]
    pub fn conversation(&self, ends: Option<(SocketAddr, SocketAddr)>, at: Duration) -> PcapConversation {
        PcapConversation(self.tap_at(ends, false, Some(at)))
    }

    fn send_at(&self, since_1970: Duration, octets: Vec<u8>) {
        let sender = lock(&self.shared.sender);
        // Where the writer is gone, `finish` tells why.
        drop(sender.as_ref().map(|sender| sender.send(Packet { since_1970, octets })));
    }

    /// Never waits.
    fn send(&self, octets: Vec<u8>) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let sender = lock(&self.shared.sender);
        let Some(sender) = sender.as_ref() else { return };
        if sender.try_send(Packet { since_1970, octets }).is_err()
            && self.shared.dropped.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::warn!("the capture's writer is too slow, packets are dropped");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes until all senders are gone; what waits is written before the file is flushed.
fn write(mut file: BufWriter<File>, packets: &Receiver<Packet>, written: &AtomicU64) -> io::Result<()> {
    while let Ok(packet) = packets.recv() {
        record(&mut file, &packet)?;
        written.fetch_add(1, Ordering::Relaxed);
        while let Ok(packet) = packets.try_recv() {
            record(&mut file, &packet)?;
            written.fetch_add(1, Ordering::Relaxed);
        }
        // Whoever looks on wants to see what there is, as soon as there is nothing else to do.
        file.flush()?;
    }
    file.flush()
}

fn header() -> [u8; 24] {
    let mut out = [0; 24];
    let fields = [(0, MAGIC_NANOSECONDS), (16, SNAP_LENGTH), (20, LINKTYPE_RAW)];
    for (at, value) in fields {
        for (place, octet) in out.iter_mut().skip(at).zip(value.to_le_bytes()) {
            *place = octet;
        }
    }
    // Version 2.4.
    for (place, octet) in out.iter_mut().skip(4).zip([2, 0, 4, 0]) {
        *place = octet;
    }
    out
}

fn record(out: &mut impl Write, packet: &Packet) -> io::Result<()> {
    let length = u32::try_from(packet.octets.len()).unwrap_or(u32::MAX).to_le_bytes();
    // The format counts seconds in 32 bits, until 2106.
    let seconds = u32::try_from(packet.since_1970.as_secs()).unwrap_or(u32::MAX);
    out.write_all(&seconds.to_le_bytes())?;
    out.write_all(&packet.since_1970.subsec_nanos().to_le_bytes())?;
    out.write_all(&length)?;
    out.write_all(&length)?;
    out.write_all(&packet.octets)
}

#[derive(Debug, Clone, Copy)]
struct Side {
    address: SocketAddr,
    /// Sequence number of its next octet.
    next: u32,
}

/// One session's way into a capture. Dropped, it ends its conversation there.
#[derive(Debug)]
pub(crate) struct Tap {
    file: PcapFile,
    /// The time of what comes next; `None`: now.
    at: Option<Duration>,
    local: Side,
    remote: Side,
}

impl Tap {
    pub(crate) fn sent(&mut self, octets: &[u8]) {
        octets.chunks(OCTETS_MAX).for_each(|chunk| self.packet(true, PSH | ACK, chunk));
    }

    pub(crate) fn received(&mut self, octets: &[u8]) {
        octets.chunks(OCTETS_MAX).for_each(|chunk| self.packet(false, PSH | ACK, chunk));
    }

    fn packet(&mut self, by_us: bool, flags: u8, payload: &[u8]) {
        let (from, to) =
            if by_us { (&mut self.local, &mut self.remote) } else { (&mut self.remote, &mut self.local) };
        let acknowledged = if flags & ACK == 0 { 0 } else { to.next };
        let octets = ip(from, to, acknowledged, flags, payload);
        let counted = u32::from(flags & (SYN | FIN) != 0);
        let length = u32::try_from(payload.len()).unwrap_or_default();
        from.next = from.next.wrapping_add(length).wrapping_add(counted);
        match self.at {
            Some(at) => self.file.send_at(at, octets),
            None => self.file.send(octets),
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.packet(true, FIN | ACK, &[]);
        self.packet(false, FIN | ACK, &[]);
        self.packet(true, ACK, &[]);
    }
}

/// See [`PcapFile::conversation`]. Dropped, it ends there at the time of what came last.
#[derive(Debug)]
pub struct PcapConversation(Tap);

impl PcapConversation {
    /// We sent octets, so long after 1970.
    pub fn sent(&mut self, at: Duration, octets: &[u8]) {
        self.0.at = Some(at);
        self.0.sent(octets);
    }

    /// The peer sent octets, so long after 1970.
    pub fn received(&mut self, at: Duration, octets: &[u8]) {
        self.0.at = Some(at);
        self.0.received(octets);
    }
}

/// An IP packet with TCP in it.
fn ip(from: &Side, to: &Side, acknowledged: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    const TTL: u8 = 64;
    let segment = tcp(from, to, acknowledged, flags, payload);
    let length = u16::try_from(segment.len()).unwrap_or(u16::MAX);
    let mut out = Vec::with_capacity(40 + segment.len());
    match (from.address.ip(), to.address.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            out.extend([0x45, 0]);
            out.extend(length.saturating_add(20).to_be_bytes());
            // No identification, may not be fragmented.
            out.extend([0, 0, 0x40, 0, TTL, TCP, 0, 0]);
            out.extend(source.octets());
            out.extend(destination.octets());
            let check = checksum(&[&out]);
            out.splice(10..12, check.to_be_bytes());
        }
        (source, destination) => {
            out.extend([0x60, 0, 0, 0]);
            out.extend(length.to_be_bytes());
            out.extend([TCP, TTL]);
            out.extend(v6(source));
            out.extend(v6(destination));
        }
    }
    out.extend(segment);
    out
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn tcp(from: &Side, to: &Side, acknowledged: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(20 + payload.len());
    out.extend(from.address.port().to_be_bytes());
    out.extend(to.address.port().to_be_bytes());
    out.extend(from.next.to_be_bytes());
    out.extend(acknowledged.to_be_bytes());
    // A header of five words, the largest window, check sum and urgent pointer to come.
    out.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    out.extend(payload);
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX).to_be_bytes();
    let check = match (from.address.ip(), to.address.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let [.., high, low] = length;
            checksum(&[&source.octets(), &destination.octets(), &[0, TCP, high, low], &out])
        }
        (source, destination) => checksum(&[&v6(source), &v6(destination), &length, &[0, 0, 0, TCP], &out]),
    };
    out.splice(16..18, check.to_be_bytes());
    out
}

/// The Internet's check sum (RFC 1071). All parts but the last have an even number of octets.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for part in parts {
        let (pairs, rest) = part.as_chunks::<2>();
        sum += pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum::<u64>();
        sum += rest.iter().map(|octet| u64::from(*octet) << 8).sum::<u64>();
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_is_too_slow_costs_packets_and_no_time() {
        // A writer that takes nothing at all.
        let (sender, packets) = sync_channel(4);
        let shared = Shared {
            sender: Mutex::new(Some(sender)),
            writer: Mutex::new(None),
            dropped: AtomicU64::new(0),
            written: Arc::default(),
            conversations: AtomicU32::new(0),
        };
        let file = PcapFile { shared: Arc::new(shared) };
        let mut tap = file.tap(None, false);
        for _ in 0..10 {
            tap.sent(&[0; 100]);
        }
        // Three packets of the handshake and one more fitted.
        assert_eq!(file.counters(), PcapCounters { written: 0, dropped: 9 });
        // What comes after the loss stands where it was in the session.
        assert_eq!(packets.iter().take(4).count(), 4);
        tap.sent(&[1]);
        let last = packets.recv().unwrap().octets;
        let sequence = u32::from_be_bytes([last[24], last[25], last[26], last[27]]);
        let first = tap.local.next.wrapping_sub(1_001);
        assert_eq!(sequence.wrapping_sub(first), 1_000);
        drop(tap);
        file.finish().unwrap();
    }

    #[test]
    fn the_check_sum_of_a_known_header() {
        // RFC 1071's own example, an odd octet behind it.
        let octets = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7];
        assert_eq!(checksum(&[&octets]), !0xDDF2);
        assert_eq!(checksum(&[&octets, &[1]]), !0xDEF2);
    }
}
