//! Cipher suites by the names that IANA gives them.

use std::fmt;
use std::str::FromStr;

use rustls::SupportedCipherSuite;
use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;

/// A cipher suite that is spoken here. In text its name in IANA's registry, such as `TLS_AES_256_GCM_SHA384`.
#[derive(Debug, Clone, Copy)]
pub struct CipherSuite(SupportedCipherSuite);

impl PartialEq for CipherSuite {
    fn eq(&self, other: &Self) -> bool {
        self.0.suite() == other.0.suite()
    }
}

impl Eq for CipherSuite {}

impl CipherSuite {
    /// All that are spoken, the preferred ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL_CIPHER_SUITES.iter().copied().map(Self)
    }

    pub(crate) const fn supported(self) -> SupportedCipherSuite {
        self.0
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // rustls alone writes TLS13.
        let name = self.0.suite().as_str().unwrap_or_default();
        match name.strip_prefix("TLS13_") {
            Some(rest) => write!(f, "TLS_{rest}"),
            None => f.write_str(name),
        }
    }
}

/// A name of no cipher suite that is spoken here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CipherSuiteError(String);

impl fmt::Display for CipherSuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no cipher suite that is spoken here, allowed: ", self.0)?;
        for (at, suite) in CipherSuite::all().enumerate() {
            write!(f, "{}{suite}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for CipherSuiteError {}

impl FromStr for CipherSuite {
    type Err = CipherSuiteError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::all();
        all.find(|suite| suite.to_string() == text).ok_or_else(|| CipherSuiteError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_iana() {
        for name in ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"] {
            assert_eq!(name.parse::<CipherSuite>().unwrap().to_string(), name);
        }
        let error = "TLS_RSA_WITH_AES_128_CBC_SHA".parse::<CipherSuite>().unwrap_err().to_string();
        assert!(error.starts_with(
            "`TLS_RSA_WITH_AES_128_CBC_SHA` is no cipher suite that is spoken here, allowed: TLS_"
        ));
    }
}
