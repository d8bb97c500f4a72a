//! What the device tells, its journal and its log, with a cap on what any peer can make it say.
//!
//! A refused command and a refused connection are worth a line each, until somebody sends them in a loop: the disk
//! is a resource, too, and the one line that matters is lost among a million. So only the first of a minute are
//! told, and at the minute's end how many more there were. Accepted commands are never left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ieee1815::CommandStatus;
use telemetry::clock::Mono;
use telemetry::{Journal, Now, PointId};

use crate::core::Record;
use crate::history::History;
use crate::observe::Tally;

/// How long a cap holds from its first line on.
const CAP_PERIOD: Duration = Duration::from_secs(60);
/// Lines in this time. Two requests that fill a fragment with commands are still told in full.
const CAP_LINES: u64 = 32;

/// The lines of one kind.
#[derive(Debug, Default)]
struct Cap {
    /// When the first line was told; `None` while there was none.
    begun: Option<Mono>,
    told: u64,
    more: u64,
}

impl Cap {
    /// Whether one more is told.
    fn take(&mut self, now: Mono) -> bool {
        self.begun.get_or_insert(now);
        let tell = self.told < CAP_LINES;
        if tell {
            self.told += 1;
        } else {
            self.more += 1;
        }
        tell
    }

    fn due(&self) -> Option<Mono> {
        self.begun.map(|begun| begun.plus(CAP_PERIOD))
    }

    /// Begins anew where the time is over; how many were not told.
    fn end(&mut self, now: Option<Mono>) -> u64 {
        let over = self.due().is_some_and(|due| now.is_none_or(|now| now >= due));
        if over { std::mem::take(self).more } else { 0 }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Teller {
    journal: Journal,
    /// Where the site keeps one.
    pub(crate) history: Option<History>,
    pub(crate) tally: Tally,
    connections: Cap,
    /// By master: their number is the configuration's.
    commands: BTreeMap<Arc<str>, Cap>,
}

impl Teller {
    pub(crate) fn new(journal: Journal, history: Option<History>) -> Self {
        Self {
            journal,
            history,
            tally: Tally::default(),
            connections: Cap::default(),
            commands: BTreeMap::new(),
        }
    }

    pub(crate) fn tell(&mut self, record: &Record, now: Now) {
        self.tell_due(now);
        self.tally.take(record);
        let told = match record {
            Record::Command { master, status, .. } if *status != CommandStatus::Success.to_string() => {
                self.commands.entry(Arc::clone(master)).or_default().take(now.mono)
            }
            Record::Session { state: "refused", .. } => self.connections.take(now.mono),
            _ => true,
        };
        if told {
            self.put(record, now);
        }
    }

    fn put(&mut self, record: &Record, now: Now) {
        log(record);
        self.journal.record(record);
        if let Some(history) = &mut self.history {
            history.record(record, now);
        }
    }

    /// What the history keeps, and how long, by another site.
    pub(crate) fn reconfigure(&mut self, site: &site::Site) {
        if let Some(history) = &mut self.history {
            history.reconfigure(site);
        }
    }

    /// So many connections were refused besides, of which nothing is known any more.
    pub(crate) fn refused_besides(&mut self, connections: u64) {
        self.connections.more += connections;
        self.tally.refused += connections;
    }

    /// When there is something to tell that nobody asks for.
    pub(crate) fn due(&self) -> Option<Mono> {
        self.commands.values().chain([&self.connections]).filter_map(Cap::due).min()
    }

    /// Tells how many more there were in the minutes that are over.
    pub(crate) fn tell_due(&mut self, now: Now) {
        self.end(Some(now.mono), now);
    }

    /// Tells how many more there were, all minutes being over.
    pub(crate) fn finish(&mut self, now: Now) {
        self.end(None, now);
    }

    fn end(&mut self, over_at: Option<Mono>, now: Now) {
        let time = now.wall;
        let more = self.connections.end(over_at);
        let mut records = vec![Record::More { time, of: "session", state: "refused", master: None, more }];
        for (master, cap) in &mut self.commands {
            let (master, more) = (Some(Arc::clone(master)), cap.end(over_at));
            records.push(Record::More { time, of: "command", state: "refused", master, more });
        }
        for record in records.iter().filter(|record| !matches!(record, Record::More { more: 0, .. })) {
            self.put(record, now);
        }
    }
}

fn log(record: &Record) {
    match record {
        Record::Device { device, state, why, .. } => tracing::info!(%device, state, why, "device"),
        Record::Session { state: "refused", peer, address, why, .. } => {
            tracing::warn!(peer, address, why, "master refused");
        }
        Record::Session { state, master, peer, address, why, .. } => {
            let master = master.as_deref();
            tracing::info!(state, master, peer, address, why, "session");
        }
        Record::Command { master, index, value, mode, status, effect, why, .. } => {
            tracing::info!(%master, index, value, mode, status, effect, why, "command");
        }
        Record::Authority { point, owner, master, why, .. } => {
            tracing::info!(%point, owner, master = master.as_deref(), why, "authority");
        }
        Record::Configuration { state: "applied", by, file, changes, .. } => {
            tracing::info!(by, file = %file.display(), changes = changes.len(), "another configuration");
        }
        Record::Configuration { by, file, why, .. } => {
            tracing::warn!(by, file = %file.display(), why, "the configuration stays as it is");
        }
        Record::History { state: "working", dropped, .. } => {
            tracing::warn!(dropped, "the history is written again");
        }
        Record::History { state, why, .. } => {
            tracing::error!(state, why, "the history is not written; what comes is kept in memory");
        }
        Record::Alarm { state: "raised", point, kind, text, .. } => {
            tracing::warn!(point = point.as_ref().map(PointId::as_str), kind, text, "alarm");
        }
        Record::Alarm { state, point, kind, text, .. } => {
            tracing::info!(state, point = point.as_ref().map(PointId::as_str), kind, text, "alarm");
        }
        Record::Hand { point, state, value, who, why, .. } => {
            let value = value.map(tracing::field::display);
            tracing::warn!(%point, state, value, %who, %why, "by hand");
        }
        Record::More { of, state, master, more, .. } => {
            let master = master.as_deref();
            tracing::warn!(of, state, master, more, "more like these, not told one by one");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use telemetry::journal::JournalReader;

    fn command(master: &str, status: CommandStatus) -> Record {
        Record::Command {
            time: Now::virtual_millis(0).wall,
            master: master.into(),
            point: None,
            index: 1,
            value: Some(1.0),
            mode: "select",
            status: status.to_string(),
            peer: "".into(),
            effect: "none",
            why: String::new(),
        }
    }

    fn refused() -> Record {
        let (peer, address, why) = (String::new(), "192.0.2.1:4000".to_owned(), "no TLS".to_owned());
        Record::Session {
            time: Now::virtual_millis(0).wall,
            state: "refused",
            master: None,
            peer,
            address,
            why,
        }
    }

    fn told(reader: &JournalReader) -> Vec<Value> {
        std::iter::from_fn(|| reader.next_within(Duration::ZERO).ok().flatten())
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect()
    }

    fn count(records: &[Value], event: &str) -> u64 {
        u64::try_from(records.iter().filter(|one| one["event"] == event).count()).unwrap()
    }

    #[test]
    fn refusals_beyond_the_cap_are_counted_and_the_count_is_told() {
        let (journal, reader) = Journal::new();
        let mut teller = Teller::new(journal, None);
        for millis in 0..3_000 {
            teller.tell(&command("observer", CommandStatus::NotAuthorized), Now::virtual_millis(millis));
            teller.tell(&refused(), Now::virtual_millis(millis));
        }
        let records = told(&reader);
        assert_eq!((count(&records, "command"), count(&records, "session")), (CAP_LINES, CAP_LINES));
        assert_eq!(teller.due(), Some(Now::virtual_millis(60_000).mono));
        teller.tell_due(Now::virtual_millis(59_999));
        assert!(told(&reader).is_empty());
        teller.refused_besides(7);
        teller.tell_due(Now::virtual_millis(60_000));
        let records = told(&reader);
        assert_eq!(records.len(), 2);
        let (session, of_command) = (&records[0], &records[1]);
        assert_eq!((&session["of"], &session["more"]), (&"session".into(), &(3_000 - CAP_LINES + 7).into()));
        assert_eq!(
            of_command,
            &serde_json::json!({"event": "more", "time": "1970-01-01T00:01:00.000Z", "of": "command",
                "state": "refused", "master": "observer", "more": 2_968})
        );
        // The next minute begins with its own first.
        assert_eq!(teller.due(), None);
        teller.tell(&command("observer", CommandStatus::NotAuthorized), Now::virtual_millis(70_000));
        assert_eq!(count(&told(&reader), "command"), 1);
    }

    #[test]
    fn accepted_commands_and_other_masters_are_told_whatever_one_does() {
        let (journal, reader) = Journal::new();
        let mut teller = Teller::new(journal, None);
        let now = Now::virtual_millis(1);
        for _ in 0..1_000 {
            teller.tell(&command("observer", CommandStatus::NotAuthorized), now);
        }
        let _ = told(&reader);
        for _ in 0..100 {
            teller.tell(&command("ems", CommandStatus::Success), now);
        }
        teller.tell(&command("ems", CommandStatus::Blocked), now);
        assert_eq!(told(&reader).len(), 101);
        teller.finish(now);
        let records = told(&reader);
        assert_eq!((records.len(), &records[0]["more"]), (1, &(1_000 - CAP_LINES).into()));
    }
}
