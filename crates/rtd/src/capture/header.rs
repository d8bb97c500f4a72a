//! What a capture begins with: all that is needed to build the same machine again, and nothing that is secret.
//!
//! The site travels as its text, so that a later program reads it as it reads any site. Only the tables that the
//! machine is made of travel, without comments; sections of TLS name no files any more, and what looks like a
//! password is taken out. Before a capture begins the text is read back: it must give the same site in all that the
//! machine sees, or there is no capture.

use std::collections::BTreeMap;

use config::Source;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use site::{Defaults, Purpose, Site};
use telemetry::clock::WallTrust;
use telemetry::{Mono, Now, Wall};
use toml::{Table, Value};

use super::CaptureError;
use crate::core::Core;

/// The tables that travel. One that is not here stays at home.
const TABLES: [&str; 13] = [
    "site",
    "outstation",
    "tls",
    "resource",
    "component",
    "station",
    "master",
    "device",
    "analog",
    "digital",
    "heartbeat",
    "connection",
    "setpoint",
];
/// What was taken out so far: the same gets the same number, so that a later site differs where it did.
#[derive(Debug, Default)]
pub(super) struct Removed(BTreeMap<String, usize>);

impl Removed {
    /// What stands where this was.
    fn instead_of(&mut self, text: &str) -> String {
        let next = self.0.len() + 1;
        format!("removed-{}", self.0.entry(text.to_owned()).or_insert(next))
    }
}

/// A key that holds one of these holds a secret, or names where one is.
const SECRET: [&str; 8] = ["pass", "secret", "token", "credential", "key", "psk", "auth", "login"];

/// What the program that runs a site knows of it.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// The site's file as it was read.
    pub text: String,
    /// What it took from its profile.
    pub defaults: Defaults,
    /// The profile's id.
    pub profile: Option<String>,
    /// The overlay as it was read.
    pub overlay: Option<String>,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The program's version.
    pub openrtd: String,
    /// The site, without secrets.
    pub site: String,
    /// What it took from its profile.
    pub defaults: Defaults,
    /// SHA-256 of the site's file as it was.
    pub site_sha256: String,
    /// The profile's id.
    pub profile: Option<String>,
    /// SHA-256 of the overlay as it was.
    pub overlay_sha256: Option<String>,
    /// The number of the device's start.
    pub boot: u64,
    /// Monotonic time in microseconds at which the machine was made.
    pub mono_us: u64,
    /// The same by the wall clock, in milliseconds since 1970.
    pub wall_ms: u64,
    /// How far that could be believed: 0 synchronised, 1 unknown, 2 not synchronised.
    pub wall_trust: u8,
}

impl Header {
    /// The header of a site that is about to run.
    ///
    /// # Errors
    /// Where the text, less its secrets, does not give this site again.
    pub(super) fn new(
        site: &Site,
        configuration: &Configuration,
        boot: u64,
        now: Now,
        removed: &mut Removed,
    ) -> Result<Self, CaptureError> {
        let text = without_secrets(&configuration.text, removed).map_err(CaptureError::Text)?;
        let header = Self {
            openrtd: env!("CARGO_PKG_VERSION").to_owned(),
            site: text,
            defaults: configuration.defaults.clone(),
            site_sha256: sha256(configuration.text.as_bytes()),
            profile: configuration.profile.clone(),
            overlay_sha256: configuration.overlay.as_ref().map(|text| sha256(text.as_bytes())),
            boot,
            mono_us: now.mono.as_micros(),
            wall_ms: now.wall.as_millis(),
            wall_trust: match now.wall_trust {
                WallTrust::Synchronised => 0,
                WallTrust::Unknown => 1,
                WallTrust::Unsynchronised => 2,
            },
        };
        let mut read = header.site()?;
        as_far_as_the_machine_sees(&mut read, site);
        if read != *site {
            return Err(CaptureError::Text("what is left of it is another site".to_owned()));
        }
        Ok(header)
    }

    /// When the machine was made.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            mono: Mono::from_micros(self.mono_us),
            wall: Wall::from_millis(self.wall_ms),
            wall_trust: match self.wall_trust {
                0 => WallTrust::Synchronised,
                2 => WallTrust::Unsynchronised,
                _ => WallTrust::Unknown,
            },
        }
    }

    /// The site.
    ///
    /// # Errors
    /// Where this program reads another language than the one that wrote it, or the file is not what was written.
    pub fn site(&self) -> Result<Site, CaptureError> {
        let source = Source::from_text("capture.toml", self.site.as_str());
        // The files of TLS are not here, and nothing listens.
        Site::read_with(&source, &self.defaults, Purpose::Check)
            .map_err(|problems| CaptureError::Text(problems.to_string()))
    }

    /// The machine of its site, as it was when nothing had come in yet.
    pub(super) fn core(&self, site: &Site) -> Result<Core, CaptureError> {
        let core = Core::new(site, self.boot, self.now());
        core.map_err(|error| CaptureError::Text(error.to_string()))
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(octets: &[u8]) -> String {
    Sha256::digest(octets).iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Gives `read` what the machine does not see of `site`.
fn as_far_as_the_machine_sees(read: &mut Site, site: &Site) {
    read.file.clone_from(&site.file);
    read.profile.clone_from(&site.profile);
    read.overlay.clone_from(&site.overlay);
    read.socket.clone_from(&site.socket);
    read.tls.clone_from(&site.tls);
    read.tls_floor = site.tls_floor;
    read.history.clone_from(&site.history);
    read.capture.clone_from(&site.capture);
    read.publish.clone_from(&site.publish);
    read.metrics.clone_from(&site.metrics);
    read.clock.clone_from(&site.clock);
    for (read, device) in read.devices.iter_mut().zip(&site.devices) {
        read.access.clone_from(&device.access);
    }
}

/// The text of a site without anything that is nobody's business.
fn without_secrets(text: &str, removed: &mut Removed) -> Result<String, String> {
    let mut tables: Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    tables.retain(|key, _| TABLES.contains(&key));
    if let Some(site) = tables.get_mut("site").and_then(Value::as_table_mut) {
        site.remove("overlay");
        site.insert("socket".to_owned(), Value::from("removed.sock"));
    }
    tables.iter_mut().for_each(|(key, value)| scrub(key, value, removed));
    toml::to_string(&tables).map_err(|error| error.to_string())
}

fn scrub(key: &str, value: &mut Value, removed: &mut Removed) {
    match value {
        Value::Table(table) if key == "tls" => *table = no_files(table, removed),
        Value::Table(table) => table.iter_mut().for_each(|(key, value)| scrub(key, value, removed)),
        Value::Array(items) => items.iter_mut().for_each(|value| scrub(key, value, removed)),
        Value::String(text) if SECRET.iter().any(|word| key.to_ascii_lowercase().contains(word)) => {
            *text = removed.instead_of(text);
        }
        Value::String(text) => {
            // Who somebody is may stand before the place that he goes to.
            if let Some((scheme, rest)) = text.split_once("://")
                && let Some((who, place)) = rest.rsplit_once('@')
            {
                *text = format!("{scheme}://{}@{place}", removed.instead_of(who));
            }
        }
        _ => {}
    }
}

/// A section of TLS that names no files, and is another one where it was.
fn no_files(table: &Table, removed: &mut Removed) -> Table {
    let removed = removed.instead_of(&table.to_string());
    let file = || Value::from(removed.as_str());
    [
        ("certificate".to_owned(), file()),
        ("key".to_owned(), file()),
        ("trust_anchors".to_owned(), Value::Array(vec![file()])),
    ]
    .into_iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_or_nobodys_business_does_not_travel() {
        let text = r#"
            # called by Jane, 555-0100
            [site]
            name = "s" # the safe's number is 4711
            socket = "/home/jane/run.sock"
            overlay = "/home/jane/confirmed.toml"
            [tls]
            certificate = "/home/jane/a.pem"
            key = "/home/jane/a.key"
            trust_anchors = ["/home/jane/ca.pem"]
            debug_keylog = "/home/jane/keys.log"
            [publish]
            url = "postgres://jane:hunter2@host/db"
            [[device]]
            id = "d"
            password = "hunter2"
            broker = "mqtts://jane:hunter2@broker:8883"
            tls = { certificate = "/home/jane/b.pem", key = "/home/jane/b.key", trust_anchors = [] }
            login = { user = "u", apiToken = ["hunter2"] }
        "#;
        let mut removed = Removed::default();
        let told = without_secrets(text, &mut removed).unwrap();
        assert_eq!(without_secrets(text, &mut removed).as_ref(), Ok(&told));
        let other = without_secrets(&text.replace("b.pem", "c.pem"), &mut removed).unwrap();
        assert_ne!(other, told, "another certificate is another site");
        for secret in ["jane", "Jane", "hunter2", "4711", "555", ".pem", ".key", "keylog", "publish"] {
            assert!(!told.contains(secret), "{secret} is in {told}");
        }
        assert!(told.contains("@broker:8883") && told.contains("id = \"d\""), "{told}");
    }
}
