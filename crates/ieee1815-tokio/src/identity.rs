//! Who a peer is: what its certificate says, and the list it must be on.
//!
//! The certificate authority vouches for a name; whether that name may talk to *this* device is the site's
//! decision. Both halves of that decision live here, so that the two verifiers and the journal agree on them.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Longest name kept from a certificate, in octets: the longest DNS name.
const NAME_OCTETS_MAX: usize = 253;
/// Most names kept from one certificate.
const NAMES_MAX: usize = 64;
/// Longest subject kept for the journal, in characters.
const SUBJECT_CHARS_MAX: usize = 256;

/// One entry of the list of admitted peers.
///
/// In text: `name:rtd7.example.com` or `sha256:` and the 64 hexadecimal digits of the SHA-256 of the
/// certificate's DER (colons between the pairs, as OpenSSL prints them, are fine).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerIdentity {
    /// A dNSName, or the common name of a certificate that has no subject alternative name.
    Name(String),
    /// SHA-256 of the end-entity certificate's DER.
    Sha256([u8; 32]),
}

/// Why a text is not a [`PeerIdentity`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Neither `name:` nor `sha256:` in front.
    #[error("a peer is written \"name:...\" or \"sha256:...\", not {0:?}")]
    UnknownKind(String),
    /// The name is empty, longer than 253 octets or holds control characters.
    #[error("the name {0:?} is empty, too long or holds control characters")]
    BadName(String),
    /// Not 64 hexadecimal digits.
    #[error("a SHA-256 fingerprint has 64 hexadecimal digits, not {0:?}")]
    BadFingerprint(String),
}

impl FromStr for PeerIdentity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix("name:") {
            let name = name.trim();
            if name.is_empty() || name.len() > NAME_OCTETS_MAX || name.chars().any(char::is_control) {
                return Err(IdentityError::BadName(name.to_owned()));
            }
            return Ok(Self::Name(name.to_owned()));
        }
        if let Some(digits) = text.strip_prefix("sha256:") {
            return fingerprint(digits)
                .map(Self::Sha256)
                .ok_or_else(|| IdentityError::BadFingerprint(digits.to_owned()));
        }
        Err(IdentityError::UnknownKind(text.to_owned()))
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "name:{name}"),
            Self::Sha256(digest) => write!(f, "sha256:{}", Hex(digest)),
        }
    }
}

fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    if digits.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (octet, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        if let [high, low] = pair {
            *octet = high << 4 | low;
        }
    }
    Some(digest)
}

/// Lower-case hexadecimal digits, without an intermediate string.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// What a peer's certificate says of it, kept small enough for a journal line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedIdentity {
    /// The dNSNames, or the common name of a certificate without any subject alternative name. At most 64.
    pub names: Vec<String>,
    /// SHA-256 of the certificate's DER.
    pub sha256: [u8; 32],
    /// The subject as text, cut at 256 characters, control characters replaced.
    pub subject: String,
}

impl PresentedIdentity {
    /// Reads an end-entity certificate. What cannot be parsed leaves the names empty; the fingerprint is
    /// always there.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        let sha256 = Sha256::digest(der).into();
        match X509Certificate::from_der(der) {
            Ok((_, certificate)) => {
                Self { names: names(&certificate), sha256, subject: subject(&certificate) }
            }
            Err(_) => Self { names: Vec::new(), sha256, subject: "(unreadable certificate)".to_owned() },
        }
    }

    /// True when `entry` names this certificate.
    #[must_use]
    pub fn matches(&self, entry: &PeerIdentity) -> bool {
        match entry {
            PeerIdentity::Name(wanted) => self.names.iter().any(|name| name.eq_ignore_ascii_case(wanted)),
            PeerIdentity::Sha256(wanted) => *wanted == self.sha256,
        }
    }

    /// The first entry of `list` that names this certificate.
    #[must_use]
    pub fn position_in(&self, list: &[PeerIdentity]) -> Option<usize> {
        list.iter().position(|entry| self.matches(entry))
    }
}

impl fmt::Display for PresentedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (sha256:{}", self.subject, Hex(&self.sha256))?;
        // A few are enough to recognise a peer; the fingerprint identifies it.
        for name in self.names.iter().take(4) {
            write!(f, ", name:{name}")?;
        }
        f.write_str(")")
    }
}

/// A peer that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// What its certificate says.
    pub presented: PresentedIdentity,
    /// Which entry of [`TlsPolicy::admitted`](crate::TlsPolicy::admitted) let it in (the first that matches).
    pub index: usize,
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    match certificate.subject_alternative_name() {
        Ok(Some(extension)) => extension
            .value
            .general_names
            .iter()
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                _ => None,
            })
            .filter(|name| usable(name))
            .take(NAMES_MAX)
            .collect(),
        Ok(None) => common_name(certificate).into_iter().collect(),
        // An extension that is there twice or unreadable is not "no extension": no way back to the subject.
        Err(_) => Vec::new(),
    }
}

/// The one common name; a subject with several is ambiguous and gives none.
fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut all = certificate.subject().iter_common_name();
    let first = all.next()?;
    if all.next().is_some() {
        return None;
    }
    first.as_str().ok().filter(|name| usable(name)).map(str::to_owned)
}

fn usable(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_OCTETS_MAX && !name.chars().any(char::is_control)
}

fn subject(certificate: &X509Certificate<'_>) -> String {
    let text = certificate.subject().to_string();
    if text.is_empty() {
        return "(empty subject)".to_owned();
    }
    text.chars().take(SUBJECT_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn text_round_trips() {
        for text in ["name:rtd7.example.com", "name:RTD 7, north", &format!("sha256:{DIGITS}")] {
            let identity: PeerIdentity = text.parse().unwrap();
            assert_eq!(identity.to_string(), text);
        }
    }

    #[test]
    fn fingerprint_takes_openssl_colons_and_upper_case() {
        let colons: Vec<String> =
            DIGITS.to_uppercase().as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).into()).collect();
        let identity: PeerIdentity = format!("sha256:{}", colons.join(":")).parse().unwrap();
        assert_eq!(identity.to_string(), format!("sha256:{DIGITS}"));
    }

    #[test]
    fn refuses_what_it_cannot_mean() {
        let parse = |text: &str| text.parse::<PeerIdentity>().unwrap_err();
        assert_eq!(parse("rtd7"), IdentityError::UnknownKind("rtd7".into()));
        assert_eq!(parse("name:  "), IdentityError::BadName(String::new()));
        assert!(matches!(parse("sha256:0011"), IdentityError::BadFingerprint(_)));
        assert!(matches!(parse(&format!("sha256:{DIGITS}0")), IdentityError::BadFingerprint(_)));
        assert!(matches!(
            parse(&format!("sha256:{}", DIGITS.replace('0', "x"))),
            IdentityError::BadFingerprint(_)
        ));
    }

    #[test]
    fn garbage_has_a_fingerprint_and_no_name() {
        let presented = PresentedIdentity::from_der(b"not a certificate");
        assert!(presented.names.is_empty());
        assert!(presented.matches(&PeerIdentity::Sha256(presented.sha256)));
        assert!(!presented.matches(&PeerIdentity::Name("(unreadable certificate)".into())));
    }
}
