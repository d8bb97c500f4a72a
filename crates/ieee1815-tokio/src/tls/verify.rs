//! The two certificate verifiers: webpki first, then revocation and our own list.
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
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::chain::{PeerRole, Trust};
use super::refusal::note_presented;
use crate::identity::PresentedIdentity;

fn note(end_entity: &CertificateDer<'_>) -> PresentedIdentity {
    let presented = PresentedIdentity::from_der(end_entity);
    note_presented(&presented);
    presented
}

/// For a listener: judges the certificates of clients.
#[derive(Debug)]
pub(crate) struct ClientJudge {
    chain: Arc<dyn ClientCertVerifier>,
    trust: Arc<Trust>,
}

impl ClientJudge {
    pub(crate) fn new(
        provider: Arc<CryptoProvider>,
        trust: Arc<Trust>,
    ) -> Result<Self, VerifierBuilderError> {
        let roots = Arc::clone(&trust.roots);
        let chain = WebPkiClientVerifier::builder_with_provider(roots, provider).build()?;
        Ok(Self { chain, trust })
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
        self.trust.check(PeerRole::Client, &presented, end_entity, intermediates, now)?;
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
    algorithms: WebPkiSupportedAlgorithms,
    trust: Arc<Trust>,
}

impl ServerJudge {
    pub(crate) fn new(provider: &CryptoProvider, trust: Arc<Trust>) -> Self {
        Self { algorithms: provider.signature_verification_algorithms, trust }
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
            &self.trust.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        self.trust.check(PeerRole::Server, &presented, end_entity, intermediates, now)?;
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
