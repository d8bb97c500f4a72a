//! A master's octets by hand: what it sends is what a test says, sound or not.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A read of classes 1, 2, 3 and 0.
pub(crate) const INTEGRITY: [u8; 14] = [0xC0, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6];

pub(crate) fn crc(octets: &[u8]) -> [u8; 2] {
    let mut crc = 0_u16;
    for octet in octets {
        crc ^= u16::from(*octet);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xA6BC } else { crc >> 1 };
        }
    }
    (!crc).to_le_bytes()
}

/// One frame with a whole fragment (at most 249 octets) in it, from a master.
pub(crate) fn frame(destination: u16, source: u16, fragment: &[u8]) -> Vec<u8> {
    let mut user = vec![0xC0];
    user.extend(fragment);
    let mut out = vec![0x05, 0x64, u8::try_from(user.len()).unwrap() + 5, 0xC4];
    out.extend(destination.to_le_bytes());
    out.extend(source.to_le_bytes());
    out.extend(crc(&out));
    for block in user.chunks(16) {
        out.extend(block);
        out.extend(crc(block));
    }
    out
}

/// The user data of the frame at the head of `octets` and its length, when it is whole.
pub(crate) fn unframe(octets: &[u8]) -> Option<((u16, u16), Vec<u8>, usize)> {
    let header = octets.get(..10)?;
    assert_eq!(header[..2], [0x05, 0x64]);
    assert_eq!(header[8..], crc(&header[..8]));
    let user = usize::from(header[2]) - 5;
    let length = 10 + user + user.div_ceil(16) * 2;
    let body = octets.get(10..length)?;
    let data = body.chunks(18).flat_map(|block| {
        let (data, check) = block.split_at(block.len() - 2);
        assert_eq!(check, crc(data));
        data.to_vec()
    });
    let address = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    Some(((address(4), address(6)), data.collect(), length))
}

/// A stream read as a master does.
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    heard: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, heard: Vec::new() }
    }

    pub(crate) async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next fragment, and whom it is addressed to and from; `None` when the stream ends.
    pub(crate) async fn fragment(&mut self) -> Option<((u16, u16), Vec<u8>)> {
        let mut fragment = Vec::new();
        loop {
            while let Some((addresses, user, length)) = unframe(&self.heard) {
                self.heard.drain(..length);
                if user.is_empty() {
                    continue;
                }
                fragment.extend_from_slice(&user[1..]);
                if user[0] & 0x80 != 0 {
                    return Some((addresses, fragment));
                }
            }
            // A datagram that finds less room is cut off.
            self.heard.reserve(4096);
            if self.stream.read_buf(&mut self.heard).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Reads everything, confirms what wants it: the octets of objects that came.
    pub(crate) async fn integrity(&mut self, destination: u16, source: u16) -> Vec<u8> {
        self.try_integrity(destination, source).await.expect("closed")
    }

    /// As [`integrity`](Self::integrity); `None` when the connection is closed.
    pub(crate) async fn try_integrity(&mut self, destination: u16, source: u16) -> Option<Vec<u8>> {
        self.try_send(&frame(destination, source, &INTEGRITY)).await?;
        let mut objects = Vec::new();
        loop {
            let (addresses, fragment) = self.fragment().await?;
            assert_eq!(addresses, (source, destination));
            assert_eq!(fragment[1], 0x81, "{fragment:?}");
            objects.extend_from_slice(&fragment[4..]);
            if fragment[0] & 0x20 != 0 {
                self.try_send(&frame(destination, source, &[0xC0 | fragment[0] & 0x0F, 0])).await?;
            }
            if fragment[0] & 0x40 != 0 {
                return Some(objects);
            }
        }
    }

    async fn try_send(&mut self, octets: &[u8]) -> Option<()> {
        self.stream.write_all(octets).await.ok()?;
        self.stream.flush().await.ok()
    }

    /// True when nothing comes in `time`: the silence itself is what is tested.
    pub(crate) async fn is_silent(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.fragment()).await.is_err()
    }
}
