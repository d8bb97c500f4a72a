//! Predicates about TLS: versions, certificates, trust anchors and the private key.

use jiff::tz::TimeZone;
use site::TlsFloor;

use super::ask::{Context, whole};
use super::subject::Subject;
use super::verdict::Verdict;
use super::words::{Noun, either};
use crate::certificates::{Facts, Held, KeyKind};
use crate::predicate::Predicate;
use crate::profile::{Bounds, Figure};

const BITS: Noun<'_> = Noun::counted("bit", "bits");

impl Context<'_> {
    /// Number of trust anchors. What files that are not here yet will hold is not known.
    pub(super) fn anchors(&self, subject: &Subject<'_>, bounds: &Bounds) -> Verdict {
        let noun = Noun::counted("trust anchor", "trust anchors");
        let read = whole(self.certificates.anchors_read());
        let verdict = self.bounds(subject, "trust_anchors", read, &noun, bounds);
        let absent = self.certificates.anchors.iter().find(|(_, held)| held.read.is_none());
        match (verdict, absent) {
            (Verdict::Fails(_), Some((_, held))) => Verdict::NotJudged(format!(
                "trust anchor {} is not here",
                self.site.as_named(&held.file).display()
            )),
            (verdict, _) => verdict,
        }
    }

    pub(super) fn ask_security(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        match (predicate, subject) {
            (Predicate::MinVersion(text), Subject::Tls) => {
                let text = match text.strip_prefix('@') {
                    Some(id) => self.profile.entry(id)?.value.as_ref()?.text()?,
                    None => text,
                };
                let wanted = TlsFloor::of(text)?;
                let found = format!("TLS {} is spoken", self.site.tls_floor);
                Some(Verdict::of(
                    self.site.tls_floor >= wanted,
                    "min_version",
                    found,
                    format!("TLS {wanted} or later"),
                ))
            }
            (Predicate::PrivateMode(wanted), Subject::Key(key)) => Some(match key.mode {
                None => Verdict::NotJudged("the key is not here".to_owned()),
                Some(mode) => Verdict::of(
                    (mode & 0o077 == 0) == *wanted,
                    "",
                    format!("permissions {mode:o}"),
                    "permissions 600: nobody but its owner may read it",
                ),
            }),
            (Predicate::FitsCertificate(wanted), Subject::Key(key)) => Some(match &key.fits {
                None => Verdict::NotJudged("key or certificate is not here".to_owned()),
                Some(Err(why)) => Verdict::of(false, "", why.clone(), "a key that can be used"),
                Some(Ok(fits)) => Verdict::flag(
                    *fits,
                    *wanted,
                    "",
                    "the certificate's key",
                    "a key that is not the certificate's",
                ),
            }),
            (_, Subject::Certificate(held) | Subject::Anchor(_, held)) => {
                self.ask_certificate(predicate, subject, held)
            }
            _ => None,
        }
    }

    fn ask_certificate(&self, predicate: &Predicate, subject: &Subject<'_>, held: &Held) -> Option<Verdict> {
        let facts = match (&held.read, predicate) {
            (read, Predicate::Present(wanted)) => {
                let found = match read {
                    None => "the file is not there",
                    Some(Err(why)) => why.as_str(),
                    Some(Ok(_)) => "a certificate",
                };
                let present = matches!(read, Some(Ok(_)));
                return Some(Verdict::of(present == *wanted, "", found, "a certificate"));
            }
            (Some(Err(why)), Predicate::Readable(wanted)) => {
                return Some(Verdict::flag(false, *wanted, "", "a certificate", why));
            }
            (Some(Ok(_)), Predicate::Readable(wanted)) => {
                return Some(Verdict::flag(true, *wanted, "", "a certificate", "no certificate"));
            }
            (None, _) => return Some(Verdict::NotJudged("the certificate is not here".to_owned())),
            (Some(Err(why)), _) => return Some(Verdict::NotJudged(why.clone())),
            (Some(Ok(facts)), _) => facts,
        };
        self.ask_facts(predicate, subject, facts)
    }

    fn ask_facts(&self, predicate: &Predicate, subject: &Subject<'_>, facts: &Facts) -> Option<Verdict> {
        let day = |time: jiff::Timestamp| TimeZone::UTC.to_datetime(time).date();
        let (from, until, now) = (day(facts.not_before), day(facts.not_after), self.as_of.0);
        Some(match predicate {
            Predicate::Sha2(wanted) => match facts.sha2 {
                None => Verdict::NotJudged(format!("signed with {}", facts.signature)),
                Some(sha2) => Verdict::of(
                    sha2 == *wanted,
                    "",
                    format!("signed with {}", facts.signature),
                    "a signature with a hash of the SHA-2 family",
                ),
            },
            Predicate::RsaBits(bounds) => match facts.public_key {
                KeyKind::Rsa(bits) => self.bounds(subject, "", whole(bits), &BITS.found("(RSA)"), bounds),
                _ => Verdict::NotJudged("its key is not RSA".to_owned()),
            },
            Predicate::EcBits(bounds) => match facts.public_key {
                KeyKind::Ec(bits) => {
                    self.bounds(subject, "", whole(bits), &BITS.found("(elliptic curve)"), bounds)
                }
                _ => Verdict::NotJudged("its key is not on an elliptic curve".to_owned()),
            },
            Predicate::X509Version(bounds) => {
                self.bounds(subject, "", f64::from(facts.version), &Noun::named("X.509 version"), bounds)
            }
            Predicate::Valid(wanted) => {
                let found = format!("valid from {from} to {until}");
                Verdict::of((from <= now && now <= until) == *wanted, "", found, format!("valid on {now}"))
            }
            Predicate::DaysLeft(bounds) => {
                let days = now.until(until).map_or(0, |span| span.get_days());
                let until = format!("(until {until})");
                let noun = Noun::counted("day left", "days left").found(&until);
                self.bounds(subject, "", f64::from(days), &noun, bounds)
            }
            Predicate::CommonNameGiven(wanted) => {
                let given = facts.common_name.as_deref().is_some_and(|name| !name.trim().is_empty());
                Verdict::flag(given, *wanted, "", "a common name", "no common name")
            }
            Predicate::CommonNameIs(figure) => {
                let file = &self.site.master_file;
                let given =
                    if *figure == Figure::Id { file.id.as_deref() } else { file.device_name.as_deref() };
                let Some(given) = given else { return Some(self.missing(*figure, subject)) };
                let name = facts.common_name.as_deref().unwrap_or_default();
                let required = format!("common name `{given}`, the `{}` of [resource]", figure.key());
                Verdict::of(name == given, "", format!("common name `{name}`"), required)
            }
            Predicate::NamePrefix(prefixes) => {
                let name = facts.common_name.as_deref().unwrap_or_default();
                let holds = prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
                let required = format!("a common name that begins with {}", either(prefixes.iter()));
                Verdict::of(holds, "", format!("common name `{name}`"), required)
            }
            Predicate::IssuerNot(words) => {
                let of = |text: &str| {
                    let text = text.to_lowercase();
                    words.iter().any(|word| text.contains(&word.to_lowercase()))
                };
                let (issuer, subject) = (of(&facts.issuer), of(&facts.subject));
                let found = if issuer {
                    format!("issuer {}", facts.issuer)
                } else {
                    format!("subject {}", facts.subject)
                };
                let required = format!("a certificate that is not of {}", either(words.iter()));
                Verdict::of(!issuer && !subject, "", found, required)
            }
            Predicate::Authority(wanted) => Verdict::flag(
                facts.authority,
                *wanted,
                "",
                "an authority's certificate",
                "a certificate that is no authority's",
            ),
            _ => return None,
        })
    }
}
