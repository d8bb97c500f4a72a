//! py1815's master that breaks a rule on purpose, in 14 ways: nine judged by its own checks, the rest here. After each
//! the next good poll is answered.

use serde_json::{Value, json};

use crate::asked::points;
use crate::masters::{Ends, PY1815, start};
use crate::ours::What;
use crate::recorder::{CLIENT, SERVER};
use crate::row::{Check, Miss, Over, Row, require};
use crate::wire;

/// Its own checks: what is broken, and whether there have to be events for it.
const CHECKS: [(&str, &str, bool); 9] = [
    ("LINK-001", "header CRC: silence", false),
    ("LINK-002", "body CRC: silence", false),
    ("LINK-003", "truncated: silence", false),
    ("LINK-004", "length overstated: silence", false),
    ("TRANSPORT-001", "orphan segment: silence", false),
    ("TRANSPORT-002", "endless series: silence", false),
    ("CONFIRM-001", "no confirm: events kept", true),
    ("CONFIRM-002", "wrong confirm: events kept", true),
    ("CONFIRM-003", "late confirm: events kept", true),
];

impl Ends {
    fn check(&mut self, id: &str, events: bool) -> Check {
        if events {
            self.ours.stir(What::Analog)?;
            self.ours.stir(What::Binary)?;
        }
        self.ask(&json!({ "do": "check", "id": id })).map(drop)
    }

    fn deviate(&mut self, name: &Value) -> Check {
        self.ask(&json!({ "do": "deviate", "name": name })).map(drop)
    }

    /// Reads events while it deviates: how the read ended, and what came.
    fn broken(&mut self, name: &str) -> Check<Vec<Value>> {
        self.deviate(&json!(name))?;
        let heard = self.theirs.answer(&json!({ "do": "raw", "classes": [1, 2, 3] }))?;
        self.deviate(&Value::Null)?;
        Ok(heard)
    }

    fn good_poll(&mut self) -> Check {
        self.ask(&json!({ "do": "integrity" })).map(drop)
    }

    fn silent(&mut self, name: &str) -> Check {
        let heard = self.broken(name)?;
        require(heard.last().unwrap()["ended"] == "timeout", || format!("it was answered: {heard:?}"))?;
        self.good_poll()
    }

    /// A lone segment is first and last in one, so its sequence number has nothing to be out of order with.
    fn sequence(&mut self) -> Check {
        let heard = self.broken("break_transport_sequence")?;
        require(heard.last().unwrap()["ended"] == "complete", || format!("{heard:?}"))?;
        self.good_poll()
    }

    /// A control that is sent twice acts once.
    fn repeated(&mut self) -> Check {
        self.deviate(&json!("repeat_request"))?;
        let operate = json!({ "do": "operate", "type": "crob", "index": 1, "value": true, "mode": "direct" });
        let heard = self.theirs.answer(&operate)?;
        self.deviate(&Value::Null)?;
        require(heard.last().unwrap()["statuses"] == json!([0]), || format!("{heard:?}"))?;
        self.good_poll()?;
        // Up to another control, which marks the end, there is one.
        let mark = json!({ "do": "operate", "type": "crob", "index": 2, "value": true, "mode": "direct" });
        self.ask(&mark)?;
        let said = self.ours.hear(|line| line["event"] == "operate" && line["index"] == 2)?;
        let acted = said.iter().filter(|line| line["event"] == "operate" && line["index"] == 1).count();
        require(acted == 1, || format!("it acted {acted} times"))?;
        self.drain()
    }

    /// The events of an unsolicited response that is not confirmed are kept.
    fn unconfirmed(&mut self) -> Check {
        self.ask(&json!({ "do": "unsolicited", "enable": true }))?;
        self.deviate(&json!("withhold_unsolicited_confirmation"))?;
        let due = self.ours.stir(What::Binary)?;
        self.ask(&json!({ "do": "listen", "seconds": 20.0 }))?;
        self.ask(&json!({ "do": "unsolicited", "enable": false }))?;
        // A read is put off until the confirm has come or its time is over, and that is longer than this master
        // waits for an answer.
        let mut heard = self.theirs.answer(&json!({ "do": "raw", "classes": [1, 2, 3] }))?;
        for _ in 0..5 {
            if heard.last().unwrap()["ended"] == "complete" {
                break;
            }
            heard = self.theirs.answer(&json!({ "do": "raw", "classes": [1, 2, 3] }))?;
        }
        self.deviate(&Value::Null)?;
        require(points(&heard).any(|point| due.is(point)), || format!("not kept: {heard:?}"))?;
        self.drain()?;
        self.good_poll()
    }

    fn quiet(&mut self) -> Check {
        self.ask(&json!({ "do": "unsolicited", "enable": false })).map(drop)
    }
}

pub(crate) fn run(over: Over) {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut ends) = start(&PY1815, over, false, folder.path()) else { return };
    let mut row = Row::new("py1815", "rule breaker", over, "outstation");
    let ready = ends.theirs.until("ready").and_then(|_| over.check(&ends.ours.protocol()));
    row.cell("start-up", ready.and_then(|()| ends.quiet()));
    for (id, title, events) in CHECKS {
        let check = ends.check(id, events).and_then(|()| ends.good_poll());
        row.cell(title, check);
    }
    row.cell("silence: nothing comes, nothing goes", ends.silent("silence"));
    row.cell("another master's address: silence", ends.silent("second_master_address"));
    row.cell("transport sequence of a lone segment: answered", ends.sequence());
    row.cell("request repeated: acts once", ends.repeated());
    row.cell("no unsolicited confirm: events kept", ends.unconfirmed());
    let keys = folder.path().join("keys.log");
    let (capture, keys) = (folder.path().join("row.pcap"), over.is_tls().then_some(keys.as_path()));
    wire::judge(&mut row, &capture, keys, SERVER);
    // The judge is one: what the other side broke, it finds.
    let theirs = wire::check(&capture, keys, CLIENT);
    assert!(matches!(&theirs, Err(Miss::Failed(why)) if why.contains("CRC")), "{theirs:?}");
    row.finish();
}
