//! Points made of other points: that their inputs exist, measure the right thing, and do not go round in a circle.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use config::Spanned;
use telemetry::{Dimension, PointId, Unit};

use super::{Check, Kind};
use crate::derive::{AnalogDerive, DigitalDerive, Term, Threshold};
use crate::model::{Analog, Digital};
use crate::raw::{RawAnalog, RawDerive, RawDigital, RawOp};

/// Windows are told in seconds, up to a day.
const WINDOW_S: (u64, u64) = (1, 86_400);

/// What is asked of an input's unit.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// Of the dimension of this unit.
    Like(Unit),
    /// A power.
    Power,
    /// A plain number.
    Number,
    /// Anything.
    Any,
}

/// A field of `derive` that only some operations have.
type Field = (&'static str, Option<Range<usize>>, &'static [RawOp]);

impl RawOp {
    const fn text(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Difference => "difference",
            Self::Average => "average",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Product => "product",
            Self::Scale => "scale",
            Self::Integrate => "integrate",
            Self::Select => "select",
            Self::Limit => "limit",
            Self::FirstGood => "first-good",
            Self::Mean => "mean",
            Self::Count => "count",
            Self::Any => "any",
            Self::All => "all",
            Self::Not => "not",
            Self::Quorum => "quorum",
            Self::Above => "above",
            Self::Below => "below",
            Self::HslSun => "hsl-sun",
            Self::HslWind => "hsl-wind",
            Self::EnergyLimit => "energy-limit",
        }
    }

    /// How many inputs it takes.
    const fn inputs(self) -> (usize, usize) {
        match self {
            Self::Scale
            | Self::Integrate
            | Self::Limit
            | Self::Mean
            | Self::Not
            | Self::Above
            | Self::Below
            | Self::HslSun
            | Self::HslWind
            | Self::EnergyLimit => (1, 1),
            Self::Select => (2, 2),
            Self::Difference | Self::FirstGood => (2, usize::MAX),
            _ => (1, usize::MAX),
        }
    }
}

impl Check<'_> {
    /// Gives the points that are made of others what they are made of; every point is known by now.
    pub(crate) fn derived_points(
        &mut self,
        analogs: (&[RawAnalog], &mut [Option<Analog>]),
        digitals: (&[RawDigital], &mut [Option<Digital>]),
    ) {
        for (at, (raw, analog)) in analogs.0.iter().zip(analogs.1).enumerate() {
            let field = format!("analog[{at}]");
            let checks = self.checks(&field, raw);
            let Some(analog) = analog else { continue };
            analog.checks = checks;
            let Some(derive) = &raw.derive else { continue };
            let beside = [
                ("source", raw.source.as_ref().map(Spanned::span)),
                ("sign", raw.sign.map(|_| raw.id.span())),
                ("age_max_ms", raw.age_max_ms.as_ref().map(Spanned::span)),
            ];
            self.alone(&field, beside);
            analog.derive = self.analog_derive(&format!("{field}.derive"), derive, analog.unit);
        }
        for (at, (raw, digital)) in digitals.0.iter().zip(digitals.1).enumerate() {
            let field = format!("digital[{at}]");
            let (Some(digital), Some(derive)) = (digital, &raw.derive) else { continue };
            let beside = [
                ("source", raw.source.as_ref().map(Spanned::span)),
                ("age_max_ms", raw.age_max_ms.as_ref().map(Spanned::span)),
            ];
            self.alone(&field, beside);
            digital.derive = self.digital_derive(&format!("{field}.derive"), derive);
        }
    }

    /// Fields of a point that is read.
    fn alone<const N: usize>(&mut self, field: &str, beside: [(&str, Option<Range<usize>>); N]) {
        for (name, span) in beside {
            if let Some(span) = span {
                let message = format!("`{name}` is for a point that is read: this one has `derive`");
                self.problem(span, format!("{field}.{name}"), message);
            }
        }
    }

    fn analog_derive(&mut self, field: &str, raw: &Spanned<RawDerive>, unit: Unit) -> Option<AnalogDerive> {
        let derive = raw.get_ref();
        let op = *derive.op.get_ref();
        self.op_fields(field, derive, op);
        self.how_many(field, derive, op)?;
        let like = Asked::Like(unit);
        Some(match op {
            RawOp::Sum => AnalogDerive::Sum(self.terms(field, derive, like)?),
            RawOp::Difference => AnalogDerive::Difference(self.terms(field, derive, like)?),
            RawOp::Average => AnalogDerive::Average {
                quorum: self.quorum(field, derive).unwrap_or(1),
                of: self.terms(field, derive, like)?,
            },
            RawOp::Minimum => AnalogDerive::Minimum(self.terms(field, derive, like)?),
            RawOp::Maximum => AnalogDerive::Maximum(self.terms(field, derive, like)?),
            RawOp::Product => AnalogDerive::Product {
                factor: self.number(field, "factor", derive.factor.as_ref(), 1.0),
                of: self.terms(field, derive, Asked::Any)?,
            },
            RawOp::Scale => AnalogDerive::Scale {
                factor: self.number(field, "factor", derive.factor.as_ref(), 1.0),
                offset: self.number(field, "offset", derive.offset.as_ref(), 0.0),
                of: self.terms(field, derive, Asked::Any)?.pop()?,
            },
            RawOp::Integrate => {
                if unit.dimension() != Dimension::Energy {
                    let message =
                        format!("gives an energy, and the point is in {unit}; allowed: Wh, kWh, MWh");
                    self.problem(derive.op.span(), format!("{field}.op"), message);
                }
                AnalogDerive::Integrate {
                    initial: self.number(field, "initial", derive.initial.as_ref(), 0.0),
                    of: self.terms(field, derive, Asked::Power)?.pop()?,
                }
            }
            RawOp::Select => {
                let when = self.needed(field, derive, "when", derive.when.as_ref())?;
                let when = self.point(format!("{field}.when"), when, Kind::Digital);
                let terms = self.terms(field, derive, like)?;
                let [yes, no] = <[Term; 2]>::try_from(terms).ok()?;
                AnalogDerive::Select { when, yes, no }
            }
            RawOp::Limit => self.limit(field, derive, like)?,
            RawOp::FirstGood => AnalogDerive::FirstGood {
                differ_max: derive
                    .differ_max
                    .as_ref()
                    .map(|most| self.above_zero(format!("{field}.differ_max"), most)),
                of: self.terms(field, derive, like)?,
            },
            RawOp::Mean => {
                let window = self.needed(field, derive, "window_s", derive.window_s.as_ref())?;
                let window = self.seconds(format!("{field}.window_s"), window, WINDOW_S);
                AnalogDerive::Mean { of: self.terms(field, derive, like)?.pop()?, window }
            }
            RawOp::Count => AnalogDerive::Count(self.states_of(field, derive)),
            RawOp::HslSun | RawOp::HslWind => AnalogDerive::Hsl(Box::new(self.hsl(field, derive, unit)?)),
            RawOp::EnergyLimit => {
                AnalogDerive::EnergyLimit(Box::new(self.energy_limit(field, derive, unit)?))
            }
            _ => return self.unfitting(field, derive, "a state", "[[digital]]"),
        })
    }

    fn limit(&mut self, field: &str, derive: &RawDerive, like: Asked) -> Option<AnalogDerive> {
        let number = |this: &mut Self, name: &str, value: &Option<Spanned<f64>>| {
            value.as_ref().map(|value| this.number(field, name, Some(value), 0.0))
        };
        let (low, high) = (number(self, "low", &derive.low), number(self, "high", &derive.high));
        match (low, high) {
            (None, None) => {
                self.problem(derive.op.span(), field, "`low`, `high` or both are needed");
            }
            (Some(low), Some(high)) if low >= high => {
                let message = format!("low {low} is not below high {high}");
                self.problem(derive.op.span(), field, message);
            }
            _ => {}
        }
        Some(AnalogDerive::Limit { of: self.terms(field, derive, like)?.pop()?, low, high })
    }

    fn digital_derive(&mut self, field: &str, raw: &Spanned<RawDerive>) -> Option<DigitalDerive> {
        let derive = raw.get_ref();
        let op = *derive.op.get_ref();
        self.op_fields(field, derive, op);
        self.how_many(field, derive, op)?;
        Some(match op {
            RawOp::Any => DigitalDerive::Any(self.states_of(field, derive)),
            RawOp::All => DigitalDerive::All(self.states_of(field, derive)),
            RawOp::Not => DigitalDerive::Not(self.states_of(field, derive).pop()?),
            RawOp::Quorum => {
                let quorum = self.quorum(field, derive);
                if quorum.is_none() {
                    self.problem(derive.op.span(), field, "`quorum` is missing: how many must be true");
                }
                DigitalDerive::Quorum { of: self.states_of(field, derive), quorum: quorum? }
            }
            RawOp::Above => DigitalDerive::Above(self.threshold(field, derive)?),
            RawOp::Below => DigitalDerive::Below(self.threshold(field, derive)?),
            _ => return self.unfitting(field, derive, "a quantity", "[[analog]]"),
        })
    }

    fn threshold(&mut self, field: &str, derive: &RawDerive) -> Option<Threshold> {
        let limit = self.needed(field, derive, "limit", derive.limit.as_ref())?;
        let limit = self.number(field, "limit", Some(limit), 0.0);
        let hysteresis = self.number(field, "hysteresis", derive.hysteresis.as_ref(), 0.0);
        if let Some(text) = derive.hysteresis.as_ref().filter(|_| hysteresis < 0.0) {
            let message = format!("{hysteresis}, must be 0 or above");
            self.problem(text.span(), format!("{field}.hysteresis"), message);
        }
        let of = self.terms(field, derive, Asked::Any)?.pop()?.point;
        Some(Threshold { of, limit, hysteresis })
    }

    fn unfitting<T>(&mut self, field: &str, derive: &RawDerive, gives: &str, where_: &str) -> Option<T> {
        let message = format!("`{}` gives {gives}: it is for {where_}", derive.op.get_ref().text());
        self.problem(derive.op.span(), format!("{field}.op"), message);
        None
    }

    /// Fields that other operations have.
    fn op_fields(&mut self, field: &str, derive: &RawDerive, op: RawOp) {
        use RawOp::{
            Above, Average, Below, EnergyLimit, FirstGood, HslSun, HslWind, Integrate, Mean, Product, Quorum,
            Scale, Select,
        };
        fn at<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
            value.as_ref().map(Spanned::span)
        }
        const HSL: &[RawOp] = &[HslSun, HslWind];
        let given: [Field; 31] = [
            ("when", at(&derive.when), &[Select]),
            ("quorum", at(&derive.quorum), &[Average, Quorum]),
            ("factor", at(&derive.factor), &[Scale, Product]),
            ("offset", at(&derive.offset), &[Scale]),
            ("initial", at(&derive.initial), &[Integrate]),
            ("low", at(&derive.low), &[RawOp::Limit, EnergyLimit]),
            ("high", at(&derive.high), &[RawOp::Limit, EnergyLimit]),
            ("differ_max", at(&derive.differ_max), &[FirstGood, HslSun, HslWind]),
            ("window_s", at(&derive.window_s), &[Mean]),
            ("limit", at(&derive.limit), &[Above, Below]),
            ("hysteresis", at(&derive.hysteresis), &[Above, Below]),
            ("irradiance", at(&derive.irradiance), &[HslSun]),
            ("temperature", at(&derive.temperature), &[HslSun]),
            ("gamma", at(&derive.gamma), &[HslSun]),
            ("dc_mw", at(&derive.dc_mw), &[HslSun]),
            ("speed", at(&derive.speed), &[HslWind]),
            ("curve", at(&derive.curve), &[HslWind]),
            ("cut_out", at(&derive.cut_out), &[HslWind]),
            ("available", at(&derive.available), HSL),
            ("units", at(&derive.units), &[HslSun, HslWind, EnergyLimit]),
            ("curtailed", at(&derive.curtailed), HSL),
            ("limited_to", at(&derive.limited_to), HSL),
            ("band_mw", at(&derive.band_mw), HSL),
            ("capacity_mw", at(&derive.capacity_mw), HSL),
            ("ratio", at(&derive.ratio), HSL),
            ("learn_s", at(&derive.learn_s), HSL),
            ("smooth_s", at(&derive.smooth_s), HSL),
            ("tolerance_mw", at(&derive.tolerance_mw), HSL),
            ("full_mwh", at(&derive.full_mwh), &[EnergyLimit]),
            ("health", at(&derive.health), &[EnergyLimit]),
            ("reserve_mwh", at(&derive.reserve_mwh), &[EnergyLimit]),
        ];
        for (name, span, ops) in given {
            let Some(span) = span.filter(|_| !ops.contains(&op)) else { continue };
            let ops: Vec<&str> = ops.iter().map(|op| op.text()).collect();
            let message = format!("`{}` has no `{name}`; {} has", op.text(), ops.join(", "));
            self.problem(span, format!("{field}.{name}"), message);
        }
    }

    fn how_many(&mut self, field: &str, derive: &RawDerive, op: RawOp) -> Option<()> {
        let (least, most) = op.inputs();
        let given = derive.of.get_ref().len();
        if (least..=most).contains(&given) {
            return Some(());
        }
        let wanted = if least == most { format!("{least}") } else { format!("at least {least}") };
        let message = format!("{given} inputs, `{}` takes {wanted}", op.text());
        self.problem(derive.of.span(), format!("{field}.of"), message);
        None
    }

    pub(super) fn needed<'a, T>(
        &mut self,
        field: &str,
        derive: &RawDerive,
        name: &str,
        value: Option<&'a Spanned<T>>,
    ) -> Option<&'a Spanned<T>> {
        if value.is_none() {
            let message = format!("missing field `{name}` of op `{}`", derive.op.get_ref().text());
            self.problem(derive.op.span(), field, message);
        }
        value
    }

    fn quorum(&mut self, field: &str, derive: &RawDerive) -> Option<usize> {
        let text = derive.quorum.as_ref()?;
        let (quorum, inputs) = (*text.get_ref(), derive.of.get_ref().len());
        if !(1..=inputs).contains(&quorum) {
            let message = format!("{quorum} of {inputs} inputs, allowed: 1 to {inputs}");
            self.problem(text.span(), format!("{field}.quorum"), message);
        }
        Some(quorum)
    }

    /// The inputs as quantities.
    pub(super) fn terms(&mut self, field: &str, derive: &RawDerive, asked: Asked) -> Option<Vec<Term>> {
        let field = format!("{field}.of");
        derive.of.get_ref().iter().map(|id| self.term(&field, id, asked)).collect()
    }

    pub(super) fn term(&mut self, field: &str, id: &Spanned<String>, asked: Asked) -> Option<Term> {
        let point = self.point(field, id, Kind::Analog);
        let unit = self.units.get(&point).copied()?;
        let wanted = match asked {
            Asked::Like(like) if like.dimension() != unit.dimension() => format!("a unit like {like}"),
            Asked::Power if unit.dimension() != Dimension::ActivePower => "a power".to_owned(),
            Asked::Number if unit.dimension() != Dimension::Number => "a plain number (counts)".to_owned(),
            _ => return Some(Term { point, unit }),
        };
        self.problem(id.span(), field, format!("`{point}` is in {unit}, wanted: {wanted}"));
        None
    }

    /// An input that must measure what `unit` does.
    pub(crate) fn term_like(&mut self, field: &str, id: &Spanned<String>, unit: Unit) -> Option<Term> {
        self.term(field, id, Asked::Like(unit))
    }

    /// The inputs as states.
    fn states_of(&mut self, field: &str, derive: &RawDerive) -> Vec<PointId> {
        let field = format!("{field}.of");
        derive.of.get_ref().iter().map(|id| self.point(field.as_str(), id, Kind::Digital)).collect()
    }

    /// A finite number.
    pub(crate) fn number(&mut self, field: &str, name: &str, value: Option<&Spanned<f64>>, none: f64) -> f64 {
        let Some(value) = value else { return none };
        let number = *value.get_ref();
        if !number.is_finite() {
            self.problem(value.span(), format!("{field}.{name}"), format!("{number}, must be a number"));
        }
        number
    }

    /// A number of seconds within `low..=high`.
    pub(crate) fn seconds(
        &mut self,
        field: impl Into<String>,
        value: &Spanned<u64>,
        (low, high): (u64, u64),
    ) -> Duration {
        let seconds = *value.get_ref();
        if !(low..=high).contains(&seconds) {
            self.problem(value.span(), field, format!("{seconds} s, allowed: {low} to {high}"));
        }
        Duration::from_secs(seconds)
    }

    /// Refuses points that are, in the end, made of themselves. `made` names for each point that is made what it is
    /// made of; `at` says where the file makes it.
    pub(crate) fn circles(
        &mut self,
        made: &BTreeMap<PointId, Vec<PointId>>,
        at: &BTreeMap<PointId, Range<usize>>,
    ) {
        let Some(circle) = circle(made) else { return };
        let words: Vec<&str> = circle.iter().map(PointId::as_str).collect();
        let place = circle.iter().find_map(|id| at.get(id)).cloned().unwrap_or(0..0);
        self.problem(place, "derive", format!("is made of itself: {}", words.join(", of ")));
    }
}

/// A circle among points that are made of others, beginning and ending with one point.
fn circle(made: &BTreeMap<PointId, Vec<PointId>>) -> Option<Vec<PointId>> {
    // Takes away what is made of nothing that is left, until only circles and what is made of them remain.
    let mut left: BTreeMap<&PointId, usize> = BTreeMap::new();
    let mut users: BTreeMap<&PointId, Vec<&PointId>> = BTreeMap::new();
    for (id, inputs) in made {
        let inner = inputs.iter().filter(|input| made.contains_key(*input));
        left.insert(id, inner.clone().count());
        inner.for_each(|input| users.entry(input).or_default().push(id));
    }
    let mut free: Vec<&PointId> = left.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    while let Some(id) = free.pop() {
        left.remove(id);
        for user in users.get(id).into_iter().flatten() {
            if let Some(count) = left.get_mut(*user) {
                *count -= 1;
                if *count == 0 {
                    free.push(user);
                }
            }
        }
    }
    let mut way: Vec<PointId> = Vec::new();
    let mut at = (*left.keys().next()?).clone();
    loop {
        if let Some(from) = way.iter().position(|known| *known == at) {
            let mut circle = way.split_off(from);
            circle.push(at);
            return Some(circle);
        }
        let next = made.get(&at)?.iter().find(|input| left.contains_key(*input))?.clone();
        way.push(std::mem::replace(&mut at, next));
    }
}
