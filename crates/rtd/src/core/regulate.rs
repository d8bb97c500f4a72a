//! From a site's set point to its machine, its devices and its places in the table.

use std::time::Duration;

use control::authority::Spec;
use control::dispatch::Method;
use control::energy::Store;
use control::pulses::Pulses;
use control::{Loss, Rules, primary, trim};
use site::{Control, Dispatch, Edges, Handover, OnLoss, Site};
use telemetry::{PointId, Scale, Unit};

use super::brain::{Around, Bound, DriveAround, PrimaryAround, Quantity, Stored};
use super::build::device_id;
use super::control::{DriveKind, DriveSpec, STEP, SetPointSpec};
use super::table::Table;

/// Units a second; without a ramp, at once.
fn per_second(per_minute: Option<f64>) -> f64 {
    per_minute.map_or(f64::INFINITY, |per_minute| per_minute / 60.0)
}

fn machine(setpoint: &site::SetPoint) -> Spec {
    let how = &setpoint.regulating;
    let (low, high) = setpoint.limits;
    let single = low.abs().max(high.abs()) * f64::from(f32::EPSILON);
    Spec {
        asked: setpoint.limits,
        // Counts cannot always say a limit exactly, nor can a single-precision number: one that is off by half a
        // count, or by what such a number cannot tell apart, is taken for the limit.
        slack: setpoint.wire.half_step().max(single),
        rules: Rules {
            up: per_second(how.ramp_up_per_min),
            down: per_second(how.ramp_down_per_min),
            deadband: how.deadband,
        },
        hold: setpoint.hold,
        silence: how.silence,
        loss: match how.on_loss {
            OnLoss::Hold => Loss::Hold,
            OnLoss::Schedule => Loss::Schedule,
            OnLoss::Release => Loss::Release,
        },
        commands_max: how.commands_max,
        step: STEP,
    }
}

/// How a set point is scored, live and out of its history.
pub(crate) fn score_rules(score: &site::Score) -> control::score::Rules {
    control::score::Rules {
        step_ms: u64::try_from(score.step.as_millis()).unwrap_or(u64::MAX),
        steps: score.steps(),
        delay_max: score.delay_max,
        accuracy_below: score.accuracy_below,
    }
}

fn primary_rules(of: &site::Primary, how: &site::Regulating) -> primary::Rules {
    // Where the set point has no ramp the response comes and goes within a minute.
    let rate = |per_minute: Option<f64>| per_minute.unwrap_or(of.most) / 60.0;
    primary::Rules {
        nominal: of.nominal,
        droop: of.droop_pct / 100.0,
        deadband: of.deadband_hz,
        capacity: of.capacity,
        most: of.most,
        up: rate(how.ramp_up_per_min),
        down: rate(how.ramp_down_per_min),
    }
}

pub(super) fn setpoint_spec(site: &Site, setpoint: &site::SetPoint) -> SetPointSpec {
    let how = &setpoint.regulating;
    let drive = |drive: &site::Drive| DriveSpec {
        device: drive.device,
        name: device_id(site, drive.device),
        kind: match drive.control {
            Control::SunSpec704 { watts_per_unit } => DriveKind::SunSpec704 { watts_per_unit },
            Control::SunSpec123 { percent_per_unit } => DriveKind::SunSpec123 { percent_per_unit },
            Control::Registers(registers) => DriveKind::Registers(registers),
        },
        revert_s: drive.revert_s,
        least: drive.part.least,
        priority: drive.part.priority,
        free: drive.part.free,
    };
    SetPointSpec {
        id: setpoint.point.id.clone(),
        scale: setpoint.wire,
        machine: machine(setpoint),
        drives: setpoint.drives.iter().map(drive).collect(),
        method: how.dispatch.map(|how| match how {
            Dispatch::Capability => Method::Capability,
            Dispatch::Charge => Method::Charge,
            Dispatch::Priority => Method::Priority,
        }),
        trim: how.trim.as_ref().map(|trim| trim::Rules { gain: trim.gain, most: trim.most }),
        primary: how.primary.as_ref().map(|primary| primary_rules(primary, how)),
        follows: how.follows,
        aux: how.aux.is_some(),
        disables: how.handover == Handover::Disable,
        pulses: how.pulse.map(|pulse| Pulses {
            each: pulse.each,
            per_second: pulse.per_second,
            longest: pulse.longest,
        }),
    }
}

/// Where all that a set point looks at stands.
pub(super) fn around(setpoint: &site::SetPoint, table: &Table) -> Around {
    let how = &setpoint.regulating;
    let quantity = |id: &PointId, unit: Unit| -> Option<Quantity> {
        let at = table.find(id.as_str())?;
        let factor = table.row(at)?.spec.unit?.convert(1.0, unit)?;
        Some(Quantity { at, factor })
    };
    let power = |id: &Option<PointId>| id.as_ref().and_then(|id| quantity(id, setpoint.unit));
    let energy = |id: &Option<PointId>| id.as_ref().and_then(|id| quantity(id, Unit::MegawattHour));
    let state = |id: &PointId| table.find(id.as_str());
    let edges = |edges: &Edges| [power(&edges.low), power(&edges.high)];
    let bound = |bound: &Option<site::Bound>| match bound.as_ref()? {
        site::Bound::Number(number) => Some(Bound::Number(*number)),
        site::Bound::Point(id) => quantity(id, setpoint.unit).map(Bound::Point),
    };
    let store = |energy: &site::Energy| -> Option<Stored> {
        let store = Store {
            lowest: energy.lowest,
            highest: energy.highest,
            efficiency: energy.efficiency,
            horizon: energy.horizon.max(Duration::from_secs(1)),
        };
        let unit = Unit::Megawatt.convert(1.0, setpoint.unit)?;
        Some(Stored { charge: quantity(&energy.charge, Unit::MegawattHour)?, store, unit })
    };
    let drive = |drive: &site::Drive| DriveAround {
        low: bound(&drive.part.low),
        high: bound(&drive.part.high),
        stored: energy(&drive.part.stored),
        room: energy(&drive.part.room),
        available: drive.part.available.as_ref().and_then(state),
        power: power(&drive.part.power),
        energy: drive.part.energy.as_ref().and_then(store),
        charges: drive.part.charges(drive.control),
    };
    let pulse = |point: &Option<site::Point>| {
        let point = point.as_ref()?;
        Some((point.served.index?, state(&point.id)?))
    };
    Around {
        schedule: power(&how.schedule),
        hard: edges(&how.hard),
        soft: edges(&how.soft),
        energy: how.energy.as_ref().and_then(store),
        device_remote: how.device_remote.iter().filter_map(state).collect(),
        source: power(&how.charge_within),
        aux: power(&how.aux),
        meter: how.trim.as_ref().and_then(|trim| quantity(&trim.meter, setpoint.unit)),
        units: how.trim.as_ref().and_then(|trim| power(&trim.units)),
        drives: setpoint.drives.iter().map(drive).collect(),
        primary: how.primary.as_ref().and_then(|primary| {
            let told = |point: &Option<(site::Point, Scale)>| state(&point.as_ref()?.0.id);
            let site::Told { status, droop, deadband, headroom, response } = &primary.told;
            Some(PrimaryAround {
                frequency: quantity(&primary.frequency, Unit::Hertz)?,
                enable: primary.enable.as_ref().and_then(state),
                figures: [(told(droop), primary.droop_pct), (told(deadband), primary.deadband_hz)],
                status: status.as_ref().and_then(|point| state(&point.id)),
                headroom: told(headroom),
                response: told(response),
            })
        }),
        clamp: how.clamp.as_ref().and_then(|point| state(&point.id)),
        owner: how.owner.as_ref().and_then(|point| state(&point.id)),
        raise: pulse(&how.raise),
        lower: pulse(&how.lower),
    }
}
