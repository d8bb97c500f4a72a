//! The front end's file, checked.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use config::{Problems, Source, Spanned};
use ieee1815_tokio::{
    FrontConfig, FrontMaster, Inside, PeerIdentity, SerialConfig, TlsError, TlsPolicy, TlsSection,
};
use serde::Deserialize;

/// Times are told in seconds, up to a day.
const DAY_S: u64 = 86_400;

/// What a file says.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) front: FrontConfig,
    pub(super) policy: TlsPolicy,
    pub(super) masters: Vec<FrontMaster>,
    source: Source,
    /// The files of `[tls]` in the order in which they are read, and where each is named.
    files: Vec<(PathBuf, &'static str, Range<usize>)>,
}

/// Where the files of `[tls]` are named; the section itself is checked elsewhere.
#[derive(Debug, Deserialize)]
struct Named {
    tls: NamedFiles,
}

#[derive(Debug, Deserialize)]
struct NamedFiles {
    certificate: Spanned<PathBuf>,
    key: Spanned<PathBuf>,
    trust_anchors: Vec<Spanned<PathBuf>>,
    #[serde(default)]
    crls: Vec<Spanned<PathBuf>>,
}

impl NamedFiles {
    fn places(&self, source: &Source) -> Vec<(PathBuf, &'static str, Range<usize>)> {
        let single = [("tls.certificate", &self.certificate), ("tls.key", &self.key)];
        let anchors = self.trust_anchors.iter().map(|path| ("tls.trust_anchors", path));
        let lists = self.crls.iter().map(|path| ("tls.crls", path));
        let named = single.into_iter().chain(anchors).chain(lists);
        named.map(|(field, path)| (source.resolve(path.get_ref()), field, path.span())).collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    front: RawFront,
    serial: Option<RawSerial>,
    tls: TlsSection,
    #[serde(default)]
    master: Vec<RawMaster>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFront {
    listen: Spanned<String>,
    device: Option<Spanned<String>>,
    connect_timeout_s: Option<Spanned<u64>>,
    write_timeout_s: Option<Spanned<u64>>,
    idle_s: Option<Spanned<u64>>,
    keep_alive_s: Option<Spanned<u64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSerial {
    path: PathBuf,
    baud: Option<Spanned<u32>>,
    parity: Option<Spanned<String>>,
    stop_bits: Option<Spanned<u8>>,
    #[serde(default)]
    rts_cts: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMaster {
    name: Spanned<String>,
    admit: Spanned<Vec<Spanned<String>>>,
}

impl Config {
    /// Reads and checks a file. Relative paths in it start at its own folder.
    pub(super) fn read(file: &Path) -> Result<Self, Problems> {
        Self::from_source(&Source::read(file)?)
    }

    pub(super) fn from_source(source: &Source) -> Result<Self, Problems> {
        let raw: Raw = source.parse()?;
        let mut check = Check { source, problems: Problems::default() };
        let inside = check.inside(&raw);
        let listen = check.listen(&raw.front.listen);
        let mut front = FrontConfig::new(listen, inside);
        let seconds = |check: &mut Check<'_>, field, value: &Option<Spanned<u64>>| {
            value.as_ref().map(|value| check.seconds(field, value))
        };
        let connect = seconds(&mut check, "front.connect_timeout_s", &raw.front.connect_timeout_s);
        front.connect_timeout = connect.unwrap_or(front.connect_timeout);
        let write = seconds(&mut check, "front.write_timeout_s", &raw.front.write_timeout_s);
        front.write_timeout = write.unwrap_or(front.write_timeout);
        front.idle_timeout = seconds(&mut check, "front.idle_s", &raw.front.idle_s);
        let alive = seconds(&mut check, "front.keep_alive_s", &raw.front.keep_alive_s);
        front.keep_alive = alive.or(front.keep_alive);
        let (policy, problems) = raw.tls.check(|path| source.resolve(path));
        for problem in problems {
            check.problem(problem.span, problem.field, problem.message);
        }
        let masters = check.masters(&raw.master);
        let files = source.parse::<Named>()?.tls.places(source);
        check.problems.into_result(Self { front, policy, masters, source: source.clone(), files })
    }

    /// What is wrong with the files of `[tls]`, at the place that names the file.
    pub(super) fn unusable(&self, error: &TlsError) -> Problems {
        let file = match error {
            TlsError::Unreadable { file, .. }
            | TlsError::NotPem { file, .. }
            | TlsError::BadCertificate { file, .. }
            | TlsError::BadCrl { file, .. }
            | TlsError::BadKey { file, .. } => Some(file),
            TlsError::KeyMismatch { key, .. } => Some(key),
            _ => None,
        };
        // What is named twice was fine where it was read first.
        let place = self.files.iter().rev().find(|(named, ..)| Some(named) == file);
        let message = error.to_string();
        match place {
            Some((_, field, span)) => self.source.problem(span.clone(), *field, message).into(),
            None => self.source.whole("tls", message).into(),
        }
    }
}

struct Check<'a> {
    source: &'a Source,
    problems: Problems,
}

impl Check<'_> {
    fn problem(&mut self, at: Range<usize>, field: impl Into<String>, message: impl Into<String>) {
        self.problems.add(self.source.problem(at, field, message));
    }

    fn listen(&mut self, listen: &Spanned<String>) -> SocketAddr {
        listen.get_ref().parse().unwrap_or_else(|_| {
            let message = format!(
                "`{}`, must be an IP address and a port such as `0.0.0.0:19999` or `[::]:19999`",
                listen.get_ref()
            );
            self.problem(listen.span(), "front.listen", message);
            SocketAddr::from(([0, 0, 0, 0], 0))
        })
    }

    fn inside(&mut self, raw: &Raw) -> Inside {
        match (&raw.front.device, &raw.serial) {
            (Some(device), None) => {
                let fine = device.get_ref().rsplit_once(':').is_some_and(|(host, port)| {
                    !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
                });
                if !fine {
                    let message =
                        format!("`{}`, must be `host:port` such as `192.168.1.20:20000`", device.get_ref());
                    self.problem(device.span(), "front.device", message);
                }
                Inside::Tcp(device.get_ref().clone())
            }
            (None, Some(serial)) => Inside::Serial(self.serial(serial)),
            (Some(device), Some(_)) => {
                let message = "the device is either here or on a line in [serial], not both";
                self.problem(device.span(), "front.device", message);
                Inside::Tcp(String::new())
            }
            (None, None) => {
                let message = "needs the device's `host:port`, or a section [serial]";
                self.problems.add(self.source.whole("front.device", message));
                Inside::Tcp(String::new())
            }
        }
    }

    fn serial(&mut self, raw: &RawSerial) -> SerialConfig {
        // A path of the machine, not of the folder.
        let mut serial = SerialConfig::new(&raw.path);
        if let Some(baud) = &raw.baud {
            if *baud.get_ref() == 0 {
                self.problem(baud.span(), "serial.baud", "0, must be 1 or more");
            }
            serial.baud = *baud.get_ref();
        }
        if let Some(parity) = &raw.parity {
            serial.parity = self.parse("serial.parity", parity.span(), parity.get_ref()).unwrap_or_default();
        }
        if let Some(bits) = &raw.stop_bits {
            let text = bits.get_ref().to_string();
            serial.stop_bits = self.parse("serial.stop_bits", bits.span(), &text).unwrap_or_default();
        }
        serial.rts_cts = raw.rts_cts;
        serial
    }

    fn parse<T: FromStr<Err: ToString>>(&mut self, field: &str, at: Range<usize>, text: &str) -> Option<T> {
        text.parse().map_err(|error: T::Err| self.problem(at, field, error.to_string())).ok()
    }

    fn seconds(&mut self, field: &str, value: &Spanned<u64>) -> Duration {
        let seconds = *value.get_ref();
        if !(1..=DAY_S).contains(&seconds) {
            self.problem(value.span(), field, format!("{seconds} s, allowed: 1 to {DAY_S}"));
        }
        Duration::from_secs(seconds)
    }

    fn masters(&mut self, raw: &[RawMaster]) -> Vec<FrontMaster> {
        if raw.is_empty() {
            self.problems.add(self.source.whole("master", "at least one [[master]] is needed"));
        }
        let mut names = BTreeSet::new();
        let mut identities: Vec<(PeerIdentity, &str)> = Vec::new();
        let mut masters = Vec::new();
        for (at, raw) in raw.iter().enumerate() {
            let name = raw.name.get_ref().as_str();
            if name.is_empty() || !names.insert(name) {
                let message = if name.is_empty() {
                    "must not be empty".to_owned()
                } else {
                    format!("`{name}` is another master's name")
                };
                self.problem(raw.name.span(), format!("master[{at}].name"), message);
            }
            let field = format!("master[{at}].admit");
            if raw.admit.get_ref().is_empty() {
                self.problem(
                    raw.admit.span(),
                    &field,
                    "at least one identity is needed, such as \"name:iso.example\"",
                );
            }
            let mut admit = Vec::new();
            for text in raw.admit.get_ref() {
                let Some(identity) = self.parse::<PeerIdentity>(&field, text.span(), text.get_ref()) else {
                    continue;
                };
                if let Some((_, other)) = identities.iter().find(|(known, _)| *known == identity) {
                    let message = format!("`{identity}` is already admitted as master `{other}`");
                    self.problem(text.span(), &field, message);
                }
                identities.push((identity.clone(), name));
                admit.push(identity);
            }
            masters.push(FrontMaster { name: name.into(), admit });
        }
        masters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[front]\nlisten = \"127.0.0.1:0\"\ndevice = \"rtu:20000\"\n\
        [tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\ntrust_anchors = [\"a.pem\"]\n\
        [[master]]\nname = \"iso\"\nadmit = [\"name:iso.example\"]\n";

    fn refusal(from: &str, to: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        for file in ["a.pem", "a.key"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        assert!(TEXT.contains(from), "{from}");
        let source = Source::from_text(folder.path().join("front.toml"), TEXT.replacen(from, to, 1));
        let told =
            Config::from_source(&source).map(drop).map_err(|problems| problems.to_string()).unwrap_err();
        told.replace(folder.path().to_str().unwrap(), "").replace("/front.toml", "front.toml")
    }

    #[test]
    fn errors_name_their_place_and_what_is_allowed() {
        for (from, to, told) in [
            (
                "127.0.0.1:0",
                "localhost",
                "front.toml:2:10: front.listen: `localhost`, must be an IP address and a port such as \
                 `0.0.0.0:19999` or `[::]:19999`",
            ),
            (
                "rtu:20000",
                "rtu",
                "front.toml:3:10: front.device: `rtu`, must be `host:port` such as `192.168.1.20:20000`",
            ),
            (
                "device = \"rtu:20000\"\n",
                "",
                "front.toml: front.device: needs the device's `host:port`, or a section [serial]",
            ),
            (
                "device = \"rtu:20000\"\n",
                "[serial]\npath = \"/dev/ttyS0\"\nparity = \"mark\"\nstop_bits = 3\n",
                "front.toml:5:10: serial.parity: `mark` is no parity, allowed: none, odd, even\n\
                 front.toml:6:13: serial.stop_bits: `3` is no number of stop bits, allowed: 1, 2",
            ),
            ("[tls]", "idle_s = 0\n[tls]", "front.toml:4:10: front.idle_s: 0 s, allowed: 1 to 86400"),
            (
                "a.key",
                "b.key",
                "front.toml:6:7: tls.key: /b.key cannot be read: No such file or directory (os error 2)",
            ),
            (
                "[\"name:iso.example\"]",
                "[]",
                "front.toml:10:9: master[0].admit: at least one identity is needed, such as \"name:iso.example\"",
            ),
            (
                "name:",
                "nam:",
                "front.toml:10:10: master[0].admit: a peer is written \"name:...\" or \"sha256:...\", not \"nam:iso.example\"",
            ),
            (
                "[[master]]",
                "[[masters]]",
                "front.toml:8:3: unknown field `masters`, expected one of `front`, `serial`, `tls`, `master`",
            ),
        ] {
            assert_eq!(refusal(from, to), told);
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_told_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let pairs: Vec<_> =
            ["a", "b"].map(|name| rcgen::generate_simple_self_signed([name.to_owned()])).into();
        let [a, b] = pairs.as_slice() else { panic!() };
        let (a, b) = (a.as_ref().unwrap(), b.as_ref().unwrap());
        write("a.pem", &a.cert.pem());
        write("a.key", &a.signing_key.serialize_pem());
        write("b.key", &b.signing_key.serialize_pem());
        let told = |from: &str, to: &str| {
            let source = Source::from_text(folder.path().join("front.toml"), TEXT.replacen(from, to, 1));
            let config = Config::from_source(&source).unwrap();
            let error = config.policy.server().map(drop).unwrap_err();
            let told = config.unusable(&error).to_string();
            told.replace(folder.path().to_str().unwrap(), "").replace("/front.toml", "front.toml")
        };
        let mismatch = told("a.key", "b.key");
        assert!(
            mismatch.starts_with("front.toml:6:7: tls.key: /b.key: this key does not belong"),
            "{mismatch}"
        );
        let anchor = told("[\"a.pem\"]", "[\"a.key\"]");
        assert!(anchor.starts_with("front.toml:7:18: tls.trust_anchors: /a.key: "), "{anchor}");
    }
}
