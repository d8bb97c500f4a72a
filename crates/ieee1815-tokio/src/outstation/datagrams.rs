//! An outstation over UDP: one socket, a session for each pair of link addresses, a peer's address for each session.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use ieee1815::outstation::Application;
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

use super::OutstationEvent;
use super::peers::Judged;
use super::route::{self, Head};
use super::shared::{News, Over, Shared};
use crate::listener::BindError;
use crate::pcap::Tap;
use crate::udp::datagram;

/// The largest datagram that is read whole; a fragment of 2048 octets with its frames needs less.
const READ_OCTETS: usize = 4096;

/// Where an outstation takes datagrams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpConfig {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The sessions that are served here, each with the only address that its master may have, or none: then the
    /// last one that named its link addresses is answered, which is right for closed networks only.
    pub peers: Vec<(usize, Option<SocketAddr>)>,
}

struct Peer {
    session: usize,
    allowed: Option<SocketAddr>,
    /// Who speaks, and the number of its connection.
    current: Option<(SocketAddr, u64)>,
    tap: Option<Box<Tap>>,
}

struct Port<A> {
    shared: Arc<Shared<A>>,
    socket: UdpSocket,
    peers: Vec<Peer>,
    input: Box<[u8]>,
    output: Vec<u8>,
    ends: Vec<usize>,
}

pub(super) async fn listen<A: Application + Send + 'static>(
    shared: Arc<Shared<A>>,
    config: UdpConfig,
) -> Result<(impl Future<Output = ()> + Send, SocketAddr), BindError> {
    let error = |source| BindError::new(config.listen, source);
    let socket = UdpSocket::bind(config.listen).await.map_err(error)?;
    let bound = socket.local_addr().map_err(error)?;
    let peer = |(session, allowed)| Peer { session, allowed, current: None, tap: None };
    let mut port = Port {
        shared,
        socket,
        peers: config.peers.into_iter().map(peer).collect(),
        input: vec![0; READ_OCTETS].into(),
        output: Vec::new(),
        ends: Vec::new(),
    };
    let task = async move {
        let mut stop = port.shared.stop.subscribe();
        port.open();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = poll_fn(|context| port.poll(context)) => {}
        }
        port.close();
    };
    Ok((task, bound))
}

impl<A: Application + Send> Port<A> {
    /// Masters with a fixed address are there from the start: the outstation may speak first.
    fn open(&mut self) {
        for at in 0..self.peers.len() {
            if let Some(address) = self.peers.get(at).and_then(|peer| peer.allowed) {
                self.bind(at, address);
            }
        }
    }

    fn close(&mut self) {
        for peer in &mut self.peers {
            if let Some((_, number)) = peer.current.take()
                && self.shared.release(peer.session, number)
            {
                let why = "stopped".to_owned();
                self.shared.tell(OutstationEvent::Down { session: peer.session, why });
            }
        }
    }

    fn bind(&mut self, at: usize, address: SocketAddr) -> Option<u64> {
        let peer = self.peers.get_mut(at)?;
        let number = self.shared.bind(peer.session)?;
        peer.current = Some((address, number));
        let ends = self.socket.local_addr().ok().map(|local| (local, address));
        peer.tap = self.shared.pcap.as_ref().map(|file| Box::new(file.tap(ends, false)));
        self.shared.tell(OutstationEvent::Up { session: peer.session, peer: format!("{address} over UDP") });
        Some(number)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut buffer = ReadBuf::new(&mut self.input);
            match self.socket.poll_recv_from(context, &mut buffer) {
                Poll::Ready(Ok(from)) => {
                    let length = buffer.filled().len();
                    self.datagram(length, from);
                }
                // What the network says of an earlier datagram is nothing to this one.
                Poll::Ready(Err(error)) => tracing::debug!(%error, "UDP"),
                Poll::Pending if self.news(context) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes the whole frames of a datagram; what is none is passed over.
    fn datagram(&mut self, length: usize, from: SocketAddr) {
        let mut at = 0;
        while let Some(rest) = self.input.get(at..length).filter(|rest| !rest.is_empty()) {
            match route::head(rest) {
                Head::Wait => return,
                Head::Skip(count) => at += count,
                Head::Frame { length: frame, from_master, destination, source } => {
                    let session = route::session(&self.shared.routes, destination, source);
                    let found = session.filter(|_| from_master).and_then(|session| {
                        self.peers.iter().position(|peer| {
                            peer.session == session && peer.allowed.is_none_or(|allowed| allowed == from)
                        })
                    });
                    match found {
                        Some(peer) => self.frame(peer, from, at, frame),
                        None => self.shared.count(|counters| counters.unknown_addresses += 1),
                    }
                    at += frame;
                }
            }
        }
    }

    fn frame(&mut self, at: usize, from: SocketAddr, start: usize, length: usize) {
        let Some(peer) = self.peers.get(at) else { return };
        let session = peer.session;
        let current = peer.current.filter(|(address, _)| *address == from).map(|(_, number)| number);
        let Some(mut number) = current.or_else(|| self.bind(at, from)) else { return };
        for _ in 0..2 {
            self.output.clear();
            self.ends.clear();
            let octets = self.input.get(start..start + length).unwrap_or_default();
            match self.shared.receive(session, number, octets, &mut self.output, &mut self.ends) {
                Ok(()) => break,
                // Another transport had the session meanwhile; now this one speaks.
                Err(_) => match self.bind(at, from) {
                    Some(again) => number = again,
                    None => return,
                },
            }
        }
        let octets = self.input.get(start..start + length).unwrap_or_default();
        if let Some(tap) = self.peers.get_mut(at).and_then(|peer| peer.tap.as_mut()) {
            tap.received(octets);
        }
        self.send(at, from);
    }

    /// What has become ready for the peers; true when something was sent.
    fn news(&mut self, context: &mut Context<'_>) -> bool {
        let mut sent = false;
        for at in 0..self.peers.len() {
            let Some(peer) = self.peers.get_mut(at) else { continue };
            let Some((address, number)) = peer.current else { continue };
            self.output.clear();
            self.ends.clear();
            match self.shared.news(peer.session, (number, Judged::NotAtAll), context, &mut self.output) {
                News::Transmit => {
                    self.ends.push(self.output.len());
                    self.send(at, address);
                    sent = true;
                }
                News::Over(Over::Idle | Over::Dead) => {
                    peer.current = None;
                    if self.shared.release(peer.session, number) {
                        let (session, why) = (peer.session, "it was silent".to_owned());
                        self.shared.tell(OutstationEvent::Down { session, why });
                    }
                }
                News::Over(_) => peer.current = None,
                News::Nothing | News::Judge(_) => {}
            }
        }
        sent
    }

    /// Sends what is in `output`. A datagram that the system does not take at once is lost, as datagrams may be.
    fn send(&mut self, at: usize, to: SocketAddr) {
        if let Some(tap) = self.peers.get_mut(at).and_then(|peer| peer.tap.as_mut())
            && !self.output.is_empty()
        {
            tap.sent(&self.output);
        }
        let mut start = 0;
        for end in self.ends.iter().copied() {
            while let Some(rest) = self.output.get(start..end).filter(|rest| !rest.is_empty()) {
                let length = datagram(rest);
                if let Err(error) = self.socket.try_send_to(rest.get(..length).unwrap_or(rest), to) {
                    tracing::debug!(%error, %to, "UDP");
                }
                start += length.max(1);
            }
        }
    }
}
