//! Sessions of rustls against itself, looked at from outside.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, KeyLog, RootCertStore, ServerConfig, ServerConnection,
    SupportedCipherSuite,
};

use super::*;

#[derive(Debug, Default)]
struct Log(Mutex<String>);

impl KeyLog for Log {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        use ieee1815::decode::Hex;
        let line = format!("{label} {} {}\n", Hex(client_random), Hex(secret));
        self.0.lock().unwrap().push_str(&line);
    }
}

/// Both ends, and everything that went between them.
struct Wire {
    client: Connection,
    server: Connection,
    log: Arc<Log>,
    seen: Vec<(bool, Vec<u8>)>,
}

impl Wire {
    fn new(suite: SupportedCipherSuite) -> Self {
        let provider = rustls::crypto::CryptoProvider { cipher_suites: vec![suite], ..default_provider() };
        let provider = Arc::new(provider);
        let versions = [suite.version()];
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["rtd.test".to_owned()]).unwrap().self_signed(&key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let log = Arc::new(Log::default());
        let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.key_log = Arc::clone(&log) as Arc<dyn KeyLog>;
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let name = ServerName::try_from("rtd.test").unwrap();
        Self {
            client: ClientConnection::new(Arc::new(client), name).unwrap().into(),
            server: ServerConnection::new(Arc::new(server)).unwrap().into(),
            log,
            seen: Vec::new(),
        }
    }

    /// Lets both ends say what they have to say.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            for forward in [true, false] {
                let (from, to) = if forward {
                    (&mut self.client, &mut self.server)
                } else {
                    (&mut self.server, &mut self.client)
                };
                let mut octets = Vec::new();
                while from.wants_write() {
                    from.write_tls(&mut octets).unwrap();
                }
                if octets.is_empty() {
                    continue;
                }
                quiet = false;
                let mut rest = octets.as_slice();
                while !rest.is_empty() {
                    to.read_tls(&mut rest).unwrap();
                    to.process_new_packets().unwrap();
                }
                self.seen.push((forward, octets));
            }
            if quiet {
                return;
            }
        }
    }

    fn say(&mut self, forward: bool, octets: &[u8]) {
        let from = if forward { &mut self.client } else { &mut self.server };
        from.writer().write_all(octets).unwrap();
        let (mut heard, mut total) = (vec![0; octets.len()], 0);
        while total < octets.len() {
            self.settle();
            let to = if forward { &mut self.server } else { &mut self.client };
            total += to.reader().read(&mut heard[total..]).unwrap();
        }
        assert_eq!(heard, octets);
    }

    fn keys(&self) -> Keys {
        let mut keys = Keys::default();
        keys.add(self.log.0.lock().unwrap().as_bytes());
        keys
    }

    /// What an observer makes of it who gets `chunk` octets at a time.
    fn observed(&self, keys: &Keys, chunk: usize) -> Vec<Opened> {
        let mut tls = Tls::default();
        let pieces = self
            .seen
            .iter()
            .flat_map(|(forward, octets)| octets.chunks(chunk).map(move |piece| (*forward, piece)));
        pieces.flat_map(|(forward, piece)| tls.push(forward, piece, keys)).collect()
    }
}

fn data(opened: &[Opened]) -> Vec<(bool, Vec<u8>)> {
    let one = |one: &Opened| {
        if let Opened::Data(forward, octets) = one { Some((*forward, octets.clone())) } else { None }
    };
    opened.iter().filter_map(one).collect()
}

fn closed(opened: &[Opened]) -> Option<&str> {
    opened.iter().find_map(|one| if let Opened::Closed(why) = one { Some(why.as_str()) } else { None })
}

const SUITES: [SupportedCipherSuite; 6] = [
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

#[test]
fn every_suite_is_opened_both_ways() {
    for suite in SUITES {
        let mut wire = Wire::new(suite);
        wire.settle();
        wire.say(true, b"ask");
        wire.say(false, &[7; 20_000]);
        wire.say(true, b"confirm");
        wire.client.send_close_notify();
        wire.settle();
        for chunk in [1, 100, 100_000] {
            let opened = wire.observed(&wire.keys(), chunk);
            assert_eq!(closed(&opened), None, "{suite:?}");
            let side = |wanted: bool| -> Vec<u8> {
                data(&opened)
                    .into_iter()
                    .filter(|(forward, _)| *forward == wanted)
                    .flat_map(|(_, octets)| octets)
                    .collect()
            };
            assert_eq!(side(true), b"askconfirm", "{suite:?}");
            assert_eq!(side(false), [7; 20_000], "{suite:?}");
            let told: Vec<&str> = opened
                .iter()
                .filter_map(|one| if let Opened::Told(text) = one { Some(text.as_str()) } else { None })
                .collect();
            assert!(told[0].starts_with("TLS 1."), "{told:?}");
            assert_eq!(told.last(), Some(&"TLS close"), "{suite:?}");
        }
    }
}

#[test]
fn key_updates_are_followed() {
    let mut wire = Wire::new(cipher_suite::TLS13_AES_128_GCM_SHA256);
    wire.settle();
    wire.say(true, b"before");
    let Connection::Client(client) = &mut wire.client else { panic!() };
    client.refresh_traffic_keys().unwrap();
    wire.say(true, b"after");
    wire.say(false, b"answer");
    let opened = wire.observed(&wire.keys(), 64);
    assert_eq!(
        data(&opened),
        [(true, b"before".to_vec()), (true, b"after".to_vec()), (false, b"answer".to_vec())]
    );
}

#[test]
fn what_cannot_be_opened_is_said_once() {
    for suite in SUITES {
        let mut wire = Wire::new(suite);
        wire.settle();
        wire.say(true, b"ask");
        let none = wire.observed(&Keys::default(), 100);
        assert!(closed(&none).unwrap().contains("--keylog"), "{none:?}");
        let mut other = Wire::new(suite);
        other.settle();
        let others = wire.observed(&other.keys(), 100);
        assert!(closed(&others).unwrap().contains("no secret"), "{others:?}");
        assert_eq!(others.iter().filter(|one| matches!(one, Opened::Closed(_))).count(), 1);
        // Secrets of another session under the name of this one.
        let mut wrong = Keys::default();
        let theirs = other.log.0.lock().unwrap().clone();
        let ours = wire.log.0.lock().unwrap().clone();
        let random = ours.split_whitespace().nth(1).unwrap();
        for line in theirs.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            wrong.add(format!("{} {random} {}\n", words[0], words[2]).as_bytes());
        }
        assert!(closed(&wire.observed(&wrong, 100)).unwrap().contains("does not belong"));
        // Octets in the middle of a session, and no session at all.
        let mut late = Tls::default();
        let (forward, last) = wire.seen.last().unwrap();
        let opened = late.push(*forward, last, &wire.keys());
        assert!(closed(&opened).is_some() && data(&opened).is_empty(), "{opened:?}");
        assert!(closed(&Tls::default().push(true, b"not TLS at all", &wire.keys())).is_some());
    }
}
