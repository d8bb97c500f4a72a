//! The registers of turbines, and of devices of raw registers.

use serde_json::{Value, json};

use super::{Feeds, TERMINAL_VOLTS, View, Writer, factor};
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
    // Fault, sleeping, throttled, at the most that the wind gives.
    let state = match (to.fault == FaultKind::Trip, power > 0.0, limited) {
        (true, ..) => 7,
        (false, false, _) => 2,
        (false, true, true) => 5,
        (false, true, false) => 4,
    };
    Feeds { rated, power, energy, state, hz_factor: -3 }.write(to, view);
    to.values.insert("St".to_owned(), json!(state));
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
                ("governor_power", (unit.power - unit.base) / 1e3),
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
