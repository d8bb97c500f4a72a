//! Points: what they measure, where it comes from, and what is made of others.

use std::sync::Arc;
use std::time::Duration;

use config::Spanned;
use telemetry::scale::COUNTS_16_MAX;
use telemetry::{PointId, Scale, Unit};

use super::served::{RawScale, Variations, raw_scale};
use super::source::Wanted;
use super::{Check, Kind};
use crate::derive::{Checks, DigitalDerive};
use crate::device::Device;
use crate::model::{Analog, AnalogSource, Connection, Digital, DigitalSource, Heartbeat};
use crate::raw::{RawAnalog, RawConnection, RawDigital, RawHeartbeat};

/// Ages are told in milliseconds up to a day.
const AGE_MS: (u64, u64) = (1, 86_400_000);
/// The heartbeat's period.
const PERIOD_MS: (u64, u64) = (100, 3_600_000);

impl Check<'_> {
    /// The analog; `None` where its source is wrong.
    pub(crate) fn analog(&mut self, at: usize, raw: &RawAnalog, devices: &mut [Device]) -> Option<Analog> {
        let field = format!("analog[{at}]");
        let wire = self.wire(&field, &raw_scale!(raw));
        let point = self.enter(&field, &raw.served(), None, &Variations::analog(wire), Some(wire));
        self.units.insert(point.id.clone(), *raw.unit.get_ref());
        let age_max = self.age_max(&field, raw.age_max_ms.as_ref(), raw.source.is_some(), &raw.id);
        let range = raw.range.as_ref().map(|range| self.ordered(format!("{field}.range"), range));
        let deadband = raw.deadband.as_ref().map_or(0.0, |deadband| *deadband.get_ref());
        if let Some(text) = raw.deadband.as_ref().filter(|_| !(deadband.is_finite() && deadband >= 0.0)) {
            self.problem(text.span(), format!("{field}.deadband"), format!("{deadband}, must be 0 or above"));
        }
        let accuracy = raw.accuracy.as_ref();
        let accuracy = accuracy.map(|accuracy| self.above_zero(format!("{field}.accuracy"), accuracy));
        let station =
            raw.station.as_ref().and_then(|station| self.station(&format!("{field}.station"), station));
        let unit = *raw.unit.get_ref();
        let source = match &raw.source {
            Some(_) => Some(self.analog_source(&field, raw, age_max, devices)?),
            None => None,
        };
        // What it is made of, and what its values are checked for, names other points: they come later.
        let (derive, checks) = (None, Checks::default());
        Some(Analog { point, station, accuracy, source, derive, checks, unit, wire, range, deadband })
    }

    fn analog_source(
        &mut self,
        field: &str,
        raw: &RawAnalog,
        age_max: Option<Duration>,
        devices: &mut [Device],
    ) -> Option<AnalogSource> {
        let source = raw.source.as_ref()?;
        if raw.sign.is_none() {
            let message =
                "missing field `sign`: a source counts as we do (\"+\") or the other way round (\"-\")";
            self.problem(raw.id.span(), field, message);
        }
        let found = self.source(&format!("{field}.source"), source, Wanted::Number, devices)?;
        let device = devices.get(found.device.get());
        self.refreshed(field, raw.age_max_ms.as_ref(), &raw.id, age_max, device);
        let unit = *raw.unit.get_ref();
        if unit.dimension() != found.unit.dimension() {
            let message = format!(
                "{unit} measures {:?}, but the source gives {} ({:?}); allowed: {}",
                unit.dimension(),
                found.unit,
                found.unit.dimension(),
                fitting(found.unit),
            );
            self.problem(raw.unit.span(), format!("{field}.unit"), message);
        }
        let (device, reading) = (found.device, found.reading);
        Some(AnalogSource { device, reading, unit: found.unit, sign: raw.sign?, age_max: age_max? })
    }

    /// The digital; `None` where its source is wrong.
    pub(crate) fn digital(&mut self, at: usize, raw: &RawDigital, devices: &mut [Device]) -> Option<Digital> {
        let field = format!("digital[{at}]");
        let point = self.enter(&field, &raw.served(), None, &Variations::digital(), None);
        let age_max = self.age_max(&field, raw.age_max_ms.as_ref(), raw.source.is_some(), &raw.id);
        let states = self.states(&field, raw.states.as_ref());
        let source = match &raw.source {
            Some(source) => {
                let found = self.source(&format!("{field}.source"), source, Wanted::State, devices)?;
                let device = devices.get(found.device.get());
                self.refreshed(&field, raw.age_max_ms.as_ref(), &raw.id, age_max, device);
                Some(DigitalSource { device: found.device, reading: found.reading, age_max: age_max? })
            }
            None => None,
        };
        Some(Digital { point, states, source, derive: None })
    }

    /// How old a point may be; `None` where nobody says it. Only a source has an age.
    fn age_max(
        &mut self,
        field: &str,
        raw: Option<&Spanned<u64>>,
        mapped: bool,
        id: &Spanned<String>,
    ) -> Option<Duration> {
        let given = raw.map(|age| self.millis(format!("{field}.age_max_ms"), age, AGE_MS));
        let age = given.or(self.defaults.age_max);
        if age.is_none() && mapped {
            let message = "missing field `age_max_ms`: older than so many milliseconds is stale";
            self.problem(id.span(), field, message);
        }
        age
    }

    /// The texts of a state's two values.
    fn states(&mut self, field: &str, raw: Option<&Spanned<[Spanned<String>; 2]>>) -> Option<[Arc<str>; 2]> {
        let raw = raw?;
        let field = format!("{field}.states");
        let [off, on] = raw.get_ref();
        let texts = [self.line(&field, off), self.line(&field, on)];
        if off.get_ref() == on.get_ref() {
            let message = format!("`{}` names both 0 and 1: they must differ", on.get_ref());
            self.problem(on.span(), field, message);
        }
        Some(texts)
    }

    pub(crate) fn heartbeat(&mut self, raw: &RawHeartbeat) -> Heartbeat {
        let wrap = raw.wrap.as_ref().map(|wrap| *wrap.get_ref()).or(self.defaults.heartbeat_wrap);
        let at = raw.wrap.as_ref().map_or_else(|| raw.id.span(), Spanned::span);
        match wrap {
            Some(wrap) if (2..=32_768).contains(&wrap) => {}
            Some(wrap) => self.problem(at, "heartbeat.wrap", format!("{wrap}, allowed: 2 to 32768")),
            None => self.problem(at, "heartbeat", "missing field `wrap`: it counts 0 to `wrap` - 1"),
        }
        let wire = Scale::Counts { max_units: COUNTS_16_MAX, max_counts: COUNTS_16_MAX };
        let role = Some("heartbeat");
        let point = self.enter("heartbeat", &raw.served(), role, &Variations::analog(wire), Some(wire));
        self.units.insert(point.id.clone(), Unit::Count);
        let period = match (&raw.period_ms, self.defaults.heartbeat_period) {
            (Some(period), _) => self.millis("heartbeat.period_ms", period, PERIOD_MS),
            (None, Some(period)) => {
                self.within("heartbeat.period_ms", raw.id.span(), period, PERIOD_MS);
                period
            }
            (None, None) => {
                let message = "missing field `period_ms`: least time between two of its counts";
                self.problem(raw.id.span(), "heartbeat", message);
                Duration::ZERO
            }
        };
        Heartbeat { point, period, wrap: wrap.unwrap_or_default() }
    }

    pub(crate) fn connection(&mut self, raw: &RawConnection) -> Connection {
        // Its inputs first: the connection itself is none of them.
        let mut inputs = |field: &str, of: &Spanned<Vec<Spanned<String>>>| -> Vec<PointId> {
            if of.get_ref().is_empty() {
                self.problem(of.span(), field, "at least one digital is needed");
            }
            of.get_ref().iter().map(|id| self.point(field, id, Kind::Digital)).collect()
        };
        let derive = match (&raw.all, &raw.any) {
            (Some(all), None) => DigitalDerive::All(inputs("connection.all", all)),
            (None, Some(any)) => DigitalDerive::Any(inputs("connection.any", any)),
            (all, any) => {
                let at = any.as_ref().or(all.as_ref()).map_or_else(|| raw.id.span(), Spanned::span);
                let message =
                    "exactly one of `all` and `any` is needed; both at once: make a [[digital]] of one";
                self.problem(at, "connection", message);
                DigitalDerive::All(Vec::new())
            }
        };
        let role = Some("connection");
        let point = self.enter("connection", &raw.served(), role, &Variations::digital(), None);
        Connection { point, states: self.states("connection", raw.states.as_ref()), derive }
    }
}

/// Units that convert with `unit`.
fn fitting(unit: Unit) -> String {
    let fitting = Unit::ALL.iter().filter(|other| other.dimension() == unit.dimension());
    fitting.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
