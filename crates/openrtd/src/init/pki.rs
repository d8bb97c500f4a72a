//! The example's certificates: an authority of its own, the device, the ISO and a read-only observer.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};

/// How long the certificates are good for.
const YEARS: i32 = 10;

/// File stem, name in the certificate, purpose.
const LEAVES: [(&str, &str, ExtendedKeyUsagePurpose); 3] = [
    ("rtd", "rtd.example", ExtendedKeyUsagePurpose::ServerAuth),
    ("ems", "ems.example", ExtendedKeyUsagePurpose::ClientAuth),
    ("observer", "observer.example", ExtendedKeyUsagePurpose::ClientAuth),
];

/// Writes `ca.pem` and a certificate and key each into the new folder `dir`. The authority's key is kept nowhere:
/// nobody can make further identities for the example.
pub(super) fn write(dir: &Path) -> Result<(), String> {
    let told = |error: rcgen::Error| format!("certificates: {error}");
    fs::DirBuilder::new().mode(0o700).create(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(told)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named("OpenRTD example authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    dated(&mut params)?;
    let certificate = params.self_signed(&key).map_err(told)?;
    file(&dir.join("ca.pem"), 0o644, &certificate.pem())?;
    let issuer = Issuer::new(params, key);
    for (stem, name, purpose) in LEAVES {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(told)?;
        let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(told)?;
        params.distinguished_name = named(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        dated(&mut params)?;
        let certificate = params.signed_by(&key, &issuer).map_err(told)?;
        file(&dir.join(format!("{stem}.pem")), 0o644, &certificate.pem())?;
        file(&dir.join(format!("{stem}.key")), 0o600, &key.serialize_pem())?;
    }
    Ok(())
}

fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "OpenRTD example");
    subject.push(DnType::CommonName, name);
    subject
}

/// From a day ago, in case another machine's clock is behind.
fn dated(params: &mut CertificateParams) -> Result<(), String> {
    let told = |error: jiff::Error| format!("certificates: {error}");
    let yesterday = TimeZone::UTC.to_datetime(Timestamp::now()).date().checked_sub(1.day()).map_err(told)?;
    let end = yesterday.checked_add(YEARS.years()).map_err(told)?;
    let date = |date: Date| {
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    (params.not_before, params.not_after) = (date(yesterday), date(end));
    Ok(())
}

fn file(path: &Path, mode: u32, text: &str) -> Result<(), String> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("{}: {error}", path.display()))
}
