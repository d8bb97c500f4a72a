//! Whom we trust: anchors, revocation lists and the admitted list, as they are in force together.
//!
//! A handshake is judged by rustls's own verifiers first; what is here comes after them, and judges sessions that
//! exist once more when anchors or lists were replaced under them.

use std::sync::Arc;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::{CertificateError, Error, OtherError, RootCertStore};
use rustls_pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use webpki::{CertRevocationList, EndEntityCert, KeyUsage, RevocationOptionsBuilder};

use crate::identity::{Admitted, PeerIdentity, PresentedIdentity};

/// Which end the peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerRole {
    Client,
    Server,
}

/// When a peer's chain was verified, and against what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verified {
    at: UnixTime,
    trust: [u8; 16],
}

/// What peers are judged by.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
    crls: Vec<CertRevocationList<'static>>,
    admitted: Vec<PeerIdentity>,
    /// Tells anchors and revocation lists from others.
    digest: [u8; 16],
}

impl Trust {
    /// `octets` are those of the anchors and revocation lists, one after the other.
    pub(crate) fn new<'a>(
        roots: Arc<RootCertStore>,
        algorithms: WebPkiSupportedAlgorithms,
        crls: Vec<CertRevocationList<'static>>,
        admitted: Vec<PeerIdentity>,
        octets: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let mut hash = Sha256::new();
        octets.for_each(|one| hash.update(one));
        let whole: [u8; 32] = hash.finalize().into();
        let digest = whole.first_chunk().copied().unwrap_or_default();
        Self { roots, algorithms, crls, admitted, digest }
    }

    /// The place in the admitted list.
    pub(crate) fn admits(&self, presented: &PresentedIdentity) -> Option<usize> {
        presented.position_in(&self.admitted)
    }

    /// For the verifiers: the admitted list, and the revocation lists where there are any.
    pub(crate) fn check(
        &self,
        role: PeerRole,
        presented: &PresentedIdentity,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if !self.crls.is_empty() {
            self.chain(role, end_entity, intermediates, now)?;
        }
        match self.admits(presented) {
            Some(_) => Ok(()),
            // The alert for it is access_denied, which tells the peer's engineer where to look.
            None => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    /// The identity behind a finished handshake, and the note to keep of it. `None` only if there was no certificate,
    /// which neither verifier lets happen.
    pub(crate) fn of_chain(&self, chain: Option<&[CertificateDer<'_>]>) -> Option<(Admitted, Verified)> {
        let presented = PresentedIdentity::from_der(chain?.first()?);
        let index = self.admits(&presented)?;
        Some((Admitted { presented, index }, Verified { at: UnixTime::now(), trust: self.digest }))
    }

    /// Judges the peer of a session again: its place in the admitted list. Validity is judged as of its handshake, so
    /// that a reload ends no session whose certificate has merely expired since.
    pub(crate) fn again(
        &self,
        role: PeerRole,
        chain: Option<&[CertificateDer<'_>]>,
        verified: Verified,
    ) -> Option<usize> {
        let (end_entity, intermediates) = chain?.split_first()?;
        if verified.trust != self.digest {
            self.chain(role, end_entity, intermediates, verified.at).ok()?;
        }
        self.admits(&PresentedIdentity::from_der(end_entity))
    }

    /// Chain, purpose and, where there are revocation lists, that nothing in it is revoked.
    fn chain(
        &self,
        role: PeerRole,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        at: UnixTime,
    ) -> Result<(), Error> {
        let usage = match role {
            PeerRole::Client => KeyUsage::client_auth(),
            PeerRole::Server => KeyUsage::server_auth(),
        };
        let crls: Vec<&CertRevocationList<'_>> = self.crls.iter().collect();
        let revocation = RevocationOptionsBuilder::new(&crls).ok().map(RevocationOptionsBuilder::build);
        let certificate = EndEntityCert::try_from(end_entity).map_err(error)?;
        certificate
            .verify_for_usage(
                self.algorithms.all,
                &self.roots.roots,
                intermediates,
                at,
                usage,
                revocation,
                None,
            )
            .map(drop)
            .map_err(error)
    }
}

fn error(error: webpki::Error) -> Error {
    match error {
        webpki::Error::CertRevoked => CertificateError::Revoked.into(),
        webpki::Error::UnknownRevocationStatus => CertificateError::UnknownRevocationStatus.into(),
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer.into(),
        other => CertificateError::Other(OtherError(Arc::new(other))).into(),
    }
}
