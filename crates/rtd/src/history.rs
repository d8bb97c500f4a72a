//! What the device records goes into its history, too: values past their deadband, and everything that happened.
//!
//! A tap as the journal is: it never waits, and what it cannot take is counted.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use historian::{Entry, Event, EventKind, Health, HistoryError, Mark, PointInfo, Reader, Settings, State};
use historian::{Store, Tap, Writer};
use publisher::{Notice, Publisher, Source};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use site::Site;
use telemetry::{Now, PointId, ReasonKind, Reasons, Value, WallTrust};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::capture;
use crate::core::{PointRecord, Record};

/// How long the last entries may take to be written at the end; the program promises to end soon.
const END_PATIENCE: Duration = Duration::from_millis(1_200);

/// See the module.
#[derive(Debug)]
pub(crate) struct History {
    tap: Tap,
    writer: Writer,
    /// In the point's unit; of the points that have one.
    deadbands: HashMap<PointId, f64>,
    /// What was recorded last of each point.
    last: HashMap<PointId, (Option<Value>, Reasons)>,
    path: PathBuf,
    /// How far each place that it is sent on to has come.
    marks: Vec<Mark>,
    /// Changes with each commit.
    news: watch::Receiver<()>,
}

impl History {
    /// Opens the site's store, where it has one. `changed` is told when the store stops writing or writes again.
    pub(crate) fn open(
        site: &Site,
        now: Now,
        changed: mpsc::Sender<Health>,
    ) -> Result<Option<Self>, HistoryError> {
        let Some(history) = &site.history else { return Ok(None) };
        let other = |error: std::io::Error| HistoryError::Other {
            path: history.path.clone(),
            why: error.to_string(),
        };
        if let Some(folder) = history.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            capture::private_folder(folder).map_err(other)?;
        }
        let settings = Settings {
            path: history.path.clone(),
            retention: history.retention,
            octets_max: history.octets_max,
        };
        let mut store = Store::open(settings, now.wall)?;
        let marks = site.publish.iter().map(|place| store.sink(&place.name)).collect::<Result<_, _>>()?;
        // A device that is too busy to hear of it sees it in the store's state.
        let changed = move |health: &Health| drop(changed.try_send(health.clone()));
        let (tell, news) = watch::channel(());
        let committed = move || tell.send_modify(|()| ());
        let (tap, writer) = Writer::start_telling(store, changed, committed).map_err(other)?;
        let (path, last) = (history.path.clone(), HashMap::new());
        let opened = Self { tap, writer, deadbands: deadbands(site), last, path, marks, news };
        opened.configuration(site, &history.path, now);
        Ok(Some(opened))
    }

    /// The number of this start, which no start before had.
    pub(crate) fn boot(&self) -> u64 {
        self.tap.boot()
    }

    /// Begins to send it on to the site's places.
    pub(crate) fn publish(
        &self,
        site: &Site,
        notices: &mpsc::Sender<Notice>,
        tasks: &mut JoinSet<()>,
    ) -> Publisher {
        let source = Source { path: self.path.clone(), tap: self.tap.clone(), news: self.news.clone() };
        Publisher::start(&site.publish, self.marks.clone(), &source, notices, tasks)
    }

    /// Another site, with the same store.
    pub(crate) fn reconfigure(&mut self, site: &Site) {
        self.deadbands = deadbands(site);
        if let Some(history) = &site.history {
            self.tap.limits(history.retention, history.octets_max);
        }
    }

    /// Records the configuration where it is not the one that was recorded last.
    fn configuration(&self, site: &Site, path: &Path, now: Now) {
        let Ok(text) = fs::read(&site.file) else { return };
        let hash: String = Sha256::digest(&text).iter().map(|octet| format!("{octet:02x}")).collect();
        let last = Reader::open(path).and_then(|reader| reader.last_event(EventKind::Configuration));
        let before = last.ok().flatten().map(|event| event.detail["sha256"].clone());
        if before.as_ref() != Some(&json!(hash)) {
            let detail = json!({
                "file": site.file, "sha256": hash, "before": before,
                "profile": site.profile, "overlay": site.overlay,
            });
            self.event(EventKind::Configuration, String::new(), detail, now);
        }
    }

    /// Tells how far the wall clock is to be believed: what may be removed for its age depends on it.
    pub(crate) fn trust(&self, trust: WallTrust) {
        self.tap.trust(trust);
    }

    /// How the store is, in numbers.
    pub(crate) fn health(&self) -> Health {
        self.tap.health()
    }

    /// How the store is, for whoever asks.
    pub(crate) fn status(&self) -> Json {
        let Health { state, entries, events, dropped, waiting } = self.tap.health();
        json!({
            "state": state.text(), "why": why(&state), "entries": entries, "events": events,
            "dropped": dropped, "waiting": waiting,
        })
    }

    /// Takes a record.
    pub(crate) fn record(&mut self, record: &Record, now: Now) {
        let (kind, subject) = match record {
            Record::Point(point) => return self.point(point, now),
            Record::Ready { .. } => (EventKind::Start, None),
            Record::Stopped => (EventKind::Stop, None),
            Record::Device { device, .. } => (EventKind::Device, Some(device.to_string())),
            Record::Session { master, .. } => (EventKind::Session, master.as_ref().map(ToString::to_string)),
            Record::Command { point, .. } => (EventKind::Command, point.as_ref().map(ToString::to_string)),
            Record::Authority { point, .. } => (EventKind::Authority, Some(point.to_string())),
            Record::More { of: "command", .. } => (EventKind::Command, None),
            Record::More { .. } => (EventKind::Session, None),
            Record::History { .. } => (EventKind::Alarm, None),
            Record::Alarm { point, .. } => (EventKind::Alarm, point.as_ref().map(ToString::to_string)),
            Record::Hand { point, .. } => (EventKind::Command, Some(point.to_string())),
            // What was not taken is no configuration: the journal and the log tell of it.
            Record::Configuration { state: "refused", .. } => return,
            Record::Configuration { .. } => (EventKind::Configuration, None),
        };
        let mut detail = serde_json::to_value(record).unwrap_or(Json::Null);
        if let Some(fields) = detail.as_object_mut() {
            // They stand beside it.
            fields.remove("event");
            fields.remove("time");
        }
        self.event(kind, subject.unwrap_or_default(), detail, now);
    }

    fn event(&self, kind: EventKind, subject: String, detail: Json, now: Now) {
        self.tap.event(Event { boot: self.boot(), time: now.wall, kind, subject, detail }, now.mono);
    }

    fn point(&mut self, point: &PointRecord, now: Now) {
        let before = self.last.get(&point.id);
        let same_reasons = before.is_some_and(|(_, reasons)| *reasons == point.reasons);
        let deadband = self.deadbands.get(&point.id).copied().unwrap_or(0.0);
        if same_reasons && before.is_some_and(|(value, _)| is_within(*value, point.value, deadband)) {
            return;
        }
        // That a point was never read before its first value goes without saying.
        let begins = before.is_none_or(|(_, reasons)| reasons.has(ReasonKind::NeverRead));
        if !same_reasons && !(begins && (before.is_none() || point.reasons.is_empty())) {
            let detail = json!({
                "quality": point.quality, "reasons": point.reasons, "value": point.value,
                "before": before.map(|(_, reasons)| reasons),
            });
            self.event(EventKind::Quality, point.id.to_string(), detail, now);
        }
        self.last.insert(point.id.clone(), (point.value, point.reasons.clone()));
        let entry = Entry {
            origin: point.origin,
            time: point.time,
            source_time: point.source_time,
            value: point.value,
            reasons: point.reasons.clone(),
        };
        self.tap.entry(
            PointInfo { id: point.id.clone(), kind: point.kind, unit: point.unit },
            entry,
            now.mono,
        );
    }

    /// Waits until all that was taken is on the disk.
    #[cfg(test)]
    pub(crate) fn flush(&self) {
        assert!(self.tap.flush().is_ok() && self.tap.health().dropped == 0);
    }

    /// Has everything written, and ends.
    pub(crate) async fn finish(self) {
        let Self { tap, writer, .. } = self;
        drop(tap);
        let end = tokio::task::spawn_blocking(move || writer.finish());
        match tokio::time::timeout(END_PATIENCE, end).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::error!(%error, "the last entries of the history are lost"),
            Ok(Err(error)) => tracing::error!(%error, "the history did not end"),
            Err(_) => tracing::error!("the history did not end in time, its last entries may be lost"),
        }
    }
}

/// In the point's unit; of the points that have one.
fn deadbands(site: &Site) -> HashMap<PointId, f64> {
    // A score is made of what was done, not of what was told to the ISO: all of it is recorded.
    let scored: Vec<&PointId> =
        site.setpoints.iter().filter(|one| one.regulating.score.is_some()).map(|one| &one.actual).collect();
    let deadbands =
        site.analogs.iter().filter(|analog| analog.deadband > 0.0 && !scored.contains(&&analog.point.id));
    deadbands.map(|analog| (analog.point.id.clone(), analog.deadband)).collect()
}

/// Why the store does not write; empty where it does.
pub(crate) fn why(state: &State) -> String {
    match state {
        State::Working => String::new(),
        State::Full => "the disk is full".to_owned(),
        State::Failing(why) => why.clone(),
    }
}

/// Whether a value lies so near the one recorded last that it is not recorded.
fn is_within(before: Option<Value>, value: Option<Value>, deadband: f64) -> bool {
    match (before, value) {
        (Some(Value::Analog(before)), Some(Value::Analog(value))) => {
            (value - before).abs() <= deadband || value.to_bits() == before.to_bits()
        }
        (before, value) => before == value,
    }
}

#[cfg(test)]
mod tests;
