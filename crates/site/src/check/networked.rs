//! Devices that are reached over a broker or a server: who they are there, and whom we are known as.

use std::path::PathBuf;
use std::sync::Arc;

use config::Spanned;

use super::Check;
use crate::defaults::Purpose;
use crate::networked::{Login, OpcUa, Security, Sparkplug};
use crate::raw::RawDevice;

/// What an OPC UA address begins with.
const SCHEME: &str = "opc.tcp://";
/// What stands in a folder of certificates.
const OWN: [&str; 2] = ["own/cert.der", "private/private.pem"];

impl Check<'_> {
    pub(super) fn sparkplug_device(&mut self, at: usize, raw: &RawDevice) -> Option<Sparkplug> {
        let login = self.login(at, raw);
        let tls = self.device_tls(at, raw);
        let group = self.element(at, "group", raw.group.as_ref(), raw, "the group of its edge node");
        let node = self.element(at, "node", raw.node.as_ref(), raw, "its edge node");
        let device = raw.device.as_ref();
        let device = device.map(|device| self.element(at, "device", Some(device), raw, "the device"));
        if let Some(id) = &raw.client_id {
            self.line(&format!("device[{at}].client_id"), id);
        }
        let Some(address) = &raw.address else {
            let message = "missing field `address`: host and port of its MQTT broker";
            self.problem(raw.id.span(), format!("device[{at}]"), message);
            return None;
        };
        let named = |id: &Spanned<String>| id.get_ref().as_str().into();
        Some(Sparkplug {
            address: *address.get_ref(),
            tls,
            login,
            client_id: raw
                .client_id
                .as_ref()
                .map_or_else(|| format!("openrtd-{}", raw.id.get_ref()).into(), named),
            group: group?,
            node: node?,
            device: match device {
                Some(device) => Some(device?),
                None => None,
            },
            alive: raw.alive.as_ref().map(|alive| *alive.get_ref()).unwrap_or_default(),
            metrics: Vec::new(),
        })
    }

    /// A part of a topic; the signs that mean something in one cannot be in it.
    fn element(
        &mut self,
        at: usize,
        name: &str,
        text: Option<&Spanned<String>>,
        raw: &RawDevice,
        what: &str,
    ) -> Option<Arc<str>> {
        let Some(text) = text else {
            let message = format!("missing field `{name}`: {what}");
            self.problem(raw.id.span(), format!("device[{at}]"), message);
            return None;
        };
        let element = text.get_ref();
        if element.is_empty()
            || element.chars().any(|sign| matches!(sign, '/' | '+' | '#') || sign.is_control())
        {
            let message = format!("`{element}`, must be a part of a topic: not empty, without /, + and #");
            self.problem(text.span(), format!("device[{at}].{name}"), message);
            return None;
        }
        Some(element.as_str().into())
    }

    fn login(&mut self, at: usize, raw: &RawDevice) -> Option<Login> {
        let field = format!("device[{at}].password_file");
        let password_file = raw.password_file.as_ref().map(|file| self.file_of(&field, file));
        match (&raw.user, &raw.password_file) {
            (Some(user), _) => {
                self.line(&format!("device[{at}].user"), user);
                Some(Login { user: user.get_ref().as_str().into(), password_file })
            }
            (None, Some(file)) => {
                self.problem(file.span(), field, "has no meaning without `user`: leave it out");
                None
            }
            (None, None) => None,
        }
    }

    /// A file that must be there where the site is read to be run.
    fn file_of(&mut self, field: &str, file: &Spanned<PathBuf>) -> PathBuf {
        let (path, problem) = self.source.resolve_file(field, file);
        let problem = problem.filter(|_| self.purpose == Purpose::Run);
        problem.into_iter().for_each(|problem| self.problems.add(problem));
        path
    }

    pub(super) fn opcua_device(&mut self, at: usize, raw: &RawDevice) -> Option<OpcUa> {
        let field = |name: &str| format!("device[{at}].{name}");
        let login = self.login(at, raw);
        if let Some(endpoint) = &raw.endpoint {
            let text = endpoint.get_ref();
            let host = text.strip_prefix(SCHEME).unwrap_or_default();
            if host.is_empty() || text.chars().any(|sign| sign.is_whitespace() || sign.is_control()) {
                let message = format!("`{text}`, must be an address such as {SCHEME}10.0.0.7:4840/path");
                self.problem(endpoint.span(), field("endpoint"), message);
            }
        }
        let (Some(endpoint), Some(security)) = (&raw.endpoint, &raw.security) else {
            let missing = match raw.endpoint {
                None => format!("missing field `endpoint`: the address of its server, {SCHEME}..."),
                Some(_) => "missing field `security`, allowed: none, sign, sign-and-encrypt".to_owned(),
            };
            self.problem(raw.id.span(), format!("device[{at}]"), missing);
            return None;
        };
        let pki = match (security.get_ref(), &raw.pki) {
            (Security::None, Some(pki)) => {
                self.problem(pki.span(), field("pki"), "has no meaning with `security = \"none\"`");
                None
            }
            (Security::None, None) => None,
            (_, Some(pki)) => {
                let path = self.source.resolve(pki.get_ref());
                for file in OWN.iter().filter(|file| !path.join(file).is_file()) {
                    if self.purpose == Purpose::Run {
                        let message = format!("{} has no {file}", path.display());
                        self.problem(pki.span(), field("pki"), message);
                    }
                }
                Some(path)
            }
            (security, None) => {
                let message = format!(
                    "missing field `pki`: security = \"{}\" needs the folder of certificates",
                    security.text()
                );
                self.problem(raw.id.span(), format!("device[{at}]"), message);
                None
            }
        };
        let endpoint = endpoint.get_ref().as_str().into();
        Some(OpcUa { endpoint, security: *security.get_ref(), pki, login, nodes: Vec::new() })
    }
}
