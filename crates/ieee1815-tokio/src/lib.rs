//! TCP and mutual-TLS transports for the sans-I/O crate [`ieee1815`].
//!
//! `ieee1815` neither knows sockets nor clocks. This crate carries its octets: a [`Listener`] for the
//! outstation's side, [`connect`] for the master's, and a [`MasterDriver`] that runs a whole master on a task.
//!
//! Three habits hold everywhere: `TCP_NODELAY` is always set, a fragment leaves in one write
//! ([`Connection::write_fragment`]), and nothing a peer sends or withholds can hold up another peer.
//!
//! # What the TLS layer checks, and what it does not
//! 1. The *chain* (signatures, validity, basic constraints, name constraints) up to one of the configured
//!    trust anchors, and the *purpose*: a certificate with an extended key usage must carry `clientAuth` when
//!    it is presented to a listener and `serverAuth` when it is presented to [`connect`]. A certificate with
//!    no extended key usage at all passes, as RFC 5280 lets it.
//! 2. Then *our own list*, [`TlsPolicy::admitted`]: a certificate authority that signs a whole industry's
//!    certificates says who somebody is, not that he may talk to this device. An empty list admits nobody.
//!
//! Names are compared whole and without regard to case: with each dNSName of the subject alternative name,
//! or with the subject's common name when the certificate has *no* subject alternative name extension and
//! exactly one common name. There are no wildcards on either side. URI, IP address, e-mail and other kinds of
//! alternative name are neither matched nor shown: admit such a peer by its fingerprint.
//!
//! Not done, on purpose or because the library underneath cannot:
//! - no TLS 1.1 or older (rustls has none), hence no test against such a peer either;
//! - no OCSP, and no revocation list is fetched: lists are files, and a peer is also revoked by taking it off the
//!   admitted list;
//! - certificates must be X.509 version 3, with RSA keys of 2048 bit or more, P-256, P-384, P-521 or Ed25519;
//! - a self-signed certificate that is a peer's own cannot serve as trust anchor for itself;
//! - the validity of a trust anchor itself is not enforced (a warning tells when it has expired);
//! - no session resumption: sessions here live for days, and a resumed one would skip the checks above;
//! - no server name indication is sent: peers are found by address and identified by certificate.

mod connect;
mod connection;
mod endpoint;
mod front;
mod identity;
mod listener;
mod master;
mod outstation;
mod pcap;
mod serial;
mod tls;
mod udp;

pub use connect::{BackoffConfig, ConnectError, DialConfig, connect};
pub use connection::Connection;
pub use endpoint::{Arrivals, Endpoint};
pub use front::{Front, FrontConfig, FrontError, FrontEvent, FrontMaster, Inside};
pub use identity::{Admitted, IdentityError, PeerIdentity, PresentedIdentity};
pub use listener::{Accepted, BindError, Incoming, Listener, ListenerLimits, TlsHandle};
pub use master::{DriverConfig, DriverEvent, MasterDriver, MasterHandle, RequestError, Ticket};
pub use outstation::{
    DriverCounters, OutstationConfig, OutstationDriver, OutstationEvent, OutstationHandle, Route, UdpConfig,
};
pub use pcap::{PcapCounters, PcapFile};
pub use serial::{Parity, SerialConfig, SerialSettingError, StopBits};
pub use tls::{
    CipherSuite, CipherSuiteError, ClientTls, Refusal, RefusalKind, ServerTls, TlsError, TlsPolicy,
    TlsVersion, TlsVersionError, TlsWarning,
};
#[cfg(feature = "serde")]
pub use tls::{SectionProblem, TlsSection};
