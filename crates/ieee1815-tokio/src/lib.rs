//! TCP, mutual TLS, UDP and serial lines for the sans-I/O crate [`ieee1815`].
//!
//! `ieee1815` neither knows sockets nor clocks. This crate carries its octets. An [`OutstationDriver`] runs a whole
//! outstation: it listens and dials, and knows each master by its certificate or its link addresses. A
//! [`MasterDriver`] runs a whole master on a task. A [`Front`] puts mutual TLS in front of a device that has none.
//! Beneath them, for those who carry octets themselves: a [`Listener`], [`connect`], and an [`Endpoint`] for
//! either way round.
//!
//! # An outstation in twenty lines
//! ```no_run
//! use ieee1815::outstation::{Outstation, PointConfig, ReadOnly, SessionConfig};
//! use ieee1815::{Flags, Measured, PointType, Value};
//! use ieee1815_tokio::{OutstationConfig, OutstationDriver, Route};
//!
//! # async fn run(megawatts: f64) -> Result<(), Box<dyn std::error::Error>> {
//! let points = [PointConfig { class: 2, ..PointConfig::new(PointType::AnalogInput, 0) }];
//! let outstation = Outstation::new(&points, vec![SessionConfig::new(10, 1)])?;
//! let config = OutstationConfig::new(vec![Route::new(10, 1)]);
//! let (driver, _events) = OutstationDriver::start(outstation, ReadOnly, config)?;
//! driver.listen("0.0.0.0:20000".parse()?).await?;
//! let measured = Measured { value: Value::Analog(megawatts), flags: Some(Flags::ONLINE), time: None };
//! driver.update(PointType::AnalogInput, 0, measured);
//! # Ok(())
//! # }
//! ```
//! For mutual TLS, give each [`Route`] the identities that its master may show, the configuration a [`TlsPolicy`],
//! and call [`listen_tls`](OutstationHandle::listen_tls). [`reload`](OutstationHandle::reload) replaces certificates,
//! keys, revocation lists and peers without touching the sessions that stay admitted.
//!
//! # A master in twenty lines
//! ```no_run
//! use std::time::Duration;
//! use ieee1815::master::{MasterConfig, MasterEvent, Scan};
//! use ieee1815::{Classes, PointType};
//! use ieee1815_tokio::{DriverConfig, DriverEvent, MasterDriver};
//!
//! # async fn run() {
//! let mut config = MasterConfig::new(1, 10);
//! config.accept.insert(PointType::AnalogInput, 0..=99);
//! config.scans = vec![Scan::classes(Classes::EVENTS, Duration::from_secs(4))];
//! let (_stop, shutdown) = tokio::sync::watch::channel(false);
//! let (_handle, mut events) = MasterDriver::spawn(DriverConfig::new("127.0.0.1:20000", config), shutdown);
//! while let Some(event) = events.recv().await {
//!     if let DriverEvent::Master { event: MasterEvent::Point { point, index, measured, .. }, .. } = event {
//!         println!("{point:?} {index}: {measured:?}");
//!     }
//! }
//! # }
//! ```
//!
//! # Limits
//! | what | bound | where |
//! |---|---|---|
//! | TLS handshakes pending, and plain connections that have not shown an address | 64, the oldest goes; 10 s each | [`ListenerLimits`] |
//! | connections of one master | 1, the newest | |
//! | octets that a peer leaves unread | one turn's answers; 5 s without progress | [`OutstationConfig::write_timeout`] |
//! | silence | no limit | [`OutstationConfig::idle_timeout`], or the link's keep-alive |
//! | events for the program | 1,024, then they are dropped and counted | [`DriverCounters::events_dropped`] |
//! | a datagram | 1,400 octets sent, 4,096 taken | |
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
pub use pcap::{PcapConversation, PcapCounters, PcapFile};
pub use serial::{Parity, SerialConfig, SerialSettingError, StopBits};
pub use tls::{
    CipherSuite, CipherSuiteError, ClientTls, Refusal, RefusalKind, ServerTls, TlsError, TlsPolicy,
    TlsVersion, TlsVersionError, TlsWarning,
};
#[cfg(feature = "serde")]
pub use tls::{SectionProblem, SectionProblemKind, TlsSection};
