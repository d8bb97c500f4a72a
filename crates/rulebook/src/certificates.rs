//! What a site's certificates and key say of themselves. Files that are not there yet are a fact, not an error: a site
//! is checked before its hardware exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ieee1815_tokio::{TlsError, TlsPolicy};
use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::Oid;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

/// A file larger than this holds no certificate.
const FILE_OCTETS_MAX: u64 = 1024 * 1024;

/// All of a site's certificates, and its key.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    /// The device's own.
    pub own: Held,
    /// Trust anchors, each with the position of its file in `tls.trust_anchors`.
    pub anchors: Vec<(usize, Held)>,
    /// The private key.
    pub key: Key,
}

/// A certificate, or why there is none.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The file that it should be in.
    pub file: PathBuf,
    /// What it says; `Err`: why there is none.
    pub read: Option<Result<Facts, String>>,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Version of X.509: 1 to 3.
    pub version: u32,
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The subject.
    pub subject: String,
    /// The issuer.
    pub issuer: String,
    /// Name of the signature's algorithm.
    pub signature: String,
    /// Whether the signature's hash is of the SHA-2 family; `None`: the algorithm is not known here.
    pub sha2: Option<bool>,
    /// Its key.
    pub public_key: KeyKind,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// Whether it is an authority's.
    pub authority: bool,
    /// Its octets: two copies of one certificate are one.
    der: Vec<u8>,
}

/// Kind and size of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, bits.
    Rsa(usize),
    /// Elliptic curve, bits.
    Ec(usize),
    /// Another.
    Other,
}

/// The private key's file.
#[derive(Clone, Debug, Default)]
pub struct Key {
    /// The file.
    pub file: PathBuf,
    /// Its permissions; `None`: it is not there.
    pub mode: Option<u32>,
    /// Whether it is the certificate's key; `Err`: why that is not known.
    pub fits: Option<Result<bool, String>>,
}

impl Certificates {
    /// Reads the files that a policy names.
    #[must_use]
    pub fn read(policy: &TlsPolicy) -> Self {
        let own = held(&policy.certificate).into_iter().next().unwrap_or_default();
        let anchors = policy
            .trust_anchors
            .iter()
            .enumerate()
            .flat_map(|(at, file)| held(file).into_iter().map(move |held| (at, held)))
            .collect();
        let key = key(policy, &own);
        Self { own, anchors, key }
    }

    /// Trust anchors that could be read, each counted once.
    #[must_use]
    pub fn anchors_read(&self) -> usize {
        let read = self.anchors.iter().filter_map(|(_, held)| held.facts());
        read.map(|facts| &facts.der).collect::<BTreeSet<_>>().len()
    }
}

impl Held {
    /// What it says, where it is there and can be read.
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        self.read.as_ref()?.as_ref().ok()
    }
}

/// The certificates of a file; one entry that says why where there is none.
fn held(file: &Path) -> Vec<Held> {
    let none = |why: Option<String>| vec![Held { file: file.to_owned(), read: why.map(Err) }];
    let octets = match fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return none(None),
        _ => match config::read_regular(file, FILE_OCTETS_MAX) {
            Ok(octets) => octets,
            Err(why) => return none(Some(why)),
        },
    };
    let mut all = Vec::new();
    for block in Pem::iter_from_buffer(&octets) {
        let read = match block {
            Ok(pem) if pem.label == "CERTIFICATE" => facts(&pem.contents),
            Ok(_) => continue,
            Err(error) => Err(format!("is no PEM: {error}")),
        };
        all.push(Held { file: file.to_owned(), read: Some(read) });
    }
    if all.is_empty() { none(Some("holds no certificate in PEM form".to_owned())) } else { all }
}

fn facts(der: &[u8]) -> Result<Facts, String> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| format!("is no certificate: {error}"))?;
    let time = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).map_err(|error| format!("has a time out of range: {error}"))
    };
    let (signature, sha2) = algorithm(&certificate.signature_algorithm.algorithm);
    let common_name = certificate.subject().iter_common_name().next();
    Ok(Facts {
        version: certificate.version().0.saturating_add(1),
        common_name: common_name.and_then(|name| name.as_str().ok()).map(str::to_owned),
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        signature,
        sha2,
        public_key: match certificate.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => KeyKind::Rsa(key.key_size()),
            Ok(PublicKey::EC(point)) => KeyKind::Ec(point.key_size()),
            _ => KeyKind::Other,
        },
        not_before: time(certificate.validity().not_before)?,
        not_after: time(certificate.validity().not_after)?,
        authority: certificate.is_ca(),
        der: der.to_vec(),
    })
}

/// Name of a signature algorithm, and whether its hash is of the SHA-2 family.
fn algorithm(oid: &Oid<'_>) -> (String, Option<bool>) {
    let known = [
        ("1.2.840.113549.1.1.4", "MD5 with RSA", false),
        ("1.2.840.113549.1.1.5", "SHA-1 with RSA", false),
        ("1.2.840.10045.4.1", "SHA-1 with ECDSA", false),
        ("1.2.840.113549.1.1.11", "SHA-256 with RSA", true),
        ("1.2.840.113549.1.1.12", "SHA-384 with RSA", true),
        ("1.2.840.113549.1.1.13", "SHA-512 with RSA", true),
        ("1.2.840.10045.4.3.2", "SHA-256 with ECDSA", true),
        ("1.2.840.10045.4.3.3", "SHA-384 with ECDSA", true),
        ("1.2.840.10045.4.3.4", "SHA-512 with ECDSA", true),
    ];
    let text = oid.to_id_string();
    match known.iter().find(|(id, _, _)| *id == text) {
        Some((_, name, sha2)) => ((*name).to_owned(), Some(*sha2)),
        None => (format!("algorithm {text}"), None),
    }
}

fn key(policy: &TlsPolicy, own: &Held) -> Key {
    let file = policy.key.clone();
    let Ok(found) = fs::metadata(&file) else {
        return Key { file, mode: None, fits: None };
    };
    let fits = own.facts().map(|_| match policy.server() {
        Ok(_) => Ok(true),
        Err(TlsError::KeyMismatch { .. }) => Ok(false),
        Err(error) => Err(error.to_string()),
    });
    Key { file, mode: Some(mode(&found)), fits }
}

#[cfg(unix)]
fn mode(found: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    found.permissions().mode() & 0o777
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0o600
}
