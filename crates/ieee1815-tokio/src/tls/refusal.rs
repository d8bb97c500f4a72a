//! Why a handshake did not become a session, precisely enough that an operator can act on the journal line.
//!
//! rustls reports its own errors; what it cannot report is *who* was refused, because a certificate that fails
//! verification is dropped with the connection. The verifiers therefore leave what was presented in a slot of
//! the task that runs the handshake ([`capture`]), and the two halves are put together here.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error as RustlsError, PeerIncompatible};

use crate::identity::PresentedIdentity;

tokio::task_local! {
    static PRESENTED: RefCell<Option<PresentedIdentity>>;
}

/// Runs a handshake and returns, beside its result, the identity that the peer presented, if it got so far.
pub(crate) async fn capture<F: Future>(handshake: F) -> (F::Output, Option<PresentedIdentity>) {
    PRESENTED
        .scope(RefCell::new(None), async {
            let output = handshake.await;
            (output, PRESENTED.with(RefCell::take))
        })
        .await
}

/// Called by the verifiers. Outside of [`capture`] there is no slot, and nobody who would read it.
pub(crate) fn note_presented(identity: &PresentedIdentity) {
    let _ = PRESENTED.try_with(|slot| slot.replace(Some(identity.clone())));
}

/// What kind of refusal it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The first octet is not a TLS handshake: plain TCP into the TLS port. Nothing was sent back.
    NotTls,
    /// The handshake did not finish in time.
    TimedOut,
    /// Too many handshakes were pending and this was the oldest of the address with the most of them.
    CrowdedOut,
    /// The peer closed the connection.
    Closed,
    /// No TLS version or cipher suite in common.
    Incompatible,
    /// The peer presented no certificate.
    NoCertificate,
    /// The certificate, or one of its chain, has expired.
    Expired,
    /// The certificate, or one of its chain, is not valid yet.
    NotValidYet,
    /// No trust anchor vouches for it.
    UnknownIssuer,
    /// It, or one of its chain, was revoked.
    Revoked,
    /// No revocation list covers it or one of its chain.
    RevocationUnknown,
    /// Its extended key usage does not allow this role.
    WrongPurpose,
    /// Anything else wrong with the certificate or its signatures.
    BadCertificate,
    /// The chain is good but nobody on the admitted list is meant by it.
    NotAdmitted,
    /// The peer refused us and said so with a TLS alert.
    RefusedByPeer,
    /// The peer broke the TLS protocol.
    Protocol,
    /// The connection failed underneath.
    Io,
}

impl RefusalKind {
    fn text(self) -> &'static str {
        match self {
            Self::NotTls => "not TLS",
            Self::TimedOut => "handshake timed out",
            Self::CrowdedOut => "too many handshakes pending",
            Self::Closed => "closed by the peer",
            Self::Incompatible => "no TLS version or cipher suite in common",
            Self::NoCertificate => "no certificate presented",
            Self::Expired => "certificate expired",
            Self::NotValidYet => "certificate not valid yet",
            Self::UnknownIssuer => "certificate from an unknown issuer",
            Self::Revoked => "certificate revoked",
            Self::RevocationUnknown => "no revocation list covers the certificate",
            Self::WrongPurpose => "certificate not meant for this role",
            Self::BadCertificate => "bad certificate",
            Self::NotAdmitted => "not on the list of admitted peers",
            Self::RefusedByPeer => "refused by the peer",
            Self::Protocol => "broken TLS",
            Self::Io => "connection failed",
        }
    }
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A refused handshake: what kind, who presented itself, and the detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind.
    pub kind: RefusalKind,
    /// What the peer presented; `None` when no certificate was reached.
    pub presented: Option<PresentedIdentity>,
    /// More about it in plain words; may be empty.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        match &self.presented {
            Some(presented) => write!(f, ": presented {presented}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    pub(crate) fn new(kind: RefusalKind, detail: impl Into<String>) -> Self {
        Self { kind, presented: None, detail: detail.into() }
    }

    pub(crate) fn timed_out(after: Duration, presented: Option<PresentedIdentity>) -> Self {
        Self { presented, ..Self::new(RefusalKind::TimedOut, format!("after {} s", after.as_secs_f32())) }
    }

    /// Reads an error of a handshake, or of the first read after one: in TLS 1.3 a client learns only then
    /// that the server refused its certificate.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>()) {
            return Self::from_rustls(tls);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::new(RefusalKind::Closed, ""),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::new(RefusalKind::Closed, error.to_string())
            }
            _ => Self::new(RefusalKind::Io, error.to_string()),
        }
    }

    fn from_rustls(error: &RustlsError) -> Self {
        match error {
            RustlsError::InvalidCertificate(why) => Self::from_certificate(why),
            RustlsError::NoCertificatesPresented => Self::new(RefusalKind::NoCertificate, ""),
            RustlsError::AlertReceived(alert) => Self::new(RefusalKind::RefusedByPeer, alert_text(*alert)),
            RustlsError::PeerIncompatible(why) => {
                Self::new(RefusalKind::Incompatible, incompatible_text(why))
            }
            other => Self::new(RefusalKind::Protocol, other.to_string()),
        }
    }

    fn from_certificate(why: &CertificateError) -> Self {
        let kind = match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => RefusalKind::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                RefusalKind::NotValidYet
            }
            CertificateError::UnknownIssuer => RefusalKind::UnknownIssuer,
            CertificateError::Revoked => return Self::new(RefusalKind::Revoked, ""),
            CertificateError::UnknownRevocationStatus => {
                return Self::new(RefusalKind::RevocationUnknown, "");
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                RefusalKind::WrongPurpose
            }
            // Only our own verifiers raise it, after everything else was found good.
            CertificateError::ApplicationVerificationFailure => {
                return Self::new(RefusalKind::NotAdmitted, "");
            }
            _ => RefusalKind::BadCertificate,
        };
        let detail = match why {
            CertificateError::UnknownIssuer => String::new(),
            CertificateError::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
                Some(webpki::Error::CaUsedAsEndEntity) => "it is a certificate authority's own".to_owned(),
                Some(other) => words(&format!("{other:?}")),
                None => other.to_string(),
            },
            why => words(&why.to_string()),
        };
        Self::new(kind, detail)
    }

    pub(crate) fn with_presented(self, presented: Option<PresentedIdentity>) -> Self {
        Self { presented, ..self }
    }
}

/// What a library calls `BadSignature` as words; whole sentences stay as they are.
fn words(name: &str) -> String {
    if !name.chars().all(char::is_alphanumeric) {
        return name.to_owned();
    }
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// The alerts that a wrongly configured pair really meets; the rest by their own name.
fn alert_text(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => "it asks for a certificate".to_owned(),
        AlertDescription::CertificateExpired => "it says our certificate has expired".to_owned(),
        AlertDescription::CertificateRevoked => "it says our certificate was revoked".to_owned(),
        AlertDescription::UnknownCA => "it does not know the issuer of our certificate".to_owned(),
        AlertDescription::AccessDenied => "we are not on its list of admitted peers".to_owned(),
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "it does not accept our certificate".to_owned()
        }
        AlertDescription::UnsupportedCertificate => "our certificate is not meant for this role".to_owned(),
        AlertDescription::ProtocolVersion => "it does not speak our TLS versions".to_owned(),
        AlertDescription::HandshakeFailure => "it found nothing in common with us".to_owned(),
        other => format!("alert {other:?}"),
    }
}

fn incompatible_text(why: &PeerIncompatible) -> String {
    match why {
        PeerIncompatible::ServerDoesNotSupportTls12Or13 => "it speaks neither TLS 1.2 nor 1.3".to_owned(),
        PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            "it chose a TLS version that our policy excludes".to_owned()
        }
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::SupportedVersionsExtensionRequired => {
            "it offers no TLS version that our policy allows".to_owned()
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_told_in_words() {
        let told = |why| Refusal::from_certificate(&why).to_string();
        let other = |why: webpki::Error| told(CertificateError::Other(rustls::OtherError(Arc::new(why))));
        let authority = other(webpki::Error::CaUsedAsEndEntity);
        assert_eq!(authority, "bad certificate (it is a certificate authority's own)");
        let unsupported = other(webpki::Error::UnsupportedCertVersion);
        assert_eq!(unsupported, "bad certificate (unsupported cert version)");
        assert_eq!(told(CertificateError::BadSignature), "bad certificate (bad signature)");
    }
}
