//! A small public-key infrastructure, made anew for every test.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

pub(crate) mod station;
pub(crate) mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ieee1815_tokio::{Incoming, Listener, PeerIdentity, TlsPolicy, TlsVersion};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};
use sha2::{Digest, Sha256};

/// Long enough for a loaded machine; never reached when things work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    Rsa2048,
    P256,
}

/// How a leaf certificate departs from a good one.
pub(crate) struct Leaf {
    pub(crate) name: &'static str,
    pub(crate) key: KeyKind,
    pub(crate) san: Option<&'static str>,
    pub(crate) years: (i32, i32),
    pub(crate) purposes: Vec<ExtendedKeyUsagePurpose>,
}

impl Leaf {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            key: KeyKind::P256,
            san: Some(name),
            years: (2020, 2099),
            purposes: vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        }
    }
}

pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) file: PathBuf,
}

/// Certificate and key in files, with the certificate's fingerprint.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) sha256: [u8; 32],
}

pub(crate) struct Pki {
    pub(crate) dir: tempfile::TempDir,
}

fn key(kind: KeyKind) -> KeyPair {
    match kind {
        KeyKind::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(),
        KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "OpenRTD tests");
    subject.push(DnType::CommonName, name);
    subject
}

pub(crate) fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn ca(&self, name: &str, kind: KeyKind) -> Ca {
        self.ca_until(name, kind, 2099)
    }

    pub(crate) fn ca_until(&self, name: &str, kind: KeyKind, year: i32) -> Ca {
        let key = key(kind);
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        let file = self.path(&format!("{name}.ca.pem"));
        std::fs::write(&file, certificate.pem()).unwrap();
        Ca { issuer: Issuer::new(params, key), file }
    }

    pub(crate) fn leaf(&self, ca: &Ca, leaf: &Leaf) -> Files {
        let key = key(leaf.key);
        let mut params = match leaf.san {
            Some(san) => CertificateParams::new(vec![san.to_owned()]).unwrap(),
            None => CertificateParams::default(),
        };
        params.distinguished_name = named(leaf.name);
        params.not_before = date_time_ymd(leaf.years.0, 1, 1);
        params.not_after = date_time_ymd(leaf.years.1, 1, 1);
        params.extended_key_usages.clone_from(&leaf.purposes);
        let certificate = params.signed_by(&key, &ca.issuer).unwrap();
        let files = Files {
            certificate: self.path(&format!("{}.pem", leaf.name)),
            key: self.path(&format!("{}.key", leaf.name)),
            sha256: Sha256::digest(certificate.der()).into(),
        };
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        private(&files.key, &key.serialize_pem());
        files
    }
}

pub(crate) fn policy(files: &Files, ca: &Ca, admitted: &[&str]) -> TlsPolicy {
    TlsPolicy {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        trust_anchors: vec![ca.file.clone()],
        min_version: TlsVersion::V1_2,
        max_version: TlsVersion::V1_3,
        admitted: admitted.iter().map(|text| text.parse::<PeerIdentity>().unwrap()).collect(),
        debug_keylog: None,
    }
}

/// A certificate authority, an outstation's and a master's certificate: the ordinary case.
pub(crate) struct Pair {
    pub(crate) pki: Pki,
    pub(crate) ca: Ca,
    pub(crate) rtd: TlsPolicy,
    pub(crate) ems: TlsPolicy,
}

pub(crate) fn pair(kind: KeyKind) -> Pair {
    let pki = Pki::new();
    let ca = pki.ca("ca", kind);
    let rtd = pki.leaf(&ca, &Leaf { key: kind, ..Leaf::new("rtd.test") });
    let ems = pki.leaf(&ca, &Leaf { key: kind, ..Leaf::new("ems.test") });
    let rtd = policy(&rtd, &ca, &["name:ems.test"]);
    let ems = policy(&ems, &ca, &["name:rtd.test"]);
    Pair { pki, ca, rtd, ems }
}

pub(crate) async fn next(listener: &mut Listener) -> Incoming {
    tokio::time::timeout(PATIENCE, listener.accept()).await.expect("the listener is silent")
}

/// The path of the pseudo-terminal that this process has opened.
pub(crate) fn tty() -> PathBuf {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap());
    let of_ours = open.filter(|entry| !["0", "1", "2"].contains(&entry.file_name().to_str().unwrap()));
    let mut paths = of_ours.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    paths.find(|path| path.starts_with("/dev/pts")).unwrap()
}
