//! The certificates and the key that the sites name. All are good from 2024 to 2034, whatever day the tests run on.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    date_time_ymd,
};

/// Public certificates that rcgen cannot make (see `pki/README.md`).
const CHECKED_IN: [(&str, &str); 4] = [
    ("rsa1024.pem", include_str!("pki/rsa1024.pem")),
    ("rsa2048.pem", include_str!("pki/rsa2048.pem")),
    ("sha1.pem", include_str!("pki/sha1.pem")),
    ("v1.pem", include_str!("pki/v1.pem")),
];

/// How a certificate is called and how long it is good.
struct Wanted<'a> {
    organization: &'a str,
    name: Option<&'a str>,
    years: (i32, i32),
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self { organization: "OpenRTD tests", name: Some("IRG123"), years: (2024, 2034) }
    }
}

impl Wanted<'_> {
    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, self.organization);
        if let Some(name) = self.name {
            subject.push(DnType::CommonName, name);
        }
        params.distinguished_name = subject;
        params.not_before = date_time_ymd(self.years.0, 1, 1);
        params.not_after = date_time_ymd(self.years.1, 1, 1);
        params
    }

    fn root(&self) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = self.params();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }
}

/// Writes everything that a site file may name below `pki/`.
pub(crate) fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let file = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    for (name, text) in CHECKED_IN {
        file(name, text);
    }
    let root = Wanted { name: Some("root of RIGs"), ..Wanted::default() }.root();
    file("root.pem", &root.pem());
    file("next-root.pem", &Wanted { name: Some("next root"), ..Wanted::default() }.root().pem());
    let past = Wanted { name: Some("past root"), years: (2014, 2024), ..Wanted::default() };
    file("past-root.pem", &past.root().pem());
    let cybertrust = Wanted { organization: "CyberTrust", name: Some("root"), ..Wanted::default() }.root();
    file("cybertrust-root.pem", &cybertrust.pem());

    let leaf = |name: &str, wanted: &Wanted<'_>, issuer: &CertifiedIssuer<'static, KeyPair>| {
        let key = KeyPair::generate().unwrap();
        file(&format!("{name}.pem"), &wanted.params().signed_by(&key, issuer).unwrap().pem());
        key
    };
    let key = leaf("device", &Wanted::default(), &root);
    leaf("past", &Wanted { years: (2014, 2024), ..Wanted::default() }, &root);
    leaf("nameless", &Wanted { name: None, ..Wanted::default() }, &root);
    leaf("other-name", &Wanted { name: Some("rig.example"), ..Wanted::default() }, &root);
    leaf("irg-124", &Wanted { name: Some("IRG124"), ..Wanted::default() }, &root);
    leaf("of-cybertrust", &Wanted::default(), &cybertrust);
    let private = |name: &str, key: &KeyPair, mode: u32| {
        file(name, &key.serialize_pem());
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    private("device.key", &key, 0o600);
    private("readable.key", &key, 0o644);
    private("other.key", &KeyPair::generate().unwrap(), 0o600);
}
