//! Makes the measured registers of a device from the state of the plant.

use serde_json::{Map, Value, json};
use telemetry::Now;

use super::raw::{self, Register};
use super::{Device, Image, Kind, View};
use crate::faults::FaultKind;

mod machines;

/// Nominal voltage at the inverters' and the battery's terminals, V.
const TERMINAL_VOLTS: f64 = 690.0;

/// The power of ten with which `largest` fits a signed register.
fn factor(largest: f64) -> i16 {
    let mut factor = 0;
    while largest * 1.25 / 10_f64.powi(i32::from(factor)) > 32_000.0 {
        factor += 1;
    }
    factor
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast from a float saturates, and values are clamped before"
)]
fn counts(value: f64, factor: i16) -> i64 {
    (value / 10_f64.powi(i32::from(factor))).round() as i64
}

struct Writer<'a> {
    image: &'a mut Image,
    fault: FaultKind,
    model: u16,
    values: Map<String, Value>,
}

impl Writer<'_> {
    /// A scale factor; the fault `scale` moves it.
    fn scale(&mut self, at: usize, factor: i16) -> i16 {
        let factor = factor + i16::from(self.fault == FaultKind::Scale);
        self.image.put(self.model, at, factor.cast_unsigned());
        factor
    }

    fn signed(&mut self, name: &str, at: usize, factor: i16, value: f64) {
        let raw = i16::try_from(counts(value, factor).clamp(-32_767, 32_767)).unwrap_or(0);
        let raw = if self.fault == FaultKind::NotImplemented { i16::MIN } else { raw };
        self.image.put(self.model, at, raw.cast_unsigned());
        self.note(name, i64::from(raw), factor, raw == i16::MIN);
    }

    fn unsigned(&mut self, name: &str, at: usize, words: usize, factor: i16, value: f64) {
        let top = if words == 1 { 0xFFFE } else { 0xFFFF_FFFE };
        let raw = u64::try_from(counts(value, factor).clamp(0, top)).unwrap_or(0);
        let none = self.fault == FaultKind::NotImplemented;
        self.image.put_wide(self.model, at, words, if none { u64::MAX } else { raw });
        self.note(name, i64::try_from(raw).unwrap_or(i64::MAX), factor, none);
    }

    /// An accumulator: zero says that it is not implemented.
    fn total(&mut self, at: usize, words: usize, value: f64) {
        let none = self.fault == FaultKind::NotImplemented;
        let raw = if none { 0 } else { counts(value, 0).max(0) };
        self.image.put_wide(self.model, at, words, u64::try_from(raw).unwrap_or(0));
    }

    /// A figure of a device of raw registers.
    fn figure(&mut self, register: &Register, value: Option<f64>) {
        let (low, high) = register.form.range();
        #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
        let raw = value.map(|value| ((value / register.step).round() as i64).clamp(low, high));
        let raw = if self.fault == FaultKind::NotImplemented { None } else { raw };
        let word = raw.unwrap_or(register.form.none());
        self.image.put_wide(0, register.at, register.form.words(), word.cast_unsigned());
        match (raw, value) {
            (Some(raw), Some(_)) => {
                // Steps are 1 or a decimal part: a division by a whole number rounds once.
                #[expect(clippy::cast_precision_loss, reason = "registers of 32 bits at most")]
                let value = raw as f64 / (1.0 / register.step).round();
                self.values.insert(register.name.to_owned(), json!(value));
                self.values.insert(format!("{}_raw", register.name), json!(raw));
            }
            _ => drop(self.values.insert(register.name.to_owned(), Value::Null)),
        }
    }

    fn note(&mut self, name: &str, raw: i64, factor: i16, none: bool) {
        if none {
            self.values.insert(name.to_owned(), Value::Null);
            return;
        }
        // Whole powers of ten multiply exactly; a division by one rounds once.
        #[expect(clippy::cast_precision_loss, reason = "registers of 32 bits at most")]
        let (raw_value, ten) = (raw as f64, 10_f64.powi(i32::from(factor.abs())));
        let value = if factor >= 0 { raw_value * ten } else { raw_value / ten };
        self.values.insert(name.to_owned(), json!(value));
        self.values.insert(format!("{name}_raw"), json!(raw));
    }
}

/// Refreshes the image; what it now says, by name, in units and as raw registers.
pub(crate) fn refresh(device: &mut Device, view: &View, now: Now) -> Map<String, Value> {
    let fault = device.fault;
    let mut to = Writer { image: &mut device.image, fault, model: 0, values: Map::new() };
    if let Some(table) = raw::table(&device.kind) {
        machines::raw(&mut to, table, &device.kind, &machines::figures(&device.kind, view, fault));
        return to.values;
    }
    match device.kind {
        Kind::Inverter { ac, power, dc_now, energy, .. } => {
            inverter(&mut to, (ac, power, dc_now, energy), view);
        }
        Kind::Turbine { rated, power, limited, energy, .. } => {
            machines::turbine(&mut to, (rated, power, energy), limited, view);
        }
        Kind::Battery { rating, capacity, energy, power, out, taken, .. } => {
            let left = device.reverts.map_or(0, |at| at.since(now.mono).as_secs());
            battery(&mut to, (rating, capacity, energy, power, out, taken), view);
            to.image.put_wide(704, 31, 2, left);
        }
        Kind::Meter { volts, rated, out, taken, .. } => {
            meter(&mut to, (volts, rated), (out, taken), view);
        }
        Kind::Met => met(&mut to, view),
        Kind::Switchgear => switchgear(&mut to, view),
        Kind::Nacelle { .. } | Kind::Unit { .. } | Kind::Aggregate { .. } => {}
    }
    to.values
}

fn switchgear(to: &mut Writer<'_>, view: &View) {
    let hertz = |factor: i16| u16::try_from(counts(view.hz, factor)).unwrap_or(u16::MAX);
    let words = [
        ("closed", u16::from(view.closed)),
        ("remote", u16::from(view.remote)),
        ("bus_chz", hertz(-2)),
        ("heartbeat", view.heartbeat),
        ("bus_mhz", hertz(-3)),
    ];
    for (at, (name, word)) in words.into_iter().enumerate() {
        to.image.put(0, at, word);
        to.values.insert(name.to_owned(), json!(word));
    }
    to.image.put_signed(0, 6, view.aux);
    to.values.insert("aux_w".to_owned(), json!(view.aux.round()));
}

/// Models 103 and 120 of a machine that feeds in: what an inverter and a turbine have in common.
struct Feeds {
    rated: f64,
    power: f64,
    energy: f64,
    /// `103.St`.
    state: u16,
    /// The scale factor of `103.Hz`.
    hz_factor: i16,
}

impl Feeds {
    fn write(&self, to: &mut Writer<'_>, view: &View) {
        let Self { rated, power, .. } = *self;
        to.model = 103;
        let (sf, amps) = (factor(rated), rated / TERMINAL_VOLTS / 3_f64.sqrt());
        let (amps_sf, volts_sf, w_sf, hz_sf) =
            (to.scale(4, factor(amps)), to.scale(11, -1), to.scale(13, sf), to.scale(15, self.hz_factor));
        let (va_sf, var_sf, tmp_sf) = (to.scale(17, sf), to.scale(19, sf), to.scale(35, -1));
        to.image.put(103, 24, 0);
        to.signed("W", 12, w_sf, power);
        for (at, name) in ["A", "AphA", "AphB", "AphC"].iter().enumerate() {
            to.unsigned(name, at, 1, amps_sf, power.abs() / TERMINAL_VOLTS / 3_f64.sqrt());
        }
        let volts = if view.closed { TERMINAL_VOLTS / 3_f64.sqrt() } else { 0.0 };
        for (at, name) in ["PhVphA", "PhVphB", "PhVphC"].iter().enumerate() {
            to.unsigned(name, 8 + at, 1, volts_sf, volts);
        }
        to.unsigned("Hz", 14, 1, hz_sf, view.hz);
        to.signed("VA", 16, va_sf, power);
        to.signed("VAr", 18, var_sf, 0.0);
        to.total(22, 2, self.energy);
        to.signed("TmpCab", 31, tmp_sf, 25.0 + 20.0 * (power / rated).max(0.0));
        to.image.put(103, 36, self.state);
        to.image.put_wide(103, 38, 4, 0);
        to.model = 120;
        to.image.put(120, 0, 4);
        let sf = to.scale(2, factor(rated));
        to.unsigned("WRtg", 1, 1, sf, rated);
        let sf = to.scale(4, factor(rated));
        to.unsigned("VARtg", 3, 1, sf, rated);
    }
}

fn inverter(to: &mut Writer<'_>, (ac, power, dc, energy): (f64, f64, f64, f64), view: &View) {
    let state = match (to.fault == FaultKind::Trip, power > 0.0) {
        (true, _) => 7,
        (false, true) => 4,
        (false, false) => 2,
    };
    Feeds { rated: ac, power, energy, state, hz_factor: -2 }.write(to, view);
    to.model = 103;
    let sf = to.scale(30, factor(ac * 1.5));
    to.signed("DCW", 29, sf, dc);
}

fn battery(
    to: &mut Writer<'_>,
    (rating, capacity, energy, power, out, taken): (f64, f64, f64, f64, f64, f64),
    view: &View,
) {
    to.model = 701;
    // Off, or on; in fault, running or standing by; connected or not.
    let (on, state, connected) = match (to.fault == FaultKind::Trip, view.closed) {
        (true, _) => (0, 6, 0),
        (false, true) => (1, 3, 1),
        (false, false) => (1, 7, 0),
    };
    for (at, word) in [2, on, state, connected].into_iter().enumerate() {
        to.image.put(701, at, word);
    }
    let (w_sf, va_sf, var_sf) =
        (to.scale(114, factor(rating)), to.scale(116, factor(rating)), to.scale(117, factor(rating)));
    let (amps_sf, volts_sf, hz_sf) =
        (to.scale(111, factor(rating / TERMINAL_VOLTS)), to.scale(112, -1), to.scale(113, -3));
    to.image.put(701, 118, 0);
    to.signed("W", 8, w_sf, power);
    to.signed("VA", 9, va_sf, power.abs());
    to.signed("Var", 10, var_sf, 0.0);
    to.signed("A", 12, amps_sf, power.abs() / TERMINAL_VOLTS / 3_f64.sqrt());
    to.unsigned("LLV", 13, 1, volts_sf, TERMINAL_VOLTS);
    to.unsigned("Hz", 15, 2, hz_sf, view.hz);
    to.total(17, 4, out);
    to.total(21, 4, taken);
    to.model = 702;
    let sf = to.scale(43, factor(rating));
    for (at, name) in [(0, "WMaxRtg"), (8, "WChaRteMaxRtg"), (9, "WDisChaRteMaxRtg"), (24, "WMax")] {
        to.unsigned(name, at, 1, sf, rating);
    }
    to.model = 713;
    let (wh_sf, pct_sf) = (to.scale(5, factor(capacity)), to.scale(6, -2));
    to.unsigned("WHRtg", 0, 1, wh_sf, capacity);
    to.unsigned("WHAvail", 1, 1, wh_sf, energy);
    to.unsigned("SoC", 2, 1, pct_sf, energy / capacity * 100.0);
    to.unsigned("SoH", 3, 1, pct_sf, 100.0);
    to.image.put(713, 4, 0);
}

fn meter(to: &mut Writer<'_>, (volts, rated): (f64, f64), (out, taken): (f64, f64), view: &View) {
    let total = view.total;
    to.model = 203;
    // Kilowatts, more only where the plant is too large for them: resolution must not depend on the moment.
    let power = factor(rated).max(3);
    let amps = if rated / volts / 3_f64.sqrt() > 2_500.0 { 0 } else { -1 };
    let (w_sf, va_sf, var_sf) = (to.scale(20, power), to.scale(25, power), to.scale(30, power));
    let (amps_sf, volts_sf, hz_sf) = (to.scale(4, amps), to.scale(13, factor(volts)), to.scale(15, -2));
    to.image.put(203, 52, 0);
    to.signed("W", 16, w_sf, total);
    to.signed("VA", 21, va_sf, total.abs());
    to.signed("VAR", 26, var_sf, 0.0);
    for (at, name) in ["A", "AphA", "AphB", "AphC"].iter().enumerate() {
        to.signed(name, at, amps_sf, total.abs() / volts / 3_f64.sqrt());
    }
    for (at, name) in ["PhV", "PhVphA", "PhVphB", "PhVphC"].iter().enumerate() {
        to.signed(name, 5 + at, volts_sf, volts / 3_f64.sqrt());
    }
    for (at, name) in ["PPV", "PhVphAB", "PhVphBC", "PhVphCA"].iter().enumerate() {
        to.signed(name, 9 + at, volts_sf, volts);
    }
    to.signed("Hz", 14, hz_sf, view.hz);
    to.total(36, 2, out);
    to.total(44, 2, taken);
    to.image.put_wide(203, 103, 2, 0);
}

fn met(to: &mut Writer<'_>, view: &View) {
    let [ghi, dni, dhi, air, humidity, pressure, wind, direction] = view.weather.0;
    to.model = 302;
    for (at, (name, value)) in
        [("GHI", ghi), ("POAI", view.irradiance), ("DFI", dhi), ("DNI", dni)].iter().enumerate()
    {
        to.unsigned(name, at, 1, 0, *value);
    }
    to.model = 303;
    to.signed("TmpBOM", 0, -1, view.cell);
    to.model = 307;
    to.signed("TmpAmb", 0, -1, air);
    for (at, (name, value)) in
        [("RH", humidity), ("Pres", pressure), ("WndSpd", wind), ("WndDir", direction)].iter().enumerate()
    {
        to.signed(name, 1 + at, 0, *value);
    }
}
