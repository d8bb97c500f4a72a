//! Mutual TLS: a policy read from files becomes what a listener or a connecting master needs.

mod files;
mod keylog;
mod policy;
mod refusal;
mod verify;

pub use files::{TlsError, TlsWarning};
pub use policy::{ClientTls, ServerTls, TlsPolicy, TlsVersion, TlsVersionError};
pub(crate) use refusal::capture;
pub use refusal::{Refusal, RefusalKind};
