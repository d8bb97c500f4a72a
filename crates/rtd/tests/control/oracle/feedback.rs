//! What masters may be shown: the value held, the one in force, and what holds it.

use super::{NEAR, Oracle, Owner, STEP_MS, Up};
use crate::sites::{Drives, FOLLOWS, FULL, TRIM, UNITS};

impl Oracle {
    /// Whether what the plant does is near to what may be in force.
    pub(super) fn watch(&mut self) {
        let fits = |total: f64| self.actual().map(|actual| (actual - total).abs());
        // So far it may be from what is thought to be in force.
        let most = self.open_parts() + if self.rules.trim { TRIM.1 } else { 0.0 };
        let all = self.in_force();
        let near = all.iter().all(|total| fits(*total).is_some_and(|off| off + most < FOLLOWS.0 - 1e-3));
        let far = all.iter().all(|total| fits(*total).is_none_or(|off| off - most > FOLLOWS.0 + 1e-3));
        self.near_since = near.then(|| self.near_since.unwrap_or(self.now));
        self.far_since = (far && !all.is_empty()).then(|| self.far_since.unwrap_or(self.now));
    }

    /// What may be said to be in force; no number where that is not seen.
    pub(super) fn in_force(&self) -> Vec<f64> {
        if self.unread.is_some() {
            return self.actual().into_iter().collect();
        }
        if let Some(began) = self.began {
            return vec![began];
        }
        let behind = self.behind();
        let all = self.there().all(|at| self.units[at].confirmed.is_some());
        // What one that was away does now is not known, whatever the others have confirmed.
        let totals = self.totals.get(behind..).filter(|_| all).unwrap_or_default();
        let totals = totals.iter().map(|(total, mixed)| if *mixed { f64::NAN } else { *total });
        // What others confirmed before one was lost says nothing without it: it stays what it was.
        let was = self.was.iter().filter(|_| all && behind < self.others_since).copied();
        was.chain(totals).collect()
    }

    /// Which of the totals the one that is furthest behind has confirmed.
    fn behind(&self) -> usize {
        self.there().map(|at| self.units[at].done).min().unwrap_or(usize::MAX).min(self.totals.len())
    }

    /// Whether it is not seen yet that others than before have confirmed anything: it may be what was in force before.
    pub(super) fn is_of_before(&self) -> bool {
        self.behind() < self.others_since
    }

    /// The devices that have a part: in a dispatch the others make up for one that is away.
    pub(super) fn there(&self) -> impl Iterator<Item = usize> {
        let there = |at: &usize| !self.rules.is_dispatch() || self.up[UNITS + at] == Up::Yes;
        (0..self.units.len()).filter(there)
    }

    /// Whether a value in force may be told, good or not; `near` is the rounding of counts.
    pub(crate) fn judge_feedback(&mut self, told: f64, good: bool, near: f64) {
        if self.owner != Owner::Local {
            self.counts.feedback_good += u64::from(good);
            self.counts.feedback_bad += u64::from(!good);
        }
        // Where there are none in a dispatch the value is of before.
        let dead = match self.rules.is_dispatch() {
            true => self.there().next().is_none(),
            false => self.there().any(|at| self.up[UNITS + at] != Up::Yes),
        };
        if self.owner == Owner::Local || self.unread.is_some() {
            // Nobody tells the devices anything: what the plant does is in force.
            let failed = self.units.iter().any(|unit| unit.failed);
            let against = dead || failed || self.units_remote() == Some(false);
            let against = self.owner != Owner::Local && against;
            let actual = self.actual().filter(|actual| actual.abs() <= FULL);
            let same = actual.is_none_or(|actual| (actual - told).abs() <= near);
            if good != (actual.is_some() && !against) || !same {
                self.fail(format!(
                    "nobody is told anything, the plant does {actual:?}, in force is {told}, good: {good}"
                ));
            }
            return;
        }
        let failed = self.there().any(|at| self.units[at].failed);
        let open = self.there().any(|at| self.units[at].open.is_some());
        let confirmed = self.there().all(|at| self.units[at].confirmed.is_some());
        let strays = self.far_since.is_some_and(|since| since + FOLLOWS.1 < self.now);
        let most = if self.rules.trim { TRIM.1 + 1e-3 } else { 0.0 };
        if good {
            let may = self.in_force();
            let words = if dead {
                Some("a device is dead".to_owned())
            } else if failed {
                Some("a device has refused".to_owned())
            } else if self.silent.measured() {
                None
            } else if self.rules.is_dispatch() && self.silent.guesses() {
                Some("what a unit does is guessed".to_owned())
            } else if strays {
                Some("the plant does not follow".to_owned())
            } else if !self.is_told(&may, told, near + most) {
                Some(format!("confirmed is {may:?}"))
            } else {
                None
            };
            if let Some(words) = words {
                self.fail(format!("in force is a good {told}: {words}: {:?}", self.units));
            }
            return;
        }
        let known = self.began.is_some() || (confirmed && !open);
        let guessed = self.rules.is_dispatch() && self.silent.guesses();
        if !dead && !failed && !guessed && known && self.near_since.is_some() {
            self.fail(format!("in force is {told}, not good, and nothing is the matter: {:?}", self.units));
        }
    }

    /// The value held: in megawatts, and whether it is good. `None`: not told here.
    pub(crate) fn held(&self) -> Option<(Option<f64>, bool)> {
        if self.is_inhibited() {
            return None;
        }
        match self.owner {
            Owner::Iso(_) => Some((self.target.filter(|_| !self.rough), true)),
            // A master that sends back what it reads moves nothing: this is where a set point would begin.
            _ => {
                let actual = self.actual().filter(|actual| actual.abs() <= FULL);
                Some((actual.and_then(|actual| self.without(actual)), actual.is_some()))
            }
        }
    }

    /// Whether a code of what holds the output fits.
    pub(crate) fn judge_clamp(&mut self, code: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a code")]
        let at = code.max(0.0) as usize;
        let Some(count) = self.counts.clamps.get_mut(at) else {
            return self.fail(format!("clamp {code} is no code"));
        };
        *count += 1;
        let driven = self.owner != Owner::Local;
        if !driven && code != 0.0 {
            return self.fail(format!("nobody drives, and the clamp is {code}"));
        }
        let (Some(target), Some(bounds), Some(total)) = (self.target, self.bounds(), self.total()) else {
            return;
        };
        // It is told with the next step.
        let steady = self.way.is_some_and(|way| way.since + STEP_MS <= self.now);
        let settled = driven && !self.loose && self.unread.is_none() && !self.rules.trim && steady;
        // What is beside it may be held back, too.
        let beside = self.rules.primary || self.rules.aux;
        if !settled || beside || self.rules.is_dispatch() || self.rules.drives == Drives::Limited {
            return;
        }
        let soft = bounds.soft.hold(target);
        let source = bounds.source.hold(soft);
        let energy = bounds.energy.hold(source);
        let hard = bounds.hard.hold(energy);
        let off = (total - hard).abs();
        let wanted: &[f64] = if hard != energy {
            &[1.0]
        } else if energy != source {
            &[2.0]
        } else if source != soft {
            &[6.0]
        } else if soft != target {
            &[3.0]
        } else if off > NEAR {
            // On its way, or at rest beside it; what a limit takes back on the way comes first.
            &[1.0, 2.0, 4.0, 5.0, 6.0]
        } else {
            &[0.0, 1.0, 2.0, 6.0]
        };
        // What stands just at a limit is beyond it or not, by its last digit.
        let bands = [bounds.hard, bounds.energy, bounds.source, bounds.soft].map(|band| [band.0, band.1]);
        let at_edge = bands.as_flattened().iter().any(|edge| (edge - target).abs() <= NEAR);
        if !wanted.contains(&code) && !at_edge {
            self.fail(format!("the clamp is {code}: {total} on the way to {target} within {bounds:?}"));
        }
    }
}
