//! Datagrams as a connection: each holds one or more whole frames.

use std::io;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use crate::outstation::{Head, head};

/// Octets in one datagram at most, so that no network on the way has to cut it up.
pub(crate) const DATAGRAM_OCTETS_MAX: usize = 1400;

/// How many of `octets` go into the next datagram: as many whole frames as fit; at least one.
pub(crate) fn datagram(octets: &[u8]) -> usize {
    let mut length = 0;
    while let Some(rest) = octets.get(length..)
        && let Head::Frame { length: frame, .. } = head(rest)
        && (length == 0 || length + frame <= DATAGRAM_OCTETS_MAX)
    {
        length += frame;
    }
    // What is no frame is none of ours to cut.
    if length == 0 { octets.len() } else { length }
}

/// A socket with one peer.
#[derive(Debug)]
pub(crate) struct Datagrams(pub(crate) UdpSocket);

impl Datagrams {
    pub(crate) fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let before = buffer.filled().len();
            match self.0.poll_recv(context, buffer) {
                // An empty datagram is not the end of anything.
                Poll::Ready(Ok(())) if buffer.filled().len() == before => {}
                // Nobody listens there at the moment; somebody may soon.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                other => return other,
            }
        }
    }

    pub(crate) fn poll_write(&self, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let octets = octets.get(..datagram(octets)).unwrap_or(octets);
        match self.0.poll_send(context, octets) {
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Poll::Ready(Ok(octets.len()))
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_not_cut() {
        let reset = [0x05, 0x64, 0x05, 0xC0, 0x01, 0x00, 0x00, 0x04, 0xE9, 0x21];
        let many = reset.repeat(141);
        assert_eq!(datagram(&many), 1400);
        assert_eq!(datagram(&many[1400..]), 10);
        assert_eq!(datagram(&[1, 2, 3]), 3);
        assert_eq!(datagram(&[]), 0);
    }
}
