//! The registers of turbines, and of devices of raw registers.

use serde_json::{Value, json};

use super::{TERMINAL_VOLTS, View, Writer, factor};
use crate::devices::Kind;
use crate::devices::raw::{GOVERNOR, MODE, Register};
use crate::faults::FaultKind;

/// A turbine: SunSpec's inverter models. `Hz` is in mHz, finer than an inverter's.
pub(super) fn turbine(
    to: &mut Writer<'_>,
    (rated, power, energy): (f64, f64, f64),
    limited: bool,
    view: &View,
) {
    to.model = 103;
    let amps = rated / TERMINAL_VOLTS / 3_f64.sqrt();
    let (w_sf, va_sf, var_sf) =
        (to.scale(13, factor(rated)), to.scale(17, factor(rated)), to.scale(19, factor(rated)));
    let (amps_sf, volts_sf, hz_sf, tmp_sf) =
        (to.scale(4, factor(amps)), to.scale(11, -1), to.scale(15, -3), to.scale(35, -1));
    to.image.put(103, 24, 0);
    to.signed("W", 12, w_sf, power);
    for (at, name) in ["A", "AphA", "AphB", "AphC"].iter().enumerate() {
        to.unsigned(name, at, 1, amps_sf, power.abs() / TERMINAL_VOLTS / 3_f64.sqrt());
    }
    for (at, name) in ["PhVphA", "PhVphB", "PhVphC"].iter().enumerate() {
        to.unsigned(name, 8 + at, 1, volts_sf, if view.closed { TERMINAL_VOLTS / 3_f64.sqrt() } else { 0.0 });
    }
    to.unsigned("Hz", 14, 1, hz_sf, view.hz);
    to.signed("VA", 16, va_sf, power);
    to.signed("VAr", 18, var_sf, 0.0);
    to.total(22, 2, energy);
    to.signed("TmpCab", 31, tmp_sf, 25.0 + 20.0 * (power / rated).max(0.0));
    // Fault, sleeping, throttled, at the most that the wind gives.
    let state = match (to.fault == FaultKind::Trip, power > 0.0, limited) {
        (true, ..) => 7,
        (false, false, _) => 2,
        (false, true, true) => 5,
        (false, true, false) => 4,
    };
    to.image.put(103, 36, state);
    to.values.insert("St".to_owned(), json!(state));
    to.image.put_wide(103, 38, 4, 0);
    to.model = 120;
    to.image.put(120, 0, 4);
    let sf = to.scale(2, factor(rated));
    to.unsigned("WRtg", 1, 1, sf, rated);
    let sf = to.scale(4, factor(rated));
    to.unsigned("VARtg", 3, 1, sf, rated);
    to.model = 121;
    let sf = to.scale(20, factor(rated));
    to.unsigned("WMax", 0, 1, sf, rated);
    let sf = to.scale(21, -1);
    to.unsigned("VRef", 1, 1, sf, TERMINAL_VOLTS);
    let sf = to.scale(22, -1);
    to.signed("VRefOfs", 2, sf, 0.0);
    let sf = to.scale(29, -2);
    to.unsigned("ECPNomHz", 18, 1, sf, view.nominal_hz);
}

/// Figures by name, in the units of the table.
pub(super) fn figures(kind: &Kind, view: &View, fault: FaultKind) -> Vec<(&'static str, f64)> {
    let word = |on: bool| if on { 1.0 } else { 0.0 };
    let heartbeat = ("heartbeat", f64::from(view.heartbeat));
    #[expect(clippy::cast_precision_loss, reason = "members are few")]
    let count = |members: usize| members as f64;
    match kind {
        Kind::Nacelle { air, .. } => vec![
            ("wind_speed", air.speed),
            ("wind_direction", air.direction),
            ("temperature", air.temperature),
            heartbeat,
        ],
        Kind::Unit { unit, energy, .. } => {
            let machine = &unit.machine;
            let state = match (fault == FaultKind::Trip, unit.closed) {
                (true, _) => 2.0,
                (false, closed) => word(closed),
            };
            vec![
                ("state", state),
                ("breaker", word(unit.closed)),
                heartbeat,
                ("power", unit.power / 1e3),
                ("reference", unit.reference / 1e3),
                ("response", unit.response / 1e3),
                ("headroom", unit.headroom() / 1e3),
                ("frequency", view.hz),
                ("droop", machine.droop * 100.0),
                ("deadband", machine.deadband_hz),
                ("rated", machine.rated / 1e3),
                ("minimum", machine.minimum / 1e3),
                ("ramp", machine.ramp_per_s * 60.0 / 1e3),
                ("energy", energy / 1e3),
            ]
        }
        Kind::Aggregate { aggregate, energy } => vec![
            ("members", count(aggregate.count())),
            ("available", count(aggregate.available)),
            ("waiting", count(aggregate.waiting)),
            heartbeat,
            ("power", aggregate.power),
            ("potential", aggregate.potential),
            ("rated_available", aggregate.rated_available),
            ("rated", aggregate.rated()),
            ("energy", energy / 1e3),
        ],
        _ => Vec::new(),
    }
}

/// A device of raw registers. What somebody writes is left as it is, and told with the rest.
pub(super) fn raw(to: &mut Writer<'_>, table: &[Register], kind: &Kind, figures: &[(&'static str, f64)]) {
    to.model = 0;
    let mode = to.image.get(0, MODE);
    for register in table {
        let figure = match (register.writable, register.name) {
            (true, _) => continue,
            (_, "agc") => Some(f64::from(mode)),
            (_, "governor") => Some(f64::from(u16::from(to.image.get(0, GOVERNOR) == 1 && runs(kind)))),
            (_, name) => figures.iter().find(|(known, _)| *known == name).map(|(_, value)| *value),
        };
        to.figure(register, figure);
    }
    if let Kind::Unit { .. } | Kind::Aggregate { .. } = kind {
        to.values.insert("mode".to_owned(), json!(mode));
        to.values.insert("set_point".to_owned(), json!(to.image.set_point()));
    }
    let power = match kind {
        Kind::Unit { unit, .. } => unit.power,
        Kind::Aggregate { aggregate, .. } => aggregate.power,
        _ => return,
    };
    let none = to.fault == FaultKind::NotImplemented;
    to.values.insert("W".to_owned(), if none { Value::Null } else { json!(power) });
}

/// A unit's governor has a part only while the unit runs above its least load.
fn runs(kind: &Kind) -> bool {
    matches!(kind, Kind::Unit { unit, .. } if unit.closed && unit.reference >= unit.machine.minimum)
}
