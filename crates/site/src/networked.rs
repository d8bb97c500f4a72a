//! Devices that are reached through something of a network's own: a broker of messages, a server of nodes.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ieee1815_tokio::TlsPolicy;

/// A user's name, and where the password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: Arc<str>,
    /// The file that holds the password alone; read at each connection.
    pub password_file: Option<PathBuf>,
}

/// What a Sparkplug B node, or a device behind it, is listened to with.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparkplug {
    /// Where the broker listens.
    pub address: SocketAddr,
    /// Mutual TLS, with the broker that it admits; `None` without.
    pub tls: Option<TlsPolicy>,
    /// Whom the broker knows us as; `None`: as nobody.
    pub login: Option<Login>,
    /// What this connection is called at the broker; no two are called alike.
    pub client_id: Arc<str>,
    /// The group of edge nodes.
    pub group: Arc<str>,
    /// The edge node.
    pub node: Arc<str>,
    /// The device behind it; `None`: the node itself.
    pub device: Option<Arc<str>>,
    /// What makes a value young.
    pub alive: Alive,
    /// Names of the metrics that are read; [`Place::Metric`](crate::Place::Metric) counts in them.
    pub metrics: Vec<Arc<str>>,
}

impl Sparkplug {
    /// How often an idle broker is asked whether it is there: MQTT counts in whole seconds, a poll does not.
    #[must_use]
    pub fn keep_alive(poll: std::time::Duration) -> u16 {
        let seconds = poll.as_millis().div_ceil(1_000).max(1);
        u16::try_from(seconds).unwrap_or(u16::MAX)
    }
}

/// `127.0.0.1:1883, spBv1.0 Plant/Gateway/Inverter`.
impl fmt::Display for Sparkplug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, spBv1.0 {}/{}", self.address, self.group, self.node)?;
        self.device.iter().try_for_each(|device| write!(f, "/{device}"))
    }
}

/// What makes a value of a source young that reports changes alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alive {
    /// A message that carries it, and nothing else.
    #[default]
    Message,
    /// Every answer of the broker too, while the node is on line: what did not change is then as good as told again.
    Session,
}

/// What an OPC UA server is read with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpcUa {
    /// Its address, `opc.tcp://...`.
    pub endpoint: Arc<str>,
    /// What is done to the messages.
    pub security: Security,
    /// Where the certificates are: `own/cert.der`, `private/private.pem` and the folder `trusted`; `None` only where
    /// nothing is done to the messages.
    pub pki: Option<PathBuf>,
    /// Whom the server knows us as; `None`: as nobody.
    pub login: Option<Login>,
    /// The nodes that are read, as text; [`Place::Node`](crate::Place::Node) counts in them.
    pub nodes: Vec<Arc<str>>,
}

impl fmt::Display for OpcUa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, security {}", self.endpoint, self.security.text())
    }
}

/// What is done to the messages of OPC UA, all with the policy Basic256Sha256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// Nothing: anybody on the way can read and change them.
    None,
    /// They are signed.
    Sign,
    /// They are signed and encrypted.
    SignAndEncrypt,
}

impl Security {
    /// As files write it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sign => "sign",
            Self::SignAndEncrypt => "sign-and-encrypt",
        }
    }
}
