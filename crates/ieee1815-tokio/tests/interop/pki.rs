//! A certificate authority and what it issued, in a folder of the row.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ieee1815_tokio::{TlsPolicy, TlsVersion};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};

/// Names in the certificates.
pub(crate) const OURS: &str = "rtd.example";
pub(crate) const THEIRS: &str = "peer.example";

/// The files: authority, then certificate and key of each side.
pub(crate) struct Pki {
    pub(crate) ca: String,
    pub(crate) ours: [String; 2],
    pub(crate) theirs: [String; 2],
}

impl Pki {
    pub(crate) fn new(folder: &Path, rsa: bool) -> Self {
        let pair = || {
            let made = if rsa {
                KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
            } else {
                KeyPair::generate()
            };
            made.unwrap()
        };
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Interop");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2099, 1, 1);
        let ca = CertifiedIssuer::self_signed(params, pair()).unwrap();
        let issue = |name: &str| {
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2099, 1, 1);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
            let key = pair();
            let certificate = params.signed_by(&key, &ca).unwrap();
            [
                write(folder, &format!("{name}.pem"), &certificate.pem()),
                write(folder, &format!("{name}.key"), &key.serialize_pem()),
            ]
        };
        let (ours, theirs) = (issue(OURS), issue(THEIRS));
        Self { ca: write(folder, "ca.pem", &ca.pem()), ours, theirs }
    }

    /// Our end as a master.
    pub(crate) fn policy(&self, keys: PathBuf) -> TlsPolicy {
        let [certificate, key] = &self.ours;
        TlsPolicy {
            certificate: certificate.into(),
            key: key.into(),
            trust_anchors: vec![(&self.ca).into()],
            crls: Vec::new(),
            min_version: TlsVersion::V1_2,
            max_version: TlsVersion::V1_3,
            cipher_suites: Vec::new(),
            admitted: vec![format!("name:{THEIRS}").parse().unwrap()],
            debug_keylog: Some(keys),
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.to_str().unwrap().to_owned()
}
