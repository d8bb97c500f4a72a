//! Suites, the keys that secrets give, and records opened with them. The cryptography is aws-lc's.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, tls_prf};

const NONCE: usize = 12;
/// Octets of the nonce that travel with a record of AES-GCM in TLS 1.2.
const EXPLICIT: usize = 8;
const TAG: usize = 16;

/// A suite with authenticated encryption.
#[derive(Clone, Copy)]
pub(super) struct Suite {
    pub(super) name: &'static str,
    aead: &'static aead::Algorithm,
    hash: hkdf::Algorithm,
    prf: &'static tls_prf::Algorithm,
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

struct Octets(usize);

impl hkdf::KeyType for Octets {
    fn len(&self) -> usize {
        self.0
    }
}

impl Suite {
    pub(super) fn of(code: u16) -> Option<Self> {
        let (aead, long) = match code {
            0x1301 | 0x009C | 0x009E | 0xC02B | 0xC02F => (&aead::AES_128_GCM, false),
            0x1302 | 0x009D | 0x009F | 0xC02C | 0xC030 => (&aead::AES_256_GCM, true),
            0x1303 | 0xCCA8..=0xCCAA => (&aead::CHACHA20_POLY1305, false),
            _ => return None,
        };
        let name = match code {
            0x1301 => "TLS13_AES_128_GCM_SHA256",
            0x1302 => "TLS13_AES_256_GCM_SHA384",
            0x1303 => "TLS13_CHACHA20_POLY1305_SHA256",
            0x009C => "TLS_RSA_WITH_AES_128_GCM_SHA256",
            0x009D => "TLS_RSA_WITH_AES_256_GCM_SHA384",
            0x009E => "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
            0x009F => "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
            0xC02B => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            0xC02C => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            0xC02F => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            0xC030 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            0xCCA8 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            0xCCA9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            _ => "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        };
        let (hash, prf) = if long {
            (hkdf::HKDF_SHA384, &tls_prf::P_SHA384)
        } else {
            (hkdf::HKDF_SHA256, &tls_prf::P_SHA256)
        };
        Some(Self { name, aead, hash, prf })
    }

    /// HKDF-Expand-Label without a context (RFC 8446, 7.1).
    fn expand(self, secret: &[u8], label: &str, octets: usize) -> Option<Vec<u8>> {
        let label = format!("tls13 {label}");
        let length = u16::try_from(octets).ok()?.to_be_bytes();
        let info = [&length[..], &[u8::try_from(label.len()).ok()?], label.as_bytes(), &[0]];
        let key = hkdf::Prk::new_less_safe(self.hash, secret);
        let mut out = vec![0; octets];
        key.expand(&info, Octets(octets)).ok()?.fill(&mut out).ok()?;
        Some(out)
    }

    /// The secret after a key update.
    pub(super) fn next_secret(self, secret: &[u8]) -> Option<Vec<u8>> {
        self.expand(secret, "traffic upd", secret.len())
    }
}

/// Opens the records of one direction, one after the other.
#[derive(Debug)]
pub(super) struct Opener {
    key: LessSafeKey,
    iv: Vec<u8>,
    number: u64,
    tls13: bool,
}

impl Opener {
    pub(super) fn tls13(suite: Suite, secret: &[u8]) -> Option<Self> {
        let key = suite.expand(secret, "key", suite.aead.key_len())?;
        let iv = suite.expand(secret, "iv", NONCE)?;
        let key = LessSafeKey::new(UnboundKey::new(suite.aead, &key).ok()?);
        Some(Self { key, iv, number: 0, tls13: true })
    }

    pub(super) fn tls12(
        suite: Suite,
        master: &[u8],
        client_random: &[u8],
        server_random: &[u8],
        is_client: bool,
    ) -> Option<Self> {
        let key = suite.aead.key_len();
        let iv = if suite.aead == &aead::CHACHA20_POLY1305 { NONCE } else { NONCE - EXPLICIT };
        let seed = [server_random, client_random].concat();
        let secret = tls_prf::Secret::new(suite.prf, master).ok()?;
        let block = secret.derive(b"key expansion", &seed, 2 * (key + iv)).ok()?;
        let block = block.as_ref();
        let (key_at, iv_at) = if is_client { (0, 2 * key) } else { (key, 2 * key + iv) };
        let unbound = UnboundKey::new(suite.aead, block.get(key_at..key_at + key)?).ok()?;
        let iv = block.get(iv_at..iv_at + iv)?.to_vec();
        Some(Self { key: LessSafeKey::new(unbound), iv, number: 0, tls13: false })
    }

    /// The content of the next record.
    pub(super) fn open(&mut self, header: [u8; 5], body: &[u8]) -> Option<Vec<u8>> {
        let number = self.number.to_be_bytes();
        self.number += 1;
        let explicit = self.iv.len() < NONCE;
        let (nonce, sealed) = if explicit {
            let (explicit, sealed) = body.split_first_chunk::<EXPLICIT>()?;
            ([self.iv.as_slice(), explicit].concat(), sealed)
        } else {
            let padded = [0; NONCE - 8].iter().chain(&number);
            (self.iv.iter().zip(padded).map(|(iv, number)| iv ^ number).collect(), body)
        };
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let aad = if self.tls13 {
            header.to_vec()
        } else {
            let [kind, major, minor, ..] = header;
            let plain = u16::try_from(sealed.len().checked_sub(TAG)?).ok()?.to_be_bytes();
            [&number[..], &[kind, major, minor], &plain].concat()
        };
        let mut octets = sealed.to_vec();
        let length = self.key.open_in_place(nonce, Aad::from(aad), &mut octets).ok()?.len();
        octets.truncate(length);
        Some(octets)
    }
}
