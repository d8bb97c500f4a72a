//! Looking on: what passes over connections, as it is inside of TLS, for captures and counters.

use std::fmt;
use std::net::SocketAddr;

/// Which way octets passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// From the peer to us.
    Received,
    /// From us to the peer.
    Sent,
}

/// Looks on at connections. It is called on the tasks that carry them: it must be quick and must not block.
pub trait Tap: fmt::Debug + Send + Sync {
    /// A connection begins. Our address and the peer's, where it has any: a serial line has none.
    fn connection(&self, local: Option<SocketAddr>, peer: Option<SocketAddr>) -> Box<dyn TapConnection>;
}

/// Looks on at one connection. It is dropped when the connection ends.
pub trait TapConnection: fmt::Debug + Send + Sync {
    /// Octets passed, as many as were read or taken at once: neither frames nor fragments.
    fn octets(&mut self, passed: Passed, octets: &[u8]);
}
