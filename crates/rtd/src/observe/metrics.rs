//! The metrics: each family once, with its name, its labels, what it means and where its samples come from. The table
//! in `docs/observe.md` is made of it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use control::score::{Scored, Verdict};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use serde_json::Value as Json;
use telemetry::{Quality, WallTrust};

use super::Snapshot;

/// Takes a sample: the values of the labels, and the number.
type Put<'a> = &'a mut dyn FnMut(&[&str], f64);

/// A family of metrics.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) counts: bool,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
    samples: fn(&Snapshot, Put<'_>),
}

macro_rules! families {
    ($($kind:ident $name:literal [$($label:literal)*] $help:literal = $samples:expr;)*) => {
        /// All families.
        pub(super) const FAMILIES: &[Family] = &[$(Family {
            name: $name,
            counts: families!(@$kind),
            labels: &[$($label),*],
            help: $help,
            samples: $samples,
        }),*];
    };
    (@counter) => { true };
    (@gauge) => { false };
}

families! {
    gauge "openrtd_build_info" ["version" "site" "profile"]
        "Always 1; which program runs which site" = |now, put| {
            let profile = now.facts.profile.as_deref().unwrap_or_default();
            put(&[env!("CARGO_PKG_VERSION"), &now.facts.site, profile], 1.0);
        };
    gauge "process_start_time_seconds" []
        "When the program started, in seconds since 1970" = |now, put| {
            put(&[], number(now.facts.started.as_millis()) / 1_000.0);
        };
    counter "openrtd_turns" []
        "Turns of the machine" = |now, put| put(&[], number(now.turns));
    gauge "openrtd_point_value" ["point" "type" "unit"]
        "The last value in the point's unit, good or not; a state is 0 or 1; absent while there was none, and while it is forced or inhibited" = |now, put| {
            for point in &now.watched.points {
                let unit = point.unit.map(|unit| unit.to_string()).unwrap_or_default();
                if let Some(value) = point.value {
                    put(&[point.id.as_str(), point.kind, &unit], value);
                }
            }
        };
    gauge "openrtd_point_quality" ["point"]
        "0 good, 1 questionable, 2 bad" = |now, put| {
            for point in &now.watched.points {
                put(&[point.id.as_str()], quality(point.quality));
            }
        };
    gauge "openrtd_point_age_seconds" ["point"]
        "Time since the value was received or made; absent while there was none" = |now, put| {
            for point in &now.watched.points {
                put_some(point.age, &[point.id.as_str()], put);
            }
        };
    gauge "openrtd_point_age_limit_seconds" ["point"]
        "Older than this it is stale; of points with a source" = |now, put| {
            for point in &now.watched.points {
                put_some(point.age_max, &[point.id.as_str()], put);
            }
        };
    gauge "openrtd_alarm" ["kind" "point"]
        "1 while the alarm is raised, else absent; the point is empty where it is the device itself" = |now, put| {
            for (kind, point) in &now.watched.alarms {
                put(&[kind, point.as_str()], 1.0);
            }
            // Several of one kind are one to an alert: each has its words in `status`.
            for kind in now.tally.alarms.keys().map(|(kind, _)| *kind).collect::<BTreeSet<_>>() {
                put(&[kind, ""], 1.0);
            }
        };
    counter "openrtd_alarms_raised" ["kind"]
        "Alarms raised since the start" = |now, put| {
            for (kind, raised) in &now.tally.alarms_raised {
                put(&[kind], number(*raised));
            }
        };
    gauge "openrtd_device_up" ["device"]
        "1 while the device of the plant answers" = |now, put| {
            for device in &now.watched.devices {
                put(&[&device.id], flag(device.up));
            }
        };
    counter "openrtd_device_polls" ["device"]
        "Polls that came to an end, whatever it was" = |now, put| {
            for device in &now.watched.devices {
                put(&[&device.id], number(device.polls));
            }
        };
    counter "openrtd_device_polls_failed" ["device"]
        "Polls that failed" = |now, put| {
            for device in &now.watched.devices {
                put(&[&device.id], number(device.polls_failed));
            }
        };
    gauge "openrtd_device_answer_age_seconds" ["device"]
        "Time since the last good answer; absent while there was none" = |now, put| {
            for device in &now.watched.devices {
                put_some(device.answer_age, &[&device.id], put);
            }
        };
    counter "openrtd_device_requests" ["device"]
        "Requests sent" = |now, put| counted(now, "requests", put);
    counter "openrtd_device_answers" ["device"]
        "Answers received, exceptions too" = |now, put| counted(now, "answers", put);
    counter "openrtd_device_timeouts" ["device"]
        "Requests that were not answered in time" = |now, put| counted(now, "timeouts", put);
    counter "openrtd_device_exceptions" ["device"]
        "Answers in which the device refused" = |now, put| counted(now, "exceptions", put);
    counter "openrtd_device_reconnects" ["device"]
        "Connections after the first" = |now, put| counted(now, "reconnects", put);
    gauge "openrtd_device_round_trip_seconds" ["device"]
        "How long the last answer took; absent where that is not known" = |now, put| {
            for (device, link) in now.watched.devices.iter().zip(&now.links) {
                if let Some(micros) = link.get("last_round_trip_us").and_then(Json::as_f64) {
                    put(&[&device.id], micros / 1e6);
                }
            }
        };
    gauge "openrtd_session_up" ["master"]
        "1 while the master's session is up" = |now, put| {
            for session in &now.watched.sessions {
                put(&[&session.master], flag(session.up));
            }
        };
    gauge "openrtd_session_controls" ["master"]
        "1 where the master may send set points" = |now, put| {
            for session in &now.watched.sessions {
                put(&[&session.master], flag(now.facts.controls.contains(&session.master)));
            }
        };
    counter "openrtd_session_connections" ["master"]
        "Times that a session of the master came up" = |now, put| {
            for session in &now.watched.sessions {
                put(&[&session.master], number(now.tally.connections.get(&session.master).copied().unwrap_or(0)));
            }
        };
    counter "openrtd_session_reads" ["master"]
        "Reads of the master that were answered" = |now, put| {
            for session in &now.watched.sessions {
                put(&[&session.master], number(session.reads));
            }
        };
    counter "openrtd_session_received_bytes" ["master"]
        "Octets received from the master, without TLS" = |now, put| octets(now, |(received, _)| received, put);
    counter "openrtd_session_sent_bytes" ["master"]
        "Octets sent to the master, without TLS" = |now, put| octets(now, |(_, sent)| sent, put);
    gauge "openrtd_session_events_waiting" ["master"]
        "Events that wait for the master" = |now, put| {
            for session in &now.watched.sessions {
                put(&[&session.master], number(u64::try_from(session.events_waiting).unwrap_or(u64::MAX)));
            }
        };
    counter "openrtd_session_events_lost" ["master"]
        "Events that were lost because the master's buffer was full" = |now, put| {
            for session in &now.watched.sessions {
                put(&[&session.master], number(session.counters.events_lost));
            }
        };
    counter "openrtd_session_confirm_timeouts" ["master"]
        "Confirms of the master that did not come in time" = |now, put| {
            for session in &now.watched.sessions {
                put(&[&session.master], number(session.counters.confirm_timeouts));
            }
        };
    counter "openrtd_session_bad_requests" ["master" "why"]
        "Requests of the master that were not understood" = |now, put| {
            for session in &now.watched.sessions {
                let counters = &session.counters;
                for (why, count) in [
                    ("not-a-request", counters.not_a_request),
                    ("unknown-function", counters.unknown_function),
                    ("bad-objects", counters.bad_objects),
                ] {
                    put(&[&session.master, why], number(count));
                }
            }
        };
    counter "openrtd_session_bad_frames" ["master"]
        "Link frames of the master with a wrong CRC or an impossible length" = |now, put| {
            for session in &now.watched.sessions {
                let link = &session.counters.channel;
                put(&[&session.master], number(link.header_crc.saturating_add(link.data_crc).saturating_add(link.length)));
            }
        };
    counter "openrtd_connections_refused" []
        "Connections to the DNP3 port that were refused" = |now, put| put(&[], number(now.tally.refused));
    counter "openrtd_commands" ["master" "status"]
        "Commands by what was answered" = |now, put| {
            for ((master, status), count) in &now.tally.commands {
                put(&[master, status], number(*count));
            }
        };
    gauge "openrtd_heartbeat" []
        "The heartbeat's count; absent where the site has none" = |now, put| {
            let own = |id| now.watched.points.iter().find(|point| Some(&point.id) == id);
            if let Some(value) = own(now.facts.heartbeat.as_ref()).and_then(|point| point.value) {
                put(&[], value);
            }
        };
    gauge "openrtd_score_accuracy" ["point"]
        "Accuracy of the last window that is over, 0 to 1; absent while there was none, and where it had none or is incomplete" = |now, put| {
            last_score(now, |last, _| last.score.accuracy, put);
        };
    gauge "openrtd_score_precision" ["point"]
        "As the accuracy, with the delay taken away" = |now, put| {
            last_score(now, |last, _| last.score.precision, put);
        };
    gauge "openrtd_score_delay_seconds" ["point"]
        "By how much the response was behind in the last window that is over" = |now, put| {
            last_score(now, |last, step| Some(number(u64::try_from(last.score.delay_steps?).ok()?) * step.as_secs_f64()), put);
        };
    counter "openrtd_score_mileage" ["point"]
        "How far the set point went, in its unit, in windows that are over" = |now, put| {
            for score in &now.watched.scores {
                put(&[score.point.as_str()], score.totals.mileage);
            }
        };
    counter "openrtd_score_windows" ["point" "verdict"]
        "Windows that are over: good, below, complete (nothing is too low), nothing (to be scored), incomplete" = |now, put| {
            for score in &now.watched.scores {
                for verdict in Verdict::ALL {
                    put(&[score.point.as_str(), verdict.text()], number(score.totals.of(verdict)));
                }
            }
        };
    counter "openrtd_score_steps" ["point" "kind"]
        "Steps of these windows: scored, and why others were not" = |now, put| {
            for score in &now.watched.scores {
                let (totals, left_out) = (&score.totals, &score.totals.left_out);
                for (kind, count) in [
                    ("scored", totals.steps.saturating_sub(totals.clamped)),
                    ("clamped", totals.clamped),
                    ("not-iso", left_out.not_iso),
                    ("away", left_out.away),
                    ("unknown", left_out.unknown),
                    ("restart", left_out.restart),
                    ("missing", left_out.missing),
                    ("repeated", left_out.repeated),
                ] {
                    put(&[score.point.as_str(), kind], number(u64::try_from(count).unwrap_or(u64::MAX)));
                }
            }
        };
    gauge "openrtd_history_writing" []
        "1 while the history is written; absent where the site keeps none" = |now, put| {
            if let Some(history) = &now.history {
                put(&[], flag(history.state == historian::State::Working));
            }
        };
    counter "openrtd_history_entries" []
        "Samples written to the history" = |now, put| {
            if let Some(history) = &now.history {
                put(&[], number(history.entries));
            }
        };
    counter "openrtd_history_events" []
        "Events written to the history" = |now, put| {
            if let Some(history) = &now.history {
                put(&[], number(history.events));
            }
        };
    counter "openrtd_history_dropped" []
        "Samples and events that never reached the history" = |now, put| {
            if let Some(history) = &now.history {
                put(&[], number(history.dropped));
            }
        };
    gauge "openrtd_history_waiting" []
        "Samples and events that wait to be written" = |now, put| {
            if let Some(history) = &now.history {
                put(&[], number(u64::try_from(history.waiting).unwrap_or(u64::MAX)));
            }
        };
    gauge "openrtd_clock_trust" ["trust"]
        "1 for what is so: synchronised, unknown or unsynchronised; 0 for the others" = |now, put| {
            for (trust, word) in [
                (WallTrust::Synchronised, "synchronised"),
                (WallTrust::Unknown, "unknown"),
                (WallTrust::Unsynchronised, "unsynchronised"),
            ] {
                put(&[word], flag(now.clock.trust == trust));
            }
        };
    gauge "openrtd_clock_offset_seconds" []
        "How far the clock is ahead of the time servers; absent until one has answered" = |now, put| {
            if let Some((offset, _)) = now.clock.offset {
                put(&[], offset);
            }
        };
    gauge "openrtd_clock_offset_age_seconds" []
        "Time since the time servers said so" = |now, put| put_some(now.clock.offset.map(|(_, age)| age), &[], put);
    gauge "openrtd_clock_unanswered" []
        "Rounds of questions to the time servers since the last that was answered; absent where there are none" = |now, put| {
            if now.clock.watched {
                put(&[], now.clock.unanswered.into());
            }
        };
    counter "openrtd_clock_steps" []
        "Times that the wall clock was set by more than a second" = |now, put| put(&[], number(now.clock.steps));
}

/// A figure of the last window of each score.
fn last_score(now: &Snapshot, of: impl Fn(&Scored, Duration) -> Option<f64>, put: Put<'_>) {
    for score in &now.watched.scores {
        let last = score.last.as_ref().filter(|last| last.verdict != Some(Verdict::Incomplete));
        if let Some(figure) = last.and_then(|last| of(last, score.step)) {
            put(&[score.point.as_str()], figure);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "as all of Prometheus")]
fn number(count: u64) -> f64 {
    count as f64
}

const fn flag(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

const fn quality(quality: Quality) -> f64 {
    match quality {
        Quality::Good => 0.0,
        Quality::Questionable => 1.0,
        Quality::Bad => 2.0,
    }
}

fn put_some(time: Option<Duration>, labels: &[&str], put: Put<'_>) {
    if let Some(time) = time {
        put(labels, time.as_secs_f64());
    }
}

/// What the driver of each device counted.
fn counted(now: &Snapshot, field: &str, put: Put<'_>) {
    for (device, link) in now.watched.devices.iter().zip(&now.links) {
        if let Some(count) = link.get(field).and_then(Json::as_u64) {
            put(&[&device.id], number(count));
        }
    }
}

fn octets(now: &Snapshot, which: fn((u64, u64)) -> u64, put: Put<'_>) {
    for session in &now.watched.sessions {
        let octets = now.octets.get(&session.master).copied().unwrap_or_default();
        put(&[&session.master], number(which(octets)));
    }
}

/// The text of all families, as OpenMetrics and Prometheus read it.
pub(super) fn text(now: Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Now(now)));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

#[derive(Debug)]
struct Now(Snapshot);

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in FAMILIES {
            let kind = if family.counts { MetricType::Counter } else { MetricType::Gauge };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            let mut result = Ok(());
            (family.samples)(&self.0, &mut |values, number| {
                let labels: Vec<(&str, &str)> =
                    family.labels.iter().copied().zip(values.iter().copied()).collect();
                let one = metric.encode_family(&labels).and_then(|mut one| {
                    if family.counts {
                        one.encode_counter::<NoLabelSet, f64, f64>(&number, None)
                    } else {
                        one.encode_gauge(&number)
                    }
                });
                if one.is_err() {
                    result = one;
                }
            });
            result?;
        }
        Ok(())
    }
}
