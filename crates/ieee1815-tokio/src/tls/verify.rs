//! The two certificate verifiers: webpki first, then our own list.
//!
//! Neither ever answers "good" without webpki having said so. They differ from rustls's own only in what comes
//! after: rustls compares a server's certificate with the host name dialled (and knows no common names), while a
//! DNP3 peer is dialled by address and meant by the identity in the configuration.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::refusal::note_presented;
use crate::identity::{Admitted, PeerIdentity, PresentedIdentity};

/// The list that every peer has to be on.
#[derive(Debug, Clone)]
pub(crate) struct Admission(Arc<[PeerIdentity]>);

impl Admission {
    pub(crate) fn new(list: &[PeerIdentity]) -> Self {
        Self(list.into())
    }

    pub(crate) fn judge(&self, presented: &PresentedIdentity) -> Option<usize> {
        presented.position_in(&self.0)
    }

    /// The identity behind a finished handshake. `None` only if there was no certificate, which neither
    /// verifier lets happen.
    pub(crate) fn of_chain(&self, chain: Option<&[CertificateDer<'_>]>) -> Option<Admitted> {
        let presented = PresentedIdentity::from_der(chain?.first()?);
        let index = self.judge(&presented)?;
        Some(Admitted { presented, index })
    }

    fn check(&self, presented: &PresentedIdentity) -> Result<(), Error> {
        match self.judge(presented) {
            Some(_) => Ok(()),
            // The alert for it is access_denied, which tells the peer's engineer where to look.
            None => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }
}

fn note(end_entity: &CertificateDer<'_>) -> PresentedIdentity {
    let presented = PresentedIdentity::from_der(end_entity);
    note_presented(&presented);
    presented
}

/// For a listener: judges the certificates of clients.
#[derive(Debug)]
pub(crate) struct ClientJudge {
    chain: Arc<dyn ClientCertVerifier>,
    admission: Admission,
}

impl ClientJudge {
    pub(crate) fn new(
        roots: Arc<RootCertStore>,
        provider: Arc<CryptoProvider>,
        admission: Admission,
    ) -> Result<Self, VerifierBuilderError> {
        let chain = WebPkiClientVerifier::builder_with_provider(roots, provider).build()?;
        Ok(Self { chain, admission })
    }
}

impl ClientCertVerifier for ClientJudge {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let presented = note(end_entity);
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        self.admission.check(&presented)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// For a connecting master: judges the certificate of the server.
#[derive(Debug)]
pub(crate) struct ServerJudge {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
    admission: Admission,
}

impl ServerJudge {
    pub(crate) fn new(roots: Arc<RootCertStore>, provider: &CryptoProvider, admission: Admission) -> Self {
        Self { roots, algorithms: provider.signature_verification_algorithms, admission }
    }
}

impl ServerCertVerifier for ServerJudge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = note(end_entity);
        let certificate = ParsedCertificate::try_from(end_entity)?;
        // Chain, validity, basic and name constraints, and serverAuth where a purpose is stated.
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        self.admission.check(&presented)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
