//! Reading certificates and keys, with errors that name the file and what is wrong with it.
//!
//! TLS that does not come up is the classic lost day of a commissioning. Whatever can be known before the first
//! handshake is said here: as an error when nothing would work, as a warning when it is the operator's call.

use std::io;
use std::path::{Path, PathBuf};

use rustls::crypto::KeyProvider;
use rustls::sign::CertifiedKey;
use rustls::{Error as RustlsError, InconsistentKeys, RootCertStore};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::policy::TlsVersion;

/// Why a [`TlsPolicy`](crate::TlsPolicy) cannot be used. Always the configuration's or a file's fault, never a
/// peer's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be opened, read or (key log) written.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no usable PEM section of the kind wanted.
    #[error("{}: {problem}", file.display())]
    NotPem {
        /// Which file.
        file: PathBuf,
        /// What is wrong, in words.
        problem: String,
    },
    /// PEM, but its content is no X.509 v3 certificate that can be used.
    #[error("{}: certificate {number} cannot be used: {problem}", file.display())]
    BadCertificate {
        /// Which file.
        file: PathBuf,
        /// Which certificate in that file, from 1.
        number: usize,
        /// What is wrong, in words.
        problem: String,
    },
    /// PEM, but its content is no revocation list that can be used.
    #[error("{}: revocation list {number} cannot be used: {problem}", file.display())]
    BadCrl {
        /// Which file.
        file: PathBuf,
        /// Which list in that file, from 1.
        number: usize,
        /// What is wrong, in words.
        problem: String,
    },
    /// PEM, but its content is no private key of a supported kind.
    #[error("{}: private key cannot be used: {problem}", file.display())]
    BadKey {
        /// Which file.
        file: PathBuf,
        /// What is wrong, in words.
        problem: String,
    },
    /// Key and certificate are not of one pair.
    #[error("{}: this key does not belong to the certificate in {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// No trust anchor is configured.
    #[error("no trust anchors: name at least one file with the certificate authority of the peers")]
    NoTrustAnchors,
    /// The version range is empty.
    #[error("min_version {min} is above max_version {max}")]
    Versions {
        /// Configured minimum.
        min: TlsVersion,
        /// Configured maximum.
        max: TlsVersion,
    },
    /// rustls refused the combination.
    #[error("TLS set-up: {0}")]
    Setup(String),
}

impl TlsError {
    /// The file at fault, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Unreadable { file, .. }
            | Self::NotPem { file, .. }
            | Self::BadCertificate { file, .. }
            | Self::BadCrl { file, .. }
            | Self::BadKey { file, .. }
            | Self::KeyMismatch { key: file, .. } => Some(file),
            Self::NoTrustAnchors | Self::Versions { .. } | Self::Setup(_) => None,
        }
    }
}

/// What works but should be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsWarning {
    /// One of our own certificates has expired: peers will refuse us.
    #[error("{}: certificate expired on {not_after}: peers will refuse it", file.display())]
    Expired {
        /// Which file.
        file: PathBuf,
        /// End of validity.
        not_after: String,
    },
    /// One of our own certificates is not valid yet, by this machine's clock.
    #[error("{}: certificate not valid before {not_before}: peers will refuse it (is the clock right?)", file.display())]
    NotValidYet {
        /// Which file.
        file: PathBuf,
        /// Start of validity.
        not_before: String,
    },
    /// Our certificate states purposes, and ours is not among them.
    #[error("{}: certificate lacks the purpose {purpose}: peers will refuse it", file.display())]
    WrongPurpose {
        /// Which file.
        file: PathBuf,
        /// The extended key usage that is missing.
        purpose: &'static str,
    },
    /// A trust anchor has expired. It still vouches: webpki does not judge anchors.
    #[error("{}: trust anchor expired on {not_after}", file.display())]
    TrustAnchorExpired {
        /// Which file.
        file: PathBuf,
        /// End of validity.
        not_after: String,
    },
    /// A revocation list should have been replaced by now. It still counts.
    #[error("{}: the revocation list was to be replaced by {next_update}", file.display())]
    CrlExpired {
        /// Which file.
        file: PathBuf,
        /// When the next one was to come.
        next_update: String,
    },
    /// Others than its owner can read the private key.
    #[error("{}: private key readable by others (mode {mode:03o}): make it 600", file.display())]
    KeyReadableByOthers {
        /// Which file.
        file: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// The admitted list is empty, so every peer will be refused.
    #[error("the list of admitted peers is empty: every peer will be refused")]
    NobodyAdmitted,
    /// Session secrets are being written to a file.
    #[error("TLS session keys are being logged to {}", file.display())]
    KeyLogging {
        /// Which file.
        file: PathBuf,
    },
}

/// Which end of a connection a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Listener,
    Connector,
}

impl Role {
    fn purpose(self) -> &'static str {
        match self {
            Self::Listener => "serverAuth",
            Self::Connector => "clientAuth",
        }
    }
}

/// A certificate chain and the key of its first certificate, known to belong together.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

pub(super) fn identity(
    certificate: &Path,
    key_file: &Path,
    role: Role,
    provider: &dyn KeyProvider,
    warnings: &mut Vec<TlsWarning>,
) -> Result<Identity, TlsError> {
    let chain = certificates(certificate)?;
    for (index, der) in chain.iter().enumerate() {
        let parsed = parse(certificate, index + 1, der)?;
        check_validity(certificate, &parsed, warnings);
        if index == 0 {
            check_purpose(certificate, &parsed, role, warnings);
        }
    }
    let key = private_key(key_file)?;
    check_permissions(key_file, warnings)?;
    let signing = provider
        .load_private_key(key.clone_key())
        .map_err(|error| TlsError::BadKey { file: key_file.to_owned(), problem: error.to_string() })?;
    match CertifiedKey::new(chain.clone(), signing).keys_match() {
        Ok(()) => Ok(Identity { chain, key }),
        Err(RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(TlsError::KeyMismatch { key: key_file.to_owned(), certificate: certificate.to_owned() })
        }
        Err(error) => Err(TlsError::BadCertificate {
            file: certificate.to_owned(),
            number: 1,
            problem: error.to_string(),
        }),
    }
}

pub(super) fn trust_anchors(
    files: &[PathBuf],
    warnings: &mut Vec<TlsWarning>,
) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), TlsError> {
    if files.is_empty() {
        return Err(TlsError::NoTrustAnchors);
    }
    let mut roots = RootCertStore::empty();
    let mut all = Vec::new();
    for file in files {
        for (index, der) in certificates(file)?.into_iter().enumerate() {
            let parsed = parse(file, index + 1, &der)?;
            let not_after = parsed.validity().not_after;
            if not_after < x509_parser::time::ASN1Time::now() {
                warnings.push(TlsWarning::TrustAnchorExpired {
                    file: file.clone(),
                    not_after: not_after.to_string(),
                });
            }
            all.push(der.clone());
            roots.add(der).map_err(|error| TlsError::BadCertificate {
                file: file.clone(),
                number: index + 1,
                problem: error.to_string(),
            })?;
        }
    }
    Ok((roots, all))
}

/// The revocation lists, read, and as they are in the files.
pub(super) fn crls(
    files: &[PathBuf],
    warnings: &mut Vec<TlsWarning>,
) -> Result<(Vec<CertRevocationList<'static>>, Vec<CertificateRevocationListDer<'static>>), TlsError> {
    let (mut lists, mut all) = (Vec::new(), Vec::new());
    for file in files {
        let bytes = read(file)?;
        let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
        let error = match found {
            Ok(found) if !found.is_empty() => {
                for (index, der) in found.into_iter().enumerate() {
                    lists.push(crl(file, index + 1, &der, warnings)?);
                    all.push(der);
                }
                continue;
            }
            Ok(_) => PemError::NoItemsFound,
            Err(error) => error,
        };
        return Err(not_pem(file, &bytes, "X509 CRL", &error));
    }
    Ok((lists, all))
}

fn crl(
    file: &Path,
    number: usize,
    der: &CertificateRevocationListDer<'static>,
    warnings: &mut Vec<TlsWarning>,
) -> Result<CertRevocationList<'static>, TlsError> {
    let bad = |problem: String| TlsError::BadCrl { file: file.to_owned(), number, problem };
    let (_, parsed) = CertificateRevocationList::from_der(der).map_err(|error| bad(error.to_string()))?;
    if let Some(next_update) = parsed.next_update().filter(|next| *next < x509_parser::time::ASN1Time::now())
    {
        warnings.push(TlsWarning::CrlExpired { file: file.to_owned(), next_update: next_update.to_string() });
    }
    OwnedCertRevocationList::from_der(der).map(Into::into).map_err(|error| bad(error.to_string()))
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|source| TlsError::Unreadable { file: file.to_owned(), source })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(not_pem(file, &bytes, "CERTIFICATE", &PemError::NoItemsFound)),
        Err(error) => Err(not_pem(file, &bytes, "CERTIFICATE", &error)),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(file)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| not_pem(file, &bytes, "PRIVATE KEY", &error))
}

/// Says what the file is instead, for the mistakes that people really make.
fn not_pem(file: &Path, bytes: &[u8], wanted: &str, error: &PemError) -> TlsError {
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let problem = match error {
        PemError::NoItemsFound if has("BEGIN ENCRYPTED PRIVATE KEY") => {
            "the private key is encrypted; it must be stored without a pass phrase".to_owned()
        }
        PemError::NoItemsFound if bytes.starts_with(&[0x30, 0x82]) => {
            format!("this is DER, not PEM with a section \"BEGIN {wanted}\"")
        }
        PemError::NoItemsFound => format!("holds no PEM section \"BEGIN {wanted}\""),
        PemError::MissingSectionEnd { .. } => "the last PEM section has no END line (cut off?)".to_owned(),
        PemError::Base64Decode(_) => "damaged PEM: bad base64".to_owned(),
        other => format!("damaged PEM: {other}"),
    };
    TlsError::NotPem { file: file.to_owned(), problem }
}

fn parse<'a>(
    file: &Path,
    number: usize,
    der: &'a CertificateDer<'static>,
) -> Result<X509Certificate<'a>, TlsError> {
    X509Certificate::from_der(der).map(|(_, parsed)| parsed).map_err(|error| TlsError::BadCertificate {
        file: file.to_owned(),
        number,
        problem: error.to_string(),
    })
}

fn check_validity(file: &Path, certificate: &X509Certificate<'_>, warnings: &mut Vec<TlsWarning>) {
    let now = x509_parser::time::ASN1Time::now();
    let validity = certificate.validity();
    if validity.not_after < now {
        warnings
            .push(TlsWarning::Expired { file: file.to_owned(), not_after: validity.not_after.to_string() });
    }
    if validity.not_before > now {
        warnings.push(TlsWarning::NotValidYet {
            file: file.to_owned(),
            not_before: validity.not_before.to_string(),
        });
    }
}

fn check_purpose(file: &Path, certificate: &X509Certificate<'_>, role: Role, warnings: &mut Vec<TlsWarning>) {
    // No extended key usage means "any"; an unreadable one is webpki's to refuse.
    let Ok(Some(usage)) = certificate.extended_key_usage() else {
        return;
    };
    let allowed = match role {
        Role::Listener => usage.value.server_auth,
        Role::Connector => usage.value.client_auth,
    };
    if !allowed {
        warnings.push(TlsWarning::WrongPurpose { file: file.to_owned(), purpose: role.purpose() });
    }
}

#[cfg(unix)]
fn check_permissions(file: &Path, warnings: &mut Vec<TlsWarning>) -> Result<(), TlsError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata =
        std::fs::metadata(file).map_err(|source| TlsError::Unreadable { file: file.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o044 != 0 {
        warnings.push(TlsWarning::KeyReadableByOthers { file: file.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_file: &Path, _warnings: &mut Vec<TlsWarning>) -> Result<(), TlsError> {
    Ok(())
}
