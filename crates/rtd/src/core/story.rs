//! What the device tells of itself: the record of a change, and every point's story from register to wire.

use serde_json::{Value as Json, json};
use telemetry::{Mono, Now, Quality, Wall};

use super::brain::Brain;
use super::control::DriveSpec;
use super::devices::DeviceState;
use super::field::Reading;
use super::points::{PointIx, Row, Source};
use super::record::PointRecord;
use super::{MasterIx, flags};

pub(super) const fn kind(point: ieee1815::PointType) -> &'static str {
    match point {
        ieee1815::PointType::BinaryInput => "binary_input",
        ieee1815::PointType::BinaryOutputStatus => "binary_output_status",
        ieee1815::PointType::AnalogInput => "analog_input",
        ieee1815::PointType::AnalogOutputStatus => "analog_output_status",
        _ => "other",
    }
}

pub(super) fn record(row: &Row, now: Now) -> PointRecord {
    PointRecord {
        time: now.wall,
        origin: row.sample.origin,
        id: row.spec.id.clone(),
        kind: kind(row.spec.point),
        index: row.spec.index,
        value: row.sample.value,
        unit: row.spec.unit,
        quality: row.sample.quality(),
        reasons: row.sample.reasons.clone(),
        flags: flags::names(row.flags()),
        counts: row.spec.scale.and_then(|scale| scale.counts(row.wire())),
        source_time: row.sample.source_time.map(|(time, _)| time),
        read_sent: row.last.as_ref().map(|last| last.sent.wall),
        read_received: row.last.as_ref().map(|last| last.received.wall),
    }
}

fn raw(reading: &Reading) -> Json {
    match reading {
        Reading::Number(number) => json!(number),
        Reading::State(state) => json!(state),
        Reading::NotImplemented => json!("not implemented"),
        Reading::NotANumber => json!("not a number"),
        Reading::Invalid(words) => json!(words),
        Reading::Reported(reported) => json!({
            "value": raw(&reported.reading),
            "flags": reported.flags.map(flags::names),
            "event": reported.event,
        }),
    }
}

fn millis(now: Now, then: Mono) -> u64 {
    u64::try_from(now.mono.since(then).as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn points(brain: &Brain, now: Now) -> Json {
    json!({ "points": brain.table.rows().map(|row| story(brain, row, now)).collect::<Vec<_>>() })
}

pub(super) fn point(brain: &Brain, id: &str, now: Now) -> Option<Json> {
    let row = brain.table.row(brain.table.find(id)?)?;
    Some(story(brain, row, now))
}

fn story(brain: &Brain, row: &Row, now: Now) -> Json {
    let mut story = json!(record(row, now));
    let events: Vec<Json> = row
        .events
        .iter()
        .map(|event| json!({ "time": event.time, "wire": event.wire, "flags": flags::names(event.flags) }))
        .collect();
    if let Some(fields) = story.as_object_mut() {
        // What was set by hand is as old as that, whatever its source does.
        let known = row.sample.value.is_some() && row.hand.is_none();
        fields.insert("name".to_owned(), json!(row.spec.name));
        fields.insert("age_ms".to_owned(), json!(known.then(|| millis(now, row.sample.received))));
        fields.insert("raw".to_owned(), row.last.as_ref().map_or(Json::Null, |last| raw(&last.reading)));
        if let Source::Field { device, age_max, .. } = row.spec.source {
            let device = brain.table.devices().get(device);
            fields.insert("device".to_owned(), json!(device.map(|device| &device.id)));
            // Why it does not answer, as long as it does not.
            if let Some((_, failure)) = device.and_then(|device| {
                let answered = device.last_answer.map(|then| then.mono);
                let down = device.state == DeviceState::Down;
                let since = |then: &Now| answered.is_none_or(|last| last < then.mono);
                device.last_failure.as_ref().filter(|(then, _)| down || since(then))
            }) {
                fields.insert("device_failure".to_owned(), json!(failure.words));
            }
            fields.insert("age_ms_max".to_owned(), json!(age_max.as_millis()));
        }
        if let Some(derived) = brain.table.derivation(row.at) {
            let id = |at: PointIx| brain.table.row(at).map(|row| row.spec.id.clone());
            let of: Vec<_> = derived.inputs.iter().filter_map(|input| id(input.at)).collect();
            let taken = derived.taken.and_then(id);
            fields.insert("derived".to_owned(), json!({ "op": derived.op, "of": of, "taken": taken }));
        }
        if let Some(hand) = &row.hand {
            let under = json!({
                "state": hand.words(), "who": hand.who, "why": hand.why, "since": hand.since.wall,
                "until": hand.ends(now), "source_value": row.under.value,
            });
            fields.insert("hand".to_owned(), under);
        }
        let alarms = brain.table.alarms(row.at);
        if !alarms.is_empty() {
            fields.insert("alarms".to_owned(), json!(alarms));
        }
        fields.insert("events".to_owned(), Json::Array(events));
    }
    story
}

/// The alarms that are raised, by point.
pub(super) fn alarms(brain: &Brain) -> Json {
    let one = |((at, kind), text): (&(PointIx, &'static str), &String)| {
        let point = brain.table.row(*at).map(|row| row.spec.id.clone());
        json!({ "point": point, "kind": kind, "text": text })
    };
    brain.alarms.iter().map(one).collect()
}

pub(super) fn devices(brain: &Brain, now: Now) -> Json {
    let not_good = |id: &str| {
        let of_device = |row: &&Row| match row.spec.source {
            Source::Field { device, .. } => {
                brain.table.devices().get(device).is_some_and(|device| &*device.id == id)
            }
            Source::Made | Source::Unmapped => false,
        };
        brain.table.rows().filter(of_device).filter(|row| row.sample.quality() != Quality::Good).count()
    };
    brain
        .table
        .devices()
        .iter()
        .map(|device| {
            json!({
                "device": device.id,
                "state": device.state.words(),
                "polls": device.polls,
                "polls_failed": device.polls_failed,
                "points_not_good": not_good(&device.id),
                "last_answer_ms": device.last_answer.map(|then| millis(now, then.mono)),
                "last_failure": device.last_failure.as_ref().map(|(_, failure)| &failure.words),
            })
        })
        .collect()
}

/// A moment of the monotonic clock, by the wall clock as it is now.
fn wall(now: Now, then: Mono) -> Wall {
    let millis =
        |later: Mono, sooner: Mono| u64::try_from(later.since(sooner).as_millis()).unwrap_or(u64::MAX);
    let wall = now.wall.as_millis();
    Wall::from_millis(wall.saturating_sub(millis(now.mono, then)).saturating_add(millis(then, now.mono)))
}

pub(super) fn setpoints(brain: &Brain, now: Now) -> Json {
    let name = |master: MasterIx| brain.masters().nth(master.get());
    brain
        .setpoints
        .iter()
        .map(|commanded| {
            let setpoint = &commanded.setpoint;
            let machine = &setpoint.machine;
            // While the owner's session is away: what comes where it stays away.
            let away = machine.away().map(|(since, ends)| {
                let then = machine.heir(&brain.plant(commanded).seen).kind();
                json!({ "since": wall(now, since), "ends": wall(now, ends), "then": then })
            });
            let value = |at: PointIx| brain.table.row(at).and_then(|row| row.sample.value);
            let reasons = |at: PointIx| brain.table.row(at).map(|row| &row.sample.reasons);
            json!({
                "point": setpoint.spec.id,
                "authority": setpoint.owner().kind(),
                "owner": setpoint.master().and_then(name),
                "away": away,
                "held_here": machine.held_here(),
                "held": value(commanded.held),
                "accepted": setpoint.accepted(),
                "target": machine.target(),
                "output": machine.output(),
                "in_force": setpoint.in_force(),
                "feedback": value(commanded.feedback),
                "feedback_reasons": reasons(commanded.feedback),
                "actual": value(commanded.actual),
                "actual_reasons": reasons(commanded.actual),
                "clamp": setpoint.clamp(),
                "moving": machine.is_moving(),
                "short": setpoint.short(),
                "trim": setpoint.spec.trim.map(|_| setpoint.trimmed()),
                "response": setpoint.spec.primary.map(|_| setpoint.responds()),
                "answers": setpoint.spec.primary.map(|_| setpoint.answers()),
                "aux": setpoint.aux().map(|(aux, _)| aux),
                "aux_good": setpoint.aux().map(|(_, good)| good),
                "follows": !setpoint.strays(),
                "unit": brain.table.row(commanded.held).and_then(|row| row.spec.unit),
                "waits": machine.waits(),
                "in_the_way": brain.in_the_way(commanded),
                "alarms": brain.table.alarms(commanded.feedback),
                "silent": brain.silent(commanded),
                "counted": setpoint.silent().map(counted).collect::<Json>(),
                "guessed": setpoint.guessed().map(|drive| &*drive.name).collect::<Vec<_>>(),
                "score": commanded.score.as_ref().map(super::brain::Live::told),
            })
        })
        .collect()
}

/// A device of a dispatch of which nothing is heard, and what it counts for.
fn counted((drive, part): (&DriveSpec, f64)) -> Json {
    json!({ "device": &*drive.name, "part": part })
}
