//! Mutual TLS: a policy read from files becomes what a listener or a connecting master needs.

mod chain;
mod files;
mod keylog;
mod policy;
mod refusal;
#[cfg(feature = "serde")]
mod section;
mod suite;
mod verify;

pub(crate) use chain::Verified;
pub use files::{TlsError, TlsWarning};
pub use policy::{ClientTls, ServerTls, TlsPolicy, TlsVersion, TlsVersionError};
pub(crate) use refusal::capture;
pub use refusal::{Refusal, RefusalKind};
#[cfg(feature = "serde")]
pub use section::{SectionProblem, SectionProblemKind, TlsSection};
pub use suite::{CipherSuite, CipherSuiteError};
