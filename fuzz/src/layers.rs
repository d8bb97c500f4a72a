//! Link and transport.

use arbitrary::{Result, Unstructured};
use ieee1815::Time;
use ieee1815::channel::{Broadcast, Channel, ChannelConfig, ChannelCounters, Role};

use crate::wire;

/// The fast check sum is the plain one, whatever the length.
pub fn crc(data: &[u8]) {
    assert_eq!(ieee1815::crc::crc(data), wire::crc(data));
    if let Some(block) = data.first_chunk::<16>() {
        assert_eq!(ieee1815::crc::crc_of_block(block), wire::crc(block));
    }
    if let Some(header) = data.first_chunk::<8>() {
        assert_eq!(ieee1815::crc::crc_of_header(header), wire::crc(header));
    }
    // One damaged octet is always seen.
    if let Some((first, rest)) = data.split_first()
        && let Some(change) = rest.first().filter(|change| **change != 0)
    {
        let mut damaged = data.to_vec();
        damaged[0] = first ^ change;
        assert_ne!(ieee1815::crc::crc(&damaged), ieee1815::crc::crc(data));
    }
}

/// What a channel made of octets.
#[derive(Debug, PartialEq)]
struct Made {
    fragments: Vec<(Option<Broadcast>, Vec<u8>)>,
    counters: ChannelCounters,
    sent: Vec<u8>,
}

fn through(role: Role, pieces: &[&[u8]]) -> Made {
    let (local, remote) = if role == Role::Master { (1, 10) } else { (10, 1) };
    let mut channel =
        Channel::new(ChannelConfig { self_address: true, ..ChannelConfig::new(role, local, remote) });
    let (mut fragments, mut sent) = (Vec::new(), Vec::new());
    for mut octets in pieces.iter().copied() {
        while let Some(broadcast) = channel.receive(&mut octets, Time::ZERO) {
            let fragment = channel.take_fragment();
            assert!(fragment.len() <= 2048);
            fragments.push((broadcast, fragment));
        }
        assert!(octets.is_empty());
    }
    channel.poll_transmit(&mut sent);
    Made { fragments, counters: channel.counters(), sent }
}

/// However a stream is chopped, the same comes out; and all of it is accounted for.
pub fn link_frames(data: &[u8]) {
    let Some((&[seed, role], stream)) = data.split_first_chunk::<2>() else { return };
    let role = if role & 1 == 0 { Role::Master } else { Role::Outstation };
    let whole = through(role, &[stream]);
    let (mut pieces, mut rest, mut size) = (Vec::new(), stream, usize::from(seed));
    while !rest.is_empty() {
        size = size.wrapping_mul(31).wrapping_add(7) % 293;
        let (piece, after) = rest.split_at((size + 1).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    assert_eq!(through(role, &pieces), whole);
    // A frame has ten octets at least, and a fragment a frame.
    let counters = whole.counters;
    assert!(counters.frames as usize * 10 <= stream.len() && counters.fragments <= counters.frames);
    assert!(counters.noise_octets as usize <= stream.len());
    assert!(whole.sent.len() <= counters.frames as usize * 10);
    // A good frame after it is found, once whatever was begun is over.
    let mut stream = stream.to_vec();
    stream.resize(stream.len() + 300, 0);
    let control = if role == Role::Master { 0x44 } else { 0xC4 };
    let (local, remote) = if role == Role::Master { (1, 10) } else { (10, 1) };
    stream.extend(wire::frame(control, local, remote, &[0xC0, 1, 2, 3]));
    let after = through(role, &[&stream]);
    assert_eq!(after.fragments.last(), Some(&(None, vec![1, 2, 3])));
}

/// A channel in either role, with confirms, keep-alive and time, against frames that are sound and mean anything.
pub fn channel(data: &[u8]) {
    let _ = channel_with(&mut Unstructured::new(data));
}

/// Reads what waits.
fn read(channel: &mut Channel) {
    let mut waited = Vec::new();
    channel.poll_transmit(&mut waited);
    assert!(waited.len() <= 24 * 1024, "{} octets waited", waited.len());
}

fn channel_with(u: &mut Unstructured<'_>) -> Result<()> {
    let role = if u.arbitrary()? { Role::Master } else { Role::Outstation };
    let (local, remote) = if role == Role::Master { (1, 10) } else { (10, 1) };
    let config = ChannelConfig {
        link_confirm: u.arbitrary()?,
        keep_alive: u.arbitrary::<bool>()?.then_some(Time::from_secs(30)),
        self_address: u.arbitrary()?,
        ..ChannelConfig::new(role, local, remote)
    };
    let link_confirm = config.link_confirm;
    let mut channel = Channel::new(config);
    let mut now = Time::ZERO;
    channel.reset(now);
    let peer = if role == Role::Master { 0 } else { 0x80 };
    while !u.is_empty() {
        match u.int_in_range(0..=7)? {
            0 => {
                channel.send(&[7; 2048][..u.int_in_range(0..=2048)?], now);
            }
            1 => {
                now += Time::from_millis(u.int_in_range(0..=20_000)?);
                channel.handle_timeout(now);
                // What was due is not due any more.
                assert!(channel.timeout().is_none_or(|at| at > now));
            }
            2 => read(&mut channel),
            3 => {
                channel.reset(now);
            }
            _ => {
                let control = if u.ratio(7, 8)? { peer | u.int_in_range(0..=0x7F)? } else { u.arbitrary()? };
                let destination = if u.ratio(7, 8)? { local } else { 0xFFFA + u.int_in_range(0..=5)? };
                let user = if u.arbitrary()? {
                    let length = u.int_in_range(0..=250)?.min(u.len());
                    u.bytes(length)?
                } else {
                    &[]
                };
                let frame = wire::frame(control, destination, remote, user);
                let repeat = u.int_in_range(1..=40)?;
                for _ in 0..repeat {
                    let mut octets = frame.as_slice();
                    while channel.receive(&mut octets, now).is_some() {
                        let fragment = channel.take_fragment();
                        assert!(fragment.len() <= 2048);
                        if u.arbitrary()? {
                            channel.give_back(fragment);
                        }
                    }
                }
            }
        }
    }
    // While nobody reads, what waits has an end: a fragment of the largest size above what may wait.
    read(&mut channel);
    // A new connection works.
    channel.reset(now);
    let mut octets: Vec<u8> = wire::frame(0x44 | peer, local, remote, &[0xC0, 1, 2, 3]);
    let mut rest = octets.as_slice();
    assert_eq!(channel.receive(&mut rest, now), Some(None));
    assert_eq!(channel.take_fragment(), [1, 2, 3]);
    octets.clear();
    channel.send(&[1, 2, 3], now);
    channel.poll_transmit(&mut octets);
    assert_eq!(octets.len(), if link_confirm { 10 } else { 10 + 4 + 2 });
    Ok(())
}
