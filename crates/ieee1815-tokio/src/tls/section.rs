//! The `[tls]` section of a configuration file, one for every program that has one.
//!
//! It knows the places of what it holds, so that whoever reads the file can point into it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use serde_spanned::Spanned;

use super::policy::{TlsPolicy, TlsVersion};
use super::suite::CipherSuite;

/// A `[tls]` section as written. [`check`](Self::check) makes it a policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    certificate: Spanned<PathBuf>,
    key: Spanned<PathBuf>,
    trust_anchors: Spanned<Vec<Spanned<PathBuf>>>,
    #[serde(default)]
    crls: Vec<Spanned<PathBuf>>,
    min_version: Option<Spanned<String>>,
    max_version: Option<Spanned<String>>,
    cipher_suites: Option<Spanned<Vec<Spanned<String>>>>,
    debug_keylog: Option<PathBuf>,
}

/// Something wrong with a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionProblem {
    /// Where, in octets of the text.
    pub span: Range<usize>,
    /// The field, such as `tls.key`.
    pub field: &'static str,
    /// What is wrong and what is allowed.
    pub message: String,
    /// What kind of thing is wrong.
    pub kind: SectionProblemKind,
}

/// Kinds of problems. A plan of a site can live with some that a running program cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SectionProblemKind {
    /// A file that is named is not there.
    FileMissing,
    /// `min_version` names a version of TLS that exists and is too old to be spoken here: 1.0 or 1.1.
    MinVersionLegacy,
    /// Anything else.
    Other,
}

/// Versions of TLS that are too old to be spoken here.
const LEGACY: [&str; 2] = ["1.0", "1.1"];

impl TlsSection {
    /// The oldest version of TLS that the section allows, as written; `None` where it leaves that to us.
    #[must_use]
    pub fn min_version(&self) -> Option<&str> {
        self.min_version.as_ref().map(|text| text.get_ref().as_str())
    }

    /// The policy, which admits nobody yet, and everything wrong with it. `resolve` makes the paths of the file paths
    /// of the program.
    pub fn check(&self, resolve: impl Fn(&Path) -> PathBuf) -> (TlsPolicy, Vec<SectionProblem>) {
        let mut check = Check { resolve, problems: Vec::new() };
        let certificate = check.file("tls.certificate", &self.certificate);
        let key = check.file("tls.key", &self.key);
        if self.trust_anchors.get_ref().is_empty() {
            check.problem(self.trust_anchors.span(), "tls.trust_anchors", "at least one file is needed");
        }
        let trust_anchors =
            self.trust_anchors.get_ref().iter().map(|path| check.file("tls.trust_anchors", path)).collect();
        let crls = self.crls.iter().map(|path| check.file("tls.crls", path)).collect();
        let version = |check: &mut Check<_>, field, text: &Option<Spanned<String>>| {
            text.as_ref().and_then(|text| check.parse::<TlsVersion>(field, text))
        };
        let min_version =
            version(&mut check, "tls.min_version", &self.min_version).unwrap_or(TlsVersion::V1_2);
        if self.min_version().is_some_and(|text| LEGACY.contains(&text))
            && let Some(last) = check.problems.last_mut()
        {
            last.kind = SectionProblemKind::MinVersionLegacy;
        }
        let max_version =
            version(&mut check, "tls.max_version", &self.max_version).unwrap_or(TlsVersion::V1_3);
        if min_version > max_version
            && let Some(text) = self.min_version.as_ref().or(self.max_version.as_ref())
        {
            check.problem(text.span(), "tls", "min_version is above max_version");
        }
        let mut cipher_suites = Vec::new();
        if let Some(names) = &self.cipher_suites {
            for name in names.get_ref() {
                cipher_suites.extend(check.parse::<CipherSuite>("tls.cipher_suites", name));
            }
            if names.get_ref().is_empty() {
                let message = "none is listed; leave the field out for all that are spoken here";
                check.problem(names.span(), "tls.cipher_suites", message);
            }
        }
        let debug_keylog = self.debug_keylog.as_ref().map(|path| (check.resolve)(path));
        let policy = TlsPolicy {
            certificate,
            key,
            trust_anchors,
            crls,
            min_version,
            max_version,
            cipher_suites,
            admitted: Vec::new(),
            debug_keylog,
        };
        (policy, check.problems)
    }
}

struct Check<R> {
    resolve: R,
    problems: Vec<SectionProblem>,
}

impl<R: Fn(&Path) -> PathBuf> Check<R> {
    fn problem(&mut self, span: Range<usize>, field: &'static str, message: impl Into<String>) {
        let kind = SectionProblemKind::Other;
        self.problems.push(SectionProblem { span, field, message: message.into(), kind });
    }

    /// A file that must be there.
    fn file(&mut self, field: &'static str, path: &Spanned<PathBuf>) -> PathBuf {
        let resolved = (self.resolve)(path.get_ref());
        match std::fs::metadata(&resolved) {
            Ok(found) if found.is_file() => {}
            Ok(_) => self.problem(path.span(), field, format!("{} is not a file", resolved.display())),
            Err(error) => {
                let message = format!("{} cannot be read: {error}", resolved.display());
                let kind = match error.kind() {
                    std::io::ErrorKind::NotFound => SectionProblemKind::FileMissing,
                    _ => SectionProblemKind::Other,
                };
                self.problems.push(SectionProblem { span: path.span(), field, message, kind });
            }
        }
        resolved
    }

    fn parse<T: FromStr<Err: std::error::Error>>(
        &mut self,
        field: &'static str,
        text: &Spanned<String>,
    ) -> Option<T> {
        text.get_ref()
            .parse()
            .map_err(|error: T::Err| self.problem(text.span(), field, error.to_string()))
            .ok()
    }
}
