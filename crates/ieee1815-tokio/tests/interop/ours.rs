//! Our outstations: the examples `outstation` and `dut`, and how a test makes them measure something.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::peer::Peer;
use crate::pki::{OURS, Pki, THEIRS};
use crate::row::Check;

/// What a device measures anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Binary,
    Double,
    Counter,
    Analog,
    Text,
}

/// An event that has to come: its group, and where they are known, its index and value.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) group: u64,
    pub(crate) at: Option<(u64, Value)>,
}

impl Due {
    pub(crate) fn is(&self, point: &Value) -> bool {
        let same = |a: &Value, b: &Value| a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a));
        point["group"] == self.group
            && self
                .at
                .as_ref()
                .is_none_or(|(index, value)| point["index"] == *index && same(&point["value"], value))
    }
}

/// Events of a flood, and of the device under test: counters and analogs.
const FLOOD: usize = 300;
const FLOOD_OF_DUT: [usize; 2] = [200, 198];

pub(crate) struct Ours {
    program: Peer,
    pub(crate) address: SocketAddr,
    /// The device under test, with the database of the recordings, in place of the plain example.
    pub(crate) dut: bool,
    /// Link addresses of outstation and master.
    pub(crate) addresses: [u16; 2],
    /// Values differ from turn to turn.
    turn: u32,
}

/// An example that was built along with the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "needs cargo build -p ieee1815-tokio --examples");
    path
}

impl Ours {
    pub(crate) fn outstation(basic: bool, tls: Option<(&Pki, &Path)>) -> Self {
        let mut command = Command::new(example("outstation"));
        if basic {
            command.arg("--basic");
        }
        command.arg("127.0.0.1:0");
        if let Some((pki, keys)) = tls {
            command.arg(&pki.ca).args(&pki.ours).arg(THEIRS).env("SSLKEYLOGFILE", keys);
        }
        let program = Peer::start(command);
        let port = program.until("listening").unwrap().last().unwrap()["port"].as_u64().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap()));
        Self { program, address, dut: false, addresses: [10, 1], turn: 0 }
    }

    pub(crate) fn dut() -> Self {
        let mut command = Command::new(example("dut"));
        command.args(["--listen", "127.0.0.1:0"]);
        let program = Peer::start(command);
        let heard = program.hear(|line| line["listening"].is_string()).unwrap();
        let address = heard.last().unwrap()["listening"].as_str().unwrap().parse().unwrap();
        Self { program, address, dut: true, addresses: [1024, 1], turn: 0 }
    }

    /// An act at the bench of the device under test.
    pub(crate) fn act(&mut self, act: &str, arg: Option<&str>) -> Check<Vec<Value>> {
        self.program.say(&json!({ "act": act, "arg": arg }).to_string());
        self.program.hear(|line| line["act"] == act)
    }

    fn measure(&mut self, line: &str) -> Check<Vec<Value>> {
        self.program.say(line);
        self.program.hear(|told| told["line"] == line)
    }

    /// Measures something that was not so before.
    pub(crate) fn stir(&mut self, what: What) -> Check<Due> {
        self.turn += 1;
        let (turn, index) = (self.turn, self.turn % 4);
        let (group, kind, value, text) = match what {
            What::Binary => {
                let state = turn / 4 % 2 == 0;
                (2, "binary_input", json!(state), state.to_string())
            }
            What::Double => {
                let state = ["on", "off", "between", "on"][usize::try_from(turn % 3).unwrap()];
                (4, "double_bit_input", json!(state), state.to_owned())
            }
            What::Counter => (22, "counter", json!(turn + 1000), (turn + 1000).to_string()),
            What::Analog => {
                let value = f64::from(turn) + 0.5;
                (32, "analog_input", json!(value), value.to_string())
            }
            What::Text => {
                let text = format!("text {turn}");
                (111, "octet_string", json!(text.clone()), text)
            }
        };
        if self.dut {
            let (act, arg) = match what {
                What::Binary => ("binary-input-events", Some("single")),
                What::Double => ("double-bit-input-events", None),
                What::Counter => ("counter-events", None),
                What::Analog | What::Text => ("analog-input-events", None),
            };
            self.act(act, arg)?;
            return Ok(Due { group, at: None });
        }
        // Set to something else first: only a change is an event.
        if matches!(what, What::Binary | What::Double) {
            let other = if what == What::Binary {
                (!value.as_bool().unwrap_or_default()).to_string()
            } else {
                "wrong".to_owned()
            };
            self.measure(&format!("{kind} {index} {other}"))?;
        }
        self.measure(&format!("{kind} {index} {text}"))?;
        Ok(Due { group, at: Some((index.into(), value)) })
    }

    /// Measures more than a fragment of 2,048 octets holds as events: how many events that makes.
    pub(crate) fn flood(&mut self) -> Check<usize> {
        if self.dut {
            // After a read of classes its bench fills the buffer of counters; then there are three at a time.
            self.act("counter-events", None)?;
            for _ in 0..FLOOD_OF_DUT[1] / 3 {
                self.act("analog-input-events", None)?;
            }
            return Ok(FLOOD_OF_DUT.iter().sum());
        }
        for value in 0..FLOOD {
            self.measure(&format!("analog_input 1 {}", 10_000 + value))?;
        }
        Ok(FLOOD)
    }

    /// Makes it ask for the time.
    pub(crate) fn need_time(&mut self) -> Check<Vec<Value>> {
        if self.dut { self.act("power-cycle", None) } else { self.measure("need_time") }
    }

    pub(crate) fn hear(&self, wanted: impl Fn(&Value) -> bool) -> Check<Vec<Value>> {
        self.program.hear(wanted)
    }

    /// Over what its master came, once it has.
    pub(crate) fn protocol(&self) -> String {
        let said = self.until("up").unwrap_or_default();
        let why = said.last().and_then(|up| up["why"].as_str()).unwrap_or("TCP");
        why.rsplit(" over ").next().unwrap_or_default().to_owned()
    }

    /// What it says up to an event of its own, where it tells such events.
    pub(crate) fn until(&self, event: &str) -> Check<Vec<Value>> {
        if self.dut { Ok(Vec::new()) } else { self.program.until(event) }
    }
}

#[test]
fn the_examples_talk_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path(), false);
    let keys = folder.path().join("keys.log");
    for tls in [None, Some((&pki, keys.as_path()))] {
        let mut ours = Ours::outstation(false, tls);
        let mut command = Command::new(example("master"));
        command.arg(ours.address.to_string());
        if tls.is_some() {
            command.arg(&pki.ca).args(&pki.theirs).arg(OURS);
        }
        let master = Peer::start(command);
        let says =
            |words: &'static str| move |line: &Value| line.as_str().is_some_and(|line| line.contains(words));
        master.hear(says("StartUpDone")).unwrap();
        ours.stir(What::Analog).unwrap();
        master.hear(says("unsolicited: true")).unwrap();
    }
}
