//! From a site to the machine that runs it.

use std::sync::Arc;

use ieee1815::PointType;
use ieee1815::outstation::{PointConfig, SessionConfig};
use site::{DeviceIx, Served, Site, TimeSource};
use telemetry::{Now, PointId, Scale, Unit};

use super::brain::{Brain, Commanded, Live};
use super::checks::{CheckSpec, Gate};
use super::control::SetPoint;
use super::derive::{Derived, Input};
use super::heartbeat::Heartbeat;
use super::judge::{Rule, RuleKind};
use super::points::{PointSpec, Source};
use super::regulate::{around, score_rules, setpoint_spec};
use super::table::Table;
use super::time::TimeBase;

/// What the wire starts with: nothing was ever read.
fn config(point: PointType, served: &Served, deadband: f64) -> Option<PointConfig> {
    Some(PointConfig {
        static_variation: served.static_variation,
        event_variation: served.event_variation,
        class: served.class,
        deadband,
        ..PointConfig::new(point, served.index?)
    })
}

pub(super) fn point_configs(site: &Site) -> Vec<PointConfig> {
    let analogs = site.analogs.iter().filter_map(|analog| {
        config(PointType::AnalogInput, &analog.point.served, analog.wire.in_counts(analog.deadband))
    });
    let digitals =
        site.digitals.iter().filter_map(|digital| config(PointType::BinaryInput, &digital.point.served, 0.0));
    let heartbeat =
        site.heartbeat.iter().filter_map(|beat| config(PointType::AnalogInput, &beat.point.served, 0.0));
    let connection =
        site.connection.iter().filter_map(|unit| config(PointType::BinaryInput, &unit.point.served, 0.0));
    let held = site
        .setpoints
        .iter()
        .filter_map(|setpoint| config(PointType::AnalogOutputStatus, &setpoint.point.served, 0.0));
    let shown = site.setpoints.iter().flat_map(site::SetPoint::shown);
    let shown = shown.filter_map(|one| config(PointType::AnalogInput, &one.point.served, 0.0));
    let pulses = site.setpoints.iter().flat_map(site::SetPoint::pulses);
    let pulses = pulses.filter_map(|(_, point)| config(PointType::BinaryOutputStatus, &point.served, 0.0));
    let setpoints = held.chain(shown).chain(pulses);
    analogs.chain(digitals).chain(heartbeat).chain(connection).chain(setpoints).collect()
}

pub(super) fn session_configs(site: &Site) -> Vec<SessionConfig> {
    let session = |master: &site::Master| {
        let mut config = SessionConfig::new(site.outstation.address, master.address);
        config.events_max = site.outstation.events_max;
        config.remember_told = true;
        config.keep_alive = Some(site.outstation.keep_alive);
        config
    };
    site.masters.iter().map(session).collect()
}

pub(super) fn brain(site: &Site, boot: u64, now: Now) -> Brain {
    let device_ids: Vec<Arc<str>> = site.devices.iter().map(|device| Arc::clone(&device.id)).collect();
    let mut table = Table::new(specs(site), device_ids, boot);
    let derived = derived(site, &table);
    table.derive(derived);
    checked(site, &mut table);
    let heartbeat = site.heartbeat.as_ref().and_then(|beat| {
        Some(Heartbeat::new(table.find(beat.point.id.as_str())?, beat.period, beat.wrap, now.mono))
    });
    let find = |id: &Option<PointId>| id.as_ref().and_then(|id| table.find(id.as_str()));
    let setpoints = site.setpoints.iter().filter_map(|setpoint| {
        Some(Commanded {
            index: setpoint.point.served.index?,
            held: table.find(setpoint.point.id.as_str())?,
            feedback: table.find(setpoint.feedback.point.id.as_str())?,
            actual: table.find(setpoint.actual.as_str())?,
            remote: find(&setpoint.remote),
            connected: find(&setpoint.connected),
            around: around(setpoint, &table),
            setpoint: SetPoint::new(setpoint_spec(site, setpoint), now.mono),
            score: live(setpoint, &table, now),
        })
    });
    let setpoints = setpoints.collect();
    let masters = site.masters.iter().map(|master| (Arc::clone(&master.name), master.control)).collect();
    let time = TimeBase::new(site.outstation.time_source == TimeSource::Master);
    Brain::new(table, setpoints, heartbeat, time, masters, now)
}

/// The score of a set point that has one, before its first step.
fn live(setpoint: &site::SetPoint, table: &Table, now: Now) -> Option<Live> {
    let how = &setpoint.regulating;
    let find = |point: &site::Point| table.find(point.id.as_str());
    let score = how.score.as_ref()?;
    let places = (find(&score.point)?, find(how.owner.as_ref()?)?, find(how.clamp.as_ref()?)?);
    Some(Live::new(score_rules(score), places, now))
}

/// The points that are made of others, the connection among them.
fn derived(site: &Site, table: &Table) -> Vec<Derived> {
    let inputs = |ids: Vec<&PointId>| -> Vec<Input> {
        let one = |id: &PointId| {
            let at = table.find(id.as_str())?;
            Some(Input { at, unit: table.row(at)?.spec.unit })
        };
        ids.into_iter().filter_map(one).collect()
    };
    let analogs = site.analogs.iter().filter_map(|analog| {
        let (derive, point) = (analog.derive.as_ref()?, table.find(analog.point.id.as_str())?);
        let range = analog.range.map(|range| range_text(range, analog.unit));
        Some(Derived::quantity(point, derive, inputs(derive.inputs()), analog.unit, range))
    });
    let digitals = site.digitals.iter().filter_map(|digital| {
        let (derive, point) = (digital.derive.as_ref()?, table.find(digital.point.id.as_str())?);
        Some(Derived::state(point, derive, inputs(derive.inputs())))
    });
    let connection = site.connection.iter().filter_map(|unit| {
        let point = table.find(unit.point.id.as_str())?;
        Some(Derived::state(point, &unit.derive, inputs(unit.derive.inputs())))
    });
    analogs.chain(digitals).chain(connection).collect()
}

/// Has the points checked whose site asks for it.
fn checked(site: &Site, table: &mut Table) {
    for analog in site.analogs.iter().filter(|analog| !analog.checks.is_empty()) {
        let Some(point) = table.find(analog.point.id.as_str()) else { continue };
        let gates = analog.checks.flat.iter().flat_map(|flat| &flat.gates);
        let gates = gates
            .filter_map(|gate| Some(Gate { point: table.find(gate.point.as_str())?, holds: gate.holds }));
        let spec = CheckSpec {
            gates: gates.collect(),
            with: analog.checks.cross.as_ref().and_then(|cross| table.find(cross.with.point.as_str())),
            checks: analog.checks.clone(),
            unit: analog.unit,
        };
        table.check(point, spec);
    }
}

/// A physical range with its text for whoever reads the reason.
fn range_text((low, high): (f64, f64), unit: Unit) -> (f64, f64, Arc<str>) {
    (low, high, Arc::from(format!("{low}..{high} {unit}")))
}

pub(super) fn device_id(site: &Site, at: DeviceIx) -> Arc<str> {
    site.devices.get(at.get()).map_or_else(|| Arc::from(""), |device| Arc::clone(&device.id))
}

fn specs(site: &Site) -> Vec<PointSpec> {
    let analogs = site.analogs.iter().map(|analog| analog_spec(site, analog));
    let unread = |digital: &site::Digital| {
        if digital.derive.is_some() { Source::Made } else { Source::Unmapped }
    };
    let digitals = site.digitals.iter().map(|digital| PointSpec {
        id: digital.point.id.clone(),
        name: Arc::clone(&digital.point.name),
        point: PointType::BinaryInput,
        index: digital.point.served.index,
        unit: None,
        scale: None,
        full_scale: Arc::from(""),
        source: digital.source.map_or_else(
            || unread(digital),
            |source| Source::Field {
                device: source.device,
                reading: source.reading,
                rule: Rule { kind: RuleKind::Digital, device: device_id(site, source.device) },
                age_max: source.age_max,
            },
        ),
    });
    let heartbeat = site.heartbeat.iter().map(|beat| {
        let counts = f64::from(beat.wrap);
        let wire = Scale::Counts { max_units: counts, max_counts: counts };
        made(
            &beat.point.id,
            &beat.point.name,
            PointType::AnalogInput,
            &beat.point.served,
            Some((Unit::Count, wire)),
        )
    });
    let connection = site
        .connection
        .iter()
        .map(|unit| made(&unit.point.id, &unit.point.name, PointType::BinaryInput, &unit.point.served, None));
    let setpoints = site.setpoints.iter().flat_map(|setpoint| {
        let of =
            |point: &site::Point, kind, scaled| made(&point.id, &point.name, kind, &point.served, scaled);
        let scaled = Some((setpoint.unit, setpoint.wire));
        let held = of(&setpoint.point, PointType::AnalogOutputStatus, scaled);
        let shown = setpoint
            .shown()
            .map(move |one| of(one.point, PointType::AnalogInput, Some((one.unit, one.wire))));
        let pulses = setpoint.pulses().map(move |(_, point)| of(point, PointType::BinaryOutputStatus, None));
        std::iter::once(held).chain(shown).chain(pulses)
    });
    analogs.chain(digitals).chain(heartbeat).chain(connection).chain(setpoints).collect()
}

fn analog_spec(site: &Site, analog: &site::Analog) -> PointSpec {
    let derived = || if analog.derive.is_some() { Source::Made } else { Source::Unmapped };
    let source = analog.source.map_or_else(derived, |source| {
        let kind = RuleKind::Analog {
            from: source.unit,
            to: analog.unit,
            sign: source.sign,
            range: analog.range.map(|range| range_text(range, analog.unit)),
        };
        Source::Field {
            device: source.device,
            reading: source.reading,
            rule: Rule { kind, device: device_id(site, source.device) },
            age_max: source.age_max,
        }
    });
    PointSpec {
        id: analog.point.id.clone(),
        name: Arc::clone(&analog.point.name),
        point: PointType::AnalogInput,
        index: analog.point.served.index,
        unit: Some(analog.unit),
        scale: Some(analog.wire),
        full_scale: full_scale(analog.wire, analog.unit),
        source,
    }
}

fn made(
    id: &PointId,
    name: &Arc<str>,
    point: PointType,
    served: &Served,
    scaled: Option<(Unit, Scale)>,
) -> PointSpec {
    PointSpec {
        id: id.clone(),
        name: Arc::clone(name),
        point,
        index: served.index,
        unit: scaled.map(|(unit, _)| unit),
        scale: scaled.map(|(_, scale)| scale),
        full_scale: scaled.map_or_else(|| Arc::from(""), |(unit, scale)| full_scale(scale, unit)),
        source: Source::Made,
    }
}

fn full_scale(scale: Scale, unit: Unit) -> Arc<str> {
    match scale {
        Scale::Counts { max_units, max_counts } => format!("{max_units} {unit} = {max_counts} counts").into(),
        Scale::Engineering => "32-bit float".into(),
    }
}
