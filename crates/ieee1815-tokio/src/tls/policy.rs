//! What a site configures about TLS, and the two things that come of it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, KeyLog, NoKeyLog, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;

use super::files::{self, Identity, Role, TlsError, TlsWarning};
use super::keylog::KeyLogToFile;
use super::verify::{Admission, ClientJudge, ServerJudge};
use crate::identity::{Admitted, PeerIdentity, PresentedIdentity};

/// A TLS version that a policy may name. In text `1.2` and `1.3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        })
    }
}

/// A TLS version that is not offered here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("TLS {0:?} is not offered: \"1.2\" and \"1.3\" are")]
pub struct TlsVersionError(String);

impl FromStr for TlsVersion {
    type Err = TlsVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1.2" => Ok(Self::V1_2),
            "1.3" => Ok(Self::V1_3),
            other => Err(TlsVersionError(other.to_owned())),
        }
    }
}

/// Files and rules of one end of mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPolicy {
    /// PEM: our certificate first, then the intermediates that lead to the peer's trust anchor.
    pub certificate: PathBuf,
    /// PEM: the private key of that certificate (PKCS#8, PKCS#1 or SEC1, not encrypted).
    pub key: PathBuf,
    /// PEM files with the certificate authorities that may vouch for peers.
    pub trust_anchors: Vec<PathBuf>,
    /// Oldest version that is spoken.
    pub min_version: TlsVersion,
    /// Newest version that is spoken.
    pub max_version: TlsVersion,
    /// Who may talk to us, on top of the chain. Empty: nobody.
    pub admitted: Vec<PeerIdentity>,
    /// Append session secrets to this file (NSS key log format, 0600) so that a capture can be read. Leave it
    /// `None` in operation; when set, [`TlsWarning::KeyLogging`] says so.
    pub debug_keylog: Option<PathBuf>,
}

/// The listening end, ready for use.
#[derive(Debug)]
pub struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    end: End,
}

/// The connecting end, ready for use.
#[derive(Debug)]
pub struct ClientTls {
    pub(crate) config: Arc<ClientConfig>,
    end: End,
}

/// What both ends keep beside their rustls configuration.
#[derive(Debug)]
struct End {
    admission: Admission,
    warnings: Vec<TlsWarning>,
}

/// What both ends need before a rustls configuration can be built.
struct Material {
    provider: Arc<CryptoProvider>,
    identity: Identity,
    roots: Arc<rustls::RootCertStore>,
    key_log: Arc<dyn KeyLog>,
    end: End,
}

impl TlsPolicy {
    /// Reads the files for a listener (an outstation's end).
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn server(&self) -> Result<ServerTls, TlsError> {
        let versions = self.versions()?;
        let material = self.material(Role::Listener)?;
        let judge = ClientJudge::new(
            Arc::clone(&material.roots),
            Arc::clone(&material.provider),
            material.end.admission.clone(),
        )
        .map_err(|error| TlsError::Setup(error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(material.provider)
            .with_protocol_versions(&versions)
            .map_err(|error| TlsError::Setup(error.to_string()))?
            .with_client_cert_verifier(Arc::new(judge))
            .with_single_cert(material.identity.chain, material.identity.key)
            .map_err(|error| TlsError::Setup(error.to_string()))?;
        // A resumed session would skip the verifiers, and with them a peer's removal from the list.
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.key_log = material.key_log;
        Ok(ServerTls { config: Arc::new(config), end: material.end })
    }

    /// Reads the files for a connecting end (a master's).
    ///
    /// # Errors
    /// [`TlsError`] names the file and what is wrong with it.
    pub fn client(&self) -> Result<ClientTls, TlsError> {
        let versions = self.versions()?;
        let material = self.material(Role::Connector)?;
        let judge = ServerJudge::new(material.roots, &material.provider, material.end.admission.clone());
        let mut config = ClientConfig::builder_with_provider(material.provider)
            .with_protocol_versions(&versions)
            .map_err(|error| TlsError::Setup(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_client_auth_cert(material.identity.chain, material.identity.key)
            .map_err(|error| TlsError::Setup(error.to_string()))?;
        config.resumption = rustls::client::Resumption::disabled();
        config.enable_sni = false;
        config.key_log = material.key_log;
        Ok(ClientTls { config: Arc::new(config), end: material.end })
    }

    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
        if self.min_version > self.max_version {
            return Err(TlsError::Versions { min: self.min_version, max: self.max_version });
        }
        let range = self.min_version..=self.max_version;
        let known =
            [(TlsVersion::V1_3, &rustls::version::TLS13), (TlsVersion::V1_2, &rustls::version::TLS12)];
        Ok(known.into_iter().filter(|(v, _)| range.contains(v)).map(|(_, protocol)| protocol).collect())
    }

    fn material(&self, role: Role) -> Result<Material, TlsError> {
        // Named here and handed down: a provider installed process-wide by some other crate changes nothing.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut warnings = Vec::new();
        let identity =
            files::identity(&self.certificate, &self.key, role, provider.key_provider, &mut warnings)?;
        let roots = files::trust_anchors(&self.trust_anchors, &mut warnings)?;
        if self.admitted.is_empty() {
            warnings.push(TlsWarning::NobodyAdmitted);
        }
        let key_log = self.key_log(&mut warnings)?;
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        let end = End { admission: Admission::new(&self.admitted), warnings };
        Ok(Material { provider, identity, roots: Arc::new(roots), key_log, end })
    }

    fn key_log(&self, warnings: &mut Vec<TlsWarning>) -> Result<Arc<dyn KeyLog>, TlsError> {
        let Some(file) = &self.debug_keylog else {
            return Ok(Arc::new(NoKeyLog));
        };
        let log =
            KeyLogToFile::open(file).map_err(|source| TlsError::Unreadable { file: file.clone(), source })?;
        warnings.push(TlsWarning::KeyLogging { file: file.clone() });
        Ok(Arc::new(log))
    }
}

impl ServerTls {
    /// What an operator should know about the files; already logged once.
    #[must_use]
    pub fn warnings(&self) -> &[TlsWarning] {
        &self.end.warnings
    }

    /// Judges an identity against the admitted list again, for sessions that outlive a change of the list.
    #[must_use]
    pub fn admits(&self, presented: &PresentedIdentity) -> Option<usize> {
        self.end.admission.judge(presented)
    }

    pub(crate) fn admitted(&self, chain: Option<&[CertificateDer<'_>]>) -> Option<Admitted> {
        self.end.admission.of_chain(chain)
    }
}

impl ClientTls {
    /// Judges an identity against the admitted list again, for sessions that outlive a change of the list.
    #[must_use]
    pub fn admits(&self, presented: &PresentedIdentity) -> Option<usize> {
        self.end.admission.judge(presented)
    }

    /// What an operator should know about the files; already logged once.
    #[must_use]
    pub fn warnings(&self) -> &[TlsWarning] {
        &self.end.warnings
    }

    pub(crate) fn admitted(&self, chain: Option<&[CertificateDer<'_>]>) -> Option<Admitted> {
        self.end.admission.of_chain(chain)
    }
}
