//! Our end of TLS towards a place. Read anew at each connection, so that a renewed certificate is taken.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use site::PublishTls;

/// The policy of a place, or which file is wrong and why.
pub(crate) fn config(tls: &PublishTls) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(&tls.ca)? {
        roots.add(certificate).map_err(|error| told(&tls.ca, &error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let Some((cert, key)) = &tls.own else { return Ok(builder.with_no_client_auth()) };
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| told(key, &error))?;
    builder.with_client_auth_cert(chain(cert)?, private).map_err(|error| told(cert, &error))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| told(path, &error))?;
    if chain.is_empty() { Err(told(path, &"no certificate in it")) } else { Ok(chain) }
}

fn told(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
