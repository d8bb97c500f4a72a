//! How far and how fast: the settled precedence of everything that holds a set point back.
//!
//! Trip > energy, source and hard limit (at once) > soft limit (reached at ramp rate) > ramp > set point. A trip is not here:
//! it ends the ownership.

use std::time::Duration;

use serde::Serialize;

/// Differences smaller than this share are rounding.
const ROUNDING: f64 = 1e-12;

/// From `low` to `high`, both within.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// The lowest.
    pub low: f64,
    /// The highest; not below `low`.
    pub high: f64,
}

impl Band {
    /// Everything.
    pub const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// A band; the two in any order.
    #[must_use]
    pub fn new(one: f64, other: f64) -> Self {
        Self { low: one.min(other), high: one.max(other) }
    }

    /// Whether a value lies within.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    /// The nearest value within.
    #[must_use]
    pub fn hold(&self, value: f64) -> f64 {
        value.max(self.low).min(self.high)
    }

    /// What lies in both; where nothing does, the point of `self` that is nearest to the other.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        Self { low: self.hold(other.low), high: self.hold(other.high) }
    }
}

/// What is fixed about a set point's way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The fastest way up, in units a second; above 0, infinite where it goes at once.
    pub up: f64,
    /// The fastest way down, in units a second; above 0, infinite where it goes at once.
    pub down: f64,
    /// A smaller difference is not acted upon where the output rests; a way once begun is gone to its end.
    pub deadband: f64,
}

/// What holds the output away from the set point now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clamp {
    /// A hard limit: at once.
    Hard,
    /// What is stored, or can be: at once.
    Energy,
    /// What may be charged from: at once.
    Source,
    /// A soft limit: reached at the ramp rate.
    Soft,
    /// On its way.
    Ramp,
    /// Too small a difference to act upon.
    Deadband,
}

/// The bounds of the moment, in units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Never beyond, not for a moment.
    pub hard: Band,
    /// What energy allows; as hard.
    pub energy: Band,
    /// What the source of charge allows; as hard.
    pub source: Band,
    /// To be within, reached at the ramp rate.
    pub soft: Band,
}

impl Bounds {
    /// None.
    pub const NONE: Self = Self { hard: Band::ALL, energy: Band::ALL, source: Band::ALL, soft: Band::ALL };

    /// The nearest value within everything that holds at once; where they do not agree, the weightier has it.
    #[must_use]
    pub fn hold(&self, value: f64) -> f64 {
        self.hard.hold(self.energy.hold(self.source.hold(value)))
    }

    /// All that lies within everything that holds at once.
    #[must_use]
    pub fn at_once(&self) -> Band {
        Band { low: self.hold(f64::NEG_INFINITY), high: self.hold(f64::INFINITY) }
    }

    /// The weightiest of what holds a value at once.
    #[must_use]
    pub fn holds(&self, value: f64) -> Option<Clamp> {
        let sourced = self.source.hold(value);
        let stored = self.energy.hold(sourced);
        let held = [
            (self.hard.hold(stored) != stored, Clamp::Hard),
            (stored != sourced, Clamp::Energy),
            (sourced != value, Clamp::Source),
        ];
        held.into_iter().find(|(holds, _)| *holds).map(|(_, clamp)| clamp)
    }

    /// Whether a value lies within everything that holds at once.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.holds(value).is_none()
    }
}

/// A step of the output: where it is now, and what held it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The output, in units.
    pub value: f64,
    /// The weightiest of what holds it away from the set point; `None`: it is there.
    pub clamp: Option<Clamp>,
    /// It is still on its way to where it may go, whatever else holds it.
    pub moving: bool,
}

/// Moves an output that is at `from` towards `target` for as long as `by`; it rested until now, or was `moving`.
#[must_use]
pub fn advance(from: f64, target: f64, bounds: &Bounds, rules: &Rules, moving: bool, by: Duration) -> Step {
    let soft = bounds.soft.hold(target);
    let source = bounds.source.hold(soft);
    let energy = bounds.energy.hold(source);
    let goal = bounds.hard.hold(energy);
    let seconds = by.as_secs_f64();
    // No ramp is none for no time, too.
    let most = |rate: f64| if rate.is_finite() { rate * seconds } else { f64::INFINITY };
    let way = Band { low: -most(rules.down), high: most(rules.up) }.hold(goal - from);
    // What is too near to act upon stays, unless it stands outside of what it must be within.
    let rests = !moving && (goal - from).abs() < rules.deadband && bounds.soft.contains(from);
    let moved = if rests { from } else { from + way };
    // Rounding must not leave it a hair short of its goal for ever, within the deadband.
    let hair = ROUNDING * goal.abs().max(from.abs()).max(1.0);
    let moved = if (goal - moved).abs() <= hair { goal } else { moved };
    let sourced = bounds.source.hold(moved);
    let stored = bounds.energy.hold(sourced);
    let value = bounds.hard.hold(stored);
    let held = [
        (value != stored || goal != energy, Clamp::Hard),
        (stored != sourced || energy != source, Clamp::Energy),
        (sourced != moved || source != soft, Clamp::Source),
        (soft != target, Clamp::Soft),
        (value != goal && !rests, Clamp::Ramp),
        (value != goal && rests, Clamp::Deadband),
    ];
    let clamp = held.into_iter().find(|(holds, _)| *holds).map(|(_, clamp)| clamp);
    Step { value, clamp, moving: value != goal && !rests }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules { up: 2.0, down: 4.0, deadband: 0.1 };
    const SECOND: Duration = Duration::from_secs(1);

    fn bounds() -> Bounds {
        Bounds { hard: Band::new(-10.0, 10.0), soft: Band::new(-8.0, 8.0), ..Bounds::NONE }
    }

    fn step(from: f64, target: f64) -> (f64, Option<Clamp>) {
        let step = advance(from, target, &bounds(), &RULES, false, SECOND);
        (step.value, step.clamp)
    }

    #[test]
    fn each_bound_holds_in_its_own_way() {
        assert_eq!(step(0.0, 1.0), (1.0, None));
        assert_eq!(step(0.0, 5.0), (2.0, Some(Clamp::Ramp)));
        assert_eq!(step(5.0, -5.0), (1.0, Some(Clamp::Ramp)), "down is faster");
        assert_eq!(step(5.0, 5.05), (5.0, Some(Clamp::Deadband)));
        assert_eq!(step(7.0, 9.0), (8.0, Some(Clamp::Soft)));
        assert_eq!(step(8.5, 9.0), (8.0, Some(Clamp::Soft)), "back inside, deadband or not");
        assert_eq!(step(12.0, 12.0), (8.0, Some(Clamp::Soft)));
        assert_eq!(step(20.0, 20.0), (10.0, Some(Clamp::Hard)), "at once");
    }

    #[test]
    fn energy_holds_at_once_and_hard_before_it() {
        let empty = Bounds { energy: Band { low: -10.0, high: 0.0 }, ..bounds() };
        let step = advance(5.0, 5.0, &empty, &RULES, false, SECOND);
        assert_eq!((step.value, step.clamp), (0.0, Some(Clamp::Energy)));
        let both = Bounds { hard: Band::new(1.0, 10.0), ..empty };
        let step = advance(5.0, 5.0, &both, &RULES, false, SECOND);
        assert_eq!((step.value, step.clamp), (1.0, Some(Clamp::Hard)));
    }

    #[test]
    fn the_source_of_charge_holds_at_once_behind_energy_and_before_soft() {
        let sun = |mw: f64| Bounds { source: Band { low: -mw, high: f64::INFINITY }, ..bounds() };
        let at = |bounds: &Bounds, from| {
            let step = advance(from, -9.0, bounds, &RULES, false, SECOND);
            (step.value, step.clamp)
        };
        assert_eq!(at(&sun(3.0), -5.0), (-3.0, Some(Clamp::Source)), "a cloud: at once");
        assert_eq!(at(&sun(9.0), -8.0), (-8.0, Some(Clamp::Soft)), "enough of it");
        let full = Bounds { energy: Band { low: -1.0, high: 10.0 }, ..sun(3.0) };
        assert_eq!(at(&full, -5.0), (-1.0, Some(Clamp::Energy)));
        assert!(!sun(3.0).contains(-3.1) && sun(3.0).contains(-3.0) && !sun(3.0).contains(11.0));
        assert_eq!(sun(3.0).hold(20.0), 10.0);
        let held = [-9.0, 0.0, 20.0].map(|value| sun(3.0).holds(value));
        assert_eq!(held, [Some(Clamp::Source), None, Some(Clamp::Hard)]);
        assert_eq!(full.holds(-9.0), Some(Clamp::Energy));
    }

    #[test]
    fn a_way_once_begun_is_gone_to_its_end_deadband_or_not() {
        let rules = Rules { deadband: 0.5, up: 0.9, down: 0.9 };
        let (mut at, mut moving, mut steps) = (1.0, false, Vec::new());
        while steps.len() < 4 {
            let step = advance(at, 3.0, &bounds(), &rules, moving, SECOND);
            (at, moving) = (step.value, step.moving);
            steps.push((at, step.clamp));
        }
        assert_eq!(steps, [(1.9, Some(Clamp::Ramp)), (2.8, Some(Clamp::Ramp)), (3.0, None), (3.0, None)]);
        let step = advance(3.0, 3.4, &bounds(), &rules, moving, SECOND);
        assert_eq!((step.value, step.clamp), (3.0, Some(Clamp::Deadband)), "it rests there");
    }

    #[test]
    fn a_hair_is_no_deadband() {
        let step = advance(0.5 - 2.0 * f64::EPSILON, 0.5, &bounds(), &RULES, false, SECOND);
        assert_eq!((step.value, step.clamp), (0.5, None));
    }

    #[test]
    fn without_a_ramp_it_is_there_at_once_and_on_its_way_to_a_soft_limit_it_moves() {
        let rules = Rules { up: f64::INFINITY, down: f64::INFINITY, deadband: 0.0 };
        let step = advance(0.0, 5.0, &bounds(), &rules, false, Duration::ZERO);
        assert_eq!((step.value, step.clamp, step.moving), (5.0, None, false));
        let step = advance(0.0, 9.0, &bounds(), &RULES, false, SECOND);
        assert_eq!((step.value, step.clamp, step.moving), (2.0, Some(Clamp::Soft), true));
        let step = advance(7.0, 9.0, &bounds(), &RULES, false, SECOND);
        assert_eq!((step.value, step.clamp, step.moving), (8.0, Some(Clamp::Soft), false));
    }

    proptest! {
        #[test]
        fn never_beyond_hard_never_faster_than_the_ramp_and_there_in_the_end(
            from in -12.0..12.0_f64, target in -20.0..20.0_f64, low in -10.0..0.0_f64, high in 0.0..10.0_f64,
        ) {
            let bounds = Bounds { energy: Band::new(low, high), ..bounds() };
            let (mut at, mut moving) = (from, false);
            for _ in 0..40 {
                let step = advance(at, target, &bounds, &RULES, moving, SECOND);
                prop_assert!(bounds.hard.contains(step.value) && bounds.energy.contains(step.value));
                let inside = bounds.hard.within(&bounds.energy);
                let moved = step.value - inside.hold(at);
                prop_assert!((-RULES.down - 1e-9..=RULES.up + 1e-9).contains(&moved));
                (at, moving) = (step.value, step.moving);
            }
            let goal = bounds.hard.hold(bounds.energy.hold(bounds.soft.hold(target)));
            let stays = (from - goal).abs() < RULES.deadband;
            prop_assert!(at == goal || stays && (at - goal).abs() < RULES.deadband, "{at} {goal}");
        }
    }
}
