//! TLS 1.2 and 1.3 opened with the secrets of a key log, as an observer: nothing is verified but that a record
//! belongs to its secret. Suites without authenticated encryption are not opened, and that is said.

mod cipher;
mod hello;

use super::keys::Keys;
use cipher::{Opener, Suite};
use hello::{ClientHello, ServerHello};

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEADER: usize = 5;
/// A record is never longer (RFC 5246, 6.2.3).
const RECORD_OCTETS_MAX: usize = (1 << 14) + 2_048;
/// Handshake messages are never longer here; certificate chains are well below.
const HANDSHAKE_OCTETS_MAX: usize = 1 << 18;

/// Whether a stream that begins like this is TLS.
pub(crate) fn begins(octets: &[u8]) -> bool {
    matches!(octets, [HANDSHAKE, 3, 0..=4, ..])
}

/// What was inside.
#[derive(Debug)]
pub(crate) enum Opened {
    /// Octets in a direction.
    Data(bool, Vec<u8>),
    /// Something about the TLS session.
    Told(String),
    /// Nothing of it can be read, and why.
    Closed(String),
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    waiting: Vec<u8>,
    handshake: Vec<u8>,
    /// Records are protected from here on.
    protected: bool,
    /// TLS 1.3: the handshake of this side is over.
    established: bool,
    /// Key updates since (TLS 1.3).
    secret: Vec<u8>,
    opener: Option<Opener>,
}

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    halves: [Half; 2],
    /// The client's direction.
    client: Option<bool>,
    client_random: Vec<u8>,
    server: Option<ServerHello>,
    /// Said once, that nothing can be read.
    closed: bool,
}

impl Tls {
    /// Takes octets of a direction.
    pub(crate) fn push(&mut self, forward: bool, octets: &[u8], keys: &Keys) -> Vec<Opened> {
        let mut opened = Vec::new();
        if self.closed {
            return opened;
        }
        let half = self.half(forward);
        half.waiting.extend_from_slice(octets);
        let waiting = std::mem::take(&mut half.waiting);
        let mut rest = waiting.as_slice();
        while let Some((header, after)) = rest.split_first_chunk::<HEADER>() {
            let &[kind, _, _, high, low] = header;
            let length = usize::from(u16::from_be_bytes([high, low]));
            if !(CHANGE_CIPHER_SPEC..=24).contains(&kind) || length > RECORD_OCTETS_MAX {
                self.close("this is not TLS any more".to_owned(), &mut opened);
                return opened;
            }
            let Some((body, next)) = after.split_at_checked(length) else { break };
            self.record(forward, *header, body, keys, &mut opened);
            rest = next;
        }
        self.half(forward).waiting = rest.to_vec();
        opened
    }

    /// Octets are missing: the records after them cannot be found, nor their numbers known. Whether the session
    /// could be read until now.
    pub(crate) fn gap(&mut self, forward: bool) -> bool {
        let half = self.half(forward);
        half.waiting.clear();
        half.opener = None;
        !std::mem::replace(&mut self.closed, true)
    }

    fn half(&mut self, forward: bool) -> &mut Half {
        let [first, second] = &mut self.halves;
        if forward { first } else { second }
    }

    fn close(&mut self, why: String, opened: &mut Vec<Opened>) {
        if !self.closed {
            self.closed = true;
            opened.push(Opened::Closed(why));
        }
    }

    fn is_13(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.tls13)
    }

    fn record(
        &mut self,
        forward: bool,
        header: [u8; HEADER],
        body: &[u8],
        keys: &Keys,
        opened: &mut Vec<Opened>,
    ) {
        let [kind, ..] = header;
        if self.closed {
            return;
        }
        if kind == CHANGE_CIPHER_SPEC {
            // In TLS 1.3 it is there for old middle boxes only.
            let protect = self.server.is_some() && !self.is_13();
            self.half(forward).protected |= protect;
            return;
        }
        // In TLS 1.3 what is protected is always called application data.
        let protected = if self.is_13() { kind == APPLICATION_DATA } else { self.half(forward).protected };
        if !protected {
            return self.content(forward, kind, body, opened);
        }
        if self.half(forward).opener.is_none() {
            match self.make_opener(forward, keys) {
                Ok(opener) => self.half(forward).opener = Some(opener),
                Err(why) => return self.close(why, opened),
            }
        }
        let tls13 = self.is_13();
        let plain = self.half(forward).opener.as_mut().and_then(|opener| opener.open(header, body));
        let Some(mut plain) = plain else {
            return self.close("a record does not belong to the secret in the key log".to_owned(), opened);
        };
        let kind = if tls13 {
            while plain.last() == Some(&0) {
                plain.pop();
            }
            plain.pop().unwrap_or_default()
        } else {
            kind
        };
        self.content(forward, kind, &plain, opened);
    }

    fn content(&mut self, forward: bool, kind: u8, plain: &[u8], opened: &mut Vec<Opened>) {
        match kind {
            APPLICATION_DATA if self.server.is_some() => opened.push(Opened::Data(forward, plain.to_vec())),
            ALERT => {
                let text = match plain {
                    [_, 0] => "TLS close".to_owned(),
                    [level, code] => {
                        format!("TLS alert {code} ({})", if *level == 2 { "fatal" } else { "warning" })
                    }
                    _ => "TLS alert".to_owned(),
                };
                opened.push(Opened::Told(text));
            }
            HANDSHAKE => self.handshake(forward, plain, opened),
            _ => self.close("the beginning of the TLS session is not in the capture".to_owned(), opened),
        }
    }

    fn handshake(&mut self, forward: bool, plain: &[u8], opened: &mut Vec<Opened>) {
        self.half(forward).handshake.extend_from_slice(plain);
        loop {
            let half = self.half(forward);
            let Some(&[kind, a, b, c]) = half.handshake.first_chunk::<4>() else { return };
            let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if length > HANDSHAKE_OCTETS_MAX {
                return self.close("a TLS handshake message is too long".to_owned(), opened);
            }
            let Some(body) = half.handshake.get(4..4 + length).map(<[u8]>::to_vec) else { return };
            half.handshake.drain(..4 + length);
            self.message(forward, kind, &body, opened);
            if self.closed {
                return;
            }
        }
    }

    fn message(&mut self, forward: bool, kind: u8, body: &[u8], opened: &mut Vec<Opened>) {
        match kind {
            1 => {
                if let Some(hello) = ClientHello::parse(body) {
                    self.client = Some(forward);
                    self.client_random = hello.random;
                }
            }
            2 => match ServerHello::parse(body) {
                Some(hello) if hello.is_retry() => {}
                Some(hello) => {
                    let version = if hello.tls13 { "TLS 1.3" } else { "TLS 1.2" };
                    let suite =
                        Suite::of(hello.suite).map_or("a suite that cannot be opened", |suite| suite.name);
                    opened.push(Opened::Told(format!("{version}, {suite}")));
                    self.server = Some(hello);
                    if Some(!forward) != self.client {
                        self.client = None;
                    }
                }
                None => self.close("the TLS server hello cannot be read".to_owned(), opened),
            },
            // Finished: the side's application secret is next.
            20 if self.is_13() => {
                let half = self.half(forward);
                half.established = true;
                half.opener = None;
            }
            // Key update: the next secret is made of this one.
            24 if self.is_13() => {
                let suite = self.server.as_ref().and_then(|server| Suite::of(server.suite));
                let half = self.half(forward);
                let next = suite.and_then(|suite| suite.next_secret(&half.secret));
                half.opener = suite.zip(next.as_ref()).and_then(|(suite, next)| Opener::tls13(suite, next));
                half.secret = next.unwrap_or_default();
                if half.opener.is_none() {
                    self.close("a TLS key update cannot be followed".to_owned(), opened);
                }
            }
            _ => {}
        }
    }

    fn make_opener(&mut self, forward: bool, keys: &Keys) -> Result<Opener, String> {
        let lost = || "the beginning of the TLS session is not in the capture".to_owned();
        let (server, client) = self.server.as_ref().zip(self.client).ok_or_else(lost)?;
        let code = server.suite;
        let suite = Suite::of(code).ok_or_else(|| {
            format!("suite 0x{code:04X} cannot be opened: only AES-GCM and ChaCha20-Poly1305")
        })?;
        if keys.is_empty() {
            return Err("TLS: give its key log with --keylog to read what is inside".to_owned());
        }
        let is_client = client == forward;
        let missing = || "the key log has no secret for this TLS session".to_owned();
        if !server.tls13 {
            let master = keys.get(&self.client_random, "CLIENT_RANDOM").ok_or_else(missing)?;
            let opener = Opener::tls12(suite, master, &self.client_random, &server.random, is_client);
            return opener.ok_or_else(missing);
        }
        let [first, second] = &self.halves;
        let established = if forward { first.established } else { second.established };
        let label = match (is_client, established) {
            (true, false) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            (false, false) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            (true, true) => "CLIENT_TRAFFIC_SECRET_0",
            (false, true) => "SERVER_TRAFFIC_SECRET_0",
        };
        let secret = keys.get(&self.client_random, label).ok_or_else(missing)?.to_vec();
        let opener = Opener::tls13(suite, &secret).ok_or_else(missing)?;
        self.half(forward).secret = secret;
        Ok(opener)
    }
}

#[cfg(test)]
mod tests;
