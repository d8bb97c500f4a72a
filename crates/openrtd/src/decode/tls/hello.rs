//! The two hellos, as far as they say who has which secret.

/// What a client says of itself.
#[derive(Debug)]
pub(super) struct ClientHello {
    pub(super) random: Vec<u8>,
}

/// What the server chose.
#[derive(Debug)]
pub(super) struct ServerHello {
    pub(super) random: Vec<u8>,
    pub(super) suite: u16,
    pub(super) tls13: bool,
}

const SUPPORTED_VERSIONS: u16 = 43;
const TLS_1_3: [u8; 2] = [3, 4];
/// The random of a hello that asks the client to try again (RFC 8446, 4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2,
    0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, octets: usize) -> Option<usize> {
        Some(self.take(octets)?.iter().fold(0, |number, octet| number << 8 | usize::from(*octet)))
    }
}

impl ClientHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(body);
        cursor.take(2)?;
        Some(Self { random: cursor.take(32)?.to_vec() })
    }
}

impl ServerHello {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor(body);
        cursor.take(2)?;
        let random = cursor.take(32)?.to_vec();
        let session = cursor.number(1)?;
        cursor.take(session)?;
        let suite = u16::try_from(cursor.number(2)?).ok()?;
        cursor.take(1)?;
        let mut tls13 = false;
        if let Some(length) = cursor.number(2) {
            let mut extensions = Cursor(cursor.take(length)?);
            while let (Some(kind), Some(length)) = (extensions.number(2), extensions.number(2)) {
                let body = extensions.take(length)?;
                tls13 |= kind == usize::from(SUPPORTED_VERSIONS) && body == TLS_1_3;
            }
        }
        Some(Self { random, suite, tls13 })
    }

    pub(super) fn is_retry(&self) -> bool {
        self.random == RETRY
    }
}
