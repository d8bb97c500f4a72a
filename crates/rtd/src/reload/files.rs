//! What the files that a site names held when they were read. A renewed certificate has the old one's name: only its
//! octets tell that there is something to do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ieee1815_tokio::TlsPolicy;
use sha2::{Digest as _, Sha256};
use site::{Access, Site};

use super::{Change, Deed};

/// SHA-256 of each file by what needs it: the device's own end, or one of its devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    own: BTreeMap<PathBuf, String>,
    devices: BTreeMap<Arc<str>, BTreeMap<PathBuf, String>>,
}

impl Files {
    /// As they are now. One that cannot be read counts as empty: whoever uses it says what is wrong with it.
    #[must_use]
    pub fn read(site: &Site) -> Self {
        let devices = site.devices.iter().filter_map(|device| match &device.access {
            Access::Dnp3(dnp3) => Some((Arc::clone(&device.id), of_policy(dnp3.tls.as_ref()?))),
            Access::Sparkplug(broker) => Some((Arc::clone(&device.id), of_policy(broker.tls.as_ref()?))),
            _ => None,
        });
        Self { own: of_policy(&site.tls), devices: devices.collect() }
    }

    /// Whether what a device's end of TLS needs is as it was.
    pub(crate) fn same_of_device(&self, other: &Self, device: &str) -> bool {
        self.devices.get(device) == other.devices.get(device)
    }

    /// Files of the same name that hold something else.
    pub(super) fn changes(&self, new: &Self) -> Vec<Change> {
        let mut changes: Vec<Change> = replaced(&self.own, &new.own)
            .map(|path| {
                let text = "another content; sessions are judged again, those still admitted go on";
                Change::new("certificates", path.display(), Deed::Changed, text)
            })
            .collect();
        for (device, files) in &new.devices {
            let Some(before) = self.devices.get(device) else { continue };
            changes.extend(replaced(before, files).map(|path| {
                let text = format!("another content; device {device} is connected anew");
                Change::new("certificates", path.display(), Deed::Changed, text)
            }));
        }
        changes
    }
}

fn of_policy(policy: &TlsPolicy) -> BTreeMap<PathBuf, String> {
    let own = [&policy.certificate, &policy.key];
    let files = own.into_iter().chain(&policy.trust_anchors).chain(&policy.crls);
    files.map(|path| (path.clone(), of_file(path))).collect()
}

fn of_file(path: &Path) -> String {
    fs::read(path).map(|octets| sha256(&octets)).unwrap_or_default()
}

fn replaced<'a>(
    before: &'a BTreeMap<PathBuf, String>,
    after: &'a BTreeMap<PathBuf, String>,
) -> impl Iterator<Item = &'a PathBuf> {
    after
        .iter()
        .filter(|(path, hash)| before.get(*path).is_some_and(|old| old != *hash))
        .map(|(path, _)| path)
}

/// In hexadecimal.
#[must_use]
pub fn sha256(octets: &[u8]) -> String {
    hexadecimal(&Sha256::digest(octets))
}

pub(super) fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
