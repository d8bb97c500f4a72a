//! What the site says of each point, in words: the fixed part of its story.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use site::{DeviceIx, ReadingIx, Served, Site};
use telemetry::{PointId, Scale, Sign, Unit};

/// By point.
#[derive(Clone, Debug, Default)]
pub(crate) struct About(BTreeMap<PointId, Json>);

impl About {
    pub(crate) fn new(site: &Site) -> Self {
        let mut about = BTreeMap::new();
        for analog in &site.analogs {
            let from = analog.source.map(|source| {
                let sign = match source.sign {
                    Sign::AsSource => "+",
                    Sign::Turned => "-",
                };
                let mut from = place(site, source.device, source.reading);
                add(&mut from, "unit", json!(source.unit));
                add(&mut from, "sign", json!(sign));
                from
            });
            let range = analog.range.map(|(low, high)| json!([low, high]));
            let mut told = json!({ "from": from, "range": range });
            add(
                &mut told,
                "wire",
                wire(Some((analog.wire, analog.unit)), Some(analog.deadband), analog.point.served),
            );
            about.insert(analog.point.id.clone(), told);
        }
        for digital in &site.digitals {
            let from = digital.source.map(|source| place(site, source.device, source.reading));
            let mut told = json!({ "from": from, "states": digital.states });
            add(&mut told, "wire", wire(None, None, digital.point.served));
            about.insert(digital.point.id.clone(), told);
        }
        if let Some(beat) = &site.heartbeat {
            let made = format!(
                "heartbeat, every {} ms at most, 0 to {}",
                beat.period.as_millis(),
                beat.wrap.saturating_sub(1)
            );
            about.insert(
                beat.point.id.clone(),
                json!({ "made": made, "wire": wire(None, None, beat.point.served) }),
            );
        }
        if let Some(unit) = &site.connection {
            let told = json!({
                "made": format!("the unit's connection: {}", unit.derive.op()), "of": unit.derive.inputs(), "states": unit.states,
                "wire": wire(None, None, unit.point.served),
            });
            about.insert(unit.point.id.clone(), told);
        }
        for setpoint in &site.setpoints {
            let scaled = Some((setpoint.wire, setpoint.unit));
            let held = json!({ "made": "set point held", "of": [setpoint.actual], "wire": wire(scaled, None, setpoint.point.served) });
            about.insert(setpoint.point.id.clone(), held);
            for one in setpoint.shown() {
                let scaled = (one.unit != Unit::Count).then_some((one.wire, one.unit));
                let told = json!({
                    "made": one.says, "of": [setpoint.point.id], "wire": wire(scaled, None, one.point.served),
                });
                about.insert(one.point.id.clone(), told);
            }
            for (key, point) in setpoint.pulses() {
                let told = json!({
                    "made": format!("whether a {key} pulse is running"), "of": [setpoint.point.id],
                    "wire": wire(None, None, point.served),
                });
                about.insert(point.id.clone(), told);
            }
        }
        Self(about)
    }

    /// Lays it over a point's story.
    pub(crate) fn complete(&self, story: &mut Json) {
        let id = story.get("id").and_then(Json::as_str);
        let Some(about) = id.and_then(|id| self.0.get(id)).and_then(Json::as_object) else { return };
        for (key, value) in about {
            add(story, key, value.clone());
        }
    }

    /// The ids nearest to one that there is not, in words.
    pub(crate) fn near(&self, wrong: &str) -> String {
        telemetry::near_in_words(self.0.keys().map(PointId::as_str), wrong)
    }
}

fn add(story: &mut Json, key: &str, value: Json) {
    if let Some(fields) = story.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

fn place(site: &Site, device: DeviceIx, reading: ReadingIx) -> Json {
    let Some(device) = site.devices.get(device.get()) else { return json!({}) };
    json!({
        "device": device.id,
        "protocol": device.protocol.text(),
        "address": device.access.to_string(),
        "place": device.place_in_words(reading),
        "poll_ms": device.poll.as_millis(),
    })
}

fn wire(scaled: Option<(Scale, Unit)>, deadband: Option<f64>, served: Served) -> Json {
    let scale = scaled.map(|(scale, unit)| match scale {
        Scale::Counts { max_units, max_counts } => format!("{max_units} {unit} = {max_counts} counts"),
        Scale::Engineering => "the value itself".to_owned(),
    });
    json!({
        "scale": scale,
        "deadband": deadband,
        "class": served.class,
        "static_variation": served.static_variation,
        "event_variation": served.event_variation,
    })
}
