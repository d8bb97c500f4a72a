//! `[[publish]]`: where the history is sent on to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use config::Spanned;

use super::Check;
use crate::defaults::Purpose;
use crate::model::{Publish, PublishTls, PublishTo};
use crate::raw::{RawPublish, RawPublishKind, RawPublishTls};

const STREAM_DEFAULT: &str = "openrtd";
const SUBJECT_DEFAULT: &str = "openrtd";
const SCHEMA_DEFAULT: &str = "public";
/// The longest name of a schema that PostgreSQL does not cut.
const SCHEMA_LETTERS_MAX: usize = 63;

impl Check<'_> {
    pub(super) fn publish(&mut self, raw: &[RawPublish], has_history: bool, site: &str) -> Vec<Publish> {
        let mut names = BTreeSet::new();
        raw.iter()
            .enumerate()
            .map(|(at, raw)| {
                let field = |key: &str| format!("publish[{at}].{key}");
                self.word(&field("name"), &raw.name, "a name");
                if !names.insert(raw.name.get_ref().clone()) {
                    let message = format!("`{}` is the name of another one, too", raw.name.get_ref());
                    self.problem(raw.name.span(), field("name"), message);
                }
                if !has_history {
                    let message = "needs a [history]: what is sent is read from there";
                    self.problem(raw.name.span(), field("name"), message);
                }
                if let Some(site) = raw.site.as_ref().filter(|site| site.get_ref().trim().is_empty()) {
                    self.problem(site.span(), field("site"), "is empty, allowed: a text");
                }
                let to = match raw.kind.get_ref() {
                    RawPublishKind::Nats => self.nats(raw, &field),
                    RawPublishKind::Postgres => self.postgres(raw, &field),
                };
                Publish {
                    name: raw.name.get_ref().as_str().into(),
                    site: raw
                        .site
                        .as_ref()
                        .map_or_else(|| Arc::from(site), |site| site.get_ref().as_str().into()),
                    tls: raw.tls.as_ref().map(|tls| self.publish_tls(tls, &field)),
                    to,
                }
            })
            .collect()
    }

    fn nats(&mut self, raw: &RawPublish, field: &dyn Fn(&str) -> String) -> PublishTo {
        self.not_of_kind(raw.schema.as_ref(), field("schema"), "postgres");
        self.not_of_kind(raw.password_file.as_ref(), field("password_file"), "postgres");
        if host(&raw.url, &["nats://", "tls://"]).is_none_or(|host| host.contains('@')) {
            // The text may hold a secret, and what is told is logged.
            let message = "allowed: nats://HOST:PORT; who we are is said by `credentials` or `tls`";
            self.problem(raw.url.span(), field("url"), message);
        }
        let stream = raw.stream.as_ref().map_or(STREAM_DEFAULT, |stream| stream.get_ref());
        if let Some(stream) = raw.stream.as_ref().filter(|stream| !is_token(stream.get_ref())) {
            let message = format!("`{}`, allowed: letters, digits, - and _", stream.get_ref());
            self.problem(stream.span(), field("stream"), message);
        }
        let subject = raw.subject.as_ref().map_or(SUBJECT_DEFAULT, |subject| subject.get_ref());
        if let Some(subject) = raw.subject.as_ref().filter(|one| !one.get_ref().split('.').all(is_token)) {
            let message = format!(
                "`{}`, allowed: words of letters, digits, - and _ with dots between",
                subject.get_ref()
            );
            self.problem(subject.span(), field("subject"), message);
        }
        PublishTo::Nats {
            url: raw.url.get_ref().clone(),
            stream: stream.to_owned(),
            subject: subject.to_owned(),
            credentials: raw.credentials.as_ref().map(|path| self.existing(path, field("credentials"))),
        }
    }

    fn postgres(&mut self, raw: &RawPublish, field: &dyn Fn(&str) -> String) -> PublishTo {
        self.not_of_kind(raw.stream.as_ref(), field("stream"), "nats");
        self.not_of_kind(raw.subject.as_ref(), field("subject"), "nats");
        self.not_of_kind(raw.credentials.as_ref(), field("credentials"), "nats");
        let url = raw.url.get_ref();
        let authority = host(&raw.url, &["postgres://", "postgresql://"]);
        let user = authority.and_then(|authority| authority.rsplit_once('@')).map_or("", |(user, _)| user);
        if authority.is_none() || user.contains(':') || url.contains("password=") {
            // The text may hold a password, and what is told is logged.
            let message = "allowed: postgres://USER@HOST:PORT/DATABASE without a password, \
                           which `password_file` holds";
            self.problem(raw.url.span(), field("url"), message);
        }
        let schema = raw.schema.as_ref().map_or(SCHEMA_DEFAULT, |schema| schema.get_ref());
        let small = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        let is_name = schema.chars().all(small)
            && schema.len() <= SCHEMA_LETTERS_MAX
            && schema.chars().next().is_some_and(|first| !first.is_ascii_digit());
        if let Some(given) = raw.schema.as_ref().filter(|_| !is_name) {
            let message = format!(
                "`{schema}`, allowed: small letters, digits and _, no digit first, at most {SCHEMA_LETTERS_MAX}"
            );
            self.problem(given.span(), field("schema"), message);
        }
        PublishTo::Postgres {
            url: url.clone(),
            password_file: raw.password_file.as_ref().map(|path| self.existing(path, field("password_file"))),
            schema: schema.to_owned(),
        }
    }

    fn not_of_kind<T>(&mut self, value: Option<&Spanned<T>>, field: String, kind: &str) {
        if let Some(value) = value {
            self.problem(value.span(), field, format!("is only for kind = \"{kind}\""));
        }
    }

    fn existing(&mut self, path: &Spanned<PathBuf>, field: String) -> PathBuf {
        let resolved = self.source.resolve(path.get_ref());
        if self.purpose == Purpose::Run && !resolved.is_file() {
            self.problem(path.span(), field, format!("there is no file {}", resolved.display()));
        }
        resolved
    }

    fn publish_tls(&mut self, raw: &RawPublishTls, field: &dyn Fn(&str) -> String) -> PublishTls {
        let ca = self.existing(&raw.ca, field("tls.ca"));
        let own = match (&raw.cert, &raw.key) {
            (Some(cert), Some(key)) => {
                Some((self.existing(cert, field("tls.cert")), self.existing(key, field("tls.key"))))
            }
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                self.problem(alone.span(), field("tls"), "`cert` and `key` go together: one is missing");
                None
            }
        };
        PublishTls { ca, own }
    }
}

/// The part of a URL that names the host, and before it whoever asks.
fn host<'a>(url: &'a Spanned<String>, schemes: &[&str]) -> Option<&'a str> {
    let rest = schemes.iter().find_map(|scheme| url.get_ref().strip_prefix(scheme))?;
    let authority = rest.split(['/', '?']).next()?;
    let name = authority.rsplit('@').next()?;
    (!name.is_empty() && !url.get_ref().contains(char::is_whitespace)).then_some(authority)
}

/// A word of a subject.
fn is_token(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
}
