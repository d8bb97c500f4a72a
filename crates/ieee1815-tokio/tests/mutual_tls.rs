//! Who gets through mutual TLS, who does not, and what the listener's journal can say about it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::sync::Arc;

use ieee1815_tokio::{
    Accepted, ConnectError, Incoming, Listener, PeerIdentity, Refusal, RefusalKind, TlsPolicy, TlsVersion,
    connect,
};
use rcgen::ExtendedKeyUsagePurpose;
use support::{ANY_PORT, KeyKind, Leaf, PATIENCE, Pair, next, pair, policy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PING: &[u8] = &[0x05, 0x64, 0x05, 0xc9];

/// Both ends of one attempt. The client writes and reads, since in TLS 1.3 it learns of a refusal only so.
async fn attempt(server: &TlsPolicy, client: &TlsPolicy) -> (Incoming, Result<Vec<u8>, Refusal>) {
    let mut listener = Listener::bind(ANY_PORT, Some(Arc::new(server.server().unwrap()))).await.unwrap();
    let address = listener.local_addr();
    let tls = Arc::new(client.client().unwrap());
    let client = tokio::spawn(async move {
        let mut connection = match connect(address, Some(tls), PATIENCE).await {
            Ok((connection, _)) => connection,
            Err(ConnectError::Tls(refusal)) => return Err(refusal),
            Err(other) => panic!("{other}"),
        };
        let mut reply = vec![0; PING.len()];
        let exchange = async {
            connection.write_fragment(PING).await?;
            connection.read_exact(&mut reply).await
        };
        exchange.await.map_err(|error| Refusal::from_io(&error))?;
        connection.close().await;
        Ok(reply)
    });
    let mut incoming = next(&mut listener).await;
    if let Incoming::Accepted(accepted) = &mut incoming {
        let mut request = vec![0; PING.len()];
        accepted.connection.read_exact(&mut request).await.unwrap();
        accepted.connection.write_fragment(&request).await.unwrap();
    }
    (incoming, client.await.unwrap())
}

fn accepted(incoming: Incoming) -> Accepted {
    match incoming {
        Incoming::Accepted(accepted) => *accepted,
        Incoming::Refused { refusal, .. } => panic!("refused: {refusal}"),
    }
}

fn refusal(incoming: Incoming) -> Refusal {
    match incoming {
        Incoming::Accepted(accepted) => panic!("let in: {:?}", accepted.identity),
        Incoming::Refused { refusal, .. } => *refusal,
    }
}

#[tokio::test]
async fn both_key_kinds_in_both_versions() {
    for (kind, version, protocol) in [
        (KeyKind::P256, TlsVersion::V1_2, "TLS 1.2"),
        (KeyKind::P256, TlsVersion::V1_3, "TLS 1.3"),
        (KeyKind::Rsa2048, TlsVersion::V1_2, "TLS 1.2"),
        (KeyKind::Rsa2048, TlsVersion::V1_3, "TLS 1.3"),
    ] {
        let Pair { rtd, mut ems, pki: _pki, .. } = pair(kind);
        ems.max_version = version;
        let (incoming, reply) = attempt(&rtd, &ems).await;
        let accepted = accepted(incoming);
        assert_eq!(accepted.connection.protocol(), protocol);
        let identity = accepted.identity.unwrap();
        assert_eq!(identity.index, 0);
        assert_eq!(identity.presented.names, ["ems.test"]);
        assert!(identity.presented.subject.contains("CN=ems.test"), "{}", identity.presented.subject);
        assert_eq!(reply.unwrap(), PING);
    }
}

#[tokio::test]
async fn server_with_a_floor_of_1_3_refuses_a_1_2_client() {
    let Pair { mut rtd, mut ems, pki: _pki, .. } = pair(KeyKind::P256);
    rtd.min_version = TlsVersion::V1_3;
    ems.max_version = TlsVersion::V1_2;
    let (incoming, reply) = attempt(&rtd, &ems).await;
    assert_eq!(refusal(incoming).kind, RefusalKind::Incompatible);
    let told = reply.unwrap_err();
    assert_eq!(told.kind, RefusalKind::RefusedByPeer);
    assert!(told.detail.contains("TLS versions"), "{told}");
}

#[tokio::test]
async fn stranger_from_another_authority() {
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let Pair { rtd, ems, pki, ca } = pair(KeyKind::P256);
        let other = pki.ca("other", KeyKind::P256);
        // The very name that is admitted, signed by somebody else.
        let files = pki.leaf(&other, &Leaf { san: Some("ems.test"), ..Leaf::new("stranger") });
        let stranger = TlsPolicy { max_version: version, ..policy(&files, &ca, &["name:rtd.test"]) };
        let (incoming, reply) = attempt(&rtd, &stranger).await;
        let refusal = refusal(incoming);
        assert_eq!(refusal.kind, RefusalKind::UnknownIssuer);
        assert_eq!(refusal.presented.as_ref().unwrap().names, ["ems.test"]);
        assert_eq!(refusal.presented.as_ref().unwrap().sha256, files.sha256);
        assert!(refusal.to_string().contains("CN=stranger"), "{refusal}");
        assert_eq!(reply.unwrap_err().detail, "it does not know the issuer of our certificate");
        drop(ems);
    }
}

#[tokio::test]
async fn expired_and_not_yet_valid() {
    for (years, kind) in [((2020, 2021), RefusalKind::Expired), ((2098, 2099), RefusalKind::NotValidYet)] {
        let Pair { rtd, pki, ca, .. } = pair(KeyKind::P256);
        let files = pki.leaf(&ca, &Leaf { san: Some("ems.test"), years, ..Leaf::new("wrong-time") });
        let (incoming, reply) = attempt(&rtd, &policy(&files, &ca, &["name:rtd.test"])).await;
        let refusal = refusal(incoming);
        assert_eq!(refusal.kind, kind);
        assert!(refusal.to_string().contains("CN=wrong-time"), "{refusal}");
        assert_eq!(reply.unwrap_err().kind, RefusalKind::RefusedByPeer);
    }
}

#[tokio::test]
async fn name_that_is_not_on_the_list() {
    let Pair { rtd, pki, ca, .. } = pair(KeyKind::P256);
    let files = pki.leaf(&ca, &Leaf::new("colleague.test"));
    let (incoming, reply) = attempt(&rtd, &policy(&files, &ca, &["name:rtd.test"])).await;
    let refusal = refusal(incoming);
    assert_eq!(refusal.kind, RefusalKind::NotAdmitted);
    assert_eq!(refusal.presented.unwrap().names, ["colleague.test"]);
    assert_eq!(reply.unwrap_err().detail, "we are not on its list of admitted peers");
}

#[tokio::test]
async fn fingerprint_admits_one_certificate_and_not_its_namesake() {
    let Pair { mut rtd, pki, ca, .. } = pair(KeyKind::P256);
    let admitted = pki.leaf(&ca, &Leaf { san: Some("ems.test"), ..Leaf::new("first") });
    let namesake = pki.leaf(&ca, &Leaf { san: Some("ems.test"), ..Leaf::new("second") });
    rtd.admitted = vec![PeerIdentity::Name("nobody.test".into()), PeerIdentity::Sha256(admitted.sha256)];
    let (incoming, reply) = attempt(&rtd, &policy(&admitted, &ca, &["name:rtd.test"])).await;
    assert_eq!(accepted(incoming).identity.unwrap().index, 1);
    assert_eq!(reply.unwrap(), PING);
    let (incoming, _) = attempt(&rtd, &policy(&namesake, &ca, &["name:rtd.test"])).await;
    assert_eq!(refusal(incoming).kind, RefusalKind::NotAdmitted);
}

#[tokio::test]
async fn common_name_counts_only_without_alternative_names() {
    let Pair { rtd, pki, ca, .. } = pair(KeyKind::P256);
    let cn_only = pki.leaf(&ca, &Leaf { san: None, ..Leaf::new("ems.test") });
    let (incoming, reply) = attempt(&rtd, &policy(&cn_only, &ca, &["name:rtd.test"])).await;
    assert_eq!(accepted(incoming).identity.unwrap().presented.names, ["ems.test"]);
    assert_eq!(reply.unwrap(), PING);

    let elsewhere = pki.leaf(&ca, &Leaf { san: Some("other.test"), ..Leaf::new("ems.test") });
    let (incoming, _) = attempt(&rtd, &policy(&elsewhere, &ca, &["name:rtd.test"])).await;
    assert_eq!(refusal(incoming).kind, RefusalKind::NotAdmitted);

    // An IP address is an alternative name too: the common name no longer counts.
    let by_ip = pki.leaf(&ca, &Leaf { san: Some("127.0.0.1"), ..Leaf::new("ems.test") });
    let (incoming, _) = attempt(&rtd, &policy(&by_ip, &ca, &["name:rtd.test"])).await;
    let refusal = refusal(incoming);
    assert_eq!(refusal.kind, RefusalKind::NotAdmitted);
    assert!(refusal.presented.unwrap().names.is_empty());
}

#[tokio::test]
async fn purposes_are_verified_in_both_directions() {
    let Pair { rtd, ems, pki, ca } = pair(KeyKind::P256);
    let server_only = Leaf {
        san: Some("ems.test"),
        purposes: vec![ExtendedKeyUsagePurpose::ServerAuth],
        ..Leaf::new("server-only")
    };
    let files = pki.leaf(&ca, &server_only);
    let (incoming, _) = attempt(&rtd, &policy(&files, &ca, &["name:rtd.test"])).await;
    assert_eq!(refusal(incoming).kind, RefusalKind::WrongPurpose);

    let client_only = Leaf {
        san: Some("rtd.test"),
        purposes: vec![ExtendedKeyUsagePurpose::ClientAuth],
        ..Leaf::new("client-only")
    };
    let files = pki.leaf(&ca, &client_only);
    let (_, reply) = attempt(&policy(&files, &ca, &["name:ems.test"]), &ems).await;
    let refusal = reply.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::WrongPurpose);
    assert_eq!(refusal.presented.unwrap().names, ["rtd.test"]);
}

#[tokio::test]
async fn connecting_end_refuses_servers_that_it_does_not_mean() {
    let Pair { rtd, mut ems, pki, ca } = pair(KeyKind::P256);
    ems.admitted = vec!["name:rtd8.test".parse().unwrap()];
    let (incoming, reply) = attempt(&rtd, &ems).await;
    let refused = reply.unwrap_err();
    assert_eq!(refused.kind, RefusalKind::NotAdmitted);
    assert_eq!(refused.presented.unwrap().names, ["rtd.test"]);
    assert_eq!(refusal(incoming).kind, RefusalKind::RefusedByPeer);

    let other = pki.ca("other", KeyKind::P256);
    let files = pki.leaf(&other, &Leaf { san: Some("rtd.test"), ..Leaf::new("impostor") });
    ems.admitted = vec!["name:rtd.test".parse().unwrap()];
    let (_, reply) = attempt(&policy(&files, &ca, &["name:ems.test"]), &ems).await;
    assert_eq!(reply.unwrap_err().kind, RefusalKind::UnknownIssuer);

    // And a common name serves a server as it serves a client.
    let files = pki.leaf(&ca, &Leaf { san: None, ..Leaf::new("rtd.test") });
    let (incoming, reply) = attempt(&policy(&files, &ca, &["name:ems.test"]), &ems).await;
    accepted(incoming);
    assert_eq!(reply.unwrap(), PING);
}

#[tokio::test]
async fn no_certificate() {
    let Pair { rtd, pki: _pki, ca, .. } = pair(KeyKind::P256);
    let mut listener = Listener::bind(ANY_PORT, Some(Arc::new(rtd.server().unwrap()))).await.unwrap();
    let address = listener.local_addr();
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(&ca.file).unwrap();
    roots.add(rustls_pki_types::pem::PemObject::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect("rtd.test".try_into().unwrap(), stream).await.unwrap();
        stream.read(&mut [0; 64]).await.map_err(|error| Refusal::from_io(&error))
    });
    let refusal = refusal(next(&mut listener).await);
    assert_eq!(refusal.kind, RefusalKind::NoCertificate);
    assert_eq!(refusal.presented, None);
    assert_eq!(client.await.unwrap().unwrap_err().detail, "it asks for a certificate");
}

#[tokio::test]
async fn plain_tcp_into_the_tls_port_gets_nothing_back() {
    let Pair { rtd, pki: _pki, .. } = pair(KeyKind::P256);
    let mut listener = Listener::bind(ANY_PORT, Some(Arc::new(rtd.server().unwrap()))).await.unwrap();
    let address = listener.local_addr();
    let client = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(PING).await.unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await.map(|_| got)
    });
    assert_eq!(refusal(next(&mut listener).await).kind, RefusalKind::NotTls);
    assert!(client.await.unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn key_log_is_written_only_when_configured() {
    let Pair { mut rtd, ems, pki, .. } = pair(KeyKind::P256);
    let file = pki.path("keys.log");
    rtd.debug_keylog = Some(file.clone());
    let (incoming, reply) = attempt(&rtd, &ems).await;
    accepted(incoming);
    reply.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().any(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")), "{text}");
    assert!(text.lines().all(|line| line.split(' ').count() == 3), "{text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn only_the_suites_of_the_policy_are_spoken() {
    let Pair { mut rtd, mut ems, pki: _pki, .. } = pair(KeyKind::P256);
    let suite = |name: &str| vec![name.parse().unwrap()];
    rtd.cipher_suites = suite("TLS_AES_128_GCM_SHA256");
    ems.cipher_suites = suite("TLS_AES_128_GCM_SHA256");
    let (incoming, reply) = attempt(&rtd, &ems).await;
    accepted(incoming);
    assert_eq!(reply.unwrap(), PING);
    ems.cipher_suites = suite("TLS_AES_256_GCM_SHA384");
    let (incoming, _) = attempt(&rtd, &ems).await;
    assert_eq!(refusal(incoming).kind, RefusalKind::Incompatible);
    // A suite of TLS 1.2 alone leaves TLS 1.2 alone.
    rtd.cipher_suites = suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    ems.cipher_suites = Vec::new();
    let (incoming, _) = attempt(&rtd, &ems).await;
    assert_eq!(accepted(incoming).connection.protocol(), "TLS 1.2");
    rtd.min_version = TlsVersion::V1_3;
    let error = rtd.server().unwrap_err().to_string();
    assert!(error.starts_with("TLS set-up: "), "{error}");
}

#[tokio::test]
async fn revoked_certificates_are_refused_in_both_directions_and_versions() {
    let Pair { mut rtd, mut ems, pki, ca } = pair(KeyKind::P256);
    let gone = pki.leaf(&ca, &Leaf { san: Some("ems.test"), ..Leaf::new("gone") });
    let lost = pki.leaf(&ca, &Leaf { san: Some("rtd.test"), ..Leaf::new("lost") });
    let list = pki.crl(&ca, "ca.crl", &[&gone, &lost], 2099);
    rtd.crls = vec![list.clone()];
    ems.crls = vec![list];
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        ems.max_version = version;
        let (incoming, reply) = attempt(&rtd, &ems).await;
        accepted(incoming);
        assert_eq!(reply.unwrap(), PING);

        let mut revoked = policy(&gone, &ca, &["name:rtd.test"]);
        revoked.max_version = version;
        let (incoming, reply) = attempt(&rtd, &revoked).await;
        assert_eq!(refusal(incoming).kind, RefusalKind::Revoked);
        assert_eq!(reply.unwrap_err().detail, "it says our certificate was revoked");

        let (_, reply) = attempt(&policy(&lost, &ca, &["name:ems.test"]), &ems).await;
        assert_eq!(reply.unwrap_err().kind, RefusalKind::Revoked);
    }
}

#[tokio::test]
async fn with_revocation_lists_the_status_of_every_peer_must_be_known() {
    let Pair { mut rtd, ems, pki, .. } = pair(KeyKind::P256);
    let other = pki.ca("other", KeyKind::P256);
    rtd.crls = vec![pki.crl(&other, "other.crl", &[], 2099)];
    let (incoming, _) = attempt(&rtd, &ems).await;
    assert_eq!(refusal(incoming).kind, RefusalKind::RevocationUnknown);
}
