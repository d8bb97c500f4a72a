//! What is wrong with a file is said before the first handshake, with the file's name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::os::unix::fs::PermissionsExt;

use ieee1815_tokio::{TlsError, TlsPolicy, TlsVersion, TlsWarning};
use rcgen::ExtendedKeyUsagePurpose;
use support::{KeyKind, Leaf, Pair, pair, policy, private};

fn error(policy: &TlsPolicy) -> TlsError {
    let error = policy.server().unwrap_err();
    assert_eq!(policy.client().unwrap_err().to_string(), error.to_string());
    error
}

#[test]
fn good_files_give_no_warning() {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    assert_eq!(rtd.server().unwrap().warnings(), []);
    assert_eq!(ems.client().unwrap().warnings(), []);
}

#[test]
fn missing_file() {
    let Pair { rtd, pki, .. } = pair(KeyKind::P256);
    let gone = pki.path("gone.pem");
    for policy in [
        TlsPolicy { certificate: gone.clone(), ..rtd.clone() },
        TlsPolicy { key: gone.clone(), ..rtd.clone() },
        TlsPolicy { trust_anchors: vec![rtd.trust_anchors[0].clone(), gone.clone()], ..rtd.clone() },
    ] {
        let error = error(&policy);
        assert!(matches!(error, TlsError::Unreadable { .. }), "{error}");
        assert_eq!(error.file(), Some(gone.as_path()));
        assert!(error.to_string().contains("gone.pem: No such file"), "{error}");
    }
}

#[test]
fn not_pem() {
    let Pair { rtd, pki, .. } = pair(KeyKind::P256);
    let file = pki.path("odd.pem");
    let pem = std::fs::read_to_string(&rtd.certificate).unwrap();
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(pem.as_bytes())
        .map(|der: rustls_pki_types::CertificateDer<'_>| der.to_vec())
        .unwrap();
    let cut = pem.split("-----END").next().unwrap().to_owned();
    for (content, says) in [
        (b"hello".to_vec(), "holds no PEM section \"BEGIN CERTIFICATE\""),
        (der, "this is DER"),
        (cut.into_bytes(), "cut off?"),
        (std::fs::read(&rtd.key).unwrap(), "holds no PEM section \"BEGIN CERTIFICATE\""),
        (pem.replacen("MII", "M!I", 1).into_bytes(), "bad base64"),
    ] {
        std::fs::write(&file, content).unwrap();
        let error = error(&TlsPolicy { certificate: file.clone(), ..rtd.clone() });
        assert!(error.to_string().contains("odd.pem: "), "{error}");
        assert!(error.to_string().contains(says), "{error} does not say {says}");
    }
    private(&file, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    let error = error(&TlsPolicy { key: file, ..rtd });
    assert!(error.to_string().contains("stored without a pass phrase"), "{error}");
}

#[test]
fn pem_of_nonsense() {
    let Pair { rtd, pki, .. } = pair(KeyKind::P256);
    let file = pki.path("nonsense.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let error = error(&TlsPolicy { certificate: file, ..rtd });
    assert!(matches!(error, TlsError::BadCertificate { number: 1, .. }), "{error}");
}

#[test]
fn key_of_another_certificate() {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    let mixed = TlsPolicy { key: ems.key, ..rtd };
    let error = error(&mixed);
    assert!(matches!(error, TlsError::KeyMismatch { .. }));
    assert!(error.to_string().contains("does not belong to the certificate in"), "{error}");
}

#[test]
fn versions_and_anchors() {
    let Pair { rtd, pki: _pki, .. } = pair(KeyKind::P256);
    let upside_down =
        TlsPolicy { min_version: TlsVersion::V1_3, max_version: TlsVersion::V1_2, ..rtd.clone() };
    assert_eq!(error(&upside_down).to_string(), "min_version 1.3 is above max_version 1.2");
    assert!(matches!(error(&TlsPolicy { trust_anchors: vec![], ..rtd }), TlsError::NoTrustAnchors));
    assert_eq!("1.2".parse(), Ok(TlsVersion::V1_2));
    assert!("1.1".parse::<TlsVersion>().is_err());
}

#[test]
fn warnings() {
    let Pair { rtd, pki, ca, .. } = pair(KeyKind::P256);
    let expired = pki.leaf(&ca, &Leaf { years: (2020, 2021), ..Leaf::new("expired") });
    let early = pki.leaf(&ca, &Leaf { years: (2098, 2099), ..Leaf::new("early") });
    let purposes = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let server_only = pki.leaf(&ca, &Leaf { purposes, ..Leaf::new("server-only") });
    let peers = ["name:ems.test"];
    let warn = |policy: &TlsPolicy| policy.client().unwrap().warnings().to_vec();

    assert!(matches!(warn(&policy(&expired, &ca, &peers))[..], [TlsWarning::Expired { .. }]));
    assert!(matches!(warn(&policy(&early, &ca, &peers))[..], [TlsWarning::NotValidYet { .. }]));
    let lacking = policy(&server_only, &ca, &peers);
    assert!(matches!(warn(&lacking)[..], [TlsWarning::WrongPurpose { purpose: "clientAuth", .. }]));
    assert_eq!(lacking.server().unwrap().warnings(), []);

    let old_ca = pki.ca_until("old", KeyKind::P256, 2021);
    let old = TlsPolicy { trust_anchors: vec![old_ca.file], ..rtd.clone() };
    assert!(matches!(warn(&old)[..], [TlsWarning::TrustAnchorExpired { .. }]));

    assert_eq!(warn(&TlsPolicy { admitted: vec![], ..rtd.clone() }), [TlsWarning::NobodyAdmitted]);
    let file = pki.path("keys.log");
    let logging = TlsPolicy { debug_keylog: Some(file.clone()), ..rtd.clone() };
    assert_eq!(warn(&logging), [TlsWarning::KeyLogging { file }]);

    std::fs::set_permissions(&rtd.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(warn(&rtd), [TlsWarning::KeyReadableByOthers { file: rtd.key.clone(), mode: 0o644 }]);
}

#[test]
fn revocation_lists() {
    let Pair { rtd, pki, ca, .. } = pair(KeyKind::P256);
    let with = |file: std::path::PathBuf| TlsPolicy { crls: vec![file], ..rtd.clone() };
    let error_of = |policy: &TlsPolicy| error(policy).to_string();
    let told = error_of(&with(rtd.certificate.clone()));
    assert!(told.ends_with("rtd.test.pem: holds no PEM section \"BEGIN X509 CRL\""), "{told}");
    let damaged = pki.path("damaged.crl");
    std::fs::write(&damaged, "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n").unwrap();
    let told = error_of(&with(damaged));
    assert!(told.contains("damaged.crl: revocation list 1 cannot be used: "), "{told}");
    let old = with(pki.crl(&ca, "old.crl", &[], 2022));
    let warnings = old.server().unwrap().warnings().to_vec();
    assert!(matches!(&warnings[..], [TlsWarning::CrlExpired { .. }]), "{warnings:?}");
}
