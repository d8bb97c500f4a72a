//! Set points: from a request on the local socket to a command at a device, and its answer back.

use ieee1815::master::{Outcome, Request};
use ieee1815::{AnalogWidth, Command, OperateMode as Mode};
use serde_json::{Value, json};
use telemetry::Scale;

use crate::model::{Config, SetPoint};

/// A set point found and turned into a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    /// The device's place.
    pub(crate) device: usize,
    /// The place of the set point's status among the device's points.
    pub(crate) point: usize,
    /// In its unit.
    pub(crate) value: f64,
    /// `sbo` or `direct`.
    pub(crate) mode: &'static str,
    /// What to send.
    pub(crate) request: Request,
    /// The id of the point that shows the value in force.
    pub(crate) feedback: String,
}

/// Reads `{"do":"setpoint","point":ID,"value":NUMBER,"mode":"sbo"|"direct","device":NAME}`; mode and device may be
/// left out, the device only where the id is one device's alone.
pub(crate) fn order(config: &Config, request: &Value) -> Result<Order, String> {
    let id =
        request.get("point").and_then(Value::as_str).ok_or("`point` is missing: the id of a set point")?;
    let value = request.get("value").and_then(Value::as_f64).ok_or("`value` is missing: a number")?;
    let mode = match request.get("mode") {
        None | Some(Value::Null) => "sbo",
        Some(mode) => match mode.as_str() {
            Some("sbo") => "sbo",
            Some("direct") => "direct",
            _ => return Err(format!("{mode} is no mode, allowed: sbo, direct")),
        },
    };
    let (device, setpoint) = find(config, id, request.get("device").and_then(Value::as_str))?;
    let configured = config.devices.get(device).ok_or("no such device")?;
    let point = configured.points.get(setpoint.point).ok_or("no such point")?;
    let unit = point.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let (low, high) = setpoint.limits;
    if !(low..=high).contains(&value) {
        return Err(format!("{value}{unit} is outside the limits of {id}: {low} to {high}{unit}"));
    }
    let command =
        command(point.wire, value).ok_or_else(|| format!("{value}{unit} does not fit the scale of {id}"))?;
    let sent = if mode == "sbo" { Mode::SelectBeforeOperate } else { Mode::Direct };
    Ok(Order {
        device,
        point: setpoint.point,
        value,
        mode,
        request: Request::Operate { mode: sent, index: point.index, command },
        feedback: configured
            .points
            .get(setpoint.feedback)
            .map(|point| point.id.to_string())
            .unwrap_or_default(),
    })
}

/// The command (g41) that asks for `units`: 16-bit counts where full scale fits them, else 32-bit counts; a 32-bit
/// float for an engineering value. `None` where `units` does not fit the scale: a set point is refused rather than
/// cut.
pub(crate) fn command(scale: Scale, units: f64) -> Option<Command> {
    let width = match scale {
        Scale::Counts { .. } if scale.fits_16_bits() => AnalogWidth::I16,
        Scale::Counts { .. } => AnalogWidth::I32,
        Scale::Engineering => AnalogWidth::F32,
    };
    let (value, saturated) = scale.to_wire(units);
    (value.is_finite() && !saturated).then_some(Command::Analog { value, width })
}

/// The one set point of this id.
fn find(config: &Config, id: &str, device: Option<&str>) -> Result<(usize, SetPoint), String> {
    let mut found = None;
    let mut known = Vec::new();
    for (place, configured) in config.devices.iter().enumerate() {
        for setpoint in &configured.setpoints {
            let Some(point) = configured.points.get(setpoint.point) else { continue };
            known.push(point.id.as_str());
            if point.id.as_str() != id || device.is_some_and(|name| name != &*configured.name) {
                continue;
            }
            if found.replace((place, *setpoint)).is_some() {
                return Err(format!("more than one device has a set point `{id}`: name the device too"));
            }
        }
    }
    found.ok_or_else(|| match known.as_slice() {
        [] => format!("there is no set point `{id}`: none is configured"),
        _ => format!("there is no set point `{id}`, configured: {}", known.join(", ")),
    })
}

/// The word for an outcome in records and answers: the DNP3 command status, or why there is none.
pub(crate) fn status(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Status(status) => status.to_string(),
        Outcome::TimedOut => "TIMED_OUT".to_owned(),
        Outcome::LinkDown => "LINK_DOWN".to_owned(),
        Outcome::Expired => "EXPIRED".to_owned(),
        Outcome::Refused(_) => "REFUSED".to_owned(),
        Outcome::Malformed(_) => "MALFORMED".to_owned(),
        Outcome::Overloaded => "OVERLOADED".to_owned(),
        Outcome::Invalid(_) => "INVALID".to_owned(),
        Outcome::NotSent => "NOT_SENT".to_owned(),
        Outcome::SelectExpired => "SELECT_EXPIRED".to_owned(),
        // Nothing that a set point asks for.
        Outcome::ReadDone
        | Outcome::TimeWritten
        | Outcome::Sent
        | Outcome::Statuses(_)
        | Outcome::Accepted
        | Outcome::Restarting(_)
        | Outcome::Delay(_) => "UNEXPECTED".to_owned(),
    }
}

/// The answer to the local socket.
pub(crate) fn answer(order: &Order, status: &str) -> Value {
    json!({ "status": status, "mode": order.mode, "value": order.value, "feedback": order.feedback })
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::Source;

    fn config() -> Config {
        let text = include_str!("../tests/support/one_device.toml");
        Config::from_source(&Source::from_text("ems.toml", text)).unwrap()
    }

    #[test]
    fn a_set_point_becomes_counts_by_select_before_operate() {
        let order =
            order(&config(), &json!({"do": "setpoint", "point": "bess.mw.setpoint", "value": -2.5})).unwrap();
        assert_eq!((order.device, order.point, order.mode, &*order.feedback), (0, 3, "sbo", "poi.mw"));
        let command = Command::Analog { value: -15_000.0, width: AnalogWidth::I16 };
        assert_eq!(order.request, Request::Operate { mode: Mode::SelectBeforeOperate, index: 1, command });
    }

    #[test]
    fn a_command_takes_the_width_that_fits_and_is_never_cut() {
        let analog = |value, width| Some(Command::Analog { value, width });
        let counts = |max_units, max_counts| Scale::Counts { max_units, max_counts };
        assert_eq!(command(counts(15.0, 30_000.0), -3.3), analog(-6_600.0, AnalogWidth::I16));
        assert_eq!(command(counts(15.0, 30_000.0), 15.1), None);
        assert_eq!(command(counts(10.0, 100_000.0), 10.0), analog(100_000.0, AnalogWidth::I32));
        assert_eq!(command(Scale::Engineering, 2.25), analog(2.25, AnalogWidth::F32));
        assert_eq!(command(Scale::Engineering, f64::NAN), None);
        assert_eq!(command(Scale::Engineering, 1e300), None);
    }

    #[test]
    fn what_is_wrong_is_told_and_nothing_is_sent() {
        let told = |request: Value| order(&config(), &request).unwrap_err();
        assert_eq!(
            told(json!({"point": "bess.mw.setpoint", "value": 4.5})),
            "4.5 MW is outside the limits of bess.mw.setpoint: -4 to 4 MW"
        );
        assert_eq!(
            told(json!({"point": "x", "value": 1})),
            "there is no set point `x`, configured: bess.mw.setpoint"
        );
        assert_eq!(told(json!({"point": "bess.mw.setpoint"})), "`value` is missing: a number");
        assert_eq!(
            told(json!({"point": "bess.mw.setpoint", "value": 1, "mode": "now"})),
            "\"now\" is no mode, allowed: sbo, direct"
        );
        assert!(
            told(json!({"point": "bess.mw.setpoint", "value": 1, "device": "other"}))
                .starts_with("there is no set point")
        );
    }
}
