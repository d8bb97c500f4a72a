//! Certificates made at the start, and what both ours and the floor make of them: P-256, TLS 1.3, both sides judged.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ieee1815_tokio::{ClientTls, PeerIdentity, TlsPolicy, TlsVersion};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::Failure;

/// Name in the outstation's certificate.
pub(crate) const OUTSTATION: &str = "outstation.bench";

/// Name in a master's certificate: the outstation tells masters apart by it.
fn master(number: usize) -> String {
    format!("master{number}.bench")
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params
}

fn key() -> Result<KeyPair, Failure> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

/// Writes an authority and a certificate for the outstation and for each master.
pub(crate) fn make(directory: &Path, masters: usize) -> Result<(), Failure> {
    let authority_key = key()?;
    let mut authority = params("authority.bench");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    std::fs::write(directory.join("ca.pem"), authority.self_signed(&authority_key)?.pem())?;
    let issuer = Issuer::new(authority, authority_key);
    let names = (0..masters).map(master).chain([OUTSTATION.to_owned()]);
    for name in names {
        let key = key()?;
        let mut leaf = params(&name);
        leaf.subject_alt_names.push(rcgen::SanType::DnsName(name.as_str().try_into()?));
        leaf.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        std::fs::write(pem(directory, &name), leaf.signed_by(&key, &issuer)?.pem())?;
        let file = directory.join(format!("{name}.key"));
        std::fs::write(&file, key.serialize_pem())?;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn pem(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.pem"))
}

fn policy(directory: &Path, own: &str, admitted: Vec<PeerIdentity>) -> Result<TlsPolicy, Failure> {
    Ok(TlsPolicy {
        certificate: pem(directory, own),
        key: directory.join(format!("{own}.key")),
        trust_anchors: vec![directory.join("ca.pem")],
        min_version: TlsVersion::V1_3,
        max_version: TlsVersion::V1_3,
        admitted,
        cipher_suites: Vec::new(),
        crls: Vec::new(),
        debug_keylog: None,
    })
}

fn named(name: &str) -> Result<PeerIdentity, Failure> {
    Ok(format!("name:{name}").parse()?)
}

/// What the certificate of a master has to say.
pub(crate) fn identity(number: usize) -> Result<PeerIdentity, Failure> {
    named(&master(number))
}

/// Ours, listening.
pub(crate) fn server(directory: &Path) -> Result<TlsPolicy, Failure> {
    policy(directory, OUTSTATION, Vec::new())
}

/// Ours, connecting.
pub(crate) fn client(directory: &Path, number: usize) -> Result<Arc<ClientTls>, Failure> {
    Ok(Arc::new(policy(directory, &master(number), vec![named(OUTSTATION)?])?.client()?))
}

struct Material {
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn material(directory: &Path, own: &str) -> Result<Material, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(directory.join("ca.pem"))?)?;
    Ok(Material {
        roots: Arc::new(roots),
        chain: vec![CertificateDer::from_pem_file(pem(directory, own))?],
        key: PrivateKeyDer::from_pem_file(directory.join(format!("{own}.key")))?,
    })
}

/// The floor's, listening: rustls as it comes.
pub(crate) fn floor_server(directory: &Path) -> Result<Arc<ServerConfig>, Failure> {
    let material = material(directory, OUTSTATION)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let judge = WebPkiClientVerifier::builder_with_provider(material.roots, Arc::clone(&provider)).build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(judge)
        .with_single_cert(material.chain, material.key)?;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The floor's, connecting.
pub(crate) fn floor_client(directory: &Path, number: usize) -> Result<Arc<ClientConfig>, Failure> {
    let material = material(directory, &master(number))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(material.roots)
        .with_client_auth_cert(material.chain, material.key)?;
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}
