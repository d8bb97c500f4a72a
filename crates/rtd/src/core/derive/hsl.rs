//! The high sustainable limit: what a wind or solar plant could make now, held back or not.
//!
//! While nothing holds the plant back, what it makes is what it could make: the limit is its power. While it is held
//! back its power tells nothing, and the limit is what the weather offers through a model of the plant, times the part
//! of the model that this plant was seen to give while it was free. `docs/hsl.md` states the model and its bounds.
//!
//! Whatever else goes wrong, three things hold while the result is good: it is not below the plant's power, not below
//! zero, and not above what is in service unless the power itself is.

use std::time::Duration;

use site::{Curtailed, Resource};
use telemetry::{Mono, Reason, ReasonKind, Reasons, Unit, Value};

use super::quantity::Term;
use super::{Made, Raised, inherited, is_measured, is_usable, number};

/// The plant's part of its model, at least and at most: beyond these the model is of another plant.
const RATIO: (f64, f64) = (0.5, 1.3);
/// It is learned while the model is between these parts of what is in service: in weak light a small error is a large
/// part, and at its rating an inverter shows its rating.
const LEARN: (f64, f64) = (0.1, 0.95);
/// For so many times the smoothing a plant that was let go may climb back: until then the limit stays with the model
/// and nothing is learned.
const CALM: u32 = 5;
/// No gap between two looks teaches more than this.
const GAP_MAX: Duration = Duration::from_secs(60);
/// So much of the capacity the means begin with: the first minutes of learning weigh against this.
const BEGIN: f64 = 0.3;
/// The limit may differ from the model for so long.
const DIFFERS: Duration = Duration::from_secs(300);

/// A limit with what it remembers. All powers are in megawatts.
#[derive(Debug)]
pub(super) struct Hsl {
    spec: site::Hsl,
    /// The limit when it was last looked at.
    last: Option<(Mono, f64)>,
    /// By so much the limit was above what the weather bore when it was last looked at.
    excess: f64,
    /// Means of the plant's power and of its model's while it was free; one over the other is the plant's part.
    power: f64,
    model: f64,
    /// For how long it was learned.
    learned: Duration,
    /// Since when nothing holds the plant back.
    free_since: Option<Mono>,
    /// It was held back and has not yet climbed to its limit again.
    climbs: bool,
    /// It was held back before its part was learned, and was not free for long enough since: at the edge of what the
    /// weather gives it is held back and free in turn, and a device that misses a poll says nothing new.
    untaught: bool,
    /// Since when the limit differs from the model by more than it may.
    differs_since: Option<Mono>,
}

/// What the weather and the units in service come to.
struct Offer {
    /// The model's power, not yet times the plant's part; `None` where an input cannot be used.
    model: Option<f64>,
    /// What is in service.
    capacity: f64,
    /// Whether nothing at all speaks against the inputs, not even that one is forced.
    is_clean: bool,
    /// Why it cannot be used, or is forced.
    reasons: Reasons,
}

impl Hsl {
    pub(super) fn new(spec: site::Hsl) -> Self {
        let model = spec.capacity_mw * BEGIN;
        Self {
            last: None,
            excess: 0.0,
            power: model * spec.ratio,
            model,
            learned: Duration::ZERO,
            free_since: None,
            climbs: false,
            untaught: false,
            differs_since: None,
            spec,
        }
    }

    /// Makes it in `unit` of its inputs as they are at `now`.
    pub(super) fn evaluate(&mut self, rows: &[Term<'_>], unit: Unit, now: Mono) -> Made {
        let Some(([power_term, held_term], weather)) = rows.split_first_chunk::<2>() else {
            return Made::default();
        };
        let mut reasons: Reasons = inherited(power_term.0).into_iter().collect();
        let Some(power) = number(power_term.0, power_term.1, Unit::Megawatt) else {
            return Made { reasons, raised: self.untaught(), ..Made::default() };
        };
        let offer = self.offer(weather);
        let part = self.part();
        let potential = offer.model.map(|model| (model * part).min(offer.capacity));
        let held = self.is_held(held_term, power, offer.capacity);
        for reason in inherited(held_term.0) {
            reasons.insert(reason);
        }
        self.climb(held.filter(|_| is_measured(held_term.0)), power, potential, now);
        let before = self.last.map_or(power, |(_, limit)| limit);
        let passed = self.last.map_or(Duration::MAX, |(then, _)| now.since(then));
        let towards = |target: f64| before + (target - before) * share(passed, self.spec.smooth);
        let limit = match (held, potential) {
            (Some(false), Some(potential)) if offer.is_clean && self.climbs => {
                towards(potential.max(power)).min(offer.capacity).max(power)
            }
            // What is above the power fades, and goes with the weather where that takes it away.
            (Some(false), Some(potential)) if offer.is_clean => {
                let borne = potential.max(power) + self.excess * (1.0 - share(passed, self.spec.smooth));
                towards(power).min(borne).min(offer.capacity).max(power)
            }
            (Some(false), _) => power,
            (Some(true), Some(potential)) => {
                for reason in offer.reasons.iter() {
                    reasons.insert(reason.clone());
                }
                towards(potential.max(power)).min(offer.capacity).max(power)
            }
            (Some(true), None) => {
                for reason in offer.reasons.iter() {
                    reasons.insert(reason.clone());
                }
                before.max(power)
            }
            (None, _) => before.max(power),
        };
        if reasons.is_empty() {
            // What was not good, or typed in, is in no limit that is good again.
            self.last = Some((now, limit));
            self.excess = potential.map_or(0.0, |potential| (limit - potential.max(power)).max(0.0));
        }
        let is_clean = offer.is_clean && is_measured(power_term.0) && is_measured(held_term.0);
        let seen = Seen { power, potential, held, is_clean, capacity: offer.capacity };
        self.learn(&seen, offer.model, passed, now);
        let value = Unit::Megawatt.convert(limit.max(0.0), unit).map(Value::Analog);
        Made { value, reasons, raised: self.doubts(&seen, now), taken: None }
    }

    /// The plant's part of its model.
    fn part(&self) -> f64 {
        (self.power / self.model).clamp(RATIO.0, RATIO.1)
    }

    /// Whether the plant is held back; `None` where nobody knows.
    fn is_held(&self, term: &Term<'_>, power: f64, capacity: f64) -> Option<bool> {
        let (row, unit) = term;
        if !is_usable(row) {
            return None;
        }
        match &self.spec.curtailed {
            Curtailed::State(_) => row.sample.value?.as_bool(),
            Curtailed::AtLimit { band_mw, .. } => {
                let limit = number(row, *unit, Unit::Megawatt)?;
                Some(limit < capacity - band_mw && power >= limit - band_mw)
            }
        }
    }

    /// Keeps book of curtailment: since when there is none, and whether the plant still climbs out of the last one.
    fn climb(&mut self, held: Option<bool>, power: f64, potential: Option<f64>, now: Mono) {
        if held != Some(false) {
            self.free_since = None;
            self.climbs |= held == Some(true);
            return;
        }
        let since = *self.free_since.get_or_insert(now);
        let there = potential.is_none_or(|potential| power >= potential - self.spec.tolerance_mw);
        if there || now.since(since) >= self.spec.smooth * CALM {
            self.climbs = false;
        }
    }

    fn offer(&self, terms: &[Term<'_>]) -> Offer {
        let mut offer = Offer {
            model: None,
            capacity: self.spec.capacity_mw,
            is_clean: terms.iter().all(|(row, _)| is_measured(row)),
            reasons: terms.iter().flat_map(|(row, _)| inherited(row)).collect(),
        };
        let mut terms = terms.iter();
        let mut next = |unit: Unit| {
            let (row, from) = terms.next()?;
            number(row, *from, unit).filter(|value| is_usable(row) && value.is_finite())
        };
        let mut service = Some(1.0);
        if let Some(available) = &self.spec.available {
            let units = available.units;
            let count = next(Unit::Count);
            service = count.filter(|count| (0.0..=units).contains(count)).map(|count| count / units);
            if let (Some(count), None) = (count, service) {
                let words = format!("{} {count} of {units} units", available.of.point);
                offer.reasons.insert(Reason::new(ReasonKind::Implausible, words));
                offer.is_clean = false;
            }
        }
        let model = match &self.spec.resource {
            Resource::Sun { temperature, dc_mw, .. } => {
                let irradiance = next(Unit::WattPerSquareMetre);
                let lost = match temperature {
                    Some((_, gamma)) => next(Unit::Celsius).map(|modules| gamma / 100.0 * (modules - 25.0)),
                    None => Some(0.0),
                };
                irradiance.zip(lost).map(|(sun, lost)| dc_mw * sun / 1_000.0 * (1.0 + lost))
            }
            Resource::Wind { curve, cut_out, .. } => {
                next(Unit::MetrePerSecond).map(|speed| on_curve(curve, *cut_out, speed))
            }
        };
        if let Some(service) = service {
            offer.capacity *= service;
            offer.model = model.map(|model| (model * service).max(0.0));
        }
        offer
    }

    fn learn(&mut self, seen: &Seen, model: Option<f64>, passed: Duration, now: Mono) {
        let calm = self.free_since.is_some_and(|since| now.since(since) >= self.spec.smooth * CALM);
        if calm || self.learned >= self.spec.learn {
            self.untaught = false;
        } else if seen.held == Some(true) {
            self.untaught = true;
        }
        let (Some(model), true, true) = (model, seen.is_clean, calm) else { return };
        let teaches = (seen.capacity * LEARN.0..=seen.capacity * LEARN.1).contains(&model)
            && seen.power < seen.capacity * LEARN.1
            && !self.differs(seen);
        if teaches {
            let passed = passed.min(GAP_MAX);
            let share = share(passed, self.spec.learn);
            self.power += (seen.power.max(0.0) - self.power) * share;
            self.model += (model - self.model) * share;
            self.learned = self.learned.saturating_add(passed);
        }
    }

    /// Whether the plant, let alone, makes something else than the weather offers.
    fn differs(&self, seen: &Seen) -> bool {
        let most = self.spec.differ_max_mw;
        let apart = seen.potential.is_some_and(|potential| (seen.power - potential).abs() > most);
        apart && seen.held == Some(false) && !self.climbs
    }

    /// What whoever compares limit, power and weather would wonder about. The words hold no figure that moves, or
    /// each scan would tell another alarm.
    fn doubts(&mut self, seen: &Seen, now: Mono) -> Vec<Raised> {
        if !(seen.is_clean && self.differs(seen)) {
            self.differs_since = None;
        } else if self.differs_since.is_none() {
            self.differs_since = Some(now);
        }
        let differs = self.differs_since.is_some_and(|since| now.since(since) >= DIFFERS);
        let weather = match self.spec.resource {
            Resource::Sun { .. } => "irradiance",
            Resource::Wind { .. } => "wind",
        };
        let part = self.part();
        let words = if seen.is_clean && seen.power > seen.capacity + self.spec.tolerance_mw {
            "the plant makes more than what is told to be in service".to_owned()
        } else if differs {
            let most = self.spec.differ_max_mw;
            format!(
                "differs from what the {weather} says by more than {most} MW, and nothing holds the plant back"
            )
        } else if part <= RATIO.0 || part >= RATIO.1 {
            format!("the plant gives {part} times what its model says of the {weather}, or beyond")
        } else {
            return self.untaught();
        };
        vec![("hsl", words)]
    }

    fn untaught(&self) -> Vec<Raised> {
        let words = "held back before the plant's part of its model was learned since start";
        self.untaught.then(|| ("hsl", words.to_owned())).into_iter().collect()
    }
}

/// One look, in megawatts.
struct Seen {
    power: f64,
    potential: Option<f64>,
    held: Option<bool>,
    is_clean: bool,
    capacity: f64,
}

/// The part of the way to its target that a first-order lag goes in a time.
fn share(passed: Duration, constant: Duration) -> f64 {
    1.0 - (-passed.as_secs_f64() / constant.as_secs_f64()).exp()
}

/// A power on the curve, straight between its points.
fn on_curve(curve: &[(f64, f64)], cut_out: Option<f64>, speed: f64) -> f64 {
    if cut_out.is_some_and(|cut_out| speed >= cut_out) {
        return 0.0;
    }
    let after = curve.partition_point(|(at, _)| *at <= speed);
    let Some((low, below)) = after.checked_sub(1).and_then(|before| curve.get(before)) else { return 0.0 };
    match curve.get(after) {
        Some((high, above)) => below + (above - below) * (speed - low) / (high - low),
        None => *below,
    }
}

#[cfg(test)]
mod tests;
